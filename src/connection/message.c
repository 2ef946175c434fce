/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which message of HTTP/1 has an end begun last? Heads count where one may stand: behind the message before.
 *
 *	seq	| head | body ............ | head | body ...
 *		  ^            ^ "HTTP/1.1" may stand here, too: in a log that is sent, at the start of a segment
 *		  |
 *		behind this head only if an answer has no body after all, because HEAD asked for it
 */
#include "connection/message.h"

#include "connection/dossier.h"
#include "packet/seq.h"

static bool may_begin(const struct tw_message *m, uint32_t seq)
{
	if (!m->begun)
		return true;
	if (tw_seq_lt(seq, m->begins))
		return false; /* late, or sent again */
	return m->body != TW_BODY_LENGTH || seq == m->begins || seq == m->body_from ||
	       tw_seq_ge(seq, m->ends);
}

static void begin(struct tw_message *m, const struct tw_pkt *p, const struct tw_http_message *h)
{
	const bool far = h->body == TW_BODY_LENGTH && !tw_http_end_known(h);

	m->begun = true;
	m->request = h->request;
	m->body = far ? TW_BODY_UNKNOWN : h->body;
	m->begins = p->seq + h->begins;
	m->body_from = p->seq + h->body_from;
	m->ends = p->seq + (uint32_t)h->ends;
	m->frame = p->frame;
	m->time_ns = p->time_ns;
}

void tw_message_note(struct tw_message *m, const struct tw_pkt *p, const struct tw_segment *s)
{
	const uint32_t end = p->seq + p->payload_bytes;

	if (!p->payload_bytes || p->flags & (TW_RST | TW_SYN))
		return;
	m->no_body |= s->asks_no_body;
	if (s->speaks_http && may_begin(m, p->seq))
		begin(m, p, &s->message);
	if (!m->tail_set || tw_seq_ge(end, m->tail_at)) {
		m->tail_set = true;
		m->tail_at = end;
		m->tail = s->tail;
	}
}
