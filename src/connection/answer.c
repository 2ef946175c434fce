/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which answer of HTTP/1 does an end owe last? Heads count where one may stand: behind the answer before.
 *
 *	seq	| head | body ............ | head | body ...
 *		  ^            ^ "HTTP/1.1" may stand here, too: in a log that is sent, at the start of a segment
 *		  |
 *		behind this head only if the answer has no body after all, because HEAD asked for it
 */
#include "connection/answer.h"

#include "connection/dossier.h"
#include "packet/seq.h"

static bool may_begin(const struct tw_answer *a, uint32_t seq)
{
	if (!a->begun)
		return true;
	if (tw_seq_lt(seq, a->begins))
		return false; /* late, or sent again */
	return a->body != TW_BODY_LENGTH || seq == a->begins || seq == a->body_from ||
	       tw_seq_ge(seq, a->ends);
}

static void begin(struct tw_answer *a, const struct tw_pkt *p, const struct tw_http_answer *h)
{
	const bool far = h->body == TW_BODY_LENGTH && h->ends > INT32_MAX;

	a->begun = true;
	a->body = far ? TW_BODY_UNKNOWN : h->body; /* numbers so far apart have no order */
	a->begins = p->seq + h->begins;
	a->body_from = p->seq + h->body_from;
	a->ends = p->seq + (uint32_t)h->ends;
	a->frame = p->frame;
	a->time_ns = p->time_ns;
}

void tw_answer_note(struct tw_answer *a, const struct tw_pkt *p, const struct tw_segment *s)
{
	const uint32_t end = p->seq + p->payload_bytes;

	if (!p->payload_bytes || p->flags & (TW_RST | TW_SYN))
		return;
	if (s->answers && may_begin(a, p->seq))
		begin(a, p, &s->answer);
	if (!a->tail_set || tw_seq_ge(end, a->tail_at)) {
		a->tail_set = true;
		a->tail_at = end;
		a->tail = s->tail;
	}
}
