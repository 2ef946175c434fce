/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Was a reset heeded? What the other end says long after it tells.
 *
 *	author                        other end
 *	  |-- RST --------------------->|
 *	  |<----- data, again and again-|   it holds the connection still
 *	  |<------- ACK below the reset-|   nor was that the next number for it
 */
#include "facts/view.h"

#define LIVES_NS TW_NS_PER_S /* what is repeated so long after a reset, somebody still holds */

bool tw_repeats_behind(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i], *q;

	for (q = p + 1; q < d->pkt + d->pkt_count; q++)
		if (tw_counts(q) && q->side != p->side && !(q->flags & (TW_RST | TW_SYN)) &&
		    q->payload_bytes && q->marks & TW_MARKS_REPEAT &&
		    q->time_ns - p->time_ns >= LIVES_NS)
			return true;
	return false;
}

bool tw_is_answered_behind(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i], *q, *said = NULL;

	for (q = p + 1; q < d->pkt + d->pkt_count; q++) {
		if (!tw_counts(q) || q->flags & (TW_RST | TW_SYN))
			continue;
		if (q->side != p->side && !said && tw_pkt_seq_len(q))
			said = q;
		else if (q->side == p->side && said && q->flags & TW_ACK)
			return tw_seq_ge(q->ack, tw_pkt_end(said));
	}
	return false;
}

bool tw_stands_below(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i], *q;

	for (q = p + 1; q < d->pkt + d->pkt_count; q++)
		if (tw_counts(q) && q->side != p->side &&
		    (q->flags & (TW_RST | TW_ACK)) == TW_ACK && q->time_ns - p->time_ns >= LIVES_NS)
			return tw_seq_lt(q->ack, p->seq);
	return false;
}
