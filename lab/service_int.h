// Inside the services of a world.
#pragma once

#include "lab/service.h"

struct services {
	const struct scenario *scenario;
	const struct world *world;
	struct service **list;
	size_t count;
	uint8_t secret[32]; // of the fleet's keepers
	int page;           // listening socket; -1: none
	uv_loop_t *loop;
	const struct services_ops *ops;
	void *ctx;
};

// Adds a service to the list. argv ends with NULL; strings are copied.
void services_add(struct services *all, const struct lab_node *node, const char *name,
	const char *const argv[]);

// Writes the configuration files of the node and adds its services. 0, or negative errno, maybe
// with a sentence in *error.
[[nodiscard]] int services_add_node(
	struct services *all, const struct lab_node *node, struct strbuf *error);
