// The trie beside a plain sorted list: the same prefixes in, out, found, matched and walked, after
// every change of a long random run.
#include "test/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "rib/node.h"
#include "rib/prefixes.h"
#include "test/rib/pick.h"

enum { ROOM = 4096 };

// ---- The model ----

struct model {
	struct ip_prefix key[ROOM];
	uint32_t number[ROOM];
	size_t count;
};

static size_t place_for(const struct model *m, const struct ip_prefix *p)
{
	size_t i = 0;

	while (i < m->count && prefix_cmp(&m->key[i], p) < 0)
		i++;
	return i;
}

static bool model_has(const struct model *m, const struct ip_prefix *p)
{
	size_t i = place_for(m, p);

	return i < m->count && prefix_equal(&m->key[i], p);
}

static void model_add(struct model *m, const struct ip_prefix *p, uint32_t number)
{
	size_t i = place_for(m, p), after = m->count - i;

	assert_true(m->count < ROOM);
	memmove(&m->key[i + 1], &m->key[i], after * sizeof(*m->key));
	memmove(&m->number[i + 1], &m->number[i], after * sizeof(*m->number));
	m->key[i] = *p;
	m->number[i] = number;
	m->count++;
}

static void model_remove(struct model *m, size_t i)
{
	size_t after = m->count - i - 1;

	memmove(&m->key[i], &m->key[i + 1], after * sizeof(*m->key));
	memmove(&m->number[i], &m->number[i + 1], after * sizeof(*m->number));
	m->count--;
}

// ---- Random prefixes, close to each other ----

// Octets of few values, so that prefixes share strides, nest, and lie alone.
static struct ip_prefix any_prefix(struct rng *rng, enum ip_family family)
{
	struct ip_addr a = { .family = (uint8_t)family };
	unsigned spread = 1u << below(rng, 4);

	for (size_t i = 0; i < ip_bytes(family); i++)
		a.b[i] = (uint8_t)(below(rng, 5) ? below(rng, spread) * 37 : below(rng, 256));
	return prefix_of(&a, (unsigned)below(rng, ip_bits(family) + 1));
}

// ---- Comparing ----

static void check_find(const struct prefixes *t, const struct model *m, const struct ip_prefix *p)
{
	uint32_t list[PREFIXES_COVERING_MAX];
	uint32_t exact = PREFIXES_NONE, longest = PREFIXES_NONE;
	size_t n = prefixes_covering(t, p, list), met = 0;

	for (size_t i = 0; i < m->count; i++) {
		if (!prefix_covers(&m->key[i], p))
			continue;
		assert_true(met < n);
		assert_int_equal(list[met++], m->number[i]); // sorted: the shortest first
		longest = m->number[i];
		if (prefix_equal(&m->key[i], p))
			exact = m->number[i];
	}
	assert_int_equal(met, n);
	assert_int_equal(prefixes_find(t, p), exact);
	assert_int_equal(prefixes_match(t, p), longest);
}

static void check_walk(const struct prefixes *t, const struct model *m,
	const struct ip_prefix *under, const struct ip_prefix *after)
{
	struct prefixes_walk w;

	prefixes_walk(&w, t, under, after);
	for (size_t i = 0; i < m->count; i++) {
		if ((under && !prefix_covers(under, &m->key[i])) ||
			(after && prefix_cmp(&m->key[i], after) <= 0))
			continue;
		assert_int_equal(prefixes_next(&w), m->number[i]);
		struct ip_prefix key = prefixes_key(t, m->number[i]);
		assert_true(prefix_equal(&key, &m->key[i]));
	}
	assert_int_equal(prefixes_next(&w), PREFIXES_NONE);
	assert_int_equal(prefixes_next(&w), PREFIXES_NONE);
}

static void check(const struct prefixes *t, const struct model *m, struct rng *rng)
{
	struct ip_prefix p = any_prefix(rng, t->family), q = any_prefix(rng, t->family);

	assert_int_equal(prefixes_count(t), m->count);
	check_find(t, m, &p);
	check_walk(t, m, &p, NULL);
	check_walk(t, m, NULL, &p);
	check_walk(t, m, &p, &q);
	if (m->count > 0) {
		q = m->key[below(rng, m->count)];
		check_find(t, m, &q);
		check_walk(t, m, &p, &q);
		check_walk(t, m, &q, &q);
		p = prefix_of(&q.addr, (unsigned)below(rng, q.len + 1));
		check_walk(t, m, &p, &q);
		check_walk(t, m, &q, &p);
	}
}

// ---- Tests ----

static void change(struct prefixes *t, struct model *m, struct rng *rng, bool grow)
{
	struct ip_prefix p = any_prefix(rng, t->family);

	if (m->count > 0 && below(rng, 10) < (grow ? 3u : 7u)) {
		size_t i = below(rng, m->count);
		prefixes_remove(t, m->number[i]);
		model_remove(m, i);
		return;
	}
	bool had = model_has(m, &p);
	uint32_t number = prefixes_add(t, &p);
	assert_int_equal(number, prefixes_add(t, &p));
	if (had)
		assert_int_equal(number, m->number[place_for(m, &p)]);
	else
		model_add(m, &p, number);
}

static void random_run(enum ip_family family, uint64_t seed)
{
	own(free_ptr) struct model *m = mem_zalloc(sizeof(*m));
	struct rng rng = rng_seed(seed);
	struct prefixes t;

	prefixes_init(&t, family);
	for (int i = 0; i < 6000; i++) {
		change(&t, m, &rng, i / 1500 % 2 == 0);
		if (i % 7 == 0)
			check(&t, m, &rng);
	}
	while (m->count > 0) {
		prefixes_remove(&t, m->number[0]);
		model_remove(m, 0);
	}
	check(&t, m, &rng);
	assert_int_equal(t.nodes.live, 1); // every node but the root went with its prefixes
	prefixes_free(&t);
}

static void test_random(void **)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		random_run(IP4, seed);
		random_run(IP6, seed + 100);
	}
}

// The order of places is the order of a walk, and what a prefix covers is one range.
static void test_places(void **)
{
	bool met[PLACES] = {};

	for (unsigned bits = 0; bits <= STRIDE; bits++)
		for (unsigned value = 0; value < 1u << bits; value++) {
			unsigned place = place_of(bits, value), end = place_end(bits, place);
			assert_true(place < PLACES && end <= PLACES && !met[place]);
			met[place] = true;
			if (bits == STRIDE)
				continue;
			assert_int_equal(place_of(bits + 1, value * 2), place + 1);
			assert_int_equal(
				place_end(bits + 1, place_of(bits + 1, value * 2 + 1)), end);
		}
}

// What a snapshot shows does not change; the writer goes on.
static void test_snapshot(void **)
{
	own(free_ptr) struct model *m = mem_zalloc(sizeof(*m));
	own(free_ptr) struct model *then = mem_zalloc(sizeof(*then));
	struct rng rng = rng_seed(7);
	struct prefixes t, snap;

	prefixes_init(&t, IP4);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 200; i++)
			change(&t, m, &rng, true);
		prefixes_snapshot(&snap, &t);
		*then = *m;
		for (int i = 0; i < 400; i++)
			change(&t, m, &rng, round % 2);
		check(&t, m, &rng);
		check(&snap, then, &rng);
		check_walk(&snap, then, NULL, NULL);
		check_walk(&t, m, NULL, NULL);
		prefixes_free(&snap);
		prefixes_unshared(&t);
	}
	prefixes_free(&t);
}

// A full stride, whose arrays have every length there is.
static void test_full_node(void **)
{
	struct prefixes t;
	uint32_t number[PLACES];
	unsigned n = 0;

	prefixes_init(&t, IP4);
	for (unsigned bits = 0; bits <= STRIDE; bits++)
		for (unsigned value = 0; value < 1u << bits; value++) {
			struct ip_addr a = ip_from_u32(bits ? value << (32 - bits) : 0);
			struct ip_prefix p = prefix_of(&a, bits);
			number[n++] = prefixes_add(&t, &p);
		}
	assert_int_equal(prefixes_count(&t), PLACES);
	struct ip_addr a = ip_from_u32(0xc0000201);
	struct ip_prefix host = prefix_of(&a, 32);
	uint32_t list[PREFIXES_COVERING_MAX];
	assert_int_equal(prefixes_covering(&t, &host, list), 9);
	while (n > 0)
		prefixes_remove(&t, number[--n]);
	assert_int_equal(prefixes_count(&t), 0);
	prefixes_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_full_node),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests_name("prefixes", tests, NULL, NULL);
}
