/* SPDX-License-Identifier: BSD-2-Clause */
/* Which silences do the connections between these two hosts survive, and which not? */
#include "facts/view.h"

#define IDLE_MIN_NS TW_NS_PER_S

struct idle_walk {
	int64_t survived, killed, kills;
};

/* What came of the segment @i that broke a silence of @gap: answered, reset, or never answered. */
static void judge_gap(const struct tw_dossier *q, size_t i, int64_t gap, struct idle_walk *w)
{
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
	if (repeats < 3)
		return;
	w->kills++;
	if (!w->killed || gap < w->killed)
		w->killed = gap;
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
			judge_gap(q, i, p->time_ns - prev->time_ns, w);
		prev = p;
	}
}

void tw_derive_idle(struct tw_view *v)
{
	struct idle_walk w = { 0 };
	unsigned i;

	for (i = 0; i < v->near.pairs; i++) {
		const struct tw_dossier *q = v->others->refs[v->near.pair[i]].dossier;

		if (tw_addr_equal(&q->end[0].addr, &v->d->end[0].addr) &&
		    tw_addr_equal(&q->end[1].addr, &v->d->end[1].addr))
			walk_idle(q, &w);
	}
	if (w.survived)
		tw_from(v, TW_F_FLOWS_SURVIVED_IDLE_NS, w.survived, NULL);
	if (w.killed)
		tw_from(v, TW_F_FLOWS_KILLED_IDLE_NS, w.killed, NULL);
	tw_from(v, TW_F_FLOWS_KILLED_IDLE, w.kills, NULL);
}
