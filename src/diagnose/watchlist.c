/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watch list of the second look: which connection does a frame belong to, if to any of interest?
 *
 * A frame belongs to the watched connection of its tuple whose [first_frame, last_frame] holds its
 * number; connections of one tuple follow each other and never overlap. Nearly all frames of a large file
 * belong to none, so a bitmap over the tuple hash, small enough for the cache, answers first.
 */
#include "diagnose/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define BLOOM_BITS_PER_WATCH 16
#define BLOOM_BITS_MIN	     4096

static uint64_t power_of_two(uint64_t at_least)
{
	uint64_t n = 1;

	while (n < at_least)
		n <<= 1;
	return n;
}

static uint32_t *slot_of(struct tw_watchlist *w, const struct tw_tuple *t, uint64_t hash)
{
	uint64_t i = hash & w->slot_mask;

	while (w->slot[i] && !tw_tuple_equal(&w->watch[w->slot[i] - 1].interest->tuple, t))
		i = (i + 1) & w->slot_mask;
	return &w->slot[i];
}

static void insert(struct tw_watchlist *w, uint32_t index)
{
	const struct tw_interest *in = w->watch[index].interest;
	uint64_t hash = tw_tuple_hash(&in->tuple, w->seed);
	uint64_t bit = hash >> 32 & w->bloom_mask;
	uint32_t *slot = slot_of(w, &in->tuple, hash);

	w->bloom[bit / 64] |= UINT64_C(1) << bit % 64;
	w->watch[index].next = *slot;
	*slot = index + 1;
	if (!w->first_frame || in->first_frame < w->first_frame)
		w->first_frame = in->first_frame;
	if (in->last_frame > w->last_frame)
		w->last_frame = in->last_frame;
}

int tw_watchlist_build(struct tw_watchlist *w, const struct tw_interest *interest,
		       uint64_t interest_count, const bool *take)
{
	uint64_t n = 0, i;

	*w = (struct tw_watchlist){ 0 };
	/* Not steerable by a capture that was made to collide; without entropy, still right. */
	if (getrandom(&w->seed, sizeof(w->seed), GRND_NONBLOCK) != sizeof(w->seed))
		w->seed = UINT64_C(0x51ed270b9f3e4d17);
	for (i = 0; i < interest_count; i++)
		n += take[i];
	if (n >= UINT32_MAX / 4)
		return -ENOMEM;
	w->slot_mask = power_of_two(n * 2 + 2) - 1;
	w->bloom_mask = power_of_two(n * BLOOM_BITS_PER_WATCH + BLOOM_BITS_MIN) - 1;
	w->watch = calloc(n + 1, sizeof(*w->watch));
	w->slot = calloc(w->slot_mask + 1, sizeof(*w->slot));
	w->bloom = calloc((w->bloom_mask + 1) / 64, sizeof(*w->bloom));
	if (!w->watch || !w->slot || !w->bloom) {
		tw_watchlist_free(w);
		return -ENOMEM;
	}
	for (i = 0; i < interest_count; i++) {
		if (!take[i])
			continue;
		w->watch[w->count].interest = &interest[i];
		insert(w, w->count);
		w->count++;
	}
	return 0;
}

void tw_watchlist_free(struct tw_watchlist *w)
{
	uint32_t i;

	for (i = 0; i < w->count; i++)
		tw_dossier_free(w->watch[i].dossier);
	free(w->watch);
	free(w->slot);
	free(w->bloom);
	*w = (struct tw_watchlist){ 0 };
}

size_t tw_watchlist_bytes(const struct tw_watchlist *w)
{
	return w->count * sizeof(*w->watch) + (w->slot_mask + 1) * sizeof(*w->slot) +
	       (w->bloom_mask + 1) / 8;
}

struct tw_watch *tw_watchlist_find(struct tw_watchlist *w, const struct tw_segment *s,
				   uint64_t frame)
{
	struct tw_tuple t;
	uint64_t hash, bit;
	uint32_t i;

	tw_tuple_of(s, &t);
	hash = tw_tuple_hash(&t, w->seed);
	bit = hash >> 32 & w->bloom_mask;
	if (!(w->bloom[bit / 64] >> bit % 64 & 1))
		return NULL;
	for (i = *slot_of(w, &t, hash); i; i = w->watch[i - 1].next) {
		struct tw_watch *watch = &w->watch[i - 1];

		if (frame >= watch->interest->first_frame && frame <= watch->interest->last_frame)
			return watch;
	}
	return NULL;
}
