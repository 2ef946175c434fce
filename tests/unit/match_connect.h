/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_MATCH_CONNECT_H
#define TW_TESTS_MATCH_CONNECT_H

/* What the tests of the connect family share: the phenomena, and facts of common beginnings. */
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

static inline int setup(void **state)
{
	tw_arena_init(&arena);
	memset(&f, 0, sizeof(f));
	set(&f, TW_F_IP_VERSION, 4);
	set(&f, TW_F_START_SEEN, 1);
	set(&f, TW_F_SYN_ANSWER, TW_ANSWER_NONE);
	return 0;
}

static inline int teardown(void **state)
{
	tw_arena_free(&arena);
	return 0;
}

/* @n SYNs over @span, the capture ending @rest after the last. */
static inline void syns(int64_t n, int64_t span, int64_t rest)
{
	set_at(&f, TW_F_SYN_COUNT, n, 0);
	set_at(&f, TW_F_SYN_LAST, n, span);
	set(&f, TW_F_SYN_SPAN_NS, span);
	set(&f, TW_F_DURATION_NS, span);
	set(&f, TW_F_CAPTURE_GOES_ON_NS, rest);
}

static inline void refused(void)
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
static inline void shaken(int64_t delay)
{
	syns(1, 0, S(1));
	set_at(&f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK, delay);
	set_at(&f, TW_F_SYNACK_COUNT, 1, delay);
	set(&f, TW_F_ACK3_SEEN, 1);
	set(&f, TW_F_ESTABLISHED, 1);
	set(&f, TW_F_PACKETS_S, 1);
	set(&f, TW_F_RTT_NS, delay);
}

static inline void icmp(enum tw_icmp_class class, int64_t code, bool on_syn)
{
	set_at(&f, TW_F_ICMP_COUNT, 1, MS(1));
	set(&f, TW_F_ICMP_STANDING, 1);
	set(&f, TW_F_ICMP_CLASS, class);
	set(&f, TW_F_ICMP_CODE, code);
	set(&f, TW_F_ICMP_TO, TW_CLIENT);
	set(&f, TW_F_ICMP_ON_SYN, on_syn);
	set(&f, TW_F_ICMP_DELAY_NS, MS(1));
}

#endif
