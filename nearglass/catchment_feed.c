#include "nearglass/catchment_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/unixsock.h"
#include "nearglass/catchment.h"

enum {
	LOOK_MS = 250,    // at the file
	PIECE = 64 << 10, // of the file a turn of the loop
	SOCKET_MODE = 0660,
};

// Octets that become lines. What is longer than a line may be is passed over to its end.
struct lines {
	char text[CATCHMENT_LINE_MAX];
	size_t n;
	bool passing;
};

struct feeder {
	struct catchment_feed *feed;
	struct feeder *next, **at;
	uv_pipe_t pipe;
	struct lines lines;
};

struct catchment_feed {
	const struct glass_catchment *conf;
	struct catchment *to;
	uv_loop_t *loop;
	bool has_socket;
	uv_pipe_t socket;
	struct feeder *feeders;
	size_t feeder_count;
	int file; // -1: none
	off_t offset;
	struct lines lines;
	uv_timer_t look;
};

// ---- Lines ----

static void end_line(struct lines *l, struct catchment *to, int64_t time_us)
{
	if (l->n > 0 && l->text[l->n - 1] == '\r')
		l->n--;
	if (l->n > 0 && !l->passing)
		catchment_take(to, l->text, l->n, time_us);
	l->n = 0;
	l->passing = false;
}

static void take_octets(
	struct lines *l, struct catchment *to, const char *s, size_t n, int64_t time_us)
{
	while (n > 0) {
		const char *end = memchr(s, '\n', n);
		size_t piece = end ? (size_t)(end - s) : n;
		if (!l->passing && l->n + piece > sizeof(l->text)) {
			catchment_count(to, CATCHMENT_BAD, "a line is over 4096 octets");
			l->passing = true;
			l->n = 0;
		}
		if (!l->passing) {
			memcpy(l->text + l->n, s, piece);
			l->n += piece;
		}
		if (end)
			end_line(l, to, time_us);
		piece += end != NULL;
		s += piece;
		n -= piece;
	}
}

// ---- The socket ----

static void on_closed(uv_handle_t *handle)
{
	free(container_of((uv_pipe_t *)handle, struct feeder, pipe));
}

static void part(struct feeder *f)
{
	*f->at = f->next;
	if (f->next)
		f->next->at = f->at;
	f->feed->feeder_count--;
	uv_close((uv_handle_t *)&f->pipe, on_closed);
}

static void give_room(uv_handle_t *, size_t, uv_buf_t *buf)
{
	static char room[PIECE]; // read and taken in one turn of the loop

	*buf = uv_buf_init(room, sizeof(room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct feeder *f = container_of((uv_pipe_t *)stream, struct feeder, pipe);

	if (n < 0) {
		end_line(&f->lines, f->feed->to, clock_unix_us());
		part(f);
		return;
	}
	take_octets(&f->lines, f->feed->to, buf->base, (size_t)n, clock_unix_us());
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct catchment_feed *feed = stream->data;
	struct feeder *f;

	if (status < 0)
		return;
	f = mem_zalloc(sizeof(*f));
	uv_pipe_init(feed->loop, &f->pipe, 0);
	f->feed = feed;
	f->next = feed->feeders;
	f->at = &feed->feeders;
	if (f->next)
		f->next->at = &f->next;
	feed->feeders = f;
	feed->feeder_count++;
	bool many = feed->feeder_count > CATCHMENT_FEEDERS_MAX;
	if (uv_accept(stream, (uv_stream_t *)&f->pipe) < 0 || many) {
		catchment_count(feed->to, CATCHMENT_REFUSED, NULL);
		part(f);
		return;
	}
	uv_read_start((uv_stream_t *)&f->pipe, give_room, on_read);
}

// For those of the user's group, whom the glass becomes later.
static int hand_to(const char *path, const char *user, struct strbuf *error)
{
	const struct passwd *p = user && geteuid() == 0 ? getpwnam(user) : NULL;

	if (!p || chown(path, p->pw_uid, p->pw_gid) == 0)
		return 0;
	int rc = -errno;
	sb_printf(error, "cannot give %s to %s: %s", path, user, strerror(-rc));
	return rc;
}

static int open_socket(struct catchment_feed *f, struct strbuf *error)
{
	own(close_fd) int fd = unixsock_listen(f->conf->listen, SOCKET_MODE, "glass", error);

	if (fd < 0)
		return fd;
	int rc = hand_to(f->conf->listen, f->conf->user, error);
	if (rc < 0)
		return rc;
	uv_pipe_init(f->loop, &f->socket, 0);
	f->socket.data = f;
	f->has_socket = true;
	rc = uv_pipe_open(&f->socket, fd);
	if (rc == 0) {
		(void)take_fd(&fd);
		rc = uv_listen((uv_stream_t *)&f->socket, UNIXSOCK_BACKLOG, on_connection);
	}
	if (rc < 0)
		sb_printf(error, "cannot listen at %s: %s", f->conf->listen, uv_strerror(rc));
	return rc;
}

// ---- The file ----

static void on_look(uv_timer_t *timer)
{
	struct catchment_feed *f = timer->data;
	static char room[PIECE];
	struct stat st;

	if (fstat(f->file, &st) < 0)
		return;
	if (st.st_size < f->offset) { // begun anew
		f->offset = 0;
		f->lines = (struct lines){};
	}
	ssize_t n = lseek(f->file, f->offset, SEEK_SET) < 0 ? -1 : read(f->file, room, PIECE);
	if (n > 0) {
		f->offset += n;
		take_octets(&f->lines, f->to, room, (size_t)n,
			(int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000);
	}
	uv_timer_start(&f->look, on_look, n == PIECE ? 1 : LOOK_MS, 0);
}

static int open_file(struct catchment_feed *f, struct strbuf *error)
{
	const char *path = f->conf->file;
	struct stat st;

	f->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc = f->file < 0 || fstat(f->file, &st) < 0 ? -errno : 0;
	if (rc == 0 && !S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (rc < 0)
		sb_printf(error, "catchment: cannot read %s: %s", path,
			rc == -EINVAL ? "not a regular file" : strerror(-rc));
	return rc;
}

// ---- Life ----

int catchment_feed_new(struct catchment_feed **ret, uv_loop_t *loop,
	const struct glass_catchment *conf, struct catchment *to, struct strbuf *error)
{
	struct catchment_feed *f = mem_zalloc(sizeof(*f));
	int rc = 0;

	f->conf = conf;
	f->to = to;
	f->loop = loop;
	f->file = -1;
	if (conf->file)
		rc = open_file(f, error);
	if (rc == 0 && conf->listen)
		rc = open_socket(f, error);
	if (rc < 0)
		return rc; // the process ends
	uv_timer_init(loop, &f->look);
	f->look.data = f;
	*ret = f;
	return 0;
}

void catchment_feed_start(struct catchment_feed *f)
{
	if (f->file >= 0)
		uv_timer_start(&f->look, on_look, 0, 0);
}

void catchment_feed_stop(struct catchment_feed *f)
{
	uv_close((uv_handle_t *)&f->look, NULL);
	if (f->has_socket)
		uv_close((uv_handle_t *)&f->socket, NULL);
	while (f->feeders)
		part(f->feeders);
}

void catchment_feed_free(struct catchment_feed **which)
{
	struct catchment_feed *f = take(*which);

	if (!f)
		return;
	close_fd(&f->file);
	free(f);
}

size_t catchment_feeders(const struct catchment_feed *f)
{
	return f->feeder_count;
}
