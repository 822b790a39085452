#include "test/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/stream.h"
#include "lib/own.h"

// Computed by another program, from the definition in lab/stream.h.
static const struct {
	uint64_t size;
	const char *digest;
} rows[] = {
	{ 1, "5a6e7a4754af8e7f47fc9493040d853e7b01e39d537cb1dd353c93b7ae58eb3d" },
	{ 8, "ce31a0874129872dc43ee51174eb9042517a915fae0065f2789bdb9e82c229ca" },
	{ 65537, "117239b2c28570d1084dc6fc71b591be8082d131586408c0bd69abbb6dd1cf0f" },
	{ 100003, "37aec24fe9b11a14e28ea82af17e72adc41edbfb2f5351ed07abb441dc5391b0" },
};

static void check_digest(const uint8_t digest[STREAM_DIGEST_BYTES], const char *wanted)
{
	char text[2 * STREAM_DIGEST_BYTES + 1];

	for (size_t i = 0; i < STREAM_DIGEST_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, wanted);
}

static void test_digest(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		uint8_t digest[STREAM_DIGEST_BYTES];
		stream_digest(rows[i].size, digest);
		check_digest(digest, rows[i].digest);
	}
}

// However they are asked for, the bytes are the same.
static void test_pieces(void **)
{
	uint8_t whole[1000], piece[1000];

	stream_bytes(0, whole, sizeof(whole));
	assert_memory_equal(whole, "\xaf\xcd\x1d\x7b", 4);
	for (size_t at = 0; at < 64; at++)
		for (size_t n = 0; n < 64; n++) {
			stream_bytes(at, piece, n);
			assert_memory_equal(piece, whole + at, n);
		}
}

static void test_file(void **)
{
	char path[] = "/tmp/nearcast-stream-XXXXXX";
	uint8_t digest[STREAM_DIGEST_BYTES];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(stream_write(path, rows[3].size), 0);
	assert_int_equal(stream_file_digest(path, digest), 0);
	check_digest(digest, rows[3].digest);
	unlink(path);
	assert_int_equal(stream_file_digest(path, digest), -ENOENT);
	assert_int_equal(stream_write("/nowhere/at/all", 1), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests_name("lab_stream", tests, NULL, NULL);
}
