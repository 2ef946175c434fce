/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watch list of the second look: which connection does a frame belong to, if to any of interest?
 *
 * A frame belongs to the watched connection of its tuple whose [first_frame, last_frame] holds its
 * number; connections of one tuple follow each other and never overlap.
 *
 *	frame:	  ------------------------------------------------->
 *	watch 0	     |=====|
 *	watch 1	        |================|
 *	watch 2	                |===|          the table holds those around here only
 *
 * Of many watches few are under way at any one frame. The table holds these alone, so it stays in the
 * cache: a watch enters when its first frame is reached, and leaves with the next rebuilding after its
 * last one. Most frames belong to none. A frame is known by its flow (tw_decode_sift()) without being
 * decoded, and a sieve of one bit per flow says no to nearly all: some kilobytes, next to the processor,
 * asked without a branch. What passes it by chance, one frame of 30 at most, is not found in the table.
 */
#include "diagnose/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define SLOTS_START        256 /* at most half of the slots are taken, a quarter after a rebuilding */
#define SIEVE_BITS         16 /* per slot */
#define SIEVE_BYTES(slots) ((size_t)(slots)*SIEVE_BITS / 8)

static void add(struct tw_watchlist *w, uint32_t interest, enum tw_take take)
{
	struct tw_watch *watch = &w->watch[w->count++];
	uint64_t last;

	watch->interest = interest;
	watch->part = take == TW_TAKE_PART;
	watch->aside = watch->part || take == TW_TAKE_ASIDE;
	w->parts += watch->part;
	last = tw_watch_last(w, watch);
	if (last > w->last_frame)
		w->last_frame = last;
	if (!watch->part && last > w->whole_last)
		w->whole_last = last;
}

int tw_watchlist_build(struct tw_watchlist *w, const struct tw_interest *interest,
		       uint64_t interest_count, const uint8_t *take, uint64_t part_to)
{
	uint64_t n = 0, i;

	*w = (struct tw_watchlist){ .slots = SLOTS_START,
				    .interest = interest,
				    .part_to = part_to };
	/* Not steerable by a capture that was made to collide; without entropy, still right. */
	if (getrandom(&w->sieve.seed, sizeof(w->sieve.seed), GRND_NONBLOCK) !=
	    sizeof(w->sieve.seed))
		w->sieve.seed = UINT64_C(0x51ed270b9f3e4d17);
	for (i = 0; i < interest_count; i++)
		n += take[i] != TW_TAKE_NOT;
	if (n >= UINT32_MAX / 8 || interest_count > UINT32_MAX)
		return -ENOMEM;
	w->watch = calloc(n + 1, sizeof(*w->watch));
	w->slot = calloc(w->slots, sizeof(*w->slot));
	w->sieve.bits = calloc(1, SIEVE_BYTES(w->slots));
	w->sieve.mask = w->slots * SIEVE_BITS - 1;
	if (!w->watch || !w->slot || !w->sieve.bits) {
		tw_watchlist_free(w);
		return -ENOMEM;
	}
	w->next_first = UINT64_MAX;
	for (i = 0; i < interest_count; i++) {
		if (!take[i])
			continue;
		if (!w->count)
			w->first_frame = w->next_first = interest[i].first_frame;
		add(w, (uint32_t)i, take[i]);
	}
	return 0;
}

void tw_watchlist_free(struct tw_watchlist *w)
{
	uint32_t i;

	for (i = 0; w->watch && i < w->count; i++)
		tw_dossier_free(w->watch[i].dossier);
	free(w->watch);
	free(w->slot);
	free(w->sieve.bits);
	*w = (struct tw_watchlist){ 0 };
}

static void put(struct tw_watchlist *w, struct tw_watch_slot entry)
{
	const uint32_t mask = w->slots - 1,
		       bit = tw_sieve_bit(&w->sieve, (uint64_t)entry.tag << 32);
	uint32_t i = entry.tag & mask;

	while (w->slot[i].index)
		i = (i + 1) & mask;
	w->slot[i] = entry;
	w->sieve.bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

static bool is_over(const struct tw_watchlist *w, const struct tw_watch_slot *s, uint64_t frame)
{
	return tw_watch_last(w, &w->watch[s->index - 1]) < frame;
}

/* Drop what is over, and make the table and its sieve fit the rest. */
static int rebuild(struct tw_watchlist *w, uint64_t frame)
{
	struct tw_watch_slot *const old = w->slot, *slot;
	const uint32_t old_slots = w->slots;
	uint32_t live = 0, slots = SLOTS_START, i;
	uint64_t *sieve;

	for (i = 0; i < old_slots; i++)
		live += old[i].index && !is_over(w, &old[i], frame);
	while (slots < live * 4)
		slots *= 2;
	slot = calloc(slots, sizeof(*slot));
	sieve = calloc(1, SIEVE_BYTES(slots));
	if (!slot || !sieve) {
		free(slot);
		free(sieve);
		return -ENOMEM;
	}
	free(w->sieve.bits);
	w->sieve.bits = sieve;
	w->sieve.mask = slots * SIEVE_BITS - 1;
	w->slot = slot;
	w->slots = slots;
	w->used = live;
	for (i = 0; i < old_slots; i++)
		if (old[i].index && !is_over(w, &old[i], frame))
			put(w, old[i]);
	free(old);
	return 0;
}

int tw_watchlist_reach(struct tw_watchlist *w, uint64_t frame, uint64_t last)
{
	while (w->next_first <= last) {
		const struct tw_interest *in = tw_watch_interest(w, &w->watch[w->begun]);
		const uint32_t tag = tw_watchlist_tag(tw_tuple_flow(&in->tuple, w->sieve.seed));

		if (w->used * 2 >= w->slots && rebuild(w, frame))
			return -ENOMEM;
		w->begun++;
		w->used++;
		put(w, (struct tw_watch_slot){ tag, w->begun });
		if (tw_watch_last(w, &w->watch[w->begun - 1]) > w->live_to)
			w->live_to = tw_watch_last(w, &w->watch[w->begun - 1]);
		w->next_first = w->begun == w->count
					? UINT64_MAX
					: tw_watch_interest(w, &w->watch[w->begun])->first_frame;
	}
	return 0;
}

struct tw_watch *tw_watchlist_find(struct tw_watchlist *w, const struct tw_segment *s,
				   uint64_t flow, uint64_t frame)
{
	const uint32_t mask = w->slots - 1;
	struct tw_tuple t;
	uint32_t tag, i;

	tw_tuple_of(s, &t);
	tag = tw_watchlist_tag(flow ? flow : tw_tuple_flow(&t, w->sieve.seed));
	for (i = tag & mask; w->slot[i].index; i = (i + 1) & mask) {
		struct tw_watch *watch = &w->watch[w->slot[i].index - 1];

		const struct tw_interest *in = tw_watch_interest(w, watch);

		if (w->slot[i].tag == tag && frame >= in->first_frame &&
		    frame <= tw_watch_last(w, watch) && tw_tuple_equal(&in->tuple, &t))
			return watch;
	}
	return NULL;
}
