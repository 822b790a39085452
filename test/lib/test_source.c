// Bytes through a window: plain, compressed, cut, corrupt, and from a pipe in small pieces.
#include "test/unit.h"

#include <bzlib.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/mem.h"
#include "lib/source.h"

enum { BIG = 300000 }; // several chunks

static uint8_t *pattern(size_t n)
{
	uint8_t *p = mem_zalloc(n);
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223; // does not compress to nothing
		p[i] = (uint8_t)(x >> 28);
	}
	return p;
}

static size_t gzip(uint8_t *to, size_t cap, const uint8_t *from, size_t n)
{
	z_stream z = {};

	assert_int_equal(
		deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (uint8_t *)(uintptr_t)from;
	z.avail_in = (uInt)n;
	z.next_out = to;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

static size_t bzip2(uint8_t *to, size_t cap, const uint8_t *from, size_t n)
{
	unsigned len = (unsigned)cap;

	assert_int_equal(BZ2_bzBuffToBuffCompress(
				 (char *)to, &len, (char *)(uintptr_t)from, (unsigned)n, 1, 0, 0),
		BZ_OK);
	return len;
}

// Reads in odd steps and compares with what is expected; returns the final result.
static int drain(struct source *s, const uint8_t *want, size_t n)
{
	size_t at = 0;
	int rc = 0;

	while (rc == 0) {
		size_t step = 1 + at % 977;

		rc = source_want(s, step);
		struct rd window = source_window(s);
		size_t got = rd_left(&window) < step ? rd_left(&window) : step;
		assert_true(at + got <= n);
		assert_int_equal(source_offset(s), at);
		assert_memory_equal(window.p, want + at, got);
		source_skip(s, got);
		at += got;
		if (got < step)
			break;
	}
	if (rc == 0)
		assert_int_equal(at, n);
	return rc;
}

static int drain_memory(const void *data, size_t len, const uint8_t *want, size_t n)
{
	own(source_close) struct source *s = NULL;

	assert_int_equal(source_open_memory(&s, data, len), 0);
	return drain(s, want, n);
}

static void test_plain(void **)
{
	own(free_ptr) uint8_t *p = pattern(BIG);

	assert_int_equal(drain_memory(p, BIG, p, BIG), 0);
	assert_int_equal(drain_memory(p, 1, p, 1), 0);
	assert_int_equal(drain_memory(p, 0, p, 0), 0);
}

static void test_compressed(void **)
{
	size_t (*const pack[])(uint8_t *, size_t, const uint8_t *, size_t) = { gzip, bzip2 };
	own(free_ptr) uint8_t *p = pattern(BIG);
	own(free_ptr) uint8_t *z = mem_zalloc(2 * BIG);

	for (size_t i = 0; i < countof(pack); i++) {
		size_t n = pack[i](z, 2 * BIG, p, BIG);
		assert_true(n < BIG);
		assert_int_equal(drain_memory(z, n, p, BIG), 0);
		assert_int_equal(drain_memory(z, n - 1, p, BIG), -ENODATA);
		assert_int_equal(drain_memory(z, n / 2, p, BIG), -ENODATA);
		assert_int_equal(drain_memory(z, 4, p, BIG), -ENODATA);
		z[n - 6] ^= 0xff; // in the checksum
		assert_int_equal(drain_memory(z, n, p, BIG), -EBADMSG);
		n = pack[i](z, 2 * BIG, p, 0);
		assert_int_equal(drain_memory(z, n, p, 0), 0);
	}
}

// RFC 1952 section 2.2: members follow one another; bzip2 does the same.
static void test_members(void **)
{
	size_t (*const pack[])(uint8_t *, size_t, const uint8_t *, size_t) = { gzip, bzip2 };
	own(free_ptr) uint8_t *p = pattern(BIG);
	own(free_ptr) uint8_t *z = mem_zalloc(2 * BIG);

	for (size_t i = 0; i < countof(pack); i++) {
		size_t n = pack[i](z, BIG, p, 1000);
		n += pack[i](z + n, BIG, p + 1000, BIG - 1000);
		assert_int_equal(drain_memory(z, n, p, BIG), 0);
		z[n] = 'x';
		assert_true(drain_memory(z, n + 1, p, BIG) < 0);
	}
}

static void test_window_is_bounded(void **)
{
	own(source_close) struct source *s = NULL;

	assert_int_equal(source_open_memory(&s, "abc", 3), 0);
	assert_int_equal(source_want(s, SOURCE_WINDOW_MAX + 1), -EFBIG);
	assert_int_equal(source_want(s, 10), 0);
	struct rd window = source_window(s);
	assert_int_equal(rd_left(&window), 3);
}

// One octet at a time: what the file is shows only by the third.
static void test_pipe(void **)
{
	own(source_close) struct source *s = NULL;
	own(free_ptr) uint8_t *z = mem_zalloc(1000);
	int fd[2];
	size_t n = gzip(z, 1000, (const uint8_t *)"hello", 5);

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_int_equal(write(fd[1], z, 2), 2);
	assert_int_equal(write(fd[1], z + 2, n - 2), (ssize_t)n - 2);
	close(fd[1]);
	assert_int_equal(source_open(&s, fd[0]), 0);
	assert_int_equal(drain(s, (const uint8_t *)"hello", 5), 0);
}

static void test_read_error(void **)
{
	struct source *s = NULL;

	assert_int_equal(source_open(&s, open("/", O_RDONLY | O_CLOEXEC)), -EISDIR);
	assert_null(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_window_is_bounded),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_read_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
