#include "lab/page.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lab/expect.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "lib/port.h"

enum { REPEAT_MS = 1000, BACKLOG = 128 };

// What was told of a stream last.
struct page_client {
	bool told;
	int site;
};

// ---- The port ----

static int bind_loopback(uint16_t port)
{
	struct ip_addr loopback;

	if (ip_parse(&loopback, "127.0.0.1") < 0)
		return -EINVAL;
	return port_bind(&loopback, port);
}

int page_open(struct page *p)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	*p = (struct page){ .listener = -1, .feed = -1 };
	own(close_fd) int fd = bind_loopback(PAGE_PORT);
	if (fd == -EADDRINUSE)
		fd = bind_loopback(0);
	if (fd < 0)
		return fd;
	if (listen(fd, BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		return -errno;
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%u/", (unsigned)ntohs(sin.sin_port));
	p->listener = take_fd(&fd);
	return 0;
}

void page_close(struct page *p)
{
	close_fd(&p->listener);
	close_fd(&p->feed);
	free_ptr(&p->clients);
	free_ptr(&p->socket);
}

// ---- The clients ----

void page_begin(struct page *p, const struct scenario *s, const struct world *w)
{
	const struct lab_node *node = glass_of_page(s, w->topology);
	own(sb_free) struct strbuf path = {};

	if (p->listener < 0 || !node)
		return;
	world_path(w, node, "catchment", &path);
	p->socket = sb_take(&path);
}

static void connect_feed(struct page *p)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (strlen(p->socket) >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, p->socket, strlen(p->socket));
	own(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		p->feed = take_fd(&fd);
}

// A glass that does not read, or has ended, is told everything again when it listens again.
static void send_lines(struct page *p, const struct strbuf *b)
{
	if (b->len > 0 && send(p->feed, b->s, b->len, MSG_NOSIGNAL) != (ssize_t)b->len)
		close_fd(&p->feed);
}

static void put_client(const struct scenario *s, const struct topology *t, const struct stream *st,
	const struct client_now *now, struct strbuf *b)
{
	static const char *const families[] = { [IP4] = " IPv4", [IP6] = " IPv6" };
	const struct lab_node *node = topology_node(t, st->client->name);
	struct out *o = out_new(OUT_JSON, b);
	const char *site = site_name(s, now->site);

	out_object(o, NULL);
	out_strf(o, "client", "%s%s", st->client->name,
		st->client->family == CLIENT_BOTH ? families[st->family] : "");
	out_str(o, "site", site);
	out_double(o, "lat", node->at.lat, 4);
	out_double(o, "lon", node->at.lon, 4);
	if (now->site != SITE_NONE)
		out_double(o, "rtt_ms", (double)now->rtt.us / 1e3, 3);
	out_end(o);
	out_free(&o);
}

void page_tell(struct page *p, const struct scenario *s, const struct topology *t,
	struct clients *c, instant now)
{
	own(sb_free) struct strbuf b = {};
	bool all = instant_due(instant_add(p->told, span_ms(REPEAT_MS)), now);

	if (!p->socket)
		return;
	if (p->feed < 0 && all) {
		connect_feed(p);
		p->told = now;
		free_ptr(&p->clients);
	}
	if (p->feed < 0)
		return;
	if (!p->clients)
		p->clients = mem_zalloc((clients_streams(c) + 1) * sizeof(*p->clients));
	for (size_t i = 0; i < clients_streams(c); i++) {
		struct client_now at = clients_now(c, i, now);
		struct page_client *told = &p->clients[i];
		if (!all && told->told && told->site == at.site)
			continue;
		*told = (struct page_client){ true, at.site };
		put_client(s, t, clients_stream(c, i), &at, &b);
	}
	if (all)
		p->told = now;
	send_lines(p, &b);
}
