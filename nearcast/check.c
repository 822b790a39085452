// nearcast check FILE: is this configuration right, and where not?
#include <stdlib.h>

#include "conf/conf.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "nearcast/cli.h"

static void write_number(struct out *o, const char *name, unsigned n)
{
	if (n > 0)
		out_uint(o, name, n);
	else
		out_null(o, name);
}

static void write_json(const struct faults *f, struct strbuf *b)
{
	struct out *o = out_new(OUT_JSON, b);

	out_object(o, NULL);
	out_bool(o, "valid", f->count == 0);
	out_array(o, "faults");
	for (size_t i = 0; i < f->count && i < FAULTS_MAX; i++) {
		const struct fault *x = &f->list[i];
		out_object(o, NULL);
		out_str(o, "file", x->file);
		write_number(o, "line", x->at.line);
		write_number(o, "column", x->at.column);
		out_str(o, "message", x->message);
		out_str(o, "expected", x->expected);
		out_end(o);
	}
	out_end(o);
	out_end(o);
	out_free(&o);
}

static void add_count(struct strbuf *b, size_t n, const char *what)
{
	sb_printf(b, ", %zu %s%s", n, what, n == 1 ? "" : "s");
}

static void write_summary(const char *path, const struct conf *c, struct strbuf *b)
{
	size_t prefixes = 0, checks = 0;

	items_for_each(const struct conf_service, s, c->services)
	{
		prefixes += s->prefixes.count;
		checks += s->checks.count;
	}
	sb_printf(b, "%s is valid: site %s", path, c->site.name);
	add_count(b, c->services.count, "service");
	sb_printf(b, ", %zu prefix%s", prefixes, prefixes == 1 ? "" : "es");
	add_count(b, checks, "check");
	add_count(b, c->upstreams.count, "upstream");
	sb_str(b, ".\n");
}

enum cli_exit verb_check(struct cli *cli, const char *argument, char **)
{
	own(conf_free) struct conf *c = NULL;
	own(sb_free) struct strbuf b = {};
	struct faults *faults = mem_zalloc(sizeof(*faults));
	int rc = conf_load(&c, argument, faults);

	if (cli->json)
		write_json(faults, &b);
	else if (rc < 0)
		faults_print(faults, &b);
	else if (cli->print)
		conf_print(c, &b);
	else
		write_summary(argument, c, &b);
	faults_free(faults);
	free(faults);
	enum cli_exit written = cli_print(cli, &b);
	return rc < 0 ? CLI_REFUSED : written;
}
