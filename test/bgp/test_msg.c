// Framing, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH.
#include "bgp/msg.h"

#include <errno.h>
#include <string.h>

#include "test/bgp/bytes.h"
#include "test/unit.h"

#define MARKER "ffffffffffffffffffffffffffffffff "

static const struct {
	const char *bytes;
	int result;
	uint8_t type; // of a whole message
	enum bgp_fault_kind fault;
	const char *data; // for the NOTIFICATION
} frames[] = {
	{ MARKER "0013 04", 0, BGP_MSG_KEEPALIVE },
	{ MARKER "0013 04 ffffff", 0, BGP_MSG_KEEPALIVE }, // the next one has begun
	{ MARKER "0017 02 00000000", 0, BGP_MSG_UPDATE },
	{ MARKER "0015 03 0602", 0, BGP_MSG_NOTIFICATION },
	{ MARKER "001d 01 04fbf0005ac000020900", 0, BGP_MSG_OPEN },
	{ MARKER "0017 05 00010001", 0, BGP_MSG_ROUTE_REFRESH },
	{ "", -EAGAIN },
	{ "ff", -EAGAIN },
	{ MARKER, -EAGAIN },
	{ MARKER "00", -EAGAIN },
	{ MARKER "0013", -EAGAIN },
	{ MARKER "0017 02 000000", -EAGAIN },
	{ MARKER "1000 02", -EAGAIN }, // 4096 may be
	{ "00", -EBADMSG, 0, BGP_FAULT_MARKER, "" },
	{ "474554202f", -EBADMSG, 0, BGP_FAULT_MARKER, "" }, // "GET /"
	{ "fffffffffffffffffffffffffffffffe 0013 04", -EBADMSG, 0, BGP_FAULT_MARKER, "" },
	{ MARKER "0000", -EBADMSG, 0, BGP_FAULT_MSG_LENGTH, "0000" },
	{ MARKER "0012 04", -EBADMSG, 0, BGP_FAULT_MSG_LENGTH, "0012" },
	{ MARKER "1001 02", -EBADMSG, 0, BGP_FAULT_MSG_LENGTH, "1001" },
	{ MARKER "ffff 02", -EBADMSG, 0, BGP_FAULT_MSG_LENGTH, "ffff" },
	{ MARKER "0014 04 00", -EBADMSG, 0, BGP_FAULT_MSG_LENGTH, "0014" }, // KEEPALIVE has no body
	{ MARKER "001c 01", -EBADMSG, 0, BGP_FAULT_MSG_LENGTH, "001c" },
	{ MARKER "0016 02", -EBADMSG, 0, BGP_FAULT_MSG_LENGTH, "0016" },
	{ MARKER "0014 03", -EBADMSG, 0, BGP_FAULT_MSG_LENGTH, "0014" },
	{ MARKER "0016 05", -EBADMSG, 0, BGP_FAULT_MSG_LENGTH, "0016" },
	{ MARKER "0013 00", -EBADMSG, 0, BGP_FAULT_MSG_TYPE, "00" },
	{ MARKER "0013 06", -EBADMSG, 0, BGP_FAULT_MSG_TYPE, "06" },
	{ MARKER "0013 ff", -EBADMSG, 0, BGP_FAULT_MSG_TYPE, "ff" },
};

static void framing(void **)
{
	for (size_t i = 0; i < countof(frames); i++) {
		struct bytes b = hex(frames[i].bytes);
		struct bgp_msg m = {};
		struct bgp_fault f = {};

		assert_int_equal(bgp_msg_frame(&m, &f, b.b, b.len), frames[i].result);
		assert_int_equal(m.type, frames[i].type);
		assert_int_equal(f.kind, frames[i].fault);
		if (frames[i].result != -EBADMSG)
			continue;
		struct bytes data = hex(frames[i].data);
		assert_int_equal(f.verb, BGP_VERB_RESET);
		assert_int_equal(f.data_len, data.len);
		assert_memory_equal(f.data, data.b, data.len);
		assert_int_equal(bgp_fault_code(f.kind), BGP_ERR_HEADER);
	}
}

static void body_is_a_view(void **)
{
	struct bytes b = hex(MARKER "0017 02 01020304 ff");
	struct bgp_msg m;
	struct bgp_fault f;

	assert_int_equal(bgp_msg_frame(&m, &f, b.b, b.len), 0);
	assert_int_equal(m.size, 23);
	assert_ptr_equal(m.body.p, b.b + BGP_HEADER_BYTES);
	assert_int_equal(rd_left(&m.body), 4);
}

static void notification_built(void **)
{
	uint8_t buf[BGP_MSG_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct bytes want = hex(MARKER "0018 03 0102 ffff05");
	struct bytes data = hex("ffff05");
	size_t n = bgp_notification_build(&w, 1, 2, data.b, data.len);

	assert_int_equal(n, want.len);
	assert_memory_equal(buf, want.b, n);
}

// Data that does not fit is cut: what the neighbour sent may be a whole message.
static void notification_cut(void **)
{
	uint8_t buf[BGP_MSG_MAX];
	uint8_t data[BGP_MSG_MAX] = {};
	struct wr w = wr_init(buf, sizeof(buf));

	assert_int_equal(bgp_notification_build(&w, 3, 9, data, sizeof(data)), BGP_MSG_MAX);
}

static void notification_read(void **)
{
	struct bytes body = hex("06 02 0162");
	struct bgp_notification n = bgp_notification_parse(bytes_rd(&body));

	assert_int_equal(n.code, 6);
	assert_int_equal(n.subcode, 2);
	assert_int_equal(rd_left(&n.data), 2);
}

static const struct {
	const char *body, *text;
} shutdowns[] = {
	{ "0602 03627965", "bye" },
	{ "0604 03627965", "bye" },
	{ "0602 03627965 ffff", "bye" }, // more after it
	{ "0603 03627965", "" },         // not a subcode that carries text
	{ "0302 03627965", "" },
	{ "0602", "" },
	{ "0602 00", "" },
	{ "0602 04627965", "" }, // cut short
	{ "0602 03 620a65", "b?e" },
	{ "0602 03 1b5b48", "?[H" },
	{ "0602 02 c3a4", "\xc3\xa4" },
	{ "0602 02 c328", "?(" },
	{ "0602 01 c3", "?" },
	{ "0602 02 c080", "??" },    // overlong
	{ "0602 03 eda080", "???" }, // a surrogate
	{ "0602 04 f0908080", "\xf0\x90\x80\x80" },
	{ "0602 04 f4908080", "????" }, // beyond U+10FFFF
	{ "0602 03 e282ac", "\xe2\x82\xac" },
	{ "0602 03 e28261", "??a" },
	{ "0602 04 61c29b48", "a?H" }, // a control that begins sequences on some terminals
	{ "0602 02 c2a0", "\xc2\xa0" },
	{ "0602 05 61e280ae62", "a?b" }, // turns what follows around
	{ "0602 03 e281a6", "?" },
	{ "0602 03 e28093", "\xe2\x80\x93" },
};

static void shutdown_read(void **)
{
	for (size_t i = 0; i < countof(shutdowns); i++) {
		struct bytes body = hex(shutdowns[i].body);
		struct bgp_notification n = bgp_notification_parse(bytes_rd(&body));
		char text[BGP_SHUTDOWN_TEXT_MAX + 1];
		size_t len = bgp_shutdown_parse(text, &n);

		assert_string_equal(text, shutdowns[i].text);
		assert_int_equal(len, strlen(text));
	}
}

static size_t shutdown_of(const char *text, uint8_t data[1 + BGP_SHUTDOWN_TEXT_MAX])
{
	struct wr w = wr_init(data, 1 + BGP_SHUTDOWN_TEXT_MAX);

	bgp_shutdown_build(&w, text);
	assert_false(w.bad);
	return wr_len(&w);
}

static void shutdown_written(void **)
{
	uint8_t data[1 + BGP_SHUTDOWN_TEXT_MAX];
	char text[400];

	assert_int_equal(shutdown_of(NULL, data), 0);
	assert_int_equal(shutdown_of("", data), 0);
	assert_int_equal(shutdown_of("bye", data), 4);
	assert_memory_equal(data, "\3bye", 4);

	// 255 bytes fit; a character is never cut in two.
	memset(text, 'x', sizeof(text));
	text[300] = '\0';
	assert_int_equal(shutdown_of(text, data), 256);
	assert_int_equal(data[0], 255);
	memcpy(text + 254, "\xe2\x82\xac", 3);
	assert_int_equal(shutdown_of(text, data), 255);
	assert_int_equal(data[0], 254);
	memcpy(text + 252, "\xe2\x82\xac", 3);
	text[255] = '\0';
	assert_int_equal(shutdown_of(text, data), 256);
}

static void keepalive_built(void **)
{
	uint8_t buf[BGP_HEADER_BYTES];
	struct wr w = wr_init(buf, sizeof(buf));
	struct bytes want = hex(MARKER "0013 04");

	assert_int_equal(bgp_keepalive_build(&w), want.len);
	assert_memory_equal(buf, want.b, want.len);
}

static const struct {
	const char *body;
	enum bgp_fault_kind fault;
	unsigned family;
	uint8_t subtype;
} refreshes[] = {
	{ "0001 00 01", BGP_FAULT_NONE, BGP_FAMILY_IP4, 0 },
	{ "0002 00 01", BGP_FAULT_NONE, BGP_FAMILY_IP6, 0 },
	{ "0002 01 01", BGP_FAULT_NONE, BGP_FAMILY_IP6, 1 },
	{ "0001 02 01", BGP_FAULT_NONE, BGP_FAMILY_IP4, 2 },
	{ "0001 00 02", BGP_FAULT_NONE, 0, 0 },                       // multicast
	{ "0019 00 41", BGP_FAULT_NONE, 0, 0 },                       // L2VPN
	{ "0001 00 01 01400000", BGP_FAULT_NONE, BGP_FAMILY_IP4, 0 }, // RFC 5291 entries
	{ "0001 01 01 00", BGP_FAULT_REFRESH_LENGTH, 0, 0 },
	{ "0001 02 01 00", BGP_FAULT_REFRESH_LENGTH, 0, 0 },
};

static void refresh_read(void **)
{
	for (size_t i = 0; i < countof(refreshes); i++) {
		struct bytes b = message(BGP_MSG_ROUTE_REFRESH, refreshes[i].body);
		struct bgp_msg m;
		struct bgp_fault f;
		struct bgp_refresh r = {};

		assert_int_equal(bgp_msg_frame(&m, &f, b.b, b.len), 0);
		f = bgp_refresh_parse(&r, &m);
		assert_int_equal(f.kind, refreshes[i].fault);
		assert_int_equal(r.family, refreshes[i].family);
		assert_int_equal(r.subtype, refreshes[i].subtype);
		if (f.kind == BGP_FAULT_NONE)
			continue;
		assert_int_equal(f.data_len, b.len); // RFC 7313: the whole message
		assert_memory_equal(f.data, b.b, b.len);
	}
}

static void refresh_built(void **)
{
	uint8_t buf[23];
	struct wr w = wr_init(buf, sizeof(buf));
	struct bytes want = hex(MARKER "0017 05 0002 00 01");

	assert_int_equal(bgp_refresh_build(&w, BGP_FAMILY_IP6, BGP_REFRESH_REQUEST), want.len);
	assert_memory_equal(buf, want.b, want.len);
}

static void names(void **)
{
	assert_string_equal(bgp_msg_name(BGP_MSG_OPEN), "OPEN");
	assert_string_equal(bgp_msg_name(0), "unknown");
	assert_string_equal(bgp_msg_name(255), "unknown");
	assert_string_equal(bgp_code_name(BGP_ERR_CEASE), "Cease");
	assert_string_equal(bgp_code_name(0), "unknown");
	assert_string_equal(bgp_subcode_name(6, 2), "Administrative Shutdown");
	assert_string_equal(bgp_subcode_name(6, 0), "");
	assert_string_equal(bgp_subcode_name(6, 99), "unknown");
	assert_string_equal(bgp_subcode_name(4, 1), "unknown");
	assert_string_equal(bgp_subcode_name(99, 1), "unknown");
	assert_string_equal(bgp_subcode_name(5, 3), "Unexpected Message in Established");
	for (int k = 0; k < BGP_FAULT_MAX; k++)
		assert_non_null(bgp_fault_name((enum bgp_fault_kind)k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(framing),
		cmocka_unit_test(body_is_a_view),
		cmocka_unit_test(notification_built),
		cmocka_unit_test(notification_cut),
		cmocka_unit_test(notification_read),
		cmocka_unit_test(shutdown_read),
		cmocka_unit_test(shutdown_written),
		cmocka_unit_test(keepalive_built),
		cmocka_unit_test(refresh_read),
		cmocka_unit_test(refresh_built),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
