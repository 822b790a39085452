// Links between nodes: veth where nothing is to be delayed or lost, and else
// netem on veth, or the delay line where the kernel has no netem or a keeper is at the end.
#pragma once

#include "lab/world.h"

enum link_method { LINK_NETEM, LINK_DELAY_LINE };
const char *link_method_name(enum link_method m); // "netem", "delay line"

// Delays shorter than this are not made: they are less than what the path
// through the kernel takes anyway.
enum { LINK_DELAY_MIN_US = 50 };

// Makes every link of the world, with addresses, up; hosts get default routes.
// *method: how delays are made (probed); *line: process id of the delay line, 0 without one.
// 0, or negative errno with a sentence in *error.
[[nodiscard]] int links_make(
	const struct world *w, enum link_method *method, pid_t *line, struct strbuf *error);

// Cuts or mends a link: both ends go down or up. -errno.
[[nodiscard]] int link_set_up(const struct lab_link *l, bool up);
