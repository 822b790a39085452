// What fleet neighbours send, whatever it is: UPDATEs of three sessions, sessions that end, and
// time that passes.
//
//	| what (1) | session and role (1) | length (2) | body |
//	what % 8: 0 to 5 an UPDATE, 6 the session ends, 7 an hour passes
//
// Afterwards the entries can be walked, the guard can be asked, and what it counted is what
// there is.
#include <stdlib.h>

#include "fleet/view.h"
#include "lib/own.h"
#include "lib/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SESSIONS = 3, AS = 64500 };

static const struct bgp_codec codec = {
	.local_as = AS,
	.ibgp = true,
	.as4 = true,
	.families = BGP_FAMILY_ALL,
	.offered = BGP_FAMILY_ALL,
	.paths_in = BGP_FAMILY_ALL,
};

static const struct ip_prefix prefixes[] = {
	{ { IP4, { 198, 51, 100 } }, 24 },
	{ { IP6, { 0x20, 0x01, 0x0d, 0xb8, 0, 0x53 } }, 48 },
};

static void take_news(struct fleet_view *v)
{
	struct fleet_news n;

	while (fleet_view_next(v, &n))
		if (n.kind == FLEET_REFUSED && fleet_view_refused(v, n.session, n.refusal) == 0)
			abort();
}

static void check_prefix(struct fleet_view *v, instant now, const struct ip_prefix *prefix)
{
	const struct fleet_state own = { .node = 1, .standing = STANDING_SOFT };
	const struct guard_policy policy = { { true, 50 }, true };
	struct fleet_entry e;
	size_t at = 0, live = 0;

	while (fleet_view_entry(v, now, prefix, &at, &e)) {
		if (!fleet_name_is_valid(e.state.site) || !fleet_name_is_valid(e.state.name))
			abort();
		if (e.state.node < 1 || e.state.node > FLEET_NODE_ID_MAX)
			abort();
		live += e.paths > 0;
	}
	struct guard_result r = fleet_view_guard(v, prefix, &own, &policy);
	if (live > fleet_view_nodes(v) || r.able > live || r.known > at + 1 || r.known < 1)
		abort();
	if (fleet_view_nodes(v) == 0 && r.verdict != GUARD_ISOLATED)
		abort();
	fleet_view_guard_leaving(v, prefix, &own, &policy);
	fleet_view_room(v, prefix, &own);
}

static void step(struct fleet_view *v, instant *now, struct rd *r)
{
	unsigned what = rd_u8(r) % 8;
	unsigned who = rd_u8(r);
	unsigned len = rd_u16(r);
	struct bgp_update u;
	const struct fleet_session s = {
		.index = who % SESSIONS,
		.bgp_id = 10 + who % SESSIONS,
		.role = (enum fleet_role)(who / SESSIONS % 3),
	};

	if (what == 6)
		fleet_view_session_down(v, *now, s.index);
	if (what == 7) {
		*now = instant_add(*now, span_s(FLEET_FORGET_S));
		fleet_view_tick(v, *now);
	}
	if (what >= 6)
		return;
	struct rd body = rd_sub(r, len < rd_left(r) ? len : rd_left(r));
	bgp_update_decode(&u, body, &codec);
	if (u.fault.verb != BGP_VERB_RESET)
		fleet_view_update(v, *now, &s, &u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fleet_view_config config = { .as = AS,
		.router_id = 1,
		.node = 1,
		.site = "own",
		.name = "own-a",
		.forget = span_s(FLEET_FORGET_S) };
	struct fleet_view *v = fleet_view_new(&config);
	struct rd r = rd_init(data, size);
	instant now = { 1 };

	for (size_t i = 0; i < countof(prefixes); i++)
		fleet_view_follow(v, &prefixes[i]);
	while (rd_more(&r))
		step(v, &now, &r);
	take_news(v);
	for (size_t i = 0; i < countof(prefixes); i++)
		check_prefix(v, now, &prefixes[i]);
	for (unsigned i = 0; i < SESSIONS; i++)
		fleet_view_session_down(v, now, i);
	if (fleet_view_nodes(v) != 0)
		abort();
	take_news(v);
	fleet_view_free(&v);
	return 0;
}
