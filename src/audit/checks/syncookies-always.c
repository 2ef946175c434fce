/* SPDX-License-Identifier: BSD-2-Clause */
/* syncookies-always: 2 sends cookies for every connection; the kernel has it for tests of network loads. */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	if (tw_host_knob(f->host, TW_KNOB_SYNCOOKIES, 1) != 2 || !tw_has_open_listener(f))
		return;
	tw_concern_raise(c, TW_SEVERITY_RISK, "net.ipv4.tcp_syncookies is 2: cookies for all.");
	tw_concern_risk(
		c, 0,
		"The listener remembers no SYN: a lost third ACK is never repaired by a "
		"repeated SYN|ACK, and clients without timestamps get a window of 64 KiB and no "
		"SACK.");
}

const struct tw_check tw_check_syncookies_always = {
	.slug = "syncookies-always",
	.title = "tcp_syncookies 2: cookies for every connection",
	.set = "net.ipv4.tcp_syncookies=1, the default: cookies only while the queue is full.",
	.costs = "Nothing.",
	.source = "ip-sysctl.rst (\"to test network connections\"); tcp_conn_request()",
	.phenomenon = "handshake-ack-lost",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
