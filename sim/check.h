// What must hold when nothing has happened for long enough: DESIGN section 7.
//
//	sessions   every session whose link is whole and whose ends run is established
//	views      a node knows of those it hears exactly what they say, and of no others
//	able       a node that is able announces
//	one        where any site could announce, one does; at least the floor of its part
//	hard       a dead server does not announce beside an able site
//	ranking    those that are held are the first of the ranking, and no more than are missing
//	equal      equal knowledge gives equal answers
//	calm       announcements changed for the last time soon after the last fault
#pragma once

#include "sim/world.h"

void sim_check_quiet(struct sim_world *w);
