/* SPDX-License-Identifier: BSD-2-Clause */
/* The matchers of silence, stall and loss: where each must speak, and where it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "match_facts.h"

extern const struct tw_phenomenon tw_ph_app_stuck, tw_ph_peer_vanished, tw_ph_user_timeout,
	tw_ph_idle_blackholed, tw_ph_zero_window_stall, tw_ph_pmtu_blackhole, tw_ph_loss_recovered,
	tw_ph_reordering;

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

/* The client's data, repeated @repeats times over @span, unanswered to the end. */
static void silence(int64_t repeats, int64_t span)
{
	set(&f, TW_F_UNANSWERED_SIDE, TW_CLIENT);
	set(&f, TW_F_UNANSWERED_BYTES, 500);
	set(&f, TW_F_UNANSWERED_REPEATS, repeats);
	set(&f, TW_F_UNANSWERED_SPAN_NS, span);
	set(&f, TW_F_UNANSWERED_SMALLEST, 500);
	set(&f, TW_F_UNANSWERED_LARGEST, 500);
	set(&f, TW_F_LARGEST_PASSED, 1000);
	set(&f, TW_F_UNANSWERED_IDLE_BEFORE_NS, MS(200));
}

/* ---- peer-vanished ---- */

static void vanished_after_a_long_ladder(void **state)
{
	silence(15, S(818));
	assert_true(ask(&tw_ph_peer_vanished, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_true(has_rival(&m, "firewall-dropped"));
	assert_true(rules_out(&m, "pmtu-blackhole"));
	assert_string_equal(m.app[TW_CLIENT].error, "ETIMEDOUT");
}

static void vanished_but_the_capture_ends_soon(void **state)
{
	silence(3, MS(1500));
	assert_true(ask(&tw_ph_peer_vanished, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN);
	assert_true(m.missing_count > 0);
}

static void given_up_before_its_time(void **state)
{
	silence(4, S(3));
	set(&f, TW_F_CAPTURE_GOES_ON_NS, S(5)); /* the next repeat is due after 6 s */
	assert_true(ask(&tw_ph_peer_vanished, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN);
	assert_false(has_rival(&m, "user-timeout"));
	set(&f, TW_F_CAPTURE_GOES_ON_NS, S(60));
	assert_true(ask(&tw_ph_peer_vanished, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_true(has_rival(&m, "user-timeout"));
}

static void not_vanished_by_the_end_of_the_capture(void **state)
{
	silence(1, MS(210));
	assert_false(ask(&tw_ph_peer_vanished, &f, &arena, &m));
	silence(0, 0);
	assert_false(ask(&tw_ph_peer_vanished, &f, &arena, &m));
}

static void not_vanished_where_the_capture_is_deaf(void **state)
{
	silence(15, S(818));
	set(&f, TW_F_ONE_SIDED, 1);
	assert_false(ask(&tw_ph_peer_vanished, &f, &arena, &m));
	set(&f, TW_F_ONE_SIDED, 0);
	set(&f, TW_F_TRACE_LOSSY, 1);
	assert_false(ask(&tw_ph_peer_vanished, &f, &arena, &m));
}

static void not_vanished_behind_a_closed_window(void **state)
{
	silence(6, S(12));
	set(&f, TW_F_ZERO_WINDOW_SIDE, TW_SERVER);
	set(&f, TW_F_ZERO_WINDOW_OPEN_AT_END, 0);
	assert_false(ask(&tw_ph_peer_vanished, &f, &arena, &m));
}

static void vanished_in_one_direction(void **state)
{
	silence(6, S(12));
	set(&f, TW_F_PEER_SPOKE_AFTER, 1);
	set(&f, TW_F_PEER_SPOKE_AFTER_RST, 1);
	assert_true(ask(&tw_ph_peer_vanished, &f, &arena, &m));
	assert_int_equal(m.culprit, TW_CULPRIT_NETWORK);
	assert_true(m.strength > TW_STRENGTH_MECHANISM);
	assert_string_equal(m.app[TW_SERVER].error, "ECONNRESET");
}

static void vanished_and_given_up_long_before_the_usual_time(void **state)
{
	silence(15, S(818));
	assert_true(ask(&tw_ph_peer_vanished, &f, &arena, &m));
	assert_non_null(strstr(m.app[TW_CLIENT].text, "938 s"));
	silence(6, S(12));
	set(&f, TW_F_PEER_SPOKE_AFTER, 1);
	set(&f, TW_F_PEER_SPOKE_AFTER_RST, 1);
	assert_true(ask(&tw_ph_peer_vanished, &f, &arena, &m));
	assert_null(strstr(m.app[TW_CLIENT].text, "938 s"));
}

/* ---- user-timeout ---- */

static void user_timeout_shows_by_an_early_rst(void **state)
{
	silence(5, S(3));
	set(&f, TW_F_PEER_SPOKE_AFTER, 1);
	set_at(&f, TW_F_UNANSWERED_BYTES, 500, S(10));
	set_at(&f, TW_F_PEER_SPOKE_AFTER_RST, 1, S(15));
	assert_true(ask(&tw_ph_user_timeout, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_true(has_rival(&m, "peer-vanished"));
	set_at(&f, TW_F_PEER_SPOKE_AFTER_RST, 1, S(950)); /* tcp_retries2 was used up */
	assert_false(ask(&tw_ph_user_timeout, &f, &arena, &m));
}

static void user_timeout_is_invisible_in_silence(void **state)
{
	silence(5, S(3));
	assert_false(ask(&tw_ph_user_timeout, &f, &arena, &m));
}

/* ---- idle-blackholed ---- */

static void blackholed_after_a_long_idle_time(void **state)
{
	silence(8, S(50));
	set(&f, TW_F_UNANSWERED_IDLE_BEFORE_NS, S(400));
	assert_true(ask(&tw_ph_idle_blackholed, &f, &arena, &m));
	assert_true(m.confidence != TW_CERTAIN);
	assert_true(has_rival(&m, "peer-vanished"));
	assert_int_equal(m.culprit, TW_CULPRIT_MIDDLEBOX);
}

static void not_blackholed_after_a_short_pause(void **state)
{
	silence(8, S(50));
	set(&f, TW_F_UNANSWERED_IDLE_BEFORE_NS, MS(400));
	assert_false(ask(&tw_ph_idle_blackholed, &f, &arena, &m));
}

static void blackholed_by_the_testimony_of_others(void **state)
{
	silence(8, S(50));
	set(&f, TW_F_UNANSWERED_IDLE_BEFORE_NS, S(5));
	set(&f, TW_F_FLOWS_KILLED_IDLE, 3);
	set(&f, TW_F_FLOWS_KILLED_IDLE_NS, S(4));
	set(&f, TW_F_FLOWS_SURVIVED_IDLE_NS, S(2));
	assert_true(ask(&tw_ph_idle_blackholed, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	set(&f, TW_F_FLOWS_SURVIVED_IDLE_NS, S(30)); /* longer pauses did no harm */
	assert_false(ask(&tw_ph_idle_blackholed, &f, &arena, &m));
}

/* ---- zero-window-stall ---- */

static void zero_window(int64_t span, int64_t probes, bool opened)
{
	set(&f, TW_F_ZERO_WINDOW_SIDE, TW_SERVER);
	set(&f, TW_F_ZERO_WINDOW_COUNT, 1 + probes);
	set(&f, TW_F_ZERO_WINDOW_SPAN_NS, span);
	set(&f, TW_F_ZERO_WINDOW_PROBES, probes);
	set(&f, TW_F_ZERO_WINDOW_PROBES_ANSWERED, probes);
	set(&f, TW_F_ZERO_WINDOW_OPEN_AT_END, opened);
}

static void stall_that_ends_is_certain(void **state)
{
	zero_window(S(153), 10, true);
	assert_true(ask(&tw_ph_zero_window_stall, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_int_equal(m.rival_count, 0);
	assert_int_equal(m.culprit, TW_CULPRIT_SERVER_APP);
}

static void stall_to_the_end_is_likely(void **state)
{
	zero_window(S(5), 4, false);
	assert_true(ask(&tw_ph_zero_window_stall, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_true(has_rival(&m, "app-stuck"));
}

static void a_reset_after_a_full_buffer_is_the_story(void **state)
{
	zero_window(MS(1400), 2, false);
	set(&f, TW_F_RST_SIDE, TW_SERVER);
	set(&f, TW_F_RST_EFFECT, TW_RST_ACCEPTED);
	assert_false(ask(&tw_ph_zero_window_stall, &f, &arena, &m));
	zero_window(S(30), 8, false); /* it hung for long before */
	assert_true(ask(&tw_ph_zero_window_stall, &f, &arena, &m));
}

static void flow_control_is_no_stall(void **state)
{
	zero_window(MS(40), 0, true);
	assert_false(ask(&tw_ph_zero_window_stall, &f, &arena, &m));
	memset(&f, 0, sizeof(f));
	assert_false(ask(&tw_ph_zero_window_stall, &f, &arena, &m));
}

/* ---- pmtu-blackhole ---- */

static void large_segments_vanish_until_cut(void **state)
{
	set(&f, TW_F_FULL_SIZE_LOST_REPEATS, 4);
	set(&f, TW_F_SEGMENT_SHRUNK, 1);
	set(&f, TW_F_SHRUNK_TO, 1024);
	assert_true(
		ask(&tw_ph_pmtu_blackhole, &f, &arena, &m)); /* or an outage that ends just then */
	assert_int_equal(m.confidence, TW_LIKELY);
	set(&f, TW_F_SHRUNK_SMALL_LOST, 1);
	assert_false(ask(&tw_ph_pmtu_blackhole, &f, &arena, &m));
	set(&f, TW_F_SHRUNK_SMALL_LOST, 0);
	set(&f, TW_F_SHRUNK_SMALL_PASSED, 1);
	assert_true(ask(&tw_ph_pmtu_blackhole, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	set(&f, TW_F_ICMP_TOO_BIG, 1); /* the error came: discovery at work */
	assert_false(ask(&tw_ph_pmtu_blackhole, &f, &arena, &m));
}

static void large_segments_vanish_while_small_ones_pass(void **state)
{
	silence(7, S(25));
	set(&f, TW_F_UNANSWERED_LARGEST, 1448);
	set(&f, TW_F_UNANSWERED_SMALLEST, 1448);
	set(&f, TW_F_LARGEST_PASSED, 200);
	set(&f, TW_F_FULL_SIZE_LOST_REPEATS, 7);
	set(&f, TW_F_SMALL_PASSED_AFTER, 1);
	assert_true(ask(&tw_ph_pmtu_blackhole, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "peer-vanished"));
	set(&f, TW_F_SMALL_PASSED_AFTER, 0); /* nothing passes: the peer is gone */
	assert_false(ask(&tw_ph_pmtu_blackhole, &f, &arena, &m));
	set(&f, TW_F_SMALL_PASSED_AFTER, 1);
	set(&f, TW_F_LARGEST_PASSED, 1448); /* this size had passed before */
	assert_false(ask(&tw_ph_pmtu_blackhole, &f, &arena, &m));
}

static void the_first_full_size_segments_vanish(void **state)
{
	silence(6, S(6));
	set(&f, TW_F_MSS_S, 1448);
	set(&f, TW_F_UNANSWERED_SIDE, TW_SERVER);
	set(&f, TW_F_UNANSWERED_SMALLEST, 1448);
	set(&f, TW_F_UNANSWERED_LARGEST, 1448);
	set(&f, TW_F_LARGEST_PASSED, 0);
	set(&f, TW_F_FULL_SIZE_LOST_REPEATS, 6);
	set(&f, TW_F_BYTES_C, 100); /* the request had arrived */
	assert_true(ask(&tw_ph_pmtu_blackhole, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_true(has_rival(&m, "peer-vanished"));
	set(&f, TW_F_BYTES_C,
	    0); /* nothing but a handshake ever passed: the peer may just be dead */
	assert_false(ask(&tw_ph_pmtu_blackhole, &f, &arena, &m));
	set(&f, TW_F_BYTES_C, 100);
	set(&f, TW_F_UNANSWERED_SMALLEST, 700); /* not the MSS: what an application wrote */
	assert_false(ask(&tw_ph_pmtu_blackhole, &f, &arena, &m));
}

/* ---- loss-recovered, reordering ---- */

static void needed_repeats_are_a_loss(void **state)
{
	set(&f, TW_F_LOST_C, 2);
	set(&f, TW_F_LOSS_STALL_NS, MS(230));
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_true(m.strength < TW_STRENGTH_TEARDOWN);
	set(&f, TW_F_LOSS_STALL_NS, S(6));
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_true(m.strength > TW_STRENGTH_TEARDOWN);
	set(&f, TW_F_TRACE_LOSSY, 1);
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
}

static void a_hole_filled_by_a_newer_segment_is_a_loss(void **state)
{
	set(&f, TW_F_LOST_BEFORE_HERE, 1);
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_false(ask(&tw_ph_reordering, &f, &arena, &m));
}

static void a_hole_filled_by_small_pieces_may_be_the_mtu(void **state)
{
	set(&f, TW_F_MSS_C, 1448);
	set(&f, TW_F_LOST_BEFORE_HERE, 2);
	set(&f, TW_F_LOST_BEFORE_LARGEST, 1448);
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	set(&f, TW_F_LOST_BEFORE_LARGEST, 1024);
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "pmtu-blackhole"));
}

static void a_reported_hole_and_a_needless_repeat_are_reordering(void **state)
{
	set(&f, TW_F_SPURIOUS_S, 6);
	set(&f, TW_F_SPURIOUS_LATE_NS, MS(50));
	set(&f, TW_F_DUP_ACKS_C, 8);
	assert_true(ask(&tw_ph_reordering, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
}

static void a_swap_of_microseconds_may_be_the_capture(void **state)
{
	set(&f, TW_F_REORDERED, 1);
	set(&f, TW_F_REORDER_DELAY_NS, 18000);
	assert_true(ask(&tw_ph_reordering, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_int_equal(m.outcome, TW_OUTCOME_CLEAN);
}

static void only_the_first_data_may_be_a_full_queue(void **state)
{
	set(&f, TW_F_LOST_C, 2);
	set(&f, TW_F_CLIENT_DATA_REPEATS_UNACKED, 2);
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "accept-queue-full"));
	set(&f, TW_F_LOST_C, 3); /* later data was lost as well */
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
}

static void a_loss_is_doubtful_where_acks_are_missing(void **state)
{
	set(&f, TW_F_LOST_S, 1);
	set(&f, TW_F_LOST_DOUBTFUL, 1);
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "reordering"));
	set(&f, TW_F_LOST_S, 2); /* one of them is beyond doubt */
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	set(&f, TW_F_SPURIOUS_S, 40); /* heavy reordering: this one may be no better */
	assert_true(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
}

static void needless_repeats_are_no_loss(void **state)
{
	set(&f, TW_F_RETRANSMITTED_C, 1);
	set(&f, TW_F_SPURIOUS_C, 1);
	set(&f, TW_F_DSACK_COUNT, 1);
	set(&f, TW_F_SPURIOUS_LATE_NS, MS(1000));
	assert_false(ask(&tw_ph_loss_recovered, &f, &arena, &m));
	assert_true(ask(&tw_ph_reordering, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_string_equal(m.remark, "spurious-retransmit");
	set(&f, TW_F_SPURIOUS_LATE_NS, MS(12)); /* a tail-loss probe that was not needed */
	assert_false(ask(&tw_ph_reordering, &f, &arena, &m));
}

static void overtaken_originals_are_reordering(void **state)
{
	set(&f, TW_F_REORDERED, 3);
	set(&f, TW_F_REORDER_DELAY_NS, MS(4));
	assert_true(ask(&tw_ph_reordering, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_true(rules_out(&m, "loss-recovered"));
	assert_false(ask(&tw_ph_loss_recovered, &f, &arena, &m));
}

static void a_network_duplicate_is_nothing(void **state)
{
	set(&f, TW_F_DSACK_COUNT, 1);
	set(&f, TW_F_DSACK_WITHOUT_REPEAT, 1);
	set(&f, TW_F_NETWORK_DUPLICATES, 1);
	assert_false(ask(&tw_ph_reordering, &f, &arena, &m));
	assert_false(ask(&tw_ph_loss_recovered, &f, &arena, &m));
}

/* ---- app-stuck ---- */

static void request(int64_t waited)
{
	set_at(&f, TW_F_REQUEST_UNANSWERED_SIDE, TW_CLIENT, S(1));
	set_at(&f, TW_F_REQUEST_UNANSWERED_BYTES, 100, S(1));
	set(&f, TW_F_REQUEST_UNANSWERED_NS, waited);
	set(&f, TW_F_PEER_NEVER_SPOKE, 1);
	set(&f, TW_F_BYTES_C, 100);
}

static void stuck_if_even_the_close_changes_nothing(void **state)
{
	request(S(40));
	set_at(&f, TW_F_WAITER_GAVE_UP, 1, S(11));
	set_at(&f, TW_F_FIN1_SIDE, TW_CLIENT, S(11));
	set(&f, TW_F_FIN1_ACKED, 1);
	set(&f, TW_F_HALF_CLOSED_NS, S(30));
	assert_true(ask(&tw_ph_app_stuck, &f, &arena,
			&m)); /* what it had said before was not captured */
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN);
	set(&f, TW_F_START_SEEN, 1);
	set_at(&f, TW_F_FIRST_DATA_SIDE, TW_CLIENT, S(1));
	assert_true(ask(&tw_ph_app_stuck, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_int_equal(m.app[TW_CLIENT].after_ns, S(10));
	set(&f, TW_F_FIN2_SEEN, 1); /* it reads, and closes: a protocol in one direction */
	assert_false(ask(&tw_ph_app_stuck, &f, &arena, &m));
}

static void perhaps_stuck_while_it_waits(void **state)
{
	request(S(150));
	assert_true(ask(&tw_ph_app_stuck, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN);
	request(S(60)); /* a long poll takes as long */
	assert_false(ask(&tw_ph_app_stuck, &f, &arena, &m));
}

static void idle_and_one_way_connections_are_not_stuck(void **state)
{
	request(S(600));
	set(&f, TW_F_PEER_NEVER_SPOKE,
	    0); /* it has answered before: an idle keep-alive connection */
	assert_false(ask(&tw_ph_app_stuck, &f, &arena, &m));
	request(S(600));
	set(&f, TW_F_BYTES_C, 10000000); /* a log stream */
	assert_false(ask(&tw_ph_app_stuck, &f, &arena, &m));
	request(S(600));
	set(&f, TW_F_REQUEST_UNANSWERED_SIDE, TW_SERVER); /* the server spoke last, to a reader */
	assert_false(ask(&tw_ph_app_stuck, &f, &arena, &m));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* A sentence may be about one of them. */
static void numbers_agree_with_their_nouns(void **state)
{
	m = (struct tw_match){ .arena = &arena, .facts = &f };
	assert_string_equal(tw_count(&m, 1, "repeat"), "1 repeat");
	assert_string_equal(tw_count(&m, 0, "repeat"), "0 repeats");
	assert_string_equal(tw_count(&m, 2, "other SYN|ACK"), "2 other SYN|ACKs");
	assert_string_equal(tw_bytes(&m, 1), "1 byte");
	assert_string_equal(tw_first_of(&m, 1, "repeat"), "the only repeat");
	assert_string_equal(tw_first_of(&m, 3, "repeat"), "the first of 3 repeats");
	assert_string_equal(tw_times(&m, 1), "once");
	assert_string_equal(tw_times(&m, 2), "twice");
	assert_string_equal(tw_times(&m, 3), "3 times");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_agree_with_their_nouns),
		TEST(vanished_after_a_long_ladder),
		TEST(vanished_but_the_capture_ends_soon),
		TEST(given_up_before_its_time),
		TEST(not_vanished_by_the_end_of_the_capture),
		TEST(not_vanished_where_the_capture_is_deaf),
		TEST(not_vanished_behind_a_closed_window),
		TEST(vanished_in_one_direction),
		TEST(vanished_and_given_up_long_before_the_usual_time),
		TEST(user_timeout_shows_by_an_early_rst),
		TEST(user_timeout_is_invisible_in_silence),
		TEST(blackholed_after_a_long_idle_time),
		TEST(not_blackholed_after_a_short_pause),
		TEST(blackholed_by_the_testimony_of_others),
		TEST(stall_that_ends_is_certain),
		TEST(stall_to_the_end_is_likely),
		TEST(a_reset_after_a_full_buffer_is_the_story),
		TEST(flow_control_is_no_stall),
		TEST(large_segments_vanish_until_cut),
		TEST(large_segments_vanish_while_small_ones_pass),
		TEST(the_first_full_size_segments_vanish),
		TEST(needed_repeats_are_a_loss),
		TEST(a_hole_filled_by_a_newer_segment_is_a_loss),
		TEST(a_hole_filled_by_small_pieces_may_be_the_mtu),
		TEST(a_reported_hole_and_a_needless_repeat_are_reordering),
		TEST(a_swap_of_microseconds_may_be_the_capture),
		TEST(only_the_first_data_may_be_a_full_queue),
		TEST(a_loss_is_doubtful_where_acks_are_missing),
		TEST(needless_repeats_are_no_loss),
		TEST(overtaken_originals_are_reordering),
		TEST(a_network_duplicate_is_nothing),
		TEST(stuck_if_even_the_close_changes_nothing),
		TEST(perhaps_stuck_while_it_waits),
		TEST(idle_and_one_way_connections_are_not_stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
