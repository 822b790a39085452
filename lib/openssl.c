#include "lib/openssl.h"

#include <dirent.h>
#include <string.h>

#include <openssl/crypto.h>

void openssl_start(void)
{
	const uint64_t left_out = OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
				  OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS;

	// Fails when memory is short; whoever uses OpenSSL next will find out.
	(void)OPENSSL_init_crypto(left_out, NULL);
}

bool openssl_is_hashed_folder(const char *path)
{
	DIR *d = path ? opendir(path) : NULL;
	bool found = false;

	if (!d)
		return false;
	for (const struct dirent *e = readdir(d); e && !found; e = readdir(d)) {
		const char *dot = strchr(e->d_name, '.');
		found = dot && dot - e->d_name == 8 && strcmp(dot, ".0") == 0;
	}
	closedir(d);
	return found;
}
