#include "lab/graph.h"

#include <inttypes.h>
#include <math.h>

#include "lib/mem.h"
#include "lib/own.h"

enum { WIDTH = 1280, HEIGHT = 720, MARGIN = 80, TOP = 40, BOX_W = 104, BOX_H = 34, ROUNDS = 400 };

struct point {
	double x, y;
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
static bool push_apart(struct point *a, struct point *b)
{
	double dx = b->x - a->x, dy = b->y - a->y;
	double over_x = BOX_W + 10 - fabs(dx), over_y = BOX_H + 10 - fabs(dy);

	if (over_x <= 0 || over_y <= 0)
		return false;
	if (over_y <= over_x) {
		double d = copysign(over_y / 2, dy);
		a->y -= d;
		b->y += d;
	} else {
		double d = copysign(over_x / 2, dx);
		a->x -= d;
		b->x += d;
	}
	return true;
}

static void spread(struct point *p, size_t n)
{
	bool moved = true;

	for (int round = 0; moved && round < ROUNDS; round++) {
		moved = false;
		for (size_t i = 0; i < n; i++)
			for (size_t j = i + 1; j < n; j++)
				moved |= push_apart(&p[i], &p[j]);
	}
	for (size_t i = 0; i < n; i++) {
		p[i].x = fmin(fmax(p[i].x, BOX_W / 2.0 + 4), WIDTH - BOX_W / 2.0 - 4);
		p[i].y = fmin(fmax(p[i].y, TOP + BOX_H), HEIGHT - BOX_H);
	}
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
	".client rect{fill:#ffffff;stroke:#999999}\n"
	".sub{font-size:10px;fill:#445}\n"
	"line{stroke:#4a6079;stroke-width:1.6}\n"
	".peer{stroke-dasharray:7 5;stroke:#228833}\n"
	".backup{stroke-width:0.8}\n"
	".host{stroke:#aaaaaa;stroke-dasharray:2 3}\n"
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

// Where the line from the middle of a box towards `to` leaves it.
static struct point border(struct point from, struct point to)
{
	double dx = to.x - from.x, dy = to.y - from.y;
	double k = fmin(
		dx != 0 ? BOX_W / 2.0 / fabs(dx) : 1e9, dy != 0 ? BOX_H / 2.0 / fabs(dy) : 1e9);

	k = fmin(k, 1);
	return (struct point){ from.x + dx * k, from.y + dy * k };
}

static void put_link(const struct topology *t, const struct lab_link *l, const struct point *at,
	struct strbuf *b)
{
	bool up = l->relation == RELATION_PROVIDER; // the arrow goes from a to b
	const struct link_end *from = up ? &l->a : &l->b, *to = up ? &l->b : &l->a;
	struct point p = at[from->node - t->nodes], q = at[to->node - t->nodes];
	struct point start = border(p, q), end = border(q, p);
	bool host = l->b.node->kind == NODE_KIND_CLIENT, peer = l->relation == RELATION_PEER;

	sb_printf(b, "<line class=\"%s%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"%s>",
		host ? "host" : relation_name(l->relation), l->backup ? " backup" : "", start.x,
		start.y, end.x, end.y, host || peer ? "" : " marker-end=\"url(#up)\"");
	sb_printf(b, "<title>%s - %s, %s, %.1f ms</title></line>\n", from->node->name,
		to->node->name, host ? "host" : (peer ? "peers" : "customer of"),
		(double)l->delay.us / 1000);
}

static void put_node(const struct lab_node *n, struct point p, struct strbuf *b)
{
	sb_printf(b,
		"<g class=\"%s\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" "
		"rx=\"%d\"/>",
		node_kind_name(n->kind), p.x - BOX_W / 2.0, p.y - BOX_H / 2.0, BOX_W, BOX_H,
		n->kind == NODE_KIND_ROUTER ? 3 : 15);
	sb_printf(b, "<text x=\"%.1f\" y=\"%.1f\">", p.x, p.y - 2);
	put_text(b, n->name);
	sb_printf(b, "</text><text class=\"sub\" x=\"%.1f\" y=\"%.1f\">", p.x, p.y + 11);
	if (n->kind == NODE_KIND_ROUTER)
		sb_printf(b, "AS%" PRIu64 " ", n->as);
	put_text(b, n->city);
	sb_str(b, "</text></g>\n");
}

void graph_svg(const struct scenario *s, const struct topology *t, struct strbuf *b)
{
	struct box box = bounds_of(t);
	own(free_ptr) struct point *at = mem_zalloc(t->node_count * sizeof(*at));

	for (size_t i = 0; i < t->node_count; i++)
		at[i] = project(&box, t->nodes[i].at);
	spread(at, t->node_count);
	sb_printf(b, head, WIDTH, HEIGHT, WIDTH, HEIGHT);
	put_grid(&box, b);
	sb_printf(b, "<text x=\"%d\" y=\"24\" font-size=\"17\">", WIDTH / 2);
	put_text(b, s->title);
	sb_str(b, "</text>\n");
	for (size_t i = 0; i < t->link_count; i++)
		put_link(t, &t->links[i], at, b);
	for (size_t i = 0; i < t->node_count; i++)
		put_node(&t->nodes[i], at[i], b);
	sb_str(b, "</svg>\n");
}
