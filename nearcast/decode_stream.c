// Messages one after the other, as on a session: raw, or written in hexadecimal.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcast/decode.h"

// ---- Streams ----

// Where the first run of 0xff begins that is a marker or, at the end, may become one.
static size_t find_marker(const uint8_t *data, size_t len)
{
	size_t run = 0;

	for (size_t i = 0; i < len; i++) {
		run = data[i] == 0xff ? run + 1 : 0;
		if (run == BGP_MARKER_BYTES)
			return i + 1 - run;
	}
	return len - run;
}

static void report_dropped(struct decode *d, struct decode_stream *s)
{
	struct decode_where where = s->where;

	if (s->dropped == 0)
		return;
	if (!s->fixed_offset)
		where.offset -= s->dropped;
	decode_skipped(d, &where, s->dropped, false, "no message: passed over to the next marker");
	s->dropped = 0;
}

static void advance(struct decode_stream *s, size_t n)
{
	if (!s->fixed_offset)
		s->where.offset += n;
}

// To the next marker; true when the whole of it is there.
static bool resume(
	struct decode *d, struct decode_stream *s, const uint8_t *data, size_t len, size_t *skipped)
{
	size_t n = find_marker(data, len);

	*skipped = n;
	advance(s, n);
	s->dropped += n;
	if (len - n < BGP_MARKER_BYTES)
		return false;
	report_dropped(d, s);
	s->lost = false;
	return true;
}

// A message whose header is wrong would end the session; here the reader goes on behind it, or
// behind its marker where its length says nothing. Returns how far.
static size_t pass_bad(struct decode *d, struct decode_stream *s, const struct bgp_fault *f,
	const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);

	decode_bad_message(d, &s->where, f, data, len);
	(void)rd_bytes(&r, BGP_MARKER_BYTES);
	size_t size = rd_u16(&r);
	if (f->kind == BGP_FAULT_MSG_TYPE && size <= len)
		return size;
	s->lost = true;
	return f->kind == BGP_FAULT_MARKER ? 1 : BGP_MARKER_BYTES;
}

size_t decode_stream(struct decode *d, struct decode_stream *s, const uint8_t *data, size_t len)
{
	size_t at = 0, n;

	while (at < len && !d->stopped) {
		struct bgp_fault fault;
		struct bgp_msg m;

		if (s->lost) {
			bool found = resume(d, s, data + at, len - at, &n);
			at += n;
			if (!found)
				break;
		}
		int rc = bgp_msg_frame_up_to(&m, &fault, data + at, len - at, s->max);
		if (rc == -EAGAIN)
			break;
		if (rc == 0 && s->seen)
			s->seen(s, &m);
		if (rc == 0)
			decode_message(d, &s->where, &s->codec, &m);
		n = rc == 0 ? m.size : pass_bad(d, s, &fault, data + at, len - at);
		advance(s, n);
		at += n;
	}
	return at;
}

static struct decode_stream stream_of(const struct decode *d)
{
	return (struct decode_stream){
		.codec = decode_codec(d),
		.where.guess_as = d->options.as_octets == 0,
		.max = BGP_MSG_EXTENDED_MAX,
	};
}

// The file ends with these octets left over.
static void end_of_file(struct decode *d, struct decode_stream *s, size_t left)
{
	if (s->lost) {
		s->dropped += left;
		advance(s, left);
	}
	report_dropped(d, s);
	if (left > 0 && !s->lost && !d->stopped)
		decode_broken(d, s->where.offset, "ends inside a message");
}

// ---- As they are ----

void decode_raw(struct decode *d)
{
	struct decode_stream s = stream_of(d);
	struct rd window;

	do {
		window = source_window(d->source);
		size_t n = decode_stream(d, &s, window.p, rd_left(&window));
		source_skip(d->source, n);
		window = source_window(d->source);
	} while (!d->stopped && decode_want(d, rd_left(&window) + 1));
	window = source_window(d->source);
	end_of_file(d, &s, rd_left(&window));
}

// ---- In hexadecimal ----

enum { OCTETS = 128 << 10 };

// Reads text until octets wait or it ends; false at the end, and after saying what is wrong.
static bool read_text(struct decode *d, struct hex *h, uint8_t *octets, size_t *len)
{
	size_t used, made;

	if (!decode_want(d, 1))
		return false;
	struct rd window = source_window(d->source);
	int rc = hex_read(h, (const char *)window.p, rd_left(&window), &used, octets + *len,
		OCTETS - *len, &made);
	*len += made;
	source_skip(d->source, used);
	if (rc < 0)
		decode_broken(d, source_offset(d->source),
			"line %u, column %u: no hexadecimal octet", h->line + 1, h->column + 1);
	return rc == 0;
}

void decode_hex(struct decode *d)
{
	struct decode_stream s = stream_of(d);
	own(free_ptr) uint8_t *octets = mem_resize(NULL, OCTETS, 1);
	struct hex h = {};
	size_t len = 0;
	bool more;

	do {
		more = read_text(d, &h, octets, &len);
		size_t n = decode_stream(d, &s, octets, len);
		memmove(octets, octets + n, len - n);
		len -= n;
	} while (more && !d->stopped);
	if (d->broken.len == 0 && hex_end(&h) < 0)
		decode_broken(d, source_offset(d->source), "ends with half an octet");
	if (d->broken.len == 0)
		end_of_file(d, &s, len);
}
