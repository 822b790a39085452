// The fleet as this daemon is part of it: sessions with other nodes and route reflectors, what
// they tell (fleet/view.h) and what they are told of the services here (fleet/state.h).
//
//	fleet peers --UPDATE--> view ---news, once a turn of the loop---> service_decide()
//	     ^                                                                  |
//	     +------- one route a prefix: the state of the service <-- fleet_say()
//
// What comes from here never reaches an upstream, nor the other way round: the sessions stand in
// a list of their own, only they have struct upstream_ops' routes(), and the attributes
// of what they are told are marked so that no other session takes them (bgp/ribout.h).
#pragma once

#include <stdbool.h>

#include "fleet/view.h"
#include "lib/strbuf.h"
#include "nearcastd/loadfile.h"

struct bgp_attrs;
struct conf;
struct daemon;
struct fleet;
struct service;
struct upstream;

// What the fleet was told of a service last.
struct fleet_word {
	struct bgp_attrs *attrs; // NULL: nothing yet
	struct fleet_state state;
};

void fleet_word_clear(struct fleet_word *w);

// NULL without a fleet in the configuration; every function here takes that NULL, and then
// does nothing.
[[nodiscard]] struct fleet *fleet_new(struct daemon *d);
void fleet_free(struct fleet **f);
void fleet_start(struct fleet *f);
// Cease with the reason to every peer.
void fleet_stop(struct fleet *f, const char *why);
// After a reload, the services of the new configuration being in place. Sessions whose settings
// did not change go on.
void fleet_reload(struct daemon *d, const struct conf *old);

// The session with that neighbour; NULL: none.
struct upstream *fleet_session(const struct fleet *f, const struct ip_addr *remote);
struct fleet_view *fleet_view(const struct fleet *f);

// To be called before the loop waits: takes in what is new and has the services it
// concerns decided.
void fleet_hear(struct fleet *f);
// Tells the fleet how the service stands, if that is another thing than it was told.
void fleet_say(struct fleet *f, struct service *s);
// The same of all, each prefix to each session.
void fleet_say_all(struct fleet *f);

// How the fleet stands towards the service: what the guard would say, its strictest prefix.
// Also lets the view compare min-sites.
struct guard_result fleet_guard(struct fleet *f, const struct service *s);

// "2 of 3 known sites must announce; able besides this node: ams1; held: par1".
void fleet_explain(const struct daemon *d, const struct service *s, struct strbuf *b);

// May the service be taken away by the operator? True, with *warning set where something
// is not known; false, with why not.
bool fleet_may_leave(
	struct daemon *d, struct service *s, struct strbuf *why_not, struct strbuf *warning);

// Sessions, for those who look: by number, in the order of the configuration.
struct fleet_peer {
	struct fleet *fleet;
	struct upstream *upstream;
	unsigned index; // the view's number for it
	enum fleet_role role;
	bool told; // all it knows, at least once
};
size_t fleet_peer_count(const struct fleet *f);
// Each of them has said all it knows (End-of-RIB, RFC 4724 section 2) at least once.
bool fleet_all_told(const struct fleet *f);
const struct fleet_peer *fleet_peer_at(const struct fleet *f, size_t i);
