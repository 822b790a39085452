// DNS over one TCP connection: each message behind its length (RFC 7766 section 8).
//
//	 0       2
//	+-------+----------------+
//	| bytes | message        |
//	+-------+----------------+
#include "lab/clock.h"
#include "lab/idserver.h"
#include "lab/session_int.h"
#include "lib/mem.h"
#include "lib/wire.h"

enum { LENGTH_BYTES = 2 };

struct dns {
	uint16_t id;
	struct strbuf in;
};

static int dns_open(struct peer *p)
{
	p->kind = mem_zalloc(sizeof(struct dns));
	return tcp_open(p);
}

static void dns_talk(struct peer *p)
{
	struct dns *d = p->kind;
	uint8_t message[LENGTH_BYTES + IDSERVER_QUERY_BYTES], query[IDSERVER_QUERY_BYTES];
	struct wr w = wr_init(message, sizeof(message));
	size_t n = idserver_query(++d->id, query);

	wr_u16(&w, (uint16_t)n);
	wr_bytes(&w, query, n);
	p->asked = lab_now();
	peer_wait(p);
	tcp_send(p, message, wr_len(&w));
}

static void take_message(struct peer *p, const uint8_t *msg, size_t n)
{
	const struct dns *d = p->kind;
	char name[IDSERVER_TEXT];
	uint16_t id = 0;

	if (instant_is_never(p->waiting) || !idserver_answer(msg, n, &id, name) || id != d->id) {
		peer_break(p, BREAK_ANSWER, "a DNS message of %zu bytes that is no answer", n);
		return;
	}
	p->s->bytes += n;
	p->s->answers++;
	peer_progress(p, false);
	if (peer_answered_by(p, name))
		peer_answered(p);
}

static void dns_data(struct peer *p, const uint8_t *bytes, size_t n)
{
	struct dns *d = p->kind;

	sb_add(&d->in, (const char *)bytes, n);
	while (!peer_is_over(p) && d->in.len >= LENGTH_BYTES) {
		struct rd r = rd_init(d->in.s, d->in.len);
		size_t len = rd_u16(&r);
		const uint8_t *at = rd_bytes(&r, len);
		if (!at)
			return;
		own(free_ptr) uint8_t *msg = mem_dup(at, len);
		sb_consume(&d->in, LENGTH_BYTES + len);
		take_message(p, msg, len);
	}
}

static void dns_close(struct peer *p)
{
	struct dns *d = p->kind;

	if (d)
		sb_free(&d->in);
	free_ptr(&p->kind);
}

const struct session_ops session_dns_ops = {
	.port = SESSION_DNS_PORT,
	.open = dns_open,
	.up = dns_talk,
	.data = dns_data,
	.talk = dns_talk,
	.close = dns_close,
};
