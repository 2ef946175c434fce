/* SPDX-License-Identifier: BSD-2-Clause */
/* sack-off: without selective acknowledgements a sender learns of one loss per round trip, and has no probe. */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	if (f->host->timers.value[TW_SET_SACK])
		return;
	tw_concern_raise(c, TW_SEVERITY_RISK, "net.ipv4.tcp_sack is 0.");
	tw_concern_risk(c, tw_expect_rto_ns(f),
			"Several losses in a window, or the loss of the last segment of a request, "
			"wait for the retransmission timeout: %s, then twice that, each time.",
			TW_DUR(tw_expect_rto_ns(f)));
}

const struct tw_check tw_check_sack_off = {
	.slug = "sack-off",
	.title = "selective acknowledgements turned off",
	.set = "net.ipv4.tcp_sack=1, the default. (It was turned off against CVE-2019-11477, which "
	       "kernels since 5.2 have repaired.)",
	.costs = "Nothing on a repaired kernel.",
	.source = "RFC 2018; RFC 8985 s7.2; tcp_schedule_loss_probe()",
	.phenomenon = "loss-recovered",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
