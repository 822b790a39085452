// Real data that is no part of the project: below NEARCAST_DATA, or shared/data beside the checkout.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/unit.h"

// A file of data/bgp/mrt to read, or -1: that it is not there is printed. cmocka's skip() says "not ok",
// which fails the run.
static inline int data_open_mrt(const char *name)
{
	const char *data = getenv("NEARCAST_DATA");
	char path[512];

	snprintf(path, sizeof(path), "%s/bgp/mrt/%s", data ? data : DATA_BESIDE, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		print_message("# SKIP no %s (NEARCAST_DATA)\n", path);
	return fd;
}
