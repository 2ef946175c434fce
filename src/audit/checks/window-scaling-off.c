/* SPDX-License-Identifier: BSD-2-Clause */
/* window-scaling-off: at most 64 KiB per round trip, whatever the path could carry. */
#include "audit/check.h"

#define WINDOW_BYTES 65535
#define EXAMPLE_MS   20

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	if (tw_host_knob(f->host, TW_KNOB_WINDOW_SCALING, 1) != 0)
		return;
	tw_concern_raise(c, TW_SEVERITY_RISK, "net.ipv4.tcp_window_scaling is 0.");
	tw_concern_risk(
		c, 0,
		"No connection carries more than 64 KiB per round trip: at %d ms that is %d "
		"Mbit/s.",
		EXAMPLE_MS, WINDOW_BYTES * 8 / EXAMPLE_MS / 1000);
}

const struct tw_check tw_check_window_scaling_off = {
	.slug = "window-scaling-off",
	.title = "window scaling turned off",
	.set = "net.ipv4.tcp_window_scaling=1, the default.",
	.costs = "Memory for larger buffers where they are used; a broken firewall from before "
		 "2005.",
	.source = "RFC 7323 s2; tcp_select_initial_window()",
	.needs = TW_HOST_SETTINGS,
	.look = look,
};
