// What the lab asks of the kernel's routing netlink (rtnetlink(7)), inside a
// network namespace given by its descriptor. Each call waits for the kernel's
// acknowledgement; all return 0 or a negative errno.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"

// A pair of veth interfaces, one in each namespace. Names: at most 15 characters.
[[nodiscard]] int rtnl_add_veth(int ns_a, const char *name_a, int ns_b, const char *name_b);

// Sets an interface administratively up or down.
[[nodiscard]] int rtnl_set_up(int ns, const char *ifname, bool up);

// The interface runs the XDP program, in its driver.
[[nodiscard]] int rtnl_set_xdp(int ns, const char *ifname, int program);

// Adds an address with prefix length bits, IPv6 without duplicate address detection.
[[nodiscard]] int rtnl_add_address(
	int ns, const char *ifname, const struct ip_addr *a, unsigned bits);

// A route that drops what is sent to the address, or the end of it.
[[nodiscard]] int rtnl_blackhole(int ns, const struct ip_addr *to, bool on);

// A default route through a gateway; the lowest metric wins.
[[nodiscard]] int rtnl_add_default(int ns, const struct ip_addr *gateway, uint32_t metric);
