// AS paths: segments of AS numbers in four octets, RFC 4271 section 4.3.
//
//	+----------+-----------+---------------------+
//	| type (1) | count (1) | count numbers of 4  |  any number of segments
//	+----------+-----------+---------------------+
#include <errno.h>

#include "rib/attrs.h"

bool rib_path_next(struct rib_path_walk *w, struct rib_hop *ret)
{
	while (w->left == 0) {
		if (!rd_more(&w->r))
			return false;
		w->segment = rd_u8(&w->r);
		w->left = w->count = rd_u8(&w->r);
	}
	uint32_t as = rd_u32(&w->r);
	if (w->r.bad)
		return false;
	*ret = (struct rib_hop){
		.as = as,
		.segment = w->segment,
		.first = w->left == w->count,
		.last = w->left == 1,
	};
	w->left--;
	return true;
}

bool rib_path_is_sound(struct rd r)
{
	while (rd_more(&r)) {
		uint8_t type = rd_u8(&r);
		size_t count = rd_u8(&r);

		(void)rd_bytes(&r, count * 4);
		if (count == 0 || type < RIB_SET || type > RIB_CONFED_SET)
			return false;
	}
	return rd_done(&r);
}

static bool is_set(uint8_t segment)
{
	return segment == RIB_SET || segment == RIB_CONFED_SET;
}

unsigned rib_path_length(struct rd r)
{
	unsigned n = 0;

	while (rd_more(&r)) {
		uint8_t type = rd_u8(&r);
		size_t count = rd_u8(&r);

		(void)rd_bytes(&r, count * 4);
		if (type == RIB_SEQUENCE)
			n += (unsigned)count;
		else if (type == RIB_SET)
			n++;
	}
	return n;
}

uint32_t rib_path_neighbour(struct rd path)
{
	struct rib_path_walk w = rib_path_walk(path);
	struct rib_hop hop;

	while (rib_path_next(&w, &hop)) {
		if (hop.segment == RIB_SEQUENCE)
			return hop.as;
		if (hop.segment == RIB_SET)
			return 0;
	}
	return 0;
}

uint32_t rib_path_origin(struct rd r)
{
	uint32_t origin = 0;

	while (rd_more(&r)) {
		uint8_t type = rd_u8(&r);
		size_t count = rd_u8(&r);
		if (count > 1)
			(void)rd_bytes(&r, (count - 1) * 4);
		uint32_t last = count > 0 ? rd_u32(&r) : 0;

		if (type == RIB_SEQUENCE || type == RIB_SET)
			origin = type == RIB_SEQUENCE ? last : 0;
	}
	return origin;
}

bool rib_path_has(struct rd r, uint32_t as)
{
	while (rd_more(&r)) {
		(void)rd_u8(&r);
		for (unsigned left = rd_u8(&r); left > 0; left--)
			if (rd_u32(&r) == as && !r.bad)
				return true;
	}
	return false;
}

// A search prints every path there is: so straight into the room, without a look at it for each sign.
static char *put_number(char *at, uint32_t n)
{
	unsigned digits = 1;

	for (uint64_t limit = 10; n >= limit; limit *= 10)
		digits++;
	for (unsigned i = digits; i > 0; n /= 10)
		at[--i] = (char)('0' + n % 10);
	return at + digits;
}

enum { HOP_TEXT = 13 }; // ten digits, and a sign before and two behind

void rib_path_print(struct rd path, struct strbuf *b)
{
	static const char opens[] = " { ([", closes[] = " } )]";
	struct rib_path_walk w = rib_path_walk(path);
	char *begin = sb_room(b, rd_left(&path) / 4 * HOP_TEXT), *at = begin;
	struct rib_hop hop;

	while (rib_path_next(&w, &hop)) {
		bool plain = hop.segment == RIB_SEQUENCE || hop.segment > RIB_CONFED_SET;

		if (at != begin)
			*at++ = hop.first || !is_set(hop.segment) ? ' ' : ',';
		if (hop.first && !plain)
			*at++ = opens[hop.segment];
		at = put_number(at, hop.as);
		if (hop.last && !plain)
			*at++ = closes[hop.segment];
	}
	sb_filled(b, (size_t)(at - begin));
}

// ---- Numbers of two octets, RFC 6793 section 4.2.3 ----

// As rib_path_length(), of a path with numbers of that many octets; -EBADMSG.
static int length_of(struct rd r, size_t octets)
{
	int n = 0;

	while (rd_more(&r)) {
		uint8_t type = rd_u8(&r);
		size_t count = rd_u8(&r);

		(void)rd_bytes(&r, count * octets);
		if (count == 0 || type < RIB_SET || type > RIB_CONFED_SET)
			return -EBADMSG;
		n += type == RIB_SEQUENCE ? (int)count : type == RIB_SET;
	}
	return r.bad ? -EBADMSG : n;
}

// Writes as much of the path as counts `length`, with numbers of four octets; confederation
// segments that lead it count nothing and are written too.
static void write_leading(struct wr *w, struct rd r, int length)
{
	while (rd_more(&r)) {
		uint8_t type = rd_u8(&r);
		size_t count = rd_u8(&r);
		struct rd numbers = rd_sub(&r, count * 2);
		bool counts = type == RIB_SEQUENCE || type == RIB_SET;

		if (counts && length == 0)
			return;
		if (type == RIB_SEQUENCE && (int)count > length)
			count = (size_t)length;
		if (counts)
			length -= type == RIB_SEQUENCE ? (int)count : 1;
		wr_u8(w, type);
		wr_u8(w, (uint8_t)count);
		for (size_t i = 0; i < count; i++)
			wr_u32(w, rd_u16(&numbers));
	}
}

// The wide path without confederation segments, which have no place in it.
static void write_wide(struct wr *w, struct rd r)
{
	while (rd_more(&r)) {
		uint8_t type = rd_u8(&r);
		size_t count = rd_u8(&r);
		const uint8_t *numbers = rd_bytes(&r, count * 4);

		if (!numbers || (type != RIB_SEQUENCE && type != RIB_SET))
			continue;
		wr_u8(w, type);
		wr_u8(w, (uint8_t)count);
		wr_bytes(w, numbers, count * 4);
	}
}

int rib_path_merge(struct wr *w, struct rd path, struct rd wide)
{
	int narrow_length = length_of(path, 2), wide_length = length_of(wide, 4);

	if (narrow_length < 0)
		return narrow_length;
	if (wide_length <= 0 || wide_length > narrow_length) {
		write_leading(w, path, narrow_length);
		return 0;
	}
	write_leading(w, path, narrow_length - wide_length);
	write_wide(w, wide);
	return 0;
}
