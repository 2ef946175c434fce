/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory-tight: pages in all TCP buffers against tcp_mem. Above the second number buffers shrink and windows
 * close; at the third, sending fails and incoming data is dropped.
 */
#include "audit/check.h"

#define RISK_PERCENT 90

static void look(struct tw_concern *c, const struct tw_audit_frame *f)
{
	const int64_t pressure = tw_host_knob(f->host, TW_KNOB_MEM_PRESSURE, 0);
	const int64_t most = tw_host_knob(f->host, TW_KNOB_MEM_MOST, 0);
	const int64_t now = f->host->memory_pages;

	if (pressure <= 0 || now < pressure / 100 * RISK_PERCENT || !now)
		return;
	c->count = (uint64_t)now;
	tw_concern_raise(c, now >= pressure ? TW_SEVERITY_HARM : TW_SEVERITY_RISK,
			 "TCP buffers hold %lld pages; pressure begins at %lld, the end is %lld.",
			 (long long)now, (long long)pressure, (long long)most);
	tw_concern_risk(
		c, 0,
		"Under pressure windows shrink and all connections slow down; at the end data "
		"is dropped and orphans are reset.");
}

const struct tw_check tw_check_memory_tight = {
	.slug = "memory-tight",
	.title = "memory of all TCP buffers, against tcp_mem",
	.set = "Find who fills the buffers (`ss -tm`): many connections that nobody reads, or "
	       "large "
	       "SO_RCVBUF. Else a larger net.ipv4.tcp_mem (in pages).",
	.costs = "Memory that can not be swapped.",
	.source = "__sk_mem_raise_allocated(), tcp_enter_memory_pressure(); ip-sysctl.rst",
	.phenomenon = "memory-abort",
	.needs = TW_HOST_SOCKSTAT,
	.look = look,
};
