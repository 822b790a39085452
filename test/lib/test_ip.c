#include "test/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/ip.h"

static void test_address_text(void **)
{
	static const struct {
		const char *in, *out; // out NULL: refused
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "2001:DB8::0:1", "2001:db8::1" },
		{ "::", "::" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "192.0.2", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.1 ", NULL },
		{ "", NULL },
		{ ":", NULL },
		{ "2001:db8::1%lo", NULL },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct ip_addr a = {};
		char text[IP_TEXT];
		int rc = ip_parse(&a, rows[i].in);
		assert_int_equal(rc, rows[i].out ? 0 : -EINVAL);
		if (rows[i].out)
			assert_string_equal(ip_print(&a, text), rows[i].out);
		else
			assert_int_equal(a.family, IP_NONE);
	}
}

static void test_prefix_text(void **)
{
	static const struct {
		const char *in;
		int rc;
		const char *out;
	} rows[] = {
		{ "198.51.100.0/24", 0, "198.51.100.0/24" },
		{ "0.0.0.0/0", 0, "0.0.0.0/0" },
		{ "198.51.100.7/32", 0, "198.51.100.7/32" },
		{ "2001:db8:53::/48", 0, "2001:db8:53::/48" },
		{ "::/0", 0, "::/0" },
		{ "198.51.100.1/24", -EDOM, "198.51.100.0/24" },
		{ "2001:db8::1/127", -EDOM, "2001:db8::/127" },
		{ "198.51.100.0", -EINVAL, NULL },
		{ "198.51.100.0/33", -EINVAL, NULL },
		{ "2001:db8::/129", -EINVAL, NULL },
		{ "198.51.100.0/", -EINVAL, NULL },
		{ "198.51.100.0/-1", -EINVAL, NULL },
		{ "198.51.100.0/2 4", -EINVAL, NULL },
		{ "198.51.100.0/0024", -EINVAL, NULL },
		{ "/24", -EINVAL, NULL },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct ip_prefix p;
		char text[PREFIX_TEXT];
		assert_int_equal(prefix_parse(&p, rows[i].in), rows[i].rc);
		if (rows[i].out)
			assert_string_equal(prefix_print(&p, text), rows[i].out);
	}
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static void test_contains(void **)
{
	struct ip_prefix p = prefix("198.51.100.0/24"), six = prefix("2001:db8::/32");
	struct ip_addr in, out;

	assert_int_equal(ip_parse(&in, "198.51.100.53"), 0);
	assert_int_equal(ip_parse(&out, "198.51.101.53"), 0);
	assert_true(prefix_contains(&p, &in));
	assert_false(prefix_contains(&p, &out));
	assert_false(prefix_contains(&six, &in));
	struct ip_prefix longer = prefix("198.51.100.128/25"), all = prefix("0.0.0.0/0");
	assert_true(prefix_covers(&p, &longer));
	assert_false(prefix_covers(&longer, &p));
	assert_true(prefix_covers(&all, &p));
	assert_true(prefix_covers(&p, &p));
	assert_false(prefix_covers(&all, &six));
}

// RFC 4271 section 4.3: the length in bits, then as many bytes as that needs.
static void test_nlri(void **)
{
	static const char *const texts[] = { "0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/8",
		"198.51.100.0/23", "198.51.100.1/32" };

	for (size_t i = 0; i < countof(texts); i++) {
		struct ip_prefix p = prefix(texts[i]);
		uint8_t buf[17];
		struct wr w = wr_init(buf, sizeof(buf));
		prefix_write(&w, &p);
		assert_int_equal(wr_len(&w), 1 + (p.len + 7) / 8);
		struct rd r = rd_init(buf, wr_len(&w));
		struct ip_prefix back = prefix_read(&r, IP4);
		assert_true(rd_done(&r));
		assert_true(prefix_equal(&p, &back));
	}
	static const uint8_t host_bits[] = { 9, 10, 0xff }, too_long[] = { 33, 1, 2, 3, 4, 5 },
			     cut[] = { 24, 198, 51 };
	struct rd r = rd_init(host_bits, sizeof(host_bits));
	struct ip_prefix p = prefix_read(&r, IP4);
	assert_true(rd_done(&r));
	assert_int_equal(p.addr.b[1], 0x80);
	r = rd_init(too_long, sizeof(too_long));
	(void)prefix_read(&r, IP4);
	assert_true(r.bad);
	r = rd_init(cut, sizeof(cut));
	(void)prefix_read(&r, IP4);
	assert_true(r.bad);
}

static void test_sockaddr(void **)
{
	struct sockaddr_storage ss;
	struct ip_addr a, back;

	assert_int_equal(ip_parse(&a, "2001:db8::1"), 0);
	assert_int_equal(ip_to_sockaddr(&a, 179, &ss), 28);
	back = ip_from_sockaddr((struct sockaddr *)&ss);
	assert_true(ip_equal(&a, &back));
	assert_int_equal(ip_parse(&a, "::ffff:192.0.2.1"), 0); // mapped: becomes IPv4
	(void)ip_to_sockaddr(&a, 179, &ss);
	back = ip_from_sockaddr((struct sockaddr *)&ss);
	assert_int_equal(back.family, IP4);
	ss.ss_family = AF_UNIX;
	assert_int_equal(ip_from_sockaddr((struct sockaddr *)&ss).family, IP_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_text),
		cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_nlri),
		cmocka_unit_test(test_sockaddr),
	};

	return cmocka_run_group_tests_name("ip", tests, NULL, NULL);
}
