/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client came back and took the same port again: its SYN meets a server that still holds the old
 * connection (RFC 9293 s3.5.1, figure 9).
 *
 *      client (new)                           server (still ESTABLISHED)
 *        |--SYN------------------------------------>|
 *        |<-------ACK with the old numbers----------|   challenge ACK (RFC 5961 s4.2)
 *        |--RST, seq = that ACK's ack-------------->|   the old connection dies: ECONNRESET
 *        |--SYN again after some ms---------------->|
 *        |<-------SYN|ACK---------------------------|
 */
#include "phenomena/came_back.h"
#include "phenomena/connect/handshake.h"

/* Its SYN meets a connection that the capture shows open. */
static bool is_old_seen(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYN_IN_ESTABLISHED) && tw_get(f, TW_F_SYN_ANSWERED_BY_OLD_ACK) &&
	       !tw_get(f, TW_F_PREV_WENT_ON);
}

/* The same, but the client had closed and only the server had not (CLOSE_WAIT): its port was free to be used again. */
static bool is_old_half_closed(const struct tw_facts *f)
{
	return tw_get(f, TW_F_PREV_HALF_CLOSED) && tw_get(f, TW_F_SYN_ANSWERED_BY_OLD_ACK) &&
	       !tw_get(f, TW_F_PREV_WENT_ON);
}

/* Both had closed, and the server's socket still waits for the ACK of its FIN: no TIME_WAIT is there. */
static bool is_old_unheard(const struct tw_facts *f)
{
	return tw_get(f, TW_F_PREV_FIN_UNHEARD) && !tw_get(f, TW_F_PREV_WENT_ON);
}

/* The capture begins with the SYN: the ACK's numbers are of a connection from before, closed or not. */
static bool is_old_unseen(const struct tw_facts *f)
{
	return !tw_get(f, TW_F_PREV_EXISTS) && tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_ACK) &&
	       tw_get(f, TW_F_BAD_ACK_IN_SYN_SENT) > 0 &&
	       (tw_get(f, TW_F_SYN_FIT_FOR_TIME_WAIT) || !tw_get(f, TW_F_SYN_ANSWER_ID_ZERO));
}

static void exclude_time_wait(struct tw_match *m, bool seen)
{
	const struct tw_facts *f = m->facts;

	if (is_old_unheard(f))
		tw_rule_out(m, "time-wait-syn-dropped",
			    tw_get(f, TW_F_PREV_CLOSED_LAST)
				    ? "the server had closed last: its socket waits in LAST_ACK, "
				      "and never comes to TIME_WAIT"
				    : "TIME_WAIT needs the ACK of the server's FIN, and the ACK "
				      "here is a socket's");
	else if (seen)
		tw_rule_out(m, "time-wait-syn-dropped",
			    is_old_half_closed(f)
				    ? "the server had not closed the old connection"
				    : "the old connection was established, not closed");
	else if (tw_get(f, TW_F_SYN_FIT_FOR_TIME_WAIT))
		tw_rule_out(m, "time-wait-syn-dropped",
			    "a TIME_WAIT would have taken this SYN, which is newer");
	else
		tw_rival(m, "time-wait-syn-dropped",
			 "the earlier connection is not in the capture; a TIME_WAIT sends such an "
			 "ACK, "
			 "too");
	if (!seen)
		tw_missing(m, "The connection that used these ports before.");
}

static const char *what_of_the_old(const struct tw_facts *f)
{
	if (is_old_unheard(f))
		return tw_get(f, TW_F_PREV_CLOSED_LAST)
			       ? ": both had closed that, and its last FIN was not acknowledged "
				 "there (LAST_ACK)."
			       : ": both had closed that, and the server's FIN was not "
				 "acknowledged there (CLOSING).";
	if (is_old_half_closed(f))
		return ": the client had closed that, and the server's program had not "
		       "(CLOSE_WAIT).";
	return is_old_seen(f) ? ": the client's end had been lost without a FIN or a reset."
			      : ", of which the client knows nothing any more.";
}

/* tcp_reset(): EPIPE in CLOSE_WAIT, ECONNRESET elsewhere. */
static void tell_old_server(struct tw_match *m, bool half)
{
	if (half)
		tw_app_saw(m, TW_SERVER, "send", "EPIPE", -1,
			   "The old connection's socket has had its end of file: recv() returns 0 "
			   "there before and after, and send() fails from now on.");
	else
		tw_app_saw(m, TW_SERVER, "recv", "ECONNRESET", -1,
			   "The old connection ends with ECONNRESET, after what had arrived was "
			   "read.");
}

static bool match_half_open(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool half = is_old_half_closed(f), unheard = is_old_unheard(f);
	const bool seen = is_old_seen(f) || half || unheard;
	const bool later = tw_get(f, TW_F_ESTABLISHED);
	const bool refused =
		tw_get(f, TW_F_BAD_ACK_REFUSED) &&
		(later || tw_frame_of(f, TW_F_RST_COUNT) == tw_frame_of(f, TW_F_BAD_ACK_REFUSED));
	int64_t took = tw_get(f, TW_F_CONNECT_NS);

	/* Linux writes a bare RST here, lwIP a RST|ACK: what it answers tells, not its form */
	if ((!seen && !is_old_unseen(f)) || (!refused && !unheard) ||
	    tw_get(f, TW_F_SYN_ANSWERED_AS_OTHER))
		return false;
	m->strength = later ? TW_STRENGTH_DELAY + 3 : TW_STRENGTH_MECHANISM;
	m->confidence = TW_LIKELY;
	m->outcome = tw_syn_outcome(f);
	m->culprit = half      ? TW_CULPRIT_SERVER_APP
		     : unheard ? TW_CULPRIT_UNKNOWN
			       : TW_CULPRIT_CLIENT_HOST;
	m->remedy = unheard ? TW_REMEDY_PORTS : 0;
	m->summary = tw_say(m,
			    "%s connected again from the same port while %s still held the "
			    "connection from before%s",
			    m->client, m->server, what_of_the_old(f));
	if (unheard)
		tw_cite(m, TW_F_PREV_FIN_UNHEARD,
			"the server's FIN, for whose ACK its socket still waits");
	if (half)
		tw_rival(m, "close-wait-leak",
			 "why the server's program had not closed is not visible");
	if (is_old_seen(f))
		tw_cite(m, TW_F_SYN_IN_ESTABLISHED,
			"SYN on a four-tuple whose connection had never been closed");
	tw_cite(m, seen ? TW_F_SYN_ANSWERED_BY_OLD_ACK : TW_F_SYN_ANSWER,
		"the server answers with an ACK that has the numbers of %s",
		seen ? "the old connection" : "another connection");
	if (refused)
		tw_cite(m, TW_F_BAD_ACK_REFUSED,
			"RST of the client: it knows of no such connection");
	tw_cite_refused_in_vain(m);
	tw_rival(m, "idle-reset",
		 "a NAT that forgot the first client and gives its outer port to another one makes "
		 "the same packets");
	exclude_time_wait(m, seen);
	if (!tw_refused_in_vain(f) && !unheard)
		tell_old_server(m, half);
	tw_app_saw(m, TW_CLIENT, "connect", tw_syn_errno(f), later && took > 0 ? took : -1,
		   later ? "It succeeds, late by the time to the second SYN." : NULL);
	return true;
}

/*
 * The same at a stack of RFC 793: the SYN is in the old connection's window, and ends that by a RST|ACK with its numbers. A
 * client in SYN_SENT ignores it, and its next SYN is taken.
 */
static bool match_reset_by_old(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool open = tw_get(f, TW_F_SYN_IN_ESTABLISHED), later = tw_get(f, TW_F_ESTABLISHED);

	if (!tw_get(f, TW_F_SYN_ANSWERED_BY_OLD_RST) || tw_get(f, TW_F_PREV_WENT_ON))
		return false;
	m->strength = TW_STRENGTH_MECHANISM;
	m->confidence = TW_LIKELY;
	m->outcome = tw_syn_outcome(f);
	m->culprit = open ? TW_CULPRIT_CLIENT_HOST : TW_CULPRIT_UNKNOWN;
	m->summary = tw_say(m,
			    "%s connected again from the same port while %s still held the "
			    "connection from before: the SYN made it reset that one.",
			    m->client, m->server);
	tw_cite(m, TW_F_SYN_ANSWERED_BY_OLD_RST,
		"the RST|ACK has the numbers of the old connection, and does not acknowledge the "
		"SYN");
	tw_rival(m, "idle-reset",
		 "a NAT that forgot the first client and gives its outer port to another one makes "
		 "the same packets");
	if (open)
		tw_app_saw(m, TW_SERVER, "recv", "ECONNRESET", -1,
			   "The old connection ends there with the error of a reset.");
	tw_app_saw(m, TW_CLIENT, "connect", tw_syn_errno(f),
		   later && tw_known(f, TW_F_CONNECT_NS) ? tw_get(f, TW_F_CONNECT_NS) : -1,
		   "A reset that does not acknowledge the SYN is ignored; the next SYN finds the "
		   "port free.");
	return true;
}

/*
 * The same, but the client's reset is not there: a filter drops it, the capture has none, or its stack sends none. The
 * old connection lives on then, and answers SYN after SYN.
 */
static bool match_unrefused(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const int64_t answers = tw_get(f, TW_F_BAD_ACK_IN_SYN_SENT);

	if (!is_old_unseen(f) || answers < 2 ||
	    (!tw_get(f, TW_F_SYN_FIT_FOR_TIME_WAIT) && !tw_known(f, TW_F_SYN_ANSWER_ID_ZERO)) ||
	    tw_get(f, TW_F_BAD_ACK_OTHERS) || tw_get(f, TW_F_SYN_COUNT) < 2 ||
	    tw_get(f, TW_F_RST_COUNT) || tw_get(f, TW_F_ESTABLISHED) ||
	    tw_get(f, TW_F_SYN_ANSWERED_AS_OTHER))
		return false;
	m->strength = TW_STRENGTH_MECHANISM;
	m->confidence = TW_POSSIBLE;
	m->outcome = TW_OUTCOME_FAILED;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->summary = tw_say(m,
			    "%s answers each SYN of %s with an ACK of another connection: it still "
			    "holds one on these ports, and no reset of the client ends that.",
			    m->server, m->client);
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYN_ANSWER,
		"ACK in place of a SYN|ACK, with the numbers of another connection (%lld in all, "
		"all the same)",
		(long long)answers);
	tw_rival(
		m, "conntrack-invalid-reset",
		"the client does reset it, and a stateful filter on the way drops that as invalid");
	exclude_time_wait(m, false);
	tw_missing(m, "The client's answer to these ACKs: a kernel in SYN_SENT sends a RST.");
	tw_app_saw(m, TW_CLIENT, "connect", "ETIMEDOUT", -1, NULL);
	tw_app_saw(m, TW_SERVER, NULL, NULL, -1, "Nothing: its old connection stays open.");
	return true;
}

bool tw_match_came_back(struct tw_match *m)
{
	return match_half_open(m) || match_reset_by_old(m) || match_unrefused(m);
}
