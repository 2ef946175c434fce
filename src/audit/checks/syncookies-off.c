/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syncookies-off: without cookies the queue of half-open connections is all there is against a flood of SYNs
 * from false addresses. A request stays until its SYN|ACK was repeated tcp_synack_retries times.
 */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const int64_t most = tw_host_knob(f->host, TW_KNOB_MAX_SYN_BACKLOG, 0);
	const int64_t stay_ns = tw_expect_request_ns(f);

	if (tw_host_knob(f->host, TW_KNOB_SYNCOOKIES, 1) != 0 || !tw_has_open_listener(f))
		return;
	tw_concern_raise(c, TW_SEVERITY_RISK, "net.ipv4.tcp_syncookies is 0.");
	tw_concern_risk(c, stay_ns,
			"SYNs from false addresses lock others out: each takes a place for %s, and "
			"once there are as many as the backlog, or 3/4 of tcp_max_syn_backlog%s, a "
			"listener drops SYNs.",
			TW_DUR(stay_ns),
			most ? tw_arena_printf(c->arena, " (%lld)", (long long)most) : "");
}

const struct tw_check tw_check_syncookies_off = {
	.slug = "syncookies-off",
	.title = "tcp_syncookies 0: no answer to a flood of SYNs",
	.set = "net.ipv4.tcp_syncookies=1, the default: cookies only while the queue is full.",
	.costs =
		"While cookies are sent, a client without timestamps gets no window scaling and no "
		"SACK.",
	.source = "RFC 4987 s3.6; tcp_conn_request(), tcp_syn_flood_action()",
	.phenomenon = "syn-queue-full",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
