/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory-abort: the kernel resets connections because it runs out of socket memory or of orphans.
 *
 *     client                          server
 *       |---- data -------------------->|  tcp_mem limit reached, or
 *       |                               |  close() with tcp_max_orphans sockets unfinished
 *       |<--- RST|ACK seq = SND.NXT ----|  tcp_check_oom() -> tcp_send_active_reset()
 *     recv: ECONNRESET
 *
 * The segment is that of every active reset; only the kernel's counters and log show the reason.
 * It has no matcher.
 */
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_mem", "Three limits in pages for all TCP sockets of the host; the third is "
			      "hard. Default by RAM size." },
	{ "net.ipv4.tcp_max_orphans", "Closed sockets that still have to send; beyond it they are "
				      "reset. Default by RAM size." },
	{ "net.ipv4.tcp_orphan_retries",
	  "How often an orphan repeats, 0 means 8 (107.5 s): fewer free memory sooner." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Confirm it: `journalctl -k | grep -E 'TCP: (out of memory|too many orphaned sockets)'` "
	"and `nstat -az TcpExtTCPAbortOnMemory`.",
	"See who holds the memory: `cat /proc/net/sockstat` (mem, orphan) against `sysctl "
	"net.ipv4.tcp_mem net.ipv4.tcp_max_orphans`, and `ss -tm` for the sockets with the largest "
	"queues.",
	"Let the applications read: memory that fills up with receive queues is the mark of a "
	"program that accepts and does not read.",
	"Raise tcp_mem and tcp_max_orphans if the host has the RAM; an orphan can hold up to about "
	"64 KB.",
	"Lower tcp_orphan_retries (for example 2: 3.4 s) on servers whose clients vanish in large "
	"numbers.",
	NULL,
};

static const char *const references[] = {
	"net/ipv4/tcp.c: tcp_check_oom, __tcp_close (LINUX_MIB_TCPABORTONMEMORY)",
	"net/ipv4/tcp_timer.c: tcp_out_of_resources",
	"Documentation/networking/ip-sysctl.rst",
	NULL,
};

static bool match_live(struct tw_match *m)
{
	if (!tw_live_reset_for(m, TW_KRST_MEMORY))
		return false;
	tw_live_say(m, TW_STRENGTH_EXPLICIT, TW_CERTAIN, TW_OUTCOME_FAILED,
		    tw_host_of(tw_live_author(m)),
		    tw_say(m,
			   "The kernel of %s ran out of socket memory or orphans and reset the "
			   "connection.",
			   tw_endpoint(m, tw_live_author(m))));
	tw_live_cite_reset(m);
	tw_live_cite_got(m);
	tw_live_victim_saw(m);
	return true;
}

const struct tw_phenomenon tw_ph_memory_abort = {
	.slug = "memory-abort",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The kernel ran out of socket memory",
	.happens = "All TCP sockets of a host share a budget of memory (tcp_mem) and a number of "
		   "orphans (tcp_max_orphans), that is sockets which their program has closed but "
		   "which still have data or a FIN to deliver. When one of the two is exceeded the "
		   "kernel resets: at close(), or when an orphan's timer fires.\n\n"
		   "Data that was still to be sent is lost, although the program had long handed "
		   "it over and closed without an error.",
	.diagram = "client                          server\n"
		   "  |<--- part of the answer -------|  close(), rest unsent\n"
		   "  |                               |  too many orphans\n"
		   "  |<--- RST|ACK seq=SND.NXT ------|\n"
		   "recv: ECONNRESET\n",
	.client_sees = "ECONNRESET, often in the middle of an answer, and at the same time as many "
		       "others.",
	.server_sees = "close() returned 0; the kernel's log says \"TCP: too many orphaned "
		       "sockets\" or \"TCP: out of memory -- consider tuning tcp_mem\". A program "
		       "that still writes may get ENOMEM or ENOBUFS, or simply block.",
	.recognise = "Not from packets: the reset is that of aborted. The counter "
		     "TcpExtTCPAbortOnMemory, the kernel's log and the reset reason "
		     "TCP_ABORT_ON_MEMORY decide.",
	.folklore = NULL,
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "K",
	.unreproduced = "its limits (net.ipv4.tcp_mem, tcp_max_orphans) are of the whole machine, "
			"not of a host in it",
	.match = NULL,
	.match_live = match_live,
};
