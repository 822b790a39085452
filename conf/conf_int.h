// Between the files of conf/ only.
#pragma once

#include "conf/conf.h"

extern const struct schema_scalar conf_as_scalar;        // uint64_t
extern const struct schema_scalar conf_router_id_scalar; // struct ip_addr
extern const struct schema_scalar conf_community_scalar; // struct bgp_community
extern const struct schema_scalar conf_min_sites_scalar; // struct conf_min_sites
extern const struct schema conf_bfd_schema;              // struct conf_bfd
extern const struct schema conf_ao_key_schema;           // struct conf_ao_key
extern const struct schema conf_fleet_schema;            // struct conf_upstream
extern const struct schema conf_keeper_schema;           // struct conf_keeper
extern const struct schema_word conf_isolated_words[];   // enum conf_isolated

enum { CONF_PREPEND_MAX = 10, CONF_COMMUNITIES_MAX = 254 /* and the site-tag */ };

// A configuration whose meaning is being checked.
struct checker {
	struct conf *c;
	struct faults *faults;
};

#define REFUSE(k, at, expected, ...) \
	faults_add((k)->faults, &(k)->c->doc, at, expected, __VA_ARGS__)

// The place of a key's value; of the mapping when the key is not given.
struct place conf_place(const struct items *keys, const char *name, struct place otherwise);

void conf_check_name(struct checker *k, const char *what, const char *name, struct place at);
bool conf_is_interface_name(const char *s);
void conf_check_path(struct checker *k, const char *key, const char *path, struct place at);
// The service whose prefix holds that address, NULL when none does.
const struct conf_service *conf_service_of(const struct conf *c, const struct ip_addr *a);

// For conf_service_of_prefix(); before the services are checked.
void conf_index_prefixes(struct conf *c);
// The service that gives the i-th prefix of s earlier in the file, s itself perhaps; NULL: none.
const struct conf_service *conf_given_before(
	const struct conf *c, const struct conf_service *s, size_t i);

// An address that one host can have: neither unspecified nor multicast, nor an
// IPv4-mapped one (RFC 4291 section 2.5.5.2), which would be a second name for another.
bool conf_is_unicast(const struct ip_addr *a);

// Each fills in what is derived and refuses what makes no sense.
void conf_check_top(struct checker *k);
void conf_check_services(struct checker *k);
void conf_check_upstreams(struct checker *k);
// What upstreams and peers of the fleet have in common.
void conf_check_neighbour(struct checker *k, struct conf_upstream *u);
void conf_check_fleet(struct checker *k);
void conf_check_keeper(struct checker *k);
// Degraded and draining get what they inherit from up.
void conf_finish_announce(struct checker *k, struct conf_announce *up,
	struct conf_announce *degraded, struct conf_announce *draining);
void conf_check_checks(struct checker *k, struct conf_service *s);
void conf_check_range(struct checker *k, const struct conf_upstream *u);
// "upstream", "fleet peer".
const char *conf_kind_of(const struct conf_upstream *u);
// A file that a key of the configuration names, of one line of text.
struct secret_file {
	const char *key;         // password-file
	const char *what;        // password file
	const char *kind, *name; // of what: upstream, transit-a
	const char *path;
	struct place at;
};
// In the arena; NULL: refused, as when others may read the file.
char *conf_read_secret(struct checker *k, const struct secret_file *f);
// Reads the files of passwords and keys; refuses those that others may read too.
void conf_read_secrets(struct checker *k, struct conf_upstream *u);
