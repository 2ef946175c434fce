/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about the close.
 *
 *      first closer                          second closer
 *        |--FIN (TSval 1)------------------->|      FIN1
 *        |--FIN (TSval 2)------------------->|      FIN1_COUNT 2
 *        |<------------------ACK (TSecr n)---|      FIN1_REPEAT_ECHO: which copy had arrived
 *        |<------------------FIN-------------|      FIN2
 *        |--ACK----------------------------->|      FIN2_ACKED
 */
#include "base/duration.h"
#include "facts/goodbye.h"
#include "facts/view.h"

#define BEGINS_NS    (TW_NS_PER_S / 2) /* what comes after so long is no rest of what was being sent */
#define LADDER_TIMES 32
#define CROSSING_NS  TW_NS_PER_S /* and twice the way there and back: longer is no FIN on its way */

/* The facts about one FIN, first or second. */
struct fin_ids {
	enum tw_fact_id count, acked, span, ladder, echo, echo_tells, acks, repeated_after_ack,
		refused;
};

static const struct fin_ids ids[2] = {
	{ TW_F_FIN1_COUNT, TW_F_FIN1_ACKED, TW_F_FIN1_SPAN_NS, TW_F_FIN1_LADDER,
	  TW_F_FIN1_REPEAT_ECHO, TW_F_FIN1_ECHO_TELLS, TW_F_FIN1_ACKS, TW_F_FIN1_REPEATED_AFTER_ACK,
	  TW_F_FIN1_REFUSED },
	{ TW_F_FIN2_COUNT, TW_F_FIN2_ACKED, TW_F_FIN2_SPAN_NS, TW_F_FIN2_LADDER,
	  TW_F_FIN2_REPEAT_ECHO, TW_F_FIN2_ECHO_TELLS, TW_F_FIN2_ACKS, TW_F_FIN2_REPEATED_AFTER_ACK,
	  TW_F_FIN2_REFUSED },
};

/*
 * The first FIN of @side. One that stands between the other end's SYN and its own is a stray of an older life, and closes
 * nothing.
 */
static long first_fin(const struct tw_dossier *d, int side)
{
	bool asked = false, begun = false;
	long fin = -1;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side != side) {
			asked |= fin < 0 && p->flags & TW_SYN;
		} else if (p->flags & TW_SYN) {
			if (!begun && asked && fin >= 0 && tw_seq_le(d->pkt[fin].seq, p->seq))
				fin = -1;
			begun = true;
		} else if (p->flags & TW_FIN && fin < 0) {
			fin = (long)i;
		}
	}
	return fin;
}

static uint32_t fin_end(const struct tw_pkt *fin)
{
	return fin->seq + fin->payload_bytes + 1;
}

struct fin_walk {
	const struct tw_pkt *last, *ack, *late, *refused, *answered;
	int64_t count, acks;
	int64_t times[LADDER_TIMES];
	size_t kept;
};

/* Seen behind the copy @fin, and made before it: it is the original that comes late, and no repeat. */
static bool was_overtaken(const struct tw_pkt *p, const struct tw_pkt *fin)
{
	return p->options & fin->options & TW_OPT_TIMESTAMPS && tw_seq_lt(p->tsval, fin->tsval);
}

/* It brought data, too, which was acknowledged and never repeated: so it arrived, however late. */
static bool ack_arrived(const struct tw_dossier *d, const struct tw_pkt *ack)
{
	const struct tw_pkt *p;

	if (!ack->payload_bytes)
		return false;
	for (p = ack + 1; p < d->pkt + d->pkt_count && !p->gap; p++) {
		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side == ack->side && p->payload_bytes && tw_seq_le(p->seq, ack->seq))
			return false;
		if (p->side != ack->side && p->flags & TW_ACK && tw_seq_gt(p->ack, ack->seq))
			return true;
	}
	return false;
}

/* Nothing stands behind a FIN: an ACK of more than that is of other numbers, and its receiver drops it. */
static bool acks_fin(const struct tw_pkt *p, const struct tw_pkt *fin)
{
	return p->side != fin->side && p->flags & TW_ACK && p->ack == fin_end(fin);
}

/* Answers to the first FIN by an end that has other numbers. */
static void beyond_fact(struct tw_view *v, const struct tw_pkt *fin)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p, *first = NULL;
	int64_t n = 0;

	for (p = fin + 1; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side != fin->side && tw_pure_ack(p) &&
		    tw_seq_gt(p->ack, fin_end(fin))) {
			n++;
			first = first ? first : p;
		}
	tw_from(v, TW_F_FIN1_ACKED_BEYOND, n, first);
}

/*
 * BSD's kernels (macOS, iOS, FreeBSD) acknowledge in CLOSING by their FIN once more (tcp_outflags[]): what looks like
 * a repeat is the ACK of the FIN that crossed theirs. It is the first to acknowledge that FIN; where a FIN is
 * repeated by a timer, a pure ACK had gone before.
 */
static bool acks_crossing_fin(const struct tw_dossier *d, const struct tw_pkt *fin,
			      const struct tw_pkt *p)
{
	const struct tw_pkt *q;
	bool crossed = false;

	for (q = d->pkt; q < p; q++) {
		if (!tw_counts(q))
			continue;
		if (q->side == p->side && q->flags & TW_ACK && q->ack == p->ack)
			return false;
		if (q->side != p->side && q->flags & TW_FIN && p->ack == fin_end(q))
			crossed |= tw_seq_lt(q->ack, fin_end(fin));
	}
	return crossed;
}

/*
 * A bare reset in the place of an ACK: it refuses the ACK of the FIN, before that was repeated, in the name of its sender,
 * or the repeat, in the name of the other end.
 */
static bool refuses(const struct tw_pkt *rst, const struct tw_pkt *fin, const struct fin_walk *w)
{
	if (rst->flags & TW_ACK || !w->ack)
		return false;
	if (rst->side == fin->side)
		return w->count == 1 && rst->seq == fin_end(fin);
	return w->count > 1 && w->answered != w->last && rst->seq == w->last->ack;
}

static void walk_fin(const struct tw_dossier *d, const struct tw_pkt *fin, struct fin_walk *w)
{
	size_t i;

	for (i = (size_t)(fin - d->pkt); i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p))
			continue;
		if (p->flags & TW_RST) {
			if (!w->refused && refuses(p, fin, w))
				w->refused = p;
		} else if (p->side == fin->side) {
			if (!(p->flags & TW_FIN) || fin_end(p) != fin_end(fin) ||
			    p->marks & TW_MARK_NET_DUPLICATE || was_overtaken(p, fin) ||
			    (p != fin && acks_crossing_fin(d, fin, p)))
				continue;
			w->count++;
			w->last = p;
			if (w->kept < LADDER_TIMES)
				w->times[w->kept++] = p->time_ns;
			if (w->ack && !w->late && !ack_arrived(d, w->ack))
				w->late = p;
		} else if (acks_fin(p, fin)) {
			if (!w->ack)
				w->ack = p;
			w->answered = w->last;
			w->acks += tw_pure_ack(p);
		}
	}
}

/* The ACK echoes the repeat, and the first copy may not have arrived: does its stack always tell so? */
static void newer_echo(struct tw_view *v, const struct tw_pkt *answer, const struct fin_ids *id)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p, *sign = NULL;

	tw_from(v, id->echo, 2, answer);
	for (p = d->pkt; p < d->pkt + d->pkt_count && !sign; p++)
		if (p->side == answer->side && tw_counts(p) && !(p->flags & (TW_SYN | TW_RST)))
			sign = p->ip_id && !answer->ip_id                  ? answer
			       : id == &ids[0] && p->marks & TW_MARK_DSACK ? p
									   : NULL;
	tw_from(v, id->echo_tells, sign != NULL, sign);
}

/*
 * Which copy had arrived? A D-SACK in the answer to the repeat says that it was one too many. An answer
 * without: TIME_WAIT (to the second FIN) echoes the TSval of the copy that it took first and knows no SACK; a
 * full socket (to the first FIN) takes the repeat's TSval into TS.Recent either way (RFC 7323 s4.3), so there
 * it is the missing D-SACK that shows that the repeat was news.
 */
static void echo_fact(struct tw_view *v, const struct tw_pkt *fin, const struct fin_walk *w,
		      const struct fin_ids *id)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *answer = NULL, *repeat = NULL;
	size_t i;

	for (i = (size_t)(fin - d->pkt) + 1; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side == fin->side && p->flags & TW_FIN && fin_end(p) == fin_end(fin)) {
			repeat = p;
		} else if (repeat && acks_fin(p, fin)) {
			answer = p;
			break;
		}
	}
	if (!answer || w->count < 2)
		return;
	if (answer->marks & TW_MARK_DSACK) {
		tw_from(v, id->echo, 1, answer);
	} else if (fin->options & answer->options & TW_OPT_TIMESTAMPS &&
		   repeat->tsval != fin->tsval) {
		/* an echo older than the first copy: the receiver answers from before (nothing shown) */
		if (answer->tsecr == fin->tsval)
			tw_from(v, id->echo, 1, answer);
		else if (tw_seq_gt(answer->tsecr, fin->tsval) &&
			 (id == &ids[1] ||
			  (tw_get(v->f, TW_F_SACK_OK) && !tw_acks_missing(d, answer))))
			newer_echo(v, answer, id);
	}
}

static void fin_facts(struct tw_view *v, const struct tw_pkt *fin, const struct fin_ids *id)
{
	struct fin_walk w = { .last = fin };

	walk_fin(v->d, fin, &w);
	tw_from(v, id->count, w.count, w.last);
	tw_from(v, id->acked, w.ack != NULL, w.ack);
	tw_from(v, id->span, w.last->time_ns - fin->time_ns, w.last);
	tw_from(v, id->ladder, tw_ladder_of(w.times, w.kept), w.last);
	tw_from(v, id->acks, w.acks, w.ack);
	tw_from(v, id->repeated_after_ack, w.late != NULL, w.late);
	tw_from(v, id->refused, w.refused != NULL, w.refused);
	if (w.count > 1 && w.ack && tw_get(v->f, TW_F_SACK_OK)) {
		const size_t at = (size_t)(fin - v->d->pkt);
		const struct tw_pkt *still =
			tw_unexplained_ack(v->d, at, w.ack, v->rtt[fin->side] / 4);

		if (still)
			tw_from(v, TW_F_FIN_ANSWERED_STILL, 1, still);
	}
	echo_fact(v, fin, &w, id);
}

/* Payload of the other end after the first FIN, and whether it was still taken. */
static void after_fin1(struct tw_view *v, const struct tw_pkt *fin)
{
	const struct tw_dossier *d = v->d;
	int64_t bytes = 0, rtt = tw_get(v->f, TW_F_RTT_NS);
	const struct tw_pkt *first = NULL, *ack = NULL;
	bool crossed;
	size_t i;

	for (i = (size_t)(fin - d->pkt) + 1; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side != fin->side && p->payload_bytes && !(p->marks & TW_MARK_KEEPALIVE) &&
		    !(p->marks & TW_MARKS_REPEAT && !first)) {
			if (!(p->marks & TW_MARKS_REPEAT))
				bytes += p->payload_bytes;
			if (!first)
				first = p;
		} else if (p->side == fin->side && first && !ack && p->flags & TW_ACK &&
			   tw_seq_ge(p->ack, first->seq + first->payload_bytes)) {
			ack = p;
		}
	}
	tw_from(v, TW_F_DATA_AFTER_FIN1, bytes, first);
	tw_from(v, TW_F_DATA_AFTER_FIN1_ACKED, ack != NULL, ack);
	if (!first)
		return;
	tw_from(v, TW_F_DATA_AFTER_FIN1_DELAY_NS, first->time_ns - fin->time_ns, first);
	/* sent before the FIN can have arrived: it does not acknowledge it, and comes within a round trip */
	crossed = tw_seq_lt(first->ack, fin_end(fin)) &&
		  first->time_ns - fin->time_ns <= rtt + rtt / 2 + TW_NS_PER_MS;
	tw_from(v, TW_F_FIN_CROSSED_REQUEST, crossed, first);
}

/*
 * The same as tw_request_of(), but for a ping: who only asks whether the server lives loses nothing when it closes. What is asked in
 * HTTP/2 its frames tell.
 */
static enum tw_request request_in(const struct tw_dossier *d, const struct tw_pkt *p, bool greeted)
{
	const enum tw_request kind = tw_request_of(p, greeted);

	if (tw_http2_known(d->http2))
		return d->http2->late_id && d->http2->late.frame == p->frame ? TW_REQUEST_HTTP2
									     : TW_REQUEST_NONE;
	return kind == TW_REQUEST_MQTT ? TW_REQUEST_NONE : kind;
}

/*
 * A request of the client that the server's FIN @fin does not cover: it ended what the server says before it came, and
 * whatever becomes of it, no answer does.
 */
static void too_late_fact(struct tw_view *v, const struct tw_pkt *fin)
{
	const struct tw_pkt *p, *end = v->d->pkt + v->d->pkt_count, *said = NULL;

	for (p = v->d->pkt; p < end && fin->side == TW_SERVER; p++) {
		const bool says = tw_counts(p) && p->side == TW_CLIENT && p->payload_bytes &&
				  !(p->flags & TW_RST);
		const bool late = says && tw_seq_ge(p->seq, fin->ack);
		enum tw_request kind = late ? request_in(v->d, p, true) : TW_REQUEST_NONE;

		if (!kind && late && p > fin && tw_asks(p) && said &&
		    p->time_ns - said->time_ns >= BEGINS_NS)
			kind = TW_REQUEST_TLS_DATA;
		said = says ? p : said;
		if (!kind)
			continue;
		tw_from(v, TW_F_REQUEST_TOO_LATE, kind, p);
		if (p > fin)
			tw_from(v, TW_F_REQUEST_TOO_LATE_NS, p->time_ns - fin->time_ns, p);
		return;
	}
}

/* Where the end of @fin begins to take its leave: a close_notify or QUIT right before the FIN belongs to it. */
static size_t leave_begins(const struct tw_dossier *d, const struct tw_pkt *fin)
{
	size_t begin = (size_t)(fin - d->pkt), i;

	for (i = begin; i > 0 && !d->pkt[i].gap; i--) {
		const struct tw_pkt *p = &d->pkt[i - 1];

		if (!tw_counts(p) || tw_pure_ack(p))
			continue;
		if (p->side != fin->side || !p->payload_bytes || !tw_is_farewell(p))
			break;
		begin = i - 1;
	}
	return begin;
}

/* Seen from the other side of the crossing: the request leaves first, the FIN that ignores it comes next. */
static void crossing_before(struct tw_view *v, const struct tw_pkt *fin)
{
	const struct tw_dossier *d = v->d;
	int64_t rtt = tw_get(v->f, TW_F_RTT_NS);
	size_t i;

	if (tw_get(v->f, TW_F_FIN_CROSSED_REQUEST))
		return;
	/* before its close_notify, if it sent one: the ACK of that comes between */
	for (i = leave_begins(d, fin); i > 0; i--) {
		const struct tw_pkt *p = &d->pkt[i - 1];

		if (!tw_counts(p) || p->side == fin->side || p->flags & TW_RST)
			continue;
		if (p->payload_bytes && !(p->marks & TW_MARK_KEEPALIVE) &&
		    tw_seq_gt(p->seq + p->payload_bytes, fin->ack) &&
		    fin->time_ns - p->time_ns <= rtt + rtt / 2 + TW_NS_PER_MS)
			tw_from(v, TW_F_FIN_CROSSED_REQUEST, 1, p);
		return;
	}
}

/* What the server's FIN leaves unanswered, from @since on: does it begin as a request that is always answered? */
static void request_facts(struct tw_view *v, const struct tw_pkt *fin, uint32_t since, bool greeted)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *first = NULL, *last = NULL, *p;
	enum tw_request kind;

	for (p = d->pkt; p < fin; p++) {
		if (!tw_counts(p) || p->side == fin->side || !p->payload_bytes ||
		    p->marks & TW_MARKS_REPEAT || !tw_seq_in(p->seq, since, fin->ack))
			continue;
		if (p->seq == since)
			first = p;
		last = p;
	}
	kind = first ? request_in(d, first, greeted) : TW_REQUEST_NONE;
	/* of two SYN|ACKs with different numbers only one counts, and data from behind it may look like a repeat */
	if (!kind || tw_get(v->f, TW_F_SYNACK_ISN_CONFLICT))
		return;
	tw_from(v, TW_F_FIN_REQUEST, kind, first);
	tw_from(v, TW_F_FIN_REQUEST_BYTES, fin->ack - since, first);
	tw_from(v, TW_F_FIN_REQUEST_AGO_NS, fin->time_ns - last->time_ns, last);
}

/* How long had the applications had nothing to say? Their timers know nothing of probes, and of no request on its way. */
static void quiet_fact(struct tw_view *v, const struct tw_pkt *fin, size_t begin)
{
	const struct tw_dossier *d = v->d;
	size_t i;

	for (i = begin; i > 0 && !d->pkt[i].gap; i--) {
		const struct tw_pkt *p = &d->pkt[i - 1];

		if (!tw_counts(p) || !p->payload_bytes || p->flags & TW_RST ||
		    p->marks & TW_MARK_KEEPALIVE ||
		    (p->side != fin->side && tw_seq_gt(tw_pkt_end(p), fin->ack)))
			continue;
		tw_from(v, TW_F_FIN_QUIET_BEFORE_NS, d->pkt[begin].time_ns - p->time_ns, fin);
		return;
	}
}

static void idle_fact(struct tw_view *v, const struct tw_pkt *fin)
{
	const struct tw_dossier *d = v->d;
	size_t begin = leave_begins(d, fin);
	struct tw_snapshot s;

	tw_snapshot_take(d, begin, &s);
	if (s.last >= 0 && !tw_gap_between(d, (size_t)s.last, begin))
		tw_from(v, TW_F_FIN_IDLE_BEFORE_NS, d->pkt[begin].time_ns - d->pkt[s.last].time_ns,
			fin);
	quiet_fact(v, fin, begin);
}

static void before_fin1(struct tw_view *v, const struct tw_pkt *fin)
{
	const struct tw_dossier *d = v->d;
	struct tw_snapshot s;
	const struct tw_snapshot_end *me, *peer;
	uint32_t since;

	tw_snapshot_take(d, (size_t)(fin - d->pkt), &s);
	me = &s.end[fin->side];
	peer = &s.end[!fin->side];
	idle_fact(v, fin);
	if (s.gap >= 0 && s.gap > me->last_payload)
		return; /* the answer may be among the records that were dropped */
	if (fin->seq != (me->next_set ? me->next : d->end[fin->side].base_seq + 1))
		return; /* or where the capture has a hole */
	since = me->last_payload >= 0 ? d->pkt[me->last_payload].ack
				      : d->end[!fin->side].base_seq + 1;
	tw_from(v, TW_F_FIN_BEFORE_ANSWER,
		fin->side == TW_SERVER && !fin->payload_bytes && peer->payload_bytes &&
			tw_seq_gt(fin->ack, since),
		fin);
	if (tw_get(v->f, TW_F_FIN_BEFORE_ANSWER))
		request_facts(v, fin, since, me->last_payload >= 0);
}

/* ---- after a clean close ---- */

struct closed_walk {
	long from; /* record that completed the close */
	int64_t strays;
	const struct tw_pkt *first, *rst, *old_ack, *revived;
	const struct tw_pkt *server_fin; /* the last one */
	const struct tw_pkt *fin[2];     /* the first of each end */
};

/* The first FIN of @side, also one that its SYN|ACK carries (RFC 7413: the whole answer in one). NULL: none. */
static const struct tw_pkt *closes(const struct tw_dossier *d, int side)
{
	const long fin = first_fin(d, side);
	const struct tw_pkt *p;

	if (fin >= 0)
		return &d->pkt[fin];
	for (p = d->pkt; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side == side && !(p->flags & TW_RST) && p->flags & TW_FIN &&
		    p->flags & TW_SYN)
			return p;
	return NULL;
}

static bool fin_repeat(const struct closed_walk *w, const struct tw_pkt *p)
{
	return p->flags & TW_FIN && !(p->flags & (TW_RST | TW_SYN)) && w->fin[p->side] &&
	       tw_pkt_end(p) == tw_pkt_end(w->fin[p->side]);
}

/*
 * The server speaks with the first number behind its SYN|ACK, its clock says that it does so now, behind its FIN, and
 * it acknowledges less than the client's FIN, of which a mere repeat of its answer would know. The number of its SYN|ACK
 * was a SYN cookie, good for up to two minutes (MAX_SYNCOOKIE_AGE) at a listener that keeps no record of whom it served: a
 * late copy that acknowledges it opens the connection again (cookie_v4_check()), from where the copy is.
 */
static bool speaks_anew(const struct tw_dossier *d, const struct closed_walk *w,
			const struct tw_pkt *p)
{
	const struct tw_end *server = &d->end[TW_SERVER];
	const struct tw_pkt *fin = w->server_fin;

	return p->side == TW_SERVER && server->isn_seen && fin && p->seq == server->base_seq + 1 &&
	       tw_seq_lt(p->seq, server->fin_seq) && tw_seq_le(p->ack, d->end[TW_CLIENT].fin_seq) &&
	       (p->flags & (TW_ACK | TW_RST | TW_SYN)) == TW_ACK &&
	       p->options & fin->options & TW_OPT_TIMESTAMPS && tw_seq_gt(p->tsval, fin->tsval);
}

/*
 * The close is complete with the ACK of the second FIN. What comes later is stray, but for repeats of a
 * FIN and the ACKs that answer them.
 */
static void walk_closed(const struct tw_dossier *d, struct closed_walk *w)
{
	bool acked[2] = { false, false }, answer_due = false;
	size_t i;

	w->from = -1;
	w->fin[0] = closes(d, 0);
	w->fin[1] = closes(d, 1);
	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p))
			continue;
		if (p->flags & TW_FIN && p->side == TW_SERVER)
			w->server_fin = p;
		if (w->from < 0) {
			if (p->flags & TW_RST)
				return;
			if (p->flags & TW_ACK)
				acked[!p->side] |= w->fin[!p->side] &&
						   tw_seq_ge(p->ack, tw_pkt_end(w->fin[!p->side]));
			if (acked[0] && acked[1])
				w->from = (long)i;
			/* its answer may be on its way when the close is complete */
			if (p->marks & TW_MARKS_REPEAT && fin_repeat(w, p))
				answer_due = true;
			continue;
		}
		if (fin_repeat(w, p)) {
			answer_due = true;
			continue;
		}
		if (tw_pure_ack(p)) {
			if (answer_due) {
				answer_due = false;
				continue;
			}
			if (!w->old_ack)
				w->old_ack = p;
		}
		w->strays++;
		if (!w->first)
			w->first = p;
		if (!w->revived && speaks_anew(d, w, p))
			w->revived = p;
		/* what the other end, in TIME_WAIT or gone, would expect next of this one */
		if (p->flags & TW_RST && !w->rst && p->seq == tw_pkt_end(w->fin[p->side]))
			w->rst = p;
	}
}

static void closed_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	struct closed_walk w = { 0 };
	struct tw_snapshot s;

	walk_closed(d, &w);
	if (w.from >= 0)
		tw_snapshot_take(d, (size_t)w.from + 1, &s);
	tw_from(v, TW_F_CLOSED_CLEAN,
		w.from >= 0 && !tw_unacked_payload(d, &s, 0) && !tw_unacked_payload(d, &s, 1),
		w.from >= 0 ? &d->pkt[w.from] : NULL);
	tw_from(v, TW_F_AFTER_CLOSE_SEGMENTS, w.strays, w.first);
	tw_from(v, TW_F_AFTER_CLOSE_RST_EXACT, w.rst != NULL, w.rst);
	tw_from(v, TW_F_AFTER_CLOSE_OLD_ACK, w.old_ack != NULL, w.old_ack);
	tw_from(v, TW_F_AFTER_CLOSE_REVIVED, w.revived != NULL, w.revived);
	if (w.rst)
		tw_from(v, TW_F_AFTER_CLOSE_RST_SIDE, w.rst->side, w.rst);
	if (w.first) {
		tw_from(v, TW_F_AFTER_CLOSE_FLAGS, w.first->flags, w.first);
		tw_from(v, TW_F_AFTER_CLOSE_SIDE, w.first->side, w.first);
	}
}

static void stray_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p = &d->pkt[0];
	const bool syn = (p->flags & (TW_SYN | TW_ACK | TW_RST | TW_FIN)) == TW_SYN;
	size_t i, others = 0;

	for (i = 1; i < d->pkt_count; i++)
		others += tw_counts(&d->pkt[i]) &&
			  (d->pkt[i].side == p->side || !(d->pkt[i].flags & TW_RST));
	tw_from(v, TW_F_STRAY_ONLY, !syn && !others, p);
	tw_from(v, TW_F_STRAY_FLAGS, p->flags, p);
}

/*
 * One direction alone never proves that all arrived: the other end may have answered the last data with a reset,
 * and then there is the same silence. But it shows what did not happen.
 */
static void one_way_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const int side = d->end[TW_SERVER].packets > 0;
	const struct tw_end *e = &d->end[side];
	const long fin = first_fin(d, side);

	tw_from(v, TW_F_ONE_WAY_ORDERLY,
		tw_get(v->f, TW_F_ONE_SIDED) && fin >= 0 && e->isn_seen && !e->retransmissions &&
			!e->rsts && !d->dropped,
		fin >= 0 ? &d->pkt[fin] : NULL);
}

void tw_derive_teardown(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	long fin[2] = { first_fin(d, 0), first_fin(d, 1) };
	int one = fin[0] < 0 || (fin[1] >= 0 && fin[1] < fin[0]);
	const struct tw_pkt *f1, *f2;

	closed_facts(v);
	stray_facts(v);
	one_way_fact(v);
	tw_from(v, TW_F_FIN2_SEEN, 0, NULL);
	tw_from(v, TW_F_DATA_AFTER_FIN1, 0, NULL);
	if (fin[one] < 0)
		return;
	f1 = &d->pkt[fin[one]];
	tw_from(v, TW_F_FIN1_SIDE, one, f1);
	fin_facts(v, f1, &ids[0]);
	beyond_fact(v, f1);
	after_fin1(v, f1);
	crossing_before(v, f1);
	too_late_fact(v, f1);
	before_fin1(v, f1);
	/* up to its number: what stands before it may never have come here */
	tw_from(v, TW_F_FIN1_DATA_ACKED,
		!tw_unacked_payload(d, &v->last, one) &&
			(!v->last.end[!one].acked_set ||
			 tw_seq_ge(v->last.end[!one].acked, fin_end(f1) - 1)),
		NULL);
	if (fin[!one] < 0) {
		if (tw_get(v->f, TW_F_FIN1_ACKED))
			tw_from(v, TW_F_HALF_CLOSED_NS, tw_watched_until_ns(v) - f1->time_ns, f1);
		return;
	}
	f2 = &d->pkt[fin[!one]];
	tw_from(v, TW_F_FIN2_SEEN, 1, f2);
	tw_from(v, TW_F_FIN2_DELAY_NS, f2->time_ns - f1->time_ns, f2);
	fin_facts(v, f2, &ids[1]);
	tw_from(v, TW_F_SIMULTANEOUS_CLOSE,
		tw_seq_lt(f2->ack, fin_end(f1)) && tw_seq_lt(f1->ack, fin_end(f2)) &&
			f2->time_ns - f1->time_ns <= CROSSING_NS + 2 * tw_get(v->f, TW_F_RTT_NS),
		f2);
}
