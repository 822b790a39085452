// What a run found: tables for people while it goes on, one JSON object at the end.
#pragma once

#include "lab/run.h"

// What happens now.
void report_event(const struct run_result *r, const struct step_result *step, struct strbuf *b);

// The table of one step that is over.
void report_step(const struct run_result *r, const struct step_result *step, struct strbuf *b);

// The last lines: how much held, and what the delays were made with.
void report_end(const struct run_result *r, struct strbuf *b);

// {scenario, title, started, seconds, link_delay, sites[], clients[],
//  keepers[{keeper, local, forwarded, received, refused}], start{...},
//  events[{at_ms, event, target, ..., clients[{client, answered_before, answered_after,
//  outage_ms, queries_sent, queries_lost, expect, ok, ...}], ok}], ok}
void report_json(const struct run_result *r, struct strbuf *b);
