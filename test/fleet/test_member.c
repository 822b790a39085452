// One service at one node, with a view that the test fills: from health to what is told.
#include "fleet/member.h"

#include <stdio.h>
#include <string.h>

#include "test/fleet/updates.h"

#define P "198.51.100.0/24"

struct node {
	struct member m;
	struct fleet_view *view;
	struct ip_prefix prefix;
	instant now;
};

static const struct member_config usual = {
	.hold_down_first = { 10000000 },
	.hold_down_max = { 600000000 },
	.drain_soft = { 30000000 },
	.drain_hard = { 600000000 },
	.guarded = true,
	.policy = { .min_sites = { true, 50 }, .isolated_hold = true },
	.guard_wait = { 1000000 },
	.priority = 100,
};

static void node_init(struct node *n, const struct member_config *config)
{
	*n = (struct node){ .now = { 1000000000 }, .view = view_new() };
	assert_int_equal(prefix_parse(&n->prefix, P), 0);
	member_init(&n->m, config, n->now);
	n->m.addresses_ready = true;
	fleet_view_settle(n->view);
}

static void node_end(struct node *n)
{
	fleet_view_free(&n->view);
}

// Decides; "announced healthy", "withdrawn check-failed".
static const char *decide_now(struct node *n)
{
	static char text[64];
	bool changed = member_decide(&n->m, n->now, n->view, &n->prefix, 1);
	const struct decision *d = &n->m.decision;

	snprintf(text, sizeof(text), "%s %s%s", announce_name(d->announce),
		decide_reason_name(d->reason), changed ? "" : " still");
	return text;
}

static const char *health_is(struct node *n, enum health h, enum health_evidence e)
{
	member_health(&n->m, n->now, h, e);
	return decide_now(n);
}

// Time passes up to the next deadline, which has to be that far.
static const char *pass(struct node *n, span time)
{
	assert_int_equal(instant_diff(member_deadline(&n->m), n->now).us, time.us);
	n->now = instant_add(n->now, time);
	while (member_tick(&n->m, n->now))
		;
	return decide_now(n);
}

static uint32_t serial;

static void other(struct node *n, uint16_t id, const char *site, enum standing s, bool announces)
{
	struct fleet_state st = node_state(id, site, site, ++serial);
	static const enum health healths[] = { HEALTH_UP, HEALTH_UP, HEALTH_UP, HEALTH_DEGRADED,
		HEALTH_DOWN, HEALTH_DOWN, HEALTH_STARTING };

	st.health = healths[s];
	st.standing = s;
	st.announce = !announces           ? ANNOUNCE_WITHDRAWN
		      : s == STANDING_ABLE ? ANNOUNCE_ANNOUNCED
					   : ANNOUNCE_DEMOTED;
	feed(n->view, n->now, 2, FLEET_REFLECTOR,
		&(struct route){ P, id, 0x0a000000u + id, NULL, &st });
}

#define is(text, expected) assert_string_equal(text, expected)

static void soft_failure_tells_first(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_ABLE, true);
	is(health_is(&n, HEALTH_UP, EVIDENCE_NONE), "announced healthy");
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_SOFT), "demoted guard-tells");
	assert_int_equal(member_say(&n.m).standing, STANDING_SOFT);
	assert_int_equal(n.m.decision.grade, GRADE_DRAINING);
	n.now = instant_add(n.now, span_ms(999));
	is(decide_now(&n), "demoted guard-tells still");
	is(pass(&n, span_ms(1)), "withdrawn check-failed");
	assert_int_equal(n.m.guard.able, 1);
	assert_int_equal(n.m.guard.m, 1);
	node_end(&n);
}

static void hard_failure_goes_at_once(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_ABLE, true);
	is(health_is(&n, HEALTH_UP, EVIDENCE_NONE), "announced healthy");
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_HARD), "withdrawn check-failed");
	node_end(&n);
}

static void soft_turns_hard(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_ABLE, true);
	health_is(&n, HEALTH_UP, EVIDENCE_NONE);
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_SOFT), "demoted guard-tells");
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_HARD), "withdrawn check-failed");
	node_end(&n);
}

// While the fleet is told, the other one fails as well: this one is first by name ("own" after
// "fra1": it is not), so it waits to see the other hold.
static void both_fail_at_once(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_ABLE, true);
	health_is(&n, HEALTH_UP, EVIDENCE_NONE);
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_SOFT), "demoted guard-tells");
	other(&n, 11, "fra1", STANDING_SOFT, false);
	is(decide_now(&n), "demoted guard-waits");
	other(&n, 11, "fra1", STANDING_SOFT, true);
	is(decide_now(&n), "demoted guard-tells");
	is(pass(&n, span_s(1)), "withdrawn check-failed");
	other(&n, 11, "fra1", STANDING_HARD, true);
	is(decide_now(&n), "demoted guard-hold"); // a soft one before a hard one
	other(&n, 11, "fra1", STANDING_ABLE, true);
	is(decide_now(&n), "withdrawn check-failed"); // told long ago
	node_end(&n);
}

static void isolation(void **)
{
	struct member_config withdraws = usual;
	struct node n;

	node_init(&n, &usual);
	health_is(&n, HEALTH_UP, EVIDENCE_NONE);
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_SOFT), "demoted isolated");
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_HARD), "withdrawn check-failed");
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_SOFT), "demoted isolated");
	node_end(&n);

	withdraws.policy.isolated_hold = false;
	node_init(&n, &withdraws);
	health_is(&n, HEALTH_UP, EVIDENCE_NONE);
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_SOFT), "demoted guard-tells");
	is(pass(&n, span_s(1)), "withdrawn check-failed");
	node_end(&n);
}

static void without_a_fleet(void **)
{
	struct member_config alone = usual;
	struct node n;

	alone.guarded = false;
	node_init(&n, &alone);
	is(health_is(&n, HEALTH_UP, EVIDENCE_NONE), "announced healthy");
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_SOFT), "withdrawn check-failed");
	node_end(&n);
}

// A daemon that has just started announces nothing before it heard the fleet once.
static void nothing_new_before_the_first_view(void **)
{
	struct node n;

	node_init(&n, &usual);
	fleet_view_free(&n.view);
	n.view = view_new(); // not settled
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_SOFT), "withdrawn check-failed");
	fleet_view_settle(n.view);
	is(decide_now(&n), "demoted isolated");
	node_end(&n);
}

static void hold_down_gives_way(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_ABLE, true);
	for (int i = 0; i < 2; i++) {
		health_is(&n, HEALTH_UP, EVIDENCE_NONE);
		health_is(&n, HEALTH_DOWN, EVIDENCE_HARD);
	}
	is(health_is(&n, HEALTH_UP, EVIDENCE_NONE), "withdrawn hold-down");
	assert_int_equal(member_say(&n.m).standing, STANDING_DAMPED);
	other(&n, 11, "fra1", STANDING_SOFT, true);
	is(decide_now(&n), "demoted guard-hold");
	assert_int_equal(
		member_say(&n.m).standing, STANDING_DAMPED); // not able, though it announces
	other(&n, 11, "fra1", STANDING_ABLE, true);
	is(decide_now(&n), "demoted guard-tells");
	is(pass(&n, span_s(1)), "withdrawn hold-down");
	is(pass(&n, span_s(9)), "announced healthy");
	node_end(&n);
}

static void drain_under_guard(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_ABLE, true);
	health_is(&n, HEALTH_UP, EVIDENCE_NONE);
	assert_int_equal(member_may_leave(&n.m, n.view, &n.prefix, 1).verdict, GUARD_FREE);
	member_drain(&n.m, n.now, span_s(0), false);
	is(decide_now(&n), "demoted draining");
	assert_int_equal(member_say(&n.m).standing, STANDING_DRAINING);
	other(&n, 11, "fra1", STANDING_SOFT, true); // meanwhile the other one fails
	is(decide_now(&n), "demoted draining still");
	is(pass(&n, span_s(30)), "demoted guard-hold");
	other(&n, 11, "fra1", STANDING_ABLE, true);
	is(decide_now(&n), "withdrawn draining");
	member_undrain(&n.m, n.now);
	is(decide_now(&n), "announced healthy");
	node_end(&n);
}

// What the guard holds is announced for as long as it holds it, and only then `hard` begins.
static void held_drain_does_not_end(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_ABLE, true);
	health_is(&n, HEALTH_UP, EVIDENCE_NONE);
	member_drain(&n.m, n.now, span_s(0), false);
	is(decide_now(&n), "demoted draining");
	other(&n, 11, "fra1", STANDING_SOFT, true);
	is(pass(&n, span_s(30)), "demoted guard-hold");
	assert_true(instant_is_never(member_deadline(&n.m)));
	n.now = instant_add(n.now, span_s(24 * 3600));
	assert_false(member_tick(&n.m, n.now));
	is(decide_now(&n), "demoted guard-hold still");
	other(&n, 11, "fra1", STANDING_ABLE, true);
	is(decide_now(&n), "withdrawn draining");
	n.now = instant_add(n.now, span_s(300));
	other(&n, 11, "fra1", STANDING_SOFT, true);
	is(decide_now(&n), "demoted guard-hold"); // once more
	other(&n, 11, "fra1", STANDING_ABLE, true);
	is(decide_now(&n), "withdrawn draining");
	is(pass(&n, span_s(600)), "withdrawn drained");
	node_end(&n);
}

// By its own time, and by force.
static void held_drain_is_walked_back_or_forced(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_ABLE, true);
	health_is(&n, HEALTH_UP, EVIDENCE_NONE);
	member_drain(&n.m, n.now, span_s(3600), false);
	is(decide_now(&n), "demoted draining");
	other(&n, 11, "fra1", STANDING_SOFT, true);
	is(pass(&n, span_s(30)), "demoted guard-hold");
	is(pass(&n, span_s(3570)), "announced healthy");
	member_drain(&n.m, n.now, span_s(0), false);
	is(decide_now(&n), "demoted draining");
	is(pass(&n, span_s(30)), "demoted guard-hold");
	member_drain(&n.m, n.now, span_s(0), true);
	is(decide_now(&n), "withdrawn draining");
	is(pass(&n, span_s(600)), "withdrawn drained");
	node_end(&n);
}

// A drained service has no addresses: that its checks fail is no flapping.
static void drained_is_no_failure(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_ABLE, true);
	is(health_is(&n, HEALTH_UP, EVIDENCE_NONE), "announced healthy");
	for (int i = 0; i < 5; i++) {
		member_drain(&n.m, n.now, span_s(0), false);
		is(decide_now(&n), "demoted draining");
		is(pass(&n, span_s(30)), "withdrawn draining");
		is(pass(&n, span_s(600)), "withdrawn drained");
		is(health_is(&n, HEALTH_DOWN, EVIDENCE_HARD), "withdrawn drained still");
		member_undrain(&n.m, n.now);
		is(decide_now(&n), "withdrawn check-failed");
		is(health_is(&n, HEALTH_UP, EVIDENCE_NONE), "announced healthy");
	}
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_HARD), "withdrawn check-failed"); // these are
	is(health_is(&n, HEALTH_UP, EVIDENCE_NONE), "announced healthy");
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_HARD), "withdrawn check-failed");
	is(health_is(&n, HEALTH_UP, EVIDENCE_NONE), "withdrawn hold-down");
	node_end(&n);
}

static void the_last_one_may_not_leave(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_SOFT, true);
	health_is(&n, HEALTH_UP, EVIDENCE_NONE);
	assert_int_not_equal(member_may_leave(&n.m, n.view, &n.prefix, 1).verdict, GUARD_FREE);
	member_drain(&n.m, n.now, span_s(0), true); // forced
	is(decide_now(&n), "demoted draining");
	assert_int_equal(member_say(&n.m).standing, STANDING_OUT);
	is(pass(&n, span_s(30)), "withdrawn draining");
	member_undrain(&n.m, n.now);
	is(decide_now(&n), "announced healthy");
	member_set_admin(&n.m, n.now, ADMIN_OFF, false);
	is(decide_now(&n), "withdrawn off");
	node_end(&n);
}

static void out_are(void **)
{
	struct node n;

	node_init(&n, &usual);
	decide_now(&n);
	assert_int_equal(member_say(&n.m).standing, STANDING_OUT); // starting
	health_is(&n, HEALTH_UP, EVIDENCE_NONE);
	assert_int_equal(member_say(&n.m).standing, STANDING_ABLE);
	n.m.addresses_ready = false;
	is(decide_now(&n), "withdrawn no-address");
	assert_int_equal(member_say(&n.m).standing, STANDING_OUT);
	n.m.addresses_ready = true;
	n.m.stopping = STOPPING_DEMOTED;
	is(decide_now(&n), "demoted stopping");
	assert_int_equal(member_say(&n.m).standing, STANDING_OUT);
	node_end(&n);
}

static void nobody_hears(void **)
{
	struct node n;

	node_init(&n, &usual);
	other(&n, 11, "fra1", STANDING_SOFT, false);
	member_set_unheard(&n.m, true);
	is(health_is(&n, HEALTH_UP, EVIDENCE_NONE), "announced healthy");
	assert_int_equal(member_say(&n.m).standing, STANDING_OUT);
	assert_int_equal(member_say(&n.m).announce, ANNOUNCE_WITHDRAWN);
	is(health_is(&n, HEALTH_DOWN, EVIDENCE_SOFT), "demoted guard-tells");
	member_set_unheard(&n.m, false); // and the other one, first in rank, does not hold yet
	is(decide_now(&n), "demoted guard-waits");
	assert_int_equal(member_say(&n.m).standing, STANDING_SOFT);
	assert_int_equal(member_say(&n.m).announce, ANNOUNCE_DEMOTED);
	node_end(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(soft_failure_tells_first),
		cmocka_unit_test(hard_failure_goes_at_once),
		cmocka_unit_test(soft_turns_hard),
		cmocka_unit_test(both_fail_at_once),
		cmocka_unit_test(isolation),
		cmocka_unit_test(without_a_fleet),
		cmocka_unit_test(nothing_new_before_the_first_view),
		cmocka_unit_test(hold_down_gives_way),
		cmocka_unit_test(drain_under_guard),
		cmocka_unit_test(held_drain_does_not_end),
		cmocka_unit_test(held_drain_is_walked_back_or_forced),
		cmocka_unit_test(drained_is_no_failure),
		cmocka_unit_test(the_last_one_may_not_leave),
		cmocka_unit_test(out_are),
		cmocka_unit_test(nobody_hears),
	};

	return cmocka_run_group_tests_name("fleet_member", tests, NULL, NULL);
}
