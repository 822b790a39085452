// Upstreams that are known by a range of addresses.
#include "conf/conf_int.h"

#include <string.h>

bool conf_upstream_is_range(const struct conf_upstream *u)
{
	return u->range.addr.family != IP_NONE;
}

struct ip_prefix conf_upstream_remotes(const struct conf_upstream *u)
{
	if (conf_upstream_is_range(u))
		return u->range;
	return prefix_of(&u->address, ip_bits((enum ip_family)u->address.family));
}

static struct place range_place(const struct conf_upstream *u)
{
	return conf_place(&u->keys, "range", u->place);
}

static void check_one_of(struct checker *k, const struct conf_upstream *u)
{
	bool address = u->address.family != IP_NONE;

	if (!address && !conf_upstream_is_range(u))
		REFUSE(k, u->place, "expected `address:` or `range:`",
			"upstream `%s` has no address", u->name);
	if (address && conf_upstream_is_range(u))
		REFUSE(k, range_place(u), "expected one of the two",
			"upstream `%s` has both an address and a range", u->name);
}

static void check_place(struct checker *k, const struct conf_upstream *u)
{
	char text[PREFIX_TEXT];

	prefix_print(&u->range, text);
	if (ip_is_multicast(&u->range.addr))
		REFUSE(k, range_place(u), "expected unicast addresses", "%s cannot be neighbours",
			text);
	items_for_each(const struct conf_service, s, k->c->services)
	{
		items_for_each(const struct ip_prefix, p, s->prefixes)
		{
			if (prefix_covers(p, &u->range))
				REFUSE(k, range_place(u), "expected the neighbours' addresses",
					"range %s of upstream `%s` is inside a prefix of "
					"service `%s`",
					text, u->name, s->name);
		}
	}
}

// NAME-ADDRESS of a neighbour in the range must be nobody else's name.
static void check_names(struct checker *k, const struct conf_upstream *u)
{
	size_t n = strlen(u->name);

	items_for_each(const struct conf_upstream, other, k->c->upstreams)
	{
		struct ip_addr address;
		if (strncmp(other->name, u->name, n) == 0 && other->name[n] == '-' &&
			ip_parse(&address, other->name + n + 1) == 0 &&
			prefix_contains(&u->range, &address))
			REFUSE(k, conf_place(&other->keys, "name", other->place), NULL,
				"a neighbour in the range of `%s` would be named `%s` too", u->name,
				other->name);
	}
}

static const char *protection(const struct conf_upstream *u)
{
	return u->password_file ? "password-file" : u->ao_keys.count ? "tcp-ao" : NULL;
}

// The kernel looks for keys by address, before anybody knows whose connection it is: the
// range's would be asked of a neighbour without one.
static void check_passwords(struct checker *k, const struct conf_upstream *u)
{
	const char *key = protection(u);

	if (!key)
		return;
	items_for_each(const struct conf_upstream, other, k->c->upstreams)
	{
		struct ip_prefix inner = conf_upstream_remotes(other);
		if (other != u && protection(other) != key && prefix_covers(&u->range, &inner))
			REFUSE(k, other->place, NULL,
				"upstream `%s` has no `%s`, but lies in the range of `%s`, which "
				"has",
				other->name, key, u->name);
	}
}

void conf_check_range(struct checker *k, const struct conf_upstream *u)
{
	check_one_of(k, u);
	if (!conf_upstream_is_range(u))
		return;
	check_place(k, u);
	check_names(k, u);
	check_passwords(k, u);
}
