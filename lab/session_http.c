// Sessions over HTTP/1.1: one connection that is kept (RFC 9112 section 9.3), and each kind's script of
// requests over it, one after the other. Whose connection it is, is asked at its beginning and
// at its end.
#include <inttypes.h>
#include <string.h>

#include "lab/clock.h"
#include "lab/httpanswer.h"
#include "lab/session_int.h"
#include "lab/stream.h"
#include "lib/mem.h"

enum { NAME_MAX_BYTES = 64, CHUNK_BYTES = 1 << 16 };

enum ask { ASK_NODE, ASK_STREAM, ASK_STORE, ASK_BACK, ASK_NOTHING };

static const enum ask download[] = { ASK_NODE, ASK_STREAM, ASK_NODE, ASK_NOTHING };
static const enum ask upload[] = { ASK_NODE, ASK_STORE, ASK_BACK, ASK_NODE, ASK_NOTHING };
static const enum ask again[] = { ASK_NODE, ASK_NODE };

struct http {
	const enum ask *asked; // where the script is
	bool asking;           // an answer is due
	bool paused;           // it reads nothing, to keep to its rate
	struct http_answer answer;
	struct strbuf body;       // of ASK_NODE
	struct stream_hash *hash; // of what comes
	uint64_t sent, acked;     // of ASK_STORE
	instant began;            // the transfer
};

// ---- Asking ----

static void print_target(const struct peer *p, enum ask ask, struct strbuf *b)
{
	const struct scn_client *clients = p->all->scenario->clients.data;
	const struct session *s = p->s;

	if (ask == ASK_NODE)
		sb_str(b, "/node");
	else if (ask == ASK_STREAM)
		sb_printf(b, "/stream/%" PRIu64, s->scn->size);
	else
		sb_printf(b, "/upload/%s-%s-%d-%u", clients[s->client].name, s->scn->name,
			s->family == IP4 ? 4 : 6, s->number);
}

static void ask(struct peer *p)
{
	struct http *h = p->kind;
	own(sb_free) struct strbuf b = {};
	char host[IP_TEXT];

	ip_print(peer_service(p), host);
	sb_str(&b, *h->asked == ASK_STORE ? "PUT " : "GET ");
	print_target(p, *h->asked, &b);
	sb_printf(&b,
		p->s->family == IP4 ? " HTTP/1.1\r\nHost: %s\r\n" : " HTTP/1.1\r\nHost: [%s]\r\n",
		host);
	if (*h->asked == ASK_STORE)
		sb_printf(&b, "Content-Length: %" PRIu64 "\r\n", p->s->scn->size);
	sb_str(&b, "\r\n");
	if (*h->asked == ASK_STREAM || *h->asked == ASK_BACK)
		h->hash = stream_hash_new();
	http_answer_next(&h->answer);
	sb_clear(&h->body);
	h->asking = true;
	h->paused = false;
	tcp_read(p, true);
	h->began = p->asked = lab_now();
	peer_wait(p);
	tcp_send(p, sb_text(&b), b.len);
}

static void next(struct peer *p)
{
	struct http *h = p->kind;

	if (*++h->asked == ASK_NOTHING)
		peer_done(p);
	else
		ask(p);
}

// ---- The rate of a download ----

static uint64_t share(uint64_t whole, span part, span of)
{
	return (uint64_t)((double)whole * ((double)part.us / (double)of.us));
}

static bool is_ahead(const struct peer *p, instant now)
{
	const struct http *h = p->kind;
	uint64_t rate = p->s->scn->rate;

	return rate && p->s->bytes > share(rate, instant_diff(now, h->began), span_s(1));
}

static void keep_to_rate(struct peer *p, instant now)
{
	struct http *h = p->kind;
	bool ahead = is_ahead(p, now);

	if (ahead == h->paused)
		return;
	h->paused = ahead;
	tcp_read(p, !ahead);
	if (ahead)
		peer_progress(p, false);
	else
		peer_wait(p);
}

// ---- Answers ----

static void take_body(struct peer *p, const struct http_piece *body)
{
	struct http *h = p->kind;

	if (*h->asked == ASK_NODE && h->body.len + body->len <= NAME_MAX_BYTES)
		sb_add(&h->body, (const char *)body->bytes, body->len);
	if (!h->hash || body->len == 0)
		return;
	stream_hash_add(h->hash, body->bytes, body->len);
	peer_progress(p, true);
	if (*h->asked != ASK_STREAM)
		return;
	p->s->bytes += body->len;
	peer_open(p);
	keep_to_rate(p, lab_now());
}

static void node_told(struct peer *p)
{
	struct http *h = p->kind;
	const char *name = sb_text(&h->body);

	while (h->body.len > 0 && strchr("\r\n", name[h->body.len - 1]))
		h->body.s[--h->body.len] = '\0';
	if (!peer_answered_by(p, name))
		return;
	if (h->asked[1] == ASK_NODE)
		peer_answered(p);
	else
		next(p);
}

static void stream_came(struct peer *p)
{
	struct http *h = p->kind;
	uint8_t digest[STREAM_DIGEST_BYTES];

	stream_hash_end(&h->hash, digest);
	if (h->answer.length != p->s->scn->size)
		peer_break(p, BREAK_BYTES, "%" PRIu64 " bytes came of %" PRIu64, h->answer.length,
			p->s->scn->size);
	else if (memcmp(digest, peer_digest(p), sizeof(digest)) != 0)
		peer_break(p, BREAK_BYTES, "another SHA-256");
	else
		next(p);
}

static void stored(struct peer *p)
{
	p->s->bytes = p->s->scn->size;
	next(p);
}

static bool is_good(enum ask ask, int status)
{
	return ask == ASK_STORE ? status == 201 || status == 204 : status == 200;
}

static void answered(struct peer *p)
{
	static void (*const then[])(struct peer *) = {
		[ASK_NODE] = node_told,
		[ASK_STREAM] = stream_came,
		[ASK_STORE] = stored,
		[ASK_BACK] = stream_came,
	};
	struct http *h = p->kind;

	h->asking = false;
	p->s->answers++;
	peer_progress(p, false);
	if (!is_good(*h->asked, h->answer.status))
		peer_break(p, BREAK_ANSWER, "HTTP status %d", h->answer.status);
	else if (h->answer.closes)
		peer_break(p, BREAK_CLOSED, "the server will close the connection");
	else if (*h->asked == ASK_STORE && h->sent < p->s->scn->size)
		peer_break(p, BREAK_ANSWER, "answered before everything was sent");
	else
		then[*h->asked](p);
}

static void http_data(struct peer *p, const uint8_t *bytes, size_t n)
{
	struct http *h = p->kind;
	struct http_piece in = { bytes, n }, body;

	while (in.len > 0 && !peer_is_over(p)) {
		if (!h->asking) {
			peer_break(p, BREAK_ANSWER, "bytes that nobody asked for");
			return;
		}
		enum http_progress progress = http_answer_take(&h->answer, &in, &body);
		if (progress == HTTP_WRONG) {
			peer_break(p, BREAK_ANSWER, "no answer of HTTP/1.1 with its length");
			return;
		}
		take_body(p, &body);
		if (progress == HTTP_WHOLE && !peer_is_over(p))
			answered(p);
	}
}

// ---- Sending slowly ----

// Whatever the network takes: a slow upload waits when bytes are not acknowledged.
static void watch_acks(struct peer *p)
{
	struct http *h = p->kind;
	size_t unacked = tcp_unacked(p);
	uint64_t acked = h->sent > unacked ? h->sent - unacked : 0;
	bool all = h->sent == p->s->scn->size;

	if (acked > h->acked || (unacked == 0 && !all))
		peer_progress(p, unacked > 0 || all);
	else if (instant_is_never(p->waiting))
		peer_wait(p);
	h->acked = acked;
	p->s->bytes = acked;
}

static void send_more(struct peer *p, instant now)
{
	struct http *h = p->kind;
	const struct scn_session *scn = p->s->scn;
	uint64_t due = share(scn->size, instant_diff(now, h->began), scn->duration);

	if (due > scn->size)
		due = scn->size;
	size_t n = due - h->sent < CHUNK_BYTES ? (size_t)(due - h->sent) : CHUNK_BYTES;
	if (n == 0 || tcp_unacked(p) > CHUNK_BYTES)
		return;
	own(free_ptr) uint8_t *chunk = mem_zalloc(n);
	stream_bytes(h->sent, chunk, n);
	h->sent += n;
	tcp_send(p, chunk, n);
	peer_open(p);
}

static void upload_tick(struct peer *p, instant now)
{
	const struct http *h = p->kind;

	if (!h->asking || *h->asked != ASK_STORE)
		return;
	watch_acks(p);
	send_more(p, now);
}

static void download_tick(struct peer *p, instant now)
{
	const struct http *h = p->kind;

	if (h->paused)
		keep_to_rate(p, now);
}

// ---- The kinds ----

static int begin(struct peer *p, const enum ask *script)
{
	struct http *h = mem_zalloc(sizeof(*h));

	h->asked = script;
	p->kind = h;
	return tcp_open(p);
}

static int http_open(struct peer *p)
{
	return begin(p, again);
}

static int download_open(struct peer *p)
{
	return begin(p, download);
}

static int upload_open(struct peer *p)
{
	return begin(p, upload);
}

static void http_close(struct peer *p)
{
	struct http *h = p->kind;

	if (!h)
		return;
	http_answer_free(&h->answer);
	sb_free(&h->body);
	stream_hash_free(&h->hash);
	free_ptr(&p->kind);
}

const struct session_ops session_http_ops = {
	.port = SESSION_HTTP_PORT,
	.open = http_open,
	.up = ask,
	.data = http_data,
	.talk = ask,
	.close = http_close,
};

const struct session_ops session_download_ops = {
	.port = SESSION_HTTP_PORT,
	.open = download_open,
	.up = ask,
	.data = http_data,
	.tick = download_tick,
	.close = http_close,
};

const struct session_ops session_upload_ops = {
	.port = SESSION_HTTP_PORT,
	.open = upload_open,
	.up = ask,
	.data = http_data,
	.tick = upload_tick,
	.close = http_close,
};
