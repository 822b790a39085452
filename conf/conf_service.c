// The meaning of services: prefixes, addresses, attributes of announcements.
#include <stdlib.h>
#include <string.h>

#include "conf/conf_int.h"
#include "lib/text.h"

static struct place nth_place(const struct items *places, size_t i)
{
	return ((const struct place *)places->data)[i];
}

static void check_prefix(struct checker *k, const struct conf_service *s, size_t i)
{
	const struct ip_prefix *p = (const struct ip_prefix *)s->prefixes.data + i;
	struct place at = nth_place(&s->prefix_places, i);
	char text[PREFIX_TEXT];

	prefix_print(p, text);
	if (p->len == 0)
		REFUSE(k, at, "expected the prefix of a service", "%s is the default route", text);
	else if (!conf_is_unicast(&p->addr) || ip_is_link_local(&p->addr))
		REFUSE(k, at, "expected a unicast prefix", "%s cannot be announced", text);
	const struct conf_service *before = conf_given_before(k->c, s, i);
	if (before)
		REFUSE(k, at, NULL, "%s is given twice, first by service `%s`", text, before->name);
}

static bool inside_own(const struct conf_service *s, const struct ip_addr *a)
{
	items_for_each(const struct ip_prefix, p, s->prefixes)
	{
		if (prefix_contains(p, a))
			return true;
	}
	return false;
}

static void list_prefixes(const struct conf_service *s, struct strbuf *b)
{
	char text[PREFIX_TEXT];

	sb_str(b, "expected an address inside");
	items_for_each(const struct ip_prefix, p, s->prefixes)
		sb_printf(b, "%s %s", p == s->prefixes.data ? "" : " or", prefix_print(p, text));
}

static void check_address(struct checker *k, const struct conf_service *s, size_t i)
{
	const struct ip_addr *a = (const struct ip_addr *)s->addresses.data + i;
	struct place at = nth_place(&s->address_places, i);
	own(sb_free) struct strbuf expected = {};
	char text[IP_TEXT];

	ip_print(a, text);
	if (!inside_own(s, a)) {
		list_prefixes(s, &expected);
		REFUSE(k, at, sb_text(&expected),
			"service address %s is in none of the prefixes of `%s`", text, s->name);
	}
	items_for_each(const struct conf_service, other, k->c->services)
	{
		const struct ip_addr *all = other->addresses.data;

		for (size_t j = 0; j < (other == s ? i : other->addresses.count); j++)
			if (ip_equal(&all[j], a))
				REFUSE(k, at, NULL, "%s is given twice, first by service `%s`",
					text, other->name);
		if (other == s)
			return;
	}
}

static int compare_communities(const void *a, const void *b)
{
	return bgp_community_cmp(a, b);
}

// Sorts, and drops what is there twice.
static void tidy_communities(struct items *list)
{
	struct bgp_community *c = list->data;
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(c, list->count, sizeof(*c), compare_communities);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || bgp_community_cmp(&c[kept - 1], &c[i]) != 0)
			c[kept++] = c[i];
	list->count = kept;
}

static void add_communities(struct checker *k, struct items *to, const struct items *from)
{
	const struct bgp_community *old = to->data, *more = from->data;
	size_t n = to->count + from->count;
	struct bgp_community *c = arena_array(k->c->arena, n, sizeof(*c));

	for (size_t i = 0; i < n; i++)
		c[i] = i < to->count ? old[i] : more[i - to->count];
	*to = (struct items){ c, n };
	tidy_communities(to);
}

// What a worse state does not say it has from `up`; communities are added to
// those of `up`, since a neighbour may filter routes that lack its tags.
static void inherit(struct checker *k, struct conf_announce *a, const struct conf_announce *up)
{
	if (a->given ? !schema_given(&a->keys, "prepend") : a->prepend < up->prepend)
		a->prepend = up->prepend;
	if (!a->has_med) {
		a->has_med = up->has_med;
		a->med = up->med;
	}
	if (a->prepend < up->prepend)
		REFUSE(k, conf_place(&a->keys, "prepend", a->place), "expected at least as many",
			"this prepends less than `up` does and would attract clients");
	add_communities(k, &a->communities, &up->communities);
	a->given = true;
}

static uint64_t prepend_more(const struct conf_announce *up, uint64_t times)
{
	return up->prepend + times < CONF_PREPEND_MAX ? up->prepend + times : CONF_PREPEND_MAX;
}

void conf_finish_announce(struct checker *k, struct conf_announce *up,
	struct conf_announce *degraded, struct conf_announce *draining)
{
	tidy_communities(&up->communities);
	up->given = true;
	inherit(k, degraded, up);
	inherit(k, draining, up);
}

static void check_announce(struct checker *k, struct conf_service *s)
{
	static const uint32_t graceful_shutdown = 0xffff0000; // RFC 8326

	if (!s->degraded.given)
		s->degraded.prepend = prepend_more(&s->up, 3);
	if (!s->draining.given) {
		struct bgp_community *c = arena_alloc(k->c->arena, sizeof(*c));
		*c = bgp_community_from_u32(graceful_shutdown);
		s->draining.communities = (struct items){ c, 1 };
		s->draining.prepend = prepend_more(&s->up, 2);
	}
	conf_finish_announce(k, &s->up, &s->degraded, &s->draining);
}

static void check_service(struct checker *k, struct conf_service *s)
{
	struct place name_at = conf_place(&s->keys, "name", s->place);

	conf_check_name(k, "a service", s->name, name_at);
	items_for_each(const struct conf_service, other, k->c->services)
	{
		if (other == s)
			break;
		if (strcmp(other->name, s->name) == 0)
			REFUSE(k, name_at, NULL, "two services are named `%s`", s->name);
	}
	for (size_t i = 0; i < s->prefixes.count; i++)
		check_prefix(k, s, i);
	for (size_t i = 0; i < s->addresses.count; i++)
		check_address(k, s, i);
	if (!conf_is_interface_name(s->interface))
		REFUSE(k, conf_place(&s->keys, "interface", s->place),
			"expected 1 to 15 printable characters without `/` and `:`",
			"`%.*s` is no name of an interface", text_clip(s->interface, 60),
			s->interface);
	if (!s->has_hold_down) {
		s->hold_down_first = span_s(20);
		s->hold_down_max = span_s(600);
	}
	if (s->hold_down_first.us > s->hold_down_max.us)
		REFUSE(k, conf_place(&s->keys, "hold-down", s->place), NULL,
			"the first wait of hold-down is longer than the longest");
	check_announce(k, s);
	conf_check_checks(k, s);
}

void conf_check_services(struct checker *k)
{
	conf_index_prefixes(k->c);
	items_for_each(struct conf_service, s, k->c->services) check_service(k, s);
}
