// The view: what becomes of states that come, change, come twice and go.
#include <stdio.h>
#include <string.h>

#include "test/fleet/updates.h"

#define P "198.51.100.0/24"
#define Q "203.0.113.0/24"

static const instant t0 = { 1000000 };

static instant after(int64_t s)
{
	return instant_add(t0, span_s(s));
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

#define expect_news(v, text)                              \
	do {                                              \
		own(sb_free) struct strbuf log = {};      \
		view_news(v, &log);                       \
		assert_string_equal(sb_text(&log), text); \
	} while (0)

// "fra1/fra1-a 11 up announced x2, ams1/..." of P; - before those lost.
static const char *entries(struct fleet_view *v, instant now)
{
	static char text[1024];
	struct ip_prefix p = prefix(P);
	struct fleet_entry e;
	size_t at = 0, n = 0;

	text[0] = '\0';
	while (fleet_view_entry(v, now, &p, &at, &e))
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s/%s %u %s %s x%u",
			n ? ", " : "", e.paths ? "" : "-", e.state.site, e.state.name, e.state.node,
			health_name(e.state.health), announce_name(e.state.announce), e.paths);
	return text;
}

static void comes_changes_and_goes(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state s = node_state(11, "fra1", "fra1-a", 100);

	assert_int_equal(fleet_view_nodes(v), 0);
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, NULL, &s });
	expect_news(v, "seen fra1\nchanged " P "\n");
	assert_string_equal(entries(v, t0), "fra1/fra1-a 11 up announced x1");
	assert_int_equal(fleet_view_nodes(v), 1);

	s.serial++;
	feed(v, after(1), 2, FLEET_LEARNED, &(struct route){ P, 1, 0, NULL, &s });
	expect_news(v, ""); // nothing but the serial
	s.health = HEALTH_DOWN;
	s.evidence = EVIDENCE_HARD;
	s.standing = STANDING_HARD;
	s.announce = ANNOUNCE_WITHDRAWN;
	s.serial++;
	feed(v, after(2), 2, FLEET_LEARNED, &(struct route){ P, 1, 0, NULL, &s });
	expect_news(v, "changed " P "\n");
	assert_string_equal(entries(v, after(2)), "fra1/fra1-a 11 down withdrawn x1");

	feed(v, after(3), 2, FLEET_LEARNED, &(struct route){ P, 1 });
	expect_news(v, "lost fra1\nchanged " P "\n");
	assert_string_equal(entries(v, after(3)), "-fra1/fra1-a 11 down withdrawn x0");
	assert_int_equal(fleet_view_nodes(v), 0);

	assert_int_equal(fleet_view_deadline(v).us, after(3 + FLEET_FORGET_S).us);
	fleet_view_tick(v, after(2 + FLEET_FORGET_S));
	assert_string_not_equal(entries(v, after(3)), "");
	fleet_view_tick(v, after(3 + FLEET_FORGET_S));
	expect_news(v, "changed " P "\n");
	assert_string_equal(entries(v, after(3)), "");
	assert_true(instant_is_never(fleet_view_deadline(v)));
	fleet_view_free(&v);
	assert_null(v);
}

// Two reflectors: the later state counts, whichever brought it, and one of them may go.
static void two_reflectors(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state old = node_state(11, "fra1", "fra1-a", UINT32_MAX);
	struct fleet_state new = node_state(11, "fra1", "fra1-a", 0);

	new.health = HEALTH_DEGRADED;
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 7, 0x0a00000b, NULL, &new });
	feed(v, t0, 3, FLEET_LEARNED, &(struct route){ P, 9, 0x0a00000b, NULL, &old });
	assert_string_equal(entries(v, t0), "fra1/fra1-a 11 degraded announced x2");
	expect_news(v, "seen fra1\nchanged " P "\n");

	fleet_view_session_down(v, after(1), 2); // what is left is the older word
	expect_news(v, "changed " P "\n");
	assert_string_equal(entries(v, t0), "fra1/fra1-a 11 up announced x1");
	fleet_view_session_down(v, after(2), 3);
	expect_news(v, "lost fra1\nchanged " P "\n");
	fleet_view_free(&v);
}

static void our_own_route_comes_back(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state s = node_state(1, "own", "own-a", 5);

	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0x0a000001, NULL, &s });
	expect_news(v, "");
	assert_string_equal(entries(v, t0), "");
	assert_true(fleet_view_reflects(v, 2));
	fleet_view_free(&v);
}

// ---- Refusals ----

#define expect_refused(v, why, news)                                \
	do {                                                        \
		expect_news(v, news);                               \
		assert_int_equal(fleet_view_refused(v, 2, why), 1); \
	} while (0)

static void a_node_speaks_for_itself(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state a = node_state(11, "fra1", "fra1-a", 1);
	struct fleet_state b = node_state(12, "ams1", "ams1-a", 1);

	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, NULL, &a });
	expect_news(v, "seen fra1\nchanged " P "\n");
	// reflected by what turned out to be a node
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 2, 0x0a00000c, NULL, &b });
	expect_refused(v, FLEET_NOT_ITS_OWN,
		"refused 2 not-its-own: " P " of ams1-a: a node sends the state of another one\n");
	// and as if it were another one itself, as a second path and for another prefix
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 2, 0, NULL, &b });
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ Q, 1, 0, NULL, &b });
	expect_news(v, "");
	assert_int_equal(fleet_view_refused(v, 2, FLEET_NOT_ITS_OWN), 3);
	assert_string_equal(entries(v, t0), "fra1/fra1-a 11 up announced x1");
	fleet_view_free(&v);
}

static void roles_by_configuration(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state a = node_state(11, "fra1", "fra1-a", 1);
	struct fleet_state b = node_state(12, "ams1", "ams1-a", 1);

	feed(v, t0, 2, FLEET_NODE, &(struct route){ P, 2, 0x0a00000c, NULL, &b });
	expect_refused(v, FLEET_NOT_ITS_OWN,
		"refused 2 not-its-own: " P " of ams1-a: a node sends the state of another one\n");
	feed(v, t0, 3, FLEET_REFLECTOR, &(struct route){ P, 1, 0, NULL, &a });
	feed(v, t0, 3, FLEET_REFLECTOR, &(struct route){ P, 2, 0x0a00000c, NULL, &b });
	assert_string_equal(
		entries(v, t0), "ams1/ams1-a 12 up announced x1, fra1/fra1-a 11 up announced x1");
	fleet_view_free(&v);
}

static void routes_that_are_no_states(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state s = node_state(11, "fra1", "fra1-a", 1);

	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ "192.0.2.0/24", 1, 0, NULL, &s });
	expect_refused(v, FLEET_OTHER_SERVICE,
		"refused 2 other-service: 192.0.2.0/24 of fra1-a: the prefix is no service's "
		"here\n");
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, "198.51.100.9", &s });
	expect_refused(v, FLEET_BAD_NEXT_HOP,
		"refused 2 bad-next-hop: " P
		" of fra1-a: the next hop is not a node's unicast address\n");
	s.node = 0;
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, "192.0.2.9", &s });
	expect_refused(v, FLEET_BAD_VALUE, "refused 2 bad-value: " P ": a value out of range\n");
	assert_string_equal(entries(v, t0), "");
	fleet_view_session_down(v, t0, 2); // told again in a new session, counted on
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, "192.0.2.9", &s });
	expect_news(v, "refused 2 bad-value: " P ": a value out of range\n");
	assert_int_equal(fleet_view_refused(v, 2, FLEET_BAD_VALUE), 2);
	fleet_view_free(&v);
}

// What a refused route replaces is gone: the neighbour does not say it any more.
static void refused_in_place_of_a_good_one(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state s = node_state(11, "fra1", "fra1-a", 1);

	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, NULL, &s });
	expect_news(v, "seen fra1\nchanged " P "\n");
	s.priority = 7;
	s.min_sites.value = 101;
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, NULL, &s });
	expect_news(
		v, "refused 2 bad-value: " P ": a value out of range\nlost fra1\nchanged " P "\n");
	fleet_view_free(&v);
}

static void ten_thousand_sites(void **)
{
	struct fleet_view *v = view_new();
	char name[16];

	for (unsigned i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		struct fleet_state s = node_state((uint16_t)(1 + i % 4095), name, name, 1);
		feed(v, t0, 2, FLEET_LEARNED,
			&(struct route){ P, i, 0x0b000000 + i, "192.0.2.9", &s });
	}
	assert_int_equal(fleet_view_nodes(v), FLEET_NODE_ID_MAX);
	assert_int_equal(fleet_view_refused(v, 2, FLEET_TOO_MANY), 10000 - FLEET_NODE_ID_MAX);
	// those that went leave their place
	fleet_view_session_down(v, after(1), 2);
	struct fleet_state s = node_state(11, "fra1", "fra1-a", 1);
	feed(v, after(2), 2, FLEET_LEARNED, &(struct route){ P, 1, 0x0a00000b, NULL, &s });
	assert_int_equal(fleet_view_nodes(v), 1);
	fleet_view_free(&v);
}

static void many_paths_of_one(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state s = node_state(11, "fra1", "fra1-a", 1);

	for (unsigned i = 0; i < 2 * FLEET_PATHS_MAX; i++)
		feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, i, 0x0a00000b, NULL, &s });
	assert_string_equal(entries(v, t0), "fra1/fra1-a 11 up announced x64");
	assert_int_equal(fleet_view_refused(v, 2, FLEET_TOO_MANY), FLEET_PATHS_MAX);
	fleet_view_free(&v);
}

// ---- Generations ----

// The nodes of P that changed after a generation, by number; "all" where some of before are gone.
static const char *changed_after(struct fleet_view *v, uint64_t since)
{
	static char text[64];
	struct ip_prefix p = prefix(P);
	struct fleet_entry e;
	size_t at = 0, n = 0;

	text[0] = '\0';
	if (since < fleet_view_generation(v, &p).removed)
		return "all";
	while (fleet_view_entry(v, t0, &p, &at, &e))
		if (e.changed > since)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%u ", e.state.node);
	return text;
}

static uint64_t generation(const struct fleet_view *v)
{
	struct ip_prefix p = prefix(P);

	return fleet_view_generation(v, &p).changed;
}

static void what_changed_since(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state a = node_state(11, "fra1", "fra1-a", 100),
			   b = node_state(12, "ams1", "ams1-a", 100);
	struct ip_prefix p = prefix(P);

	assert_string_equal(changed_after(v, 0), "all");
	uint64_t g = generation(v);
	assert_string_equal(changed_after(v, g), "");
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0x0a00000b, NULL, &a });
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 2, 0x0a00000c, NULL, &b });
	assert_string_equal(changed_after(v, g), "12 11 ");
	g = generation(v);
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0x0a00000b, NULL, &a });
	assert_string_equal(changed_after(v, g), ""); // said once more
	a.load = 5, a.has_load = true;
	a.serial++;
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0x0a00000b, NULL, &a });
	assert_string_equal(changed_after(v, g), "11 ");
	g = generation(v);
	// another way to the same state, an address, a name, a site: the row reads otherwise
	feed(v, t0, 3, FLEET_LEARNED, &(struct route){ P, 2, 0x0a00000c, NULL, &b });
	assert_string_equal(changed_after(v, g), "12 ");
	g = generation(v);
	feed(v, t0, 3, FLEET_LEARNED, &(struct route){ P, 2, 0x0a00000c, "192.0.2.77", &b });
	assert_string_equal(changed_after(v, g), "12 ");
	g = generation(v);
	b.serial++;
	snprintf(b.site, sizeof(b.site), "par1");
	feed(v, t0, 3, FLEET_LEARNED, &(struct route){ Q, 2, 0x0a00000c, "192.0.2.77", &b });
	assert_string_equal(changed_after(v, g), "12 "); // said of Q, and it is one node
	g = generation(v);
	fleet_view_touch(v, &p);
	assert_string_equal(changed_after(v, g), "");
	assert_true(generation(v) > g);
	g = generation(v);
	fleet_view_session_down(v, t0, 2);
	assert_string_equal(changed_after(v, g), "11 12 "); // 11 is lost, 12 has one way left
	g = generation(v);
	fleet_view_tick(v, after(FLEET_FORGET_S + 1));
	assert_string_equal(changed_after(v, g), "all"); // 11 is forgotten
	fleet_view_free(&v);
}

// ---- Conflicts ----

static void clashes_of_id_and_name(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state a = node_state(11, "fra1", "fra1-a", 1);
	struct fleet_state b = node_state(11, "ams1", "ams1-a", 1);
	struct fleet_state mine = node_state(1, "par1", "own-a", 1);

	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0x0a00000b, NULL, &a });
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 2, 0x0a00000c, "192.0.2.12", &b });
	expect_news(v, "seen fra1\nseen ams1\nconflict two nodes have id 11: ams1-a (192.0.2.12) "
		       "and fra1-a (192.0.2.11)\nchanged " P "\n");
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 3, 0x0a00000d, "192.0.2.13", &mine });
	expect_news(v, "seen par1\n"
		       "conflict two nodes have id 1: own-a (here) and own-a (192.0.2.13)\n"
		       "conflict two nodes are called own-a: id 1 (here) and id 1 (192.0.2.13)\n"
		       "changed " P "\n");
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 2, 0x0a00000c });
	expect_news(v, "lost ams1\nagreed id 11\nchanged " P "\n");
	fleet_view_free(&v);
}

static void differing_min_sites(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state a = node_state(11, "fra1", "fra1-a", 1), own = {};
	struct guard_policy policy = { .min_sites = { false, 2 } };
	struct ip_prefix p = prefix(P);

	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, NULL, &a });
	expect_news(v, "seen fra1\nchanged " P "\n");
	fleet_view_guard(v, &p, &own, &policy);
	expect_news(v, "conflict min-sites of 1 node differs: fra1-a says 50%, here 2\n");
	a.min_sites = policy.min_sites;
	a.serial++;
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, NULL, &a });
	expect_news(v, "agreed " P "\nchanged " P "\n");
	fleet_view_free(&v);
}

// A node may be given another name or site; its id stays its own.
static void a_node_is_renamed(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state s = node_state(11, "fra1", "fra1-a", 1);

	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0, NULL, &s });
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ Q, 1, 0, NULL, &s });
	expect_news(v, "seen fra1\nchanged " P "\nchanged " Q "\n");
	s = node_state(11, "fra2", "fra2-a", 2);
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ Q, 1, 0, NULL, &s });
	expect_news(v, "seen fra2\nlost fra1\nchanged " P "\nchanged " Q "\n");
	assert_string_equal(entries(v, t0), "fra2/fra2-a 11 up announced x1");
	fleet_view_free(&v);
}

static void room_for_load(void **)
{
	struct fleet_view *v = view_new();
	struct fleet_state a = node_state(11, "fra1", "fra1-a", 1), own = { .has_load = true };
	struct ip_prefix p = prefix(P);

	own.load = 700;
	a.has_load = a.has_capacity = true;
	a.load = 400;
	a.capacity = 1000;
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 1, 0x0a00000b, NULL, &a });
	struct fleet_state b = node_state(12, "ams1", "ams1-a", 1);
	feed(v, t0, 2, FLEET_LEARNED, &(struct route){ P, 2, 0x0a00000c, NULL, &b });
	struct fleet_room room = fleet_view_room(v, &p, &own);
	assert_int_equal(room.load, 700);
	assert_int_equal(room.free, 600);
	assert_int_equal(room.tell, 1);
	assert_int_equal(room.silent, 1);
	fleet_view_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_changes_and_goes),
		cmocka_unit_test(two_reflectors),
		cmocka_unit_test(our_own_route_comes_back),
		cmocka_unit_test(a_node_speaks_for_itself),
		cmocka_unit_test(roles_by_configuration),
		cmocka_unit_test(routes_that_are_no_states),
		cmocka_unit_test(refused_in_place_of_a_good_one),
		cmocka_unit_test(ten_thousand_sites),
		cmocka_unit_test(what_changed_since),
		cmocka_unit_test(many_paths_of_one),
		cmocka_unit_test(clashes_of_id_and_name),
		cmocka_unit_test(differing_min_sites),
		cmocka_unit_test(a_node_is_renamed),
		cmocka_unit_test(room_for_load),
	};

	return cmocka_run_group_tests_name("fleet_view", tests, NULL, NULL);
}
