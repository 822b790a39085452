// What nearcast.yaml means: the structs the daemon runs by. Everything lives
// in the arena of its struct conf and is never changed after loading.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bgp/community.h"
#include "bgp/proto.h"
#include "health/check.h"
#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/schema.h"
#include "lib/strbuf.h"
#include "lib/timing.h"

struct conf_site {
	char *name;
	char *city;      // NULL: not given
	double lat, lon; // degrees north and east
	bool has_lat, has_lon;
	struct place place, name_place;
};

struct conf_node {
	char *name;                  // the site's name unless given
	uint64_t id;                 // 1..4095; 0: not given
	struct items addresses;      // struct ip_addr, unicast
	struct items address_places; // struct place, one an address
	struct place place, name_place;
};

// How a prefix is announced in one health or admin state. After loading each
// of the three holds all that is sent: degraded and draining have got what they
// inherit from up.
struct conf_announce {
	bool given;       // after loading: always
	uint64_t prepend; // extra times the own AS, 0..10
	bool has_med;
	uint64_t med;
	struct items communities; // struct bgp_community, sorted, none twice
	struct place place;
	struct items keys; // struct given
};

enum conf_serial { CONF_SERIAL_UNIXTIME, CONF_SERIAL_DATE };

struct conf_check {
	enum health_kind kind;
	char *name; // the kind, and a number when one service has several, unless given
	struct health_timing timing; // interval, fast-interval, timeout, rise, fall, scope
	// dns, tcp, tls: always set, as a check without `server` becomes one check for each
	// address of the service; icmp: always set; http: IP_NONE means what the name in the
	// URL resolves to; address: IP_NONE means all addresses of the service
	struct ip_addr server;
	uint64_t port; // dns: 53; tls: 443
	// dns
	char *query;  // default: the root
	char *type;   // SOA
	char *rcode;  // NOERROR
	char *expect; // text that one answer record's data must hold; NULL: any answer
	bool tcp;     // dns over TCP
	bool expect_ad;
	char *nsid;      // the reply's NSID; NULL: any
	char *server_id; // ask for id.server in place of the query, and this is the answer; NULL: no
	span max_serial_age; // of a SOA record; zero: any
	enum conf_serial serial_format;
	// http
	char *url;
	uint64_t status; // expected; 0: 200..299
	char *body;      // text the body must hold; NULL: any
	// http, tls
	char *ca_file; // trust these in place of the system's; NULL: the system's
	// tls
	char *host;        // the name that the certificate must be for
	uint64_t min_days; // that the certificate must be valid for still
	// exec
	struct items command; // char *, argv; no shell
	char *user;           // exec: known here and not root
	// file
	char *path;
	bool expect_absent; // file: healthy while the file is not there (maintenance switch)
	struct place place;
	struct items keys; // struct given
};

// How many sites have to announce: a number, or a share of those known.
struct conf_min_sites {
	bool share;
	uint32_t value; // share: 1..100 percent; else 0..4095, 0: no guard
};

enum conf_isolated { CONF_ISOLATED_HOLD, CONF_ISOLATED_WITHDRAW };

// What a service says to its fleet and asks of it; without one none of it is given.
struct conf_guard {
	struct conf_min_sites min_sites; // 50%
	int isolated;                    // enum conf_isolated: while no other node is heard
	span wait;                       // 0..60s: longer than the fleet's news travel
	uint64_t priority;               // 0..65535
	uint64_t capacity;               // in the unit of the load
	char *load_file;                 // its first line is the load; NULL: not told
	bool has_min_sites, has_isolated, has_wait, has_priority, has_capacity;
};

struct conf_service {
	char *name;
	struct items prefixes;      // struct ip_prefix
	struct items prefix_places; // struct place, one a prefix
	struct items addresses;     // struct ip_addr, each inside one of the prefixes
	struct items address_places;
	struct items checks;   // struct conf_check
	char *interface;       // nearcast0
	bool manage_addresses; // yes
	struct conf_announce up, degraded, draining;
	span drain_soft, drain_hard;         // fleet/drain.h
	span hold_down_first, hold_down_max; // first zero: none
	span announce_after;                 // zero: at once
	bool has_hold_down;
	struct conf_guard guard;
	struct place place;
	struct items keys; // struct given
};

// Whether the path to a neighbour is watched (RFC 5880), and how closely.
struct conf_bfd {
	span interval;       // 10ms..60s, wished in both directions
	uint64_t multiplier; // 2..255
	bool multihop;       // RFC 5883; else one hop (RFC 5881)
	bool has_multihop;   // given; else it follows from the session's own keys
};

// Which way routes carry path identifiers (RFC 7911).
enum conf_add_path { CONF_ADD_PATH_RECEIVE = 1, CONF_ADD_PATH_SEND = 2 };

// Of RFC 5926.
enum conf_ao_algorithm { CONF_AO_HMAC_SHA_1_96, CONF_AO_AES_128_CMAC_96, CONF_AO_ALGORITHM_MAX };

// A master key of TCP-AO (RFC 5925 section 3.1).
struct conf_ao_key {
	uint64_t id;         // SendID: 0..255
	uint64_t receive_id; // RecvID: the id unless given
	bool has_receive_id; // given
	int algorithm;       // enum conf_ao_algorithm
	char *key_file;
	char *secret; // its content without the final newline; never printed
	struct place place;
	struct items keys; // struct given
};

// A BGP neighbour: an upstream, which is told the prefixes of all services, or a peer of the
// fleet, which carries what the nodes say of themselves.
struct conf_upstream {
	bool fleet;                    // which of the two
	bool reflector, has_reflector; // fleet: routes of other nodes may come from it; given
	char *name;
	struct ip_addr address;  // IP_NONE: a range
	struct ip_prefix range;  // each address in it is a neighbour of its own; else IP_NONE
	uint64_t max_neighbours; // of a range at a time
	span forget_after;       // of a range: how long after one left
	char *interface;         // of a link-local address; NULL for others
	uint64_t as;
	uint64_t port;         // 179
	struct ip_addr source; // IP_NONE: the kernel chooses
	char *password_file;   // NULL: none
	char *password;        // its content without the final newline; never printed
	struct items ao_keys;  // struct conf_ao_key; none: no TCP-AO
	span hold_time;
	span connect_retry;
	bool passive;  // of a range: always
	bool multihop; // else TTL 1 towards an external neighbour
	uint64_t
		ttl_security; // GTSM (RFC 5082): hops allowed, 1 is a neighbour on the link; 0: off
	unsigned families;    // BGP_FAMILY_*
	bool has_role;
	int role;                  // enum bgp_role: what this side is to the neighbour
	bool strict_role;          // refuse a neighbour that says no role
	bool extended_messages;    // RFC 8654
	bool extended_next_hop;    // RFC 8950
	int add_path;              // enum conf_add_path
	span graceful_restart;     // 0: off
	bool no_llgr;              // announce with that community
	bool first_as;             // unless given: external, and no client of a route server
	bool has_first_as;         // given
	uint64_t max_prefixes;     // 0: any number
	span max_prefixes_restart; // the wait after too many
	bool has_bfd;
	struct conf_bfd bfd;
	// What it hears beside the service's own attributes: prepends and communities are
	// added, a MED takes the place of the service's.
	struct conf_announce up, degraded, draining;
	struct items family_words; // int, one BGP_FAMILY_* each
	struct place place;
	struct items keys; // struct given
};

// A node that the keeper knows from the file and not from the fleet.
struct conf_keeper_node {
	uint64_t id;            // 1..4095
	struct items addresses; // struct ip_addr, one of each family at most
	struct place place;
};

// What carries packets of a session to the node that owns it (flow/keeper.h).
struct conf_keeper {
	struct items interfaces; // char *
	char *secret_file;
	char *secret; // its line; never printed
	uint64_t port;
	bool stamp;                        // write the node id into timestamps
	uint64_t mtu;                      // of the paths between nodes
	uint64_t budget_new, budget_known; // packets a second and node
	span moved_for;                    // so long a prefix's last owner is asked
	struct items udp_sessions;         // uint64_t, ports
	struct items quic_ports;           // uint64_t
	bool has_quic_config;
	uint64_t quic_config; // 0..6
	struct items nodes;   // struct conf_keeper_node
	char *pin;            // below a BPF file system
	struct place place;
	struct items keys; // struct given
};

struct conf {
	struct arena *arena;
	struct document doc; // for the places
	struct conf_site site;
	struct conf_node node;
	uint64_t as;
	struct ip_addr router_id;      // IPv4
	bool has_router_id;            // given; else it is the node's first IPv4 address
	struct items services;         // struct conf_service
	struct conf_prefix *by_prefix; // of all services, sorted
	size_t prefix_count;
	struct items upstreams; // struct conf_upstream
	struct items fleet;     // struct conf_upstream; empty: no fleet
	bool has_keeper;
	struct conf_keeper keeper;
	struct items listen;  // struct ip_addr for BGP; empty: all
	uint64_t listen_port; // 179; 0: does not listen
	bool has_site_tag;
	struct bgp_community site_tag; // on all announcements; nobody else's
	span visible_after; // so long after a withdrawal no neighbour should send it back
	span stop_drain; // key stop-drain, default 2s, 0..60s: how long a stopping daemon announces
			 // as when draining before it withdraws
	span stop_grace; // key stop-grace, default 1s, 0..60s: how long a stopping daemon still
			 // serves between the withdrawal and the end of its sessions
	char *control;   // /run/nearcast/control
	char *readonly;  // /run/nearcast/readonly
	struct items keys; // struct given
};

extern const struct schema conf_schema;

// Loads, checks the meaning and reads the password files. Looks at this host
// only where the file names something on it: password files, programs and users
// of exec checks. 0 and a conf to be freed; negative errno with faults otherwise.
[[nodiscard]] int conf_load(struct conf **ret, const char *path, struct faults *faults);
[[nodiscard]] int conf_load_text(
	struct conf **ret, const char *name, const char *text, size_t len, struct faults *faults);
void conf_free(struct conf **c);

// The addresses that an upstream is known by: one, or its range.
struct ip_prefix conf_upstream_remotes(const struct conf_upstream *u);
bool conf_upstream_is_range(const struct conf_upstream *u);

// The service that has this very prefix, NULL when none has.
const struct conf_service *conf_service_of_prefix(
	const struct conf *c, const struct ip_prefix *prefix);

// Canonical YAML; secrets masked. Loads again to an equal configuration.
void conf_print(const struct conf *c, struct strbuf *b);
