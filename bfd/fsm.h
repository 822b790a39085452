// The state machine of a BFD session, RFC 5880 sections 6.2 and 6.8.6, as a table:
// what was received, or the timer, against the state of the session.
#pragma once

#include "bfd/packet.h"

enum bfd_fsm_event {
	BFD_EV_RX_ADMIN_DOWN, // a packet with this state; in the order of enum bfd_state
	BFD_EV_RX_DOWN,
	BFD_EV_RX_INIT,
	BFD_EV_RX_UP,
	BFD_EV_EXPIRED, // nothing was received for the detection time
	BFD_EV_DISABLE, // the operator takes the session down, section 6.8.16
	BFD_EV_ENABLE,
	BFD_EV_MAX,
};

struct bfd_fsm_step {
	enum bfd_state next;
	enum bfd_diag diag; // of the session from now on, when next is another state
};

// Total: every state has an answer to every event.
struct bfd_fsm_step bfd_fsm_step(enum bfd_state state, enum bfd_fsm_event event);

const char *bfd_fsm_event_name(enum bfd_fsm_event event);
