// What load.c, attach.c and tables.c share.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "flow/keeper.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" // made by bpftool
#include <keeper.skel.h>
#pragma GCC diagnostic pop

struct keeper {
	struct keeper_bpf *bpf;
	struct ring_buffer *ring;
	char *pin; // NULL: nothing is pinned
	keeper_event_fn *fn;
	void *arg;
	int handed;          // events, in this turn
	uint32_t *udp_ports; // what is set for each; NULL: not read yet
};

// What libbpf and libxdp last complained of, in one line. They have no other way to say why.
void keeper_hush(void);
const char *keeper_complaint(void);

// An object over the pinned maps, not loaded yet.
[[nodiscard]] int keeper_object(struct keeper_bpf **ret, const char *pin, struct strbuf *error);

// Whether a pin has the name of one of our tables, "table-SHAPE"; the shape then.
[[nodiscard]] bool keeper_is_pin(
	const struct bpf_object *object, const char *name, unsigned *shape);
