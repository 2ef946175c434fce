/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the phenomena of the handshake ask in common.
 *
 * The schedule of SYN repeats (measured on Linux 6.18, tcp_syn_linear_timeouts = 4):
 *
 *	SYN  0  1  2  3  4  5   7    11      19              35 ...      give up
 *	     |--|--|--|--|--|---|----|-------|---------------|----
 *	      1  1  1  1  1   2    4     8          16        32 ...     s
 *
 * and without linear repeats (before Linux 6.5, other systems): 1 2 4 8 16 32 s. The timer wheel
 * makes each gap up to an eighth longer.
 */
#include "phenomena/connect/handshake.h"

#include "phenomena/silence.h"
#include "timers/usual.h"

bool tw_syn_alone(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYN_COUNT) > 0 && !tw_get(f, TW_F_SYN_ODD_FLAGS) &&
	       !tw_get(f, TW_F_ESTABLISHED) && !tw_get(f, TW_F_ACK3_SEEN) &&
	       !tw_get(f, TW_F_ONE_SIDED);
}

bool tw_reset_by_socket(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE) && !tw_get(f, TW_F_SYN_ANSWER_SEQ_ZERO);
}

bool tw_syn_repeated(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYN_COUNT) > 1 &&
	       /* no stack repeats a SYN sooner than data; Linux waits a second */
	       (tw_get(f, TW_F_SYN_SPAN_NS) >= TW_TCP_RTO_MIN_NS || tw_get(f, TW_F_CLOCK_BACKWARD));
}

bool tw_later_syn_answered(const struct tw_facts *f)
{
	if (tw_known(f, TW_F_SYNACK_ECHO))
		return tw_get(f, TW_F_SYNACK_ECHO) > 1;
	/* A server that repeats its SYN|ACK by its own timer had the first SYN. */
	return !tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT) && tw_get(f, TW_F_SYNACK_COUNT) == 1;
}

int64_t tw_connect_elapsed_ns(const struct tw_facts *f, enum tw_fact_id at)
{
	const int64_t syn_ns = tw_time_of(f, TW_F_SYN_COUNT), end_ns = tw_time_of(f, at);

	if (!tw_frame_of(f, TW_F_SYN_COUNT) || !tw_frame_of(f, at))
		return -1;
	if (tw_is(f, TW_F_VANTAGE, TW_VANTAGE_SERVER) || end_ns < syn_ns)
		return -1;
	return end_ns - syn_ns;
}

int64_t tw_syn_watched_ns(const struct tw_facts *f)
{
	/* after its own reset the client waits for nothing */
	if (tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && tw_get(f, TW_F_PACKETS_S) == 0)
		return tw_get(f, TW_F_DURATION_NS);
	return tw_get(f, TW_F_DURATION_NS) + tw_get(f, TW_F_CAPTURE_GOES_ON_NS);
}

int64_t tw_syn_next_gap_ns(const struct tw_facts *f)
{
	const bool flat = tw_is(f, TW_F_SYN_LADDER, TW_LADDER_FLAT) ||
			  tw_is(f, TW_F_SYN_LADDER, TW_LADDER_LINEAR_FIRST);
	const int64_t gaps = tw_get(f, TW_F_SYN_COUNT) - 1;
	const size_t next = gaps < 0 ? 0 : gaps < TW_USUAL_GAPS ? (size_t)gaps : TW_USUAL_GAPS - 1;

	return flat ? tw_usual()->syn_gap_flat_ns[next] : tw_usual()->syn_gap_doubling_ns[next];
}

bool tw_syn_schedule_spent(const struct tw_facts *f)
{
	int64_t syns = tw_get(f, TW_F_SYN_COUNT);

	return tw_is(f, TW_F_SYN_LADDER, TW_LADDER_DOUBLING) ? syns == tw_usual()->syns_doubling
							     : syns == tw_usual()->syns_flat;
}

bool tw_syn_given_up(const struct tw_facts *f)
{
	int64_t gap = tw_syn_next_gap_ns(f);

	/* some stacks say so */
	if (tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && tw_get(f, TW_F_PACKETS_S) == 0)
		return true;
	return tw_get(f, TW_F_CAPTURE_GOES_ON_NS) > gap + gap / 4;
}

int64_t tw_synacks_in_vain(const struct tw_facts *f)
{
	int64_t after = tw_get(f, TW_F_SYNACK_REPEATS_AFTER_ACK);
	int64_t own = tw_get(f, TW_F_SYNACK_REPEATS_UNTRIGGERED);

	return after < own ? after : own;
}

bool tw_ack3_rejected(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ICMP_COUNT) > 0 && !tw_get(f, TW_F_ICMP_ON_SYN) &&
	       tw_is(f, TW_F_ICMP_TO, TW_CLIENT) && tw_synacks_in_vain(f) > 0 &&
	       tw_time_of(f, TW_F_ICMP_COUNT) < tw_time_of(f, TW_F_SYNACK_REPEATS_AFTER_ACK);
}

/*
 *	client               server (TCP_DEFER_ACCEPT, 5 s)
 *	  |----SYN------------>|
 *	  |<------SYN|ACK------|
 *	  |----ACK------------>|  ignored: no data yet
 *	  |                    |
 *	  |<------SYN|ACK------|  the period is over: once again
 *	  |----ACK------------>|  accepted
 *
 * A lost ACK and a full queue make the listener repeat after 1 s, and go on repeating; deferral
 * repeats later, or once. Client data would have completed the handshake at once.
 */
bool tw_looks_deferred_accept(const struct tw_facts *f)
{
	int64_t repeats = tw_synacks_in_vain(f);

	if (repeats == 0 || tw_syn_repeated(f) || tw_get(f, TW_F_CLIENT_DATA_REPEATS_UNACKED) > 0)
		return false;
	/* The request expired; what was accepted may be reset by the same form, later and for other reasons. */
	if (tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) && tw_is(f, TW_F_RST_SIDE, TW_SERVER) &&
	    !tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA) && !tw_get(f, TW_F_RST_AFTER_CLOSE))
		return false;
	/* What speaks first cannot wait for the client's data: such a server does not defer. */
	if (tw_is(f, TW_F_FIRST_DATA_SIDE, TW_SERVER))
		return false;
	/* It had them for long, and they were not taken. */
	if (tw_is(f, TW_F_FIRST_DATA_SIDE, TW_CLIENT) &&
	    tw_time_of(f, TW_F_SYNACK_REPEATS_AFTER_ACK) - tw_time_of(f, TW_F_FIRST_DATA_SIDE) >
		    TW_NS_PER_S)
		return false;
	return repeats == 1 || tw_synack_repeat_is_late(f);
}

bool tw_synack_repeat_is_late(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYNACK_FIRST_REPEAT_NS) > TW_TCP_TIMEOUT_INIT_NS * 3 / 2;
}

bool tw_synack_refused(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYN_COUNT) > 0 && tw_get(f, TW_F_SYNACK_COUNT) > 0 &&
	       tw_get(f, TW_F_RST_ANSWERS_SYNACK) && tw_is(f, TW_F_RST_SIDE, TW_CLIENT) &&
	       tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) && !tw_get(f, TW_F_ACK3_SEEN) &&
	       tw_get(f, TW_F_BYTES_S) == 0 && !tw_get(f, TW_F_SYNACK_ISN_CONFLICT);
}

bool tw_synacks_lost_before_refusal(const struct tw_facts *f)
{
	return tw_synack_refused(f) && tw_get(f, TW_F_SYNACK_BEFORE_SYN_REPEAT) &&
	       tw_get(f, TW_F_SYNACK_COUNT) >= 3 &&
	       tw_between_ns(f, TW_F_SYNACK_COUNT, TW_F_SYN_LAST) >= 2 * TW_TCP_TIMEOUT_INIT_NS;
}

bool tw_refused_in_vain(const struct tw_facts *f)
{
	return tw_get(f, TW_F_BAD_ACK_REFUSED) >= 2 && tw_get(f, TW_F_BAD_ACK_IN_SYN_SENT) >= 2;
}

void tw_cite_refused_in_vain(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (!tw_refused_in_vain(f))
		return;
	tw_cite(m, TW_F_BAD_ACK_REFUSED,
		"this reset and those after it (%lld in all) end nothing: the next SYN draws the "
		"same "
		"ACK, so they are dropped on the way (conntrack: INVALID) or by tcp_rfc1337",
		(long long)tw_get(f, TW_F_BAD_ACK_REFUSED));
}

#define CHECKS 3 /* so many others: a habit */

bool tw_is_half_open_check(const struct tw_facts *f)
{
	return tw_get(f, TW_F_HALF_OPEN_CHECKS) >= CHECKS;
}

/* Both packets of a handshake that somebody ended then. */
static void cite_accepted(struct tw_match *m)
{
	tw_cite_syns(m);
	tw_cite(m, TW_F_SYNACK_COUNT, "SYN|ACK: something listens, and accepts");
}

void tw_tell_half_open_check(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	m->outcome = TW_OUTCOME_CLEAN;
	m->confidence = TW_LIKELY;
	m->remark = "health-check";
	m->summary = tw_say(
		m,
		"%s only asked whether the port is open, and went by a reset, as it did "
		"in %s here: no connect() waited, its SYN would be repeated.",
		m->client, tw_count(m, tw_get(f, TW_F_HALF_OPEN_CHECKS), "other connection"));
	cite_accepted(m);
	tw_cite(m, TW_F_RST_COUNT, "bare RST at the SYN|ACK's own number");
}

void tw_tell_synack_refused(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	m->outcome = TW_OUTCOME_UNKNOWN;
	m->confidence = TW_POSSIBLE;
	m->summary = tw_say(m,
			    "%s accepted the SYN, and its SYN|ACK drew a bare RST in the name of "
			    "%s after %s, as a host writes it that has no (more) socket for it.",
			    m->server, m->client, TW_DUR(tw_get(f, TW_F_ACK3_DELAY_NS)));
	cite_accepted(m);
	tw_cite(m, TW_F_RST_COUNT,
		"bare RST at the number that the SYN|ACK acknowledges: no socket there knows it");
	if (tw_get(f, TW_F_BAD_ACK_IN_SYN_SENT))
		tw_cite(m, TW_F_BAD_ACK_IN_SYN_SENT,
			"the SYN|ACK does not acknowledge the SYN: a socket that connects refuses "
			"it so, too, and waits on");
	tw_rival(m, "port-scan",
		 "a half-open scan or a balancer's health check writes just these three packets: "
		 "then nothing is wrong");
	tw_rival(m, "connect-aborted",
		 "the application may have given up within the round trip, as the losers of a race "
		 "of addresses do (RFC 8305)");
	tw_rival(m, "firewall-reset",
		 "a filter at the client's end that never saw the SYN (asymmetric routes) refuses "
		 "the SYN|ACK the same way");
	tw_missing(m, "What the client's host did: a program that called connect() and closed the "
		      "socket (strace -e trace=connect,close), or none; and whether the same "
		      "comes again and again, as of a scanner or a health check.");
}

bool tw_reset_after_wait(const struct tw_facts *f)
{
	const int64_t waited_ns = tw_between_ns(f, TW_F_SYN_COUNT, TW_F_SYNACK_COUNT);

	return (tw_get(f, TW_F_SYN_COUNT) > 1 || waited_ns >= TW_TCP_TIMEOUT_INIT_NS) &&
	       tw_get(f, TW_F_SYN_COUNT) > 0 && tw_get(f, TW_F_SYNACK_COUNT) > 0 &&
	       !tw_get(f, TW_F_ACK3_SEEN) && tw_is(f, TW_F_RST_SIDE, TW_CLIENT) &&
	       tw_get(f, TW_F_RST_HAS_ACK) && tw_get(f, TW_F_BYTES_C) == 0 &&
	       tw_get(f, TW_F_BYTES_S) == 0;
}

void tw_tell_reset_after_wait(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	m->outcome = TW_OUTCOME_UNKNOWN;
	m->confidence = TW_POSSIBLE;
	m->summary = tw_say(m,
			    "%s accepted the SYN %s after the first, and the client answered that "
			    "by a RST|ACK: it had given up, or wanted no more than that answer.",
			    m->server, TW_DUR(tw_between_ns(f, TW_F_SYN_COUNT, TW_F_SYNACK_COUNT)));
	cite_accepted(m);
	tw_cite(m, TW_F_RST_COUNT, "RST|ACK, and no ACK before it");
	tw_rival(m, "connect-aborted",
		 "some small TCPs (lwIP) write a RST|ACK where they have no socket any more: then "
		 "connect() had failed by its own timeout");
	tw_rival(m, "linger-reset",
		 "a check whether the port is open ends so, too, though it had to wait here");
	tw_missing(m, "What the client's program did: whether its connect() succeeded.");
}

bool tw_refused_after_all(const struct tw_facts *f)
{
	return tw_syn_alone(f) && tw_get(f, TW_F_SYN_COUNT) > 1 &&
	       tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_SYNACK) && tw_is(f, TW_F_RST_SIDE, TW_SERVER) &&
	       tw_get(f, TW_F_RST_HAS_ACK) && !tw_get(f, TW_F_RST_COUNT_C) &&
	       tw_frame_of(f, TW_F_RST_COUNT) > tw_frame_of(f, TW_F_SYN_LAST);
}

void tw_tell_refused_after_all(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	m->outcome = TW_OUTCOME_UNKNOWN;
	m->confidence = TW_POSSIBLE;
	m->summary = tw_say(m,
			    "%s accepted the SYN, and refused its repeat %s later; %s did not take "
			    "the first answer, or never got it.",
			    m->server, TW_DUR(tw_get(f, TW_F_SYN_SPAN_NS)), m->client);
	cite_accepted(m);
	tw_cite(m, TW_F_RST_COUNT, "RST|ACK after the repeat of the SYN");
	tw_rival(m, "syn-ack-lost",
		 "the SYN|ACK was lost, and some small TCPs (picoTCP) answer a SYN that they know "
		 "by a reset");
	tw_rival(m, "port-closed", "the listener may have gone between the two");
	tw_rival(m, "forged-reset", "or the two answers have different authors");
	tw_missing(m, "A capture at the client: does the SYN|ACK arrive there?");
}

enum tw_outcome tw_syn_outcome(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_ESTABLISHED))
		return TW_OUTCOME_DEGRADED;
	/* With no repeat and no RST of the client, the SYN may not even have been its own. */
	return tw_get(f, TW_F_SYN_COUNT) > 1 ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
}

const char *tw_syn_errno(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_ESTABLISHED))
		return NULL;
	return tw_get(f, TW_F_SYN_REFUSED_LATER) ? "ECONNREFUSED" : "hang";
}

bool tw_ack3_refused(const struct tw_facts *f)
{
	/* A later ACK with the same numbers (a challenge) is not the handshake's. */
	if (tw_get(f, TW_F_ACK3_SEEN) &&
	    tw_frame_of(f, TW_F_ACK3_SEEN) != tw_frame_of(f, TW_F_RST_TRIGGER))
		return false;
	/* Nor is one that comes after a reset of the server: it challenges that. */
	if (tw_get(f, TW_F_RST_COUNT_S) &&
	    tw_frame_of(f, TW_F_RST_COUNT_S) < tw_frame_of(f, TW_F_RST_TRIGGER))
		return false;
	return tw_is(f, TW_F_RST_SIDE, TW_SERVER) && tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) &&
	       tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_ACK3) && tw_get(f, TW_F_SYNACK_COUNT) > 0 &&
	       /* who closes had accepted */
	       !tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA) && !tw_get(f, TW_F_RST_AUTHOR_FIN) &&
	       tw_get(f, TW_F_BYTES_S) == 0;
}

bool tw_request_outlives_reset(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYNACK_REPEATS_AFTER_ACK) > 0 &&
	       tw_frame_of(f, TW_F_SYNACK_REPEATS_AFTER_ACK) > tw_frame_of(f, TW_F_RST_COUNT);
}

void tw_cite_syns(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	int64_t repeats = tw_get(f, TW_F_SYN_COUNT) - 1;

	tw_cite(m, TW_F_SYN_COUNT, "SYN from %s to %s", m->client, m->server);
	if (repeats == 1)
		tw_cite(m, TW_F_SYN_LAST, "the same SYN again, %s later",
			TW_DUR(tw_get(f, TW_F_SYN_SPAN_NS)));
	else if (repeats > 1)
		tw_cite(m, TW_F_SYN_LAST, "the last of %lld repeats of the SYN, %s after the first",
			(long long)repeats, TW_DUR(tw_get(f, TW_F_SYN_SPAN_NS)));
}
