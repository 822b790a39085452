#include "lib/fdwatch.h"

#include "lib/mem.h"
#include "lib/own.h"

struct fdwatch {
	uv_poll_t poll;
	fdwatch_fn *fn; // NULL: closed
	void *ctx;
	int events;
};

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct fdwatch *w = container_of(poll, struct fdwatch, poll);

	if (!w->fn)
		return;
	if (status < 0) // libuv gives a descriptor with an error up; netlink's overruns are no end
		fdwatch_events(w, w->events);
	w->fn(w->ctx, status < 0 ? UV_READABLE | UV_WRITABLE : events);
}

int fdwatch_new(
	struct fdwatch **ret, uv_loop_t *loop, int fd, int events, fdwatch_fn *fn, void *ctx)
{
	own(free_ptr) struct fdwatch *w = mem_zalloc(sizeof(*w));
	int error = uv_poll_init(loop, &w->poll, fd);

	if (error)
		return error;
	w->fn = fn;
	w->ctx = ctx;
	*ret = take(w);
	fdwatch_events(*ret, events);
	return 0;
}

void fdwatch_events(struct fdwatch *w, int events)
{
	w->events = events;
	// Fails only for a handle that is being closed.
	(void)uv_poll_start(&w->poll, events, on_ready);
}

static void on_closed(uv_handle_t *handle)
{
	free(container_of((uv_poll_t *)handle, struct fdwatch, poll));
}

void fdwatch_close(struct fdwatch **w)
{
	if (!*w)
		return;
	(*w)->fn = NULL;
	uv_close((uv_handle_t *)&(*w)->poll, on_closed);
	*w = NULL;
}
