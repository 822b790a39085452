#include "plan/votes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

struct plan_votes *plan_votes_new(void)
{
	return mem_zalloc(sizeof(struct plan_votes));
}

void plan_votes_free(struct plan_votes **v)
{
	struct plan_votes *old = take(*v);

	if (!old)
		return;
	for (size_t i = 0; i < old->trial_count; i++) {
		free(old->trials[i].choice);
		free(old->trials[i].fed);
	}
	for (size_t i = 0; i < old->site_count; i++)
		free(old->sites[i]);
	free(old->trials);
	free(old->asn);
	free(old);
}

int plan_votes_site(struct plan_votes *v, const char *name)
{
	for (size_t i = 0; i < v->site_count; i++)
		if (strcmp(v->sites[i], name) == 0)
			return (int)i;
	if (v->site_count == PLAN_VOTE_SITES_MAX)
		return -EFBIG;
	v->sites[v->site_count] = mem_strdup(name);
	return (int)v->site_count++;
}

static int by_number(const void *a, const void *b)
{
	return *(const uint8_t *)a - *(const uint8_t *)b;
}

int plan_votes_trial(struct plan_votes *v, const uint8_t *sites, size_t count)
{
	struct plan_trial t = { .site_count = (uint8_t)count };

	if (count < 2)
		return -EINVAL;
	if (count > PLAN_VOTE_SITES_MAX)
		return -EFBIG;
	memcpy(t.sites, sites, count);
	qsort(t.sites, count, 1, by_number);
	for (size_t i = 0; i < count; i++)
		if (t.sites[i] >= v->site_count || (i > 0 && t.sites[i] == t.sites[i - 1]))
			return -EINVAL;
	for (size_t i = 0; i < v->trial_count; i++)
		if (v->trials[i].site_count == count &&
			memcmp(v->trials[i].sites, t.sites, count) == 0)
			return (int)i;
	if (v->trial_count == PLAN_TRIALS_MAX)
		return -EFBIG;
	v->trials = mem_resize(v->trials, v->trial_count + 1, sizeof(*v->trials));
	v->trials[v->trial_count] = t;
	return (int)v->trial_count++;
}

int plan_votes_add(struct plan_votes *v, int trial, uint8_t rank, uint32_t asn, uint8_t site)
{
	struct plan_trial *t = &v->trials[trial];
	const uint8_t *at = memchr(t->sites, site, t->site_count);

	if (!at)
		return -EINVAL;
	if (t->fed_count == PLAN_VOTES_MAX)
		return -EFBIG;
	if (t->fed_count == t->fed_cap) {
		t->fed_cap = t->fed_cap ? 2 * t->fed_cap : 1024;
		t->fed = mem_resize(t->fed, t->fed_cap, sizeof(*t->fed));
	}
	t->fed[t->fed_count++] =
		(struct plan_vote){ .asn = asn, .rank = rank, .choice = (uint8_t)(at - t->sites) };
	return 0;
}

// ---- Finish ----

static int by_as(const void *a, const void *b)
{
	const struct plan_vote *x = a, *y = b;

	if (x->asn != y->asn)
		return x->asn < y->asn ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank - y->rank;
	return x->choice - y->choice;
}

static int by_asn(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

// All ASes of all trials, each once.
static int gather(struct plan_votes *v)
{
	size_t n = 0, at = 0, kept = 0;

	for (size_t i = 0; i < v->trial_count; i++)
		n += v->trials[i].fed_count;
	v->asn = mem_resize(v->asn, n + 1, sizeof(*v->asn));
	for (size_t i = 0; i < v->trial_count; i++)
		for (size_t j = 0; j < v->trials[i].fed_count; j++)
			v->asn[at++] = v->trials[i].fed[j].asn;
	qsort(v->asn, n, sizeof(*v->asn), by_asn);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || v->asn[i] != v->asn[i - 1])
			v->asn[kept++] = v->asn[i];
	if (kept > PLAN_VOTE_ASES_MAX)
		return -EFBIG;
	v->as_count = (uint32_t)kept;
	return 0;
}

// What the results of one AS, of one rank, say together.
static uint8_t majority(const struct plan_vote *x, size_t n)
{
	size_t best = 0, tied = 0, run = 0;
	uint8_t choice = PLAN_VOTE_NONE;

	for (size_t i = 0; i < n; i++) {
		run = i > 0 && x[i].choice == x[i - 1].choice ? run + 1 : 1;
		if (run > best) {
			best = run;
			tied = 0;
			choice = x[i].choice;
		} else if (run == best) {
			tied++;
		}
	}
	return tied ? PLAN_VOTE_NONE : choice;
}

static void settle(struct plan_votes *v, struct plan_trial *t)
{
	uint32_t as = 0;

	t->choice = mem_zalloc(v->as_count + 1);
	memset(t->choice, PLAN_VOTE_NONE, v->as_count);
	qsort(t->fed, t->fed_count, sizeof(*t->fed), by_as);
	for (size_t i = 0, next; i < t->fed_count; i = next) {
		size_t same = 0;
		for (next = i; next < t->fed_count && t->fed[next].asn == t->fed[i].asn; next++)
			same += t->fed[next].rank == t->fed[i].rank;
		while (v->asn[as] < t->fed[i].asn)
			as++;
		uint8_t c = majority(t->fed + i, same);
		t->choice[as] = c;
		if (c == PLAN_VOTE_NONE) {
			v->split++;
			continue;
		}
		t->count++;
		t->of[c]++;
	}
	free(t->fed);
	t->fed = NULL;
	t->fed_count = t->fed_cap = 0;
}

int plan_votes_finish(struct plan_votes *v)
{
	int rc = gather(v);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < v->trial_count; i++)
		settle(v, &v->trials[i]);
	return 0;
}

// ---- Questions ----

uint8_t plan_vote_of(const struct plan_trial *t, uint32_t as)
{
	uint8_t c = t->choice[as];

	return c == PLAN_VOTE_NONE ? c : t->sites[c];
}

uint32_t plan_votes_as(const struct plan_votes *v, uint32_t asn)
{
	const uint32_t *at = bsearch(&asn, v->asn, v->as_count, sizeof(asn), by_asn);

	return at ? (uint32_t)(at - v->asn) : UINT32_MAX;
}

bool plan_trial_has(const struct plan_trial *t, uint8_t a, uint8_t b)
{
	return memchr(t->sites, a, t->site_count) && memchr(t->sites, b, t->site_count);
}
