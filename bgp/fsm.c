// The table. A row is an event with its number in RFC 4271 section 8.1, a
// column is a state with what section 8.2.2 lets it do.
//
// An empty cell is the section's "any other event": nothing in Idle; in
// Connect and Active, where no OPEN was sent and so no NOTIFICATION may be, the
// connection is dropped; from OpenSent on it is the FSM error.
//
// Where this table leaves the letter of section 8.2.2:
//   - a NOTIFICATION (25) in OpenSent is not answered with an FSM error, since
//     a NOTIFICATION is never reported by another one (section 6.4);
//   - a header error (21) in Established gets the NOTIFICATION of section 6.1
//     and not the FSM error.
#include "bgp/fsm.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/own.h"

struct cell {
	bool given;
	enum bgp_fsm_action action;
	enum bgp_state next;
};

struct row {
	int number;
	const char *name;
	struct cell in[BGP_STATE_MAX];
};

// clang-format off
#define GO(act, state) { true, BGP_ACT_##act, BGP_##state }

static const struct row rows[] = {
	[BGP_EV_MANUAL_START] = { 1, "ManualStart", {
		[BGP_IDLE]        = GO(CONNECT,   CONNECT),
		[BGP_CONNECT]     = GO(IGNORE,    CONNECT),
		[BGP_ACTIVE]      = GO(IGNORE,    ACTIVE),
		[BGP_OPENSENT]    = GO(IGNORE,    OPENSENT),
		[BGP_OPENCONFIRM] = GO(IGNORE,    OPENCONFIRM),
		[BGP_ESTABLISHED] = GO(IGNORE,    ESTABLISHED) } },
	[BGP_EV_MANUAL_STOP] = { 2, "ManualStop", {
		[BGP_CONNECT]     = GO(DROP,      IDLE),
		[BGP_ACTIVE]      = GO(DROP,      IDLE),
		[BGP_OPENSENT]    = GO(NOTIFY,    IDLE),
		[BGP_OPENCONFIRM] = GO(NOTIFY,    IDLE),
		[BGP_ESTABLISHED] = GO(NOTIFY,    IDLE) } },
	[BGP_EV_MANUAL_START_PASSIVE] = { 4, "ManualStart_with_PassiveTcpEstablishment", {
		[BGP_IDLE]        = GO(LISTEN,    ACTIVE),
		[BGP_CONNECT]     = GO(IGNORE,    CONNECT),
		[BGP_ACTIVE]      = GO(IGNORE,    ACTIVE),
		[BGP_OPENSENT]    = GO(IGNORE,    OPENSENT),
		[BGP_OPENCONFIRM] = GO(IGNORE,    OPENCONFIRM),
		[BGP_ESTABLISHED] = GO(IGNORE,    ESTABLISHED) } },
	[BGP_EV_AUTO_START_PASSIVE] = { 5, "AutomaticStart_with_PassiveTcpEstablishment", {
		[BGP_IDLE]        = GO(LISTEN,    ACTIVE),
		[BGP_CONNECT]     = GO(IGNORE,    CONNECT),
		[BGP_ACTIVE]      = GO(IGNORE,    ACTIVE),
		[BGP_OPENSENT]    = GO(IGNORE,    OPENSENT),
		[BGP_OPENCONFIRM] = GO(IGNORE,    OPENCONFIRM),
		[BGP_ESTABLISHED] = GO(IGNORE,    ESTABLISHED) } },
	[BGP_EV_AUTO_STOP] = { 8, "AutomaticStop", {
		[BGP_CONNECT]     = GO(DROP,      IDLE),
		[BGP_ACTIVE]      = GO(DROP,      IDLE),
		[BGP_OPENSENT]    = GO(NOTIFY,    IDLE),
		[BGP_OPENCONFIRM] = GO(NOTIFY,    IDLE),
		[BGP_ESTABLISHED] = GO(NOTIFY,    IDLE) } },
	[BGP_EV_CONNECT_RETRY] = { 9, "ConnectRetryTimer_Expires", {
		[BGP_CONNECT]     = GO(RECONNECT, CONNECT),
		[BGP_ACTIVE]      = GO(CONNECT,   CONNECT) } },
	[BGP_EV_HOLD] = { 10, "HoldTimer_Expires", {
		[BGP_OPENSENT]    = GO(NOTIFY,    IDLE),
		[BGP_OPENCONFIRM] = GO(NOTIFY,    IDLE),
		[BGP_ESTABLISHED] = GO(NOTIFY,    IDLE) } },
	[BGP_EV_KEEPALIVE] = { 11, "KeepaliveTimer_Expires", {
		[BGP_OPENCONFIRM] = GO(KEEPALIVE, OPENCONFIRM),
		[BGP_ESTABLISHED] = GO(KEEPALIVE, ESTABLISHED) } },
	[BGP_EV_IDLE_HOLD] = { 13, "IdleHoldTimer_Expires", {
		[BGP_IDLE]        = GO(CONNECT,   CONNECT) } },
	[BGP_EV_TCP_ACKED] = { 16, "Tcp_CR_Acked", {
		[BGP_CONNECT]     = GO(OPEN,      OPENSENT),
		[BGP_ACTIVE]      = GO(OPEN,      OPENSENT),
		[BGP_OPENSENT]    = GO(IGNORE,    OPENSENT),
		[BGP_OPENCONFIRM] = GO(IGNORE,    OPENCONFIRM),
		[BGP_ESTABLISHED] = GO(IGNORE,    ESTABLISHED) } },
	[BGP_EV_TCP_CONFIRMED] = { 17, "TcpConnectionConfirmed", {
		[BGP_CONNECT]     = GO(OPEN,      OPENSENT),
		[BGP_ACTIVE]      = GO(OPEN,      OPENSENT),
		[BGP_OPENSENT]    = GO(IGNORE,    OPENSENT),
		[BGP_OPENCONFIRM] = GO(IGNORE,    OPENCONFIRM),
		[BGP_ESTABLISHED] = GO(IGNORE,    ESTABLISHED) } },
	[BGP_EV_TCP_FAILS] = { 18, "TcpConnectionFails", {
		[BGP_CONNECT]     = GO(DROP,      IDLE),
		[BGP_ACTIVE]      = GO(DROP,      IDLE),
		[BGP_OPENSENT]    = GO(LOST,      ACTIVE),
		[BGP_OPENCONFIRM] = GO(DROP,      IDLE),
		[BGP_ESTABLISHED] = GO(DROP,      IDLE) } },
	[BGP_EV_RX_OPEN] = { 19, "BGPOpen", {
		[BGP_OPENSENT]    = GO(CONFIRM,   OPENCONFIRM) } },
	[BGP_EV_BAD_HEADER] = { 21, "BGPHeaderErr", {
		[BGP_OPENSENT]    = GO(NOTIFY,    IDLE),
		[BGP_OPENCONFIRM] = GO(NOTIFY,    IDLE),
		[BGP_ESTABLISHED] = GO(NOTIFY,    IDLE) } },
	[BGP_EV_BAD_OPEN] = { 22, "BGPOpenMsgErr", {
		[BGP_OPENSENT]    = GO(NOTIFY,    IDLE),
		[BGP_OPENCONFIRM] = GO(NOTIFY,    IDLE) } },
	[BGP_EV_COLLISION_DUMP] = { 23, "OpenCollisionDump", {
		[BGP_OPENSENT]    = GO(NOTIFY,    IDLE),
		[BGP_OPENCONFIRM] = GO(NOTIFY,    IDLE),
		[BGP_ESTABLISHED] = GO(NOTIFY,    IDLE) } },
	[BGP_EV_RX_NOTIFICATION_VERSION] = { 24, "NotifMsgVerErr", {
		[BGP_OPENSENT]    = GO(DROP,      IDLE),
		[BGP_OPENCONFIRM] = GO(DROP,      IDLE),
		[BGP_ESTABLISHED] = GO(DROP,      IDLE) } },
	[BGP_EV_RX_NOTIFICATION] = { 25, "NotifMsg", {
		[BGP_OPENSENT]    = GO(DROP,      IDLE),
		[BGP_OPENCONFIRM] = GO(DROP,      IDLE),
		[BGP_ESTABLISHED] = GO(DROP,      IDLE) } },
	[BGP_EV_RX_KEEPALIVE] = { 26, "KeepAliveMsg", {
		[BGP_OPENCONFIRM] = GO(UP,        ESTABLISHED),
		[BGP_ESTABLISHED] = GO(ALIVE,     ESTABLISHED) } },
	[BGP_EV_RX_UPDATE] = { 27, "UpdateMsg", {
		[BGP_ESTABLISHED] = GO(UPDATE,    ESTABLISHED) } },
	[BGP_EV_BAD_UPDATE] = { 28, "UpdateMsgErr", {
		[BGP_ESTABLISHED] = GO(NOTIFY,    IDLE) } },
	[BGP_EV_SEND_HOLD] = { 29, "SendHoldTimer_Expires", {
		[BGP_ESTABLISHED] = GO(NOTIFY,    IDLE) } },
	[BGP_EV_RX_REFRESH] = { 0, "RouteRefreshMsg", {
		[BGP_ESTABLISHED] = GO(REFRESH,   ESTABLISHED) } },
	[BGP_EV_BAD_REFRESH] = { 0, "RouteRefreshMsgErr", {
		[BGP_ESTABLISHED] = GO(NOTIFY,    IDLE) } },
};
// clang-format on
static_assert(countof(rows) == BGP_EV_MAX);

// What an empty cell means in each state.
static const enum bgp_fsm_action otherwise[] = {
	[BGP_IDLE] = BGP_ACT_IGNORE,
	[BGP_CONNECT] = BGP_ACT_DROP,
	[BGP_ACTIVE] = BGP_ACT_DROP,
	[BGP_OPENSENT] = BGP_ACT_FSM_ERROR,
	[BGP_OPENCONFIRM] = BGP_ACT_FSM_ERROR,
	[BGP_ESTABLISHED] = BGP_ACT_FSM_ERROR,
};
static_assert(countof(otherwise) == BGP_STATE_MAX);

static const char *const state_names[] = {
	[BGP_IDLE] = "Idle",
	[BGP_CONNECT] = "Connect",
	[BGP_ACTIVE] = "Active",
	[BGP_OPENSENT] = "OpenSent",
	[BGP_OPENCONFIRM] = "OpenConfirm",
	[BGP_ESTABLISHED] = "Established",
};
static_assert(countof(state_names) == BGP_STATE_MAX);

static const char *const action_names[] = {
	[BGP_ACT_IGNORE] = "ignore",
	[BGP_ACT_CONNECT] = "connect",
	[BGP_ACT_RECONNECT] = "reconnect",
	[BGP_ACT_LISTEN] = "listen",
	[BGP_ACT_OPEN] = "open",
	[BGP_ACT_CONFIRM] = "confirm",
	[BGP_ACT_UP] = "up",
	[BGP_ACT_KEEPALIVE] = "keepalive",
	[BGP_ACT_ALIVE] = "alive",
	[BGP_ACT_UPDATE] = "update",
	[BGP_ACT_REFRESH] = "refresh",
	[BGP_ACT_LOST] = "lost",
	[BGP_ACT_DROP] = "drop",
	[BGP_ACT_NOTIFY] = "notify",
	[BGP_ACT_FSM_ERROR] = "fsm-error",
};
static_assert(countof(action_names) == BGP_ACT_MAX);

struct bgp_fsm_step bgp_fsm_step(enum bgp_state state, enum bgp_fsm_event event)
{
	const struct cell *c = &rows[event].in[state];

	if (c->given)
		return (struct bgp_fsm_step){ c->action, c->next };
	return (struct bgp_fsm_step){ otherwise[state], BGP_IDLE };
}

const char *bgp_state_name(enum bgp_state state)
{
	return state_names[state];
}

const char *bgp_fsm_event_name(enum bgp_fsm_event event)
{
	return rows[event].name;
}

int bgp_fsm_event_number(enum bgp_fsm_event event)
{
	return rows[event].number;
}

const char *bgp_fsm_action_name(enum bgp_fsm_action action)
{
	return action_names[action];
}

void bgp_fsm_print_dot(struct strbuf *b)
{
	sb_str(b, "digraph bgp_fsm {\n");
	for (int s = 0; s < BGP_STATE_MAX; s++) {
		for (int e = 0; e < BGP_EV_MAX; e++) {
			const struct cell *c = &rows[e].in[s];

			if (c->given && c->action != BGP_ACT_IGNORE)
				sb_printf(b, "\t%s -> %s [label=\"%s / %s\"];\n", state_names[s],
					state_names[c->next], rows[e].name,
					action_names[c->action]);
		}
	}
	sb_str(b, "}\n");
}

static void print_cell(struct strbuf *b, int event, int state)
{
	const struct cell *c = &rows[event].in[state];
	char text[32];

	if (c->given && c->action != BGP_ACT_IGNORE)
		snprintf(
			text, sizeof(text), "%s:%s", action_names[c->action], state_names[c->next]);
	else
		snprintf(text, sizeof(text), "%s", c->given ? "ignore" : "-");
	sb_printf(b, " %-22s", text);
}

void bgp_fsm_print_table(struct strbuf *b)
{
	sb_printf(b, "%2s %-44s", "", "event");
	for (int s = 0; s < BGP_STATE_MAX; s++)
		sb_printf(b, " %-22s", state_names[s]);
	sb_char(b, '\n');
	for (int e = 0; e < BGP_EV_MAX; e++) {
		sb_printf(b, "%2d %-44s", rows[e].number, rows[e].name);
		for (int s = 0; s < BGP_STATE_MAX; s++)
			print_cell(b, e, s);
		sb_char(b, '\n');
	}
}
