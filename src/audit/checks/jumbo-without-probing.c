/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jumbo-without-probing: the way out begins with a larger MTU than the Internet has. Every path has a
 * narrower link then, and it all depends on one ICMP message.
 *
 *     host, MTU 9000            router, next link 1500
 *       |---- 8948 bytes ---------->X
 *       |<--- ICMP 3/4, mtu 1500 ---|    filtered by many: then a black hole
 *
 * With tcp_mtu_probing=1 the kernel tries smaller segments once tcp_retries1 is over.
 */
#include "audit/check.h"

#define ETHERNET_MTU 1500

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	unsigned i;

	if (tw_host_knob(f->host, TW_KNOB_MTU_PROBING, 1) != 0)
		return;
	for (i = 0; i < f->host->links; i++) {
		const struct tw_link *l = &f->host->link[i];

		if (!l->up || l->loopback || !l->default_routes || l->mtu <= ETHERNET_MTU)
			continue;
		tw_concern_item(c, l->name, 1);
		tw_concern_raise(c, TW_SEVERITY_RISK,
				 "The default route leaves by %s with an MTU of %u, and "
				 "net.ipv4.tcp_mtu_probing is 0.",
				 l->name, l->mtu);
	}
	if (c->count)
		tw_concern_risk(c, tw_expect_data_ns(f),
				"If a firewall on a path drops ICMP, small requests pass and large "
				"ones hang, until ETIMEDOUT after %s. With 1 they go on after some "
				"seconds.",
				TW_DUR(tw_expect_data_ns(f)));
}

const struct tw_check tw_check_jumbo_without_probing = {
	.slug = "jumbo-without-probing",
	.title = "a large MTU on the default route without MTU probing",
	.set = "net.ipv4.tcp_mtu_probing=1; or an MTU of 1500 for the default route (ip route ... "
	       "mtu).",
	.costs =
		"With 1, a long outage can be taken for a black hole: smaller segments afterwards.",
	.source = "RFC 4821; RFC 2923 s2.1; tcp_mtu_probing() in tcp_timer.c",
	.phenomenon = "pmtu-blackhole",
	.needs = TW_HOST_LINKS,
	.look = look,
};
