/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about the connection that had the same four-tuple before.
 *
 *	client                                server
 *	  |<===== the one before ================>|   PREV_EXISTS, PREV_CLOSED
 *	  |--SYN--------------------------------->|   SYN_IN_ESTABLISHED, SYN_BELOW_PREV
 *	  |<-------ACK with its numbers-----------|   SYN_ANSWERED_BY_OLD_ACK
 *	  |<-------its data-----------------------|   PREV_WENT_ON
 *
 * Where both had closed, that ACK is of a TIME_WAIT or of a socket in LAST_ACK or CLOSING. TIME_WAIT needs the ACK of the
 * server's FIN, and is never reached by who closes last.
 */
#include "facts/view.h"

static bool was_reset(const struct tw_dossier *q)
{
	size_t i;

	for (i = 0; i < q->pkt_count; i++)
		if (tw_counts(&q->pkt[i]) && q->pkt[i].flags & TW_RST)
			return true;
	return false;
}

static bool prev_open(const struct tw_dossier *q)
{
	if (q->end[0].fin_seen || q->end[1].fin_seen || was_reset(q))
		return false;
	return q->completeness & 4 || q->end[0].data_packets || q->end[1].data_packets;
}

/* The server's program had not closed (CLOSE_WAIT). */
static bool half_closed(const struct tw_dossier *q, int same)
{
	return q->end[same ? 0 : 1].fin_seen && !q->end[same ? 1 : 0].fin_seen && !was_reset(q);
}

/* The earlier connection as its close left it. */
struct old_close {
	const struct tw_pkt *fin; /* the first FIN of the server that was captured */
	bool last;                /* it answers the client's FIN */
	bool heard;               /* it was acknowledged, */
	bool repeated; /* ... and again sent behind that, or never acknowledged and sent again */
	bool request_id_zero; /* Linux: the SYN|ACK has no socket yet, */
	bool sockets_count;   /* ... and then the ids run, */
	uint16_t id;          /* ... from its FIN on up to this one */
};

#define IDS_LEFT_OUT 64 /* so many of a socket's segments may not have been captured */

/*
 * Has @p, behind the FIN, a place among the ids of the socket that sent this? TIME_WAIT has none: it writes 0, or, before Linux
 * 4.19, what the host has for that destination.
 */
static bool is_of_socket(const struct old_close *c, const struct tw_pkt *p)
{
	return c->fin && (uint16_t)(p->ip_id - c->id - 1) < IDS_LEFT_OUT;
}

static void note_server(struct old_close *c, const struct tw_pkt *p, uint32_t client_end,
			bool client_fin)
{
	if (p->flags & TW_SYN)
		c->request_id_zero |= !p->ip_id;
	else if (!(p->flags & TW_RST))
		c->sockets_count |= p->ip_id != 0;
	if (p->flags & TW_FIN && c->fin)
		c->repeated = true;
	if (p->flags & TW_FIN && !c->fin) {
		c->fin = p;
		c->id = p->ip_id;
		c->last = client_fin && p->ack == client_end;
	}
	if (is_of_socket(c, p))
		c->id = p->ip_id;
}

static void walk_close(const struct tw_dossier *q, int same, struct old_close *c)
{
	const struct tw_end *client = &q->end[same ? 0 : 1], *server = &q->end[same ? 1 : 0];
	const uint32_t end = server->fin_seq + 1;
	const struct tw_pkt *p;
	bool beyond = false; /* it spoke from behind a FIN that was not captured: CLOSING */

	for (p = q->pkt; p < q->pkt + q->pkt_count; p++) {
		if (!tw_counts(p) || p->flags & TW_RST || p->marks & TW_MARK_NET_DUPLICATE)
			continue;
		if (&q->end[p->side] == server) {
			beyond |= !c->fin && p->seq == end;
			note_server(c, p, client->fin_seq + 1, client->fin_seen);
		} else if (c->fin && p->flags & TW_ACK && p->ack == end) {
			c->heard = true;
			c->repeated = false;
		}
	}
	c->last &= !beyond;
}

/* What answered the SYN with @ack: a TIME_WAIT, or a socket whose FIN is not acknowledged? */
static void closed_facts(struct tw_view *v, const struct tw_dossier *q, int same,
			 const struct tw_pkt *ack)
{
	const bool fit = tw_get(v->f, TW_F_SYN_FIT_FOR_TIME_WAIT);
	struct old_close c = { 0 };
	bool linux_ids, bucket, socket; /* the last one: but a proxy may have written the SYN|ACK */

	walk_close(q, same, &c);
	if (!c.fin || ack->ack != q->end[same ? 0 : 1].fin_seq + 1)
		return;
	linux_ids = tw_is(v->f, TW_F_IP_VERSION, 4) && c.sockets_count;
	bucket = linux_ids && !ack->ip_id;
	socket = linux_ids && c.request_id_zero && ack->ip_id && is_of_socket(&c, ack);
	tw_from(v, TW_F_PREV_CLOSED_LAST, c.last, c.fin);
	tw_from(v, TW_F_PREV_FIN_UNHEARD,
		!bucket && (c.last || c.repeated || (socket && !c.heard) ||
			    (fit && (socket || !c.heard))),
		c.fin);
	tw_from(v, TW_F_PREV_TIME_WAIT, bucket || (!c.last && !socket && c.heard && !fit), ack);
}

static void old_ack_fact(struct tw_view *v, const struct tw_dossier *q, int same)
{
	const struct tw_end *server = &q->end[same ? 1 : 0], *client = &q->end[same ? 0 : 1];
	const struct tw_pkt *syn = tw_first_syn(v->d);
	size_t i;

	for (i = 0; syn && i < v->d->pkt_count; i++) {
		const struct tw_pkt *p = &v->d->pkt[i];

		if (!p->side || p < syn || !tw_pure_ack(p) ||
		    p->ack - syn->seq - 1 <= syn->payload_bytes)
			continue;
		if (server->next_set && p->seq == server->next_seq &&
		    (!client->next_set || p->ack == client->next_seq ||
		     p->ack == server->highest_ack)) {
			tw_from(v, TW_F_SYN_ANSWERED_BY_OLD_ACK, 1, p);
			if (server->fin_seen && client->fin_seen && !was_reset(q))
				closed_facts(v, q, same, p);
			return;
		}
	}
	tw_from(v, TW_F_SYN_ANSWERED_BY_OLD_ACK, 0, NULL);
}

/* RFC 793 p71: a SYN in the window is an error, and resets the connection; RFC 5961 s4 made it a challenge. */
static void old_rst_fact(struct tw_view *v, const struct tw_dossier *q, int same)
{
	const struct tw_end *server = &q->end[same ? 1 : 0], *client = &q->end[same ? 0 : 1];
	const struct tw_pkt *syn = tw_first_syn(v->d), *p = syn;

	while (p && p < v->d->pkt + v->d->pkt_count && (!p->side || !tw_counts(p)))
		p++;
	if (!p || p == v->d->pkt + v->d->pkt_count || !server->next_set)
		return;
	tw_from(v, TW_F_SYN_ANSWERED_BY_OLD_RST,
		(p->flags & (TW_RST | TW_ACK)) == (TW_RST | TW_ACK) && p->seq == server->next_seq &&
			(p->ack == client->next_seq || p->ack == server->highest_ack) &&
			p->ack - syn->seq - 1 > syn->payload_bytes,
		p);
}

/* Segments of the earlier connection after the SYN, with its numbers. */
static void went_on_fact(struct tw_view *v, const struct tw_dossier *q, int same)
{
	const struct tw_pkt *syn = tw_first_syn(v->d);
	size_t i;

	for (i = 0; i < v->d->pkt_count; i++) {
		const struct tw_pkt *p = &v->d->pkt[i];
		const struct tw_end *was = &q->end[same ? p->side : !p->side];
		bool mine = syn && !p->side ? tw_seq_in(p->seq, syn->seq, syn->seq + 65536) : false;

		if (p->flags & (TW_SYN | TW_RST) || !was->next_set || mine)
			continue;
		if ((p->payload_bytes || p->flags & TW_FIN || !p->side) &&
		    tw_seq_in(p->seq, was->next_seq - 1, was->next_seq + 65536)) {
			tw_from(v, TW_F_PREV_WENT_ON, 1, p);
			return;
		}
	}
	tw_from(v, TW_F_PREV_WENT_ON, 0, NULL);
}

/*
 * A late copy of the SYN of the connection before: that has used its number since, and has written newer timestamps.
 *
 *	client                        server
 *	  |-- SYN, TSval 10 ---------------->|
 *	  |-- SYN again ---... (on its way)  :
 *	  :   all of the connection, FINs    :	TSval 500
 *	  |           ...------------------->|	a listener: it cannot know
 *	  |<------------- SYN|ACK -----------|
 */
static void old_syn_fact(struct tw_view *v, const struct tw_dossier *q, int same)
{
	const struct tw_pkt *syn = tw_first_syn(v->d), *p;
	const struct tw_end *client = &q->end[same ? 0 : 1];
	bool older = false;

	if (!syn || !(syn->options & TW_OPT_TIMESTAMPS) || !client->next_set || !client->fin_seen ||
	    tw_seq_ge(syn->seq, client->next_seq))
		return;
	for (p = q->pkt; p < q->pkt + q->pkt_count; p++)
		older |= tw_counts(p) && &q->end[p->side] == client &&
			 p->options & TW_OPT_TIMESTAMPS && tw_seq_lt(syn->tsval, p->tsval);
	tw_from(v, TW_F_SYN_IS_OLD, older, syn);
}

void tw_derive_predecessor(struct tw_view *v)
{
	const struct tw_dossier *q = tw_predecessor(v);
	const struct tw_pkt *syn = tw_first_syn(v->d);
	int same;

	tw_from(v, TW_F_PREV_EXISTS, q != NULL, NULL);
	if (!q)
		return;
	same = q->end[0].port == v->d->end[0].port &&
	       tw_addr_equal(&q->end[0].addr, &v->d->end[0].addr);
	tw_from(v, TW_F_PREV_CLOSED, q->end[0].fin_seen && q->end[1].fin_seen, NULL);
	tw_from(v, TW_F_PREV_HALF_CLOSED, half_closed(q, same), NULL);
	tw_from(v, TW_F_PREV_GAP_NS, v->d->first_ns - q->last_ns, NULL);
	tw_from(v, TW_F_SYN_IN_ESTABLISHED, syn && prev_open(q), syn);
	if (syn) {
		const struct tw_end *peer = &q->end[same ? 1 : 0];

		tw_from(v, TW_F_SYN_BELOW_PREV,
			peer->last_ack_set && tw_seq_lt(syn->seq, peer->highest_ack), syn);
	}
	old_syn_fact(v, q, same);
	old_ack_fact(v, q, same);
	old_rst_fact(v, q, same);
	went_on_fact(v, q, same);
}
