// What the rooms of a run share.
//
//	run.c          from the loop to the last process: who comes after whom, and how it ends
//	run_world.c    the world comes up, its services start, measuring begins
//	run_steps.c    the start and each step: begun, watched, settled, over; sessions opened and closed
//	run_news.c     what clients, sessions, services and daemons say meanwhile
#pragma once

#include <uv.h>

#include "lab/event.h"
#include "lab/judge.h"
#include "lab/live.h"
#include "lab/page.h"
#include "lab/run.h"
#include "lab/service.h"
#include "lab/sessions.h"
#include "lab/watch.h"

enum phase {
	PHASE_SETTLING, // the last step is being watched
	PHASE_OPENING,  // the start is over, sessions are being opened
	PHASE_WAITING,  // for the time of the next one, while the step lasts
	PHASE_CLOSING,  // the last step is over but for the end of its sessions
	PHASE_KEEPING,  // the timeline is over, the world stays
	PHASE_OVER,     // the loop is about to stop
};

enum { RUN_SIGNALS = 3 };

struct run {
	const struct scenario *s;
	const struct run_options *o;
	struct run_result *r;
	struct strbuf *error;
	uv_loop_t loop;
	uv_timer_t poll;
	uv_signal_t signals[RUN_SIGNALS];
	struct topology *topology;
	struct world *world;
	struct services *services;
	struct clients *clients;
	struct sessions *sessions; // NULL: the scenario has none
	size_t breaks;             // of the step
	struct census *census;
	struct judge judge;
	struct watch *watch;
	struct live live;
	struct page page;
	pid_t line;             // delay line, 0: none
	struct command command; // of the step that is watched
	struct turns turns;     // the same
	instant asked;          // when the nodes were asked last what they heard
	enum phase phase;
	size_t next;      // step of the timeline
	instant *decided; // one a node: when it last decided anew
	int failed;       // negative errno: the run cannot go on
	bool concluded;
};

#define SAY(run, style, at, ...)                                        \
	do {                                                            \
		if (!(run)->o->quiet)                                   \
			live_say(&(run)->live, style, at, __VA_ARGS__); \
	} while (0)

// run.c. The timeline is over: the end, unless the world is kept.
void run_end(struct run *run);
// The end because somebody asks for it.
void run_interrupt(struct run *run);
// The end because the run can prove nothing any more; run->error has a sentence.
void run_fail(struct run *run, int rc);

// run_world.c. 0, or negative errno with a sentence in run->error.
[[nodiscard]] int run_make_world(struct run *run);
// The start is a step, too, the first one.
[[nodiscard]] int run_start_measuring(struct run *run);

// run_steps.c
struct step_result *run_current(struct run *run);
// step NULL: the start.
void run_begin_step(struct run *run, const struct scn_step *step, instant at);
// Looks whether the step, or the phase, is over, and goes on.
void run_look(struct run *run, instant now);

// run_news.c
extern const struct clients_ops run_clients_ops;
extern const struct sessions_ops run_sessions_ops;
extern const struct services_ops run_services_ops;
watch_fn run_on_daemon_event;
