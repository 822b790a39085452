// One session against a neighbour played by hand: variables, timers, Poll Sequences,
// jitter, detection time.
#include "test/unit.h"

#include <string.h>

#include "bfd/session.h"

enum { OURS = 0x1111, THEIRS = 0x2222, SENT_MAX = 64 };

static struct {
	struct bfd_session *s;
	instant now;
	struct bfd_packet sent[SENT_MAX]; // since the last call of an input below
	size_t sent_count;
	struct bfd_action event; // the last one
	size_t events;
} t;

static const struct bfd_vars *vars(void)
{
	return bfd_session_vars(t.s);
}

static void drain(void)
{
	struct bfd_action a;

	t.sent_count = t.events = 0;
	while (bfd_session_next(t.s, &a)) {
		if (a.kind == BFD_DO_EVENT) {
			t.event = a;
			t.events++;
			continue;
		}
		assert_true(t.sent_count < SENT_MAX);
		assert_int_equal(a.len, BFD_PACKET_BYTES);
		struct bfd_packet *p = &t.sent[t.sent_count++];
		assert_int_equal(bfd_packet_parse(p, a.data, a.len), BFD_OK);
		assert_false(p->poll && p->final); // section 6.5
		assert_int_equal(p->my_disc, OURS);
		assert_int_equal(p->required_min_echo_rx.us, 0);
	}
}

static void begin(int64_t tx_ms, int64_t rx_ms, uint8_t multiplier)
{
	struct bfd_config c = {
		.discriminator = OURS,
		.timing = { span_ms(tx_ms), span_ms(rx_ms), multiplier },
		.seed = 42,
	};

	t.now = (instant){ 1000000000 };
	t.s = bfd_session_new(&c, t.now);
	drain();
}

static void end(void)
{
	bfd_session_free(&t.s);
	assert_null(t.s);
}

// Lets time pass without a word from the neighbour; the sum of what was sent stays in sent[].
static void pass(span d)
{
	instant until = instant_add(t.now, d);
	size_t n = 0, events = 0;
	struct bfd_packet all[SENT_MAX];

	for (;;) {
		instant next = bfd_session_deadline(t.s);
		if (!instant_before(next, until))
			break;
		if (instant_before(t.now, next)) // what is overdue happens now
			t.now = next;
		bfd_session_tick(t.s, t.now);
		drain();
		events += t.events;
		for (size_t i = 0; i < t.sent_count && n < SENT_MAX; i++)
			all[n++] = t.sent[i];
	}
	t.now = until;
	memcpy(t.sent, all, n * sizeof(*all));
	t.sent_count = n;
	t.events = events;
}

// To the next packet sent.
static void step(void)
{
	t.now = bfd_session_deadline(t.s);
	bfd_session_tick(t.s, t.now);
	drain();
	assert_int_equal(t.sent_count, 1);
}

static struct bfd_packet theirs(enum bfd_state state)
{
	return (struct bfd_packet){
		.state = state,
		.multiplier = 3,
		.my_disc = THEIRS,
		.your_disc = OURS,
		.desired_min_tx = span_ms(state == BFD_UP ? 50 : 1000),
		.required_min_rx = span_ms(50),
	};
}

static enum bfd_verdict hear_packet(const struct bfd_packet *p)
{
	enum bfd_verdict v = bfd_session_received(t.s, t.now, p);

	drain();
	return v;
}

static void hear(enum bfd_state state)
{
	struct bfd_packet p = theirs(state);

	assert_int_equal(hear_packet(&p), BFD_OK);
}

static void hear_final(enum bfd_state state)
{
	struct bfd_packet p = theirs(state);

	p.final = true;
	assert_int_equal(hear_packet(&p), BFD_OK);
}

// Up, with the Poll Sequence of coming up over.
static void begin_up(int64_t tx_ms, int64_t rx_ms, uint8_t multiplier)
{
	begin(tx_ms, rx_ms, multiplier);
	hear(BFD_DOWN);
	hear(BFD_UP);
	assert_int_equal(vars()->state, BFD_UP);
	hear_final(BFD_UP);
	pass(span_ms(60));
	hear(BFD_UP);
}

// ---- Coming up ----

static void test_first_packet(void **)
{
	begin(50, 60, 5);
	assert_int_equal(t.sent_count, 1);
	const struct bfd_packet *p = &t.sent[0];
	assert_int_equal(p->state, BFD_DOWN);
	assert_int_equal(p->your_disc, 0);
	assert_int_equal(p->multiplier, 5);
	assert_int_equal(p->desired_min_tx.us, 1000000); // slow start, section 6.8.3
	assert_int_equal(p->required_min_rx.us, 60000);
	assert_false(p->poll || p->final || p->demand || p->auth || p->independent);
	assert_int_equal(vars()->remote_state, BFD_DOWN);
	assert_int_equal(vars()->remote_min_rx.us, 1);
	end();
}

static void test_slow_start(void **)
{
	begin(50, 50, 3);
	pass(span_s(30));
	assert_in_range(t.sent_count, 30, 40);
	end();
	begin(5000, 50, 3); // slower than slow start stays slower
	assert_int_equal(t.sent[0].desired_min_tx.us, 5000000);
	pass(span_s(30));
	assert_in_range(t.sent_count, 6, 8);
	end();
}

static void test_three_way(void **)
{
	begin(50, 50, 3);
	struct bfd_packet p = theirs(BFD_DOWN);
	p.your_disc = 0;
	assert_int_equal(hear_packet(&p), BFD_OK);
	assert_int_equal(t.events, 1);
	assert_int_equal(t.event.to, BFD_INIT);
	assert_int_equal(t.sent_count, 1); // told at once
	assert_int_equal(t.sent[0].state, BFD_INIT);
	assert_int_equal(t.sent[0].your_disc, THEIRS);
	assert_int_equal(t.sent[0].desired_min_tx.us, 1000000);
	hear(BFD_INIT);
	assert_int_equal(t.event.from, BFD_INIT);
	assert_int_equal(t.event.to, BFD_UP);
	assert_false(t.event.failed);
	assert_int_equal(t.sent[0].state, BFD_UP);
	assert_int_equal(t.sent[0].desired_min_tx.us, 50000);
	assert_true(t.sent[0].poll); // the interval changed
	assert_int_equal(vars()->tx_interval.us, 50000);
	assert_int_equal(vars()->since.us, t.now.us);
	end();
}

static void test_other_session(void **)
{
	begin(50, 50, 3);
	struct bfd_packet p = theirs(BFD_DOWN);
	p.your_disc = OURS + 1;
	assert_int_equal(hear_packet(&p), BFD_UNKNOWN_SESSION);
	p.auth = true; // the session is looked for before authentication is
	assert_int_equal(hear_packet(&p), BFD_UNKNOWN_SESSION);
	p.your_disc = OURS;
	assert_int_equal(hear_packet(&p), BFD_AUTHENTICATED);
	assert_int_equal(vars()->state, BFD_DOWN);
	assert_int_equal(vars()->remote_disc, 0); // nothing of it was taken
	assert_int_equal(vars()->received, 0);
	assert_int_equal(t.sent_count, 0);
	end();
}

// ---- Intervals ----

static void test_negotiated(void **)
{
	static const struct {
		int64_t tx, rx, their_tx, their_rx; // ms
		uint8_t their_multiplier;
		int64_t interval, detection; // ms
	} rows[] = {
		{ 50, 50, 50, 50, 3, 50, 150 }, { 50, 50, 300, 300, 3, 300, 900 },
		{ 300, 300, 50, 50, 3, 300, 900 }, { 50, 300, 50, 10, 5, 50, 1500 },
		{ 10, 10, 20, 40, 7, 40, 140 }, { 60000, 60000, 10, 10, 255, 60000, 255 * 60000 },
		{ 50, 50, 0, 50, 3, 50, 150 }, // Desired Min TX 0 is reserved
		{ 50, 50, 4294967, 4294967, 255, 4294967, 255L * 4294967 }, // nothing overflows
	};

	for (size_t i = 0; i < countof(rows); i++) {
		begin_up(rows[i].tx, rows[i].rx, 3);
		struct bfd_packet p = theirs(BFD_UP);
		p.desired_min_tx = span_ms(rows[i].their_tx);
		p.required_min_rx = span_ms(rows[i].their_rx);
		p.multiplier = rows[i].their_multiplier;
		assert_int_equal(hear_packet(&p), BFD_OK);
		assert_int_equal(vars()->tx_interval.us, rows[i].interval * 1000);
		assert_int_equal(vars()->detection_time.us, rows[i].detection * 1000);
		end();
	}
}

// Section 6.8.7: 75 to 100 percent, and to 90 with a multiplier of 1.
static void jitter_within(uint8_t multiplier, int64_t low, int64_t high)
{
	int64_t least = INT64_MAX, most = 0;

	begin_up(100, 1000, multiplier);
	hear_final(BFD_UP);
	for (int i = 0; i < 20000; i++) {
		instant before = t.now;
		step();
		hear(BFD_UP);
		int64_t gap = instant_diff(t.now, before).us;
		if (i > 0 && gap < least)
			least = gap;
		if (i > 0 && gap > most)
			most = gap;
	}
	assert_in_range(least, low, low + 100); // close to the bound, never over it
	assert_in_range(most, high - 100, high);
	end();
}

static void test_jitter(void **)
{
	jitter_within(3, 75000, 100000);
	jitter_within(2, 75000, 100000);
	jitter_within(1, 75000, 90000);
}

static void test_neighbour_wants_none(void **)
{
	begin_up(50, 50, 3);
	struct bfd_packet p = theirs(BFD_UP);
	p.required_min_rx = span_us(0);
	p.desired_min_tx = span_s(60);
	hear_packet(&p);
	assert_int_equal(vars()->tx_interval.us, 0);
	pass(span_s(60));
	assert_int_equal(t.sent_count, 0);
	p.poll = true; // still answered
	hear_packet(&p);
	assert_int_equal(t.sent_count, 1);
	assert_true(t.sent[0].final);
	hear(BFD_UP);
	pass(span_ms(140));
	assert_in_range(t.sent_count, 2, 4);
	end();
}

// A neighbour in Demand mode is not sent to while both are Up, unless there is something to ask.
static void test_neighbour_demands(void **)
{
	begin_up(50, 50, 3);
	struct bfd_packet p = theirs(BFD_UP);
	p.demand = true;
	p.desired_min_tx = span_s(60);
	hear_packet(&p);
	pass(span_s(60));
	assert_int_equal(t.sent_count, 0);
	bfd_session_set_timing(t.s, t.now, &(struct bfd_timing){ span_ms(80), span_ms(50), 3 });
	drain();
	pass(span_ms(500));
	assert_true(t.sent_count > 0 && t.sent[0].poll);
	p.final = true;
	hear_packet(&p);
	pass(span_s(1));
	assert_int_equal(t.sent_count, 0);
	end();
}

static void test_faster_neighbour_is_served_at_once(void **)
{
	begin_up(50, 50, 3);
	struct bfd_packet p = theirs(BFD_UP);
	p.required_min_rx = span_s(10);
	p.desired_min_tx = span_s(10);
	hear_packet(&p);
	pass(span_s(5));
	p.required_min_rx = span_ms(50);
	hear_packet(&p);
	assert_true(instant_due(bfd_session_deadline(t.s), t.now)); // overdue by the new interval
	end();
}

// ---- Detection ----

static void test_detection(void **)
{
	begin_up(50, 50, 3);
	hear(BFD_UP);
	instant heard = t.now;
	t.now = instant_add(heard, span_us(149999));
	bfd_session_tick(t.s, t.now);
	drain();
	assert_int_equal(vars()->state, BFD_UP);
	t.now = instant_add(heard, span_us(150000));
	assert_true(instant_due(bfd_session_deadline(t.s), t.now));
	bfd_session_tick(t.s, t.now);
	drain();
	assert_int_equal(t.events, 1);
	assert_int_equal(t.event.from, BFD_UP);
	assert_int_equal(t.event.to, BFD_DOWN);
	assert_int_equal(t.event.diag, BFD_DIAG_EXPIRED);
	assert_true(t.event.failed);
	assert_int_equal(t.sent_count, 1); // told at once
	assert_int_equal(t.sent[0].state, BFD_DOWN);
	assert_int_equal(t.sent[0].diag, BFD_DIAG_EXPIRED);
	assert_int_equal(t.sent[0].your_disc, 0); // section 6.8.1
	assert_int_equal(t.sent[0].desired_min_tx.us, 1000000);
	assert_int_equal(vars()->tx_interval.us, 1000000);
	assert_true(instant_is_never(vars()->heard));
	end();
}

static void test_init_expires(void **)
{
	begin(50, 50, 3);
	hear(BFD_DOWN); // the neighbour sends each second, three of these
	assert_int_equal(vars()->state, BFD_INIT);
	assert_int_equal(vars()->detection_time.us, 3000000);
	pass(span_us(3000001));
	assert_int_equal(vars()->state, BFD_DOWN);
	assert_int_equal(vars()->diag, BFD_DIAG_EXPIRED);
	assert_false(t.event.failed); // it was not Up
	end();
}

static void test_late_program(void **)
{
	begin_up(50, 50, 3);
	t.now = instant_add(t.now, span_s(5));
	hear(BFD_UP); // waited in the socket: handed in before the tick
	bfd_session_tick(t.s, t.now);
	drain();
	assert_int_equal(vars()->state, BFD_UP);
	assert_int_equal(t.sent_count, 1); // one, not what was missed
	end();
}

static void test_neighbour_down(void **)
{
	begin_up(50, 50, 3);
	hear(BFD_DOWN);
	assert_int_equal(t.event.to, BFD_DOWN);
	assert_int_equal(t.event.diag, BFD_DIAG_NEIGHBOUR_DOWN);
	assert_true(t.event.failed);
	hear(BFD_DOWN);
	assert_int_equal(vars()->state, BFD_INIT);
	assert_int_equal(vars()->diag, BFD_DIAG_NONE);
	end();
}

// RFC 5882 section 3.2: the neighbour's operator, not the path.
static void test_neighbour_admin_down(void **)
{
	begin_up(50, 50, 3);
	hear(BFD_ADMIN_DOWN);
	assert_int_equal(t.event.to, BFD_DOWN);
	assert_int_equal(t.event.diag, BFD_DIAG_NEIGHBOUR_DOWN);
	assert_false(t.event.failed);
	hear(BFD_ADMIN_DOWN);
	assert_int_equal(t.events, 0);
	pass(span_s(10)); // it fell silent, which is no failure either
	assert_int_equal(t.events, 0);
	assert_int_equal(vars()->remote_disc, 0);
	hear(BFD_DOWN);
	assert_int_equal(vars()->state, BFD_INIT);
	end();
}

static void test_undrained_changes_keep_the_failure(void **)
{
	struct bfd_packet down = theirs(BFD_DOWN);
	struct bfd_action a;

	begin_up(50, 50, 3);
	assert_int_equal(bfd_session_received(t.s, t.now, &down), BFD_OK);
	assert_int_equal(bfd_session_received(t.s, t.now, &down), BFD_OK);
	assert_true(bfd_session_next(t.s, &a));
	assert_int_equal(a.kind, BFD_DO_EVENT);
	assert_int_equal(a.from, BFD_UP);
	assert_int_equal(a.to, BFD_INIT);
	assert_true(a.failed);
	end();
}

// ---- AdminDown of this side ----

static void test_disable(void **)
{
	begin_up(50, 50, 4);
	bfd_session_disable(t.s, t.now);
	drain();
	assert_int_equal(t.event.to, BFD_ADMIN_DOWN);
	assert_false(t.event.failed);
	assert_int_equal(t.sent_count, 1);
	assert_int_equal(t.sent[0].state, BFD_ADMIN_DOWN);
	assert_int_equal(t.sent[0].diag, BFD_DIAG_ADMIN_DOWN);
	struct bfd_packet p = theirs(BFD_UP);
	p.poll = true;
	assert_int_equal(hear_packet(&p), BFD_DISABLED);
	assert_int_equal(t.sent_count, 0); // section 6.8.6: discarded, Poll and all
	assert_int_equal(vars()->state, BFD_ADMIN_DOWN);
	pass(span_s(10)); // tells for the neighbour's detection time, then nothing
	assert_in_range(t.sent_count, 3, 6);
	assert_true(instant_is_never(bfd_session_deadline(t.s)));
	bfd_session_disable(t.s, t.now);
	drain();
	assert_int_equal(t.sent_count + t.events, 0);
	bfd_session_enable(t.s, t.now);
	drain();
	assert_int_equal(vars()->state, BFD_DOWN);
	assert_int_equal(t.sent_count, 1);
	hear(BFD_DOWN);
	hear(BFD_INIT);
	assert_int_equal(vars()->state, BFD_UP);
	end();
}

// ---- Poll Sequences ----

static void set_timing(int64_t tx_ms, int64_t rx_ms, uint8_t multiplier)
{
	struct bfd_timing timing = { span_ms(tx_ms), span_ms(rx_ms), multiplier };

	bfd_session_set_timing(t.s, t.now, &timing);
	drain();
}

static void test_poll_is_answered(void **)
{
	begin_up(50, 50, 3);
	instant before = bfd_session_deadline(t.s);
	struct bfd_packet p = theirs(BFD_UP);
	p.poll = true;
	hear_packet(&p);
	assert_int_equal(t.sent_count, 1);
	assert_true(t.sent[0].final);
	assert_int_equal(bfd_session_deadline(t.s).us, before.us); // beside the timer
	end();
}

static void test_poll_while_changing_state(void **)
{
	begin(50, 50, 3);
	struct bfd_packet p = theirs(BFD_INIT);
	p.poll = true;
	hear_packet(&p);
	assert_int_equal(t.sent_count, 2); // the answer, and the Poll of coming up
	assert_true(t.sent[0].final && !t.sent[0].poll);
	assert_true(t.sent[1].poll && !t.sent[1].final);
	assert_int_equal(t.sent[0].state, BFD_UP);
	end();
}

// Section 6.8.3: a slower sender waits until the neighbour knows; a faster one does not.
static void test_slower_waits_for_final(void **)
{
	begin_up(50, 50, 3);
	set_timing(200, 50, 3);
	assert_int_equal(t.sent_count, 0); // on the scheduled packets, section 6.5
	pass(span_ms(120));
	assert_true(t.sent_count >= 2);
	assert_true(t.sent[0].poll && t.sent[1].poll);
	assert_int_equal(t.sent[0].desired_min_tx.us, 200000);
	assert_int_equal(vars()->tx_interval.us, 50000);
	hear_final(BFD_UP);
	assert_int_equal(vars()->tx_interval.us, 200000);
	step();
	instant before = t.now;
	hear(BFD_UP);
	assert_in_range(instant_diff(bfd_session_deadline(t.s), before).us, 150000, 200000);
	assert_false(t.sent[0].poll);
	end();
}

static void test_faster_is_at_once(void **)
{
	begin_up(200, 50, 3);
	set_timing(50, 50, 3);
	assert_int_equal(vars()->tx_interval.us, 50000);
	pass(span_ms(60));
	assert_true(t.sent_count > 0 && t.sent[0].poll);
	end();
}

static void test_shorter_detection_waits_for_final(void **)
{
	begin_up(50, 300, 3);
	assert_int_equal(vars()->detection_time.us, 900000);
	set_timing(50, 50, 3);
	assert_int_equal(vars()->detection_time.us, 900000);
	hear(BFD_UP);
	assert_int_equal(vars()->detection_time.us, 900000);
	hear_final(BFD_UP); // nothing was asked yet
	assert_int_equal(vars()->detection_time.us, 900000);
	step();
	hear_final(BFD_UP);
	assert_int_equal(vars()->detection_time.us, 150000);
	set_timing(50, 400, 3); // longer is at once
	assert_int_equal(vars()->detection_time.us, 1200000);
	end();
}

static void test_change_during_poll(void **)
{
	begin_up(50, 50, 3);
	set_timing(200, 50, 3);
	pass(span_ms(60));
	assert_true(t.sent[0].poll);
	set_timing(400, 50, 3);
	hear_final(BFD_UP); // may answer the first values only
	assert_int_equal(vars()->tx_interval.us, 50000);
	step();
	assert_false(t.sent[0].poll); // one without, between the two sequences
	assert_int_equal(t.sent[0].desired_min_tx.us, 400000);
	hear_final(BFD_UP); // a late one answers nothing
	assert_int_equal(vars()->tx_interval.us, 50000);
	step();
	assert_true(t.sent[0].poll);
	hear_final(BFD_UP);
	assert_int_equal(vars()->tx_interval.us, 400000);
	end();
}

static void test_multiplier_needs_no_poll(void **)
{
	begin_up(50, 50, 3);
	set_timing(50, 50, 9);
	pass(span_ms(60));
	assert_false(t.sent[0].poll);
	assert_int_equal(t.sent[0].multiplier, 9);
	end();
}

static void test_lost_while_slowing_down(void **)
{
	begin_up(50, 50, 3);
	set_timing(200, 50, 3);
	pass(span_s(2)); // the neighbour dies in the middle of it
	assert_int_equal(vars()->state, BFD_DOWN);
	hear(BFD_DOWN);
	hear(BFD_INIT);
	assert_int_equal(vars()->state, BFD_UP);
	assert_int_equal(vars()->desired_min_tx.us, 200000);
	assert_int_equal(vars()->tx_interval.us, 200000);
	end();
}

static void test_same_seed_same_session(void **)
{
	int64_t first[50];

	for (int round = 0; round < 2; round++) {
		begin(50, 50, 3);
		for (size_t i = 0; i < countof(first); i++) {
			t.now = bfd_session_deadline(t.s);
			if (round == 0)
				first[i] = t.now.us;
			assert_int_equal(first[i], t.now.us);
			bfd_session_tick(t.s, t.now);
			drain();
		}
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_packet),
		cmocka_unit_test(test_slow_start),
		cmocka_unit_test(test_three_way),
		cmocka_unit_test(test_other_session),
		cmocka_unit_test(test_negotiated),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_neighbour_wants_none),
		cmocka_unit_test(test_neighbour_demands),
		cmocka_unit_test(test_faster_neighbour_is_served_at_once),
		cmocka_unit_test(test_detection),
		cmocka_unit_test(test_init_expires),
		cmocka_unit_test(test_late_program),
		cmocka_unit_test(test_neighbour_down),
		cmocka_unit_test(test_neighbour_admin_down),
		cmocka_unit_test(test_undrained_changes_keep_the_failure),
		cmocka_unit_test(test_disable),
		cmocka_unit_test(test_poll_is_answered),
		cmocka_unit_test(test_poll_while_changing_state),
		cmocka_unit_test(test_slower_waits_for_final),
		cmocka_unit_test(test_faster_is_at_once),
		cmocka_unit_test(test_shorter_detection_waits_for_final),
		cmocka_unit_test(test_change_during_poll),
		cmocka_unit_test(test_multiplier_needs_no_poll),
		cmocka_unit_test(test_lost_while_slowing_down),
		cmocka_unit_test(test_same_seed_same_session),
	};

	return cmocka_run_group_tests_name("bfd session", tests, NULL, NULL);
}
