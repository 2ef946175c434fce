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
 * last one. Most frames belong to none. The table goes by a frame's flow (tw_decode_flows()), which is
 * known without decoding it, and is sparse while it is small: an empty slot is the usual answer.
 */
#include "diagnose/session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define SLOTS_START  256
#define SLOTS_SPARSE 16384 /* up to here, one slot of 8 is taken at most, and one of 2 above */

int tw_watchlist_build(struct tw_watchlist *w, const struct tw_interest *interest,
		       uint64_t interest_count, const uint8_t *take)
{
	uint64_t n = 0, i;

	*w = (struct tw_watchlist){ .slots = SLOTS_START, .interest = interest };
	/* Not steerable by a capture that was made to collide; without entropy, still right. */
	if (getrandom(&w->seed, sizeof(w->seed), GRND_NONBLOCK) != sizeof(w->seed))
		w->seed = UINT64_C(0x51ed270b9f3e4d17);
	for (i = 0; i < interest_count; i++)
		n += take[i] != TW_TAKE_NOT;
	if (n >= UINT32_MAX / 8 || interest_count > UINT32_MAX)
		return -ENOMEM;
	w->watch = calloc(n + 1, sizeof(*w->watch));
	w->slot = calloc(w->slots, sizeof(*w->slot));
	if (!w->watch || !w->slot) {
		tw_watchlist_free(w);
		return -ENOMEM;
	}
	w->next_first = UINT64_MAX;
	for (i = 0; i < interest_count; i++) {
		if (!take[i])
			continue;
		if (!w->count)
			w->first_frame = w->next_first = interest[i].first_frame;
		if (interest[i].last_frame > w->last_frame)
			w->last_frame = interest[i].last_frame;
		w->watch[w->count].interest = (uint32_t)i;
		w->watch[w->count++].aside = take[i] == TW_TAKE_ASIDE;
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
	*w = (struct tw_watchlist){ 0 };
}

static void put(struct tw_watch_slot *slot, uint32_t mask, struct tw_watch_slot entry)
{
	uint32_t i = entry.tag & mask;

	while (slot[i].index)
		i = (i + 1) & mask;
	slot[i] = entry;
}

static bool is_over(const struct tw_watchlist *w, const struct tw_watch_slot *s, uint64_t frame)
{
	return tw_watch_interest(w, &w->watch[s->index - 1])->last_frame < frame;
}

/* Drop what is over, and make the table fit the rest. */
static int rebuild(struct tw_watchlist *w, uint64_t frame)
{
	uint32_t live = 0, slots = SLOTS_START, i;
	struct tw_watch_slot *slot;

	for (i = 0; i < w->slots; i++)
		live += w->slot[i].index && !is_over(w, &w->slot[i], frame);
	while (slots < live * (slots < SLOTS_SPARSE ? 16 : 4))
		slots *= 2;
	slot = calloc(slots, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	for (i = 0; i < w->slots; i++)
		if (w->slot[i].index && !is_over(w, &w->slot[i], frame))
			put(slot, slots - 1, w->slot[i]);
	free(w->slot);
	w->slot = slot;
	w->slots = slots;
	w->used = live;
	return 0;
}

int tw_watchlist_reach(struct tw_watchlist *w, uint64_t frame)
{
	while (w->next_first <= frame) {
		const struct tw_interest *in = tw_watch_interest(w, &w->watch[w->begun]);
		const uint32_t tag = tw_watchlist_tag(tw_tuple_flow(&in->tuple, w->seed));

		if (w->used * (w->slots < SLOTS_SPARSE ? 8 : 2) >= w->slots && rebuild(w, frame))
			return -ENOMEM;
		w->begun++;
		w->used++;
		put(w->slot, w->slots - 1, (struct tw_watch_slot){ tag, w->begun });
		if (in->last_frame > w->live_to)
			w->live_to = in->last_frame;
		w->next_first = w->begun == w->count
					? UINT64_MAX
					: tw_watch_interest(w, &w->watch[w->begun])->first_frame;
	}
	return 0;
}

struct tw_watch *tw_watchlist_find(struct tw_watchlist *w, const struct tw_segment *s,
				   uint64_t frame)
{
	const uint32_t mask = w->slots - 1;
	struct tw_tuple t;
	uint32_t tag, i;

	tw_tuple_of(s, &t);
	tag = tw_watchlist_tag(tw_tuple_flow(&t, w->seed));
	for (i = tag & mask; w->slot[i].index; i = (i + 1) & mask) {
		struct tw_watch *watch = &w->watch[w->slot[i].index - 1];

		const struct tw_interest *in = tw_watch_interest(w, watch);

		if (w->slot[i].tag == tag && frame >= in->first_frame && frame <= in->last_frame &&
		    tw_tuple_equal(&in->tuple, &t))
			return watch;
	}
	return NULL;
}
