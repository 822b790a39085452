#include "plan/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"

// What a column is, and under which names it is known.
enum column { COL_ASN, COL_WEIGHT, COL_COUNTRY, COL_LAT, COL_LON, COL_MAX };

static const char *const names[COL_MAX][4] = {
	[COL_ASN] = { "asn", "as" },
	[COL_WEIGHT] = { "weight", "queries", "v4_addresses" },
	[COL_COUNTRY] = { "country", "top_country" },
	[COL_LAT] = { "lat", "latitude" },
	[COL_LON] = { "lon", "longitude" },
};

struct plan_clients *plan_clients_new(const struct plan_graph *g)
{
	struct plan_clients *c = mem_zalloc(sizeof(*c));

	c->graph = g;
	c->of = mem_zalloc(g->count * sizeof(*c->of));
	c->countries = mem_zalloc(PLAN_COUNTRIES_MAX * sizeof(*c->countries));
	for (uint32_t v = 0; v < g->count; v++)
		c->of[v].weight = 1;
	c->total = g->count;
	return c;
}

void plan_clients_free(struct plan_clients **c)
{
	struct plan_clients *old = take(*c);

	if (!old)
		return;
	sb_free(&old->table.part);
	free(old->of);
	free(old->countries);
	free(old);
}

__attribute__((format(printf, 2, 3))) static int refuse(
	struct plan_fault *fault, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sb_vprintf(&fault->why, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

// ---- Columns ----

static bool is_heading(const char *cell)
{
	uint32_t as;

	return !plan_cell_as(cell, &as);
}

static void read_heading(struct plan_clients *c, char **cells, size_t count)
{
	for (size_t col = 0; col < COL_MAX; col++) {
		c->column[col] = -1;
		for (size_t i = 0; c->column[col] < 0 && names[col][i]; i++)
			c->column[col] = plan_cell_find(cells, count, names[col][i]);
	}
}

// NULL: the row has no such cell.
static const char *cell_of(
	const struct plan_clients *c, char **cells, size_t count, enum column col)
{
	int at = c->column[col];

	return at >= 0 && (size_t)at < count ? cells[at] : NULL;
}

static int read_place(const struct plan_clients *c, char **cells, size_t count, double *lat,
	double *lon, struct plan_fault *fault)
{
	const char *lat_text = cell_of(c, cells, count, COL_LAT);
	const char *lon_text = cell_of(c, cells, count, COL_LON);

	if (!lat_text || !plan_cell_number(lat_text, -90, 90, lat))
		return refuse(fault, "lat wants a number from -90 to 90");
	if (!lon_text || !plan_cell_number(lon_text, -180, 180, lon))
		return refuse(fault, "lon wants a number from -180 to 180");
	return 0;
}

static int read_as(const struct plan_clients *c, char **cells, size_t count, uint32_t *ret,
	struct plan_fault *fault)
{
	const char *text = cell_of(c, cells, count, COL_ASN);

	if (!text || !plan_cell_as(text, ret))
		return refuse(fault, "asn wants an AS number");
	return 0;
}

// ---- Places ----

static int take_country(
	struct plan_clients *c, const char *name, double lat, double lon, struct plan_fault *fault)
{
	struct plan_country *to = &c->countries[c->country_count];

	if (c->country_count == PLAN_COUNTRIES_MAX)
		return refuse(fault, "over %d countries", PLAN_COUNTRIES_MAX);
	if (!*name || strlen(name) >= sizeof(to->name))
		return refuse(fault, "country wants a code of at most %zu characters",
			sizeof(to->name) - 1);
	snprintf(to->name, sizeof(to->name), "%s", name);
	to->lat = (float)lat;
	to->lon = (float)lon;
	c->country_count++;
	return 0;
}

static int take_place(
	void *context, bool first, char **cells, size_t count, struct plan_fault *fault)
{
	struct plan_clients *c = context;
	double lat, lon;
	uint32_t as;

	if (first && is_heading(cells[0])) {
		read_heading(c, cells, count);
		bool named = c->column[COL_ASN] >= 0 || c->column[COL_COUNTRY] >= 0;
		if (!named || c->column[COL_LAT] < 0 || c->column[COL_LON] < 0)
			return refuse(fault, "the heading wants country or asn, lat and lon");
		return 0;
	}
	if (first) {
		static const int columns[COL_MAX] = { 0, -1, -1, 1, 2 };
		memcpy(c->column, columns, sizeof(columns));
	}
	int rc = read_place(c, cells, count, &lat, &lon, fault);
	const char *country = cell_of(c, cells, count, COL_COUNTRY);
	if (rc == 0 && c->column[COL_ASN] < 0)
		return country ? take_country(c, country, lat, lon, fault)
			       : refuse(fault, "no country");
	if (rc == 0)
		rc = read_as(c, cells, count, &as, fault);
	uint32_t node = rc == 0 ? plan_node(c->graph, as) : PLAN_NONE;
	if (node != PLAN_NONE) {
		struct plan_client *to = &c->of[node];
		*to = (struct plan_client){ to->weight, (float)lat, (float)lon, true };
		c->placed = true;
	}
	return rc;
}

int plan_clients_places(
	struct plan_clients *c, const void *bytes, size_t n, struct plan_fault *fault)
{
	return plan_table_feed(&c->table, bytes, n, take_place, c, fault);
}

int plan_clients_places_end(struct plan_clients *c, struct plan_fault *fault)
{
	int rc = plan_table_end(&c->table, take_place, c, fault);

	c->table = (struct plan_table){};
	return rc;
}

// ---- Weights ----

static const struct plan_country *find_country(const struct plan_clients *c, const char *name)
{
	for (size_t i = 0; i < c->country_count; i++)
		if (strcmp(c->countries[i].name, name) == 0)
			return &c->countries[i];
	return NULL;
}

// By its own place in the row, or by its country; a place that was said before holds.
static int put_client(struct plan_clients *c, struct plan_client *to, char **cells, size_t count,
	struct plan_fault *fault)
{
	const char *lat_text = cell_of(c, cells, count, COL_LAT);
	const char *country = cell_of(c, cells, count, COL_COUNTRY);
	double lat, lon;

	if (to->placed)
		return 0;
	if (lat_text && *lat_text) {
		int rc = read_place(c, cells, count, &lat, &lon, fault);
		if (rc < 0)
			return rc;
		*to = (struct plan_client){ to->weight, (float)lat, (float)lon, true };
	} else if (country) {
		const struct plan_country *where = find_country(c, country);
		if (where)
			*to = (struct plan_client){ to->weight, where->lat, where->lon, true };
	}
	c->placed |= to->placed;
	return 0;
}

static void forget_weights(struct plan_clients *c)
{
	for (uint32_t v = 0; v < c->graph->count; v++)
		c->of[v].weight = 0;
	c->total = 0;
	c->weighted = true;
}

static int take_weight(
	void *context, bool first, char **cells, size_t count, struct plan_fault *fault)
{
	struct plan_clients *c = context;
	double weight;
	uint32_t as;

	if (first && is_heading(cells[0])) {
		read_heading(c, cells, count);
		if (c->column[COL_ASN] < 0 || c->column[COL_WEIGHT] < 0)
			return refuse(fault,
				"the heading wants asn, and weight, queries or v4_addresses");
		return 0;
	}
	if (first) {
		static const int columns[COL_MAX] = { 0, 1, -1, -1, -1 };
		memcpy(c->column, columns, sizeof(columns));
	}
	int rc = read_as(c, cells, count, &as, fault);
	if (rc < 0)
		return rc;
	const char *text = cell_of(c, cells, count, COL_WEIGHT);
	if (!text || !plan_cell_number(text, 0, 1e18, &weight))
		return refuse(fault, "a weight is a number that is not negative");
	uint32_t node = plan_node(c->graph, as);
	if (node == PLAN_NONE) {
		c->unknown += weight;
		return 0;
	}
	c->of[node].weight += weight;
	c->total += weight;
	return put_client(c, &c->of[node], cells, count, fault);
}

int plan_clients_weights(
	struct plan_clients *c, const void *bytes, size_t n, struct plan_fault *fault)
{
	if (!c->weighted)
		forget_weights(c);
	return plan_table_feed(&c->table, bytes, n, take_weight, c, fault);
}

int plan_clients_weights_end(struct plan_clients *c, struct plan_fault *fault)
{
	int rc = plan_table_end(&c->table, take_weight, c, fault);

	c->table = (struct plan_table){};
	if (rc == 0 && c->total <= 0) {
		sb_clear(&fault->why);
		fault->line = 0;
		return refuse(fault, "no AS of the graph has a weight");
	}
	return rc;
}
