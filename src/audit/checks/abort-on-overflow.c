/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * abort-on-overflow: what a listener does with the third segment of a handshake while its accept queue is
 * full.
 *
 *     client          server, queue full
 *       |---- SYN ------>|
 *       |<--- SYN|ACK ---|
 *       |---- ACK ------>|   0: forgotten; SYN|ACK is sent again, there may be room by then
 *       |<--- RST -------|   1: the client, which is connected already, gets ECONNRESET
 *
 * It changes nothing for SYNs that meet a full queue: those are dropped either way.
 */
#include "audit/check.h"

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	if (!f->host->timers.value[TW_SET_ABORT_ON_OVERFLOW] || !tw_has_open_listener(f))
		return;
	tw_concern_raise(c, TW_SEVERITY_RISK, "net.ipv4.tcp_abort_on_overflow is %lld.",
			 (long long)f->host->timers.value[TW_SET_ABORT_ON_OVERFLOW]);
	tw_concern_risk(
		c, 0,
		"A burst that fills the accept queue becomes ECONNRESET in clients that were "
		"connected; with 0 the handshake is repeated after 1 s, and succeeds.");
}

const struct tw_check tw_check_abort_on_overflow = {
	.slug = "abort-on-overflow",
	.title = "tcp_abort_on_overflow: a burst becomes resets",
	.set = "net.ipv4.tcp_abort_on_overflow=0.",
	.costs = "Clients of a server that is overloaded for long wait instead of failing at once.",
	.source = "tcp_check_req() (listen_overflow); ip-sysctl.rst",
	.phenomenon = "accept-queue-full",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
