// Who the clients are: how much of the load each AS is, and where it is.
#pragma once

#include "plan/latency.h"
#include "plan/table.h"

enum { PLAN_COUNTRIES_MAX = 1024 };

struct plan_client {
	double weight;
	float lat, lon;
	bool placed;
};

struct plan_country {
	char name[8];
	float lat, lon;
};

struct plan_clients {
	const struct plan_graph *graph; // borrowed
	struct plan_client *of;         // one a node
	double total;                   // weight of all nodes
	double unknown;                 // weight of ASes that the graph has not
	bool weighted, placed;          // something was read
	struct plan_country *countries;
	size_t country_count;
	struct plan_table table;
	int column[6]; // of the file that is being read
};

// Every AS weighs 1 and stands nowhere.
[[nodiscard]] struct plan_clients *plan_clients_new(const struct plan_graph *g);
void plan_clients_free(struct plan_clients **c); // NULL inside is fine

// Places, before weights: a table with the columns lat, lon and either country (centres of countries) or
// asn (where an AS is; that holds against its country). Without a heading: asn, lat, lon.
// -EINVAL with *fault set.
[[nodiscard]] int plan_clients_places(
	struct plan_clients *c, const void *bytes, size_t n, struct plan_fault *fault);
[[nodiscard]] int plan_clients_places_end(struct plan_clients *c, struct plan_fault *fault);

// Weights: a table with the columns asn and weight (or queries, or v4_addresses), and if it has them
// country (or top_country), lat and lon. Without a heading: asn, weight. ASes that are not in the table weigh
// nothing; one that stands there twice weighs the sum. -EINVAL with *fault set.
[[nodiscard]] int plan_clients_weights(
	struct plan_clients *c, const void *bytes, size_t n, struct plan_fault *fault);
[[nodiscard]] int plan_clients_weights_end(struct plan_clients *c, struct plan_fault *fault);
