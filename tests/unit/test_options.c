/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line's table and parser, and the suggestions for mistyped words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/suggest.h"
#include "cli/options.h"

#define ARGV_MAX 16

static struct tw_arguments a;
static struct tw_err err;

/* Parses the words of a command; returns what the parser returns. */
static int parse(unsigned command, const char *const *words)
{
	static char *argv[ARGV_MAX]; /* of `lab run`, the rest is borrowed */
	int argc = 0;

	while (words[argc]) {
		argv[argc] = (char *)(uintptr_t)words[argc];
		argc++;
	}
	argv[argc] = NULL;
	tw_arguments_free(&a);
	memset(&err, 0, sizeof(err));
	return tw_arguments_parse(&a, command, argc, argv, 0, &err);
}

#define PARSE(...)     parse(TW_CMD_READ, (const char *const[]){ __VA_ARGS__, NULL })
#define PARSE_LAB(...) parse(TW_CMD_LAB_RUN, (const char *const[]){ __VA_ARGS__, NULL })

static int free_arguments(void **state)
{
	tw_arguments_free(&a);
	return 0;
}

static void options_stand_anywhere(void **state)
{
	assert_int_equal(PARSE("a.pcap", "--json", "b.pcap", "-q", "-"), 0);
	assert_int_equal(a.word_count, 3);
	assert_string_equal(a.words[1], "b.pcap");
	assert_string_equal(a.words[2], "-");
	assert_true(a.json && a.quiet);
}

static void letters_join_and_take_arguments(void **state)
{
	assert_int_equal(PARSE("-nvvc5", "-r", "x", "-ry"), 0);
	assert_true(a.numeric);
	assert_int_equal(a.verbose, 2);
	assert_int_equal(a.count, 5);
	assert_int_equal(a.read_count, 2);
	assert_string_equal(a.reads[1], "y");
}

static void long_names_take_arguments_both_ways(void **state)
{
	assert_int_equal(PARSE("--stream=7", "--width", "100", "--color=never"), 0);
	assert_true(a.have_stream);
	assert_int_equal(a.stream, 7);
	assert_int_equal(a.width, 100);
	assert_int_equal(a.color, TW_COLOR_NEVER);
}

static void two_dashes_end_the_options(void **state)
{
	assert_int_equal(PARSE("--", "--json", "-q"), 0);
	assert_int_equal(a.word_count, 2);
	assert_false(a.json || a.quiet);
}

static void sizes_have_units(void **state)
{
	assert_int_equal(PARSE("--memory=512M"), 0);
	assert_int_equal(a.memory_bytes, UINT64_C(512) << 20);
	assert_int_equal(PARSE("--memory=2GiB"), 0);
	assert_int_equal(a.memory_bytes, UINT64_C(2) << 30);
	assert_int_equal(PARSE("--memory=99999999999999999999"), -EINVAL);
	assert_int_equal(PARSE("--memory=99999999999T"), -EINVAL);
	assert_int_equal(PARSE("--memory=-1G"), -EINVAL);
	assert_int_equal(PARSE("--memory=12X"), -EINVAL);
	assert_int_equal(PARSE("--memory=7M"), -EINVAL);
	assert_int_equal(PARSE("--memory=8M"), 0);
}

static void bad_values_are_refused(void **state)
{
	assert_int_equal(PARSE("-c", "x"), -EINVAL);
	assert_int_equal(PARSE("-c", "0"), -EINVAL);
	assert_int_equal(PARSE("-c", "-3"), -EINVAL);
	assert_int_equal(PARSE("--stream", "1.5"), -EINVAL);
	assert_int_equal(PARSE("--stream="), -EINVAL);
	assert_int_equal(PARSE("--width=20"), -EINVAL);
	assert_int_equal(PARSE("--color=maybe"), -EINVAL);
	assert_int_equal(PARSE("--json=yes"), -EINVAL);
	assert_int_equal(PARSE("-f", "tcp", "--filter=udp"), -EINVAL);
}

static void a_missing_argument_is_named(void **state)
{
	assert_int_equal(PARSE("-w"), -EINVAL);
	assert_non_null(strstr(err.text, "-w needs FILE"));
	assert_int_equal(PARSE("--stream"), -EINVAL);
	assert_non_null(strstr(err.text, "--stream needs N"));
}

static void an_unknown_option_gets_the_nearest(void **state)
{
	assert_int_equal(PARSE("--jsno"), -EINVAL);
	assert_non_null(strstr(err.text, "did you mean --json?"));
	assert_int_equal(PARSE("--verdicts=x"), -EINVAL);
	assert_non_null(strstr(err.text, "did you mean --verdict?"));
	assert_int_equal(PARSE("--xylophone"), -EINVAL);
	assert_null(strstr(err.text, "did you mean"));
	assert_int_equal(PARSE("-Z"), -EINVAL);
}

static void a_program_follows_two_dashes(void **state)
{
	assert_int_equal(PARSE_LAB("slug", "-j3", "--", "curl", "-v", "--", "{host}"), 0);
	assert_int_equal(a.jobs, 3);
	assert_int_equal(a.word_count, 1);
	assert_int_equal(a.verbose, 0);
	assert_string_equal(a.program[1], "-v");
	assert_string_equal(a.program[3], "{host}");
	assert_null(a.program[4]);
	assert_int_equal(PARSE_LAB("slug", "--"), 0);
	assert_non_null(a.program);
	assert_null(a.program[0]);
	assert_int_equal(PARSE_LAB("slug"), 0);
	assert_null(a.program);
}

static void the_lab_takes_times_and_sizes(void **state)
{
	assert_int_equal(PARSE_LAB("--within", "1.5s", "--after-bytes=64k", "--expect-exit=28"), 0);
	assert_int_equal(a.within_ns, 1500000000);
	assert_int_equal(a.after_bytes, 65536);
	assert_true(a.have_expect_exit && a.expect_exit == 28);
	assert_int_equal(PARSE_LAB("--as=server", "--serve", "echo", "--repeat", "10"), 0);
	assert_string_equal(a.as, "server");
	assert_int_equal(a.repeat, 10);
}

static void the_lab_refuses_what_makes_no_sense(void **state)
{
	assert_int_equal(PARSE_LAB("--within", "30"), -EINVAL);
	assert_non_null(strstr(err.text, "30s"));
	assert_int_equal(PARSE_LAB("--as", "router"), -EINVAL);
	assert_non_null(strstr(err.text, "client server"));
	assert_int_equal(PARSE_LAB("--expect-exit", "256"), -EINVAL);
	assert_int_equal(PARSE_LAB("--repeat", "0"), -EINVAL);
	assert_int_equal(PARSE_LAB("-j", "1000"), -EINVAL);
	assert_int_equal(PARSE_LAB("--after-bytes", "-1"), -EINVAL);
	assert_int_equal(PARSE_LAB("--at", "start", "--at", "connect"), -EINVAL);
	assert_int_equal(PARSE_LAB("--merge"), -EINVAL);
}

static void distance_counts_edits(void **state)
{
	assert_int_equal(tw_suggest_distance("", "abc"), 3);
	assert_int_equal(tw_suggest_distance("kitten", "sitting"), 3);
	assert_int_equal(tw_suggest_distance("raed", "read"), 1);
	assert_int_equal(tw_suggest_distance("read", "read"), 0);
	assert_int_equal(tw_suggest_distance("a", "0123456789012345678901234567890123456789"
						  "012345678901234567890123456789"),
			 UINT_MAX);
}

static void only_what_is_near_is_suggested(void **state)
{
	struct tw_suggestion near = { .typed = "port-close" }, far = { .typed = "zebra" },
			     part = { .typed = "unread" };

	tw_suggest_offer(&near, "aborted");
	tw_suggest_offer(&near, "port-closed");
	tw_suggest_offer(&near, "port-scan");
	assert_string_equal(near.best, "port-closed");
	tw_suggest_offer(&far, "aborted");
	assert_null(far.best);
	tw_suggest_offer(&part, "closed-with-unread-data");
	assert_string_equal(part.best, "closed-with-unread-data");
}

static void the_table_is_sound(void **state)
{
	unsigned i, j;

	for (i = 0; i < tw_option_count; i++) {
		const struct tw_option *o = &tw_options[i];

		assert_true(o->letter || o->name);
		assert_true((o->argument == TW_ARG_NONE) == !o->argument_name);
		/* The help's columns, and what a completion file can hold. */
		assert_true(strlen(o->summary) <= 52);
		assert_null(strpbrk(o->summary, ":[]\\\""));
		assert_true((o->argument == TW_ARG_CHOICE) == !!o->choices);
		for (j = 0; j < i; j++) {
			if (!(o->commands & tw_options[j].commands))
				continue;
			assert_true(!o->letter || o->letter != tw_options[j].letter);
			assert_true(!o->name || !tw_options[j].name ||
				    strcmp(o->name, tw_options[j].name) != 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(options_stand_anywhere, free_arguments),
		cmocka_unit_test_teardown(letters_join_and_take_arguments, free_arguments),
		cmocka_unit_test_teardown(long_names_take_arguments_both_ways, free_arguments),
		cmocka_unit_test_teardown(two_dashes_end_the_options, free_arguments),
		cmocka_unit_test_teardown(sizes_have_units, free_arguments),
		cmocka_unit_test_teardown(bad_values_are_refused, free_arguments),
		cmocka_unit_test_teardown(a_missing_argument_is_named, free_arguments),
		cmocka_unit_test_teardown(an_unknown_option_gets_the_nearest, free_arguments),
		cmocka_unit_test_teardown(a_program_follows_two_dashes, free_arguments),
		cmocka_unit_test_teardown(the_lab_takes_times_and_sizes, free_arguments),
		cmocka_unit_test_teardown(the_lab_refuses_what_makes_no_sense, free_arguments),
		cmocka_unit_test(distance_counts_edits),
		cmocka_unit_test(only_what_is_near_is_suggested),
		cmocka_unit_test(the_table_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
