// Upstreams that come by themselves: whoever connects from a range's addresses. Each
// is an upstream like others for as long as it has a session and some time beyond.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bgp/proto.h"
#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/mem.h"
#include "nearcastd/daemon.h"

enum { TELL_AGAIN_S = 60 }; // that a range is full

static bool same_link(const struct conf_upstream *range, const char *interface)
{
	return !range->interface || (interface && strcmp(range->interface, interface) == 0);
}

static bool is_longer(const struct conf_upstream *range, const struct conf_upstream *than)
{
	return !than || range->range.len > than->range.len;
}

const struct conf_upstream *range_of(
	const struct conf *conf, const struct ip_addr *remote, const char *interface)
{
	const struct conf_upstream *best = NULL;

	items_for_each(const struct conf_upstream, r, conf->upstreams)
	{
		if (conf_upstream_is_range(r) && prefix_contains(&r->range, remote) &&
			same_link(r, interface) && is_longer(r, best))
			best = r;
	}
	return best;
}

// The same by where the connection came in.
static const struct conf_upstream *range_of_connection(
	const struct conf *conf, int fd, const struct ip_addr *remote)
{
	items_for_each(const struct conf_upstream, r, conf->upstreams)
	{
		if (conf_upstream_is_range(r) && r->interface &&
			prefix_contains(&r->range, remote) && conn_is_on(fd, r->interface))
			return range_of(conf, remote, r->interface);
	}
	return range_of(conf, remote, NULL);
}

static bool belongs(const struct upstream *u, const struct conf_upstream *range)
{
	return upstream_entry(u) == range;
}

size_t range_neighbours(const struct daemon *d, const struct conf_upstream *range)
{
	size_t n = 0;

	for (size_t i = 0; i < d->upstream_count; i++)
		n += belongs(d->upstreams[i], range);
	return n;
}

// ---- Leaving ----

static void forget(struct daemon *d, size_t i, const char *reason)
{
	struct upstream *u = d->upstreams[i];
	char subject[IP_TEXT];
	struct event_fields f = {
		.subject = ip_print(&upstream_conf(u)->address, subject),
		.reason = reason,
		.upstream = upstream_conf(u)->name,
	};

	events_add(d->events, EVENT_UPSTREAM_FORGOTTEN, &f);
	upstream_stop(u, BGP_CEASE_DECONFIGURED, NULL);
	upstream_free(&u);
	memmove(&d->upstreams[i], &d->upstreams[i + 1],
		(d->upstream_count - i - 1) * sizeof(struct upstream *));
	d->upstream_count--;
}

static instant forget_at(const struct upstream *u)
{
	const struct conf_upstream *entry = upstream_entry(u);
	instant idle = upstream_idle_since(u);

	if (!conf_upstream_is_range(entry) || instant_is_never(idle))
		return INSTANT_NEVER;
	return instant_add(idle, entry->forget_after);
}

static void on_timer(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	for (size_t i = d->upstream_count; i-- > 0;)
		if (instant_due(forget_at(d->upstreams[i]), clock_now()))
			forget(d, i, "left");
	ranges_arm(d);
}

void ranges_arm(struct daemon *d)
{
	instant next = INSTANT_NEVER;

	for (size_t i = 0; i < d->upstream_count; i++)
		if (d->upstreams[i]) // a reload takes them out one by one
			next = instant_min(next, forget_at(d->upstreams[i]));
	if (instant_is_never(next))
		uv_timer_stop(&d->range_timer);
	else
		uv_timer_start(&d->range_timer, on_timer, clock_ms_until(next, clock_now()), 0);
}

// Of those that left, the one that has been gone for longest makes room for another.
static bool make_room(struct daemon *d, const struct conf_upstream *range)
{
	size_t oldest = SIZE_MAX;

	for (size_t i = 0; i < d->upstream_count; i++) {
		const struct upstream *u = d->upstreams[i];
		instant since = upstream_idle_since(u);
		if (!belongs(u, range) || instant_is_never(since))
			continue;
		if (oldest == SIZE_MAX ||
			instant_before(since, upstream_idle_since(d->upstreams[oldest])))
			oldest = i;
	}
	if (oldest == SIZE_MAX)
		return false;
	forget(d, oldest, "room-for-another");
	return true;
}

// ---- Coming ----

// Said now and then, however many come.
static void refuse(
	struct daemon *d, const struct conf_upstream *range, const struct ip_addr *remote)
{
	char subject[IP_TEXT], detail[100];
	instant now = clock_now();

	if (!instant_is_never(d->range_refused) &&
		!instant_due(instant_add(d->range_refused, span_s(TELL_AGAIN_S)), now))
		return;
	d->range_refused = now;
	snprintf(detail, sizeof(detail), "%lu neighbours are there, as many as max-neighbours",
		range->max_neighbours);
	struct event_fields f = {
		.subject = ip_print(remote, subject),
		.reason = "max-neighbours",
		.upstream = range->name,
		.detail = detail,
	};
	events_add(d->events, EVENT_UPSTREAM_REFUSED, &f);
}

static struct upstream *add(
	struct daemon *d, const struct conf_upstream *range, const struct ip_addr *remote)
{
	struct ip_prefix one = prefix_of(remote, ip_bits((enum ip_family)remote->family));
	uint64_t seed = d->rng_seed ^ prefix_hash(&one);
	struct upstream *u = upstream_new_in_range(
		d->loop, d->bfd, d->conf, range, remote, &daemon_upstream_ops, d, seed);

	d->upstreams = mem_resize(d->upstreams, d->upstream_count + 1, sizeof(struct upstream *));
	d->upstreams[d->upstream_count++] = u;
	services_tell(d, u);
	upstream_start(u);
	return u;
}

void range_accept(struct daemon *d, int fd, const struct ip_addr *remote)
{
	const struct conf_upstream *range = range_of_connection(d->conf, fd, remote);

	if (!range) {
		close(fd); // nobody we know
		return;
	}
	if (range_neighbours(d, range) >= range->max_neighbours && !make_room(d, range)) {
		refuse(d, range, remote);
		close(fd);
		return;
	}
	upstream_accept(add(d, range, remote), fd);
	ranges_arm(d);
}
