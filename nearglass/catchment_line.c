#include "nearglass/catchment_line.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/ip.h"
#include "nearglass/timetext.h"

static const double RTT_MAX_MS = 1e6;

// Octets of UTF-8 that stand for what is not seen: C1 controls; U+061C; U+200B to U+200F and U+2028 to
// U+202E; U+2060 to U+2069; U+FEFF.
static const struct {
	uint8_t begin[2]; // the first octets; with one alone the other is 0
	uint8_t from, to; // of the last octet
} unseen[] = {
	{ { 0xc2 }, 0x80, 0x9f },
	{ { 0xd8 }, 0x9c, 0x9c },
	{ { 0xe2, 0x80 }, 0x8b, 0x8f },
	{ { 0xe2, 0x80 }, 0xa8, 0xae },
	{ { 0xe2, 0x81 }, 0xa0, 0xa9 },
	{ { 0xef, 0xbb }, 0xbf, 0xbf },
};

// No controls, no marks that turn text around, nothing without width: a name must not look like another
// one, nor make another one look different.
static bool is_plain(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	for (; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return false;
		for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
			size_t n = unseen[i].begin[1] ? 2 : 1;
			if (memcmp(p, unseen[i].begin, n) == 0 && p[n] >= unseen[i].from &&
				p[n] <= unseen[i].to)
				return false;
		}
	}
	return true;
}

static const char *read_client(struct catchment_line *l, const json_t *o)
{
	const char *text = json_string_value(json_object_get(o, "client"));
	char canonical[PREFIX_TEXT];
	struct ip_prefix p;

	if (!text)
		return "`client` is not a text";
	if (!*text || strlen(text) > CATCHMENT_CLIENT_MAX)
		return "`client` is not 1 to 64 octets long";
	if (!is_plain(text))
		return "`client` has characters that are not seen";
	if (prefix_parse(&p, text) == 0)
		text = prefix_print(&p, canonical);
	snprintf(l->client, sizeof(l->client), "%s", text);
	return NULL;
}

// As nearglass.yaml has the names of sites.
static const char *read_site(struct catchment_line *l, const json_t *o)
{
	const json_t *value = json_object_get(o, "site");
	const char *text = json_string_value(value);

	if (json_is_null(value))
		return NULL;
	if (!text)
		return "`site` is neither a text nor null";
	size_t n = strlen(text);
	bool good = n > 0 && n <= CATCHMENT_SITE_MAX;
	for (size_t i = 0; good && i < n; i++)
		good = isalnum((unsigned char)text[i]) || strchr("-_.", text[i]);
	if (!good)
		return "`site` is no name of a site";
	snprintf(l->site, sizeof(l->site), "%s", text);
	return NULL;
}

// True when it is not there, too; then *ret is as it was.
static bool read_number(const json_t *o, const char *name, double least, double most, double *ret)
{
	const json_t *value = json_object_get(o, name);

	if (!value || json_is_null(value))
		return true;
	if (!json_is_number(value))
		return false;
	double d = json_number_value(value);
	if (!(d >= least && d <= most))
		return false;
	*ret = d;
	return true;
}

static const char *read_numbers(struct catchment_line *l, const json_t *o)
{
	l->lat = l->lon = NAN;
	l->rtt_ms = -1;
	if (!read_number(o, "lat", -90, 90, &l->lat))
		return "`lat` is not a number from -90 to 90";
	if (!read_number(o, "lon", -180, 180, &l->lon))
		return "`lon` is not a number from -180 to 180";
	if (isnan(l->lat) != isnan(l->lon))
		return "`lat` and `lon` come together";
	if (!read_number(o, "rtt_ms", 0, RTT_MAX_MS, &l->rtt_ms))
		return "`rtt_ms` is not a number from 0 to 1000000";
	l->has_place = !isnan(l->lat);
	if (!l->has_place)
		l->lat = l->lon = 0;
	return NULL;
}

static const char *read_time(struct catchment_line *l, const json_t *o)
{
	const json_t *value = json_object_get(o, "time");
	const char *text = json_string_value(value);

	if (!value || json_is_null(value))
		return NULL;
	return text && time_parse(text, &l->time_us) == 0
		       ? NULL
		       : "`time` is not like 2026-01-02T03:04:05Z";
}

static const char *read_all(struct catchment_line *l, const json_t *o)
{
	const char *why = json_is_object(o) ? read_client(l, o) : "not a JSON object";

	if (!why)
		why = read_site(l, o);
	if (!why)
		why = read_numbers(l, o);
	return why ? why : read_time(l, o);
}

int catchment_line_parse(struct catchment_line *ret, const char *text, size_t n, const char **why)
{
	struct catchment_line l = {};
	json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);

	*why = read_all(&l, o);
	json_decref(o);
	if (*why)
		return -EINVAL;
	*ret = l;
	return 0;
}
