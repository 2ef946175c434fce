/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts about the decisive reset (decisive.c): form, author, trigger, what follows (see ARCHITECTURE.md, "Resets"). */
#include "facts/decisive.h"
#include "facts/repeats.h"

#include <stdlib.h>

#define ID_STEP_MAX    256 /* ids between two segments of one connection: lost ones, super-segments */
#define ANSWER_NS      (2 * TW_NS_PER_S) /* a kernel answers at once, after a round trip */
#define ACTIVE_SOON_NS (2 * TW_NS_PER_MS)
#define TOGETHER_NS    (20 * TW_NS_PER_MS)
#define EARLY_NS       (10 * TW_NS_PER_MS) /* radio links alone make answers differ by less */
#define MANY_SAMPLES   8
#define SLOWEST_NS     (3 * TW_NS_PER_S)   /* no path is so long */
#define SOON_NS        (50 * TW_NS_PER_MS) /* a radio or a small processor may take so long */
#define HOPS_VARY      2                   /* between packets of one host, where routes change */

/* ---- form ---- */

/* The author's last segments before @rst, for comparison; -1: none. */
static long last_own(const struct tw_dossier *d, size_t rst)
{
	size_t i;

	for (i = rst; i > 0; i--)
		if (tw_counts(&d->pkt[i - 1]) && d->pkt[i - 1].side == d->pkt[rst].side &&
		    !(d->pkt[i - 1].flags & TW_RST))
			return (long)i - 1;
	return -1;
}

/*
 * Does the id continue the author's sequence? Linux counts per socket, SYN|ACK and stateless answers
 * have 0; other stacks draw random ids: then the author's own steps are as wild, and nothing can be said.
 */
static enum tw_ipid compare_id(const struct tw_dossier *d, size_t rst)
{
	const struct tw_pkt *p = &d->pkt[rst];
	uint16_t prev = 0;
	unsigned steps = 0, small = 0;
	bool set = false;
	size_t i;

	if (!tw_addr_is_v4(&d->end[0].addr))
		return TW_IPID_UNKNOWN;
	if (!p->ip_id)
		return TW_IPID_ZERO;
	for (i = 0; i < rst; i++) {
		const struct tw_pkt *q = &d->pkt[i];

		if (q->gap)
			set = false;
		if (!tw_counts(q) || q->side != p->side || q->flags & TW_RST || !q->ip_id)
			continue;
		if (set) {
			steps++;
			small += (uint16_t)(q->ip_id - prev) <= ID_STEP_MAX;
		}
		prev = q->ip_id;
		set = true;
	}
	if (!set || p->gap)
		return TW_IPID_UNKNOWN;
	if ((uint16_t)(p->ip_id - prev) <= ID_STEP_MAX && p->ip_id != prev)
		return TW_IPID_CONTINUES;
	return steps && small * 3 >= steps * 2 ? TW_IPID_FOREIGN : TW_IPID_UNKNOWN;
}

/*
 * Is there another RST|ACK of the same end and number that acknowledges more or less? A socket aborts once, so these are
 * answers, segment by segment, of somebody who has none.
 */
static bool answers_each(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i], *q;
	const long own = last_own(d, i);
	/* an abort says no more than its author had acknowledged; stacks that refuse by RST|ACK go on from there */
	const bool aborts = own >= 0 && d->pkt[own].flags & TW_ACK && d->pkt[own].ack == p->ack;

	for (q = d->pkt; q < d->pkt + d->pkt_count; q++)
		if (q != p && tw_counts(q) && q->side == p->side && q->seq == p->seq &&
		    (q->flags & (TW_RST | TW_ACK)) == (TW_RST | TW_ACK) && q->ack != p->ack &&
		    !(aborts && q > p))
			return true;
	return false;
}

static enum tw_rst_form form_of(struct tw_view *v, size_t i)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p = &d->pkt[i];
	const bool ts = p->options & TW_OPT_TIMESTAMPS;
	const bool v4 = tw_addr_is_v4(&d->end[0].addr);
	long own;

	own = last_own(d, i);
	if (!(p->flags & TW_ACK)) {
		/*
		 * Some stacks never set DF, and those of Apple not on what no socket writes (tcp_respond in XNU): it
		 * is strange only if this author does, and this one came another way.
		 */
		const bool lacks_df =
			v4 && !p->df && own >= 0 && d->pkt[own].df && p->ttl != d->pkt[own].ttl;

		return p->raw_window || ts || lacks_df ? TW_RST_ALIEN : TW_RST_REPLY;
	}
	if (!p->raw_seq && !p->raw_window && !ts)
		return TW_RST_REPLY_NO_ACK;
	if (!tw_rst_may_be_next(d, i) || answers_each(d, i))
		return TW_RST_ALIEN;
	if (tw_get(v->f, TW_F_TIMESTAMPS) && !ts && !(d->completeness & 4 ? false : p->side == 0))
		return TW_RST_ALIEN;
	/* a socket writes from where its other segments came, a hop more or less */
	if (!ts && own >= 0 && abs((int)p->ttl - (int)d->pkt[own].ttl) > HOPS_VARY)
		return TW_RST_ALIEN;
	if (p->raw_window || ts)
		return TW_RST_ACTIVE;
	/* window 0, no timestamps negotiated: live only if that end's window was 0, or its ids go on */
	if (own >= 0 && !d->pkt[own].raw_window)
		return TW_RST_ACTIVE;
	return compare_id(d, i) == TW_IPID_CONTINUES ? TW_RST_ACTIVE : TW_RST_ALIEN;
}

static bool has_fastclose(const struct tw_pkt *p)
{
	return p->mptcp_has & TW_MPTCP_HAS_FASTCLOSE;
}

static void fastclose_facts(struct tw_view *v, const struct tw_pkt *rst)
{
	const struct tw_pkt *p;

	tw_from(v, TW_F_RST_FASTCLOSE, has_fastclose(rst), rst);
	for (p = v->d->pkt; p < rst; p++)
		if (tw_counts(p) && p->side != rst->side && has_fastclose(p) &&
		    !(p->flags & TW_RST)) {
			tw_from(v, TW_F_RST_FASTCLOSE_ASKED, 1, p);
			return;
		}
}

#define DEFAULT_TTL 64  /* of Linux, BSD and macOS */
#define WINDOWS_TTL 128 /* a filter of Linux on a bridge before such a host is as far as the host */

/*
 * A kernel answers for no socket with its host's default TTL (ip_send_unicast_reply()), where the socket had been given another
 * one: 255 by who wants to be sure that nobody else is farther away (RFC 5082, BGP).
 */
static bool is_of_host(const struct tw_pkt *rst, const struct tw_pkt *own)
{
	return !(rst->flags & TW_ACK) && rst->ttl <= DEFAULT_TTL && own->ttl > WINDOWS_TTL;
}

static void header_facts(struct tw_view *v, size_t i)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p = &d->pkt[i];
	long k = last_own(d, i);
	const struct tw_pkt *own;

	tw_from(v, TW_F_RST_FORM, form_of(v, i), p);
	if (k >= 0 && !tw_gap_between(d, (size_t)k, i))
		tw_from(v, TW_F_RST_AUTHOR_HEARD_AGO_NS, p->time_ns - d->pkt[k].time_ns,
			&d->pkt[k]);
	tw_from(v, TW_F_RST_HAS_ACK, (p->flags & TW_ACK) != 0, p);
	tw_from(v, TW_F_RST_IPID, compare_id(d, i), p);
	tw_from(v, TW_F_RST_NO_TS,
		tw_get(v->f, TW_F_TIMESTAMPS) && !(p->options & TW_OPT_TIMESTAMPS), p);
	tw_from(v, TW_F_RST_WINDOW_ZERO, !p->raw_window, p);
	tw_from(v, TW_F_RST_TTL, p->ttl, p);
	if (!tw_addr_is_v4(&d->end[0].addr))
		tw_from(v, TW_F_RST_FLOW_LABEL, p->flow_label, p);
	fastclose_facts(v, p);
	if (p->mptcp_subtype == TW_MPTCP_TCPRST && p->options & TW_OPT_MPTCP)
		tw_from(v, TW_F_RST_DECLARED, TW_DECLARED_MPTCP + p->mptcp_reset_reason, p);
	if (p->rst_reason)
		tw_from(v, TW_F_RST_DECLARED, p->rst_reason, p);
	if (k < 0)
		k = tw_next_of(d, i, p->side);
	if (k < 0)
		return;
	own = &d->pkt[k];
	tw_from(v, TW_F_RST_TTL_DELTA,
		tw_is_as_far(p, own) &&
				(compare_id(d, i) == TW_IPID_CONTINUES || is_of_host(p, own))
			? 0
			: tw_rst_ttl_delta(d, i, own),
		p);
	tw_from(v, TW_F_RST_MAC_DIFFERS, p->mac_src && own->mac_src && p->mac_src != own->mac_src,
		p);
	if (tw_addr_is_v4(&d->end[0].addr))
		tw_from(v, TW_F_RST_DF_CLEAR, !p->df && own->df, p);
	else
		tw_from(v, TW_F_RST_LABEL_ZERO, !p->flow_label && own->flow_label, p);
}

/* ---- trigger ---- */

static enum tw_trigger kind_of(struct tw_view *v, const struct tw_pkt *t)
{
	const struct tw_dossier *d = v->d;
	struct tw_snapshot s;

	if (t->flags & TW_SYN)
		return t->flags & TW_ACK ? TW_TRIGGER_SYNACK : TW_TRIGGER_SYN;
	if (t->marks & (TW_MARK_KEEPALIVE | TW_MARK_ZERO_PROBE))
		return TW_TRIGGER_PROBE;
	if (t->payload_bytes)
		return TW_TRIGGER_DATA;
	if (t->flags & TW_FIN)
		return TW_TRIGGER_FIN;
	if (!(t->flags & TW_ACK))
		return TW_TRIGGER_OTHER;
	tw_snapshot_take(d, (size_t)(t - d->pkt), &s);
	if (!t->side && d->completeness & 2 && d->end[1].isn_seen &&
	    t->ack == d->end[1].base_seq + 1 && d->end[0].isn_seen &&
	    t->seq == d->end[0].base_seq + 1)
		return TW_TRIGGER_ACK3;
	return TW_TRIGGER_ACK;
}

/* The segment that a reply answers, within @answer_ns: the latest of the other side whose numbers it mirrors. */
static long trigger_of(const struct tw_dossier *d, size_t rst, enum tw_rst_form form,
		       int64_t answer_ns)
{
	const struct tw_pkt *p = &d->pkt[rst];
	size_t i;

	for (i = rst; i > 0 && !d->pkt[i].gap; i--) {
		const struct tw_pkt *q = &d->pkt[i - 1];

		if (q->side == p->side || q->flags & TW_RST || q->marks & TW_MARK_SECOND_COPY)
			continue;
		if (form == TW_RST_REPLY && q->flags & TW_ACK && q->ack == p->seq)
			return p->time_ns - q->time_ns <= answer_ns ? (long)i - 1 : -1;
		if (form == TW_RST_REPLY_NO_ACK && p->ack == tw_pkt_end(q))
			return (long)i - 1;
		if ((form == TW_RST_ACTIVE || form == TW_RST_ALIEN) && i == rst) {
			int64_t soon = form == TW_RST_ACTIVE ? ACTIVE_SOON_NS : 50 * ACTIVE_SOON_NS;

			return p->time_ns - q->time_ns <= soon ? (long)i - 1 : -1;
		}
		if (form == TW_RST_ACTIVE || form == TW_RST_ALIEN)
			return -1;
	}
	return -1;
}

/*
 * Is the round trip to the other end of @side's data known well enough to say that an answer came too soon? ACKs are
 * delayed (RFC 9293 s3.8.6.3), by 40 ms and more, but for that of a SYN; the least of many is the path's, too.
 */
static bool path_is_known(const struct tw_dossier *d, int side)
{
	const unsigned shaken = side ? 7 : 3;

	return (d->completeness & shaken) == shaken || d->end[side].data_packets >= MANY_SAMPLES;
}

/*
 * Could a host that has no such connection have written the reset @i, in answer to a segment? Stacks that write
 * RST|ACK there (Windows, lwIP) copy both numbers, RFC 9293 s3.10.7.1 has 0 in place of the first.
 */
static bool is_answer(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	long t;

	if (!(p->flags & TW_ACK))
		return trigger_of(d, i, TW_RST_REPLY, ANSWER_NS) >= 0;
	t = trigger_of(d, i, TW_RST_REPLY_NO_ACK, ANSWER_NS);
	return t >= 0 && (!p->raw_seq || p->seq == d->pkt[t].ack);
}

/*
 * Could the bare reset @i answer an ACK that was not captured? Its number is where a segment of its author ends or begins, and the
 * other end has come so far by then: it may well have acknowledged just that.
 */
static bool may_answer_unseen(const struct tw_dossier *d, size_t i)
{
	const struct tw_pkt *p = &d->pkt[i];
	bool ends = false, reached = false;
	size_t k;

	if (p->flags & TW_ACK || p->raw_window)
		return false;
	for (k = 0; k < i; k++) {
		const struct tw_pkt *q = &d->pkt[k];

		if (!tw_counts(q) || q->flags & TW_RST)
			continue;
		if (q->side == p->side)
			ends |= tw_pkt_seq_len(q) && (tw_pkt_end(q) == p->seq || q->seq == p->seq);
		else
			reached |= q->flags & TW_ACK && tw_seq_ge(q->ack, p->seq);
	}
	return ends && reached;
}

/* RST_ANSWERS_EXACTLY: at once, and nothing stands between it and the segment whose numbers it has. */
static void exactly_fact(struct tw_view *v, size_t rst, long last)
{
	const struct tw_pkt *p = &v->d->pkt[rst], *q = last < 0 ? p : &v->d->pkt[last];

	tw_from(v, TW_F_RST_ANSWERS_EXACTLY,
		p->flags & TW_ACK && p->seq && q->side != p->side && q->flags & TW_ACK &&
			p->seq == q->ack && p->ack == tw_pkt_end(q) &&
			p->time_ns - q->time_ns <= 2 * v->rtt[!p->side] + SOON_NS,
		p);
}

/* Had the author acknowledged all of the data @t before it was sent? */
static bool is_old_copy(const struct tw_dossier *d, size_t rst, long t)
{
	const struct tw_pkt *q = &d->pkt[t];
	const struct tw_snapshot_end *author;
	struct tw_snapshot s;

	if (!q->payload_bytes || q->marks & (TW_MARK_KEEPALIVE | TW_MARK_ZERO_PROBE))
		return false;
	tw_snapshot_take(d, (size_t)t, &s);
	author = &s.end[d->pkt[rst].side];
	return tw_is_from_before(d, q) ||
	       (author->acked_set && !author->stale && tw_seq_le(tw_pkt_end(q), author->acked));
}

/*
 * A RST|ACK of somebody who was sending, with nothing new of the other end before it: its socket may have been aborted at any
 * time, and the ACK that came just before is no trigger. Nor is what the reset does not acknowledge, if it is a socket's: who
 * goes by the timestamps of the connection is its end, and had not got that yet.
 */
static bool may_be_unprompted(const struct tw_dossier *d, size_t rst, long t)
{
	const struct tw_pkt *r = &d->pkt[rst];
	const bool crossed =
		r->options & TW_OPT_TIMESTAMPS && tw_seq_lt(r->ack, tw_pkt_end(&d->pkt[t]));
	struct tw_snapshot s;

	if (!(r->flags & TW_ACK) || (tw_pkt_seq_len(&d->pkt[t]) && !crossed))
		return false;
	tw_snapshot_take(d, rst, &s);
	return s.end[d->pkt[rst].side].payload_bytes > 0;
}

static void trigger_facts(struct tw_view *v, size_t rst, long t)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p = &d->pkt[rst];
	int64_t delay, towards;

	if (t < 0) {
		tw_from(v, TW_F_RST_TRIGGER, TW_TRIGGER_NONE, NULL);
		return;
	}
	delay = p->time_ns - d->pkt[t].time_ns;
	tw_from(v, TW_F_RST_TRIGGER, kind_of(v, &d->pkt[t]), &d->pkt[t]);
	tw_from(v, TW_F_RST_TRIGGER_DELAY_NS, delay, p);
	tw_from(v, TW_F_RST_TRIGGER_OLD, is_old_copy(d, rst, t), &d->pkt[t]);
	/* so late it answers something that was not captured: until it is acknowledged a SYN|ACK is repeated */
	tw_from(v, TW_F_RST_ANSWERS_SYNACK,
		!p->side && tw_is(v->f, TW_F_RST_TRIGGER, TW_TRIGGER_SYNACK) && delay <= SLOWEST_NS,
		p);
	/* sooner than any answer of the alleged author ever came: somebody nearer wrote it */
	towards = v->rtt[!p->side];
	if (towards >= 0 && path_is_known(d, !p->side))
		tw_from(v, TW_F_RST_AUTHOR_RTT_NS, towards, NULL);
	else
		towards = 0;
	tw_from(v, TW_F_RST_EARLY,
		delay * 2 < towards && towards - delay >= EARLY_NS && !may_be_unprompted(d, rst, t),
		p);
}

/* ---- what came after ---- */

/* A sign that the author's socket lives: not a stateless answer (TIME_WAIT ACK: id 0, nothing new). */
static bool sign_of_life(const struct tw_dossier *d, const struct tw_pkt *p)
{
	if (!tw_counts(p) || p->flags & (TW_RST | TW_SYN) || p->marks & TW_MARK_NET_DUPLICATE)
		return false;
	if (p->payload_bytes || p->flags & TW_FIN)
		return true;
	return p->flags & TW_ACK && tw_addr_is_v4(&d->end[0].addr) && p->ip_id;
}

/*
 * Does @q echo the timestamp of the bare ACK @t, which no other segment before it carried? Then @t arrived (RFC 7323 s4.3: what
 * is echoed is that of an acceptable segment).
 */
static bool echoes(const struct tw_dossier *d, const struct tw_pkt *q, size_t t)
{
	const struct tw_pkt *ack = &d->pkt[t], *p;

	if (!(q->options & ack->options & TW_OPT_TIMESTAMPS) || q->tsecr != ack->tsval ||
	    tw_pkt_seq_len(ack) || tw_gap_between(d, 0, (size_t)(q - d->pkt)))
		return false;
	for (p = d->pkt; p < q; p++)
		if (p != ack && p->side == ack->side && p->options & TW_OPT_TIMESTAMPS &&
		    p->tsval == ack->tsval)
			return false;
	return true;
}

static void aftermath_facts(struct tw_view *v, size_t rst, long t, const struct tw_snapshot *s)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p = &d->pkt[rst], *first = NULL, *differs = NULL, *acks = NULL,
			    *echo = NULL;
	int64_t goes_on = 0, victim_rsts = 0;
	long challenge = tw_rst_challenge(d, rst, s);
	/* what was acknowledged before its copy came says nothing about the copy */
	const bool can_ack = t >= 0 && tw_pkt_seq_len(&d->pkt[t]) && !is_old_copy(d, rst, t);
	bool pair = false;
	size_t i;

	for (i = rst + 1; i < d->pkt_count; i++) {
		const struct tw_pkt *q = &d->pkt[i];

		if (!tw_counts(q))
			continue;
		if (q->side != p->side) {
			victim_rsts += (q->flags & (TW_RST | TW_ACK)) == TW_RST;
			continue;
		}
		if (q->flags & TW_RST) {
			pair |= challenge >= 0 && (long)i > challenge && !(q->flags & TW_ACK) &&
				q->seq == d->pkt[challenge].ack;
			/* what it answers may be among the records that were dropped */
			if (!differs && (q->seq != p->seq || q->ttl != p->ttl) &&
			    !is_answer(d, i) && !tw_gap_between(d, 0, i) &&
			    !(q->ttl == p->ttl && may_answer_unseen(d, i)))
				differs = q;
			continue;
		}
		if (sign_of_life(d, q) && !tw_sent_before_rst(q, p)) {
			goes_on++;
			if (!first)
				first = q;
			if (can_ack && !acks && q->flags & TW_ACK &&
			    tw_seq_ge(q->ack, tw_pkt_end(&d->pkt[t])))
				acks = q;
			if (t >= 0 && !echo && echoes(d, q, (size_t)t))
				echo = q;
		}
	}
	tw_from(v, TW_F_RST_AUTHOR_GOES_ON, goes_on, first);
	if (first)
		tw_from(v, TW_F_RST_AUTHOR_GOES_ON_NS, first->time_ns - p->time_ns, first);
	tw_from(v, TW_F_RST_AUTHOR_ACKS_TRIGGER, acks != NULL, acks);
	tw_from(v, TW_F_RST_AUTHOR_ECHOES_TRIGGER, echo != NULL, echo);
	tw_from(v, TW_F_RST_VICTIM_RSTS, victim_rsts, NULL);
	tw_from(v, TW_F_RST_CHALLENGE, challenge >= 0, challenge >= 0 ? &d->pkt[challenge] : NULL);
	tw_from(v, TW_F_RST_PAIR, pair, NULL);
	tw_from(v, TW_F_RST_SECOND_DIFFERS, differs != NULL, differs);
}

static void history_facts(struct tw_view *v, size_t rst, const struct tw_snapshot *s)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *p = &d->pkt[rst];
	const struct tw_snapshot_end *a = &s->end[p->side], *w = &s->end[!p->side];
	bool handshake = false;
	size_t i;

	tw_from(v, TW_F_RST_AUTHOR_FIN, a->fin >= 0, a->fin >= 0 ? &d->pkt[a->fin] : NULL);
	if (a->fin >= 0)
		tw_from(v, TW_F_RST_AUTHOR_FIN_AGO_NS, p->time_ns - d->pkt[a->fin].time_ns, p);
	tw_from(v, TW_F_RST_VICTIM_FIN, w->fin >= 0, w->fin >= 0 ? &d->pkt[w->fin] : NULL);
	tw_from(v, TW_F_RST_AFTER_CLOSE,
		a->fin >= 0 && w->fin >= 0 && a->acked_set && w->acked_set && a->acked == w->next &&
			w->acked == a->next,
		NULL);
	if (tw_get(v->f, TW_F_SYN_COUNT) || tw_get(v->f, TW_F_SYNACK_COUNT)) {
		handshake = true;
		for (i = 0; i < rst; i++)
			if (tw_counts(&d->pkt[i]) && !d->pkt[i].side &&
			    (d->pkt[i].flags & (TW_ACK | TW_RST)) == TW_ACK &&
			    !(d->pkt[i].flags & TW_SYN))
				handshake = false;
	}
	tw_from(v, TW_F_RST_DURING_HANDSHAKE, handshake, NULL);
}

/* ---- other connections ---- */

/* Another connection to the same port that ended at about the same time as @p? */
static bool ends_with(const struct tw_view *v, const struct tw_pkt *p,
		      const struct tw_host_event *e, uint32_t client)
{
	const int64_t gap = e->time_ns - p->time_ns;

	return gap <= TOGETHER_NS && gap >= -TOGETHER_NS &&
	       (e->kind == TW_HOST_FIN || e->kind == TW_HOST_RST) && e->port == v->d->end[1].port &&
	       (e->peer != client || e->peer_port != v->d->end[0].port);
}

static void together_fact(struct tw_view *v, const struct tw_pkt *p)
{
	const struct tw_host_log log = tw_host_log_between(
		p->side ? v->host[1] : NULL, p->time_ns - TOGETHER_NS, p->time_ns + TOGETHER_NS);
	const uint32_t client = tw_host_peer_hash(&v->d->end[0].addr);
	const struct tw_host_event *e;
	uint32_t n = 0, k;
	uint16_t seen[64];
	unsigned part;

	for (part = 0; part < 3; part++)
		for (e = log.part[part].from; e < log.part[part].to && n < 64; e++) {
			if (!ends_with(v, p, e, client))
				continue;
			for (k = 0; k < n && seen[k] != e->peer_port; k++)
				;
			if (k == n)
				seen[n++] = e->peer_port;
		}
	tw_from(v, TW_F_RST_TOGETHER, n, NULL);
}

void tw_derive_reset(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const struct tw_pkt *first[2] = { NULL, NULL };
	enum tw_rst_effect effect;
	int64_t off, count[2] = { 0, 0 };
	struct tw_snapshot s;
	size_t i;
	long rst, t;

	for (i = 0; i < d->pkt_count; i++)
		if (tw_is_rst(&d->pkt[i]) && !count[d->pkt[i].side]++)
			first[d->pkt[i].side] = &d->pkt[i];
	rst = tw_decisive_rst(v, &effect);
	tw_from(v, TW_F_RST_COUNT, count[0] + count[1], rst >= 0 ? &d->pkt[rst] : NULL);
	tw_from(v, TW_F_RST_COUNT_C, count[0], first[0]);
	tw_from(v, TW_F_RST_COUNT_S, count[1], first[1]);
	if (rst < 0)
		return;
	tw_snapshot_take(d, (size_t)rst, &s);
	if (tw_rst_effect_of(d, (size_t)rst, &off) == TW_RST_IGNORED && effect == TW_RST_IGNORED &&
	    !tw_rst_victim_goes_on(d, (size_t)rst) && !tw_get(v->f, TW_F_ESTABLISHED) &&
	    !s.end[0].next_set)
		effect = TW_RST_EFFECT_UNKNOWN;
	tw_from(v, TW_F_RST_SIDE, d->pkt[rst].side, &d->pkt[rst]);
	tw_from(v, TW_F_RST_EFFECT, effect, &d->pkt[rst]);
	tw_from(v, TW_F_RST_SEQ_OFF, off, &d->pkt[rst]);
	header_facts(v, (size_t)rst);
	t = trigger_of(d, (size_t)rst, (enum tw_rst_form)tw_get(v->f, TW_F_RST_FORM),
		       ANSWER_NS + 2 * tw_get(v->f, TW_F_RTT_NS));
	trigger_facts(v, (size_t)rst, t);
	exactly_fact(v, (size_t)rst, s.last);
	tw_derive_owed(v, (size_t)rst, &s);
	tw_derive_before_reset(v, (size_t)rst, t);
	aftermath_facts(v, (size_t)rst, t, &s);
	history_facts(v, (size_t)rst, &s);
	together_fact(v, &d->pkt[rst]);
	tw_derive_leak(v, t >= 0 ? &d->pkt[t] : NULL);
	if (!tw_get(v->f, TW_F_RST_OTHER_TUPLE))
		tw_derive_moved(v, &d->pkt[rst]);
}
