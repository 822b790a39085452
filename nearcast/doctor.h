// What `nearcast doctor` found out.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/ip.h"
#include "lib/strbuf.h"

enum verdict { VERDICT_OK, VERDICT_UNSURE, VERDICT_BAD, VERDICT_MAX };

struct findings {
	struct finding {
		enum verdict verdict;
		char *subject, *detail;
	} * list;
	size_t n;
};

__attribute__((format(printf, 4, 5))) void finding_add(
	struct findings *f, enum verdict verdict, const char *subject, const char *fmt, ...);
void findings_free(struct findings *f);

// Whether an echo request of that size (the whole IP packet), not to be fragmented, comes back
// from the address within a second. 1: it does; 0: it does not; negative errno: it cannot be sent.
[[nodiscard]] int doctor_echo(const struct ip_addr *to, unsigned bytes);
