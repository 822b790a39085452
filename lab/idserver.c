#include "lab/idserver.h"

#include <assert.h>

#include "lib/wire.h"

enum { TYPE_TXT = 16, CLASS_CH = 3, FLAG_RESPONSE = 0x8000, RCODE_MASK = 0xf, POINTER = 0xc0 };

// All of the query but its id: flags 0 (a query, no recursion), one question.
static const uint8_t query_rest[] = "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
				    "\x02id\x06server\x00\x00\x10\x00\x03";
static_assert(sizeof(query_rest) - 1 + 2 == IDSERVER_QUERY_BYTES);

//  RFC 1035 section 4.1.1
//  +--------+-----------+-------------+-------------+-------------+-------------+
//  | id (2) | flags (2) | qdcount (2) | ancount (2) | nscount (2) | arcount (2) |
//  +--------+-----------+-------------+-------------+-------------+-------------+
size_t idserver_query(uint16_t id, uint8_t buf[IDSERVER_QUERY_BYTES])
{
	struct wr w = wr_init(buf, IDSERVER_QUERY_BYTES);

	wr_u16(&w, id);
	wr_bytes(&w, query_rest, sizeof(query_rest) - 1);
	return wr_len(&w);
}

// Labels up to the root or to a pointer (section 4.1.4), which ends a name.
static void skip_name(struct rd *r)
{
	while (rd_more(r)) {
		uint8_t n = rd_u8(r);
		if (n == 0)
			return;
		if ((n & POINTER) == POINTER) {
			(void)rd_u8(r);
			return;
		}
		(void)rd_bytes(r, n);
	}
}

static void read_string(struct rd *r, char text[IDSERVER_TEXT])
{
	size_t n = rd_u8(r);
	const uint8_t *s = rd_bytes(r, n);

	if (s)
		memcpy(text, s, n);
	text[s ? n : 0] = '\0';
}

//  RFC 1035 section 4.1.3: a TXT record's data are strings of { length (1), bytes }
//  +------+----------+-----------+---------+--------------+-------+
//  | name | type (2) | class (2) | ttl (4) | rdlength (2) | rdata |
//  +------+----------+-----------+---------+--------------+-------+
static bool read_answer(struct rd *r, char text[IDSERVER_TEXT])
{
	skip_name(r);
	uint16_t type = rd_u16(r);
	uint16_t class = rd_u16(r);
	(void)rd_u32(r);
	size_t n = rd_u16(r);
	struct rd data = rd_sub(r, n);

	if (data.bad || type != TYPE_TXT || class != CLASS_CH)
		return false;
	read_string(&data, text);
	return !data.bad;
}

bool idserver_answer(const uint8_t *msg, size_t n, uint16_t *id, char text[IDSERVER_TEXT])
{
	struct rd r = rd_init(msg, n);
	uint16_t got = rd_u16(&r);
	uint16_t flags = rd_u16(&r);
	uint16_t questions = rd_u16(&r);
	uint16_t answers = rd_u16(&r);
	(void)rd_u32(&r);

	if (r.bad)
		return false;
	*id = got;
	if (!(flags & FLAG_RESPONSE) || (flags & RCODE_MASK) || answers == 0)
		return false;
	for (; questions > 0 && rd_more(&r); questions--) {
		skip_name(&r);
		(void)rd_u32(&r); // type and class
	}
	return read_answer(&r, text);
}
