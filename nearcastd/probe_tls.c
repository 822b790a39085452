// kind: tls. A handshake, the check of the certificate that comes with it, and of how
// long it lasts. Nothing is sent on the session; RFC 8446, RFC 5280.
//
// With OpenSSL itself, which is there for ldns anyway, so that libcurl is not needed.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/openssl.h"
#include "lib/own.h"
#include "nearcastd/probe.h"
#include "nearcastd/probe_socket.h"

struct probe_tls {
	struct probe base;
	SSL_CTX *context; // made with the first attempt
	SSL *session;
	struct fdwatch *watch;
	int fd;
	bool connected;
};

static void tls_cancel(struct probe *p)
{
	struct probe_tls *t = container_of(p, struct probe_tls, base);

	SSL_free(t->session);
	t->session = NULL;
	fdwatch_close(&t->watch);
	close_fd(&t->fd);
}

static void finish(struct probe_tls *t, const struct health_result *r)
{
	tls_cancel(&t->base);
	ERR_clear_error();
	probe_report(&t->base, r);
}

static void finish_error(struct probe_tls *t, int error)
{
	struct ip_addr server = probe_server(t->base.service, t->base.check);
	struct health_result r = probe_socket_result(error, &server, (uint16_t)t->base.check->port);

	finish(t, &r);
}

// OpenSSL's reason in words.
static struct health_result fault(enum health_reason reason, const char *otherwise)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return health_result_of(reason, "%s", text ? text : otherwise);
}

// The least number of whole days that a certificate of the chain is still valid.
static int days_left(SSL *session)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(session);
	int least = INT32_MAX;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		int days = 0, seconds = 0;

		if (!ASN1_TIME_diff(
			    &days, &seconds, NULL, X509_get0_notAfter(sk_X509_value(chain, i))))
			days = 0;
		if (days < least)
			least = days;
	}
	return least;
}

static struct health_result judge_certificate(const struct probe_tls *t)
{
	int days = days_left(t->session);
	uint64_t needed = t->base.check->min_days;

	if (days < 0 || (uint64_t)days < needed)
		return health_result_of(HEALTH_REASON_EXPIRES,
			"valid for %d more days, at least %d expected", days, (int)needed);
	return health_result_of(HEALTH_REASON_OK, "valid for %d more days", days);
}

static struct health_result judge_failure(const struct probe_tls *t, int error, int os_error)
{
	struct ip_addr server = probe_server(t->base.service, t->base.check);
	long verify = SSL_get_verify_result(t->session);

	if (verify != X509_V_OK)
		return health_result_of(
			HEALTH_REASON_BAD_CERTIFICATE, "%s", X509_verify_cert_error_string(verify));
	if (error == SSL_ERROR_SYSCALL && os_error != 0)
		return probe_socket_result(-os_error, &server, (uint16_t)t->base.check->port);
	return fault(HEALTH_REASON_BAD_REPLY, "closed during the handshake");
}

static void shake_hands(struct probe_tls *t)
{
	ERR_clear_error();
	errno = 0;
	int done = SSL_do_handshake(t->session);
	int os_error = errno;
	int error = SSL_get_error(t->session, done);

	if (error == SSL_ERROR_WANT_READ)
		return fdwatch_events(t->watch, UV_READABLE);
	if (error == SSL_ERROR_WANT_WRITE)
		return fdwatch_events(t->watch, UV_WRITABLE);
	struct health_result r =
		done == 1 ? judge_certificate(t) : judge_failure(t, error, os_error);
	finish(t, &r);
}

static void on_event(void *ctx, int)
{
	struct probe_tls *t = ctx;

	if (!t->connected) {
		int error = probe_connected(t->fd);

		if (error == -EINPROGRESS)
			return;
		if (error)
			return finish_error(t, error);
		t->connected = true;
	}
	shake_hands(t);
}

static bool set_trust(SSL_CTX *context, const char *file)
{
	if (file)
		return SSL_CTX_load_verify_locations(context, file, NULL);
	if (openssl_is_hashed_folder(X509_get_default_cert_dir()))
		return SSL_CTX_set_default_verify_dir(context);
	return SSL_CTX_set_default_verify_paths(context);
}

static bool make_context(struct probe_tls *t)
{
	if (t->context)
		return true;
	openssl_start();
	ERR_clear_error();
	t->context = SSL_CTX_new(TLS_client_method());
	if (!t->context)
		return false;
	SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
	if (set_trust(t->context, t->base.check->ca_file))
		return true;
	SSL_CTX_free(t->context);
	t->context = NULL;
	return false;
}

static bool make_session(struct probe_tls *t)
{
	char *host = t->base.check->host; // as the macro of OpenSSL casts const away

	if (!make_context(t))
		return false;
	t->session = SSL_new(t->context);
	if (!t->session || !SSL_set_tlsext_host_name(t->session, host) ||
		!SSL_set1_host(t->session, host) || !SSL_set_fd(t->session, t->fd))
		return false;
	SSL_set_hostflags(t->session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_set_connect_state(t->session);
	return true;
}

static void tls_start(struct probe *p)
{
	struct probe_tls *t = container_of(p, struct probe_tls, base);
	struct ip_addr server = probe_server(p->service, p->check);

	t->connected = false;
	t->fd = probe_connect(SOCK_STREAM, p->service, &server, (uint16_t)p->check->port);
	if (t->fd < 0)
		return finish_error(t, t->fd);
	if (!make_session(t)) {
		const char *file = p->check->ca_file;
		struct health_result r = fault(HEALTH_REASON_COULD_NOT_RUN,
			file ? "the ca-file cannot be read" : "OpenSSL does not begin");
		return finish(t, &r);
	}
	int error = fdwatch_new(&t->watch, p->loop, t->fd, UV_WRITABLE, on_event, t);
	if (error)
		finish_error(t, error);
}

static void tls_free(struct probe *p)
{
	struct probe_tls *t = container_of(p, struct probe_tls, base);

	SSL_CTX_free(t->context);
	free(t);
}

static const struct probe_ops ops = { tls_start, tls_cancel, tls_free };

struct probe *probe_tls_new(const struct conf_check *)
{
	struct probe_tls *t = mem_zalloc(sizeof(*t));

	t->base.ops = &ops;
	t->fd = -1;
	return &t->base;
}
