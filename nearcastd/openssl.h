// OpenSSL, started with what TLS needs and nothing more.
#pragma once

// To be called before anything else that may start OpenSSL. Calls after the
// first do nothing.
//
// Left out are libcrypto's own error texts and the tables of algorithms by
// their names of before OpenSSL 3, together 1.1 MB of resident memory. What went wrong
// in a handshake or with a certificate is still told in words: those texts are libssl's.
void openssl_start(void);
