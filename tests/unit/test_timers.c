/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timers against times that were measured on Linux 6.18 (250 ticks per second), packet by packet;
 * settings from texts.
 */
#include "base/duration.h"
#include "timers/schedule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TOLERANCE_PERCENT 15
#define TOLERANCE_MS      30

static struct tw_model fresh(void)
{
	struct tw_model m = { .socket.rtt_ns = TW_NS_PER_MS };

	tw_settings_defaults(&m.set);
	return m;
}

static void set(struct tw_model *m, const char *assignment)
{
	struct tw_err err = { 0 };

	if (tw_settings_set(&m->set, assignment, &err))
		fail_msg("%s: %s", assignment, err.text);
}

/* Every gap between two steps, and from the last one to the end, as measured. */
static void same_gaps(const struct tw_schedule *s, const double *measured, unsigned n, double end)
{
	unsigned i;

	assert_int_equal(s->count, n);
	for (i = 0; i <= n; i++) {
		const double before = i ? measured[i - 1] : 0, after = i < n ? measured[i] : end;
		const int64_t from = i ? s->step[i - 1].at.expected_ns : 0;
		const int64_t to = i < n ? s->step[i].at.expected_ns : s->end.expected_ns;
		const double gap = (double)(to - from) / 1e9, off = gap - (after - before);

		if ((off > 0 ? off : -off) > (after - before) * TOLERANCE_PERCENT / 100 &&
		    (off > 0 ? off : -off) > TOLERANCE_MS / 1e3)
			fail_msg("gap %u: %.3f s, measured %.3f s", i, gap, after - before);
	}
}

#define SAME(s, end, ...)                                                                          \
	do {                                                                                       \
		static const double measured[] = { __VA_ARGS__ };                                  \
		same_gaps(s, measured, sizeof(measured) / sizeof(measured[0]), end);               \
	} while (0)

static void ends_after(const struct tw_schedule *s, double measured_s)
{
	const double end = (double)s->end.expected_ns / 1e9;

	assert_false(s->for_ever);
	if (end < measured_s * 0.97 || end > measured_s * 1.03)
		fail_msg("ends after %.2f s, measured %.2f s", end, measured_s);
}

static void connect_as_measured(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_schedule_connect(&s, &m);
	SAME(&s, 133.9, 0, 1.03, 2.05, 3.08, 4.10, 5.12, 7.1, 11.2, 19.4, 35.5, 69.0);
	ends_after(&s, 133.9);
	set(&m, "tcp_syn_retries=2");
	tw_schedule_connect(&s, &m);
	SAME(&s, 7.14, 0, 1, 2, 3, 4.1, 5.1);
	set(&m, "net.ipv4.tcp_syn_linear_timeouts=0");
	tw_schedule_connect(&s, &m);
	SAME(&s, 7.25, 0, 1, 3);
}

static void connect_options(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	m.socket.syncnt = 1;
	tw_schedule_connect(&s, &m);
	SAME(&s, 3.1, 0, 1, 2);
	m.socket.syncnt = 0;
	m.socket.user_timeout_ms = 2500;
	tw_schedule_connect(&s, &m);
	ends_after(&s, 2.5);
}

/* Before 6.5 every textbook's schedule. */
static void connect_of_an_older_kernel(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_settings_age(&m.set, (struct tw_kernel){ 6, 1 });
	tw_schedule_connect(&s, &m);
	SAME(&s, 127, 0, 1, 3, 7, 15, 31, 63);
	assert_int_equal(m.set.source[TW_SET_SYN_LINEAR], TW_FROM_OLDER);
}

static void synack_as_measured(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_schedule_synack(&s, &m);
	SAME(&s, 64, 0, 1.0, 3.05, 7.2, 15.4, 31.5);
}

static void data_as_measured(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_schedule_data(&s, &m, TW_HELD, 2, "first", "last");
	SAME(&s, 938.5, .01, .22, .65, 1.5, 3.1, 6.4, 13.1, 26.4, 53.8, 107, 213.5, 334, 455, 576,
	     697, 818);
	ends_after(&s, 938.5);
	assert_string_equal(s.step[0].packet, "last");
	assert_string_equal(s.step[1].packet, "first");
	set(&m, "tcp_retries2=4");
	tw_schedule_data(&s, &m, TW_HELD, 2, "first", "last");
	ends_after(&s, 6.7);
	set(&m, "tcp_retries2=5");
	tw_schedule_data(&s, &m, TW_HELD, 2, "first", "last");
	ends_after(&s, 13.3);
	set(&m, "tcp_rto_max_ms=1000");
	tw_schedule_data(&s, &m, TW_HELD, 2, "first", "last");
	ends_after(&s, 5.6);
}

static void data_under_user_timeout(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	m.socket.user_timeout_ms = 3000;
	tw_schedule_data(&s, &m, TW_HELD, 2, "first", "last");
	ends_after(&s, 3.2);
}

static void orphan_as_measured(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_schedule_data(&s, &m, TW_ORPHAN, 1, "FIN", "FIN");
	SAME(&s, 107.5, .21, .42, .84, 1.7, 3.3, 6.8, 13.5, 26.8, 53.9);
	set(&m, "tcp_orphan_retries=2");
	tw_schedule_data(&s, &m, TW_ORPHAN, 1, "FIN", "FIN");
	SAME(&s, 3.4, .21, .42, .84, 1.7);
	set(&m, "tcp_orphan_retries=5");
	tw_schedule_data(&s, &m, TW_ORPHAN, 1, "FIN", "FIN");
	ends_after(&s, 13.4);
}

static void without_sack_no_probe(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	set(&m, "tcp_sack=0");
	tw_schedule_data(&s, &m, TW_HELD, 2, "first", "last");
	assert_string_equal(s.step[0].packet, "first");
}

static void keepalive_as_measured(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_schedule_keepalive(&s, &m);
	assert_true(s.for_ever);
	assert_int_equal(s.count, 0);
	m.socket = (struct tw_sockopts){
		.keepalive = true, .keep_idle_s = 2, .keep_intvl_s = 1, .keep_count = 3
	};
	tw_schedule_keepalive(&s, &m);
	SAME(&s, 5, 2, 3, 4);
	m.socket.user_timeout_ms = 3500;
	tw_schedule_keepalive(&s, &m);
	SAME(&s, 4, 2, 3);
	m.socket = (struct tw_sockopts){ .keepalive = true };
	tw_schedule_keepalive(&s, &m);
	assert_true(s.end.least_ns == 7875 * TW_NS_PER_S);
}

static void closed_window(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_schedule_persist(&s, &m, TW_HELD, true, NULL);
	assert_true(s.for_ever);
	tw_schedule_persist(&s, &m, TW_HELD, false, NULL);
	assert_false(s.for_ever);
	assert_int_equal(s.count, 15);
	m.socket.user_timeout_ms = 2000;
	tw_schedule_persist(&s, &m, TW_HELD, true, NULL);
	ends_after(&s, 2.2);
}

/* Nobody holds it: eight probes without an answer, or until the wait is at its ceiling, answered or not. */
static void closed_window_of_an_orphan(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_schedule_persist(&s, &m, TW_ORPHAN, false, NULL);
	assert_int_equal(s.count, 8);
	ends_after(&s, 106);
	tw_schedule_persist(&s, &m, TW_ORPHAN, true, NULL);
	assert_int_equal(s.count, 10);
	ends_after(&s, 334);
	m.set.value[TW_SET_ORPHAN_RETRIES] = 2;
	tw_schedule_persist(&s, &m, TW_ORPHAN, false, NULL);
	ends_after(&s, 1.45);
}

/* It was closed and answered before: what is left begins with the wait that it has now. */
static void closed_window_goes_on(void **state)
{
	const struct tw_probing answered = { .due_ns = 60 * TW_NS_PER_S, .backoff = 10 };
	const struct tw_probing half = { .due_ns = TW_NS_PER_S, .backoff = 3, .unanswered = 3 };
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_schedule_persist(&s, &m, TW_HELD, false, &answered);
	assert_int_equal(s.count, 15);
	ends_after(&s, 60 + 15 * 120);
	m.set.value[TW_SET_RETRIES2] = 5;
	tw_schedule_persist(&s, &m, TW_HELD, false, &half);
	assert_int_equal(s.count, 2);
	ends_after(&s, 11);
	/* Probes went out at 0, 0.4 and 1.2 s of its clock; the next is due at 2.8 s. */
	m.socket.user_timeout_ms = 5000;
	tw_schedule_persist(&s, &m, TW_HELD, true, &half);
	ends_after(&s, 1 + 2.2);
}

static void ends_without_packets(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	tw_schedule_fin_wait2(&s, &m);
	ends_after(&s, 60);
	tw_schedule_time_wait(&s, &m);
	ends_after(&s, 60);
	tw_schedule_neighbour(&s, &m);
	SAME(&s, 3.07, 0, 1.02, 2.05);
	/* tcp_fin_time(): not below three and a half timeouts. */
	m.socket.rtt_ns = 2 * TW_NS_PER_S;
	set(&m, "tcp_fin_timeout=1");
	tw_schedule_fin_wait2(&s, &m);
	assert_true(s.end.least_ns > 7 * TW_NS_PER_S);
}

/* The wheel never fires early, and at most 8/63 (and a tick) late. */
static void wheel_bounds(void **state)
{
	int64_t ms;

	for (ms = 4; ms < 10000000; ms = ms * 5 / 4 + 1) {
		const struct tw_moment at = tw_wheel_after(250, tw_moment_at(0), ms * TW_NS_PER_MS);

		assert_true(at.least_ns >= ms * TW_NS_PER_MS);
		assert_true(at.expected_ns > at.least_ns && at.most_ns > at.expected_ns);
		assert_true(at.most_ns <= (ms + ms * 8 / 63 + 8) * TW_NS_PER_MS);
	}
}

/* The extremes that a kernel takes do not hang and do not overflow. */
static void extremes_end(void **state)
{
	struct tw_model m = fresh();
	struct tw_schedule s;

	set(&m, "tcp_syn_retries=127");
	set(&m, "tcp_syn_linear_timeouts=127");
	tw_schedule_connect(&s, &m);
	assert_true(s.count > 127 && s.end.expected_ns > 0);
	set(&m, "tcp_retries2=255");
	tw_schedule_data(&s, &m, TW_HELD, 1, "d", "d");
	assert_true(s.end.expected_ns > 0);
	set(&m, "tcp_rto_max_ms=1000");
	m.socket.user_timeout_ms = INT32_MAX;
	tw_schedule_data(&s, &m, TW_HELD, 1, "d", "d");
	assert_int_equal(s.count, TW_STEPS_MAX);
	assert_true(s.end.expected_ns >= INT32_MAX * TW_NS_PER_MS);
}

static void refused(const char *assignment, const char *part)
{
	struct tw_model m = fresh();
	struct tw_err err = { 0 };

	tw_settings_age(&m.set, (struct tw_kernel){ 6, 1 });
	assert_int_equal(tw_settings_set(&m.set, assignment, &err), -EINVAL);
	if (!strstr(err.text, part))
		fail_msg("%s: '%s' does not say '%s'", assignment, err.text, part);
}

static void settings_refuse(void **state)
{
	refused("tcp_retries3=1", "tcp_retries2");
	refused("tcp_retries2=256", "0 to 255");
	refused("tcp_retries2=8x", "whole number");
	refused("tcp_retries2=", "whole number");
	refused("tcp_retries2", "NAME=VALUE");
	refused("ip_local_port_range=1024", "two whole numbers");
	refused("tcp_rto_max_ms=5000", "6.15");
}

static void settings_pair(void **state)
{
	struct tw_model m = fresh();

	set(&m, "net/ipv4/ip_local_port_range=1024 2048");
	assert_int_equal(m.set.value[TW_SET_PORT_LOW], 1024);
	assert_int_equal(m.set.value[TW_SET_PORT_HIGH], 2048);
}

/* Write @text to a file, read it as sysctl -a. */
static int read_text(const char *text, struct tw_settings *s, struct tw_err *err)
{
	char path[] = "/tmp/tcpwhy-sysctl-XXXXXX";
	const int fd = mkstemp(path);
	int r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = tw_settings_read_file(s, path, err);
	unlink(path);
	return r;
}

static void file_is_read(void **state)
{
	struct tw_settings s;
	struct tw_err err = { 0 };

	assert_int_equal(read_text("# a comment\nabi.vsyscall32 = 1\n"
				   "sysctl: permission denied on key 'net.ipv4.tcp_fastopen_key'\n"
				   "kernel.osrelease = 6.8.0-31-generic\n"
				   "net.ipv4.ip_local_port_range = 32768\t60999\n"
				   "net.ipv4.tcp_syn_retries = 4\nnet/ipv4/tcp_retries2=9\n",
				   &s, &err),
			 0);
	assert_int_equal(s.value[TW_SET_SYN_RETRIES], 4);
	assert_int_equal(s.value[TW_SET_RETRIES2], 9);
	assert_int_equal(s.kernel.minor, 8);
	assert_int_equal(s.source[TW_SET_RTO_MAX_MS], TW_FROM_OLDER);
	assert_int_equal(s.source[TW_SET_SYN_LINEAR], TW_FROM_ABSENT);
	assert_int_equal(s.source[TW_SET_FIN_TIMEOUT], TW_FROM_ABSENT);
}

/* Without a release the settings themselves tell how old the kernel is. */
static void file_tells_its_age(void **state)
{
	struct tw_settings s;
	struct tw_err err = { 0 };

	assert_int_equal(read_text("net.ipv4.tcp_syn_retries = 6\n", &s, &err), 0);
	assert_int_equal(s.value[TW_SET_SYN_LINEAR], 0);
	assert_int_equal(s.kernel.minor, 4);
}

static void file_refuses(void **state)
{
	static const char *const bad[][2] = {
		{ "net.ipv4.tcp_retries2 = 5\nnet.inet.tcp.keepidle: 7200000\n", "line 2" },
		{ "net.ipv4.tcp_retries2 = lots\n", "line 1" },
		{ "net.ipv4.tcp_retries2 = 999\n", "0 to 255" },
		{ "\x7f"
		  "ELF = 1\n",
		  "line 1" },
		{ "kernel.ostype = Linux\n", "none of the settings" },
		{ "", "none of the settings" },
	};
	struct tw_settings s;
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct tw_err err = { 0 };

		assert_int_equal(read_text(bad[i][0], &s, &err), -EINVAL);
		if (!strstr(err.text, bad[i][1]))
			fail_msg("'%s' does not say '%s'", err.text, bad[i][1]);
	}
}

static void what_older_kernels_do(void **state)
{
	assert_true(tw_setting_is_older("tcp_syn_linear_timeouts", "0"));
	assert_true(tw_setting_is_older("net.ipv4.tcp_rto_max_ms", "120000"));
	assert_false(tw_setting_is_older("tcp_syn_linear_timeouts", "4"));
	assert_false(tw_setting_is_older("tcp_retries2", "15"));
	assert_false(tw_setting_is_older("linear_timeouts", "0"));
}

static void host_without_proc(void **state)
{
	struct tw_settings s;

	tw_settings_read_host(&s, "/nonexistent");
	assert_int_equal(s.source[TW_SET_RETRIES2], TW_FROM_UNREADABLE);
	assert_int_equal(s.value[TW_SET_RETRIES2], 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_as_measured),
		cmocka_unit_test(connect_options),
		cmocka_unit_test(connect_of_an_older_kernel),
		cmocka_unit_test(synack_as_measured),
		cmocka_unit_test(data_as_measured),
		cmocka_unit_test(data_under_user_timeout),
		cmocka_unit_test(orphan_as_measured),
		cmocka_unit_test(without_sack_no_probe),
		cmocka_unit_test(keepalive_as_measured),
		cmocka_unit_test(closed_window),
		cmocka_unit_test(closed_window_of_an_orphan),
		cmocka_unit_test(closed_window_goes_on),
		cmocka_unit_test(ends_without_packets),
		cmocka_unit_test(wheel_bounds),
		cmocka_unit_test(extremes_end),
		cmocka_unit_test(settings_refuse),
		cmocka_unit_test(settings_pair),
		cmocka_unit_test(file_is_read),
		cmocka_unit_test(file_tells_its_age),
		cmocka_unit_test(file_refuses),
		cmocka_unit_test(what_older_kernels_do),
		cmocka_unit_test(host_without_proc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
