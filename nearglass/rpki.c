#include "nearglass/rpki.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
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
	// What is done in one turn of the loop: a millisecond or two.
	CHANGES_A_TURN = 1000,
	PREFIXES_A_TURN = 2000,
	// More changes than these in one go: every route is judged anew, once.
	JOBS_MAX = 256,
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

// Payloads that came and went.
struct change {
	struct payload payload;
	bool added;
};

struct changes {
	struct changes *next;
	size_t count;
	struct change list[CHANGES_A_TURN];
};

// Routes to be judged anew: those that `under` covers, behind `at`.
struct job {
	struct ip_prefix under, at;
};

struct rpki {
	struct rib *rib;
	uint32_t local_as;
	struct payloads payloads;
	struct job jobs[JOBS_MAX], all[2];
	size_t job_count, all_count; // the last ones are worked on
	bool settled;                // routes are judged by a whole answer
	struct {                     // the latest verdict: neighbours mostly agree on the origin
		struct ip_prefix prefix;
		uint32_t origin;
		enum validity validity;
	} latest;

	struct rtr_mgr_config *manager;
	struct cache *caches;
	size_t count;
	bool running;
	uv_async_t turned;
	const struct rpki_ops *ops;
	void *ctx;
};

// rtrlib tells of changes of the table without saying whose it is; a process has one.
static struct {
	pthread_mutex_t lock;
	struct changes *first, *last; // not taken yet
	uint64_t waiting;             // of these
	uint64_t payloads[2];         // IPv4, IPv6
	uv_async_t *wake;             // NULL: nobody listens
} heard = { .lock = PTHREAD_MUTEX_INITIALIZER };

// ---- Told by the threads of rtrlib ----

static struct ip_addr address_from(const struct lrtr_ip_addr *a)
{
	uint8_t b[16];
	struct wr w = wr_init(b, sizeof(b));

	if (a->ver == LRTR_IPV4)
		return ip_from_u32(a->u.addr4.addr);
	for (size_t i = 0; i < 4; i++)
		wr_u32(&w, a->u.addr6.addr[i]);
	return ip_from_bytes(IP6, b);
}

static void on_payload(struct pfx_table *, const struct pfx_record record, const bool added)
{
	const struct ip_addr address = address_from(&record.prefix);
	const struct change change = {
		.payload.prefix = prefix_of(&address, record.min_len),
		.payload.max_len = record.max_len,
		.payload.as = record.asn,
		.added = added,
	};
	int could;

	// Whose thread this is ends by pthread_cancel(3), and would leave the lock behind.
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &could);
	pthread_mutex_lock(&heard.lock);
	if (!heard.last || heard.last->count == CHANGES_A_TURN) {
		struct changes *more = mem_zalloc(sizeof(*more));
		*(heard.last ? &heard.last->next : &heard.first) = more;
		heard.last = more;
		heard.waiting++;
	}
	heard.last->list[heard.last->count++] = change;
	heard.payloads[address.family == IP6] += added ? 1 : UINT64_MAX;
	if (heard.wake)
		uv_async_send(heard.wake);
	pthread_mutex_unlock(&heard.lock);
	pthread_setcancelstate(could, NULL);
}

static void on_status(const struct rtr_mgr_group *group, enum rtr_mgr_status status,
	const struct rtr_socket *, void *ctx)
{
	struct rpki *r = ctx;
	int could;

	if (group->preference == 0 || group->preference > r->count)
		return;
	atomic_store(&r->caches[group->preference - 1].up, status == RTR_MGR_ESTABLISHED);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &could); // as above
	uv_async_send(&r->turned);
	pthread_setcancelstate(could, NULL);
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

// That a cache is up is told when the routes are judged by what it said.
static void tell_turned(struct rpki *r, bool judged)
{
	for (size_t i = 0; i < r->count; i++) {
		struct cache *c = &r->caches[i];
		bool up = atomic_load(&c->up);
		if (up == c->told || (up && !judged))
			continue;
		c->told = up;
		r->ops->turned(r->ctx, c->conf, up);
	}
}

// ---- Judging ----

// An empty path: the route begins in the AS of the glass.
static unsigned judge(void *ctx, const struct ip_prefix *p, struct rd path)
{
	struct rpki *r = ctx;
	uint32_t origin = rib_path_length(path) == 0 ? r->local_as : rib_path_origin(path);

	if (origin != r->latest.origin || !prefix_equal(p, &r->latest.prefix)) {
		r->latest.prefix = *p;
		r->latest.origin = origin;
		r->latest.validity = payloads_judge(&r->payloads, p, origin);
	}
	return r->latest.validity;
}

static void judge_all(struct rpki *r)
{
	static const struct ip_prefix everything[] = { { .addr.family = IP4 },
		{ .addr.family = IP6 } };

	r->job_count = 0;
	r->all_count = 0;
	for (size_t i = 0; i < countof(everything); i++)
		r->all[r->all_count++] = (struct job){ .under = everything[i] };
}

static void add_job(struct rpki *r, const struct ip_prefix *under)
{
	if (r->job_count == JOBS_MAX)
		judge_all(r);
	else
		r->jobs[r->job_count++] = (struct job){ .under = *under };
}

static void apply(struct rpki *r, const struct change *c, bool bulk)
{
	bool changed = c->added ? payloads_add(&r->payloads, &c->payload)
				: payloads_remove(&r->payloads, &c->payload);

	if (changed && !bulk)
		add_job(r, &c->payload.prefix);
}

// NULL: there are none.
static struct changes *take_changes(void)
{
	pthread_mutex_lock(&heard.lock);
	struct changes *c = heard.first;
	if (c) {
		heard.first = c->next;
		heard.last = heard.first ? heard.last : NULL;
		heard.waiting--;
	}
	pthread_mutex_unlock(&heard.lock);
	return c;
}

static bool is_done(struct rpki *r)
{
	pthread_mutex_lock(&heard.lock);
	bool quiet = !heard.first;
	pthread_mutex_unlock(&heard.lock);
	return quiet && r->job_count == 0 && r->all_count == 0;
}

// A piece of the latest of these; true: there was none.
static bool work_on(struct rpki *r, struct job *list, size_t *count)
{
	if (*count == 0)
		return true;
	struct job *job = &list[*count - 1];
	if (!rib_remark(r->rib, &job->under, &job->at, PREFIXES_A_TURN))
		--*count;
	return false;
}

// Changes first, then the routes that they cover, then all. A whole answer is many changes.
static void work(struct rpki *r)
{
	own(free_ptr) struct changes *c = take_changes();
	bool bulk = c && c->count > JOBS_MAX;

	for (size_t i = 0; c && i < c->count; i++)
		apply(r, &c->list[i], bulk);
	if (bulk)
		judge_all(r);
	r->latest.prefix = (struct ip_prefix){}; // it was of the payloads before
	if (!c && work_on(r, r->jobs, &r->job_count) && !work_on(r, r->all, &r->all_count) &&
		r->all_count == 0)
		(void)malloc_trim(0); // what rtrlib needed to read the answer
}

static void on_turned(uv_async_t *handle)
{
	struct rpki *r = handle->data;

	work(r);
	bool done = is_done(r);
	tell_turned(r, done);
	if (!done)
		uv_async_send(&r->turned); // the loop has others to look after
}

// ---- Life ----

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

int rpki_new(struct rpki **ret, uv_loop_t *loop, const struct glass_conf *conf, struct rib *rib,
	const struct rpki_ops *ops, void *ctx, struct strbuf *error)
{
	struct rpki *r = mem_zalloc(sizeof(*r));
	struct rtr_mgr_group groups[RPKI_CACHES_MAX] = {};
	int rc = 0;

	// The threads are ended by pthread_cancel(3), which looks for this when no file can be opened.
	if (!dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_GLOBAL))
		rc = -ENOENT;
	r->rib = rib;
	r->local_as = (uint32_t)conf->as;
	payloads_init(&r->payloads);
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
	heard.wake = &r->turned;
	rib_set_marker(rib, judge, r);
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
	pthread_mutex_lock(&heard.lock);
	heard.wake = NULL;
	pthread_mutex_unlock(&heard.lock);
	uv_close((uv_handle_t *)&r->turned, NULL);
}

void rpki_free(struct rpki **which)
{
	struct rpki *r = take(*which);

	if (!r)
		return;
	rtr_mgr_free(r->manager);
	payloads_free(&r->payloads);
	for (struct changes *c; (c = take_changes());)
		free(c);
	free(r->caches);
	free(r);
}

// ---- Reading ----

// rtrlib sets last_update when an answer is whole and all of it has been told, and takes it back when
// that has expired.
static bool has_table(const struct rpki *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (__atomic_load_n(&r->caches[i].rtr.last_update, __ATOMIC_RELAXED) != 0)
			return true;
	return false;
}

void rpki_info(struct rpki *r, struct rpki_info *ret)
{
	r->settled = has_table(r) && (r->settled || is_done(r));
	pthread_mutex_lock(&heard.lock);
	*ret = (struct rpki_info){
		.known = r->settled,
		.payloads4 = heard.payloads[0],
		.payloads6 = heard.payloads[1],
		.bytes = heard.waiting * sizeof(struct changes),
	};
	pthread_mutex_unlock(&heard.lock);
	ret->bytes += payloads_bytes(&r->payloads);
}

bool rpki_cache_is_up(const struct rpki *r, size_t n)
{
	return atomic_load(&r->caches[n].up);
}
