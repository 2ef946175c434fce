/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket-destroyed: somebody ended the socket from outside the program.
 *
 *     client                          server
 *       |          established          |
 *       |                               |  ss -K, bpf_sock_destroy()
 *       |<--- RST|ACK seq = SND.NXT ----|  tcp_abort() -> tcp_send_active_reset()
 *     recv: ECONNRESET                recv: ECONNABORTED
 *
 * tcp_abort() writes the segment that close() with SO_LINGER {1,0} writes, so packets cannot show
 * it: it has no matcher, and is named as a rival by those that look the same.
 */
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"

#include <errno.h>

static const struct tw_governed governed[] = {
	{ "CONFIG_INET_DIAG_DESTROY",
	  "Whether the kernel can do it at all; on in most distributions." },
	{ "CAP_NET_ADMIN", "Needed by whoever does it." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Look who may have done it: shell history and cron for `ss -K`, agents that end "
	"connections after a fail-over (Cilium, Android's netd, database fail-over scripts).",
	"In the program whose socket it was, treat ECONNABORTED from recv or send as this: no "
	"time-out and no peer gives that errno on an established connection.",
	"Trace it: `bpftrace -e 'kprobe:tcp_abort { printf(\"%s %d\\n\", comm, pid); }'` shows who "
	"calls.",
	NULL,
};

static const char *const references[] = {
	"net/ipv4/tcp.c: tcp_abort",
	"net/ipv4/inet_diag.c: SOCK_DESTROY",
	"ss(8), option -K",
	NULL,
};

/* Live: only tcp_abort() gives the socket ECONNABORTED. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side side = (enum tw_side)tw_get(f, TW_F_K_DESTROYED);

	if (!tw_known(f, TW_F_K_DESTROYED))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM + 3, TW_CERTAIN, TW_OUTCOME_FAILED, tw_host_of(side),
		    tw_say(m, "The socket of %s was destroyed from outside (ss -K or the like).",
			   tw_endpoint(m, side)));
	tw_cite(m, TW_F_K_DESTROYED, "the socket gets ECONNABORTED, which only tcp_abort() gives");
	tw_live_cite_reset(m);
	tw_live_cite_got(m);
	tw_rule_out(m, "linger-reset", "its own process did not close it");
	tw_app_saw(m, side, "recv", "ECONNABORTED", -1, NULL);
	tw_app_saw(m, tw_other(side), "recv", "ECONNRESET", -1, NULL);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "ss-kill",
		.about = "`ss -K`: the socket is ended from outside",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "server recv &\n"
			  "server destroy\n"
			  "join server -> ECONNABORTED within 1s\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "# the reset of an application's own abort is the same\n"
			  "verdict both "
			  "socket-destroyed|linger-reset|closed-with-unread-data|aborted likely "
			  "failed\n"
			  "never both certain\n",
	},
	{
		.name = "by-client",
		.about = "at the client's end, where nobody waits: the next call tells",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "client destroy\n"
			  "client send 1 -> ECONNABORTED\n"
			  "client send 1 -> EPIPE\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "# all was answered\n"
			  "verdict both clean|socket-destroyed|linger-reset likely possible clean "
			  "degraded\n"
			  "never both certain\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_socket_destroyed = {
	.slug = "socket-destroyed",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The socket was destroyed from outside",
	.happens =
		"An administrator or an agent told the kernel to end a socket that belongs to "
		"somebody else: `ss -K`, the netlink request SOCK_DESTROY, or a BPF program. The "
		"kernel resets the peer with an active RST|ACK and hands the owner an error.\n\n"
		"It is used on purpose to cut connections that would otherwise linger: after an "
		"address moved, after a backend was taken out of service.",
	.diagram = "client                          server\n"
		   "  |        established            |\n"
		   "  |                               |  ss -K dst ...\n"
		   "  |<--- RST|ACK seq=SND.NXT ------|  TS, window, IP-ID as before\n"
		   "recv: ECONNRESET              recv: ECONNABORTED\n",
	.client_sees = "As the peer: ECONNRESET from recv or send, then end of file and EPIPE.",
	.server_sees = "As the owner of the socket: ECONNABORTED (\"Software caused connection "
		       "abort\") from the blocked or next call.",
	.recognise = "Not from packets: the reset is that of linger-reset or aborted, which name "
		     "it as a rival. The owner's errno ECONNABORTED, or the kernel function "
		     "tcp_abort, decides.",
	.folklore = "\"ECONNABORTED means that the peer went away.\" On an established connection "
		    "it means that this host ended it.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "K",
	.match = NULL,
	.match_live = match_live,
	.scenarios = scenarios,
};
