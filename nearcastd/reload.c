// Reading the configuration again. Everything that can fail comes first; from
// then on the new configuration is taken over step by step, and sessions whose
// own settings did not change are not touched.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/proto.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearcastd/daemon.h"
#include "nearcastd/keeper.h"
#include "nearcastd/tcpauth.h"

static bool same_addresses(const struct items *a, const struct items *b)
{
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->data, b->data, a->count * sizeof(struct ip_addr)) == 0);
}

// What only a restart can change; NULL: nothing of that changed.
static const char *needs_restart(const struct conf *old, const struct conf *new)
{
	if (strcmp(old->control, new->control) != 0)
		return "control";
	if (strcmp(old->readonly, new->readonly) != 0)
		return "readonly";
	if (old->listen_port != new->listen_port)
		return "listen-port";
	if (!same_addresses(&old->listen, &new->listen))
		return "listen";
	return NULL;
}

static void refuse(struct daemon *d, const struct strbuf *error)
{
	struct event_fields f = {
		.subject = d->path,
		.reason = "configuration",
		.detail = sb_text(error),
	};

	events_add(d->events, EVENT_RELOAD_REFUSED, &f);
}

static const struct conf_upstream *find_entry(const struct conf *conf, const char *name)
{
	items_for_each(const struct conf_upstream, cu, conf->upstreams)
	{
		if (strcmp(cu->name, name) == 0)
			return cu;
	}
	return NULL;
}

static bool has_address(const struct conf *conf, const struct conf_upstream *neighbour)
{
	items_for_each(const struct conf_upstream, cu, conf->upstreams)
	{
		if (!conf_upstream_is_range(cu) && ip_equal(&cu->address, &neighbour->address) &&
			(!cu->interface || !neighbour->interface ||
				strcmp(cu->interface, neighbour->interface) == 0))
			return true;
	}
	return false;
}

// The entry of the new configuration that a session goes on under, untouched; NULL: it ends.
static const struct conf_upstream *next_entry(const struct upstream *u, const struct conf *conf)
{
	const struct conf_upstream *cu = upstream_conf(u);
	const struct conf_upstream *next = find_entry(conf, upstream_entry(u)->name);

	if (!next || !upstream_unchanged(u, conf, next))
		return NULL;
	if (conf_upstream_is_range(next) &&
		(has_address(conf, cu) || range_of(conf, &cu->address, cu->interface) != next))
		return NULL;
	return next;
}

// Of each upstream.
static const struct conf_upstream **next_entries(const struct daemon *d, const struct conf *conf)
{
	const struct conf_upstream **next =
		mem_zalloc(d->upstream_count * sizeof(const struct conf_upstream *));

	for (size_t i = 0; i < d->upstream_count; i++)
		next[i] = next_entry(d->upstreams[i], conf);
	return next;
}

// By a service that is announced now. One that is new, or that has another name by now, begins
// with checks that have said nothing.
static bool stays_announced(
	const struct daemon *d, const struct conf *new, const struct ip_prefix *prefix)
{
	const struct conf_service *cs = conf_service_of_prefix(new, prefix);
	const struct service *s = cs ? service_find(d, cs->name) : NULL;

	return s && s->member.decision.announce != ANNOUNCE_WITHDRAWN;
}

// Announced now, and by no session that goes on with it.
static bool would_withdraw(const struct daemon *d, const struct conf *new,
	const struct conf_upstream *const *next, const struct ip_prefix *prefix)
{
	const struct bgp_attrs *attrs;
	bool announced = false, goes_on = false;

	for (size_t i = 0; i < d->upstream_count; i++) {
		bool here = bgp_peer_announced(upstream_peer(d->upstreams[i]), prefix, &attrs);
		announced |= here;
		goes_on |= here && next[i];
	}
	return announced && !(goes_on && stays_announced(d, new, prefix));
}

static int check_withdrawals(struct daemon *d, const struct conf *new, struct strbuf *error)
{
	own(sb_free) struct strbuf list = {};
	own(free_ptr) const struct conf_upstream **next = next_entries(d, new);
	enum { NAMES_MAX = 8 };
	char text[PREFIX_TEXT];
	size_t count = 0;

	items_for_each(struct conf_service, s, d->conf->services)
	{
		items_for_each(struct ip_prefix, p, s->prefixes)
		{
			if (!would_withdraw(d, new, next, p))
				continue;
			if (count++ < NAMES_MAX)
				sb_printf(&list, "%s%s", count > 1 ? ", " : "",
					prefix_print(p, text));
		}
	}
	if (count <= 1)
		return 0;
	if (count > NAMES_MAX)
		sb_printf(&list, " and %zu more", count - NAMES_MAX);
	sb_printf(error,
		"%s: this would withdraw %zu prefixes (%s); `nearcast reload --yes` does it",
		d->path, count, sb_text(&list));
	return -EPERM;
}

static int set_keys(struct daemon *d, const struct conf *conf, struct strbuf *error)
{
	int rc = listener_set_keys(d->listener, d->conf, conf);

	if (rc == 0)
		return 0;
	sb_printf(error, "the kernel refuses a neighbour's key: %s", strerror(-rc));
	(void)!listener_set_keys(d->listener, conf, d->conf); // as it was
	return rc;
}

static int load(struct daemon *d, bool yes, struct conf **ret, struct strbuf *error)
{
	own(faults_free) struct faults faults = {};
	own(conf_free) struct conf *conf = NULL;
	int rc = conf_load(&conf, d->path, &faults);

	faults_print(&faults, error);
	if (rc < 0)
		return rc;
	const char *key = needs_restart(d->conf, conf);
	if (key) {
		sb_printf(error, "%s: `%s` cannot change while nearcastd runs: restart it", d->path,
			key);
		return -EBUSY;
	}
	rc = tcpauth_check(conf, error);
	if (rc == 0 && !yes)
		rc = check_withdrawals(d, conf, error);
	if (rc == 0)
		rc = set_keys(d, conf, error);
	if (rc == 0)
		*ret = take(conf);
	return rc;
}

static struct service *make_services(struct daemon *d, const struct conf *conf)
{
	struct service *services = mem_zalloc(conf->services.count * sizeof(*services));

	for (size_t i = 0; i < conf->services.count; i++) {
		const struct conf_service *cs = (struct conf_service *)conf->services.data + i;
		service_init(&services[i], d, conf, cs);
		struct service *old = service_find(d, cs->name);
		if (old) // its state is not in the file
			service_adopt(d, &services[i], old);
	}
	return services;
}

// What is no longer in the file leaves the neighbours, before its addresses go.
static void withdraw_removed(struct daemon *d, const struct conf *old)
{
	items_for_each(struct conf_service, cs, old->services)
	{
		items_for_each(struct ip_prefix, p, cs->prefixes)
		{
			if (service_of_prefix(d, p))
				continue;
			for (size_t i = 0; i < d->upstream_count; i++)
				upstream_withdraw(d->upstreams[i], p);
		}
	}
	for (size_t i = 0; i < d->upstream_count; i++)
		upstream_flush(d->upstreams[i]);
}

static void end_upstream(struct upstream **u, const struct conf *conf)
{
	bool stays = find_entry(conf, upstream_entry(*u)->name);

	upstream_stop(*u, stays ? BGP_CEASE_CONFIG_CHANGE : BGP_CEASE_DECONFIGURED,
		"configuration changed");
	upstream_free(u);
}

// The one that goes on under an entry that is no range; NULL: none.
static struct upstream *take_unchanged(
	struct daemon *d, const struct conf_upstream **next, const struct conf_upstream *entry)
{
	for (size_t i = 0; i < d->upstream_count; i++)
		if (next[i] == entry)
			return take(d->upstreams[i]);
	return NULL;
}

// In the order of the file, and behind them those in ranges.
static void replace_upstreams(struct daemon *d, const struct conf *conf)
{
	own(free_ptr) const struct conf_upstream **next = next_entries(d, conf);
	size_t room = conf->upstreams.count + d->upstream_count, count = 0;
	struct upstream **upstreams = mem_zalloc(room * sizeof(struct upstream *));
	own(free_ptr) bool *fresh = mem_zalloc(room);

	for (size_t i = 0; i < d->upstream_count; i++)
		if (next[i])
			upstream_rebind(d->upstreams[i], conf, next[i]);
		else
			end_upstream(&d->upstreams[i], conf);
	items_for_each(const struct conf_upstream, cu, conf->upstreams)
	{
		if (conf_upstream_is_range(cu))
			continue;
		upstreams[count] = take_unchanged(d, next, cu);
		fresh[count] = !upstreams[count];
		if (fresh[count])
			upstreams[count] = upstream_new(d->loop, d->bfd, conf, cu,
				&daemon_upstream_ops, d, d->rng_seed + count);
		count++;
	}
	for (size_t i = 0; i < d->upstream_count; i++)
		if (d->upstreams[i])
			upstreams[count++] = d->upstreams[i];
	free(d->upstreams);
	d->upstreams = upstreams;
	d->upstream_count = count;
	for (size_t i = 0; i < count; i++)
		if (fresh[i])
			upstream_start(upstreams[i]);
	ranges_arm(d);
}

int daemon_reload(struct daemon *d, bool yes, struct strbuf *error)
{
	struct conf *new = NULL;
	struct checks *checks = NULL;
	int rc = -ESHUTDOWN;

	if (d->stopping == STOPPING_NO)
		rc = load(d, yes, &new, error);
	else
		sb_str(error, "nearcastd is stopping");
	if (rc == 0)
		rc = checks_new(&checks, d->loop, new, &service_checks_ops, d, d->rng_seed);
	if (rc < 0) {
		refuse(d, error);
		conf_free(&new);
		return rc;
	}
	checks_catch_up(d->checks);
	d->reloading = true;
	struct service *services = make_services(d, new);
	struct conf *old = d->conf;
	checks_adopt_state(checks, d->checks);
	checks_free(&d->checks);
	for (size_t i = 0; i < d->service_count; i++)
		service_clear(&d->services[i]);
	free(d->services);
	d->checks = checks;
	d->services = services;
	d->service_count = new->services.count;
	d->conf = new;
	d->reloads++;
	events_set_site(d->events, new->site.name);
	struct event_fields f = { .subject = d->path, .reason = "operator" };
	uint64_t seq = events_add(d->events, EVENT_RELOADED, &f);
	for (size_t i = 0; i < d->service_count; i++)
		if (!services[i].decision_event) // a new one: withdrawn up to its first verdict
			services[i].decision_event = seq;
	replace_upstreams(d, new);
	withdraw_removed(d, old);
	daemon_put_addresses(d);
	fleet_reload(d, old);
	d->reloading = false;
	daemon_tell_heard(d, seq);
	for (size_t i = 0; i < d->service_count; i++)
		service_decide(d, &d->services[i], seq);
	// Also where the decision stands: prefixes and attributes may be other ones.
	for (size_t i = 0; i < d->upstream_count; i++) {
		services_tell(d, d->upstreams[i]);
		upstream_flush(d->upstreams[i]);
	}
	fleet_say_all(d->fleet);
	keep_reload(d);
	conf_free(&old);
	return 0;
}
