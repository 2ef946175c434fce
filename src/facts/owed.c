/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Was anybody owed something when a reset came? That parts a failure from a goodbye: 5 % of all healthy
 * connections carry a reset (browsers, health checks, TLS alerts that cross a FIN), and none of them failed.
 */
#include "facts/decisive.h"
#include "facts/goodbye.h"
#include "timers/constants.h"

#define CROSSING_NS    (1 * TW_NS_PER_S) /* no path is so long */
#define LATER_NS       (500 * TW_NS_PER_MS)
#define AT_ONCE_NS     (100 * TW_NS_PER_MS)
#define PART_OF_UPLOAD 1000 /* bytes of a segment */
#define FULL_SEGMENT   1400 /* of a path with tunnels, too */
#define NOT_REPEATED_NS                                                                            \
	(3 * TW_NS_PER_S) /* no timer that has not been backed off waits so long (RFC 6298 s2) */

/* Did @side send a FIN, before the reset or so soon behind it that the two crossed? */
static bool has_closed(const struct tw_dossier *d, int side, const struct tw_pkt *rst)
{
	const struct tw_pkt *p;

	for (p = d->pkt; d->end[side].fin_seen && p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side == side && p->flags & TW_FIN)
			return p->time_ns - rst->time_ns < CROSSING_NS;
	return d->end[side].fin_seen; /* its record is not kept any more */
}

/*
 * Who half-closes to say that its request is whole does so with it. A close that comes later is an end, and if what it said last is
 * nothing that is always answered, it waited for nothing. The server notices at once: it does not hang, and its numbers say that
 * no word of its own is lost.
 *
 *	client					RabbitMQ
 *	  |--- a message is published ------------>|
 *	  :					   :	LATER_NS
 *	  |--- FIN ------------------------------->|
 *	  |<-- RST|ACK ----------------------------|	its way to close what was not taken leave of
 */
static bool closed_later(const struct tw_dossier *d, const struct tw_pkt *rst)
{
	const struct tw_pkt *said = tw_last_words(d, TW_CLIENT, (size_t)(rst - d->pkt)), *p;

	for (p = said; p && p < rst; p++)
		if (tw_counts(p) && p->side == TW_CLIENT && p->flags & TW_FIN)
			return p->time_ns - said->time_ns >= LATER_NS &&
			       rst->time_ns - p->time_ns < LATER_NS && rst->flags & TW_ACK &&
			       !tw_asks(said);
	return false;
}

/*
 * The end that is reset had closed (its FIN may cross the reset): its application is gone and sees
 * nothing. But a client that only half-closed after its request still waits for the answer.
 */
static bool victim_closed(const struct tw_dossier *d, int victim, const struct tw_pkt *rst,
			  uint32_t unanswered)
{
	return has_closed(d, victim, rst) && (victim == TW_SERVER || !unanswered ||
					      tw_took_leave(d, victim) || closed_later(d, rst));
}

/*
 * Its kernel knows of no connection any more, though the client had not closed: it had asked, and no acknowledgement says that
 * anything of the answer came. That the server closed behind it gives the client nothing.
 */
static bool lost_its_answer(const struct tw_dossier *d, size_t rst,
			    const struct tw_snapshot_end *author, uint32_t unacked)
{
	const int side = d->pkt[rst].side;
	const struct tw_pkt *asked = tw_last_words(d, side, rst);

	return side == TW_CLIENT && !(d->pkt[rst].flags & TW_ACK) && author->fin < 0 &&
	       !author->stale && unacked && asked && !tw_is_farewell(asked) &&
	       tw_seq_le(author->acked, asked->ack);
}

/* A status line (RFC 9112 s4) is an answer, however short. */
static bool is_http_answer(const struct tw_pkt *p)
{
	return tw_begins(p, "HTTP/");
}

/* All that @side said behind record @from. */
static uint32_t said_since(const struct tw_dossier *d, int side, const struct tw_pkt *from)
{
	const struct tw_pkt *p;
	uint32_t bytes = 0;

	for (p = from + 1; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side == side &&
		    !(p->flags & TW_RST || p->marks & TW_MARKS_REPEAT))
			bytes += p->payload_bytes;
	return bytes;
}

/*
 * A client that asked, waited, and closed without an answer; the answer comes after that, and is refused. It is
 * owed though the server closes behind its answer and sees nothing of the reset.
 */
static bool came_too_late(const struct tw_dossier *d, size_t rst, int author, long author_fin)
{
	const struct tw_pkt *fin, *asked, *before, *answer;
	long said;

	if (author != TW_CLIENT || author_fin < 0)
		return false;
	fin = &d->pkt[author_fin];
	tw_goodbye_bytes(d, author, (size_t)author_fin + 1, &said);
	asked = said < 0 ? NULL : &d->pkt[said];
	before = tw_last_words(d, !author, (size_t)author_fin);
	answer = tw_last_words(d, !author, rst);
	return asked && (!before || before < asked) && answer > fin &&
	       fin->time_ns - asked->time_ns >= TW_WAITED_NS &&
	       (said_since(d, !author, fin) > TW_GOODBYE_BYTES || is_http_answer(answer));
}

/*
 * Had @e no room for one full segment of @from any more? Then the other end had to wait, whatever else it
 * had to say (RFC 9293 s3.8.6.2.1, silly window avoidance).
 */
bool tw_window_closed(const struct tw_dossier *d, const struct tw_snapshot_end *e,
		      const struct tw_snapshot_end *from)
{
	const bool scaled = d->end[0].saw_syn_options && d->end[1].saw_syn_options;
	const uint32_t full = from->max_payload < FULL_SEGMENT ? from->max_payload : FULL_SEGMENT;

	if (!e->window_set)
		return false;
	return !e->raw_window ||
	       (scaled && from->next_set && tw_seq_lt(e->right_edge, from->next + full));
}

/*
 * Had the receive buffer of the @author been filling up, and is it empty in its reset? Then close() emptied it, and no
 * read(). What @victim never sent did not fill it.
 */
static void freed_fact(struct tw_view *v, size_t rst, const struct tw_snapshot_end *author,
		       const struct tw_snapshot_end *victim)
{
	const struct tw_pkt *r = &v->d->pkt[rst], *last;

	if (!tw_is(v->f, TW_F_RST_FORM, TW_RST_ACTIVE) || author->stale || author->last < 0 ||
	    !author->raw_window || r->raw_window < 2 * author->raw_window ||
	    (tw_get(v->f, TW_F_START_SEEN) && !victim->payload_bytes))
		return;
	last = &v->d->pkt[author->last];
	if (!(last->flags & TW_SYN)) /* whose window is not scaled */
		tw_from(v, TW_F_RST_WINDOW_FREED, r->window_bytes - author->window_bytes, last);
}

/*
 * Does a RST|ACK answer a SYN|ACK that had kept the client waiting, before any ACK? A check that is done goes so, at once;
 * but some stacks (lwIP) write a RST|ACK, too, where they have no socket any more.
 */
static bool had_given_up(const struct tw_view *v)
{
	const struct tw_facts *f = v->f;

	return tw_get(f, TW_F_SYNACK_COUNT) && !tw_get(f, TW_F_ACK3_SEEN) &&
	       tw_get(f, TW_F_SYN_COUNT) &&
	       (tw_get(f, TW_F_SYN_COUNT) > 1 ||
		tw_time_of(f, TW_F_SYNACK_COUNT) - tw_time_of(f, TW_F_SYN_COUNT) >=
			TW_TCP_TIMEOUT_INIT_NS);
}

/*
 * Did the author announce, right before its reset and with the same ack, that its buffer has room again, as much as ever? Its
 * program had just read all that had come.
 */
static void emptied_fact(struct tw_view *v, size_t rst)
{
	const struct tw_pkt *r = &v->d->pkt[rst], *p, *last = NULL;
	uint32_t largest = 0;
	bool emptied = false;

	for (p = v->d->pkt; p < r; p++) {
		if (!tw_counts(p) || p->side != r->side || p->flags & (TW_SYN | TW_RST))
			continue;
		emptied = last && tw_pure_ack(p) && p->ack == last->ack && p->ack == r->ack &&
			  p->raw_window > last->raw_window && p->raw_window >= largest;
		largest = p->raw_window > largest ? p->raw_window : largest;
		last = p;
	}
	if (emptied && r->flags & TW_ACK)
		tw_from(v, TW_F_RST_AUTHOR_EMPTIED, 1, last);
}

/*
 * A client that goes by reset with all it wanted: nobody spoke (a health check), or the server spoke
 * last (but for the client's goodbye; what the client had @said before), is fully acknowledged and has nothing more
 * to say: no closed window held it back, nothing new of it crosses the reset.
 */
static bool client_had_all(const struct tw_view *v, size_t rst, int author, long said,
			   const struct tw_snapshot *at)
{
	const struct tw_snapshot_end *c = &at->end[author], *s = &at->end[!author];
	const struct tw_dossier *d = v->d;
	size_t i;

	if (author != TW_CLIENT || tw_window_closed(d, c, s) || tw_mid_transfer(d, rst, TW_SERVER))
		return false;
	/* it asked for a connection, and there was no answer at all */
	if (d->end[TW_CLIENT].isn_seen && !s->next_set)
		return false;
	for (i = rst + 1; i < d->pkt_count; i++)
		if (tw_counts(&d->pkt[i]) && d->pkt[i].side == TW_SERVER &&
		    d->pkt[i].payload_bytes && !(d->pkt[i].marks & TW_MARKS_REPEAT))
			return false;
	/* a bare RST for the SYN|ACK is no goodbye: that client's kernel knows of no connection */
	if (!c->payload_bytes && !s->payload_bytes && had_given_up(v))
		return false;
	return (!c->payload_bytes && !s->payload_bytes && d->pkt[rst].flags & TW_ACK &&
		(!d->end[TW_SERVER].isn_seen || d->pkt[rst].ack == d->end[TW_SERVER].base_seq + 1 ||
		 s->fin >= 0)) ||
	       (s->payload_bytes && s->last_payload > said);
}

/*
 * Has @side sent more before record @rst than was seen here? Its reset, or a pure ACK of it, stands beyond the end of
 * its last segment: the capture (or the path to it) lost what lies between.
 */
static bool sent_unseen(const struct tw_dossier *d, size_t rst, int side)
{
	const struct tw_pkt *probe = NULL;
	uint32_t end = 0;
	bool set = false, probes = false;
	size_t i;

	for (i = 0; i < rst; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->side != side || p->flags & TW_RST)
			continue;
		if (tw_pure_ack(p) && probe && probe->seq == p->seq && probe->ack == p->ack)
			probes |= p->time_ns - probe->time_ns >= TW_NS_PER_S;
		else
			probe = tw_pure_ack(p) ? p : NULL;
		if (!set || p->gap || (tw_pkt_seq_len(p) && tw_seq_gt(tw_pkt_end(p), end)))
			end = tw_pkt_end(p);
		set = true;
	}
	/* the same ACK at intervals, one below the next number: keepalive probes, and nothing is missing */
	return set && tw_seq_gt(d->pkt[rst].seq, end) &&
	       !(probes && probe && d->pkt[rst].seq == probe->seq + 1);
}

/*
 * Where the author closed: its FIN, or a close_notify as its last words, whose FIN was lost on the way here. Where its
 * last words were not captured they may hold its FIN: then the last that was.
 */
static long closed_at(const struct tw_dossier *d, int author, size_t rst, long fin)
{
	const struct tw_pkt *said = tw_last_words(d, author, rst);
	size_t i;

	if (fin >= 0)
		return fin;
	if (said && tw_is_close_notify(said))
		return (long)(said - d->pkt);
	for (i = sent_unseen(d, rst, author) ? rst : 0; i > 0; i--)
		if (tw_counts(&d->pkt[i - 1]) && d->pkt[i - 1].side == author)
			return (long)i - 1;
	return fin;
}

/*
 * A sender that lives repeats what is not acknowledged. One that has not for so long, and had not begun to, got its
 * acknowledgement where the capture did not see it. Unless the other end says so late that it has not got it: then the
 * repeats are what was not captured.
 */
static bool acknowledged_unseen(const struct tw_dossier *d, size_t rst,
				const struct tw_snapshot_end *author)
{
	const struct tw_pkt *last =
		author->last_payload >= 0 ? &d->pkt[author->last_payload] : NULL;
	const struct tw_pkt *p;

	if (!last || d->pkt[rst].time_ns - last->time_ns < NOT_REPEATED_NS)
		return false;
	for (p = last + 1; p < &d->pkt[rst]; p++) {
		if (!tw_counts(p))
			continue;
		if (p->side == last->side
			    ? p->marks & TW_MARKS_REPEAT
			    : p->flags & TW_ACK && tw_seq_lt(p->ack, tw_pkt_end(last)) &&
				      p->time_ns - last->time_ns >= NOT_REPEATED_NS)
			return false;
	}
	/* nor behind the reset: a challenge says how far it had come */
	for (p = &d->pkt[rst] + 1; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side != last->side && p->flags & TW_ACK &&
		    tw_seq_lt(p->ack, tw_pkt_end(last)))
			return false;
	return true;
}

/*
 * Has the author, since its last words, acknowledged what the capture missed? Then the other end spoke meanwhile, and what
 * it acknowledged by that is not known.
 */
static bool heard_unseen(const struct tw_dossier *d, size_t rst, const struct tw_snapshot *s)
{
	const struct tw_pkt *r = &d->pkt[rst], *p;
	const struct tw_snapshot_end *author = &s->end[r->side], *victim = &s->end[!r->side];

	if (author->last_payload < 0)
		return false;
	for (p = &d->pkt[author->last_payload] + 1; p < r; p++)
		if (p->side == r->side && p->marks & TW_MARK_ACKED_UNSEEN)
			return true;
	return r->flags & TW_ACK && victim->next_set && tw_seq_gt(r->ack, victim->next);
}

/*
 * What stands behind the reset @rst and was sent without it: the other one's reset, where both abort at once; data that the
 * reset acknowledges, which only the capture has behind it. What these acknowledge had arrived.
 */
static uint32_t acked_behind(const struct tw_dossier *d, size_t rst, uint32_t acked)
{
	const struct tw_pkt *r = &d->pkt[rst];
	size_t i;

	for (i = rst + 1; i < d->pkt_count && !d->pkt[i].gap; i++) {
		const struct tw_pkt *p = &d->pkt[i];
		const bool known = p->payload_bytes && r->flags & TW_ACK &&
				   tw_seq_le(tw_pkt_end(p), r->ack) &&
				   !(p->marks & TW_MARKS_REPEAT);

		if (tw_counts(p) && p->side != r->side && p->flags & TW_ACK &&
		    (p->flags & TW_RST || known) && tw_seq_gt(p->ack, acked) &&
		    tw_seq_le(p->ack, r->seq))
			return p->ack;
	}
	return acked;
}

/* Is all that the author still had on its way small talk to an end that had closed by then? */
static bool lost_small_talk(const struct tw_dossier *d, size_t rst, int author, long victim_fin,
			    uint32_t unacked)
{
	const struct tw_pkt *words = tw_last_words(d, author, rst);

	return victim_fin >= 0 && words && words - d->pkt > victim_fin &&
	       unacked <= tw_small_talk(d, author, (size_t)victim_fin);
}

/* Payload of @side up to the snapshot. Where records were dropped before it: all that was counted, without what came behind it. */
static int64_t sent_bytes(const struct tw_dossier *d, const struct tw_snapshot *s, int side)
{
	const struct tw_snapshot_end *at = &s->end[side];
	const int64_t all = (int64_t)d->end[side].bytes;
	const uint32_t behind =
		at->next_set && !at->stale ? tw_above(d->end[side].next_seq, at->next) : 0;

	if (s->gap < 0)
		return (int64_t)at->payload_bytes;
	return all > behind ? all - behind : 0;
}

/*
 * @got bytes had reached the author of @rst since it last spoke, @last of all; @said is the last that was no repeat. (Not known where records were
 * dropped since then: it may have answered.)
 */
static void unanswered_facts(struct tw_view *v, const struct tw_pkt *rst, uint32_t got, bool acked,
			     const struct tw_pkt *last, const struct tw_pkt *said)
{
	tw_from(v, TW_F_RST_UNANSWERED_BYTES, got, got ? last : NULL);
	tw_from(v, TW_F_RST_UNANSWERED_ACKED, acked, NULL);
	if (got && last)
		tw_from(v, TW_F_RST_UNANSWERED_AGE_NS, rst->time_ns - last->time_ns, last);
	if (got && said)
		tw_from(v, TW_F_RST_VICTIM_WAITED_NS, rst->time_ns - said->time_ns, said);
}

/* What @side says next, and has not said before. What the reset acknowledges was said before, in whatever order it was captured. */
static void next_fact(struct tw_view *v, size_t rst, int side)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *r = &d->pkt[rst];
	size_t i;

	for (i = rst + 1; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->side != side || !p->payload_bytes || p->flags & TW_RST ||
		    p->marks & TW_MARKS_REPEAT ||
		    (r->flags & TW_ACK && tw_seq_le(tw_pkt_end(p), r->ack)))
			continue;
		tw_from(v, TW_F_RST_VICTIM_NEXT_NS, p->time_ns - r->time_ns, p);
		return;
	}
}

/*
 * The other end knows that @author has closed: its reads end, and a reset that comes later takes nothing from it.
 * But a client that only half-closed after what it had @said may have waited for the answer, and given up.
 */
static bool end_was_heard(int author, long said, const struct tw_snapshot *at)
{
	const struct tw_snapshot_end *a = &at->end[author], *v = &at->end[!author];

	return a->fin >= 0 && a->next_set && v->acked_set && tw_seq_ge(v->acked, a->next) &&
	       (author == TW_SERVER || said < 0 || v->last_payload > said);
}

/*
 * Had the client, in the midst of an answer within TLS, said that it wants no more of it (close_notify, FIN)? That is no half-close:
 * what the server had still to say, and that it left the farewell unread, is nothing to it. One that had waited is another matter.
 */
static bool waved_off(const struct tw_dossier *d, size_t rst)
{
	const struct tw_pkt *said = tw_last_words(d, TW_CLIENT, rst), *fin = said, *heard;

	if (!said || !tw_is_close_notify(said))
		return false;
	while (fin < &d->pkt[rst] &&
	       !(fin->side == TW_CLIENT && tw_counts(fin) && fin->flags & TW_FIN))
		fin++;
	heard = tw_last_words(d, TW_SERVER, (size_t)(said - d->pkt));
	return fin < &d->pkt[rst] && heard && said->time_ns - heard->time_ns < TW_WAITED_NS &&
	       heard > tw_last_words(d, TW_CLIENT, (size_t)(said - d->pkt));
}

/* What the server says first behind the client's Finished: in TLS 1.3 its tickets, of one size. */
static const struct tw_pkt *first_behind_finished(const struct tw_dossier *d)
{
	const struct tw_pkt *p;
	bool finished = false;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p) || !p->payload_bytes)
			continue;
		finished |= p->side == TW_CLIENT && tw_tls_changes_cipher(p);
		if (finished && p->side == TW_SERVER && tw_tls_record_bytes(p))
			return p;
	}
	return NULL;
}

/* The first part of an upload, behind the handshake. */
static const struct tw_pkt *first_part(const struct tw_dossier *d)
{
	const struct tw_pkt *p;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->side == TW_CLIENT && p->payload_bytes >= PART_OF_UPLOAD &&
		    p->payload_head_bytes && p->payload_head[0] != 22)
			return p;
	return NULL;
}

/*
 * Within TLS: did the server say something in the midst of what the client sent, no ticket and no mere frame that keeps HTTP/2
 * going, and does the client break off at once? So it does whose upload is refused (401, 405, 413).
 */
static const struct tw_pkt *told_off(const struct tw_dossier *d, size_t rst)
{
	const struct tw_pkt *first = first_behind_finished(d), *part = first_part(d),
			    *r = &d->pkt[rst], *p;

	for (p = r; first && part && p-- > first + 1 && r->time_ns - p->time_ns < AT_ONCE_NS;) {
		const uint32_t bytes = tw_tls_record_bytes(p);

		if (tw_counts(p) && p->side == TW_SERVER && bytes &&
		    bytes != tw_tls_record_bytes(first) && !tw_is_http2_control(p) &&
		    !tw_is_farewell(p) && tw_seq_le(tw_pkt_end(part), p->ack))
			return p;
	}
	return NULL;
}

/*
 * A client that closes in the midst of its request, having taken the whole answer to it (413): it wants no more, and the server
 * need not read the rest.
 */
static bool left_answered(const struct tw_view *v, const struct tw_snapshot_end *client,
			  const struct tw_snapshot_end *server)
{
	const struct tw_pkt *fin = client->fin < 0 ? NULL : &v->d->pkt[client->fin];

	return fin && tw_get(v->f, TW_F_REQUEST_SPARED) && fin->flags & TW_ACK &&
	       server->next_set && tw_seq_ge(fin->ack, server->next);
}

/*
 * A server of HTTP/2 that had closed with no request open, and gets none behind that: what it refuses keeps a connection going, or is
 * the rest of what it had answered before.
 */
static bool nothing_asked(const struct tw_dossier *d, const struct tw_snapshot_end *server)
{
	return tw_http2_known(d->http2) && server->fin >= 0 &&
	       (size_t)server->fin == tw_first_end(d) && !d->http2->open_count &&
	       !d->http2->late_id;
}

/* The opposite: a request comes too late, however short its HEADERS are (RFC 7541). */
static bool asked_too_late(const struct tw_dossier *d, int author)
{
	return author == TW_SERVER && tw_http2_known(d->http2) && d->http2->late_id;
}

/* Do words of its victim come behind the reset @rst? Next to its author those that it crossed on the way do. */
static bool is_spoken_to(const struct tw_dossier *d, size_t rst)
{
	const long next = tw_next_of(d, rst, !d->pkt[rst].side);

	return next >= 0 && d->pkt[next].payload_bytes;
}

/* Bytes unacknowledged at the reset, of its author and of the other end, and what the author had got and not answered. */
struct debt {
	uint32_t author_unacked, victim_unacked, unanswered;
};

static void debt_facts(struct tw_view *v, size_t rst, const struct tw_snapshot *s, struct debt debt)
{
	const struct tw_dossier *d = v->d;
	const int a = d->pkt[rst].side, w = !a;
	const struct tw_snapshot_end *author = &s->end[a], *victim = &s->end[w];
	const struct tw_pkt *told;
	bool got_all, spared, waved;
	uint32_t goodbye, missed;
	long said;

	missed = tw_missed_answer(v, rst, author);
	tw_from(v, TW_F_RST_ANSWER_MISSED, missed, NULL);
	tw_from(v, TW_F_RST_HANDSHAKE_ONLY, tw_only_shook_hands(d, rst), NULL);
	tw_from(v, TW_F_RST_UNGREETED,
		(victim->payload_bytes || is_spoken_to(d, rst)) && tw_left_at_once(v, rst, author),
		NULL);
	if (missed > debt.victim_unacked)
		debt.victim_unacked = missed;
	goodbye = tw_goodbye_bytes(d, a, rst, &said);
	if (!goodbye)
		said = author->last_payload;
	/* lost data before the goodbye is not made good by it */
	goodbye = debt.author_unacked <= goodbye ||
				  lost_small_talk(d, rst, a, victim->fin, debt.author_unacked)
			  ? debt.author_unacked
			  : 0;
	told = a == TW_CLIENT && d->pkt[rst].flags & TW_ACK && debt.author_unacked > goodbye
		       ? told_off(d, rst)
		       : NULL;
	tw_from(v, TW_F_RST_TOLD_OFF, told != NULL, told);
	waved = a == TW_SERVER && (waved_off(d, rst) || nothing_asked(d, author));
	tw_from(v, TW_F_RST_WAVED_OFF, waved && debt.author_unacked > goodbye, NULL);
	got_all = debt.author_unacked == goodbye &&
		  !(a == TW_SERVER && tw_get(v->f, TW_F_ANSWER_UNFINISHED));
	tw_from(v, TW_F_RST_AUTHOR_UNACKED, debt.author_unacked, NULL);
	tw_from(v, TW_F_RST_AUTHOR_GOODBYE, goodbye, NULL);
	tw_from(v, TW_F_RST_VICTIM_UNACKED, debt.victim_unacked, NULL);
	tw_from(v, TW_F_RST_AUTHOR_RWND_ZERO, tw_window_closed(d, author, victim), NULL);
	freed_fact(v, rst, author, victim);
	emptied_fact(v, rst);
	tw_from(v, TW_F_RST_VICTIM_RWND_ZERO,
		author->payload_bytes && tw_window_closed(d, victim, author), NULL);
	tw_from(v, TW_F_RST_RECEIVER_GOT_ALL,
		got_all && (!victim->payload_bytes || author->last_payload > victim->last_payload),
		NULL);
	/* a client that has its answer breaks off what it was still sending; one that takes its leave, the answer */
	spared = waved ||
		 (a == TW_CLIENT ? tw_get(v->f, TW_F_REQUEST_SPARED)
				 : left_answered(v, victim, author)) ||
		 tw_get(v->f, TW_F_RST_UNGREETED) || tw_get(v->f, TW_F_RST_HANDSHAKE_ONLY);
	tw_from(v, TW_F_RST_NOTHING_OWED,
		spared ||
			(got_all && !asked_too_late(d, a) &&
			 !came_too_late(d, rst, a, author->fin) &&
			 ((end_was_heard(a, said, s) && !debt.victim_unacked && !debt.unanswered) ||
			  (((victim_closed(d, w, &d->pkt[rst], debt.unanswered) &&
			     !lost_its_answer(d, rst, author, debt.victim_unacked)) ||
			    tw_only_goodbye(d, w, closed_at(d, a, rst, author->fin))) &&
			   !missed && !tw_was_starved(v, rst, s, debt.victim_unacked)) ||
			  (!debt.victim_unacked && client_had_all(v, rst, a, said, s)))),
		NULL);
}

/*
 * When was what the reset refused first sent, seen from the author's FIN @fin? Before it: it was on its way, and the two
 * crossed. Long before it, and repeated: nothing got through, and the close came of that, not the other way round.
 *
 *      victim                               author
 *        |--data-------------------X          |
 *        |--data (repeats)---------X          |    RST_STALLED_REPEATS over RST_STALLED_NS
 *        |<------------------------------FIN--|    its application gave up, too
 *        |--data (the next repeat)----------->|
 *        |<------------------------------RST--|
 */
static void refused_facts(struct tw_view *v, const struct tw_snapshot *s, int victim, long fin)
{
	const struct tw_dossier *d = v->d;
	const struct tw_snapshot_end *author = &s->end[!victim];
	const uint32_t acked = author->acked_set ? author->acked : d->end[victim].base_seq + 1;
	const struct tw_pkt *first = NULL, *repeat = NULL, *beyond = NULL;
	int64_t repeats = 0;
	bool later = false;
	size_t i;

	for (i = 0; i < d->pkt_count && d->pkt[i].frame < tw_frame_of(v->f, TW_F_RST_COUNT); i++) {
		const struct tw_pkt *p = &d->pkt[i];

		/* it has sent what is missing here */
		if (!first && !beyond && tw_counts(p) && p->side == victim &&
		    !(p->flags & (TW_RST | TW_SYN)) && tw_seq_gt(p->seq, acked))
			beyond = p;
		if (!tw_counts(p) || p->side != victim || !p->payload_bytes || p->flags & TW_RST ||
		    tw_seq_le(p->seq + p->payload_bytes, acked))
			continue;
		if (p->marks & TW_MARKS_REPEAT && first && (long)i < fin) {
			repeats++;
			repeat = repeat ? repeat : p;
		}
		later |= !(p->marks & TW_MARKS_REPEAT) && (long)i > fin;
		first = first ? first : p;
	}
	tw_from(v, TW_F_RST_REFUSED_ON_ITS_WAY, first && !later && first->frame < d->pkt[fin].frame,
		first);
	tw_from(v, TW_F_RST_REFUSED_SENT_BEFORE, beyond != NULL, beyond);
	tw_from(v, TW_F_RST_STALLED_REPEATS, repeats, repeat);
	if (first && first->frame < d->pkt[fin].frame)
		tw_from(v, TW_F_RST_STALLED_NS, d->pkt[fin].time_ns - first->time_ns, first);
}

/* How long did the author wait before it closed, its own last new words (but a farewell) unanswered? */
static void waited_fact(struct tw_view *v, int author, long fin)
{
	const struct tw_dossier *d = v->d;
	long i;

	for (i = fin - 1; i >= 0 && !d->pkt[i + 1].gap; i--) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || !p->payload_bytes || p->marks & TW_MARKS_REPEAT ||
		    (p->side == author && tw_is_farewell(p)))
			continue;
		if (p->side == author)
			tw_from(v, TW_F_RST_AUTHOR_WAITED_NS, d->pkt[fin].time_ns - p->time_ns, p);
		return;
	}
}

void tw_derive_owed(struct tw_view *v, size_t rst, const struct tw_snapshot *s)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p = &d->pkt[rst];
	const int a = p->side, w = !a;
	const struct tw_snapshot_end *author = &s->end[a], *victim = &s->end[w];
	uint32_t victim_base = d->end[w].base_seq + 1, reached, since, got = 0;
	uint32_t victim_unacked = tw_unacked_payload(d, s, w),
		 author_unacked = tw_unacked_payload(d, s, a);
	const struct tw_pkt *last = NULL, *said = NULL;
	bool acked, unseen = false;
	size_t i;

	/* an active reset carries SND.NXT: what lies between it and the victim's ack was lost unseen */
	if (tw_is(v->f, TW_F_RST_FORM, TW_RST_ACTIVE) && victim->acked_set) {
		uint32_t beyond = tw_above(p->seq - (author->fin >= 0), victim->acked);

		unseen = sent_unseen(d, rst, a);
		if (beyond > author_unacked)
			author_unacked = beyond;
	}
	if (acknowledged_unseen(d, rst, author) || heard_unseen(d, rst, s))
		author_unacked = 0;
	else if (author_unacked && victim->acked_set)
		author_unacked = tw_above(victim->acked + author_unacked,
					  acked_behind(d, rst, victim->acked));
	/* how far the author's receive sequence reached: its ack field, or all that was sent */
	reached = victim->next_set ? victim->next - (victim->fin >= 0) : victim_base;
	if (p->flags & TW_ACK && tw_get(v->f, TW_F_RST_FORM) != TW_RST_REPLY_NO_ACK) {
		if (tw_seq_lt(p->ack, reached))
			reached = p->ack;
		if (victim->next_set && tw_seq_ge(p->ack, victim->next - (victim->fin >= 0)))
			victim_unacked = 0;
		else if (victim->next_set && author->acked_set && tw_seq_gt(p->ack, author->acked))
			victim_unacked = tw_above(victim->next - (victim->fin >= 0), p->ack);
	}
	/* what the author had received when it last spoke */
	since = author->last_payload >= 0 ? d->pkt[author->last_payload].ack : victim_base;
	/* an author that sent more than was seen here has answered, for all we know */
	if (victim->payload_bytes && !unseen)
		got = tw_above(reached, tw_seq_lt(since, victim_base) ? victim_base : since);
	for (i = 0; i < rst; i++)
		if (d->pkt[i].side == w && d->pkt[i].payload_bytes && tw_counts(&d->pkt[i]) &&
		    tw_seq_le(d->pkt[i].seq + d->pkt[i].payload_bytes, reached)) {
			last = &d->pkt[i];
			said = last->marks & TW_MARKS_REPEAT ? said : last;
		}
	acked = got && ((p->flags & TW_ACK && tw_seq_gt(p->ack, since)) ||
			(author->acked_set && tw_seq_gt(author->acked, since)));
	if (s->gap <= author->last_payload || s->gap < 0)
		unanswered_facts(v, p, got, acked, last, said);
	tw_from(v, TW_F_RST_AUTHOR_UNSEEN, unseen, NULL);
	tw_from(v, TW_F_RST_AUTHOR_SENT_BYTES, sent_bytes(d, s, a), NULL);
	tw_from(v, TW_F_RST_VICTIM_SENT_BYTES, sent_bytes(d, s, w), NULL);
	next_fact(v, rst, w);
	if (author->fin >= 0) {
		refused_facts(v, s, w, author->fin);
		waited_fact(v, a, author->fin);
	}
	debt_facts(v, rst, s, (struct debt){ author_unacked, victim_unacked, got });
}
