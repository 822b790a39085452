#include "test/flow/world.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <arpa/inet.h>

#include "lib/mem.h"

// Runs a program to its end; 0 when it says so.
static int run(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -EIO;
}

static int own_network(void)
{
	static const char *const addresses[] = { SERVICE4 "/32", CLIENT4 "/32", SERVICE6 "/128",
		CLIENT6 "/128" };

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	if (run((const char *const[]){ "ip", "link", "set", "lo", "up", NULL }) < 0)
		return -EIO;
	for (size_t i = 0; i < countof(addresses); i++)
		if (run((const char *const[]){
			    "ip", "address", "add", addresses[i], "dev", "lo", NULL }) < 0)
			return -EIO;
	return run((const char *const[]){ "ip", "route", "add", HALF4, "dev", "lo", NULL });
}

static int listener(const char *service)
{
	struct sockaddr_storage at;
	struct ip_addr a;

	if (ip_parse(&a, service) < 0)
		return -1;
	socklen_t n = ip_to_sockaddr(&a, 80, &at);
	int fd = socket(at.ss_family, SOCK_STREAM, 0);
	return bind(fd, (struct sockaddr *)&at, n) == 0 && listen(fd, 8) == 0 ? fd : -1;
}

// Sessions stay open as long as the test lives, or end at once: first the server's side, so that
// TIME-WAIT is there. Returns the client's port.
static uint16_t session(int server, const char *client, bool ends)
{
	struct sockaddr_storage to, from;
	socklen_t n = sizeof(to), m;
	struct ip_addr a;
	char byte;

	if (ip_parse(&a, client) < 0 || getsockname(server, (struct sockaddr *)&to, &n) < 0)
		return 0;
	m = ip_to_sockaddr(&a, 0, &from);
	int fd = socket(to.ss_family, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&from, m) < 0 || connect(fd, (struct sockaddr *)&to, n) < 0)
		return 0;
	getsockname(fd, (struct sockaddr *)&from, &m);
	if (ends) {
		close(accept(server, NULL, NULL));
		if (read(fd, &byte, 1) != 0)
			return 0;
		close(fd);
	}
	return ntohs(((struct sockaddr_in *)&from)->sin_port); // at the same place in IPv6
}

// A SYN from an address that the route says is behind the loopback, where nobody answers for it.
static bool half_open(void)
{
	struct spec syn = { .from = HALF4,
		.to = SERVICE4,
		.from_port = HALF_PORT,
		.to_port = 80,
		.flags = TCP_SYN,
		.mss = 1460 };
	struct frame f = frame_make(&syn);
	struct sockaddr_storage to;
	struct ip_addr a;

	if (ip_parse(&a, SERVICE4) < 0)
		return false;
	socklen_t n = ip_to_sockaddr(&a, 0, &to);
	own(close_fd) int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	return sendto(fd, f.b + FRAME_L3, f.n - FRAME_L3, 0, (struct sockaddr *)&to, n) > 0;
}

static void make_nodes(struct world *w)
{
	static const struct {
		uint16_t id;
		const char *a4, *a6;
		bool dead;
	} rows[] = {
		{ US, "192.0.2.11", "2001:db8:1::11", false },
		{ THEM, "192.0.2.12", "2001:db8:1::12", false },
		{ WIDE, NULL, "2001:db8:1::13", false },
		{ DEAD, "192.0.2.14", NULL, true },
		{ THIRD, "192.0.2.15", NULL, false },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct keeper_node *n = &w->nodes[i];
		n->id = rows[i].id;
		n->alive = !rows[i].dead;
		if (rows[i].a4 && ip_parse(&n->a4, rows[i].a4) < 0)
			continue;
		if (rows[i].a6 && ip_parse(&n->a6, rows[i].a6) < 0)
			continue;
		memset(n->key[0], 0xa0 + (int)i, 16);
		memset(n->key[1], 0xb0 + (int)i, 16);
	}
}

static int fill(struct world *w)
{
	static const struct keeper_udp ports[] = { { 443, FLOW_UDP_QUIC },
		{ 5000, FLOW_UDP_SESSION } };
	struct ip_addr services[2];
	struct timespec real, mono;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	w->config = (struct flow_config){
		.realtime_offset_ns = (uint64_t)(real.tv_sec - mono.tv_sec) * 1000000000 +
				      (uint64_t)(real.tv_nsec - mono.tv_nsec),
		.hash_key = { 1, 2 },
		.flags = FLOW_STAMP | FLOW_QUIC_LB,
		.budget_new = 1000000,
		.budget_known = 1000000,
		.self = US,
		.port = htons(FLOW_PORT_DEFAULT),
		.mss4 = 1400,
		.mss6 = 1360,
		.moved_s = 600,
		.quic_config = 1,
		.swept = keeper_sweep_time(world_ns()),
	};
	make_nodes(w);
	if (ip_parse(&services[0], SERVICE4) < 0 || ip_parse(&services[1], SERVICE6) < 0)
		return -EINVAL;
	int rc = keeper_configure(w->k, &w->config);
	if (rc == 0)
		rc = keeper_set_nodes(w->k, w->nodes, countof(w->nodes), false);
	if (rc == 0)
		rc = keeper_set_addresses(w->k, services, countof(services));
	if (rc == 0)
		rc = keeper_config(w->k, &w->config);
	return rc < 0 ? rc : keeper_set_udp(w->k, ports, countof(ports));
}

struct world *world_make(const char **why)
{
	static struct strbuf error;
	struct world *w = mem_zalloc(sizeof(*w));

	*why = "needs root";
	if (geteuid() != 0 || own_network() < 0)
		return NULL;
	*why = "BPF programs cannot be loaded here";
	if (keeper_open(&w->k, NULL, &error) < 0) {
		*why = sb_text(&error);
		return NULL;
	}
	*why = "no sessions on the loopback";
	int server4 = listener(SERVICE4), server6 = listener(SERVICE6);
	w->over4 = session(server4, CLIENT4, true);
	w->port4 = session(server4, CLIENT4, false);
	w->port6 = session(server6, CLIENT6, false);
	return half_open() && fill(w) == 0 && w->port4 && w->port6 && w->over4 ? w : NULL;
}

static void zero_map(const struct bpf_map *map, uint32_t n, size_t size)
{
	int fd = bpf_map__fd(map), cpus = libbpf_num_possible_cpus();
	bool each = bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY;
	own(free_ptr) void *zero = mem_zalloc(size * (each ? (size_t)cpus : n));
	own(free_ptr) uint32_t *keys = mem_zalloc(n * sizeof(*keys));
	uint32_t count = n;

	for (uint32_t i = 0; i < n; i++) {
		keys[i] = i;
		if (each)
			bpf_map_update_elem(fd, &i, zero, BPF_ANY);
	}
	if (!each) // in one call
		bpf_map_update_batch(fd, keys, zero, &count, NULL);
}

void world_reset(struct world *w)
{
	zero_map(w->k->bpf->maps.counts, FLOW_C_MAX, sizeof(uint64_t));
	zero_map(w->k->bpf->maps.flows, FLOW_FLOW_SETS, sizeof(struct flow_set));
	zero_map(w->k->bpf->maps.proofs, FLOW_PROOFS, sizeof(uint64_t));
	zero_map(w->k->bpf->maps.budgets, FLOW_NODE_MAX + 1, sizeof(struct flow_budget));
	world_set_slot(w, CLIENT4, 0);
	world_set_slot(w, CLIENT6, 0);
}

uint64_t world_count(struct world *w, enum flow_count what)
{
	uint64_t all[FLOW_C_MAX];

	return keeper_counts(w->k, all) < 0 ? 0 : all[what];
}

uint64_t world_epoch(const struct world *w)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec +
		       w->config.realtime_offset_ns) /
	       1000000000;
}

static int test_run(int fd, struct frame *f)
{
	uint8_t out[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = (uint32_t)f->n,
		.data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	if (bpf_prog_test_run_opts(fd, &opts) < 0)
		return -errno;
	memcpy(f->b, out, opts.data_size_out);
	f->n = opts.data_size_out;
	return (int)opts.retval;
}

int world_in(struct world *w, struct frame *f)
{
	return test_run(bpf_program__fd(w->k->bpf->progs.nearcast_in), f);
}

int world_out(struct world *w, struct frame *f)
{
	return test_run(bpf_program__fd(w->k->bpf->progs.nearcast_out), f);
}

struct tunnel_spec world_tunnel(const struct world *w, uint16_t from, uint8_t type)
{
	struct tunnel_spec t = { .from_id = from,
		.to_id = US,
		.type = type,
		.hop = type == FLOW_T_NOTICE ? 0 : 1,
		.epoch = world_epoch(w),
		.port = FLOW_PORT_DEFAULT };
	static uint8_t serial;

	for (size_t i = 0; i < countof(w->nodes); i++)
		if (w->nodes[i].id == from)
			memcpy(t.key, w->nodes[i].key[0], sizeof(t.key));
	t.from = from == WIDE ? "2001:db8:1::13" : from == THIRD ? "192.0.2.15" : "192.0.2.12";
	t.to = from == WIDE ? "2001:db8:1::11" : "192.0.2.11";
	t.serial = serial++;
	return t;
}

uint64_t world_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t mix(uint64_t x)
{
	for (int i = 0; i < 2; i++) {
		x ^= x >> 32;
		x *= 0xd6e8feb86659fd93;
	}
	return x ^ x >> 32;
}

uint32_t world_place6(const struct world *w, const char *client)
{
	uint64_t net = 0;
	struct ip_addr a;

	if (ip_parse(&a, client) < 0)
		return 0;
	memcpy(&net, a.b, 6); // the /48
	net = mix(mix(net ^ w->config.hash_key[0]) ^ w->config.hash_key[1]);
	return (uint32_t)(net >> (64 - FLOW_PREFIX6_BITS));
}

// As flow/moves.bpf.h finds it.
static const struct bpf_map *slot_of(struct world *w, const char *client, uint32_t *at)
{
	struct ip_addr a;

	if (ip_parse(&a, client) < 0)
		return NULL;
	if (a.family == IP4) {
		*at = ip_to_u32(&a) >> 8;
		return w->k->bpf->maps.prefixes4;
	}
	*at = world_place6(w, client);
	return w->k->bpf->maps.prefixes6;
}

uint32_t world_slot(struct world *w, const char *client)
{
	struct flow_prefixes two = {};
	uint32_t at = 0, row;
	const struct bpf_map *map = slot_of(w, client, &at);

	row = at >> 1;
	if (map)
		bpf_map_lookup_elem(bpf_map__fd(map), &row, &two);
	return two.slot[at & 1];
}

void world_set_slot(struct world *w, const char *client, uint32_t slot)
{
	struct flow_prefixes two = {};
	uint32_t at = 0, row;
	const struct bpf_map *map = slot_of(w, client, &at);

	if (!map)
		return;
	row = at >> 1;
	bpf_map_lookup_elem(bpf_map__fd(map), &row, &two);
	two.slot[at & 1] = slot;
	bpf_map_update_elem(bpf_map__fd(map), &row, &two, BPF_ANY);
}

void world_prefix(struct world *w, const char *client, uint16_t now, uint16_t before)
{
	uint32_t time = world_ns() >> FLOW_MOVED_SHIFT & 0xff;

	world_set_slot(w, client, now ? time << 24 | (uint32_t)before << 12 | now : 0);
}

void world_age(struct world *w, unsigned seconds)
{
	int fd = bpf_map__fd(w->k->bpf->maps.flows);
	struct flow_set set;

	for (uint32_t i = 0; i < FLOW_FLOW_SETS; i++) {
		bool any = false;
		bpf_map_lookup_elem(fd, &i, &set);
		for (size_t n = 0; n < countof(set.way); n++) {
			any |= set.way[n] != 0;
			set.way[n] -= set.way[n] ? (uint64_t)seconds << 48 : 0;
		}
		if (any)
			bpf_map_update_elem(fd, &i, &set, BPF_ANY);
	}
}
