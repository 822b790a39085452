// What an operator writes about an announcement: a YAML file of sites and their neighbours, or
// `--origin 3356,1103:2`. Text in, seeds out; reading files is the program's business.
//
//	as: 64500
//	sites:
//	  - name: fra
//	    city: Frankfurt
//	    lat: 50.11
//	    lon: 8.68
//	    capacity: 40                     # percent of all load
//	    neighbours:
//	      - {as: 3356, prepend: 1}
//	      - {as: 6939, relation: peer, announce: no-export}
#pragma once

#include "lib/schema.h"
#include "plan/announce.h"

// What a neighbour is asked to do with the announcement.
enum plan_action {
	PLAN_ON,
	PLAN_OFF,            // nothing is announced to it
	PLAN_NO_EXPORT,      // it uses the route and tells nobody (RFC 1997)
	PLAN_PEERS_ONLY,     // it tells its peers, not its customers and providers
	PLAN_CUSTOMERS_ONLY, // it tells its customers, not its peers and providers
	PLAN_ACTION_MAX,
};

const char *plan_action_name(enum plan_action a);

struct plan_neighbour {
	uint64_t as;
	struct place place;
	bool has_relation;
	int relation; // enum plan_relation: what it is to the site; else as the graph has it, else
		      // provider
	int announce; // enum plan_action
	uint64_t prepend;    // extra times of the own AS number
	struct items poison; // uint64_t: ASes put into the path so that they refuse it
	bool fixed;          // optimise leaves it as it is
};

struct plan_site_conf {
	char *name, *city;
	struct place place;
	bool has_lat, has_lon;
	double lat, lon;
	bool has_capacity;
	double capacity; // percent of the whole load
	bool fixed, off;
	struct items neighbours; // struct plan_neighbour
};

// A loaded file.
struct plan_file {
	struct document doc;
	struct arena *arena;
	uint64_t as;
	struct items sites; // struct plan_site_conf
};

extern const struct schema plan_schema;

// -EINVAL with faults added, each with its place; *ret untouched then. path: as schema_load().
[[nodiscard]] int plan_file_load(struct plan_file **ret, const char *path, struct faults *faults);
[[nodiscard]] int plan_file_load_text(struct plan_file **ret, const char *name, const char *text,
	size_t len, struct faults *faults);
void plan_file_free(struct plan_file **f); // NULL inside is fine

// A site of an announcement, as reports name it.
struct plan_site {
	char *name, *city; // city: NULL
	bool has_place, has_capacity, fixed;
	double lat, lon, capacity; // capacity: share of the load, 1 is all
};

// An announcement that owns what it points to. Every neighbour of the file has its seed, in the
// order of the file; those that are off are so by the list seeds_off, fit for a mask.
struct plan_plan {
	struct plan_announcement announcement;
	struct plan_site *sites;
	struct plan_seed *seeds;
	uint32_t *poison;
	bool *seeds_off;
	uint8_t *prepend; // of each seed, contained in its length
	bool *fixed;      // of each seed: it stays as it is
	uint32_t as;      // that announces; 0: the sites are ASes of the graph
};

void plan_plan_free(struct plan_plan **p); // NULL inside is fine

// Sites and seeds of a file on a graph. -EINVAL with faults added: a neighbour that is not in the
// graph, or too many of them.
[[nodiscard]] int plan_from_file(struct plan_plan **ret, const struct plan_file *f,
	const struct plan_graph *g, struct faults *faults);

// "3356,1103:2": ASes of the graph that announce, each a site named by its number, with extra
// prepends. -EINVAL with why in *error: not so written, an AS twice, not in the graph.
[[nodiscard]] int plan_from_origins(
	struct plan_plan **ret, const char *text, const struct plan_graph *g, struct strbuf *error);
