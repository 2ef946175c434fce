/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about a segment that draws a reset because it escaped its translation, or was translated anew: to whom does
 * it belong? Its numbers tell, where the connection that it escaped from is in the capture, too.
 *
 *	C:p <====> V:q		a known connection, through a translator
 *	C:p <----- S:q		a segment with its numbers, from an address that C never heard of
 *	C:p -RST-> S:q		all that C says to that address
 *
 * And the other way about: does an end that is said to have reset this connection go on with it under another name?
 *
 *	N:p <====> S:q		this connection, its client behind a translator
 *	N:p -RST-> S:q		written by the translator, which has lost its entry
 *	C:p -----> S:q		the client's next segment
 */
#include "facts/view.h"

#define OTHERS_SEARCHED 4096
#define NEAR_BYTES      (1u << 22)

static bool near(uint32_t a, uint32_t b)
{
	return a - b + NEAR_BYTES < 2 * NEAR_BYTES;
}

/* Is one end, address and port, in both? */
static bool share_an_end(const struct tw_dossier *a, const struct tw_dossier *b)
{
	int x;

	for (x = 0; x < 4; x++)
		if (a->end[x & 1].port == b->end[x >> 1].port &&
		    tw_addr_equal(&a->end[x & 1].addr, &b->end[x >> 1].addr))
			return true;
	return false;
}

/*
 * Are @t's numbers what one direction of @o would send at that time? Conntrack calls INVALID what is far from the next segment,
 * a copy of earlier data above all: then its seq is only near (@inexact).
 */
static bool continues(const struct tw_dossier *o, const struct tw_pkt *t, bool *inexact)
{
	struct tw_snapshot s;
	int x;

	for (x = 0; x < 2; x++) {
		if (!o->end[x].next_set || !o->end[!x].next_set ||
		    !near(t->seq, o->end[x].next_seq) || !near(t->ack, o->end[!x].next_seq))
			continue;
		tw_snapshot_at(o, t->frame, &s);
		*inexact = t->seq != s.end[x].next;
		if (tw_would_ack(&s, x, t->ack) && (!*inexact || t->payload_bytes))
			return true;
	}
	return false;
}

/* The same hosts and the same port at one end: only the port that a translator chose differs. */
static bool only_port_differs(const struct tw_dossier *a, const struct tw_dossier *b)
{
	int x; /* the end of @b that is @a's client */

	for (x = 0; x < 2; x++)
		if (tw_addr_equal(&a->end[0].addr, &b->end[x].addr) &&
		    tw_addr_equal(&a->end[1].addr, &b->end[!x].addr) &&
		    (a->end[0].port == b->end[x].port || a->end[1].port == b->end[!x].port))
			return true;
	return false;
}

/* A translated connection that is seen on both sides of its translator, is two, and both ends speak in each. */
static bool only_resets(const struct tw_dossier *d, int side)
{
	const struct tw_pkt *p;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side == side && !(p->flags & TW_RST))
			return false;
	return true;
}

/* A lone segment without a handshake that could be the next one of @d's @side, to the other end of it and from elsewhere; NULL: no. */
static const struct tw_pkt *goes_on_as(const struct tw_dossier *d, int side,
				       const struct tw_dossier *q)
{
	const struct tw_end *other = &d->end[!side];
	const struct tw_pkt *t = q->pkt_count ? &q->pkt[0] : NULL;
	struct tw_snapshot s;

	if (!t || q->completeness & 3 || !(t->flags & TW_ACK) || t->flags & TW_RST ||
	    q->end[!t->side].port != other->port ||
	    !tw_addr_equal(&q->end[!t->side].addr, &other->addr) || !only_resets(q, !t->side))
		return NULL;
	tw_snapshot_at(d, t->frame, &s);
	return t->seq == s.end[side].next && tw_would_ack(&s, side, t->ack) ? t : NULL;
}

void tw_derive_moved(struct tw_view *v, const struct tw_pkt *rst)
{
	const struct tw_dossier_set *o = v->others;
	size_t lo, hi;

	tw_from(v, TW_F_RST_AUTHOR_MOVED, 0, NULL);
	if (!o || !v->d->end[rst->side].next_set || !v->d->end[!rst->side].next_set)
		return;
	for (tw_around(v, OTHERS_SEARCHED, &lo, &hi); lo < hi; lo++) {
		const struct tw_dossier *q = o->refs[lo].dossier;
		const struct tw_pkt *t =
			q->first_frame > rst->frame ? goes_on_as(v->d, rst->side, q) : NULL;

		if (!t)
			continue;
		tw_from(v, TW_F_RST_AUTHOR_MOVED, 1, t);
		tw_from(v, TW_F_RST_AUTHOR_MOVED_NS, t->time_ns - rst->time_ns, t);
		tw_from(v, TW_F_RST_OTHER_STREAM, (int64_t)q->stream, t);
		tw_from(v, TW_F_RST_OTHER_PORT_ONLY, only_port_differs(v->d, q), t);
		return;
	}
}

void tw_derive_leak(struct tw_view *v, const struct tw_pkt *t)
{
	const struct tw_dossier_set *o = v->others;
	size_t lo, hi, i;
	bool inexact;

	tw_from(v, TW_F_RST_OTHER_TUPLE, 0, NULL);
	if (!o || v->d->completeness & 3 || !t || !(t->flags & TW_ACK) ||
	    !only_resets(v->d, !t->side))
		return;
	tw_around(v, OTHERS_SEARCHED, &lo, &hi);
	for (i = lo; i < hi; i++) {
		const struct tw_dossier *q = o->refs[i].dossier;

		if (q == v->d || !continues(q, t, &inexact) || (inexact && !share_an_end(v->d, q)))
			continue;
		tw_from(v, TW_F_RST_OTHER_TUPLE, 1, t);
		tw_from(v, TW_F_RST_OTHER_INEXACT, inexact, t);
		tw_from(v, TW_F_RST_OTHER_STREAM, (int64_t)q->stream, t);
		tw_from(v, TW_F_RST_OTHER_PORT_ONLY, only_port_differs(v->d, q), t);
		return;
	}
}
