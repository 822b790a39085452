#include "lib/pcap.h"

#include <errno.h>

enum {
	MAGIC_US = 0xa1b2c3d4,
	MAGIC_NS = 0xa1b23c4d,
	NG_SECTION = 0x0a0d0d0a,
	NG_ORDER = 0x1a2b3c4d,
};

enum { NG_INTERFACE = 1, NG_PACKET_OLD = 2, NG_PACKET_SIMPLE = 3, NG_PACKET = 6 };
enum { NG_OPTION_END = 0, NG_OPTION_TSRESOL = 9, NG_OPTION_TSOFFSET = 14 };

// ---- Numbers in the byte order of the file ----

static uint32_t get32(const struct pcap *p, struct rd *r)
{
	uint32_t v = rd_u32(r);

	return p->little ? __builtin_bswap32(v) : v;
}

static uint16_t get16(const struct pcap *p, struct rd *r)
{
	uint16_t v = rd_u16(r);

	return p->little ? __builtin_bswap16(v) : v;
}

static uint64_t get64(const struct pcap *p, struct rd *r)
{
	uint64_t first = get32(p, r);
	uint64_t second = get32(p, r);

	return p->little ? second << 32 | first : first << 32 | second;
}

static int need(struct pcap_item *ret, size_t size)
{
	if (size > PCAP_ITEM_MAX)
		return -EFBIG;
	ret->size = size;
	return -EAGAIN;
}

static int64_t to_us(const struct pcap_interface *i, uint64_t ticks)
{
	uint64_t s = ticks / i->ticks_per_s;
	uint64_t rest = ticks % i->ticks_per_s;
	double us = (double)rest * 1e6 / (double)i->ticks_per_s;
	int64_t whole, offset;

	// Times that no clock shows become 0.
	if (s > INT32_MAX * UINT64_C(64) || i->offset_s > INT32_MAX || i->offset_s < -INT32_MAX)
		return 0;
	whole = (int64_t)s * 1000000;
	offset = i->offset_s * 1000000;
	return whole + offset + (int64_t)us;
}

// ---- pcap ----

enum { CLASSIC_HEADER = 24, CLASSIC_PACKET = 16 };

static bool is_classic(uint32_t magic)
{
	return magic == MAGIC_US || magic == MAGIC_NS;
}

static int classic_begin(struct pcap *p, struct pcap_item *ret, struct rd r)
{
	enum { LINK_TYPE_BITS = 0x0fffffff }; // those above say how long a checksum follows

	if (rd_left(&r) < CLASSIC_HEADER)
		return need(ret, CLASSIC_HEADER);
	uint32_t magic = rd_u32(&r);
	p->little = !is_classic(magic);
	if (p->little)
		magic = __builtin_bswap32(magic);
	(void)rd_bytes(&r, 16); // version, zone, accuracy, snap length
	p->interface[0] = (struct pcap_interface){
		.link_type = get32(p, &r) & LINK_TYPE_BITS,
		.ticks_per_s = magic == MAGIC_NS ? 1000000000 : 1000000,
	};
	p->interfaces = 1;
	p->form = PCAP_CLASSIC;
	*ret = (struct pcap_item){ .size = CLASSIC_HEADER };
	return 0;
}

static int classic_next(struct pcap *p, struct pcap_item *ret, struct rd r)
{
	const struct pcap_interface *i = &p->interface[0];

	if (rd_left(&r) < CLASSIC_PACKET)
		return need(ret, CLASSIC_PACKET);
	uint64_t seconds = get32(p, &r);
	uint64_t fraction = get32(p, &r);
	size_t captured = get32(p, &r);
	size_t length = get32(p, &r);
	if (rd_left(&r) < captured)
		return need(ret, CLASSIC_PACKET + captured);
	*ret = (struct pcap_item){
		.size = CLASSIC_PACKET + captured,
		.packet = true,
		.time_us = to_us(i, seconds * i->ticks_per_s + fraction),
		.has_time = true,
		.link_type = i->link_type,
		.data = rd_sub(&r, captured),
		.wire_bytes = length,
	};
	return 0;
}

// ---- pcapng ----

enum { NG_BLOCK_MIN = 12 };

// Section 3.5 of the draft: { code:16, length:16, value, padding to 4 }.
static void read_interface_options(
	const struct pcap *p, struct rd *r, struct pcap_interface *interface)
{
	while (rd_left(r) >= 4) {
		uint16_t code = get16(p, r);
		size_t len = get16(p, r);
		struct rd value = rd_sub(r, len);

		(void)rd_bytes(r, -len % 4);
		if (value.bad || code == NG_OPTION_END)
			return;
		if (code == NG_OPTION_TSRESOL && len == 1) {
			uint8_t resolution = rd_u8(&value);
			unsigned power = resolution & 0x7f;
			uint64_t ticks = 1;

			// 2^-n or 10^-n seconds; finer than a double can tell is refused.
			for (unsigned n = 0; n < power && ticks < UINT64_C(1) << 58; n++)
				ticks *= resolution & 0x80 ? 2 : 10;
			interface->ticks_per_s = ticks;
		} else if (code == NG_OPTION_TSOFFSET && len == 8) {
			interface->offset_s = (int64_t)get64(p, &value);
		}
	}
}

//	| link type (2) | reserved (2) | snap length (4) | options |
static void add_interface(struct pcap *p, struct rd r)
{
	struct pcap_interface interface = { .ticks_per_s = 1000000 };

	interface.link_type = get16(p, &r);
	(void)rd_bytes(&r, 6);
	read_interface_options(p, &r, &interface);
	if (p->interfaces < PCAP_INTERFACES_MAX)
		p->interface[p->interfaces++] = interface;
}

//	| interface (4, or 2 and drops 2) | time (4 high, 4 low) | captured (4) | length (4) | data |
static int take_packet(const struct pcap *p, struct pcap_item *ret, struct rd r, bool old)
{
	size_t which = old ? get16(p, &r) : get32(p, &r);

	if (old)
		(void)rd_u16(&r);
	uint64_t high = get32(p, &r);
	uint64_t low = get32(p, &r);
	size_t captured = get32(p, &r);
	size_t length = get32(p, &r);
	struct rd data = rd_sub(&r, captured);
	if (data.bad || which >= p->interfaces)
		return -EBADMSG;
	ret->packet = true;
	ret->has_time = true;
	ret->time_us = to_us(&p->interface[which], high << 32 | low);
	ret->link_type = p->interface[which].link_type;
	ret->data = data;
	ret->wire_bytes = length;
	return 0;
}

//	| length (4) | data |
static int take_simple_packet(const struct pcap *p, struct pcap_item *ret, struct rd r)
{
	size_t length = get32(p, &r);

	if (r.bad || p->interfaces == 0)
		return -EBADMSG;
	size_t captured = length < rd_left(&r) ? length : rd_left(&r);
	ret->packet = true;
	ret->link_type = p->interface[0].link_type;
	ret->data = rd_sub(&r, captured);
	ret->wire_bytes = length;
	return 0;
}

static int take_block(struct pcap *p, struct pcap_item *ret, uint32_t type, struct rd body)
{
	switch (type) {
	case NG_INTERFACE:
		add_interface(p, body);
		return 0;
	case NG_PACKET:
	case NG_PACKET_OLD:
		return take_packet(p, ret, body, type == NG_PACKET_OLD);
	case NG_PACKET_SIMPLE:
		return take_simple_packet(p, ret, body);
	default:
		return 0;
	}
}

// A section has its own byte order, which the block's length already needs.
static int begin_section(struct pcap *p, struct rd ahead)
{
	(void)rd_u32(&ahead); // length
	uint32_t order = rd_u32(&ahead);

	if (order != NG_ORDER && order != __builtin_bswap32(NG_ORDER))
		return -EBADMSG;
	p->little = order != NG_ORDER;
	p->form = PCAP_NG;
	p->interfaces = 0;
	return 0;
}

static int ng_next(struct pcap *p, struct pcap_item *ret, struct rd r)
{
	if (rd_left(&r) < NG_BLOCK_MIN)
		return need(ret, NG_BLOCK_MIN);
	uint32_t type = rd_u32(&r);
	bool section = type == NG_SECTION;
	if (section && begin_section(p, r) < 0)
		return -EBADMSG;
	if (p->little && !section)
		type = __builtin_bswap32(type);
	size_t size = get32(p, &r);
	if (size < NG_BLOCK_MIN || size % 4)
		return -EBADMSG;
	if (rd_left(&r) < size - 8)
		return need(ret, size);
	struct rd body = rd_sub(&r, size - NG_BLOCK_MIN);
	if (get32(p, &r) != size)
		return -EBADMSG;
	struct pcap_item item = { .size = size };
	int rc = section ? 0 : take_block(p, &item, type, body);
	if (rc == 0)
		*ret = item;
	return rc;
}

// ---- Both ----

static uint32_t first_word(const void *data, size_t len)
{
	struct rd r = rd_init(data, len);

	return rd_u32(&r);
}

bool pcap_is(const void *data, size_t len)
{
	uint32_t magic = first_word(data, len);

	return is_classic(magic) || is_classic(__builtin_bswap32(magic)) || magic == NG_SECTION;
}

int pcap_next(struct pcap *p, struct pcap_item *ret, const void *data, size_t len)
{
	struct rd r = rd_init(data, len);

	if (len < PCAP_MAGIC_BYTES)
		return need(ret, PCAP_MAGIC_BYTES);
	if (p->form == PCAP_CLASSIC)
		return classic_next(p, ret, r);
	if (p->form == PCAP_NG || first_word(data, len) == NG_SECTION)
		return ng_next(p, ret, r);
	return pcap_is(data, len) ? classic_begin(p, ret, r) : -EBADMSG;
}
