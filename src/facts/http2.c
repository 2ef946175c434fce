/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The requests of HTTP/2 in clear (connection/http2.c) that were open when the first end closed or reset, and those that the client
 * was weary of waiting for.
 *
 *	client				server
 *	  |---- HEADERS 1, END_STREAM ---->|
 *	  |<--- ACK -----------------------|
 *	  :				   :	H2_GIVEN_UP_NS
 *	  |---- RST_STREAM 1 (CANCEL) ---->|	a deadline of gRPC; or the client closes
 *
 * Limits: only from the handshake on, and as long as each header of a frame was captured. What an answer says (HPACK) is not read: a
 * call of gRPC that ended in an error is an answer.
 */
#include "facts/view.h"

static void set_at(struct tw_view *v, enum tw_fact_id id, int64_t value,
		   const struct tw_http2_place *at)
{
	tw_fact_set(v->f, id, value, at->frame, at->time_ns);
}

static void open_facts(struct tw_view *v, const struct tw_http2 *h)
{
	size_t i, answered = 0;

	for (i = 0; i < h->open_count; i++)
		answered += h->open[i].answered;
	if (!h->open_count)
		return;
	set_at(v, TW_F_H2_OPEN, (int64_t)h->open_count, &h->open[0].asked);
	set_at(v, TW_F_H2_OPEN_ANSWERED, (int64_t)answered, &h->reader[TW_SERVER].header);
}

/* The client's FIN or reset, if it was the first end of all. */
static const struct tw_pkt *client_leaves(const struct tw_dossier *d)
{
	const size_t end = tw_first_end(d);

	return end < d->pkt_count && d->pkt[end].side == TW_CLIENT ? &d->pkt[end] : NULL;
}

/* The last request that was whole, and of which the client got nothing: it reset it, or closed with it open. */
static void given_up_facts(struct tw_view *v, const struct tw_http2 *h)
{
	const struct tw_pkt *left = client_leaves(v->d);
	const struct tw_http2_request *r = h->cancelled_at.frame ? &h->cancelled : NULL;
	struct tw_http2_place at = h->cancelled_at;
	size_t i;

	for (i = 0; left && i < h->open_count; i++) {
		if (h->open[i].answered || !h->open[i].whole)
			continue;
		r = &h->open[i];
		at = (struct tw_http2_place){ left->frame, left->time_ns };
		break;
	}
	if (!r || !r->whole || at.time_ns < r->asked.time_ns)
		return;
	set_at(v, TW_F_H2_GIVEN_UP, r->id, &r->asked);
	set_at(v, TW_F_H2_GIVEN_UP_NS, at.time_ns - r->asked.time_ns, &at);
}

/* A PING is answered at once (RFC 9113 s6.7), whatever the server is busy with. */
static void ping_facts(struct tw_view *v, const struct tw_http2 *h)
{
	const struct tw_pkt *left = client_leaves(v->d);

	if (!h->ping.frame || !left || left->time_ns < h->ping.time_ns)
		return;
	set_at(v, TW_F_H2_PING_NS, left->time_ns - h->ping.time_ns, &h->ping);
}

void tw_derive_http2(struct tw_view *v)
{
	const struct tw_http2 *h = v->d->http2;
	const struct tw_http2_goaway *bye;

	if (!h || !h->prefaced)
		return;
	tw_fact_set(v->f, TW_F_H2, tw_http2_known(h) ? TW_H2_FOLLOWED : TW_H2_LOST, 0, 0);
	if (!tw_http2_known(h))
		return;
	open_facts(v, h);
	given_up_facts(v, h);
	ping_facts(v, h);
	bye = &h->goaway[TW_SERVER];
	if (bye->at.frame) {
		set_at(v, TW_F_H2_GOAWAY, bye->error, &bye->at);
		set_at(v, TW_F_H2_GOAWAY_LAST, bye->last_id, &bye->at);
	}
	bye = &h->goaway[TW_CLIENT];
	if (bye->at.frame)
		set_at(v, TW_F_H2_CLIENT_GOAWAY, bye->error, &bye->at);
	if (h->late_id)
		set_at(v, TW_F_H2_LATE, h->late_id, &h->late);
}
