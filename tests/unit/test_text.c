/* SPDX-License-Identifier: BSD-2-Clause */
/* The report for a person, and its sequence diagram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "findings.h"
#include "report/diagram.h"
#include "report/group.h"
#include "report/text.h"
#include "report/words.h"

static struct tw_string out;

static int teardown(void **state)
{
	tw_string_free(&out);
	return 0;
}

static struct tw_session_summary summary_of(uint64_t failed, uint64_t clean)
{
	return (struct tw_session_summary){ .source = "FILE",
					    .packets = 12345,
					    .tcp_packets = 12000,
					    .connections = failed + clean,
					    .failed = failed,
					    .clean = clean,
					    .first_ns = START_NS,
					    .last_ns = START_NS + 1500000000 };
}

static struct tw_text *begin(const struct tw_text_options *o)
{
	struct tw_text *t = tw_text_new(o);

	assert_non_null(t);
	tw_string_clear(&out);
	return t;
}

static const char *finish(struct tw_text *t, const struct tw_session_summary *s)
{
	struct tw_sink sink = tw_string_sink(&out);

	assert_int_equal(tw_text_finish(t, s, &sink), 0);
	tw_text_free(t);
	return tw_string_text(&out);
}

static unsigned times(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* Every line fits @width, holds no control character and does not end in a blank. */
static void check_lines(const char *text, unsigned width)
{
	while (*text) {
		size_t n = strcspn(text, "\n"), i;

		if (tw_text_columns(text, n) > width)
			fail_msg("wider than %u: %.*s", width, (int)n, text);
		for (i = 0; i < n; i++)
			assert_true((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
		assert_true(!n || text[n - 1] != ' ');
		assert_true(n == strspn(text, " ") || !strchr(",;)", text[strspn(text, " ")]));
		assert_int_equal(text[n], '\n');
		text += n + 1;
	}
}

/* Is the sentence in it, wherever its lines break? */
static bool says(const char *text, const char *sentence)
{
	const char *t, *s;

	for (; *text; text++) {
		for (t = text, s = sentence; *s && *t; s++) {
			if (*s != ' ' && *s != *t)
				break;
			if (*s == ' ' && *t != ' ' && *t != '\n')
				break;
			t += *s == ' ' ? strspn(t, " \n") : 1;
		}
		if (!*s)
			return true;
	}
	return false;
}

/* ---- the whole report ---- */

static void a_clean_capture_is_two_lines(void **state)
{
	const struct tw_text_options o = { .style.width = 80 };
	struct tw_session_summary s = summary_of(0, 2810);
	const char *text;

	s.remark_count[0] = 31;
	text = finish(begin(&o), &s);
	assert_int_equal(lines_of(text), 2);
	assert_ptr_equal(strstr(text, "FILE: 12 345 packets in 1.50 s from 2026-11-20T10:00:00Z\n"),
			 text);
	assert_non_null(strstr(text, "2 810 TCP connections: all clean. Worth knowing: "));
	assert_non_null(strstr(text, tw_remarks[0].slug));
	assert_non_null(strstr(text, "(31)."));
	s.harmless_count[tw_catalogue_count - 1] = 7;
	text = finish(begin(&o), &s);
	assert_non_null(strstr(text, "(31),"));
	assert_non_null(strstr(text, tw_catalogue[tw_catalogue_count - 1]->slug));
	assert_non_null(strstr(text, "(7)."));
}

static void an_empty_capture_says_so(void **state)
{
	const struct tw_text_options o = { .style.width = 80 };
	struct tw_session_summary s = summary_of(0, 0);

	s.packets = 0;
	assert_string_equal(finish(begin(&o), &s), "FILE: 0 packets\nNo TCP connection.\n");
}

static void one_failure_reads_as_one_screen(void **state)
{
	const struct tw_text_options o = { .style.width = 80 };
	const struct tw_session_summary s = summary_of(1, 0);
	struct tw_text *t = begin(&o);
	const char *text;

	tw_text_add(t, made_finding(3, 2, 80));
	text = finish(t, &s);
	assert_in_range(lines_of(text), 20, 40);
	assert_non_null(strstr(text, "1 TCP connection: failed.\n"));
	assert_non_null(strstr(text, "FAILED  made-up: The port is closed in this test\n        "
				     "likely: 1 rival not excluded; "));
	assert_non_null(strstr(text, "stream 3: 192.0.2.1:40312 -> 192.0.2.2:80\n"));
	assert_non_null(strstr(text, "  Evidence    #2: RST|ACK that answers the SYN\n"));
	assert_non_null(strstr(text, "  Client sees connect() -> ECONNREFUSED after 213 us\n"));
	assert_non_null(
		strstr(text, "  Or was it   firewall-reset: a REJECT writes the same packet\n"));
	assert_non_null(strstr(text, "  What to do  1. Start the server, or correct the port.\n"));
	assert_non_null(strstr(text, "tcpwhy explain made-up; --stream 3"));
	assert_null(strstr(text, "Server sees"));
	assert_null(strstr(text, "tcp_v4_send_reset"));
	check_lines(text, 80);
}

/* What a call did, as one says it: a hang lasts, an error comes, a late success returns. */
static void calls_read_naturally(void **state)
{
	static const struct {
		struct tw_app app;
		const char *line;
	} calls[] = {
		{ { "recv", "hang", 120 * INT64_C(1000000000), NULL },
		  "  Client sees recv() hangs for 2 min\n" },
		{ { "recv", "hang", -1, NULL }, "  Client sees recv() hangs\n" },
		{ { "recv", "EOF", -1, NULL }, "  Client sees recv() -> EOF\n" },
		{ { "connect", NULL, 1020000000, NULL },
		  "  Client sees connect() returns after 1.02 s\n" },
	};
	const struct tw_text_options o = { .style.width = 80 };
	const struct tw_session_summary s = summary_of(1, 0);
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct tw_finding *f = made_finding(3, 2, 80);
		struct tw_text *t = begin(&o);

		f->match.app[TW_CLIENT] = calls[i].app;
		tw_text_add(t, f);
		assert_non_null(strstr(finish(t, &s), calls[i].line));
	}
}

static void verbose_adds_the_rest(void **state)
{
	const struct tw_text_options o = { .style.width = 80, .verbosity = 1 };
	const struct tw_session_summary s = summary_of(1, 0);
	struct tw_text *t = begin(&o);
	const char *text;

	tw_text_add(t, made_finding(3, 2, 80));
	text = finish(t, &s);
	assert_non_null(strstr(text, "  References  1. RFC 9293 s3.5.2\n"));
	assert_non_null(strstr(text, "backlog = of the listener"));
	assert_non_null(strstr(text, "3. Retry with growing pauses."));
}

static void the_story_shows_both_ends_and_all_facts(void **state)
{
	const struct tw_text_options o = { .style.width = 80, .story = true };
	const struct tw_session_summary s = summary_of(1, 0);
	struct tw_finding *f = made_finding(3, 2, 80);
	struct tw_text *t = begin(&o);
	const char *text;

	f->retransmissions[TW_SERVER] = 1284;
	tw_fact_set(&f->facts, TW_F_SYN_ANSWER, TW_ANSWER_RSTACK, 2, START_NS);
	tw_fact_set(&f->facts, TW_F_SYN_COUNT, 7, 1, START_NS);
	tw_fact_set(&f->facts, TW_F_RST_SIDE, TW_SERVER, 2, START_NS);
	tw_fact_set(&f->facts, TW_F_SYN_SPAN_NS, 1500000, 0, START_NS);
	tw_fact_set(&f->facts, TW_F_FASTOPEN, 0, 0, START_NS);
	tw_text_add(t, f);
	text = finish(t, &s);
	assert_non_null(strstr(text, "SYN win 64240 ttl 64"));
	assert_non_null(strstr(text, "  retransmissions                  0           1 284\n"));
	assert_non_null(strstr(text, "RST|ACK                        #2\n"));
	assert_non_null(strstr(text, "7 SYNs                         #1\n"));
	assert_non_null(strstr(text, "  1.50 ms\n"));
	assert_non_null(strstr(text, "  none or no: 1 fact (-v names them)\n"));
	check_lines(text, 80);
}

static void equal_failures_are_one_group(void **state)
{
	const struct tw_text_options o = { .style.width = 80 };
	const struct tw_session_summary s = summary_of(9, 0);
	struct tw_text *t = begin(&o);
	const char *text;
	unsigned i;

	for (i = 0; i < 9; i++) {
		struct tw_finding *f = made_finding(20 - i, 2, 80);

		made_endpoint(f, TW_CLIENT, (uint8_t)(1 + i % 2), (uint16_t)(40000 + i));
		f->duration_ns = 100000 + 1000 * i;
		tw_text_add(t, f);
	}
	text = finish(t, &s);
	assert_int_equal(times(text, "FAILED"), 1);
	assert_true(says(text, "9 connections to 192.0.2.2:80 from 2 clients, streams "
			       "12,13,14,15,16,17,..., 100 us to 108 us"));
	assert_non_null(strstr(text, "for example stream 12: "));
}

static void the_best_example_is_told(void **state)
{
	const struct tw_text_options o = { .style.width = 80 };
	const struct tw_session_summary s = summary_of(3, 0);
	struct tw_finding *f = made_finding(1, 2, 80);
	struct tw_text *t = begin(&o);

	tw_text_add(t, f);
	f = made_finding(2, 2, 80);
	f->match.evidence[1] = f->match.evidence[0];
	f->match.evidence_count = 2;
	tw_text_add(t, f);
	f = made_finding(3, 2, 80);
	f->match.confidence = TW_POSSIBLE;
	f->match.evidence_count = 1;
	tw_text_add(t, f);
	assert_non_null(strstr(finish(t, &s), "for example stream 2: "));
}

static void the_worst_comes_first(void **state)
{
	const struct tw_text_options o = { .style.width = 80, .verbosity = -1 };
	const struct tw_session_summary s = summary_of(3, 4);
	struct tw_text *t = begin(&o);

	tw_text_add(t, made_verdict(0, "clean", TW_OUTCOME_CLEAN));
	tw_text_add(t, made_verdict(1, "slow", TW_OUTCOME_DEGRADED));
	tw_text_add(t, made_verdict(2, "slow", TW_OUTCOME_DEGRADED));
	tw_text_add(t, made_verdict(3, "unknown", TW_OUTCOME_UNKNOWN));
	tw_text_add(t, made_verdict(4, "rare", TW_OUTCOME_FAILED));
	tw_text_add(t, made_verdict(5, "often", TW_OUTCOME_FAILED));
	tw_text_add(t, made_verdict(6, "often", TW_OUTCOME_FAILED));
	assert_string_equal(
		finish(t, &s),
		"failed   often                    192.0.2.2:80           2x streams 5,6\n"
		"failed   rare                     192.0.2.2:80           1x stream 4\n"
		"unknown  unknown                  192.0.2.2:80           1x stream 3\n"
		"degraded slow                     192.0.2.2:80           2x streams 1,2\n"
		"clean    clean                    192.0.2.2:80           1x stream 0\n");
}

static void many_groups_end_in_a_table(void **state)
{
	const struct tw_text_options o = { .style.width = 80 };
	const struct tw_session_summary s = summary_of(40, 0);
	struct tw_text *t = begin(&o);
	char verdict[40][16];
	const char *text;
	unsigned i;

	for (i = 0; i < 40; i++) {
		snprintf(verdict[i], sizeof(verdict[i]), "verdict-%u", i);
		tw_text_add(t, made_verdict(i, verdict[i], TW_OUTCOME_FAILED));
	}
	text = finish(t, &s);
	assert_int_equal(times(text, "FAILED"), 5);
	assert_int_equal(times(text, "\nfailed   verdict-"), 20);
	assert_non_null(strstr(text, "... and 15 more: -v names them all\n"));
	assert_non_null(strstr(text, "--verdict SLUG"));
	check_lines(text, 80);
}

static void a_verdict_is_worked_out_once(void **state)
{
	const struct tw_text_options o = { .style.width = 80 },
				     verbose = { .style.width = 80, .verbosity = 1 };
	const struct tw_session_summary s = summary_of(6, 0);
	struct tw_text *t = begin(&o);
	const char *text;
	unsigned i;

	for (i = 0; i < 3; i++)
		tw_text_add(t, made_finding(i, 2, (uint16_t)(80 + i)));
	tw_text_add(t, made_verdict(7, "other", TW_OUTCOME_FAILED));
	text = finish(t, &s);
	assert_int_equal(times(text, "FAILED  made-up"), 1);
	assert_int_equal(times(text, "FAILED"), 2);
	assert_non_null(strstr(
		text, "\nfailed   made-up                  192.0.2.2:81           1x stream 1\n"
		      "failed   made-up                  192.0.2.2:82           1x stream 2\n"));
	t = begin(&verbose);
	for (i = 0; i < 3; i++)
		tw_text_add(t, made_finding(i, 2, (uint16_t)(80 + i)));
	assert_int_equal(times(finish(t, &s), "FAILED  made-up"), 3);
}

static void a_scan_is_one_group(void **state)
{
	const struct tw_text_options o = { .style.width = 80 };
	const struct tw_session_summary s = summary_of(200, 0);
	struct tw_text *t = begin(&o);
	const char *text;
	unsigned i;

	for (i = 0; i < 200; i++)
		tw_text_add(t, made_finding(i, 2, (uint16_t)(1 + i)));
	text = finish(t, &s);
	assert_int_equal(times(text, "FAILED"), 1);
	assert_true(
		says(text, "200 connections to 192.0.2.2 (200 ports) from 192.0.2.1, streams 0,"));
}

static void groups_are_bounded_and_count_all(void **state)
{
	struct tw_groups *g = calloc(1, sizeof(*g));
	uint64_t total = 0;
	unsigned i;

	for (i = 0; i < 5000; i++) {
		tw_groups_add(g, made_finding(i, (uint8_t)(i % 250), (uint16_t)(1 + i / 3)));
		assert_true(g->count <= TW_GROUPS_MAX);
	}
	tw_groups_finish(g);
	for (i = 0; i < g->count; i++)
		total += g->list[i].count;
	assert_int_equal(total, 5000);
	assert_int_equal(g->count, 1);
	assert_int_equal(g->list[0].streams[0], 0);
	assert_int_equal(g->list[0].streams[TW_GROUP_STREAMS - 1], TW_GROUP_STREAMS - 1);
	tw_groups_free(g);
	free(g);
}

static void problems_of_the_input_are_named(void **state)
{
	const struct tw_text_options o = { .style.width = 80 };
	struct tw_session_summary s = summary_of(0, 3);
	const char *text;

	s.problems[0] = "The file is cut in the middle of a record.";
	s.problem_count = 1;
	text = finish(begin(&o), &s);
	assert_non_null(strstr(
		text, "\nAbout the input\n  - The file is cut in the middle of a record.\n"));
}

static struct tw_finding *hostile_finding(uint64_t stream)
{
	static char wide[400];
	struct tw_finding *f = made_finding(stream, 2, 80);
	struct tw_match *m = &f->match;
	struct tw_step steps[40] = { 0 };
	unsigned i;

	memset(wide, 'x', sizeof(wide) - 1);
	f->source = "\x1b[2J\nevil.pcap";
	f->client = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111]:40312";
	f->server = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:2222]:65535";
	m->summary = "\x1b]0;title\x07 \xff\xfe and \xe2\x80\xae text";
	m->evidence[0] = (struct tw_evidence){ UINT64_MAX, INT64_MAX, wide };
	m->app[TW_SERVER] = (struct tw_app){ "recv", "EOF", INT64_MAX,
					     "\x9b"
					     "31m" };
	m->missing[0] = wide;
	m->missing_count = 1;
	m->remark = "no-such-remark\n";
	m->rivals[1] = (struct tw_rival){ wide, wide };
	m->rival_count = 2;
	f->duration_ns = INT64_MAX;
	for (i = 0; i < 40; i++)
		steps[i] = (struct tw_step){ .frame = i ? UINT64_MAX - 40 + i : 1,
					     .time_ns = i % 2 ? INT64_MAX : INT64_MIN,
					     .from = i % 2,
					     .flags = i % 3 ? 0x1ff : 0,
					     .seq_rel = UINT32_MAX,
					     .ack_rel = UINT32_MAX,
					     .payload_bytes = UINT32_MAX,
					     .window_bytes = UINT32_MAX,
					     .ttl = 255,
					     .decisive = i % 7 == 0,
					     .note = i % 5 ? wide : "\x1b[31m\n",
					     .is_icmp = i % 11 == 0,
					     .skipped = i % 4 ? 0 : UINT32_MAX };
	made_steps(f, steps, 40);
	return f;
}

static void no_line_is_too_wide_whatever_the_input(void **state)
{
	unsigned width;
	int verbosity, story;

	for (width = 60; width <= 100; width += 5) {
		for (verbosity = -1; verbosity <= 1; verbosity++) {
			for (story = 0; story < 2; story++) {
				const struct tw_text_options o = { .style.width = width,
								   .verbosity = verbosity,
								   .story = story };
				struct tw_session_summary s = summary_of(2, 1000);
				struct tw_text *t = begin(&o);

				s.source = "\x1b[2J\nevil.pcap";
				s.last_ns = INT64_MIN;
				s.problems[0] = "\x1b[31m\nhostile";
				s.problem_count = 1;
				tw_text_add(t, hostile_finding(1));
				tw_text_add(t, made_verdict(2, "unknown", TW_OUTCOME_UNKNOWN));
				check_lines(finish(t, &s), width);
			}
		}
	}
}

static void colour_changes_nothing_but_colour(void **state)
{
	const struct tw_text_options plain = { .style.width = 80 };
	const struct tw_text_options colour = { .style = { .width = 80, .color = true } };
	const struct tw_session_summary s = summary_of(1, 0);
	struct tw_string stripped = { 0 }, bare = { 0 };
	struct tw_text *t = begin(&plain);
	const char *p;

	tw_text_add(t, made_finding(3, 2, 80));
	p = finish(t, &s);
	assert_null(strchr(p, '\x1b'));
	tw_string_add(&bare, p, strlen(p));
	t = begin(&colour);
	tw_text_add(t, made_finding(3, 2, 80));
	for (p = finish(t, &s); *p;) {
		if (*p == '\x1b')
			p += strcspn(p, "m") + 1;
		else
			tw_string_add(&stripped, p++, 1);
	}
	assert_non_null(strchr(tw_string_text(&out), '\x1b'));
	assert_string_equal(tw_string_text(&stripped), tw_string_text(&bare));
	tw_string_free(&stripped);
	tw_string_free(&bare);
}

static int full(void *user, const char *bytes, size_t n)
{
	return -EPIPE;
}

static void errors_of_the_sink_come_back(void **state)
{
	const struct tw_text_options o = { .style.width = 80 };
	const struct tw_session_summary s = summary_of(1, 0);
	const struct tw_sink sink = { .write = full };
	struct tw_text *t = begin(&o);

	tw_text_add(t, made_finding(3, 2, 80));
	assert_int_equal(tw_text_finish(t, &s, &sink), -EPIPE);
	tw_text_free(t);
}

/* An enum that gets a new member needs its name in words.c. */
static void every_enum_of_the_facts_has_names(void **state)
{
	unsigned i, n = 0;

	for (i = 0; i < TW_F__N; i++) {
		const struct tw_fact first = { .value = 0 }, odd = { .value = 77 };
		char text[TW_WORDS_TEXT];

		if (tw_fact_info(i)->type != TW_FACT_ENUM)
			continue;
		n++;
		assert_null(strpbrk(tw_words_fact(text, i, &first), "0123456789"));
		assert_string_equal(tw_words_fact(text, i, &odd), "77");
	}
	assert_true(n > 5);
}

/* ---- the diagram ---- */

static const char *drawn(struct tw_finding *f, unsigned rows_max)
{
	const struct tw_diagram_options o = { .rows_max = rows_max };
	const struct tw_style style = { .width = 80 };
	struct tw_sink sink = tw_string_sink(&out);
	struct tw_pen p;

	tw_string_clear(&out);
	tw_pen_init(&p, &sink, &style);
	tw_diagram_draw(&p, f, &o);
	assert_int_equal(tw_pen_finish(&p), 0);
	tw_finding_free(f);
	check_lines(tw_string_text(&out), 80);
	return tw_string_text(&out);
}

static void the_diagram_of_a_refused_connect(void **state)
{
	assert_string_equal(
		drawn(made_finding(0, 2, 80), 10),
		"      time frame 192.0.2.1:40312                                    192.0.2.2:80\n"
		"  0.000000     1 |-- SYN ----------------------------------------------------->|\n"
		"* 0.000101     2 |<------------------------ RST|ACK seq 0 ack 1 (answers #1) "
		"--|\n");
}

static void a_long_connection_is_elided(void **state)
{
	struct tw_finding *f = made_finding(0, 2, 80);
	struct tw_step *steps = calloc(2000, sizeof(*steps));
	const char *text;
	unsigned i;

	for (i = 0; i < 2000; i++)
		steps[i] = (struct tw_step){ .frame = i + 1,
					     .time_ns = START_NS + i * 1000,
					     .flags = TW_ACK,
					     .seq_rel = i,
					     .window_bytes = 100 };
	steps[1000].decisive = true;
	steps[1500].skipped = 84;
	made_steps(f, steps, 2000);
	free(steps);
	text = drawn(f, 10);
	assert_int_equal(times(text, ">|"), 10);
	assert_non_null(strstr(text, "... 996 packets ..."));   /* after 3 of the start: 4 to 999 */
	assert_non_null(strstr(text, "... 1 078 packets ...")); /* 1003 to 1995, and the 84 */
	assert_non_null(strstr(text, "* 0.001000  1001 |"));
	assert_non_null(strstr(text, "  2000 |"));
	assert_int_equal(times(text, "packets ..."), 2);
}

static void icmp_is_drawn_towards_the_sender(void **state)
{
	static const struct tw_step steps[] = {
		{ .frame = 7, .time_ns = START_NS, .from = TW_CLIENT, .flags = TW_SYN },
		{ .frame = 9,
		  .time_ns = START_NS + 3000000,
		  .from = TW_SERVER,
		  .is_icmp = true,
		  .note = "ICMP host unreachable from 192.0.2.254" },
	};
	struct tw_finding *f = made_finding(0, 2, 80);
	const char *text;

	made_steps(f, steps, 2);
	text = drawn(f, 0);
	assert_non_null(strstr(text, "     9 |<~~~~~~~~~~"));
	assert_non_null(strstr(text, "~~~ ICMP host unreachable from 192.0.2.254 ~~|\n"));
}

static void a_foreign_ttl_is_drawn(void **state)
{
	static const struct tw_step steps[] = {
		{ .frame = 1,
		  .time_ns = START_NS,
		  .from = TW_SERVER,
		  .flags = TW_ACK,
		  .ttl = 64,
		  .window_bytes = 1 },
		{ .frame = 2, .time_ns = START_NS, .from = TW_SERVER, .flags = TW_RST, .ttl = 57 },
		{ .frame = 3, .time_ns = START_NS, .from = TW_SERVER, .flags = TW_RST, .ttl = 64 },
	};
	struct tw_finding *f = made_finding(0, 2, 80);
	const char *text;

	made_steps(f, steps, 3);
	text = drawn(f, 0);
	assert_int_equal(times(text, "ttl"), 1);
	assert_non_null(strstr(text, "RST seq 0 ttl 57 --|"));
}

static void silence_is_drawn(void **state)
{
	static const struct tw_step steps[] = {
		{ .frame = 1, .time_ns = START_NS, .flags = TW_ACK, .window_bytes = 1 },
		{ .frame = 2, .time_ns = START_NS + 300 * INT64_C(1000000000), .flags = TW_ACK },
	};
	struct tw_finding *f = made_finding(0, 2, 80);
	const char *text;

	made_steps(f, steps, 2);
	text = drawn(f, 0);
	assert_non_null(strstr(text, "5 min of silence"));
	assert_int_equal(times(text, "win 0"), 1);
}

static void packets_that_are_not_told_are_counted(void **state)
{
	struct tw_finding *f = made_finding(0, 2, 80);

	f->steps_total = 102;
	assert_non_null(strstr(drawn(f, 10), "(and 100 packets more between these)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_capture_is_two_lines),
		cmocka_unit_test(an_empty_capture_says_so),
		cmocka_unit_test(one_failure_reads_as_one_screen),
		cmocka_unit_test(calls_read_naturally),
		cmocka_unit_test(verbose_adds_the_rest),
		cmocka_unit_test(the_story_shows_both_ends_and_all_facts),
		cmocka_unit_test(equal_failures_are_one_group),
		cmocka_unit_test(the_best_example_is_told),
		cmocka_unit_test(the_worst_comes_first),
		cmocka_unit_test(many_groups_end_in_a_table),
		cmocka_unit_test(a_verdict_is_worked_out_once),
		cmocka_unit_test(a_scan_is_one_group),
		cmocka_unit_test(groups_are_bounded_and_count_all),
		cmocka_unit_test(problems_of_the_input_are_named),
		cmocka_unit_test(no_line_is_too_wide_whatever_the_input),
		cmocka_unit_test(colour_changes_nothing_but_colour),
		cmocka_unit_test(errors_of_the_sink_come_back),
		cmocka_unit_test(every_enum_of_the_facts_has_names),
		cmocka_unit_test(the_diagram_of_a_refused_connect),
		cmocka_unit_test(a_long_connection_is_elided),
		cmocka_unit_test(icmp_is_drawn_towards_the_sender),
		cmocka_unit_test(a_foreign_ttl_is_drawn),
		cmocka_unit_test(silence_is_drawn),
		cmocka_unit_test(packets_that_are_not_told_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
