#include "lab/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/scenario_int.h"
#include "lib/mem.h"

// Index of the first element whose first member is that name, -1 when there is
// none: what has a name begins with it.
static int index_of(const struct items *list, size_t size, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		char *const *entry = (void *)((char *)list->data + i * size);
		if (strcmp(*entry, name) == 0)
			return (int)i;
	}
	return -1;
}

int scenario_network(const struct scenario *s, const char *name)
{
	return index_of(&s->networks, sizeof(struct scn_network), name);
}

int scenario_node(const struct scenario *s, const char *name)
{
	return index_of(&s->sites, sizeof(struct scn_site), name);
}

int scenario_site(const struct scenario *s, const char *name)
{
	return index_of(&s->site_names, sizeof(char *), name);
}

int scenario_reflector(const struct scenario *s, const char *name)
{
	return index_of(&s->reflectors, sizeof(struct scn_reflector), name);
}

int scenario_client(const struct scenario *s, const char *name)
{
	return index_of(&s->clients, sizeof(struct scn_client), name);
}

const struct ip_addr *scenario_service_address(const struct scenario *s, enum ip_family family)
{
	items_for_each(struct ip_addr, a, s->addresses)
	{
		if (a->family == family)
			return a;
	}
	return NULL;
}

void step_print_targets(const struct scn_step *step, struct strbuf *b)
{
	items_for_each(char *, target, step->targets)
		sb_printf(b, "%s%s", target == step->targets.data ? "" : ", ", *target);
}

bool target_split(const char *target, char a[NODE_NAME_MAX + 1], char b[SERVICE_NAME_MAX + 1])
{
	const char *slash = strchr(target, '/');
	size_t n = slash ? (size_t)(slash - target) : 0;

	if (!slash || n == 0 || n > NODE_NAME_MAX || !slash[1] ||
		strlen(slash + 1) > SERVICE_NAME_MAX)
		return false;
	memcpy(a, target, n);
	a[n] = '\0';
	memcpy(b, slash + 1, strlen(slash + 1) + 1);
	return true;
}

static char *base_name(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	return arena_strndup(a, base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
}

// Takes arena and document over, also on failure.
static int finish(struct scenario **ret, struct scenario *s, const char *path, int rc,
	struct arena *arena, struct document doc, struct faults *faults)
{
	s->arena = arena;
	s->doc = doc;
	if (rc == 0) {
		s->name = base_name(arena, path);
		rc = scenario_check(s, faults);
	}
	if (rc < 0)
		scenario_free(&s);
	else
		*ret = s;
	return rc;
}

int scenario_load(struct scenario **ret, const char *path, struct faults *faults)
{
	struct scenario *s = mem_zalloc(sizeof(*s));
	struct arena *arena = arena_new();
	struct document doc = {};
	int rc = schema_load(&scenario_schema, path, arena, s, &doc, faults);

	return finish(ret, s, path, rc, arena, doc, faults);
}

int scenario_load_text(struct scenario **ret, const char *name, const char *text, size_t len,
	struct faults *faults)
{
	struct scenario *s = mem_zalloc(sizeof(*s));
	struct arena *arena = arena_new();
	struct document doc = {};
	int rc = schema_load_text(&scenario_schema, name, text, len, arena, s, &doc, faults);

	return finish(ret, s, name, rc, arena, doc, faults);
}

void scenario_free(struct scenario **s)
{
	if (!*s)
		return;
	arena_free(&(*s)->arena);
	document_free(&(*s)->doc);
	free_ptr(s);
}
