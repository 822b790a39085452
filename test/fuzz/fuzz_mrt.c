// A file of MRT records. The reader always moves on, what it shows lies within the record, and the
// UPDATE made of a table entry has the lengths that it says.
#include <errno.h>
#include <stdlib.h>

#include "lib/own.h"
#include "rib/mrt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_update(const struct mrt_rib *rib, const struct mrt_entry *e)
{
	uint8_t buf[4096];
	struct wr w = wr_init(buf, sizeof(buf));
	bool placed = mrt_entry_update(&w, rib, e);

	if (w.bad)
		return; // it did not fit
	struct rd r = rd_init(buf, wr_len(&w));
	if (rd_u16(&r) != 0)
		abort();
	size_t n = rd_u16(&r);
	(void)rd_bytes(&r, n);
	if (r.bad || (rd_more(&r) && !placed))
		abort();
}

static void read_tables(const struct mrt_record *r)
{
	struct mrt_rib rib;
	struct mrt_entry e;

	if (mrt_kind(r) == MRT_KIND_TABLE && mrt_table_parse(&rib, &e, r) == 0)
		check_update(&rib, &e);
	if (mrt_kind(r) != MRT_KIND_RIB || mrt_rib_parse(&rib, r) < 0)
		return;
	if (rib.prefix.len > ip_bits((enum ip_family)rib.prefix.addr.family))
		abort();
	while (mrt_rib_next(&rib, &e) == 0)
		check_update(&rib, &e);
}

static void read_record(const struct mrt_record *r)
{
	own(mrt_peers_free) struct mrt_peers peers = {};
	struct mrt_bgp4mp m;
	enum mrt_kind kind = mrt_kind(r);

	if (!mrt_name(r))
		abort();
	if (kind == MRT_KIND_PEERS && mrt_peers_parse(&peers, r) == 0 && !peers.list)
		abort();
	if ((kind == MRT_KIND_MESSAGE || kind == MRT_KIND_STATE) && mrt_bgp4mp_parse(&m, r) == 0)
		if (rd_left(&m.message) > rd_left(&r->body) || !mrt_state_name(m.to))
			abort();
	read_tables(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mrt_record r;
	size_t at = 0;

	(void)mrt_is(data, size);
	while (at < size) {
		int rc = mrt_next(&r, data + at, size - at);
		if (rc == -EAGAIN && r.size <= size - at)
			abort(); // asked for what is there
		if (rc < 0)
			break;
		if (r.size < MRT_HEADER_BYTES || r.size > size - at)
			abort();
		read_record(&r);
		at += r.size;
	}
	return 0;
}
