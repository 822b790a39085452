// /api/v1/mrt: the whole store as an MRT table (RFC 6396 section 4.3, RFC 8050), in pieces.
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/api.h"
#include "rib/mrt_write.h"

enum { PIECE_BYTES = 128 << 10, RECORD_BYTES = 64 << 10 };

struct table {
	struct view *view;
	uint32_t time_s, sequence;
	bool began;
	enum ip_family family;
	struct prefixes_walk walk;
	uint8_t *room; // for a record
	size_t size;
};

static void write_peers(struct table *t, struct wr *w)
{
	const struct glass_conf *conf = t->view->conf;

	mrt_write_peers(w, t->time_s, ip_to_u32(&conf->router_id), conf->site, t->view->rib);
}

// Writes the record again with more room until it fits.
static void add_record(struct table *t, struct strbuf *b, uint32_t prefix)
{
	uint32_t sequence = t->sequence;

	for (;;) {
		struct wr w = wr_init(t->room, t->size);
		t->sequence = sequence;
		if (prefix == PREFIXES_NONE)
			write_peers(t, &w);
		else
			mrt_write_prefix(
				&w, t->time_s, &t->sequence, t->view->rib, t->family, prefix);
		if (!w.bad) {
			sb_add(b, (const char *)t->room, wr_len(&w));
			return;
		}
		t->size *= 2;
		t->room = mem_resize(t->room, t->size, 1);
	}
}

static enum call_more more(void *ctx, struct strbuf *b)
{
	struct table *t = ctx;

	if (!t->began)
		add_record(t, b, PREFIXES_NONE);
	t->began = true;
	while (b->len < PIECE_BYTES) {
		uint32_t prefix = prefixes_next(&t->walk);
		if (prefix != PREFIXES_NONE) {
			add_record(t, b, prefix);
			continue;
		}
		if (t->family == IP6)
			return CALL_END;
		t->family = IP6;
		prefixes_walk(&t->walk, rib_prefixes(t->view->rib, IP6), NULL, NULL);
	}
	return CALL_MORE;
}

static void end(void *ctx)
{
	struct table *t = ctx;

	view_put(&t->view);
	free(t->room);
	free(t);
	api_table_end();
}

void api_mrt(struct call *c)
{
	if (!api_table_begin(c))
		return;
	struct table *t = mem_zalloc(sizeof(*t));
	t->view = view_hold(c->view);
	t->time_s = (uint32_t)(c->view->made_us / 1000000);
	t->family = IP4;
	t->size = RECORD_BYTES;
	t->room = mem_resize(NULL, t->size, 1);
	prefixes_walk(&t->walk, rib_prefixes(t->view->rib, IP4), NULL, NULL);
	c->type = "application/octet-stream";
	c->more = more;
	c->free_stream = end;
	c->stream = t;
}
