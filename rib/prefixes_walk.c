// Walks of the trie in order: a stack of frames, a bitmap's place in each.
#include "rib/node.h"

static struct prefixes_frame *push(struct prefixes_walk *w, uint32_t node)
{
	struct prefixes_frame *f = &w->frames[++w->depth];

	*f = (struct prefixes_frame){
		.node = node,
		.place_end = PLACES,
		.child_end = CHILDREN,
	};
	return f;
}

static unsigned bits_left(const struct ip_prefix *p, unsigned depth)
{
	return p->len - depth * STRIDE;
}

static unsigned value_of(const struct ip_prefix *p, unsigned depth, unsigned bits)
{
	return bits ? p->addr.b[depth] >> (STRIDE - bits) : 0;
}

// The frame of what `under` covers; returns its depth in the trie.
static unsigned begin_under(struct prefixes_walk *w, const struct ip_prefix *under)
{
	const struct prefixes *t = w->t;
	uint32_t node = 0;
	unsigned depth = 0;

	for (; bits_left(under, depth) > STRIDE; depth++) {
		const struct node *n = node_at(t, node);
		if (!node_bit(n->below, under->addr.b[depth]))
			return depth;
		node = node_child(t, n, under->addr.b[depth]);
		if (node & LONE) {
			struct ip_prefix key = prefixes_key(t, node & ~LONE);
			if (prefix_covers(under, &key))
				w->only = node & ~LONE;
			return depth;
		}
	}
	unsigned bits = bits_left(under, depth), value = value_of(under, depth, bits);
	unsigned place = place_of(bits, value);
	struct prefixes_frame *f = push(w, node);
	f->place = (uint16_t)place;
	f->place_end = (uint16_t)place_end(bits, place);
	f->child = (uint16_t)(value << (STRIDE - bits));
	f->child_end = (uint16_t)((value + 1) << (STRIDE - bits));
	return depth;
}

static bool is_behind(const struct prefixes *t, uint32_t number, const struct ip_prefix *p)
{
	struct ip_prefix key = prefixes_key(t, number);

	return prefix_cmp(&key, p) > 0;
}

static void move_to(struct prefixes_frame *f, unsigned place, unsigned child)
{
	f->place = (uint16_t)(f->place > place ? f->place : place);
	f->child = (uint16_t)(f->child > child ? f->child : child);
}

// From the outer frame down to where p is or would be; p is within that frame.
static void skip_to(struct prefixes_walk *w, const struct ip_prefix *p, unsigned depth)
{
	for (;; depth++) {
		struct prefixes_frame *f = &w->frames[w->depth];
		const struct node *n = node_at(w->t, f->node);
		unsigned left = bits_left(p, depth), byte = p->addr.b[depth];

		if (left <= STRIDE) {
			unsigned value = value_of(p, depth, left);
			move_to(f, place_of(left, value) + 1, value << (STRIDE - left));
			return;
		}
		if (!node_bit(n->below, byte)) {
			move_to(f, place_of(STRIDE, byte) + 1, byte);
			return;
		}
		uint32_t child = node_child(w->t, n, byte);
		if (child & LONE) {
			bool passed = !is_behind(w->t, child & ~LONE, p);
			move_to(f, place_of(STRIDE, byte) + 1, byte + passed);
			return;
		}
		move_to(f, place_of(STRIDE, byte) + 1, byte + 1);
		push(w, child);
	}
}

void prefixes_walk(struct prefixes_walk *w, const struct prefixes *t, const struct ip_prefix *under,
	const struct ip_prefix *after)
{
	const struct ip_prefix all = { .addr.family = t->family };

	w->t = t;
	w->depth = -1;
	w->only = PREFIXES_NONE;
	unsigned depth = begin_under(w, under ? under : &all);
	if (!after)
		return;
	if (w->only != PREFIXES_NONE && !is_behind(t, w->only, after))
		w->only = PREFIXES_NONE;
	if (w->depth < 0)
		return;
	if (!under || prefix_covers(under, after))
		skip_to(w, after, depth);
	else if (prefix_cmp(after, under) > 0)
		w->depth = -1; // what it covers lies together, before that
}

uint32_t prefixes_next(struct prefixes_walk *w)
{
	uint32_t only = w->only;

	w->only = PREFIXES_NONE;
	if (only != PREFIXES_NONE)
		return only;
	while (w->depth >= 0) {
		struct prefixes_frame *f = &w->frames[w->depth];
		const struct node *n = node_at(w->t, f->node);
		unsigned place = node_next_bit(n->here, PLACE_WORDS, f->place);
		unsigned child = node_next_bit(n->below, CHILD_WORDS, f->child);
		bool has_child = child < f->child_end;

		if (place < f->place_end && (!has_child || place <= place_of(STRIDE, child))) {
			f->place = (uint16_t)(place + 1);
			return node_number(w->t, n, place);
		}
		if (!has_child) {
			w->depth--;
			continue;
		}
		f->child = (uint16_t)(child + 1);
		child = node_child(w->t, n, child);
		if (child & LONE)
			return child & ~LONE;
		push(w, child);
	}
	return PREFIXES_NONE;
}
