/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs side by side, each alone in its namespaces: results in order, nothing left of any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/crew.h"

#define RESULTS_MAX 16

static const struct tw_scenario scenario = { .name = "basic", .about = "", .script = "" };
static const struct tw_phenomenon phenomenon = { .slug = "some-slug" };

static struct tw_crew_job jobs[RESULTS_MAX];
static char told[RESULTS_MAX][256]; /* of each result: its name and what came */
static unsigned told_count;
static int attempt_told[RESULTS_MAX];
static volatile sig_atomic_t stop;
static int leash[2]; /* whoever lives in a run holds the write end */

/* ---- doubles of a run; the seed says which job it is ---- */

static int write_record(int fd, const char *text)
{
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* The earlier in the list, the longer: the last is finished first. */
static int earlier_is_slower(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	char text[128];

	usleep((useconds_t)(4 - job->seed) * 60000);
	snprintf(text, sizeof(text), "{\"passed\":%s,\"n\":%d}", job->seed % 2 ? "false" : "true",
		 (int)job->seed);
	return write_record(out_fd, text);
}

static int fails_with_a_sentence(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	return tw_err_set(err, -EIO, "the wire broke");
}

/* The machine is too busy the first time for job 1, and always for job 2. */
static int disturbed(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	char text[64];

	if (!job->last_attempt && (job->seed == 2 || (job->seed == 1 && !job->attempt)))
		return tw_err_set(err, -EAGAIN, "too busy");
	snprintf(text, sizeof(text), "{\"passed\":true,\"attempt\":%u}", job->attempt);
	return write_record(out_fd, text);
}

static int crashes(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	__builtin_trap();
}

static int writes_rubbish(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	return write_record(out_fd, "[1, 2");
}

static int writes_a_long_record(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	char dots[1000];
	int i, r = write_record(out_fd, "{\"passed\":true,\"text\":\"");

	memset(dots, '.', sizeof(dots));
	for (i = 0; i < 3000 && !r; i++)
		r = write(out_fd, dots, sizeof(dots)) == sizeof(dots) ? 0 : -EIO;
	return r ? r : write_record(out_fd, "\"}");
}

/* A grandchild that nobody waits for, in a session of its own, deaf to signals. */
static int leaves_a_child(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	if (fork() == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		for (;;)
			pause();
	}
	return write_record(out_fd, "{\"passed\":true}");
}

static int never_ends(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	for (leaves_a_child(job, out_fd, err);;)
		pause();
	return 0;
}

/* What the world looks like from inside. */
static int looks_around(const struct tw_lab_job *job, int out_fd, struct tw_err *err)
{
	char text[256], self[32] = "";
	struct stat net;

	if (stat("/proc/self/ns/net", &net) || readlink("/proc/self", self, sizeof(self) - 1) < 0)
		return tw_err_set(err, -errno, "%s", strerror(errno));
	snprintf(
		text, sizeof(text),
		"{\"passed\":true,\"pid\":%d,\"self\":\"%s\",\"uid\":%u,\"net\":%llu,\"v\":\"%s\"}",
		getpid(), self, getuid(), (unsigned long long)net.st_ino, job->variant);
	return write_record(out_fd, text);
}

/* ---- around them ---- */

static int keep_result(void *user, const struct tw_crew_result *result)
{
	char name[TW_CREW_NAME];
	const char *error = json_string_value(json_object_get(result->record, "error"));

	assert_true(told_count < RESULTS_MAX);
	snprintf(told[told_count++], sizeof(told[0]), "%s %s %s", tw_crew_name(name, result->job),
		 result->passed ? "passed" : "failed", error ? error : "");
	attempt_told[told_count - 1] =
		(int)json_integer_value(json_object_get(result->record, "attempt"));
	if (user)
		*(json_t **)user = json_incref(result->record);
	return 0;
}

static void stop_soon(void *user, const struct tw_crew_state *state)
{
	if (state->elapsed_ns > 300000000 && state->running)
		stop = 1;
}

static struct tw_crew_state run(int (*body)(const struct tw_lab_job *, int, struct tw_err *),
				unsigned count, unsigned side_by_side, json_t **record)
{
	struct tw_crew_config config = { .side_by_side = side_by_side,
					 .run = body,
					 .result = keep_result,
					 .stop = &stop,
					 .progress = body == never_ends ? stop_soon : NULL,
					 .user = record };
	struct tw_crew_state state;
	struct tw_err err = { 0 };
	unsigned i;

	told_count = 0;
	stop = 0;
	for (i = 0; i < count; i++)
		jobs[i] = (struct tw_crew_job){ .job = { .phenomenon = &phenomenon,
							 .scenario = &scenario,
							 .slug = phenomenon.slug,
							 .variant = i % 2 ? "v6" : "v4",
							 .seed = i } };
	if (tw_crew_run(&config, jobs, count, &state, &err))
		fail_msg("%s", err.text);
	assert_int_equal(state.running, 0);
	return state;
}

/* Nobody holds the leash but this process: its end of file comes when this one lets go. */
static void assert_all_gone(void)
{
	struct pollfd end = { .fd = leash[0], .events = POLLIN };

	close(leash[1]);
	assert_int_equal(poll(&end, 1, 0), 1);
	assert_true(end.revents & POLLHUP);
}

static bool possible;

static int look_for_namespaces(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET) ? 1 : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	possible = status == 0;
	return 0;
}

static void begin(void)
{
	if (!possible) {
		print_message("# no namespaces here\n");
		skip();
	}
	assert_int_equal(pipe2(leash, O_CLOEXEC), 0);
}

static void end(void)
{
	assert_all_gone();
	close(leash[0]);
}

static void results_come_in_the_order_of_the_list(void **unused)
{
	struct tw_crew_state state;

	begin();
	state = run(earlier_is_slower, 5, 5, NULL);
	assert_int_equal(told_count, 5);
	assert_string_equal(told[0], "some-slug/basic/v4 passed ");
	assert_string_equal(told[1], "some-slug/basic/v6 failed ");
	assert_string_equal(told[4], "some-slug/basic/v4 passed ");
	assert_int_equal(state.finished, 5);
	assert_int_equal(state.failed, 2);
	/* Side by side: all as long as the longest, 0.24 s, not as their sum, 0.6 s. */
	assert_true(state.elapsed_ns < 500000000);
	end();
}

static void one_at_a_time_if_so_wanted(void **unused)
{
	struct tw_crew_state state;

	begin();
	state = run(earlier_is_slower, 5, 1, NULL);
	assert_int_equal(told_count, 5);
	assert_true(state.elapsed_ns >= 600000000);
	end();
}

/* A run whose wire was late is begun again, three times in all; the others are not. */
static void disturbed_runs_are_begun_again(void **unused)
{
	static const int attempts[] = { 0, 1, 2, 0 };
	struct tw_crew_state state;
	unsigned i;

	begin();
	state = run(disturbed, 4, 2, NULL);
	assert_int_equal(state.finished, 4);
	assert_int_equal(state.failed, 0);
	assert_int_equal(told_count, 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(attempt_told[i], attempts[i]);
	end();
}

static void a_run_without_a_record_has_failed(void **unused)
{
	begin();
	run(fails_with_a_sentence, 2, 0, NULL);
	assert_string_equal(told[1], "some-slug/basic/v6 failed the wire broke");
	run(crashes, 1, 0, NULL);
	assert_non_null(strstr(told[0], "failed the process of the run was killed by SIG"));
	run(writes_rubbish, 1, 0, NULL);
	assert_string_equal(told[0], "some-slug/basic/v4 failed the run left no record");
	end();
}

static void a_made_up_record_has_the_form_of_one(void **unused)
{
	json_t *record = NULL;

	begin();
	run(fails_with_a_sentence, 1, 0, &record);
	assert_string_equal(json_string_value(json_object_get(record, "type")), "lab");
	assert_string_equal(json_string_value(json_object_get(record, "scenario")),
			    "some-slug/basic");
	assert_true(json_is_array(json_object_get(record, "timeline")));
	assert_true(json_is_null(json_object_get(record, "program")));
	json_decref(record);
	end();
}

static void a_record_may_be_long(void **unused)
{
	json_t *record = NULL;

	begin();
	run(writes_a_long_record, 1, 0, &record);
	assert_int_equal(json_string_length(json_object_get(record, "text")), 3000000);
	json_decref(record);
	end();
}

static void a_run_is_alone(void **unused)
{
	json_t *record = NULL;
	struct stat net;

	begin();
	assert_int_equal(stat("/proc/self/ns/net", &net), 0);
	run(looks_around, 1, 0, &record);
	assert_string_equal(told[0], "some-slug/basic/v4 passed ");
	assert_int_equal(json_integer_value(json_object_get(record, "pid")), 1);
	assert_int_equal(json_integer_value(json_object_get(record, "uid")), 0);
	assert_int_not_equal(json_integer_value(json_object_get(record, "net")), net.st_ino);
	json_decref(record);
	end();
}

static void nothing_outlives_a_run(void **unused)
{
	begin();
	run(leaves_a_child, 3, 0, NULL);
	assert_string_equal(told[2], "some-slug/basic/v4 passed ");
	end();
}

static void stopped_means_killed(void **unused)
{
	struct tw_crew_state state;

	begin();
	state = run(never_ends, 3, 2, NULL);
	assert_int_equal(told_count, 0);
	assert_int_equal(state.finished, 0);
	end();
}

static void repetitions_and_files_have_names(void **unused)
{
	struct tw_crew_job job = {
		.job = { .slug = "dir/my.lab", .scenario = &scenario, .variant = "v6" },
		.repetition = 3
	};
	char name[TW_CREW_NAME];

	assert_string_equal(tw_crew_name(name, &job), "dir/my.lab/v6 #3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_come_in_the_order_of_the_list),
		cmocka_unit_test(one_at_a_time_if_so_wanted),
		cmocka_unit_test(disturbed_runs_are_begun_again),
		cmocka_unit_test(a_run_without_a_record_has_failed),
		cmocka_unit_test(a_made_up_record_has_the_form_of_one),
		cmocka_unit_test(a_record_may_be_long),
		cmocka_unit_test(a_run_is_alone),
		cmocka_unit_test(nothing_outlives_a_run),
		cmocka_unit_test(stopped_means_killed),
		cmocka_unit_test(repetitions_and_files_have_names),
	};

	return cmocka_run_group_tests(tests, look_for_namespaces, NULL);
}
