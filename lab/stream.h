// The bytes that transfers carry: known everywhere, and not two alike within any reach of TCP, so
// that a byte too many, too few or in another place changes the digest.
//
// The octets are those of SplitMix64 of 1, 2, 3, ..., each of 64 bits, least significant octet first.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { STREAM_DIGEST_BYTES = 32 };

// Fills buf with the n bytes that begin at the offset.
void stream_bytes(uint64_t offset, uint8_t *buf, size_t n);

// A SHA-256 (FIPS 180-4) that is fed bytes as they come.
struct stream_hash;
[[nodiscard]] struct stream_hash *stream_hash_new(void);
void stream_hash_add(struct stream_hash *h, const void *bytes, size_t n);
// Frees it; NULL inside gives zeros.
void stream_hash_end(struct stream_hash **h, uint8_t digest[STREAM_DIGEST_BYTES]);
void stream_hash_free(struct stream_hash **h);

// Of the first `size` bytes.
void stream_digest(uint64_t size, uint8_t digest[STREAM_DIGEST_BYTES]);

// Makes a file of the first `size` bytes. -errno.
[[nodiscard]] int stream_write(const char *path, uint64_t size);
// Of what the file has. -errno.
[[nodiscard]] int stream_file_digest(const char *path, uint8_t digest[STREAM_DIGEST_BYTES]);
