#include "bgp/ribout.h"

#include <assert.h>
#include <stdlib.h>

#include "bgp/msg.h"
#include "lib/mem.h"

// Routes that wait to be announced with the same attributes.
struct group {
	struct list link;  // in the order in which they came up
	struct hnode node; // by attributes and family
	struct bgp_attrs *attrs;
	unsigned family;
	bgp_slot_id ring;
};

static unsigned family_of(const struct ip_prefix *prefix)
{
	return prefix->addr.family == IP6 ? BGP_FAMILY_IP6 : BGP_FAMILY_IP4;
}

static bgp_slot_id withdraw_ring(const struct bgp_ribout *r, unsigned family)
{
	return family == BGP_FAMILY_IP6 ? r->withdraw6 : r->withdraw4;
}

static void make_rings(struct bgp_ribout *r)
{
	bgp_slots_init(&r->slots);
	r->withdraw4 = bgp_ring_new(&r->slots);
	r->withdraw6 = bgp_ring_new(&r->slots);
	r->unsendable = bgp_ring_new(&r->slots);
}

void bgp_ribout_init(struct bgp_ribout *r, bool fleet)
{
	*r = (struct bgp_ribout){ .fleet = fleet };
	make_rings(r);
	list_init(&r->groups);
}

// ---- Groups ----

static uint64_t group_hash(const struct bgp_attrs *attrs, unsigned family)
{
	return bgp_attrs_hash(attrs) ^ family;
}

static struct group *find_group(
	const struct bgp_ribout *r, const struct bgp_attrs *attrs, unsigned family)
{
	struct hnode *n = hmap_find(&r->by_attrs, group_hash(attrs, family));

	for (; n; n = hmap_find_next(n)) {
		struct group *g = container_of(n, struct group, node);
		if (g->family == family && bgp_attrs_equal(g->attrs, attrs))
			return g;
	}
	return NULL;
}

static struct group *group_of(struct bgp_ribout *r, struct bgp_attrs *attrs, unsigned family)
{
	struct group *g = find_group(r, attrs, family);

	assert(attrs->fleet == r->fleet); // whatever leaves has been in a group
	if (g)
		return g;
	g = mem_zalloc(sizeof(*g));
	g->attrs = bgp_attrs_ref(attrs);
	g->family = family;
	g->ring = bgp_ring_new(&r->slots);
	list_push_back(&r->groups, &g->link);
	hmap_insert(&r->by_attrs, &g->node, group_hash(attrs, family));
	return g;
}

static void free_group(struct bgp_ribout *r, struct group *g)
{
	bgp_ring_free(&r->slots, g->ring);
	list_remove(&g->link);
	hmap_remove(&r->by_attrs, &g->node);
	bgp_attrs_unref(&g->attrs);
	free(g);
}

// ---- Changes ----

// NULL: the session can carry the family.
static const char *why_unsendable(const struct bgp_ribout *r, unsigned family)
{
	bool ip6 = family == BGP_FAMILY_IP6;
	bool hop6 = ip6 || r->codec.ip4_via_ip6;
	const struct ip_addr *hop = hop6 ? &r->codec.next_hop6 : &r->codec.next_hop4;

	if (!(r->codec.families & family))
		return ip6 ? "IPv6 unicast was not agreed on with this neighbour"
			   : "IPv4 unicast was not agreed on with this neighbour";
	if (hop->family == IP_NONE)
		return ip6 ? "no IPv6 next hop: the session runs over IPv4 and none is configured"
			   : "no IPv4 next hop: the session runs over IPv6 and none is configured";
	return NULL;
}

static void drop_route(struct bgp_ribout *r, bgp_slot_id id)
{
	struct bgp_slot *slot = bgp_slot_at(&r->slots, id);

	bgp_attrs_unref(&slot->want);
	bgp_attrs_unref(&slot->sent);
	bgp_slots_remove(&r->slots, id);
}

// Put a route where it belongs after a change; forgets it when there is nothing left to know.
static void schedule(struct bgp_ribout *r, bgp_slot_id id)
{
	struct bgp_slot *slot = bgp_slot_at(&r->slots, id);
	unsigned family = family_of(&slot->prefix);

	bgp_ring_leave(&r->slots, id);
	if (!slot->want && !slot->sent)
		drop_route(r, id);
	else if (!r->up)
		return;
	else if (!slot->want)
		bgp_ring_push(&r->slots, withdraw_ring(r, family), id);
	else if (!slot->resend && bgp_attrs_equal(slot->want, slot->sent))
		return; // changed back before anybody was told
	else if (!((r->codec.families | r->codec.offered) & family))
		return; // this neighbour is not meant to have it
	else if (why_unsendable(r, family))
		bgp_ring_push(&r->slots, r->unsendable, id);
	else
		bgp_ring_push(&r->slots, group_of(r, slot->want, family)->ring, id);
}

void bgp_ribout_announce(
	struct bgp_ribout *r, const struct ip_prefix *prefix, struct bgp_attrs *attrs)
{
	if (attrs->fleet != r->fleet) {
		bgp_ribout_withdraw(r, prefix);
		return;
	}
	bgp_slot_id id = bgp_slots_find(&r->slots, prefix);
	if (id == BGP_SLOT_NONE)
		id = bgp_slots_add(&r->slots, prefix);
	struct bgp_slot *slot = bgp_slot_at(&r->slots, id);
	if (bgp_attrs_equal(slot->want, attrs))
		return;
	bgp_attrs_ref(attrs);
	bgp_attrs_unref(&slot->want);
	slot->want = attrs;
	schedule(r, id);
}

void bgp_ribout_withdraw(struct bgp_ribout *r, const struct ip_prefix *prefix)
{
	bgp_slot_id id = bgp_slots_find(&r->slots, prefix);

	if (id == BGP_SLOT_NONE)
		return;
	struct bgp_slot *slot = bgp_slot_at(&r->slots, id);
	bgp_attrs_unref(&slot->want);
	schedule(r, id);
}

// ---- Sessions ----

static bool is_route(const struct bgp_ribout *r, bgp_slot_id id)
{
	return bgp_slot_at(&r->slots, id)->prefix.addr.family != IP_NONE;
}

void bgp_ribout_up(struct bgp_ribout *r, const struct bgp_codec *codec)
{
	r->up = true;
	r->codec = *codec;
	r->end_due = codec->end_of_rib ? codec->families : 0;
	r->refresh_due = r->refreshing = 0;
	for (bgp_slot_id id = 0; id < r->slots.used; id++)
		if (is_route(r, id))
			schedule(r, id);
}

void bgp_ribout_down(struct bgp_ribout *r)
{
	struct group *g;

	r->up = false;
	r->told = 0;
	for (bgp_slot_id id = 0; id < r->slots.used; id++) {
		if (!is_route(r, id))
			continue;
		bgp_slot_at(&r->slots, id)->resend = false;
		bgp_attrs_unref(&bgp_slot_at(&r->slots, id)->sent);
		schedule(r, id);
	}
	list_for_each(g, &r->groups, link) free_group(r, g);
}

void bgp_ribout_refresh(struct bgp_ribout *r, unsigned family)
{
	if (r->up)
		r->refresh_due |= family & r->codec.families;
}

static void resend(struct bgp_ribout *r, unsigned family)
{
	for (bgp_slot_id id = 0; id < r->slots.used; id++) {
		struct bgp_slot *slot = bgp_slot_at(&r->slots, id);

		if (!is_route(r, id) || family_of(&slot->prefix) != family || !slot->sent)
			continue; // what was never sent waits already
		slot->resend = slot->want;
		schedule(r, id);
	}
}

void bgp_ribout_free(struct bgp_ribout *r)
{
	bgp_ribout_down(r);
	for (bgp_slot_id id = 0; id < r->slots.used; id++)
		if (is_route(r, id))
			drop_route(r, id);
	bgp_slots_free(&r->slots);
	hmap_free(&r->by_attrs);
}

// ---- Messages ----

static size_t next_withdraw(
	struct bgp_ribout *r, struct bgp_update_writer *u, uint8_t *buf, unsigned family)
{
	bgp_slot_id ring = withdraw_ring(r, family), id = bgp_ring_first(&r->slots, ring);

	if (id == BGP_SLOT_NONE)
		return 0;
	bgp_update_begin(u, buf, family, NULL, &r->codec);
	for (; id != BGP_SLOT_NONE; id = bgp_ring_first(&r->slots, ring)) {
		if (!bgp_update_add(u, &bgp_slot_at(&r->slots, id)->prefix))
			break;
		drop_route(r, id);
		r->told--;
	}
	return bgp_update_end(u);
}

static void note_sent(struct bgp_ribout *r, bgp_slot_id id)
{
	struct bgp_slot *slot = bgp_slot_at(&r->slots, id);

	r->told += !slot->sent;
	bgp_attrs_unref(&slot->sent);
	slot->sent = bgp_attrs_ref(slot->want);
	slot->resend = false;
	bgp_ring_leave(&r->slots, id);
}

static size_t announce_group(
	struct bgp_ribout *r, struct bgp_update_writer *u, uint8_t *buf, const struct group *g)
{
	bgp_slot_id id = bgp_ring_first(&r->slots, g->ring);

	if (id == BGP_SLOT_NONE)
		return 0;
	bgp_update_begin(u, buf, g->family, g->attrs, &r->codec);
	for (; id != BGP_SLOT_NONE; id = bgp_ring_first(&r->slots, g->ring)) {
		if (!bgp_update_add(u, &bgp_slot_at(&r->slots, id)->prefix))
			break;
		note_sent(r, id);
	}
	return bgp_update_end(u);
}

// One family of a set; 0: it is empty.
static unsigned any_of(unsigned families)
{
	return families & BGP_FAMILY_IP4 ? BGP_FAMILY_IP4 : families;
}

static size_t build_refresh(uint8_t *buf, unsigned family, uint8_t subtype)
{
	struct wr w = wr_init(buf, BGP_MSG_MAX);

	return bgp_refresh_build(&w, family, subtype);
}

// RFC 7313 section 4: all routes of the family between a begin and an end. A request during
// a refresh begins it anew.
static size_t begin_refresh(struct bgp_ribout *r, uint8_t *buf)
{
	unsigned family = any_of(r->refresh_due & ~r->end_due);

	if (!family)
		return 0;
	r->refresh_due &= ~family;
	resend(r, family);
	if (!r->codec.enhanced_refresh)
		return 0;
	r->refreshing |= family;
	return build_refresh(buf, family, BGP_REFRESH_BEGIN);
}

static size_t next_routes(struct bgp_ribout *r, struct bgp_update_writer *writer, uint8_t *buf)
{
	struct group *g;
	size_t n = next_withdraw(r, writer, buf, BGP_FAMILY_IP4);

	if (!n)
		n = next_withdraw(r, writer, buf, BGP_FAMILY_IP6);
	while (!n && (g = list_first(&r->groups, struct group, link))) {
		n = announce_group(r, writer, buf, g);
		if (bgp_ring_first(&r->slots, g->ring) == BGP_SLOT_NONE)
			free_group(r, g);
	}
	return n;
}

// What follows when no route is left to be sent.
static size_t next_end(struct bgp_ribout *r, uint8_t *buf)
{
	unsigned family = any_of(r->end_due);

	if (family) {
		struct wr w = wr_init(buf, BGP_MSG_MAX);

		r->end_due &= ~family;
		return bgp_end_of_rib_build(&w, family);
	}
	family = any_of(r->refreshing);
	if (!family)
		return 0;
	r->refreshing &= ~family;
	return build_refresh(buf, family, BGP_REFRESH_END);
}

size_t bgp_ribout_next(struct bgp_ribout *r, struct bgp_update_writer *writer, uint8_t *buf)
{
	size_t n = 0;

	if (!r->up)
		return 0;
	do {
		writer->list_at = writer->list_end = 0;
		n = begin_refresh(r, buf);
		if (!n)
			n = next_routes(r, writer, buf);
		if (!n)
			n = next_end(r, buf);
	} while (!n && r->refresh_due & ~r->end_due);
	return n;
}

bool bgp_ribout_next_unsendable(struct bgp_ribout *r, struct ip_prefix *ret, const char **why)
{
	bgp_slot_id id = bgp_ring_first(&r->slots, r->unsendable);

	if (id == BGP_SLOT_NONE)
		return false;
	*ret = bgp_slot_at(&r->slots, id)->prefix;
	*why = why_unsendable(r, family_of(ret));
	bgp_ring_leave(&r->slots, id);
	return true;
}

const struct bgp_attrs *bgp_ribout_told(const struct bgp_ribout *r, const struct ip_prefix *prefix)
{
	bgp_slot_id id = bgp_slots_find(&r->slots, prefix);

	return id == BGP_SLOT_NONE ? NULL : bgp_slot_at(&r->slots, id)->sent;
}
