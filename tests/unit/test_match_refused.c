/* SPDX-License-Identifier: BSD-2-Clause */
/* The matchers of refusal: closed ports, filters that reset, reject or drop, hosts that cannot be reached. Where each must
 * speak, and the look-alike where it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "match_connect.h"

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
	assert_true(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	assert_int_equal(m.confidence,
			 TW_POSSIBLE); /* or it was one, and the capture missed the rest */
	assert_true(has_rival(&m, "aborted"));
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
	assert_false(ask(&tw_ph_firewall_reset, &f, &arena, &m)); /* perhaps it writes none */
	set(&f, TW_F_RST_TTL, 57);                                /* nor does Linux before 4.3 */
	assert_false(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	set(&f, TW_F_HOST_LABELS, 0);
	assert_false(ask(&tw_ph_firewall_reset, &f, &arena, &m));
	set(&f, TW_F_HOST_LABELS, 1);
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
	set(&f, TW_F_ICMP_STANDING,
	    0); /* what it quotes was acknowledged: the silence has another reason */
	assert_true(ask(&tw_ph_firewall_rejected, &f, &arena, &m));
	assert_int_equal(m.outcome, TW_OUTCOME_DEGRADED);
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

/* Its code 1 is not of a router on the way, but of who puts fragments together: as a rule the other end. */
static void fragments_that_do_not_come(void **state)
{
	syns(1, 0, S(1));
	icmp(TW_ICMP_TIME_EXCEEDED, 0, true);
	assert_true(ask(&tw_ph_host_unreachable, &f, &arena, &m));
	assert_non_null(strstr(tw_ph_host_unreachable.remedies[m.remedy], "routing loop"));
	icmp(TW_ICMP_TIME_EXCEEDED, 1, true);
	assert_true(ask(&tw_ph_host_unreachable, &f, &arena, &m));
	assert_non_null(strstr(tw_ph_host_unreachable.remedies[m.remedy], "fragment"));
	assert_null(strstr(m.summary, "router"));
	set(&f, TW_F_ICMP_FROM_DESTINATION, 1);
	assert_true(ask(&tw_ph_host_unreachable, &f, &arena, &m));
	assert_non_null(strstr(m.summary, "The other end could not reassemble"));
	assert_false(rules_out(&m, "port-closed"));
	set(&f, TW_F_ICMP_CODE, 0);
	assert_false(ask(&tw_ph_host_unreachable, &f, &arena, &m));
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
	assert_true(m.peer_known);
	assert_int_equal(m.peer, TW_SERVER);
	assert_int_equal(m.remedy, 0);
	set(&f, TW_F_VANTAGE, TW_VANTAGE_SERVER);
	assert_true(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
	assert_int_equal(m.culprit, TW_CULPRIT_SERVER_HOST);
	assert_non_null(strstr(tw_ph_firewall_dropped.remedies[m.remedy], "On the host"));
	/* the server's own segments: it is the client that gets nothing */
	forget(&f, TW_F_VANTAGE);
	set(&f, TW_F_UNANSWERED_SIDE, TW_SERVER);
	assert_true(ask(&tw_ph_firewall_dropped, &f, &arena, &m));
	assert_int_equal(m.peer, TW_CLIENT);
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
		T(fragments_that_do_not_come),
		T(no_icmp_no_verdict),
		T(dropped_one_way),
		T(dropped_with_its_resets),
		T(one_sign_of_life_after_the_repeats_may_end_an_outage),
		T(not_dropped_where_something_else_explains_it),
		T(dropped_on_connect_by_a_living_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
