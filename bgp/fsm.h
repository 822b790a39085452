// The state machine of one BGP connection, RFC 4271 section 8, as a table.
//
// This is the pure part: (state, event) -> (action, next state). What the
// actions do is in bgp/act.c; bgp/peer.h runs one machine for the connection it opens
// and one for the connection it accepts (section 8.2.1).
#pragma once

#include "lib/strbuf.h"

enum bgp_state {
	BGP_IDLE,
	BGP_CONNECT,
	BGP_ACTIVE,
	BGP_OPENSENT,
	BGP_OPENCONFIRM,
	BGP_ESTABLISHED,
	BGP_STATE_MAX,
};

// Section 8.1; the RFC's numbers are in the table of fsm.c. All mandatory events
// are here, and those optional ones that this speaker uses: it starts again by itself only
// after IdleHold (13), and it does not delay its OPEN (12, 20).
enum bgp_fsm_event {
	BGP_EV_MANUAL_START,
	BGP_EV_MANUAL_STOP,
	BGP_EV_MANUAL_START_PASSIVE,
	BGP_EV_AUTO_START_PASSIVE,
	BGP_EV_AUTO_STOP,
	BGP_EV_CONNECT_RETRY,
	BGP_EV_HOLD,
	BGP_EV_KEEPALIVE,
	BGP_EV_IDLE_HOLD,
	BGP_EV_TCP_ACKED,
	BGP_EV_TCP_CONFIRMED,
	BGP_EV_TCP_FAILS,
	BGP_EV_RX_OPEN,
	BGP_EV_BAD_HEADER,
	BGP_EV_BAD_OPEN,
	BGP_EV_COLLISION_DUMP,
	BGP_EV_RX_NOTIFICATION_VERSION,
	BGP_EV_RX_NOTIFICATION,
	BGP_EV_RX_KEEPALIVE,
	BGP_EV_RX_UPDATE,
	BGP_EV_BAD_UPDATE,
	BGP_EV_SEND_HOLD,   // RFC 9687
	BGP_EV_RX_REFRESH,  // RFC 2918
	BGP_EV_BAD_REFRESH, // RFC 7313
	BGP_EV_MAX,
};

enum bgp_fsm_action {
	BGP_ACT_IGNORE,
	BGP_ACT_CONNECT,   // initiate TCP; the connect-retry timer guards it
	BGP_ACT_RECONNECT, // drop the attempt, then as CONNECT
	BGP_ACT_LISTEN,    // wait for the neighbour
	BGP_ACT_OPEN,      // send OPEN, large hold timer
	BGP_ACT_CONFIRM,   // send KEEPALIVE, negotiated timers
	BGP_ACT_UP,        // the session is established
	BGP_ACT_KEEPALIVE, // send KEEPALIVE
	BGP_ACT_ALIVE,     // restart the hold timer
	BGP_ACT_UPDATE,    // restart the hold timer, take the routes
	BGP_ACT_REFRESH,   // send the Adj-RIB-Out again
	BGP_ACT_LOST,      // TCP is gone: wait for the connect-retry timer
	BGP_ACT_DROP,      // close without a word
	BGP_ACT_NOTIFY,    // send the NOTIFICATION that the event calls for, close
	BGP_ACT_FSM_ERROR, // NOTIFICATION 5 with the subcode of the state (RFC 6608), close
	BGP_ACT_MAX,
};

struct bgp_fsm_step {
	enum bgp_fsm_action action;
	enum bgp_state next;
};

// Total: every state has an answer to every event.
struct bgp_fsm_step bgp_fsm_step(enum bgp_state state, enum bgp_fsm_event event);

const char *bgp_state_name(enum bgp_state state); // "Idle", "OpenSent"
const char *bgp_fsm_event_name(enum bgp_fsm_event event);
int bgp_fsm_event_number(
	enum bgp_fsm_event event); // of the RFC; 0: not an event of RFC 4271 or 9687
const char *bgp_fsm_action_name(enum bgp_fsm_action action);

// The machine as it stands in the table: a graph for dot(1), and a table of
// text with a row an event and a column a state.
void bgp_fsm_print_dot(struct strbuf *b);
void bgp_fsm_print_table(struct strbuf *b);
