#include "bfd/packet.h"

#include <assert.h>

#include "lib/own.h"

//  RFC 5880 section 4.1
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
//  |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
//  +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
//  |                       My Discriminator                        |
//  +---------------------------------------------------------------+
//  |                      Your Discriminator                       |
//  +---------------------------------------------------------------+
//  |                    Desired Min TX Interval                    |
//  +---------------------------------------------------------------+
//  |                   Required Min RX Interval                    |
//  +---------------------------------------------------------------+
//  |                 Required Min Echo RX Interval                 |
//  +---------------------------------------------------------------+
//  |  authentication section, when A is set                        |

enum {
	FLAG_POLL = 0x20,
	FLAG_FINAL = 0x10,
	FLAG_INDEPENDENT = 0x08,
	FLAG_AUTH = 0x04,
	FLAG_DEMAND = 0x02,
	FLAG_MULTIPOINT = 0x01,
};

enum bfd_verdict bfd_packet_parse(struct bfd_packet *ret, const void *data, size_t len)
{
	struct rd r = rd_init(data, len);
	struct bfd_packet p = {};
	uint8_t version_diag = rd_u8(&r);
	uint8_t flags = rd_u8(&r);
	p.multiplier = rd_u8(&r);
	size_t length = rd_u8(&r);
	p.my_disc = rd_u32(&r);
	p.your_disc = rd_u32(&r);
	p.desired_min_tx = span_us(rd_u32(&r));
	p.required_min_rx = span_us(rd_u32(&r));
	p.required_min_echo_rx = span_us(rd_u32(&r));

	p.diag = version_diag & 0x1f;
	p.state = (enum bfd_state)(flags >> 6);
	p.poll = flags & FLAG_POLL;
	p.final = flags & FLAG_FINAL;
	p.independent = flags & FLAG_INDEPENDENT;
	p.auth = flags & FLAG_AUTH;
	p.demand = flags & FLAG_DEMAND;

	// Section 6.8.6, in its order. A datagram that is cut short fails by its length.
	if (len > 0 && version_diag >> 5 != BFD_VERSION)
		return BFD_BAD_VERSION;
	if (length < (p.auth ? BFD_PACKET_BYTES_AUTH : BFD_PACKET_BYTES) || length > len)
		return BFD_BAD_LENGTH;
	if (p.multiplier == 0)
		return BFD_BAD_MULTIPLIER;
	if (flags & FLAG_MULTIPOINT)
		return BFD_MULTIPOINT;
	if (p.my_disc == 0)
		return BFD_NO_DISCRIMINATOR;
	if (p.your_disc == 0 && p.state != BFD_DOWN && p.state != BFD_ADMIN_DOWN)
		return BFD_BAD_STATE;
	*ret = p;
	return BFD_OK;
}

void bfd_packet_build(struct wr *w, const struct bfd_packet *p)
{
	unsigned flags = (unsigned)p->state << 6;

	flags |= p->poll ? FLAG_POLL : 0;
	flags |= p->final ? FLAG_FINAL : 0;
	flags |= p->independent ? FLAG_INDEPENDENT : 0;
	flags |= p->demand ? FLAG_DEMAND : 0;
	wr_u8(w, (uint8_t)(BFD_VERSION << 5 | (p->diag & 0x1f)));
	wr_u8(w, (uint8_t)flags);
	wr_u8(w, p->multiplier);
	wr_u8(w, BFD_PACKET_BYTES);
	wr_u32(w, p->my_disc);
	wr_u32(w, p->your_disc);
	wr_u32(w, (uint32_t)p->desired_min_tx.us);
	wr_u32(w, (uint32_t)p->required_min_rx.us);
	wr_u32(w, (uint32_t)p->required_min_echo_rx.us);
}

static const char *const states[] = {
	[BFD_ADMIN_DOWN] = "AdminDown",
	[BFD_DOWN] = "Down",
	[BFD_INIT] = "Init",
	[BFD_UP] = "Up",
};
static_assert(countof(states) == BFD_STATE_MAX);

static const char *const diags[] = {
	[BFD_DIAG_NONE] = "No Diagnostic",
	[BFD_DIAG_EXPIRED] = "Control Detection Time Expired",
	[BFD_DIAG_ECHO_FAILED] = "Echo Function Failed",
	[BFD_DIAG_NEIGHBOUR_DOWN] = "Neighbor Signaled Session Down",
	[BFD_DIAG_FORWARDING_RESET] = "Forwarding Plane Reset",
	[BFD_DIAG_PATH_DOWN] = "Path Down",
	[BFD_DIAG_CONCATENATED_DOWN] = "Concatenated Path Down",
	[BFD_DIAG_ADMIN_DOWN] = "Administratively Down",
	[BFD_DIAG_REVERSE_CONCATENATED_DOWN] = "Reverse Concatenated Path Down",
};
static_assert(countof(diags) == BFD_DIAG_MAX);

static const char *const verdicts[] = {
	[BFD_OK] = "taken",
	[BFD_BAD_VERSION] = "wrong version",
	[BFD_BAD_LENGTH] = "wrong length",
	[BFD_BAD_MULTIPLIER] = "detection multiplier 0",
	[BFD_MULTIPOINT] = "multipoint bit set",
	[BFD_NO_DISCRIMINATOR] = "discriminator 0",
	[BFD_UNKNOWN_SESSION] = "no such session",
	[BFD_BAD_STATE] = "your discriminator 0 in Init or Up",
	[BFD_AUTHENTICATED] = "authentication is not supported",
	[BFD_DISABLED] = "session is AdminDown",
};
static_assert(countof(verdicts) == BFD_VERDICT_MAX);

const char *bfd_state_name(enum bfd_state s)
{
	return states[s];
}

const char *bfd_diag_name(uint8_t diag)
{
	return diag < BFD_DIAG_MAX ? diags[diag] : "unknown";
}

const char *bfd_verdict_name(enum bfd_verdict v)
{
	return verdicts[v];
}
