// Nodes of the trie: bitmaps, their ranks, and arrays that grow and shrink by one.
#include "rib/node.h"

#include <string.h>

#include "lib/own.h"

// Capacities of runs. A run of a length always has the least that it fits in, so that its class
// need not be kept.
static const uint16_t capacities[] = { 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96,
	128, 160, 192, 256, 320, 384, 511 };
_Static_assert(countof(capacities) == PREFIXES_RUNS, "a class each");

static unsigned class_of(unsigned count)
{
	unsigned class = count > 64 ? 15 : count > 12 ? 8 : 0;

	while (capacities[class] < count)
		class ++;
	return class;
}

void node_init_runs(struct prefixes *t)
{
	for (size_t i = 0; i < countof(capacities); i++)
		pages_init(&t->runs[i], capacities[i] * sizeof(uint32_t));
}

uint32_t run_get(const struct prefixes *t, uint32_t run, unsigned count, unsigned i)
{
	const uint32_t *a = pages_at(&t->runs[class_of(count)], run);

	return a[i];
}

// Moves a run of that length to one with room for `to`; either may be 0.
static uint32_t move(struct prefixes *t, uint32_t run, unsigned from, unsigned to)
{
	unsigned old = class_of(from), class = class_of(to);

	if (from > 0 && to > 0 && old == class)
		return run;
	uint32_t now = to > 0 ? pages_take(&t->runs[class]) : 0;
	if (from > 0 && to > 0)
		memcpy(pages_edit(&t->runs[class], now), pages_at(&t->runs[old], run),
			(from < to ? from : to) * sizeof(uint32_t));
	if (from > 0)
		pages_drop(&t->runs[old], run);
	return now;
}

static uint32_t run_insert(
	struct prefixes *t, uint32_t run, unsigned count, unsigned i, uint32_t value)
{
	uint32_t now = move(t, run, count, count + 1);
	uint32_t *a = pages_edit(&t->runs[class_of(count + 1)], now);

	memmove(a + i + 1, a + i, (count - i) * sizeof(*a));
	a[i] = value;
	return now;
}

static uint32_t run_remove(struct prefixes *t, uint32_t run, unsigned count, unsigned i)
{
	uint32_t *a = pages_edit(&t->runs[class_of(count)], run);

	memmove(a + i, a + i + 1, (count - i - 1) * sizeof(*a));
	return move(t, run, count, count - 1);
}

unsigned node_next_bit(const uint64_t *map, unsigned words, unsigned i)
{
	if (i >= words * 64)
		return words * 64;
	uint64_t word = map[i / 64] >> i % 64;
	if (word)
		return i + (unsigned)__builtin_ctzll(word);
	for (unsigned w = i / 64 + 1; w < words; w++)
		if (map[w])
			return w * 64 + (unsigned)__builtin_ctzll(map[w]);
	return words * 64;
}

const struct node *node_at(const struct prefixes *t, uint32_t node)
{
	return pages_at(&t->nodes, node);
}

static struct node *edit(struct prefixes *t, uint32_t node)
{
	return pages_edit(&t->nodes, node);
}

uint32_t node_new(struct prefixes *t)
{
	uint32_t number = pages_take(&t->nodes);

	*edit(t, number) = (struct node){};
	return number;
}

void node_free(struct prefixes *t, uint32_t node)
{
	pages_drop(&t->nodes, node);
}

uint32_t node_number(const struct prefixes *t, const struct node *n, unsigned place)
{
	return run_get(t, n->numbers, n->number_count, number_rank(n, place));
}

uint32_t node_child(const struct prefixes *t, const struct node *n, unsigned child)
{
	return run_get(t, n->children, n->child_count, child_rank(n, child));
}

static void flip_number(struct node *n, unsigned place, int change)
{
	n->here[place / 64] ^= UINT64_C(1) << place % 64;
	for (unsigned w = place / 64 + 1; w < PLACE_WORDS; w++)
		n->here_rank[w] = (uint16_t)(n->here_rank[w] + change);
	n->number_count = (uint16_t)(n->number_count + change);
}

static void flip_child(struct node *n, unsigned child, int change)
{
	n->below[child / 64] ^= UINT64_C(1) << child % 64;
	for (unsigned w = child / 64 + 1; w < CHILD_WORDS; w++)
		n->below_rank[w] = (uint8_t)(n->below_rank[w] + change);
	n->child_count = (uint16_t)(n->child_count + change);
}

void node_add_number(struct prefixes *t, uint32_t node, unsigned place, uint32_t number)
{
	struct node *n = edit(t, node);

	n->numbers = run_insert(t, n->numbers, n->number_count, number_rank(n, place), number);
	flip_number(n, place, 1);
}

void node_add_child(struct prefixes *t, uint32_t node, unsigned child, uint32_t value)
{
	struct node *n = edit(t, node);

	n->children = run_insert(t, n->children, n->child_count, child_rank(n, child), value);
	flip_child(n, child, 1);
}

void node_set_child(struct prefixes *t, uint32_t node, unsigned child, uint32_t value)
{
	const struct node *n = node_at(t, node);
	uint32_t *a = pages_edit(&t->runs[class_of(n->child_count)], n->children);

	a[child_rank(n, child)] = value;
}

void node_remove_number(struct prefixes *t, uint32_t node, unsigned place)
{
	struct node *n = edit(t, node);

	n->numbers = run_remove(t, n->numbers, n->number_count, number_rank(n, place));
	flip_number(n, place, -1);
}

void node_remove_child(struct prefixes *t, uint32_t node, unsigned child)
{
	struct node *n = edit(t, node);

	n->children = run_remove(t, n->children, n->child_count, child_rank(n, child));
	flip_child(n, child, -1);
}
