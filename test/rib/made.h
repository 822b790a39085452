// Routes from text, for the tests of rib/: path "65001 65002", the rest "med=5 lp=200 c=64500:1", in
// order of the attributes' codes.
#pragma once

#include "rib/rib.h"

struct made {
	uint8_t bytes[512];
	struct rib_attrs attrs;
};

struct made *made(struct made *m, const char *path, const char *rest);
void made_announce(struct rib *r, unsigned neighbour, const char *prefix, uint32_t path_id,
	const char *path, const char *rest);
