/* SPDX-License-Identifier: BSD-2-Clause */
/* How the lab's words are turned into runs, and its records into text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "lab/choose.h"
#include "lab/show.h"

static struct tw_choice choice;
static struct tw_err err;
static struct tw_string text;

static int choose(const struct tw_choice_options *o, const char *a, const char *b)
{
	const char *words[] = { a, b };

	tw_choice_free(&choice);
	memset(&err, 0, sizeof(err));
	return tw_choose(&choice, words, b ? 2 : 1, o, &err);
}

static int let_go(void **state)
{
	tw_choice_free(&choice);
	tw_string_free(&text);
	return 0;
}

static void words_name_runs(void **state)
{
	const struct tw_choice_options o = { .repeat = 1 };
	char name[TW_CREW_NAME];
	unsigned all;

	assert_int_equal(choose(&o, "port-closed/basic", NULL), 0);
	assert_true(choice.count >= 2);
	assert_string_equal(tw_crew_name(name, &choice.jobs[0]), "port-closed/basic/v4");
	all = choice.count;
	/* What is named twice runs once. */
	assert_int_equal(choose(&o, "port-closed/basic/v6", "port-closed/basic"), 0);
	assert_int_equal(choice.count, all);
	assert_string_equal(tw_crew_name(name, &choice.jobs[0]), "port-closed/basic/v6");
	assert_int_equal(choose(&o, "all", NULL), 0);
	assert_true(choice.count > all);
}

static void repetitions_have_folders_of_their_own(void **state)
{
	const struct tw_choice_options o = { .repeat = 3, .keep = "d" }, once = { .keep = "d" };

	assert_int_equal(choose(&o, "port-closed/basic/v4", NULL), 0);
	assert_int_equal(choice.count, 3);
	assert_string_equal(choice.jobs[2].job.keep, "d/port-closed/basic/v4/3");
	assert_int_equal(choose(&once, "port-closed/basic/v4", NULL), 0);
	assert_string_equal(choice.jobs[0].job.keep, "d/port-closed/basic/v4");
}

static void a_program_gets_the_first(void **state)
{
	const struct tw_choice_options o = { .only_first = true };

	assert_int_equal(choose(&o, "port-closed", NULL), 0);
	assert_int_equal(choice.count, 1);
}

static void what_names_nothing_is_told(void **state)
{
	const struct tw_choice_options o = { 0 };

	assert_int_equal(choose(&o, "alll", NULL), -EINVAL);
	assert_non_null(strstr(err.text, "did you mean all"));
	assert_int_equal(choose(&o, "port-closed/basic/", NULL), 0);
	assert_int_equal(choose(&o, "", NULL), -EINVAL);
	assert_int_equal(choose(&o, "/", NULL), -EINVAL);
	assert_int_equal(choose(&o, ".lab", NULL), -EINVAL);
	assert_int_equal(choose(&o, "port-closed/basic", "port-closed/none"), -EINVAL);
}

/* The text of a record; the widest line is within @width. */
static const char *shown(const char *record, unsigned width, bool program)
{
	static const struct tw_scenario scenario = { .name = "s" };
	static const struct tw_crew_job job = { .job = { .slug = "x.lab",
							 .scenario = &scenario,
							 .variant = "v4",
							 .expect_exit = 3,
							 .within_ns = 1000000000 } };
	const struct tw_show_options o = { .verbosity = 1 };
	const struct tw_style style = { .width = width };
	struct tw_crew_result result = { .job = &job, .duration_ns = 1000000 };
	struct tw_sink sink = tw_string_sink(&text);
	struct tw_pen pen;
	const char *p;

	result.record = json_loads(record, 0, NULL);
	assert_non_null(result.record);
	tw_string_clear(&text);
	tw_pen_init(&pen, &sink, &style);
	if (program)
		tw_show_program(&pen, &o, &result);
	else
		tw_show_result(&pen, &o, &result);
	assert_int_equal(tw_pen_finish(&pen), 0);
	json_decref(result.record);
	for (p = tw_string_text(&text); *p; p += strcspn(p, "\n") + 1)
		assert_true(strcspn(p, "\n") <= width);
	return tw_string_text(&text);
}

static void every_fate_has_its_arrow(void **state)
{
	const char *t = shown("{\"passed\":true,\"timeline\":["
			      "{\"time\":0.1,\"kind\":\"packet\",\"from\":\"client\",\"fate\":"
			      "\"arrived\",\"flags\":\"SYN\",\"seq\":0,\"length\":0},"
			      "{\"time\":0.2,\"kind\":\"packet\",\"from\":\"server\",\"fate\":"
			      "\"dropped\",\"flags\":\"SYN|ACK\",\"seq\":0,\"ack\":1,\"length\":0},"
			      "{\"time\":0.3,\"kind\":\"packet\",\"from\":\"server\",\"fate\":"
			      "\"forged\",\"flags\":\"RST\",\"seq\":1,\"length\":0},"
			      "{\"time\":0.4,\"kind\":\"packet\",\"from\":\"client\",\"fate\":"
			      "\"held\",\"flags\":\"ACK\",\"seq\":1,\"ack\":1,\"length\":0},"
			      "{\"time\":2.4,\"kind\":\"packet\",\"from\":\"server\",\"fate\":"
			      "\"arrived\",\"flags\":\"\",\"text\":\"ICMP type 3 code 1\"}]}",
			      60, false);

	assert_non_null(strstr(t, "  0.100000  |-- SYN seq 0 -----"));
	assert_non_null(strstr(t, "------>|\n"));
	assert_non_null(strstr(t, "| lost x-"));
	assert_non_null(strstr(t, "- RST seq 1 --* forged"));
	assert_non_null(strstr(t, "-x held |"));
	assert_non_null(strstr(t, "... 2.00 s ..."));
	assert_non_null(strstr(t, "- ICMP type 3 code 1 --|"));
}

static void long_words_wrap_at_their_end(void **state)
{
	const char *t = shown(
		"{\"passed\":true,\"timeline\":[{\"time\":0,\"kind\":\"return\",\"who\":\"server."
		"2\","
		"\"socket\":3,\"after\":0.5,\"text\":\"server.2 option #3 SO_BINDTODEVICE "
		"averyveryverylongnameofadevicethatnobodyhaseverseen1 -> ENODEV within 2s = ENODEV"
		"\"}]}",
		60, false);

	assert_non_null(strstr(t, "2: #3 option #3 SO_BINDTODEVICE"));
	assert_non_null(strstr(t, "ENODEV after 500 ms |"));
	assert_null(strstr(t, "within"));
}

static void long_transfers_are_folded(void **state)
{
	struct tw_string record = { 0 };
	const char *t;
	int i;

	tw_string_printf(&record, "{\"passed\":true,\"timeline\":[");
	for (i = 0; i < 100; i++)
		tw_string_printf(
			&record,
			"%s{\"time\":%d,\"kind\":\"packet\",\"from\":\"client\",\"fate\":"
			"\"arrived\",\"flags\":\"ACK\",\"seq\":%d,\"ack\":1,\"length\":10}",
			i ? "," : "", i, 10 * i);
	tw_string_printf(&record, "]}");
	t = shown(tw_string_text(&record), 80, false);
	assert_non_null(strstr(t, "... 84 packets, 840 bytes -->, <-- 0 bytes ..."));
	assert_non_null(strstr(t, "seq 70 "));
	assert_null(strstr(t, "seq 80 "));
	assert_non_null(strstr(t, "seq 920 "));
	tw_string_free(&record);
}

static void strange_records_do_no_harm(void **state)
{
	static const char *const records[] = {
		"{}",
		"{\"passed\":1,\"timeline\":7,\"checks\":\"x\",\"verdicts\":{},\"program\":3}",
		"{\"timeline\":[1,null,[],{},{\"time\":1e300,\"kind\":\"packet\"},{\"kind\":"
		"\"return\",\"after\":-1e300,\"text\":\" = \"},{\"time\":-5,\"kind\":\"call\","
		"\"who\":\"\",\"text\":\" -> \"}],\"checks\":[null,{}],\"verdicts\":[{},"
		"{\"passed\":false,\"accept\":[1]}],\"program\":[{},null,{\"calls\":[{}],"
		"\"longest_call\":{},\"argv\":[]}],\"error\":\"\\u001b[31m\"}",
	};
	size_t i;

	for (i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		assert_null(strchr(shown(records[i], 60, false), '\x1b'));
		assert_null(strchr(shown(records[i], 60, true), '\x1b'));
	}
}

static void asserts_are_of_the_program_they_are_about(void **state)
{
	const char *t =
		shown("{\"passed\":false,\"program\":["
		      "{\"side\":\"client\",\"argv\":[\"sh\"],\"asserted\":false,\"exit\":3},"
		      "{\"side\":\"server\",\"argv\":[\"/bin/srv\"],\"asserted\":true,"
		      "\"exit\":4,\"within\":true,\"passed\":false,\"failure\":"
		      "\"srv exited with 4, not with 3\"}]}",
		      80, true);
	const char *server = strstr(t, "srv (server) exited with 4");

	assert_non_null(server);
	assert_true(strstr(t, "--expect-exit 3") > server);
	assert_non_null(strstr(server, "FAILED      --expect-exit 3"));
	assert_non_null(strstr(server, "ok          --within 1.00 s"));
	assert_non_null(strstr(server, "srv exited with 4, not with 3"));
}

static void short_calls_are_no_hanging(void **state)
{
	const char *record = "{\"fault\":%s,\"program\":[{\"longest_call\":"
			     "{\"call\":\"recvfrom\",\"result\":0,\"after\":%s}}]}";
	struct tw_string r = { 0 };

	tw_string_printf(&r, record, "0.1", "0.099");
	assert_null(strstr(shown(tw_string_text(&r), 80, true), "hung"));
	tw_string_clear(&r);
	tw_string_printf(&r, record, "0.1", "0.1");
	assert_non_null(strstr(shown(tw_string_text(&r), 80, true),
			       "It hung     at most 100 ms, in recvfrom()"));
	assert_null(strstr(tw_string_text(&text), "No fault"));
	tw_string_clear(&r);
	tw_string_printf(&r, record, "null", "0.1");
	assert_non_null(
		strstr(shown(tw_string_text(&r), 80, true),
		       "No fault    it was over before the client's first bytes had arrived\n"));
	tw_string_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(words_name_runs, let_go),
		cmocka_unit_test_teardown(repetitions_have_folders_of_their_own, let_go),
		cmocka_unit_test_teardown(a_program_gets_the_first, let_go),
		cmocka_unit_test_teardown(what_names_nothing_is_told, let_go),
		cmocka_unit_test_teardown(every_fate_has_its_arrow, let_go),
		cmocka_unit_test_teardown(long_words_wrap_at_their_end, let_go),
		cmocka_unit_test_teardown(long_transfers_are_folded, let_go),
		cmocka_unit_test_teardown(strange_records_do_no_harm, let_go),
		cmocka_unit_test_teardown(asserts_are_of_the_program_they_are_about, let_go),
		cmocka_unit_test_teardown(short_calls_are_no_hanging, let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
