#include "test/rib/made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_u32(struct wr *w, uint8_t flags, uint8_t code, uint32_t value)
{
	wr_u8(w, flags);
	wr_u8(w, code);
	wr_u8(w, 4);
	wr_u32(w, value);
}

// Words in order of the attributes' codes.
static void put_word(struct wr *w, const char *word)
{
	unsigned a, b, c;

	if (sscanf(word, "origin=%u", &a) == 1) {
		wr_bytes(w, "\x40\x01\x01", 3);
		wr_u8(w, (uint8_t)a);
	} else if (sscanf(word, "med=%u", &a) == 1) {
		put_u32(w, 0x80, 4, a);
	} else if (sscanf(word, "lp=%u", &a) == 1) {
		put_u32(w, 0x40, 5, a);
	} else if (sscanf(word, "c=%u:%u", &a, &b) == 2) {
		put_u32(w, 0xc0, 8, a << 16 | b);
	} else if (sscanf(word, "originator=%u", &a) == 1) {
		put_u32(w, 0x80, 9, a);
	} else if (sscanf(word, "clusters=%u", &a) == 1) {
		wr_u8(w, 0x80);
		wr_u8(w, 10);
		wr_u8(w, (uint8_t)(a * 4));
		for (unsigned i = 0; i < a; i++)
			wr_u32(w, i + 1);
	} else if (sscanf(word, "large=%u:%u:%u", &a, &b, &c) == 3) {
		wr_bytes(w, "\xc0\x20\x0c", 3);
		wr_u32(w, a);
		wr_u32(w, b);
		wr_u32(w, c);
	} else {
		w->bad = true;
	}
}

struct made *made(struct made *m, const char *path, const char *rest)
{
	struct wr w = wr_init(m->bytes, sizeof(m->bytes));
	char words[256], *save = NULL, *word;

	size_t count = 0;
	wr_u8(&w, RIB_SEQUENCE);
	wr_u8(&w, 0);
	for (char *end; *path; path = end, count++) {
		wr_u32(&w, (uint32_t)strtoul(path, &end, 10));
		if (end == path)
			abort();
	}
	m->bytes[1] = (uint8_t)count;
	size_t at = wr_len(&w);
	m->attrs.path = rd_init(m->bytes, count ? at : 0);
	snprintf(words, sizeof(words), "%s", rest);
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		put_word(&w, word);
	if (w.bad)
		abort();
	m->attrs.rest = rd_init(m->bytes + at, wr_len(&w) - at);
	at = wr_len(&w);
	wr_u32(&w, 0xc0000201);
	m->attrs.hop = rd_init(m->bytes + at, 4);
	return m;
}

void made_announce(struct rib *r, unsigned neighbour, const char *prefix, uint32_t path_id,
	const char *path, const char *rest)
{
	struct ip_prefix p;
	struct made m;

	if (prefix_parse(&p, prefix) < 0)
		abort();
	uint32_t set = rib_set_hold(r, (enum ip_family)p.addr.family, &made(&m, path, rest)->attrs);
	(void)rib_announce(r, neighbour, &p, path_id, set, 1000);
	rib_set_release(r, set);
}
