#include "lib/schema_type.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

struct value_rule rule_of(const struct schema_key *key)
{
	return (struct value_rule){
		.key = key, .type = key->type, .min = key->min, .max = key->max
	};
}

struct value_rule rule_of_elements(const struct schema_key *key)
{
	return (struct value_rule){ .key = key, .type = key->elem };
}

bool key_applies(const struct schema_key *k, unsigned kinds)
{
	return k->kinds == 0 || (k->kinds & kinds) != 0;
}

const struct schema_key *schema_find(const struct schema *s, const char *name, unsigned kinds)
{
	for (const struct schema_key *k = s->keys; k->name; k++)
		if (strcmp(k->name, name) == 0 && (kinds == 0 || key_applies(k, kinds)))
			return k;
	return NULL;
}

static bool in_range(const struct value_rule *r, double value)
{
	bool any = r->min == 0 && r->max == 0;

	return any || (value >= r->min && (r->max == 0 || value <= r->max));
}

static int parse_string(const struct value_rule *r, const char *text, struct arena *arena,
	void *ret, struct strbuf *)
{
	if (!in_range(r, (double)strlen(text)))
		return -ERANGE;
	*(char **)ret = arena_strdup(arena, text);
	return 0;
}

static int parse_bool(
	const struct value_rule *, const char *text, struct arena *, void *ret, struct strbuf *)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };

	for (size_t i = 0; i < countof(words); i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		*(bool *)ret = i % 2 != 0;
		return 0;
	}
	return -EINVAL;
}

// Decimal digits only: "010" would be eight to some readers of YAML and ten to others.
static bool is_decimal(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && strspn(text, "0123456789") == n && (text[0] != '0' || n == 1);
}

static int parse_uint(
	const struct value_rule *r, const char *text, struct arena *, void *ret, struct strbuf *)
{
	if (!is_decimal(text))
		return -EINVAL;
	errno = 0;
	uint64_t v = strtoull(text, NULL, 10);
	if (errno != 0 || !in_range(r, (double)v))
		return -ERANGE;
	*(uint64_t *)ret = v;
	return 0;
}

static int parse_int(
	const struct value_rule *r, const char *text, struct arena *, void *ret, struct strbuf *)
{
	if (!is_decimal(text[0] == '-' ? text + 1 : text))
		return -EINVAL;
	errno = 0;
	int64_t v = strtoll(text, NULL, 10);
	if (errno != 0 || !in_range(r, (double)v))
		return -ERANGE;
	*(int64_t *)ret = v;
	return 0;
}

static int parse_double(
	const struct value_rule *r, const char *text, struct arena *, void *ret, struct strbuf *)
{
	char *end;

	if (strspn(text, "0123456789.-+eE") != strlen(text))
		return -EINVAL;
	double v = strtod(text, &end);
	if (end == text || *end || !isfinite(v))
		return -EINVAL;
	if (!in_range(r, v))
		return -ERANGE;
	*(double *)ret = v;
	return 0;
}

static const struct {
	const char *name;
	int64_t ms;
} span_units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

int schema_parse_span(const char *text, span *ret, struct strbuf *error)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits;
	int64_t us;

	if (strcmp(text, "0") == 0) {
		*ret = span_ms(0);
		return 0;
	}
	if (digits == 0 || digits > 15) {
		sb_str(error, digits == 0 ? "it does not start with a number" : "it is too long");
		return -EINVAL;
	}
	for (size_t i = 0; i < countof(span_units); i++) {
		if (strcmp(unit, span_units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(strtoll(text, NULL, 10), span_units[i].ms * 1000, &us)) {
			sb_str(error, "it is too long");
			return -EINVAL;
		}
		*ret = span_us(us);
		return 0;
	}
	if (*unit)
		sb_printf(error, "`%.*s` is no unit", text_clip(unit, 20), unit);
	else
		sb_str(error, "the unit is missing");
	return -EINVAL;
}

static int parse_span(
	const struct value_rule *r, const char *text, struct arena *, void *ret, struct strbuf *why)
{
	span s;
	int rc = schema_parse_span(text, &s, why);

	if (rc < 0)
		return rc;
	if (!in_range(r, (double)span_to_ms(s)))
		return -ERANGE;
	*(span *)ret = s;
	return 0;
}

static int parse_addr(
	const struct value_rule *, const char *text, struct arena *, void *ret, struct strbuf *)
{
	return ip_parse(ret, text);
}

static int parse_prefix(
	const struct value_rule *, const char *text, struct arena *, void *ret, struct strbuf *why)
{
	struct ip_prefix p = {};
	char meant[PREFIX_TEXT];
	int rc = prefix_parse(&p, text);

	if (rc == -EDOM)
		sb_printf(why, "host bits are set; the prefix is %s", prefix_print(&p, meant));
	if (rc == 0)
		*(struct ip_prefix *)ret = p;
	return rc;
}

static int parse_word(
	const struct value_rule *r, const char *text, struct arena *, void *ret, struct strbuf *)
{
	for (const struct schema_word *w = r->key->words; w->name; w++) {
		if (strcmp(text, w->name) != 0)
			continue;
		*(int *)ret = w->value;
		return 0;
	}
	return -EINVAL;
}

static int parse_custom(
	const struct value_rule *r, const char *text, struct arena *, void *ret, struct strbuf *why)
{
	return r->key->scalar->parse(text, ret, why);
}

// Words that other readers of YAML 1.1 take for something else than text.
static bool is_taken(const char *s)
{
	static const char *const words[] = { "yes", "no", "true", "false", "on", "off", "null", "y",
		"n", NULL };

	for (size_t i = 0; words[i]; i++)
		if (strcasecmp(s, words[i]) == 0)
			return true;
	return false;
}

static void print_quoted(const char *s, struct strbuf *b)
{
	sb_char(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			sb_printf(b, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			sb_printf(b, "\\x%02x", (unsigned)*s);
		else
			sb_char(b, *s);
	}
	sb_char(b, '"');
}

// Plain only where no reader of YAML could think of something else: "22:22"
// is a number in base 60 to some.
static void print_text(const char *s, struct strbuf *b)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char safe[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-+@";
	bool plain = *s && (strchr(letters, *s) || *s == '/') && strspn(s, safe) == strlen(s);

	if (plain && !is_taken(s))
		sb_str(b, s);
	else
		print_quoted(s, b);
}

static void print_string(const struct value_rule *, const void *value, struct strbuf *b)
{
	print_text(*(char *const *)value, b);
}

static void print_bool(const struct value_rule *, const void *value, struct strbuf *b)
{
	sb_str(b, *(const bool *)value ? "yes" : "no");
}

static void print_uint(const struct value_rule *, const void *value, struct strbuf *b)
{
	sb_printf(b, "%" PRIu64, *(const uint64_t *)value);
}

static void print_int(const struct value_rule *, const void *value, struct strbuf *b)
{
	sb_printf(b, "%" PRId64, *(const int64_t *)value);
}

// The shortest text that reads as the same number.
static void print_double(const struct value_rule *, const void *value, struct strbuf *b)
{
	double v = *(const double *)value;
	char text[40];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	sb_str(b, text);
}

static void print_span_ms(int64_t ms, struct strbuf *b)
{
	for (size_t i = 0; i < countof(span_units); i++) {
		if (ms == 0 || ms % span_units[i].ms != 0)
			continue;
		sb_printf(b, "%" PRId64 "%s", ms / span_units[i].ms, span_units[i].name);
		return;
	}
	sb_str(b, "0");
}

static void print_span(const struct value_rule *, const void *value, struct strbuf *b)
{
	print_span_ms(span_to_ms(*(const span *)value), b);
}

static void print_addr(const struct value_rule *, const void *value, struct strbuf *b)
{
	const struct ip_addr *a = value;
	char text[IP_TEXT];

	sb_printf(b, a->family == IP6 ? "\"%s\"" : "%s", ip_print(a, text));
}

static void print_prefix(const struct value_rule *, const void *value, struct strbuf *b)
{
	const struct ip_prefix *p = value;
	char text[PREFIX_TEXT];

	sb_printf(b, p->addr.family == IP6 ? "\"%s\"" : "%s", prefix_print(p, text));
}

static void print_word(const struct value_rule *r, const void *value, struct strbuf *b)
{
	for (const struct schema_word *w = r->key->words; w->name; w++) {
		if (w->value != *(const int *)value)
			continue;
		sb_str(b, w->name);
		return;
	}
}

static void print_custom(const struct value_rule *r, const void *value, struct strbuf *b)
{
	own(sb_free) struct strbuf text = {};

	r->key->scalar->print(value, &text);
	const char *s = sb_text(&text);
	// Numbers are plain, and whatever else holds a letter or a colon is text.
	if (*s && strspn(s, "0123456789.%") == strlen(s))
		sb_str(b, s);
	else
		print_text(s, b);
}

static const struct scalar_type {
	const char *expects; // NULL: the rule says it
	size_t size;
	int (*parse)(const struct value_rule *r, const char *text, struct arena *arena, void *ret,
		struct strbuf *why);
	void (*print)(const struct value_rule *r, const void *value, struct strbuf *b);
} types[] = {
	[SCHEMA_STRING] = { "a text", sizeof(char *), parse_string, print_string },
	[SCHEMA_BOOL] = { "yes or no", sizeof(bool), parse_bool, print_bool },
	[SCHEMA_UINT] = { "a whole number", sizeof(uint64_t), parse_uint, print_uint },
	[SCHEMA_INT] = { "a whole number", sizeof(int64_t), parse_int, print_int },
	[SCHEMA_DOUBLE] = { "a number", sizeof(double), parse_double, print_double },
	[SCHEMA_SPAN] = { "a time such as 500ms, 3s, 5m, 2h or 1d", sizeof(span), parse_span,
		print_span },
	[SCHEMA_ADDR] = { "an IPv4 or IPv6 address", sizeof(struct ip_addr), parse_addr,
		print_addr },
	[SCHEMA_PREFIX] = { "a prefix such as 198.51.100.0/24 or 2001:db8:53::/48",
		sizeof(struct ip_prefix), parse_prefix, print_prefix },
	[SCHEMA_WORD] = { NULL, sizeof(int), parse_word, print_word },
	[SCHEMA_CUSTOM] = { NULL, 0, parse_custom, print_custom },
};

size_t value_size(const struct value_rule *r)
{
	switch (r->type) {
	case SCHEMA_CUSTOM:
		return r->key->scalar->size;
	case SCHEMA_MAP:
		return r->key->sub->size;
	case SCHEMA_LIST:
		return sizeof(struct items);
	default:
		return types[r->type].size;
	}
}

int value_parse(const struct value_rule *r, const char *text, struct arena *arena, void *ret,
	struct strbuf *why)
{
	return types[r->type].parse(r, text, arena, ret, why);
}

void value_print(const struct value_rule *r, const void *value, struct strbuf *b)
{
	if (r->key->secret)
		sb_str(b, "\"***\"");
	else
		types[r->type].print(r, value, b);
}

static void add_limit(const struct value_rule *r, double limit, struct strbuf *b)
{
	if (r->type == SCHEMA_SPAN)
		print_span_ms((int64_t)limit, b);
	else
		sb_printf(b, "%.15g", limit);
}

static void add_range(const struct value_rule *r, struct strbuf *b)
{
	if (r->min == 0 && r->max == 0)
		return;
	if (r->max == 0)
		sb_str(b, ", at least ");
	else
		sb_str(b, r->type == SCHEMA_STRING ? " of "
			  : r->type == SCHEMA_SPAN ? ", from "
						   : " from ");
	add_limit(r, r->min, b);
	if (r->max != 0) {
		sb_str(b, " to ");
		add_limit(r, r->max, b);
	}
	if (r->type == SCHEMA_STRING)
		sb_str(b, " bytes");
}

static void add_words(const struct schema_word *w, struct strbuf *b)
{
	sb_str(b, "one of: ");
	for (size_t i = 0; w[i].name; i++)
		sb_printf(b, "%s%s", i > 0 ? ", " : "", w[i].name);
}

void value_expects(const struct value_rule *r, struct strbuf *b)
{
	if (r->type == SCHEMA_WORD) {
		add_words(r->key->words, b);
	} else if (r->type == SCHEMA_CUSTOM) {
		sb_str(b, r->key->scalar->expects);
	} else if (r->type == SCHEMA_MAP) {
		sb_str(b, "a mapping of keys and values");
	} else if (r->type == SCHEMA_LIST) {
		struct value_rule each = rule_of_elements(r->key);
		sb_str(b, "a list, each element ");
		value_expects(&each, b);
	} else {
		sb_str(b, types[r->type].expects);
		add_range(r, b);
	}
}
