// Loads a scenario and checks what its keys mean together.
#include "lab/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"

struct checker {
	struct scenario *s;
	struct faults *faults;
};

#define FAULT(c, at, expected, ...) faults_add((c)->faults, &(c)->s->doc, at, expected, __VA_ARGS__)

// Index of the first element whose first member is that name, -1 when there is
// none: networks, sites and clients all begin with their name.
static int index_of(const struct items *list, size_t size, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		char *const *entry = (void *)((char *)list->data + i * size);
		if (strcmp(*entry, name) == 0)
			return (int)i;
	}
	return -1;
}

int scenario_network(const struct scenario *s, const char *name)
{
	return index_of(&s->networks, sizeof(struct scn_network), name);
}

int scenario_site(const struct scenario *s, const char *name)
{
	return index_of(&s->sites, sizeof(struct scn_site), name);
}

int scenario_client(const struct scenario *s, const char *name)
{
	return index_of(&s->clients, sizeof(struct scn_client), name);
}

const struct ip_addr *scenario_service_address(const struct scenario *s, enum ip_family family)
{
	items_for_each(struct ip_addr, a, s->addresses)
	{
		if (a->family == family)
			return a;
	}
	return NULL;
}

bool target_split(const char *target, char a[NODE_NAME_MAX + 1], char b[SERVICE_NAME_MAX + 1])
{
	const char *slash = strchr(target, '/');
	size_t n = slash ? (size_t)(slash - target) : 0;

	if (!slash || n == 0 || n > NODE_NAME_MAX || !slash[1] ||
		strlen(slash + 1) > SERVICE_NAME_MAX)
		return false;
	memcpy(a, target, n);
	a[n] = '\0';
	memcpy(b, slash + 1, strlen(slash + 1) + 1);
	return true;
}

static void nearest_word(
	const struct items *list, size_t size, const char *name, struct strbuf *expected)
{
	const char **words = mem_zalloc((list->count + 1) * sizeof(*words));

	for (size_t i = 0; i < list->count; i++)
		words[i] = *(char *const *)(void *)((char *)list->data + i * size);
	const char *near = text_nearest(name, words);
	if (near)
		sb_printf(expected, "did you mean `%s`?", near);
	free(words);
}

static void check_known(struct checker *c, struct place at, const struct items *list, size_t size,
	const char *what, const char *name)
{
	own(sb_free) struct strbuf expected = {};

	if (index_of(list, size, name) >= 0)
		return;
	nearest_word(list, size, name, &expected);
	FAULT(c, at, expected.len ? sb_text(&expected) : NULL, "no %s is called `%s`", what, name);
}

static void check_network_known(struct checker *c, struct place at, const char *name)
{
	check_known(c, at, &c->s->networks, sizeof(struct scn_network), "network", name);
}

// Networks, sites and clients are all nodes, and share one space of names.
static void check_name(struct checker *c, struct place at, const char *name)
{
	const struct scenario *s = c->s;
	int seen = 0;

	items_for_each(struct scn_network, n, s->networks) seen += strcmp(n->name, name) == 0;
	items_for_each(struct scn_site, n, s->sites) seen += strcmp(n->name, name) == 0;
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

static bool same_pair(const struct scn_link *x, const struct scn_link *y)
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
			if (o < l && same_pair(o, l))
				FAULT(c, l->place, NULL, "`%s` and `%s` are linked already", l->a,
					l->b);
		}
	}
}

static void check_sites(struct checker *c)
{
	items_for_each(struct scn_site, site, c->s->sites)
	{
		check_name(c, site->place, site->name);
		items_for_each(struct scn_upstream, u, site->upstreams)
		{
			check_network_known(c, u->place, u->network);
			items_for_each(struct scn_upstream, o, site->upstreams)
			{
				if (o < u && strcmp(o->network, u->network) == 0)
					FAULT(c, u->place, NULL, "`%s` is given twice", u->network);
			}
		}
		if (site->announcer == ANNOUNCER_NEARCASTD && !site->nearcast && !c->s->nearcast)
			FAULT(c, site->place, "expected `nearcast:` here or for the whole scenario",
				"`%s` has no nearcast.yaml", site->name);
	}
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
		int n = scenario_network(s, client->network);
		if (n < 0)
			continue;
		const struct scn_network *net = (struct scn_network *)s->networks.data + n;
		if (!client->city)
			client->city = net->city;
		if (!client->has_lat)
			client->at = net->at;
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
			check_known(c, e->place, &c->s->sites, sizeof(struct scn_site), "site",
				e->site);
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

static bool linked(const struct scenario *s, const char *a, const char *b)
{
	const struct scn_link pair = { .a = mem_strdup(a), .b = mem_strdup(b) };
	bool found = false;

	items_for_each(struct scn_link, l, s->links) found |= same_pair(l, &pair);
	items_for_each(struct scn_site, site, s->sites)
	{
		items_for_each(struct scn_upstream, u, site->upstreams)
		{
			const struct scn_link edge = { .a = site->name, .b = u->network };
			found |= same_pair(&edge, &pair);
		}
	}
	free(pair.a);
	free(pair.b);
	return found;
}

static bool has_service(const struct scenario *s, const char *node, const char *service)
{
	int site = scenario_site(s, node);

	if (scenario_network(s, node) >= 0)
		return strcmp(service, "bird") == 0;
	if (site < 0)
		return false;
	const struct scn_site *at = (struct scn_site *)s->sites.data + site;
	return strcmp(service, "dns") == 0 ||
	       strcmp(service, at->announcer == ANNOUNCER_BIRD ? "bird" : "nearcastd") == 0;
}

static bool is_node(const struct scenario *s, const char *name)
{
	return scenario_network(s, name) >= 0 || scenario_site(s, name) >= 0 ||
	       scenario_client(s, name) >= 0;
}

static void check_target(struct checker *c, const struct scn_step *step)
{
	char a[NODE_NAME_MAX + 1], b[SERVICE_NAME_MAX + 1];
	bool pair = target_split(step->target, a, b);

	switch (step_event_target(step->event)) {
	case TARGET_SERVICE:
		if (!pair || !has_service(c->s, a, b))
			FAULT(c, step->place, "expected site/dns, site/nearcastd or network/bird",
				"there is no service `%s`", step->target);
		break;
	case TARGET_LINK:
		if (!pair || !linked(c->s, a, b))
			FAULT(c, step->place, "expected two linked nodes: one/other",
				"there is no link `%s`", step->target);
		break;
	case TARGET_NODE:
		if (!is_node(c->s, step->target))
			FAULT(c, step->place, NULL, "there is no node `%s`", step->target);
		break;
	}
	if ((step->event == STEP_RUN) != (step->command.count > 0))
		FAULT(c, step->place, NULL,
			step->event == STEP_RUN ? "`run` needs a command"
						: "`command` is for `run` only");
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
		check_target(c, step);
		check_expect(c, &step->expect, named);
		if (!step->has_settle)
			step->settle = c->s->settle;
		if (!step->has_within)
			step->within = c->s->within;
	}
}

static int check_meaning(struct scenario *s, struct faults *faults)
{
	struct checker c = { s, faults };
	size_t before = faults->count;

	check_networks(&c);
	check_links(&c);
	check_sites(&c);
	check_service(&c);
	check_clients(&c);
	check_start(&c);
	check_timeline(&c);
	return faults->count > before ? -EINVAL : 0;
}

static char *base_name(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	return arena_strndup(a, base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

// Takes arena and document over, also on failure.
static int finish(struct scenario **ret, struct scenario *s, const char *path, int rc,
	struct arena *arena, struct document doc, struct faults *faults)
{
	s->arena = arena;
	s->doc = doc;
	if (rc == 0) {
		s->name = base_name(arena, path);
		rc = check_meaning(s, faults);
	}
	if (rc < 0)
		scenario_free(&s);
	else
		*ret = s;
	return rc;
}

int scenario_load(struct scenario **ret, const char *path, struct faults *faults)
{
	struct scenario *s = mem_zalloc(sizeof(*s));
	struct arena *arena = arena_new();
	struct document doc = {};
	int rc = schema_load(&scenario_schema, path, arena, s, &doc, faults);

	return finish(ret, s, path, rc, arena, doc, faults);
}

int scenario_load_text(struct scenario **ret, const char *name, const char *text, size_t len,
	struct faults *faults)
{
	struct scenario *s = mem_zalloc(sizeof(*s));
	struct arena *arena = arena_new();
	struct document doc = {};
	int rc = schema_load_text(&scenario_schema, name, text, len, arena, s, &doc, faults);

	return finish(ret, s, name, rc, arena, doc, faults);
}

void scenario_free(struct scenario **s)
{
	if (!*s)
		return;
	arena_free(&(*s)->arena);
	document_free(&(*s)->doc);
	free_ptr(s);
}
