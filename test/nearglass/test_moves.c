// What is told of clients, by a clock that the test turns: lines come in by catchment_take().
#include "test/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/own.h"
#include "nearglass/catchment.h"
#include "nearglass/catchment_feed.h"

static const int64_t hour_us = INT64_C(3600000000), begin_us = INT64_C(1800000000000000);
static int64_t now_us;

// By the linker, in place of the C library's.
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t, struct timespec *ret)
{
	*ret = (struct timespec){ now_us / 1000000, now_us % 1000000 * 1000 };
	return 0;
}

// ---- No feed: nothing is opened ----

int catchment_feed_new(struct catchment_feed **, uv_loop_t *, const struct glass_catchment *,
	struct catchment *, struct strbuf *)
{
	return 0;
}

void catchment_feed_start(struct catchment_feed *) {}

void catchment_feed_stop(struct catchment_feed *) {}

void catchment_feed_free(struct catchment_feed **) {}

size_t catchment_feeders(const struct catchment_feed *)
{
	return 0;
}

// ---- Told ----

struct told {
	size_t moves, moved, rest, kept, gone;
};

static void on_moved(
	void *ctx, const char *from, const char *, size_t count, const char *const *, size_t)
{
	struct told *t = ctx;

	t->moves++;
	t->moved += count;
	t->rest += !from;
}

static void on_changed(void *) {}

static void on_keep(void *ctx, const struct catchment_client *, int64_t, bool gone)
{
	struct told *t = ctx;

	t->kept++;
	t->gone += gone;
}

static const struct catchment_ops ops = { on_moved, on_changed, on_keep };

struct place_of {
	uv_loop_t loop;
	struct glass_catchment conf;
	struct catchment *c;
	struct told told;
};

static void open_it(struct place_of *p)
{
	own(sb_free) struct strbuf error = {};

	*p = (struct place_of){ .conf = { .max_clients = 1000, .forget = span_s(86400) } };
	now_us = begin_us;
	assert_int_equal(uv_loop_init(&p->loop), 0);
	assert_int_equal(catchment_new(&p->c, &p->loop, &p->conf, &ops, &p->told, &error), 0);
}

static void shut_it(struct place_of *p)
{
	catchment_stop(p->c);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&p->loop), 0);
	catchment_free(&p->c);
}

static void say(struct place_of *p, const char *client, const char *site)
{
	char line[200];
	int n = snprintf(line, sizeof(line), "{\"client\":\"%s\",\"site\":\"%s\"}", client, site);

	catchment_take(p->c, line, (size_t)n, now_us);
}

static struct catchment_info info_of(struct place_of *p)
{
	struct catchment_info info;

	catchment_info(p->c, &info);
	return info;
}

static const char *site_of(struct place_of *p, const char *client, char room[64])
{
	struct catchment_list *l = catchment_list(p->c);
	size_t i = 0;

	while (i < l->count && strcmp(l->clients[i].name, client) != 0)
		i++;
	assert_true(i < l->count);
	snprintf(room, 64, "%s", l->clients[i].site);
	catchment_list_put(&l);
	return room;
}

// The timer of a tenth of a second is all there is to wait for.
static void gather(struct place_of *p)
{
	uv_run(&p->loop, UV_RUN_DEFAULT);
}

// ---- Cases ----

static void test_clock_set_back(void **)
{
	struct place_of p;
	char room[64];

	open_it(&p);
	now_us += 3 * hour_us;
	say(&p, "a", "fra1");
	now_us = begin_us;
	say(&p, "a", "nyc1"); // else it would stay where it is for three hours
	assert_string_equal(site_of(&p, "a", room), "nyc1");
	assert_int_equal(info_of(&p).counts[CATCHMENT_STALE], 0);
	assert_true(info_of(&p).heard_us == begin_us);
	shut_it(&p);
}

// The control: late words are none.
static void test_late(void **)
{
	struct place_of p;
	char room[64];

	open_it(&p);
	say(&p, "a", "fra1");
	static const char late[] =
		"{\"client\":\"a\",\"site\":\"nyc1\",\"time\":\"2027-01-15T07:59:59Z\"}";
	catchment_take(p.c, late, strlen(late), now_us);
	assert_string_equal(site_of(&p, "a", room), "fra1");
	assert_int_equal(info_of(&p).counts[CATCHMENT_STALE], 1);
	shut_it(&p);
}

// More pairs of sites than are told one by one. Whoever went and came back stands in the order where the
// rest begins, and must not hide it.
static void test_many_pairs(void **)
{
	struct place_of p;
	char client[16], site[16];

	open_it(&p);
	for (unsigned i = 0; i < 150; i++) {
		snprintf(client, sizeof(client), "c%03u", i);
		snprintf(site, sizeof(site), "s%03u", i);
		say(&p, client, site);
	}
	gather(&p);
	p.told = (struct told){};
	for (unsigned i = 0; i < 150; i++) {
		snprintf(client, sizeof(client), "c%03u", i);
		snprintf(site, sizeof(site), "s%03u", i);
		say(&p, client, "elsewhere");
		if (i == 100)
			say(&p, client, site);
	}
	gather(&p);
	assert_int_equal(p.told.moved, 149);
	assert_int_equal(p.told.moves, 101);
	assert_int_equal(p.told.rest, 1);
	shut_it(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_late), cmocka_unit_test(test_many_pairs) };

	return cmocka_run_group_tests_name("moves", tests, NULL, NULL);
}
