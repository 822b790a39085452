// Sessions of clients: their keys, what a step may say of them, and what both mean.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lab/scenario_int.h"
#include "lib/text.h"

#define AT(type, member) __builtin_offsetof(struct type, member)
#define END                  \
	{                    \
		.name = NULL \
	}

enum {
	HTTP = 1u << SESSION_HTTP,
	DNS = 1u << SESSION_DNS_TCP,
	DOWNLOAD = 1u << SESSION_DOWNLOAD,
	UPLOAD = 1u << SESSION_UPLOAD,
	QUIC = 1u << SESSION_QUIC,
};

static const struct schema_word kind_words[SESSION_KIND_MAX + 1] = {
	{ "http", SESSION_HTTP,
		"one connection; asks the web server who answers, each `interval`" },
	{ "dns-tcp", SESSION_DNS_TCP, "one connection; asks the DNS server who answers" },
	{ "download", SESSION_DOWNLOAD, "takes `size` bytes over HTTP" },
	{ "upload", SESSION_UPLOAD, "sends `size` bytes over HTTP, spread over `duration`" },
	{ "quic", SESSION_QUIC, "takes `size` bytes over HTTP/3, 128 KiB a round trip" },
};

const char *session_kind_name(enum session_kind k)
{
	return kind_words[k].name;
}

static const struct schema_word family_words[] = {
	{ "ipv4", CLIENT_IP4, NULL },
	{ "ipv6", CLIENT_IP6, NULL },
	{ "both", CLIENT_BOTH, "as many over each" },
	{},
};

static const char units[] = "KMGT"; // each 1024 times the one before

// "500M": bytes, or with the letter of a unit.
static int size_parse(const char *text, void *ret, struct strbuf *)
{
	size_t n = strspn(text, "0123456789");
	const char *unit = text[n] ? strchr(units, text[n]) : NULL;
	unsigned bits = unit ? 10 * (unsigned)(unit - units + 1) : 0;

	if (n == 0 || (text[n] && (!unit || text[n + 1])))
		return -EINVAL;
	errno = 0;
	uintmax_t value = strtoumax(text, NULL, 10);
	if (errno != 0 || value == 0 || value > (UINT64_C(1) << 40) >> bits)
		return -ERANGE;
	*(uint64_t *)ret = value << bits;
	return 0;
}

static void size_print(const void *value, struct strbuf *b)
{
	uint64_t size = *(const uint64_t *)value;
	size_t unit = 0;

	while (size > 0 && size % 1024 == 0 && units[unit]) {
		size /= 1024;
		unit++;
	}
	sb_printf(b, "%" PRIu64 "%.1s", size, unit ? &units[unit - 1] : "");
}

static const struct schema_scalar size_scalar = {
	.expects = "a number of bytes from 1 to 1T, such as 1500, 64K or 500M",
	.size = sizeof(uint64_t),
	.parse = size_parse,
	.print = size_print,
};

static const struct schema_key session_keys[] = {
	{ "name", SCHEMA_STRING, .offset = AT(scn_session, name), .required = true },
	{ "clients", SCHEMA_LIST, .elem = SCHEMA_STRING, .offset = AT(scn_session, clients),
		.place_offset = AT(scn_session, clients_place), .required = true,
		.one_or_list = true, .max = 200,
		.help = "Whose they are; each client has `count`." },
	{ "kind", SCHEMA_WORD, .offset = AT(scn_session, kind), .required = true,
		.words = kind_words },
	{ "family", SCHEMA_WORD, .offset = AT(scn_session, family),
		.has_offset = AT(scn_session, has_family), .words = family_words,
		.help = "The client's unless given." },
	{ "count", SCHEMA_UINT, .offset = AT(scn_session, count), .min = 1, .max = 5000,
		.fallback = "1" },
	{ "interval", SCHEMA_SPAN, .offset = AT(scn_session, interval), .kinds = HTTP | DNS,
		.min = 10, .max = 86400000, .fallback = "1s",
		.help = "From one request to the next. One that is longer than the timeline makes "
			"sessions that speak at their beginning and their end only." },
	{ "size", SCHEMA_CUSTOM, .offset = AT(scn_session, size), .scalar = &size_scalar,
		.kinds = DOWNLOAD | UPLOAD | QUIC, .required = true,
		.help = "What is carried, compared by its SHA-256." },
	{ "rate", SCHEMA_CUSTOM, .offset = AT(scn_session, rate), .scalar = &size_scalar,
		.kinds = DOWNLOAD, .unit = "bytes a second",
		.help = "Read no faster than that, to be under way for longer." },
	{ "duration", SCHEMA_SPAN, .offset = AT(scn_session, duration), .kinds = UPLOAD, .min = 100,
		.max = 3600000, .required = true, .help = "How long to take over it." },
	{ "stall", SCHEMA_SPAN, .offset = AT(scn_session, stall), .min = 100, .max = 3600000,
		.fallback = "15s",
		.help = "A session that waits longer for an answer, or for the next bytes, is "
			"broken." },
	{ "may-end", SCHEMA_BOOL, .offset = AT(scn_session, may_end),
		.kinds = DOWNLOAD | UPLOAD | QUIC, .fallback = "no",
		.help = "It may be over before the last event. Otherwise that is a failure: it "
			"was not under way in each of them." },
	END,
};

const struct schema session_schema = {
	"session",
	sizeof(struct scn_session),
	.place_offset = AT(scn_session, place),
	.keys = session_keys,
	.kind = "kind",
	.help = "Sessions of clients with the service. They are opened before the first event and "
		"live to the end of the timeline.",
};

static const struct schema_key sessions_expect_keys[] = {
	{ "broken-of", SCHEMA_LIST, .elem = SCHEMA_STRING,
		.offset = AT(scn_sessions_expect, broken_of), .one_or_list = true, .max = 200,
		.help = "Nodes whose sessions may break, in this step and from then on." },
	{ "max-stall", SCHEMA_SPAN, .offset = AT(scn_sessions_expect, max_stall),
		.has_offset = AT(scn_sessions_expect, has_max_stall), .min = 1, .max = 3600000,
		.help = "Longest wait for an answer, or for the next bytes, of a session that is "
			"not broken." },
	{ "reset-within", SCHEMA_SPAN, .offset = AT(scn_sessions_expect, reset_within),
		.has_offset = AT(scn_sessions_expect, has_reset_within), .min = 1, .max = 3600000,
		.help = "All sessions of the nodes in `broken-of` are broken in the end, those "
			"over "
			"TCP by an RST so soon after the first data that their client sent once "
			"every other node had lost sight of the owner." },
	{ "broken-at-least", SCHEMA_UINT, .offset = AT(scn_sessions_expect, broken_at_least),
		.has_offset = AT(scn_sessions_expect, has_broken_at_least), .min = 1, .max = 1e9,
		.help = "Sessions may break, and so many do: for controls." },
	END,
};

const struct schema sessions_expect_schema = {
	"expectation of sessions",
	sizeof(struct scn_sessions_expect),
	.place_offset = AT(scn_sessions_expect, place),
	.keys = sessions_expect_keys,
};

enum client_family scenario_session_family(
	const struct scn_session *session, const struct scn_client *client)
{
	return session->has_family ? session->family : client->family;
}

static void check_session_client(struct checker *c, const struct scn_session *s, const char *name)
{
	int i = scenario_client(c->s, name);

	check_known(c, s->clients_place, &c->s->clients, sizeof(struct scn_client), "client", name);
	for (enum ip_family f = IP4; i >= 0 && f <= IP6; f++) {
		const struct scn_client *client = (struct scn_client *)c->s->clients.data + i;
		if ((scenario_session_family(s, client) & (1u << (f - 1))) &&
			!scenario_service_address(c->s, f))
			FAULT(c, s->place, NULL, "the service has no IPv%d address for `%s`",
				f == IP4 ? 4 : 6, name);
	}
}

// Not at every site: what becomes of sessions where nobody serves them may be the question.
static void check_served(struct checker *c, const struct scn_session *s)
{
	bool quic = s->kind == SESSION_QUIC;

	if (s->kind == SESSION_DNS_TCP)
		return;
	items_for_each(struct scn_site, site, c->s->sites)
	{
		bool serves = quic ? site->quic != QUIC_NONE : site->web != WEB_NONE;
		if (site->announcer != ANNOUNCER_NONE && serves)
			return;
	}
	FAULT(c, s->place,
		quic ? "expected `quic: ngtcp2` at sites" : "expected `web: nginx` at sites",
		"no site serves sessions of kind `%s`", session_kind_name(s->kind));
}

void check_sessions(struct checker *c)
{
	items_for_each(struct scn_session, s, c->s->sessions)
	{
		check_served(c, s);
		if (!text_is_name(s->name))
			FAULT(c, s->place, "expected letters, digits, '-', '_' and '.'",
				"`%s` cannot name sessions", s->name);
		items_for_each(struct scn_session, o, c->s->sessions)
		{
			if (o < s && strcmp(o->name, s->name) == 0)
				FAULT(c, s->place, NULL, "the name `%s` is given twice", s->name);
		}
		items_for_each(char *, name, s->clients)
		{
			check_session_client(c, s, *name);
			items_for_each(char *, other, s->clients)
			{
				if (other < name && strcmp(*other, *name) == 0)
					FAULT(c, s->clients_place, NULL, "`%s` is named twice",
						*name);
			}
		}
	}
}

void check_sessions_expect(struct checker *c, const struct scn_step *step)
{
	const struct scn_sessions_expect *e = &step->sessions;

	if (!e->given)
		return;
	if (c->s->sessions.count == 0)
		FAULT(c, e->place, NULL, "there are no `sessions` in the scenario");
	items_for_each(char *, node, e->broken_of)
		check_known(c, e->place, &c->s->sites, sizeof(struct scn_site), "node", *node);
	if (e->has_reset_within && e->broken_of.count == 0)
		FAULT(c, e->place, NULL, "`reset-within` needs `broken-of`");
}
