// SipHash-2-4 (Aumasson and Bernstein, 2012) over 64-bit words, for the BPF
// machine. The host's is lib/hash.h; a test holds the two together.
#pragma once

#include <stdint.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

#define SIP_ROTATE(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static inline __attribute__((always_inline)) void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = SIP_ROTATE(s->v1, 13) ^ s->v0;
	s->v0 = SIP_ROTATE(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = SIP_ROTATE(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = SIP_ROTATE(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = SIP_ROTATE(s->v1, 17) ^ s->v2;
	s->v2 = SIP_ROTATE(s->v2, 32);
}

static inline __attribute__((always_inline)) struct sip sip_start(const uint64_t key[2])
{
	return (struct sip){
		.v0 = key[0] ^ 0x736f6d6570736575,
		.v1 = key[1] ^ 0x646f72616e646f6d,
		.v2 = key[0] ^ 0x6c7967656e657261,
		.v3 = key[1] ^ 0x7465646279746573,
	};
}

static inline __attribute__((always_inline)) void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

// tail: the last up to seven bytes, and the length modulo 256 in the top byte.
static inline __attribute__((always_inline)) uint64_t sip_end(struct sip *s, uint64_t tail)
{
	sip_word(s, tail);
	s->v2 ^= 0xff;
	sip_round(s);
	sip_round(s);
	sip_round(s);
	sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}
