#include "nearglass/probe_packet.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "lib/wire.h"

// RFC 1071. For IPv6 the kernel does it.
static uint16_t checksum(const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	uint32_t sum = 0;

	while (rd_left(&r) >= 2)
		sum += rd_u16(&r);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

//  RFC 792, RFC 4443 section 4.1
//  +----------+----------+--------------+----------------+--------------+----------+
//  | type (1) | code (1) | checksum (2) | identifier (2) | sequence (2) | data (8) |
//  +----------+----------+--------------+----------------+--------------+----------+
static void put(enum ip_family family, const struct probe_echo *e, uint16_t sum, struct wr *w)
{
	wr_u8(w, family == IP4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
	wr_u8(w, 0);
	wr_u16(w, sum);
	wr_u16(w, e->id);
	wr_u16(w, e->sequence);
	wr_bytes(w, e->token, PROBE_TOKEN);
}

void probe_build(enum ip_family family, const struct probe_echo *e, struct wr *w)
{
	struct wr again = *w;

	put(family, e, 0, w);
	if (family == IP4 && !w->bad)
		put(family, e, checksum(again.p, PROBE_REQUEST), &again);
}

struct quoted {
	struct ip_addr to;
	uint8_t protocol;
};

// Passes over an IPv4 header, RFC 791 section 3.1. Bad: it is none.
static struct quoted skip_ip4(struct rd *r)
{
	uint8_t version_words = rd_u8(r);
	size_t words = version_words & 15;

	(void)rd_bytes(r, 8);
	uint8_t protocol = rd_u8(r);
	(void)rd_bytes(r, 6);
	const uint8_t *to = rd_bytes(r, 4);
	(void)rd_bytes(r, words > 5 ? (words - 5) * 4 : 0);
	if (version_words >> 4 != 4 || words < 5)
		r->bad = true;
	return r->bad ? (struct quoted){} : (struct quoted){ ip_from_bytes(IP4, to), protocol };
}

// RFC 8200 section 3. We send no extension headers.
static struct quoted skip_ip6(struct rd *r)
{
	(void)rd_bytes(r, 6);
	uint8_t protocol = rd_u8(r);
	(void)rd_bytes(r, 17);
	const uint8_t *to = rd_bytes(r, 16);

	return r->bad ? (struct quoted){} : (struct quoted){ ip_from_bytes(IP6, to), protocol };
}

static const struct {
	enum ip_family family;
	uint8_t type;
	enum probe_answer_kind kind;
} kinds[] = {
	{ IP4, ICMP_ECHOREPLY, PROBE_REPLY },
	{ IP4, ICMP_TIME_EXCEEDED, PROBE_EXCEEDED },
	{ IP4, ICMP_DEST_UNREACH, PROBE_UNREACHABLE },
	{ IP6, ICMP6_ECHO_REPLY, PROBE_REPLY },
	{ IP6, ICMP6_TIME_EXCEEDED, PROBE_EXCEEDED },
	{ IP6, ICMP6_DST_UNREACH, PROBE_UNREACHABLE },
};

// What follows the type and code of an echo message, RFC 792, RFC 4443 section 4.
static void read_echo(struct probe_answer *a, struct rd *r)
{
	(void)rd_u16(r); // checksum
	a->echo.id = rd_u16(r);
	a->echo.sequence = rd_u16(r);
}

// An error quotes the header and at least the first eight octets of what it is about (RFC 792,
// RFC 4443 section 3): exactly identifier and sequence of our request, or the ports of a UDP one.
static void read_error(struct probe_answer *a, enum ip_family family, uint8_t code, struct rd *r)
{
	(void)rd_bytes(r, 6);
	struct quoted q = family == IP4 ? skip_ip4(r) : skip_ip6(r);

	a->target = q.to;
	a->udp = q.protocol == IPPROTO_UDP;
	a->port = a->kind == PROBE_UNREACHABLE &&
		  code == (family == IP4 ? ICMP_PORT_UNREACH : ICMP6_DST_UNREACH_NOPORT);
	if (a->udp) {
		a->echo.id = rd_u16(r);
		uint16_t port = rd_u16(r);
		a->echo.sequence = (uint16_t)(port - PROBE_UDP_PORT);
		(void)rd_bytes(r, 4);
		return;
	}
	if (rd_u8(r) != (family == IP4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST))
		r->bad = true;
	(void)rd_u8(r);
	read_echo(a, r);
}

struct probe_answer probe_read(enum ip_family family, const uint8_t *data, size_t n)
{
	struct rd r = rd_init(data, n);
	struct probe_answer a = {};

	if (family == IP4)
		(void)skip_ip4(&r);
	uint8_t type = rd_u8(&r);
	uint8_t code = rd_u8(&r);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].family == family && kinds[i].type == type)
			a.kind = kinds[i].kind;
	if (a.kind == PROBE_EXCEEDED || a.kind == PROBE_UNREACHABLE)
		read_error(&a, family, code, &r);
	else
		read_echo(&a, &r);
	if (a.kind == PROBE_REPLY) {
		const uint8_t *token = rd_bytes(&r, PROBE_TOKEN);
		if (token)
			memcpy(a.echo.token, token, PROBE_TOKEN);
	}
	return r.bad || a.kind == PROBE_NOTHING ? (struct probe_answer){} : a;
}
