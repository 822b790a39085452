// Events of a nearcastd, each once: whoever asks it again, or a glass that was started again and asks it,
// is told what it remembers from the first one on.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct once {
	char last_time[40];
	json_int_t last_seq;
};

// False: it was told before, or has no time. One without `seq` is no nearcastd's, and always new.
bool once_is_new(struct once *o, const json_t *event);
