// A run's world comes up: namespaces, links, the page, services; then what measures them.
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "lab/clock.h"
#include "lab/netns.h"
#include "lab/requirements.h"
#include "lab/run_int.h"
#include "lib/mem.h"

static int set_up_clients(const struct run *run)
{
	int rc = 0;

	items_for_each(struct scn_client, c, run->s->clients)
	{
		if (rc == 0 && !c->timestamps)
			rc = netns_no_timestamps(topology_node(run->topology, c->name)->netns);
	}
	return rc;
}

static int open_page(struct run *run)
{
	if (!run->o->web || !glass_of_page(run->s, run->topology))
		return 0;
	int rc = page_open(&run->page);
	if (rc < 0) {
		sb_printf(run->error,
			"cannot listen on loopback for the page (--no-web does without): %s",
			strerror(-rc));
		return rc;
	}
	page_begin(&run->page, run->s, run->world);
	fprintf(stderr, "The page of this world: %s\n", run->page.url);
	return 0;
}

int run_make_world(struct run *run)
{
	const struct scenario *s = run->s;

	int rc = requirements_programs(s, run->error);
	if (rc < 0)
		return rc;
	rc = topology_new(&run->topology, s);
	if (rc < 0) {
		sb_str(run->error, "the scenario is larger than the lab's address plan");
		return rc;
	}
	rc = world_new(&run->world, s->name, run->topology, run->error);
	if (rc == 0)
		rc = requirements_room(run->world->dir,
			requirements_bytes(s, run->o->up ? NULL : &run->r->sessions), run->error);
	if (rc == 0)
		rc = links_make(run->world, &run->r->method, &run->line, run->error);
	if (rc == 0)
		rc = set_up_clients(run);
	if (rc < 0)
		return rc;
	SAY(run, LIVE_PLAIN, lab_now(),
		"%zu networks, %zu links (%s), %zu sites and %zu clients in %s", s->networks.count,
		run->topology->link_count, link_method_name(run->r->method), s->sites.count,
		s->clients.count, run->world->dir);
	rc = open_page(run);
	if (rc == 0)
		rc = services_new(&run->services, s, run->world, run->page.listener, run->error);
	if (rc < 0)
		return rc;
	services_watch(run->services, &run->loop, &run_services_ops, run);
	return services_start_all(run->services, run->error);
}

int run_start_measuring(struct run *run)
{
	run->census = census_new(run->s);
	run->decided = mem_zalloc(run->s->sites.count * sizeof(*run->decided));
	run_begin_step(run, NULL, lab_now());
	run->watch = watch_new(&run->loop, run->s, run->world, run_on_daemon_event, run);
	int rc = clients_new(&run->clients, &run->loop, run->s, run->topology, &run_clients_ops,
		run, run->error);
	run->judge =
		(struct judge){ run->s, run->clients, run->census, run->world, &run->r->sessions };
	if (rc == 0 && run->r->sessions.count > 0)
		run->sessions = sessions_new(
			&run->loop, run->s, run->world, &run->r->sessions, &run_sessions_ops, run);
	lab_be_punctual(SCHED_RR | SCHED_RESET_ON_FORK);
	return rc;
}
