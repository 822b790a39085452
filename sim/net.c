#include "sim/net.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "sim/world.h"

enum {
	GRAIN_US = 1000,     // arrivals fall on a grid: a loop takes in what came meanwhile
	BACKLOG = 16 * 1024, // more than that under way is the sender's backlog
	RTO_MIN_MS = 200,    // a lost segment comes again after that
	RTO_MAX_MS = 1500,
	HEAL_MAX_MS = 3000, // the wait between two retransmissions when a cut ends
	RETRY_JITTER_MS = 5,
};

// ---- Buffers ----

struct sim_buffer *sim_buffer_new(size_t len)
{
	struct sim_buffer *b = mem_zalloc(sizeof(*b) + len);

	b->refs = 1;
	b->len = len;
	return b;
}

void sim_buffer_unref(struct sim_buffer **bp)
{
	struct sim_buffer *b = take(*bp);

	if (b && --b->refs == 0)
		free(b);
}

// ---- Sessions ----

struct sim_session *sim_session_new(struct sim_world *w, struct sim_party *a, struct sim_party *b)
{
	struct sim_session *s = mem_zalloc(sizeof(*s));
	struct sim_party *parties[2] = { a, b };

	s->world = w;
	s->index = w->session_count;
	s->link.stalled[0] = s->link.stalled[1] = (instant){ 0 };
	for (int i = 0; i < 2; i++) {
		struct sim_party *p = parties[i];
		s->end[i] = (struct sim_end){
			.party = p,
			.session = s,
			.side = i,
			.index = p->end_count,
			.timer_at = INSTANT_NEVER,
		};
		p->ends = mem_resize(p->ends, p->end_count + 1, sizeof(struct sim_end *));
		p->ends[p->end_count++] = &s->end[i];
		for (int to = 0; to < 2; to++)
			s->tcp[i].to[to] = (struct sim_pipe){ .session = s, .opener = i, .to = to };
	}
	if (w->session_count == w->session_room) {
		w->session_room = w->session_room ? 2 * w->session_room : 64;
		w->sessions =
			mem_resize(w->sessions, w->session_room, sizeof(struct sim_session *));
	}
	w->sessions[w->session_count++] = s;
	return s;
}

static void chunk_free(struct sim_chunk *c)
{
	sim_buffer_unref(&c->buffer);
	free(c);
}

static struct sim_chunk *pipe_pop(struct sim_pipe *p)
{
	struct sim_chunk *c = p->head;

	p->head = c->next;
	if (!p->head)
		p->tail = NULL;
	p->bytes -= c->to - c->from;
	return c;
}

void sim_session_free(struct sim_session **sp)
{
	struct sim_session *s = take(*sp);

	for (int i = 0; s && i < 4; i++) {
		struct sim_pipe *p = &s->tcp[i / 2].to[i % 2];
		while (p->head)
			chunk_free(pipe_pop(p));
	}
	for (int i = 0; s && i < 2; i++)
		bgp_peer_free(&s->end[i].peer);
	free(s);
}

// ---- Pipes ----

static void on_pipe(void *obj, uint64_t);

static void pipe_arm(struct sim_pipe *p, instant at)
{
	if (p->armed)
		return;
	p->armed = true;
	sim_at(p->session->world, at, on_pipe, p, 0);
}

static instant on_grid(instant t)
{
	return (instant){ (t.us + GRAIN_US - 1) / GRAIN_US * GRAIN_US };
}

// Later than what was sent before; a lost segment, or a slow reader, delays all behind it.
static instant arrival(struct sim_pipe *p, size_t len)
{
	struct sim_world *w = p->session->world;
	const struct sim_link *l = &p->session->link;
	instant at = instant_add(w->now, l->latency[p->to]);

	at = instant_add(at, span_us(rng_range(&w->rng, 0, l->latency[p->to].us / 10)));
	if (l->loss_permille && rng_range(&w->rng, 0, 999) < l->loss_permille)
		at = instant_add(at, span_ms(rng_range(&w->rng, RTO_MIN_MS, RTO_MAX_MS)));
	if (instant_before(at, p->last))
		at = p->last;
	if (l->rate[p->to])
		at = instant_add(at, span_us((int64_t)len * 1000000 / l->rate[p->to]));
	return on_grid(at);
}

static void report_backlog(struct sim_pipe *p)
{
	struct sim_world *w = p->session->world;
	struct sim_end *from = &p->session->end[!p->to];
	size_t backlog = p->bytes > BACKLOG ? p->bytes - BACKLOG : 0;

	if ((!backlog && !p->reported) || !from->peer)
		return;
	p->reported = backlog > 0;
	bgp_peer_set_backlog(from->peer, sim_local(from->party),
		p->opener == from->side ? BGP_OUT : BGP_IN, backlog);
	(void)w;
}

static void pipe_push(struct sim_pipe *p, enum sim_chunk_kind kind, uint32_t generation,
	struct sim_buffer *b, size_t from, size_t to)
{
	struct sim_chunk *c = mem_zalloc(sizeof(*c));

	c->sent = p->session->world->now;
	c->at = p->last = arrival(p, to - from);
	c->kind = kind;
	c->generation = generation;
	c->buffer = b;
	c->from = from;
	c->to = to;
	if (b)
		b->refs++;
	if (p->tail)
		p->tail->next = c;
	else
		p->head = c;
	p->tail = c;
	p->bytes += to - from;
	if (!p->session->link.cut)
		pipe_arm(p, p->head->at);
	report_backlog(p);
}

// ---- Arrivals ----

static enum bgp_dir dir_of(const struct sim_pipe *p, int side)
{
	return p->opener == side ? BGP_OUT : BGP_IN;
}

static void on_syn(struct sim_pipe *p, const struct sim_chunk *c)
{
	struct sim_tcp *tcp = &p->session->tcp[p->opener];
	struct sim_end *e = &p->session->end[p->to];
	struct sim_pipe *back = &tcp->to[!p->to];

	if (tcp->side[p->opener].generation != c->generation ||
		tcp->side[p->opener].state != SIM_TCP_CONNECTING)
		return; // given up meanwhile
	if (!e->peer || !bgp_peer_accepted(e->peer, sim_local(e->party), &e->party->address)) {
		pipe_push(back, SIM_REFUSED, c->generation, NULL, 0, 0);
		return;
	}
	tcp->side[p->to].state = SIM_TCP_OPEN;
	tcp->side[p->to].generation = c->generation;
	pipe_push(back, SIM_SYN_ACK, c->generation, NULL, 0, 0);
}

static void on_syn_ack(struct sim_pipe *p, const struct sim_chunk *c)
{
	struct sim_tcp *tcp = &p->session->tcp[p->opener];
	struct sim_end *e = &p->session->end[p->to];

	if (tcp->side[p->to].generation != c->generation ||
		tcp->side[p->to].state != SIM_TCP_CONNECTING) {
		pipe_push(&tcp->to[!p->to], SIM_RST, c->generation, NULL, 0, 0);
		return;
	}
	tcp->side[p->to].state = SIM_TCP_OPEN;
	bgp_peer_connected(e->peer, sim_local(e->party), &e->party->address);
}

static void on_end_of_stream(struct sim_pipe *p, const struct sim_chunk *c, const char *why)
{
	struct sim_tcp *tcp = &p->session->tcp[p->opener];
	struct sim_end *e = &p->session->end[p->to];

	if (tcp->side[p->to].generation != c->generation ||
		tcp->side[p->to].state == SIM_TCP_CLOSED)
		return;
	tcp->side[p->to].state = SIM_TCP_CLOSED;
	bgp_peer_closed(e->peer, sim_local(e->party), dir_of(p, p->to), why);
}

static void on_data(struct sim_pipe *p, const struct sim_chunk *c)
{
	struct sim_tcp *tcp = &p->session->tcp[p->opener];
	struct sim_end *e = &p->session->end[p->to];
	struct sim_world *w = p->session->world;

	if (tcp->side[p->to].generation != c->generation ||
		tcp->side[p->to].state != SIM_TCP_OPEN) {
		pipe_push(&tcp->to[!p->to], SIM_RST, c->generation, NULL, 0, 0);
		return;
	}
	w->deliveries++;
	bgp_peer_received(e->peer, sim_local(e->party), dir_of(p, p->to),
		c->buffer->bytes + c->from, c->to - c->from);
}

static void deliver(struct sim_pipe *p, const struct sim_chunk *c)
{
	struct sim_end *e = &p->session->end[p->to];

	sim_trace_mix(&p->session->world->trace, (uint64_t)c->kind << 32 | (c->to - c->from));
	if (!e->party->host_up)
		return;
	switch (c->kind) {
	case SIM_SYN:
		on_syn(p, c);
		break;
	case SIM_SYN_ACK:
		on_syn_ack(p, c);
		break;
	case SIM_DATA:
		on_data(p, c);
		break;
	case SIM_REFUSED:
		on_end_of_stream(p, c, "connection refused");
		break;
	case SIM_FIN:
		on_end_of_stream(p, c, "closed by the neighbour");
		break;
	case SIM_RST:
		on_end_of_stream(p, c, "connection reset");
		break;
	}
}

static void turn(struct sim_party *party)
{
	if (party->kind == SIM_NODE)
		sim_node_turn((struct sim_node *)party);
}

static void on_pipe(void *obj, uint64_t)
{
	struct sim_pipe *p = obj;
	struct sim_world *w = p->session->world;
	const struct sim_link *l = &p->session->link;

	p->armed = false;
	if (l->cut || !p->head)
		return;
	if (instant_before(w->now, l->stalled[p->to])) {
		pipe_arm(p, l->stalled[p->to]);
		return;
	}
	while (p->head && instant_due(p->head->at, w->now)) {
		struct sim_chunk *c = pipe_pop(p);
		deliver(p, c);
		chunk_free(c);
	}
	report_backlog(p);
	if (p->head)
		pipe_arm(p, p->head->at);
	for (int i = 0; i < 2; i++)
		if (p->session->end[i].peer)
			sim_end_pump(&p->session->end[i]);
	turn(p->session->end[p->to].party);
}

// ---- Ends ----

static void on_end_timer(void *obj, uint64_t at)
{
	struct sim_end *e = obj;

	if ((uint64_t)e->timer_at.us != at)
		return; // another one took its place
	e->timer_at = INSTANT_NEVER;
	if (!e->peer)
		return;
	instant now = sim_local(e->party);
	if (instant_due(bgp_peer_deadline(e->peer), now))
		bgp_peer_tick(e->peer, now);
	sim_end_pump(e);
	turn(e->party);
}

// An event that comes too early asks again; most deadlines only move away.
static void arm_timer(struct sim_end *e)
{
	struct sim_world *w = e->session->world;
	instant at = sim_true(e->party, bgp_peer_deadline(e->peer));

	if (!instant_before(at, e->timer_at))
		return;
	if (instant_before(at, w->now))
		at = w->now;
	e->timer_at = at;
	sim_at(w, at, on_end_timer, e, (uint64_t)at.us);
}

static void do_connect(struct sim_end *e)
{
	struct sim_tcp *tcp = &e->session->tcp[e->side];

	tcp->side[e->side].generation = ++tcp->generations;
	tcp->side[e->side].state = SIM_TCP_CONNECTING;
	pipe_push(&tcp->to[!e->side], SIM_SYN, tcp->generations, NULL, 0, 0);
}

static struct sim_tcp *tcp_of(struct sim_end *e, enum bgp_dir dir)
{
	return &e->session->tcp[dir == BGP_OUT ? e->side : !e->side];
}

static void do_send(struct sim_end *e, const struct bgp_action *a)
{
	struct sim_tcp *tcp = tcp_of(e, a->dir);
	struct sim_buffer *b = sim_buffer_new(a->len);

	memcpy(b->bytes, a->data, a->len);
	if (tcp->side[e->side].state == SIM_TCP_OPEN)
		pipe_push(
			&tcp->to[!e->side], SIM_DATA, tcp->side[e->side].generation, b, 0, a->len);
	sim_buffer_unref(&b);
}

static void do_close(struct sim_end *e, enum bgp_dir dir)
{
	struct sim_tcp *tcp = tcp_of(e, dir);

	if (tcp->side[e->side].state == SIM_TCP_CLOSED)
		return;
	tcp->side[e->side].state = SIM_TCP_CLOSED;
	pipe_push(&tcp->to[!e->side], SIM_FIN, tcp->side[e->side].generation, NULL, 0, 0);
}

static void tell_party(struct sim_end *e, bool up)
{
	static void (*const tell[])(struct sim_end *, bool) = {
		[SIM_NODE] = sim_node_session,
		[SIM_REFLECTOR] = sim_reflector_session,
		[SIM_ROUTER] = sim_router_session,
	};

	e->session->world->reach_version++;
	e->up = up;
	tell[e->party->kind](e, up);
}

static void do_event(struct sim_end *e, const struct bgp_action *a)
{
	if (a->event == BGP_EVENT_ESTABLISHED) {
		e->dir = a->dir;
		tell_party(e, true);
	} else if (a->event == BGP_EVENT_DOWN && e->up)
		tell_party(e, false);
}

void sim_end_pump(struct sim_end *e)
{
	struct bgp_action a;

	while (bgp_peer_next(e->peer, &a)) {
		if (a.kind == BGP_DO_CONNECT)
			do_connect(e);
		else if (a.kind == BGP_DO_SEND)
			do_send(e, &a);
		else if (a.kind == BGP_DO_CLOSE)
			do_close(e, a.dir);
		else
			do_event(e, &a);
	}
	arm_timer(e);
}

void sim_end_send(struct sim_end *e, struct sim_buffer *b, size_t from, size_t to)
{
	struct sim_tcp *tcp = tcp_of(e, e->dir);

	if (e->up && tcp->side[e->side].state == SIM_TCP_OPEN)
		pipe_push(&tcp->to[!e->side], SIM_DATA, tcp->side[e->side].generation, b, from, to);
}

void sim_end_start(struct sim_end *e)
{
	bgp_peer_free(&e->peer);
	e->peer = bgp_peer_new(&e->config);
	e->up = false;
	bgp_peer_start(e->peer, sim_local(e->party));
	sim_end_pump(e);
}

void sim_end_kill(struct sim_end *e, bool silent)
{
	for (int opener = 0; opener < 2; opener++) {
		struct sim_tcp *tcp = &e->session->tcp[opener];
		bool open = tcp->side[e->side].state != SIM_TCP_CLOSED;

		tcp->side[e->side].state = SIM_TCP_CLOSED;
		if (open && !silent)
			pipe_push(&tcp->to[!e->side], SIM_RST, tcp->side[e->side].generation, NULL,
				0, 0);
	}
	bgp_peer_free(&e->peer);
	if (e->up)
		e->session->world->reach_version++;
	e->up = false;
}

// ---- Faults of the network ----

void sim_session_cut(struct sim_session *s, bool cut)
{
	struct sim_world *w = s->world;

	if (s->link.cut == cut)
		return;
	s->link.cut = cut;
	w->reach_version++;
	for (int i = 0; !cut && i < 4; i++) {
		struct sim_pipe *p = &s->tcp[i / 2].to[i % 2];
		if (p->head)
			pipe_arm(p,
				instant_add(w->now, span_ms(rng_range(&w->rng, 1, HEAL_MAX_MS))));
	}
}

void sim_session_reset(struct sim_session *s)
{
	for (int opener = 0; opener < 2; opener++) {
		struct sim_tcp *tcp = &s->tcp[opener];
		for (int side = 0; side < 2; side++) {
			struct sim_end *e = &s->end[side];
			if (tcp->side[side].state == SIM_TCP_CLOSED || !e->peer)
				continue;
			tcp->side[side].state = SIM_TCP_CLOSED;
			bgp_peer_closed(e->peer, sim_local(e->party),
				opener == side ? BGP_OUT : BGP_IN, "connection reset");
		}
	}
	for (int side = 0; side < 2; side++) {
		if (s->end[side].peer)
			sim_end_pump(&s->end[side]);
		turn(s->end[side].party);
	}
}

void sim_session_stall(struct sim_session *s, int towards, span time)
{
	s->link.stalled[towards] = instant_add(s->world->now, time);
}

// ---- What is true ----

bool sim_session_is_up(const struct sim_session *s)
{
	return s->end[0].up && s->end[1].up && !s->link.cut;
}

instant sim_session_oldest(const struct sim_session *s, int towards)
{
	instant oldest = INSTANT_NEVER;

	for (int opener = 0; opener < 2; opener++) {
		const struct sim_chunk *c = s->tcp[opener].to[towards].head;
		if (c)
			oldest = instant_min(oldest, c->sent);
	}
	return oldest;
}
