/* SPDX-License-Identifier: BSD-2-Clause */
/* Which silences do the connections between these two hosts survive, and which not? And was it the silence? */
#include "facts/view.h"

#define IDLE_MIN_NS TW_NS_PER_S
/* Of the silence of one connection: who was heard of after less cannot have been forgotten for the same time. */
#define FAR_SHORTER 3
#define IN_USE_NS                                                                                  \
	(30 * TW_NS_PER_S) /* what was heard of less long ago is in use, to most devices */

/*
 * Times at which the last segment before, and the first one after: what was lost was lost between them.
 *
 *	a   ---------|from                        to|--data-->   <--RST--
 *	b   -----------------|from   to|--data-->   <--RST--
 *	                      ^^^^^^^^^ one moment explains both; a timeout does not, a's being longer
 */
struct silence {
	int64_t from_ns, to_ns;
};

struct idle_walk {
	int64_t survived, killed, kills;
	struct silence common; /* of all that were killed */
};

static void note_kill(struct idle_walk *w, const struct silence *s)
{
	const int64_t gap = s->to_ns - s->from_ns;

	if (!w->kills++)
		w->common = *s;
	if (s->from_ns > w->common.from_ns)
		w->common.from_ns = s->from_ns;
	if (s->to_ns < w->common.to_ns)
		w->common.to_ns = s->to_ns;
	if (!w->killed || gap < w->killed)
		w->killed = gap;
}

/* What came of the segment @i that broke the silence @s: answered, reset, or never answered. */
static void judge_gap(const struct tw_dossier *q, size_t i, const struct silence *s,
		      struct idle_walk *w)
{
	const int64_t gap = s->to_ns - s->from_ns;
	int64_t repeats = 0;
	size_t k;

	for (k = i + 1; k < q->pkt_count; k++) {
		const struct tw_pkt *p = &q->pkt[k];

		if (p->gap)
			return;
		if (!tw_counts(p))
			continue;
		if (p->side == q->pkt[i].side) {
			repeats += (p->marks & TW_MARKS_REPEAT) != 0;
			continue;
		}
		if (!(p->flags & TW_RST)) {
			if (gap > w->survived)
				w->survived = gap;
			return;
		}
		repeats = 3;
		break;
	}
	if (repeats >= 3)
		note_kill(w, s);
}

static void walk_idle(const struct tw_dossier *q, struct idle_walk *w)
{
	const struct tw_pkt *prev = NULL;
	size_t i;

	for (i = 0; i < q->pkt_count; i++) {
		const struct tw_pkt *p = &q->pkt[i];

		if (p->gap)
			prev = NULL;
		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (prev && p->time_ns - prev->time_ns > IDLE_MIN_NS &&
		    !(p->marks & TW_MARKS_REPEAT) && !(p->flags & TW_SYN) && tw_pkt_seq_len(p))
			judge_gap(q, i, &(struct silence){ prev->time_ns, p->time_ns }, w);
		prev = p;
	}
}

static bool same_hosts(const struct tw_dossier *a, const struct tw_dossier *b)
{
	return tw_addr_equal(&a->end[0].addr, &b->end[0].addr) &&
	       tw_addr_equal(&a->end[1].addr, &b->end[1].addr);
}

static void population_facts(struct tw_view *v)
{
	struct idle_walk w = { 0 };
	unsigned i;

	for (i = 0; i < v->near.pairs; i++) {
		const struct tw_dossier *q = v->others->refs[v->near.pair[i]].dossier;

		if (same_hosts(q, v->d))
			walk_idle(q, &w);
	}
	if (w.survived)
		tw_from(v, TW_F_FLOWS_SURVIVED_IDLE_NS, w.survived, NULL);
	if (w.killed)
		tw_from(v, TW_F_FLOWS_KILLED_IDLE_NS, w.killed, NULL);
	tw_from(v, TW_F_FLOWS_KILLED_IDLE, w.kills, NULL);
	if (w.kills > 1)
		tw_from(v, TW_F_FLOWS_KILLED_AT_ONCE, w.common.from_ns < w.common.to_ns, NULL);
}

/*
 * The reset by which @author answered a segment of a connection that it no longer knew, and had not closed; NULL: it did not.
 * In @s, when it was last heard of, and when it was first seen to know nothing.
 */
static const struct tw_pkt *refusal_of(const struct tw_dossier *q, uint8_t author,
				       struct silence *s)
{
	const struct tw_pkt *heard = NULL, *other = NULL;
	size_t i;

	for (i = 0; i < q->pkt_count; i++) {
		const struct tw_pkt *p = &q->pkt[i];

		if (!tw_counts(p))
			continue;
		if (p->side != author) {
			other = p;
			continue;
		}
		if (p->flags & TW_RST) {
			if (!heard || !other || p->raw_seq != other->raw_ack)
				return NULL;
			*s = (struct silence){ heard->time_ns, p->time_ns };
			return p;
		}
		if (p->flags & TW_FIN)
			return NULL;
		heard = p;
	}
	return NULL;
}

/*
 * Were others, that had been in use shortly before, forgotten in the silence before this one's reset? Shortly is what
 * connections are seen to survive, or less than any timer: two long silences may have ended by one timer, shorter than both.
 */
static void together_fact(struct tw_view *v)
{
	const uint8_t author = (uint8_t)tw_get(v->f, TW_F_RST_SIDE);
	const int64_t survived_ns = tw_get(v->f, TW_F_FLOWS_SURVIVED_IDLE_NS);
	const int64_t in_use_ns = survived_ns > IN_USE_NS ? survived_ns : IN_USE_NS;
	struct silence mine, s;
	const struct tw_pkt *rst, *own, *found = NULL;
	int64_t n = 0;
	unsigned i;

	own = tw_known(v->f, TW_F_RST_SIDE) ? refusal_of(v->d, author, &mine) : NULL;
	if (!own)
		return;
	for (i = 0; i < v->near.pairs; i++) {
		const struct tw_dossier *q = v->others->refs[v->near.pair[i]].dossier;

		if (q == v->d || !same_hosts(q, v->d) ||
		    (author == TW_SERVER && q->end[1].port != v->d->end[1].port))
			continue;
		rst = refusal_of(q, author, &s);
		if (!rst || rst->flags != own->flags || rst->ttl != own->ttl ||
		    s.from_ns < mine.from_ns || s.from_ns >= mine.to_ns ||
		    s.to_ns - s.from_ns > in_use_ns ||
		    (s.to_ns - s.from_ns) * FAR_SHORTER > mine.to_ns - mine.from_ns)
			continue;
		found = found ? found : rst;
		n++;
	}
	tw_from(v, TW_F_FORGOTTEN_TOGETHER, n, found);
}

void tw_derive_idle(struct tw_view *v)
{
	population_facts(v);
	together_fact(v);
}
