#include "lab/delayheap.h"

#include "lib/mem.h"
#include "lib/own.h"

void delayheap_free(struct delayheap *h)
{
	free(h->frames);
	*h = (struct delayheap){};
}

static bool before(const struct held_frame *a, const struct held_frame *b)
{
	return a->due.us != b->due.us ? a->due.us < b->due.us : a->seq < b->seq;
}

void delayheap_push(struct delayheap *h, struct held_frame f)
{
	if (h->count == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 256;
		h->frames = mem_resize(h->frames, h->cap, sizeof(*h->frames));
	}
	f.seq = h->next_seq++;
	size_t i = h->count++;
	for (; i > 0 && before(&f, &h->frames[(i - 1) / 2]); i = (i - 1) / 2)
		h->frames[i] = h->frames[(i - 1) / 2];
	h->frames[i] = f;
}

instant delayheap_next(const struct delayheap *h)
{
	return h->count ? h->frames[0].due : INSTANT_NEVER;
}

static size_t smaller_child(const struct delayheap *h, size_t i)
{
	size_t child = 2 * i + 1;

	if (child + 1 < h->count && before(&h->frames[child + 1], &h->frames[child]))
		child++;
	return child;
}

bool delayheap_pop(struct delayheap *h, instant now, struct held_frame *ret)
{
	if (h->count == 0 || !instant_due(h->frames[0].due, now))
		return false;
	*ret = h->frames[0];
	struct held_frame last = h->frames[--h->count];
	size_t i = 0;
	for (size_t c = smaller_child(h, i); c < h->count && before(&h->frames[c], &last);
		c = smaller_child(h, i)) {
		h->frames[i] = h->frames[c];
		i = c;
	}
	h->frames[i] = last;
	return true;
}
