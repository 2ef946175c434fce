/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_SILENCE_H
#define TW_PHENOMENA_SILENCE_H

#include "base/duration.h"
#include "phenomena/phenomenon.h"
#include "timers/constants.h"

/*
 * What the phenomena of silence have in common: when does "nothing came back" mean anything?
 * Shared, so that they all draw the line at the same place and differ only in the mechanism that
 * they look for.
 */

/* Would the answer be in the capture if there had been one? What answers data may be an ACK without payload. */
static inline bool tw_silence_proves(const struct tw_facts *f)
{
	const bool left_out =
		tw_get(f, TW_F_ACKS_FILTERED) &&
		(tw_get(f, TW_F_BYTES_C) || tw_get(f, TW_F_BYTES_S) || tw_known(f, TW_F_FIN1_SIDE));

	return !tw_get(f, TW_F_ONE_SIDED) && !tw_get(f, TW_F_TRACE_LOSSY) && !left_out;
}

/*
 * Did the sender stop after two repeats, though the capture goes on? A third would have come after as long as
 * the first two took together, or a little more.
 */
static inline bool tw_silence_was_cut(const struct tw_facts *f)
{
	int64_t on_ns = tw_get(f, TW_F_CAPTURE_GOES_ON_NS);

	return tw_get(f, TW_F_UNANSWERED_REPEATS) == 2 && on_ns >= 2 * TW_NS_PER_S &&
	       on_ns > 3 * tw_get(f, TW_F_UNANSWERED_SPAN_NS);
}

/*
 * Data stayed unanswered for long enough to call it silence and not the end of the capture. Linux
 * sends a tail-loss probe and two repeats in the first 0.7 s of a loss on a short path; a loss that
 * heals needs fewer as a rule.
 */
static inline bool tw_silence_lasts(const struct tw_facts *f)
{
	return tw_silence_proves(f) && tw_known(f, TW_F_UNANSWERED_SIDE) &&
	       tw_get(f, TW_F_UNANSWERED_BYTES) > 0 &&
	       tw_get(f, TW_F_UNANSWERED_SPAN_NS) >= TW_NS_PER_S / 2 &&
	       (tw_get(f, TW_F_UNANSWERED_REPEATS) >= 3 || tw_silence_was_cut(f));
}

#define TW_FINAL_NS   (10 * TW_NS_PER_S)
#define TW_FINAL_5_NS (5 * TW_NS_PER_S) /* with five repeats; those of a short path take 3.2 s */

/*
 * Did it last until it can be called the end? The kernel goes on for 15 minutes, and a path that was
 * rerouted may be back after a few seconds. So the repeats alone, which crowd into the first three
 * seconds, are not enough: what counts is how long nothing came, also after the last of them. If the
 * capture goes on for twice as long as they took, the next one was due, and the sender has given up.
 */
static inline bool tw_silence_is_final(const struct tw_facts *f)
{
	int64_t span_ns = tw_get(f, TW_F_UNANSWERED_SPAN_NS);
	int64_t on_ns = tw_get(f, TW_F_CAPTURE_GOES_ON_NS);
	int64_t silent_ns = span_ns + on_ns;

	return (tw_get(f, TW_F_UNANSWERED_REPEATS) >= 5 && silent_ns >= TW_FINAL_5_NS) ||
	       span_ns >= TW_FINAL_NS || tw_get(f, TW_F_PEER_SPOKE_AFTER_RST) ||
	       on_ns > 2 * span_ns;
}

/*
 * Which call waits while @bytes stay unacknowledged? send() returns once the buffer has taken all, and what waits is
 * the recv() for the answer. Whoever has a whole first flight (ten segments) on its way may have more behind it.
 */
static inline const char *tw_waiting_call(int64_t bytes)
{
	return bytes < 10 * INT64_C(1448) ? "recv" : "send";
}

/* Who leaves after so long, and had nothing to say, waited for something */
#define TW_LEFT_AFTER_NS (5 * TW_NS_PER_S)
#define TW_ROUND_NS      (25 * TW_NS_PER_MS)

/*
 * Is it so near to whole seconds that it is a timeout? Who has had enough leaves at any time, a timeout is set in
 * seconds.
 */
static inline bool tw_is_round(int64_t ns)
{
	return ns + TW_ROUND_NS >= TW_NS_PER_S &&
	       (ns + TW_ROUND_NS) % TW_NS_PER_S <= 2 * TW_ROUND_NS;
}

/* Does the end that still speaks not get the resets that it draws? One may be lost; then the next one is heard. */
static inline bool tw_resets_are_unheard(const struct tw_facts *f)
{
	return tw_get(f, TW_F_RSTS_UNHEARD) >= 2;
}

/* So many repeats of what was acknowledged, over so long, are not one ACK that was lost: the ACKs do not get back. */
#define TW_IN_VAIN    3
#define TW_IN_VAIN_NS (TW_NS_PER_S / 2)

#define TW_UNFILLED_NS (3 * TW_NS_PER_S) /* three repeats by timer at least, on a short path */

/* Did bytes stay missing at their receiver, while what came behind them waited there, and longer than a repair takes? */
static inline bool tw_hole_stays(const struct tw_facts *f)
{
	/* a reset ends it, and the sender need not repeat any more */
	const int64_t on_ns = tw_get(f, TW_F_RST_COUNT) ? 0 : tw_get(f, TW_F_CAPTURE_GOES_ON_NS);

	return tw_known(f, TW_F_MISSING_SIDE) && tw_get(f, TW_F_MISSING_ACKS) > 0 &&
	       !tw_get(f, TW_F_RST_NOTHING_OWED) &&
	       tw_get(f, TW_F_MISSING_FOR_NS) + on_ns >= TW_UNFILLED_NS;
}

/*
 * peer-vanished where nobody has data to send, but one end asks by keepalive probes whether the other is there, and no
 * answer comes (RFC 1122 s4.2.3.6: an end that lives answers each). One answer may be lost, or missed by the capture.
 */
bool tw_match_probes(struct tw_match *m);
/*
 * peer-vanished where nothing is repeated, because nothing leaves: what one end sends waits for the other's link-layer
 * address, and nobody answers for it any more. (A single round of three requests may only verify an old entry.)
 */
bool tw_match_deserted(struct tw_match *m);

/* The receiver had closed its window: then repeats are probes, and silence has another name. */
static inline bool tw_window_stays_closed(const struct tw_facts *f)
{
	return tw_known(f, TW_F_ZERO_WINDOW_SIDE) && !tw_get(f, TW_F_ZERO_WINDOW_OPEN_AT_END);
}

/*
 * Sooner than any timer of any kernel (TCP_TIMEOUT_MIN is two ticks): that FIN was not repeated, it was seen twice,
 * as where both ends wrote into one file. A coarse clock does not tell.
 */
static inline bool tw_sooner_than_timers(const struct tw_facts *f, int64_t ns)
{
	return ns < TW_NS_PER_MS && !tw_known(f, TW_F_CLOCK_COARSE_NS);
}

/*
 * A FIN or its ACK that is lost once is a matter of its own only where not much else was: among many losses it is
 * one more, and they are what made the connection slow.
 */
static inline int tw_close_strength(const struct tw_facts *f)
{
	const int64_t lost =
		tw_get(f, TW_F_LOST_C) + tw_get(f, TW_F_LOST_S) + tw_get(f, TW_F_LOST_BEFORE_HERE);

	return lost >= 3 ? TW_STRENGTH_DELAY - 1 : TW_STRENGTH_TEARDOWN;
}

/* Captured next to the end that a FIN of @closer goes to: its first copy came there, and was not taken. */
static inline bool tw_fin_came_here(const struct tw_facts *f, enum tw_side closer)
{
	return tw_is(f, TW_F_VANTAGE, closer == TW_CLIENT ? TW_VANTAGE_SERVER : TW_VANTAGE_CLIENT);
}

/* A first FIN of the other end, before the start of the capture or missed by it, makes this one the second. */
static inline bool tw_may_be_second_fin(const struct tw_facts *f)
{
	const bool client = tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT);

	return tw_is(f, TW_F_START_SEEN, 0) ||
	       tw_get(f, client ? TW_F_ACKED_UNSEEN_S : TW_F_ACKED_UNSEEN_C);
}

/*
 * Needless repeats earlier on: a slow path, where a FIN is repeated for an ACK that is late. One that is repeated for
 * longer than any path takes, @span_ns, is not.
 */
static inline bool tw_acks_are_late(const struct tw_facts *f, int64_t span_ns)
{
	return (tw_get(f, TW_F_SPURIOUS_C) > 0 || tw_get(f, TW_F_SPURIOUS_S) > 0) &&
	       span_ns < TW_TCP_TIMEOUT_INIT_NS;
}

/* Time between the frames of two facts; 0 if one is unknown. */
static inline int64_t tw_between_ns(const struct tw_facts *f, enum tw_fact_id from,
				    enum tw_fact_id to)
{
	if (!tw_known(f, from) || !tw_known(f, to) || !tw_frame_of(f, from))
		return 0; /* what did not happen has no frame, and no time */
	if (tw_time_of(f, to) < tw_time_of(f, from))
		return 0; /* the clock was set in between */
	return tw_time_of(f, to) - tw_time_of(f, from);
}

/*
 * Does @answer come sooner after @repeat than the path allows? Then it answers an earlier copy, and was only under
 * way for longer than the timer.
 */
static inline bool tw_sooner_than_path(const struct tw_facts *f, enum tw_fact_id repeat,
				       enum tw_fact_id answer)
{
	return tw_get(f, TW_F_RTT_NS) > 100 * TW_NS_PER_MS &&
	       tw_between_ns(f, repeat, answer) < tw_get(f, TW_F_RTT_NS) * 7 / 8;
}

/* Did the client leave by a timeout, as far as can be seen: whole seconds behind @since, or behind its SYN? */
static inline bool tw_timed_out(const struct tw_facts *f, enum tw_fact_id since,
				enum tw_fact_id left)
{
	const int64_t waited = tw_between_ns(f, since, left);

	/* a FIN that is repeated again and again is not heard: the silence is the path's */
	if (tw_is(f, TW_F_FIN1_SIDE, TW_CLIENT) && tw_get(f, TW_F_FIN1_COUNT) > 2)
		return false;
	if (tw_is(f, TW_F_FIN1_SIDE, TW_SERVER) &&
	    tw_frame_of(f, TW_F_FIN1_SIDE) < tw_frame_of(f, left))
		return false;
	return waited >= TW_NS_PER_S / 2 &&
	       (tw_is_round(waited) || tw_is_round(tw_between_ns(f, TW_F_SYN_COUNT, left)));
}

/* Segments are signed: a receiver that has another key, or none, drops them in silence (tcp_inbound_hash()). */
static inline void tw_rival_signed(struct tw_match *m)
{
	if (tw_get(m->facts, TW_F_SIGNED))
		tw_rival(m, "invalid-segment",
			 "the segments are signed (TCP-MD5 or TCP-AO): a host that has another "
			 "key for this peer, or none, drops them and says nothing (nstat -az "
			 "TcpExtTCPMD5Failure TcpExtTCPMD5Unexpected TcpExtTCPAOBad)");
}

#endif
