/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conntrack-forgets: this host's connection table forgets idle connections before a keepalive of the default
 * two hours has kept them. RFC 5382 REQ-5 asks a NAT for 2 h 4 min.
 */
#include "audit/check.h"

#define RFC_LEAST_S 7440

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const int64_t seconds = tw_host_knob(f->host, TW_KNOB_CT_ESTABLISHED_S, RFC_LEAST_S);
	const bool routes = tw_host_knob(f->host, TW_KNOB_IP_FORWARD, 0) != 0;
	const bool loose = tw_host_knob(f->host, TW_KNOB_CT_LOOSE, 1) != 0;

	/* The module is loaded, but no rule of this namespace asks for it. */
	if (tw_host_knob(f->host, TW_KNOB_CT_COUNT, 1) == 0 || seconds >= RFC_LEAST_S)
		return;
	/* Without NAT, a loose table takes the connection up again at its next packet. */
	tw_concern_raise(c, routes || !loose ? TW_SEVERITY_RISK : TW_SEVERITY_NOTE,
			 "nf_conntrack_tcp_timeout_established is %lld s.", (long long)seconds);
	tw_concern_risk(
		c, seconds * TW_NS_PER_S,
		"A connection that is idle for %s is forgotten: its next packet is %s, and "
		"dropped where rules let pass only what is established, or, behind NAT, not "
		"translated and answered by a reset.",
		TW_DUR(seconds * TW_NS_PER_S),
		loose ? "that of a new one" : "INVALID (nf_conntrack_tcp_loose is 0)");
}

const struct tw_check tw_check_conntrack_forgets = {
	.slug = "conntrack-forgets",
	.title = "a connection table that forgets idle connections within two hours",
	.set = "net.netfilter.nf_conntrack_tcp_timeout_established=7440 or more, or keepalive "
	       "below "
	       "it in the applications.",
	.costs = "More entries at a time in the table.",
	.source = "RFC 5382 REQ-5; nf_conntrack_proto_tcp.c",
	.phenomenon = "idle-blackholed",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
