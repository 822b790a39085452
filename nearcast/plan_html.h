// The report of a catchment as one HTML file that needs nothing else. Part of nearcast plan.
#pragma once

#include "nearcast/plan.h"

// What does not change: style and script of the page.
extern const char plan_html_style[], plan_html_script[];

// The map with what lands where; nothing where neither sites nor clients have a place.
void plan_html_map(struct strbuf *b, const struct plan_world *w);
// Text that may stand anywhere in HTML, in attributes too.
void plan_html_text(struct strbuf *b, const char *s);
// Colour of a site: eight hues, then grey.
const char *plan_html_colour(uint32_t site);
