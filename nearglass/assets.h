// The page's files, embedded (nearglass/web/embed writes the table).
#pragma once

#include <stddef.h>

struct asset {
	const char *path, *type; // "style.css"
	const unsigned char *plain, *gzip;
	size_t plain_len, gzip_len;
};

extern const struct asset assets[]; // ends with a NULL path

// The file for a request's path: "/" and paths of the page's views (no dot in them) are index.html.
// NULL: there is none.
const struct asset *asset_find(const char *path);
