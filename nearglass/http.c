#include "nearglass/http.h"

#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/port.h"
#include "lib/unixsock.h"
#include "nearglass/assets.h"

enum {
	IDLE_S = 15,
	LAST_WORDS_S = 1,
	MEMORY_A_CONNECTION = 32 << 10, // headers and all
	PATH_MAX_BYTES = 1024,
	THREADS = 2,
	BACKLOG = 511,
	STREAM_BLOCK = 256 << 10,
};

struct http {
	const struct glass_conf *conf;
	struct views *views;
	struct journal *journal;
	struct history *history;
	struct probes *probes;
	struct MHD_Daemon *daemon;
	pthread_mutex_t lock; // of streams
	pthread_cond_t fewer;
	unsigned streams; // answers that are not whole yet
};

static const struct endpoint *const tables[] = { api_endpoints, birdwatcher_endpoints,
	rfc8522_endpoints, metrics_endpoints };

// ---- Calls ----

const char *call_arg(const struct call *c, const char *name)
{
	for (size_t i = 0; i < c->arg_count; i++)
		if (strcmp(c->args[i].name, name) == 0)
			return c->args[i].value;
	return NULL;
}

bool call_is_late(const struct call *c)
{
	return instant_due(c->deadline, clock_now());
}

void call_fail(struct call *c, unsigned status, const char *tag, const char *fmt, ...)
{
	own(sb_free) struct strbuf message = {};
	va_list ap;

	va_start(ap, fmt);
	sb_vprintf(&message, fmt, ap);
	va_end(ap);
	sb_clear(&c->body);
	c->status = status;
	c->type = "application/json";
	own(out_free) struct out *o = out_new(OUT_JSON, &c->body);
	out_object(o, NULL);
	out_str(o, "message", sb_text(&message));
	out_uint(o, "code", status);
	out_str(o, "tag", tag);
	out_end(o);
}

// ---- From the request ----

// In a list of names with blanks between them.
static bool is_listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; at && n > 0 && (at = strstr(at, name)); at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

struct reading {
	struct call *c;
	const struct endpoint *endpoint;
};

static enum MHD_Result read_arg(void *ctx, enum MHD_ValueKind, const char *name, size_t name_len,
	const char *value, size_t value_len)
{
	struct reading *r = ctx;
	struct call *c = r->c;

	if (strlen(name) != name_len || (value && strlen(value) != value_len)) {
		call_fail(c, 400, "bad-parameter", "a parameter has a NUL in it");
		return MHD_NO;
	}
	if (!is_listed(r->endpoint->args, name)) {
		call_fail(c, 400, "unknown-parameter", "there is no parameter `%s` here", name);
		return MHD_NO;
	}
	if (call_arg(c, name) || c->arg_count == CALL_ARGS_MAX) {
		call_fail(c, 400, "bad-parameter", "parameter `%s` is given twice", name);
		return MHD_NO;
	}
	c->args[c->arg_count].name = name;
	c->args[c->arg_count++].value = value ? value : "";
	return MHD_YES;
}

static const struct endpoint *find_endpoint(const char *path, const char **rest)
{
	for (size_t t = 0; t < countof(tables); t++)
		for (const struct endpoint *e = tables[t]; e->path; e++) {
			size_t n = strlen(e->path);
			bool below = e->path[n - 1] == '/';
			if (below ? strncmp(path, e->path, n) == 0 : strcmp(path, e->path) == 0) {
				*rest = path + n;
				return e;
			}
		}
	return NULL;
}

// The name in a Host header, without its port, in lower case; false: it is none.
static bool host_name(const char *header, char *name, size_t size)
{
	size_t n = header[0] == '[' ? strcspn(header, "]") + 1 : strcspn(header, ":");

	if (n == 0 || n >= size || (header[n] && header[n] != ':'))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)header[i]) && !strchr("-._[]:", header[i]))
			return false;
		name[i] = (char)tolower((unsigned char)header[i]);
	}
	name[n] = '\0';
	return true;
}

static bool is_our_host(const struct glass_conf *conf, const char *name)
{
	if (conf->http.hosts.count == 0)
		return true;
	items_for_each(
		char *, host, conf->http.hosts) if (strcasecmp(*host, name) == 0) return true;
	return false;
}

// ---- To the client ----

static const char *const headers[][2] = {
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
		"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'" },
	{ "Cache-Control", "no-store" },
};

struct stream {
	struct http *http;
	struct call call;
	struct MHD_Connection *connection;
	struct journal_waiter waiter;
	struct strbuf buffer;
	size_t at;
	bool ended;
};

static void wake(void *ctx)
{
	MHD_resume_connection(ctx);
}

// It is put to sleep before it waits, for it may be woken at once.
static void sleep_until_event(struct stream *s)
{
	MHD_suspend_connection(s->connection);
	if (!journal_wait(s->call.journal, &s->waiter, *s->call.heard))
		MHD_resume_connection(s->connection);
}

static ssize_t stream_read(void *ctx, uint64_t, char *to, size_t max)
{
	struct stream *s = ctx;

	while (s->at == s->buffer.len && !s->ended) {
		sb_clear(&s->buffer);
		s->at = 0;
		enum call_more more = s->call.more(s->call.stream, &s->buffer);
		if (more == CALL_WAIT) {
			sleep_until_event(s);
			return 0;
		}
		s->ended = more == CALL_END;
	}
	size_t n = s->buffer.len - s->at;
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = n < max ? n : max;
	memcpy(to, s->buffer.s + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

static void stream_free(void *ctx)
{
	struct stream *s = ctx;

	struct http *h = s->http;

	journal_leave(s->call.journal, &s->waiter);
	s->call.free_stream(s->call.stream);
	sb_free(&s->buffer);
	free(s);
	pthread_mutex_lock(&h->lock);
	h->streams--;
	pthread_cond_broadcast(&h->fewer);
	pthread_mutex_unlock(&h->lock);
}

// Streams end by themselves when the glass stops, with a last word: it is on the wire before the
// server closes, unless a client does not take it.
static void let_streams_end(struct http *h)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LAST_WORDS_S;
	pthread_mutex_lock(&h->lock);
	while (h->streams > 0 &&
		pthread_cond_clockwait(&h->fewer, &h->lock, CLOCK_MONOTONIC, &until) == 0)
		;
	pthread_mutex_unlock(&h->lock);
}

// MHD copies nothing and writes nothing: the type wants a pointer that could be written through.
static struct MHD_Response *make_file(const struct call *c)
{
	union {
		const unsigned char *read;
		void *given;
	} bytes = { .read = c->gzip ? c->file->gzip : c->file->plain };
	size_t n = c->gzip ? c->file->gzip_len : c->file->plain_len;
	struct MHD_Response *r =
		MHD_create_response_from_buffer(n, bytes.given, MHD_RESPMEM_PERSISTENT);

	if (c->gzip)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	MHD_add_response_header(r, "Vary", "Accept-Encoding");
	return r;
}

static struct MHD_Response *make_response(
	struct http *h, struct MHD_Connection *connection, struct call *c)
{
	if (c->more) {
		struct stream *s = mem_zalloc(sizeof(*s));
		pthread_mutex_lock(&h->lock);
		h->streams++;
		pthread_mutex_unlock(&h->lock);
		s->http = h;
		s->call = *c;
		s->connection = connection;
		s->waiter = (struct journal_waiter){ .wake = wake, .ctx = connection };
		return MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, s, stream_free);
	}
	if (c->file)
		return make_file(c);
	size_t n = c->body.len;
	return MHD_create_response_from_buffer(n, sb_take(&c->body), MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result reply(struct http *h, struct MHD_Connection *connection, struct call *c)
{
	struct MHD_Response *r = make_response(h, connection, c);

	MHD_add_response_header(r, "Content-Type", c->type);
	for (size_t i = 0; i < countof(headers); i++)
		MHD_add_response_header(r, headers[i][0], headers[i][1]);
	if (c->status == 405)
		MHD_add_response_header(r, "Allow", "GET, HEAD");
	enum MHD_Result rc = MHD_queue_response(connection, c->status, r);
	MHD_destroy_response(r);
	return rc;
}

// A file of the page. Its names stay from one version to the next, so browsers ask again.
static void answer_file(struct call *c)
{
	c->file = asset_find(c->path);
	if (c->file)
		c->type = c->file->type;
	else
		call_fail(c, 404, "unknown-path", "there is nothing at this path");
}

static void answer(struct http *h, struct MHD_Connection *connection, struct call *c)
{
	const struct endpoint *e = find_endpoint(c->path, &c->rest);
	struct reading r = { c, e };

	if (!e) {
		answer_file(c);
		return;
	}
	MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, read_arg, &r);
	if (c->status != 200)
		return;
	c->view = view_get(h->views);
	if (!c->view)
		call_fail(c, 503, "stopping", "the glass is stopping");
	else
		e->answer(c);
	view_put(&c->view);
}

static void check_and_answer(
	struct http *h, struct MHD_Connection *connection, struct call *c, const char *method)
{
	const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
	char host[256];

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		call_fail(c, 405, "method", "only GET and HEAD");
		return;
	}
	if (strlen(c->path) > PATH_MAX_BYTES) {
		call_fail(c, 414, "too-long", "the path is over %d bytes", PATH_MAX_BYTES);
		return;
	}
	if (!header || !host_name(header, host, sizeof(host)) || !is_our_host(h->conf, host)) {
		call_fail(c, 421, "host", "this glass does not answer for that host");
		return;
	}
	const char *coding =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept-Encoding");
	c->gzip = coding && strstr(coding, "gzip");
	c->host = host;
	answer(h, connection, c);
	c->host = NULL;
}

static enum MHD_Result last_forwarded(
	void *ctx, enum MHD_ValueKind, const char *name, const char *value)
{
	const char **last = ctx;

	if (strcasecmp(name, "X-Forwarded-For") == 0)
		*last = value;
	return MHD_YES;
}

// Who asks: the peer, or whom the web server in front of the glass put last.
static struct ip_addr client_of(const struct glass_http *o, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct ip_addr client = i ? ip_from_sockaddr(i->client_addr) : (struct ip_addr){};
	const char *list = NULL;

	if (o->forwarded)
		MHD_get_connection_values(connection, MHD_HEADER_KIND, last_forwarded, &list);
	const char *comma = list ? strrchr(list, ',') : NULL;
	const char *last = comma ? comma + 1 : list;
	struct ip_addr said;
	return last && ip_parse(&said, last + strspn(last, " \t")) == 0 ? said : client;
}

// Called first with the headers alone, then for the body, then to be answered. A GET has no body:
// what comes nevertheless is read away.
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
	const char *method, const char *, const char *, size_t *upload, void **state)
{
	static int seen;
	struct http *h = ctx;

	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload > 0) {
		*upload = 0;
		return MHD_YES;
	}
	struct call c = {
		.conf = h->conf,
		.journal = h->journal,
		.history = h->history,
		.probes = h->probes,
		.client = client_of(&h->conf->http, connection),
		.head = strcmp(method, "HEAD") == 0,
		.last_event_id =
			MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Last-Event-ID"),
		.path = path,
		.deadline = instant_add(clock_now(), h->conf->http.request_time),
		.status = 200,
		.type = "application/json",
	};
	check_and_answer(h, connection, &c, method);
	enum MHD_Result rc = reply(h, connection, &c);
	sb_free(&c.body);
	return rc;
}

// ---- The server ----

static void quiet(void *, const char *, va_list) {}

// The listening socket that systemd or another starter hands over (sd_listen_fds(3)); -1: none. Its
// port may then be one that this user could not open, or in another network namespace.
static int passed_socket(void)
{
	enum { PASSED_FD = 3 };
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int listens = 0;
	socklen_t len = sizeof(listens);

	if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid() || strcmp(count, "1") != 0)
		return -1;
	if (getsockopt(PASSED_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens)
		return -1;
	return PASSED_FD;
}

static bool is_local(int fd)
{
	struct sockaddr_storage ss = {};
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return false;
	struct ip_addr a = ip_from_sockaddr((struct sockaddr *)&ss);
	return ss.ss_family == AF_UNIX || ip_is_loopback(&a);
}

int http_listen(const struct glass_conf *conf, struct strbuf *error)
{
	const struct glass_http *o = &conf->http;
	char text[IP_TEXT];
	int passed = passed_socket();

	if (passed >= 0 && o->forwarded && !is_local(passed)) {
		sb_str(error, "forwarded is for a Unix socket or loopback, and the socket that was "
			      "handed "
			      "over is neither");
		return -EINVAL;
	}
	if (passed >= 0)
		return passed;
	if (o->socket)
		return unixsock_listen(o->socket, 0666, "glass", error);
	int fd = port_bind(&o->address, (uint16_t)o->port);
	if (fd < 0)
		sb_printf(error, "cannot serve HTTP on %s port %u: %s", ip_print(&o->address, text),
			(unsigned)o->port, port_problem(fd));
	return fd;
}

int http_new(struct http **ret, int fd, const struct glass_conf *conf, struct views *views,
	struct journal *journal, struct history *history, struct probes *probes,
	struct strbuf *error)
{
	const struct glass_http *o = &conf->http;
	struct http *h = mem_zalloc(sizeof(*h));

	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->fewer, NULL);
	h->conf = conf;
	h->views = views;
	h->journal = journal;
	h->history = history;
	h->probes = probes;
	if (listen(fd, BACKLOG) == 0)
		h->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG |
						     MHD_ALLOW_SUSPEND_RESUME,
			0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, quiet, NULL,
			MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
			(unsigned)o->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
			(unsigned)o->connections_per_client, MHD_OPTION_CONNECTION_TIMEOUT,
			(unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
			(size_t)MEMORY_A_CONNECTION, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
			MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!h->daemon) {
		int rc = errno ? -errno : -EIO;
		sb_printf(error, "cannot serve HTTP: %s", strerror(-rc));
		close(fd);
		free(h);
		return rc;
	}
	*ret = h;
	return 0;
}

void http_free(struct http **which)
{
	struct http *h = take(*which);

	if (!h)
		return;
	let_streams_end(h);
	MHD_stop_daemon(h->daemon);
	pthread_cond_destroy(&h->fewer);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
