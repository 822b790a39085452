// A lane: for the prefixes of one family, by their numbers, at most one route of one neighbour.
//
// A neighbour has one lane, or with ADD-PATH (RFC 7911) as many as its richest prefix has paths.
// 256 numbers in sequence share a block: a bitmap of those that have a route, and packed arrays
// of the routes' attribute sets and times, and two more bitmaps with a mark of two bits for each
// (rib/rib.h). So a full table costs eight octets a route, a small
// one little more, and a neighbour goes without a walk of the trie.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LANE_BLOCK = 256, LANE_WORDS = LANE_BLOCK / 64, LANE_MARK_BITS = 2 };
enum { LANE_ANY_MARK = (1 << (1 << LANE_MARK_BITS)) - 1 }; // a bit for each mark

// cap sets, cap times and, with path identifiers, cap of those.
struct lane_block {
	_Atomic uint32_t refs;
	uint16_t count, cap;
	uint64_t here[LANE_WORDS];
	uint64_t stale[LANE_WORDS]; // not announced again since lane_mark()
	uint64_t marks[LANE_MARK_BITS][LANE_WORDS];
	uint32_t cells[];
};

struct lane_dir {
	_Atomic uint32_t refs;
	uint32_t count;
	struct lane_block *list[]; // NULL: 256 numbers without a route
};

struct lane {
	struct lane_dir *dir;
	bool with_ids; // path identifiers
	bool shared;
	uint32_t count; // routes
};

struct lane_cell {
	uint32_t set;
	uint32_t time_s;
	uint32_t path_id;
	bool stale;
	uint8_t mark; // read only: see lane_set_mark()
};

void lane_init(struct lane *l, bool with_ids);
void lane_free(struct lane *l); // also of a snapshot
void lane_snapshot(struct lane *ret, struct lane *l);

// The route of that number; false: none.
[[nodiscard]] bool lane_get(const struct lane *l, uint32_t number, struct lane_cell *ret);
bool lane_has(const struct lane *l, uint32_t number);
enum lane_change { LANE_SAME, LANE_ADDED, LANE_REPLACED };

// Puts a route in. LANE_SAME: it was there with that set and keeps its time, but is not stale any
// more; LANE_REPLACED: *old is the one that was there before.
[[nodiscard]] enum lane_change lane_put(
	struct lane *l, uint32_t number, const struct lane_cell *cell, struct lane_cell *old);
// The mark of a route that is there: 0 when it is added, kept when it is replaced. False: it has it.
bool lane_set_mark(struct lane *l, uint32_t number, unsigned mark);
// Takes the route out; false: there was none.
[[nodiscard]] bool lane_take(struct lane *l, uint32_t number, struct lane_cell *old);
// Every route is stale until it is announced again.
void lane_mark(struct lane *l);

// Walk in order of numbers: the first at or after it with a route; UINT32_MAX: none.
uint32_t lane_next(const struct lane *l, uint32_t number);
// The same for stale routes.
uint32_t lane_next_stale(const struct lane *l, uint32_t number);

// The routes whose sets have a bit in the map (NULL: all) and whose marks have one in `marks`: how
// many, and each one's number.
size_t lane_count(const struct lane *l, const uint64_t *sets, unsigned marks);
void lane_find(const struct lane *l, const uint64_t *sets, unsigned marks,
	void (*found)(void *arg, uint32_t number), void *arg);

size_t lane_count_stale(const struct lane *l);

size_t lane_bytes(const struct lane *l); // octets taken from the system
