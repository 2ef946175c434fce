/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conntrack-strict: a host that forwards with NAT calls segments outside the window INVALID and does not
 * translate them; the true end then answers what it does not know with a reset.
 *
 *     pod ---> node (NAT) ---> server
 *       |<------- data above the window ---|   INVALID: passed untranslated
 *       |---- RST -------------------------|   "I have no such connection"
 *
 * Said only where the table has counted INVALID packets.
 */
#include "audit/check.h"

#define INVALID_MANY 100

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	if (!f->host->ct_stat_known || f->host->ct_invalid < INVALID_MANY ||
	    tw_is_rare(f, f->host->ct_invalid) ||
	    tw_host_knob(f->host, TW_KNOB_CT_LIBERAL, 1) != 0 ||
	    tw_host_knob(f->host, TW_KNOB_IP_FORWARD, 0) == 0)
		return;
	c->count = f->host->ct_invalid;
	tw_concern_raise(
		c, TW_SEVERITY_RISK,
		"This host forwards, nf_conntrack_tcp_be_liberal is 0, and %llu packets were "
		"INVALID.",
		(unsigned long long)f->host->ct_invalid);
	tw_concern_risk(
		c, 0,
		"Where NAT is done here, an INVALID packet is not translated: the other end "
		"resets a healthy connection (ECONNRESET in the middle of a transfer).");
}

const struct tw_check tw_check_conntrack_strict = {
	.slug = "conntrack-strict",
	.title = "INVALID packets on a host that forwards",
	.set = "Drop INVALID packets in the forward chain, or "
	       "net.netfilter.nf_conntrack_tcp_be_liberal=1.",
	.costs = "With be_liberal the table no longer drops forged segments outside the window.",
	.source = "tcp_in_window() in nf_conntrack_proto_tcp.c; Kubernetes issue 74839",
	.phenomenon = "conntrack-invalid-reset",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
