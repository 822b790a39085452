// What probes over sockets share.
#pragma once

#include "health/check.h"
#include "lib/ip.h"

// A non-blocking socket that is connected or connecting to the server. type:
// SOCK_STREAM or SOCK_DGRAM. Returns the descriptor, or a negative errno.
[[nodiscard]] int probe_connect(int type, const struct ip_addr *server, uint16_t port);

// How far a stream socket has come: 0 when connected, -EINPROGRESS, or why not.
[[nodiscard]] int probe_connected(int fd);

// The result that a negative errno of the socket calls is: refused, unreachable,
// or could-not-run for faults of this side. peer: "198.51.100.53 port 53".
struct health_result probe_socket_result(int error, const struct ip_addr *server, uint16_t port);
