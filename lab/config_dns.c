#include "lab/config.h"

// Both servers bind the service addresses before they are there (free bind),
// and call themselves by the site's name: id.server and hostname.bind, class
// CH (RFC 4892), and NSID (RFC 5001).

// Each address it answers at with what stands before and after it, and something between two.
static void print_addresses(const struct scenario *s, const struct lab_node *site,
	const char *before, const char *after, const char *between, struct strbuf *b)
{
	const struct scn_site *sites = s->sites.data;
	const struct ip_addr own[] = { site->address4, site->address6 };
	bool none = sites[site->index].announcer == ANNOUNCER_NONE;
	const struct ip_addr *list = none ? own : s->addresses.data;

	for (size_t i = 0; i < (none ? countof(own) : s->addresses.count); i++) {
		char text[IP_TEXT];
		sb_printf(b, "%s%s%s%s", i > 0 ? between : "", before, ip_print(&list[i], text),
			after);
	}
}

void config_nsd(
	const struct scenario *s, const struct lab_node *site, const char *dir, struct strbuf *b)
{
	sb_str(b, "server:\n");
	print_addresses(s, site, "\tip-address: ", "\n", "", b);
	sb_printf(b,
		"\tip-freebind: yes\n"
		"\tidentity: \"%s\"\n"
		"\tnsid: \"ascii_%s\"\n"
		"\tserver-count: 1\n"
		"\tusername: \"\"\n"
		"\tdatabase: \"\"\n"
		"\tzonesdir: \"%s\"\n"
		"\tpidfile: \"%s/nsd.pid\"\n"
		"\tzonelistfile: \"%s/nsd.zones\"\n"
		"\txfrdfile: \"%s/nsd.xfrd\"\n"
		"\txfrdir: \"%s\"\n"
		"\trrl-ratelimit: 0\n"
		"\ttcp-count: 2000\n"
		"\ttcp-timeout: 3600\n"
		"remote-control:\n"
		"\tcontrol-enable: no\n"
		"zone:\n"
		"\tname: example.org\n"
		"\tzonefile: example.org.zone\n",
		site->name, site->name, dir, dir, dir, dir, dir);
}

void config_knot(
	const struct scenario *s, const struct lab_node *site, const char *dir, struct strbuf *b)
{
	sb_printf(b,
		"server:\n"
		"  rundir: \"%s\"\n"
		"  identity: \"%s\"\n"
		"  nsid: \"%s\"\n"
		"  udp-workers: 1\n"
		"  tcp-workers: 1\n"
		"  tcp-max-clients: 2000\n"
		"  tcp-idle-timeout: 3600\n"
		"  tcp-io-timeout: 0\n"
		"  background-workers: 1\n"
		"  listen: [ ",
		dir, site->name, site->name);
	print_addresses(s, site, "\"", "@53\"", ", ", b);
	sb_printf(b,
		" ]\n"
		"log:\n"
		"  - target: stderr\n"
		"    any: info\n"
		"database:\n"
		"  storage: \"%s\"\n"
		"zone:\n"
		"  - domain: example.org\n"
		"    storage: \"%s\"\n"
		"    file: example.org.zone\n"
		"    zonefile-load: whole\n"
		"    journal-content: none\n",
		dir, dir);
}

void config_zone(const struct scenario *s, struct strbuf *b)
{
	sb_str(b, "$ORIGIN example.org.\n"
		  "$TTL 300\n"
		  "@ SOA ns hostmaster 1 3600 600 86400 300\n"
		  "  NS ns\n");
	items_for_each(struct ip_addr, a, s->addresses)
	{
		char text[IP_TEXT];
		sb_printf(b, "ns %s %s\n", a->family == IP4 ? "A" : "AAAA", ip_print(a, text));
	}
	sb_str(b, "www TXT \"served by the nearest site\"\n");
}
