#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/timing.h"
#include "nearcast/plan.h"

enum { BAR = 30, INTERVAL_MS = 100 };

static int64_t drawn_ms;
static bool drawn;
static volatile sig_atomic_t interrupted;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

void plan_progress(const char *what, uint64_t done, uint64_t total)
{
	static const char full[] = "##############################";
	int64_t now = now_ms();

	if (!isatty(STDERR_FILENO) || (drawn && now - drawn_ms < INTERVAL_MS))
		return;
	drawn = true;
	drawn_ms = now;
	if (total == 0) {
		fprintf(stderr, "\r%s: %llu\033[K", what, (unsigned long long)done);
		return;
	}
	if (done > total)
		done = total;
	int n = (int)((double)done / (double)total * BAR);
	fprintf(stderr, "\r[%.*s%*s] %3d %% %s\033[K", n, full, BAR - n, "",
		(int)((double)done / (double)total * 100), what);
}

void plan_progress_end(void)
{
	if (drawn)
		fputs("\r\033[K", stderr);
	drawn = false;
}

static void on_interrupt(int)
{
	interrupted = 1;
}

void plan_catch_interrupt(void)
{
	struct sigaction sa = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
}

bool plan_interrupted(void)
{
	return interrupted;
}
