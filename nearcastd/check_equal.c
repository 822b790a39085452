#include "nearcastd/check_equal.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_words(const struct items *a, const struct items *b)
{
	char *const *words_a = a->data;
	char *const *words_b = b->data;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_text(words_a[i], words_b[i]))
			return false;
	return true;
}

static bool same_addresses(const struct items *a, const struct items *b)
{
	const struct ip_addr *list_a = a->data;
	const struct ip_addr *list_b = b->data;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!ip_equal(&list_a[i], &list_b[i]))
			return false;
	return true;
}

static bool same_timing(const struct health_timing *a, const struct health_timing *b)
{
	return a->interval.us == b->interval.us && a->fast_interval.us == b->fast_interval.us &&
	       a->timeout.us == b->timeout.us && a->rise == b->rise && a->fall == b->fall &&
	       a->scope == b->scope;
}

static bool same_question(const struct conf_check *a, const struct conf_check *b)
{
	return same_text(a->query, b->query) && same_text(a->type, b->type) &&
	       same_text(a->rcode, b->rcode) && same_text(a->expect, b->expect) &&
	       same_text(a->url, b->url) && same_text(a->body, b->body) &&
	       same_text(a->user, b->user) && same_text(a->nsid, b->nsid) &&
	       same_text(a->server_id, b->server_id) && same_text(a->ca_file, b->ca_file) &&
	       same_text(a->host, b->host) && a->expect_ad == b->expect_ad &&
	       a->serial_format == b->serial_format &&
	       a->max_serial_age.us == b->max_serial_age.us && a->min_days == b->min_days &&
	       same_text(a->path, b->path) && same_words(&a->command, &b->command) &&
	       a->tcp == b->tcp && a->status == b->status && a->expect_absent == b->expect_absent;
}

bool check_equal(const struct conf_service *service_a, const struct conf_check *a,
	const struct conf_service *service_b, const struct conf_check *b)
{
	return same_text(service_a->name, service_b->name) &&
	       same_addresses(&service_a->addresses, &service_b->addresses) &&
	       same_text(a->name, b->name) && a->kind == b->kind &&
	       ip_equal(&a->server, &b->server) && a->port == b->port &&
	       same_timing(&a->timing, &b->timing) && same_question(a, b);
}
