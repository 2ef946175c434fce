/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the window of a receiver says about data that it did not take at once: refused for want of memory, or while its
 * program did not read. Limits: without the handshake's options the scale is not known; then only changes tell.
 */
#include "facts/view.h"

#define NEAR 64 /* records before a segment in which the last ACK is looked for */

const struct tw_pkt *tw_unwanted(const struct tw_dossier *d, size_t o, const struct tw_pkt *until)
{
	const struct tw_pkt *p = &d->pkt[o], *a;
	uint32_t acked = p->seq - (1 << 30);

	if (!d->end[0].saw_syn_options || !d->end[1].saw_syn_options)
		return NULL;
	for (a = d->pkt; a < until; a++) {
		if (!tw_counts(a) || a->side == p->side || !(a->flags & TW_ACK))
			continue;
		/* an older ACK that comes late knows nothing of the offers since */
		if (a > p && tw_pure_ack(a) && tw_seq_ge(a->ack, acked) &&
		    tw_seq_le(a->ack, p->seq) && tw_seq_lt(a->ack + a->window_bytes, tw_pkt_end(p)))
			return a;
		if (tw_seq_gt(a->ack, acked))
			acked = a->ack;
	}
	return NULL;
}

bool tw_was_reopened(const struct tw_dossier *d, size_t o, const struct tw_pkt *ack)
{
	const struct tw_pkt *p = &d->pkt[o], *a, *before = NULL;

	for (a = p; a > d->pkt && p - a < NEAR && !a->gap && !before; a--)
		if (tw_counts(a - 1) && a[-1].side != p->side && tw_pure_ack(a - 1))
			before = a - 1;
	for (a = p + 1; a < ack; a++) {
		if (!tw_counts(a) || a->side == p->side || !tw_pure_ack(a) ||
		    tw_seq_gt(a->ack, p->seq))
			continue;
		if (before && a->ack == before->ack && a->window_bytes / 2 >= before->window_bytes)
			return true;
		before = a;
	}
	return false;
}
