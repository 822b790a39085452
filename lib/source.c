#include "lib/source.h"

#include <bzlib.h>
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "lib/mem.h"
#include "lib/own.h"

enum { CHUNK = 16 << 10 };

struct codec;

struct source {
	int fd; // -1: memory
	struct rd memory;
	uint8_t in[CHUNK]; // as it stands in the file
	size_t in_at, in_len;
	bool in_end;

	const struct codec *codec;
	bool inside; // a compressed member was begun and has not ended
	z_stream z;
	bz_stream bz;

	uint8_t *window;
	size_t at, len, cap; // window[at..len) is what the reader sees
	uint64_t offset;
	bool end;
	int fault; // that stands behind what is in the window
	int error;
};

// One form that a file may have.
struct codec {
	const char *magic;
	size_t magic_len;
	// Unpacks input into to[0..cap) as far as there is input, and returns the number of
	// bytes. Sets s->fault when there will be no more.
	size_t (*run)(struct source *s, uint8_t *to, size_t cap);
	void (*stop)(struct source *s);
};

// ---- Input ----

static int refill(struct source *s)
{
	size_t kept = s->in_len - s->in_at;

	memmove(s->in, s->in + s->in_at, kept);
	s->in_at = 0;
	s->in_len = kept;
	size_t room = sizeof(s->in) - kept;
	if (s->in_end || room == 0)
		return 0;
	ssize_t n;
	if (s->fd >= 0) {
		do
			n = read(s->fd, s->in + kept, room);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return -errno;
	} else {
		n = (ssize_t)(rd_left(&s->memory) < room ? rd_left(&s->memory) : room);
		const uint8_t *from = rd_bytes(&s->memory, (size_t)n);
		if (n > 0)
			memcpy(s->in + kept, from, (size_t)n);
	}
	s->in_end = n == 0;
	s->in_len += (size_t)n;
	return 0;
}

static size_t in_left(const struct source *s)
{
	return s->in_len - s->in_at;
}

// ---- Plain ----

static size_t plain_run(struct source *s, uint8_t *to, size_t cap)
{
	size_t n = in_left(s) < cap ? in_left(s) : cap;

	memcpy(to, s->in + s->in_at, n);
	s->in_at += n;
	return n;
}

static void plain_stop(struct source *) {}

// ---- gzip: any number of members, RFC 1952 section 2.2 ----

static size_t gzip_run(struct source *s, uint8_t *to, size_t cap)
{
	enum { GZIP_ONLY = 16 };

	if (!s->inside) {
		s->z = (z_stream){};
		if (inflateInit2(&s->z, MAX_WBITS + GZIP_ONLY) != Z_OK)
			mem_abort("inflate");
		s->inside = true;
	}
	s->z.next_in = s->in + s->in_at;
	s->z.avail_in = (uInt)in_left(s);
	s->z.next_out = to;
	s->z.avail_out = (uInt)cap;
	int rc = inflate(&s->z, Z_NO_FLUSH);
	s->in_at = s->in_len - s->z.avail_in;
	size_t n = cap - s->z.avail_out;
	if (rc == Z_STREAM_END) {
		inflateEnd(&s->z);
		s->inside = false;
	} else if (rc != Z_OK && rc != Z_BUF_ERROR) {
		s->fault = -EBADMSG;
	}
	return n;
}

static void gzip_stop(struct source *s)
{
	if (s->inside)
		inflateEnd(&s->z);
}

// ---- bzip2: any number of streams ----

static size_t bzip2_run(struct source *s, uint8_t *to, size_t cap)
{
	if (!s->inside) {
		s->bz = (bz_stream){};
		if (BZ2_bzDecompressInit(&s->bz, 0, 0) != BZ_OK)
			mem_abort("bzip2");
		s->inside = true;
	}
	s->bz.next_in = (char *)s->in + s->in_at;
	s->bz.avail_in = (unsigned)in_left(s);
	s->bz.next_out = (char *)to;
	s->bz.avail_out = (unsigned)cap;
	int rc = BZ2_bzDecompress(&s->bz);
	s->in_at = s->in_len - s->bz.avail_in;
	size_t n = cap - s->bz.avail_out;
	if (rc == BZ_STREAM_END) {
		BZ2_bzDecompressEnd(&s->bz);
		s->inside = false;
	} else if (rc != BZ_OK) {
		s->fault = -EBADMSG;
	}
	return n;
}

static void bzip2_stop(struct source *s)
{
	if (s->inside)
		BZ2_bzDecompressEnd(&s->bz);
}

// The first whose magic fits; the last fits all.
static const struct codec codecs[] = {
	{ "\x1f\x8b\x08", 3, gzip_run, gzip_stop },
	{ "BZh", 3, bzip2_run, bzip2_stop },
	{ "", 0, plain_run, plain_stop },
};

static const struct codec *codec_of(const struct source *s)
{
	const struct codec *c = codecs;

	while (in_left(s) < c->magic_len || memcmp(s->in, c->magic, c->magic_len) != 0)
		c++;
	return c;
}

// ---- The window ----

static void make_room(struct source *s, size_t n)
{
	if (s->at > 0)
		memmove(s->window, s->window + s->at, s->len - s->at);
	s->len -= s->at;
	s->at = 0;
	if (s->cap >= n + CHUNK)
		return;
	s->cap = n + CHUNK;
	s->window = mem_resize(s->window, s->cap, 1);
}

static int begin(struct source **ret, struct source *s)
{
	int rc;

	do
		rc = refill(s);
	while (rc == 0 && in_left(s) < 3 && !s->in_end); // a pipe may give one byte at a time
	if (rc < 0) {
		source_close(&s);
		return rc;
	}
	s->codec = codec_of(s);
	make_room(s, 0);
	*ret = s;
	return 0;
}

int source_open(struct source **ret, int fd)
{
	struct source *s = mem_zalloc(sizeof(*s));

	s->fd = fd;
	return begin(ret, s);
}

int source_open_memory(struct source **ret, const void *data, size_t len)
{
	struct source *s = mem_zalloc(sizeof(*s));

	s->fd = -1;
	s->memory = rd_init(data, len);
	return begin(ret, s);
}

void source_close(struct source **s)
{
	struct source *old = take(*s);

	if (!old)
		return;
	if (old->codec)
		old->codec->stop(old);
	close_fd(&old->fd);
	free(old->window);
	free(old);
}

// One step: more bytes in the window, or the end, or an error.
static void step(struct source *s)
{
	int rc = in_left(s) == 0 && !s->fault ? refill(s) : s->fault;

	if (rc < 0) {
		s->error = rc;
		return;
	}
	bool starved = in_left(s) == 0;
	if (starved && s->in_end && !s->inside) {
		s->end = true;
		return;
	}
	size_t n = s->codec->run(s, s->window + s->len, s->cap - s->len);
	s->len += n;
	if (n == 0 && starved && s->inside && !s->fault)
		s->fault = -ENODATA;
}

int source_want(struct source *s, size_t n)
{
	if (n > SOURCE_WINDOW_MAX)
		return -EFBIG;
	if (s->len - s->at >= n)
		return 0;
	make_room(s, n);
	while (s->len < n && !s->end && !s->error)
		step(s);
	return s->len < n ? s->error : 0;
}

struct rd source_window(const struct source *s)
{
	return rd_init(s->window + s->at, s->len - s->at);
}

void source_skip(struct source *s, size_t n)
{
	s->at += n;
	s->offset += n;
}

uint64_t source_offset(const struct source *s)
{
	return s->offset;
}
