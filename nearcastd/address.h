// Puts the addresses of the services on their interfaces and takes them away.
//
// An address is added as /32 or /128, without duplicate address detection (it
// is meant to exist many times), with preferred lifetime 0 and, for IPv4, link
// scope: the kernel then never picks it as the source of a connection of its own.
// Where the kernel has address protocols (IFA_PROTO) they carry our mark.
//
// Owned, and so removed again, is an address that this process added or that
// carries the mark; on nearcast0 also each that is in the configuration. An
// interface that does not exist is created: dummy, or bridge or veth where the
// kernel has no dummy. It goes when its last address went and it was created
// here (also by an earlier process, as its alias says) or is named nearcast0.
//
// Calls talk to the kernel and wait for its answer; needs CAP_NET_ADMIN.
#pragma once

#include "conf/conf.h"
#include "lib/strbuf.h"

struct addresses;

[[nodiscard]] struct addresses *addresses_new(void);
// Frees *a only; addresses stay. NULL inside is fine.
void addresses_free(struct addresses **a);

// Makes the addresses those of the configuration: adds what is missing,
// corrects what is there with other flags, removes owned ones that are no longer
// in it or whose service says manage-addresses: no. Goes on after a fault; returns the first
// one's negative errno, with all of them in *error, on one line.
// released: by index, the services whose addresses are given up though they are in the
// configuration (drained); NULL: none.
// ready: of each service, by index: nothing of what it needs failed. Where the kernel cannot be asked what
// is there it stays as it came.
[[nodiscard]] int addresses_apply(struct addresses *a, const struct conf *conf,
	const bool *released, bool *ready, struct strbuf *error);

// How many addresses were added so far.
size_t addresses_added(const struct addresses *a);

// Removes all owned addresses, and the links as above.
[[nodiscard]] int addresses_remove(struct addresses *a, struct strbuf *error);
