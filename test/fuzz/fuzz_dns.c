// Replies to a DNS check, from anybody: they are judged or ignored, with a detail that can be
// printed. The first byte chooses what the check expects.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nearcastd/dnsquery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ID = 0x1234, QUERIES = 6 };

static struct dnsquery *make_query(int n)
{
	static char name[] = "example.org";
	static char any[] = "ANY";
	static char soa[] = "SOA";
	static char expect[] = "ns.example.org";
	static char nxdomain[] = "NXDOMAIN";
	static struct conf_check checks[QUERIES];
	struct health_result fault;

	struct conf_check *check = &checks[n];
	*check = (struct conf_check){ .kind = HEALTH_KIND_DNS, .query = name };
	check->type = n == 0 ? any : soa;
	check->expect = n == 1 ? expect : NULL;
	check->rcode = n == 2 ? nxdomain : NULL;
	check->nsid = n == 3 ? expect : NULL;
	check->server_id = n == 4 ? expect : NULL;
	check->expect_ad = n == 5;
	check->max_serial_age = n == 5 ? span_s(3600) : span_s(0);
	check->serial_format = CONF_SERIAL_DATE;
	struct dnsquery *q = dnsquery_new(check, &fault);
	if (!q)
		abort();
	return q;
}

static void inspect(enum dnsquery_verdict verdict, const struct health_result *r)
{
	if (verdict == DNSQUERY_NOT_OURS && r->reason != HEALTH_REASON_BAD_REPLY)
		abort();
	if (r->pass != (r->reason == HEALTH_REASON_OK))
		abort();
	if (r->evidence == EVIDENCE_HARD) // nothing that is received can be
		abort();
	for (const char *p = r->detail; *p; p++)
		if (*p < ' ' || *p > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dnsquery *queries[QUERIES];
	struct health_result r;

	if (size < 1)
		return 0;
	int n = data[0] % QUERIES;
	if (!queries[n])
		queries[n] = make_query(n);
	inspect(dnsquery_judge(queries[n], ID, data + 1, size - 1, &r), &r);
	return 0;
}
