#include "nearcastd/probe.h"

#include <assert.h>

#include "lib/own.h"

static struct probe *(*const kinds[])(const struct conf_check *) = {
	[HEALTH_KIND_DNS] = probe_dns_new,
	[HEALTH_KIND_TCP] = probe_tcp_new,
	[HEALTH_KIND_HTTP] = probe_http_new,
	[HEALTH_KIND_EXEC] = probe_exec_new,
	[HEALTH_KIND_ADDRESS] = probe_address_new,
	[HEALTH_KIND_FILE] = probe_file_new,
	[HEALTH_KIND_TLS] = probe_tls_new,
	[HEALTH_KIND_ICMP] = probe_icmp_new,
};
static_assert(countof(kinds) == HEALTH_KIND_MAX);

struct probe *probe_new(uv_loop_t *loop, const struct conf_service *service,
	const struct conf_check *check, probe_done_fn *done, void *ctx)
{
	struct probe *p = kinds[check->kind](check);

	p->loop = loop;
	p->service = service;
	p->check = check;
	p->done = done;
	p->ctx = ctx;
	return p;
}

void probe_start(struct probe *p)
{
	p->running = true;
	p->seen[0] = '\0';
	p->ops->start(p);
}

void probe_cancel(struct probe *p)
{
	if (p->running)
		p->ops->cancel(p);
	p->running = false;
}

void probe_free(struct probe **p)
{
	if (!*p)
		return;
	probe_cancel(*p);
	(*p)->ops->free(*p);
	*p = NULL;
}

void probe_report(struct probe *p, const struct health_result *r)
{
	p->running = false;
	p->done(p->ctx, r);
}

struct ip_addr probe_server(const struct conf_service *service, const struct conf_check *check)
{
	const struct ip_addr *addresses = service->addresses.data;

	if (check->server.family != IP_NONE || service->addresses.count == 0)
		return check->server;
	return addresses[0];
}
