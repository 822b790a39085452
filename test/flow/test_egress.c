// What leaves: stamps and clamps, and everything else as it was.
#include <string.h>

#include <linux/pkt_cls.h>
#include <netinet/in.h>

#include "lib/mem.h"
#include "test/flow/world.h"
#include "test/unit.h"

static struct world *w;

struct row {
	const char *what;
	struct spec packet;
	uint32_t stamp; // TSval as it leaves; 0: the packet is untouched, but for the MSS
	uint16_t mss;   // as it leaves
};

#define TO4 .from = SERVICE4, .to = CLIENT4, .from_port = 80, .to_port = 40000
#define TO6 .from = SERVICE6, .to = CLIENT6, .from_port = 80, .to_port = 40000

static const struct row rows[] = {
	{ "data",
		{ TO4, .flags = TCP_ACK | TCP_PSH, .stamp = true, .tsval = 0x12345678, .tsecr = 9 },
		.stamp = 0x12346000 | US },
	{ "rounded up, never down", { TO4, .flags = TCP_ACK, .stamp = true, .tsval = 0x12345001 },
		.stamp = 0x12346000 | US },
	{ "at the boundary it stays", { TO4, .flags = TCP_ACK, .stamp = true, .tsval = 0x12345000 },
		.stamp = 0x12345000 | US },
	{ "round the clock", { TO4, .flags = TCP_ACK, .stamp = true, .tsval = 0xfffff001 },
		.stamp = US },
	{ "at an odd place", { TO4, .flags = TCP_ACK, .stamp_odd = true, .tsval = 0x12345678 },
		.stamp = 0x12346000 | US },
	{ "over IPv6", { TO6, .flags = TCP_ACK, .stamp = true, .tsval = 0x12345678 },
		.stamp = 0x12346000 | US },
	{ "SYN answer of a socket",
		{ TO4, .flags = TCP_SYN | TCP_ACK, .mss = 1460, .stamp = true, .tsval = 5 },
		.stamp = 0x1000 | US, .mss = 1400 },
	{ "SYN answer over IPv6",
		{ TO6, .flags = TCP_SYN | TCP_ACK, .mss = 1440, .stamp = true, .tsval = 5 },
		.stamp = 0x1000 | US, .mss = 1360 },
	{ "an MSS that is small enough", { TO4, .flags = TCP_SYN | TCP_ACK, .mss = 1200 },
		.mss = 1200 },
	{ "no timestamps", { TO4, .flags = TCP_ACK } },
	{ "not a service",
		{ .from = CLIENT4, .to = SERVICE4, .flags = TCP_ACK, .stamp = true, .tsval = 5 } },
	{ "not TCP", { .from = SERVICE4, .to = CLIENT4, .proto = IPPROTO_UDP, .from_port = 53 } },
	{ "a fragment", { TO4, .flags = TCP_ACK, .stamp = true, .tsval = 5, .fragment = 0x2000 } },
};

static void test_rows(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		const struct row *row = &rows[i];
		struct frame came = frame_make(&row->packet), out = came;
		print_message("# %s\n", row->what);
		world_reset(w);
		// Whatever it did, the filters behind it have their turn.
		assert_int_equal(world_out(w, &out), TC_ACT_UNSPEC);
		assert_int_equal(out.n, came.n);
		assert_null(frame_fault(&out));
		size_t stamp = frame_stamp(&out), mss = frame_mss(&out);
		if (row->stamp) {
			assert_int_equal(frame_u32(&out, stamp), row->stamp);
			assert_int_equal(frame_u32(&out, stamp + 4), row->packet.tsecr);
		}
		if (row->mss)
			assert_int_equal(frame_u32(&out, mss) >> 16, row->mss);
		if (!row->stamp && row->mss == row->packet.mss)
			assert_memory_equal(out.b, came.b, came.n);
		assert_int_equal(world_count(w, FLOW_C_STAMPED), row->stamp != 0);
	}
}

// Time never runs backwards for the client, whatever the kernel's clock does within its own rules.
static void test_monotone(void **)
{
	uint32_t last = 0;

	for (uint32_t clock = 1000; clock < 30000; clock += 37) {
		struct spec s = { TO4, .flags = TCP_ACK, .stamp = true, .tsval = clock };
		struct frame f = frame_make(&s);
		world_out(w, &f);
		uint32_t now = frame_u32(&f, frame_stamp(&f));
		assert_true(now >= last);
		assert_true(now >= clock && now - clock < 8192);
		last = now;
	}
}

// The control: told not to, it leaves all as it was.
static void test_off(void **)
{
	struct flow_config off = w->config;
	struct spec s = { TO4, .flags = TCP_ACK, .stamp = true, .tsval = 0x12345678 };
	struct frame came = frame_make(&s), out = came;

	off.flags = 0;
	assert_int_equal(keeper_configure(w->k, &off), 0);
	assert_int_equal(world_out(w, &out), TC_ACT_UNSPEC);
	assert_memory_equal(out.b, came.b, came.n);
	assert_int_equal(keeper_configure(w->k, &w->config), 0);
}

int main(void)
{
	const char *why;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_monotone),
		cmocka_unit_test(test_off),
	};

	w = world_make(&why);
	if (!w) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
