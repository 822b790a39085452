// Ownership in types and names: owning locals carry a cleanup attribute, and
// ownership leaves a scope only through take().
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define own(fn) __attribute__((cleanup(fn)))

// Hand the pointer on and leave NULL behind.
#define take(ptr)                               \
	({                                      \
		__typeof__(ptr) taken_ = (ptr); \
		(ptr) = NULL;                   \
		taken_;                         \
	})

// Hand the file descriptor on and leave -1 behind.
static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

// For own(): frees *p, a pointer to any pointer, and sets it to NULL.
static inline void free_ptr(void *p)
{
	void **pp = p;
	free(*pp);
	*pp = NULL;
}

// For own(): closes the descriptor unless it is -1.
static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - __builtin_offsetof(type, member)))

#define countof(array) (sizeof(array) / sizeof((array)[0]))
