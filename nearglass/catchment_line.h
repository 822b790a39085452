// One line of measured catchment: which site a client reaches, as JSON.
//
//	{"client":"192.0.2.0/24","site":"fra1","lat":51.5,"lon":-0.13,"rtt_ms":12.3,"time":"2026-01-02T03:04:05Z"}
//
// client is a prefix or a name; site null: nobody answers it. lat and lon come together or not at all;
// rtt_ms and time need not be there. Other members are passed over.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CATCHMENT_LINE_MAX = 4096, CATCHMENT_CLIENT_MAX = 64, CATCHMENT_SITE_MAX = 63 };

struct catchment_line {
	char client[CATCHMENT_CLIENT_MAX + 1]; // UTF-8 without control characters; a prefix as this
					       // project prints it
	char site[CATCHMENT_SITE_MAX + 1];     // "": nobody answers
	bool has_place;
	double lat, lon; // degrees
	double rtt_ms;   // below 0: not measured
	int64_t time_us; // Unix time; 0: not said
};

// 0; -EINVAL with *why, a constant text.
[[nodiscard]] int catchment_line_parse(
	struct catchment_line *ret, const char *text, size_t n, const char **why);
