// The page of a world: a looking glass (nearglass) at each site that runs nearcastd, fed over BGP by the
// site's routers. The first of them follows the others, is told what the clients see, and shows the page.
//
//	browser -- 127.0.0.1:8480 --> nearglass of the first site --HTTP--> those of the others
//	                                    ^ catchment (Unix socket)
//	                                    +-- this lab, with what its clients see
//
// The listening socket is opened here, outside the world, and handed to that glass: so the page is on the
// host's loopback and nothing else of the world is.
#pragma once

#include "lab/client.h"

enum { PAGE_PORT = 8480, PAGE_URL = 40 };

struct page {
	int listener; // -1: no page
	char url[PAGE_URL];
	int feed; // to the glass; -1: not connected
	instant told;
	struct page_client *clients; // one a stream
	char *socket;                // path
};

// Opens PAGE_PORT on loopback, or another port when that is taken. -errno.
[[nodiscard]] int page_open(struct page *p);
// Where the glass hears of clients. Before page_tell().
void page_begin(struct page *p, const struct scenario *s, const struct world *w);
// Tells the glass who is answered by whom, where that changed, and all of it every second. A glass that
// does not listen misses it.
void page_tell(struct page *p, const struct scenario *s, const struct topology *t,
	struct clients *c, instant now);
void page_close(struct page *p);

// ---- The glasses ----

// The node has a glass: the first of its site that runs nearcastd.
bool glass_stands_at(const struct scenario *s, const struct lab_node *node);
// That which shows the page; NULL: no site runs nearcastd.
const struct lab_node *glass_of_page(const struct scenario *s, const struct topology *t);
// nearglass.yaml; dir is the node's directory.
void config_glass(const struct scenario *s, const struct topology *t, const struct lab_node *node,
	const char *dir, struct strbuf *b);
// What a router's bird.conf has for the glasses beside it.
void config_glass_sessions(const struct scenario *s, const struct topology *t,
	const struct lab_node *router, struct strbuf *b);
