#include "rib/intern.h"

#include <string.h>

#include "lib/hash.h"
#include "lib/own.h"

// A string as it lies in its page.
struct string {
	uint32_t refs;
	uint16_t len;
	uint8_t bytes[];
};

enum { HEAD = 6, PLACE_BITS = 26, PLACE_MASK = (1 << PLACE_BITS) - 1 };

// Octets of an element, head included: steps of four while strings are short, of a quarter then.
static const uint32_t sizes[] = { 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 56, 64, 80, 96, 112, 128,
	160, 192, 224, 256, 320, 384, 448, 512, 640, 896, 1280, 1920, 2720, 4096, 5440, 8192, 16384,
	32768, 65544 };
_Static_assert(countof(sizes) <= INTERN_CLASSES, "a class each");
_Static_assert(HEAD == __builtin_offsetof(struct string, bytes), "no padding");

static uint32_t class_of(size_t n)
{
	uint32_t want = (uint32_t)n + HEAD, class = 0;

	while (sizes[class] < want)
		class ++;
	return class;
}

static const struct string *at(const struct intern *t, uint32_t number)
{
	return pages_at(&t->classes[(number >> PLACE_BITS) - 1], number & PLACE_MASK);
}

static struct string *edit(struct intern *t, uint32_t number)
{
	return pages_edit(&t->classes[(number >> PLACE_BITS) - 1], number & PLACE_MASK);
}

// Classes are counted from 1 in a number, so that 0 is free for the empty string.
static uint32_t number_of(uint32_t class, uint32_t place)
{
	return (class + 1) << PLACE_BITS | place;
}

void intern_init(struct intern *t)
{
	*t = (struct intern){};
	for (size_t i = 0; i < countof(sizes); i++)
		pages_init(&t->classes[i], sizes[i]);
}

void intern_free(struct intern *t)
{
	for (size_t i = 0; i < countof(sizes); i++)
		pages_free(&t->classes[i]);
	index_free(&t->index);
	t->octets = 0;
}

void intern_snapshot(struct intern *ret, struct intern *t)
{
	*ret = (struct intern){ .octets = t->octets };
	for (size_t i = 0; i < countof(sizes); i++)
		pages_snapshot(&ret->classes[i], &t->classes[i]);
}

void intern_unshared(struct intern *t)
{
	for (size_t i = 0; i < countof(sizes); i++)
		pages_unshared(&t->classes[i]);
}

uint32_t intern_hold(struct intern *t, const void *bytes, size_t n)
{
	if (n == 0)
		return 0;
	uint64_t hash = hash_bytes(bytes, n);
	uint32_t place = index_first(&t->index, hash), number;

	while ((number = index_find(&t->index, hash, &place)) != INDEX_FREE) {
		const struct string *s = at(t, number);
		if (s->len == n && memcmp(s->bytes, bytes, n) == 0) {
			edit(t, number)->refs++;
			return number;
		}
		place++;
	}
	uint32_t class = class_of(n);
	number = number_of(class, pages_take(&t->classes[class]));
	struct string *s = edit(t, number);
	s->refs = 1;
	s->len = (uint16_t)n;
	memcpy(s->bytes, bytes, n);
	index_put(&t->index, hash, number);
	t->octets += n;
	return number;
}

void intern_release(struct intern *t, uint32_t number)
{
	if (number == 0)
		return;
	struct string *s = edit(t, number);
	if (--s->refs > 0)
		return;
	index_remove(&t->index, hash_bytes(s->bytes, s->len), number);
	t->octets -= s->len;
	pages_drop(&t->classes[(number >> PLACE_BITS) - 1], number & PLACE_MASK);
}

struct rd intern_read(const struct intern *t, uint32_t number)
{
	if (number == 0)
		return rd_init("", 0);
	const struct string *s = at(t, number);
	return rd_init(s->bytes, s->len);
}

uint32_t intern_count(const struct intern *t)
{
	uint32_t n = 0;

	for (size_t i = 0; i < countof(sizes); i++)
		n += t->classes[i].live;
	return n;
}

size_t intern_bytes(const struct intern *t)
{
	size_t n = index_bytes(&t->index);

	for (size_t i = 0; i < countof(sizes); i++)
		n += pages_bytes(&t->classes[i]);
	return n;
}
