// Measured catchments into votes: tables of our own, and folders as the PEERING testbed published them.
//
// A table has a row for each AS, or each prefix of one:
//
//	asn	site	announced
//	64500	fra	fra,ams
//
// announced: the sites that were, and may be left out; then they are those that occur in the file.
//
// A folder 3_ufmg01_uw01 has an experiment of two sites, in three JSON files of {"asn": ["site"]}; a
// folder of such folders has them all.
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "nearcast/plan.h"

enum cli_exit plan_option_number(
	const char *name, const char *text, double min, double max, double *ret)
{
	if (!text || plan_cell_number(text, min, max, ret))
		return CLI_DONE;
	return cli_fail(CLI_USAGE, "%s wants a number from %g to %g", name, min, max);
}

// ---- Tables ----

struct table_row {
	uint32_t asn;
	uint8_t site;
	int trial; // -1: of all sites of the file
};

struct table_reading {
	struct plan_votes *votes;
	struct plan_table table;
	struct plan_fault fault;
	int asn, site, announced; // columns; -1: there is none
	struct table_row *rows;
	size_t count, cap;
	uint64_t sites; // that occur
};

__attribute__((format(printf, 2, 3))) static int refuse(
	struct plan_fault *fault, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sb_vprintf(&fault->why, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int read_site(struct plan_votes *v, const char *name, uint8_t *ret, struct plan_fault *fault)
{
	if (!text_is_name(name))
		return refuse(fault, "`%.40s` is no name of a site", name);
	int site = plan_votes_site(v, name);
	if (site < 0)
		return refuse(fault, "over %d sites", PLAN_VOTE_SITES_MAX);
	*ret = (uint8_t)site;
	return 0;
}

static int read_announced(struct plan_votes *v, char *text, int *trial, struct plan_fault *fault)
{
	uint8_t sites[PLAN_VOTE_SITES_MAX];
	size_t n = 0;

	for (char *at = text, *word; (word = strsep(&at, ","));) {
		if (n == PLAN_VOTE_SITES_MAX)
			return refuse(fault, "over %d sites", PLAN_VOTE_SITES_MAX);
		int rc = read_site(v, word, &sites[n++], fault);
		if (rc < 0)
			return rc;
	}
	*trial = plan_votes_trial(v, sites, n);
	if (*trial == -EFBIG)
		return refuse(fault, "over %d sets of sites", PLAN_TRIALS_MAX);
	return *trial < 0 ? refuse(fault, "announced wants two sites or more, each once") : 0;
}

static int read_heading(struct table_reading *x, char **cells, size_t count)
{
	x->asn = plan_cell_find(cells, count, "asn");
	x->site = plan_cell_find(cells, count, "site");
	x->announced = plan_cell_find(cells, count, "announced");
	return x->asn < 0 || x->site < 0 ? refuse(&x->fault, "a heading wants asn and site") : 0;
}

static int take_row(void *context, bool first, char **cells, size_t count, struct plan_fault *fault)
{
	struct table_reading *x = context;
	struct table_row row = { .trial = -1 };
	uint32_t as;

	if (first && !plan_cell_as(cells[0], &as))
		return read_heading(x, cells, count);
	if ((size_t)x->asn >= count || !plan_cell_as(cells[x->asn], &row.asn))
		return refuse(fault, "asn wants an AS number");
	if ((size_t)x->site >= count)
		return refuse(fault, "a row wants a site");
	int rc = read_site(x->votes, cells[x->site], &row.site, fault);
	if (rc == 0 && x->announced >= 0 && (size_t)x->announced < count)
		rc = read_announced(x->votes, cells[x->announced], &row.trial, fault);
	if (rc < 0)
		return rc;
	x->sites |= UINT64_C(1) << row.site;
	if (row.trial >= 0) {
		rc = plan_votes_add(x->votes, row.trial, 0, row.asn, row.site);
		return rc == -EINVAL ? refuse(fault, "its site was not announced") : rc;
	}
	if (x->count == PLAN_VOTES_MAX)
		return refuse(fault, "over %d rows", PLAN_VOTES_MAX);
	if (x->count == x->cap) {
		x->cap = x->cap ? 2 * x->cap : 1024;
		x->rows = mem_resize(x->rows, x->cap, sizeof(*x->rows));
	}
	x->rows[x->count++] = row;
	return 0;
}

static int take_table(void *context, const void *bytes, size_t n)
{
	struct table_reading *x = context;

	return plan_table_feed(&x->table, bytes, n, take_row, x, &x->fault);
}

// Rows that do not say what was announced.
static int settle_rows(struct table_reading *x)
{
	uint8_t sites[PLAN_VOTE_SITES_MAX];
	size_t n = 0;

	if (x->count == 0)
		return 0;
	for (uint8_t i = 0; i < PLAN_VOTE_SITES_MAX; i++)
		if (x->sites >> i & 1)
			sites[n++] = i;
	int trial = plan_votes_trial(x->votes, sites, n);
	x->fault.line = 0;
	sb_clear(&x->fault.why);
	if (trial < 0)
		return refuse(
			&x->fault, "only one site: name what was announced in a third column");
	for (size_t i = 0; i < x->count; i++)
		if (plan_votes_add(x->votes, trial, 0, x->rows[i].asn, x->rows[i].site) < 0)
			return refuse(&x->fault, "over %d results", PLAN_VOTES_MAX);
	return 0;
}

static bool read_table(struct plan_votes *v, const char *path)
{
	struct table_reading x = { .votes = v, .asn = 0, .site = 1, .announced = 2 };
	int rc = plan_read(path, "reading catchments", take_table, &x);

	if (rc == 0)
		rc = plan_table_end(&x.table, take_row, &x, &x.fault);
	if (rc == 0)
		rc = settle_rows(&x);
	if (rc < 0 && x.fault.why.len > 0)
		plan_say_fault(path, &x.fault);
	free(x.rows);
	sb_free(&x.table.part);
	plan_fault_free(&x.fault);
	return rc == 0;
}

// ---- The PEERING form ----

// By rank: many ASes answer pings, few have a probe of their own or feed a collector.
static const char *const peering_files[] = {
	"dp_pings_est_as_to_mux_catchment.json",
	"dp_trace_est_ra_as_to_mux_catchment.json",
	"cp_bgpstream_est_mon_as_to_mux_catchment.json",
};

// "3_ufmg01_uw01": the number, and two sites.
static bool split_name(const char *name, char a[64], char b[64])
{
	size_t digits = strspn(name, "0123456789");
	const char *first = name + digits + 1, *last = strrchr(name, '_');

	if (digits == 0 || name[digits] != '_' || last <= first || strchr(first, '_') != last)
		return false;
	size_t n = (size_t)(last - first);
	if (n >= 64 || strlen(last + 1) >= 64)
		return false;
	memcpy(a, first, n);
	a[n] = '\0';
	snprintf(b, 64, "%s", last + 1);
	return text_is_name(a) && text_is_name(b);
}

// An AS whose results name two sites says nothing.
static bool take_result(struct plan_votes *v, int trial, uint8_t rank, const char *path,
	const char *key, const json_t *value)
{
	const json_t *only = json_is_array(value) ? json_array_get(value, 0) : value;
	const char *name = json_string_value(only);
	uint32_t as;

	if (json_is_array(value) && json_array_size(value) != 1)
		return true;
	if (!name || !plan_cell_as(key, &as)) {
		cli_fail(CLI_REFUSED, "%s: `%.40s` wants an AS number and the name of a site", path,
			key);
		return false;
	}
	int site = plan_votes_site(v, name);
	int rc = site < 0 ? site : plan_votes_add(v, trial, rank, as, (uint8_t)site);
	if (rc < 0)
		cli_fail(CLI_REFUSED, "%s: AS %s at `%.40s`, which was not announced", path, key,
			name);
	return rc == 0;
}

static bool read_json(struct plan_votes *v, int trial, uint8_t rank, const char *path)
{
	json_error_t error;
	json_t *all = json_load_file(path, 0, &error);
	bool fine = json_is_object(all);
	const char *key;
	json_t *value;

	if (!fine)
		cli_fail(CLI_REFUSED, "%s:%d: %s", path, all ? 1 : error.line,
			all ? "an object is wanted" : error.text);
	else
		json_object_foreach(all, key,
			value) if (!(fine = take_result(v, trial, rank, path, key, value))) break;
	json_decref(all);
	return fine;
}

static bool read_experiment(struct plan_votes *v, const char *folder, const char *a, const char *b)
{
	int first = plan_votes_site(v, a), second = plan_votes_site(v, b), files = 0;
	int trial =
		first < 0 || second < 0
			? -EFBIG
			: plan_votes_trial(v, (uint8_t[]){ (uint8_t)first, (uint8_t)second }, 2);

	if (trial < 0) {
		cli_fail(CLI_REFUSED, "%s: %s", folder,
			trial == -EFBIG ? "too many sites or experiments" : "one site twice");
		return false;
	}
	for (uint8_t i = 0; i < countof(peering_files); i++) {
		own(sb_free) struct strbuf path = {};
		struct stat st;
		sb_printf(&path, "%s/%s", folder, peering_files[i]);
		if (stat(sb_text(&path), &st) < 0)
			continue;
		files++;
		if (!read_json(v, trial, i, sb_text(&path)))
			return false;
	}
	if (files == 0)
		cli_fail(CLI_REFUSED, "%s: no *_catchment.json in it", folder);
	return files > 0;
}

static int by_version(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

static int is_experiment(const struct dirent *d)
{
	char a[64], b[64];

	return split_name(d->d_name, a, b);
}

static bool read_folder(struct plan_votes *v, const char *path)
{
	own(sb_free) struct strbuf inner = {};
	own(free_ptr) char *name = mem_strdup(path);
	char a[64], b[64];
	struct dirent **found = NULL;
	bool fine = true;

	for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--)
		name[n - 1] = '\0';
	const char *slash = strrchr(name, '/');
	if (split_name(slash ? slash + 1 : name, a, b))
		return read_experiment(v, path, a, b);
	sb_printf(&inner, "%s/experiments", name);
	struct stat st;
	const char *from = stat(sb_text(&inner), &st) == 0 ? sb_text(&inner) : name;
	int n = scandir(from, &found, is_experiment, by_version);
	if (n <= 0)
		cli_fail(CLI_REFUSED, "%s: no folder like 3_ufmg01_uw01 in it", from);
	for (int i = 0; i < n; i++) {
		own(sb_free) struct strbuf folder = {};
		sb_printf(&folder, "%s/%s", from, found[i]->d_name);
		if (fine && split_name(found[i]->d_name, a, b))
			fine = read_experiment(v, sb_text(&folder), a, b);
		plan_progress("reading experiments", (uint64_t)i, (uint64_t)n);
		free(found[i]);
	}
	plan_progress_end();
	free(found);
	return fine && n > 0;
}

// ---- Countries ----

enum { COUNTRIES_MAX = 1024 };

struct country_reading {
	struct plan_lessons *lessons;
	struct plan_table table;
	struct plan_fault fault;
	int asn, country;
	char names[COUNTRIES_MAX][8];
};

static int take_country(
	void *context, bool first, char **cells, size_t count, struct plan_fault *fault)
{
	struct country_reading *x = context;
	struct plan_lessons *l = x->lessons;
	uint32_t as, i = 1;

	if (first && !plan_cell_as(cells[0], &as)) {
		x->asn = plan_cell_find(cells, count, "asn");
		x->country = plan_cell_find(cells, count, "country");
		if (x->country < 0)
			x->country = plan_cell_find(cells, count, "top_country");
		return x->asn < 0 || x->country < 0
			       ? refuse(fault, "a heading wants asn and country")
			       : 0;
	}
	if ((size_t)x->asn >= count || !plan_cell_as(cells[x->asn], &as))
		return refuse(fault, "asn wants an AS number");
	const char *name = (size_t)x->country < count ? cells[x->country] : "";
	if (strlen(name) >= sizeof(x->names[0]))
		return refuse(fault, "country wants a code of at most %zu characters",
			sizeof(x->names[0]) - 1);
	uint32_t at = plan_votes_as(l->votes, as);
	uint32_t node = l->graph ? plan_node(l->graph, as) : PLAN_NONE;
	if ((at == UINT32_MAX && node == PLAN_NONE) || !*name)
		return 0;
	while (i < l->groups && strcmp(x->names[i], name) != 0)
		i++;
	if (i == COUNTRIES_MAX)
		return refuse(fault, "over %d countries", COUNTRIES_MAX);
	if (i == l->groups) {
		snprintf(x->names[i], sizeof(x->names[i]), "%s", name);
		l->groups++;
	}
	if (at != UINT32_MAX)
		l->group[at] = (uint16_t)i;
	if (node != PLAN_NONE)
		l->node_group[node] = (uint16_t)i;
	return 0;
}

static int take_countries(void *context, const void *bytes, size_t n)
{
	struct country_reading *x = context;

	return plan_table_feed(&x->table, bytes, n, take_country, x, &x->fault);
}

static bool read_countries(struct plan_lessons *l, const char *path)
{
	own(free_ptr) struct country_reading *x = mem_zalloc(sizeof(*x));

	*x = (struct country_reading){ .lessons = l, .asn = 0, .country = 1 };
	l->groups = 1; // 0: unknown
	l->group = mem_zalloc((l->votes->as_count + 1) * sizeof(*l->group));
	if (l->graph)
		l->node_group = mem_zalloc(l->graph->count * sizeof(*l->node_group));
	int rc = plan_read(path, "reading countries", take_countries, x);
	if (rc == 0)
		rc = plan_table_end(&x->table, take_country, x, &x->fault);
	if (rc < 0 && x->fault.why.len > 0)
		plan_say_fault(path, &x->fault);
	sb_free(&x->table.part);
	plan_fault_free(&x->fault);
	return rc == 0;
}

// ---- All of it ----

static enum cli_exit read_options(struct plan_mixture_options *o, const struct plan_cli *c)
{
	*o = (struct plan_mixture_options)PLAN_MIXTURE_DEFAULT;
	double kinds = o->kinds, starts = o->starts, seed = (double)o->seed;

	if (plan_option_number("--kinds", c->kinds, 1, PLAN_KINDS_MAX, &kinds) ||
		plan_option_number("--starts", c->starts, 1, PLAN_STARTS_MAX, &starts) ||
		plan_option_number("--seed", c->seed, 0, 1e15, &seed))
		return CLI_USAGE;
	o->kinds = (unsigned)kinds;
	o->starts = (unsigned)starts;
	o->seed = (uint64_t)seed;
	return CLI_DONE;
}

static bool read_trials(struct plan_votes *v, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return read_folder(v, path);
	return read_table(v, path);
}

enum cli_exit plan_lessons_load(struct plan_lessons *l, const struct plan_cli *c)
{
	enum cli_exit rc;

	*l = (struct plan_lessons){ .votes = plan_votes_new() };
	if (c->argument_count == 0 && c->paths.count == 0)
		return cli_fail(
			CLI_USAGE, "plan %s wants measured catchments, or --paths", c->verb->name);
	if ((rc = read_options(&l->mixture, c)))
		return rc;
	for (size_t i = 0; i < c->argument_count; i++)
		if (!read_trials(l->votes, c->arguments[i]))
			return CLI_REFUSED;
	if ((rc = plan_lessons_paths(l->votes, c)))
		return rc;
	if (plan_votes_finish(l->votes) < 0)
		return cli_fail(CLI_REFUSED, "over %d ASes", PLAN_VOTE_ASES_MAX);
	if (l->votes->as_count == 0)
		return cli_fail(CLI_REFUSED, "there is no result in what was given");
	if (c->graph && !(l->graph = plan_load_graph(c->graph)))
		return CLI_REFUSED;
	return !c->countries || read_countries(l, c->countries) ? CLI_DONE : CLI_REFUSED;
}

void plan_lessons_free(struct plan_lessons *l)
{
	plan_votes_free(&l->votes);
	plan_graph_free(&l->graph);
	free_ptr(&l->group);
	free_ptr(&l->node_group);
}
