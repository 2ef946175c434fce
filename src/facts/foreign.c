/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does a segment fit its alleged sender? By what a stack writes into every header of its own, and a third party has to guess.
 */
#include "facts/foreign.h"

#include "facts/view.h"

#define PLACE_LOOK        300 /* records searched for a neighbour by id */
#define SEQUENCE_STEP_MAX 64  /* ids between neighbours of a socket that counts them */
#define PATH_MIN_NS       (4 * TW_NS_PER_MS) /* on a shorter one nobody is near and others far */
#define WINDOW_JUMP       4 /* a window this many times larger or smaller than its neighbours' */

/* The neighbours of @i from the same side that have an id, before and after. */
static const struct tw_pkt *neighbour(const struct tw_dossier *d, size_t i, int step, bool need_id)
{
	long k;

	for (k = (long)i + step; k >= 0 && k < (long)d->pkt_count; k += step) {
		const struct tw_pkt *q = &d->pkt[k];

		if (step > 0 ? q->gap : q[1].gap)
			return NULL; /* its neighbour was dropped */
		if (tw_counts(q) && q->side == d->pkt[i].side && !(q->flags & (TW_RST | TW_SYN)) &&
		    (!need_id || q->ip_id))
			return q;
	}
	return NULL;
}

static bool window_jumps(const struct tw_pkt *p, const struct tw_pkt *q)
{
	return (uint32_t)p->raw_window > (uint32_t)q->raw_window * WINDOW_JUMP ||
	       (uint32_t)q->raw_window > (uint32_t)p->raw_window * WINDOW_JUMP;
}

/*
 * Did @p merely overtake @b? Then its numbers are all a little ahead of those of @b: place (a bare ACK has the next one's), id and clock.
 * (A super-segment takes an id for each of its parts.)
 */
static bool overtook(const struct tw_pkt *p, const struct tw_pkt *b)
{
	const bool ahead = tw_seq_gt(p->seq, b->seq) || (p->seq == b->seq && tw_pure_ack(b));

	return ahead && (uint16_t)(p->ip_id - b->ip_id) <= SEQUENCE_STEP_MAX &&
	       (!(p->options & b->options & TW_OPT_TIMESTAMPS) || tw_seq_ge(p->tsval, b->tsval));
}

bool tw_has_its_place(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	size_t k = i > PLACE_LOOK ? i - PLACE_LOOK : 0;
	size_t stop = i + PLACE_LOOK < d->pkt_count ? i + PLACE_LOOK : d->pkt_count;

	for (; k < stop; k++) {
		const struct tw_pkt *q = &d->pkt[k];
		int16_t step = (int16_t)(q->ip_id - p->ip_id);

		if (k == i || !tw_counts(q) || q->side != p->side || !q->ip_id ||
		    q->ttl != p->ttl || (step != 1 && step != -1))
			continue;
		if (!(p->options & q->options & TW_OPT_TIMESTAMPS) ||
		    (step > 0 ? tw_seq_ge(q->tsval, p->tsval) : tw_seq_ge(p->tsval, q->tsval)))
			return true;
	}
	return false;
}

/* Has this end spoken with the TTL of @i before, if only by its SYN|ACK? A balancer and what stands behind it share a name. */
static bool known_voice(const struct tw_dossier *d, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (tw_counts(&d->pkt[k]) && d->pkt[k].side == d->pkt[i].side &&
		    d->pkt[k].ttl == d->pkt[i].ttl)
			return true;
	return false;
}

/*
 * The first words of a server, for which there is no neighbour: do they come from somebody who is too near to be it? They are
 * back in half of the time that its SYN|ACK took, come by other hops, and have no timestamps although these were agreed on
 * (RFC 7323 s3.2: every segment has them then).
 *
 *	client          filter                       server
 *	  |---SYN----------|----------------------------->|
 *	  |<---------------|---------------------SYN|ACK--|  64 ms, TTL 63
 *	  |---GET /------->|                              |
 *	  |<--403, FIN-----|   2 ms, TTL 64
 */
static bool is_too_near(const struct tw_dossier *d, size_t i, bool timestamps)
{
	const struct tw_pkt *p = &d->pkt[i], *syn = NULL, *synack = NULL, *asked = NULL, *q;

	if (!timestamps || p->options & TW_OPT_TIMESTAMPS || p->side != TW_SERVER)
		return false;
	for (q = d->pkt; q < p; q++) {
		if (!tw_counts(q))
			continue;
		if (q->flags & TW_SYN && q->side == TW_CLIENT && !synack)
			syn = q;
		else if (q->flags & TW_SYN && q->side == TW_SERVER && !synack)
			synack = q;
		else if (q->side == TW_CLIENT && q->payload_bytes &&
			 tw_seq_le(tw_pkt_end(q), p->ack))
			asked = q;
	}
	return syn && synack && asked && p->ttl != synack->ttl &&
	       synack->time_ns - syn->time_ns >= PATH_MIN_NS &&
	       2 * (p->time_ns - asked->time_ns) < synack->time_ns - syn->time_ns;
}

bool tw_is_foreign(const struct tw_dossier *d, size_t i, bool timestamps)
{
	const struct tw_pkt *p = &d->pkt[i];
	const struct tw_pkt *a = neighbour(d, i, -1, true), *b = neighbour(d, i, 1, true);
	int signs = 0;

	if (!a && !b && is_too_near(d, i, timestamps))
		return true;
	if (!a)
		a = b;
	if (!a || (p->ttl != a->ttl && known_voice(d, i)))
		return false;
	if (p->ip_id && a->ip_id && a != b && b) {
		uint16_t around = (uint16_t)(b->ip_id - a->ip_id),
			 mine = (uint16_t)(p->ip_id - a->ip_id);

		if (overtook(p, b) || tw_has_its_place(d, i))
			return false;
		signs += around <= SEQUENCE_STEP_MAX && mine > around;
	} else if (p->ip_id && a != b) {
		const struct tw_pkt *a2 = neighbour(d, (size_t)(a - d->pkt), -1, true);

		signs += a2 && (uint16_t)(a->ip_id - a2->ip_id) <= SEQUENCE_STEP_MAX &&
			 (uint16_t)(p->ip_id - a->ip_id) > 4 * SEQUENCE_STEP_MAX;
	}
	signs += p->ttl != a->ttl;
	signs += window_jumps(p, a) && (!b || window_jumps(p, b));
	signs += timestamps && !(p->options & TW_OPT_TIMESTAMPS);
	signs += timestamps && b && p->options & TW_OPT_TIMESTAMPS &&
		 tw_seq_gt(p->tsval, b->tsval) && b > p;
	return signs >= 2;
}
