// What the events of a timeline may happen to: each kind of target has a list of those there are.
#include <stdlib.h>
#include <string.h>

#include "lab/scenario_int.h"
#include "lib/mem.h"
#include "lib/text.h"

// Names, as a scenario writes them; the array ends with NULL.
struct names {
	char **list;
	size_t count;
};

static void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
	*n = (struct names){};
}

// "a" or "a/b".
static void add(struct names *n, const char *a, const char *b)
{
	own(sb_free) struct strbuf text = {};

	sb_str(&text, a);
	if (b)
		sb_printf(&text, "/%s", b);
	n->list = mem_resize(n->list, n->count + 2, sizeof(*n->list));
	n->list[n->count++] = sb_take(&text);
	n->list[n->count] = NULL;
}

static void add_site(struct names *n, const struct scn_site *site)
{
	add(n, site->name, "dns");
	if (site->announcer != ANNOUNCER_NONE)
		add(n, site->name, site->announcer == ANNOUNCER_BIRD ? "bird" : "nearcastd");
	if (site->web != WEB_NONE)
		add(n, site->name, "web");
	if (site->quic != QUIC_NONE)
		add(n, site->name, "quic");
}

static void list_services(const struct scenario *s, struct names *n)
{
	items_for_each(struct scn_site, site, s->sites) add_site(n, site);
	items_for_each(struct scn_network, net, s->networks) add(n, net->name, "bird");
	items_for_each(struct scn_reflector, r, s->reflectors)
		add(n, r->name, r->kind == REFLECTOR_FRR ? "bgpd" : "bird");
}

// Either end may stand first.
static void add_link(struct names *n, const char *a, const char *b)
{
	add(n, a, b);
	add(n, b, a);
}

static void list_links(const struct scenario *s, struct names *n)
{
	items_for_each(struct scn_link, l, s->links) add_link(n, l->a, l->b);
	items_for_each(struct scn_site, site, s->sites)
	{
		items_for_each(struct scn_upstream, u, site->upstreams)
			add_link(n, site->name, u->network);
	}
}

static void list_daemons(const struct scenario *s, struct names *n)
{
	items_for_each(struct scn_site, site, s->sites)
	{
		if (site->announcer == ANNOUNCER_NEARCASTD)
			add(n, site->name, NULL);
	}
}

// They have one address that others reach them by.
static void list_hosts(const struct scenario *s, struct names *n)
{
	items_for_each(struct scn_site, site, s->sites) add(n, site->name, NULL);
	items_for_each(struct scn_reflector, r, s->reflectors) add(n, r->name, NULL);
	items_for_each(struct scn_client, c, s->clients) add(n, c->name, NULL);
}

static void list_nodes(const struct scenario *s, struct names *n)
{
	items_for_each(struct scn_network, net, s->networks) add(n, net->name, NULL);
	list_hosts(s, n);
}

static bool has(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->list[i], name) == 0)
			return true;
	return false;
}

static void print_nearest(const struct names *n, const char *name, struct strbuf *b)
{
	const char *near = n->count ? text_nearest(name, (const char *const *)n->list) : NULL;

	if (near)
		sb_printf(b, "did you mean `%s`?", near);
}

static void check_pair(struct checker *c, const struct scn_step *step, const char *target)
{
	char a[NODE_NAME_MAX + 1], b[SERVICE_NAME_MAX + 1];
	own(names_free) struct names hosts = {};
	own(sb_free) struct strbuf near = {};

	list_hosts(c->s, &hosts);
	bool pair = target_split(target, a, b) && strcmp(a, b) != 0;
	if (pair && has(&hosts, a) && has(&hosts, b))
		return;
	if (pair)
		print_nearest(&hosts, has(&hosts, a) ? b : a, &near);
	FAULT(c, step->target_place,
		near.len ? sb_text(&near) : "expected sites, reflectors or clients: one/other",
		"there are no such hosts: `%s`", target);
}

static const struct {
	void (*list)(const struct scenario *s, struct names *n); // NULL: pairs of hosts
	const char *before, *after; // what is said around a name that is not in the list
	const char *expected;       // unless one of the list is near
} kinds[] = {
	[TARGET_SERVICE] = { list_services, "there is no service ", "",
		"expected site/dns, site/nearcastd or network/bird" },
	[TARGET_LINK] = { list_links, "there is no link ", "",
		"expected two linked nodes: one/other" },
	[TARGET_PAIR] = {},
	[TARGET_DAEMON] = { list_daemons, "", " has no nearcastd", NULL },
	[TARGET_NODE] = { list_nodes, "there is no node ", "", NULL },
};

void check_target(struct checker *c, const struct scn_step *step, const char *target)
{
	enum target_kind kind = step_event_target(step->event);
	own(names_free) struct names known = {};
	own(sb_free) struct strbuf near = {};

	if (!kinds[kind].list) {
		check_pair(c, step, target);
		return;
	}
	kinds[kind].list(c->s, &known);
	if (has(&known, target))
		return;
	print_nearest(&known, target, &near);
	FAULT(c, step->target_place, near.len ? sb_text(&near) : kinds[kind].expected, "%s`%s`%s",
		kinds[kind].before, target, kinds[kind].after);
}
