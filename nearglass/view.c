#include "nearglass/view.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"

enum { IDLE_MS = 1000 };

struct views {
	pthread_mutex_t lock;
	pthread_cond_t made;
	struct view *now; // NULL: none yet
	uint64_t count;   // made so far
	bool expired;     // what there is
	bool closed;
	uv_async_t wanted;
	uv_timer_t idle;
	view_make_fn *make;
	void *ctx;
};

void view_put(struct view **which)
{
	struct view *v = take(*which);

	if (!v || atomic_fetch_sub_explicit(&v->holders, 1, memory_order_acq_rel) != 1)
		return;
	rib_snapshot_free(&v->rib);
	free(v->neighbours);
	free(v->daemon_status);
	roster_put(&v->roster);
	catchment_list_put(&v->catchment);
	for (size_t i = 0; i < v->site_count; i++)
		site_info_free(&v->sites[i]);
	free(v->sites);
	free(v);
}

size_t view_memory(const struct view *v, struct rib_memory ret[RIB_MEMORY_ROWS])
{
	size_t n = rib_memory(v->rib, ret);

	if (v->rpki && n < RIB_MEMORY_ROWS)
		ret[n++] = (struct rib_memory){
			.name = "RPKI payloads",
			.count = v->rpki_info.payloads4 + v->rpki_info.payloads6,
			.bytes = v->rpki_info.bytes,
		};
	return n;
}

struct view *view_hold(struct view *v)
{
	atomic_fetch_add_explicit(&v->holders, 1, memory_order_relaxed);
	return v;
}

static bool is_fresh(const struct views *v)
{
	return v->now && !v->expired &&
	       !instant_due(instant_add(v->now->made, span_ms(VIEW_MS)), clock_now());
}

// Nobody asks: what is held no more need not be copied before it is changed.
static void on_idle(uv_timer_t *timer)
{
	struct views *v = timer->data;

	pthread_mutex_lock(&v->lock);
	struct view *old = take(v->now);
	pthread_mutex_unlock(&v->lock);
	view_put(&old);
}

static void on_wanted(uv_async_t *handle)
{
	struct views *v = handle->data;

	pthread_mutex_lock(&v->lock);
	bool fresh = is_fresh(v);
	pthread_mutex_unlock(&v->lock);
	if (fresh)
		return;
	struct view *made = v->make(v->ctx);
	pthread_mutex_lock(&v->lock);
	struct view *old = v->now;
	v->now = made;
	v->expired = false;
	v->count++;
	pthread_cond_broadcast(&v->made);
	pthread_mutex_unlock(&v->lock);
	view_put(&old);
	uv_timer_start(&v->idle, on_idle, IDLE_MS, 0);
}

struct views *views_new(uv_loop_t *loop, view_make_fn *make, void *ctx)
{
	struct views *v = mem_zalloc(sizeof(*v));

	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->made, NULL);
	v->make = make;
	v->ctx = ctx;
	uv_async_init(loop, &v->wanted, on_wanted);
	v->wanted.data = v;
	uv_timer_init(loop, &v->idle);
	v->idle.data = v;
	return v;
}

void views_expire(struct views *v)
{
	pthread_mutex_lock(&v->lock);
	v->expired = true;
	pthread_mutex_unlock(&v->lock);
}

void views_close(struct views *v)
{
	pthread_mutex_lock(&v->lock);
	v->closed = true;
	pthread_cond_broadcast(&v->made);
	pthread_mutex_unlock(&v->lock);
	uv_close((uv_handle_t *)&v->wanted, NULL);
	uv_close((uv_handle_t *)&v->idle, NULL);
}

void views_free(struct views **which)
{
	struct views *v = take(*which);

	if (!v)
		return;
	view_put(&v->now);
	pthread_cond_destroy(&v->made);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

struct view *view_get(struct views *v)
{
	struct view *got = NULL;

	pthread_mutex_lock(&v->lock);
	uint64_t before = v->count;
	while (!v->closed && !(v->now && (v->count != before || is_fresh(v)))) {
		uv_async_send(&v->wanted);
		pthread_cond_wait(&v->made, &v->lock);
	}
	if (!v->closed)
		got = view_hold(v->now);
	pthread_mutex_unlock(&v->lock);
	return got;
}
