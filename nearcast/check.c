// nearcast check FILE: is this configuration right, where not, and what would it change?
#include <stdlib.h>

#include "conf/conf.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "nearcast/client.h"
#include "nearcast/diff.h"

static void write_number(struct out *o, const char *name, unsigned n)
{
	if (n > 0)
		out_uint(o, name, n);
	else
		out_null(o, name);
}

// What the file would change in the running configuration; NULL: the daemon is not there to be
// asked, or this is not its socket.
static char *running_configuration(const struct cli *cli)
{
	own(json_free) json_t *result = client_peek(cli, json_pack("{s:s}", "cmd", "config"));
	const char *text = json_string_value(json_object_get(result, "text"));

	return text ? mem_strdup(text) : NULL;
}

static void add_text_line(void *ctx, const struct diff_line *l)
{
	struct strbuf *b = ctx;

	sb_printf(b, "  %c %.*s", l->op, l->len, l->text);
	if (l->under)
		sb_printf(b, "    # under %.*s", l->under_len, l->under);
	sb_char(b, '\n');
}

static void add_json_line(void *ctx, const struct diff_line *l)
{
	struct out *o = ctx;

	out_object(o, NULL);
	out_strf(o, "op", "%c", l->op);
	out_strf(o, "line", "%.*s", l->len, l->text);
	out_end(o);
}

static void write_json_difference(struct out *o, const char *running, const char *file)
{
	if (!running) {
		out_null(o, "difference");
		return;
	}
	out_array(o, "difference");
	diff_texts(running, file, add_json_line, o);
	out_end(o);
}

static void write_difference(const char *running, const char *file, struct strbuf *b)
{
	own(sb_free) struct strbuf lines = {};

	if (!running)
		return;
	if (diff_texts(running, file, add_text_line, &lines))
		sb_printf(b, "It differs from what nearcastd runs by:\n%s", sb_text(&lines));
	else
		sb_str(b, "It is what nearcastd runs.\n");
}

static void write_json(
	const struct faults *f, const char *running, const char *file, struct strbuf *b)
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
	if (f->count == 0)
		write_json_difference(o, running, file);
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
	if (c->fleet.count)
		add_count(b, c->fleet.count, "fleet peer");
	sb_str(b, ".\n");
}

enum cli_exit verb_check(struct cli *cli, const char *argument, char **)
{
	own(conf_free) struct conf *c = NULL;
	own(sb_free) struct strbuf b = {}, canonical = {};
	own(free_ptr) struct faults *faults = mem_zalloc(sizeof(*faults));
	int rc = conf_load(&c, argument, faults);
	own(free_ptr) char *running = rc == 0 && !cli->print ? running_configuration(cli) : NULL;

	if (rc == 0)
		conf_print(c, &canonical);
	if (cli->json) {
		write_json(faults, running, sb_text(&canonical), &b);
	} else if (rc < 0) {
		faults_print(faults, &b);
	} else if (cli->print) {
		sb_str(&b, sb_text(&canonical));
	} else {
		write_summary(argument, c, &b);
		write_difference(running, sb_text(&canonical), &b);
	}
	faults_free(faults);
	enum cli_exit written = cli_print(cli, &b);
	return rc < 0 ? CLI_REFUSED : written;
}
