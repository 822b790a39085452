// Which listening socket a check depends on, so that the kernel's news of its
// end can be told to the right check.
#pragma once

#include "conf/conf.h"
#include "nearcastd/sockwatch.h"

// The end that the check talks to: the server of dns and tcp, the host of an
// http URL that is a literal address. protocol 0: none can be told.
[[nodiscard]] struct sock_end guard_of(
	const struct conf_service *service, const struct conf_check *check);

// What news of a socket means to a check.
enum guard_news {
	GUARD_NOTHING,
	GUARD_RELATED, // a socket of the same service went
	GUARD_HIT,     // the very socket that the check talks to
};

// Ephemeral ports belong to clients and not to services:
// net.ipv4.ip_local_port_range of this network namespace, or Linux's default
// where it cannot be read.
[[nodiscard]] struct port_range guard_ephemeral_ports(void);

[[nodiscard]] enum guard_news guard_judge(const struct sock_end *guard,
	const struct conf_service *service, const struct sock_end *gone,
	struct port_range ephemeral);
