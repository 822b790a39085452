// Interfaces that suit XDP as those of real machines do.
#pragma once

#include "lab/topology.h"

// Readies a link of plain veth for a keeper at its end b, as doc/keeper.md asks for: both ends write
// checksums themselves, for XDP sees packets as a wire would carry them; the keeper's end leaves them
// apart (no GRO); the other end polls, by a program that passes all, for what XDP sends back
// arrives only at one that does. -errno.
[[nodiscard]] int xdp_suit_veth(const struct lab_link *l);

// The same for the delay line, whose interfaces poll anyhow.
[[nodiscard]] int xdp_suit_taps(const struct lab_link *l);
