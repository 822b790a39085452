#include "nearcastd/openssl.h"

#include <openssl/crypto.h>

void openssl_start(void)
{
	const uint64_t left_out = OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
				  OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS;

	// Fails when memory is short; whoever uses OpenSSL next will find out.
	(void)OPENSSL_init_crypto(left_out, NULL);
}
