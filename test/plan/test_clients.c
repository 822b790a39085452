// Tables of clients, distances, and what routes mean for both.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "plan/impact.h"
#include "plan/summary.h"
#include "test/plan/world.h"
#include "test/unit.h"

static void assert_near(double a, double b)
{
	assert_true(fabs(a - b) < 1e-6 * (1 + fabs(b)));
}

static const char graph_text[] = "1|2|-1\n1|3|-1\n2|4|-1\n3|5|-1\n";

static int read_places(struct plan_clients *c, const char *text, struct plan_fault *fault)
{
	int rc = 0;

	for (const char *at = text; rc == 0 && *at; at++)
		rc = plan_clients_places(c, at, 1, fault); // pieces may end anywhere
	return rc < 0 ? rc : plan_clients_places_end(c, fault);
}

static int read_weights(struct plan_clients *c, const char *text, struct plan_fault *fault)
{
	int rc = plan_clients_weights(c, text, strlen(text), fault);

	return rc < 0 ? rc : plan_clients_weights_end(c, fault);
}

static void test_tables(void **)
{
	own(plan_graph_free) struct plan_graph *g = graph_of(graph_text);
	own(plan_clients_free) struct plan_clients *c = plan_clients_new(g);
	own(plan_fault_free) struct plan_fault fault = {};

	assert_near(c->total, 5);
	assert_int_equal(
		read_places(c, "country\tlat\tlon\tmore\nXX\t10\t20\tx\nYY\t-5\t6.5\n", &fault), 0);
	assert_int_equal(read_places(c, "4 1 2\n99 1 2\n", &fault), 0);
	assert_int_equal(
		read_weights(c,
			"# comment\nasn\tname\tv4_addresses\ttop_country\r\n4\t\t10\tXX\r\n"
			"AS5\tn\t1.5e1\tYY\n5\tn\t5\tYY\n99\tn\t7\tXX\n2\tn\t0\tZZ",
			&fault),
		0);
	assert_near(c->total, 30);
	assert_near(c->unknown, 7);
	assert_near(c->of[node_of(g, 5)].weight, 20);
	assert_near((double)c->of[node_of(g, 5)].lon, 6.5);
	assert_near((double)c->of[node_of(g, 4)].lat, 1); // its own place, not its country's
	assert_false(c->of[node_of(g, 2)].placed);
	assert_near(c->of[node_of(g, 1)].weight, 0);
}

static void test_broken_tables(void **)
{
	static const struct {
		bool places;
		const char *text;
		uint64_t line;
		const char *why;
	} rows[] = {
		{ true, "x\ty\n", 1, "the heading wants country or asn, lat and lon" },
		{ true, "1 2\n", 1, "lon wants a number from -180 to 180" },
		{ true, "1 91 2\n", 1, "lat wants a number from -90 to 90" },
		{ true, "1 1 2\n\n2 nan 2\n", 3, "lat wants a number from -90 to 90" },
		{ true, "1 0x1 2\n", 1, "lat wants a number from -90 to 90" },
		{ true, "country\tlat\tlon\n\t1\t2\n", 2,
			"country wants a code of at most 7 characters" },
		{ false, "asn\tname\n", 1,
			"the heading wants asn, and weight, queries or v4_addresses" },
		{ false, "4 -1\n", 1, "a weight is a number that is not negative" },
		{ false, "4 inf\n", 1, "a weight is a number that is not negative" },
		{ false, "4\n", 1, "a weight is a number that is not negative" },
		{ false, "4 1\nx 1\n", 2, "asn wants an AS number" },
		{ false, "4294967296 1\n", 1,
			"the heading wants asn, and weight, queries or v4_addresses" },
		{ false, "99 1\n", 0, "no AS of the graph has a weight" },
		{ false, "", 0, "no AS of the graph has a weight" },
	};
	own(plan_graph_free) struct plan_graph *g = graph_of(graph_text);

	for (size_t i = 0; i < countof(rows); i++) {
		own(plan_clients_free) struct plan_clients *c = plan_clients_new(g);
		own(plan_fault_free) struct plan_fault fault = {};
		int rc = rows[i].places ? read_places(c, rows[i].text, &fault)
					: read_weights(c, rows[i].text, &fault);
		assert_int_equal(rc, -EINVAL);
		assert_string_equal(sb_text(&fault.why), rows[i].why);
		assert_int_equal(fault.line, rows[i].line);
	}
}

static void test_distance_and_fit(void **)
{
	struct plan_rtt samples[100];
	struct plan_latency l;
	double error;
	struct rng rng = { 9 };

	assert_true(fabs(plan_distance_km(50.11, 8.68, 40.71, -74.01) - 6203) < 20);
	assert_near(plan_distance_km(10, 20, 10, 20), 0);
	assert_true(fabs(plan_distance_km(0, 0, 0, 180) - 20015) < 2);
	for (size_t i = 0; i < countof(samples); i++) {
		samples[i].km = (double)rng_range(&rng, 100, 15000);
		samples[i].ms = 4 + 1.7 * samples[i].km / 100;
		if (i % 10 == 0)
			samples[i].ms += 400; // some say nothing about distance
	}
	assert_int_equal(plan_latency_fit(&l, &error, samples, countof(samples)), 0);
	assert_true(fabs(l.factor - 1.7) < 0.05 && fabs(l.base_ms - 4) < 2.5 && error < 2);
	assert_int_equal(plan_latency_fit(&l, &error, samples, 2), -ENODATA);
	samples[1] = samples[2] = samples[0];
	assert_int_equal(plan_latency_fit(&l, &error, samples, 3), -ENODATA);
}

// Two sites at 2 and 3; clients at 4 and 5.
struct small {
	struct plan_graph *g;
	struct plan_clients *c;
	struct plan_site sites[2];
	struct plan_seed seeds[2];
	struct plan_plan p;
	struct plan_routes *r;
};

static void make(struct small *s)
{
	struct plan_fault fault = {};

	s->g = graph_of(graph_text);
	s->c = plan_clients_new(s->g);
	assert_int_equal(read_places(s->c, "4 0 0\n5 0 90\n", &fault), 0);
	assert_int_equal(read_weights(s->c, "4 75\n5 25\n", &fault), 0);
	s->sites[0] =
		(struct plan_site){ .has_place = true, .has_capacity = true, .capacity = 0.5 };
	s->sites[1] = (struct plan_site){ .has_place = true, .lon = 90 };
	s->seeds[0] = origin_seed(s->g, 2, 0, 0);
	s->seeds[1] = origin_seed(s->g, 3, 1, 0);
	s->p = (struct plan_plan){
		.announcement = { 2, s->seeds, 2, PLAN_NONE }, .sites = s->sites, .seeds = s->seeds
	};
	s->r = plan_routes_new(s->g);
	assert_int_equal(plan_propagate(s->r, &s->p.announcement, NULL), 0);
}

static void unmake(struct small *s)
{
	plan_routes_free(&s->r);
	plan_clients_free(&s->c);
	plan_graph_free(&s->g);
}

static void test_summary(void **)
{
	static const struct plan_latency l = { 1, 2 };
	struct plan_summary sum;
	struct small s;
	make(&s);

	plan_summarise(&sum, s.r, &s.p, NULL, s.c, &l);
	assert_int_equal(sum.reached, 5);
	assert_int_equal(sum.by_class[PLAN_ORIGIN], 2);
	assert_near(sum.weight, 1);
	assert_near(sum.sites[0].weight, 0.75);
	assert_near(sum.overload, 0.25);
	assert_near(sum.mean_ms, 1);
	plan_summary_free(&sum);
	s.seeds[0].length = 10; // and yet 4 has no other way; 1 has
	assert_int_equal(plan_propagate(s.r, &s.p.announcement, NULL), 0);
	plan_summarise(&sum, s.r, &s.p, NULL, NULL, &l);
	assert_int_equal(sum.sites[1].ases, 3);
	assert_near(sum.sites[1].weight, 0.6);
	assert_near(sum.placed, 0);
	plan_summary_free(&sum);
	unmake(&s);
}

static void test_impacts(void **)
{
	static const struct plan_latency l = { 1, 2 };
	struct plan_impact got[3];
	struct small s;
	make(&s);
	struct plan_ground ground = { s.g, &s.p, s.c, &l, s.r };
	own(plan_impacts_free) struct plan_impacts *x = plan_impacts_new(&ground);
	static const bool first_off[] = { true, false }, all_off[] = { true, true };
	uint32_t down = node_of(s.g, 5);
	const struct plan_mask masks[] = { { .sites_off = first_off }, { .sites_off = all_off },
		{ .nodes = &down, .node_count = 1 } };
	const struct plan_mask *pointers[] = { &masks[0], &masks[1], &masks[2] };
	double carried[5];

	assert_int_equal(plan_impacts_of(x, pointers, 3, got), 0);
	assert_near(got[0].moved, 0.75);
	assert_near(got[0].lost, 0);
	assert_near(got[0].fullest, 1);
	assert_int_equal(got[0].fullest_site, 1);
	double far = 1 + 2 * plan_distance_km(0, 0, 0, 90) / 100;
	assert_near(got[0].mean_ms, 0.25 + 0.75 * far);
	assert_near(got[1].lost, 1);
	assert_near(got[2].lost, 0.25);
	assert_near(got[2].moved, 0);
	assert_near(got[2].overload, 0.25);
	plan_carried(s.r, s.c, carried);
	assert_near(carried[node_of(s.g, 2)], 75);
	assert_near(carried[node_of(s.g, 3)], 25);
	assert_near(carried[node_of(s.g, 1)], 0);
	unmake(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_broken_tables),
		cmocka_unit_test(test_distance_and_fit),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_impacts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
