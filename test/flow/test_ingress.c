// What the ingress program does with each kind of packet: rows of packet, verdict, counter, and,
// where it is sent on, to whom.
#include <string.h>

#include <arpa/inet.h>
#include <linux/bpf.h>

#include "lib/mem.h"
#include "test/flow/world.h"
#include "test/unit.h"

static struct world *w;

enum { PLAIN4 = 40000, PLAIN6 = 40001 }; // ports of clients without a session here
enum { OVER4 = 1 };

#define STAMP_OF(id) (0x12345000u | (id))

struct row {
	const char *what;
	struct spec packet;
	uint16_t session; // 4 or 6: the port of the session here; OVER4: of one that has ended
	uint16_t prefix_now, prefix_before;
	size_t icmp; // bytes quoted in an error about the packet; 0: none
	int verdict;
	enum flow_count count;
	uint16_t to; // XDP_TX: the node
};

static const uint8_t quic_initial[] = { 0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0 };
static const uint8_t quic_initial_2[] = { 0xd3, 0x6b, 0x33, 0x43, 0xcf, 8, 1, 2, 3, 4, 5, 6, 7, 8,
	0, 0 };
static const uint8_t quic_handshake_2[] = { 0xf3, 0x6b, 0x33, 0x43, 0xcf, 8, 1, 2, 3, 4, 5, 6, 7, 8,
	0, 0 };
static const uint8_t quic_retry_2[] = { 0xc3, 0x6b, 0x33, 0x43, 0xcf, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0,
	0 };
static const uint8_t quic_short_them[] = { 0x43, 1 << 5, 0, THEM, 4, 5, 6, 7, 8, 9, 10, 11 };
static const uint8_t quic_short_us[] = { 0x43, 1 << 5, 0, US, 4, 5, 6, 7, 8, 9, 10, 11 };
static const uint8_t quic_short_other[] = { 0x43, 5 << 5, 0, THEM, 4, 5, 6, 7, 8, 9, 10, 11 };
static const uint8_t quic_handshake_them[] = { 0xe3, 0, 0, 0, 1, 8, 1 << 5, 0, THEM, 4, 5, 6, 7,
	8 };

#define FROM4 .from = CLIENT4, .to = SERVICE4, .from_port = PLAIN4, .to_port = 80
#define FROM6 .from = CLIENT6, .to = SERVICE6, .from_port = PLAIN6, .to_port = 80
#define UDP4(port) \
	.from = CLIENT4, .to = SERVICE4, .proto = IPPROTO_UDP, .from_port = PLAIN4, .to_port = port
#define BYTES(b) .payload = b, .payload_size = sizeof(b)

static const struct row rows[] = {
	{ "not for a service",
		{ .from = CLIENT4,
			.to = "192.0.2.11",
			.flags = TCP_ACK,
			.stamp = true,
			.tsecr = STAMP_OF(THEM) },
		.verdict = XDP_PASS, .count = FLOW_C_MAX },
	{ "SYN", { FROM4, .flags = TCP_SYN, .mss = 1460, .stamp = true, .tsval = 1 },
		.verdict = XDP_PASS, .count = FLOW_C_SYN },
	{ "SYN, although the prefix was elsewhere", { FROM4, .flags = TCP_SYN }, .prefix_now = THEM,
		.verdict = XDP_PASS, .count = FLOW_C_SYN },
	{ "SYN over IPv6", { FROM6, .flags = TCP_SYN }, .verdict = XDP_PASS, .count = FLOW_C_SYN },
	{ "session here", { FROM4, .flags = TCP_ACK }, .session = 4, .verdict = XDP_PASS,
		.count = FLOW_C_LOCAL },
	{ "session here with timestamps",
		{ FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(US) }, .session = 4,
		.verdict = XDP_PASS, .count = FLOW_C_ECHO_ZEROED },
	{ "session here, timestamps at an odd place",
		{ FROM4, .flags = TCP_ACK, .stamp_odd = true, .tsecr = STAMP_OF(US) }, .session = 4,
		.verdict = XDP_PASS, .count = FLOW_C_ECHO_ZEROED },
	{ "session here over IPv6",
		{ FROM6, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(US) }, .session = 6,
		.verdict = XDP_PASS, .count = FLOW_C_ECHO_ZEROED },
	{ "a socket beats a cookie",
		{ FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(THEM) }, .session = 4,
		.verdict = XDP_PASS, .count = FLOW_C_LOCAL },
	{ "TIME-WAIT here, its own stamp",
		{ FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(US) }, .session = OVER4,
		.verdict = XDP_PASS, .count = FLOW_C_ECHO_ZEROED },
	{ "TIME-WAIT here, no timestamps", { FROM4, .flags = TCP_ACK }, .session = OVER4,
		.verdict = XDP_PASS, .count = FLOW_C_LOCAL },
	{ "TIME-WAIT here, the port has a session at another node",
		{ FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(THEM) },
		.session = OVER4, .verdict = XDP_TX, .count = FLOW_C_FORWARD_STAMP, .to = THEM },
	{ "TIME-WAIT here, a stamp of no living node",
		{ FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(DEAD) },
		.session = OVER4, .verdict = XDP_PASS, .count = FLOW_C_ECHO_ZEROED },
	{ "cookie of another node",
		{ FROM4, .flags = TCP_ACK | TCP_PSH, .stamp = true, .tsecr = STAMP_OF(THEM) },
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_STAMP, .to = THEM },
	{ "cookie at an odd place",
		{ FROM4, .flags = TCP_ACK, .stamp_odd = true, .tsecr = STAMP_OF(THEM) },
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_STAMP, .to = THEM },
	{ "cookie of another node, FIN",
		{ FROM4, .flags = TCP_ACK | TCP_FIN, .stamp = true, .tsecr = STAMP_OF(THEM) },
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_STAMP, .to = THEM },
	{ "cookie over IPv6", { FROM6, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(THEM) },
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_STAMP, .to = THEM },
	{ "IPv4 to a node that has only IPv6",
		{ FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(WIDE) },
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_STAMP, .to = WIDE },
	{ "IPv6 to a node that has only IPv6",
		{ FROM6, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(WIDE) },
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_STAMP, .to = WIDE },
	{ "IPv6 to a node that has only IPv4",
		{ FROM6, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(THIRD) },
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_STAMP, .to = THIRD },
	{ "cookie beats the prefix",
		{ FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(THEM) },
		.prefix_now = THIRD, .verdict = XDP_TX, .count = FLOW_C_FORWARD_STAMP, .to = THEM },
	{ "cookie of a dead node: the kernel's RST",
		{ FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(DEAD) },
		.verdict = XDP_PASS, .count = FLOW_C_MISS },
	{ "cookie of no node", { FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(4001) },
		.verdict = XDP_PASS, .count = FLOW_C_MISS },
	{ "cookie of our own, the session is gone",
		{ FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(US) },
		.prefix_now = THEM, .verdict = XDP_PASS, .count = FLOW_C_MISS },
	{ "no timestamps, nothing known", { FROM4, .flags = TCP_ACK }, .verdict = XDP_PASS,
		.count = FLOW_C_MISS },
	{ "no timestamps, clients were told to be elsewhere", { FROM4, .flags = TCP_ACK },
		.prefix_now = THEM, .verdict = XDP_TX, .count = FLOW_C_FORWARD_PREFIX, .to = THEM },
	{ "no timestamps, the prefix came to us lately", { FROM4, .flags = TCP_ACK },
		.prefix_now = US, .prefix_before = THIRD, .verdict = XDP_TX,
		.count = FLOW_C_FORWARD_PREFIX, .to = THIRD },
	{ "no timestamps over IPv6, by the prefix", { FROM6, .flags = TCP_ACK }, .prefix_now = THEM,
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_PREFIX, .to = THEM },
	{ "the last owner is dead", { FROM4, .flags = TCP_ACK }, .prefix_now = DEAD,
		.verdict = XDP_PASS, .count = FLOW_C_MISS },
	{ "RST without timestamps, by the prefix", { FROM4, .flags = TCP_RST }, .prefix_now = THEM,
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_PREFIX, .to = THEM },
	{ "time to live used up",
		{ FROM4, .flags = TCP_ACK, .ttl = 1, .stamp = true, .tsecr = STAMP_OF(THEM) },
		.verdict = XDP_DROP, .count = FLOW_C_TTL },
	{ "first fragment",
		{ FROM4, .flags = TCP_ACK, .fragment = 0x2000, .stamp = true,
			.tsecr = STAMP_OF(THEM) },
		.verdict = XDP_PASS, .count = FLOW_C_FRAGMENT },
	{ "last fragment", { FROM4, .flags = TCP_ACK, .fragment = 0x0010 }, .verdict = XDP_PASS,
		.count = FLOW_C_FRAGMENT },
	{ "another transport", { .from = CLIENT4, .to = SERVICE4, .proto = 47 },
		.verdict = XDP_PASS, .count = FLOW_C_FRAGMENT },
	{ "DNS over UDP", { UDP4(53), BYTES(quic_initial) }, .prefix_now = THEM,
		.verdict = XDP_PASS, .count = FLOW_C_UDP_LOCAL },
	{ "UDP session, nothing known", { UDP4(5000), BYTES(quic_initial) }, .verdict = XDP_PASS,
		.count = FLOW_C_UDP_LOCAL },
	{ "UDP session, by the prefix", { UDP4(5000), BYTES(quic_initial) }, .prefix_now = THEM,
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_PREFIX, .to = THEM },
	{ "QUIC Initial is always new", { UDP4(443), BYTES(quic_initial) }, .prefix_now = THEM,
		.verdict = XDP_PASS, .count = FLOW_C_UDP_LOCAL },
	{ "QUIC Initial of version 2 is new too", { UDP4(443), BYTES(quic_initial_2) },
		.prefix_now = THEM, .verdict = XDP_PASS, .count = FLOW_C_UDP_LOCAL },
	{ "QUIC handshake of version 2, by the prefix", { UDP4(443), BYTES(quic_handshake_2) },
		.prefix_now = THEM, .verdict = XDP_TX, .count = FLOW_C_FORWARD_PREFIX, .to = THEM },
	{ "QUIC of version 2, Initial's bits of version 1", { UDP4(443), BYTES(quic_retry_2) },
		.prefix_now = THEM, .verdict = XDP_TX, .count = FLOW_C_FORWARD_PREFIX, .to = THEM },
	{ "QUIC with our id", { UDP4(443), BYTES(quic_short_us) }, .prefix_now = THEM,
		.verdict = XDP_PASS, .count = FLOW_C_UDP_LOCAL },
	{ "QUIC with another node's id", { UDP4(443), BYTES(quic_short_them) }, .verdict = XDP_TX,
		.count = FLOW_C_FORWARD_CID, .to = THEM },
	{ "QUIC handshake with another node's id", { UDP4(443), BYTES(quic_handshake_them) },
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_CID, .to = THEM },
	{ "QUIC with an id that is not QUIC-LB's, by the prefix",
		{ UDP4(443), BYTES(quic_short_other) }, .prefix_now = THIRD, .verdict = XDP_TX,
		.count = FLOW_C_FORWARD_PREFIX, .to = THIRD },
	{ "QUIC with such an id, nothing known", { UDP4(443), BYTES(quic_short_other) },
		.verdict = XDP_PASS, .count = FLOW_C_UDP_LOCAL },
	{ "ping", { .from = CLIENT4, .to = SERVICE4, .proto = IPPROTO_ICMP }, .prefix_now = THEM,
		.verdict = XDP_PASS, .count = FLOW_C_ICMP_LOCAL },
	{ "ICMP error about a session here", { FROM4, .flags = TCP_ACK, .stamp = true },
		.session = 4, .icmp = 200, .prefix_now = THEM, .verdict = XDP_PASS,
		.count = FLOW_C_ICMP_LOCAL },
	{ "ICMP error that quotes another node's stamp", { FROM4, .flags = TCP_ACK, .stamp = true },
		.icmp = 200, .verdict = XDP_TX, .count = FLOW_C_FORWARD_ICMP, .to = THEM },
	{ "the same, TIME-WAIT here", { FROM4, .flags = TCP_ACK, .stamp = true }, .session = OVER4,
		.icmp = 200, .verdict = XDP_TX, .count = FLOW_C_FORWARD_ICMP, .to = THEM },
	{ "ICMP error that quotes 28 bytes, TIME-WAIT here",
		{ FROM4, .flags = TCP_ACK, .stamp = true }, .session = OVER4, .icmp = 28,
		.prefix_now = THIRD, .verdict = XDP_PASS, .count = FLOW_C_ICMP_LOCAL },
	{ "ICMP error that quotes 28 bytes, by the prefix",
		{ FROM4, .flags = TCP_ACK, .stamp = true }, .icmp = 28, .prefix_now = THIRD,
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_ICMP, .to = THIRD },
	{ "ICMP error that quotes 28 bytes, nothing known",
		{ FROM4, .flags = TCP_ACK, .stamp = true }, .icmp = 28, .verdict = XDP_PASS,
		.count = FLOW_C_ICMP_LOCAL },
	{ "ICMPv6 error that quotes another node's stamp",
		{ FROM6, .flags = TCP_ACK, .stamp = true }, .icmp = 200, .verdict = XDP_TX,
		.count = FLOW_C_FORWARD_ICMP, .to = THEM },
	{ "ICMPv6 error about a session here", { FROM6, .flags = TCP_ACK, .stamp = true },
		.session = 6, .icmp = 200, .verdict = XDP_PASS, .count = FLOW_C_ICMP_LOCAL },
	{ "ICMP error about UDP, by the prefix", { UDP4(5000) }, .icmp = 28, .prefix_now = THEM,
		.verdict = XDP_TX, .count = FLOW_C_FORWARD_ICMP, .to = THEM },
};

static bool is6(const struct frame *f)
{
	return f->b[FRAME_L3] >> 4 == 6;
}

// The outer packet goes from us to the node, back to the router, with a tag of our key; inside is
// the packet that came with its time to live lowered by one.
static void check_sent(const struct row *row, const struct frame *came, const struct frame *sent)
{
	const struct keeper_node *to = NULL;

	for (size_t i = 0; i < countof(w->nodes); i++)
		if (w->nodes[i].id == row->to)
			to = &w->nodes[i];
	assert_non_null(to);
	assert_null(frame_fault(sent));
	assert_memory_equal(sent->b, came->b + 6, 6);
	assert_memory_equal(sent->b + 6, came->b, 6);
	bool wide = is6(sent);
	size_t head = FRAME_L3 + (wide ? 40 : 20) + 8;
	assert_int_equal(wide, to->a4.family != IP4);
	if (wide) {
		assert_memory_equal(sent->b + FRAME_L3 + 8, w->nodes[0].a6.b, 16);
		assert_memory_equal(sent->b + FRAME_L3 + 24, to->a6.b, 16);
	} else {
		assert_memory_equal(sent->b + FRAME_L3 + 12, w->nodes[0].a4.b, 4);
		assert_memory_equal(sent->b + FRAME_L3 + 16, to->a4.b, 4);
	}
	struct frame inner = { .n = sent->n - head - 16 + FRAME_L3 };
	memcpy(inner.b, came->b, FRAME_L3);
	memcpy(inner.b + FRAME_L3, sent->b + head + 16, sent->n - head - 16);
	assert_int_equal(inner.n, came->n);
	assert_null(frame_fault(&inner));
	struct frame lower = *came;
	if (is6(came)) {
		lower.b[FRAME_L3 + 7]--;
	} else {
		lower.b[FRAME_L3 + 8]--;
		memcpy(lower.b + FRAME_L3 + 10, inner.b + FRAME_L3 + 10, 2);
	}
	assert_memory_equal(lower.b, inner.b, inner.n);
	// The same packet made by the other hand, for the tag.
	struct tunnel_spec t = { .from = wide ? "2001:db8:1::11" : "192.0.2.11",
		.to = "192.0.2.12",
		.from_id = US,
		.to_id = row->to,
		.hop = 1,
		.port = FLOW_PORT_DEFAULT };
	t.type = row->icmp ? FLOW_T_ICMP : is6(came) ? FLOW_T_IPV6 : FLOW_T_IPV4;
	t.serial = (uint8_t)((sent->b[head + 2] >> 4) << 4 | sent->b[head + 4] >> 4);
	t.epoch = world_epoch(w);
	memcpy(t.key, w->nodes[0].key[0], sizeof(t.key));
	if (wide)
		t.to = "2001:db8:1::12";
	struct frame made = frame_wrap(&inner, &t);
	if ((made.b[head + 7]) != sent->b[head + 7]) { // the second turned meanwhile
		t.epoch--;
		made = frame_wrap(&inner, &t);
	}
	assert_memory_equal(made.b + head, sent->b + head, 16);
}

static void check_passed(
	const struct row *row, const struct frame *came, const struct frame *passed)
{
	size_t at = frame_stamp(passed);

	assert_int_equal(passed->n, came->n);
	assert_null(frame_fault(passed));
	if (row->count != FLOW_C_ECHO_ZEROED) {
		if (!row->session)
			assert_memory_equal(passed->b, came->b, came->n);
		return;
	}
	assert_int_not_equal(at, 0);
	assert_int_equal(frame_u32(passed, at), frame_u32(came, at));
	assert_int_equal(frame_u32(passed, at + 4), 0);
}

static void play(const struct row *row)
{
	struct spec packet = row->packet;

	if (row->session)
		packet.from_port = row->session == 4       ? w->port4
				   : row->session == OVER4 ? w->over4
							   : w->port6;
	world_reset(w);
	world_prefix(w, packet.from, row->prefix_now, row->prefix_before);
	struct frame came = row->icmp ? frame_icmp(&packet,
						is6(&(struct frame){})     ? ""
						: strchr(packet.from, ':') ? "2001:db8:7::1"
									   : "203.0.113.1",
						row->icmp, STAMP_OF(THEM))
				      : frame_make(&packet);
	struct frame out = came;
	assert_int_equal(world_in(w, &out), row->verdict);
	for (enum flow_count c = 0; c < FLOW_C_MAX; c++) {
		bool also = c == FLOW_C_LOCAL && row->count == FLOW_C_ECHO_ZEROED;
		also |= c == FLOW_C_ECHO_ZEROED && row->count == FLOW_C_LOCAL && row->packet.stamp;
		assert_int_equal(world_count(w, c), c == row->count || also);
	}
	if (row->verdict == XDP_TX)
		check_sent(row, &came, &out);
	else if (row->verdict == XDP_PASS)
		check_passed(row, &came, &out);
}

static void test_rows(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		print_message("# %s\n", rows[i].what);
		play(&rows[i]);
	}
}

// The control: without the tables nothing is sent on, whatever the packet says.
static void test_off(void **)
{
	struct flow_config off = w->config;

	off.self = 0;
	assert_int_equal(keeper_configure(w->k, &off), 0);
	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].icmp)
			continue;
		struct frame f = frame_make(&rows[i].packet), same = f;
		world_reset(w);
		assert_int_equal(world_in(w, &f), XDP_PASS);
		assert_memory_equal(f.b, same.b, same.n);
	}
	assert_int_equal(keeper_configure(w->k, &w->config), 0);
}

// Where stamps are not written, an echo's low bits are the clock's: they name nobody.
static void test_no_stamp(void **)
{
	struct flow_config plain = w->config;
	struct spec data = { FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(THEM) };
	const uint16_t ports[] = { PLAIN4, w->over4 };

	plain.flags &= ~(uint32_t)FLOW_STAMP;
	for (size_t i = 0; i < countof(ports); i++) {
		data.from_port = ports[i];
		world_reset(w);
		struct frame f = frame_make(&data);
		assert_int_equal(world_in(w, &f), XDP_TX); // the control
		assert_int_equal(keeper_configure(w->k, &plain), 0);
		world_reset(w);
		f = frame_make(&data);
		assert_int_equal(world_in(w, &f), XDP_PASS);
		world_prefix(w, CLIENT4, THIRD, 0);
		f = frame_icmp(&data, "203.0.113.1", 200, STAMP_OF(THEM));
		assert_int_equal(world_in(w, &f), i ? XDP_PASS : XDP_TX);
		assert_int_equal(world_count(w, FLOW_C_FORWARD_ICMP), !i);
		assert_int_equal(keeper_configure(w->k, &w->config), 0);
	}
}

// A flow that was forwarded by its timestamps: the RST of the closed client has none, and goes the
// same way, although nothing else says where.
static void test_flow_remembered(void **)
{
	struct spec data = { FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(THEM) };
	struct spec reset = { FROM4, .flags = TCP_RST };
	struct spec stranger = { FROM4, .flags = TCP_RST };

	world_reset(w);
	struct frame f = frame_make(&data);
	assert_int_equal(world_in(w, &f), XDP_TX);
	f = frame_make(&reset);
	assert_int_equal(world_in(w, &f), XDP_TX);
	assert_int_equal(world_count(w, FLOW_C_FORWARD_FLOW), 1);
	stranger.from_port++;
	f = frame_make(&stranger);
	assert_int_equal(world_in(w, &f), XDP_PASS);
}

// Budgets: new flows have the small one, flows that their owner vouched for the large one.
static void test_budgets(void **)
{
	struct flow_config tight = w->config;
	uint16_t ports[3] = { 1001, 1002, 1003 };

	tight.budget_new = 3;
	tight.budget_known = 1000;
	world_reset(w);
	struct spec known = { FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(THEM) };
	struct frame f = frame_make(&known);
	assert_int_equal(world_in(w, &f), XDP_TX);
	// THEM says that it has that one.
	struct flow_tuple tuple = { .family = 4,
		.proto = IPPROTO_TCP,
		.client_port = htons(PLAIN4),
		.service_port = htons(80) };
	inet_pton(AF_INET, CLIENT4, tuple.client);
	inet_pton(AF_INET, SERVICE4, tuple.service);
	struct keeper_datagram d = { .notice = keeper_notice_mine(&tuple) };
	struct tunnel_spec t = world_tunnel(w, THEM, FLOW_T_NOTICE);
	struct frame inner = { .n = FRAME_L3 + sizeof(d.notice) };
	memcpy(inner.b + FRAME_L3, &d.notice, sizeof(d.notice));
	f = frame_wrap(&inner, &t);
	assert_int_equal(world_in(w, &f), XDP_DROP);
	assert_int_equal(world_count(w, FLOW_C_NOTICE), 1);
	// keeper_seal() makes the very same.
	keeper_seal(&d, THEM, US, t.key, 0, t.serial, t.epoch);
	f = frame_wrap(&inner, &t);
	assert_memory_equal(&d, f.b + FRAME_L3 + 28, sizeof(d));
	// A flood of strangers, all of them with a stamp that names THEM.
	assert_int_equal(keeper_configure(w->k, &tight), 0);
	unsigned passed = 0, over = 0;
	for (int i = 0; i < 3000; i++) {
		struct spec stranger = known;
		stranger.from_port = (uint16_t)(2000 + i + ports[0]);
		f = frame_make(&stranger);
		int verdict = world_in(w, &f);
		passed += verdict == XDP_TX;
		over += verdict == XDP_DROP;
		if (i % 30 == 0) {
			f = frame_make(&known);
			assert_int_equal(world_in(w, &f), XDP_TX);
		}
	}
	assert_int_equal(passed + over, 3000);
	assert_true(over > 1500);
	assert_int_equal(world_count(w, FLOW_C_OVER_NEW), over);
	assert_int_equal(world_count(w, FLOW_C_OVER_KNOWN), 0);
	assert_int_equal(keeper_configure(w->k, &w->config), 0);
}

static void count_event(void *arg, const struct flow_event *)
{
	++*(unsigned *)arg;
}

// Sessions of many clients, each of which is news: the host's loop hears of them bit by bit.
static void test_events_have_turns(void **)
{
	enum { NEWS = KEEPER_EVENTS_MAX + 44 };
	unsigned heard = 0;

	world_reset(w);
	while (keeper_events(w->k, count_event, &heard) > 0) // of tests before
		;
	heard = 0;
	for (unsigned i = 0; i < NEWS; i++) {
		char from[IP_TEXT];
		snprintf(from, sizeof(from), "10.%u.%u.1", i / 256, i % 256);
		struct spec s = { UDP4(5000), BYTES(quic_initial) };
		struct spec answer = {
			.from = SERVICE4, .to = from, .proto = IPPROTO_UDP, .from_port = 5000
		};
		s.from = from;
		answer.to_port = s.from_port;
		struct frame f = frame_make(&answer);
		world_out(w, &f);
		struct tunnel_spec t = world_tunnel(w, THEM, FLOW_T_IPV4);
		struct frame inner = frame_make(&s);
		f = frame_wrap(&inner, &t);
		assert_int_equal(world_in(w, &f), XDP_PASS);
	}
	assert_int_equal(keeper_events(w->k, count_event, &heard), KEEPER_EVENTS_MAX);
	assert_int_equal(keeper_events(w->k, count_event, &heard), NEWS - KEEPER_EVENTS_MAX);
	assert_int_equal(keeper_events(w->k, count_event, &heard), 0);
	assert_int_equal(heard, NEWS);
}

// What may be removed from a folder of pins is known by its name.
static void test_pin_names(void **)
{
	static const struct {
		const char *name;
		unsigned shape; // 0: not ours
	} names[] = {
		{ "config-4", 4 },
		{ "prefixes4-3", 3 },
		{ "addresses6-12", 12 },
		{ "config", 0 },
		{ "config-", 0 },
		{ "config-4x", 0 },
		{ "config4-4", 0 },
		{ "cilium_ct-4", 0 },
		{ "..", 0 },
	};

	for (size_t i = 0; i < countof(names); i++) {
		unsigned shape = 0;
		print_message("# %s\n", names[i].name);
		assert_int_equal(
			keeper_is_pin(w->k->bpf->obj, names[i].name, &shape), names[i].shape != 0);
		assert_int_equal(shape, names[i].shape);
	}
}

static void test_too_big(void **)
{
	static uint8_t payload[1460];
	struct spec big = { FROM4, .flags = TCP_ACK, .stamp = true, .tsecr = STAMP_OF(THEM),
		.payload = payload, .payload_size = 1416 - 12 };

	world_reset(w);
	struct frame f = frame_make(&big); // 20 + 32 + 1404 + 44 = 1500
	assert_int_equal(world_in(w, &f), XDP_TX);
	big.payload_size++;
	f = frame_make(&big);
	assert_int_equal(world_in(w, &f), XDP_DROP);
	assert_int_equal(world_count(w, FLOW_C_TOO_BIG), 1);
}

int main(void)
{
	const char *why;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_no_stamp),
		cmocka_unit_test(test_flow_remembered),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_events_have_turns),
		cmocka_unit_test(test_pin_names),
		cmocka_unit_test(test_too_big),
	};

	w = world_make(&why);
	if (!w) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
