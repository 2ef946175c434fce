/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about ends that do not agree on sequence numbers: a device on the path adds to the numbers of one
 * direction and does not take it off in the other (sequence randomisation, a proxy that changed lengths, a
 * failover that lost its offsets). Each end is right by its own books; what gives it away, at either end:
 *
 *	sender            device             receiver
 *	  |-- seq 101 ------|-------------------->|
 *	  |<-- ACK -899 ----|---- ACK 201 --------|   ACK_RETREATS: lower than before, and sent later
 *	  |-- seq 101 again, echoes that ACK ---->|   ACK_NOT_TAKEN: it has read what acknowledged it
 *
 *	  |<-- ACK -899 ----|---- ACK 201 --------|
 *	  |-- ACK without news ------------------>|   ACK_CHALLENGED: it refuses the ACK (RFC 5961 s5), and by that
 *	  |-- seq 101 again --------------------->|   shows that it came (no echo does on Linux up to 6.8)
 *
 *	  |-- seq 101 ------|-- seq 1101 -------->|   BEHIND_HOLE: what lies before it nobody ever sends
 *	  |-- seq 101 ------|-- seq -899 -------->|   BEFORE_START: below its own SYN
 *
 * An ACK above all that was sent is ACKED_NEVER_SENT (oddity.c).
 */
#include "facts/view.h"

#define ANSWER_NS (10 * TW_NS_PER_MS) /* a host is awake, and a queue is short */

struct counted {
	int64_t n;
	const struct tw_pkt *first;
};

static void count(struct counted *c, const struct tw_pkt *p)
{
	if (!c->n++)
		c->first = p;
}

static bool has_timestamps(const struct tw_pkt *p)
{
	return p->options & TW_OPT_TIMESTAMPS;
}

/* What an end acknowledges never goes back: RCV.NXT only grows (RFC 9293 s3.4). */
struct acks {
	bool set;
	uint32_t highest, tsval; /* tsval: of the segment that first said so */
};

static bool retreats(struct acks *a, const struct tw_pkt *p)
{
	if (!(p->flags & TW_ACK) || !has_timestamps(p))
		return false;
	if (!a->set || tw_seq_gt(p->ack, a->highest)) {
		*a = (struct acks){ true, p->ack, p->tsval };
		return false;
	}
	return tw_seq_lt(p->ack, a->highest) && tw_seq_gt(p->tsval, a->tsval);
}

/*
 * @p repeats what was acknowledged, and echoes an ACK that said so? The echo must be newer than all that its peer
 * sent before it acknowledged this, and than all echoes from before: several segments may be of one tick, and not
 * all of them need to be in the capture.
 */
static bool not_taken(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	const uint32_t end = p->seq + p->payload_bytes;
	bool covered = false, newer = false;
	size_t k;

	for (k = 0; k < i; k++) {
		const struct tw_pkt *a = &d->pkt[k];
		const bool own = a->side == p->side;

		if (!tw_counts(a) || !has_timestamps(a) || (a->flags & (TW_ACK | TW_RST)) != TW_ACK)
			continue;
		if (!own && tw_seq_ge(a->ack, end)) {
			covered |= tw_seq_ge(p->tsecr, a->tsval);
			newer |= (a->flags & TW_SYN) != 0; /* its first segment */
			continue;
		}
		if (own && covered)
			continue;
		if (tw_seq_ge(own ? a->tsecr : a->tsval, p->tsecr))
			return false;
		newer = true;
	}
	return covered && newer;
}

/*
 * Does the ACK @c answer the other end's ACK @a, right before it, that covers all up to @end? It says nothing new: no
 * number, no window, no block. And @a is none that asks for an answer (a keepalive's number is one below), nor older
 * by its timestamp than what @c echoes, for which it would be refused as well (RFC 7323 s5.3).
 */
static bool answers_ack(const struct tw_view *v, const struct tw_pkt *c, const struct tw_pkt *a,
			const struct tw_pkt *said, uint32_t end)
{
	const int64_t rtt_ns = v->rtt[a->side], took_ns = c->time_ns - a->time_ns;

	if (!tw_pure_ack(c) || !tw_pure_ack(a) || c->sack_count || tw_seq_lt(a->ack, end) ||
	    tw_seq_lt(c->seq, end) || a->seq != c->ack || c->ack != said->ack ||
	    c->raw_window != said->raw_window || c->gap || a->gap)
		return false;
	if (has_timestamps(c) && has_timestamps(a) && tw_seq_lt(a->tsval, c->tsecr))
		return false;
	return rtt_ns >= 0 && took_ns >= rtt_ns * 3 / 4 && took_ns <= 2 * rtt_ns + ANSWER_NS;
}

/* The answer to an ACK of it, since it was said the last time, that its sender gave before it repeats it by @i; or NULL. */
static const struct tw_pkt *challenge_before(const struct tw_view *v, size_t i)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p = &d->pkt[i], *c, *a, *said;
	const uint32_t end = tw_pkt_end(p);

	for (c = p; c-- > d->pkt;) {
		if (!tw_counts(c) || c->side != p->side)
			continue;
		if (tw_carries(c, p->seq, end) || c->flags & (TW_RST | TW_SYN))
			return NULL;
		for (a = c; a > d->pkt && !tw_counts(--a);)
			;
		for (said = a; said > d->pkt && !(tw_counts(said) && said->side == p->side); said--)
			;
		if (a < c && a->side != p->side && said->side == p->side &&
		    answers_ack(v, c, a, said, end))
			return c;
	}
	return NULL;
}

/* Data, or a SACK block of the other end, at a place before the first byte of the connection. */
static bool before_start(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_end *me = &d->end[p->side], *to = &d->end[!p->side];

	if (me->isn_seen && p->payload_bytes && !(p->flags & TW_SYN) &&
	    tw_seq_lt(p->seq, me->base_seq))
		return true;
	return to->isn_seen && p->sack_count && tw_seq_lt(p->sack[0].left, to->base_seq);
}

/*
 * Repeats by the timer of data in front of which bytes are missing that nobody ever sends. A sender repeats
 * from the first missing byte on (RFC 6298 s5.4); only a tail-loss probe is the last.
 */
static void hole_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const int side = (int)tw_get(v->f, TW_F_UNANSWERED_SIDE);
	const struct tw_snapshot_end *to = &v->last.end[!side];
	const uint64_t frame = tw_frame_of(v->f, TW_F_UNANSWERED_SIDE);
	const struct tw_pkt *head = NULL;
	struct counted c = { 0 };
	bool missed = false; /* by the receiver, as it says: else the capture may have */
	size_t i;

	if (!tw_known(v->f, TW_F_UNANSWERED_SIDE) || !to->acked_set || !d->end[side].isn_seen)
		return;
	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (p->gap)
			return;
		missed |= tw_counts(p) && p->side != side && head && p->flags & TW_ACK &&
			  p->ack == to->acked;
		if (!tw_counts(p) || p->side != side || !p->payload_bytes)
			continue;
		if (tw_seq_le(p->seq, to->acked) && tw_seq_gt(tw_pkt_end(p), to->acked))
			return; /* the first missing byte was sent */
		if (p->frame == frame)
			head = p;
		else if (head && p->seq == head->seq && p->marks & TW_MARK_TIMED_OUT)
			count(&c, p);
	}
	tw_from(v, TW_F_BEHIND_HOLE, missed ? c.n : 0, c.first);
}

/* Had the sender of the repeat @i an ACK that covers it? Either sign tells. */
static bool look_at_repeat(struct tw_view *v, size_t i, struct counted *ignored,
			   struct counted *refused)
{
	const struct tw_pkt *p = &v->d->pkt[i];
	const struct tw_pkt *c = challenge_before(v, i);
	const bool echoed = has_timestamps(p) && not_taken(v->d, i);

	if (echoed)
		count(ignored, p);
	if (c)
		count(refused, c);
	return echoed || c;
}

void tw_derive_numbers(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	struct counted retreat = { 0 }, ignored = { 0 }, before = { 0 }, refused = { 0 };
	struct acks acks[2] = { { 0 } };
	bool stuck[2] = { false, false };
	/* What speaks after the close need not be who closed: a cookie may have made a new end of a stray. */
	const uint64_t closed =
		tw_get(v->f, TW_F_CLOSED_CLEAN) ? tw_frame_of(v->f, TW_F_CLOSED_CLEAN) : UINT64_MAX;
	size_t i;

	for (i = 0; i < d->pkt_count && d->pkt[i].frame <= closed; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->flags & TW_SYN) /* what was said before belongs to an older connection */
			acks[0].set = acks[1].set = false;
		if (retreats(&acks[p->side], p))
			count(&retreat, p);
		if (p->payload_bytes && p->marks & TW_MARK_SPURIOUS && !d->dropped &&
		    !(p->marks & (TW_MARK_KEEPALIVE | TW_MARK_NET_DUPLICATE))) {
			stuck[p->side] |= look_at_repeat(v, i, &ignored, &refused);
		} else if (tw_pkt_seq_len(p) && !(p->marks & TW_MARKS_REPEAT)) {
			stuck[p->side] = false;
		}
		if (before_start(d, p))
			count(&before, p);
	}
	tw_from(v, TW_F_ACK_RETREATS, retreat.n, retreat.first);
	tw_from(v, TW_F_ACK_NOT_TAKEN, ignored.n, ignored.first);
	tw_from(v, TW_F_ACK_CHALLENGED, refused.n, refused.first);
	tw_from(v, TW_F_ACK_NOT_TAKEN_LAST, stuck[0] || stuck[1],
		ignored.first ? ignored.first : refused.first);
	tw_from(v, TW_F_BEFORE_START, before.n, before.first);
	hole_fact(v);
}
