// Communities from a configuration: refused, or printed in a form that is read as the same.
#include <stdlib.h>
#include <string.h>

#include "bgp/community.h"
#include "lib/mem.h"
#include "lib/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(free_ptr) char *text = mem_zalloc(size + 1);
	struct bgp_community c, again;
	char printed[BGP_COMMUNITY_TEXT];

	if (size)
		memcpy(text, data, size);
	if (bgp_community_parse(&c, text) < 0)
		return 0;
	bgp_community_print(&c, printed);
	if (bgp_community_parse(&again, printed) < 0 || bgp_community_cmp(&c, &again) != 0)
		abort();
	if (!c.large && (c.a > UINT16_MAX || c.b > UINT16_MAX || c.c != 0))
		abort();
	return 0;
}
