/* SPDX-License-Identifier: BSD-2-Clause */
/* The matchers of connecting, and of patterns over many connections: where each must speak, and the
 * look-alike where it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "match_facts.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/connect/unreachable.h"

extern const struct tw_phenomenon tw_ph_port_closed, tw_ph_firewall_reset, tw_ph_firewall_rejected,
	tw_ph_firewall_dropped, tw_ph_host_unreachable, tw_ph_syn_unanswered, tw_ph_syn_lost,
	tw_ph_syn_ack_lost, tw_ph_handshake_ack_lost, tw_ph_accept_queue_full, tw_ph_syn_queue_full,
	tw_ph_connect_aborted, tw_ph_time_wait_syn_dropped, tw_ph_ports_exhausted,
	tw_ph_address_in_use, tw_ph_syn_flood, tw_ph_port_scan;

static struct tw_arena arena;
static struct tw_facts f;
static struct tw_match m;

static int setup(void **state)
{
	tw_arena_init(&arena);
	memset(&f, 0, sizeof(f));
	set(&f, TW_F_IP_VERSION, 4);
	set(&f, TW_F_START_SEEN, 1);
	set(&f, TW_F_SYN_ANSWER, TW_ANSWER_NONE);
	return 0;
}

static int teardown(void **state)
{
	tw_arena_free(&arena);
	return 0;
}

/* @n SYNs over @span, the capture ending @rest after the last. */
static void syns(int64_t n, int64_t span, int64_t rest)
{
	set_at(&f, TW_F_SYN_COUNT, n, 0);
	set_at(&f, TW_F_SYN_LAST, n, span);
	set(&f, TW_F_SYN_SPAN_NS, span);
	set(&f, TW_F_DURATION_NS, span);
	set(&f, TW_F_CAPTURE_GOES_ON_NS, rest);
}

static void refused(void)
{
	syns(1, 0, S(1));
	set_at(&f, TW_F_SYN_ANSWER, TW_ANSWER_RSTACK, MS(2));
	set(&f, TW_F_SYN_ANSWER_DELAY_NS, MS(2));
	set(&f, TW_F_RST_COUNT, 1);
	set(&f, TW_F_RST_COUNT_S, 1);
	set(&f, TW_F_RST_SIDE, TW_SERVER);
	set(&f, TW_F_RST_FORM, TW_RST_REPLY_NO_ACK);
}

/* SYN, SYN|ACK after @delay, and the client's ACK. */
static void shaken(int64_t delay)
{
	syns(1, 0, S(1));
	set_at(&f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK, delay);
	set_at(&f, TW_F_SYNACK_COUNT, 1, delay);
	set(&f, TW_F_ACK3_SEEN, 1);
	set(&f, TW_F_ESTABLISHED, 1);
	set(&f, TW_F_PACKETS_S, 1);
	set(&f, TW_F_RTT_NS, delay);
}

static void icmp(enum tw_icmp_class class, int64_t code, bool on_syn)
{
	set_at(&f, TW_F_ICMP_COUNT, 1, MS(1));
	set(&f, TW_F_ICMP_CLASS, class);
	set(&f, TW_F_ICMP_CODE, code);
	set(&f, TW_F_ICMP_TO, TW_CLIENT);
	set(&f, TW_F_ICMP_ON_SYN, on_syn);
	set(&f, TW_F_ICMP_DELAY_NS, MS(1));
}

/* ---- port-closed and firewall-reset on connect ---- */

static void closed_port(void **state)
{
	refused();
	assert_true(ask(&tw_ph_port_closed, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_true(has_rival(&m, "firewall-reset"));
	assert_true(rules_out(&m, "forged-reset"));
	assert_string_equal(m.app[TW_CLIENT].error, "ECONNREFUSED");
	assert_int_equal(m.app[TW_CLIENT].after_ns, MS(2));
	assert_false(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	assert_false(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
}

static void no_closed_port_that_answered(void **state)
{
	refused();
	set(&f, TW_F_SYNACK_COUNT, 1);
	assert_false(ask(&tw_ph_port_closed, &f, &arena, &m));
}

static void no_closed_port_if_a_socket_wrote_it(void **state)
{
	refused();
	set(&f, TW_F_RST_FORM, TW_RST_ACTIVE);
	set(&f, TW_F_HOST_TTL_DELTA, 1);
	assert_false(ask(&tw_ph_port_closed, &f, &arena, &m));
	assert_false(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	set(&f, TW_F_SYN_ANSWER_SEQ_ZERO, 1); /* a stack that fills in a window, no more */
	assert_true(ask(&tw_ph_port_closed, &f, &arena, &m));
	assert_true(ask(&tw_ph_firewall_reset, &f, &arena, &m));
}

static void no_connect_time_at_the_server(void **state)
{
	refused();
	set(&f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
	assert_true(ask(&tw_ph_port_closed, &f, &arena, &m));
	assert_int_equal(m.app[TW_CLIENT].after_ns, -1);
}

static void refused_with_a_foreign_ttl(void **state)
{
	struct tw_match closed;

	refused();
	set(&f, TW_F_HOST_TTL_DELTA, 1);
	assert_true(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "port-closed"));
	assert_true(ask(&tw_ph_port_closed, &f, &arena, &closed));
	assert_true(m.strength > closed.strength);
}

static void refused_with_netfilters_flow_label(void **state)
{
	refused();
	set(&f, TW_F_IP_VERSION, 6);
	set(&f, TW_F_RST_FLOW_LABEL, 0);
	assert_true(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	set(&f, TW_F_RST_FLOW_LABEL, 0x8f21c);
	assert_false(ask(&tw_ph_firewall_reset, &f, &arena, &m));
}

/* ---- firewall-reset in mid-connection ---- */

static void reset_in_place(void)
{
	shaken(MS(1));
	set(&f, TW_F_RST_COUNT, 1);
	set(&f, TW_F_RST_SIDE, TW_SERVER);
	set(&f, TW_F_RST_FORM, TW_RST_REPLY);
	set(&f, TW_F_RST_TRIGGER, TW_TRIGGER_DATA);
	set(&f, TW_F_RST_EFFECT, TW_RST_ACCEPTED);
	set(&f, TW_F_RST_AUTHOR_GOES_ON, 3);
}

static void reset_by_a_filter_while_the_author_lives(void **state)
{
	reset_in_place();
	assert_true(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "forged-reset"));
	assert_true(rules_out(&m, "peer-rebooted"));
	assert_string_equal(m.app[TW_CLIENT].error, "ECONNRESET");
}

static void no_filter_if_the_segment_arrived(void **state)
{
	reset_in_place();
	set(&f, TW_F_RST_AUTHOR_ACKS_TRIGGER, 1);
	assert_false(ask(&tw_ph_firewall_reset, &f, &arena, &m));
}

static void no_filter_without_any_sign(void **state)
{
	reset_in_place();
	set(&f, TW_F_RST_AUTHOR_GOES_ON, 0);
	assert_false(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	set(&f, TW_F_RST_TTL_DELTA, 1);
	assert_true(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	set(&f, TW_F_RST_AUTHOR_FIN, 1);
	assert_false(ask(&tw_ph_firewall_reset, &f, &arena, &m));
}

static void after_a_pause_a_forgetful_device_has_the_better_claim(void **state)
{
	int prompt;

	reset_in_place();
	set(&f, TW_F_RST_AUTHOR_GOES_ON, 0);
	set(&f, TW_F_RST_TTL_DELTA, 1);
	assert_true(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	prompt = m.strength;
	set(&f, TW_F_RST_IDLE_BEFORE_NS, S(600));
	assert_true(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	assert_true(m.strength < prompt);
	assert_true(has_rival(&m, "idle-reset"));
}

/* ---- ICMP ---- */

static void prohibited_is_certain(void **state)
{
	syns(1, 0, S(1));
	set_at(&f, TW_F_SYN_ANSWER, TW_ANSWER_ICMP, MS(1));
	icmp(TW_ICMP_PROHIBITED, 13, true);
	assert_true(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.rival_count, 0);
	assert_string_equal(m.app[TW_CLIENT].error, "EHOSTUNREACH");
	assert_int_equal(m.app[TW_CLIENT].after_ns, MS(1));
	assert_false(ask(&tw_ph_host_unreachable, &f, &arena, &m));
	assert_false(ask(&tw_ph_syn_unanswered, &f, &arena, &m));
}

static void errno_of_icmp(void **state)
{
	icmp(TW_ICMP_PROHIBITED, 1, true);
	set(&f, TW_F_IP_VERSION, 6);
	assert_string_equal(tw_icmp_errno(&f), "EACCES");
	set(&f, TW_F_ICMP_CLASS, TW_ICMP_PORT_UNREACHABLE);
	assert_string_equal(tw_icmp_errno(&f), "ECONNREFUSED");
	set(&f, TW_F_IP_VERSION, 4);
	assert_string_equal(tw_icmp_errno(&f), "ECONNREFUSED");
	set(&f, TW_F_ICMP_CLASS, TW_ICMP_PROTOCOL_UNREACHABLE);
	assert_string_equal(tw_icmp_errno(&f), "ENOPROTOOPT");
	set(&f, TW_F_ICMP_CLASS, TW_ICMP_NET_UNREACHABLE);
	assert_string_equal(tw_icmp_errno(&f), "ENETUNREACH");
	set(&f, TW_F_ICMP_CLASS, TW_ICMP_HOST_UNREACHABLE);
	assert_string_equal(tw_icmp_errno(&f), "EHOSTUNREACH");
}

static void unreachable_by_the_host_itself_is_a_filter(void **state)
{
	syns(1, 0, S(1));
	icmp(TW_ICMP_HOST_UNREACHABLE, 1, true);
	set(&f, TW_F_ICMP_FROM_DESTINATION, 1);
	assert_true(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "host-unreachable"));
	assert_false(ask(&tw_ph_host_unreachable, &f, &arena, &m));
}

static void unreachable_by_a_router_at_once(void **state)
{
	syns(1, 0, S(1));
	icmp(TW_ICMP_HOST_UNREACHABLE, 1, true);
	assert_true(ask(&tw_ph_host_unreachable, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "firewall-rejected"));
	assert_false(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
}

static void neighbour_failure_is_certain(void **state)
{
	syns(4, S(3), S(1));
	icmp(TW_ICMP_HOST_UNREACHABLE, 1, true);
	set_at(&f, TW_F_ICMP_COUNT, 4, MS(3070));
	set(&f, TW_F_ICMP_BURST, 1);
	assert_true(ask(&tw_ph_host_unreachable, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_true(rules_out(&m, "firewall-rejected"));
	assert_int_equal(m.app[TW_CLIENT].after_ns, MS(3070));
}

static void in_mid_connection_it_is_a_soft_error(void **state)
{
	shaken(MS(1));
	icmp(TW_ICMP_PORT_UNREACHABLE, 3, false);
	assert_true(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
	assert_true(m.strength < TW_STRENGTH_TEARDOWN);
	set(&f, TW_F_RST_SIDE, TW_CLIENT); /* the client has given up */
	set(&f, TW_F_RST_FORM, TW_RST_REPLY);
	assert_true(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	forget(&f, TW_F_RST_SIDE);
	set(&f, TW_F_UNANSWERED_SIDE, TW_CLIENT);
	set(&f, TW_F_UNANSWERED_BYTES, 7);
	assert_true(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_FAILED);
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_string_equal(m.app[TW_CLIENT].call, "recv");
	assert_string_equal(m.app[TW_CLIENT].error, "ECONNREFUSED");
}

static void unreachable_but_the_peer_speaks(void **state)
{
	shaken(MS(1));
	icmp(TW_ICMP_HOST_UNREACHABLE, 1, false);
	set(&f, TW_F_UNANSWERED_SIDE, TW_CLIENT);
	set(&f, TW_F_PEER_SPOKE_AFTER, 2);
	assert_true(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_false(ask(&tw_ph_host_unreachable, &f, &arena, &m));
	set(&f, TW_F_PEER_SPOKE_AFTER, 0);
	assert_false(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
	assert_true(ask(&tw_ph_host_unreachable, &f, &arena, &m));
	assert_true(has_rival(&m, "peer-vanished"));
}

static void no_icmp_no_verdict(void **state)
{
	syns(2, S(1), S(5));
	assert_false(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
	assert_false(ask(&tw_ph_host_unreachable, &f, &arena, &m));
}

/* ---- firewall-dropped ---- */

static void silent_but_alive(int64_t spoke)
{
	shaken(MS(1));
	set(&f, TW_F_UNANSWERED_SIDE, TW_CLIENT);
	set_at(&f, TW_F_UNANSWERED_BYTES, 7, S(1));
	set(&f, TW_F_UNANSWERED_REPEATS, 5);
	set(&f, TW_F_UNANSWERED_SPAN_NS, S(3));
	set(&f, TW_F_UNANSWERED_SMALLEST, 7);
	set(&f, TW_F_LARGEST_PASSED, 100);
	set_at(&f, TW_F_PEER_SPOKE_AFTER, spoke, S(8));
}

static void dropped_one_way(void **state)
{
	silent_but_alive(4);
	assert_true(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_LIKELY);
	assert_true(has_rival(&m, "peer-vanished"));
	assert_true(rules_out(&m, "peer-rebooted"));
	assert_int_equal(m.culprit, TW_CULPRIT_MIDDLEBOX);
	set(&f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
	assert_true(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
	assert_int_equal(m.culprit, TW_CULPRIT_SERVER_HOST);
}

static void dropped_with_its_resets(void **state)
{
	silent_but_alive(4);
	set(&f, TW_F_UNANSWERED_REPEATS, 1);
	set(&f, TW_F_PEER_SPOKE_AFTER_RST, 1);
	assert_true(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
	assert_false(has_rival(&m, "pmtu-blackhole"));
}

static void one_sign_of_life_after_the_repeats_may_end_an_outage(void **state)
{
	silent_but_alive(1);
	assert_false(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
	set_at(&f, TW_F_PEER_SPOKE_AFTER, 1, S(2)); /* between the repeats */
	assert_true(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
}

static void not_dropped_where_something_else_explains_it(void **state)
{
	silent_but_alive(4);
	set(&f, TW_F_SMALL_PASSED_AFTER, 1);
	assert_false(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
	silent_but_alive(0);
	forget(&f, TW_F_SMALL_PASSED_AFTER);
	assert_false(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
	silent_but_alive(4);
	set(&f, TW_F_UNANSWERED_REPEATS, 1);
	assert_false(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
}

static void dropped_on_connect_by_a_living_host(void **state)
{
	struct tw_match silent;

	syns(5, S(4), S(5));
	set(&f, TW_F_HOST_ANSWERS, 1);
	assert_true(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
	assert_true(has_rival(&m, "accept-queue-full"));
	assert_true(ask(&tw_ph_syn_unanswered, &f, &arena, &silent));
	assert_true(m.strength > silent.strength);
	set(&f, TW_F_PORT_OPEN_BEFORE, 1); /* it listens: rather a queue */
	assert_false(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
}

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
	assert_true(rules_out(&m, "syn-ack-lost"));
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
	set(&f, TW_F_SYNACK_COUNT, 2);
	set(&f, TW_F_SYNACK_FIRST_REPEAT_NS, MS(1));
	set(&f, TW_F_SYNACK_REPEAT_TICKS, 1);
	assert_true(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	set(&f, TW_F_SYNACK_REPEAT_TICKS, 1003);
	assert_false(ask(&tw_ph_syn_ack_lost, &f, &arena, &m));
	set(&f, TW_F_SYNACK_REPEAT_TICKS,
	    -1003); /* overtaken by its repeat: late, perhaps not lost */
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
	set(&f, TW_F_CAPTURE_GOES_ON_NS, MS(2)); /* its ACK may be under way */
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
	assert_true(ask(&tw_ph_time_wait_syn_dropped, &f, &arena, &m));
	assert_int_equal(m.confidence, TW_CERTAIN);
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
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
		T(closed_port),
		T(no_closed_port_that_answered),
		T(no_closed_port_if_a_socket_wrote_it),
		T(no_connect_time_at_the_server),
		T(refused_with_a_foreign_ttl),
		T(refused_with_netfilters_flow_label),
		T(reset_by_a_filter_while_the_author_lives),
		T(no_filter_if_the_segment_arrived),
		T(no_filter_without_any_sign),
		T(after_a_pause_a_forgetful_device_has_the_better_claim),
		T(prohibited_is_certain),
		T(errno_of_icmp),
		T(unreachable_by_the_host_itself_is_a_filter),
		T(unreachable_by_a_router_at_once),
		T(neighbour_failure_is_certain),
		T(in_mid_connection_it_is_a_soft_error),
		T(unreachable_but_the_peer_speaks),
		T(no_icmp_no_verdict),
		T(dropped_one_way),
		T(dropped_with_its_resets),
		T(one_sign_of_life_after_the_repeats_may_end_an_outage),
		T(not_dropped_where_something_else_explains_it),
		T(dropped_on_connect_by_a_living_host),
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
