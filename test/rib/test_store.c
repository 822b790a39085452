// The store beside a plain list of routes, through a long random run of everything that changes it;
// snapshots that must not; and memory, of which nothing may stay.
#include "test/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "rib/inside.h"
#include "rib/rib.h"
#include "test/rib/pick.h"

enum { NEIGHBOURS = 6, ROOM = 4096, SETS = 12 };

// ---- The model ----

struct route {
	unsigned neighbour;
	struct ip_prefix prefix;
	uint32_t path_id, attrs, time_s;
	bool stale;
	unsigned mark;
};

struct model {
	struct route list[ROOM];
	size_t count;
};

static struct route *find(
	struct model *m, unsigned neighbour, const struct ip_prefix *p, uint32_t path_id)
{
	for (size_t i = 0; i < m->count; i++) {
		struct route *r = &m->list[i];
		if (r->neighbour == neighbour && r->path_id == path_id &&
			prefix_equal(&r->prefix, p))
			return r;
	}
	return NULL;
}

static size_t drop_if(struct model *m, unsigned neighbour, enum ip_family family, bool stale_only)
{
	size_t kept = 0, before = m->count;

	for (size_t i = 0; i < before; i++) {
		const struct route *r = &m->list[i];
		bool gone = r->neighbour == neighbour &&
			    (family == IP_NONE || r->prefix.addr.family == family) &&
			    (!stale_only || r->stale);
		if (!gone)
			m->list[kept++] = *r;
	}
	m->count = kept;
	return before - kept;
}

// ---- Attributes: few sets, which share some of their strings ----

static struct rib_attrs attrs_of(uint32_t n, uint8_t room[64])
{
	struct wr w = wr_init(room, 64);
	struct rib_attrs a;

	wr_u8(&w, RIB_SEQUENCE);
	wr_u8(&w, 2);
	wr_u32(&w, 64500);
	wr_u32(&w, 1 + n % 4);
	a.path = rd_init(room, wr_len(&w));
	size_t at = wr_len(&w);
	wr_bytes(&w, n % 2 ? "\x40\x01\x01" : "\x40\x01\x01\x02", 4 - n % 2);
	wr_u8(&w, 0);
	a.rest = rd_init(room + at, wr_len(&w) - at);
	at = wr_len(&w);
	wr_u32(&w, 0xc0000201 + n / 4);
	a.hop = rd_init(room + at, 4);
	assert_false(w.bad);
	return a;
}

static bool same_bytes(struct rd a, struct rd b)
{
	return rd_left(&a) == rd_left(&b) && memcmp(a.p, b.p, rd_left(&a)) == 0;
}

static void assert_attrs(const struct rib *r, uint32_t set, uint32_t n)
{
	uint8_t room[64];
	struct rib_attrs want = attrs_of(n, room), got = rib_set_read(r, set);

	assert_true(same_bytes(got.path, want.path));
	assert_true(same_bytes(got.hop, want.hop));
	assert_true(same_bytes(got.rest, want.rest));
}

// ---- A world of both ----

struct world {
	struct rib *rib;
	struct model model;
	struct rng rng;
	uint32_t time_s;
	unsigned rules[4]; // of 10.0/16, 10.1/16, 10.2/16 and what they are in
};

// ---- Marks: by a rule for each part of the address space, and the route's origin ----

static unsigned *rule_of(struct world *w, const struct ip_prefix *p)
{
	return &w->rules[p->len >= 16 ? p->addr.b[1] : 3];
}

static unsigned mark_of(void *ctx, const struct ip_prefix *p, struct rd path)
{
	return (*rule_of(ctx, p) + rib_path_origin(path) - 1) % RIB_MARKS;
}

// Another rule for one part; its routes are marked anew, in pieces, and no others.
static void another_rule(struct world *w)
{
	struct ip_prefix under = { .addr = { .family = below(&w->rng, 2) ? IP4 : IP6, .b = { 10 } },
		.len = 16 };
	struct ip_prefix at = {};

	under.addr.b[1] = (uint8_t)below(&w->rng, 3);
	++*rule_of(w, &under);
	for (int family = IP4; family <= IP6; family++) {
		under.addr.family = (uint8_t)family;
		at.addr.family = IP_NONE;
		while (rib_remark(w->rib, &under, &at, 1 + below(&w->rng, 20)))
			;
	}
	for (size_t i = 0; i < w->model.count; i++) {
		struct route *r = &w->model.list[i];
		if (r->prefix.len >= 16 && r->prefix.addr.b[1] == under.addr.b[1])
			r->mark = (w->rules[under.addr.b[1]] + r->attrs % 4) % RIB_MARKS;
	}
}

static struct rib_neighbour spec(unsigned n)
{
	return (struct rib_neighbour){
		.addr = ip_from_u32(0xc0000201 + n),
		.as = 64500 + n,
		.id = n + 1,
		.paths = n % 3 == 2,
	};
}

static struct world *world_new(uint64_t seed)
{
	struct world *w = mem_zalloc(sizeof(*w));

	w->rib = rib_new();
	w->rng = rng_seed(seed);
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		struct rib_neighbour n = spec(i);
		assert_int_equal(rib_neighbour_add(w->rib, &n), i);
	}
	rib_set_marker(w->rib, mark_of, w);
	return w;
}

static struct ip_prefix any_prefix(struct rng *rng)
{
	enum ip_family family = below(rng, 3) ? IP4 : IP6;
	struct ip_addr a = { .family = (uint8_t)family };

	a.b[0] = 10;
	a.b[1] = (uint8_t)below(rng, 3);
	a.b[2] = (uint8_t)below(rng, 40);
	return prefix_of(&a, 14 + below(rng, 12));
}

static void announce(struct world *w)
{
	unsigned n = below(&w->rng, NEIGHBOURS);
	bool paths = spec(n).paths;
	uint32_t path_id = paths ? below(&w->rng, 4) : 0, attrs = below(&w->rng, SETS);
	struct ip_prefix p = any_prefix(&w->rng);
	struct route *old = find(&w->model, n, &p, path_id);
	uint8_t room[64];
	struct rib_attrs a = attrs_of(attrs, room);
	uint32_t set = rib_set_hold(w->rib, (enum ip_family)p.addr.family, &a);
	enum rib_change want = !old ? RIB_ADDED : old->attrs == attrs ? RIB_SAME : RIB_REPLACED;

	if (!old && w->model.count == ROOM) {
		rib_set_release(w->rib, set);
		return;
	}
	assert_int_equal(rib_announce(w->rib, n, &p, path_id, set, w->time_s), want);
	rib_set_release(w->rib, set);
	struct route *r = old ? old : &w->model.list[w->model.count++];
	*r = (struct route){ n, p, path_id, attrs, want == RIB_SAME ? r->time_s : w->time_s, false,
		(*rule_of(w, &p) + attrs % 4) % RIB_MARKS };
}

static void withdraw(struct world *w)
{
	struct route r = { below(&w->rng, NEIGHBOURS), any_prefix(&w->rng), 0 };

	if (w->model.count > 0 && below(&w->rng, 4))
		r = w->model.list[below(&w->rng, w->model.count)];
	struct route *have = find(&w->model, r.neighbour, &r.prefix, r.path_id);
	assert_int_equal(rib_withdraw(w->rib, r.neighbour, &r.prefix, r.path_id), have != NULL);
	if (have)
		*have = w->model.list[--w->model.count];
}

static void seldom(struct world *w)
{
	static const enum ip_family families[] = { IP_NONE, IP4, IP6 };
	unsigned n = below(&w->rng, NEIGHBOURS), what = below(&w->rng, 5);
	enum ip_family family = families[below(&w->rng, 3)];

	if (what == 0) {
		assert_int_equal(
			rib_flush(w->rib, n, family), drop_if(&w->model, n, family, false));
	} else if (what == 1) {
		rib_mark_stale(w->rib, n, family);
		for (size_t i = 0; i < w->model.count; i++)
			if (w->model.list[i].neighbour == n &&
				(family == IP_NONE ||
					w->model.list[i].prefix.addr.family == family))
				w->model.list[i].stale = true;
	} else if (what == 2) {
		assert_int_equal(
			rib_sweep_stale(w->rib, n, family), drop_if(&w->model, n, family, true));
	} else if (what == 3) {
		another_rule(w);
	} else {
		struct rib_neighbour again = spec(n);
		rib_neighbour_remove(w->rib, n);
		(void)drop_if(&w->model, n, IP_NONE, false);
		assert_null(rib_neighbour(w->rib, n));
		assert_int_equal(rib_neighbour_add(w->rib, &again), n);
	}
}

static void step(struct world *w)
{
	unsigned dice = below(&w->rng, 1000);

	w->time_s++;
	if (dice < 3)
		seldom(w);
	else if (dice < 400)
		withdraw(w);
	else
		announce(w);
}

// ---- Comparing ----

static void check_prefix(const struct rib *r, struct model *m, const struct ip_prefix *p)
{
	enum ip_family family = (enum ip_family)p->addr.family;
	struct rib_route list[64];
	uint32_t number = prefixes_find(rib_prefixes(r, family), p);
	size_t want = 0, got = 0;

	for (size_t i = 0; i < m->count; i++)
		want += prefix_equal(&m->list[i].prefix, p);
	if (number != RIB_NONE)
		got = rib_routes(r, family, number, list, countof(list));
	assert_int_equal(got, want);
	for (size_t i = 0; i < got; i++) {
		const struct route *route = find(m, list[i].neighbour, p, list[i].path_id);
		assert_true(
			route && list[i].time_s == route->time_s && list[i].stale == route->stale);
		assert_int_equal(list[i].mark, route ? route->mark : 0);
		assert_attrs(r, list[i].set, route ? route->attrs : 0);
		assert_int_equal(rib_set_family(r, list[i].set), family);
	}
}

static void check_match(const struct rib *r, struct model *m, const struct ip_prefix *p)
{
	for (unsigned n = 0; n < NEIGHBOURS; n++) {
		const struct route *want = NULL;
		for (size_t i = 0; i < m->count; i++)
			if (m->list[i].neighbour == n && prefix_covers(&m->list[i].prefix, p) &&
				(!want || m->list[i].prefix.len > want->prefix.len))
				want = &m->list[i];
		uint32_t got = rib_match(r, n, p);
		assert_int_equal(got != RIB_NONE, want != NULL);
		if (!want)
			continue;
		struct ip_prefix key =
			prefixes_key(rib_prefixes(r, (enum ip_family)p->addr.family), got);
		assert_true(prefix_equal(&key, &want->prefix));
	}
}

static void check_counts(const struct rib *r, const struct model *m)
{
	size_t by[NEIGHBOURS][RIB_FAMILIES] = {}, held = 0;

	for (size_t i = 0; i < m->count; i++)
		by[m->list[i].neighbour][m->list[i].prefix.addr.family == IP6]++;
	for (unsigned n = 0; n < NEIGHBOURS; n++) {
		assert_int_equal(rib_route_count(r, n, IP4), by[n][0]);
		assert_int_equal(rib_route_count(r, n, IP6), by[n][1]);
	}
	assert_int_equal(rib_route_count(r, RIB_ANY, IP_NONE), m->count);
	for (uint32_t s = 0; s < rib_sets_top(r); s++)
		if (rib_set_family(r, s) != IP_NONE)
			held += rib_set_routes(r, s);
	assert_int_equal(held, m->count);
}

static void check(const struct rib *r, struct model *m, struct rng *rng)
{
	struct ip_prefix p = any_prefix(rng);

	check_counts(r, m);
	check_prefix(r, m, &p);
	check_match(r, m, &p);
	for (int i = 0; i < 5 && m->count > 0; i++)
		check_prefix(r, m, &m->list[below(rng, m->count)].prefix);
}

static void check_all(const struct rib *r, struct model *m)
{
	check_counts(r, m);
	for (size_t i = 0; i < m->count; i++)
		check_prefix(r, m, &m->list[i].prefix);
}

// ---- Tests ----

static void test_random(void **)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct world *w = world_new(seed);
		for (int i = 0; i < 20000; i++) {
			step(w);
			if (i % 50 == 0)
				check(w->rib, &w->model, &w->rng);
		}
		check_all(w->rib, &w->model);
		rib_free(&w->rib);
		free(w);
	}
}

// Whatever happened before: when the routes are gone, so is what was kept for them.
static void test_nothing_stays(void **)
{
	struct world *w = world_new(9);
	struct rib_memory rows[RIB_MEMORY_ROWS];

	for (int i = 0; i < 5000; i++)
		step(w);
	for (unsigned n = 0; n < NEIGHBOURS; n++)
		(void)rib_flush(w->rib, n, IP_NONE);
	assert_int_equal(rib_prefix_count(w->rib, IP4), 0);
	assert_int_equal(rib_prefix_count(w->rib, IP6), 0);
	assert_int_equal(w->rib->sets.live, 0);
	assert_int_equal(w->rib->set_index.count, 0);
	size_t n = rib_memory(w->rib, rows), left = 0;
	for (size_t i = 0; i < n; i++)
		left += rows[i].bytes;
	assert_true(left < 128 << 10); // roots of the tries, empty lanes, neighbours
	rib_free(&w->rib);
	free(w);
}

// From one session to the next a neighbour may begin or cease to send path identifiers.
static void test_paths_change(void **)
{
	struct rib *r = rib_new();
	struct rib_neighbour n = { .paths = false };
	struct ip_prefix p = { .addr = ip_from_u32(0x0a000000), .len = 8 };
	uint8_t room[64];
	struct rib_attrs a = attrs_of(1, room);

	assert_int_equal(rib_neighbour_add(r, &n), 0);
	for (unsigned paths = 0; paths < 4; paths++) {
		n.paths = paths % 2;
		rib_neighbour_set(r, 0, &n);
		uint32_t set = rib_set_hold(r, IP4, &a);
		for (uint32_t id = 1; id <= 3; id++)
			(void)rib_announce(r, 0, &p, id, set, 1);
		rib_set_release(r, set);
		assert_int_equal(rib_route_count(r, 0, IP4), n.paths ? 3 : 1);
		assert_int_equal(rib_withdraw(r, 0, &p, n.paths ? 2 : 0), true);
		(void)rib_flush(r, 0, IP4);
	}
	rib_free(&r);
}

static void test_snapshots(void **)
{
	struct world *w = world_new(4);
	const struct rib *held[4] = {};
	struct model *then = mem_resize(NULL, countof(held), sizeof(*then));

	for (int i = 0; i < 12000; i++) {
		step(w);
		if (i % 500 != 0)
			continue;
		size_t k = below(&w->rng, countof(held));
		if (held[k])
			check_all(held[k], &then[k]);
		rib_snapshot_free(&held[k]);
		if (below(&w->rng, 3)) {
			held[k] = rib_snapshot(w->rib);
			then[k] = w->model;
			assert_true(rib_version(held[k]) == rib_version(w->rib));
		}
		check(w->rib, &w->model, &w->rng);
	}
	rib_free(&w->rib); // the snapshots live on
	for (size_t k = 0; k < countof(held); k++) {
		if (held[k])
			check_all(held[k], &then[k]);
		rib_snapshot_free(&held[k]);
	}
	free(then);
	free(w);
}

// A reader in another thread, on one snapshot after the other, while the writer goes on.
struct handover {
	pthread_mutex_t lock;
	pthread_cond_t ready;
	const struct rib *snap;
	size_t want; // routes in it
	bool end;
	size_t read; // snapshots
};

static size_t count_routes(const struct rib *r)
{
	static const enum ip_family families[] = { IP4, IP6 };
	struct rib_route list[64];
	size_t total = 0;

	for (size_t f = 0; f < countof(families); f++) {
		struct prefixes_walk walk;
		uint32_t n;
		prefixes_walk(&walk, rib_prefixes(r, families[f]), NULL, NULL);
		while ((n = prefixes_next(&walk)) != PREFIXES_NONE) {
			size_t m = rib_routes(r, families[f], n, list, countof(list));
			for (size_t i = 0; i < m; i++)
				total += rib_path_length(rib_set_read(r, list[i].set).path) == 2;
		}
	}
	return total;
}

static void *reader(void *arg)
{
	struct handover *h = arg;

	pthread_mutex_lock(&h->lock);
	while (!h->end || h->snap) {
		const struct rib *snap = take(h->snap);
		size_t want = h->want;
		if (!snap) {
			pthread_cond_wait(&h->ready, &h->lock);
			continue;
		}
		pthread_mutex_unlock(&h->lock);
		if (count_routes(snap) != want)
			abort();
		rib_snapshot_free(&snap);
		pthread_mutex_lock(&h->lock);
		h->read++;
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

static void test_reader_thread(void **)
{
	struct world *w = world_new(5);
	struct handover h = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.ready = PTHREAD_COND_INITIALIZER };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, reader, &h), 0);
	for (int i = 0; i < 30000; i++) {
		step(w);
		pthread_mutex_lock(&h.lock);
		if (!h.snap) {
			h.snap = rib_snapshot(w->rib);
			h.want = w->model.count;
			pthread_cond_signal(&h.ready);
		}
		pthread_mutex_unlock(&h.lock);
	}
	pthread_mutex_lock(&h.lock);
	h.end = true;
	pthread_cond_signal(&h.ready);
	pthread_mutex_unlock(&h.lock);
	pthread_join(thread, NULL);
	assert_true(h.read > 0);
	check_all(w->rib, &w->model);
	rib_free(&w->rib);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_nothing_stays),
		cmocka_unit_test(test_paths_change),
		cmocka_unit_test(test_snapshots),
		cmocka_unit_test(test_reader_thread),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
