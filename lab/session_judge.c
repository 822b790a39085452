#include "lab/session_judge.h"

#include <string.h>

const char *session_verdict_name(enum session_verdict v)
{
	static const char *const names[SESSIONS_VERDICT_MAX] = {
		[SESSIONS_OK] = "ok",
		[SESSIONS_BROKE] = "broken",
		[SESSIONS_STALLED] = "long-stall",
		[SESSIONS_EARLY] = "over-early",
	};

	return names[v];
}

static bool is_of(const struct scenario *s, const struct session *one, const struct scn_step *step)
{
	const struct scn_site *nodes = s->sites.data;

	if (one->node == NODE_NONE)
		return false;
	items_for_each(char *, name, step->sessions.broken_of)
	{
		if (strcmp(*name, nodes[one->node].name) == 0)
			return true;
	}
	return false;
}

// In this step or one before it a node was given up, with its sessions.
static bool is_excused(
	const struct scenario *s, const struct session *one, const struct scn_step *step)
{
	items_for_each(struct scn_step, before, s->timeline)
	{
		if (step && before <= step && is_of(s, one, before))
			return true;
	}
	return false;
}

static bool stood_at(const struct session *s, instant at)
{
	return !instant_is_never(s->opened) && !instant_before(s->ended, at);
}

static void count_one(const struct session *one, instant at, instant end, bool excused,
	struct session_result *ret)
{
	ret->standing += stood_at(one, at);
	if (one->state == SESSION_BROKEN && !instant_before(one->ended, at) &&
		!instant_before(end, one->ended)) {
		ret->broken++;
		ret->excused += excused;
	} else if (one->state != SESSION_BROKEN && !excused &&
		   one->in_step.length.us > ret->longest.length.us) {
		ret->longest = one->in_step;
	}
}

size_t session_judge_step(const struct scenario *s, const struct session_list *l,
	const struct scn_step *step, instant at, instant end, struct session_result *ret)
{
	const struct scn_sessions_expect *e = step ? &step->sessions : NULL;
	size_t broken = 0;

	for (size_t g = 0; g < l->group_count; g++) {
		const struct session_group *group = &l->groups[g];
		struct session_result *r = &ret[g];
		*r = (struct session_result){};
		for (size_t i = group->first; i < group->first + group->count; i++)
			count_one(&l->all[i], at, end, is_excused(s, &l->all[i], step), r);
		broken += r->broken;
		if (r->broken > r->excused && !(e && e->has_broken_at_least))
			r->verdict = SESSIONS_BROKE;
		else if (e && e->has_max_stall && r->longest.length.us > e->max_stall.us)
			r->verdict = SESSIONS_STALLED;
	}
	return broken;
}

bool session_enough_broke(const struct scn_step *step, size_t broken)
{
	return !step || !step->sessions.has_broken_at_least ||
	       broken >= step->sessions.broken_at_least;
}

void session_judge_end(const struct session_list *l, instant last_event, struct session_total *ret)
{
	for (size_t g = 0; g < l->group_count; g++) {
		const struct session_group *group = &l->groups[g];
		struct session_total *t = &ret[g];
		*t = (struct session_total){};
		for (size_t i = group->first; i < group->first + group->count; i++) {
			const struct session *one = &l->all[i];
			t->broken += one->state == SESSION_BROKEN;
			t->done += one->state == SESSION_DONE;
			t->early += one->state == SESSION_DONE && !instant_is_never(last_event) &&
				    instant_before(one->ended, last_event);
			if (one->longest.length.us > t->longest.length.us)
				t->longest = one->longest;
		}
		if (t->early > 0 && !group->scn->may_end)
			t->verdict = SESSIONS_EARLY;
	}
}

static void count_reset(
	const struct session *one, const struct scn_step *step, struct session_resets *r)
{
	r->sessions++;
	if (one->state != SESSION_BROKEN) {
		r->alive++;
	} else if (one->scn->kind == SESSION_QUIC) {
		r->others++;
	} else if (one->how == BREAK_RESET) {
		bool late = one->reset_took.us > step->sessions.reset_within.us;
		r->late += late || !one->has_reset_took;
		r->reset += !late && one->has_reset_took;
		if (one->reset_took.us > r->longest.us)
			r->longest = one->reset_took;
	} else {
		r->late += one->spoke_since || !one->owner_lost;
		r->silent += !one->spoke_since && one->owner_lost;
	}
}

struct session_resets session_judge_resets(const struct scenario *s, const struct session_list *l,
	const struct scn_step *step, instant at)
{
	struct session_resets r = {};

	for (size_t i = 0; i < l->count; i++)
		if (is_of(s, &l->all[i], step) && stood_at(&l->all[i], at))
			count_reset(&l->all[i], step, &r);
	r.ok = r.sessions > 0 && r.alive == 0 && r.late == 0;
	return r;
}

bool session_resets_came(
	const struct scenario *s, const struct session_list *l, const struct scn_step *step)
{
	if (!step || !step->sessions.has_reset_within)
		return true;
	for (size_t i = 0; i < l->count; i++) {
		const struct session *one = &l->all[i];
		if (one->state == SESSION_OPEN && one->awaits && is_of(s, one, step))
			return false;
	}
	return true;
}
