// What a scenario file says: a small Internet, the sites in it, the route reflectors of
// their fleet, the clients that measure, and a timeline of events with what is expected of each.
//
// Everything lives in the arena of its struct scenario and is never changed after loading.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/geo.h"
#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/schema.h"
#include "lib/timing.h"

enum router_kind { ROUTER_BIRD };

// One autonomous system: one router in one place.
struct scn_network {
	char *name;
	uint64_t as;
	enum router_kind kind;
	char *city;
	struct geo_point at;
	bool multipath; // equally good routes share the load, by addresses and ports
	struct place place;
};

// What the neighbour at the other end is to this end.
enum relation { RELATION_CUSTOMER, RELATION_PEER, RELATION_PROVIDER, RELATION_MAX };
const char *relation_name(enum relation r);
enum relation relation_reverse(enum relation r);

struct scn_link {
	char *a, *b;            // networks
	enum relation relation; // what b is to a
	bool has_delay;
	span delay;  // one way; from the places when not given
	double loss; // percent of the frames, each way
	bool backup; // customer and provider only: the last choice both ways
	struct place place;
};

enum announcer {
	ANNOUNCER_NEARCASTD,
	ANNOUNCER_BIRD, // static routes, no checks
	ANNOUNCER_NONE, // nothing: the DNS server answers at its host's own address
};
enum dns_kind { DNS_NSD, DNS_KNOT };
enum web_kind { WEB_NONE, WEB_NGINX };
enum quic_kind { QUIC_NONE, QUIC_NGTCP2 };

struct scn_upstream {
	char *network;
	enum relation relation; // what the network is to the site
	bool has_delay;
	span delay;
	struct place place;
};

// One node of a site: most sites have one, and are named by it.
struct scn_site {
	char *name;
	char *site;        // the site it belongs to
	size_t site_index; // in struct scenario's site_names
	char *city;
	struct geo_point at;
	enum dns_kind dns;
	enum web_kind web;
	enum quic_kind quic;
	enum announcer announcer;
	struct items upstreams; // struct scn_upstream
	bool has_fleet;
	struct items fleet; // char *: reflectors and nodes it has fleet sessions with
	char *nearcast; // nearcast.yaml, or the part the lab does not write; NULL: the scenario's
	struct place place;
	struct place nearcast_place;
};

// Who has fleet sessions with whom, unless a node's own list says otherwise.
enum fleet_shape { FLEET_NONE, FLEET_MESH, FLEET_REFLECTORS };

enum reflector_kind { REFLECTOR_BIRD, REFLECTOR_FRR };

// A host that reflects the fleet's routes, and carries no other.
struct scn_reflector {
	char *name;
	char *network;
	enum reflector_kind kind;
	char *city; // the network's unless given
	struct geo_point at;
	bool has_lat, has_lon;
	struct place place;
};

enum client_family { CLIENT_IP4 = 1, CLIENT_IP6 = 2, CLIENT_BOTH = 3 };

struct scn_client {
	char *name;
	char *network;
	char *city; // the network's unless given
	struct geo_point at;
	bool has_lat, has_lon;
	enum client_family family;
	span interval;
	span timeout;
	uint64_t ports;  // it asks from, in turn
	bool timestamps; // of its TCP (RFC 7323)
	struct place place;
};

// Kinds of sessions; lab/session.h says what each does.
enum session_kind {
	SESSION_HTTP,
	SESSION_DNS_TCP,
	SESSION_DOWNLOAD,
	SESSION_UPLOAD,
	SESSION_QUIC,
	SESSION_KIND_MAX,
};
const char *session_kind_name(enum session_kind k);

// Sessions that stand while the timeline is played: each client has `count` of them over each
// family.
struct scn_session {
	char *name;
	struct items clients; // char *
	enum session_kind kind;
	bool has_family;
	enum client_family family; // the client's unless given
	uint64_t count;
	span interval; // of http, dns-tcp: from one request to the next
	uint64_t size; // of transfers: bytes
	span duration; // of upload: bytes are sent evenly over it
	uint64_t rate; // of download: bytes a second it reads; 0: all that come
	span stall;    // an answer that takes longer is none
	bool may_end;  // a transfer may be over before the last event
	struct place place, clients_place;
};

// What some clients should see. Clients that no entry names are expected to
// stay with the site of the step before.
struct scn_expect {
	struct items clients; // char *
	char *site;           // NULL: nobody answers
	struct items nodes;   // char *: of that site, those that share the clients; none: any
	bool has_max_outage, has_max_lost;
	span max_outage;
	uint64_t max_lost;
	struct place place;
};

// What may become of sessions in a step. Unless it says so, none breaks.
struct scn_sessions_expect {
	bool given;
	struct items broken_of; // char *: nodes whose sessions may break, from now on
	bool has_max_stall, has_reset_within, has_broken_at_least;
	span max_stall;    // longest wait of the sessions that are not broken
	span reset_within; // all of broken_of are broken, by an RST so soon
	uint64_t broken_at_least;
	struct place place;
};

enum step_event {
	STEP_KILL,
	STEP_TERM,
	STEP_STOP,
	STEP_CONT,
	STEP_START,
	STEP_LINK_DOWN,
	STEP_LINK_UP,
	STEP_BLOCK,
	STEP_UNBLOCK,
	STEP_RECONFIGURE,
	STEP_RUN,
	STEP_POWER_OFF,
	STEP_POWER_ON,
	STEP_MAX,
};
const char *step_event_name(enum step_event e);
// What the target of an event names: "fra1/dns", "rhine/hudson", "fra1/rr1", "fra1", "fra1".
enum target_kind { TARGET_SERVICE, TARGET_LINK, TARGET_PAIR, TARGET_DAEMON, TARGET_NODE };
enum target_kind step_event_target(enum step_event e);

struct scn_step {
	span at; // after the first step could begin
	enum step_event event;
	struct items targets; // char *; it happens to all of them at once
	struct items command; // char *, of `run`
	bool retry;           // `run` again until it succeeds
	bool show;            // what `run` prints belongs into the report
	char *replace, *with; // text of nearcast.yaml, of `reconfigure`
	bool has_every, has_times;
	span every;     // `reconfigure` to and fro, from one turn to the next
	uint64_t times; // turns of it
	char *note;     // a line for the reader; NULL
	bool has_settle, has_within;
	span settle, within;
	bool has_others_max_lost;
	uint64_t others_max_lost; // of clients that no entry of expect names
	struct items expect;      // struct scn_expect
	bool has_min_announced, has_announced;
	uint64_t min_announced; // sites, at every instant of the step
	struct items announced; // char *: exactly these sites in the end
	bool has_heard_within;
	span heard_within; // besides the links' delay
	struct scn_sessions_expect sessions;
	struct place place, target_place, announced_place;
};

struct scenario {
	struct arena *arena;
	struct document doc;
	char *name; // of the file, without directory and ending
	char *title, *description;
	uint64_t site_as;
	struct items prefixes;  // struct ip_prefix of the service
	struct items addresses; // struct ip_addr of the service; at most one a family
	span settle;            // calm that ends a step
	span within;            // a step that is not settled by then has failed
	struct items networks, links, sites, reflectors, clients, sessions; // struct scn_*
	struct items site_names;                                            // char *, each once
	enum fleet_shape fleet;
	span fleet_hold_time; // of its sessions
	bool has_fleet_bfd;
	span fleet_bfd; // between nodes: from one BFD packet to the next
	bool keeper;    // every nearcastd has one
	bool has_min_announced;
	uint64_t min_announced; // sites, at every instant from the first event on
	char *nearcast;         // for sites without one of their own
	struct items start;     // struct scn_expect, before the first step
	struct items timeline;  // struct scn_step
};

extern const struct schema scenario_schema;

// Loads a file and checks its meaning. 0 and a scenario to be freed; negative errno with faults.
[[nodiscard]] int scenario_load(struct scenario **ret, const char *path, struct faults *faults);
[[nodiscard]] int scenario_load_text(struct scenario **ret, const char *name, const char *text,
	size_t len, struct faults *faults);
void scenario_free(struct scenario **s);

// Index in the list, -1 when there is none of that name.
int scenario_network(const struct scenario *s, const char *name);
int scenario_site(const struct scenario *s, const char *name); // in site_names
int scenario_node(const struct scenario *s, const char *name); // in sites
int scenario_reflector(const struct scenario *s, const char *name);
int scenario_client(const struct scenario *s, const char *name);

// Over which families the client has sessions of that entry.
enum client_family scenario_session_family(
	const struct scn_session *session, const struct scn_client *client);

// The service's address of a family, NULL when it has none.
const struct ip_addr *scenario_service_address(const struct scenario *s, enum ip_family family);

// The targets of a step, with commas between.
void step_print_targets(const struct scn_step *step, struct strbuf *b);

// Splits "a/b"; each at most NAME_MAX_LEN characters. False when it is no such pair.
enum { NODE_NAME_MAX = 15 }; // names of nodes are names of interfaces too (IFNAMSIZ)
enum { SERVICE_NAME_MAX = 31 };
bool target_split(const char *target, char a[NODE_NAME_MAX + 1], char b[SERVICE_NAME_MAX + 1]);
