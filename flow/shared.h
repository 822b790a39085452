// What the eBPF programs and the programs of the host share: the tunnel's
// header, the tables' rows, the counters. Freestanding C, since clang compiles
// it for the BPF machine too; every struct's size is asserted, so that both
// sides always mean the same bytes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Goes up with any change of a map's row. Maps of another shape are never used again.
enum { FLOW_SHAPE = 5 };

enum {
	FLOW_NODE_MAX = 4095,   // node ids are 1..4095: twelve bits of a timestamp
	FLOW_ID_MASK = 0xfff,   // those bits
	FLOW_ADDRESS_MAX = 512, // service addresses of one node
	FLOW_NEAR = 4,
	FLOW_HOP_MAX = 2,       // a packet is forwarded at most twice
	FLOW_EPOCH_SLACK_S = 2, // how far the clocks of two nodes may be apart
	FLOW_PORT_DEFAULT = 6083,
	FLOW_WINDOW_SHIFT = 26, // budgets are counted in windows of 2^26 ns = 67 ms
};

// ---- The tunnel ----
//
//  outer IPv4 (20) or IPv6 (40) | UDP (8), source port 0xC000 | hash of the inner flow
//   0         1         2                   4                   6         8                 16
//  +---------+---------+----+--------------+----+--------------+---------+-----------------+
//  |ver |typ |hop|k|0  |n1  | from (12)    |n0  | to (12)      |epoch (s)| SipHash-2-4 tag | inner
//  +---------+---------+----+--------------+----+--------------+---------+-----------------+
//    4    4   2   1 5    4                   4
//
// n1 n0 is a number that differs between packets which are otherwise the same bytes, so that a
// repetition by the client is no replay. k is the phase of the key. The tag covers this header, the
// epoch in full (48 bits, of which 16 are on the wire) and the inner packet's headers: 40 bytes of
// IPv4, 64 of IPv6 or of a notice. What lies behind them has the checksum that is covered.
enum flow_type {
	FLOW_T_IPV4 = 0,
	FLOW_T_IPV6 = 1,
	FLOW_T_ICMP = 2,   // an ICMP error, of either family: inside, by its version
	FLOW_T_NOTICE = 3, // between keepers: not a packet of a client
	FLOW_T_MAX,
};

enum {
	FLOW_VERSION = 1,
	FLOW_HOP_SHIFT = 6,
	FLOW_PHASE_BIT = 1 << 5,
	FLOW_RESERVED = 0x1f,
	FLOW_COVER4 = 40,
	FLOW_COVER6 = 64,
};

struct flow_tunnel {
	uint8_t ver_type;
	uint8_t hop_phase;
	uint16_t from, to; // network order
	uint16_t epoch;    // network order
	uint64_t tag;      // little endian, as SipHash writes it
};
_Static_assert(sizeof(struct flow_tunnel) == 16, "the header on the wire");

enum flow_notice_kind {
	FLOW_N_MINE = 1,    // the flow that you forwarded to me has a socket here
	FLOW_N_PREFIX4 = 2, // clients of these /24 come to me now: 3 bytes each
	FLOW_N_PREFIX6 = 3, // and of these /48: 6 bytes each
	FLOW_N_ASK = 4,     // are you there? The program answers, whether or not a nearcastd runs
	FLOW_N_ANSWER = 5,
	FLOW_NOTICE_ROOM = 60,
};

struct flow_notice {
	uint8_t kind, count;
	uint8_t family, proto; // of FLOW_N_MINE: 4 or 6, and IPPROTO
	uint8_t body[FLOW_NOTICE_ROOM];
};
_Static_assert(sizeof(struct flow_notice) == FLOW_COVER6, "the tag covers all of a notice");

// The flow a notice or an event is about, as the client's packets have it. IPv4 in the first four
// bytes of an address, the rest zero. Ports in network order.
struct flow_tuple {
	uint8_t client[16], service[16];
	uint16_t client_port, service_port;
	uint8_t family, proto, pad[2];
};
_Static_assert(sizeof(struct flow_tuple) == 40, "fits a notice");

// ---- Tables ----

enum flow_flag {
	FLOW_STAMP = 1 << 0, // egress writes the node's id into timestamps
	FLOW_QUIC_LB = 1 << 1,
};

struct flow_ip6 {
	uint64_t half[2]; // as the bytes lie on the wire
};

struct flow_config {
	uint64_t realtime_offset_ns; // CLOCK_REALTIME minus CLOCK_MONOTONIC
	uint64_t hash_key[2];        // random, of this host alone
	uint16_t flags;
	uint16_t swept;      // when the last whole sweep of the prefixes began, 2^34 ns: see below
	uint32_t budget_new; // packets per window and node: flows nobody vouched for
	uint32_t budget_known; // the same for flows whose owner answered
	uint16_t self;         // this node's id; 0: the keeper does nothing
	uint16_t port;         // of the tunnel, network order
	uint16_t mss4, mss6;   // clamps; 0: none
	uint16_t moved_s;      // a prefix that moved so lately may still have sessions elsewhere
	uint8_t phase;         // of the key to send with
	uint8_t quic_config;   // config rotation bits of QUIC-LB, 0..6
	uint32_t near4[FLOW_NEAR]; // the first service addresses, 0: none: found without a lookup
	struct flow_ip6 near6[FLOW_NEAR];
};
_Static_assert(sizeof(struct flow_config) == 128, "two cache lines, the second for IPv6");

enum flow_node_flag {
	FLOW_NODE_KNOWN = 1 << 0, // in the fleet: its tunnel packets are accepted
	FLOW_NODE_ALIVE = 1 << 1, // packets may be sent to it
	FLOW_NODE_V4 = 1 << 2,
	FLOW_NODE_V6 = 1 << 3,
};

struct flow_node {
	uint32_t flags;
	uint32_t a4; // network order
	uint8_t a6[16];
	uint64_t key[2][2]; // of what this node sends, by phase
	uint16_t mtu;       // towards it: the largest outer packet
	uint8_t pad[6];
};
_Static_assert(sizeof(struct flow_node) == 64, "one cache line");

// Eight flows in a cache line, of any kind; see flows.bpf.h.
struct flow_set {
	uint64_t way[8];
};
_Static_assert(sizeof(struct flow_set) == 64, "one cache line");

struct flow_replays {
	uint64_t tag[7];
	uint32_t next, pad;
};
_Static_assert(sizeof(struct flow_replays) == 64, "one cache line");

struct flow_budget {
	uint64_t fresh, known; // window number << 32 | packets in it
};
_Static_assert(sizeof(struct flow_budget) == 16, "two counters");

// What a tunnel's tag is made of, while it is being made.
struct flow_seal {
	uint64_t head; // the tunnel's header without the tag, as it lies on the wire
	uint64_t epoch, key[2];
	uint64_t tag;       // the result
	uint32_t at;        // the inner packet, from the frame's start
	uint32_t length;    // of it, bytes
	uint32_t wide, pad; // whether FLOW_COVER6 of it are covered, or FLOW_COVER4
	uint64_t word[FLOW_COVER6 / 8];
};

// Of one processor.
struct flow_lane {
	uint64_t tick;    // of the kernel, in which the clocks below were read
	uint64_t now_ns;  // CLOCK_MONOTONIC
	uint64_t epoch_s; // CLOCK_REALTIME
	uint32_t serial;  // tells packets apart that are otherwise the same
	uint32_t pad;
	struct flow_seal seal;
};
_Static_assert(sizeof(struct flow_lane) == 152, "no padding");

// Whose clients a /24 or /48 are: now 12 bits, before 12 bits, when it moved 8 bits in units of 16 s
// (2^34 ns, to be exact; what follows counts time in steps of 2^30 ns where seconds will do).
enum {
	FLOW_MOVED_UNIT_S = 16,
	FLOW_STEP_SHIFT = 30,
	FLOW_MOVED_SHIFT = 34,
	FLOW_PREFIX4_BITS = 24,
	FLOW_PREFIX6_BITS = 20
};

// Eight bits come round after 73 minutes. So the daemon walks through the tables all the time and
// clears what moved longer ago than it matters (keeper_sweep()); the programs believe no time at all
// where it has not done so for too long.
enum { FLOW_MOVED_TURN = 254 };

// Two prefixes a row, for the kernel rounds the rows of its arrays up to eight bytes.
struct flow_prefixes {
	uint32_t slot[2];
};
_Static_assert(sizeof(struct flow_prefixes) == 8, "four bytes a prefix");

enum { FLOW_FLOW_SETS = 1 << 14, FLOW_REPLAY_SETS = 1 << 17, FLOW_PROOFS = 1 << 16 };

// Moves of prefixes that this node tells the fleet, for each window: those of clients that proved
// that they get our answers (some 500 a second), and those of UDP sessions, where nothing can prove it
// (some 60). They are counted in the row of node 0 of the budgets.
enum { FLOW_MOVES_PROVEN = 34, FLOW_MOVES_GUESSED = 4 };

// A flow's life, in seconds. UDP has no end that a packet would tell.
enum {
	FLOW_UDP_IDLE_S = 300,   // RFC 4787 section 4.3 recommends it for translators
	FLOW_UDP_ASKED_S = 60,   // forwarded, and the owner did not say that it is its own
	FLOW_FORGOTTEN_S = 7200, // of any kind, without a packet: RFC 5382 REQ-5 has 2 h 4 min
};

// What happens to UDP at a port. Everything not named is request and response.
enum flow_udp_policy { FLOW_UDP_LOCAL = 0, FLOW_UDP_SESSION = 1, FLOW_UDP_QUIC = 2 };

// ---- Events ----

enum flow_event_kind {
	FLOW_E_MINE = 1,    // node forwarded a flow that is ours: tell it so
	FLOW_E_PREFIX = 2,  // a client prefix began to come here
	FLOW_E_REFUSED = 3, // a tunnel packet was refused; code is the counter
};

struct flow_event {
	uint32_t kind;
	uint16_t node; // the other one; 0: not known
	uint16_t code;
	struct flow_tuple flow; // FLOW_E_PREFIX: family and the client's address
};
_Static_assert(sizeof(struct flow_event) == 48, "an event");

// ---- Counters ----
//
// One row a verdict: id, printable name, whether it refuses or loses a packet, help.
#define FLOW_COUNTS(X)                                                                      \
	X(LOCAL, "local", 0, "packets of a session with a socket here")                     \
	X(SYN, "syn", 0, "new connections, always served here")                             \
	X(MISS, "miss", 0, "packets without an owner, left to the kernel")                  \
	X(UDP_LOCAL, "udp-local", 0, "UDP served here")                                     \
	X(ICMP_LOCAL, "icmp-local", 0, "ICMP left to the kernel")                           \
	X(FRAGMENT, "fragment", 0, "fragments and unusual headers, left to the kernel")     \
	X(SYN_COOKIE, "syn-cookie", 0, "answers to SYN cookies of this kernel")             \
	X(FORWARD_STAMP, "forward-stamp", 0, "sent to the node that the timestamp names")   \
	X(FORWARD_FLOW, "forward-flow", 0, "sent to the node of a flow forwarded before")   \
	X(FORWARD_PREFIX, "forward-prefix", 0, "sent to the last owner of the prefix")      \
	X(FORWARD_CID, "forward-cid", 0, "sent to the node that the QUIC connection names") \
	X(FORWARD_ICMP, "forward-icmp", 0, "ICMP errors sent to the owner of the session")  \
	X(RECEIVED, "received", 0, "tunnel packets accepted")                               \
	X(RECEIVED_LOCAL, "received-local", 0, "of these, with a session here")             \
	X(RECEIVED_MISS, "received-miss", 0, "of these, left to the kernel")                \
	X(NOTICE, "notice", 0, "notices accepted from other keepers")                       \
	X(REFUSED_FORM, "refused-form", 1, "tunnel: version, type or reserved bits")        \
	X(REFUSED_LENGTH, "refused-length", 1, "tunnel: too long, too short, cut up")       \
	X(REFUSED_SOURCE, "refused-source", 1, "tunnel: not from that node's address")      \
	X(REFUSED_TO, "refused-to", 1, "tunnel: meant for another node")                    \
	X(REFUSED_HOP, "refused-hop", 1, "tunnel: forwarded too often")                     \
	X(REFUSED_EPOCH, "refused-epoch", 1, "tunnel: clocks more than two seconds apart")  \
	X(REFUSED_TAG, "refused-tag", 1, "tunnel: wrong tag")                               \
	X(REFUSED_REPLAY, "refused-replay", 1, "tunnel: the same packet again")             \
	X(REFUSED_INNER, "refused-inner", 1, "tunnel: inside is no packet to a service")    \
	X(OVER_NEW, "over-new", 1, "beyond the budget of flows that nobody vouched for")    \
	X(OVER_KNOWN, "over-known", 1, "beyond the budget of flows that were confirmed")    \
	X(NO_PATH, "no-path", 1, "for a node without an address of a family of this one's") \
	X(TOO_BIG, "too-big", 1, "larger than the path to the owner")                       \
	X(TTL, "ttl", 1, "time to live used up")                                            \
	X(ECHO_ZEROED, "echo-zeroed", 0, "echoed timestamps hidden from the kernel")        \
	X(STAMPED, "stamped", 0, "timestamps that carry the node's id")                     \
	X(STAMP_LEFT, "stamp-left", 0, "timestamps of SYN cookies, left alone")             \
	X(CLAMPED, "clamped", 0, "SYN answers with a smaller MSS")                          \
	X(MOVED, "moved", 0, "prefixes whose clients began to come here")                   \
	X(OVER_MOVES, "over-moves", 0, "prefixes not moved, beyond the budget")             \
	X(TAGGED, "tagged", 0, "frames with a VLAN tag, not looked at")

enum flow_count {
#define X(id, name, bad, help) FLOW_C_##id,
	FLOW_COUNTS(X)
#undef X
		FLOW_C_MAX
};

// Beside them, per node: packets sent to it and accepted from it.
struct flow_pair {
	uint64_t sent, received;
};
_Static_assert(sizeof(struct flow_pair) == 16, "two counters");
