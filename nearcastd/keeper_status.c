// What `nearcast show flows` prints.
#include "lib/own.h"
#include "nearcastd/keeper_inside.h"

// What is wrong first of all; NULL: nothing is.
static const char *fault_of(const struct keep *k)
{
	const char *fault = k->fault;

	for (size_t i = 0; i < k->place_count && !fault; i++)
		fault = k->places[i].fault;
	return fault;
}

static void interfaces_write(struct out *o, const struct keep *k)
{
	out_table(o, "interfaces");
	for (size_t i = 0; i < k->place_count; i++) {
		const struct keep_place *p = &k->places[i];
		out_object(o, NULL);
		out_str(o, "name", p->name);
		out_bool(o, "attached", p->attached);
		out_str(o, "mode", p->attached ? keeper_mode_name(p->place.mode) : NULL);
		if (p->attached)
			out_bool(o, "shared", p->place.shared);
		else
			out_null(o, "shared");
		out_end(o);
	}
	out_end(o);
}

// The sums that people ask for, and each counter they are made of.
static void counts_write(struct out *o, const struct keep *k)
{
	uint64_t n[FLOW_C_MAX] = {}, forwarded = 0, refused = 0;

	if (k->keeper && keeper_counts(k->keeper, n) < 0)
		n[0] = 0;
	for (enum flow_count c = FLOW_C_FORWARD_STAMP; c <= FLOW_C_FORWARD_ICMP; c++)
		forwarded += n[c];
	for (enum flow_count c = 0; c < FLOW_C_MAX; c++)
		refused += flow_count_is_loss(c) ? n[c] : 0;
	out_uint(o, "local", n[FLOW_C_LOCAL] + n[FLOW_C_SYN] + n[FLOW_C_UDP_LOCAL]);
	out_uint(o, "forwarded", forwarded);
	out_uint(o, "received", n[FLOW_C_RECEIVED]);
	out_uint(o, "refused", refused);
	out_object(o, "counters");
	for (enum flow_count c = 0; c < FLOW_C_MAX; c++)
		out_uint(o, flow_count_name(c), n[c]);
	out_end(o);
}

static void address_write(struct out *o, const char *name, const struct ip_addr *a)
{
	char text[IP_TEXT];

	out_str(o, name, a->family == IP_NONE ? NULL : ip_print(a, text));
}

// Over which family packets go there.
static const char *path_name(const struct keeper_node *self, const struct keeper_node *n)
{
	enum ip_family family = self ? keep_path(self, n) : IP_NONE;

	return family == IP4 ? "IPv4" : family == IP6 ? "IPv6" : "none";
}

static void nodes_write(struct out *o, const struct keep *k)
{
	const struct keeper_node *self = keep_self(k);

	out_table(o, "nodes");
	for (size_t i = 0; i < k->node_count; i++) {
		const struct keeper_node *n = &k->nodes[i];
		struct flow_pair pair = {};
		if (n->id == k->config.self ||
			(k->keeper && keeper_pair(k->keeper, n->id, &pair) < 0))
			continue;
		out_object(o, NULL);
		out_uint(o, "id", n->id);
		address_write(o, "address4", &n->a4);
		address_write(o, "address6", &n->a6);
		out_str(o, "path", path_name(self, n));
		out_bool(o, "alive", n->alive);
		out_uint(o, "sent", pair.sent);
		out_uint(o, "received", pair.received);
		out_end(o);
	}
	out_end(o);
}

static void services_write_sessions(struct out *o, const struct keep *k)
{
	out_table(o, "services");
	for (size_t i = 0; i < k->d->service_count; i++) {
		const struct service *s = &k->d->services[i];
		uint64_t sessions;
		out_object(o, NULL);
		out_str(o, "name", s->conf->name);
		if (keep_sessions(k, s, &sessions))
			out_uint(o, "sessions", sessions);
		else
			out_null(o, "sessions");
		out_end(o);
	}
	out_end(o);
}

void keep_write(struct out *o, const char *name, const struct daemon *d)
{
	const struct keep *k = d->keep;

	if (!k) {
		out_null(o, name);
		return;
	}
	out_object(o, name);
	out_bool(o, "running", k->keeper != NULL);
	out_str(o, "fault", fault_of(k));
	out_uint(o, "node", d->conf->node.id);
	out_uint(o, "port", d->conf->keeper.port);
	interfaces_write(o, k);
	services_write_sessions(o, k);
	counts_write(o, k);
	nodes_write(o, k);
	out_end(o);
}
