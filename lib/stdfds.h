// For the start of a program: descriptors 0 to 2 that are closed would become the
// numbers of its first sockets, and what it prints would go out on those.
#pragma once

#include <fcntl.h>

// Opens what is closed, the wrong way round so that its use fails (EBADF). To be
// called before anything else is opened.
static inline void stdfds_fill(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}
