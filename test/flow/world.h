// A keeper in a network namespace of its own, with the fleet that the fixtures speak of:
//
//   11 us      192.0.2.11   2001:db8:1::11
//   12 them    192.0.2.12   2001:db8:1::12
//   13 wide    -            2001:db8:1::13
//   14 dead    192.0.2.14
//   15 third   192.0.2.15
//
// The service is 198.51.100.53 and 2001:db8:53::53, with a TCP server on port 80 that has one
// session with 192.0.2.77 and one with 2001:db8:9::77, and one that is half open with 192.0.2.78.
#pragma once

#include "flow/inside.h"
#include "test/flow/frame.h"

#define SERVICE4 "198.51.100.53"
#define SERVICE6 "2001:db8:53::53"
#define CLIENT4  "192.0.2.77"
#define CLIENT6  "2001:db8:9::77"
#define HALF4    "192.0.2.78"

enum { HALF_PORT = 40002 }; // of the client whose session is half open

enum { US = 11, THEM = 12, WIDE = 13, DEAD = 14, THIRD = 15 };

struct world {
	struct keeper *k;
	struct flow_config config;
	struct keeper_node nodes[5];
	uint16_t port4, port6; // of the clients with a session
	uint16_t over4;        // of one whose session the server has closed: TIME-WAIT
};

// NULL: cannot run here; *why says what is missing.
struct world *world_make(const char **why);

// Counters start anew, and all that was learnt is forgotten.
void world_reset(struct world *w);
uint64_t world_count(struct world *w, enum flow_count what);
uint64_t world_epoch(const struct world *w); // of now

// Through the ingress program; the frame becomes what comes out. Returns the XDP verdict.
int world_in(struct world *w, struct frame *f);
// Through the egress program.
int world_out(struct world *w, struct frame *f);

// A tunnel packet from that node to us, as it should be.
struct tunnel_spec world_tunnel(const struct world *w, uint16_t from, uint8_t type);
// Whose clients the prefix of the address holds: now, and before, from just now on; and what is known of
// it, as flow/moves.bpf.h draws it.
void world_prefix(struct world *w, const char *client, uint16_t now, uint16_t before);
uint32_t world_slot(struct world *w, const char *client);
void world_set_slot(struct world *w, const char *client, uint32_t slot);
uint32_t world_place6(const struct world *w, const char *client); // in its table
uint64_t world_ns(void);                                          // the programs' clock
// All flows that are remembered were last seen so much earlier.
void world_age(struct world *w, unsigned seconds);
