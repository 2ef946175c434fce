/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time-wait-unprotected: TIME_WAIT keeps old segments of a connection away from the next one with the same
 * ports. A reset ends it early (RFC 1337) unless tcp_rfc1337 is set; timestamps protect as well (PAWS). With
 * neither there is nothing.
 */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	if (tw_host_knob(f->host, TW_KNOB_TIMESTAMPS, 1) != 0 ||
	    tw_host_knob(f->host, TW_KNOB_RFC1337, 1) != 0)
		return;
	tw_concern_raise(c, TW_SEVERITY_NOTE,
			 "Neither net.ipv4.tcp_timestamps nor net.ipv4.tcp_rfc1337 is on.");
	tw_concern_risk(c, 0,
			"A late duplicate draws a reset that ends TIME_WAIT before its %s; a new "
			"connection with the same ports may then take old data for its own.",
			TW_DUR(tw_expect_time_wait_ns(f)));
}

const struct tw_check tw_check_time_wait_unprotected = {
	.slug = "time-wait-unprotected",
	.title = "TIME_WAIT that a reset ends, without timestamps",
	.set = "net.ipv4.tcp_timestamps=1 (the default), or net.ipv4.tcp_rfc1337=1.",
	.costs = "Timestamps: twelve bytes in each segment. tcp_rfc1337: none.",
	.source = "RFC 1337; RFC 7323 s5; tcp_timewait_state_process()",
	.phenomenon = "time-wait-killed",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
