// A binary heap.
#include "sim/events.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "lib/own.h"

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at.us != b->at.us ? a->at.us < b->at.us : a->seq < b->seq;
}

void sim_events_free(struct sim_events *q)
{
	free_ptr(&q->heap);
	q->count = q->room = 0;
}

void sim_events_add(struct sim_events *q, instant at, sim_event_fn *run, void *obj, uint64_t arg)
{
	const struct sim_event e = { at, q->seq++, run, obj, arg };

	if (q->count == q->room) {
		q->room = q->room ? 2 * q->room : 1024;
		q->heap = mem_resize(q->heap, q->room, sizeof(*q->heap));
	}
	size_t i = q->count++;
	for (; i > 0 && is_before(&e, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = e;
}

bool sim_events_next(struct sim_events *q, struct sim_event *ret)
{
	if (q->count == 0)
		return false;
	*ret = q->heap[0];
	const struct sim_event last = q->heap[--q->count];
	size_t i = 0, child;
	for (; (child = 2 * i + 1) < q->count; i = child) {
		if (child + 1 < q->count && is_before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!is_before(&q->heap[child], &last))
			break;
		q->heap[i] = q->heap[child];
	}
	q->heap[i] = last;
	return true;
}
