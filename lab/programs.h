// Where the lab finds its programs and scenarios.
#pragma once

#include "lib/strbuf.h"

// Path of one of our own programs: beside this one, in the folder of that name
// beside ours (a build tree), else in PATH. -ENOENT.
[[nodiscard]] int program_find(const char *name, struct strbuf *path);

// Appends the directories where our own programs and those of the lab may be, separated by ':'.
void programs_path(struct strbuf *b);

// Path of a scenario: the argument itself when it is a file, else NAME.yaml in $NEARCAST_LAB_PATH
// (directories separated by ':'), ./lab/scenarios, the source tree of a build, and the data
// directory. -ENOENT.
[[nodiscard]] int scenario_find(const char *name, struct strbuf *path);

// Calls fn with the path of every scenario in those places, the first of a name only.
void scenario_each(void (*fn)(const char *path, void *ctx), void *ctx);
