#include <errno.h>
#include <string.h>

#include "flow/inside.h"
#include "lib/mem.h"

enum { MTU_DEFAULT = 1500 };

static int put(const struct bpf_map *map, const void *key, const void *value)
{
	return bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) < 0 ? -errno : 0;
}

int keeper_configure(struct keeper *k, const struct flow_config *config)
{
	uint32_t zero = 0;

	return put(k->bpf->maps.config, &zero, config);
}

int keeper_config(const struct keeper *k, struct flow_config *ret)
{
	uint32_t zero = 0;
	struct flow_config config;

	if (bpf_map_lookup_elem(bpf_map__fd(k->bpf->maps.config), &zero, &config) < 0)
		return -errno;
	*ret = config;
	return 0;
}

// ---- Nodes ----

static struct flow_node node_row(const struct keeper_node *n)
{
	struct flow_node row = {
		.flags = FLOW_NODE_KNOWN | (n->alive ? FLOW_NODE_ALIVE : 0),
		.mtu = n->mtu ? n->mtu : MTU_DEFAULT,
	};

	if (n->a4.family == IP4) {
		row.flags |= FLOW_NODE_V4;
		memcpy(&row.a4, n->a4.b, sizeof(row.a4));
	}
	if (n->a6.family == IP6) {
		row.flags |= FLOW_NODE_V6;
		memcpy(row.a6, n->a6.b, sizeof(row.a6));
	}
	memcpy(row.key, n->key, sizeof(row.key));
	return row;
}

int keeper_set_nodes(struct keeper *k, const struct keeper_node *nodes, size_t n, bool keep_others)
{
	own(free_ptr) struct flow_node *rows = mem_zalloc((FLOW_NODE_MAX + 1) * sizeof(*rows));

	for (size_t i = 0; i < n; i++) {
		if (!nodes[i].id || nodes[i].id > FLOW_NODE_MAX || rows[nodes[i].id].flags)
			return -EINVAL;
		rows[nodes[i].id] = node_row(&nodes[i]);
	}
	int fd = bpf_map__fd(k->bpf->maps.nodes);
	for (uint32_t id = 0; id <= FLOW_NODE_MAX; id++) {
		struct flow_node old;
		if (keep_others && !rows[id].flags)
			continue;
		if (bpf_map_lookup_elem(fd, &id, &old) == 0 &&
			memcmp(&old, &rows[id], sizeof(old)) == 0)
			continue;
		int rc = put(k->bpf->maps.nodes, &id, &rows[id]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

// ---- Addresses ----

static bool is_among(
	const struct ip_addr *addresses, size_t n, enum ip_family family, const uint8_t *b)
{
	for (size_t i = 0; i < n; i++)
		if (addresses[i].family == family &&
			memcmp(addresses[i].b, b, ip_bytes(family)) == 0)
			return true;
	return false;
}

// New ones first, then the old ones go: a service that stays is never missing.
static int set_family(
	const struct bpf_map *map, enum ip_family family, const struct ip_addr *addresses, size_t n)
{
	int fd = bpf_map__fd(map);
	uint32_t one = 1;

	for (size_t i = 0; i < n; i++) {
		if (addresses[i].family != family)
			continue;
		int rc = put(map, addresses[i].b, &one);
		if (rc < 0)
			return rc;
	}
	uint8_t key[16], last[16];
	bool more = bpf_map_get_next_key(fd, NULL, key) == 0;
	while (more) {
		memcpy(last, key, sizeof(last));
		more = bpf_map_get_next_key(fd, last, key) == 0;
		if (!is_among(addresses, n, family, last) && bpf_map_delete_elem(fd, last) < 0 &&
			errno != ENOENT)
			return -errno;
	}
	return 0;
}

// The first few lie in the configuration as well.
static int set_near(struct keeper *k, const struct ip_addr *addresses, size_t n)
{
	struct flow_config config;
	size_t at4 = 0, at6 = 0;
	int rc = keeper_config(k, &config);

	if (rc < 0)
		return rc;
	memset(config.near4, 0, sizeof(config.near4));
	memset(config.near6, 0, sizeof(config.near6));
	for (size_t i = 0; i < n; i++) {
		if (addresses[i].family == IP4 && at4 < FLOW_NEAR)
			memcpy(&config.near4[at4++], addresses[i].b, sizeof(config.near4[0]));
		if (addresses[i].family == IP6 && at6 < FLOW_NEAR)
			memcpy(&config.near6[at6++], addresses[i].b, sizeof(config.near6[0]));
	}
	return keeper_configure(k, &config);
}

int keeper_set_addresses(struct keeper *k, const struct ip_addr *addresses, size_t n)
{
	int rc = set_family(k->bpf->maps.addresses4, IP4, addresses, n);

	if (rc == 0)
		rc = set_family(k->bpf->maps.addresses6, IP6, addresses, n);
	return rc < 0 ? rc : set_near(k, addresses, n);
}

enum { PORTS = 65536 };

// What is set for each port, in one call, and once: one by one they would take a tenth of a second
// with every reload.
static int read_ports(struct keeper *k)
{
	own(free_ptr) uint32_t *keys = mem_zalloc(PORTS * sizeof(*keys));
	own(free_ptr) uint32_t *rows = mem_zalloc(PORTS * sizeof(*rows));
	uint32_t count = PORTS, at;

	if (k->udp_ports)
		return 0;
	int rc = bpf_map_lookup_batch(
		bpf_map__fd(k->bpf->maps.udp_ports), NULL, &at, keys, rows, &count, NULL);
	if (rc < 0 && rc != -ENOENT) // that is the end of the table
		return rc;
	if (count != PORTS)
		return -EIO;
	k->udp_ports = take(rows);
	return 0;
}

int keeper_set_udp(struct keeper *k, const struct keeper_udp *ports, size_t n)
{
	own(free_ptr) uint32_t *rows = mem_zalloc(PORTS * sizeof(*rows));
	int rc = read_ports(k);

	for (size_t i = 0; i < n; i++)
		rows[ports[i].port] = ports[i].policy;
	for (uint32_t port = 0; port < PORTS && rc == 0; port++) {
		if (k->udp_ports[port] == rows[port])
			continue;
		rc = put(k->bpf->maps.udp_ports, &port, &rows[port]);
		if (rc == 0)
			k->udp_ports[port] = rows[port];
	}
	return rc;
}

// ---- Counters ----

static const struct {
	const char *name, *help;
	bool loss;
} count_rows[] = {
#define X(id, text, bad, words) [FLOW_C_##id] = { .name = text, .help = words, .loss = bad },
	FLOW_COUNTS(X)
#undef X
};
_Static_assert(countof(count_rows) == FLOW_C_MAX, "a row a counter");

const char *flow_count_name(enum flow_count what)
{
	return count_rows[what].name;
}

const char *flow_count_help(enum flow_count what)
{
	return count_rows[what].help;
}

bool flow_count_is_loss(enum flow_count what)
{
	return count_rows[what].loss;
}

int keeper_counts(const struct keeper *k, uint64_t ret[FLOW_C_MAX])
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 1)
		return cpus < 0 ? cpus : -EINVAL;
	own(free_ptr) uint64_t *each = mem_zalloc((size_t)cpus * sizeof(*each));
	for (uint32_t i = 0; i < FLOW_C_MAX; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(k->bpf->maps.counts), &i, each) < 0)
			return -errno;
		ret[i] = 0;
		for (int cpu = 0; cpu < cpus; cpu++)
			ret[i] += each[cpu];
	}
	return 0;
}

int keeper_pair(const struct keeper *k, uint16_t node, struct flow_pair *ret)
{
	int cpus = libbpf_num_possible_cpus();
	uint32_t key = node;
	struct flow_pair sum = {};

	if (cpus < 1)
		return cpus < 0 ? cpus : -EINVAL;
	own(free_ptr) struct flow_pair *each = mem_zalloc((size_t)cpus * sizeof(*each));
	if (bpf_map_lookup_elem(bpf_map__fd(k->bpf->maps.pairs), &key, each) < 0)
		return -errno;
	for (int cpu = 0; cpu < cpus; cpu++) {
		sum.sent += each[cpu].sent;
		sum.received += each[cpu].received;
	}
	*ret = sum;
	return 0;
}
