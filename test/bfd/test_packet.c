// Control packets: every check of RFC 5880 section 6.8.6 that a packet alone can fail, and
// every cell of the state machine.
#include "test/unit.h"

#include <string.h>

#include "bfd/fsm.h"
#include "bfd/packet.h"

// A packet that passes: Up, multiplier 3, discriminators 1 and 2, 50 ms both ways.
static const uint8_t good[BFD_PACKET_BYTES] = { 0x20, 0xc0, 3, 24, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0,
	0xc3, 0x50, 0, 0, 0xc3, 0x50, 0, 0, 0, 0 };

enum { VERSION = 0, FLAGS = 1, MULT = 2, LENGTH = 3, MINE = 7, YOURS = 11 };

struct change {
	int at; // -1: none
	uint8_t value;
};

// Where a row breaks two rules, the one that section 6.8.6 names first decides.
static const struct {
	const char *what;
	size_t len; // of the datagram; 0: 24
	struct change change[3];
	enum bfd_verdict verdict;
} rows[] = {
	{ "good", 24, { { -1 } }, BFD_OK },
	{ "trailing bytes", 30, { { -1 } }, BFD_OK },
	{ "version 0", 24, { { VERSION, 0x00 } }, BFD_BAD_VERSION },
	{ "version 2", 24, { { VERSION, 0x40 } }, BFD_BAD_VERSION },
	{ "version 7", 24, { { VERSION, 0xe0 } }, BFD_BAD_VERSION },
	{ "version before length", 24, { { VERSION, 0x40 }, { LENGTH, 0 } }, BFD_BAD_VERSION },
	{ "version of a stump", 1, { { VERSION, 0x40 } }, BFD_BAD_VERSION },
	{ "length 0", 24, { { LENGTH, 0 } }, BFD_BAD_LENGTH },
	{ "length 23", 24, { { LENGTH, 23 } }, BFD_BAD_LENGTH },
	{ "length over the datagram", 24, { { LENGTH, 25 } }, BFD_BAD_LENGTH },
	{ "length within the datagram", 25, { { LENGTH, 25 } }, BFD_OK },
	{ "cut short", 23, { { -1 } }, BFD_BAD_LENGTH },
	{ "a stump", 1, { { -1 } }, BFD_BAD_LENGTH },
	{ "cut short and saying so", 20, { { LENGTH, 20 } }, BFD_BAD_LENGTH },
	{ "A with length 24", 24, { { FLAGS, 0xc4 } }, BFD_BAD_LENGTH },
	{ "A with length 25", 25, { { FLAGS, 0xc4 }, { LENGTH, 25 } }, BFD_BAD_LENGTH },
	{ "A with length 26", 26, { { FLAGS, 0xc4 }, { LENGTH, 26 } }, BFD_OK },
	{ "length before multiplier", 24, { { LENGTH, 0 }, { MULT, 0 } }, BFD_BAD_LENGTH },
	{ "multiplier 0", 24, { { MULT, 0 } }, BFD_BAD_MULTIPLIER },
	{ "multiplier before multipoint", 24, { { MULT, 0 }, { FLAGS, 0xc1 } },
		BFD_BAD_MULTIPLIER },
	{ "multiplier 255", 24, { { MULT, 255 } }, BFD_OK },
	{ "multipoint", 24, { { FLAGS, 0xc1 } }, BFD_MULTIPOINT },
	{ "multipoint before discriminator", 24, { { FLAGS, 0xc1 }, { MINE, 0 } }, BFD_MULTIPOINT },
	{ "my discriminator 0", 24, { { MINE, 0 } }, BFD_NO_DISCRIMINATOR },
	{ "mine before yours", 24, { { MINE, 0 }, { YOURS, 0 } }, BFD_NO_DISCRIMINATOR },
	{ "yours 0 in Up", 24, { { YOURS, 0 } }, BFD_BAD_STATE },
	{ "yours 0 in Init", 24, { { YOURS, 0 }, { FLAGS, 0x80 } }, BFD_BAD_STATE },
	{ "yours 0 in Down", 24, { { YOURS, 0 }, { FLAGS, 0x40 } }, BFD_OK },
	{ "yours 0 in AdminDown", 24, { { YOURS, 0 }, { FLAGS, 0x00 } }, BFD_OK },
	{ "every flag but M", 26, { { FLAGS, 0xfe }, { LENGTH, 26 } }, BFD_OK },
	{ "a diagnostic without a name", 24, { { VERSION, 0x3f } }, BFD_OK },
};

static void test_checks(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		const struct bfd_packet before = { .my_disc = 77 };
		struct bfd_packet p = before;
		uint8_t b[32] = {};
		memcpy(b, good, sizeof(good));
		for (size_t k = 0; k < countof(rows[i].change); k++)
			if (rows[i].change[k].at >= 0 && (k == 0 || rows[i].change[k].at))
				b[rows[i].change[k].at] = rows[i].change[k].value;
		enum bfd_verdict v = bfd_packet_parse(&p, b, rows[i].len);
		if (v != rows[i].verdict)
			fail_msg("%s: %s", rows[i].what, bfd_verdict_name(v));
		if (v != BFD_OK)
			assert_memory_equal(&p, &before, sizeof(p));
	}
	struct bfd_packet p;
	assert_int_equal(bfd_packet_parse(&p, good, 0), BFD_BAD_LENGTH);
}

static void test_fields(void **)
{
	static const uint8_t bytes[] = { 0x25, 0xbe, 9, 26, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff,
		0xff, 0xff, 0, 1, 0, 0, 0, 0, 2, 0, 1, 2 };
	struct bfd_packet p;

	assert_int_equal(bfd_packet_parse(&p, bytes, sizeof(bytes)), BFD_OK);
	assert_int_equal(p.diag, 5);
	assert_int_equal(p.state, BFD_INIT);
	assert_true(p.poll && p.final && p.independent && p.auth && p.demand);
	assert_int_equal(p.multiplier, 9);
	assert_int_equal(p.my_disc, 0x01020304);
	assert_int_equal(p.your_disc, 0x05060708);
	assert_int_equal(p.desired_min_tx.us, UINT32_MAX);
	assert_int_equal(p.required_min_rx.us, 65536);
	assert_int_equal(p.required_min_echo_rx.us, 512);
}

static void build(uint8_t b[BFD_PACKET_BYTES], const struct bfd_packet *p)
{
	struct wr w = wr_init(b, BFD_PACKET_BYTES);

	bfd_packet_build(&w, p);
	assert_int_equal(wr_len(&w), BFD_PACKET_BYTES);
}

static void test_build(void **)
{
	uint8_t b[BFD_PACKET_BYTES];
	struct bfd_packet p = {}, again;

	assert_int_equal(bfd_packet_parse(&p, good, sizeof(good)), BFD_OK);
	build(b, &p);
	assert_memory_equal(b, good, sizeof(good));
	// Each flag and each state, one at a time, survives the way out and back.
	for (int n = 0; n < 4 * 16; n++) {
		p.state = (enum bfd_state)(n & 3);
		p.poll = n & 4;
		p.final = n & 8;
		p.independent = n & 16;
		p.demand = n & 32;
		p.diag = (uint8_t)(n % 32);
		build(b, &p);
		assert_int_equal(bfd_packet_parse(&again, b, sizeof(b)), BFD_OK);
		assert_true(again.state == p.state && again.diag == p.diag);
		assert_true(again.poll == p.poll && again.final == p.final);
		assert_true(again.independent == p.independent && again.demand == p.demand);
	}
}

static void test_names(void **)
{
	assert_string_equal(bfd_state_name(BFD_ADMIN_DOWN), "AdminDown");
	assert_string_equal(bfd_state_name(BFD_UP), "Up");
	assert_string_equal(bfd_diag_name(1), "Control Detection Time Expired");
	assert_string_equal(bfd_diag_name(8), "Reverse Concatenated Path Down");
	assert_string_equal(bfd_diag_name(9), "unknown");
	assert_string_equal(bfd_diag_name(31), "unknown");
	for (int v = 0; v < BFD_VERDICT_MAX; v++)
		assert_non_null(bfd_verdict_name((enum bfd_verdict)v));
	for (int e = 0; e < BFD_EV_MAX; e++)
		assert_non_null(bfd_fsm_event_name((enum bfd_fsm_event)e));
}

// RFC 5880 section 6.8.6 and 6.8.4 written out a second time, cell by cell.
static void test_every_cell(void **)
{
	enum { A = BFD_ADMIN_DOWN, D = BFD_DOWN, I = BFD_INIT, U = BFD_UP };
	enum {
		NO = BFD_DIAG_NONE,
		EX = BFD_DIAG_EXPIRED,
		NB = BFD_DIAG_NEIGHBOUR_DOWN,
		AD = BFD_DIAG_ADMIN_DOWN
	};
	static const struct {
		int next, diag;
	} want[BFD_EV_MAX][BFD_STATE_MAX] = {
		// of the session: AdminDown, Down, Init, Up
		[BFD_EV_RX_ADMIN_DOWN] = { { A, NO }, { D, NO }, { D, NB }, { D, NB } },
		[BFD_EV_RX_DOWN] = { { A, NO }, { I, NO }, { I, NO }, { D, NB } },
		[BFD_EV_RX_INIT] = { { A, NO }, { U, NO }, { U, NO }, { U, NO } },
		[BFD_EV_RX_UP] = { { A, NO }, { D, NO }, { U, NO }, { U, NO } },
		[BFD_EV_EXPIRED] = { { A, NO }, { D, NO }, { D, EX }, { D, EX } },
		[BFD_EV_DISABLE] = { { A, NO }, { A, AD }, { A, AD }, { A, AD } },
		[BFD_EV_ENABLE] = { { D, NO }, { D, NO }, { I, NO }, { U, NO } },
	};

	for (int e = 0; e < BFD_EV_MAX; e++) {
		for (int s = 0; s < BFD_STATE_MAX; s++) {
			struct bfd_fsm_step step =
				bfd_fsm_step((enum bfd_state)s, (enum bfd_fsm_event)e);
			assert_int_equal(step.next, want[e][s].next);
			if (step.next != (enum bfd_state)s)
				assert_int_equal(step.diag, want[e][s].diag);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_every_cell),
	};

	return cmocka_run_group_tests_name("bfd packets", tests, NULL, NULL);
}
