/* SPDX-License-Identifier: BSD-2-Clause */
/* tw-reuse-useless: taking a port from TIME_WAIT is safe by timestamps only, and is not done without. */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	if (f->host->timers.value[TW_SET_TW_REUSE] != 1 ||
	    tw_host_knob(f->host, TW_KNOB_TIMESTAMPS, 1) != 0)
		return;
	tw_concern_raise(c, TW_SEVERITY_NOTE,
			 "net.ipv4.tcp_tw_reuse is 1, but net.ipv4.tcp_timestamps is 0.");
	tw_concern_risk(c, tw_expect_time_wait_ns(f),
			"No port is reused before its TIME_WAIT of %s is over: the setting has no "
			"effect.",
			TW_DUR(tw_expect_time_wait_ns(f)));
}

const struct tw_check tw_check_tw_reuse_useless = {
	.slug = "tw-reuse-useless",
	.title = "tcp_tw_reuse without timestamps, which has no effect",
	.set = "net.ipv4.tcp_timestamps=1, the default.",
	.costs = "Twelve bytes in each segment.",
	.source = "tcp_twsk_unique(); RFC 6191",
	.phenomenon = "ports-exhausted",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
