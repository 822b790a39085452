// TCP-AO keys as the kernel's options take them: octet by octet, as Documentation/networking/tcp_ao
// and the uapi header of Linux 6.7 lay them out, which the headers here need not have.
#include <errno.h>
#include <string.h>

#include "nearcastd/tcpao.h"
#include "test/unit.h"

enum { ADDRESS = 0, ALGORITHM = 128, FLAGS = 196, TAIL = 200, KEY = 208, END = 288 };

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(prefix_parse(&p, text), 0);
	return p;
}

static struct conf_ao_key key(uint64_t id, uint64_t receive_id, int algorithm, char *secret)
{
	return (struct conf_ao_key){
		.id = id, .receive_id = receive_id, .algorithm = algorithm, .secret = secret
	};
}

static void assert_octets(const void *from, const void *is, size_t n)
{
	assert_memory_equal(from, is, n);
}

static void assert_zero(const uint8_t *from, const uint8_t *to)
{
	while (from < to)
		assert_int_equal(*from++, 0);
}

static void test_add_ip4(void **)
{
	char secret[] = "s3cret";
	struct ip_prefix p = prefix("192.0.2.1/32");
	struct conf_ao_key k = key(5, 250, CONF_AO_HMAC_SHA_1_96, secret);
	struct tcpao_add add = tcpao_add_of(&p, &k, true);
	const uint8_t *b = (const void *)&add;
	uint16_t family = AF_INET;
	uint32_t ifindex;

	assert_octets(b + ADDRESS, &family, 2);
	assert_octets(b + 2, "\0\0\xc0\0\2\1", 6); // any port
	assert_zero(b + 8, b + ALGORITHM);
	assert_string_equal((const char *)b + ALGORITHM, "hmac(sha1)");
	memcpy(&ifindex, b + 192, sizeof(ifindex));
	assert_int_equal(ifindex, 0);
	assert_int_equal(add.set_current + add.set_rnext, 2);
	assert_int_equal(
		b[FLAGS] | b[FLAGS + 3], __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 3 : 0xc0);
	//                       reserved  /32     5     250   12 octets  0   6 octets
	assert_octets(b + TAIL,
		"\0\0"
		"\x20"
		"\x05"
		"\xfa"
		"\x0c"
		"\0"
		"\x06",
		8);
	assert_octets(b + KEY, "s3cret", 6);
	assert_zero(b + KEY + 6, b + END);
}

static void test_add_ip6_range(void **)
{
	char secret[TCPAO_KEY_MAX + 1] = "";
	struct ip_prefix p = prefix("2001:db8::/32");
	struct conf_ao_key k = key(0, 0, CONF_AO_AES_128_CMAC_96, secret);

	memset(secret, 'k', TCPAO_KEY_MAX);
	struct tcpao_add add = tcpao_add_of(&p, &k, false);
	const uint8_t *b = (const void *)&add;
	uint16_t family = AF_INET6;
	assert_octets(b + ADDRESS, &family, 2);
	assert_octets(b + 8, "\x20\x01\x0d\xb8", 4);
	assert_zero(b + 12, b + ALGORITHM);
	assert_string_equal((const char *)b + ALGORITHM, "cmac(aes128)");
	assert_zero(b + FLAGS, b + FLAGS + 4);
	assert_octets(b + TAIL, "\0\0\x20\0\0\x0c\0\x50", 8);
	assert_octets(b + KEY, secret, TCPAO_KEY_MAX);
}

static void test_del(void **)
{
	char secret[] = "unused";
	struct ip_prefix p = prefix("192.0.2.0/24");
	struct conf_ao_key k = key(1, 2, CONF_AO_HMAC_SHA_1_96, secret);
	struct tcpao_del del = tcpao_del_of(&p, &k);
	const uint8_t *b = (const void *)&del;

	assert_octets(b + 2, "\0\0\xc0\0\2\0", 6);
	assert_zero(b + 8, b + 138);
	assert_octets(b + 138, "\x18\1\2\0\0\0", 6);
	assert_int_equal(sizeof(del), 144);
}

// The kernel says either way, and says the same of all algorithms when it has no TCP-AO.
static void test_probe(void **)
{
	int sha1 = tcpao_probe(CONF_AO_HMAC_SHA_1_96), cmac = tcpao_probe(CONF_AO_AES_128_CMAC_96);

	if (sha1 == -ENOPROTOOPT)
		assert_int_equal(cmac, -ENOPROTOOPT);
	else
		assert_int_equal(sha1, 0); // RFC 5926 section 2.1: a MUST
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_ip4),
		cmocka_unit_test(test_add_ip6_range),
		cmocka_unit_test(test_del),
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
