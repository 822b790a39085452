#include "nearglass/glass.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "nearglass/listener.h"

struct glass {
	struct neighbour_env env;
	struct rib_attrs_room room;
	struct neighbour **neighbours;
	size_t neighbour_count;
	struct listener **listeners;
	size_t listener_count;
	struct views *views;
	int64_t started_us;
};

// ---- Log ----

static void on_event(void *ctx, struct neighbour *n, const struct bgp_action *a)
{
	const char *name = neighbour_conf(n)->name;
	char time[TIME_TEXT];

	(void)ctx;
	if (a->event == BGP_EVENT_ESTABLISHED)
		fprintf(stderr, "%s neighbour %s established\n", time_print(clock_unix_us(), time),
			name);
	if (a->event == BGP_EVENT_DOWN)
		fprintf(stderr, "%s neighbour %s down: %s\n", time_print(clock_unix_us(), time),
			name, a->error.text);
}

// ---- Views ----

static struct view *make_view(void *ctx)
{
	struct glass *g = ctx;
	struct view *v = mem_zalloc(sizeof(*v));

	atomic_init(&v->holders, 1);
	v->rib = rib_snapshot(g->env.rib);
	v->conf = g->env.conf;
	v->made = clock_now();
	v->made_us = clock_unix_us();
	v->started_us = g->started_us;
	v->neighbour_count = g->neighbour_count;
	v->neighbours = mem_zalloc(g->neighbour_count * sizeof(*v->neighbours));
	for (size_t i = 0; i < g->neighbour_count; i++)
		neighbour_info(g->neighbours[i], &v->neighbours[i]); // numbers are given in order
	return v;
}

// ---- Ports ----

static void on_accept(void *ctx, int fd, const struct ip_addr *remote)
{
	struct glass *g = ctx;

	for (size_t i = 0; i < g->neighbour_count; i++)
		if (ip_equal(&neighbour_conf(g->neighbours[i])->address, remote)) {
			neighbour_accept(g->neighbours[i], fd);
			return;
		}
	close(fd); // a stranger
}

static const char *problem(int error)
{
	if (error == -EADDRNOTAVAIL)
		return "this host does not have the address (yet)";
	if (error == -EACCES)
		return "CAP_NET_BIND_SERVICE is needed";
	return strerror(-error);
}

static int open_ports(struct glass *g, struct strbuf *error)
{
	const struct glass_conf *c = g->env.conf;
	char text[IP_TEXT];

	g->listeners = mem_zalloc((c->listen.count + 1) * sizeof(*g->listeners));
	items_for_each(const struct ip_addr, a, c->listen)
	{
		int rc = listener_new(&g->listeners[g->listener_count], g->env.loop, a,
			(uint16_t)c->listen_port, on_accept, g);
		if (rc < 0) {
			sb_printf(error, "cannot listen on %s port %lu: %s", ip_print(a, text),
				(unsigned long)c->listen_port, problem(rc));
			return rc;
		}
		g->listener_count++;
	}
	return 0;
}

static int add_neighbours(struct glass *g, uint64_t seed, struct strbuf *error)
{
	const struct glass_conf *c = g->env.conf;

	g->neighbours = mem_zalloc((c->neighbours.count + 1) * sizeof(struct neighbour *));
	items_for_each(const struct glass_neighbour, n, c->neighbours)
	{
		struct neighbour *made = neighbour_new(&g->env, n, seed + g->neighbour_count);
		if (!made) {
			sb_str(error, "more neighbours than the store takes");
			return -ENOSPC;
		}
		g->neighbours[g->neighbour_count++] = made;
	}
	return 0;
}

int glass_new(struct glass **ret, uv_loop_t *loop, const struct glass_conf *conf, uint64_t seed,
	struct strbuf *error)
{
	struct glass *g = mem_zalloc(sizeof(*g));

	g->env = (struct neighbour_env){
		.loop = loop,
		.conf = conf,
		.rib = rib_new(),
		.room = &g->room,
		.event = on_event,
		.ctx = g,
	};
	g->started_us = clock_unix_us();
	int rc = open_ports(g, error);
	if (rc == 0)
		rc = add_neighbours(g, seed, error);
	if (rc < 0)
		return rc; // the process ends
	g->views = views_new(loop, make_view, g);
	*ret = g;
	return 0;
}

void glass_start(struct glass *g)
{
	for (size_t i = 0; i < g->neighbour_count; i++)
		neighbour_start(g->neighbours[i]);
}

void glass_stop(struct glass *g, const char *why)
{
	for (size_t i = 0; i < g->listener_count; i++)
		listener_free(&g->listeners[i]);
	g->listener_count = 0;
	for (size_t i = 0; i < g->neighbour_count; i++)
		neighbour_stop(g->neighbours[i], why);
	views_close(g->views);
}

void glass_free(struct glass **which)
{
	struct glass *g = take(*which);

	if (!g)
		return;
	for (size_t i = 0; i < g->neighbour_count; i++)
		neighbour_free(&g->neighbours[i]);
	free(g->neighbours);
	free(g->listeners);
	views_free(&g->views);
	rib_free(&g->env.rib);
	free(g);
}

struct views *glass_views(struct glass *g)
{
	return g->views;
}
