// The whole of `nearcast decode`, over a file in memory. The first byte chooses the options. What
// is printed comes in whole lines; JSON is JSON. A few hundred octets of bzip2 may be megabytes of
// messages: after OUTPUT_MAX the reader of the output goes away, which is tested as well.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "nearcast/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUTPUT_MAX = 128 << 10 };

static bool check_text(void *context, const struct strbuf *text)
{
	size_t *printed = context;

	if (text->len == 0 || text->s[text->len - 1] != '\n' || *printed >= OUTPUT_MAX)
		abort();
	*printed += text->len;
	return *printed < OUTPUT_MAX;
}

static bool check_json(void *context, const struct strbuf *text)
{
	const char *line = text->s;
	bool more = check_text(context, text);

	while (*line) {
		const char *end = strchr(line, '\n');
		json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);

		if (!json_is_object(object) || !json_is_string(json_object_get(object, "type")))
			abort();
		json_decref(object);
		line = end + 1;
	}
	return more;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned widths[] = { 0, 2, 4, 0 };
	static const char *const forms[] = { NULL, NULL, NULL, "hex", "raw", "mrt", "pcap", NULL };
	static struct strbuf text; // kept: making it anew is a good part of a run
	own(source_close) struct source *source = NULL;
	size_t printed = 0;

	if (size < 1 || source_open_memory(&source, data + 1, size - 1) < 0)
		return 0;
	struct decode d = {
		.options = {
			.as_octets = widths[data[0] & 3],
			.add_path = data[0] & 4,
			.ibgp = data[0] & 8,
			.format = forms[data[0] >> 4 & 7],
			.bgpdump = (data[0] & 0xf0) == 0x10,
		},
		.json = data[0] & 0x80,
		.source = source,
		.name = "input",
		.text = text,
		.print = data[0] & 0x80 ? check_json : check_text,
		.context = &printed,
	};
	bool known = decode_run(&d);
	if (known && d.text.len > 0)
		abort(); // something was not handed on
	if (d.stopped != (printed >= OUTPUT_MAX) || (!known && d.messages > 0))
		abort();
	sb_clear(&d.text);
	text = d.text;
	sb_free(&d.broken);
	sb_free(&d.first);
	return 0;
}
