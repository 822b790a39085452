// kind: tls, and https of kind: http, against servers with certificates of all sorts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/openssl.h"
#include "lib/own.h"
#include "nearcastd/probe.h"
#include "test/health/tlsserver.h"
#include "test/health/world.h"

static char host[] = "www.example.org";
static char other_host[] = "www.example.net";

static void on_done(void *ctx, const struct health_result *r)
{
	*(struct health_result *)ctx = *r;
}

struct attempt {
	bool done;
	struct health_result result;
};

static void on_attempt(void *ctx, const struct health_result *r)
{
	struct attempt *a = ctx;

	on_done(&a->result, r);
	a->done = true;
}

// Twice: an attempt leaves nothing behind that the next one trips over.
static struct health_result run(const struct conf_check *conf)
{
	static const struct conf_service service;
	struct attempt a = {};
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	struct probe *p = probe_new(&loop, &service, conf, on_attempt, &a);
	for (int i = 0; i < 2; i++) {
		a.done = false;
		probe_start(p);
		assert_true(world_run(&loop, &a.done));
	}
	probe_free(&p);
	world_close(&loop);
	return a.result;
}

static struct conf_check tls_check(const char *address, uint16_t port)
{
	struct conf_check c = {
		.kind = HEALTH_KIND_TLS,
		.port = port,
		.host = host,
		.min_days = 14,
	};

	assert_int_equal(ip_parse(&c.server, address), 0);
	return c;
}

static void expect(const struct conf_check *c, enum health_reason reason, const char *detail)
{
	struct health_result r = run(c);

	if (r.reason != reason || !strstr(r.detail, detail))
		fail_msg("%s (%s), not %s (%s)", health_reason_name(r.reason), r.detail,
			health_reason_name(reason), detail);
}

static void test_certificates(void **)
{
	static const struct {
		int from, to;
		enum health_reason reason;
		const char *detail;
	} rows[] = {
		{ -10, 90, HEALTH_REASON_OK, "valid for 90 more days" },
		{ -10, 14, HEALTH_REASON_OK, "valid for 14 more days" },
		{ -10, 13, HEALTH_REASON_EXPIRES, "valid for 13 more days, at least 14" },
		{ -10, -1, HEALTH_REASON_BAD_CERTIFICATE, "expired" },
		{ 5, 90, HEALTH_REASON_BAD_CERTIFICATE, "not yet valid" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct tlsserver s = tlsserver_start("127.0.0.1", host, rows[i].from, rows[i].to);
		struct conf_check c = tls_check("127.0.0.1", s.port);

		c.ca_file = s.ca_file;
		expect(&c, rows[i].reason, rows[i].detail);
		tlsserver_stop(&s);
	}
}

static void test_trust_and_name(void **)
{
	struct tlsserver s = tlsserver_start("::1", host, -1, 90);
	struct conf_check c = tls_check("::1", s.port);

	expect(&c, HEALTH_REASON_BAD_CERTIFICATE, "self-signed");
	c.ca_file = s.ca_file;
	expect(&c, HEALTH_REASON_OK, "");
	c.host = other_host;
	expect(&c, HEALTH_REASON_BAD_CERTIFICATE, "hostname mismatch");
	static char absent[] = "/nonexistent.pem";
	c.host = host;
	c.ca_file = absent;
	expect(&c, HEALTH_REASON_COULD_NOT_RUN, "");
	tlsserver_stop(&s);
}

static void test_no_tls_there(void **)
{
	int fd = world_listen(SOCK_STREAM, "127.0.0.1", 0);
	struct conf_check c = tls_check("127.0.0.1", world_port(fd));
	struct attempt a = {};
	static const struct conf_service service;
	uv_loop_t loop;

	// Accepted by the kernel, and then silence: no result, until it is cancelled.
	assert_int_equal(uv_loop_init(&loop), 0);
	struct probe *p = probe_new(&loop, &service, &c, on_attempt, &a);
	probe_start(p);
	int client = accept(fd, NULL, NULL);
	world_run_ms(&loop, 30);
	assert_false(a.done);
	probe_cancel(p);
	close(client);
	// Something else than TLS.
	probe_start(p);
	client = accept(fd, NULL, NULL);
	assert_int_equal(send(client, "SSH-2.0-OpenSSH\r\n", 17, 0), 17);
	assert_true(world_run(&loop, &a.done));
	assert_int_equal(a.result.reason, HEALTH_REASON_BAD_REPLY);
	assert_string_equal(a.result.detail, "wrong version number");
	close(client);
	// Nobody listens.
	close(fd);
	a.done = false;
	probe_start(p);
	assert_true(world_run(&loop, &a.done));
	assert_int_equal(a.result.reason, HEALTH_REASON_REFUSED);
	assert_int_equal(a.result.evidence, EVIDENCE_HARD);
	probe_free(&p);
	world_close(&loop);
}

// The name of the URL is in no DNS: it is asked for at the address given.
static void test_https_at_an_address(void **)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };

	for (size_t i = 0; i < countof(addresses); i++) {
		struct tlsserver s = tlsserver_start(addresses[i], host, -1, 90);
		own(free_ptr) char *url = NULL, *other_url = NULL;
		assert_true(asprintf(&url, "https://%s:%u/", host, s.port) > 0);
		assert_true(asprintf(&other_url, "https://%s:%u/", other_host, s.port) > 0);
		static char body[] = "ready";
		struct conf_check c = { .kind = HEALTH_KIND_HTTP, .url = url, .body = body };

		assert_int_equal(ip_parse(&c.server, addresses[i]), 0);
		expect(&c, HEALTH_REASON_BAD_CERTIFICATE, "self-signed");
		c.ca_file = s.ca_file;
		expect(&c, HEALTH_REASON_OK, "status 200");
		c.url = other_url;
		expect(&c, HEALTH_REASON_BAD_CERTIFICATE, "no alternative certificate subject");
		tlsserver_stop(&s);
	}
}

int main(void)
{
	if (!world_enter())
		return world_skip();
	signal(SIGPIPE, SIG_IGN); // as the daemon
	openssl_start();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_trust_and_name),
		cmocka_unit_test(test_no_tls_there),
		cmocka_unit_test(test_https_at_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
