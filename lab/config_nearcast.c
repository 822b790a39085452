#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lab/config.h"
#include "lab/world.h"

struct variables {
	const struct scenario *s;
	const struct topology *t;
	const struct lab_node *site; // whose values they are
	const char *dir;
};

static void put_name(const struct variables *v, struct strbuf *b)
{
	sb_str(b, v->site->name);
}

static void put_site(const struct variables *v, struct strbuf *b)
{
	const struct scn_site *sites = v->s->sites.data;

	sb_str(b, sites[v->site->index].site);
}

static void put_city(const struct variables *v, struct strbuf *b)
{
	sb_str(b, v->site->city);
}

static void put_lat(const struct variables *v, struct strbuf *b)
{
	sb_printf(b, "%.4f", v->site->at.lat);
}

static void put_lon(const struct variables *v, struct strbuf *b)
{
	sb_printf(b, "%.4f", v->site->at.lon);
}

static void put_as(const struct variables *v, struct strbuf *b)
{
	sb_printf(b, "%" PRIu64, v->site->as);
}

static void put_id(const struct variables *v, struct strbuf *b)
{
	sb_printf(b, "%zu", v->site->index + 1);
}

static void put_address4(const struct variables *v, struct strbuf *b)
{
	char text[IP_TEXT];

	sb_str(b, ip_print(&v->site->address4, text));
}

static void put_address6(const struct variables *v, struct strbuf *b)
{
	char text[IP_TEXT];

	sb_str(b, ip_print(&v->site->address6, text));
}

static void put_dir(const struct variables *v, struct strbuf *b)
{
	sb_str(b, v->dir);
}

static const struct variable {
	const char *name;
	void (*put)(const struct variables *v, struct strbuf *b);
} known[] = {
	{ "name", put_name },
	{ "site", put_site },
	{ "city", put_city },
	{ "lat", put_lat },
	{ "lon", put_lon },
	{ "as", put_as },
	{ "id", put_id },
	{ "address4", put_address4 },
	{ "address6", put_address6 },
	{ "dir", put_dir },
};

static const struct variable *find_variable(const char *name, size_t len)
{
	for (size_t i = 0; i < countof(known); i++)
		if (strlen(known[i].name) == len && memcmp(known[i].name, name, len) == 0)
			return &known[i];
	return NULL;
}

// Those of another host: ${rr1.address4}.
static bool put_foreign(const struct variables *v, const char *name, size_t len, struct strbuf *b)
{
	const char *point = memchr(name, '.', len);
	size_t n = point ? (size_t)(point - name) : 0;
	char host[NODE_NAME_MAX + 1] = "";

	if (n == 0 || n > NODE_NAME_MAX)
		return false;
	memcpy(host, name, n);
	struct variables other = *v;
	other.site = topology_node(v->t, host);
	const struct variable *var = find_variable(point + 1, len - n - 1);
	if (!other.site || !var || (var->put != put_address4 && var->put != put_address6))
		return false;
	var->put(&other, b);
	return true;
}

static bool put_variable(const struct variables *v, const char *name, size_t len, struct strbuf *b)
{
	const struct variable *var = find_variable(name, len);

	if (!var)
		return put_foreign(v, name, len, b);
	var->put(v, b);
	return true;
}

static int substitute(
	const struct variables *v, const char *text, struct strbuf *b, struct strbuf *error)
{
	for (const char *at = strstr(text, "${"); at; at = strstr(text, "${")) {
		const char *end = strchr(at, '}');
		size_t len = end ? (size_t)(end - at - 2) : 0;

		sb_add(b, text, (size_t)(at - text));
		if (!end || !put_variable(v, at + 2, len, b)) {
			sb_printf(error, "nearcast.yaml of %s: unknown variable ${%.*s}",
				v->site->name, (int)len, at + 2);
			return -EINVAL;
		}
		text = end + 1;
	}
	sb_str(b, text);
	return 0;
}

// A top-level key stands at the start of a line.
static bool has_key(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			return true;
	}
	return false;
}

static void put_upstream(const struct lab_link *l, enum ip_family family, struct strbuf *b)
{
	char theirs[IP_TEXT], mine[IP_TEXT];
	bool v4 = family == IP4;

	sb_printf(b,
		"  - {name: %s-%d, address: \"%s\", source: \"%s\", as: %" PRIu64
		", families: ipv%d, hold-time: 9s, connect-retry: 1s}\n",
		l->a.node->name, v4 ? 4 : 6, ip_print(v4 ? &l->a.address4 : &l->a.address6, theirs),
		ip_print(v4 ? &l->b.address4 : &l->b.address6, mine), l->a.node->as, v4 ? 4 : 6);
}

static void put_upstreams(const struct topology *t, const struct lab_node *site, struct strbuf *b)
{
	sb_str(b, "upstreams:\n");
	for (size_t i = 0; i < t->link_count; i++)
		for (enum ip_family f = IP4; f <= IP6 && t->links[i].b.node == site; f++)
			put_upstream(&t->links[i], f, b);
}

// Keys the lab writes unless the scenario does; the values take variables, too.
static const struct {
	const char *key, *value;
} given[] = {
	{ "site", "{name: ${site}, city: \"${city}\", lat: ${lat}, lon: ${lon}}" },
	{ "node", "{name: ${name}, id: ${id}, address: [${address4}, \"${address6}\"]}" },
	{ "as", "${as}" },
	{ "router-id", "${address4}" },
	{ "control", "${dir}/control" },
	{ "readonly", "${dir}/readonly" },
};

// Only a mesh needs nodes that listen: reflectors wait for them.
static void put_listen_port(const struct topology *t, const struct lab_node *node, struct strbuf *b)
{
	bool mesh = false;

	for (size_t i = 0; i < t->fleet_count; i++) {
		const struct lab_node *peer = fleet_link_beyond(&t->fleet[i], node);
		mesh |= peer && peer->kind == NODE_KIND_SITE;
	}
	sb_printf(b, "listen-port: %d\n", mesh ? 179 : 0);
}

// On every link of the node, and with a BPF file system of its own (lab/world.h).
static void put_keeper(const struct variables *v, const struct scn_site *scn, struct strbuf *b)
{
	const char *between = "";

	sb_str(b, "keeper:\n  interfaces: [");
	for (size_t i = 0; i < v->t->link_count; i++) {
		const struct link_end *e = link_end_at(&v->t->links[i], v->site);
		if (e)
			sb_printf(b, "%s%s", between, e->ifname);
		between = e ? ", " : between;
	}
	sb_printf(b, "]\n  secret-file: %s/fleet.secret\n  pin: %s/" WORLD_BPF "/nearcast\n",
		v->dir, v->dir);
	if (scn->quic != QUIC_NONE)
		sb_str(b, "  quic-ports: [443]\n");
}

int config_nearcast(const struct scenario *s, const struct topology *t, const struct lab_node *site,
	const char *dir, struct strbuf *b, struct strbuf *error)
{
	const struct scn_site *scn = (const struct scn_site *)s->sites.data + site->index;
	const char *text = scn->nearcast ? scn->nearcast : s->nearcast;
	const struct variables v = { s, t, site, dir };
	int rc = 0;

	for (size_t i = 0; i < countof(given) && rc == 0; i++) {
		if (has_key(text, given[i].key))
			continue;
		sb_printf(b, "%s: ", given[i].key);
		rc = substitute(&v, given[i].value, b, error);
		sb_char(b, '\n');
	}
	if (rc == 0 && !has_key(text, "listen-port"))
		put_listen_port(t, site, b);
	if (rc == 0 && !has_key(text, "upstreams"))
		put_upstreams(t, site, b);
	if (rc == 0 && !has_key(text, "fleet"))
		config_fleet_sessions(s, t, site, b);
	if (rc == 0 && site->keeper && !has_key(text, "keeper"))
		put_keeper(&v, scn, b);
	if (rc == 0)
		rc = substitute(&v, text, b, error);
	return rc;
}
