#include "sim/fault.h"

#include <assert.h>

#include "lib/own.h"
#include "sim/node.h"
#include "sim/watch.h"

enum { MANY = 100 }; // nodes: time to be sparing with what each of them does

#define NOTE(w, ...)                                           \
	do {                                                   \
		(w)->last_fault = (w)->now;                    \
		sim_trace(&(w)->trace, (w)->now, __VA_ARGS__); \
	} while (0)

static struct sim_node *any_node(struct sim_world *w)
{
	struct sim_node *n = &w->nodes[sim_below(w, w->plan.nodes)];

	n->faults++;
	return n;
}

// As many as a fault hits at one time.
static unsigned some(struct sim_world *w)
{
	unsigned most = w->plan.nodes / 8;

	return 1 + (sim_chance(w, 50) ? 0 : sim_below(w, most ? most : 1));
}

static bool is_fleet(const struct sim_session *s)
{
	return s->end[1].party->kind != SIM_ROUTER;
}

static struct sim_session *any_fleet_session(struct sim_world *w)
{
	struct sim_session *s;

	do
		s = w->sessions[sim_below(w, w->session_count)];
	while (!is_fleet(s));
	return s;
}

// ---- Services ----

static const char *const states[] = {
	[SIM_SERVES] = "serves",
	[SIM_CRASHED] = "crashed",
	[SIM_HANGS] = "hangs",
	[SIM_LIES] = "answers wrongly",
};
static_assert(countof(states) == SIM_SERVICE_MAX);

static void set_service(struct sim_node *n, enum sim_service state)
{
	struct sim_world *w = n->party.world;

	if (n->probes[0].state == state)
		return;
	NOTE(w, "%s: service %s", n->party.name, states[state]);
	sim_node_set_service(n, 0, state, state == SIM_CRASHED && sim_chance(w, 80));
}

static void on_service(void *obj, uint64_t state)
{
	set_service(obj, (enum sim_service)state);
}

// Breaks, and is mended a while later by chance; otherwise when everything is.
static void break_service(struct sim_world *w, struct sim_node *n, enum sim_service state)
{
	set_service(n, state);
	if (sim_chance(w, 40))
		sim_after(w, sim_between(w, span_ms(200), span_s(30)), on_service, n, SIM_SERVES);
}

static void crash(struct sim_world *w)
{
	for (unsigned i = some(w); i > 0; i--)
		break_service(w, any_node(w), SIM_CRASHED);
}

static void hang(struct sim_world *w)
{
	for (unsigned i = some(w); i > 0; i--)
		break_service(w, any_node(w), sim_chance(w, 50) ? SIM_HANGS : SIM_LIES);
}

static void recover(struct sim_world *w)
{
	for (unsigned i = some(w); i > 0; i--)
		set_service(any_node(w), SIM_SERVES);
}

static void flap(struct sim_world *w)
{
	struct sim_node *n = any_node(w);
	enum sim_service bad = sim_chance(w, 50) ? SIM_CRASHED : SIM_LIES;
	span at = span_us(0);

	for (unsigned i = 2 + 2 * sim_below(w, 5); i > 0; i--) {
		at.us += sim_between(w, span_ms(300), span_s(5)).us;
		sim_after(w, at, on_service, n, i % 2 ? SIM_SERVES : bad);
	}
}

// ---- One thing everywhere ----

static void push_everywhere(
	struct sim_world *w, enum sim_service state, unsigned percent, span within)
{
	for (unsigned i = 0; i < w->plan.nodes; i++)
		if (sim_chance(w, percent))
			sim_after(w, sim_between(w, span_us(0), within), on_service, &w->nodes[i],
				state);
}

// Shared fate: the check is wrong, at each site within seconds. And is rolled back, by chance.
static void wrong_check(struct sim_world *w)
{
	span within = sim_between(w, span_ms(1), span_s(5));
	unsigned percent = sim_chance(w, 50) ? 100 : 50 + sim_below(w, 50);

	NOTE(w, "a wrong check for %u percent of the nodes", percent);
	push_everywhere(w, sim_chance(w, 70) ? SIM_LIES : SIM_HANGS, percent, within);
}

// What fails everywhere does not look the same everywhere.
static void mixture(struct sim_world *w)
{
	NOTE(w, "services crash or hang everywhere");
	for (unsigned i = 0; i < w->plan.nodes; i++)
		sim_after(w, sim_between(w, span_us(0), span_s(3)), on_service, &w->nodes[i],
			sim_chance(w, 60) ? SIM_CRASHED : SIM_LIES);
}

static void crash_everywhere(struct sim_world *w)
{
	NOTE(w, "services crash everywhere");
	push_everywhere(w, SIM_CRASHED, sim_chance(w, 50) ? 100 : 80, span_s(3));
}

static void set_dependency(struct sim_node *n, enum sim_service state)
{
	sim_node_set_service(n, 1, state, false);
}

static void on_dependency(void *obj, uint64_t state)
{
	set_dependency(obj, (enum sim_service)state);
}

static void dependency(struct sim_world *w)
{
	NOTE(w, "what the services depend on fails everywhere");
	for (unsigned i = 0; i < w->plan.nodes; i++)
		sim_after(w, sim_between(w, span_us(0), span_s(2)), on_dependency, &w->nodes[i],
			SIM_LIES);
}

// ---- Daemons and hosts ----

static void on_start(void *obj, uint64_t)
{
	struct sim_node *n = obj;
	struct sim_world *w = n->party.world;

	if (n->party.running)
		return;
	n->party.host_up = true;
	w->last_fault = w->now;
	sim_node_start(n);
}

static void comes_back(struct sim_world *w, struct sim_node *n)
{
	if (sim_chance(w, 70))
		sim_after(w, sim_between(w, span_ms(500), span_s(30)), on_start, n, 0);
}

static void kill_daemon(struct sim_world *w)
{
	struct sim_node *n = any_node(w);

	w->last_fault = w->now;
	sim_node_kill(n, false);
	comes_back(w, n);
}

static void lose_host(struct sim_world *w)
{
	struct sim_node *n = any_node(w);

	w->last_fault = w->now;
	sim_node_kill(n, true);
	comes_back(w, n);
}

static void stop_daemon(struct sim_world *w)
{
	struct sim_node *n = any_node(w);

	w->last_fault = w->now;
	sim_node_stop(n);
	comes_back(w, n);
}

// ---- The network ----

// Groups of nodes and reflectors that do not hear each other.
static void partition(struct sim_world *w)
{
	uint64_t salt = rng_next(&w->rng);
	unsigned groups = 2 + sim_below(w, 2);

	NOTE(w, "the fleet's network falls into %u parts", groups);
	for (unsigned i = 0; i < w->session_count; i++) {
		struct sim_session *s = w->sessions[i];
		uint32_t a = s->end[0].party->id, b = s->end[1].party->id;
		struct rng x = { salt ^ a }, y = { salt ^ b };
		if (is_fleet(s))
			sim_session_cut(s, rng_next(&x) % groups != rng_next(&y) % groups);
	}
}

static void isolate(struct sim_world *w)
{
	struct sim_node *n = any_node(w);

	NOTE(w, "%s: cut off from the fleet", n->party.name);
	for (unsigned i = 0; i < n->party.end_count; i++)
		if (n->party.ends[i] != n->upstream)
			sim_session_cut(n->party.ends[i]->session, true);
	if (sim_chance(w, 50))
		break_service(w, n, SIM_LIES);
}

static void cut_one(struct sim_world *w)
{
	struct sim_session *s = any_fleet_session(w);

	NOTE(w, "link of %s and %s: cut", s->end[0].party->name, s->end[1].party->name);
	sim_session_cut(s, true);
}

static void on_whole(void *obj, uint64_t)
{
	struct sim_session *s = obj;
	struct sim_world *w = s->world;

	if (!s->link.cut)
		return;
	NOTE(w, "link of %s and %s: whole", s->end[0].party->name, s->end[1].party->name);
	sim_session_cut(s, false);
}

static void blink(struct sim_world *w)
{
	span time = sim_between(w, span_ms(100), span_s(20));

	NOTE(w, "links are cut for %.1f s", span_to_s(time));
	for (unsigned i = 0; i < w->session_count; i++) {
		struct sim_session *s = w->sessions[i];
		if (!is_fleet(s) || !sim_chance(w, 30))
			continue;
		sim_session_cut(s, true);
		sim_after(w, time, on_whole, s, 0);
	}
}

static void reset(struct sim_world *w)
{
	struct sim_session *s = any_fleet_session(w);

	NOTE(w, "session of %s and %s: reset", s->end[0].party->name, s->end[1].party->name);
	sim_session_reset(s);
}

static void on_marked(void *obj, uint64_t)
{
	struct sim_world *w = obj;

	w->last_fault = w->now;
}

static void stall_node(struct sim_world *w, struct sim_node *n, bool inward, span time)
{
	NOTE(w, "%s: what comes %s stalls for %.1f s", n->party.name, inward ? "in" : "out",
		span_to_s(time));
	for (unsigned i = 0; i < n->party.end_count; i++) {
		struct sim_end *e = n->party.ends[i];
		if (e != n->upstream)
			sim_session_stall(e->session, inward ? e->side : !e->side, time);
	}
	sim_after(w, time, on_marked, w, 0);
}

static void stall(struct sim_world *w)
{
	stall_node(w, any_node(w), sim_chance(w, 50), sim_between(w, span_ms(200), span_s(12)));
}

// Some fail nearly at one time, and of these some hear nothing of the others for a while.
static void together(struct sim_world *w)
{
	unsigned count = 2 + sim_below(w, w->plan.nodes > MANY ? MANY : w->plan.nodes);
	span within = sim_between(w, span_ms(10), span_s(4));

	NOTE(w, "%u services fail together", count);
	for (unsigned i = 0; i < count; i++) {
		struct sim_node *n = any_node(w);
		sim_after(w, sim_between(w, span_us(0), within), on_service, n, SIM_LIES);
		if (sim_chance(w, 25))
			stall_node(w, n, true, sim_between(w, span_s(1), span_s(9)));
	}
}

static void slow(struct sim_world *w)
{
	struct sim_node *n = any_node(w);

	NOTE(w, "%s: reads slowly", n->party.name);
	for (unsigned i = 0; i < n->party.end_count; i++) {
		struct sim_end *e = n->party.ends[i];
		if (e != n->upstream)
			e->session->link.rate[e->side] =
				w->plan.nodes > 64 ? 400000 : 3000 + sim_below(w, 20000);
	}
}

// ---- Reflectors ----

static void on_reflector(void *obj, uint64_t)
{
	struct sim_reflector *r = obj;
	struct sim_world *w = r->party.world;

	if (r->party.running)
		return;
	NOTE(w, "%s: starts", r->party.name);
	sim_reflector_start(r);
}

static void lose_reflector(struct sim_world *w)
{
	if (w->plan.reflectors == 0)
		return;
	struct sim_reflector *r = &w->reflectors[sim_below(w, w->plan.reflectors)];
	bool host = sim_chance(w, 30);

	if (!r->party.running)
		return;
	NOTE(w, "%s: %s", r->party.name, host ? "host falls silent" : "is killed");
	sim_reflector_kill(r, host);
	if (sim_chance(w, 70))
		sim_after(w, sim_between(w, span_s(1), span_s(30)), on_reflector, r, 0);
}

// ---- Operators ----

static void drain(struct sim_world *w)
{
	struct sim_node *n = any_node(w);
	bool forced = sim_chance(w, 15);
	bool done = sim_node_drain(n, forced);

	NOTE(w, "%s: drain%s: %s", n->party.name, forced ? " by force" : "",
		done ? "begun" : "refused");
}

static void off(struct sim_world *w)
{
	struct sim_node *n = any_node(w);
	bool forced = sim_chance(w, 15);
	bool done = sim_node_set_off(n, true, forced);

	NOTE(w, "%s: off%s: %s", n->party.name, forced ? " by force" : "",
		done ? "done" : "refused");
}

static void back(struct sim_world *w, struct sim_node *n)
{
	if (!n->party.running || n->member.admin == ADMIN_ACTIVE)
		return;
	NOTE(w, "%s: back in service", n->party.name);
	if (n->member.drain.stage != DRAIN_NONE)
		sim_node_undrain(n);
	else if (!sim_node_set_off(n, false, false))
		sim_fail(w, "%s: on is refused", n->party.name);
}

static void come_back(struct sim_world *w)
{
	back(w, any_node(w));
}

// ---- All of them ----

static const struct {
	const char *name;
	unsigned weight;
	void (*happen)(struct sim_world *w);
	bool is_wide; // hits everything
} faults[] = {
	{ "crash", 12, crash },
	{ "hang", 12, hang },
	{ "recover", 10, recover },
	{ "flap", 6, flap },
	{ "wrong-check", 8, wrong_check, true },
	{ "mixture", 4, mixture, true },
	{ "together", 8, together },
	{ "crash-everywhere", 2, crash_everywhere, true },
	{ "dependency", 3, dependency, true },
	{ "kill", 8, kill_daemon },
	{ "host", 4, lose_host },
	{ "stop", 4, stop_daemon },
	{ "partition", 6, partition },
	{ "isolate", 6, isolate },
	{ "cut", 4, cut_one },
	{ "blink", 3, blink },
	{ "reset", 4, reset },
	{ "stall", 10, stall },
	{ "slow", 3, slow },
	{ "reflector", 6, lose_reflector },
	{ "drain", 6, drain },
	{ "off", 4, off },
	{ "back", 4, come_back },
};

static void on_fault(void *obj, uint64_t which)
{
	faults[which].happen(obj);
}

static size_t draw(struct sim_world *w)
{
	unsigned sum = 0, at;
	size_t i = 0;

	for (size_t k = 0; k < countof(faults); k++)
		sum += faults[k].weight;
	at = sim_below(w, sum);
	for (; at >= faults[i].weight; i++)
		at -= faults[i].weight;
	return i;
}

void sim_burst(struct sim_world *w)
{
	unsigned count = 1 + sim_below(w, 8);
	bool wide = false;

	w->last_fault = w->now;
	for (unsigned i = 0; i < w->plan.nodes; i++)
		w->nodes[i].changes = w->nodes[i].faults = 0;
	for (unsigned i = 0; i < count; i++) {
		size_t which = draw(w);
		if (faults[which].is_wide && wide && w->plan.nodes > MANY)
			continue; // a thousand nodes that change twice are enough
		wide |= faults[which].is_wide;
		sim_after(w, sim_between(w, span_us(0), w->plan.burst), on_fault, w, which);
	}
}

void sim_begin(struct sim_world *w)
{
	// Many nodes know how they are before they hear each other: one state each, not three.
	span late = w->plan.nodes > MANY ? span_s(12) : span_us(0);

	for (unsigned i = 0; i < w->plan.nodes; i++)
		sim_router_start(&w->routers[i]);
	for (unsigned i = 0; i < w->plan.reflectors; i++)
		sim_after(w, sim_between(w, late, span_us(late.us + 3000000)), on_reflector,
			&w->reflectors[i], 0);
	for (unsigned i = 0; i < w->plan.nodes; i++)
		sim_after(w, sim_between(w, span_us(0), span_s(5)), on_start, &w->nodes[i], 0);
	sim_watch_start(w);
}

static void mend_node(struct sim_world *w, struct sim_node *n, unsigned percent)
{
	if (!n->party.running && sim_chance(w, percent))
		on_start(n, 0);
	if (n->probes[0].state != SIM_SERVES && sim_chance(w, percent))
		sim_after(w, sim_between(w, span_us(0), span_s(5)), on_service, n, SIM_SERVES);
	if (n->probes[1].state != SIM_SERVES && sim_chance(w, percent))
		set_dependency(n, SIM_SERVES);
	if (sim_chance(w, percent))
		back(w, n);
}

void sim_mend(struct sim_world *w, bool all)
{
	unsigned percent = all ? 100 : 50;
	bool links = sim_chance(w, all ? 100 : 60);

	NOTE(w, "%s is mended", all ? "everything" : "something");
	for (unsigned i = 0; i < w->session_count; i++) {
		if (links)
			sim_session_cut(w->sessions[i], false);
		w->sessions[i]->link.rate[0] = w->sessions[i]->link.rate[1] = 0;
	}
	for (unsigned i = 0; i < w->plan.reflectors; i++)
		if (sim_chance(w, percent))
			on_reflector(&w->reflectors[i], 0);
	for (unsigned i = 0; i < w->plan.nodes; i++)
		mend_node(w, &w->nodes[i], percent);
}
