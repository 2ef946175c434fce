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
 * On a live interface the same is done step by step (flow.c), and time passes without packets. There a
 * connection may end without a last packet: its sender has given up. So those in which somebody waits for
 * an answer stand in a list of their own, OWED, and are judged once the next repeat is overdue:
 *
 *	SYN --1s-- SYN --2s-- SYN ----- twice the last gap, at most 120 s (TCP_RTO_MAX), and 2 s ----> judged
 *
 * Data must have been repeated for that: of what was sent once, the capture may have missed the ACK.
 *
 * Each list is in order of the last packet, oldest first, so the ceiling takes the longest idle.
 */
#include "diagnose/one_look.h"

#include "connection/reuse.h"
#include "connection/roles.h"
#include "packet/seq.h"
#include "timers/constants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LINGER_NS     INT64_C(2000000000)
#define JUDGED_KEPT   65536
#define SLOTS_START   1024
#define CLOCK_STEP_NS 1000000
#define RTO_SLACK_NS  INT64_C(2000000000)
#define DOSSIERS_MOST ((size_t)64 << 20) /* above it, each keeps less of its connection */

enum list {
	LIST_OPEN,
	LIST_OWED,
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
	int64_t gap_ns; /* between the last two of the packets that wait for an answer */
	uint32_t fin_end[2];
	bool fin[2], fin_acked[2], reset, repeated;
	struct tw_kept *kept; /* its packets, if they are kept */
	bool mapped;          /* false: its tuple belongs to a newer connection */
	enum list list;
	struct record *prev, *next;
};

struct tw_one_look {
	struct tw_session *s;
	struct tw_keep *keep; /* NULL: no packets are kept */
	int64_t dropped_ns;   /* when packets were last found to be lost */
	uint64_t drops;
	uint64_t seed;
	struct record **slot;
	size_t slot_count, mapped;   /* slot_count is a power of two */
	struct record head[LIST__N]; /* rings */
	size_t judged_count;
	size_t bytes; /* dossiers and records */
	size_t room;  /* records that each dossier may keep */
	int64_t now_ns;
	int64_t clock_ns; /* the latest time in this section of the file */
	uint16_t section;
	bool started; /* the clock is set by the first frame */
	/* Dossiers in order of stream: what facts may compare with. */
	struct tw_dossier_ref *live; /* [live_first, live_first + live_count) of live_room */
	size_t live_first, live_count, live_room;
};

static void ring_remove(struct record *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
}

static void ring_append(struct tw_one_look *l, enum list list, struct record *r)
{
	struct record *head = &l->head[list];

	r->list = list;
	r->prev = head->prev;
	r->next = head;
	head->prev->next = r;
	head->prev = r;
}

static struct record *ring_first(struct tw_one_look *l, enum list list)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed was taken out of its ring before. */
	return l->head[list].next == &l->head[list] ? NULL : l->head[list].next;
}

/* --- the map: open addressing, no tombstones --- */

static size_t slot_find(const struct tw_one_look *l, const struct tw_tuple *t, uint32_t hash)
{
	size_t i = hash & (l->slot_count - 1);

	while (l->slot[i] && !(l->slot[i]->hash == hash && tw_tuple_equal(&l->slot[i]->tuple, t)))
		i = (i + 1) & (l->slot_count - 1);
	return i;
}

static int map_grow(struct tw_one_look *l)
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
static void map_remove(struct tw_one_look *l, struct record *r)
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

static int live_append(struct tw_one_look *l, const struct tw_dossier *d)
{
	const size_t end = l->live_first + l->live_count;
	size_t room = l->live_room * 2;
	struct tw_dossier_ref *more;

	if (end == l->live_room && l->live_first > l->live_room / 2) {
		memmove(l->live, l->live + l->live_first, l->live_count * sizeof(*l->live));
		l->live_first = 0;
	} else if (end == l->live_room) {
		room = room ? room : 256;
		more = realloc(l->live, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->live = more;
		l->live_room = room;
	}
	l->live[l->live_first + l->live_count++] = tw_dossier_ref_of(d);
	return 0;
}

/* Where it stands, from the first that is alive; live_count: nowhere. */
static size_t live_find(const struct tw_one_look *l, const struct tw_dossier *d)
{
	const struct tw_dossier_ref *live = l->live + l->live_first;
	size_t lo = 0, hi = l->live_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (live[mid].dossier->stream < d->stream)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->live_count && live[lo].dossier == d ? lo : l->live_count;
}

/* Most that go are among the oldest: the shorter part moves. */
static void live_remove(struct tw_one_look *l, const struct tw_dossier *d)
{
	struct tw_dossier_ref *live = l->live + l->live_first;
	const size_t at = live_find(l, d);

	if (at == l->live_count)
		return;
	if (at < l->live_count / 2) {
		memmove(live + 1, live, at * sizeof(*live));
		l->live_first++;
	} else {
		memmove(live + at, live + at + 1, (l->live_count - at - 1) * sizeof(*live));
	}
	l->live_count--;
}

/* --- the life of a record --- */

static struct record *begin(struct tw_one_look *l, const struct tw_tuple *t, uint32_t hash)
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
	tw_dossier_limit(r->dossier, l->room);
	l->bytes += sizeof(*r) + tw_dossier_bytes(r->dossier);
	r->mapped = true;
	l->slot[slot_find(l, t, hash)] = r;
	l->mapped++;
	ring_append(l, LIST_OPEN, r);
	return r;
}

static void forget(struct tw_one_look *l, struct record *r)
{
	map_remove(l, r);
	ring_remove(r);
	if (r->list == LIST_JUDGED)
		l->judged_count--;
	if (r->dossier)
		l->bytes -= tw_dossier_bytes(r->dossier);
	tw_dossier_free(r->dossier);
	tw_kept_free(r->kept);
	l->bytes -= sizeof(*r);
	free(r);
}

/* The verdict, and with it the packets. What the interface lost counts for those that were there then. */
static void conclude(struct tw_one_look *l, const struct tw_dossier *d, struct tw_kept **kept)
{
	const struct tw_dossier_set set = { l->live + l->live_first, l->live_count };
	struct tw_session *s = l->s;

	if (s->config->live)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): who is judged has one. */
		s->capture.capture_drops = d->first_ns <= l->dropped_ns ? l->drops : 0;
	s->kept = kept;
	tw_session_judge(s, d, &set, NULL);
	s->kept = NULL;
}

static void judge(struct tw_one_look *l, struct record *r)
{
	conclude(l, r->dossier, &r->kept);
	tw_kept_free(r->kept);
	r->kept = NULL;
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

static void judge_silent(struct tw_one_look *l)
{
	struct record *r;

	while ((r = ring_first(l, LIST_CLOSED)) && l->now_ns - r->last_ns > LINGER_NS)
		judge(l, r);
}

static int64_t patience_ns(const struct record *r)
{
	const int64_t gap = r->gap_ns * 2 < TW_TCP_RTO_MAX_NS ? r->gap_ns * 2 : TW_TCP_RTO_MAX_NS;

	return (gap > TW_TCP_TIMEOUT_INIT_NS ? gap : TW_TCP_TIMEOUT_INIT_NS) + RTO_SLACK_NS;
}

/* Few of the list are silent for long and not to be judged: those that repeat with long gaps. */
static void judge_given_up(struct tw_one_look *l)
{
	struct record *r, *next;

	for (r = ring_first(l, LIST_OWED); r; r = next) {
		const int64_t silent_ns = l->now_ns - r->last_ns;

		next = r->next == &l->head[LIST_OWED] ? NULL : r->next;
		if (silent_ns <= TW_TCP_TIMEOUT_INIT_NS + RTO_SLACK_NS)
			return;
		if (silent_ns > patience_ns(r))
			judge(l, r);
	}
}

static struct record *longest_idle(struct tw_one_look *l)
{
	struct record *open = ring_first(l, LIST_OPEN), *owed = ring_first(l, LIST_OWED);

	return !open || (owed && owed->last_ns < open->last_ns) ? owed : open;
}

/* Of long connections the half of what they may keep goes, the least remarkable. */
static void keep_less(struct tw_one_look *l)
{
	struct record *r;
	int list;

	l->room /= 2;
	for (list = 0; list < LIST__N; list++)
		for (r = l->head[list].next; r != &l->head[list]; r = r->next)
			if (r->dossier)
				l->bytes -= tw_dossier_limit(r->dossier, l->room);
}

/* Below the ceiling again: judge what is closed, then what has been idle for longest. */
static void relieve(struct tw_one_look *l)
{
	const size_t ceiling = l->s->memory_bytes - l->s->memory_bytes / 8;
	struct record *r;

	while (l->bytes > DOSSIERS_MOST && l->room > TW_RECORDS_LEAST)
		keep_less(l);
	while (l->bytes > ceiling) {
		if ((r = ring_first(l, LIST_JUDGED))) {
			forget(l, r);
		} else if ((r = ring_first(l, LIST_CLOSED))) {
			judge(l, r);
		} else if ((r = longest_idle(l))) {
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

static void add(struct tw_one_look *l, struct record *r, const struct tw_frame *f,
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
	if (l->keep && tw_keep_add(l->keep, &r->kept, f))
		l->s->out_of_memory = true;
}

/* Does an end wait for an answer? Of a connection that is seen from one side nobody can tell. */
static bool is_owed(const struct tw_dossier *d, bool repeated)
{
	const bool is_up = d->completeness & 4 || !(d->completeness & 3);
	int i;

	for (i = 0; i < 2; i++) {
		const struct tw_end *e = &d->end[i], *peer = &d->end[!i];

		if (!e->next_set || (!peer->packets && !e->isn_seen))
			continue;
		if (peer->last_ack_set ? tw_seq_gt(e->next_seq, peer->highest_ack) : e->isn_seen)
			return !is_up || repeated;
	}
	return false;
}

static bool is_repeat(const struct tw_dossier *d)
{
	return d->pkt_count && d->pkt[d->pkt_count - 1].marks & TW_MARKS_REPEAT;
}

static enum list follow_debt(struct tw_one_look *l, struct record *r)
{
	if (!l->s->config->live || !r->dossier)
		return LIST_OPEN;
	if (is_repeat(r->dossier)) {
		r->gap_ns = l->now_ns - r->last_ns;
		r->repeated = true;
	}
	if (is_owed(r->dossier, r->repeated))
		return LIST_OWED;
	r->gap_ns = 0;
	r->repeated = false;
	return LIST_OPEN;
}

static void look_at_tcp(struct tw_one_look *l, const struct tw_frame *f, struct tw_segment *s)
{
	struct tw_tuple t;
	int sender = tw_tuple_of(s, &t);
	uint32_t hash = (uint32_t)tw_tuple_hash(&t, l->seed);
	struct record *r = l->slot[slot_find(l, &t, hash)];
	enum list list;

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
	if (r->dossier) {
		tw_roles_ask_hosts(r->dossier, s, l->s->hosts);
		add(l, r, f, s);
	}
	list = follow_debt(l, r);
	r->last_ns = l->now_ns;
	if (r->list == LIST_JUDGED)
		return;
	ring_remove(r);
	ring_append(l, is_closed_by(r, sender, s) ? LIST_CLOSED : list, r);
}

static void look_at_icmp(struct tw_one_look *l, const struct tw_frame *f, struct tw_segment *s)
{
	struct tw_tuple t;
	struct record *r;

	tw_tuple_of(s, &t);
	r = l->slot[slot_find(l, &t, (uint32_t)tw_tuple_hash(&t, l->seed))];
	if (r && r->dossier)
		add(l, r, f, s);
}

static void follow_clock(struct tw_one_look *l, const struct tw_frame *f)
{
	struct tw_session *s = l->s;

	if (!l->started) {
		l->started = true;
		s->capture.first_ns = l->now_ns = f->time_ns;
	} else if (f->section == l->section && f->time_ns < l->clock_ns - CLOCK_STEP_NS) {
		s->capture.clock_backward = true;
		if (l->clock_ns - f->time_ns > s->clock_step_ns)
			s->clock_step_ns = l->clock_ns - f->time_ns;
	}
	if (f->section != l->section || f->time_ns > l->clock_ns)
		l->clock_ns = f->time_ns;
	l->section = f->section;
	if (f->time_ns > l->now_ns)
		l->now_ns = f->time_ns;
	s->capture.last_ns = l->now_ns;
}

unsigned tw_one_look_take(struct tw_one_look *l)
{
	struct tw_session *s = l->s;
	struct tw_frame frames[TW_BATCH];
	struct tw_segment seg = { 0 };
	struct tw_brief brief;
	const unsigned n = tw_session_batch(s, frames, 1, 1);
	unsigned i;

	for (i = 0; i < n; i++) {
		enum tw_segment_kind kind = tw_decode(s->decoder, &frames[i], &seg);

		follow_clock(l, &frames[i]);
		if (kind == TW_SEG_NEIGHBOUR || kind == TW_SEG_ICMP_ERROR)
			tw_decode_detail(s->decoder, &frames[i], &seg);
		tw_brief_of(&frames[i], &seg, 0, &brief);
		tw_hosts_feed(s->hosts, &brief, 1);
		if (kind == TW_SEG_TCP)
			look_at_tcp(l, &frames[i], &seg);
		else if (kind == TW_SEG_ICMP_ERROR)
			look_at_icmp(l, &frames[i], &seg);
	}
	judge_silent(l);
	relieve(l);
	return n;
}

void tw_one_look_pass_time(struct tw_one_look *l, int64_t now_ns)
{
	struct tw_session *s = l->s;
	const uint64_t drops = tw_source_info(s->source)->capture_drops;

	if (!l->started)
		return;
	if (now_ns > l->now_ns)
		l->now_ns = s->capture.last_ns = now_ns;
	if (drops > l->drops) {
		l->drops = drops;
		l->dropped_ns = l->now_ns;
	}
	judge_silent(l);
	judge_given_up(l);
}

/* ---- asked from outside: what of this connection? ---- */

static struct record *find_alive(struct tw_one_look *l, const struct tw_tuple *t)
{
	struct record *r = l->slot[slot_find(l, t, (uint32_t)tw_tuple_hash(t, l->seed))];

	return r && r->dossier ? r : NULL;
}

enum tw_flow_state tw_one_look_state(struct tw_one_look *l, const struct tw_tuple *t)
{
	const struct record *r = find_alive(l, t);

	return !r ? TW_FLOW_NONE : r->list == LIST_CLOSED ? TW_FLOW_CLOSED : TW_FLOW_OPEN;
}

void tw_one_look_judge(struct tw_one_look *l, const struct tw_tuple *t)
{
	struct record *r = find_alive(l, t);

	if (r)
		judge(l, r);
}

/* ---- beginning and end ---- */

struct tw_one_look *tw_one_look_new(struct tw_session *s)
{
	struct tw_one_look *l = calloc(1, sizeof(*l));
	int i;

	if (!l)
		return NULL;
	l->s = s;
	l->dropped_ns = INT64_MIN;
	l->slot_count = SLOTS_START;
	l->room = TW_RECORDS_MAX;
	if (getrandom(&l->seed, sizeof(l->seed), GRND_NONBLOCK) != sizeof(l->seed))
		l->seed = UINT64_C(0x2545f4914f6cdd1d);
	for (i = 0; i < LIST__N; i++)
		l->head[i].prev = l->head[i].next = &l->head[i];
	l->slot = calloc(l->slot_count, sizeof(struct record *));
	if (s->config->keep_bytes)
		l->keep = tw_keep_new(s->config->keep_bytes);
	if (l->slot && (l->keep || !s->config->keep_bytes))
		return l;
	tw_one_look_free(l);
	return NULL;
}

void tw_one_look_free(struct tw_one_look *l)
{
	struct record *r;
	int i;

	if (!l)
		return;
	for (i = 0; i < LIST__N; i++)
		while ((r = ring_first(l, i)))
			forget(l, r);
	tw_keep_free(l->keep);
	free(l->live);
	free(l->slot);
	free(l);
}

/* Whatever is left is judged in order of stream, with all others at hand. */
void tw_one_look_finish(struct tw_one_look *l)
{
	struct record *r;
	size_t i;

	for (i = 0; i < l->live_count && !l->s->cancelled; i++) {
		const struct tw_dossier *d = l->live[l->live_first + i].dossier;

		r = find_alive(l, &d->tuple);
		conclude(l, d, r && r->dossier == d ? &r->kept : NULL);
	}
}

int tw_session_one_look(struct tw_session *s, struct tw_err *err)
{
	struct tw_one_look *l = tw_one_look_new(s);

	if (!l)
		return tw_err_set(err, -ENOMEM, "%s: memory is exhausted.", s->summary->source);
	while (!s->cancelled && tw_one_look_take(l))
		;
	tw_session_input_ends(s);
	tw_one_look_finish(l);
	tw_one_look_free(l);
	return 0;
}
