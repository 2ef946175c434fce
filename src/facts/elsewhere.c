/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts about a SYN that is answered from another address: it was translated on its way, and its answer was not.
 *
 *	client                     NAT (VIP -> server)             server
 *	  |-- SYN to VIP, seq x ---------->|--- SYN, seq x ----------->|
 *	  |<------------------- SYN|ACK from server, ack x+1 ----------|  past the NAT (same bridge, other route)
 *	  |-- RST to server ------------------------------------------>|  no such connection here
 *	  |-- SYN to VIP, again ...
 *
 * These are two connections in a capture. What makes them one is the number that the SYN|ACK acknowledges: the
 * client's, at the client's port. Whether the translated SYN passes here as well depends on the place of the capture.
 *
 * The same with a refusal, which the NAT translates back: the host that refuses is the one behind it.
 *
 * And about a SYN that is answered for another connection, where a balancer leads two of its addresses to one server
 * and leaves the client's address and port as they are:
 *
 *	client, one port           balancer                    server
 *	  |== to address A ===============|== ESTABLISHED ======>|
 *	  |-- SYN to address B ---------->|--- SYN ------------->|  the same four-tuple: challenge ACK
 *	  |<-- ACK from B ----------------|<-- ACK, numbers of A's connection
 *	  |-- RST ----------------------->|--- RST ------------->|  that one dies
 */
#include "facts/view.h"

#define SEARCHED  4096
#define NEXT_DOOR 32 /* a refusal comes at once, and a scan has thousands of them */
#define FORWARDED_NS                                                                               \
	(100 * TW_NS_PER_MS) /* by a box that holds a packet up for as long as it may */

/* SYNs, and nothing else: tcp.completeness 1. */
static bool asks_in_vain(const struct tw_dossier *d)
{
	return d->completeness == 1 && d->end[0].isn_seen;
}

/* SYN|ACKs that the client resets: 2 and 32; perhaps the translated SYN. */
static bool refuses(const struct tw_dossier *d)
{
	return (d->completeness & ~1u) == (2 | 32) && d->end[0].rsts && !d->end[1].rsts;
}

/* One SYN, before and behind the translation? Scanners knock at many doors with one port and one number. */
static bool same_syn(const struct tw_pkt *p, const struct tw_pkt *q)
{
	const int64_t apart_ns = q->time_ns - p->time_ns;

	return p->flags & TW_SYN && q->flags & TW_SYN && p->seq == q->seq && p->ip_id == q->ip_id &&
	       p->options == q->options && p->tsval == q->tsval &&
	       (p->ip_id || p->options & TW_OPT_TIMESTAMPS) && apart_ns <= FORWARDED_NS &&
	       apart_ns >= -FORWARDED_NS;
}

/* The SYN that @b begins with, if it does, is one of @a's. */
static bool same_request(const struct tw_dossier *a, const struct tw_dossier *b)
{
	size_t i;

	if (!(b->completeness & 1))
		return a->first_frame < b->first_frame;
	for (i = 0; i < a->pkt_count && b->pkt_count; i++)
		if (same_syn(&a->pkt[i], &b->pkt[0]))
			return true;
	return false;
}

/* Is @b how @a was answered? */
static bool answers(const struct tw_dossier *b, const struct tw_dossier *a)
{
	const struct tw_end *asked = &a->end[0], *refuser = &b->end[0], *from = &b->end[1];

	return asks_in_vain(a) && refuses(b) && from->last_ack_set &&
	       from->highest_ack == asked->base_seq + 1 && asked->port == refuser->port &&
	       tw_addr_equal(&asked->addr, &refuser->addr) &&
	       !tw_addr_equal(&a->end[1].addr, &from->addr) && same_request(a, b);
}

/* The pure ACK that answered the SYN in place of a SYN|ACK, NULL if that was not the answer. */
static const struct tw_pkt *strange_ack(const struct tw_view *v)
{
	const struct tw_pkt *p;

	if (!tw_is(v->f, TW_F_SYN_ANSWER, TW_ANSWER_ACK))
		return NULL;
	for (p = v->d->pkt; p < v->d->pkt + v->d->pkt_count; p++)
		if (p->frame == tw_frame_of(v->f, TW_F_SYN_ANSWER))
			return tw_pure_ack(p) ? p : NULL;
	return NULL;
}

/* Was @ack what the server of @o would have sent then, @o's client being the same end as @d's? */
static bool speaks_for(const struct tw_dossier *o, const struct tw_dossier *d,
		       const struct tw_pkt *ack)
{
	struct tw_snapshot s;

	if (o->end[0].port != d->end[0].port || !tw_addr_equal(&o->end[0].addr, &d->end[0].addr) ||
	    tw_addr_equal(&o->end[1].addr, &d->end[1].addr))
		return false;
	tw_snapshot_at(o, ack->frame, &s);
	return tw_would_ack(&s, TW_SERVER, ack->ack) && ack->seq == s.end[TW_SERVER].next;
}

/* The dossiers around this one that may be of its client's address, one after the other. */
struct search {
	uint32_t client; /* hash of the address */
	size_t at, end;
};

static struct search search_client(const struct tw_view *v, size_t most)
{
	struct search s = { .client = tw_host_peer_hash(&v->d->end[TW_CLIENT].addr) };

	tw_around(v, most, &s.at, &s.end);
	return s;
}

/* The next one, NULL: there is none. */
static const struct tw_dossier *next_other(const struct tw_view *v, struct search *s)
{
	while (s->at < s->end) {
		const struct tw_dossier_ref *r = &v->others->refs[s->at++];

		if (r->dossier != v->d && (r->host[0] == s->client || r->host[1] == s->client))
			return r->dossier;
	}
	return NULL;
}

static void answered_as_other(struct tw_view *v, const struct tw_pkt *ack)
{
	struct search s = search_client(v, SEARCHED);
	const struct tw_dossier *o;

	while ((o = next_other(v, &s))) {
		if (!speaks_for(o, v->d, ack))
			continue;
		tw_from(v, TW_F_SYN_ANSWERED_AS_OTHER, 1, ack);
		tw_from(v, TW_F_OTHER_SYN_STREAM, (int64_t)o->stream, NULL);
		return;
	}
}

static void answered_elsewhere(struct tw_view *v)
{
	struct search s = search_client(v, SEARCHED);
	const struct tw_dossier *d = v->d, *o;

	while ((o = next_other(v, &s))) {
		const bool answered = answers(o, d);

		if (!answered && !answers(d, o))
			continue;
		tw_from(v, answered ? TW_F_SYN_ANSWERED_ELSEWHERE : TW_F_ANSWERS_OTHER_SYN, 1,
			d->pkt);
		tw_from(v, TW_F_OTHER_SYN_STREAM, (int64_t)o->stream, NULL);
		return;
	}
}

/* The reset of a SYN that was refused, and nothing else came of it: 1 and 32. */
static const struct tw_pkt *refusal_of(const struct tw_dossier *d)
{
	size_t i;

	if (d->completeness != (1 | 32) || !d->end[1].rsts)
		return NULL;
	for (i = 1; i < d->pkt_count; i++)
		if (d->pkt[i].side && d->pkt[i].flags & TW_RST)
			return &d->pkt[i];
	return NULL;
}

/* Did the same SYN go on to another address, and was it refused there, before it was here? */
static void refused_behind(struct tw_view *v, const struct tw_pkt *rst)
{
	struct search s = search_client(v, NEXT_DOOR);
	const struct tw_dossier *d = v->d, *o;

	while ((o = next_other(v, &s))) {
		const struct tw_pkt *first = refusal_of(o);

		if (!first || !same_syn(&d->pkt[0], &o->pkt[0]) ||
		    o->first_frame < d->first_frame || first->frame > rst->frame)
			continue;
		tw_from(v, TW_F_SYN_REFUSED_BEHIND, 1, rst);
		tw_from(v, TW_F_OTHER_SYN_STREAM, (int64_t)o->stream, NULL);
		return;
	}
}

void tw_derive_elsewhere(struct tw_view *v)
{
	const struct tw_pkt *ack = strange_ack(v), *rst = refusal_of(v->d);

	if (!v->others)
		return;
	if (ack)
		answered_as_other(v, ack);
	if (asks_in_vain(v->d) || refuses(v->d))
		answered_elsewhere(v);
	else if (rst)
		refused_behind(v, rst);
}
