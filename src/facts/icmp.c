/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts from ICMP errors that quote the connection (RFC 792, RFC 4443; effects on TCP: RFC 5461). */
#include "facts/view.h"
#include "timers/usual.h"

#define BURST_GAP_NS     (100 * TW_NS_PER_MS)
#define CLOCKS_DIFFER_NS (500 * TW_NS_PER_MS)

static bool too_big(const struct tw_icmp *i)
{
	return i->version == 6 ? i->type == 2 : i->type == 3 && i->code == 4;
}

static enum tw_icmp_class class_v4(const struct tw_icmp *i)
{
	if (i->type == 11)
		return TW_ICMP_TIME_EXCEEDED;
	if (i->type != 3)
		return TW_ICMP_OTHER;
	switch (i->code) {
	case 0:
	case 5:
	case 6:
	case 11:
		return TW_ICMP_NET_UNREACHABLE;
	case 1:
	case 7:
	case 8:
	case 12:
		return TW_ICMP_HOST_UNREACHABLE;
	case 2:
		return TW_ICMP_PROTOCOL_UNREACHABLE;
	case 3:
		return TW_ICMP_PORT_UNREACHABLE;
	case 9:
	case 10:
	case 13:
		return TW_ICMP_PROHIBITED;
	default:
		return TW_ICMP_OTHER;
	}
}

static enum tw_icmp_class class_v6(const struct tw_icmp *i)
{
	if (i->type == 3)
		return TW_ICMP_TIME_EXCEEDED;
	if (i->type != 1)
		return TW_ICMP_OTHER;
	switch (i->code) {
	case 0:
		return TW_ICMP_NET_UNREACHABLE;
	case 1:
	case 5:
	case 6:
		return TW_ICMP_PROHIBITED;
	case 3:
		return TW_ICMP_HOST_UNREACHABLE;
	case 4:
		return TW_ICMP_PORT_UNREACHABLE;
	default:
		return TW_ICMP_OTHER;
	}
}

/* The last transmission of the quoted segment before the error; by the clock too, if any fits it. */
static const struct tw_pkt *quoted(const struct tw_dossier *d, const struct tw_icmp *i)
{
	const struct tw_pkt *best = NULL;
	size_t k;

	for (k = 0; k < d->pkt_count && d->pkt[k].frame < i->frame; k++)
		if (d->pkt[k].side == i->side &&
		    (d->pkt[k].seq == i->quoted_seq ||
		     tw_carries(&d->pkt[k], i->quoted_seq, i->quoted_seq + 1)) &&
		    (!best || !tw_order_behind(i->time_ns, d->pkt[k].time_ns)))
			best = &d->pkt[k];
	return best;
}

/* Is @p the transmission that the error quotes? */
static bool is_quoted(const struct tw_pkt *p, const struct tw_icmp *i)
{
	if (p->side != i->side || p->seq != i->quoted_seq || p->frame > i->frame)
		return false;
	if (i->quoted_tsval && p->options & TW_OPT_TIMESTAMPS)
		return p->tsval == i->quoted_tsval;
	return i->quoted_id && p->ip_id == i->quoted_id;
}

/*
 * How long did the very transmission wait that the error quotes? -1: not known. A filter refuses at once what comes; who looks
 * for a neighbour keeps some packets until it gives up (neigh_invalidate()), and then answers them together.
 */
static int64_t held_ns(const struct tw_dossier *d, const struct tw_icmp *i)
{
	const struct tw_pkt *found = NULL;
	size_t k;

	for (k = 0; k < d->pkt_count; k++)
		if (tw_counts(&d->pkt[k]) && is_quoted(&d->pkt[k], i)) {
			if (found)
				return -1;
			found = &d->pkt[k];
		}
	return found ? i->time_ns - found->time_ns : -1;
}

#define MISSED_BYTES                                                                               \
	(1 << 20) /* so much at most the capture may have missed of what the end sent */

/* What the end of the error @i had sent before it, as far as it was captured; and was that no more than its SYN? */
static uint32_t sent_before(const struct tw_dossier *d, const struct tw_icmp *i, bool *connecting)
{
	const struct tw_end *e = &d->end[i->side];
	uint32_t next = e->base_seq;
	bool spoke = false;
	size_t k;

	*connecting = false;
	for (k = 0; k < d->pkt_count && d->pkt[k].frame < i->frame; k++) {
		const struct tw_pkt *p = &d->pkt[k];

		if (p->side != i->side || !tw_counts(p) || p->flags & TW_RST)
			continue;
		spoke |= !(p->flags & TW_SYN);
		if (tw_seq_gt(tw_pkt_end(p), next))
			next = tw_pkt_end(p);
	}
	if (k < d->pkt_count && d->pkt[k].gap) /* what stood before the error was not kept */
		return e->next_seq;
	for (; k < d->pkt_count && !spoke; k++) {
		const struct tw_pkt *p = &d->pkt[k];

		if (p->flags & TW_SYN) {
			*connecting = true;
			break;
		}
		spoke = p->side == i->side;
	}
	return next;
}

/* Does the capture show all that @side sent? It was taken there, and nobody acknowledges what is not in it. */
static bool all_shown(const struct tw_view *v, int side)
{
	return tw_is(v->f, TW_F_VANTAGE, side ? TW_VANTAGE_SERVER : TW_VANTAGE_CLIENT) &&
	       !tw_get(v->f, TW_F_TRACE_LOSSY) && !tw_get(v->f, TW_F_ONE_SIDED) &&
	       !tw_get(v->f, side ? TW_F_ACKED_UNSEEN_S : TW_F_ACKED_UNSEEN_C);
}

bool tw_icmp_concerns(const struct tw_view *v, const struct tw_icmp *i)
{
	const struct tw_end *e = &v->d->end[i->side];
	bool connecting;
	uint32_t next;

	if (too_big(i))
		return false;
	if (!e->isn_seen)
		return true;
	next = sent_before(v->d, i, &connecting);
	if (connecting || e->state == TW_ST_SYN_SENT) /* it has sent nothing but its SYN */
		return tw_seq_in(i->quoted_seq, e->base_seq, next);
	/* a host's own filter refuses what never leaves it, and says so to itself */
	if (all_shown(v, i->side) && !tw_addr_equal(&i->from, &e->addr))
		return tw_seq_in(i->quoted_seq, e->base_seq, next + 1);
	/* nothing stands behind a FIN, wherever it was captured */
	if (e->fin_seen && e->next_seq == e->fin_seq + 1)
		return tw_seq_in(i->quoted_seq, e->base_seq, e->next_seq + 1);
	return tw_seq_in(i->quoted_seq, e->base_seq, e->next_seq + MISSED_BYTES);
}

/*
 * Was what the error quotes acknowledged behind it? Then it told of a moment, which passed; unless all that follows of the
 * end that got it is a reset: that has no such connection any more (tcp_req_err()).
 */
static bool outlived(const struct tw_dossier *d, const struct tw_icmp *i)
{
	bool gone = false;
	size_t k;

	for (k = d->pkt_count; k > 0 && d->pkt[k - 1].frame > i->frame; k--) {
		const struct tw_pkt *p = &d->pkt[k - 1];

		if (!tw_counts(p))
			continue;
		if (p->side == i->side)
			gone = (p->flags & TW_RST) != 0;
		else if (!gone && (p->flags & (TW_ACK | TW_RST)) == TW_ACK &&
			 tw_seq_gt(p->ack, i->quoted_seq))
			return true;
	}
	return false;
}

/* The ACK by which the other end had taken what the error quotes, before the error came; NULL: there is none. */
static const struct tw_pkt *taken_before(const struct tw_dossier *d, const struct tw_icmp *i)
{
	size_t k;

	for (k = 0; k < d->pkt_count && d->pkt[k].frame < i->frame; k++) {
		const struct tw_pkt *p = &d->pkt[k];

		if (tw_counts(p) && p->side != i->side &&
		    (p->flags & (TW_ACK | TW_RST)) == TW_ACK && tw_seq_gt(p->ack, i->quoted_seq))
			return p;
	}
	return NULL;
}

static void first_error(struct tw_view *v, const struct tw_icmp *i)
{
	const struct tw_pkt *taken = taken_before(v->d, i);
	const struct tw_pkt *p = quoted(v->d, i);
	const struct tw_end *to = &v->d->end[!i->side];

	tw_fact_set(v->f, TW_F_ICMP_CLASS, i->version == 6 ? class_v6(i) : class_v4(i), i->frame,
		    i->time_ns);
	tw_fact_set(v->f, TW_F_ICMP_CODE, i->code, i->frame, i->time_ns);
	tw_fact_set(v->f, TW_F_ICMP_TO, i->side, i->frame, i->time_ns);
	tw_fact_set(v->f, TW_F_ICMP_FROM_DESTINATION, tw_addr_equal(&i->from, &to->addr), i->frame,
		    i->time_ns);
	tw_from(v, TW_F_ICMP_QUOTED_ARRIVED, taken != NULL, taken);
	tw_fact_set(v->f, TW_F_ICMP_ON_SYN, p && p->flags & TW_SYN, i->frame, i->time_ns);
	if (p && i->time_ns >= p->time_ns)
		tw_fact_set(v->f, TW_F_ICMP_DELAY_NS, i->time_ns - p->time_ns, i->frame,
			    i->time_ns);
}

void tw_derive_icmp(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_icmp *first = NULL, *last = NULL, *big = NULL, *standing = NULL;
	int64_t n = 0, n_big = 0, n_standing = 0, answered = 0;
	const struct tw_icmp *longest = NULL;
	int64_t held = -1;
	bool burst = false;
	size_t k;

	for (k = 0; k < d->icmp_count; k++) {
		const struct tw_icmp *i = &d->icmp[k];

		if (too_big(i)) {
			n_big++;
			if (!big)
				big = i;
			continue;
		}
		if (!tw_icmp_concerns(v, i))
			continue;
		n++;
		answered += quoted(d, i) != NULL;
		if (held_ns(d, i) > held) {
			held = held_ns(d, i);
			longest = i;
		}
		if (!first)
			first = i;
		if (!outlived(d, i) && !taken_before(d, i)) {
			n_standing++;
			standing = standing ? standing : i;
		}
		if (last && i->time_ns - last->time_ns < BURST_GAP_NS &&
		    i->time_ns - d->first_ns > tw_usual()->neighbour_ns - CLOCKS_DIFFER_NS)
			burst = true;
		last = i;
	}
	/* those there was no room for: of this kind as well, if all were for which there was */
	if (n == TW_ICMP_MAX)
		n += (int64_t)(d->icmp_total - TW_ICMP_MAX);
	first = standing ? standing : first;
	tw_fact_set(v->f, TW_F_ICMP_COUNT, n, first ? first->frame : 0, first ? first->time_ns : 0);
	tw_fact_set(v->f, TW_F_ICMP_TOO_BIG, n_big, big ? big->frame : 0, big ? big->time_ns : 0);
	if (big)
		tw_fact_set(v->f, TW_F_ICMP_TOO_BIG_MTU, big->mtu, big->frame, big->time_ns);
	if (!first)
		return;
	first_error(v, first);
	if (longest)
		tw_fact_set(v->f, TW_F_ICMP_HELD_NS, held, longest->frame, longest->time_ns);
	tw_fact_set(v->f, TW_F_ICMP_STANDING, n_standing, standing ? standing->frame : 0,
		    standing ? standing->time_ns : 0);
	tw_fact_set(v->f, TW_F_ICMP_LAST, n, last->frame, last->time_ns);
	tw_fact_set(v->f, TW_F_ICMP_BURST, burst && tw_get(v->f, TW_F_ICMP_ON_SYN), first->frame,
		    first->time_ns);
	tw_fact_set(v->f, TW_F_ICMP_ANSWERED_SEGMENTS, answered, first->frame, first->time_ns);
}
