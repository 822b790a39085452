#include "test/unit.h"

#include <string.h>

#include "lab/idserver.h"

#define HEADER(flags, answers)    "\x12\x34" flags "\x00\x01" answers "\x00\x00\x00\x00"
#define QUESTION                  "\x02id\x06server\x00\x00\x10\x00\x03"
#define RECORD(name, type, rdata) name type "\x00\x03\x00\x00\x00\x00" rdata
#define GOOD                                    \
	HEADER("\x84\x00", "\x00\x01")          \
	QUESTION RECORD("\xc0\x0c", "\x00\x10", \
		"\x00\x05\x04"                  \
		"fra1")

static const struct {
	const char *what, *bytes;
	size_t len;
	bool good;
} rows[] = {
#define ROW(what, bytes, good)                       \
	{                                            \
		what, bytes, sizeof(bytes) - 1, good \
	}
	ROW("good", GOOD, true),
	ROW("name written out",
		HEADER("\x84\x00", "\x00\x01") QUESTION RECORD("\x02id\x06server\x00", "\x00\x10",
			"\x00\x05\x04"
			"fra1"),
		true),
	ROW("a query", HEADER("\x00\x00", "\x00\x01") QUESTION, false),
	ROW("refused", HEADER("\x84\x05", "\x00\x00") QUESTION, false),
	ROW("no answer", HEADER("\x84\x00", "\x00\x00") QUESTION, false),
	ROW("another type",
		HEADER("\x84\x00", "\x00\x01") QUESTION RECORD("\xc0\x0c", "\x00\x01",
			"\x00\x04\x03"
			"fra"),
		false),
	ROW("string over its record",
		HEADER("\x84\x00", "\x00\x01") QUESTION RECORD("\xc0\x0c", "\x00\x10",
			"\x00\x05\x05"
			"fra1"),
		false),
	ROW("empty record",
		HEADER("\x84\x00", "\x00\x01") QUESTION RECORD("\xc0\x0c", "\x00\x10", "\x00\x00"),
		false),
	ROW("header only", HEADER("\x84\x00", "\x00\x01"), false),
};

static void test_answers(void **)
{
	for (size_t i = 0; i < countof(rows); i++) {
		char text[IDSERVER_TEXT] = "";
		uint16_t id = 0;
		bool good = idserver_answer((const uint8_t *)rows[i].bytes, rows[i].len, &id, text);

		if (good != rows[i].good || id != 0x1234 || (good && strcmp(text, "fra1") != 0))
			fail_msg("%s: %d id %x \"%s\"", rows[i].what, good, id, text);
	}
}

// Every cut of a good answer is refused, and none reads past its end.
static void test_cut(void **)
{
	for (size_t n = 0; n < sizeof(GOOD) - 1; n++) {
		own(free_ptr) uint8_t *exact = malloc(n ? n : 1);
		char text[IDSERVER_TEXT];
		uint16_t id;

		assert_non_null(exact);
		memcpy(exact, GOOD, n);
		assert_false(idserver_answer(exact, n, &id, text));
	}
}

static void test_query(void **)
{
	static const char expected[] = "\xab\xcd\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" QUESTION;
	uint8_t buf[IDSERVER_QUERY_BYTES];

	assert_int_equal(idserver_query(0xabcd, buf), sizeof(expected) - 1);
	assert_memory_equal(buf, expected, sizeof(expected) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests_name("lab_idserver", tests, NULL, NULL);
}
