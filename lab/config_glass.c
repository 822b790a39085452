#include <inttypes.h>

#include "lab/page.h"

// The glass has an AS of its own (RFC 5398), so that no route has it in its path; and a port of its own,
// as nearcastd has sessions between the same addresses.
enum { GLASS_AS = 65551, GLASS_PORT = 1790 };

static const struct scn_site *site_of(const struct scenario *s, const struct lab_node *node)
{
	return (const struct scn_site *)s->sites.data + node->index;
}

bool glass_stands_at(const struct scenario *s, const struct lab_node *node)
{
	if (node->kind != NODE_KIND_SITE)
		return false;
	items_for_each(const struct scn_site, site, s->sites)
	{
		if (site->announcer == ANNOUNCER_NEARCASTD &&
			site->site_index == site_of(s, node)->site_index)
			return site == site_of(s, node);
	}
	return false;
}

const struct lab_node *glass_of_page(const struct scenario *s, const struct topology *t)
{
	for (size_t i = 0; i < t->node_count; i++)
		if (glass_stands_at(s, &t->nodes[i]))
			return &t->nodes[i];
	return NULL;
}

// ---- nearglass.yaml ----

static void put_neighbours(const struct topology *t, const struct lab_node *node, struct strbuf *b)
{
	char here[IP_TEXT], there[IP_TEXT];
	const char *comma = "";

	sb_str(b, "listen: [");
	for (size_t i = 0; i < t->link_count; i++)
		if (t->links[i].b.node == node) {
			sb_printf(b, "%s%s", comma, ip_print(&t->links[i].b.address4, here));
			comma = ", ";
		}
	sb_printf(b, "]\nlisten-port: %d\nneighbours:\n", GLASS_PORT);
	for (size_t i = 0; i < t->link_count; i++)
		if (t->links[i].b.node == node)
			sb_printf(b,
				"  - {name: %s, address: %s, as: %" PRIu64
				", passive: yes, add-path: yes, description: \"%s\"}\n",
				t->links[i].a.node->name, ip_print(&t->links[i].a.address4, there),
				t->links[i].a.node->as, t->links[i].a.node->city);
}

static void put_other_sites(const struct scenario *s, const struct topology *t,
	const struct lab_node *node, struct strbuf *b)
{
	const char *title = "sites:\n";
	char text[IP_TEXT];

	for (size_t i = 0; i < t->node_count; i++) {
		const struct lab_node *other = &t->nodes[i];
		if (other == node || !glass_stands_at(s, other))
			continue;
		sb_printf(b, "%s  - {name: %s, url: \"http://%s:%d\"}\n", title,
			site_of(s, other)->site, ip_print(&other->address4, text), PAGE_PORT);
		title = "";
	}
}

void config_glass(const struct scenario *s, const struct topology *t, const struct lab_node *node,
	const char *dir, struct strbuf *b)
{
	char text[IP_TEXT];

	ip_print(&node->address4, text);
	sb_printf(b, "site: %s\nas: %d\nrouter-id: %s\n", site_of(s, node)->site, GLASS_AS, text);
	put_neighbours(t, node, b);
	sb_printf(b, "daemon: %s/readonly\nuser: nobody\n", dir);
	if (node != glass_of_page(s, t)) {
		sb_printf(b, "http: {address: %s, port: %d}\n", text, PAGE_PORT);
		return;
	}
	// Its port is handed to it. Names other than these would be of a page that somebody else's name
	// leads to.
	sb_printf(b,
		"http: {port: %d, hosts: [localhost, 127.0.0.1], connections-per-client: 1000}\n"
		"history: {file: %s/glass.db, keep: 1d}\n"
		"catchment: {listen: %s/catchment, forget: 10m}\n",
		PAGE_PORT, dir, dir);
	put_other_sites(s, t, node, b);
}

// ---- bird.conf ----

void config_glass_sessions(const struct scenario *s, const struct topology *t,
	const struct lab_node *router, struct strbuf *b)
{
	char here[IP_TEXT], there[IP_TEXT];

	for (size_t i = 0; i < t->link_count; i++) {
		const struct lab_link *l = &t->links[i];
		if (l->a.node != router || !l->edge || !glass_stands_at(s, l->b.node))
			continue;
		sb_printf(b,
			"protocol bgp 'glass-%s' {\n"
			"\tdescription \"looking glass at %s\";\n"
			"\tlocal %s port %d as %" PRIu64 ";\n"
			"\tneighbor %s port %d as %d;\n"
			"\tconnect delay time 1;\n"
			"\tconnect retry time 2;\n"
			"\terror wait time 1, 2;\n"
			"\tipv4 { import none; export all; add paths tx; next hop keep; };\n"
			"\tipv6 { import none; export all; add paths tx; next hop keep; };\n"
			"}\n",
			l->b.node->name, l->b.node->name, ip_print(&l->a.address4, here),
			GLASS_PORT, router->as, ip_print(&l->b.address4, there), GLASS_PORT,
			GLASS_AS);
	}
}
