#include "lab/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int open_current(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int netns_new(void)
{
	own(netns_return) struct netns_visit v = { -1 };

	v.home = open_current();
	if (v.home < 0)
		return v.home;
	if (unshare(CLONE_NEWNET) < 0) {
		int rc = -errno;
		close_fd(&v.home);
		return rc;
	}
	return open_current();
}

int netns_visit(int ns, struct netns_visit *ret)
{
	own(close_fd) int home = open_current();

	if (home < 0)
		return home;
	if (setns(ns, CLONE_NEWNET) < 0)
		return -errno;
	ret->home = take_fd(&home);
	return 0;
}

void netns_return(struct netns_visit *v)
{
	if (v->home < 0)
		return;
	if (setns(v->home, CLONE_NEWNET) < 0) {
		perror("cannot return to the home network namespace");
		abort();
	}
	close_fd(&v->home);
}

int netns_socket(int ns, int domain, int type, int protocol)
{
	own(netns_return) struct netns_visit v = { -1 };
	int rc = netns_visit(ns, &v);

	if (rc < 0)
		return rc;
	int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	return fd < 0 ? -errno : fd;
}

static int write_sysctl(const char *path, const char *value)
{
	own(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -errno;
	return 0;
}

struct sysctl {
	const char *path, *value;
	bool router_only;
};

static const struct sysctl sysctls[] = {
	{ "/proc/sys/net/ipv4/conf/all/rp_filter", "0", false },
	{ "/proc/sys/net/ipv4/conf/default/rp_filter", "0", false },
	{ "/proc/sys/net/ipv6/conf/all/accept_dad", "0", false },
	{ "/proc/sys/net/ipv6/conf/default/accept_dad", "0", false },
	{ "/proc/sys/net/ipv6/conf/all/keep_addr_on_down", "1", false },
	{ "/proc/sys/net/ipv6/conf/default/keep_addr_on_down", "1", false },
	{ "/proc/sys/net/ipv6/conf/default/accept_ra", "0", false },
	{ "/proc/sys/net/ipv4/conf/all/forwarding", "1", true },
	{ "/proc/sys/net/ipv4/conf/default/forwarding", "1", true },
	{ "/proc/sys/net/ipv6/conf/all/forwarding", "1", true },
	// Where a route has several next hops, ports tell flows apart.
	{ "/proc/sys/net/ipv4/fib_multipath_hash_policy", "1", true },
	{ "/proc/sys/net/ipv6/fib_multipath_hash_policy", "1", true },
	{ "/proc/sys/net/ipv6/conf/default/forwarding", "1", true },
};

int netns_set_up(int ns, bool router)
{
	own(netns_return) struct netns_visit v = { -1 };
	int rc = netns_visit(ns, &v);

	for (size_t i = 0; rc == 0 && i < countof(sysctls); i++)
		if (router || !sysctls[i].router_only)
			rc = write_sysctl(sysctls[i].path, sysctls[i].value);
	return rc;
}

int netns_no_timestamps(int ns)
{
	own(netns_return) struct netns_visit v = { -1 };
	int rc = netns_visit(ns, &v);

	return rc < 0 ? rc : write_sysctl("/proc/sys/net/ipv4/tcp_timestamps", "0");
}
