#include <stdlib.h>
#include <string.h>

#include "bgp/inside.h"
#include "lib/mem.h"
#include "lib/own.h"

static struct bgp_action *append(struct bgp_peer *p, const void *data, size_t len)
{
	struct bgp_queued *q = mem_zalloc(sizeof(*q) + len);

	if (len) {
		memcpy(q->data, data, len);
		q->action.data = q->data;
		q->action.len = len;
	}
	list_push_back(&p->queue, &q->link);
	return &q->action;
}

void bgp_queue_free(struct bgp_peer *p)
{
	struct bgp_queued *q;

	free_ptr(&p->given);
	list_for_each(q, &p->queue, link)
	{
		list_remove(&q->link);
		free(q);
	}
}

void bgp_queue_connect(struct bgp_peer *p)
{
	struct bgp_action *a = append(p, NULL, 0);

	a->kind = BGP_DO_CONNECT;
	a->dir = BGP_OUT;
}

void bgp_queue_send(struct bgp_conn *c, const uint8_t *message, size_t len)
{
	struct bgp_action *a = append(c->peer, message, len);

	a->kind = BGP_DO_SEND;
	a->dir = c->dir;
}

void bgp_queue_close(struct bgp_conn *c)
{
	struct bgp_action *a = append(c->peer, NULL, 0);

	a->kind = BGP_DO_CLOSE;
	a->dir = c->dir;
}

void bgp_queue_event(struct bgp_conn *c, enum bgp_event_kind event, const struct bgp_error *error)
{
	struct bgp_action *a = append(c->peer, NULL, 0);

	a->kind = BGP_DO_EVENT;
	a->dir = c->dir;
	a->event = event;
	if (error)
		a->error = *error;
}

void bgp_queue_state(struct bgp_conn *c, enum bgp_state from, enum bgp_state to)
{
	struct bgp_action *a = append(c->peer, NULL, 0);

	a->kind = BGP_DO_EVENT;
	a->dir = c->dir;
	a->event = BGP_EVENT_STATE;
	a->from = from;
	a->to = to;
}

void bgp_queue_forget(struct bgp_conn *c)
{
	struct bgp_queued *q;

	list_for_each(q, &c->peer->queue, link)
	{
		if (q->action.kind == BGP_DO_EVENT || q->action.dir != c->dir)
			continue;
		list_remove(&q->link);
		free(q);
	}
}

bool bgp_queue_next(struct bgp_peer *p, struct bgp_action *ret)
{
	struct bgp_queued *q = list_first(&p->queue, struct bgp_queued, link);

	free_ptr(&p->given);
	if (!q)
		return false;
	list_remove(&q->link);
	p->given = q;
	*ret = q->action;
	if (ret->kind == BGP_DO_EVENT && ret->event == BGP_EVENT_RECEIVED)
		p->received_queued = false;
	return true;
}
