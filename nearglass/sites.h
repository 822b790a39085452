// The glasses of other sites, followed over HTTP for the page of the fleet: the status of each every few
// seconds, and at once when its event stream has something.
//
// What they say is shown and nothing more. A site is asked at the addresses its name had when this
// glass started, before the sandbox; no redirect is followed, no proxy is used, answers and headers
// have a size, everything has a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "lib/strbuf.h"
#include "nearglass/conf.h"

struct sites;

struct sites_ops {
	// Another status; or, with turned, it is reachable now, or is no longer.
	void (*changed)(void *ctx, size_t site, bool turned);
	// What happened there: one object, without a newline, whose `site` is that site.
	void (*event)(void *ctx, const char *json);
};

struct site_info {
	const struct glass_site *conf;
	bool asked; // there was an answer or a failure
	bool reachable;
	int64_t since_us; // Unix time, of that
	int64_t heard_us; // of the status; 0: none yet
	char *status;     // the last that came, as JSON; NULL: none yet
	char *error;      // why it is not reachable; NULL: it is
};

// Reads names, certificates and libcurl, so before sandbox_enter(). 0; negative errno with *error set.
[[nodiscard]] int sites_new(struct sites **ret, uv_loop_t *loop, const struct glass_conf *conf,
	const struct sites_ops *ops, void *ctx, struct strbuf *error);
void sites_start(struct sites *s);
void sites_stop(struct sites *s);  // nothing more is told
void sites_free(struct sites **s); // when the loop runs no more; NULL inside is fine

// The n-th of the configuration; the texts are copies, freed with site_info_free().
void sites_info(const struct sites *s, size_t n, struct site_info *ret);
void site_info_free(struct site_info *info);
