// Adding, removing and finding prefixes; walks are in rib/prefixes_walk.c.
#include "rib/prefixes.h"

#include <string.h>

#include "rib/node.h"

// ---- Keys ----

// As it lies in its page: the address's octets, then { uses:24, length:8 }.
enum { LENGTH_BITS = 8, LENGTH_MASK = 255 };

static size_t addr_bytes(const struct prefixes *t)
{
	return t->family == IP4 ? 4 : 16;
}

static const uint8_t *key_addr(const struct prefixes *t, uint32_t number)
{
	return pages_at(&t->keys, number);
}

static uint32_t key_tail(const struct prefixes *t, uint32_t number)
{
	uint32_t tail;

	memcpy(&tail, key_addr(t, number) + addr_bytes(t), sizeof(tail));
	return tail;
}

static void set_tail(struct prefixes *t, uint32_t number, uint32_t tail)
{
	uint8_t *key = pages_edit(&t->keys, number);

	memcpy(key + addr_bytes(t), &tail, sizeof(tail));
}

static unsigned key_len(const struct prefixes *t, uint32_t number)
{
	return key_tail(t, number) & LENGTH_MASK;
}

static uint32_t key_new(struct prefixes *t, const struct ip_prefix *p)
{
	uint32_t number = pages_take(&t->keys);

	memcpy(pages_edit(&t->keys, number), p->addr.b, addr_bytes(t));
	set_tail(t, number, p->len);
	return number;
}

static bool key_is(const struct prefixes *t, uint32_t number, const struct ip_prefix *p)
{
	return key_len(t, number) == p->len &&
	       memcmp(key_addr(t, number), p->addr.b, addr_bytes(t)) == 0;
}

struct ip_prefix prefixes_key(const struct prefixes *t, uint32_t number)
{
	return (struct ip_prefix){
		.addr = ip_from_bytes(t->family, key_addr(t, number)),
		.len = (uint8_t)key_len(t, number),
	};
}

uint32_t prefixes_uses(const struct prefixes *t, uint32_t number)
{
	return key_tail(t, number) >> LENGTH_BITS;
}

void prefixes_use(struct prefixes *t, uint32_t number, int change)
{
	set_tail(t, number, key_tail(t, number) + ((uint32_t)change << LENGTH_BITS));
}

uint32_t prefixes_count(const struct prefixes *t)
{
	return t->keys.live;
}

uint32_t prefixes_top(const struct prefixes *t)
{
	return t->keys.top;
}

// ---- The trie ----

void prefixes_init(struct prefixes *t, enum ip_family family)
{
	*t = (struct prefixes){ .family = family };
	pages_init(&t->keys, addr_bytes(t) + 4);
	pages_init(&t->nodes, sizeof(struct node));
	node_init_runs(t);
	(void)node_new(t);
}

void prefixes_free(struct prefixes *t)
{
	pages_free(&t->keys);
	pages_free(&t->nodes);
	for (unsigned i = 0; i < PREFIXES_RUNS; i++)
		pages_free(&t->runs[i]);
}

void prefixes_snapshot(struct prefixes *ret, struct prefixes *t)
{
	ret->family = t->family;
	pages_snapshot(&ret->keys, &t->keys);
	pages_snapshot(&ret->nodes, &t->nodes);
	for (unsigned i = 0; i < PREFIXES_RUNS; i++)
		pages_snapshot(&ret->runs[i], &t->runs[i]);
}

void prefixes_unshared(struct prefixes *t)
{
	pages_unshared(&t->keys);
	pages_unshared(&t->nodes);
	for (unsigned i = 0; i < PREFIXES_RUNS; i++)
		pages_unshared(&t->runs[i]);
}

// Bits of the prefix that are left at that depth. A prefix ends in the stride that has its last
// bit; only that of length 0 has none in it.
static unsigned bits_left(unsigned len, unsigned depth)
{
	return len - depth * STRIDE;
}

static unsigned place_in(const uint8_t *addr, unsigned left, unsigned depth)
{
	return place_of(left, left ? addr[depth] >> (STRIDE - left) : 0);
}

// Puts a lone prefix into a node that has nothing yet.
static void put_first(struct prefixes *t, uint32_t node, unsigned depth, uint32_t number)
{
	const uint8_t *addr = key_addr(t, number);
	unsigned left = bits_left(key_len(t, number), depth);

	if (left <= STRIDE)
		node_add_number(t, node, place_in(addr, left, depth), number);
	else
		node_add_child(t, node, addr[depth], number | LONE);
}

uint32_t prefixes_add(struct prefixes *t, const struct ip_prefix *p)
{
	uint32_t node = 0;

	for (unsigned depth = 0;; depth++) {
		const struct node *n = node_at(t, node);
		unsigned left = bits_left(p->len, depth), byte = p->addr.b[depth];

		if (left <= STRIDE) {
			unsigned place = place_in(p->addr.b, left, depth);
			if (node_bit(n->here, place))
				return node_number(t, n, place);
			uint32_t number = key_new(t, p);
			node_add_number(t, node, place, number);
			return number;
		}
		if (!node_bit(n->below, byte)) {
			uint32_t number = key_new(t, p);
			node_add_child(t, node, byte, number | LONE);
			return number;
		}
		uint32_t child = node_child(t, n, byte);
		if (child & LONE) {
			uint32_t other = child & ~LONE;
			if (key_is(t, other, p))
				return other;
			child = node_new(t);
			put_first(t, child, depth + 1, other);
			node_set_child(t, node, byte, child);
		}
		node = child;
	}
}

uint32_t prefixes_find(const struct prefixes *t, const struct ip_prefix *p)
{
	uint32_t node = 0;

	for (unsigned depth = 0;; depth++) {
		const struct node *n = node_at(t, node);
		unsigned left = bits_left(p->len, depth), byte = p->addr.b[depth];

		if (left <= STRIDE) {
			unsigned place = place_in(p->addr.b, left, depth);
			return node_bit(n->here, place) ? node_number(t, n, place) : PREFIXES_NONE;
		}
		if (!node_bit(n->below, byte))
			return PREFIXES_NONE;
		node = node_child(t, n, byte);
		if (node & LONE)
			return key_is(t, node & ~LONE, p) ? node & ~LONE : PREFIXES_NONE;
	}
}

// ---- Removing ----

// The one thing in a node, as a child would be; 0: there is more, or it is a node of its own.
static uint32_t only_thing(const struct prefixes *t, const struct node *n)
{
	if (n->number_count == 1 && n->child_count == 0)
		return run_get(t, n->numbers, 1, 0) | LONE;
	if (n->number_count == 0 && n->child_count == 1) {
		uint32_t child = run_get(t, n->children, 1, 0);
		return child & LONE ? child : 0;
	}
	return 0;
}

static void clear(struct prefixes *t, uint32_t node)
{
	const struct node *n = node_at(t, node);

	if (n->number_count)
		node_remove_number(t, node, node_next_bit(n->here, PLACE_WORDS, 0));
	if (n->child_count)
		node_remove_child(t, node, node_next_bit(n->below, CHILD_WORDS, 0));
	node_free(t, node);
}

// Nodes on the way down that now have one prefix below them go, from the innermost out.
static void collapse(struct prefixes *t, const uint32_t path[PREFIXES_DEPTH], unsigned depth,
	const uint8_t *addr)
{
	for (; depth > 0; depth--) {
		uint32_t lone = only_thing(t, node_at(t, path[depth]));
		if (!lone)
			return;
		clear(t, path[depth]);
		node_set_child(t, path[depth - 1], addr[depth - 1], lone);
	}
}

void prefixes_remove(struct prefixes *t, uint32_t number)
{
	struct ip_prefix p = prefixes_key(t, number);
	uint32_t path[PREFIXES_DEPTH] = {};
	unsigned depth = 0;

	for (;; depth++) {
		const struct node *n = node_at(t, path[depth]);
		unsigned left = bits_left(p.len, depth);

		if (left <= STRIDE) {
			node_remove_number(t, path[depth], place_in(p.addr.b, left, depth));
			break;
		}
		uint32_t child = node_child(t, n, p.addr.b[depth]);
		if (child & LONE) {
			node_remove_child(t, path[depth], p.addr.b[depth]);
			break;
		}
		path[depth + 1] = child;
	}
	collapse(t, path, depth, p.addr.b);
	pages_drop(&t->keys, number);
	if (t->keys.live == 0) { // the root alone would hold the memory of all nodes there were
		pages_free(&t->nodes);
		(void)node_new(t);
	}
}

// ---- Matches ----

// The longest prefix of a node that covers p there; PREFIXES_NONE.
static uint32_t match_in(
	const struct prefixes *t, const struct node *n, const struct ip_prefix *p, unsigned depth)
{
	unsigned left = bits_left(p->len, depth);

	if (n->number_count == 0)
		return PREFIXES_NONE;
	for (int bits = left < STRIDE ? (int)left : STRIDE; bits >= 0; bits--) {
		unsigned place = place_in(p->addr.b, (unsigned)bits, depth);
		if (node_bit(n->here, place))
			return node_number(t, n, place);
	}
	return PREFIXES_NONE;
}

static bool lone_covers(const struct prefixes *t, uint32_t child, const struct ip_prefix *p)
{
	struct ip_prefix key = prefixes_key(t, child & ~LONE);

	return prefix_covers(&key, p);
}

uint32_t prefixes_match(const struct prefixes *t, const struct ip_prefix *p)
{
	const struct node *path[PREFIXES_DEPTH];
	unsigned depth = 0;

	path[0] = node_at(t, 0);
	while (bits_left(p->len, depth) > STRIDE &&
		node_bit(path[depth]->below, p->addr.b[depth])) {
		uint32_t child = node_child(t, path[depth], p->addr.b[depth]);
		if (child & LONE) {
			if (lone_covers(t, child, p))
				return child & ~LONE;
			break;
		}
		path[++depth] = node_at(t, child);
	}
	for (;; depth--) {
		uint32_t number = match_in(t, path[depth], p, depth);
		if (number != PREFIXES_NONE || depth == 0)
			return number;
	}
}

size_t prefixes_covering(
	const struct prefixes *t, const struct ip_prefix *p, uint32_t ret[PREFIXES_COVERING_MAX])
{
	uint32_t node = 0;
	size_t count = 0;

	for (unsigned depth = 0;; depth++) {
		const struct node *n = node_at(t, node);
		unsigned left = bits_left(p->len, depth);

		for (unsigned bits = 0; bits <= (left < STRIDE ? left : STRIDE); bits++) {
			unsigned place = place_in(p->addr.b, bits, depth);
			if (node_bit(n->here, place))
				ret[count++] = node_number(t, n, place);
		}
		if (left <= STRIDE || !node_bit(n->below, p->addr.b[depth]))
			return count;
		node = node_child(t, n, p->addr.b[depth]);
		if (node & LONE) {
			if (lone_covers(t, node, p))
				ret[count++] = node & ~LONE;
			return count;
		}
	}
}

size_t prefixes_keys_bytes(const struct prefixes *t)
{
	return pages_bytes(&t->keys);
}

size_t prefixes_nodes_bytes(const struct prefixes *t)
{
	size_t n = pages_bytes(&t->nodes);

	for (unsigned i = 0; i < PREFIXES_RUNS; i++)
		n += pages_bytes(&t->runs[i]);
	return n;
}
