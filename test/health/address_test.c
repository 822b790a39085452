// The service addresses on this host: that they work, are never a source, and
// go as they came.
//
//	  client's namespace            the test's namespace
//	  192.0.2.1  v1 --------------- v0  fe80::1
//	  2001:db8:1::1                 n0  192.0.2.11, 2001:db8:1::11 (the node's)
//	                                nearcast0  198.51.100.53, 2001:db8:53::53
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/own.h"
#include "lib/strbuf.h"
#include "nearcastd/address.h"
#include "nearcastd/link.h"
#include "test/health/world.h"

#define ADDR4  "198.51.100.53"
#define ADDR6  "2001:db8:53::53"
#define OTHER4 "198.51.100.54"

struct world {
	struct conf conf;
	struct conf_service services[2];
	struct ip_addr first[2];
	struct ip_addr second[1];
	struct addresses *addresses;
	char interface[16];
};

static void prepare(struct world *w, const char *interface)
{
	*w = (struct world){};
	snprintf(w->interface, sizeof(w->interface), "%s", interface);
	assert_int_equal(ip_parse(&w->first[0], ADDR4), 0);
	assert_int_equal(ip_parse(&w->first[1], ADDR6), 0);
	assert_int_equal(ip_parse(&w->second[0], OTHER4), 0);
	for (size_t i = 0; i < countof(w->services); i++) {
		w->services[i].interface = w->interface;
		w->services[i].manage_addresses = true;
	}
	w->services[0].addresses = (struct items){ w->first, countof(w->first) };
	w->services[1].addresses = (struct items){ w->second, countof(w->second) };
	w->conf.services = (struct items){ w->services, countof(w->services) };
	w->addresses = addresses_new();
}

static void apply(struct world *w)
{
	own(sb_free) struct strbuf error = {};
	bool ready[countof(w->services)];

	if (addresses_apply(w->addresses, &w->conf, NULL, ready, &error) != 0)
		fail_msg("%s", sb_text(&error));
}

static void remove_all(struct world *w)
{
	own(sb_free) struct strbuf error = {};

	if (addresses_remove(w->addresses, &error) != 0)
		fail_msg("%s", sb_text(&error));
}

// As after a crash: a new process that knows nothing.
static void forget(struct world *w)
{
	addresses_free(&w->addresses);
	w->addresses = addresses_new();
}

static bool shows(const char *command, const char *text)
{
	char output[8192];

	world_output(command, output, sizeof(output));
	return strstr(output, text) != NULL;
}

static bool has(const char *interface, const char *address)
{
	char command[128];

	snprintf(command, sizeof(command), "ip -o addr show dev %s 2>/dev/null", interface);
	return shows(command, address);
}

static void assert_works(const char *address)
{
	struct sockaddr_storage sa;
	struct ip_addr a;

	assert_int_equal(ip_parse(&a, address), 0);
	socklen_t len = ip_to_sockaddr(&a, 53, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	close(fd);
}

static void test_adds_and_removes(void **)
{
	struct world w;

	prepare(&w, LINK_NAME);
	apply(&w);
	assert_works(ADDR4);
	assert_works(ADDR6);
	assert_works(OTHER4);
	assert_true(has(LINK_NAME, ADDR4 "/32"));
	assert_true(has(LINK_NAME, ADDR6 "/128"));
	assert_true(shows("ip -o -4 addr show dev " LINK_NAME, "scope link deprecated"));
	assert_true(shows("ip -o -6 addr show dev " LINK_NAME, "deprecated"));
	assert_true(shows("ip -o -6 addr show dev " LINK_NAME, "nodad"));
	assert_false(shows("ip -o -6 addr show dev " LINK_NAME, "tentative"));
	assert_false(has(LINK_NAME, "fe80:"));
	remove_all(&w);
	assert_int_equal(link_index(LINK_NAME), 0);
	addresses_free(&w.addresses);
}

// A socket on which the kernel tells of changed addresses, in the call that changes them.
static int listen_for_changes(void)
{
	struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

	assert_int_equal(bind(fd, (struct sockaddr *)&groups, sizeof(groups)), 0);
	return fd;
}

static bool is_settled_ip6(struct nlmsghdr *m)
{
	const struct ifaddrmsg *a = NLMSG_DATA(m);

	return m->nlmsg_type == RTM_NEWADDR && a->ifa_family == AF_INET6 &&
	       !(a->ifa_flags & IFA_F_TENTATIVE);
}

// The kernel tells of an IPv6 address twice: at once as tentative, and from a worker when it
// is not any more.
static void await_settled(int changes)
{
	struct pollfd p = { .fd = changes, .events = POLLIN };
	alignas(struct nlmsghdr) char buf[8192];
	bool settled = false;

	while (!settled) {
		assert_int_equal(poll(&p, 1, 10000), 1);
		ssize_t left = recv(changes, buf, sizeof(buf), 0);
		assert_true(left > 0);
		for (struct nlmsghdr *m = (void *)buf; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
			settled |= is_settled_ip6(m);
	}
}

// Nothing is touched that is as it should be: the kernel has no news.
static void test_apply_again_changes_nothing(void **)
{
	struct world w;
	char scrap[8192];

	prepare(&w, LINK_NAME);
	own(close_fd) int changes = listen_for_changes();
	apply(&w);
	await_settled(changes);
	while (recv(changes, scrap, sizeof(scrap), 0) > 0) // of the other family
		;
	apply(&w);
	forget(&w);
	apply(&w);
	assert_int_equal(recv(changes, scrap, sizeof(scrap), 0), -1);
	remove_all(&w);
	assert_true(recv(changes, scrap, sizeof(scrap), 0) > 0);
	assert_int_equal(link_index(LINK_NAME), 0);
	addresses_free(&w.addresses);
}

static void test_adopts_after_a_crash(void **)
{
	struct world w;

	prepare(&w, LINK_NAME);
	apply(&w);
	forget(&w);
	// The new configuration lacks one service, and one address has lost its flags.
	w.conf.services.count = 1;
	world_command("ip addr del " ADDR4 "/32 dev " LINK_NAME);
	world_command("ip addr add " ADDR4 "/32 dev " LINK_NAME);
	apply(&w);
	assert_true(shows("ip -o -4 addr show dev " LINK_NAME, "scope link deprecated"));
	assert_false(has(LINK_NAME, OTHER4));
	assert_true(has(LINK_NAME, ADDR6));
	forget(&w);
	remove_all(&w);
	assert_int_equal(link_index(LINK_NAME), 0);
	addresses_free(&w.addresses);
}

static void test_follows_the_configuration(void **)
{
	struct world w;

	prepare(&w, LINK_NAME);
	apply(&w);
	w.services[1].manage_addresses = false;
	apply(&w);
	assert_false(has(LINK_NAME, OTHER4));
	assert_true(has(LINK_NAME, ADDR4));
	w.services[0].addresses.count = 1;
	apply(&w);
	assert_false(has(LINK_NAME, ADDR6));
	w.services[0].manage_addresses = false;
	apply(&w);
	assert_int_equal(link_index(LINK_NAME), 0);
	addresses_free(&w.addresses);
}

static void test_unmanaged_touches_nothing(void **)
{
	struct world w;

	prepare(&w, LINK_NAME);
	w.services[0].manage_addresses = w.services[1].manage_addresses = false;
	apply(&w);
	assert_int_equal(link_index(LINK_NAME), 0);
	addresses_free(&w.addresses);
}

// On an interface that others use, only what is ours goes, also after a crash.
static void test_interface_of_others(void **)
{
	struct world w;

	world_command("ip addr add " ADDR4 "/32 dev lo");
	prepare(&w, "lo");
	apply(&w);
	assert_true(has("lo", ADDR6));
	assert_true(shows("ip -o -4 addr show dev lo", ADDR4 "/32 scope global lo"));
	forget(&w);
	apply(&w); // the configuration names the interface
	remove_all(&w);
	assert_false(has("lo", ADDR6));
	assert_false(has("lo", OTHER4));
	assert_true(has("lo", ADDR4));
	assert_true(has("lo", "127.0.0.1"));
	world_command("ip addr del " ADDR4 "/32 dev lo");
	addresses_free(&w.addresses);
}

static void test_created_interface_of_another_name(void **)
{
	struct world w;

	prepare(&w, "anycast1");
	apply(&w);
	assert_true(has("anycast1", ADDR4));
	assert_works(ADDR6);
	remove_all(&w);
	assert_int_equal(link_index("anycast1"), 0);
	// One that the operator made stays.
	world_command("ip link add anycast1 type bridge");
	apply(&w);
	assert_true(has("anycast1", ADDR4));
	remove_all(&w);
	assert_true(link_index("anycast1") > 0);
	world_command("ip link del anycast1");
	addresses_free(&w.addresses);
}

// Each kind of link that may be there already carries the addresses.
static void test_kinds_of_link(void **)
{
	static const char *const commands[] = {
		"ip link add " LINK_NAME " type bridge",
		"ip link add " LINK_NAME " type veth peer name " LINK_NAME "p",
	};

	for (size_t i = 0; i < countof(commands); i++) {
		struct world w;

		world_command(commands[i]);
		prepare(&w, LINK_NAME);
		apply(&w);
		assert_works(ADDR4);
		assert_works(ADDR6);
		remove_all(&w);
		assert_int_equal(link_index(LINK_NAME), 0);
		addresses_free(&w.addresses);
	}
}

static pid_t fork_client(void)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0)
			(void)!write(ready[1], "", 1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

__attribute__((format(printf, 1, 2))) static void command(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	world_command(text);
}

static void assert_source(const char *destination, const char *source)
{
	struct sockaddr_storage sa;
	struct ip_addr a;
	char text[IP_TEXT];

	assert_int_equal(ip_parse(&a, destination), 0);
	socklen_t len = ip_to_sockaddr(&a, 53, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	len = sizeof(sa);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	struct ip_addr got = ip_from_sockaddr((struct sockaddr *)&sa);
	assert_string_equal(ip_print(&got, text), source);
	close(fd);
}

// A socket of the client's namespace.
static int client_socket(pid_t client, int family)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", client);
	int theirs = open(path, O_RDONLY | O_CLOEXEC);
	int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(theirs, CLONE_NEWNET), 0);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setns(ours, CLONE_NEWNET), 0);
	close(theirs);
	close(ours);
	return fd;
}

// A question and its reply, there and back over the wire. The link takes a moment
// to have a carrier, so it is asked again.
static void assert_answers(pid_t client, const char *address)
{
	struct sockaddr_storage sa;
	struct ip_addr a;
	char got = 0;

	assert_int_equal(ip_parse(&a, address), 0);
	socklen_t len = ip_to_sockaddr(&a, 53, &sa);
	int server = world_listen(SOCK_DGRAM, address, 53);
	int fd = client_socket(client, sa.ss_family);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
	for (int i = 0; i < 50 && got != 'a'; i++) {
		struct pollfd question = { .fd = server, .events = POLLIN };
		struct pollfd answer = { .fd = fd, .events = POLLIN };

		(void)!send(fd, "q", 1, MSG_NOSIGNAL);
		if (poll(&question, 1, 100) != 1)
			continue;
		len = sizeof(sa);
		assert_int_equal(recvfrom(server, &got, 1, 0, (struct sockaddr *)&sa, &len), 1);
		assert_int_equal(sendto(server, "a", 1, 0, (struct sockaddr *)&sa, len), 1);
		if (poll(&answer, 1, 1000) == 1)
			(void)!recv(fd, &got, 1, MSG_DONTWAIT);
	}
	assert_int_equal(got, 'a');
	close(fd);
	close(server);
}

// The node's address stands on a link that is younger than nearcast0, and the
// link towards the destination has no global one: left to the order of links alone, the
// kernel would take the service address.
static void test_reached_from_outside_and_never_a_source(void **)
{
	struct world w;

	pid_t client = fork_client();
	prepare(&w, LINK_NAME);
	apply(&w);
	command("ip link add v0 type veth peer name v1 netns %d", client);
	command("ip link add n0 type bridge");
	command("ip link set v0 up && ip link set n0 up && ip addr add fe80::1/64 dev v0 nodad");
	command("ip addr add 192.0.2.11/32 dev n0 && ip addr add 2001:db8:1::11/128 dev n0 nodad");
	command("ip route add 192.0.2.1 dev v0 && ip route add default via 192.0.2.1 dev v0 "
		"onlink");
	command("ip -6 route add 2001:db8:1::1 dev v0 && "
		"ip -6 route add default via 2001:db8:1::1 dev v0 onlink");
	command("nsenter -t %d -n sh -c 'ip link set v1 up; ip addr add 192.0.2.1/32 dev v1; "
		"ip addr add 2001:db8:1::1/128 dev v1 nodad; ip route add default dev v1; "
		"ip -6 route add default via fe80::1 dev v1'",
		client);
	assert_source("203.0.113.1", "192.0.2.11");
	assert_source("192.0.2.1", "192.0.2.11");
	assert_source("2001:db8:ffff::1", "2001:db8:1::11");
	assert_source("2001:db8:1::1", "2001:db8:1::11");
	assert_answers(client, ADDR4);
	assert_answers(client, ADDR6);
	remove_all(&w);
	command("ip link del v0 && ip link del n0");
	kill(client, SIGKILL);
	assert_int_equal(waitpid(client, NULL, 0), client);
	addresses_free(&w.addresses);
}

// Others change addresses all the time: what a dump then lacks is read again.
static void test_among_others_who_change_addresses(void **)
{
	enum { ADDRESSES = 800 };
	struct ip_addr *many = calloc(ADDRESSES, sizeof(*many));
	struct world w;

	prepare(&w, LINK_NAME);
	for (uint32_t i = 0; i < ADDRESSES; i++)
		many[i] = ip_from_u32(0x0a000001 + i);
	w.services[0].addresses = (struct items){ many, ADDRESSES };
	apply(&w);
	pid_t others = fork();
	if (others == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("sh", "sh", "-c",
			"while :; do echo addr add 192.0.2.77/32 dev lo; "
			"echo addr del 192.0.2.77/32 dev lo; done | ip -batch -",
			NULL);
		_exit(127);
	}
	own(close_fd) int changes = listen_for_changes();
	struct pollfd begun = { .fd = changes, .events = POLLIN };
	assert_int_equal(poll(&begun, 1, 10000), 1);
	for (int i = 0; i < 5; i++)
		apply(&w);
	kill(-others, SIGKILL); // the pipe's both ends
	assert_int_equal(waitpid(others, NULL, 0), others);
	remove_all(&w);
	addresses_free(&w.addresses);
	free(many);
}

// Of one service; the other has what it needs.
static void test_faults_name_the_link(void **)
{
	own(sb_free) struct strbuf error = {};
	struct world w;
	char other[] = "with/slash";
	bool ready[] = { true, false };

	prepare(&w, LINK_NAME);
	w.services[0].interface = other;
	assert_true(addresses_apply(w.addresses, &w.conf, NULL, ready, &error) < 0);
	assert_string_equal(sb_text(&error), "with/slash: create link: Invalid argument");
	assert_false(ready[0]);
	assert_true(ready[1] && has(LINK_NAME, OTHER4));
	remove_all(&w);
	addresses_free(&w.addresses);
}

static void test_host_without_ipv6(void **)
{
	own(sb_free) struct strbuf error = {};
	struct world w;
	bool ready[] = { true, false };

	prepare(&w, LINK_NAME);
	world_command("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	assert_true(addresses_apply(w.addresses, &w.conf, NULL, ready, &error) < 0);
	world_command("sysctl -qw net.ipv6.conf.default.disable_ipv6=0");
	assert_non_null(strstr(sb_text(&error), ADDR6 ": Permission denied (IPv6 is switched off"));
	assert_true(!ready[0] && ready[1]);
	remove_all(&w);
	addresses_free(&w.addresses);
}

int main(void)
{
	if (!world_enter())
		return world_skip();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adds_and_removes),
		cmocka_unit_test(test_apply_again_changes_nothing),
		cmocka_unit_test(test_adopts_after_a_crash),
		cmocka_unit_test(test_follows_the_configuration),
		cmocka_unit_test(test_unmanaged_touches_nothing),
		cmocka_unit_test(test_interface_of_others),
		cmocka_unit_test(test_created_interface_of_another_name),
		cmocka_unit_test(test_kinds_of_link),
		cmocka_unit_test(test_reached_from_outside_and_never_a_source),
		cmocka_unit_test(test_among_others_who_change_addresses),
		cmocka_unit_test(test_faults_name_the_link),
		cmocka_unit_test(test_host_without_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
