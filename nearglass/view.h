// What the HTTP threads read: a snapshot of the store and the state of each session, of one moment.
// The loop's thread makes one when a reader asks and the last is older than VIEW_MS; so readers
// are at most that far behind, and an idle glass makes none and holds none.
#pragma once

#include <stdatomic.h>

#include "nearglass/catchment.h"
#include "nearglass/history.h"
#include "nearglass/link.h"
#include "nearglass/neighbour.h"
#include "nearglass/rpki.h"
#include "nearglass/sites.h"

enum { VIEW_MS = 100 };

struct view {
	_Atomic unsigned holders;
	const struct rib *rib;
	const struct glass_conf *conf;
	int64_t made_us, started_us; // Unix time; started_us: of the glass
	instant made;
	struct neighbour_info *neighbours; // by number in the store
	size_t neighbour_count;
	struct link_info daemon;        // without its status, which is:
	char *daemon_status;            // NULL: none
	struct roster_snapshot *roster; // NULL: no nearcastd is followed
	struct history_info history;
	struct catchment_info catchment_info;
	struct catchment_list *catchment; // NULL: not configured
	const struct rpki *rpki;          // asked as it is now; NULL: no cache is configured
	struct rpki_info rpki_info;
	struct site_info *sites; // as configured
	size_t site_count;
};

struct views;

typedef struct view *view_make_fn(void *ctx); // in the loop's thread, with one holder

[[nodiscard]] struct views *views_new(uv_loop_t *loop, view_make_fn *make, void *ctx);
// Ends the wait of readers, who then get what there is, or NULL.
void views_close(struct views *v);
void views_free(struct views **v); // when neither loop nor readers run

// Something changed that must not wait: the next reader gets a new one. In the loop's thread.
void views_expire(struct views *v);

// Any thread. NULL: the glass is stopping.
[[nodiscard]] struct view *view_get(struct views *v);
struct view *view_hold(struct view *view); // one holder more; returns it
void view_put(struct view **view);         // NULL inside is fine

// Of the store and of the payloads that routes are judged by.
size_t view_memory(const struct view *v, struct rib_memory ret[RIB_MEMORY_ROWS]);
