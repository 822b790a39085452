#include "nearcastd/dnsquery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ldns/ldns.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/own.h"
#include "lib/wire.h"
#include "nearcastd/dnsexpect.h"

enum {
	EDNS_BYTES = 1232, // fits an IPv6 path of the least MTU
	FLAG_QR = 0x8000,
	ANSWER_SHOWN = 60, // characters of the first answer in the detail
};

struct dnsquery {
	ldns_rdf *name;
	ldns_rr_type type;
	ldns_rr_class class;
	int rcode;
	const struct conf_check *check; // borrowed
	const char *expect;             // borrowed; NULL: any
	uint8_t *message;
	size_t len;
};

static void free_rdf(ldns_rdf **r)
{
	if (*r)
		ldns_rdf_deep_free(*r);
	*r = NULL;
}

static void free_packet(ldns_pkt **p)
{
	if (*p)
		ldns_pkt_free(*p);
	*p = NULL;
}

static const char *code_name(ldns_lookup_table *table, int code, char buf[16])
{
	const ldns_lookup_table *row = ldns_lookup_by_id(table, code);

	if (row)
		return row->name;
	snprintf(buf, 16, "%d", code);
	return buf;
}

// RFC 4892 and the older names of BIND: the server's own identity.
static bool is_chaos_name(const ldns_rdf *name)
{
	own(free_rdf) ldns_rdf *server = ldns_dname_new_frm_str("server.");
	own(free_rdf) ldns_rdf *bind = ldns_dname_new_frm_str("bind.");

	return ldns_dname_is_subdomain(name, server) || ldns_dname_is_subdomain(name, bind);
}

static int build(struct dnsquery *q)
{
	own(free_packet) ldns_pkt *p =
		ldns_pkt_query_new(ldns_rdf_clone(q->name), q->type, q->class, LDNS_RD);

	if (!p)
		mem_abort("ldns_pkt_query_new");
	ldns_pkt_set_edns_udp_size(p, EDNS_BYTES);
	dnsexpect_ask(q->check, p);
	own(free_ptr) uint8_t *wire = NULL;
	if (ldns_pkt2wire(&wire, p, &q->len) != LDNS_STATUS_OK)
		return -EMSGSIZE;
	q->message = mem_dup(wire, q->len); // ldns' own has room for 64 KiB
	return 0;
}

struct dnsquery *dnsquery_new(const struct conf_check *check, struct health_result *ret)
{
	own(dnsquery_free) struct dnsquery *q = mem_zalloc(sizeof(*q));
	const char *name = check->server_id ? "id.server." : check->query ? check->query : ".";
	const char *type = check->server_id ? "TXT" : check->type ? check->type : "SOA";
	const char *rcode = check->rcode ? check->rcode : "NOERROR";
	const ldns_lookup_table *row = ldns_lookup_by_name(ldns_rcodes, rcode);

	q->name = ldns_dname_new_frm_str(name);
	q->type = ldns_get_rr_type_by_name(type);
	if (!q->name || q->type == 0 || !row) {
		*ret = health_result_of(HEALTH_REASON_COULD_NOT_RUN, "\"%s\" is no %s",
			!q->name ? name
			: !row   ? rcode
				 : type,
			!q->name ? "name"
			: !row   ? "response code"
				 : "type");
		return NULL;
	}
	bool chaos = q->type == LDNS_RR_TYPE_TXT && is_chaos_name(q->name);
	q->class = chaos ? LDNS_RR_CLASS_CH : LDNS_RR_CLASS_IN;
	q->rcode = row->id;
	q->check = check;
	q->expect = check->expect;
	if (build(q)) {
		*ret = health_result_of(
			HEALTH_REASON_COULD_NOT_RUN, "\"%s\" cannot be asked for", name);
		return NULL;
	}
	return take(q);
}

void dnsquery_free(struct dnsquery **q)
{
	if (!*q)
		return;
	free_rdf(&(*q)->name);
	free((*q)->message);
	free_ptr(q);
}

const uint8_t *dnsquery_message(struct dnsquery *q, uint16_t id, size_t *len)
{
	struct wr w = wr_init(q->message, q->len);

	wr_u16(&w, id);
	*len = q->len;
	return q->message;
}

// An answer's data as the presentation format of RFC 1035 section 5, its
// fields separated by one space. To be freed.
static char *print_data(const ldns_rr *rr)
{
	struct strbuf text = {};

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		own(free_ptr) char *field = ldns_rdf2str(ldns_rr_rdf(rr, i));

		if (i > 0)
			sb_char(&text, ' ');
		if (field)
			sb_str(&text, field);
	}
	return sb_take(&text);
}

static struct health_result judge_answers(
	const struct dnsquery *q, const ldns_pkt *p, const char *rcode)
{
	const ldns_rr_list *answers = ldns_pkt_answer(p);
	size_t n = answers ? ldns_rr_list_rr_count(answers) : 0;
	const char *truncated = ldns_pkt_tc(p) ? ", truncated" : "";
	own(free_ptr) char *first = NULL;

	for (size_t i = 0; i < n; i++) {
		own(free_ptr) char *data = print_data(ldns_rr_list_rr(answers, i));

		if (q->expect && strstr(data, q->expect))
			return health_result_of(
				HEALTH_REASON_OK, "%s, %.*s", rcode, ANSWER_SHOWN, data);
		if (!first)
			first = take(data);
	}
	if (!q->expect)
		return health_result_of(HEALTH_REASON_OK, "%s%s%.*s", rcode, first ? ", " : "",
			ANSWER_SHOWN, first ? first : "");
	if (!first)
		return health_result_of(
			HEALTH_REASON_NO_ANSWER, "no answer%s, expected %s", truncated, q->expect);
	return health_result_of(HEALTH_REASON_WRONG_ANSWER, "%.*s%s, expected %s", ANSWER_SHOWN,
		first, truncated, q->expect);
}

// A server that could not read the question need not repeat it.
static bool is_our_question(const struct dnsquery *q, const ldns_pkt *p)
{
	const ldns_rr_list *list = ldns_pkt_question(p);
	size_t n = list ? ldns_rr_list_rr_count(list) : 0;

	if (n == 0)
		return ldns_pkt_get_rcode(p) != LDNS_RCODE_NOERROR;
	const ldns_rr *rr = ldns_rr_list_rr(list, 0);
	return n == 1 && ldns_rr_get_type(rr) == q->type && ldns_rr_get_class(rr) == q->class &&
	       ldns_dname_compare(ldns_rr_owner(rr), q->name) == 0;
}

static enum dnsquery_verdict not_ours(struct health_result *ret, const char *why)
{
	*ret = health_result_of(HEALTH_REASON_BAD_REPLY, "%s", why);
	return DNSQUERY_NOT_OURS;
}

//  RFC 1035 section 4.1.1
//  +--------+----------------------------+-------------+-------------+---
//  | id (2) | QR opcode AA TC RD RA Z RCODE (2) | QDCOUNT (2) | ANCOUNT (2) | ...
//  +--------+----------------------------+-------------+-------------+---
enum dnsquery_verdict dnsquery_judge(const struct dnsquery *q, uint16_t id, const void *data,
	size_t len, struct health_result *ret)
{
	struct rd r = rd_init(data, len);
	uint16_t got_id = rd_u16(&r);
	uint16_t flags = rd_u16(&r);
	own(free_packet) ldns_pkt *p = NULL;
	char got_text[16];
	char want_text[16];

	if (r.bad)
		return not_ours(ret, "a reply too short for a header");
	if (got_id != id)
		return not_ours(ret, "a reply with another id");
	if (!(flags & FLAG_QR))
		return not_ours(ret, "a query in place of a reply");
	if (ldns_wire2pkt(&p, data, len) != LDNS_STATUS_OK) {
		*ret = health_result_of(
			HEALTH_REASON_BAD_REPLY, "%zu bytes that are no DNS message", len);
		return DNSQUERY_JUDGED;
	}
	if (!is_our_question(q, p))
		return not_ours(ret, "a reply to another question");
	const char *rcode = code_name(ldns_rcodes, ldns_pkt_get_rcode(p), got_text);
	if ((int)ldns_pkt_get_rcode(p) != q->rcode)
		*ret = health_result_of(HEALTH_REASON_WRONG_RCODE, "%s, expected %s", rcode,
			code_name(ldns_rcodes, q->rcode, want_text));
	else if (dnsexpect_met(q->check, p, clock_unix_us() / 1000000, ret))
		*ret = judge_answers(q, p, rcode);
	return DNSQUERY_JUDGED;
}
