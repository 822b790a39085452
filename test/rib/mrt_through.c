// mrt_through FILE: a table from MRT into the store, and from the store to standard output as MRT. For
// scripted tests, which compare what both files say.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/source.h"
#include "rib/mrt_load.h"
#include "rib/mrt_write.h"

enum { RECORD_MAX = 1 << 20, COLLECTOR = 0xc0000201 };

// 0; a negative errno: reading stopped there.
static int read_all(struct mrt_load *load, struct source *s)
{
	struct mrt_record record = { .size = MRT_HEADER_BYTES };

	for (;;) {
		int rc = source_want(s, record.size);
		struct rd window = source_window(s);
		if (rc < 0 || !rd_more(&window))
			return rc;
		size_t asked = record.size;
		rc = mrt_next(&record, window.p, rd_left(&window));
		if (rc == -EAGAIN && record.size > asked)
			continue;
		if (rc == 0)
			rc = mrt_load_record(load, &record);
		if (rc < 0)
			return rc;
		source_skip(s, record.size);
		record.size = MRT_HEADER_BYTES;
	}
}

static bool put(const struct wr *w)
{
	return !w->bad && fwrite(w->start, 1, wr_len(w), stdout) == wr_len(w);
}

static bool write_all(const struct rib *r)
{
	static const enum ip_family families[] = { IP4, IP6 };
	own(free_ptr) uint8_t *room = mem_zalloc(RECORD_MAX);
	struct wr w = wr_init(room, RECORD_MAX);
	uint32_t sequence = 0, number;

	mrt_write_peers(&w, 0, COLLECTOR, "", r);
	bool fine = put(&w);
	for (size_t f = 0; fine && f < countof(families); f++) {
		struct prefixes_walk walk;
		prefixes_walk(&walk, rib_prefixes(r, families[f]), NULL, NULL);
		while (fine && (number = prefixes_next(&walk)) != PREFIXES_NONE) {
			w = wr_init(room, RECORD_MAX);
			mrt_write_prefix(&w, 0, &sequence, r, families[f], number);
			fine = put(&w);
		}
	}
	return fine && fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
	own(source_close) struct source *source = NULL;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || source_open(&source, fd) < 0) {
		fprintf(stderr, "usage: mrt_through FILE\n");
		return 2;
	}
	struct rib *r = rib_new();
	struct mrt_load *load = mrt_load_new(r);
	int rc = read_all(load, source);
	bool fine = rc == 0 && load->refused == 0 && write_all(r);
	if (!fine)
		fprintf(stderr, "mrt_through: %s, refused: %llu\n", strerror(-rc),
			(unsigned long long)load->refused);
	mrt_load_free(&load);
	rib_free(&r);
	return fine ? 0 : 1;
}
