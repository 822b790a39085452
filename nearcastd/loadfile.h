// The load of a service as some program writes it into a file: a decimal number on the first
// line. Read on a thread of its own, as a file system may take its time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

enum load_problem { LOAD_OK, LOAD_UNREADABLE, LOAD_NO_NUMBER, LOAD_PROBLEM_MAX };

struct load_reading {
	enum load_problem problem;
	int error;     // of LOAD_UNREADABLE: errno
	uint32_t load; // of LOAD_OK
};

const char *load_problem_name(enum load_problem p); // "unreadable"

struct load_file;

typedef void load_file_done(void *ctx, const struct load_reading *r);

// path is borrowed.
[[nodiscard]] struct load_file *load_file_new(const char *path);
void load_file_free(struct load_file **f); // NULL inside is fine

// Reads once; done() comes from the loop, or at once when that cannot be: the thread
// before is still out.
void load_file_read(struct load_file *f, uv_loop_t *loop, load_file_done *done, void *ctx);

// From the start of a file's text. LOAD_OK or LOAD_NO_NUMBER.
[[nodiscard]] enum load_problem load_parse(const char *text, uint32_t *ret);
