/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole scenarios on the real kernel: what must pass, and what must fail, in the record.
 *
 * All of them run side by side once, before the tests look at their records: some wait for ten seconds
 * for what never comes, and need not do so one after the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lab/crew.h"
#include "lab_ground.h"

#define CONVERSATION                                                                               \
	"server listen\n"                                                                          \
	"client connect\n"                                                                         \
	"server accept\n"                                                                          \
	"client send 100\n"                                                                        \
	"server recv 100\n"
#define REFUSED   "verdict both port-closed|firewall-reset likely failed\n"
#define IMPATIENT "client option SO_RCVTIMEO 300ms\n"

/* ---- the scenarios ---- */

enum {
	PORT_CLOSED,
	CLEAN,
	UNREAD,
	VANISHED,
	REBOOTED,
	TOO_LATE,
	TOO_EARLY,
	HANGS_WRONGLY,
	HANGS_RIGHTLY,
	HANGS_TOO_SHORTLY,
	BYSTANDER_HURT,
	STATE_NEVER_COMES,
	QUEUE_NEVER_COMES,
	STILL_INSIDE,
	HOST_IS_GONE,
	SIX,
	NO_TIMESTAMPS,
	NO_SACK,
	NO_SUCH_VARIANT,
	SHORT_TIMERS,
	FULL_TIME,
	CABLE,
	TRANSLATED,
	ROUTED,
	SCRIPT_FAULT,
	PROGRAM,
	PROGRAM_FAILS,
	PROGRAM_MISSING,
	SCENARIOS
};

#define SHORT_AND_FULL                                                                             \
	"short client tcp_timestamps 0\n" CONVERSATION IMPATIENT                                   \
	"client recv -> EAGAIN after 300ms full 1ms..2ms\n"

static const struct {
	const char *script, *variant;
} wanted[SCENARIOS] = {
	[PORT_CLOSED] = { "fault\nclient connect -> ECONNREFUSED within 5s\n" REFUSED },
	[CLEAN] = { CONVERSATION "server send 50\n"
				 "client recv 50\n"
				 "client close\n"
				 "server recv eof -> 0\n"
				 "server close\n"
				 "state client TIME_WAIT within 5s\n"
				 "state server CLOSE\n"
				 "verdict both clean clean\n" },
	[UNREAD] = { "server listen\n"
		     "client connect\n"
		     "server accept\n"
		     "client send 5000\n"
		     "queue server recv 5000\n"
		     "fault\n"
		     "server close\n"
		     "client recv -> ECONNRESET within 5s\n"
		     "verdict both closed-with-unread-data|aborted|process-died|linger-reset "
		     "likely failed\n" },
	[VANISHED] = { "set client tcp_retries2 3\n" CONVERSATION
		       "host client neighbour permanent\n"
		       "fault\n"
		       "host server vanish\n"
		       "client send 100\n"
		       "client recv -> ETIMEDOUT after 1s..20s\n"
		       "verdict client peer-vanished|firewall-dropped likely possible failed "
		       "unknown\n"
		       "verdict server any\n" },
	[REBOOTED] = { CONVERSATION "cable quiet 50ms\n"
				    "fault\n"
				    "host server reboot\n"
				    "client send 100\n"
				    "client recv -> ECONNRESET within 8s\n"
				    "server listen\n"
				    "client connect #2\n"
				    "server accept\n"
				    "verdict both any\n" },
	[TOO_LATE] = { CONVERSATION IMPATIENT "client recv -> EAGAIN within 50ms\n"
					      "client recv -> EAGAIN after 300ms\n" },
	[TOO_EARLY] = { CONVERSATION IMPATIENT "client recv -> EAGAIN after 20s\n" },
	[HANGS_WRONGLY] = { CONVERSATION "client recv -> EOF within 200ms\nclient close\n" },
	[HANGS_RIGHTLY] = { CONVERSATION "client recv &\n"
					 "join client -> hang within 300ms\n"
					 "server close\n"
					 "join client -> EOF\n" },
	[HANGS_TOO_SHORTLY] = { CONVERSATION IMPATIENT "client recv &\n"
						       "join client -> hang within 20s\n" },
	[BYSTANDER_HURT] = { "client connect -> ECONNREFUSED\n"
			     "client connect #2 -> ECONNREFUSED\n" REFUSED },
	[STATE_NEVER_COMES] = { CONVERSATION "state client FIN_WAIT2\nclient close\n" },
	[QUEUE_NEVER_COMES] = { CONVERSATION "queue server recv 7\nclient close\n" },
	[STILL_INSIDE] = { CONVERSATION "client recv &\nclient send 100\n" },
	[HOST_IS_GONE] = { CONVERSATION "host server vanish\nserver listen\n" },
	[SIX] = { CONVERSATION "client close\nserver recv eof -> 0\nserver close\n"
			       "verdict both clean clean\n",
		  "v6" },
	[NO_TIMESTAMPS] = { CONVERSATION, "v4-nots" },
	[NO_SACK] = { CONVERSATION, "v6-nosack" },
	[NO_SUCH_VARIANT] = { CONVERSATION, "v4-novelty" },
	[SHORT_TIMERS] = { SHORT_AND_FULL },
	[FULL_TIME] = { SHORT_AND_FULL },
	[CABLE] = { CONVERSATION "cable drop server data\n"
				 "cable corrupt client fin\n"
				 "server send 50\n"
				 "client recv 50\n"
				 "cable forge RST to client seq 100000\n"
				 "client close\n"
				 "server recv eof -> 0\n"
				 "verdict both any\n" },
	[TRANSLATED] = { "nat\n" CONVERSATION },
	[ROUTED] = { "topology router\n" CONVERSATION },
	[SCRIPT_FAULT] = { "client connect\nclient sendd 100\n" },
	[PROGRAM] = { CONVERSATION "server send 10\nclient recv 10\nfault\nserver kill\n"
				   "client recv -> EOF within 1s\n"
				   "verdict both process-died\n" },
	[PROGRAM_FAILS] = { CONVERSATION "fault\nserver kill\n" },
	[PROGRAM_MISSING] = { CONVERSATION "fault\nserver kill\n" },
};

/* Sends, waits for the answer, then for the end. */
static const char *const conversing[] = {
	"bash", "-c", "exec 3<>/dev/tcp/{host}/{port}; echo hello >&3; cat <&3 >/dev/null; exit 7",
	NULL
};
static const char *const missing[] = { "/nowhere/at/all", NULL };

static json_t *records[SCENARIOS];
static char keep[64];

static void describe(struct tw_crew_job jobs[SCENARIOS], struct tw_scenario scenarios[SCENARIOS],
		     char folders[SCENARIOS][96])
{
	unsigned i;

	for (i = 0; i < SCENARIOS; i++) {
		const char *variant = wanted[i].variant ? wanted[i].variant : "v4";

		scenarios[i] = (struct tw_scenario){ .name = "inline",
						     .about = "",
						     .script = wanted[i].script };
		jobs[i].job = (struct tw_lab_job){ .scenario = &scenarios[i],
						   .slug = "port-closed",
						   .variant = variant,
						   .seed = 1,
						   .serve = "echo",
						   .expect_exit = -1,
						   .full_time = i == FULL_TIME,
						   .uid = geteuid(),
						   .gid = getegid() };
		snprintf(folders[i], 96, "%s/%u", keep, i);
		jobs[i].job.keep = folders[i];
	}
	/* One of them lives in memory. */
	jobs[PORT_CLOSED].job.keep = NULL;
	jobs[PROGRAM].job.program[TW_CLIENT] = conversing;
	jobs[PROGRAM].job.expect_exit = 7;
	jobs[PROGRAM].job.within_ns = 50 * TW_NS_PER_S;
	jobs[PROGRAM_FAILS].job.program[TW_CLIENT] = conversing;
	jobs[PROGRAM_FAILS].job.expect_exit = 0;
	jobs[PROGRAM_MISSING].job.program[TW_CLIENT] = missing;
}

static int on_result(void *user, const struct tw_crew_result *result)
{
	const struct tw_crew_job *jobs = user;

	records[result->job - jobs] = json_incref(result->record);
	return 0;
}

static int run_all(void **state)
{
	static struct tw_crew_job jobs[SCENARIOS];
	static struct tw_scenario scenarios[SCENARIOS];
	static char folders[SCENARIOS][96];
	const struct tw_crew_config config = {
		.side_by_side = 12, .run = tw_lab_run, .result = on_result, .user = jobs
	};
	struct tw_crew_state done;
	struct tw_err err;
	int r;

	snprintf(keep, sizeof(keep), "/tmp/test-lab-run.XXXXXX");
	if (!mkdtemp(keep))
		return -1;
	describe(jobs, scenarios, folders);
	r = tw_crew_run(&config, jobs, SCENARIOS, &done, &err);
	if (r)
		snprintf(ground_missing, sizeof(ground_missing), "%s", err.text);
	return r && r != -EPERM && r != -EACCES && r != -ENOSPC && r != -EINVAL ? -1 : 0;
}

static void remove_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0)) {
			char inner[400];

			snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
			remove_folder(inner);
		}
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static int end_all(void **state)
{
	unsigned i;

	for (i = 0; i < SCENARIOS; i++)
		json_decref(records[i]);
	remove_folder(keep);
	return 0;
}

/* ---- looking at a record ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static json_t *record(unsigned i)
{
	assert_non_null(records[i]);
	assert_string_equal(text_of(records[i], "type"), "lab");
	return records[i];
}

static void expect_passed(unsigned i)
{
	json_t *r = record(i);

	if (!json_is_true(json_object_get(r, "passed"))) {
		char *all = json_dumps(r, JSON_INDENT(1));

		print_error("%.6000s\n", all);
		free(all);
		fail_msg("scenario %u did not pass: %s", i, text_of(r, "error"));
	}
	assert_true(json_is_null(json_object_get(r, "error")));
}

/* It was carried out, and what was seen was not what was expected. */
static json_t *expect_failed(unsigned i)
{
	json_t *r = record(i);

	assert_true(json_is_false(json_object_get(r, "passed")));
	assert_string_equal(text_of(r, "error"), "");
	return r;
}

/* It could not be carried out; what it reached is there. */
static void expect_error(unsigned i, const char *part)
{
	json_t *r = record(i);

	assert_true(json_is_false(json_object_get(r, "passed")));
	if (!strstr(text_of(r, "error"), part))
		fail_msg("'%s' does not say '%s'", text_of(r, "error"), part);
	assert_true(json_is_array(json_object_get(r, "checks")));
	assert_true(json_is_array(json_object_get(r, "timeline")));
}

static json_t *check(unsigned i, size_t n)
{
	return json_array_get(json_object_get(record(i), "checks"), n);
}

static size_t checks(unsigned i)
{
	return json_array_size(json_object_get(record(i), "checks"));
}

static void expect_seen(unsigned i, size_t n, bool passed, const char *seen)
{
	json_t *c = check(i, n);

	assert_non_null(c);
	if (json_is_true(json_object_get(c, "passed")) != passed ||
	    strncmp(text_of(c, "seen"), seen, strlen(seen)) != 0)
		fail_msg("%s: seen %s, expected here %s", text_of(c, "what"), text_of(c, "seen"),
			 seen);
}

static size_t verdicts(unsigned i)
{
	return json_array_size(json_object_get(record(i), "verdicts"));
}

static json_t *verdict(unsigned i, const char *vantage, int stream)
{
	json_t *v;
	size_t n;

	json_array_foreach(json_object_get(record(i), "verdicts"), n, v)
	{
		if (strcmp(text_of(v, "vantage"), vantage) == 0 &&
		    json_integer_value(json_object_get(v, "stream")) == stream)
			return v;
	}
	fail_msg("no verdict on stream %d of the %s's capture", stream, vantage);
	return NULL;
}

static void expect_objection(unsigned i, const char *vantage, int stream, const char *objection)
{
	json_t *v = verdict(i, vantage, stream);

	assert_true(json_is_boolean(json_object_get(v, "passed")));
	assert_int_equal(json_is_true(json_object_get(v, "passed")), !*objection);
	assert_string_equal(text_of(v, "objection"), objection);
}

/* How many entries of a kind there are, with these words in @key. */
static unsigned entries(unsigned i, const char *kind, const char *key, const char *words)
{
	unsigned found = 0;
	json_t *e;
	size_t n;

	json_array_foreach(json_object_get(record(i), "timeline"), n, e)
	{
		if (strcmp(text_of(e, "kind"), kind) == 0 && strstr(text_of(e, key), words))
			found++;
	}
	return found;
}

/* Do these bytes stand in a capture that was kept? */
static bool kept_has(unsigned i, const char *name, const void *bytes, size_t count)
{
	char path[200];
	struct stat st;
	bool found = false;
	void *all;
	int fd;

	snprintf(path, sizeof(path), "%s/%u/%s", keep, i, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(all != MAP_FAILED);
	found = memmem(all, (size_t)st.st_size, bytes, count) != NULL;
	munmap(all, (size_t)st.st_size);
	close(fd);
	return found;
}

/* ---- what must pass ---- */

static void refused_connection(void **state)
{
	GROUND_OR_SKIP();
	expect_passed(PORT_CLOSED);
	assert_string_equal(text_of(record(PORT_CLOSED), "scenario"), "port-closed/inline");
	assert_string_equal(text_of(record(PORT_CLOSED), "truth"), "port-closed");
	assert_int_equal(checks(PORT_CLOSED), 1);
	expect_seen(PORT_CLOSED, 0, true, "ECONNREFUSED after ");
	assert_int_equal(json_integer_value(json_object_get(check(PORT_CLOSED, 0), "line")), 2);
	assert_int_equal(verdicts(PORT_CLOSED), 2);
	expect_objection(PORT_CLOSED, "client", 0, "");
	expect_objection(PORT_CLOSED, "server", 0, "");
	assert_int_equal(entries(PORT_CLOSED, "packet", "text", "SYN"), 1);
	assert_int_equal(entries(PORT_CLOSED, "packet", "text", "RST|ACK"), 1);
	assert_int_equal(entries(PORT_CLOSED, "return", "text", "client connect = ECONNREFUSED"),
			 1);
	assert_true(json_is_null(json_object_get(record(PORT_CLOSED), "captures")));
	assert_true(json_is_null(json_object_get(record(PORT_CLOSED), "program")));
}

static void whole_conversation(void **state)
{
	GROUND_OR_SKIP();
	expect_passed(CLEAN);
	assert_string_equal(text_of(verdict(CLEAN, "client", 0), "verdict"), "clean");
	assert_true(entries(CLEAN, "state", "text", "ESTABLISHED") >= 2);
	assert_true(entries(CLEAN, "state", "text", "TIME_WAIT") >= 1);
	assert_int_equal(entries(CLEAN, "packet", "flags", "FIN"), 2);
	assert_int_equal(entries(CLEAN, "packet", "fate", "arrived"),
			 entries(CLEAN, "packet", "fate", ""));
}

static void time_line_is_in_order(void **state)
{
	double last = 0, time;
	json_t *e;
	size_t n;

	GROUND_OR_SKIP();
	json_array_foreach(json_object_get(record(CLEAN), "timeline"), n, e)
	{
		time = json_number_value(json_object_get(e, "time"));
		assert_true(time >= last);
		last = time;
		/* The wire takes its two milliseconds. */
		if (json_is_number(json_object_get(e, "arrived")))
			assert_true(json_number_value(json_object_get(e, "arrived")) >=
				    time + 0.002);
	}
	assert_true(n > 20);
}

static void unread_data(void **state)
{
	GROUND_OR_SKIP();
	expect_passed(UNREAD);
	assert_string_equal(text_of(verdict(UNREAD, "client", 0), "verdict"),
			    "closed-with-unread-data");
}

static void hosts_that_end(void **state)
{
	GROUND_OR_SKIP();
	expect_passed(VANISHED);
	assert_int_equal(entries(VANISHED, "host", "text", "vanish"), 1);
	/* Without a packet: nothing comes from the server any more. */
	assert_true(entries(VANISHED, "packet", "fate", "dropped") >= 2);
	assert_int_equal(entries(VANISHED, "packet", "flags", "RST"), 0);
	assert_int_equal(entries(VANISHED, "packet", "flags", "FIN"), 0);
	expect_passed(REBOOTED);
	/* Data that was repeated on a loaded machine is answered as often. */
	assert_true(entries(REBOOTED, "packet", "flags", "RST") >= 1);
}

static void the_cable_is_told(void **state)
{
	GROUND_OR_SKIP();
	expect_passed(CABLE);
	assert_int_equal(entries(CABLE, "packet", "fate", "dropped"), 1);
	assert_int_equal(entries(CABLE, "packet", "fate", "forged"), 1);
	assert_int_equal(entries(CABLE, "cable", "text", "cable drop server data"), 1);
}

static void other_ways(void **state)
{
	GROUND_OR_SKIP();
	expect_passed(TRANSLATED);
	expect_passed(ROUTED);
	if (ground_families() == 2)
		expect_passed(SIX);
	else
		expect_error(SIX, "this kernel has no IPv6");
}

static void calls_that_hang(void **state)
{
	GROUND_OR_SKIP();
	expect_passed(HANGS_RIGHTLY);
	assert_int_equal(checks(HANGS_RIGHTLY), 2);
	expect_seen(HANGS_RIGHTLY, 0, true, "still inside after ");
	expect_seen(HANGS_RIGHTLY, 1, true, "EOF after ");
}

/* ---- variants and options ---- */

/* SACK permitted and timestamps, as Linux writes them in a SYN. */
static const uint8_t both_options[] = { 4, 2, 8, 10 }, only_timestamps[] = { 1, 1, 8, 10 };

static void variants_switch_off(void **state)
{
	GROUND_OR_SKIP();
	assert_true(kept_has(CLEAN, "client.pcapng", both_options, 4));
	expect_passed(NO_TIMESTAMPS);
	assert_false(kept_has(NO_TIMESTAMPS, "client.pcapng", both_options, 4));
	assert_false(kept_has(NO_TIMESTAMPS, "server.pcapng", both_options, 4));
	if (ground_families() == 2) {
		expect_passed(NO_SACK);
		assert_true(kept_has(NO_SACK, "server.pcapng", only_timestamps, 4));
	}
	expect_error(NO_SUCH_VARIANT, "no variant 'v4-novelty'");
}

static void full_time(void **state)
{
	GROUND_OR_SKIP();
	expect_passed(SHORT_TIMERS);
	assert_false(kept_has(SHORT_TIMERS, "client.pcapng", both_options, 4));
	/* Its own bounds hold, and they are not kept. */
	expect_failed(FULL_TIME);
	expect_seen(FULL_TIME, 0, false, "EAGAIN after ");
	assert_true(kept_has(FULL_TIME, "client.pcapng", both_options, 4));
}

static void what_is_kept(void **state)
{
	static const uint8_t magic[] = { 0x0a, 0x0d, 0x0d, 0x0a };
	char path[200];
	json_t *r;

	GROUND_OR_SKIP();
	assert_true(kept_has(CLEAN, "client.pcapng", magic, 4));
	assert_true(kept_has(CLEAN, "server.pcapng", magic, 4));
	snprintf(path, sizeof(path), "%s/%d/record.json", keep, CLEAN);
	r = json_load_file(path, 0, NULL);
	assert_true(json_equal(r, record(CLEAN)));
	json_decref(r);
}

/* ---- what must fail ---- */

static void wrong_durations(void **state)
{
	GROUND_OR_SKIP();
	expect_failed(TOO_LATE);
	expect_seen(TOO_LATE, 0, false, "EAGAIN after ");
	/* A wrong duration ends nothing. */
	assert_int_equal(checks(TOO_LATE), 2);
	expect_failed(TOO_EARLY);
	expect_seen(TOO_EARLY, 0, false, "EAGAIN after ");
	expect_failed(HANGS_WRONGLY);
	expect_seen(HANGS_WRONGLY, 0, false, "still inside after ");
	expect_failed(HANGS_TOO_SHORTLY);
	expect_seen(HANGS_TOO_SHORTLY, 0, false, "EAGAIN after ");
}

static void what_never_comes(void **state)
{
	GROUND_OR_SKIP();
	expect_error(STATE_NEVER_COMES,
		     "line 6: 'state client FIN_WAIT2' did not come: it is ESTABLISHED");
	expect_error(QUEUE_NEVER_COMES, "line 6: 'queue server recv 7' did not come: it is 0");
	expect_error(HOST_IS_GONE, "line 7: the host of the server is gone");
	expect_error(STILL_INSIDE, "line 7: client is still inside the call of line 6");
	/* What was on the wire until then is there. */
	assert_true(verdicts(STATE_NEVER_COMES) == 2);
	assert_true(entries(STATE_NEVER_COMES, "packet", "text", "SYN") == 2);
}

static void wrong_scripts(void **state)
{
	GROUND_OR_SKIP();
	expect_error(SCRIPT_FAULT,
		     "line 2: unknown statement 'client sendd'; did you mean 'send'?");
	assert_int_equal(verdicts(SCRIPT_FAULT), 0);
}

/* ---- users' programs ---- */

static void programs(void **state)
{
	const json_t *p;

	GROUND_OR_SKIP();
	if (access("/bin/bash", X_OK))
		skip();
	expect_passed(PROGRAM);
	p = json_array_get(json_object_get(record(PROGRAM), "program"), 0);
	assert_string_equal(text_of(p, "side"), "client");
	assert_int_equal(json_integer_value(json_object_get(p, "exit")), 7);
	assert_int_equal(json_integer_value(json_object_get(p, "connections")), 1);
	/* Nobody knows what is right for somebody's program: its verdict is told, not judged. */
	assert_null(json_object_get(verdict(PROGRAM, "client", 0), "accept"));
	expect_failed(PROGRAM_FAILS);
	p = json_array_get(json_object_get(record(PROGRAM_FAILS), "program"), 0);
	assert_string_equal(text_of(p, "failure"), "bash exited with 7, not with 0");
	expect_error(PROGRAM_MISSING, "/nowhere/at/all");
}

/* ---- in this process: what it leaves behind, and what it leaks ---- */

static json_t *run_here(const char *script)
{
	const struct tw_scenario scenario = { .name = "inline", .about = "", .script = script };
	const struct tw_lab_job job = {
		.scenario = &scenario, .slug = "port-closed", .variant = "v4", .expect_exit = -1
	};
	int out = memfd_create("record", MFD_CLOEXEC);
	struct tw_err err;
	json_t *r;

	assert_true(out >= 0);
	assert_int_equal(tw_lab_run(&job, out, &err), 0);
	assert_int_equal(lseek(out, 0, SEEK_SET), 0);
	r = json_loadfd(out, 0, NULL);
	close(out);
	assert_non_null(r);
	return r;
}

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void nothing_is_left(void **state)
{
	unsigned before, i;

	GROUND_OR_SKIP();
	for (i = 0; i < 3; i++) {
		/* The first one may open what stays open for good. */
		if (i == 1)
			before = descriptors();
		json_decref(run_here(wanted[UNREAD].script));
		json_decref(run_here(wanted[PORT_CLOSED].script));
		json_decref(run_here(wanted[STILL_INSIDE].script));
		json_decref(run_here(wanted[SCRIPT_FAULT].script));
	}
	assert_int_equal(descriptors(), before);
	/* No process, be it a dead one. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_connection),
		cmocka_unit_test(whole_conversation),
		cmocka_unit_test(time_line_is_in_order),
		cmocka_unit_test(unread_data),
		cmocka_unit_test(hosts_that_end),
		cmocka_unit_test(the_cable_is_told),
		cmocka_unit_test(other_ways),
		cmocka_unit_test(calls_that_hang),
		cmocka_unit_test(variants_switch_off),
		cmocka_unit_test(full_time),
		cmocka_unit_test(what_is_kept),
		cmocka_unit_test(wrong_durations),
		cmocka_unit_test(what_never_comes),
		cmocka_unit_test(wrong_scripts),
		cmocka_unit_test(programs),
		GROUND_TEST(nothing_is_left),
	};

	return cmocka_run_group_tests(tests, run_all, end_all);
}
