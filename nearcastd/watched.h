// Which listening socket a check depends on, so that the kernel's news of its
// end can be told to the right check.
#pragma once

#include "conf/conf.h"
#include "nearcastd/sockwatch.h"

// The end that the check talks to: the server of dns and tcp, the host of an
// http URL that is a literal address. protocol 0: none can be told.
[[nodiscard]] struct sock_end watched_of(
	const struct conf_service *service, const struct conf_check *check);

// What news of a socket means to a check.
enum watched_news {
	WATCHED_NOTHING,
	WATCHED_RELATED, // a socket of the same service went
	WATCHED_HIT,     // the very socket that the check talks to
};

// Ephemeral ports belong to clients and not to services:
// net.ipv4.ip_local_port_range of this network namespace, or Linux's default
// where it cannot be read.
[[nodiscard]] struct port_range watched_ephemeral_ports(void);

[[nodiscard]] enum watched_news watched_judge(const struct sock_end *watched,
	const struct conf_service *service, const struct sock_end *gone,
	struct port_range ephemeral);
