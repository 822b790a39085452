#include "nearglass/siteurl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/ip.h"

static int refuse(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

static bool is_made_of(const char *text, size_t n, const char *marks)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(marks, text[i]))
			return false;
	return true;
}

// Takes the host from *at and moves behind it.
static int take_host(const char **at, struct site_url *u, const char **why)
{
	struct ip_addr address;

	u->bracketed = **at == '[';
	*at += u->bracketed;
	size_t n = strcspn(*at, u->bracketed ? "]" : ":/");
	if (n == 0 || n >= sizeof(u->host))
		return refuse(why, "a URL has a host of up to 253 characters");
	for (size_t i = 0; i < n; i++)
		u->host[i] = (char)tolower((unsigned char)(*at)[i]);
	u->host[n] = '\0';
	*at += n;
	if (u->bracketed) {
		if (*(*at)++ != ']' || ip_parse(&address, u->host) < 0 || address.family != IP6)
			return refuse(why, "what stands in brackets is an IPv6 address");
		return 0;
	}
	if (!is_made_of(u->host, n, "-._"))
		return refuse(
			why, "a host has letters, digits, '-', '_' and '.', or is an address");
	return 0;
}

static int take_port(const char **at, struct site_url *u, const char **why)
{
	u->port = u->tls ? 443 : 80;
	if (**at != ':')
		return 0;
	size_t n = strspn(++*at, "0123456789");
	unsigned long port = n > 0 && n <= 5 ? strtoul(*at, NULL, 10) : 0;
	if (port == 0 || port > 65535)
		return refuse(why, "a port is a number from 1 to 65535");
	u->port = (uint16_t)port;
	*at += n;
	return 0;
}

int site_url_parse(const char *text, struct site_url *ret, const char **why)
{
	struct site_url u = {};
	const char *at = text;

	if (strlen(text) > SITE_URL_MAX - 32)
		return refuse(why, "the URL is too long");
	u.tls = strncasecmp(at, "https://", 8) == 0;
	if (!u.tls && strncasecmp(at, "http://", 7) != 0)
		return refuse(why, "a URL begins with http:// or https://");
	at += u.tls ? 8 : 7;
	if (take_host(&at, &u, why) < 0 || take_port(&at, &u, why) < 0)
		return -EINVAL;
	size_t n = strlen(at);
	if (n > 0 && (*at != '/' || strstr(at, "..") || !is_made_of(at, n, "/-._~")))
		return refuse(why, "behind host and port stands a plain path or nothing: no user, "
				   "query or fragment");
	while (n > 0 && at[n - 1] == '/')
		n--;
	snprintf(u.base, sizeof(u.base), "http%s://%s%s%s:%u%.*s", u.tls ? "s" : "",
		u.bracketed ? "[" : "", u.host, u.bracketed ? "]" : "", u.port, (int)n, at);
	*ret = u;
	return 0;
}
