#include "test/bgp/world.h"

#include <string.h>

#include "bgp/msg.h"
#include "bgp/update.h"
#include "test/bgp/transcript.h"
#include "test/unit.h"

struct bgp_peer_config world_config(int side)
{
	return (struct bgp_peer_config){
		.local_as = side == A ? 64500 : 64496,
		.peer_as = side == A ? 64496 : 64500,
		.router_id = side == A ? 0xc0000201 : 0xc0000209,
		.hold_time = span_s(90),
		.connect_retry = span_s(5),
		.connect_retry_max = span_s(120),
		.families = BGP_FAMILY_ALL,
		.seed = (uint64_t)side + 1,
	};
}

static void side_init(struct side *s, const struct bgp_peer_config *config)
{
	s->config = *config;
	s->peer = bgp_peer_new(config);
	s->local = ip_from_u32(config->router_id);
	s->codec = (struct bgp_codec){
		.ibgp = config->local_as == config->peer_as,
		.as4 = true,
		.families = BGP_FAMILY_ALL,
	};
}

void world_init(struct world *w, const struct bgp_peer_config *a, const struct bgp_peer_config *b)
{
	struct bgp_peer_config config_a = world_config(A), config_b = world_config(B);

	*w = (struct world){ .now = { 5000000 }, .chunk = SIZE_MAX };
	side_init(&w->side[A], a ? a : &config_a);
	side_init(&w->side[B], b ? b : &config_b);
}

void world_free(struct world *w)
{
	for (int i = 0; i < SIDES; i++) {
		bgp_peer_free(&w->side[i].peer);
		sb_free(&w->side[i].log);
		sb_free(&w->link[i].to[A]);
		sb_free(&w->link[i].to[B]);
	}
}

static struct link *link_of(struct world *w, int side, enum bgp_dir dir)
{
	return &w->link[dir == BGP_OUT ? side : !side];
}

static enum bgp_dir dir_of(int side, int opener)
{
	return side == opener ? BGP_OUT : BGP_IN;
}

static void count(struct side *s, const struct bgp_action *a)
{
	struct bgp_msg m;
	struct bgp_fault f;
	struct bgp_update u;
	size_t announced, withdrawn;

	assert_int_equal(bgp_msg_frame(&m, &f, a->data, a->len), 0);
	s->sent[m.type]++;
	if (m.type != BGP_MSG_UPDATE)
		return;
	bgp_update_decode(&u, m.body, &s->codec);
	bgp_update_count(&u, &announced, &withdrawn);
	s->routes += (unsigned)announced - (unsigned)withdrawn;
}

static void carry_out(struct world *w, int side, const struct bgp_action *a)
{
	struct side *s = &w->side[side];
	struct link *link = link_of(w, side, a->dir);

	// How often it is told depends on how the bytes came.
	if (a->kind == BGP_DO_EVENT && a->event == BGP_EVENT_RECEIVED)
		return;
	transcribe(&s->log, a, &s->codec);
	if (a->kind == BGP_DO_CONNECT)
		s->wants_tcp = true;
	if (a->kind == BGP_DO_SEND) {
		count(s, a);
		if (link->up)
			sb_add(&link->to[!side], (const char *)a->data, a->len);
	}
	if (a->kind == BGP_DO_CLOSE) {
		if (a->dir == BGP_OUT)
			s->wants_tcp = false;
		sb_clear(&link->to[side]);
		link->end[side] = false;
		link->end[!side] = link->up;
		link->up = false;
	}
}

static bool drain(struct world *w, int side)
{
	struct bgp_action a;
	bool any = false;

	for (; bgp_peer_next(w->side[side].peer, &a); any = true)
		carry_out(w, side, &a);
	return any;
}

static bool answer_connect(struct world *w, int side)
{
	struct side *s = &w->side[side], *other = &w->side[!side];
	struct link *link = &w->link[side];

	if (!s->wants_tcp || w->quiet)
		return false;
	s->wants_tcp = false;
	if (other->refuses || !bgp_peer_accepted(other->peer, w->now, &other->local)) {
		bgp_peer_closed(s->peer, w->now, BGP_OUT, "connection refused");
		return true;
	}
	for (int i = 0; i < SIDES; i++) {
		sb_clear(&link->to[i]);
		link->end[i] = false;
	}
	link->up = true;
	bgp_peer_connected(s->peer, w->now, &s->local);
	return true;
}

static bool deliver(struct world *w, int opener, int side)
{
	struct link *link = &w->link[opener];
	struct strbuf *bytes = &link->to[side];
	struct bgp_peer *peer = w->side[side].peer;
	size_t n = bytes->len < w->chunk ? bytes->len : w->chunk;
	uint8_t buf[65536];

	if (w->quiet)
		return false;
	if (n > 0) {
		n = n < sizeof(buf) ? n : sizeof(buf);
		memcpy(buf, bytes->s, n);
		sb_consume(bytes, n);
		bgp_peer_received(peer, w->now, dir_of(side, opener), buf, n);
		return true;
	}
	if (!link->end[side])
		return false;
	link->end[side] = false;
	bgp_peer_closed(peer, w->now, dir_of(side, opener), "closed by the neighbour");
	return true;
}

void world_settle(struct world *w)
{
	bool any;

	do {
		any = false;
		for (int i = 0; i < SIDES; i++)
			any |= drain(w, i);
		for (int i = 0; i < SIDES; i++) {
			any |= answer_connect(w, i);
			any |= drain(w, A);
			any |= drain(w, B);
		}
		for (int i = 0; i < SIDES; i++) {
			any |= deliver(w, i, A);
			any |= drain(w, A);
			any |= deliver(w, i, B);
			any |= drain(w, B);
		}
	} while (any);
}

void world_run(struct world *w, span time)
{
	instant end = instant_add(w->now, time);

	for (;;) {
		world_settle(w);
		instant next = instant_min(
			bgp_peer_deadline(w->side[A].peer), bgp_peer_deadline(w->side[B].peer));
		if (instant_before(end, next))
			break;
		w->now = next;
		for (int i = 0; i < SIDES; i++)
			bgp_peer_tick(w->side[i].peer, w->now);
	}
	w->now = end;
}

void world_start(struct world *w, int side)
{
	bgp_peer_start(w->side[side].peer, w->now);
}

void world_cut(struct world *w)
{
	for (int opener = 0; opener < SIDES; opener++) {
		struct link *link = &w->link[opener];

		if (!link->up)
			continue;
		link->up = false;
		for (int side = 0; side < SIDES; side++) {
			sb_clear(&link->to[side]);
			bgp_peer_closed(w->side[side].peer, w->now, dir_of(side, opener), "cut");
		}
	}
}

void world_expect_established(struct world *w)
{
	for (int i = 0; i < SIDES; i++)
		if (bgp_peer_state(w->side[i].peer) != BGP_ESTABLISHED)
			fail_msg("side %d is %s:\n%s---\n%s", i,
				bgp_state_name(bgp_peer_state(w->side[i].peer)),
				sb_text(&w->side[i].log), sb_text(&w->side[!i].log));
}
