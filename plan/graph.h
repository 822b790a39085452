// The Internet as the planner sees it: autonomous systems, and what each neighbour is to them.
//
// A node is an AS. Nodes are numbered from 0 in the order of their AS numbers, so that the rule "the
// neighbour with the lowest AS number" compares node numbers. A graph never changes once it is
// built: what is switched off is said by a mask (plan/announce.h), not by another graph.
//
//	builder = plan_builder_new()
//	plan_builder_feed(builder, bytes, n, &fault)    as often as there are bytes
//	plan_builder_finish(&graph, &builder, &fault)
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/strbuf.h"

#define PLAN_NONE UINT32_MAX // no node

enum {
	PLAN_AS_MAX = 4 << 20,     // ASes of a graph
	PLAN_LINKS_MAX = 16 << 20, // links of a graph, those given twice counted twice
	PLAN_LINE_MAX = 4096,      // bytes of a line of a graph file, comments apart
};

// What a neighbour is to the AS. The order is that of preference: a route from a customer earns
// money, one from a provider costs some.
enum plan_relation { PLAN_CUSTOMER, PLAN_PEER, PLAN_PROVIDER, PLAN_RELATION_MAX };

const char *plan_relation_name(enum plan_relation r); // "customer"

// Neighbours of one kind, of all nodes: those of node v are node[first[v]] up to, not including,
// node[first[v + 1]], ascending.
struct plan_links {
	uint32_t *first; // one more than there are nodes
	uint32_t *node;
};

// A range of the order in which providers and customers go round in a circle.
struct plan_cycle {
	uint32_t first, count; // in order[]; count at least 2
};

struct plan_graph {
	uint32_t count; // of nodes
	uint32_t *asn;  // of each node, ascending
	struct plan_links links[PLAN_RELATION_MAX];
	// All nodes, each after its customers. Where that cannot be, since an AS is its own indirect
	// provider (siblings are that too), the nodes of the circle stand side by side.
	uint32_t *order;
	struct plan_cycle *cycles; // by first
	uint32_t cycle_count;
	uint32_t transit_links, peer_links, sibling_links; // each counted once
	uint32_t repeated; // links that the file gave more than once
};

struct plan_span {
	const uint32_t *node;
	uint32_t count;
};

// Borrowed from the graph.
static inline struct plan_span plan_neighbours(
	const struct plan_graph *g, uint32_t node, enum plan_relation r)
{
	const struct plan_links *l = &g->links[r];

	return (struct plan_span){ l->node + l->first[node], l->first[node + 1] - l->first[node] };
}

// PLAN_NONE: not in the graph.
uint32_t plan_node(const struct plan_graph *g, uint32_t asn);
// What the neighbour is to the node; false: they are not neighbours. Siblings are customers.
[[nodiscard]] bool plan_relation_of(
	const struct plan_graph *g, uint32_t node, uint32_t neighbour, enum plan_relation *ret);
// Bytes of memory that the graph takes.
size_t plan_graph_bytes(const struct plan_graph *g);
void plan_graph_free(struct plan_graph **g); // NULL inside is fine

// Where and why an input was refused.
struct plan_fault {
	uint64_t line; // from 1; 0: the file as a whole
	struct strbuf why;
};

void plan_fault_free(struct plan_fault *f);

struct plan_builder;

[[nodiscard]] struct plan_builder *plan_builder_new(void);
void plan_builder_free(struct plan_builder **b); // NULL inside is fine

// CAIDA's as-rel, serial 1 and 2, in pieces that may end anywhere:
//
//	# comment
//	<provider>|<customer>|-1[|<source>]
//	<peer>|<peer>|0[|<source>]
//	<sibling>|<sibling>|1[|<source>]             (2 is read as 1: both were in use)
//
// Siblings give each other everything, as if each was the other's provider. A link that is given
// twice counts once; one given as transit both ways makes siblings. -EINVAL with *fault set: a
// line that does not read so, AS 0, an AS as its own neighbour; -EFBIG: over one of the limits above.
// After a failure only plan_builder_free() may follow.
[[nodiscard]] int plan_builder_feed(
	struct plan_builder *b, const void *bytes, size_t n, struct plan_fault *fault);

// One link, as one line. -EINVAL, -EFBIG as above, without a place.
[[nodiscard]] int plan_builder_add(
	struct plan_builder *b, uint32_t asn, uint32_t neighbour, enum plan_relation neighbour_is);

// Frees the builder, also on failure. -EINVAL with *fault set: two lines contradict each other
// (peer here, transit there), or there is no link at all.
[[nodiscard]] int plan_builder_finish(
	struct plan_graph **ret, struct plan_builder **b, struct plan_fault *fault);
