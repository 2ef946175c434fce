/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about the time before the decisive reset: how long it was silent, and what went unanswered in it.
 *
 *      victim                                author
 *        |<---------------------------data-----|
 *        |               silence               |   RST_IDLE_BEFORE_NS
 *        |--data-------------------X           |
 *        |--data (repeat)----------X           |   RST_UNANSWERED_REPEATS
 *        |--data (repeat)--------------------->|   the trigger
 *        |<----------------------------RST-----|
 */
#include "facts/view.h"

#define BURST_BYTES          (1 << 22)
#define FASTEST_BYTES_PER_NS 12        /* 100 Gbit/s */
#define MOST_BYTES           (1 << 30) /* farther ahead numbers can not be compared */

#define BURST_NS   (100 * TW_NS_PER_MS) /* shorter than any timer's repeat */
#define SENDING_NS (100 * TW_NS_PER_MS) /* no host boots, no container starts sooner */

/*
 * The trigger is rarely alone: a request of several segments, or one with its FIN, leaves in one burst, and all
 * of it carries the same ack. The silence is before the first of them.
 */
static size_t start_of_burst(const struct tw_dossier *d, size_t base, int victim)
{
	size_t i;

	for (i = base; i > 0 && !d->pkt[i].gap; i--) {
		const struct tw_pkt *q = &d->pkt[i - 1];

		if (!tw_counts(q))
			continue;
		if (q->side != victim || d->pkt[base].side != victim ||
		    d->pkt[base].time_ns - q->time_ns > BURST_NS)
			break;
		base = i - 1;
	}
	return base;
}

/*
 * The last keepalive probes before an active reset, and answers to them that its author never got: probe after probe
 * it echoes the same old timestamp (RFC 7323 s4.3 would have it echo the answer's).
 */
static void unheard_probes(struct tw_view *v, size_t rst)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *r = &d->pkt[rst], *first = NULL;
	bool answered = false;
	int64_t probes = 0;
	size_t i;

	if (!(r->options & TW_OPT_TIMESTAMPS) || !tw_is(v->f, TW_F_RST_FORM, TW_RST_ACTIVE))
		return;
	for (i = rst; i > 0 && !d->pkt[i].gap; i--) {
		const struct tw_pkt *q = &d->pkt[i - 1];

		if (!tw_counts(q))
			continue;
		if (q->side != r->side) {
			answered |= tw_pure_ack(q) && tw_seq_gt(q->tsval, r->tsecr);
			continue;
		}
		if (!(q->marks & TW_MARK_KEEPALIVE) || !answered || q->tsecr != r->tsecr)
			break;
		answered = false;
		probes++;
		first = q;
	}
	tw_from(v, TW_F_RST_PROBES_UNHEARD, probes, first);
}

/* Keepalive probes of @author, and nothing of the other end behind them but what drew the reset @rst. */
static void probed_fact(struct tw_view *v, size_t rst, int author)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *first = NULL;
	int64_t n = 0, after = 0;
	size_t i;

	for (i = 0; i < rst; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p))
			continue;
		if (p->side != author) {
			after += first != NULL;
			if (after < 2)
				continue;
			first = NULL;
			n = after = 0;
		} else if (p->marks & TW_MARK_KEEPALIVE) {
			first = after ? p : first ? first : p;
			n = after ? 1 : n + 1;
			after = 0;
		}
	}
	tw_from(v, TW_F_RST_AUTHOR_PROBED_IN_VAIN, n, first);
}

/* Repeats of @author's data that nothing answered before the trigger @t of its reset. */
static void repeated_fact(struct tw_view *v, size_t t, int author)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *first = NULL;
	int64_t n = 0;
	size_t i;

	for (i = t; i > 0; i--) {
		const struct tw_pkt *p = &d->pkt[i - 1];

		if (!tw_counts(p))
			continue;
		if (p->side != author || !p->payload_bytes || !(p->marks & TW_MARKS_REPEAT) ||
		    p->marks & TW_MARK_SPURIOUS)
			break;
		first = p;
		n++;
	}
	tw_from(v, TW_F_RST_AUTHOR_REPEATED, n, first);
}

/* Bytes that had passed before the reset @p of an open socket, @ns after the SYN, by its own numbers; 0: none, or they are absurd. */
static uint32_t passed_before(const struct tw_dossier *d, const struct tw_pkt *p, int64_t ns)
{
	const uint32_t sent = p->seq - (d->end[p->side].base_seq + 1),
		       got = p->ack - (d->end[!p->side].base_seq + 1);
	const int64_t most = BURST_BYTES + ns * FASTEST_BYTES_PER_NS;

	if (sent > most || got > most || sent > MOST_BYTES || got > MOST_BYTES)
		return 0;
	return sent > got ? sent : got;
}

/*
 * The resets of a connection of which only SYN and SYN|ACK are seen else. Who looks whether a port is open goes at the
 * first number of either end.
 */
static void unseen_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *syn = tw_first_syn(d), *found = NULL, *p;
	bool accepted = false;
	uint32_t most = 0;

	if (!tw_get(v->f, TW_F_NO_ACKS) || !syn)
		return;
	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		uint32_t bytes;

		if (!tw_counts(p))
			continue;
		if (accepted && !p->side && tw_is_syn(p))
			return; /* it still asks: nothing had passed */
		accepted |= p->side && p->flags & TW_SYN && p->ack == syn->seq + 1;
		if (p->flags & TW_SYN)
			continue;
		if (!(p->flags & TW_RST) || !accepted)
			return;
		if (!(p->flags & TW_ACK))
			break; /* of who has no such connection: what comes then is of somebody else */
		bytes = passed_before(d, p, p->time_ns - syn->time_ns);
		if (bytes > most) {
			most = bytes;
			found = p;
		}
	}
	if (found)
		tw_from(v, TW_F_RST_TELLS_UNSEEN, most, found);
}

/*
 * An end that closes with data still to be sent has its FIN wait behind that, and goes on sending; what it is sent then, but for pure
 * ACKs, draws a bare reset (tcp_rcv_state_process(): TCPAbortOnData), though no FIN was ever seen.
 *
 *	victim				author
 *	  |<--- data ----------------------|
 *	  |				  (close)  more data, and the FIN behind it, wait for room
 *	  |---- ACK ---------------------->|
 *	  |<--- data ----------------------|
 *	  |---- data --------------------->|	RST_WHILE_SENDING
 *	  |<--- RST -----------------------|
 */
static void while_sending_fact(struct tw_view *v, size_t rst)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *r = &d->pkt[rst], *p, *first = NULL, *own = NULL, *data = NULL;
	uint32_t next = 0;

	if (r->flags & TW_ACK || d->end[r->side].fin_seen)
		return;
	for (p = d->pkt; p <= r; p++) {
		if (p->side != r->side || p->marks & TW_MARK_SECOND_COPY)
			continue;
		if (p->flags & TW_RST) {
			first = first ? first : p;
		} else if (first) {
			return; /* it goes on */
		} else {
			next = !own || tw_seq_gt(tw_pkt_end(p), next) ? tw_pkt_end(p) : next;
			own = p;
		}
	}
	if (!first || first->flags & TW_ACK || !own || !tw_seq_gt(next, first->seq) ||
	    first->time_ns - own->time_ns >= SENDING_NS)
		return;
	for (p = d->pkt; p < first; p++)
		if (tw_counts(p) && p->side != r->side && p->flags & TW_ACK && p->ack == first->seq)
			data = p;
	if (data && data->payload_bytes && !(data->marks & TW_MARKS_REPEAT) &&
	    !tw_gap_between(d, (size_t)(data - d->pkt), rst))
		tw_from(v, TW_F_RST_WHILE_SENDING, next - first->seq, data);
}

void tw_derive_before_reset(struct tw_view *v, size_t rst, long t)
{
	const struct tw_dossier *d = v->d;
	const int a = d->pkt[rst].side;
	const struct tw_pkt *first_repeat = NULL, *first_probe = NULL;
	size_t base = t >= 0 ? (size_t)t : rst, i;
	int64_t repeats = 0, probes = 0;
	bool heard = false; /* the other end, since the probe: it answered */
	long prev = -1;

	probed_fact(v, rst, a);
	if (t >= 0)
		repeated_fact(v, (size_t)t, a);
	for (i = rst; i > 0 && !d->pkt[i].gap; i--) {
		const struct tw_pkt *q = &d->pkt[i - 1];

		if (!tw_counts(q))
			continue;
		if (q->side == a) {
			/* the probes of a closed window are no keepalive: the end has data to send */
			if (!(q->marks & TW_MARK_KEEPALIVE) || heard)
				break;
			probes++;
			first_probe = q;
			continue;
		}
		if (probes)
			break;
		heard = true;
		if (q->marks & TW_MARKS_REPEAT && (long)i - 1 != t) {
			repeats++;
			first_repeat = q;
		}
		if (repeats && q->payload_bytes)
			base = i - 1;
	}
	base = start_of_burst(d, base, !a);
	for (i = base; i > 0 && prev < 0 && !d->pkt[i].gap; i--)
		if (tw_counts(&d->pkt[i - 1]))
			prev = (long)i - 1;
	if (prev >= 0)
		tw_from(v, TW_F_RST_IDLE_BEFORE_NS, d->pkt[base].time_ns - d->pkt[prev].time_ns,
			&d->pkt[base]);
	tw_from(v, TW_F_RST_UNANSWERED_REPEATS, repeats, first_repeat);
	tw_from(v, TW_F_RST_UNANSWERED_PROBES, probes, first_probe);
	unheard_probes(v, rst);
	unseen_fact(v);
	while_sending_fact(v, rst);
}
