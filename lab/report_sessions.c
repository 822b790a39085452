#include "lab/report_sessions.h"

#include <inttypes.h>

#include "lib/mem.h"
#include "lib/own.h"

enum { BREAKS_SHOWN = 10, LATE_SHOWN_MS = 50 };

static double ms(span s)
{
	return (double)s.us / 1000;
}

static const char *family_name(enum ip_family f)
{
	return f == IP4 ? "ipv4" : "ipv6";
}

static const char *client_name(const struct run_result *r, size_t client)
{
	return ((const struct scn_client *)r->scenario->clients.data)[client].name;
}

static const char *node_name(const struct run_result *r, int node)
{
	const struct scn_site *nodes = r->scenario->sites.data;

	return node == NODE_NONE ? NULL : nodes[node].name;
}

static void put_verdict(struct out *o, enum session_verdict v)
{
	if (v == SESSIONS_OK)
		out_str(o, "verdict", "ok");
	else
		out_strf(o, "verdict", "FAILED (%s)", session_verdict_name(v));
}

static void put_group(const struct run_result *r, const struct session_group *g, struct out *o)
{
	out_str(o, "sessions", g->scn->name);
	out_str(o, "client", client_name(r, g->client));
	out_str(o, "over", family_name(g->family));
}

static void put_step_row(const struct run_result *r, const struct session_group *g,
	const struct session_result *s, struct out *o)
{
	out_object(o, NULL);
	put_group(r, g, o);
	out_uint(o, "stand", s->standing);
	if (s->broken > 0)
		out_uint(o, "broken", s->broken);
	else
		out_str(o, "broken", "-");
	out_double(o, "longest wait ms", ms(s->longest.length), 0);
	put_verdict(o, s->verdict);
	out_end(o);
}

// Groups of which none broke, and whose waits are as promised, are only counted.
static bool is_worth_a_row(const struct session_result *s)
{
	return s->broken > 0 || s->verdict != SESSIONS_OK;
}

static void print_rows(const struct run_result *r, const struct step_result *step, struct strbuf *b)
{
	struct out *o = out_new(OUT_TEXT, b);

	out_table(o, NULL);
	for (size_t g = 0; g < r->sessions.group_count; g++)
		if (is_worth_a_row(&step->sessions[g]))
			put_step_row(r, &r->sessions.groups[g], &step->sessions[g], o);
	out_end(o);
	out_free(&o);
}

static void print_standing(
	const struct run_result *r, const struct step_result *step, struct strbuf *b)
{
	size_t standing = 0, worst = 0;

	for (size_t g = 0; g < r->sessions.group_count; g++) {
		const struct session_result *s = &step->sessions[g];
		standing += s->standing - s->broken;
		if (s->longest.length.us > step->sessions[worst].longest.length.us)
			worst = g;
	}
	const struct session_group *w = &r->sessions.groups[worst];
	sb_printf(b, "%zu sessions stand; the longest wait was %.0f ms (%s of %s over %s)\n",
		standing, ms(step->sessions[worst].longest.length), w->scn->name,
		client_name(r, w->client), family_name(w->family));
}

void report_sessions_step(
	const struct run_result *r, const struct step_result *step, struct strbuf *b)
{
	if (!step->sessions || (!step->step && step->sessions_ok))
		return;
	print_rows(r, step, b);
	if (!step->step)
		return;
	print_standing(r, step, b);
	if (step->step->sessions.has_broken_at_least)
		sb_printf(b, "%zu sessions broke, expected at least %" PRIu64 "%s\n",
			step->sessions_broken, step->step->sessions.broken_at_least,
			session_enough_broke(step->step, step->sessions_broken) ? "" : ": FAILED");
	if (span_to_ms(step->late.length) >= LATE_SHOWN_MS)
		sb_printf(b, "waits may be up to %.0f ms too long: the lab itself was late\n",
			ms(step->late.length));
}

// "fra1 100, nyc1 100"
static void print_owners(
	const struct run_result *r, const struct session_group *g, struct strbuf *b)
{
	own(free_ptr) size_t *count = mem_zalloc(r->scenario->sites.count * sizeof(*count));

	for (size_t i = g->first; i < g->first + g->count; i++)
		if (r->sessions.all[i].node != NODE_NONE)
			count[r->sessions.all[i].node]++;
	for (size_t i = 0; i < r->scenario->sites.count; i++)
		if (count[i] > 0)
			sb_printf(
				b, "%s%s %zu", b->len ? ", " : "", node_name(r, (int)i), count[i]);
}

static uint64_t bytes_of(const struct run_result *r, const struct session_group *g)
{
	uint64_t bytes = 0;

	for (size_t i = g->first; i < g->first + g->count; i++)
		bytes += r->sessions.all[i].bytes;
	return bytes;
}

static void put_total_row(const struct run_result *r, const struct session_group *g,
	const struct session_total *t, struct out *o)
{
	own(sb_free) struct strbuf owners = {};

	print_owners(r, g, &owners);
	out_object(o, NULL);
	put_group(r, g, o);
	out_uint(o, "count", g->count);
	out_uint(o, "broken", t->broken);
	out_str(o, "opened at", sb_text(&owners));
	out_double(o, "MB", (double)bytes_of(r, g) / 1e6, 1);
	out_double(o, "longest wait ms", ms(t->longest.length), 0);
	if (t->longest.length.us > 0)
		out_double(o, "at s", span_to_s(instant_diff(t->longest.from, r->zero)), 1);
	else
		out_str(o, "at s", "-");
	put_verdict(o, t->verdict);
	out_end(o);
}

static void print_breaks(const struct run_result *r, struct strbuf *b)
{
	size_t broken = 0;

	for (size_t i = 0; i < r->sessions.count; i++) {
		const struct session *s = &r->sessions.all[i];
		if (s->state != SESSION_BROKEN || ++broken > BREAKS_SHOWN)
			continue;
		session_print(r->scenario, s, b);
		sb_printf(b, " at %.3f s: %s (%s)\n", span_to_s(instant_diff(s->ended, r->zero)),
			session_break_name(s->how), s->detail);
	}
	if (broken > BREAKS_SHOWN)
		sb_printf(b, "and %zu more\n", broken - BREAKS_SHOWN);
	sb_printf(b, "%zu of %zu sessions broken", broken, r->sessions.count);
	if (r->scenario->keeper && broken == 0)
		sb_printf(b, "; without the keeper: nearcast lab run -n %s", r->scenario->name);
	sb_printf(b, "\nthe lab itself was late by at most %.0f ms\n", ms(r->late.length));
}

static void print_resets(
	const struct session_resets *x, const struct scn_step *step, struct strbuf *b)
{
	sb_printf(b,
		"of %zu sessions that were to end: %zu by RST in time, the slowest after %.0f ms "
		"(expected %" PRId64 "), %zu later or otherwise, %zu had nothing to say, %zu not "
		"over TCP, %zu live%s\n",
		x->sessions, x->reset, ms(x->longest), span_to_ms(step->sessions.reset_within),
		x->late, x->silent, x->others, x->alive, x->ok ? "" : ": FAILED");
}

void report_sessions_end(const struct run_result *r, struct strbuf *b)
{
	if (r->sessions.count == 0 || !r->totals)
		return;
	struct out *o = out_new(OUT_TEXT, b);
	out_table(o, NULL);
	for (size_t g = 0; g < r->sessions.group_count; g++)
		put_total_row(r, &r->sessions.groups[g], &r->totals[g], o);
	out_end(o);
	out_free(&o);
	for (size_t i = 1; i < r->step_count; i++)
		if (r->steps[i].step->sessions.has_reset_within)
			print_resets(&r->resets[i], r->steps[i].step, b);
	print_breaks(r, b);
}

// ---- JSON ----

static void json_group(const struct run_result *r, const struct session_group *g, struct out *o)
{
	out_str(o, "name", g->scn->name);
	out_str(o, "client", client_name(r, g->client));
	out_str(o, "family", family_name(g->family));
}

static void json_wait(const struct run_result *r, const struct session_wait *w, struct out *o)
{
	out_double(o, "longest_wait_ms", ms(w->length), 3);
	if (w->length.us > 0)
		out_double(o, "longest_at_ms", ms(instant_diff(w->from, r->zero)), 3);
	else
		out_null(o, "longest_at_ms");
}

static void json_verdict(enum session_verdict v, struct out *o)
{
	out_str(o, "verdict", session_verdict_name(v));
	out_bool(o, "ok", v == SESSIONS_OK);
}

void report_sessions_step_json(
	const struct run_result *r, const struct step_result *step, struct out *o)
{
	if (!step->sessions)
		return;
	out_array(o, "sessions");
	for (size_t g = 0; g < r->sessions.group_count; g++) {
		const struct session_result *s = &step->sessions[g];
		out_object(o, NULL);
		json_group(r, &r->sessions.groups[g], o);
		out_uint(o, "standing", s->standing);
		out_uint(o, "broken", s->broken);
		out_uint(o, "excused", s->excused);
		json_wait(r, &s->longest, o);
		json_verdict(s->verdict, o);
		out_end(o);
	}
	out_end(o);
	out_uint(o, "sessions_broken", step->sessions_broken);
	out_bool(o, "sessions_ok", step->sessions_ok);
	out_double(o, "lab_late_ms", ms(step->late.length), 3);
}

static void json_total(const struct run_result *r, size_t g, struct out *o)
{
	const struct session_group *group = &r->sessions.groups[g];
	const struct session_total *t = &r->totals[g];
	own(free_ptr) uint64_t *count = mem_zalloc(r->scenario->sites.count * sizeof(*count));

	for (size_t i = group->first; i < group->first + group->count; i++)
		if (r->sessions.all[i].node != NODE_NONE)
			count[r->sessions.all[i].node]++;
	out_object(o, NULL);
	json_group(r, group, o);
	out_str(o, "kind", session_kind_name(group->scn->kind));
	out_uint(o, "sessions", group->count);
	out_uint(o, "done", t->done);
	out_uint(o, "broken", t->broken);
	out_uint(o, "over_early", t->early);
	out_object(o, "owners");
	for (size_t i = 0; i < r->scenario->sites.count; i++)
		if (count[i] > 0)
			out_uint(o, node_name(r, (int)i), count[i]);
	out_end(o);
	out_uint(o, "bytes", bytes_of(r, group));
	json_wait(r, &t->longest, o);
	json_verdict(t->verdict, o);
	out_end(o);
}

static void json_break(const struct run_result *r, const struct session *s, struct out *o)
{
	out_object(o, NULL);
	out_str(o, "name", s->scn->name);
	out_str(o, "client", client_name(r, s->client));
	out_str(o, "family", family_name(s->family));
	out_uint(o, "number", s->number);
	out_str(o, "node", node_name(r, s->node));
	out_str(o, "how", session_break_name(s->how));
	out_str(o, "detail", s->detail);
	out_double(o, "at_ms", ms(instant_diff(s->ended, r->zero)), 3);
	if (s->has_reset_took)
		out_double(o, "reset_ms", ms(s->reset_took), 3);
	else
		out_null(o, "reset_ms");
	out_end(o);
}

static void json_resets(
	const struct run_result *r, const struct session_resets *x, size_t event, struct out *o)
{
	out_object(o, NULL);
	out_uint(o, "event", event); // its place in `events`
	out_uint(o, "sessions", x->sessions);
	out_uint(o, "reset", x->reset);
	out_uint(o, "late", x->late);
	out_uint(o, "silent", x->silent);
	out_uint(o, "other", x->others);
	out_uint(o, "alive", x->alive);
	out_double(o, "longest_ms", ms(x->longest), 3);
	out_bool(o, "ok", x->ok);
	out_end(o);
}

void report_sessions_json(const struct run_result *r, struct out *o)
{
	if (r->sessions.count == 0)
		return;
	if (r->totals) {
		out_array(o, "sessions");
		for (size_t g = 0; g < r->sessions.group_count; g++)
			json_total(r, g, o);
		out_end(o);
	}
	out_array(o, "breaks");
	for (size_t i = 0; i < r->sessions.count; i++)
		if (r->sessions.all[i].state == SESSION_BROKEN)
			json_break(r, &r->sessions.all[i], o);
	out_end(o);
	out_array(o, "resets");
	for (size_t i = 1; r->resets && i < r->step_count; i++)
		if (r->steps[i].step->sessions.has_reset_within)
			json_resets(r, &r->resets[i], i - 1, o);
	out_end(o);
	out_bool(o, "sessions_ok", r->sessions_ok);
	out_double(o, "lab_late_ms", ms(r->late.length), 3);
}
