/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * orphans-many: closed sockets whose last data is not yet acknowledged. Beyond tcp_max_orphans a close()
 * throws the data away and sends a reset (tcp_check_oom()).
 */
#include "audit/check.h"

#define RISK_PERCENT 50
#define HARM_PERCENT 90

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const int64_t most = tw_host_knob(f->host, TW_KNOB_MAX_ORPHANS, 0);
	const int64_t now = f->host->orphans;

	if (most <= 0 || now < most / 100 * RISK_PERCENT || now < RISK_PERCENT)
		return;
	c->count = (uint64_t)now;
	tw_concern_raise(c, now >= most / 100 * HARM_PERCENT ? TW_SEVERITY_HARM : TW_SEVERITY_RISK,
			 "%lld closed sockets still send (orphans), of at most %lld.",
			 (long long)now, (long long)most);
	tw_concern_risk(c, 0,
			"At the limit close() resets connections, and what was not yet "
			"acknowledged is lost to the peer. Busy peers count double to fourfold.");
}

const struct tw_check tw_check_orphans_many = {
	.slug = "orphans-many",
	.title = "closed sockets that still send, against tcp_max_orphans",
	.set = "A smaller net.ipv4.tcp_orphan_retries (0 means 8), or a larger "
	       "net.ipv4.tcp_max_orphans.",
	.costs = "Fewer retries lose last data in short outages; each orphan takes up to 64 KiB "
		 "that "
		 "can not be swapped.",
	.source = "tcp_check_oom(), tcp_out_of_resources(); ip-sysctl.rst",
	.phenomenon = "memory-abort",
	.needs = TW_HOST_SOCKSTAT,
	.look = look,
};
