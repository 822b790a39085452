// Packets that nobody sends in good faith, and nodes that cannot reach one another.
#include <string.h>

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/ip6.h>

#include "lib/mem.h"
#include "test/flow/world.h"
#include "test/unit.h"

static struct world *w;

enum { TCP_AT4 = FRAME_L3 + 20 };

#define STAMP_OF(id) (0x12345000u | (id))

static struct spec stamped(uint16_t node)
{
	return (struct spec){ .from = CLIENT4,
		.to = SERVICE4,
		.from_port = 40000,
		.to_port = 80,
		.flags = TCP_ACK,
		.stamp = true,
		.tsecr = STAMP_OF(node) };
}

// Nothing can be sent to a node without an address of a family of ours: the kernel answers.
static void test_no_path(void **)
{
	struct keeper_node nodes[countof(w->nodes)];
	struct spec s = stamped(WIDE);

	memcpy(nodes, w->nodes, sizeof(nodes));
	nodes[0].a6 = (struct ip_addr){};
	world_reset(w);
	struct frame f = frame_make(&s), same = f;
	assert_int_equal(world_in(w, &f), XDP_TX); // the control
	assert_int_equal(keeper_set_nodes(w->k, nodes, countof(nodes), false), 0);
	world_reset(w);
	f = same;
	assert_int_equal(world_in(w, &f), XDP_PASS);
	assert_int_equal(f.n, same.n);
	assert_memory_equal(f.b, same.b, same.n);
	assert_int_equal(world_count(w, FLOW_C_NO_PATH), 1);
	assert_int_equal(world_count(w, FLOW_C_FORWARD_STAMP), 0);
	struct flow_pair pair;
	assert_int_equal(keeper_pair(w->k, WIDE, &pair), 0);
	assert_true(flow_count_is_loss(FLOW_C_NO_PATH));
	assert_int_equal(keeper_set_nodes(w->k, w->nodes, countof(w->nodes), false), 0);
}

// Frames for many stations: each node of the wire would send them on.
static void test_many_stations(void **)
{
	static const uint8_t first[] = { 0x01, 0x33, 0xff };
	struct spec s = stamped(THEM);

	for (size_t i = 0; i < countof(first); i++) {
		struct frame f = frame_make(&s), same = f;
		world_reset(w);
		assert_int_equal(world_in(w, &f), XDP_TX); // the control
		world_reset(w);
		f = same;
		f.b[0] = first[i];
		assert_int_equal(world_in(w, &f), XDP_PASS);
		for (enum flow_count c = 0; c < FLOW_C_MAX; c++)
			assert_int_equal(world_count(w, c), 0);
	}
}

// One tag and two (802.1Q, 802.1ad), and tags in other tags: left alone, and counted.
static void test_tags(void **)
{
	static const uint16_t kinds[] = { 0x8100, 0x88a8 };
	struct spec s = stamped(THEM);

	for (size_t i = 0; i < countof(kinds); i++) {
		struct frame f = frame_make(&s);
		memmove(f.b + 16, f.b + 12, f.n - 12);
		f.b[12] = (uint8_t)(kinds[i] >> 8);
		f.b[13] = (uint8_t)kinds[i];
		f.b[14] = 0;
		f.b[15] = 7;
		f.n += 4;
		struct frame same = f;
		world_reset(w);
		assert_int_equal(world_in(w, &f), XDP_PASS);
		assert_memory_equal(f.b, same.b, same.n);
		assert_int_equal(world_count(w, FLOW_C_TAGGED), 1);
	}
}

// Lengths that do not fit what is there: left to the kernel, which drops them.
static void test_lengths(void **)
{
	struct spec s = stamped(THEM);
	struct frame good = frame_make(&s), f = good;

	for (uint16_t total = 0; total <= good.n - FRAME_L3 + 1; total++) {
		f = good;
		f.b[FRAME_L3 + 2] = (uint8_t)(total >> 8);
		f.b[FRAME_L3 + 3] = (uint8_t)total;
		world_reset(w);
		bool fits = total == good.n - FRAME_L3;
		assert_int_equal(world_in(w, &f), fits ? XDP_TX : XDP_PASS);
	}
	for (uint8_t words = 0; words < 16; words++) { // of the TCP header
		f = good;
		f.b[TCP_AT4 + 12] = (uint8_t)(words << 4);
		world_reset(w);
		assert_int_equal(world_in(w, &f), words == 8 ? XDP_TX : XDP_PASS);
	}
	for (uint8_t words = 0; words < 5; words++) { // of the IPv4 header
		f = good;
		f.b[FRAME_L3] = (uint8_t)(0x40 | words);
		world_reset(w);
		assert_int_equal(world_in(w, &f), XDP_PASS);
		assert_int_equal(world_count(w, FLOW_C_MISS), 0);
	}
}

// Less than the transport's header, or than what an ICMP error must quote: nothing is read behind the end.
static void test_short_transports(void **)
{
	static const uint8_t quic[] = { 0x43, 1 << 5, 0, THEM, 4, 5, 6, 7, 8, 9, 10, 11 };
	struct spec s = stamped(THEM), udp = s;

	udp.proto = IPPROTO_UDP;
	udp.to_port = 443;
	udp.payload = quic;
	udp.payload_size = sizeof(quic);
	struct frame error = frame_icmp(&s, "203.0.113.1", 28, 0);
	const struct frame whole[] = { frame_make(&udp), error };
	const size_t least[] = { 20 + 8, 20 + 8 + 20 + 8 };
	for (size_t i = 0; i < countof(whole); i++) {
		for (size_t total = least[i] - 9; total <= least[i]; total++) {
			struct frame f = whole[i];
			f.b[FRAME_L3 + 3] = (uint8_t)total;
			world_reset(w);
			world_set_slot(w, CLIENT4, THEM);
			bool fits = total == least[i];
			assert_int_equal(world_in(w, &f), fits ? XDP_TX : XDP_PASS);
		}
	}
}

// ---- Cut short at each byte ----

static struct frame tunnelled(uint16_t from)
{
	struct spec s = stamped(US);
	struct tunnel_spec t = world_tunnel(w, from, FLOW_T_IPV4);
	struct frame inner = frame_make(&s);

	return frame_wrap(&inner, &t);
}

static const uint8_t quic_initial[] = { 0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0 };
static const uint8_t quic_short[] = { 0x43, 1 << 5, 0, THEM, 4, 5, 6, 7, 8, 9, 10, 11 };

enum { FRAMES = 8 };

static void make_frames(struct frame frames[FRAMES])
{
	struct spec four = stamped(THEM), six = four, odd = four, udp = four, quic = four;

	six.from = CLIENT6;
	six.to = SERVICE6;
	odd.stamp = false;
	odd.stamp_odd = true;
	udp.proto = quic.proto = IPPROTO_UDP;
	udp.to_port = quic.to_port = 443;
	udp.payload = quic_initial;
	udp.payload_size = sizeof(quic_initial);
	quic.payload = quic_short;
	quic.payload_size = sizeof(quic_short);
	frames[0] = frame_make(&four);
	frames[1] = frame_make(&six);
	frames[2] = frame_make(&odd);
	frames[3] = frame_make(&udp);
	frames[4] = frame_make(&quic);
	frames[5] = frame_icmp(&four, "203.0.113.1", 200, STAMP_OF(THEM));
	frames[6] = frame_icmp(&six, "2001:db8:7::1", 200, STAMP_OF(THEM));
	frames[7] = tunnelled(THEM);
}

static size_t outer_length(const struct frame *f)
{
	const uint8_t *ip = f->b + FRAME_L3;

	return ip[0] >> 4 == 4 ? (size_t)(ip[2] << 8 | ip[3])
			       : sizeof(struct ip6_hdr) + (size_t)(ip[4] << 8 | ip[5]);
}

// The frame ends early, and its IP header says so or does not: if anything is sent on, it is well formed.
static void cut(const struct frame *whole, size_t n, bool honest)
{
	struct frame f = *whole;
	bool v6 = f.b[FRAME_L3] >> 4 == 6;
	size_t total = n - FRAME_L3 - (v6 ? 40 : 0);

	f.n = n;
	if (honest && n >= FRAME_L3 + (v6 ? 40 : 20)) {
		f.b[FRAME_L3 + (v6 ? 4 : 2)] = (uint8_t)(total >> 8);
		f.b[FRAME_L3 + (v6 ? 5 : 3)] = (uint8_t)total;
	}
	int verdict = world_in(w, &f);
	assert_in_range(verdict, XDP_DROP, XDP_TX);
	if (!honest && n < whole->n)
		assert_int_not_equal(verdict, XDP_TX);
	if (verdict != XDP_TX)
		return;
	assert_int_equal(outer_length(&f), f.n - FRAME_L3);
	assert_int_equal(f.n, n + 44);
}

static void test_cut(void **)
{
	static struct frame frames[FRAMES];

	make_frames(frames);
	world_reset(w);
	for (size_t i = 0; i < FRAMES; i++) {
		for (size_t n = FRAME_L3; n <= frames[i].n; n++) {
			cut(&frames[i], n, false);
			cut(&frames[i], n, true);
		}
	}
	// The control: whole, they are all forwarded, but for the Initial and what was in the tunnel.
	assert_int_equal(world_count(w, FLOW_C_FORWARD_STAMP) >= 6, 1);
	assert_int_equal(world_count(w, FLOW_C_FORWARD_ICMP) >= 4, 1);
	assert_int_equal(world_count(w, FLOW_C_FORWARD_CID) >= 2, 1);
	assert_int_equal(world_count(w, FLOW_C_RECEIVED), 1);
}

// Each byte of the headers with each value: whatever comes out, the program ends, and what is sent on has
// the outer header that it should have.
static void test_each_byte(void **)
{
	static struct frame frames[FRAMES];
	enum { HEADERS = 100 };

	make_frames(frames);
	world_reset(w);
	for (size_t i = 0; i < FRAMES; i++) {
		for (size_t at = 0; at < frames[i].n && at < HEADERS; at++) {
			for (unsigned bit = 0; bit < 8; bit++) {
				struct frame f = frames[i];
				f.b[at] ^= (uint8_t)(1u << bit);
				int verdict = world_in(w, &f);
				assert_in_range(verdict, XDP_DROP, XDP_TX);
				if (verdict == XDP_TX) // padding behind the packet may be there
					assert_true(outer_length(&f) <= f.n - FRAME_L3);
			}
		}
	}
}

int main(void)
{
	const char *why;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_path),
		cmocka_unit_test(test_many_stations),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_short_transports),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_each_byte),
	};

	w = world_make(&why);
	if (!w) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
