/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which reset ended it, and did its receiver take it?
 *
 * The decisive reset is the first that its receiver accepted; but where an active RST|ACK lies beyond
 * lost data, the receiver challenges it and a bare RST follows (the first one is what happened, the second
 * its echo):
 *
 *      author                                victim
 *        |--100 bytes--------------X           |
 *        |--RST|ACK seq 101------------------->|   beyond RCV.NXT: challenged (RFC 5961 s3.2)
 *        |<-----------------ACK 1--------------|
 *        |--RST seq 1------------------------->|   no socket any more: exact, accepted
 */
#include "facts/decisive.h"
#include "facts/repeats.h"

#define CHALLENGE_NS (400 * TW_NS_PER_MS)
#define ID_NEAR      16 /* ids of neighbours, and not by chance */

long tw_next_of(const struct tw_dossier *d, size_t i, int side)
{
	for (i++; i < d->pkt_count; i++)
		if (tw_counts(&d->pkt[i]) && d->pkt[i].side == side && !(d->pkt[i].flags & TW_RST))
			return (long)i;
	return -1;
}

long tw_rst_challenge(const struct tw_dossier *d, size_t rst, const struct tw_snapshot *s)
{
	int victim = !d->pkt[rst].side;
	long i = tw_next_of(d, rst, victim);
	const struct tw_pkt *p;

	if (i < 0)
		return -1;
	p = &d->pkt[i];
	if (!tw_pure_ack(p) || p->marks & TW_MARK_KEEPALIVE ||
	    p->time_ns - d->pkt[rst].time_ns > CHALLENGE_NS || !s->end[victim].acked_set ||
	    p->ack != s->end[victim].acked || p->seq != s->end[victim].next)
		return -1;
	return i;
}

/* SYN_SENT takes a reset only if it acknowledges its SYN (RFC 9293 s3.10.7.3). */
static enum tw_rst_effect effect_in_syn_sent(const struct tw_snapshot *s, const struct tw_pkt *p)
{
	const struct tw_snapshot_end *victim = &s->end[!p->side];

	if (!(p->flags & TW_ACK))
		return TW_RST_IGNORED;
	return tw_seq_le(p->ack, victim->next) && tw_seq_gt(p->ack, victim->next - 65536) &&
			       p->ack == victim->next
		       ? TW_RST_ACCEPTED
		       : TW_RST_IGNORED;
}

/* Does the receiver of the reset @i acknowledge data that came after it? Then it lives. */
static bool took_more(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *after = NULL;
	size_t k;

	for (k = i + 1; k < d->pkt_count; k++) {
		const struct tw_pkt *p = &d->pkt[k];

		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side == d->pkt[i].side && p->payload_bytes && !after)
			after = p;
		else if (after && p->side != after->side && p->flags & TW_ACK)
			return tw_seq_ge(p->ack, tw_pkt_end(after));
	}
	return false;
}

bool tw_sent_before_rst(const struct tw_pkt *q, const struct tw_pkt *p)
{
	const uint16_t steps = (uint16_t)(p->ip_id - q->ip_id);

	if (q->time_ns - p->time_ns >= TW_SWAPPED_NS || tw_seq_gt(tw_pkt_end(q), p->seq) ||
	    (p->flags & TW_ACK && tw_seq_gt(q->ack, p->ack)))
		return false;
	if (p->ip_id && q->ip_id)
		return steps && steps <= ID_NEAR;
	return p->options & q->options & TW_OPT_TIMESTAMPS && tw_seq_le(q->tsval, p->tsval);
}

/* How far its author had come at the reset @i, of whose last words the capture may hold some behind it. */
static uint32_t reached_by(const struct tw_dossier *d, size_t i,
			   const struct tw_snapshot_end *author)
{
	const struct tw_pkt *p = &d->pkt[i], *q;
	uint32_t next = author->next;

	for (q = p + 1; q < d->pkt + d->pkt_count && q->time_ns - p->time_ns < TW_SWAPPED_NS; q++)
		if (tw_counts(q) && q->side == p->side && !(q->flags & TW_RST) && q->seq == next &&
		    tw_sent_before_rst(q, p))
			next = tw_pkt_end(q);
	return next;
}

enum tw_rst_effect tw_rst_effect_of(const struct tw_dossier *d, size_t i, int64_t *seq_off)
{
	const struct tw_pkt *p = &d->pkt[i];
	const struct tw_snapshot_end *me, *victim;
	struct tw_snapshot s;
	uint32_t expected;

	*seq_off = 0;
	tw_snapshot_take(d, i, &s);
	me = &s.end[p->side];
	victim = &s.end[!p->side];
	if (!me->next_set && victim->next_set && !victim->acked_set)
		return effect_in_syn_sent(&s, p);
	/* what it expected is among the records that were dropped */
	if (victim->acked_set && victim->stale)
		return TW_RST_EFFECT_UNKNOWN;
	if (!me->next_set && !victim->acked_set)
		return took_more(d, i) ? TW_RST_IGNORED : TW_RST_EFFECT_UNKNOWN;
	/* RCV.NXT of the victim: what it has acknowledged, or the data on its way that it is about to */
	expected = victim->acked_set ? victim->acked : me->next;
	if (me->next_set && p->seq == reached_by(d, i, me))
		expected = p->seq;
	*seq_off = tw_seq_diff(p->seq, expected);
	/* what its author had sent right before is among them */
	if (*seq_off > 0 && (!me->next_set || me->stale))
		return TW_RST_EFFECT_UNKNOWN;
	if (victim->acked_set && tw_rst_challenge(d, i, &s) >= 0 && p->seq != victim->acked)
		return TW_RST_CHALLENGED;
	if (!*seq_off)
		return tw_stands_below(d, i) && (!victim->acked_set || tw_repeats_behind(d, i))
			       ? TW_RST_IGNORED
			       : TW_RST_ACCEPTED;
	/* the FIN's own number, where a FIN was received: Linux takes that since 4.10 (tcp_reset_check), others do not */
	if (me->fin >= 0 && *seq_off == -1)
		return tw_repeats_behind(d, i) || tw_is_answered_behind(d, i) ? TW_RST_IGNORED
									      : TW_RST_ACCEPTED;
	if (victim->window_set && *seq_off > 0 && tw_seq_lt(p->seq, victim->right_edge))
		return TW_RST_CHALLENGED;
	return TW_RST_IGNORED;
}

bool tw_rst_victim_goes_on(const struct tw_dossier *d, size_t i)
{
	int victim = !d->pkt[i].side;
	long k = (long)i;

	while ((k = tw_next_of(d, (size_t)k, victim)) >= 0)
		if (d->pkt[k].time_ns - d->pkt[i].time_ns > CHALLENGE_NS ||
		    (d->pkt[k].payload_bytes && !(d->pkt[k].marks & TW_MARKS_REPEAT)))
			return true;
	return false;
}

bool tw_rst_may_be_next(const struct tw_dossier *d, size_t rst)
{
	const struct tw_pkt *p = &d->pkt[rst];
	const bool scaled = d->end[0].saw_syn_options && d->end[1].saw_syn_options;
	const struct tw_snapshot_end *victim;
	struct tw_snapshot s;

	tw_snapshot_take(d, rst, &s);
	victim = &s.end[!p->side];
	if (!victim->acked_set || victim->stale)
		return true;
	if (s.end[p->side].next_set && p->seq == s.end[p->side].next)
		return true;
	if (scaled && victim->window_set)
		return tw_seq_le(p->seq, victim->right_edge + 1);
	return tw_seq_diff(p->seq, victim->acked) <= 1 << 30;
}

/*
 * Its own SYN again, an answer to it, and the ACK for that: did the client pass over the refusal @i? Windows does, twice. Or was
 * the reset its own, for an answer that did not fit, and it connected on? (Not where the new numbers stand below the old ones:
 * all of them look like repeats then.)
 */
static bool was_survived(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *syn = NULL, *taken = NULL;
	size_t k;

	if (!d->end[TW_CLIENT].isn_seen)
		return false;
	for (k = i + 1; k < d->pkt_count; k++) {
		const struct tw_pkt *p = &d->pkt[k];

		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (!syn && p->side)
			return false;
		if (!syn && !tw_is_syn(p))
			return false;
		if (!syn)
			syn = p;
		else if (p->side && p->flags & TW_SYN && p->ack == syn->seq + 1)
			taken = !d->pkt[i].side && p->marks & TW_MARKS_REPEAT ? taken : p;
		else if (taken && !p->side && p->flags & TW_ACK && p->ack == taken->seq + 1)
			return true;
	}
	return false;
}

/*
 * The reset of the socket that the bare one @i came after, and overtook on its way into the capture (two queues of one host):
 * it acknowledges less than what drew the bare one. @i itself if there is none.
 */
static size_t written_first(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	uint32_t sent = 0;
	bool sent_set = false;
	size_t k;

	if (p->flags & TW_ACK)
		return i;
	for (k = 0; k < i; k++)
		if (tw_counts(&d->pkt[k]) && d->pkt[k].side != p->side &&
		    (!sent_set || tw_seq_gt(tw_pkt_end(&d->pkt[k]), sent))) {
			sent = tw_pkt_end(&d->pkt[k]);
			sent_set = true;
		}
	for (k = i + 1; k < d->pkt_count && d->pkt[k].time_ns - p->time_ns < TW_SWAPPED_NS; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (tw_counts(q) && q->side == p->side && q->flags & TW_RST && q->flags & TW_ACK &&
		    q->ttl == p->ttl && q->window_bytes && q->seq == p->seq && sent_set &&
		    tw_seq_lt(q->ack, sent) && !tw_gap_between(d, i, k))
			return k;
	}
	return i;
}

long tw_decisive_rst(const struct tw_view *v, enum tw_rst_effect *effect)
{
	const struct tw_dossier *d = v->d;
	long first = -1, active = -1;
	bool confirms = false; /* the active one was asked for once more */
	enum tw_rst_effect first_effect = TW_RST_EFFECT_UNKNOWN;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		int64_t off;
		enum tw_rst_effect e;

		if (!tw_is_rst(&d->pkt[i]))
			continue;
		e = tw_rst_effect_of(d, i, &off);
		if (e == TW_RST_ACCEPTED && was_survived(d, i)) {
			/* its own ended what was there before: the last word, if no other reset comes */
			if (!d->pkt[i].side && first < 0) {
				first = (long)i;
				first_effect = e;
			}
			continue;
		}
		if (e == TW_RST_ACCEPTED) {
			bool echo = active >= 0 && !(d->pkt[i].flags & TW_ACK) &&
				    d->pkt[active].side == d->pkt[i].side;

			*effect = echo && confirms ? TW_RST_CHALLENGED : e;
			return echo ? active : (long)written_first(d, i);
		}
		if (first < 0) {
			first = (long)i;
			first_effect = e;
		}
		if ((e == TW_RST_CHALLENGED || e == TW_RST_EFFECT_UNKNOWN) &&
		    d->pkt[i].flags & TW_ACK && active < 0 && tw_rst_may_be_next(d, i)) {
			active = (long)i;
			confirms = e == TW_RST_CHALLENGED;
		}
	}
	*effect = first_effect;
	return first;
}
