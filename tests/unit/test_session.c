/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions on the labelled captures: what a budget leaves out is never called anything that it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "diagnose/session.h"

static bool drop_finding(void *user, struct tw_finding *f)
{
	++*(uint64_t *)user;
	tw_finding_free(f);
	return true;
}

static void run(const char *path, uint64_t loss_frames, bool all, struct tw_session_summary *sum)
{
	uint64_t findings = 0;
	const struct tw_session_config config = {
		.all = all, .loss_frames = loss_frames, .finding = drop_finding, .user = &findings
	};
	struct tw_err err = { 0 };
	struct tw_source *src;

	assert_int_equal(tw_source_open(&src, path, NULL, &err), 0);
	assert_int_equal(tw_session_run(src, &config, sum, &err), 0);
	tw_source_close(src);
	if (all)
		assert_int_equal(findings, sum->connections);
}

static bool says(const struct tw_session_summary *sum, const char *words)
{
	unsigned i;

	for (i = 0; i < sum->problem_count; i++)
		if (strstr(sum->problems[i], words))
			return true;
	return false;
}

/*
 * Without a budget for losses nothing changes but that some clean and degraded ones become unknown, and
 * the summary says so; with --all it is as it was. Returns how many became unknown.
 */
static uint64_t compare(const char *path)
{
	struct tw_session_summary whole, poor, all;
	uint64_t untaken;
	unsigned i;

	run(path, 0, false, &whole);
	run(path, 1, false, &poor);
	run(path, 1, true, &all);
	if (poor.failed != whole.failed || poor.clean > whole.clean ||
	    poor.degraded > whole.degraded || all.clean != whole.clean ||
	    all.degraded != whole.degraded || all.unknown != whole.unknown)
		fail_msg("%s: the budget changes what was found", path);
	untaken = poor.unknown - whole.unknown;
	assert_int_equal(untaken, whole.clean - poor.clean + whole.degraded - poor.degraded);
	assert_int_equal(says(&poor, "counted as unknown"), untaken > 0);
	assert_false(says(&all, "counted as unknown"));
	for (i = 0; i < 128; i++)
		assert_true(poor.verdict_count[i] <= whole.verdict_count[i]);
	tw_session_summary_free(&whole);
	tw_session_summary_free(&poor);
	tw_session_summary_free(&all);
	return untaken;
}

static void budget_of_losses_is_honest(void **state)
{
	char dir[4096], path[8192];
	uint64_t untaken = 0;
	const struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/captures/kernel", getenv("TCPWHY_TESTS"));
	d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d))) {
		const size_t n = strlen(e->d_name);

		if (n < 5 || strcmp(e->d_name + n - 5, ".pcap"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		untaken += compare(path);
	}
	closedir(d);
	assert_true(untaken > 0);
}

/* Of whatever lacks its sign a matcher would have said no. */
static bool ask_all(void *user, struct tw_finding *f)
{
	struct tw_arena arena;
	unsigned i;

	tw_arena_init(&arena);
	for (i = 0; i < tw_catalogue_count; i++) {
		const struct tw_phenomenon *ph = tw_catalogue[i];
		struct tw_match m = {
			.arena = &arena, .facts = &f->facts, .client = "client", .server = "server"
		};

		if (!ph->match || tw_get(&f->facts, ph->sign))
			continue;
		++*(uint64_t *)user;
		if (ph->match(&m))
			fail_msg("%s fits stream %llu of %s without its sign", ph->slug,
				 (unsigned long long)f->stream, f->source);
	}
	tw_arena_free(&arena);
	tw_finding_free(f);
	return true;
}

static void ask_every_matcher(const char *path, uint64_t *spared)
{
	const struct tw_session_config config = { .all = true, .finding = ask_all, .user = spared };
	struct tw_session_summary sum;
	struct tw_err err = { 0 };
	struct tw_source *src;

	assert_int_equal(tw_source_open(&src, path, NULL, &err), 0);
	assert_int_equal(tw_session_run(src, &config, &sum, &err), 0);
	tw_source_close(src);
	tw_session_summary_free(&sum);
}

static void signs_lose_nothing(void **state)
{
	char dir[4096], path[8192];
	uint64_t spared = 0;
	const struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/captures/kernel", getenv("TCPWHY_TESTS"));
	d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d))) {
		const size_t n = strlen(e->d_name);

		if (n < 5 || strcmp(e->d_name + n - 5, ".pcap"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		ask_every_matcher(path, &spared);
	}
	closedir(d);
	assert_true(spared > 1000);
}

/* Whoever stops the reading gets what was read by then, and is told so; not where the input would not have gone on. */
static void stop_is_told(void **state)
{
	const volatile sig_atomic_t stop = 1;
	uint64_t findings = 0;
	const struct tw_session_config config = { .stop = &stop,
						  .finding = drop_finding,
						  .user = &findings };
	struct tw_session_summary sum;
	struct tw_err err = { 0 };
	struct tw_source *src;
	char path[4096];

	(void)state;
	snprintf(path, sizeof(path), "%s/captures/connect/overload.client.pcap",
		 getenv("TCPWHY_TESTS"));
	assert_int_equal(tw_source_open(&src, path, NULL, &err), 0);
	assert_int_equal(tw_session_run(src, &config, &sum, &err), 0);
	tw_source_close(src);
	assert_int_equal(sum.packets, 0);
	assert_true(says(&sum, "Reading was stopped after 0 packets"));
	tw_session_summary_free(&sum);
	run(path, 0, false, &sum);
	assert_false(says(&sum, "stopped"));
	tw_session_summary_free(&sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_of_losses_is_honest),
		cmocka_unit_test(signs_lose_nothing),
		cmocka_unit_test(stop_is_told),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
