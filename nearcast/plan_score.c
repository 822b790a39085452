// nearcast plan score: each measured catchment predicted from the others, beside what was measured.
#include <stdlib.h>
#include <string.h>

#include "nearcast/plan.h"

static void write_names(struct out *o, const struct plan_votes *v, const struct plan_trial *t)
{
	own(sb_free) struct strbuf b = {};

	for (uint8_t i = 0; i < t->site_count; i++)
		sb_printf(&b, "%s%s", i ? "," : "", v->sites[t->sites[i]]);
	out_str(o, "sites", sb_text(&b));
}

static void write_covered(
	struct out *o, const struct plan_cli *c, const struct plan_scored_trial *x)
{
	uint64_t covered = plan_marks_count(&x->chain);

	plan_out_share(o, c, "covered", (double)covered / x->trial->count);
	if (covered > 0) {
		plan_out_share(o, c, "chain_accuracy", plan_marks_accuracy(&x->chain));
		plan_out_share(o, c, "chain_balanced", plan_marks_balanced(&x->chain));
		plan_out_share(o, c, "covered_accuracy", plan_marks_accuracy(&x->where));
		return;
	}
	out_null(o, "chain_accuracy");
	out_null(o, "chain_balanced");
	out_null(o, "covered_accuracy");
}

static void write_trial(struct out *o, const struct plan_cli *c, const struct plan_votes *v,
	const struct plan_scored_trial *x)
{
	out_object(o, NULL);
	write_names(o, v, x->trial);
	out_uint(o, "ases", x->trial->count);
	plan_out_share(o, c, "majority", plan_marks_majority(&x->all));
	plan_out_share(o, c, "accuracy", plan_marks_accuracy(&x->all));
	plan_out_share(o, c, "balanced", plan_marks_balanced(&x->all));
	write_covered(o, c, x);
	if (c->json) {
		out_double(o, "brier", plan_marks_brier(&x->all), 6);
		out_double(o, "calibration_power", x->power, 4);
		out_uint(o, "contradicted", x->contradicted);
	}
	out_end(o);
}

// Every trial counts the same; those without covered ASes do not count in what is said of these.
struct means {
	double majority, accuracy, balanced, covered, chain, chain_balanced, where, brier;
	uint64_t ases, covered_ases, chain_right, where_right;
};

static struct means mean_of(const struct plan_scoring *s, size_t n)
{
	struct means m = {};
	double some = 0;

	for (size_t i = 0; i < n; i++) {
		const struct plan_scored_trial *x = &s->trials[i];
		uint64_t covered = plan_marks_count(&x->chain);
		m.majority += plan_marks_majority(&x->all) / (double)n;
		m.accuracy += plan_marks_accuracy(&x->all) / (double)n;
		m.balanced += plan_marks_balanced(&x->all) / (double)n;
		m.brier += plan_marks_brier(&x->all) / (double)n;
		m.covered += (double)covered / x->trial->count / (double)n;
		m.ases += x->trial->count;
		m.covered_ases += covered;
		for (size_t j = 0; j < x->chain.sites; j++) {
			m.chain_right += x->chain.right[j];
			m.where_right += x->where.right[j];
		}
		if (covered == 0)
			continue;
		some++;
		m.chain += plan_marks_accuracy(&x->chain);
		m.chain_balanced += plan_marks_balanced(&x->chain);
		m.where += plan_marks_accuracy(&x->where);
	}
	if (some > 0) {
		m.chain /= some;
		m.chain_balanced /= some;
		m.where /= some;
	}
	return m;
}

static void write_means(
	struct out *o, const struct plan_cli *c, const struct plan_scoring *s, size_t n)
{
	struct means m = mean_of(s, n);

	out_object(o, "mean");
	out_uint(o, "trials", n);
	out_uint(o, "ases", m.ases);
	plan_out_share(o, c, "majority", m.majority);
	plan_out_share(o, c, "accuracy", m.accuracy);
	plan_out_share(o, c, "balanced", m.balanced);
	out_double(o, "brier", m.brier, 4);
	plan_out_share(o, c, "covered", m.covered);
	if (m.covered_ases > 0) {
		plan_out_share(o, c, "chain_accuracy", m.chain);
		plan_out_share(o, c, "chain_balanced", m.chain_balanced);
		plan_out_share(o, c, "covered_accuracy", m.where);
		plan_out_share(o, c, "chain_accuracy_of_all",
			(double)m.chain_right / (double)m.covered_ases);
		plan_out_share(o, c, "covered_accuracy_of_all",
			(double)m.where_right / (double)m.covered_ases);
	}
	out_end(o);
}

// How often what was said with some probability came true.
static void write_curve(
	struct out *o, const struct plan_cli *c, const struct plan_scoring *s, size_t n)
{
	struct plan_marks all = {};

	for (size_t i = 0; i < n; i++)
		plan_marks_add_bins(&all, &s->trials[i].all);
	out_table(o, "reliability");
	for (size_t i = 0; i < PLAN_BINS; i++) {
		const struct plan_bin *b = &all.bins[i];
		if (b->count == 0)
			continue;
		out_object(o, NULL);
		out_strf(o, "probability", "%.1f-%.1f", (double)i / PLAN_BINS,
			(double)(i + 1) / PLAN_BINS);
		out_uint(o, "ases", b->count);
		plan_out_share(o, c, "said", b->sum / (double)b->count);
		plan_out_share(o, c, "came_true", (double)b->hits / (double)b->count);
		out_end(o);
	}
	out_end(o);
}

static enum cli_exit write_all(const struct plan_cli *c, const struct plan_lessons *l,
	const struct plan_scoring *s, size_t n)
{
	own(sb_free) struct strbuf b = {};
	struct out *o = out_new(c->json ? OUT_JSON : OUT_TEXT, &b);

	out_object(o, NULL);
	out_line(o, "%zu of %zu trials are usable; each is predicted from the others%s.", s->count,
		l->votes->trial_count, c->shuffle ? ", shuffled" : "");
	if (n < s->count)
		out_line(o, "Interrupted after %zu.", n);
	if (c->json) {
		out_uint(o, "trials_given", l->votes->trial_count);
		out_uint(o, "usable", s->count);
		out_bool(o, "complete", n == s->count);
		out_bool(o, "shuffled", c->shuffle);
		out_uint(o, "ases_seen", l->votes->as_count);
		out_uint(o, "evenly_divided", l->votes->split);
	}
	out_table(o, "trials");
	for (size_t i = 0; i < n; i++)
		write_trial(o, c, l->votes, &s->trials[i]);
	out_end(o);
	write_means(o, c, s, n);
	write_curve(o, c, s, n);
	out_end(o);
	out_free(&o);
	return plan_write(&b);
}

enum cli_exit plan_score_of(struct plan_cli *c)
{
	own(plan_lessons_free) struct plan_lessons l = {};
	own(plan_scoring_free) struct plan_scoring s = {};
	double percent = 2;
	size_t done = 0;

	enum cli_exit rc = plan_option_number("--min-share", c->min_share, 0, 50, &percent);

	if (rc || (rc = plan_lessons_load(&l, c)))
		return rc;
	if (c->shuffle)
		plan_votes_shuffle(l.votes, l.mixture.seed);
	struct plan_scoring_options o = { .mixture = l.mixture,
		.calibration_starts = 1,
		.min_share = percent / 100,
		.group = l.group,
		.groups = l.groups };
	plan_scoring_open(&s, l.votes, &o);
	if (s.count == 0)
		return cli_fail(CLI_REFUSED, "no trial whose smallest site has %g %%", percent);
	plan_catch_interrupt();
	do {
		plan_progress("scoring", done, s.count);
	} while (!plan_interrupted() && plan_scoring_step(&s, l.votes, &o, &done));
	plan_progress_end();
	return done > 0 ? write_all(c, &l, &s, done)
			: cli_fail(CLI_REFUSED, "interrupted before the first trial was done");
}
