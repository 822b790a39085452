// RFC 3339 time in UTC, as parameters and events have it: "2026-01-02", "2026-01-02T03:04:05Z", with
// up to six decimals of the second.
#pragma once

#include <stdint.h>

// 0 and Unix time in microseconds; -EINVAL. Years 1970 to 2999.
[[nodiscard]] int time_parse(const char *text, int64_t *ret_us);
