// OpenSSL, started with what TLS needs and nothing more.
#pragma once

#include <stdbool.h>

// To be called before anything else that may start OpenSSL. Calls after the
// first do nothing.
//
// Left out are libcrypto's own error texts and the tables of algorithms by
// their names of before OpenSSL 3, together 1.1 MB of resident memory. What went wrong
// in a handshake or with a certificate is still told in words: those texts are libssl's.
void openssl_start(void);

// Whether the folder holds certificates under the hashes of their names, as c_rehash(1)
// makes it. The few that a check needs are then looked up there; a file of all the
// system's certificates costs 1.2 MB and some 20 ms wherever it is read. NULL: no.
bool openssl_is_hashed_folder(const char *path);
