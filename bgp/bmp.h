// The BGP Monitoring Protocol, RFC 7854, with Adj-RIB-Out (RFC 8671) and Loc-RIB (RFC 9069): what a
// router says of its peers, read for a station. Bytes in, views of messages out.
//
//	+-------------+------------+----------+---------------------+------+
//	| version (1) | length (4) | type (1) | per-peer header (42)| body |    length of all
//	+-------------+------------+----------+---------------------+------+
//	the per-peer header in messages about a peer only
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bgp/attr.h"
#include "bgp/open.h"
#include "lib/ip.h"
#include "lib/wire.h"

enum bmp_type {
	BMP_ROUTE_MONITORING = 0,
	BMP_STATISTICS = 1,
	BMP_PEER_DOWN = 2,
	BMP_PEER_UP = 3,
	BMP_INITIATION = 4,
	BMP_TERMINATION = 5,
	BMP_ROUTE_MIRRORING = 6,
	BMP_TYPE_MAX,
};

enum { BMP_VERSION = 3, BMP_HEADER_BYTES = 6, BMP_MESSAGE_MAX = 1 << 20 };

// Which of a router's tables: section 4.2, RFC 8671 section 4, RFC 9069 section 4.
enum bmp_table { BMP_ADJ_IN, BMP_ADJ_IN_POST, BMP_ADJ_OUT, BMP_ADJ_OUT_POST, BMP_LOC };

struct bmp_peer {
	uint64_t distinguisher;
	enum bmp_table table;
	struct ip_addr addr; // IP_NONE: of Loc-RIB
	uint32_t as, id;     // id in host order
	bool as4;            // AS numbers of its UPDATEs have four octets
	int64_t time_us;     // 0: not told
};

struct bmp_message {
	enum bmp_type type;
	size_t size;
	bool has_peer;
	struct bmp_peer peer;
	struct rd body; // behind the per-peer header
};

// The message at the start of data. 0; -EAGAIN: ret->size octets are needed for the next try;
// -EBADMSG: another version, a length that cannot be, or a per-peer header cut short. Types that are
// not known have no peer and are to be passed over.
[[nodiscard]] int bmp_next(struct bmp_message *ret, const void *data, size_t len);

// PEER UP, section 4.10: the OPENs that the two said to each other.
struct bmp_up {
	struct ip_addr local; // of the router, towards the peer; IP_NONE: not told
	struct bgp_open sent, received;
};
// 0; -EBADMSG.
[[nodiscard]] int bmp_up_parse(struct bmp_up *ret, const struct bmp_message *m);

// PEER DOWN, section 4.9: "the remote system closed the session"; never NULL.
const char *bmp_down_reason(const struct bmp_message *m);
// The session goes on, and a table is no longer told of (its reason 5).
bool bmp_down_is_of_table(const struct bmp_message *m);

// ROUTE MONITORING, section 4.6: the body of its UPDATE. 0; -EBADMSG: it is none.
[[nodiscard]] int bmp_route_parse(struct rd *update, const struct bmp_message *m);

// How to read the UPDATEs of the peer. up: of its PEER UP.
struct bgp_codec bmp_codec(const struct bmp_peer *p, const struct bmp_up *up);

bool bmp_peer_equal(const struct bmp_peer *a, const struct bmp_peer *b);
const char *bmp_table_name(enum bmp_table table); // "post"; "" for BMP_ADJ_IN
