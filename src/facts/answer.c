/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What answered the SYN: the first answer, and what it refuses or only seems to.
 *
 *      client                                server
 *        |--SYN----------------------------->|
 *        |<----------RST|ACK-----------------|      SYN_ANSWER = RSTACK: connect() has failed
 *        |--SYN----------------------------->|
 *        |<----------ACK (old numbers)-------|      SYN_ANSWER = ACK: SYN_SENT does not take it
 *        |--SYN----------------------------->|
 *        |<----------RST|ACK-----------------|      SYN_REFUSED_LATER
 */
#include "facts/view.h"

#define SYN_ONLY (TW_OPT_MSS | TW_OPT_WSCALE | TW_OPT_SACK_PERMITTED)

static enum tw_syn_answer classify_answer(const struct tw_pkt *syn, const struct tw_pkt *p)
{
	if (p->flags & TW_RST)
		return p->flags & TW_ACK && p->ack - syn->seq - 1 <= syn->payload_bytes
			       ? TW_ANSWER_RSTACK
			       : TW_ANSWER_RST;
	if (tw_is_synack(p))
		return TW_ANSWER_SYNACK;
	return tw_is_syn(p) ? TW_ANSWER_SYN : TW_ANSWER_ACK;
}

/*
 * No SYN|ACK in the capture, but the client went on from its SYN and @p acknowledges that: the capture
 * missed the SYN|ACK, and @p is no answer to the SYN.
 */
static bool answers_later(const struct tw_view *v, const struct tw_pkt *syn, const struct tw_pkt *p)
{
	const struct tw_pkt *q;
	bool went_on = false;

	if ((p->flags & (TW_SYN | TW_RST | TW_ACK)) != TW_ACK ||
	    !tw_seq_in(p->ack, tw_pkt_end(syn), v->d->end[0].next_seq + 1))
		return false;
	for (q = syn + 1; q < v->d->pkt + v->d->pkt_count; q++) {
		if (tw_counts(q) && q->side && tw_is_synack(q))
			return false;
		went_on |= tw_counts(q) && !q->side && q->flags & TW_ACK && !(q->flags & TW_RST) &&
			   q->seq == tw_pkt_end(syn);
	}
	return went_on;
}

/* The SYN that @rst refused is accepted after all, without having been sent again? */
static void in_vain_fact(struct tw_view *v, const struct tw_pkt *rst)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p;

	for (p = rst + 1; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p))
			continue;
		if (!p->side && tw_is_syn(p))
			break;
		if (!p->side || !tw_is_synack(p) || p->ack != rst->ack)
			continue;
		tw_from(v, TW_F_SYN_REFUSED_IN_VAIN, 1, p);
		return;
	}
	tw_from(v, TW_F_SYN_REFUSED_IN_VAIN, 0, NULL);
}

/* SYN_SENT does not take @first, the first answer to @syn: is a later one, before any SYN|ACK, the refusal? */
static void refused_later_fact(struct tw_view *v, const struct tw_pkt *syn,
			       const struct tw_pkt *first)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p;

	for (p = first + 1; p < d->pkt + d->pkt_count && !tw_is_synack(p); p++)
		if (tw_counts(p) && p->side && classify_answer(syn, p) == TW_ANSWER_RSTACK) {
			tw_from(v, TW_F_SYN_REFUSED_LATER, 1, p);
			return;
		}
	tw_from(v, TW_F_SYN_REFUSED_LATER, 0, NULL);
}

/*
 * How many different RST|ACKs answer the one SYN that @rst refuses? A TCP answers once; a copy that the network made
 * has the same header.
 */
static void refusals_fact(struct tw_view *v, const struct tw_pkt *rst)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p, *last = rst, *elsewhere = NULL;
	int64_t n = 1;
	unsigned syns = 0;

	for (p = rst + 1; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p))
			continue;
		if (!p->side && tw_is_syn(p))
			break;
		if (!p->side || !(p->flags & TW_RST) || p->ack != rst->ack)
			continue;
		n += p->ip_id != last->ip_id || p->ttl != last->ttl ||
		     p->raw_window != last->raw_window || p->seq != last->seq;
		last = p;
		if (p->seq != rst->seq)
			elsewhere = p;
	}
	tw_from(v, TW_F_SYN_REFUSALS, n, last);
	for (p = d->pkt; p < rst; p++)
		syns += tw_counts(p) && !p->side && tw_is_syn(p);
	/* on a slow path two SYNs may be out, and each of them draws one */
	tw_from(v, TW_F_SYN_REFUSALS_APART, elsewhere && syns == 1, elsewhere);
}

/* tcp_timewait_state_process(): the ACK that it sends has RCV.NXT and TS.Recent of the old connection. */
static bool fits_time_wait(const struct tw_pkt *syn, const struct tw_pkt *ack)
{
	const bool stamped = syn->options & ack->options & TW_OPT_TIMESTAMPS;
	const int32_t newer = (int32_t)(syn->tsval - ack->tsecr);

	if (stamped && newer < 0)
		return false;
	return tw_seq_gt(syn->seq, ack->ack) || (stamped && newer > 0);
}

/* The first ICMP error that can end connect(): it quotes the SYN itself. */
static const struct tw_icmp *icmp_on(const struct tw_view *v, const struct tw_pkt *syn)
{
	const struct tw_dossier *d = v->d;
	size_t k;

	for (k = 0; k < d->icmp_count; k++)
		if (!d->icmp[k].side && d->icmp[k].quoted_seq == syn->seq &&
		    tw_icmp_concerns(v, &d->icmp[k]))
			return &d->icmp[k];
	return NULL;
}

void tw_derive_syn_answer(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *syn = tw_first_syn(d), *last = NULL;
	const struct tw_icmp *icmp;
	size_t i;

	if (!syn)
		return;
	icmp = icmp_on(v, syn);
	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p < syn)
			continue;
		if (icmp && icmp->frame < p->frame && last) {
			tw_fact_set(v->f, TW_F_SYN_ANSWER, TW_ANSWER_ICMP, icmp->frame,
				    icmp->time_ns);
			tw_fact_set(v->f, TW_F_SYN_ANSWER_DELAY_NS, icmp->time_ns - last->time_ns,
				    icmp->frame, icmp->time_ns);
			return;
		}
		if (!p->side) {
			if (tw_is_syn(p))
				last = p;
			continue;
		}
		if (answers_later(v, syn, p))
			return;
		tw_from(v, TW_F_SYN_ANSWER, classify_answer(syn, p), p);
		tw_from(v, TW_F_SYN_ANSWER_DELAY_NS, last ? p->time_ns - last->time_ns : 0, p);
		if (tw_get(v->f, TW_F_SYN_ANSWER) == TW_ANSWER_RSTACK) {
			tw_from(v, TW_F_SYN_ANSWER_SEQ_ZERO, !p->raw_seq, p);
			tw_from(v, TW_F_SYN_ANSWER_MIRRORED, (p->options & SYN_ONLY) != 0, p);
			in_vain_fact(v, p);
			refusals_fact(v, p);
		}
		if (tw_get(v->f, TW_F_SYN_ANSWER) == TW_ANSWER_ACK) {
			if (tw_is(v->f, TW_F_IP_VERSION, 4))
				tw_from(v, TW_F_SYN_ANSWER_ID_ZERO, !p->ip_id, p);
			tw_from(v, TW_F_SYN_FIT_FOR_TIME_WAIT, fits_time_wait(last ? last : syn, p),
				p);
		}
		if (tw_get(v->f, TW_F_SYN_ANSWER) == TW_ANSWER_ACK ||
		    tw_get(v->f, TW_F_SYN_ANSWER) == TW_ANSWER_RST)
			refused_later_fact(v, syn, p);
		return;
	}
	if (icmp) {
		tw_fact_set(v->f, TW_F_SYN_ANSWER, TW_ANSWER_ICMP, icmp->frame, icmp->time_ns);
		tw_fact_set(v->f, TW_F_SYN_ANSWER_DELAY_NS,
			    icmp->time_ns - (last ? last : syn)->time_ns, icmp->frame,
			    icmp->time_ns);
		return;
	}
	tw_from(v, TW_F_SYN_ANSWER, TW_ANSWER_NONE, NULL);
}
