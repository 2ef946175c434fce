/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about silence: data that stays unacknowledged to the end, and what size it had.
 *
 *      this end                              silent end
 *        |--data------------------------->X    |   first unanswered segment
 *        |--data (repeat)---------------->X    |   UNANSWERED_REPEATS, _LADDER, _SPAN
 *        |<-----------------data, old ack------|   PEER_SPOKE_AFTER: it lives, our data does not arrive
 *        |--RST------------------------------->|   PEER_SPOKE_AFTER_RST: our kernel had given up
 *        |<-----------------the same again------|   RSTS_UNHEARD: that RST did not arrive either
 */
#include "facts/view.h"

#define LADDER_TIMES   32
#define CLOCK_STEP_NS  (100 * TW_NS_PER_MS) /* so much earlier: the clock was set back in between */
#define JUMBO          9000
#define ETHERNET       1448
#define ANSWERED_NS    (200 * TW_NS_PER_MS) /* sooner than the next repeat, on a short path */
#define FULL_SIZE_LOSS 3 /* repeats of one full-size segment that count as "these do not pass" */

/* The first payload segment of @side that is not acknowledged at the end, -1 if all is. */
static long first_unanswered(const struct tw_dossier *d, const struct tw_snapshot *s, int side)
{
	const struct tw_snapshot_end *to = &s->end[!side];
	uint32_t acked = to->acked_set ? to->acked : d->end[side].base_seq + 1;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (tw_counts(p) && p->side == side && p->payload_bytes && !(p->flags & TW_RST) &&
		    !(p->marks & (TW_MARK_KEEPALIVE | TW_MARK_ZERO_PROBE)) &&
		    tw_seq_gt(p->seq + p->payload_bytes, acked))
			return (long)i;
	}
	return -1;
}

struct repeats {
	int64_t count;
	const struct tw_pkt *first, *last;
	uint32_t largest, smallest;
	int64_t times[LADDER_TIMES];
	size_t kept;
	int64_t since_ns; /* what was sent then is the first that nothing answers */
};

/* The other end's ACK that was the last to take anything, if it is behind record @from; else @from. */
static size_t last_advance(const struct tw_dossier *d, int side, size_t from, uint32_t acked)
{
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (tw_counts(p) && p->side != side && p->flags & TW_ACK && p->ack == acked)
			return i > from ? i : from;
	}
	return from;
}

/*
 * Repeats of what lies behind the acknowledged part, from record @from on. Those before the last ACK that takes
 * anything had an answer, be it of a part of them.
 */
static void walk_repeats(const struct tw_dossier *d, int side, size_t from, uint32_t acked,
			 struct repeats *r)
{
	const size_t advance = last_advance(d, side, from, acked);
	const uint32_t head = d->pkt[from].seq;
	size_t i;

	r->since_ns = d->pkt[from].time_ns;
	r->largest = r->smallest = d->pkt[from].payload_bytes;
	for (i = from; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->side != side || !p->payload_bytes || p->flags & TW_RST ||
		    tw_seq_le(p->seq + p->payload_bytes, acked))
			continue;
		if (p->payload_bytes > r->largest)
			r->largest = p->payload_bytes;
		if (i != from && p->seq == head && r->kept < LADDER_TIMES)
			r->times[r->kept++] = p->time_ns;
		if (i == from)
			r->times[r->kept++] = p->time_ns;
		if (!(p->marks & TW_MARKS_REPEAT))
			continue;
		if (i < advance) {
			r->since_ns = d->pkt[advance].time_ns;
			continue;
		}
		if (p->payload_bytes < r->smallest)
			r->smallest = p->payload_bytes;
		r->count++;
		if (!r->first)
			r->first = p;
		r->last = p;
	}
}

/* Whoever gets a reset repeats nothing any more. What it sends within a round trip may have been on its way. */
static void unheard_fact(struct tw_view *v, int side, const struct tw_pkt *rst, int64_t soon)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p, *first = NULL;
	int64_t n = 0;

	for (p = rst; p && p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p))
			continue;
		if (p->side == side && (p->flags & (TW_RST | TW_ACK)) == TW_RST) {
			rst = p;
		} else if (rst && p->side != side && p->marks & TW_MARKS_REPEAT &&
			   p->time_ns - rst->time_ns > soon) {
			rst = NULL;
			first = first ? first : p;
			n++;
		}
	}
	tw_from(v, TW_F_RSTS_UNHEARD, n, first);
}

static void peer_after(struct tw_view *v, int side, size_t from, uint32_t acked)
{
	const struct tw_dossier *d = v->d;
	int64_t soon = v->rtt[side], n = 0;
	const struct tw_pkt *first = NULL, *rst = NULL;
	size_t i;

	if (soon < 10 * TW_NS_PER_MS)
		soon = 10 * TW_NS_PER_MS;
	for (i = from; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || (p->time_ns - d->pkt[from].time_ns <= soon &&
				      p->time_ns - d->pkt[from].time_ns > -CLOCK_STEP_NS))
			continue;
		if (p->side == side) {
			if (n && !rst && (p->flags & (TW_RST | TW_ACK)) == TW_RST)
				rst = p;
			continue;
		}
		if (p->flags & TW_RST || !(p->flags & TW_ACK) || tw_seq_gt(p->ack, acked))
			continue;
		if (!p->payload_bytes && !(p->flags & TW_FIN) && !(p->marks & TW_MARK_KEEPALIVE))
			continue;
		n++;
		if (!first)
			first = p;
	}
	tw_from(v, TW_F_PEER_SPOKE_AFTER, n, first);
	tw_from(v, TW_F_PEER_SPOKE_AFTER_RST, rst != NULL, rst);
	unheard_fact(v, side, rst, soon);
}

/*
 * What one segment of @bytes is on the wire: a capture on a host with segmentation offload shows
 * several as one. Without a handshake the MSS is unknown; then only what no link carries is taken for
 * several.
 */
static uint32_t on_wire(const struct tw_view *v, int side, uint32_t bytes)
{
	int64_t mss = tw_get(v->f, side ? TW_F_MSS_S : TW_F_MSS_C);

	if (!mss && bytes > JUMBO)
		mss = ETHERNET;
	return mss && bytes > mss ? (uint32_t)mss : bytes;
}

/* Is all that @side sent behind the head @from, up to the record @to, smaller? */
static bool rest_is_small(const struct tw_dossier *d, int side, size_t from, size_t to,
			  uint32_t large)
{
	bool any = false;
	size_t k;

	for (k = from + 1; k < to; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (!tw_counts(q) || q->side != side || !q->payload_bytes ||
		    q->seq == d->pkt[from].seq)
			continue;
		if (q->payload_bytes * 10 >= large * 9)
			return false;
		any = true;
	}
	return any;
}

/*
 * Are the repeats of the head @from answered, each by an ACK that stands? Then they arrive, and are refused: their size
 * is not the reason.
 */
static bool repeats_answered(const struct tw_dossier *d, int side, size_t from)
{
	const struct tw_pkt *head = &d->pkt[from], *repeat = NULL;
	unsigned n = 0;
	size_t i;

	for (i = from + 1; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side == side) {
			repeat = p->payload_bytes && p->seq == head->seq ? p : NULL;
			continue;
		}
		n += repeat && tw_pure_ack(p) && tw_seq_le(p->ack, head->seq) &&
		     p->time_ns - repeat->time_ns < ANSWERED_NS;
		repeat = NULL;
	}
	return n >= 2;
}

/*
 * Small segments that passed while the unanswered ones did not: acknowledged or SACKed after them. Without SACK a
 * duplicate ACK says that something came from behind the hole, and where all of that is small, it was small.
 */
static const struct tw_pkt *small_passed(const struct tw_dossier *d, int side, size_t from,
					 size_t to, uint32_t large)
{
	size_t i, k;

	if (repeats_answered(d, side, from))
		return NULL;
	for (i = from; i < to; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->side == side)
			continue;
		if (!(d->end[!side].syn_options & d->end[side].syn_options &
		      TW_OPT_SACK_PERMITTED) &&
		    p->marks & TW_MARK_DUP_ACK && rest_is_small(d, side, from, i, large))
			return p;
		for (k = p->sack_count ? from : i; k < i; k++) {
			const struct tw_pkt *q = &d->pkt[k];

			if (q->side == side && q->payload_bytes &&
			    q->payload_bytes * 10 < large * 9 &&
			    tw_seq_ge(q->seq, p->sack[0].left) &&
			    tw_seq_le(q->seq + q->payload_bytes, p->sack[0].right))
				return p;
		}
	}
	return NULL;
}

/* What the other end has of the data of @side behind @acked, by its last word. */
static void sacked_fact(struct tw_view *v, int side, uint32_t acked, const struct tw_pkt *head)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *last = NULL;
	uint32_t bytes = 0;
	unsigned k;
	size_t i;

	for (i = 0; i < d->pkt_count; i++)
		if (tw_counts(&d->pkt[i]) && d->pkt[i].side != side && d->pkt[i].sack_count &&
		    d->pkt[i].ack == acked)
			last = &d->pkt[i];
	for (k = 0; last && k < last->sack_count; k++)
		if (tw_seq_gt(last->sack[k].left, acked))
			bytes += tw_above(last->sack[k].right, last->sack[k].left);
	for (i = 1; !last && i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i], *q = p - 1;

		/* without SACK: the same ACK at once, when something from behind the hole was sent */
		if (tw_counts(p) && p->side != side && tw_pure_ack(p) && p->ack == acked &&
		    tw_counts(q) && q->side == side && !(q->marks & TW_MARKS_REPEAT) &&
		    tw_pkt_seq_len(q) && tw_seq_gt(q->seq, acked) && q->time_ns > head->time_ns &&
		    p->time_ns - q->time_ns < ANSWERED_NS) {
			bytes = tw_pkt_seq_len(q);
			last = p;
		}
	}
	tw_from(v, TW_F_UNANSWERED_SACKED, bytes, last);
}

/*
 * Copies of the head @u that came here with a wrong checksum each, while what else its end sends is right. Offload fills
 * sums in on the sender's own host only; and a tool that rewrote the capture would have spoiled others, too.
 */
static void garbled_fact(struct tw_view *v, int side, const struct tw_pkt *u, uint32_t acked)
{
	const bool away = tw_is(v->f, TW_F_VANTAGE, TW_VANTAGE_MIDDLE) ||
			  tw_is(v->f, TW_F_VANTAGE, side ? TW_VANTAGE_CLIENT : TW_VANTAGE_SERVER);
	const struct tw_end *e = &v->d->end[side];
	const struct tw_pkt *p, *first = NULL;
	int64_t n = 0;

	for (p = v->d->pkt; away && p < v->d->pkt + v->d->pkt_count; p++) {
		if (p->side != side || !p->payload_bytes || p->marks & TW_MARK_SECOND_COPY)
			continue;
		if (p->checksum == TW_CSUM_BAD ? tw_seq_le(tw_pkt_end(p), acked)
					       : p->seq == u->seq) {
			n = 0;
			break;
		}
		n += p->seq == u->seq;
		first = first || p->seq != u->seq ? first : p;
	}
	if (e->good_checksums < 2 || v->d->end[!side].bad_checksums)
		n = 0;
	tw_from(v, TW_F_UNANSWERED_GARBLED, n, n ? first : NULL);
}

static void unanswered_facts(struct tw_view *v, const struct tw_snapshot *s, int side,
			     uint32_t bytes)
{
	const struct tw_dossier *d = v->d;
	const struct tw_snapshot_end *to = &s->end[!side];
	uint32_t acked = to->acked_set ? to->acked : d->end[side].base_seq + 1;
	long u = first_unanswered(d, s, side);
	struct repeats r = { 0 };
	const struct tw_pkt *small;
	size_t i;
	long prev = -1;

	if (u < 0)
		return;
	walk_repeats(d, side, (size_t)u, acked, &r);
	tw_from(v, TW_F_UNANSWERED_SIDE, side, &d->pkt[u]);
	tw_from(v, TW_F_UNANSWERED_BYTES, bytes, &d->pkt[u]);
	if (s->end[side].last_payload >= 0)
		tw_from(v, TW_F_UNANSWERED_FOR_NS,
			d->last_ns - d->pkt[s->end[side].last_payload].time_ns, NULL);
	if (to->window_set)
		tw_from(v, TW_F_UNANSWERED_WINDOW, to->window_bytes, NULL);
	tw_from(v, TW_F_UNANSWERED_REPEATS, r.count, r.first);
	tw_from(v, TW_F_UNANSWERED_SPAN_NS, r.last ? r.last->time_ns - r.since_ns : 0,
		r.last ? r.last : &d->pkt[u]);
	tw_from(v, TW_F_UNANSWERED_LADDER, tw_ladder_of(r.times, r.kept), r.last);
	tw_from(v, TW_F_UNANSWERED_LARGEST, r.largest, NULL);
	tw_from(v, TW_F_UNANSWERED_SMALLEST, r.smallest, NULL);
	for (i = (size_t)u; i > 0 && prev < 0; i--)
		if (tw_counts(&d->pkt[i - 1]))
			prev = (long)i - 1;
	if (prev >= 0 && !tw_gap_between(d, (size_t)prev, (size_t)u))
		tw_from(v, TW_F_UNANSWERED_IDLE_BEFORE_NS, d->pkt[u].time_ns - d->pkt[prev].time_ns,
			&d->pkt[u]);
	garbled_fact(v, side, &d->pkt[u], acked);
	peer_after(v, side, (size_t)u, acked);
	sacked_fact(v, side, acked, &d->pkt[u]);
	small = small_passed(d, side, (size_t)u, d->pkt_count, on_wire(v, side, r.largest));
	tw_from(v, TW_F_SMALL_PASSED_AFTER, small != NULL, small);
}

/* Largest payload that @side ever got acknowledged. */
static uint32_t largest_passed(const struct tw_dossier *d, const struct tw_snapshot *s, int side)
{
	const struct tw_snapshot_end *to = &s->end[!side];
	uint32_t best = 0;
	size_t i;

	for (i = 0; to->acked_set && i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (tw_counts(p) && p->side == side && p->payload_bytes > best &&
		    !(p->flags & TW_RST) && tw_seq_le(p->seq + p->payload_bytes, to->acked))
			best = p->payload_bytes;
	}
	return best;
}

/* Is @p one packet of @full bytes, or several in one that are, and no multiple of @less? */
static bool is_as_large(const struct tw_pkt *p, uint32_t full, uint32_t less)
{
	return p->payload_bytes >= full &&
	       (p->payload_bytes == full ||
		(!(p->payload_bytes % full) && p->payload_bytes % less));
}

/*
 * What was @full bytes large and is cut to @less by record @cut, whose first transmission is record @first: do segments of
 * that size pass at other times? Linux cuts after tcp_retries1 repeats whatever they were lost for.
 */
static void cut_facts(struct tw_view *v, int side, size_t first, size_t cut, uint32_t full)
{
	const struct tw_dossier *d = v->d;
	const uint32_t head = d->pkt[first].seq, less = d->pkt[cut].payload_bytes;
	const struct tw_snapshot_end *to = &v->last.end[!side];
	const struct tw_pkt *passed = NULL, *small, *lost = NULL;
	size_t i;

	for (i = 0; i < d->pkt_count && (i < first || !passed); i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->side != side || !p->payload_bytes || p->flags & TW_RST)
			continue;
		if (i > first && i < cut && p->payload_bytes <= less)
			lost = p;
		if (i < first ? p->payload_bytes >= full && tw_seq_le(tw_pkt_end(p), head)
			      : i > cut && is_as_large(p, full, less) && to->acked_set &&
					tw_seq_le(tw_pkt_end(p), to->acked))
			passed = p;
	}
	small = small_passed(d, side, first, cut, full);
	tw_from(v, TW_F_SHRUNK_FULL_PASSED, passed != NULL, passed);
	tw_from(v, TW_F_SHRUNK_SMALL_PASSED, small != NULL, small);
	/* only SACK could have told of it */
	tw_from(v, TW_F_SHRUNK_SMALL_LOST, !small && lost && tw_get(v->f, TW_F_SACK_OK), lost);
}

/* Was @p acknowledged in the end? */
static bool got_through(const struct tw_view *v, const struct tw_pkt *p)
{
	const struct tw_snapshot_end *to = &v->last.end[!p->side];

	return to->acked_set && tw_seq_ge(to->acked, tw_pkt_end(p));
}

/*
 * Full-size segments that stay unanswered, then smaller ones at the same place that pass: the sender's
 * MTU probing (tcp_mtu_probing: tcp_write_timeout -> tcp_mtu_probe) or an ICMP error at work.
 */
static void shrink_facts(struct tw_view *v, int side)
{
	const struct tw_dossier *d = v->d;
	size_t i, k;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *first = &d->pkt[i], *rep = NULL;
		const uint32_t full = on_wire(v, side, first->payload_bytes);
		int64_t repeats = 0;

		if (!tw_counts(first) || first->side != side || first->payload_bytes < 500 ||
		    first->marks & TW_MARKS_REPEAT)
			continue;
		for (k = i + 1; k < d->pkt_count; k++) {
			const struct tw_pkt *p = &d->pkt[k];

			if (p->gap) /* its acknowledgement may be in it */
				break;
			if (!tw_counts(p) || p->flags & TW_RST)
				continue;
			if (p->side != side) {
				if (p->flags & TW_ACK && tw_seq_gt(p->ack, first->seq))
					break;
				continue;
			}
			if (p->seq != first->seq || !(p->marks & TW_MARKS_REPEAT))
				continue;
			if (p->payload_bytes * 10 >= full * 9) {
				repeats++;
				if (!rep)
					rep = p;
			} else if (repeats >= 2 && got_through(v, p)) {
				tw_from(v, TW_F_SEGMENT_SHRUNK, 1, p);
				tw_from(v, TW_F_SHRUNK_TO, p->payload_bytes, p);
				cut_facts(v, side, i, k, full);
				break;
			}
		}
		if (repeats >= FULL_SIZE_LOSS &&
		    repeats > tw_get(v->f, TW_F_FULL_SIZE_LOST_REPEATS))
			tw_from(v, TW_F_FULL_SIZE_LOST_REPEATS, repeats, rep);
		if (tw_get(v->f, TW_F_SEGMENT_SHRUNK))
			return;
	}
}

/* A run of repeats of one acknowledged segment, as long as nothing shows that its sender got further. */
struct vain {
	int64_t n;
	uint32_t seq, ack; /* ack: what the sender acknowledged itself when it began */
	const struct tw_pkt *first, *last;
};

static void note_vain(struct vain *w, const struct tw_pkt *p)
{
	if (p->marks & (TW_MARK_NET_DUPLICATE | TW_MARK_KEEPALIVE) || p->flags & TW_SYN)
		return;
	if ((p->flags & (TW_RST | TW_ACK)) == TW_RST || tw_seq_gt(p->ack, w->ack)) {
		w->n = 0; /* something of the other end got there */
		w->ack = p->ack;
	}
	/* a RST|ACK with nothing new is how a kernel gives up; a FIN that goes out meanwhile has heard nothing either */
	if (!tw_pkt_seq_len(p) || p->flags & TW_RST ||
	    (p->flags & TW_FIN && !p->payload_bytes && !(p->marks & TW_MARKS_REPEAT)))
		return;
	if (!(p->marks & TW_MARK_SPURIOUS) || (p->flags & TW_FIN && !p->payload_bytes)) {
		w->n = 0;
		return;
	}
	if (!w->n || w->seq != p->seq) {
		w->n = 0;
		w->first = p;
		w->seq = p->seq;
	}
	w->n++;
	w->last = p;
}

/*
 * The mirror image of unanswered data: at the receiver its ACKs are seen to leave, and its peer goes on repeating.
 */
static void vain_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	struct vain w[2] = { { .ack = d->end[1].base_seq }, { .ack = d->end[0].base_seq } };
	size_t i;
	int side;

	for (i = 0; i < d->pkt_count; i++)
		if (tw_counts(&d->pkt[i]))
			note_vain(&w[d->pkt[i].side], &d->pkt[i]);
	side = w[1].n > w[0].n;
	tw_from(v, TW_F_REPEATS_IN_VAIN, w[side].n, w[side].n ? w[side].first : NULL);
	if (!w[side].n)
		return;
	tw_from(v, TW_F_REPEATS_IN_VAIN_SIDE, side, w[side].first);
	tw_from(v, TW_F_REPEATS_IN_VAIN_SPAN_NS, w[side].last->time_ns - w[side].first->time_ns,
		w[side].last);
}

/*
 * A reset by the silent end is an answer; one by the end that repeats is not. Nor is one by an end that had got what
 * was small of it, and waited for the rest in vain.
 */
static bool reset_answers(const struct tw_view *v, int side)
{
	uint32_t large;
	long head;

	if (!tw_is(v->f, TW_F_RST_EFFECT, TW_RST_ACCEPTED) || !tw_is(v->f, TW_F_RST_SIDE, !side))
		return false;
	if (tw_get(v->f, TW_F_FULL_SIZE_LOST_REPEATS) < FULL_SIZE_LOSS)
		return true;
	head = first_unanswered(v->d, &v->last, side);
	if (head < 0)
		return true;
	large = on_wire(v, side, v->d->pkt[head].payload_bytes);
	return on_wire(v, side, largest_passed(v->d, &v->last, side)) >= large ||
	       !small_passed(v->d, side, (size_t)head, v->d->pkt_count, large);
}

void tw_derive_silence(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_snapshot *s = &v->last;
	uint32_t un[2];
	int side;

	un[0] = tw_unacked_payload(d, s, 0);
	un[1] = tw_unacked_payload(d, s, 1);
	side = un[0] ? 0 : 1;
	if (un[0] && un[1]) { /* both: the one that tried harder */
		struct repeats r[2] = { { 0 }, { 0 } };
		int k;

		for (k = 0; k < 2; k++) {
			long u = first_unanswered(d, s, k);

			if (u >= 0)
				walk_repeats(d, k, (size_t)u,
					     s->end[!k].acked_set ? s->end[!k].acked
								  : d->end[k].base_seq + 1,
					     &r[k]);
		}
		side = r[1].count > r[0].count;
	}
	tw_from(v, TW_F_FULL_SIZE_LOST_REPEATS, 0, NULL);
	tw_from(v, TW_F_SEGMENT_SHRUNK, 0, NULL);
	vain_facts(v);
	shrink_facts(v, 0);
	if (!tw_get(v->f, TW_F_SEGMENT_SHRUNK))
		shrink_facts(v, 1);
	if (!un[side] || reset_answers(v, side))
		return;
	tw_from(v, TW_F_LARGEST_PASSED, largest_passed(d, s, side), NULL);
	unanswered_facts(v, s, side, un[side]);
}
