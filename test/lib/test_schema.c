// YAML by tables: values of each type, defaults, faults with their place,
// canonical print.
#include "test/unit.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/schema.h"

enum fruit { APPLE, PEAR, PLUM };

struct point {
	int64_t x;
	double y;
	bool has_y;
	struct place place;
	struct items given;
};

struct sample {
	char *name, *note;
	bool on, has_on;
	uint64_t count, small;
	span wait, rest;
	struct ip_addr addr;
	struct ip_prefix prefix;
	int fruit;
	unsigned char hex;
	struct point at;
	bool has_at;
	struct items points, words, addrs, addr_places;
	char *key;
	struct place name_place;
};

static int hex_parse(const char *text, void *ret, struct strbuf *error)
{
	unsigned v;
	char end;

	if (sscanf(text, "%2x%c", &v, &end) != 1) {
		sb_printf(error, "these are not two digits");
		return -EINVAL;
	}
	*(unsigned char *)ret = (unsigned char)v;
	return 0;
}

static void hex_print(const void *value, struct strbuf *b)
{
	sb_printf(b, "%02x", *(const unsigned char *)value);
}

static const struct schema_scalar hex = { "two hexadecimal digits", 1, hex_parse, hex_print };

static const struct schema_word fruits[] = {
	{ "apple", APPLE, "Red." },
	{ "pear", PEAR, NULL },
	{ "plum", PLUM, NULL },
	{},
};

#define P(field) .offset = offsetof(struct point, field)
static const struct schema point_schema = {
	.name = "point",
	.size = sizeof(struct point),
	.place_offset = offsetof(struct point, place),
	.given_offset = offsetof(struct point, given),
	.keys =
		(const struct schema_key[]){
			{ "x", SCHEMA_INT, P(x), .required = true },
			{ "y", SCHEMA_DOUBLE, P(y), .has_offset = offsetof(struct point, has_y),
				.min = -90, .max = 90 },
			{},
		},
};

// A key with another row a kind: its place in the struct, its rule and its default.
struct crate {
	int fruit;
	uint64_t stones;
	char *colour;
};

static const struct schema crate_schema = {
	.name = "crate",
	.size = sizeof(struct crate),
	.kind = "fruit",
	.keys =
		(const struct schema_key[]){
			{ "colour", SCHEMA_STRING, .offset = offsetof(struct crate, colour),
				.kinds = 1 << APPLE },
			{ "fruit", SCHEMA_WORD, .offset = offsetof(struct crate, fruit),
				.words = fruits, .required = true },
			{ "stones", SCHEMA_UINT, .offset = offsetof(struct crate, stones),
				.kinds = 1 << PLUM, .fallback = "1" },
			{ "stones", SCHEMA_UINT, .offset = offsetof(struct crate, stones),
				.kinds = 1 << PEAR, .max = 9, .required = true },
			{},
		},
};

#define S(field) .offset = offsetof(struct sample, field)
static const struct schema sample_schema = {
	.name = "sample",
	.size = sizeof(struct sample),
	.keys =
		(const struct schema_key[]){
			{ "name", SCHEMA_STRING, S(name), .required = true, .max = 20,
				.place_offset = offsetof(struct sample, name_place) },
			{ "note", SCHEMA_STRING, S(note) },
			{ "on", SCHEMA_BOOL, S(on), .fallback = "yes" },
			{ "count", SCHEMA_UINT, S(count), .help = "How many.", .unit = "pieces" },
			{ "small", SCHEMA_UINT, S(small), .min = 1, .max = 10, .fallback = "3" },
			{ "wait", SCHEMA_SPAN, S(wait), .min = 10, .max = 60000, .fallback = "1s" },
			{ "rest", SCHEMA_SPAN, S(rest) },
			{ "addr", SCHEMA_ADDR, S(addr) },
			{ "prefix", SCHEMA_PREFIX, S(prefix), .rfc = "RFC 4632" },
			{ "fruit", SCHEMA_WORD, S(fruit), .words = fruits, .fallback = "pear" },
			{ "hex", SCHEMA_CUSTOM, S(hex), .scalar = &hex },
			{ "at", SCHEMA_MAP, S(at), .sub = &point_schema,
				.has_offset = offsetof(struct sample, has_at) },
			{ "points", SCHEMA_LIST, SCHEMA_MAP, S(points), .sub = &point_schema,
				.max = 3 },
			{ "words", SCHEMA_LIST, SCHEMA_STRING, S(words), .fallback = "[a, \"b c\"]",
				.one_or_list = true },
			{ "addrs", SCHEMA_LIST, SCHEMA_ADDR, S(addrs), .min = 2,
				.places_offset = offsetof(struct sample, addr_places) },
			{ "key", SCHEMA_STRING, S(key), .secret = true },
			{ "later", SCHEMA_STRING, .unavailable = "not in this version yet" },
			{},
		},
};

struct fixture {
	struct arena *arena;
	struct document doc;
	struct faults faults;
	struct sample s;
	int rc;
};

static struct fixture *load_bytes(const char *text, size_t len)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->arena = arena_new();
	f->rc = schema_load_text(
		&sample_schema, "t.yaml", text, len, f->arena, &f->s, &f->doc, &f->faults);
	return f;
}

static struct fixture *load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static void done(struct fixture *f)
{
	arena_free(&f->arena);
	document_free(&f->doc);
	faults_free(&f->faults);
	free(f);
}

static void assert_faults(struct fixture *f, const char *text)
{
	struct strbuf b = {};

	faults_print(&f->faults, &b);
	assert_string_equal(sb_text(&b), text);
	sb_free(&b);
}

static const char full[] = "name: box\n"
			   "on: off\n"
			   "count: 18446744073709551615\n"
			   "small: 10\n"
			   "wait: 500ms\n"
			   "rest: 2d\n"
			   "addr: 2001:db8::1\n"
			   "prefix: 198.51.100.0/24\n"
			   "fruit: plum\n"
			   "hex: 7f\n"
			   "at: {x: -5, y: 50.11}\n"
			   "points:\n"
			   "  - x: 1\n"
			   "  - {x: 2, y: 0}\n"
			   "words: [\"1\", yes]\n"
			   "addrs: [192.0.2.1,\n"
			   "  2001:db8::2]\n"
			   "key: hunter2\n";

static void test_values(void **)
{
	struct fixture *f = load(full);
	const struct point *p = f->s.points.data;
	char *const *words = f->s.words.data;
	const struct place *places = f->s.addr_places.data;
	char text[PREFIX_TEXT];

	assert_faults(f, "");
	assert_int_equal(f->rc, 0);
	assert_string_equal(f->s.name, "box");
	assert_null(f->s.note);
	assert_false(f->s.on);
	assert_true(f->s.count == UINT64_MAX);
	assert_int_equal(f->s.small, 10);
	assert_int_equal(f->s.wait.us, 500000);
	assert_int_equal(f->s.rest.us, 172800000000);
	assert_string_equal(ip_print(&f->s.addr, text), "2001:db8::1");
	assert_string_equal(prefix_print(&f->s.prefix, text), "198.51.100.0/24");
	assert_int_equal(f->s.fruit, PLUM);
	assert_int_equal(f->s.hex, 0x7f);
	assert_true(f->s.has_at);
	assert_int_equal(f->s.at.x, -5);
	assert_true(f->s.at.y == 50.11);
	assert_int_equal(f->s.points.count, 2);
	assert_int_equal(p[1].x, 2);
	assert_false(p[0].has_y);
	assert_true(p[1].has_y);
	assert_int_equal(f->s.words.count, 2);
	assert_string_equal(words[0], "1");
	assert_string_equal(words[1], "yes");
	assert_int_equal(f->s.name_place.line, 1);
	assert_int_equal(f->s.name_place.column, 7);
	assert_int_equal(p[1].place.line, 14);
	assert_int_equal(p[1].place.column, 5);
	assert_int_equal(places[1].line, 17);
	assert_int_equal(places[1].column, 3);
	const struct given *y = schema_given(&p[1].given, "y");
	assert_non_null(y);
	assert_int_equal(y->key_at.column, 12);
	assert_int_equal(y->at.column, 15);
	assert_null(schema_given(&p[0].given, "y"));
	done(f);
}

static void test_defaults(void **)
{
	struct fixture *f = load("name: box\nwords: single\n");
	struct fixture *g = load("name: box\n");
	char *const *words = g->s.words.data;

	assert_int_equal(f->rc, 0);
	assert_true(f->s.on);
	assert_int_equal(f->s.small, 3);
	assert_int_equal(f->s.wait.us, 1000000);
	assert_int_equal(f->s.fruit, PEAR);
	assert_false(f->s.has_at);
	assert_int_equal(f->s.words.count, 1);
	assert_string_equal(*(char **)f->s.words.data, "single");
	assert_int_equal(g->s.words.count, 2);
	assert_string_equal(words[1], "b c");
	done(f);
	done(g);
}

static void test_print(void **)
{
	static const char canonical[] = "name: box\n"
					"on: no\n"
					"count: 18446744073709551615\n"
					"small: 10\n"
					"wait: 500ms\n"
					"rest: 2d\n"
					"addr: \"2001:db8::1\"\n"
					"prefix: 198.51.100.0/24\n"
					"fruit: plum\n"
					"hex: \"7f\"\n"
					"at:\n"
					"  x: -5\n"
					"  y: 50.11\n"
					"points:\n"
					"  - x: 1\n"
					"  - x: 2\n"
					"    y: 0\n"
					"words: [\"1\", \"yes\"]\n"
					"addrs: [192.0.2.1, \"2001:db8::2\"]\n"
					"key: \"***\"\n";
	struct fixture *f = load(full);
	struct strbuf once = {}, twice = {};

	schema_print(&sample_schema, &f->s, &once);
	assert_string_equal(sb_text(&once), canonical);
	struct fixture *g = load(sb_text(&once));
	assert_int_equal(g->rc, 0);
	schema_print(&sample_schema, &g->s, &twice);
	assert_string_equal(sb_text(&twice), canonical);
	sb_free(&once);
	sb_free(&twice);
	done(f);
	done(g);
}

// Texts that a careless print would turn into something else.
static void test_print_texts(void **)
{
	static const char *const texts[] = { "no", "1", "22:22", "a: b", "#x", "\"", "\\n", "a\nb",
		"", " a", "~", "null", "- a", "{a}", "*a", "&a", "!a", "%a", "@a", "`a", "\t",
		"/etc/x", "Z\xc3\xbcrich", "\x7f" };

	for (size_t i = 0; i < countof(texts); i++) {
		char name[] = "x";
		struct sample s = { .name = name, .small = 1, .wait = span_s(1) };
		struct strbuf b = {};

		s.note = strdup(texts[i]);
		schema_print(&sample_schema, &s, &b);
		struct fixture *f = load(sb_text(&b));
		assert_faults(f, "");
		assert_string_equal(f->s.note, texts[i]);
		sb_free(&b);
		free(s.note);
		done(f);
	}
}

static const struct {
	const char *yaml, *faults;
} bad[] = {
	{ "", "t.yaml: the file is empty\n" },
	{ "# nothing\n", "t.yaml: the file is empty\n" },
	{ "- a\n", "t.yaml:1:1: sample must be a mapping\n  - a\n  ^\n"
		   "  expected keys and values\n" },
	{ "count: 1\n", "t.yaml:1:1: `name` is missing in sample\n  count: 1\n  ^\n"
			"  expected `name:` with a text of 0 to 20 bytes\n" },
	{ "name: x\ncuont: 1\n", "t.yaml:2:1: unknown key `cuont` in sample\n  cuont: 1\n"
				 "  ^\n  did you mean `count`?\n" },
	{ "name: x\nat: {x: 1, z: 2}\n", "t.yaml:2:12: unknown key `z` in point\n  at: {x: "
					 "1, z: 2}\n             ^\n"
					 "  expected one of: x, y\n" },
	{ "name: x\ncount: 1\nname: y\n", "t.yaml:3:1: `name` is given twice\n  name: y\n"
					  "  ^\n  first on line 1\n" },
	{ "name: x\nlater: 1\n", "t.yaml:2:1: `later` is not in this version yet\n"
				 "  later: 1\n  ^\n" },
	{ "name: x\ncount: many\n", "t.yaml:2:8: `count` cannot be `many`\n  count: many\n"
				    "         ^\n  expected a whole number\n" },
	{ "name: x\nsmall: 11\n", "t.yaml:2:8: `small` cannot be `11`\n  small: 11\n"
				  "         ^\n  expected a whole number from 1 to 10\n" },
	{ "name: x\nsmall: 010\n", "t.yaml:2:8: `small` cannot be `010`\n  small: 010\n"
				   "         ^\n  expected a whole number from 1 to 10\n" },
	{ "name: x\ncount: -1\n", "t.yaml:2:8: `count` cannot be `-1`\n  count: -1\n"
				  "         ^\n  expected a whole number\n" },
	{ "name: x\ncount: 18446744073709551616\n",
		"t.yaml:2:8: `count` cannot be `18446744073709551616`\n"
		"  count: 18446744073709551616\n         ^\n  expected a whole number\n" },
	{ "name: x\ncount:\n", "t.yaml:2:7: `count` has no value\n  count:\n        ^\n"
			       "  expected a whole number\n" },
	{ "name: x\ncount: [1]\n", "t.yaml:2:8: `count` cannot be a list\n  count: [1]\n"
				   "         ^\n  expected a whole number\n" },
	{ "name: x\nwait: 5\n", "t.yaml:2:7: `wait` cannot be `5`: the unit is missing\n"
				"  wait: 5\n        ^\n  expected a time such as 500ms, "
				"3s, 5m, 2h or 1d, from 10ms to 1m\n" },
	{ "name: x\nwait: 5w\n", "t.yaml:2:7: `wait` cannot be `5w`: `w` is no unit\n"
				 "  wait: 5w\n        ^\n  expected a time such as 500ms, "
				 "3s, 5m, 2h or 1d, from 10ms to 1m\n" },
	{ "name: x\nrest: 999999999999999d\n",
		"t.yaml:2:7: `rest` cannot be `999999999999999d`: it is too long\n"
		"  rest: 999999999999999d\n        ^\n  expected a time such as 500ms, 3s, "
		"5m, 2h or 1d\n" },
	{ "name: x\naddr: 1.2.3\n", "t.yaml:2:7: `addr` cannot be `1.2.3`\n  addr: 1.2.3\n"
				    "        ^\n  expected an IPv4 or IPv6 address\n" },
	{ "name: x\nprefix: 198.51.100.53/24\n",
		"t.yaml:2:9: `prefix` cannot be `198.51.100.53/24`: host bits are set; the "
		"prefix is 198.51.100.0/24\n  prefix: 198.51.100.53/24\n          ^\n"
		"  expected a prefix such as 198.51.100.0/24 or 2001:db8:53::/48\n" },
	{ "name: x\nfruit: peer\n", "t.yaml:2:8: `fruit` cannot be `peer`\n  fruit: peer\n"
				    "         ^\n  expected one of: apple, pear, plum; did "
				    "you mean `pear`?\n" },
	{ "name: x\nhex: 1x\n", "t.yaml:2:6: `hex` cannot be `1x`: these are not two "
				"digits\n  hex: 1x\n       ^\n"
				"  expected two hexadecimal digits\n" },
	{ "name: x\nat: 3\n", "t.yaml:2:5: `at` cannot be `3`\n  at: 3\n      ^\n"
			      "  expected a mapping of keys and values\n" },
	{ "name: x\npoints: 3\n", "t.yaml:2:9: `points` cannot be `3`\n  points: 3\n"
				  "          ^\n  expected a list, each element a mapping "
				  "of keys and values\n" },
	{ "name: x\npoints: [{x: 1}, {x: 1}, {x: 1}, {x: 1}]\n",
		"t.yaml:2:9: `points` has 4 elements, over 3\n"
		"  points: [{x: 1}, {x: 1}, {x: 1}, {x: 1}]\n          ^\n" },
	{ "name: x\naddrs: [192.0.2.1]\n", "t.yaml:2:8: `addrs` needs at least 2 elements\n"
					   "  addrs: [192.0.2.1]\n         ^\n" },
	{ "name: &a x\n", "t.yaml:1:7: anchors are not taken here\n  name: &a x\n"
			  "        ^\n" },
	{ "name: x\nnote: *a\n", "t.yaml:2:7: aliases are not taken here\n  note: *a\n"
				 "        ^\n" },
	{ "name: !!str x\n", "t.yaml:1:7: tags are not taken here\n  name: !!str x\n"
			     "        ^\n" },
	{ "name: x\n---\nname: y\n", "t.yaml:2:1: a second document starts here\n  ---\n"
				     "  ^\n  expected one document a file\n" },
	{ "name: \"a\\0b\"\n", "t.yaml:1:7: a text must not hold a NUL character\n"
			       "  name: \"a\\0b\"\n        ^\n" },
	{ "[a]: x\nname: x\n", "t.yaml:1:1: this cannot be a key\n  [a]: x\n  ^\n"
			       "  expected a word\n" },
	{ "name: x\nat: {x: 1\ncount: 1\n",
		"t.yaml:3:6: not valid YAML: did not find expected ',' or '}'\n"
		"  count: 1\n       ^\n"
		"  while parsing a flow mapping that starts on line 2\n" },
	{ "name: x\n\tcount: 1\n", "t.yaml:2:1: not valid YAML: found a tab character that "
				   "violates indentation\n"
				   "  \tcount: 1\n  ^\n"
				   "  while scanning a plain scalar that starts on line 1\n" },
	{ "name: x\nnote: \xff\n", "t.yaml:2:7: not valid YAML: invalid leading UTF-8 "
				   "octet\n  note: ?\n        ^\n"
				   "  expected YAML in UTF-8\n" },
	{ "name: \x1b[31m\n", "t.yaml:1:7: not valid YAML: control characters are not "
			      "allowed\n  name: ?[31m\n        ^\n"
			      "  expected YAML in UTF-8\n" },
	// The caret counts characters and repeats tabs.
	{ "name: Z\xc3\xbcrich\nat: {x: 1,\t\"\xc3\xbc\": 2}\n",
		"t.yaml:2:12: unknown key `\xc3\xbc` in point\n"
		"  at: {x: 1,\t\"\xc3\xbc\": 2}\n            \t^\n  expected one of: x, "
		"y\n" },
	// CRLF is one break, and an escape sequence does not reach the terminal.
	{ "name: x\r\n\"\\e[31m\": 2\r\n",
		"t.yaml:2:1: unknown key `?[31m` in sample\n  \"\\e[31m\": 2\n  ^\n"
		"  expected one of: name, note, on, count, small, wait, rest, addr, "
		"prefix, "
		"fruit, hex, at, points, words, addrs, key\n" },
	{ "\xef\xbb\xbfnom: x\nname: x\n",
		"t.yaml:1:1: unknown key `nom` in sample\n  nom: x\n  ^\n"
		"  expected one of: name, note, on, count, small, wait, rest, addr, "
		"prefix, "
		"fruit, hex, at, points, words, addrs, key\n" },
};

static void test_faults(void **)
{
	for (size_t i = 0; i < countof(bad); i++) {
		struct fixture *f = load(bad[i].yaml);
		struct sample zero = {};

		assert_faults(f, bad[i].faults);
		assert_int_equal(f->rc, -EINVAL);
		assert_memory_equal(&f->s, &zero, sizeof(zero)); // untouched
		done(f);
	}
}

static void test_kinds(void **)
{
	static const struct {
		const char *yaml, *printed, *message;
	} rows[] = {
		{ "{colour: red, fruit: apple}", "colour: red\nfruit: apple\n", NULL },
		{ "fruit: plum", "fruit: plum\nstones: 1\n", NULL },
		{ "{stones: 3, fruit: plum}", "fruit: plum\nstones: 3\n", NULL },
		{ "{stones: 3, fruit: pear}", "fruit: pear\nstones: 3\n", NULL },
		{ "{stones: 10, fruit: pear}", NULL, "`stones` cannot be `10`" },
		{ "fruit: pear", NULL, "`stones` is missing in crate" },
		{ "{fruit: apple, stones: 1}", NULL, "`stones` does not go with `fruit: apple`" },
		{ "{fruit: kiwi, stones: 1, colour: red}", NULL, "`fruit` cannot be `kiwi`" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct arena *arena = arena_new();
		struct document doc = {};
		struct faults faults = {};
		struct strbuf b = {};
		struct crate c;
		int rc = schema_load_text(&crate_schema, "t", rows[i].yaml, strlen(rows[i].yaml),
			arena, &c, &doc, &faults);

		if (rows[i].printed) {
			assert_int_equal(rc, 0);
			schema_print(&crate_schema, &c, &b);
			assert_string_equal(sb_text(&b), rows[i].printed);
		} else {
			assert_int_equal(faults.count, 1);
			assert_string_equal(faults.list[0].message, rows[i].message);
		}
		sb_free(&b);
		faults_free(&faults);
		document_free(&doc);
		arena_free(&arena);
	}
}

static void test_several_faults(void **)
{
	struct fixture *f = load("colour: red\nsmall: 0\nwait: 2\n");

	assert_int_equal(f->faults.count, 4);
	assert_int_equal(f->faults.list[0].at.line, 1);
	assert_int_equal(f->faults.list[1].at.line, 2);
	assert_int_equal(f->faults.list[2].at.line, 3);
	assert_string_equal(f->faults.list[3].message, "`name` is missing in sample");
	done(f);
}

static void test_many_faults(void **)
{
	struct strbuf yaml = {}, out = {};

	sb_str(&yaml, "name: x\n");
	for (unsigned i = 0; i < 70; i++)
		sb_printf(&yaml, "zzz%u: 1\n", i);
	struct fixture *f = load(sb_text(&yaml));
	assert_int_equal(f->faults.count, 70);
	faults_print(&f->faults, &out);
	assert_non_null(strstr(sb_text(&out), "\nand 20 more\n"));
	sb_free(&yaml);
	sb_free(&out);
	done(f);
}

static void test_depth(void **)
{
	struct fixture *f = load("name: x\nnote: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n");

	assert_int_equal(f->rc, -EINVAL);
	assert_int_equal(f->faults.count, 1);
	assert_string_equal(f->faults.list[0].message, "nested over 16 levels deep");
	assert_int_equal(f->faults.list[0].at.column, 22);
	done(f);
}

static void test_long_line(void **)
{
	struct strbuf yaml = {}, out = {};

	sb_str(&yaml, "name: x\nat: {x: 1,");
	for (unsigned i = 0; i < 500; i++)
		sb_char(&yaml, ' ');
	sb_str(&yaml, "z: 1");
	for (unsigned i = 0; i < 500; i++)
		sb_char(&yaml, ' ');
	sb_str(&yaml, "}\n");
	struct fixture *f = load(sb_text(&yaml));
	assert_int_equal(f->faults.count, 1);
	assert_int_equal(f->faults.list[0].at.column, 511);
	faults_print(&f->faults, &out);
	const char *source = strchr(sb_text(&out), '\n') + 1;
	const char *caret = strchr(source, '\n') + 1;
	assert_true(caret - source < 140);
	assert_int_equal(source[strchr(caret, '^') - caret], 'z');
	sb_free(&yaml);
	sb_free(&out);
	done(f);
}

static void test_large_file(void **)
{
	enum { SIZE = (1 << 20) + 1 };
	char *text = malloc(SIZE);

	memset(text, '#', SIZE);
	struct fixture *f = load_bytes(text, SIZE);
	assert_int_equal(f->rc, -EINVAL);
	assert_faults(f, "t.yaml: the file is over 1048576 bytes\n");
	free(text);
	done(f);
}

static void test_file(void **)
{
	char path[] = "/tmp/nearcast-schema-XXXXXX";
	struct fixture f = { .arena = arena_new() };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, full, sizeof(full) - 1), sizeof(full) - 1);
	close(fd);
	assert_int_equal(schema_load(&sample_schema, path, f.arena, &f.s, &f.doc, &f.faults), 0);
	assert_string_equal(f.s.name, "box");
	assert_string_equal(f.doc.name, path);
	document_free(&f.doc);
	unlink(path);
	assert_int_equal(
		schema_load(&sample_schema, path, f.arena, &f.s, &f.doc, &f.faults), -ENOENT);
	assert_int_equal(f.faults.count, 1);
	assert_string_equal(f.faults.list[0].file, path);
	assert_string_equal(f.faults.list[0].message, "cannot be read: No such file or directory");
	assert_int_equal(f.faults.list[0].at.line, 0);
	assert_int_equal(
		schema_load(&sample_schema, "/tmp", f.arena, &f.s, &f.doc, &f.faults), -EISDIR);
	faults_free(&f.faults);
	arena_free(&f.arena);
}

static void test_span(void **)
{
	struct strbuf error = {};
	span s = span_s(7);

	assert_int_equal(schema_parse_span("90s", &s, &error), 0);
	assert_int_equal(s.us, 90000000);
	assert_int_equal(schema_parse_span("-1s", &s, &error), -EINVAL);
	assert_string_equal(sb_text(&error), "it does not start with a number");
	assert_int_equal(s.us, 90000000); // untouched
	sb_free(&error);
}

static void test_mdoc(void **)
{
	struct strbuf b = {};

	schema_print_mdoc(&sample_schema, &b);
	assert_non_null(strstr(sb_text(&b), ".Ss Keys of sample\n"));
	assert_non_null(strstr(sb_text(&b), ".It Cm count : Ar \"number\"\nHow many.\n"));
	assert_non_null(strstr(sb_text(&b), ".It Cm apple\nRed.\n"));
	assert_non_null(strstr(sb_text(&b), "See RFC 4632.\n"));
	assert_non_null(strstr(sb_text(&b), ".Ss Keys of point\n"));
	assert_null(strstr(sb_text(&b), "later"));
	sb_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_texts),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_several_faults),
		cmocka_unit_test(test_many_faults),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_large_file),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_mdoc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
