/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that are in the capture twice: seen at two points of the path (two interfaces, both ends in one
 * file), in two files that were appended to each other, or doubled by the network.
 *
 *     first point                      second point, a hop and 20 ms on
 *       |---- seq 1  id 7  ttl 64 ------->|
 *       |---- seq 2  id 8  ttl 64 ------->|        in the file between both sights of seq 1: all that is
 *       |                                 |        under way, thousands of packets on a long fat path
 *                                seq 1  id 7  ttl 63
 *
 * The first sight is looked for among the records, as far back as the path is long (time), for a segment that
 * can be a copy at all: what was not sent before is none. On a path that holds more than the records
 * do, the first sight is gone by then; but once it is known how second sights look (interface, TTL, MAC), what
 * looks so and says nothing new is one.
 *
 * Two points on one link look the same. That all packets of an end come again is what tells it from a network
 * that doubles some. Limit: these can not be told apart once their records are gone.
 */
#include "connection/copies.h"

#include "base/duration.h"
#include "connection/dossier_private.h"
#include "packet/seq.h"

#include <string.h>

#define SECOND_COPY_NS                                                                             \
	(5 * TW_NS_PER_MS)             /* copies of one packet on two interfaces are this close */
#define COPY_LATE_NS (2 * TW_NS_PER_S) /* unless a router's queue held the second one up */
#define DUPLICATE_NS (100 * TW_NS_PER_MS)
#define NO_TIMER_NS  (500 * 1000) /* well below the shortest timer that repeats a segment */
#define TICK_NS      (3 * TW_NS_PER_S / 2) /* any timestamp clock ticks within that (RFC 7323 s5.4) */
#define COPY_REACH   64 /* records searched for the first copy of what looks new */
#define LOOK_SURE    2  /* so many in a row of one look: it is that of second sights */
#define FORWARD_HOPS 3
#define PARTS_MAX    64 /* of a super-segment of 64 KiB */

/* Is @p the same packet as @q, byte for byte as far as the sender wrote it? */
static bool same_packet(const struct tw_pkt *p, const struct tw_pkt *q)
{
	return p->side == q->side && p->seq == q->seq && p->ack == q->ack && p->flags == q->flags &&
	       p->payload_bytes == q->payload_bytes && p->ip_id == q->ip_id &&
	       p->tsval == q->tsval && p->tsecr == q->tsecr && p->raw_window == q->raw_window &&
	       p->sack_count == q->sack_count &&
	       !memcmp(p->sack, q->sack, p->sack_count * sizeof(p->sack[0])) &&
	       p->payload_hash == q->payload_hash;
}

/*
 * Was @p seen behind a router where @q was seen before it: another interface or MAC (or a link layer without), a TTL some hops on?
 * No sender writes the same packet so again, and so it may come late: it waited in the router's queue.
 */
static bool was_forwarded(const struct tw_pkt *p, const struct tw_pkt *q)
{
	return p->ttl < q->ttl && q->ttl - p->ttl <= FORWARD_HOPS &&
	       (p->iface != q->iface || p->mac_src != q->mac_src || !p->mac_src);
}

/*
 * Offload cuts a super-segment into packets, or glues packets together, between the two interfaces: is @p a
 * part of @q, or begins with it? Each part has an id of its own.
 */
static bool is_resegmented(const struct tw_pkt *p, const struct tw_pkt *q)
{
	return p->side == q->side && p->payload_bytes && p->ack == q->ack && p->tsval == q->tsval &&
	       p->tsecr == q->tsecr && (uint16_t)(p->ip_id - q->ip_id) <= PARTS_MAX &&
	       tw_seq_in(p->seq, q->seq, q->seq + q->payload_bytes) && was_forwarded(p, q);
}

/* Would its sender have written another id or timestamp, had it repeated it? */
static bool written_once(const struct tw_pkt *p)
{
	return p->ip_id || p->options & TW_OPT_TIMESTAMPS;
}

/*
 * Captured at two points of the path (both ends in one file): id and timestamp say that the sender wrote it
 * once, so the second sight may come as late as the path is long. Without either, before any timer.
 */
static bool was_on_its_way(const struct tw_pkt *p, const struct tw_pkt *q)
{
	return p->iface != q->iface && p->time_ns >= q->time_ns &&
	       (written_once(p) || p->time_ns - q->time_ns <= DUPLICATE_NS);
}

/*
 * Files were appended to each other that both hold the packet: the time went back, and here it is again, as late
 * as the path is long; or at the same time, which is then the same record.
 */
static bool is_appended(const struct tw_pkt *p, const struct tw_pkt *q, bool turned_back)
{
	const int64_t apart_ns =
		p->time_ns > q->time_ns ? p->time_ns - q->time_ns : q->time_ns - p->time_ns;

	if (!apart_ns)
		return turned_back || p->frame - q->frame > COPY_REACH;
	return p->behind && (!q->behind || q->marks & TW_MARK_SECOND_COPY) &&
	       apart_ns <= (written_once(p) ? COPY_LATE_NS : DUPLICATE_NS);
}

/* Could @q, an answer, have made the sender repeat @p? Not where it acknowledges all of it. */
static bool may_provoke(const struct tw_pkt *q, const struct tw_pkt *p)
{
	return q->side != p->side &&
	       !(q->flags & TW_ACK && tw_seq_ge(q->ack, p->seq + tw_pkt_seq_len(p)));
}

/* Does @p say what its sender had not said before? Then it is no copy. */
static bool is_new(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_end *me = &d->end[p->side];

	if (tw_pkt_seq_len(p))
		return !me->next_set || tw_seq_ge(p->seq, me->next_seq);
	return p->flags & TW_ACK && (!me->last_ack_set || tw_seq_gt(p->ack, me->highest_ack));
}

/* Older than what its sender has said since: among the records between may be all that was under way. */
static bool is_old(const struct tw_dossier *d, const struct tw_pkt *p)
{
	const struct tw_end *me = &d->end[p->side];

	if (tw_pkt_seq_len(p))
		return me->next_set && tw_seq_lt(p->seq, me->next_seq);
	return p->flags & TW_ACK && me->last_ack_set && tw_seq_lt(p->ack, me->highest_ack);
}

static bool looks_second(const struct tw_view_of_copies *c, const struct tw_pkt *p)
{
	return c->found && p->ttl == c->ttl && p->iface == c->iface && p->mac_src == c->mac_src;
}

static uint32_t second_copy(struct tw_view_of_copies *c, const struct tw_pkt *p)
{
	const unsigned found = looks_second(c, p) ? c->found + (c->found < LOOK_SURE) : 1;

	*c =
		(struct tw_view_of_copies){ c->doubled, c->thrice, found,
					    p->ttl,     p->iface,  p->mac_src };
	return TW_MARK_SECOND_COPY;
}

/*
 * No network doubles all packets of an end. Where (nearly) all up to @q came again, both ends are in one capture,
 * at points that look the same: one link, no router between them.
 */
static bool all_doubled(const struct tw_dossier *d, const struct tw_pkt *q)
{
	const unsigned doubled = d->end[q->side].copies.doubled;
	const struct tw_pkt *r;
	unsigned sent = 0;

	if (doubled < 2)
		return false;
	for (r = d->pkt; r <= q; r++)
		sent += r->side == q->side && !r->again && !(r->marks & TW_MARK_SECOND_COPY);
	return doubled * 4 >= sent * 3;
}

/*
 * A bridge or a container's network shows it at three points, all of which look the same. After the second sight of
 * all packets (above), a third one of the same id is none of a duplicate ACK. Of what has no id this holds once it did
 * of others.
 */
static bool is_third_sight(struct tw_dossier *d, const struct tw_pkt *p, const struct tw_pkt *q)
{
	struct tw_end *end = d->end;

	if (!q->again || p->time_ns - q->time_ns > SECOND_COPY_NS || !all_doubled(d, q))
		return false;
	if (!p->ip_id)
		return end[0].copies.thrice + end[1].copies.thrice >= LOOK_SURE;
	end[p->side].copies.thrice += end[p->side].copies.thrice < LOOK_SURE;
	return true;
}

/*
 * How late may a second sight of what its sender wrote once be? Where both ends were captured by clocks that disagree, as
 * late as that of the SYN.
 */
static int64_t copy_late_ns(const struct tw_dossier *d)
{
	return COPY_LATE_NS + d->clocks_apart_ns;
}

/* The record @q is the same packet as @p: what does that make @p? */
static uint32_t judge_copy(struct tw_dossier *d, struct tw_pkt *p, const struct tw_pkt *q,
			   bool turned_back, bool unprovoked)
{
	const int64_t late_ns = p->time_ns - q->time_ns;

	if (is_appended(p, q, turned_back))
		return TW_MARK_SECOND_COPY;
	if (was_forwarded(p, q) || was_on_its_way(p, q) ||
	    (late_ns <= SECOND_COPY_NS &&
	     (p->iface != q->iface || p->ttl != q->ttl || p->mac_src != q->mac_src)))
		return second_copy(&d->end[p->side].copies, p);
	p->again = true;
	if (is_third_sight(d, p, q))
		return TW_MARK_SECOND_COPY;
	/* a third one is a duplicate ACK */
	d->end[p->side].copies.doubled += !q->again;
	if (written_once(p) && p->flags & TW_SYN && late_ns > d->clocks_apart_ns)
		d->clocks_apart_ns = late_ns;
	if (!q->again && late_ns <= (written_once(p) ? copy_late_ns(d) : DUPLICATE_NS) &&
	    all_doubled(d, q))
		return TW_MARK_SECOND_COPY;
	/* the sender's next one has another id, and its clock has ticked: that one was held up, or its capture's clock is late */
	if (p->options & TW_OPT_TIMESTAMPS && tw_pkt_seq_len(p) && (p->ip_id || late_ns > TICK_NS))
		return TW_MARK_NET_DUPLICATE;
	/* a SYN in between draws another SYN|ACK, however soon */
	if (p->flags & TW_SYN && p->flags & TW_ACK && !p->ip_id && !unprovoked)
		return 0;
	/* no timer repeats a SYN or SYN|ACK so soon, and those of Linux have no id */
	if ((p->flags & TW_SYN || (p->ip_id && tw_pkt_seq_len(p))) && late_ns <= DUPLICATE_NS)
		return TW_MARK_NET_DUPLICATE;
	/* sooner than any timer, and nothing came in between that could have drawn a repeat */
	if (unprovoked && late_ns >= 0 && late_ns <= NO_TIMER_NS && tw_pkt_seq_len(p))
		return TW_MARK_NET_DUPLICATE;
	return 0;
}

/*
 * Id 0 without payload proves nothing: stateless answers and pure ACKs of some stacks all look alike.
 */
uint32_t tw_copies_mark(struct tw_dossier *d, struct tw_pkt *p, int64_t latest_ns)
{
	struct tw_view_of_copies *c = &d->end[p->side].copies;
	/* the last record of a file is its latest, and no earlier than that when it comes again */
	const bool turned_back =
		p->time_ns < latest_ns || (p->time_ns == latest_ns && d->pkt_count &&
					   d->pkt[d->pkt_count - 1].time_ns < latest_ns);
	const size_t n = d->pkt_count;
	const bool far = turned_back || looks_second(c, p) || is_old(d, p);
	const bool rare = p->flags & (TW_SYN | TW_FIN | TW_RST);
	bool unprovoked = true, cut = false;
	size_t i;

	for (i = n; i > 0 && (far || n - i < COPY_REACH); i--) {
		const struct tw_pkt *q = &d->pkt[i - 1];

		if (p->time_ns - q->time_ns > copy_late_ns(d) && !turned_back && !rare)
			break;
		if (same_packet(p, q) || is_resegmented(p, q))
			return judge_copy(d, p, q, turned_back, unprovoked);
		/* a second sight draws nothing */
		unprovoked =
			unprovoked && (q->marks & (TW_MARK_NET_DUPLICATE | TW_MARK_SECOND_COPY) ||
				       !may_provoke(q, p));
		cut |= q->gap;
	}
	if (!looks_second(c, p))
		return 0;
	if (is_new(d, p))
		c->found = 0; /* seen here first, or only: no look of second sights */
	return cut && c->found == LOOK_SURE ? TW_MARK_SECOND_COPY : 0;
}
