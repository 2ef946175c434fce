/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about segments that arrived and were not taken because of their timestamp (PAWS, RFC 7323 s5). On the
 * wire they look like a loss: the data is repeated, and only the repeat is acknowledged.
 *
 *      sender                                receiver, which last echoed 900
 *        |-- data, TSval 400 ------------------>|  older than 900: dropped, PAWSEstab
 *        |<--------------- ACK as before, TSecr 900|  no hole to report, no D-SACK
 *        |-- the same data, TSval 1100 -------->|  taken
 *        |<------------------ ACK of it, TSecr 1100|
 *
 * What a receiver echoes is the TS.Recent that it compares with (s4.3), and that only grows. So what is
 * older than an echo that was seen before it is refused wherever the capture was taken; the ACK that stands
 * still tells that it arrived. Data that was overtaken is not meant: what overtook it has not moved the echo.
 * Where a device changes timestamps behind this point, the segment looks innocent here, and only that ACK is
 * seen: a receiver with SACK that reports no hole has not been sent anything that it could keep.
 */
#include "facts/view.h"

#define LOOK 600 /* records searched backwards and forwards */
#define TICK 1   /* Linux forgives so much (TCP_PAWS_WINDOW) */

static bool has_timestamps(const struct tw_pkt *p)
{
	return p->options & TW_OPT_TIMESTAMPS;
}

/* Data or a FIN; not what keeps alive or probes a window, which is below or beyond what may be taken. */
static bool may_be_refused(const struct tw_pkt *p)
{
	return tw_counts(p) && tw_pkt_seq_len(p) && !(p->flags & (TW_SYN | TW_RST)) &&
	       has_timestamps(p) &&
	       !(p->marks & (TW_MARK_KEEPALIVE | TW_MARK_ZERO_PROBE | TW_MARK_NET_DUPLICATE));
}

/* By how many ticks record @i is older than what its receiver had echoed by then; 0: it is not, or who knows. */
static int64_t ticks_too_old(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	size_t k, stop = i > LOOK ? i - LOOK : 0;

	for (k = i; k > stop && !d->pkt[k].gap; k--) {
		const struct tw_pkt *q = &d->pkt[k - 1];
		int32_t older;

		if (!tw_counts(q) || q->side == p->side || !has_timestamps(q) ||
		    (q->flags & (TW_ACK | TW_RST)) != TW_ACK)
			continue;
		older = (int32_t)(q->tsecr - p->tsval);
		/* what was acknowledged already is a late copy, whose age is no wonder */
		return older > TICK && tw_seq_ge(p->seq, q->ack) ? older : 0;
	}
	return 0;
}

static bool covers(const struct tw_pkt *a, uint32_t seq)
{
	unsigned i;

	for (i = 0; i < a->sack_count; i++)
		if (tw_seq_in(seq, a->sack[i].left, a->sack[i].right))
			return true;
	return tw_seq_gt(a->ack, seq);
}

/* The next ACK of the receiver of @i that says nothing else, if it does not cover what @i brought. */
static const struct tw_pkt *still_ack(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	size_t k, stop = i + LOOK < d->pkt_count ? i + LOOK : d->pkt_count;

	for (k = i + 1; k < stop && !d->pkt[k].gap; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (!tw_counts(q) || q->side == p->side)
			continue;
		if (q->flags & TW_RST || covers(q, p->seq))
			return NULL;
		if (tw_pure_ack(q))
			return q;
	}
	return NULL;
}

bool tw_was_refused(const struct tw_dossier *d, size_t i)
{
	return may_be_refused(&d->pkt[i]) && ticks_too_old(d, i) && still_ack(d, i);
}

const struct tw_pkt *tw_unexplained_ack(const struct tw_dossier *d, size_t from,
					const struct tw_pkt *until, int64_t after_ns)
{
	const struct tw_pkt *p = &d->pkt[from], *a;

	for (a = p + 1; a < until; a++)
		if (tw_counts(a) && a->side != p->side && a->marks & TW_MARK_DUP_ACK &&
		    !a->sack_count && has_timestamps(a) && tw_seq_le(a->ack, p->seq) &&
		    a->time_ns - p->time_ns >= after_ns)
			return a;
	return NULL;
}

void tw_derive_refused(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *first = NULL, *answer = NULL;
	bool newest_set[2] = { false, false };
	uint32_t newest[2] = { 0, 0 };
	int64_t n = 0, ticks = 0;
	size_t i;

	for (i = 0; i < d->pkt_count && tw_get(v->f, TW_F_TIMESTAMPS); i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || !has_timestamps(p) || p->flags & TW_RST)
			continue;
		if (!newest_set[p->side] || tw_seq_ge(p->tsval, newest[p->side])) {
			newest[p->side] = p->tsval;
			newest_set[p->side] = true;
			continue;
		}
		if (!tw_was_refused(d, i) || (first && first->side != p->side))
			continue;
		n++;
		if (!first) {
			first = p;
			ticks = ticks_too_old(d, i);
			answer = still_ack(d, i);
		}
	}
	tw_from(v, TW_F_REFUSED_OLD, n, first);
	if (!first)
		return;
	tw_from(v, TW_F_REFUSED_SIDE, first->side, first);
	tw_from(v, TW_F_REFUSED_TICKS, ticks, first);
	tw_from(v, TW_F_REFUSED_ANSWER, 1, answer);
}
