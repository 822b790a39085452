#include "lab/report.h"

#include <inttypes.h>
#include <string.h>

#include "lab/report_sessions.h"
#include "lib/out.h"
#include "lib/own.h"

static double ms(span s)
{
	return (double)s.us / 1000;
}

static const struct scn_client *client_at(const struct run_result *r, size_t i)
{
	return (const struct scn_client *)r->scenario->clients.data + i;
}

void report_event(const struct run_result *r, const struct step_result *step, struct strbuf *b)
{
	sb_printf(b, "\n%.1f s  %s ", span_to_s(instant_diff(step->at, r->zero)),
		step_event_name(step->step->event));
	step_print_targets(step->step, b);
	sb_char(b, '\n');
	if (step->step->note)
		sb_printf(b, "%s\n", step->step->note);
}

static void print_heading(const struct step_result *step, struct strbuf *b)
{
	if (!step->step)
		sb_printf(
			b, "\nstart, after %.1f s\n", span_to_s(instant_diff(step->end, step->at)));
	if (step->has_reaction)
		sb_printf(b, "%s after %.1f ms\n", step->reaction_type, ms(step->reaction));
	if (step->failure)
		sb_printf(b, "FAILED: %s\n", step->failure);
}

// Only where the scenario asks for it, or where it went wrong.
static void print_announced(
	const struct run_result *r, const struct step_result *step, struct strbuf *b)
{
	const struct scn_step *scn = step->step;

	if (!step->has_fewest || !(scn->has_announced || scn->has_min_announced))
		return;
	sb_printf(b, "announced in the end by %s%s\n",
		step->announced[0] ? step->announced : "nobody",
		step->announced_ok ? "" : ": FAILED (others were expected)");
	sb_printf(b, "at the worst instant by %u, and by %u in the routers' tables", step->fewest,
		step->fewest_held);
	if (scn->has_min_announced)
		sb_printf(b, ", expected %" PRIu64, scn->min_announced);
	if (!step->fewest_ok)
		sb_printf(b, ": FAILED (since %.3f s, %.3f s)",
			span_to_s(instant_diff(step->fewest_at, r->zero)),
			span_to_s(instant_diff(step->fewest_held_at, r->zero)));
	sb_char(b, '\n');
}

static const struct heard *slowest(const struct step_result *step)
{
	const struct heard *worst = step->heard;

	for (size_t i = 0; i < step->heard_count; i++) {
		const struct heard *h = &step->heard[i];
		if (!h->known)
			return h;
		if (h->took.us - h->links.us > worst->took.us - worst->links.us)
			worst = h;
	}
	return worst;
}

static void print_heard(const struct step_result *step, struct strbuf *b)
{
	if (step->heard_count == 0)
		return;
	const struct heard *h = slowest(step);
	if (h->known)
		sb_printf(b,
			"heard by all others; slowest: %s of %s after %.1f ms, %.1f ms of it on "
			"links%s\n",
			h->at->name, h->about->name, ms(h->took), ms(h->links),
			step->heard_ok ? "" : ": FAILED");
	else
		sb_printf(
			b, "%s has not heard how %s stands: FAILED\n", h->at->name, h->about->name);
}

static void put_verdict(struct out *o, const struct client_result *c)
{
	if (c->verdict == VERDICT_OK)
		out_str(o, "verdict", "ok");
	else
		out_strf(o, "verdict", "FAILED (%s)", verdict_name(c->verdict));
}

static void put_rtt(struct out *o, const char *name, span rtt)
{
	if (rtt.us > 0)
		out_double(o, name, ms(rtt), 1);
	else
		out_str(o, name, "-");
}

// What clients that lost nothing would show stays blank, to let the others stand out.
static void put_outage(struct out *o, const struct outage *x)
{
	if (x->lost == 0) {
		out_str(o, "outage ms", "-");
		out_str(o, "lost", "-");
	} else {
		out_strf(o, "outage ms", "%s%.0f", x->open ? "over " : "", ms(x->longest));
		out_uint(o, "lost", x->lost);
	}
	out_uint(o, "sent", x->sent);
}

static void put_row(
	const struct run_result *r, const struct step_result *step, size_t i, struct out *o)
{
	const struct client_result *c = &step->clients[i];
	own(sb_free) struct strbuf expected = {};

	expect_print_limits(&c->expected, &expected);
	out_object(o, NULL);
	out_str(o, "client", client_at(r, i)->name);
	if (step->step) {
		out_str(o, "before", site_name(r->scenario, c->outage.site_before));
		out_str(o, "after", site_name(r->scenario, c->outage.site_after));
		put_outage(o, &c->outage);
		put_rtt(o, "rtt ms before", c->outage.rtt_before);
		put_rtt(o, "rtt ms after", c->outage.rtt_after);
	} else {
		out_str(o, "city", client_at(r, i)->city);
		out_str(o, "answered by", site_name(r->scenario, c->outage.site_after));
		put_rtt(o, "rtt ms", c->outage.rtt_after);
	}
	out_str(o, "expected",
		c->expected.site == SITE_NONE ? "none" : site_name(r->scenario, c->expected.site));
	if (step->step)
		out_str(o, "at most", sb_text(&expected));
	put_verdict(o, c);
	out_end(o);
}

// Clients that the event did not touch, and was not expected to, are only counted.
static bool is_worth_a_row(const struct step_result *step, const struct client_result *c)
{
	return !step->step || c->expected.named || c->verdict != VERDICT_OK || c->outage.lost > 0 ||
	       c->outage.site_before != c->outage.site_after;
}

void report_step(const struct run_result *r, const struct step_result *step, struct strbuf *b)
{
	size_t others = 0;

	print_heading(step, b);
	struct out *o = out_new(OUT_TEXT, b);
	out_table(o, NULL);
	for (size_t i = 0; i < r->scenario->clients.count; i++) {
		if (is_worth_a_row(step, &step->clients[i]))
			put_row(r, step, i, o);
		else
			others++;
	}
	out_end(o);
	out_free(&o);
	report_sessions_step(r, step, b);
	if (step->step)
		print_announced(r, step, b);
	print_heard(step, b);
	if (step->output)
		sb_printf(b, "%s%s", step->output,
			step->output[0] && step->output[strlen(step->output) - 1] == '\n' ? ""
											  : "\n");
	if (others > 0)
		sb_printf(b, "%zu other client%s: same site as before, nothing lost\n", others,
			others == 1 ? "" : "s");
}

void report_end(const struct run_result *r, struct strbuf *b)
{
	size_t held = 0, planned = r->scenario->timeline.count + 1;

	sb_char(b, '\n');
	report_sessions_end(r, b);
	if (r->keeper_count > 0) {
		struct out *o = out_new(OUT_TEXT, b);
		keepers_print(r->keepers, r->keeper_count, NULL, o);
		out_free(&o);
	}
	if (r->has_fewest && r->scenario->has_min_announced)
		sb_printf(b,
			"sites that announced at the worst instant: %u, and %u in the routers' "
			"tables; expected %" PRIu64 "%s\n",
			r->fewest, r->fewest_held, r->scenario->min_announced,
			r->fewest_ok ? "" : ": FAILED");
	for (size_t i = 0; i < r->step_count; i++)
		held += r->steps[i].ok;
	sb_printf(b, "%s: %zu of %zu steps as expected in %.1f s, links delayed by %s%s\n",
		r->ok ? "ok" : "FAILED", held, planned, span_to_s(instant_diff(r->ended, r->began)),
		link_method_name(r->method), r->interrupted ? " (interrupted)" : "");
}

static void json_sites(const struct scenario *s, struct out *o)
{
	static const char *const announcers[] = {
		[ANNOUNCER_NEARCASTD] = "nearcastd",
		[ANNOUNCER_BIRD] = "bird",
		[ANNOUNCER_NONE] = "none",
	};

	out_array(o, "sites");
	items_for_each(struct scn_site, site, s->sites)
	{
		out_object(o, NULL);
		out_str(o, "name", site->name);
		out_str(o, "site", site->site);
		out_str(o, "city", site->city);
		out_str(o, "dns", site->dns == DNS_NSD ? "nsd" : "knot");
		out_str(o, "announcer", announcers[site->announcer]);
		out_array(o, "upstreams");
		items_for_each(struct scn_upstream, u, site->upstreams)
			out_str(o, NULL, u->network);
		out_end(o);
		out_end(o);
	}
	out_end(o);
}

static void json_clients(const struct scenario *s, struct out *o)
{
	static const char *const families[] = {
		[CLIENT_IP4] = "ipv4", [CLIENT_IP6] = "ipv6", [CLIENT_BOTH] = "both"
	};

	out_array(o, "clients");
	items_for_each(struct scn_client, c, s->clients)
	{
		out_object(o, NULL);
		out_str(o, "name", c->name);
		out_str(o, "network", c->network);
		out_str(o, "city", c->city);
		out_str(o, "family", families[c->family]);
		out_double(o, "interval_ms", ms(c->interval), 3);
		out_double(o, "timeout_ms", ms(c->timeout), 3);
		out_end(o);
	}
	out_end(o);
}

static void json_rtt(struct out *o, const char *name, span rtt)
{
	if (rtt.us > 0)
		out_double(o, name, ms(rtt), 3);
	else
		out_null(o, name);
}

static void json_client(const struct run_result *r, const struct client_result *c, size_t i,
	bool start, struct out *o)
{
	own(sb_free) struct strbuf expected = {};

	expect_print(r->scenario, &c->expected, &expected);
	out_object(o, NULL);
	out_str(o, "client", client_at(r, i)->name);
	if (!start)
		out_str(o, "answered_before", site_name(r->scenario, c->outage.site_before));
	out_str(o, "answered_after", site_name(r->scenario, c->outage.site_after));
	if (!start) {
		out_double(o, "outage_ms", ms(c->outage.longest), 3);
		out_bool(o, "outage_open", c->outage.open);
		out_uint(o, "queries_sent", c->outage.sent);
		out_uint(o, "queries_lost", c->outage.lost);
		json_rtt(o, "rtt_before_ms", c->outage.rtt_before);
	}
	json_rtt(o, "rtt_after_ms", c->outage.rtt_after);
	out_str(o, "expect", sb_text(&expected));
	out_str(o, "verdict", verdict_name(c->verdict));
	out_bool(o, "ok", c->verdict == VERDICT_OK);
	out_end(o);
}

static void json_step(const struct run_result *r, const struct step_result *step, struct out *o)
{
	out_array(o, "clients");
	for (size_t i = 0; i < r->scenario->clients.count; i++)
		json_client(r, &step->clients[i], i, !step->step, o);
	out_end(o);
	report_sessions_step_json(r, step, o);
	out_bool(o, "settled", step->settled);
	out_bool(o, "ok", step->ok);
}

static void json_heard(const struct step_result *step, struct out *o)
{
	if (step->heard_count == 0)
		return;
	out_array(o, "heard");
	for (size_t i = 0; i < step->heard_count; i++) {
		const struct heard *h = &step->heard[i];
		out_object(o, NULL);
		out_str(o, "about", h->about->name);
		out_str(o, "at", h->at->name);
		if (h->known)
			out_double(o, "took_ms", ms(h->took), 3);
		else
			out_null(o, "took_ms");
		out_double(o, "links_ms", ms(h->links), 3);
		out_end(o);
	}
	out_end(o);
	out_bool(o, "heard_ok", step->heard_ok);
}

static void json_announced(
	const struct run_result *r, const struct step_result *step, struct out *o)
{
	if (!step->has_fewest)
		return;
	out_str(o, "announced", step->announced);
	out_bool(o, "announced_ok", step->announced_ok);
	out_uint(o, "fewest_announced", step->fewest);
	out_uint(o, "fewest_held", step->fewest_held);
	out_double(o, "fewest_at_ms", ms(instant_diff(step->fewest_at, r->zero)), 3);
	out_bool(o, "fewest_ok", step->fewest_ok);
}

static void json_event(const struct run_result *r, const struct step_result *step, struct out *o)
{
	own(sb_free) struct strbuf targets = {};

	step_print_targets(step->step, &targets);
	out_object(o, NULL);
	out_double(o, "at_ms", ms(instant_diff(step->at, r->zero)), 3);
	out_str(o, "event", step_event_name(step->step->event));
	out_str(o, "target", sb_text(&targets));
	out_str(o, "note", step->step->note);
	out_str(o, "failure", step->failure);
	out_str(o, "reaction", step->has_reaction ? step->reaction_type : NULL);
	json_rtt(o, "reaction_ms", step->reaction);
	out_double(o, "seconds", span_to_s(instant_diff(step->settled_at, step->at)), 3);
	out_str(o, "output", step->output);
	json_heard(step, o);
	json_announced(r, step, o);
	json_step(r, step, o);
	out_end(o);
}

static void json_start(const struct run_result *r, struct out *o)
{
	const struct step_result *start = &r->steps[0];

	out_object(o, "start");
	out_double(o, "seconds", span_to_s(instant_diff(start->end, start->at)), 3);
	json_step(r, start, o);
	out_end(o);
}

void report_json(const struct run_result *r, struct strbuf *b)
{
	struct out *o = out_new(OUT_JSON, b);
	char started[TIME_TEXT];

	out_object(o, NULL);
	out_str(o, "scenario", r->scenario->name);
	out_str(o, "title", r->scenario->title);
	out_str(o, "started", time_print(r->started_us, started));
	out_double(o, "seconds", span_to_s(instant_diff(r->ended, r->began)), 3);
	out_str(o, "link_delay", link_method_name(r->method));
	json_sites(r->scenario, o);
	json_clients(r->scenario, o);
	keepers_print(r->keepers, r->keeper_count, "keepers", o);
	json_start(r, o);
	out_array(o, "events");
	for (size_t i = 1; i < r->step_count; i++)
		if (r->steps[i].end.us > 0) // not one that was interrupted
			json_event(r, &r->steps[i], o);
	out_end(o);
	if (r->has_fewest) {
		out_uint(o, "fewest_announced", r->fewest);
		out_uint(o, "fewest_held", r->fewest_held);
		out_bool(o, "fewest_ok", r->fewest_ok);
	}
	report_sessions_json(r, o);
	out_bool(o, "interrupted", r->interrupted);
	out_bool(o, "ok", r->ok);
	out_end(o);
	out_free(&o);
}
