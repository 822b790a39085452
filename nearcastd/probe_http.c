// kind: http. One GET with libcurl on the loop; http and https. Redirects are not
// followed, no proxy is used, each attempt has a connection of its own.
//
// libcurl and its memory come with the first such check.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/curlapi.h"
#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/openssl.h"
#include "lib/own.h"
#include "lib/strbuf.h"
#include "nearcastd/probe.h"
#include "nearcastd/probe_socket.h"

enum { BODY_MAX_BYTES = 65536 };

struct probe_http {
	struct probe base;
	const struct curl_api *curl;
	uv_timer_t timer; // libcurl's; its close callback frees the whole
	bool ready;       // multi, easy and timer are there
	CURLM *multi;
	CURL *easy;
	struct curl_slist *connect_to; // NULL: where the URL's host is
	struct strbuf body;
	bool enough; // the verdict does not need what is still to come
	bool too_large;
	char error[CURL_ERROR_SIZE];
};

static bool is_wanted_status(const struct probe_http *h)
{
	uint64_t want = h->base.check->status;
	long got = 0;

	h->curl->easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &got);
	return want != 0 ? (uint64_t)got == want : got >= 200 && got <= 299;
}

static bool has_wanted_text(const struct probe_http *h)
{
	const char *want = h->base.check->body;

	return !want ||
	       (h->body.len > 0 && memmem(h->body.s, h->body.len, want, strlen(want)) != NULL);
}

// libcurl takes another number than n as the wish to end the transfer.
static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct probe_http *h = ctx;
	size_t len = size * n;

	h->enough = !is_wanted_status(h) || !h->base.check->body;
	if (h->enough)
		return CURL_WRITEFUNC_ERROR;
	if (h->body.len + len > BODY_MAX_BYTES) {
		h->too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	sb_add(&h->body, data, len);
	h->enough = has_wanted_text(h);
	return h->enough ? CURL_WRITEFUNC_ERROR : len;
}

static struct health_result judge_reply(const struct probe_http *h)
{
	long status = 0;

	h->curl->easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!is_wanted_status(h))
		return health_result_of(HEALTH_REASON_BAD_STATUS, "status %ld", status);
	if (has_wanted_text(h))
		return health_result_of(HEALTH_REASON_OK, "status %ld", status);
	if (h->too_large)
		return health_result_of(HEALTH_REASON_TOO_LARGE,
			"no expected text in the first %d bytes", BODY_MAX_BYTES);
	return health_result_of(HEALTH_REASON_WRONG_ANSWER, "body lacks the expected text");
}

// The reasons of libcurl's faults; anything else is unreachable.
static const struct {
	CURLcode code;
	enum health_reason reason;
} faults[] = {
	{ CURLE_UNSUPPORTED_PROTOCOL, HEALTH_REASON_BAD_REPLY }, // as HTTP/0.9
	{ CURLE_URL_MALFORMAT, HEALTH_REASON_COULD_NOT_RUN },
	{ CURLE_FAILED_INIT, HEALTH_REASON_COULD_NOT_RUN },
	{ CURLE_OUT_OF_MEMORY, HEALTH_REASON_COULD_NOT_RUN },
	{ CURLE_WEIRD_SERVER_REPLY, HEALTH_REASON_BAD_REPLY },
	{ CURLE_PARTIAL_FILE, HEALTH_REASON_BAD_REPLY },
	{ CURLE_GOT_NOTHING, HEALTH_REASON_BAD_REPLY },
	{ CURLE_HTTP2, HEALTH_REASON_BAD_REPLY },
	{ CURLE_BAD_CONTENT_ENCODING, HEALTH_REASON_BAD_REPLY },
	{ CURLE_SSL_CONNECT_ERROR, HEALTH_REASON_BAD_REPLY },
	{ CURLE_PEER_FAILED_VERIFICATION, HEALTH_REASON_BAD_CERTIFICATE },
	{ CURLE_SSL_CACERT_BADFILE, HEALTH_REASON_COULD_NOT_RUN },
};

static struct health_result judge_fault(const struct probe_http *h, CURLcode code)
{
	enum health_reason reason = HEALTH_REASON_UNREACHABLE;
	long os_error = 0;

	h->curl->easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &os_error);
	if (code == CURLE_COULDNT_CONNECT && os_error == ECONNREFUSED)
		reason = HEALTH_REASON_REFUSED;
	for (size_t i = 0; i < countof(faults); i++)
		if (faults[i].code == code)
			reason = faults[i].reason;
	return health_result_of(
		reason, "%s", h->error[0] ? h->error : h->curl->easy_strerror(code));
}

static void http_cancel(struct probe *p)
{
	struct probe_http *h = container_of(p, struct probe_http, base);

	if (!h->ready)
		return;
	h->curl->multi_remove_handle(h->multi, h->easy);
	uv_timer_stop(&h->timer);
	sb_free(&h->body);
}

static void take_result(struct probe_http *h)
{
	int left = 0;
	const CURLMsg *m = h->curl->multi_info_read(h->multi, &left);

	if (!m || m->msg != CURLMSG_DONE)
		return;
	bool replied = m->data.result == CURLE_OK || h->enough || h->too_large;
	struct health_result r = replied ? judge_reply(h) : judge_fault(h, m->data.result);
	http_cancel(&h->base);
	probe_report(&h->base, &r);
}

static void act(struct probe_http *h, curl_socket_t fd, int events)
{
	int running = 0;

	h->curl->multi_socket_action(h->multi, fd, events, &running);
	take_result(h);
}

static void on_timer(uv_timer_t *timer)
{
	act(container_of(timer, struct probe_http, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *, long timeout_ms, void *ctx)
{
	struct probe_http *h = ctx;

	if (timeout_ms < 0)
		uv_timer_stop(&h->timer);
	else
		uv_timer_start(&h->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

// What libcurl keeps for us with each of its sockets.
struct http_socket {
	struct probe_http *probe;
	struct fdwatch *watch;
	curl_socket_t fd;
};

static void on_socket(void *ctx, int events)
{
	struct http_socket *s = ctx;
	int flags = 0;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(s->probe, s->fd, flags); // may end with s gone
}

static struct http_socket *add_socket(struct probe_http *h, curl_socket_t fd)
{
	struct http_socket *s = mem_zalloc(sizeof(*s));

	s->probe = h;
	s->fd = fd;
	if (fdwatch_new(&s->watch, h->base.loop, fd, UV_READABLE, on_socket, s))
		free_ptr(&s); // the attempt then ends at its deadline
	else
		h->curl->multi_assign(h->multi, fd, s);
	return s;
}

static void remove_socket(struct probe_http *h, struct http_socket *s)
{
	fdwatch_close(&s->watch);
	h->curl->multi_assign(h->multi, s->fd, NULL);
	free(s);
}

static int watch_socket(CURL *, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct probe_http *h = ctx;
	struct http_socket *s = socket_ctx;
	int events = 0;

	if (what == CURL_POLL_REMOVE) {
		if (s)
			remove_socket(h, s);
		return 0;
	}
	if (!s)
		s = add_socket(h, fd);
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	if (s)
		fdwatch_events(s->watch, events);
	return 0;
}

// libcurl would read the file of all the system's certificates anew for each attempt, and
// nothing else runs on the loop meanwhile.
static void set_trust(struct probe_http *h)
{
	const char *file = h->base.check->ca_file;
	char *folder = NULL;

	if (file) {
		h->curl->easy_setopt(h->easy, CURLOPT_CAINFO, file);
		h->curl->easy_setopt(h->easy, CURLOPT_CAPATH, NULL);
		return;
	}
	h->curl->easy_getinfo(h->easy, CURLINFO_CAPATH, &folder);
	if (openssl_is_hashed_folder(folder))
		h->curl->easy_setopt(h->easy, CURLOPT_CAINFO, NULL);
}

// An https name can so be checked at the service address.
static void set_server(struct probe_http *h)
{
	const struct ip_addr *server = &h->base.check->server;
	char address[IP_TEXT], entry[IP_TEXT + 8], source[IP_TEXT + 8];

	if (server->family == IP_NONE)
		return;
	ip_print(server, address);
	// "any host : any port : this host : the same port"
	snprintf(entry, sizeof(entry), server->family == IP6 ? "::[%s]:" : "::%s:", address);
	h->connect_to = h->curl->slist_append(NULL, entry);
	h->curl->easy_setopt(h->easy, CURLOPT_CONNECT_TO, h->connect_to);
	// As probe_connect() does: a service address that this host has lost must
	// not be answered by another site.
	snprintf(source, sizeof(source), "host!%s", address);
	if (probe_is_own(h->base.service, server))
		h->curl->easy_setopt(h->easy, CURLOPT_INTERFACE, source);
}

static void set_options(struct probe_http *h)
{
	const struct curl_api *curl = h->curl;
	CURL *c = h->easy;

	curl->easy_setopt(c, CURLOPT_URL, h->base.check->url);
	curl->easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl->easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl->easy_setopt(c, CURLOPT_PROXY, ""); // nor one from the environment
	curl->easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
	curl->easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
	curl->easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(c, CURLOPT_USERAGENT, "nearcast/" NEARCAST_VERSION);
	curl->easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl->easy_setopt(c, CURLOPT_WRITEDATA, h);
	curl->easy_setopt(c, CURLOPT_ERRORBUFFER, h->error);
	set_trust(h);
	set_server(h);
	// Without it an attempt that is cancelled while a name is resolved would
	// stop the whole daemon until the resolver gives up.
	curl->easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
}

static int make_ready(struct probe_http *h, const char **error)
{
	h->curl = curl_api(error);
	if (!h->curl)
		return -1;
	h->multi = h->curl->multi_init();
	h->easy = h->curl->easy_init();
	if (!h->multi || !h->easy)
		mem_abort("libcurl");
	uv_timer_init(h->base.loop, &h->timer);
	h->curl->multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	h->curl->multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	h->curl->multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	h->curl->multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	set_options(h);
	h->ready = true;
	return 0;
}

static void http_start(struct probe *p)
{
	struct probe_http *h = container_of(p, struct probe_http, base);
	const char *error = "libcurl does not begin";

	h->enough = h->too_large = false;
	h->error[0] = '\0';
	// libcurl asks for a timer of 0 ms; the work begins there.
	if ((h->ready || make_ready(h, &error) == 0) &&
		h->curl->multi_add_handle(h->multi, h->easy) == CURLM_OK)
		return;
	struct health_result r = health_result_of(HEALTH_REASON_COULD_NOT_RUN, "%s", error);
	probe_report(p, &r);
}

static void free_closed(uv_handle_t *handle)
{
	free(container_of((uv_timer_t *)handle, struct probe_http, timer));
}

static void http_free(struct probe *p)
{
	struct probe_http *h = container_of(p, struct probe_http, base);

	if (!h->ready) {
		free(h);
		return;
	}
	h->curl->easy_cleanup(h->easy);
	h->curl->multi_cleanup(h->multi);
	h->curl->slist_free_all(h->connect_to);
	uv_close((uv_handle_t *)&h->timer, free_closed);
}

static const struct probe_ops ops = { http_start, http_cancel, http_free };

struct probe *probe_http_new(const struct conf_check *)
{
	struct probe_http *h = mem_zalloc(sizeof(*h));

	h->base.ops = &ops;
	return &h->base;
}
