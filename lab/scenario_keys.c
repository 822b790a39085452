// The keys of a scenario file: one row a key.
#include "lab/scenario_int.h"

#define AT(type, member) __builtin_offsetof(struct type, member)
#define END                  \
	{                    \
		.name = NULL \
	}

static const struct schema_word router_words[] = {
	{ "bird", ROUTER_BIRD, "BIRD 2" },
	{},
};

static const struct schema_word reflector_words[] = {
	{ "bird", REFLECTOR_BIRD, "BIRD 2: `rr client`, `add paths on`" },
	{ "frr", REFLECTOR_FRR, "FRR: `route-reflector-client`, `addpath-tx-all-paths`" },
	{},
};

static const struct schema_word fleet_words[] = {
	{ "none", FLEET_NONE, "nobody: each node decides alone" },
	{ "mesh", FLEET_MESH, "every node with every other" },
	{ "reflectors", FLEET_REFLECTORS, "every node with every reflector" },
	{},
};

static const struct schema_word relation_words[] = {
	{ "customer", RELATION_CUSTOMER, "b pays a: everything a knows goes to b" },
	{ "peer", RELATION_PEER, "each sends its own and its customers' routes" },
	{ "provider", RELATION_PROVIDER, "a pays b: everything b knows comes to a" },
	{},
};

static const struct schema_word site_relation_words[] = {
	{ "provider", RELATION_PROVIDER, "transit: the network announces the site to everybody" },
	{ "peer", RELATION_PEER, "the network announces the site to its customers only" },
	{},
};

static const struct schema_word dns_words[] = {
	{ "nsd", DNS_NSD, "NSD" },
	{ "knot", DNS_KNOT, "Knot DNS" },
	{},
};

static const struct schema_word web_words[] = {
	{ "none", WEB_NONE, NULL },
	{ "nginx", WEB_NGINX, "nginx: /node, /stream/SIZE, and PUT below /upload" },
	{},
};

static const struct schema_word quic_words[] = {
	{ "none", QUIC_NONE, NULL },
	{ "ngtcp2", QUIC_NGTCP2, "gtlsserver of ngtcp2: /stream/SIZE over HTTP/3" },
	{},
};

static const struct schema_word announcer_words[] = {
	{ "nearcastd", ANNOUNCER_NEARCASTD, "the daemon, with checks" },
	{ "bird", ANNOUNCER_BIRD, "BIRD with static routes and no checks: the baseline" },
	{ "none", ANNOUNCER_NONE,
		"nobody: the DNS server answers at the host's own address, for others to depend "
		"on" },
	{},
};

static const struct schema_word family_words[] = {
	{ "ipv4", CLIENT_IP4, NULL },
	{ "ipv6", CLIENT_IP6, NULL },
	{ "both", CLIENT_BOTH, "two streams of queries; the worse one counts" },
	{},
};

static const struct schema_word event_words[] = {
	{ "kill", STEP_KILL, "SIGKILL to the service's process group" },
	{ "term", STEP_TERM, "SIGTERM to the service" },
	{ "stop", STEP_STOP, "SIGSTOP to the service's process group: it hangs" },
	{ "cont", STEP_CONT, "SIGCONT to the service's process group" },
	{ "start", STEP_START, "start the service again after it ended" },
	{ "link-down", STEP_LINK_DOWN, "cut a link, named network/neighbour" },
	{ "link-up", STEP_LINK_UP, "mend it" },
	{ "block", STEP_BLOCK,
		"no packet passes any more between the addresses of two hosts, named one/other" },
	{ "unblock", STEP_UNBLOCK, "packets pass again" },
	{ "reconfigure", STEP_RECONFIGURE,
		"replace a text in the node's nearcast.yaml and reload it" },
	{ "run", STEP_RUN, "run a command in the target node" },
	{ "power-off", STEP_POWER_OFF,
		"all of a node dies at once: its links are cut, SIGKILL to all its services, "
		"and its keeper's programs are gone" },
	{ "power-on", STEP_POWER_ON, "its links are mended and its services start" },
	{},
};

static const struct schema_key network_keys[] = {
	{ "name", SCHEMA_STRING, .offset = AT(scn_network, name), .required = true,
		.help = "Name of the router's node and of the interfaces towards it." },
	{ "as", SCHEMA_UINT, .offset = AT(scn_network, as), .required = true, .min = 1,
		.max = 4294967294, .help = "AS number.", .rfc = "RFC 5398 has those for examples" },
	{ "kind", SCHEMA_WORD, .offset = AT(scn_network, kind), .words = router_words,
		.fallback = "bird", .help = "Software of the router." },
	{ "city", SCHEMA_STRING, .offset = AT(scn_network, city), .required = true,
		.help = "Where the router is." },
	{ "lat", SCHEMA_DOUBLE, .offset = AT(scn_network, at.lat), .required = true, .min = -90,
		.max = 90, .unit = "degrees north" },
	{ "lon", SCHEMA_DOUBLE, .offset = AT(scn_network, at.lon), .required = true, .min = -180,
		.max = 180, .unit = "degrees east" },
	{ "multipath", SCHEMA_BOOL, .offset = AT(scn_network, multipath), .fallback = "no",
		.help = "Routes that are equally good share the load (ECMP), by addresses and "
			"ports." },
	END,
};

static const struct schema network_schema = {
	"network",
	sizeof(struct scn_network),
	.place_offset = AT(scn_network, place),
	.keys = network_keys,
	.help = "An autonomous system: one router in one place.",
};

static const struct schema_key link_keys[] = {
	{ "a", SCHEMA_STRING, .offset = AT(scn_link, a), .required = true, .help = "A network." },
	{ "b", SCHEMA_STRING, .offset = AT(scn_link, b), .required = true,
		.help = "Its neighbour." },
	{ "relation", SCHEMA_WORD, .offset = AT(scn_link, relation), .required = true,
		.words = relation_words, .help = "What b is to a." },
	{ "delay", SCHEMA_SPAN, .offset = AT(scn_link, delay),
		.has_offset = AT(scn_link, has_delay), .max = 10000,
		.help = "One way. Unless given it follows from the places: 1.4 times the great "
			"circle at 200,000 km/s." },
	{ "loss", SCHEMA_DOUBLE, .offset = AT(scn_link, loss), .max = 100, .unit = "percent",
		.help = "Frames lost each way, at random." },
	{ "backup", SCHEMA_BOOL, .offset = AT(scn_link, backup), .fallback = "no",
		.help = "The customer uses this provider only when no other is left: lower "
			"preference one way, prepends the other." },
	END,
};

static const struct schema link_schema = {
	"link",
	sizeof(struct scn_link),
	.place_offset = AT(scn_link, place),
	.keys = link_keys,
	.help = "A link between two networks, with a BGP session a family.",
};

static const struct schema_key upstream_keys[] = {
	{ "network", SCHEMA_STRING, .offset = AT(scn_upstream, network), .required = true },
	{ "relation", SCHEMA_WORD, .offset = AT(scn_upstream, relation),
		.words = site_relation_words, .fallback = "provider",
		.help = "What the network is to the site." },
	{ "delay", SCHEMA_SPAN, .offset = AT(scn_upstream, delay),
		.has_offset = AT(scn_upstream, has_delay), .max = 10000,
		.help = "One way; from the places unless given." },
	END,
};

static const struct schema upstream_schema = {
	"upstream",
	sizeof(struct scn_upstream),
	.place_offset = AT(scn_upstream, place),
	.keys = upstream_keys,
	.help = "A network the site is connected to.",
};

static const struct schema_key site_keys[] = {
	{ "name", SCHEMA_STRING, .offset = AT(scn_site, name), .required = true,
		.help = "Name of the node, and what its DNS server calls itself." },
	{ "site", SCHEMA_STRING, .offset = AT(scn_site, site),
		.help = "The site that the node belongs to; one of its own, of the same name, "
			"unless given." },
	{ "city", SCHEMA_STRING, .offset = AT(scn_site, city), .required = true },
	{ "lat", SCHEMA_DOUBLE, .offset = AT(scn_site, at.lat), .required = true, .min = -90,
		.max = 90, .unit = "degrees north" },
	{ "lon", SCHEMA_DOUBLE, .offset = AT(scn_site, at.lon), .required = true, .min = -180,
		.max = 180, .unit = "degrees east" },
	{ "dns", SCHEMA_WORD, .offset = AT(scn_site, dns), .words = dns_words, .fallback = "nsd",
		.help = "The DNS server." },
	{ "web", SCHEMA_WORD, .offset = AT(scn_site, web), .words = web_words, .fallback = "none",
		.help = "A web server at port 80." },
	{ "quic", SCHEMA_WORD, .offset = AT(scn_site, quic), .words = quic_words,
		.fallback = "none", .help = "A server of HTTP/3 at UDP port 443." },
	{ "announcer", SCHEMA_WORD, .offset = AT(scn_site, announcer), .words = announcer_words,
		.fallback = "nearcastd", .help = "Who announces the service." },
	{ "upstreams", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scn_site, upstreams),
		.sub = &upstream_schema, .required = true, .max = 16 },
	{ "fleet", SCHEMA_LIST, .elem = SCHEMA_STRING, .offset = AT(scn_site, fleet),
		.has_offset = AT(scn_site, has_fleet), .max = 256, .one_or_list = true,
		.help = "Reflectors and other nodes that it has fleet sessions with, instead of "
			"what `fleet` of the scenario says." },
	{ "nearcast", SCHEMA_STRING, .offset = AT(scn_site, nearcast),
		.place_offset = AT(scn_site, nearcast_place),
		.help = "This site's part of nearcast.yaml, instead of the scenario's." },
	END,
};

static const struct schema site_schema = {
	"site",
	sizeof(struct scn_site),
	.place_offset = AT(scn_site, place),
	.keys = site_keys,
	.help = "A node that serves: a DNS server and what announces it.",
};

static const struct schema_key reflector_keys[] = {
	{ "name", SCHEMA_STRING, .offset = AT(scn_reflector, name), .required = true },
	{ "network", SCHEMA_STRING, .offset = AT(scn_reflector, network), .required = true,
		.help = "The network it is connected to." },
	{ "kind", SCHEMA_WORD, .offset = AT(scn_reflector, kind), .words = reflector_words,
		.fallback = "bird", .help = "Its software." },
	{ "city", SCHEMA_STRING, .offset = AT(scn_reflector, city),
		.help = "The network's unless given." },
	{ "lat", SCHEMA_DOUBLE, .offset = AT(scn_reflector, at.lat),
		.has_offset = AT(scn_reflector, has_lat), .min = -90, .max = 90,
		.unit = "degrees north", .help = "The network's unless given." },
	{ "lon", SCHEMA_DOUBLE, .offset = AT(scn_reflector, at.lon),
		.has_offset = AT(scn_reflector, has_lon), .min = -180, .max = 180,
		.unit = "degrees east", .help = "The network's unless given." },
	END,
};

static const struct schema reflector_schema = {
	"reflector",
	sizeof(struct scn_reflector),
	.place_offset = AT(scn_reflector, place),
	.keys = reflector_keys,
	.help = "A route reflector of the fleet, with ADD-PATH. Reflectors have sessions with each "
		"other, too.",
};

static const struct schema_key client_keys[] = {
	{ "name", SCHEMA_STRING, .offset = AT(scn_client, name), .required = true },
	{ "network", SCHEMA_STRING, .offset = AT(scn_client, network), .required = true,
		.help = "The network it is connected to." },
	{ "city", SCHEMA_STRING, .offset = AT(scn_client, city),
		.help = "The network's unless given." },
	{ "lat", SCHEMA_DOUBLE, .offset = AT(scn_client, at.lat),
		.has_offset = AT(scn_client, has_lat), .min = -90, .max = 90,
		.unit = "degrees north", .help = "The network's unless given." },
	{ "lon", SCHEMA_DOUBLE, .offset = AT(scn_client, at.lon),
		.has_offset = AT(scn_client, has_lon), .min = -180, .max = 180,
		.unit = "degrees east", .help = "The network's unless given." },
	{ "family", SCHEMA_WORD, .offset = AT(scn_client, family), .words = family_words,
		.fallback = "ipv4", .help = "What it asks over." },
	{ "interval", SCHEMA_SPAN, .offset = AT(scn_client, interval), .min = 1, .max = 10000,
		.fallback = "5ms", .help = "From one query to the next." },
	{ "timeout", SCHEMA_SPAN, .offset = AT(scn_client, timeout), .min = 10, .max = 10000,
		.fallback = "1s", .help = "A query without an answer by then is lost." },
	{ "ports", SCHEMA_UINT, .offset = AT(scn_client, ports), .min = 1, .max = 256,
		.fallback = "4",
		.help = "Source ports it asks from in turn. Routers with multipath tell flows "
			"apart by them." },
	{ "tcp-timestamps", SCHEMA_BOOL, .offset = AT(scn_client, timestamps), .fallback = "yes",
		.help = "Whether its TCP offers timestamps.", .rfc = "RFC 7323" },
	END,
};

static const struct schema client_schema = {
	"client",
	sizeof(struct scn_client),
	.place_offset = AT(scn_client, place),
	.keys = client_keys,
	.help = "A host that sends queries all the time and notes who answers.",
};

static const struct schema_key expect_keys[] = {
	{ "clients", SCHEMA_LIST, .elem = SCHEMA_STRING, .offset = AT(scn_expect, clients),
		.required = true, .one_or_list = true, .max = 1000 },
	{ "site", SCHEMA_STRING, .offset = AT(scn_expect, site), .required = true,
		.help = "Who answers them in the end; `none` when nobody should." },
	{ "nodes", SCHEMA_LIST, .elem = SCHEMA_STRING, .offset = AT(scn_expect, nodes),
		.one_or_list = true, .max = 64,
		.help = "Exactly these nodes of the site share them in the end: during the last "
			"`settle` of the step." },
	{ "max-outage", SCHEMA_SPAN, .offset = AT(scn_expect, max_outage),
		.has_offset = AT(scn_expect, has_max_outage), .max = 3600000,
		.help = "Longest time without an answer that each may see." },
	{ "max-lost", SCHEMA_UINT, .offset = AT(scn_expect, max_lost),
		.has_offset = AT(scn_expect, has_max_lost), .max = 1e9,
		.help = "Most queries that each may lose." },
	END,
};

static const struct schema expect_schema = {
	"expectation",
	sizeof(struct scn_expect),
	.place_offset = AT(scn_expect, place),
	.keys = expect_keys,
	.help = "What some clients should see.",
};

static const struct schema_key step_keys[] = {
	{ "at", SCHEMA_SPAN, .offset = AT(scn_step, at), .required = true, .max = 86400000,
		.help = "Earliest time, from when all clients were first answered as expected. An "
			"event waits until the one before it has settled." },
	{ "event", SCHEMA_WORD, .offset = AT(scn_step, event), .required = true,
		.words = event_words },
	{ "target", SCHEMA_LIST, .elem = SCHEMA_STRING, .offset = AT(scn_step, targets),
		.place_offset = AT(scn_step, target_place), .required = true, .one_or_list = true,
		.max = 200,
		.help = "site/dns, site/web, site/quic, site/nearcastd, network/bird, "
			"reflector/bird, reflector/bgpd; network/neighbour for a link; host/host "
			"for `block`; a node for `run`, `reconfigure`, `power-off` and "
			"`power-on`. With several it happens to all at once; `run` takes one." },
	{ "command", SCHEMA_LIST, .elem = SCHEMA_STRING, .offset = AT(scn_step, command), .max = 64,
		.help = "Of `run`: program and arguments; no shell. It runs in the "
			"node's directory, and the step fails when it does." },
	{ "retry", SCHEMA_BOOL, .offset = AT(scn_step, retry), .fallback = "no",
		.help = "Run the command again until it succeeds; the step is not over before." },
	{ "show", SCHEMA_BOOL, .offset = AT(scn_step, show), .fallback = "no",
		.help = "What the command prints belongs into the report." },
	{ "replace", SCHEMA_STRING, .offset = AT(scn_step, replace),
		.help = "Of `reconfigure`: the text, wherever it stands in nearcast.yaml." },
	{ "with", SCHEMA_STRING, .offset = AT(scn_step, with), .help = "What comes in its place." },
	{ "every", SCHEMA_SPAN, .offset = AT(scn_step, every),
		.has_offset = AT(scn_step, has_every), .min = 50, .max = 60000,
		.help = "`reconfigure` to and fro: the one text for the other, and back, from one "
			"turn to the next. The step is not over before." },
	{ "times", SCHEMA_UINT, .offset = AT(scn_step, times),
		.has_offset = AT(scn_step, has_times), .min = 2, .max = 100000,
		.help = "Turns of it. After an even number all is as it was." },
	{ "note", SCHEMA_STRING, .offset = AT(scn_step, note), .help = "A line for the reader." },
	{ "settle", SCHEMA_SPAN, .offset = AT(scn_step, settle),
		.has_offset = AT(scn_step, has_settle), .min = 100, .max = 600000,
		.help = "The scenario's unless given." },
	{ "within", SCHEMA_SPAN, .offset = AT(scn_step, within),
		.has_offset = AT(scn_step, has_within), .min = 100, .max = 3600000,
		.help = "The scenario's unless given." },
	{ "others-max-lost", SCHEMA_UINT, .offset = AT(scn_step, others_max_lost),
		.has_offset = AT(scn_step, has_others_max_lost), .max = 1e9,
		.help = "Most queries that each client not named in `expect` may lose." },
	{ "expect", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scn_step, expect),
		.sub = &expect_schema, .max = 1000,
		.help = "Clients not named stay where they were." },
	{ "min-announced", SCHEMA_UINT, .offset = AT(scn_step, min_announced),
		.has_offset = AT(scn_step, has_min_announced), .max = 200,
		.help = "At every instant of the step at least so many sites announce, each of "
			"the prefixes." },
	{ "announced", SCHEMA_LIST, .elem = SCHEMA_STRING, .offset = AT(scn_step, announced),
		.place_offset = AT(scn_step, announced_place),
		.has_offset = AT(scn_step, has_announced), .one_or_list = true, .max = 200,
		.help = "Exactly these sites announce in the end, all of the prefixes." },
	{ "heard-within", SCHEMA_SPAN, .offset = AT(scn_step, heard_within),
		.has_offset = AT(scn_step, has_heard_within), .min = 1, .max = 60000,
		.help = "What the event changed at the targets' nodes is known at every other node "
			"of the fleet so soon after it was decided, besides the links' delay." },
	{ "sessions", SCHEMA_MAP, .offset = AT(scn_step, sessions),
		.has_offset = AT(scn_step, sessions.given), .sub = &sessions_expect_schema,
		.help = "What may become of sessions. Unless given, none may break." },
	END,
};

static const struct schema step_schema = {
	"step",
	sizeof(struct scn_step),
	.place_offset = AT(scn_step, place),
	.keys = step_keys,
	.help = "One event and what it should lead to.",
};

static const struct schema_key scenario_keys[] = {
	{ "title", SCHEMA_STRING, .offset = AT(scenario, title), .required = true,
		.help = "One line." },
	{ "description", SCHEMA_STRING, .offset = AT(scenario, description),
		.help = "A few lines for the reader." },
	{ "site-as", SCHEMA_UINT, .offset = AT(scenario, site_as), .min = 1, .max = 4294967294,
		.fallback = "64500", .help = "AS number of all sites." },
	{ "prefixes", SCHEMA_LIST, .elem = SCHEMA_PREFIX, .offset = AT(scenario, prefixes),
		.min = 1, .max = 2, .fallback = "[198.51.100.0/24, \"2001:db8:53::/48\"]",
		.help = "The service's prefixes, at most one a family." },
	{ "addresses", SCHEMA_LIST, .elem = SCHEMA_ADDR, .offset = AT(scenario, addresses),
		.min = 1, .max = 2, .fallback = "[198.51.100.53, \"2001:db8:53::53\"]",
		.help = "The addresses that clients ask, each inside one of the prefixes." },
	{ "settle", SCHEMA_SPAN, .offset = AT(scenario, settle), .min = 100, .max = 600000,
		.fallback = "1s",
		.help = "A step ends when every client was answered by the "
			"expected site, and lost nothing, for that long." },
	{ "within", SCHEMA_SPAN, .offset = AT(scenario, within), .min = 100, .max = 3600000,
		.fallback = "20s",
		.help = "A step that has not settled by then is judged as it "
			"stands." },
	{ "networks", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scenario, networks),
		.sub = &network_schema, .required = true, .max = 500 },
	{ "links", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scenario, links),
		.sub = &link_schema, .max = 2000 },
	{ "sites", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scenario, sites),
		.sub = &site_schema, .required = true, .max = 200 },
	{ "reflectors", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scenario, reflectors),
		.sub = &reflector_schema, .max = 16 },
	{ "fleet", SCHEMA_WORD, .offset = AT(scenario, fleet), .words = fleet_words,
		.fallback = "none", .help = "Who has fleet sessions with whom." },
	{ "fleet-hold-time", SCHEMA_SPAN, .offset = AT(scenario, fleet_hold_time), .min = 3000,
		.max = 65535000, .fallback = "9s",
		.help = "A fleet session over which nothing was heard for so long is down." },
	{ "fleet-bfd", SCHEMA_SPAN, .offset = AT(scenario, fleet_bfd),
		.has_offset = AT(scenario, has_fleet_bfd), .min = 10, .max = 10000,
		.help = "Nodes that have fleet sessions with each other run BFD beside them, with "
			"a "
			"packet that often; three in a row lost end the session." },
	{ "keeper", SCHEMA_BOOL, .offset = AT(scenario, keeper), .fallback = "no",
		.help = "Every nearcastd has a keeper. `--no-keeper` of `run` turns it off." },
	{ "min-announced", SCHEMA_UINT, .offset = AT(scenario, min_announced),
		.has_offset = AT(scenario, has_min_announced), .max = 200,
		.help = "From the first event on at least so many sites announce at every instant, "
			"each of the prefixes." },
	{ "clients", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scenario, clients),
		.sub = &client_schema, .required = true, .max = 200 },
	{ "sessions", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scenario, sessions),
		.sub = &session_schema, .max = 100,
		.help = "Sessions that are opened before the first event, and live to the end." },
	{ "nearcast", SCHEMA_STRING, .offset = AT(scenario, nearcast),
		.help = "nearcast.yaml of the sites, or the part of it that the lab does not "
			"write." },
	{ "start", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scenario, start),
		.sub = &expect_schema, .required = true, .max = 1000,
		.help = "Who answers whom before the first event; names every client." },
	{ "timeline", SCHEMA_LIST, .elem = SCHEMA_MAP, .offset = AT(scenario, timeline),
		.sub = &step_schema, .max = 1000 },
	END,
};

const struct schema scenario_schema = {
	"scenario",
	sizeof(struct scenario),
	.keys = scenario_keys,
	.help = "A small Internet, the sites in it, and what happens to them.",
};

static const struct {
	const char *name;
	enum target_kind target;
} events[STEP_MAX] = {
	[STEP_KILL] = { "kill", TARGET_SERVICE },
	[STEP_TERM] = { "term", TARGET_SERVICE },
	[STEP_STOP] = { "stop", TARGET_SERVICE },
	[STEP_CONT] = { "cont", TARGET_SERVICE },
	[STEP_START] = { "start", TARGET_SERVICE },
	[STEP_LINK_DOWN] = { "link-down", TARGET_LINK },
	[STEP_LINK_UP] = { "link-up", TARGET_LINK },
	[STEP_BLOCK] = { "block", TARGET_PAIR },
	[STEP_UNBLOCK] = { "unblock", TARGET_PAIR },
	[STEP_RECONFIGURE] = { "reconfigure", TARGET_DAEMON },
	[STEP_RUN] = { "run", TARGET_NODE },
	[STEP_POWER_OFF] = { "power-off", TARGET_NODE },
	[STEP_POWER_ON] = { "power-on", TARGET_NODE },
};

const char *step_event_name(enum step_event e)
{
	return events[e].name;
}

enum target_kind step_event_target(enum step_event e)
{
	return events[e].target;
}

static const char *const relation_names[RELATION_MAX] = {
	[RELATION_CUSTOMER] = "customer",
	[RELATION_PEER] = "peer",
	[RELATION_PROVIDER] = "provider",
};

const char *relation_name(enum relation r)
{
	return relation_names[r];
}

enum relation relation_reverse(enum relation r)
{
	return (enum relation)(RELATION_PROVIDER - r);
}
