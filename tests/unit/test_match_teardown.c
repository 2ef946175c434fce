/* SPDX-License-Identifier: BSD-2-Clause */
/* The matchers of the close: where each must speak, and its look-alikes where it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "match_facts.h"

extern const struct tw_phenomenon tw_ph_fin_lost, tw_ph_fin_unanswered, tw_ph_fin_ack_lost,
	tw_ph_fin_wait2_expired, tw_ph_close_wait_leak, tw_ph_last_fin_lost, tw_ph_last_ack_lost,
	tw_ph_last_ack_expired, tw_ph_time_wait_killed, tw_ph_old_duplicate;

static struct tw_arena arena;
static struct tw_facts f;
static struct tw_match m;

static int setup(void **state)
{
	tw_arena_init(&arena);
	memset(&f, 0, sizeof(f));
	set(&f, TW_F_ESTABLISHED, 1);
	return 0;
}

static int teardown(void **state)
{
	tw_arena_free(&arena);
	return 0;
}

/* The client's FIN, sent @count times. */
static void fin1(int64_t count, int64_t span, bool acked)
{
	set(&f, TW_F_FIN1_SIDE, TW_CLIENT);
	set(&f, TW_F_FIN1_COUNT, count);
	set(&f, TW_F_FIN1_SPAN_NS, span);
	set(&f, TW_F_FIN1_ACKED, acked);
	set(&f, TW_F_FIN1_ACKS, acked);
	set(&f, TW_F_FIN1_DATA_ACKED, 1);
	set(&f, TW_F_FIN2_SEEN, 0);
}

/* Then the server's. */
static void fin2(int64_t count, int64_t span, bool acked)
{
	fin1(1, 0, true);
	set(&f, TW_F_FIN2_SEEN, 1);
	set(&f, TW_F_FIN2_COUNT, count);
	set(&f, TW_F_FIN2_SPAN_NS, span);
	set(&f, TW_F_FIN2_ACKED, acked);
	set(&f, TW_F_FIN2_ACKS, acked);
	set(&f, TW_F_CLOSED_CLEAN, acked);
}

static const struct tw_phenomenon *const all[] = {
	&tw_ph_fin_lost,          &tw_ph_fin_unanswered,   &tw_ph_fin_ack_lost,
	&tw_ph_fin_wait2_expired, &tw_ph_close_wait_leak,  &tw_ph_last_fin_lost,
	&tw_ph_last_ack_lost,     &tw_ph_last_ack_expired, &tw_ph_time_wait_killed,
	&tw_ph_old_duplicate,
};

static void nothing_is_wrong_with_a_plain_close(void **state)
{
	unsigned i;

	fin2(1, 0, true);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_false(ask(all[i], &f, &arena, &m));
}

static void nothing_is_wrong_with_an_open_connection(void **state)
{
	unsigned i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_false(ask(all[i], &f, &arena, &m));
}

/* ---- the first FIN ---- */

static void the_echo_tells_a_lost_fin(void **state)
{
	fin1(2, MS(210), true);
	set(&f, TW_F_FIN1_REPEAT_ECHO, 2);
	assert_true(ask(&tw_ph_fin_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY); /* of a stack that may write no D-SACK */
	set(&f, TW_F_FIN1_ECHO_TELLS, 1);
	assert_true(ask(&tw_ph_fin_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.rival_count, 0);
	assert_false(ask(&tw_ph_fin_ack_lost, &f, &arena, &m));
	assert_false(ask(&tw_ph_fin_unanswered, &f, &arena, &m));
}

static void the_echo_tells_a_lost_ack(void **state)
{
	fin1(2, MS(210), true);
	set(&f, TW_F_FIN1_REPEAT_ECHO, 1);
	assert_true(ask(&tw_ph_fin_ack_lost, &f, &arena, &m));
	assert_false(ask(&tw_ph_fin_lost, &f, &arena, &m));
	set(&f, TW_F_FIN1_ACKS, 2); /* both came back: the first was only late */
	assert_false(ask(&tw_ph_fin_ack_lost, &f, &arena, &m));
}

static void without_timestamps_a_lost_fin_is_likely(void **state)
{
	fin1(2, MS(210), true);
	assert_true(ask(&tw_ph_fin_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "fin-ack-lost"));
}

static void a_fin_repeated_after_its_ack(void **state)
{
	fin1(2, MS(210), true);
	set(&f, TW_F_FIN1_ACKS, 2);
	tw_fact_set(&f, TW_F_FIN1_ACKED, 1, 11, MS(1));
	tw_fact_set(&f, TW_F_FIN1_REPEATED_AFTER_ACK, 1, 12,
		    MS(31)); /* it had left before the ACK came */
	set(&f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
	assert_false(ask(&tw_ph_fin_ack_lost, &f, &arena, &m));
	tw_fact_set(&f, TW_F_FIN1_REPEATED_AFTER_ACK, 1, 12, MS(210));
	assert_true(ask(&tw_ph_fin_ack_lost, &f, &arena, &m));
	set(&f, TW_F_VANTAGE, TW_VANTAGE_CLIENT); /* it had the ACK: they crossed within the host */
	assert_false(ask(&tw_ph_fin_ack_lost, &f, &arena, &m));
}

static void the_orphan_gives_up(void **state)
{
	fin1(10, S(54), false);
	assert_true(ask(&tw_ph_fin_unanswered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	fin1(5, S(3), false);
	assert_true(ask(&tw_ph_fin_unanswered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "peer-vanished"));
}

static void only_the_fins_are_lost(void **state)
{
	fin1(7, S(7), false);
	set(&f, TW_F_FIN2_SEEN, 1); /* the other end closes later, and still does not acknowledge */
	assert_true(ask(&tw_ph_fin_unanswered, &f, &arena, &m));
	assert_false(ask(&tw_ph_last_ack_expired, &f, &arena, &m));
}

static void an_unanswered_fin_at_the_end_is_no_failure(void **state)
{
	fin1(1, 0, false);
	assert_false(ask(&tw_ph_fin_unanswered, &f, &arena, &m));
	fin1(2, MS(210), false);
	assert_false(ask(&tw_ph_fin_unanswered, &f, &arena, &m));
	fin1(10, S(54), false);
	set(&f, TW_F_FIN1_DATA_ACKED, 0); /* data are missing too: the peer has vanished */
	assert_false(ask(&tw_ph_fin_unanswered, &f, &arena, &m));
}

/* ---- between the FINs ---- */

static void late_reset(enum tw_trigger trigger, int64_t age)
{
	fin1(1, 0, true);
	set(&f, TW_F_RST_COUNT, 1);
	set(&f, TW_F_RST_SIDE, TW_CLIENT);
	set(&f, TW_F_RST_FORM, TW_RST_REPLY);
	set(&f, TW_F_RST_TRIGGER, trigger);
	set(&f, TW_F_RST_AUTHOR_FIN_AGO_NS, age);
}

static void data_after_a_minute_meets_no_socket(void **state)
{
	late_reset(TW_TRIGGER_DATA, MS(60900));
	assert_true(ask(&tw_ph_fin_wait2_expired, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_true(has_rival(&m, "data-after-close"));
	assert_string_equal(m.app[TW_SERVER].error, "EPIPE");
}

static void a_late_probe_loses_no_data(void **state)
{
	late_reset(TW_TRIGGER_PROBE, S(75));
	assert_true(ask(&tw_ph_fin_wait2_expired, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
}

static void data_within_the_minute_is_data_after_close(void **state)
{
	late_reset(TW_TRIGGER_DATA, S(5));
	assert_false(ask(&tw_ph_fin_wait2_expired, &f, &arena, &m));
	late_reset(TW_TRIGGER_DATA, S(61));
	set(&f, TW_F_RST_FORM, TW_RST_ACTIVE); /* that one was alive, and aborted */
	assert_false(ask(&tw_ph_fin_wait2_expired, &f, &arena, &m));
}

static void a_refused_fin_shows_that_the_socket_is_gone(void **state)
{
	late_reset(TW_TRIGGER_FIN, S(3));
	assert_true(ask(&tw_ph_fin_wait2_expired, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_true(has_rival(&m, "peer-rebooted"));
	late_reset(TW_TRIGGER_FIN,
		   MS(1)); /* so soon it is a close_notify or data that was lost before it */
	assert_false(ask(&tw_ph_fin_wait2_expired, &f, &arena, &m));
}

static void never_closed(void **state)
{
	fin1(1, 0, true);
	set(&f, TW_F_HALF_CLOSED_NS, S(130));
	assert_true(ask(&tw_ph_close_wait_leak, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN);
	assert_int_equal(m.culprit, TW_CULPRIT_SERVER_APP);
	set(&f, TW_F_DATA_AFTER_FIN1, 500); /* a half-close on purpose */
	assert_false(ask(&tw_ph_close_wait_leak, &f, &arena, &m));
	set(&f, TW_F_DATA_AFTER_FIN1, 0);
	set(&f, TW_F_HALF_CLOSED_NS, S(2));
	assert_false(ask(&tw_ph_close_wait_leak, &f, &arena, &m));
}

/* ---- the last FIN ---- */

static void the_echo_tells_which_end_of_the_last_step_was_lost(void **state)
{
	fin2(2, MS(210), true);
	set(&f, TW_F_FIN2_REPEAT_ECHO, 2);
	assert_true(ask(&tw_ph_last_fin_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY); /* others echo the newest */
	set(&f, TW_F_FIN2_ECHO_TELLS, 1);
	assert_true(ask(&tw_ph_last_fin_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_false(ask(&tw_ph_last_ack_lost, &f, &arena, &m));
	set(&f, TW_F_FIN2_REPEAT_ECHO, 1);
	assert_true(ask(&tw_ph_last_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_false(ask(&tw_ph_last_fin_lost, &f, &arena, &m));
}

static void both_acks_seen_before_the_loss(void **state)
{
	fin2(2, MS(210), true);
	set(&f, TW_F_FIN2_ACKS, 2);
	set(&f, TW_F_FIN2_REPEATED_AFTER_ACK, 1);
	set(&f, TW_F_VANTAGE, TW_VANTAGE_CLIENT);
	assert_true(ask(&tw_ph_last_ack_lost, &f, &arena, &m));
	assert_false(ask(&tw_ph_last_fin_lost, &f, &arena, &m));
	set(&f, TW_F_VANTAGE, TW_VANTAGE_SERVER); /* the FIN's sender had the ACK */
	assert_false(ask(&tw_ph_last_ack_lost, &f, &arena, &m));
}

static void an_ack_that_is_only_late_is_not_lost(void **state)
{
	fin2(2, MS(800), true);
	set(&f, TW_F_FIN2_ACKS, 2);
	set(&f, TW_F_FIN2_REPEATED_AFTER_ACK, 1);
	set(&f, TW_F_VANTAGE, TW_VANTAGE_CLIENT);
	set_at(&f, TW_F_FIN1_SIDE, TW_CLIENT, S(1));
	set_at(&f, TW_F_FIN1_ACKED, 1, MS(2200)); /* a round trip of 1.2 s */
	assert_true(ask(&tw_ph_last_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	set(&f, TW_F_SPURIOUS_C, 2); /* and it showed before */
	assert_false(ask(&tw_ph_last_ack_lost, &f, &arena, &m));
}

static void the_last_fin_stays_unanswered(void **state)
{
	fin2(10, S(54), false);
	assert_true(ask(&tw_ph_last_ack_expired, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_false(ask(&tw_ph_fin_unanswered, &f, &arena, &m));
	fin2(2, MS(210), false); /* the end of the capture */
	assert_false(ask(&tw_ph_last_ack_expired, &f, &arena, &m));
}

/* ---- after the close ---- */

static void a_reset_ends_time_wait(void **state)
{
	fin2(1, 0, true);
	set(&f, TW_F_AFTER_CLOSE_SEGMENTS, 1);
	set(&f, TW_F_AFTER_CLOSE_FLAGS, TW_RST);
	set(&f, TW_F_AFTER_CLOSE_RST_EXACT, 1);
	set(&f, TW_F_AFTER_CLOSE_RST_SIDE, TW_SERVER);
	assert_true(ask(&tw_ph_time_wait_killed, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_CLEAN);
	assert_true(has_rival(&m, "old-duplicate"));
	set(&f, TW_F_AFTER_CLOSE_RST_SIDE, TW_CLIENT); /* TIME_WAIT itself does not reset */
	assert_false(ask(&tw_ph_time_wait_killed, &f, &arena, &m));
}

static void a_visible_stray_segment_comes_first(void **state)
{
	int killed;

	fin2(1, 0, true);
	set(&f, TW_F_AFTER_CLOSE_SEGMENTS, 3);
	set(&f, TW_F_AFTER_CLOSE_FLAGS, TW_FIN | TW_ACK);
	set(&f, TW_F_AFTER_CLOSE_RST_EXACT, 1);
	set(&f, TW_F_AFTER_CLOSE_RST_SIDE, TW_SERVER);
	assert_true(ask(&tw_ph_time_wait_killed, &f, &arena, &m));
	killed = m.strength;
	assert_true(ask(&tw_ph_old_duplicate, &f, &arena, &m));
	assert_true(m.strength > killed);
	assert_true(has_rival(&m, "time-wait-killed"));
}

static void a_stray_segment_is_not_judged(void **state)
{
	set(&f, TW_F_STRAY_ONLY, 1);
	set(&f, TW_F_STRAY_FLAGS, TW_ACK);
	set(&f, TW_F_RST_COUNT, 1);
	assert_true(ask(&tw_ph_old_duplicate, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN);
	assert_int_equal(m.confidence, TW_POSSIBLE);
	set(&f, TW_F_RST_COUNT, 0); /* without an answer it may be the tail of something */
	assert_false(ask(&tw_ph_old_duplicate, &f, &arena, &m));
	set(&f, TW_F_RST_COUNT, 1);
	set(&f, TW_F_STRAY_FLAGS, TW_RST);
	assert_false(ask(&tw_ph_old_duplicate, &f, &arena, &m));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_wrong_with_a_plain_close),
		TEST(nothing_is_wrong_with_an_open_connection),
		TEST(the_echo_tells_a_lost_fin),
		TEST(the_echo_tells_a_lost_ack),
		TEST(without_timestamps_a_lost_fin_is_likely),
		TEST(a_fin_repeated_after_its_ack),
		TEST(the_orphan_gives_up),
		TEST(only_the_fins_are_lost),
		TEST(an_unanswered_fin_at_the_end_is_no_failure),
		TEST(data_after_a_minute_meets_no_socket),
		TEST(a_late_probe_loses_no_data),
		TEST(data_within_the_minute_is_data_after_close),
		TEST(a_refused_fin_shows_that_the_socket_is_gone),
		TEST(never_closed),
		TEST(the_echo_tells_which_end_of_the_last_step_was_lost),
		TEST(both_acks_seen_before_the_loss),
		TEST(an_ack_that_is_only_late_is_not_lost),
		TEST(the_last_fin_stays_unanswered),
		TEST(a_reset_ends_time_wait),
		TEST(a_visible_stray_segment_comes_first),
		TEST(a_stray_segment_is_not_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
