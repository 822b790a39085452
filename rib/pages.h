// An array of equal elements behind 32-bit numbers, in pages that are copied when a reader still
// holds them.
//
// Numbers stay what they are while the array grows and shrinks; pages_take() hands out freed ones
// first. A snapshot is a second struct pages over the same pages; a writer that then changes an
// element copies its page first, so that a snapshot costs nothing but the pages that change while
// it is held. One thread writes; each snapshot may be read, and freed, by another thread.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/mem.h"

enum { PAGE_BYTES = 16 << 10 }; // of elements; an element that is larger has a page to itself

struct page {
	_Atomic uint32_t refs;
	_Alignas(64) uint8_t data[];
};

struct page_dir {
	_Atomic uint32_t refs;
	uint32_t count;
	struct page *list[];
};

struct pages {
	struct page_dir *dir; // NULL: empty
	uint32_t size;        // of an element, octets, at least 4
	uint32_t per_page;    // a power of two
	uint8_t shift;
	bool shared;       // a snapshot may hold dir or a page
	uint32_t top;      // numbers below were handed out at some time
	uint32_t live;     // elements in use
	uint32_t freed;    // head of the list of freed numbers; UINT32_MAX: none
	uint32_t room;     // elements that dir has space for
	uint32_t capacity; // pages that dir has space for
};

void pages_init(struct pages *p, size_t element_bytes);
void pages_free(struct pages *p); // also of a snapshot
// Both see the same elements from here on; *ret is not to be written.
void pages_snapshot(struct pages *ret, struct pages *p);
// No snapshot is held any more: writes need not look.
static inline void pages_unshared(struct pages *p)
{
	p->shared = false;
}

// A number for a new element, whose octets are undefined.
[[nodiscard]] uint32_t pages_take(struct pages *p);
void pages_drop(struct pages *p, uint32_t n); // gives memory back when it was the last
// What pages_at() did for a writer once pages are shared.
void *pages_own(struct pages *p, uint32_t n);

static inline const void *pages_at(const struct pages *p, uint32_t n)
{
	return p->dir->list[n >> p->shift]->data + (size_t)(n & (p->per_page - 1)) * p->size;
}

// The element for writing; pointers from pages_at() to the same page may be of the past now.
static inline void *pages_edit(struct pages *p, uint32_t n)
{
	if (p->shared)
		return pages_own(p, n);
	return p->dir->list[n >> p->shift]->data + (size_t)(n & (p->per_page - 1)) * p->size;
}

// Octets taken from the system.
size_t pages_bytes(const struct pages *p);
