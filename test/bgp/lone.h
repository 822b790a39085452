// One engine, and a neighbour that the test plays by hand.
#pragma once

#include "bgp/attr.h"
#include "bgp/peer.h"
#include "lib/strbuf.h"
#include "test/bgp/bytes.h"
#include "test/unit.h"

// The engine is AS 64500, 192.0.2.1, hold time 90 s; the neighbour AS 64496, 192.0.2.9.
struct lone {
	struct bgp_peer_config config;
	struct bgp_peer *p;
	instant now;
	struct bgp_codec codec; // how its UPDATEs are to be read
	struct strbuf log;
};

// OPEN bodies of the neighbour: with four-octet AS and both families, hold time 90; and the
// least that is allowed.
#define OPEN_FULL \
	"04 fbf0 005a c0000209 16 02 14 0104 0001 00 01 0104 0002 00 01 0200 4104 0000fbf0"
#define OPEN_BARE "04 fbf0 005a c0000209 00"
// What the engine says first.
#define OUR_OPEN                                                                        \
	"OPEN as 64500 hold 90 id 192.0.2.1 (multiprotocol IPv4 unicast IPv6 unicast, " \
	"route-refresh, graceful-restart, as4 64500, enhanced-refresh)\n"

struct bgp_peer_config lone_config(void);
void lone_init(struct lone *l, const struct bgp_peer_config *config);
void lone_free(struct lone *l);

// Forward to a state on that direction, with an empty log afterwards.
void lone_reach(struct lone *l, enum bgp_dir dir, enum bgp_state state);
void lone_feed(struct lone *l, enum bgp_dir dir, uint8_t type, const char *body);
void lone_feed_bytes(struct lone *l, enum bgp_dir dir, const struct bytes *b);
void lone_pass(struct lone *l, span time); // ticks at each deadline on the way
void lone_announce(struct lone *l, const char *prefix, struct bgp_attrs *attrs);
void lone_withdraw(struct lone *l, const char *prefix);

// What the engine did since the last time; the rest of the log is gone then.
#define lone_expect(l, text)                                   \
	do {                                                   \
		lone_drain(l);                                 \
		assert_string_equal(sb_text(&(l)->log), text); \
		sb_clear(&(l)->log);                           \
	} while (0)
void lone_drain(struct lone *l);
void lone_forget(struct lone *l); // drains, and clears the log

struct ip_prefix prefix(const char *text);
struct ip_addr address(const char *text);
