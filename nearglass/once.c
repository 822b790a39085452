#include "nearglass/once.h"

#include <stdio.h>
#include <string.h>

// By number, so that a clock that was set back hides nothing; by time as well, for a nearcastd that was
// started again counts from 1.
bool once_is_new(struct once *o, const json_t *event)
{
	const char *time = json_string_value(json_object_get(event, "time"));
	json_int_t seq = json_integer_value(json_object_get(event, "seq"));

	if (!time || (seq > 0 && seq <= o->last_seq && strcmp(time, o->last_time) <= 0))
		return false;
	if (seq > 0) {
		snprintf(o->last_time, sizeof(o->last_time), "%s", time);
		o->last_seq = seq;
	}
	return true;
}
