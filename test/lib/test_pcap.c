// Captures of both forms and byte orders, and frames down to TCP.
#include "test/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/packet.h"
#include "lib/pcap.h"

#define BYTES(text) text, sizeof(text) - 1

// ---- Files ----

#define PCAP_LE                                \
	"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0" \
	"\0\0\0\0\xff\xff\0\0\x01\0\0\0"
#define PCAP_BE_NS                             \
	"\xa1\xb2\x3c\x4d\0\x02\0\x04\0\0\0\0" \
	"\0\0\0\0\0\0\xff\xff\0\0\0\x65"
#define NG_SECTION_LE                                          \
	"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0" \
	"\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0"
#define NG_INTERFACE_LE "\x01\0\0\0\x14\0\0\0\x01\0\0\0\0\0\0\0\x14\0\0\0"

static int next(struct pcap *p, struct pcap_item *item, const char **at, size_t *left)
{
	int rc = pcap_next(p, item, *at, *left);

	if (rc == 0) {
		assert_in_range(item->size, 1, *left);
		*at += item->size;
		*left -= item->size;
	}
	return rc;
}

static void test_classic(void **)
{
	static const struct {
		const char *file;
		size_t len;
		uint32_t link;
	} files[] = {
		{ BYTES(PCAP_LE "\x02\0\0\0\x05\0\0\0\x03\0\0\0\x09\0\0\0abc"), 1 },
		{ BYTES(PCAP_BE_NS "\0\0\0\x02\0\0\x13\x88\0\0\0\x03\0\0\0\x09"
				   "abc"),
			101 },
	};

	for (size_t i = 0; i < countof(files); i++) {
		struct pcap p = {};
		struct pcap_item item = {};
		const char *at = files[i].file;
		size_t left = files[i].len;

		assert_true(pcap_is(at, left));
		assert_int_equal(next(&p, &item, &at, &left), 0);
		assert_false(item.packet);
		assert_int_equal(next(&p, &item, &at, &left), 0);
		assert_true(item.packet);
		assert_int_equal(item.time_us, 2000005);
		assert_int_equal(item.link_type, files[i].link);
		assert_int_equal(item.wire_bytes, 9);
		assert_int_equal(rd_left(&item.data), 3);
		assert_memory_equal(item.data.p, "abc", 3);
		assert_int_equal(left, 0);
		assert_int_equal(pcap_next(&p, &item, at, left), -EAGAIN);
	}
}

// Whatever is there, the octets asked for lead on.
static void test_asks_for_more(void **)
{
	static const char file[] = PCAP_LE "\x02\0\0\0\x05\0\0\0\x03\0\0\0\x09\0\0\0abc";

	for (size_t n = 0; n < sizeof(file) - 1; n++) {
		struct pcap p = {};
		struct pcap_item item = {};
		const char *at = file;
		size_t left = n;
		int rc;

		while ((rc = next(&p, &item, &at, &left)) == 0)
			continue;
		assert_int_equal(rc, -EAGAIN);
		assert_true(item.size > left);
	}
}

static void test_ng(void **)
{
	static const char file[] = NG_SECTION_LE NG_INTERFACE_LE
		// a name resolution block, which is passed over
		"\x04\0\0\0\x10\0\0\0\0\0\0\0\x10\0\0\0"
		// an enhanced packet: 1 s and 7 us, 3 of 9 octets
		"\x06\0\0\0\x24\0\0\0\0\0\0\0\0\0\0\0\x47\x42\x0f\0\x03\0\0\0\x09\0\0\0abc\0\x24\0"
		"\0\0"
		// a simple packet
		"\x03\0\0\0\x14\0\0\0\x04\0\0\0abcd\x14\0\0\0";
	struct pcap p = {};
	struct pcap_item item = {};
	const char *at = file;
	size_t left = sizeof(file) - 1;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(next(&p, &item, &at, &left), 0);
		assert_false(item.packet);
	}
	assert_int_equal(next(&p, &item, &at, &left), 0);
	assert_true(item.packet && item.has_time);
	assert_int_equal(item.time_us, 1000007);
	assert_int_equal(rd_left(&item.data), 3);
	assert_int_equal(next(&p, &item, &at, &left), 0);
	assert_true(item.packet);
	assert_false(item.has_time);
	assert_memory_equal(item.data.p, "abcd", 4);
	assert_int_equal(left, 0);
}

static void test_broken(void **)
{
	static const struct {
		const char *file;
		size_t len;
		int rc;
	} files[] = {
		{ BYTES("nothing of it"), -EBADMSG },
		// a packet of 2 GB
		{ BYTES(PCAP_LE "\x02\0\0\0\x05\0\0\0\xff\xff\xff\x7f\x09\0\0\0abc"), -EFBIG },
		// lengths that differ, lengths that cannot be, no byte order
		{ BYTES(NG_SECTION_LE "\x04\0\0\0\x10\0\0\0\0\0\0\0\x14\0\0\0"), -EBADMSG },
		{ BYTES(NG_SECTION_LE "\x04\0\0\0\x08\0\0\0\x08\0\0\0"), -EBADMSG },
		{ BYTES(NG_SECTION_LE "\x04\0\0\0\x0d\0\0\0\0\x0d\0\0\0"), -EBADMSG },
		{ BYTES("\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1b\x01\0\0\0"), -EBADMSG },
		// a packet of no interface, and one longer than its block
		{ BYTES(NG_SECTION_LE "\x03\0\0\0\x14\0\0\0\x04\0\0\0abcd\x14\0\0\0"), -EBADMSG },
		{ BYTES(NG_SECTION_LE NG_INTERFACE_LE "\x06\0\0\0\x24\0\0\0\0\0\0\0\0\0\0\0\x47\x42"
						      "\x0f\0\x05\0\0\0\x09\0\0\0abc\0"
						      "\x24\0\0\0"),
			-EBADMSG },
	};

	for (size_t i = 0; i < countof(files); i++) {
		struct pcap p = {};
		struct pcap_item item = {};
		const char *at = files[i].file;
		size_t left = files[i].len;
		int rc;

		while ((rc = next(&p, &item, &at, &left)) == 0)
			continue;
		assert_int_equal(rc, files[i].rc);
	}
}

// ---- Frames ----

#define ETHER "\0\0\0\0\0\x01\0\0\0\0\0\x02"
#define IP4_HEAD                           \
	"\x45\0\0\x2b\0\0\0\0\x40\x06\0\0" \
	"\xc0\0\x02\x01\xc0\0\x02\x02"
#define TCP_HEAD "\x01\xbb\0\xb3\0\0\0\x64\0\0\0\0\x50\x02\0\0\0\0\0\0"
#define IP6_HEAD                                     \
	"\x60\0\0\0\0\x17\x06\x40"                   \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"

static const struct {
	const char *frame;
	size_t len;
	uint32_t link;
	int rc;
	size_t missing;
} frames[] = {
	{ BYTES(ETHER "\x08\0" IP4_HEAD TCP_HEAD "abc"), PACKET_LINK_ETHERNET, 0, 0 },
	{ BYTES(ETHER "\x08\0" IP4_HEAD TCP_HEAD "abcPADDING"), PACKET_LINK_ETHERNET, 0, 0 },
	{ BYTES(ETHER "\x81\0\0\x05\x08\0" IP4_HEAD TCP_HEAD "abc"), PACKET_LINK_ETHERNET, 0, 0 },
	{ BYTES(ETHER "\x08\x06" IP4_HEAD TCP_HEAD "abc"), PACKET_LINK_ETHERNET, -ENOMSG, 0 },
	{ BYTES(ETHER "\x81\0\0"), PACKET_LINK_ETHERNET, -EBADMSG, 0 },
	{ BYTES(IP4_HEAD TCP_HEAD "abc"), PACKET_LINK_RAW, 0, 0 },
	{ BYTES(IP4_HEAD TCP_HEAD "a"), PACKET_LINK_RAW, 0, 2 },
	{ BYTES(IP4_HEAD "\x01\xbb"), PACKET_LINK_RAW, -EBADMSG, 0 },
	{ BYTES("\x45\0\0\x2b\0\0"), PACKET_LINK_RAW, -EBADMSG, 0 },
	{ BYTES("\x41\0\0\x2b\0\0\0\0\x40\x06\0\0\xc0\0\x02\x01\xc0\0\x02\x02"), PACKET_LINK_RAW,
		-EBADMSG, 0 }, // a header of 4 octets
	{ BYTES("\x45\0\0\x2b\0\0\0\x01\x40\x06\0\0\xc0\0\x02\x01\xc0\0\x02\x02" TCP_HEAD),
		PACKET_LINK_RAW, -ENOMSG, 0 }, // a later fragment
	{ BYTES("\x45\0\0\x2b\0\0\0\0\x40\x11\0\0\xc0\0\x02\x01\xc0\0\x02\x02" TCP_HEAD),
		PACKET_LINK_RAW, -ENOMSG, 0 }, // UDP
	{ BYTES("\x50"), PACKET_LINK_RAW, -ENOMSG, 0 },
	{ BYTES(""), PACKET_LINK_RAW, -EBADMSG, 0 },
	{ BYTES("\x02\0\0\0" IP4_HEAD TCP_HEAD "abc"), PACKET_LINK_NULL, 0, 0 },
	{ BYTES("\xff\x03\0\x21" IP4_HEAD TCP_HEAD "abc"), PACKET_LINK_PPP, 0, 0 },
	{ BYTES("\0\0\0\x01\0\x06\0\0\0\0\0\0\0\0\x08\0" IP4_HEAD TCP_HEAD "abc"),
		PACKET_LINK_LINUX_SLL, 0, 0 },
	{ BYTES("\x08\0\0\0\0\0\0\x01\0\x01\0\x06\0\0\0\0\0\0\0\0" IP4_HEAD TCP_HEAD "abc"),
		PACKET_LINK_LINUX_SLL2, 0, 0 },
	{ BYTES(IP6_HEAD TCP_HEAD "abc"), PACKET_LINK_IPV6, 0, 0 },
	{ BYTES(IP4_HEAD TCP_HEAD "abc"), 9999, -EOPNOTSUPP, 0 },
};

static void test_frames(void **)
{
	for (size_t i = 0; i < countof(frames); i++) {
		struct tcp_segment s;
		int rc = packet_tcp(&s, frames[i].link, rd_init(frames[i].frame, frames[i].len));

		assert_int_equal(rc, frames[i].rc);
		if (rc < 0)
			continue;
		assert_int_equal(s.src_port, 443);
		assert_int_equal(s.dst_port, 179);
		assert_int_equal(s.seq, 100);
		assert_true(s.syn);
		assert_false(s.fin || s.rst);
		assert_int_equal(s.missing, frames[i].missing);
		assert_int_equal(rd_left(&s.payload) + s.missing, 3);
		assert_int_equal(s.src.b[s.src.family == IP4 ? 3 : 15], 1);
		assert_int_equal(s.dst.b[s.dst.family == IP4 ? 3 : 15], 2);
	}
}

// RFC 8200 section 4: what stands between IPv6 and TCP.
static void test_extension_headers(void **)
{
	static const char frame[] = "\x60\0\0\0\0\x1f\0\x40"
				    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
				    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
				    "\x06\0\x05\x02\0\0\x01\0" TCP_HEAD "abc";
	struct tcp_segment s;

	assert_int_equal(packet_tcp(&s, PACKET_LINK_IPV6, rd_init(frame, sizeof(frame) - 1)), 0);
	assert_int_equal(rd_left(&s.payload), 3);
	assert_int_equal(packet_tcp(&s, PACKET_LINK_IPV6, rd_init(frame, 44)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classic),
		cmocka_unit_test(test_asks_for_more),
		cmocka_unit_test(test_ng),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_extension_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
