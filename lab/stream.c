#include "lab/stream.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/own.h"
#include "lib/rng.h"

enum { CHUNK_BYTES = 1 << 16 };

static uint64_t word_at(uint64_t index)
{
	// rng_next() adds this before it mixes, and so may begin anywhere.
	struct rng rng = { index * 0x9e3779b97f4a7c15u };

	return rng_next(&rng);
}

void stream_bytes(uint64_t offset, uint8_t *buf, size_t n)
{
	uint64_t word = word_at(offset / 8) >> 8 * (offset % 8);

	for (size_t i = 0; i < n; i++, word >>= 8) {
		if (i > 0 && (offset + i) % 8 == 0)
			word = word_at((offset + i) / 8);
		buf[i] = (uint8_t)word;
	}
}

struct stream_hash {
	EVP_MD_CTX *md;
};

// OpenSSL fails here for want of memory only, and then there is nothing to go on with.
static void must(int ok)
{
	if (ok != 1)
		mem_abort("SHA-256");
}

struct stream_hash *stream_hash_new(void)
{
	struct stream_hash *h = mem_zalloc(sizeof(*h));

	h->md = EVP_MD_CTX_new();
	must(h->md != NULL);
	must(EVP_DigestInit_ex(h->md, EVP_sha256(), NULL));
	return h;
}

void stream_hash_add(struct stream_hash *h, const void *bytes, size_t n)
{
	must(EVP_DigestUpdate(h->md, bytes, n));
}

void stream_hash_end(struct stream_hash **h, uint8_t digest[STREAM_DIGEST_BYTES])
{
	memset(digest, 0, STREAM_DIGEST_BYTES);
	if (*h)
		must(EVP_DigestFinal_ex((*h)->md, digest, NULL));
	stream_hash_free(h);
}

void stream_hash_free(struct stream_hash **h)
{
	if (!*h)
		return;
	EVP_MD_CTX_free((*h)->md);
	free_ptr(h);
}

void stream_digest(uint64_t size, uint8_t digest[STREAM_DIGEST_BYTES])
{
	struct stream_hash *h = stream_hash_new();
	own(free_ptr) uint8_t *chunk = mem_zalloc(CHUNK_BYTES);

	for (uint64_t at = 0; at < size; at += CHUNK_BYTES) {
		size_t n = size - at < CHUNK_BYTES ? (size_t)(size - at) : CHUNK_BYTES;
		stream_bytes(at, chunk, n);
		stream_hash_add(h, chunk, n);
	}
	stream_hash_end(&h, digest);
}

int stream_write(const char *path, uint64_t size)
{
	own(close_file) FILE *f = fopen(path, "we");
	own(free_ptr) uint8_t *chunk = mem_zalloc(CHUNK_BYTES);

	if (!f)
		return -errno;
	for (uint64_t at = 0; at < size; at += CHUNK_BYTES) {
		size_t n = size - at < CHUNK_BYTES ? (size_t)(size - at) : CHUNK_BYTES;
		stream_bytes(at, chunk, n);
		if (fwrite(chunk, 1, n, f) != n)
			return -errno;
	}
	return fflush(f) != 0 ? -errno : 0;
}

int stream_file_digest(const char *path, uint8_t digest[STREAM_DIGEST_BYTES])
{
	own(close_file) FILE *f = fopen(path, "re");
	own(free_ptr) uint8_t *chunk = mem_zalloc(CHUNK_BYTES);
	own(stream_hash_free) struct stream_hash *h = stream_hash_new();
	size_t n;

	if (!f)
		return -errno;
	while ((n = fread(chunk, 1, CHUNK_BYTES, f)) > 0)
		stream_hash_add(h, chunk, n);
	if (ferror(f))
		return -EIO;
	stream_hash_end(&h, digest);
	return 0;
}
