#include "bgp/msg.h"

#include <errno.h>

// Octets of a whole message of each type; RFC 4271 section 6.1, RFC 8654 section 4.
static const struct limits {
	uint16_t min, max;
} limits[] = {
	[BGP_MSG_OPEN] = { 29, BGP_MSG_MAX },
	[BGP_MSG_UPDATE] = { 23, BGP_MSG_EXTENDED_MAX },
	[BGP_MSG_NOTIFICATION] = { 21, BGP_MSG_EXTENDED_MAX },
	[BGP_MSG_KEEPALIVE] = { 19, 19 },
	[BGP_MSG_ROUTE_REFRESH] = { 23, BGP_MSG_EXTENDED_MAX },
};
enum { TYPES = sizeof(limits) / sizeof(limits[0]) };

static struct bgp_fault fault_at(enum bgp_fault_kind kind, const uint8_t *data, size_t len)
{
	return (struct bgp_fault){
		.kind = kind,
		.verb = BGP_VERB_RESET,
		.data = data,
		.data_len = len,
	};
}

int bgp_msg_frame(struct bgp_msg *ret, struct bgp_fault *fault, const void *data, size_t len)
{
	return bgp_msg_frame_up_to(ret, fault, data, len, BGP_MSG_MAX);
}

int bgp_msg_frame_up_to(
	struct bgp_msg *ret, struct bgp_fault *fault, const void *data, size_t len, size_t max)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < BGP_MARKER_BYTES && i < len; i++) {
		if (bytes[i] != 0xff) {
			*fault = fault_at(BGP_FAULT_MARKER, NULL, 0);
			return -EBADMSG;
		}
	}
	struct rd r = rd_init(data, len);
	(void)rd_bytes(&r, BGP_MARKER_BYTES);
	const uint8_t *length_at = r.p;
	size_t size = rd_u16(&r);
	if (r.bad)
		return -EAGAIN;
	if (size < BGP_HEADER_BYTES || size > max) {
		*fault = fault_at(BGP_FAULT_MSG_LENGTH, length_at, 2);
		return -EBADMSG;
	}
	const uint8_t *type_at = r.p;
	uint8_t type = rd_u8(&r);
	if (r.bad)
		return -EAGAIN;
	if (type == 0 || type >= TYPES) {
		*fault = fault_at(BGP_FAULT_MSG_TYPE, type_at, 1);
		return -EBADMSG;
	}
	if (size < limits[type].min || size > limits[type].max) {
		*fault = fault_at(BGP_FAULT_MSG_LENGTH, length_at, 2);
		return -EBADMSG;
	}
	struct rd body = rd_sub(&r, size - BGP_HEADER_BYTES);
	if (r.bad)
		return -EAGAIN;
	*ret = (struct bgp_msg){ .type = type, .size = size, .body = body };
	return 0;
}

void bgp_msg_begin(struct wr *w, enum bgp_msg_type type)
{
	static const uint8_t marker[BGP_MARKER_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	wr_bytes(w, marker, sizeof(marker));
	wr_u16(w, 0); // the length, known at the end
	wr_u8(w, (uint8_t)type);
}

size_t bgp_msg_end(struct wr *w)
{
	size_t size = wr_len(w);

	if (size < BGP_HEADER_BYTES || size > BGP_MSG_EXTENDED_MAX)
		return 0;
	struct wr length = wr_init(w->start + BGP_MARKER_BYTES, 2);
	wr_u16(&length, (uint16_t)size);
	return size;
}

//	+----------+-------------+------+
//	| code (1) | subcode (1) | data |
//	+----------+-------------+------+
struct bgp_notification bgp_notification_parse(struct rd body)
{
	struct bgp_notification n = {};

	n.code = rd_u8(&body);
	n.subcode = rd_u8(&body);
	n.data = body;
	return n;
}

size_t bgp_notification_build(
	struct wr *w, uint8_t code, uint8_t subcode, const void *data, size_t len)
{
	size_t room = BGP_MSG_MAX - BGP_HEADER_BYTES - 2;

	bgp_msg_begin(w, BGP_MSG_NOTIFICATION);
	wr_u8(w, code);
	wr_u8(w, subcode);
	wr_bytes(w, data, len < room ? len : room);
	return bgp_msg_end(w);
}

// The octets of the UTF-8 character at p, 0 when it is none (RFC 3629 section 4).
static size_t utf8_size(const uint8_t *p, size_t n)
{
	static const struct {
		uint8_t first, last, second_min, second_max, size;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last)
			continue;
		if (n < forms[i].size || p[1] < forms[i].second_min || p[1] > forms[i].second_max)
			return 0;
		for (size_t k = 2; k < forms[i].size; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].size;
	}
	return 0;
}

// Controls, the second set of them too, which some terminals obey (U+0080 to U+009F), and marks that turn
// text around (U+202A to U+202E, U+2066 to U+2069): p is of that size in UTF-8.
static bool is_control(const uint8_t *p, size_t size)
{
	if (size == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (size == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	return size == 3 && p[0] == 0xe2 &&
	       ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) ||
		       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

size_t bgp_text_copy(char *ret, size_t max, const void *text, size_t n)
{
	const uint8_t *p = text;
	size_t at = 0, size;

	for (size_t i = 0; i < n; i += size ? size : 1) {
		size = utf8_size(p + i, n - i);
		bool plain = size && !is_control(p + i, size);
		size_t need = plain ? size : 1;

		if (need > max - at)
			break;
		if (plain)
			memcpy(ret + at, p + i, size);
		else
			ret[at] = '?';
		at += need;
	}
	ret[at] = '\0';
	return at;
}

static bool carries_text(uint8_t code, uint8_t subcode)
{
	return code == BGP_ERR_CEASE &&
	       (subcode == BGP_CEASE_ADMIN_SHUTDOWN || subcode == BGP_CEASE_ADMIN_RESET);
}

size_t bgp_shutdown_parse(char ret[BGP_SHUTDOWN_TEXT_MAX + 1], const struct bgp_notification *n)
{
	struct rd r = n->data;

	ret[0] = '\0';
	if (!carries_text(n->code, n->subcode))
		return 0;
	size_t len = rd_u8(&r);
	const uint8_t *text = rd_bytes(&r, len);
	return text ? bgp_text_copy(ret, BGP_SHUTDOWN_TEXT_MAX, text, len) : 0;
}

void bgp_shutdown_build(struct wr *w, const char *text)
{
	char clean[BGP_SHUTDOWN_TEXT_MAX + 1];
	size_t n = text ? bgp_text_copy(clean, BGP_SHUTDOWN_TEXT_MAX, text, strlen(text)) : 0;

	if (n == 0)
		return;
	wr_u8(w, (uint8_t)n);
	wr_bytes(w, clean, n);
}

size_t bgp_keepalive_build(struct wr *w)
{
	bgp_msg_begin(w, BGP_MSG_KEEPALIVE);
	return bgp_msg_end(w);
}

//	+---------+-------------+----------+
//	| AFI (2) | subtype (1) | SAFI (1) |
//	+---------+-------------+----------+
struct bgp_fault bgp_refresh_parse(struct bgp_refresh *ret, const struct bgp_msg *msg)
{
	struct rd r = msg->body;
	struct bgp_refresh v = {};

	v.afi = rd_u16(&r);
	v.subtype = rd_u8(&r);
	v.safi = rd_u8(&r);
	// RFC 7313 section 5. A longer request (RFC 5291) was not agreed on, but its
	// first four octets still say what is wanted.
	if (v.subtype != BGP_REFRESH_REQUEST && !rd_done(&r))
		return fault_at(
			BGP_FAULT_REFRESH_LENGTH, msg->body.p - BGP_HEADER_BYTES, msg->size);
	v.family = bgp_family_of(v.afi, v.safi);
	*ret = v;
	return (struct bgp_fault){};
}

size_t bgp_refresh_build(struct wr *w, unsigned family, uint8_t subtype)
{
	bgp_msg_begin(w, BGP_MSG_ROUTE_REFRESH);
	wr_u16(w, bgp_afi_of(family));
	wr_u8(w, subtype);
	wr_u8(w, BGP_SAFI_UNICAST);
	return bgp_msg_end(w);
}
