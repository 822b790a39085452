// The meaning of a fleet: its sessions, and what a node has to have to be part of one.
#include <string.h>

#include "conf/conf_int.h"

enum {
	NAME_MAX_OCTETS = 32, // fleet/state.h: what fits into the communities
	KEY_FIRST = 9000,
	KEY_LAST = 9099,
};

static struct place place_of(const struct conf_upstream *u, const char *key)
{
	return conf_place(&u->keys, key, u->place);
}

// ---- Sessions ----

// It would be told what is meant for upstreams, or an upstream what is the fleet's.
static void check_ranges(struct checker *k, const struct conf_upstream *u)
{
	char text[IP_TEXT];

	items_for_each(const struct conf_upstream, other, k->c->upstreams)
	{
		if (conf_upstream_is_range(other) && prefix_contains(&other->range, &u->address))
			REFUSE(k, place_of(u, "address"), NULL,
				"fleet peer `%s` lies in the range of upstream `%s`: %s", u->name,
				other->name, ip_print(&u->address, text));
	}
}

static void check_peer(struct checker *k, struct conf_upstream *u)
{
	char text[IP_TEXT];

	u->fleet = true;
	u->families = BGP_FAMILY_ALL;
	u->extended_messages = true;
	u->no_llgr = true; // nobody keeps what a node said when the node is gone
	u->add_path = CONF_ADD_PATH_RECEIVE;
	if (u->as == 0)
		u->as = k->c->as;
	if (u->as != k->c->as)
		REFUSE(k, place_of(u, "as"), "expected the own AS, or no `as:` at all",
			"fleet peer `%s` is in another AS: sessions of the fleet are internal",
			u->name);
	conf_check_neighbour(k, u);
	check_ranges(k, u);
	if (u->address.family == IP6 && ip_is_link_local(&u->address))
		REFUSE(k, place_of(u, "address"), "expected an address that other hosts can reach",
			"%s cannot be a fleet peer", ip_print(&u->address, text));
}

// ---- The node ----

static void check_length(struct checker *k, const char *what, const char *name, struct place at)
{
	if (strlen(name) > NAME_MAX_OCTETS)
		REFUSE(k, at, "expected at most 32 characters",
			"`%.60s` is too long for a %s of a fleet", name, what);
}

static bool has_address(const struct conf *c, enum ip_family family)
{
	items_for_each(const struct ip_addr, a, c->node.addresses)
	{
		if (a->family == family)
			return true;
	}
	return false;
}

// Once a family: what the fleet hears has the node's address as its next hop.
static void check_next_hop(struct checker *k, enum ip_family family)
{
	items_for_each(const struct conf_service, s, k->c->services)
	{
		const struct ip_prefix *p = s->prefixes.data;
		const struct place *at = s->prefix_places.data;
		for (size_t i = 0; i < s->prefixes.count; i++) {
			char text[PREFIX_TEXT];
			if (p[i].addr.family != family)
				continue;
			REFUSE(k, at[i],
				family == IP4 ? "expected an IPv4 address in `address:` of `node:`"
					      : "expected an IPv6 address in `address:` of `node:`",
				"the node has no address to tell the fleet for %s",
				prefix_print(&p[i], text));
			return;
		}
	}
}

static void check_node(struct checker *k)
{
	const struct conf_node *n = &k->c->node;
	struct place nowhere = { 1, 1 }, at = n->place.line ? n->place : nowhere;

	if (n->id == 0)
		REFUSE(k, at, "expected `id:` in `node:`", "a node of a fleet needs a number");
	check_length(k, "site", k->c->site.name, k->c->site.name_place);
	if (n->name != k->c->site.name)
		check_length(k, "node", n->name, n->name_place);
	for (enum ip_family f = IP4; f <= IP6; f++)
		if (!has_address(k->c, f))
			check_next_hop(k, f);
}

// ---- Services ----

static bool is_fleets(const struct conf *conf, const struct bgp_community *c)
{
	return c->large && c->a == conf->as && c->b >= KEY_FIRST && c->b <= KEY_LAST;
}

// Values of the fleet's own communities would be read as what a node says. degraded and draining
// hold those of up, too.
static void check_communities(struct checker *k, const struct conf_announce *a,
	const struct conf_announce *up, struct place other)
{
	char text[BGP_COMMUNITY_TEXT];

	items_for_each(const struct bgp_community, c, a->communities)
	{
		bool inherited = false;
		if (!is_fleets(k->c, c))
			continue;
		items_for_each(const struct bgp_community, d, up->communities) inherited |=
			a != up && bgp_community_cmp(c, d) == 0;
		if (!inherited)
			REFUSE(k, conf_place(&a->keys, "communities", other),
				"expected another number in the middle than 9000 to 9099",
				"%s is one of the fleet's own communities",
				bgp_community_print(c, text));
	}
}

static const char *const guard_keys[] = { "min-sites", "isolated", "guard-wait", "priority",
	"capacity", "load-file" };

static void check_service(struct checker *k, const struct conf_service *s)
{
	const struct conf_guard *g = &s->guard;

	for (size_t i = 0; i < countof(guard_keys); i++) {
		const struct given *given = schema_given(&s->keys, guard_keys[i]);
		if (given && k->c->fleet.count == 0)
			REFUSE(k, given->key_at,
				"expected `fleet:` too: without it this node decides alone",
				"`%s` of service `%s` needs a fleet", guard_keys[i], s->name);
	}
	if (g->load_file)
		conf_check_path(
			k, "load-file", g->load_file, conf_place(&s->keys, "load-file", s->place));
	if (k->c->fleet.count == 0)
		return;
	check_communities(k, &s->up, &s->up, s->place);
	check_communities(k, &s->degraded, &s->up, s->place);
	check_communities(k, &s->draining, &s->up, s->place);
}

void conf_check_fleet(struct checker *k)
{
	items_for_each(struct conf_upstream, u, k->c->fleet) check_peer(k, u);
	items_for_each(const struct conf_service, s, k->c->services) check_service(k, s);
	if (k->c->fleet.count == 0)
		return;
	items_for_each(const struct conf_upstream, u, k->c->upstreams)
	{
		check_communities(k, &u->up, &u->up, u->place);
		check_communities(k, &u->degraded, &u->up, u->place);
		check_communities(k, &u->draining, &u->up, u->place);
	}
	if (k->c->has_site_tag && is_fleets(k->c, &k->c->site_tag))
		REFUSE(k, conf_place(&k->c->keys, "site-tag", (struct place){ 1, 1 }),
			"expected another number in the middle than 9000 to 9099",
			"`site-tag` is one of the fleet's own communities");
	check_node(k);
}
