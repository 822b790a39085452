// A listening TCP port on a program's loop, which hands its connections over. Without a free
// descriptor it rests for a second: the connection stays in the queue, and looking again at once
// would be all that the program does.
#pragma once

#include <stdint.h>

#include <uv.h>

#include "lib/ip.h"

struct port;

// A connection came from remote; the callee takes fd.
typedef void port_accept(void *ctx, int fd, const struct ip_addr *remote);
// Options of the socket, between bind(2) and listen(2). 0 or a negative errno.
typedef int port_prepare(void *ctx, int fd, enum ip_family family);

// prepare NULL: none. An IPv6 port takes no IPv4. 0 and *ret; negative errno.
[[nodiscard]] int port_new(struct port **ret, uv_loop_t *loop, const struct ip_addr *address,
	uint16_t number, port_prepare *prepare, port_accept *accept, void *ctx);
// A socket that is bound and does not listen yet, for those with a loop of their own: a descriptor
// (non-blocking, close-on-exec) or a negative errno.
[[nodiscard]] int port_bind(const struct ip_addr *address, uint16_t number);
// What a negative errno of the two means, for people.
const char *port_problem(int error);
int port_fd(const struct port *p);
enum ip_family port_family(const struct port *p);
// Closed at once; the loop frees the rest. NULL inside is fine.
void port_free(struct port **p);
