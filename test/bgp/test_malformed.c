// What others send wrong, and what the engine does about it: a row a fault, and
// each row a test of its own against a peer. RFC 7606 decides for UPDATE, RFC 4271 section 6
// for the rest. Where they leave a choice the session is kept.
#include <stdio.h>
#include <string.h>

#include "test/bgp/lone.h"
#include "test/bgp/malformed.h"

// ---- Headers and small messages: in Established, octet by octet ----

#define MARKER "ffffffffffffffffffffffffffffffff "

static const struct raw {
	const char *what, *bytes;
	const char *notification; // NULL: the session is kept, and nothing is said
} raws[] = {
	{ "marker of zeros", "00000000000000000000000000000000 0013 04", "1/1" },
	{ "marker wrong in its last octet", "fffffffffffffffffffffffffffffffe 0013 04", "1/1" },
	{ "another protocol", "16030100a5010000", "1/1" },
	{ "length 0", MARKER "0000 04", "1/2 0000" },
	{ "length 18", MARKER "0012 04", "1/2 0012" },
	{ "length 4097", MARKER "1001 02", "1/2 1001" },
	{ "length 65535", MARKER "ffff 02", "1/2 ffff" },
	{ "length of OPEN 28", MARKER "001c 01", "1/2 001c" },
	{ "length of UPDATE 22", MARKER "0016 02", "1/2 0016" },
	{ "length of NOTIFICATION 20", MARKER "0014 03", "1/2 0014" },
	{ "length of KEEPALIVE 20", MARKER "0014 04", "1/2 0014" },
	{ "length of ROUTE-REFRESH 22", MARKER "0016 05", "1/2 0016" },
	{ "type 0", MARKER "0013 00", "1/3 00" },
	{ "type 6", MARKER "0013 06", "1/3 06" },
	{ "type 255", MARKER "0013 ff", "1/3 ff" },
	{ "OPEN in Established", MARKER "001d 01 04 fbf0 005a c0000209 00", "5/3 01" },
	{ "refresh of an unknown AFI", MARKER "0017 05 4004 00 01", NULL },
	{ "refresh of an unknown subtype", MARKER "0017 05 0001 07 01", NULL },
	{ "refresh with octets after it", MARKER "0018 05 0001 00 01 00", NULL },
	{ "begin of refresh too long", MARKER "0018 05 0001 01 01 00",
		"7/1 ffffffffffffffffffffffffffffffff0018050001010100" },
	{ "end of refresh too long", MARKER "0018 05 0001 02 01 00",
		"7/1 ffffffffffffffffffffffffffffffff0018050001020100" },
	{ "withdrawn routes longer than UPDATE", MARKER "0017 02 0001 0000", "3/1" },
	{ "attributes longer than UPDATE", MARKER "0017 02 0000 0001", "3/1" },
	{ "no length of attributes", MARKER "0017 02 0002 0000", "3/1" },
};

static void expect_end(struct lone *l, const char *notification)
{
	char want[256];

	snprintf(want, sizeof(want), "out NOTIFICATION %s\nout close\n", notification);
	lone_drain(l);
	if (strncmp(sb_text(&l->log), want, strlen(want)) != 0)
		fail_msg("wanted %s, got %s", want, sb_text(&l->log));
}

static void raw(void **state)
{
	const struct raw *row = *state;
	struct bytes b = hex(row->bytes);
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_ESTABLISHED);
	for (size_t i = 0; i < b.len; i++)
		bgp_peer_received(l.p, l.now, BGP_OUT, &b.b[i], 1);
	if (row->notification)
		expect_end(&l, row->notification);
	else
		lone_expect(&l, "");
	lone_free(&l);
}

// ---- OPEN ----

#define FIXED "04 fbf0 005a c0000209 "

static const struct open_row {
	const char *what, *body;
	const char *notification; // NULL: the session goes on
} opens[] = {
	{ "version 3", "03 fbf0 005a c0000209 00", "2/1 0004" },
	{ "version 5", "05 fbf0 005a c0000209 00", "2/1 0004" },
	{ "another AS", "04 fbf1 005a c0000209 00", "2/2" },
	{ "AS 0", "04 0000 005a c0000209 00", "2/2" },
	{ "AS 0 in the capability", FIXED "08 02 06 4104 00000000", "2/2" },
	{ "another AS in the capability", FIXED "08 02 06 4104 0000fbf1", "2/2" },
	{ "AS_TRANS without the capability", "04 5ba0 005a c0000209 00", "2/2" },
	{ "identifier 0", "04 fbf0 005a 00000000 00", "2/3" },
	{ "hold time 1", "04 fbf0 0001 c0000209 00", "2/6" },
	{ "hold time 2", "04 fbf0 0002 c0000209 00", "2/6" },
	{ "hold time 3", "04 fbf0 0003 c0000209 00", NULL },
	{ "parameters shorter than said", FIXED "02 02", "2/0" },
	{ "parameters longer than said", FIXED "00 0200", "2/0" },
	{ "parameter cut short", FIXED "01 02", "2/0" },
	{ "parameter longer than its place", FIXED "03 02 02 02", "2/0" },
	{ "authentication", FIXED "03 01 01 00", "2/4" },
	{ "unknown parameter", FIXED "02 63 00", "2/4" },
	{ "capability cut short", FIXED "03 02 01 02", "2/0" },
	{ "capability longer than its place", FIXED "05 02 03 02 05 00", "2/0" },
	{ "unknown capability", FIXED "06 02 04 63 02 0000", NULL },
	{ "capability of length 0 given twice", FIXED "06 02 04 0200 0200", NULL },
	{ "multiprotocol of 3 octets", FIXED "07 02 05 01 03 000100", NULL },
	{ "multiprotocol of 5 octets", FIXED "09 02 07 01 05 0001000100", NULL },
	{ "four-octet AS of 2 octets", FIXED "06 02 04 41 02 fbf0", NULL },
	{ "route refresh with a value", FIXED "05 02 03 02 01 00", NULL },
	{ "no family in common", FIXED "08 02 06 0104 0019 00 41", "2/7 010400010001010400020001" },
	{ "extended parameters", FIXED "ff ff 0005 02 0002 0200", NULL },
	{ "extended parameters cut short", FIXED "ff ff 0005 02 0002 02", "2/0" },
	{ "extended parameters of a length with one octet", FIXED "ff ff 0004 02 02 0200", "2/0" },
};

static void open_message(void **state)
{
	const struct open_row *row = *state;
	struct lone l;

	lone_init(&l, NULL);
	lone_reach(&l, BGP_OUT, BGP_OPENSENT);
	lone_feed(&l, BGP_OUT, BGP_MSG_OPEN, row->body);
	if (row->notification)
		expect_end(&l, row->notification);
	else
		lone_expect(&l, "out KEEPALIVE\nstate OpenSent -> OpenConfirm\n");
	lone_free(&l);
}

// ---- UPDATE ----

static void reach_from(struct lone *l, enum from from)
{
	struct bgp_peer_config config = lone_config();

	if (from == INTERNAL)
		config.peer_as = config.local_as;
	lone_init(l, &config);
	lone_reach(l, BGP_OUT, BGP_OPENSENT);
	lone_feed(l, BGP_OUT, BGP_MSG_OPEN, malformed_open[from]);
	lone_feed(l, BGP_OUT, BGP_MSG_KEEPALIVE, "");
	assert_int_equal(bgp_peer_state(l->p), BGP_ESTABLISHED);
	lone_forget(l);
}

static struct bytes update_of(const struct update_row *row)
{
	struct bytes withdrawn = hex(row->withdrawn ? row->withdrawn : "");
	struct bytes attrs = hex(row->attrs), nlri = hex(row->nlri), m = {};
	char length[24];

	snprintf(length, sizeof(length), "%04zx", withdrawn.len);
	m = hex(length);
	bytes_add(&m, &withdrawn);
	snprintf(length, sizeof(length), "%04zx", attrs.len);
	struct bytes n = hex(length);
	bytes_add(&m, &n);
	bytes_add(&m, &attrs);
	bytes_add(&m, &nlri);
	return m;
}

// The verdict begins with a digit when it is a NOTIFICATION.
static void update(void **state)
{
	const struct update_row *row = *state;
	struct bytes body = update_of(row), m = message(BGP_MSG_UPDATE, "");
	struct lone l;
	char want[256];

	reach_from(&l, row->from);
	bytes_add(&m, &body);
	m.b[16] = (uint8_t)(m.len >> 8);
	m.b[17] = (uint8_t)m.len;
	lone_feed_bytes(&l, BGP_OUT, &m);
	if (row->verdict[0] >= '0' && row->verdict[0] <= '9') {
		snprintf(want, sizeof(want), "out NOTIFICATION %s", row->verdict);
		if (strncmp(sb_text(&l.log), want, strlen(want)) != 0)
			fail_msg("wanted %s, got %s", want, sb_text(&l.log));
	} else {
		snprintf(want, sizeof(want), "received%s%s\n", *row->verdict ? ": " : "",
			row->verdict);
		assert_string_equal(sb_text(&l.log), want);
		assert_int_equal(bgp_peer_state(l.p), BGP_ESTABLISHED);
		assert_int_equal(bgp_peer_counters(l.p)->prefixes_received, row->routes);
	}
	lone_free(&l);
}

// ---- All of them ----

enum { TESTS_MAX = 512 };

static struct CMUnitTest tests[TESTS_MAX];
static size_t count;

static void add(const char *what, CMUnitTestFunction run, const void *row)
{
	assert_true(count < TESTS_MAX);
	tests[count++] = (struct CMUnitTest){
		.name = what,
		.test_func = run,
		.initial_state = (void *)(uintptr_t)row,
	};
}

int main(void)
{
	for (size_t i = 0; i < countof(raws); i++)
		add(raws[i].what, raw, &raws[i]);
	for (size_t i = 0; i < countof(opens); i++)
		add(opens[i].what, open_message, &opens[i]);
	for (const struct update_row *row = malformed_updates; row->what; row++)
		add(row->what, update, row);
	return _cmocka_run_group_tests("malformed", tests, count, NULL, NULL);
}
