#include "lab/session.h"

#include "lib/mem.h"

const char *session_state_name(enum session_state s)
{
	static const char *const names[SESSION_STATE_MAX] = {
		[SESSION_OPENING] = "opening",
		[SESSION_OPEN] = "open",
		[SESSION_DONE] = "done",
		[SESSION_BROKEN] = "broken",
	};

	return names[s];
}

const char *session_break_name(enum session_break b)
{
	static const char *const names[BREAK_MAX] = {
		[BREAK_NONE] = "none",
		[BREAK_REFUSED] = "refused",
		[BREAK_RESET] = "reset",
		[BREAK_CLOSED] = "closed",
		[BREAK_STALLED] = "stalled",
		[BREAK_ANSWER] = "wrong-answer",
		[BREAK_BYTES] = "wrong-bytes",
		[BREAK_OTHER_NODE] = "other-node",
		[BREAK_PROGRAM] = "gave-up",
	};

	return names[b];
}

static void add_group(struct session_list *l, const struct session_group *g)
{
	l->groups = mem_resize(l->groups, l->group_count + 1, sizeof(*l->groups));
	l->groups[l->group_count++] = *g;
	l->all = mem_resize(l->all, l->count + g->count, sizeof(*l->all));
	for (size_t i = 0; i < g->count; i++)
		l->all[l->count++] = (struct session){
			.scn = g->scn,
			.client = g->client,
			.family = g->family,
			.number = (unsigned)i + 1,
			.node = NODE_NONE,
			.opened = INSTANT_NEVER,
			.ended = INSTANT_NEVER,
		};
}

struct session_list session_list_new(const struct scenario *s)
{
	const struct scn_client *clients = s->clients.data;
	struct session_list l = {};

	items_for_each(struct scn_session, scn, s->sessions)
	{
		items_for_each(char *, name, scn->clients)
		{
			size_t client = (size_t)scenario_client(s, *name);
			unsigned families = scenario_session_family(scn, &clients[client]);
			for (enum ip_family f = IP4; f <= IP6; f++)
				if (families & 1u << (f - 1))
					add_group(&l, &(struct session_group){ scn, client, f,
							      l.count, scn->count });
		}
	}
	return l;
}

void session_list_free(struct session_list *l)
{
	free(l->all);
	free(l->groups);
	*l = (struct session_list){};
}

void session_waited(struct session *s, instant from, instant now)
{
	const struct session_wait w = { from, instant_diff(now, from) };

	if (w.length.us > s->longest.length.us)
		s->longest = w;
	if (w.length.us > s->in_step.length.us)
		s->in_step = w;
}

void session_print(const struct scenario *scn, const struct session *s, struct strbuf *b)
{
	const struct scn_client *clients = scn->clients.data;

	sb_printf(b, "%s %s %u (IPv%d)", clients[s->client].name, s->scn->name, s->number,
		s->family == IP4 ? 4 : 6);
}
