#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/view_inside.h"
#include "lib/mem.h"
#include "lib/own.h"

// ---- News ----

static struct fleet_news *news_add(struct fleet_view *v, enum fleet_news_kind kind)
{
	struct news *n = mem_zalloc(sizeof(*n));

	n->news.kind = kind;
	list_push_back(&v->news, &n->link);
	return &n->news;
}

void fleet_note_changed(struct fleet_view *v, struct subject *s)
{
	if (list_empty(&s->changed))
		list_push_back(&v->changed, &s->changed);
}

void fleet_note_site(struct fleet_view *v, enum fleet_news_kind kind, const struct site *site)
{
	struct fleet_news *n = news_add(v, kind);

	snprintf(n->subject, sizeof(n->subject), "%s", site->name);
}

void fleet_refuse(struct fleet_view *v, unsigned session, enum fleet_refusal why,
	const struct ip_prefix *prefix, const char *what)
{
	struct session *s = &v->sessions[session];
	char text[PREFIX_TEXT];

	static_assert(FLEET_REFUSAL_MAX <= 8 * sizeof(s->told_refusals));
	s->refused[why]++;
	if (s->told_refusals & 1u << why)
		return;
	s->told_refusals |= 1u << why;
	struct fleet_news *n = news_add(v, FLEET_REFUSED);
	n->session = session;
	n->refusal = why;
	n->prefix = *prefix;
	snprintf(n->subject, sizeof(n->subject), "%s", what);
	snprintf(n->text, sizeof(n->text), "%s%s%s: %s", prefix_print(prefix, text),
		*what ? " of " : "", what, fleet_refusal_text(why));
}

// ---- What contradicts ----

static void conflict_add(struct fleet_view *v, const char *subject, const char *text)
{
	v->conflicts = mem_resize(v->conflicts, v->conflict_count + 1, sizeof(*v->conflicts));
	struct conflict *c = &v->conflicts[v->conflict_count++];
	snprintf(c->subject, sizeof(c->subject), "%s", subject);
	snprintf(c->text, sizeof(c->text), "%s", text);
}

// A node as far as its identity goes; the own one stands among the others.
struct identity {
	uint16_t id;
	const char *name;
	struct ip_addr address;
};

static int by_id(const void *a, const void *b)
{
	const struct identity *x = a, *y = b;

	return x->id != y->id ? (x->id < y->id ? -1 : 1) : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	const struct identity *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : (x->id > y->id) - (x->id < y->id);
}

static bool name_is_taken(const struct fleet_view *v, const struct node *n)
{
	struct hnode *h = hmap_find(&v->by_name, n->by_name.hash);

	for (; h; h = hmap_find_next(h))
		if (strcmp(container_of(h, struct node, by_name)->name, n->name) == 0)
			return true;
	return strcmp(v->config.name, n->name) == 0;
}

// Whether anything clashes is known at any time; what it is, is looked for only then.
void fleet_count_identity(struct fleet_view *v, struct node *n, bool begins)
{
	unsigned before = v->clashes;

	if (begins) {
		n->by_name.hash = hash_bytes(n->name, strlen(n->name));
		v->clashes += (v->ids[n->id]++ > 0) + name_is_taken(v, n);
		hmap_insert(&v->by_name, &n->by_name, n->by_name.hash);
	} else {
		hmap_remove(&v->by_name, &n->by_name);
		v->clashes -= (--v->ids[n->id] > 0) + name_is_taken(v, n);
	}
	v->conflicts_stale |= before > 0 || v->clashes > 0;
}

static struct identity *identities(const struct fleet_view *v, size_t *count)
{
	struct identity *all = mem_resize(NULL, v->nodes_live + 1, sizeof(*all));
	struct hnode *h = NULL;
	size_t n = 0;

	all[n++] = (struct identity){ v->config.node, v->config.name, {} };
	while ((h = hmap_walk(&v->by_originator, h))) {
		const struct node *node = container_of(h, struct node, by_originator);
		const struct ip_addr *a = &node->address[node->address[0].family == IP_NONE];
		if (node->paths > 0)
			all[n++] = (struct identity){ node->id, node->name, *a };
	}
	*count = n;
	return all;
}

static const char *where(const struct identity *i, char text[IP_TEXT])
{
	return i->address.family == IP_NONE ? "here" : ip_print(&i->address, text);
}

static void find_clashes(struct fleet_view *v)
{
	size_t n;
	own(free_ptr) struct identity *all = identities(v, &n);
	char subject[FLEET_NAME_MAX + 8], text[200], x[IP_TEXT], y[IP_TEXT];

	qsort(all, n, sizeof(*all), by_id);
	for (size_t i = 1; i < n; i++) {
		if (all[i].id != all[i - 1].id)
			continue;
		snprintf(subject, sizeof(subject), "id %u", all[i].id);
		snprintf(text, sizeof(text), "two nodes have id %u: %s (%s) and %s (%s)", all[i].id,
			all[i - 1].name, where(&all[i - 1], x), all[i].name, where(&all[i], y));
		conflict_add(v, subject, text);
	}
	qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(all[i].name, all[i - 1].name) != 0)
			continue;
		snprintf(text, sizeof(text), "two nodes are called %s: id %u (%s) and id %u (%s)",
			all[i].name, all[i - 1].id, where(&all[i - 1], x), all[i].id,
			where(&all[i], y));
		conflict_add(v, all[i].name, text);
	}
}

static const char *min_sites_print(const struct min_sites *m, char text[16])
{
	snprintf(text, 16, "%u%s", m->value, m->share ? "%" : "");
	return text;
}

static void find_differing(struct fleet_view *v, const struct subject *s)
{
	char prefix[PREFIX_TEXT], theirs[16], ours[16], text[200];

	for (size_t i = 0; s->differing > 0 && i < s->count; i++) {
		const struct entry *e = s->entries[i];
		if (list_empty(&e->paths) || min_sites_equal(&e->told.min_sites, &s->own))
			continue;
		snprintf(text, sizeof(text), "min-sites of %u node%s differs: %s says %s, here %s",
			s->differing, s->differing > 1 ? "s" : "", e->node->name,
			min_sites_print(&e->told.min_sites, theirs),
			min_sites_print(&s->own, ours));
		conflict_add(v, prefix_print(&s->prefix, prefix), text);
		return;
	}
}

static bool has_conflict(const struct conflict *list, size_t n, const struct conflict *c)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].subject, c->subject) == 0 && strcmp(list[i].text, c->text) == 0)
			return true;
	return false;
}

static void tell_conflict(struct fleet_view *v, enum fleet_news_kind kind, const struct conflict *c)
{
	struct fleet_news *n = news_add(v, kind);

	snprintf(n->subject, sizeof(n->subject), "%s", c->subject);
	snprintf(n->text, sizeof(n->text), "%s", c->text);
}

static void find_conflicts(struct fleet_view *v)
{
	own(free_ptr) struct conflict *old = take(v->conflicts);
	size_t old_count = v->conflict_count;
	struct hnode *h = NULL;

	v->conflicts_stale = false;
	v->conflict_count = 0;
	if (v->clashes > 0)
		find_clashes(v);
	while ((h = hmap_walk(&v->by_prefix, h)))
		find_differing(v, container_of(h, struct subject, by_prefix));
	for (size_t i = 0; i < old_count; i++)
		if (!has_conflict(v->conflicts, v->conflict_count, &old[i]))
			tell_conflict(v, FLEET_AGREED, &old[i]);
	for (size_t i = 0; i < v->conflict_count; i++)
		if (!has_conflict(old, old_count, &v->conflicts[i]))
			tell_conflict(v, FLEET_CONFLICT, &v->conflicts[i]);
}

void fleet_count_min_sites(struct fleet_view *v, struct subject *s, const struct told *t, int by)
{
	if (!s->has_own || min_sites_equal(&t->min_sites, &s->own))
		return;
	s->differing += (unsigned)by;
	v->conflicts_stale = true;
}

bool fleet_view_conflict(
	const struct fleet_view *v, size_t *at, const char **subject, const char **text)
{
	if (*at >= v->conflict_count)
		return false;
	*subject = v->conflicts[*at].subject;
	*text = v->conflicts[*at].text;
	++*at;
	return true;
}

// ---- Handing out ----

static struct fleet_news changed_news(struct fleet_view *v)
{
	struct subject *s = list_first(&v->changed, struct subject, changed);

	list_remove(&s->changed);
	return (struct fleet_news){ .kind = FLEET_CHANGED, .prefix = s->prefix };
}

bool fleet_view_next(struct fleet_view *v, struct fleet_news *ret)
{
	if (v->conflicts_stale)
		find_conflicts(v);
	struct news *n = list_first(&v->news, struct news, link);
	if (!n) {
		if (list_empty(&v->changed))
			return false;
		*ret = changed_news(v);
		return true;
	}
	*ret = n->news;
	list_remove(&n->link);
	free(n);
	return true;
}

void fleet_news_free(struct fleet_view *v)
{
	struct news *n;

	list_for_each(n, &v->news, link) free(n);
	free_ptr(&v->conflicts);
}
