// nearcastd: announces a site's anycast prefixes while it can serve.
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/own.h"
#include "lib/seed.h"
#include "lib/stdfds.h"
#include "nearcastd/daemon.h"
#include "nearcastd/keeper.h"
#include "nearcastd/notify.h"
#include "nearcastd/tcpauth.h"

static const char default_path[] = "/etc/nearcast/nearcast.yaml";

// How the daemon ends: demote, withdraw, serve on for the grace, Cease, and out.
enum stage { RUNNING, DEMOTED, WITHDRAWN, CEASED, ENDED };

static struct {
	struct daemon d;
	uv_loop_t loop;
	uv_signal_t sigterm, sigint, sighup;
	uv_timer_t stage_timer, watchdog;
	uv_prepare_t before_wait;
	enum stage stage;
	const char *why;
} run;

static void usage(FILE *to)
{
	fprintf(to,
		"usage: nearcastd [-nV] [--detach] [-c FILE]\n"
		"  -c FILE  configuration (%s)\n"
		"  -n       check the configuration and exit\n"
		"  --detach take the keeper's programs off the interfaces and exit\n"
		"  -V       print the version and exit\n",
		default_path);
}

static int load(struct conf **ret, const char *path)
{
	own(faults_free) struct faults faults = {};
	int rc = conf_load(ret, path, &faults);

	faults_put(&faults, stderr);
	return rc;
}

// The file may be meant for another host.
static void warn_of_kernel(const struct conf *conf)
{
	own(sb_free) struct strbuf error = {};

	if (tcpauth_check(conf, &error) < 0)
		fprintf(stderr, "nearcastd: warning: here it would not start: %s\n",
			sb_text(&error));
}

// Descriptors that are still watched are those of programs that cannot be killed.
static void close_handle(uv_handle_t *handle, void *)
{
	if (uv_handle_get_type(handle) == UV_POLL)
		uv_unref(handle);
	else if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

// ---- Stopping ----

static void give_up(uv_timer_t *)
{
	uv_stop(&run.loop);
}

// The loop ends when all is closed. A program of a check that cannot be killed is not waited for.
static void end(void)
{
	enum { LAST_MS = 500 };

	run.stage = ENDED;
	daemon_end(&run.d);
	uv_close((uv_handle_t *)&run.sigterm, NULL);
	uv_close((uv_handle_t *)&run.sigint, NULL);
	uv_close((uv_handle_t *)&run.sighup, NULL);
	uv_timer_start(&run.stage_timer, give_up, LAST_MS, 0);
	uv_unref((uv_handle_t *)&run.stage_timer);
	uv_close((uv_handle_t *)&run.watchdog, NULL);
	uv_unref((uv_handle_t *)&run.before_wait);
}

static void next_stage(uv_timer_t *timer);

static void enter_stage(enum stage stage, span lasts)
{
	run.stage = stage;
	uv_timer_start(&run.stage_timer, next_stage, (uint64_t)span_to_ms(lasts), 0);
}

static void next_stage(uv_timer_t *timer)
{
	enum { LOOK_MS = 5 };

	switch (run.stage) {
	case DEMOTED:
		notify_send("STATUS=withdrawn, serving what still arrives");
		daemon_stopping(&run.d, STOPPING_WITHDRAWN, run.why);
		enter_stage(WITHDRAWN, run.d.conf->stop_grace);
		break;
	case WITHDRAWN:
		run.stage = CEASED;
		daemon_close_sessions(&run.d, run.why);
		uv_timer_start(timer, next_stage, LOOK_MS, LOOK_MS);
		break;
	case CEASED: // until each neighbour closed or its linger time is over
		if (conn_lingering() == 0)
			end();
		break;
	case RUNNING:
	case ENDED:
		break;
	}
}

static void on_stop(uv_signal_t *, int number)
{
	switch (run.stage) {
	case RUNNING:
		run.why = number == SIGINT ? "interrupted" : "stopped by the operator";
		notify_send("STOPPING=1\nSTATUS=announced as draining");
		run.stage = DEMOTED;
		if (span_is_zero(run.d.conf->stop_drain)) {
			next_stage(&run.stage_timer);
			break;
		}
		daemon_stopping(&run.d, STOPPING_DEMOTED, run.why);
		enter_stage(DEMOTED, run.d.conf->stop_drain);
		break;
	case DEMOTED: // asked twice: not so slowly
	case WITHDRAWN:
		next_stage(&run.stage_timer);
		break;
	case CEASED:
	case ENDED:
		break;
	}
}

// ---- Reload, watchdog, log ----

static void on_reload(uv_signal_t *, int)
{
	own(sb_free) struct strbuf error = {};
	char state[80];

	if (run.stage != RUNNING)
		return;
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%ld", clock_now().us);
	notify_send(state);
	// A refusal is in the log as an event, and the daemon is ready again.
	notify_send(daemon_reload(&run.d, false, &error) < 0 ? "READY=1\nSTATUS=reload refused"
							     : "READY=1\nSTATUS=reloaded");
}

static void on_watchdog(uv_timer_t *)
{
	notify_send("WATCHDOG=1");
}

static void before_wait(uv_prepare_t *)
{
	fleet_hear(run.d.fleet);
	events_flush_log(run.d.events);
}

static void start_handles(void)
{
	uint64_t watchdog_ms = notify_watchdog_ms();

	uv_signal_init(&run.loop, &run.sigterm);
	uv_signal_init(&run.loop, &run.sigint);
	uv_signal_init(&run.loop, &run.sighup);
	uv_signal_start(&run.sigterm, on_stop, SIGTERM);
	uv_signal_start(&run.sigint, on_stop, SIGINT);
	uv_signal_start(&run.sighup, on_reload, SIGHUP);
	uv_timer_init(&run.loop, &run.stage_timer);
	uv_timer_init(&run.loop, &run.watchdog);
	if (watchdog_ms)
		uv_timer_start(&run.watchdog, on_watchdog, 0, watchdog_ms / 2);
	uv_prepare_init(&run.loop, &run.before_wait);
	uv_prepare_start(&run.before_wait, before_wait);
}

static int serve(struct conf *conf, const char *path)
{
	own(sb_free) struct strbuf error = {};

	signal(SIGPIPE, SIG_IGN);
	int rc = seed_draw(&run.d.rng_seed);
	if (rc < 0) {
		fprintf(stderr, "nearcastd: no random numbers: %s\n", strerror(-rc));
		return 1;
	}
	rc = uv_loop_init(&run.loop);
	if (rc < 0) {
		fprintf(stderr, "nearcastd: no event loop: %s\n", strerror(-rc));
		return 1;
	}
	run.d.loop = &run.loop;
	run.d.conf = conf;
	run.d.path = path;
	run.d.events = events_new();
	start_handles();
	if (daemon_start(&run.d, &error) < 0) {
		events_flush_log(run.d.events);
		fprintf(stderr, "nearcastd: %s\n", sb_text(&error));
		return 1;
	}
	notify_send("READY=1\nSTATUS=running");
	uv_run(&run.loop, UV_RUN_DEFAULT);
	events_free(&run.d.events);
	uv_walk(&run.loop, close_handle, NULL);
	uv_run(&run.loop, UV_RUN_DEFAULT);
	uv_loop_close(&run.loop);
	return 0;
}

int main(int argc, char **argv)
{
	const char *path = default_path;
	static const struct option options[] = { { "detach", no_argument, NULL, 'D' }, {} };
	bool check_only = false, detach = false;
	struct conf *conf = NULL;
	int opt;

	stdfds_fill();
	while ((opt = getopt_long(argc, argv, "c:nVh", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 'n':
			check_only = true;
			break;
		case 'D':
			detach = true;
			break;
		case 'V':
			puts("nearcastd " NEARCAST_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "nearcastd: `%s` is too much: a file is named with -c\n",
			argv[optind]);
		usage(stderr);
		return 2;
	}
	if (load(&conf, path) < 0)
		return 1;
	if (!check_only && !detach)
		return serve(conf, path);
	int status = 0;
	if (detach) {
		status = keep_detach(conf);
	} else {
		warn_of_kernel(conf);
		printf("%s: valid\n", path);
	}
	conf_free(&conf);
	return status;
}
