// The large communities of a fleet route: there and back, and what is refused.
#include "fleet/state.h"

#include <stdio.h>
#include <string.h>

#include "lib/rng.h"
#include "test/unit.h"

enum { AS = 64500 };

static struct fleet_state sample(void)
{
	return (struct fleet_state){
		.node = 11,
		.site = "fra1",
		.name = "fra1-a",
		.health = HEALTH_DOWN,
		.evidence = EVIDENCE_SOFT,
		.admin = ADMIN_DRAINING,
		.announce = ANNOUNCE_DEMOTED,
		.standing = STANDING_SOFT,
		.priority = 100,
		.min_sites = { true, 50 },
		.serial = 1700000000,
	};
}

// The value of LARGE_COMMUNITIES: 12 octets each.
struct value {
	uint8_t bytes[64 * 12];
	struct wr w;
};

static void put(struct value *v, uint32_t as, uint32_t key, uint32_t value)
{
	wr_u32(&v->w, as);
	wr_u32(&v->w, key);
	wr_u32(&v->w, value);
}

// All communities of the state but those of `key`.
static void put_all(struct value *v, const struct fleet_state *s, uint32_t but)
{
	struct bgp_community c[FLEET_COMMUNITIES_MAX];
	size_t n = fleet_state_encode(s, AS, c);

	v->w = wr_init(v->bytes, sizeof(v->bytes));
	assert_true(n <= FLEET_COMMUNITIES_MAX);
	for (size_t i = 0; i < n; i++)
		if (c[i].large && c[i].b != but)
			put(v, c[i].a, c[i].b, c[i].c);
}

static enum fleet_refusal decode(struct fleet_state *ret, const struct value *v)
{
	return fleet_state_decode(ret, rd_init(v->bytes, wr_len(&v->w)), AS);
}

static void expect_same(const struct fleet_state *s)
{
	struct fleet_state back = {};
	struct value v;

	put_all(&v, s, 0);
	assert_int_equal(decode(&back, &v), FLEET_TAKEN);
	assert_true(fleet_state_equal(s, &back));
	assert_int_equal(s->serial, back.serial);
}

static void there_and_back(void **)
{
	struct fleet_state s = sample();

	expect_same(&s);
	s.has_load = s.has_capacity = true;
	s.load = UINT32_MAX;
	s.capacity = 1;
	s.min_sites = (struct min_sites){ false, 0 };
	expect_same(&s);
	for (size_t n = 1; n <= FLEET_NAME_MAX; n++) { // each length of a name
		memset(s.site, 0, sizeof(s.site));
		memset(s.site, '~', n);
		memset(s.name, 0, sizeof(s.name));
		memset(s.name, '!', FLEET_NAME_MAX + 1 - n);
		expect_same(&s);
	}
	for (int i = 0; i < STANDING_MAX; i++) {
		s.standing = (enum standing)i;
		expect_same(&s);
		assert_non_null(standing_name(s.standing));
	}
}

static void never_leaves_the_fleet(void **)
{
	struct bgp_community c[FLEET_COMMUNITIES_MAX];
	struct fleet_state s = sample();
	char text[BGP_COMMUNITY_TEXT];
	size_t n = fleet_state_encode(&s, AS, c), found = 0;

	for (size_t i = 0; i < n; i++)
		found += strcmp(bgp_community_print(&c[i], text), "no-export") == 0;
	assert_int_equal(found, 1);
}

// As doc/fleet.md has it for people.
static void reads_as_documented(void **)
{
	static const char *const lines[] = { "64500:9000:1", "64500:9001:11", "64500:9002:4",
		"64500:9003:3", "64500:9004:1", "64500:9005:1", "64500:9006:1", "64500:9007:100",
		"64500:9011:50", "64500:9012:1700000000", "64500:9020:1718772017",
		"64500:9040:1718772017", "64500:9041:761331712" };
	struct bgp_community c[FLEET_COMMUNITIES_MAX];
	struct fleet_state s = sample();
	char text[BGP_COMMUNITY_TEXT];
	size_t n = fleet_state_encode(&s, AS, c);

	assert_int_equal(n, countof(lines) + 1);
	for (size_t i = 0; i < countof(lines); i++)
		assert_string_equal(bgp_community_print(&c[i + 1], text), lines[i]);
}

static const struct {
	const char *what;
	uint32_t but; // left out
	struct {
		uint32_t as, key, value;
	} more[2]; // added; as 0: nothing
	enum fleet_refusal why;
} rows[] = {
	{ "as it is", 0, {}, FLEET_TAKEN },
	{ "another AS's community of the same key", 0, { { 64501, 9001, 12 } }, FLEET_TAKEN },
	{ "a key of a later version", 0, { { AS, 9019, 12 } }, FLEET_TAKEN },
	{ "a key that is not the fleet's", 0, { { AS, 8999, 12 }, { AS, 9100, 1 } }, FLEET_TAKEN },
	{ "the same twice", 0, { { AS, 9001, 11 } }, FLEET_TAKEN },
	{ "two ids", 0, { { AS, 9001, 12 } }, FLEET_TWICE },
	{ "no version", 9000, {}, FLEET_MISSING },
	{ "another version", 9000, { { AS, 9000, 2 } }, FLEET_BAD_VERSION },
	{ "no id", 9001, {}, FLEET_MISSING },
	{ "id 0", 9001, { { AS, 9001, 0 } }, FLEET_BAD_VALUE },
	{ "id 4096", 9001, { { AS, 9001, 4096 } }, FLEET_BAD_VALUE },
	{ "no standing", 9002, {}, FLEET_MISSING },
	{ "standing 7", 9002, { { AS, 9002, STANDING_MAX } }, FLEET_BAD_VALUE },
	{ "no health", 9003, {}, FLEET_MISSING },
	{ "health 4", 9003, { { AS, 9003, HEALTH_MAX } }, FLEET_BAD_VALUE },
	{ "no admin", 9004, {}, FLEET_MISSING },
	{ "admin 4", 9004, { { AS, 9004, ADMIN_MAX } }, FLEET_BAD_VALUE },
	{ "no announcement", 9005, {}, FLEET_MISSING },
	{ "announcement 3", 9005, { { AS, 9005, ANNOUNCE_MAX } }, FLEET_BAD_VALUE },
	{ "no evidence", 9006, {}, FLEET_MISSING },
	{ "evidence 3", 9006, { { AS, 9006, EVIDENCE_MAX } }, FLEET_BAD_VALUE },
	{ "no priority", 9007, {}, FLEET_MISSING },
	{ "priority 65536", 9007, { { AS, 9007, 65536 } }, FLEET_BAD_VALUE },
	{ "capacity 0", 0, { { AS, 9009, 0 } }, FLEET_BAD_VALUE },
	{ "no min-sites", 9011, {}, FLEET_MISSING },
	{ "both kinds of min-sites", 0, { { AS, 9010, 3 } }, FLEET_TWICE },
	{ "a share of 0", 9011, { { AS, 9011, 0 } }, FLEET_BAD_VALUE },
	{ "a share of 101", 9011, { { AS, 9011, 101 } }, FLEET_BAD_VALUE },
	{ "no serial", 9012, {}, FLEET_MISSING },
	{ "no site's name", 9020, {}, FLEET_BAD_NAME },
	{ "a blank in a name", 9020, { { AS, 9020, 0x66722031 } }, FLEET_BAD_NAME },
	{ "an octet over 127", 9020, { { AS, 9020, 0x667261e4 } }, FLEET_BAD_NAME },
	{ "text after the end", 9020, { { AS, 9020, 0x66007261 } }, FLEET_BAD_NAME },
	{ "an empty piece at the end", 0, { { AS, 9021, 0 } }, FLEET_BAD_NAME },
	{ "a piece after a gap", 0, { { AS, 9022, 0x66726131 } }, FLEET_BAD_NAME },
	{ "the first piece of the node's name is missing", 9040, {}, FLEET_BAD_NAME },
};

static void refusals(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		struct fleet_state s = sample(), back = {}, untouched = {};
		struct value v;

		put_all(&v, &s, rows[i].but);
		for (size_t k = 0; k < countof(rows[i].more) && rows[i].more[k].as; k++)
			put(&v, rows[i].more[k].as, rows[i].more[k].key, rows[i].more[k].value);
		enum fleet_refusal why = decode(&back, &v);
		if (why != rows[i].why)
			fail_msg("%s: %s", rows[i].what, fleet_refusal_name(why));
		if (why)
			assert_memory_equal(&back, &untouched, sizeof(back));
		assert_non_null(fleet_refusal_text(why));
	}
}

static void no_state_at_all(void **)
{
	struct fleet_state s;
	struct value v = { .w = wr_init(v.bytes, sizeof(v.bytes)) };

	assert_int_equal(decode(&s, &v), FLEET_NO_STATE);
	put(&v, 64501, 9001, 11);
	assert_int_equal(decode(&s, &v), FLEET_NO_STATE);
}

// Whatever stands there, the answer is a state that can be said again, or a refusal.
static void any_bytes(void **)
{
	struct rng rng = { .state = 1 };
	unsigned taken = 0;

	for (int i = 0; i < 20000; i++) {
		struct fleet_state s = sample(), back;
		struct value v;
		put_all(&v, &s, 0);
		for (int k = 0; k < 3; k++) {
			size_t at = (size_t)rng_range(&rng, 0, (int64_t)wr_len(&v.w) - 1);
			v.bytes[at] ^= (uint8_t)(1u << rng_range(&rng, 0, 7));
		}
		if (decode(&back, &v) != FLEET_TAKEN)
			continue;
		taken++;
		expect_same(&back);
	}
	assert_true(taken > 0);
}

static void serials(void **)
{
	assert_true(fleet_serial_after(1, 2));
	assert_false(fleet_serial_after(2, 2));
	assert_false(fleet_serial_after(2, 1));
	assert_true(fleet_serial_after(UINT32_MAX, 0)); // round the end
	assert_false(fleet_serial_after(0, UINT32_MAX));
}

static void shares(void **)
{
	static const struct {
		struct min_sites m;
		unsigned known, sites;
	} all[] = {
		{ { true, 50 }, 1, 1 },
		{ { true, 50 }, 2, 1 },
		{ { true, 50 }, 3, 2 },
		{ { true, 50 }, 10, 5 },
		{ { true, 1 }, 1000, 10 },
		{ { true, 1 }, 1001, 11 },
		{ { true, 100 }, 7, 7 },
		{ { false, 0 }, 7, 0 },
		{ { false, 9 }, 7, 9 },
	};

	for (size_t i = 0; i < countof(all); i++)
		assert_int_equal(min_sites_of(&all[i].m, all[i].known), all[i].sites);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(never_leaves_the_fleet),
		cmocka_unit_test(reads_as_documented),
		cmocka_unit_test(refusals),
		cmocka_unit_test(no_state_at_all),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(serials),
		cmocka_unit_test(shares),
	};

	return cmocka_run_group_tests_name("fleet_state", tests, NULL, NULL);
}
