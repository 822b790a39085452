#include "nearcastd/fleet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/attr.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/daemon.h"
#include "nearcastd/fleet_load.h"

enum {
	SETTLE_S = 10, // so long nobody's silence counts as being alone
};

struct fleet {
	struct daemon *d;
	struct fleet_view *view;
	struct fleet_peer **peers; // the configuration's order
	size_t count;
	bool taken[FLEET_SESSIONS_MAX]; // numbers of sessions
	uint32_t serial;                // of what was said last
	instant settle_at;
	uv_timer_t *timer; // the view's next moment
	uint64_t down;     // the event of a session that went since news were heard last; 0: none
};

// ---- Sessions ----

static const struct ip_prefix *prefix_at(const struct service *s, size_t i)
{
	return (const struct ip_prefix *)s->conf->prefixes.data + i;
}

static void tell_peer(const struct fleet_peer *p, const struct service *s)
{
	for (size_t i = 0; i < s->conf->prefixes.count; i++)
		upstream_announce(p->upstream, prefix_at(s, i), s->word.attrs);
}

static void unsendable_event(
	struct daemon *d, const struct upstream *u, const struct bgp_action *what)
{
	char prefix[PREFIX_TEXT];
	struct event_fields f = {
		.subject = prefix_print(&what->prefix, prefix),
		.reason = "fleet",
		.upstream = upstream_conf(u)->name,
		.detail = what->error.text,
	};

	events_add(d->events, EVENT_UNSENDABLE, &f);
}

// What the fleet was told is no event of its own: the decision before it is one.
static void on_event(void *ctx, struct upstream *u, const struct bgp_action *what)
{
	struct fleet_peer *p = ctx;
	struct daemon *d = p->fleet->d;

	switch (what->event) {
	case BGP_EVENT_ESTABLISHED:
		(void)daemon_session_event(d, EVENT_FLEET_UP, u, what);
		break;
	case BGP_EVENT_DOWN:
		p->fleet->down = daemon_session_event(d, EVENT_FLEET_DOWN, u, what);
		fleet_view_session_down(p->fleet->view, clock_now(), p->index);
		break;
	case BGP_EVENT_UNSENDABLE:
		unsendable_event(d, u, what);
		break;
	case BGP_EVENT_STATE:
	case BGP_EVENT_ANNOUNCED:
	case BGP_EVENT_WITHDRAWN:
	case BGP_EVENT_RECEIVED:
		break;
	}
}

static uint64_t on_bfd(void *ctx, struct upstream *u, const struct bfd_news *news)
{
	struct fleet_peer *p = ctx;

	return daemon_upstream_ops.bfd(p->fleet->d, u, news);
}

static void on_routes(void *ctx, struct upstream *u, const struct bgp_update *update)
{
	struct fleet_peer *p = ctx;
	const struct bgp_negotiated *n = bgp_peer_negotiated(upstream_peer(u));
	const struct fleet_session session = {
		.index = p->index,
		.bgp_id = n ? n->peer_id : 0,
		.address = upstream_conf(u)->address,
		.role = p->role,
	};

	p->told |= update->end_of_rib != 0;
	fleet_view_update(p->fleet->view, clock_now(), &session, update);
}

static const struct upstream_ops peer_ops = {
	.event = on_event,
	.bfd = on_bfd,
	.routes = on_routes,
};

static enum fleet_role role_of(const struct conf_upstream *cu)
{
	return !cu->has_reflector ? FLEET_LEARNED : cu->reflector ? FLEET_REFLECTOR : FLEET_NODE;
}

static unsigned free_index(const struct fleet *f)
{
	unsigned i = 0;

	while (f->taken[i])
		i++;
	assert(i < FLEET_SESSIONS_MAX);
	return i;
}

static struct fleet_peer *peer_new(struct fleet *f, const struct conf_upstream *cu)
{
	struct daemon *d = f->d;
	struct fleet_peer *p = mem_zalloc(sizeof(*p));

	p->fleet = f;
	p->index = free_index(f);
	p->role = role_of(cu);
	f->taken[p->index] = true;
	p->upstream = upstream_new(
		d->loop, d->bfd, d->conf, cu, &peer_ops, p, d->rng_seed ^ ~(uint64_t)p->index);
	for (size_t i = 0; i < d->service_count; i++)
		if (d->services[i].word.attrs)
			tell_peer(p, &d->services[i]);
	return p;
}

static void peer_free(struct fleet_peer **pp)
{
	struct fleet_peer *p = take(*pp);

	if (!p)
		return;
	fleet_view_session_down(p->fleet->view, clock_now(), p->index);
	p->fleet->taken[p->index] = false;
	upstream_free(&p->upstream);
	free(p);
}

struct upstream *fleet_session(const struct fleet *f, const struct ip_addr *remote)
{
	for (size_t i = 0; f && i < f->count; i++)
		if (ip_equal(&upstream_conf(f->peers[i]->upstream)->address, remote))
			return f->peers[i]->upstream;
	return NULL;
}

size_t fleet_peer_count(const struct fleet *f)
{
	return f ? f->count : 0;
}

bool fleet_all_told(const struct fleet *f)
{
	bool all = true;

	for (size_t i = 0; f && i < f->count; i++)
		all &= f->peers[i]->told;
	return all;
}

const struct fleet_peer *fleet_peer_at(const struct fleet *f, size_t i)
{
	return f->peers[i];
}

struct fleet_view *fleet_view(const struct fleet *f)
{
	return f ? f->view : NULL;
}

// ---- Saying ----

void fleet_word_clear(struct fleet_word *w)
{
	bgp_attrs_unref(&w->attrs);
}

// A serial for each change of whatever service: it never outruns the clock that the next run of
// this daemon begins at, as long as there is less than one change a second for long.
static struct bgp_attrs *encode(struct fleet *f, const struct fleet_state *state)
{
	struct bgp_community communities[FLEET_COMMUNITIES_MAX];
	struct bgp_attrs_spec spec = {
		.origin = BGP_ORIGIN_IGP,
		.communities = communities,
		.community_count = fleet_state_encode(state, (uint32_t)f->d->conf->as, communities),
		.fleet = true,
	};
	struct bgp_attrs *attrs = NULL;
	int rc = bgp_attrs_new(&attrs, &spec);

	assert(rc == 0); // a state fits: fleet/state.h
	return attrs;
}

static void name_it(const struct conf *conf, struct fleet_state *state)
{
	state->node = (uint16_t)conf->node.id;
	snprintf(state->site, sizeof(state->site), "%s", conf->site.name);
	snprintf(state->name, sizeof(state->name), "%s", conf->node.name);
}

void fleet_say(struct fleet *f, struct service *s)
{
	struct fleet_word *w = &s->word;
	struct fleet_state state = member_say(&s->member);

	if (!f)
		return;
	name_it(f->d->conf, &state);
	if (w->attrs && fleet_state_equal(&state, &w->state))
		return;
	state.serial = ++f->serial;
	w->state = state;
	bgp_attrs_unref(&w->attrs);
	w->attrs = encode(f, &state);
	items_for_each(const struct ip_prefix, p, s->conf->prefixes)
	{
		fleet_view_touch(f->view, p);
	}
	for (size_t i = 0; i < f->count; i++) {
		tell_peer(f->peers[i], s);
		upstream_flush(f->peers[i]->upstream);
	}
}

void fleet_say_all(struct fleet *f)
{
	for (size_t i = 0; f && i < f->d->service_count; i++) {
		fleet_say(f, &f->d->services[i]);
		for (size_t k = 0; k < f->count; k++)
			tell_peer(f->peers[k], &f->d->services[i]);
	}
	for (size_t k = 0; f && k < f->count; k++)
		upstream_flush(f->peers[k]->upstream);
}

// ---- Hearing ----

static uint64_t site_event(struct fleet *f, enum event_type type, const struct fleet_news *n)
{
	struct event_fields fields = {
		.subject = n->subject,
		.reason = type == EVENT_SITE_LOST ? "lost" : "seen",
		.cause_seq = type == EVENT_SITE_LOST ? f->down : 0,
	};

	return events_add(f->d->events, type, &fields);
}

static uint64_t conflict_event(struct fleet *f, enum event_type type, const struct fleet_news *n)
{
	struct event_fields fields = {
		.subject = n->subject,
		.reason = type == EVENT_FLEET_CONFLICT ? "conflict" : "over",
		.detail = n->text,
	};

	return events_add(f->d->events, type, &fields);
}

static uint64_t refused_event(struct fleet *f, enum event_type type, const struct fleet_news *n)
{
	char address[IP_TEXT];
	const struct conf_upstream *cu = NULL;

	for (size_t i = 0; i < f->count; i++)
		if (f->peers[i]->index == n->session)
			cu = upstream_conf(f->peers[i]->upstream);
	if (!cu)
		return 0; // the session is gone
	struct event_fields fields = {
		.subject = ip_print(&cu->address, address),
		.reason = fleet_refusal_name(n->refusal),
		.upstream = cu->name,
		.detail = n->text,
	};
	return events_add(f->d->events, type, &fields);
}

static const struct {
	enum event_type type;
	uint64_t (*add)(struct fleet *f, enum event_type type, const struct fleet_news *n);
} news_events[] = {
	[FLEET_CHANGED] = { EVENT_TYPE_MAX, NULL },
	[FLEET_SITE_SEEN] = { EVENT_SITE_SEEN, site_event },
	[FLEET_SITE_LOST] = { EVENT_SITE_LOST, site_event },
	[FLEET_CONFLICT] = { EVENT_FLEET_CONFLICT, conflict_event },
	[FLEET_AGREED] = { EVENT_FLEET_AGREED, conflict_event },
	[FLEET_REFUSED] = { EVENT_FLEET_REFUSED, refused_event },
};

// What is new becomes events and services to be decided; the seq of the latest event about a site.
static uint64_t take_news(struct fleet *f, bool *concerned)
{
	struct fleet_news n;
	uint64_t cause = 0;

	while (fleet_view_next(f->view, &n)) {
		const struct service *s = NULL;
		uint64_t seq = 0;
		if (n.kind == FLEET_CHANGED)
			s = service_of_prefix(f->d, &n.prefix);
		else
			seq = news_events[n.kind].add(f, news_events[n.kind].type, &n);
		if (s)
			concerned[service_index(f->d, s)] = true;
		if (n.kind == FLEET_SITE_SEEN || n.kind == FLEET_SITE_LOST)
			cause = seq;
	}
	return cause ? cause : f->down;
}

static void arm_timer(struct fleet *f);

void fleet_hear(struct fleet *f)
{
	enum { ROUNDS = 4 }; // deciding may bring out a conflict
	bool again = f != NULL;

	for (int round = 0; again && round < ROUNDS; round++) {
		own(free_ptr) bool *concerned = mem_zalloc(f->d->service_count);
		uint64_t cause = take_news(f, concerned);

		again = false;
		for (size_t i = 0; i < f->d->service_count; i++) {
			if (!concerned[i])
				continue;
			service_decide(f->d, &f->d->services[i], cause);
			again = true;
		}
		f->down = 0;
		if (again)
			arm_timer(f);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct fleet *f = timer->data;
	instant now = clock_now();

	fleet_view_tick(f->view, now);
	if (instant_due(f->settle_at, now))
		fleet_view_settle(f->view);
	arm_timer(f);
}

static void arm_timer(struct fleet *f)
{
	instant next = fleet_view_deadline(f->view);

	if (!fleet_view_is_settled(f->view))
		next = instant_min(next, f->settle_at);
	if (instant_is_never(next))
		uv_timer_stop(f->timer);
	else
		uv_timer_start(f->timer, on_timer, clock_ms_until(next, clock_now()), 0);
}

// ---- Begin, end and reload ----

static void follow(struct fleet *f, const struct conf *conf)
{
	items_for_each(const struct conf_service, s, conf->services)
	{
		items_for_each(const struct ip_prefix, p, s->prefixes)
			fleet_view_follow(f->view, p);
	}
}

struct fleet *fleet_new(struct daemon *d)
{
	const struct conf *conf = d->conf;
	const struct fleet_view_config config = {
		.as = (uint32_t)conf->as,
		.router_id = ip_to_u32(&conf->router_id),
		.node = (uint16_t)conf->node.id,
		.site = conf->site.name,
		.name = conf->node.name,
		.forget = span_s(FLEET_FORGET_S),
		.generation = (uint64_t)clock_unix_us(),
	};

	if (conf->fleet.count == 0)
		return NULL;
	struct fleet *f = mem_zalloc(sizeof(*f));
	f->d = d;
	f->view = fleet_view_new(&config);
	f->serial = (uint32_t)(clock_unix_us() / 1000000);
	f->settle_at = instant_add(clock_now(), span_s(SETTLE_S));
	f->timer = mem_zalloc(sizeof(*f->timer));
	uv_timer_init(d->loop, f->timer);
	f->timer->data = f;
	follow(f, conf);
	f->peers = mem_zalloc(conf->fleet.count * sizeof(struct fleet_peer *));
	items_for_each(const struct conf_upstream, cu, conf->fleet) f->peers[f->count++] =
		peer_new(f, cu);
	return f;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void fleet_free(struct fleet **fp)
{
	struct fleet *f = take(*fp);

	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		peer_free(&f->peers[i]);
	fleet_view_free(&f->view);
	uv_close((uv_handle_t *)f->timer, free_handle);
	free(f->peers);
	free(f);
}

void fleet_start(struct fleet *f)
{
	for (size_t i = 0; f && i < f->count; i++)
		upstream_start(f->peers[i]->upstream);
	if (f)
		arm_timer(f);
}

void fleet_stop(struct fleet *f, const char *why)
{
	for (size_t i = 0; f && i < f->count; i++)
		upstream_stop(f->peers[i]->upstream, BGP_CEASE_ADMIN_SHUTDOWN, why);
}

// Who this node is to the others; a node that becomes another begins anew.
static bool is_same_node(const struct conf *a, const struct conf *b)
{
	return a->as == b->as && ip_equal(&a->router_id, &b->router_id) &&
	       a->node.id == b->node.id && strcmp(a->site.name, b->site.name) == 0 &&
	       strcmp(a->node.name, b->node.name) == 0;
}

static const struct conf_upstream *find_entry(const struct conf *conf, const char *name)
{
	items_for_each(const struct conf_upstream, cu, conf->fleet)
	{
		if (strcmp(cu->name, name) == 0)
			return cu;
	}
	return NULL;
}

static void end_peer(struct fleet_peer **p, const struct conf *conf)
{
	bool stays = find_entry(conf, upstream_conf((*p)->upstream)->name);

	upstream_stop((*p)->upstream, stays ? BGP_CEASE_CONFIG_CHANGE : BGP_CEASE_DECONFIGURED,
		"configuration changed");
	peer_free(p);
}

// Sessions whose settings are as they were go on.
static void replace_peers(struct fleet *f, const struct conf *conf)
{
	size_t count = conf->fleet.count;
	struct fleet_peer **peers = mem_zalloc(count * sizeof(struct fleet_peer *));

	for (size_t i = 0; i < f->count; i++) {
		struct upstream *u = f->peers[i]->upstream;
		const struct conf_upstream *cu = find_entry(conf, upstream_conf(u)->name);
		if (!cu || !upstream_unchanged(u, conf, cu) || role_of(cu) != f->peers[i]->role) {
			end_peer(&f->peers[i], conf);
			continue;
		}
		upstream_rebind(u, conf, cu);
		peers[cu - (const struct conf_upstream *)conf->fleet.data] = f->peers[i];
	}
	free(f->peers);
	f->peers = peers;
	f->count = count;
	for (size_t i = 0; i < count; i++) {
		if (peers[i])
			continue;
		peers[i] = peer_new(f, (const struct conf_upstream *)conf->fleet.data + i);
		upstream_start(peers[i]->upstream);
	}
}

static bool has_prefixes_more(const struct conf *than, const struct conf *conf)
{
	items_for_each(const struct conf_service, s, conf->services)
	{
		items_for_each(const struct ip_prefix, p, s->prefixes)
		{
			if (!conf_service_of_prefix(than, p))
				return true;
		}
	}
	return false;
}

static void leave_prefixes(struct fleet *f, const struct conf *old)
{
	items_for_each(const struct conf_service, s, old->services)
	{
		items_for_each(const struct ip_prefix, p, s->prefixes)
		{
			if (conf_service_of_prefix(f->d->conf, p))
				continue;
			fleet_view_unfollow(f->view, p);
			for (size_t i = 0; i < f->count; i++)
				upstream_withdraw(f->peers[i]->upstream, p);
		}
	}
}

static void begin_anew(struct daemon *d)
{
	struct fleet *f = d->fleet;

	for (size_t i = 0; f && i < f->count; i++)
		end_peer(&f->peers[i], d->conf);
	if (f)
		f->count = 0;
	fleet_free(&d->fleet);
	for (size_t i = 0; i < d->service_count; i++)
		fleet_word_clear(&d->services[i].word);
	d->fleet = fleet_new(d);
	fleet_start(d->fleet);
}

// What the others say of a prefix that was none of ours was not kept: they are asked again.
void fleet_reload(struct daemon *d, const struct conf *old)
{
	struct fleet *f = d->fleet;

	if (!f || d->conf->fleet.count == 0 || !is_same_node(old, d->conf)) {
		begin_anew(d);
		return;
	}
	leave_prefixes(f, old);
	follow(f, d->conf);
	replace_peers(f, d->conf);
	for (size_t i = 0; has_prefixes_more(old, d->conf) && i < f->count; i++)
		upstream_ask_again(f->peers[i]->upstream);
}
