#include "nearcastd/dnsexpect.h"

#include <string.h>
#include <time.h>

#include "lib/mem.h"
#include "lib/out.h"
#include "lib/own.h"
#include "lib/wire.h"

enum {
	NSID = 3, // RFC 5001 section 5
	NSID_SHOWN = 60,
	DAY_S = 86400,
	SERIAL_TEXT = sizeof("4294967295"),
};

//  RFC 6891 section 6.1.2
//  +-----------------+-------------------+------+
//  | option code (2) | option length (2) | data |
//  +-----------------+-------------------+------+
void dnsexpect_ask(const struct conf_check *check, ldns_pkt *query)
{
	static const uint8_t empty_nsid[] = { 0, NSID, 0, 0 };

	if (check->expect_ad)
		ldns_pkt_set_ad(query, true);
	if (check->nsid)
		ldns_pkt_set_edns_data(query,
			ldns_rdf_new_frm_data(LDNS_RDF_TYPE_NONE, sizeof(empty_nsid), empty_nsid));
}

static bool find_nsid(const ldns_pkt *reply, struct rd *ret)
{
	const ldns_rdf *options = ldns_pkt_edns_data(reply);

	if (!options)
		return false;
	struct rd r = rd_init(ldns_rdf_data(options), ldns_rdf_size(options));
	while (rd_left(&r) > 0 && !r.bad) {
		uint16_t code = rd_u16(&r);
		uint16_t len = rd_u16(&r);
		struct rd data = rd_sub(&r, len);
		if (r.bad || code != NSID)
			continue;
		*ret = data;
		return true;
	}
	return false;
}

static bool nsid_met(
	const struct conf_check *check, const ldns_pkt *reply, int64_t, struct health_result *ret)
{
	struct rd nsid;

	if (!check->nsid)
		return true;
	if (!find_nsid(reply, &nsid)) {
		*ret = health_result_of(
			HEALTH_REASON_WRONG_NODE, "no NSID, expected %s", check->nsid);
		return false;
	}
	size_t len = rd_left(&nsid);
	const char *data = (const char *)rd_bytes(&nsid, len);
	if (len == strlen(check->nsid) && memcmp(data, check->nsid, len) == 0)
		return true;
	*ret = health_result_of(HEALTH_REASON_WRONG_NODE, "NSID %.*s, expected %s",
		(int)(len < NSID_SHOWN ? len : NSID_SHOWN), data, check->nsid);
	return false;
}

static bool ad_met(
	const struct conf_check *check, const ldns_pkt *reply, int64_t, struct health_result *ret)
{
	if (!check->expect_ad || ldns_pkt_ad(reply))
		return true;
	*ret = health_result_of(HEALTH_REASON_NOT_VALIDATED, "no AD bit in the reply");
	return false;
}

// The first record of that type in the answers.
static const ldns_rr *find_answer(const ldns_pkt *reply, ldns_rr_type type)
{
	const ldns_rr_list *list = ldns_pkt_answer(reply);

	for (size_t i = 0; list && i < ldns_rr_list_rr_count(list); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(list, i)) == type)
			return ldns_rr_list_rr(list, i);
	return NULL;
}

// RFC 4892: one character string, the name of the server.
//
//  +------------+------+
//  | length (1) | name |
//  +------------+------+
static bool id_met(
	const struct conf_check *check, const ldns_pkt *reply, int64_t, struct health_result *ret)
{
	if (!check->server_id)
		return true;
	const ldns_rr *rr = find_answer(reply, LDNS_RR_TYPE_TXT);
	const ldns_rdf *text = rr ? ldns_rr_rdf(rr, 0) : NULL;
	if (!text) {
		*ret = health_result_of(HEALTH_REASON_WRONG_NODE,
			"no answer to id.server, expected %s", check->server_id);
		return false;
	}
	struct rd r = rd_init(ldns_rdf_data(text), ldns_rdf_size(text));
	size_t len = rd_u8(&r);
	const char *name = (const char *)rd_bytes(&r, len);
	if (!r.bad && len == strlen(check->server_id) && memcmp(name, check->server_id, len) == 0)
		return true;
	*ret = health_result_of(HEALTH_REASON_WRONG_NODE, "%.*s answers, expected %s",
		r.bad ? 0 : (int)len, r.bad ? "" : name, check->server_id);
	return false;
}

// The time that a serial of the form YYYYMMDDnn stands for; negative: none.
static int64_t time_of_date(uint32_t serial)
{
	int day = (int)(serial / 100 % 100);
	int month = (int)(serial / 10000 % 100);
	int year = (int)(serial / 1000000);
	struct tm t = { .tm_mday = day, .tm_mon = month - 1, .tm_year = year - 1900 };
	int64_t at = timegm(&t);

	// timegm() makes 1 March of 29 February where there is none.
	return t.tm_mday == day && t.tm_mon == month - 1 && year >= 1970 ? at : -1;
}

static bool serial_met(const struct conf_check *check, const ldns_pkt *reply, int64_t now_s,
	struct health_result *ret)
{
	char age_text[SPAN_TEXT], max_text[SPAN_TEXT];

	if (span_is_zero(check->max_serial_age))
		return true;
	const ldns_rr *rr = find_answer(reply, LDNS_RR_TYPE_SOA);
	const ldns_rdf *field = rr && ldns_rr_rd_count(rr) > 2 ? ldns_rr_rdf(rr, 2) : NULL;
	if (!field || ldns_rdf_size(field) != 4) {
		*ret = health_result_of(HEALTH_REASON_NO_ANSWER, "no SOA record, expected one");
		return false;
	}
	uint32_t serial = ldns_rdf2native_int32(field);
	int64_t at = check->serial_format == CONF_SERIAL_DATE ? time_of_date(serial) : serial;
	if (at < 0 || at > now_s + DAY_S) {
		*ret = health_result_of(HEALTH_REASON_STALE,
			"serial %u is no %s of the past: see serial-format", serial,
			check->serial_format == CONF_SERIAL_DATE ? "date" : "time");
		return false;
	}
	span age = span_s(at < now_s ? now_s - at : 0);
	if (age.us <= check->max_serial_age.us)
		return true;
	*ret = health_result_of(HEALTH_REASON_STALE, "serial %u is %s old, at most %s expected",
		serial, span_print(age, age_text), span_print(check->max_serial_age, max_text));
	return false;
}

bool dnsexpect_met(const struct conf_check *check, const ldns_pkt *reply, int64_t now_s,
	struct health_result *ret)
{
	static bool (*const all[])(const struct conf_check *, const ldns_pkt *, int64_t,
		struct health_result *) = { ad_met, nsid_met, id_met, serial_met };

	for (size_t i = 0; i < countof(all); i++)
		if (!all[i](check, reply, now_s, ret))
			return false;
	return true;
}
