// nearglass: a looking glass. It listens to routers over BGP and announces nothing.
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/own.h"
#include "lib/seed.h"
#include "lib/stdfds.h"
#include "nearglass/glass.h"
#include "nearglass/http.h"
#include "nearglass/sandbox.h"

static const char default_path[] = "/etc/nearcast/nearglass.yaml";

static struct {
	struct glass *glass;
	struct http *http; // NULL: none
	uv_signal_t sigterm, sigint, sighup;
} run;

static void usage(FILE *to)
{
	fprintf(to,
		"usage: nearglass [-nV] [-c FILE]\n"
		"  -c FILE  configuration (%s)\n"
		"  -n       check the configuration and exit\n"
		"  -V       print the version and exit\n",
		default_path);
}

static int load(struct glass_conf **ret, const char *path)
{
	own(faults_free) struct faults faults = {};
	int rc = glass_conf_load(ret, path, &faults);

	faults_put(&faults, stderr);
	return rc;
}

static void on_stop(uv_signal_t *, int number)
{
	if (uv_is_closing((uv_handle_t *)&run.sigterm))
		return;
	glass_stop(run.glass, number == SIGINT ? "interrupted" : "stopped by the operator");
	uv_close((uv_handle_t *)&run.sigterm, NULL);
	uv_close((uv_handle_t *)&run.sigint, NULL);
	uv_close((uv_handle_t *)&run.sighup, NULL);
}

// The sandbox opens no file, so there is nothing to be read anew; and no reason to end.
static void on_hangup(uv_signal_t *, int)
{
	glass_note(run.glass, "SIGHUP changes nothing: the configuration is read at the start");
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "nearglass: %s: %s\n", what, why);
	return 1;
}

static int serve(const struct glass_conf *conf)
{
	own(sb_free) struct strbuf error = {};
	uv_loop_t loop;
	uint64_t rng = 0;

	signal(SIGPIPE, SIG_IGN);
	int rc = seed_draw(&rng);
	if (rc < 0)
		return fail("no random numbers", strerror(-rc));
	rc = uv_loop_init(&loop);
	if (rc < 0)
		return fail("no event loop", uv_strerror(rc));
	// From here on whoever stops it waits for an orderly end, also while it starts.
	uv_signal_init(&loop, &run.sigterm);
	uv_signal_init(&loop, &run.sigint);
	uv_signal_init(&loop, &run.sighup);
	uv_signal_start(&run.sigterm, on_stop, SIGTERM);
	uv_signal_start(&run.sigint, on_stop, SIGINT);
	uv_signal_start(&run.sighup, on_hangup, SIGHUP);
	if (glass_new(&run.glass, &loop, conf, rng, &error) < 0)
		return fail("cannot start", sb_text(&error));
	own(close_fd) int http = conf->has_http ? http_listen(conf, &error) : -1;
	if (conf->has_http && http < 0)
		return fail("cannot start", sb_text(&error));
	bool without_landlock;
	if (sandbox_enter(conf->user, conf->has_history, &without_landlock, &error) < 0)
		return fail("cannot start", sb_text(&error));
	if (geteuid() == 0)
		fprintf(stderr, "nearglass: runs as root; `user` names whom it should become\n");
	if (without_landlock)
		fprintf(stderr, "nearglass: this kernel has no Landlock: files are not shut off\n");
	if (conf->has_http && http_new(&run.http, take_fd(&http), conf, glass_views(run.glass),
				      glass_journal(run.glass), glass_history(run.glass),
				      glass_probes(run.glass), &error) < 0)
		return fail("cannot start", sb_text(&error));
	glass_start(run.glass);
	uv_run(&loop, UV_RUN_DEFAULT);
	http_free(&run.http);
	uv_loop_close(&loop);
	glass_free(&run.glass);
	return 0;
}

int main(int argc, char **argv)
{
	own(glass_conf_free) struct glass_conf *conf = NULL;
	const char *path = default_path;
	bool check_only = false;
	int opt;

	stdfds_fill();
	while ((opt = getopt(argc, argv, "c:nVh")) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 'n':
			check_only = true;
			break;
		case 'V':
			puts("nearglass " NEARCAST_VERSION);
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
		fprintf(stderr, "nearglass: `%s` is too much: a file is named with -c\n",
			argv[optind]);
		usage(stderr);
		return 2;
	}
	if (load(&conf, path) < 0)
		return 1;
	fputs(sb_text(&conf->notes), stderr);
	if (check_only) {
		printf("%s: valid\n", path);
		return 0;
	}
	return serve(conf);
}
