// What the keys of a scenario mean together.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/scenario_int.h"
#include "lib/mem.h"
#include "lib/text.h"

static const char *name_at(const struct items *list, size_t size, size_t i)
{
	return *(char *const *)(void *)((char *)list->data + i * size);
}

static void nearest_word(
	const struct items *list, size_t size, const char *name, struct strbuf *expected)
{
	const char **words = mem_zalloc((list->count + 1) * sizeof(*words));

	for (size_t i = 0; i < list->count; i++)
		words[i] = name_at(list, size, i);
	const char *near = text_nearest(name, words);
	if (near)
		sb_printf(expected, "did you mean `%s`?", near);
	free(words);
}

void check_known(struct checker *c, struct place at, const struct items *list, size_t size,
	const char *what, const char *name)
{
	own(sb_free) struct strbuf expected = {};

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(name_at(list, size, i), name) == 0)
			return;
	nearest_word(list, size, name, &expected);
	FAULT(c, at, expected.len ? sb_text(&expected) : NULL, "no %s is called `%s`", what, name);
}

static void check_network_known(struct checker *c, struct place at, const char *name)
{
	check_known(c, at, &c->s->networks, sizeof(struct scn_network), "network", name);
}

// Networks, sites, reflectors and clients are all nodes, and share one space of names.
static void check_name(struct checker *c, struct place at, const char *name)
{
	const struct scenario *s = c->s;
	int seen = 0;

	items_for_each(struct scn_network, n, s->networks) seen += strcmp(n->name, name) == 0;
	items_for_each(struct scn_site, n, s->sites) seen += strcmp(n->name, name) == 0;
	items_for_each(struct scn_reflector, n, s->reflectors) seen += strcmp(n->name, name) == 0;
	items_for_each(struct scn_client, n, s->clients) seen += strcmp(n->name, name) == 0;
	if (seen > 1)
		FAULT(c, at, NULL, "the name `%s` is given %d times", name, seen);
	if (!text_is_name(name) || strlen(name) > NODE_NAME_MAX)
		FAULT(c, at, "expected letters, digits, '-', '_' and '.', at most 15",
			"`%s` cannot name a node", name);
	if (strcmp(name, "lo") == 0 || strcmp(name, "none") == 0 || strcmp(name, "nearcast0") == 0)
		FAULT(c, at, NULL, "the name `%s` is taken", name);
}

static void check_networks(struct checker *c)
{
	items_for_each(struct scn_network, n, c->s->networks)
	{
		check_name(c, n->place, n->name);
		if (n->as == c->s->site_as)
			FAULT(c, n->place, NULL, "AS %ju is the sites'", (uintmax_t)n->as);
		items_for_each(struct scn_network, o, c->s->networks)
		{
			if (o < n && o->as == n->as)
				FAULT(c, n->place, NULL, "AS %ju is that of `%s` too",
					(uintmax_t)n->as, o->name);
		}
	}
}

static bool is_same_link(const struct scn_link *x, const struct scn_link *y)
{
	return (strcmp(x->a, y->a) == 0 && strcmp(x->b, y->b) == 0) ||
	       (strcmp(x->a, y->b) == 0 && strcmp(x->b, y->a) == 0);
}

static void check_links(struct checker *c)
{
	items_for_each(struct scn_link, l, c->s->links)
	{
		check_network_known(c, l->place, l->a);
		check_network_known(c, l->place, l->b);
		if (strcmp(l->a, l->b) == 0)
			FAULT(c, l->place, NULL, "a link from `%s` to itself", l->a);
		if (l->backup && l->relation == RELATION_PEER)
			FAULT(c, l->place, NULL, "a link between peers cannot be a backup");
		items_for_each(struct scn_link, o, c->s->links)
		{
			if (o < l && is_same_link(o, l))
				FAULT(c, l->place, NULL, "`%s` and `%s` are linked already", l->a,
					l->b);
		}
	}
}

// Sites get their numbers in the order of their first nodes.
static void name_sites(struct scenario *s)
{
	struct items *names = &s->site_names;

	names->data = arena_array(s->arena, s->sites.count, sizeof(char *));
	items_for_each(struct scn_site, node, s->sites)
	{
		if (!node->site)
			node->site = node->name;
		if (node->announcer == ANNOUNCER_NONE)
			continue;
		int known = scenario_site(s, node->site);
		node->site_index = known >= 0 ? (size_t)known : names->count;
		if (known < 0)
			((char **)names->data)[names->count++] = node->site;
	}
}

static void check_upstreams(struct checker *c, const struct scn_site *site)
{
	items_for_each(struct scn_upstream, u, site->upstreams)
	{
		check_network_known(c, u->place, u->network);
		items_for_each(struct scn_upstream, o, site->upstreams)
		{
			if (o < u && strcmp(o->network, u->network) == 0)
				FAULT(c, u->place, NULL, "`%s` is given twice", u->network);
		}
	}
}

static void check_fleet_of(struct checker *c, const struct scn_site *site)
{
	items_for_each(char *, peer, site->fleet)
	{
		if (scenario_reflector(c->s, *peer) < 0 && !scenario_has_daemon(c->s, *peer))
			FAULT(c, site->place, "expected reflectors, and nodes with nearcastd",
				"`%s` is no fleet peer", *peer);
		if (strcmp(*peer, site->name) == 0)
			FAULT(c, site->place, NULL, "`%s` is its own fleet peer", *peer);
	}
	if (site->fleet.count > 0 && site->announcer != ANNOUNCER_NEARCASTD)
		FAULT(c, site->place, NULL, "`%s` has no nearcastd, and so no fleet", site->name);
}

static void check_sites(struct checker *c)
{
	items_for_each(struct scn_site, site, c->s->sites)
	{
		int namesake = scenario_node(c->s, site->site);

		check_name(c, site->place, site->name);
		check_upstreams(c, site);
		check_fleet_of(c, site);
		if (!text_is_name(site->site))
			FAULT(c, site->place, NULL, "`%s` cannot name a site", site->site);
		if (namesake >= 0 && strcmp(((struct scn_site *)c->s->sites.data)[namesake].site,
					     site->site) != 0)
			FAULT(c, site->place, NULL, "`%s` is a node of another site", site->site);
		if (site->announcer == ANNOUNCER_NEARCASTD && !site->nearcast && !c->s->nearcast)
			FAULT(c, site->place, "expected `nearcast:` here or for the whole scenario",
				"`%s` has no nearcast.yaml", site->name);
	}
}

// A host without a place of its own is where its network is.
static void take_place(const struct scenario *s, const char *network, char **city, bool has_place,
	struct geo_point *at)
{
	int n = scenario_network(s, network);

	if (n < 0)
		return;
	const struct scn_network *net = (struct scn_network *)s->networks.data + n;
	if (!*city)
		*city = net->city;
	if (!has_place)
		*at = net->at;
}

static void check_reflectors(struct checker *c)
{
	items_for_each(struct scn_reflector, r, c->s->reflectors)
	{
		check_name(c, r->place, r->name);
		check_network_known(c, r->place, r->network);
		if (r->has_lat != r->has_lon)
			FAULT(c, r->place, NULL, "one of `lat` and `lon` is missing");
		take_place(c->s, r->network, &r->city, r->has_lat, &r->at);
	}
	if (c->s->fleet == FLEET_REFLECTORS && c->s->reflectors.count == 0)
		FAULT(c, (struct place){}, NULL, "`fleet: reflectors` without `reflectors`");
}

static void check_service(struct checker *c)
{
	const struct scenario *s = c->s;

	items_for_each(struct ip_addr, a, s->addresses)
	{
		char text[IP_TEXT];
		bool inside = false;

		items_for_each(struct ip_prefix, p, s->prefixes) inside |= prefix_contains(p, a);
		if (!inside)
			FAULT(c, (struct place){}, NULL, "%s is in none of the prefixes",
				ip_print(a, text));
		if (scenario_service_address(s, a->family) != a)
			FAULT(c, (struct place){}, NULL, "%s is a second address of its family",
				ip_print(a, text));
	}
}

static void check_clients(struct checker *c)
{
	struct scenario *s = c->s;

	items_for_each(struct scn_client, client, s->clients)
	{
		check_name(c, client->place, client->name);
		check_network_known(c, client->place, client->network);
		if (client->has_lat != client->has_lon)
			FAULT(c, client->place, NULL, "one of `lat` and `lon` is missing");
		for (enum ip_family f = IP4; f <= IP6; f++)
			if ((client->family & (1u << (f - 1))) && !scenario_service_address(s, f))
				FAULT(c, client->place, NULL,
					"the service has no IPv%d address for `%s`",
					f == IP4 ? 4 : 6, client->name);
		take_place(s, client->network, &client->city, client->has_lat, &client->at);
	}
}

void check_site_known(struct checker *c, struct place at, const char *name)
{
	check_known(c, at, &c->s->site_names, sizeof(char *), "site", name);
}

static void check_sharing(struct checker *c, const struct scn_expect *e)
{
	items_for_each(char *, name, e->nodes)
	{
		int i = scenario_node(c->s, *name);

		check_known(c, e->place, &c->s->sites, sizeof(struct scn_site), "node", *name);
		if (i >= 0 && (!e->site || strcmp(((struct scn_site *)c->s->sites.data)[i].site,
						   e->site) != 0))
			FAULT(c, e->place, NULL, "`%s` is no node of that site", *name);
	}
}

// named has a place a client, to find those named twice.
static void check_expect(struct checker *c, const struct items *list, bool *named)
{
	items_for_each(struct scn_expect, e, *list)
	{
		if (e->site && strcmp(e->site, "none") == 0)
			e->site = NULL;
		if (e->site)
			check_site_known(c, e->place, e->site);
		check_sharing(c, e);
		items_for_each(char *, name, e->clients)
		{
			int i = scenario_client(c->s, *name);

			check_known(c, e->place, &c->s->clients, sizeof(struct scn_client),
				"client", *name);
			if (i >= 0 && named[i])
				FAULT(c, e->place, NULL, "`%s` is named twice", *name);
			if (i >= 0)
				named[i] = true;
		}
	}
}

static void check_start(struct checker *c)
{
	const struct scenario *s = c->s;
	own(free_ptr) bool *named = mem_zalloc(s->clients.count);

	check_expect(c, &s->start, named);
	for (size_t i = 0; i < s->clients.count; i++) {
		const struct scn_client *client = (struct scn_client *)s->clients.data + i;
		if (!named[i])
			FAULT(c, client->place, "expected it in `start:`",
				"nothing says who answers `%s` at the start", client->name);
	}
}

static void check_timeline(struct checker *c)
{
	span last = {};

	items_for_each(struct scn_step, step, c->s->timeline)
	{
		own(free_ptr) bool *named = mem_zalloc(c->s->clients.count);

		if (step->at.us < last.us)
			FAULT(c, step->place, NULL, "`at` is before the step above");
		last = step->at;
		if (!step->has_settle)
			step->settle = c->s->settle;
		if (!step->has_within)
			step->within = c->s->within;
		check_event(c, step);
		check_sessions_expect(c, step);
		check_expect(c, &step->expect, named);
	}
}

int scenario_check(struct scenario *s, struct faults *faults)
{
	struct checker c = { s, faults };
	size_t before = faults->count;

	name_sites(s);
	check_networks(&c);
	check_links(&c);
	check_sites(&c);
	check_reflectors(&c);
	check_service(&c);
	check_clients(&c);
	check_sessions(&c);
	check_start(&c);
	check_timeline(&c);
	return faults->count > before ? -EINVAL : 0;
}
