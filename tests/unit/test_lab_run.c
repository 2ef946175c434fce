/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner of one scenario on the real kernel: scenarios that must pass, and ones that must fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab_ground.h"

#include "lab/lab.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static json_t *record_of(int fd)
{
	json_error_t error;
	json_t *j;

	lseek(fd, 0, SEEK_SET);
	j = json_loadfd(fd, 0, &error);
	close(fd);
	if (!j)
		fail_msg("the record is no JSON: %s", error.text);
	return j;
}

static json_t *run_job(struct tw_lab_job *job)
{
	int out = memfd_create("record", MFD_CLOEXEC);
	struct tw_err err = { 0 };

	job->slug = job->slug ? job->slug : "test";
	job->variant = job->variant ? job->variant : "v4";
	job->expect_exit = -1;
	if (tw_lab_run(job, out, &err))
		fail_msg("no record: %s", err.text);
	return record_of(out);
}

static json_t *run_text(const char *script)
{
	const struct tw_scenario scenario = { .name = "inline", .script = script };
	struct tw_lab_job job = { .scenario = &scenario };

	return run_job(&job);
}

static bool passed(const json_t *record)
{
	return json_is_true(json_object_get(record, "passed"));
}

static const char *error_of(const json_t *record)
{
	const char *text = json_string_value(json_object_get(record, "error"));

	return text ? text : "";
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void must_pass(json_t *record)
{
	if (!passed(record))
		fail_msg("%s", json_dumps(record, JSON_INDENT(1)));
	assert_string_equal(error_of(record), "");
}

/* The first check, or verdict, that failed. */
static const json_t *failed_in(const json_t *record, const char *list)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(record, list), i, entry)
	{
		if (json_is_false(json_object_get(entry, "passed")))
			return entry;
	}
	return NULL;
}

static void a_refusal(void **state)
{
	json_t *r;

	GROUND_OR_SKIP();
	r = run_text("client connect -> ECONNREFUSED within 2s\n"
		     "verdict both port-closed likely failed\n");
	must_pass(r);
	assert_int_equal(json_array_size(json_object_get(r, "verdicts")), 2);
	assert_int_equal(json_array_size(json_object_get(r, "checks")), 1);
	json_decref(r);
}

static void catalogue_scenario(const char *slug, const char *name, const char *variant)
{
	const struct tw_phenomenon *p = tw_phenomenon_find(slug);
	struct tw_lab_job job = { .phenomenon = p, .slug = slug, .variant = variant };
	json_t *r;

	for (job.scenario = p->scenarios; job.scenario->name; job.scenario++)
		if (strcmp(job.scenario->name, name) == 0)
			break;
	assert_non_null(job.scenario->name);
	r = run_job(&job);
	must_pass(r);
	json_decref(r);
}

static void scenarios_of_the_catalogue(void **state)
{
	GROUND_OR_SKIP();
	catalogue_scenario("closed-with-unread-data", "request", "v4-nots");
	catalogue_scenario("peer-rebooted", "next-data", "v4");
	catalogue_scenario("last-ack-lost", "once", "v4");
	if (ground_families() == 2)
		catalogue_scenario("process-died", "unread", "v6");
}

static void wrong_errno(void **state)
{
	const json_t *check;
	json_t *r;

	GROUND_OR_SKIP();
	r = run_text("client connect -> ETIMEDOUT\n"
		     "client send 100\n"
		     "verdict both port-closed likely failed\n");
	assert_false(passed(r));
	check = failed_in(r, "checks");
	assert_non_null(check);
	assert_int_equal(json_integer_value(json_object_get(check, "line")), 1);
	assert_string_equal(text_of(check, "expected"), "ETIMEDOUT");
	assert_memory_equal(text_of(check, "seen"), "ECONNREFUSED after ", 19);
	/* What came after is not played, the captures are read all the same. */
	assert_int_equal(json_array_size(json_object_get(r, "checks")), 1);
	assert_int_equal(json_array_size(json_object_get(r, "verdicts")), 2);
	json_decref(r);
}

static void late(void **state)
{
	const json_t *check;
	json_t *r;

	GROUND_OR_SKIP();
	r = run_text("delay 100ms\n"
		     "client connect -> ECONNREFUSED within 150ms\n"
		     "verdict both port-closed likely failed\n");
	assert_false(passed(r));
	check = failed_in(r, "checks");
	assert_non_null(check);
	assert_string_equal(text_of(check, "expected"), "ECONNREFUSED within 150 ms");
	json_decref(r);
	r = run_text("client connect -> ECONNREFUSED after 1s..2s\n"
		     "verdict both port-closed likely failed\n");
	assert_false(passed(r));
	json_decref(r);
}

static void wrong_verdicts(void **state)
{
	static const char *const scripts[][2] = {
		{ "verdict both syn-unanswered likely\n", "another verdict is expected" },
		{ "verdict both port-closed possible\n", "another confidence is expected" },
		{ "verdict both port-closed likely clean\n", "another outcome is expected" },
		{ "verdict both port-closed\nnever both port-closed\n", "this must never be said" },
		/* not a word about it: then it must not have failed */
		{ "", "nothing was done to this connection" },
	};
	char text[200];
	unsigned i;

	GROUND_OR_SKIP();
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		json_t *r;

		snprintf(text, sizeof(text), "client connect -> ECONNREFUSED\n%s", scripts[i][0]);
		r = run_text(text);
		assert_false(passed(r));
		assert_null(failed_in(r, "checks"));
		assert_non_null(failed_in(r, "verdicts"));
		assert_string_equal(text_of(failed_in(r, "verdicts"), "objection"), scripts[i][1]);
		json_decref(r);
	}
}

static void certain_where_it_can_not_be(void **state)
{
	static const char scene[] = "server listen\n"
				    "client connect\n"
				    "server accept\n"
				    "client send 100\n"
				    "server recv 100\n"
				    "cable quiet 60ms\n"
				    "cable forge RST+ACK to client ttl 41 id 12345\n"
				    "client recv -> ECONNRESET\n"
				    "server send 1000\n"
				    "cable wait client rst\n"
				    "verdict server any\n";
	char text[600];
	json_t *r;

	GROUND_OR_SKIP();
	snprintf(text, sizeof(text), "%sverdict client forged-reset certain\n", scene);
	r = run_text(text);
	must_pass(r);
	json_decref(r);
	snprintf(text, sizeof(text),
		 "%sverdict client forged-reset likely certain\nnever client certain\n", scene);
	r = run_text(text);
	assert_string_equal(text_of(failed_in(r, "verdicts"), "objection"),
			    "it can not be certain");
	json_decref(r);
}

static void a_connection_that_was_not_there(void **state)
{
	const json_t *check;
	json_t *r;

	GROUND_OR_SKIP();
	r = run_text("client connect -> ECONNREFUSED\n"
		     "verdict both port-closed\n"
		     "verdict server port-closed stream 1\n");
	assert_false(passed(r));
	check = failed_in(r, "checks");
	assert_non_null(check);
	assert_string_equal(text_of(check, "seen"), "none in the capture of the server's end");
	json_decref(r);
}

static void what_can_not_be_carried_out(void **state)
{
	static const char *const scripts[][2] = {
		{ "join client\n", "line 1: client has no call in the background" },
		{ "host server vanish\nserver listen\n", "line 2: the host of the server is gone" },
		{ "server listen\nserver accept &\nserver recv\n",
		  "line 3: server is still inside the call of line 2" },
		{ "client destroy\n", "line 1: client destroy: there is no such connection" },
		{ "client conect\n", "line 1: " },
		{ "set client tcp_nonsense 1\nclient connect\n", "line 1: " },
		/* ten seconds of patience */
		{ "cable wait server fin\n",
		  "line 1: 'cable wait server fin' did not come: 0 such frames were sent" },
	};
	unsigned i;

	GROUND_OR_SKIP();
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		json_t *r = run_text(scripts[i][0]);

		assert_false(passed(r));
		assert_memory_equal(error_of(r), scripts[i][1], strlen(scripts[i][1]));
		json_decref(r);
	}
}

static void calls_in_the_background(void **state)
{
	const json_t *check;
	json_t *r;

	GROUND_OR_SKIP();
	r = run_text("server listen\n"
		     "server accept &\n"
		     "join server -> hang within 200ms\n"
		     "client connect\n"
		     "join server\n"
		     "server recv &\n"
		     "server.2 listen -> EADDRINUSE\n"
		     "server kill\n"
		     "client recv -> EOF\n");
	must_pass(r);
	json_decref(r);
	/* What was to hang returns. */
	r = run_text("server listen\n"
		     "server accept &\n"
		     "client connect\n"
		     "join server -> hang within 500ms\n");
	assert_false(passed(r));
	check = failed_in(r, "checks");
	assert_non_null(check);
	assert_int_equal(json_integer_value(json_object_get(check, "line")), 4);
	json_decref(r);
}

/* ---- the record ---- */

static const json_t *find_entry(const json_t *record, const char *kind, const char *key,
				const char *text)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(record, "timeline"), i, entry)
	{
		if (strcmp(text_of(entry, "kind"), kind) == 0 &&
		    strcmp(text_of(entry, key), text) == 0)
			return entry;
	}
	return NULL;
}

static void the_time_line(void **state)
{
	const json_t *entry;
	double before = -1;
	json_t *r;
	size_t i;

	GROUND_OR_SKIP();
	r = run_text("server listen\n"
		     "cable drop client syn\n"
		     "client connect\n"
		     "server accept\n"
		     "client send 100\n"
		     "server recv 100\n"
		     "client close\n"
		     "state client FIN_WAIT2\n"
		     "server close\n"
		     "verdict client any\n");
	must_pass(r);
	json_array_foreach(json_object_get(r, "timeline"), i, entry)
	{
		double time = json_number_value(json_object_get(entry, "time"));

		assert_true(time >= before);
		before = time;
	}
	entry = find_entry(r, "packet", "flags", "SYN");
	assert_non_null(entry);
	assert_string_equal(text_of(entry, "fate"), "dropped");
	assert_true(json_is_null(json_object_get(entry, "arrived")));
	entry = find_entry(r, "packet", "flags", "SYN|ACK");
	assert_non_null(entry);
	assert_string_equal(text_of(entry, "from"), "server");
	assert_true(json_number_value(json_object_get(entry, "arrived")) >
		    json_number_value(json_object_get(entry, "time")));
	assert_int_equal(json_integer_value(json_object_get(entry, "ack")), 1);
	assert_non_null(find_entry(r, "cable", "text", "cable drop client syn"));
	assert_non_null(find_entry(r, "call", "text", "client connect"));
	assert_non_null(find_entry(r, "return", "text", "client connect = ok"));
	assert_non_null(find_entry(r, "state", "text", "SYN_SENT"));
	assert_non_null(find_entry(r, "state", "text", "FIN_WAIT2"));
	json_decref(r);
}

static void remove_kept(const char *folder)
{
	static const char *const names[] = { "client.pcapng", "server.pcapng", "record.json" };
	char path[300];
	unsigned i;

	for (i = 0; i < 3; i++) {
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size > 100);
		unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

static void what_is_kept(void **state)
{
	static const struct tw_scenario scenario = { .name = "inline",
						     .script = "client connect -> ECONNREFUSED\n"
							       "verdict both port-closed\n" };
	char folder[] = "/tmp/tcpwhy-test-XXXXXX";
	struct tw_lab_job job = { .scenario = &scenario };
	json_t *r;

	GROUND_OR_SKIP();
	assert_non_null(mkdtemp(folder));
	job.keep = folder;
	r = run_job(&job);
	must_pass(r);
	json_decref(r);
	remove_kept(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUND_TEST(a_refusal),
		GROUND_TEST(scenarios_of_the_catalogue),
		GROUND_TEST(wrong_errno),
		GROUND_TEST(late),
		GROUND_TEST(wrong_verdicts),
		GROUND_TEST(certain_where_it_can_not_be),
		GROUND_TEST(a_connection_that_was_not_there),
		GROUND_TEST(what_can_not_be_carried_out),
		GROUND_TEST(calls_in_the_background),
		GROUND_TEST(the_time_line),
		GROUND_TEST(what_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
