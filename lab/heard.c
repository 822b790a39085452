#include "lab/heard.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "lab/clock.h"
#include "lab/daemonask.h"
#include "lib/mem.h"

enum {
	// Times of two clocks' readings: what comes at once may seem to come a little before.
	CLOCK_SLACK_US = 2000,
};

static const char request[] = "{\"cmd\":\"show\",\"what\":\"fleet\"}\n";
static const int64_t never = INT64_MAX / 4; // twice that still is a number

static size_t number_of(const struct topology *t, const struct lab_node *n)
{
	return (size_t)(n - t->nodes);
}

// Floyd and Warshall's shortest ways, through nodes of one kind only.
static void shorten(const struct topology *t, enum node_kind through, int64_t *us)
{
	size_t n = t->node_count;

	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < n && t->nodes[k].kind == through; i++)
			for (size_t j = 0; j < n; j++)
				if (us[i * n + k] + us[k * n + j] < us[i * n + j])
					us[i * n + j] = us[i * n + k] + us[k * n + j];
}

static void put(int64_t *us, size_t n, size_t a, size_t b, int64_t value)
{
	us[a * n + b] = us[b * n + a] = value;
}

static int64_t *new_ways(size_t n)
{
	int64_t *us = mem_zalloc(n * n * sizeof(*us));

	for (size_t i = 0; i < n * n; i++)
		us[i] = i % (n + 1) == 0 ? 0 : never;
	return us;
}

span heard_delay(const struct topology *t, const struct lab_node *from, const struct lab_node *to)
{
	size_t n = t->node_count;
	own(free_ptr) int64_t *packets = new_ways(n);
	own(free_ptr) int64_t *news = new_ways(n);

	for (size_t i = 0; i < t->link_count; i++) {
		const struct lab_link *l = &t->links[i];
		put(packets, n, number_of(t, l->a.node), number_of(t, l->b.node), l->delay.us);
	}
	shorten(t, NODE_KIND_ROUTER, packets);
	for (size_t i = 0; i < t->fleet_count; i++) {
		size_t a = number_of(t, t->fleet[i].a), b = number_of(t, t->fleet[i].b);
		put(news, n, a, b, packets[a * n + b]);
	}
	shorten(t, NODE_KIND_REFLECTOR, news);
	int64_t us = news[number_of(t, from) * n + number_of(t, to)];
	return (span){ us >= never ? INT64_MAX : us };
}

int heard_read(const char *json, size_t len, const char *node, double *seconds)
{
	json_t *root = json_loadb(json, len, 0, NULL), *entry;
	const json_t *fleet = json_object_get(json_object_get(root, "result"), "fleet");
	int rc = json_is_array(fleet) ? -ENOENT : -EBADMSG;
	size_t i;

	json_array_foreach(fleet, i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, "node"));
		const json_t *since = json_object_get(entry, "since_seconds");
		if (rc != -ENOENT || !name || strcmp(name, node) != 0 ||
			json_is_true(json_object_get(entry, "lost")))
			continue;
		rc = json_is_number(since) ? 0 : -EBADMSG;
		if (rc == 0)
			*seconds = json_number_value(since);
	}
	json_decref(root);
	return rc;
}

static int heard_since(const struct world *w, const struct lab_node *at,
	const struct lab_node *about, instant *ret)
{
	own(sb_free) struct strbuf answer = {};
	double seconds;
	int rc = daemon_ask(w, at, request, &answer);
	instant now = lab_now();

	if (rc == 0)
		rc = heard_read(sb_text(&answer), answer.len, about->name, &seconds);
	if (rc == 0)
		*ret = (instant){ now.us - span_from_s(seconds).us };
	return rc;
}

static struct heard ask_one(const struct world *w, const struct lab_node *about,
	const struct lab_node *at, instant decided)
{
	struct heard h = { .about = about, .at = at };
	instant since;
	int rc = heard_since(w, at, about, &since);

	h.links = heard_delay(w->topology, about, at);
	h.known = rc == 0 && since.us >= decided.us - CLOCK_SLACK_US;
	if (h.known)
		h.took = instant_diff(since, decided);
	return h;
}

bool heard_ask(const struct world *w, const struct scenario *s, const struct scn_step *step,
	const instant *decided, struct heard **list, size_t *count)
{
	const struct scn_site *nodes = s->sites.data;
	bool all = true;

	free(*list);
	*list = mem_zalloc(step->targets.count * s->sites.count * sizeof(**list));
	*count = 0;
	items_for_each(char *, target, step->targets)
	{
		char name[NODE_NAME_MAX + 1], service[SERVICE_NAME_MAX + 1];
		bool pair = target_split(*target, name, service);
		const struct lab_node *about = topology_node(w->topology, pair ? name : *target);
		for (size_t i = 0; i < s->sites.count; i++) {
			const struct lab_node *at = topology_node(w->topology, nodes[i].name);
			if (at == about || nodes[i].announcer != ANNOUNCER_NEARCASTD)
				continue;
			(*list)[*count] = ask_one(w, about, at, decided[about->index]);
			all &= (*list)[(*count)++].known;
		}
	}
	return all;
}
