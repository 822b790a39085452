// nearcast-sim: runs the fleet under virtual time. doc/sim.md
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "sim/mutant.h"
#include "sim/run.h"

struct options {
	uint64_t first, last;
	unsigned sites;
	const struct sim_mutant *mutant;
	bool tell, digest, stop;
};

struct total {
	uint64_t runs, broken, deliveries, decisions, announcements, events;
	double virtual_s;
	struct sim_measure measures[SIM_MEASURED];
};

static const char usage[] = "usage: nearcast-sim [--seeds FIRST[-LAST]] [--sites N] [--mutant "
			    "NAME] [--trace]\n"
			    "                    [--digest] [--stop]\n"
			    "       nearcast-sim --mutants\n";

static bool parse_number(const char *text, uint64_t max, uint64_t *ret, const char **end)
{
	char *stop;

	errno = 0;
	unsigned long long n = strtoull(text, &stop, 10);
	if (errno || stop == text || *text == '-' || n > max)
		return false;
	*ret = n;
	*end = stop;
	return true;
}

static bool parse_seeds(const char *text, struct options *o)
{
	const char *end;

	if (!parse_number(text, UINT64_MAX, &o->first, &end))
		return false;
	o->last = o->first;
	if (*end == '-' && !parse_number(end + 1, UINT64_MAX, &o->last, &end))
		return false;
	return *end == '\0' && o->first <= o->last;
}

static bool parse_sites(const char *text, struct options *o)
{
	uint64_t n;
	const char *end;

	if (!parse_number(text, 2000, &n, &end) || *end || n < 2)
		return false;
	o->sites = (unsigned)n;
	return true;
}

static void print_mutants(void)
{
	for (size_t i = 0; i < countof(sim_mutants); i++)
		printf("%-14s %s\n", sim_mutants[i].name, sim_mutants[i].text);
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "seeds", required_argument, NULL, 's' },
		{ "sites", required_argument, NULL, 'n' },
		{ "mutant", required_argument, NULL, 'm' },
		{ "mutants", no_argument, NULL, 'M' },
		{ "trace", no_argument, NULL, 't' },
		{ "digest", no_argument, NULL, 'd' },
		{ "stop", no_argument, NULL, 'S' },
		{},
	};
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 's')
			good = parse_seeds(optarg, o);
		else if (c == 'n')
			good = parse_sites(optarg, o);
		else if (c == 'm')
			good = (o->mutant = sim_mutant_find(optarg));
		else if (c == 't')
			o->tell = true;
		else if (c == 'd')
			o->digest = true;
		else if (c == 'S')
			o->stop = true;
		else if (c == 'M')
			print_mutants(), exit(0);
		else
			good = false;
	}
	return good && optind == argc;
}

static void print_failure(const struct options *o, uint64_t seed, const struct sim_outcome *r)
{
	printf("seed %" PRIu64 ", at %.4f s: %s\n"
	       "  replay: nearcast-sim --seeds %" PRIu64 " --sites %u%s%s --trace\n",
		seed, (double)r->at.us / 1e6, r->what, seed, o->sites,
		o->mutant ? " --mutant " : "", o->mutant ? o->mutant->name : "");
}

static void add(struct total *t, const struct sim_outcome *r)
{
	t->runs++;
	t->broken += r->broken;
	t->virtual_s += (double)r->at.us / 1e6;
	t->deliveries += r->deliveries;
	t->decisions += r->decisions;
	t->announcements += r->announcements;
	t->events += r->events;
	for (unsigned i = 0; i < SIM_MEASURED; i++) {
		struct sim_measure *m = &t->measures[i];
		m->count += r->measures[i].count;
		if (r->measures[i].worst.us > m->worst.us)
			m->worst = r->measures[i].worst;
		if (r->measures[i].allowed.us > m->allowed.us)
			m->allowed = r->measures[i].allowed;
	}
}

static void print_total(const struct total *t)
{
	printf("runs %" PRIu64 ", broken %" PRIu64 ", virtual %.0f s, events %" PRIu64
	       ", deliveries %" PRIu64 ", decisions %" PRIu64 ", announcements %" PRIu64 "\n",
		t->runs, t->broken, t->virtual_s, t->events, t->deliveries, t->decisions,
		t->announcements);
	for (unsigned i = 0; i < SIM_MEASURED; i++)
		if (t->measures[i].count)
			printf("%s: %" PRIu64 " times, at most %.3f s of %.3f s\n",
				sim_measured_name((enum sim_measured)i), t->measures[i].count,
				span_to_s(t->measures[i].worst), span_to_s(t->measures[i].allowed));
}

int main(int argc, char **argv)
{
	struct options o = { .first = 1, .last = 1, .sites = 20 };
	struct total t = {};

	if (!parse(argc, argv, &o)) {
		fputs(usage, stderr);
		return 2;
	}
	for (uint64_t seed = o.first; seed <= o.last; seed++) {
		struct sim_outcome r = sim_run(seed, o.sites, o.mutant, o.tell);
		if (o.digest)
			printf("seed %" PRIu64 ": %016" PRIx64 "\n", seed, r.digest);
		if (r.broken)
			print_failure(&o, seed, &r);
		fflush(stdout);
		add(&t, &r);
		if (seed == UINT64_MAX || (r.broken && o.stop))
			break;
	}
	print_total(&t);
	return t.broken ? 1 : 0;
}
