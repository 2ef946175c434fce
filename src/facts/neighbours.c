/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What other connections of the capture tell: is the port open to others, refused afterwards, is the
 * host silent, who else is half-open.
 */
#include "facts/view.h"
#include "timers/usual.h"

#define HALF_OPEN_MAX       64 /* more are not needed to see a flood */
#define ENDED_TOGETHER_NS   TW_NS_PER_S
#define ON_ITS_WAY_NS       (100 * TW_NS_PER_MS)
#define NEIGHBOUR_ANSWER_NS (15 * TW_NS_PER_S / 10)
#define SYN_REPEATED_NS     TW_NS_PER_S
#define UNHEARD_MIN         2
#define KNOCKS_NS           (60 * TW_NS_PER_S)
#define KNOCKS_MIN          8 /* fewer are no scan, and need not be counted */

/* One other end: hash of the address, and port. */
struct peer {
	uint32_t hash;
	uint16_t port;
};

/* SYN, perhaps SYN|ACK, and nothing else. */
static bool half_open(const struct tw_dossier *q)
{
	return q->completeness & 1 && !(q->completeness & ~3u);
}

static bool same_endpoint(const struct tw_end *a, const struct tw_end *b)
{
	return a->port == b->port && tw_addr_equal(&a->addr, &b->addr);
}

struct half_open_walk {
	struct peer peer[HALF_OPEN_MAX];
	size_t n;
	int64_t synacks, repeated;
	int64_t sources;
};

/*
 * Could the requests of both be at the listener at the same time? It gives one up about a minute after its SYN.
 *
 *	q    SYN|--------- request ---------|
 *	d              SYN|----SYN|--------- request ---------|
 */
static bool live_together(const struct tw_view *v, const struct tw_dossier *q)
{
	const int64_t life_ns = tw_usual()->request_life_ns, first_ns = v->d->first_ns,
		      last_ns = tw_get(v->f, TW_F_SYN_COUNT) ? tw_time_of(v->f, TW_F_SYN_LAST)
							     : first_ns;

	return q->first_ns <= last_ns + life_ns &&
	       (first_ns <= q->first_ns + life_ns || first_ns <= q->last_ns);
}

static void walk_half_open(const struct tw_view *v, struct half_open_walk *w)
{
	unsigned i;
	size_t k;

	w->n = 0;
	w->synacks = w->repeated = w->sources = 0;
	for (i = 0; i < v->near.servers && w->n < HALF_OPEN_MAX; i++) {
		const struct tw_dossier *q = v->others->refs[v->near.server[i]].dossier;
		struct peer p;

		if (q == v->d || !half_open(q) || !same_endpoint(&q->end[1], &v->d->end[1]) ||
		    !live_together(v, q))
			continue;
		p.hash = tw_host_peer_hash(&q->end[0].addr);
		p.port = q->end[0].port;
		for (k = 0; k < w->n && w->peer[k].hash != p.hash; k++)
			;
		w->sources += k == w->n;
		w->peer[w->n++] = p;
		w->synacks += (q->completeness & 2) != 0;
		w->repeated += q->end[1].packets > 1;
	}
}

static bool listed(const struct half_open_walk *w, const struct tw_host_event *e)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (w->peer[i].hash == e->peer && w->peer[i].port == e->peer_port)
			return true;
	return false;
}

/* Connections that were noted already: a FIN and a reset may tell of the same. Twice as many as there are events. */
#define NOTED_SLOTS (2 * TW_HOST_EVENTS_MAX)

struct port_walk {
	bool before, after, during, refused_before, answers;
	uint32_t noted[NOTED_SLOTS]; /* open addressing; 0: free */
	const struct tw_host_event *refused_after;
	int64_t ended_together;
	const struct tw_pkt *refusal; /* the RST that refused the SYN, or NULL */
	int ttl;                      /* of the host's live packets, -1 = none seen */
};

static bool speaks(const struct tw_host_event *e)
{
	return e->kind != TW_HOST_SYN && e->kind != TW_HOST_ASKED;
}

/* Of this very connection? */
static bool is_own(const struct tw_view *v, const struct tw_host_event *e)
{
	return e->peer_port == v->d->end[0].port && e->port == v->d->end[1].port &&
	       e->peer == tw_host_peer_hash(&v->d->end[0].addr);
}

/* Does the port answer others by @e? */
static bool answers_others(const struct tw_view *v, const struct half_open_walk *half,
			   const struct tw_host_event *e)
{
	/* a socket that is connected to itself needs no listener */
	const bool to_itself =
		e->peer_port == e->port && e->peer == tw_host_peer_hash(&v->d->end[1].addr);

	return e->kind == TW_HOST_SYNACK && e->port == v->d->end[1].port && !is_own(v, e) &&
	       !to_itself && !listed(half, e);
}

/* Was it open to others before this connection? The first answer tells, and often it is an early one. */
static bool open_before(const struct tw_view *v, const struct half_open_walk *half,
			const struct tw_host_log *log)
{
	const struct tw_host_event *e;
	unsigned part;

	for (part = 0; part < 3; part++)
		for (e = log->part[part].from; e < log->part[part].to; e++)
			if (e->kind == TW_HOST_SYNACK && e->time_ns < v->d->first_ns &&
			    answers_others(v, half, e))
				return true;
	return false;
}

/* And after it? From the end. */
static bool open_after(const struct tw_view *v, const struct half_open_walk *half,
		       const struct tw_host_log *log)
{
	const struct tw_host_event *e;
	unsigned part;

	for (part = 3; part > 0; part--)
		for (e = log->part[part - 1].to; e > log->part[part - 1].from; e--)
			if (e[-1].kind == TW_HOST_SYNACK && e[-1].time_ns > v->d->last_ns &&
			    answers_others(v, half, e - 1))
				return true;
	return false;
}

/*
 * The TTL of the host's live packets, -1: none. Where each is seen before and behind a router (`-i any` on it), two
 * are the host's own: @own if one of them has it, else the last one's.
 */
static int live_ttl(const struct tw_host_log *log, int own)
{
	const struct tw_host_event *e;
	unsigned part;
	int ttl = -1;

	for (part = 3; part > 0; part--)
		for (e = log->part[part - 1].to; e > log->part[part - 1].from; e--) {
			if (e[-1].kind != TW_HOST_SYNACK && e[-1].kind != TW_HOST_FIN)
				continue;
			if (own < 0 || e[-1].ttl == own)
				return e[-1].ttl;
			ttl = ttl < 0 ? e[-1].ttl : ttl;
		}
	return ttl;
}

/* Does the host write flow labels? Known of it if it answered or closed any connection. */
static void labels_fact(struct tw_view *v, const struct tw_host_log *log)
{
	const struct tw_host_event *e;
	bool seen = false, labelled = false;
	unsigned part;

	if (!tw_is(v->f, TW_F_IP_VERSION, 6))
		return;
	for (part = 0; part < 3; part++)
		for (e = log->part[part].from; e < log->part[part].to; e++) {
			if (e->kind != TW_HOST_SYNACK && e->kind != TW_HOST_FIN)
				continue;
			seen = true;
			labelled |= e->labelled;
		}
	if (seen)
		tw_from(v, TW_F_HOST_LABELS, labelled, NULL);
}

/* The RST that refused the SYN, NULL: none did. */
static const struct tw_pkt *refusal(const struct tw_view *v)
{
	const uint64_t frame = tw_frame_of(v->f, TW_F_SYN_ANSWER);
	size_t i;

	for (i = 0; i < v->d->pkt_count && tw_is(v->f, TW_F_SYN_ANSWER, TW_ANSWER_RSTACK); i++)
		if (v->d->pkt[i].frame == frame)
			return &v->d->pkt[i];
	return NULL;
}

/* Was a copy of it seen with this TTL, before or behind a router? */
static bool has_copy(const struct tw_dossier *d, const struct tw_pkt *p, int ttl)
{
	const struct tw_pkt *q;

	for (q = d->pkt; q < d->pkt + d->pkt_count; q++)
		if (q->marks & TW_MARK_SECOND_COPY && q->side == p->side && q->seq == p->seq &&
		    q->flags == p->flags && q->ttl == ttl)
			return true;
	return false;
}

/* Is it the first event of its connection that is noted? */
static bool is_first_noted(struct port_walk *w, const struct tw_host_event *e)
{
	const uint32_t key = (e->peer * 31 + ((uint32_t)e->peer_port << 16 | e->port)) | 1;
	uint32_t i = key >> 1, n;

	for (n = 0; n < NOTED_SLOTS; n++, i++) {
		uint32_t *slot = &w->noted[i % NOTED_SLOTS];

		if (*slot == key)
			return false;
		if (!*slot) {
			*slot = key;
			return true;
		}
	}
	return true;
}

/* An event of another connection near to this one in time. */
static void note_event(const struct tw_view *v, const struct half_open_walk *half, int64_t end_ns,
		       const struct tw_host_event *e, struct port_walk *w)
{
	const struct tw_dossier *d = v->d;
	const bool during = e->time_ns >= d->first_ns && e->time_ns <= d->last_ns;

	if (is_own(v, e))
		return;
	w->answers |= during && speaks(e);
	/* what began behind it did not end with it: its end is not the first that is noted */
	if (e->kind == TW_HOST_SYNACK && e->time_ns > end_ns)
		(void)is_first_noted(w, e);
	if ((e->kind == TW_HOST_FIN || e->kind == TW_HOST_RST) &&
	    e->time_ns - end_ns <= ENDED_TOGETHER_NS && end_ns - e->time_ns <= ENDED_TOGETHER_NS)
		w->ended_together += is_first_noted(w, e);
	w->during |= during && answers_others(v, half, e);
}

/* The port refused another connection, at whatever time. */
static void note_refusal(const struct tw_view *v, int64_t end_ns, const struct tw_host_event *e,
			 struct port_walk *w)
{
	if (is_own(v, e) || e->port != v->d->end[1].port)
		return;
	w->refused_before |= e->time_ns < v->d->first_ns;
	if (e->time_ns >= end_ns && !w->refused_after)
		w->refused_after = e;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void walk_port(struct tw_view *v, const struct half_open_walk *half, int64_t end_ns,
		      struct port_walk *w)
{
	const struct tw_host *h = v->host[1];
	const struct tw_host_log log = tw_host_log(h);
	const int64_t from = least(v->d->first_ns, end_ns - ENDED_TOGETHER_NS);
	const int64_t to = -least(-v->d->last_ns, -end_ns - ENDED_TOGETHER_NS);
	const struct tw_host_log near = tw_host_log_between(h, from, to);
	const struct tw_host_event *e;
	unsigned part;

	w->before = open_before(v, half, &log);
	w->after = open_after(v, half, &log);
	labels_fact(v, &log);
	w->ttl = live_ttl(&log, w->refusal ? w->refusal->ttl : -1);
	for (part = 0; part < 3; part++) {
		for (e = near.part[part].from; e < near.part[part].to; e++)
			if (e->time_ns >= from && e->time_ns <= to)
				note_event(v, half, end_ns, e, w);
		for (e = tw_host_refusal(h, log.part[part].from, log.part[part].to);
		     e < log.part[part].to; e = tw_host_refusal(h, e + 1, log.part[part].to))
			note_refusal(v, end_ns, e, w);
	}
}

/*
 * SYNs to the host after @since that nothing of the host's answers @until then: its last word counts. An answer to the
 * first of them had time to come: by then a client repeats it.
 */
static bool silent_between(const struct tw_host *h, int64_t since, int64_t until)
{
	const struct tw_host_log log = tw_host_log_between(h, since, until);
	int64_t first_ns = INT64_MAX;
	bool spoke = false;
	unsigned part;

	for (part = 3; part > 0 && !spoke; part--) {
		const struct tw_host_event *e = log.part[part - 1].to;

		while (e > log.part[part - 1].from && !spoke) {
			e--;
			if (e->time_ns <= since || e->time_ns > until)
				continue;
			spoke = speaks(e);
			if (e->kind == TW_HOST_SYN)
				first_ns = e->time_ns;
		}
	}
	return first_ns <= until - SYN_REPEATED_NS;
}

/* What became of others that connected while this connection was silent, and then was reset or got no answer? */
static void meanwhile_facts(struct tw_view *v)
{
	const enum tw_fact_id reset = TW_F_RST_IDLE_BEFORE_NS,
			      unanswered = TW_F_UNANSWERED_IDLE_BEFORE_NS;
	const struct tw_host *h = v->host[1];
	const int64_t to = tw_time_of(v->f, reset), from = to - tw_get(v->f, reset);
	const struct tw_host_log log = tw_host_log_between(h, from, to);
	const struct tw_host_event *e;
	unsigned part;

	for (part = 0; part < 3 && tw_known(v->f, reset) && tw_is(v->f, TW_F_RST_SIDE, TW_SERVER);
	     part++)
		for (e = tw_host_refusal(h, log.part[part].from, log.part[part].to);
		     e < log.part[part].to; e = tw_host_refusal(h, e + 1, log.part[part].to))
			if (e->time_ns > from && e->time_ns < to && !is_own(v, e) &&
			    e->port == v->d->end[1].port)
				tw_fact_set(v->f, TW_F_PORT_REFUSED_WHILE_IDLE, 1, e->frame,
					    e->time_ns);
	if (h && tw_known(v->f, unanswered) && tw_is(v->f, TW_F_UNANSWERED_SIDE, TW_CLIENT))
		tw_from(v, TW_F_PORT_SILENT_TOO,
			silent_between(h, tw_time_of(v->f, unanswered) - tw_get(v->f, unanswered),
				       v->d->last_ns),
			NULL);
}

/*
 * The server's own end of the connection: its FIN, or its reset if no FIN came before. (A bare RST that
 * late data draws from a closed socket says nothing about when the socket was closed.)
 */
static int64_t end_of(const struct tw_view *v)
{
	const struct tw_facts *f = v->f;
	const bool reset = tw_is(f, TW_F_RST_SIDE, TW_SERVER);
	const int64_t reset_ns = tw_time_of(f, TW_F_RST_SIDE),
		      fin_ns = tw_time_of(f, TW_F_FIN1_SIDE);

	if (tw_is(f, TW_F_FIN1_SIDE, TW_SERVER))
		return reset && reset_ns < fin_ns ? reset_ns : fin_ns;
	return reset ? reset_ns : v->d->last_ns;
}

/* Did the port accept others between @from_ns and @to_ns? */
static bool served_between(const struct tw_view *v, const struct half_open_walk *half,
			   int64_t from_ns, int64_t to_ns)
{
	const struct tw_host_log log = tw_host_log_between(v->host[1], from_ns, to_ns);
	const struct tw_host_event *e;
	unsigned part;

	for (part = 0; part < 3; part++)
		for (e = log.part[part].from; e < log.part[part].to; e++)
			if (e->time_ns > from_ns && e->time_ns < to_ns &&
			    answers_others(v, half, e))
				return true;
	return false;
}

static void port_facts(struct tw_view *v)
{
	const struct tw_host *h = v->host[1];
	struct half_open_walk half;
	struct port_walk w = { .ttl = -1, .refusal = refusal(v) };
	const int64_t end_ns = end_of(v);
	const enum tw_fact_id refused = TW_F_PORT_REFUSED_AFTER;

	walk_half_open(v, &half);
	tw_from(v, TW_F_PORT_HALF_OPEN, (int64_t)half.n, NULL);
	tw_from(v, TW_F_PORT_HALF_OPEN_SOURCES, half.sources > 1 ? half.sources : (int64_t)half.n,
		NULL);
	tw_from(v, TW_F_PORT_HALF_OPEN_HOSTS, half.sources, NULL);
	tw_from(v, TW_F_PORT_SYNACKS_UNACKED, half.synacks, NULL);
	tw_from(v, TW_F_PORT_SYNACKS_REPEATED, half.repeated, NULL);
	walk_port(v, &half, end_ns, &w);
	tw_from(v, TW_F_PORT_OPEN_BEFORE, w.before, NULL);
	tw_from(v, TW_F_PORT_OPEN_AFTER, w.after, NULL);
	tw_from(v, TW_F_PORT_OPEN_DURING, w.during, NULL);
	tw_from(v, TW_F_PORT_REFUSED_BEFORE, w.refused_before, NULL);
	tw_from(v, TW_F_HOST_ANSWERS, w.answers, NULL);
	tw_from(v, TW_F_HOST_ENDED_TOGETHER, w.ended_together, NULL);
	tw_from(v, TW_F_PORT_SILENT_AFTER, h && silent_between(h, end_ns, tw_watched_until_ns(v)),
		NULL);
	meanwhile_facts(v);
	tw_from(v, refused, w.refused_after != NULL, NULL);
	if (w.refused_after) {
		tw_fact_set(v->f, refused, 1, w.refused_after->frame, w.refused_after->time_ns);
		tw_fact_set(v->f, TW_F_PORT_REFUSED_AFTER_NS, w.refused_after->time_ns - end_ns,
			    w.refused_after->frame, w.refused_after->time_ns);
		/* not what was on its way when it ended */
		tw_from(v, TW_F_PORT_SERVED_MEANWHILE,
			served_between(v, &half, end_ns + ON_ITS_WAY_NS, w.refused_after->time_ns),
			NULL);
	}
	if (w.ttl >= 0 && w.refusal && !has_copy(v->d, w.refusal, w.ttl))
		tw_from(v, TW_F_HOST_TTL_DELTA,
			tw_same_hops(w.refusal->ttl, w.ttl) ? 0 : w.refusal->ttl - w.ttl,
			w.refusal);
}

/* Does the silent end's host speak to others during the silence? */
static void alive_fact(struct tw_view *v)
{
	const enum tw_fact_id side = TW_F_UNANSWERED_SIDE;
	const struct tw_host_event *e, *alive = NULL;
	const struct tw_end *silent, *me;
	struct tw_host_log log;
	uint32_t self;
	unsigned part;

	if (!tw_known(v->f, side) || !v->hosts)
		return;
	me = &v->d->end[tw_get(v->f, side)];
	silent = &v->d->end[!tw_get(v->f, side)];
	self = tw_host_peer_hash(&me->addr);
	log = tw_host_log_between(v->host[!tw_get(v->f, side)], tw_time_of(v->f, side),
				  v->d->last_ns + TW_NS_PER_S);
	for (part = 0; part < 3; part++)
		for (e = log.part[part].from; e < log.part[part].to && !alive; e++)
			if (e->time_ns > tw_time_of(v->f, side) &&
			    e->time_ns <= v->d->last_ns + TW_NS_PER_S && speaks(e) &&
			    !(e->peer == self && e->peer_port == me->port &&
			      e->port == silent->port))
				alive = e;
	tw_fact_set(v->f, TW_F_ALIVE_ELSEWHERE, alive != NULL, alive ? alive->frame : 0,
		    alive ? alive->time_ns : 0);
}

/* The last repeat of the victim that drew nothing, before the segment that drew the reset; NULL if there is none. */
static const struct tw_pkt *last_in_vain(const struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	const uint64_t trigger = tw_frame_of(v->f, TW_F_RST_TRIGGER);
	const struct tw_pkt *last = NULL;
	size_t i;

	for (i = 0; i < d->pkt_count && d->pkt[i].frame < trigger; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (tw_counts(p) && p->side != (int)tw_get(v->f, TW_F_RST_SIDE) &&
		    p->marks & TW_MARKS_REPEAT)
			last = p;
	}
	return last;
}

/*
 * Did the host of a reset's author speak in another connection, and drew a repeat of this one nothing after that? A
 * host that is up answers, by an ACK if it has the connection and by a reset if not: so it was the path of this one
 * that was dead.
 *
 *      victim                                     author's host
 *        |--data (repeat)------------X                 |
 *        |<---------- of another connection -----------|   RST_AUTHOR_ALIVE_ELSEWHERE
 *        |--data (repeat)------------X                 |
 *        |--data (repeat)----------------------------->|
 *        |<--------------------------------------RST---|
 */
static void author_alive_fact(struct tw_view *v)
{
	const enum tw_fact_id heard = TW_F_RST_AUTHOR_HEARD_AGO_NS;
	const struct tw_pkt *vain = last_in_vain(v);
	const struct tw_end *author, *victim;
	const struct tw_host_event *e;
	struct tw_host_log log;
	uint32_t peer;
	unsigned part;

	if (!tw_known(v->f, heard) || !v->hosts || !vain)
		return;
	author = &v->d->end[tw_get(v->f, TW_F_RST_SIDE)];
	victim = &v->d->end[!tw_get(v->f, TW_F_RST_SIDE)];
	peer = tw_host_peer_hash(&victim->addr);
	log = tw_host_log_between(v->host[tw_get(v->f, TW_F_RST_SIDE)], tw_time_of(v->f, heard),
				  vain->time_ns);
	for (part = 0; part < 3; part++)
		for (e = log.part[part].from; e < log.part[part].to; e++)
			if (e->time_ns > tw_time_of(v->f, heard) && e->time_ns < vain->time_ns &&
			    speaks(e) &&
			    !(e->peer == peer && e->peer_port == victim->port &&
			      e->port == author->port)) {
				tw_fact_set(v->f, TW_F_RST_AUTHOR_ALIVE_ELSEWHERE, 1, e->frame,
					    e->time_ns);
				return;
			}
}

/*
 * Questions of one end for the other's link-layer address that nobody answers. (Those of others are broadcast,
 * and their answers are not: they may not be seen here.)
 */
static void neighbour_fact(struct tw_view *v)
{
	const struct tw_host_event *first = NULL;
	int64_t n = 0;
	int side;

	for (side = 0; side < 2; side++) {
		const struct tw_host *h = v->host[side];
		const uint32_t asker = tw_host_peer_hash(&v->d->end[!side].addr);
		uint32_t i, k;

		for (i = 0; h && h->neighbours && i < tw_host_event_count(h); i++) {
			const struct tw_host_event *e = tw_host_event_at(h, i);
			bool answered = false;

			if (e->kind != TW_HOST_ASKED || e->peer != asker ||
			    e->time_ns < v->d->first_ns - 5 * TW_NS_PER_S)
				continue;
			for (k = i + 1; k < tw_host_event_count(h); k++) {
				const struct tw_host_event *a = tw_host_event_at(h, k);

				answered |= a->kind == TW_HOST_ANSWERED &&
					    a->time_ns - e->time_ns < NEIGHBOUR_ANSWER_NS;
			}
			if (answered)
				continue;
			n++;
			if (!first || e->time_ns < first->time_ns)
				first = e;
		}
	}
	tw_fact_set(v->f, TW_F_NEIGHBOUR_UNANSWERED, n, first ? first->frame : 0,
		    first ? first->time_ns : 0);
}

static int64_t last_word_ns(const struct tw_dossier *d, int side)
{
	size_t i;

	for (i = d->pkt_count; i > 0; i--)
		if (tw_counts(&d->pkt[i - 1]) && d->pkt[i - 1].side == side)
			return d->pkt[i - 1].time_ns;
	return d->first_ns;
}

/* An end whose host does not answer the other end's questions for it any more. */
static void gone_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	int side;

	tw_from(v, TW_F_NEIGHBOUR_GONE, 0, NULL);
	for (side = 0; v->hosts && side < 2; side++) {
		const struct tw_gone g =
			tw_hosts_gone(v->hosts, &d->end[side].addr, &d->end[!side].addr);

		if (!g.requests || g.first_ns < last_word_ns(d, side) || g.last_ns < g.first_ns)
			continue;
		tw_fact_set(v->f, TW_F_NEIGHBOUR_GONE, g.requests, g.first_frame, g.first_ns);
		tw_fact_set(v->f, TW_F_NEIGHBOUR_GONE_SIDE, side, g.first_frame, g.first_ns);
		tw_fact_set(v->f, TW_F_NEIGHBOUR_GONE_SPAN_NS, g.last_ns - g.first_ns,
			    g.first_frame, g.first_ns);
		return;
	}
}

#define SYN_SYNACK_RST (1 | 2 | 32) /* tcp.completeness */

/* A SYN, its SYN|ACK, and the client's reset, each of them once? A connect() that waited would repeat its SYN. */
static bool is_check(const struct tw_dossier *d)
{
	return d->completeness == SYN_SYNACK_RST && d->end[0].rsts == 1 && !d->end[1].rsts &&
	       d->end[0].packets == 2 && d->end[1].packets == 1;
}

static void checks_fact(struct tw_view *v)
{
	const struct tw_dossier *d = v->d;
	int64_t n = 0;
	unsigned i;

	if (!is_check(d))
		return;
	for (i = 0; i < v->near.pairs; i++) {
		const struct tw_dossier *q = v->others->refs[v->near.pair[i]].dossier;

		n += q != d && is_check(q) && q->end[1].port == d->end[1].port &&
		     tw_addr_equal(&q->end[0].addr, &d->end[0].addr) &&
		     tw_addr_equal(&q->end[1].addr, &d->end[1].addr);
	}
	tw_from(v, TW_F_HALF_OPEN_CHECKS, n, NULL);
}

/* Marks the door of @q in a map of 1024: 1 if it is the first of those that fall together, else 0. */
static int64_t mark_door(uint64_t door[16], const struct tw_dossier *q)
{
	const uint32_t port = q->end[1].port * UINT32_C(0x9e3779b1);
	const uint32_t hash =
		(tw_host_peer_hash(&q->end[1].addr) ^ port) * UINT32_C(0x85ebca6b) >> 22;
	const uint64_t bit = UINT64_C(1) << hash % 64;
	const bool is_new = !(door[hash / 64] & bit);

	door[hash / 64] |= bit;
	return is_new;
}

/*
 * Different doors at which the client knocked in vain about now. Who scans does it in a hurry; who lives long, or stands
 * for many, is refused here and there as well. A SYN that its sender's timer repeats, and nothing answers, is counted by
 * itself: a program waits for that.
 */
static void doors_about_now(struct tw_view *v)
{
	const uint32_t client = tw_host_peer_hash(&v->d->end[0].addr);
	uint64_t door[2][16] = { 0 };
	int64_t n[2] = { 0 };
	size_t lo, hi;

	for (tw_around(v, TW_NEAR, &lo, &hi); lo < hi; lo++) {
		const struct tw_dossier_ref *r = &v->others->refs[lo];
		const struct tw_dossier *q = r->dossier;
		const int64_t apart_ns = q->first_ns - v->d->first_ns;
		const bool asked_again = q->end[0].packets > 1 && !q->end[1].packets;

		if ((r->host[0] != client && r->host[1] != client) ||
		    (q->completeness & (1 | 2 | 4 | 8)) != 1 ||
		    !tw_addr_equal(&q->end[0].addr, &v->d->end[0].addr) || apart_ns > KNOCKS_NS ||
		    apart_ns < -KNOCKS_NS)
			continue;
		n[asked_again] += mark_door(door[asked_again], q);
	}
	tw_from(v, TW_F_SCAN_PORTS, n[0], NULL);
	tw_from(v, TW_F_SCAN_REPEATED, n[1], NULL);
}

static void scan_facts(struct tw_view *v)
{
	const struct tw_host *client = v->host[0];

	if (!client)
		return;
	tw_from(v, TW_F_SCAN_OPENED, tw_host_opened(client), NULL);
	/* most clients knock at few in their life */
	if (tw_host_knocked_in_vain(client) >= KNOCKS_MIN)
		doors_about_now(v);
}

/*
 * SYNs without an answer, and of no other connection of the client was anything captured that a server said, though some
 * went on by ACKs: the capture has one direction only, and what the SYNs drew is in the other.
 */
static void unheard_fact(struct tw_view *v)
{
	const struct tw_end *client = &v->d->end[0];
	const uint32_t hash = tw_host_peer_hash(&client->addr);
	unsigned one_sided = 0;
	size_t lo, hi;

	if (!tw_is(v->f, TW_F_SYN_ANSWER, TW_ANSWER_NONE) || v->d->end[1].packets || !v->host[0] ||
	    tw_host_opened(v->host[0]))
		return;
	for (tw_around(v, TW_NEAR, &lo, &hi); lo < hi; lo++) {
		const struct tw_dossier_ref *r = &v->others->refs[lo];
		const struct tw_dossier *q = r->dossier;

		if ((r->host[0] != hash && r->host[1] != hash) ||
		    !tw_addr_equal(&q->end[0].addr, &client->addr))
			continue;
		if (q->end[1].packets)
			return;
		one_sided += tw_is_one_sided(q);
	}
	if (one_sided >= UNHEARD_MIN)
		tw_from(v, TW_F_ONE_SIDED, 1, NULL);
}

void tw_derive_neighbours(struct tw_view *v)
{
	unheard_fact(v);
	port_facts(v);
	alive_fact(v);
	author_alive_fact(v);
	neighbour_fact(v);
	gone_fact(v);
	checks_fact(v);
	scan_facts(v);
}
