// What became of sessions, as text and JSON.
#pragma once

#include "lab/run.h"
#include "lib/out.h"

// A row for each group: those that stand, that broke in the step, the longest wait.
void report_sessions_step(
	const struct run_result *r, const struct step_result *step, struct strbuf *b);
// The whole: groups, what broke and how, promises of RST, how late the lab itself was.
void report_sessions_end(const struct run_result *r, struct strbuf *b);

// sessions[] {name, client, family, standing, broken, excused, longest_wait_ms, longest_at_ms,
// verdict, ok}, sessions_broken, sessions_ok, lab_late_ms
void report_sessions_step_json(
	const struct run_result *r, const struct step_result *step, struct out *o);
// sessions[] {name, kind, client, family, sessions, done, broken, over_early, owners{}, bytes,
// longest_wait_ms, longest_at_ms, verdict, ok}, breaks[] {name, client, family, number, node, how,
// detail, at_ms, reset_ms}, resets[] {...}, sessions_ok, lab_late_ms
void report_sessions_json(const struct run_result *r, struct out *o);
