// The `keeper:` section.
#include <string.h>

#include "conf/conf_int.h"
#include "lib/text.h"

#define AT(field) .offset = offsetof(struct conf_keeper_node, field)

static const struct schema node_schema = {
	.name = "a node of the keeper",
	.size = sizeof(struct conf_keeper_node),
	.place_offset = offsetof(struct conf_keeper_node, place),
	.help = "Another node that may have sessions.",
	.keys =
		(const struct schema_key[]){
			{ "id", SCHEMA_UINT, AT(id), .min = 1, .max = 4095, .required = true,
				.help = "Its number in the fleet." },
			{ "address", SCHEMA_LIST, SCHEMA_ADDR, AT(addresses), .required = true,
				.one_or_list = true, .min = 1, .max = 2,
				.help = "Its unicast address, or one of each family." },
			{},
		},
};

#undef AT
#define AT(field)  .offset = offsetof(struct conf_keeper, field)
#define HAS(field) .has_offset = offsetof(struct conf_keeper, field)

const struct schema conf_keeper_schema = {
	.name = "the keeper",
	.size = sizeof(struct conf_keeper),
	.place_offset = offsetof(struct conf_keeper, place),
	.given_offset = offsetof(struct conf_keeper, keys),
	.help = "Two programs in the kernel: one looks at what arrives (XDP), one at what leaves "
		"(clsact). They go on when nearcastd ends or restarts; `nearcastd --detach` takes "
		"them off.",
	.keys =
		(const struct schema_key[]){
			{ "interfaces", SCHEMA_LIST, SCHEMA_STRING, AT(interfaces),
				.one_or_list = true, .required = true, .max = 32,
				.help = "Where packets of clients and of other nodes arrive, as "
					"eth0." },
			{ "secret-file", SCHEMA_STRING, AT(secret_file), .required = true,
				.help = "Absolute path of a file with a line of 16 to 80 bytes "
					"that all nodes of the fleet have. It must not be "
					"readable by others. Keys of the tunnels come from it, "
					"new ones each day." },
			{ "port", SCHEMA_UINT, AT(port), .min = 1, .max = 65535, .fallback = "6083",
				.help = "UDP port of the tunnels." },
			{ "stamp", SCHEMA_BOOL, AT(stamp), .fallback = "yes",
				.help = "Write the node's id into the timestamps of its TCP "
					"sessions, and read it there; the same at all nodes. "
					"Without it only prefixes say whose a session is.",
				.rfc = "RFC 7323" },
			{ "mtu", SCHEMA_UINT, AT(mtu), .min = 1280, .max = 9000, .unit = "bytes",
				.fallback = "1500",
				.help = "The largest packet on the paths between nodes. From it "
					"comes the MSS that clients are told: what they send must "
					"fit the tunnel." },
			{ "budget-new", SCHEMA_UINT, AT(budget_new), .min = 15, .max = 100000000,
				.unit = "packets per second", .fallback = "50000",
				.help = "So many packets are sent to one other node of flows that "
					"it has not confirmed. A flood with forged ids can never "
					"be more." },
			{ "budget-known", SCHEMA_UINT, AT(budget_known), .min = 15,
				.max = 100000000, .unit = "packets per second",
				.fallback = "1000000",
				.help = "The same of flows that the other node has confirmed." },
			{ "moved-for", SCHEMA_SPAN, AT(moved_for), .min = 16000, .max = 3600000,
				.fallback = "10m",
				.help = "So long after clients of a prefix (/24, /48) came here "
					"from another node, packets that nothing else explains "
					"are sent there." },
			{ "udp-sessions", SCHEMA_LIST, SCHEMA_UINT, AT(udp_sessions),
				.one_or_list = true, .min = 0, .max = 256,
				.help = "UDP ports whose flows are sessions: one ends five minutes "
					"after its last packet of either side, and at another "
					"node a minute after nobody says that its server "
					"answered. UDP to other ports is answered where it "
					"arrives." },
			{ "quic-ports", SCHEMA_LIST, SCHEMA_UINT, AT(quic_ports),
				.one_or_list = true, .min = 0, .max = 256,
				.help = "UDP ports of QUIC.", .rfc = "RFC 9000" },
			{ "quic-lb-config", SCHEMA_UINT, AT(quic_config), HAS(has_quic_config),
				.max = 6,
				.help = "The server's connection ids are QUIC-LB's, plaintext, of "
					"this config rotation, with the node's id in two bytes as "
					"server id." },
			{ "nodes", SCHEMA_LIST, SCHEMA_MAP, AT(nodes), .sub = &node_schema,
				.max = 4094,
				.help = "Nodes beside those that the fleet tells of. They count "
					"as alive unless the fleet says otherwise." },
			{ "pin", SCHEMA_STRING, AT(pin), .fallback = "/sys/fs/bpf/nearcast",
				.help = "Folder below a BPF file system where tables are kept "
					"over a restart. Each nearcastd of a host has its own." },
			{},
		},
};

static struct place at_key(const struct checker *k, const char *key)
{
	return conf_place(&k->c->keeper.keys, key, k->c->keeper.place);
}

static void check_ports(struct checker *k, const struct items *ports, const char *key)
{
	items_for_each(const uint64_t, port, *ports)
	{
		if (*port < 1 || *port > 65535)
			REFUSE(k, at_key(k, key), "expected ports from 1 to 65535",
				"%lu is no port", *port);
		if (*port == k->c->keeper.port)
			REFUSE(k, at_key(k, key), NULL, "%lu is the port of the tunnels", *port);
	}
}

static void check_node(struct checker *k, const struct conf_keeper_node *n)
{
	char text[IP_TEXT];
	int families = 0;

	if (n->id == k->c->node.id)
		REFUSE(k, n->place, "expected the ids of other nodes", "%lu is this node's id",
			n->id);
	items_for_each(const struct conf_keeper_node, other, k->c->keeper.nodes)
	{
		if (other == n)
			break;
		if (other->id == n->id)
			REFUSE(k, n->place, NULL, "two nodes have the id %lu", n->id);
	}
	items_for_each(const struct ip_addr, a, n->addresses)
	{
		if (!conf_is_unicast(a) || conf_service_of(k->c, a))
			REFUSE(k, n->place, "expected a unicast address outside all services",
				"%s cannot be node %lu", ip_print(a, text), n->id);
		if (families & 1 << a->family)
			REFUSE(k, n->place, "expected at most one address of each family",
				"node %lu has two addresses of a family", n->id);
		families |= 1 << a->family;
	}
}

// Ids of nodes are what the whole thing goes by: none has a default.
static void check_self(struct checker *k)
{
	if (!k->c->node.id)
		REFUSE(k, k->c->keeper.place, "expected `node: {id: ...}`",
			"the keeper needs the id of this node");
	if (k->c->node.addresses.count == 0)
		REFUSE(k, k->c->keeper.place, "expected `node: {address: ...}`",
			"the keeper needs an address of this node, for the tunnels");
}

void conf_check_keeper(struct checker *k)
{
	struct conf_keeper *keeper = &k->c->keeper;
	enum { SECRET_MIN = 16 };

	if (!k->c->has_keeper)
		return;
	check_self(k);
	items_for_each(char *const, name, keeper->interfaces)
	{
		if (!conf_is_interface_name(*name))
			REFUSE(k, at_key(k, "interfaces"),
				"expected 1 to 15 printable characters without `/` and `:`",
				"`%.*s` is no name of an interface", text_clip(*name, 60), *name);
	}
	conf_check_path(k, "pin", keeper->pin, at_key(k, "pin"));
	check_ports(k, &keeper->udp_sessions, "udp-sessions");
	check_ports(k, &keeper->quic_ports, "quic-ports");
	items_for_each(const struct conf_keeper_node, n, keeper->nodes) check_node(k, n);
	const struct secret_file f = {
		.key = "secret-file",
		.what = "secret file",
		.kind = "the",
		.name = "keeper",
		.path = keeper->secret_file,
		.at = at_key(k, "secret-file"),
	};
	keeper->secret = conf_read_secret(k, &f);
	if (keeper->secret && strlen(keeper->secret) < SECRET_MIN)
		REFUSE(k, f.at, "expected at least 16 bytes, as from `openssl rand -hex 32`",
			"the secret is too short");
}
