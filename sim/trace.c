#include "sim/trace.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/hash.h"

void sim_trace_mix(struct sim_trace *t, uint64_t value)
{
	uint64_t x = (t->digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);

	t->digest = x ^ x >> 29;
}

void sim_trace(struct sim_trace *t, instant now, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	sim_trace_mix(t, hash_bytes(text, (size_t)n));
	if (t->tell)
		printf("%10.4f  %s\n", (double)now.us / 1e6, text);
}
