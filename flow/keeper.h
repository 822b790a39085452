// The keeper's loader: puts the programs of keeper.bpf.c on interfaces, fills their
// tables and reads their counters. What it loads belongs to the kernel: it goes on
// when the process ends, until keeper_remove(). doc/keeper.md has the whole picture.
//
// Needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, and a BPF file system where things are pinned.
#pragma once

#include <net/if.h>

#include "flow/shared.h"
#include "lib/ip.h"
#include "lib/own.h"
#include "lib/strbuf.h"

struct keeper;

// Loads the programs over the tables pinned in the folder, or makes both; nothing is attached
// yet. pin: a folder below a BPF file system, made if absent; NULL: everything ends with the
// keeper. 0; negative errno with *error set (what the kernel lacks or refuses).
[[nodiscard]] int keeper_open(struct keeper **ret, const char *pin, struct strbuf *error);

// Closes descriptors; attached programs go on. Accepts NULL.
void keeper_close(struct keeper **k);

enum keeper_mode { KEEPER_NATIVE, KEEPER_GENERIC, KEEPER_MODE_MAX };

// "native" or "generic".
const char *keeper_mode_name(enum keeper_mode mode);

// What attaching found and did.
enum keeper_how {
	KEEPER_NEW,      // attached now
	KEEPER_KEPT,     // the same programs were there, and stay: forwarding did not blink
	KEEPER_REPLACED, // older ones were there
	KEEPER_HOW_MAX,
};

struct keeper_place {
	enum keeper_how how;
	enum keeper_mode mode;
	bool shared; // under libxdp's dispatcher, beside other XDP programs
};

// Both programs on the interface: native XDP where the driver has it, else generic. An XDP
// program of somebody else that is not under libxdp's dispatcher is never replaced: -EBUSY.
[[nodiscard]] int keeper_attach(
	struct keeper *k, unsigned ifindex, struct keeper_place *ret, struct strbuf *error);

// Takes the programs off every interface of this network namespace that has them, and unpins
// all. 0 with the number of interfaces in *ret, also when nothing was there.
[[nodiscard]] int keeper_remove(const char *pin, unsigned *ret, struct strbuf *error);

// ---- Tables ----

// config->hash_key, self and realtime_offset_ns as in shared.h; takes effect with the next packet.
[[nodiscard]] int keeper_configure(struct keeper *k, const struct flow_config *config);
// What is set now; all zero at first.
[[nodiscard]] int keeper_config(const struct keeper *k, struct flow_config *ret);

struct keeper_node {
	uint16_t id;       // 1..FLOW_NODE_MAX
	bool alive;        // packets may be sent to it
	struct ip_addr a4; // IP_NONE: it has none
	struct ip_addr a6;
	uint8_t key[2][16]; // of what it sends, by phase
	uint16_t mtu;       // of the path to it, whole IP packets; 0: 1500
};

// The nodes of the fleet, this one among them. All others are forgotten, unless keep_others: for
// one that has just begun and does not know yet whom it will hear of. -EINVAL: an id out of range or
// twice.
[[nodiscard]] int keeper_set_nodes(
	struct keeper *k, const struct keeper_node *nodes, size_t n, bool keep_others);

// The service addresses; all others are forgotten.
[[nodiscard]] int keeper_set_addresses(struct keeper *k, const struct ip_addr *addresses, size_t n);

// What happens to UDP at each port named; all others are request and response.
struct keeper_udp {
	uint16_t port;
	enum flow_udp_policy policy;
};
[[nodiscard]] int keeper_set_udp(struct keeper *k, const struct keeper_udp *ports, size_t n);

// ---- Sweeping ----
//
// The time of a prefix's move has eight bits, that of a flow sixteen. now_ns is CLOCK_MONOTONIC.

// Takes old times out of one slice of the prefixes, and old flows out of the table with slice 0: a slice
// each second, in turn. When a turn is done, config->swept is keeper_sweep_time() of when it began, so that
// it is up to two turns old; with the longest moved_s, an hour, that leaves three minutes of 73. moved_s as in the
// configuration. -errno: what the kernel says of its memory.
enum { KEEPER_SLICES = 128 };
[[nodiscard]] int keeper_sweep(
	const struct keeper *k, unsigned slice, uint64_t now_ns, unsigned moved_s);
uint16_t keeper_sweep_time(uint64_t now_ns);

// Whether nobody swept for so long that old times may look recent; the programs believe none then.
bool keeper_sweep_late(const struct flow_config *config, uint64_t now_ns);
// Takes out the times of all prefixes: some tens of milliseconds.
[[nodiscard]] int keeper_sweep_all(const struct keeper *k, uint64_t now_ns);

// ---- Counters and events ----

[[nodiscard]] int keeper_counts(const struct keeper *k, uint64_t ret[FLOW_C_MAX]);
[[nodiscard]] int keeper_pair(const struct keeper *k, uint16_t node, struct flow_pair *ret);

// Printable name and help of a counter, and whether it counts packets refused or lost.
const char *flow_count_name(enum flow_count what);
const char *flow_count_help(enum flow_count what);
bool flow_count_is_loss(enum flow_count what);

// One call hands over so many events at most: whatever strangers send, the caller's loop has its turn.
enum { KEEPER_EVENTS_MAX = 256 };

// Readable when events wait.
int keeper_events_fd(const struct keeper *k);
typedef void keeper_event_fn(void *arg, const struct flow_event *event);
// Hands over what waits, up to KEEPER_EVENTS_MAX; returns how many. The descriptor stays readable
// when there are more.
int keeper_events(struct keeper *k, keeper_event_fn *fn, void *arg);

// ---- Notices ----

// A notice with its tunnel header, ready for a UDP socket of this node.
struct keeper_datagram {
	struct flow_tunnel head;
	struct flow_notice notice;
};
_Static_assert(sizeof(struct keeper_datagram) == 80, "no padding");

// Fills in the header. key: this node's of that phase; serial: different each time.
void keeper_seal(struct keeper_datagram *d, uint16_t from, uint16_t to, const uint8_t key[16],
	uint8_t phase, uint8_t serial, uint64_t unix_s);

// That the flow of an event FLOW_E_MINE is ours.
struct flow_notice keeper_notice_mine(const struct flow_tuple *flow);
// Adds the prefix of an event FLOW_E_PREFIX to a notice that is empty or of the same family.
// False: it is full or of the other family.
bool keeper_notice_add(struct flow_notice *n, const struct flow_tuple *client);
