#include "test/flow/frame.h"

#include <string.h>

#include <netinet/in.h>

#include "lib/hash.h"

enum { ROUTER_MAC = 0x10, OUR_MAC = 0x20 };

static void put16(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static void put32(uint8_t *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b + 2, v & 0xffff);
}

static uint32_t sum(const uint8_t *b, size_t n, uint32_t s)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(b[i] << 8 | b[i + 1]);
	if (n & 1)
		s += (uint32_t)b[n - 1] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static bool is6(const struct frame *f)
{
	return f->b[FRAME_L3] >> 4 == 6;
}

static size_t l4_at(const struct frame *f)
{
	return is6(f) ? FRAME_L3 + 40 : FRAME_L3 + (f->b[FRAME_L3] & 0xf) * 4u;
}

static uint8_t proto_of(const struct frame *f)
{
	return f->b[is6(f) ? FRAME_L3 + 6 : FRAME_L3 + 9];
}

static uint32_t l4_sum(const struct frame *f)
{
	size_t at = l4_at(f), n = f->n - at;
	uint8_t proto = proto_of(f);
	uint32_t s = 0;

	if (proto != IPPROTO_ICMP) {
		s = is6(f) ? sum(f->b + FRAME_L3 + 8, 32, 0) : sum(f->b + FRAME_L3 + 12, 8, 0);
		s += proto + (uint32_t)n;
	}
	return sum(f->b + at, n, s);
}

static size_t l4_check_at(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2;
}

static void finish(struct frame *f)
{
	size_t at = l4_at(f) + l4_check_at(proto_of(f));

	if (!is6(f)) {
		put16(f->b + FRAME_L3 + 10, 0);
		put16(f->b + FRAME_L3 + 10, ~sum(f->b + FRAME_L3, l4_at(f) - FRAME_L3, 0) & 0xffff);
	}
	put16(f->b + at, 0);
	put16(f->b + at, ~l4_sum(f) & 0xffff);
}

static void start(struct frame *f, const char *from, const char *to, uint8_t proto, uint8_t ttl,
	uint16_t fragment, size_t payload)
{
	struct ip_addr a, b;
	uint8_t *ip = f->b + FRAME_L3;

	if (ip_parse(&a, from) < 0 || ip_parse(&b, to) < 0)
		return;
	*f = (struct frame){};
	f->b[5] = OUR_MAC;
	f->b[11] = ROUTER_MAC;
	put16(f->b + 12, a.family == IP6 ? 0x86dd : 0x0800);
	if (a.family == IP6) {
		ip[0] = 0x60;
		put16(ip + 4, (uint32_t)payload);
		ip[6] = proto;
		ip[7] = ttl;
		memcpy(ip + 8, a.b, 16);
		memcpy(ip + 24, b.b, 16);
		f->n = FRAME_L3 + 40 + payload;
		return;
	}
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)payload + 20);
	put16(ip + 4, 0x1234);
	put16(ip + 6, fragment);
	ip[8] = ttl;
	ip[9] = proto;
	memcpy(ip + 12, a.b, 4);
	memcpy(ip + 16, b.b, 4);
	f->n = FRAME_L3 + 20 + payload;
}

static size_t put_options(uint8_t *o, const struct spec *s)
{
	size_t n = 0;

	if (s->mss) {
		o[n++] = 2;
		o[n++] = 4;
		put16(o + n, s->mss);
		n += 2;
	}
	if (s->stamp || s->stamp_odd) {
		o[n++] = 1;
		if (!s->stamp_odd)
			o[n++] = 1;
		o[n++] = 8;
		o[n++] = 10;
		put32(o + n, s->tsval);
		put32(o + n + 4, s->tsecr);
		n += 8;
	}
	while (n % 4)
		o[n++] = 0;
	return n;
}

static size_t put_tcp(uint8_t *tcp, const struct spec *s)
{
	size_t header = 20 + put_options(tcp + 20, s);

	put16(tcp, s->from_port);
	put16(tcp + 2, s->to_port);
	put32(tcp + 4, s->seq ? s->seq : 0x01020304);
	put32(tcp + 8, s->ack ? s->ack : 0x05060708);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, 512);
	return header;
}

struct frame frame_make(const struct spec *s)
{
	uint8_t proto = s->proto ? s->proto : IPPROTO_TCP, l4[FRAME_MAX] = {};
	size_t n = 8;
	struct frame f = {};

	if (proto == IPPROTO_TCP) {
		n = put_tcp(l4, s);
	} else if (proto == IPPROTO_UDP) {
		put16(l4, s->from_port);
		put16(l4 + 2, s->to_port);
		put16(l4 + 4, (uint32_t)(8 + s->payload_size));
	} else {
		l4[0] = 8; // echo
	}
	if (s->payload)
		memcpy(l4 + n, s->payload, s->payload_size);
	n += s->payload_size;
	start(&f, s->from, s->to, proto, s->ttl ? s->ttl : 64, s->fragment, n);
	memcpy(f.b + l4_at(&f), l4, n);
	finish(&f);
	return f;
}

struct frame frame_icmp(const struct spec *of, const char *router, size_t quoted, uint32_t tsval)
{
	struct spec sent = *of;
	struct ip_addr a;
	uint8_t text[FRAME_MAX] = {};

	sent.from = of->to;
	sent.to = of->from;
	sent.from_port = of->to_port;
	sent.to_port = of->from_port;
	sent.tsval = tsval;
	struct frame inner = frame_make(&sent);
	if (ip_parse(&a, router) < 0)
		return inner;
	text[0] = a.family == IP6 ? 2 : 3; // packet too big, or fragmentation needed
	text[1] = a.family == IP6 ? 0 : 4;
	put32(text + 4, 1400);
	if (quoted > inner.n - FRAME_L3)
		quoted = inner.n - FRAME_L3;
	memcpy(text + 8, inner.b + FRAME_L3, quoted);
	struct frame f = {};
	start(&f, router, of->to, a.family == IP6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 60, 0,
		8 + quoted);
	memcpy(f.b + l4_at(&f), text, 8 + quoted);
	finish(&f);
	return f;
}

struct frame frame_wrap(const struct frame *inner, const struct tunnel_spec *t)
{
	uint8_t text[8 + 64 + 6] = {};
	size_t n = inner->n - FRAME_L3, cover = t->type == 3 || is6(inner) ? 64 : 40;
	struct frame f = {};

	start(&f, t->from, t->to, IPPROTO_UDP, 60, 0x4000, 8 + 16 + n);
	uint8_t *udp = f.b + l4_at(&f), *head = udp + 8;
	put16(udp, 0xc123);
	put16(udp + 2, t->port);
	put16(udp + 4, (uint32_t)(24 + n));
	head[0] = (uint8_t)(1 << 4 | t->type);
	head[1] = (uint8_t)(t->hop << 6 | (t->phase ? 0x20 : 0));
	put16(head + 2, (uint32_t)(t->serial >> 4) << 12 | t->from_id);
	put16(head + 4, (uint32_t)(t->serial & 0xf) << 12 | t->to_id);
	put16(head + 6, (uint32_t)t->epoch & 0xffff);
	memcpy(head + 16, inner->b + FRAME_L3, n);
	memcpy(text, head, 8);
	memcpy(text + 8, head + 16, (n < cover ? n : cover) & ~7u);
	for (size_t i = 0; i < 6; i++)
		text[8 + cover + i] = (uint8_t)(t->epoch >> 8 * i);
	uint64_t tag = siphash(t->key, text, 8 + cover + 6);
	memcpy(head + 8, &tag, sizeof(tag));
	if (!is6(&f))
		put16(f.b + FRAME_L3 + 10, ~sum(f.b + FRAME_L3, 20, 0) & 0xffff);
	return f;
}

const char *frame_fault(const struct frame *f)
{
	const uint8_t *ip = f->b + FRAME_L3;
	size_t total = is6(f) ? 40u + (ip[4] << 8 | ip[5]) : (size_t)(ip[2] << 8 | ip[3]);
	bool udp = proto_of(f) == IPPROTO_UDP;

	if (total != f->n - FRAME_L3)
		return "IP length";
	if (!is6(f) && sum(ip, 20, 0) != 0xffff)
		return "IP checksum";
	if (udp && f->b[l4_at(f) + 6] == 0 && f->b[l4_at(f) + 7] == 0)
		return NULL; // sent without one
	return l4_sum(f) == 0xffff ? NULL : "transport checksum";
}

static size_t option(const struct frame *f, uint8_t kind)
{
	size_t at = l4_at(f) + 20, end = l4_at(f) + (f->b[l4_at(f) + 12] >> 4) * 4u;

	while (at < end && f->b[at] != 0) {
		if (f->b[at] == 1) {
			at++;
			continue;
		}
		if (f->b[at] == kind)
			return at + 2;
		at += f->b[at + 1];
	}
	return 0;
}

size_t frame_stamp(const struct frame *f)
{
	return option(f, 8);
}

size_t frame_mss(const struct frame *f)
{
	return option(f, 2);
}

uint32_t frame_u32(const struct frame *f, size_t at)
{
	return (uint32_t)f->b[at] << 24 | (uint32_t)f->b[at + 1] << 16 |
	       (uint32_t)f->b[at + 2] << 8 | f->b[at + 3];
}
