// What an engine wants done, as lines of text that a test can quote:
//
//	connect
//	out OPEN as 64500 hold 90 id 192.0.2.1 (multiprotocol IPv4 unicast, as4 64500)
//	in NOTIFICATION 6/2 03627965
//	out UPDATE announce 198.51.100.0/24 with ORIGIN igp, AS_PATH 64500, NEXT_HOP 192.0.2.1
//	out close
//	state Idle -> Connect
//	down 4/0 sent: hold timer expired
#pragma once

#include "bgp/peer.h"
#include "bgp/update.h"
#include "lib/strbuf.h"

// codec: how the bytes of UPDATEs are to be read.
void transcribe(struct strbuf *log, const struct bgp_action *a, const struct bgp_codec *codec);
// One message, without its direction and without a newline.
void transcribe_message(
	struct strbuf *log, const void *bytes, size_t len, const struct bgp_codec *codec);

// Everything the engine has to say now.
void transcribe_all(struct strbuf *log, struct bgp_peer *p, const struct bgp_codec *codec);
