// Strings of octets kept once, behind 32-bit numbers, counted.
//
// A number is { class:6, place:26 }: strings of about one size share an array of pages, so that
// they can be freed and the room be used again. Number 0 is the empty string and always there.
#pragma once

#include "lib/wire.h"
#include "rib/index.h"
#include "rib/pages.h"

enum { INTERN_CLASSES = 40, INTERN_BYTES_MAX = 65535 };

struct intern {
	struct pages classes[INTERN_CLASSES];
	struct index index; // writer only
	uint64_t octets;    // of the strings
};

void intern_init(struct intern *t);
void intern_free(struct intern *t); // also of a snapshot
void intern_snapshot(struct intern *ret, struct intern *t);
void intern_unshared(struct intern *t);

// The string's number, with one reference more. n: 0..INTERN_BYTES_MAX.
[[nodiscard]] uint32_t intern_hold(struct intern *t, const void *bytes, size_t n);
void intern_release(struct intern *t, uint32_t number);
// A view, good until the table changes (in a snapshot: until that is freed).
struct rd intern_read(const struct intern *t, uint32_t number);
uint32_t intern_count(const struct intern *t);
size_t intern_bytes(const struct intern *t); // octets taken from the system
