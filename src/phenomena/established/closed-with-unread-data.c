/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * closed-with-unread-data: close() with bytes still in the receive buffer.
 *
 *     client                          server
 *       |---- request 5 B ------------->|  queued for the application
 *       |<--- ACK ----------------------|  by the kernel; nobody has read it
 *       |                               |  close()
 *       |<--- RST|ACK seq = SND.NXT ----|  tcp_close(): data_was_unread
 *     recv: ECONNRESET
 *
 * RFC 9293 s3.6.1 (RFC 1122 s4.2.2.13, RFC 2525 s2.17): if data is discarded the peer must be
 * told, so a reset goes out in place of the FIN. What the capture shows of it: an active reset,
 * and data of the other end that the author's TCP had acknowledged after its application last said
 * anything. That it was unread cannot be seen; an application that read it and then reset on
 * purpose looks the same.
 */
#include "base/duration.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"

/* What shows that something was unread. */
enum sign {
	SIGN_NONE,
	SIGN_FULL,       /* the receive buffer was full */
	SIGN_UNANSWERED, /* acknowledged data, and the author never spoke again */
	SIGN_EARLY,      /* the same, in the middle of a request to which its answer was whole */
	SIGN_SENDING,    /* it spoke, but in the middle of what the other end was sending */
	SIGN_FREED,      /* the window of the reset shows what close() freed */
};

static enum sign sign_of(const struct tw_facts *f)
{
	/* a proxy of the handshake begins with a window of 0: nothing fills a buffer that nothing was sent to */
	if (tw_get(f, TW_F_RST_AUTHOR_RWND_ZERO) && tw_get(f, TW_F_RST_VICTIM_SENT_BYTES) > 0)
		return SIGN_FULL;
	/* it was read: the window says so */
	if (tw_get(f, TW_F_RST_AUTHOR_EMPTIED))
		return SIGN_NONE;
	if (tw_get(f, TW_F_RST_UNANSWERED_BYTES) > 0 && tw_get(f, TW_F_RST_UNANSWERED_ACKED))
		return tw_reset_author(f) == TW_SERVER && tw_get(f, TW_F_REQUEST_SPARED)
			       ? SIGN_EARLY
			       : SIGN_UNANSWERED;
	/* An early answer ("too large") while the request is still coming in. */
	if (tw_reset_victim_was_sending(f) && tw_get(f, TW_F_RST_AUTHOR_SENT_BYTES) > 0)
		return SIGN_SENDING;
	return tw_get(f, TW_F_RST_WINDOW_FREED) > 0 ? SIGN_FREED : SIGN_NONE;
}

static void say(struct tw_match *m, enum sign sign, enum tw_side author)
{
	const struct tw_facts *f = m->facts;
	const char *bytes = tw_bytes(m, tw_get(f, TW_F_RST_UNANSWERED_BYTES));

	switch (sign) {
	case SIGN_FULL:
		m->summary = tw_say(m,
				    "%s stopped reading until its receive buffer was full, then "
				    "aborted the connection with unread data in it.",
				    tw_endpoint(m, author));
		tw_cite(m, TW_F_RST_AUTHOR_RWND_ZERO,
			"the last window of %s was closed: its receive buffer was full",
			tw_side_name(author));
		break;
	case SIGN_UNANSWERED:
		/* a client that is sent what it asked for owes no answer */
		m->summary = tw_say(
			m,
			author == TW_CLIENT
				? "%s aborted the connection %s after the last of %s that it was "
				  "sent, and had not read all of it."
				: "%s aborted the connection %s after it had received %s that its "
				  "application never answered.",
			tw_endpoint(m, author), TW_DUR(tw_get(f, TW_F_RST_UNANSWERED_AGE_NS)),
			bytes);
		tw_cite(m, TW_F_RST_UNANSWERED_BYTES,
			"%s of %s had reached %s, which never sent a byte again", bytes,
			tw_side_name(tw_other(author)), tw_side_name(author));
		break;
	case SIGN_EARLY:
		m->summary = tw_say(m,
				    "%s answered the request before its end, and aborted the "
				    "connection with the last of it unread.",
				    tw_endpoint(m, author));
		tw_cite(m, TW_F_REQUEST_SPARED,
			"the head of the request, whose end the client never sent");
		tw_cite(m, TW_F_RST_UNANSWERED_BYTES, "%s more of it reached %s behind the answer",
			bytes, tw_side_name(author));
		break;
	case SIGN_FREED:
		m->summary =
			tw_say(m,
			       "%s aborted the connection with data of %s unread in its receive "
			       "buffer.",
			       tw_endpoint(m, author), tw_side_name(tw_other(author)));
		break;
	default:
		m->summary =
			tw_say(m, "%s %saborted the connection while %s was still sending.",
			       tw_endpoint(m, author), author == TW_SERVER ? "answered, and " : "",
			       tw_side_name(tw_other(author)));
		tw_cite(m, TW_F_RST_VICTIM_UNACKED,
			"%s was in the middle of sending: more of its data was under way",
			tw_side_name(tw_other(author)));
	}
}

static void add_rivals(struct tw_match *m, enum sign sign)
{
	const struct tw_facts *f = m->facts;

	if (tw_get(f, TW_F_PORT_REFUSED_AFTER))
		tw_rival(m, "process-died",
			 "exit and death close a socket the same way, and the port was refused %s "
			 "later",
			 TW_DUR(tw_get(f, TW_F_PORT_REFUSED_AFTER_NS)));
	else
		tw_rival(m, "process-died",
			 "the kernel closes the sockets of a dead process the same way");
	if (sign != SIGN_FULL)
		tw_rival(m, "linger-reset",
			 "SO_LINGER {1,0} sends the same segment when everything had been read");
	tw_rival(m, "socket-destroyed",
		 "`ss -K` sends the same segment; only the host's kernel can tell");
	/* a proxy's own TCP takes the data, and tells what became of it behind it (slirp, passt) */
	if (tw_get(f, TW_F_RST_AUTHOR_FIN)) {
		tw_cite(m, TW_F_RST_AUTHOR_FIN, "%s had sent its FIN before",
			tw_side_name(tw_reset_author(f)));
		tw_rival(m, "data-after-close",
			 "with that FIN it may have closed both directions: a proxy or a TCP of "
			 "user space in between acknowledges the data that is then refused");
	}
	tw_reset_weigh_active(m);
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side author = tw_reset_author(f);
	enum sign sign = sign_of(f);

	if (!tw_reset_landed(f) || !tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE) ||
	    tw_get(f, TW_F_RST_UNANSWERED_PROBES) > 0 || tw_get(f, TW_F_ONE_SIDED))
		return false;
	if (sign == SIGN_NONE || tw_reset_debt(f) == TW_DEBT_NONE)
		return false;

	m->strength = TW_STRENGTH_MECHANISM;
	m->confidence = TW_LIKELY;
	m->outcome = tw_reset_outcome(f);
	m->culprit = tw_app_of(author);
	say(m, sign, author);
	if (sign != SIGN_FULL && tw_get(f, TW_F_RST_WINDOW_FREED) > 0)
		tw_cite(m, TW_F_RST_WINDOW_FREED,
			"the last window before the reset, whose own is larger by %s: so much was "
			"unread, and freed by the close",
			tw_bytes(m, tw_get(f, TW_F_RST_WINDOW_FREED)));
	tw_reset_cite(m);
	add_rivals(m, sign);
	tw_reset_victim_saw(m);
	tw_app_saw(
		m, author, NULL, NULL, -1,
		"If it called close(), the call returned 0: nothing tells it what it threw away.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "SO_LINGER",
	  "Does not prevent it: unread data decides before linger is looked at. Default off." },
	{ "TcpExtTCPAbortOnClose", "The counter of exactly this event (nstat -az "
				   "TcpExtTCPAbortOnClose) on the closing host." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Read the request to its end before closing, also when the answer is an error: send the "
	"answer, shutdown(fd, SHUT_WR), read and discard until end of file (with a time limit), "
	"then close.",
	"In nginx keep lingering_close on (the default) and raise lingering_timeout for slow "
	"uploads; in other servers look for the same setting before you raise the limit of the "
	"request body.",
	"On the closing host compare `nstat -az TcpExtTCPAbortOnClose` before and after: if it "
	"counts up, it was this; find the process with `strace -f -e trace=network,close -p PID`.",
	"If the counter stays still, look for SO_LINGER in the program (strace shows setsockopt) "
	"and for a crash (journalctl, coredumpctl list).",
	"On the receiving side, treat ECONNRESET after a complete answer as the end of the "
	"connection, and repeat only requests that are safe to repeat.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6.1 (SHLD-3)",
	"RFC 1122 s4.2.2.13",
	"RFC 2525 s2.17",
	"net/ipv4/tcp.c: __tcp_close (data_was_unread, LINUX_MIB_TCPABORTONCLOSE)",
	NULL,
};

/* Live: the kernel says so, or (before Linux 6.10) the socket does. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool inferred = tw_live_reset_for(m, TW_KRST_UNSAID) && tw_live_reset_by_call(m) &&
			      tw_get(f, TW_F_K_RST_UNREAD) > 0;
	/* of a path of MPTCP: what was unread was in the MPTCP socket, if anything was */
	const bool elsewhere = !inferred && tw_get(f, TW_F_K_RST_UNREAD) <= 0;
	const enum tw_side author = tw_live_author(m);

	if ((!tw_live_reset_for(m, TW_KRST_UNREAD) || tw_known(f, TW_F_K_EXIT_SIDE)) && !inferred)
		return false;
	tw_live_say(
		m, TW_STRENGTH_MECHANISM, inferred || elsewhere ? TW_LIKELY : TW_CERTAIN,
		tw_live_outcome(m), tw_app_of(author),
		elsewhere ? tw_say(m,
				   "%s closed its socket with data unread, says its kernel, which "
				   "sent a RST.",
				   tw_endpoint(m, author))
			  : tw_say(m,
				   "%s closed its socket with %s unread, so its kernel sent a RST.",
				   tw_endpoint(m, author),
				   tw_bytes(m, tw_get(f, TW_F_K_RST_UNREAD))));
	tw_live_cite_reset(m);
	tw_live_cite_got(m);
	if (inferred)
		tw_missing(m, "This kernel gives no reason for its resets (Linux 6.12 does); it is "
			      "inferred from the socket.");
	if (elsewhere)
		tw_rival(m, "linger-reset",
			 "no data was in this socket: the paths of an MPTCP socket hold none, and "
			 "the "
			 "kernel gives the same reason where SO_LINGER {1,0} ends it");
	else
		tw_rule_out(m, "linger-reset", "unread data was in the socket");
	tw_rule_out(m, "process-died", "the process lives");
	tw_live_victim_saw(m);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "request",
		.about = "the server closes while a request is unread: a reset in place of a FIN",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 5000\n"
			  "queue server recv 5000\n"
			  "fault\n"
			  "server close\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict both closed-with-unread-data|linger-reset likely possible "
			  "failed\n",
	},
	{
		.name = "after-answer",
		.about = "the answer was sent, then close() with the rest unread destroys it on "
			 "the way",
		.variants = "v4 v6",
		.script =
			"server listen\n"
			"client connect\n"
			"server accept\n"
			"client send 5000\n"
			"server recv 100\n"
			"server send 100\n"
			"queue server recv 4900\n"
			"fault\n"
			"server close\n"
			"client recv -> 100 within 1s\n"
			"client recv -> ECONNRESET within 1s\n"
			"# the answer came after the last byte of the request: how much of it "
			"was read is not on the wire\n"
			"verdict both closed-with-unread-data|linger-reset likely possible failed "
			"degraded\n",
	},
	{
		.name = "upload",
		.about = "the server refuses early, answers and closes in the midst of an upload",
		.variants = "v4 v6 v4-nosack",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 20000\n"
			  "queue server recv 20000\n"
			  "server send 200\n"
			  "client send 8M &\n" /* the upload goes on after the answer */
			  "queue server recv 60000\n"
			  "fault\n"
			  "server close\n"
			  "join client -> ECONNRESET within 2s\n"
			  "client send 1 -> EPIPE\n"
			  "verdict both closed-with-unread-data likely failed\n",
	},
	{
		.name = "nonblocking",
		.about =
			"the client waits with poll: IN, ERR, HUP and RDHUP, and SO_ERROR says why",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client nonblocking\n"
			  "client connect -> EINPROGRESS\n"
			  "client poll out -> out\n"
			  "client error -> ok\n"
			  "server accept\n"
			  "client send 5000\n"
			  "queue server recv 5000\n"
			  "fault\n"
			  "server close\n"
			  "client poll in+rdhup -> in+err+hup+rdhup within 1s\n"
			  "client error -> ECONNRESET\n"
			  "client recv -> EOF\n"
			  "client send 1 -> EPIPE\n"
			  "verdict both closed-with-unread-data|linger-reset likely possible "
			  "failed\n",
	},
	{
		.name = "blocked-sender",
		.about = "send() is blocked: it returns what was taken, the error comes with the "
			 "next call",
		.variants = "v4 v6",
		.script = "server option listener SO_RCVBUF 4096\n"
			  "server listen\n"
			  "client option SO_SNDBUF 16384\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client send &\n"
			  "cable quiet 100ms\n"
			  "server close\n"
			  "join client -> ok within 1s\n"
			  "client send 1 -> ECONNRESET\n"
			  "client send 1 -> EPIPE\n"
			  "verdict both closed-with-unread-data likely failed\n",
	},
	{
		.name = "blocked-full",
		.about = "the same with a full buffer, so that nothing of the call was taken: it "
			 "fails itself",
		.variants = "v4",
		.script = "server option listener SO_RCVBUF 4096\n"
			  "server listen\n"
			  "client option SO_SNDBUF 16384\n"
			  "client connect\n"
			  "server accept\n"
			  "fault\n"
			  "client fill\n"
			  "# the acknowledgements that come make room: fill that, too\n"
			  "cable quiet 100ms\n"
			  "client fill\n"
			  "client send &\n"
			  "server close\n"
			  "join client -> ECONNRESET within 1s\n"
			  "client send 1 -> EPIPE\n"
			  "verdict both closed-with-unread-data likely failed\n",
	},
	{
		.name = "shut-for-reading",
		.about = "shutdown(RD) sends nothing and data are still acknowledged; then close() "
			 "resets",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "server shutdown rd\n"
			  "fault\n"
			  "client send 100\n"
			  "queue server recv 100\n"
			  "server close\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "verdict both closed-with-unread-data|linger-reset likely possible "
			  "failed\n",
	},
	{
		.name = "linger-waits",
		.about = "SO_LINGER with a time does not make close() wait where data is unread",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "queue server recv 100\n"
			  "fault\n"
			  "server option SO_LINGER 1 5\n"
			  "server close within 1s\n"
			  "client recv -> ECONNRESET within 1s\n"
			  "verdict both closed-with-unread-data|linger-reset likely possible "
			  "failed\n",
	},
	{
		.name = "by-client",
		.about = "the client closes without reading the answer to its end",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 5000\n"
			  "queue client recv 5000\n"
			  "fault\n"
			  "client close\n"
			  "server recv -> ECONNRESET within 1s\n"
			  "# the client's kernel acknowledged all of the answer; only its counters "
			  "tell that it was not read\n"
			  "verdict both closed-with-unread-data|clean likely degraded clean\n"
			  "never both forged-reset|peer-rebooted\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_closed_with_unread_data = {
	.slug = "closed-with-unread-data",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "The socket was closed with unread data",
	.happens = "An application calls close() (or exits) while bytes that its kernel has "
		   "already received and acknowledged are still waiting in the receive buffer. "
		   "They can never be read any more. TCP must not pretend that they arrived, so "
		   "the kernel sends RST|ACK in place of the FIN, throws away what it still had to "
		   "send, and forgets the connection at once.\n\n"
		   "The acknowledgements are what misleads: the peer's data was acknowledged by "
		   "the kernel, not by the application. The typical case is a server that refuses "
		   "a request early (too large, not authorised), writes its answer and closes "
		   "without reading the rest of the body. The reset may then overtake the answer "
		   "in the client's application and destroy it.",
	.diagram = "client                          server\n"
		   "  |---- data -------------------->|  waits in the receive buffer\n"
		   "  |<--- ACK ----------------------|  the kernel's, not the application's\n"
		   "  |                               |  close() without reading it\n"
		   "  |<--- RST|ACK seq=SND.NXT ------|  TS, window, IP-ID as before\n"
		   "recv: ECONNRESET, send: EPIPE\n",
	.client_sees =
		"Whatever the kernel had received before the reset is still delivered (20000 and "
		"110424 bytes measured), then recv or send fails once with ECONNRESET; after that "
		"recv returns 0 and send fails with EPIPE. A sender blocked in send gets the "
		"number of bytes already taken, and the error at the next call; if none was taken, "
		"the error at once. poll reports IN, ERR and HUP (RDHUP to those who ask for it), "
		"and SO_ERROR ECONNRESET.",
	.server_sees = "Nothing: close() returns 0 at once, also with SO_LINGER. The kernel counts "
		       "TcpExtTCPAbortOnClose and TcpOutRsts; the tracepoint tcp:tcp_send_reset "
		       "gives the reason TCP_ABORT_ON_CLOSE.",
	.recognise =
		"The reset is an active one (RST|ACK at the sender's own next sequence "
		"number, with timestamps, a live window and the next IP-ID), nobody asked for "
		"it, and the author had acknowledged data after its application last sent "
		"anything, or its window was 0.\n\n"
		"Unread and \"read, but never answered\" cannot be told apart on the wire, so "
		"linger-reset and process-died stay rivals: a process that dies with unread "
		"data sends the same segment. One thing tells now and then: close() frees what "
		"is unread before it resets, so where the window of the reset is twice the "
		"last one, or more, nobody had read it (who reads so much announces it by an "
		"ACK). The counter TcpExtTCPAbortOnClose of the closing host decides.",
	.folklore = "\"A crash gives a reset and a proper exit gives a FIN.\" The way of dying is "
		    "irrelevant: SIGSEGV, SIGKILL, SIGTERM and exit() give a FIN if the receive "
		    "buffer is empty and a reset if it is not. \"The peer acknowledged it, so its "
		    "application has it\" is as wrong.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.sign = TW_F_RST_COUNT,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
