/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Did the last message of an end come to its end? HTTP/1 says in its head how long it is (packet/http.c), and
 * sequence numbers say how much of it was ever sent, whether the capture holds those bytes or not.
 *
 *	client				server
 *	  |---- GET ---------------------->|
 *	  |<--- head: 100000 bytes --------|
 *	  |<--- 30000 of them -------------|
 *	  :				   :	ANSWER_STOPPED_NS
 *	  |<--- FIN -----------------------|	ANSWER_MISSING_BYTES 70000
 *
 * Within TLS only its records can be told, by their headers (connection/records.c): an answer that ends between two of them looks whole. The
 * messages of PostgreSQL, packets of MySQL, and frames of HTTP/2 in clear, are taken alike, but for a result whose end is still to come.
 *
 * Limits: of chunks only the end is looked at. Chunk data that ends in two line ends looks complete.
 */
#include "facts/goodbye.h"
#include "facts/view.h"

#define AHEAD_MAX (1 << 24) /* a reset's number farther ahead is no position in the data */

/* A request was seen, and none that has its answer without a body. */
static bool was_asked(const struct tw_dossier *d)
{
	size_t i;

	for (i = 0; i < d->pkt_count && !d->end[TW_CLIENT].message.no_body; i++)
		if (tw_counts(&d->pkt[i]) && d->pkt[i].side == TW_CLIENT &&
		    tw_request_of(&d->pkt[i], false) == TW_REQUEST_HTTP)
			return true;
	return false;
}

/*
 * Did the server say anything to the request whose head is in @frame, but to go on with it (1xx)? Who was answered
 * need not send the rest: it asked with Expect: 100-continue, or was refused (413).
 */
static bool was_answered(const struct tw_dossier *d, uint64_t frame)
{
	size_t i;

	for (i = d->pkt_count; i > 0 && d->pkt[i - 1].frame > frame; i--) {
		const struct tw_pkt *p = &d->pkt[i - 1];

		if (tw_counts(p) && p->side == TW_SERVER && p->payload_bytes &&
		    !tw_begins(p, "HTTP/1.1 1"))
			return true;
	}
	return false;
}

/* Behind the last byte that @side is known to have sent: its FIN and its reset stand there. */
static uint32_t sent_up_to(const struct tw_dossier *d, int side)
{
	const struct tw_end *s = &d->end[side];
	uint32_t last = s->next_seq;
	size_t i;

	if (s->fin_seen)
		return s->fin_seq;
	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (tw_counts(p) && p->side == side && p->flags & TW_RST &&
		    tw_seq_gt(p->seq, last) && p->seq - last < AHEAD_MAX)
			last = p->seq;
	}
	return last;
}

static bool is_unfinished(const struct tw_message *m, uint32_t last)
{
	if (tw_seq_lt(last, m->body_from))
		return false;
	if (tw_body_has_end(m->body))
		return tw_seq_lt(last, m->ends);
	return m->body == TW_BODY_CHUNKED &&
	       (last == m->body_from || (m->tail_at == last && m->tail == TW_TAIL_OTHER));
}

/* How long had nothing come of it, though the client could take more? */
static void stopped_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const size_t end = tw_first_end(d);
	const struct tw_snapshot_end *c, *s;
	struct tw_snapshot at;
	int64_t until_ns;

	tw_snapshot_take(d, end, &at);
	c = &at.end[TW_CLIENT];
	s = &at.end[TW_SERVER];
	if (s->last_payload < 0 || at.gap > s->last_payload || !c->acked_set ||
	    c->acked != s->next || !c->window_set || !c->raw_window)
		return;
	until_ns = end < d->pkt_count ? d->pkt[end].time_ns : tw_watched_until_ns(v);
	tw_from(v, TW_F_ANSWER_STOPPED_NS, until_ns - d->pkt[s->last_payload].time_ns,
		&d->pkt[s->last_payload]);
}

/* The facts about one direction's messages. */
struct message_ids {
	enum tw_fact_id unfinished, sent, missing;
};

/* Is the last message of @side unfinished? What it is, and how far it came. */
static bool message_facts(struct tw_view *v, int side, const struct message_ids *id)
{
	const struct tw_end *e = &v->d->end[side];
	const struct tw_message *m = &e->message;
	uint32_t last;

	if (!m->begun || m->request != (side == TW_CLIENT) || !e->next_set)
		return false;
	last = sent_up_to(v->d, side);
	if (!is_unfinished(m, last) || (!m->request && !was_asked(v->d)))
		return false;
	if (m->request && was_answered(v->d, m->frame)) {
		tw_fact_set(v->f, TW_F_REQUEST_SPARED, !tw_get(v->f, TW_F_ANSWER_UNFINISHED),
			    m->frame, m->time_ns);
		return false;
	}
	tw_fact_set(v->f, id->unfinished, m->body, m->frame, m->time_ns);
	tw_fact_set(v->f, id->sent, last - m->body_from, m->frame, m->time_ns);
	if (m->body == TW_BODY_LENGTH)
		tw_fact_set(v->f, id->missing, m->ends - last, m->frame, m->time_ns);
	return true;
}

/*
 * Has the client taken its leave, in TLS or by a close, before the server said the last of it, or ended? Then the rest is not
 * wanted.
 */
static bool client_left(const struct tw_dossier *d)
{
	const struct tw_pkt *p, *end = d->pkt + tw_first_end(d);
	bool leaves = false;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		if (!tw_counts(p))
			continue;
		if (p->side == TW_CLIENT)
			leaves = p >= end || (p->payload_bytes ? tw_is_farewell(p) : leaves);
		else if (leaves && !(p->marks & TW_MARKS_REPEAT) && (p->payload_bytes || p == end))
			return true;
	}
	return false;
}

static enum tw_body body_of(const struct tw_records *r)
{
	switch (r->framing) {
	case TW_FRAMING_POSTGRESQL:
		return TW_BODY_POSTGRESQL;
	case TW_FRAMING_MYSQL:
		return TW_BODY_MYSQL;
	case TW_FRAMING_TLS:
	case TW_FRAMING_UNKNOWN:
		break;
	}
	return TW_BODY_RECORD;
}

/*
 * The last record of TLS, message of PostgreSQL, or packet of MySQL, that the server sent, if that is not whole: nothing of it can be used; or, of the
 * latter two, if more of a result was to come. The server's reset may show that more of it was sent than is in the capture.
 */
static bool record_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_records *r = &d->end[TW_SERVER].records;
	const uint32_t missing = tw_records_missing(r);
	const struct tw_pkt *p;

	for (p = d->pkt; p < d->pkt + d->pkt_count && !d->end[TW_SERVER].fin_seen; p++)
		if (tw_counts(p) && p->side == TW_SERVER && p->flags & TW_RST &&
		    tw_seq_gt(p->raw_seq, r->sent_up_to))
			return false;
	if (!(missing || tw_records_within_result(r)) || !d->end[TW_CLIENT].bytes || client_left(d))
		return false;
	tw_fact_set(v->f, TW_F_ANSWER_UNFINISHED, body_of(r), r->frame, r->time_ns);
	tw_fact_set(v->f, TW_F_ANSWER_SENT_BYTES, r->bytes - missing, r->frame, r->time_ns);
	tw_fact_set(v->f, TW_F_ANSWER_MISSING_BYTES, missing, r->frame, r->time_ns);
	return true;
}

/* An answer of HTTP/1 that came to the end that its head says, or to that of its chunks. */
static bool is_whole_message(const struct tw_dossier *d)
{
	const struct tw_end *e = &d->end[TW_SERVER];
	const struct tw_message *m = &e->message;
	uint32_t last;

	if (!m->begun || m->request || !e->next_set)
		return false;
	last = sent_up_to(d, TW_SERVER);
	switch (m->body) {
	case TW_BODY_LENGTH:
		return last == m->ends ||
		       (last == m->body_from && d->end[TW_CLIENT].message.no_body);
	case TW_BODY_CHUNKED:
		return m->tail_at == last && m->tail == TW_TAIL_BLANK;
	default:
		return m->body == TW_BODY_NONE && last == m->body_from;
	}
}

/* Of what is followed by its headers: the last one is whole, and nothing is due behind it. */
static bool is_whole_record(const struct tw_view *v)
{
	const struct tw_records *r = &v->d->end[TW_SERVER].records;

	return !r->lost && r->bytes && r->next == r->sent_up_to && !tw_records_within_result(r) &&
	       !tw_get(v->f, TW_F_TLS_UNANNOUNCED);
}

/*
 * A server that closes first had said all, as far as that can be told: by what its protocol says of lengths and ends; because it, or the
 * client before, had taken its leave.
 */
static void whole_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *words = tw_last_words(d, TW_SERVER, d->pkt_count);
	const size_t end = tw_first_end(d);

	if (!words || end == d->pkt_count || d->pkt[end].side != TW_SERVER)
		return;
	if (is_whole_message(d) || is_whole_record(v) || client_left(d) || tw_is_farewell(words) ||
	    (tw_http2_known(d->http2) && !d->http2->open_count))
		tw_from(v, TW_F_ANSWER_WHOLE, 1, words);
}

/* The server of a database ends the connection, and its last words say why. */
static void error_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_records *r = &d->end[TW_SERVER].records;
	const size_t end = tw_first_end(d);

	if (end < d->pkt_count && d->pkt[end].side == TW_SERVER && tw_records_end_in_error(r))
		tw_fact_set(v->f, TW_F_ENDS_IN_ERROR, body_of(r), r->frame, r->time_ns);
}

/* The server's last frame of HTTP/2 in clear, if that is not whole, up to the first end of either side. */
static bool frame_facts(struct tw_view *v)
{
	const struct tw_http2 *h = v->d->http2;
	const struct tw_http2_reader *r;
	uint32_t missing;

	if (!tw_http2_known(h) || !h->open_count || h->goaway[TW_CLIENT].at.frame)
		return false;
	r = &h->reader[TW_SERVER];
	missing = tw_http2_missing(h, TW_SERVER);
	if (!missing)
		return false;
	tw_fact_set(v->f, TW_F_ANSWER_UNFINISHED, TW_BODY_FRAME, r->header.frame,
		    r->header.time_ns);
	tw_fact_set(v->f, TW_F_ANSWER_SENT_BYTES, r->bytes - missing, r->header.frame,
		    r->header.time_ns);
	tw_fact_set(v->f, TW_F_ANSWER_MISSING_BYTES, missing, r->header.frame, r->header.time_ns);
	return true;
}

/*
 * A server that closes, having said all of its records and no close_notify, as the last of which an alert would be short: who
 * reads that can not know whether there was to be more (RFC 8446 s6.1).
 */
static void unannounced_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_records *r = &d->end[TW_SERVER].records;
	const size_t end = tw_first_end(d);

	if (end == d->pkt_count || !(d->pkt[end].flags & TW_FIN) || d->pkt[end].side != TW_SERVER ||
	    r->lost || r->framing != TW_FRAMING_TLS || r->next != r->sent_up_to ||
	    r->bytes <= TW_LONGEST_FAREWELL || client_left(d))
		return;
	tw_from(v, TW_F_TLS_UNANNOUNCED, 1, &d->pkt[end]);
}

void tw_derive_messages(struct tw_view *v)
{
	static const struct message_ids request = { TW_F_REQUEST_UNFINISHED,
						    TW_F_REQUEST_SENT_BYTES,
						    TW_F_REQUEST_MISSING_BYTES },
					answer = { TW_F_ANSWER_UNFINISHED, TW_F_ANSWER_SENT_BYTES,
						   TW_F_ANSWER_MISSING_BYTES };

	if (message_facts(v, TW_SERVER, &answer) || record_facts(v) || frame_facts(v))
		stopped_fact(v);
	message_facts(v, TW_CLIENT, &request);
	unannounced_fact(v);
	whole_fact(v);
	error_fact(v);
}
