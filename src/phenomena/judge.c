/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: every phenomenon is asked, the strongest explanation wins; then the capture's own limits
 * cap what may be claimed. It knows no phenomenon by name but those two that are not in the catalogue:
 * "clean" and "unknown".
 *
 * Clean or unknown? Clean: nobody was owed anything at the end of what was seen. Unknown: somebody
 * was, and the capture ends (or lacks a direction, or packets) before it shows what became of it.
 */
#include "phenomena/judge.h"

#include "base/duration.h"
#include "phenomena/clean.h"
#include "phenomena/connect/handshake.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#include <string.h>

/* Data in flight when the capture ends proves nothing as long as an answer could still be on its way. */
#define ACK_STORM     20 /* far more than keepalives or lost ACKs make in a row */
#define IN_FLIGHT_NS  (1 * TW_NS_PER_S)
#define LONG_AFTER_NS (10 * TW_NS_PER_S)

static bool is(const struct tw_facts *f, enum tw_fact_id id)
{
	return tw_get(f, id) != 0;
}

/* ---- what the capture allows to be said ---- */

static const char filtered[] =
	"ACKs: the capture holds none without payload, of no connection. A filter on flags, "
	"length or direction leaves them out, and with them what arrived.";

/* Something came of its SYN: an ACK was due. */
static bool went_on(const struct tw_facts *f)
{
	return is(f, TW_F_SYNACK_COUNT) || is(f, TW_F_BYTES_C) || is(f, TW_F_BYTES_S) ||
	       tw_known(f, TW_F_FIN1_SIDE);
}

/* It may well be open: of such a connection the filter lets pass only the handshake's first half. */
static bool filtered_out(const struct tw_facts *f)
{
	return is(f, TW_F_ACKS_FILTERED) && is(f, TW_F_SYNACK_COUNT) && !is(f, TW_F_RST_COUNT) &&
	       !is(f, TW_F_BYTES_C) && !is(f, TW_F_BYTES_S) && !tw_known(f, TW_F_FIN1_SIDE);
}

static void cap(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (m->rival_count && m->confidence == TW_CERTAIN)
		m->confidence = TW_LIKELY;
	if (is(f, TW_F_TRACE_LOSSY)) {
		if (m->confidence == TW_CERTAIN)
			m->confidence = TW_LIKELY;
		tw_missing(m, "The capture itself lost packets: what looks like silence or loss "
			      "may be its own.");
	}
	if (is(f, TW_F_ACKS_FILTERED) && went_on(f)) {
		m->confidence = TW_POSSIBLE;
		/* whether it took anything away, what had arrived before it tells */
		if (m->outcome == TW_OUTCOME_FAILED && is(f, TW_F_RST_COUNT))
			m->outcome = TW_OUTCOME_UNKNOWN;
		tw_missing(m, filtered);
	}
	if (is(f, TW_F_CLIENT_GUESSED) && m->culprit >= TW_CULPRIT_CLIENT_APP &&
	    m->culprit <= TW_CULPRIT_SERVER_HOST) {
		if (m->confidence == TW_CERTAIN && !is(f, TW_F_K_SEEN))
			m->confidence = TW_LIKELY;
		tw_missing(m,
			   "Which end is the client: the beginning of this connection is not in "
			   "the input, and its ports do not tell. It may be the other way round.");
	}
	if (is(f, TW_F_CLOCK_COARSE_NS) && m->confidence == TW_CERTAIN) {
		m->confidence = TW_LIKELY;
		tw_missing(m, tw_say(m, "Times are in steps of %s: shorter delays are not known.",
				     TW_DUR(tw_get(f, TW_F_CLOCK_COARSE_NS))));
	}
	if (is(f, TW_F_CLOCK_BACKWARD) && m->confidence == TW_CERTAIN) {
		m->confidence = TW_LIKELY;
		tw_missing(
			m,
			"The clock of the capture jumps backwards: delays and order are doubtful.");
	}
}

/*
 * A further path of an MPTCP connection belongs to the kernels' path managers: what becomes of it reaches an application
 * only if no other path is left, and then the first one has its own finding.
 */
static void be_subflow(struct tw_match *m)
{
	static const char nothing[] = "Nothing, as long as its MPTCP connection has another path: "
				      "this one was opened by the kernel.";
	const struct tw_app none = { .after_ns = -1, .text = nothing };

	if (!is(m->facts, TW_F_MPTCP_JOIN))
		return;
	if (m->outcome == TW_OUTCOME_FAILED)
		m->outcome = TW_OUTCOME_DEGRADED;
	tw_cite(m, TW_F_MPTCP_JOIN, "SYN with MP_JOIN: a further path of an MPTCP connection");
	m->app[TW_CLIENT] = m->app[TW_SERVER] = none;
}

/* Slow to connect, and then reset by the server at once: it failed, whatever came before. */
static void be_reset_after_all(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (m->outcome != TW_OUTCOME_DEGRADED || !is(f, TW_F_ACK3_SEEN) || is(f, TW_F_BYTES_S) ||
	    !is(f, TW_F_RST_COUNT_S) || is(f, TW_F_CLOSED_CLEAN) || is(f, TW_F_RST_AFTER_CLOSE) ||
	    tw_frame_of(f, TW_F_RST_COUNT_S) < tw_frame_of(f, TW_F_ACK3_SEEN) ||
	    tw_time_of(f, TW_F_RST_COUNT_S) - tw_time_of(f, TW_F_ACK3_SEEN) > TW_NS_PER_S ||
	    (tw_is(f, TW_F_RST_SIDE, TW_CLIENT) &&
	     tw_frame_of(f, TW_F_RST_COUNT) > tw_frame_of(f, TW_F_ACK3_SEEN)) ||
	    tw_known(f, TW_F_FIN1_SIDE) || tw_is(f, TW_F_RST_EFFECT, TW_RST_IGNORED))
		return;
	m->outcome = TW_OUTCOME_FAILED;
	if (m->confidence == TW_CERTAIN)
		m->confidence = TW_LIKELY;
	tw_cite(m, TW_F_RST_COUNT_S, "and then the server resets what had come about");
	m->app[TW_CLIENT] = (struct tw_app){ .after_ns = -1 };
	tw_app_saw(m, TW_CLIENT, "recv", "ECONNRESET", -1,
		   "connect() succeeds, late; the first call after the reset fails.");
}

/* Empty @m of all that matchers write. What the counts say is not there stays as it is. */
static void empty(struct tw_match *m)
{
	m->strength = 0;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_CLEAN;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->summary = m->remark = NULL;
	m->evidence_count = m->rival_count = m->ruled_out_count = m->missing_count = 0;
	m->app[0] = m->app[1] = (struct tw_app){ .after_ns = -1 };
}

/* ---- unknown ---- */

static void say_unknown(struct tw_match *m, const char *summary, const char *missing)
{
	m->outcome = TW_OUTCOME_UNKNOWN;
	m->confidence = TW_POSSIBLE;
	m->summary = summary;
	tw_missing(m, missing);
	if (is(m->facts, TW_F_RST_COUNT))
		tw_cite(m, TW_F_RST_COUNT, "the reset");
	else
		tw_cite(m, TW_F_START_SEEN, "the connection's first packet in the capture");
}

/* Unacknowledged at the end, and an answer had time to come? */
static bool owed_at_end(const struct tw_facts *f)
{
	if (!tw_known(f, TW_F_UNANSWERED_SIDE) || is(f, TW_F_RST_NOTHING_OWED))
		return false;
	if (is(f, TW_F_UNANSWERED_REPEATS) || tw_get(f, TW_F_CAPTURE_GOES_ON_NS) > IN_FLIGHT_NS)
		return true;
	return !is(f, TW_F_NO_ACKS) &&
	       tw_get(f, TW_F_UNANSWERED_FOR_NS) > IN_FLIGHT_NS + 2 * tw_get(f, TW_F_RTT_NS);
}

/*
 * The first repeat is due after a round trip and a little, the next ones after twice as long each. Where they do not
 * come, the sender got its ACK, or is gone: the capture does not have what happened.
 */
static void say_owed(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t on_ns = tw_get(f, TW_F_CAPTURE_GOES_ON_NS);

	if (on_ns < LONG_AFTER_NS || on_ns < 4 * tw_get(f, TW_F_UNANSWERED_SPAN_NS)) {
		say_unknown(m, "Data was still unacknowledged when the capture ended.",
			    "The capture ends before the data was acknowledged or given up.");
		return;
	}
	say_unknown(m,
		    tw_say(m,
			   "The last data is not acknowledged in the capture, and not repeated any "
			   "more, though the capture goes on for %s.",
			   TW_DUR(on_ns)),
		    "What became of it: its acknowledgement or its repeats were not captured, or "
		    "its sender was gone.");
	tw_cite(m, TW_F_UNANSWERED_BYTES, "%s of %s, not acknowledged",
		tw_bytes(m, tw_get(f, TW_F_UNANSWERED_BYTES)),
		tw_side_name((enum tw_side)tw_get(f, TW_F_UNANSWERED_SIDE)));
}

/* Bytes that nobody brought again, though their sender lived: it failed, or the capture has not got the repeats. */
static void say_hole(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const enum tw_side sender = (enum tw_side)tw_get(f, TW_F_MISSING_SIDE);

	say_unknown(m,
		    tw_say(m,
			   "%s of %s never came, and what came behind them was never "
			   "acknowledged: its sender did not repeat them here.",
			   tw_bytes(m, tw_get(f, TW_F_MISSING_BYTES)), tw_endpoint(m, sender)),
		    "Whether they were repeated and lost again: a capture at their sender.");
	tw_cite(m, TW_F_MISSING_SIDE, "the first segment behind the hole");
	tw_cite(m, TW_F_MISSING_ACKS, "the ACK stands before it");
}

/* An answer that only the number of its sender's FIN tells of. */
static void say_missed(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	say_unknown(m,
		    tw_say(m,
			   "%s of %s, sent before its FIN, never came, and %s%s "
			   "closed without them: they were lost, and not repeated here.",
			   tw_bytes(m, tw_get(f, TW_F_RST_ANSWER_MISSED)),
			   tw_endpoint(m, tw_reset_victim(f)), tw_side_name(tw_reset_author(f)),
			   is(f, TW_F_START_SEEN) ? ", which had asked," : ""),
		    "What keeps these bytes back: a capture at their sender shows whether, and in "
		    "what size, they were repeated.");
}

/*
 * Plain TCP resets a connection that is closed over data that nobody has read, or that gets data behind its close. MPTCP need
 * not: it acknowledges, and throws away (measured: the one on Linux 5.15, the other on 6.18, too).
 */
static void say_unheard(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	say_unknown(m,
		    tw_say(m,
			   is(f, TW_F_MPTCP_UNHEARD_LATE)
				   ? "%s closed the MPTCP connection (DATA_FIN), and the client "
				     "then sent it %s: whether anybody read them is not to be "
				     "seen."
				   : "%s closed the MPTCP connection (DATA_FIN) without a word "
				     "to the last %s of the client: whether it had read them is "
				     "not to be seen.",
			   tw_endpoint(m, TW_SERVER), tw_bytes(m, tw_get(f, TW_F_MPTCP_UNHEARD))),
		    "What the server's program read: MPTCP acknowledges what it throws away, too.");
	tw_cite(m, TW_F_MPTCP_UNHEARD, "%s of the client, to which the server says nothing",
		tw_bytes(m, tw_get(f, TW_F_MPTCP_UNHEARD)));
	tw_cite(m, TW_F_MPTCP_FIN_S, "DATA_FIN of the server");
	tw_app_saw(m, TW_CLIENT, "recv", "EOF", -1, NULL);
}

/* Data without its ACK, or without its answer. False: nothing of the kind. */
static bool left_owing(struct tw_match *m)
{
	if (owed_at_end(m->facts))
		say_owed(m);
	else if (is(m->facts, TW_F_MPTCP_UNHEARD))
		say_unheard(m);
	else
		return false;
	return true;
}

/*
 * The client closes after a long silence, and the server's host has no such connection any more, though it had not closed it
 * as far as the capture goes. To TCP nothing is owed to who closes; but nobody resets so by habit:
 *
 *     client                         server
 *       |<===== data =================|
 *       :                             x     gone, given up, or forgotten on the way
 *       |---- FIN ------------------->|
 *       |<--- RST, of no socket ------|
 */
static bool close_refused(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_SIDE, TW_SERVER) && tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) &&
	       tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_FIN) && is(f, TW_F_RST_NOTHING_OWED) &&
	       !is(f, TW_F_RST_AUTHOR_FIN) && !is(f, TW_F_RST_AFTER_CLOSE) &&
	       !is(f, TW_F_RST_COUNT_C) &&
	       (tw_reset_unseen_before(f) ||
		tw_get(f, TW_F_RST_IDLE_BEFORE_NS) >= TW_LEFT_AFTER_NS);
}

/* Whoever takes a reset repeats nothing any more. */
static bool reset_unheard(const struct tw_facts *f)
{
	return tw_get(f, TW_F_FIN1_COUNT) > 2 &&
	       tw_time_of(f, TW_F_FIN1_COUNT) > tw_time_of(f, TW_F_RST_COUNT) + TW_NS_PER_S / 2;
}

static void say_close_refused(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const char *const unheard =
		reset_unheard(f) ? " The client repeats it: the resets do not reach it." : "";

	/* a silence that is the filter's is none */
	if (tw_reset_unseen_before(f) || is(f, TW_F_NO_ACKS) || !tw_silence_proves(f))
		say_unknown(m,
			    tw_say(m,
				   "%s refuses the FIN of %s with a bare reset: its host has no "
				   "such connection.%s",
				   m->server, m->client, unheard),
			    "What came before: whether the server had closed, and whether the "
			    "client had waited for something.");
	else
		say_unknown(m,
			    tw_say(m,
				   "%s closed after %s of silence, and %s refused that with a bare "
				   "reset: its host had no such connection any more, and had not "
				   "closed it here.%s",
				   m->client, TW_DUR(tw_get(f, TW_F_RST_IDLE_BEFORE_NS)), m->server,
				   unheard),
			    "Whether the client waited for more, and how the connection ended at "
			    "the server: its own FIN or reset may be lost, or nobody closed it.");
}

/*
 * The client connects, says nothing, and when the server closes at last its host has no such connection any more: its own
 * end, and perhaps all that it said, did not come here.
 *
 *     client          filter           server
 *       |<============ handshake =======>|
 *       |---- request --->X              |   and the client is told so, or gives up
 *       :                                :
 *       |<------------------------ FIN --|
 *       |---- RST, of no socket -------->|
 */
static bool had_gone(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) &&
	       tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_FIN) && is(f, TW_F_START_SEEN) &&
	       is(f, TW_F_ACK3_SEEN) && !is(f, TW_F_RST_AUTHOR_FIN) && !is(f, TW_F_BYTES_C) &&
	       !is(f, TW_F_BYTES_S) && !is(f, TW_F_ACKED_UNSEEN_C) &&
	       tw_get(f, TW_F_RST_IDLE_BEFORE_NS) >= TW_NS_PER_S;
}

static void say_had_gone(struct tw_match *m)
{
	say_unknown(m,
		    tw_say(m,
			   "%s connected and said nothing, as far as it came here; when %s closed "
			   "after %s, it had no such connection any more, and had not closed it "
			   "here.",
			   m->client, m->server, TW_DUR(tw_get(m->facts, TW_F_RST_IDLE_BEFORE_NS))),
		    "What the client sent, and how it ended: neither its FIN nor a reset of its "
		    "own came here. A capture next to it.");
}

static bool reset_owed(const struct tw_facts *f)
{
	return tw_known(f, TW_F_RST_SIDE) && !is(f, TW_F_RST_NOTHING_OWED) &&
	       !is(f, TW_F_RST_AFTER_CLOSE) && !is(f, TW_F_CLOSED_CLEAN) &&
	       !tw_is(f, TW_F_RST_EFFECT, TW_RST_IGNORED);
}

/* The kernel's events, and no phenomenon fits them. */
static void say_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	m->outcome = TW_OUTCOME_CLEAN;
	m->confidence = TW_LIKELY;
	if (tw_known(f, TW_F_K_ERROR) || tw_known(f, TW_F_K_RST_IN)) {
		m->outcome = TW_OUTCOME_UNKNOWN;
		m->confidence = TW_POSSIBLE;
		m->summary = "It failed, and what this kernel saw of it does not show why.";
		tw_missing(m, "The packets, or the kernel of the other end.");
		tw_cite(m, TW_F_K_SEEN, "the first event of this connection");
	} else if (tw_known(f, TW_F_K_RST_SIDE)) {
		m->remark = "reset-instead-of-close";
		m->summary = "It ended with a reset, and nobody was owed anything.";
		tw_cite(m, TW_F_K_RST_SIDE, "the reset");
	} else {
		m->summary = "It ended without an error.";
		tw_cite(m, TW_F_K_CLOSED, "the socket was closed");
	}
}

/* A reset behind what is missing here is no end yet: its receiver asks back, and obeys the second one. */
static bool unconfirmed(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_EFFECT, TW_RST_CHALLENGED) && tw_get(f, TW_F_RST_SEQ_OFF) > 0 &&
	       !is(f, TW_F_RST_PAIR);
}

static void say_reset(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (unconfirmed(f))
		say_unknown(m,
			    tw_say(m,
				   "A reset of %s came behind %s that %s not come: such a reset is "
				   "not obeyed before a second one confirms it (RFC 5961 s3.2), "
				   "and none does here.",
				   tw_endpoint(m, tw_reset_author(f)),
				   tw_bytes(m, tw_get(f, TW_F_RST_SEQ_OFF)),
				   tw_get(f, TW_F_RST_SEQ_OFF) == 1 ? "has" : "have"),
			    "Whether it was challenged, and confirmed: both ends' packets behind "
			    "the reset.");
	else if (is(f, TW_F_START_SEEN))
		say_unknown(m, "It was reset, and its packets do not show why.",
			    "What the end that reset it knows: its program (strace -e "
			    "trace=network,close) or its kernel (tcpwhy live).");
	else
		say_unknown(m, "It was reset, and the capture does not show by whom or why.",
			    "The packets before the reset, or those of the other end, are not in "
			    "the capture.");
}

/* What never came, or who was reset without a reason to be seen. False: nothing of the kind. */
static bool lost_or_reset(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool owed = reset_owed(f);

	if (is(f, TW_F_RST_TELLS_UNSEEN))
		say_unknown(
			m,
			tw_say(m,
			       "%s passed before it was reset, as the numbers of the reset say, "
			       "and the capture has none of them.",
			       tw_bytes(m, tw_get(f, TW_F_RST_TELLS_UNSEEN))),
			filtered);
	else if (tw_hole_stays(f) && tw_silence_proves(f))
		say_hole(m);
	else if (is(f, TW_F_RST_ANSWER_MISSED))
		say_missed(m);
	else if (is(f, TW_F_RST_UNANSWERED_PROBES) && is(f, TW_F_NO_ACKS))
		say_unknown(m, "It ended with a reset behind keepalive probes.",
			    "Whether the probes were answered: the capture holds no ACK without "
			    "payload, of no connection.");
	else if (owed && tw_synack_refused(f) && tw_is_half_open_check(f))
		tw_tell_half_open_check(m);
	else if (owed && tw_synack_refused(f))
		tw_tell_synack_refused(m);
	else if (owed && tw_reset_after_wait(f))
		tw_tell_reset_after_wait(m);
	else if (tw_refused_after_all(f))
		tw_tell_refused_after_all(m);
	else if (close_refused(f))
		say_close_refused(m);
	else if (had_gone(f))
		say_had_gone(m);
	else if (owed)
		say_reset(m);
	else
		return false;
	return true;
}

static void clean_or_unknown(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (is(f, TW_F_K_SEEN))
		say_live(m);
	else if (is(f, TW_F_ONE_WAY_ORDERLY)) {
		say_unknown(m,
			    "Only one direction of this connection was captured. In it the "
			    "connection begins and ends in order, and nothing is repeated.",
			    "The packets of the other direction: whether all arrived there is not "
			    "in this one.");
		tw_cite(m, TW_F_ONE_WAY_ORDERLY, "the FIN, sent once");
	} else if (is(f, TW_F_ONE_SIDED))
		say_unknown(m, "Only one direction of this connection was captured.",
			    "The packets of the other direction are missing from the capture.");
	else if (filtered_out(f))
		say_unknown(m, "A handshake, and nothing else of this connection was captured.",
			    filtered);
	else if (is(f, TW_F_ORDER_MIXED) && (!is(f, TW_F_CLOSED_CLEAN) || is(f, TW_F_RST_COUNT)))
		say_unknown(m,
			    "Its packets are not in the order in which they were sent: the times "
			    "of this connection go back.",
			    "Files that were appended to each other (mergecap -a, cat) must be "
			    "read each on its own, or put in order of time: reordercap, mergecap "
			    "without -a, or tcpwhy read --merge.");
	else if (lost_or_reset(m))
		return;
	else if (is(f, TW_F_STRAY_ONLY))
		say_unknown(m, "A stray segment of a connection that the capture does not show.",
			    "The connection that this segment belongs to was not captured.");
	else if (!is(f, TW_F_ESTABLISHED) && is(f, TW_F_SYN_COUNT) && !is(f, TW_F_BYTES_S) &&
		 !is(f, TW_F_RST_NOTHING_OWED))
		say_unknown(m, "The handshake does not end in the capture.",
			    "What became of it: the capture shows neither its end nor that it was "
			    "given up.");
	else if (is(f, TW_F_CLOCK_SET) &&
		 (is(f, TW_F_RETRANSMITTED_C) || is(f, TW_F_RETRANSMITTED_S)))
		say_unknown(m,
			    "Packets were repeated, and the clock was set back meanwhile: whether "
			    "they had been lost or were late is not known.",
			    "Times that can be compared: the clock of the capture was set back "
			    "within this connection.");
	else if (is(f, TW_F_UNREQUESTED_SYNACK) && tw_get(f, TW_F_SYNACK_COUNT) > 1 &&
		 !is(f, TW_F_PACKETS_C))
		say_unknown(
			m,
			"A SYN|ACK, repeated, and nothing of the other end: its sender got no ACK "
			"for it.",
			"The other direction; or there is none, where the SYN came under a forged "
			"address.");
	else if (tw_get(f, TW_F_ACK_WAR) >= ACK_STORM && !is(f, TW_F_CLOSED_CLEAN))
		say_unknown(
			m,
			"The two ends go on answering each other's ACKs, and nothing gets any "
			"further.",
			"Who is right: a capture at both ends tells whose numbers were changed on "
			"the way.");
	else if (!left_owing(m))
		tw_say_clean(m);
}

/* Most matchers say no before they write a word: their trial serves the next one as it is. */
static inline bool is_empty(const struct tw_match *t)
{
	const uintptr_t texts = (uintptr_t)t->summary | (uintptr_t)t->remark |
				(uintptr_t)t->app[0].call | (uintptr_t)t->app[0].text |
				(uintptr_t)t->app[1].call | (uintptr_t)t->app[1].text;
	const unsigned said = (unsigned)t->strength | (unsigned)t->confidence |
			      (unsigned)t->outcome | (unsigned)t->culprit | t->evidence_count |
			      t->rival_count | t->ruled_out_count | t->missing_count;

	return !(texts | said);
}

/* The last packet that it speaks of. */
static uint64_t last_cited(const struct tw_match *m)
{
	uint64_t last = 0;
	unsigned i;

	for (i = 0; i < m->evidence_count; i++)
		if (!m->evidence[i].event && m->evidence[i].frame > last)
			last = m->evidence[i].frame;
	return last;
}

/* What got better again, however sure, does not explain how it failed later. */
static bool failed_later(const struct tw_match *end, const struct tw_match *m)
{
	return end->summary && m->outcome == TW_OUTCOME_DEGRADED && last_cited(end) > last_cited(m);
}

const struct tw_phenomenon *tw_judge(const struct tw_facts *facts, struct tw_match *m)
{
	const bool live = is(facts, TW_F_K_SEEN);
	const bool silent = is(facts, TW_F_ONE_SIDED) || is(facts, TW_F_ORDER_MIXED) ||
			    is(facts, TW_F_RST_TELLS_UNSEEN) || filtered_out(facts);
	const struct tw_phenomenon *best = NULL, *failed = NULL;
	struct tw_match end = { .summary = NULL }; /* the strongest that says it failed */
	struct tw_match trial = { .arena = m->arena,
				  .facts = facts,
				  .client = m->client,
				  .server = m->server,
				  .holder = m->holder,
				  .idle_table = m->idle_table,
				  .brief = m->brief };
	unsigned i;

	m->facts = facts;
	empty(m);
	empty(&trial);
	for (i = 0; i < tw_catalogue_count && !silent; i++) {
		const struct tw_phenomenon *ph = tw_catalogue[i];
		bool (*match)(struct tw_match * m) = live ? ph->match_live : ph->match;

		if (!live && !is(facts, ph->sign))
			continue;
		if (!is_empty(&trial))
			empty(&trial);
		if (!match || !match(&trial) || !trial.evidence_count || !trial.summary)
			continue;
		if (!best || trial.strength > m->strength) {
			*m = trial;
			best = ph;
		}
		if (trial.outcome == TW_OUTCOME_FAILED && trial.confidence > TW_POSSIBLE &&
		    (!failed || trial.strength > end.strength)) {
			end = trial;
			failed = ph;
		}
	}
	if (best && failed_later(&end, m)) {
		*m = end;
		best = failed;
	}
	if (best) {
		if (best->stage == TW_STAGE_CONNECT)
			be_reset_after_all(m);
		be_subflow(m);
		cap(m);
	} else {
		clean_or_unknown(m);
	}
	return best;
}
