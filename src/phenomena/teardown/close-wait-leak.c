/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The application got EOF and does not close: CLOSE_WAIT until its process ends.
 *
 * Theory: after the peer's FIN it is the application's turn, and TCP has no timer for it. All that
 * is visible is a FIN, its ACK, and nothing more. Limits: a half-close on purpose, a long answer
 * in preparation and a second FIN that was lost before this point look the same; so at most
 * likely, and the outcome is unknown.
 *
 *    closes first                                         peer   its app
 *      |----------------------- FIN|ACK ------------------->|       |
 *      |<------------------------ ACK ----------------------| EOF ->|
 *      |  FIN_WAIT2                              CLOSE_WAIT |       |
 *      :  60 s, then gone                                   :  never
 *      :                                                    :  calls
 *      :                                     CLOSE_WAIT ... :  close()
 */
#include "base/duration.h"
#include "phenomena/live.h"
#include "phenomena/phenomenon.h"
#include "phenomena/silence.h"

#define LONG_NS      (60 * TW_NS_PER_S)  /* an application that reads closes sooner */
#define VERY_LONG_NS (600 * TW_NS_PER_S) /* no answer takes so long to prepare */

/*
 * The kernel of the end that closed loses patience: Windows ends FIN_WAIT2 by a RST after two minutes, Linux in
 * silence. For the application that never closed nothing changes.
 */
static bool match_reset(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side closer = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	int64_t since = tw_get(f, TW_F_RST_AUTHOR_FIN_AGO_NS);

	if (!tw_silence_proves(f) || !tw_known(f, TW_F_FIN1_SIDE) || tw_get(f, TW_F_FIN2_SEEN) ||
	    !tw_get(f, TW_F_FIN1_ACKED) || tw_get(f, TW_F_DATA_AFTER_FIN1) ||
	    !tw_is(f, TW_F_RST_SIDE, (int64_t)closer) || !tw_get(f, TW_F_RST_HAS_ACK) ||
	    since < LONG_NS)
		return false;
	m->strength = TW_STRENGTH_TEARDOWN;
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_DEGRADED;
	m->culprit = tw_app_of(tw_other(closer));
	m->summary =
		tw_say(m,
		       "%s got the end of the stream and did not close for %s; then a reset of "
		       "%s ended the connection.",
		       tw_endpoint(m, tw_other(closer)), TW_DUR(since), tw_endpoint(m, closer));
	tw_cite(m, TW_F_FIN1_SIDE, "the FIN of %s", tw_side_name(closer));
	tw_cite(m, TW_F_FIN1_ACKED, "acknowledged; nothing comes from %s afterwards",
		tw_side_name(tw_other(closer)));
	tw_cite(m, TW_F_RST_COUNT, "RST|ACK of %s, %s after its FIN", tw_side_name(closer),
		TW_DUR(since));
	tw_rival(m, "linger-reset",
		 "on Linux FIN_WAIT2 ends in silence: there a program did it (SO_LINGER {1,0} "
		 "after shutdown)");
	tw_rival(m, "firewall-reset",
		 "a device on the way that forgets a half-closed connection may reset it, too");
	tw_app_saw(m, tw_other(closer), "recv", "EOF", -1,
		   "recv() returns 0, before the reset and after it; send() fails with EPIPE.");
	tw_app_saw(m, closer, NULL, NULL, -1, "Nothing: it had closed.");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side closer = (enum tw_side)tw_get(f, TW_F_FIN1_SIDE);
	enum tw_side leaker = tw_other(closer);
	int64_t since = tw_get(f, TW_F_HALF_CLOSED_NS);

	if (match_reset(m))
		return true;
	if (!tw_silence_proves(f) || !tw_known(f, TW_F_FIN1_SIDE) || !tw_get(f, TW_F_FIN1_ACKED) ||
	    tw_get(f, TW_F_FIN2_SEEN) || tw_get(f, TW_F_DATA_AFTER_FIN1) ||
	    tw_get(f, TW_F_RST_COUNT) || since < LONG_NS)
		return false;
	m->strength = TW_STRENGTH_DELAY;
	m->confidence = since >= VERY_LONG_NS ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = TW_OUTCOME_UNKNOWN;
	m->culprit = tw_app_of(leaker);
	m->summary = tw_say(m,
			    "%s got the end of the stream and did not close for %s; its socket is "
			    "in CLOSE_WAIT.",
			    tw_endpoint(m, leaker), TW_DUR(since));
	tw_cite(m, TW_F_FIN1_SIDE, "the FIN of %s", tw_side_name(closer));
	tw_cite(m, TW_F_FIN1_ACKED, "acknowledged; nothing comes from %s for %s",
		tw_side_name(leaker), TW_DUR(since));
	tw_rival(m, "fin-wait2-expired",
		 "what the late end sends one day will be refused; it has not sent it yet");
	tw_rival(m, "last-ack-expired", "its FIN may have been sent and lost before this point");
	tw_rule_out(m, "fin-unanswered", "the FIN was acknowledged");
	tw_app_saw(m, leaker, "recv", "EOF", -1,
		   "recv() returns 0; if it is never called, not even that.");
	tw_app_saw(m, closer, NULL, NULL, -1,
		   "Nothing after close(); after shutdown() recv() waits.");
	tw_missing(m, "The state of the socket on the host that got the FIN: `ss -tanp state "
		      "close-wait` would tell.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "the application",
	  "Only close() (or the end of the process) ends CLOSE_WAIT; the kernel has no "
	  "timer for it." },
	{ "SO_KEEPALIVE",
	  "Off by default; with it the probes draw a RST once the other end's FIN_WAIT2 "
	  "is gone, and that ends the socket." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Count them and find the owner: `ss -tanp state close-wait` on the host that got the "
	"FIN; the process named there has the bug.",
	"Look for the path in that program where recv() returns 0, or an exception is thrown, "
	"and close() is not reached (a missing `with`, `defer` or try-with-resources; a "
	"pooled connection that is never checked).",
	"Until it is mended, restart the process before it reaches its limit (`ulimit -n`; "
	"`ls /proc/PID/fd | wc -l`).",
	"As a net below, switch on SO_KEEPALIVE in that program: 60 s after the peer closed, "
	"the next probe draws a RST and frees the socket.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.3.2 (CLOSE-WAIT: waiting for the local user)",
	"RFC 1122 s4.2.2.13",
	"net/ipv4/tcp_input.c: tcp_fin",
	NULL,
};

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side side = (enum tw_side)tw_get(f, TW_F_K_READER);

	if (!tw_known(f, TW_F_K_CLOSE_WAIT_NS))
		return false;
	tw_live_say(m, TW_STRENGTH_TEARDOWN, TW_CERTAIN, TW_OUTCOME_DEGRADED, tw_app_of(side),
		    tw_say(m, "%s got the end of the stream and has not closed for %s.",
			   tw_endpoint(m, side), TW_DUR(tw_get(f, TW_F_K_CLOSE_WAIT_NS))));
	tw_cite(m, TW_F_K_CLOSE_WAIT_NS, "the socket is still in CLOSE_WAIT");
	tw_app_saw(m, side, "recv", "EOF", -1, "It was told the end and did not act on it.");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "never-closed",
		.about = "the server got the end of the stream and never closes",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "client close\n"
			  "server recv eof\n"
			  "state server CLOSE_WAIT\n"
			  "wait 2s\n"
			  "verdict both unknown|clean unknown clean\n",
	},
	{
		.name = "a-minute",
		.about = "the same, until the client's kernel has forgotten the connection",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "client close\n"
			  "server recv eof\n"
			  "state server CLOSE_WAIT\n"
			  "state client FIN_WAIT2\n"
			  "wait 61s\n"
			  "state client CLOSE within 5s\n"
			  "state server CLOSE_WAIT\n"
			  "# the capture goes on: so the silence is one\n"
			  "client connect #2\n"
			  "server accept #2\n"
			  "client send 100 #2\n"
			  "server recv 100 #2\n"
			  "client close #2\n"
			  "server recv eof #2\n"
			  "server close #2\n"
			  "verdict both close-wait-leak possible unknown\n"
			  "verdict both clean clean stream 1\n",
	},
	{
		.name = "half-close",
		.about = "shutdown(), and a long answer in preparation: no leak",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "client shutdown\n"
			  "server recv eof\n"
			  "state server CLOSE_WAIT\n"
			  "state client FIN_WAIT2\n"
			  "wait 700ms\n"
			  "server send 30000\n"
			  "client recv 30000\n"
			  "server close\n"
			  "client recv -> EOF\n"
			  "client close\n"
			  "verdict both clean clean\n",
	},
	{
		.name = "long-poll",
		.about = "a long wait for the answer, which comes",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "wait 1s\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean clean\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_close_wait_leak = {
	.slug = "close-wait-leak",
	.stage = TW_STAGE_TEARDOWN,
	.title = "Got the end of the stream and never closed",
	.happens = "The peer's kernel acknowledged the FIN and told its application: recv() "
		   "returns 0. From then on the connection is in CLOSE_WAIT and waits for the "
		   "application to close it. If the application never does, because it does not "
		   "read, lost the descriptor, or hangs, the socket stays until the process "
		   "ends. There is no timer.\n\n"
		   "The first end does not wait so long: after close() its FIN_WAIT2 is freed "
		   "after 60 s.",
	.diagram = " closes first                                         peer   its app\n"
		   "   |----------------------- FIN|ACK ------------------->|       |\n"
		   "   |<------------------------ ACK ----------------------| EOF ->|\n"
		   "   |  FIN_WAIT2                              CLOSE_WAIT |       |\n"
		   "   :  60 s, then gone                                   :  never\n"
		   "   :                                                    :  calls\n"
		   "   :                                     CLOSE_WAIT ... :  close()\n",
	.client_sees =
		"If the client leaks: nothing, until it runs out of descriptors (EMFILE). If "
		"the server leaks, the client that closed sees nothing at all.",
	.server_sees =
		"accept() fails with EMFILE one day. Before that, `ss -tan state close-wait` "
		"shows more and more lines, each with Recv-Q 1 (the FIN that nobody read).",
	.recognise = "tcpwhy asks for a first FIN that was acknowledged, and then nothing from the "
		     "other end for at least a minute: no data, no FIN, while the capture goes on. "
		     "One connection is only a possibility; `ss` on the host decides. A half-close "
		     "on purpose (shutdown, remark half-closed) looks the same while it lasts.\n\n"
		     "Where the end that closed first resets after a minute or more, as Windows "
		     "does at the end of FIN_WAIT2, the connection is over, and it is likely.",
	.folklore = "\"Too many CLOSE_WAIT: tune tcp_fin_timeout.\" No sysctl ends CLOSE_WAIT, and "
		    "it is not the other end's fault: it waits for the own application to call "
		    "close(). At best keepalive ends it, once the other end's socket is gone.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.sign = TW_F_FIN1_ACKED,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
