// A certificate for servers that cannot do without one.
#pragma once

#include "lab/world.h"

// Writes a fresh key and a certificate signed with it, files CERTIFICATE_KEY and CERTIFICATE, into the
// node's directory. It is of the node's name and lasts a week; nobody trusts it. -EIO.
#define CERTIFICATE_KEY "key.pem"
#define CERTIFICATE     "certificate.pem"
[[nodiscard]] int certificate_make(const struct world *w, const struct lab_node *node);
