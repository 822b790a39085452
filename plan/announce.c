#include "plan/announce.h"

#include <assert.h>

#include "lib/own.h"
#include "plan/inside.h"

static const char *const class_names[] = {
	[PLAN_ORIGIN] = "origin",
	[PLAN_FROM_CUSTOMER] = "customer",
	[PLAN_FROM_PEER] = "peer",
	[PLAN_FROM_PROVIDER] = "provider",
	[PLAN_NO_ROUTE] = "none",
};
static_assert(countof(class_names) == PLAN_CLASS_MAX);

const char *plan_class_name(enum plan_class c)
{
	return class_names[c];
}

static void flag(uint8_t *flags, uint32_t node, unsigned bit)
{
	if (node != PLAN_NONE)
		flags[node] = (uint8_t)(flags[node] | bit);
}

void plan_flag_nodes(
	uint8_t *flags, const struct plan_announcement *a, const struct plan_mask *mask)
{
	flag(flags, a->origin, PLAN_NODE_DOWN);
	for (uint32_t i = 0; i < a->seed_count; i++) {
		const struct plan_seed *s = &a->seeds[i];
		flag(flags, s->node, PLAN_NODE_SEEDED);
		for (uint32_t k = 0; k < s->poisoned; k++)
			flag(flags, s->poison[k], PLAN_NODE_POISONED);
	}
	for (uint32_t i = 0; mask && i < mask->node_count; i++)
		flag(flags, mask->nodes[i], PLAN_NODE_DOWN);
	for (uint32_t i = 0; mask && i < mask->link_count; i++) {
		flag(flags, mask->links[i].low, PLAN_NODE_LINK);
		flag(flags, mask->links[i].high, PLAN_NODE_LINK);
	}
}

bool plan_seed_poisons(const struct plan_seed *s, uint32_t node)
{
	for (uint32_t i = 0; i < s->poisoned; i++)
		if (s->poison[i] == node)
			return true;
	return false;
}

bool plan_link_is_down(const struct plan_mask *mask, uint32_t a, uint32_t b)
{
	uint32_t low = a < b ? a : b, high = a < b ? b : a;

	for (uint32_t i = 0; mask && i < mask->link_count; i++)
		if (mask->links[i].low == low && mask->links[i].high == high)
			return true;
	return false;
}
