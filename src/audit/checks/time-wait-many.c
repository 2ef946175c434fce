/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time-wait-many: sockets in TIME_WAIT against tcp_max_tw_buckets. Beyond it connections end without
 * TIME_WAIT, and what that guards against can happen (the counter time-wait-overflow says that it did).
 */
#include "audit/check.h"

#define RISK_PERCENT 80

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const int64_t most = tw_host_knob(f->host, TW_KNOB_MAX_TW_BUCKETS, 0);
	int64_t now = 0;
	size_t i;

	for (i = 0; i < f->host->sockets.count; i++)
		now += f->host->sockets.socket[i].timer == TW_SOCKET_TIMER_TIME_WAIT;
	if (most <= 0 || !now || now * 100 < most * RISK_PERCENT)
		return;
	c->count = (uint64_t)now;
	tw_concern_raise(c, TW_SEVERITY_RISK, "%lld sockets are in TIME_WAIT, of at most %lld.",
			 (long long)now, (long long)most);
	tw_concern_risk(c, tw_expect_time_wait_ns(f),
			"Beyond it connections end without their %s of TIME_WAIT: a lost last ACK "
			"draws a reset, and old segments may meet a new connection.",
			TW_DUR(tw_expect_time_wait_ns(f)));
}

const struct tw_check tw_check_time_wait_many = {
	.slug = "time-wait-many",
	.title = "sockets in TIME_WAIT, against tcp_max_tw_buckets",
	.set = "A larger net.ipv4.tcp_max_tw_buckets, or fewer connections closed on this side "
	       "(keep-alive, pools).",
	.costs = "About 250 bytes per socket in TIME_WAIT.",
	.source = "tcp_time_wait(), inet_twsk_alloc(); RFC 9293 s3.6",
	.phenomenon = "last-ack-lost",
	.needs = TW_HOST_SOCKETS,
	.look = look,
};
