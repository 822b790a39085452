// The decision process: for each step two routes that differ in nothing before it, and the cases
// that a chain of comparisons gets wrong.
#include "test/unit.h"

#include "rib/best.h"
#include "test/rib/made.h"

struct offer {
	const char *path, *rest;
	unsigned neighbour; // 0 to 3; 3 is internal
	uint32_t path_id;
};

enum { OFFERS = 4, LOCAL_AS = 64999 };

static struct rib *rib_with(const struct offer *offers, size_t n)
{
	struct rib *r = rib_new();

	for (unsigned i = 0; i < 4; i++) {
		struct rib_neighbour spec = {
			.addr = ip_from_u32(0xc0000201 + i),
			.id = i == 1 ? 1 : i + 10, // neighbour 1 has the lowest
			.internal = i == 3,
			.paths = i == 2,
		};
		assert_int_equal(rib_neighbour_add(r, &spec), i);
	}
	for (size_t i = 0; i < n && offers[i].path; i++)
		made_announce(r, offers[i].neighbour, "192.0.2.0/24", offers[i].path_id,
			offers[i].path, offers[i].rest);
	return r;
}

struct verdict {
	const struct rib_neighbour *best;
	int index;
	struct rib_route routes[OFFERS];
	enum rib_step lost[OFFERS], by;
	size_t count;
};

static struct verdict judge(const struct rib *r)
{
	struct verdict v = {};
	struct ip_prefix p;

	assert_int_equal(prefix_parse(&p, "192.0.2.0/24"), 0);
	uint32_t number = prefixes_find(rib_prefixes(r, IP4), &p);
	v.count = rib_routes(r, IP4, number, v.routes, OFFERS);
	v.index = rib_best(r, v.routes, v.count, LOCAL_AS, v.lost, &v.by);
	return v;
}

static void test_steps(void **)
{
	static const struct {
		enum rib_step step;
		struct offer winner, loser;
	} rows[] = {
		{ RIB_STEP_STALE, { "1 2 3", "origin=2", 0 },
			{ "1", "origin=0 lp=900 c=65535:6", 1 } },
		{ RIB_STEP_LOCAL_PREF, { "1 2 3", "origin=2 lp=101", 0 }, { "1", "origin=0", 1 } },
		{ RIB_STEP_PATH, { "1 2", "origin=2", 0 }, { "1 2 3", "origin=0", 1 } },
		{ RIB_STEP_ORIGIN, { "1 2", "origin=0 med=9", 0 }, { "1 3", "origin=1 med=1", 1 } },
		{ RIB_STEP_MED, { "1 2", "origin=0 med=1", 3 }, { "1 3", "origin=0 med=9", 1 } },
		{ RIB_STEP_MED, { "1 2", "origin=0", 3 }, { "1 3", "origin=0 med=9", 1 } },
		{ RIB_STEP_EXTERNAL, { "1 2", "origin=0 med=9", 0 },
			{ "5 2", "origin=0 med=1", 3 } },
		{ RIB_STEP_ID, { "1 2", "origin=0", 1 }, { "1 2", "origin=0", 0 } },
		{ RIB_STEP_ID, { "1 2", "origin=0 originator=3", 2 }, { "1 2", "origin=0", 0 } },
		{ RIB_STEP_CLUSTERS, { "1 2", "origin=0 originator=1 clusters=1", 2 },
			{ "1 2", "origin=0 originator=1 clusters=2", 0 } },
		{ RIB_STEP_ADDRESS, { "1 2", "origin=0 originator=7", 0 },
			{ "1 2", "origin=0 originator=7", 1 } },
		{ RIB_STEP_PATH_ID, { "1 2", "origin=0", 2, 4 }, { "1 9", "origin=0", 2, 5 } },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		for (int turn = 0; turn < 2; turn++) { // whichever came first
			struct offer offers[2] = { rows[i].winner, rows[i].loser };
			if (turn) {
				offers[0] = rows[i].loser;
				offers[1] = rows[i].winner;
			}
			struct rib *r = rib_with(offers, 2);
			struct verdict v = judge(r);
			assert_int_equal(v.count, 2);
			assert_string_equal(rib_step_name(v.by), rib_step_name(rows[i].step));
			assert_int_equal(v.routes[v.index].neighbour, rows[i].winner.neighbour);
			assert_int_equal(v.routes[v.index].path_id, rows[i].winner.path_id);
			assert_int_equal(v.lost[v.index], RIB_STEP_NONE);
			assert_int_equal(v.lost[!v.index], rows[i].step);
			rib_free(&r);
		}
	}
}

// RFC 4271 section 9.1.2.2 c: a chain of pairs would choose by the order of arrival. Route 0 beats 2
// by its router identifier, 2 puts 1 out by MED, 1 beats 0 by its router identifier.
static void test_med_is_no_order(void **)
{
	const struct offer offers[] = {
		{ "5 9", "origin=0", 0 },
		{ "1 9", "origin=0 med=20", 1 },
		{ "1 9", "origin=0 med=10", 2 },
	};
	struct rib *r = rib_with(offers, 3);
	struct verdict v = judge(r);

	assert_int_equal(v.routes[v.index].neighbour, 0);
	assert_int_equal(v.lost[1], RIB_STEP_MED);
	assert_int_equal(v.lost[2], RIB_STEP_ID);
	assert_int_equal(v.by, RIB_STEP_ID);
	rib_free(&r);
}

static void test_loops(void **)
{
	const struct offer offers[] = { { "1 64999 2", "origin=0 lp=900", 0 }, { "1 2 3", "", 1 } };
	struct rib *r = rib_with(offers, 2);
	struct verdict v = judge(r);

	assert_int_equal(v.routes[v.index].neighbour, 1);
	assert_int_equal(v.lost[0], RIB_STEP_LOOP);
	assert_int_equal(v.by, RIB_STEP_NONE);
	rib_free(&r);
	r = rib_with(offers, 1);
	v = judge(r);
	assert_int_equal(v.index, -1);
	rib_free(&r);
}

static void test_names(void **)
{
	for (enum rib_step s = 0; s < RIB_STEP_MAX; s++) {
		assert_non_null(rib_step_name(s));
		assert_non_null(rib_step_rfc(s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_med_is_no_order),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("best", tests, NULL, NULL);
}
