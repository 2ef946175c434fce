/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request within TLS. It cannot be read; but where each record long enough to ask for something was answered before the next
 * one came, or where it is HTTP (its ClientHello offers that, or the port is), the last one was a request, too.
 *
 *	client                                   server
 *	  |-- ChangeCipherSpec, Finished ----------->|	turn 1: the handshake
 *	  |<------------------------ two tickets ----|
 *	  |-- 300 bytes ---------------------------->|	turn 2, answered
 *	  |<------------------------- 4000 bytes ----|
 *	  |          (a pause)                       |
 *	  |-- 310 bytes ---------------------------->|	turn 3: the question
 *	  |          (nothing)                       |
 *	  |-- close_notify, FIN -------------------->|	it was weary of waiting
 *
 * A connection of HTTP/1 may have become a WebSocket (RFC 6455), whose messages need no answer. What is not half as long as the first
 * request repeats none of its header fields, and may be such a message; and where more comes behind a record that is as long as a close_notify,
 * such are Pings.
 *
 * In TLS 1.3 the tickets of the server (RFC 8446 s4.6.1) come behind the client's Finished, and so behind a request that
 * follows at once. They are told by what OpenSSL sends, two of one size; a single one looks like an answer and is taken for it.
 */
#include "facts/goodbye.h"
#include "facts/view.h"

#define AT_ONCE_NS             (1 * TW_NS_PER_S) /* two messages further apart are not one question */
#define PAUSE_NS               (100 * TW_NS_PER_MS) /* who asks after that was not just answering */
#define RHYTHM                 2                    /* so many questions were answered before */
#define TICKET_BYTES_MIN       100
#define TICKET_BYTES_MAX       2500 /* with the client's certificate in it */
#define TLS_CHANGE_CIPHER_SPEC 20   /* the first type of a record, and the last */
#define TLS_HEARTBEAT          24

/* By the client's offer; or by the port, 443, and what is made of it where that is taken: 8443, 6443 (Kubernetes), 10443. */
static bool is_http(const struct tw_dossier *d)
{
	return d->offers_http || d->end[TW_SERVER].port % 1000 == 443;
}

/* ... which of them is not known, but by that offer. */
static bool may_be_http2(const struct tw_dossier *d)
{
	return d->offers_http ? d->offers_http & TW_OFFERS_HTTP2 : is_http(d);
}

struct sealed_walk {
	const struct tw_pkt *said[2]; /* by either end, last */
	/* of the turn: what the client says between two words of the server */
	const struct tw_pkt *question, *last; /* its first segment, the last one behind it */
	int64_t pause_ns;                     /* before the turn */
	bool shakes;                          /* it holds ChangeCipherSpec, but not yet Finished */
	unsigned asked;                       /* so many segments of it that may ask */
	/* since the client's Finished, as long as nothing but tickets came */
	bool fresh;
	uint32_t ticket_bytes;    /* of each */
	unsigned tickets, behind; /* and of these behind the question */
	/* of the connection */
	uint32_t first_bytes; /* its first request; UINT32_MAX: not known */
	bool one_way;         /* message after message, and no answer in between */
	int64_t answered, after_pauses;
};

static void begin_turn(struct sealed_walk *w, const struct tw_pkt *p)
{
	const struct tw_pkt *heard = w->said[TW_SERVER];

	w->question = w->last = NULL;
	w->shakes = false;
	w->asked = w->behind = 0;
	w->pause_ns = heard ? p->time_ns - heard->time_ns : 0;
}

static uint32_t asked_bytes(const struct tw_pkt *p)
{
	return p->payload_bytes - (tw_tls_changes_cipher(p) ? tw_tls_finished_bytes(p) : 0);
}

/* Who asks again has got an answer: what came behind the question, and looked like tickets, was that. */
static void was_answered(struct sealed_walk *w)
{
	w->fresh = false;
	w->answered++;
	w->after_pauses += w->pause_ns >= PAUSE_NS;
	w->question = NULL;
	w->ticket_bytes = w->tickets = 0;
}

static void client_says(struct sealed_walk *w, const struct tw_pkt *p)
{
	const struct tw_pkt *own = w->said[TW_CLIENT];
	const bool finishes = tw_tls_changes_cipher(p) && tw_tls_finished_bytes(p);
	const bool asks = (finishes && tw_tls_asks_behind_finished(p)) ||
			  (tw_tls_record_bytes(p) && tw_asks(p));
	const bool word = !asks && tw_tls_record_bytes(p) == p->payload_bytes;

	if (asks && w->question && w->behind && w->said[TW_SERVER] > own &&
	    p->time_ns - w->said[TW_SERVER]->time_ns >= PAUSE_NS)
		was_answered(w);
	if (!own || (w->said[TW_SERVER] && w->said[TW_SERVER] > own))
		begin_turn(w, p);
	else if (asks && w->question && p->time_ns - own->time_ns >= AT_ONCE_NS)
		w->one_way = true;
	if (tw_tls_changes_cipher(p)) {
		w->fresh = finishes;
		w->shakes = !w->fresh;
	}
	w->asked += asks && !w->shakes;
	if (!w->question && w->asked) {
		w->question = p;
		if (!w->first_bytes)
			w->first_bytes = asked_bytes(p);
	}
	if (w->question && !word) /* an acknowledgement of HTTP/2 behind it is no part of it */
		w->last = p;
	w->said[TW_CLIENT] = p;
}

/* Could it be a session ticket, or several, right behind the handshake? */
static bool takes_as_ticket(struct sealed_walk *w, const struct tw_pkt *p)
{
	const uint32_t bytes = tw_tls_record_bytes(p);

	if (!w->fresh || bytes < TICKET_BYTES_MIN || bytes > TICKET_BYTES_MAX ||
	    p->payload_bytes % bytes || (w->ticket_bytes && bytes != w->ticket_bytes))
		return false;
	w->ticket_bytes = bytes;
	w->tickets += p->payload_bytes / bytes;
	w->behind += w->question ? p->payload_bytes / bytes : 0;
	return true;
}

/*
 * Does the server only keep HTTP/2 going by it? The client's first words there, its preface, ask for nothing but that: what
 * comes behind them does.
 */
static bool only_keeps_going(const struct sealed_walk *w, const struct tw_pkt *p)
{
	return w->question && w->asked > !w->answered && tw_is_http2_control(p);
}

static void server_says(struct sealed_walk *w, const struct tw_pkt *p, bool http2)
{
	if (http2 && only_keeps_going(w, p))
		return;
	if (!takes_as_ticket(w, p)) {
		w->fresh = false;
		w->ticket_bytes = w->tickets = 0;
		w->answered += w->question != NULL;
		w->after_pauses += w->question && w->pause_ns >= PAUSE_NS;
		w->question = NULL;
	}
	w->said[TW_SERVER] = p;
}

/* The last that each end says, in @last. */
static void find_last(const struct tw_dossier *d, const struct tw_pkt *last[2])
{
	const struct tw_pkt *p;

	last[0] = last[1] = NULL;
	for (p = d->pkt; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && p->payload_bytes &&
		    !(p->marks & TW_MARKS_REPEAT || p->flags & TW_RST))
			last[p->side] = p;
}

/*
 * Does a record like a farewell stand where its sender goes on speaking? Then the connection has words of that length: Pings of
 * WebSocket and MQTT.
 */
static bool has_pings(const struct tw_dossier *d)
{
	const struct tw_pkt *p, *last[2];

	find_last(d, last);
	for (p = d->pkt; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && tw_is_farewell(p) && last[p->side] &&
		    last[p->side]->time_ns - p->time_ns >= AT_ONCE_NS)
			return true;
	return false;
}

/* The first farewell, close or reset of either end behind @asked. */
static const struct tw_pkt *left_at(const struct tw_dossier *d, const struct tw_pkt *asked)
{
	const bool pings = has_pings(d);
	const struct tw_pkt *p;

	for (p = asked; p < d->pkt + d->pkt_count; p++)
		if (tw_counts(p) && (p->flags & (TW_FIN | TW_RST) || (!pings && tw_is_farewell(p))))
			return p;
	return NULL;
}

/* Who ended the wait for an answer to @last, and when? */
static void end_facts(struct tw_view *v, const struct tw_pkt *last)
{
	const struct tw_pkt *left = left_at(v->d, last);

	if (!left || last->flags & TW_FIN)
		return;
	if (left->side == TW_CLIENT) {
		tw_from(v, TW_F_SEALED_WAITED_NS, left->time_ns - last->time_ns, left);
		return;
	}
	if (left->flags & TW_RST || tw_seq_lt(left->ack, tw_pkt_end(last)))
		return;
	tw_from(v, TW_F_SEALED_CLOSED_NS, left->time_ns - last->time_ns, left);
	tw_from(v, TW_F_SEALED_CLOSED_GOODBYE, !(left->flags & TW_FIN), left);
}

static uint32_t question_bytes(const struct sealed_walk *w)
{
	return tw_above(tw_pkt_end(w->last), w->question->seq);
}

/* May the question be a message of a WebSocket? */
static bool may_be_message(const struct tw_dossier *d, const struct sealed_walk *w)
{
	return d->offers_http == TW_OFFERS_HTTP1 && question_bytes(w) < w->first_bytes / 2;
}

/* The last question of @w, which has one. */
static bool is_unanswered(const struct tw_view *v, const struct sealed_walk *w)
{
	const struct tw_snapshot_end *server = &v->last.end[TW_SERVER];

	return !(w->behind && w->tickets == 1) && !w->one_way && server->acked_set &&
	       tw_seq_ge(server->acked, tw_pkt_end(w->last)) &&
	       ((is_http(v->d) && !may_be_message(v->d, w)) ||
		(w->answered >= RHYTHM && w->after_pauses));
}

/* The last fatal alert of TLS in the clear, before the reset if there is one: what the program says that the kernel cannot. */
static void alert_facts(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const uint64_t rst =
		tw_get(v->f, TW_F_RST_COUNT) ? tw_frame_of(v->f, TW_F_RST_COUNT) : UINT64_MAX;
	const struct tw_pkt *p, *alert = NULL;

	for (p = d->pkt; p < d->pkt + d->pkt_count && p->frame < rst; p++)
		if (tw_counts(p) && p->payload_bytes && tw_is_refusal(p))
			alert = p;
	if (!alert)
		return;
	tw_from(v, TW_F_TLS_ALERT, alert->payload_head[6], alert);
	tw_from(v, TW_F_TLS_ALERT_SIDE, alert->side, alert);
}

/* The first words of each end: a ClientHello, and what is no record of TLS (RFC 8446 s5.1). */
static void not_spoken_fact(struct tw_view *v)
{
	const struct tw_pkt *first[2] = { NULL, NULL }, *p;

	for (p = v->d->pkt; p < v->d->pkt + v->d->pkt_count && !(first[0] && first[1]); p++)
		if (tw_counts(p) && p->payload_bytes && !first[p->side])
			first[p->side] = p;
	p = first[TW_SERVER];
	if (!first[TW_CLIENT] || !p || !p->payload_head_bytes || !v->d->end[TW_SERVER].isn_seen ||
	    tw_request_of(first[TW_CLIENT], false) != TW_REQUEST_CLIENT_HELLO)
		return;
	tw_from(v, TW_F_TLS_NOT_SPOKEN,
		p->payload_head[0] < TLS_CHANGE_CIPHER_SPEC || p->payload_head[0] > TLS_HEARTBEAT,
		p);
}

/* A farewell, and no record of data before it in the same segment. */
static bool only_farewell(const struct tw_pkt *p)
{
	const uint32_t record = tw_tls_record_bytes(p);

	return tw_is_farewell(p) && (!record || record >= p->payload_bytes);
}

void tw_derive_sealed(struct tw_view *v)
{
	struct sealed_walk w = { 0 };
	const struct tw_dossier *d = v->d;
	const bool pings = has_pings(d);
	const struct tw_pkt *p;

	for (p = d->pkt; p < d->pkt + d->pkt_count; p++) {
		if (p->gap)
			/* who said what in between is not known */
			w = (struct sealed_walk){ .first_bytes = UINT32_MAX };
		if (!tw_counts(p) || !p->payload_bytes || p->marks & TW_MARKS_REPEAT ||
		    p->flags & TW_RST || (!pings && only_farewell(p)))
			continue;
		if (p->side == TW_CLIENT)
			client_says(&w, p);
		else
			server_says(&w, p, may_be_http2(d));
	}
	alert_facts(v);
	not_spoken_fact(v);
	if (!w.question || !w.last || !is_unanswered(v, &w))
		return;
	tw_from(v, TW_F_SEALED_BYTES, question_bytes(&w), w.question);
	tw_from(v, TW_F_SEALED_ANSWERED, w.answered, NULL);
	tw_from(v, TW_F_SEALED_HTTP, d->offers_http && !may_be_message(d, &w), NULL);
	tw_from(v, TW_F_SEALED_TICKETS, w.behind ? w.tickets : 0,
		w.behind ? w.said[TW_SERVER] : NULL);
	end_facts(v, w.last);
}
