// Keys of TCP segments: they are the kernel's, which looks them up by the remote address before
// anybody knows whose connection it is.
#pragma once

#include "lib/ip.h"

// TCP-MD5 (RFC 2385) for one address or, with fewer bits, all of a prefix, on a socket that
// connects or listens. "" takes the key away. 0; -EINVAL for a key that is too long; another
// negative errno of setsockopt(2).
[[nodiscard]] int tcpauth_md5(int fd, const struct ip_prefix *remotes, const char *password);
