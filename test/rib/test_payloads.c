// Origin validation: the rows of RFC 6811, and a random run beside a plain list.
#include "test/unit.h"

#include <string.h>

#include "rib/payloads.h"
#include "test/rib/pick.h"

static struct payload payload(const char *prefix, unsigned max_len, uint32_t as)
{
	struct payload p = { .max_len = (uint8_t)max_len, .as = as };

	assert_int_equal(prefix_parse(&p.prefix, prefix), 0);
	return p;
}

static enum validity judge(const struct payloads *t, const char *prefix, uint32_t origin)
{
	struct ip_prefix p;

	assert_int_equal(prefix_parse(&p, prefix), 0);
	return payloads_judge(t, &p, origin);
}

static void test_rfc6811(void **)
{
	static const struct {
		const char *prefix;
		unsigned max_len;
		uint32_t as;
	} said[] = {
		{ "10.0.0.0/8", 8, 64500 },
		{ "10.1.0.0/16", 20, 64501 },
		{ "10.1.0.0/16", 16, 64502 },
		{ "10.3.0.0/16", 16, 0 },
		{ "2001:db8::/32", 48, 64501 },
	};
	static const struct {
		const char *prefix;
		uint32_t origin;
		enum validity want;
	} rows[] = {
		{ "10.0.0.0/8", 64500, VALIDITY_VALID },
		{ "10.0.0.0/8", 64501, VALIDITY_INVALID },
		{ "10.0.0.0/9", 64500, VALIDITY_INVALID }, // longer than may be
		{ "10.1.0.0/16", 64501, VALIDITY_VALID },  // two may
		{ "10.1.0.0/16", 64502, VALIDITY_VALID },
		{ "10.1.16.0/20", 64501, VALIDITY_VALID },
		{ "10.1.16.0/20", 64502, VALIDITY_INVALID },
		{ "10.1.16.0/21", 64501, VALIDITY_INVALID },
		{ "10.3.0.0/16", 0, VALIDITY_INVALID }, // AS 0 makes nobody valid
		{ "10.1.0.0/16", 0, VALIDITY_INVALID },
		{ "11.0.0.0/8", 64500, VALIDITY_NOT_FOUND },
		{ "0.0.0.0/0", 64500, VALIDITY_NOT_FOUND }, // less than what is covered
		{ "2001:db8:1::/48", 64501, VALIDITY_VALID },
		{ "2001:db9::/32", 64501, VALIDITY_NOT_FOUND },
	};
	struct payloads t;

	payloads_init(&t);
	assert_int_equal(judge(&t, "10.0.0.0/8", 64500), VALIDITY_NOT_FOUND);
	for (size_t i = 0; i < countof(said); i++) {
		struct payload p = payload(said[i].prefix, said[i].max_len, said[i].as);
		assert_true(payloads_add(&t, &p));
	}
	for (size_t i = 0; i < countof(rows); i++)
		assert_int_equal(judge(&t, rows[i].prefix, rows[i].origin), rows[i].want);
	payloads_free(&t);
}

// Two caches say it; it is there until both have taken it back.
static void test_said_twice(void **)
{
	struct payload p = payload("10.0.0.0/8", 8, 1), other = payload("10.0.0.0/8", 9, 1);
	struct payloads t;

	payloads_init(&t);
	assert_false(payloads_remove(&t, &p));
	assert_true(payloads_add(&t, &p));
	assert_false(payloads_add(&t, &p));
	assert_false(payloads_remove(&t, &other));
	assert_false(payloads_remove(&t, &p));
	assert_int_equal(judge(&t, "10.0.0.0/8", 1), VALIDITY_VALID);
	assert_true(payloads_remove(&t, &p));
	assert_int_equal(judge(&t, "10.0.0.0/8", 1), VALIDITY_NOT_FOUND);
	assert_false(payloads_remove(&t, &p));
	payloads_free(&t);
}

// ---- Beside a list ----

enum { ROOM = 500 };

struct list {
	struct payload rows[ROOM];
	size_t count;
};

static struct payload any_payload(struct rng *rng)
{
	struct ip_addr a = { .family = below(rng, 2) ? IP4 : IP6,
		.b = { 10, (uint8_t)below(rng, 3) } };
	unsigned len = 7 + below(rng, 12);

	a.b[2] = (uint8_t)(below(rng, 4) << 6);
	return (struct payload){ prefix_of(&a, len), (uint8_t)(len + below(rng, 4)),
		below(rng, 4) };
}

static bool is_same(const struct payload *a, const struct payload *b)
{
	return prefix_equal(&a->prefix, &b->prefix) && a->max_len == b->max_len && a->as == b->as;
}

static enum validity judge_list(const struct list *l, const struct ip_prefix *p, uint32_t origin)
{
	enum validity v = VALIDITY_NOT_FOUND;

	for (size_t i = 0; i < l->count; i++) {
		if (!prefix_covers(&l->rows[i].prefix, p))
			continue;
		if (origin != 0 && l->rows[i].as == origin && p->len <= l->rows[i].max_len)
			return VALIDITY_VALID;
		v = VALIDITY_INVALID;
	}
	return v;
}

static void test_random(void **)
{
	static struct list l;
	struct rng rng = rng_seed(6);
	struct payloads t;

	payloads_init(&t);
	for (int i = 0; i < 40000; i++) {
		struct payload p = any_payload(&rng);
		if (l.count == ROOM || (l.count > 0 && below(&rng, 2))) {
			size_t k = below(&rng, l.count), same = 0;
			p = l.rows[k];
			l.rows[k] = l.rows[--l.count];
			for (size_t j = 0; j < l.count; j++)
				same += is_same(&l.rows[j], &p);
			assert_int_equal(payloads_remove(&t, &p), same == 0);
		} else {
			(void)payloads_add(&t, &p);
			l.rows[l.count++] = p;
		}
		p = any_payload(&rng);
		assert_int_equal(
			payloads_judge(&t, &p.prefix, p.as), judge_list(&l, &p.prefix, p.as));
	}
	while (l.count > 0)
		(void)payloads_remove(&t, &l.rows[--l.count]);
	assert_int_equal(t.list.live, 0);
	assert_int_equal(prefixes_count(&t.tables[0]) + prefixes_count(&t.tables[1]), 0);
	payloads_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc6811),
		cmocka_unit_test(test_said_twice),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("payloads", tests, NULL, NULL);
}
