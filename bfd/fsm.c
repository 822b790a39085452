// The table: a row is an event, a column the state of the session; an empty cell stays
// in that state. In short:
//
//	            AdminDown   Down   Init   Up    expired
//	Down        .           Init   Up     .     .
//	Init        Down        .      Up     Up    Down
//	Up          Down        Down   .      .     Down
//	AdminDown   .           .      .      .     .
#include "bfd/fsm.h"

#include <assert.h>

#include "lib/own.h"

struct cell {
	bool given;
	struct bfd_fsm_step step;
};

// clang-format off
#define GO(state, diag) { true, { BFD_##state, BFD_DIAG_##diag } }

static const struct row {
	const char *name;
	struct cell in[BFD_STATE_MAX];
} rows[] = {
	[BFD_EV_RX_ADMIN_DOWN] = { "received AdminDown", {
		[BFD_INIT]       = GO(DOWN,       NEIGHBOUR_DOWN),
		[BFD_UP]         = GO(DOWN,       NEIGHBOUR_DOWN) } },
	[BFD_EV_RX_DOWN] = { "received Down", {
		[BFD_DOWN]       = GO(INIT,       NONE),
		[BFD_UP]         = GO(DOWN,       NEIGHBOUR_DOWN) } },
	[BFD_EV_RX_INIT] = { "received Init", {
		[BFD_DOWN]       = GO(UP,         NONE),
		[BFD_INIT]       = GO(UP,         NONE) } },
	[BFD_EV_RX_UP] = { "received Up", {
		[BFD_INIT]       = GO(UP,         NONE) } },
	[BFD_EV_EXPIRED] = { "detection time expired", {
		[BFD_INIT]       = GO(DOWN,       EXPIRED),
		[BFD_UP]         = GO(DOWN,       EXPIRED) } },
	[BFD_EV_DISABLE] = { "disabled", {
		[BFD_DOWN]       = GO(ADMIN_DOWN, ADMIN_DOWN),
		[BFD_INIT]       = GO(ADMIN_DOWN, ADMIN_DOWN),
		[BFD_UP]         = GO(ADMIN_DOWN, ADMIN_DOWN) } },
	[BFD_EV_ENABLE] = { "enabled", {
		[BFD_ADMIN_DOWN] = GO(DOWN,       NONE) } },
};
// clang-format on
static_assert(countof(rows) == BFD_EV_MAX);
static_assert(BFD_EV_RX_ADMIN_DOWN == (int)BFD_ADMIN_DOWN && BFD_EV_RX_UP == (int)BFD_UP);

struct bfd_fsm_step bfd_fsm_step(enum bfd_state state, enum bfd_fsm_event event)
{
	const struct cell *cell = &rows[event].in[state];

	return cell->given ? cell->step : (struct bfd_fsm_step){ state, BFD_DIAG_NONE };
}

const char *bfd_fsm_event_name(enum bfd_fsm_event event)
{
	return rows[event].name;
}
