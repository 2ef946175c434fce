/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about segments that should not be: bad checksums, odd flags, resets that nobody took, and the
 * contradictions that a third party's segments leave behind.
 *
 *      true sender          third party             receiver
 *        |                       |--"evil", seq 5----->|   FOREIGN_SEGMENTS (id, TTL, window)
 *        |<------------------------------ACK 9---------|   ACKED_NEVER_SENT at the true sender
 *        |--"good", seq 5----------------------------->|   CONFLICTING_PAYLOAD at the receiver
 */
#include "facts/decisive.h"
#include "facts/foreign.h"
#include "facts/repeats.h"
#include "facts/view.h"

#define WAR_MIN 6

struct counted {
	int64_t n;
	const struct tw_pkt *first;
};

static void count(struct counted *c, const struct tw_pkt *p)
{
	if (!c->n++)
		c->first = p;
}

static void set(struct tw_view *v, enum tw_fact_id id, const struct counted *c)
{
	tw_from(v, id, c->n, c->first);
}

/*
 * Was the damaged segment @i taken all the same? Its end is acknowledged before anything else was sent at its place: then
 * it was whole when it arrived, and it was the capture that was rewritten (anonymised, edited) without its checksum.
 */
static bool was_taken(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	size_t k;

	for (k = i + 1; k < d->pkt_count && !d->pkt[k].gap && tw_pkt_seq_len(p); k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (q->marks & TW_MARK_SECOND_COPY)
			continue;
		if (q->side == p->side && tw_carries(q, p->seq, tw_pkt_end(p)))
			return false;
		if (q->side != p->side && q->flags & TW_ACK && tw_seq_ge(q->ack, tw_pkt_end(p)))
			return true;
	}
	return false;
}

/* Segments that any receiver drops (see dossier.c: where checksums are wrong as a rule, none is marked). */
static void checksum_fact(struct tw_view *v)
{
	struct counted bad = { 0 };
	size_t i;

	for (i = 0; i < v->d->pkt_count; i++)
		if (v->d->pkt[i].marks & TW_MARK_BAD_CHECKSUM && !was_taken(v->d, i))
			count(&bad, &v->d->pkt[i]);
	set(v, TW_F_BAD_CHECKSUM, &bad);
}

static const struct tw_pkt *first_version(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_pkt *q;

	for (q = d->pkt; q < p; q++)
		if (tw_counts(q) && q->side == p->side && q->seq == p->seq && q->payload_captured)
			return q;
	return NULL;
}

/* The bytes that were here before came with a wrong checksum. */
static bool replaces_damaged(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_pkt *first = first_version(d, p);

	return first && first->checksum == TW_CSUM_BAD;
}

/* The two versions; are both in their sender's own sequence of ids? */
static void conflict_facts(struct tw_view *v, const struct tw_pkt *second)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *first = first_version(d, second);

	tw_from(v, TW_F_CONFLICTING_FIRST, 1, first);
	tw_from(v, TW_F_CONFLICTING_OWN,
		first && first->ip_id && second->ip_id && first->ttl == second->ttl &&
			tw_has_its_place(d, (size_t)(first - d->pkt)) &&
			tw_has_its_place(d, (size_t)(second - d->pkt)),
		second);
}

/* Does the end of the foreign segment @p close below the end of that, by a FIN in its own sequence? */
static void beyond_fin_fact(struct tw_view *v, const struct tw_pkt *p, bool ts)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *q;

	for (q = p + 1; q < d->pkt + d->pkt_count; q++)
		if (tw_counts(q) && q->side == p->side &&
		    (q->flags & (TW_FIN | TW_RST)) == TW_FIN &&
		    tw_seq_le(tw_pkt_end(q), tw_pkt_end(p)) &&
		    !tw_is_foreign(d, (size_t)(q - d->pkt), ts)) {
			tw_from(v, TW_F_FOREIGN_BEYOND_FIN, 1, q);
			return;
		}
}

static void foreign_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const bool ts = tw_get(v->f, TW_F_TIMESTAMPS);
	const uint64_t closed =
		tw_get(v->f, TW_F_CLOSED_CLEAN) ? tw_frame_of(v->f, TW_F_CLOSED_CLEAN) : UINT64_MAX;
	struct counted seg = { 0 }, old = { 0 }, conflict = { 0 }, no_flags = { 0 };
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];
		bool strange;

		if (p->marks & TW_MARK_NO_ACK_FLAG)
			count(&no_flags, p);
		/* what has a wrong checksum was dropped, or rewritten by a tool: its content proves nothing */
		if (!tw_counts(p) || p->flags & (TW_RST | TW_SYN) || p->frame > closed ||
		    p->checksum == TW_CSUM_BAD)
			continue;
		strange = (p->payload_bytes || p->flags & TW_FIN) && tw_is_foreign(d, i, ts);
		if (strange)
			count(p->marks & TW_MARK_SPURIOUS ? &old : &seg, p);
		/* a foreign version of what was acknowledged already harms nobody: it is an old duplicate */
		if (p->marks & TW_MARK_CONFLICT &&
		    !(p->marks & (TW_MARK_KEEPALIVE | TW_MARK_ZERO_PROBE)) &&
		    !(strange && p->marks & TW_MARK_SPURIOUS) && !replaces_damaged(d, p))
			count(&conflict, p);
	}
	set(v, TW_F_NO_FLAGS, &no_flags);
	set(v, TW_F_FOREIGN_SEGMENTS, &seg);
	set(v, TW_F_OLD_DATA_FOREIGN, &old);
	set(v, TW_F_CONFLICTING_PAYLOAD, &conflict);
	if (conflict.n)
		conflict_facts(v, conflict.first);
	if (seg.n || conflict.n) {
		const struct tw_pkt *p = seg.n ? seg.first : conflict.first;

		tw_from(v, TW_F_FOREIGN_SIDE, p->side, p);
		if (seg.n)
			beyond_fin_fact(v, p, ts);
	}
}

/* Is the SYN|ACK @i the one that the client's ACK before it answers? Then the capture swapped the two. */
static bool was_answered_before(const struct tw_dossier *d, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (tw_counts(&d->pkt[k]) && d->pkt[k].side != d->pkt[i].side &&
		    (d->pkt[k].flags & (TW_SYN | TW_RST | TW_ACK)) == TW_ACK)
			return d->pkt[k].ack == d->pkt[i].seq + 1;
	return false;
}

/*
 * Is the bare reset @i what a closed socket answers to a segment that crossed its last words and its FIN, be it only an
 * ACK, or one that comes behind the reset by which the other end had closed it? It stands at the acknowledgement of that
 * segment (RFC 9293 s3.10.7.1), which its receiver has left behind when it arrives.
 */
static bool answers_a_crossing(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *rst = &d->pkt[i];
	bool closed = false, crossed = false;
	size_t k;

	if (rst->flags & TW_ACK)
		return false;
	for (k = 0; k < i; k++) {
		const struct tw_pkt *p = &d->pkt[k];

		if (!tw_counts(p))
			continue;
		if (p->flags & TW_RST)
			closed |= p->side != rst->side;
		else if (p->side == rst->side)
			closed |=
				p->flags & TW_FIN && tw_seq_ge(p->seq + p->payload_bytes, rst->seq);
		else
			crossed |= p->flags & TW_ACK && p->ack == rst->seq;
	}
	return closed && crossed;
}

/* Does the alleged author of @rst, the first reset that was not taken, send on? */
static void went_on_fact(struct tw_view *v, const struct tw_pkt *rst)
{
	const struct tw_pkt *end = v->d->pkt + v->d->pkt_count, *p;

	for (p = rst; p < end; p++) {
		if (!tw_counts(p) || p->side != rst->side || p->flags & TW_RST)
			continue;
		tw_from(v, TW_F_RST_IGNORED_WENT_ON, 1, p);
		return;
	}
}

/* Resets that nobody took, and SYNs in mid-connection. */
static void ignored_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	struct counted rst = { 0 }, syn = { 0 };
	const uint64_t closed =
		tw_get(v->f, TW_F_CLOSED_CLEAN) ? tw_frame_of(v->f, TW_F_CLOSED_CLEAN) : UINT64_MAX;
	bool up = false, first = true, ended = false;
	size_t i, k;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];
		int64_t off;

		if (!tw_counts(p))
			continue;
		/* after the complete close it is about an old segment: TIME_WAIT and the dead ignore it */
		if (p->flags & TW_RST && p->frame > closed)
			continue;
		if (p->flags & TW_RST) {
			enum tw_rst_effect e = tw_rst_effect_of(d, i, &off);

			/* the first of a pair did its work: the second is its echo */
			if (p->frame == tw_frame_of(v->f, TW_F_RST_COUNT) &&
			    tw_get(v->f, TW_F_RST_PAIR))
				continue;
			if (answers_a_crossing(d, i))
				continue;
			if (e == TW_RST_IGNORED || e == TW_RST_CHALLENGED)
				for (k = i + 1; k < d->pkt_count; k++)
					if (tw_counts(&d->pkt[k]) && !(d->pkt[k].flags & TW_RST) &&
					    d->pkt[k].side != p->side &&
					    (d->pkt[k].payload_bytes || d->pkt[k].flags & TW_FIN ||
					     e == TW_RST_CHALLENGED)) {
						count(&rst, p);
						break;
					}
			/* nothing later at all: still ignored if the numbers leave no doubt; behind one that
			 * was taken, a host answers what that one crossed */
			if (e == TW_RST_IGNORED && k == d->pkt_count && up && !ended)
				count(&rst, p);
			ended |= e == TW_RST_ACCEPTED;
			continue;
		}
		if (p->flags & TW_SYN && up &&
		    !(p->marks & (TW_MARKS_REPEAT | TW_MARK_NET_DUPLICATE)) &&
		    !(p->side && first && was_answered_before(d, i)))
			count(&syn, p);
		if (p->flags & TW_SYN && p->side)
			first = false;
		up |= !p->side && (p->flags & (TW_ACK | TW_SYN)) == TW_ACK;
	}
	set(v, TW_F_RST_IGNORED, &rst);
	if (rst.n)
		went_on_fact(v, rst.first);
	set(v, TW_F_SYN_MID, &syn);
}

#define ACCEPTED_WITHIN 512

/*
 * Was record @i refused? Its receiver speaks again and does not cover it. If an ACK covers its end and nobody
 * repeated it, the capture missed what opened the window; if nothing follows, nobody knows.
 */
static bool was_not_taken(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	bool answered = false;
	size_t k;

	for (k = i + 1; k < d->pkt_count && k - i < ACCEPTED_WITHIN; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (q->gap)
			return false; /* or it was: no reason to accuse it */
		if (!tw_counts(q))
			continue;
		if (q->side == p->side && q->payload_bytes && tw_seq_le(q->seq, p->seq) &&
		    tw_seq_gt(q->seq + q->payload_bytes, p->seq))
			return true;
		if (q->side != p->side && q->flags & TW_ACK && tw_seq_ge(q->ack, tw_pkt_end(p)))
			return false;
		answered |= q->side != p->side && tw_pure_ack(q) && q->marks & TW_MARK_DUP_ACK;
	}
	return answered;
}

struct edges {
	bool set[2];
	uint32_t at[2];   /* up to where each side takes data */
	bool partly_seen; /* the capture lost packets, and windows with them */
};

/*
 * Is record @i beyond what its receiver offers? Where the capture lost packets only if its sender goes on at lower numbers:
 * else it knew of a window that is missing.
 */
static bool is_beyond(const struct tw_dossier *d, size_t i, const struct edges *e)
{
	const struct tw_pkt *p = &d->pkt[i];
	const int to = !p->side;
	long next;

	/* one window probe byte beyond the edge is allowed (RFC 9293 s3.8.6.1) */
	if ((p->payload_bytes <= 1 && !(p->flags & TW_FIN)) || !e->set[to] ||
	    tw_seq_le(p->seq, e->at[to]))
		return false;
	next = e->partly_seen ? tw_next_of(d, i, p->side) : -1;
	return !e->partly_seen || (next >= 0 && tw_seq_le(d->pkt[next].seq, e->at[to]));
}

static void window_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const bool scaled = d->end[0].saw_syn_options && d->end[1].saw_syn_options;
	struct edges e = { .partly_seen = tw_get(v->f, TW_F_TRACE_LOSSY) ||
					  tw_get(v->f, TW_F_DUPLICATE_CAPTURE) };
	struct counted out = { 0 };
	size_t i;

	for (i = 0; i < d->pkt_count && scaled; i++) {
		const struct tw_pkt *p = &d->pkt[i];
		const uint32_t offered = p->ack + p->window_bytes;

		if (p->gap)
			e.set[0] = e.set[1] = false;
		if (!tw_counts(p) || p->flags & (TW_RST | TW_SYN))
			continue;
		if (is_beyond(d, i, &e) && was_not_taken(d, i))
			count(&out, p);
		if (p->flags & TW_ACK && (!e.set[p->side] || tw_seq_gt(offered, e.at[p->side]))) {
			e.at[p->side] = offered;
			e.set[p->side] = true;
		}
	}
	set(v, TW_F_OUT_OF_WINDOW, &out);
}

#define IN_VAIN_MIN  2
#define BELOW_ENOUGH 3

/*
 * Does record @k hold just what was acknowledged before, and comes again? Who had sent it only then would take that ACK for
 * it: the capture missed when it was sent, and the ACKs do not reach its sender.
 */
static bool repeated_in_vain(const struct tw_dossier *d, size_t k, uint32_t from, uint32_t top)
{
	const struct tw_pkt *q = &d->pkt[k];
	size_t i;

	for (i = k + 1; i < d->pkt_count && q->seq == from && tw_pkt_end(q) == top; i++)
		if (tw_counts(&d->pkt[i]) && d->pkt[i].side == q->side && d->pkt[i].seq == q->seq &&
		    d->pkt[i].payload_bytes == q->payload_bytes)
			return true;
	return false;
}

/*
 * Does side @to show that it never sent the bytes from @sent to @top, which record @i acknowledges? It sends
 * new data at that very place; or it goes on to the end repeating what lies below. Of a SACK only the block counts.
 */
static bool refuted(struct tw_view *v, size_t i, int to, uint32_t sent, uint32_t top)
{
	const struct tw_dossier *d = v->d;
	const int64_t reached_ns =
		d->pkt[i].time_ns + (v->rtt[!to] > TW_SWAPPED_NS ? v->rtt[!to] : TW_SWAPPED_NS);
	const uint32_t from =
		tw_seq_lt(d->pkt[i].ack, top) && tw_seq_gt(d->pkt[i].sack[0].left, sent)
			? d->pkt[i].sack[0].left
			: sent;
	int in_vain = 0;
	size_t k;

	for (k = i + 1; k < d->pkt_count && !d->pkt[k].gap; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (!tw_counts(q) || q->side != to || q->flags & (TW_RST | TW_SYN) ||
		    !q->payload_bytes)
			continue;
		if (tw_seq_ge(q->seq, sent) || !(q->marks & TW_MARKS_REPEAT))
			return tw_seq_in(q->seq, from, top) && !repeated_in_vain(d, k, from, top) &&
			       q->time_ns - d->pkt[i].time_ns > TW_SWAPPED_NS;
		in_vain += q->time_ns > reached_ns;
	}
	/* what is SACKed right behind may have been missed here; to repeat what lies below is right then */
	if (k < d->pkt_count || in_vain < IN_VAIN_MIN ||
	    (tw_seq_le(d->pkt[i].ack, sent) && d->pkt[i].sack[0].left == sent))
		return false;
	tw_from(v, TW_F_ACK_NOT_TAKEN_LAST, 1, NULL);
	return true;
}

/*
 * Was the capture taken next to @side? What arrives there passes here, forged or not: if it acknowledges what is not in
 * the capture, the capture missed it.
 */
static bool seen_to_arrive(const struct tw_facts *f, int side)
{
	return tw_is(f, TW_F_VANTAGE, side ? TW_VANTAGE_SERVER : TW_VANTAGE_CLIENT);
}

/*
 * Does the end of record @i itself know nothing of the ACK of @top that stands there in its name? What it sends next,
 * and next, still acknowledges less: somebody else wrote that one segment, and its receiver refused it
 * (RFC 5961 s5.2).
 */
static bool stands_alone(const struct tw_dossier *d, size_t i, uint32_t top)
{
	unsigned below = 0;
	size_t k;

	for (k = i + 1; k < d->pkt_count && !d->pkt[k].gap && below < BELOW_ENOUGH; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (!tw_counts(q) || q->side != d->pkt[i].side || q->flags & TW_RST ||
		    !(q->flags & TW_ACK))
			continue;
		if (tw_seq_ge(q->ack, top))
			return false;
		below++;
	}
	return k < d->pkt_count ? below >= BELOW_ENOUGH : below > 0;
}

/*
 * Acknowledged, but never sent: the proof is that the alleged sender later sends new data at the very
 * place that was acknowledged already. (If it goes on behind it, the capture has a hole.)
 */
static void never_sent_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *fin_ack = NULL, *ack = NULL, *foreign = NULL;
	uint32_t sent[2] = { 0, 0 }; /* highest sequence number of each side so far */
	bool sent_set[2] = { false, false }, base_set[2] = { false, false };
	bool answered = !(v->d->completeness & 1); /* the SYN, by a SYN|ACK */
	const bool two_views = tw_get(v->f, TW_F_DUPLICATE_CAPTURE);
	int64_t bytes = 0;
	size_t i;

	for (i = 0; i < d->pkt_count && !ack; i++) {
		const struct tw_pkt *p = &d->pkt[i];
		const int to = !p->side;
		uint32_t top = p->ack;

		if (p->gap)
			sent_set[0] = sent_set[1] = base_set[0] = base_set[1] = false;
		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		answered |= p->flags & TW_SYN && p->side;
		/* SYN_SENT takes no other answer: this one is of an older connection (TIME_WAIT) */
		if (!answered && p->side)
			continue;
		if (tw_get(v->f, TW_F_SYNACK_REFUSED_ACK) && p->flags & TW_SYN && p->side)
			continue;
		if (!(sent_set[p->side] || base_set[p->side]) ||
		    tw_seq_gt(tw_pkt_end(p), sent[p->side]))
			sent[p->side] = tw_pkt_end(p);
		sent_set[p->side] = true;
		if (p->sack_count && tw_seq_gt(p->sack[0].right, top))
			top = p->sack[0].right;
		if (!(p->flags & TW_ACK))
			continue;
		if (!sent_set[to]) { /* the capture begins here: it had been sent before */
			if (!base_set[to] || tw_seq_gt(top, sent[to]))
				sent[to] = top;
			base_set[to] = true;
		}
		if (tw_seq_le(top, sent[to]))
			continue;
		if (p->sack_count == 0 && stands_alone(d, i, top)) {
			if (!foreign && !two_views)
				foreign = p;
			continue;
		}
		if (seen_to_arrive(v->f, p->side) || !refuted(v, i, to, sent[to], top))
			continue;
		bytes = top - sent[to];
		ack = p;
		if (bytes == 1)
			fin_ack = p;
	}
	if (foreign && !tw_get(v->f, TW_F_OUT_OF_WINDOW))
		tw_from(v, TW_F_OUT_OF_WINDOW, 1, foreign);
	tw_from(v, TW_F_ACKED_NEVER_SENT, bytes, ack);
	tw_from(v, TW_F_ACKED_FIN_NEVER_SENT, fin_ack != NULL, fin_ack);
}

/*
 * The SYN|ACK of the next connection on these ports, whose SYN the capture missed: its numbers are others. Or what a
 * SYN cookie opened again.
 */
static bool begins_anew(const struct tw_view *v, const struct tw_pkt *p)
{
	if (!tw_counts(p))
		return false;
	if (tw_get(v->f, TW_F_AFTER_CLOSE_REVIVED) &&
	    p->frame == tw_frame_of(v->f, TW_F_AFTER_CLOSE_REVIVED))
		return true;
	return p->flags & TW_SYN && p->seq != v->d->end[p->side].base_seq;
}

static void data_taken_fact(struct tw_view *v, const struct tw_pkt *data)
{
	const struct tw_pkt *p;

	for (p = data + 1; p < v->d->pkt + v->d->pkt_count; p++)
		if (tw_counts(p) && p->side != data->side &&
		    (p->flags & (TW_ACK | TW_RST)) == TW_ACK && data->payload_bytes > 1 &&
		    tw_seq_ge(p->ack, tw_pkt_end(data))) {
			tw_from(v, TW_F_DATA_AT_FIN_TAKEN, 1, p);
			return;
		}
}

static void data_at_fin_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *found = NULL;
	size_t i, k;

	for (i = 0; i < d->pkt_count && !found; i++) {
		const struct tw_pkt *fin = &d->pkt[i];

		if (!tw_counts(fin) || (fin->flags & (TW_FIN | TW_RST | TW_SYN)) != TW_FIN ||
		    fin->marks & TW_MARKS_REPEAT)
			continue;
		for (k = i + 1; k < d->pkt_count; k++) {
			const struct tw_pkt *p = &d->pkt[k];

			if (begins_anew(v, p))
				break;
			/* right behind it: this sender counts the FIN as its own, however odd its data is */
			if (tw_counts(p) && p->side == fin->side && p->payload_bytes &&
			    p->seq == tw_pkt_end(fin))
				break;
			if (tw_counts(p) && p->side == fin->side && p->payload_bytes &&
			    !(p->flags & TW_RST) &&
			    tw_seq_gt(p->seq + p->payload_bytes, fin->seq + fin->payload_bytes)) {
				found = p;
				break;
			}
		}
	}
	tw_from(v, TW_F_DATA_AT_FIN, found != NULL, found);
	if (found)
		data_taken_fact(v, found);
}

#define DENIED_AFTER_NS (100 * TW_NS_PER_MS) /* the network delays little by that much */
#define AMID_NS         (200 * TW_NS_PER_MS) /* keepalive probes come after a second of silence, or more */

/*
 * A path with a deep queue may delay an ACK past its own end's FIN. That it was written behind the FIN its timestamp or IP-ID
 * says, or that it acknowledges what the other end, of which @sent is known at the FIN, sent only then.
 */
static bool written_behind(const struct tw_pkt *p, const struct tw_pkt *fin, uint32_t sent)
{
	return tw_sent_before(fin, p) || tw_seq_gt(p->ack, sent);
}

/*
 * An end that has sent a FIN acknowledges from behind it ever after (SND.NXT). One that does so from
 * below, when the FIN is long out, never sent it. Only keepalive probes stand one below SND.NXT.
 */
static void fin_denied_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *fin[2] = { NULL, NULL }, *last = NULL, *found = NULL;
	uint32_t next[2] = { d->end[0].base_seq, d->end[1].base_seq }, at_fin[2] = { 0, 0 };
	size_t i;

	for (i = 0; i < d->pkt_count && !found; i++) {
		const struct tw_pkt *p = &d->pkt[i], *f = fin[p->side];

		if (p->gap)
			last = NULL;
		if (begins_anew(v, p))
			fin[0] = fin[1] = NULL;
		if (!tw_counts(p) || p->flags & (TW_RST | TW_SYN))
			continue;
		if (tw_seq_gt(tw_pkt_end(p), next[p->side]))
			next[p->side] = tw_pkt_end(p);
		if (p->flags & TW_FIN && !f) {
			fin[p->side] = p;
			at_fin[p->side] = next[!p->side];
		} else if (f && tw_pure_ack(p) && p->seq == f->seq + f->payload_bytes && last &&
			   last->side != p->side && p->time_ns - last->time_ns < AMID_NS &&
			   p->time_ns - f->time_ns > DENIED_AFTER_NS &&
			   written_behind(p, f, at_fin[p->side]))
			found = p;
		last = p;
	}
	tw_from(v, TW_F_FIN_DENIED, found != NULL, found);
}

/*
 * Does the ACK @p refuse the repeat @q right before it? It comes no sooner than the path allows (sooner, it was on
 * its way already, for a hole that others reported), and what was repeated is never acknowledged.
 */
static bool refuses(const struct tw_view *v, const struct tw_pkt *p, const struct tw_pkt *q)
{
	const struct tw_snapshot_end *to = &v->last.end[p->side];

	return q->side != p->side && q->marks & TW_MARKS_REPEAT && q->payload_bytes &&
	       tw_seq_le(p->ack, q->seq) && p->sack_count == 0 &&
	       p->raw_window && /* window 0: no room, no quarrel */
	       p->time_ns - q->time_ns >= v->rtt[q->side] / 2 &&
	       (!to->acked_set || tw_seq_le(to->acked, q->seq));
}

/*
 * Can @p, a pure ACK, be a keepalive probe, and @q of the other end its answer, or its cause? In a capture that begins between two
 * probes nothing tells that SND.NXT is one above.
 *
 *	-- ACK seq n-1 ack m ---->|
 *	|<------ ACK seq m ack n --
 */
static bool is_probe_and_answer(const struct tw_pkt *p, const struct tw_pkt *q)
{
	return p->ack == q->seq && (q->ack == p->seq || q->ack == p->seq + 1);
}

/* Pure ACKs that answer each other without any progress, and do not agree about numbers. */
static void war_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	struct counted repeats = { 0 };
	int64_t run = 0, best = 0;
	const struct tw_pkt *start = NULL, *where = NULL, *last[2] = { NULL, NULL };
	int prev = -1;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i], *q = i ? &d->pkt[i - 1] : NULL;
		const struct tw_pkt *mine = last[p->side];

		if (p->gap) {
			q = mine = last[0] = last[1] = NULL;
			run = 0;
		}
		if (!tw_counts(p))
			continue;
		if (tw_pure_ack(p) && q && tw_counts(q) && refuses(v, p, q))
			count(&repeats, p);
		if (tw_pure_ack(p) && mine && mine->seq == p->seq && mine->ack == p->ack &&
		    prev == !p->side && !is_probe_and_answer(p, last[!p->side]) &&
		    !is_probe_and_answer(last[!p->side], p) &&
		    !(p->marks & (TW_MARK_KEEPALIVE | TW_MARK_KEEPALIVE_ACK)) &&
		    !(p->marks & (TW_MARK_ZERO_WINDOW | TW_MARK_ZERO_PROBE_ACK))) {
			if (!run++)
				start = p;
			if (run > best) {
				best = run;
				where = start;
			}
		} else {
			run = 0;
		}
		prev = tw_pure_ack(p) && !(p->marks & TW_MARK_KEEPALIVE) ? p->side : -1;
		last[p->side] = p;
	}
	tw_from(v, TW_F_ACK_WAR, best >= WAR_MIN ? best : 0, where);
	set(v, TW_F_REPEAT_ANSWERED_NOT_ACKED, &repeats);
}

void tw_derive_oddities(struct tw_view *v)
{
	checksum_fact(v);
	foreign_facts(v);
	ignored_facts(v);
	window_fact(v);
	never_sent_facts(v);
	data_at_fin_fact(v);
	fin_denied_fact(v);
	war_facts(v);
}
