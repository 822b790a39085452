// kind: address. Healthy while the service's addresses are this host's.
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "nearcastd/netlink.h"
#include "nearcastd/probe.h"

static struct health_result look(const struct ip_addr *a)
{
	char text[IP_TEXT];
	bool local = false;
	int error = netlink_is_local(a, &local);

	ip_print(a, text);
	if (error)
		return health_result_of(
			HEALTH_REASON_COULD_NOT_RUN, "%s: %s", text, strerror(-error));
	return health_result_of(
		local ? HEALTH_REASON_OK : HEALTH_REASON_NOT_CONFIGURED, "%s", text);
}

static struct health_result look_at_all(const struct probe *p)
{
	if (p->check->server.family != IP_NONE)
		return look(&p->check->server);
	items_for_each(struct ip_addr, a, p->service->addresses)
	{
		struct health_result r = look(a);

		if (!r.pass)
			return r;
	}
	return health_result_of(HEALTH_REASON_OK, "%zu configured", p->service->addresses.count);
}

static void address_start(struct probe *p)
{
	struct health_result r = look_at_all(p);

	probe_report(p, &r);
}

static void address_cancel(struct probe *) {}

static void address_free(struct probe *p)
{
	free(p);
}

static const struct probe_ops ops = { address_start, address_cancel, address_free };

struct probe *probe_address_new(const struct conf_check *)
{
	struct probe *p = mem_zalloc(sizeof(*p));

	p->ops = &ops;
	return p;
}
