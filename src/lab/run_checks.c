/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: what a call did against what the script expects of it: result and duration.
 *
 * No timer of the kernel fires early, but it may have begun with an earlier step, and the call later than it could
 * have: how much later calls began, so far, is known, and a lower bound is less by that. An upper one is
 * generous by the language (docs/lab.md), for a loaded machine is late; how late the cable was meanwhile, and how
 * long the process had no processor, is known, and allowed on top. A wrong result stops the scenario, as what follows would
 * only follow from it; a wrong duration does not.
 */
#include "base/duration.h"
#include "lab/run_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int64_t tw_run_at_most_ns(const struct tw_run *run, const struct tw_expect *e)
{
	return run->job->full_time && e->full_at_most_ns >= 0 ? e->full_at_most_ns : e->at_most_ns;
}

int64_t tw_run_at_least_ns(const struct tw_run *run, const struct tw_expect *e)
{
	return run->job->full_time && e->full_at_least_ns >= 0 ? e->full_at_least_ns
							       : e->at_least_ns;
}

static bool is_recv(const struct tw_statement *s)
{
	return s->verb == TW_DO_RECV || s->verb == TW_DO_RECV_EOF;
}

static bool counts_bytes(const struct tw_statement *s)
{
	return s->verb == TW_DO_SEND || s->verb == TW_DO_RECV || s->verb == TW_DO_FILL;
}

const char *tw_run_result_text(char *out, const struct tw_actor_result *r)
{
	const struct tw_statement *s = r->statement;

	if (r->ended && WIFSIGNALED(r->status))
		snprintf(out, TW_EXPECT_TEXT, "killed by %s",
			 sigabbrev_np(WTERMSIG(r->status)) ? sigabbrev_np(WTERMSIG(r->status))
							   : "a signal");
	else if (r->ended)
		snprintf(out, TW_EXPECT_TEXT, "exit %d", WEXITSTATUS(r->status));
	else if (r->result < 0)
		snprintf(out, TW_EXPECT_TEXT, "%s", tw_errno_name((int)-r->result));
	else if (is_recv(s) && r->result == 0)
		snprintf(out, TW_EXPECT_TEXT, "EOF");
	else if (s->verb == TW_DO_POLL)
		return tw_events_text(out, (unsigned)r->result);
	else if (counts_bytes(s))
		snprintf(out, TW_EXPECT_TEXT, "%ld", r->result);
	else
		snprintf(out, TW_EXPECT_TEXT, "ok");
	return out;
}

/* `exit` and `crash` succeed by ending the process. */
static bool ended_as_asked(const struct tw_statement *s)
{
	return s->verb == TW_DO_EXIT || s->verb == TW_DO_CRASH;
}

static bool succeeded(const struct tw_statement *s, const struct tw_actor_result *r)
{
	if (r->ended || r->result < 0)
		return ended_as_asked(s) && r->ended;
	if (s->verb == TW_DO_RECV && s->number > 0)
		return r->result == s->number;
	return s->verb != TW_DO_RECV || r->result > 0;
}

static bool result_fits(const struct tw_expect *e, const struct tw_actor_result *r)
{
	const struct tw_statement *s = r->statement;

	switch (e->kind) {
	case TW_EXPECT_SUCCESS:
		return succeeded(s, r);
	case TW_EXPECT_ERRNO:
		return !r->ended && r->result == -e->value;
	case TW_EXPECT_EOF:
		return !r->ended && is_recv(s) && r->result == 0;
	case TW_EXPECT_NUMBER:
	case TW_EXPECT_EVENTS:
		return !r->ended && r->result == e->value;
	case TW_EXPECT_HANG: /* it returned */
		return false;
	}
	return false;
}

void tw_run_note_check(struct tw_run *run, unsigned line, const char *what, const char *expected,
		       const char *seen, bool passed)
{
	json_array_append_new(run->checks, json_pack("{s:i, s:s, s:s, s:s, s:b}", "line", (int)line,
						     "what", what, "expected", expected, "seen",
						     seen, "passed", (int)passed));
	if (!passed)
		run->passed = false;
}

void tw_run_check(struct tw_run *run, const struct tw_statement *expecting,
		  const struct tw_actor_result *r, int64_t late_ns)
{
	/* What stands at the join wins over what stands at the call (script.h). */
	const struct tw_expect *e = expecting->expect.given || r->statement == expecting
					    ? &expecting->expect
					    : &r->statement->expect;
	int64_t took_ns = r->end_ns - r->start_ns;
	int64_t at_least_ns = tw_run_at_least_ns(run, e), at_most_ns = tw_run_at_most_ns(run, e);
	bool right = result_fits(e, r);
	bool in_time = (at_least_ns < 0 || took_ns + run->lag_ns >= at_least_ns) &&
		       (at_most_ns < 0 || took_ns <= at_most_ns + late_ns);
	char expected[TW_EXPECT_TEXT], result[TW_EXPECT_TEXT],
		seen[TW_EXPECT_TEXT + 2 * TW_DURATION_TEXT + 32];

	if (!right)
		run->stopped = true;
	/* Of steps that just work nothing need be said. */
	if (right && in_time && !e->given)
		return;
	tw_run_result_text(result, r);
	if (at_most_ns >= 0 && took_ns > at_most_ns && late_ns)
		snprintf(seen, sizeof(seen), "%s after %s, of which %s for want of a processor",
			 result, TW_DUR(took_ns), TW_DUR(late_ns));
	else if (at_least_ns >= 0 && took_ns < at_least_ns && in_time)
		snprintf(seen, sizeof(seen), "%s after %s, begun up to %s late", result,
			 TW_DUR(took_ns), TW_DUR(run->lag_ns));
	else
		snprintf(seen, sizeof(seen), "%s after %s", result, TW_DUR(took_ns));
	tw_run_note_check(run, expecting->line, expecting->text, tw_expect_text(expected, e), seen,
			  right && in_time);
}
