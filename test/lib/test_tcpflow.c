// Streams put together from segments in any order, with gaps, and within bounds.
#include "test/unit.h"

#include <string.h>

#include "lib/mem.h"
#include "lib/tcpflow.h"

static struct tcp_segment segment(uint32_t seq, const char *payload)
{
	return (struct tcp_segment){
		.src = ip_from_u32(0xc0000201),
		.dst = ip_from_u32(0xc0000202),
		.src_port = 50000,
		.dst_port = 179,
		.seq = seq,
		.payload = rd_init(payload, strlen(payload)),
	};
}

static struct flow *add(struct flows *f, uint32_t seq, const char *payload)
{
	struct tcp_segment s = segment(seq, payload);

	return flows_add(f, &s);
}

static struct flow *syn(struct flows *f, uint32_t seq)
{
	struct tcp_segment s = segment(seq, "");

	s.syn = true;
	return flows_add(f, &s);
}

static void assert_bytes(const struct flow *flow, const char *want)
{
	assert_int_equal(flow->len, strlen(want));
	assert_memory_equal(flow->bytes ? flow->bytes : (const uint8_t *)"", want, flow->len);
}

static void test_in_order(void **)
{
	own(flows_free) struct flows *f = flows_new(0, NULL);

	syn(f, 99);
	assert_bytes(add(f, 100, "abc"), "abc");
	assert_bytes(add(f, 103, "def"), "abcdef");
	struct flow *flow = add(f, 106, "");
	flow_take(flow, 4);
	assert_bytes(flow, "ef");
	assert_int_equal(flow->lost, 0);
}

static void test_any_order(void **)
{
	static const struct {
		uint32_t seq;
		const char *payload, *bytes;
	} rows[] = {
		{ 106, "ghi", "" }, { 103, "def", "" }, { 106, "ghi", "" }, // again
		{ 109, "j", "" }, { 100, "abc", "abcdefghij" },
		{ 100, "abc", "abcdefghij" }, // again
		{ 105, "fgh", "abcdefghij" },
		{ 108, "ijkl", "abcdefghijkl" }, // half of it is known
	};
	own(flows_free) struct flows *f = flows_new(0, NULL);

	syn(f, 99);
	for (size_t i = 0; i < countof(rows); i++)
		assert_bytes(add(f, rows[i].seq, rows[i].payload), rows[i].bytes);
	assert_int_equal(flows_pending(f)->waiting, 0);
}

static void test_numbers_wrap(void **)
{
	own(flows_free) struct flows *f = flows_new(0, NULL);

	syn(f, 0xfffffffd);
	add(f, 2, "ef");
	assert_bytes(add(f, 0xfffffffe, "abcd"), "abcdef");
}

static void test_gap(void **)
{
	own(flows_free) struct flows *f = flows_new(0, NULL);

	add(f, 100, "ab"); // a capture that begins in the middle
	add(f, 110, "xy");
	struct flow *flow = add(f, 105, "mn");
	assert_bytes(flow, "ab");
	assert_true(flow_skip_gap(flow));
	assert_bytes(flow, "mn");
	assert_int_equal(flow->lost, 5); // "ab", which nobody took, and 3 that never came
	flow->lost = 0;
	assert_true(flow_skip_gap(flow));
	assert_bytes(flow, "xy");
	assert_int_equal(flow->lost, 5);
	assert_false(flow_skip_gap(flow));
	assert_ptr_equal(flows_pending(f), flow);
	flow_take(flow, 2);
	assert_null(flows_pending(f));
}

static int released;

static void count_release(void *user)
{
	released += *(char *)user;
}

static void test_syn_begins_afresh(void **)
{
	released = 0;
	own(flows_free) struct flows *f = flows_new(1, count_release);

	add(f, 100, "ab");
	struct flow *flow = add(f, 200, "xy");
	*(char *)flow->user = 1;
	flow = syn(f, 4999);
	assert_int_equal(released, 1);
	assert_int_equal(*(char *)flow->user, 0);
	assert_bytes(flow, "");
	assert_bytes(add(f, 5000, "new"), "new");
}

static void test_reverse(void **)
{
	own(flows_free) struct flows *f = flows_new(0, NULL);
	struct tcp_segment back = segment(1, "back");
	struct flow *there = add(f, 100, "there");

	assert_null(flows_reverse(f, there));
	back.src = segment(0, "").dst;
	back.dst = segment(0, "").src;
	back.src_port = 179;
	back.dst_port = 50000;
	struct flow *here = flows_add(f, &back);
	assert_ptr_equal(flows_reverse(f, there), here);
	assert_ptr_equal(flows_reverse(f, here), there);
	assert_bytes(here, "back");
}

// The quietest flow makes way; what waits is bounded.
static void test_bounds(void **)
{
	own(flows_free) struct flows *f = flows_new(0, NULL);
	own(free_ptr) char *big = mem_zalloc(50001);
	struct tcp_segment s = segment(1, "x");
	struct flow *flow = NULL;

	for (unsigned i = 0; i < FLOWS_MAX + 10; i++) {
		s.src_port = (uint16_t)(1000 + i);
		flows_add(f, &s);
	}
	struct flow other = { .src = s.dst, .dst = s.src, .src_port = 179, .dst_port = 1009 };
	assert_null(flows_reverse(f, &other));
	other.dst_port = 1010;
	assert_non_null(flows_reverse(f, &other));

	memset(big, 'z', 50000);
	add(f, 1, "a");
	for (unsigned i = 0; i < 40; i++) {
		flow = add(f, 1000 + i * 50000, big);
		assert_true(flow->waiting <= FLOW_BYTES_MAX);
		assert_true(flow->len <= FLOW_BYTES_MAX);
	}
	assert_true(flow->lost > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_numbers_wrap),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_syn_begins_afresh),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
