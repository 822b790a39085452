// The small pieces: hash and map, list, arena, cursor, time, string buffer.
#include "test/unit.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/hash.h"
#include "lib/list.h"
#include "lib/rng.h"
#include "lib/strbuf.h"
#include "lib/timing.h"
#include "lib/wire.h"

// Vectors of the SipHash-2-4 reference: key 00..0f, input 00..n-1.
static void test_siphash(void **)
{
	static const struct {
		size_t n;
		uint64_t hash;
	} rows[] = {
		{ 0, 0x726fdb47dd0e0e31u },
		{ 1, 0x74f839c593dc67fdu },
		{ 8, 0x93f5f5799a932462u },
		{ 15, 0xa129ca6149be45e5u },
	};
	uint8_t key[16], in[16];

	for (uint8_t i = 0; i < 16; i++)
		key[i] = in[i] = i;
	for (size_t i = 0; i < countof(rows); i++)
		assert_true(siphash(key, in, rows[i].n) == rows[i].hash);
}

struct entry {
	struct hnode node;
	struct list link;
	unsigned value;
};

static void test_map(void **)
{
	enum { N = 1000 };
	static struct entry e[N];
	struct hmap m = {};
	size_t seen = 0;

	assert_null(hmap_find(&m, 1));
	assert_null(hmap_walk(&m, NULL));
	for (unsigned i = 0; i < N; i++) {
		e[i].value = i;
		hmap_insert(&m, &e[i].node, i / 2); // two of each hash
	}
	for (struct hnode *n = NULL; (n = hmap_walk(&m, n));)
		seen++;
	assert_int_equal(seen, N);
	for (unsigned i = 0; i < N; i += 2)
		hmap_remove(&m, &e[i].node);
	assert_int_equal(m.count, N / 2);
	for (unsigned i = 0; i < N / 2; i++) {
		struct hnode *n = hmap_find(&m, i);
		assert_int_equal(container_of(n, struct entry, node)->value, 2 * i + 1);
		assert_null(hmap_find_next(n));
	}
	hmap_free(&m);
}

static void test_list(void **)
{
	struct list head;
	struct entry e[3] = {}, *it;
	unsigned sum = 0;

	list_init(&head);
	list_for_each(it, &head, link) fail();
	for (unsigned i = 0; i < 3; i++) {
		e[i].value = 1u << i;
		list_push_back(&head, &e[i].link);
	}
	assert_ptr_equal(list_first(&head, struct entry, link), &e[0]);
	list_for_each(it, &head, link)
	{
		sum = sum * 8 + it->value;
		list_remove(&it->link); // the walk allows it
	}
	assert_int_equal(sum, 0124);
	assert_true(list_empty(&head));
	list_remove(&e[0].link); // twice is harmless
	list_push_front(&head, &e[1].link);
	list_push_front(&head, &e[2].link);
	assert_ptr_equal(list_first(&head, struct entry, link), &e[2]);
}

static void test_arena(void **)
{
	struct arena *a = arena_new();

	for (size_t n = 1; n < 6000; n += 37) {
		unsigned char *p = arena_alloc(a, n);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	assert_string_equal(arena_printf(a, "%s-%d", "fra", 1), "fra-1");
	assert_string_equal(arena_strndup(a, "abc", 2), "ab");
	assert_true(arena_bytes(a) > 6000);
	arena_free(&a);
	assert_null(a);
	arena_free(&a);
}

static void test_cursor(void **)
{
	static const uint8_t in[] = { 1, 0, 2, 0, 0, 0, 3, 9 };
	struct rd r = rd_init(in, sizeof(in));

	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_u16(&r), 2);
	assert_int_equal(rd_u32(&r), 3);
	assert_false(rd_done(&r));
	assert_int_equal(rd_u16(&r), 0); // one byte is left: bad, and stays so
	assert_true(r.bad);
	assert_int_equal(rd_u8(&r), 0);
	assert_int_equal(rd_left(&r), 0);
	struct rd child = rd_sub(&r, 0);
	assert_true(child.bad);

	uint8_t buf[6];
	struct wr w = wr_init(buf, sizeof(buf));
	size_t at = wr_len16_open(&w);
	wr_u32(&w, 0x01020304);
	wr_len16_close(&w, at);
	assert_int_equal(wr_len(&w), 6);
	assert_int_equal(buf[1], 4);
	wr_u8(&w, 1);
	assert_true(w.bad);
	assert_int_equal(wr_len(&w), 0);
}

static void test_time(void **)
{
	instant t = { 1000 };

	assert_true(instant_due(t, t));
	assert_false(instant_due(instant_add(t, span_us(1)), t));
	assert_true(instant_is_never(instant_add(INSTANT_NEVER, span_s(5))));
	assert_int_equal(span_percent(span_s(100), 75).us, 75000000);
	assert_int_equal(span_percent(span_us(150), 50).us, 75);
	assert_int_equal(instant_diff((instant){ 5 }, (instant){ 9 }).us, -4);
	assert_int_equal(span_from_s(1.5).us, 1500000);
	assert_int_equal(span_from_s(-0.25).us, -250000);
	assert_true(span_from_s(1e300).us == 9000000000000000000 &&
		    span_from_s(-1e19).us < -INT64_MAX / 2);
}

static void test_rng(void **)
{
	struct rng r = { 42 }, same = { 42 };
	bool low = false, high = false;

	for (int i = 0; i < 1000; i++) {
		int64_t v = rng_range(&r, -2, 2);
		assert_in_range(v + 2, 0, 4);
		assert_int_equal(v, rng_range(&same, -2, 2));
		low |= v == -2;
		high |= v == 2;
	}
	assert_true(low && high);
}

static void test_strbuf(void **)
{
	struct strbuf b = {};

	assert_string_equal(sb_text(&b), "");
	for (int i = 0; i < 100; i++)
		sb_printf(&b, "%02d", i);
	assert_int_equal(b.len, 200);
	sb_consume(&b, 196);
	assert_string_equal(sb_text(&b), "9899");
	char *s = sb_take(&b);
	assert_string_equal(s, "9899");
	free(s);
	s = sb_take(&b);
	assert_string_equal(s, "");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_rng),
		cmocka_unit_test(test_strbuf),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
