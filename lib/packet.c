#include "lib/packet.h"

#include <errno.h>

#include "lib/own.h"

enum { ETHER_IP4 = 0x0800, ETHER_IP6 = 0x86dd, ETHER_VLAN = 0x8100, ETHER_QINQ = 0x88a8 };
enum { PPP_IP4 = 0x0021, PPP_IP6 = 0x0057 };
enum { PROTO_TCP = 6 };

// ---- Link layers: each leaves *r at the IP header; false: there is none behind it ----

// Ethernet types, with any number of VLAN tags before them (IEEE 802.1Q).
static bool is_ether_ip(struct rd *r)
{
	uint16_t type = rd_u16(r);

	while (type == ETHER_VLAN || type == ETHER_QINQ) {
		(void)rd_u16(r);
		type = rd_u16(r);
	}
	return type == ETHER_IP4 || type == ETHER_IP6;
}

static bool link_ethernet(struct rd *r)
{
	(void)rd_bytes(r, 12);
	return is_ether_ip(r);
}

static bool link_raw(struct rd *)
{
	return true;
}

// The family in the byte order of some host: what follows tells just as well.
static bool link_null(struct rd *r)
{
	(void)rd_bytes(r, 4);
	return true;
}

static bool link_sll(struct rd *r)
{
	(void)rd_bytes(r, 14);
	return is_ether_ip(r);
}

static bool link_sll2(struct rd *r)
{
	uint16_t type = rd_u16(r);

	(void)rd_bytes(r, 18);
	return type == ETHER_IP4 || type == ETHER_IP6;
}

// RFC 1662: address and control may be left out.
static bool link_ppp(struct rd *r)
{
	uint16_t word = rd_u16(r);

	if (word == 0xff03)
		word = rd_u16(r);
	return word == PPP_IP4 || word == PPP_IP6;
}

static bool link_hdlc(struct rd *r)
{
	(void)rd_u16(r);
	return is_ether_ip(r);
}

static const struct {
	enum packet_link type;
	bool (*skip)(struct rd *r);
} links[] = {
	{ PACKET_LINK_NULL, link_null },
	{ PACKET_LINK_ETHERNET, link_ethernet },
	{ PACKET_LINK_PPP, link_ppp },
	{ PACKET_LINK_RAW_OLD, link_raw },
	{ PACKET_LINK_RAW_OPENBSD, link_raw },
	{ PACKET_LINK_RAW, link_raw },
	{ PACKET_LINK_C_HDLC, link_hdlc },
	{ PACKET_LINK_LOOP, link_null },
	{ PACKET_LINK_LINUX_SLL, link_sll },
	{ PACKET_LINK_IPV4, link_raw },
	{ PACKET_LINK_IPV6, link_raw },
	{ PACKET_LINK_LINUX_SLL2, link_sll2 },
};

static int skip_link(uint32_t link_type, struct rd *r)
{
	for (size_t i = 0; i < countof(links); i++) {
		if (links[i].type != link_type)
			continue;
		if (!links[i].skip(r))
			return r->bad ? -EBADMSG : -ENOMSG;
		return 0;
	}
	return -EOPNOTSUPP;
}

// ---- IP: *r becomes the payload as captured; *missing what of it was not ----

static struct ip_addr read_addr(struct rd *r, enum ip_family family)
{
	const uint8_t *bytes = rd_bytes(r, ip_bytes(family));

	return bytes ? ip_from_bytes(family, bytes) : (struct ip_addr){};
}

// Cuts the padding of short Ethernet frames off, or notes what the capture cut off.
static void trim(struct rd *r, size_t length, size_t *missing)
{
	size_t left = rd_left(r);

	*missing = length > left ? length - left : 0;
	if (!r->bad && length < left)
		*r = rd_init(r->p, length);
}

// RFC 791 section 3.1. A total length of 0 was filled in by the card, after the capture.
static int read_ip4(struct tcp_segment *s, struct rd *r, size_t *missing)
{
	size_t captured = rd_left(r);
	size_t header = (rd_u8(r) & 15u) * 4;
	(void)rd_u8(r);
	size_t total = rd_u16(r);
	(void)rd_u16(r);
	uint16_t fragment = rd_u16(r);
	(void)rd_u8(r);
	uint8_t protocol = rd_u8(r);
	(void)rd_u16(r);

	s->src = read_addr(r, IP4);
	s->dst = read_addr(r, IP4);
	if (total == 0)
		total = captured;
	if (header < 20 || total < header)
		return -EBADMSG;
	(void)rd_bytes(r, header - 20);
	if (r->bad)
		return -EBADMSG;
	if (protocol != PROTO_TCP || (fragment & 0x1fff)) // a later fragment
		return -ENOMSG;
	trim(r, total - header, missing);
	return 0;
}

// RFC 8200 section 4: headers that may stand between IPv6 and TCP.
static bool is_extension(uint8_t next)
{
	return next == 0 || next == 43 || next == 60 || next == 135 || next == 139 || next == 140;
}

static int read_ip6(struct tcp_segment *s, struct rd *r, size_t *missing)
{
	(void)rd_u32(r);
	size_t length = rd_u16(r);
	uint8_t next = rd_u8(r);
	(void)rd_u8(r);

	s->src = read_addr(r, IP6);
	s->dst = read_addr(r, IP6);
	if (r->bad)
		return -EBADMSG;
	if (length == 0)
		length = rd_left(r);
	trim(r, length, missing);
	while (is_extension(next)) {
		next = rd_u8(r);
		size_t more = rd_u8(r) * 8u + 6;
		(void)rd_bytes(r, more);
		if (r->bad)
			return -EBADMSG;
	}
	return next == PROTO_TCP ? 0 : -ENOMSG;
}

static int read_ip(struct tcp_segment *s, struct rd *r, size_t *missing)
{
	struct rd ahead = *r;
	uint8_t version = rd_u8(&ahead) >> 4;

	if (ahead.bad)
		return -EBADMSG;
	if (version == 4)
		return read_ip4(s, r, missing);
	return version == 6 ? read_ip6(s, r, missing) : -ENOMSG;
}

// RFC 9293 section 3.1.
int packet_tcp(struct tcp_segment *ret, uint32_t link_type, struct rd frame)
{
	enum { FIN = 1, SYN = 2, RST = 4 };
	struct tcp_segment s = {};
	int rc = skip_link(link_type, &frame);

	if (rc == 0)
		rc = read_ip(&s, &frame, &s.missing);
	if (rc < 0)
		return rc;
	s.src_port = rd_u16(&frame);
	s.dst_port = rd_u16(&frame);
	s.seq = rd_u32(&frame);
	(void)rd_u32(&frame);
	size_t header = (rd_u8(&frame) >> 4) * 4u;
	uint8_t flags = rd_u8(&frame);
	(void)rd_bytes(&frame, 6);
	if (frame.bad || header < 20)
		return -EBADMSG;
	(void)rd_bytes(&frame, header - 20);
	if (frame.bad)
		return -EBADMSG;
	s.syn = flags & SYN;
	s.fin = flags & FIN;
	s.rst = flags & RST;
	s.payload = frame;
	*ret = s;
	return 0;
}
