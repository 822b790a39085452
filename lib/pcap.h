// Capture files, pcap and pcapng, without I/O: bytes in, packets out.
//
//	pcap      | magic (4) | version (4) | zone (4) | accuracy (4) | snap length (4) | link type (4) |
//	          then | seconds (4) | micro- or nanoseconds (4) | captured n (4) | length (4) | n bytes | ...
//	pcapng    | block type (4) | total length (4) | body, padded to 4 | total length (4) | ...
//
// draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng; either byte order.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

enum {
	PCAP_ITEM_MAX = 4 << 20,   // octets of one packet or block
	PCAP_INTERFACES_MAX = 256, // of one pcapng section; packets of others are refused
	PCAP_MAGIC_BYTES = 4,
};

struct pcap_interface {
	uint32_t link_type;
	uint64_t ticks_per_s;
	int64_t offset_s;
};

// Zeroed before the first call.
struct pcap {
	enum { PCAP_UNKNOWN, PCAP_CLASSIC, PCAP_NG } form;
	bool little; // byte order of the file, or of the section
	struct pcap_interface interface[PCAP_INTERFACES_MAX];
	size_t interfaces; // pcap: 1
};

struct pcap_item {
	size_t size; // octets of the item in the file
	bool packet; // it is one; else a header, or a block that is not needed here
	int64_t time_us;
	bool has_time;
	uint32_t link_type;
	struct rd data;    // what was captured
	size_t wire_bytes; // what was on the wire
};

// True for the first four octets of a capture file.
bool pcap_is(const void *data, size_t len);

// The item at the start of data. 0; -EAGAIN: ret->size octets are needed for the next
// try; -EBADMSG: this is no capture, or cannot be read on from here; -EFBIG: the item is over
// PCAP_ITEM_MAX.
[[nodiscard]] int pcap_next(struct pcap *p, struct pcap_item *ret, const void *data, size_t len);
