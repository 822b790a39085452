#include "lib/curlapi.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/openssl.h"
#include "lib/own.h"

static void unload(void **library)
{
	if (*library)
		dlclose(*library);
	*library = NULL;
}

static int load(struct curl_api *ret, const char **error)
{
	struct curl_api api;

	// libcurl brings GnuTLS along for a protocol that is not used here, and
	// GnuTLS would set itself up as it is loaded.
	(void)setenv("GNUTLS_NO_IMPLICIT_INIT", "1", 0);
	own(unload) void *library = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
	if (!library) {
		*error = dlerror();
		return -1;
	}
#define CURL_LOAD(name)                                                 \
	api.name = (__typeof__(api.name))dlsym(library, "curl_" #name); \
	if (!api.name) {                                                \
		*error = "libcurl lacks curl_" #name;                   \
		return -1;                                              \
	}
	CURL_FUNCTIONS(CURL_LOAD)
#undef CURL_LOAD
	openssl_start(); // before libcurl does it with all that there is
	if (api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		*error = "libcurl does not start";
		return -1;
	}
	(void)take(library); // for good: its threads and handlers may outlive a check
	*ret = api;
	return 0;
}

const struct curl_api *curl_api(const char **error)
{
	static struct curl_api api;
	static bool loaded;

	if (!loaded && load(&api, error) < 0)
		return NULL;
	loaded = true;
	return &api;
}
