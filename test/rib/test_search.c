// Search beside a look at every route: counts, pages in order, both ways of making a page.
#include "test/unit.h"

#include <stdio.h>
#include <string.h>

#include "rib/search.h"
#include "test/rib/made.h"
#include "test/rib/pick.h"

enum { NEIGHBOURS = 3, PREFIXES = 400, PAGE = 7 };

static unsigned mark_of(void *, const struct ip_prefix *p, struct rd path)
{
	return (p->addr.b[2] + rib_path_origin(path)) % 3;
}

static struct rib *rib_random(uint64_t seed)
{
	struct rib *r = rib_new();
	struct rng rng = rng_seed(seed);
	char prefix[PREFIX_TEXT], path[64], rest[64];

	rib_set_marker(r, mark_of, NULL);
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		struct rib_neighbour n = { .addr = ip_from_u32(0xc0000201 + i), .paths = i == 2 };
		assert_int_equal(rib_neighbour_add(r, &n), i);
	}
	for (unsigned i = 0; i < PREFIXES * 2; i++) {
		unsigned n = below(&rng, NEIGHBOURS);
		if (below(&rng, 3))
			snprintf(prefix, sizeof(prefix), "10.%u.%u.0/24", below(&rng, 4),
				below(&rng, 200));
		else
			snprintf(prefix, sizeof(prefix), "2001:db8:%x::/48", below(&rng, 200));
		snprintf(path, sizeof(path), "%u %u %u", 1 + below(&rng, 3), 10 + below(&rng, 5),
			100 + below(&rng, 9));
		snprintf(rest, sizeof(rest), "med=%u c=64500:%u large=64500:1:%u", below(&rng, 2),
			below(&rng, 4), below(&rng, 3));
		made_announce(r, n, prefix, n == 2 ? below(&rng, 3) : 0, path, rest);
	}
	return r;
}

static bool fits(const struct rib *r, const struct rib_question *q, const struct rib_route *route)
{
	struct rib_attrs a = rib_set_read(r, route->set);
	struct rd v;

	if (q->neighbour != RIB_ANY && route->neighbour != q->neighbour)
		return false;
	if (q->marks && !(q->marks >> route->mark & 1))
		return false;
	if (q->has_origin && rib_path_origin(a.path) != q->origin)
		return false;
	if (q->has_as && !rib_path_has(a.path, q->as))
		return false;
	if (q->community_count &&
		(!rib_attrs_get(&a, 8, &v) || memcmp(v.p, q->communities, 4) != 0))
		return false;
	if (q->large_count && (!rib_attrs_get(&a, 32, &v) || memcmp(v.p, q->large, 12) != 0))
		return false;
	return !q->path || q->path(q->arg, a.path);
}

// Every page, one after the other, against a walk of all routes.
static void check_pages(const struct rib *r, const struct rib_question *q, enum ip_family family,
	const struct ip_prefix *under, size_t size)
{
	struct rib_found *f = rib_search(r, q);
	const struct prefixes *t = rib_prefixes(r, family);
	const struct ip_prefix all = { .addr.family = (uint8_t)family };
	struct rib_hit hits[PAGE];
	struct prefixes_walk w;
	struct rib_page page = { .under = under };
	struct ip_prefix after;
	size_t n = rib_found_page(f, family, &page, hits, size), at = 0, total = 0, matched = 0;
	uint32_t number;

	prefixes_walk(&w, t, NULL, NULL);
	while ((number = prefixes_next(&w)) != PREFIXES_NONE) {
		struct rib_route routes[16];
		struct ip_prefix key = prefixes_key(t, number);
		size_t count = rib_routes(r, family, number, routes, countof(routes));
		for (size_t i = 0; i < count; i++) {
			if (!fits(r, q, &routes[i]))
				continue;
			matched++;
			if (under && !prefix_covers(under, &key))
				continue;
			if (at == n) {
				assert_true(page.more);
				// Cut in two is a prefix that fills pages alone.
				assert_true(page.last_taken == 0 || hits[0].prefix == number);
				page.after = &after;
				page.taken = page.last_taken;
				n = rib_found_page(f, family, &page, hits, size);
				at = 0;
			}
			assert_true(at < n);
			assert_int_equal(hits[at].prefix, number);
			assert_memory_equal(&hits[at].route.set, &routes[i].set, 4);
			assert_int_equal(hits[at].route.neighbour, routes[i].neighbour);
			after = key;
			at++;
			total++;
		}
	}
	assert_int_equal(at, n); // nothing more on the page
	assert_false(page.more);
	assert_int_equal(rib_found_count_under(f, under ? under : &all), total);
	page = (struct rib_page){ .under = under, .after = &after };
	if (total > 0)
		assert_int_equal(rib_found_page(f, family, &page, hits, size), 0);
	assert_int_equal(rib_found_count(f, family), matched);
	assert_false(rib_found_truncated(f));
	rib_found_free(&f);
}

static void check(const struct rib *r, const struct rib_question *q, enum ip_family family,
	const struct ip_prefix *under)
{
	check_pages(r, q, family, under, PAGE);
}

// Of fewer routes than a prefix has.
static void check_small(const struct rib *r, const struct rib_question *q, enum ip_family family,
	const struct ip_prefix *under)
{
	for (size_t size = 1; size < 4; size++)
		check_pages(r, q, family, under, size);
}

static bool ends_odd(void *arg, struct rd path)
{
	(*(unsigned *)arg)++;
	return rib_path_origin(path) % 2 == 1;
}

static void test_questions(void **)
{
	struct rib *r = rib_random(1);
	unsigned asked = 0;
	static const uint8_t community[] = { 0xfb, 0xf4, 0, 2 };
	static const uint8_t large[] = { 0, 0, 0xfb, 0xf4, 0, 0, 0, 1, 0, 0, 0, 2 };
	const struct rib_question questions[] = {
		{ .neighbour = RIB_ANY },
		{ .neighbour = 1 },
		{ .neighbour = 2 },
		{ .neighbour = NEIGHBOURS + 5 },
		{ .neighbour = RIB_ANY, .has_origin = true, .origin = 103 },
		{ .neighbour = RIB_ANY, .has_origin = true, .origin = 999 },
		{ .neighbour = RIB_ANY, .has_as = true, .as = 12 },
		{ .neighbour = 0, .has_as = true, .as = 12, .has_origin = true, .origin = 101 },
		{ .neighbour = RIB_ANY, .communities = community, .community_count = 1 },
		{ .neighbour = RIB_ANY, .large = large, .large_count = 1 },
		{ .neighbour = 2,
			.large = large,
			.large_count = 1,
			.communities = community,
			.community_count = 1 },
		{ .neighbour = RIB_ANY, .path = ends_odd, .arg = &asked },
		{ .neighbour = RIB_ANY, .marks = 1 },
		{ .neighbour = RIB_ANY, .marks = 1 << 1 | 1 << 2 },
		{ .neighbour = RIB_ANY, .marks = 1 << 3 }, // of none
		{ .neighbour = 1, .marks = 1 << 2 },
		{ .neighbour = RIB_ANY, .marks = 1 << 2, .has_as = true, .as = 12 },
		{ .neighbour = 2, .marks = 1, .large = large, .large_count = 1 },
	};
	struct ip_prefix under[2];

	assert_int_equal(prefix_parse(&under[0], "10.2.0.0/17"), 0);
	assert_int_equal(prefix_parse(&under[1], "2001:db8::/34"), 0);
	for (size_t i = 0; i < countof(questions); i++) {
		check(r, &questions[i], IP4, NULL);
		check(r, &questions[i], IP6, NULL);
		check(r, &questions[i], IP4, &under[0]);
		check(r, &questions[i], IP6, &under[1]);
		check_small(r, &questions[i], IP4, &under[0]);
		check_small(r, &questions[i], IP6, NULL);
	}
	rib_free(&r);
}

// What does not fit beside the routes that are there already waits for the next page whole.
static void test_begun(void **)
{
	struct rib *r = rib_random(5);
	struct rib_question q = { .neighbour = RIB_ANY };
	struct rib_found *f = rib_search(r, &q);
	struct rib_page page = {}, begun = { .begun = true };
	struct rib_hit hits[PAGE];

	size_t n = rib_found_page(f, IP4, &page, hits, PAGE), first = 1;
	while (first < n && hits[first].prefix == hits[0].prefix)
		first++;
	assert_true(first > 1); // else this shows nothing
	assert_int_equal(rib_found_page(f, IP4, &begun, hits, first - 1), 0);
	assert_true(begun.more);
	begun = (struct rib_page){ .begun = true };
	assert_int_equal(rib_found_page(f, IP4, &begun, hits, first), first);
	rib_found_free(&f);
	rib_free(&r);
}

// Once for each string, not for each route or set.
static void test_asked_once(void **)
{
	struct rib *r = rib_random(2);
	unsigned asked = 0;
	struct rib_question q = { .neighbour = RIB_ANY, .path = ends_odd, .arg = &asked };
	struct rib_found *f = rib_search(r, &q);

	assert_true(asked > 50 && asked <= 3 * 5 * 9);
	rib_found_free(&f);
	rib_free(&r);
}

static void test_next_hop(void **)
{
	struct rib *r = rib_random(3);
	struct rib_question q = { .neighbour = RIB_ANY, .next_hop = ip_from_u32(0xc0000201) };
	struct rib_found *f = rib_search(r, &q);

	assert_int_equal(rib_found_count(f, IP4), rib_route_count(r, RIB_ANY, IP4));
	rib_found_free(&f);
	q.next_hop = ip_from_u32(0xc0000202);
	f = rib_search(r, &q);
	assert_int_equal(rib_found_count(f, IP4), 0);
	rib_found_free(&f);
	rib_free(&r);
}

static bool at_once(void *)
{
	return true;
}

static void test_stopped(void **)
{
	struct rib *r = rib_random(4);
	struct rib_question q = { .neighbour = RIB_ANY, .has_as = true, .stop = at_once };
	struct rib_found *f = rib_search(r, &q);

	assert_true(rib_found_truncated(f));
	rib_found_free(&f);
	rib_free(&r);
}

// More routes than are sorted: the page comes from a walk.
static void test_walked(void **)
{
	struct rib *r = rib_new();
	struct rib_neighbour n = {};
	struct rib_question q = { .neighbour = RIB_ANY, .has_origin = true, .origin = 7 };
	struct rib_question marked = { .neighbour = RIB_ANY, .marks = 1 << 1 };
	struct made m;

	rib_set_marker(r, mark_of, NULL);
	assert_int_equal(rib_neighbour_add(r, &n), 0);
	uint32_t odd = rib_set_hold(r, IP4, &made(&m, "1 7", "")->attrs);
	uint32_t even = rib_set_hold(r, IP4, &made(&m, "1 8", "")->attrs);
	for (uint32_t i = 0; i < 200000; i++) {
		struct ip_addr a = ip_from_u32(i << 8);
		struct ip_prefix p = prefix_of(&a, 24);
		(void)rib_announce(r, 0, &p, 0, i % 2 ? odd : even, 1);
	}
	rib_set_release(r, odd);
	rib_set_release(r, even);
	check(r, &q, IP4, NULL);
	check(r, &marked, IP4, NULL);
	rib_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_begun),
		cmocka_unit_test(test_asked_once),
		cmocka_unit_test(test_next_hop),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_walked),
	};

	return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
