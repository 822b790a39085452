#include "lab/topology.h"

#include <errno.h>
#include <string.h>

#include "lib/mem.h"

enum {
	NETWORKS4 = 0xc6120000,   // 198.18.0.0/15
	LINKS4 = 0xcb007100,      // 203.0.113.0/24
	LINKS4_MORE = 0xc6138000, // 198.19.128.0/17
	LINKS4_FIRST = 128,       // of them in the first block
	LINKS4_MAX = 128 + 16384,
	HOSTS_MAX = 126, // of one network
	NETWORK6 = 0x1000,
};

const char *node_kind_name(enum node_kind k)
{
	static const char *const names[] = {
		[NODE_KIND_ROUTER] = "router",
		[NODE_KIND_SITE] = "site",
		[NODE_KIND_REFLECTOR] = "reflector",
		[NODE_KIND_CLIENT] = "client",
	};

	return names[k];
}

// 2001:db8:THIRD:FOURTH::HOST
static struct ip_addr address6(unsigned third, unsigned fourth, unsigned host)
{
	uint8_t bytes[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct wr w = wr_init(bytes + 4, sizeof(bytes) - 4);

	wr_u16(&w, (uint16_t)third);
	wr_u16(&w, (uint16_t)fourth);
	wr_u32(&w, 0);
	wr_u32(&w, host);
	return ip_from_bytes(IP6, bytes);
}

static uint32_t network4(const struct lab_node *router)
{
	return NETWORKS4 + (uint32_t)(router->index + 1) * 256;
}

static unsigned network6(const struct lab_node *router)
{
	return NETWORK6 + (unsigned)router->index + 1;
}

struct ip_prefix network_prefix(const struct lab_node *router, enum ip_family family)
{
	struct ip_addr a = family == IP4 ? router->address4 : router->address6;

	return prefix_of(&a, family == IP4 ? 24 : 48);
}

static void add_router(struct topology *t, const struct scn_network *n, size_t index)
{
	struct lab_node *node = &t->nodes[t->node_count++];

	*node = (struct lab_node){
		.name = n->name,
		.kind = NODE_KIND_ROUTER,
		.index = index,
		.city = n->city,
		.at = n->at,
		.as = n->as,
		.netns = -1,
	};
	node->address4 = ip_from_u32(network4(node) + 1);
	node->address6 = address6(network6(node), 0, 1);
}

static void set_ends(struct lab_link *l, struct lab_node *a, struct lab_node *b)
{
	l->a.node = a;
	l->b.node = b;
	memcpy(l->a.ifname, b->name, strlen(b->name) + 1);
	memcpy(l->b.ifname, a->name, strlen(a->name) + 1);
}

static int add_link(struct topology *t, const struct scn_link *scn)
{
	size_t n = t->link_count;
	struct lab_link *l = &t->links[t->link_count++];

	set_ends(l, topology_node(t, scn->a), topology_node(t, scn->b));
	l->relation = scn->relation;
	l->backup = scn->backup;
	l->loss = scn->loss;
	l->delay = scn->has_delay ? scn->delay : geo_delay(l->a.node->at, l->b.node->at);
	if (n >= LINKS4_MAX)
		return -ENOSPC;
	uint32_t base = n < LINKS4_FIRST ? LINKS4 + 2 * (uint32_t)n
					 : LINKS4_MORE + 2 * (uint32_t)(n - LINKS4_FIRST);
	l->a.address4 = ip_from_u32(base);
	l->b.address4 = ip_from_u32(base + 1);
	l->a.address6 = address6(0, (unsigned)n + 1, 1);
	l->b.address6 = address6(0, (unsigned)n + 1, 2);
	return 0;
}

// Connects a host to the router of a network and gives it addresses from there.
static int add_edge(struct topology *t, struct lab_node *host, const char *network,
	enum relation relation, const span *delay, unsigned *hosts)
{
	struct lab_node *router = topology_node(t, network);
	struct lab_link *l = &t->links[t->link_count++];
	unsigned k = hosts[router->index]++;

	if (k >= HOSTS_MAX)
		return -ENOSPC;
	set_ends(l, router, host);
	l->edge = true;
	l->metric = (uint32_t)t->link_count;
	l->relation = relation_reverse(relation);
	l->delay = delay ? *delay : geo_delay(router->at, host->at);
	l->a.address4 = ip_from_u32(network4(router) + 2 + 2 * k);
	l->b.address4 = ip_from_u32(network4(router) + 3 + 2 * k);
	l->a.address6 = address6(network6(router), k + 1, 1);
	l->b.address6 = address6(network6(router), k + 1, 2);
	if (host->address4.family == IP_NONE) {
		host->address4 = l->b.address4;
		host->address6 = l->b.address6;
	}
	return 0;
}

static int add_site(struct topology *t, const struct scenario *s, const struct scn_site *site,
	size_t index, unsigned *hosts)
{
	struct lab_node *node = &t->nodes[t->node_count++];

	*node = (struct lab_node){
		.name = site->name,
		.kind = NODE_KIND_SITE,
		.index = index,
		.city = site->city,
		.at = site->at,
		.as = s->site_as,
		.keeper = s->keeper && site->announcer == ANNOUNCER_NEARCASTD,
		.netns = -1,
	};
	items_for_each(struct scn_upstream, u, site->upstreams)
	{
		int rc = add_edge(
			t, node, u->network, u->relation, u->has_delay ? &u->delay : NULL, hosts);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_reflector(struct topology *t, const struct scn_reflector *r, size_t index,
	uint64_t as, unsigned *hosts)
{
	struct lab_node *node = &t->nodes[t->node_count++];

	*node = (struct lab_node){
		.name = r->name,
		.kind = NODE_KIND_REFLECTOR,
		.index = index,
		.city = r->city,
		.at = r->at,
		.as = as,
		.netns = -1,
	};
	return add_edge(t, node, r->network, RELATION_PROVIDER, NULL, hosts);
}

static int add_client(
	struct topology *t, const struct scn_client *client, size_t index, unsigned *hosts)
{
	struct lab_node *node = &t->nodes[t->node_count++];

	*node = (struct lab_node){
		.name = client->name,
		.kind = NODE_KIND_CLIENT,
		.index = index,
		.city = client->city,
		.at = client->at,
		.netns = -1,
		.as = topology_node(t, client->network)->as,
	};
	return add_edge(t, node, client->network, RELATION_PROVIDER, NULL, hosts);
}

static int fill(struct topology *t, const struct scenario *s, unsigned *hosts)
{
	size_t index = 0;
	int rc = 0;

	items_for_each(struct scn_network, n, s->networks) add_router(t, n, index++);
	items_for_each(struct scn_link, l, s->links)
	{
		if (rc == 0)
			rc = add_link(t, l);
	}
	index = 0;
	items_for_each(struct scn_site, site, s->sites)
	{
		if (rc == 0)
			rc = add_site(t, s, site, index++, hosts);
	}
	index = 0;
	items_for_each(struct scn_reflector, r, s->reflectors)
	{
		if (rc == 0)
			rc = add_reflector(t, r, index++, s->site_as, hosts);
	}
	index = 0;
	items_for_each(struct scn_client, c, s->clients)
	{
		if (rc == 0)
			rc = add_client(t, c, index++, hosts);
	}
	return rc;
}

// Whether the node at one end wants the session.
static bool wants(
	const struct scenario *s, const struct lab_node *node, const struct lab_node *peer)
{
	const struct scn_site *scn = (const struct scn_site *)s->sites.data + node->index;

	if (node->kind == NODE_KIND_REFLECTOR)
		return peer->kind == NODE_KIND_REFLECTOR;
	items_for_each(char *, name, scn->fleet)
	{
		if (strcmp(*name, peer->name) == 0)
			return true;
	}
	if (scn->has_fleet)
		return false;
	return s->fleet == (peer->kind == NODE_KIND_REFLECTOR ? FLEET_REFLECTORS : FLEET_MESH);
}

static bool in_fleet(const struct scenario *s, const struct lab_node *n)
{
	const struct scn_site *scn = s->sites.data;

	return n->kind == NODE_KIND_REFLECTOR ||
	       (n->kind == NODE_KIND_SITE && scn[n->index].announcer == ANNOUNCER_NEARCASTD);
}

// Nodes stand in the list before the reflectors, so b is the reflector.
static void join_fleet(struct topology *t, const struct scenario *s)
{
	for (size_t i = 0; i < t->node_count; i++)
		for (size_t k = i + 1; k < t->node_count; k++) {
			struct lab_node *a = &t->nodes[i], *b = &t->nodes[k];
			if (in_fleet(s, a) && in_fleet(s, b) && (wants(s, a, b) || wants(s, b, a)))
				t->fleet[t->fleet_count++] = (struct fleet_link){ a, b };
		}
}

const struct lab_node *fleet_link_beyond(const struct fleet_link *l, const struct lab_node *node)
{
	if (l->a == node)
		return l->b;
	return l->b == node ? l->a : NULL;
}

int topology_new(struct topology **ret, const struct scenario *s)
{
	struct topology *t = mem_zalloc(sizeof(*t));
	own(free_ptr) unsigned *hosts = mem_zalloc(s->networks.count * sizeof(*hosts));
	size_t fleet = s->sites.count + s->reflectors.count;
	size_t links = s->links.count + s->reflectors.count + s->clients.count;

	items_for_each(struct scn_site, site, s->sites) links += site->upstreams.count;
	t->nodes = mem_zalloc((s->networks.count + fleet + s->clients.count) * sizeof(*t->nodes));
	t->links = mem_zalloc(links * sizeof(*t->links));
	t->fleet = mem_zalloc(fleet * fleet * sizeof(*t->fleet));
	int rc = fill(t, s, hosts);
	if (rc == 0)
		join_fleet(t, s);
	if (rc < 0)
		topology_free(&t);
	else
		*ret = t;
	return rc;
}

void topology_free(struct topology **t)
{
	if (!*t)
		return;
	for (size_t i = 0; i < (*t)->node_count; i++)
		close_fd(&(*t)->nodes[i].netns);
	free((*t)->nodes);
	free((*t)->links);
	free((*t)->fleet);
	free_ptr(t);
}

struct lab_node *topology_node(const struct topology *t, const char *name)
{
	for (size_t i = 0; i < t->node_count; i++)
		if (strcmp(t->nodes[i].name, name) == 0)
			return &t->nodes[i];
	return NULL;
}

struct lab_link *topology_link(const struct topology *t, const char *a, const char *b)
{
	for (size_t i = 0; i < t->link_count; i++) {
		struct lab_link *l = &t->links[i];
		if ((strcmp(l->a.node->name, a) == 0 && strcmp(l->b.node->name, b) == 0) ||
			(strcmp(l->a.node->name, b) == 0 && strcmp(l->b.node->name, a) == 0))
			return l;
	}
	return NULL;
}

const struct link_end *link_end_at(const struct lab_link *l, const struct lab_node *node)
{
	if (l->a.node == node)
		return &l->a;
	return l->b.node == node ? &l->b : NULL;
}

const struct link_end *link_end_beyond(const struct lab_link *l, const struct lab_node *node)
{
	if (l->a.node == node)
		return &l->b;
	return l->b.node == node ? &l->a : NULL;
}

enum relation link_relation_at(const struct lab_link *l, const struct lab_node *node)
{
	return l->a.node == node ? l->relation : relation_reverse(l->relation);
}
