/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about loss and reordering. A repeat does not prove a loss; what came back does (repeats.c).
 *
 * At the receiver's side the original may never be seen: a hole that is filled by a segment newer (timestamp,
 * IP id) than what came after the hole was repeated; one that is older was overtaken.
 *
 * Where records were dropped (a very long connection), no search crosses the gap: what cannot be told without
 * them is not counted.
 */
#include "facts/repeats.h"

#define ACK_WAITS_NS      (TW_NS_PER_S / 2) /* no ACK is delayed for longer (RFC 9293 s3.8.6.3) */
#define TICKS_SURE        3                 /* a clock has ticked after so many of its ticks */
#define TICKS_KNOWN       10                /* over so many its rate is known */
#define MSS_DEFAULT_BYTES 536               /* RFC 9293 s3.7.1 */

struct loss_walk {
	int64_t lost[2], spurious[2], spurious_late, lost_before, reordered, fast, stall,
		reorder_delay;
	int64_t unwanted;
	const struct tw_pkt *first_unwanted;
	int64_t doubtful, answered, delayed, reopened, refused_stall, by_time, cut, unheard, unread;
	int64_t rtt[2]; /* smallest, from here to the other end of each side's data */
	int64_t mss[2];
	int64_t tick_ns[2];             /* of each side's timestamps; 0: not known */
	const struct tw_snapshot *last; /* what was acknowledged at the end */
	bool sack; /* the receiver could report a hole, and (if it is a modern one) a needless repeat */
	bool acks_left_out[2]; /* of each side: see tw_acks_left_out() */
	bool dsack[2];         /* of each side: it has reported a needless repeat */
	bool doubled[2];       /* of each side: see tw_is_doubled() */
	bool coarse;           /* the clock: shorter durations than this are not known */
	bool before_both;      /* what was lost before this point is of both ends */
	uint32_t before_largest;
	const struct tw_pkt *first_lost[2], *first_spurious[2], *first_before, *first_reordered,
		*first_unheard;
};

static bool is_data_repeat(const struct tw_pkt *p)
{
	return tw_counts(p) && p->payload_bytes && p->marks & TW_MARKS_REPEAT &&
	       !(p->marks & TW_MARK_NET_DUPLICATE) && !(p->flags & (TW_SYN | TW_RST));
}

static void note_late(struct loss_walk *w, const struct tw_pkt *p, int64_t late)
{
	w->reordered++;
	if (!w->first_reordered)
		w->first_reordered = p;
	if (late > w->reorder_delay)
		w->reorder_delay = late;
}

/*
 * Could the sender of record @i know by then that what it sent with @o, or before it, is missing? No timer is so quick,
 * so an ACK in between must have reported a hole; nor does anything come back sooner than the path to it allows (half, for
 * the shortest of a few round trips may all have been slow ones).
 */
static bool could_know(const struct tw_dossier *d, size_t i, size_t o, const struct loss_walk *w)
{
	const int64_t trip = w->rtt[!d->pkt[i].side] / 2;
	size_t k;

	if (d->pkt[i].time_ns - d->pkt[o].time_ns >= (trip > TW_SWAPPED_NS ? trip : TW_SWAPPED_NS))
		return true;
	for (k = o + 1; k < i; k++) {
		const struct tw_pkt *a = &d->pkt[k];

		if (a->side != d->pkt[i].side &&
		    (tw_reports_hole(a) ||
		     (a->marks & (TW_MARK_DUP_ACK | TW_MARK_DSACK)) == TW_MARK_DUP_ACK))
			return true;
	}
	return false;
}

/*
 * Has @i the timestamp of @o, although its sender's clock has ticked since? Then it left with @o, and was late: what is
 * sent again is stamped again (RFC 7323 s3.2).
 */
static bool left_together(const struct tw_dossier *d, size_t i, size_t o, const struct loss_walk *w)
{
	const struct tw_pkt *p = &d->pkt[i], *q = &d->pkt[o];
	const int64_t tick_ns = w->tick_ns[p->side];

	return tick_ns && p->options & q->options & TW_OPT_TIMESTAMPS && p->tsval == q->tsval &&
	       p->time_ns - q->time_ns > TICKS_SURE * tick_ns;
}

/* Is the repeat @i of @o a second sight of it? Then both ends wrote into one file, unsorted. A coarse clock does not tell. */
static bool seen_again(const struct tw_dossier *d, size_t i, size_t o, const struct loss_walk *w)
{
	return !w->coarse && (!could_know(d, i, o, w) || left_together(d, i, o, w));
}

static void note_unwanted(const struct tw_dossier *d, long o, const struct tw_pkt *ack,
			  struct loss_walk *w)
{
	const struct tw_pkt *a = o >= 0 ? tw_unwanted(d, (size_t)o, ack) : NULL;

	w->unwanted += a != NULL;
	if (a && !w->first_unwanted)
		w->first_unwanted = a;
}

/*
 * May the repeat @i of @o have been faster than the ACK of its original? Of less than two full segments the ACK may wait
 * for half a second, longer than the shortest timer of Linux; lwIP's for a quarter. A timestamp does not tell: the
 * echo is that of the last copy that came before the ACK (RFC 7323 s4.3), only a D-SACK does. But whatever the
 * receiver sends carries its ACK: what it said since, two round trips behind the original and more, would have told.
 */
static bool may_be_delayed(const struct tw_dossier *d, size_t i, size_t o,
			   const struct loss_walk *w)
{
	const struct tw_pkt *p = &d->pkt[i];
	const int64_t mss = w->mss[p->side] ? w->mss[p->side] : MSS_DEFAULT_BYTES;
	const int64_t rtt = w->rtt[p->side];
	uint32_t sent = tw_pkt_end(p);
	size_t k, stop = o > TW_REPEATS_LOOK ? o - TW_REPEATS_LOOK : 0;

	if (!d->end[0].saw_syn_options || !d->end[1].saw_syn_options || w->dsack[!p->side] ||
	    !(p->marks & TW_MARK_TIMED_OUT) || p->time_ns - d->pkt[o].time_ns >= ACK_WAITS_NS)
		return false;
	for (k = i; k > stop && !d->pkt[k].gap; k--) {
		const struct tw_pkt *q = &d->pkt[k - 1];

		if (!tw_counts(q) || q->flags & TW_RST)
			continue;
		if (q->side != p->side && q->flags & TW_ACK)
			return tw_seq_diff(sent, q->ack) < 2 * mss &&
			       (rtt < 0 ||
				q->time_ns - d->pkt[o].time_ns <= 2 * rtt + TW_NS_PER_MS);
		if (q->side == p->side && tw_seq_gt(tw_pkt_end(q), sent))
			sent = tw_pkt_end(q);
	}
	return false;
}

/* A repeat that was needed, as @ack says; what speaks against it. */
static void note_lost(const struct tw_dossier *d, size_t i, long o, const struct tw_pkt *ack,
		      struct loss_walk *w)
{
	const struct tw_pkt *p = &d->pkt[i];
	const bool delayed = o >= 0 && may_be_delayed(d, i, (size_t)o, w);

	w->lost[p->side]++;
	w->delayed += delayed && !w->sack;
	w->reopened += o >= 0 && tw_was_reopened(d, (size_t)o, ack);
	w->answered += w->sack && o >= 0 &&
		       tw_unexplained_ack(d, (size_t)o, ack, w->rtt[p->side] / 4) != NULL;
	w->doubtful += delayed || w->doubled[p->side] || tw_acks_missing(d, ack) ||
		       (!(p->options & ack->options & TW_OPT_TIMESTAMPS) &&
			(!w->sack || p->marks & TW_MARK_TIMED_OUT));
	w->unread += (ack->options & TW_OPT_CUT) != 0;
	note_unwanted(d, o, ack, w);
	if (!w->first_lost[p->side])
		w->first_lost[p->side] = p;
	if (o >= 0 && ack->time_ns - d->pkt[o].time_ns > w->stall)
		w->stall = ack->time_ns - d->pkt[o].time_ns;
}

/* Cut smaller than what was sent before, and acknowledged up to its own end: no copy before it ended there. */
static bool ends_where_none_did(const struct tw_dossier *d, size_t i, long o,
				const struct tw_pkt *ack, const struct loss_walk *w)
{
	const struct tw_pkt *p = &d->pkt[i];
	size_t k, stop = i > TW_REPEATS_LOOK ? i - TW_REPEATS_LOOK : 0;

	/* of a super-segment each packet ended somewhere */
	if (o < 0 || (w->mss[p->side] && d->pkt[o].payload_bytes > w->mss[p->side]) ||
	    ack->ack != tw_pkt_end(p) || !tw_cut_smaller(&d->pkt[o], p, w->mss[p->side]))
		return false;
	for (k = i; k > stop; k--)
		if (d->pkt[k].gap ||
		    (d->pkt[k - 1].side == p->side && tw_pkt_end(&d->pkt[k - 1]) == ack->ack))
			return false;
	return true;
}

/* @o: its original. */
static void judge_repeat(const struct tw_dossier *d, size_t i, long o, struct loss_walk *w)
{
	const struct tw_pkt *p = &d->pkt[i], *ack = NULL;
	bool echoed;
	int n;

	if (o >= 0 && tw_same_packet(p, &d->pkt[o]))
		return;
	/* seen second, but sent first: the repeat overtook its original */
	if (o >= 0 && (tw_sent_before(p, &d->pkt[o]) || tw_is_late_copy(d, (size_t)o, i))) {
		const long k = tw_overtaker(d, i);

		w->by_time += !tw_sent_before(p, &d->pkt[o]);
		note_late(w, p, p->time_ns - d->pkt[k >= 0 && k < o ? k : o].time_ns);
		return;
	}
	if (o >= 0 && seen_again(d, i, (size_t)o, w))
		return;
	w->cut += o >= 0 && tw_cut_smaller(&d->pkt[o], p, w->mss[p->side]);
	n = tw_repeat_needed(d, i, o, w->doubled[p->side], &ack, &echoed);
	/*
	 * Sooner than the path allows: that ACK answers the original. Half, for the shortest of a few round trips may
	 * all have been slow ones.
	 */
	if (n == 1 && !echoed && ack->time_ns - p->time_ns < w->rtt[p->side] / 2 &&
	    !ends_where_none_did(d, i, o, ack, w))
		n = 0;
	if (n == 1 && w->acks_left_out[!p->side])
		n = -1;
	if (!(p->marks & (TW_MARK_TIMED_OUT | TW_MARK_SPURIOUS)))
		w->fast++;
	if (n == 1 && o >= 0 && tw_was_refused(d, (size_t)o)) {
		if (ack->time_ns - d->pkt[o].time_ns > w->refused_stall)
			w->refused_stall = ack->time_ns - d->pkt[o].time_ns;
	} else if (n == 1) {
		note_lost(d, i, o, ack, w);
	} else if (!n) {
		if (ack && o >= 0 && p->marks & TW_MARK_TIMED_OUT && tw_dsack_covers(ack, p) &&
		    tw_went_unheard(d, i, ack)) {
			w->unheard++;
			if (!w->first_unheard)
				w->first_unheard = p;
		}
		w->spurious[p->side]++;
		if (!w->first_spurious[p->side])
			w->first_spurious[p->side] = ack ? ack : p;
		if (ack && o >= 0 && ack->time_ns - d->pkt[o].time_ns > w->spurious_late)
			w->spurious_late = ack->time_ns - d->pkt[o].time_ns;
	}
}

/* Is @p still unacknowledged when the capture ends? Then nobody knows whether it arrived. */
static bool stays_open(const struct tw_snapshot *last, const struct tw_pkt *p)
{
	const struct tw_snapshot_end *to = &last->end[!p->side], *from = &last->end[p->side];
	const uint32_t end = p->seq + p->payload_bytes;

	return !to->acked_set || (end != to->acked && end - to->acked <= from->next - to->acked);
}

/*
 * A repair takes a round trip at least. Half, for that of the handshake may have been a slow one; but not where both
 * carry the same timestamp: a repeat comes ticks later, as a rule.
 */
static int64_t repair_takes_ns(const struct tw_dossier *d, const struct tw_pkt *p)
{
	if (d->handshake_rtt_ns <= 0)
		return 10 * TW_NS_PER_MS;
	return p->options & TW_OPT_TIMESTAMPS ? d->handshake_rtt_ns : d->handshake_rtt_ns / 2;
}

/*
 * Did record @k stand beyond the window that its receiver had offered, and was it never acknowledged? Nobody takes such a
 * segment, and nothing is missing before it.
 */
static bool was_out_of_window(const struct tw_dossier *d, size_t k, const struct loss_walk *w)
{
	const struct tw_pkt *q = &d->pkt[k];
	const struct tw_snapshot_end *to = &w->last->end[!q->side];
	struct tw_snapshot s;

	if (!to->acked_set || tw_seq_le(tw_pkt_end(q), to->acked) || !d->end[0].saw_syn_options ||
	    !d->end[1].saw_syn_options)
		return false;
	tw_snapshot_take(d, k, &s);
	return s.end[!q->side].window_set && tw_seq_gt(q->seq, s.end[!q->side].right_edge);
}

/*
 * A segment that fills a hole and was not seen before: repeated (its original lost before this point), or
 * late? By timestamp, then by IP id, then by whether a repeat still comes, then by how late it is.
 */
static void judge_filler(const struct tw_dossier *d, size_t i, struct loss_walk *w)
{
	const struct tw_pkt *p = &d->pkt[i], *q;
	long k = tw_overtaker(d, i);
	int64_t late;
	int order;
	bool repeat;

	/* below all that the capture saw from its start in mid-connection: sent before, who knows when */
	if (k < 0 || tw_sent_before_start(d, p) || was_out_of_window(d, (size_t)k, w))
		return;
	q = &d->pkt[k];
	late = p->time_ns - q->time_ns;
	order = tw_order_of(p, q);
	if (!order && (tw_repeated_later(d, i) || left_together(d, i, (size_t)k, w)))
		order = -1;
	repeat = order ? order > 0
		       : late >= repair_takes_ns(d, p) &&
				 (w->coarse || could_know(d, i, (size_t)k, w));
	/* a late original is counted when it comes; what is not acknowledged repaired nothing yet */
	if (repeat && (tw_late_original(d, i) || stays_open(w->last, p)))
		return;
	w->by_time += !order;
	if (repeat) {
		w->lost_before++;
		if (p->payload_bytes > w->before_largest)
			w->before_largest = p->payload_bytes;
		if (!w->first_before)
			w->first_before = p;
		w->before_both |= w->first_before->side != p->side;
		if (late > w->stall)
			w->stall = late;
		return;
	}
	note_late(w, p, late);
}

static bool carries(const struct tw_pkt *p, uint32_t seq)
{
	return tw_seq_le(p->seq, seq) && tw_seq_gt(p->seq + p->payload_bytes, seq);
}

/*
 * Where @side stands at the end with a hole before it: what came behind the hole was seen to arrive, but not what
 * @side waits for; or its last ACK reports it. NULL: no such hole.
 */
static const struct tw_pkt *hole_at_end(const struct tw_dossier *d, const struct tw_snapshot *s,
					int side)
{
	const struct tw_pkt *a = s->end[side].last >= 0 ? &d->pkt[s->end[side].last] : NULL;
	bool behind = false;
	size_t i, stop;

	if (!a || !(a->flags & TW_ACK))
		return NULL;
	if (tw_reports_hole(a))
		return a;
	stop = d->pkt_count > TW_REPEATS_LOOK ? d->pkt_count - TW_REPEATS_LOOK : 0;
	for (i = d->pkt_count; i > stop && !d->pkt[i - 1].gap; i--) {
		const struct tw_pkt *p = &d->pkt[i - 1];

		if (!tw_counts(p) || p->side == side || !p->payload_bytes)
			continue;
		if (carries(p, a->ack))
			return NULL;
		behind |= tw_seq_gt(p->seq, a->ack);
	}
	return behind ? a : NULL;
}

static void reorder_facts(struct tw_view *v, const struct loss_walk *w)
{
	const struct tw_pkt *hole = NULL;
	int side;

	tw_from(v, TW_F_REORDERED, w->reordered, w->first_reordered);
	if (!w->reordered)
		return;
	tw_from(v, TW_F_REORDER_DELAY_NS, w->reorder_delay, w->first_reordered);
	for (side = 0; side < 2 && !hole; side++)
		hole = hole_at_end(v->d, &v->last, side);
	tw_from(v, TW_F_HOLE_OPEN, hole != NULL, hole);
}

/* Does @a echo a timestamp that no segment before it carries? Then the capture missed what it answers. */
static bool echoes_unseen(const struct tw_dossier *d, const struct tw_pkt *a)
{
	const struct tw_pkt *p;

	if (!(a->options & TW_OPT_TIMESTAMPS))
		return false;
	for (p = a; p > d->pkt && a - p < TW_REPEATS_LOOK && !p->gap; p--)
		if (p[-1].side != a->side && p[-1].options & TW_OPT_TIMESTAMPS &&
		    p[-1].tsval == a->tsecr)
			return false;
	return true;
}

/*
 * At the sender: a SACK hole that closes although nothing was repeated into it. The missing segment was
 * overtaken on its way.
 */
static void sack_holes(const struct tw_dossier *d, struct loss_walk *w)
{
	size_t i, k;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *a = &d->pkt[i], *closed = NULL;
		uint32_t left, right;
		bool repeated = false, hole = false, overtook = false;

		if (!tw_counts(a) || !a->sack_count || a->marks & TW_MARK_DSACK ||
		    a->flags & TW_RST)
			continue;
		left = a->ack;
		right = a->sack[0].left;
		if (!tw_seq_gt(right, left))
			continue;
		for (k = i > TW_REPEATS_LOOK ? i - TW_REPEATS_LOOK : 0;
		     k < d->pkt_count && k < i + TW_REPEATS_LOOK; k++) {
			const struct tw_pkt *p = &d->pkt[k];

			if (p->gap && k > i)
				break;
			if (p->gap)
				hole = overtook = false;
			if (!tw_counts(p))
				continue;
			if (k > i && p->side == a->side && p->flags & TW_ACK &&
			    tw_seq_ge(p->ack, right)) {
				closed = p;
				break;
			}
			if (p->side == a->side || !p->payload_bytes)
				continue;
			repeated |= p->marks & (TW_MARKS_REPEAT | TW_MARK_OUT_OF_ORDER) &&
				    tw_seq_lt(p->seq, right) &&
				    tw_seq_gt(p->seq + p->payload_bytes, left);
			if (k < i) { /* or one packet, that its host cuts in order */
				hole |= carries(p, left);
				overtook |= hole && carries(p, right);
			}
		}
		/* both were seen on their way, in order: what was sent before the capture may be a repeat */
		if (closed && !repeated && overtook && !(a->marks & TW_MARK_ACKED_UNSEEN) &&
		    !echoes_unseen(d, closed)) {
			w->reordered++;
			if (!w->first_reordered)
				w->first_reordered = a;
			if (closed->time_ns - a->time_ns > w->reorder_delay)
				w->reorder_delay = closed->time_ns - a->time_ns;
			i = (size_t)(closed - d->pkt);
		}
	}
}

static void run_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	int64_t run[2] = { 0, 0 }, best = 0, dsacks = 0, lone = 0, copies = 0;
	uint32_t seq[2] = { 0, 0 };
	const struct tw_pkt *where = NULL, *first_dsack = NULL, *first_copy = NULL,
			    *first_lone = NULL;
	size_t i, k;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];
		int64_t carried = 0;

		if (p->marks & TW_MARK_NET_DUPLICATE) {
			copies++;
			if (!first_copy)
				first_copy = p;
			continue;
		}
		if (is_data_repeat(p) && p->marks & TW_MARK_TIMED_OUT) {
			run[p->side] =
				run[p->side] && seq[p->side] == p->seq ? run[p->side] + 1 : 1;
			seq[p->side] = p->seq;
			if (run[p->side] > best) {
				best = run[p->side];
				where = p;
			}
		}
		if (!tw_counts(p) || !(p->marks & TW_MARK_DSACK))
			continue;
		dsacks++;
		if (!first_dsack)
			first_dsack = p;
		for (k = i > TW_REPEATS_LOOK ? i - TW_REPEATS_LOOK : 0; k < i; k++) {
			const struct tw_pkt *q = &d->pkt[k];

			/* one byte is what keepalive probes of Windows carry, and their answer is this */
			if (tw_counts(q) && q->side != p->side && q->payload_bytes == 1 &&
			    q->seq == p->sack[0].left && p->sack[0].right - q->seq == 1)
				carried = 2;
			carried += tw_counts(q) && q->side != p->side && q->payload_bytes &&
				   tw_seq_in(p->sack[0].left, q->seq, q->seq + q->payload_bytes);
		}
		if (carried == 1 && i <= TW_REPEATS_LOOK && !tw_gap_between(d, 0, i)) {
			lone++;
			if (!first_lone)
				first_lone = p;
		}
	}
	tw_from(v, TW_F_RTO_REPEATS, best, where);
	tw_from(v, TW_F_DSACK_COUNT, dsacks, first_dsack);
	tw_from(v, TW_F_DSACK_WITHOUT_REPEAT, lone, first_lone);
	tw_from(v, TW_F_NETWORK_DUPLICATES, copies, first_copy);
}

static const struct tw_pkt *first_repeat(const struct tw_dossier *d, int side)
{
	size_t i;

	for (i = 0; i < d->pkt_count; i++)
		if (d->pkt[i].side == side && is_data_repeat(&d->pkt[i]))
			return &d->pkt[i];
	return NULL;
}

/* What was lost before this point of capture. */
static void before_facts(struct tw_view *v, const struct loss_walk *w)
{
	tw_from(v, TW_F_LOST_BEFORE_HERE, w->lost_before, w->first_before);
	if (w->lost_before && !w->before_both)
		tw_from(v, TW_F_LOST_BEFORE_SIDE, w->first_before->side, w->first_before);
	if (w->lost_before)
		tw_from(v, TW_F_LOST_BEFORE_LARGEST, w->before_largest, NULL);
}

/* What is asked of the whole connection before its repeats are judged. */
/* How long a tick of @side's timestamps is; 0: too few were seen. */
static int64_t tick_of(const struct tw_dossier *d, int side)
{
	const struct tw_pkt *first = NULL, *last = NULL, *p;
	int32_t ticks;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p) || p->side != side || p->flags & TW_RST ||
		    !(p->options & TW_OPT_TIMESTAMPS))
			continue;
		first = first ? first : p;
		last = p;
	}
	if (!first || last->time_ns <= first->time_ns)
		return 0;
	ticks = tw_seq_diff(last->tsval, first->tsval);
	return ticks >= TICKS_KNOWN ? (last->time_ns - first->time_ns) / ticks : 0;
}

static void begin(const struct tw_view *v, struct loss_walk *w)
{
	const struct tw_dossier *d = v->d;
	size_t i;
	int side;

	w->sack = tw_get(v->f, TW_F_SACK_OK);
	w->mss[0] = tw_get(v->f, TW_F_MSS_C);
	w->mss[1] = tw_get(v->f, TW_F_MSS_S);
	w->rtt[0] = v->rtt[0];
	w->rtt[1] = v->rtt[1];
	w->last = &v->last;
	w->acks_left_out[0] = tw_acks_left_out(d, 0);
	w->acks_left_out[1] = tw_acks_left_out(d, 1);
	w->coarse = tw_known(v->f, TW_F_CLOCK_COARSE_NS);
	for (i = 0; i < d->pkt_count; i++)
		w->dsack[d->pkt[i].side] |=
			tw_counts(&d->pkt[i]) && d->pkt[i].marks & TW_MARK_DSACK;
	for (side = 0; side < 2; side++) {
		w->tick_ns[side] = tick_of(d, side);
		w->doubled[side] = w->dsack[!side] && tw_is_doubled(d, side);
	}
}

void tw_derive_loss(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	struct loss_walk w = { 0 };
	size_t i;

	begin(v, &w);
	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];
		bool gap;
		long o;

		if (!tw_counts(p) || !p->payload_bytes || p->flags & (TW_RST | TW_SYN) ||
		    p->marks & (TW_MARK_NET_DUPLICATE | TW_MARK_KEEPALIVE) ||
		    tw_repeats_syn_data(d, p))
			continue;
		if (!(p->marks & (TW_MARKS_REPEAT | TW_MARK_OUT_OF_ORDER)))
			continue;
		o = tw_original_of(d, i, &gap);
		if (o >= 0)
			judge_repeat(d, i, o, &w);
		else if (!gap)
			judge_filler(d, i, &w);
	}
	sack_holes(d, &w);
	tw_from(v, TW_F_RETRANSMITTED_C, (int64_t)d->end[0].retransmissions, first_repeat(d, 0));
	tw_from(v, TW_F_RETRANSMITTED_S, (int64_t)d->end[1].retransmissions, first_repeat(d, 1));
	tw_from(v, TW_F_LOST_C, w.lost[0], w.first_lost[0]);
	tw_from(v, TW_F_LOST_S, w.lost[1], w.first_lost[1]);
	tw_from(v, TW_F_LOST_DOUBTFUL, w.doubtful, NULL);
	tw_from(v, TW_F_LOST_UNWANTED, w.unwanted, w.first_unwanted);
	tw_from(v, TW_F_LOST_ANSWERED, w.answered, NULL);
	tw_from(v, TW_F_LOST_OR_DELAYED, w.delayed, NULL);
	tw_from(v, TW_F_LOST_REOPENED, w.reopened, NULL);
	tw_from(v, TW_F_LOST_CUT, w.cut, NULL);
	tw_from(v, TW_F_LOST_ACK_UNREAD, w.unread, NULL);
	tw_from(v, TW_F_FILLED_BY_TIME, w.by_time, NULL);
	if (w.refused_stall)
		tw_from(v, TW_F_REFUSED_STALL_NS, w.refused_stall, NULL);
	tw_from(v, TW_F_SPURIOUS_C, w.spurious[0], w.first_spurious[0]);
	tw_from(v, TW_F_SPURIOUS_S, w.spurious[1], w.first_spurious[1]);
	tw_from(v, TW_F_ANSWERS_LOST, w.unheard, w.first_unheard);
	before_facts(v, &w);
	reorder_facts(v, &w);
	tw_from(v, TW_F_FAST_RETRANSMITS, w.fast, NULL);
	if (w.lost[0] || w.lost[1] || w.lost_before)
		tw_from(v, TW_F_LOSS_STALL_NS, w.stall, NULL);
	if (w.spurious_late)
		tw_from(v, TW_F_SPURIOUS_LATE_NS, w.spurious_late, NULL);
	run_facts(v);
	tw_from(v, TW_F_DUP_ACKS_C, (int64_t)d->end[0].dup_acks, NULL);
	tw_from(v, TW_F_DUP_ACKS_S, (int64_t)d->end[1].dup_acks, NULL);
	tw_from(v, TW_F_UNREPAIRED_BYTES,
		tw_get(v->f, TW_F_FIN2_SEEN)
			? tw_unacked_payload(d, &v->last, 0) + tw_unacked_payload(d, &v->last, 1)
			: 0,
		NULL);
}
