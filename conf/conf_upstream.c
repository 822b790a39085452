// The meaning of upstreams, and what peers of the fleet share with them.
#include <string.h>

#include "conf/conf_int.h"
#include "lib/text.h"

static struct place place_of(const struct conf_upstream *u, const char *key)
{
	return conf_place(&u->keys, key, u->place);
}

const char *conf_kind_of(const struct conf_upstream *u)
{
	return u->fleet ? "fleet peer" : "upstream";
}

static bool is_node_address(const struct conf *c, const struct ip_addr *a)
{
	items_for_each(const struct ip_addr, own, c->node.addresses)
	{
		if (ip_equal(own, a))
			return true;
	}
	return false;
}

static void check_address(struct checker *k, const struct conf_upstream *u)
{
	const struct conf_service *s = conf_service_of(k->c, &u->address);
	struct place at = place_of(u, "address");
	char text[IP_TEXT];

	if (u->address.family == IP_NONE)
		return;
	ip_print(&u->address, text);
	if (is_node_address(k->c, &u->address))
		REFUSE(k, at, "expected the neighbour's address",
			"%s `%s` has this node's own address %s", conf_kind_of(u), u->name, text);
	if (s)
		REFUSE(k, at, "expected the neighbour's address",
			"address %s of %s `%s` is inside a prefix of service `%s`", text,
			conf_kind_of(u), u->name, s->name);
	if (!conf_is_unicast(&u->address))
		REFUSE(k, at, "expected a unicast address", "%s cannot be a neighbour", text);
}

static bool is_link_local(const struct conf_upstream *u)
{
	struct ip_prefix remotes = conf_upstream_remotes(u);

	return remotes.addr.family == IP6 && remotes.len >= 10 && ip_is_link_local(&remotes.addr);
}

// A link-local address means nothing without its link (RFC 4007 section 6).
static void check_link(struct checker *k, const struct conf_upstream *u)
{
	if (is_link_local(u) && !u->interface)
		REFUSE(k, place_of(u, conf_upstream_is_range(u) ? "range" : "address"),
			"expected `interface:` too", "upstream `%s` has a link-local address",
			u->name);
	if (!is_link_local(u) && u->interface)
		REFUSE(k, place_of(u, "interface"), "expected a link-local address with it",
			"upstream `%s` is found by its address alone", u->name);
	if (u->interface && !conf_is_interface_name(u->interface))
		REFUSE(k, place_of(u, "interface"),
			"expected 1 to 15 printable characters without `/` and `:`",
			"`%.*s` is no name of an interface", text_clip(u->interface, 60),
			u->interface);
	bool far_bfd = u->bfd.has_multihop && u->bfd.multihop;
	if (is_link_local(u) && (u->multihop || far_bfd))
		REFUSE(k, place_of(u, u->multihop ? "multihop" : "bfd"), NULL,
			"upstream `%s` has a link-local address: it is on the link", u->name);
}

static bool is_same_neighbour(const struct conf_upstream *a, const struct conf_upstream *b)
{
	bool same_link = !a->interface || !b->interface || strcmp(a->interface, b->interface) == 0;

	struct ip_prefix from = conf_upstream_remotes(a), to = conf_upstream_remotes(b);

	return from.addr.family != IP_NONE && prefix_equal(&from, &to) && same_link &&
	       conf_upstream_is_range(a) == conf_upstream_is_range(b);
}

// False: the list has come to u itself.
static bool is_apart(struct checker *k, const struct items *from, const struct conf_upstream *u)
{
	struct ip_prefix remotes = conf_upstream_remotes(u);
	bool range = conf_upstream_is_range(u);
	char text[PREFIX_TEXT];

	items_for_each(const struct conf_upstream, other, *from)
	{
		if (other == u)
			return false;
		bool alike = other->fleet == u->fleet;
		if (strcmp(other->name, u->name) == 0)
			REFUSE(k, place_of(u, "name"), NULL, "two %ss are named `%s`",
				alike ? conf_kind_of(u) : "neighbour", u->name);
		if (is_same_neighbour(other, u))
			REFUSE(k, place_of(u, range ? "range" : "address"), NULL,
				"%ss `%s` and `%s` have the same %s %s",
				alike ? conf_kind_of(u) : "neighbour", other->name, u->name,
				range ? "range" : "address",
				range ? prefix_print(&remotes, text)
				      : ip_print(&remotes.addr, text));
	}
	return true;
}

// A session is told from the others by the neighbour's address alone, on its link.
static void check_unique(struct checker *k, const struct conf_upstream *u)
{
	if (is_apart(k, &k->c->upstreams, u))
		(void)is_apart(k, &k->c->fleet, u);
}

static void check_source(struct checker *k, const struct conf_upstream *u)
{
	char text[IP_TEXT];

	if (u->source.family == IP_NONE)
		return;
	ip_print(&u->source, text);
	if (u->source.family != conf_upstream_remotes(u).addr.family)
		REFUSE(k, place_of(u, "source"), "expected an address of the neighbour's family",
			"source %s and address of %s `%s` are of two families", text,
			conf_kind_of(u), u->name);
	if (conf_service_of(k->c, &u->source))
		REFUSE(k, place_of(u, "source"), "expected an address that only this node has",
			"source %s of %s `%s` is inside a service's prefix", text, conf_kind_of(u),
			u->name);
}

static void check_options(struct checker *k, const struct conf_upstream *u)
{
	bool whole = u->hold_time.us % span_s(1).us == 0;

	if (!whole || (!span_is_zero(u->hold_time) && u->hold_time.us < span_s(3).us))
		REFUSE(k, place_of(u, "hold-time"),
			"expected 0 or whole seconds from 3s to 65535s (RFC 4271 section 4.2)",
			"`hold-time` of %s `%s` is refused", conf_kind_of(u), u->name);
	if (u->multihop && u->ttl_security)
		REFUSE(k, place_of(u, "ttl-security"),
			"expected one of the two: ttl-security says how many hops there are",
			"`multihop` and `ttl-security` exclude each other");
	if (u->passive && k->c->listen_port == 0)
		REFUSE(k, place_of(u, "passive"), "expected `listen-port:` other than 0",
			"%s `%s` is waited for, but nothing listens", conf_kind_of(u), u->name);
}

static void check_role(struct checker *k, const struct conf_upstream *u)
{
	if (u->has_role && u->as == k->c->as)
		REFUSE(k, place_of(u, "role"), "expected no role: it has the own AS",
			"upstream `%s` is an internal neighbour", u->name);
	if (u->strict_role && !u->has_role)
		REFUSE(k, place_of(u, "strict-role"), "expected `role:` too",
			"`strict-role` of upstream `%s` needs a role", u->name);
}

static void check_restart(struct checker *k, const struct conf_upstream *u)
{
	if (u->graceful_restart.us % span_s(1).us)
		REFUSE(k, place_of(u, "graceful-restart"),
			"expected whole seconds from 1s to 4095s (RFC 4724 section 3)",
			"`graceful-restart` of upstream `%s` is refused", u->name);
}

// A route server does not put its own AS in front (RFC 7947 section 2.2.2.1).
static void derive_first_as(struct conf_upstream *u)
{
	if (!u->has_first_as)
		u->first_as = !(u->has_role && u->role == BGP_ROLE_RS_CLIENT);
}

static void gather_families(struct conf_upstream *u)
{
	items_for_each(const int, family, u->family_words) u->families |= (unsigned)*family;
}

// Over several hops for BGP is over several hops for BFD.
static void derive_bfd(struct conf_upstream *u)
{
	bool far = u->fleet ? u->ttl_security != 1 : u->multihop || u->ttl_security > 1;

	if (u->has_bfd && !u->bfd.has_multihop)
		u->bfd.multihop = far && !is_link_local(u);
}

// What one UPDATE can hold with room for its prefixes.
static void check_communities(struct checker *k, const struct conf_upstream *u)
{
	items_for_each(const struct conf_service, s, k->c->services)
	{
		const struct conf_announce *here[] = { &u->up, &u->degraded, &u->draining },
					   *there[] = { &s->up, &s->degraded, &s->draining };
		for (size_t i = 0; i < countof(here); i++)
			if (here[i]->communities.count + there[i]->communities.count >
				CONF_COMMUNITIES_MAX)
				REFUSE(k, conf_place(&here[i]->keys, "communities", u->place), NULL,
					"together with those of service `%s` these are more than "
					"%d communities",
					s->name, CONF_COMMUNITIES_MAX);
	}
}

void conf_check_neighbour(struct checker *k, struct conf_upstream *u)
{
	conf_check_name(k, u->fleet ? "a fleet peer" : "an upstream", u->name, place_of(u, "name"));
	check_address(k, u);
	conf_check_range(k, u);
	u->passive |= conf_upstream_is_range(u);
	check_unique(k, u);
	check_source(k, u);
	check_options(k, u);
	derive_bfd(u);
	conf_read_secrets(k, u);
}

void conf_check_upstreams(struct checker *k)
{
	items_for_each(struct conf_upstream, u, k->c->upstreams)
	{
		conf_check_neighbour(k, u);
		check_link(k, u);
		check_role(k, u);
		check_restart(k, u);
		gather_families(u);
		derive_first_as(u);
		if (u->up.given || u->degraded.given || u->draining.given)
			conf_finish_announce(k, &u->up, &u->degraded, &u->draining);
		check_communities(k, u);
	}
}
