#include "nearcastd/watched.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/curlapi.h"
#include "lib/own.h"
#include "nearcastd/probe.h"

enum { PRIVILEGED_END = 1024 };

// The literal address of a host: "192.0.2.1", "[2001:db8::1]".
static int parse_host(struct ip_addr *ret, char *host)
{
	size_t n = strlen(host);

	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		host++;
	}
	return ip_parse(ret, host);
}

// One part of a URL, to be freed by libcurl; NULL when it is not there.
static char *url_part(const struct curl_api *curl, CURLU *url, CURLUPart part)
{
	char *text = NULL;

	return curl->url_get(url, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

// server: to connect to in place of the URL's host, unless IP_NONE.
static struct sock_end watched_of_url(const char *text, const struct ip_addr *server)
{
	const char *error;
	const struct curl_api *curl = curl_api(&error);
	struct sock_end e = {};

	if (!curl)
		return e; // the check itself will say so
	CURLU *url = curl->url();
	if (!url || curl->url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK) {
		curl->url_cleanup(url);
		return e;
	}
	char *host = url_part(curl, url, CURLUPART_HOST);
	char *port = url_part(curl, url, CURLUPART_PORT);
	e.addr = *server;
	if (host && port && (server->family != IP_NONE || parse_host(&e.addr, host) == 0)) {
		e.protocol = IPPROTO_TCP;
		e.port = (uint16_t)strtoul(port, NULL, 10);
	}
	curl->free(host);
	curl->free(port);
	curl->url_cleanup(url);
	return e;
}

struct sock_end watched_of(const struct conf_service *service, const struct conf_check *check)
{
	struct sock_end e = {
		.addr = probe_server(service, check),
		.port = (uint16_t)check->port,
	};

	switch (check->kind) {
	case HEALTH_KIND_DNS:
		e.protocol = check->tcp ? IPPROTO_TCP : IPPROTO_UDP;
		return e;
	case HEALTH_KIND_TCP:
	case HEALTH_KIND_TLS:
		e.protocol = IPPROTO_TCP;
		return e;
	case HEALTH_KIND_HTTP:
		return watched_of_url(check->url, &check->server);
	default:
		return (struct sock_end){};
	}
}

struct port_range watched_ephemeral_ports(void)
{
	own(close_file) FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	struct port_range r = { 32768, 60999 };
	unsigned low;
	unsigned high;

	if (f && fscanf(f, "%u %u", &low, &high) == 2 && low <= high && high <= UINT16_MAX)
		r = (struct port_range){ (uint16_t)low, (uint16_t)high };
	return r;
}

// A socket bound to all addresses may be a client's: resolvers choose the ports that they ask from
// themselves, and not only among the ephemeral ones. Those below 1024 are for services.
static bool is_of_service(const struct conf_service *service, const struct sock_end *gone)
{
	if (ip_is_unspecified(&gone->addr))
		return gone->port < PRIVILEGED_END;
	items_for_each(struct ip_addr, mine, service->addresses)
	{
		if (ip_equal(mine, &gone->addr))
			return true;
	}
	return false;
}

enum watched_news watched_judge(const struct sock_end *watched, const struct conf_service *service,
	const struct sock_end *gone, struct port_range ephemeral)
{
	if (watched->protocol != 0 && sock_end_serves(gone, watched))
		return WATCHED_HIT;
	if (gone->port >= ephemeral.low && gone->port <= ephemeral.high)
		return WATCHED_NOTHING;
	return is_of_service(service, gone) ? WATCHED_RELATED : WATCHED_NOTHING;
}
