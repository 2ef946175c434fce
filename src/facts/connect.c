/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about the handshake.
 *
 *      client                                server
 *        |--SYN (TSval 1)------------------->|      SYN_COUNT, SYN_LADDER
 *        |--SYN (TSval 2)------------------->|
 *        |<----------SYN|ACK (TSecr n)-------|      SYNACK_ECHO = n: which SYN made the request
 *        |--ACK----------------------------->|      ACK3
 *        |<----------SYN|ACK-----------------|      SYNACK_REPEATS_AFTER_ACK: the ACK did not count
 */
#include "facts/view.h"
#include "timers/constants.h"

#define SYN_EXTRAS     (TW_OPT_WSCALE | TW_OPT_SACK_PERMITTED | TW_OPT_TIMESTAMPS)
#define LADDER_TIMES   32
#define FOLLOWED_BYTES (16 << 20) /* far below the distance of two numbers drawn by lot */
#define SYNACK_TIMER_NS                                                                            \
	(TW_TCP_TIMEOUT_INIT_NS * 9 / 10) /* at least; a path that gets shorter takes some */

const struct tw_pkt *tw_first_syn(const struct tw_dossier *d)
{
	size_t i;

	for (i = 0; i < d->pkt_count; i++)
		if (tw_counts(&d->pkt[i]) && !d->pkt[i].side && tw_is_syn(&d->pkt[i]))
			return &d->pkt[i];
	return NULL;
}

/* What devices on the path may take offence at, and clients leave out when the SYN is not answered. */
static int64_t asked(const struct tw_pkt *syn)
{
	return (syn->options & TW_OPT_MPTCP ? TW_ASKED_MPTCP : 0) |
	       (syn->options & (SYN_EXTRAS | TW_OPT_CUT) ? TW_ASKED_OPTIONS : 0) |
	       ((syn->flags & (TW_ECE | TW_CWR)) == (TW_ECE | TW_CWR) ? TW_ASKED_ECN : 0);
}

/* Does the first segment of the client behind its SYN continue that one's numbers? Those of another connection are anywhere. */
static void followed_fact(struct tw_view *v, const struct tw_pkt *syn)
{
	const struct tw_pkt *p;

	for (p = syn + 1; p < v->d->pkt + v->d->pkt_count; p++) {
		if (!tw_counts(p) || p->side || p->flags & (TW_SYN | TW_RST))
			continue;
		tw_from(v, TW_F_SYN_FOLLOWED,
			tw_seq_in(p->seq, syn->seq + 1, syn->seq + 1 + FOLLOWED_BYTES), p);
		return;
	}
}

static void syn_facts(struct tw_view *v)
{
	const struct tw_pkt *first = NULL, *last = NULL;
	int64_t times[LADDER_TIMES];
	size_t i, n = 0, kept = 0;
	bool id_zero = true, accepted = false, acked = false;

	for (i = 0; i < v->d->pkt_count; i++) {
		const struct tw_pkt *p = &v->d->pkt[i];

		accepted |= tw_counts(p) && p->side && tw_is_synack(p);
		if (!tw_counts(p) || p->side)
			continue;
		acked |= accepted && (p->flags & (TW_SYN | TW_ACK | TW_RST)) == TW_ACK;
		/* who has acknowledged the SYN|ACK repeats its SYN no more: it is a copy that comes late */
		if (!tw_is_syn(p) || p->marks & TW_MARK_NET_DUPLICATE || acked)
			continue;
		id_zero &= !p->ip_id && p->df;
		if (!first)
			first = p;
		last = p;
		n++;
		if (kept < LADDER_TIMES)
			times[kept++] = p->time_ns;
	}
	tw_from(v, TW_F_SYN_COUNT, (int64_t)n, first);
	tw_from(v, TW_F_SYN_LAST, (int64_t)n, last);
	if (!first)
		return;
	tw_from(v, TW_F_SYN_SPAN_NS, last->time_ns - first->time_ns, last);
	followed_fact(v, last);
	tw_from(v, TW_F_SYN_LADDER, tw_ladder_of(times, kept), last);
	tw_from(v, TW_F_SYN_ODD_FLAGS, (first->flags & (TW_FIN | TW_RST)) != 0, first);
	tw_from(v, TW_F_SYN_ASKED_MORE, asked(first) & ~asked(last), last);
	if (tw_is(v->f, TW_F_IP_VERSION, 4))
		tw_from(v, TW_F_SYN_ID_ZERO, id_zero, first);
	tw_from(v, TW_F_SYN_TTL, first->ttl, first);
	tw_from(v, TW_F_SYN_PAYLOAD, first->payload_bytes, first);
	tw_from(v, TW_F_MPTCP_JOIN,
		first->options & TW_OPT_MPTCP && first->mptcp_subtype == TW_MPTCP_JOIN, first);
	tw_from(v, TW_F_FASTOPEN, (first->options & TW_OPT_FASTOPEN) != 0, first);
}

/*
 * The SYN that the first SYN|ACK @p answers, if it stands right behind it: the capture has swapped the two. Not if the SYN
 * gets an answer of its own: the timers of both ends run for a second, and meet.
 */
static const struct tw_pkt *swapped_syn(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_pkt *q, *syn = NULL;

	for (q = p + 1; q < d->pkt + d->pkt_count; q++) {
		if (!tw_counts(q) || !(q->flags & TW_SYN))
			continue;
		if (syn && q->time_ns - syn->time_ns > TW_TCP_TIMEOUT_INIT_NS / 2)
			break;
		if (q->side)
			return NULL;
		if (syn || q->time_ns - p->time_ns >= TW_SWAPPED_NS || p->ack != q->seq + 1)
			break;
		syn = q;
	}
	return syn;
}

/*
 * Which SYN does the SYN|ACK answer? Its TSecr is the TSval of the SYN that created the request
 * (tcp_v4_conn_request: the first that arrived). @swapped: one that stands behind it and came before.
 */
static void echo_fact(struct tw_view *v, const struct tw_pkt *synack, const struct tw_pkt *swapped)
{
	const struct tw_dossier *d = v->d;
	int64_t number = 0, found = 0;
	bool differ = false;
	const struct tw_pkt *first = NULL;
	size_t i;

	if (!(synack->options & TW_OPT_TIMESTAMPS))
		return;
	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if ((p >= synack && (!swapped || p != swapped)) || !tw_counts(p) || p->side ||
		    !tw_is_syn(p) || !(p->options & TW_OPT_TIMESTAMPS))
			continue;
		number++;
		if (!first)
			first = p;
		differ |= p->tsval != first->tsval;
		if (!found && p->tsval == synack->tsecr)
			found = number;
	}
	if (first)
		tw_from(v, TW_F_SYNACK_ECHO_FOREIGN, !found && synack->tsecr, synack);
	if (found && (number == 1 || differ))
		tw_from(v, TW_F_SYNACK_ECHO, found, synack);
	else if (differ && synack->tsecr && tw_seq_lt(synack->tsecr, first->tsval))
		tw_from(v, TW_F_SYNACK_ECHO, 0, synack);
}

/*
 * Which SYN|ACK had reached the client when it sent @ack3? Its TSecr is the TSval of the first that it
 * got; each repeat carries a newer one. On a path slower than the SYN's timer this tells a SYN|ACK that
 * was under way from one that was lost.
 */
static void ack3_echo_fact(struct tw_view *v, const struct tw_pkt *ack3)
{
	const struct tw_dossier *d = v->d;
	int64_t number = 0, found = 0;
	const struct tw_pkt *p, *first = NULL;
	bool differ = false;

	if (!(ack3->options & TW_OPT_TIMESTAMPS))
		return;
	for (p = d->pkt; p < ack3; p++) {
		if (!tw_counts(p) || !p->side || !tw_is_synack(p) ||
		    !(p->options & TW_OPT_TIMESTAMPS))
			continue;
		number++;
		if (!first)
			first = p;
		differ |= p->tsval != first->tsval;
		if (!found && p->tsval == ack3->tsecr)
			found = number;
	}
	if (found && (number == 1 || differ))
		tw_from(v, TW_F_ACK3_ECHO, found, ack3);
}

/*
 * Does the client's ACK @p acknowledge more than @synack and what the server has said behind it, and is it refused by a bare
 * reset of that number?
 */
static bool is_wrong_ack(const struct tw_dossier *d, const struct tw_pkt *synack,
			 const struct tw_pkt *p)
{
	const struct tw_pkt *q;

	for (q = synack + 1; q < p; q++)
		if (tw_counts(q) && q->side && !(q->flags & TW_RST) && tw_pkt_end(q) == p->ack)
			return false;
	for (q = p + 1; q < d->pkt + d->pkt_count && p->ack != synack->seq + 1; q++)
		if (tw_counts(q) && q->side != p->side)
			return (q->flags & (TW_RST | TW_ACK)) == TW_RST && q->seq == p->ack;
	return false;
}

/* The first segment of the client that acknowledges the SYN|ACK, -1 if none. */
static long find_ack3(const struct tw_dossier *d, const struct tw_pkt *synack)
{
	size_t i;

	for (i = (size_t)(synack - d->pkt) + 1; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (tw_counts(p) && !p->side && (p->flags & (TW_ACK | TW_RST)) == TW_ACK &&
		    tw_seq_ge(p->ack, synack->seq + 1) && !is_wrong_ack(d, synack, p))
			return (long)i;
	}
	return -1;
}

struct synack_walk {
	const struct tw_pkt *first, *first_repeat, *after_ack, *untriggered_first, *conflict;
	const struct tw_pkt
		*swapped;           /* the SYN that the first one answers, if it stands behind it */
	const struct tw_pkt *wrong; /* ACK of another number, which the server refuses */
	int64_t count, after, untriggered;
	bool before_repeat;
	int64_t times[LADDER_TIMES];
	size_t kept;
};

/*
 * A SYN|ACK repeat is the server timer's own if no SYN before it is left that could have drawn it. One that comes sooner
 * than the timer was drawn by a SYN that was not captured: from before its start, for example.
 */
static void walk_synacks(const struct tw_dossier *d, struct synack_walk *w)
{
	long pending = 0; /* SYNs that have not drawn their SYN|ACK yet */
	bool ack3 = false, closed[2] = { false, false }, own;
	int64_t last_ns = 0; /* of the SYN|ACK before */
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->marks & TW_MARK_NET_DUPLICATE)
			continue;
		closed[p->side] |= (p->flags & TW_FIN) != 0;
		if (!p->side) {
			if (w->swapped && p == w->swapped)
				continue;
			if (tw_is_syn(p)) {
				pending++;
				w->before_repeat |= w->first != NULL && !ack3;
			} else if (w->first && !ack3 && (p->flags & (TW_ACK | TW_RST)) == TW_ACK) {
				ack3 = !is_wrong_ack(d, w->first, p);
				/* else it is of a connection before: a late SYN, or SYN|ACK */
				if (!ack3 && !w->wrong && p->seq == w->first->ack)
					w->wrong = p;
			}
			continue;
		}
		/* a copy of the SYN that comes behind both FINs begins something else */
		if (!tw_is_synack(p) ||
		    (closed[0] && closed[1] && w->first && p->seq != w->first->seq))
			continue;
		w->count++;
		if (w->kept < LADDER_TIMES)
			w->times[w->kept++] = p->time_ns;
		if (!w->first) {
			w->first = p;
			w->swapped = swapped_syn(d, p);
			pending += w->swapped != NULL;
		} else {
			if (!w->first_repeat)
				w->first_repeat = p;
			if (p->seq != w->first->seq && p->ack == w->first->ack && !w->conflict)
				w->conflict = p;
			own = !pending && p->seq == w->first->seq &&
			      p->time_ns - last_ns >= SYNACK_TIMER_NS;
			if (own) {
				w->untriggered++;
				if (!w->untriggered_first)
					w->untriggered_first = p;
			}
			if (own && ack3) {
				w->after++;
				if (!w->after_ack)
					w->after_ack = p;
			}
		}
		pending -= pending > 0;
		last_ns = p->time_ns;
	}
}

static void ack3_facts(struct tw_view *v, const struct tw_pkt *synack)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *syn = tw_first_syn(d), *ack3;
	long i = find_ack3(d, synack);
	int64_t acks = 0;
	size_t k;

	for (k = (size_t)(synack - d->pkt) + 1; k < d->pkt_count; k++) {
		const struct tw_pkt *p = &d->pkt[k];

		if (tw_counts(p) && !p->side && tw_pure_ack(p) && p->ack == synack->seq + 1)
			acks++;
		if (tw_counts(p) && !p->side && p->flags & (TW_ACK | TW_RST) &&
		    !tw_known(v->f, TW_F_ACK3_DELAY_NS))
			tw_from(v, TW_F_ACK3_DELAY_NS, p->time_ns - synack->time_ns, p);
	}
	tw_from(v, TW_F_ACK3_COUNT, acks, NULL);
	tw_from(v, TW_F_ACK3_SEEN, i >= 0, i >= 0 ? &d->pkt[i] : NULL);
	if (i < 0 || !syn)
		return;
	ack3 = &d->pkt[i];
	ack3_echo_fact(v, ack3);
	tw_from(v, TW_F_CONNECT_NS, ack3->time_ns - syn->time_ns, ack3);
	if (tw_get(v->f, TW_F_SYN_COUNT) == 1 && tw_get(v->f, TW_F_SYNACK_COUNT) == 1)
		tw_from(v, TW_F_HANDSHAKE_RTT_NS, ack3->time_ns - syn->time_ns, ack3);
}

/* A SYN|ACK that was made before @first, by its timestamp, and came after it: held up on the way, not lost. */
static void late_synack_fact(struct tw_view *v, const struct tw_pkt *first)
{
	const struct tw_pkt *p;

	for (p = first + 1; p < v->d->pkt + v->d->pkt_count; p++)
		if (tw_counts(p) && p->side && p->flags & TW_SYN &&
		    p->options & first->options & TW_OPT_TIMESTAMPS &&
		    tw_seq_lt(p->tsval, first->tsval)) {
			tw_from(v, TW_F_SYNACK_LATE, 1, p);
			return;
		}
}

/*
 * Data of the server before its SYN|ACK @synack, with a SYN between: who sends it has accepted the first SYN, and had sent a
 * SYN|ACK then (tcp_fastopen_create_child()).
 */
static void overtaken_fact(struct tw_view *v, const struct tw_pkt *synack)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *syn = tw_first_syn(d), *data = NULL, *p;

	for (p = syn ? syn + 1 : synack; p < synack; p++) {
		if (!tw_counts(p))
			continue;
		if (p->side && p->payload_bytes && (p->flags & (TW_ACK | TW_RST)) == TW_ACK &&
		    tw_seq_in(p->seq, synack->seq + 1, synack->seq + FOLLOWED_BYTES) &&
		    tw_seq_in(p->ack, syn->seq + 1, tw_pkt_end(syn) + 1))
			data = data ? data : p;
		else if (!p->side && tw_is_syn(p) && data)
			tw_from(v, TW_F_SYNACK_OVERTAKEN, 1, data);
	}
}

static void synack_facts(struct tw_view *v)
{
	const struct tw_end *client = &v->d->end[0], *server = &v->d->end[1];
	struct synack_walk w = { 0 };

	walk_synacks(v->d, &w);
	tw_from(v, TW_F_SYNACK_COUNT, w.count, w.first);
	tw_from(v, TW_F_SYNACK_REPEATS_UNTRIGGERED, w.untriggered, w.untriggered_first);
	tw_from(v, TW_F_SYNACK_REPEATS_AFTER_ACK, w.after, w.after_ack);
	tw_from(v, TW_F_ACK3_SEEN, 0, NULL);
	tw_from(v, TW_F_ACK3_COUNT, 0, NULL);
	tw_from(v, TW_F_SYNACK_BEFORE_SYN_REPEAT, w.before_repeat, w.first);
	tw_from(v, TW_F_SYNACK_ISN_CONFLICT, w.conflict != NULL, w.conflict);
	if (!w.first)
		return;
	tw_from(v, TW_F_ACK3_WRONG, w.wrong && !tw_get(v->f, TW_F_SYNACK_ISN_CONFLICT), w.wrong);
	if (w.first_repeat)
		tw_from(v, TW_F_SYNACK_FIRST_REPEAT_NS, w.first_repeat->time_ns - w.first->time_ns,
			w.first_repeat);
	if (w.first_repeat)
		tw_derive_made(v, w.first, w.first_repeat);
	tw_from(v, TW_F_SYNACK_LADDER, tw_ladder_of(w.times, w.kept), w.first);
	tw_from(v, TW_F_SYNACK_BAD_CHECKSUM,
		server->bad_checksums && !server->good_checksums && client->good_checksums &&
			!client->bad_checksums,
		w.first);
	late_synack_fact(v, w.first);
	overtaken_fact(v, w.first);
	echo_fact(v, w.first, w.swapped);
	ack3_facts(v, w.first);
}

static void first_data_side_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p) || !p->payload_bytes || p->flags & (TW_SYN | TW_RST))
			continue;
		tw_from(v, TW_F_FIRST_DATA_SIDE, p->side, p);
		return;
	}
}

/* The client's first data: repeated in vain, acknowledged late? */
static void first_data_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *first = NULL, *ack = NULL, *alive = NULL;
	int64_t repeats = 0;
	bool any_ack = false;
	size_t i;

	for (i = 0; i < d->pkt_count && !ack; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (!p->side) {
			if (!p->payload_bytes || p->flags & TW_SYN)
				continue;
			if (!first)
				first = p;
			else
				repeats += (p->marks & TW_MARKS_REPEAT) && p->seq == first->seq;
		} else if (first && p->flags & TW_ACK && tw_seq_gt(p->ack, first->seq)) {
			ack = p;
		} else if (first && !alive && !(p->flags & TW_SYN)) {
			alive = p;
		}
	}
	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		any_ack |= tw_counts(p) && p->side && (p->flags & (TW_ACK | TW_RST)) == TW_ACK &&
			   d->end[0].base_set && tw_seq_gt(p->ack, d->end[0].base_seq + 1) &&
			   d->end[0].bytes && (ack != NULL || !first);
	}
	tw_from(v, TW_F_SERVER_ACKED_CLIENT_DATA, ack != NULL || any_ack, ack);
	tw_from(v, TW_F_CLIENT_DATA_REPEATS_UNACKED, repeats, first);
	tw_from(v, TW_F_SERVER_ALIVE_BEFORE_ACK, alive != NULL, alive);
	tw_from(v, TW_F_CLIENT_DATA_FIRST_ECHOED,
		ack && repeats && ack->options & first->options & TW_OPT_TIMESTAMPS &&
			ack->tsecr == first->tsval,
		ack);
	if (ack)
		tw_from(v, TW_F_CLIENT_DATA_FIRST_ACK_NS, ack->time_ns - first->time_ns, ack);
}

static bool acks_syn(const struct tw_pkt *syn, const struct tw_pkt *p)
{
	return p->ack - syn->seq - 1 <= syn->payload_bytes;
}

static bool echoes_a_syn(const struct tw_dossier *d, const struct tw_pkt *synack)
{
	const struct tw_pkt *p;

	for (p = d->pkt; p < synack; p++)
		if (tw_counts(p) && !p->side && tw_is_syn(p) && p->tsval == synack->tsecr)
			return true;
	return false;
}

/*
 * Did the client refuse @synack, and does it connect on? Its next segment is the bare RST, and then it sends its SYN
 * again, or takes a later SYN|ACK.
 */
static bool was_refused(const struct tw_dossier *d, const struct tw_pkt *syn,
			const struct tw_pkt *synack)
{
	const struct tw_pkt *p;
	bool refused = false, later = false;

	for (p = synack + 1; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p))
			continue;
		if (p->side)
			later |= refused && tw_is_synack(p);
		else if (p->flags & TW_RST && refused)
			continue;
		else if (refused)
			return tw_is_syn(p) ? p->seq == syn->seq : later;
		else if ((p->flags & (TW_RST | TW_ACK)) == TW_RST && p->seq == synack->ack)
			refused = true;
		else
			return false;
	}
	return false;
}

static void refused_synacks(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *syn = tw_first_syn(d), *p, *first = NULL;
	int64_t n = 0;

	for (p = syn; p && p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p) || !p->side || !tw_is_synack(p) || !was_refused(d, syn, p))
			continue;
		first = first ? first : p;
		n++;
	}
	tw_from(v, TW_F_SYNACK_REFUSED, n, first);
	if (!first)
		return;
	tw_from(v, TW_F_SYNACK_REFUSED_ACK, !acks_syn(syn, first), first);
	/* an echo of 0 is none: such a SYN|ACK is taken */
	if (syn->options & first->options & TW_OPT_TIMESTAMPS)
		tw_from(v, TW_F_SYNACK_REFUSED_ECHO, first->tsecr && !echoes_a_syn(d, first),
			first);
}

/* Answers that SYN_SENT refuses: their ack is not ISN+1 (RFC 9293 s3.10.7.3). */
static void bad_answers(struct tw_view *v)
{
	const struct tw_pkt *syn = tw_first_syn(v->d), *first = NULL, *refusal = NULL;
	const struct tw_pkt *answer = NULL; /* the SYN|ACK that does fit */
	int64_t n = 0, others = 0, refused = 0;
	size_t i;

	for (i = 0; syn && i < v->d->pkt_count; i++) {
		const struct tw_pkt *p = &v->d->pkt[i];

		if (!tw_counts(p) || p < syn)
			continue;
		if (!p->side) {
			if ((p->flags & (TW_SYN | TW_RST | TW_ACK)) == TW_ACK)
				break; /* established */
			if (first && p->flags & TW_RST && p->seq == first->ack && !refused++)
				refusal = p;
			continue;
		}
		if (tw_is_synack(p) && acks_syn(syn, p))
			answer = p;
		/* it goes on from there, and has heard more of the client than the capture */
		if (answer && !(p->flags & TW_RST) && p->seq == answer->seq + 1 &&
		    tw_seq_in(p->ack, syn->seq + 1, syn->seq + 1 + FOLLOWED_BYTES))
			break;
		if (p->flags & TW_ACK ? !acks_syn(syn, p) : p->flags & TW_RST) {
			n++;
			if (!first)
				first = p;
			others += p->flags != first->flags || p->seq != first->seq ||
				  p->ack != first->ack;
		}
	}
	tw_from(v, TW_F_BAD_ACK_IN_SYN_SENT, n, first);
	tw_from(v, TW_F_BAD_ACK_OTHERS, others, NULL);
	tw_from(v, TW_F_SYNACK_FITS, answer != NULL, answer);
	tw_from(v, TW_F_BAD_ACK_REFUSED, refused, refusal);
}

/* Both ends sent a SYN: has each of them acknowledged the other's? */
static bool both_acked(const struct tw_dossier *d)
{
	const struct tw_pkt *p;
	bool acked[2] = { false, false };

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && (p->flags & (TW_ACK | TW_RST)) == TW_ACK)
			acked[!p->side] |= tw_seq_gt(p->ack, d->end[!p->side].base_seq);
	return acked[0] && acked[1];
}

static bool established(const struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	uint64_t spoke[2] = { 0, 0 }, c, s; /* segments but resets, copies not counted */
	size_t i;

	for (i = 0; i < d->pkt_count; i++)
		spoke[d->pkt[i].side] += tw_counts(&d->pkt[i]) && !(d->pkt[i].flags & TW_RST);
	c = spoke[0];
	s = spoke[1];
	if (tw_get(v->f, TW_F_SYN_COUNT) || tw_get(v->f, TW_F_SYNACK_COUNT))
		return tw_get(v->f, TW_F_ACK3_SEEN) ||
		       (tw_get(v->f, TW_F_SIMULTANEOUS_OPEN) && both_acked(d)) ||
		       tw_get(v->f, TW_F_SELF_CONNECT) ||
		       (tw_get(v->f, TW_F_ONE_SIDED) && (c ? c : s) > 2);
	return (c && s) || c > 2 || s > 2;
}

void tw_derive_connect(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	bool c_syn = false, s_syn = false, s_answered = false;
	const struct tw_pkt *first = NULL;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p))
			continue;
		if (!first)
			first = p;
		c_syn |= !p->side && tw_is_syn(p);
		/* a bare SYN behind its SYN|ACK is out of place, and no second way to begin */
		s_syn |= p->side && tw_is_syn(p) && !s_answered;
		s_answered |= p->side && tw_is_synack(p);
	}
	tw_from(v, TW_F_SELF_CONNECT,
		d->end[0].port == d->end[1].port && tw_addr_equal(&d->end[0].addr, &d->end[1].addr),
		NULL);
	tw_from(v, TW_F_SIMULTANEOUS_OPEN, c_syn && s_syn, NULL);
	tw_from(v, TW_F_UNREQUESTED_SYNACK, first && tw_is_synack(first) && !swapped_syn(d, first),
		first);
	syn_facts(v);
	tw_derive_syn_answer(v);
	synack_facts(v);
	first_data_side_fact(v);
	first_data_facts(v);
	bad_answers(v);
	refused_synacks(v);
	tw_from(v, TW_F_ESTABLISHED, established(v), NULL);
}
