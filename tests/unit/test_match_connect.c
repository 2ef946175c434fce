/* SPDX-License-Identifier: BSD-2-Clause */
/* The matchers of connecting, and of patterns over many connections: where each must speak, and the
 * look-alike where it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "match_connect.h"

/* ---- syn-unanswered ---- */

static void unanswered_to_the_end(void **state)
{
	syns(11, S(69), S(100));
	set(&f, TW_F_SYN_LADDER, TW_LADDER_LINEAR_FIRST);
	assert_true(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_string_equal(m.app[TW_CLIENT].error, "ETIMEDOUT");
	assert_int_equal(m.app[TW_CLIENT].after_ns, S(69) + S(64));
	assert_true(has_rival(&m, "firewall-dropped"));
	assert_true(has_rival(&m, "accept-queue-full"));
	assert_true(has_rival(&m, "syn-ack-lost"));
	assert_false(has_rival(&m, "connect-aborted"));
	set(&f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
	assert_true(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
	assert_false(has_rival(&m, "syn-ack-lost"));
}

static void given_up_early(void **state)
{
	syns(3, S(2), S(20));
	set(&f, TW_F_SYN_LADDER, TW_LADDER_FLAT);
	assert_true(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
	assert_true(has_rival(&m, "connect-aborted"));
	assert_int_equal(m.app[TW_CLIENT].after_ns, -1);
}

static void a_lone_syn_at_the_end_shows_nothing(void **state)
{
	syns(1, 0, MS(700));
	assert_false(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
	syns(2, S(1), MS(300));
	assert_true(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN);
	assert_int_equal(m.confidence, TW_POSSIBLE);
	syns(1, 0, S(60)); /* never repeated: given up, or its answer was missed */
	assert_true(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN);
}

static void silence_of_a_deaf_capture(void **state)
{
	syns(5, S(4), S(20));
	set(&f, TW_F_ONE_SIDED, 1);
	assert_false(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
	set(&f, TW_F_ONE_SIDED, 0);
	set(&f, TW_F_TRACE_LOSSY, 1);
	assert_true(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN);
}

/* ---- syn-lost and syn-ack-lost ---- */

static void slow_connect(int64_t echo)
{
	shaken(MS(1));
	syns(2, S(1), S(5));
	set_at(&f, TW_F_SYNACK_COUNT, 1, MS(1001));
	set(&f, TW_F_SYNACK_ECHO, echo);
	set(&f, TW_F_CONNECT_NS, MS(1001));
}

static void lost_syn(void **state)
{
	slow_connect(2);
	assert_true(ask(&tw_ph_syn_lost, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "syn-queue-full"));
	assert_true(has_rival(&m, "syn-ack-lost"));
	assert_null(m.app[TW_CLIENT].error);
	assert_int_equal(m.app[TW_CLIENT].after_ns, MS(1001));
	assert_false(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
}

/* The SYN|ACK comes in the last moment of the capture: nothing is known yet. */
static void a_syn_ack_at_the_end_is_not_lost(void **state)
{
	syns(2, S(1), MS(1));
	set(&f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK);
	set(&f, TW_F_SYNACK_COUNT, 1);
	set(&f, TW_F_PACKETS_S, 1);
	assert_false(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	set(&f, TW_F_CAPTURE_GOES_ON_NS, S(9));
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
}

static void lost_syn_ack(void **state)
{
	slow_connect(1);
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY); /* the path may be slow */
	set(&f, TW_F_CLIENT_DATA_FIRST_ACK_NS, MS(1));
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_true(rules_out(&m, "syn-lost"));
	assert_false(ask(&tw_ph_syn_lost, &f, &arena, &m));
}

static void without_timestamps_the_rival_stays(void **state)
{
	slow_connect(2);
	forget(&f, TW_F_SYNACK_ECHO);
	assert_true(ask(&tw_ph_syn_lost, &f, &arena, &m));
	assert_true(has_rival(&m, "syn-ack-lost"));
}

static void a_slow_path_loses_nothing(void **state)
{
	slow_connect(1);
	set(&f, TW_F_RTT_NS, MS(1200));
	set(&f, TW_F_CLIENT_DATA_FIRST_ACK_NS, MS(1200));
	assert_false(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_false(ask(&tw_ph_syn_lost, &f, &arena, &m));
}

static void a_duplicated_syn_is_no_repeat(void **state)
{
	slow_connect(2);
	set(&f, TW_F_SYN_SPAN_NS, MS(1));
	assert_false(ask(&tw_ph_syn_lost, &f, &arena, &m));
	slow_connect(1);
	set(&f, TW_F_SYN_SPAN_NS, MS(1));
	assert_false(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
}

static void syn_acks_that_never_get_back(void **state)
{
	syns(5, S(4), S(10));
	set(&f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK);
	set(&f, TW_F_SYNACK_COUNT, 7);
	set(&f, TW_F_PACKETS_S, 7);
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_true(has_rival(&m, "firewall-dropped"));
	assert_true(rules_out(&m, "handshake-ack-lost"));
	assert_false(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
	syns(1, 0, S(10));
	assert_false(ask(&tw_ph_syn_ack_lost, &f, &arena, &m)); /* nobody repeats: a missed ACK */
	set(&f, TW_F_SYNACK_REPEATS_UNTRIGGERED, 3);
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_POSSIBLE);
	assert_true(has_rival(&m, "handshake-ack-lost"));
}

/* The SYN is repeated on a path of 1.2 s, and every SYN|ACK arrives: seen from the server. */
static void a_slow_path_seen_from_the_server(void **state)
{
	slow_connect(1);
	set_at(&f, TW_F_SYNACK_COUNT, 2, 0);
	set(&f, TW_F_SYNACK_FIRST_REPEAT_NS, S(1));
	set(&f, TW_F_SYNACK_BEFORE_SYN_REPEAT, 1);
	set(&f, TW_F_ACK3_DELAY_NS, MS(1200));
	set(&f, TW_F_ACK3_ECHO, 1);
	assert_false(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	set(&f, TW_F_ACK3_DELAY_NS, MS(1002));
	set(&f, TW_F_ACK3_ECHO, 2); /* the first never arrived */
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	forget(&f, TW_F_ACK3_ECHO);
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
}

/* Two SYN|ACKs arrive together: made together after a loss, a second apart if held up on the way. */
static void held_up_is_not_lost(void **state)
{
	slow_connect(1);
	forget(&f, TW_F_RTT_NS);
	set(&f, TW_F_SYNACK_COUNT, 3);
	set(&f, TW_F_SYNACK_FIRST_REPEAT_NS, MS(1));
	set(&f, TW_F_SYNACK_REPEAT_MADE_NS, MS(1));
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	set(&f, TW_F_SYNACK_COUNT, 2); /* one for each SYN: the first may have waited for ARP */
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	set(&f, TW_F_SYNACK_REPEAT_MADE_NS, MS(1003));
	assert_false(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	set(&f, TW_F_SYNACK_REPEAT_MADE_NS,
	    -MS(1003)); /* overtaken by its repeat: late, perhaps not lost */
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
}

static void a_slow_path_repeats_no_syn_ack_in_vain(void **state)
{
	slow_connect(1);
	set(&f, TW_F_SYNACK_COUNT, 2);
	set(&f, TW_F_SYNACK_REPEATS_AFTER_ACK, 1);
	set(&f, TW_F_SYNACK_FIRST_REPEAT_NS, S(1));
	set(&f, TW_F_FIRST_DATA_SIDE, TW_SERVER);
	assert_false(ask(&tw_ph_handshake_ack_lost, &f, &arena, &m));
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	assert_false(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_false(tw_looks_deferred_accept(&f));
}

static void a_greeting_is_never_deferred(void **state)
{
	shaken(MS(1));
	set(&f, TW_F_SYNACK_COUNT, 2);
	set(&f, TW_F_SYNACK_REPEATS_UNTRIGGERED, 1);
	set(&f, TW_F_SYNACK_REPEATS_AFTER_ACK, 1);
	set(&f, TW_F_SYNACK_FIRST_REPEAT_NS, S(1));
	set(&f, TW_F_FIRST_DATA_SIDE, TW_SERVER);
	assert_false(tw_looks_deferred_accept(&f));
	assert_true(ask(&tw_ph_handshake_ack_lost, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	set(&f, TW_F_FIRST_DATA_SIDE, TW_CLIENT);
	assert_true(tw_looks_deferred_accept(&f));
	assert_false(ask(&tw_ph_handshake_ack_lost, &f, &arena, &m));
}

/* ---- handshake-ack-lost, accept-queue-full, deferred accept ---- */

static void ack_missing_at_the_server(void **state)
{
	shaken(MS(1));
	set(&f, TW_F_SYNACK_COUNT, 2);
	set(&f, TW_F_SYNACK_REPEATS_UNTRIGGERED, 1);
	set(&f, TW_F_SYNACK_FIRST_REPEAT_NS, S(1));
	assert_true(ask(&tw_ph_handshake_ack_lost, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_int_equal(m.confidence, TW_LIKELY);
	syns(2, S(1), S(5)); /* it repeats its SYN: it never had the SYN|ACK */
	assert_false(ask(&tw_ph_handshake_ack_lost, &f, &arena, &m));
}

static void reset_of_data(void)
{
	set(&f, TW_F_RST_COUNT, 1);
	set(&f, TW_F_RST_SIDE, TW_SERVER);
	set(&f, TW_F_RST_FORM, TW_RST_REPLY);
	set(&f, TW_F_RST_TRIGGER, TW_TRIGGER_DATA);
}

static void ack_missing_for_ever(void **state)
{
	shaken(MS(1));
	set(&f, TW_F_SYNACK_COUNT, 6);
	set(&f, TW_F_SYNACK_REPEATS_UNTRIGGERED, 5);
	set(&f, TW_F_SYNACK_FIRST_REPEAT_NS, S(1));
	reset_of_data();
	assert_true(ask(&tw_ph_handshake_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_true(rules_out(&m, "accept-queue-full"));
	assert_string_equal(m.app[TW_CLIENT].error, "ECONNRESET");
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
}

static void ack_in_vain(int64_t repeats)
{
	shaken(MS(1));
	set(&f, TW_F_SYNACK_COUNT, 1 + repeats);
	set(&f, TW_F_SYNACK_REPEATS_UNTRIGGERED, repeats);
	set(&f, TW_F_SYNACK_REPEATS_AFTER_ACK, repeats);
	set(&f, TW_F_SYNACK_FIRST_REPEAT_NS, S(1));
}

static void acks_in_vain_seen_from_the_client(void **state)
{
	ack_in_vain(5);
	reset_of_data();
	assert_true(ask(&tw_ph_handshake_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "accept-queue-full"));
	set(&f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
	assert_false(ask(&tw_ph_handshake_ack_lost, &f, &arena, &m));
	assert_true(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
}

static void deferred_accept_is_no_fault(void **state)
{
	ack_in_vain(1);
	assert_true(tw_looks_deferred_accept(&f));
	assert_false(ask(&tw_ph_handshake_ack_lost, &f, &arena, &m));
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	set(&f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	set(&f, TW_F_SYNACK_FIRST_REPEAT_NS, S(7));
	set(&f, TW_F_SYNACK_REPEATS_AFTER_ACK, 2);
	set(&f, TW_F_SYNACK_REPEATS_UNTRIGGERED, 2);
	assert_true(tw_looks_deferred_accept(&f));
	set(&f, TW_F_CLIENT_DATA_REPEATS_UNACKED, 2);
	assert_false(tw_looks_deferred_accept(&f));
}

static void full_queue_ignores_ack_and_data(void **state)
{
	ack_in_vain(2);
	set(&f, TW_F_CLIENT_DATA_REPEATS_UNACKED, 4);
	set(&f, TW_F_UNANSWERED_SPAN_NS, S(6));
	assert_true(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_UNKNOWN); /* the capture ends between two repeats */
	set(&f, TW_F_FIN1_SIDE, TW_CLIENT);
	assert_true(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "handshake-ack-lost"));
	set(&f, TW_F_SERVER_ACKED_CLIENT_DATA, 1);
	set(&f, TW_F_CLIENT_DATA_FIRST_ACK_NS, S(7));
	assert_true(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	set(&f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
	assert_true(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	assert_false(has_rival(&m, "handshake-ack-lost"));
	assert_true(rules_out(&m, "handshake-ack-lost"));
}

static void full_queue_behind_cookies_needs_a_busy_port(void **state)
{
	shaken(MS(1));
	set(&f, TW_F_CLIENT_DATA_REPEATS_UNACKED, 6);
	set(&f, TW_F_UNANSWERED_LARGEST, 100);
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	set(&f, TW_F_PORT_OPEN_DURING, 1);
	set(&f, TW_F_FIRST_DATA_SIDE, TW_CLIENT);
	assert_true(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	assert_true(has_rival(&m, "peer-vanished"));
	set(&f, TW_F_CLIENT_DATA_REPEATS_UNACKED, 1); /* one repeat: rather a loss */
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	set(&f, TW_F_CLIENT_DATA_REPEATS_UNACKED, 6);
	set(&f, TW_F_LOST_S, 2); /* the path loses other things, too */
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	set(&f, TW_F_LOST_S, 0);
	set(&f, TW_F_UNANSWERED_LARGEST, 1448); /* or a path MTU problem */
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
}

static void third_ack_reset(void **state)
{
	shaken(MS(1));
	reset_of_data();
	set(&f, TW_F_RST_TRIGGER, TW_TRIGGER_ACK3);
	assert_true(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_true(has_rival(&m, "peer-rebooted"));
	assert_true(has_rival(&m, "firewall-reset"));
	tw_fact_set(&f, TW_F_RST_TRIGGER, TW_TRIGGER_ACK3, 7, 0); /* a later ACK, alike */
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
	set(&f, TW_F_RST_TRIGGER, TW_TRIGGER_ACK3);
	set(&f, TW_F_RST_FORM, TW_RST_ACTIVE); /* somebody had the socket and aborted it */
	assert_false(ask(&tw_ph_accept_queue_full, &f, &arena, &m));
}

/* ---- syn-queue-full, syn-flood, port-scan: the neighbours decide ---- */

static void crowd(int64_t n)
{
	set(&f, TW_F_PORT_HALF_OPEN, n);
	set(&f, TW_F_PORT_HALF_OPEN_SOURCES, n);
	set(&f, TW_F_PORT_SYNACKS_UNACKED, n / 8);
}

static void syn_queue_full_amid_a_crowd(void **state)
{
	slow_connect(2);
	assert_false(ask(&tw_ph_syn_queue_full, &f, &arena, &m));
	crowd(60);
	assert_true(ask(&tw_ph_syn_queue_full, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_true(has_rival(&m, "syn-lost"));
	set(&f, TW_F_SYNACK_ECHO, 1);
	assert_false(ask(&tw_ph_syn_queue_full, &f, &arena, &m));
}

static void a_flood_takes_many(void **state)
{
	syns(1, 0, S(5));
	set(&f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK);
	set(&f, TW_F_SYNACK_COUNT, 3);
	set(&f, TW_F_PACKETS_S, 3);
	assert_false(ask(&tw_ph_syn_flood, &f, &arena, &m));
	crowd(60);
	assert_true(ask(&tw_ph_syn_flood, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "port-scan"));
	set(&f, TW_F_CAPTURE_GOES_ON_NS, MS(2)); /* overdue: the SYN|ACK was repeated already */
	assert_true(ask(&tw_ph_syn_flood, &f, &arena, &m));
	set(&f, TW_F_SYNACK_COUNT, 1); /* its ACK may be under way */
	assert_false(ask(&tw_ph_syn_flood, &f, &arena, &m));
	set(&f, TW_F_CAPTURE_GOES_ON_NS, S(5));
	set(&f, TW_F_ESTABLISHED, 1); /* this one was completed */
	assert_false(ask(&tw_ph_syn_flood, &f, &arena, &m));
}

static void many_clients_of_a_dead_server_are_no_flood(void **state)
{
	syns(5, S(4), S(5));
	crowd(60);
	set(&f, TW_F_PORT_SYNACKS_UNACKED, 0);
	assert_false(ask(&tw_ph_syn_flood, &f, &arena, &m));
	syns(1, 0, S(5));
	assert_false(ask(&tw_ph_syn_flood, &f, &arena, &m));
}

static void dropped_in_a_flood(void **state)
{
	struct tw_match flood;

	syns(1, 0, S(5));
	crowd(60);
	assert_true(ask(&tw_ph_syn_queue_full, &f, &arena, &m));
	assert_true(has_rival(&m, "syn-flood"));
	assert_true(ask(&tw_ph_syn_flood, &f, &arena, &flood));
	assert_true(m.strength < flood.strength); /* not repeated: one of the flood */
	syns(3, S(3), S(5));
	assert_true(ask(&tw_ph_syn_queue_full, &f, &arena, &m));
	assert_true(m.strength > flood.strength);
}

static void a_scan_takes_many(void **state)
{
	refused();
	set(&f, TW_F_SCAN_PORTS, 1);
	assert_false(ask(&tw_ph_port_scan, &f, &arena, &m));
	set(&f, TW_F_SCAN_PORTS, 100);
	assert_true(ask(&tw_ph_port_scan, &f, &arena, &m));
	assert_true(has_rival(&m, "port-closed"));
	set(&f, TW_F_BYTES_C, 10); /* it had something to say */
	assert_false(ask(&tw_ph_port_scan, &f, &arena, &m));
}

/* ---- connect-aborted ---- */

static void client_resets_synack(int64_t synack_at, int64_t rst_after)
{
	syns(1, 0, S(5));
	set_at(&f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK, synack_at);
	set_at(&f, TW_F_SYNACK_COUNT, 1, synack_at);
	set(&f, TW_F_PACKETS_S, 1);
	set(&f, TW_F_ACK3_DELAY_NS, rst_after);
	set(&f, TW_F_RST_COUNT, 1);
	set(&f, TW_F_RST_SIDE, TW_CLIENT);
	set(&f, TW_F_RST_FORM, TW_RST_REPLY);
	set(&f, TW_F_RST_ANSWERS_SYNACK, 1);
}

static void gave_up_connecting(void **state)
{
	client_resets_synack(MS(1020), MS(0));
	assert_true(ask(&tw_ph_connect_aborted, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_int_equal(m.culprit, TW_CULPRIT_CLIENT_APP);
	client_resets_synack(MS(300), MS(0));
	assert_true(ask(&tw_ph_connect_aborted, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "port-scan"));
}

static void gave_up_connecting_seen_from_the_server(void **state)
{
	client_resets_synack(MS(0), S(1));
	assert_true(ask(&tw_ph_connect_aborted, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "port-scan"));
}

static void health_checks_give_nothing_up(void **state)
{
	client_resets_synack(MS(30), MS(30));
	assert_false(ask(&tw_ph_connect_aborted, &f, &arena, &m));
	client_resets_synack(MS(1020), MS(0));
	set(&f, TW_F_RST_FORM, TW_RST_ACTIVE);
	assert_false(ask(&tw_ph_connect_aborted, &f, &arena, &m));
}

/* ---- time-wait-syn-dropped ---- */

static void syn_into_time_wait(void **state)
{
	shaken(MS(20));
	syns(2, MS(15), S(1));
	set(&f, TW_F_SYN_ANSWER, TW_ANSWER_ACK);
	set(&f, TW_F_PREV_EXISTS, 1);
	set(&f, TW_F_PREV_CLOSED, 1);
	set(&f, TW_F_SYN_ANSWERED_BY_OLD_ACK, 1);
	set(&f, TW_F_PREV_TIME_WAIT, 1);
	assert_true(ask(&tw_ph_time_wait_syn_dropped, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	set(&f, TW_F_PREV_TIME_WAIT, 0); /* nothing tells it from LAST_ACK or CLOSING */
	assert_true(ask(&tw_ph_time_wait_syn_dropped, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "peer-rebooted"));
	set(&f, TW_F_PREV_FIN_UNHEARD, 1);
	assert_false(ask(&tw_ph_time_wait_syn_dropped, &f, &arena, &m));
	set(&f, TW_F_PREV_FIN_UNHEARD, 0);
	set(&f, TW_F_PREV_CLOSED, 0); /* half-open: another story */
	assert_false(ask(&tw_ph_time_wait_syn_dropped, &f, &arena, &m));
}

static void time_wait_by_its_ip_id_alone(void **state)
{
	syns(1, 0, S(1));
	set(&f, TW_F_SYN_ANSWER, TW_ANSWER_ACK);
	assert_false(ask(&tw_ph_time_wait_syn_dropped, &f, &arena, &m));
	set(&f, TW_F_SYN_ANSWER_ID_ZERO, 1);
	assert_false(ask(&tw_ph_time_wait_syn_dropped, &f, &arena, &m));
	set(&f, TW_F_BAD_ACK_IN_SYN_SENT, 1);
	assert_true(ask(&tw_ph_time_wait_syn_dropped, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "peer-rebooted"));
}

/* ---- all of the family ---- */

static const struct tw_phenomenon *const family[] = {
	&tw_ph_port_closed,
	&tw_ph_firewall_reset,
	&tw_ph_firewall_rejected,
	&tw_ph_firewall_dropped,
	&tw_ph_host_unreachable,
	&tw_ph_syn_unanswered,
	&tw_ph_syn_lost,
	&tw_ph_syn_ack_lost,
	&tw_ph_handshake_ack_lost,
	&tw_ph_accept_queue_full,
	&tw_ph_syn_queue_full,
	&tw_ph_connect_aborted,
	&tw_ph_time_wait_syn_dropped,
	&tw_ph_ports_exhausted,
	&tw_ph_address_in_use,
	&tw_ph_syn_flood,
	&tw_ph_port_scan,
};
#define FAMILY (sizeof(family) / sizeof(family[0]))

/* An ordinary connection: nobody has anything to say about it. */
static void nothing_wrong_nothing_said(void **state)
{
	size_t i;

	shaken(MS(1));
	set(&f, TW_F_BYTES_C, 100);
	set(&f, TW_F_BYTES_S, 1000);
	set(&f, TW_F_SERVER_ACKED_CLIENT_DATA, 1);
	set(&f, TW_F_CLOSED_CLEAN, 1);
	for (i = 0; i < FAMILY; i++)
		if (family[i]->match)
			assert_false(ask(family[i], &f, &arena, &m));
}

/* No fact known at all: a matcher must not take "unknown" for evidence. */
static void nothing_known_nothing_said(void **state)
{
	size_t i;

	memset(&f, 0, sizeof(f));
	for (i = 0; i < FAMILY; i++)
		if (family[i]->match)
			assert_false(ask(family[i], &f, &arena, &m));
}

static void what_leaves_no_packet_has_no_matcher(void **state)
{
	assert_null(tw_ph_ports_exhausted.match);
	assert_null(tw_ph_address_in_use.match);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(unanswered_to_the_end),
		T(given_up_early),
		T(a_lone_syn_at_the_end_shows_nothing),
		T(silence_of_a_deaf_capture),
		T(lost_syn),
		T(a_syn_ack_at_the_end_is_not_lost),
		T(lost_syn_ack),
		T(without_timestamps_the_rival_stays),
		T(a_slow_path_loses_nothing),
		T(a_duplicated_syn_is_no_repeat),
		T(syn_acks_that_never_get_back),
		T(a_slow_path_seen_from_the_server),
		T(held_up_is_not_lost),
		T(a_slow_path_repeats_no_syn_ack_in_vain),
		T(a_greeting_is_never_deferred),
		T(ack_missing_at_the_server),
		T(ack_missing_for_ever),
		T(acks_in_vain_seen_from_the_client),
		T(deferred_accept_is_no_fault),
		T(full_queue_ignores_ack_and_data),
		T(full_queue_behind_cookies_needs_a_busy_port),
		T(third_ack_reset),
		T(syn_queue_full_amid_a_crowd),
		T(a_flood_takes_many),
		T(many_clients_of_a_dead_server_are_no_flood),
		T(dropped_in_a_flood),
		T(a_scan_takes_many),
		T(gave_up_connecting),
		T(gave_up_connecting_seen_from_the_server),
		T(health_checks_give_nothing_up),
		T(syn_into_time_wait),
		T(time_wait_by_its_ip_id_alone),
		T(nothing_wrong_nothing_said),
		T(nothing_known_nothing_said),
		T(what_leaves_no_packet_has_no_matcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
