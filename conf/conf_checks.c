// The meaning of checks.
#include <errno.h>
#include <ldns/ldns.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_int.h"
#include "lib/out.h"
#include "lib/text.h"

#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

enum { CLIP = 60 };

static struct place place_of(const struct conf_check *c, const char *key)
{
	return conf_place(&c->keys, key, c->place);
}

static void check_timing(struct checker *k, const struct conf_check *c)
{
	const struct health_timing *t = &c->timing;
	char timeout[SPAN_TEXT], interval[SPAN_TEXT];

	if (t->timeout.us > t->interval.us)
		REFUSE(k, conf_place(&c->keys, "timeout", place_of(c, "interval")),
			"expected `timeout:` of at most the interval",
			"the timeout of %s is longer than the interval of %s",
			span_print(t->timeout, timeout), span_print(t->interval, interval));
	if (t->fast_interval.us > t->interval.us)
		REFUSE(k, place_of(c, "fast-interval"), "expected at most the interval",
			"`fast-interval` is longer than the interval");
}

// expect-id is a question of its own.
static void check_dns_id(struct checker *k, const struct conf_check *c)
{
	static const struct {
		const char *key, *fallback;
	} others[] = { { "query", "." }, { "type", "SOA" }, { "expect-answer", "" } };
	const char *const values[] = { c->query, c->type, c->expect ? c->expect : "" };
	static_assert(countof(others) == countof(values));

	for (size_t i = 0; c->server_id && i < countof(others); i++)
		if (strcmp(values[i], others[i].fallback) != 0)
			REFUSE(k, place_of(c, others[i].key), "expected one of the two",
				"`%s` and `expect-id` cannot stand together", others[i].key);
	if (!span_is_zero(c->max_serial_age) &&
		(c->server_id || ldns_get_rr_type_by_name(c->type) != LDNS_RR_TYPE_SOA))
		REFUSE(k, place_of(c, "max-serial-age"), "expected `type: SOA`",
			"`max-serial-age` needs the SOA record");
}

static void check_dns(struct checker *k, const struct conf_check *c)
{
	ldns_rdf *name = ldns_dname_new_frm_str(c->query);

	if (!name)
		REFUSE(k, place_of(c, "query"), "expected a domain name",
			"`query` cannot be `%.*s`", text_clip(c->query, CLIP), c->query);
	ldns_rdf_deep_free(name);
	if (ldns_get_rr_type_by_name(c->type) == 0)
		REFUSE(k, place_of(c, "type"), "expected a record type such as SOA, A or AAAA",
			"`type` cannot be `%.*s`", text_clip(c->type, CLIP), c->type);
	if (!ldns_lookup_by_name(ldns_rcodes, c->rcode))
		REFUSE(k, place_of(c, "expect-rcode"),
			"expected a response code such as NOERROR, NXDOMAIN or REFUSED",
			"`expect-rcode` cannot be `%.*s`", text_clip(c->rcode, CLIP), c->rcode);
	check_dns_id(k, c);
}

static void check_tcp(struct checker *, const struct conf_check *) {}

static void check_icmp(struct checker *, const struct conf_check *) {}

static void check_ca_file(struct checker *k, const struct conf_check *c)
{
	if (c->ca_file)
		conf_check_path(k, "ca-file", c->ca_file, place_of(c, "ca-file"));
}

static void check_tls(struct checker *k, const struct conf_check *c)
{
	size_t n = strspn(c->host, HOST_CHARACTERS);

	if (c->host[n])
		REFUSE(k, place_of(c, "host"), "expected a host name such as www.example.org",
			"`host` cannot be `%.*s`", text_clip(c->host, CLIP), c->host);
	check_ca_file(k, c);
}

// RFC 3986 section 3.2.2, without names that only percent-encoding could write.
static size_t host_length(const char *s)
{
	if (*s != '[')
		return strspn(s, HOST_CHARACTERS);
	size_t n = strspn(s + 1, "0123456789abcdefABCDEF:.");
	return n > 0 && s[n + 1] == ']' ? n + 2 : 0;
}

// NULL when the URL can be fetched; otherwise what it lacks.
static const char *url_problem(const char *url)
{
	size_t scheme = strncmp(url, "http://", 7) == 0    ? 7
			: strncmp(url, "https://", 8) == 0 ? 8
							   : 0;
	if (scheme == 0)
		return "it does not start with http:// or https://";
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p > '~')
			return "it holds a blank or a character that must be percent-encoded";
	const char *host = url + scheme;
	const char *path = host + strcspn(host, "/?#");
	if (memchr(host, '@', (size_t)(path - host)))
		return "it holds a user";
	size_t n = host_length(host);
	if (n == 0)
		return "it has no host";
	if (host[n] == ':') {
		size_t digits = strspn(host + n + 1, "0123456789");
		long port = digits < 6 ? strtol(host + n + 1, NULL, 10) : 0;
		if (port < 1 || port > 65535)
			return "its port is none";
		n += 1 + digits;
	}
	return host + n == path ? NULL : "its host is malformed";
}

static void check_http(struct checker *k, const struct conf_check *c)
{
	const char *problem = url_problem(c->url);

	if (problem)
		REFUSE(k, place_of(c, "url"), "expected a URL such as https://host/path",
			"`url` cannot be `%.*s`: %s", text_clip(c->url, CLIP), c->url, problem);
	check_ca_file(k, c);
}

static void check_exec(struct checker *k, const struct conf_check *c)
{
	const char *program = *(char *const *)c->command.data;
	const struct passwd *user = getpwnam(c->user);

	conf_check_path(k, "command", program, place_of(c, "command"));
	if (program[0] == '/' && access(program, X_OK) < 0)
		REFUSE(k, place_of(c, "command"), NULL, "`%.*s` cannot be run: %s",
			text_clip(program, CLIP), program, strerror(errno));
	if (!user)
		REFUSE(k, place_of(c, "user"), NULL, "user `%.*s` is not known on this host",
			text_clip(c->user, CLIP), c->user);
	else if (user->pw_uid == 0)
		REFUSE(k, place_of(c, "user"), "expected an unprivileged user",
			"an exec check must not run as `%s`", c->user);
}

static void check_address(struct checker *, const struct conf_check *) {}

static void check_file(struct checker *k, const struct conf_check *c)
{
	conf_check_path(k, "path", c->path, place_of(c, "path"));
}

static void (*const kinds[])(struct checker *k, const struct conf_check *c) = {
	[HEALTH_KIND_DNS] = check_dns,
	[HEALTH_KIND_TCP] = check_tcp,
	[HEALTH_KIND_HTTP] = check_http,
	[HEALTH_KIND_EXEC] = check_exec,
	[HEALTH_KIND_ADDRESS] = check_address,
	[HEALTH_KIND_FILE] = check_file,
	[HEALTH_KIND_TLS] = check_tls,
	[HEALTH_KIND_ICMP] = check_icmp,
};
static_assert(countof(kinds) == HEALTH_KIND_MAX);

static bool asks_each_address(const struct conf_check *c)
{
	bool has_server = c->kind == HEALTH_KIND_DNS || c->kind == HEALTH_KIND_TCP ||
			  c->kind == HEALTH_KIND_TLS;

	return has_server && c->server.family == IP_NONE;
}

// A check that names no server becomes one check for each address: an address
// of one family can fail alone.
static void expand(struct checker *k, struct conf_service *s)
{
	size_t n = 0;

	items_for_each(const struct conf_check, c, s->checks) n +=
		asks_each_address(c) ? s->addresses.count : 1;
	struct conf_check *all = arena_array(k->c->arena, n, sizeof(*all));
	n = 0;
	items_for_each(const struct conf_check, c, s->checks)
	{
		bool each = asks_each_address(c);

		for (size_t i = 0; i < (each ? s->addresses.count : 1); i++) {
			all[n] = *c;
			if (each)
				all[n].server = ((const struct ip_addr *)s->addresses.data)[i];
			if (each && c->name && s->addresses.count > 1)
				all[n].name = arena_printf(k->c->arena, "%s-%zu", c->name, i + 1);
			n++;
		}
	}
	s->checks = (struct items){ all, n };
}

static const struct conf_check *find_check(const struct conf_service *s, const char *name)
{
	items_for_each(const struct conf_check, c, s->checks)
	{
		if (c->name && strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

static size_t nameless(const struct conf_service *s, enum health_kind kind)
{
	size_t n = 0;

	items_for_each(const struct conf_check, c, s->checks) n += c->kind == kind && !c->name;
	return n;
}

static void name_checks(struct checker *k, struct conf_service *s)
{
	for (enum health_kind kind = 0; kind < HEALTH_KIND_MAX; kind++) {
		const char *base = health_kind_name(kind);
		bool several = nameless(s, kind) > 1 || find_check(s, base);
		unsigned number = 1;

		items_for_each(struct conf_check, c, s->checks)
		{
			if (c->kind != kind || c->name)
				continue;
			char *name = several ? NULL : arena_strdup(k->c->arena, base);
			while (!name || find_check(s, name))
				name = arena_printf(k->c->arena, "%s-%u", base, number++);
			c->name = name;
		}
	}
}

static void check_names(struct checker *k, const struct conf_service *s)
{
	items_for_each(const struct conf_check, c, s->checks)
	{
		struct place at = place_of(c, "name");

		conf_check_name(k, "a check", c->name, at);
		if (find_check(s, c->name) != c)
			REFUSE(k, at, NULL, "two checks of service `%s` are named `%s`", s->name,
				c->name);
	}
}

void conf_check_checks(struct checker *k, struct conf_service *s)
{
	items_for_each(const struct conf_check, c, s->checks)
	{
		check_timing(k, c);
		kinds[c->kind](k, c);
	}
	expand(k, s);
	name_checks(k, s);
	check_names(k, s);
}
