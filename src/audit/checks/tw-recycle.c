/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tw-recycle: kernels before 4.12 can compare timestamps per address instead of per connection. Clients
 * behind one NAT have clocks of their own: SYNs of the one with the smaller timestamp are dropped.
 */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	if (tw_host_knob(f->host, TW_KNOB_TW_RECYCLE, 0) == 0)
		return;
	tw_concern_raise(c, TW_SEVERITY_HARM, "net.ipv4.tcp_tw_recycle is on.");
	tw_concern_risk(
		c, tw_expect_connect_ns(f),
		"SYNs of clients behind a NAT or load balancer are dropped in silence, for up "
		"to 60 s after another client closed; connect() fails after %s or succeeds late.",
		TW_DUR(tw_expect_connect_ns(f)));
}

const struct tw_check tw_check_tw_recycle = {
	.slug = "tw-recycle",
	.title = "tcp_tw_recycle of kernels before 4.12",
	.set = "net.ipv4.tcp_tw_recycle=0; for outgoing connections tcp_tw_reuse=1 is the safe "
	       "way.",
	.costs = "Nothing but sockets in TIME_WAIT, which cost little.",
	.source = "tcp_conn_request(), tcp_peer_is_proven() of Linux 4.11; ip-sysctl.rst",
	.phenomenon = "time-wait-syn-dropped",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
