#include "lab/graph.h"

#include <inttypes.h>
#include <math.h>

#include "lib/mem.h"
#include "lib/own.h"

enum {
	WIDTH = 1280,
	HEIGHT = 720,
	MARGIN = 80,
	TOP = 40,
	BOX_W = 124,
	BOX_H = 34,
	ROW_H = 15, // of a client, inside its router's box
	GAP = 24,
	ROUNDS = 400,
};

struct point {
	double x, y;
};

// A drawn node and the middle of its box; clients are rows in their router's.
struct drawn {
	const struct lab_node *node;
	struct point at;
	double height;
};

struct box {
	double lat_min, lat_max, lon_min, lon_max;
};

static struct box bounds_of(const struct topology *t)
{
	struct box b = { 90, -90, 180, -180 };

	for (size_t i = 0; i < t->node_count; i++) {
		struct geo_point at = t->nodes[i].at;
		b.lat_min = fmin(b.lat_min, at.lat);
		b.lat_max = fmax(b.lat_max, at.lat);
		b.lon_min = fmin(b.lon_min, at.lon);
		b.lon_max = fmax(b.lon_max, at.lon);
	}
	return b;
}

// One scale both ways, so that the map is not distorted.
static struct point project(const struct box *b, struct geo_point at)
{
	double wide = fmax(b->lon_max - b->lon_min, 1), high = fmax(b->lat_max - b->lat_min, 1);
	double scale = fmin((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN - TOP) / high);
	double left = (WIDTH - wide * scale) / 2, top = (HEIGHT + TOP - high * scale) / 2;

	return (struct point){ left + (at.lon - b->lon_min) * scale,
		top + (b->lat_max - at.lat) * scale };
}

// Moves two boxes that overlap apart along the axis where that takes less.
static bool push_apart(struct drawn *a, struct drawn *b)
{
	double dx = b->at.x - a->at.x, dy = b->at.y - a->at.y;
	double over_x = BOX_W + GAP - fabs(dx);
	double over_y = (a->height + b->height) / 2 + GAP - fabs(dy);

	if (over_x <= 0 || over_y <= 0)
		return false;
	if (over_y <= over_x) {
		double d = copysign(over_y / 2, dy);
		a->at.y -= d;
		b->at.y += d;
	} else {
		double d = copysign(over_x / 2, dx);
		a->at.x -= d;
		b->at.x += d;
	}
	return true;
}

static void spread(struct drawn *d, size_t n)
{
	bool moved = true;

	for (int round = 0; moved && round < ROUNDS; round++) {
		moved = false;
		for (size_t i = 0; i < n; i++)
			for (size_t j = i + 1; j < n; j++)
				moved |= push_apart(&d[i], &d[j]);
	}
	for (size_t i = 0; i < n; i++) {
		double half = d[i].height / 2;
		d[i].at.x = fmin(fmax(d[i].at.x, BOX_W / 2.0 + 4), WIDTH - BOX_W / 2.0 - 4);
		d[i].at.y = fmin(fmax(d[i].at.y, TOP + half), HEIGHT - half - 4);
	}
}

static bool is_client_of(const struct lab_link *l, const struct lab_node *router)
{
	return l->a.node == router && l->b.node->kind == NODE_KIND_CLIENT;
}

static size_t lay_out(const struct topology *t, const struct box *box, struct drawn *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < t->node_count; i++) {
		const struct lab_node *node = &t->nodes[i];
		double height = BOX_H;
		if (node->kind == NODE_KIND_CLIENT)
			continue;
		for (size_t k = 0; k < t->link_count; k++)
			height += is_client_of(&t->links[k], node) ? ROW_H : 0;
		ret[n++] = (struct drawn){ node, project(box, node->at), height };
	}
	spread(ret, n);
	return n;
}

static void put_text(struct strbuf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			sb_str(b, "&amp;");
		else if (*s == '<')
			sb_str(b, "&lt;");
		else if (*s == '>')
			sb_str(b, "&gt;");
		else
			sb_char(b, *s);
	}
}

static const char head[] =
	"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
	"font-family=\"sans-serif\" font-size=\"13\" text-anchor=\"middle\">\n"
	"<style>\n"
	"rect{stroke-width:1.5}\n"
	".router rect{fill:#eef2f7;stroke:#4a6079}\n"
	".site rect{fill:#ddaa33;stroke:#7a5c10}\n"
	".reflector rect{fill:#cfe3d4;stroke:#2c6e49}\n"
	".client{font-size:11px;fill:#113355;font-style:italic}\n"
	".sub{font-size:10px;fill:#445}\n"
	"line{stroke:#4a6079;stroke-width:1.6}\n"
	".peer{stroke-dasharray:7 5;stroke:#228833}\n"
	".backup{stroke-width:0.8}\n"
	".grid{stroke:#e4e8ee;stroke-width:1}\n"
	"</style>\n"
	"<defs><marker id=\"up\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" "
	"markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"#4a6079\"/>"
	"</marker></defs>\n"
	"<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n";

static void put_grid(const struct box *box, struct strbuf *b)
{
	for (int lon = -180; lon <= 180; lon += 30) {
		double x = project(box, (struct geo_point){ 0, lon }).x;
		if (x > 0 && x < WIDTH)
			sb_printf(b,
				"<line class=\"grid\" x1=\"%.0f\" y1=\"%d\" x2=\"%.0f\" "
				"y2=\"%d\"/>\n",
				x, TOP, x, HEIGHT);
	}
	for (int lat = -90; lat <= 90; lat += 30) {
		double y = project(box, (struct geo_point){ lat, 0 }).y;
		if (y > TOP && y < HEIGHT)
			sb_printf(b,
				"<line class=\"grid\" x1=\"0\" y1=\"%.0f\" x2=\"%d\" "
				"y2=\"%.0f\"/>\n",
				y, WIDTH, y);
	}
}

static const struct drawn *find(const struct drawn *d, size_t n, const struct lab_node *node)
{
	for (size_t i = 0; i < n; i++)
		if (d[i].node == node)
			return &d[i];
	return NULL;
}

// Where the line from the middle of a box towards `to` leaves it.
static struct point border(const struct drawn *from, struct point to)
{
	double dx = to.x - from->at.x, dy = to.y - from->at.y;
	double across = dx != 0 ? BOX_W / 2.0 / fabs(dx) : 1;
	double along = dy != 0 ? from->height / 2 / fabs(dy) : 1;
	double k = fmin(fmin(across, along), 1);

	return (struct point){ from->at.x + dx * k, from->at.y + dy * k };
}

// The arrow goes from customer to provider.
static void put_link(const struct lab_link *l, const struct drawn *d, size_t n, struct strbuf *b)
{
	bool up = l->relation == RELATION_PROVIDER, peer = l->relation == RELATION_PEER;
	const struct drawn *from = find(d, n, up ? l->a.node : l->b.node);
	const struct drawn *to = find(d, n, up ? l->b.node : l->a.node);

	if (!from || !to)
		return; // a client
	struct point start = border(from, to->at), end = border(to, from->at);
	sb_printf(b, "<line class=\"%s%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"%s>",
		peer ? "peer" : "customer", l->backup ? " backup" : "", start.x, start.y, end.x,
		end.y, peer ? "" : " marker-end=\"url(#up)\"");
	sb_printf(b, "<title>%s - %s, %s, %.1f ms</title></line>\n", from->node->name,
		to->node->name, peer ? "peers" : "customer of", (double)l->delay.us / 1000);
}

static void put_clients(const struct topology *t, const struct drawn *d, double y, struct strbuf *b)
{
	for (size_t k = 0; k < t->link_count; k++) {
		if (!is_client_of(&t->links[k], d->node))
			continue;
		sb_printf(b, "<text class=\"client\" x=\"%.1f\" y=\"%.1f\">", d->at.x, y);
		put_text(b, t->links[k].b.node->name);
		sb_str(b, "</text>\n");
		y += ROW_H;
	}
}

static void put_node(const struct topology *t, const struct drawn *d, struct strbuf *b)
{
	const struct lab_node *n = d->node;
	double top = d->at.y - d->height / 2;

	sb_printf(b,
		"<g class=\"%s\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" "
		"rx=\"%d\"/>\n",
		node_kind_name(n->kind), d->at.x - BOX_W / 2.0, top, BOX_W, d->height,
		n->kind == NODE_KIND_ROUTER ? 3 : 15);
	sb_printf(b, "<text x=\"%.1f\" y=\"%.1f\">", d->at.x, top + 15);
	put_text(b, n->name);
	sb_printf(b, "</text>\n<text class=\"sub\" x=\"%.1f\" y=\"%.1f\">", d->at.x, top + 28);
	if (n->kind == NODE_KIND_ROUTER)
		sb_printf(b, "AS%" PRIu64 " ", n->as);
	put_text(b, n->city);
	sb_str(b, "</text>\n");
	put_clients(t, d, top + BOX_H + 9, b);
	sb_str(b, "</g>\n");
}

static const char legend[] =
	"<text x=\"%d\" y=\"%d\" text-anchor=\"end\" class=\"sub\">arrow: customer to provider; "
	"dashed: peers; rows: clients; delays show on hover</text>\n";

void graph_svg(const struct scenario *s, const struct topology *t, struct strbuf *b)
{
	struct box box = bounds_of(t);
	own(free_ptr) struct drawn *d = mem_zalloc(t->node_count * sizeof(*d));
	size_t n = lay_out(t, &box, d);

	sb_printf(b, head, WIDTH, HEIGHT, WIDTH, HEIGHT);
	put_grid(&box, b);
	sb_printf(b, "<text x=\"%d\" y=\"24\" font-size=\"17\">", WIDTH / 2);
	put_text(b, s->title);
	sb_str(b, "</text>\n");
	sb_printf(b, legend, WIDTH - 10, HEIGHT - 10);
	for (size_t i = 0; i < t->link_count; i++)
		put_link(&t->links[i], d, n, b);
	for (size_t i = 0; i < n; i++)
		put_node(t, &d[i], b);
	sb_str(b, "</svg>\n");
}
