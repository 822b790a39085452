// The decision process, RFC 4271 section 9.1.2, as a table of steps: each step puts routes out of
// the running, and a route keeps the name of the step that did.
#pragma once

#include <stddef.h>

#include "rib/rib.h"

// In this order.
enum rib_step {
	RIB_STEP_NONE,  // still in the running: the best one, or nothing was asked
	RIB_STEP_LOOP,  // the own AS is in the path (RFC 4271 section 9.1.2): not eligible
	RIB_STEP_STALE, // LLGR_STALE, RFC 9494 section 4.3; not announced since a loss, RFC 4724
	RIB_STEP_LOCAL_PREF, // RFC 4271 section 9.1.1
	RIB_STEP_PATH,       // shorter AS path, section 9.1.2.2 a
	RIB_STEP_ORIGIN,     // section 9.1.2.2 b
	RIB_STEP_MED,        // section 9.1.2.2 c, among routes of the same neighbouring AS
	RIB_STEP_EXTERNAL,   // section 9.1.2.2 d
	RIB_STEP_ID,         // section 9.1.2.2 f, ORIGINATOR_ID in its place (RFC 4456 section 9)
	RIB_STEP_CLUSTERS,   // shorter CLUSTER_LIST, RFC 4456 section 9
	RIB_STEP_ADDRESS,    // section 9.1.2.2 g
	RIB_STEP_PATH_ID,    // between two of one neighbour: the lower path identifier
	RIB_STEP_MAX,
};

const char *rib_step_name(enum rib_step s); // "local-pref"
const char *rib_step_rfc(enum rib_step s);  // "RFC 4271 section 9.1.1"

// Which of n routes of one prefix is best; -1: none is eligible. lost[i]: the step that route i
// lost at. *by: the step that put the last rival out; RIB_STEP_NONE when there was none. local_as 0:
// loops are not looked for.
int rib_best(const struct rib *r, const struct rib_route *routes, size_t n, uint32_t local_as,
	enum rib_step *lost, enum rib_step *by);
