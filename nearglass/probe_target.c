#include "nearglass/probe_target.h"

#include <jansson.h>

#include "lib/own.h"

// RFC 6890 and the IANA registries that it founded; 192.88.99.0/24 is RFC 7526's.
static const char *const special[] = { "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
	"169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
	"240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" };
static const char global6[] = "2000::/3"; // outside of it nothing is global unicast

static bool is_in(const char *text, const struct ip_addr *target)
{
	struct ip_prefix p;

	return prefix_parse(&p, text) == 0 && p.addr.family == target->family &&
	       prefix_contains(&p, target);
}

static bool is_of_service(const char *status, const struct ip_addr *target)
{
	json_t *root = status ? json_loads(status, 0, NULL) : NULL;
	const json_t *service, *prefix;
	size_t i, k;
	bool found = false;

	json_array_foreach(json_object_get(root, "services"), i, service)
		json_array_foreach(json_object_get(service, "prefixes"), k, prefix)
	{
		const char *text = json_string_value(json_object_get(prefix, "prefix"));
		found |= text && is_in(text, target);
	}
	json_decref(root);
	return found;
}

const char *probe_denied(
	const struct glass_conf *conf, const char *status, const struct ip_addr *target)
{
	for (size_t i = 0; i < countof(special); i++)
		if (is_in(special[i], target))
			return "a special-purpose address (RFC 6890)";
	if (target->family == IP6 && !is_in(global6, target))
		return "a special-purpose address (RFC 6890)";
	items_for_each(const struct ip_prefix, p, conf->probes.deny)
	{
		if (p->addr.family == target->family && prefix_contains(p, target))
			return "an address that this glass does not probe";
	}
	if (is_of_service(status, target))
		return "an address of a service here";
	return NULL;
}
