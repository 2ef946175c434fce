/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * invalid-segment: segments that their receiver must not accept.
 *
 *     somebody                        receiver in ESTABLISHED
 *       |---- RST, in window, not exact --->|  challenge ACK (RFC 5961 s3.2)
 *       |---- RST, outside the window ----->|  dropped
 *       |---- SYN or SYN|ACK -------------->|  challenge ACK (RFC 5961 s4.2)
 *       |---- wrong checksum -------------->|  dropped, InCsumErrors
 *       |---- no ACK flag, or no flag ----->|  dropped
 *       |---- data beyond the window ------>|  ACK that repeats the window
 *       |---- an older timestamp ---------->|  ACK that stands still (PAWS, RFC 7323 s5)
 *
 * The connection goes on; that is the point of the rules. In SYN_SENT an answer whose ack is not
 * ISN+1 is refused with a reset of its own (RFC 9293 s3.10.7.3). Only a stray is nobody's
 * connection.
 */
#include "phenomena/connect/handshake.h"
#include "phenomena/live.h"
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#include <errno.h>

#define MANY_COPIES 5 /* of one segment: timers that double have gone on for seconds */

enum kind {
	KIND_NONE,
	KIND_CHECKSUM,
	KIND_FLAGS,
	KIND_RST,
	KIND_SYN,
	KIND_SYN_STREAM,
	KIND_WINDOW,
	KIND_FOREIGN_OLD,
	KIND_SYN_SENT,
	KIND_SYNACK,
	KIND_RST_IN_SYN_SENT,
	KIND_SYN_FLAGS,
	KIND_STRAY,
};

enum { REMEDY_CHECKSUMS, REMEDY_SOURCE, REMEDY_TIMESTAMPS, REMEDY_DROP };

static bool odd_stray(const struct tw_facts *f)
{
	int64_t flags = tw_get(f, TW_F_STRAY_FLAGS) & (TW_SYN | TW_RST | TW_FIN | TW_ACK);

	/* With ACK it can be a late duplicate; a lone RST says nothing about what drew it. */
	return tw_get(f, TW_F_STRAY_ONLY) && !(flags & TW_ACK) && flags != TW_RST &&
	       flags != TW_SYN;
}

/*
 * One pure ACK in answer to a SYN, however often, is TIME_WAIT or a half-open peer (time-wait-syn-dropped,
 * peer-rebooted); what refuses more than that, or another segment, is a foreign answer.
 */
static bool refused_in_syn_sent(const struct tw_facts *f)
{
	int64_t refused = tw_get(f, TW_F_BAD_ACK_IN_SYN_SENT);

	if (refused == 0 || tw_get(f, TW_F_SYN_ANSWERED_BY_OLD_ACK) || tw_get(f, TW_F_ESTABLISHED))
		return false;
	/* A reset that acknowledges something else is dropped, and the SYN repeated: nothing shows it but the repeats. */
	if (refused > 1 && tw_get(f, TW_F_SYN_COUNT) > 1 &&
	    tw_get(f, TW_F_PACKETS_S) == tw_get(f, TW_F_RST_COUNT_S))
		return true;
	/* Nor does a SYN|ACK that a filter at the client keeps from it. */
	if (refused > 1 && tw_get(f, TW_F_SYN_COUNT) > 1 && tw_get(f, TW_F_SYNACK_COUNT) > 0 &&
	    !tw_get(f, TW_F_SYNACK_FITS))
		return true;
	/* Where data flows, the capture only missed the handshake; a refusal shows by its reset. */
	if (tw_get(f, TW_F_BYTES_C) > 0 || tw_get(f, TW_F_BYTES_S) > 0 ||
	    tw_get(f, TW_F_RST_COUNT_C) == 0)
		return false;
	if (tw_get(f, TW_F_BAD_ACK_OTHERS) > 0)
		return true;
	return !tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_ACK) && tw_is(f, TW_F_RST_SIDE, TW_CLIENT) &&
	       tw_is(f, TW_F_RST_FORM, TW_RST_REPLY);
}

/* Are all the answers resets that the SYN's sender passes over? Their writer meant a refusal, as a rule. */
static bool only_resets(const struct tw_facts *f)
{
	return tw_get(f, TW_F_PACKETS_S) == tw_get(f, TW_F_RST_COUNT_S) &&
	       tw_get(f, TW_F_RST_COUNT_C) == 0;
}

/* The SYN's stream begins with it, but what follows belongs to the connection that was there. */
static bool syn_into_connection(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_SYN_IN_ESTABLISHED) && tw_get(f, TW_F_PREV_WENT_ON))
		return true;
	return tw_is(f, TW_F_SYN_ANSWER, TW_ANSWER_ACK) && tw_get(f, TW_F_SYNACK_COUNT) == 0 &&
	       tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA) && tw_get(f, TW_F_RST_COUNT) == 0 &&
	       !tw_get(f, TW_F_SYN_FOLLOWED);
}

/* The client refused a SYN|ACK that does not fit its SYN, and connected on. */
static bool synack_refused(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYNACK_REFUSED) > 0 &&
	       (tw_get(f, TW_F_ESTABLISHED) || tw_get(f, TW_F_SYNACK_REFUSED_ECHO));
}

/* The first reset that was not taken came while the client was in SYN_SENT. */
static bool before_synack(const struct tw_facts *f)
{
	return tw_get(f, TW_F_SYN_COUNT) > 0 && tw_get(f, TW_F_SYNACK_COUNT) > 0 &&
	       tw_frame_of(f, TW_F_RST_IGNORED) < tw_frame_of(f, TW_F_SYNACK_COUNT);
}

/* A later reset was taken, and something was owed: then nothing went on. */
static bool ended_by_another(const struct tw_facts *f)
{
	return tw_reset_landed(f) && tw_reset_debt(f) == TW_DEBT_OWED &&
	       !tw_is(f, TW_F_RST_EFFECT, TW_RST_IGNORED) &&
	       tw_frame_of(f, TW_F_RST_COUNT) > tw_frame_of(f, TW_F_RST_IGNORED);
}

static enum kind kind_of(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_SYN_ODD_FLAGS))
		return KIND_SYN_FLAGS;
	if (odd_stray(f))
		return KIND_STRAY;
	if (syn_into_connection(f))
		return KIND_SYN_STREAM;
	if (refused_in_syn_sent(f))
		return KIND_SYN_SENT;
	if (synack_refused(f))
		return KIND_SYNACK;
	if (tw_get(f, TW_F_BAD_CHECKSUM) > 0)
		return KIND_CHECKSUM;
	if (tw_get(f, TW_F_NO_FLAGS) > 0)
		return KIND_FLAGS;
	if (tw_get(f, TW_F_RST_IGNORED) > 0 && !ended_by_another(f))
		return before_synack(f) ? KIND_RST_IN_SYN_SENT : KIND_RST;
	if (tw_get(f, TW_F_SYN_MID) > 0)
		return KIND_SYN;
	if (tw_get(f, TW_F_OUT_OF_WINDOW) > 0)
		return KIND_WINDOW;
	if (tw_get(f, TW_F_OLD_DATA_FOREIGN) > 0)
		return KIND_FOREIGN_OLD;
	return KIND_NONE;
}

static const struct {
	enum tw_fact_id fact;
	const char *summary; /* %s client, %s server */
	const char *evidence;
	bool certain; /* the segment itself is the proof: no rule of any stack accepts it */
} kinds[] = {
	[KIND_CHECKSUM] = { TW_F_BAD_CHECKSUM,
			    "%s and %s: a segment with a wrong TCP checksum was dropped by its "
			    "receiver.",
			    "wrong TCP checksum, not from offload: dropped and counted as "
			    "InCsumErrors",
			    true },
	[KIND_FLAGS] = { TW_F_NO_FLAGS,
			 "%s and %s: a segment without ACK flag in mid-connection was dropped by "
			 "its receiver.",
			 "no ACK flag in mid-connection: dropped without an answer", true },
	[KIND_RST] = { TW_F_RST_IGNORED,
		       "%s and %s: a reset that does not fit was ignored; the connection went on.",
		       "its sequence number is not the next one expected: challenged or ignored "
		       "(RFC 5961 s3.2)",
		       false },
	[KIND_SYN] = { TW_F_SYN_MID,
		       "%s and %s: a SYN in mid-connection drew a challenge ACK; the connection "
		       "went on.",
		       "SYN in an established connection: answered by a challenge ACK (RFC 5961 "
		       "s4.2)",
		       false },
	[KIND_SYN_STREAM] = { TW_F_SYN_COUNT,
			      "%s sent %s a SYN in mid-connection; the old connection went on as "
			      "if it "
			      "had not come.",
			      "SYN in an established connection: answered by a challenge ACK, not "
			      "by "
			      "SYN|ACK (RFC 5961 s4.2)",
			      false },
	[KIND_WINDOW] = { TW_F_OUT_OF_WINDOW,
			  "%s and %s: a segment outside the receiver's window was refused.",
			  "outside what the receiver can accept: answered by an ACK, not taken",
			  false },
	[KIND_FOREIGN_OLD] = { TW_F_OLD_DATA_FOREIGN,
			       "%s and %s: old data came again with headers that are not its "
			       "sender's.",
			       "data acknowledged before, with a foreign IP-ID, TTL or window",
			       false },
	[KIND_SYN_SENT] = { TW_F_BAD_ACK_IN_SYN_SENT,
			    "%s to %s: answers to the SYN that do not acknowledge it were refused.",
			    "its ack is not ISN+1: SYN_SENT refuses it, with a reset unless it is "
			    "one (RFC 9293 s3.10.7.3)",
			    false },
	[KIND_SYNACK] = { TW_F_SYNACK_REFUSED,
			  "%s refused a SYN|ACK of %s by a reset, and connected on.",
			  "SYN|ACK; the client answers it by a bare RST", false },
	[KIND_RST_IN_SYN_SENT] = { TW_F_RST_IGNORED,
				   "%s to %s: a reset that does not acknowledge the SYN was "
				   "ignored; the connection came about.",
				   "its ack is not ISN+1, or it has none: SYN_SENT ignores it (RFC "
				   "9293 s3.10.7.3)",
				   false },
	[KIND_SYN_FLAGS] = { TW_F_SYN_ODD_FLAGS,
			     "%s sent %s a SYN that carries FIN or RST as well: no TCP stack opens "
			     "a connection so.",
			     "SYN together with FIN or RST: a probe or a broken sender", false },
	[KIND_STRAY] = { TW_F_STRAY_ONLY,
			 "%s sent %s a lone segment with a combination of flags that no TCP stack "
			 "sends.",
			 "a lone segment without ACK, of no connection", false },
};

static unsigned remedy_of(enum kind kind)
{
	if (kind == KIND_CHECKSUM)
		return REMEDY_CHECKSUMS;
	return kind == KIND_FLAGS || kind == KIND_SYN_FLAGS || kind == KIND_STRAY ? REMEDY_DROP
										  : REMEDY_SOURCE;
}

static void add_rivals(struct tw_match *m, enum kind kind)
{
	if (kinds[kind].certain) {
		tw_rule_out(m, "old-duplicate", "a late duplicate would be valid in itself");
		return;
	}
	if (kind == KIND_STRAY || kind == KIND_SYN_FLAGS) {
		tw_rival(m, "port-scan",
			 "scanners send such segments to tell operating systems apart");
		return;
	}
	if (kind == KIND_RST || kind == KIND_RST_IN_SYN_SENT)
		tw_rival(m, "forged-reset",
			 "somebody may have tried to reset the connection and missed");
	else
		tw_rival(m, "injected-segment", "somebody may have tried to inject it");
	if (kind == KIND_SYNACK)
		tw_rival(m, "old-duplicate", "it may answer an earlier SYN of these ports");
	if (kind == KIND_FOREIGN_OLD || kind == KIND_WINDOW)
		tw_rival(m, "old-duplicate", "a segment of an earlier time can come so late");
}

static void say_refused(struct tw_match *m, enum tw_side sender, bool stuck)
{
	const struct tw_facts *f = m->facts;
	int64_t n = tw_get(f, TW_F_REFUSED_OLD);

	if (stuck)
		m->summary = tw_say(m,
				    "%s refused what %s sent, because its timestamps ran behind "
				    "earlier ones; it got no further.",
				    tw_endpoint(m, tw_other(sender)), tw_endpoint(m, sender));
	else if (n == 1)
		m->summary = tw_say(m,
				    "%s refused a segment of %s for its old timestamp; it was "
				    "repeated, and taken.",
				    tw_endpoint(m, tw_other(sender)), tw_endpoint(m, sender));
	else
		m->summary = tw_say(m,
				    "%s refused %lld segments of %s for their old timestamps; they "
				    "were repeated, and taken.",
				    tw_endpoint(m, tw_other(sender)), (long long)n,
				    tw_endpoint(m, sender));
}

/*
 * Refused by PAWS. It is no curiosity like the other kinds: the data has to be repeated, or the connection gets
 * stuck on it. At the receiver's end the ACK that stands still cannot answer anything else; further away
 * the segment may have been lost before it could be refused.
 */
static bool match_refused(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_REFUSED_SIDE);
	bool there =
		tw_is(f, TW_F_VANTAGE, sender == TW_CLIENT ? TW_VANTAGE_SERVER : TW_VANTAGE_CLIENT);
	bool stuck = tw_is(f, TW_F_UNANSWERED_SIDE, sender) && tw_silence_lasts(f);

	if (stuck) {
		m->strength = TW_STRENGTH_MECHANISM + 5;
		m->outcome = tw_silence_is_final(f) ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	} else {
		/* stronger than a loss that is repaired, or a FIN that is repeated: it is what they were */
		m->strength = TW_STRENGTH_TEARDOWN + 8;
		m->outcome = TW_OUTCOME_DEGRADED;
	}
	m->confidence = there ? TW_CERTAIN : TW_LIKELY;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->remedy = REMEDY_TIMESTAMPS;
	say_refused(m, sender, stuck);
	tw_cite(m, TW_F_REFUSED_OLD,
		"its timestamp is %lld ticks older than the one that the receiver had echoed: "
		"refused (RFC 7323 s5, PAWSEstab)",
		(long long)tw_get(f, TW_F_REFUSED_TICKS));
	tw_cite(m, TW_F_REFUSED_ANSWER,
		"the answer acknowledges no more than before and reports no hole for it");
	if (there)
		tw_rule_out(m, "loss-recovered", "the original was seen to arrive here");
	else
		tw_rival(m, "loss-recovered",
			 "seen from here the segment may have been lost before it was refused");
	tw_app_saw(m, tw_other(sender), NULL, NULL,
		   tw_known(f, TW_F_REFUSED_STALL_NS) ? tw_get(f, TW_F_REFUSED_STALL_NS) : -1,
		   stuck ? "It waits for data that its kernel drops." : "A pause, no error.");
	return true;
}

/* All copies of the same data arrive with a wrong checksum, and their receiver drops them (InCsumErrors). */
static bool match_garbled(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side sender = (enum tw_side)tw_get(f, TW_F_UNANSWERED_SIDE);
	int64_t n = tw_get(f, TW_F_UNANSWERED_GARBLED);
	/* marked as wrong, they are no repeats to the facts: their number speaks for itself */
	bool many = n >= MANY_COPIES && tw_silence_proves(f),
	     final = many || tw_silence_is_final(f);

	if (n < 3 || !(many || tw_silence_lasts(f)))
		return false;
	m->strength = TW_STRENGTH_MECHANISM + 9;
	/* of its other data some was taken: else the capture may have been rewritten */
	m->confidence = tw_get(f, TW_F_LARGEST_PASSED) ? TW_LIKELY : TW_POSSIBLE;
	m->outcome = final ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	m->culprit = TW_CULPRIT_NETWORK;
	m->remedy = REMEDY_CHECKSUMS;
	m->summary = tw_say(m,
			    "Each of the %lld copies of what %s sends comes here with a wrong "
			    "checksum: %s drops them, and nothing is acknowledged.",
			    (long long)n, tw_endpoint(m, sender), tw_endpoint(m, tw_other(sender)));
	tw_cite(m, TW_F_UNANSWERED_GARBLED,
		"the first of them; the other segments of %s have right ones",
		tw_side_name(sender));
	tw_rival(m, "peer-vanished",
		 "if the capture was rewritten, or its payload garbled by the capture alone, the "
		 "silence has another reason");
	if (!tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA))
		tw_rival(m, "accept-queue-full",
			 "then the listener may have dropped the first data of the client");
	tw_app_saw(m, sender, tw_waiting_call(tw_get(f, TW_F_UNANSWERED_BYTES)),
		   final ? "ETIMEDOUT" : "hang", -1,
		   "By the default tcp_retries2 it ends with ETIMEDOUT after 938 s.");
	tw_app_saw(m, tw_other(sender), "recv", "hang", -1,
		   "It waits for data that its kernel drops.");
	return true;
}

/* Resets without ACK (early passt), or with one that is not ISN+1 (Zephyr). */
static void say_passed_over(struct tw_match *m)
{
	m->summary = tw_say(m,
			    "%s to %s: the resets that answer the SYN do not acknowledge it; its "
			    "sender passes over them, and repeats it.",
			    tw_endpoint(m, TW_CLIENT), tw_endpoint(m, TW_SERVER));
	tw_cite(m, TW_F_BAD_ACK_IN_SYN_SENT,
		"no ACK, or not ISN+1: SYN_SENT passes over such a reset (RFC 9293 s3.10.7.3)");
	tw_rival(m, "port-closed",
		 "who wrote them may have meant that nothing listens: some small TCPs and those of "
		 "user space write a refusal so");
}

/* The old connection outlived the SYN, and a reset ended it later. What was owed by then is told by numbers from before the SYN. */
static void say_reset_later(struct tw_match *m)
{
	m->outcome = TW_OUTCOME_UNKNOWN;
	m->confidence = TW_POSSIBLE;
	m->summary = tw_say(m,
			    "%s sent %s a SYN in mid-connection. The old connection outlived it, "
			    "and was reset later.",
			    tw_endpoint(m, TW_CLIENT), tw_endpoint(m, TW_SERVER));
	tw_cite(m, TW_F_RST_COUNT, "the reset that ended it, of %s",
		tw_side_name(tw_reset_author(m->facts)));
	tw_missing(m, "What was owed then: the connection's packets before the SYN are another "
		      "stream here.");
}

/* A reset that was not taken, and nothing of its sender follows: it may be the true one, whose socket is gone. */
static void say_half_open(struct tw_match *m)
{
	m->outcome = TW_OUTCOME_UNKNOWN;
	m->confidence = TW_POSSIBLE;
	m->summary = tw_say(m,
			    "%s and %s: a reset came that does not fit and that its receiver will "
			    "not have taken; of its sender nothing but resets follows.",
			    tw_endpoint(m, TW_CLIENT), tw_endpoint(m, TW_SERVER));
	tw_missing(m, "Whether the sender of the reset has ended the connection: then the other "
		      "end does not know of it until it sends.");
}

/*
 * It may be the answer to an earlier SYN of these ports, or made by a device that writes numbers of its own; what it is
 * not is lost. If none came that the client could take, connect() fails.
 */
static void say_synack(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool later = tw_get(f, TW_F_ESTABLISHED);

	m->strength = later ? TW_STRENGTH_DELAY + 3 : TW_STRENGTH_CONTRADICTION;
	if (!later)
		m->outcome = tw_syn_given_up(f) ? TW_OUTCOME_FAILED : TW_OUTCOME_UNKNOWN;
	if (tw_get(f, TW_F_SYNACK_REFUSED_ACK))
		tw_cite(m, TW_F_SYNACK_REFUSED_ACK, "its ack is not ISN+1 (RFC 9293 s3.10.7.3)");
	else if (!tw_get(f, TW_F_SYNACK_REFUSED_ECHO))
		tw_rival(m, "port-scan",
			 "nothing shows what is wrong with that SYN|ACK: a half-open check with "
			 "the same numbers may have come first");
	else
		tw_cite(m, TW_F_SYNACK_REFUSED_ECHO,
			"the timestamp that it echoes is none of the client's (counted there as "
			"PAWSActiveRejected)");
	tw_cite(m, TW_F_SYN_LAST, "SYNs of the client, in all: %lld",
		(long long)tw_get(f, TW_F_SYN_COUNT));
	tw_rule_out(m, "syn-ack-lost", "the SYN|ACK arrived: the client answered it");
	tw_app_saw(m, TW_CLIENT, "connect", later ? NULL : "ETIMEDOUT",
		   later ? tw_get(f, TW_F_CONNECT_NS) : -1,
		   later ? "Late, but it succeeds."
			 : "connect goes on waiting after each refused answer.");
}

static bool match(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum kind kind = kind_of(f);
	bool alone = kind == KIND_STRAY || kind == KIND_SYN_FLAGS;
	bool refused =
		tw_is(f, TW_F_RST_SIDE, TW_SERVER) && tw_is(f, TW_F_RST_EFFECT, TW_RST_ACCEPTED);

	if (tw_get(f, TW_F_REFUSED_OLD) > 0)
		return match_refused(m);
	if (match_garbled(m))
		return true;
	if (kind == KIND_NONE)
		return false;
	/* Of a lone segment it is not known whether the capturing host had still to fill it in. */
	m->confidence = kinds[kind].certain && tw_get(f, TW_F_ESTABLISHED) ? TW_CERTAIN : TW_LIKELY;
	m->culprit = TW_CULPRIT_UNKNOWN;
	m->remedy = remedy_of(kind);
	if (kind == KIND_SYN_SENT) {
		m->strength = TW_STRENGTH_CONTRADICTION;
		m->outcome = TW_OUTCOME_FAILED;
	} else {
		m->strength = alone || kind == KIND_SYN_STREAM
				      ? TW_STRENGTH_MECHANISM + 5
				      /* above what befell the connection when it was over */
				      : TW_STRENGTH_CURIOSITY + 2;
		m->outcome = alone ? TW_OUTCOME_CLEAN : TW_OUTCOME_DEGRADED;
	}
	if (kind == KIND_SYN_SENT && only_resets(f)) {
		say_passed_over(m);
	} else {
		m->summary = tw_say(m, kinds[kind].summary, tw_endpoint(m, TW_CLIENT),
				    tw_endpoint(m, TW_SERVER));
		tw_cite(m, kinds[kind].fact, "%s", kinds[kind].evidence);
	}
	if (kind == KIND_RST && tw_get(f, TW_F_RST_CHALLENGE))
		tw_cite(m, TW_F_RST_CHALLENGE, "the receiver's challenge ACK");
	add_rivals(m, kind);
	if (kind == KIND_SYNACK)
		say_synack(m);
	if (kind == KIND_RST_IN_SYN_SENT)
		tw_app_saw(m, TW_CLIENT, "connect", NULL, tw_get(f, TW_F_CONNECT_NS),
			   "It succeeds, once the SYN has been sent again if that was refused.");
	if (kind == KIND_RST && !tw_get(f, TW_F_RST_IGNORED_WENT_ON))
		say_half_open(m);
	if (kind == KIND_SYN_STREAM && tw_is(f, TW_F_RST_EFFECT, TW_RST_ACCEPTED) &&
	    !tw_get(f, TW_F_RST_AFTER_CLOSE))
		say_reset_later(m);
	if (kind == KIND_SYN_SENT)
		tw_app_saw(m, TW_CLIENT, "connect", refused ? "ECONNREFUSED" : "ETIMEDOUT", -1,
			   "connect goes on waiting after each refused answer, until a fitting "
			   "reset or its own time-out.");
	return true;
}

static const struct tw_governed governed[] = {
	{ "net.ipv4.tcp_invalid_ratelimit",
	  "At most one answer per 500 ms and socket to segments that cannot be accepted." },
	{ "net.ipv4.tcp_challenge_ack_limit",
	  "Challenge ACKs per second of the whole host; 2147483647 (off) in current kernels." },
	{ NULL, NULL },
};

static const char *const remedies[] = {
	[REMEDY_CHECKSUMS] =
		"If checksums are wrong, look for failing hardware: `ethtool -S DEV | grep -iE "
		"'err|crc|csum'` along the path, and `nstat -az TcpInCsumErrors` on the receiver. "
		"On the "
		"capturing host itself, exclude offload first (`ethtool -K DEV tx off`).",
	[REMEDY_SOURCE] = "If resets, SYNs or answers to a SYN do not fit, find their source by "
			  "TTL and MAC: a peer "
			  "that rebooted, a spoofer, or a device that keeps wrong numbers.",
	[REMEDY_TIMESTAMPS] =
		"If timestamps run backwards (`nstat -az TcpExtPAWSEstab` on the receiver), find "
		"who "
		"writes "
		"them: a proxy that answers the SYN with a clock of its own, a device that changes "
		"timestamps in one direction, or two hosts behind one address. Where packets "
		"overtake "
		"each other it may be none: an original that arrives behind repeats, with more "
		"missing "
		"before it, is refused so (`tcpwhy explain reordering`).",
	[REMEDY_DROP] = "Drop what no stack sends at the edge: `nft add rule inet filter input ct "
			"state invalid "
			"counter drop`.",
	"Where the connection went on, nothing is to be done on the hosts: the receiver behaved as "
	"RFC 5961 and RFC 7323 ask.",
	NULL,
};

static const char *const references[] = {
	"RFC 9293 s3.10.7.3, s3.10.7.4",
	"RFC 5961 s3.2, s4.2, s5.2",
	"RFC 7323 s5 (PAWS)",
	"net/ipv4/tcp_input.c: tcp_validate_incoming, tcp_rcv_synsent_state_process",
	"net/ipv4/tcp_input.c: tcp_paws_discard",
	NULL,
};

/* Live, both ends here: what one repeated to the end, the other's kernel dropped for what it was. */
static bool match_live(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const bool old = tw_is(f, TW_F_K_DROP, TW_DROP_CLASS_PAWS);

	if (!tw_live_error(m, ETIMEDOUT) || (!old && !tw_is(f, TW_F_K_DROP, TW_DROP_CLASS_AUTH) &&
					     !tw_is(f, TW_F_K_DROP, TW_DROP_CLASS_SEGMENT)))
		return false;
	tw_live_say(m, TW_STRENGTH_MECHANISM + 3, TW_CERTAIN, TW_OUTCOME_FAILED, TW_CULPRIT_UNKNOWN,
		    tw_say(m, "What %s sent was dropped by its receiver's kernel: %s.",
			   tw_endpoint(m, (enum tw_side)tw_get(f, TW_F_K_ERROR_SIDE)),
			   old ? "its timestamps were older than what had come before"
			       : "no receiver may take it"));
	m->remedy = old ? REMEDY_TIMESTAMPS : REMEDY_DROP;
	tw_cite(m, TW_F_K_DROP, "the first segment that was dropped");
	tw_live_cite_error(m);
	tw_rule_out(m, "peer-vanished", "the segments arrived");
	tw_live_error_seen(m, "recv");
	return true;
}

static const struct tw_scenario scenarios[] = {
	{
		.name = "syn-in-connection",
		.about = "a SYN in mid-connection draws a challenge ACK and changes nothing",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "fault\n"
			  "cable forge SYN to server\n"
			  "cable wait server ack #2\n"
			  "server send 100\n"
			  "client recv 100\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean certain likely clean\n"
			  "verdict server invalid-segment likely degraded stream 1\n",
	},
	{
		.name = "corrupted",
		.about = "a bit is flipped on the way: dropped in silence, and repeated",
		.variants = "v4 v6 v4-nots",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable corrupt client data\n"
			  "client send 100\n"
			  "server recv 100 within 3s\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "# at the sender it is a loss like any other\n"
			  "verdict client loss-recovered likely certain degraded\n"
			  "verdict server invalid-segment likely certain degraded\n",
	},
	{
		.name = "old-numbers",
		.about = "an old ACK and an empty segment from below the window",
		.variants = "v4 v6",
		.script = "truth clean\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable forge ACK to server ack -50\n"
			  "cable forge ACK to server seq -20\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict both clean certain likely clean\n",
	},
	{
		.name = "beyond-window",
		.about = "data far beyond the window draws an ACK and changes nothing",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "fault\n"
			  "cable forge PSH+ACK to server seq 50000000 payload 100 ttl 41\n"
			  "cable wait server ack #2\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "verdict client clean certain likely clean\n"
			  "verdict server invalid-segment likely degraded\n",
	},
	{
		.name = "old-timestamp",
		.about = "a timestamp runs behind: the receiver refuses the data (PAWS), and takes "
			 "the repeat",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable rewrite tsval -100000 client data\n"
			  "client send 100\n"
			  "server recv 100 within 3s\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "client close\n"
			  "server recv eof\n"
			  "server close\n"
			  "# the sender sees only that its data is answered, and not taken\n"
			  "verdict client loss-recovered|invalid-segment likely degraded\n"
			  "verdict server invalid-segment certain likely degraded\n",
	},
	{
		.name = "old-timestamp-fin",
		.about = "the same for a FIN: it is repeated, and was not lost",
		.variants = "v4 v6",
		.script = "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable rewrite tsval -100000 client fin\n"
			  "client close\n"
			  "server recv eof within 3s\n"
			  "server close\n"
			  "verdict client fin-lost|invalid-segment likely degraded\n"
			  "verdict server invalid-segment certain likely degraded\n",
	},
	{
		.name = "old-timestamps",
		.about = "all timestamps run behind from now on: nothing is taken any more",
		.variants = "v4 v6",
		.script = "short client tcp_retries2 3\n"
			  "server listen\n"
			  "client connect\n"
			  "server accept\n"
			  "client send 100\n"
			  "server recv 100\n"
			  "server send 10\n"
			  "client recv 10\n"
			  "cable quiet 100ms\n"
			  "fault\n"
			  "cable rewrite tsval -1000000 client all always\n"
			  "client send 100\n"
			  "client recv -> ETIMEDOUT after 3s..16s full 938s\n"
			  "verdict server invalid-segment certain likely failed unknown\n"
			  "verdict client any\n"
			  "never client clean|loss-recovered\n",
	},
	{ 0 },
};

const struct tw_phenomenon tw_ph_invalid_segment = {
	.slug = "invalid-segment",
	.stage = TW_STAGE_ESTABLISHED,
	.title = "A segment that its receiver must not accept",
	.happens = "A segment arrives that does not fit the connection: a reset that is in the "
		   "window but not exact, a SYN in mid-connection, a wrong checksum, no ACK flag, "
		   "data outside the window, a timestamp older than what came before. The rules "
		   "since RFC 5961 are strict: only a reset "
		   "with exactly the next expected number is obeyed; one elsewhere in the window, "
		   "and any SYN, is answered with a challenge ACK that asks the true peer; the "
		   "rest is dropped.\n\n"
		   "So as a rule nothing happens, and that is the good news. While connecting, an "
		   "answer that does not acknowledge the SYN is refused with a reset, and the "
		   "client goes on waiting for the true one.",
	.diagram = "somebody                        receiver\n"
		   "  |---- RST, not exact ---------->|\n"
		   "  |<--- challenge ACK ------------|  goes on\n"
		   "  |---- bad checksum ------------>|  dropped\n",
	.client_sees = "As a rule nothing; a pause where data was refused and comes again. In "
		       "connect(): it goes on waiting. Where nothing is taken any more, "
		       "because all timestamps run behind, ETIMEDOUT.",
	.server_sees = "Nothing; its kernel counts TCPChallengeACK, TCPSYNChallenge, InCsumErrors "
		       "or BeyondWindow. A FIN without ACK, a segment without flags, SYN|FIN or "
		       "RST to a listening port is met with silence, the same to a closed port "
		       "(but for a RST) with RST|ACK.",
	.recognise =
		"The segment itself is the proof for a wrong checksum (not verified where the "
		"snaplen cut, not counted where the capturing host leaves it to the hardware) and "
		"for a missing ACK flag. For resets and SYNs the connection must demonstrably go "
		"on.\n\n"
		"A SYN|ACK counts as refused if the client answers it by a bare RST and connects "
		"on "
		"all the same: its ack is not the SYN's, or it echoes a timestamp that no SYN had "
		"(Linux counts PAWSActiveRejected). A device that writes timestamps of its own has "
		"that effect.\n\n"
		"An old ACK is the same as one that was overtaken on the way, and is called clean.",
	.folklore =
		"\"Any reset in the window kills the connection.\" Since RFC 5961 (Linux 3.6) it "
		"must hit the next expected number exactly. One number below it is ignored, too.",
	.governed = governed,
	.remedies = remedies,
	.references = references,
	.reproduced = "W",
	.match = match,
	.match_live = match_live,
	.scenarios = scenarios,
};
