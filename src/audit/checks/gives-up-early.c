/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gives-up-early: tcp_retries2 so small that outages which end by themselves end connections. RFC 1122
 * s4.2.3.5 asks for 100 s at least; clusters choose less with intent, so it is a note.
 */
#include "audit/check.h"
#include "timers/constants.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const int64_t end_ns = tw_expect_data_ns(f);

	if (!end_ns || end_ns >= TW_RFC1122_R2_NS)
		return;
	tw_concern_raise(c, TW_SEVERITY_NOTE, "net.ipv4.tcp_retries2 is %lld.",
			 (long long)f->host->timers.value[TW_SET_RETRIES2]);
	tw_concern_risk(
		c, end_ns,
		"All connections with data in flight end in outages of more than %s, such as "
		"a failover or a reboot of a router.",
		TW_DUR(end_ns));
}

const struct tw_check tw_check_gives_up_early = {
	.slug = "gives-up-early",
	.title = "tcp_retries2 below the 100 s of RFC 1122",
	.set = "If that was not the purpose: net.ipv4.tcp_retries2=8 or more, and TCP_USER_TIMEOUT "
	       "in "
	       "the applications that must know sooner.",
	.costs = "Applications without timeouts of their own notice a dead peer later.",
	.source = "RFC 1122 s4.2.3.5; retransmits_timed_out()",
	.phenomenon = "peer-vanished",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
