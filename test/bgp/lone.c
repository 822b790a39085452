#include "test/bgp/lone.h"

#include "test/bgp/transcript.h"

struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

struct ip_addr address(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(&a, text), 0);
	return a;
}

struct bgp_peer_config lone_config(void)
{
	return (struct bgp_peer_config){
		.local_as = 64500,
		.peer_as = 64496,
		.router_id = 0xc0000201,
		.hold_time = span_s(90),
		.connect_retry = span_s(5),
		.connect_retry_max = span_s(120),
		.families = BGP_FAMILY_ALL,
		.seed = 1,
	};
}

void lone_init(struct lone *l, const struct bgp_peer_config *config)
{
	*l = (struct lone){ .config = config ? *config : lone_config() };
	l->now = (instant){ 1000000 };
	l->p = bgp_peer_new(&l->config);
	l->codec = (struct bgp_codec){
		.ibgp = l->config.local_as == l->config.peer_as,
		.as4 = true,
		.families = BGP_FAMILY_ALL,
	};
}

void lone_free(struct lone *l)
{
	bgp_peer_free(&l->p);
	sb_free(&l->log);
}

void lone_drain(struct lone *l)
{
	transcribe_all(&l->log, l->p, &l->codec);
}

void lone_forget(struct lone *l)
{
	lone_drain(l);
	sb_clear(&l->log);
}

void lone_feed_bytes(struct lone *l, enum bgp_dir dir, const struct bytes *b)
{
	bgp_peer_received(l->p, l->now, dir, b->b, b->len);
	lone_drain(l);
}

void lone_feed(struct lone *l, enum bgp_dir dir, uint8_t type, const char *body)
{
	struct bytes m = message(type, body);

	lone_feed_bytes(l, dir, &m);
}

static void come_up(struct lone *l, enum bgp_dir dir)
{
	struct ip_addr local = address("192.0.2.1");

	if (dir == BGP_OUT)
		bgp_peer_connected(l->p, l->now, &local);
	else
		assert_true(bgp_peer_accepted(l->p, l->now, &local));
	lone_drain(l);
}

void lone_reach(struct lone *l, enum bgp_dir dir, enum bgp_state state)
{
	if (bgp_peer_state(l->p) == BGP_IDLE && state > BGP_IDLE)
		bgp_peer_start(l->p, l->now);
	lone_drain(l);
	if (state >= BGP_OPENSENT)
		come_up(l, dir);
	if (state >= BGP_OPENCONFIRM)
		lone_feed(l, dir, BGP_MSG_OPEN, OPEN_FULL);
	if (state >= BGP_ESTABLISHED)
		lone_feed(l, dir, BGP_MSG_KEEPALIVE, "");
	assert_int_equal(bgp_peer_state(l->p), state);
	lone_forget(l);
}

void lone_pass(struct lone *l, span time)
{
	instant end = instant_add(l->now, time);

	for (;;) {
		instant next = bgp_peer_deadline(l->p);

		if (instant_before(end, next))
			break;
		l->now = next;
		bgp_peer_tick(l->p, l->now);
		lone_drain(l);
	}
	l->now = end;
}

void lone_announce(struct lone *l, const char *text, struct bgp_attrs *attrs)
{
	struct ip_prefix p = prefix(text);

	bgp_peer_announce(l->p, l->now, &p, attrs);
}

void lone_withdraw(struct lone *l, const char *text)
{
	struct ip_prefix p = prefix(text);

	bgp_peer_withdraw(l->p, l->now, &p);
}
