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

static struct upstream *find_unchanged(
	const struct daemon *d, const struct conf *conf, const struct conf_upstream *cu)
{
	for (size_t i = 0; i < d->upstream_count; i++) {
		struct upstream *u = d->upstreams[i];
		if (u && strcmp(upstream_conf(u)->name, cu->name) == 0 &&
			upstream_unchanged(u, conf, cu))
			return u;
	}
	return NULL;
}

static bool has_prefix(const struct conf *conf, const struct ip_prefix *prefix)
{
	items_for_each(struct conf_service, s, conf->services) items_for_each(
		struct ip_prefix, p, s->prefixes) if (prefix_equal(p, prefix)) return true;
	return false;
}

// Announced now, and by no session that goes on with it.
static bool would_withdraw(
	const struct daemon *d, const struct conf *new, const struct ip_prefix *prefix)
{
	const struct bgp_attrs *attrs;
	bool announced = false;

	for (size_t i = 0; i < d->upstream_count; i++)
		announced |= bgp_peer_announced(upstream_peer(d->upstreams[i]), prefix, &attrs);
	if (!announced || !has_prefix(new, prefix))
		return announced;
	items_for_each(struct conf_upstream, cu, new->upstreams)
	{
		const struct upstream *u = find_unchanged(d, new, cu);
		if (u && bgp_peer_announced(upstream_peer(u), prefix, &attrs))
			return false;
	}
	return true;
}

static int check_withdrawals(struct daemon *d, const struct conf *new, struct strbuf *error)
{
	own(sb_free) struct strbuf list = {};
	char text[PREFIX_TEXT];
	size_t count = 0;

	items_for_each(struct conf_service, s, d->conf->services)
	{
		items_for_each(struct ip_prefix, p, s->prefixes)
		{
			if (!would_withdraw(d, new, p))
				continue;
			sb_printf(&list, "%s%s", count++ ? ", " : "", prefix_print(p, text));
		}
	}
	if (count <= 1)
		return 0;
	sb_printf(error,
		"%s: this would withdraw %zu prefixes (%s); `nearcast reload --yes` does it",
		d->path, count, sb_text(&list));
	return -EPERM;
}

static int set_passwords(struct daemon *d, const struct conf *conf, struct strbuf *error)
{
	int rc = listener_set_passwords(d->listener, d->conf, conf);

	if (rc == 0)
		return 0;
	sb_printf(error, "the kernel refuses a neighbour's password: %s", strerror(-rc));
	(void)!listener_set_passwords(d->listener, conf, d->conf); // as it was
	return rc;
}

static int load(struct daemon *d, bool yes, struct conf **ret, struct strbuf *error)
{
	struct faults faults = {};
	own(conf_free) struct conf *conf = NULL;
	int rc = conf_load(&conf, d->path, &faults);

	if (rc < 0)
		faults_print(&faults, error);
	faults_free(&faults);
	if (rc < 0)
		return rc;
	const char *key = needs_restart(d->conf, conf);
	if (key) {
		sb_printf(error, "%s: `%s` cannot change while nearcastd runs: restart it", d->path,
			key);
		return -EBUSY;
	}
	if (!yes)
		rc = check_withdrawals(d, conf, error);
	if (rc == 0)
		rc = set_passwords(d, conf, error);
	if (rc == 0)
		*ret = take(conf);
	return rc;
}

// A service of the same name goes on: its state is not in the file.
static void adopt_service(struct daemon *d, struct service *new, const struct service *old)
{
	new->admin = old->admin;
	new->drain = old->drain;
	new->drain_reason = old->drain_reason ? mem_strdup(old->drain_reason) : NULL;
	new->health = new->carried = service_health(d, old);
	new->health_carried = true;
	new->decision = old->decision;
	new->decision_event = old->decision_event;
	new->look_back = old->look_back;
	new->since = old->since;
	new->health_since = old->health_since;
	new->admin_since = old->admin_since;
	new->since_unix_us = old->since_unix_us;
	struct holddown fresh = new->holddown;
	new->holddown = old->holddown;
	new->holddown.first = fresh.first;
	new->holddown.max = fresh.max;
	span after = new->recovery.after; // a proof under way keeps its length
	new->recovery = old->recovery;
	new->recovery.after = after;
}

static struct service *make_services(struct daemon *d, const struct conf *conf)
{
	struct service *services = mem_zalloc(conf->services.count * sizeof(*services));

	for (size_t i = 0; i < conf->services.count; i++) {
		const struct conf_service *cs = (struct conf_service *)conf->services.data + i;
		service_init(&services[i], conf, cs);
		const struct service *old = service_find(d, cs->name);
		if (old)
			adopt_service(d, &services[i], old);
	}
	return services;
}

// What is no longer in the file leaves the neighbours.
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
}

// Hands an upstream that goes on over to the new list.
static struct upstream *take_unchanged(
	struct daemon *d, const struct conf *conf, const struct conf_upstream *cu)
{
	struct upstream *u = find_unchanged(d, conf, cu);

	for (size_t i = 0; u && i < d->upstream_count; i++)
		if (d->upstreams[i] == u)
			d->upstreams[i] = NULL;
	return u;
}

static void end_upstream(struct upstream **u, const struct conf *conf)
{
	uint8_t subcode = BGP_CEASE_DECONFIGURED;

	items_for_each(struct conf_upstream, cu,
		conf->upstreams) if (strcmp(cu->name, upstream_conf(*u)->name) == 0) subcode =
		BGP_CEASE_CONFIG_CHANGE;
	upstream_stop(*u, subcode, "configuration changed");
	upstream_free(u);
}

static void replace_upstreams(struct daemon *d, const struct conf *conf)
{
	size_t count = conf->upstreams.count;
	struct upstream **upstreams = mem_zalloc(count * sizeof(struct upstream *));
	bool *fresh = mem_zalloc(count);

	for (size_t i = 0; i < count; i++) {
		const struct conf_upstream *cu = (struct conf_upstream *)conf->upstreams.data + i;
		upstreams[i] = take_unchanged(d, conf, cu);
		fresh[i] = !upstreams[i];
		if (upstreams[i])
			upstream_rebind(upstreams[i], conf, cu);
	}
	for (size_t i = 0; i < d->upstream_count; i++)
		if (d->upstreams[i])
			end_upstream(&d->upstreams[i], conf);
	free(d->upstreams);
	d->upstreams = upstreams;
	d->upstream_count = count;
	for (size_t i = 0; i < count; i++) {
		if (!fresh[i])
			continue;
		upstreams[i] = upstream_new(d->loop, d->bfd, conf,
			(struct conf_upstream *)conf->upstreams.data + i, &daemon_upstream_ops, d,
			d->rng_seed + i);
		upstream_start(upstreams[i]);
	}
	free(fresh);
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
	events_set_site(d->events, new->site.name);
	struct event_fields f = { .subject = d->path, .reason = "operator" };
	uint64_t seq = events_add(d->events, EVENT_RELOADED, &f);
	replace_upstreams(d, new);
	daemon_put_addresses(d);
	withdraw_removed(d, old);
	for (size_t i = 0; i < d->service_count; i++)
		service_decide(d, &d->services[i], seq);
	// Also where the decision stands: prefixes and attributes may be other ones.
	for (size_t i = 0; i < d->upstream_count; i++) {
		services_tell(d, d->upstreams[i]);
		upstream_flush(d->upstreams[i]);
	}
	conf_free(&old);
	return 0;
}
