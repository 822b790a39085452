#include "test/fleet/updates.h"

#include <stdio.h>
#include <string.h>

#include "bgp/attr.h"

enum { OWN_ID = 0x0a000001 };

static struct ip_addr address(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(&a, text), 0);
	return a;
}

static struct ip_prefix prefix_from(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static void put_attr(struct wr *w, uint8_t flags, uint8_t code, const void *value, size_t len)
{
	wr_u8(w, flags | BGP_FLAG_EXTENDED);
	wr_u8(w, code);
	wr_u16(w, (uint16_t)len);
	wr_bytes(w, value, len);
}

static void put_u32(struct wr *w, uint8_t flags, uint8_t code, uint32_t value)
{
	uint8_t bytes[4];
	struct wr v = wr_init(bytes, sizeof(bytes));

	wr_u32(&v, value);
	put_attr(w, flags, code, bytes, sizeof(bytes));
}

static void put_state(struct wr *w, const struct fleet_state *s)
{
	struct bgp_community c[FLEET_COMMUNITIES_MAX];
	uint8_t bytes[FLEET_COMMUNITIES_MAX * 12];
	struct wr v = wr_init(bytes, sizeof(bytes));
	size_t n = fleet_state_encode(s, FLEET_AS, c);

	for (size_t i = 0; i < n; i++) {
		if (!c[i].large)
			continue;
		wr_u32(&v, c[i].a);
		wr_u32(&v, c[i].b);
		wr_u32(&v, c[i].c);
	}
	put_attr(w, BGP_FLAG_OPTIONAL | BGP_FLAG_TRANSITIVE, BGP_ATTR_LARGE_COMMUNITIES, bytes,
		wr_len(&v));
}

static void put_attrs(struct wr *w, const struct route *r)
{
	struct ip_addr hop;
	char text[IP_TEXT];

	snprintf(text, sizeof(text), "192.0.2.%u", r->state->node % 256);
	hop = address(r->next_hop ? r->next_hop : text);
	put_attr(w, BGP_FLAG_TRANSITIVE, BGP_ATTR_ORIGIN, "\0", 1);
	put_attr(w, BGP_FLAG_TRANSITIVE, BGP_ATTR_AS_PATH, NULL, 0);
	put_attr(w, BGP_FLAG_TRANSITIVE, BGP_ATTR_NEXT_HOP, hop.b, 4);
	put_u32(w, BGP_FLAG_TRANSITIVE, BGP_ATTR_LOCAL_PREF, 100);
	if (r->originator) {
		put_u32(w, BGP_FLAG_OPTIONAL, BGP_ATTR_ORIGINATOR_ID, r->originator);
		put_u32(w, BGP_FLAG_OPTIONAL, BGP_ATTR_CLUSTER_LIST, 0x0a0000fa);
	}
	put_state(w, r->state);
}

static void put_route(struct wr *w, const struct route *r)
{
	struct ip_prefix p = prefix_from(r->prefix);

	wr_u32(w, r->path);
	prefix_write(w, &p);
}

static size_t build(uint8_t buf[BGP_MSG_MAX], const struct route *r)
{
	struct wr w = wr_init(buf, BGP_MSG_MAX);
	size_t at = wr_len16_open(&w);

	if (!r->state)
		put_route(&w, r);
	wr_len16_close(&w, at);
	at = wr_len16_open(&w);
	if (r->state)
		put_attrs(&w, r);
	wr_len16_close(&w, at);
	if (r->state)
		put_route(&w, r);
	return wr_len(&w);
}

void feed(struct fleet_view *v, instant now, unsigned index, enum fleet_role role,
	const struct route *route)
{
	const struct bgp_codec codec = {
		.local_as = FLEET_AS,
		.ibgp = true,
		.as4 = true,
		.families = BGP_FAMILY_ALL,
		.offered = BGP_FAMILY_ALL,
		.paths_in = BGP_FAMILY_ALL,
	};
	const struct fleet_session session = { .index = index,
		.bgp_id = 0x0a000000 + index,
		.address = address("192.0.2.250"),
		.role = role };
	uint8_t buf[BGP_MSG_MAX];
	struct bgp_update u;

	bgp_update_decode(&u, rd_init(buf, build(buf, route)), &codec);
	assert_int_equal(u.fault.verb, BGP_VERB_NONE);
	fleet_view_update(v, now, &session, &u);
}

struct fleet_state node_state(uint16_t id, const char *site, const char *name, uint32_t serial)
{
	struct fleet_state s = {
		.node = id,
		.health = HEALTH_UP,
		.announce = ANNOUNCE_ANNOUNCED,
		.priority = 100,
		.min_sites = { true, 50 },
		.serial = serial,
	};

	snprintf(s.site, sizeof(s.site), "%s", site);
	snprintf(s.name, sizeof(s.name), "%s", name);
	return s;
}

struct fleet_view *view_new(void)
{
	struct fleet_view *v = fleet_view_new(&(struct fleet_view_config){
		.as = FLEET_AS,
		.router_id = OWN_ID,
		.node = 1,
		.site = "own",
		.name = "own-a",
		.forget = span_s(FLEET_FORGET_S),
	});
	struct ip_prefix a = prefix_from("198.51.100.0/24"), b = prefix_from("203.0.113.0/24");

	fleet_view_follow(v, &a);
	fleet_view_follow(v, &b);
	return v;
}

void view_news(struct fleet_view *v, struct strbuf *log)
{
	struct fleet_news n;
	char prefix[PREFIX_TEXT];

	sb_clear(log);
	while (fleet_view_next(v, &n)) {
		switch (n.kind) {
		case FLEET_CHANGED:
			sb_printf(log, "changed %s\n", prefix_print(&n.prefix, prefix));
			break;
		case FLEET_SITE_SEEN:
			sb_printf(log, "seen %s\n", n.subject);
			break;
		case FLEET_SITE_LOST:
			sb_printf(log, "lost %s\n", n.subject);
			break;
		case FLEET_CONFLICT:
			sb_printf(log, "conflict %s\n", n.text);
			break;
		case FLEET_AGREED:
			sb_printf(log, "agreed %s\n", n.subject);
			break;
		case FLEET_REFUSED:
			sb_printf(log, "refused %u %s: %s\n", n.session,
				fleet_refusal_name(n.refusal), n.text);
			break;
		}
	}
}
