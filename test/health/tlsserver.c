#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/own.h"
#include "test/health/tlsserver.h"
#include "test/health/world.h"

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static X509 *make_certificate(EVP_PKEY *key, const char *name, int from_days, int to_days)
{
	X509 *x = X509_new();
	char names[300];

	snprintf(names, sizeof(names), "DNS:%s", name);
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	// An hour more than whole days, so that the count of days is what was asked for.
	X509_time_adj_ex(X509_getm_notBefore(x), from_days, -3600, NULL);
	X509_time_adj_ex(X509_getm_notAfter(x), to_days, 3600, NULL);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	add_extension(x, NID_subject_alt_name, names);
	add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static void serve_one(SSL_CTX *context, int fd)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n";
	SSL *ssl = SSL_new(context);
	char request[1000];

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0)
		(void)SSL_write(ssl, reply, sizeof(reply) - 1);
	_exit(0);
}

static void serve(SSL_CTX *context, int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (fork() == 0)
			serve_one(context, client);
		close(client);
	}
}

static void write_certificate(struct tlsserver *s, X509 *x)
{
	snprintf(s->ca_file, sizeof(s->ca_file), "/tmp/nearcast-test-XXXXXX");
	int fd = mkstemp(s->ca_file);
	assert_true(fd >= 0);
	FILE *f = fdopen(fd, "w");
	assert_int_equal(PEM_write_X509(f, x), 1);
	fclose(f);
}

struct tlsserver tlsserver_start(const char *address, const char *name, int from_days, int to_days)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = make_certificate(key, name, from_days, to_days);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	int fd = world_listen(SOCK_STREAM, address, 0);
	struct tlsserver s = { .port = world_port(fd) };

	assert_int_equal(SSL_CTX_use_certificate(context, x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	write_certificate(&s, x);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0)
		serve(context, fd);
	close(fd);
	SSL_CTX_free(context);
	X509_free(x);
	EVP_PKEY_free(key);
	return s;
}

void tlsserver_stop(struct tlsserver *s)
{
	kill(s->pid, SIGKILL);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	unlink(s->ca_file);
}
