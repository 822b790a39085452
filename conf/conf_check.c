// The meaning of the file, beyond the type and range of each key: site, node
// and the names that everything has.
#include <string.h>
#include <sys/un.h>

#include "conf/conf_int.h"
#include "lib/text.h"

struct place conf_place(const struct items *keys, const char *name, struct place otherwise)
{
	const struct given *g = schema_given(keys, name);

	return g ? g->at : otherwise;
}

void conf_check_name(struct checker *k, const char *what, const char *name, struct place at)
{
	if (!text_is_name(name))
		REFUSE(k, at,
			"expected letters, digits, '-', '_' and '.', starting with a letter or "
			"digit, 1 to 63 long",
			"`%.*s` is no name for %s", text_clip(name, 60), name, what);
}

void conf_check_path(struct checker *k, const char *key, const char *path, struct place at)
{
	if (path[0] != '/')
		REFUSE(k, at, "expected an absolute path", "`%s` cannot be `%.*s`", key,
			text_clip(path, 60), path);
}

// IFNAMSIZ is 16 with the NUL; what the kernel's dev_valid_name() takes.
bool conf_is_interface_name(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > 15 || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~' || *s == '/' || *s == ':')
			return false;
	return true;
}

const struct conf_service *conf_service_of(const struct conf *c, const struct ip_addr *a)
{
	items_for_each(const struct conf_service, s, c->services)
	{
		items_for_each(const struct ip_prefix, p, s->prefixes)
		{
			if (prefix_contains(p, a))
				return s;
		}
	}
	return NULL;
}

bool conf_is_unicast(const struct ip_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool is_mapped = a->family == IP6 && memcmp(a->b, mapped, sizeof(mapped)) == 0;

	return !is_mapped && !ip_is_unspecified(a) && !ip_is_multicast(a);
}

static void check_site(struct checker *k)
{
	const struct conf_site *s = &k->c->site;

	conf_check_name(k, "a site", s->name, s->name_place);
	if (s->has_lat != s->has_lon)
		REFUSE(k, s->place, s->has_lat ? "expected `lon:` too" : "expected `lat:` too",
			"`%s` is given alone", s->has_lat ? "lat" : "lon");
}

static void check_node_address(struct checker *k, size_t i)
{
	const struct ip_addr *all = k->c->node.addresses.data, *a = &all[i];
	struct place at = ((const struct place *)k->c->node.address_places.data)[i];
	const struct conf_service *s = conf_service_of(k->c, a);
	char text[IP_TEXT];

	ip_print(a, text);
	if (s)
		REFUSE(k, at, "expected an address that only this node has",
			"node address %s is inside a prefix of service `%s`", text, s->name);
	if (!conf_is_unicast(a) || ip_is_link_local(a))
		REFUSE(k, at, "expected a unicast address that other hosts can reach",
			"%s cannot be a node address", text);
	for (size_t j = 0; j < i; j++)
		if (ip_equal(&all[j], a))
			REFUSE(k, at, NULL, "node address %s is given twice", text);
}

static void check_node(struct checker *k)
{
	struct conf *c = k->c;

	if (!c->node.name)
		c->node.name = c->site.name;
	else
		conf_check_name(k, "a node", c->node.name, c->node.name_place);
	for (size_t i = 0; i < c->node.addresses.count; i++)
		check_node_address(k, i);
}

static void check_router_id(struct checker *k)
{
	struct conf *c = k->c;

	if (c->has_router_id)
		return;
	items_for_each(struct ip_addr, a, c->node.addresses)
	{
		if (a->family != IP4)
			continue;
		c->router_id = *a;
		return;
	}
	REFUSE(k, (struct place){ 1, 1 },
		"expected `router-id:`, since the node has no IPv4 address to take it from",
		"`router-id` is missing in the configuration");
}

static void check_socket(struct checker *k, const char *key, const char *path)
{
	struct place at = conf_place(&k->c->keys, key, (struct place){});

	conf_check_path(k, key, path, at);
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		REFUSE(k, at, "expected at most 107 bytes", "`%s` is too long for a socket", key);
}

void conf_check_top(struct checker *k)
{
	struct conf *c = k->c;

	check_site(k);
	check_node(k);
	check_router_id(k);
	check_socket(k, "control", c->control);
	check_socket(k, "readonly", c->readonly);
	if (strcmp(c->control, c->readonly) == 0)
		REFUSE(k,
			conf_place(&c->keys, "readonly",
				conf_place(&c->keys, "control", (struct place){})),
			"expected two paths", "`control` and `readonly` are the same socket");
	items_for_each(struct ip_addr, a, c->listen)
	{
		char text[IP_TEXT];
		if (conf_service_of(c, a))
			REFUSE(k, conf_place(&c->keys, "listen", (struct place){}),
				"expected an address that only this node has",
				"%s is inside a service's prefix", ip_print(a, text));
	}
}
