// The checks as the daemon runs them: probes, the kernel's news of sockets and
// addresses, and the health that follows.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/own.h"
#include "nearcastd/checks.h"
#include "nearcastd/watched.h"
#include "test/health/world.h"

#define ADDR4 "198.51.100.53"
#define ADDR6 "2001:db8:53::53"

enum { PORT = 53, LOG = 1024 };

// A namespace for each test: the kernel tells of a socket when it gets around
// to it, which may be in the next test.
static int enter(void **)
{
	if (!world_enter())
		return -1;
	world_command("ip addr add " ADDR4 "/32 dev lo");
	world_command("ip addr add " ADDR6 "/128 dev lo nodad");
	return 0;
}

// A DNS server good enough for a check: it sends the question back as its
// answer, in a process of its own that can be killed.
struct server {
	pid_t pid;
};

static void answer_for_ever(int fd)
{
	for (;;) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		uint8_t m[512];
		ssize_t n = recvfrom(fd, m, sizeof(m), 0, (struct sockaddr *)&from, &len);

		if (n < 12)
			continue;
		m[2] |= 0x80; // QR
		sendto(fd, m, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

static struct server serve_port(const char *address, uint16_t port)
{
	int fd = world_listen(SOCK_DGRAM, address, port);
	struct server s = { .pid = fork() };

	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		answer_for_ever(fd);
	}
	close(fd);
	return s;
}

static struct server serve(const char *address)
{
	return serve_port(address, PORT);
}

// Until the kernel has torn it down; a stopped one is killed all the same.
static void reap(struct server *s)
{
	if (s->pid > 0)
		assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = -1;
}

static void kill_server(struct server *s)
{
	kill(s->pid, SIGKILL);
}

// The configuration, and the log of all callbacks as words.
struct world {
	uv_loop_t loop;
	struct conf conf;
	struct conf_service service;
	struct conf_check checks[3];
	struct ip_addr addresses[2];
	struct checks *running;
	char log[LOG];
	size_t len;
	size_t verdicts;
	size_t downs;
	size_t healths;
	size_t kernel; // on_socket and on_address
	instant down_at;
};

__attribute__((format(printf, 2, 3))) static void note(struct world *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	w->len += (size_t)vsnprintf(w->log + w->len, sizeof(w->log) - w->len, fmt, ap);
	va_end(ap);
	assert_true(w->len < sizeof(w->log));
}

static void on_check(void *ctx, size_t service, size_t check, enum check_state from,
	enum check_state to, const struct health_result *r)
{
	struct world *w = ctx;

	assert_int_equal(service, 0);
	note(w, "[check %zu %s>%s %s]", check, check_state_name(from), check_state_name(to),
		health_reason_name(r->reason));
	w->verdicts++;
	if (to == CHECK_DOWN && from != CHECK_DOWN) {
		w->downs++;
		w->down_at = clock_now();
	}
}

static void on_health(void *ctx, size_t service)
{
	struct world *w = ctx;
	struct service_health h = checks_health(w->running, service);

	note(w, "[health %s/%s]", health_name(h.health), health_evidence_name(h.evidence));
	w->healths++;
}

static void on_socket(void *ctx, size_t, const char *detail)
{
	struct world *w = ctx;

	note(w, "[socket %s]", detail);
	w->kernel++;
}

static void on_address(void *ctx, size_t, const char *detail)
{
	struct world *w = ctx;

	note(w, "[address %s]", detail);
	w->kernel++;
}

static const struct checks_ops ops = { on_check, on_health, on_socket, on_address };

static void clear_log(struct world *w)
{
	w->len = w->verdicts = w->downs = w->healths = w->kernel = 0;
	w->log[0] = '\0';
}

static char service_name[] = "dns";
static char names[][8] = { "a", "b", "c" };

static void prepare(struct world *w, size_t checks)
{
	*w = (struct world){};
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(ip_parse(&w->addresses[0], ADDR4), 0);
	assert_int_equal(ip_parse(&w->addresses[1], ADDR6), 0);
	for (size_t i = 0; i < checks; i++)
		w->checks[i] = (struct conf_check){
			.kind = HEALTH_KIND_DNS,
			.name = names[i],
			.port = PORT,
			.server = w->addresses[0],
			// Slow on purpose: what is quick then is not due to polling.
			.timing = { .interval = span_s(60),
				.fast_interval = span_s(60),
				.timeout = span_s(5),
				.rise = 1,
				.fall = 3 },
		};
	w->service = (struct conf_service){
		.name = service_name,
		.addresses = { .data = w->addresses, .count = countof(w->addresses) },
		.checks = { .data = w->checks, .count = checks },
	};
	w->conf.services = (struct items){ .data = &w->service, .count = 1 };
}

static void start(struct world *w)
{
	assert_int_equal(checks_new(&w->running, &w->loop, &w->conf, &ops, w, 1), 0);
	assert_null(checks_watch_error(w->running));
}

static void start_up(struct world *w)
{
	start(w);
	assert_true(world_run_count(&w->loop, &w->verdicts, w->service.checks.count));
	assert_int_equal(checks_health(w->running, 0).health, HEALTH_UP);
	clear_log(w);
}

static void end(struct world *w)
{
	checks_free(&w->running);
	world_close(&w->loop);
}

static void test_comes_up(void **)
{
	struct world w;

	struct server s = serve(ADDR4);
	prepare(&w, 1);
	start(&w);
	assert_int_equal(checks_health(w.running, 0).health, HEALTH_STARTING);
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(w.log, "[check 0 starting>up ok][health up/none]");
	struct check_status st = checks_status(w.running, 0, 0);
	assert_int_equal(st.state, CHECK_UP);
	assert_string_equal(st.result->detail, "NOERROR");
	assert_false(st.running);
	assert_true(instant_before(clock_now(), st.next_run));
	end(&w);
	kill_server(&s);
	reap(&s);
}

static void test_no_checks_is_up(void **)
{
	struct world w;

	prepare(&w, 0);
	assert_int_equal(checks_new(&w.running, &w.loop, &w.conf, &ops, &w, 1), 0);
	assert_int_equal(checks_health(w.running, 0).health, HEALTH_UP);
	end(&w);
}

// From the kill to the verdict, over the kernel's event alone: the interval is
// a minute. The figures are printed; the bound only says "not by polling".
static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t kill_once(const char *address)
{
	struct server s = serve(address);
	char expected[256];
	struct world w;

	prepare(&w, 1);
	assert_int_equal(ip_parse(&w.checks[0].server, address[0] == ':' ? ADDR6 : address), 0);
	start_up(&w);
	instant killed = clock_now();
	kill_server(&s);
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	snprintf(expected, sizeof(expected),
		"[socket udp %s port 53][check 0 up>down no-socket][health down/hard]",
		address[0] == ':' ? "*" : address);
	assert_string_equal(w.log, expected);
	end(&w);
	reap(&s);
	return instant_diff(w.down_at, killed).us;
}

static void test_kill_is_noticed_at_once(void **)
{
	enum { RUNS = 20, BOUND_US = 2000000 };
	static const char *const addresses[] = { ADDR4, ADDR6, "::" };

	for (size_t a = 0; a < countof(addresses); a++) {
		int64_t us[RUNS];

		for (size_t i = 0; i < RUNS; i++)
			us[i] = kill_once(addresses[a]);
		qsort(us, RUNS, sizeof(*us), compare);
		printf("# kill -9 to verdict, server on %s: median %.1f ms, worst %.1f ms\n",
			addresses[a], (double)us[RUNS / 2] / 1e3, (double)us[RUNS - 1] / 1e3);
		assert_true(us[RUNS - 1] < BOUND_US);
	}
}

// Bound to all IPv6 addresses, a socket also serves IPv4.
static void test_dual_stack_socket(void **)
{
	struct world w;

	struct server s = serve("::");
	prepare(&w, 1); // asks the IPv4 address
	start_up(&w);
	kill_server(&s);
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(
		w.log, "[socket udp * port 53][check 0 up>down no-socket][health down/hard]");
	end(&w);
	reap(&s);
}

// A second socket on the port still answers: the check runs and passes.
static void test_another_socket_serves_on(void **)
{
	struct world w;

	struct server one = serve(ADDR4);
	struct server all = serve("::");
	prepare(&w, 1);
	start_up(&w);
	instant before = checks_status(w.running, 0, 0).next_run;
	kill_server(&one);
	assert_true(world_run_count(&w.loop, &w.kernel, 1));
	while (checks_status(w.running, 0, 0).running ||
		checks_status(w.running, 0, 0).next_run.us == before.us)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_string_equal(w.log, "[socket udp " ADDR4 " port 53]");
	assert_int_equal(checks_status(w.running, 0, 0).result->reason, HEALTH_REASON_OK);
	end(&w);
	kill_server(&all);
	reap(&one);
	reap(&all);
}

// The probe in flight would wait for its timeout; the kernel's word ends it.
static void test_kill_while_a_probe_waits(void **)
{
	struct world w;

	struct server s = serve(ADDR4);
	prepare(&w, 1);
	start_up(&w);
	kill(s.pid, SIGSTOP);
	checks_trigger(w.running, 0);
	world_run_ms(&w.loop, 50);
	assert_true(checks_status(w.running, 0, 0).running);
	kill_server(&s);
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(w.log,
		"[socket udp " ADDR4 " port 53][check 0 up>down no-socket][health down/hard]");
	end(&w);
	reap(&s);
}

static void test_hang_needs_the_count(void **)
{
	struct world w;

	struct server s = serve(ADDR4);
	prepare(&w, 1);
	w.checks[0].timing = (struct health_timing){
		.interval = span_ms(100), .timeout = span_ms(50), .rise = 1, .fall = 2
	};
	start_up(&w);
	instant stopped = clock_now();
	kill(s.pid, SIGSTOP);
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(w.log, "[check 0 up>down timeout][health down/soft]");
	printf("# SIGSTOP to verdict, 100 ms x 2, timeout 50 ms: %.1f ms\n",
		span_to_s(instant_diff(w.down_at, stopped)) * 1e3);
	clear_log(&w);
	kill(s.pid, SIGCONT);
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(w.log, "[check 0 down>up ok][health up/none]");
	end(&w);
	kill_server(&s);
	reap(&s);
}

// A check that names no socket runs when a socket on the service's address goes.
static void test_related_socket_triggers(void **)
{
	struct world w;
	char path[] = "/tmp/nearcast-test-XXXXXX";

	close(mkstemp(path));
	int fd = world_listen(SOCK_STREAM, ADDR4, 8053);
	prepare(&w, 1);
	w.checks[0].kind = HEALTH_KIND_FILE;
	w.checks[0].path = path;
	w.checks[0].timing.fall = 1;
	start_up(&w);
	unlink(path);
	close(fd);
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(w.log, "[socket tcp " ADDR4 " port 8053]"
				   "[check 0 up>down file-absent][health down/soft]");
	end(&w);
}

// Connections that close, probes of others and clients' sockets are no news.
static void test_clients_are_no_news(void **)
{
	struct world w;

	struct server s = serve(ADDR4);
	prepare(&w, 1);
	start_up(&w);
	int listener = world_listen(SOCK_STREAM, ADDR6, 8053);
	for (int i = 0; i < 100; i++) {
		struct sockaddr_storage to;
		socklen_t len = ip_to_sockaddr(&w.addresses[1], 8053, &to);
		int client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

		assert_int_equal(connect(client, (struct sockaddr *)&to, len), 0);
		close(accept(listener, NULL, NULL));
		close(client);
		close(world_listen(SOCK_DGRAM, "0.0.0.0", 0)); // an ephemeral port
		close(world_listen(SOCK_DGRAM, "0.0.0.0", (uint16_t)(20000 + i))); // a resolver's
	}
	// What comes in order is the end of it: the listener itself.
	close(listener);
	assert_true(world_run_count(&w.loop, &w.kernel, 1));
	assert_string_equal(w.log, "[socket tcp " ADDR6 " port 8053]");
	end(&w);
	kill_server(&s);
	reap(&s);
}

// A service on a port that clients use too is watched all the same.
static void test_watched_port_among_those_of_clients(void **)
{
	struct world w;

	struct server s = serve_port(ADDR4, 40000);
	prepare(&w, 1);
	w.checks[0].port = 40000;
	start_up(&w);
	kill_server(&s);
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(w.log, "[socket udp " ADDR4 " port 40000]"
				   "[check 0 up>down no-socket][health down/hard]");
	end(&w);
	reap(&s);
}

// More news than the queue holds: the kernel's tables are asked instead.
static void test_lost_news(void **)
{
	enum { SOCKETS = 5000, FIRST = 10000 };
	struct world w;

	struct server s = serve(ADDR4);
	prepare(&w, 1);
	start_up(&w);
	for (uint16_t i = 0; i < SOCKETS; i++)
		close(world_listen(SOCK_DGRAM, "127.0.0.1", FIRST + i));
	kill_server(&s);
	reap(&s);
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(w.log, "[check 0 up>down no-socket][health down/hard]");
	end(&w);
}

// A dependency only degrades, however hard its failure.
static void test_dependency_degrades(void **)
{
	struct world w;

	struct server s = serve(ADDR4);
	prepare(&w, 2);
	w.checks[1].server = w.addresses[1];
	w.checks[1].timing.scope = HEALTH_SCOPE_DEPENDENCY;
	start(&w);
	assert_true(world_run_count(&w.loop, &w.verdicts, 2));
	struct service_health h = checks_health(w.running, 0);
	assert_int_equal(h.health, HEALTH_DEGRADED);
	assert_int_equal(h.evidence, EVIDENCE_SOFT);
	assert_int_equal(h.reason, HEALTH_REASON_REFUSED);
	assert_int_equal(h.check, 1);
	end(&w);
	kill_server(&s);
	reap(&s);
}

static void test_address_removed(void **)
{
	struct world w;

	prepare(&w, 1);
	w.checks[0].kind = HEALTH_KIND_ADDRESS;
	w.checks[0].server = (struct ip_addr){};
	start_up(&w);
	world_command("ip addr del " ADDR6 "/128 dev lo");
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(
		w.log, "[address " ADDR6 "][check 0 up>down not-configured][health down/hard]");
	clear_log(&w);
	world_command("ip addr add " ADDR6 "/128 dev lo nodad");
	assert_true(world_run_count(&w.loop, &w.healths, 1));
	assert_string_equal(w.log, "[check 0 down>up ok][health up/none]");
	end(&w);
}

static void test_adopt_state(void **)
{
	struct world old;
	struct world new;

	struct server s = serve(ADDR4);
	prepare(&old, 2);
	old.checks[1].server = old.addresses[1]; // refused
	start(&old);
	assert_true(world_run_count(&old.loop, &old.verdicts, 2));
	instant changed = checks_status(old.running, 0, 1).last_change;
	prepare(&new, 3);
	new.checks[1].server = new.addresses[1];
	new.checks[0].timing.rise = 2; // not the same any more
	start(&new);
	checks_adopt_state(new.running, old.running);
	assert_int_equal(checks_status(new.running, 0, 0).state, CHECK_STARTING);
	assert_int_equal(checks_status(new.running, 0, 1).state, CHECK_DOWN);
	assert_int_equal(checks_status(new.running, 0, 1).evidence, EVIDENCE_HARD);
	assert_true(checks_status(new.running, 0, 1).last_change.us == changed.us);
	assert_int_equal(checks_status(new.running, 0, 2).state, CHECK_STARTING);
	assert_int_equal(checks_health(new.running, 0).health, HEALTH_DOWN);
	assert_string_equal(new.log, "");
	end(&old);
	end(&new);
	kill_server(&s);
	reap(&s);
}

struct watched_row {
	const char *url;
	const char *addr;
	uint16_t port; // 0: no watched
};

static const struct watched_row watched_rows[] = {
	{ "http://198.51.100.53/ready", "198.51.100.53", 80 },
	{ "https://[2001:db8:53::53]:8443/", "2001:db8:53::53", 8443 },
	{ "https://192.0.2.1", "192.0.2.1", 443 },
	{ "https://example.org/", "::", 0 },
};

static void test_watched_of_url(void **)
{
	// With `server` the name does not matter.
	char name[] = "https://www.example.org/";
	struct conf_check at = { .kind = HEALTH_KIND_HTTP, .url = name };
	assert_int_equal(ip_parse(&at.server, "198.51.100.53"), 0);
	struct sock_end end = watched_of(&(struct conf_service){}, &at);
	assert_int_equal(end.port, 443);
	assert_int_equal(end.protocol, IPPROTO_TCP);
	assert_true(ip_equal(&end.addr, &at.server));

	for (size_t i = 0; i < countof(watched_rows); i++) {
		char *url = strdup(watched_rows[i].url);
		struct conf_check check = { .kind = HEALTH_KIND_HTTP, .url = url };
		struct conf_service service = {};
		struct sock_end e = watched_of(&service, &check);
		struct ip_addr a;

		assert_int_equal(ip_parse(&a, watched_rows[i].addr), 0);
		assert_int_equal(e.port, watched_rows[i].port);
		assert_int_equal(e.protocol, watched_rows[i].port ? IPPROTO_TCP : 0);
		if (watched_rows[i].port)
			assert_true(ip_equal(&e.addr, &a));
		free(url);
	}
}

int main(void)
{
	if (!world_enter())
		return world_skip();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_comes_up, enter),
		cmocka_unit_test_setup(test_no_checks_is_up, enter),
		cmocka_unit_test_setup(test_kill_is_noticed_at_once, enter),
		cmocka_unit_test_setup(test_dual_stack_socket, enter),
		cmocka_unit_test_setup(test_another_socket_serves_on, enter),
		cmocka_unit_test_setup(test_kill_while_a_probe_waits, enter),
		cmocka_unit_test_setup(test_hang_needs_the_count, enter),
		cmocka_unit_test_setup(test_related_socket_triggers, enter),
		cmocka_unit_test_setup(test_clients_are_no_news, enter),
		cmocka_unit_test_setup(test_watched_port_among_those_of_clients, enter),
		cmocka_unit_test_setup(test_lost_news, enter),
		cmocka_unit_test_setup(test_dependency_degrades, enter),
		cmocka_unit_test_setup(test_address_removed, enter),
		cmocka_unit_test_setup(test_adopt_state, enter),
		cmocka_unit_test_setup(test_watched_of_url, enter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
