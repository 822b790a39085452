#include "lab/keepers.h"

#include <errno.h>
#include <jansson.h>

#include "lab/daemonask.h"
#include "lib/mem.h"

static const char request[] = "{\"cmd\":\"show\",\"what\":\"flows\"}\n";

int keepers_read(const char *json, size_t len, struct keeper_count *ret)
{
	json_t *root = json_loadb(json, len, 0, NULL);
	const json_t *flows = json_object_get(json_object_get(root, "result"), "flows");
	json_int_t n[4] = {};
	int rc = json_unpack((json_t *)(uintptr_t)flows, "{s:I, s:I, s:I, s:I}", "local", &n[0],
			 "forwarded", &n[1], "received", &n[2], "refused", &n[3]) < 0
			 ? -EBADMSG
			 : 0;

	if (rc == 0) {
		ret->local = (uint64_t)n[0];
		ret->forwarded = (uint64_t)n[1];
		ret->received = (uint64_t)n[2];
		ret->refused = (uint64_t)n[3];
	}
	json_decref(root);
	return rc;
}

void keepers_ask(const struct world *w, struct keeper_count **list, size_t *count)
{
	const struct topology *t = w->topology;

	free(*list);
	*list = mem_zalloc(t->node_count * sizeof(**list));
	*count = 0;
	for (size_t i = 0; i < t->node_count; i++) {
		own(sb_free) struct strbuf answer = {};
		if (!t->nodes[i].keeper)
			continue;
		struct keeper_count *c = &(*list)[(*count)++];
		c->node = &t->nodes[i];
		c->known = daemon_ask(w, c->node, request, &answer) == 0 &&
			   keepers_read(sb_text(&answer), answer.len, c) == 0;
	}
}

static void put(struct out *o, const char *name, const struct keeper_count *c, uint64_t n)
{
	if (c->known)
		out_uint(o, name, n);
	else
		out_null(o, name);
}

void keepers_print(const struct keeper_count *list, size_t count, const char *name, struct out *o)
{
	out_table(o, name);
	for (size_t i = 0; i < count; i++) {
		const struct keeper_count *c = &list[i];
		out_object(o, NULL);
		out_str(o, "keeper", c->node->name);
		put(o, "local", c, c->local);
		put(o, "forwarded", c, c->forwarded);
		put(o, "received", c, c->received);
		put(o, "refused", c, c->refused);
		out_end(o);
	}
	out_end(o);
}
