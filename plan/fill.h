// ASes that no trial saw: their neighbours, their country and the lengths of paths speak for them.
#pragma once

#include "plan/propagate.h"

struct plan_fill {
	const struct plan_graph *graph;
	size_t sites;
	double *p;   // of each node, sites numbers that add up to 1; set for those that are known
	bool *known; // of each node
	const uint16_t *group; // of each node, such as its country, 0 unknown; NULL
	uint32_t groups;
	// Where Gao-Rexford routes lead by class and length: a site's index for each node, or
	// UINT8_MAX; NULL.
	const uint8_t *routed;
};

// Sets p of all other nodes. Each is the mean of what speaks for it: the providers, each with its own
// answer and that of its customers that are known, since a customer goes where the provider it shares
// with them goes, and its own customers; with less weight its country, and the predicted route; and a little all ASes. Providers
// come before their customers, so that an answer reaches those far below.
void plan_fill(const struct plan_fill *f);
