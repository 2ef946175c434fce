/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen-drops: handshakes that a listener dropped for another reason than a full queue: no memory for the new
 * socket, no route back, a security module. ListenDrops counts all; ListenOverflows those of the accept queue and
 * TCPReqQFullDrop those of the queue of SYNs.
 */
#include "audit/check.h"

#define LEAST  10
#define ONE_IN 10000 /* of the connections that were accepted */

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const uint64_t *n = f->host->counter;
	const uint64_t full = n[TW_COUNTER_LISTEN_OVERFLOWS] + n[TW_COUNTER_REQ_FULL_DROP];
	const uint64_t drops = n[TW_COUNTER_LISTEN_DROPS], others = drops > full ? drops - full : 0;

	if (!f->host->counter_known[TW_COUNTER_LISTEN_DROPS] || others < LEAST ||
	    tw_is_rare(f, others) || others < n[TW_COUNTER_PASSIVE_OPENS] / ONE_IN)
		return;
	c->count = others;
	tw_concern_raise(
		c, TW_SEVERITY_RISK,
		"ListenDrops has counted %llu more than ListenOverflows and TCPReqQFullDrop.",
		(unsigned long long)others);
	tw_concern_risk(c, tw_expect_connect_ns(f),
			"Handshakes were dropped although the queues had room: no memory, or no "
			"route back. Clients repeat them, and fail after %s if it lasts.",
			TW_DUR(tw_expect_connect_ns(f)));
}

const struct tw_check tw_check_listen_drops = {
	.slug = "listen-drops",
	.title = "handshakes that were dropped for other reasons than a full queue",
	.set = "Look at memory (`ss -tm`, the kernel's log) and at the routes back to clients "
	       "(`ip route get`).",
	.costs = "Nothing.",
	.source = "tcp_listendrop(), tcp_v4_syn_recv_sock(): LINUX_MIB_LISTENDROPS",
	.phenomenon = "syn-unanswered",
	.needs = TW_HOST_COUNTERS,
	.look = look,
};
