// An attribute field, split and written again: what is written splits into the same strings.
#include <stdlib.h>
#include <string.h>

#include "lib/own.h"
#include "rib/attrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rib_attrs_room rooms[2];
static uint8_t written[262144];

static void check_same(struct rd a, struct rd b)
{
	if (rd_left(&a) != rd_left(&b) || memcmp(a.p, b.p, rd_left(&a)) != 0)
		abort();
}

static void read_all(const struct rib_attrs *a)
{
	own(sb_free) struct strbuf text = {};
	struct rd rest = a->rest, value;
	uint8_t flags, code;
	int before = -1;

	while (rib_attrs_next(&rest, &flags, &code, &value)) {
		if (code <= before)
			abort(); // in order, each once
		before = code;
	}
	if (rest.bad || !rib_path_is_sound(a->path))
		abort();
	rib_path_print(a->path, &text);
	uint32_t origin = rib_path_origin(a->path);
	if (origin && !rib_path_has(a->path, origin))
		abort();
	(void)rib_path_length(a->path);
	(void)rib_attrs_next_hop(a, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rib_attrs_from wide = { .as4 = true };
	struct rib_attrs_from from = {};
	struct rib_attrs a, again;

	if (size < 1 || size > 65536)
		return 0;
	from.as4 = data[0] & 1;
	from.drop = data[0] & 2 ? 0x110 : 0;
	if (rib_attrs_split(&a, &rooms[0], rd_init(data + 1, size - 1), &from) < 0)
		return 0;
	read_all(&a);
	struct wr w = wr_init(written, sizeof(written));
	rib_attrs_write(&w, &a);
	if (w.bad || wr_len(&w) > 65535)
		return 0; // numbers of four octets made it too long for one field
	if (rib_attrs_split(&again, &rooms[1], rd_init(written, wr_len(&w)), &wide) < 0)
		abort();
	check_same(a.path, again.path);
	check_same(a.hop, again.hop);
	check_same(a.rest, again.rest);
	return 0;
}
