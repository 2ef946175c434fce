/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a dossier keeps of a long connection. When its room is full, unmarked records in the middle are dropped and
 * counted, and the next one that stays is marked as standing behind a gap: nothing may be concluded across it.
 *
 *	room		1/8 head | up to 1/4 marked ones, and what stands around them | 1/4 tail | the rest: to come
 *
 * Sequence numbers can be compared as long as they are less than 2 GiB apart (RFC 9293 s3.4), and what is kept of a
 * connection that has moved 2 GiB lies farther apart. So the stretches of numbers that no record speaks of any more are
 * taken out: of all numbers behind them, in the records, in the state of the connection, and in what comes later.
 * Which number is below which stays as it was. The numbers of the wire stay in raw_seq and raw_ack.
 *
 *	on the wire	0 ... 40 MB | nothing kept of 900 MB | 940 MB ... 980 MB
 *	in the records	0 ... 40 MB | 64 KiB                 |  40 MB ...  80 MB
 *
 * Limit: what is sent again from below the last such stretch but one is taken for older than it is.
 */
#include "connection/dossier_private.h"
#include "packet/seq.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_BEFORE   24         /* records before one that needs its context ... */
#define KEEP_AFTER    16         /* ... and behind it */
#define FAR_APART     (1u << 29) /* numbers of one side: from here on stretches are taken out, */
#define STRETCH_BYTES (1 << 16)  /* ... of which so much stays */
#define SPOKEN_OF     (1 + 2 * TW_SACK_MAX) /* numbers of one side in a record, at most */
#define UNREMARKABLE_MARKS                                                                         \
	(TW_MARK_DUP_ACK | TW_MARK_WINDOW_UPDATE | TW_MARK_WINDOW_FULL | TW_MARK_SECOND_COPY)

/* ---- numbers ---- */

uint32_t tw_dossier_placed(const struct tw_end *e, uint32_t raw)
{
	const uint32_t seq = raw - (e->taken_out - e->stretch_bytes);

	if (!e->stretch_bytes || tw_seq_le(seq, e->stretch_at))
		return seq;
	return tw_seq_gt(seq - e->stretch_bytes, e->stretch_at) ? seq - e->stretch_bytes
								: e->stretch_at;
}

/* Where the numbers of @side stand in a record; returns how many. Those of a SYN are those of a start, and stay. */
static unsigned spoken_of(struct tw_pkt *p, int side, uint32_t *number[SPOKEN_OF])
{
	unsigned n = 0, i;

	if (p->flags & TW_SYN)
		return 0;
	if (p->side == side) {
		number[n++] = &p->seq;
		return n;
	}
	if (p->flags & TW_ACK)
		number[n++] = &p->ack;
	for (i = 0; i < p->sack_count; i++) {
		number[n++] = &p->sack[i].left;
		number[n++] = &p->sack[i].right;
	}
	return n;
}

void tw_dossier_place(const struct tw_dossier *d, struct tw_pkt *p)
{
	uint32_t *number[SPOKEN_OF];
	unsigned n;
	int side;

	p->raw_seq = p->seq;
	p->raw_ack = p->ack;
	for (side = 0; side < 2; side++) {
		if (!d->end[side].taken_out)
			continue;
		for (n = spoken_of(p, side, number); n > 0; n--)
			*number[n - 1] = tw_dossier_placed(&d->end[side], *number[n - 1]);
	}
}

/* The numbers of one side as distances from its first, and what is taken out of them. */
struct numbers {
	uint32_t base;
	int64_t *mentioned; /* by records, in order */
	size_t count;
	struct stretch {
		int64_t behind,
			total; /* so much is taken off what lies behind it, earlier ones included */
	} * stretch;
	size_t stretches;
};

static void mention(struct numbers *n, uint32_t seq)
{
	n->mentioned[n->count++] = (int32_t)(seq - n->base);
}

static void gather(struct tw_dossier *d, int side, struct numbers *n)
{
	uint32_t *number[SPOKEN_OF];
	unsigned k;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		struct tw_pkt *p = &d->pkt[i];

		if (p->marks & TW_MARKS_NOT_ANALYSED || p->flags & TW_RST)
			continue;
		for (k = spoken_of(p, side, number); k > 0; k--)
			mention(n, *number[k - 1]);
		if (p->side == side && !(p->flags & TW_SYN))
			mention(n, tw_pkt_end(p));
	}
}

static int by_distance(const void *x, const void *y)
{
	const int64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

/* From the first number up to @acked: what is unacknowledged stays as it is, for its bytes are counted. */
static void find_stretches(struct numbers *n, int64_t acked)
{
	int64_t total = 0;
	size_t i;

	qsort(n->mentioned, n->count, sizeof(*n->mentioned), by_distance);
	for (i = 1; i < n->count && n->mentioned[i] <= acked; i++) {
		if (n->mentioned[i - 1] < 0 ||
		    n->mentioned[i] - n->mentioned[i - 1] <= STRETCH_BYTES)
			continue;
		total += n->mentioned[i] - n->mentioned[i - 1] - STRETCH_BYTES;
		n->stretch[n->stretches++] = (struct stretch){ n->mentioned[i - 1], total };
	}
}

static void shorten(const struct numbers *n, uint32_t *seq)
{
	const int64_t distance = (int32_t)(*seq - n->base);
	size_t from = 0, to = n->stretches, mid;

	while (from < to) { /* the first stretch that is not below it */
		mid = from + (to - from) / 2;
		if (n->stretch[mid].behind < distance)
			from = mid + 1;
		else
			to = mid;
	}
	if (from)
		*seq -= (uint32_t)n->stretch[from - 1].total;
}

static void shorten_record(const struct numbers *n, struct tw_pkt *p, int side)
{
	uint32_t *number[SPOKEN_OF];
	unsigned k;

	for (k = spoken_of(p, side, number); k > 0; k--)
		shorten(n, number[k - 1]);
}

/* All numbers of @side that stand in the state of the connection. */
static void shorten_state(const struct numbers *n, struct tw_dossier *d, int side)
{
	struct tw_end *me = &d->end[side], *to = &d->end[!side];
	uint32_t *const numbers[] = {
		&me->next_seq,
		&me->contiguous_seq,
		&me->fin_seq,
		&me->message.begins,
		&me->message.body_from,
		&me->message.ends,
		&me->message.tail_at,
		&d->order.reached[side].next,
		&d->order.at_step[side].next,
		&to->last_ack,
		&to->highest_ack,
		&to->right_edge,
		&d->order.reached[!side].ack,
		&d->order.at_step[!side].ack,
	};
	const struct stretch *last = &n->stretch[n->stretches - 1];
	const int64_t before = n->stretches > 1 ? last[-1].total : 0;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		shorten(n, numbers[i]);
	me->taken_out += (uint32_t)last->total;
	me->stretch_at = n->base + (uint32_t)(last->behind - before);
	me->stretch_bytes = (uint32_t)(last->total - before);
}

/*
 * How far @side is acknowledged. No window holds as much as FAR_APART: where more than that is not, the ACKs are
 * missing from the capture.
 */
static int64_t acknowledged(const struct tw_dossier *d, int side)
{
	const struct tw_end *me = &d->end[side], *to = &d->end[!side];

	if (!to->last_ack_set || tw_seq_gt(to->highest_ack, me->next_seq) ||
	    me->next_seq - to->highest_ack > FAR_APART)
		return me->next_seq - me->base_seq;
	return (int32_t)(to->highest_ack - me->base_seq);
}

static void shorten_side(struct tw_dossier *d, int side)
{
	const struct tw_end *me = &d->end[side];
	const size_t most = d->pkt_count * SPOKEN_OF;
	struct numbers n = { .base = me->base_seq };
	size_t i;

	if (!me->base_set || !me->next_set || me->next_seq - me->base_seq <= FAR_APART)
		return;
	n.mentioned = malloc(most * sizeof(*n.mentioned));
	n.stretch = malloc(most * sizeof(*n.stretch));
	if (n.mentioned && n.stretch) {
		gather(d, side, &n);
		find_stretches(&n, acknowledged(d, side));
	}
	if (n.stretches) {
		for (i = 0; i < d->pkt_count; i++)
			shorten_record(&n, &d->pkt[i], side);
		shorten_state(&n, d, side);
	}
	free(n.mentioned);
	free(n.stretch);
}

/* ---- records ---- */

/*
 * Is it told by its neighbours what it was? Data again: where was the original, what came back? (When many are
 * @kept, repeats go without.)
 */
static bool needs_context(const struct tw_dossier *d, const struct tw_pkt *p, size_t kept)
{
	return p->flags & (TW_SYN | TW_FIN | TW_RST) ||
	       (kept < d->room / 8 && p->payload_bytes &&
		p->marks & (TW_MARK_RETRANSMISSION | TW_MARK_OUT_OF_ORDER));
}

/* Does such a record follow soon on @i, or is it one? */
static bool context_of_next(const struct tw_dossier *d, size_t i, size_t kept)
{
	size_t k;

	for (k = i; k <= i + KEEP_BEFORE && (k == i || !d->pkt[k].gap); k++)
		if (needs_context(d, &d->pkt[k], kept))
			return true;
	return false;
}

void tw_dossier_make_room(struct tw_dossier *d)
{
	const size_t head = d->room / 8, most = d->room / 4;
	size_t i, to = head, kept = 0, after = 0;
	size_t tail = d->pkt_count - d->room / 4;
	bool gap = false;

	for (i = head; i < tail; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		after = needs_context(d, p, kept) ? 1 + KEEP_AFTER
			: after && !p->gap        ? after - 1
						  : 0;
		gap |= p->gap;
		if (kept < most && (p->marks & ~(uint32_t)UNREMARKABLE_MARKS || after ||
				    context_of_next(d, i, kept))) {
			d->pkt[to] = *p;
			d->pkt[to++].gap = gap;
			gap = false;
			kept++;
		} else {
			/* another sight of a packet says nothing that the first did not */
			gap |= !(p->marks & TW_MARK_SECOND_COPY);
		}
	}
	d->pkt[tail].gap |= gap;
	d->dropped += tail - to;
	memmove(&d->pkt[to], &d->pkt[tail], (d->pkt_count - tail) * sizeof(*d->pkt));
	d->pkt_count = to + d->pkt_count - tail;
	shorten_side(d, 0);
	shorten_side(d, 1);
}

size_t tw_dossier_limit(struct tw_dossier *d, size_t room)
{
	const size_t before = tw_dossier_bytes(d);
	struct tw_pkt *less;

	if (room >= d->room)
		return 0;
	d->room = room;
	if (d->pkt_count >= room)
		tw_dossier_make_room(d);
	if (d->pkt_cap <= room)
		return 0;
	less = realloc(d->pkt, room * sizeof(*less));
	if (less) {
		d->pkt = less;
		d->pkt_cap = room;
	}
	return before - tw_dossier_bytes(d);
}
