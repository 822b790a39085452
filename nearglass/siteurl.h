// The URL at which another glass answers, in the few forms that are taken: http or https, a host, a
// port, a path. No user, no query, no fragment; whatever else a URL may have is refused.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SITE_URL_MAX = 300, SITE_HOST_MAX = 254 };

struct site_url {
	bool tls;
	char host[SITE_HOST_MAX]; // a name in lower case, or an address without brackets
	bool bracketed;           // it is an IPv6 address
	uint16_t port;
	char base[SITE_URL_MAX]; // canonical, without a final '/'
};

// 0 and *ret; -EINVAL and *why (static text).
[[nodiscard]] int site_url_parse(const char *text, struct site_url *ret, const char **why);
