#include "lab/judge.h"

#include <string.h>

#include "lab/tables.h"
#include "lib/mem.h"
#include "lib/own.h"

static span settle_of(const struct judge *j, const struct step_result *step)
{
	return step->step ? step->step->settle : j->scenario->settle;
}

static bool stream_settled(
	const struct judge *j, size_t i, const struct step_result *step, instant now)
{
	const struct stream *s = clients_stream(j->clients, i);
	int site = step->clients[s->client_index].expected.site;
	span steady = clients_steady(j->clients, i, now);
	span settle = settle_of(j, step);

	if (site != SITE_NONE)
		return s->site == site && steady.us >= settle.us;
	instant since = instant_before(s->last_answer, step->at) ? step->at : s->last_answer;
	return instant_diff(now, since).us >= settle.us + s->client->timeout.us;
}

static bool is_named(const struct items *list, const char *name)
{
	items_for_each(char *, one, *list)
	{
		if (strcmp(*one, name) == 0)
			return true;
	}
	return false;
}

// Exactly the expected nodes answered the client since `settle` ago.
static bool is_shared(const struct judge *j, size_t client, const struct step_result *step,
	const struct expectation *e, instant now)
{
	const struct scn_site *nodes = j->scenario->sites.data;
	instant from = { now.us - settle_of(j, step).us };

	for (size_t i = 0; e->nodes && i < j->scenario->sites.count; i++) {
		bool wanted = is_named(e->nodes, nodes[i].name);
		if (wanted != clients_answered_by(j->clients, client, i, from, now))
			return false;
	}
	return true;
}

// All prefixes of those that should, none of those that should not.
static bool is_announced(const struct judge *j, const struct step_result *step, instant now)
{
	char *const *names = j->scenario->site_names.data;

	if (!step->step || !step->step->has_announced)
		return true;
	for (size_t i = 0; i < j->scenario->site_names.count; i++) {
		bool wanted = is_named(&step->step->announced, names[i]);
		if (wanted ? !census_has_all(j->census, i, now) : census_has_any(j->census, i, now))
			return false;
	}
	return true;
}

bool judge_is_settled(const struct judge *j, const struct step_result *step, instant now)
{
	bool all = is_announced(j, step, now);

	for (size_t i = 0; i < clients_streams(j->clients); i++)
		all &= stream_settled(j, i, step, now);
	for (size_t i = 0; all && i < j->scenario->clients.count; i++)
		all = is_shared(j, i, step, &step->clients[i].expected, now);
	return all && session_resets_came(j->scenario, j->sessions, step->step);
}

static bool has_daemons(const struct scenario *s)
{
	items_for_each(struct scn_site, node, s->sites)
	{
		if (node->announcer == ANNOUNCER_NEARCASTD)
			return true;
	}
	return false;
}

static void count_sites(const struct judge *j, struct step_result *step)
{
	const struct scn_step *scn = step->step;
	char *const *names = j->scenario->site_names.data;
	own(sb_free) struct strbuf b = {};

	step->announced_ok = is_announced(j, step, step->end);
	step->fewest_ok = true;
	step->has_fewest = scn && has_daemons(j->scenario);
	if (!step->has_fewest)
		return;
	own(census_free) struct census *tables = tables_census(j->scenario, j->world);
	step->fewest = census_fewest(j->census, step->at, step->end, &step->fewest_at);
	step->fewest_held = census_fewest(tables, step->at, step->end, &step->fewest_held_at);
	step->fewest_ok =
		!scn->has_min_announced ||
		(step->fewest >= scn->min_announced && step->fewest_held >= scn->min_announced);
	for (size_t i = 0; i < j->scenario->site_names.count; i++)
		if (census_has_any(j->census, i, step->end))
			sb_printf(&b, "%s%s", b.len ? ", " : "", names[i]);
	step->announced = sb_take(&b);
}

static void judge_client(const struct judge *j, struct step_result *step, size_t i)
{
	struct client_result *c = &step->clients[i];

	c->outage = clients_outage(j->clients, i, step->at, step->end);
	if (!step->step) { // before anything happened there is nothing to lose
		c->outage.lost = c->outage.sent = 0;
		c->outage.longest = (span){};
		c->outage.open = false;
	}
	c->verdict = expect_judge(
		&c->expected, &c->outage, is_shared(j, i, step, &c->expected, step->end));
	step->ok &= c->verdict == VERDICT_OK;
}

static bool is_heard_in_time(const struct step_result *step)
{
	for (size_t i = 0; i < step->heard_count; i++) {
		const struct heard *h = &step->heard[i];
		if (!h->known || h->took.us - h->links.us > step->step->heard_within.us)
			return false;
	}
	return true;
}

static void judge_sessions(const struct judge *j, struct step_result *step)
{
	step->sessions_ok = true;
	if (!step->sessions)
		return;
	step->sessions_broken = session_judge_step(
		j->scenario, j->sessions, step->step, step->at, step->end, step->sessions);
	for (size_t g = 0; g < j->sessions->group_count; g++)
		step->sessions_ok &= step->sessions[g].verdict == SESSIONS_OK;
	step->sessions_ok &= session_enough_broke(step->step, step->sessions_broken);
}

void judge_step(const struct judge *j, struct step_result *step)
{
	count_sites(j, step);
	step->heard_ok = is_heard_in_time(step);
	judge_sessions(j, step);
	step->ok = !step->failure && step->announced_ok && step->fewest_ok && step->heard_ok &&
		   step->sessions_ok;
	for (size_t i = 0; i < j->scenario->clients.count; i++)
		judge_client(j, step, i);
}

void judge_ending(const struct judge *j, struct run_result *r)
{
	instant last = r->step_count > 1 ? r->steps[r->step_count - 1].at : INSTANT_NEVER;

	r->totals = mem_zalloc(j->sessions->group_count * sizeof(*r->totals));
	r->resets = mem_zalloc(r->step_count * sizeof(*r->resets));
	r->sessions_ok = true;
	session_judge_end(j->sessions, last, r->totals);
	for (size_t g = 0; g < j->sessions->group_count; g++)
		r->sessions_ok &= r->totals[g].verdict == SESSIONS_OK;
	for (size_t i = 1; i < r->step_count; i++) {
		const struct step_result *step = &r->steps[i];
		if (!step->step->sessions.has_reset_within)
			continue;
		r->resets[i] = session_judge_resets(j->scenario, j->sessions, step->step, step->at);
		r->sessions_ok &= r->resets[i].ok;
	}
	r->ok &= r->sessions_ok;
}

void judge_run(const struct judge *j, struct run_result *r)
{
	const struct scenario *s = j->scenario;

	r->fewest_ok = true;
	r->has_fewest = r->step_count > 1 && has_daemons(s);
	if (!r->has_fewest)
		return;
	own(census_free) struct census *tables = tables_census(s, j->world);
	instant from = r->steps[1].at;
	r->fewest = census_fewest(j->census, from, r->ended, &r->fewest_at);
	r->fewest_held = census_fewest(tables, from, r->ended, &r->fewest_held_at);
	r->fewest_ok = !s->has_min_announced ||
		       (r->fewest >= s->min_announced && r->fewest_held >= s->min_announced);
	r->ok &= r->fewest_ok;
}
