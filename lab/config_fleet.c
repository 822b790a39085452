// Route reflectors of the fleet. Its sessions run between the hosts' own addresses over the
// routed network, so the next hops of its routes, which are those addresses, resolve through
// the host's default route.
#include <inttypes.h>

#include "lab/config.h"

static int hold_s(const struct scenario *s)
{
	return (int)(s->fleet_hold_time.us / 1000000);
}

static const char bird_head[] =
	"log stderr all;\n"
	"protocol device { }\n"
	"# The next hops of the fleet's routes resolve through the routes of the host.\n"
	"protocol kernel kernel4 { learn; ipv4 { import all; export none; }; }\n"
	"protocol kernel kernel6 { learn; ipv6 { import all; export none; }; }\n"
	"\n";

static bool is_client(const struct lab_node *n)
{
	return n->kind == NODE_KIND_SITE;
}

// What the fleet says (fleet/state.h), and nothing else.
static void bird_filter(const struct lab_node *node, struct strbuf *b)
{
	sb_printf(b,
		"filter fleet\n"
		"{\n"
		"\tif (%" PRIu64 ", 9000, 1) ~ bgp_large_community then accept;\n"
		"\treject;\n"
		"}\n\n",
		node->as);
}

static void bird_channel(enum ip_family family, struct strbuf *b)
{
	sb_printf(b,
		"\tipv%d {\n"
		"\t\tadd paths on;\n"
		"\t\timport filter fleet;\n"
		"\t\texport filter fleet;\n"
		"\t};\n",
		family == IP4 ? 4 : 6);
}

static void bird_template(
	const struct scenario *s, const struct lab_node *node, bool client, struct strbuf *b)
{
	char mine[IP_TEXT];

	sb_printf(b,
		"template bgp %s {\n"
		"\tlocal %s as %" PRIu64 ";\n"
		"\tmultihop;\n"
		"\thold time %d;\n"
		"\tconnect delay time 1;\n"
		"\tconnect retry time 1;\n"
		"\terror wait time 1, 2;\n"
		"%s",
		client ? "node" : "reflector", ip_print(&node->address4, mine), node->as, hold_s(s),
		client ? "\trr client;\n\tpassive yes;\n" : "");
	for (enum ip_family f = IP4; f <= IP6; f++)
		bird_channel(f, b);
	sb_str(b, "}\n\n");
}

void config_bird_reflector(const struct scenario *s, const struct topology *t,
	const struct lab_node *node, struct strbuf *b)
{
	char text[IP_TEXT];

	sb_printf(b, "# %s (%s): reflects the fleet's routes\nrouter id %s;\n", node->name,
		node->city, ip_print(&node->address4, text));
	sb_str(b, bird_head);
	bird_filter(node, b);
	bird_template(s, node, true, b);
	bird_template(s, node, false, b);
	for (size_t i = 0; i < t->fleet_count; i++) {
		const struct lab_node *peer = fleet_link_beyond(&t->fleet[i], node);
		if (peer)
			sb_printf(b, "protocol bgp '%s' from %s { neighbor %s as %" PRIu64 "; }\n",
				peer->name, is_client(peer) ? "node" : "reflector",
				ip_print(&peer->address4, text), peer->as);
	}
}

// FRR holds updates back unless told not to: coalesce-time is 1 s without that.
static const char frr_head[] = " no bgp default ipv4-unicast\n"
			       " coalesce-time 0\n";

static void frr_group(const struct scenario *s, const struct lab_node *node, const char *name,
	bool client, struct strbuf *b)
{
	char mine[IP_TEXT];

	sb_printf(b, " neighbor %s peer-group\n neighbor %s remote-as %" PRIu64 "\n", name, name,
		node->as);
	sb_printf(b, " neighbor %s update-source %s\n", name, ip_print(&node->address4, mine));
	sb_printf(b, " neighbor %s timers %d %d\n neighbor %s timers connect 1\n", name,
		hold_s(s) / 3, hold_s(s), name);
	sb_printf(b, " neighbor %s advertisement-interval 0\n", name);
	if (client)
		sb_printf(b, " neighbor %s passive\n", name);
}

static void frr_family(enum ip_family family, struct strbuf *b)
{
	sb_printf(b, " address-family ipv%d unicast\n", family == IP4 ? 4 : 6);
	sb_str(b, "  neighbor nodes activate\n"
		  "  neighbor nodes route-reflector-client\n"
		  "  neighbor nodes addpath-tx-all-paths\n"
		  "  neighbor nodes route-map fleet in\n"
		  "  neighbor reflectors activate\n"
		  "  neighbor reflectors addpath-tx-all-paths\n"
		  "  neighbor reflectors route-map fleet in\n"
		  " exit-address-family\n");
}

void config_frr_reflector(const struct scenario *s, const struct topology *t,
	const struct lab_node *node, struct strbuf *b)
{
	char text[IP_TEXT];

	sb_printf(b, "! %s (%s): reflects the fleet's routes\nrouter bgp %" PRIu64 "\n", node->name,
		node->city, node->as);
	sb_printf(b, " bgp router-id %s\n", ip_print(&node->address4, text));
	sb_str(b, frr_head);
	frr_group(s, node, "nodes", true, b);
	frr_group(s, node, "reflectors", false, b);
	for (size_t i = 0; i < t->fleet_count; i++) {
		const struct lab_node *peer = fleet_link_beyond(&t->fleet[i], node);
		if (peer)
			sb_printf(b, " neighbor %s peer-group %s\n",
				ip_print(&peer->address4, text),
				is_client(peer) ? "nodes" : "reflectors");
	}
	for (enum ip_family f = IP4; f <= IP6; f++)
		frr_family(f, b);
	sb_printf(b,
		"!\nbgp large-community-list standard fleet permit %" PRIu64 ":9000:1\n"
		"route-map fleet permit 10\n"
		" match large-community fleet\n",
		node->as);
}

void config_zebra(struct strbuf *b)
{
	sb_str(b, "ip nht resolve-via-default\nipv6 nht resolve-via-default\n");
}

void config_fleet_sessions(const struct scenario *s, const struct topology *t,
	const struct lab_node *node, struct strbuf *b)
{
	char text[IP_TEXT];
	bool first = true;

	for (size_t i = 0; i < t->fleet_count; i++) {
		const struct lab_node *peer = fleet_link_beyond(&t->fleet[i], node);
		if (!peer)
			continue;
		sb_printf(b, "%s  - {name: %s, address: %s, hold-time: %ds, connect-retry: 1s",
			first ? "fleet:\n" : "", peer->name, ip_print(&peer->address4, text),
			hold_s(s));
		if (s->has_fleet_bfd && peer->kind == NODE_KIND_SITE)
			sb_printf(b, ", bfd: {interval: %" PRId64 "ms}", span_to_ms(s->fleet_bfd));
		sb_str(b, "}\n");
		first = false;
	}
}
