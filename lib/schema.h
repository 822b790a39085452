// YAML files described by tables. A schema has one row a key: name, type,
// range, default, unit, help and RFC. From the row come the loaded struct, errors with
// file, line, column and caret (for meaning as well as for syntax), the canonical
// print, the key list of the manual and completion. libyaml parses.
//
// Refused, always with their place: unknown keys (with the nearest valid word), keys given
// twice, missing required keys, values of another type or out of range, anchors, aliases and
// tags, several documents, files over 1 MiB, nesting over 16.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/own.h"
#include "lib/strbuf.h"
#include "lib/timing.h"

// Where a value stands; lines and columns count from 1, 0 is "nowhere".
struct place {
	unsigned line;
	unsigned column;
};

// An arena-owned array of elements.
struct items {
	void *data;
	size_t count;
};

#define items_for_each(type, var, list) \
	for (type *var = (list).data; var && var < (type *)(list).data + (list).count; var++)

enum schema_type {
	SCHEMA_STRING, // char *
	SCHEMA_BOOL,   // bool: yes no true false on off
	SCHEMA_UINT,   // uint64_t within min..max
	SCHEMA_INT,    // int64_t within min..max
	SCHEMA_DOUBLE, // double within min..max
	SCHEMA_SPAN,   // span within min..max milliseconds: 500ms 3s 5m 2h 1d
	SCHEMA_ADDR,   // struct ip_addr
	SCHEMA_PREFIX, // struct ip_prefix; host bits are an error that names the prefix meant
	SCHEMA_WORD,   // int: one of the words
	SCHEMA_CUSTOM, // size bytes, by the type's parse and print
	SCHEMA_MAP,    // a struct of the schema sub
	SCHEMA_LIST,   // struct items of element type elem (a scalar, or SCHEMA_MAP with sub)
};

struct schema_word {
	const char *name;
	int value;
	const char *help;
};

// A scalar with its own syntax, as a community or a share.
struct schema_scalar {
	const char *expects; // "a community (AS:value) or a well-known name"
	size_t size;
	// 0 and *ret set, or a negative errno and why in *error (without place, no final point).
	int (*parse)(const char *text, void *ret, struct strbuf *error);
	void (*print)(const void *value, struct strbuf *b);
};

struct schema;

struct schema_key {
	const char *name;
	enum schema_type type;
	enum schema_type elem; // of SCHEMA_LIST
	size_t offset;         // in the struct
	size_t has_offset;     // of a bool that says "was given"; 0: none
	size_t place_offset;   // of a struct place of the value; 0: none
	size_t places_offset;  // of a list: of a struct items, a struct place an element; 0: none
	bool required;         // or, for a list: at least one element
	bool one_or_list;      // a single scalar is taken as a list of one
	bool secret;           // printed as "***"
	double min, max;       // both 0: any; max 0: no upper one; span: milliseconds; list: number
			       // of elements; string: bytes
	const char *fallback;  // default, as it would be written; NULL: none (zero)
	const struct schema_word *words; // ends with a NULL name
	const struct schema_scalar *scalar;
	const struct schema *sub;
	unsigned kinds; // rows for some kinds only: bits 1 << value of the schema's kind; 0: all
	const char *unavailable; // known but not in this build: the reason it is refused with
	const char *unit, *help, *rfc;
};

struct schema {
	const char *name;              // "service": for messages and the manual
	size_t size;                   // of the struct
	size_t place_offset;           // of a struct place of the mapping itself; 0: none
	size_t given_offset;           // of a struct items of struct given; 0: none
	const struct schema_key *keys; // ends with a NULL name
	// The name of the SCHEMA_WORD key that says which rows apply (a key may have
	// several rows, each for other kinds); NULL: all do.
	const char *kind;
	const char *help;
};

// A key that the file gives, for checks of meaning that ask which keys stand together.
struct given {
	const struct schema_key *key;
	struct place key_at, at; // of the key and of its value
};

// NULL: the mapping does not give that key.
const struct given *schema_given(const struct items *given, const char *name);

// One fault of a file.
struct fault {
	char *file;
	struct place at;
	char *message;  // "unknown key `upstrems`"
	char *expected; // "did you mean `upstreams`?"; NULL
	char *source;   // the line of the file; NULL
};

// Faults collected while loading; at most FAULTS_MAX are kept, the rest counted.
enum { FAULTS_MAX = 50 };
struct faults {
	struct fault list[FAULTS_MAX];
	size_t count; // found, also those not kept
};

void faults_free(struct faults *f);
// "file:line:column: message", the line, a caret, and what was expected; for each.
void faults_print(const struct faults *f, struct strbuf *b);
void faults_put(const struct faults *f, FILE *to); // the same

// A loaded file: its name and text, to place further faults of meaning in.
struct document {
	char *name;
	char *text;
	size_t len;
};

void document_free(struct document *d);

// The place of the byte at that offset of the text.
struct place document_place(const struct document *d, size_t offset);

// Add a fault of meaning, found by the caller after loading.
__attribute__((format(printf, 5, 6))) void faults_add(struct faults *f, const struct document *d,
	struct place at, const char *expected, const char *fmt, ...);

// Reads and checks a whole file into *ret (a struct of schema->size, zeroed here), with
// strings and lists in the arena. *doc is filled as soon as the file could be read. 0; -EINVAL with
// faults added; the errno of reading the file, with a fault added too. *ret is not touched on failure.
[[nodiscard]] int schema_load(const struct schema *schema, const char *path, struct arena *arena,
	void *ret, struct document *doc, struct faults *faults);

// The same from memory; name stands in messages.
[[nodiscard]] int schema_load_text(const struct schema *schema, const char *name, const char *text,
	size_t len, struct arena *arena, void *ret, struct document *doc, struct faults *faults);

// Canonical YAML of a loaded struct: parses again to an equal struct.
void schema_print(const struct schema *schema, const void *data, struct strbuf *b);

// The key list of the manual, as mdoc(7) source.
void schema_print_mdoc(const struct schema *schema, struct strbuf *b);

// One scalar by the schema's rules, as for a command-line option of the same meaning.
[[nodiscard]] int schema_parse_span(const char *text, span *ret, struct strbuf *error);
