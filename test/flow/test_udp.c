// How long a UDP session lives: no packet says that it has ended.
#include <string.h>

#include <arpa/inet.h>
#include <linux/bpf.h>

#include "lib/mem.h"
#include "test/flow/world.h"
#include "test/unit.h"

static struct world *w;

enum { CLIENT_PORT = 40000, PORT = 5000 };

static struct spec packet(void)
{
	return (struct spec){ .from = CLIENT4,
		.to = SERVICE4,
		.proto = IPPROTO_UDP,
		.from_port = CLIENT_PORT,
		.to_port = PORT };
}

// A packet of the client: whether it is served here, or the counter of how it is sent on.
static enum flow_count client_sends(void)
{
	static const enum flow_count ways[] = { FLOW_C_UDP_LOCAL, FLOW_C_FORWARD_FLOW,
		FLOW_C_FORWARD_PREFIX };
	uint64_t before[countof(ways)];
	struct spec s = packet();
	struct frame f = frame_make(&s);

	for (size_t i = 0; i < countof(ways); i++)
		before[i] = world_count(w, ways[i]);
	world_in(w, &f);
	for (size_t i = 0; i < countof(ways); i++)
		if (world_count(w, ways[i]) > before[i])
			return ways[i];
	return FLOW_C_MAX;
}

static void server_sends(void)
{
	struct spec s = { .from = SERVICE4,
		.to = CLIENT4,
		.proto = IPPROTO_UDP,
		.from_port = PORT,
		.to_port = CLIENT_PORT };
	struct frame f = frame_make(&s);

	world_out(w, &f);
}

// The owner says that the flow is its own.
static void owner_confirms(void)
{
	struct flow_tuple tuple = { .family = 4,
		.proto = IPPROTO_UDP,
		.client_port = htons(CLIENT_PORT),
		.service_port = htons(PORT) };
	inet_pton(AF_INET, CLIENT4, tuple.client);
	inet_pton(AF_INET, SERVICE4, tuple.service);
	struct flow_notice n = keeper_notice_mine(&tuple);
	struct tunnel_spec t = world_tunnel(w, THEM, FLOW_T_NOTICE);
	struct frame inner = { .n = FRAME_L3 + sizeof(n) };

	memcpy(inner.b + FRAME_L3, &n, sizeof(n));
	struct frame f = frame_wrap(&inner, &t);
	assert_int_equal(world_in(w, &f), XDP_DROP);
}

// Served here, while packets of either side come.
static void test_idle(void **)
{
	world_reset(w);
	assert_int_equal(client_sends(), FLOW_C_UDP_LOCAL);
	// From now on the prefix is another node's, and what is remembered alone keeps the session here.
	world_set_slot(w, CLIENT4, THEM);
	for (int i = 0; i < 4; i++) {
		world_age(w, FLOW_UDP_IDLE_S - 20);
		assert_int_equal(client_sends(), FLOW_C_UDP_LOCAL);
	}
	for (int i = 0; i < 4; i++) {
		world_age(w, FLOW_UDP_IDLE_S - 20);
		server_sends();
	}
	world_age(w, FLOW_UDP_IDLE_S - 20);
	assert_int_equal(client_sends(), FLOW_C_UDP_LOCAL);
	world_set_slot(w, CLIENT4, THEM);
	world_age(w, FLOW_UDP_IDLE_S + 2);
	assert_int_equal(client_sends(), FLOW_C_FORWARD_PREFIX);
}

// Sent on, while the owner says that it has it; a client that never stops is no sign of that.
static void test_confirmed(void **)
{
	world_reset(w);
	world_set_slot(w, CLIENT4, THEM);
	assert_int_equal(client_sends(), FLOW_C_FORWARD_PREFIX);
	world_set_slot(w, CLIENT4, 0);
	for (int i = 0; i < 2; i++) { // what nobody confirms ends soon
		world_age(w, FLOW_UDP_ASKED_S / 2 - 1);
		assert_int_equal(client_sends(), FLOW_C_FORWARD_FLOW);
	}
	owner_confirms();
	for (int i = 0; i < 9; i++) {
		world_age(w, FLOW_UDP_IDLE_S / 10);
		assert_int_equal(client_sends(), FLOW_C_FORWARD_FLOW);
		world_set_slot(w, CLIENT4, 0);
	}
	owner_confirms();
	world_age(w, FLOW_UDP_IDLE_S - 2);
	assert_int_equal(client_sends(), FLOW_C_FORWARD_FLOW);
	world_set_slot(w, CLIENT4, 0);
	world_age(w, 4);
	assert_int_equal(client_sends(), FLOW_C_UDP_LOCAL);
}

static void test_not_confirmed(void **)
{
	world_reset(w);
	world_set_slot(w, CLIENT4, THEM);
	assert_int_equal(client_sends(), FLOW_C_FORWARD_PREFIX);
	world_set_slot(w, CLIENT4, 0);
	for (unsigned age = 0; age + 10 < FLOW_UDP_ASKED_S; age += 10) {
		assert_int_equal(client_sends(), FLOW_C_FORWARD_FLOW);
		world_age(w, 10);
	}
	world_age(w, 12);
	assert_int_equal(client_sends(), FLOW_C_UDP_LOCAL);
}

static unsigned mine;

static void on_event(void *, const struct flow_event *e)
{
	mine += e->kind == FLOW_E_MINE;
}

static unsigned arrives_by_tunnel(void)
{
	struct spec s = packet();
	struct frame inner = frame_make(&s);
	struct tunnel_spec t = world_tunnel(w, THEM, FLOW_T_IPV4);
	struct frame f = frame_wrap(&inner, &t);

	mine = 0;
	assert_int_equal(world_in(w, &f), XDP_PASS);
	keeper_events(w->k, on_event, NULL);
	return mine;
}

// The owner claims what its server has answered, and nothing else.
static void test_claims(void **)
{
	world_reset(w);
	while (keeper_events(w->k, on_event, NULL) > 0)
		;
	assert_int_equal(arrives_by_tunnel(), 0);
	assert_int_equal(arrives_by_tunnel(), 0);
	server_sends();
	assert_int_equal(arrives_by_tunnel(), 1);
	assert_int_equal(arrives_by_tunnel(), 0); // said already
	world_age(w, FLOW_UDP_IDLE_S + 2);
	assert_int_equal(arrives_by_tunnel(), 0); // that session is over
}

// What nobody used for hours is not remembered, or its time would come round.
static void test_sweep(void **)
{
	world_reset(w);
	world_set_slot(w, CLIENT4, THEM);
	client_sends();
	owner_confirms();
	world_set_slot(w, CLIENT4, 0);
	assert_int_equal(keeper_sweep(w->k, 0, world_ns(), 600), 0);
	assert_int_equal(client_sends(), FLOW_C_FORWARD_FLOW); // the control
	world_age(w, FLOW_FORGOTTEN_S + 10);
	assert_int_equal(keeper_sweep(w->k, 0, world_ns(), 600), 0);
	world_age(w, UINT16_MAX + 1 - FLOW_FORGOTTEN_S); // it would look as new as before
	world_set_slot(w, CLIENT4, 0);
	assert_int_equal(client_sends(), FLOW_C_UDP_LOCAL);
}

int main(void)
{
	const char *why;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_confirmed),
		cmocka_unit_test(test_not_confirmed),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_sweep),
	};

	w = world_make(&why);
	if (!w) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
