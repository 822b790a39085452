// A BFD session whose neighbour, operator and clock do anything in any order.
//
// The input is a list of commands, { command:8, argument:8, ... }; after each, what the
// engine wants done is held against what it may want: packets that a neighbour would take, Poll and
// Final apart, slow start while not Up, states that follow one another, no timer that is due and
// stays due, and never a session that is Up beyond its detection time.
#include <stdlib.h>

#include "bfd/session.h"
#include "lib/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OURS = 0x01020304, STEPS_MAX = 2000, ACTIONS_MAX = 3, RAW_MAX = 64 };

struct world {
	struct bfd_session *s;
	instant now;
	enum bfd_state state; // as the events say
	struct rd input;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

// ---- What the engine does ----

static void check_packet(const struct world *w, const struct bfd_action *a)
{
	const struct bfd_vars *v = bfd_session_vars(w->s);
	struct bfd_packet p;

	check(a->len == BFD_PACKET_BYTES);
	check(bfd_packet_parse(&p, a->data, a->len) == BFD_OK);
	check(!(p.poll && p.final) && !p.auth && !p.demand && !p.independent);
	check(p.my_disc == OURS && p.state == v->state && p.multiplier > 0);
	check(p.state == BFD_UP || p.desired_min_tx.us >= 1000000);
	check(p.your_disc == v->remote_disc && p.required_min_echo_rx.us == 0);
}

static void drain(struct world *w)
{
	const struct bfd_vars *v = bfd_session_vars(w->s);
	struct bfd_action a;
	int actions = 0;

	while (bfd_session_next(w->s, &a)) {
		check(++actions <= ACTIONS_MAX);
		if (a.kind == BFD_DO_SEND) {
			check_packet(w, &a);
			continue;
		}
		check(a.from == w->state && a.to == v->state && a.from != a.to);
		check(!a.failed || (a.from == BFD_UP && a.to == BFD_DOWN));
		w->state = a.to;
	}
	check(w->state == v->state);
	check(v->detection_time.us >= 0 && v->detection_time.us <= 255 * (int64_t)UINT32_MAX);
	check(v->tx_interval.us == 0 || v->tx_interval.us >= v->remote_min_rx.us);
	check(v->state == BFD_UP || v->tx_interval.us == 0 || v->tx_interval.us >= 1000000);
	check(v->state != BFD_UP || !instant_is_never(v->heard));
}

static void tick(struct world *w)
{
	const struct bfd_vars *v = bfd_session_vars(w->s);

	bfd_session_tick(w->s, w->now);
	drain(w);
	check(!instant_due(bfd_session_deadline(w->s), w->now));
	check(v->state != BFD_UP ||
		instant_before(w->now, instant_add(v->heard, v->detection_time)));
}

// ---- What happens to it ----

static span read_interval(struct rd *r)
{
	static const uint32_t values[] = { 0, 1, 50000, 1000000, UINT32_MAX };
	uint8_t n = rd_u8(r);

	return span_us(n < 250 ? 10000 + n * 4000u : values[(n - 250) % 5]);
}

static void receive(struct world *w, const struct bfd_packet *p)
{
	bool ours = p->your_disc == 0 || p->your_disc == OURS;
	enum bfd_verdict v = bfd_session_received(w->s, w->now, p);

	check((v == BFD_UNKNOWN_SESSION) == !ours);
	check(v != BFD_OK || bfd_session_vars(w->s)->remote_disc == p->my_disc);
	drain(w);
}

static void receive_sound(struct world *w, uint8_t argument)
{
	struct bfd_packet p = {
		.state = (enum bfd_state)(argument & 3),
		.poll = argument & 4,
		.final = argument & 8,
		.demand = argument & 16,
		.auth = (argument & 0xe0) == 0xe0,
		.my_disc = 7,
		.your_disc = (argument & 0xe0) == 0xc0 ? OURS + 1 : OURS,
	};

	p.multiplier = rd_u8(&w->input);
	p.multiplier += p.multiplier == 0;
	p.desired_min_tx = read_interval(&w->input);
	p.required_min_rx = read_interval(&w->input);
	receive(w, &p);
}

static void receive_raw(struct world *w, uint8_t argument)
{
	struct bfd_packet p;
	size_t n = argument % RAW_MAX;

	if (n > rd_left(&w->input))
		n = rd_left(&w->input);
	const uint8_t *bytes = rd_bytes(&w->input, n);
	if (bytes && bfd_packet_parse(&p, bytes, n) == BFD_OK)
		receive(w, &p);
}

static void pass(struct world *w, uint8_t argument)
{
	w->now = instant_add(w->now, span_us((int64_t)argument * argument * 100));
	tick(w);
}

static void to_deadline(struct world *w, uint8_t)
{
	instant next = bfd_session_deadline(w->s);

	if (instant_is_never(next))
		return;
	if (instant_before(w->now, next))
		w->now = next;
	tick(w);
}

static struct bfd_timing read_timing(struct world *w, uint8_t argument)
{
	struct bfd_timing t = { .multiplier = argument ? argument : 1 };

	t.min_tx = read_interval(&w->input);
	t.min_rx = read_interval(&w->input);
	t.min_tx.us += t.min_tx.us == 0;
	t.min_rx.us += t.min_rx.us == 0;
	return t;
}

static void set_timing(struct world *w, uint8_t argument)
{
	struct bfd_timing t = read_timing(w, argument);

	bfd_session_set_timing(w->s, w->now, &t);
	drain(w);
}

static void disable(struct world *w, uint8_t)
{
	bfd_session_disable(w->s, w->now);
	drain(w);
}

static void enable(struct world *w, uint8_t)
{
	bfd_session_enable(w->s, w->now);
	drain(w);
}

static void (*const commands[])(struct world *, uint8_t argument) = { receive_sound, receive_raw,
	pass, to_deadline, set_timing, disable, enable, receive_sound };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .state = BFD_DOWN, .input = rd_init(data, size) };
	struct bfd_config config = { .discriminator = OURS, .seed = size };

	config.timing = read_timing(&w, rd_u8(&w.input));
	w.s = bfd_session_new(&config, w.now);
	drain(&w);
	for (int i = 0; i < STEPS_MAX && rd_more(&w.input); i++) {
		uint8_t command = rd_u8(&w.input);
		uint8_t argument = rd_u8(&w.input);
		commands[command % countof(commands)](&w, argument);
	}
	bfd_session_free(&w.s);
	return 0;
}
