#include "fleet/state.h"

#include <assert.h>
#include <string.h>

#include "lib/own.h"

enum { ENCODING_VERSION = 1, NO_EXPORT_HIGH = 0xffff, NO_EXPORT_LOW = 0xff01 };
enum { PIECE = 4, PIECES = FLEET_NAME_MAX / PIECE };

// What stands in the middle of a fleet community.
enum key {
	KEY_VERSION = FLEET_KEY_FIRST,
	KEY_NODE,
	KEY_STANDING,
	KEY_HEALTH,
	KEY_ADMIN,
	KEY_ANNOUNCE,
	KEY_EVIDENCE,
	KEY_PRIORITY,
	KEY_LOAD,
	KEY_CAPACITY,
	KEY_MIN_SITES,
	KEY_MIN_SHARE,
	KEY_SERIAL,
	KEY_END,
	KEY_SITE_NAME = 9020,
	KEY_NODE_NAME = 9040,
};
static_assert((int)KEY_END <= (int)KEY_SITE_NAME);
static_assert((int)KEY_SITE_NAME + (int)PIECES <= (int)KEY_NODE_NAME);
static_assert((int)KEY_NODE_NAME + (int)PIECES <= (int)FLEET_KEY_LAST);

// One row a number: where it stands, what it may be. Absent ones that need not be there
// leave the state as it is.
struct row {
	enum key key;
	bool needed;
	uint32_t min, max;
	bool (*get)(const struct fleet_state *s, uint32_t *value); // false: not told
	void (*set)(struct fleet_state *s, uint32_t value);
};

#define FIELD(field)                                                          \
	static bool get_##field(const struct fleet_state *s, uint32_t *value) \
	{                                                                     \
		*value = (uint32_t)s->field;                                  \
		return true;                                                  \
	}                                                                     \
	static void set_##field(struct fleet_state *s, uint32_t value)        \
	{                                                                     \
		s->field = (__typeof__(s->field))value;                       \
	}
FIELD(node)
FIELD(standing)
FIELD(health)
FIELD(admin)
FIELD(announce)
FIELD(evidence)
FIELD(priority)
FIELD(serial)

static bool get_load(const struct fleet_state *s, uint32_t *value)
{
	*value = s->load;
	return s->has_load;
}

static void set_load(struct fleet_state *s, uint32_t value)
{
	s->has_load = true;
	s->load = value;
}

static bool get_capacity(const struct fleet_state *s, uint32_t *value)
{
	*value = s->capacity;
	return s->has_capacity;
}

static void set_capacity(struct fleet_state *s, uint32_t value)
{
	s->has_capacity = true;
	s->capacity = value;
}

static bool get_min_sites(const struct fleet_state *s, uint32_t *value)
{
	*value = s->min_sites.value;
	return !s->min_sites.share;
}

static void set_min_sites(struct fleet_state *s, uint32_t value)
{
	s->min_sites = (struct min_sites){ false, value };
}

static bool get_min_share(const struct fleet_state *s, uint32_t *value)
{
	*value = s->min_sites.value;
	return s->min_sites.share;
}

static void set_min_share(struct fleet_state *s, uint32_t value)
{
	s->min_sites = (struct min_sites){ true, value };
}

static const struct row rows[] = {
	{ KEY_NODE, true, 1, FLEET_NODE_ID_MAX, get_node, set_node },
	{ KEY_STANDING, true, 0, STANDING_MAX - 1, get_standing, set_standing },
	{ KEY_HEALTH, true, 0, HEALTH_MAX - 1, get_health, set_health },
	{ KEY_ADMIN, true, 0, ADMIN_MAX - 1, get_admin, set_admin },
	{ KEY_ANNOUNCE, true, 0, ANNOUNCE_MAX - 1, get_announce, set_announce },
	{ KEY_EVIDENCE, true, 0, EVIDENCE_MAX - 1, get_evidence, set_evidence },
	{ KEY_PRIORITY, true, 0, UINT16_MAX, get_priority, set_priority },
	{ KEY_LOAD, false, 0, UINT32_MAX, get_load, set_load },
	{ KEY_CAPACITY, false, 1, UINT32_MAX, get_capacity, set_capacity },
	{ KEY_MIN_SITES, false, 0, FLEET_NODE_ID_MAX, get_min_sites, set_min_sites },
	{ KEY_MIN_SHARE, false, 1, 100, get_min_share, set_min_share },
	{ KEY_SERIAL, true, 0, UINT32_MAX, get_serial, set_serial },
};
static_assert(countof(rows) + 2 + 2 * PIECES <= FLEET_COMMUNITIES_MAX);

// ---- Writing ----

static size_t put_name(struct bgp_community *c, uint32_t as, uint32_t key, const char *name)
{
	size_t len = strnlen(name, FLEET_NAME_MAX), n = 0;

	for (size_t at = 0; at < len; at += PIECE, n++) {
		uint32_t value = 0;
		for (size_t i = at; i < at + PIECE; i++)
			value = value << 8 | (i < len ? (uint8_t)name[i] : 0);
		c[n] = (struct bgp_community){ true, as, key + (uint32_t)n, value };
	}
	return n;
}

size_t fleet_state_encode(const struct fleet_state *state, uint32_t as,
	struct bgp_community ret[FLEET_COMMUNITIES_MAX])
{
	size_t n = 0;

	ret[n++] = (struct bgp_community){ .a = NO_EXPORT_HIGH, .b = NO_EXPORT_LOW };
	ret[n++] = (struct bgp_community){ true, as, KEY_VERSION, ENCODING_VERSION };
	for (size_t i = 0; i < countof(rows); i++) {
		uint32_t value;
		if (rows[i].get(state, &value))
			ret[n++] = (struct bgp_community){ true, as, rows[i].key, value };
	}
	n += put_name(ret + n, as, KEY_SITE_NAME, state->site);
	n += put_name(ret + n, as, KEY_NODE_NAME, state->name);
	return n;
}

// ---- Reading ----

// The fleet communities of a route, each value at its key.
struct values {
	bool any;
	bool there[FLEET_KEY_LAST - FLEET_KEY_FIRST + 1];
	uint32_t value[FLEET_KEY_LAST - FLEET_KEY_FIRST + 1];
};

static bool is_there(const struct values *v, uint32_t key)
{
	return v->there[key - FLEET_KEY_FIRST];
}

static uint32_t value_of(const struct values *v, uint32_t key)
{
	return v->value[key - FLEET_KEY_FIRST];
}

static enum fleet_refusal collect(struct values *v, struct rd large, uint32_t as)
{
	while (rd_more(&large)) {
		uint32_t global = rd_u32(&large);
		uint32_t key = rd_u32(&large);
		uint32_t value = rd_u32(&large);
		if (large.bad || global != as || key < FLEET_KEY_FIRST || key > FLEET_KEY_LAST)
			continue;
		uint32_t at = key - FLEET_KEY_FIRST;
		if (v->there[at] && v->value[at] != value)
			return FLEET_TWICE;
		v->any = v->there[at] = true;
		v->value[at] = value;
	}
	return v->any ? FLEET_TAKEN : FLEET_NO_STATE;
}

static enum fleet_refusal get_name(
	char ret[FLEET_NAME_MAX + 1], const struct values *v, uint32_t key)
{
	memset(ret, 0, FLEET_NAME_MAX + 1);
	for (uint32_t i = 0; i < PIECES && is_there(v, key + i); i++)
		for (uint32_t k = 0; k < PIECE; k++)
			ret[i * PIECE + k] =
				(char)(value_of(v, key + i) >> (8 * (PIECE - 1 - k)) & 0xff);
	// Nothing after the end of the text, nor a piece that no text leads to.
	size_t len = strnlen(ret, FLEET_NAME_MAX);
	for (uint32_t i = 0; i < PIECES; i++)
		if (is_there(v, key + i) != (i * PIECE < len))
			return FLEET_BAD_NAME;
	for (size_t i = len; i < FLEET_NAME_MAX; i++)
		if (ret[i])
			return FLEET_BAD_NAME;
	return fleet_name_is_valid(ret) ? FLEET_TAKEN : FLEET_BAD_NAME;
}

static enum fleet_refusal get_numbers(struct fleet_state *s, const struct values *v)
{
	for (size_t i = 0; i < countof(rows); i++) {
		const struct row *row = &rows[i];
		if (!is_there(v, row->key)) {
			if (row->needed)
				return FLEET_MISSING;
			continue;
		}
		uint32_t value = value_of(v, row->key);
		if (value < row->min || value > row->max)
			return FLEET_BAD_VALUE;
		row->set(s, value);
	}
	if (!is_there(v, KEY_MIN_SITES) && !is_there(v, KEY_MIN_SHARE))
		return FLEET_MISSING;
	return is_there(v, KEY_MIN_SITES) && is_there(v, KEY_MIN_SHARE) ? FLEET_TWICE : FLEET_TAKEN;
}

enum fleet_refusal fleet_state_decode(struct fleet_state *ret, struct rd large, uint32_t as)
{
	struct values v = {};
	struct fleet_state s = {};
	enum fleet_refusal why = collect(&v, large, as);

	if (why)
		return why;
	if (!is_there(&v, KEY_VERSION))
		return FLEET_MISSING;
	if (value_of(&v, KEY_VERSION) != ENCODING_VERSION)
		return FLEET_BAD_VERSION;
	why = get_numbers(&s, &v);
	if (!why)
		why = get_name(s.site, &v, KEY_SITE_NAME);
	if (!why)
		why = get_name(s.name, &v, KEY_NODE_NAME);
	if (!why)
		*ret = s;
	return why;
}

// ---- Comparing ----

bool fleet_state_equal(const struct fleet_state *a, const struct fleet_state *b)
{
	for (size_t i = 0; i < countof(rows); i++) {
		uint32_t x = 0, y = 0;
		if (rows[i].key == KEY_SERIAL)
			continue;
		if (rows[i].get(a, &x) != rows[i].get(b, &y) || x != y)
			return false;
	}
	return strcmp(a->site, b->site) == 0 && strcmp(a->name, b->name) == 0;
}

bool fleet_serial_after(uint32_t a, uint32_t b)
{
	return (int32_t)(b - a) > 0;
}

bool fleet_name_is_valid(const char *name)
{
	size_t len = strnlen(name, FLEET_NAME_MAX + 1);

	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	return len > 0 && len <= FLEET_NAME_MAX;
}

unsigned min_sites_of(const struct min_sites *m, unsigned known)
{
	return m->share ? (unsigned)(((uint64_t)known * m->value + 99) / 100) : m->value;
}

bool min_sites_equal(const struct min_sites *a, const struct min_sites *b)
{
	return a->share == b->share && a->value == b->value;
}

// ---- Names ----

static const char *const standing_names[] = {
	[STANDING_ABLE] = "able",
	[STANDING_DAMPED] = "damped",
	[STANDING_DRAINING] = "draining",
	[STANDING_DEGRADED] = "draining-degraded",
	[STANDING_SOFT] = "soft",
	[STANDING_HARD] = "hard",
	[STANDING_OUT] = "out",
};
static_assert(countof(standing_names) == STANDING_MAX);

static const struct {
	const char *name, *text;
} refusals[] = {
	[FLEET_TAKEN] = { "taken", "taken" },
	[FLEET_NO_STATE] = { "no-state", "a route without the fleet's communities" },
	[FLEET_BAD_VERSION] = { "bad-version", "a state of another version" },
	[FLEET_MISSING] = { "missing", "a community that has to be there is missing" },
	[FLEET_TWICE] = { "twice", "two communities contradict each other" },
	[FLEET_BAD_VALUE] = { "bad-value", "a value out of range" },
	[FLEET_BAD_NAME] = { "bad-name", "a name that is empty or not printable" },
	[FLEET_BAD_NEXT_HOP] = { "bad-next-hop", "the next hop is not a node's unicast address" },
	[FLEET_NOT_ITS_OWN] = { "not-its-own", "a node sends the state of another one" },
	[FLEET_OTHER_SERVICE] = { "other-service", "the prefix is no service's here" },
	[FLEET_TOO_MANY] = { "too-many", "more nodes or paths than there can be" },
	[FLEET_MALFORMED] = { "malformed", "a malformed UPDATE: its routes count as withdrawn" },
};
static_assert(countof(refusals) == FLEET_REFUSAL_MAX);

const char *standing_name(enum standing s)
{
	return standing_names[s];
}

const char *fleet_refusal_name(enum fleet_refusal r)
{
	return refusals[r].name;
}

const char *fleet_refusal_text(enum fleet_refusal r)
{
	return refusals[r].text;
}
