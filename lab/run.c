#include "lab/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lab/clock.h"
#include "lab/run_int.h"
#include "lib/mem.h"

enum { POLL_MS = 20, KEPT_ASK_MS = 200 };

// Once: the result is complete.
static void conclude(struct run *run)
{
	struct run_result *r = run->r;
	size_t planned = run->o->up ? 1 : run->s->timeline.count + 1;

	if (run->concluded || run->failed < 0)
		return;
	run->concluded = true;
	r->ended = lab_now();
	r->ok = r->ok && !r->interrupted && r->step_count == planned;
	r->ok &= !run->sessions || run->o->up || r->totals;
	if (run->clients)
		judge_run(&run->judge, r);
	if (run->world)
		keepers_ask(run->world, &r->keepers, &r->keeper_count);
	if (run->o->on_end && r->step_count > 0)
		run->o->on_end(run->o->ctx, r);
}

static void stop(struct run *run)
{
	run->phase = PHASE_OVER;
	uv_stop(&run->loop);
}

void run_interrupt(struct run *run)
{
	if (run->phase != PHASE_KEEPING)
		run->r->interrupted = true;
	stop(run);
}

void run_fail(struct run *run, int rc)
{
	if (run->failed == 0)
		run->failed = rc;
	stop(run);
}

void run_end(struct run *run)
{
	conclude(run);
	if (run->page.listener >= 0)
		fprintf(stderr, "The page: %s%s\n", run->page.url,
			run->o->keep || run->o->up ? ""
						   : " (it ends with the world; -k keeps both)");
	if (!run->o->keep || run->failed < 0) {
		stop(run);
		return;
	}
	if (run->page.socket && run->clients)
		clients_slow(run->clients, span_ms(KEPT_ASK_MS));
	else
		clients_free(&run->clients);
	sessions_free(&run->sessions);
	run->phase = PHASE_KEEPING;
	fprintf(stderr,
		"\nThe world stays up. For example:\n"
		"  nearcast lab exec -w %s %s birdc -s bird.ctl show route\n"
		"Ctrl-C ends it.\n",
		run->world->name, run->topology->nodes[0].name);
}

// Somebody else ended the world, as with `down`: one that was only kept has done its duty.
static void world_gone(struct run *run)
{
	if (run->phase == PHASE_KEEPING) {
		fprintf(stderr, "The world was ended.\n");
		stop(run);
		return;
	}
	sb_printf(run->error, "world %s was ended by somebody else", run->world->name);
	run_fail(run, -ECHILD);
}

static void check_line(struct run *run)
{
	if (run->line <= 0 || waitpid(run->line, NULL, WNOHANG) != run->line)
		return;
	run->line = 0;
	sb_str(run->error, "the delay line ended\n");
	(void)!world_read(run->world, NULL, "delay-line.log", 0, run->error);
	run_fail(run, -EPIPE);
}

static void on_poll(uv_timer_t *timer)
{
	struct run *run = timer->data;
	instant now = lab_now();

	if (run->world && !world_is_up(run->world)) {
		world_gone(run);
		return;
	}
	check_line(run);
	if (run->clients)
		page_tell(&run->page, run->s, run->topology, run->clients, now);
	run_look(run, now);
}

static void on_signal(uv_signal_t *s, int)
{
	run_interrupt(s->data);
}

// What asks for the end. A lab that was started with nohup(1) outlives its terminal.
static const int ends[RUN_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

static bool is_ignored(int number)
{
	struct sigaction was;

	return sigaction(number, NULL, &was) == 0 && was.sa_handler == SIG_IGN;
}

static int start_loop(struct run *run)
{
	int rc = 0;

	signal(SIGPIPE, SIG_IGN); // servers and daemons that die close sockets under our hands
	for (size_t i = 0; i < countof(ends) && rc == 0; i++) {
		uv_signal_init(&run->loop, &run->signals[i]);
		run->signals[i].data = run;
		if (!is_ignored(ends[i]))
			rc = uv_signal_start(&run->signals[i], on_signal, ends[i]);
	}
	if (rc < 0)
		return rc;
	uv_timer_init(&run->loop, &run->poll);
	run->poll.data = run;
	return uv_timer_start(&run->poll, on_poll, POLL_MS, POLL_MS);
}

static void close_handle(uv_handle_t *h, void *)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

// Who is impatient and asks twice would leave the directory behind.
static void ask_no_more(void)
{
	for (size_t i = 0; i < countof(ends); i++)
		signal(ends[i], SIG_IGN);
}

static void clean_up(struct run *run)
{
	clients_free(&run->clients);
	sessions_free(&run->sessions);
	watch_free(&run->watch);
	services_free(&run->services);
	census_free(&run->census);
	free_ptr(&run->decided);
	uv_walk(&run->loop, close_handle, NULL);
	uv_run(&run->loop, UV_RUN_DEFAULT);
	ask_no_more();
	(void)uv_loop_close(&run->loop);
	if (run->world && run->o->up && run->r->ok && run->failed == 0 && !run->r->interrupted)
		run->failed = world_detach(&run->world);
	page_close(&run->page);
	world_end(&run->world);
	topology_free(&run->topology);
}

static void play(struct run *run)
{
	run->failed = start_loop(run);
	if (run->failed == 0)
		run->failed = run_make_world(run);
	if (run->failed == 0)
		run->failed = run_start_measuring(run);
	if (run->failed == 0)
		uv_run(&run->loop, UV_RUN_DEFAULT);
	conclude(run);
	clean_up(run);
}

int run_scenario(struct run_result *ret, const struct scenario *s,
	const struct run_options *options, struct strbuf *error)
{
	struct run *run = mem_zalloc(sizeof(*run));
	struct run_result r = { .scenario = s, .began = lab_now(), .ok = true };
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	r.started_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000;
	r.sessions = session_list_new(s);
	r.steps = mem_zalloc((s->timeline.count + 1) * sizeof(*r.steps));
	*run = (struct run){
		.s = s,
		.o = options,
		.r = &r,
		.error = error,
		.live = live_new(r.began),
		.page = { .listener = -1, .feed = -1 },
	};
	int rc = uv_loop_init(&run->loop);
	if (rc == 0) {
		play(run);
		rc = run->failed;
	}
	if (rc < 0 && error->len == 0)
		sb_printf(error, "cannot run the scenario: %s", strerror(-rc));
	free(run);
	if (rc < 0)
		run_result_free(&r);
	else
		*ret = r;
	return rc;
}

void run_result_free(struct run_result *r)
{
	for (size_t i = 0; i < r->step_count; i++) {
		free(r->steps[i].failure);
		free(r->steps[i].output);
		free(r->steps[i].announced);
		free(r->steps[i].heard);
		free(r->steps[i].clients);
		free(r->steps[i].sessions);
	}
	free(r->keepers);
	session_list_free(&r->sessions);
	free(r->totals);
	free(r->resets);
	free(r->steps);
	*r = (struct run_result){};
}
