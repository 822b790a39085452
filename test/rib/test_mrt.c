// MRT records made by hand: framing, peers, tables in both versions, messages and states.
#include "test/unit.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/mem.h"
#include "rib/mrt.h"

// A record around a body.
struct made {
	uint8_t bytes[512];
	size_t len;
};

static struct made record(uint16_t type, uint16_t subtype, const char *body, size_t n)
{
	struct made m = {};
	struct wr w = wr_init(m.bytes, sizeof(m.bytes));

	wr_u32(&w, 1000);
	wr_u16(&w, type);
	wr_u16(&w, subtype);
	wr_u32(&w, (uint32_t)n);
	wr_bytes(&w, body, n);
	m.len = wr_len(&w);
	assert_true(m.len > 0);
	return m;
}

#define RECORD(type, subtype, text) record(type, subtype, text, sizeof(text) - 1)

static struct mrt_record parsed(const struct made *m)
{
	struct mrt_record r;

	assert_int_equal(mrt_next(&r, m->bytes, m->len), 0);
	assert_int_equal(r.size, m->len);
	return r;
}

static void assert_addr(const struct ip_addr *a, const char *want)
{
	char text[IP_TEXT];

	assert_string_equal(ip_print(a, text), want);
}

// ---- Framing ----

static void test_framing(void **)
{
	struct made m = RECORD(MRT_BGP4MP, 1, "body");
	struct mrt_record r = {};

	for (size_t n = 0; n < m.len; n++) {
		assert_int_equal(mrt_next(&r, m.bytes, n), -EAGAIN);
		assert_int_equal(r.size, n < MRT_HEADER_BYTES ? MRT_HEADER_BYTES : m.len);
	}
	assert_int_equal(mrt_next(&r, m.bytes, m.len + 1), 0);
	assert_int_equal(r.size, m.len);
	assert_int_equal(r.time_us, 1000000000);
	assert_int_equal(rd_left(&r.body), 4);
	assert_true(mrt_is(m.bytes, m.len));
	assert_false(mrt_is(m.bytes, MRT_HEADER_BYTES - 1));
	assert_false(mrt_is("ff ff ff ff ff ff ff", 20));
}

static void test_microseconds(void **)
{
	struct made m = RECORD(MRT_BGP4MP_ET, 4, "\0\0\0\x07x");
	struct mrt_record r = parsed(&m);

	assert_int_equal(r.time_us, 1000000007);
	assert_int_equal(rd_left(&r.body), 1);
	assert_int_equal(mrt_kind(&r), MRT_KIND_MESSAGE);
	m = RECORD(MRT_BGP4MP_ET, 4, "\0\0\0");
	assert_int_equal(mrt_next(&r, m.bytes, m.len), -EBADMSG);
	assert_int_equal(r.size, m.len);
}

static void test_too_long(void **)
{
	static const uint8_t head[] = { 0, 0, 0, 0, 0, 16, 0, 1, 0xff, 0xff, 0xff, 0xff };
	struct mrt_record r;

	assert_int_equal(mrt_next(&r, head, sizeof(head)), -EFBIG);
	assert_int_equal(r.size, MRT_HEADER_BYTES + (size_t)UINT32_MAX);
}

static void test_kinds(void **)
{
	static const struct {
		uint16_t type, subtype;
		enum mrt_kind kind;
		const char *name;
	} rows[] = {
		{ 12, 1, MRT_KIND_TABLE, "TABLE_DUMP AFI_IPv4" },
		{ 12, 3, MRT_KIND_UNKNOWN, "unknown" },
		{ 13, 1, MRT_KIND_PEERS, "TABLE_DUMP_V2 PEER_INDEX_TABLE" },
		{ 13, 7, MRT_KIND_UNKNOWN, "unknown" },
		{ 13, 10, MRT_KIND_RIB, "TABLE_DUMP_V2 RIB_IPV6_UNICAST_ADDPATH" },
		{ 16, 0, MRT_KIND_STATE, "BGP4MP STATE_CHANGE" },
		{ 16, 9, MRT_KIND_MESSAGE, "BGP4MP MESSAGE_AS4_ADDPATH" },
		{ 99, 1, MRT_KIND_UNKNOWN, "unknown" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		const struct mrt_record r = { .type = rows[i].type, .subtype = rows[i].subtype };
		assert_int_equal(mrt_kind(&r), rows[i].kind);
		assert_string_equal(mrt_name(&r), rows[i].name);
	}
}

// Whatever a body is cut to, it is refused and nothing is read behind it.
static void assert_refused_when_cut(const struct made *m, int (*parse)(const struct mrt_record *r))
{
	for (size_t n = MRT_HEADER_BYTES; n < m->len; n++) {
		own(free_ptr) uint8_t *exact =
			mem_dup(m->bytes + MRT_HEADER_BYTES, n - MRT_HEADER_BYTES);
		struct mrt_record r = parsed(m);

		r.body = rd_init(exact, n - MRT_HEADER_BYTES);
		assert_int_equal(parse(&r), -EBADMSG);
	}
}

// ---- Peers ----

#define PEERS                                    \
	"\xc0\0\x02\xfe\0\x04view\0\x02"         \
	"\0\xc0\0\x02\x01\xc6\x33\x64\x01\xfc\0" \
	"\x03\xc0\0\x02\x02\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05\0\x01\0\x02"

static int parse_peers(const struct mrt_record *r)
{
	struct mrt_peers p = {};
	int rc = mrt_peers_parse(&p, r);

	mrt_peers_free(&p);
	return rc;
}

static void test_peers(void **)
{
	struct made m = RECORD(MRT_TABLE_DUMP_V2, MRT_PEER_INDEX_TABLE, PEERS);
	struct mrt_record r = parsed(&m);
	own(mrt_peers_free) struct mrt_peers p = {};

	assert_int_equal(mrt_peers_parse(&p, &r), 0);
	assert_int_equal(p.collector, 0xc00002fe);
	assert_memory_equal(p.view.p, "view", 4);
	assert_int_equal(p.count, 2);
	assert_int_equal(p.list[0].as, 64512);
	assert_addr(&p.list[0].addr, "198.51.100.1");
	assert_int_equal(p.list[1].as, 65538);
	assert_addr(&p.list[1].addr, "2001:db8::5");
	assert_int_equal(p.list[1].id, 0xc0000202);
	assert_refused_when_cut(&m, parse_peers);
}

// ---- Tables ----

#define ORIGIN "\x40\x01\x01\0"
#define HOP16  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"

static int parse_rib(const struct mrt_record *r)
{
	struct mrt_rib rib;
	struct mrt_entry e;
	int rc = mrt_rib_parse(&rib, r);

	while (rc == 0)
		rc = mrt_rib_next(&rib, &e);
	return rc;
}

static void test_rib(void **)
{
	struct made m = RECORD(MRT_TABLE_DUMP_V2, MRT_RIB_IPV4_UNICAST,
		"\0\0\0\x09\x18\xc6\x33\x64\0\x02"
		"\0\x01\0\0\0\x05\0\x04" ORIGIN "\0\x02\0\0\0\x06\0\0");
	struct mrt_record r = parsed(&m);
	struct mrt_rib rib;
	struct mrt_entry e;
	char text[PREFIX_TEXT];
	uint8_t update[64];

	assert_int_equal(mrt_rib_parse(&rib, &r), 0);
	assert_int_equal(rib.sequence, 9);
	assert_int_equal(rib.count, 2);
	assert_string_equal(prefix_print(&rib.prefix, text), "198.51.100.0/24");
	assert_int_equal(mrt_rib_next(&rib, &e), 0);
	assert_int_equal(e.peer, 1);
	assert_int_equal(e.originated_s, 5);
	assert_false(e.has_path_id);
	struct wr w = wr_init(update, sizeof(update));
	assert_true(mrt_entry_update(&w, &rib, &e));
	assert_int_equal(wr_len(&w), 12);
	assert_memory_equal(update, "\0\0\0\x04" ORIGIN "\x18\xc6\x33\x64", 12);
	assert_int_equal(mrt_rib_next(&rib, &e), 0);
	assert_int_equal(e.peer, 2);
	assert_int_equal(mrt_rib_next(&rib, &e), -ENOENT);
	assert_refused_when_cut(&m, parse_rib);
}

// RFC 8050 section 4.1: a path identifier in each entry.
static void test_rib_add_path(void **)
{
	struct made m = RECORD(MRT_TABLE_DUMP_V2, MRT_RIB_IPV4_UNICAST_ADDPATH,
		"\0\0\0\x09\x18\xc6\x33\x64\0\x01"
		"\0\x01\0\0\0\x05\0\0\0\x2a\0\0");
	struct mrt_record r = parsed(&m);
	struct mrt_rib rib;
	struct mrt_entry e;

	assert_int_equal(mrt_rib_parse(&rib, &r), 0);
	assert_int_equal(mrt_rib_next(&rib, &e), 0);
	assert_true(e.has_path_id);
	assert_int_equal(e.path_id, 42);
	assert_refused_when_cut(&m, parse_rib);
}

static void test_rib_generic(void **)
{
	struct made m = RECORD(
		MRT_TABLE_DUMP_V2, MRT_RIB_GENERIC, "\0\0\0\x09\0\x02\x01\x20\x20\x01\x0d\xb8\0\0");
	struct mrt_record r = parsed(&m);
	struct mrt_rib rib;

	assert_int_equal(mrt_rib_parse(&rib, &r), 0);
	assert_int_equal(rib.afi, 2);
	assert_int_equal(rib.safi, 1);
	m = RECORD(MRT_TABLE_DUMP_V2, MRT_RIB_GENERIC, "\0\0\0\x09\0\x19\x46\x20");
	r = parsed(&m);
	assert_int_equal(mrt_rib_parse(&rib, &r), -EAFNOSUPPORT);
	m = RECORD(MRT_TABLE_DUMP_V2, MRT_RIB_IPV4_UNICAST, "\0\0\0\x09\x21\xc0\0\x02\0\0\0\0");
	r = parsed(&m);
	assert_int_equal(mrt_rib_parse(&rib, &r), -EBADMSG); // 33 bits
}

// Section 4.3.4: the next hop alone, and the attribute as writers leave it that do not know.
static void test_short_reach(void **)
{
	static const struct {
		const char *attribute;
		size_t len;
	} rows[] = {
#define ROW(text) { text, sizeof(text) - 1 }
		ROW("\x80\x0e\x11\x10" HOP16),
		ROW("\x80\x0e\x15\0\x02\x01\x10" HOP16 "\0"),
		ROW("\x80\x0e\x1a\0\x02\x01\x10" HOP16 "\0\x20\x20\x01\x0d\xb8"),
		ROW("\x90\x0e\0\x11\x10" HOP16),
	};
	static const char want[] =
		"\0\0\0\x1e\x90\x0e\0\x1a\0\x02\x01\x10" HOP16 "\0\x20\x20\x01\x0d\xb8";
	const struct mrt_rib rib = {
		.afi = 2, .safi = 1, .prefix = { { IP6, { 0x20, 0x01, 0x0d, 0xb8 } }, 32 }
	};
	uint8_t update[64];

	for (size_t i = 0; i < countof(rows); i++) {
		const struct mrt_entry e = { .attrs = rd_init(rows[i].attribute, rows[i].len),
			.short_reach = true };
		struct wr w = wr_init(update, sizeof(update));
		assert_true(mrt_entry_update(&w, &rib, &e));
		assert_int_equal(wr_len(&w), sizeof(want) - 1);
		assert_memory_equal(update, want, sizeof(want) - 1);
	}
	const struct mrt_entry bare = { .attrs = rd_init(ORIGIN, 4), .short_reach = true };
	struct wr w = wr_init(update, sizeof(update));
	assert_false(mrt_entry_update(&w, &rib, &bare));
	const struct mrt_entry cut = { .attrs = rd_init("\x80\x0e\x11\x10", 4),
		.short_reach = true };
	w = wr_init(update, sizeof(update));
	assert_false(mrt_entry_update(&w, &rib, &cut));
	assert_memory_equal(update, "\0\0\0\x04\x80\x0e\x11\x10", 8); // as it is
	w = wr_init(update, 6);
	assert_false(mrt_entry_update(&w, &rib, &cut));
	assert_true(w.bad);
}

static int parse_table(const struct mrt_record *r)
{
	struct mrt_rib rib;
	struct mrt_entry e;

	return mrt_table_parse(&rib, &e, r);
}

static void test_table(void **)
{
	struct made m = RECORD(MRT_TABLE_DUMP, 1,
		"\0\0\0\x07\xc6\x33\x64\xff\x18\x01\0\0\0\x05\xc0\0\x02\x01\xfc\0\0\x04" ORIGIN);
	struct mrt_record r = parsed(&m);
	struct mrt_rib rib;
	struct mrt_entry e;
	char text[PREFIX_TEXT];

	assert_int_equal(mrt_table_parse(&rib, &e, &r), 0);
	assert_string_equal(prefix_print(&rib.prefix, text), "198.51.100.0/24");
	assert_int_equal(rib.sequence, 7);
	assert_int_equal(e.peer, UINT_MAX);
	assert_int_equal(e.peer_as, 64512);
	assert_addr(&e.peer_addr, "192.0.2.1");
	assert_false(e.as4);
	assert_refused_when_cut(&m, parse_table);
	m.bytes[MRT_HEADER_BYTES + 8] = 33;
	r = parsed(&m);
	assert_int_equal(parse_table(&r), -EBADMSG);
}

// ---- Messages and states ----

static int parse_bgp4mp(const struct mrt_record *r)
{
	struct mrt_bgp4mp m;

	return mrt_bgp4mp_parse(&m, r);
}

static void test_message(void **)
{
	static const struct {
		uint16_t subtype;
		bool as4, add_path, from_local;
	} rows[] = {
		{ 1, false, false, false },
		{ 4, true, false, false },
		{ 6, false, false, true },
		{ 7, true, false, true },
		{ 8, false, true, false },
		{ 11, true, true, true },
	};
#define ADDRESSES "\0\0\0\x01\xc0\0\x02\x01\xc0\0\x02\x02"

	for (size_t i = 0; i < countof(rows); i++) {
		uint16_t subtype = rows[i].subtype;
		struct made m = rows[i].as4 ? RECORD(MRT_BGP4MP, subtype,
						      "\0\0\xfc\0\0\x01\0\x02" ADDRESSES "message")
					    : RECORD(MRT_BGP4MP, subtype,
						      "\xfc\0\xfd\0" ADDRESSES "message");
		struct mrt_record r = parsed(&m);
		struct mrt_bgp4mp mp;

		assert_int_equal(mrt_bgp4mp_parse(&mp, &r), 0);
		assert_int_equal(mp.as4, rows[i].as4);
		assert_int_equal(mp.add_path, rows[i].add_path);
		assert_int_equal(mp.from_local, rows[i].from_local);
		assert_int_equal(mp.peer_as, 64512);
		assert_int_equal(mp.local_as, rows[i].as4 ? 65538 : 64768);
		assert_addr(&mp.peer, "192.0.2.1");
		assert_addr(&mp.local, "192.0.2.2");
		assert_int_equal(rd_left(&mp.message), 7);
	}
}

static void test_state(void **)
{
	struct made m = RECORD(MRT_BGP4MP, 0, "\xfc\0\xfd\0" ADDRESSES "\0\x06\0\x01");
	struct mrt_record r = parsed(&m);
	struct mrt_bgp4mp mp;

	assert_int_equal(mrt_bgp4mp_parse(&mp, &r), 0);
	assert_string_equal(mrt_state_name(mp.from), "Established");
	assert_string_equal(mrt_state_name(mp.to), "Idle");
	assert_string_equal(mrt_state_name(0), "unknown");
	assert_string_equal(mrt_state_name(7), "unknown");
	assert_refused_when_cut(&m, parse_bgp4mp);
	m = RECORD(MRT_BGP4MP, 0, "\xfc\0\xfd\0\0\0\0\x03\xc0\0\x02\x01\xc0\0\x02\x02\0\x06\0\x01");
	r = parsed(&m);
	assert_int_equal(mrt_bgp4mp_parse(&mp, &r), -EBADMSG); // neither IPv4 nor IPv6
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_microseconds),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_rib),
		cmocka_unit_test(test_rib_add_path),
		cmocka_unit_test(test_rib_generic),
		cmocka_unit_test(test_short_reach),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
