/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Did the server's last answer come to its end? HTTP/1 says in its head how long it is (packet/http.c), and sequence
 * numbers say how much of it was ever sent, whether the capture holds those bytes or not.
 *
 *	client				server
 *	  |---- GET ---------------------->|
 *	  |<--- head: 100000 bytes --------|
 *	  |<--- 30000 of them -------------|
 *	  :				   :	ANSWER_STOPPED_NS
 *	  |<--- FIN -----------------------|	ANSWER_MISSING_BYTES 70000
 *
 * Limits: of chunks only the end is looked at. Chunk data that ends in two line ends looks complete.
 */
#include "facts/view.h"

#define AHEAD_MAX (1 << 24) /* a reset's number farther ahead is no position in the data */

/*
 * A request was seen, and none that has its answer without a body (HEAD), or another protocol behind it (CONNECT).
 */
static bool was_asked(const struct tw_dossier *d)
{
	bool asked = false;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (!tw_counts(p) || p->side != TW_CLIENT || !p->payload_bytes ||
		    tw_request_of(p, false) != TW_REQUEST_HTTP)
			continue;
		if (!tw_request_has_body_answered(p))
			return false;
		asked = true;
	}
	return asked;
}

/* Behind the last byte that the server is known to have sent: its FIN and its reset stand there. */
static uint32_t sent_up_to(const struct tw_dossier *d)
{
	const struct tw_end *s = &d->end[TW_SERVER];
	uint32_t last = s->next_seq;
	size_t i;

	if (s->fin_seen)
		return s->fin_seq;
	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (tw_counts(p) && p->side == TW_SERVER && p->flags & TW_RST &&
		    tw_seq_gt(p->seq, last) && p->seq - last < AHEAD_MAX)
			last = p->seq;
	}
	return last;
}

static bool is_unfinished(const struct tw_answer *a, uint32_t last)
{
	if (a->body == TW_BODY_LENGTH)
		return tw_seq_lt(last, a->ends);
	return a->body == TW_BODY_CHUNKED &&
	       (last == a->body_from || (a->tail_at == last && a->tail == TW_TAIL_OTHER));
}

/* The first FIN or reset of either end; behind the last record if there is none. */
static size_t end_of(const struct tw_dossier *d)
{
	size_t i;

	for (i = 0; i < d->pkt_count; i++)
		if (tw_counts(&d->pkt[i]) && d->pkt[i].flags & (TW_FIN | TW_RST))
			break;
	return i;
}

/* How long had nothing come of it, though the client could take more? */
static void stopped_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const size_t end = end_of(d);
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

void tw_derive_answer(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_answer *a = &d->end[TW_SERVER].answer;
	uint32_t last, sent;

	if (!a->begun || !d->end[TW_SERVER].next_set)
		return;
	last = sent_up_to(d);
	if (tw_seq_lt(last, a->body_from) || !is_unfinished(a, last) || !was_asked(d))
		return;
	sent = last - a->body_from;
	tw_fact_set(v->f, TW_F_ANSWER_UNFINISHED, a->body, a->frame, a->time_ns);
	tw_fact_set(v->f, TW_F_ANSWER_SENT_BYTES, sent, a->frame, a->time_ns);
	if (a->body == TW_BODY_LENGTH)
		tw_fact_set(v->f, TW_F_ANSWER_MISSING_BYTES, a->ends - last, a->frame, a->time_ns);
	stopped_fact(v);
}
