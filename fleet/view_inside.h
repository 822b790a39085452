// What a view is made of, for the files that make it up; others include fleet/view.h.
//
//	view.c        routes in: paths, entries, nodes, sites
//	view_news.c   what is new, what contradicts
//	view_guard.c  questions: the guard's, room for load, the walk of entries
#pragma once

#include "fleet/view.h"
#include "lib/hash.h"
#include "lib/list.h"

// A state without its names, which the node has: there are a hundred thousand of these.
struct told {
	uint32_t serial, load, capacity;
	struct min_sites min_sites;
	uint16_t priority;
	uint8_t health, evidence, admin, announce, standing;
	bool has_load, has_capacity;
};

struct site {
	struct hnode by_name;
	char name[FLEET_NAME_MAX + 1];
	uint16_t index;
	unsigned nodes, live; // nodes of it known, and in sight
};

struct node {
	struct hnode by_originator;
	struct hnode by_name; // while in sight
	uint32_t originator;
	uint16_t id; // stays while a path lives
	char name[FLEET_NAME_MAX + 1];
	struct site *site;
	uint32_t serial;           // of the state that the names are from
	struct ip_addr address[2]; // by family, IP4 and IP6
	unsigned paths;
	struct list entries;
};

struct subject {
	struct hnode by_prefix;
	struct ip_prefix prefix;
	struct entry **entries;
	struct guard_row *rows; // of the same index
	size_t count, room;
	struct list changed; // in view->changed; or alone
	bool sorted;         // entries stand by name
	bool has_own;        // the own min_sites is known
	struct min_sites own;
	unsigned differing; // entries in sight with another min_sites
	struct fleet_generation generation;
};

struct entry {
	struct hnode by_node; // in view->by_entry: prefix and originator
	struct subject *subject;
	struct node *node;
	size_t index; // in the subject
	struct list of_node;
	struct list paths; // empty: lost
	struct list lost;  // in view->lost, the longest lost first; or alone
	struct told told;  // of the path with the latest serial, or of the last there was
	instant since, lost_at;
	uint64_t changed;
};

struct path {
	struct hnode by_key;
	struct entry *entry;
	struct list of_entry, of_session;
	unsigned session;
	uint32_t id;
	struct told told;
};

struct session {
	struct list paths;
	bool is_node, reflects;
	uint64_t refused[FLEET_REFUSAL_MAX];
	unsigned told_refusals; // bits: news of them went out in this session
};

struct news {
	struct list link;
	struct fleet_news news;
};

struct conflict {
	char subject[2 * FLEET_NAME_MAX + 2];
	char text[200];
};

struct fleet_view {
	struct fleet_view_config config;
	struct hmap by_prefix, by_originator, by_path, by_entry, by_site, by_name;
	struct site **sites; // by index; [0] is the own one; NULL: free
	size_t sites_free;
	const char **site_names;
	struct guard_site *scratch;
	size_t site_count;
	struct session sessions[FLEET_SESSIONS_MAX];
	struct list changed; // subjects
	struct list lost;    // entries
	struct list news;
	size_t nodes_live, entry_count, path_count;
	uint64_t generation; // the latest
	uint64_t unfollowed; // that in which a prefix was given up
	bool settled;
	uint16_t ids[FLEET_NODE_ID_MAX + 1]; // how many nodes in sight have it, the own one too
	unsigned clashes;                    // nodes with an id or a name that another one has
	bool conflicts_stale;
	struct conflict *conflicts;
	size_t conflict_count;
};

// ---- view.c ----

unsigned fleet_paths(const struct entry *e); // ways it comes by
struct subject *fleet_subject(const struct fleet_view *v, const struct ip_prefix *prefix);

// ---- view_news.c ----

void fleet_note_changed(struct fleet_view *v, struct subject *s);
void fleet_note_site(struct fleet_view *v, enum fleet_news_kind kind, const struct site *site);
// Counts it, and says so when it is the first of the session.
void fleet_refuse(struct fleet_view *v, unsigned session, enum fleet_refusal why,
	const struct ip_prefix *prefix, const char *what);
void fleet_news_free(struct fleet_view *v);
// The node's id and name begin to count among those in sight, or end to.
void fleet_count_identity(struct fleet_view *v, struct node *n, bool begins);
// An entry's min_sites begins to count, or ends to.
void fleet_count_min_sites(struct fleet_view *v, struct subject *s, const struct told *t, int by);
