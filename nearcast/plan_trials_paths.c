// AS paths that collectors saw while some sites announced together: each AS on a path goes where the path
// leads. Text has a path a line, in its last column, AS numbers between commas or blanks, the origin
// last; MRT is what RIPE RIS and RouteViews publish.
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "nearcast/plan.h"
#include "rib/attrs.h"
#include "rib/mrt.h"

enum { HOPS_MAX = 256, RANK = 3 }; // after what was measured with packets

struct via {
	uint32_t as;
	uint8_t site;
};

struct paths_reading {
	struct plan_votes *votes;
	struct via via[PLAN_LIST_MAX];
	size_t via_count;
	int trial;
	struct plan_table table;
	struct plan_fault fault;
	uint64_t paths, unknown;
	struct rib_attrs_room room;
};

// The path's site is that of the first AS from the left that is a neighbour of one; what is
// behind it are the own AS numbers. An AS that is prepended is one AS.
static int take_path(struct paths_reading *x, const uint32_t *hop, size_t n)
{
	x->paths++;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < x->via_count; j++) {
			if (x->via[j].as != hop[i])
				continue;
			for (size_t k = 0; k <= i; k++) {
				if (k > 0 && hop[k] == hop[k - 1])
					continue;
				int rc = plan_votes_add(
					x->votes, x->trial, RANK, hop[k], x->via[j].site);
				if (rc < 0)
					return rc;
			}
			return 0;
		}
	x->unknown++;
	return 0;
}

// ---- Text ----

static int take_row(void *context, bool, char **cells, size_t count, struct plan_fault *fault)
{
	struct paths_reading *x = context;
	uint32_t hop[HOPS_MAX];
	size_t n = 0, first = count - 1;

	if (count == PLAN_CELLS_MAX) {
		sb_printf(&fault->why, "a path of %d ASes or more wants commas between them",
			PLAN_CELLS_MAX);
		return -EINVAL;
	}
	// Without tabs the table took blanks for borders: then all of the line is the path.
	while (first > 0 && !strpbrk(cells[first], ", ") &&
		strspn(cells[first - 1], "0123456789") == strlen(cells[first - 1]))
		first--;
	for (size_t i = first; i < count; i++)
		for (char *at = cells[i], *word; (word = strsep(&at, ", "));) {
			if (!*word || *word == '{') // an AS_SET says nothing of who chose
				continue;
			if (n == HOPS_MAX || !plan_cell_as(word, &hop[n])) {
				sb_printf(&fault->why, "`%.40s` is not an AS number", word);
				return -EINVAL;
			}
			n++;
		}
	return take_path(x, hop, n);
}

static int take_text(void *context, const void *bytes, size_t n)
{
	struct paths_reading *x = context;

	return plan_table_feed(&x->table, bytes, n, take_row, x, &x->fault);
}

// ---- MRT ----

// AS_PATH with numbers of four octets (RFC 6793): type, count, numbers.
static int take_attributes(struct paths_reading *x, const struct mrt_entry *e)
{
	struct rib_attrs_from from = { .as4 = e->as4 };
	struct rib_attrs attrs;
	uint32_t hop[HOPS_MAX];
	size_t n = 0;

	if (rib_attrs_split(&attrs, &x->room, e->attrs, &from) < 0)
		return 0;
	while (rd_left(&attrs.path) >= 2) {
		uint8_t type = rd_u8(&attrs.path);
		uint8_t count = rd_u8(&attrs.path);
		for (uint8_t i = 0; i < count; i++) {
			uint32_t as = rd_u32(&attrs.path);
			if (type == RIB_SEQUENCE && n < HOPS_MAX)
				hop[n++] = as;
		}
	}
	return n > 0 ? take_path(x, hop, n) : 0;
}

static int take_record(struct paths_reading *x, const struct mrt_record *r)
{
	struct mrt_rib rib;
	struct mrt_entry e;
	enum mrt_kind kind = mrt_kind(r);
	int rc = 0;

	if (kind == MRT_KIND_TABLE && mrt_table_parse(&rib, &e, r) == 0)
		return take_attributes(x, &e);
	if (kind != MRT_KIND_RIB || mrt_rib_parse(&rib, r) < 0)
		return 0;
	while (rc == 0 && mrt_rib_next(&rib, &e) == 0)
		rc = take_attributes(x, &e);
	return rc;
}

static int read_mrt(struct paths_reading *x, struct source *s)
{
	size_t want = MRT_HEADER_BYTES;

	for (;;) {
		struct mrt_record r = {};
		int rc = source_want(s, want);
		struct rd window = source_window(s);
		if (rc < 0 || rd_left(&window) == 0)
			return rc;
		rc = mrt_next(&r, window.p, rd_left(&window));
		if (rc == -EAGAIN && rd_left(&window) >= want) {
			want = r.size;
			continue;
		}
		if (rc < 0)
			return rc == -EAGAIN ? -ENODATA : rc;
		rc = take_record(x, &r);
		if (rc < 0)
			return rc;
		source_skip(s, r.size);
		want = MRT_HEADER_BYTES;
	}
}

// ---- Files ----

// True when the file's first octets, unpacked, are those of MRT; *s then stands at its start.
static bool open_mrt(struct source **s, const char *path)
{
	int fd = strcmp(path, "-") == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || source_open(s, fd) < 0 || source_want(*s, MRT_HEADER_BYTES) < 0)
		return false;
	struct rd window = source_window(*s);
	return mrt_is(window.p, rd_left(&window));
}

static bool read_paths(struct paths_reading *x, const char *path)
{
	own(source_close) struct source *s = NULL;
	int rc;

	if (open_mrt(&s, path)) {
		rc = read_mrt(x, s);
		if (rc < 0)
			cli_fail(CLI_REFUSED, "%s: %s", path,
				rc == -ENODATA ? "it ends inside a record" : strerror(-rc));
		return rc == 0;
	}
	rc = plan_read(path, "reading paths", take_text, x);
	if (rc == 0)
		rc = plan_table_end(&x->table, take_row, x, &x->fault);
	if (rc < 0 && x->fault.why.len > 0)
		plan_say_fault(path, &x->fault);
	return rc == 0;
}

// "8283=ams"
static enum cli_exit read_via(struct paths_reading *x, const char *text)
{
	const char *equals = strchr(text, '=');
	char as[16] = "";
	struct via *to = &x->via[x->via_count];

	if (equals && (size_t)(equals - text) < sizeof(as))
		memcpy(as, text, (size_t)(equals - text));
	if (!equals || !text_is_name(equals + 1) || !plan_cell_as(as, &to->as))
		return cli_fail(CLI_USAGE, "--via wants AS=SITE, not `%.60s`", text);
	int site = plan_votes_site(x->votes, equals + 1);
	if (site < 0)
		return cli_fail(CLI_REFUSED, "over %d sites", PLAN_VOTE_SITES_MAX);
	to->site = (uint8_t)site;
	x->via_count++;
	return CLI_DONE;
}

static enum cli_exit open_trial(struct paths_reading *x, const struct plan_cli *c)
{
	uint8_t sites[PLAN_LIST_MAX];
	size_t n = 0;
	enum cli_exit rc = CLI_DONE;

	for (size_t i = 0; rc == CLI_DONE && i < c->via.count; i++)
		rc = read_via(x, c->via.text[i]);
	if (rc)
		return rc;
	for (size_t i = 0; i < x->via_count; i++)
		if (!memchr(sites, x->via[i].site, n))
			sites[n++] = x->via[i].site;
	x->trial = plan_votes_trial(x->votes, sites, n);
	return x->trial >= 0
		       ? CLI_DONE
		       : cli_fail(CLI_USAGE, "--paths wants --via for each of two sites or more");
}

enum cli_exit plan_lessons_paths(struct plan_votes *v, const struct plan_cli *c)
{
	own(free_ptr) struct paths_reading *x = mem_zalloc(sizeof(*x));
	bool fine = true;

	x->votes = v;
	if (c->paths.count == 0 && c->via.count == 0)
		return CLI_DONE;
	if (c->paths.count == 0)
		return cli_fail(CLI_USAGE, "--via goes with --paths");
	enum cli_exit rc = open_trial(x, c);
	if (rc)
		return rc;
	for (size_t i = 0; fine && i < c->paths.count; i++)
		fine = read_paths(x, c->paths.text[i]);
	sb_free(&x->table.part);
	plan_fault_free(&x->fault);
	if (fine && x->paths == x->unknown)
		return cli_fail(CLI_REFUSED, "no path goes by an AS of --via (%llu paths)",
			(unsigned long long)x->paths);
	return fine ? CLI_DONE : CLI_REFUSED;
}
