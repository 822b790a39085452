// What probes over sockets share.
#pragma once

#include "conf/conf.h"
#include "health/check.h"
#include "lib/ip.h"

// Whether it is one of the service's addresses.
bool probe_is_own(const struct conf_service *service, const struct ip_addr *server);

// A non-blocking socket that is connected or connecting to the server. type:
// SOCK_STREAM or SOCK_DGRAM. Returns the descriptor, or a negative errno.
//
// Towards an address of the service itself the socket is bound to that address first: where this
// host has lost it that fails with -EADDRNOTAVAIL, whereas the network would carry the
// question to another site, which would answer it.
[[nodiscard]] int probe_connect(
	int type, const struct conf_service *service, const struct ip_addr *server, uint16_t port);

// How far a stream socket has come: 0 when connected, -EINPROGRESS, or why not.
[[nodiscard]] int probe_connected(int fd);

// The result that a negative errno of the socket calls is: refused, unreachable,
// or could-not-run for faults of this side. peer: "198.51.100.53 port 53".
struct health_result probe_socket_result(int error, const struct ip_addr *server, uint16_t port);
