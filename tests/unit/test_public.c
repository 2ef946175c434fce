/* SPDX-License-Identifier: BSD-2-Clause */
/* The public header, used as a program of others would: nothing of the library's inside is included. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <tcpwhy/tcpwhy.h>
#include <unistd.h>

#include <cmocka.h>

#define REFUSED "kernel/01-refused.client.pcap"     /* one connection, failed */
#define PAUSE   "resets/keepalive-race.client.pcap" /* the server closes after a silence of 2 s */
#define LATE    "connect/syn-lost-3.client.pcap"    /* it connects, late */
#define CROWD   "connect/overload.client.pcap"      /* 40 connections, 34 of them not clean */

static const char *capture(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/captures/%s", getenv("TCPWHY_TESTS"), name);
	return path;
}

static struct tcpwhy *run_of(const char *name)
{
	struct tcpwhy *run = tcpwhy_new();

	assert_non_null(run);
	assert_int_equal(tcpwhy_add_file(run, capture(name)), 0);
	return run;
}

static bool count_finding(const struct tcpwhy_finding *finding, void *user)
{
	assert_non_null(finding);
	++*(unsigned *)user;
	return true;
}

/* Runs it, without an error. Return: how many findings were told. */
static unsigned findings_of(struct tcpwhy *run)
{
	unsigned findings = 0;

	assert_int_equal(tcpwhy_run(run, count_finding, &findings), 0);
	return findings;
}

static uint64_t all_outcomes(const struct tcpwhy *run)
{
	return tcpwhy_count(run, TCPWHY_CLEAN) + tcpwhy_count(run, TCPWHY_UNKNOWN) +
	       tcpwhy_count(run, TCPWHY_DEGRADED) + tcpwhy_count(run, TCPWHY_FAILED);
}

static void test_version(void **state)
{
	int major, minor, patch;

	assert_int_equal(sscanf(tcpwhy_version(), "%d.%d.%d", &major, &minor, &patch), 3);
}

static void test_before_a_run(void **state)
{
	struct tcpwhy *run = tcpwhy_new();

	assert_non_null(run);
	assert_string_equal(tcpwhy_error(run), "");
	assert_int_equal(tcpwhy_packets(run), 0);
	assert_int_equal(tcpwhy_connections(run), 0);
	assert_int_equal(all_outcomes(run), 0);
	assert_null(tcpwhy_problem(run, 0));
	assert_null(tcpwhy_summary_json(run));
	assert_int_equal(tcpwhy_run(run, NULL, NULL), -EINVAL);
	assert_string_not_equal(tcpwhy_error(run), "");
	assert_null(tcpwhy_summary_json(run));
	tcpwhy_free(run);
	tcpwhy_free(NULL);
}

static bool look_at_refused(const struct tcpwhy_finding *f, void *user)
{
	uint64_t packet = 0;
	unsigned n = 0;

	++*(unsigned *)user;
	assert_int_equal(tcpwhy_finding_stream(f), 0);
	assert_string_equal(tcpwhy_finding_endpoint(f, TCPWHY_CLIENT), "10.9.0.1:49960");
	assert_string_equal(tcpwhy_finding_endpoint(f, TCPWHY_SERVER), "10.9.0.2:81");
	assert_string_equal(tcpwhy_finding_verdict(f), "port-closed");
	assert_int_equal(tcpwhy_finding_outcome(f), TCPWHY_FAILED);
	assert_string_equal(tcpwhy_finding_confidence(f), "likely");
	assert_non_null(strstr(tcpwhy_finding_summary(f), "10.9.0.2:81"));
	assert_string_equal(tcpwhy_finding_call(f, TCPWHY_CLIENT), "connect");
	assert_string_equal(tcpwhy_finding_error(f, TCPWHY_CLIENT), "ECONNREFUSED");
	assert_null(tcpwhy_finding_call(f, TCPWHY_SERVER));
	assert_null(tcpwhy_finding_error(f, TCPWHY_SERVER));
	assert_non_null(strstr(tcpwhy_finding_evidence(f, 0, NULL), "SYN"));
	while (tcpwhy_finding_evidence(f, n, &packet))
		n++;
	assert_int_equal(n, 2);
	assert_int_equal(packet, 2);
	return true;
}

static void test_finding(void **state)
{
	struct tcpwhy *run = run_of(REFUSED);
	unsigned findings = 0;

	assert_int_equal(tcpwhy_run(run, look_at_refused, &findings), 0);
	assert_int_equal(findings, 1);
	assert_string_equal(tcpwhy_error(run), "");
	tcpwhy_free(run);
}

/* The call succeeded: it has a name, and no error. */
static bool look_at_late(const struct tcpwhy_finding *f, void *user)
{
	++*(unsigned *)user;
	assert_string_equal(tcpwhy_finding_verdict(f), "syn-lost");
	assert_int_equal(tcpwhy_finding_outcome(f), TCPWHY_DEGRADED);
	assert_string_equal(tcpwhy_finding_call(f, TCPWHY_CLIENT), "connect");
	assert_null(tcpwhy_finding_error(f, TCPWHY_CLIENT));
	assert_null(tcpwhy_finding_call(f, TCPWHY_SERVER));
	return true;
}

/* An error without the call that got it is told of no connection. */
static bool look_at_calls(const struct tcpwhy_finding *f, void *user)
{
	assert_non_null(user);
	assert_true(tcpwhy_finding_call(f, TCPWHY_CLIENT) ||
		    !tcpwhy_finding_error(f, TCPWHY_CLIENT));
	assert_true(tcpwhy_finding_call(f, TCPWHY_SERVER) ||
		    !tcpwhy_finding_error(f, TCPWHY_SERVER));
	return true;
}

static void test_calls(void **state)
{
	struct tcpwhy *run = run_of(LATE);
	unsigned findings = 0;

	assert_int_equal(tcpwhy_run(run, look_at_late, &findings), 0);
	assert_int_equal(findings, 1);
	assert_int_equal(tcpwhy_add_file(run, capture(CROWD)), 0);
	assert_int_equal(tcpwhy_run(run, look_at_calls, run), 0);
	tcpwhy_free(run);
}

static bool look_at_json(const struct tcpwhy_finding *f, void *user)
{
	const char *json = tcpwhy_finding_json(f);
	char stream[64];

	++*(unsigned *)user;
	snprintf(stream, sizeof(stream), "\"stream\":%llu,",
		 (unsigned long long)tcpwhy_finding_stream(f));
	assert_non_null(json);
	assert_ptr_equal(strstr(json, "{\"type\":\"finding\",\"schema\":1,"), json);
	assert_non_null(strstr(json, stream));
	assert_null(strchr(json, '\n'));
	assert_int_equal(json[strlen(json) - 1], '}');
	return true;
}

static void test_json(void **state)
{
	struct tcpwhy *run = run_of(CROWD);
	unsigned findings = 0;
	const char *json;

	assert_int_equal(tcpwhy_run(run, look_at_json, &findings), 0);
	assert_int_equal(findings, 34);
	json = tcpwhy_summary_json(run);
	assert_non_null(json);
	assert_ptr_equal(strstr(json, "{\"type\":\"summary\",\"schema\":1,"), json);
	assert_non_null(strstr(json, "\"connections\":40,"));
	assert_null(strchr(json, '\n'));
	tcpwhy_free(run);
}

static void test_counts(void **state)
{
	struct tcpwhy *run = run_of(CROWD);

	assert_int_equal(tcpwhy_run(run, NULL, NULL), 0);
	assert_int_equal(tcpwhy_packets(run), 478);
	assert_int_equal(tcpwhy_connections(run), 40);
	assert_int_equal(tcpwhy_count(run, TCPWHY_CLEAN), 6);
	assert_int_equal(all_outcomes(run), 40);
	assert_int_equal(tcpwhy_count(run, (enum tcpwhy_outcome)99), 0);
	assert_null(tcpwhy_problem(run, 0));
	tcpwhy_free(run);
}

static void test_all(void **state)
{
	struct tcpwhy *run = run_of(CROWD);

	tcpwhy_set_all(run, true);
	assert_int_equal(findings_of(run), 40);
	tcpwhy_set_all(run, false);
	assert_int_equal(findings_of(run), 34);
	tcpwhy_free(run);
}

static void test_several_files(void **state)
{
	struct tcpwhy *run = run_of(REFUSED);

	assert_int_equal(tcpwhy_add_file(run, capture(CROWD)), 0);
	assert_int_equal(findings_of(run), 35);
	assert_int_equal(tcpwhy_packets(run), 480);
	tcpwhy_free(run);
}

static void test_memory(void **state)
{
	struct tcpwhy *run = run_of(CROWD);

	tcpwhy_set_memory(run, 64 << 20);
	assert_int_equal(findings_of(run), 34);
	tcpwhy_set_memory(run, 1); /* less than the least is the least */
	assert_int_equal(findings_of(run), 34);
	tcpwhy_free(run);
}

static void test_filter(void **state)
{
	struct tcpwhy *run = run_of(CROWD);

	assert_int_equal(tcpwhy_set_filter(run, "tcp port 35346"), 0);
	assert_int_equal(findings_of(run), 1);
	assert_int_equal(tcpwhy_connections(run), 1);
	tcpwhy_free(run);
}

/* A bad one is an error, and the one before stays; the error is not forgotten by a run that goes well. */
static void test_bad_filter(void **state)
{
	struct tcpwhy *run = run_of(CROWD);

	assert_int_equal(tcpwhy_set_filter(run, "tcp port 35346"), 0);
	assert_int_equal(tcpwhy_set_filter(run, "no such word ("), -EINVAL);
	assert_non_null(strstr(tcpwhy_error(run), "no such word ("));
	assert_int_equal(findings_of(run), 1);
	assert_non_null(strstr(tcpwhy_error(run), "no such word ("));
	assert_int_equal(tcpwhy_set_filter(run, "tcp port 1"), 0);
	assert_int_equal(findings_of(run), 0);
	assert_int_equal(tcpwhy_set_filter(run, NULL), 0);
	assert_int_equal(findings_of(run), 34);
	tcpwhy_free(run);
}

/* What can not be read is an error with a sentence, and the run can be used again. */
static void test_unreadable(void **state)
{
	struct tcpwhy *run = run_of("no such file");

	assert_int_equal(tcpwhy_run(run, NULL, NULL), -ENOENT);
	assert_non_null(strstr(tcpwhy_error(run), "no such file"));
	assert_null(tcpwhy_summary_json(run));
	tcpwhy_free(run);

	run = run_of("kernel/labels.tsv");
	assert_true(tcpwhy_run(run, NULL, NULL) < 0);
	assert_string_not_equal(tcpwhy_error(run), "");
	assert_true(tcpwhy_run(run, NULL, NULL) < 0);
	tcpwhy_free(run);
}

/* A file that is cut is read as far as it goes, and told of. */
static void test_problem(void **state)
{
	char path[] = "/tmp/tcpwhy-public-cut-XXXXXX";
	const int fd = mkstemp(path);
	struct tcpwhy *run = tcpwhy_new();
	char bytes[1000];
	FILE *in = fopen(capture(CROWD), "rb"), *out = fdopen(fd, "wb");

	assert_non_null(run);
	assert_non_null(in);
	assert_non_null(out);
	assert_int_equal(fread(bytes, 1, sizeof(bytes), in), sizeof(bytes));
	assert_int_equal(fwrite(bytes, 1, sizeof(bytes), out), sizeof(bytes));
	fclose(in);
	fclose(out);
	assert_int_equal(tcpwhy_add_file(run, path), 0);
	assert_int_equal(tcpwhy_run(run, NULL, NULL), 0);
	remove(path);
	assert_true(tcpwhy_packets(run) > 0);
	assert_non_null(tcpwhy_problem(run, 0));
	assert_null(tcpwhy_problem(run, UINT_MAX));
	tcpwhy_free(run);
}

static bool stop_by_false(const struct tcpwhy_finding *finding, void *user)
{
	assert_non_null(finding);
	return ++*(unsigned *)user < 3;
}

static void test_callback_ends_it(void **state)
{
	struct tcpwhy *run = run_of(CROWD);
	unsigned findings = 0;

	assert_int_equal(tcpwhy_run(run, stop_by_false, &findings), 0);
	assert_int_equal(findings, 3);
	assert_int_equal(findings_of(run), 34);
	tcpwhy_free(run);
}

/* ---- tcpwhy_stop() ---- */

struct stopper {
	struct tcpwhy *run;
	unsigned findings, stop_at;
};

static bool stop_at(const struct tcpwhy_finding *finding, void *user)
{
	struct stopper *s = user;

	assert_non_null(finding);
	if (++s->findings == s->stop_at)
		tcpwhy_stop(s->run);
	return true;
}

static void check_stopped(struct tcpwhy *run)
{
	struct stopper s = { .run = run, .stop_at = 3 };

	assert_int_equal(tcpwhy_run(run, stop_at, &s), 0);
	assert_int_equal(s.findings, 3);
	assert_true(tcpwhy_packets(run) > 0);
	assert_true(all_outcomes(run) <= tcpwhy_connections(run));
	assert_non_null(tcpwhy_summary_json(run));
}

/* In the callback: nothing is told behind it, and the next run is whole. */
static void test_stop(void **state)
{
	struct tcpwhy *run = run_of(CROWD);

	check_stopped(run);
	assert_int_equal(findings_of(run), 34);
	assert_int_equal(tcpwhy_packets(run), 478);
	tcpwhy_stop(run); /* none is under way */
	assert_int_equal(findings_of(run), 34);
	tcpwhy_free(run);
}

/* From a pipe, where connections are judged while it is read. */
static void test_stop_pipe(void **state)
{
	struct tcpwhy *run = tcpwhy_new();
	FILE *in = fopen(capture(CROWD), "rb");
	char bytes[65536];
	int ends[2];
	size_t n;

	assert_non_null(run);
	assert_non_null(in);
	n = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, n), n);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	assert_int_equal(tcpwhy_add_file(run, "-"), 0);
	check_stopped(run);
	tcpwhy_free(run);
}

static struct tcpwhy *under_way;

static void on_alarm(int signal_number)
{
	tcpwhy_stop(under_way);
}

/* From a signal handler, while the run waits for a pipe into which nobody writes. */
static void test_stop_by_signal(void **state)
{
	struct sigaction old, action = { .sa_handler = on_alarm }; /* no SA_RESTART */
	const struct itimerval soon = { .it_value = { .tv_usec = 100000 },
					.it_interval = { .tv_usec = 100000 } };
	const struct itimerval never = { 0 };
	FILE *in = fopen(capture(REFUSED), "rb");
	unsigned findings = 0;
	char bytes[1000];
	int ends[2];
	size_t n;

	under_way = tcpwhy_new();
	assert_non_null(under_way);
	assert_non_null(in);
	n = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, n), n);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	assert_int_equal(tcpwhy_add_file(under_way, "-"), 0);
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(tcpwhy_run(under_way, count_finding, &findings), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	close(ends[1]);
	/* What had been read is told, as if the input ended there. */
	assert_int_equal(findings, 1);
	assert_int_equal(tcpwhy_packets(under_way), 2);
	assert_int_equal(tcpwhy_count(under_way, TCPWHY_FAILED), 1);
	tcpwhy_free(under_way);
}

/* ---- tables of idle timeouts ---- */

/* A table with this one line. Return: what tcpwhy_set_idle_table() says of it. No assertion: threads use it. */
static int set_table(struct tcpwhy *run, const char *line)
{
	char path[] = "/tmp/tcpwhy-public-table-XXXXXX";
	FILE *out = fdopen(mkstemp(path), "w");
	int r;

	if (!out)
		return -EIO;
	r = fputs(line, out) < 0 ? -EIO : 0;
	if (fclose(out) || r)
		return -EIO;
	r = tcpwhy_set_idle_table(run, path);
	remove(path); /* it is read at once */
	return r;
}

/* The device that is told first for the silence, and whether @other is named, too. */
struct named {
	const char *first, *other;
	bool first_named, other_named;
};

static bool look_for_device(const struct tcpwhy_finding *f, void *user)
{
	struct named *n = user;
	const char *text;
	unsigned i;

	for (i = 0; (text = tcpwhy_finding_evidence(f, i, NULL)); i++) {
		n->first_named = n->first_named || strstr(text, n->first);
		n->other_named = n->other_named || strstr(text, n->other);
	}
	return true;
}

static bool names(struct tcpwhy *run, const char *device)
{
	struct named n = { .first = device, .other = device };

	return tcpwhy_run(run, look_for_device, &n) == 0 && n.first_named;
}

/* A run that has no table, after one that had and is gone, knows nothing of it. */
static void test_table_is_of_its_run(void **state)
{
	struct tcpwhy *a = run_of(PAUSE), *b = run_of(PAUSE), *c = run_of(PAUSE);

	assert_int_equal(set_table(a, "our proxy\t2\tD\tfixed\twiki\t2026-11\n"), 0);
	assert_int_equal(set_table(c, "their proxy\t2\tD\tfixed\twiki\t2026-11\n"), 0);
	assert_true(names(a, "our proxy (2 s), gunicorn"));
	assert_true(names(c, "their proxy (2 s), gunicorn"));
	assert_false(names(b, "proxy ("));
	assert_true(names(a, "our proxy (2 s), gunicorn"));
	assert_false(names(a, "their proxy"));
	tcpwhy_free(a);
	assert_false(names(b, "proxy ("));
	tcpwhy_free(b);
	tcpwhy_free(c);
}

/* What is wrong with a table is said at once; the one before stays until a good one takes its place. */
static void test_tables_replace(void **state)
{
	struct tcpwhy *run = run_of(PAUSE);

	assert_int_equal(tcpwhy_set_idle_table(run, "/nonexistent/table"), -ENOENT);
	assert_non_null(strstr(tcpwhy_error(run), "/nonexistent/table"));
	assert_int_equal(set_table(run, "our proxy\t2\tD\tfixed\twiki\t2026-11\n"), 0);
	assert_int_equal(set_table(run, "our proxy\ttwo\n"), -EINVAL);
	assert_non_null(strstr(tcpwhy_error(run), ":1:"));
	assert_true(names(run, "our proxy (2 s)"));
	assert_int_equal(set_table(run, "new proxy\t2\tD\tfixed\twiki\t2026-11\n"), 0);
	assert_true(names(run, "new proxy (2 s), gunicorn"));
	assert_false(names(run, "our proxy"));
	assert_int_equal(tcpwhy_set_idle_table(run, NULL), 0);
	assert_true(names(run, "gunicorn"));
	assert_false(names(run, "new proxy"));
	tcpwhy_free(run);
}

#define ROUNDS 40

struct worker {
	const char *line, *own, *foreign;
	unsigned good;
};

/* No assertion here: cmocka can take back only its own thread. */
static void *work(void *user)
{
	struct worker *w = user;
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		struct named n = { .first = w->own, .other = w->foreign };
		struct tcpwhy *run = tcpwhy_new();
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/captures/" PAUSE, getenv("TCPWHY_TESTS"));
		if (run && !tcpwhy_add_file(run, path) && !set_table(run, w->line) &&
		    !tcpwhy_run(run, look_for_device, &n))
			w->good += n.first_named && !n.other_named;
		tcpwhy_free(run);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct worker w[2] = {
		{ "one proxy\t2\tD\tfixed\twiki\t2026-11\n", "one proxy (2 s)", "two proxy", 0 },
		{ "two proxy\t2\tD\tfixed\twiki\t2026-11\n", "two proxy (2 s)", "one proxy", 0 },
	};
	pthread_t other;

	assert_int_equal(pthread_create(&other, NULL, work, &w[1]), 0);
	work(&w[0]);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(w[0].good, ROUNDS);
	assert_int_equal(w[1].good, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_before_a_run),
		cmocka_unit_test(test_finding),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_several_files),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_bad_filter),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_problem),
		cmocka_unit_test(test_callback_ends_it),
		cmocka_unit_test(test_table_is_of_its_run),
		cmocka_unit_test(test_tables_replace),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_pipe),
		cmocka_unit_test(test_stop_by_signal),
	};

	return cmocka_run_group_tests_name("public", tests, NULL, NULL);
}
