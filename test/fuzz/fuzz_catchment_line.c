// Lines of catchment: what is taken is within the bounds that its header promises, and is taken again when it is
// written as it was understood.
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nearglass/catchment_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct catchment_line *l)
{
	size_t n = strlen(l->client);

	must(n > 0 && n <= CATCHMENT_CLIENT_MAX && strlen(l->site) <= CATCHMENT_SITE_MAX);
	for (size_t i = 0; i < n; i++)
		must((unsigned char)l->client[i] >= 0x20 && l->client[i] != 0x7f);
	must(!strpbrk(l->site, "<>&\"' /"));
	must(isfinite(l->lat) && isfinite(l->lon) && isfinite(l->rtt_ms));
	must(fabs(l->lat) <= 90 && fabs(l->lon) <= 180);
}

static void take_again(const struct catchment_line *l)
{
	struct catchment_line again;
	const char *why;
	json_t *o = json_pack("{s:s, s:s?, s:f}", "client", l->client, "site",
		*l->site ? l->site : NULL, "rtt_ms", l->rtt_ms < 0 ? 0 : l->rtt_ms);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	must(text != NULL);
	must(catchment_line_parse(&again, text, strlen(text), &why) == 0);
	must(strcmp(again.client, l->client) == 0 && strcmp(again.site, l->site) == 0);
	free(text);
	json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct catchment_line l;
	const char *why = NULL;

	if (size > CATCHMENT_LINE_MAX)
		return 0;
	if (catchment_line_parse(&l, (const char *)data, size, &why) == 0) {
		check(&l);
		take_again(&l);
	} else {
		must(why && *why);
	}
	return 0;
}
