// Every key of nearglass.yaml, one row each, and what must hold between them.
#include "nearglass/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/mem.h"
#include "nearglass/siteurl.h"

#define AT(field)    .offset = offsetof(struct glass_neighbour, field)
#define PLACE(field) .place_offset = offsetof(struct glass_neighbour, field)

static const struct schema neighbour_schema = {
	.name = "a neighbour",
	.size = sizeof(struct glass_neighbour),
	.place_offset = offsetof(struct glass_neighbour, place),
	.help = "A router whose routes the glass shows. Nothing is ever announced to it.",
	.keys =
		(const struct schema_key[]){
			{ "name", SCHEMA_STRING, AT(name), PLACE(name_place), .required = true,
				.help = "Name of the neighbour in every answer: letters, digits, "
					"'-', '_' and '.', up to 63." },
			{ "address", SCHEMA_ADDR, AT(address), PLACE(address_place),
				.required = true, .help = "Address of the neighbour." },
			{ "as", SCHEMA_UINT, AT(as), .required = true, .min = 1, .max = 4294967295,
				.help = "AS of the neighbour; the own one makes the session "
					"internal." },
			{ "port", SCHEMA_UINT, AT(port), .min = 1, .max = 65535, .fallback = "179",
				.help = "The port to connect to." },
			{ "source", SCHEMA_ADDR, AT(source), PLACE(source_place),
				.help = "Local address of the session. The kernel chooses unless "
					"given." },
			{ "passive", SCHEMA_BOOL, AT(passive), PLACE(passive_place),
				.fallback = "no",
				.help = "Never open the session, wait for the neighbour." },
			{ "add-path", SCHEMA_BOOL, AT(add_path), .fallback = "no",
				.help = "Ask for all paths of a prefix.", .rfc = "RFC 7911" },
			{ "multihop", SCHEMA_BOOL, AT(multihop), .fallback = "no",
				.help = "The neighbour is not on the same link. Internal ones need "
					"not be." },
			{ "hold-time", SCHEMA_SPAN, AT(hold_time), .max = 65535000,
				.fallback = "90s",
				.help = "Offered hold time, in whole seconds: 0 for none, or at "
					"least 3s.",
				.rfc = "RFC 4271 section 4.2" },
			{ "stale-time", SCHEMA_SPAN, AT(stale_time), .max = 86400000,
				.fallback = "5m",
				.help = "How long routes of a lost session are kept as stale, at "
					"most, for a neighbour that restarts gracefully; and, "
					"when it is back, how long they wait for its "
					"End-of-RIB. 0s: they go with the session.",
				.rfc = "RFC 4724" },
			{ "max-routes", SCHEMA_UINT, AT(max_routes), .max = 1000000000,
				.fallback = "0",
				.help = "More routes than this end the session (Cease, Maximum "
					"Number of Prefixes Reached). 0: any number.",
				.rfc = "RFC 4486" },
			{ "description", SCHEMA_STRING, AT(description), .min = 1, .max = 200,
				.help = "A line for people." },
			{},
		},
};

#undef AT
#undef PLACE
#define AT(field)    .offset = offsetof(struct glass_site, field)
#define PLACE(field) .place_offset = offsetof(struct glass_site, field)

static const struct schema site_schema = {
	.name = "another site",
	.size = sizeof(struct glass_site),
	.help = "A site whose glass is followed, for the page of the fleet.",
	.keys =
		(const struct schema_key[]){
			{ "name", SCHEMA_STRING, AT(name), PLACE(name_place), .required = true,
				.help = "Name of the site, as its own glass says it." },
			{ "url", SCHEMA_STRING, AT(url), PLACE(url_place), .required = true,
				.help = "Where its glass answers: http or https, host, port and "
					"path. A name is resolved when this glass starts." },
			{ "ca-file", SCHEMA_STRING, AT(ca_file), PLACE(ca_place), .min = 1,
				.max = 1000,
				.help = "Certificates that an https one is checked against. The "
					"system's unless given." },
			{},
		},
};

#undef AT
#undef PLACE
#define AT(field) .offset = offsetof(struct glass_router, field)

static const struct schema router_schema = {
	.name = "a router that speaks BMP",
	.size = sizeof(struct glass_router),
	.help = "A router that tells of its neighbours by BMP.",
	.keys =
		(const struct schema_key[]){
			{ "name", SCHEMA_STRING, AT(name), .required = true,
				.place_offset = offsetof(struct glass_router, name_place),
				.help = "Name of the router, formed like a neighbour's. Its "
					"neighbours are called after it: rtr1/192.0.2.9, and "
					"/post, /out, /out-post or /loc behind that for other "
					"tables than what it received." },
			{ "address", SCHEMA_ADDR, AT(address), .required = true,
				.place_offset = offsetof(struct glass_router, address_place),
				.help = "Address that it connects from." },
			{},
		},
};

#undef AT
#define AT(field) .offset = offsetof(struct glass_bmp, field)

static const struct schema bmp_schema = {
	.name = "the BMP station",
	.size = sizeof(struct glass_bmp),
	.place_offset = offsetof(struct glass_bmp, place),
	.help = "Where routers may connect to tell of their neighbours.",
	.keys =
		(const struct schema_key[]){
			{ "listen", SCHEMA_LIST, SCHEMA_ADDR, AT(listen), .one_or_list = true,
				.place_offset = offsetof(struct glass_bmp, listen_place),
				.required = true, .help = "Addresses to listen on." },
			{ "port", SCHEMA_UINT, AT(port), .min = 1, .max = 65535,
				.fallback = "11019", .help = "Port to listen on." },
			{ "routers", SCHEMA_LIST, SCHEMA_MAP, AT(routers), .sub = &router_schema,
				.required = true, .help = "The routers; others are refused." },
			{ "stale-time", SCHEMA_SPAN, AT(stale_time), .max = 86400000,
				.fallback = "0s",
				.help = "How long routes are kept as stale when a router's BMP "
					"session is lost; and, when it tells of the neighbour "
					"again, how long they wait for its End-of-RIB." },
			{},
		},
};

#undef AT
#define AT(field) .offset = offsetof(struct glass_http, field)

static const struct schema http_schema = {
	.name = "the HTTP server",
	.size = sizeof(struct glass_http),
	.place_offset = offsetof(struct glass_http, place),
	.help = "Where the glass answers over HTTP: on loopback, behind the operator's web server.",
	.keys =
		(const struct schema_key[]){
			{ "address", SCHEMA_ADDR, AT(address), .fallback = "127.0.0.1",
				.help = "Address to listen on." },
			{ "port", SCHEMA_UINT, AT(port), .min = 1, .max = 65535, .fallback = "8480",
				.help = "Port to listen on." },
			{ "socket", SCHEMA_STRING, AT(socket), .min = 1, .max = 100,
				.place_offset = offsetof(struct glass_http, socket_place),
				.help = "Absolute path of a Unix socket to listen on instead. "
					"Whoever "
					"reaches its folder may ask." },
			{ "forwarded", SCHEMA_BOOL, AT(forwarded), .fallback = "no",
				.place_offset = offsetof(struct glass_http, forwarded_place),
				.help = "The web server in front adds the client's address to "
					"X-Forwarded-For: the last one there is the client that "
					"probes are counted for. Only on a Unix socket or "
					"loopback." },
			{ "hosts", SCHEMA_LIST, SCHEMA_STRING, AT(hosts), .one_or_list = true,
				.place_offset = offsetof(struct glass_http, hosts_place),
				.help = "Names in the Host header that are answered, without port. "
					"Any unless given." },
			{ "connections", SCHEMA_UINT, AT(connections), .min = 1, .max = 100000,
				.fallback = "1000", .help = "Connections at a time." },
			{ "connections-per-client", SCHEMA_UINT, AT(connections_per_client),
				.min = 1, .max = 100000, .fallback = "100",
				.help = "Of them with one client address. Behind a web server all "
					"are of that." },
			{ "request-time", SCHEMA_SPAN, AT(request_time), .min = 1, .max = 60000,
				.fallback = "2s",
				.help = "A search that takes longer is cut off and says so in "
					"`truncated`." },
			{},
		},
};

#undef AT
#define AT(field) .offset = offsetof(struct glass_history, field)

static const struct schema history_schema = {
	.name = "the history",
	.size = sizeof(struct glass_history),
	.help = "Events that are kept on the disk and answered by /api/v1/history.",
	.keys =
		(const struct schema_key[]){
			{ "file", SCHEMA_STRING, AT(file), .required = true, .min = 1, .max = 1000,
				.place_offset = offsetof(struct glass_history, file_place),
				.help = "Absolute path of the SQLite database, ending in .db. It "
					"is "
					"made where there is none; a damaged one is set aside." },
			{ "keep", SCHEMA_SPAN, AT(keep), .min = 3600000, .max = 315360000000,
				.fallback = "30d", .help = "How long an event is kept." },
			{ "max-events", SCHEMA_UINT, AT(max_events), .min = 1000, .max = 100000000,
				.fallback = "1000000",
				.help = "Events that are kept; those that were written first go. "
					"Some 500 octets one; those of another site are up to "
					"16384." },
			{ "max-clients", SCHEMA_UINT, AT(max_clients), .min = 1000,
				.max = 100000000, .fallback = "1000000",
				.help = "Words on clients of the catchment that are kept, each "
					"with the site it reached; about 150 octets one. There "
					"is one for each move, and one an hour for each client." },
			{},
		},
};

#undef AT
#define AT(field) .offset = offsetof(struct glass_catchment, field)

static const struct schema catchment_schema = {
	.name = "the catchment",
	.size = sizeof(struct glass_catchment),
	.place_offset = offsetof(struct glass_catchment, place),
	.help = "Which site clients reach, told by those who measure it, in lines of JSON.",
	.keys =
		(const struct schema_key[]){
			{ "listen", SCHEMA_STRING, AT(listen), .min = 1, .max = 100,
				.place_offset = offsetof(struct glass_catchment, listen_place),
				.help = "Absolute path of a Unix socket that takes such lines, "
					"of the user and group of the glass (0660)." },
			{ "file", SCHEMA_STRING, AT(file), .min = 1, .max = 1000,
				.place_offset = offsetof(struct glass_catchment, file_place),
				.help = "Absolute path of a file of such lines, which is followed "
					"as it grows. A line without a time has that of the "
					"file." },
			{ "max-clients", SCHEMA_UINT, AT(max_clients), .min = 1, .max = 100000,
				.fallback = "10000", .help = "Clients that are known at a time." },
			{ "forget", SCHEMA_SPAN, AT(forget), .min = 10000, .max = 315360000000,
				.fallback = "1d",
				.help = "A client that was not heard of for this long is none." },
			{},
		},
};

#undef AT
#define AT(field) .offset = offsetof(struct glass_probes, field)

static const struct schema probes_schema = {
	.name = "the probes",
	.size = sizeof(struct glass_probes),
	.place_offset = offsetof(struct glass_probes, place),
	.help = "Ping and traceroute for those who ask. Never to special-purpose addresses (RFC "
		"6890) nor "
		"to the prefixes of the site's services.",
	.keys =
		(const struct schema_key[]){
			{ "source", SCHEMA_LIST, SCHEMA_ADDR, AT(source), .one_or_list = true,
				.required = true, .max = 2,
				.help = "Unicast addresses of this host to probe from, one a "
					"family." },
			{ "deny", SCHEMA_LIST, SCHEMA_PREFIX, AT(deny), .one_or_list = true,
				.help = "Prefixes that are not probed either." },
			{ "at-once", SCHEMA_UINT, AT(at_once), .min = 1, .max = 32, .fallback = "8",
				.help = "Probes that run at a time." },
			{ "per-client", SCHEMA_UINT, AT(per_client), .min = 1, .max = 600,
				.fallback = "6",
				.help = "Probes a minute for one client: an IPv4 address, or a /64 "
					"of IPv6. Behind a web "
					"server all have that of the server." },
			{ "per-target", SCHEMA_UINT, AT(per_target), .min = 1, .max = 600,
				.fallback = "6", .help = "Probes a minute to one /24 or /48." },
			{ "in-all", SCHEMA_UINT, AT(in_all), .min = 1, .max = 600, .fallback = "30",
				.help = "Probes a minute." },
			{},
		},
};

#undef AT
#define AT(field) .offset = offsetof(struct glass_cache, field)

static const struct schema cache_schema = {
	.name = "an RPKI cache",
	.size = sizeof(struct glass_cache),
	.help = "A cache that sends validated payloads by RTR, in the clear: on this host or a "
		"network that is trusted.",
	.keys =
		(const struct schema_key[]){
			{ "address", SCHEMA_ADDR, AT(address), .required = true,
				.place_offset = offsetof(struct glass_cache, address_place),
				.help = "Address of the cache." },
			{ "port", SCHEMA_UINT, AT(port), .min = 1, .max = 65535, .fallback = "323",
				.help = "The port to connect to.", .rfc = "RFC 8210 section 7" },
			{},
		},
};

#undef AT
#define AT(field) .offset = offsetof(struct glass_conf, field)

const struct schema glass_schema = {
	.name = "the configuration",
	.size = sizeof(struct glass_conf),
	.help = "The looking glass of a site.",
	.keys =
		(const struct schema_key[]){
			{ "site", SCHEMA_STRING, AT(site), .required = true,
				.place_offset = offsetof(struct glass_conf, site_place),
				.help = "Name of the site, formed like a neighbour's." },
			{ "as", SCHEMA_UINT, AT(as), .required = true, .min = 1, .max = 4294967295,
				.help = "AS of the glass in its sessions." },
			{ "router-id", SCHEMA_ADDR, AT(router_id), .required = true,
				.place_offset = offsetof(struct glass_conf, router_id_place),
				.help = "BGP identifier, an IPv4 address of no other speaker.",
				.rfc = "RFC 6286" },
			{ "listen", SCHEMA_LIST, SCHEMA_ADDR, AT(listen), .one_or_list = true,
				.place_offset = offsetof(struct glass_conf, listen_place),
				.help = "Addresses on which neighbours may open sessions. None "
					"unless given." },
			{ "listen-port", SCHEMA_UINT, AT(listen_port), .min = 1, .max = 65535,
				.fallback = "179", .help = "The port of these." },
			{ "neighbours", SCHEMA_LIST, SCHEMA_MAP, AT(neighbours),
				.sub = &neighbour_schema,
				.help = "The routers that are listened to over BGP." },
			{ "bmp", SCHEMA_MAP, AT(bmp), .sub = &bmp_schema,
				.has_offset = offsetof(struct glass_conf, has_bmp),
				.help = "Routers that tell of their neighbours by BMP. None unless "
					"given.",
				.rfc = "RFC 7854" },
			{ "sites", SCHEMA_LIST, SCHEMA_MAP, AT(sites), .sub = &site_schema,
				.max = 1000, .help = "Other sites, whose glasses are followed." },
			{ "rpki", SCHEMA_LIST, SCHEMA_MAP, AT(rpki), .sub = &cache_schema,
				.max = RPKI_CACHES_MAX,
				.help = "RPKI caches, the preferred one first; the next is asked "
					"while those before it do not answer. Without one routes "
					"are not validated.",
				.rfc = "RFC 6811" },
			{ "communities", SCHEMA_LIST, SCHEMA_STRING, AT(communities),
				.place_offset = offsetof(struct glass_conf, communities_place),
				.one_or_list = true,
				.help = "Absolute paths of files with the names of communities, in "
					"the format of NLNOG's looking glass. They are read when "
					"the glass starts." },
			{ "http", SCHEMA_MAP, AT(http), .sub = &http_schema,
				.has_offset = offsetof(struct glass_conf, has_http),
				.help = "The HTTP server. There is none unless given." },
			{ "probes", SCHEMA_MAP, AT(probes), .sub = &probes_schema,
				.has_offset = offsetof(struct glass_conf, has_probes),
				.help = "Ping and traceroute. There are none unless given." },
			{ "history", SCHEMA_MAP, AT(history), .sub = &history_schema,
				.has_offset = offsetof(struct glass_conf, has_history),
				.help = "History on the disk. There is none unless given." },
			{ "catchment", SCHEMA_MAP, AT(catchment), .sub = &catchment_schema,
				.has_offset = offsetof(struct glass_conf, has_catchment),
				.help = "Which site clients reach. It is not known unless given." },
			{ "daemon", SCHEMA_STRING, AT(daemon), .min = 1, .max = 100,
				.place_offset = offsetof(struct glass_conf, daemon_place),
				.help = "Absolute path of the readonly socket of nearcastd at "
					"this site, whose status and events the glass shows. None "
					"unless given." },
			{ "user", SCHEMA_STRING, AT(user), .min = 1, .max = 31,
				.place_offset = offsetof(struct glass_conf, user_place),
				.help = "User to become after the ports are open, when started as "
					"root." },
			{},
		},
};

// ---- Meaning ----

struct checker {
	struct glass_conf *c;
	struct faults *faults;
};

#define REFUSE(k, at, ...) faults_add((k)->faults, &(k)->c->doc, at, NULL, __VA_ARGS__)

static void check_name(struct checker *k, const char *what, const char *name, struct place at)
{
	size_t n = strlen(name);
	bool good = n > 0 && n <= 63;

	for (size_t i = 0; i < n; i++)
		good = good && (isalnum((unsigned char)name[i]) || strchr("-_.", name[i]));
	if (!good)
		REFUSE(k, at, "%s has letters, digits, '-', '_' and '.', 1 to 63 of them", what);
}

static void check_neighbour(struct checker *k, const struct glass_neighbour *n)
{
	int64_t hold = span_to_ms(n->hold_time);

	check_name(k, "a neighbour's name", n->name, n->name_place);
	if (ip_is_unspecified(&n->address) || ip_is_multicast(&n->address) ||
		ip_is_link_local(&n->address))
		REFUSE(k, n->address_place, "not an address that a neighbour can have");
	if (hold % 1000 || (hold > 0 && hold < 3000))
		REFUSE(k, n->place, "hold-time is 0 or whole seconds from 3s");
	if (n->source.family != IP_NONE && n->source.family != n->address.family)
		REFUSE(k, n->source_place, "source is of the family of the neighbour's address");
	if (n->passive && k->c->listen.count == 0)
		REFUSE(k, n->passive_place, "nobody can open a session: there is no `listen`");
	items_for_each(const struct glass_neighbour, other, k->c->neighbours)
	{
		if (other == n)
			break;
		if (strcmp(other->name, n->name) == 0)
			REFUSE(k, n->name_place, "there is another neighbour `%s`", n->name);
		if (ip_equal(&other->address, &n->address))
			REFUSE(k, n->address_place, "neighbour `%s` has this address", other->name);
	}
}

static void check_site(struct checker *k, const struct glass_site *s)
{
	struct site_url url;
	const char *why;

	check_name(k, "a site's name", s->name, s->name_place);
	if (strcmp(s->name, k->c->site) == 0)
		REFUSE(k, s->name_place, "`%s` is this site", s->name);
	if (site_url_parse(s->url, &url, &why) < 0)
		REFUSE(k, s->url_place, "%s", why);
	else if (s->ca_file && !url.tls)
		REFUSE(k, s->ca_place, "certificates are for a URL with https");
	if (s->ca_file && s->ca_file[0] != '/')
		REFUSE(k, s->ca_place, "ca-file is an absolute path");
	items_for_each(const struct glass_site, other, k->c->sites)
	{
		if (other == s)
			break;
		if (strcmp(other->name, s->name) == 0)
			REFUSE(k, s->name_place, "there is another site `%s`", s->name);
	}
}

static void check_cache(struct checker *k, const struct glass_cache *c)
{
	if (ip_is_unspecified(&c->address) || ip_is_multicast(&c->address) ||
		ip_is_link_local(&c->address))
		REFUSE(k, c->address_place, "not an address that a cache can have");
	items_for_each(const struct glass_cache, other, k->c->rpki)
	{
		if (other == c)
			break;
		if (ip_equal(&other->address, &c->address) && other->port == c->port)
			REFUSE(k, c->address_place, "this cache is there already");
	}
}

// Here, as the sandbox opens no file.
static void read_names(struct checker *k)
{
	struct glass_conf *c = k->c;

	if (c->communities.count > 0)
		c->names = names_new(c->arena);
	items_for_each(char *, file, c->communities)
	{
		int rc = **file == '/' ? names_add(c->names, *file, &c->notes) : 0;
		if (**file != '/')
			REFUSE(k, c->communities_place, "`%s` is not an absolute path", *file);
		else if (rc < 0)
			REFUSE(k, c->communities_place, "%s: %s", *file, strerror(-rc));
	}
}

// The ending, because a damaged file is renamed: a slip must not name a file of somebody else's.
static void check_history(struct checker *k, const struct glass_history *h)
{
	size_t n = strlen(h->file);

	if (h->file[0] != '/' || n < 5 || strcmp(h->file + n - 3, ".db") != 0)
		REFUSE(k, h->file_place, "file is an absolute path that ends in .db");
}

// What the Host header has in front of its port.
static bool is_host(const char *text)
{
	size_t n = text[0] == '[' ? strspn(text + 1, "0123456789abcdefABCDEF:.") + 1
				  : strcspn(text, ":/ []");

	return n > 0 && (text[0] == '[' ? strcmp(text + n, "]") == 0 : text[n] == '\0');
}

// Whoever can reach the port directly could write what he likes into the header.
static void check_http(struct checker *k, const struct glass_http *h)
{
	if (h->socket && h->socket[0] != '/')
		REFUSE(k, h->socket_place, "socket is an absolute path");
	if (h->forwarded && !h->socket && !ip_is_loopback(&h->address))
		REFUSE(k, h->forwarded_place, "forwarded is for a Unix socket or loopback");
	items_for_each(char *, host, h->hosts)
	{
		if (!is_host(*host))
			REFUSE(k, h->hosts_place,
				"`%s` is no host: a name or an address ([2001:db8::1]), without "
				"port",
				*host);
	}
}

static void check_catchment(struct checker *k, struct glass_catchment *c)
{
	if (!c->listen && !c->file)
		REFUSE(k, c->place, "catchment has `listen`, `file` or both");
	if (c->listen && c->listen[0] != '/')
		REFUSE(k, c->listen_place, "listen is an absolute path");
	if (c->file && c->file[0] != '/')
		REFUSE(k, c->file_place, "file is an absolute path");
	if (c->listen && k->c->has_http && k->c->http.socket &&
		strcmp(c->listen, k->c->http.socket) == 0)
		REFUSE(k, c->listen_place, "the HTTP server has this socket");
	c->user = k->c->user;
}

static void check_probes(struct checker *k, const struct glass_probes *p)
{
	const struct ip_addr *source = p->source.data;

	if (p->source.count == 2 && source[0].family == source[1].family)
		REFUSE(k, p->place, "source has one address a family");
	items_for_each(const struct ip_addr, a, p->source)
	{
		if (ip_is_unspecified(a) || ip_is_multicast(a) || ip_is_link_local(a))
			REFUSE(k, p->place, "source is a unicast address of this host");
	}
}

static void check_router(struct checker *k, const struct glass_router *r)
{
	check_name(k, "a router's name", r->name, r->name_place);
	if (ip_is_unspecified(&r->address) || ip_is_multicast(&r->address) ||
		ip_is_link_local(&r->address))
		REFUSE(k, r->address_place, "not an address that a router can connect from");
	items_for_each(const struct glass_router, other, k->c->bmp.routers)
	{
		if (other == r)
			break;
		if (strcmp(other->name, r->name) == 0)
			REFUSE(k, r->name_place, "there is another router `%s`", r->name);
		if (ip_equal(&other->address, &r->address))
			REFUSE(k, r->address_place, "router `%s` has this address", other->name);
	}
}

// Those before it, in the order in which they are opened.
static bool is_taken(const struct glass_conf *c, const struct ip_addr *address, uint64_t port)
{
	items_for_each(const struct ip_addr, a, c->listen)
	{
		if (a == address)
			return false;
		if (port == c->listen_port && ip_equal(a, address))
			return true;
	}
	items_for_each(const struct ip_addr, a, c->bmp.listen)
	{
		if (a == address)
			return false;
		if (port == c->bmp.port && ip_equal(a, address))
			return true;
	}
	return false;
}

static void check_port(
	struct checker *k, const struct ip_addr *address, uint64_t port, struct place at)
{
	char text[IP_TEXT];

	if (is_taken(k->c, address, port))
		REFUSE(k, at, "port %lu of %s is listened on already", (unsigned long)port,
			ip_print(address, text));
}

static void check_ports(struct checker *k)
{
	const struct glass_conf *c = k->c;

	items_for_each(const struct ip_addr, a, c->listen)
		check_port(k, a, c->listen_port, c->listen_place);
	items_for_each(const struct ip_addr, a, c->bmp.listen)
		check_port(k, a, c->bmp.port, c->bmp.listen_place);
	if (c->has_http && !c->http.socket)
		check_port(k, &c->http.address, c->http.port, c->http.place);
}

static void check(struct checker *k)
{
	check_ports(k);
	check_name(k, "a site's name", k->c->site, k->c->site_place);
	if (k->c->router_id.family != IP4 || ip_is_unspecified(&k->c->router_id))
		REFUSE(k, k->c->router_id_place,
			"router-id is an IPv4 address that is not 0.0.0.0");
	if (k->c->daemon && k->c->daemon[0] != '/')
		REFUSE(k, k->c->daemon_place, "daemon is an absolute path");
	if (k->c->has_http)
		check_http(k, &k->c->http);
	if (k->c->has_probes)
		check_probes(k, &k->c->probes);
	if (k->c->has_catchment)
		check_catchment(k, &k->c->catchment);
	if (k->c->has_history)
		check_history(k, &k->c->history);
	items_for_each(const struct glass_neighbour, n, k->c->neighbours) check_neighbour(k, n);
	items_for_each(const struct glass_site, s, k->c->sites) check_site(k, s);
	read_names(k);
	items_for_each(const struct glass_cache, cache, k->c->rpki) check_cache(k, cache);
	items_for_each(const struct glass_router, r, k->c->bmp.routers) check_router(k, r);
}

// The schema zeroes the struct that it fills, so arena and document wait aside.
int glass_conf_load(struct glass_conf **ret, const char *path, struct faults *faults)
{
	struct glass_conf *c = mem_zalloc(sizeof(*c));
	struct arena *arena = arena_new();
	struct document doc = {};
	int rc = schema_load(&glass_schema, path, arena, c, &doc, faults);

	c->arena = arena;
	c->doc = doc;
	if (rc == 0) {
		struct checker k = { .c = c, .faults = faults };
		check(&k);
		rc = faults->count > 0 ? -EINVAL : 0;
	}
	if (rc == 0)
		*ret = c;
	else
		glass_conf_free(&c);
	return rc;
}

void glass_conf_free(struct glass_conf **c)
{
	struct glass_conf *old = take(*c);

	if (!old)
		return;
	document_free(&old->doc);
	sb_free(&old->notes);
	arena_free(&old->arena);
	free(old);
}
