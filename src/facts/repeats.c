/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of several copies of a segment was sent first, and was it needed?
 *
 *      sender               receiver
 *        |--seq 1 (TSval 10)-->|  or lost            ACK echoes 10 or carries a D-SACK: it had arrived,
 *        |--seq 1 (TSval 20)-->|                     the repeat was spurious
 *        |<--ACK 2 (TSecr n)---|                     ACK echoes 20: the original was lost
 */
#include "facts/repeats.h"
#include "timers/constants.h"

#define IDS_APART_MAX                                                                              \
	512 /* so many packets of one sender may lie between two that overtook each other */
#define CUT_FROM_BYTES   500       /* smaller ones pass every path */
#define FAR_BELOW        (1 << 20) /* windows are smaller as a rule */
#define ONE_PACKET_BYTES 9000      /* more is several packets, seen as one */

/* Ids far apart are not of one counter: some stacks draw them by lot. */
int tw_order_of(const struct tw_pkt *p, const struct tw_pkt *q)
{
	const int apart = (int16_t)(p->ip_id - q->ip_id);

	if (p->options & q->options & TW_OPT_TIMESTAMPS && p->tsval != q->tsval)
		return tw_seq_lt(p->tsval, q->tsval) ? -1 : 1;
	return p->ip_id && q->ip_id && apart >= -IDS_APART_MAX && apart <= IDS_APART_MAX ? apart
											 : 0;
}

bool tw_sent_before(const struct tw_pkt *p, const struct tw_pkt *q)
{
	return tw_order_of(p, q) < 0;
}

bool tw_same_packet(const struct tw_pkt *p, const struct tw_pkt *q)
{
	return p->ip_id && p->ip_id == q->ip_id && p->tsval == q->tsval &&
	       p->payload_bytes == q->payload_bytes;
}

/*
 * Data that a SYN carried (TCP Fast Open) and that comes again after the handshake: the server did not take it
 * with the SYN (RFC 7413 s4.2). Nothing was lost.
 */
bool tw_repeats_syn_data(const struct tw_dossier *d, const struct tw_pkt *p)
{
	size_t i;

	for (i = 0; i < d->pkt_count && i < 16; i++) {
		const struct tw_pkt *q = &d->pkt[i];

		if (q->side == p->side && q->flags & TW_SYN && q->payload_bytes &&
		    tw_seq_in(p->seq, q->seq + 1, q->seq + 1 + q->payload_bytes))
			return true;
	}
	return false;
}

long tw_original_of(const struct tw_dossier *d, size_t i, bool *gap)
{
	const struct tw_pkt *p = &d->pkt[i];
	size_t k, stop = i > TW_REPEATS_LOOK ? i - TW_REPEATS_LOOK : 0;
	long found = -1;

	*gap = false;
	for (k = i; k > stop; k--) {
		const struct tw_pkt *q = &d->pkt[k - 1];

		*gap = d->pkt[k].gap;
		if (*gap)
			break;
		if (tw_counts(q) && q->side == p->side && q->payload_bytes &&
		    !(q->flags & TW_RST) && tw_seq_le(q->seq, p->seq) &&
		    tw_seq_gt(q->seq + q->payload_bytes, p->seq)) {
			found = (long)k - 1;
			if (!(q->marks & (TW_MARKS_REPEAT | TW_MARK_OUT_OF_ORDER)))
				break;
		}
	}
	return found;
}

bool tw_dsack_covers(const struct tw_pkt *a, const struct tw_pkt *p)
{
	return a->marks & TW_MARK_DSACK && tw_seq_le(a->sack[0].left, p->seq) &&
	       tw_seq_ge(a->sack[0].right, p->seq + 1);
}

/* New data of the sender of @p, with its timestamp. */
static bool brings_new(const struct tw_pkt *q, const struct tw_pkt *p)
{
	return q->side == p->side && q->tsval == p->tsval && tw_pkt_seq_len(q) &&
	       !(q->marks & (TW_MARKS_REPEAT | TW_MARK_OUT_OF_ORDER));
}

/*
 * Is @p the segment whose timestamp the acknowledgement @k echoes? Of several that it acknowledges at once, that is
 * the one at which the acknowledgement before it had stopped (RFC 7323 s4.3; tcp_replace_ts_recent: rcv_wup).
 */
static bool is_echoed_by(const struct tw_dossier *d, size_t k, const struct tw_pkt *p)
{
	const struct tw_pkt *a = &d->pkt[k];
	size_t stop = k > TW_REPEATS_LOOK ? k - TW_REPEATS_LOOK : 0;

	for (; k > stop && !d->pkt[k].gap; k--) {
		const struct tw_pkt *b = &d->pkt[k - 1];

		if (tw_counts(b) && b->side == a->side && b->flags & TW_ACK && !(b->flags & TW_RST))
			return tw_seq_le(p->seq, b->ack);
	}
	return false;
}

/*
 * Does the side @sender have data acknowledged as received twice that it sent once, as far as is seen? Then the network
 * doubles packets (or the capture missed repeats).
 */
bool tw_is_doubled(const struct tw_dossier *d, int sender)
{
	size_t i, k, stop;
	long o;
	bool gap;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *a = &d->pkt[i];

		if (!tw_counts(a) || a->side == sender || !(a->marks & TW_MARK_DSACK))
			continue;
		stop = i > TW_REPEATS_LOOK ? i - TW_REPEATS_LOOK : 0;
		for (k = i, o = -1; k > stop && o < 0 && !d->pkt[k].gap; k--)
			if (d->pkt[k - 1].side == sender && d->pkt[k - 1].payload_bytes &&
			    tw_dsack_covers(a, &d->pkt[k - 1]))
				o = (long)k - 1;
		if (o >= 0 && !(d->pkt[o].marks & TW_MARKS_REPEAT) &&
		    tw_original_of(d, (size_t)o, &gap) < 0 && !gap)
			return true;
	}
	return false;
}

int tw_repeat_needed(const struct tw_dossier *d, size_t i, long original, bool doubled,
		     const struct tw_pkt **ack, bool *echoed)
{
	const struct tw_pkt *p = &d->pkt[i], *o = original >= 0 ? &d->pkt[original] : NULL;
	const uint32_t end = p->seq + p->payload_bytes;
	size_t k, stop = i + TW_REPEATS_LOOK < d->pkt_count ? i + TW_REPEATS_LOOK : d->pkt_count;
	int verdict = -1;
	/* nothing else that the echo could be of: new data of the same tick */
	bool alone = !i || !brings_new(&d->pkt[i - 1], p), covered = false, filled = false,
	     again = false;

	*echoed = false;
	if (p->marks & TW_MARK_SPURIOUS)
		return 0;
	for (k = i + 1; k < stop; k++) {
		const struct tw_pkt *a = &d->pkt[k];

		if (a->gap) /* before the first ACK of it: that one may be missing */
			return verdict;
		alone &= !brings_new(a, p);
		again |= a->side == p->side && a->seq == p->seq && a->marks & TW_MARKS_REPEAT;
		if (!tw_counts(a) || a->side == p->side || !(a->flags & TW_ACK) ||
		    a->flags & TW_RST)
			continue;
		if (tw_dsack_covers(a, p)) {
			/* it had filled the hole, and what came twice then was another copy */
			if (filled && (doubled || again))
				return verdict;
			*ack = a;
			return 0;
		}
		if (covered || tw_seq_lt(a->ack, end))
			continue;
		*ack = a;
		covered = true;
		verdict = 1;
		if (o && o->options & TW_OPT_TIMESTAMPS && a->options & TW_OPT_TIMESTAMPS &&
		    o->tsval != p->tsval) {
			*echoed = alone && a->tsecr == p->tsval;
			filled = a->tsecr == p->tsval && is_echoed_by(d, k, p);
			if (tw_seq_lt(a->tsecr, p->tsval))
				verdict = is_echoed_by(d, k, p) ? 0 : -1;
		}
	}
	return verdict;
}

/*
 * Does the repeat @p bring less than its original @o brought in one packet? Offload makes one record of many
 * packets: then the MSS is what each of them had; unknown, it cannot be told.
 */
bool tw_cut_smaller(const struct tw_pkt *o, const struct tw_pkt *p, int64_t mss)
{
	const int64_t was = mss && o->payload_bytes > mss ? mss : o->payload_bytes;

	return was >= CUT_FROM_BYTES && was <= ONE_PACKET_BYTES &&
	       (int64_t)p->payload_bytes * 10 < was * 9;
}

long tw_overtaker(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	const struct tw_end *to = &d->end[!p->side];
	const bool edge_known =
		to->right_edge_set && to->saw_syn_options && d->end[p->side].saw_syn_options;
	size_t k, stop = i > TW_REPEATS_LOOK ? i - TW_REPEATS_LOOK : 0;
	long found = -1;

	for (k = i; k > stop && !d->pkt[k].gap; k--) {
		const struct tw_pkt *q = &d->pkt[k - 1];

		if (!tw_counts(q) || q->side != p->side || !tw_pkt_seq_len(q) || q->flags & TW_RST)
			continue;
		/* no true sender goes so far beyond the window: that one overtook nothing */
		if (edge_known && tw_seq_gt(q->seq, to->right_edge))
			continue;
		if (!tw_seq_lt(q->seq, p->seq + p->payload_bytes))
			found = (long)k - 1;
	}
	return found;
}

/* Does @ack acknowledge what @repeat carries, and echo what was sent before that? */
static bool answers_original(const struct tw_pkt *ack, const struct tw_pkt *repeat)
{
	return ack->options & repeat->options & TW_OPT_TIMESTAMPS &&
	       tw_seq_lt(ack->tsecr, repeat->tsval) && !(ack->marks & TW_MARK_DSACK) &&
	       tw_seq_ge(ack->ack, tw_pkt_end(repeat));
}

/*
 * The repeat @i was needless, as the D-SACK in @ack says; but was it the one that drew it? A copy that arrives
 * is answered at once. So where the timer ran out again before, and nothing had acknowledged the data until
 * then, this copy or its answer was lost, as was the ACK of the original. Unless the first ACK is that of the original, by the
 * timestamp that it echoes: then all of them came late.
 */
bool tw_went_unheard(const struct tw_dossier *d, size_t i, const struct tw_pkt *ack)
{
	const struct tw_pkt *p = &d->pkt[i];
	const size_t end = (size_t)(ack - d->pkt);
	bool again = false;
	size_t k;

	for (k = i + 1; k < end; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (!tw_counts(q))
			continue;
		if (q->side != p->side && q->flags & TW_SYN)
			continue;
		if (q->side != p->side && q->flags & TW_ACK)
			return again &&
			       !answers_original(q, p); /* or the answer, before the D-SACK */
		again |= q->side == p->side && q->seq == p->seq && q->marks & TW_MARK_TIMED_OUT;
	}
	return again;
}

/*
 * Do neither clock nor ids tell which of two copies was sent first, but the first filled a hole at @o and was acknowledged
 * before the second came at @i, sooner than any timer? Nobody repeats what is acknowledged: that one was under way all the
 * time. What comes at once, or with the same timestamp, is the first one again.
 */
bool tw_is_late_copy(const struct tw_dossier *d, size_t o, size_t i)
{
	const struct tw_pkt *p = &d->pkt[o], *q = &d->pkt[i];
	const int64_t after_ns = q->time_ns - p->time_ns;
	size_t k;

	if (tw_order_of(p, q) || tw_same_packet(p, q) || p->options & TW_OPT_TIMESTAMPS ||
	    p->seq != q->seq || after_ns < TW_SWAPPED_NS || after_ns >= TW_TCP_RTO_MIN_NS ||
	    tw_overtaker(d, o) < 0)
		return false;
	for (k = o + 1; k < i && !d->pkt[k].gap; k++)
		if (tw_counts(&d->pkt[k]) && d->pkt[k].side != p->side &&
		    d->pkt[k].flags & TW_ACK && tw_seq_ge(d->pkt[k].ack, tw_pkt_end(p)))
			return true;
	return false;
}

const struct tw_pkt *tw_late_original(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	size_t k, stop = i + TW_REPEATS_LOOK < d->pkt_count ? i + TW_REPEATS_LOOK : d->pkt_count;

	for (k = i + 1; k < stop && !d->pkt[k].gap; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (tw_counts(q) && q->side == p->side && q->payload_bytes &&
		    !(q->flags & TW_RST) && tw_seq_in(p->seq, q->seq, q->seq + q->payload_bytes) &&
		    (tw_sent_before(q, p) || tw_is_late_copy(d, i, k)))
			return q;
	}
	return NULL;
}

/* The bytes of @i come once more, sent later by the timestamp: that is the repeat, and its clock has ticked since @i. */
bool tw_repeated_later(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	size_t k, stop = i + TW_REPEATS_LOOK < d->pkt_count ? i + TW_REPEATS_LOOK : d->pkt_count;

	for (k = i + 1; k < stop && !d->pkt[k].gap; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (tw_counts(q) && q->side == p->side && q->payload_bytes && q->seq == p->seq &&
		    p->options & q->options & TW_OPT_TIMESTAMPS && p->tsval != q->tsval)
			return tw_sent_before(p, q);
	}
	return false;
}

/*
 * Is @p below all that the capture saw of its side from a start in mid-connection? Then its original was sent
 * before that, lost or not; its base may come from an ACK of the other end, which stands below what is in flight.
 */
bool tw_sent_before_start(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const uint32_t end = p->seq + p->payload_bytes;
	size_t i;

	if (d->completeness & 1)
		return false;
	if (tw_seq_le(p->seq, d->end[p->side].base_seq))
		return true;
	for (i = 0; i < d->pkt_count && d->pkt[i].frame < p->frame; i++)
		if (tw_counts(&d->pkt[i]) && d->pkt[i].side == p->side &&
		    tw_pkt_seq_len(&d->pkt[i]))
			return tw_seq_le(end, d->pkt[i].seq);
	return false;
}

bool tw_is_from_before(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_pkt *q;

	for (q = d->pkt; q < p && !d->end[p->side].isn_seen; q++)
		if (tw_counts(q) && q->side == p->side && q->payload_bytes)
			return tw_seq_gt(q->seq, tw_pkt_end(p) + FAR_BELOW) &&
			       q->options & p->options & TW_OPT_TIMESTAMPS &&
			       tw_seq_gt(q->tsval, p->tsval);
	return false;
}
