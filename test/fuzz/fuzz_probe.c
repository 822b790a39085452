// What a raw socket hands over after a probe. What is taken for an answer has all that is compared; a
// request that comes back as a reply is read as it was built.
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "nearglass/probe_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_nothing(const struct probe_answer *a)
{
	return a->echo.id == 0 && a->echo.sequence == 0 && a->target.family == IP_NONE && !a->udp &&
	       !a->port;
}

static void read_packet(enum ip_family family, const uint8_t *data, size_t size)
{
	struct probe_answer a = probe_read(family, data, size);
	bool reply = a.kind == PROBE_REPLY,
	     error = a.kind == PROBE_EXCEEDED || a.kind == PROBE_UNREACHABLE;

	if (a.kind == PROBE_NOTHING ? !is_nothing(&a) : reply == error)
		abort();
	if (error && a.target.family != family)
		abort();
	if (reply && (a.target.family != IP_NONE || a.udp || a.port))
		abort();
	if (a.port && a.kind != PROBE_UNREACHABLE)
		abort();
}

// An IPv4 socket has the header before it.
static void come_back(enum ip_family family, const uint8_t *data)
{
	static const uint8_t header[20] = { 0x45 };
	struct probe_echo e = { (uint16_t)(data[0] << 8 | data[1]),
		(uint16_t)(data[2] << 8 | data[3]) };
	uint8_t packet[sizeof(header) + PROBE_REQUEST];
	struct wr w = wr_init(packet, sizeof(packet));

	memcpy(e.token, data + 4, PROBE_TOKEN);
	if (family == IP4)
		wr_bytes(&w, header, sizeof(header));
	size_t at = wr_len(&w);
	probe_build(family, &e, &w);
	if (w.bad)
		abort();
	packet[at] = family == IP4 ? 0 : 129;
	struct probe_answer a = probe_read(family, packet, wr_len(&w));
	if (a.kind != PROBE_REPLY || a.echo.id != e.id || a.echo.sequence != e.sequence ||
		memcmp(a.echo.token, e.token, PROBE_TOKEN) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	enum ip_family family = data[0] & 1 ? IP6 : IP4;
	read_packet(family, data + 1, size - 1);
	if (size >= 1 + 4 + PROBE_TOKEN)
		come_back(family, data + 1);
	return 0;
}
