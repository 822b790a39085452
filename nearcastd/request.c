#include "nearcastd/request.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "lib/own.h"
#include "lib/text.h"
#include "nearcastd/daemon.h"
#include "nearcastd/fleet_status.h"
#include "nearcastd/keeper.h"
#include "nearcastd/status.h"

struct answer {
	struct daemon *d;
	struct strbuf text; // written and not taken yet
	struct out *o;      // onto text; NULL: the line has ended
	// What is written of it from turn to turn; NULL: it was short.
	const struct section *section;
	struct walk walk;
	bool begun;       // a unit of it was written
	uint64_t reloads; // of the daemon, at the beginning
	bool subscribe;
	uint64_t seq; // of the event told last
};

// A request being answered: o is written to, or sections are left to be written, or fail() is
// called.
struct call {
	struct daemon *d;
	const json_t *request;
	struct out *o;
	struct answer *answer;
	const char *code; // of the failure; NULL: none
	struct strbuf message;
};

static void fail(struct call *call, const char *code, const char *message)
{
	call->code = code;
	sb_clear(&call->message);
	sb_str(&call->message, message);
}

static const char *text_of(const struct call *call, const char *key)
{
	return json_string_value(json_object_get(call->request, key));
}

// "no service `dnss`; did you mean `dns`?", or which there are.
static void fail_unknown(struct call *call, const char *name)
{
	enum { NAMES_MAX = 8 };
	const struct daemon *d = call->d;
	own(free_ptr) const char **names = mem_zalloc((d->service_count + 1) * sizeof(char *));
	own(sb_free) struct strbuf b = {};

	for (size_t i = 0; i < d->service_count; i++)
		names[i] = d->services[i].conf->name;
	const char *nearest = text_nearest(name, names);
	sb_printf(&b, "no service `%.*s`; ", text_clip(name, 60), name);
	if (nearest)
		sb_printf(&b, "did you mean `%s`?", nearest);
	else
		sb_str(&b, "there are: ");
	for (size_t i = 0; !nearest && i < d->service_count && i < NAMES_MAX; i++)
		sb_printf(&b, "%s%s", i ? ", " : "", names[i]);
	if (!nearest && d->service_count > NAMES_MAX)
		sb_printf(&b, " and %zu more", d->service_count - NAMES_MAX);
	fail(call, "not-found", sb_text(&b));
}

// The service that only rows of the fleet are wanted of; false after a failure was said.
static bool read_service(struct call *call)
{
	const char *name = text_of(call, "service");
	const struct service *s = name ? service_find(call->d, name) : NULL;

	if (!json_object_get(call->request, "service"))
		return true;
	if (!s) {
		fail_unknown(call, name ? name : "");
		return false;
	}
	call->answer->walk.only = service_index(call->d, s) + 1;
	return true;
}

// "rows": false leaves `fleet` out, the rows; fleet_services sums them up.
static void do_status(struct call *call)
{
	call->answer->walk.no_rows = json_is_false(json_object_get(call->request, "rows"));
	call->answer->section = status_sections;
}

// What there is in place of what was asked for.
static void fail_why(struct call *call, const struct ip_prefix *asked)
{
	const struct service *s = NULL;
	const struct ip_prefix *p = prefix_of_address(call->d, &asked->addr, &s);
	char text[PREFIX_TEXT], there[PREFIX_TEXT];
	own(sb_free) struct strbuf b = {};

	sb_printf(&b, "no service has %s", prefix_print(asked, text));
	if (p && p->len < asked->len)
		sb_printf(&b, "; %s has %s around it", s->conf->name, prefix_print(p, there));
	fail(call, "not-found", sb_text(&b));
}

// By a prefix, or by an address inside one.
static void do_why(struct call *call)
{
	const char *text = text_of(call, "prefix");
	const struct service *s = NULL;
	struct ip_prefix prefix;
	struct ip_addr address;

	if (text && ip_parse(&address, text) == 0) {
		const struct ip_prefix *p = prefix_of_address(call->d, &address, &s);
		prefix = p ? *p : prefix_of(&address, ip_bits((enum ip_family)address.family));
	} else if (text && prefix_parse(&prefix, text) == 0) {
		s = service_of_prefix(call->d, &prefix);
	} else {
		fail(call, "bad-request", "why wants a prefix or an address, as 198.51.100.0/24");
		return;
	}
	if (!s)
		fail_why(call, &prefix);
	else
		why_write(call->o, "result", call->d, s, &prefix);
}

static const struct section flows_sections[] = { { "flows", .whole = keep_write }, {} };

static const struct {
	const char *what;
	const struct section *sections;
} shows[] = {
	{ "upstreams", upstreams_sections },
	{ "services", services_sections },
	{ "checks", checks_sections },
	{ "memory", memory_sections },
	{ "fleet", fleet_sections },
	{ "flows", flows_sections },
};

static uint64_t number_of(const struct call *call, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(call->request, key));

	return n > 0 ? (uint64_t)n : 0;
}

// Of the fleet, "service" and "since" ask for a part.
static void do_show(struct call *call)
{
	const char *what = text_of(call, "what");

	for (size_t i = 0; what && i < countof(shows); i++) {
		if (strcmp(shows[i].what, what) != 0 || !read_service(call))
			continue;
		call->answer->walk.since = number_of(call, "since");
		call->answer->section = shows[i].sections;
		return;
	}
	if (!call->code)
		fail(call, "bad-request",
			"show wants one of: upstreams, services, checks, memory, fleet, flows");
}

// since: the last that was told.
static bool events_unit(struct out *o, const char *name, const struct daemon *d, struct walk *w)
{
	const struct event *ev = events_next(d->events, w->since);

	walk_begin(o, name, w);
	if (!ev) {
		out_end(o);
		return false;
	}
	event_write(o, NULL, d->events, ev);
	w->since = ev->seq;
	return true;
}

static const struct section events_sections[] = { { "events", .unit = events_unit }, {} };

static void do_events(struct call *call)
{
	call->answer->walk.since = number_of(call, "after");
	call->answer->section = events_sections;
}

// "after": also those of the past, with a greater seq.
static void do_subscribe(struct call *call)
{
	bool past = json_object_get(call->request, "after");

	out_object(call->o, "result");
	out_end(call->o);
	call->answer->subscribe = true;
	call->answer->seq = past ? number_of(call, "after") : events_last(call->d->events);
}

// Against the guard.
static bool is_forced(const struct call *call)
{
	return json_is_true(json_object_get(call->request, "force"));
}

// The service a request names; NULL after a failure was said.
static struct service *named_service(struct call *call)
{
	const char *name = text_of(call, "service");
	struct service *s = name ? service_find(call->d, name) : NULL;

	if (!name)
		fail(call, "bad-request", "which service?");
	else if (!s)
		fail_unknown(call, name);
	return s;
}

// The guard's word on taking a service away; false after a failure was said.
static bool may_leave(struct call *call, struct service *s, struct strbuf *warning)
{
	own(sb_free) struct strbuf why_not = {};

	if (is_forced(call) || fleet_may_leave(call->d, s, &why_not, warning))
		return true;
	sb_str(&why_not, " (--force does it all the same)");
	fail(call, "refused", sb_text(&why_not));
	return false;
}

static void write_admin(
	struct call *call, const struct service *s, bool changed, const struct strbuf *warning)
{
	out_object(call->o, "result");
	out_str(call->o, "service", s->conf->name);
	out_str(call->o, "admin", admin_name(s->member.admin));
	out_bool(call->o, "changed", changed);
	out_str(call->o, "announce", announce_name(s->member.decision.announce));
	drain_write(call->o, "drain", s);
	out_str(call->o, "warning", warning->len ? sb_text(warning) : NULL);
	out_end(call->o);
}

static void do_admin(struct call *call, enum admin admin)
{
	struct service *s = named_service(call);
	own(sb_free) struct strbuf warning = {};

	if (!s || (admin == ADMIN_OFF && !may_leave(call, s, &warning)))
		return;
	uint64_t seq = service_set_admin(
		call->d, s, admin, text_of(call, "reason"), admin == ADMIN_OFF && is_forced(call));
	write_admin(call, s, seq != 0, &warning);
}

// Little is not nothing, which would be for ever.
static span lasts_of(double seconds)
{
	int64_t us = (int64_t)(seconds * 1e6);

	return span_us(us || seconds == 0 ? us : 1);
}

static void do_drain(struct call *call)
{
	struct service *s = named_service(call);
	const json_t *given = json_object_get(call->request, "for_seconds");
	double lasts = json_number_value(given);
	own(sb_free) struct strbuf warning = {};

	if (!s)
		return;
	if ((given && !json_is_number(given)) || lasts < 0 || lasts > 366 * 86400.0) {
		fail(call, "bad-request", "for_seconds wants a number from 0 to a year");
		return;
	}
	if (s->member.admin == ADMIN_OFF) {
		fail(call, "refused", "the service is off already");
		return;
	}
	bool changed = s->member.drain.stage == DRAIN_NONE;
	if (changed && !may_leave(call, s, &warning))
		return;
	service_drain(call->d, s, lasts_of(lasts), text_of(call, "reason"), is_forced(call));
	write_admin(call, s, changed, &warning);
}

static void do_undrain(struct call *call)
{
	struct service *s = named_service(call);
	const struct strbuf nothing = {};

	if (s)
		write_admin(call, s, service_undrain(call->d, s, text_of(call, "reason")) != 0,
			&nothing);
}

static void do_off(struct call *call)
{
	do_admin(call, ADMIN_OFF);
}

static void do_on(struct call *call)
{
	do_admin(call, ADMIN_ACTIVE);
}

// The running configuration, as canonical YAML with its secrets masked.
static void do_config(struct call *call)
{
	struct strbuf text = {};

	conf_print(call->d->conf, &text);
	out_object(call->o, "result");
	out_str(call->o, "text", sb_text(&text));
	out_end(call->o);
	sb_free(&text);
}

static void do_reload(struct call *call)
{
	struct strbuf error = {};

	bool yes = json_is_true(json_object_get(call->request, "yes"));

	if (daemon_reload(call->d, yes, &error) < 0) {
		fail(call, "refused", sb_text(&error));
	} else {
		out_object(call->o, "result");
		out_end(call->o);
	}
	sb_free(&error);
}

static const struct {
	const char *name;
	bool changes; // not on the readonly socket
	void (*run)(struct call *call);
} commands[] = {
	{ "status", false, do_status },
	{ "why", false, do_why },
	{ "show", false, do_show },
	{ "events", false, do_events },
	{ "subscribe", false, do_subscribe },
	{ "config", false, do_config },
	{ "off", true, do_off },
	{ "on", true, do_on },
	{ "drain", true, do_drain },
	{ "undrain", true, do_undrain },
	{ "reload", true, do_reload },
};

void request_refuse(struct strbuf *line, const char *code, const char *message)
{
	struct out *o = out_new(OUT_JSON, line);

	out_object(o, NULL);
	out_bool(o, "ok", false);
	out_object(o, "error");
	out_str(o, "code", code);
	out_str(o, "message", message);
	out_end(o);
	out_end(o);
	out_free(&o);
}

static void end_line(struct answer *a)
{
	if (a->section)
		out_end(a->o); // the result
	a->section = NULL;
	out_end(a->o);
	out_free(&a->o);
}

static void run_command(struct call *call, void (*run)(struct call *call))
{
	struct answer *a = call->answer;

	call->o = a->o = out_new(OUT_JSON, &a->text);
	out_object(a->o, NULL);
	out_bool(a->o, "ok", true);
	run(call);
	if (!call->code && a->section) {
		out_object(a->o, "result");
		return;
	}
	end_line(a);
	if (!call->code)
		return;
	sb_clear(&a->text);
	request_refuse(&a->text, call->code, sb_text(&call->message));
	sb_free(&call->message);
}

struct answer *request_answer(struct daemon *d, bool may_change, const char *line, size_t len)
{
	json_error_t error;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	struct answer *a = mem_zalloc(sizeof(*a));
	struct call call = { .d = d, .request = request, .answer = a };
	const char *cmd = request ? text_of(&call, "cmd") : NULL;
	size_t i = 0;

	a->d = d;
	a->reloads = d->reloads;
	while (cmd && i < countof(commands) && strcmp(commands[i].name, cmd) != 0)
		i++;
	if (!cmd)
		request_refuse(&a->text, "bad-request",
			"a request is one JSON object with cmd, on one line");
	else if (i == countof(commands))
		request_refuse(&a->text, "bad-request", "no such command");
	else if (commands[i].changes && !may_change)
		request_refuse(&a->text, "not-permitted", "this is the read-only socket");
	else
		run_command(&call, commands[i].run);
	a->reloads = d->reloads; // of a reload too
	json_decref(request);
	return a;
}

// ---- Piece by piece ----

static void write_unit(struct answer *a)
{
	const struct section *s = a->section;
	struct walk *w = &a->walk;

	a->begun = true;
	if (s->whole)
		s->whole(a->o, s->name, a->d);
	else if (s->unit(a->o, s->name, a->d, w))
		return;
	w->begun = w->inside = false;
	w->i = w->k = 0;
	a->section++;
	if (!a->section->name)
		end_line(a);
}

// One event that the subscriber is behind; false: none.
static bool write_event(struct answer *a)
{
	const struct event *ev = a->subscribe ? events_next(a->d->events, a->seq) : NULL;

	if (!ev)
		return false;
	struct out *o = out_new(OUT_JSON, &a->text);
	event_write(o, NULL, a->d->events, ev);
	out_free(&o);
	a->seq = ev->seq;
	return true;
}

int answer_more(struct answer *a, struct strbuf *piece, size_t enough)
{
	instant end = instant_add(clock_now(), span_ms(1));
	bool more = true;

	if (!a->begun && !a->walk.only)
		a->reloads = a->d->reloads; // it points to nothing yet
	if (a->section && a->reloads != a->d->reloads)
		return -ESTALE;
	while (more && a->text.len < enough && !instant_due(end, clock_now())) {
		if (a->section)
			write_unit(a);
		else
			more = write_event(a);
	}
	sb_add(piece, a->text.s, a->text.len);
	sb_clear(&a->text);
	return more;
}

bool answer_subscribes(const struct answer *a)
{
	return a->subscribe;
}

void answer_free(struct answer **which)
{
	struct answer *a = take(*which);

	if (!a)
		return;
	out_abandon(&a->o);
	sb_free(&a->text);
	fleet_rows_clear(&a->walk.rows);
	free(a);
}
