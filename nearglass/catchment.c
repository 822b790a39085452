#include "nearglass/catchment.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/catchment_feed.h"

enum {
	GATHER_MS = 100,         // moves within it are told as one
	TEND_MS = 5000,          // how often the forgotten are looked for
	NAMES_A_MOVE = 20,       // of clients
	MOVES_A_TIME = 100,      // pairs of sites; the rest is told as one
	CLOCK_SLIP_US = 1000000, // a clock that goes back so far was set
};

const char *const catchment_count_names[CATCHMENT_COUNTS] = {
	[CATCHMENT_TAKEN] = "taken",
	[CATCHMENT_BAD] = "bad",
	[CATCHMENT_FULL] = "full",
	[CATCHMENT_STALE] = "stale",
	[CATCHMENT_FORGOT] = "forgotten",
	[CATCHMENT_REFUSED] = "refused",
};

struct entry {
	struct hnode by_name;
	struct catchment_client client;
	int64_t kept_us; // when ops->keep() was called last
	bool moving;     // in moves; then:
	char from[CATCHMENT_SITE_MAX + 1];
};

struct catchment {
	const struct glass_catchment *conf;
	const struct catchment_ops *ops;
	void *ctx;
	struct catchment_feed *feed;
	struct hmap names;
	struct entry **list; // all, sorted unless:
	size_t count, room;
	size_t nobody; // of them, those without a site
	bool unsorted;
	struct entry **moves; // not told yet
	size_t move_count, move_room;
	uv_timer_t gather, tend;
	struct catchment_list *shown; // what there is; NULL: something changed
	struct catchment_info info;
};

// ---- Moves ----

static int by_sites(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;
	int order = strcmp((*x)->from, (*y)->from);

	if (order == 0)
		order = strcmp((*x)->client.site, (*y)->client.site);
	return order ? order : strcmp((*x)->client.name, (*y)->client.name);
}

static bool same_move(const struct entry *a, const struct entry *b)
{
	return strcmp(a->from, b->from) == 0 && strcmp(a->client.site, b->client.site) == 0;
}

// Who went and came back has not moved.
static void drop_idle_moves(struct catchment *c)
{
	size_t left = 0;

	for (size_t i = 0; i < c->move_count; i++) {
		struct entry *e = c->moves[i];
		e->moving = strcmp(e->from, e->client.site) != 0;
		if (e->moving)
			c->moves[left++] = e;
	}
	c->move_count = left;
}

static void tell_moves(struct catchment *c)
{
	const char *names[NAMES_A_MOVE];
	size_t told = 0;

	if (c->move_count == 0)
		return;
	c->ops->changed(c->ctx);
	drop_idle_moves(c);
	qsort(c->moves, c->move_count, sizeof(struct entry *), by_sites);
	for (size_t i = 0, end; i < c->move_count; i = end) {
		struct entry *first = c->moves[i];
		size_t name_count = 0;
		for (end = i; end < c->move_count &&
			      (told == MOVES_A_TIME || same_move(first, c->moves[end]));
			end++)
			if (name_count < NAMES_A_MOVE)
				names[name_count++] = c->moves[end]->client.name;
		bool rest = told++ == MOVES_A_TIME && !same_move(first, c->moves[end - 1]);
		c->ops->moved(c->ctx, rest ? NULL : first->from, rest ? NULL : first->client.site,
			end - i, names, name_count);
	}
	for (size_t i = 0; i < c->move_count; i++)
		c->moves[i]->moving = false;
	c->move_count = 0;
}

static void on_gather(uv_timer_t *timer)
{
	tell_moves(timer->data);
}

static void add_move(struct catchment *c, struct entry *e, const char *from)
{
	if (e->moving)
		return;
	e->moving = true;
	snprintf(e->from, sizeof(e->from), "%s", from);
	if (c->move_count == c->move_room) {
		c->move_room = c->move_room ? 2 * c->move_room : 64;
		c->moves = mem_resize(c->moves, c->move_room, sizeof(*c->moves));
	}
	c->moves[c->move_count++] = e;
	if (!uv_is_active((uv_handle_t *)&c->gather))
		uv_timer_start(&c->gather, on_gather, GATHER_MS, 0);
}

// ---- Clients ----

static struct entry *find(const struct catchment *c, const char *name)
{
	uint64_t hash = hash_bytes(name, strlen(name));

	for (struct hnode *n = hmap_find(&c->names, hash); n; n = hmap_find_next(n)) {
		struct entry *e = container_of(n, struct entry, by_name);
		if (strcmp(e->client.name, name) == 0)
			return e;
	}
	return NULL;
}

static struct entry *add(struct catchment *c, const char *name)
{
	struct entry *e = mem_zalloc(sizeof(*e));

	snprintf(e->client.name, sizeof(e->client.name), "%s", name);
	hmap_insert(&c->names, &e->by_name, hash_bytes(name, strlen(name)));
	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 64;
		c->list = mem_resize(c->list, c->room, sizeof(*c->list));
	}
	c->list[c->count++] = e;
	c->nobody++; // so far
	c->unsorted = true;
	return e;
}

static void keep(struct catchment *c, struct entry *e, bool gone)
{
	e->kept_us = clock_unix_us();
	c->ops->keep(c->ctx, &e->client, e->kept_us, gone);
}

// What was heard in the future was heard before the clock was set back: then any word is newer.
static void put_line(
	struct catchment *c, const struct catchment_line *l, int64_t time_us, int64_t now_us)
{
	struct entry *e = find(c, l->client);
	bool fresh = !e;

	if (fresh && c->count >= c->conf->max_clients) {
		catchment_count(c, CATCHMENT_FULL, NULL);
		return;
	}
	if (fresh)
		e = add(c, l->client);
	struct catchment_client *client = &e->client;
	if (time_us < client->heard_us && client->heard_us <= now_us + CLOCK_SLIP_US) {
		catchment_count(c, CATCHMENT_STALE, NULL);
		return;
	}
	char from[CATCHMENT_SITE_MAX + 1];
	snprintf(from, sizeof(from), "%s", client->site);
	bool moved = fresh || strcmp(from, l->site) != 0;
	bool placed =
		client->has_place != l->has_place || client->lat != l->lat || client->lon != l->lon;
	if (moved) {
		if (*from)
			snprintf(client->before, sizeof(client->before), "%s", from);
		c->nobody += !*l->site;
		c->nobody -= !*from;
		snprintf(client->site, sizeof(client->site), "%s", l->site);
		client->since_us = time_us;
	}
	client->has_place = l->has_place;
	client->lat = l->lat;
	client->lon = l->lon;
	client->rtt_ms = l->rtt_ms;
	client->heard_us = time_us;
	if (moved && (*from || *l->site))
		add_move(c, e, from);
	if (moved || placed)
		keep(c, e, false);
	if (time_us > c->info.heard_us || c->info.heard_us > now_us + CLOCK_SLIP_US)
		c->info.heard_us = time_us;
	catchment_count(c, CATCHMENT_TAKEN, NULL);
}

void catchment_take(struct catchment *c, const char *line, size_t n, int64_t fallback_us)
{
	struct catchment_line l;
	const char *why;
	int64_t now_us = clock_unix_us();

	if (catchment_line_parse(&l, line, n, &why) < 0) {
		catchment_count(c, CATCHMENT_BAD, why);
		return;
	}
	int64_t time_us = l.time_us ? l.time_us : fallback_us;
	put_line(
		c, &l, time_us < now_us ? time_us : now_us, now_us); // nobody has measured tomorrow
	catchment_list_put(&c->shown);
}

void catchment_count(struct catchment *c, enum catchment_count what, const char *why)
{
	c->info.counts[what]++;
	if (why)
		snprintf(c->info.last_bad, sizeof(c->info.last_bad), "%s", why);
}

// ---- Tending ----

static void forget(struct catchment *c, struct entry *e)
{
	keep(c, e, true);
	c->nobody -= !*e->client.site;
	hmap_remove(&c->names, &e->by_name);
	catchment_count(c, CATCHMENT_FORGOT, NULL);
	free(e);
}

// Those not heard of for long go; what is kept of the others is kept again.
static void on_tend(uv_timer_t *timer)
{
	struct catchment *c = timer->data;
	int64_t now_us = clock_unix_us();
	size_t left = 0;

	tell_moves(c); // of those that go, too
	for (size_t i = 0; i < c->count; i++) {
		struct entry *e = c->list[i];
		if (now_us - e->client.heard_us > c->conf->forget.us) {
			forget(c, e);
			continue;
		}
		c->list[left++] = e;
		if (now_us - e->kept_us >= INT64_C(1000000) * CATCHMENT_REPEAT_S ||
			e->kept_us > now_us + CLOCK_SLIP_US)
			keep(c, e, false);
	}
	bool gone = left < c->count;
	c->count = left;
	if (gone)
		catchment_list_put(&c->shown);
}

// ---- Readers ----

static int by_name(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return strcmp((*x)->client.name, (*y)->client.name);
}

struct catchment_list *catchment_list(struct catchment *c)
{
	if (!c->shown) {
		if (c->unsorted)
			qsort(c->list, c->count, sizeof(struct entry *), by_name);
		c->unsorted = false;
		c->shown = mem_zalloc(sizeof(*c->shown) + c->count * sizeof(c->shown->clients[0]));
		atomic_init(&c->shown->holders, 1);
		c->shown->count = c->count;
		for (size_t i = 0; i < c->count; i++)
			c->shown->clients[i] = c->list[i]->client;
	}
	atomic_fetch_add_explicit(&c->shown->holders, 1, memory_order_relaxed);
	return c->shown;
}

void catchment_list_put(struct catchment_list **which)
{
	struct catchment_list *l = take(*which);

	if (l && atomic_fetch_sub_explicit(&l->holders, 1, memory_order_acq_rel) == 1)
		free(l);
}

size_t catchment_list_after(const struct catchment_list *l, const char *name)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(l->clients[mid].name, name) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void catchment_info(const struct catchment *c, struct catchment_info *ret)
{
	*ret = c->info;
	ret->configured = true;
	ret->clients = c->count;
	ret->nobody = c->nobody;
	ret->feeders = catchment_feeders(c->feed);
}

// ---- Life ----

int catchment_new(struct catchment **ret, uv_loop_t *loop, const struct glass_catchment *conf,
	const struct catchment_ops *ops, void *ctx, struct strbuf *error)
{
	struct catchment *c = mem_zalloc(sizeof(*c));

	c->conf = conf;
	c->ops = ops;
	c->ctx = ctx;
	int rc = catchment_feed_new(&c->feed, loop, conf, c, error);
	if (rc < 0) {
		free(c);
		return rc;
	}
	uv_timer_init(loop, &c->gather);
	uv_timer_init(loop, &c->tend);
	c->gather.data = c->tend.data = c;
	*ret = c;
	return 0;
}

void catchment_start(struct catchment *c)
{
	uv_timer_start(&c->tend, on_tend, TEND_MS, TEND_MS);
	catchment_feed_start(c->feed);
}

void catchment_stop(struct catchment *c)
{
	catchment_feed_stop(c->feed);
	uv_close((uv_handle_t *)&c->gather, NULL);
	uv_close((uv_handle_t *)&c->tend, NULL);
}

void catchment_free(struct catchment **which)
{
	struct catchment *c = take(*which);

	if (!c)
		return;
	catchment_feed_free(&c->feed);
	for (size_t i = 0; i < c->count; i++)
		free(c->list[i]);
	free(c->list);
	free(c->moves);
	hmap_free(&c->names);
	catchment_list_put(&c->shown);
	free(c);
}
