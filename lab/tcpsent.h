// What the kernel says that a TCP socket has sent, also after an RST ended it.
#pragma once

#include <stdint.h>

#include "lib/timing.h"

struct tcp_sent {
	uint64_t data_segments; // retransmissions count
	span since_last;        // such a segment; to a jiffy (4 ms where HZ is 250)
};

// -errno.
[[nodiscard]] int tcp_sent_ask(int fd, struct tcp_sent *ret);
