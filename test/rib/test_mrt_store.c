// The store out to MRT and in again: a made one, and every table of data/bgp/mrt (NEARCAST_DATA).
#include "test/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/source.h"
#include "lib/strbuf.h"
#include "rib/mrt_load.h"
#include "rib/mrt_write.h"
#include "test/data.h"
#include "test/rib/made.h"

enum { RECORD_MAX = 1 << 20 };

// ---- Out ----

static void add(struct strbuf *b, const struct wr *w)
{
	assert_false(w->bad);
	sb_add(b, (const char *)w->start, wr_len(w));
}

static void write_all(const struct rib *r, struct strbuf *b)
{
	static const enum ip_family families[] = { IP4, IP6 };
	own(free_ptr) uint8_t *room = mem_zalloc(RECORD_MAX);
	struct wr w = wr_init(room, RECORD_MAX);
	uint32_t sequence = 0, number;

	mrt_write_peers(&w, 1000, 0xc0000201, "view", r);
	add(b, &w);
	for (size_t f = 0; f < countof(families); f++) {
		struct prefixes_walk walk;
		prefixes_walk(&walk, rib_prefixes(r, families[f]), NULL, NULL);
		while ((number = prefixes_next(&walk)) != PREFIXES_NONE) {
			w = wr_init(room, RECORD_MAX);
			mrt_write_prefix(&w, 1000, &sequence, r, families[f], number);
			add(b, &w);
		}
	}
}

// ---- In ----

static struct rib *read_source(struct source *s, struct mrt_load **load)
{
	struct rib *r = rib_new();
	struct mrt_record record = { .size = MRT_HEADER_BYTES };

	*load = mrt_load_new(r);
	for (;;) {
		assert_int_equal(source_want(s, record.size), 0);
		struct rd window = source_window(s);
		if (!rd_more(&window))
			return r;
		size_t had = rd_left(&window), asked = record.size;
		int rc = mrt_next(&record, window.p, had);
		if (rc == -EAGAIN) {
			assert_true(record.size > asked); // else the file is cut short
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(mrt_load_record(*load, &record), 0);
		source_skip(s, record.size);
		record.size = MRT_HEADER_BYTES;
	}
}

static struct rib *read_bytes(const struct strbuf *b, struct mrt_load **load)
{
	own(source_close) struct source *s = NULL;

	assert_int_equal(source_open_memory(&s, b->s, b->len), 0);
	return read_source(s, load);
}

// ---- Comparing ----

static unsigned twin(const struct rib *r, const struct rib_neighbour *n)
{
	for (unsigned i = 0; i < rib_neighbours_top(r); i++) {
		const struct rib_neighbour *m = rib_neighbour(r, i);
		if (m && ip_equal(&m->addr, &n->addr) && m->as == n->as && m->paths == n->paths)
			return i;
	}
	fail_msg("a neighbour of AS %u is lost", n->as);
	return 0;
}

static bool same_bytes(struct rd a, struct rd b)
{
	return rd_left(&a) == rd_left(&b) && memcmp(a.p, b.p, rd_left(&a)) == 0;
}

static void assert_route(const struct rib *a, const struct rib_route *x, const struct rib *b,
	enum ip_family family, uint32_t prefix)
{
	struct rib_route list[256];
	struct rib_attrs want = rib_set_read(a, x->set);
	unsigned n = twin(b, rib_neighbour(a, x->neighbour));
	size_t count = rib_routes_of(b, family, prefix, n, list, countof(list));

	for (size_t i = 0; i < count; i++) {
		struct rib_attrs got = rib_set_read(b, list[i].set);
		if (list[i].path_id != x->path_id)
			continue;
		assert_true(same_bytes(got.path, want.path) && same_bytes(got.hop, want.hop) &&
			    same_bytes(got.rest, want.rest));
		assert_int_equal(list[i].time_s, x->time_s);
		return;
	}
	fail_msg("a route is lost");
}

static void assert_same(const struct rib *a, const struct rib *b)
{
	static const enum ip_family families[] = { IP4, IP6 };
	struct rib_route list[256];
	uint32_t number;

	for (size_t f = 0; f < countof(families); f++) {
		struct prefixes_walk walk;
		assert_int_equal(rib_route_count(a, RIB_ANY, families[f]),
			rib_route_count(b, RIB_ANY, families[f]));
		prefixes_walk(&walk, rib_prefixes(a, families[f]), NULL, NULL);
		while ((number = prefixes_next(&walk)) != PREFIXES_NONE) {
			struct ip_prefix p = prefixes_key(rib_prefixes(a, families[f]), number);
			uint32_t other = prefixes_find(rib_prefixes(b, families[f]), &p);
			assert_true(other != PREFIXES_NONE);
			size_t n = rib_routes(a, families[f], number, list, countof(list));
			for (size_t i = 0; i < n; i++)
				assert_route(a, &list[i], b, families[f], other);
		}
	}
}

static void assert_round(const struct rib *r)
{
	own(sb_free) struct strbuf b = {};
	struct mrt_load *load;

	write_all(r, &b);
	struct rib *again = read_bytes(&b, &load);
	assert_int_equal(load->refused, 0);
	assert_same(r, again);
	assert_same(again, r);
	mrt_load_free(&load);
	rib_free(&again);
}

// ---- Tests ----

static void test_made(void **)
{
	struct rib *r = rib_new();
	struct rib_neighbour four = { .addr = ip_from_u32(0xc0000202), .as = 65001, .id = 1 };
	struct rib_neighbour gone = { .addr = ip_from_u32(0xc0000203), .as = 65002 };
	struct rib_neighbour six = { .as = 4200000001, .id = 3, .paths = true };

	assert_int_equal(ip_parse(&six.addr, "2001:db8::3"), 0);
	assert_int_equal(rib_neighbour_add(r, &four), 0);
	assert_int_equal(rib_neighbour_add(r, &gone), 1);
	assert_int_equal(rib_neighbour_add(r, &six), 2);
	rib_neighbour_remove(r, 1); // leaves a gap in the numbers
	made_announce(r, 0, "0.0.0.0/0", 0, "65001", "origin=0");
	made_announce(r, 0, "10.0.0.0/8", 0, "65001 4200000000", "origin=0 med=5 c=65001:1");
	made_announce(r, 2, "10.0.0.0/8", 7, "4200000001 3", "origin=2 large=1:2:3");
	made_announce(r, 2, "10.0.0.0/8", 8, "4200000001 4", "origin=2 lp=50");
	made_announce(r, 2, "2001:db8::/32", 1, "4200000001", "origin=1");
	assert_round(r);
	rib_free(&r);
}

static void test_too_small(void **)
{
	struct rib *r = rib_new();
	struct rib_neighbour n = { .addr = ip_from_u32(0xc0000202), .as = 65001 };
	uint8_t room[256];
	uint32_t sequence = 0;

	assert_int_equal(rib_neighbour_add(r, &n), 0);
	made_announce(r, 0, "10.0.0.0/8", 0, "65001", "origin=0");
	struct wr whole = wr_init(room, sizeof(room));
	mrt_write_prefix(&whole, 1, &sequence, r, IP4, 0);
	assert_false(whole.bad);
	for (size_t i = 0; i < wr_len(&whole); i++) {
		struct wr w = wr_init(room, i);
		mrt_write_prefix(&w, 1, &sequence, r, IP4, 0);
		assert_true(w.bad);
	}
	rib_free(&r);
}

static void test_messages(void **)
{
	static const uint8_t keepalive[] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 0, 19, 4 };
	uint8_t room[256];

	for (unsigned i = 0; i < 8; i++) {
		const struct mrt_session s = {
			.peer_as = 65001,
			.local_as = 65000,
			.peer = ip_from_u32(0xc0000202),
			.local = ip_from_u32(0xc0000201),
			.as4 = i & 1,
			.add_path = i & 2,
		};
		struct wr w = wr_init(room, sizeof(room));
		struct mrt_record record;
		struct mrt_bgp4mp m;

		mrt_write_message(&w, 1234567890, &s, i & 4, keepalive, sizeof(keepalive));
		assert_int_equal(mrt_next(&record, room, wr_len(&w)), 0);
		assert_int_equal(record.size, wr_len(&w));
		assert_int_equal(record.time_us, 1234567890);
		assert_int_equal(mrt_kind(&record), MRT_KIND_MESSAGE);
		assert_int_equal(mrt_bgp4mp_parse(&m, &record), 0);
		assert_int_equal(m.as4, s.as4);
		assert_int_equal(m.add_path, s.add_path);
		assert_int_equal(m.from_local, (i & 4) != 0);
		assert_int_equal(m.peer_as, 65001);
		assert_true(ip_equal(&m.peer, &s.peer) && ip_equal(&m.local, &s.local));
		assert_int_equal(rd_left(&m.message), sizeof(keepalive));
		assert_memory_equal(m.message.p, keepalive, sizeof(keepalive));

		w = wr_init(room, sizeof(room));
		mrt_write_state(&w, 1234567890, &s, 6, 1);
		assert_int_equal(mrt_next(&record, room, wr_len(&w)), 0);
		assert_int_equal(mrt_kind(&record), MRT_KIND_STATE);
		assert_int_equal(mrt_bgp4mp_parse(&m, &record), 0);
		assert_int_equal(m.from, 6);
		assert_int_equal(m.to, 1);
	}
}

// A table that names a peer that is not there, and one cut short.
static void test_refused(void **)
{
	struct rib *r = rib_new();
	struct mrt_load *load = mrt_load_new(r);
	static const uint8_t body[] = { 0, 0, 0, 0, 8, 10, 0, 1, 0, 5, 0, 0, 0, 0, 0, 0 };
	struct mrt_record record = { .type = MRT_TABLE_DUMP_V2, .subtype = MRT_RIB_IPV4_UNICAST };

	for (size_t n = 0; n <= sizeof(body); n++) {
		record.body = rd_init(body, n);
		assert_int_equal(mrt_load_record(load, &record), -EBADMSG);
	}
	assert_int_equal(rib_route_count(r, RIB_ANY, IP4), 0);
	mrt_load_free(&load);
	rib_free(&r);
}

static void load_file(const char *name, size_t entries)
{
	own(source_close) struct source *s = NULL;
	struct mrt_load *load;
	int fd = data_open_mrt(name);

	if (fd < 0)
		return;
	assert_int_equal(source_open(&s, fd), 0);
	struct rib *r = read_source(s, &load);
	assert_int_equal(load->entries, entries);
	assert_int_equal(load->refused, 0);
	assert_round(r);
	mrt_load_free(&load);
	rib_free(&r);
}

// The numbers of lines that `bgpdump -m` prints for them.
static void test_real_2002(void **)
{
	load_file("bview.20020722.2337.gz", 115521);
}

static void test_real_add_path(void **)
{
	load_file("bview.ipv4_unicast_add_path.gz", 62);
	load_file("bview.ipv6_unicast_add_path.gz", 62);
	load_file("bview.64k_stream_overflow.gz", 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_real_2002),
		cmocka_unit_test(test_real_add_path),
	};

	return cmocka_run_group_tests_name("mrt_store", tests, NULL, NULL);
}
