// A stream of BMP. The reader always moves on, what it shows lies within the message, and routes come
// only out of what can be read.
#include "bgp/bmp.h"

#include <errno.h>
#include <stdlib.h>

#include "bgp/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_routes(const struct bmp_message *m, const struct bmp_up *up)
{
	const struct bgp_codec codec = bmp_codec(&m->peer, up);
	struct bgp_update u;
	struct bgp_routes walk;
	struct bgp_route route;
	struct rd body;

	if (bmp_route_parse(&body, m) < 0)
		return;
	bgp_update_decode(&u, body, &codec);
	bgp_routes_begin(&walk, &u);
	while (bgp_routes_next(&walk, &route))
		if (route.prefix.len > ip_bits((enum ip_family)route.prefix.addr.family))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bmp_message m;
	struct bmp_up up = {};
	size_t at = 0;

	while (at < size) {
		int rc = bmp_next(&m, data + at, size - at);
		if (rc == -EAGAIN && m.size <= size - at)
			abort(); // asked for what is there
		if (rc < 0)
			break;
		if (m.size < BMP_HEADER_BYTES || m.size > size - at)
			abort();
		if (m.type == BMP_PEER_UP)
			(void)bmp_up_parse(&up, &m);
		if (m.type == BMP_PEER_DOWN && !bmp_down_reason(&m))
			abort();
		if (m.type == BMP_ROUTE_MONITORING)
			read_routes(&m, &up);
		at += m.size;
	}
	return 0;
}
