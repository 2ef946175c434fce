/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON Lines: read back what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>

#include "findings.h"
#include "report/json.h"

static struct tw_string out;

static int teardown(void **state)
{
	tw_string_free(&out);
	return 0;
}

/* The text of @f in @out, and its object; the finding is freed. */
static json_t *written(struct tw_finding *f)
{
	struct tw_sink sink = tw_string_sink(&out);
	json_error_t err;
	json_t *o;

	tw_string_clear(&out);
	assert_int_equal(tw_json_finding(&sink, f), 0);
	tw_finding_free(f);
	assert_int_equal(lines_of(tw_string_text(&out)), 1);
	assert_int_equal(out.bytes[out.length - 1], '\n');
	o = json_loads(out.bytes, 0, &err);
	assert_non_null(o);
	return o;
}

static const char *string_at(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* Schema 1 may grow at the end; what it began with stays, in its order. */
static void keys_keep_their_order(void **state)
{
	static const char *const keys[] = {
		"type",        "schema",      "source",   "stream",  "client",
		"server",      "start",       "duration", "verdict", "stage",
		"outcome",     "confidence",  "culprit",  "summary", "evidence",
		"application", "governed_by", "remedy",   "rivals",  "ruled_out",
		"vantage",     "packets",     "bytes",    "zeek",    "completeness",
	};
	json_t *o = written(made_finding(3, 2, 80)), *value;
	const char *key;
	size_t i = 0;

	json_object_foreach(o, key, value)
	{
		if (i < sizeof(keys) / sizeof(keys[0]))
			assert_string_equal(key, keys[i]);
		i++;
	}
	assert_int_equal(i, 36);
	json_decref(o);
}

static void the_example_reads_as_the_schema_says(void **state)
{
	json_t *o = written(made_finding(3, 2, 80)), *e, *app;

	assert_string_equal(string_at(o, "type"), "finding");
	assert_int_equal(json_integer_value(json_object_get(o, "schema")), 1);
	assert_int_equal(json_integer_value(json_object_get(o, "stream")), 3);
	assert_string_equal(string_at(o, "client"), "192.0.2.1:40312");
	assert_string_equal(string_at(o, "server"), "192.0.2.2:80");
	assert_string_equal(string_at(o, "start"), "2026-11-20T10:00:00.000000000Z");
	assert_string_equal(string_at(o, "stage"), "connect");
	assert_string_equal(string_at(o, "outcome"), "failed");
	assert_string_equal(string_at(o, "confidence"), "likely");
	assert_string_equal(string_at(o, "culprit"), "server-host");
	e = json_array_get(json_object_get(o, "evidence"), 0);
	assert_int_equal(json_integer_value(json_object_get(e, "packet")), 2);
	assert_non_null(strstr(out.bytes, "\"time\":0.000101,"));
	assert_non_null(strstr(out.bytes, "\"duration\":0.000213,"));
	assert_non_null(strstr(out.bytes, "\"packets\":{\"client\":1,\"server\":1}"));
	app = json_object_get(o, "application");
	assert_string_equal(string_at(json_object_get(app, "client"), "errno"), "ECONNREFUSED");
	assert_true(json_is_null(json_object_get(app, "server")));
	assert_string_equal(string_at(json_array_get(json_object_get(o, "governed_by"), 1), "name"),
			    "TCP_MADE_UP");
	assert_int_equal(json_array_size(json_object_get(o, "remedy")), 3);
	assert_string_equal(string_at(json_array_get(json_object_get(o, "rivals"), 0), "verdict"),
			    "firewall-reset");
	json_decref(o);
}

static void times_keep_every_nanosecond(void **state)
{
	struct tw_finding *f = made_finding(0, 2, 80);
	json_t *o;

	f->duration_ns = INT64_C(86400123456789);
	f->match.evidence[0].time_ns = START_NS - 1000000; /* a clock that went backwards */
	f->match.app[TW_CLIENT].after_ns = 0;
	o = written(f);
	assert_non_null(strstr(out.bytes, "\"duration\":86400.123456789,"));
	assert_non_null(strstr(out.bytes, "\"time\":-0.001,"));
	assert_non_null(strstr(out.bytes, "\"after\":0.0,"));
	json_decref(o);
}

static void hostile_times_do_not_overflow(void **state)
{
	struct tw_finding *f = made_finding(0, 2, 80);
	json_t *o;

	f->start_ns = INT64_MIN;
	f->match.evidence[0].time_ns = INT64_MAX;
	f->packets[TW_CLIENT] = UINT64_MAX;
	o = written(f);
	assert_string_equal(string_at(o, "start"), "1677-09-21T00:12:43.145224192Z");
	assert_non_null(strstr(out.bytes, "\"client\":9223372036854775807"));
	json_decref(o);
}

static void evidence_of_no_packet_has_no_packet_key(void **state)
{
	struct tw_finding *f = made_finding(0, 2, 80);
	json_t *o, *e;

	f->match.evidence[0].frame = 0;
	o = written(f);
	e = json_array_get(json_object_get(o, "evidence"), 0);
	assert_null(json_object_get(e, "packet"));
	assert_non_null(json_object_get(e, "text"));
	json_decref(o);
}

static void hostile_strings_come_out_as_utf8(void **state)
{
	struct tw_finding *f = made_finding(0, 2, 80);
	json_t *o;

	f->source = "caf\xe9\n\x1b[31m\"\\";
	f->match.summary = "\xff";
	o = written(f);
	assert_string_equal(string_at(o, "source"), "caf\xef\xbf\xbd\n\x1b[31m\"\\");
	assert_string_equal(string_at(o, "summary"), "\xef\xbf\xbd");
	assert_null(strchr(out.bytes, '\x1b'));
	json_decref(o);
}

static void what_is_null_is_null(void **state)
{
	struct tw_finding *f = made_finding(0, 2, 80);
	json_t *o;

	f->phenomenon = NULL;
	f->verdict = "clean";
	f->source = f->vantage = f->zeek = NULL;
	f->match.outcome = TW_OUTCOME_CLEAN;
	f->match.summary = NULL;
	f->match.app[TW_CLIENT] = (struct tw_app){ NULL, NULL, -1, NULL };
	o = written(f);
	assert_true(json_is_null(json_object_get(o, "source")));
	assert_true(json_is_null(json_object_get(o, "stage")));
	assert_true(json_is_null(json_object_get(o, "summary")));
	assert_true(json_is_null(json_object_get(o, "remark")));
	assert_true(json_is_null(json_object_get(json_object_get(o, "application"), "client")));
	assert_int_equal(json_array_size(json_object_get(o, "remedy")), 0);
	assert_int_equal(json_array_size(json_object_get(o, "governed_by")), 0);
	json_decref(o);
}

static void an_unknown_says_what_is_missing(void **state)
{
	struct tw_finding *f = made_verdict(0, "unknown", TW_OUTCOME_UNKNOWN);
	json_t *o;

	f->match.missing[0] = "the handshake";
	f->match.missing_count = 1;
	o = written(f);
	assert_string_equal(string_at(o, "verdict"), "unknown");
	assert_true(json_is_null(json_object_get(o, "confidence")));
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "missing"), 0)),
			    "the handshake");
	json_decref(o);
}

static void the_summary_counts(void **state)
{
	static const char *const keys[] = { "type",        "schema",   "source",  "packets",
					    "connections", "clean",    "failed",  "degraded",
					    "unknown",     "verdicts", "problems" };
	struct tw_session_summary s = {
		.source = "FILE",
		.packets = 2,
		.tcp_packets = 2,
		.connections = 1,
		.failed = 1,
		.first_ns = START_NS,
		.last_ns = START_NS + 213000,
		.problem_count = 1,
	};
	struct tw_sink sink = tw_string_sink(&out);
	const char *key;
	json_t *o, *value;
	size_t i = 0;

	s.verdict_count[0] = 1;
	s.remark_count[0] = 4;
	s.harmless_count[1] = 2;
	s.problems[0] = "The file is cut.";
	tw_string_clear(&out);
	assert_int_equal(tw_json_summary(&sink, &s), 0);
	o = json_loads(tw_string_text(&out), 0, NULL);
	json_object_foreach(o, key, value)
	{
		if (i < sizeof(keys) / sizeof(keys[0]))
			assert_string_equal(key, keys[i]);
		i++;
	}
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "verdicts"),
							    tw_catalogue[0]->slug)),
			 1);
	assert_int_equal(json_object_size(json_object_get(o, "verdicts")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "remarks"),
							    tw_remarks[0].slug)),
			 4);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "remarks"),
							    tw_catalogue[1]->slug)),
			 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "problems"), 0)),
			    "The file is cut.");
	assert_non_null(strstr(out.bytes, "\"duration\":0.000213,"));
	json_decref(o);
}

/* A name may hold what a terminal obeys: it comes out as an escape of JSON, and any other as it is. */
static void commands_for_terminals_are_escaped(void **state)
{
	static const struct {
		const char *name, *line;
	} names[] = {
		{ "\xc2\x9b"
		  "31m",
		  "\\u009B31m" },
		{ "a\xe2\x80\xae"
		  "b",
		  "a\\u202Eb" },
		{ "\xe2\x81\xa6", "\\u2066" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
	};
	struct tw_sink sink = tw_string_sink(&out);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct tw_session_summary s = { .source = names[i].name };
		json_t *o;

		tw_string_clear(&out);
		assert_int_equal(tw_json_summary(&sink, &s), 0);
		assert_non_null(strstr(tw_string_text(&out), names[i].line));
		o = json_loads(tw_string_text(&out), 0, NULL);
		assert_string_equal(json_string_value(json_object_get(o, "source")), names[i].name);
		json_decref(o);
	}
}

static int full(void *user, const char *bytes, size_t n)
{
	return -ENOSPC;
}

static void errors_of_the_sink_come_back(void **state)
{
	const struct tw_sink sink = { .write = full };
	const struct tw_session_summary s = { .source = "FILE" };
	struct tw_finding *f = made_finding(0, 2, 80);

	assert_int_equal(tw_json_finding(&sink, f), -ENOSPC);
	assert_int_equal(tw_json_summary(&sink, &s), -ENOSPC);
	tw_finding_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_keep_their_order),
		cmocka_unit_test(the_example_reads_as_the_schema_says),
		cmocka_unit_test(times_keep_every_nanosecond),
		cmocka_unit_test(hostile_times_do_not_overflow),
		cmocka_unit_test(evidence_of_no_packet_has_no_packet_key),
		cmocka_unit_test(hostile_strings_come_out_as_utf8),
		cmocka_unit_test(what_is_null_is_null),
		cmocka_unit_test(an_unknown_says_what_is_missing),
		cmocka_unit_test(the_summary_counts),
		cmocka_unit_test(commands_for_terminals_are_escaped),
		cmocka_unit_test(errors_of_the_sink_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
