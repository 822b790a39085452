// A peer whose neighbour, network, operator and clock do anything in any order.
//
// The input is a list of commands, { command:8, argument:8, ... }; after each, what the
// engine wants done is held against what it may want: it writes only whole messages and only on
// connections that are open, states follow one another, routes are told within a session, UPDATEs
// that it makes are without fault, time never stands still for a timer that is due. With its
// highest bit, a command's bytes wait and come together with those of the next.
#include <stdlib.h>
#include <string.h>

#include "bgp/attr.h"
#include "bgp/msg.h"
#include "bgp/peer.h"
#include "bgp/update.h"
#include "lib/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ATTRS = 4, STEPS_MAX = 2000, TOGETHER = 0x80 };

struct world {
	struct bgp_peer *peer;
	instant now;
	enum bgp_state state;   // as the events say
	bool open[BGP_DIR_MAX]; // TCP as the program has it
	bool trying;            // to open BGP_OUT
	bool up;                // between ESTABLISHED and DOWN
	uint8_t segment[1024];  // bytes that are to come together
	size_t segment_len;
	bool together;
	unsigned ticks;
	struct bgp_attrs *attrs[ATTRS];
	struct rd input;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

// ---- What the engine does ----

static void check_message(const struct world *w, const struct bgp_action *a)
{
	const struct bgp_negotiated *n = bgp_peer_negotiated(w->peer);
	const struct bgp_codec any = {
		.as4 = true,
		.families = BGP_FAMILY_ALL,
		.paths_in = n ? n->paths_send : 0,
		.extended_next_hop = n && n->extended_next_hop,
	};
	struct bgp_msg m;
	struct bgp_fault f;
	struct bgp_update u;

	size_t max = n && n->extended_messages ? BGP_MSG_EXTENDED_MAX : BGP_MSG_MAX;

	check(bgp_msg_frame_up_to(&m, &f, a->data, a->len, max) == 0);
	check(m.size == a->len);
	if (m.type != BGP_MSG_UPDATE)
		return;
	bgp_update_decode(&u, m.body, &any);
	// Towards old speakers numbers have two octets, which this reader does not expect.
	check(u.fault.kind == BGP_FAULT_NONE || u.fault.kind == BGP_FAULT_AS_PATH ||
		u.fault.kind == BGP_FAULT_ATTR_UNEXPECTED);
}

static void check_event(struct world *w, const struct bgp_action *a)
{
	if (a->event == BGP_EVENT_STATE) {
		check(a->from == w->state && a->to != a->from);
		w->state = a->to;
	}
	if (a->event == BGP_EVENT_ESTABLISHED) {
		check(!w->up && w->state == BGP_ESTABLISHED && bgp_peer_negotiated(w->peer));
		w->up = true;
	}
	if (a->event == BGP_EVENT_DOWN) {
		check(memchr(a->error.text, '\0', sizeof(a->error.text)));
		w->up = false;
	}
}

static void carry_out(struct world *w, const struct bgp_action *a)
{
	switch (a->kind) {
	case BGP_DO_CONNECT:
		check(!w->trying && !w->open[BGP_OUT]);
		w->trying = true;
		break;
	case BGP_DO_SEND:
		check(w->open[a->dir]);
		check_message(w, a);
		break;
	case BGP_DO_CLOSE:
		w->open[a->dir] = false;
		if (a->dir == BGP_OUT)
			w->trying = false;
		break;
	case BGP_DO_EVENT:
		check_event(w, a);
		break;
	}
}

static void on_routes(void *ctx, const struct bgp_update *)
{
	const struct world *w = ctx;

	check(w->up && bgp_peer_negotiated(w->peer));
}

static void drain(struct world *w)
{
	struct bgp_action a;

	while (bgp_peer_next(w->peer, &a))
		carry_out(w, &a);
	check(bgp_peer_state(w->peer) == w->state);
	check((bgp_peer_negotiated(w->peer) != NULL) == (w->state == BGP_ESTABLISHED));
}

// ---- What the world does ----

static enum bgp_dir direction(uint8_t argument)
{
	return argument & 1 ? BGP_IN : BGP_OUT;
}

static void receive(struct world *w, uint8_t argument, const uint8_t *bytes, size_t len)
{
	if (len > sizeof(w->segment) - w->segment_len)
		return;
	memcpy(w->segment + w->segment_len, bytes, len);
	w->segment_len += len;
	if (w->together)
		return;
	bgp_peer_received(w->peer, w->now, direction(argument), w->segment, w->segment_len);
	w->segment_len = 0;
	drain(w);
}

static void do_start(struct world *w, uint8_t)
{
	bgp_peer_start(w->peer, w->now);
}

static void do_stop(struct world *w, uint8_t argument)
{
	bgp_peer_stop(w->peer, w->now, argument, argument & 1 ? "text \xc3\xa4" : NULL);
}

static void do_reset(struct world *w, uint8_t argument)
{
	bgp_peer_reset(w->peer, w->now, argument, argument & 1 ? "again" : NULL);
}

static void do_connected(struct world *w, uint8_t argument)
{
	struct ip_addr local = ip_from_u32(0xc0000200u + argument);

	if (!w->trying)
		return;
	w->trying = false;
	w->open[BGP_OUT] = true;
	bgp_peer_connected(w->peer, w->now, &local);
}

static void do_accepted(struct world *w, uint8_t argument)
{
	static const uint8_t six[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct ip_addr local = argument & 1 ? ip_from_bytes(IP6, six) : ip_from_u32(0xc0000201);
	bool was = w->open[BGP_IN];

	w->open[BGP_IN] = bgp_peer_accepted(w->peer, w->now, &local) || was;
}

static void do_closed(struct world *w, uint8_t argument)
{
	enum bgp_dir dir = direction(argument);

	if (!w->open[dir] && !(dir == BGP_OUT && w->trying))
		return;
	w->open[dir] = false;
	if (dir == BGP_OUT)
		w->trying = false;
	bgp_peer_closed(w->peer, w->now, dir, argument & 2 ? "reset" : NULL);
}

// { direction:8, length:8, that many bytes }
static void do_bytes(struct world *w, uint8_t argument)
{
	size_t len = rd_u8(&w->input);
	const uint8_t *bytes;

	len = len < rd_left(&w->input) ? len : rd_left(&w->input);
	bytes = rd_bytes(&w->input, len);
	if (bytes)
		receive(w, argument, bytes, len);
}

// A body with a sound header around it: { direction and type:8, length:8, body },
// delivered in two pieces.
static void do_message(struct world *w, uint8_t argument)
{
	uint8_t buf[BGP_HEADER_BYTES + UINT8_MAX];
	struct wr m = wr_init(buf, sizeof(buf));
	size_t len = rd_u8(&w->input);

	len = len < rd_left(&w->input) ? len : rd_left(&w->input);
	bgp_msg_begin(&m, (enum bgp_msg_type)(argument >> 1 & 7));
	const uint8_t *body = rd_bytes(&w->input, len);
	if (body)
		wr_bytes(&m, body, len);
	size_t n = bgp_msg_end(&m), half = n / 2;
	receive(w, argument, buf, half);
	receive(w, argument, buf + half, n - half);
}

// What a good neighbour says, so that sessions come up easily: { direction,
// old (no capabilities), with a lower identifier than ours, with all capabilities }.
static void do_open(struct world *w, uint8_t argument)
{
	static const uint8_t caps[] = { 22, 2, 20, 1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4,
		0, 0, 0xfb, 0xf0 };
	static const uint8_t all[] = { 62, 2, 60, 1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 5, 6, 0,
		1, 0, 1, 0, 2, 6, 0, 9, 1, 3, 64, 6, 0, 90, 0, 1, 1, 0, 65, 4, 0, 0, 0xfb, 0xf0, 69,
		8, 0, 1, 1, 3, 0, 2, 1, 3, 70, 0, 200, 5, 1, 2, 3, 4, 5 };
	uint8_t buf[128];
	struct wr m = wr_init(buf, sizeof(buf));

	bgp_msg_begin(&m, BGP_MSG_OPEN);
	wr_u8(&m, BGP_VERSION);
	wr_u16(&m, 64496);
	wr_u16(&m, 9);
	wr_u32(&m, argument & 4 ? 0xc0000200 : 0xc0000209);
	if (argument & 2)
		wr_u8(&m, 0);
	else if (argument & 8)
		wr_bytes(&m, all, sizeof(all));
	else
		wr_bytes(&m, caps, sizeof(caps));
	size_t n = bgp_msg_end(&m);
	receive(w, argument, buf, n);
}

static void do_keepalive(struct world *w, uint8_t argument)
{
	uint8_t buf[BGP_HEADER_BYTES];
	struct wr m = wr_init(buf, sizeof(buf));
	size_t n = bgp_keepalive_build(&m);

	receive(w, argument, buf, n);
}

static void do_time(struct world *w, uint8_t argument)
{
	instant deadline = bgp_peer_deadline(w->peer);

	if (argument & 1 && !instant_is_never(deadline) && instant_before(w->now, deadline))
		w->now = deadline;
	else
		w->now = instant_add(w->now, span_ms(argument * 40));
	bgp_peer_tick(w->peer, w->now);
	deadline = bgp_peer_deadline(w->peer);
	check(instant_before(w->now, deadline));
}

static struct ip_prefix prefix_of_number(uint8_t n)
{
	static const uint8_t six[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct ip_addr a = n & 1 ? ip_from_bytes(IP6, six) : ip_from_u32(0x0a000000);

	a.b[3] = n;
	return prefix_of(&a, n & 1 ? 32 + n % 64 : 24 + n % 9);
}

static void do_announce(struct world *w, uint8_t argument)
{
	struct ip_prefix p = prefix_of_number(argument);

	bgp_peer_announce(w->peer, w->now, &p, w->attrs[rd_u8(&w->input) % ATTRS]);
}

static void do_withdraw(struct world *w, uint8_t argument)
{
	struct ip_prefix p = prefix_of_number(argument);

	bgp_peer_withdraw(w->peer, w->now, &p);
}

static void do_backlog(struct world *w, uint8_t argument)
{
	bgp_peer_set_backlog(w->peer, w->now, direction(argument), (size_t)(argument >> 1) * 1024);
}

static void (*const commands[])(struct world *w, uint8_t argument) = {
	do_start,
	do_stop,
	do_connected,
	do_accepted,
	do_closed,
	do_bytes,
	do_message,
	do_open,
	do_keepalive,
	do_time,
	do_announce,
	do_withdraw,
	do_backlog,
	do_reset,
};

static void make_attrs(struct world *w)
{
	static const struct bgp_community list[] = { { .a = 64500, .b = 1 },
		{ .large = true, .a = 64500, .b = 1, .c = 2 } };
	const struct bgp_attrs_spec specs[ATTRS] = {
		{},
		{ .prepend = 2 },
		{ .has_med = true, .med = 7 },
		{ .communities = list, .community_count = countof(list) },
	};

	for (int i = 0; i < ATTRS; i++)
		check(bgp_attrs_new(&w->attrs[i], &specs[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .now = { 1000000 }, .input = rd_init(data, size) };
	uint8_t how = rd_u8(&w.input);
	struct bgp_peer_config config = {
		.local_as = how & 1 ? 64496 : 4200000001,
		.peer_as = 64496,
		.router_id = 0xc0000201,
		.hold_time = span_s(how & 2 ? 0 : 9),
		.connect_retry = span_s(5),
		.connect_retry_max = span_s(60),
		.passive = how & 4,
		.families = how >> 3 & BGP_FAMILY_ALL,
		.seed = how,
		.extended_messages = how & 32,
		.max_prefixes = how & 32 ? 3 : 0,
		.max_prefixes_wait = span_s(60),
		.has_role = how & 64,
		.role = BGP_ROLE_PROVIDER,
		.no_llgr = how & 64,
		.first_as = how & 64,
		.paths_receive = how & 128 ? BGP_FAMILY_ALL : 0,
		.paths_send = how & 128 ? BGP_FAMILY_ALL : 0,
		.extended_next_hop = how & 128,
		.restart_time = span_s(how & 128 ? 90 : 0),
		.restarted = true,
		.routes = on_routes,
		.routes_ctx = &w,
	};

	make_attrs(&w);
	w.peer = bgp_peer_new(&config);
	for (int i = 0; i < STEPS_MAX && rd_more(&w.input); i++) {
		uint8_t command = rd_u8(&w.input);
		uint8_t argument = rd_u8(&w.input);

		w.together = command & TOGETHER;
		commands[(command & ~TOGETHER) % countof(commands)](&w, argument);
		drain(&w);
	}
	bgp_peer_free(&w.peer);
	for (int i = 0; i < ATTRS; i++) {
		check(w.attrs[i]->refs == 1);
		bgp_attrs_unref(&w.attrs[i]);
	}
	return 0;
}
