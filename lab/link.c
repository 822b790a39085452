#include "lab/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/delayline.h"
#include "lab/netns.h"
#include "lab/rtnl.h"
#include "lab/xdp.h"
#include "lib/mem.h"

enum { NETEM_LIMIT = 8192 };

const char *link_method_name(enum link_method m)
{
	static const char *const names[] = {
		[LINK_NETEM] = "netem",
		[LINK_DELAY_LINE] = "delay line",
	};

	return names[m];
}

static bool is_plain(const struct lab_link *l)
{
	return l->delay.us < LINK_DELAY_MIN_US && l->loss <= 0;
}

// Runs tc(8) there; true when it succeeded.
static bool tc(const struct world *w, const struct lab_node *node, const char *const argv[])
{
	int status = -1;
	pid_t pid = world_spawn(w, node, "tc.log", argv);

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool add_netem(const struct world *w, const struct lab_node *node, const char *ifname,
	span delay, double loss)
{
	char delay_text[32], loss_text[32], limit[16];

	snprintf(delay_text, sizeof(delay_text), "%jdus", (intmax_t)delay.us);
	snprintf(loss_text, sizeof(loss_text), "%.4f%%", loss);
	snprintf(limit, sizeof(limit), "%d", NETEM_LIMIT);
	const char *const argv[] = { "tc", "qdisc", "add", "dev", ifname, "root", "netem", "limit",
		limit, "delay", delay_text, "loss", loss_text, NULL };
	return tc(w, node, argv);
}

// The only sure way to know is to ask for one.
static enum link_method probe(const struct world *w)
{
	const struct lab_node *node = &w->topology->nodes[0];
	const char *const remove[] = { "tc", "qdisc", "del", "dev", "lo", "root", NULL };

	if (!add_netem(w, node, "lo", span_ms(1), 0))
		return LINK_DELAY_LINE;
	return tc(w, node, remove) ? LINK_NETEM : LINK_DELAY_LINE;
}

static int add_addresses(const struct link_end *e)
{
	int rc = rtnl_add_address(e->node->netns, e->ifname, &e->address4, LINK_BITS4);

	if (rc == 0)
		rc = rtnl_add_address(e->node->netns, e->ifname, &e->address6, LINK_BITS6);
	if (rc == 0)
		rc = rtnl_set_up(e->node->netns, e->ifname, true);
	return rc;
}

static int make_veth(const struct world *w, const struct lab_link *l)
{
	int rc = rtnl_add_veth(l->a.node->netns, l->a.ifname, l->b.node->netns, l->b.ifname);

	if (rc < 0 || is_plain(l))
		return rc;
	return add_netem(w, l->a.node, l->a.ifname, l->delay, l->loss) &&
			       add_netem(w, l->b.node, l->b.ifname, l->delay, l->loss)
		       ? 0
		       : -EIO;
}

static int make_taps(const struct lab_link *l, struct delayline_link *ret)
{
	int a = delayline_tap(l->a.node->netns, l->a.ifname);

	if (a < 0)
		return a;
	int b = delayline_tap(l->b.node->netns, l->b.ifname);
	if (b < 0) {
		close(a);
		return b;
	}
	*ret = (struct delayline_link){ .tap = { a, b }, .delay = l->delay, .loss = l->loss };
	return 0;
}

struct taps {
	struct delayline_link *links;
	size_t count;
};

static void close_taps(struct taps *t)
{
	for (size_t i = 0; i < t->count; i++) {
		close_fd(&t->links[i].tap[0]);
		close_fd(&t->links[i].tap[1]);
	}
	free_ptr(&t->links);
}

static pid_t start_delay_line(const struct world *w, const struct taps *t)
{
	own(free_ptr) int *keep = mem_zalloc(2 * t->count * sizeof(*keep));

	for (size_t i = 0; i < t->count; i++) {
		keep[2 * i] = t->links[i].tap[0];
		keep[2 * i + 1] = t->links[i].tap[1];
	}
	pid_t pid = world_fork(w, "delay-line.log", keep, 2 * t->count);
	if (pid == 0) {
		int rc = delayline_run(t->links, t->count, 1);
		fprintf(stderr, "delay line: %s\n", strerror(-rc));
		_exit(1);
	}
	return pid;
}

// What XDP sends back passes by a queueing discipline, and so by netem: a keeper's links are the
// delay line's in any case.
static int make_all(const struct world *w, enum link_method method, struct taps *taps,
	const struct lab_link **at)
{
	const struct topology *t = w->topology;
	int rc = 0;

	for (size_t i = 0; i < t->link_count && rc == 0; i++) {
		const struct lab_link *l = *at = &t->links[i];
		if (is_plain(l) || (method == LINK_NETEM && !l->b.node->keeper))
			rc = make_veth(w, l);
		else if ((rc = make_taps(l, &taps->links[taps->count])) == 0)
			taps->count++;
		if (rc == 0 && l->b.node->keeper)
			rc = is_plain(l) ? xdp_suit_veth(l) : xdp_suit_taps(l);
		if (rc == 0)
			rc = add_addresses(&l->a);
		if (rc == 0)
			rc = add_addresses(&l->b);
	}
	return rc;
}

static int add_default(const struct lab_link *l)
{
	int rc = rtnl_add_default(l->b.node->netns, &l->a.address4, l->metric);

	return rc < 0 ? rc : rtnl_add_default(l->b.node->netns, &l->a.address6, l->metric);
}

static int add_defaults(const struct topology *t)
{
	int rc = 0;

	for (size_t i = 0; i < t->link_count && rc == 0; i++) {
		const struct lab_link *l = &t->links[i];
		if (l->edge)
			rc = add_default(l);
	}
	return rc;
}

static int set_up_nodes(const struct topology *t)
{
	int rc = 0;

	for (size_t i = 0; i < t->node_count && rc == 0; i++) {
		const struct lab_node *n = &t->nodes[i];
		rc = rtnl_set_up(n->netns, "lo", true);
		if (rc == 0 && n->kind == NODE_KIND_ROUTER)
			rc = rtnl_add_address(n->netns, "lo", &n->address4, 32);
		if (rc == 0 && n->kind == NODE_KIND_ROUTER)
			rc = rtnl_add_address(n->netns, "lo", &n->address6, 128);
	}
	return rc;
}

int links_make(const struct world *w, enum link_method *method, pid_t *line, struct strbuf *error)
{
	const struct topology *t = w->topology;
	own(close_taps) struct taps taps = { .links = mem_zalloc(
						     t->link_count * sizeof(*taps.links)) };
	const struct lab_link *at = NULL;
	enum link_method m = probe(w);
	pid_t pid = 0;

	int rc = set_up_nodes(t);
	if (rc == 0)
		rc = make_all(w, m, &taps, &at);
	if (rc == 0 && taps.count > 0)
		pid = start_delay_line(w, &taps);
	if (pid < 0)
		rc = pid;
	if (rc == 0)
		rc = add_defaults(t);
	if (rc < 0) {
		sb_printf(error, "cannot make the link between %s and %s (%s): %s",
			at ? at->a.node->name : "-", at ? at->b.node->name : "-",
			link_method_name(m), strerror(-rc));
		return rc;
	}
	*method = m;
	*line = pid;
	return 0;
}

int link_set_up(const struct lab_link *l, bool up)
{
	int rc = rtnl_set_up(l->a.node->netns, l->a.ifname, up);

	if (rc == 0)
		rc = rtnl_set_up(l->b.node->netns, l->b.ifname, up);
	// The kernel forgot the routes through it.
	return rc == 0 && up && l->edge ? add_default(l) : rc;
}
