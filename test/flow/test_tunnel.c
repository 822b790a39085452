// What the tunnel believes: each row is a packet that was good, with one thing wrong.
#include <string.h>

#include <arpa/inet.h>
#include <linux/bpf.h>

#include "lib/mem.h"
#include "test/flow/world.h"
#include "test/unit.h"

static struct world *w;

enum { OUTER = FRAME_L3 + 20, HEAD = OUTER + 8, INNER = HEAD + 16 };

struct row {
	const char *what;
	enum flow_count count; // FLOW_C_RECEIVED: accepted
	uint16_t from;         // THEM if 0
	void (*spec)(struct tunnel_spec *t);
	void (*frame)(struct frame *f);
	bool twice;
};

static void good(struct tunnel_spec *t)
{
	t->phase = 0;
}
static void other_key(struct tunnel_spec *t)
{
	t->key[3] ^= 1;
}
static void next_phase(struct tunnel_spec *t)
{
	t->phase = 1;
	memcpy(t->key, w->nodes[1].key[1], sizeof(t->key));
}
static void wrong_phase(struct tunnel_spec *t)
{
	t->phase = 1;
}
static void key_of_another(struct tunnel_spec *t)
{
	memcpy(t->key, w->nodes[4].key[0], sizeof(t->key));
}
static void claims_another(struct tunnel_spec *t)
{
	t->from_id = THIRD;
	memcpy(t->key, w->nodes[4].key[0], sizeof(t->key));
}
static void claims_us(struct tunnel_spec *t)
{
	t->from_id = US;
	memcpy(t->key, w->nodes[0].key[0], sizeof(t->key));
}
static void claims_nobody(struct tunnel_spec *t)
{
	t->from_id = 99;
}
static void claims_zero(struct tunnel_spec *t)
{
	t->from_id = 0;
}
static void from_elsewhere(struct tunnel_spec *t)
{
	t->from = "203.0.113.66";
}
static void for_another(struct tunnel_spec *t)
{
	t->to_id = THIRD;
}
static void a_bit_late(struct tunnel_spec *t)
{
	t->epoch -= 1;
}
static void late(struct tunnel_spec *t)
{
	t->epoch -= 4;
}
static void early(struct tunnel_spec *t)
{
	t->epoch += 4;
}
static void of_yesterday(struct tunnel_spec *t)
{
	t->epoch -= 65536; // the same sixteen bits
}
static void no_hop(struct tunnel_spec *t)
{
	t->hop = 0;
}
static void last_hop(struct tunnel_spec *t)
{
	t->hop = 2;
}
static void a_hop_too_many(struct tunnel_spec *t)
{
	t->hop = 3;
}
static void unknown_type(struct tunnel_spec *t)
{
	t->type = 9;
}
static void other_family(struct tunnel_spec *t)
{
	t->type = FLOW_T_IPV6;
}
static void as_notice(struct tunnel_spec *t)
{
	t->type = FLOW_T_NOTICE;
	t->hop = 0;
}
static void other_version(struct frame *f)
{
	f->b[HEAD] += 0x10;
}
static void reserved_bits(struct frame *f)
{
	f->b[HEAD + 1] |= 4;
}
static void inner_address(struct frame *f)
{
	f->b[INNER + 15] ^= 1;
}
static void inner_sequence(struct frame *f)
{
	f->b[INNER + 20 + 7] ^= 1;
}
static void tag_bit(struct frame *f)
{
	f->b[HEAD + 15] ^= 0x80;
}
static void serial(struct frame *f)
{
	f->b[HEAD + 2] ^= 0x10;
}
static void longer_inside(struct frame *f)
{
	f->b[INNER + 2] += 5; // it claims more than there is
}
static void shorter_inside(struct frame *f)
{
	f->b[INNER + 3]--;
}
static void longer_outside(struct frame *f)
{
	f->b[OUTER + 4] += 5;
}
static void trailing(struct frame *f)
{
	f->n += 40;
	f->b[FRAME_L3 + 3] += 40;
	f->b[OUTER + 5] += 40;
}
static void cut(struct frame *f)
{
	f->n = HEAD + 10;
}
static void cut_inside(struct frame *f)
{
	f->n = INNER + 12;
}
static void fragment(struct frame *f)
{
	f->b[FRAME_L3 + 6] = 0x20;
}
static void later_fragment(struct frame *f)
{
	f->b[FRAME_L3 + 7] = 0x08;
}

static const struct row rows[] = {
	{ "as it should be", FLOW_C_RECEIVED, .spec = good },
	{ "over IPv6", FLOW_C_RECEIVED, .from = WIDE },
	{ "the key of the next phase", FLOW_C_RECEIVED, .spec = next_phase },
	{ "a second late", FLOW_C_RECEIVED, .spec = a_bit_late },
	{ "on its last hop", FLOW_C_RECEIVED, .spec = last_hop },
	{ "forged: a key that nobody has", FLOW_C_REFUSED_TAG, .spec = other_key },
	{ "forged: the right key, the wrong phase", FLOW_C_REFUSED_TAG, .spec = wrong_phase },
	{ "forged: another node's key", FLOW_C_REFUSED_TAG, .spec = key_of_another },
	{ "forged: a tag off by one bit", FLOW_C_REFUSED_TAG, .frame = tag_bit },
	{ "forged: another client", FLOW_C_REFUSED_TAG, .frame = inner_address },
	{ "forged: another sequence number", FLOW_C_REFUSED_TAG, .frame = inner_sequence },
	{ "forged: another serial", FLOW_C_REFUSED_TAG, .frame = serial },
	{ "forged: in another node's name", FLOW_C_REFUSED_SOURCE, .spec = claims_another },
	{ "forged: in our own name", FLOW_C_REFUSED_SOURCE, .spec = claims_us },
	{ "forged: a node that there is not", FLOW_C_REFUSED_SOURCE, .spec = claims_nobody },
	{ "forged: node zero", FLOW_C_REFUSED_SOURCE, .spec = claims_zero },
	{ "forged: from an address of no node", FLOW_C_REFUSED_SOURCE, .spec = from_elsewhere },
	{ "replayed at once", FLOW_C_REFUSED_REPLAY, .twice = true },
	{ "replayed at once over IPv6", FLOW_C_REFUSED_REPLAY, .from = WIDE, .twice = true },
	{ "replayed four seconds later", FLOW_C_REFUSED_EPOCH, .spec = late },
	{ "from four seconds ahead", FLOW_C_REFUSED_EPOCH, .spec = early },
	{ "replayed 65536 seconds later", FLOW_C_REFUSED_TAG, .spec = of_yesterday },
	{ "replayed at another node", FLOW_C_REFUSED_TO, .spec = for_another },
	{ "looping: forwarded three times", FLOW_C_REFUSED_HOP, .spec = a_hop_too_many },
	{ "never forwarded", FLOW_C_REFUSED_HOP, .spec = no_hop },
	{ "oversized: longer inside than out", FLOW_C_REFUSED_LENGTH, .frame = longer_inside },
	{ "oversized: bytes behind the packet", FLOW_C_REFUSED_LENGTH, .frame = trailing },
	{ "oversized: UDP longer than IP, harmless", FLOW_C_RECEIVED, .frame = longer_outside },
	{ "shorter inside", FLOW_C_REFUSED_LENGTH, .frame = shorter_inside },
	{ "a fragment", FLOW_C_REFUSED_LENGTH, .frame = fragment },
	{ "another version", FLOW_C_REFUSED_FORM, .frame = other_version },
	{ "reserved bits", FLOW_C_REFUSED_FORM, .frame = reserved_bits },
	{ "a type that there is not", FLOW_C_REFUSED_FORM, .spec = unknown_type },
	{ "IPv4 where the type says IPv6", FLOW_C_REFUSED_LENGTH, .spec = other_family },
	{ "a client's packet as a notice", FLOW_C_REFUSED_LENGTH, .spec = as_notice },
};

static struct frame client_packet(void)
{
	static uint8_t some[100];
	struct spec s = { .from = CLIENT4,
		.to = SERVICE4,
		.from_port = w->port4,
		.to_port = 80,
		.flags = TCP_ACK,
		.stamp = true,
		.tsval = 7,
		.tsecr = 0x1000 | US,
		.payload = some,
		.payload_size = sizeof(some) };

	return frame_make(&s);
}

static void play(const struct row *row)
{
	struct tunnel_spec t = world_tunnel(w, row->from ? row->from : THEM, FLOW_T_IPV4);
	struct frame inner = client_packet();

	if (row->spec)
		row->spec(&t);
	struct frame f = frame_wrap(&inner, &t);
	if (row->frame)
		row->frame(&f);
	world_reset(w);
	struct frame out = f;
	if (row->twice) {
		assert_int_equal(world_in(w, &out), XDP_PASS);
		out = f;
	}
	bool accept = row->count == FLOW_C_RECEIVED;
	assert_int_equal(world_in(w, &out), accept ? XDP_PASS : XDP_DROP);
	assert_int_equal(world_count(w, row->count), 1);
	assert_int_equal(world_count(w, FLOW_C_RECEIVED), accept || row->twice);
	assert_int_equal(world_count(w, FLOW_C_RECEIVED_LOCAL), accept || row->twice);
	if (!accept)
		return;
	assert_int_equal(out.n, inner.n);
	assert_null(frame_fault(&out));
	assert_int_equal(frame_u32(&out, frame_stamp(&out) + 4), 0);
	assert_memory_equal(out.b + FRAME_L3, inner.b + FRAME_L3, 36);
}

static void test_rows(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		print_message("# %s\n", rows[i].what);
		play(&rows[i]);
	}
}

// Too short to be one: left to the kernel, which will not know it either.
static void test_short(void **)
{
	void (*const shorten[])(struct frame *) = { cut, cut_inside, later_fragment };

	for (size_t i = 0; i < countof(shorten); i++) {
		struct tunnel_spec t = world_tunnel(w, THEM, FLOW_T_IPV4);
		struct frame inner = client_packet(), f = frame_wrap(&inner, &t);
		shorten[i](&f);
		world_reset(w);
		world_in(w, &f);
		assert_int_equal(world_count(w, FLOW_C_RECEIVED), 0);
	}
}

struct bounce {
	const char *what;
	uint8_t hop;
	uint16_t cookie, prefix;
	int verdict;
	enum flow_count count;
};

// A packet that came through the tunnel and has no socket here goes on at most once more, and
// never back.
static void test_bounces(void **)
{
	static const struct bounce bounces[] = {
		{ "to a third", 1, THIRD, 0, XDP_TX, FLOW_C_FORWARD_STAMP },
		{ "not back by its cookie", 1, THEM, 0, XDP_PASS, FLOW_C_RECEIVED_MISS },
		{ "not back by its prefix", 1, 0, THEM, XDP_PASS, FLOW_C_RECEIVED_MISS },
		{ "along the chain of owners", 1, 0, THIRD, XDP_TX, FLOW_C_FORWARD_PREFIX },
		{ "not a third time", 2, THIRD, THIRD, XDP_PASS, FLOW_C_RECEIVED_MISS },
	};

	for (size_t i = 0; i < countof(bounces); i++) {
		const struct bounce *b = &bounces[i];
		struct spec s = { .from = CLIENT4,
			.to = SERVICE4,
			.from_port = 999,
			.to_port = 80,
			.flags = TCP_ACK,
			.stamp = b->cookie != 0,
			.tsecr = b->cookie };
		struct tunnel_spec t = world_tunnel(w, THEM, FLOW_T_IPV4);
		print_message("# %s\n", b->what);
		t.hop = b->hop;
		struct frame inner = frame_make(&s), f = frame_wrap(&inner, &t);
		world_reset(w);
		world_prefix(w, CLIENT4, b->prefix, 0);
		assert_int_equal(world_in(w, &f), b->verdict);
		assert_int_equal(world_count(w, b->count), 1);
		if (b->verdict == XDP_TX)
			assert_int_equal(f.b[HEAD + 1] >> 6, 2);
	}
}

// Inside must be a packet for a service: the tunnel is no way into the node's own addresses.
static void test_inner(void **)
{
	struct spec s = {
		.from = CLIENT4, .to = "192.0.2.11", .from_port = 9, .to_port = 22, .flags = TCP_SYN
	};
	struct tunnel_spec t = world_tunnel(w, THEM, FLOW_T_IPV4);
	struct frame inner = frame_make(&s), f = frame_wrap(&inner, &t);

	world_reset(w);
	assert_int_equal(world_in(w, &f), XDP_DROP);
	assert_int_equal(world_count(w, FLOW_C_REFUSED_INNER), 1);
	// A tunnel packet inside a tunnel packet is one of these.
	t = world_tunnel(w, THEM, FLOW_T_IPV4);
	inner = client_packet();
	f = frame_wrap(&inner, &t);
	t = world_tunnel(w, THEM, FLOW_T_IPV4);
	struct frame twice = frame_wrap(&f, &t);
	world_reset(w);
	assert_int_equal(world_in(w, &twice), XDP_DROP);
	assert_int_equal(world_count(w, FLOW_C_REFUSED_INNER), 1);
}

static struct flow_event heard;
static unsigned heard_count;

static void on_event(void *, const struct flow_event *e)
{
	heard = *e;
	heard_count++;
}

// The owner of a session that comes through the tunnel says so once, and not for each packet.
static void test_mine(void **)
{
	world_reset(w);
	keeper_events(w->k, on_event, NULL);
	heard_count = 0;
	for (int i = 0; i < 5; i++) {
		struct tunnel_spec t = world_tunnel(w, THEM, FLOW_T_IPV4);
		struct frame inner = client_packet(), f = frame_wrap(&inner, &t);
		assert_int_equal(world_in(w, &f), XDP_PASS);
	}
	keeper_events(w->k, on_event, NULL);
	assert_int_equal(heard_count, 1);
	assert_int_equal(heard.kind, FLOW_E_MINE);
	assert_int_equal(heard.node, THEM);
	assert_int_equal(heard.flow.client_port, htons(w->port4));
}

// What another keeper says of its prefixes is remembered, of both families.
static void test_prefix_notice(void **)
{
	static const char *const clients[] = { CLIENT4, CLIENT6 };

	for (size_t i = 0; i < countof(clients); i++) {
		struct spec s = { .from = clients[i],
			.to = i ? SERVICE6 : SERVICE4,
			.from_port = 5,
			.to_port = 80,
			.flags = TCP_ACK };
		struct flow_tuple tuple = { .family = i ? 6 : 4 };
		struct flow_notice n = {};
		inet_pton(i ? AF_INET6 : AF_INET, clients[i], tuple.client);
		world_reset(w);
		struct frame f = frame_make(&s);
		assert_int_equal(world_in(w, &f), XDP_PASS);
		assert_true(keeper_notice_add(&n, &tuple));
		struct frame inner = { .n = FRAME_L3 + sizeof(n) };
		memcpy(inner.b + FRAME_L3, &n, sizeof(n));
		struct tunnel_spec t = world_tunnel(w, THEM, FLOW_T_NOTICE);
		f = frame_wrap(&inner, &t);
		assert_int_equal(world_in(w, &f), XDP_DROP);
		assert_int_equal(world_count(w, FLOW_C_NOTICE), 1);
		f = frame_make(&s);
		assert_int_equal(world_in(w, &f), XDP_TX);
		assert_int_equal(world_count(w, FLOW_C_FORWARD_PREFIX), 1);
	}
}

// A question is answered by the program itself: to who asked, with a tag of ours.
static void test_ask(void **)
{
	static const uint16_t askers[] = { THEM, WIDE };

	for (size_t i = 0; i < countof(askers); i++) {
		struct flow_notice n = { .kind = FLOW_N_ASK };
		struct frame inner = { .n = FRAME_L3 + sizeof(n) };
		struct tunnel_spec t = world_tunnel(w, askers[i], FLOW_T_NOTICE), back = t;
		memcpy(inner.b + FRAME_L3, &n, sizeof(n));
		struct frame f = frame_wrap(&inner, &t), out = f;
		world_reset(w);
		assert_int_equal(world_in(w, &out), XDP_TX);
		assert_null(frame_fault(&out));
		assert_int_equal(out.n, f.n);
		size_t head = out.n - sizeof(n) - 16;
		back.from = t.to;
		back.to = t.from;
		back.from_id = US;
		back.to_id = askers[i];
		memcpy(back.key, w->nodes[0].key[0], sizeof(back.key));
		back.serial = (uint8_t)((out.b[head + 2] >> 4) << 4 | out.b[head + 4] >> 4);
		inner.b[FRAME_L3] = FLOW_N_ANSWER;
		struct frame made = frame_wrap(&inner, &back);
		if (made.b[head + 7] != out.b[head + 7]) { // the second turned meanwhile
			back.epoch++;
			made = frame_wrap(&inner, &back);
		}
		assert_memory_equal(made.b + head, out.b + head, 16 + sizeof(n));
		assert_memory_equal(out.b, f.b + 6, 6);
		// Asked again in the same words it is a replay, and nobody is answered twice.
		assert_int_equal(world_in(w, &f), XDP_DROP);
		assert_int_equal(world_count(w, FLOW_C_REFUSED_REPLAY), 1);
	}
}

int main(void)
{
	const char *why;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_bounces),
		cmocka_unit_test(test_inner),
		cmocka_unit_test(test_mine),
		cmocka_unit_test(test_prefix_notice),
		cmocka_unit_test(test_ask),
	};

	w = world_make(&why);
	if (!w) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
