// Keepers in worlds: who has one, what its nearcastd is told, and what it says in the end.
#include "test/unit.h"

#include <errno.h>
#include <string.h>

#include "lab/config.h"
#include "lab/keepers.h"
#include "lib/mem.h"

#define WORLD                                                                                 \
	"title: Keeper\n"                                                                     \
	"networks:\n"                                                                         \
	"  - {name: north, as: 64496, city: Oslo, lat: 59.9, lon: 10.7}\n"                    \
	"  - {name: south, as: 64497, city: Rome, lat: 41.9, lon: 12.5}\n"                    \
	"sites:\n"                                                                            \
	"  - {name: a, city: Oslo, lat: 59, lon: 10, web: nginx, quic: ngtcp2,\n"             \
	"     upstreams: [{network: north}, {network: south}]}\n"                             \
	"  - {name: b, city: Oslo, lat: 59, lon: 10, upstreams: [{network: south}]}\n"        \
	"  - {name: c, city: Oslo, lat: 59, lon: 10, announcer: bird, upstreams: [{network: " \
	"south}]}\n"                                                                          \
	"fleet: mesh\n"                                                                       \
	"clients: [{name: oslo, network: north}]\n"                                           \
	"start: [{clients: oslo, site: a}]\n"
#define PLAIN "nearcast: \"services: []\\n\"\n"

struct fixture {
	struct scenario *s;
	struct topology *t;
};

static struct fixture make(const char *text)
{
	struct faults *f = mem_zalloc(sizeof(*f));
	own(sb_free) struct strbuf printed = {};
	struct fixture x = {};

	if (scenario_load_text(&x.s, "keeper.yaml", text, strlen(text), f) < 0) {
		faults_print(f, &printed);
		fail_msg("%s", sb_text(&printed));
	}
	free(f);
	assert_int_equal(topology_new(&x.t, x.s), 0);
	return x;
}

static void end(struct fixture *x)
{
	topology_free(&x->t);
	scenario_free(&x->s);
}

// Of a node, as it is written.
static void config_of(const struct fixture *x, const char *node, struct strbuf *b)
{
	own(sb_free) struct strbuf error = {};

	assert_int_equal(
		config_nearcast(x->s, x->t, topology_node(x->t, node), "/w/n", b, &error), 0);
}

static void test_who_has_one(void **)
{
	struct fixture with = make(WORLD PLAIN "keeper: yes\n"), without = make(WORLD PLAIN);

	assert_true(topology_node(with.t, "a")->keeper);
	assert_true(topology_node(with.t, "b")->keeper);
	assert_false(topology_node(with.t, "c")->keeper); // no nearcastd
	assert_false(topology_node(with.t, "oslo")->keeper);
	assert_false(topology_node(without.t, "a")->keeper);
	end(&with);
	end(&without);
}

static void test_section(void **)
{
	struct fixture x = make(WORLD PLAIN "keeper: yes\nfleet-bfd: 100ms\n");
	own(sb_free) struct strbuf a = {}, b = {};

	config_of(&x, "a", &a);
	config_of(&x, "b", &b);
	assert_non_null(strstr(sb_text(&a), "keeper:\n"
					    "  interfaces: [north, south]\n"
					    "  secret-file: /w/n/fleet.secret\n"
					    "  pin: /w/n/bpf/nearcast\n"
					    "  quic-ports: [443]\n"));
	assert_non_null(strstr(sb_text(&b), "  interfaces: [south]\n"));
	assert_null(strstr(sb_text(&b), "quic-ports"));
	assert_non_null(strstr(sb_text(&b), "connect-retry: 1s, bfd: {interval: 100ms}}\n"));
	end(&x);
}

// What the scenario says of it stands; and without one there is none.
static void test_no_section(void **)
{
	struct fixture mine = make(WORLD "keeper: yes\nnearcast: |\n  keeper: {mtu: 1400}\n");
	struct fixture none = make(WORLD PLAIN);
	own(sb_free) struct strbuf text = {};

	config_of(&mine, "a", &text);
	assert_non_null(strstr(sb_text(&text), "keeper: {mtu: 1400}"));
	assert_null(strstr(sb_text(&text), "interfaces:"));
	sb_clear(&text);
	config_of(&none, "a", &text);
	assert_null(strstr(sb_text(&text), "keeper"));
	assert_null(strstr(sb_text(&text), "bfd"));
	end(&mine);
	end(&none);
}

static void test_counts(void **)
{
	static const char *const bad[] = {
		"",
		"{}",
		"{\"result\":{\"flows\":null}}",
		"{\"result\":{\"flows\":{\"local\":1,\"forwarded\":2,\"received\":3}}}",
		("{\"result\":{\"flows\":{\"local\":1,\"forwarded\":2,\"received\":3,"
		 "\"refused\":{}}}}"),
	};
	static const char good[] = "{\"result\":{\"flows\":{\"local\":1,\"forwarded\":2,"
				   "\"received\":3,\"refused\":4}}}";
	struct keeper_count c = { .local = 77 };

	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(keepers_read(bad[i], strlen(bad[i]), &c), -EBADMSG);
	assert_int_equal(c.local, 77);
	assert_int_equal(keepers_read(good, strlen(good), &c), 0);
	assert_true(c.local == 1 && c.forwarded == 2 && c.received == 3 && c.refused == 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_has_one),
		cmocka_unit_test(test_section),
		cmocka_unit_test(test_no_section),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests_name("lab_keeper", tests, NULL, NULL);
}
