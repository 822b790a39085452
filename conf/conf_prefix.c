// Which service has a prefix: an index, since a daemon asks for each route that it sends.
#include <stdlib.h>

#include "conf/conf_int.h"

struct conf_prefix {
	struct ip_prefix prefix;
	size_t order; // in the file, over all services
	const struct conf_service *service;
};

static int compare(const void *x, const void *y)
{
	const struct conf_prefix *a = x, *b = y;
	int order = prefix_cmp(&a->prefix, &b->prefix);

	if (order)
		return order;
	return a->order < b->order ? -1 : a->order > b->order;
}

void conf_index_prefixes(struct conf *c)
{
	size_t n = 0;

	items_for_each(const struct conf_service, s, c->services) n += s->prefixes.count;
	struct conf_prefix *all = arena_array(c->arena, n, sizeof(*all));
	n = 0;
	items_for_each(const struct conf_service, s, c->services)
	{
		items_for_each(const struct ip_prefix, p, s->prefixes)
		{
			all[n] = (struct conf_prefix){ *p, n, s };
			n++;
		}
	}
	if (n)
		qsort(all, n, sizeof(*all), compare);
	c->by_prefix = all;
	c->prefix_count = n;
}

// The first of those that are equal.
static const struct conf_prefix *find(const struct conf *c, const struct ip_prefix *prefix)
{
	size_t low = 0, high = c->prefix_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (prefix_cmp(&c->by_prefix[middle].prefix, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < c->prefix_count && prefix_equal(&c->by_prefix[low].prefix, prefix);
	return found ? &c->by_prefix[low] : NULL;
}

const struct conf_service *conf_service_of_prefix(
	const struct conf *c, const struct ip_prefix *prefix)
{
	const struct conf_prefix *p = find(c, prefix);

	return p ? p->service : NULL;
}

const struct conf_service *conf_given_before(
	const struct conf *c, const struct conf_service *s, size_t i)
{
	const struct conf_prefix *p = find(c, (const struct ip_prefix *)s->prefixes.data + i);
	size_t order = i;

	items_for_each(const struct conf_service, other, c->services)
	{
		if (other == s)
			break;
		order += other->prefixes.count;
	}
	return p && p->order != order ? p->service : NULL;
}
