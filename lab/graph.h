// The topology of a scenario as a drawing.
#pragma once

#include "lab/topology.h"
#include "lib/strbuf.h"

// A standalone SVG 1.1 document: every node near its place on the map
// (equirectangular), nodes of one place moved apart, clients inside their
// router; customers point to their providers, peers are dashed; the delay is the tooltip.
void graph_svg(const struct scenario *s, const struct topology *t, struct strbuf *b);
