// What nearglass.yaml means. Everything lives in the arena of its struct glass_conf and is not
// changed after loading.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/schema.h"
#include "nearglass/names.h"

struct glass_neighbour {
	char *name;
	struct ip_addr address;
	uint64_t as;
	uint64_t port;         // to connect to
	struct ip_addr source; // IP_NONE: the kernel chooses
	bool passive, add_path, multihop;
	span hold_time, stale_time;
	uint64_t max_routes; // 0: any number
	char *description;   // NULL: none
	struct place place, name_place, address_place, source_place, passive_place;
};

// Another site, whose glass is followed.
struct glass_site {
	char *name, *url;
	char *ca_file; // NULL: the system's
	struct place name_place, url_place, ca_place;
};

struct glass_router {
	char *name;
	struct ip_addr address;
	struct place name_place, address_place;
};

// A cache of validated RPKI payloads.
struct glass_cache {
	struct ip_addr address;
	uint64_t port;
	struct place address_place;
};

enum { RPKI_CACHES_MAX = 16 };

struct glass_bmp {
	struct items listen; // struct ip_addr
	uint64_t port;
	struct items routers; // struct glass_router
	span stale_time;
	struct place place, listen_place;
};

struct glass_http {
	char *socket; // absolute path of a Unix socket, in place of address and port; NULL: none
	struct ip_addr address;
	uint64_t port;
	bool forwarded;     // a web server in front says in X-Forwarded-For who asks
	struct items hosts; // char *: names by which clients may call it; none: any
	uint64_t connections, connections_per_client;
	span request_time; // a request is whole by then, and a search is cut off
	struct place place, socket_place, forwarded_place, hosts_place;
};

struct glass_history {
	char *file; // absolute, ends in ".db"
	span keep;
	uint64_t max_events;
	uint64_t max_clients; // words on clients of the catchment
	struct place file_place;
};

// Who tells which site a client reaches.
struct glass_catchment {
	char *listen, *file; // absolute; NULL: not
	uint64_t max_clients;
	span forget;
	const char *user; // of the glass, who owns the socket; NULL: stays who it is
	struct place place, listen_place, file_place;
};

// Ping and traceroute.
struct glass_probes {
	struct items source; // struct ip_addr, at most one a family
	struct items deny;   // struct ip_prefix
	uint64_t at_once;
	uint64_t per_client, per_target, in_all; // a minute
	struct place place;
};

struct glass_conf {
	struct arena *arena;
	struct document doc;
	char *site; // its name
	struct place site_place;
	uint64_t as;
	struct ip_addr router_id;
	struct items listen; // struct ip_addr; none: nowhere
	struct place router_id_place, listen_place;
	uint64_t listen_port;
	struct items neighbours; // struct glass_neighbour
	struct items sites;      // struct glass_site
	struct items rpki;       // struct glass_cache, preferred first
	struct glass_http http;
	bool has_http;
	struct glass_bmp bmp;
	bool has_bmp;
	struct items communities; // char *: files with their names
	struct place communities_place;
	struct names *names; // from these; NULL: no file
	struct strbuf notes; // what is to be said of them, in lines
	struct glass_probes probes;
	bool has_probes;
	struct glass_history history;
	bool has_history;
	struct glass_catchment catchment;
	bool has_catchment;
	char *daemon; // readonly socket of nearcastd; NULL: none
	struct place daemon_place;
	char *user; // NULL: stays who it is
	struct place user_place;
};

extern const struct schema glass_schema;

// 0; -EINVAL or the errno of reading the file, with faults added.
[[nodiscard]] int glass_conf_load(struct glass_conf **ret, const char *path, struct faults *faults);
void glass_conf_free(struct glass_conf **c); // NULL inside is fine
