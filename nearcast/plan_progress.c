#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/timing.h"
#include "nearcast/plan.h"

enum { BAR = 30, INTERVAL_MS = 100 };

static double drawn_ms;
static bool drawn;
static volatile sig_atomic_t interrupted;

static double clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

double plan_now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

double plan_cpu_ms(void)
{
	return clock_ms(CLOCK_PROCESS_CPUTIME_ID);
}

void plan_progress(const char *what, uint64_t done, uint64_t total)
{
	static const char full[] = "##############################";
	double now = plan_now_ms();

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
