/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the author of a reset still waited for, and did not get, though the other end has closed behind it; and whether it
 * waited at all.
 *
 *	author                        other end
 *	  |-- request ------------------>|
 *	  |      X------------ answer ---|   only the FIN's number tells of it: tw_missed_answer()
 *	  |-- FIN, after a while ------->|
 *	  |<----------- FIN, seq 206 ----|   205 bytes
 *	  |-- RST ---------------------->|
 *
 *	  |      X------- large segment -|   again and again; what is smaller comes: tw_was_starved()
 *	  |<-------- small segment, FIN -|
 *	  |-- RST ---------------------->|
 */
#include "facts/goodbye.h"
#include "facts/view.h"

#define AT_ONCE_NS                                                                                 \
	(100 * TW_NS_PER_MS) /* the ACK of the handshake and the reset leave one behind the other */

/* Less than that an application does not wait, nor a loss take to be repaired. */
static int64_t patience_of(const struct tw_view *v)
{
	return TW_WAITED_NS + 3 * tw_get(v->f, TW_F_RTT_NS);
}

/* Has @author got something from the other end since its own last words? Then it does not wait for an answer. */
static bool is_answered(const struct tw_dossier *d, size_t rst, int author,
			const struct tw_snapshot_end *me)
{
	const struct tw_pkt *asked = tw_last_words(d, author, rst), *p;

	for (p = asked ? asked + 1 : d->pkt; p < &d->pkt[rst]; p++)
		if (tw_counts(p) && p->side != author && p->payload_bytes && !(p->flags & TW_RST) &&
		    me->acked_set && tw_seq_le(tw_pkt_end(p), me->acked))
			return true;
	return !asked;
}

uint32_t tw_missed_answer(const struct tw_view *v, size_t rst, const struct tw_snapshot_end *me)
{
	const struct tw_dossier *d = v->d;
	const int author = d->pkt[rst].side;
	const struct tw_pkt *asked = tw_last_words(d, author, rst), *own_fin = NULL, *p;
	uint32_t bytes = 0;

	if (author != TW_CLIENT || !me->acked_set)
		return 0;
	for (p = d->pkt; p < &d->pkt[rst]; p++) {
		if (!tw_counts(p))
			continue;
		if (p->side == author) {
			own_fin = p->flags & TW_FIN && !own_fin ? p : own_fin;
			continue;
		}
		if (p->payload_bytes && tw_seq_le(p->seq, me->acked) &&
		    tw_seq_gt(tw_pkt_end(p), me->acked))
			return 0; /* it came, and was not wanted */
		if (p->flags & TW_FIN)
			bytes = tw_above(p->seq, me->acked);
	}
	/* its own SACK says it, and when it had asked is before the start of the capture */
	if (!asked && own_fin && own_fin->ack == me->acked && tw_reports_hole(own_fin) &&
	    !d->end[author].isn_seen)
		return tw_above(own_fin->sack[own_fin->sack_count - 1].left, me->acked);
	if (is_answered(d, rst, author, me))
		return 0;
	return asked && own_fin && own_fin->time_ns - asked->time_ns >= patience_of(v) ? bytes : 0;
}

bool tw_was_starved(const struct tw_view *v, size_t rst, const struct tw_snapshot *at,
		    uint32_t unacked)
{
	const int64_t patience_ns = patience_of(v);
	const struct tw_dossier *d = v->d;
	const int author = d->pkt[rst].side;
	const struct tw_snapshot_end *me = &at->end[author];
	const struct tw_pkt *first = NULL, *r = &d->pkt[rst];
	const uint32_t acked = me->acked_set ? me->acked : r->ack;
	int64_t repeats = 0;
	size_t i;

	if ((!me->acked_set && !(r->flags & TW_ACK)) || tw_window_closed(d, me, &at->end[!author]))
		return false;
	/* a goodbye is not missed by who waits for nothing */
	if (unacked <= TW_GOODBYE_BYTES && (author == TW_SERVER || is_answered(d, rst, author, me)))
		return false;
	for (i = at->gap < 0 ? 0 : (size_t)at->gap; i < rst; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p))
			continue;
		if (p->side == author) {
			if (p->flags & TW_ACK && p->ack == acked && tw_reports_hole(p) &&
			    r->time_ns - p->time_ns >= patience_ns)
				return true;
			continue;
		}
		if (!p->payload_bytes || p->flags & TW_RST || tw_seq_le(tw_pkt_end(p), acked))
			continue;
		first = first ? first : p;
		repeats += (p->marks & TW_MARKS_REPEAT) != 0;
	}
	/* its own reset says how far it had got */
	return first && (repeats >= 2 || (r->flags & TW_ACK && tw_seq_le(r->ack, first->seq))) &&
	       r->time_ns - first->time_ns >= patience_ns;
}

bool tw_left_at_once(const struct tw_view *v, size_t rst, const struct tw_snapshot_end *client)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *r = &d->pkt[rst];

	return r->side == TW_CLIENT && r->flags & TW_ACK && !client->payload_bytes &&
	       tw_get(v->f, TW_F_ACK3_SEEN) && d->end[TW_SERVER].isn_seen &&
	       r->ack == d->end[TW_SERVER].base_seq + 1 &&
	       r->time_ns - tw_time_of(v->f, TW_F_ACK3_SEEN) < AT_ONCE_NS;
}
