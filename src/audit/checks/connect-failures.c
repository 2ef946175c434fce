/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect-failures: connect() calls of this host that did not lead to a connection. AttemptFails counts them,
 * and handshakes that a client has reset, which EmbryonicRsts tells apart (tcp_check_req() counts both).
 */
#include "audit/check.h"

#define LEAST  20
#define ONE_IN 10 /* of the connect() calls */

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const uint64_t *n = f->host->counter;
	const bool *known = f->host->counter_known;
	const uint64_t resets = n[TW_COUNTER_EMBRYONIC_RSTS];
	const uint64_t fails =
		n[TW_COUNTER_ATTEMPT_FAILS] > resets ? n[TW_COUNTER_ATTEMPT_FAILS] - resets : 0;

	if (!known[TW_COUNTER_ATTEMPT_FAILS] || !known[TW_COUNTER_EMBRYONIC_RSTS] ||
	    fails < LEAST || tw_is_rare(f, fails) || fails < n[TW_COUNTER_ACTIVE_OPENS] / ONE_IN)
		return;
	c->count = fails;
	tw_concern_raise(c, TW_SEVERITY_RISK, "%llu of %llu connect() calls of this host failed.",
			 (unsigned long long)fails, (unsigned long long)n[TW_COUNTER_ACTIVE_OPENS]);
	tw_concern_risk(
		c, tw_expect_connect_ns(f),
		"Refused ones cost nothing; each that nobody answered cost its caller up to "
		"%s. (The losers of happy eyeballs count, too.)",
		TW_DUR(tw_expect_connect_ns(f)));
}

const struct tw_check tw_check_connect_failures = {
	.slug = "connect-failures",
	.title = "connect() calls that failed",
	.set = "`tcpwhy live` says to whom and why.",
	.costs = "Nothing.",
	.source = "tcp_done(), tcp_check_req(): TCP_MIB_ATTEMPTFAILS; RFC 4022",
	.phenomenon = "syn-unanswered",
	.needs = TW_HOST_COUNTERS,
	.look = look,
};
