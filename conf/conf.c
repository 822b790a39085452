#include "conf/conf.h"

#include <errno.h>
#include <string.h>

#include "conf/conf_int.h"
#include "lib/mem.h"

typedef int loader(struct conf *c, struct document *doc, struct faults *faults, const void *from);

struct memory_text {
	const char *name, *text;
	size_t len;
};

static int from_file(struct conf *c, struct document *doc, struct faults *faults, const void *path)
{
	return schema_load(&conf_schema, path, c->arena, c, doc, faults);
}

static int from_text(struct conf *c, struct document *doc, struct faults *faults, const void *from)
{
	const struct memory_text *t = from;

	return schema_load_text(&conf_schema, t->name, t->text, t->len, c->arena, c, doc, faults);
}

// The schema zeroes the struct that it fills, so arena and document wait aside.
static int load(struct conf **ret, loader *from, const void *what, struct faults *faults)
{
	struct conf *c = mem_zalloc(sizeof(*c));
	struct arena *arena = arena_new();
	struct document doc = {};
	size_t before = faults->count;

	c->arena = arena;
	int rc = from(c, &doc, faults, what);
	c->arena = arena;
	c->doc = doc;
	if (rc == 0) {
		struct checker k = { .c = c, .faults = faults };
		conf_check_top(&k);
		conf_check_services(&k);
		conf_check_upstreams(&k);
		conf_check_fleet(&k);
		conf_check_keeper(&k);
	}
	if (rc == 0 && faults->count > before)
		rc = -EINVAL;
	if (rc == 0)
		*ret = c;
	else
		conf_free(&c);
	return rc;
}

int conf_load(struct conf **ret, const char *path, struct faults *faults)
{
	return load(ret, from_file, path, faults);
}

int conf_load_text(
	struct conf **ret, const char *name, const char *text, size_t len, struct faults *faults)
{
	struct memory_text t = { .name = name, .text = text, .len = len };

	return load(ret, from_text, &t, faults);
}

// Passwords do not stay behind in freed memory.
static void forget_passwords(const struct items *neighbours)
{
	items_for_each(struct conf_upstream, u, *neighbours)
	{
		if (u->password)
			explicit_bzero(u->password, strlen(u->password));
		items_for_each(struct conf_ao_key, key, u->ao_keys)
		{
			if (key->secret)
				explicit_bzero(key->secret, strlen(key->secret));
		}
	}
}

void conf_free(struct conf **c)
{
	if (!*c)
		return;
	forget_passwords(&(*c)->upstreams);
	forget_passwords(&(*c)->fleet);
	if ((*c)->keeper.secret)
		explicit_bzero((*c)->keeper.secret, strlen((*c)->keeper.secret));
	document_free(&(*c)->doc);
	arena_free(&(*c)->arena);
	free(*c);
	*c = NULL;
}

void conf_print(const struct conf *c, struct strbuf *b)
{
	schema_print(&conf_schema, c, b);
}
