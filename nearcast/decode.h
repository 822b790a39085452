// nearcast decode: what its files share. decode.c is the verb, decode_{stream,mrt,pcap}.c
// read one container each, decode_{msg,open,attr}.c print what was in it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bgp/attr.h"
#include "bgp/msg.h"
#include "lib/out.h"
#include "lib/source.h"
#include "nearcast/cli.h"

// One run over one file.
struct decode {
	struct cli_decode options;
	bool json;
	struct source *source;
	const char *name; // of the file, for messages
	struct strbuf text;
	// Takes what was printed so far; false ends the run.
	bool (*print)(void *context, const struct strbuf *text);
	void *context;
	bool stopped; // nobody takes it any more
	size_t messages, faulty;
	struct strbuf first;  // fault, where it has no place in what is printed
	struct strbuf broken; // why reading ended before the end; empty: it did not
};

// Where a message was found.
struct decode_where {
	uint64_t offset;    // of the message, record or packet, in the file as unpacked
	const char *record; // MRT: its kind; NULL
	bool has_time;
	int64_t time_us;
	bool microseconds;       // the time is known that well
	struct ip_addr peer, to; // who said it to whom; IP_NONE: not known
	uint32_t peer_as;        // 0: not known
	bool guess_as;           // nothing says how wide AS numbers are
	// In tables: the only route.
	const struct ip_prefix *route; // NULL: no table
	bool no_next_hop;              // not even where to say so
	bool has_path_id;
	uint32_t path_id;
};

// decode.c: the whole run, except opening the file and saying how it ended.
// False: its format cannot be told.
[[nodiscard]] bool decode_run(struct decode *d);
// What the options say of a session, where nothing better is known.
struct bgp_codec decode_codec(const struct decode *d);
// Bytes for the window, as source_want(); what was printed is handed on before it blocks.
// False: at the end or after a fault fewer bytes are there than asked for.
[[nodiscard]] bool decode_want(struct decode *d, size_t n);
// Hands on what was printed; nothing more once it is not wanted.
void decode_flush(struct decode *d);
// Counts what is not well formed, and keeps the first such place where lines cannot show it.
void decode_fault(struct decode *d, uint64_t offset, const char *reason);
// Notes where and why the file cannot be read on.
__attribute__((format(printf, 3, 4))) void decode_broken(
	struct decode *d, uint64_t offset, const char *fmt, ...);

// One container each.
void decode_hex(struct decode *d);
void decode_raw(struct decode *d);
void decode_mrt(struct decode *d);
void decode_pcap(struct decode *d);

// decode_stream.c: messages one after the other, that are read as they come.
struct decode_stream {
	struct decode_where where; // offset: of the next byte
	bool fixed_offset;         // or else of the packet, which stays
	struct bgp_codec codec;
	size_t max;     // octets of a message: 4096, or 65535 where nothing is known against it
	bool lost;      // looking for the next marker
	size_t dropped; // octets passed over meanwhile
	// Told each message before it is printed; may be NULL.
	void (*seen)(struct decode_stream *s, const struct bgp_msg *m);
	void *context;
};

// Prints the whole messages at the start of data and returns how many octets are done with. The
// rest is the start of a message that is not complete.
size_t decode_stream(struct decode *d, struct decode_stream *s, const uint8_t *data, size_t len);

// decode_msg.c: one block of text or one line of JSON.
struct out *decode_begin(
	struct decode *d, const struct decode_where *w, const char *type, size_t length);
void decode_end(struct decode *d, struct out **o);
void decode_message(struct decode *d, const struct decode_where *w, const struct bgp_codec *codec,
	const struct bgp_msg *m);
// The body of an UPDATE, with its verdict: of a message, or of an entry of a table.
void decode_update(struct decode *d, struct out *o, const struct decode_where *w,
	const struct bgp_codec *codec, struct rd body);
// A message that cannot be framed. head: its first octets.
void decode_bad_message(struct decode *d, const struct decode_where *w, const struct bgp_fault *f,
	const uint8_t *head, size_t len);
void decode_verdict(struct decode *d, struct out *o, const struct bgp_fault *f);
// A record that is passed over, and why; faulty: it makes the file one that is not well formed.
void decode_skipped(struct decode *d, const struct decode_where *w, size_t length, bool faulty,
	const char *reason);
// Octets as hexadecimal text: all of them in JSON, the first ones in text.
void decode_bytes(struct decode *d, struct out *o, const char *name, struct rd bytes);

// decode_attr.c
void decode_attributes(struct decode *d, struct out *o, const struct bgp_path *path,
	const struct bgp_codec *codec);
// "IPv4 unicast", "1/128".
enum { DECODE_FAMILY_TEXT = 24 };
const char *decode_family(uint16_t afi, uint8_t safi, char buf[DECODE_FAMILY_TEXT]);

// decode_bgpdump.c: the same in lines, as `bgpdump -m` has them (--bgpdump). body: of the UPDATE.
void decode_bgpdump_update(struct decode *d, const struct decode_where *where,
	const struct bgp_codec *codec, struct rd body);
// Of a table, with where->route; version2: of TABLE_DUMP_V2.
void decode_bgpdump_entry(
	struct decode *d, const struct decode_where *w, bool as4, bool version2, struct rd body);
void decode_bgpdump_state(
	struct decode *d, const struct decode_where *w, uint16_t from, uint16_t to);

// decode_open.c
struct bgp_fault decode_open(struct decode *d, struct out *o, const struct bgp_msg *m);
