// Messages on the wire: framing, and the three small ones (NOTIFICATION,
// KEEPALIVE, ROUTE-REFRESH). OPEN is bgp/open.h, UPDATE is bgp/update.h.
//
//	 RFC 4271 section 4.1
//	+-------------+------------+----------+------+
//	| marker (16) | length (2) | type (1) | body |    length counts from the marker
//	+-------------+------------+----------+------+
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bgp/error.h"
#include "bgp/proto.h"
#include "lib/wire.h"

// A view of one whole message.
struct bgp_msg {
	uint8_t type;
	size_t size; // header included
	struct rd body;
};

// Looks at the start of a stream. 0: *ret is the first message; -EAGAIN: it is not complete yet;
// -EBADMSG: *fault says why the stream cannot be read on. A fault shows as soon as its bytes are
// there, so that a stranger who does not speak BGP is known by the first octet.
[[nodiscard]] int bgp_msg_frame(
	struct bgp_msg *ret, struct bgp_fault *fault, const void *data, size_t len);
// The same where UPDATE, NOTIFICATION and ROUTE-REFRESH may have up to max octets: BGP_MSG_MAX,
// or BGP_MSG_EXTENDED_MAX where this side said that it takes them (RFC 8654 section 4).
[[nodiscard]] int bgp_msg_frame_up_to(
	struct bgp_msg *ret, struct bgp_fault *fault, const void *data, size_t len, size_t max);

// Writing: begin, body, end. end returns the message's size, 0 when it did not fit.
void bgp_msg_begin(struct wr *w, enum bgp_msg_type type);
size_t bgp_msg_end(struct wr *w);

// ---- NOTIFICATION, RFC 4271 section 4.5 ----

struct bgp_notification {
	uint8_t code, subcode;
	struct rd data;
};

// body: framed, so that it has at least two octets.
struct bgp_notification bgp_notification_parse(struct rd body);
size_t bgp_notification_build(struct wr *w, uint8_t code, uint8_t subcode, const void *data,
	size_t len); // data is cut to what fits

// The shutdown communication of a Cease, RFC 9003: { length:8, UTF-8 }. Empty text
// for other codes and for data that is malformed. Returns the text's length.
size_t bgp_shutdown_parse(char ret[BGP_SHUTDOWN_TEXT_MAX + 1], const struct bgp_notification *n);
// Writes the data of such a Cease; text is cut to 255 bytes at a character. Empty without text.
void bgp_shutdown_build(struct wr *w, const char *text);

// Copies n bytes of UTF-8 as far as max bytes take whole characters; control characters, marks
// that turn text around and what is no UTF-8 become '?'. Ends with NUL (room for max + 1). Returns the length.
size_t bgp_text_copy(char *ret, size_t max, const void *text, size_t n);

// ---- KEEPALIVE, RFC 4271 section 4.4 ----

size_t bgp_keepalive_build(struct wr *w);

// ---- ROUTE-REFRESH, RFC 2918 section 3, RFC 7313 section 3.2 ----

struct bgp_refresh {
	uint16_t afi;
	uint8_t subtype;
	uint8_t safi;
	unsigned family; // BGP_FAMILY_*; 0: none of ours
};

// msg: the whole message, for the NOTIFICATION's data.
[[nodiscard]] struct bgp_fault bgp_refresh_parse(
	struct bgp_refresh *ret, const struct bgp_msg *msg);
size_t bgp_refresh_build(struct wr *w, unsigned family, uint8_t subtype);
