// The whole of `nearcast decode`, over a file in memory. The first byte chooses the options. What
// is printed comes in whole lines; JSON is JSON.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "nearcast/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check_text(void *, const struct strbuf *text)
{
	if (text->len == 0 || text->s[text->len - 1] != '\n')
		abort();
	return true;
}

static bool check_json(void *, const struct strbuf *text)
{
	const char *line = text->s;

	(void)check_text(NULL, text);
	while (*line) {
		const char *end = strchr(line, '\n');
		json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);

		if (!json_is_object(object) || !json_is_string(json_object_get(object, "type")))
			abort();
		json_decref(object);
		line = end + 1;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned widths[] = { 0, 2, 4, 0 };
	static const char *const forms[] = { NULL, NULL, NULL, "hex", "raw", "mrt", "pcap", NULL };
	static struct strbuf text; // kept: making it anew is a good part of a run
	own(source_close) struct source *source = NULL;

	if (size < 1 || source_open_memory(&source, data + 1, size - 1) < 0)
		return 0;
	struct decode d = {
		.options = {
			.as_octets = widths[data[0] & 3],
			.add_path = data[0] & 4,
			.ibgp = data[0] & 8,
			.format = forms[data[0] >> 4 & 7],
		},
		.json = data[0] & 0x80,
		.source = source,
		.name = "input",
		.text = text,
		.print = data[0] & 0x80 ? check_json : check_text,
	};
	bool known = decode_run(&d);
	if (known && d.text.len > 0)
		abort(); // something was not handed on
	if (d.stopped || (!known && d.messages > 0))
		abort();
	sb_clear(&d.text);
	text = d.text;
	sb_free(&d.broken);
	return 0;
}
