// Real sessions, heard again and again: data/bgp/mrt (NEARCAST_DATA), 40 peers with 41,212 changes and one
// full table of 577,737 announcements. Memory is where it was after the first rounds, and when all
// are gone nothing is left.
#include "test/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bgp/msg.h"
#include "lib/mem.h"
#include "lib/source.h"
#include "nearglass/feed.h"
#include "rib/mrt.h"
#include "test/data.h"

enum { PEERS_MAX = 128, ROUNDS = 4 };

struct peer {
	uint32_t as;
	struct ip_addr addr;
	struct feed feed;
};

struct world {
	struct rib *rib;
	struct peer peers[PEERS_MAX];
	size_t count;
	struct rib_attrs_room room;
};

static struct peer *peer_of(struct world *w, const struct mrt_bgp4mp *m)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->peers[i].as == m->peer_as && ip_equal(&w->peers[i].addr, &m->peer))
			return &w->peers[i];
	assert_true(w->count < PEERS_MAX);
	struct peer *p = &w->peers[w->count++];
	const struct rib_neighbour spec = { .addr = m->peer, .as = m->peer_as };
	int number = rib_neighbour_add(w->rib, &spec);
	assert_true(number >= 0);
	*p = (struct peer){ .as = m->peer_as, .addr = m->peer };
	p->feed = (struct feed){
		.rib = w->rib,
		.neighbour = (unsigned)number,
		.room = &w->room,
	};
	return p;
}

static void take_record(struct world *w, const struct mrt_record *record)
{
	enum mrt_kind kind = mrt_kind(record);
	struct mrt_bgp4mp m;
	struct bgp_fault fault;
	struct bgp_msg message;
	struct bgp_update u;

	if ((kind != MRT_KIND_MESSAGE && kind != MRT_KIND_STATE) ||
		mrt_bgp4mp_parse(&m, record) < 0)
		return;
	struct peer *p = peer_of(w, &m);
	if (kind == MRT_KIND_STATE) {
		(void)rib_flush(w->rib, p->feed.neighbour, IP_NONE);
		return;
	}
	if (bgp_msg_frame_up_to(
		    &message, &fault, m.message.p, rd_left(&m.message), BGP_MSG_EXTENDED_MAX) < 0 ||
		message.type != BGP_MSG_UPDATE)
		return;
	const struct bgp_codec codec = { .as4 = m.as4, .families = BGP_FAMILY_ALL };
	bgp_update_decode(&u, message.body, &codec);
	feed_update(&p->feed, &u, (uint32_t)(record->time_us / 1000000));
}

// False: the file is not there.
static bool play(struct world *w, const char *name)
{
	own(source_close) struct source *s = NULL;
	struct mrt_record record = { .size = MRT_HEADER_BYTES };
	int fd = data_open_mrt(name);

	if (fd < 0)
		return false;
	assert_int_equal(source_open(&s, fd), 0);
	for (;;) {
		assert_int_equal(source_want(s, record.size), 0);
		struct rd window = source_window(s);
		if (!rd_more(&window))
			return true;
		size_t asked = record.size;
		if (mrt_next(&record, window.p, rd_left(&window)) < 0) {
			assert_true(record.size > asked); // it wants more; else the file is cut
			continue;
		}
		take_record(w, &record);
		source_skip(s, record.size);
		record.size = MRT_HEADER_BYTES;
	}
}

static uint64_t bytes_of(const struct rib *r)
{
	struct rib_memory rows[RIB_MEMORY_ROWS];
	uint64_t sum = 0;

	for (size_t n = rib_memory(r, rows); n > 0; n--)
		sum += rows[n - 1].bytes;
	return sum;
}

static void churn(const char *name, size_t at_least)
{
	struct world *w = mem_zalloc(sizeof(*w));
	uint64_t bytes[ROUNDS] = {};
	bool there = true;

	w->rib = rib_new();
	for (size_t i = 0; i < ROUNDS && there; i++) {
		there = play(w, name);
		bytes[i] = bytes_of(w->rib);
		if (there)
			assert_true(rib_route_count(w->rib, RIB_ANY, IP_NONE) >= at_least);
		if (i % 2) // every other round begins with nothing
			for (size_t k = 0; k < w->count; k++)
				(void)rib_flush(w->rib, w->peers[k].feed.neighbour, IP_NONE);
	}
	if (there)
		assert_true(bytes[ROUNDS - 1] <= bytes[1] + bytes[1] / 100);
	assert_int_equal(rib_route_count(w->rib, RIB_ANY, IP_NONE), 0);
	assert_true(bytes_of(w->rib) < 1 << 20);
	rib_free(&w->rib);
	free(w);
}

static void test_updates(void **)
{
	churn("updates.20160811.1600.gz", 10000);
}

static void test_full_table(void **)
{
	churn("updates.et-header.2015.gz", 577000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_full_table),
	};

	return cmocka_run_group_tests_name("churn", tests, NULL, NULL);
}
