// The guard as a pure function: rows for people, and every small fleet against the rule
// written the other way round.
#include "fleet/guard.h"

#include <stdio.h>
#include <string.h>

#include "test/unit.h"

enum { NODES_MAX = 8 };

static const char *const names[NODES_MAX] = { "ams", "bog", "cdg", "dub", "eze", "fra", "gru",
	"hkg" };

// One letter a node: a able, p damped, d draining, g draining and degraded, s soft, h hard, o
// out; upper case: it does not announce. A digit after it is its site, else each has its own.
struct fleet {
	struct guard_row rows[NODES_MAX];
	size_t count;
};

static struct fleet parse(const char *text)
{
	static const char letters[] = "apdgsho";
	struct fleet f = {};

	for (; *text; text++) {
		if (*text >= '0' && *text <= '9') {
			f.rows[f.count - 1].site = (uint16_t)(*text - '0');
			continue;
		}
		bool upper = *text >= 'A' && *text <= 'Z';
		const char *at = strchr(letters, upper ? *text - 'A' + 'a' : *text);
		f.rows[f.count] = (struct guard_row){
			.site = (uint16_t)f.count,
			.standing = (uint8_t)(at - letters),
			.announcing = !upper && *at != 'o',
			.priority = 100,
		};
		f.count++;
	}
	return f;
}

// What the guard says to node i, which knows of all others.
static struct guard_result ask(
	const struct fleet *f, size_t i, struct min_sites m, bool isolated, bool hold)
{
	struct guard_row others[NODES_MAX];
	struct guard_site scratch[NODES_MAX];
	size_t n = 0;

	for (size_t k = 0; k < f->count; k++)
		if (k != i)
			others[n++] = f->rows[k];
	struct guard_input in = {
		.rows = others,
		.count = isolated ? 0 : n,
		.own = f->rows[i],
		.site_names = names,
		.site_count = NODES_MAX,
		.min_sites = m,
		.isolated = isolated,
		.isolated_hold = hold,
		.scratch = scratch,
	};
	return guard_judge(&in);
}

// The verdict of each node that is not able: f free, h hold, w waits; - for able ones.
static const struct {
	const char *what, *fleet;
	unsigned m;
	const char *verdicts;
} rows[] = {
	{ "enough others are able", "saa", 2, "f--" },
	{ "one able site is missing", "sa", 2, "h-" },
	{ "two of three fail: the first by name stands in", "ssa", 2, "hf-" },
	{ "and when it does not announce yet, the other waits", "Ssa", 2, "hw-" },
	{ "an able site that does not announce does not count", "sA", 1, "h-" },
	{ "all fail softly", "ssss", 2, "hhff" },
	{ "all fail softly, more wanted than there are", "sss", 5, "hhh" },
	{ "hard beside an able one goes at once", "has", 3, "f-h" },
	{ "hard with none able: soft ones stand in first", "hss", 2, "fhh" },
	{ "hard with none able: held if others are too few", "hs", 2, "hh" },
	{ "all hard: the first", "hhh", 1, "hff" },
	{ "damped before draining before degraded before soft", "sgdp", 1, "fffh" },
	{ "the same, two", "sgdp", 2, "ffhh" },
	{ "the same, three", "sgdp", 3, "fhhh" },
	{ "who is off does not stand in", "os", 1, "fh" },
	{ "nobody is left but who is off", "oo", 1, "ff" },
	{ "no guard", "ss", 0, "ff" },
	{ "a site of two nodes: the other is able", "a0s0", 1, "-f" },
	{ "a site of two nodes: both soft, both are held", "s0s0", 1, "hh" },
	{ "a site of two nodes: hard beside soft goes", "h0s0", 1, "fh" },
	{ "a site of two nodes, one able, counts once", "a0a0s1", 2, "--h" },
	{ "the best node of a site ranks it", "s0d0s1", 1, "hhf" },
};

static void rows_for_people(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		struct fleet f = parse(rows[i].fleet);
		char verdicts[NODES_MAX + 1] = "";

		for (size_t k = 0; k < f.count; k++) {
			struct guard_result r =
				ask(&f, k, (struct min_sites){ false, rows[i].m }, false, true);
			verdicts[k] = f.rows[k].standing == STANDING_ABLE
					      ? '-'
					      : *guard_verdict_name(r.verdict);
		}
		if (strcmp(verdicts, rows[i].verdicts) != 0)
			fail_msg("%s: %s gives %s", rows[i].what, rows[i].fleet, verdicts);
	}
}

static void priority_and_name_rank(void **)
{
	struct fleet f = parse("sss");
	const struct min_sites one = { false, 1 };

	f.rows[2].priority = 200;
	assert_int_equal(ask(&f, 2, one, false, true).verdict, GUARD_HOLD);
	assert_int_equal(ask(&f, 0, one, false, true).verdict, GUARD_FREE);
	assert_int_equal(ask(&f, 0, one, false, true).rank, 1);
	assert_int_equal(ask(&f, 1, one, false, true).rank, 2);
}

static void alone(void **)
{
	const struct min_sites half = { true, 50 };
	struct fleet soft = parse("s"), hard = parse("h"), draining = parse("d");

	assert_int_equal(ask(&soft, 0, half, true, true).verdict, GUARD_ISOLATED);
	assert_int_equal(ask(&soft, 0, half, true, false).verdict, GUARD_FREE);
	assert_int_equal(ask(&draining, 0, half, true, true).verdict, GUARD_ISOLATED);
	assert_int_equal(ask(&hard, 0, half, true, true).verdict, GUARD_FREE);
}

static void leaving(void **)
{
	static const struct {
		const char *fleet; // the first one leaves
		unsigned m;
		bool may;
	} all[] = {
		{ "aaa", 2, true },
		{ "aas", 2, false },
		{ "aA", 1, false },
		{ "a", 1, false },
		{ "a0a0", 1, true },
		{ "ad", 1, false },
		{ "a", 0, true },
	};

	for (size_t i = 0; i < countof(all); i++) {
		struct fleet f = parse(all[i].fleet);
		struct guard_site scratch[NODES_MAX];
		struct guard_input in = {
			.rows = f.rows + 1,
			.count = f.count - 1,
			.own = f.rows[0],
			.site_names = names,
			.site_count = NODES_MAX,
			.min_sites = { false, all[i].m },
			.scratch = scratch,
		};
		if ((guard_judge_leaving(&in).verdict == GUARD_FREE) != all[i].may)
			fail_msg("%s, min-sites %u", all[i].fleet, all[i].m);
	}
}

// ---- Every fleet of up to four sites ----

static bool stands_in(const struct fleet *f, size_t i, unsigned able)
{
	uint8_t s = f->rows[i].standing;

	return s > STANDING_ABLE && s < STANDING_OUT && !(s == STANDING_HARD && able > 0);
}

// Of those that may stand in, how many come before i: by standing, then by name.
static unsigned before(const struct fleet *f, size_t i, unsigned able)
{
	unsigned n = 0;

	for (size_t k = 0; k < f->count; k++)
		n += k != i && stands_in(f, k, able) &&
		     (f->rows[k].standing < f->rows[i].standing ||
			     (f->rows[k].standing == f->rows[i].standing && k < i));
	return n;
}

static void check_fleet(const struct fleet *f, unsigned m)
{
	unsigned able = 0, willing = 0, held = 0;

	for (size_t i = 0; i < f->count; i++)
		able += f->rows[i].standing == STANDING_ABLE;
	for (size_t i = 0; i < f->count; i++) {
		if (f->rows[i].standing == STANDING_ABLE)
			continue;
		enum guard_verdict v =
			ask(f, i, (struct min_sites){ false, m }, false, true).verdict;
		bool expect = stands_in(f, i, able) && able < m && before(f, i, able) < m - able;
		assert_int_equal(v == GUARD_HOLD, expect);
		held += v == GUARD_HOLD;
		willing += stands_in(f, i, able);
	}
	// DESIGN: at least min(m, able and soft-failed sites) announce.
	assert_int_equal(
		able + held, able >= m ? able : able + (willing < m - able ? willing : m - able));
}

static void every_small_fleet(void **)
{
	unsigned fleets = 0;

	for (size_t count = 1; count <= 4; count++) {
		unsigned all = 1;
		for (size_t i = 0; i < count; i++)
			all *= STANDING_MAX;
		for (unsigned bits = 0; bits < all; bits++) {
			struct fleet f = { .count = count };
			unsigned rest = bits;
			for (size_t i = 0; i < count; i++, rest /= STANDING_MAX)
				f.rows[i] = (struct guard_row){ (uint16_t)i,
					(uint8_t)(rest % STANDING_MAX), true, 100 };
			for (unsigned m = 0; m <= count + 1; m++, fleets++)
				check_fleet(&f, m);
		}
	}
	assert_true(fleets > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_for_people),
		cmocka_unit_test(priority_and_name_rank),
		cmocka_unit_test(alone),
		cmocka_unit_test(leaving),
		cmocka_unit_test(every_small_fleet),
	};

	return cmocka_run_group_tests_name("fleet_guard", tests, NULL, NULL);
}
