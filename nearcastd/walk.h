// An answer may be large: a fleet of a thousand nodes, ten thousand prefixes at fifty upstreams. It is
// written a unit at a time (a row, a prefix, a short list), as fast as its reader takes it, and between
// two units the loop runs. So
//
//	- what one unit says is of one moment; so are the rows of one service in `fleet`;
//	- two units may be of different moments;
//	- an answer that a reload falls into has no end: its connection is closed (nearcastd/control.h).
#pragma once

#include "lib/out.h"
#include "nearcastd/fleet_rows.h"

struct daemon;

// How far an answer has been written, and what was asked. Nothing in it points to what another
// turn of the loop may free.
struct walk {
	// Asked:
	size_t only;    // rows of the service before this number only; 0: of all
	uint64_t since; // rows that changed after this generation; 0: all
	bool no_rows;   // of the fleet
	// Where the section stands; all zero at its beginning:
	bool begun, inside;
	size_t i, k;
	struct fleet_rows rows;
};

// A part of an answer: written whole, or a unit a call until that returns false.
struct section {
	const char *name; // of its member; NULL ends a list of sections
	void (*whole)(struct out *o, const char *name, const struct daemon *d);
	bool (*unit)(struct out *o, const char *name, const struct daemon *d, struct walk *w);
};

// Opens the section's array with its first unit.
static inline void walk_begin(struct out *o, const char *name, struct walk *w)
{
	if (!w->begun)
		out_table(o, name);
	w->begun = true;
}
