#include <inttypes.h>

#include "lab/config.h"

enum { PREFERENCE_BACKUP_CUSTOMER = 80, PREFERENCE_BACKUP_PROVIDER = 20 };

// What each relation means on a router, from its own side.
static const struct policy {
	int preference;
	int tag;
	const char *export_filter;
} policies[RELATION_MAX] = {
	[RELATION_CUSTOMER] = { 200, 1, "to_customer" },
	[RELATION_PEER] = { 100, 2, "to_others" },
	[RELATION_PROVIDER] = { 50, 3, "to_others" },
};

static const char header[] = "log stderr all;\n"
			     "protocol device { }\n"
			     "\n";

static void print_kernel(bool multipath, struct strbuf *b)
{
	for (int v = 4; v <= 6; v += 2)
		sb_printf(b, "protocol kernel kernel%d { %sipv%d { import none; export all; }; }\n",
			v, multipath ? "merge paths yes; " : "", v);
	sb_char(b, '\n');
}

static const char policy_text[] =
	"# Origin tags (OWN, 1, ...): 1 from a customer, 2 from a peer, 3 from a provider.\n"
	"function accept_from(int lp; int rel)\n"
	"{\n"
	"\tif net.type = NET_IP4 && net.len > 24 then reject;\n"
	"\tif net.type = NET_IP6 && net.len > 48 then reject;\n"
	"\tbgp_large_community.delete([(OWN, 1, *)]);\n"
	"\tbgp_large_community.add((OWN, 1, rel));\n"
	"\tbgp_local_pref = lp;\n"
	"\tif (65535, 0) ~ bgp_community then bgp_local_pref = 0; # RFC 8326\n"
	"\taccept;\n"
	"}\n"
	"\n"
	"filter to_customer { accept; }\n"
	"filter to_others\n"
	"{\n"
	"\tif source = RTS_STATIC || (OWN, 1, 1) ~ bgp_large_community then accept;\n"
	"\treject;\n"
	"}\n"
	"filter to_backup\n"
	"{\n"
	"\tbgp_path.prepend(OWN);\n"
	"\tbgp_path.prepend(OWN);\n"
	"\tif source = RTS_STATIC || (OWN, 1, 1) ~ bgp_large_community then accept;\n"
	"\treject;\n"
	"}\n"
	"\n";

static void print_static(const struct ip_prefix *p, struct strbuf *b)
{
	char text[PREFIX_TEXT];
	int v = p->addr.family == IP4 ? 4 : 6;

	sb_printf(b, "protocol static own%d { ipv%d; route %s blackhole; }\n", v, v,
		prefix_print(p, text));
}

// The first lines of one session. Reconnecting is quick: a lab has no storms to fear.
static void session_begin(const struct lab_node *node, const struct lab_link *l,
	enum ip_family family, struct strbuf *b)
{
	const struct link_end *here = link_end_at(l, node), *there = link_end_beyond(l, node);
	char mine[IP_TEXT], theirs[IP_TEXT];
	bool v4 = family == IP4;

	sb_printf(b, "protocol bgp '%s-%d' {\n", there->node->name, v4 ? 4 : 6);
	sb_printf(b, "\tdescription \"%s %s, AS %" PRIu64 "\";\n",
		relation_name(link_relation_at(l, node)), there->node->name, there->node->as);
	sb_printf(b, "\tlocal %s as %" PRIu64 ";\n",
		ip_print(v4 ? &here->address4 : &here->address6, mine), node->as);
	sb_printf(b, "\tneighbor %s as %" PRIu64 ";\n",
		ip_print(v4 ? &there->address4 : &there->address6, theirs), there->node->as);
	sb_str(b, "\thold time 30;\n"
		  "\tconnect delay time 1;\n"
		  "\tconnect retry time 2;\n"
		  "\terror wait time 1, 2;\n");
}

static void print_session(const struct lab_node *router, const struct lab_link *l,
	enum ip_family family, struct strbuf *b)
{
	enum relation r = link_relation_at(l, router);
	const struct policy *p = &policies[r];
	int preference = p->preference;
	const char *export = p->export_filter;

	if (l->backup && r == RELATION_CUSTOMER)
		preference = PREFERENCE_BACKUP_CUSTOMER;
	if (l->backup && r == RELATION_PROVIDER) {
		preference = PREFERENCE_BACKUP_PROVIDER;
		export = "to_backup";
	}
	session_begin(router, l, family, b);
	if (l->edge) // lab/tables.h reads what changes
		sb_str(b, "\tpassive yes;\n\tdebug { routes };\n");
	sb_printf(b,
		"\tipv%d {\n"
		"\t\timport filter { accept_from(%d, %d); };\n"
		"\t\texport filter %s;\n"
		"\t};\n"
		"}\n",
		family == IP4 ? 4 : 6, preference, p->tag, export);
}

static bool has_session(
	const struct scenario *s, const struct lab_link *l, const struct lab_node *router)
{
	const struct link_end *there = link_end_beyond(l, router);
	const struct scn_site *sites = s->sites.data;

	if (there && there->node->kind == NODE_KIND_SITE)
		return sites[there->node->index].announcer != ANNOUNCER_NONE;
	return there && there->node->kind == NODE_KIND_ROUTER;
}

static void print_router_id(const struct lab_node *node, struct strbuf *b)
{
	char text[IP_TEXT];

	sb_printf(b, "# %s (%s), AS %" PRIu64 "\n", node->name, node->city, node->as);
	sb_printf(b, "router id %s;\n", ip_print(&node->address4, text));
}

void config_bird_router(const struct scenario *s, const struct topology *t,
	const struct lab_node *router, struct strbuf *b)
{
	const struct scn_network *networks = s->networks.data;

	print_router_id(router, b);
	sb_str(b, header);
	sb_printf(b, "define OWN = %" PRIu64 ";\n\n", router->as);
	print_kernel(networks[router->index].multipath, b);
	for (enum ip_family f = IP4; f <= IP6; f++) {
		struct ip_prefix p = network_prefix(router, f);
		print_static(&p, b);
	}
	sb_char(b, '\n');
	sb_str(b, policy_text);
	for (size_t i = 0; i < t->link_count; i++)
		for (enum ip_family f = IP4; f <= IP6 && has_session(s, &t->links[i], router); f++)
			print_session(router, &t->links[i], f, b);
}

void config_bird_site(const struct scenario *s, const struct topology *t,
	const struct lab_node *site, struct strbuf *b)
{
	print_router_id(site, b);
	sb_str(b, header);
	items_for_each(struct ip_prefix, p, s->prefixes) print_static(p, b);
	sb_char(b, '\n');
	for (size_t i = 0; i < t->link_count; i++)
		for (enum ip_family f = IP4; f <= IP6 && t->links[i].b.node == site; f++) {
			session_begin(site, &t->links[i], f, b);
			sb_printf(b,
				"\tipv%d { import none; export where source = RTS_STATIC; };\n}\n",
				f == IP4 ? 4 : 6);
		}
}
