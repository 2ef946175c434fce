/* SPDX-License-Identifier: BSD-2-Clause */
/* What a call did against what a script expects: bounds, and what a busy machine is allowed. No kernel is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/duration.h"
#include "lab/run_private.h"

#include <errno.h>

/* One call of @took_ms that returned @result, in a run whose calls began @lag_ms late so far. */
static bool passes(const char *line, long result, int64_t took_ms, int64_t lag_ms, int64_t late_ms)
{
	static const struct tw_lab_job job;
	struct tw_script script;
	struct tw_err err;
	struct tw_run run = { .job = &job, .passed = true, .lag_ns = lag_ms * TW_NS_PER_MS };
	struct tw_actor_result r = { .result = result, .start_ns = TW_NS_PER_S };

	assert_int_equal(tw_script_parse(&script, line, &err), 0);
	assert_int_equal(script.count, 1);
	r.statement = &script.statements[0];
	r.end_ns = r.start_ns + took_ms * TW_NS_PER_MS;
	run.checks = json_array();
	tw_run_check(&run, r.statement, &r, late_ms * TW_NS_PER_MS);
	assert_int_equal(json_array_size(run.checks), 1);
	json_decref(run.checks);
	tw_script_free(&script);
	return run.passed;
}

static void bounds(void **state)
{
	static const char line[] = "server recv 100 after 500ms..3s";

	assert_true(passes(line, 100, 500, 0, 0));
	assert_true(passes(line, 100, 3000, 0, 0));
	assert_false(passes(line, 100, 499, 0, 0));
	assert_false(passes(line, 100, 3001, 0, 0));
	assert_false(passes(line, 99, 1000, 0, 0));
}

/* The timer that ends the call began with an earlier step: what the call began late is missing from its time. */
static void calls_that_began_late(void **state)
{
	static const char line[] = "server recv 100 after 500ms..3s";

	assert_true(passes(line, 100, 0, 500, 0));
	assert_true(passes(line, 100, 400, 100, 0));
	assert_false(passes(line, 100, 400, 99, 0));
	/* it excuses no call that is too long, and no wrong result */
	assert_false(passes(line, 100, 3001, 500, 0));
	assert_false(passes(line, -ECONNRESET, 0, 500, 0));
}

/* What the wire or the process had to wait for a processor comes on top of an upper bound alone. */
static void late_wires(void **state)
{
	static const char line[] = "client recv -> ECONNRESET within 200ms";

	assert_true(passes(line, -ECONNRESET, 200, 0, 0));
	assert_false(passes(line, -ECONNRESET, 201, 0, 0));
	assert_true(passes(line, -ECONNRESET, 300, 0, 100));
	assert_false(passes(line, -ECONNRESET, 301, 0, 100));
	assert_false(passes("client recv -> EOF after 1s..2s", 0, 900, 0, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds),
		cmocka_unit_test(calls_that_began_late),
		cmocka_unit_test(late_wires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
