#include "rib/lane.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

enum { SHIFT = 8 };

// ---- Blocks ----

static uint32_t *sets_of(struct lane_block *b)
{
	return b->cells;
}

static uint32_t *times_of(struct lane_block *b)
{
	return b->cells + b->cap;
}

static uint32_t *ids_of(struct lane_block *b)
{
	return b->cells + 2 * b->cap;
}

static size_t block_bytes(unsigned cap, bool with_ids)
{
	return sizeof(struct lane_block) + (size_t)cap * (with_ids ? 3 : 2) * sizeof(uint32_t);
}

// Twice as much while there are few, then steps of 32: a block of a full table is full.
static unsigned cap_for(unsigned count)
{
	unsigned cap = 4;

	while (cap < count && cap < 32)
		cap *= 2;
	while (cap < count)
		cap += 32;
	return cap;
}

static void copy_cells(struct lane_block *to, struct lane_block *from, bool with_ids)
{
	size_t n = from->count * sizeof(uint32_t);

	memcpy(sets_of(to), sets_of(from), n);
	memcpy(times_of(to), times_of(from), n);
	if (with_ids)
		memcpy(ids_of(to), ids_of(from), n);
}

static void block_drop(struct lane_block *b)
{
	if (b && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
		free(b);
}

// The same routes with room for cap, in a block of its own; lets go of the old one.
static struct lane_block *block_with(struct lane_block *old, unsigned cap, bool with_ids)
{
	struct lane_block *b = mem_resize(NULL, 1, block_bytes(cap, with_ids));

	*b = (struct lane_block){ .cap = (uint16_t)cap };
	atomic_init(&b->refs, 1);
	if (!old)
		return b;
	b->count = old->count; // field by field: another thread may be letting go of old
	memcpy(b->here, old->here, sizeof(b->here));
	memcpy(b->stale, old->stale, sizeof(b->stale));
	memcpy(b->marks, old->marks, sizeof(b->marks));
	copy_cells(b, old, with_ids);
	block_drop(old);
	return b;
}

static bool bit(const uint64_t *map, unsigned i)
{
	return map[i / 64] >> i % 64 & 1;
}

static void set_bit(uint64_t *map, unsigned i)
{
	map[i / 64] |= UINT64_C(1) << i % 64;
}

static void clear_bit(uint64_t *map, unsigned i)
{
	map[i / 64] &= ~(UINT64_C(1) << i % 64);
}

// How many routes there are before place i.
static unsigned rank_of(const struct lane_block *b, unsigned i)
{
	unsigned n = 0;

	if (b->count == LANE_BLOCK)
		return i;
	for (unsigned w = 0; w < i / 64; w++)
		n += (unsigned)__builtin_popcountll(b->here[w]);
	return n + (unsigned)__builtin_popcountll(b->here[i / 64] & ((UINT64_C(1) << i % 64) - 1));
}

static uint8_t mark_at(const struct lane_block *b, unsigned i)
{
	return (uint8_t)(bit(b->marks[0], i) | bit(b->marks[1], i) << 1);
}

static void put_mark(struct lane_block *b, unsigned i, unsigned mark)
{
	for (unsigned k = 0; k < LANE_MARK_BITS; k++)
		if (mark >> k & 1)
			set_bit(b->marks[k], i);
		else
			clear_bit(b->marks[k], i);
}

// ---- Directories ----

static struct lane_dir *dir_new(uint32_t count)
{
	struct lane_dir *d = mem_zalloc(sizeof(*d) + count * sizeof(*d->list));

	atomic_init(&d->refs, 1);
	d->count = count;
	return d;
}

static void dir_drop(struct lane_dir *d)
{
	if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < d->count; i++)
		block_drop(d->list[i]);
	free(d);
}

void lane_init(struct lane *l, bool with_ids)
{
	*l = (struct lane){ .with_ids = with_ids };
}

void lane_free(struct lane *l)
{
	dir_drop(l->dir);
	*l = (struct lane){ .with_ids = l->with_ids };
}

void lane_snapshot(struct lane *ret, struct lane *l)
{
	if (l->dir) {
		atomic_fetch_add_explicit(&l->dir->refs, 1, memory_order_relaxed);
		l->shared = true;
	}
	*ret = *l;
}

static bool is_shared(_Atomic uint32_t *refs)
{
	return atomic_load_explicit(refs, memory_order_acquire) > 1;
}

// The directory, for writing, with room for that block.
static void own_dir(struct lane *l, uint32_t block)
{
	struct lane_dir *old = l->dir;
	uint32_t count = old ? old->count : 0;

	if (block < count && !(l->shared && is_shared(&old->refs)))
		return;
	struct lane_dir *d = dir_new(block < count ? count : block + block / 4 + 4);
	for (uint32_t i = 0; i < count; i++) {
		d->list[i] = old->list[i];
		if (d->list[i])
			atomic_fetch_add_explicit(&d->list[i]->refs, 1, memory_order_relaxed);
	}
	dir_drop(old);
	l->dir = d;
}

// The block, for writing.
static struct lane_block *own_block(struct lane *l, uint32_t block)
{
	own_dir(l, block);
	struct lane_block **b = &l->dir->list[block];
	if (*b && l->shared && is_shared(&(*b)->refs))
		*b = block_with(*b, (*b)->cap, l->with_ids);
	return *b;
}

static struct lane_block *block_at(const struct lane *l, uint32_t number)
{
	uint32_t block = number >> SHIFT;

	return l->dir && block < l->dir->count ? l->dir->list[block] : NULL;
}

// ---- Cells ----

static struct lane_cell read_cell(const struct lane *l, struct lane_block *b, unsigned i)
{
	unsigned rank = rank_of(b, i);

	return (struct lane_cell){
		.set = sets_of(b)[rank],
		.time_s = times_of(b)[rank],
		.path_id = l->with_ids ? ids_of(b)[rank] : 0,
		.stale = bit(b->stale, i),
		.mark = mark_at(b, i),
	};
}

static void write_cell(
	const struct lane *l, struct lane_block *b, unsigned i, const struct lane_cell *cell)
{
	unsigned rank = rank_of(b, i);

	sets_of(b)[rank] = cell->set;
	times_of(b)[rank] = cell->time_s;
	if (l->with_ids)
		ids_of(b)[rank] = cell->path_id;
	if (cell->stale)
		set_bit(b->stale, i);
	else
		clear_bit(b->stale, i);
}

bool lane_get(const struct lane *l, uint32_t number, struct lane_cell *ret)
{
	struct lane_block *b = block_at(l, number);

	if (!b || !bit(b->here, number % LANE_BLOCK))
		return false;
	*ret = read_cell(l, b, number % LANE_BLOCK);
	return true;
}

bool lane_has(const struct lane *l, uint32_t number)
{
	const struct lane_block *b = block_at(l, number);

	return b && bit(b->here, number % LANE_BLOCK);
}

static void shift(uint32_t *a, unsigned from, unsigned to, unsigned n)
{
	memmove(a + to, a + from, n * sizeof(*a));
}

// Makes a cell at the rank of place i.
static void open_cell(const struct lane *l, struct lane_block *b, unsigned i)
{
	unsigned rank = rank_of(b, i), after = b->count - rank;

	shift(sets_of(b), rank, rank + 1, after);
	shift(times_of(b), rank, rank + 1, after);
	if (l->with_ids)
		shift(ids_of(b), rank, rank + 1, after);
	set_bit(b->here, i);
	b->count++;
}

static void close_cell(const struct lane *l, struct lane_block *b, unsigned i)
{
	unsigned rank = rank_of(b, i), after = b->count - rank - 1;

	shift(sets_of(b), rank + 1, rank, after);
	shift(times_of(b), rank + 1, rank, after);
	if (l->with_ids)
		shift(ids_of(b), rank + 1, rank, after);
	clear_bit(b->here, i);
	clear_bit(b->stale, i);
	put_mark(b, i, 0);
	b->count--;
}

static struct lane_block *grow(struct lane *l, uint32_t block)
{
	struct lane_block *b = l->dir->list[block];

	if (!b || b->count == b->cap)
		b = block_with(b, cap_for(b ? b->count + 1u : 1), l->with_ids);
	return l->dir->list[block] = b;
}

enum lane_change lane_put(
	struct lane *l, uint32_t number, const struct lane_cell *cell, struct lane_cell *old)
{
	unsigned i = number % LANE_BLOCK;
	struct lane_block *b = own_block(l, number >> SHIFT);

	if (!b || !bit(b->here, i)) {
		b = grow(l, number >> SHIFT);
		open_cell(l, b, i);
		l->count++;
		write_cell(l, b, i, cell);
		return LANE_ADDED;
	}
	struct lane_cell was = read_cell(l, b, i);
	if (was.set == cell->set && was.path_id == cell->path_id) {
		clear_bit(b->stale, i);
		return LANE_SAME;
	}
	*old = was;
	write_cell(l, b, i, cell);
	return LANE_REPLACED;
}

bool lane_set_mark(struct lane *l, uint32_t number, unsigned mark)
{
	unsigned i = number % LANE_BLOCK;

	if (mark_at(block_at(l, number), i) == mark)
		return false;
	put_mark(own_block(l, number >> SHIFT), i, mark);
	return true;
}

bool lane_take(struct lane *l, uint32_t number, struct lane_cell *old)
{
	unsigned i = number % LANE_BLOCK;

	if (!lane_has(l, number))
		return false;
	struct lane_block *b = own_block(l, number >> SHIFT);
	*old = read_cell(l, b, i);
	close_cell(l, b, i);
	l->count--;
	if (b->count == 0) {
		block_drop(b);
		b = NULL;
	} else if (cap_for(b->count) * 2u <= b->cap) {
		b = block_with(b, cap_for(b->count), l->with_ids);
	}
	l->dir->list[number >> SHIFT] = b;
	if (l->count == 0)
		lane_free(l);
	return true;
}

void lane_mark(struct lane *l)
{
	for (uint32_t i = 0; l->dir && i < l->dir->count; i++) {
		struct lane_block *b = l->dir->list[i] ? own_block(l, i) : NULL;
		if (b)
			memcpy(b->stale, b->here, sizeof(b->stale));
	}
}

// ---- Walks ----

// The first bit at or after i; LANE_BLOCK: none.
static unsigned next_bit(const uint64_t *map, unsigned i)
{
	if (i >= LANE_BLOCK)
		return LANE_BLOCK;
	uint64_t word = map[i / 64] >> i % 64;
	if (word)
		return i + (unsigned)__builtin_ctzll(word);
	for (unsigned w = i / 64 + 1; w < LANE_WORDS; w++)
		if (map[w])
			return w * 64 + (unsigned)__builtin_ctzll(map[w]);
	return LANE_BLOCK;
}

static uint32_t next_in(const struct lane *l, uint32_t number, bool stale)
{
	uint32_t block = number >> SHIFT;
	unsigned from = number % LANE_BLOCK;

	for (; l->dir && block < l->dir->count; block++, from = 0) {
		const struct lane_block *b = l->dir->list[block];
		unsigned i = b ? next_bit(stale ? b->stale : b->here, from) : LANE_BLOCK;
		if (i < LANE_BLOCK)
			return block << SHIFT | i;
	}
	return UINT32_MAX;
}

uint32_t lane_next(const struct lane *l, uint32_t number)
{
	return next_in(l, number, false);
}

uint32_t lane_next_stale(const struct lane *l, uint32_t number)
{
	return next_in(l, number, true);
}

size_t lane_count_stale(const struct lane *l)
{
	size_t n = 0;

	for (uint32_t i = 0; l->dir && i < l->dir->count; i++)
		for (unsigned w = 0; l->dir->list[i] && w < LANE_WORDS; w++)
			n += (size_t)__builtin_popcountll(l->dir->list[i]->stale[w]);
	return n;
}

// ---- Scans ----

static bool in_map(const uint64_t *sets, uint32_t set)
{
	return !sets || sets[set / 64] >> set % 64 & 1;
}

// The places of a word whose routes have one of those marks.
static uint64_t marked(const struct lane_block *b, unsigned w, unsigned marks)
{
	uint64_t low = b->marks[0][w], high = b->marks[1][w], found = 0;

	if (marks == LANE_ANY_MARK)
		return b->here[w];
	for (unsigned mark = 0; mark < 1 << LANE_MARK_BITS; mark++)
		if (marks >> mark & 1)
			found |= (mark & 1 ? low : ~low) & (mark & 2 ? high : ~high);
	return found & b->here[w];
}

typedef void lane_found(void *arg, uint32_t number);

// found: NULL where only the count is wanted.
static size_t scan_block(struct lane_block *b, uint32_t first, const uint64_t *sets, unsigned marks,
	lane_found *found, void *arg)
{
	size_t n = 0;
	unsigned before = 0; // routes in the words before

	for (unsigned w = 0; w < LANE_WORDS; w++) {
		for (uint64_t left = marked(b, w, marks); left; left &= left - 1) {
			uint64_t below = (left & -left) - 1;
			unsigned rank = before + (unsigned)__builtin_popcountll(b->here[w] & below);
			if (!in_map(sets, sets_of(b)[rank]))
				continue;
			n++;
			if (found)
				found(arg, first + w * 64 + (unsigned)__builtin_ctzll(left));
		}
		before += (unsigned)__builtin_popcountll(b->here[w]);
	}
	return n;
}

// Whatever their marks: cells lie in order, so that the bitmaps are not needed.
static size_t count_cells(struct lane_block *b, const uint64_t *sets)
{
	size_t n = 0;

	for (unsigned k = 0; k < b->count; k++)
		n += in_map(sets, sets_of(b)[k]);
	return n;
}

static size_t count_marked(const struct lane_block *b, unsigned marks)
{
	size_t n = 0;

	for (unsigned w = 0; w < LANE_WORDS; w++)
		n += (unsigned)__builtin_popcountll(marked(b, w, marks));
	return n;
}

size_t lane_count(const struct lane *l, const uint64_t *sets, unsigned marks)
{
	size_t n = 0;

	for (uint32_t i = 0; l->dir && i < l->dir->count; i++) {
		struct lane_block *b = l->dir->list[i];
		if (!b)
			continue;
		if (!sets)
			n += count_marked(b, marks);
		else if (marks == LANE_ANY_MARK)
			n += count_cells(b, sets);
		else
			n += scan_block(b, 0, sets, marks, NULL, NULL);
	}
	return n;
}

// A search finds few of many: a block without any is passed over by its cells alone.
void lane_find(
	const struct lane *l, const uint64_t *sets, unsigned marks, lane_found *found, void *arg)
{
	for (uint32_t i = 0; l->dir && i < l->dir->count; i++) {
		struct lane_block *b = l->dir->list[i];
		if (b && (marks != LANE_ANY_MARK || !sets || count_cells(b, sets) > 0))
			(void)scan_block(b, i << SHIFT, sets, marks, found, arg);
	}
}

size_t lane_bytes(const struct lane *l)
{
	if (!l->dir)
		return 0;
	size_t n = sizeof(*l->dir) + l->dir->count * sizeof(*l->dir->list);
	for (uint32_t i = 0; i < l->dir->count; i++)
		if (l->dir->list[i])
			n += block_bytes(l->dir->list[i]->cap, l->with_ids);
	return n;
}
