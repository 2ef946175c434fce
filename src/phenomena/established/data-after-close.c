/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * data-after-close: one end closed, the other still sends.
 *
 *     client                          server
 *       |<--- FIN ----------------------|  close(): FIN_WAIT1
 *       |---- ACK --------------------->|  FIN_WAIT2, a bucket without socket
 *       |---- data -------------------->|
 *       |<--- RST seq = FIN + 1 --------|  TCP_TIMEWAIT_SOCKET: nobody will read it
 *
 * TCP can close one direction only; close() closes both, but the FIN says no more than "I send no
 * more". So the peer may go on sending in good faith until its segment draws the reset (RFC 9293
 * s3.6.1, RFC 1122 s4.2.2.13). If data and FIN cross, the reset's seq is the FIN's own number,
 * which a peer that got the FIN already accepts as one below RCV.NXT.
 */
#include "base/duration.h"
#include "phenomena/http2.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"
#include "phenomena/stopped.h"
#include "timers/usual.h"

/* Linux forgets an orphan in FIN_WAIT2 after tcp_fin_timeout: from then on it is that. */
#define CLOCKS_DIFFER_NS (5 * TW_NS_PER_S)
#define FIN_WAIT2_NS     (tw_usual()->fin_wait2_ns - CLOCKS_DIFFER_NS)
#define AT_ONCE_NS       (2 * TW_NS_PER_MS) /* besides the way there and back */
/* The time-outs of applications begin about here. */
#define WAITED_NS (500 * TW_NS_PER_MS)

/* Data behind the first FIN, before the reset, and not taken. */
static bool came_late(const struct tw_facts *f)
{
	return tw_get(f, TW_F_DATA_AFTER_FIN1) > 0 && !tw_get(f, TW_F_DATA_AFTER_FIN1_ACKED) &&
	       tw_frame_of(f, TW_F_DATA_AFTER_FIN1) < tw_frame_of(f, TW_F_RST_COUNT);
}

/*
 * Other stacks (Windows, lwIP) refuse late data by RST|ACK. Without timestamps that looks like a socket that aborts;
 * but it comes at once on the data, and the FIN before it says that nobody was there to abort. lwIP's has none even
 * where the connection has them: no socket of Linux aborts so.
 */
static bool acknowledges_late(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_HAS_ACK) &&
	       (!tw_get(f, TW_F_TIMESTAMPS) ||
		(tw_get(f, TW_F_RST_NO_TS) && !tw_get(f, TW_F_RST_TTL_DELTA))) &&
	       came_late(f) && tw_get(f, TW_F_RST_UNANSWERED_BYTES) > 0 &&
	       tw_get(f, TW_F_RST_UNANSWERED_AGE_NS) <= AT_ONCE_NS + 2 * tw_get(f, TW_F_RTT_NS);
}

/*
 * gVisor acknowledges nothing of what it refuses so, with timestamps or without, and writes a window of 0. A socket that
 * lives takes the data before it aborts, and never takes back the window that it offered.
 */
static bool leaves_late_unacked(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_HAS_ACK) && tw_get(f, TW_F_RST_WINDOW_ZERO) &&
	       !tw_get(f, TW_F_RST_AUTHOR_RWND_ZERO) && came_late(f) &&
	       tw_get(f, TW_F_RST_VICTIM_UNACKED) > 0;
}

static bool with_ack(const struct tw_facts *f)
{
	return tw_is(f, TW_F_FIN1_SIDE, tw_reset_author(f)) &&
	       (acknowledges_late(f) || leaves_late_unacked(f));
}

/*
 * Did the client, which had nothing to say, leave before the server's first words? That they came shows what it had waited
 * for: the server speaks first here. (TCP_DEFER_ACCEPT before such a server: it is not woken before the client speaks.)
 */
static bool was_not_greeted(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ACK3_SEEN) && tw_reset_author(f) == TW_CLIENT &&
	       !tw_get(f, TW_F_BYTES_C) && tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT) &&
	       tw_get(f, TW_F_BYTES_S) > 0 &&
	       tw_get(f, TW_F_BYTES_S) == tw_get(f, TW_F_DATA_AFTER_FIN1) &&
	       tw_between_ns(f, TW_F_ACK3_SEEN, TW_F_FIN1_SIDE) >= WAITED_NS;
}

/* The rest of an answer came when the client had left for its silence: that is the story, and its server goes on too late. */
static bool was_kept_waiting(const struct tw_facts *f)
{
	return tw_reset_author(f) == TW_CLIENT && tw_left_in_silence(f);
}

static bool fits(const struct tw_facts *f)
{
	if (!tw_reset_landed(f) || !tw_get(f, TW_F_RST_AUTHOR_FIN) ||
	    (!tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) && !with_ack(f)))
		return false;
	if ((tw_reset_debt(f) == TW_DEBT_NONE && !was_not_greeted(f) && !was_kept_waiting(f)) ||
	    tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0 || tw_reset_from_nearer(f))
		return false;
	/* Both had closed, and all was acknowledged: what comes then is of no application. */
	if (tw_get(f, TW_F_CLOSED_CLEAN) &&
	    tw_frame_of(f, TW_F_CLOSED_CLEAN) < tw_frame_of(f, TW_F_RST_COUNT))
		return false;
	/* It had been sent in vain long before the close: that is a matter of the path. */
	if (tw_reset_was_stalled(f) || tw_get(f, TW_F_RST_ANSWER_MISSED) ||
	    (tw_hole_stays(f) && tw_is(f, TW_F_MISSING_SIDE, (int64_t)tw_reset_victim(f))))
		return false;
	/* A FIN alone that draws the reset loses nothing: that is a matter of the teardown. */
	return !tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_FIN) ||
	       tw_get(f, TW_F_RST_VICTIM_UNACKED) > 0;
}

/*
 * Had the closing client been waiting? Then all that the server said to its last words came too
 * late, and there was a pause before the FIN as of a timer.
 */
static bool gave_up_waiting(const struct tw_facts *f)
{
	int64_t late = tw_get(f, TW_F_RST_UNANSWERED_BYTES);

	/* who never asked did not wait for an answer */
	return tw_reset_author(f) == TW_CLIENT && tw_get(f, TW_F_RST_AUTHOR_SENT_BYTES) > 0 &&
	       late > 0 && late == tw_get(f, TW_F_RST_VICTIM_UNACKED) &&
	       tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT) &&
	       tw_get(f, TW_F_RST_AUTHOR_WAITED_NS) >= WAITED_NS;
}

/* Had what was refused left before its sender could know of the close? */
static bool crossed(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_REFUSED_ON_ITS_WAY) ||
	       (tw_get(f, TW_F_FIN_CROSSED_REQUEST) &&
		tw_is(f, TW_F_FIN1_SIDE, tw_reset_author(f)));
}

static void say(struct tw_match *m, enum tw_side author, long long lost)
{
	const struct tw_facts *f = m->facts;
	const char *victim = tw_side_name(tw_other(author));

	if (was_kept_waiting(f))
		m->summary =
			tw_say(m,
			       "%s closed the connection after %s of silence in the midst of "
			       "an answer; the rest came later and was reset.",
			       tw_endpoint(m, author), TW_DUR(tw_get(f, TW_F_ANSWER_STOPPED_NS)));
	else if (was_not_greeted(f))
		m->summary = tw_say(
			m,
			"%s said nothing, and closed the connection after %s; the server's first "
			"words came %s later and were reset.",
			tw_endpoint(m, author),
			TW_DUR(tw_between_ns(f, TW_F_ACK3_SEEN, TW_F_FIN1_SIDE)),
			TW_DUR(tw_get(f, TW_F_DATA_AFTER_FIN1_DELAY_NS)));
	else if (gave_up_waiting(f))
		m->summary =
			tw_say(m,
			       "%s closed the connection after %s without an answer; the answer "
			       "came %s later and was reset.",
			       tw_endpoint(m, author), TW_DUR(tw_get(f, TW_F_RST_AUTHOR_WAITED_NS)),
			       TW_DUR(tw_get(f, TW_F_DATA_AFTER_FIN1_DELAY_NS)));
	else if (crossed(f))
		m->summary = tw_say(m,
				    "%s closed the connection while %s of %s crossed its FIN; the "
				    "answer was a reset.",
				    tw_endpoint(m, author), tw_bytes(m, lost), victim);
	else
		m->summary = tw_say(m,
				    "%s closed the connection; %s still sent %s, and drew a reset "
				    "%s after the close.",
				    tw_endpoint(m, author), victim, tw_bytes(m, lost),
				    TW_DUR(tw_get(f, TW_F_RST_AUTHOR_FIN_AGO_NS)));
}

/*
 * No reset comes of it where the server's program lingers (shutdown(), and it reads and throws away, as Apache does), or not
 * before the client has closed in turn. The request is as lost.
 */
static bool match_taken(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t late_ns = tw_get(f, TW_F_REQUEST_TOO_LATE_NS);
	const bool sealed = tw_is(f, TW_F_REQUEST_TOO_LATE, TW_REQUEST_TLS_DATA);

	if (!tw_known(f, TW_F_REQUEST_TOO_LATE) || tw_get(f, TW_F_TRACE_LOSSY))
		return false;
	m->strength = TW_STRENGTH_ENDING;
	m->confidence = sealed ? TW_POSSIBLE : TW_LIKELY;
	m->outcome = tw_http2_may_repeat(f) ? TW_OUTCOME_DEGRADED : TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_UNKNOWN;
	if (!tw_known(f, TW_F_REQUEST_TOO_LATE_NS))
		m->summary = tw_say(m,
				    "%s closed the connection while a request of the client was on "
				    "its way: nothing answers it.",
				    tw_endpoint(m, TW_SERVER));
	else
		m->summary = tw_say(m,
				    "%s closed the connection, and the client sent a request %s "
				    "later: nothing answers it.",
				    tw_endpoint(m, TW_SERVER), TW_DUR(late_ns));
	tw_cite(m, TW_F_FIN1_SIDE, "FIN of the server: behind it comes no answer any more");
	tw_http2_cite_repeat(m);
	tw_cite(m, TW_F_REQUEST_TOO_LATE,
		sealed ? "a record of %s, too long for a farewell; the FIN does not cover it"
		       : "a request of %s, by its bytes; the FIN does not cover it",
		tw_request_name((enum tw_request)tw_get(f, TW_F_REQUEST_TOO_LATE)));
	if (sealed)
		tw_missing(m,
			   "What the record says: it is encrypted, and need not ask for anything.");
	if (tw_get(f, TW_F_FIN_CROSSED_REQUEST))
		tw_rival(m, "keepalive-race",
			 "the FIN and the request crossed; if the server closed by its idle timer, "
			 "it is this");
	tw_rival(m, "process-died", "the end of a process closes its sockets with the same FIN");
	tw_app_saw(m, TW_CLIENT, "recv", "EOF", -1,
		   "send() succeeded, and recv returns 0 in place of the answer: "
		   "\"RemoteDisconnected\" (Python), \"socket hang up\" (Node.js), \"EOF\" (Go), "
		   "\"Empty reply from server\" (curl).");
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1,
		   "It had closed, or shut down its direction: the request is thrown away.");
	return true;
}

/* A client that closed wants nothing more; a server's close leaves a request behind. */
static enum tw_outcome outcome_of(const struct tw_facts *f, enum tw_side author)
{
	return author == TW_SERVER && !tw_http2_may_repeat(f) ? TW_OUTCOME_FAILED
							      : TW_OUTCOME_DEGRADED;
}

/*
 * The end that closed still had data to send, so its FIN never left: what it is sent then draws the reset all the same (src/facts/before_reset.c).
 * Nobody else answers data so, and takes the ACKs before it.
 */
static bool match_unsent(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side author = tw_reset_author(f);

	if (!tw_reset_landed(f) || !tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) ||
	    !tw_get(f, TW_F_RST_WHILE_SENDING) || tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0 ||
	    tw_get(f, TW_F_RST_TTL_DELTA) || tw_get(f, TW_F_RST_LABEL_ZERO) ||
	    tw_get(f, TW_F_TRACE_LOSSY))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 1;
	m->confidence = TW_LIKELY;
	m->outcome = author == TW_SERVER ? TW_OUTCOME_FAILED : TW_OUTCOME_DEGRADED;
	m->culprit = tw_app_of(author);
	m->summary =
		tw_say(m,
		       "%s closed the connection while it was still sending: its FIN had not "
		       "left yet when data of %s came, and drew a reset.",
		       tw_endpoint(m, author), author == TW_SERVER ? "the client" : "the server");
	tw_cite(m, TW_F_RST_WHILE_SENDING,
		"data of %s, which the first reset answers; %s of the other's own was on its way",
		author == TW_SERVER ? "the client" : "the server",
		tw_bytes(m, tw_get(f, TW_F_RST_WHILE_SENDING)));
	tw_reset_cite(m);
	tw_rival(m, "process-died", "the end of a process closes its sockets in the same way");
	tw_rival(m, "aborted", "a reset of its own may have been lost, which nobody repeats");
	tw_rival(m, "forged-reset",
		 "a reset forged towards that end, in the name of the other, ends its socket, too");
	tw_rule_out(m, "peer-rebooted",
		    "it had sent data just before: no host boots in so short a time");
	tw_reset_victim_saw(m);
	tw_app_saw(m, author, NULL, NULL, -1,
		   "It had closed the socket; nothing can be reported to it. What it had not sent "
		   "is thrown away.");
	return true;
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side author = tw_reset_author(f);
	/* most RST|ACKs acknowledge what they throw away */
	int64_t lost = tw_get(f, acknowledges_late(f) ? TW_F_RST_UNANSWERED_BYTES
						      : TW_F_RST_VICTIM_UNACKED);

	const bool waited = gave_up_waiting(f) || was_kept_waiting(f) || was_not_greeted(f);

	if (!fits(f) || !lost)
		return match_unsent(m) || match_taken(m);
	/* its server says so: app-stuck */
	if (was_kept_waiting(f) && !tw_get(f, TW_F_RST_REFUSED_SENT_BEFORE) &&
	    tw_get(f, TW_F_FIN1_COUNT) <= 2)
		return false;
	m->strength = tw_get(f, TW_F_RST_AUTHOR_FIN_AGO_NS) > FIN_WAIT2_NS ? TW_STRENGTH_ENDING
									   : TW_STRENGTH_MECHANISM;
	m->strength += with_ack(f); /* closed-with-unread-data sees the same segment */
	m->confidence = was_kept_waiting(f) || was_not_greeted(f) ? TW_POSSIBLE : TW_LIKELY;
	m->outcome = waited ? TW_OUTCOME_FAILED : outcome_of(f, author);
	m->culprit = waited ? TW_CULPRIT_UNKNOWN : tw_app_of(author);
	say(m, author, lost);
	if (author == TW_SERVER)
		tw_http2_cite_repeat(m);
	tw_cite(m, TW_F_RST_AUTHOR_FIN, "FIN of %s: it closed, and sends no more",
		tw_side_name(author));
	tw_reset_cite_trigger(m);
	tw_reset_cite(m);
	if (was_kept_waiting(f))
		tw_rival(m, "peer-vanished",
			 "what came then had been sent before: the path may have been dead for so "
			 "long");
	else if (tw_get(f, TW_F_PORT_REFUSED_AFTER) && author == TW_SERVER)
		tw_rival(m, "process-died",
			 "the end of a process closes its sockets with the same FIN, and the port "
			 "was refused %s later",
			 TW_DUR(tw_get(f, TW_F_PORT_REFUSED_AFTER_NS)));
	else
		tw_rival(m, "process-died",
			 "the end of a process closes its sockets with the same FIN");
	if (tw_get(f, TW_F_FIN_CROSSED_REQUEST) && author == TW_SERVER)
		tw_rival(m, "keepalive-race",
			 "the FIN and the data crossed; if the server closed by its idle timer, it "
			 "is this");
	tw_rule_out(m, "peer-rebooted", "the author had closed in order, with a FIN, before");
	if (with_ack(f))
		tw_rival(m, "closed-with-unread-data",
			 "a RST|ACK is what a socket writes whose program shut down its writing "
			 "side first, and closed it just when data came");
	else
		tw_rule_out(m, "closed-with-unread-data",
			    "that gives a RST|ACK in place of the FIN, not a FIN and a bare RST "
			    "after it");
	if (was_not_greeted(f))
		tw_missing(m, "Why the server spoke so late: a name that it looks up first, no "
			      "free worker, or TCP_DEFER_ACCEPT, by which it is not woken before "
			      "the client speaks, or leaves.");
	tw_reset_victim_saw(m);
	tw_app_saw(m, author, NULL, NULL, -1,
		   "It had closed the socket; nothing can be reported to it.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_fin_timeout",
	  "How long the closed end remembers the connection in FIN_WAIT2, default 60 s; the reset "
	  "comes before and after alike." },
	{ "SIGPIPE",
	  "The send after the reset raises it unless MSG_NOSIGNAL is given or it is ignored." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	"Let the sender look for end of file before it sends: a connection on which recv returns 0 "
	"(or poll reports POLLRDHUP) takes no more requests.",
	"Let the end that closes first announce it in the protocol (HTTP: Connection: close, "
	"HTTP/2: GOAWAY) and, where the peer may be in mid-sentence, use shutdown(fd, SHUT_WR), "
	"read to end of file, then close.",
	"Find out why it closed: look in the log of the closing program at the time of the FIN, "
	"and check with `journalctl -u SERVICE` and `coredumpctl list` that it had not died.",
	"Repeat the lost request on a new connection if it is safe to repeat: the bytes that drew "
	"the reset were not read by anybody.",
	"Ignore SIGPIPE (signal(SIGPIPE, SIG_IGN)) or send with MSG_NOSIGNAL, so that EPIPE is an "
	"error and not the end of the process.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.6.1 (SHLD-3)",
	"RFC 1122 s4.2.2.13",
	"RFC 2525 s2.16",
	"net/ipv4/tcp_minisocks.c: tcp_timewait_state_process",
	"net/ipv4/tcp_input.c: tcp_rcv_state_process (LINUX_MIB_TCPABORTONDATA)",
	NULL,
};

/* The victim had closed, too, and only its FIN was still to be acknowledged: that drew the reset, and nobody minds. */
static bool is_farewell(const struct tw_facts *f)
{
	return tw_is(f, TW_F_K_RST_IN_STATE, TW_SOCKET_LAST_ACK) && !tw_get(f, TW_F_K_RST_IN_OWED);
}

/* Live: this kernel resets because of data after close(), or a reset comes in after the peer's FIN. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool here =
		tw_live_reset_for(m, TW_KRST_TIME_WAIT) || tw_live_reset_for(m, TW_KRST_DATA_AFTER);
	const bool there =
		tw_known(f, TW_F_K_RST_IN) && tw_get(f, TW_F_K_PEER_FIN) &&
		!tw_is(f, TW_F_K_RST_IN_FORM, TW_RST_ACTIVE) &&
		(!tw_known(f, TW_F_K_RST_SIDE) || tw_live_reset_for(m, TW_KRST_NO_SOCKET) ||
		 tw_live_reset_for(m, TW_KRST_LISTENER));
	/* A kernel that does not say why it reset an orphan that got data. */
	const bool inferred = tw_live_reset_for(m, TW_KRST_UNSAID) &&
			      tw_get(f, TW_F_K_RST_ORPHAN) && tw_known(f, TW_F_K_RST_ANSWERS);
	enum tw_side closer;

	if (!here && !there && !inferred)
		return false;
	closer = here || inferred ? tw_live_author(m)
				  : tw_other((enum tw_side)tw_get(f, TW_F_K_RST_IN));
	tw_live_say(m, TW_STRENGTH_MECHANISM, here ? TW_CERTAIN : TW_LIKELY,
		    is_farewell(f) || (here && !tw_get(f, TW_F_K_RST_OWED)) ? TW_OUTCOME_CLEAN
									    : TW_OUTCOME_FAILED,
		    tw_app_of(closer),
		    tw_say(m, "%s had closed, and %s went on sending: the data drew a RST.",
			   tw_endpoint(m, closer), tw_side_name(tw_other(closer))));
	tw_live_cite_reset(m);
	tw_live_cite_got(m);
	tw_live_cite_error(m);
	if (there && !here)
		tw_rival(m, "fin-wait2-expired",
			 "the closed end may have waited for its time, too");
	tw_live_victim_saw(m);
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "answer",
		.about = "the server answers and closes, the client sends more",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "server close\n"
			  "cable wait server fin\n"
			  "cable quiet 100ms\n"
			  "client send 100\n"
			  "state client CLOSE\n"
			  "client send 100 -> EPIPE\n"
			  "client recv -> EOF\n"
			  "verdict both data-after-close|keepalive-race likely failed\n"
			  "never both certain\n",
	},
	{
		.name = "by-poll",
		.about = "the same with poll: IN, OUT, ERR, HUP and RDHUP, and SO_ERROR is EPIPE",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "fault\n"
			  "server close\n"
			  "client nonblocking\n"
			  "client poll in+rdhup -> in+rdhup within 1s\n"
			  "client send 100\n"
			  "state client CLOSE\n"
			  "client poll any -> in+out+err+hup+rdhup\n"
			  "client error -> EPIPE\n"
			  "client recv -> EOF\n"
			  "verdict both data-after-close|keepalive-race likely failed\n"
			  "never both certain\n",
	},
	{
		.name = "server-push",
		.about = "the client closes, the server still sends",
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
			  "cable wait client fin\n"
			  "cable quiet 100ms\n"
			  "server send 100\n"
			  "state server CLOSE\n"
			  "server send 100 -> EPIPE\n"
			  "server recv -> EOF\n"
			  "verdict both data-after-close likely failed degraded\n"
			  "never both certain\n",
	},
	{
		.name = "too-late",
		.about = "the client waits, gives up and closes; then the answer comes, in pieces",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 20\n"
			  "server recv 20\n"
			  "wait 1s\n"
			  "fault\n"
			  "client close\n"
			  "cable wait client fin\n"
			  "cable quiet 100ms\n"
			  "cable hold server data always\n"
			  "server send 120\n"
			  "server send 50\n"
			  "cable release\n"
			  "state server CLOSE\n"
			  "server send 1 -> EPIPE\n"
			  "server recv -> EOF\n"
			  "verdict both data-after-close likely failed\n"
			  "never both certain\n",
	},
	{
		.name = "half-closed",
		.about = "the client shuts down its sending half only and is answered: nothing is "
			 "wrong",
		.variants = "v4 v6",
		.script =
			"truth clean\n"
			"server listen\n"
			"client connect\n"
			"server accept\n"
			"client send 100\n"
			"fault\n"
			"client shutdown\n"
			"server recv eof\n"
			"server send 5000\n"
			"client recv 5000\n"
			"server close\n"
			"client recv -> EOF\n"
			"client close\n"
			"# a repeat of the last FIN, on a slow machine, draws an ACK that meets no "
			"socket\n"
			"verdict both clean|time-wait-killed certain likely clean\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_data_after_close = {
	.slug = "data-after-close",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "Data was sent to an end that had closed",
	.happens = "One end closed: its FIN went out and was acknowledged. A FIN says only \"I "
		   "send no more\", so the other end may still send, and it does. But close() gave "
		   "up both directions: there is no socket any more that could receive. Each "
		   "segment of data draws a bare RST.\n\n"
		   "Linux keeps the closed end as a small FIN_WAIT2 bucket for 60 s "
		   "(tcp_fin_timeout); that bucket, and later no bucket at all, answers with the "
		   "same reset. If the data was in flight while the FIN left, the reset carries "
		   "the FIN's own sequence number. If the closed end still had data to send, its "
		   "FIN waits behind that, and the reset comes before it: no FIN is ever seen.",
	.diagram = "client                          server\n"
		   "  |<--- FIN ----------------------|  close()\n"
		   "  |---- ACK --------------------->|\n"
		   "  |---- data -------------------->|  nobody reads it\n"
		   "  |<--- RST seq=FIN+1, win 0 -----|\n"
		   "recv: 0, next send: EPIPE\n",
	.client_sees = "recv returns 0 (end of file) for the FIN and goes on doing so. The send "
		       "that draws the reset succeeds, because the reset comes later; the next one "
		       "fails with EPIPE and SIGPIPE. SO_ERROR gives EPIPE, poll reports IN, OUT, "
		       "ERR, HUP and RDHUP.",
	.server_sees =
		"Nothing: its close() returned long ago. The kernel counts TcpOutRsts; the reset "
		"reason is TCP_TIMEWAIT_SOCKET (or TCP_ABORT_ON_DATA if the data crossed the FIN).",
	.recognise =
		"A bare RST (no ACK flag, window 0, no options) right behind a segment, with that "
		"segment's ack as its sequence number, from an end that had sent its FIN.\n\n"
		"close() and the end of the process look the same. If the port is refused "
		"afterwards and the server's other connections ended in the same moment, it is "
		"process-died; if the server closed after a time of silence and the request "
		"crossed the FIN, it is keepalive-race. A TLS close_notify or a FIN that meets the "
		"reset loses nothing, and is called clean.",
	.folklore = "\"After FIN and RST, recv gives ECONNRESET.\" It never does on Linux: once "
		    "the FIN was received, recv returns 0 for ever and only send fails, with "
		    "EPIPE. ECONNRESET from recv means that the reset came without a FIN.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "WK",
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
