// Links as they come, then the graph that they make. All sorting is by radix, so that the time
// is linear in the file whatever stands in it.
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "plan/graph.h"
#include "plan/order.h"

enum sort_of_link { LINK_TRANSIT, LINK_PEER, LINK_SIBLING };

// As it was given: b is a's customer, peer or sibling.
struct raw_link {
	uint32_t a, b;
	uint32_t line_kind; // line << 2 | enum sort_of_link
};

struct plan_builder {
	struct raw_link *links;
	size_t count, cap;
	uint64_t line;
	struct strbuf part; // of a line whose end has not come yet
	bool in_comment;    // and it is of a comment, which may be long
};

struct plan_builder *plan_builder_new(void)
{
	return mem_zalloc(sizeof(struct plan_builder));
}

void plan_builder_free(struct plan_builder **b)
{
	struct plan_builder *old = take(*b);

	if (!old)
		return;
	free(old->links);
	sb_free(&old->part);
	free(old);
}

__attribute__((format(printf, 4, 5))) static int refuse(
	struct plan_fault *fault, int rc, uint64_t line, const char *fmt, ...)
{
	va_list ap;

	sb_clear(&fault->why);
	va_start(ap, fmt);
	sb_vprintf(&fault->why, fmt, ap);
	va_end(ap);
	fault->line = line;
	return rc;
}

// ---- Lines ----

static int add_raw(struct plan_builder *b, uint32_t x, uint32_t y, enum sort_of_link kind)
{
	if (x == 0 || y == 0 || x == y)
		return -EINVAL;
	if (b->count == PLAN_LINKS_MAX)
		return -EFBIG;
	if (b->count == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 4096;
		b->links = mem_resize(b->links, b->cap, sizeof(*b->links));
	}
	uint32_t line = b->line < UINT32_MAX >> 2 ? (uint32_t)b->line : UINT32_MAX >> 2;
	b->links[b->count++] = (struct raw_link){ x, y, line << 2 | kind };
	return 0;
}

int plan_builder_add(
	struct plan_builder *b, uint32_t asn, uint32_t neighbour, enum plan_relation neighbour_is)
{
	switch (neighbour_is) {
	case PLAN_CUSTOMER:
		return add_raw(b, asn, neighbour, LINK_TRANSIT);
	case PLAN_PROVIDER:
		return add_raw(b, neighbour, asn, LINK_TRANSIT);
	default:
		return add_raw(b, asn, neighbour, LINK_PEER);
	}
}

// Digits up to a bar, which is passed over.
static bool read_as(const char **at, const char *end, uint32_t *ret)
{
	const char *p = *at;
	uint64_t n = 0;

	while (p < end && *p >= '0' && *p <= '9' && n <= UINT32_MAX)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == *at || p == end || *p != '|' || n > UINT32_MAX)
		return false;
	*at = p + 1;
	*ret = (uint32_t)n;
	return true;
}

static const struct {
	const char *text;
	enum sort_of_link kind;
} kinds[] = {
	{ "-1", LINK_TRANSIT },
	{ "0", LINK_PEER },
	{ "1", LINK_SIBLING },
	{ "2", LINK_SIBLING },
};

// The third field, up to a bar or the end of the line; what stands behind the bar is its source.
static bool read_kind(const char *at, const char *end, enum sort_of_link *ret)
{
	const char *bar = memchr(at, '|', (size_t)(end - at));
	size_t n = (size_t)((bar ? bar : end) - at);

	for (size_t i = 0; i < countof(kinds); i++) {
		if (strlen(kinds[i].text) != n || memcmp(kinds[i].text, at, n) != 0)
			continue;
		*ret = kinds[i].kind;
		return true;
	}
	return false;
}

// A line without its newline.
static int take_line(struct plan_builder *b, const char *text, size_t n, struct plan_fault *fault)
{
	const char *at = text, *end = text + n;
	enum sort_of_link kind;
	uint32_t x, y;

	if (end > at && end[-1] == '\r')
		end--;
	if (at == end || *at == '#')
		return 0;
	if (!read_as(&at, end, &x) || !read_as(&at, end, &y) || !read_kind(at, end, &kind))
		return refuse(fault, -EINVAL, b->line, "not <AS>|<AS>|-1, 0 or 1");
	if (x == 0 || y == 0)
		return refuse(fault, -EINVAL, b->line, "AS 0 has no neighbours (RFC 7607)");
	if (x == y)
		return refuse(fault, -EINVAL, b->line, "AS %u cannot be its own neighbour", x);
	int rc = add_raw(b, x, y, kind);
	return rc < 0 ? refuse(fault, rc, b->line, "over %d links", PLAN_LINKS_MAX) : 0;
}

// What has no newline yet is kept; of a comment, only that it is one.
static int keep_part(struct plan_builder *b, const char *at, size_t n, struct plan_fault *fault)
{
	if (n == 0 || b->in_comment)
		return 0;
	if (b->part.len == 0 && *at == '#') {
		b->in_comment = true;
		return 0;
	}
	if (b->part.len + n > PLAN_LINE_MAX)
		return refuse(
			fault, -EINVAL, b->line + 1, "a line of over %d bytes", PLAN_LINE_MAX);
	sb_add(&b->part, at, n);
	return 0;
}

// The rest of a line that an earlier piece began, or a whole one.
static int end_line(struct plan_builder *b, const char *at, size_t n, struct plan_fault *fault)
{
	b->line++;
	if (b->in_comment) {
		b->in_comment = false;
		return 0;
	}
	if (b->part.len == 0)
		return take_line(b, at, n, fault);
	if (b->part.len + n > PLAN_LINE_MAX)
		return refuse(fault, -EINVAL, b->line, "a line of over %d bytes", PLAN_LINE_MAX);
	sb_add(&b->part, at, n);
	int rc = take_line(b, sb_text(&b->part), b->part.len, fault);
	sb_clear(&b->part);
	return rc;
}

int plan_builder_feed(struct plan_builder *b, const void *bytes, size_t n, struct plan_fault *fault)
{
	const char *at = bytes, *end = at + n, *newline;

	while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		int rc = end_line(b, at, (size_t)(newline - at), fault);
		if (rc < 0)
			return rc;
		at = newline + 1;
	}
	return keep_part(b, at, (size_t)(end - at), fault);
}

// ---- Sorting ----

struct record {
	uint64_t key;
	uint32_t value;
};

enum { RADIX_BITS = 11, RADIX = 1 << RADIX_BITS };

// One pass over one digit; false: all records have the same there, nothing was moved.
static bool radix_pass(const struct record *from, struct record *to, size_t n, unsigned shift)
{
	size_t at[RADIX] = {}, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[from[i].key >> shift & (RADIX - 1)]++;
	if (n == 0 || at[from[0].key >> shift & (RADIX - 1)] == n)
		return false;
	for (size_t i = 0; i < RADIX; i++) {
		size_t here = at[i];
		at[i] = sum;
		sum += here;
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i].key >> shift & (RADIX - 1)]++] = from[i];
	return true;
}

// By key, stable. *list is freed and replaced where that is cheaper than copying back.
static void sort_records(struct record **list, size_t n)
{
	own(free_ptr) struct record *other = mem_resize(NULL, n ? n : 1, sizeof(*other));

	for (unsigned shift = 0; shift < 64; shift += RADIX_BITS) {
		if (!radix_pass(*list, other, n, shift))
			continue;
		struct record *swap = *list;
		*list = other;
		other = swap;
	}
}

// ---- Building ----

// Gives nodes their numbers and turns the ends of links from AS numbers into nodes.
static int number_nodes(struct plan_graph *g, struct plan_builder *b, struct plan_fault *fault)
{
	size_t n = b->count * 2;
	own(free_ptr) struct record *ends = mem_resize(NULL, n, sizeof(*ends));
	uint32_t nodes = 0;

	for (size_t i = 0; i < b->count; i++) {
		ends[2 * i] = (struct record){ b->links[i].a, (uint32_t)(2 * i) };
		ends[2 * i + 1] = (struct record){ b->links[i].b, (uint32_t)(2 * i + 1) };
	}
	sort_records(&ends, n);
	for (size_t i = 0; i < n; i++)
		nodes += i == 0 || ends[i].key != ends[i - 1].key;
	if (nodes > PLAN_AS_MAX)
		return refuse(fault, -EFBIG, 0, "over %d ASes", PLAN_AS_MAX);
	g->asn = mem_resize(NULL, nodes, sizeof(*g->asn));
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || ends[i].key != ends[i - 1].key)
			g->asn[g->count++] = (uint32_t)ends[i].key;
		struct raw_link *l = &b->links[ends[i].value / 2];
		*(ends[i].value % 2 ? &l->b : &l->a) = g->count - 1;
	}
	return 0;
}

// One bit each: how two nodes are linked, low the one with the lower number.
enum { LOW_PROVIDES = 1, HIGH_PROVIDES = 2, PEERS = 4 };

static unsigned bits_of(const struct raw_link *l)
{
	switch ((enum sort_of_link)(l->line_kind & 3)) {
	case LINK_PEER:
		return PEERS;
	case LINK_SIBLING:
		return LOW_PROVIDES | HIGH_PROVIDES;
	default:
		return l->a < l->b ? LOW_PROVIDES : HIGH_PROVIDES;
	}
}

// A pair of neighbours once: key low << 32 | high, value its bits.
struct pairs {
	struct record *list;
	size_t count;
};

static int contradiction(const struct plan_graph *g, const struct raw_link *first,
	const struct raw_link *second, struct plan_fault *fault)
{
	uint32_t earlier = first->line_kind >> 2, later = second->line_kind >> 2;

	return refuse(fault, -EINVAL, later, "AS %u and AS %u are %s here, and %s in line %u",
		g->asn[second->a], g->asn[second->b],
		(second->line_kind & 3) == LINK_PEER ? "peers" : "customer and provider",
		(second->line_kind & 3) == LINK_PEER ? "customer and provider" : "peers", earlier);
}

static int find_pairs(struct pairs *p, struct plan_graph *g, const struct plan_builder *b,
	struct plan_fault *fault)
{
	p->list = mem_resize(NULL, b->count, sizeof(*p->list));
	for (size_t i = 0; i < b->count; i++) {
		const struct raw_link *l = &b->links[i];
		uint64_t low = l->a < l->b ? l->a : l->b, high = l->a < l->b ? l->b : l->a;
		p->list[i] = (struct record){ low << 32 | high, (uint32_t)i };
	}
	sort_records(&p->list, b->count);
	for (size_t i = 0; i < b->count;) {
		const struct raw_link *first = &b->links[p->list[i].value];
		uint64_t key = p->list[i].key;
		unsigned bits = 0;
		for (; i < b->count && p->list[i].key == key; i++) {
			const struct raw_link *l = &b->links[p->list[i].value];
			g->repeated += (bits & bits_of(l)) == bits_of(l);
			bits |= bits_of(l);
			if ((bits & PEERS) && bits != PEERS)
				return contradiction(g, first, l, fault);
		}
		p->list[p->count++] = (struct record){ key, bits };
	}
	return 0;
}

// Adds `to` to the neighbours of `from`; with count only, makes room for it.
static void link_one(
	struct plan_graph *g, enum plan_relation r, uint32_t from, uint32_t to, uint32_t *fill)
{
	if (fill)
		g->links[r].node[fill[from]++] = to;
	else
		g->links[r].first[from + 1]++;
}

static void link_pair(struct plan_graph *g, const struct record *p, uint32_t *fill[])
{
	uint32_t low = (uint32_t)(p->key >> 32), high = (uint32_t)p->key;

	if (p->value & LOW_PROVIDES) {
		link_one(g, PLAN_CUSTOMER, low, high, fill[PLAN_CUSTOMER]);
		link_one(g, PLAN_PROVIDER, high, low, fill[PLAN_PROVIDER]);
	}
	if (p->value & HIGH_PROVIDES) {
		link_one(g, PLAN_PROVIDER, low, high, fill[PLAN_PROVIDER]);
		link_one(g, PLAN_CUSTOMER, high, low, fill[PLAN_CUSTOMER]);
	}
	if (p->value & PEERS) {
		link_one(g, PLAN_PEER, low, high, fill[PLAN_PEER]);
		link_one(g, PLAN_PEER, high, low, fill[PLAN_PEER]);
	}
}

// Pairs ascend by their low end, then the high one. For any node, the pairs in which it
// is the high end (its lower neighbours, ascending) come before those in which it is
// the low end (its higher neighbours, ascending): so each list of neighbours ascends.
static void link_all(struct plan_graph *g, const struct pairs *p)
{
	uint32_t *fill[PLAN_RELATION_MAX] = {};

	for (size_t r = 0; r < PLAN_RELATION_MAX; r++)
		g->links[r].first = mem_zalloc(((size_t)g->count + 1) * sizeof(uint32_t));
	for (size_t i = 0; i < p->count; i++)
		link_pair(g, &p->list[i], fill);
	for (size_t r = 0; r < PLAN_RELATION_MAX; r++) {
		uint32_t *first = g->links[r].first;
		for (uint32_t v = 0; v < g->count; v++)
			first[v + 1] += first[v];
		g->links[r].node = mem_resize(NULL, first[g->count] + 1, sizeof(uint32_t));
		fill[r] = mem_dup(first, g->count * sizeof(uint32_t));
	}
	for (size_t i = 0; i < p->count; i++)
		link_pair(g, &p->list[i], fill);
	for (size_t r = 0; r < PLAN_RELATION_MAX; r++)
		free(fill[r]);
}

static void count_links(struct plan_graph *g, const struct pairs *p)
{
	for (size_t i = 0; i < p->count; i++) {
		g->peer_links += p->list[i].value == PEERS;
		g->sibling_links += p->list[i].value == (LOW_PROVIDES | HIGH_PROVIDES);
	}
	g->transit_links = (uint32_t)p->count - g->peer_links - g->sibling_links;
}

static int build(struct plan_graph *g, struct plan_builder *b, struct plan_fault *fault)
{
	struct pairs pairs = {};
	int rc = number_nodes(g, b, fault);

	if (rc == 0)
		rc = find_pairs(&pairs, g, b, fault);
	if (rc == 0) {
		free(take(b->links));
		count_links(g, &pairs);
		link_all(g, &pairs);
		plan_order(g);
	}
	free(pairs.list);
	return rc;
}

int plan_builder_finish(
	struct plan_graph **ret, struct plan_builder **builder, struct plan_fault *fault)
{
	own(plan_builder_free) struct plan_builder *b = take(*builder);
	int rc = 0;

	if (b->part.len > 0)
		rc = end_line(b, "", 0, fault); // the last line may lack its newline
	if (rc == 0 && b->count == 0)
		rc = refuse(fault, -EINVAL, 0, "no link between ASes in it");
	if (rc < 0)
		return rc;
	struct plan_graph *g = mem_zalloc(sizeof(*g));
	rc = build(g, b, fault);
	if (rc < 0)
		plan_graph_free(&g);
	else
		*ret = g;
	return rc;
}
