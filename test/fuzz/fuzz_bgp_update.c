// The body of UPDATE from anybody. The first byte chooses what was agreed on.
//
// Whatever it holds, the verdict is one of RFC 7606's, the lists that it leaves can be walked to
// their end, and the path can be printed.
#include <stdlib.h>

#include "bgp/msg.h"
#include "bgp/update.h"
#include "lib/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(struct rd list, unsigned family, bool paths)
{
	struct ip_prefix p;
	size_t n = 0;

	while (bgp_nlri_next_path(&list, family, paths, &p, NULL)) {
		if (p.len > ip_bits((enum ip_family)p.addr.family))
			abort();
		n++;
	}
	if (!rd_done(&list))
		abort(); // it was said to be sound
	return n;
}

static void check_path(const struct bgp_path *p)
{
	own(sb_free) struct strbuf text = {};
	struct rd r = p->raw;
	struct bgp_raw_attr a;
	unsigned unknown = 0;

	bgp_path_print(p, &text);
	for (; bgp_path_next_unknown(&r, &a); unknown++)
		if (!(a.flags & BGP_FLAG_PARTIAL) || bgp_attr_find(a.code))
			abort();
	if (unknown < p->unknown)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bgp_update u;
	size_t announced, withdrawn;

	if (size < 1)
		return 0;
	const struct bgp_codec codec = {
		.local_as = 64500,
		.ibgp = data[0] & 1,
		.as4 = data[0] & 2,
		.families = data[0] >> 2 & BGP_FAMILY_ALL,
		.paths_in = data[0] >> 4 & BGP_FAMILY_ALL,
		.extended_next_hop = data[0] & 64,
		.first_as = data[0] & 128 ? 64496 : 0,
	};
	bgp_update_decode(&u, rd_init(data + 1, size - 1), &codec);
	bgp_update_count(&u, &announced, &withdrawn);
	size_t all = walk(u.withdrawn, BGP_FAMILY_IP4, u.paths) +
		     walk(u.nlri, BGP_FAMILY_IP4, u.paths) +
		     walk(u.path.reach.nlri, u.path.reach.family, u.path.reach.paths) +
		     walk(u.path.unreach.nlri, u.path.unreach.family, u.path.unreach.paths);

	if ((u.fault.kind == BGP_FAULT_NONE) != (u.fault.verb == BGP_VERB_NONE))
		abort();
	if (u.fault.verb == BGP_VERB_RESET ? announced + withdrawn != 0
					   : announced + withdrawn != all)
		abort();
	if (u.fault.verb == BGP_VERB_WITHDRAW && announced)
		abort();
	if (u.fault.kind != BGP_FAULT_NONE && bgp_fault_code(u.fault.kind) != BGP_ERR_UPDATE)
		abort();
	if (u.end_of_rib && announced + withdrawn)
		abort();
	check_path(&u.path);
	return 0;
}
