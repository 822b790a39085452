// What a node knows of its fleet: for each service prefix every node's state, as
// fleet sessions brought it, directly or by route reflectors (RFC 4456) with ADD-PATH
// (RFC 7911).
//
//	session ---- routes ----> fleet_view_update()
//	                             | by (session, prefix, path id)
//	                             v
//	                          paths of (prefix, originator): the one with the latest serial counts
//	                             |
//	                             +--> fleet_view_guard(): rows for fleet/guard.h
//	                             +--> fleet_view_next(): news, conflicts, refusals
//
// A node is who originated the route: ORIGINATOR_ID, or the neighbour's BGP identifier
// where there is none. What it says of its id and names is checked against what others say.
// A session with a node carries that node's own states only; one with a reflector
// those of others. Memory is bounded by the services here x 4095 nodes x 64 paths.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/update.h"
#include "fleet/guard.h"
#include "fleet/state.h"
#include "lib/ip.h"
#include "lib/timing.h"

struct fleet_view;

struct fleet_view_config {
	uint32_t as;
	uint32_t router_id; // own, host order: routes of that originator are our own
	uint16_t node;      // own id
	const char *site;   // own names; copied
	const char *name;
	span forget; // how long a lost node still counts as known; DESIGN: an hour
	// Where counting of changes begins: above whatever an earlier view of this node has reached.
	uint64_t generation;
};

enum { FLEET_FORGET_S = 3600, FLEET_PATHS_MAX = 64 };

// For whom a neighbour may speak.
enum fleet_role {
	FLEET_LEARNED,   // a node if it says something of itself first, else a reflector
	FLEET_NODE,      // for itself alone
	FLEET_REFLECTOR, // for others, and for itself
};

// A session, told with each of its routes.
struct fleet_session {
	unsigned index;         // the caller's number for it, 0..FLEET_SESSIONS_MAX - 1
	uint32_t bgp_id;        // of the neighbour, host order
	struct ip_addr address; // of the neighbour
	enum fleet_role role;
};

enum { FLEET_SESSIONS_MAX = 256 };

[[nodiscard]] struct fleet_view *fleet_view_new(const struct fleet_view_config *config);
void fleet_view_free(struct fleet_view **v);

// The services here, by prefix; routes of others are refused. Adding one that is there, or
// removing one that is not, does nothing. The index of a prefix stays while it is there.
void fleet_view_follow(struct fleet_view *v, const struct ip_prefix *prefix);
void fleet_view_unfollow(struct fleet_view *v, const struct ip_prefix *prefix);

// Each UPDATE of a fleet session.
void fleet_view_update(struct fleet_view *v, instant now, const struct fleet_session *session,
	const struct bgp_update *update);
// End-of-RIB or not, the session is gone, and what it brought with it.
void fleet_view_session_down(struct fleet_view *v, instant now, unsigned session);
// Some session has told all it knows (End-of-RIB), or the wait for that is over.
bool fleet_view_is_settled(const struct fleet_view *v);
void fleet_view_settle(struct fleet_view *v);

// Forgets what was lost long ago.
void fleet_view_tick(struct fleet_view *v, instant now);
instant fleet_view_deadline(const struct fleet_view *v);

// ---- What is new ----

enum fleet_news_kind {
	FLEET_CHANGED,   // the guard of `prefix` may answer otherwise now
	FLEET_SITE_SEEN, // the first node of a site came in sight
	FLEET_SITE_LOST, // the last one went
	FLEET_CONFLICT,  // `text` says what contradicts: once as long as it lasts
	FLEET_AGREED,    // and that it is over
	FLEET_REFUSED,   // routes of `session` for `refusal`, for the first time in this session
};

struct fleet_news {
	enum fleet_news_kind kind;
	struct ip_prefix prefix;
	char subject[2 * FLEET_NAME_MAX + 2]; // a site's name; node or site in conflict
	char text[200];
	unsigned session;
	enum fleet_refusal refusal;
};

// False when there is no more. FLEET_CHANGED comes once a prefix, whatever number of
// routes changed: drain it when the loop has taken in what it could.
[[nodiscard]] bool fleet_view_next(struct fleet_view *v, struct fleet_news *ret);

// ---- What is known ----

// What a node says, or said last, of one prefix.
struct fleet_entry {
	struct ip_prefix prefix;
	struct fleet_state state;
	struct ip_addr address; // NEXT_HOP
	uint32_t originator;
	unsigned paths;   // ways it comes by; 0: lost
	instant since;    // of this state
	instant seen;     // lost: when it went; else now
	uint64_t changed; // the generation in which any of this did
};

// Walks the entries of a prefix, by name of site and node; *at starts at 0. False at the end.
[[nodiscard]] bool fleet_view_entry(const struct fleet_view *v, instant now,
	const struct ip_prefix *prefix, size_t *at, struct fleet_entry *ret);

// Each change has a number of its own, of all that an entry says but `seen`: who knows the entries
// of a prefix as of one number asks for those that changed after it, and for all of them if some
// are there no more. A number beyond the latest is of another view, as of one before a restart: its clock ran ahead.
struct fleet_generation {
	uint64_t changed; // the latest of the prefix
	uint64_t removed; // the latest in which an entry went, or any prefix came or went
	uint64_t latest;  // of all prefixes
};
struct fleet_generation fleet_view_generation(
	const struct fleet_view *v, const struct ip_prefix *prefix);
// What this node itself says of the prefix is new: a change like any other.
void fleet_view_touch(struct fleet_view *v, const struct ip_prefix *prefix);

// What is in conflict now, walked in the same way as entries.
[[nodiscard]] bool fleet_view_conflict(
	const struct fleet_view *v, size_t *at, const char **subject, const char **text);

// Sessions whose routes have told that others stand behind them.
bool fleet_view_reflects(const struct fleet_view *v, unsigned session);
uint64_t fleet_view_refused(const struct fleet_view *v, unsigned session, enum fleet_refusal why);
size_t fleet_view_nodes(const struct fleet_view *v); // other nodes in sight
size_t fleet_view_bytes(const struct fleet_view *v); // memory it holds

// ---- For the guard ----

// Own policy of a service, as configured.
struct guard_policy {
	struct min_sites min_sites;
	bool isolated_hold;
};

// guard_judge() on what is known of the prefix. own: what this node says of itself. Also
// compares own->min_sites with what others say (a conflict if they differ).
struct guard_result fleet_view_guard(struct fleet_view *v, const struct ip_prefix *prefix,
	const struct fleet_state *own, const struct guard_policy *policy);
struct guard_result fleet_view_guard_leaving(struct fleet_view *v, const struct ip_prefix *prefix,
	const struct fleet_state *own, const struct guard_policy *policy);

// Load that would have to go elsewhere, against room at the able sites that remain. Known only
// where nodes tell both load and capacity.
struct fleet_room {
	uint64_t load;   // of this node
	uint64_t free;   // capacity less load of other able nodes that tell both
	unsigned tell;   // able nodes that do
	unsigned silent; // able nodes that do not
};
struct fleet_room fleet_view_room(
	const struct fleet_view *v, const struct ip_prefix *prefix, const struct fleet_state *own);
