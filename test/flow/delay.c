// A wire with delay and loss between two namespaces, where the kernel has no netem: the lab's.
//
//	delay NS_A IFNAME_A NS_B IFNAME_B ONE_WAY_MS LOSS_PERCENT
//
// NS is a path as /proc/PID/ns/net. Prints "ready" and carries frames until it is killed.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/delayline.h"

static int tap(const char *ns, const char *ifname)
{
	int fd = open(ns, O_RDONLY | O_CLOEXEC);
	int made = fd < 0 ? -1 : delayline_tap(fd, ifname);

	if (made < 0)
		fprintf(stderr, "delay: no interface %s in %s\n", ifname, ns);
	return made;
}

int main(int argc, char **argv)
{
	if (argc != 7)
		return 2;
	const struct delayline_link link = {
		.tap = { tap(argv[1], argv[2]), tap(argv[3], argv[4]) },
		.delay = span_us((int64_t)(strtod(argv[5], NULL) * 1000)),
		.loss = strtod(argv[6], NULL),
	};
	if (link.tap[0] < 0 || link.tap[1] < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	return delayline_run(&link, 1, 1) < 0;
}
