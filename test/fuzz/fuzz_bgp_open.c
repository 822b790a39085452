// The body of OPEN from anybody: refused with a NOTIFICATION of OPEN, or understood; and what
// was understood is written and read as the same.
#include <stdlib.h>

#include "bgp/msg.h"
#include "bgp/open.h"
#include "lib/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fault(const struct bgp_fault *f)
{
	if (f->verb != BGP_VERB_RESET || bgp_fault_code(f->kind) != BGP_ERR_OPEN)
		abort();
	if (f->data_len > 0 && !f->data)
		abort();
}

static void check_again(const struct bgp_open *o)
{
	uint8_t buf[BGP_MSG_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct bgp_open again;
	struct bgp_msg m;
	struct bgp_fault f;
	size_t n = bgp_open_build(&w, o);

	if (n == 0 || bgp_msg_frame(&m, &f, buf, n) < 0 || m.type != BGP_MSG_OPEN)
		abort();
	f = bgp_open_parse(&again, m.body);
	if (f.kind != BGP_FAULT_NONE || again.as != o->as || again.id != o->id ||
		again.hold_time_s != o->hold_time_s || again.caps.families != o->caps.families ||
		again.caps.refresh != o->caps.refresh || again.caps.as4 != o->caps.as4)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bgp_open ours = {
		.as = 64500, .id = 1, .caps = { .multiprotocol = true, .families = BGP_FAMILY_ALL }
	};
	struct bgp_open o;
	own(sb_free) struct strbuf text = {};
	struct bgp_fault f = bgp_open_parse(&o, rd_init(data, size));

	if (f.kind != BGP_FAULT_NONE) {
		check_fault(&f);
		return 0;
	}
	if (o.as == 0 || o.id == 0 || o.hold_time_s == 1 || o.hold_time_s == 2)
		abort();
	check_again(&o);
	bgp_caps_print(&text, &o.caps);
	f = bgp_open_check(&o, &ours, 64496, true);
	if (f.kind != BGP_FAULT_NONE)
		check_fault(&f);
	return 0;
}
