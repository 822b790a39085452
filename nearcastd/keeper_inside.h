// What keeper.c and the other files of the keeper share.
#pragma once

#include <uv.h>

#include "flow/keeper.h"
#include "lib/fdwatch.h"
#include "lib/timing.h"
#include "nearcastd/daemon.h"
#include "nearcastd/keeper.h"

enum {
	KEEP_NOTICE_FAMILIES = 2,
	KEEP_TICK_MS = 200,
	KEEP_DEAD_TICKS = 4, // without an answer for so long, a node that the fleet lost is dead
};

// Counting sessions takes a walk through the kernel's table: on a thread.
struct keep_count {
	uv_work_t work;
	bool running, known, forgotten;
	bool walked;               // of the thread: it came to the end
	size_t n;                  // addresses
	struct ip_addr *addresses; // of all services, in order
	uint64_t *found, *counted; // at each address: by the thread, and as of the last walk
};

struct keep {
	struct daemon *d;
	struct keeper *keeper; // NULL: did not load yet
	struct flow_config config;
	struct keeper_node *nodes;
	size_t node_count;
	struct fdwatch *events;
	int socket[KEEP_NOTICE_FAMILIES]; // IPv4, IPv6: bound to the node's addresses; -1: none
	struct flow_notice prefix[KEEP_NOTICE_FAMILIES]; // being collected
	uint8_t serial;
	uv_timer_t *timer; // clock, keys, nodes, sessions
	uv_timer_t *flush; // of the prefixes collected
	char *pin;         // the folder of its tables
	char *fault;       // why it does not load or its tables are not filled; NULL: all is well
	struct keep_place {
		char name[IF_NAMESIZE];
		unsigned ifindex;
		bool attached;
		struct keeper_place place;
		char *fault; // why the programs are not on it; NULL: they are
	} * places;
	size_t place_count;
	struct keep_count *count;
	uint64_t refused_told; // seconds, of the last event about refusals
	unsigned ticks;
	unsigned slice;       // to be swept next
	uint16_t swept_since; // when this turn through them began
	bool due;             // the nodes are not in the tables as they are known
	bool waits;           // services are not announced before the fleet is known
	bool knows;           // an earlier nearcastd left the nodes in the tables
	// By node: the fleet does not see it any more, but its programs may live on without a nearcastd.
	struct keep_life {
		bool lost;
		bool apart;        // no address of a family that this node has: said once
		unsigned since;    // the tick at which it was lost, or answered last
		uint64_t received; // packets of it, as of then
	} * lives;
};

// keeper_nodes.c: what the fleet and the file know. True when it differs from what was set.
bool keep_update_nodes(struct keep *k);
// Over what family packets go from one node to the other; IP_NONE: they have none in common.
enum ip_family keep_path(const struct keeper_node *a, const struct keeper_node *b);
// This node's own row; NULL: not yet.
const struct keeper_node *keep_self(const struct keep *k);
const struct keeper_node *keep_node(const struct keep *k, uint16_t id);
// The day's keys of a node, and which of the two is in use now.
void keep_keys(const char *secret, uint16_t node, uint64_t unix_s, uint8_t key[2][16]);
uint8_t keep_phase(uint64_t unix_s);

// keeper_notice.c
void keep_open_sockets(struct keep *k);
void keep_close_sockets(struct keep *k);
void keep_on_event(void *ctx, const struct flow_event *e);
void keep_flush_prefixes(struct keep *k);
// Asks each other node whether it is there: the answer also says that keys agree.
void keep_greet(struct keep *k);
// The same of those that the fleet lost out of sight; of those that were silent since, too, when
// silent is set: what cut them off may be over.
void keep_ask_lost(struct keep *k, bool silent);

// keeper_sweep.c: with a keeper and its configuration, and then each second. 0, or negative errno.
[[nodiscard]] int keep_sweep_begin(struct keep *k);
[[nodiscard]] int keep_sweep(struct keep *k);

// keeper_count.c
void keep_count_start(struct keep *k);
void keep_count_forget(struct keep *k);
