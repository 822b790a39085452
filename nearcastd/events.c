#include "nearcastd/events.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/strbuf.h"
#include "lib/text.h"

enum { KEPT = 2048, LOG_LIMIT_BYTES = 256 * 1024 };

// The journal takes a leading <level>: 3 error, 4 warning, 5 notice, 6 info.
static const struct {
	const char *name;
	int level;
} types[] = {
	[EVENT_STARTED] = { "started", 5 },
	[EVENT_STOPPING] = { "stopping", 5 },
	[EVENT_STOPPED] = { "stopped", 5 },
	[EVENT_RELOADED] = { "reloaded", 5 },
	[EVENT_RELOAD_REFUSED] = { "reload_refused", 3 },
	[EVENT_ADMIN_CHANGED] = { "admin_changed", 5 },
	[EVENT_DRAIN] = { "drain", 5 },
	[EVENT_ADDRESS_ADDED] = { "address_added", 6 },
	[EVENT_ADDRESS_REMOVED] = { "address_removed", 6 },
	[EVENT_ADDRESS_FAILED] = { "address_failed", 3 },
	[EVENT_SOCKET_CLOSED] = { "socket_closed", 4 },
	[EVENT_CHECK_PASSED] = { "check_passed", 6 },
	[EVENT_CHECK_FAILED] = { "check_failed", 4 },
	[EVENT_HEALTH_CHANGED] = { "health_changed", 5 },
	[EVENT_HOLD_DOWN] = { "hold_down", 4 },
	[EVENT_DECIDED] = { "decided", 5 },
	[EVENT_ANNOUNCED] = { "announced", 5 },
	[EVENT_WITHDRAWN] = { "withdrawn", 4 },
	[EVENT_UNSENDABLE] = { "unsendable", 3 },
	[EVENT_STILL_VISIBLE] = { "still_visible", 4 },
	[EVENT_UPSTREAM_UP] = { "upstream_up", 5 },
	[EVENT_UPSTREAM_DOWN] = { "upstream_down", 4 },
	[EVENT_UPSTREAM_REFUSED] = { "upstream_refused", 4 },
	[EVENT_UPSTREAM_FORGOTTEN] = { "upstream_forgotten", 6 },
	[EVENT_FLEET_UP] = { "fleet_up", 5 },
	[EVENT_FLEET_DOWN] = { "fleet_down", 4 },
	[EVENT_FLEET_REFUSED] = { "fleet_refused", 4 },
	[EVENT_FLEET_CONFLICT] = { "fleet_conflict", 3 },
	[EVENT_FLEET_AGREED] = { "fleet_agreed", 5 },
	[EVENT_SITE_SEEN] = { "site_seen", 5 },
	[EVENT_SITE_LOST] = { "site_lost", 4 },
	[EVENT_GUARD_HOLD] = { "guard_hold", 4 },
	[EVENT_GUARD_RELEASE] = { "guard_release", 5 },
	[EVENT_LOAD_UNKNOWN] = { "load_unknown", 4 },
	[EVENT_LOAD_KNOWN] = { "load_known", 6 },
	[EVENT_BFD_UP] = { "bfd_up", 5 },
	[EVENT_BFD_DOWN] = { "bfd_down", 4 },
	[EVENT_BFD_PROBLEM] = { "bfd_problem", 4 },
	[EVENT_KEEPER_ATTACHED] = { "keeper_attached", 5 },
	[EVENT_KEEPER_FAILED] = { "keeper_failed", 3 },
	[EVENT_KEEPER_REFUSED] = { "keeper_refused", 4 },
	[EVENT_KEEPER_DEAD] = { "keeper_dead", 4 },
	[EVENT_KEEPER_ALIVE] = { "keeper_alive", 5 },
	[EVENT_KEEPER_APART] = { "keeper_apart", 4 },
};
static_assert(countof(types) == EVENT_TYPE_MAX);

struct events {
	char *site;
	uint64_t last;           // seq
	struct event ring[KEPT]; // of seq s: s % KEPT
	events_listener *listener;
	void *listener_ctx;
	struct strbuf log;
	uint64_t log_dropped;
	int fd;       // standard error, or the same without waiting
	bool journal; // standard error is the journal: prefix levels, leave the time to it
};

const char *event_type_name(enum event_type t)
{
	return types[t].name;
}

// systemd.exec(5): the variable names the journal's socket by device and inode,
// as standard error may have become something else since.
static bool is_journal(const struct stat *st)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       device == st->st_dev && inode == st->st_ino;
}

// A pipe that is not read and a terminal that is halted must not halt the daemon.
// O_NONBLOCK on the descriptor as it came would be there for the shell too.
static int open_log(const struct stat *st)
{
	int fd = -1;

	if (S_ISFIFO(st->st_mode) || S_ISCHR(st->st_mode))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? STDERR_FILENO : fd;
}

struct events *events_new(void)
{
	struct events *e = mem_zalloc(sizeof(*e));
	struct stat st = {};

	e->site = mem_strdup("");
	(void)fstat(STDERR_FILENO, &st);
	e->journal = is_journal(&st);
	e->fd = open_log(&st);
	return e;
}

static void event_clear(struct event *ev)
{
	free(ev->subject);
	free(ev->reason);
	free(ev->upstream);
	free(ev->detail);
	*ev = (struct event){};
}

void events_set_site(struct events *e, const char *site)
{
	free(e->site);
	e->site = mem_strdup(site);
}

void events_listen(struct events *e, events_listener *fn, void *ctx)
{
	e->listener = fn;
	e->listener_ctx = ctx;
}

static void log_event(struct events *e, const struct event *ev)
{
	char when[TIME_TEXT];
	struct strbuf *b = &e->log;

	if (b->len > LOG_LIMIT_BYTES) {
		e->log_dropped++;
		return;
	}
	if (e->journal)
		sb_printf(b, "<%d>", types[ev->type].level);
	else
		sb_printf(b, "%s ", time_print(ev->time_us, when));
	sb_printf(b, "#%lu %s %s", ev->seq, types[ev->type].name, ev->subject);
	if (ev->upstream)
		sb_printf(b, " at %s", ev->upstream);
	sb_printf(b, ": %s", ev->reason);
	if (ev->detail) {
		sb_str(b, ", ");
		text_add_lines(b, ev->detail);
	}
	if (ev->cause_seq)
		sb_printf(b, " (caused by #%lu)", ev->cause_seq);
	sb_char(b, '\n');
}

static char *copy(const char *s)
{
	return s && *s ? mem_strdup(s) : NULL;
}

uint64_t events_add(struct events *e, enum event_type type, const struct event_fields *f)
{
	struct timespec now;
	struct event *ev = &e->ring[++e->last % KEPT];

	clock_gettime(CLOCK_REALTIME, &now);
	event_clear(ev);
	*ev = (struct event){
		.seq = e->last,
		.time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
		.type = type,
		.cause_seq = f->cause_seq,
		.subject = mem_strdup(f->subject),
		.reason = mem_strdup(f->reason ? f->reason : ""),
		.upstream = copy(f->upstream),
		.detail = copy(f->detail),
	};
	log_event(e, ev);
	if (e->listener)
		e->listener(e->listener_ctx, ev);
	return ev->seq;
}

static ssize_t write_log(const struct events *e)
{
	ssize_t n = send(e->fd, e->log.s, e->log.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 && errno == ENOTSOCK ? write(e->fd, e->log.s, e->log.len) : n;
}

void events_flush_log(struct events *e)
{
	if (e->log_dropped && e->log.len == 0) {
		sb_printf(&e->log, "%lu events were not logged: standard error is too slow\n",
			e->log_dropped);
		e->log_dropped = 0;
	}
	while (e->log.len > 0) {
		ssize_t n = write_log(e);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return; // a pipe that is full: keep it for the next turn
		if (n <= 0) {
			sb_clear(&e->log);
			return;
		}
		sb_consume(&e->log, (size_t)n);
	}
}

// With a moment for a reader that is a little behind.
static void flush_last(struct events *e)
{
	enum { PATIENCE_MS = 500 };
	struct pollfd p = { .fd = e->fd, .events = POLLOUT };

	events_flush_log(e);
	while (e->log.len > 0 && poll(&p, 1, PATIENCE_MS) > 0)
		events_flush_log(e);
}

void events_free(struct events **e)
{
	if (!*e)
		return;
	flush_last(*e);
	if ((*e)->fd != STDERR_FILENO)
		close((*e)->fd);
	for (size_t i = 0; i < KEPT; i++)
		event_clear(&(*e)->ring[i]);
	sb_free(&(*e)->log);
	free((*e)->site);
	free(*e);
	*e = NULL;
}

const struct event *events_next(const struct events *e, uint64_t after)
{
	uint64_t oldest = e->last > KEPT ? e->last - KEPT + 1 : 1;
	uint64_t seq = after + 1 > oldest ? after + 1 : oldest;

	return seq > e->last ? NULL : &e->ring[seq % KEPT];
}

uint64_t events_last(const struct events *e)
{
	return e->last;
}

void event_write(struct out *o, const char *name, const struct events *e, const struct event *ev)
{
	char when[TIME_TEXT];

	out_object(o, name);
	out_uint(o, "seq", ev->seq);
	out_str(o, "time", time_print(ev->time_us, when));
	out_str(o, "site", e->site);
	out_str(o, "type", types[ev->type].name);
	out_str(o, "subject", ev->subject);
	out_str(o, "reason", ev->reason);
	if (ev->cause_seq)
		out_uint(o, "cause_seq", ev->cause_seq);
	else
		out_null(o, "cause_seq");
	if (ev->upstream)
		out_str(o, "upstream", ev->upstream);
	if (ev->detail)
		out_str(o, "detail", ev->detail);
	out_end(o);
}

size_t events_bytes(const struct events *e)
{
	size_t bytes = sizeof(*e) + e->log.cap;

	for (size_t i = 0; i < KEPT; i++) {
		const struct event *ev = &e->ring[i];
		const char *const strings[] = { ev->subject, ev->reason, ev->upstream, ev->detail };
		for (size_t k = 0; k < countof(strings); k++)
			bytes += strings[k] ? strlen(strings[k]) + 1 : 0;
	}
	return bytes;
}
