// MRT files: tables, messages and states of sessions (rib/mrt.h).
#include <errno.h>
#include <stdlib.h>

#include "bgp/update.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcast/decode.h"
#include "rib/mrt.h"

enum { UPDATE_MAX = 128 << 10 }; // 64 KiB of attributes, MP_REACH_NLRI written out, and a route

struct reader {
	struct decode *d;
	struct mrt_record record;
	struct decode_where where; // of the record
	bool has_peers;
	struct mrt_peers peers;
	uint8_t *update;
};

static void reader_free(struct reader *r)
{
	mrt_peers_free(&r->peers);
	free(r->update);
}

static void unreadable(struct reader *r, const char *reason)
{
	decode_skipped(r->d, &r->where, r->record.size, true, reason);
}

static struct bgp_codec codec_of(const struct reader *r, bool as4, bool internal)
{
	struct bgp_codec codec = decode_codec(r->d);

	if (!r->d->options.as_octets)
		codec.as4 = as4;
	codec.ibgp |= internal;
	return codec;
}

// ---- Peers ----

static void write_peer(struct out *o, size_t index, const struct mrt_peer *p)
{
	struct ip_addr id = ip_from_u32(p->id);
	char text[IP_TEXT];

	out_object(o, NULL);
	out_uint(o, "index", index);
	out_str(o, "address", ip_print(&p->addr, text));
	out_uint(o, "as", p->as);
	out_str(o, "id", ip_print(&id, text));
	out_end(o);
}

static void read_peers(struct reader *r)
{
	struct mrt_peers peers;
	char text[IP_TEXT], view[128];

	if (mrt_peers_parse(&peers, &r->record) < 0) {
		unreadable(r, "malformed table of peers");
		return;
	}
	mrt_peers_free(&r->peers);
	r->peers = peers;
	r->has_peers = true;
	if (r->d->options.bgpdump)
		return;
	struct ip_addr collector = ip_from_u32(peers.collector);
	struct out *o = decode_begin(r->d, &r->where, "PEER-INDEX-TABLE", r->record.size);
	out_str(o, "collector", ip_print(&collector, text));
	bgp_text_copy(view, sizeof(view) - 1, peers.view.p, rd_left(&peers.view));
	out_str(o, "view", view);
	out_table(o, "peers");
	for (size_t i = 0; i < peers.count; i++)
		write_peer(o, i, &peers.list[i]);
	out_end(o);
	decode_end(r->d, &o);
}

// ---- Tables ----

// A table keeps what the collector's neighbours of either kind said: an internal one where
// the attributes have what only such a one says.
static bool is_internal(struct rd attrs)
{
	struct bgp_raw_attr a;

	while (bgp_attr_next(&attrs, &a))
		if (a.code == BGP_ATTR_LOCAL_PREF || a.code == BGP_ATTR_ORIGINATOR_ID ||
			a.code == BGP_ATTR_CLUSTER_LIST)
			return true;
	return false;
}

// False: there is a table of peers, and this one is not in it.
static bool find_peer(const struct reader *r, struct decode_where *w, const struct mrt_entry *e)
{
	if (e->peer_addr.family != IP_NONE) {
		w->peer = e->peer_addr;
		w->peer_as = e->peer_as;
	} else if (e->peer < r->peers.count) {
		w->peer = r->peers.list[e->peer].addr;
		w->peer_as = r->peers.list[e->peer].as;
	} else {
		return !r->has_peers;
	}
	return true;
}

static void show_entry(struct reader *r, const struct mrt_rib *rib, const struct mrt_entry *e)
{
	struct bgp_codec codec = codec_of(r, e->as4, is_internal(e->attrs));
	struct decode_where where = r->where;
	struct wr w = wr_init(r->update, UPDATE_MAX);
	char time[TIME_TEXT];

	codec.paths_in = 0; // the identifier stands before the attributes
	bool known = find_peer(r, &where, e);

	where.no_next_hop = !mrt_entry_update(&w, rib, e);
	if (w.bad) {
		unreadable(r, "attributes do not fit into an UPDATE");
		return;
	}
	where.route = &rib->prefix;
	where.has_path_id = e->has_path_id;
	where.path_id = e->path_id;
	if (r->d->options.bgpdump) {
		if (!known)
			unreadable(r, "an entry whose peer is not in the table of peers");
		decode_bgpdump_entry(r->d, &where, codec.as4, r->record.type == MRT_TABLE_DUMP_V2,
			rd_init(r->update, wr_len(&w)));
		return;
	}
	struct out *o = decode_begin(r->d, &where, "RIB", rd_left(&e->attrs));
	out_uint(o, "sequence", rib->sequence);
	out_str(o, "originated", time_print(e->originated_s * 1000000, time));
	if (!known) {
		out_str(o, "fault", "its peer is not in the table of peers");
		r->d->faulty++;
	}
	decode_update(r->d, o, &where, &codec, rd_init(r->update, wr_len(&w)));
	decode_end(r->d, &o);
}

static void read_rib(struct reader *r)
{
	struct mrt_rib rib;
	struct mrt_entry e;
	int rc = mrt_rib_parse(&rib, &r->record);

	if (rc == -EAFNOSUPPORT) {
		decode_skipped(r->d, &r->where, r->record.size, false,
			"neither IPv4 nor IPv6, or neither unicast nor multicast");
		return;
	}
	while (rc == 0 && !r->d->stopped && (rc = mrt_rib_next(&rib, &e)) == 0)
		show_entry(r, &rib, &e);
	if (rc == -EBADMSG)
		unreadable(r, "malformed table entry");
}

static void read_table(struct reader *r)
{
	struct mrt_rib rib;
	struct mrt_entry e;

	if (mrt_table_parse(&rib, &e, &r->record) < 0)
		unreadable(r, "malformed table entry");
	else
		show_entry(r, &rib, &e);
}

// ---- Messages and states ----

static bool parse_bgp4mp(struct reader *r, struct mrt_bgp4mp *m)
{
	if (mrt_bgp4mp_parse(m, &r->record) < 0) {
		unreadable(r, "malformed BGP4MP header");
		return false;
	}
	r->where.peer = m->from_local ? m->local : m->peer;
	r->where.peer_as = m->from_local ? m->local_as : m->peer_as;
	if (m->from_local)
		r->where.to = m->peer;
	return true;
}

// bgpdump names the collector itself in what that sent with path identifiers, else its peer.
static void print_message(struct reader *r, const struct mrt_bgp4mp *mp,
	const struct bgp_codec *codec, const struct bgp_msg *m)
{
	struct decode_where where = r->where;

	if (!mp->add_path) {
		where.peer = mp->peer;
		where.peer_as = mp->peer_as;
	}
	if (m->type == BGP_MSG_UPDATE)
		decode_bgpdump_update(r->d, &where, codec, m->body);
}

static void read_message(struct reader *r)
{
	struct mrt_bgp4mp mp;
	struct bgp_fault fault;
	struct bgp_msg m;

	if (!parse_bgp4mp(r, &mp))
		return;
	struct bgp_codec codec = codec_of(r, mp.as4, mp.peer_as == mp.local_as);
	if (mp.add_path)
		codec.paths_in = BGP_FAMILY_ALL;
	size_t left = rd_left(&mp.message);
	int rc = bgp_msg_frame_up_to(&m, &fault, mp.message.p, left, BGP_MSG_EXTENDED_MAX);
	if (rc == -EBADMSG)
		decode_bad_message(r->d, &r->where, &fault, mp.message.p, left);
	else if (rc < 0)
		unreadable(r, "its message is cut short");
	else if (r->d->options.bgpdump)
		print_message(r, &mp, &codec, &m);
	else
		decode_message(r->d, &r->where, &codec, &m);
	if (rc == 0 && m.size < left)
		unreadable(r, "octets after its message");
}

static void read_state(struct reader *r)
{
	struct mrt_bgp4mp m;

	if (!parse_bgp4mp(r, &m))
		return;
	if (r->d->options.bgpdump) {
		decode_bgpdump_state(r->d, &r->where, m.from, m.to);
		return;
	}
	struct out *o = decode_begin(r->d, &r->where, "STATE-CHANGE", r->record.size);
	out_uint(o, "from", m.from);
	out_str(o, "from_name", mrt_state_name(m.from));
	out_uint(o, "to", m.to);
	out_str(o, "to_name", mrt_state_name(m.to));
	decode_end(r->d, &o);
}

static void read_unknown(struct reader *r)
{
	own(sb_free) struct strbuf b = {};

	sb_printf(&b, "type %u, subtype %u is not read here", r->record.type, r->record.subtype);
	decode_skipped(r->d, &r->where, r->record.size, false, sb_text(&b));
}

// ---- Records ----

static void (*const readers[])(struct reader *r) = {
	[MRT_KIND_UNKNOWN] = read_unknown,
	[MRT_KIND_PEERS] = read_peers,
	[MRT_KIND_RIB] = read_rib,
	[MRT_KIND_TABLE] = read_table,
	[MRT_KIND_MESSAGE] = read_message,
	[MRT_KIND_STATE] = read_state,
};

static void read_record(struct reader *r)
{
	enum mrt_kind kind = mrt_kind(&r->record);

	r->where = (struct decode_where){
		.offset = source_offset(r->d->source),
		.record = kind == MRT_KIND_UNKNOWN ? NULL : mrt_name(&r->record),
		.has_time = true,
		.time_us = r->record.time_us,
		.microseconds = r->record.type == MRT_BGP4MP_ET,
	};
	readers[kind](r);
}

// Passes over octets without holding them all.
static bool skip(struct decode *d, size_t n)
{
	while (n > 0 && decode_want(d, 1)) {
		struct rd window = source_window(d->source);
		size_t part = rd_left(&window) < n ? rd_left(&window) : n;

		source_skip(d->source, part);
		n -= part;
	}
	return n == 0;
}

static bool pass_over(struct reader *r, const char *reason)
{
	r->where = (struct decode_where){ .offset = source_offset(r->d->source) };
	unreadable(r, reason);
	return skip(r->d, r->record.size);
}

// False at the end.
static bool next(struct reader *r)
{
	struct rd window = source_window(r->d->source);
	int rc = mrt_next(&r->record, window.p, rd_left(&window));

	if (rc == -EAGAIN && decode_want(r->d, r->record.size))
		return true;
	if (rc == -EAGAIN) {
		window = source_window(r->d->source);
		if (rd_more(&window))
			decode_broken(r->d, source_offset(r->d->source), "ends inside a record");
		return false;
	}
	if (rc == -EFBIG)
		return pass_over(r, "longer than any record is read here");
	if (rc == -EBADMSG)
		return pass_over(r, "too short for its type");
	read_record(r);
	source_skip(r->d->source, r->record.size);
	return true;
}

void decode_mrt(struct decode *d)
{
	own(reader_free) struct reader r = { .d = d, .update = mem_resize(NULL, UPDATE_MAX, 1) };

	while (!d->stopped && next(&r))
		continue;
}
