#include "nearcastd/status.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "bgp/attr.h"
#include "lib/clock.h"
#include "nearcastd/daemon.h"
#include "nearcastd/fleet_status.h"
#include "nearcastd/keeper.h"
#include "nearcastd/tcpauth.h"

static double seconds_since(instant t)
{
	return span_to_s(instant_diff(clock_now(), t));
}

// Monotonic to wall clock, as of now.
static void out_time(struct out *o, const char *name, instant t)
{
	char text[TIME_TEXT];
	int64_t age_us = instant_diff(clock_now(), t).us;

	out_str(o, name, time_print(clock_unix_us() - age_us, text));
}

// no_llgr: the upstream's sessions add it.
static void communities_write(struct out *o, const struct bgp_attrs *a, bool no_llgr)
{
	const uint32_t llgr = 0xffff0007;
	char text[BGP_COMMUNITY_TEXT];

	out_array(o, "communities");
	for (size_t i = 0; a && i < a->plain_count; i++) {
		struct bgp_community c = bgp_community_from_u32(a->plain[i]);
		out_str(o, NULL, bgp_community_print(&c, text));
		no_llgr &= a->plain[i] != llgr;
	}
	if (a && no_llgr)
		out_str(o, NULL, "no-llgr");
	for (size_t i = 0; a && i < a->large_count; i++) {
		const struct bgp_large *l = &a->large[i];
		struct bgp_community c = { true, l->global, l->local1, l->local2 };
		out_str(o, NULL, bgp_community_print(&c, text));
	}
	out_end(o);
}

static bool carries(const struct upstream *u, const struct ip_prefix *prefix)
{
	return upstream_conf(u)->families &
	       (prefix->addr.family == IP4 ? BGP_FAMILY_IP4 : BGP_FAMILY_IP6);
}

// What the Adj-RIB-Out towards each upstream of that family holds for the
// prefix, and so not what was wished but what was sent.
static void told_write(struct out *o, const struct daemon *d, const struct ip_prefix *prefix)
{
	out_table(o, "upstreams");
	for (size_t i = 0; i < d->upstream_count; i++) {
		const struct upstream *u = d->upstreams[i];
		const struct bgp_attrs *a = NULL;
		if (!carries(u, prefix))
			continue;
		bool announced = bgp_peer_announced(upstream_peer(u), prefix, &a);
		out_object(o, NULL);
		out_str(o, "name", upstream_conf(u)->name);
		out_bool(o, "announced", announced);
		out_uint(o, "prepend", announced ? a->prepend : 0);
		if (announced && a->has_med)
			out_uint(o, "med", a->med);
		else
			out_null(o, "med");
		communities_write(o, announced ? a : NULL, upstream_conf(u)->no_llgr);
		out_str(o, "state", bgp_state_name(bgp_peer_state(upstream_peer(u))));
		out_bool(o, "comes_back", bgp_peer_hears(upstream_peer(u), prefix));
		out_end(o);
	}
	out_end(o);
}

static void check_write(struct out *o, const struct conf_check *c, const struct check_status *st)
{
	out_str(o, "name", c->name);
	out_str(o, "kind", health_kind_name(c->kind));
	out_str(o, "scope", health_scope_name(c->timing.scope));
	out_str(o, "result", check_state_name(st->state));
	out_time(o, "last_change", st->last_change);
	out_str(o, "detail", st->result->detail);
	out_str(o, "reason", health_reason_name(st->result->reason));
	out_str(o, "evidence", health_evidence_name(st->evidence));
	out_double(o, "last_change_seconds", seconds_since(st->last_change), 3);
	out_double(o, "took_ms", (double)st->took.us / 1000, 3);
}

static void told_prefix_write(struct out *o, const struct daemon *d, const struct service *s,
	const struct ip_prefix *prefix)
{
	char text[PREFIX_TEXT], since[TIME_TEXT];

	out_object(o, NULL);
	out_str(o, "prefix", prefix_print(prefix, text));
	out_str(o, "announce", announce_name(s->member.decision.announce));
	out_str(o, "reason", decide_reason_name(s->member.decision.reason));
	out_str(o, "since", time_print(s->since_unix_us, since));
	out_double(o, "since_seconds", seconds_since(s->member.since), 3);
	told_write(o, d, prefix);
	out_end(o);
}

static void service_checks_write(struct out *o, const struct daemon *d, const struct service *s)
{
	const struct conf_check *c = s->conf->checks.data;

	out_table(o, "checks");
	for (size_t i = 0; i < s->conf->checks.count; i++) {
		struct check_status st = checks_status(d->checks, service_index(d, s), i);
		out_object(o, NULL);
		check_write(o, &c[i], &st);
		out_end(o);
	}
	out_end(o);
}

// Seconds until t; null when that is not going to come.
static void out_seconds_until(struct out *o, const char *name, instant t)
{
	instant now = clock_now();

	if (instant_is_never(t))
		out_null(o, name);
	else // what is due is done in this turn of the loop or the next
		out_double(o, name, instant_due(t, now) ? 0 : span_to_s(instant_diff(t, now)), 3);
}

void drain_write(struct out *o, const char *name, const struct service *s)
{
	if (s->member.drain.stage == DRAIN_NONE) {
		out_null(o, name);
		return;
	}
	out_object(o, name);
	out_str(o, "stage", drain_stage_name(s->member.drain.stage));
	out_seconds_until(o, "next_seconds", s->member.drain.next);
	out_seconds_until(o, "until_seconds", s->member.drain.until);
	out_double(o, "hard_seconds", span_to_s(s->member.drain.hard), 3);
	out_str(o, "reason", s->drain_reason);
	uint64_t sessions;
	if (keep_sessions(s->daemon->keep, s, &sessions))
		out_uint(o, "sessions", sessions);
	else
		out_null(o, "sessions");
	out_end(o);
}

static void service_write(struct out *o, const struct daemon *d, const struct service *s)
{
	out_str(o, "name", s->conf->name);
	out_str(o, "health", health_name(service_health(d, s).health));
	out_str(o, "admin", admin_name(s->member.admin));
	drain_write(o, "drain", s);
	fleet_guard_write(o, "guard", d, s);
	service_checks_write(o, d, s);
}

// The head of a service, then prefix by prefix.
static bool services_unit(struct out *o, const char *name, const struct daemon *d, struct walk *w)
{
	const struct service *s = &d->services[w->i];

	walk_begin(o, name, w);
	if (w->i == d->service_count) {
		out_end(o);
		return false;
	}
	if (!w->inside) {
		out_object(o, NULL);
		service_write(o, d, s);
		out_array(o, "prefixes");
		w->inside = true;
		w->k = 0;
	} else if (w->k < s->conf->prefixes.count) {
		told_prefix_write(
			o, d, s, (const struct ip_prefix *)s->conf->prefixes.data + w->k++);
	} else {
		out_end(o);
		out_end(o);
		w->inside = false;
		w->i++;
	}
	return true;
}

const struct section services_sections[] = { { "services", .unit = services_unit }, {} };

static void checks_write(struct out *o, const char *name, const struct daemon *d)
{
	out_table(o, name);
	for (size_t i = 0; i < d->service_count; i++) {
		const struct service *s = &d->services[i];
		const struct conf_check *c = s->conf->checks.data;
		for (size_t k = 0; k < s->conf->checks.count; k++) {
			struct check_status st = checks_status(d->checks, i, k);
			out_object(o, NULL);
			out_str(o, "service", s->conf->name);
			check_write(o, &c[k], &st);
			out_end(o);
		}
	}
	out_end(o);
}

static void last_error_write(struct out *o, const struct bgp_peer *peer)
{
	const struct bgp_error *e = bgp_peer_last_error(peer);

	if (!e)
		out_null(o, "last_error");
	else if (e->code)
		out_strf(o, "last_error", "%s %s/%s: %s", e->sent ? "sent" : "received",
			bgp_code_name(e->code), bgp_subcode_name(e->code, e->subcode), e->text);
	else
		out_str(o, "last_error", e->text);
}

// Intervals as negotiated, before jitter.
static void bfd_write(struct out *o, const struct upstream *u)
{
	struct bfd_watch *w = upstream_bfd(u);
	struct bfd_vars v = w ? bfd_watch_vars(w) : (struct bfd_vars){};
	char error[BFD_WATCH_ERROR_TEXT];

	out_str(o, "bfd", w ? bfd_state_name(v.state) : NULL);
	out_str(o, "bfd_error", w ? bfd_watch_error(w, error) : NULL);
	out_double(o, "bfd_interval_ms", (double)v.tx_interval.us / 1000, 3);
	out_double(o, "bfd_detection_ms", (double)v.detection_time.us / 1000, 3);
}

// By the names of the capabilities; none while there is no session.
static void negotiated_write(struct out *o, const struct bgp_negotiated *n)
{
	static const struct bgp_negotiated nothing = {};
	const struct bgp_negotiated *a = n ? n : &nothing;
	const struct {
		bool holds;
		const char *name;
	} terms[] = {
		{ a->families & BGP_FAMILY_IP4, "ipv4" },
		{ a->families & BGP_FAMILY_IP6, "ipv6" },
		{ a->as4, "as4" },
		{ a->refresh, "route-refresh" },
		{ a->enhanced_refresh, "enhanced-refresh" },
		{ a->extended_messages, "extended-message" },
		{ a->extended_next_hop, "extended-next-hop" },
		{ a->paths_receive, "add-path-receive" },
		{ a->paths_send, "add-path-send" },
		{ a->graceful_restart, "graceful-restart" },
	};

	out_array(o, "negotiated");
	for (size_t i = 0; i < countof(terms); i++)
		if (terms[i].holds)
			out_str(o, NULL, terms[i].name);
	if (a->has_role)
		out_strf(o, NULL, "role-%s", bgp_role_name(a->role));
	out_end(o);
}

void upstream_write(struct out *o, const struct upstream *u)
{
	const struct conf_upstream *c = upstream_conf(u);
	const struct bgp_peer *peer = upstream_peer(u);
	const struct bgp_counters *n = bgp_peer_counters(peer);
	const struct bgp_negotiated *agreed = bgp_peer_negotiated(peer);
	char text[IP_TEXT], prefix[PREFIX_TEXT];

	out_str(o, "name", c->name);
	out_strf(o, "address", "%s%s%s", ip_print(&c->address, text), c->interface ? "%" : "",
		c->interface ? c->interface : "");
	out_uint(o, "as", c->as);
	out_str(o, "range", conf_upstream_is_range(c) ? prefix_print(&c->range, prefix) : NULL);
	out_str(o, "protection", tcpauth_name(c));
	out_str(o, "state", bgp_state_name(bgp_peer_state(peer)));
	out_double(o, "uptime_seconds", agreed ? seconds_since(bgp_peer_since(peer)) : 0, 3);
	out_uint(o, "sent", n->prefixes_sent);
	out_uint(o, "received", n->prefixes_received);
	bfd_write(o, u);
	last_error_write(o, peer);
	out_double(o, "hold_time_seconds", agreed ? span_to_s(agreed->hold_time) : 0, 0);
	negotiated_write(o, agreed);
	out_uint(o, "established", n->established);
	out_uint(o, "updates_out", n->updates_out);
	out_uint(o, "updates_in", n->updates_in);
}

static void upstreams_write(struct out *o, const char *name, const struct daemon *d)
{
	out_table(o, name);
	for (size_t i = 0; i < d->upstream_count; i++) {
		out_object(o, NULL);
		upstream_write(o, d->upstreams[i]);
		out_end(o);
	}
	out_end(o);
}

// Also those from which nobody has come.
static void ranges_write(struct out *o, const char *name, const struct daemon *d)
{
	char text[PREFIX_TEXT];

	out_table(o, name);
	items_for_each(const struct conf_upstream, r, d->conf->upstreams)
	{
		if (!conf_upstream_is_range(r))
			continue;
		out_object(o, NULL);
		out_str(o, "name", r->name);
		out_str(o, "range", prefix_print(&r->range, text));
		out_uint(o, "as", r->as);
		out_uint(o, "neighbours", range_neighbours(d, r));
		out_uint(o, "max_neighbours", r->max_neighbours);
		out_end(o);
	}
	out_end(o);
}

static void upstreams_show(struct out *o, const char *name, const struct daemon *d)
{
	upstreams_write(o, name, d);
	ranges_write(o, "ranges", d);
}

const struct section upstreams_sections[] = { { "upstreams", .whole = upstreams_show }, {} };

static void location_write(struct out *o, const struct conf_site *site)
{
	if (!site->has_lat) {
		out_null(o, "location");
		return;
	}
	out_object(o, "location");
	out_str(o, "city", site->city);
	out_double(o, "lat", site->lat, 4);
	out_double(o, "lon", site->lon, 4);
	out_end(o);
}

static void site_write(struct out *o, const char *, const struct daemon *d)
{
	out_str(o, "site", d->conf->site.name);
	out_str(o, "node", d->conf->node.name);
	location_write(o, &d->conf->site);
	out_str(o, "version", NEARCAST_VERSION);
	out_double(o, "uptime_seconds", seconds_since(d->started), 3);
	out_str(o, "watch_error", checks_watch_error(d->checks));
}

const struct section status_sections[] = {
	{ "site", .whole = site_write },
	{ "services", .unit = services_unit },
	{ "upstreams", .whole = upstreams_show },
	{ "fleet_services", .unit = fleet_services_unit },
	{ "fleet", .unit = fleet_nodes_unit },
	{ "fleet_sessions", .unit = fleet_sessions_unit },
	{ "fleet_conflicts", .whole = fleet_conflicts_write },
	{},
};

static void step_write(struct out *o, const char *step, const char *subject, const char *value,
	const char *detail, instant since)
{
	out_object(o, NULL);
	out_str(o, "step", step);
	out_str(o, "subject", subject);
	out_str(o, "value", value);
	out_str(o, "detail", detail);
	out_double(o, "since_seconds", seconds_since(since), 3);
	out_end(o);
}

static void check_steps_write(struct out *o, const struct daemon *d, const struct service *s)
{
	const struct conf_check *c = s->conf->checks.data;

	for (size_t i = 0; i < s->conf->checks.count; i++) {
		struct check_status st = checks_status(d->checks, service_index(d, s), i);
		char detail[200];
		snprintf(detail, sizeof(detail), "%s%s%s", health_reason_name(st.result->reason),
			*st.result->detail ? ": " : "", st.result->detail);
		step_write(
			o, "check", c[i].name, check_state_name(st.state), detail, st.last_change);
	}
}

static void admin_step_write(struct out *o, const struct service *s)
{
	char detail[400] = "", left[SPAN_TEXT];

	if (s->member.drain.stage == DRAIN_WITHDRAWN && instant_is_never(s->member.drain.next))
		snprintf(detail, sizeof(detail), "withdrawn as soon as the guard lets it");
	else if (s->member.drain.stage != DRAIN_NONE && !instant_is_never(s->member.drain.next))
		snprintf(detail, sizeof(detail), "%s for another %s",
			drain_stage_name(s->member.drain.stage),
			span_print(instant_diff(s->member.drain.next, clock_now()), left));
	step_write(o, "admin", s->conf->name, admin_name(s->member.admin), detail,
		s->member.admin_since);
}

static void guard_step_write(struct out *o, const struct daemon *d, const struct service *s)
{
	own(sb_free) struct strbuf detail = {};

	if (!d->fleet)
		return;
	fleet_explain(d, s, &detail);
	step_write(o, "guard", s->conf->name, guard_verdict_name(s->guard.verdict),
		sb_text(&detail), s->member.since);
}

static void chain_write(struct out *o, const struct daemon *d, const struct service *s)
{
	struct service_health h = checks_health(d->checks, service_index(d, s));
	instant now = clock_now();
	char left[SPAN_TEXT], detail[80];

	out_array(o, "chain");
	check_steps_write(o, d, s);
	step_write(o, "health", s->conf->name, health_name(service_health(d, s).health),
		h.evidence == EVIDENCE_NONE ? "" : health_evidence_name(h.evidence),
		s->member.health_since);
	admin_step_write(o, s);
	if (!s->member.addresses_ready)
		step_write(o, "address", s->conf->name, "missing", "", s->member.since);
	if (holddown_active(&s->member.holddown, now)) {
		snprintf(detail, sizeof(detail), "for another %s",
			span_print(instant_diff(s->member.holddown.until, now), left));
		step_write(o, "hold-down", s->conf->name, "active", detail, s->member.since);
	}
	if (recovery_waits(&s->member.recovery, now)) {
		snprintf(detail, sizeof(detail), "for another %s",
			span_print(instant_diff(s->member.recovery.due, now), left));
		step_write(o, "announce-after", s->conf->name, "waits", detail,
			s->member.health_since);
	}
	guard_step_write(o, d, s);
	step_write(o, "decision", s->conf->name, announce_name(s->member.decision.announce),
		decide_reason_text(s->member.decision.reason), s->member.since);
	out_end(o);
}

void why_write(struct out *o, const char *name, const struct daemon *d, const struct service *s,
	const struct ip_prefix *prefix)
{
	char text[PREFIX_TEXT], since[TIME_TEXT];

	out_object(o, name);
	out_str(o, "prefix", prefix_print(prefix, text));
	out_str(o, "service", s->conf->name);
	out_str(o, "announce", announce_name(s->member.decision.announce));
	out_str(o, "reason", decide_reason_name(s->member.decision.reason));
	out_str(o, "since", time_print(s->since_unix_us, since));
	out_double(o, "since_seconds", seconds_since(s->member.since), 3);
	out_uint(o, "event_seq", s->decision_event);
	chain_write(o, d, s);
	told_write(o, d, prefix);
	out_end(o);
}

static uint64_t resident_bytes(void)
{
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void memory_write(struct out *o, const char *name, const struct daemon *d)
{
	struct mallinfo2 heap = mallinfo2();

	out_object(o, name);
	out_uint(o, "resident_bytes", resident_bytes());
	out_uint(o, "heap_bytes", heap.uordblks);
	out_uint(o, "configuration_bytes", arena_bytes(d->conf->arena) + d->conf->doc.len);
	out_uint(o, "events_bytes", events_bytes(d->events));
	out_uint(o, "fleet_bytes", d->fleet ? fleet_view_bytes(fleet_view(d->fleet)) : 0);
	out_end(o);
}

const struct section checks_sections[] = { { "checks", .whole = checks_write }, {} };
const struct section memory_sections[] = { { "memory", .whole = memory_write }, {} };
