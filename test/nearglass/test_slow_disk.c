// A disk that takes nothing for a while: who adds events does not wait, and what was lost is counted.
// And the times that the history is asked for.
#include "test/unit.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/own.h"
#include "nearglass/history.h"
#include "nearglass/timetext.h"

enum { TOO_MANY = 500 };

struct told {
	unsigned lost, kept;
};

static void on_lost(void *ctx, const char *why)
{
	struct told *t = ctx;

	*(why ? &t->lost : &t->kept) += 1;
}

static const struct history_ops ops = { on_lost };

static void add_many(struct history *h, size_t n)
{
	char json[128];

	for (size_t i = 0; i < n; i++) {
		snprintf(json, sizeof(json),
			"{\"seq\":%zu,\"time\":\"2026-01-02T03:04:05.000006Z\",\"site\":\"a\","
			"\"type\":\"t\",\"subject\":\"s\"}",
			i + 1);
		history_add(h, json);
	}
}

static bool never(void *)
{
	return false;
}

static bool ignore(void *, int64_t, int64_t, const char *)
{
	return true;
}

static void test_slow_disk(void **)
{
	own(sb_free) struct strbuf note = {}, error = {};
	char folder[] = "/tmp/nearcast-test-XXXXXX", file[64];
	struct history_info info = {};
	struct told told = {};
	struct history *h = NULL;
	uint64_t count = 0;
	uv_loop_t loop;
	const struct glass_history conf = { .file = file,
		.keep = span_s(86400L * 36500),
		.max_events = 100000,
		.max_clients = 1000 };

	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/h.db", folder);
	uv_loop_init(&loop);
	assert_int_equal(history_new(&h, &loop, &conf, &ops, &told, &note, &error), 0);
	struct history_db *db = history_hold(h, span_s(10));
	assert_non_null(db);
	history_start(h);
	add_many(h, HISTORY_WAITING_MAX + TOO_MANY); // nobody can write meanwhile
	history_info(h, &info);
	assert_int_equal(info.lost, TOO_MANY);
	assert_int_equal(info.written, 0);
	assert_true(info.losing);
	while (told.lost == 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_null(history_hold(h, span_ms(1))); // a reader does not wait for long either
	history_release(h);
	while (told.kept == 0)
		uv_run(&loop, UV_RUN_ONCE);
	history_stop(h);
	uv_run(&loop, UV_RUN_DEFAULT);
	history_info(h, &info);
	assert_int_equal(info.written, HISTORY_WAITING_MAX);
	const struct history_reader all = { never, ignore, NULL };
	const struct history_question q = { .to_us = INT64_MAX, .limit = 1 };
	db = history_hold(h, span_s(10));
	assert_int_equal(history_db_count(db, &q, &all, &count), 0);
	history_release(h);
	assert_int_equal(count, HISTORY_WAITING_MAX);
	assert_int_equal(told.lost, 1);
	history_free(&h);
	uv_loop_close(&loop);
	unlink(file);
	snprintf(file, sizeof(file), "%s/h.db-wal", folder);
	unlink(file);
	assert_int_equal(rmdir(folder), 0);
}

static const struct {
	const char *text;
	int64_t us; // -1: refused
} times[] = {
	{ "1970-01-01", 0 },
	{ "2026-01-02", 1767312000000000 },
	{ "2026-01-02T03:04:05Z", 1767323045000000 },
	{ "2026-01-02T03:04:05.6Z", 1767323045600000 },
	{ "2026-01-02T03:04:05.000006Z", 1767323045000006 },
	{ "2024-02-29", 1709164800000000 },
	{ "2026-02-29", -1 },
	{ "2026-13-01", -1 },
	{ "2026-00-01", -1 },
	{ "1969-12-31", -1 },
	{ "2026-1-2", -1 },
	{ "2026-01-02T", -1 },
	{ "2026-01-02T03:04", -1 },
	{ "2026-01-02T24:00:00Z", -1 },
	{ "2026-01-02T03:04:60Z", -1 },
	{ "2026-01-02T03:04:05", -1 },
	{ "2026-01-02T03:04:05.Z", -1 },
	{ "2026-01-02T03:04:05.1234567Z", -1 },
	{ "2026-01-02T03:04:05Z ", -1 },
	{ "", -1 },
	{ "x", -1 },
};

static void test_times(void **)
{
	for (size_t i = 0; i < countof(times); i++) {
		int64_t us = -1;
		int rc = time_parse(times[i].text, &us);
		if (rc != (times[i].us < 0 ? -EINVAL : 0) || us != times[i].us)
			fail_msg("`%s`: %d, %lld", times[i].text, rc, (long long)us);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_slow_disk),
		cmocka_unit_test(test_times) };

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
