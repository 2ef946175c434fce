/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conntrack-full: a new connection needs an entry in the table; without room its SYN is dropped ("nf_conntrack:
 * table full, dropping packet").
 *
 * Limits: inside a namespace the number in use is its own, the limit may be the whole host's.
 */
#include "audit/check.h"

#define RISK_PERCENT 80
#define HARM_PERCENT 95
#define LOST_MANY    10

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const int64_t most = tw_host_knob(f->host, TW_KNOB_CT_MAX, 0);
	const int64_t now = tw_host_knob(f->host, TW_KNOB_CT_COUNT, 0);
	const uint64_t lost = f->host->ct_drop + f->host->ct_early_drop;
	const bool was_full = lost >= LOST_MANY && !tw_is_rare(f, lost);

	if (most <= 0 || (now * 100 < most * RISK_PERCENT && !was_full))
		return;
	c->count = (uint64_t)now;
	tw_concern_raise(c,
			 was_full || now * 100 >= most * HARM_PERCENT ? TW_SEVERITY_HARM
								      : TW_SEVERITY_RISK,
			 "The connection table holds %lld of %lld entries; for want of room %llu "
			 "packets were dropped and %llu entries thrown out.",
			 (long long)now, (long long)most, (unsigned long long)f->host->ct_drop,
			 (unsigned long long)f->host->ct_early_drop);
	tw_concern_risk(
		c, tw_expect_connect_ns(f),
		"While it is full, SYNs through and to this host are dropped: connect() ends "
		"with ETIMEDOUT after %s.",
		TW_DUR(tw_expect_connect_ns(f)));
}

const struct tw_check tw_check_conntrack_full = {
	.slug = "conntrack-full",
	.title = "entries of the connection table, against nf_conntrack_max",
	.set = "A larger net.netfilter.nf_conntrack_max, a smaller "
	       "nf_conntrack_tcp_timeout_established, or NOTRACK for what needs no tracking.",
	.costs = "About 300 bytes per entry. A smaller timeout forgets idle connections sooner.",
	.source = "__nf_conntrack_alloc(); nf_conntrack-sysctl.rst",
	.phenomenon = "syn-unanswered",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
