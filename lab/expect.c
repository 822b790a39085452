#include "lab/expect.h"

#include <inttypes.h>

const char *verdict_name(enum verdict v)
{
	static const char *const names[VERDICT_MAX] = {
		[VERDICT_OK] = "ok",
		[VERDICT_WRONG_SITE] = "wrong-site",
		[VERDICT_LONG_OUTAGE] = "long-outage",
		[VERDICT_LOST] = "lost",
		[VERDICT_WRONG_NODES] = "wrong-nodes",
	};

	return names[v];
}

const char *site_name(const struct scenario *s, int site)
{
	char *const *names = s->site_names.data;

	return site == SITE_NONE ? NULL : names[site];
}

void expect_resolve(const struct scenario *s, const struct items *entries,
	const uint64_t *others_max_lost, const struct expectation *previous,
	struct expectation *ret)
{
	for (size_t i = 0; i < s->clients.count; i++)
		ret[i] = (struct expectation){
			.site = previous ? previous[i].site : SITE_NONE,
			.has_max_lost = others_max_lost != NULL,
			.max_lost = others_max_lost ? *others_max_lost : 0,
		};
	items_for_each(struct scn_expect, e, *entries)
	{
		items_for_each(char *, name, e->clients)
		{
			ret[scenario_client(s, *name)] = (struct expectation){
				.named = true,
				.site = e->site ? scenario_site(s, e->site) : SITE_NONE,
				.nodes = e->nodes.count ? &e->nodes : NULL,
				.has_max_outage = e->has_max_outage,
				.has_max_lost = e->has_max_lost,
				.max_outage = e->max_outage,
				.max_lost = e->max_lost,
			};
		}
	}
}

enum verdict expect_judge(const struct expectation *e, const struct outage *o, bool shared)
{
	if (o->site_after != e->site)
		return VERDICT_WRONG_SITE;
	if (e->has_max_outage && o->longest.us > e->max_outage.us)
		return VERDICT_LONG_OUTAGE;
	if (e->has_max_lost && o->lost > e->max_lost)
		return VERDICT_LOST;
	return shared ? VERDICT_OK : VERDICT_WRONG_NODES;
}

void expect_print_limits(const struct expectation *e, struct strbuf *b)
{
	if (e->has_max_outage)
		sb_printf(b, "%" PRId64 " ms", span_to_ms(e->max_outage));
	if (e->has_max_outage && e->has_max_lost)
		sb_str(b, ", ");
	if (e->has_max_lost)
		sb_printf(b, "%" PRIu64 " lost", e->max_lost);
}

void expect_print(const struct scenario *s, const struct expectation *e, struct strbuf *b)
{
	const char *site = site_name(s, e->site);

	sb_str(b, site ? site : "none");
	if (e->has_max_outage)
		sb_printf(b, ", outage at most %" PRId64 " ms", span_to_ms(e->max_outage));
	if (e->has_max_lost)
		sb_printf(b, ", lost at most %" PRIu64, e->max_lost);
}
