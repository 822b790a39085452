#include "nearglass/sites.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/curlapi.h"
#include "lib/fdwatch.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "nearglass/once.h"
#include "nearglass/siteurl.h"
#include "nearglass/timetext.h"

enum {
	REFRESH_MS = 5000,
	SOON_MS = 100, // after an event, so that several cost one status
	CONNECT_MS = 3000,
	ANSWER_MS = 5000,
	STATUS_MAX_BYTES = 4 << 20,
	HEADERS_MAX_BYTES = 64 << 10,
	STREAM_BYTES_A_SECOND = 256 << 10,
	STREAM_SILENT_S = 45, // three beats of a stream
	EVENT_MAX_BYTES = 16 << 10,
	ID_MAX_BYTES = 64,
	TRUST_MAX_BYTES = 4 << 20,
};

static const char system_trust[] = "/etc/ssl/certs/ca-certificates.crt";

struct site;

// One GET, again and again on the same handle.
struct transfer {
	struct site *site;
	CURL *easy;
	bool running;
	size_t header_bytes;
	bool too_large;
	struct strbuf body;
	char error[CURL_ERROR_SIZE];
	struct strbuf url;
};

struct site {
	struct sites *all;
	const struct glass_site *conf;
	struct site_info info;
	struct transfer status, events;
	struct curl_slist *addresses;
	struct strbuf trust;
	uv_timer_t ask;
	bool again;                 // something happened while the status was on its way
	bool forsaken;              // its name was not found; nothing is asked
	char last_id[ID_MAX_BYTES]; // of the latest event, to go on behind it
	struct once once;   // a glass that was started again has others, for the same events
	struct strbuf line; // of the stream, not whole yet
	bool passing;       // over a line that is too long
};

struct sites {
	uv_loop_t *loop;
	const struct curl_api *curl;
	CURLM *multi;
	uv_timer_t timer; // libcurl's
	const struct sites_ops *ops;
	void *ctx;
	struct site *list;
	size_t count;
	bool stopped;
};

// ---- What was said ----

static void turn(struct site *s, bool reachable, const char *why)
{
	bool turned = !s->info.asked || s->info.reachable != reachable;

	if (turned)
		s->info.since_us = clock_unix_us();
	s->info.asked = true;
	s->info.reachable = reachable;
	free(s->info.error);
	s->info.error = why ? mem_strdup(why) : NULL;
	s->all->ops->changed(s->all->ctx, (size_t)(s - s->all->list), turned);
}

// Of an array that is there, every item is an object, with the named arrays of the same kind within.
static bool is_list_of(const json_t *list, const char *const *within)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const json_t *inner = *within ? json_object_get(item, *within) : NULL;
		if (!json_is_object(item) || (inner && !is_list_of(inner, within + 1)))
			return false;
	}
	return json_is_array(list);
}

// What its nearcastd says is drawn with what is known here: it is to be of that form, and of that site.
static bool is_daemon_of(const json_t *daemon, const char *site)
{
	static const char *const within[] = { "prefixes", "upstreams", NULL };
	const json_t *status = json_object_get(daemon, "status");
	const json_t *services = json_object_get(status, "services");
	const char *name = json_string_value(json_object_get(status, "site"));

	if (!daemon || json_is_null(daemon))
		return true;
	if (!json_is_object(daemon))
		return false;
	if (!status || json_is_null(status))
		return true;
	return name && strcmp(name, site) == 0 && (!services || is_list_of(services, within));
}

// "": it is taken; else why not.
static const char *take_status(struct site *s)
{
	json_t *status = json_loadb(s->status.body.s ? s->status.body.s : "", s->status.body.len,
		JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(status, "site"));
	const char *why = "";

	if (!json_is_object(status) || !name) {
		why = "the answer is not the status of a glass";
	} else if (strcmp(name, s->conf->name) != 0) {
		why = "it is the glass of another site";
	} else if (!is_daemon_of(json_object_get(status, "daemon"), name)) {
		why = "what it says of its nearcastd is not of this form, or of another site";
	} else {
		// Two glasses that follow each other would nest without end.
		json_object_del(status, "sites");
		json_object_del(status, "fleet"); // this site has its own view of it
		free(s->info.status);
		s->info.status = json_dumps(status, JSON_COMPACT);
		s->info.heard_us = clock_unix_us();
	}
	json_decref(status);
	return why;
}

static long status_code(const struct transfer *t)
{
	long code = 0;

	t->site->all->curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
	return code;
}

static void judge(struct site *s, CURLcode result)
{
	own(sb_free) struct strbuf why = {};
	long code = status_code(&s->status);

	if (s->status.too_large)
		sb_str(&why, "the answer is too large");
	else if (result != CURLE_OK)
		sb_str(&why,
			s->status.error[0] ? s->status.error : s->all->curl->easy_strerror(result));
	else if (code >= 300 && code <= 399)
		sb_printf(&why, "status %ld: redirects are not followed", code);
	else if (code != 200)
		sb_printf(&why, "status %ld", code);
	else
		sb_str(&why, take_status(s));
	turn(s, why.len == 0, why.len > 0 ? sb_text(&why) : NULL);
}

// ---- Transfers ----

static void begin(struct transfer *t)
{
	struct sites *s = t->site->all;

	if (t->running || s->stopped)
		return;
	sb_clear(&t->body);
	t->header_bytes = 0;
	t->too_large = false;
	t->error[0] = '\0';
	// libcurl asks for a timer of 0 ms; the work begins there.
	t->running = s->curl->multi_add_handle(s->multi, t->easy) == CURLM_OK;
}

static void end(struct transfer *t)
{
	if (t->running)
		t->site->all->curl->multi_remove_handle(t->site->all->multi, t->easy);
	t->running = false;
}

static void on_ask(uv_timer_t *timer)
{
	struct site *s = timer->data;

	begin(&s->status);
}

static void ask_in(struct site *s, uint64_t ms)
{
	uv_timer_start(&s->ask, on_ask, ms, 0);
}

// From behind the last event that was heard; from the first there is when none was.
static void go_on(struct site *s)
{
	own(sb_free) struct strbuf url = {};

	sb_str(&url, sb_text(&s->events.url));
	if (s->last_id[0])
		sb_printf(&url, "?after=%s", s->last_id);
	s->all->curl->easy_setopt(s->events.easy, CURLOPT_URL, sb_text(&url));
	begin(&s->events);
}

static void on_done(struct transfer *t, CURLcode result)
{
	struct site *s = t->site;

	end(t);
	if (t == &s->events) {
		sb_clear(&s->line);
		s->passing = false;
		return; // begun again after the next status
	}
	judge(s, result);
	if (s->info.reachable && !s->events.running)
		go_on(s);
	ask_in(s, s->again ? SOON_MS : REFRESH_MS);
	s->again = false;
}

// libcurl takes another number than n as the wish to end the transfer.
static size_t on_header(char *, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	t->header_bytes += size * n;
	t->too_large |= t->header_bytes > HEADERS_MAX_BYTES;
	return t->too_large ? 0 : size * n;
}

static size_t on_status_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	t->too_large |= t->body.len + size * n > STATUS_MAX_BYTES;
	if (t->too_large)
		return CURL_WRITEFUNC_ERROR;
	sb_add(&t->body, data, size * n);
	return size * n;
}

// Only what the site tells of itself: a glass that follows this one in turn sends this one's events
// back.
static void take_event(struct site *s, const char *text)
{
	json_t *event = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *site = json_string_value(json_object_get(event, "site"));
	const char *time = json_string_value(json_object_get(event, "time"));
	const char *type = json_string_value(json_object_get(event, "type"));
	int64_t time_us;

	if (site && strcmp(site, s->conf->name) == 0 && type && time &&
		time_parse(time, &time_us) == 0 && once_is_new(&s->once, event)) {
		own(free_ptr) char *compact = json_dumps(event, JSON_COMPACT);
		s->all->ops->event(s->all->ctx, compact);
		s->again = true;
	}
	json_decref(event);
}

static void take_id(struct site *s, const char *id)
{
	size_t n = strlen(id);

	if (n > 0 && n < sizeof(s->last_id) && strspn(id, "0123456789abcdef-") == n)
		memcpy(s->last_id, id, n + 1);
}

// A line of the stream (the HTML standard, section 9.2.6), as a glass writes them: each event has its
// data on one line, behind its id.
static void take_line(struct site *s, const char *line)
{
	if (strncmp(line, "data: ", 6) == 0)
		take_event(s, line + 6);
	else if (strncmp(line, "id: ", 4) == 0)
		take_id(s, line + 4);
}

static void take_stream(struct site *s, const char *data, size_t n)
{
	while (n > 0) {
		const char *end = memchr(data, '\n', n);
		size_t piece = end ? (size_t)(end - data) : n;
		s->passing |= s->line.len + piece > EVENT_MAX_BYTES;
		if (s->passing)
			sb_clear(&s->line);
		else
			sb_add(&s->line, data, piece);
		if (end && !s->passing && s->line.len > 0)
			take_line(s, sb_text(&s->line));
		if (end) {
			sb_clear(&s->line);
			s->passing = false;
		}
		piece += end != NULL;
		data += piece;
		n -= piece;
	}
}

// What happened changes the status, too.
static size_t on_events_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct site *s = t->site;

	if (status_code(t) != 200)
		return CURL_WRITEFUNC_ERROR;
	take_stream(s, data, size * n);
	if (s->again && !s->status.running) {
		s->again = false;
		ask_in(s, SOON_MS);
	}
	return size * n;
}

// ---- libcurl on the loop ----

static void take_results(struct sites *s)
{
	const CURLMsg *m;
	int left = 0;

	while (!s->stopped && (m = s->curl->multi_info_read(s->multi, &left))) {
		char *transfer = NULL;
		CURLcode result = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		s->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &transfer);
		on_done((struct transfer *)(void *)transfer, result);
	}
}

static void act(struct sites *s, curl_socket_t fd, int events)
{
	int running = 0;

	s->curl->multi_socket_action(s->multi, fd, events, &running);
	take_results(s);
}

static void on_timer(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *, long timeout_ms, void *ctx)
{
	struct sites *s = ctx;

	if (timeout_ms < 0 || s->stopped)
		uv_timer_stop(&s->timer);
	else
		uv_timer_start(&s->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

struct site_socket {
	struct sites *all;
	struct fdwatch *watch;
	curl_socket_t fd;
};

static void on_socket(void *ctx, int events)
{
	struct site_socket *k = ctx;
	int flags = 0;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(k->all, k->fd, flags); // may end with k gone
}

static struct site_socket *add_socket(struct sites *s, curl_socket_t fd)
{
	struct site_socket *k = mem_zalloc(sizeof(*k));

	k->all = s;
	k->fd = fd;
	if (fdwatch_new(&k->watch, s->loop, fd, UV_READABLE, on_socket, k))
		free_ptr(&k); // the transfer then ends at its time
	else
		s->curl->multi_assign(s->multi, fd, k);
	return k;
}

static int watch_socket(CURL *, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct sites *s = ctx;
	struct site_socket *k = socket_ctx;

	if (what == CURL_POLL_REMOVE) {
		if (k) {
			fdwatch_close(&k->watch);
			s->curl->multi_assign(s->multi, fd, NULL);
			free(k);
		}
		return 0;
	}
	if (!k)
		k = add_socket(s, fd);
	if (k)
		fdwatch_events(k->watch, (what & CURL_POLL_IN ? UV_READABLE : 0) |
						 (what & CURL_POLL_OUT ? UV_WRITABLE : 0));
	return 0;
}

// ---- Before the sandbox ----

static int read_trust(const struct glass_site *conf, struct strbuf *to, struct strbuf *error)
{
	const char *path = conf->ca_file ? conf->ca_file : system_trust;
	own(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[16384];
	ssize_t n = fd < 0 ? -1 : 0;

	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0 && to->len < TRUST_MAX_BYTES)
		sb_add(to, piece, (size_t)n);
	if (n == 0 && to->len > 0)
		return 0;
	int rc = n < 0 ? -errno : -EINVAL;
	sb_printf(error, "site %s: cannot read the certificates in %s: %s", conf->name, path,
		n < 0 ? strerror(-rc) : "empty or too large");
	return rc;
}

// "host:port:address,address": libcurl then asks no resolver, which the sandbox would not let it. An
// address is no name, and one of IPv6 no entry of that form.
static void find_addresses(struct site *s, const struct site_url *u)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	own(sb_free) struct strbuf entry = {};
	struct addrinfo *found = NULL;
	struct ip_addr literal;
	char text[IP_TEXT];

	if (ip_parse(&literal, u->host) == 0)
		return;
	int rc = getaddrinfo(u->host, NULL, &hints, &found);
	if (rc != 0) {
		own(sb_free) struct strbuf why = {};
		sb_printf(&why, "its name was not found at the start: %s", gai_strerror(rc));
		s->info.error = sb_take(&why);
		s->forsaken = s->info.asked = true;
		return;
	}
	sb_printf(&entry, "%s:%u:", u->host, u->port);
	for (const struct addrinfo *a = found; a; a = a->ai_next) {
		struct ip_addr address = ip_from_sockaddr(a->ai_addr);
		if (address.family == IP_NONE)
			continue;
		ip_print(&address, text);
		const char *comma = entry.s[entry.len - 1] == ':' ? "" : ",";
		sb_printf(&entry, address.family == IP6 ? "%s[%s]" : "%s%s", comma, text);
	}
	freeaddrinfo(found);
	s->addresses = s->all->curl->slist_append(NULL, sb_text(&entry));
}

static void set_up(struct transfer *t, struct site *s, const struct site_url *u, const char *path)
{
	const struct curl_api *curl = s->all->curl;
	CURL *c = curl->easy_init();

	if (!c)
		mem_abort("libcurl");
	t->site = s;
	t->easy = c;
	sb_printf(&t->url, "%s%s", u->base, path);
	curl->easy_setopt(c, CURLOPT_URL, sb_text(&t->url));
	curl->easy_setopt(c, CURLOPT_PRIVATE, (void *)t);
	curl->easy_setopt(c, CURLOPT_PROTOCOLS_STR, u->tls ? "https" : "http");
	curl->easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl->easy_setopt(c, CURLOPT_PROXY, ""); // nor one from the environment
	curl->easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(c, CURLOPT_USERAGENT, "nearglass/" NEARCAST_VERSION);
	curl->easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl->easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl->easy_setopt(c, CURLOPT_HEADERDATA, (void *)t);
	curl->easy_setopt(c, CURLOPT_WRITEDATA, (void *)t);
	curl->easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
	curl->easy_setopt(c, CURLOPT_RESOLVE, s->addresses);
	if (s->trust.len > 0) {
		struct curl_blob trust = { s->trust.s, s->trust.len, CURL_BLOB_NOCOPY };
		curl->easy_setopt(c, CURLOPT_CAINFO_BLOB, &trust);
		curl->easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
}

static int add_site(
	struct sites *all, struct site *s, const struct glass_site *conf, struct strbuf *error)
{
	struct site_url u;
	const char *why;

	s->all = all;
	s->conf = s->info.conf = conf;
	s->info.since_us = clock_unix_us();
	if (site_url_parse(conf->url, &u, &why) < 0) {
		sb_printf(
			error, "site %s: %s", conf->name, why); // the configuration said so before
		return -EINVAL;
	}
	int rc = u.tls ? read_trust(conf, &s->trust, error) : 0;
	if (rc < 0)
		return rc;
	find_addresses(s, &u);
	set_up(&s->status, s, &u, "/api/v1/status");
	all->curl->easy_setopt(s->status.easy, CURLOPT_WRITEFUNCTION, on_status_body);
	all->curl->easy_setopt(s->status.easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
	set_up(&s->events, s, &u, "/events");
	all->curl->easy_setopt(s->events.easy, CURLOPT_WRITEFUNCTION, on_events_body);
	all->curl->easy_setopt(s->events.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	all->curl->easy_setopt(s->events.easy, CURLOPT_LOW_SPEED_TIME, (long)STREAM_SILENT_S);
	all->curl->easy_setopt(
		s->events.easy, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)STREAM_BYTES_A_SECOND);
	uv_timer_init(all->loop, &s->ask);
	s->ask.data = s;
	return 0;
}

// ---- All of them ----

int sites_new(struct sites **ret, uv_loop_t *loop, const struct glass_conf *conf,
	const struct sites_ops *ops, void *ctx, struct strbuf *error)
{
	const char *why = NULL;
	const struct curl_api *curl = curl_api(&why);

	if (!curl) {
		sb_printf(error, "other sites are followed with libcurl: %s", why);
		return -ENOENT;
	}
	struct sites *s = mem_zalloc(sizeof(*s));
	s->loop = loop;
	s->curl = curl;
	s->ops = ops;
	s->ctx = ctx;
	s->multi = curl->multi_init();
	if (!s->multi)
		mem_abort("libcurl");
	curl->multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl->multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
	curl->multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl->multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	s->list = mem_zalloc(conf->sites.count * sizeof(*s->list));
	items_for_each(const struct glass_site, site, conf->sites)
	{
		int rc = add_site(s, &s->list[s->count++], site, error);
		if (rc < 0)
			return rc; // the process ends
	}
	*ret = s;
	return 0;
}

void sites_start(struct sites *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].forsaken)
			s->ops->changed(s->ctx, i, true);
		else
			ask_in(&s->list[i], 0);
}

void sites_stop(struct sites *s)
{
	s->stopped = true;
	for (size_t i = 0; i < s->count; i++) {
		end(&s->list[i].status);
		end(&s->list[i].events);
		s->curl->easy_cleanup(take(s->list[i].status.easy));
		s->curl->easy_cleanup(take(s->list[i].events.easy));
		uv_close((uv_handle_t *)&s->list[i].ask, NULL);
	}
	s->curl->multi_cleanup(take(s->multi)); // its connections leave the loop
	uv_close((uv_handle_t *)&s->timer, NULL);
}

void sites_free(struct sites **which)
{
	struct sites *s = take(*which);

	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		struct site *site = &s->list[i];
		struct transfer *both[] = { &site->status, &site->events };
		for (size_t k = 0; k < countof(both); k++) {
			sb_free(&both[k]->body);
			sb_free(&both[k]->url);
		}
		s->curl->slist_free_all(site->addresses);
		sb_free(&site->trust);
		sb_free(&site->line);
		site_info_free(&site->info);
	}
	free(s->list);
	free(s);
}

void sites_info(const struct sites *s, size_t n, struct site_info *ret)
{
	*ret = s->list[n].info;
	ret->status = ret->status ? mem_strdup(ret->status) : NULL;
	ret->error = ret->error ? mem_strdup(ret->error) : NULL;
}

void site_info_free(struct site_info *info)
{
	free_ptr(&info->status);
	free_ptr(&info->error);
}
