// Is a check of one configuration the same as one of another?
#pragma once

#include <stdbool.h>

#include "conf/conf.h"

// Same names of service and check, and everything that bears on its results:
// timing, what it asks, and the service's addresses. Not where it stands in the file.
[[nodiscard]] bool check_equal(const struct conf_service *service_a, const struct conf_check *a,
	const struct conf_service *service_b, const struct conf_check *b);
