// What the guard and the operator are told of the fleet, in words.
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/daemon.h"

// ---- Sites of a service, besides what this node adds ----

struct site_row {
	char name[FLEET_NAME_MAX + 1];
	enum standing best; // of its nodes in sight
	bool announces;     // one of them does
	bool lost;          // none is in sight
};

struct site_rows {
	struct site_row *list; // by name
	size_t count;
};

static void site_rows_free(struct site_rows *r)
{
	free_ptr(&r->list);
}

static void add_node(struct site_rows *r, const struct fleet_entry *e)
{
	struct site_row *last = r->count ? &r->list[r->count - 1] : NULL;

	if (!last || strcmp(last->name, e->state.site) != 0) {
		r->list = mem_resize(r->list, r->count + 1, sizeof(*r->list));
		last = &r->list[r->count++];
		*last = (struct site_row){ .best = STANDING_OUT, .lost = true };
		memcpy(last->name, e->state.site, sizeof(last->name));
	}
	if (e->paths == 0)
		return;
	last->lost = false;
	last->announces |= e->state.announce != ANNOUNCE_WITHDRAWN;
	if (e->state.standing < last->best)
		last->best = e->state.standing;
}

static struct site_rows site_rows(const struct daemon *d, const struct ip_prefix *prefix)
{
	struct site_rows r = {};
	struct fleet_entry e;
	size_t at = 0;

	while (fleet_view_entry(fleet_view(d->fleet), clock_now(), prefix, &at, &e))
		add_node(&r, &e);
	return r;
}

static bool is_able(const struct site_row *r)
{
	return r->best == STANDING_ABLE && r->announces;
}

static bool is_holding(const struct site_row *r)
{
	return r->announces && !is_able(r);
}

static bool is_missing(const struct site_row *r)
{
	return !r->announces;
}

// "ams1, lon1 and 3 more", with how they stand; "none".
static void add_sites(struct strbuf *b, const struct site_rows *rows,
	bool (*which)(const struct site_row *r), bool standing)
{
	enum { NAMES_MAX = 8 };
	size_t n = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct site_row *r = &rows->list[i];
		if (!which(r) || n++ >= NAMES_MAX)
			continue;
		sb_printf(b, "%s%s", n > 1 ? ", " : "", r->name);
		if (standing)
			sb_printf(b, " (%s)", r->lost ? "lost" : standing_name(r->best));
	}
	if (n == 0)
		sb_str(b, "none");
	if (n > NAMES_MAX)
		sb_printf(b, " and %zu more", n - NAMES_MAX);
}

// ---- The guard ----

// What the guard's word came to in the decision.
static enum guard_verdict verdict_of(enum decide_reason r)
{
	switch (r) {
	case REASON_GUARD_HOLD:
		return GUARD_HOLD;
	case REASON_GUARD_WAITS:
		return GUARD_WAITS;
	case REASON_GUARD_TELLS:
		return GUARD_TELLS;
	case REASON_ISOLATED:
		return GUARD_ISOLATED;
	default:
		return GUARD_FREE;
	}
}

typedef struct guard_result guard_rule(struct fleet_view *v, const struct ip_prefix *prefix,
	const struct fleet_state *own, const struct guard_policy *policy);

// Of all prefixes the one that the rule objects to, else the first; *ret is what it says.
static const struct ip_prefix *strictest(
	struct fleet *f, const struct service *s, guard_rule *rule, struct guard_result *ret)
{
	const struct ip_prefix *prefixes = s->conf->prefixes.data, *found = NULL;
	const struct fleet_state own = member_say(&s->member);

	for (size_t i = 0; i < s->conf->prefixes.count; i++) {
		struct guard_result r =
			rule(fleet_view(f), &prefixes[i], &own, &s->member.config.policy);
		if (found && (r.verdict == GUARD_FREE || ret->verdict != GUARD_FREE))
			continue;
		found = &prefixes[i];
		*ret = r;
	}
	return found;
}

struct guard_result fleet_guard(struct fleet *f, const struct service *s)
{
	struct guard_result r = {};

	if (!f)
		return r;
	(void)strictest(f, s, fleet_view_guard, &r);
	r.verdict = verdict_of(s->member.decision.reason);
	return r;
}

// Which prefix it is where there are several.
static void add_count(const struct guard_result *g, const struct service *s,
	const struct ip_prefix *prefix, struct strbuf *b)
{
	char text[PREFIX_TEXT];

	sb_printf(
		b, "%u of %u known site%s must announce", g->m, g->known, g->known == 1 ? "" : "s");
	if (s->conf->prefixes.count > 1)
		sb_printf(b, " %s", prefix_print(prefix, text));
	sb_str(b, "; able besides this node: ");
}

void fleet_explain(const struct daemon *d, const struct service *s, struct strbuf *b)
{
	struct guard_result g = {};

	if (!d->fleet) { // a reload took it away
		sb_str(b, "there is no fleet");
		return;
	}
	const struct ip_prefix *prefix = strictest(d->fleet, s, fleet_view_guard, &g);
	own(site_rows_free) struct site_rows rows = site_rows(d, prefix);
	add_count(&g, s, prefix, b);
	add_sites(b, &rows, is_able, false);
	sb_str(b, "; held: ");
	add_sites(b, &rows, is_holding, true);
}

// ---- Leaving ----

static void refuse_by_guard(const struct daemon *d, const struct service *s, struct strbuf *why_not)
{
	struct guard_result g = {};
	const struct ip_prefix *prefix = strictest(d->fleet, s, fleet_view_guard_leaving, &g);
	own(site_rows_free) struct site_rows rows = site_rows(d, prefix);

	if (g.verdict == GUARD_ISOLATED) {
		sb_str(why_not, "the guard refuses: no other node of the fleet is heard");
		return;
	}
	sb_str(why_not, "the guard refuses: ");
	add_count(&g, s, prefix, why_not);
	add_sites(why_not, &rows, is_able, false);
	sb_str(why_not, "; not able: ");
	add_sites(why_not, &rows, is_holding, true);
	sb_str(why_not, "; missing: ");
	add_sites(why_not, &rows, is_missing, true);
}

// Load that nobody else can carry is as bad as too few sites.
static bool has_room(const struct daemon *d, const struct service *s, struct strbuf *why_not,
	struct strbuf *warning)
{
	const struct fleet_state own = member_say(&s->member);
	const struct fleet_room room =
		fleet_view_room(fleet_view(d->fleet), s->conf->prefixes.data, &own);

	if (!own.has_load || own.announce == ANNOUNCE_WITHDRAWN || room.free >= room.load)
		return true;
	struct strbuf *b = room.silent ? warning : why_not;
	sb_printf(b, "%sthis node carries %lu, and %u able node%s room for %lu",
		room.silent ? "" : "no room: ", room.load, room.tell,
		room.tell == 1 ? " has" : "s have", room.free);
	if (room.silent)
		sb_printf(b, "; of %u it is not known", room.silent);
	return room.silent > 0;
}

bool fleet_may_leave(
	struct daemon *d, struct service *s, struct strbuf *why_not, struct strbuf *warning)
{
	if (!d->fleet)
		return true;
	const struct guard_result g = member_may_leave(
		&s->member, fleet_view(d->fleet), s->conf->prefixes.data, s->conf->prefixes.count);
	if (g.verdict == GUARD_FREE)
		return has_room(d, s, why_not, warning);
	refuse_by_guard(d, s, why_not);
	return false;
}
