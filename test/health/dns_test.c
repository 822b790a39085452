// kind: dns against a scripted server on this host.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/fdwatch.h"
#include "lib/own.h"
#include "lib/wire.h"
#include "nearcastd/probe.h"
#include "test/health/world.h"

enum { HEADER = 12, RCODE_SERVFAIL = 2, TC = 0x0200, AD = 0x0020 };

// A server on the test's own loop: takes a question, replies as the row says.
struct server {
	int fd;
	struct fdwatch *watch;
	const struct row *row;
	size_t asked;
	uint8_t question[512];
	size_t question_len;
};

typedef void script(struct server *s, struct wr *reply);

struct row {
	const char *name;
	script *script; // NULL: silent
	const char *expect;
	const char *rcode;
	const char *nsid, *id;
	bool ad;
	span max_age;
	enum conf_serial format;
	bool waits; // there must be no result, but this must have been seen
	enum health_reason reason;
	const char *detail; // must be in it
};

static size_t question_end(const struct server *s)
{
	size_t at = HEADER;

	while (at < s->question_len && s->question[at] != 0)
		at += s->question[at] + 1u;
	return at + 5; // root label, type, class
}

//  RFC 1035 section 4.1.1
static void put_header(
	struct server *s, struct wr *w, uint16_t id_xor, uint16_t flags, uint16_t answers)
{
	struct rd r = rd_init(s->question, s->question_len);
	uint16_t id = rd_u16(&r);

	wr_u16(w, id ^ id_xor);
	wr_u16(w, 0x8000 | flags);
	wr_u16(w, 1);
	wr_u16(w, answers);
	wr_u16(w, 0);
	wr_u16(w, 0);
	wr_bytes(w, s->question + HEADER, question_end(s) - HEADER);
}

static void put_txt(struct wr *w, const char *text)
{
	uint8_t n = (uint8_t)strlen(text);

	wr_u16(w, 0xc00c); // the question's name
	wr_u16(w, 16);     // TXT
	wr_u16(w, 1);
	wr_u32(w, 60);
	wr_u16(w, n + 1u);
	wr_u8(w, n);
	wr_bytes(w, text, n);
}

static void one_answer(struct server *s, struct wr *w)
{
	put_header(s, w, 0, 0, 1);
	put_txt(w, "fra1-a");
}

static void two_answers(struct server *s, struct wr *w)
{
	put_header(s, w, 0, 0, 2);
	put_txt(w, "other");
	put_txt(w, "fra1-a");
}

static void no_answer(struct server *s, struct wr *w)
{
	put_header(s, w, 0, 0, 0);
}

static void servfail(struct server *s, struct wr *w)
{
	put_header(s, w, 0, RCODE_SERVFAIL, 0);
}

static void servfail_without_question(struct server *s, struct wr *w)
{
	struct rd r = rd_init(s->question, s->question_len);

	wr_u16(w, rd_u16(&r));
	wr_u16(w, 0x8000 | RCODE_SERVFAIL);
	wr_u32(w, 0);
	wr_u32(w, 0);
}

static void wrong_id(struct server *s, struct wr *w)
{
	put_header(s, w, 0x5555, 0, 1);
	put_txt(w, "fra1-a");
}

static void other_question(struct server *s, struct wr *w)
{
	s->question[HEADER + 1] ^= 1;
	one_answer(s, w);
}

static void other_type(struct server *s, struct wr *w)
{
	s->question[question_end(s) - 3] ^= 1;
	one_answer(s, w);
}

static void echo(struct server *s, struct wr *w)
{
	wr_bytes(w, s->question, s->question_len);
}

static void upper_case(struct server *s, struct wr *w)
{
	for (size_t i = HEADER + 1; i < question_end(s) - 5; i++)
		if (s->question[i] >= 'a' && s->question[i] <= 'z')
			s->question[i] -= 'a' - 'A';
	one_answer(s, w);
}

static void three_bytes(struct server *, struct wr *w)
{
	wr_bytes(w, "abc", 3);
}

static void cut_off(struct server *s, struct wr *w)
{
	one_answer(s, w);
	w->p -= 3;
}

static void garbage(struct server *s, struct wr *w)
{
	put_header(s, w, 0, 0, 7);
	wr_bytes(w, "\xff\xff\xff\xff\xff\xff", 6);
}

// RFC 1035 section 4.1.4: a name that points at itself.
static void pointer_loop(struct server *s, struct wr *w)
{
	put_header(s, w, 0, 0, 1);
	wr_u16(w, 0xc000 | (uint16_t)wr_len(w));
	wr_u16(w, 16);
	wr_u16(w, 1);
	wr_u32(w, 60);
	wr_u16(w, 0);
}

static void truncated(struct server *s, struct wr *w)
{
	put_header(s, w, 0, TC, 0);
}

static void validated(struct server *s, struct wr *w)
{
	assert_true(s->question[3] & AD); // it was asked for
	put_header(s, w, 0, AD, 1);
	put_txt(w, "fra1-a");
}

// RFC 6891 section 6.1.2, with the one option NSID (RFC 5001).
static void put_nsid(struct server *s, struct wr *w, const char *id)
{
	size_t len = strlen(id);
	struct wr count = wr_init(w->p - wr_len(w) + 10, 2);

	one_answer(s, w);
	wr_u16(&count, 1); // additional records
	wr_u8(w, 0);
	wr_u16(w, 41);
	wr_u16(w, 1232);
	wr_u32(w, 0);
	wr_u16(w, (uint16_t)(len + 4 + 5));
	wr_u32(w, 0x000a0001); // an option before it
	wr_u8(w, 0);
	wr_u16(w, 3);
	wr_u16(w, (uint16_t)len);
	wr_bytes(w, id, len);
}

static void nsid(struct server *s, struct wr *w)
{
	put_nsid(s, w, "fra1-a");
}

static void other_nsid(struct server *s, struct wr *w)
{
	put_nsid(s, w, "ams1-a");
}

static void empty_nsid(struct server *s, struct wr *w)
{
	put_nsid(s, w, "");
}

static void longer_nsid(struct server *s, struct wr *w)
{
	put_nsid(s, w, "fra1-ab");
}

// Asked for id.server in class CH (RFC 4892), whatever the rest of the check says.
static void identity(struct server *s, struct wr *w)
{
	static const uint8_t name[] = "\x02id\x06server\0\0\x10\0\x03";

	assert_int_equal(question_end(s) - HEADER, sizeof(name) - 1);
	assert_memory_equal(s->question + HEADER, name, sizeof(name) - 1);
	one_answer(s, w);
}

static void put_soa(struct server *s, struct wr *w, uint32_t serial)
{
	put_header(s, w, 0, 0, 1);
	wr_u16(w, 0xc00c);
	wr_u16(w, 6);
	wr_u16(w, 1);
	wr_u32(w, 60);
	wr_u16(w, 22);
	wr_u8(w, 0); // both names: the root
	wr_u8(w, 0);
	wr_u32(w, serial);
	wr_u32(w, 1);
	wr_u32(w, 1);
	wr_u32(w, 1);
	wr_u32(w, 1);
}

static void serial_of_10_minutes(struct server *s, struct wr *w)
{
	put_soa(s, w, (uint32_t)(time(NULL) - 600));
}

static void serial_of_next_week(struct server *s, struct wr *w)
{
	put_soa(s, w, (uint32_t)(time(NULL) + 7 * 86400));
}

static uint32_t date_serial(time_t at)
{
	struct tm t;

	gmtime_r(&at, &t);
	return (uint32_t)((t.tm_year + 1900) * 1000000 + (t.tm_mon + 1) * 10000 + t.tm_mday * 100);
}

static void date_of_today(struct server *s, struct wr *w)
{
	put_soa(s, w, date_serial(time(NULL)) + 7);
}

static void date_of_last_week(struct server *s, struct wr *w)
{
	put_soa(s, w, date_serial(time(NULL) - 7 * 86400));
}

static void no_date(struct server *s, struct wr *w)
{
	put_soa(s, w, 2026023001); // 30 February
}

#define HOUR                            \
	{                               \
		3600 * (int64_t)1000000 \
	}
#define DAYS_2                               \
	{                                    \
		2 * 86400 * (int64_t)1000000 \
	}

// clang-format off
static const struct row rows[] = {
	{ "answer", one_answer, .reason = HEALTH_REASON_OK, .detail = "NOERROR, \"fra1-a\"" },
	{ "answer expected", one_answer, .expect = "fra1", .reason = HEALTH_REASON_OK, .detail = "fra1-a" },
	{ "second answer expected", two_answers, .expect = "fra1", .reason = HEALTH_REASON_OK, .detail = "fra1-a" },
	{ "other answer expected", one_answer, .expect = "ams1", .reason = HEALTH_REASON_WRONG_ANSWER,
		.detail = "fra1-a\", expected ams1" },
	{ "empty, any expected", no_answer, .reason = HEALTH_REASON_OK, .detail = "NOERROR" },
	{ "empty, one expected", no_answer, .expect = "fra1", .reason = HEALTH_REASON_NO_ANSWER, .detail = "fra1" },
	{ "truncated", truncated, .expect = "fra1", .reason = HEALTH_REASON_NO_ANSWER, .detail = "truncated" },
	{ "servfail", servfail, .reason = HEALTH_REASON_WRONG_RCODE, .detail = "SERVFAIL, expected NOERROR" },
	{ "servfail, short", servfail_without_question, .reason = HEALTH_REASON_WRONG_RCODE, .detail = "SERVFAIL" },
	{ "servfail expected", servfail, .rcode = "SERVFAIL", .reason = HEALTH_REASON_OK, .detail = "SERVFAIL" },
	{ "case of the name differs", upper_case, .reason = HEALTH_REASON_OK, .detail = "fra1-a" },
	{ "cut off", cut_off, .reason = HEALTH_REASON_BAD_REPLY, .detail = "no DNS message" },
	{ "garbage", garbage, .reason = HEALTH_REASON_BAD_REPLY, .detail = "no DNS message" },
	{ "pointer loop", pointer_loop, .reason = HEALTH_REASON_BAD_REPLY, .detail = "no DNS message" },
	{ "validated", validated, .ad = true, .reason = HEALTH_REASON_OK },
	{ "not validated", one_answer, .ad = true, .reason = HEALTH_REASON_NOT_VALIDATED, .detail = "no AD bit" },
	{ "nsid", nsid, .nsid = "fra1-a", .reason = HEALTH_REASON_OK },
	{ "another nsid", other_nsid, .nsid = "fra1-a", .reason = HEALTH_REASON_WRONG_NODE,
		.detail = "NSID ams1-a, expected fra1-a" },
	{ "an empty nsid", empty_nsid, .nsid = "fra1-a", .reason = HEALTH_REASON_WRONG_NODE },
	{ "a longer nsid", longer_nsid, .nsid = "fra1-a", .reason = HEALTH_REASON_WRONG_NODE },
	{ "no nsid", one_answer, .nsid = "fra1-a", .reason = HEALTH_REASON_WRONG_NODE, .detail = "no NSID" },
	{ "identity", identity, .id = "fra1-a", .reason = HEALTH_REASON_OK },
	{ "another identity", identity, .id = "fra1", .reason = HEALTH_REASON_WRONG_NODE,
		.detail = "fra1-a answers, expected fra1" },
	{ "no identity", no_answer, .id = "fra1", .reason = HEALTH_REASON_WRONG_NODE },
	{ "serial of 10 minutes", serial_of_10_minutes, .max_age = HOUR, .reason = HEALTH_REASON_OK },
	{ "serial of 10 minutes, older than 5", serial_of_10_minutes, .max_age = { 300 * 1000000 },
		.reason = HEALTH_REASON_STALE, .detail = "10m" },
	{ "serial of next week", serial_of_next_week, .max_age = HOUR, .reason = HEALTH_REASON_STALE,
		.detail = "serial-format" },
	{ "date of today", date_of_today, .max_age = DAYS_2, .format = CONF_SERIAL_DATE, .reason = HEALTH_REASON_OK },
	{ "date of last week", date_of_last_week, .max_age = DAYS_2, .format = CONF_SERIAL_DATE,
		.reason = HEALTH_REASON_STALE, .detail = "7d" },
	{ "no date", no_date, .max_age = DAYS_2, .format = CONF_SERIAL_DATE, .reason = HEALTH_REASON_STALE,
		.detail = "serial-format" },
	{ "no SOA record", one_answer, .max_age = HOUR, .reason = HEALTH_REASON_NO_ANSWER },
	{ "silent", NULL, .waits = true, .detail = "" },
	{ "wrong id", wrong_id, .waits = true, .detail = "another id" },
	{ "another name", other_question, .waits = true, .detail = "another question" },
	{ "another type", other_type, .waits = true, .detail = "another question" },
	{ "the query itself", echo, .waits = true, .detail = "a query" },
	{ "three bytes", three_bytes, .waits = true, .detail = "too short" },
};
// clang-format on

struct attempt {
	bool done;
	struct health_result result;
};

static void on_done(void *ctx, const struct health_result *r)
{
	struct attempt *a = ctx;

	a->done = true;
	a->result = *r;
}

static void on_question(void *ctx, int)
{
	struct server *s = ctx;
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	uint8_t reply[1024];
	struct wr w = wr_init(reply, sizeof(reply));
	ssize_t n = recvfrom(
		s->fd, s->question, sizeof(s->question), 0, (struct sockaddr *)&from, &from_len);

	assert_true(n > HEADER);
	s->question_len = (size_t)n;
	s->asked++;
	if (!s->row->script)
		return;
	s->row->script(s, &w);
	assert_int_equal(sendto(s->fd, reply, wr_len(&w), 0, (struct sockaddr *)&from, from_len),
		wr_len(&w));
}

static struct conf_check check_of(uint16_t port)
{
	static char query[] = "Example.org";
	static char type[] = "TXT";
	static char name[] = "dns";
	struct conf_check c = {
		.kind = HEALTH_KIND_DNS,
		.name = name,
		.port = port,
		.query = query,
		.type = type,
	};

	assert_int_equal(ip_parse(&c.server, "127.0.0.1"), 0);
	return c;
}

static const struct conf_service service;

static void assert_detail(const char *name, const char *text, const char *part)
{
	if (part && !strstr(text, part))
		fail_msg("%s: detail \"%s\" lacks \"%s\"", name, text, part);
}

static void check_row(uv_loop_t *loop, struct server *s, const struct row *row)
{
	struct conf_check conf = check_of(world_port(s->fd));
	struct attempt a = {};

	s->row = row;
	s->asked = 0;
	own(free_ptr) char *expect = row->expect ? strdup(row->expect) : NULL;
	own(free_ptr) char *rcode = row->rcode ? strdup(row->rcode) : NULL;
	conf.expect = expect;
	conf.rcode = rcode;
	own(free_ptr) char *nsid_text = row->nsid ? strdup(row->nsid) : NULL;
	own(free_ptr) char *id_text = row->id ? strdup(row->id) : NULL;
	conf.nsid = nsid_text;
	conf.server_id = id_text;
	conf.expect_ad = row->ad;
	conf.max_serial_age = row->max_age;
	conf.serial_format = row->format;
	struct probe *p = probe_new(loop, &service, &conf, on_done, &a);
	probe_start(p);
	if (row->waits) {
		assert_true(world_run_count(loop, &s->asked, 1));
		// What was sent is there already; one turn of the loop reads it.
		uv_run(loop, UV_RUN_NOWAIT);
		uv_run(loop, UV_RUN_NOWAIT);
		if (a.done)
			fail_msg("%s: %s", row->name, health_reason_name(a.result.reason));
		assert_detail(row->name, p->seen, row->detail);
	} else {
		assert_true(world_run(loop, &a.done));
		if (a.result.reason != row->reason)
			fail_msg("%s: %s (%s)", row->name, health_reason_name(a.result.reason),
				a.result.detail);
		assert_detail(row->name, a.result.detail, row->detail);
	}
	probe_free(&p);
}

static void test_replies_over_udp(void **)
{
	struct server s = {};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	s.fd = world_listen(SOCK_DGRAM, "127.0.0.1", 0);
	assert_int_equal(fdwatch_new(&s.watch, &loop, s.fd, UV_READABLE, on_question, &s), 0);
	for (size_t i = 0; i < countof(rows); i++)
		check_row(&loop, &s, &rows[i]);
	fdwatch_close(&s.watch);
	close(s.fd);
	world_close(&loop);
}

// After replies that are not ours the right one still counts: here the server
// sends all three to one question.
static void on_question_thrice(void *ctx, int)
{
	struct server *s = ctx;
	script *const scripts[] = { wrong_id, echo, one_answer };
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(
		s->fd, s->question, sizeof(s->question), 0, (struct sockaddr *)&from, &len);

	assert_true(n > HEADER);
	s->question_len = (size_t)n;
	for (size_t i = 0; i < countof(scripts); i++) {
		uint8_t reply[1024];
		struct wr w = wr_init(reply, sizeof(reply));

		scripts[i](s, &w);
		assert_int_equal(sendto(s->fd, reply, wr_len(&w), 0, (struct sockaddr *)&from, len),
			wr_len(&w));
	}
}

static void test_waits_for_the_right_reply(void **)
{
	struct server s = {};
	struct attempt a = {};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	s.fd = world_listen(SOCK_DGRAM, "127.0.0.1", 0);
	assert_int_equal(
		fdwatch_new(&s.watch, &loop, s.fd, UV_READABLE, on_question_thrice, &s), 0);
	struct conf_check conf = check_of(world_port(s.fd));
	struct probe *p = probe_new(&loop, &service, &conf, on_done, &a);
	probe_start(p);
	assert_true(world_run(&loop, &a.done));
	assert_int_equal(a.result.reason, HEALTH_REASON_OK);
	assert_string_equal(p->seen, "a query in place of a reply");
	probe_free(&p);
	fdwatch_close(&s.watch);
	close(s.fd);
	world_close(&loop);
}

static void test_refused_is_known_at_once(void **)
{
	struct attempt a = {};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	int fd = world_listen(SOCK_DGRAM, "127.0.0.1", 0);
	struct conf_check conf = check_of(world_port(fd));
	close(fd);
	struct probe *p = probe_new(&loop, &service, &conf, on_done, &a);
	probe_start(p);
	assert_true(a.done); // within the call
	assert_int_equal(a.result.reason, HEALTH_REASON_REFUSED);
	assert_int_equal(a.result.evidence, EVIDENCE_HARD);
	probe_free(&p);
	world_close(&loop);
}

static void test_bad_configuration(void **)
{
	static char bad[] = "nonsense";
	struct attempt a = {};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	struct conf_check conf = check_of(53);
	conf.type = bad;
	struct probe *p = probe_new(&loop, &service, &conf, on_done, &a);
	probe_start(p);
	assert_true(a.done);
	assert_int_equal(a.result.reason, HEALTH_REASON_COULD_NOT_RUN);
	assert_string_equal(a.result.detail, "\"nonsense\" is no type");
	probe_free(&p);
	world_close(&loop);
}

// DNS over TCP: the script is what the server writes after the connection.
struct stream_server {
	int fd;
	struct fdwatch *watch;
	size_t pieces; // the reply is written in that many writes
	bool hang_up;
};

static void on_connection(void *ctx, int)
{
	struct stream_server *s = ctx;
	struct server inner = {};
	uint8_t buf[1024];
	int fd = accept(s->fd, NULL, NULL);

	assert_true(fd >= 0);
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	assert_true(n > HEADER + 2);
	if (s->hang_up) {
		close(fd);
		return;
	}
	inner.question_len = (size_t)n - 2;
	memcpy(inner.question, buf + 2, inner.question_len);
	struct wr w = wr_init(buf, sizeof(buf));
	size_t at = wr_len16_open(&w);
	one_answer(&inner, &w);
	wr_len16_close(&w, at);
	size_t half = s->pieces > 1 ? 1 : wr_len(&w);
	assert_int_equal(send(fd, buf, half, 0), half);
	assert_int_equal(send(fd, buf + half, wr_len(&w) - half, 0), wr_len(&w) - half);
	close(fd);
}

static void over_tcp(size_t pieces, bool hang_up, enum health_reason expected)
{
	struct stream_server s = { .pieces = pieces, .hang_up = hang_up };
	struct attempt a = {};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	s.fd = world_listen(SOCK_STREAM, "127.0.0.1", 0);
	assert_int_equal(fdwatch_new(&s.watch, &loop, s.fd, UV_READABLE, on_connection, &s), 0);
	struct conf_check conf = check_of(world_port(s.fd));
	conf.tcp = true;
	struct probe *p = probe_new(&loop, &service, &conf, on_done, &a);
	probe_start(p);
	assert_true(world_run(&loop, &a.done));
	assert_int_equal(a.result.reason, expected);
	probe_free(&p);
	fdwatch_close(&s.watch);
	close(s.fd);
	world_close(&loop);
}

static void test_tcp(void **)
{
	over_tcp(1, false, HEALTH_REASON_OK);
	over_tcp(2, false, HEALTH_REASON_OK);
	over_tcp(1, true, HEALTH_REASON_BAD_REPLY);
}

static void test_tcp_refused(void **)
{
	struct attempt a = {};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	int fd = world_listen(SOCK_STREAM, "127.0.0.1", 0);
	struct conf_check conf = check_of(world_port(fd));
	close(fd);
	conf.tcp = true;
	struct probe *p = probe_new(&loop, &service, &conf, on_done, &a);
	probe_start(p);
	assert_true(a.done);
	assert_int_equal(a.result.reason, HEALTH_REASON_REFUSED);
	probe_free(&p);
	world_close(&loop);
}

int main(void)
{
	if (!world_enter())
		return world_skip();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies_over_udp),
		cmocka_unit_test(test_waits_for_the_right_reply),
		cmocka_unit_test(test_refused_is_known_at_once),
		cmocka_unit_test(test_bad_configuration),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
