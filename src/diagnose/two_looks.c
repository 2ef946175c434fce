/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two looks at a file.
 *
 *	first look	every frame: decode -> triage, and the host table
 *			     |
 *			     v   (which connections may not be clean, and where they begin and end)
 *	second look	only their frames: detail -> dossiers -> facts -> verdict
 *
 * The second look decodes only what the watch list may have (watchlist.c), and passes over stretches of the
 * file at which nothing is watched.
 *
 * Nothing is judged before the first look is over, so the host table is complete by then. Dossiers
 * are judged together at the end, because facts compare connections; when they outgrow their share of
 * the memory, those whose last frame has passed are judged in between, oldest first.
 *
 * What is only slow or a flood has a budget. Unanswered SYNs beyond it are counted from what triage knows.
 * Connections that ended in order, all acknowledged, with repeats in between show no failure; but whether
 * anything was lost only a dossier tells (the repeats may be needless, or the network's). Beyond the budget some
 * get a glance (glance.c), and what that does not settle is unknown. Whatever may have failed in any other way always gets its dossier.
 */
#include "connection/roles.h"
#include "diagnose/session_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOSS_FRAMES_SMALL 2000000 /* a file of so many frames is always looked through for losses */
#define LOSS_FRAMES_SHARE 16      /* of a larger file, only this share is */
#define LOSS_BYTES        ((uint64_t)8 << 20) /* what dossiers of repaired losses may take */
#define DOSSIERS_SOFT     ((size_t)3 << 20)
#define DOSSIERS_MOST     ((size_t)12 << 20) /* above it, each keeps less of its connection */
#define DOSSIERS_SHARE    2 /* of the ceiling: above it, judge what is complete in whatever order */
#define JUDGED_AHEAD      256 /* dossiers judged at a time, and kept as neighbours of the next */
#define LINE_ROOM         1024
#define SPARES            JUDGED_AHEAD /* freed dossiers kept: as many come as go ... */
#define SPARE_BYTES       4096         /* ... unless they are large */
#define FETCHED_BYTES     2048         /* of the records of the next one to be judged */
#define NEIGHBOURS        128 /* each way, that facts may compare with when not all are here */

/* Dossiers in order of stream: d[first .. end), of which [at .. end) are not judged yet. What stands before
 * is gone; its place is taken back when the array is full. */
struct line {
	struct tw_dossier_ref *d;
	size_t first, at, end, room;
};

struct second_look {
	struct tw_session *s;
	struct tw_watchlist list;
	struct tw_glances *glances;
	uint32_t freed, judged; /* watches [0, judged) are judged, of these [0, freed) are freed */
	size_t bytes;           /* held by dossiers */
	size_t room;            /* records that each may keep */
	struct tw_dossier *spare[SPARES]; /* to be used again */
	unsigned spares;
	struct line live;
	struct line peers; /* of these, the ones that facts compare with, whatever is asked for */
	bool partial;      /* some have had to go */
	/* The verdict of most of the half-open ones (majority vote), for those that are not listed. */
	const struct tw_phenomenon *half_open;
	enum tw_outcome half_open_outcome;
	uint64_t half_open_votes;
};

static void first_look(struct tw_session *s, struct tw_triage *triage)
{
	const uint64_t seed = tw_triage_seed(triage);
	unsigned n;

	while ((n = tw_session_briefs(s, seed, tw_triage_room(triage))) > 0) {
		tw_hosts_feed(s->hosts, tw_triage_room(triage), n);
		tw_triage_feed(triage, n);
	}
}

/* --- which connections get a dossier --- */

struct loss_budget {
	uint64_t frames, bytes; /* how far to look, how much to keep */
	uint64_t untaken;
};

static struct loss_budget loss_budget(const struct tw_session *s,
				      const struct tw_triage_result *res)
{
	const uint64_t limit = s->config->loss_frames ? s->config->loss_frames : LOSS_FRAMES_SMALL;
	const bool small = s->frames <= limit;
	struct loss_budget b = { .bytes = LOSS_BYTES };
	uint64_t i;

	b.frames = small ? UINT64_MAX : s->frames / LOSS_FRAMES_SHARE;
	for (i = 0; i < res->interest_count; i++)
		if (res->interest[i].reason != TW_WANT_LOSS &&
		    res->interest[i].reason != TW_WANT_ALL &&
		    res->interest[i].last_frame > b.frames)
			b.frames = res->interest[i].last_frame; /* so far the look goes anyway */
	return b;
}

/* Repaired losses: as many dossiers as the budget allows, when each keeps the least. */
static bool take_loss(struct loss_budget *b, const struct tw_interest *in)
{
	uint64_t records = in->packets < TW_RECORDS_LEAST ? in->packets : TW_RECORDS_LEAST;
	uint64_t bytes = sizeof(struct tw_dossier) + records * sizeof(struct tw_pkt);

	if (in->last_frame > b->frames || bytes > b->bytes)
		return false;
	b->bytes -= bytes;
	return true;
}

/* Does it deserve a dossier for its own sake? */
static enum tw_take deserves(struct loss_budget *b, const struct tw_interest *in)
{
	if (in->reason == TW_WANT_ALL)
		return TW_TAKE_NOT;
	return in->reason != TW_WANT_LOSS || take_loss(b, in) ? TW_TAKE : TW_TAKE_NOT;
}

/* @take[i]: does interest i get a dossier, or a glance? Returns how many get neither, and are unknown. */
static uint64_t choose(struct tw_session *s, const struct tw_triage_result *res, uint8_t *take,
		       struct tw_glances *glances)
{
	struct loss_budget b = loss_budget(s, res);
	uint64_t i;

	for (i = 0; i < res->interest_count; i++) {
		const struct tw_interest *in = &res->interest[i];

		take[i] = deserves(&b, in);
		if (!take[i] && s->config->all)
			take[i] = TW_TAKE_ASIDE;
		b.untaken += !take[i];
	}
	if (b.untaken)
		b.untaken -= tw_glances_choose(glances, s->frames, b.frames, res->interest,
					       res->interest_count, take);
	return b.untaken;
}

/* What was not looked at, or in part only and in vain. */
static void tell_untaken(struct tw_session *s, const struct tw_glances *glances, uint64_t untaken)
{
	if (!untaken)
		return;
	tw_session_count(s, NULL, TW_OUTCOME_UNKNOWN, untaken);
	tw_session_problem(s,
			   "%" PRIu64 " connection%s counted as unknown: ended in order, but after "
			   "repeated or reordered packets, and the file is too large for a closer "
			   "look at those. A filter (-f) or --all takes it.",
			   untaken, untaken == 1 ? " is" : "s are");
	if (glances->told)
		tw_session_problem(s,
				   "%" PRIu64 " more like %s looked at up to the first loss only, "
				   "and listed.",
				   glances->told, glances->told == 1 ? "this was" : "these were");
}

/* --- the second look --- */

static void release(struct second_look *l, struct tw_watch *w)
{
	l->bytes -= tw_dossier_bytes(w->dossier);
	if (l->spares < SPARES && tw_dossier_bytes(w->dossier) <= SPARE_BYTES)
		l->spare[l->spares++] = w->dossier;
	else
		tw_dossier_free(w->dossier);
	w->dossier = NULL;
}

/*
 * What facts may compare with: all, as long as all are here. Once some have had to go, the nearest
 * ones only, or a large file would be judged in quadratic time. What is here only because it was asked for
 * is compared with all, but none of the rest with it: a verdict does not depend on who else is reported.
 */
static struct tw_dossier_set others_of(const struct second_look *l, const struct tw_watch *w)
{
	const struct line *line = w->aside ? &l->live : &l->peers;
	size_t lo = line->first, hi = line->end;

	if (l->partial) {
		lo = line->at - lo > NEIGHBOURS ? line->at - NEIGHBOURS : lo;
		hi = hi - line->at > NEIGHBOURS ? line->at + NEIGHBOURS : hi;
	}
	return (struct tw_dossier_set){ &line->d[lo], hi - lo, line->at - lo };
}

static void judge(struct second_look *l, const struct tw_watch *w)
{
	const struct tw_dossier_set set = others_of(l, w);
	const struct tw_phenomenon *p;
	enum tw_outcome outcome;

	l->s->part = w->part ? tw_watch_interest(&l->list, w) : NULL;
	p = tw_session_judge(l->s, w->dossier, &set, &outcome);
	l->s->part = NULL;
	if (w->part)
		*(p ? &l->glances->told : &l->glances->vain) += 1;
	if (tw_watch_interest(&l->list, w)->reason != TW_WANT_HALF_OPEN)
		return;
	if (!l->half_open_votes) {
		l->half_open = p;
		l->half_open_outcome = outcome;
	}
	if (l->half_open == p && l->half_open_outcome == outcome)
		l->half_open_votes++;
	else
		l->half_open_votes--;
}

static inline const struct tw_dossier *dossier_at(const struct second_look *l, uint32_t index)
{
	return index < l->list.count ? l->list.watch[index].dossier : NULL;
}

/* A dossier has not been touched since its connection ended. Each is fetched while those before it are judged. */
static inline __attribute__((always_inline)) void fetch_next(const struct second_look *l)
{
	const struct tw_dossier *soon = dossier_at(l, l->judged + 1),
				*later = dossier_at(l, l->judged + 2);
	size_t i;

	for (i = 0; later && i < sizeof(*later); i += 64)
		__builtin_prefetch((const char *)later + i);
	if (!soon)
		return;
	for (i = 0; i < soon->pkt_count * sizeof(*soon->pkt) && i < FETCHED_BYTES; i += 64)
		__builtin_prefetch((const char *)soon->pkt + i);
	tw_hosts_prefetch(l->s->hosts, &soon->end[0].addr);
	tw_hosts_prefetch(l->s->hosts, &soon->end[1].addr);
}

/* Judge the oldest watch: the callback sees streams in order. Its dossier stays for its successors. */
static void judge_first(struct second_look *l)
{
	struct tw_watch *w = &l->list.watch[l->judged];

	fetch_next(l);
	l->judged++;
	if (!w->dossier)
		return;
	judge(l, w);
	l->live.at++;
	l->peers.at += !w->aside;
}

/* Free the oldest dossier that was judged. */
static void free_first(struct second_look *l)
{
	struct tw_watch *w = &l->list.watch[l->freed++];

	if (!w->dossier)
		return;
	release(l, w);
	l->live.first++;
	l->peers.first += !w->aside;
}

static void take_out(struct line *line, const struct tw_dossier *d)
{
	size_t i = line->at;

	while (i < line->end && line->d[i].dossier != d)
		i++;
	if (i < line->end) {
		memmove(&line->d[i], &line->d[i + 1], (line->end - i - 1) * sizeof(*line->d));
		line->end--;
	}
}

/* Judge one out of order: only when a connection that goes on and on holds up too many others. */
static void judge_within(struct second_look *l, struct tw_watch *w)
{
	judge(l, w);
	take_out(&l->live, w->dossier);
	take_out(&l->peers, w->dossier);
	release(l, w);
}

static bool is_complete(const struct second_look *l, uint32_t index, uint64_t frame)
{
	return tw_watch_last(&l->list, &l->list.watch[index]) < frame;
}

/* Many long connections at a time: of each the half of what it may keep goes, the least remarkable. */
static void keep_less(struct second_look *l)
{
	struct tw_dossier *d;
	uint32_t i;

	while (l->bytes > DOSSIERS_MOST && l->room > TW_RECORDS_LEAST) {
		l->room /= 2;
		for (i = l->freed; i < l->list.begun; i++) {
			d = l->list.watch[i].dossier;
			if (d)
				l->bytes -= tw_dossier_limit(d, l->room);
		}
	}
}

/*
 * Keep the dossiers within their share; @frame: the next to come. The oldest are judged early enough to
 * stay a while as the predecessors of others.
 */
static void relieve(struct second_look *l, uint64_t frame)
{
	const size_t hard = l->s->memory_bytes / DOSSIERS_SHARE;
	uint32_t i;

	if (l->bytes <= DOSSIERS_SOFT)
		return;
	l->partial = true;
	for (;;) {
		while (l->bytes > DOSSIERS_SOFT / 4 * 3 && l->freed < l->judged)
			free_first(l);
		if (l->bytes <= DOSSIERS_SOFT / 4 * 3)
			break;
		for (i = 0; i < JUDGED_AHEAD && l->judged < l->list.count; i++) {
			if (!is_complete(l, l->judged, frame))
				break;
			judge_first(l);
		}
		if (l->freed == l->judged)
			break;
	}
	keep_less(l);
	for (i = l->judged; i < l->list.count && l->bytes > hard; i++) {
		if (tw_watch_interest(&l->list, &l->list.watch[i])->first_frame >= frame)
			break;
		if (l->list.watch[i].dossier && is_complete(l, i, frame))
			judge_within(l, &l->list.watch[i]);
	}
}

static int append(struct line *line, const struct tw_dossier_ref *ref)
{
	if (line->end == line->room && line->first > line->room / 2) {
		line->end -= line->first;
		line->at -= line->first;
		memmove(line->d, &line->d[line->first], line->end * sizeof(*line->d));
		line->first = 0;
	} else if (line->end == line->room) {
		const size_t room = line->room ? line->room * 2 : LINE_ROOM;
		struct tw_dossier_ref *more = realloc(line->d, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		line->d = more;
		line->room = room;
	}
	line->d[line->end++] = *ref;
	return 0;
}

static struct tw_dossier *dossier_for(struct second_look *l, const struct tw_interest *in)
{
	struct tw_dossier *d;

	if (!l->spares)
		return tw_dossier_new(&in->tuple, in->stream);
	d = l->spare[--l->spares];
	tw_dossier_renew(d, &in->tuple, in->stream);
	return d;
}

/* The first frame of a watched connection has come. */
static int begin(struct second_look *l, struct tw_watch *w)
{
	const struct tw_interest *in = tw_watch_interest(&l->list, w);
	struct tw_dossier *d = dossier_for(l, in);
	struct tw_dossier_ref ref;

	if (!d)
		return -ENOMEM;
	ref = tw_dossier_ref_of(d);
	if (append(&l->live, &ref)) {
		tw_dossier_free(d);
		return -ENOMEM;
	}
	if (!w->aside && append(&l->peers, &ref)) {
		l->live.end--;
		tw_dossier_free(d);
		return -ENOMEM;
	}
	tw_dossier_limit(d, l->room);
	w->dossier = d;
	l->bytes += tw_dossier_bytes(d);
	return 0;
}

static void look_at(struct second_look *l, struct tw_watch *w, const struct tw_frame *f,
		    struct tw_segment *seg)
{
	struct tw_session *s = l->s;
	size_t before;
	int r;

	if (!w->dossier && begin(l, w)) {
		s->out_of_memory = true;
		return;
	}
	tw_roles_ask_hosts(w->dossier, seg, s->hosts);
	before = tw_dossier_bytes(w->dossier);
	tw_decode_detail(s->decoder, f, seg);
	if (seg->kind == TW_SEG_TCP)
		r = tw_dossier_add(w->dossier, f, seg);
	else
		r = tw_dossier_add_icmp(w->dossier, f, seg);
	if (r)
		s->out_of_memory = true;
	l->bytes += tw_dossier_bytes(w->dossier) - before;
	if (w->part && tw_glance_is_over(l->glances, w->dossier, tw_watch_interest(&l->list, w))) {
		w->over = true;
		l->list.parts--;
	}
}

/* A frame that may be of a watched connection. */
static void second_look_frame(struct second_look *l, const struct tw_frame *f, uint64_t flow,
			      struct tw_segment *seg)
{
	const enum tw_segment_kind kind = tw_decode(l->s->decoder, f, seg);
	struct tw_watch *w;

	if (kind != TW_SEG_TCP && kind != TW_SEG_ICMP_ERROR)
		return;
	w = tw_watchlist_find(&l->list, seg, flow, f->number);
	if (w)
		look_at(l, w, f, seg);
}

/* Some frames of the file, and which of them the watch list may have. */
struct stretch {
	struct tw_frame frames[TW_SIFT];
	uint64_t flow[TW_SIFT];
	unsigned passed;
	uint64_t last; /* number of the last frame, whether it passed or not */
};

/* What begins between these frames is watched from now on. False: nobody is, at any of them. */
static bool reach(struct second_look *l, uint64_t first, uint64_t last)
{
	if (tw_watchlist_reach(&l->list, first, last))
		l->s->out_of_memory = true;
	/* Pieces of the first wanted packet may lie before it: then no frame can be skipped. */
	return first <= l->list.live_to || l->s->stats.fragments;
}

/* The reader itself passes over what nobody waits for. */
static bool next_sifted(struct second_look *l, struct stretch *st)
{
	const uint64_t before = tw_source_number(l->s->source);
	const bool watched = reach(l, before + 1, before + TW_SIFT);
	const unsigned n = tw_session_sift(l->s, watched ? &l->list.sieve : NULL, st->frames,
					   st->flow, &st->passed);

	st->last = before + n;
	return n > 0;
}

/* It hands out every frame. Which pass is any guess, so there is no branch. */
static bool next_unsifted(struct second_look *l, struct stretch *st)
{
	const unsigned n = tw_session_batch(l->s, st->frames, 2, 2);
	uint8_t passed[TW_BATCH];
	unsigned i;

	st->passed = 0;
	if (!n)
		return false;
	st->last = st->frames[n - 1].number;
	if (reach(l, st->frames[0].number, st->last))
		st->passed = tw_decode_sift(st->frames, n, &l->list.sieve, passed, st->flow);
	for (i = 0; i < st->passed; i++)
		st->frames[i] = st->frames[passed[i]];
	return true;
}

static uint64_t last_wanted(const struct second_look *l)
{
	return l->list.parts ? l->list.last_frame : l->list.whole_last;
}

static void second_look(struct second_look *l)
{
	struct tw_session *s = l->s;
	const bool sifts = tw_source_can_sift(s->source);
	struct tw_segment seg = { 0 };
	struct stretch st;
	unsigned i;

	while (sifts ? next_sifted(l, &st) : next_unsifted(l, &st)) {
		for (i = 0; i < st.passed; i++)
			second_look_frame(l, &st.frames[i], st.flow[i], &seg);
		if (s->cancelled || st.last >= last_wanted(l))
			break;
		relieve(l, st.last + 1);
	}
	/* Nothing more comes: all stay at hand to the end, because facts compare connections. */
	while (l->judged < l->list.count && !s->cancelled && !tw_session_is_interrupted(s))
		judge_first(l);
	if (l->judged < l->list.count && !s->cancelled)
		tw_session_problem(
			s,
			"Stopped in the second look: %" PRIu32
			" connections that looked odd were not judged, and are in no count.",
			l->list.count - l->judged);
}

static void take_down(struct tw_session *s, const struct tw_triage_result *res)
{
	struct tw_session_summary *sum = s->summary;

	s->capture.first_ns = res->first_ns;
	s->capture.last_ns = res->last_ns;
	s->capture.clock_backward = res->clock_backward;
	s->capture.only_half_open = res->only_half_open;
	s->capture.acks_left_out = res->acks_left_out;
	s->capture.no_acks = res->no_acks;
	s->clock_step_ns = res->clock_step_ns;
	sum->tcp_packets = res->packets;
	sum->connections = res->streams;
	sum->clean = res->clean;
	sum->unknown = res->evicted_undecided;
	sum->evicted = res->evicted;
}

/* Half-open connections beyond the examples share the verdict that most of the examples got. */
static void count_unlisted(struct second_look *l, const struct tw_triage_result *res)
{
	const struct tw_phenomenon *p = l->half_open;

	if (!res->half_open_unlisted)
		return;
	tw_session_count(l->s, p ? p->slug : NULL,
			 l->half_open_votes ? l->half_open_outcome : TW_OUTCOME_UNKNOWN,
			 res->half_open_unlisted);
	tw_session_problem(l->s,
			   "%" PRIu64
			   " half-open connections are counted without being listed; they "
			   "share the verdict of those that are.",
			   res->half_open_unlisted);
}

static int look_again(struct tw_session *s, const struct tw_triage_result *res, const uint8_t *take,
		      struct tw_glances *glances, struct tw_err *err)
{
	struct second_look l = { .s = s, .glances = glances, .room = TW_RECORDS_MAX };
	int r;

	r = tw_watchlist_build(&l.list, res->interest, res->interest_count, take, glances->to);
	if (!r && !l.list.count) {
		tw_watchlist_free(&l.list);
		return 0;
	}
	if (!r) {
		tw_decoder_free(s->decoder);
		s->decoder = tw_decoder_new();
		r = s->decoder ? tw_source_rewind(s->source) : -ENOMEM;
	}
	s->frames = 0;
	if (!r) {
		second_look(&l);
		count_unlisted(&l, res);
	} else {
		tw_err_set(err, r, "%s: cannot be read a second time: %s.", s->summary->source,
			   strerror(-r));
	}
	while (l.spares)
		tw_dossier_free(l.spare[--l.spares]);
	free(l.live.d);
	free(l.peers.d);
	tw_watchlist_free(&l.list);
	return r;
}

int tw_session_two_looks(struct tw_session *s, struct tw_err *err)
{
	const struct tw_session_config *c = s->config;
	const struct tw_triage_config tc = {
		.memory_bytes = s->memory_bytes,
		.everything = c->all,
		.have_stream = c->have_stream,
		.stream = c->stream,
		.hosts = s->hosts,
		.settle_ns = TW_NS_PER_S * 9 / 10, /* a timeout of 1 s, measured from the SYN */
	};
	const struct tw_triage_result *res;
	struct tw_triage *triage = tw_triage_new(&tc);
	struct tw_glances glances = { 0 };
	uint64_t untaken;
	uint8_t *take = NULL;
	int r = 0;

	if (!triage)
		return tw_err_set(err, -ENOMEM, "%s: memory is exhausted.", s->summary->source);
	first_look(s, triage);
	res = tw_triage_finish(triage);
	take_down(s, res);
	tw_session_input_ends(s);
	if (res->interest_count) {
		take = calloc(res->interest_count, sizeof(*take));
		if (take) {
			untaken = choose(s, res, take, &glances);
			r = look_again(s, res, take, &glances, err);
			tell_untaken(s, &glances, untaken + glances.vain);
		} else {
			r = tw_err_set(err, -ENOMEM, "%s: memory is exhausted.",
				       s->summary->source);
		}
	}
	free(take);
	tw_triage_free(triage);
	return r;
}
