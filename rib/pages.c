#include "rib/pages.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = UINT32_MAX };

void pages_init(struct pages *p, size_t size)
{
	*p = (struct pages){ .size = (uint32_t)size, .per_page = 1, .freed = NONE };
	while ((size_t)p->per_page * 2 * size <= PAGE_BYTES) {
		p->per_page *= 2;
		p->shift++;
	}
}

static size_t data_bytes(const struct pages *p)
{
	return (size_t)p->per_page * p->size;
}

static struct page *page_new(const struct pages *p)
{
	size_t bytes = sizeof(struct page) + data_bytes(p);
	struct page *page = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (!page)
		mem_abort("a page");
	atomic_init(&page->refs, 1);
	return page;
}

// The last one to let go frees: what others did with it must be seen before that.
static bool drop_ref(_Atomic uint32_t *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static void add_ref(_Atomic uint32_t *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

static bool is_shared(_Atomic uint32_t *refs)
{
	return atomic_load_explicit(refs, memory_order_acquire) > 1;
}

static struct page_dir *dir_new(uint32_t capacity)
{
	struct page_dir *d = mem_zalloc(sizeof(*d) + capacity * sizeof(*d->list));

	atomic_init(&d->refs, 1);
	return d;
}

static void dir_drop(struct page_dir *d)
{
	if (!d || !drop_ref(&d->refs))
		return;
	for (uint32_t i = 0; i < d->count; i++)
		if (drop_ref(&d->list[i]->refs))
			free(d->list[i]);
	free(d);
}

void pages_free(struct pages *p)
{
	dir_drop(p->dir);
	pages_init(p, p->size);
}

void pages_snapshot(struct pages *ret, struct pages *p)
{
	if (p->dir) {
		add_ref(&p->dir->refs);
		p->shared = true;
	}
	*ret = *p;
}

// A directory of this struct's own, with room for that many pages.
static void own_dir(struct pages *p, uint32_t capacity)
{
	struct page_dir *old = p->dir;
	struct page_dir *d = dir_new(capacity);

	if (old) {
		d->count = old->count;
		memcpy(d->list, old->list, old->count * sizeof(*d->list));
		for (uint32_t i = 0; i < d->count; i++)
			add_ref(&d->list[i]->refs);
		dir_drop(old);
	}
	p->dir = d;
	p->capacity = capacity;
}

void *pages_own(struct pages *p, uint32_t n)
{
	if (is_shared(&p->dir->refs))
		own_dir(p, p->capacity);
	struct page **at = &p->dir->list[n >> p->shift];
	if (is_shared(&(*at)->refs)) {
		struct page *copy = page_new(p);
		memcpy(copy->data, (*at)->data, data_bytes(p));
		if (drop_ref(&(*at)->refs))
			free(*at);
		*at = copy;
	}
	return (*at)->data + (size_t)(n & (p->per_page - 1)) * p->size;
}

static void add_page(struct pages *p)
{
	uint32_t count = p->dir ? p->dir->count : 0;

	if (count == p->capacity || (p->dir && is_shared(&p->dir->refs)))
		own_dir(p, count == p->capacity ? count + count / 2 + 4 : p->capacity);
	p->dir->list[p->dir->count++] = page_new(p);
	p->room = p->dir->count << p->shift;
}

uint32_t pages_take(struct pages *p)
{
	uint32_t n = p->freed;

	p->live++;
	if (n != NONE) {
		memcpy(&p->freed, pages_at(p, n), sizeof(p->freed));
		return n;
	}
	if (p->top == p->room)
		add_page(p);
	return p->top++;
}

void pages_drop(struct pages *p, uint32_t n)
{
	if (--p->live == 0) {
		pages_free(p);
		return;
	}
	memcpy(pages_edit(p, n), &p->freed, sizeof(p->freed));
	p->freed = n;
}

size_t pages_bytes(const struct pages *p)
{
	if (!p->dir)
		return 0;
	return p->dir->count * (sizeof(struct page) + data_bytes(p)) + sizeof(*p->dir) +
	       p->capacity * sizeof(*p->dir->list);
}
