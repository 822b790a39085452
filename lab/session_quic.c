// Sessions over QUIC (RFC 9000) and HTTP/3: gtlsclient of ngtcp2 in the client's namespace. It fetches the
// node's name and the bytes over one connection, and what its files have is looked at while they
// grow:
//
//	WORLD/CLIENT/quic-NAME-FAMILY-NUMBER/node       who answers
//	WORLD/CLIENT/quic-NAME-FAMILY-NUMBER/SIZE       hashed as far as it is there
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lab/session_int.h"
#include "lab/stream.h"
#include "lib/mem.h"

enum { NAME_MAX_BYTES = 64, READ_BYTES = 1 << 16, READS = 64 };

// Of flow control: so much a round trip, for gtlsclient has no rate, and on an idle machine a transfer
// would be over before the routes move.
#define WINDOW "128K"

struct quic {
	pid_t pid; // 0: over
	int pidfd;
	uv_poll_t *watch;
	struct strbuf dir;
	FILE *file; // NULL: not there yet
	struct stream_hash *hash;
};

static const struct lab_node *node_of(const struct peer *p)
{
	const struct scn_client *clients = p->all->scenario->clients.data;

	return topology_node(p->all->topology, clients[p->s->client].name);
}

static void print_name(const struct session *s, struct strbuf *b)
{
	sb_printf(b, "quic-%s-%d-%u", s->scn->name, s->family == IP4 ? 4 : 6, s->number);
}

static FILE *open_file(const struct quic *q, const char *name)
{
	own(sb_free) struct strbuf path = {};

	sb_printf(&path, "%s/%s", sb_text(&q->dir), name);
	return fopen(sb_text(&path), "re");
}

// False: nobody answered yet, or the session broke over who did.
static bool find_owner(struct peer *p)
{
	struct quic *q = p->kind;
	char name[NAME_MAX_BYTES] = "";

	if (p->s->node != NODE_NONE)
		return true;
	own(close_file) FILE *f = open_file(q, "node");
	if (!f || !fgets(name, sizeof(name), f) || !strchr(name, '\n'))
		return false;
	*strchr(name, '\n') = '\0';
	return peer_answered_by(p, name);
}

// What came since the last look, a few megabytes at most; false when there was nothing.
static bool read_more(struct peer *p)
{
	struct quic *q = p->kind;
	uint64_t before = p->s->bytes;
	char name[24];

	snprintf(name, sizeof(name), "%" PRIu64, p->s->scn->size);
	if (!q->file)
		q->file = open_file(q, name);
	if (!q->file)
		return false;
	clearerr(q->file); // an end of the file is not its last one
	for (int i = 0; i < READS; i++) {
		size_t n = fread(p->all->bytes, 1, READ_BYTES, q->file);
		stream_hash_add(q->hash, p->all->bytes, n);
		p->s->bytes += n;
		if (n < READ_BYTES)
			break;
	}
	return p->s->bytes > before;
}

static void quic_tick(struct peer *p, instant)
{
	if (read_more(p))
		peer_progress(p, true);
	if (find_owner(p) && p->s->bytes > 0)
		peer_open(p);
}

static void judge_end(struct peer *p, int status)
{
	struct quic *q = p->kind;
	uint8_t digest[STREAM_DIGEST_BYTES];

	while (read_more(p))
		;
	if (!find_owner(p) && peer_is_over(p))
		return;
	if (p->s->bytes != p->s->scn->size || p->s->node == NODE_NONE) {
		peer_break(p, BREAK_PROGRAM,
			"gtlsclient: %s %d after %" PRIu64 " bytes of %" PRIu64,
			WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), p->s->bytes,
			p->s->scn->size);
		return;
	}
	peer_open(p);
	stream_hash_end(&q->hash, digest);
	if (memcmp(digest, peer_digest(p), sizeof(digest)) != 0)
		peer_break(p, BREAK_BYTES, "another SHA-256");
	else
		peer_done(p);
}

static void close_watch(struct quic *q)
{
	if (q->watch)
		uv_close((uv_handle_t *)q->watch, (uv_close_cb)free);
	q->watch = NULL;
	close_fd(&q->pidfd);
}

static void on_pidfd(uv_poll_t *watch, int, int)
{
	struct peer *p = watch->data;
	struct quic *q = p->kind;
	int status = 0;

	if (waitpid(q->pid, &status, WNOHANG) != q->pid)
		return;
	q->pid = 0;
	close_watch(q);
	judge_end(p, status);
}

static int watch(struct peer *p)
{
	struct quic *q = p->kind;

	q->pidfd = (int)syscall(SYS_pidfd_open, q->pid, 0);
	if (q->pidfd < 0)
		return -errno;
	q->watch = mem_zalloc(sizeof(*q->watch));
	q->watch->data = p;
	int rc = uv_poll_init(p->all->loop, q->watch, q->pidfd);
	if (rc < 0) {
		free_ptr(&q->watch);
		return rc;
	}
	return uv_poll_start(q->watch, UV_READABLE, on_pidfd);
}

static int spawn(struct peer *p, const char *log)
{
	struct quic *q = p->kind;
	own(sb_free) struct strbuf node = {}, stream = {}, download = {};
	char host[IP_TEXT], port[8];

	ip_print(peer_service(p), host);
	snprintf(port, sizeof(port), "%d", SESSION_QUIC_PORT);
	const char *open = p->s->family == IP6 ? "[" : "", *close = open[0] ? "]" : "";
	sb_printf(&node, "https://%s%s%s/node", open, host, close);
	sb_printf(&stream, "https://%s%s%s/stream/%" PRIu64, open, host, close, p->s->scn->size);
	sb_printf(&download, "--download=%s", sb_text(&q->dir));
	q->pid = world_spawn(p->all->world, node_of(p), log,
		(const char *const[]){ "gtlsclient", "--quiet", "--no-quic-dump", "--no-http-dump",
			"--exit-on-all-streams-close", "--max-data=" WINDOW,
			"--max-stream-data-bidi-local=" WINDOW, "--max-window=" WINDOW,
			"--max-stream-window=" WINDOW, sb_text(&download), host, port,
			sb_text(&node), sb_text(&stream), NULL });
	return q->pid < 0 ? q->pid : watch(p);
}

static int quic_open(struct peer *p)
{
	own(sb_free) struct strbuf name = {};
	struct quic *q = mem_zalloc(sizeof(*q));

	p->kind = q;
	q->pidfd = -1;
	q->hash = stream_hash_new();
	print_name(p->s, &name);
	world_path(p->all->world, node_of(p), sb_text(&name), &q->dir);
	if (mkdir(sb_text(&q->dir), 0755) < 0)
		return -errno;
	sb_str(&name, ".log");
	return spawn(p, sb_text(&name));
}

static void quic_close(struct peer *p)
{
	struct quic *q = p->kind;

	if (!q)
		return;
	close_watch(q);
	if (q->pid > 0 && kill(q->pid, SIGKILL) == 0)
		waitpid(q->pid, NULL, 0);
	sb_free(&q->dir);
	close_file(&q->file);
	stream_hash_free(&q->hash);
	free_ptr(&p->kind);
}

const struct session_ops session_quic_ops = {
	.port = SESSION_QUIC_PORT,
	.open = quic_open,
	.tick = quic_tick,
	.close = quic_close,
};
