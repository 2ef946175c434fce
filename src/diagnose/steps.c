/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packets of the sequence diagram: all of a short connection; of a long one the most telling
 * ones, chosen by rank:
 *
 *	decisive (cited) > its neighbours > the start and the end > SYN, FIN, RST > marked > the rest
 *
 * ICMP errors stand between the packets in order of capture.
 */
#include "diagnose/session_private.h"

#include <stdlib.h>
#include <string.h>

enum rank {
	RANK_PLAIN,
	RANK_MARKED,
	RANK_CONTROL,
	RANK_EDGE,
	RANK_NEIGHBOUR,
	RANK_DECISIVE,
};

#define EDGE_START                                                                                 \
	4 /* packets of the start that are worth a place: the handshake and the first data */
#define EDGE_END 2

/* One candidate: a packet record, or an ICMP error. */
struct candidate {
	const struct tw_pkt *pkt;
	const struct tw_icmp *icmp;
	uint64_t frame;
	uint8_t rank;
	bool chosen;
};

static bool is_cited(const struct tw_finding *f, uint64_t frame)
{
	unsigned i;

	for (i = 0; i < f->match.evidence_count; i++)
		if (f->match.evidence[i].frame == frame)
			return true;
	return false;
}

/* Packets and ICMP errors merged by frame number. Returns how many. */
static size_t gather(const struct tw_finding *f, const struct tw_dossier *d, struct candidate *c)
{
	size_t p = 0, e = 0, n = 0;

	while (p < d->pkt_count || e < d->icmp_count) {
		struct candidate *to = &c[n++];

		*to = (struct candidate){ 0 };
		if (e >= d->icmp_count ||
		    (p < d->pkt_count && d->pkt[p].frame <= d->icmp[e].frame)) {
			to->pkt = &d->pkt[p++];
			to->frame = to->pkt->frame;
		} else {
			to->icmp = &d->icmp[e++];
			to->frame = to->icmp->frame;
		}
		if (is_cited(f, to->frame))
			to->rank = RANK_DECISIVE;
	}
	return n;
}

static void rank_one(struct candidate *c, size_t i, size_t n)
{
	const struct tw_pkt *p = c[i].pkt;

	if (c[i].rank == RANK_DECISIVE)
		return;
	if ((i > 0 && c[i - 1].rank == RANK_DECISIVE) ||
	    (i + 1 < n && c[i + 1].rank == RANK_DECISIVE))
		c[i].rank = RANK_NEIGHBOUR;
	else if (i < EDGE_START || i + EDGE_END >= n)
		c[i].rank = RANK_EDGE;
	else if (!p || p->flags & (TW_SYN | TW_FIN | TW_RST))
		c[i].rank = RANK_CONTROL;
	else if (p->marks)
		c[i].rank = RANK_MARKED;
}

static size_t choose(struct candidate *c, size_t n, size_t max)
{
	size_t i, chosen = 0;
	int rank;

	for (rank = RANK_DECISIVE; rank >= RANK_PLAIN; rank--) {
		for (i = 0; i < n && chosen < max; i++) {
			if (c[i].rank != rank)
				continue;
			c[i].chosen = true;
			chosen++;
		}
	}
	return chosen;
}

/* @closed: the peer's window is 0, so what looks like a keepalive probe asks for its opening. */
static const char *pkt_note(const struct tw_pkt *p, bool closed)
{
	static const struct {
		uint32_t marks;
		const char *text;
	} notes[] = {
		{ TW_MARK_SECOND_COPY, "second copy of the same packet" },
		{ TW_MARK_BAD_CHECKSUM, "bad checksum" },
		{ TW_MARK_NO_ACK_FLAG, "without ACK flag" },
		{ TW_MARK_CONFLICT, "other bytes than before" },
		{ TW_MARK_KEEPALIVE, "keepalive probe" },
		{ TW_MARK_KEEPALIVE_ACK, "keepalive answer" },
		{ TW_MARK_ZERO_PROBE, "zero-window probe" },
		{ TW_MARK_ZERO_PROBE_ACK, "zero-window probe answer" },
		{ TW_MARK_SPURIOUS, "spurious retransmission" },
		{ TW_MARK_FAST, "fast retransmission" },
		{ TW_MARK_NET_DUPLICATE, "network duplicate" },
		{ TW_MARK_RETRANSMISSION, "retransmission" },
		{ TW_MARK_OUT_OF_ORDER, "out of order" },
		{ TW_MARK_LOST_SEGMENT, "after a gap" },
		{ TW_MARK_ACKED_UNSEEN, "acknowledges unseen data" },
		{ TW_MARK_ZERO_WINDOW, "zero window" },
		{ TW_MARK_DSACK, "duplicate SACK" },
		{ TW_MARK_DUP_ACK, "duplicate ACK" },
		{ TW_MARK_WINDOW_UPDATE, "window update" },
		{ TW_MARK_WINDOW_FULL, "window full" },
	};
	size_t i;

	if (closed && p->marks & TW_MARK_KEEPALIVE)
		return "zero-window probe";
	for (i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		if (p->marks & notes[i].marks)
			return notes[i].text;
	return NULL;
}

static const char *icmp_what(const struct tw_icmp *e)
{
	if (e->version == 6) {
		switch (e->type) {
		case 1:
			return "unreachable";
		case 2:
			return "packet too big";
		case 3:
			return "time exceeded";
		default:
			return "error";
		}
	}
	switch (e->type) {
	case 3:
		return e->code == 4 ? "fragmentation needed" : "unreachable";
	case 11:
		return "time exceeded";
	default:
		return "error";
	}
}

static void step_of_icmp(struct tw_finding *f, const struct tw_dossier *d, struct tw_step *to,
			 const struct tw_icmp *e)
{
	char from[TW_ENDPOINT_TEXT];
	const char *what = icmp_what(e);

	to->is_icmp = true;
	to->time_ns = e->time_ns;
	to->from = tw_other(e->side); /* it is on its way to the sender of the quoted segment */
	to->flags = e->quoted_flags;
	to->seq_rel = e->raw_seq - d->end[e->side].base_seq;
	to->note = e->mtu ? tw_arena_printf(&f->arena, "ICMP %s (type %u, code %u, MTU %u) from %s",
					    what, e->type, e->code, e->mtu,
					    tw_addr_text(from, &e->from))
			  : tw_arena_printf(&f->arena, "ICMP %s (type %u, code %u) from %s", what,
					    e->type, e->code, tw_addr_text(from, &e->from));
}

static void step_of_pkt(const struct tw_dossier *d, struct tw_step *to, const struct tw_pkt *p,
			bool closed)
{
	to->time_ns = p->time_ns;
	to->from = p->side;
	to->flags = p->flags;
	to->seq_rel = p->raw_seq - d->end[p->side].base_seq;
	to->ack_rel = p->flags & TW_ACK ? p->raw_ack - d->end[!p->side].base_seq : 0;
	to->payload_bytes = p->payload_bytes;
	to->window_bytes = p->window_bytes;
	to->ttl = p->ttl;
	to->note = pkt_note(p, closed);
}

/* The chosen ones of @c, in order, each with the number of packets left out before it. */
static void fill(struct tw_finding *f, const struct tw_dossier *d, const struct candidate *c,
		 size_t n, struct tw_step *steps)
{
	bool closed[2] = { false, false }; /* the last window that each end advertised was 0 */
	uint64_t skipped = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct tw_pkt *p = c[i].pkt;
		struct tw_step *to = &steps[f->step_count];

		if (c[i].chosen) {
			f->step_count++;
			to->frame = c[i].frame;
			to->decisive = c[i].rank == RANK_DECISIVE;
			to->skipped = skipped;
			skipped = 0;
			if (p)
				step_of_pkt(d, to, p, closed[!p->side]);
			else
				step_of_icmp(f, d, to, c[i].icmp);
		} else if (p) {
			skipped++;
		}
		if (p && !(p->flags & (TW_SYN | TW_RST)))
			closed[p->side] = !p->raw_window;
	}
}

void tw_steps_fill(struct tw_finding *f, const struct tw_dossier *d, unsigned max)
{
	size_t room = d->pkt_count + d->icmp_count, n, i, chosen;
	struct candidate *c = calloc(room + 1, sizeof(*c));
	struct tw_step *steps;

	if (!c)
		return;
	n = gather(f, d, c);
	for (i = 0; i < n; i++)
		rank_one(c, i, n);
	chosen = choose(c, n, max ? max : n);
	steps = tw_arena_alloc(&f->arena, (chosen + 1) * sizeof(*steps));
	if (!steps) {
		free(c);
		return;
	}
	fill(f, d, c, n, steps);
	f->steps = steps;
	free(c);
}
