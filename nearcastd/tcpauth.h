// Keys of TCP segments: TCP-MD5 (RFC 2385) and TCP-AO (RFC 5925). They are the kernel's, which
// looks them up by the remote address before anybody knows whose connection it is.
#pragma once

#include "conf/conf.h"
#include "lib/strbuf.h"

// "tcp-md5", "tcp-ao"; NULL: the upstream has no keys.
const char *tcpauth_name(const struct conf_upstream *u);

// Whether this kernel has what the upstreams want. 0; negative errno, and *error names the
// first upstream that it cannot protect.
[[nodiscard]] int tcpauth_check(const struct conf *conf, struct strbuf *error);

// Before connect(2): the keys towards that one neighbour of the upstream. 0 or negative errno.
[[nodiscard]] int tcpauth_connect(
	int fd, const struct ip_addr *remote, const struct conf_upstream *u);

// Keys of a listening socket of that family: from those of `old` (NULL: none) to those of `conf`.
// A key that stays is never gone in between. 0, or the negative errno of the first that
// the kernel refused.
[[nodiscard]] int tcpauth_listen(
	int fd, enum ip_family family, const struct conf *old, const struct conf *conf);

// Of an accepted connection: it is signed, where the upstream wants TCP-AO. Keys of a listener
// that are exchanged leave a moment without one.
bool tcpauth_is_signed(int fd, const struct conf_upstream *u);
