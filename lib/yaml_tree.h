// YAML text as a tree of nodes that know their place. Below schema only.
//
// The part of YAML 1.1 that a configuration needs: one document of mappings,
// lists and scalars. Anchors, aliases and tags are refused: one place says one thing, and
// nothing expands.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/arena.h"
#include "lib/schema.h"

enum { TREE_DEPTH_MAX = 16 };

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_kind kind;
	bool plain;  // a scalar without quotes
	bool broken; // refused already, as an alias: no further fault about it
	struct place at;
	const char *text;          // of a scalar
	struct node *first, *last; // of a map: key, value, key, value
	struct node *next;
	size_t count; // of the children
};

// NULL when there is no tree to go on with; faults say why. Other faults may have been added
// also where a tree is returned. The tree lives in the arena.
[[nodiscard]] const struct node *tree_read(
	const struct document *d, struct arena *arena, struct faults *faults);
