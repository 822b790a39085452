// The scalar types of schemas: one row a type. Below schema only.
#pragma once

#include "lib/schema.h"

// What one value must be: a key's row, or for the elements of a list the row without
// the limits, which there count the elements.
struct value_rule {
	const struct schema_key *key;
	enum schema_type type;
	double min, max;
};

struct value_rule rule_of(const struct schema_key *key);
struct value_rule rule_of_elements(const struct schema_key *key);

// The row of that key that applies to the kinds; kinds 0: the first. NULL: there is none.
const struct schema_key *schema_find(const struct schema *s, const char *name, unsigned kinds);
bool key_applies(const struct schema_key *k, unsigned kinds);

size_t value_size(const struct value_rule *rule);

// For schema_type up to SCHEMA_CUSTOM. 0; -EINVAL; -ERANGE outside the rule's limits. *why may
// get a reason.
[[nodiscard]] int value_parse(const struct value_rule *rule, const char *text, struct arena *arena,
	void *ret, struct strbuf *why);
// As YAML, quoted where it must be.
void value_print(const struct value_rule *rule, const void *value, struct strbuf *b);

// "a whole number from 1 to 4095", "one of: dns, tcp".
void value_expects(const struct value_rule *rule, struct strbuf *b);
