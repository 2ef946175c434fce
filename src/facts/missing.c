/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about data that never came: its receiver, seen from its own side.
 *
 *	sender                               here       receiver
 *	  |---- 1448 --->X                     |            |
 *	  |---- 1448 --->X                     |            |
 *	  |----  600 ------------------------->|----------->|  behind a hole
 *	  |<-----------------------------------|<-- ACK ----|  stands still, SACK of the 600
 *	  |---- 1448 --->X  repeats            |            |
 *
 * Where the sender is captured, its repeats show; here nothing does but the hole, and that its sender lives. The bytes
 * are missing in the capture and at the receiver, so the capture did not miss them.
 */
#include "facts/view.h"

struct hole {
	uint32_t from, to; /* missing: [from, to) */
	const struct tw_pkt *behind, *stands,
		*last; /* first segment behind it, first ACK that stands, last of all */
	int64_t stood;
	uint32_t largest;
};

static bool covers(const struct tw_pkt *p, uint32_t at)
{
	return p->payload_bytes && tw_seq_le(p->seq, at) &&
	       tw_seq_gt(p->seq + p->payload_bytes, at);
}

/*
 * Does @p stand behind what is missing from @from on? A bare ACK has the number of what its sender sends next, so it does,
 * too: but not one that may be a probe's, or has only a FIN in front of it, or a number that the receiver never offered.
 */
static bool stands_behind(const struct tw_dossier *d, const struct tw_pkt *p, uint32_t from)
{
	const struct tw_end *to = &d->end[!p->side];

	if (tw_pkt_seq_len(
		    p)) /* a FIN's number tells how much stands before it, as that of data does */
		return tw_seq_gt(p->seq, from);
	return tw_pure_ack(p) && tw_seq_gt(p->seq, from + 1) && to->right_edge_set &&
	       tw_seq_le(p->seq, to->right_edge);
}

/* Is what @side sent missing from @h->from on, where something from behind it came? */
static bool find(const struct tw_dossier *d, int side, struct hole *h)
{
	const struct tw_pkt *p;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p) || p->flags & (TW_RST | TW_SYN))
			continue;
		if (p->side != side) {
			if (h->behind && p->flags & TW_ACK && p->ack == h->from) {
				if (!h->stood++)
					h->stands = p;
			}
			continue;
		}
		if (p->payload_bytes > h->largest)
			h->largest = p->payload_bytes;
		if (covers(p, h->from))
			return false;
		h->last = p;
		if (!stands_behind(d, p, h->from))
			continue;
		if (!h->behind)
			h->behind = p;
		if (h->behind == p || tw_seq_lt(p->seq, h->to))
			h->to = p->seq;
	}
	return h->behind && h->stands;
}

/*
 * A client that has waited and closes draws an ACK, and its number tells what the server had sent by then. Where that is more than
 * ever came, an answer was on its way, and was lost, whatever hangs.
 */
static void unseen_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_end *client = &d->end[TW_CLIENT];
	const uint32_t acked = v->last.end[TW_CLIENT].acked;
	const struct tw_pkt *p, *fin = NULL, *word = NULL;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p) || p->flags & (TW_SYN | TW_RST))
			continue;
		if (p->side == TW_CLIENT)
			fin = !fin && p->flags & TW_FIN ? p : fin;
		else if (fin && !word && !p->payload_bytes && p->flags & TW_ACK)
			word = p;
		else if (tw_seq_gt(tw_pkt_end(p), acked))
			return; /* it came, late */
	}
	if (word && v->last.end[TW_CLIENT].acked_set && tw_seq_gt(word->seq, acked + 1) &&
	    client->right_edge_set && tw_seq_le(word->seq, client->right_edge))
		tw_from(v, TW_F_SENT_UNSEEN_BYTES, word->seq - acked, word);
}

void tw_derive_missing(struct tw_view *v)
{
	const struct tw_snapshot *s = &v->last;
	int side;

	if (s->gap >= 0)
		return;
	unseen_fact(v);
	for (side = 0; side < 2; side++) {
		const struct tw_snapshot_end *sender = &s->end[side], *receiver = &s->end[!side];
		struct hole h = { .from = receiver->acked };

		if (!sender->next_set || !receiver->acked_set ||
		    !tw_seq_gt(sender->next, receiver->acked) || !find(v->d, side, &h))
			continue;
		tw_from(v, TW_F_MISSING_SIDE, side, h.behind);
		tw_from(v, TW_F_MISSING_BYTES, h.to - h.from, h.behind);
		tw_from(v, TW_F_MISSING_ACKS, h.stood, h.stands);
		tw_from(v, TW_F_MISSING_NS, h.last->time_ns - h.behind->time_ns, h.last);
		tw_from(v, TW_F_MISSING_FOR_NS,
			v->d->pkt[v->d->pkt_count - 1].time_ns - h.behind->time_ns, NULL);
		tw_from(v, TW_F_MISSING_LARGEST_SEEN, h.largest, NULL);
		return;
	}
}
