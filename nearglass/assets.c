#include "nearglass/assets.h"

#include <stdbool.h>
#include <string.h>

static const struct asset *by_name(const char *name)
{
	for (const struct asset *a = assets; a->path; a++)
		if (strcmp(a->path, name) == 0)
			return a;
	return NULL;
}

// Who slips in such a path is to hear so, and not to get the page, which is at any other.
static bool is_for_programs(const char *path)
{
	static const char *const begins[] = { "/api/", "/birdwatcher/", "/events/", "/metrics/" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(path, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

const struct asset *asset_find(const char *path)
{
	static const char below[] = "/assets/";

	if (strncmp(path, below, sizeof(below) - 1) == 0)
		return by_name(path + sizeof(below) - 1);
	const struct asset *a = by_name(path + 1);
	return a || strchr(path, '.') || is_for_programs(path) ? a : by_name("index.html");
}
