// Notices between keepers, on this side of the kernel.
#include <string.h>

#include <arpa/inet.h>

#include "flow/keeper.h"
#include "lib/hash.h"

enum { EPOCH_BYTES = 6, PREFIX4_BYTES = 3, PREFIX6_BYTES = 6 };

// The tag covers the first eight bytes of the header, the notice, and the epoch in full.
static uint64_t seal(const struct keeper_datagram *d, const uint8_t key[16], uint64_t unix_s)
{
	uint8_t text[8 + sizeof(d->notice) + EPOCH_BYTES];

	memcpy(text, &d->head, 8);
	memcpy(text + 8, &d->notice, sizeof(d->notice));
	for (int i = 0; i < EPOCH_BYTES; i++)
		text[8 + sizeof(d->notice) + i] = (uint8_t)(unix_s >> 8 * i);
	return siphash(key, text, sizeof(text));
}

void keeper_seal(struct keeper_datagram *d, uint16_t from, uint16_t to, const uint8_t key[16],
	uint8_t phase, uint8_t serial, uint64_t unix_s)
{
	d->head = (struct flow_tunnel){
		.ver_type = FLOW_VERSION << 4 | FLOW_T_NOTICE,
		.hop_phase = phase & 1 ? FLOW_PHASE_BIT : 0,
		.from = htons((uint16_t)((serial >> 4) << 12 | from)),
		.to = htons((uint16_t)((serial & 0xf) << 12 | to)),
		.epoch = htons((uint16_t)unix_s),
	};
	d->head.tag = seal(d, key, unix_s);
}

struct flow_notice keeper_notice_mine(const struct flow_tuple *flow)
{
	struct flow_notice n = {
		.kind = FLOW_N_MINE, .count = 1, .family = flow->family, .proto = flow->proto
	};

	memcpy(n.body, flow->client, 16);
	memcpy(n.body + 16, flow->service, 16);
	memcpy(n.body + 32, &flow->client_port, 2);
	memcpy(n.body + 34, &flow->service_port, 2);
	return n;
}

bool keeper_notice_add(struct flow_notice *n, const struct flow_tuple *client)
{
	uint8_t kind = client->family == 4 ? FLOW_N_PREFIX4 : FLOW_N_PREFIX6;
	size_t width = client->family == 4 ? PREFIX4_BYTES : PREFIX6_BYTES;

	if ((n->kind && n->kind != kind) || n->count >= FLOW_NOTICE_ROOM / PREFIX6_BYTES)
		return false;
	n->kind = kind;
	memcpy(n->body + n->count * width, client->client, width);
	n->count++;
	return true;
}
