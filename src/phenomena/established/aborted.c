/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aborted: one end ended the connection with a reset, and the input does not tell which of several
 * ways it was.
 *
 *     client                          server
 *       |          ...                  |
 *       |<--- RST|ACK seq = SND.NXT ----|  close() with unread data? linger 0? exit? `ss -K`?
 *
 * This is the general verdict below closed-with-unread-data, linger-reset, process-died,
 * keepalive-timeout, socket-destroyed and memory-abort. For an active form that contradicts
 * nothing it may be certain: the form says that the socket existed and was aborted, and that is
 * all it claims. For a form that no Linux code path writes, it is the honest rest: other stacks
 * and proxies have forms of their own.
 */
#include "phenomena/live.h"
#include "phenomena/resets.h"

static void add_rivals_unknown_author(struct tw_match *m, unsigned odds)
{
	tw_reset_cite_odds(m, odds);
	tw_rival(m, "forged-reset",
		 "the form of the reset is not that of a Linux socket; a third party may have "
		 "written it");
	tw_rival(m, "firewall-reset",
		 "firewalls and load balancers write resets of their own form");
	tw_missing(m, "A capture at the other end: was this reset sent there?");
}

/*
 * MPTCP: the reset does what the other end asked for by MP_FASTCLOSE, or it says itself that a kernel wrote it, and why.
 * Nothing unread and no SO_LINGER on its author's side is the cause.
 */
static bool match_mptcp(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side author = tw_reset_author(f);
	const bool asked = tw_get(f, TW_F_RST_FASTCLOSE_ASKED);
	const char *reason = tw_reset_mptcp_reason(f);

	if (!tw_reset_landed(f) || (!asked && (!reason || tw_get(f, TW_F_RST_FASTCLOSE))) ||
	    tw_is(f, TW_F_RST_FORM, TW_RST_REPLY))
		return false;
	m->strength = TW_STRENGTH_EXPLICIT;
	m->confidence = TW_LIKELY;
	if (asked) {
		m->outcome = tw_get(f, TW_F_RST_UNANSWERED_BYTES) > 0 ? TW_OUTCOME_FAILED
								      : TW_OUTCOME_DEGRADED;
		m->culprit = tw_app_of(tw_other(author));
		m->summary = tw_say(m,
				    "%s ended the whole MPTCP connection at once (MP_FASTCLOSE), "
				    "and the reset of %s answers that.",
				    tw_endpoint(m, tw_other(author)), tw_side_name(author));
		tw_cite(m, TW_F_RST_FASTCLOSE_ASKED, "MP_FASTCLOSE of %s (RFC 8684 s3.5)",
			tw_side_name(tw_other(author)));
		tw_rival(m, "closed-with-unread-data", "it is sent for that, too");
		tw_rival(m, "linger-reset", "and for SO_LINGER {1,0}");
		tw_app_saw(m, author, "recv", "ECONNRESET", -1, NULL);
	} else {
		m->outcome = tw_reset_outcome(f);
		m->culprit = tw_is(f, TW_F_RST_DECLARED, TW_DECLARED_MPTCP + 6)
				     ? TW_CULPRIT_MIDDLEBOX
				     : tw_host_of(author);
		m->summary = tw_say(m,
				    "The MPTCP of %s reset this path, and says why: %s. Other "
				    "paths of the connection may live on.",
				    tw_endpoint(m, author), reason);
		tw_rival(m, "forged-reset", "it is the word of who wrote the reset");
		tw_app_saw(m, tw_other(author), NULL, NULL, -1,
			   "ECONNRESET if this was the last path; else what was lost is sent again "
			   "on another.");
		if (tw_get(f, TW_F_MPTCP))
			tw_reset_victim_saw(m);
	}
	tw_reset_cite(m);
	return true;
}

/* What came behind what it refuses it need not have read: its close resets for that, or for SO_LINGER. */
static void say_refused_handshake(struct tw_match *m, enum tw_side author)
{
	m->confidence = TW_LIKELY;
	m->culprit = tw_app_of(author);
	m->summary = tw_say(m,
			    "%s refused the handshake of TLS, and said why by an alert; its close "
			    "behind that was a reset.",
			    tw_endpoint(m, author));
	tw_rival(m, "closed-with-unread-data",
		 "what else had come of the handshake may have been left unread");
	tw_rival(m, "linger-reset", "or its program closes by SO_LINGER {1,0}");
}

/* Of a transfer that still ran. Whether what had come was read, the records that are left of a long one do not tell. */
static void say_broken_off(struct tw_match *m, enum tw_side author)
{
	m->confidence = TW_LIKELY;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = tw_app_of(author);
	m->summary =
		tw_say(m, "%s itself aborted the connection with a reset, while %s was sending.",
		       tw_endpoint(m, author), tw_side_name(tw_other(author)));
	tw_rival(m, "closed-with-unread-data",
		 "a close, or the end of the process, with data in the receive buffer writes the "
		 "same");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side author = tw_reset_author(f);
	bool active = tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE);
	unsigned odds = tw_reset_odds(f);

	if (match_mptcp(m))
		return true;
	if (!tw_reset_landed(f) || tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) ||
	    tw_is(f, TW_F_RST_FORM, TW_RST_REPLY_NO_ACK) || !tw_known(f, TW_F_RST_FORM))
		return false;
	if (tw_reset_debt(f) == TW_DEBT_NONE)
		return false;

	m->strength = TW_STRENGTH_ENDING;
	m->outcome = tw_reset_outcome(f);
	tw_reset_cite(m);
	if (active && !odds) {
		m->confidence = tw_reset_is_own(f) ? TW_CERTAIN : TW_LIKELY;
		m->culprit = tw_host_of(author);
		m->summary = tw_say(m, "%s itself aborted the connection with a reset.",
				    tw_endpoint(m, author));
		tw_reset_weigh_active(m);
		if (tw_reset_victim_was_sending(f))
			say_broken_off(m, author);
		if (tw_is(f, TW_F_TLS_ALERT_SIDE, author))
			say_refused_handshake(m, author);
	} else {
		m->confidence = TW_POSSIBLE;
		m->culprit = TW_CULPRIT_UNKNOWN;
		m->summary = tw_say(m,
				    "A reset with the address of %s ended the connection; its form "
				    "does not tell who wrote it.",
				    tw_endpoint(m, author));
		add_rivals_unknown_author(m, odds);
	}
	if (tw_reset_unseen_before(f))
		tw_missing(m, "What was sent before the capture began, and whether it was read.");
	tw_missing(m, "The reset reason of the aborting host's kernel (tracepoint "
		      "tcp:tcp_send_reset, or the TcpExtTCPAbort* counters).");
	tw_reset_victim_saw(m);
	return true;
}

static const struct tw_governed governed[] = {
	{ "SO_LINGER", "With {1,0} close() sends a reset; default off." },
	{ "net.ipv4.tcp_max_orphans", "Beyond so many closed but unfinished sockets the kernel "
				      "resets the next; default by RAM size." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"On the aborting host read `nstat -az | grep TcpExtTCPAbort` before and after: "
	"AbortOnClose means unread data, AbortOnData means linger 0 (or data after close), "
	"AbortOnTimeout means keepalive, AbortOnMemory means too many orphans or no socket memory.",
	"On Linux 6.10 and later trace the reason itself: `perf trace -e tcp:tcp_send_reset` on "
	"the aborting host.",
	"Look into the aborting program's log at that second; a limit, a time-out or an exception "
	"usually stands there.",
	"Capture at both ends, from the start of the connection and with both directions, so that "
	"it can be seen what had been received, read and answered.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.5.3, s3.10.5",
	"net/ipv4/tcp_output.c: tcp_send_active_reset",
	NULL,
};

/* Live: an active reset, and the kernel that sent it is elsewhere; or here, and nothing tells more. */
/* Without timestamps the form of the reset that came in is not known: it can be of any kind. */
static bool is_formless(const struct tw_facts *f)
{
	return tw_known(f, TW_F_K_RST_IN) && !tw_known(f, TW_F_K_RST_IN_FORM) &&
	       !tw_known(f, TW_F_K_RST_SIDE);
}

static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool here = tw_known(f, TW_F_K_RST_SIDE) && tw_get(f, TW_F_K_RST_STATE) &&
			  !tw_known(f, TW_F_K_RST_ANSWERS) && !tw_known(f, TW_F_K_DESTROYED);
	const enum tw_side author =
		here ? tw_live_author(m) : tw_other((enum tw_side)tw_get(f, TW_F_K_RST_IN));

	if (!here && !tw_is(f, TW_F_K_RST_IN_FORM, TW_RST_ACTIVE) && !is_formless(f))
		return false;
	tw_live_say(m, TW_STRENGTH_ENDING, here || !is_formless(f) ? TW_LIKELY : TW_POSSIBLE,
		    here ? tw_live_outcome(m) : tw_live_victim_outcome(m), tw_app_of(author),
		    tw_say(m,
			   "%s aborted the connection: its kernel sent a RST for a living socket.",
			   tw_endpoint(m, author)));
	tw_live_cite_reset(m);
	tw_live_cite_got(m);
	if (is_formless(f)) {
		m->summary = tw_say(m, "%s sent a RST in the midst of the connection.",
				    tw_endpoint(m, author));
		tw_rival(m, "peer-rebooted",
			 "without timestamps this end cannot tell an abort from the answer "
			 "of a host that has no such connection");
	}
	if (!here) {
		tw_rival(m, "closed-with-unread-data",
			 "the same RST; only the other host can tell");
		tw_rival(m, "linger-reset", "the same RST; only the other host can tell");
		tw_rival(m, "process-died", "the same RST; only the other host can tell");
	} else if (tw_get(f, TW_F_K_UNACCEPTED)) {
		m->confidence = TW_CERTAIN;
		m->outcome = TW_OUTCOME_FAILED;
		m->summary = tw_say(m,
				    "%s closed its listener over this connection, which nobody had "
				    "accepted yet.",
				    tw_endpoint(m, author));
	} else {
		tw_rival(m, "linger-reset",
			 "connect(AF_UNSPEC) and a listener that is closed over "
			 "connections not yet accepted give the same");
	}
	tw_live_victim_saw(m);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "in-use",
		.about = "an active reset in the middle of a transfer, its reason is not on the "
			 "wire",
		.variants = "v4 v6 v4-nots",
		.script =
			"server listen\n"
			"client connect\n"
			"server accept\n"
			"client send 100\n"
			"server recv 100\n"
			"server send 5000\n"
			"client recv 5000\n"
			"client send 100\n"
			"server recv 100\n"
			"fault\n"
			"server option SO_LINGER 1 0\n"
			"server close\n"
			"client recv -> ECONNRESET within 1s\n"
			"client recv -> EOF\n"
			"client send 1 -> EPIPE\n"
			"# a request is acknowledged and not answered: unread, or read and reset\n"
			"verdict both aborted|linger-reset|closed-with-unread-data likely possible "
			"failed\n"
			"never both certain\n",
	},
	{
		.name = "by-client",
		.about = "the client aborts while the server still sends: what had arrived can be "
			 "read",
		.variants = "v4 v6",
		.script =
			"server listen\n"
			"client connect\n"
			"server accept\n"
			"client send 100\n"
			"server recv 100\n"
			"fault\n"
			"client send 300\n"
			"queue server recv 300\n"
			"client option SO_LINGER 1 0\n"
			"client close\n"
			"server recv 300\n"
			"server recv -> ECONNRESET within 1s\n"
			"server send 1 -> EPIPE\n"
			"# it had asked and did not wait for the answer\n"
			"verdict both linger-reset|aborted likely possible failed degraded clean\n"
			"never both certain\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_aborted = {
	.slug = "aborted",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "One end aborted the connection",
	.happens = "One end's kernel had the connection and ended it by a reset that nobody asked "
		   "for. Several events write exactly this segment: close() with unread data, "
		   "close() with SO_LINGER {1,0}, the death of the process with unread data, the "
		   "close of a listener with connections still in its accept queue, `ss -K`, too "
		   "many orphans, an unanswered keepalive.\n\n"
		   "tcpwhy names the particular one where the input shows it. This verdict stands "
		   "where it does not: the start of the connection is missing, or the capture lost "
		   "packets.",
	.diagram = "client                          server\n"
		   "  |           ...                 |\n"
		   "  |<--- RST|ACK seq=SND.NXT ------|  the socket existed; why?\n"
		   "recv: ECONNRESET\n",
	.client_sees = "Data that had arrived, then ECONNRESET once from recv or send, then end of "
		       "file and EPIPE.",
	.server_sees = "It depends on the cause: nothing (close() returned 0), the end of the "
		       "process, ECONNABORTED after `ss -K`, ETIMEDOUT after keepalive.",
	.recognise =
		"RST|ACK at the author's own next sequence number, with the timestamps, the window "
		"and the IP-ID sequence of the connection: the code path tcp_send_active_reset. "
		"That the socket itself aborted can be certain; why it did cannot.\n\n"
		"With MPTCP a reset can do what the other end asked for (MP_FASTCLOSE), or say why "
		"a kernel wrote it (MP_TCPRST): then no program's unread data is looked for "
		"behind it.\n\n"
		"A reset in a form that Linux never writes ends here too, as possible only: other "
		"operating systems, proxies and middleboxes have forms of their own.",
	.folklore = NULL,
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.sign = TW_F_RST_COUNT,
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
