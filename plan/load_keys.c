// The keys of an announcement file: one row a key.
#include <assert.h>

#include "plan/load.h"

#define AT(type, member) __builtin_offsetof(struct type, member)
#define END                  \
	{                    \
		.name = NULL \
	}

static const struct schema_word relation_words[] = {
	{ "customer", PLAN_CUSTOMER, "it pays the site" },
	{ "peer", PLAN_PEER, "neither pays the other" },
	{ "provider", PLAN_PROVIDER, "the site pays it: transit" },
	{},
};

static const struct schema_word action_words[] = {
	{ "on", PLAN_ON, "it may tell whom it likes" },
	{ "off", PLAN_OFF, "it is not told" },
	{ "no-export", PLAN_NO_EXPORT, "it uses the route and tells nobody" },
	{ "peers-only", PLAN_PEERS_ONLY, "it tells its peers only" },
	{ "customers-only", PLAN_CUSTOMERS_ONLY, "it tells its customers only" },
	{},
};
static_assert(countof(action_words) == PLAN_ACTION_MAX + 1);

const char *plan_action_name(enum plan_action a)
{
	return action_words[a].name;
}

static const struct schema_key neighbour_keys[] = {
	{ "as", SCHEMA_UINT, .offset = AT(plan_neighbour, as), .required = true, .min = 1,
		.max = 4294967295, .help = "AS number of the neighbour." },
	{ "relation", SCHEMA_WORD, .offset = AT(plan_neighbour, relation),
		.has_offset = AT(plan_neighbour, has_relation), .words = relation_words,
		.help = "What the neighbour is to the site. Without it: what it is to the AS in "
			"the "
			"graph, or else provider." },
	{ "announce", SCHEMA_WORD, .offset = AT(plan_neighbour, announce), .words = action_words,
		.fallback = "on", .help = "What it is told, and may tell others." },
	{ "prepend", SCHEMA_UINT, .offset = AT(plan_neighbour, prepend), .min = 0,
		.max = PLAN_PREPEND_MAX, .fallback = "0",
		.help = "How many more times the own AS number stands in the path." },
	{ "poison", SCHEMA_LIST, SCHEMA_UINT, .offset = AT(plan_neighbour, poison), .min = 0,
		.max = PLAN_POISON_MAX, .one_or_list = true,
		.help = "ASes put into the path, so that they refuse it." },
	{ "fixed", SCHEMA_BOOL, .offset = AT(plan_neighbour, fixed), .fallback = "no",
		.help = "Optimise leaves it as it is." },
	END,
};

static const struct schema neighbour_schema = {
	"neighbour",
	sizeof(struct plan_neighbour),
	.place_offset = AT(plan_neighbour, place),
	.keys = neighbour_keys,
	.help = "An AS that a site announces to.",
};

static const struct schema_key site_keys[] = {
	{ "name", SCHEMA_STRING, .offset = AT(plan_site_conf, name), .required = true,
		.help = "Name of the site." },
	{ "city", SCHEMA_STRING, .offset = AT(plan_site_conf, city), .help = "Where it is." },
	{ "lat", SCHEMA_DOUBLE, .offset = AT(plan_site_conf, lat),
		.has_offset = AT(plan_site_conf, has_lat), .min = -90, .max = 90,
		.unit = "degrees north" },
	{ "lon", SCHEMA_DOUBLE, .offset = AT(plan_site_conf, lon),
		.has_offset = AT(plan_site_conf, has_lon), .min = -180, .max = 180,
		.unit = "degrees east" },
	{ "capacity", SCHEMA_DOUBLE, .offset = AT(plan_site_conf, capacity),
		.has_offset = AT(plan_site_conf, has_capacity), .min = 0, .max = 100,
		.unit = "percent of all load", .help = "What it can carry." },
	{ "off", SCHEMA_BOOL, .offset = AT(plan_site_conf, off), .fallback = "no",
		.help = "It announces nothing." },
	{ "fixed", SCHEMA_BOOL, .offset = AT(plan_site_conf, fixed), .fallback = "no",
		.help = "Optimise leaves the site and its neighbours as they are." },
	{ "neighbours", SCHEMA_LIST, SCHEMA_MAP, .offset = AT(plan_site_conf, neighbours),
		.required = true, .max = PLAN_SEEDS_MAX, .sub = &neighbour_schema,
		.help = "Whom it announces to." },
	END,
};

static const struct schema site_schema = {
	"site",
	sizeof(struct plan_site_conf),
	.place_offset = AT(plan_site_conf, place),
	.keys = site_keys,
	.help = "A place that announces the prefix.",
};

static const struct schema_key file_keys[] = {
	{ "as", SCHEMA_UINT, .offset = AT(plan_file, as), .required = true, .min = 1,
		.max = 4294967295, .help = "AS number that the sites announce with." },
	{ "sites", SCHEMA_LIST, SCHEMA_MAP, .offset = AT(plan_file, sites), .required = true,
		.max = PLAN_SITES_MAX, .sub = &site_schema, .help = "The sites." },
	END,
};

const struct schema plan_schema = {
	"announcement",
	sizeof(struct plan_file),
	.keys = file_keys,
	.help = "Sites and the neighbours they announce one prefix to.",
};
