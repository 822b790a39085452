#include "nearcastd/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgp/proto.h"
#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/control.h"
#include "nearcastd/fleet_load.h"
#include "nearcastd/keeper.h"
#include "nearcastd/tcpauth.h"

// The cause of what an upstream is told is the decision about its service.
static void route_event(
	struct daemon *d, enum event_type type, struct upstream *u, const struct bgp_action *what)
{
	char prefix[PREFIX_TEXT];
	const struct service *s = service_of_prefix(d, &what->prefix);
	struct event_fields f = {
		.subject = prefix_print(&what->prefix, prefix),
		.reason = s ? decide_reason_name(s->member.decision.reason) : "not-configured",
		.upstream = upstream_conf(u)->name,
		.detail = what->error.text,
		.cause_seq = s ? s->decision_event : 0,
	};

	events_add(d->events, type, &f);
}

uint64_t daemon_session_event(
	struct daemon *d, enum event_type type, struct upstream *u, const struct bgp_action *what)
{
	char subject[IP_TEXT], detail[400] = "";
	const struct bgp_error *e = &what->error;
	bool down = what->event == BGP_EVENT_DOWN;

	if (down && e->code)
		snprintf(detail, sizeof(detail), "%s %s/%s: %s", e->sent ? "sent" : "received",
			bgp_code_name(e->code), bgp_subcode_name(e->code, e->subcode), e->text);
	else if (down)
		snprintf(detail, sizeof(detail), "%s", e->text);
	struct event_fields f = {
		.subject = ip_print(&upstream_conf(u)->address, subject),
		.cause_seq = upstream_cause(u),
		.reason = !down               ? "established"
			  : upstream_cause(u) ? "bfd"
			  : e->code           ? "notification"
					      : "connection",
		.upstream = upstream_conf(u)->name,
		.detail = detail,
	};
	return events_add(d->events, type, &f);
}

bool daemon_is_heard(const struct daemon *d)
{
	for (size_t i = 0; i < d->upstream_count; i++)
		if (bgp_peer_state(upstream_peer(d->upstreams[i])) == BGP_ESTABLISHED)
			return true;
	return false;
}

void daemon_tell_heard(struct daemon *d, uint64_t cause)
{
	if (d->reloading)
		return; // at its end
	bool unheard = !daemon_is_heard(d);
	for (size_t i = 0; i < d->service_count; i++) {
		struct service *s = &d->services[i];
		if (s->member.unheard == unheard)
			continue;
		member_set_unheard(&s->member, unheard);
		service_decide(d, s, cause);
	}
}

static void on_upstream_event(void *ctx, struct upstream *u, const struct bgp_action *what)
{
	struct daemon *d = ctx;

	switch (what->event) {
	case BGP_EVENT_ESTABLISHED:
		daemon_tell_heard(d, daemon_session_event(d, EVENT_UPSTREAM_UP, u, what));
		break;
	case BGP_EVENT_DOWN:
		daemon_tell_heard(d, daemon_session_event(d, EVENT_UPSTREAM_DOWN, u, what));
		break;
	case BGP_EVENT_ANNOUNCED:
		route_event(d, EVENT_ANNOUNCED, u, what);
		break;
	case BGP_EVENT_WITHDRAWN:
		route_event(d, EVENT_WITHDRAWN, u, what);
		break;
	case BGP_EVENT_UNSENDABLE:
		route_event(d, EVENT_UNSENDABLE, u, what);
		break;
	case BGP_EVENT_STATE:
		if (conf_upstream_is_range(upstream_entry(u)))
			ranges_arm(d);
		break;
	case BGP_EVENT_RECEIVED:
		break;
	}
}

static const char *bfd_reason(const struct bfd_news *news)
{
	if (news->diag == BFD_DIAG_EXPIRED)
		return "nothing-heard";
	return news->failed ? "neighbour-down" : "neighbour-admin-down";
}

static uint64_t bfd_down_event(struct daemon *d, const struct upstream *u, const char *subject,
	const struct bfd_news *news)
{
	char detail[120];
	int n = snprintf(detail, sizeof(detail), "%s", bfd_diag_name(news->diag));

	if (news->diag == BFD_DIAG_EXPIRED)
		snprintf(detail + n, sizeof(detail) - (size_t)n, ", nothing heard for %.1f ms",
			(double)news->silence.us / 1000);
	struct event_fields f = {
		.subject = subject,
		.reason = bfd_reason(news),
		.upstream = upstream_conf(u)->name,
		.detail = detail,
	};
	return events_add(d->events, EVENT_BFD_DOWN, &f);
}

static uint64_t on_upstream_bfd(void *ctx, struct upstream *u, const struct bfd_news *news)
{
	struct daemon *d = ctx;
	char subject[IP_TEXT];
	uint64_t down = 0;

	ip_print(&upstream_conf(u)->address, subject);
	if (news->fell)
		down = bfd_down_event(d, u, subject, news);
	if (news->state == BFD_UP) {
		struct event_fields f = {
			.subject = subject,
			.reason = "up",
			.upstream = upstream_conf(u)->name,
		};
		events_add(d->events, EVENT_BFD_UP, &f);
	}
	return down;
}

const struct upstream_ops daemon_upstream_ops = {
	.event = on_upstream_event,
	.bfd = on_upstream_bfd,
};

static void on_bfd_problem(void *ctx, const struct bfd_problem *problem)
{
	struct daemon *d = ctx;
	struct event_fields f = {
		.subject = "bfd",
		.reason = problem->reason,
		.detail = problem->detail,
	};

	events_add(d->events, EVENT_BFD_PROBLEM, &f);
}

static const struct bfd_thread_ops bfd_ops = { .problem = on_bfd_problem };

static void on_accept(void *ctx, int fd, const struct ip_addr *remote)
{
	struct daemon *d = ctx;

	for (size_t i = 0; i < d->upstream_count; i++) {
		const struct conf_upstream *cu = upstream_conf(d->upstreams[i]);

		if (ip_equal(&cu->address, remote) &&
			(!cu->interface || conn_is_on(fd, cu->interface))) {
			upstream_accept(d->upstreams[i], fd);
			return;
		}
	}
	struct upstream *peer = fleet_session(d->fleet, remote);
	if (peer)
		upstream_accept(peer, fd);
	else
		range_accept(d, fd, remote);
}

static void on_address_timer(uv_timer_t *timer)
{
	daemon_keep_addresses(timer->data, 0);
}

// Told once, however often it is tried.
static void address_fault(struct daemon *d, const char *text)
{
	enum { AGAIN_MS = 5000 };
	bool news = !d->address_fault || strcmp(d->address_fault, text) != 0;

	uv_timer_start(&d->address_timer, on_address_timer, AGAIN_MS, 0);
	if (!news)
		return;
	free(d->address_fault);
	d->address_fault = mem_strdup(text);
	struct event_fields f = { .subject = "services", .reason = "no-address", .detail = text };
	events_add(d->events, EVENT_ADDRESS_FAILED, &f);
}

// Every address a service needs, or the service is not announced. A drained
// service needs none.
void daemon_put_addresses(struct daemon *d)
{
	own(sb_free) struct strbuf error = {};
	own(free_ptr) bool *released = mem_zalloc(d->service_count);
	own(free_ptr) bool *ready = mem_zalloc(d->service_count);

	for (size_t i = 0; i < d->service_count; i++) {
		released[i] = d->services[i].member.drain.stage == DRAIN_DRAINED;
		ready[i] = d->services[i].member.addresses_ready;
	}
	if (addresses_apply(d->addresses, d->conf, released, ready, &error) < 0) {
		address_fault(d, sb_text(&error));
	} else {
		free_ptr(&d->address_fault);
		uv_timer_stop(&d->address_timer);
	}
	for (size_t i = 0; i < d->service_count; i++)
		d->services[i].member.addresses_ready =
			(ready[i] && !released[i]) || !d->services[i].conf->manage_addresses;
}

void daemon_keep_addresses(struct daemon *d, uint64_t cause)
{
	daemon_put_addresses(d);
	for (size_t i = 0; i < d->service_count; i++)
		service_decide(d, &d->services[i], cause);
}

static void make_services(struct daemon *d)
{
	d->service_count = d->conf->services.count;
	d->services = mem_zalloc(d->service_count * sizeof(*d->services));
	for (size_t i = 0; i < d->service_count; i++)
		service_init(&d->services[i], d, d->conf,
			(struct conf_service *)d->conf->services.data + i);
}

static void make_upstreams(struct daemon *d)
{
	d->upstreams = mem_zalloc(d->conf->upstreams.count * sizeof(struct upstream *));
	items_for_each(struct conf_upstream, cu, d->conf->upstreams)
	{
		size_t i = d->upstream_count;
		if (conf_upstream_is_range(cu))
			continue;
		d->upstreams[i] = upstream_new(
			d->loop, d->bfd, d->conf, cu, &daemon_upstream_ops, d, d->rng_seed + i);
		d->upstream_count++;
	}
}

int daemon_start(struct daemon *d, struct strbuf *error)
{
	struct event_fields f = { .subject = d->conf->site.name, .reason = NEARCAST_VERSION };
	int rc = tcpauth_check(d->conf, error);

	if (rc == 0)
		rc = control_new(&d->control, d, error);
	if (rc == 0)
		rc = listener_new(&d->listener, d->loop, d->conf, on_accept, d, error);
	if (rc < 0) {
		control_free(&d->control);
		return rc;
	}
	d->started = clock_now();
	uv_timer_init(d->loop, &d->service_timer);
	uv_timer_init(d->loop, &d->address_timer);
	uv_timer_init(d->loop, &d->range_timer);
	d->range_timer.data = d;
	d->range_refused = INSTANT_NEVER;
	d->address_timer.data = d;
	events_set_site(d->events, d->conf->site.name);
	d->start_event = events_add(d->events, EVENT_STARTED, &f);
	d->addresses = addresses_new();
	make_services(d);
	daemon_put_addresses(d);
	d->bfd = bfd_thread_new(d->loop, &bfd_ops, d, ~d->rng_seed);
	make_upstreams(d);
	d->fleet = fleet_new(d);
	rc = checks_new(&d->checks, d->loop, d->conf, &service_checks_ops, d, d->rng_seed);
	if (rc < 0) {
		sb_printf(error, "cannot start the checks: %s", strerror(-rc));
		return rc;
	}
	for (size_t i = 0; i < d->service_count; i++)
		service_decide(d, &d->services[i], d->start_event);
	for (size_t i = 0; i < d->upstream_count; i++)
		upstream_start(d->upstreams[i]);
	fleet_start(d->fleet);
	d->keep = keep_new(d);
	fleet_load_start(d);
	return 0;
}

void daemon_stopping(struct daemon *d, enum stopping how, const char *why)
{
	struct event_fields f = {
		.subject = d->conf->site.name,
		.reason = how == STOPPING_DEMOTED ? "demoted" : "withdrawn",
		.detail = why,
	};
	uint64_t seq = events_add(d->events, EVENT_STOPPING, &f);

	d->stopping = how;
	for (size_t i = 0; i < d->service_count; i++)
		service_decide(d, &d->services[i], seq);
}

void daemon_close_sessions(struct daemon *d, const char *why)
{
	listener_free(&d->listener); // one that comes now would only be waited for
	for (size_t i = 0; i < d->upstream_count; i++)
		upstream_stop(d->upstreams[i], BGP_CEASE_ADMIN_SHUTDOWN, why);
	fleet_stop(d->fleet, why);
}

static void remove_addresses(struct daemon *d)
{
	own(sb_free) struct strbuf error = {};

	if (addresses_remove(d->addresses, &error) == 0)
		return;
	struct event_fields f = {
		.subject = "services", .reason = "address", .detail = sb_text(&error)
	};
	events_add(d->events, EVENT_ADDRESS_FAILED, &f);
}

void daemon_end(struct daemon *d)
{
	struct event_fields f = { .subject = d->conf->site.name, .reason = "stopped" };

	checks_free(&d->checks); // first: the addresses go away on purpose
	remove_addresses(d);
	for (size_t i = 0; i < d->upstream_count; i++)
		upstream_free(&d->upstreams[i]);
	keep_free(&d->keep);
	fleet_load_end(d);
	fleet_free(&d->fleet);
	bfd_thread_free(&d->bfd);
	for (size_t i = 0; i < d->service_count; i++)
		service_clear(&d->services[i]);
	events_add(d->events, EVENT_STOPPED, &f);
	listener_free(&d->listener);
	control_free(&d->control);
	addresses_free(&d->addresses);
	uv_close((uv_handle_t *)&d->service_timer, NULL);
	uv_close((uv_handle_t *)&d->address_timer, NULL);
	uv_close((uv_handle_t *)&d->range_timer, NULL);
	free_ptr(&d->address_fault);
	free(d->upstreams);
	free(d->services);
	conf_free(&d->conf);
}
