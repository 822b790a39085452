#include "nearglass/daemon_metrics.h"

#include <jansson.h>
#include <string.h>

#include "lib/own.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is_text(const json_t *object, const char *key, const char *value)
{
	return strcmp(text_of(object, key), value) == 0;
}

// Each prefix at each upstream has its 0 or 1 at any time: an alarm needs no absent().
static void announced_write(struct out *o, const json_t *services)
{
	size_t i, k, n;
	json_t *service, *prefix, *upstream;

	out_family(o, "nearcast_announced", "gauge", NULL,
		"Whether the prefix is announced to the upstream.");
	json_array_foreach(services, i, service)
	{
		json_array_foreach(json_object_get(service, "prefixes"), k, prefix)
		{
			json_array_foreach(json_object_get(prefix, "upstreams"), n, upstream)
				out_sample(o, json_is_true(json_object_get(upstream, "announced")),
					"service", text_of(service, "name"), "prefix",
					text_of(prefix, "prefix"), "upstream",
					text_of(upstream, "name"), NULL);
		}
	}
}

static void health_write(struct out *o, const json_t *services)
{
	static const char *const states[] = { "starting", "up", "degraded", "down" };
	size_t i;
	json_t *service;

	out_family(o, "nearcast_service_health", "gauge", NULL,
		"1 for the health that the service has.");
	json_array_foreach(services, i, service)
	{
		for (size_t k = 0; k < countof(states); k++)
			out_sample(o, is_text(service, "health", states[k]), "service",
				text_of(service, "name"), "health", states[k], NULL);
	}
}

static void checks_write(struct out *o, const json_t *services)
{
	size_t i, k;
	json_t *service, *check;

	out_family(o, "nearcast_check_up", "gauge", NULL, "Whether the check passes.");
	json_array_foreach(services, i, service)
	{
		json_array_foreach(json_object_get(service, "checks"), k, check)
			out_sample(o, is_text(check, "result", "up"), "service",
				text_of(service, "name"), "check", text_of(check, "name"), NULL);
	}
}

static void upstreams_write(struct out *o, const json_t *upstreams)
{
	size_t i;
	json_t *upstream;

	out_family(o, "nearcast_upstream_up", "gauge", NULL,
		"Whether the BGP session with the upstream is established.");
	json_array_foreach(upstreams, i, upstream)
		out_sample(o, is_text(upstream, "state", "Established"), "upstream",
			text_of(upstream, "name"), NULL);
}

void daemon_metrics_write(struct out *o, const char *status)
{
	json_t *root = status ? json_loads(status, 0, NULL) : NULL;
	const json_t *services = json_object_get(root, "services");

	if (!root)
		return;
	announced_write(o, services);
	health_write(o, services);
	checks_write(o, services);
	upstreams_write(o, json_object_get(root, "upstreams"));
	json_decref(root);
}
