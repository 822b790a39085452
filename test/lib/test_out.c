#include "test/unit.h"

#include "lib/out.h"

static void describe(struct out *o)
{
	out_object(o, NULL);
	out_str(o, "site", "fra1");
	out_int(o, "drift", -3);
	out_bool(o, "up", true);
	out_null(o, "city");
	out_double(o, "load", 0.5, 2);
	out_array(o, "prefixes");
	out_str(o, NULL, "198.51.100.0/24");
	out_str(o, NULL, "2001:db8::/32");
	out_end(o);
	out_table(o, "upstreams");
	out_object(o, NULL);
	out_str(o, "name", "transit-a");
	out_uint(o, "sent", 12);
	out_end(o);
	out_object(o, NULL);
	out_str(o, "name", "ix");
	out_uint(o, "sent", 7);
	out_array(o, "communities");
	out_str(o, NULL, "64500:1");
	out_str(o, NULL, "64500:2");
	out_end(o);
	out_end(o);
	out_end(o);
	out_object(o, "node");
	out_uint(o, "id", 11);
	out_end(o);
	out_end(o);
}

static void test_json(void **)
{
	struct strbuf b = {};
	struct out *o = out_new(OUT_JSON, &b);

	describe(o);
	out_free(&o);
	assert_string_equal(sb_text(&b),
		"{\"site\":\"fra1\",\"drift\":-3,\"up\":true,\"city\":null,\"load\":0.50,"
		"\"prefixes\":[\"198.51.100.0/24\",\"2001:db8::/32\"],"
		"\"upstreams\":[{\"name\":\"transit-a\",\"sent\":12},"
		"{\"name\":\"ix\",\"sent\":7,\"communities\":[\"64500:1\",\"64500:2\"]}],"
		"\"node\":{\"id\":11}}\n");
	sb_free(&b);
}

static void test_text(void **)
{
	struct strbuf b = {};
	struct out *o = out_new(OUT_TEXT, &b);

	describe(o);
	out_free(&o);
	assert_string_equal(sb_text(&b), "site: fra1\n"
					 "drift: -3\n"
					 "up: yes\n"
					 "city: -\n"
					 "load: 0.50\n"
					 "prefixes:\n"
					 "  - 198.51.100.0/24\n"
					 "  - 2001:db8::/32\n"
					 "upstreams:\n"
					 "  name       sent  communities\n"
					 "  transit-a    12  -\n"
					 "  ix            7  64500:1, 64500:2\n"
					 "node:\n"
					 "  id: 11\n");
	sb_free(&b);
}

static void test_metrics(void **)
{
	struct strbuf b = {};
	struct out *o = out_new(OUT_METRICS, &b);

	out_family(o, "nearcast_prefix_announced", "gauge", NULL, "Whether it is announced.");
	out_sample(o, 1, "prefix", "192.0.2.0/24", "site", "a\"b\\c\nd", NULL);
	out_family(o, "nearcast_updates", "counter", NULL, "Sent.");
	out_sample(o, 12, NULL);
	out_free(&o);
	assert_string_equal(sb_text(&b),
		"# TYPE nearcast_prefix_announced gauge\n"
		"# HELP nearcast_prefix_announced Whether it is announced.\n"
		"nearcast_prefix_announced{prefix=\"192.0.2.0/24\",site=\"a\\\"b\\\\c\\nd\"} 1\n"
		"# TYPE nearcast_updates counter\n"
		"# HELP nearcast_updates Sent.\n"
		"nearcast_updates_total 12\n"
		"# EOF\n");
	sb_free(&b);
}

static void test_quote(void **)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain", "\"plain\"" },
		{ "a\"b\\", "\"a\\\"b\\\\\"" },
		{ "\n\t\x01", "\"\\n\\u0009\\u0001\"" },
		{ "K\xc3\xb6ln", "\"K\xc3\xb6ln\"" },
		{ "\xff", "\"\xef\xbf\xbd\"" },                 // never valid
		{ "\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"" }, // overlong
		{ "\xed\xa0\x80",                               // a surrogate
			"\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" }, // cut off
		{ "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct strbuf b = {};
		json_quote(&b, rows[i].in);
		assert_string_equal(sb_text(&b), rows[i].out);
		sb_free(&b);
	}
}

static void test_times(void **)
{
	char t[TIME_TEXT], s[SPAN_TEXT];

	assert_string_equal(time_print(0, t), "1970-01-01T00:00:00.000000Z");
	assert_string_equal(time_print(1767323045678901, t), "2026-01-02T03:04:05.678901Z");
	assert_string_equal(time_print(-1, t), "1969-12-31T23:59:59.999999Z");
	assert_string_equal(span_print(span_ms(999), s), "999ms");
	assert_string_equal(span_print(span_ms(59960), s), "59.9s");
	assert_string_equal(span_print(span_s(250), s), "4m10s");
	assert_string_equal(span_print(span_s(7380), s), "2h03m");
	assert_string_equal(span_print(span_s(446400), s), "5d04h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests_name("out", tests, NULL, NULL);
}
