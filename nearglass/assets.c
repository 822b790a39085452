#include "nearglass/assets.h"

#include <string.h>

static const struct asset *by_name(const char *name)
{
	for (const struct asset *a = assets; a->path; a++)
		if (strcmp(a->path, name) == 0)
			return a;
	return NULL;
}

const struct asset *asset_find(const char *path)
{
	static const char below[] = "/assets/";

	if (strncmp(path, below, sizeof(below) - 1) == 0)
		return by_name(path + sizeof(below) - 1);
	const struct asset *a = by_name(path + 1);
	return a || strchr(path, '.') || strncmp(path, "/api/", 5) == 0 ? a : by_name("index.html");
}
