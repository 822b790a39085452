// Each cell of the state machine, against RFC 4271 section 8.2.2 read a second
// time: the expectation is written a state a block, as the section is, while the machine's
// own table is written an event a block.
#include <string.h>

#include "bgp/fsm.h"
#include "test/unit.h"

struct cell {
	enum bgp_fsm_event event;
	const char *does; // "action NextState"
};

// "Any other event" of each state, for the events that its block does not name.
static const char *const others[] = {
	[BGP_IDLE] = "ignore Idle",
	[BGP_CONNECT] = "drop Idle",
	[BGP_ACTIVE] = "drop Idle",
	[BGP_OPENSENT] = "fsm-error Idle",
	[BGP_OPENCONFIRM] = "fsm-error Idle",
	[BGP_ESTABLISHED] = "fsm-error Idle",
};

static const struct cell idle[] = {
	{ BGP_EV_MANUAL_START, "connect Connect" },
	{ BGP_EV_MANUAL_START_PASSIVE, "listen Active" },
	{ BGP_EV_AUTO_START_PASSIVE, "listen Active" },
	{ BGP_EV_IDLE_HOLD, "connect Connect" },
	{ BGP_EV_MAX, NULL },
};

static const struct cell connect_state[] = {
	{ BGP_EV_MANUAL_START, "ignore Connect" },
	{ BGP_EV_MANUAL_START_PASSIVE, "ignore Connect" },
	{ BGP_EV_AUTO_START_PASSIVE, "ignore Connect" },
	{ BGP_EV_CONNECT_RETRY, "reconnect Connect" },
	{ BGP_EV_TCP_ACKED, "open OpenSent" },
	{ BGP_EV_TCP_CONFIRMED, "open OpenSent" },
	{ BGP_EV_MAX, NULL },
};

static const struct cell active[] = {
	{ BGP_EV_MANUAL_START, "ignore Active" },
	{ BGP_EV_MANUAL_START_PASSIVE, "ignore Active" },
	{ BGP_EV_AUTO_START_PASSIVE, "ignore Active" },
	{ BGP_EV_CONNECT_RETRY, "connect Connect" },
	{ BGP_EV_TCP_ACKED, "open OpenSent" },
	{ BGP_EV_TCP_CONFIRMED, "open OpenSent" },
	{ BGP_EV_MAX, NULL },
};

static const struct cell opensent[] = {
	{ BGP_EV_MANUAL_START, "ignore OpenSent" },
	{ BGP_EV_MANUAL_START_PASSIVE, "ignore OpenSent" },
	{ BGP_EV_AUTO_START_PASSIVE, "ignore OpenSent" },
	{ BGP_EV_MANUAL_STOP, "notify Idle" },
	{ BGP_EV_AUTO_STOP, "notify Idle" },
	{ BGP_EV_HOLD, "notify Idle" },
	{ BGP_EV_TCP_ACKED, "ignore OpenSent" },
	{ BGP_EV_TCP_CONFIRMED, "ignore OpenSent" },
	{ BGP_EV_TCP_FAILS, "lost Active" },
	{ BGP_EV_RX_OPEN, "confirm OpenConfirm" },
	{ BGP_EV_BAD_HEADER, "notify Idle" },
	{ BGP_EV_BAD_OPEN, "notify Idle" },
	{ BGP_EV_COLLISION_DUMP, "notify Idle" },
	{ BGP_EV_RX_NOTIFICATION_VERSION, "drop Idle" },
	{ BGP_EV_RX_NOTIFICATION, "drop Idle" }, // not the letter: see fsm.c
	{ BGP_EV_MAX, NULL },
};

static const struct cell openconfirm[] = {
	{ BGP_EV_MANUAL_START, "ignore OpenConfirm" },
	{ BGP_EV_MANUAL_START_PASSIVE, "ignore OpenConfirm" },
	{ BGP_EV_AUTO_START_PASSIVE, "ignore OpenConfirm" },
	{ BGP_EV_MANUAL_STOP, "notify Idle" },
	{ BGP_EV_AUTO_STOP, "notify Idle" },
	{ BGP_EV_HOLD, "notify Idle" },
	{ BGP_EV_KEEPALIVE, "keepalive OpenConfirm" },
	{ BGP_EV_TCP_ACKED, "ignore OpenConfirm" },
	{ BGP_EV_TCP_CONFIRMED, "ignore OpenConfirm" },
	{ BGP_EV_TCP_FAILS, "drop Idle" },
	{ BGP_EV_BAD_HEADER, "notify Idle" },
	{ BGP_EV_BAD_OPEN, "notify Idle" },
	{ BGP_EV_COLLISION_DUMP, "notify Idle" },
	{ BGP_EV_RX_NOTIFICATION_VERSION, "drop Idle" },
	{ BGP_EV_RX_NOTIFICATION, "drop Idle" },
	{ BGP_EV_RX_KEEPALIVE, "up Established" },
	{ BGP_EV_MAX, NULL },
};

static const struct cell established[] = {
	{ BGP_EV_MANUAL_START, "ignore Established" },
	{ BGP_EV_MANUAL_START_PASSIVE, "ignore Established" },
	{ BGP_EV_AUTO_START_PASSIVE, "ignore Established" },
	{ BGP_EV_MANUAL_STOP, "notify Idle" },
	{ BGP_EV_AUTO_STOP, "notify Idle" },
	{ BGP_EV_HOLD, "notify Idle" },
	{ BGP_EV_KEEPALIVE, "keepalive Established" },
	{ BGP_EV_TCP_ACKED, "ignore Established" },
	{ BGP_EV_TCP_CONFIRMED, "ignore Established" },
	{ BGP_EV_TCP_FAILS, "drop Idle" },
	{ BGP_EV_BAD_HEADER, "notify Idle" }, // not the letter: see fsm.c
	{ BGP_EV_COLLISION_DUMP, "notify Idle" },
	{ BGP_EV_RX_NOTIFICATION_VERSION, "drop Idle" },
	{ BGP_EV_RX_NOTIFICATION, "drop Idle" },
	{ BGP_EV_RX_KEEPALIVE, "alive Established" },
	{ BGP_EV_RX_UPDATE, "update Established" },
	{ BGP_EV_BAD_UPDATE, "notify Idle" },
	{ BGP_EV_SEND_HOLD, "notify Idle" },          // RFC 9687
	{ BGP_EV_RX_REFRESH, "refresh Established" }, // RFC 2918
	{ BGP_EV_BAD_REFRESH, "notify Idle" },        // RFC 7313
	{ BGP_EV_MAX, NULL },
};

static const struct cell *const blocks[] = {
	[BGP_IDLE] = idle,
	[BGP_CONNECT] = connect_state,
	[BGP_ACTIVE] = active,
	[BGP_OPENSENT] = opensent,
	[BGP_OPENCONFIRM] = openconfirm,
	[BGP_ESTABLISHED] = established,
};

static const char *expected(enum bgp_state state, enum bgp_fsm_event event)
{
	for (const struct cell *c = blocks[state]; c->does; c++)
		if (c->event == event)
			return c->does;
	return others[state];
}

static void each_cell(void **)
{
	for (int s = 0; s < BGP_STATE_MAX; s++) {
		for (int e = 0; e < BGP_EV_MAX; e++) {
			struct bgp_fsm_step step =
				bgp_fsm_step((enum bgp_state)s, (enum bgp_fsm_event)e);
			char is[256], want[256];

			snprintf(is, sizeof(is), "%s, %s: %s %s", bgp_state_name((enum bgp_state)s),
				bgp_fsm_event_name((enum bgp_fsm_event)e),
				bgp_fsm_action_name(step.action), bgp_state_name(step.next));
			snprintf(want, sizeof(want), "%s, %s: %s",
				bgp_state_name((enum bgp_state)s),
				bgp_fsm_event_name((enum bgp_fsm_event)e),
				expected((enum bgp_state)s, (enum bgp_fsm_event)e));
			assert_string_equal(is, want);
		}
	}
}

// A connection that ends must end in each state that has one.
static void transport_loss_ends_every_state(void **)
{
	for (int s = BGP_CONNECT; s < BGP_STATE_MAX; s++) {
		struct bgp_fsm_step step = bgp_fsm_step((enum bgp_state)s, BGP_EV_TCP_FAILS);

		assert_true(step.action == BGP_ACT_DROP || step.action == BGP_ACT_LOST);
		assert_true(step.next == BGP_IDLE || step.next == BGP_ACTIVE);
	}
}

static void numbers_of_the_rfc(void **)
{
	static const struct {
		enum bgp_fsm_event event;
		int number;
	} rows[] = {
		{ BGP_EV_MANUAL_START, 1 },
		{ BGP_EV_MANUAL_STOP, 2 },
		{ BGP_EV_MANUAL_START_PASSIVE, 4 },
		{ BGP_EV_AUTO_START_PASSIVE, 5 },
		{ BGP_EV_AUTO_STOP, 8 },
		{ BGP_EV_CONNECT_RETRY, 9 },
		{ BGP_EV_HOLD, 10 },
		{ BGP_EV_KEEPALIVE, 11 },
		{ BGP_EV_IDLE_HOLD, 13 },
		{ BGP_EV_TCP_ACKED, 16 },
		{ BGP_EV_TCP_CONFIRMED, 17 },
		{ BGP_EV_TCP_FAILS, 18 },
		{ BGP_EV_RX_OPEN, 19 },
		{ BGP_EV_BAD_HEADER, 21 },
		{ BGP_EV_BAD_OPEN, 22 },
		{ BGP_EV_COLLISION_DUMP, 23 },
		{ BGP_EV_RX_NOTIFICATION_VERSION, 24 },
		{ BGP_EV_RX_NOTIFICATION, 25 },
		{ BGP_EV_RX_KEEPALIVE, 26 },
		{ BGP_EV_RX_UPDATE, 27 },
		{ BGP_EV_BAD_UPDATE, 28 },
		{ BGP_EV_SEND_HOLD, 29 },
		{ BGP_EV_RX_REFRESH, 0 },
		{ BGP_EV_BAD_REFRESH, 0 },
	};

	assert_int_equal(countof(rows), BGP_EV_MAX);
	for (size_t i = 0; i < countof(rows); i++)
		assert_int_equal(bgp_fsm_event_number(rows[i].event), rows[i].number);
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void draws_itself(void **)
{
	own(sb_free) struct strbuf dot = {};
	own(sb_free) struct strbuf table = {};

	bgp_fsm_print_dot(&dot);
	assert_memory_equal(sb_text(&dot), "digraph bgp_fsm {\n", 18);
	assert_non_null(
		strstr(sb_text(&dot), "OpenConfirm -> Established [label=\"KeepAliveMsg / up\"]"));
	assert_null(strstr(sb_text(&dot), "ignore"));

	bgp_fsm_print_table(&table);
	assert_int_equal(count_lines(sb_text(&table)), BGP_EV_MAX + 1);
	assert_non_null(strstr(sb_text(&table), "19 BGPOpen"));
	assert_non_null(strstr(sb_text(&table), "confirm:OpenConfirm"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cell),
		cmocka_unit_test(transport_loss_ends_every_state),
		cmocka_unit_test(numbers_of_the_rfc),
		cmocka_unit_test(draws_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
