/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rp-filter-strict: strict reverse path filtering drops what does not come in by the interface that its
 * answer would leave by. With two ways out, answers of the Internet may come by the other one.
 *
 *     eth0 ---- SYN ------------->
 *     eth1 <--- SYN|ACK ----------   dropped: the best route to its source is by eth0
 *
 * Limits: policy routing, with which two ways can be kept apart, is not looked at.
 */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const char *names = "";
	unsigned i, ways = 0, strict = 0;

	for (i = 0; i < f->host->links; i++) {
		const struct tw_link *l = &f->host->link[i];

		if (!l->up || l->loopback || !l->default_routes)
			continue;
		ways++;
		strict += l->rp_filter == 1;
		if (l->rp_filter != 1)
			continue;
		tw_concern_item(c, l->name, 1);
		names = tw_arena_printf(c->arena, "%s%s%s", names, *names ? ", " : "", l->name);
	}
	if (ways < 2 || !strict) {
		c->count = 0;
		return;
	}
	tw_concern_raise(c, TW_SEVERITY_RISK,
			 "%u interfaces have a default route, and rp_filter is strict (1) on %s.",
			 ways, names);
	tw_concern_risk(
		c, tw_expect_connect_ns(f),
		"What comes by the other way is dropped in silence, though tcpdump shows it: "
		"connect() ends with ETIMEDOUT after %s.",
		TW_DUR(tw_expect_connect_ns(f)));
}

const struct tw_check tw_check_rp_filter_strict = {
	.slug = "rp-filter-strict",
	.title = "strict reverse path filtering with several ways out",
	.set = "net.ipv4.conf.IFACE.rp_filter=2 (loose) there; the larger of it and "
	       "net.ipv4.conf.all.rp_filter counts.",
	.costs = "Loose mode lets through false sources that some route leads to.",
	.source = "RFC 3704 s2.2, s2.4; fib_validate_source()",
	.phenomenon = "syn-unanswered",
	.needs = TW_HOST_LINKS,
	.look = look,
};
