// nearcast decode [FILE]: BGP messages of a file, each with the verdict that the
// daemon would give it.
#include "nearcast/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/own.h"
#include "lib/pcap.h"
#include "rib/mrt.h"

// ---- Formats ----

static bool is_raw(const void *data, size_t len)
{
	static const uint8_t marker[4] = { 0xff, 0xff, 0xff, 0xff };

	return len >= sizeof(marker) && memcmp(data, marker, sizeof(marker)) == 0;
}

// In the order in which they are tried.
static const struct format {
	const char *name;
	bool (*is)(const void *data, size_t len);
	void (*run)(struct decode *d);
} formats[] = {
	{ "pcap", pcap_is, decode_pcap },
	{ "raw", is_raw, decode_raw },
	{ "mrt", mrt_is, decode_mrt },
	{ "hex", hex_is, decode_hex },
};

const char *const decode_formats[] = { "hex", "raw", "mrt", "pcap", NULL };

static const struct format *find_format(const struct decode *d)
{
	enum { LOOKED_AT = 256 };
	struct rd window = source_window(d->source);
	size_t n = rd_left(&window) < LOOKED_AT ? rd_left(&window) : LOOKED_AT;

	for (size_t i = 0; i < countof(formats); i++) {
		const struct format *f = &formats[i];
		if (d->options.bgpdump && f->run != decode_mrt)
			continue;
		if (d->options.format ? strcmp(f->name, d->options.format) == 0
				      : f->is(window.p, n))
			return f;
	}
	return NULL;
}

// ---- Reading ----

void decode_broken(struct decode *d, uint64_t offset, const char *fmt, ...)
{
	va_list ap;

	if (d->broken.len > 0)
		return; // the first place is the one to look at
	sb_printf(&d->broken, "at %llu: ", (unsigned long long)offset);
	va_start(ap, fmt);
	sb_vprintf(&d->broken, fmt, ap);
	va_end(ap);
}

void decode_fault(struct decode *d, uint64_t offset, const char *reason)
{
	d->faulty++;
	if (d->first.len == 0)
		sb_printf(&d->first, "at %llu: %s", (unsigned long long)offset, reason);
}

void decode_flush(struct decode *d)
{
	if (d->text.len > 0 && !d->stopped)
		d->stopped |= !d->print(d->context, &d->text);
	sb_clear(&d->text);
}

static const char *read_error(int rc)
{
	if (rc == -ENODATA)
		return "compressed data end early";
	return rc == -EBADMSG ? "compressed data are corrupt" : strerror(-rc);
}

bool decode_want(struct decode *d, size_t n)
{
	struct rd window = source_window(d->source);

	if (rd_left(&window) >= n)
		return true;
	decode_flush(d);
	int rc = source_want(d->source, n);
	window = source_window(d->source);
	if (rc < 0)
		decode_broken(d, source_offset(d->source) + rd_left(&window), "%s", read_error(rc));
	return rd_left(&window) >= n;
}

struct bgp_codec decode_codec(const struct decode *d)
{
	return (struct bgp_codec){
		.as4 = d->options.as_octets != 2,
		.ibgp = d->options.ibgp,
		.families = BGP_FAMILY_ALL,
		.paths_in = d->options.add_path ? BGP_FAMILY_ALL : 0,
		.extended_next_hop = true,
	};
}

bool decode_run(struct decode *d)
{
	(void)decode_want(d, 256);
	const struct format *f = find_format(d);

	if (!f)
		return false;
	f->run(d);
	decode_flush(d);
	return true;
}

// ---- The verb ----

static bool print(void *context, const struct strbuf *text)
{
	return cli_print(context, text) == CLI_DONE;
}

// With -j it is JSON too, after the messages that came before it.
static enum cli_exit fail(struct cli *cli, const char *name, const char *code, const char *message)
{
	own(sb_free) struct strbuf b = {};

	if (!cli->json)
		return cli_fail(CLI_REFUSED, "%s: %s", name, message);
	struct out *o = out_new(OUT_JSON, &b);
	out_object(o, NULL);
	out_object(o, "error");
	out_str(o, "code", code);
	out_strf(o, "message", "%s: %s", name, message);
	out_end(o);
	out_end(o);
	out_free(&o);
	(void)cli_print(cli, &b);
	return CLI_REFUSED;
}

static enum cli_exit run(struct cli *cli, struct decode *d)
{
	bool known = decode_run(d);

	if (d->stopped)
		return CLI_REFUSED; // cli_print() said why
	if (d->broken.len > 0)
		return fail(cli, d->name, "broken", sb_text(&d->broken));
	if (!known)
		return fail(cli, d->name, "unknown-format",
			d->options.bgpdump ? "not MRT; --bgpdump is for nothing else"
					   : "neither a capture nor MRT nor BGP messages; --format "
					     "says what it is");
	if (d->messages == 0)
		cli_fail(CLI_DONE, "%s: no BGP message in it", d->name);
	if (d->first.len > 0)
		cli_fail(CLI_REFUSED, "%s: %s", d->name, sb_text(&d->first));
	if (d->faulty > 0 && !d->json) // a reader need not look through all of them to know
		cli_fail(CLI_REFUSED, "%s: faults: %zu in %zu messages", d->name, d->faulty,
			d->messages);
	return d->faulty > 0 ? CLI_REFUSED : CLI_DONE;
}

enum cli_exit verb_decode(struct cli *cli, const char *argument, char **)
{
	if (cli->decode.bgpdump && cli->json)
		return cli_fail(CLI_USAGE, "--bgpdump does not go with -j");
	bool standard = !argument || strcmp(argument, "-") == 0;
	int fd = standard ? dup(STDIN_FILENO) : open(argument, O_RDONLY | O_CLOEXEC);
	own(source_close) struct source *source = NULL;
	int rc = fd < 0 ? -errno : source_open(&source, fd);
	struct decode d = {
		.options = cli->decode,
		.json = cli->json,
		.source = source,
		.name = standard ? "standard input" : argument,
		.print = print,
		.context = cli,
	};

	if (rc < 0)
		return fail(cli, d.name, "unreadable", read_error(rc));
	enum cli_exit status = run(cli, &d);
	sb_free(&d.text);
	sb_free(&d.broken);
	sb_free(&d.first);
	return status;
}
