// Every key of nearcast.yaml, one row each: the manual's key list, the errors and
// the canonical print come from here too.
#include <stddef.h>

#include "conf/conf_int.h"

// ---- site and node ----

#define AT(field)  .offset = offsetof(struct conf_site, field)
#define HAS(field) .has_offset = offsetof(struct conf_site, field)

static const struct schema site_schema = {
	.name = "the site",
	.size = sizeof(struct conf_site),
	.place_offset = offsetof(struct conf_site, place),
	.help = "The place this node stands in.",
	.keys =
		(const struct schema_key[]){
			{ "name", SCHEMA_STRING, AT(name), .required = true,
				.place_offset = offsetof(struct conf_site, name_place),
				.help = "Name of the site, as it stands in events and status: "
					"letters, "
					"digits, '-', '_' and '.', up to 63." },
			{ "city", SCHEMA_STRING, AT(city), .min = 1, .max = 100,
				.help = "City, for people." },
			{ "lat", SCHEMA_DOUBLE, AT(lat), HAS(has_lat), .min = -90, .max = 90,
				.unit = "degrees north",
				.help = "Latitude. Given together with lon." },
			{ "lon", SCHEMA_DOUBLE, AT(lon), HAS(has_lon), .min = -180, .max = 180,
				.unit = "degrees east",
				.help = "Longitude. Given together with lat." },
			{},
		},
};

#undef AT
#undef HAS
#define AT(field) .offset = offsetof(struct conf_node, field)

static const struct schema node_schema = {
	.name = "the node",
	.size = sizeof(struct conf_node),
	.place_offset = offsetof(struct conf_node, place),
	.help = "The machine that this nearcastd runs on.",
	.keys =
		(const struct schema_key[]){
			{ "name", SCHEMA_STRING, AT(name),
				.place_offset = offsetof(struct conf_node, name_place),
				.help = "Name of the node, formed like a site's. The site's name "
					"unless "
					"given." },
			{ "id", SCHEMA_UINT, AT(id), .min = 1, .max = 4095,
				.help = "Number of the node, unique in the fleet." },
			{ "address", SCHEMA_LIST, SCHEMA_ADDR, AT(addresses), .one_or_list = true,
				.places_offset = offsetof(struct conf_node, address_places),
				.help = "Unicast addresses of this node, never inside a service's "
					"prefix. "
					"The first of each family is the next hop of what is "
					"announced; "
					"where none is given, the local address of the session "
					"is." },
			{},
		},
};

#undef AT

// ---- checks ----

static const struct schema_word check_kinds[] = {
	{ "dns", HEALTH_KIND_DNS, "Asks a DNS server." },
	{ "tcp", HEALTH_KIND_TCP, "Opens a TCP connection." },
	{ "http", HEALTH_KIND_HTTP, "Fetches a URL." },
	{ "exec", HEALTH_KIND_EXEC,
		"Runs a program as an unprivileged user; exit status 0 is healthy." },
	{ "address", HEALTH_KIND_ADDRESS, "Looks whether addresses are configured on this host." },
	{ "file", HEALTH_KIND_FILE, "Looks whether a file is there." },
	{ "tls", HEALTH_KIND_TLS, "Looks at the certificate of a TLS server." },
	{ "icmp", HEALTH_KIND_ICMP, "Sends an ICMP echo request." },
	{},
};

static const struct schema_word serial_formats[] = {
	{ "unixtime", CONF_SERIAL_UNIXTIME, "Seconds since 1970." },
	{ "date", CONF_SERIAL_DATE, "YYYYMMDDnn, the date in UTC." },
	{},
};

static const struct schema_word check_scopes[] = {
	{ "service", HEALTH_SCOPE_SERVICE, "A failure takes the service down." },
	{ "dependency", HEALTH_SCOPE_DEPENDENCY, "A failure can only degrade the service." },
	{},
};

enum {
	DNS = 1 << HEALTH_KIND_DNS,
	TCP = 1 << HEALTH_KIND_TCP,
	HTTP = 1 << HEALTH_KIND_HTTP,
	EXEC = 1 << HEALTH_KIND_EXEC,
	ADDRESS = 1 << HEALTH_KIND_ADDRESS,
	FILE_ = 1 << HEALTH_KIND_FILE,
	TLS = 1 << HEALTH_KIND_TLS,
	ICMP = 1 << HEALTH_KIND_ICMP,
};

#define AT(field) .offset = offsetof(struct conf_check, field)

static const struct schema check_schema = {
	.name = "a check",
	.size = sizeof(struct conf_check),
	.place_offset = offsetof(struct conf_check, place),
	.given_offset = offsetof(struct conf_check, keys),
	.kind = "kind",
	.help = "A check says whether this place can serve. One that hangs has failed.",
	.keys =
		(const struct schema_key[]){
			{ "kind", SCHEMA_WORD, AT(kind), .required = true, .words = check_kinds,
				.help = "What is done." },
			{ "name", SCHEMA_STRING, AT(name),
				.help = "Name of the check, unique in its service. The kind unless "
					"given, "
					"with a number where a service has several." },
			{ "scope", SCHEMA_WORD, AT(timing.scope), .words = check_scopes,
				.fallback = "service", .help = "What a failure means." },
			{ "interval", SCHEMA_SPAN, AT(timing.interval), .min = 10, .max = 86400000,
				.fallback = "1s",
				.help = "From the start of one run to the next." },
			{ "fast-interval", SCHEMA_SPAN, AT(timing.fast_interval), .min = 10,
				.max = 86400000,
				.help = "The same while a result differs from the verdict and rise "
					"or "
					"fall is not yet reached. The interval unless given." },
			{ "timeout", SCHEMA_SPAN, AT(timing.timeout), .min = 1, .max = 3600000,
				.fallback = "500ms",
				.help = "A run that takes longer has failed. At most the "
					"interval." },
			{ "fall", SCHEMA_UINT, AT(timing.fall), .min = 1, .max = 100,
				.fallback = "2",
				.help = "Failures in a row that turn the verdict to down. Hard "
					"evidence "
					"(connection refused, no socket, no address) needs one." },
			{ "rise", SCHEMA_UINT, AT(timing.rise), .min = 1, .max = 100,
				.fallback = "3",
				.help = "Successes in a row that turn the verdict to up." },
			{ "server", SCHEMA_ADDR, AT(server), .kinds = DNS | TCP | TLS,
				.help = "Whom to ask. Unless given, each address of the service "
					"gets a "
					"check of its own." },
			{ "server", SCHEMA_ADDR, AT(server), .kinds = ICMP, .required = true,
				.help = "Whom to ask: a gateway or another host." },
			{ "server", SCHEMA_ADDR, AT(server), .kinds = HTTP,
				.help = "Connect to this address whatever the name in the URL "
					"resolves to; the name is still the one asked for and the "
					"one that the certificate is checked against." },
			{ "port", SCHEMA_UINT, AT(port), .kinds = TLS, .min = 1, .max = 65535,
				.fallback = "443", .help = "Port of the server." },
			{ "port", SCHEMA_UINT, AT(port), .kinds = DNS, .min = 1, .max = 65535,
				.fallback = "53", .help = "Port of the server." },
			{ "port", SCHEMA_UINT, AT(port), .kinds = TCP, .min = 1, .max = 65535,
				.required = true, .help = "Port of the server." },
			{ "query", SCHEMA_STRING, AT(query), .kinds = DNS, .max = 255,
				.fallback = ".", .help = "The domain name asked for." },
			{ "type", SCHEMA_STRING, AT(type), .kinds = DNS, .fallback = "SOA",
				.help = "The record type asked for." },
			{ "expect-rcode", SCHEMA_STRING, AT(rcode), .kinds = DNS,
				.fallback = "NOERROR",
				.help = "The response code of a healthy answer.",
				.rfc = "RFC 1035" },
			{ "expect-answer", SCHEMA_STRING, AT(expect), .kinds = DNS, .min = 1,
				.max = 255,
				.help = "Text that the data of one answer record must hold. Unless "
					"given, "
					"any answer will do." },
			{ "tcp", SCHEMA_BOOL, AT(tcp), .kinds = DNS, .fallback = "no",
				.help = "Ask over TCP.", .rfc = "RFC 7766" },
			{ "expect-ad", SCHEMA_BOOL, AT(expect_ad), .kinds = DNS, .fallback = "no",
				.help = "The answer must be marked as validated (AD bit).",
				.rfc = "RFC 6840 section 5.7" },
			{ "expect-nsid", SCHEMA_STRING, AT(nsid), .kinds = DNS, .min = 1,
				.max = 100,
				.help = "The name server identifier that the reply must carry: "
					"proves that this node answered.",
				.rfc = "RFC 5001" },
			{ "expect-id", SCHEMA_STRING, AT(server_id), .kinds = DNS, .min = 1,
				.max = 100,
				.help = "Ask for the TXT record of id.server in class CH, and "
					"this must be the answer: proves that this node answered. "
					"Stands in place of query, type and expect-answer.",
				.rfc = "RFC 4892" },
			{ "max-serial-age", SCHEMA_SPAN, AT(max_serial_age), .kinds = DNS,
				.max = 31536000000.0,
				.help = "The SOA record's serial, taken as a time, must not be "
					"older. Any serial will do unless given." },
			{ "serial-format", SCHEMA_WORD, AT(serial_format), .kinds = DNS,
				.words = serial_formats, .fallback = "unixtime",
				.help = "How a serial tells the time." },
			{ "host", SCHEMA_STRING, AT(host), .kinds = TLS, .required = true, .min = 1,
				.max = 253,
				.help = "The name that is asked for and that the certificate must "
					"be for.",
				.rfc = "RFC 6066 section 3" },
			{ "min-days", SCHEMA_UINT, AT(min_days), .kinds = TLS, .max = 3650,
				.fallback = "14",
				.help = "For so many days the certificate, and those that vouch "
					"for it, must still be valid." },
			{ "ca-file", SCHEMA_STRING, AT(ca_file), .kinds = HTTP | TLS,
				.help = "Absolute path of the certificates to trust, in PEM form. "
					"Those of the system unless given." },
			{ "url", SCHEMA_STRING, AT(url), .kinds = HTTP, .required = true, .min = 1,
				.max = 2000,
				.help = "What to fetch, http or https, without user and "
					"password." },
			{ "expect-status", SCHEMA_UINT, AT(status), .kinds = HTTP, .min = 100,
				.max = 599,
				.help = "The status of a healthy answer. Any from 200 to 299 "
					"unless "
					"given." },
			{ "expect-body", SCHEMA_STRING, AT(body), .kinds = HTTP, .min = 1,
				.max = 1000, .help = "Text that the body must hold." },
			{ "command", SCHEMA_LIST, SCHEMA_STRING, AT(command), .kinds = EXEC,
				.required = true, .max = 64, .one_or_list = true,
				.help = "Absolute path of the program, and its arguments. No shell "
					"is "
					"involved." },
			{ "user", SCHEMA_STRING, AT(user), .kinds = EXEC, .fallback = "nobody",
				.help = "The user it runs as; not root." },
			{ "address", SCHEMA_ADDR, AT(server), .kinds = ADDRESS,
				.help = "The address. All addresses of the service unless given." },
			{ "path", SCHEMA_STRING, AT(path), .kinds = FILE_, .required = true,
				.help = "Absolute path of the file." },
			{ "expect-absent", SCHEMA_BOOL, AT(expect_absent), .kinds = FILE_,
				.fallback = "no",
				.help = "Healthy while the file is not there: a maintenance "
					"switch." },
			{},
		},
};

#undef AT

// ---- services ----

#define AT(field)  .offset = offsetof(struct conf_announce, field)
#define HAS(field) .has_offset = offsetof(struct conf_announce, field)

static const struct schema attributes_schema = {
	.name = "an announcement",
	.size = sizeof(struct conf_announce),
	.place_offset = offsetof(struct conf_announce, place),
	.given_offset = offsetof(struct conf_announce, keys),
	.help = "What a route carries beside its prefix and next hop.",
	.keys =
		(const struct schema_key[]){
			{ "prepend", SCHEMA_UINT, AT(prepend), .max = CONF_PREPEND_MAX,
				.fallback = "0",
				.help = "How often the own AS number stands in the path beyond "
					"once.",
				.rfc = "RFC 4271 section 5.1.2" },
			{ "med", SCHEMA_UINT, AT(med), HAS(has_med), .max = 4294967295,
				.help = "MULTI_EXIT_DISC. None is sent unless given.",
				.rfc = "RFC 4271 section 5.1.4" },
			{ "communities", SCHEMA_LIST, SCHEMA_CUSTOM, AT(communities),
				.scalar = &conf_community_scalar, .max = 100, .one_or_list = true,
				.help = "Communities: plain, large, or by their well-known names.",
				.rfc = "RFC 1997 and RFC 8092" },
			{},
		},
};

#undef AT
#undef HAS
#define AT(field)  .offset = offsetof(struct conf_service, field)
#define HAS(field) .has_offset = offsetof(struct conf_service, field)

// The two schemas below describe parts of struct conf_service itself, so the
// keys that have them stand at offset 0.
static const struct schema announce_schema = {
	.name = "announce",
	.size = sizeof(struct conf_service),
	.help = "How the prefixes of a service are announced in each state. degraded and draining "
		"inherit what they do not give from up, and add their communities to those of "
		"up.",
	.keys =
		(const struct schema_key[]){
			{ "up", SCHEMA_MAP, AT(up), HAS(up.given), .sub = &attributes_schema,
				.help = "While the service is healthy. Nothing is added unless "
					"given." },
			{ "degraded", SCHEMA_MAP, AT(degraded), HAS(degraded.given),
				.sub = &attributes_schema,
				.help = "While a dependency fails. Unless given, like up with 3 "
					"more prepends." },
			{ "draining", SCHEMA_MAP, AT(draining), HAS(draining.given),
				.sub = &attributes_schema,
				.help = "While the site is emptied. Unless given, like up with 2 "
					"more prepends and "
					"the community graceful-shutdown.",
				.rfc = "RFC 8326" },
			{},
		},
};

static const struct schema hold_down_schema = {
	.name = "hold-down",
	.size = sizeof(struct conf_service),
	.help = "A service that failed twice is not announced again before a wait, which doubles "
		"with each further failure. Once the wait is over, it halves whenever as long "
		"again passes without a failure. A reload with shorter times shortens a wait that "
		"runs.",
	.keys =
		(const struct schema_key[]){
			{ "first", SCHEMA_SPAN, AT(hold_down_first), .max = 86400000,
				.fallback = "20s",
				.help = "The wait after the second failure; with 0 there is never "
					"one." },
			{ "max", SCHEMA_SPAN, AT(hold_down_max), .max = 86400000, .fallback = "10m",
				.help = "The longest wait. A failure after as long without one "
					"is a first one and costs no wait." },
			{},
		},
};

static const struct schema drain_schema = {
	.name = "drain",
	.size = sizeof(struct conf_service),
	.help = "How `nearcast drain` empties the service.",
	.keys =
		(const struct schema_key[]){
			{ "soft", SCHEMA_SPAN, AT(drain_soft), .max = 86400000, .fallback = "30s",
				.help = "How long it is announced as draining before it is "
					"withdrawn." },
			{ "hard", SCHEMA_SPAN, AT(drain_hard), .max = 86400000, .fallback = "10m",
				.help = "How long it then serves what still arrives before the "
					"addresses are released." },
			{},
		},
};

static const struct schema service_schema = {
	.name = "a service",
	.size = sizeof(struct conf_service),
	.place_offset = offsetof(struct conf_service, place),
	.given_offset = offsetof(struct conf_service, keys),
	.help = "What clients come for.",
	.keys =
		(const struct schema_key[]){
			{ "name", SCHEMA_STRING, AT(name), .required = true,
				.help = "Name of the service, formed like a site's." },
			{ "prefixes", SCHEMA_LIST, SCHEMA_PREFIX, AT(prefixes), .required = true,
				.max = 20000, .one_or_list = true,
				.places_offset = offsetof(struct conf_service, prefix_places),
				.help = "The anycast prefixes announced for it." },
			{ "addresses", SCHEMA_LIST, SCHEMA_ADDR, AT(addresses), .required = true,
				.max = 64, .one_or_list = true,
				.places_offset = offsetof(struct conf_service, address_places),
				.help = "The addresses that clients use, each inside one of the "
					"prefixes." },
			{ "interface", SCHEMA_STRING, AT(interface), .fallback = "nearcast0",
				.help = "The interface that holds the addresses. It is made where "
					"it does "
					"not exist." },
			{ "manage-addresses", SCHEMA_BOOL, AT(manage_addresses), .fallback = "yes",
				.help = "Put the addresses on the interface, deprecated so that "
					"they never "
					"become a source, put them back when somebody removes "
					"them, and remove them at the end. With no, they are "
					"left alone." },
			{ "checks", SCHEMA_LIST, SCHEMA_MAP, AT(checks), .sub = &check_schema,
				.max = 64,
				.help = "What must hold for the service to be announced. Without "
					"checks it "
					"is always up." },
			{ "hold-down", SCHEMA_MAP, HAS(has_hold_down), .sub = &hold_down_schema,
				.help = "How flapping is met." },
			{ "announce-after", SCHEMA_SPAN, AT(announce_after), .max = 86400000,
				.fallback = "0",
				.help = "How long a service that was down has to be healthy, "
					"without a break, before it is announced again." },
			{ "announce", SCHEMA_MAP, .sub = &announce_schema,
				.help = "How the prefixes are announced." },
			{ "min-sites", SCHEMA_CUSTOM, AT(guard.min_sites), HAS(guard.has_min_sites),
				.scalar = &conf_min_sites_scalar, .fallback = "50%",
				.help = "How many sites of the fleet have to announce: while fewer "
					"are able, one that is not able may be held, and then "
					"announces as when draining. A number, or a share of the "
					"sites seen within the last hour, rounded up; 0 for no "
					"guard. The same on all nodes. Needs a fleet." },
			{ "isolated", SCHEMA_WORD, AT(guard.isolated), HAS(guard.has_isolated),
				.words = conf_isolated_words, .fallback = "hold",
				.help = "What to do on timeouts and wrong answers while no other "
					"node of the fleet is heard." },
			{ "guard-wait", SCHEMA_SPAN, AT(guard.wait), HAS(guard.has_wait),
				.max = 60000, .fallback = "1s",
				.help = "Between telling the fleet that the service is not able "
					"and withdrawing it: at least twice as long as news travel "
					"from node to node. With 0 there is no wait, and nodes "
					"that fail in one moment may all withdraw." },
			{ "priority", SCHEMA_UINT, AT(guard.priority), HAS(guard.has_priority),
				.max = 65535, .fallback = "100",
				.help = "Among sites that are equally able the one with the "
					"highest is held first." },
			{ "capacity", SCHEMA_UINT, AT(guard.capacity), HAS(guard.has_capacity),
				.min = 1, .max = 4294967295,
				.help = "The greatest load that this node carries, in the unit of "
					"load-file. A drain that the others have no room for is "
					"refused. Not told unless given." },
			{ "load-file", SCHEMA_STRING, AT(guard.load_file),
				.help = "Absolute path of a file whose first line is the load of "
					"this node as a decimal number: queries a second, or "
					"whatever is counted in the whole fleet. It is read every "
					"few seconds." },
			{ "drain", SCHEMA_MAP, .sub = &drain_schema,
				.help = "How the service is emptied." },
			{},
		},
};

#undef AT
#undef HAS

// ---- upstreams ----

static const struct schema_word families[] = {
	{ "ipv4", BGP_FAMILY_IP4, "IPv4 unicast." },
	{ "ipv6", BGP_FAMILY_IP6, "IPv6 unicast." },
	{},
};

static const struct schema_word roles[] = {
	{ "customer", BGP_ROLE_CUSTOMER, "The neighbour is a transit provider." },
	{ "provider", BGP_ROLE_PROVIDER, "The neighbour is a customer." },
	{ "peer", BGP_ROLE_PEER, "The neighbour is a peer." },
	{ "rs-client", BGP_ROLE_RS_CLIENT, "The neighbour is a route server." },
	{ "rs", BGP_ROLE_RS, "The neighbour is the client of this route server." },
	{},
};

static const struct schema_word add_path[] = {
	{ "no", 0, "In neither direction." },
	{ "receive", CONF_ADD_PATH_RECEIVE, "On routes that come." },
	{ "send", CONF_ADD_PATH_SEND, "On routes that go." },
	{ "both", CONF_ADD_PATH_RECEIVE | CONF_ADD_PATH_SEND, "In both directions." },
	{},
};

#define AT(field)  .offset = offsetof(struct conf_bfd, field)
#define HAS(field) .has_offset = offsetof(struct conf_bfd, field)

const struct schema conf_bfd_schema = {
	.name = "bfd",
	.size = sizeof(struct conf_bfd),
	.help = "The path to a neighbour is watched by Bidirectional Forwarding Detection. When it "
		"fails, the BGP session is taken down at once, and opened again as usual.",
	.keys =
		(const struct schema_key[]){
			{ "interval", SCHEMA_SPAN, AT(interval), .min = 10, .max = 60000,
				.fallback = "300ms",
				.help = "Wished time between packets, in both directions. Each "
					"direction uses the slower of what both sides wish.",
				.rfc = "RFC 5880 section 6.8.2" },
			{ "multiplier", SCHEMA_UINT, AT(multiplier), .min = 2, .max = 255,
				.fallback = "3",
				.help = "The neighbour takes the path as broken after so many "
					"intervals without a packet. The time after which this "
					"side does is the neighbour's to choose.",
				.rfc = "RFC 5880 section 6.8.4" },
			{ "multihop", SCHEMA_BOOL, AT(multihop), HAS(has_multihop),
				.help = "Routers stand between: UDP port 4784, and any TTL that "
					"ttl-security allows. Otherwise port 3784 and a TTL of "
					"255. Unless given, yes when the upstream has multihop or "
					"a ttl-security over 1, and for a peer of the fleet unless "
					"its ttl-security is 1.",
				.rfc = "RFC 5881, RFC 5883" },
			{},
		},
};

#undef AT
#undef HAS

static const struct schema_word ao_algorithms[] = {
	{ "hmac-sha-1-96", CONF_AO_HMAC_SHA_1_96, "HMAC-SHA-1, 96 bits of it." },
	{ "aes-128-cmac-96", CONF_AO_AES_128_CMAC_96, "AES-128-CMAC, 96 bits of it." },
	{},
};

#define AT(field)  .offset = offsetof(struct conf_ao_key, field)
#define HAS(field) .has_offset = offsetof(struct conf_ao_key, field)

const struct schema conf_ao_key_schema = {
	.name = "a TCP-AO key",
	.size = sizeof(struct conf_ao_key),
	.place_offset = offsetof(struct conf_ao_key, place),
	.given_offset = offsetof(struct conf_ao_key, keys),
	.help = "A key that segments are signed with.",
	.keys =
		(const struct schema_key[]){
			{ "id", SCHEMA_UINT, AT(id), .max = 255, .required = true,
				.help = "Number of the key in the segments that are sent, and in "
					"those that come unless receive-id is given. The "
					"neighbour has the same.",
				.rfc = "RFC 5925 section 3.1" },
			{ "receive-id", SCHEMA_UINT, AT(receive_id), HAS(has_receive_id),
				.max = 255,
				.help = "Number of the key in the segments that come, where the "
					"neighbour gives it another one." },
			{ "algorithm", SCHEMA_WORD, AT(algorithm), .words = ao_algorithms,
				.fallback = "hmac-sha-1-96", .help = "How segments are signed.",
				.rfc = "RFC 5926" },
			{ "key-file", SCHEMA_STRING, AT(key_file), .required = true,
				.help = "Absolute path of a file with the key, up to 80 bytes of "
					"text; a newline at its end is ignored. It must not be "
					"readable by others." },
			{},
		},
};

#undef AT
#undef HAS
#define AT(field)  .offset = offsetof(struct conf_upstream, field)
#define HAS(field) .has_offset = offsetof(struct conf_upstream, field)

static const struct schema upstream_announce_schema = {
	.name = "announce",
	.size = sizeof(struct conf_upstream),
	.help = "What this upstream hears beside the service's own attributes: prepends and "
		"communities are added, a MED takes the place of the service's.",
	.keys =
		(const struct schema_key[]){
			{ "up", SCHEMA_MAP, AT(up), HAS(up.given), .sub = &attributes_schema,
				.help = "While the service is healthy." },
			{ "degraded", SCHEMA_MAP, AT(degraded), HAS(degraded.given),
				.sub = &attributes_schema,
				.help = "While a dependency fails. What is not given is as in "
					"up." },
			{ "draining", SCHEMA_MAP, AT(draining), HAS(draining.given),
				.sub = &attributes_schema,
				.help = "While the site is emptied. What is not given is as in "
					"up." },
			{},
		},
};

static const struct schema upstream_schema = {
	.name = "an upstream",
	.size = sizeof(struct conf_upstream),
	.place_offset = offsetof(struct conf_upstream, place),
	.given_offset = offsetof(struct conf_upstream, keys),
	.help = "A BGP neighbour that receives the prefixes of all services, and from which "
		"nothing is accepted.",
	.keys =
		(const struct schema_key[]){
			{ "name", SCHEMA_STRING, AT(name), .required = true,
				.help = "Name of the neighbour, formed like a site's." },
			{ "address", SCHEMA_ADDR, AT(address),
				.help = "Its address. Either this or range is required." },
			{ "range", SCHEMA_PREFIX, AT(range),
				.help = "In place of an address: every address in this prefix may "
					"open a session, and is then an upstream of its own, named "
					"NAME-ADDRESS. Nothing is opened from here. An upstream "
					"with that very address, or else the longest range, "
					"is the one that counts." },
			{ "max-neighbours", SCHEMA_UINT, AT(max_neighbours), .min = 1, .max = 1024,
				.fallback = "64",
				.help = "Of a range: so many neighbours at a time; others are "
					"refused, unless one that left can be forgotten for it." },
			{ "forget-after", SCHEMA_SPAN, AT(forget_after), .min = 1000,
				.max = 86400000, .fallback = "5m",
				.help = "Of a range: a neighbour that has had no session for so "
					"long is no longer shown." },
			{ "interface", SCHEMA_STRING, AT(interface),
				.help = "The interface of a neighbour with a link-local address, "
					"as eth0. Only such a neighbour has one.",
				.rfc = "RFC 4007" },
			{ "as", SCHEMA_CUSTOM, AT(as), .required = true, .scalar = &conf_as_scalar,
				.help = "Its AS number. The own one makes the session internal.",
				.rfc = "RFC 6793" },
			{ "port", SCHEMA_UINT, AT(port), .min = 1, .max = 65535, .fallback = "179",
				.help = "The port to connect to." },
			{ "source", SCHEMA_ADDR, AT(source),
				.help = "Local address of the session. The kernel chooses unless "
					"given." },
			{ "password-file", SCHEMA_STRING, AT(password_file),
				.help = "Absolute path of a file with the TCP-MD5 password, up to "
					"80 "
					"bytes; a newline at its end is ignored. It must not be "
					"readable "
					"by others.",
				.rfc = "RFC 2385" },
			{ "tcp-ao", SCHEMA_LIST, SCHEMA_MAP, AT(ao_keys),
				.sub = &conf_ao_key_schema, .min = 1, .max = 16,
				.help = "Keys of the TCP Authentication Option, in place of a "
					"password. With the first one this side signs when it "
					"opens the session, and asks the neighbour to; all of "
					"them are accepted. A kernel without the option (before "
					"Linux 6.7, or built without CONFIG_TCP_AO) makes "
					"nearcastd refuse to start: the session never runs "
					"unprotected.",
				.rfc = "RFC 5925" },
			{ "hold-time", SCHEMA_SPAN, AT(hold_time), .max = 65535000,
				.fallback = "90s",
				.help = "Offered hold time, in whole seconds: 0 for none, or at "
					"least 3s.",
				.rfc = "RFC 4271 section 4.2" },
			{ "connect-retry", SCHEMA_SPAN, AT(connect_retry), .min = 100,
				.max = 120000, .fallback = "1s",
				.help = "Wait after a failed attempt. It doubles up to 2m, with "
					"jitter.",
				.rfc = "RFC 4271 section 10" },
			{ "passive", SCHEMA_BOOL, AT(passive), .fallback = "no",
				.help = "Never open the session, wait for the neighbour. With a "
					"range it is always so." },
			{ "multihop", SCHEMA_BOOL, AT(multihop), .fallback = "no",
				.help = "An external neighbour is not on the link: do not send "
					"with a TTL "
					"of 1." },
			{ "ttl-security", SCHEMA_UINT, AT(ttl_security), .min = 1, .max = 254,
				.unit = "hops",
				.help = "Send with a TTL of 255 and drop packets that crossed more "
					"hops "
					"than this; 1 for a neighbour on the link. Off unless "
					"given.",
				.rfc = "RFC 5082" },
			{ "families", SCHEMA_LIST, SCHEMA_WORD, AT(family_words), .words = families,
				.min = 1, .one_or_list = true, .fallback = "[ipv4, ipv6]",
				.help = "Address families offered.", .rfc = "RFC 4760" },
			{ "role", SCHEMA_WORD, AT(role), HAS(has_role), .words = roles,
				.help = "What this side is to an external neighbour: to a transit "
					"provider it is a customer. A neighbour that says it is "
					"anything but the counterpart is refused. A provider, a "
					"peer and a route server announce with Only to Customer "
					"(OTC), so that a leak is noticed.",
				.rfc = "RFC 9234" },
			{ "strict-role", SCHEMA_BOOL, AT(strict_role), .fallback = "no",
				.help = "Refuse a neighbour that does not say its role.",
				.rfc = "RFC 9234 section 4.2" },
			{ "extended-messages", SCHEMA_BOOL, AT(extended_messages),
				.fallback = "yes",
				.help = "Take messages of up to 65535 octets, and send them to a "
					"neighbour that takes them.",
				.rfc = "RFC 8654" },
			{ "extended-next-hop", SCHEMA_BOOL, AT(extended_next_hop), .fallback = "no",
				.help = "Announce IPv4 prefixes with an IPv6 next hop, where the "
					"neighbour takes that, on a session over IPv6.",
				.rfc = "RFC 8950" },
			{ "add-path", SCHEMA_WORD, AT(add_path), .words = add_path,
				.fallback = "no",
				.help = "Path identifiers on routes. What is announced has one "
					"path a prefix.",
				.rfc = "RFC 7911" },
			{ "graceful-restart", SCHEMA_SPAN, AT(graceful_restart), .min = 1000,
				.max = 4095000,
				.help = "Ask the neighbour to keep the routes for so long, in "
					"whole seconds, when the session breaks without a word, "
					"as after a crash of nearcastd. Then routes outlive the "
					"daemon that answers for them. Off unless given. As a "
					"helper of neighbours that restart it is always on.",
				.rfc = "RFC 4724" },
			{ "no-llgr", SCHEMA_BOOL, AT(no_llgr), .fallback = "no",
				.help = "Add the community no-llgr to all announcements: no router "
					"keeps them as stale when a session on the way breaks.",
				.rfc = "RFC 9494 section 4.3" },
			{ "enforce-first-as", SCHEMA_BOOL, AT(first_as), HAS(has_first_as),
				.help = "Routes of an external neighbour must begin with its AS. "
					"Unless given, yes, except for a client of a route server.",
				.rfc = "RFC 4271 section 6.3" },
			{ "max-prefixes", SCHEMA_UINT, AT(max_prefixes), .min = 1, .max = 10000000,
				.help = "End the session when the neighbour announces more. Any "
					"number unless given.",
				.rfc = "RFC 4486 section 4" },
			{ "max-prefixes-restart", SCHEMA_SPAN, AT(max_prefixes_restart),
				.min = 1000, .max = 86400000, .fallback = "10m",
				.help = "The wait before a session that ended by max-prefixes is "
					"opened or accepted again." },
			{ "announce", SCHEMA_MAP, .sub = &upstream_announce_schema,
				.help = "What it hears beside the service's own attributes." },
			{ "bfd", SCHEMA_MAP, AT(bfd), HAS(has_bfd), .sub = &conf_bfd_schema,
				.help = "Watch the path to the neighbour. BGP does not wait for "
					"it to come up.",
				.rfc = "RFC 5882" },
			{},
		},
};

#undef AT
#undef HAS

// ---- the whole file ----

#define AT(field) .offset = offsetof(struct conf, field)

const struct schema conf_schema = {
	.name = "the configuration",
	.size = sizeof(struct conf),
	.given_offset = offsetof(struct conf, keys),
	.help = "The keys of the file itself.",
	.keys =
		(const struct schema_key[]){
			{ "site", SCHEMA_MAP, AT(site), .required = true, .sub = &site_schema,
				.help = "The place." },
			{ "node", SCHEMA_MAP, AT(node), .sub = &node_schema,
				.help = "The machine." },
			{ "as", SCHEMA_CUSTOM, AT(as), .required = true, .scalar = &conf_as_scalar,
				.help = "The own AS number.", .rfc = "RFC 6793" },
			{ "router-id", SCHEMA_CUSTOM, AT(router_id),
				.has_offset = offsetof(struct conf, has_router_id),
				.scalar = &conf_router_id_scalar,
				.help = "The BGP identifier, unique in the AS. The node's first "
					"IPv4 "
					"address unless given.",
				.rfc = "RFC 6286" },
			{ "services", SCHEMA_LIST, SCHEMA_MAP, AT(services), .required = true,
				.sub = &service_schema, .max = 256, .help = "What is announced." },
			{ "upstreams", SCHEMA_LIST, SCHEMA_MAP, AT(upstreams),
				.sub = &upstream_schema, .max = 256,
				.help = "To whom it is announced." },
			{ "listen", SCHEMA_LIST, SCHEMA_ADDR, AT(listen), .one_or_list = true,
				.help = "Local addresses that take BGP sessions. All unless "
					"given." },
			{ "listen-port", SCHEMA_UINT, AT(listen_port), .max = 65535,
				.fallback = "179",
				.help = "The port that takes BGP sessions; with 0, none does." },
			{ "site-tag", SCHEMA_CUSTOM, AT(site_tag),
				.has_offset = offsetof(struct conf, has_site_tag),
				.scalar = &conf_community_scalar,
				.help = "A community that only this site puts on its routes. With "
					"it nearcastd sees when an upstream sends back a route "
					"that was withdrawn." },
			{ "visible-after", SCHEMA_SPAN, AT(visible_after), .min = 100,
				.max = 3600000, .fallback = "10s",
				.help = "How long after a withdrawal a route with the site-tag "
					"that still comes back is an event." },
			{ "stop-drain", SCHEMA_SPAN, AT(stop_drain), .max = 60000, .fallback = "2s",
				.help = "How long a daemon that was told to stop announces its "
					"services as draining before it withdraws them." },
			{ "stop-grace", SCHEMA_SPAN, AT(stop_grace), .max = 60000, .fallback = "1s",
				.help = "How long a daemon that was told to stop still serves "
					"between its "
					"withdrawals and the end of its sessions." },
			{ "control", SCHEMA_STRING, AT(control),
				.fallback = "/run/nearcast/control",
				.help = "Absolute path of the control socket, mode 0660." },
			{ "readonly", SCHEMA_STRING, AT(readonly),
				.fallback = "/run/nearcast/readonly",
				.help = "Absolute path of the socket that only answers "
					"questions." },
			{ "fleet", SCHEMA_LIST, SCHEMA_MAP, AT(fleet), .sub = &conf_fleet_schema,
				.max = 256,
				.help = "The sessions over which the nodes tell each other how "
					"they stand. Without it each node decides alone." },
			{ "keeper", SCHEMA_MAP, AT(keeper),
				.has_offset = offsetof(struct conf, has_keeper),
				.sub = &conf_keeper_schema,
				.help = "Keeps sessions alive when routes move: packets that reach "
					"the wrong node are carried to the one that has the "
					"session. Without it nothing is loaded into the kernel." },
			{},
		},
};
