#include "lab/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/own.h"

enum { DAY_S = 86400, BEFORE_S = 3600, SERIAL = 1, VERSION_3 = 2 };

static void free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void free_certificate(X509 **certificate)
{
	X509_free(*certificate);
}

static bool sign(X509 *x, EVP_PKEY *key, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x);

	return X509_set_version(x, VERSION_3) &&
	       ASN1_INTEGER_set(X509_get_serialNumber(x), SERIAL) &&
	       X509_gmtime_adj(X509_getm_notBefore(x), -BEFORE_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(x), 7L * DAY_S) && X509_set_pubkey(x, key) &&
	       X509_NAME_add_entry_by_txt(
		       subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) &&
	       X509_set_issuer_name(x, subject) && X509_sign(x, key, EVP_sha256());
}

int certificate_make(const struct world *w, const struct lab_node *node)
{
	own(sb_free) struct strbuf key_path = {}, path = {};
	own(free_key) EVP_PKEY *key = EVP_EC_gen("P-256");
	own(free_certificate) X509 *x = X509_new();

	if (!key || !x || !sign(x, key, node->name))
		return -EIO;
	own(close_file) FILE *k = fopen(world_path(w, node, CERTIFICATE_KEY, &key_path), "we");
	own(close_file) FILE *c = fopen(world_path(w, node, CERTIFICATE, &path), "we");
	if (!k || !c || fchmod(fileno(k), 0600) < 0)
		return -errno;
	if (!PEM_write_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) || !PEM_write_X509(c, x))
		return -EIO;
	return fflush(k) != 0 || fflush(c) != 0 ? -EIO : 0;
}
