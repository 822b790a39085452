// Configurations for tests: loaded from text, with password files in a
// directory of their own.
#pragma once

#include <sys/stat.h>

#include "conf/conf.h"
#include "test/unit.h"

#define TOP  "site: {name: fra1}\nas: 64500\nrouter-id: 192.0.2.11\n"
#define SVC  "services:\n- {name: dns, prefixes: 198.51.100.0/24, addresses: 198.51.100.53}\n"
#define GOOD TOP SVC

// One service and its announcement, or checks, or one upstream, on a line of its own.
#define SERVICE(text) TOP "services:\n- {name: dns, " text "}\n"
#define PLACES        "prefixes: 198.51.100.0/24, addresses: 198.51.100.53"
#define CHECK(text)   SERVICE(PLACES ", checks: [\n  {" text "}]")
#define UPSTREAM(text)                                                                            \
	"site: {name: fra1}\nas: 64500\nnode: {address: 192.0.2.11}\n" SVC "upstreams:\n- {" text \
	"}\n"
#define PEER "name: r1, address: 203.0.113.1, as: 64496"

struct bad {
	const char *yaml;
	const char *faults;   // "line:column: message", one a line
	const char *expected; // of the first; NULL: not looked at
};

extern char loading_dir[]; // with good.key and bad ones, while a group runs

// For cmocka_run_group_tests().
int loading_begin(void **);
int loading_end(void **);

void write_file(const char *name, const char *text, size_t n, mode_t mode);
// Every ^ of a row stands for the directory of the files. The caller's.
char *with_dir(const char *yaml);
// A text without fault.
struct conf *load(const char *yaml);
// Each row is refused as it says.
void check_rows(const struct bad *rows, size_t n);
