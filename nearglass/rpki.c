#include "nearglass/rpki.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <rtrlib/rtrlib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "lib/own.h"

enum {
	CONNECT_MS = 5000,
	// RFC 8210 section 6, until a cache says its own.
	REFRESH_S = 3600,
	RETRY_S = 2,
	EXPIRE_S = 7200,
	PORT_TEXT = 6,
};

static const char *const names[] = {
	[RPKI_VALID] = "valid",
	[RPKI_NOT_FOUND] = "not-found",
	[RPKI_INVALID] = "invalid",
	[RPKI_UNKNOWN] = "unknown",
};
static_assert(countof(names) == RPKI_VALIDITIES, "a name for each");

const char *rpki_validity_name(enum rpki_validity v)
{
	return names[v];
}

struct cache {
	const struct glass_cache *conf;
	struct tr_socket transport;
	struct rtr_socket rtr, *list[1];
	char host[IP_TEXT], port[PORT_TEXT];
	_Atomic bool up;
	bool told; // up was
};

struct rpki {
	struct rtr_mgr_config *manager;
	struct cache *caches;
	size_t count;
	bool running;
	uv_async_t turned;
	const struct rpki_ops *ops;
	void *ctx;
};

// rtrlib tells of changes of the table without saying whose it is; a process has one.
static _Atomic uint64_t payloads4, payloads6;

// ---- Told by the threads of rtrlib ----

static void on_payload(struct pfx_table *, const struct pfx_record record, const bool added)
{
	_Atomic uint64_t *n = record.prefix.ver == LRTR_IPV4 ? &payloads4 : &payloads6;

	if (added)
		atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(n, 1, memory_order_relaxed);
}

static void on_status(const struct rtr_mgr_group *group, enum rtr_mgr_status status,
	const struct rtr_socket *, void *ctx)
{
	struct rpki *r = ctx;

	if (group->preference == 0 || group->preference > r->count)
		return;
	atomic_store(&r->caches[group->preference - 1].up, status == RTR_MGR_ESTABLISHED);
	uv_async_send(&r->turned);
}

// rtrlib's own way to connect waits with select(2), which takes no descriptor over 1023.
static int wait_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t n = sizeof(error);

	if (poll(&p, 1, CONNECT_MS) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return -errno;
	return -error;
}

static int connect_cache(void *ctx)
{
	struct cache *c = ctx;
	struct sockaddr_storage to;
	socklen_t n = ip_to_sockaddr(&c->conf->address, (uint16_t)c->conf->port, &to);
	own(close_fd) int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&to, n) < 0 &&
		(errno != EINPROGRESS || wait_connected(fd) < 0))
		return -1;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
		return -1;
	// Begin with a Reset Query: rtrlib would ask a restarted cache for its old session again and
	// again (RFC 8210 section 5.1 wants it forgotten). This is its own thread.
	c->rtr.request_session_id = true;
	return take_fd(&fd);
}

// ---- The loop ----

static void on_turned(uv_async_t *handle)
{
	struct rpki *r = handle->data;

	for (size_t i = 0; i < r->count; i++) {
		struct cache *c = &r->caches[i];
		bool up = atomic_load(&c->up);
		if (up == c->told)
			continue;
		c->told = up;
		r->ops->turned(r->ctx, c->conf, up);
	}
}

static int add_cache(struct cache *c, const struct glass_cache *conf)
{
	struct tr_tcp_config tcp = { .data = c, .new_socket = connect_cache };

	c->conf = conf;
	ip_print(&conf->address, c->host);
	snprintf(c->port, sizeof(c->port), "%u", (unsigned)(uint16_t)conf->port);
	tcp.host = c->host;
	tcp.port = c->port;
	c->rtr.tr_socket = &c->transport;
	c->list[0] = &c->rtr;
	return tr_tcp_init(&tcp, &c->transport) == TR_SUCCESS ? 0 : -ENOMEM;
}

int rpki_new(struct rpki **ret, uv_loop_t *loop, const struct glass_conf *conf,
	const struct rpki_ops *ops, void *ctx, struct strbuf *error)
{
	struct rpki *r = mem_zalloc(sizeof(*r));
	struct rtr_mgr_group groups[RPKI_CACHES_MAX] = {};
	int rc = 0;

	// The threads are ended by pthread_cancel(3), which looks for this when no file can be opened.
	if (!dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_GLOBAL))
		rc = -ENOENT;
	r->ops = ops;
	r->ctx = ctx;
	r->count = conf->rpki.count;
	r->caches = mem_zalloc(r->count * sizeof(*r->caches));
	for (size_t i = 0; rc == 0 && i < r->count; i++) {
		struct cache *c = &r->caches[i];
		rc = add_cache(c, (const struct glass_cache *)conf->rpki.data + i);
		groups[i] = (struct rtr_mgr_group){
			.sockets = c->list,
			.sockets_len = 1,
			.preference = (uint8_t)(i + 1),
		};
	}
	if (rc == 0 && rtr_mgr_init(&r->manager, groups, (unsigned)r->count, REFRESH_S, EXPIRE_S,
			       RETRY_S, on_payload, NULL, on_status, r) != RTR_SUCCESS)
		rc = -EINVAL;
	if (rc < 0) {
		sb_printf(error, "rtrlib: %s", strerror(-rc));
		return rc; // the process ends
	}
	uv_async_init(loop, &r->turned, on_turned);
	r->turned.data = r;
	*ret = r;
	return 0;
}

int rpki_start(struct rpki *r)
{
	if (rtr_mgr_start(r->manager) != RTR_SUCCESS)
		return -EAGAIN;
	r->running = true;
	return 0;
}

void rpki_stop(struct rpki *r)
{
	if (r->running)
		rtr_mgr_stop(r->manager);
	r->running = false;
	uv_close((uv_handle_t *)&r->turned, NULL);
}

void rpki_free(struct rpki **which)
{
	struct rpki *r = take(*which);

	if (!r)
		return;
	rtr_mgr_free(r->manager);
	free(r->caches);
	free(r);
}

// ---- Reading ----

void rpki_info(const struct rpki *r, struct rpki_info *ret)
{
	*ret = (struct rpki_info){
		.payloads4 = atomic_load_explicit(&payloads4, memory_order_relaxed),
		.payloads6 = atomic_load_explicit(&payloads6, memory_order_relaxed),
	};
	// rtrlib sets it when an answer is whole, and takes it back when that has expired.
	for (size_t i = 0; i < r->count; i++)
		if (__atomic_load_n(&r->caches[i].rtr.last_update, __ATOMIC_RELAXED) != 0)
			ret->known = true;
}

bool rpki_cache_is_up(const struct rpki *r, size_t n)
{
	return atomic_load(&r->caches[n].up);
}

static struct lrtr_ip_addr address_of(const struct ip_addr *a)
{
	struct lrtr_ip_addr ret = { .ver = a->family == IP4 ? LRTR_IPV4 : LRTR_IPV6 };
	struct rd r = rd_init(a->b, sizeof(a->b));

	if (a->family == IP4)
		ret.u.addr4.addr = rd_u32(&r);
	else
		for (size_t i = 0; i < 4; i++)
			ret.u.addr6.addr[i] = rd_u32(&r);
	return ret;
}

enum rpki_validity rpki_validate(const struct rpki *r, const struct ip_prefix *p, uint32_t origin)
{
	static const enum rpki_validity of[] = {
		[BGP_PFXV_STATE_VALID] = RPKI_VALID,
		[BGP_PFXV_STATE_NOT_FOUND] = RPKI_NOT_FOUND,
		[BGP_PFXV_STATE_INVALID] = RPKI_INVALID,
	};
	struct lrtr_ip_addr a = address_of(&p->addr);
	enum pfxv_state state = BGP_PFXV_STATE_NOT_FOUND;

	if (rtr_mgr_validate(r->manager, origin, &a, p->len, &state) != PFX_SUCCESS)
		return RPKI_UNKNOWN;
	return of[state];
}
