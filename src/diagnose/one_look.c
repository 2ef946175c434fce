/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The single look at a stream: nothing can be read twice, so every connection has a dossier while it
 * lives.
 *
 *	OPEN ----- both FINs acknowledged, or a RST, or its tuple used anew ----> CLOSED
 *	  |                                                                        |
 *	  | end of input, memory ceiling                 silent for LINGER_NS ----> judged
 *	  v                                                                        |
 *	judged -------------------------------------------------------------> JUDGED (no dossier)
 *
 * LINGER_NS is capture time: what comes late (a reset after a close, a challenge ACK) still belongs to
 * the story. The short record of a judged connection stays in the map for a while, so that stray
 * packets are recognised as its own and do not look like a new connection.
 *
 * Each list is in order of the last packet, oldest first, so the ceiling takes the longest idle.
 */
#include "connection/reuse.h"
#include "diagnose/session_private.h"
#include "packet/seq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LINGER_NS     INT64_C(2000000000)
#define JUDGED_KEPT   65536
#define SLOTS_START   1024
#define CLOCK_STEP_NS 1000000

enum list {
	LIST_OPEN,
	LIST_CLOSED,
	LIST_JUDGED,
	LIST__N,
};

struct record {
	struct tw_tuple tuple;
	uint32_t hash;
	struct tw_reuse reuse;
	struct tw_dossier *dossier; /* NULL once judged */
	uint64_t stream;
	int64_t last_ns;
	uint32_t fin_end[2];
	bool fin[2], fin_acked[2], reset;
	bool mapped; /* false: its tuple belongs to a newer connection */
	enum list list;
	struct record *prev, *next;
};

struct one_look {
	struct tw_session *s;
	uint64_t seed;
	struct record **slot;
	size_t slot_count, mapped;   /* slot_count is a power of two */
	struct record head[LIST__N]; /* rings */
	size_t judged_count;
	size_t bytes; /* dossiers and records */
	int64_t now_ns;
	bool started; /* the clock is set by the first frame */
	/* Dossiers in order of stream: what facts may compare with. */
	struct tw_dossier_ref *live;
	size_t live_count, live_room;
};

static void ring_remove(struct record *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
}

static void ring_append(struct one_look *l, enum list list, struct record *r)
{
	struct record *head = &l->head[list];

	r->list = list;
	r->prev = head->prev;
	r->next = head;
	head->prev->next = r;
	head->prev = r;
}

static struct record *ring_first(struct one_look *l, enum list list)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed was taken out of its ring before. */
	return l->head[list].next == &l->head[list] ? NULL : l->head[list].next;
}

/* --- the map: open addressing, no tombstones --- */

static size_t slot_find(const struct one_look *l, const struct tw_tuple *t, uint32_t hash)
{
	size_t i = hash & (l->slot_count - 1);

	while (l->slot[i] && !(l->slot[i]->hash == hash && tw_tuple_equal(&l->slot[i]->tuple, t)))
		i = (i + 1) & (l->slot_count - 1);
	return i;
}

static int map_grow(struct one_look *l)
{
	size_t old_count = l->slot_count, i;
	struct record **old = l->slot;

	if (l->mapped * 2 < old_count)
		return 0;
	l->slot = calloc(old_count * 2, sizeof(struct record *));
	if (!l->slot) {
		l->slot = old;
		return l->mapped + 1 < old_count ? 0 : -ENOMEM;
	}
	l->slot_count = old_count * 2;
	for (i = 0; i < old_count; i++)
		if (old[i])
			l->slot[slot_find(l, &old[i]->tuple, old[i]->hash)] = old[i];
	free(old);
	return 0;
}

/* Take @r out of the map; what was pushed past its place moves up. */
static void map_remove(struct one_look *l, struct record *r)
{
	const size_t mask = l->slot_count - 1;
	size_t hole, i;

	if (!r->mapped)
		return;
	r->mapped = false;
	l->mapped--;
	hole = slot_find(l, &r->tuple, r->hash);
	for (i = (hole + 1) & mask; l->slot[i]; i = (i + 1) & mask) {
		size_t home = l->slot[i]->hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		l->slot[hole] = l->slot[i];
		hole = i;
	}
	l->slot[hole] = NULL;
}

/* --- the dossiers that are alive --- */

static int live_append(struct one_look *l, const struct tw_dossier *d)
{
	if (l->live_count == l->live_room) {
		size_t room = l->live_room ? l->live_room * 2 : 256;
		struct tw_dossier_ref *more = realloc(l->live, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->live = more;
		l->live_room = room;
	}
	l->live[l->live_count++] = tw_dossier_ref_of(d);
	return 0;
}

static void live_remove(struct one_look *l, const struct tw_dossier *d)
{
	size_t lo = 0, hi = l->live_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (l->live[mid].dossier->stream < d->stream)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == l->live_count || l->live[lo].dossier != d)
		return;
	memmove(&l->live[lo], &l->live[lo + 1], (l->live_count - lo - 1) * sizeof(*l->live));
	l->live_count--;
}

/* --- the life of a record --- */

static struct record *begin(struct one_look *l, const struct tw_tuple *t, uint32_t hash)
{
	struct tw_session_summary *sum = l->s->summary;
	struct record *r;

	if (map_grow(l))
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->tuple = *t;
	r->hash = hash;
	r->stream = sum->connections;
	r->dossier = tw_dossier_new(t, r->stream);
	if (!r->dossier || live_append(l, r->dossier)) {
		tw_dossier_free(r->dossier);
		free(r);
		return NULL;
	}
	sum->connections++;
	l->bytes += sizeof(*r) + tw_dossier_bytes(r->dossier);
	r->mapped = true;
	l->slot[slot_find(l, t, hash)] = r;
	l->mapped++;
	ring_append(l, LIST_OPEN, r);
	return r;
}

static void forget(struct one_look *l, struct record *r)
{
	map_remove(l, r);
	ring_remove(r);
	if (r->list == LIST_JUDGED)
		l->judged_count--;
	if (r->dossier)
		l->bytes -= tw_dossier_bytes(r->dossier);
	tw_dossier_free(r->dossier);
	l->bytes -= sizeof(*r);
	free(r);
}

static void judge(struct one_look *l, struct record *r)
{
	const struct tw_dossier_set set = { l->live, l->live_count };

	tw_session_judge(l->s, r->dossier, &set, NULL);
	live_remove(l, r->dossier);
	l->bytes -= tw_dossier_bytes(r->dossier);
	tw_dossier_free(r->dossier);
	r->dossier = NULL;
	ring_remove(r);
	ring_append(l, LIST_JUDGED, r);
	l->judged_count++;
	if (!r->mapped)
		forget(l, r);
	else if (l->judged_count > JUDGED_KEPT)
		forget(l, ring_first(l, LIST_JUDGED));
}

static void judge_silent(struct one_look *l)
{
	struct record *r;

	while ((r = ring_first(l, LIST_CLOSED)) && l->now_ns - r->last_ns > LINGER_NS)
		judge(l, r);
}

/* Below the ceiling again: judge what is closed, then what has been idle for longest. */
static void relieve(struct one_look *l)
{
	const size_t ceiling = l->s->memory_bytes - l->s->memory_bytes / 8;
	struct record *r;

	while (l->bytes > ceiling) {
		if ((r = ring_first(l, LIST_JUDGED))) {
			forget(l, r);
		} else if ((r = ring_first(l, LIST_CLOSED))) {
			judge(l, r);
		} else if ((r = ring_first(l, LIST_OPEN))) {
			l->s->summary->evicted++;
			judge(l, r);
		} else {
			break;
		}
	}
}

/* --- one frame --- */

/* Follows the close far enough to know that nothing regular is to come. */
static bool is_closed_by(struct record *r, int sender, const struct tw_segment *s)
{
	if (s->flags & TW_RST)
		r->reset = true;
	if (s->flags & TW_FIN && !r->fin[sender]) {
		r->fin[sender] = true;
		r->fin_end[sender] = s->seq + s->payload_bytes + 1;
	}
	if (s->flags & TW_ACK && r->fin[!sender] && tw_seq_ge(s->ack, r->fin_end[!sender]))
		r->fin_acked[!sender] = true;
	return r->reset || (r->fin_acked[0] && r->fin_acked[1]);
}

static void add(struct one_look *l, struct record *r, const struct tw_frame *f,
		struct tw_segment *s)
{
	size_t before = tw_dossier_bytes(r->dossier);
	int err;

	tw_decode_detail(l->s->decoder, f, s);
	err = s->kind == TW_SEG_TCP ? tw_dossier_add(r->dossier, f, s)
				    : tw_dossier_add_icmp(r->dossier, f, s);
	if (err)
		l->s->out_of_memory = true;
	l->bytes += tw_dossier_bytes(r->dossier) - before;
}

static void look_at_tcp(struct one_look *l, const struct tw_frame *f, struct tw_segment *s)
{
	struct tw_tuple t;
	int sender = tw_tuple_of(s, &t);
	uint32_t hash = (uint32_t)tw_tuple_hash(&t, l->seed);
	struct record *r = l->slot[slot_find(l, &t, hash)];

	l->s->summary->tcp_packets++;
	if (r && tw_reuse_is_new(&r->reuse, sender, s)) {
		map_remove(l, r);
		ring_remove(r);
		if (r->list == LIST_JUDGED) {
			ring_append(l, LIST_JUDGED, r);
			forget(l, r);
		} else {
			ring_append(l, LIST_CLOSED, r);
		}
		r = NULL;
	}
	if (!r)
		r = begin(l, &t, hash);
	if (!r) {
		l->s->out_of_memory = true;
		return;
	}
	tw_reuse_note(&r->reuse, sender, s);
	if (r->dossier)
		add(l, r, f, s);
	r->last_ns = l->now_ns;
	if (r->list == LIST_JUDGED)
		return;
	ring_remove(r);
	ring_append(l, is_closed_by(r, sender, s) ? LIST_CLOSED : LIST_OPEN, r);
}

static void look_at_icmp(struct one_look *l, const struct tw_frame *f, struct tw_segment *s)
{
	struct tw_tuple t;
	struct record *r;

	tw_tuple_of(s, &t);
	r = l->slot[slot_find(l, &t, (uint32_t)tw_tuple_hash(&t, l->seed))];
	if (r && r->dossier)
		add(l, r, f, s);
}

static void follow_clock(struct one_look *l, const struct tw_frame *f)
{
	struct tw_session *s = l->s;

	if (!l->started) {
		l->started = true;
		s->capture.first_ns = l->now_ns = f->time_ns;
	} else if (f->time_ns < l->now_ns - CLOCK_STEP_NS) {
		s->capture.clock_backward = true;
		if (l->now_ns - f->time_ns > s->clock_step_ns)
			s->clock_step_ns = l->now_ns - f->time_ns;
	}
	if (f->time_ns > l->now_ns)
		l->now_ns = f->time_ns;
	s->capture.last_ns = l->now_ns;
}

static void look(struct one_look *l)
{
	struct tw_session *s = l->s;
	struct tw_frame frames[TW_BATCH];
	struct tw_segment seg = { 0 };
	unsigned n, i;

	while (!s->cancelled && (n = tw_session_batch(s, frames, 1, 1)) > 0) {
		for (i = 0; i < n; i++) {
			enum tw_segment_kind kind = tw_decode(s->decoder, &frames[i], &seg);

			follow_clock(l, &frames[i]);
			if (kind == TW_SEG_NEIGHBOUR || kind == TW_SEG_ICMP_ERROR)
				tw_decode_detail(s->decoder, &frames[i], &seg);
			tw_hosts_feed(s->hosts, &frames[i], &seg, 1);
			if (kind == TW_SEG_TCP)
				look_at_tcp(l, &frames[i], &seg);
			else if (kind == TW_SEG_ICMP_ERROR)
				look_at_icmp(l, &frames[i], &seg);
		}
		judge_silent(l);
		relieve(l);
	}
}

/* The end of the input: whatever is left is judged in order of stream, with all others at hand. */
static void judge_rest(struct one_look *l)
{
	const struct tw_dossier_set set = { l->live, l->live_count };
	size_t i;

	for (i = 0; i < l->live_count && !l->s->cancelled; i++)
		tw_session_judge(l->s, l->live[i].dossier, &set, NULL);
}

int tw_session_one_look(struct tw_session *s, struct tw_err *err)
{
	struct one_look l = { .s = s, .slot_count = SLOTS_START };
	struct record *r;
	int i;

	if (getrandom(&l.seed, sizeof(l.seed), GRND_NONBLOCK) != sizeof(l.seed))
		l.seed = UINT64_C(0x2545f4914f6cdd1d);
	l.slot = calloc(l.slot_count, sizeof(struct record *));
	if (!l.slot)
		return tw_err_set(err, -ENOMEM, "%s: memory is exhausted.", s->summary->source);
	for (i = 0; i < LIST__N; i++)
		l.head[i].prev = l.head[i].next = &l.head[i];
	look(&l);
	tw_session_input_ends(s);
	judge_rest(&l);
	for (i = 0; i < LIST__N; i++)
		while ((r = ring_first(&l, i)))
			forget(&l, r);
	free(l.live);
	free(l.slot);
	return 0;
}
