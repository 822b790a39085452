#include "lib/tcpflow.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "lib/own.h"

struct flows {
	struct hmap map;
	struct list by_age; // the quietest first
	size_t user_size;
	void (*release)(void *user);
};

struct segment {
	struct list link;
	uint32_t seq;
	size_t len;
	uint8_t bytes[];
};

// RFC 9293 section 3.4: sequence numbers compare modulo 2^32.
static int32_t seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

// ---- Which flow ----

struct key {
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;
};

static uint64_t hash_key(
	const struct ip_addr *src, uint16_t src_port, const struct ip_addr *dst, uint16_t dst_port)
{
	struct key k;

	memset(&k, 0, sizeof(k)); // the padding too
	k.src = *src;
	k.dst = *dst;
	k.src_port = src_port;
	k.dst_port = dst_port;
	return hash_bytes(&k, sizeof(k));
}

static struct flow *find(const struct flows *f, const struct ip_addr *src, uint16_t src_port,
	const struct ip_addr *dst, uint16_t dst_port)
{
	struct hnode *n = hmap_find(&f->map, hash_key(src, src_port, dst, dst_port));

	for (; n; n = hmap_find_next(n)) {
		struct flow *flow = container_of(n, struct flow, node);
		if (flow->src_port == src_port && flow->dst_port == dst_port &&
			ip_equal(&flow->src, src) && ip_equal(&flow->dst, dst))
			return flow;
	}
	return NULL;
}

static void drop_segments(struct flow *flow)
{
	struct segment *s;

	while ((s = list_first(&flow->segments, struct segment, link))) {
		list_remove(&s->link);
		free(s);
	}
	flow->waiting = 0;
}

static void release(struct flows *f, struct flow *flow)
{
	hmap_remove(&f->map, &flow->node);
	list_remove(&flow->by_age);
	drop_segments(flow);
	if (f->release)
		f->release(flow->user);
	free(flow->user);
	free(flow->bytes);
	free(flow);
}

static struct flow *make(struct flows *f, const struct tcp_segment *s)
{
	if (f->map.count >= FLOWS_MAX)
		release(f, list_first(&f->by_age, struct flow, by_age));
	struct flow *flow = mem_zalloc(sizeof(*flow));

	flow->src = s->src;
	flow->dst = s->dst;
	flow->src_port = s->src_port;
	flow->dst_port = s->dst_port;
	flow->user = mem_zalloc(f->user_size + 1);
	list_init(&flow->segments);
	list_push_back(&f->by_age, &flow->by_age);
	hmap_insert(&f->map, &flow->node, hash_key(&s->src, s->src_port, &s->dst, s->dst_port));
	return flow;
}

// ---- Bytes in order ----

static void append(struct flow *flow, const uint8_t *bytes, size_t n)
{
	if (flow->len + n > FLOW_BYTES_MAX) { // nobody takes them
		flow->lost += flow->len;
		flow->len = 0;
	}
	if (flow->len + n > flow->cap) {
		flow->cap = flow->len + n + 4096;
		flow->bytes = mem_resize(flow->bytes, flow->cap, 1);
	}
	if (n > 0)
		memcpy(flow->bytes + flow->len, bytes, n);
	flow->len += n;
	flow->next += (uint32_t)n;
}

// What of the segment is new, if it follows on what is there. False: it does not yet.
static bool join(struct flow *flow, uint32_t seq, const uint8_t *bytes, size_t n)
{
	int32_t ahead = seq_diff(seq, flow->next);

	if (ahead > 0)
		return false;
	size_t known = (size_t) - (int64_t)ahead;
	if (known < n)
		append(flow, bytes + known, n - known);
	return true;
}

static void join_waiting(struct flow *flow)
{
	struct segment *s;

	while ((s = list_first(&flow->segments, struct segment, link))) {
		if (!join(flow, s->seq, s->bytes, s->len))
			return;
		flow->waiting -= s->len;
		list_remove(&s->link);
		free(s);
	}
}

static void keep(struct flow *flow, uint32_t seq, const uint8_t *bytes, size_t n)
{
	struct list *at = &flow->segments;
	struct segment *s = mem_zalloc(sizeof(*s) + n);
	struct segment *other;

	s->seq = seq;
	s->len = n;
	memcpy(s->bytes, bytes, n);
	list_for_each(other, &flow->segments, link)
	{
		if (seq_diff(seq, other->seq) < 0) {
			at = &other->link;
			break;
		}
	}
	list_push_back(at, &s->link);
	flow->waiting += n;
}

static void begin(struct flow *flow, uint32_t seq)
{
	drop_segments(flow);
	flow->len = 0;
	flow->lost = 0;
	flow->next = seq;
	flow->begun = true;
}

bool flow_skip_gap(struct flow *flow)
{
	struct segment *s = list_first(&flow->segments, struct segment, link);

	if (!s)
		return false;
	flow->lost += flow->len + (uint32_t)seq_diff(s->seq, flow->next);
	flow->len = 0;
	flow->next = s->seq;
	join_waiting(flow);
	return true;
}

void flow_take(struct flow *flow, size_t n)
{
	if (n > 0)
		memmove(flow->bytes, flow->bytes + n, flow->len - n);
	flow->len -= n;
}

// ---- Flows ----

struct flows *flows_new(size_t user_size, void (*release_user)(void *user))
{
	struct flows *f = mem_zalloc(sizeof(*f));

	list_init(&f->by_age);
	f->user_size = user_size;
	f->release = release_user;
	return f;
}

void flows_free(struct flows **f)
{
	struct flows *old = take(*f);
	struct flow *flow;

	if (!old)
		return;
	while ((flow = list_first(&old->by_age, struct flow, by_age)))
		release(old, flow);
	hmap_free(&old->map);
	free(old);
}

struct flow *flows_add(struct flows *f, const struct tcp_segment *s)
{
	size_t n = rd_left(&s->payload);
	uint32_t seq = s->seq + s->syn; // RFC 9293 section 3.4: SYN takes a number
	struct flow *flow = find(f, &s->src, s->src_port, &s->dst, s->dst_port);

	if (!flow)
		flow = make(f, s);
	list_remove(&flow->by_age);
	list_push_back(&f->by_age, &flow->by_age);
	if (s->syn) {
		if (f->release)
			f->release(flow->user);
		memset(flow->user, 0, f->user_size);
	}
	if (s->syn || !flow->begun)
		begin(flow, seq);
	if (n > 0 && !join(flow, seq, s->payload.p, n))
		keep(flow, seq, s->payload.p, n);
	join_waiting(flow);
	if (flow->waiting > FLOW_BYTES_MAX)
		(void)flow_skip_gap(flow);
	return flow;
}

struct flow *flows_reverse(struct flows *f, const struct flow *flow)
{
	return find(f, &flow->dst, flow->dst_port, &flow->src, flow->src_port);
}

struct flow *flows_pending(struct flows *f)
{
	struct flow *flow;

	list_for_each(flow, &f->by_age, by_age)
	{
		if (flow->len > 0 || !list_empty(&flow->segments))
			return flow;
	}
	return NULL;
}
