// Requests to the kernel over netlink (RFC 3549), with libmnl. They block until
// the kernel has answered, which it does within the call.
#pragma once

#include <stdbool.h>

#include <libmnl/libmnl.h>

#include "lib/ip.h"

struct netlink {
	struct mnl_socket *socket; // NULL: not open
	unsigned sequence;
};

// bus: NETLINK_ROUTE, NETLINK_SOCK_DIAG. 0 or a negative errno.
[[nodiscard]] int netlink_open(struct netlink *n, int bus);
// For own(): harmless on one that is zeroed or closed.
void netlink_close(struct netlink *n);

// A request is built in a buffer of this size.
enum { NETLINK_REQUEST_BYTES = 1024 };

// Starts a request with its header; flags beside NLM_F_REQUEST, which is
// implied. Without NLM_F_DUMP the kernel is asked to acknowledge.
struct nlmsghdr *netlink_request(char *buf, uint16_t type, uint16_t flags);

// Sends it and hands each message of the reply to each(), which returns
// MNL_CB_OK. 0, or the negative errno the kernel answered with; -EINTR when what a dump
// lists changed meanwhile, so that it may lack something.
[[nodiscard]] int netlink_talk(
	struct netlink *n, struct nlmsghdr *request, mnl_cb_t each, void *ctx);

// The address as payload of an attribute.
void netlink_put_addr(struct nlmsghdr *m, uint16_t attribute, const struct ip_addr *a);
// AF_INET or AF_INET6.
uint8_t netlink_family(const struct ip_addr *a);
// The payload of an address attribute; IP_NONE when it has another length than the family's.
struct ip_addr netlink_get_addr(uint8_t af, const struct nlattr *attribute);

// Would a packet to this address be delivered to this host (in this network
// namespace)? True for each address on an interface that is up, and for local
// routes. 0 or a negative errno.
[[nodiscard]] int netlink_is_local(const struct ip_addr *a, bool *ret);
