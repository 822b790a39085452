// What comes back for a probe, whole, cut anywhere, and about somebody else's packet.
#include "test/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "nearglass/probe_packet.h"

#define IP4_HEADER(first) first, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 20, 0, 1, 1, 20, 0, 3, 2
#define REQUEST4          8, 0, 0, 0, 0x12, 0x34, 0, 5
#define IP6_HEADER                                                                                 \
	0x60, 0, 0, 0, 0, 8, 58, 1, 0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x2a, 0, 0, \
		3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2
#define OPTIONS     0, 0, 0, 0
#define UDP4_HEADER 0x45, 0, 0, 0, 0, 0, 0, 0, 1, 17, 0, 0, 20, 0, 1, 1, 20, 0, 3, 2
#define UDP6_HEADER                                                                                \
	0x60, 0, 0, 0, 0, 8, 17, 1, 0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x2a, 0, 0, \
		3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2
#define PORTS 0x12, 0x34, 0x82, 0x9f, 0, 8, 0, 0 // 33439: sequence 5

static const struct {
	const char *name;
	enum ip_family family;
	enum probe_answer_kind kind;
	size_t len;
	uint8_t data[100];
} rows[] = {
	{ "reply", IP4, PROBE_REPLY, 36,
		{ IP4_HEADER(0x45), 0, 0, 0, 0, 0x12, 0x34, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "reply with options", IP4, PROBE_REPLY, 40,
		{ IP4_HEADER(0x46), OPTIONS, 0, 0, 0, 0, 0x12, 0x34, 0, 5, 1, 2, 3, 4, 5, 6, 7,
			8 } },
	{ "reply of IPv6", IP6, PROBE_REPLY, 16,
		{ 129, 0, 0, 0, 0x12, 0x34, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "exceeded", IP4, PROBE_EXCEEDED, 56,
		{ IP4_HEADER(0x45), 11, 0, 0, 0, 0, 0, 0, 0, IP4_HEADER(0x45), REQUEST4 } },
	{ "unreachable", IP4, PROBE_UNREACHABLE, 56,
		{ IP4_HEADER(0x45), 3, 1, 0, 0, 0, 0, 0, 0, IP4_HEADER(0x45), REQUEST4 } },
	{ "exceeded of IPv6", IP6, PROBE_EXCEEDED, 56,
		{ 3, 0, 0, 0, 0, 0, 0, 0, IP6_HEADER, 128, 0, 0, 0, 0x12, 0x34, 0, 5 } },
	{ "exceeded, about another packet", IP4, PROBE_NOTHING, 56,
		{ IP4_HEADER(0x45), 11, 0, 0, 0, 0, 0, 0, 0, IP4_HEADER(0x45), 0, 53, 0, 53 } },
	{ "exceeded by UDP", IP4, PROBE_EXCEEDED, 56,
		{ IP4_HEADER(0x45), 11, 0, 0, 0, 0, 0, 0, 0, UDP4_HEADER, PORTS } },
	{ "no such port", IP4, PROBE_UNREACHABLE, 56,
		{ IP4_HEADER(0x45), 3, 3, 0, 0, 0, 0, 0, 0, UDP4_HEADER, PORTS } },
	{ "no such port of IPv6", IP6, PROBE_UNREACHABLE, 56,
		{ 1, 4, 0, 0, 0, 0, 0, 0, UDP6_HEADER, PORTS } },
	{ "a request", IP4, PROBE_NOTHING, 36, { IP4_HEADER(0x45), REQUEST4 } },
	{ "a header of four words", IP4, PROBE_NOTHING, 36, { IP4_HEADER(0x44) } },
	{ "another version", IP4, PROBE_NOTHING, 36, { IP4_HEADER(0x65) } },
};

// In memory of its own length, so that a sanitizer sees a read past the end.
static struct probe_answer read_copy(enum ip_family family, const uint8_t *data, size_t n)
{
	own(free_ptr) uint8_t *copy = malloc(n + (n == 0));

	assert_non_null(copy);
	memcpy(copy, data, n);
	return probe_read(family, copy, n);
}

static void test_rows(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		struct probe_answer a = read_copy(rows[i].family, rows[i].data, rows[i].len);
		if (a.kind != rows[i].kind)
			fail_msg("%s: %d", rows[i].name, (int)a.kind);
		if (a.kind == PROBE_NOTHING)
			continue;
		assert_int_equal(a.echo.id, 0x1234);
		assert_int_equal(a.echo.sequence, 5);
		assert_int_equal(
			a.udp, strstr(rows[i].name, "UDP") || strstr(rows[i].name, "port"));
		assert_int_equal(a.port, strstr(rows[i].name, "port") != NULL);
		char text[IP_TEXT];
		if (a.kind == PROBE_REPLY)
			assert_memory_equal(a.echo.token, "\1\2\3\4\5\6\7\10", PROBE_TOKEN);
		else
			assert_string_equal(ip_print(&a.target, text),
				rows[i].family == IP4 ? "20.0.3.2" : "2a00:3::2");
	}
}

static void test_cut(void **)
{
	for (size_t i = 0; i < countof(rows); i++)
		for (size_t n = 0; n < rows[i].len; n++) {
			struct probe_answer a = read_copy(rows[i].family, rows[i].data, n);
			assert_int_equal(a.kind, PROBE_NOTHING);
		}
}

// RFC 1071: with its checksum in place a message sums up to all ones.
static void test_build(void **)
{
	const struct probe_echo e = { 0x1234, 5, { 1, 2, 3, 4, 5, 6, 7, 8 } };
	uint8_t request[PROBE_REQUEST], small[PROBE_REQUEST - 1];
	struct wr w = wr_init(request, sizeof(request));
	uint32_t sum = 0;

	probe_build(IP4, &e, &w);
	assert_int_equal(wr_len(&w), PROBE_REQUEST);
	for (size_t i = 0; i < PROBE_REQUEST; i += 2)
		sum += (uint32_t)request[i] << 8 | request[i + 1];
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	assert_int_equal(request[0], 8);
	w = wr_init(request, sizeof(request));
	probe_build(IP6, &e, &w);
	assert_int_equal(request[0], 128);
	w = wr_init(small, sizeof(small));
	probe_build(IP4, &e, &w);
	assert_true(w.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_build) };

	return cmocka_run_group_tests_name("probe-packet", tests, NULL, NULL);
}
