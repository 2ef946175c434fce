/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_DIAGNOSE_SESSION_PRIVATE_H
#define TW_DIAGNOSE_SESSION_PRIVATE_H

/* What the files of this room share. Nothing outside src/diagnose includes it. */
#include "connection/dossier_private.h"
#include "connection/hosts.h"
#include "connection/triage.h"
#include "diagnose/keep.h"
#include "diagnose/session.h"
#include "facts/derive.h"
#include "packet/decode.h"

#include <time.h>

struct tw_session {
	const struct tw_session_config *config;
	struct tw_session_summary *summary;
	struct tw_source *source;
	struct tw_decoder *decoder;
	struct tw_decoder_stats stats; /* of the first look */
	struct tw_hosts *hosts;
	struct tw_capture_context capture;
	size_t memory_bytes;   /* the ceiling, resolved */
	int64_t clock_step_ns; /* largest step of the clock backwards */
	uint64_t frames;       /* frames taken in this look */
	/* The connection that is being judged, if it was looked at in part only (glance.c); or NULL. */
	const struct tw_interest *part;
	struct tw_kept **kept;    /* packets of the connection that is being judged; may be NULL */
	struct tw_finding *spare; /* a finding that was not delivered, to be used again */
	struct timespec progress_at; /* when progress was last told */
	bool cancelled;              /* the callback wants no more findings */
	bool stopped;                /* config->stop ended the first look, or the only one */
	bool out_of_memory;
};

/* --- session.c --- */
/* All but the look itself; @s->config is set. And what the session itself holds is given back. */
int tw_session_begin(struct tw_session *s, struct tw_source *src,
		     struct tw_session_summary *summary, struct tw_err *err);
void tw_session_conclude(struct tw_session *s);
/* Has config->stop been set since the first look came to its end? Then the second one is not to go on. */
bool tw_session_is_interrupted(const struct tw_session *s);
/* The next batch of a look: stops at frames_max, at the stop flag and at the end. @pass 1 or 2. */
unsigned tw_session_batch(struct tw_session *s, struct tw_frame *frames, int pass, int of);
/* The same for the first look of two: a brief of each frame (tw_source_briefs()). */
unsigned tw_session_briefs(struct tw_session *s, uint64_t seed, struct tw_brief *out);
/* The next frames of the second look that pass a sieve: tw_source_sift(). */
unsigned tw_session_sift(struct tw_session *s, const struct tw_sieve *sieve,
			 struct tw_frame *frames, uint64_t *flow, unsigned *passed);
/* The first look, or the only one, has seen all it will: take down what the source and the decoder say
 * about the input (a second look starts their counters anew). */
void tw_session_input_ends(struct tw_session *s);
/* A whole sentence about the input for the summary; more than the list holds are dropped. */
void tw_session_problem(struct tw_session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* --- two_looks.c, one_look.c: 0 or a negative errno with @err --- */
int tw_session_two_looks(struct tw_session *s, struct tw_err *err);
int tw_session_one_look(struct tw_session *s, struct tw_err *err);

/* --- finding.c --- */
/* Judge one connection: count it in the summary, and hand its finding to the callback if it is wanted.
 * Returns the phenomenon, NULL if it is clean or unknown, and the outcome (@outcome may be NULL). Of a
 * part (@s->part) that does not tell about the whole nothing is counted, and NULL returned. */
const struct tw_phenomenon *tw_session_judge(struct tw_session *s, const struct tw_dossier *d,
					     const struct tw_dossier_set *others,
					     enum tw_outcome *outcome);
/* Count connections under a verdict (NULL: none) without having judged them one by one. */
void tw_session_count(struct tw_session *s, const char *slug, enum tw_outcome outcome, uint64_t n);

/* --- steps.c --- */
void tw_steps_fill(struct tw_finding *f, const struct tw_dossier *d, unsigned max);

/* --- watchlist.c: the connections that the second look waits for --- */
enum tw_take {
	TW_TAKE_NOT,
	TW_TAKE,
	TW_TAKE_ASIDE, /* judged and reported, but no other is compared with it */
	TW_TAKE_PART,  /* the same, and looked at in part only: see glance.c */
};

struct tw_watch {
	struct tw_dossier *dossier; /* NULL before its first frame and after it was judged */
	uint32_t interest;          /* index */
	bool aside;                 /* TW_TAKE_ASIDE or TW_TAKE_PART */
	bool part;                  /* TW_TAKE_PART */
	bool over;                  /* ... and its part has ended */
};

struct tw_watch_slot {
	uint32_t tag;   /* of the tuple's flow */
	uint32_t index; /* of the watch + 1; 0 = empty */
};

struct tw_watchlist {
	const struct tw_interest *interest;
	struct tw_watch *watch; /* in order of stream, that is of first frame */
	uint32_t count;
	uint32_t begun;             /* watches [0, begun) have reached their first frame */
	struct tw_watch_slot *slot; /* of those that have begun and may not be over */
	uint32_t slots, used;       /* slots is a power of two */
	struct tw_sieve sieve;      /* the flows in the table */
	uint64_t first_frame, last_frame;
	uint64_t next_first; /* first frame of the next to begin, UINT64_MAX = none */
	uint64_t part_to;    /* behind this frame no part of a connection is looked at */
	uint32_t parts;      /* watches of a part that have not ended yet */
	uint64_t whole_last; /* last frame of all others */
	uint64_t live_to;    /* behind this frame nothing that has begun is under way any more */
};

/* @interest: sorted by stream; @take: enum tw_take of each; @part_to: where glances end. -ENOMEM. */
int tw_watchlist_build(struct tw_watchlist *w, const struct tw_interest *interest,
		       uint64_t interest_count, const uint8_t *take, uint64_t part_to);
void tw_watchlist_free(struct tw_watchlist *w);
/* The look has come to @frame: what begins there, and up to @last, is watched from now on. -ENOMEM. */
int tw_watchlist_reach(struct tw_watchlist *w, uint64_t frame, uint64_t last);
static inline const struct tw_interest *tw_watch_interest(const struct tw_watchlist *l,
							  const struct tw_watch *w)
{
	return &l->interest[w->interest];
}

/* The last frame that is looked at; 0: a glance that is over. */
static inline uint64_t tw_watch_last(const struct tw_watchlist *l, const struct tw_watch *w)
{
	const uint64_t last = l->interest[w->interest].last_frame;

	if (!w->part)
		return last;
	return w->over ? 0 : last < l->part_to ? last : l->part_to;
}

static inline uint32_t tw_watchlist_tag(uint64_t flow)
{
	return (uint32_t)(flow >> 32);
}

/* Whose frame is it? NULL: of no watched connection. @flow: as tw_decode_sift() told it, or 0. */
struct tw_watch *tw_watchlist_find(struct tw_watchlist *w, const struct tw_segment *s,
				   uint64_t flow, uint64_t frame);

/* --- glance.c --- */
struct tw_glances {
	uint64_t budget;   /* packets to be recorded for all of them */
	uint64_t to;       /* the frame up to which they go */
	uint64_t recorded; /* so far */
	uint64_t told;     /* connections of which a part told the verdict */
	uint64_t vain;     /* ... or did not */
};

/*
 * TW_TAKE_PART for those of @take (TW_TAKE_NOT) whose first loss the budget reaches. @frames: of the file,
 * @look_to: how far the second look goes for losses. Returns how many.
 */
uint64_t tw_glances_choose(struct tw_glances *g, uint64_t frames, uint64_t look_to,
			   const struct tw_interest *interest, uint64_t count, uint8_t *take);
/* Has the glance at @in seen enough? To be asked after each packet. */
bool tw_glance_is_over(struct tw_glances *g, const struct tw_dossier *d,
		       const struct tw_interest *in);

#endif
