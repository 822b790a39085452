// Who the other nodes are, and their keys.
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/openssl.h"
#include "lib/own.h"
#include "nearcastd/keeper_inside.h"

enum { DAY_S = 86400, KEY_BYTES = 16 };

uint8_t keep_phase(uint64_t unix_s)
{
	return unix_s / DAY_S & 1;
}

// HMAC-SHA-256 (RFC 2104) of "nearcast keeper 1 NODE DAY" under the secret, the first half.
static void key_of(const char *secret, uint16_t node, uint64_t day, uint8_t key[KEY_BYTES])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char text[64];
	unsigned size = sizeof(digest);
	int n = snprintf(text, sizeof(text), "nearcast keeper 1 %u %lu", node, day);

	openssl_start();
	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)text, (size_t)n,
		    digest, &size))
		mem_abort("HMAC");
	memcpy(key, digest, KEY_BYTES);
	explicit_bzero(digest, sizeof(digest));
}

// Today's key, and beside it yesterday's until noon and tomorrow's from then on: whoever is
// first or last to change finds the others ready for it.
void keep_keys(const char *secret, uint16_t node, uint64_t unix_s, uint8_t key[2][16])
{
	uint64_t day = unix_s / DAY_S;
	uint64_t other = unix_s % DAY_S < DAY_S / 2 ? day - 1 : day + 1;

	key_of(secret, node, day, key[day & 1]);
	key_of(secret, node, other, key[other & 1]);
}

struct list {
	struct keeper_node *nodes;
	size_t n;
};

// The one with that id; a new one if there is none.
static struct keeper_node *node_of(struct list *l, uint64_t id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->nodes[i].id == id)
			return &l->nodes[i];
	l->nodes = mem_resize(l->nodes, l->n + 1, sizeof(*l->nodes));
	l->nodes[l->n] = (struct keeper_node){ .id = (uint16_t)id };
	return &l->nodes[l->n++];
}

static void add_address(struct keeper_node *n, const struct ip_addr *a)
{
	if (a->family == IP4 && n->a4.family == IP_NONE)
		n->a4 = *a;
	else if (a->family == IP6 && n->a6.family == IP_NONE)
		n->a6 = *a;
}

static void add_addresses(struct keeper_node *n, const struct items *addresses)
{
	items_for_each(const struct ip_addr, a, *addresses) add_address(n, a);
}

// A node whose nearcastd died is out of the fleet's sight, but its sessions live on: what counts is
// whether its programs answer.
static bool answers(struct keep *k, uint16_t id)
{
	struct keep_life *life = &k->lives[id];
	struct flow_pair pair;

	if (!k->keeper || keeper_pair(k->keeper, id, &pair) < 0)
		return false;
	if (!life->lost || pair.received != life->received)
		*life = (struct keep_life){ .lost = true,
			.apart = life->apart,
			.since = k->ticks,
			.received = pair.received };
	return k->ticks - life->since <= KEEP_DEAD_TICKS;
}

// A dead node is known still, so that what it sent last is accepted; nothing is sent to it.
static void add_fleet(struct list *l, struct keep *k)
{
	const struct daemon *d = k->d;
	struct fleet_entry e;

	for (size_t i = 0; i < d->service_count; i++) {
		items_for_each(const struct ip_prefix, p, d->services[i].conf->prefixes)
		{
			size_t at = 0;
			while (fleet_view_entry(fleet_view(d->fleet), clock_now(), p, &at, &e)) {
				struct keeper_node *n = node_of(l, e.state.node);
				n->alive |= e.paths > 0;
				add_address(n, &e.address);
			}
		}
	}
}

static void add_file(struct list *l, const struct conf_keeper *c)
{
	items_for_each(const struct conf_keeper_node, node, c->nodes)
	{
		size_t before = l->n;
		struct keeper_node *n = node_of(l, node->id);
		if (l->n > before)
			n->alive = true; // the fleet does not say otherwise
		add_addresses(n, &node->addresses);
	}
}

const struct keeper_node *keep_node(const struct keep *k, uint16_t id)
{
	for (size_t i = 0; i < k->node_count; i++)
		if (k->nodes[i].id == id)
			return &k->nodes[i];
	return NULL;
}

const struct keeper_node *keep_self(const struct keep *k)
{
	return keep_node(k, k->config.self);
}

enum ip_family keep_path(const struct keeper_node *a, const struct keeper_node *b)
{
	if (a->a4.family == IP4 && b->a4.family == IP4)
		return IP4;
	return a->a6.family == IP6 && b->a6.family == IP6 ? IP6 : IP_NONE;
}

// Sessions cannot be kept between two such nodes, and no packet will ever say why.
static void tell_apart(struct keep *k, const struct list *l, uint16_t self)
{
	const struct keeper_node *us = NULL;

	for (size_t i = 0; i < l->n && !us; i++)
		if (l->nodes[i].id == self)
			us = &l->nodes[i];
	for (size_t i = 0; us && i < l->n; i++) {
		const struct keeper_node *n = &l->nodes[i];
		bool apart = n != us && keep_path(us, n) == IP_NONE;
		char id[8];
		snprintf(id, sizeof(id), "%u", n->id);
		if (apart && !k->lives[n->id].apart)
			events_add(k->d->events, EVENT_KEEPER_APART,
				&(struct event_fields){ .subject = id,
					.reason = "no-path",
					.detail = "it has no address of a family that this node "
						  "has: sessions cannot be forwarded to it" });
		k->lives[n->id].apart = apart;
	}
}

// From now on clients of a dead node's sessions get RST from here, until it is back.
static void tell_changes(const struct keep *k, const struct list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct keeper_node *before = keep_node(k, l->nodes[i].id);
		bool alive = l->nodes[i].alive;
		char id[8];
		if (!before || before->alive == alive)
			continue;
		snprintf(id, sizeof(id), "%u", l->nodes[i].id);
		events_add(k->d->events, alive ? EVENT_KEEPER_ALIVE : EVENT_KEEPER_DEAD,
			&(struct event_fields){
				.subject = id, .reason = alive ? "seen" : "silent" });
	}
}

bool keep_update_nodes(struct keep *k)
{
	const struct daemon *d = k->d;
	uint64_t now = (uint64_t)clock_unix_us() / 1000000;
	struct list l = {};

	struct keeper_node *self = node_of(&l, d->conf->node.id);
	self->alive = true;
	add_addresses(self, &d->conf->node.addresses);
	if (fleet_view(d->fleet))
		add_fleet(&l, k);
	for (size_t i = 0; i < l.n; i++) {
		if (l.nodes[i].alive)
			k->lives[l.nodes[i].id].lost = false;
		else
			l.nodes[i].alive = answers(k, l.nodes[i].id);
	}
	add_file(&l, &d->conf->keeper);
	for (size_t i = 0; i < l.n; i++) {
		l.nodes[i].mtu = (uint16_t)d->conf->keeper.mtu;
		keep_keys(d->conf->keeper.secret, l.nodes[i].id, now, l.nodes[i].key);
	}
	if (l.n == k->node_count && memcmp(l.nodes, k->nodes, l.n * sizeof(*l.nodes)) == 0) {
		free(l.nodes);
		return false;
	}
	tell_changes(k, &l);
	tell_apart(k, &l, (uint16_t)d->conf->node.id);
	free(k->nodes);
	k->nodes = l.nodes;
	k->node_count = l.n;
	return true;
}
