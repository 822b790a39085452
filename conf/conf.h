// What nearcast.yaml means: the structs the daemon runs by. Everything lives
// in the arena of its struct conf and is never changed after loading.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bgp/attr.h"
#include "health/check.h"
#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/schema.h"
#include "lib/strbuf.h"
#include "lib/timing.h"

struct conf_site {
	char *name;
	char *city; // NULL: not given
	double lat, lon;
	bool has_lat, has_lon;
};

struct conf_node {
	char *name;  // the site's name unless given
	uint64_t id; // 1..4095; 0: not given
	struct items addresses; // struct ip_addr, unicast
	struct place place;
};

// How a prefix is announced in one health or admin state.
struct conf_announce {
	bool given;
	uint64_t prepend; // extra times the own AS, 0..10
	bool has_med;
	uint64_t med;
	struct items communities;	// struct bgp_community_text: plain, well-known or large
	struct place place;
};

struct conf_check {
	enum health_kind kind;
	char *name; // the kind, and a number when one service has several, unless given
	struct health_timing timing; // interval, fast-interval, timeout, rise, fall, scope
	// dns and tcp
	struct ip_addr server; // dns, tcp; address: the service address (default: all of the service)
	uint64_t port;	       // dns: 53
	// dns
	char *query;	  // default: the root
	char *type;	  // SOA
	char *rcode;	  // NOERROR
	char *expect;	  // text that one answer record's data must hold; NULL: any answer
	bool tcp;	  // dns over TCP
	// http
	char *url;
	uint64_t status; // expected; 0: 200..299
	char *body;	 // text the body must hold; NULL: any
	// exec
	struct items command; // char *, argv; no shell
	char *user;	      // exec; default nobody
	// file
	char *path;
	bool expect_absent; // file: healthy while the file is not there (maintenance switch)
	struct place place;
};

struct conf_service {
	char *name;
	struct items prefixes;	// struct ip_prefix
	struct items prefix_places; // struct place, one a prefix
	struct items addresses; // struct ip_addr, each inside one of the prefixes
	struct items checks;	// struct conf_check
	char *interface;	// nearcast0
	bool manage_addresses;	// yes
	struct conf_announce up, degraded, draining;
	span hold_down_first, hold_down_max; // zero: none
	struct place place;
};

struct conf_upstream {
	char *name;
	struct ip_addr address;
	uint64_t as;
	uint64_t port;	     // 179
	struct ip_addr source; // IP_NONE: the kernel chooses
	char *password_file; // NULL: none
	char *password;	     // its content without the final newline; never printed
	span hold_time;
	span connect_retry;
	bool passive;
	bool multihop;	// else TTL 1 towards an external neighbour
	uint64_t ttl_security; // GTSM (RFC 5082): hops allowed, 0: off
	unsigned families; // BGP_FAMILY_*; both by default
	struct place place;
};

struct conf {
	struct arena *arena;
	struct document doc; // for the places
	struct conf_site site;
	struct conf_node node;
	uint64_t as;
	struct ip_addr router_id;
	bool has_router_id; // else the node's or site's first IPv4 address
	struct items services;	// struct conf_service
	struct items upstreams; // struct conf_upstream
	struct items listen;	// struct ip_addr for BGP; empty: all
	uint64_t listen_port;	// 179; 0: does not listen
	span stop_grace; // key stop-grace, default 1s, 0..60s: how long a stopping daemon still
			 // serves between the withdrawal and the end of its sessions
	char *control;	 // /run/nearcast/control
	char *readonly;		// /run/nearcast/readonly
};

extern const struct schema conf_schema;

// Loads, checks the meaning and reads the password files. 0 and a conf to be
// freed; negative errno with faults otherwise.
[[nodiscard]] int conf_load(struct conf **ret, const char *path, struct faults *faults);
[[nodiscard]] int conf_load_text(struct conf **ret, const char *name, const char *text, size_t len,
	struct faults *faults);
void conf_free(struct conf **c);

// Canonical YAML; secrets masked. Loads again to an equal configuration.
void conf_print(const struct conf *c, struct strbuf *b);
