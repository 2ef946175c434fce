/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linger-reset: SO_LINGER {1,0} and close(), or connect(AF_UNSPEC).
 *
 *     client                          server
 *       |---- request ---------------->|
 *       |<--- answer ------------------|
 *       |---- ACK -------------------->|  l_onoff=1, l_linger=0; close()
 *       |<--- RST|ACK seq = SND.NXT ---|  tcp_disconnect() -> tcp_send_active_reset()
 *
 * If data of the author was lost on the way, SND.NXT is ahead of what the peer expects and the
 * reset is not exact (RFC 5961 s3.2): the peer challenges it and the kernel, which has forgotten
 * the socket, answers with a second, bare one:
 *
 *       |        X-- 100 B ------------|
 *       |<--- RST|ACK seq = 101 -------|
 *       |---- ACK 1 (challenge) ------>|
 *       |<--- RST seq = 1 -------------|
 *
 * The segment is that of closed-with-unread-data; what is different is that nothing can have been
 * unread. `ss -K`, connect(AF_UNSPEC) and a listener that closes with the connection still in its
 * accept queue write the same, so this is never certain from packets.
 */
#include "base/duration.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"

#define JUST_NOW_NS (5 * TW_NS_PER_MS)

/* Then nothing can be unread; else who has said its last word may have left the rest of what it got. */
static bool nothing_came(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_VICTIM_SENT_BYTES) == 0 && tw_get(f, TW_F_START_SEEN);
}

static void add_rivals(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	tw_rival(m, "socket-destroyed", "`ss -K` and BPF end a socket with the same segment");
	if (tw_get(f, TW_F_RST_AUTHOR_SENT_BYTES) == 0 && tw_reset_author(f) == TW_SERVER)
		tw_rival(m, "process-died",
			 "a listener that is closed or dies resets the connections that it had not "
			 "accepted with the same segment");
	if (tw_get(f, TW_F_RST_AUTHOR_UNACKED) > 0)
		tw_rival(m, "memory-abort",
			 "a kernel that has too many orphans (tcp_max_orphans) resets what is "
			 "closed "
			 "with data not yet acknowledged");
	if (tw_get(f, TW_F_RST_AUTHOR_FIN))
		tw_rival(m, "fin-wait2-expired",
			 "TCP_LINGER2 below 0 sends the same reset when FIN_WAIT2 is reached");
	if (nothing_came(f))
		tw_rule_out(m, "closed-with-unread-data",
			    "no byte had been sent to it before: nothing can be unread");
	else
		tw_rival(m, "closed-with-unread-data",
			 "what it had received before it last spoke may not have been read to the "
			 "end");
	tw_reset_weigh_active(m);
}

/* What left less than a round trip ago is on its way like the reset behind it, and is read if it gets there. */
static bool just_sent(const struct tw_facts *f)
{
	int64_t ago = tw_get(f, TW_F_RST_AUTHOR_HEARD_AGO_NS);

	return tw_known(f, TW_F_RST_AUTHOR_HEARD_AGO_NS) && !tw_get(f, TW_F_RST_PAIR) &&
	       (ago < JUST_NOW_NS || ago < tw_get(f, TW_F_RTT_NS));
}

static const char *what_it_cost(struct tw_match *m, enum tw_side author)
{
	const struct tw_facts *f = m->facts;
	const char *end = tw_endpoint(m, author);
	long long unacked = tw_get(f, TW_F_RST_AUTHOR_UNACKED);

	if (tw_reset_held_up(f))
		return tw_say(m,
			      "%s reset the connection while the window of %s was closed: what it "
			      "had still to send is lost.",
			      end, tw_endpoint(m, tw_other(author)));
	if (unacked > tw_get(f, TW_F_RST_AUTHOR_GOODBYE) && just_sent(f))
		return tw_say(
			m,
			"%s reset the connection behind what it had just sent: %s, on the way "
			"and not yet acknowledged.",
			end, tw_bytes(m, unacked));
	if (unacked > tw_get(f, TW_F_RST_AUTHOR_GOODBYE) && tw_get(f, TW_F_ACKS_FILTERED))
		return tw_say(m,
			      "%s ended the connection with a reset; whether the last %s that it "
			      "had sent were acknowledged is not in the capture.",
			      end, tw_bytes(m, unacked));
	if (unacked > tw_get(f, TW_F_RST_AUTHOR_GOODBYE))
		return tw_say(m,
			      "%s aborted the connection%s and threw away %s that "
			      "it had sent and nobody had acknowledged.",
			      end, nothing_came(f) ? " on purpose" : "", tw_bytes(m, unacked));
	return tw_say(m, "%s ended the connection with a reset %s; %s.", end,
		      tw_get(f, TW_F_RST_AUTHOR_FIN) ? "behind its FIN" : "in place of a FIN",
		      tw_get(f, TW_F_RST_AUTHOR_SENT_BYTES) || !tw_get(f, TW_F_START_SEEN)
			      ? "what it had sent until then had arrived"
			      : "it had sent nothing");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side author = tw_reset_author(f);

	if (!tw_reset_landed(f) || !tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE) ||
	    tw_get(f, TW_F_RST_UNANSWERED_PROBES) > 0)
		return false;
	/* Unread data can be excluded only if everything that arrived was seen. */
	if (!tw_is(f, TW_F_RST_UNANSWERED_BYTES, 0) || tw_get(f, TW_F_RST_AUTHOR_RWND_ZERO) ||
	    tw_get(f, TW_F_RST_WINDOW_FREED) > 0 ||
	    (tw_reset_victim_was_sending(f) && tw_get(f, TW_F_RST_AUTHOR_SENT_BYTES) > 0) ||
	    tw_get(f, TW_F_ONE_SIDED) || tw_get(f, TW_F_TRACE_LOSSY) || tw_reset_unseen_before(f))
		return false;
	if (tw_reset_debt(f) == TW_DEBT_NONE)
		return false;
	/* Who refuses a handshake of TLS says so and goes, and leaves unread what came with it. */
	if (tw_is(f, TW_F_TLS_ALERT_SIDE, author))
		return false;
	/* of a capture that has nothing but resets, nothing follows about what had arrived */
	if (tw_get(f, TW_F_PACKETS_C) + tw_get(f, TW_F_PACKETS_S) == tw_get(f, TW_F_RST_COUNT))
		return false;

	m->strength = TW_STRENGTH_MECHANISM;
	m->confidence = nothing_came(f) ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = tw_reset_outcome(f);
	m->culprit = tw_app_of(tw_reset_held_up(f) ? tw_other(author) : author);
	m->summary = what_it_cost(m, author);
	tw_reset_cite(m);
	if (tw_reset_held_up(f)) {
		tw_cite(m, TW_F_ZERO_WINDOW_COUNT,
			"%s closes its window: its application does not read",
			tw_side_name(tw_other(author)));
		tw_rival(m, "zero-window-stall",
			 "the closed window held it up before; servers end so whoever reads too "
			 "slowly");
	}
	if (tw_get(f, TW_F_RST_PAIR))
		tw_cite(m, TW_F_RST_PAIR,
			"the reset lay beyond lost data: it was challenged, and a bare RST "
			"confirmed it");
	else if (tw_get(f, TW_F_RST_AUTHOR_FIN))
		tw_cite(m, TW_F_RST_AUTHOR_FIN, "%s had sent its FIN before", tw_side_name(author));
	add_rivals(m);
	tw_reset_victim_saw(m);
	tw_app_saw(m, author, NULL, NULL, -1,
		   "If it asked for this: close() with SO_LINGER {1,0} returns 0 at once.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "SO_LINGER", "With l_onoff=1 and l_linger=0 close() resets in place of closing and "
		       "discards unsent data; default off. With l_linger>0 close() waits that long "
		       "and goes on in the background, no reset." },
	{ "TCP_LINGER2", "Below 0, an orphan that reaches FIN_WAIT2 is reset at once; default 60 s "
			 "(tcp_fin_timeout)." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Find who sets SO_LINGER: `strace -f -e trace=setsockopt -p PID`, or search the code for "
	"SO_LINGER, setSoLinger(true, 0), SetLinger(0), linger: 0.",
	"Remove SO_LINGER {1,0} and close normally: shutdown(fd, SHUT_WR), read to end of file, "
	"close(fd). TIME_WAIT, which it is usually meant to avoid, costs a few hundred bytes for "
	"60 s and harms nobody.",
	"If a client runs out of ports because of TIME_WAIT, reuse connections, or set `sysctl -w "
	"net.ipv4.tcp_tw_reuse=1` on the client, rather than resetting.",
	"If it is a proxy or load generator that ends its idle or finished connections this way on "
	"purpose, leave it: after a complete answer it loses nothing.",
	"If no program sets it, look for `ss -K`, a BPF program that destroys sockets, or a "
	"service that was restarted with connections in its accept queue.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.10.5 (ABORT)",
	"RFC 5961 s3.2",
	"net/ipv4/tcp.c: __tcp_close (SOCK_LINGER && !sk_lingertime), tcp_disconnect",
	NULL,
};

/* Live: a process aborted the socket by a call, and nothing was unread. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side author = tw_live_author(m);
	const bool linger = tw_get(f, TW_F_K_RST_LINGER);
	/* tcp_disconnect() closes the socket before it resets; `ss -K` and closed listeners do not come here. */
	const bool unspec =
		tw_live_reset_for(m, TW_KRST_DISCONNECT) ||
		(tw_live_reset_for(m, TW_KRST_STATE) && tw_is(f, TW_F_K_RST_STATE, 7 /* CLOSE */) &&
		 !tw_get(f, TW_F_K_UNACCEPTED));

	if (!tw_live_reset_by_call(m) || tw_get(f, TW_F_K_RST_UNREAD) > 0 || (!linger && !unspec))
		return false;
	if (!unspec && !tw_live_reset_for(m, TW_KRST_STATE) &&
	    !tw_live_reset_for(m, TW_KRST_UNSAID))
		return false;
	tw_live_say(
		m, TW_STRENGTH_MECHANISM,
		tw_live_reset_for(m, TW_KRST_UNSAID) ? TW_LIKELY : TW_CERTAIN, tw_live_outcome(m),
		tw_app_of(author),
		linger ? tw_say(m, "%s closed with SO_LINGER {1,0}: a RST in place of the FIN.",
				tw_endpoint(m, author))
		       : tw_say(m,
				"%s disconnected its socket by connect(AF_UNSPEC): a RST in place "
				"of the FIN.",
				tw_endpoint(m, author)));
	tw_live_cite_reset(m);
	if (linger)
		tw_cite(m, TW_F_K_RST_LINGER, "SO_LINGER is on, with a time of 0");
	tw_live_cite_got(m);
	tw_rule_out(m, "closed-with-unread-data", "nothing was unread");
	tw_rule_out(m, "socket-destroyed", "the process itself called close()");
	tw_live_victim_saw(m);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "unanswered",
		.about = "SO_LINGER {1,0}: close() resets although nothing is unread",
		.variants = "v4 v6 v4-nots",
		.script =
			"server listen\n"
			"client connect\n"
			"server accept\n"
			"client send 100\n"
			"server recv 100\n"
			"fault\n"
			"server option SO_LINGER 1 0\n"
			"server close\n"
			"client recv -> ECONNRESET within 1s\n"
			"client recv -> EOF\n"
			"client send 1 -> EPIPE\n"
			"# whether the request was read is not on the wire\n"
			"verdict both linger-reset|closed-with-unread-data likely possible failed\n"
			"never both certain\n",
	},
	{
		.name = "by-habit",
		.about = "all was answered before: nobody lost anything",
		.variants = "v4 v6 v4-nots",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "client option SO_LINGER 1 0\n"
			  "client close\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "verdict both clean likely certain clean\n",
	},
	{
		.name = "unspec",
		.about = "connect(AF_UNSPEC) aborts as well",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "client unspec\n"
			  "state server CLOSE\n"
			  "server send 100 -> ECONNRESET\n"
			  "server send 100 -> EPIPE\n"
			  "verdict both linger-reset|aborted likely possible failed degraded\n"
			  "never both certain\n",
	},
	{
		.name = "answer-lost",
		.about = "the answer was lost on the way: two resets with a challenge ACK between "
			 "them",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "server option SO_LINGER 1 0\n"
			  "cable drop server data always\n"
			  "server send 1000\n"
			  "server close\n"
			  "client recv -> ECONNRESET within 2s\n"
			  "cable wait server rst #2\n"
			  "verdict both linger-reset likely possible failed\n"
			  "never both certain\n",
	},
	{
		.name = "behind-answer",
		.about = "the answer was on its way: it can be read, then ECONNRESET in place of "
			 "the end",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "server option SO_LINGER 1 0\n"
			  "server send 5000\n"
			  "server close\n"
			  "client recv 5000\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "verdict both linger-reset|closed-with-unread-data likely possible "
			  "failed degraded\n"
			  "never both certain\n",
	},
	{
		.name = "after-fin",
		.about = "the resetting end had sent its FIN: the other gets end of file and EPIPE",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "server shutdown\n"
			  "client recv -> EOF within 1s\n"
			  "server option SO_LINGER 1 0\n"
			  "server close\n"
			  "state client CLOSE\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict both linger-reset|clean likely possible clean degraded failed\n"
			  "never both certain\n",
	},
	{
		.name = "with-time",
		.about = "SO_LINGER with a time: close() waits for the ACK, and nobody is reset",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "server option SO_LINGER 1 5\n"
			  "server send 1000\n"
			  "server close within 1s\n"
			  "client recv 1000\n"
			  "client recv -> EOF\n"
			  "client close\n"
			  "verdict both clean certain likely clean\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_linger_reset = {
	.slug = "linger-reset",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "An application reset the connection on purpose",
	.happens = "The application set SO_LINGER with a time of 0 and called close(), or it "
		   "called connect() with AF_UNSPEC. The kernel sends RST|ACK at once, discards "
		   "what it had not sent, and keeps no TIME_WAIT.\n\n"
		   "If data of the resetting end was lost on the way, its reset lies beyond what "
		   "the peer expects. The peer then answers with a challenge ACK, and the kernel, "
		   "which no longer knows the connection, replies with a second, bare RST that "
		   "fits. Two resets with an ACK between them are one event.",
	.diagram = "client                          server\n"
		   "  |<--- data ---------------------|\n"
		   "  |---- ACK --------------------->|  SO_LINGER {1,0}; close()\n"
		   "  |<--- RST|ACK seq=SND.NXT ------|  TS, window, IP-ID as before\n"
		   "recv: ECONNRESET\n",
	.client_sees = "First the data that had arrived, then ECONNRESET once from recv or send, "
		       "then end of file and EPIPE. If the resetting end had sent its FIN before, "
		       "recv returns 0 and only send fails (EPIPE).",
	.server_sees =
		"Nothing: close() returns 0. The kernel's reset reason for it is TCP_STATE, and "
		"the counter is TcpExtTCPAbortOnData, although the names suggest otherwise.",
	.recognise =
		"An active reset (RST|ACK with timestamps, live window, next IP-ID) of an end that "
		"had answered everything it had received. If nothing was ever sent to it, nothing "
		"can have been unread; otherwise closed-with-unread-data stays a rival.\n\n"
		"Packets never make it certain: `ss -K`, connect(AF_UNSPEC) and the death of a "
		"listener with the connection still in its accept queue look the same. If nobody "
		"was owed anything, tcpwhy calls the connection clean and remarks "
		"reset-instead-of-close.",
	.folklore = "\"SO_LINGER {1,0} is the way to get rid of TIME_WAIT.\" It gets rid of the "
		    "last answer too, whenever a segment of it was lost or had not left yet. And "
		    "SO_LINGER with a positive time never resets: close() waits, then the kernel "
		    "goes on closing in the background.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.sign = TW_F_RST_COUNT,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
