/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MPTCP (RFC 8684): is it spoken, who closed, and was the client's last word heard?
 *
 *	client                                   server
 *	  |-- data, DATA_ACK a -------------------->|  all that the server had said was there
 *	  |<--------------- DATA_ACK, DATA_FIN at a-|  it said nothing more, on no path
 *
 * Numbers of the MPTCP connection count what passes on all of its paths, so they tell what this path alone does not show.
 *
 * Limits: their low 32 bits are known. The first data of a client carries MP_CAPABLE and no DATA_ACK: there what this path
 * shows has to do.
 */
#include "facts/goodbye.h"

/* The last segment of @side that is no reset, or NULL. */
static const struct tw_pkt *last_of(const struct tw_dossier *d, int side)
{
	const struct tw_pkt *p;

	for (p = d->pkt + d->pkt_count; p-- > d->pkt;)
		if (tw_counts(p) && p->side == side && !(p->flags & TW_RST))
			return p;
	return NULL;
}

/* The first segment of @side that says something of MPTCP, or NULL. */
static const struct tw_pkt *first_of(const struct tw_dossier *d, int side)
{
	const struct tw_pkt *p;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side == side && p->options & TW_OPT_MPTCP &&
		    !(p->flags & TW_RST))
			return p;
	return NULL;
}

/* Options that the snap length cut off may have held it. */
static bool spoken_to_the_last(const struct tw_dossier *d)
{
	const struct tw_pkt *last[2] = { last_of(d, 0), last_of(d, 1) };

	return last[0] && last[1] && last[0]->options & (TW_OPT_MPTCP | TW_OPT_CUT) &&
	       last[1]->options & (TW_OPT_MPTCP | TW_OPT_CUT);
}

static const struct tw_pkt *fin_of(const struct tw_dossier *d, int side)
{
	const struct tw_pkt *p;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side == side && p->mptcp_has & TW_MPTCP_HAS_FIN)
			return p;
	return NULL;
}

/* Did the server say anything behind the client's data @p before it closed by @fin? */
static bool was_answered(const struct tw_view *v, const struct tw_pkt *p, const struct tw_pkt *fin)
{
	if (p->mptcp_has & TW_MPTCP_HAS_ACK)
		return tw_seq_gt(fin->mptcp_fin, p->mptcp_ack);
	return tw_get(v->f, TW_F_BYTES_S) > 0;
}

static void unheard_facts(struct tw_view *v, const struct tw_pkt *fin)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p, *first = NULL, *last = NULL;
	int64_t bytes = 0;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p) || p->side || !p->payload_bytes || p->marks & TW_MARKS_REPEAT)
			continue;
		if (was_answered(v, p, fin))
			continue;
		if (!first)
			first = p;
		last = p;
		bytes += p->payload_bytes;
	}
	if (!last || tw_is_farewell(last))
		return;
	tw_from(v, TW_F_MPTCP_UNHEARD, bytes, first);
	tw_from(v, TW_F_MPTCP_UNHEARD_LATE,
		first->mptcp_has & TW_MPTCP_HAS_ACK && tw_seq_gt(first->mptcp_ack, fin->mptcp_fin),
		first);
}

/* Both ends agreed on it, and the capture has both words. */
static bool agreed(const struct tw_pkt *c, const struct tw_pkt *s)
{
	return tw_is_syn(c) && tw_is_synack(s) && c->mptcp_subtype == TW_MPTCP_CAPABLE &&
	       s->mptcp_subtype == TW_MPTCP_CAPABLE;
}

void tw_derive_mptcp(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *c = first_of(d, 0), *s = c ? first_of(d, 1) : NULL, *fin_c, *fin_s;

	if (!s || !spoken_to_the_last(d))
		return;
	tw_from(v, TW_F_MPTCP, 1, s);
	fin_c = fin_of(d, 0);
	fin_s = fin_of(d, 1);
	if (fin_c)
		tw_from(v, TW_F_MPTCP_FIN_C, 1, fin_c);
	if (!fin_s)
		return;
	tw_from(v, TW_F_MPTCP_FIN_S, 1, fin_s);
	if (agreed(c, s) && !(fin_c && fin_c < fin_s))
		unheard_facts(v, fin_s);
}
