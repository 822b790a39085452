// Captures: TCP streams of port 179 put together again. The OPENs of both sides, where
// they were captured, say how the rest reads.
#include <errno.h>
#include <stdlib.h>

#include "bgp/open.h"
#include "lib/own.h"
#include "lib/pcap.h"
#include "lib/tcpflow.h"
#include "nearcast/decode.h"

// What is known of one direction of a session; zeroed by a SYN.
struct side {
	bool begun;
	struct decode_stream stream;
	bool has_open;
	struct bgp_open open;
};

struct reader {
	struct decode *d;
	struct pcap pcap;
	struct flows *flows;
	struct flow *flow; // whose bytes are read
	bool link_reported;
};

static void reader_free(struct reader *r)
{
	flows_free(&r->flows);
}

// ---- What both sides said ----

static void agree(struct reader *r, struct decode_stream *s)
{
	const struct cli_decode *options = &r->d->options;
	const struct side *mine = r->flow->user;
	const struct flow *reverse = flows_reverse(r->flows, r->flow);
	const struct side *theirs = reverse ? reverse->user : mine;
	bool both = mine->has_open && theirs->has_open && reverse;
	// One that has not said so does not, whatever the other said.
	bool narrow = (mine->has_open && !mine->open.caps.as4) ||
		      (theirs->has_open && !theirs->open.caps.as4);

	s->codec = decode_codec(r->d);
	s->codec.as4 = options->as_octets ? options->as_octets == 4 : !narrow;
	s->codec.ibgp |= both && mine->open.as == theirs->open.as;
	if (both) // RFC 7911 section 4: what one sends and the other takes
		s->codec.paths_in |= mine->open.caps.paths_send & theirs->open.caps.paths_receive;
	bool small = reverse && theirs->has_open && !theirs->open.caps.extended_message;
	s->max = small ? BGP_MSG_MAX : BGP_MSG_EXTENDED_MAX; // RFC 8654 section 4
	s->where.guess_as = !options->as_octets && !both && !narrow;
}

static void seen(struct decode_stream *s, const struct bgp_msg *m)
{
	struct reader *r = s->context;
	struct side *side = r->flow->user;

	if (m->type == BGP_MSG_OPEN)
		side->has_open = bgp_open_parse(&side->open, m->body).kind == BGP_FAULT_NONE;
	agree(r, s);
}

// ---- Segments ----

static void report_lost(struct reader *r, struct side *side)
{
	if (r->flow->lost == 0)
		return;
	decode_skipped(r->d, &side->stream.where, r->flow->lost, false,
		"octets of the stream are not in the capture");
	r->flow->lost = 0;
	side->stream.lost = true;
}

static void read_flow(struct reader *r)
{
	struct side *side = r->flow->user;

	report_lost(r, side);
	size_t n = decode_stream(r->d, &side->stream, r->flow->bytes, r->flow->len);
	flow_take(r->flow, n);
}

static void take_segment(
	struct reader *r, const struct pcap_item *item, const struct tcp_segment *segment)
{
	r->flow = flows_add(r->flows, segment);
	struct side *side = r->flow->user;
	struct decode_stream *s = &side->stream;

	if (!side->begun) {
		side->begun = true;
		s->lost = !segment->syn; // the capture began in the middle
		s->fixed_offset = true;
		s->seen = seen;
		s->max = BGP_MSG_EXTENDED_MAX;
	}
	s->context = r;
	s->where = (struct decode_where){
		.offset = source_offset(r->d->source),
		.has_time = item->has_time,
		.time_us = item->time_us,
		.peer = segment->src,
		.to = segment->dst,
	};
	read_flow(r);
}

static void take_packet(struct reader *r, const struct pcap_item *item)
{
	struct decode_where where = { .offset = source_offset(r->d->source) };
	struct tcp_segment segment;
	int rc = packet_tcp(&segment, item->link_type, item->data);

	if (rc == -EOPNOTSUPP && !r->link_reported) {
		own(sb_free) struct strbuf b = {};
		sb_printf(&b, "link type %u is not read here", item->link_type);
		decode_skipped(r->d, &where, item->size, false, sb_text(&b));
		r->link_reported = true;
	}
	if (rc == 0 && (segment.src_port == BGP_PORT || segment.dst_port == BGP_PORT))
		take_segment(r, item, &segment);
}

// What is left when the capture ends: behind gaps, and the start of a last message.
static void finish(struct reader *r)
{
	while (!r->d->stopped && (r->flow = flows_pending(r->flows))) {
		struct side *side = r->flow->user;

		side->stream.context = r;
		if (flow_skip_gap(r->flow)) {
			read_flow(r);
			continue;
		}
		decode_skipped(r->d, &side->stream.where, r->flow->len, false,
			side->stream.lost ? "no message" : "the capture ends inside a message");
		flow_take(r->flow, r->flow->len);
	}
}

// ---- The file ----

// False at the end.
static bool next(struct reader *r)
{
	struct source *source = r->d->source;
	struct rd window = source_window(source);
	struct pcap_item item = {};
	int rc = pcap_next(&r->pcap, &item, window.p, rd_left(&window));

	if (rc == -EAGAIN && decode_want(r->d, item.size))
		return true;
	if (rc == -EAGAIN) {
		window = source_window(source);
		if (rd_more(&window))
			decode_broken(r->d, source_offset(source), "ends inside a packet");
		return false;
	}
	if (rc < 0) {
		decode_broken(r->d, source_offset(source), "%s",
			rc == -EFBIG ? "a packet longer than any is read here"
				     : "not as a capture is written");
		return false;
	}
	if (item.packet)
		take_packet(r, &item);
	source_skip(source, item.size);
	return true;
}

void decode_pcap(struct decode *d)
{
	own(reader_free) struct reader r = { .d = d,
		.flows = flows_new(sizeof(struct side), NULL) };

	while (!d->stopped && next(&r))
		continue;
	finish(&r);
}
