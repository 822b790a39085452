// The UPDATEs of test_malformed.c.
#pragma once

// Who sends it: an external neighbour, an internal one, an external one without four-octet AS numbers.
enum from { EXTERNAL, INTERNAL, OLD };

// The OPEN of each.
extern const char *const malformed_open[];

struct update_row {
	const char *what;
	enum from from;
	const char *attrs, *nlri;
	const char *verdict;   // as it is told, or the NOTIFICATION
	unsigned routes;       // that are left
	const char *withdrawn; // NULL: none
};

// Ends with a row without name.
extern const struct update_row malformed_updates[];
