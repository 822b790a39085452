// libcurl, loaded with the first http check and not before: with it come some
// thirty libraries and twice the memory, which a daemon that asks DNS servers
// need not have mapped.
#pragma once

#include <curl/curl.h>

// The functions used, without their prefix; their types are those of curl.h.
#define CURL_FUNCTIONS(X)      \
	X(global_init)         \
	X(multi_init)          \
	X(multi_setopt)        \
	X(multi_add_handle)    \
	X(multi_remove_handle) \
	X(multi_socket_action) \
	X(multi_info_read)     \
	X(multi_assign)        \
	X(multi_cleanup)       \
	X(easy_init)           \
	X(easy_setopt)         \
	X(easy_getinfo)        \
	X(easy_cleanup)        \
	X(easy_strerror)       \
	X(slist_append)        \
	X(slist_free_all)      \
	X(url)                 \
	X(url_set)             \
	X(url_get)             \
	X(url_cleanup)         \
	X(free)

struct curl_api {
#define CURL_MEMBER(name) __typeof__(curl_##name) *name;
	CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

// The library, loaded and initialised for the life of the process, or NULL with
// the reason in *error (valid until the next call).
[[nodiscard]] const struct curl_api *curl_api(const char **error);
