// One service: from the verdicts of its checks to what upstreams are told.
#include "nearcastd/daemon.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "bgp/attr.h"
#include "lib/clock.h"
#include "lib/mem.h"

static const struct conf_announce *of_service(
	const struct conf_service *cs, enum announce_grade grade)
{
	return grade == GRADE_DEGRADED   ? &cs->degraded
	       : grade == GRADE_DRAINING ? &cs->draining
					 : &cs->up;
}

static const struct conf_announce *of_upstream(
	const struct conf_upstream *cu, enum announce_grade grade)
{
	return grade == GRADE_DEGRADED   ? &cu->degraded
	       : grade == GRADE_DRAINING ? &cu->draining
					 : &cu->up;
}

// The service's attributes with what one upstream hears beside them.
static struct bgp_attrs *build_attrs(
	const struct conf *conf, const struct conf_announce *a, const struct conf_announce *more)
{
	size_t n = a->communities.count, m = more->communities.count;
	own(free_ptr) struct bgp_community *c = mem_zalloc((n + m + 1) * sizeof(*c));
	uint64_t prepend = a->prepend + more->prepend;
	struct bgp_attrs_spec spec = {
		.origin = BGP_ORIGIN_IGP,
		.prepend = prepend < BGP_PREPEND_MAX ? (unsigned)prepend : BGP_PREPEND_MAX,
		.has_med = a->has_med || more->has_med,
		.med = (uint32_t)(more->has_med ? more->med : a->med),
		.communities = c,
		.community_count = n + m + conf->has_site_tag,
	};

	if (n)
		memcpy(c, a->communities.data, n * sizeof(*c));
	if (m)
		memcpy(c + n, more->communities.data, m * sizeof(*c));
	if (conf->has_site_tag)
		c[n + m] = conf->site_tag;
	struct bgp_attrs *attrs = NULL;
	int rc = bgp_attrs_new(&attrs, &spec);
	assert(rc == 0); // conf/ refuses what an UPDATE cannot hold
	return attrs;
}

// Upstreams that hear the same share one set: it is what the RIB-Out groups by.
static struct bgp_attrs *shared(
	struct service *s, size_t upstream, enum announce_grade grade, struct bgp_attrs *attrs)
{
	for (size_t i = 0; i < upstream; i++) {
		struct bgp_attrs *other = s->attrs[i * GRADE_MAX + grade];
		if (!bgp_attrs_equal(other, attrs))
			continue;
		bgp_attrs_unref(&attrs);
		return bgp_attrs_ref(other);
	}
	return attrs;
}

static void make_attrs(struct service *s, const struct conf *conf)
{
	const struct conf_upstream *cu = conf->upstreams.data;

	s->attrs_count = conf->upstreams.count * GRADE_MAX;
	s->attrs = mem_zalloc(s->attrs_count * sizeof(struct bgp_attrs *));
	for (size_t i = 0; i < conf->upstreams.count; i++)
		for (enum announce_grade g = 0; g < GRADE_MAX; g++)
			s->attrs[i * GRADE_MAX + g] = shared(s, i, g,
				build_attrs(conf, of_service(s->conf, g), of_upstream(&cu[i], g)));
}

// min-sites: 0 asks for no guard at all.
static bool is_guarded(const struct conf *conf, const struct conf_service *cs)
{
	const struct conf_min_sites *m = &cs->guard.min_sites;

	return conf->fleet.count > 0 && (m->share || m->value > 0);
}

static struct member_config member_config(const struct conf *conf, const struct conf_service *cs)
{
	return (struct member_config){
		.hold_down_first = cs->hold_down_first,
		.hold_down_max = cs->hold_down_max,
		.announce_after = cs->announce_after,
		.drain_soft = cs->drain_soft,
		.drain_hard = cs->drain_hard,
		.guarded = is_guarded(conf, cs),
		.policy = {
			.min_sites = { cs->guard.min_sites.share, cs->guard.min_sites.value },
			.isolated_hold = cs->guard.isolated == CONF_ISOLATED_HOLD,
		},
		.guard_wait = cs->guard.wait,
		.priority = (uint16_t)cs->guard.priority,
	};
}

static void take_capacity(struct service *s)
{
	s->member.has_capacity = s->conf->guard.has_capacity;
	s->member.capacity = (uint32_t)s->conf->guard.capacity;
	if (!s->load)
		s->member.has_load = false;
}

void service_init(
	struct service *s, struct daemon *d, const struct conf *conf, const struct conf_service *cs)
{
	const struct member_config config = member_config(conf, cs);

	*s = (struct service){
		.conf = cs,
		.daemon = d,
		.empty_since = INSTANT_NEVER,
		.look_back = INSTANT_NEVER,
		.load_told = INSTANT_NEVER,
	};
	member_init(&s->member, &config, clock_now());
	member_set_unheard(&s->member, !daemon_is_heard(d));
	s->since_unix_us = clock_unix_us();
	if (cs->guard.load_file)
		s->load = load_file_new(cs->guard.load_file);
	take_capacity(s);
	make_attrs(s, conf);
}

void service_adopt(struct daemon *d, struct service *new, struct service *old)
{
	const struct member_config config = new->member.config;

	new->carried = service_health(d, old);
	new->health_carried = true;
	new->member = old->member;
	member_configure(&new->member, &config);
	take_capacity(new);
	new->drain_reason = take(old->drain_reason);
	new->decision_event = old->decision_event;
	new->look_back = old->look_back;
	new->since_unix_us = old->since_unix_us;
	new->guard = old->guard;
	new->load_problem = old->load_problem;
	new->load_told = old->load_told;
	new->word = old->word;
	old->word = (struct fleet_word){};
}

void service_clear(struct service *s)
{
	for (size_t i = 0; i < s->attrs_count; i++)
		bgp_attrs_unref(&s->attrs[i]);
	free_ptr(&s->attrs);
	free_ptr(&s->drain_reason);
	load_file_free(&s->load);
	fleet_word_clear(&s->word);
}

size_t service_index(const struct daemon *d, const struct service *s)
{
	return (size_t)(s - d->services);
}

struct service_health service_health(const struct daemon *d, const struct service *s)
{
	struct service_health now = checks_health(d->checks, service_index(d, s));

	return now.health == HEALTH_STARTING && s->health_carried ? s->carried : now;
}

struct service *service_find(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->service_count; i++)
		if (strcmp(d->services[i].conf->name, name) == 0)
			return &d->services[i];
	return NULL;
}

struct service *service_of_prefix(const struct daemon *d, const struct ip_prefix *prefix)
{
	const struct conf_service *cs = conf_service_of_prefix(d->conf, prefix);

	return cs ? &d->services[cs - (const struct conf_service *)d->conf->services.data] : NULL;
}

// The longest, as routers choose.
const struct ip_prefix *prefix_of_address(
	const struct daemon *d, const struct ip_addr *address, const struct service **service)
{
	const struct ip_prefix *best = NULL;

	for (size_t i = 0; i < d->service_count; i++) {
		items_for_each(struct ip_prefix, p, d->services[i].conf->prefixes)
		{
			if (!prefix_contains(p, address) || (best && best->len >= p->len))
				continue;
			*service = &d->services[i];
			best = p;
		}
	}
	return best;
}

static void tell(const struct daemon *d, const struct service *s, struct upstream *u)
{
	size_t index =
		(size_t)(upstream_entry(u) - (struct conf_upstream *)d->conf->upstreams.data);
	const struct decision *decision = &s->member.decision;
	struct bgp_attrs *attrs = s->attrs[index * GRADE_MAX + decision->grade];

	items_for_each(struct ip_prefix, p, s->conf->prefixes)
	{
		if (decision->announce == ANNOUNCE_WITHDRAWN)
			upstream_withdraw(u, p);
		else
			upstream_announce(u, p, attrs);
	}
}

void services_tell(struct daemon *d, struct upstream *u)
{
	for (size_t i = 0; i < d->service_count; i++)
		tell(d, &d->services[i], u);
}

static void note_drain_step(struct daemon *d, struct service *s, bool was_drained);
static void arm_timer(struct daemon *d);

// Some time after a withdrawal: does any neighbour still send it back?
static void look_back(struct daemon *d, struct service *s)
{
	char prefix[PREFIX_TEXT];

	if (!instant_due(s->look_back, clock_now()))
		return;
	s->look_back = INSTANT_NEVER;
	items_for_each(struct ip_prefix, p, s->conf->prefixes)
	{
		for (size_t i = 0; i < d->upstream_count; i++) {
			const struct upstream *u = d->upstreams[i];
			struct event_fields f = {
				.subject = prefix_print(p, prefix),
				.reason = "site-tag",
				.upstream = upstream_conf(u)->name,
				.detail = "withdrawn, and it still comes back with our tag",
				.cause_seq = s->decision_event,
			};
			if (bgp_peer_hears(upstream_peer(u), p))
				events_add(d->events, EVENT_STILL_VISIBLE, &f);
		}
	}
}

static void on_service_timer(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	for (size_t i = 0; i < d->service_count; i++) {
		struct service *s = &d->services[i];
		struct member *m = &s->member;
		bool was_drained = m->drain.stage == DRAIN_DRAINED;
		for (; member_tick(m, clock_now()); was_drained = m->drain.stage == DRAIN_DRAINED)
			note_drain_step(d, s, was_drained);
		service_decide(d, s, 0);
		look_back(d, s);
	}
	arm_timer(d);
}

void service_emptied(struct daemon *d, struct service *s)
{
	if (s->member.drain.stage != DRAIN_WITHDRAWN ||
		s->member.decision.announce != ANNOUNCE_WITHDRAWN)
		return; // the guard holds it
	s->member.drain.next = clock_now();
	uv_timer_start(&d->service_timer, on_service_timer, 0, 0);
}

// One timer for all services.
static void arm_timer(struct daemon *d)
{
	instant next = INSTANT_NEVER;

	for (size_t i = 0; i < d->service_count; i++) {
		const struct service *s = &d->services[i];
		next = instant_min(next, member_deadline(&s->member));
		next = instant_min(next, s->look_back);
	}
	d->service_timer.data = d;
	if (instant_is_never(next))
		uv_timer_stop(&d->service_timer);
	else
		uv_timer_start(
			&d->service_timer, on_service_timer, clock_ms_until(next, clock_now()), 0);
}

// The event comes after the words are on the wire, but its seq must be known
// before, as the cause of what the upstreams' events say: so it is added
// first, and the log is written when the loop has nothing more urgent.
static void note_decision(struct daemon *d, struct service *s, uint64_t cause)
{
	char detail[128];

	snprintf(detail, sizeof(detail), "%s: %s", announce_name(s->member.decision.announce),
		decide_reason_text(s->member.decision.reason));
	struct event_fields f = {
		.subject = s->conf->name,
		.reason = decide_reason_name(s->member.decision.reason),
		.detail = detail,
		.cause_seq = cause,
	};
	s->decision_event = events_add(d->events, EVENT_DECIDED, &f);
}

static void tell_upstreams(struct daemon *d, struct service *s)
{
	for (size_t i = 0; i < d->upstream_count; i++)
		tell(d, s, d->upstreams[i]);
	for (size_t i = 0; i < d->upstream_count; i++)
		upstream_flush(d->upstreams[i]);
}

static bool is_held(enum decide_reason r)
{
	return r == REASON_GUARD_HOLD || r == REASON_ISOLATED;
}

// The guard steps in, or lets go: between the cause and the decision.
static uint64_t note_guard(
	struct daemon *d, struct service *s, enum decide_reason before, uint64_t cause)
{
	enum decide_reason now = s->member.decision.reason;
	own(sb_free) struct strbuf detail = {};

	if (is_held(before) == is_held(now))
		return cause;
	fleet_explain(d, s, &detail);
	struct event_fields f = {
		.subject = s->conf->name,
		.reason = decide_reason_name(now),
		.detail = sb_text(&detail),
		.cause_seq = cause,
	};
	return events_add(d->events, is_held(now) ? EVENT_GUARD_HOLD : EVENT_GUARD_RELEASE, &f);
}

// What follows from such a decision by time alone, or by what others do, has it as its cause.
static bool is_wait(enum decide_reason r)
{
	return r == REASON_HOLD_DOWN || r == REASON_RECOVERING || r == REASON_GUARD_TELLS ||
	       r == REASON_GUARD_WAITS || is_held(r);
}

// Worse news go to the fleet first, so that nobody counts on a node that is about to go; better
// ones when they are true.
static void take_decision(
	struct daemon *d, struct service *s, const struct decision *before, uint64_t cause)
{
	const struct decision *now = &s->member.decision;

	if (!cause && is_wait(before->reason))
		cause = s->decision_event;
	s->since_unix_us = clock_unix_us();
	note_decision(d, s, note_guard(d, s, before->reason, cause));
	if (now->announce < before->announce)
		fleet_say(d->fleet, s);
	tell_upstreams(d, s);
	bool watched = now->announce == ANNOUNCE_WITHDRAWN && d->conf->has_site_tag;
	s->look_back =
		watched ? instant_add(s->member.since, d->conf->visible_after) : INSTANT_NEVER;
}

void service_decide(struct daemon *d, struct service *s, uint64_t cause)
{
	struct service_health h = service_health(d, s);
	struct member *m = &s->member;
	const struct decision before = m->decision;
	instant now = clock_now();

	member_health(m, now, h.health, h.evidence);
	m->stopping = d->stopping;
	bool changed = member_decide(
		m, now, fleet_view(d->fleet), s->conf->prefixes.data, s->conf->prefixes.count);
	s->guard = fleet_guard(d->fleet, s);
	if (changed)
		take_decision(d, s, &before, cause);
	fleet_say(d->fleet, s);
	arm_timer(d);
}

uint64_t service_set_admin(
	struct daemon *d, struct service *s, enum admin admin, const char *reason, bool forced)
{
	bool drained = s->member.drain.stage != DRAIN_NONE;

	if (s->member.admin == admin)
		return 0;
	member_set_admin(&s->member, clock_now(), admin, forced); // the operator's last word counts
	if (drained)
		daemon_put_addresses(d);
	struct event_fields f = {
		.subject = s->conf->name,
		.reason = admin_name(admin),
		.detail = reason,
		.cause_seq = 0,
	};
	uint64_t seq = events_add(d->events, EVENT_ADMIN_CHANGED, &f);
	service_decide(d, s, seq);
	return seq;
}

// What each stage of a drain means for people.
static const char *const drain_texts[] = {
	[DRAIN_NONE] = "back in service",
	[DRAIN_DEMOTED] = "announced as draining, serving",
	[DRAIN_WITHDRAWN] = "withdrawn, serving what still arrives",
	[DRAIN_DRAINED] = "out of service, addresses released",
};
static_assert(countof(drain_texts) == DRAIN_STAGE_MAX);

static uint64_t note_drain(struct daemon *d, struct service *s)
{
	enum drain_stage stage = s->member.drain.stage;
	const char *reason = s->drain_reason;
	char detail[400];

	snprintf(detail, sizeof(detail), "%s%s%s", drain_texts[stage], reason ? ": " : "",
		reason ? reason : "");
	struct event_fields f = {
		.subject = s->conf->name,
		.reason = drain_stage_name(stage),
		.detail = detail,
	};
	return events_add(d->events, EVENT_DRAIN, &f);
}

// The way out: first the announcement goes, then the addresses. The way back is the other way
// round.
static void note_drain_step(struct daemon *d, struct service *s, bool was_drained)
{
	bool drained = s->member.drain.stage == DRAIN_DRAINED;
	uint64_t seq = note_drain(d, s);

	if (was_drained && !drained)
		daemon_put_addresses(d);
	service_decide(d, s, seq);
	if (drained)
		daemon_put_addresses(d);
}

static void set_drain_reason(struct service *s, const char *reason)
{
	free_ptr(&s->drain_reason);
	if (reason)
		s->drain_reason = mem_strdup(reason);
}

uint64_t service_drain(
	struct daemon *d, struct service *s, span lasts, const char *reason, bool forced)
{
	bool begins = s->member.drain.stage == DRAIN_NONE;

	// Said once it holds to the end of the drain.
	member_drain(&s->member, clock_now(), lasts, forced || (!begins && s->member.forced));
	set_drain_reason(s, reason);
	if (begins)
		note_drain_step(d, s, false);
	else
		service_decide(d, s, 0); // its end, or the word of the guard, may be another one
	return s->decision_event;
}

uint64_t service_undrain(struct daemon *d, struct service *s, const char *reason)
{
	bool was_drained = s->member.drain.stage == DRAIN_DRAINED;

	if (s->member.drain.stage == DRAIN_NONE)
		return 0;
	member_undrain(&s->member, clock_now());
	set_drain_reason(s, reason);
	note_drain_step(d, s, was_drained);
	set_drain_reason(s, NULL);
	return s->decision_event;
}

// The kernel's news: the cause of the check verdict that follows.
static void note_loss(struct daemon *d, size_t index, enum event_type type, const char *detail)
{
	struct service *s = &d->services[index];
	struct event_fields f = {
		.subject = s->conf->name,
		.reason = "kernel",
		.detail = detail,
	};

	s->socket_event = events_add(d->events, type, &f);
}

static void on_socket(void *ctx, size_t index, const char *detail)
{
	note_loss(ctx, index, EVENT_SOCKET_CLOSED, detail);
}

static void on_address(void *ctx, size_t index, const char *detail)
{
	struct daemon *d = ctx;
	size_t before = addresses_added(d->addresses);

	note_loss(d, index, EVENT_ADDRESS_REMOVED, detail);
	uint64_t seq = d->services[index].socket_event;
	d->services[index].member.addresses_ready = false; // unless it is seen to be there
	daemon_keep_addresses(d, seq);
	if (addresses_added(d->addresses) == before)
		return;
	struct event_fields f = {
		.subject = d->services[index].conf->name,
		.reason = "put-back",
		.detail = detail,
		.cause_seq = seq,
	};
	events_add(d->events, EVENT_ADDRESS_ADDED, &f);
}

static void on_check(void *ctx, size_t index, size_t check, enum check_state, enum check_state to,
	const struct health_result *result)
{
	struct daemon *d = ctx;
	struct service *s = &d->services[index];
	const struct conf_check *c = (struct conf_check *)s->conf->checks.data + check;
	char subject[160];

	snprintf(subject, sizeof(subject), "%s/%s", s->conf->name, c->name);
	struct event_fields f = {
		.subject = subject,
		.reason = health_reason_name(result->reason),
		.detail = result->detail,
		// A pass is not the work of a socket that went away.
		.cause_seq = to == CHECK_DOWN ? s->socket_event : 0,
	};
	s->check_event =
		events_add(d->events, to == CHECK_UP ? EVENT_CHECK_PASSED : EVENT_CHECK_FAILED, &f);
	if (to == CHECK_UP)
		s->socket_event = 0;
}

static void on_health(void *ctx, size_t index)
{
	struct daemon *d = ctx;
	struct service *s = &d->services[index];
	struct service_health h = service_health(d, s);

	// One that is down may have checks that have not said anything: then it is what it was again.
	if (h.health != HEALTH_DOWN && checks_health(d->checks, index).health != HEALTH_STARTING)
		s->health_carried = false;
	if (h.health == s->member.health) {
		service_decide(d, s, s->check_event); // only the evidence changed
		return;
	}
	struct event_fields f = {
		.subject = s->conf->name,
		.reason = health_name(h.health),
		.detail = h.evidence == EVIDENCE_NONE ? NULL : health_evidence_name(h.evidence),
		.cause_seq = s->check_event,
	};
	service_decide(d, s, events_add(d->events, EVENT_HEALTH_CHANGED, &f));
}

const struct checks_ops service_checks_ops = {
	.on_check = on_check,
	.on_health = on_health,
	.on_socket = on_socket,
	.on_address = on_address,
};
