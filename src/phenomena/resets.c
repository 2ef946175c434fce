/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the phenomena that end with a reset have in common.
 *
 * A reset is written by one of three hands, and its form tells which (net/ipv4/tcp_output.c,
 * tcp_send_active_reset; net/ipv4/tcp_ipv4.c, tcp_v4_send_reset):
 *
 *     the socket itself       RST|ACK, seq SND.NXT, ack RCV.NXT, timestamps, window, next IP-ID
 *     a kernel without it     RST, seq = ack of its trigger, window 0, no options, IP-ID 0
 *     somebody else           whatever its author thought plausible
 *
 * What an application gets does not depend on the form but on the order of FIN and RST
 * (tcp_reset(): ECONNRESET, in CLOSE_WAIT EPIPE; tcp_recvmsg() tests SOCK_DONE before sk_err, so
 * after the peer's FIN recv() returns 0 for ever).
 *
 * Limits: all of it is about the one decisive reset that the facts describe.
 */
#include "phenomena/resets.h"
#include "phenomena/silence.h"

#include "base/duration.h"

#include <stdlib.h>

#define STANDSTILL_NS  (10 * TW_NS_PER_S)
#define UNDER_WAY_NS   (20 * TW_NS_PER_MS)  /* a queue, or a receiver that was asleep */
#define DELAYED_NS     (200 * TW_NS_PER_MS) /* so long some wait with an ACK (RFC 9293 s3.8.6.3) */
#define INITIALS_APART 32                   /* TTLs that stacks begin with */
#define RESTART_NS     TW_NS_PER_S          /* no host is faster */
#define LATE_RTTS      4 /* queues in the path make an answer late, but hardly so late */
#define LATE_NS        (50 * TW_NS_PER_MS)

/*
 * The server took the data of a Fast Open SYN: its socket lives from then on, and can be aborted before the ACK
 * of its SYN|ACK comes (RFC 7413 s4.2.2).
 */
static bool aborts_fast_open(const struct tw_facts *f)
{
	return tw_get(f, TW_F_FASTOPEN) && tw_get(f, TW_F_SERVER_ACKED_CLIENT_DATA) &&
	       tw_is(f, TW_F_RST_SIDE, TW_SERVER) && tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE);
}

bool tw_reset_came_in_addition(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_AUTHOR_ACKS_TRIGGER) || tw_get(f, TW_F_RST_AUTHOR_ECHOES_TRIGGER);
}

bool tw_reset_landed(const struct tw_facts *f)
{
	if (tw_get(f, TW_F_RST_COUNT) == 0 || !tw_known(f, TW_F_RST_SIDE))
		return false;
	/* Challenged at first, but a second, fitting one followed: beyond lost data. */
	if (tw_is(f, TW_F_RST_EFFECT, TW_RST_IGNORED) ||
	    (tw_is(f, TW_F_RST_EFFECT, TW_RST_CHALLENGED) && !tw_get(f, TW_F_RST_PAIR)))
		return false;
	if (aborts_fast_open(f))
		return true;
	if (tw_get(f, TW_F_RST_DURING_HANDSHAKE) || tw_get(f, TW_F_RST_ANSWERS_SYNACK) ||
	    tw_get(f, TW_F_STRAY_ONLY))
		return false;
	/* Without the start in the capture, the connection is taken for established. */
	return tw_get(f, TW_F_ESTABLISHED) || !tw_get(f, TW_F_START_SEEN);
}

enum tw_side tw_reset_author(const struct tw_facts *f)
{
	return (enum tw_side)tw_get(f, TW_F_RST_SIDE);
}

enum tw_side tw_reset_victim(const struct tw_facts *f)
{
	return tw_other(tw_reset_author(f));
}

bool tw_reset_held_up(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_VICTIM_RWND_ZERO) && tw_get(f, TW_F_ZERO_WINDOW_WAITED) &&
	       tw_is(f, TW_F_ZERO_WINDOW_SIDE, (int64_t)tw_reset_victim(f));
}

/* The server went in the midst of an answer, and the client, which had not closed, has not got the rest. */
static bool cuts_answer(const struct tw_facts *f)
{
	return tw_get(f, TW_F_ANSWER_UNFINISHED) && tw_is(f, TW_F_RST_SIDE, TW_SERVER) &&
	       !tw_get(f, TW_F_RST_AUTHOR_FIN) && !tw_get(f, TW_F_RST_VICTIM_FIN);
}

/*
 * An alert of TLS by the reset's author, in answer to what the other end had offered: what they had met for does not come about.
 * The other end's alert is what some checks come for (haproxy, option ssl-hello-chk).
 */
static bool refuses_handshake(const struct tw_facts *f)
{
	return tw_known(f, TW_F_TLS_ALERT_SIDE) &&
	       tw_get(f, TW_F_TLS_ALERT_SIDE) == tw_get(f, TW_F_RST_SIDE) &&
	       tw_get(f, TW_F_BYTES_C) > 0 && tw_get(f, TW_F_BYTES_S) > 0 &&
	       !tw_get(f, TW_F_RST_AFTER_CLOSE);
}

/* The server, which has to speak first there, resets a client that waits for that. */
static bool withholds_greeting(const struct tw_facts *f)
{
	return tw_known(f, TW_F_GREETING_CLOSED_NS) && tw_is(f, TW_F_RST_SIDE, TW_SERVER) &&
	       !tw_get(f, TW_F_RST_AUTHOR_FIN) && !tw_get(f, TW_F_RST_VICTIM_FIN);
}

enum tw_debt tw_reset_debt(const struct tw_facts *f)
{
	if (cuts_answer(f) || refuses_handshake(f) || withholds_greeting(f))
		return TW_DEBT_OWED;
	if (tw_get(f, TW_F_RST_NOTHING_OWED) || tw_get(f, TW_F_RST_AFTER_CLOSE))
		return TW_DEBT_NONE;
	if (tw_get(f, TW_F_RST_AUTHOR_UNACKED) > tw_get(f, TW_F_RST_AUTHOR_GOODBYE) ||
	    tw_get(f, TW_F_RST_VICTIM_UNACKED) > 0 || tw_get(f, TW_F_RST_UNANSWERED_BYTES) > 0 ||
	    tw_get(f, TW_F_RST_AUTHOR_RWND_ZERO) || tw_reset_held_up(f))
		return TW_DEBT_OWED;
	return TW_DEBT_MANNERS;
}

bool tw_reset_was_stalled(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_STALLED_REPEATS) >= 3 &&
	       tw_get(f, TW_F_RST_STALLED_NS) >= TW_NS_PER_S / 2;
}

/* Repeated, and not even the repeat drew an ACK, for which there was time: none of it had come to the author of the reset. */
static bool repeats_are_unheard(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_UNANSWERED_REPEATS) > 0 &&
	       tw_time_of(f, TW_F_RST_COUNT) - tw_time_of(f, TW_F_RST_UNANSWERED_REPEATS) >
		       tw_get(f, TW_F_RTT_NS) + DELAYED_NS;
}

bool tw_reset_victim_was_sending(const struct tw_facts *f)
{
	int64_t unacked = tw_get(f, TW_F_RST_VICTIM_UNACKED),
		sent = tw_get(f, TW_F_RST_VICTIM_SENT_BYTES);
	int64_t all = tw_get(f, tw_reset_victim(f) == TW_CLIENT ? TW_F_BYTES_C : TW_F_BYTES_S);

	/* what was sent long ago, and is not acknowledged, is no transfer; nor is what had to be repeated */
	if (unacked > 0)
		return sent > unacked && tw_get(f, TW_F_RST_IDLE_BEFORE_NS) < STANDSTILL_NS &&
		       !repeats_are_unheard(f);
	/*
	 * Seen at the author's end what was under way arrives after the reset, within a round trip; later it is
	 * new, and after a pause as well.
	 */
	return sent > 0 && all > sent && tw_known(f, TW_F_RST_VICTIM_NEXT_NS) &&
	       tw_get(f, TW_F_RST_IDLE_BEFORE_NS) < TW_NS_PER_S &&
	       tw_get(f, TW_F_RST_VICTIM_NEXT_NS) <= 2 * tw_get(f, TW_F_RTT_NS) + UNDER_WAY_NS;
}

bool tw_reset_from_nearer(const struct tw_facts *f)
{
	const int64_t delta = tw_get(f, TW_F_RST_TTL_DELTA);

	return delta > 0 && delta < INITIALS_APART;
}

bool tw_reset_unseen_before(const struct tw_facts *f)
{
	return !tw_get(f, TW_F_START_SEEN) && !tw_get(f, TW_F_BYTES_C) && !tw_get(f, TW_F_BYTES_S);
}

/* A client that asks, gets no answer for a time in which it could have come, and goes, has not got what it wanted. */
static bool left_unanswered(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_SIDE, TW_CLIENT) &&
	       tw_is(f, TW_F_REQUEST_UNANSWERED_SIDE, TW_CLIENT) &&
	       tw_get(f, TW_F_REQUEST_KIND) != TW_REQUEST_NONE &&
	       tw_between_ns(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_RST_COUNT) >= TW_NS_PER_S;
}

/* A client that takes its leave while it is being sent to, and resets behind that, does not want the rest. */
static bool took_leave(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_SIDE, TW_CLIENT) && tw_get(f, TW_F_RST_AUTHOR_GOODBYE) > 0 &&
	       tw_get(f, TW_F_RST_AUTHOR_UNACKED) <= tw_get(f, TW_F_RST_AUTHOR_GOODBYE) &&
	       tw_get(f, TW_F_RST_VICTIM_UNACKED) > 0 &&
	       tw_get(f, TW_F_RST_IDLE_BEFORE_NS) < TW_NS_PER_S;
}

enum tw_outcome tw_reset_outcome(const struct tw_facts *f)
{
	if (tw_reset_unseen_before(f))
		return TW_OUTCOME_UNKNOWN;
	if (tw_reset_debt(f) != TW_DEBT_OWED)
		return left_unanswered(f) ? TW_OUTCOME_FAILED : TW_OUTCOME_DEGRADED;
	/* an answer that came early: who has it sends no more */
	if (tw_get(f, TW_F_RST_TOLD_OFF) || took_leave(f))
		return TW_OUTCOME_DEGRADED;
	/* what seems to be owed is only what the capture missed: it may have been acknowledged */
	return tw_get(f, TW_F_TRACE_LOSSY) && tw_get(f, TW_F_RST_AUTHOR_UNSEEN) &&
			       !tw_get(f, TW_F_RST_VICTIM_UNACKED) &&
			       !tw_get(f, TW_F_RST_AUTHOR_RWND_ZERO)
		       ? TW_OUTCOME_UNKNOWN
		       : TW_OUTCOME_FAILED;
}

/* So much of @repeats over @span_ns that whoever resets it then has lost patience, be it the kernel or the program. */
static bool spent(int64_t repeats, int64_t span_ns)
{
	return repeats >= 4 && span_ns >= 3 * TW_NS_PER_S;
}

bool tw_reset_gives_up(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_COUNT) && tw_reset_landed(f) &&
	       tw_is(f, TW_F_RST_SIDE, (int64_t)tw_get(f, TW_F_UNANSWERED_SIDE)) &&
	       tw_get(f, TW_F_RST_HAS_ACK) && !tw_get(f, TW_F_PEER_SPOKE_AFTER) &&
	       spent(tw_get(f, TW_F_UNANSWERED_REPEATS), tw_get(f, TW_F_UNANSWERED_SPAN_NS));
}

bool tw_reset_unheard(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RST_COUNT) && tw_reset_landed(f) &&
	       tw_is(f, TW_F_RST_SIDE, (int64_t)tw_get(f, TW_F_REPEATS_IN_VAIN_SIDE)) &&
	       tw_get(f, TW_F_RST_HAS_ACK) &&
	       spent(tw_get(f, TW_F_REPEATS_IN_VAIN), tw_get(f, TW_F_REPEATS_IN_VAIN_SPAN_NS));
}

bool tw_reset_after_probes(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) &&
	       tw_is(f, TW_F_KEEPALIVE_SIDE, (int64_t)tw_reset_author(f)) &&
	       tw_get(f, TW_F_RST_AUTHOR_PROBED_IN_VAIN) >= 2;
}

bool tw_reset_after_repeats(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) && tw_get(f, TW_F_RST_AUTHOR_REPEATED) >= 2 &&
	       !tw_get(f, TW_F_RST_AUTHOR_FIN) &&
	       tw_get(f, TW_F_RST_AUTHOR_HEARD_AGO_NS) < RESTART_NS;
}

bool tw_reset_in_vain(const struct tw_facts *f, enum tw_side author)
{
	const enum tw_fact_id count = author == TW_CLIENT ? TW_F_RST_COUNT_C : TW_F_RST_COUNT_S;

	return tw_get(f, TW_F_RST_IGNORED) > 0 && tw_get(f, count) > 0 &&
	       tw_frame_of(f, count) == tw_frame_of(f, TW_F_RST_IGNORED);
}

unsigned tw_reset_odds(const struct tw_facts *f)
{
	bool has_ack = tw_get(f, TW_F_RST_HAS_ACK);
	unsigned odds = 0;

	if (tw_known(f, TW_F_RST_TTL_DELTA) && tw_get(f, TW_F_RST_TTL_DELTA) != 0)
		odds |= TW_ODD_TTL;
	if (tw_is(f, TW_F_RST_IPID, TW_IPID_FOREIGN))
		odds |= TW_ODD_IPID;
	if (has_ack && tw_get(f, TW_F_RST_NO_TS))
		odds |= TW_ODD_NO_TS;
	if (!has_ack && tw_is(f, TW_F_RST_WINDOW_ZERO, false))
		odds |= TW_ODD_WINDOW;
	/* bare ones without a label are netfilter's, in place of a segment */
	if (has_ack && tw_get(f, TW_F_RST_LABEL_ZERO))
		odds |= TW_ODD_LABEL;
	if (tw_get(f, TW_F_RST_DF_CLEAR))
		odds |= TW_ODD_DF;
	if (tw_get(f, TW_F_RST_MAC_DIFFERS))
		odds |= TW_ODD_MAC;
	if (tw_get(f, TW_F_RST_EARLY))
		odds |= TW_ODD_EARLY;
	/* Kernels without the connection number a bare one as they like (Linux before 4.20, BSD, Windows), and Apple's let it be
	 * fragmented: where it comes from its author's place, at its author's pace, that says nothing. */
	if (tw_is(f, TW_F_RST_FORM, TW_RST_REPLY) &&
	    !(odds & (TW_ODD_TTL | TW_ODD_MAC | TW_ODD_EARLY)))
		odds &= ~(unsigned)(TW_ODD_IPID | TW_ODD_DF);
	if (tw_get(f, TW_F_RST_AUTHOR_GOES_ON) > 0)
		odds |= TW_ODD_GOES_ON;
	if (tw_get(f, TW_F_RST_SECOND_DIFFERS))
		odds |= TW_ODD_SECOND;
	if (tw_reset_came_in_addition(f))
		odds |= TW_ODD_ACKS_TRIGGER;
	return odds;
}

unsigned tw_odds_count(unsigned odds)
{
	return (unsigned)__builtin_popcount(odds);
}

static const char *ipid_text(const struct tw_facts *f)
{
	switch (tw_get(f, TW_F_RST_IPID)) {
	case TW_IPID_ZERO:
		return ", IP-ID 0";
	case TW_IPID_CONTINUES:
		return ", IP-ID next in its sequence";
	case TW_IPID_FOREIGN:
		return ", IP-ID out of its sequence";
	default:
		return "";
	}
}

static const char *ts_text(const struct tw_facts *f)
{
	if (!tw_get(f, TW_F_TIMESTAMPS))
		return "";
	return tw_get(f, TW_F_RST_NO_TS) ? ", no timestamps" : ", with timestamps";
}

static const char *window_text(const struct tw_facts *f)
{
	if (!tw_known(f, TW_F_RST_WINDOW_ZERO))
		return "";
	return tw_get(f, TW_F_RST_WINDOW_ZERO) ? ", window 0" : ", window not 0";
}

/* draft-ietf-tcpm-rst-diagnostic-payload, table 1. */
static const char *const declared[] = {
	[1] = "illegal option",
	[2] = "desynchronized state",
	[3] = "data after close",
	[4] = "aborted by the application",
	[5] = "unexpected ACK",
	[6] = "unexpected SYN",
	[7] = "security compartment",
	[8] = "malformed message",
	[9] = "not authorized",
	[10] = "resource exceeded",
	[11] = "network failure",
	[12] = "reset received from the peer",
	[13] = "destination unreachable",
	[14] = "connection timeout",
	[15] = "too much outstanding data",
	[16] = "unacceptable performance",
	[17] = "middlebox interference",
};

/* RFC 8684 s3.6. */
static const char *const declared_mptcp[] = {
	"unspecified error",           "MPTCP-specific error",      "lack of resources",
	"administratively prohibited", "too much outstanding data", "unacceptable performance",
	"middlebox interference",
};

const char *tw_reset_mptcp_reason(const struct tw_facts *f)
{
	const int64_t reason = tw_get(f, TW_F_RST_DECLARED) - TW_DECLARED_MPTCP;

	/* 0 says no more than that there is one */
	if (!tw_known(f, TW_F_RST_DECLARED) || reason <= 0 ||
	    reason >= (int64_t)(sizeof(declared_mptcp) / sizeof(declared_mptcp[0])))
		return NULL;
	return declared_mptcp[reason];
}

/* Some resets say themselves why: evidence, but only as good as the word of who wrote them. */
static void cite_declared(struct tw_match *m)
{
	int64_t reason = tw_get(m->facts, TW_F_RST_DECLARED);
	const bool mptcp = reason >= TW_DECLARED_MPTCP;
	const char *const *names = mptcp ? declared_mptcp : declared;
	size_t count =
		mptcp ? sizeof(declared_mptcp) / sizeof(*names) : sizeof(declared) / sizeof(*names);

	if (tw_get(m->facts, TW_F_RST_FASTCLOSE))
		tw_cite(m, TW_F_RST_FASTCLOSE,
			"it carries MP_FASTCLOSE: its program ended the whole MPTCP connection");
	if (!tw_known(m->facts, TW_F_RST_DECLARED))
		return;
	if (mptcp)
		reason -= TW_DECLARED_MPTCP;
	tw_cite(m, TW_F_RST_DECLARED, "declared by the sender of the reset%s: reason %lld%s%s",
		mptcp ? " (MP_TCPRST)" : "", (long long)reason,
		(size_t)reason < count && names[reason] ? ", " : "",
		(size_t)reason < count && names[reason] ? names[reason] : "");
}

/* RFC 8446 s6 and the registry of TLS alerts: those that end a handshake in the clear. */
static const char *const alerts[] = {
	[10] = "unexpected_message",
	[20] = "bad_record_mac",
	[22] = "record_overflow",
	[40] = "handshake_failure",
	[42] = "bad_certificate",
	[43] = "unsupported_certificate",
	[44] = "certificate_revoked",
	[45] = "certificate_expired",
	[46] = "certificate_unknown",
	[47] = "illegal_parameter",
	[48] = "unknown_ca",
	[49] = "access_denied",
	[50] = "decode_error",
	[51] = "decrypt_error",
	[70] = "protocol_version",
	[71] = "insufficient_security",
	[80] = "internal_error",
	[86] = "inappropriate_fallback",
	[109] = "missing_extension",
	[110] = "unsupported_extension",
	[112] = "unrecognized_name",
	[115] = "unknown_psk_identity",
	[116] = "certificate_required",
	[120] = "no_application_protocol",
};

void tw_cite_alert(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const size_t alert = (size_t)tw_get(f, TW_F_TLS_ALERT);
	const char *name =
		alert < sizeof(alerts) / sizeof(alerts[0]) && alerts[alert] ? alerts[alert] : NULL;

	if (!tw_known(f, TW_F_TLS_ALERT))
		return;
	tw_cite(m, TW_F_TLS_ALERT,
		"fatal alert of TLS by %s, %zu%s%s: its program refused the handshake, and says so",
		tw_side_name((enum tw_side)tw_get(f, TW_F_TLS_ALERT_SIDE)), alert, name ? ", " : "",
		name ? name : "");
}

void tw_reset_cite(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	const char *author = tw_side_name(tw_reset_author(f));

	switch (tw_get(f, TW_F_RST_FORM)) {
	case TW_RST_ACTIVE:
		tw_cite(m, TW_F_RST_COUNT,
			"RST|ACK of %s at its own next sequence number%s%s%s: %s", author,
			ts_text(f), window_text(f), ipid_text(f),
			tw_reset_odds(f) ? "as a socket itself would write it"
					 : "written by the socket itself");
		break;
	case TW_RST_REPLY:
		tw_cite(m, TW_F_RST_COUNT,
			"bare RST %s %s%s, no options%s: as a kernel answers that has no such "
			"connection",
			m->culprit == tw_host_of(tw_reset_author(f)) ||
					m->culprit == tw_app_of(tw_reset_author(f))
				? "of"
				: "with the address of",
			author, window_text(f), ipid_text(f));
		break;
	case TW_RST_REPLY_NO_ACK:
		tw_cite(m, TW_F_RST_COUNT,
			"RST|ACK of %s with seq 0%s%s: the answer to a segment without ACK flag",
			author, window_text(f), ipid_text(f));
		break;
	default:
		tw_cite(m, TW_F_RST_COUNT,
			"%s with the address of %s%s%s%s: no Linux code path writes it so",
			tw_get(f, TW_F_RST_HAS_ACK) ? "RST|ACK" : "RST", author, ts_text(f),
			window_text(f), ipid_text(f));
	}
	cite_declared(m);
	tw_cite_alert(m);
	if (tw_get(f, TW_F_RST_TOLD_OFF))
		tw_cite(m, TW_F_RST_TOLD_OFF,
			"the server speaks in the midst of what the client sends, which breaks off "
			"at once: an upload that was refused (401, 405, 413) looks like that");
}

void tw_reset_cite_trigger(struct tw_match *m)
{
	static const char *const what[] = {
		[TW_TRIGGER_SYN] = "SYN",        [TW_TRIGGER_SYNACK] = "SYN|ACK",
		[TW_TRIGGER_ACK3] = "first ACK", [TW_TRIGGER_DATA] = "data segment",
		[TW_TRIGGER_FIN] = "FIN",        [TW_TRIGGER_PROBE] = "probe",
		[TW_TRIGGER_ACK] = "ACK",        [TW_TRIGGER_OTHER] = "segment",
	};
	int64_t trigger = tw_get(m->facts, TW_F_RST_TRIGGER);

	if (trigger <= TW_TRIGGER_NONE || trigger > TW_TRIGGER_OTHER)
		return;
	if (tw_known(m->facts, TW_F_RST_TRIGGER_DELAY_NS))
		tw_cite(m, TW_F_RST_TRIGGER, "%s of %s: the reset answers it %s later",
			what[trigger], tw_side_name(tw_reset_victim(m->facts)),
			TW_DUR(tw_get(m->facts, TW_F_RST_TRIGGER_DELAY_NS)));
	else
		tw_cite(m, TW_F_RST_TRIGGER, "%s of %s: the reset answers it", what[trigger],
			tw_side_name(tw_reset_victim(m->facts)));
}

static void cite_header_odds(struct tw_match *m, unsigned odds, const char *author)
{
	const struct tw_facts *f = m->facts;

	if (odds & TW_ODD_TTL)
		tw_cite(m, TW_F_RST_TTL_DELTA,
			"the reset's TTL is %+d against the other packets of %s: it comes from "
			"another place",
			(int)tw_get(f, TW_F_RST_TTL_DELTA), author);
	if (odds & TW_ODD_IPID)
		tw_cite(m, TW_F_RST_IPID, "its IP-ID is neither 0 nor next in the sequence of %s",
			author);
	if (odds & TW_ODD_NO_TS)
		tw_cite(m, TW_F_RST_NO_TS,
			"a RST|ACK without timestamps in a connection that uses them: a socket of "
			"Linux that aborts sends them (RFC 7323 s3.2), those of BSD and macOS "
			"leave them out");
	if (odds & TW_ODD_WINDOW)
		tw_cite(m, TW_F_RST_WINDOW_ZERO,
			"a bare RST with a window: the kernel's own bare resets always have window "
			"0");
	if (odds & TW_ODD_LABEL)
		tw_cite(m, TW_F_RST_LABEL_ZERO,
			"a RST|ACK with the IPv6 flow label 0: a socket that aborts writes its "
			"connection's");
	if (odds & TW_ODD_DF)
		tw_cite(m, TW_F_RST_DF_CLEAR,
			"don't-fragment is clear, all other packets of %s set it", author);
	if (odds & TW_ODD_MAC)
		tw_cite(m, TW_F_RST_MAC_DIFFERS,
			"its source MAC is not that of the other packets of %s", author);
}

/* What cannot be copied by a forger comes first. */
void tw_reset_cite_odds(struct tw_match *m, unsigned odds)
{
	const struct tw_facts *f = m->facts;
	const char *author = tw_side_name(tw_reset_author(f));
	int goes_on = (int)tw_get(f, TW_F_RST_AUTHOR_GOES_ON);

	if (tw_get(f, TW_F_RST_AUTHOR_ECHOES_TRIGGER))
		tw_cite(m, TW_F_RST_AUTHOR_ECHOES_TRIGGER,
			"%s echoes the timestamp of the very segment that the reset answers: it "
			"had "
			"arrived",
			author);
	else if (odds & TW_ODD_ACKS_TRIGGER)
		tw_cite(m, TW_F_RST_AUTHOR_ACKS_TRIGGER,
			"%s acknowledges the very data that the reset answers: it had arrived",
			author);
	if (odds & TW_ODD_GOES_ON)
		tw_cite(m, TW_F_RST_AUTHOR_GOES_ON,
			"%s goes on with this connection after \"its\" reset (%d segment%s): its "
			"socket lives",
			author, goes_on, goes_on == 1 ? "" : "s");
	if (odds & TW_ODD_EARLY)
		tw_cite(m, TW_F_RST_EARLY,
			"it came %s after its trigger; a round trip to %s takes %s",
			TW_DUR(tw_get(f, TW_F_RST_TRIGGER_DELAY_NS)), author,
			TW_DUR(tw_get(f, TW_F_RST_AUTHOR_RTT_NS)));
	cite_header_odds(m, odds, author);
	if (odds & TW_ODD_SECOND)
		tw_cite(m, TW_F_RST_SECOND_DIFFERS,
			"one more reset with other numbers that no segment explains");
}

/* Captured where its author sends: what is forged elsewhere does not pass there. */
static bool left_here(const struct tw_facts *f)
{
	return tw_is(f, TW_F_VANTAGE,
		     tw_reset_author(f) == TW_CLIENT ? TW_VANTAGE_CLIENT : TW_VANTAGE_SERVER);
}

bool tw_reset_unprompted(const struct tw_facts *f)
{
	const int64_t delay = tw_get(f, TW_F_RST_TRIGGER_DELAY_NS);

	return tw_known(f, TW_F_RTT_NS) && delay > LATE_RTTS * tw_get(f, TW_F_RTT_NS) &&
	       delay > LATE_NS;
}

bool tw_reset_is_own(const struct tw_facts *f)
{
	return !tw_reset_odds(f) && (tw_is(f, TW_F_RST_IPID, TW_IPID_CONTINUES) || left_here(f));
}

/*
 * Who sees the connection can copy numbers, timestamps and TTL. The next IP-ID of a living sender can hardly be
 * copied: the sender's own next packet would carry it again.
 */
static void weigh_forgery(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;

	if (tw_is(f, TW_F_RST_IPID, TW_IPID_CONTINUES))
		tw_rule_out(m, "forged-reset", "the reset continues the sender's IP-ID%s%s",
			    tw_get(f, TW_F_TIMESTAMPS) ? " and timestamps" : "",
			    tw_get(f, TW_F_RST_TTL_DELTA) ? "" : ", at the sender's TTL");
	else if (left_here(f))
		tw_rule_out(m, "forged-reset",
			    "the capture was taken near its sender, and it contradicts nothing");
	else if (tw_is(f, TW_F_RST_IPID, TW_IPID_ZERO))
		tw_rival(m, "forged-reset",
			 "its numbers and its TTL fit, but its IP-ID is 0: who sees the connection "
			 "can write such a reset");
	else
		tw_rival(
			m, "forged-reset",
			"its numbers and its TTL fit, but no IP-ID tells that its sender wrote it: "
			"who sees the connection can write such a reset");
}

/*
 * lwIP, uIP and FreeRTOS answer what they do not know by RST|ACK with the window of a new connection, in the form
 * of a socket's own. Who spoke a second ago has not been restarted since.
 */
static bool may_be_reply(const struct tw_facts *f)
{
	return !tw_get(f, TW_F_TIMESTAMPS) && tw_get(f, TW_F_RST_ANSWERS_EXACTLY) &&
	       tw_get(f, TW_F_RST_AUTHOR_HEARD_AGO_NS) >= RESTART_NS;
}

void tw_reset_weigh_active(struct tw_match *m)
{
	const unsigned odds = tw_reset_odds(m->facts);

	if (odds) {
		if (odds & (TW_ODD_TTL | TW_ODD_IPID | TW_ODD_EARLY)) {
			m->confidence = TW_POSSIBLE;
			m->culprit = TW_CULPRIT_UNKNOWN;
		}
		tw_reset_cite_odds(m, odds);
		tw_rival(m, "forged-reset",
			 "it is not in all like the other packets of its alleged author: a third "
			 "party may have written it");
		tw_rival(m, "firewall-reset",
			 "nor does a device on the way write like the end for which it speaks");
		return;
	}
	weigh_forgery(m);
	if (may_be_reply(m->facts)) {
		if (m->confidence == TW_CERTAIN)
			m->confidence = TW_LIKELY;
		tw_rival(m, "peer-rebooted",
			 "its numbers are those of the segment before it: small TCPs (lwIP, uIP, "
			 "FreeRTOS) write RST|ACK so for a connection that they have lost");
	} else {
		tw_rule_out(m, "peer-rebooted",
			    "a kernel that lost the connection answers with a bare RST, window 0, "
			    "no options");
	}
	tw_rule_out(m, "firewall-reset",
		    "a filter writes a bare RST in place of a segment, with window 0");
}

/*
 * Less than a round trip is what the author's host took to answer, not how long the victim waited: the path, and what was
 * lost on it before, come on top. Only at the victim's own end is it the whole.
 */
static bool waited_as_seen(const struct tw_facts *f, enum tw_side victim)
{
	return tw_is(f, TW_F_VANTAGE,
		     victim == TW_CLIENT ? TW_VANTAGE_CLIENT : TW_VANTAGE_SERVER) ||
	       tw_get(f, TW_F_RST_VICTIM_WAITED_NS) >= tw_get(f, TW_F_RTT_NS);
}

/*
 * The number of a socket's own reset is behind all that it had sent. Captured where that leaves, or on the way, nothing shows
 * that the last of it arrived: the challenge may be lost, or one too many for its sender (tcp_challenge_ack_limit).
 */
static bool depends_on_arrival(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_FORM, TW_RST_ACTIVE) && tw_get(f, TW_F_RST_AUTHOR_UNACKED) > 0 &&
	       !tw_get(f, TW_F_RST_PAIR) &&
	       !tw_is(f, TW_F_VANTAGE,
		      tw_reset_victim(f) == TW_CLIENT ? TW_VANTAGE_CLIENT : TW_VANTAGE_SERVER);
}

/* The victim had not seen a FIN: the reset reaches an open socket. */
static void victim_saw_reset(struct tw_match *m, enum tw_side victim)
{
	const struct tw_facts *f = m->facts;
	int64_t after = -1;

	if (tw_known(f, TW_F_RST_VICTIM_WAITED_NS) && waited_as_seen(f, victim))
		after = tw_get(f, TW_F_RST_VICTIM_WAITED_NS);
	/* Against a closed window a sender blocks in send, unless its buffer has room. */
	bool blocked = tw_get(f, TW_F_RST_AUTHOR_RWND_ZERO) ||
		       tw_is(f, TW_F_ZERO_WINDOW_SIDE, tw_other(victim));

	tw_app_saw(
		m, victim, blocked ? "send" : "recv", "ECONNRESET", blocked ? -1 : after,
		depends_on_arrival(f)
			? "That is if what was sent right before the reset arrived. If it was "
			  "lost, the reset does not fit and is challenged (RFC 5961 s3.2): then a "
			  "second one must confirm it, which is not here, or the call hangs."
			: "Data that had arrived before the reset is still read; then the first "
			  "call (recv or send) fails with ECONNRESET, later ones with end of "
			  "file and EPIPE.");
}

/*
 * The FIN of the reset's author was repeated before the reset, and nothing that its peer sent acknowledges it. Behind the
 * reset nobody was left who could.
 */
static bool fin_got_lost(const struct tw_facts *f)
{
	const bool first = tw_is(f, TW_F_FIN1_SIDE, tw_reset_author(f));
	const enum tw_fact_id count = first ? TW_F_FIN1_COUNT : TW_F_FIN2_COUNT;

	return tw_get(f, count) > 1 && !tw_get(f, first ? TW_F_FIN1_ACKED : TW_F_FIN2_ACKED) &&
	       tw_frame_of(f, count) < tw_frame_of(f, TW_F_RST_COUNT);
}

/*
 * A reset ends a path of MPTCP, not the connection: that is told to the MPTCP socket by MP_FASTCLOSE or DATA_FIN alone (RFC 8684
 * s3.3.3, s3.5). Linux passes an error of a path on only after a fallback to plain TCP (__mptcp_subflow_error_report()).
 */
static void mptcp_victim_saw(struct tw_match *m, enum tw_side victim)
{
	const struct tw_facts *f = m->facts;
	const enum tw_fact_id fin = victim == TW_CLIENT ? TW_F_MPTCP_FIN_S : TW_F_MPTCP_FIN_C;

	if (tw_get(f, fin) && tw_frame_of(f, fin) < tw_frame_of(f, TW_F_RST_COUNT))
		tw_app_saw(m, victim, "recv", "EOF", -1,
			   "The other end had closed the MPTCP connection (DATA_FIN) before the "
			   "reset of this path.");
	else {
		tw_cite(m, TW_F_MPTCP,
			"MPTCP is spoken: a reset without MP_FASTCLOSE ends this path, not the "
			"connection");
		tw_app_saw(m, victim, "recv", "hang", -1,
			   "The reset ends this path of the MPTCP connection, and no more: without "
			   "MP_FASTCLOSE its socket stays open and waits for another path, for "
			   "net.mptcp.close_timeout (60 s); then recv() fails (ENOTCONN, measured "
			   "on Linux 6.18).");
	}
}

/* A victim that had waited in vain, and closed then: no half-close, whose end would wait on. */
static bool left_unanswered_before(const struct tw_facts *f)
{
	return tw_is(f, TW_F_RST_SIDE, TW_SERVER) && tw_get(f, TW_F_WAITER_GAVE_UP) &&
	       tw_is(f, TW_F_REQUEST_UNANSWERED_SIDE, TW_CLIENT) &&
	       tw_between_ns(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_WAITER_GAVE_UP) >= TW_NS_PER_S;
}

void tw_reset_victim_saw(struct tw_match *m)
{
	const struct tw_facts *f = m->facts;
	enum tw_side victim = tw_reset_victim(f);

	if (tw_get(f, TW_F_MPTCP) && !tw_get(f, TW_F_RST_FASTCLOSE) &&
	    !tw_get(f, TW_F_RST_FASTCLOSE_ASKED))
		mptcp_victim_saw(m, victim);
	else if (tw_get(f, TW_F_RST_AUTHOR_FIN) && tw_get(f, TW_F_RST_VICTIM_FIN) &&
		 tw_known(f, TW_F_REQUEST_TOO_LATE) && victim == TW_CLIENT)
		tw_app_saw(m, victim, "recv", "EOF", -1,
			   "The FIN came first: recv returns 0 in place of an answer to the "
			   "request, and the program closes.");
	else if (tw_get(f, TW_F_RST_AUTHOR_FIN) && tw_get(f, TW_F_RST_VICTIM_FIN))
		tw_app_saw(m, victim, NULL, NULL, -1,
			   "It had sent its FIN: after shutdown(SHUT_WR) recv returns 0, for the "
			   "other FIN came before the reset; after close() nobody is left to "
			   "notice.");
	else if (tw_get(f, TW_F_RST_AUTHOR_FIN) && fin_got_lost(f))
		tw_app_saw(m, victim, "recv", "ECONNRESET", -1,
			   "The FIN was repeated and never acknowledged: it seems not to have come "
			   "through, and the reset is the first that it gets.");
	else if (tw_get(f, TW_F_RST_AUTHOR_FIN))
		tw_app_saw(
			m, victim, "recv", "EOF", -1,
			tw_is(f, TW_F_RST_TRIGGER, TW_TRIGGER_DATA)
				? "The FIN came first: recv returns 0 and goes on returning 0, "
				  "never ECONNRESET. The send that drew the reset succeeded; the "
				  "next one fails with EPIPE (and SIGPIPE)."
				: "The FIN came first: recv returns 0 and goes on returning 0, "
				  "never ECONNRESET. A send after the reset fails with EPIPE "
				  "(and SIGPIPE).");
	else if (tw_get(f, TW_F_RST_VICTIM_FIN) && left_unanswered_before(f))
		tw_app_saw(
			m, victim, "recv", "hang",
			tw_between_ns(f, TW_F_REQUEST_UNANSWERED_BYTES, TW_F_WAITER_GAVE_UP),
			"recv() waited until the application closed by itself: nobody is left to "
			"notice the reset.");
	else if (tw_get(f, TW_F_RST_VICTIM_FIN))
		tw_app_saw(m, victim, "recv", "ECONNRESET", -1,
			   "It had sent its FIN: after shutdown(SHUT_WR) recv fails with "
			   "ECONNRESET; after close() nobody is left to notice the reset.");
	else
		victim_saw_reset(m, victim);
}

void tw_reset_unheard_saw(struct tw_match *m)
{
	if (tw_get(m->facts, TW_F_RST_AUTHOR_FIN))
		tw_app_saw(m, tw_reset_author(m->facts), NULL, NULL, -1,
			   "It had sent its FIN: after close() nobody is left to notice.");
	else
		tw_app_saw(m, tw_reset_author(m->facts), "recv", "ETIMEDOUT", -1,
			   "If it is its kernel that gave up; a program that resets the connection "
			   "knows why.");
	tw_reset_victim_saw(m);
}
