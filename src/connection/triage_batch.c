/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Batches of packets on their way through the triage.
 *
 * A batch runs in rounds, and its last round comes with the next batch, so that memory is on its way while
 * something else is done: the slots while the batch before is worked off, the records while the next
 * one is read and decoded.
 *
 *	batch n			read, decode, hash
 *				fetch slots
 *	    batch n - 1		    update
 *				recycle
 *				read slots, fetch records
 *	batch n + 1		read, decode, hash
 *				fetch slots
 *	    batch n		    update ...
 *
 * Slots move only when records are recycled (and when something is evicted or the table grows, which the
 * update notices): what was read before the update holds in it.
 */
#include "connection/triage_private.h"

#include "base/duration.h"

#include <string.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define CLOCK_STEP_NS TW_NS_PER_MS

static void follow_clock(struct tw_triage *t, const struct tw_brief *b, unsigned n)
{
	struct tw_triage_result *res = &t->result;
	unsigned i;

	if (!t->started && n) {
		t->started = true;
		t->now_ns = t->clock_ns = res->first_ns = b[0].time_ns;
	}
	for (i = 0; i < n; i++) {
		const int64_t back = t->clock_ns - b[i].time_ns;

		if (likely(back <= 0)) {
			t->clock_ns = b[i].time_ns;
			t->section = b[i].section;
		} else if (b[i].section != t->section) {
			t->section = b[i].section;
			t->clock_ns = b[i].time_ns;
		} else if (back > CLOCK_STEP_NS) {
			res->clock_backward = true;
			if (back > res->clock_step_ns)
				res->clock_step_ns = back;
		}
	}
	if (t->clock_ns > t->now_ns)
		t->now_ns = t->clock_ns;
	res->last_ns = t->now_ns;
}

static void look_for_acks(struct tw_triage *t, const struct tw_brief *b, unsigned n)
{
	unsigned i;

	for (i = 0; i < n && !t->acks_seen; i++)
		t->acks_seen = b[i].kind == TW_SEG_TCP && !b[i].payload_bytes &&
			       (b[i].flags & (TW_SYN | TW_FIN | TW_RST | TW_ACK)) == TW_ACK;
}

/* The slots of the batch to come, on their way to the cache. */
PREFETCHES void prefetch_slots(const struct tw_triage *t, unsigned n)
{
	const uint64_t mask = t->slot_count - 1;
	unsigned i;

	for (i = 0; i < n; i++)
		__builtin_prefetch(&t->slot[t->coming[i].tag & mask]);
}

/* Does a search for @tag end at @s: is it of that tag, or empty? A product, so that it is one branch. */
static inline bool ends_at(const struct slot *s, uint32_t tag)
{
	return (uint64_t)(s->tag ^ tag) * s->handle == 0;
}

/* A record on its way to the cache: of either kind, or (@handle 0) one that will not be needed. */
static inline __attribute__((always_inline)) void prefetch_record(const struct tw_triage *t,
								  uint32_t handle)
{
	const bool half = handle & HANDLE_HALF;
	const uint8_t *base = half ? t->halves.base : t->conns.base;
	const uint64_t index = (handle & ~HANDLE_HALF) - (uint64_t)(handle != 0);
	const uint8_t *record = base + (index << (half ? HALF_SHIFT : CONN_SHIFT));

	__builtin_prefetch(record, 1);
	__builtin_prefetch(record + (half ? 0 : 64), 1);
}

/*
 * What the table has for each, and the records of that: a wrong guess costs nothing but time. Without
 * branches as far as can be: which of the packets are the first ones of connections is any guess.
 */
static inline __attribute__((always_inline)) void locate(struct tw_triage *t)
{
	const uint64_t mask = t->slot_count - 1;
	unsigned i;

	for (i = 0; i < t->here_count; i++) {
		const uint32_t tag = t->here[i].tag;
		uint64_t at = tag & mask;

		at = (at + !ends_at(&t->slot[at], tag)) & mask; /* home, or next door? */
		while (unlikely(!ends_at(&t->slot[at], tag)))
			at = (at + 1) & mask;
		t->at[i] = at;
		prefetch_record(t, t->slot[at].handle);
	}
	t->moves_before = t->moves;
}

struct tw_brief *tw_triage_room(struct tw_triage *t)
{
	return t->coming;
}

uint64_t tw_triage_seed(const struct tw_triage *t)
{
	return t->seed;
}

void tw_triage_feed(struct tw_triage *t, unsigned n)
{
	struct tw_brief *const worked_off = t->here;

	prefetch_slots(t, n);
	tw_triage_work_off(t);
	follow_clock(t, t->coming, n);
	if (unlikely(!t->acks_seen))
		look_for_acks(t, t->coming, n);
	tw_triage_recycle(t, n);
	t->here = t->coming;
	t->here_count = n;
	t->coming = worked_off;
	locate(t);
}

const struct tw_triage_result *tw_triage_finish(struct tw_triage *t)
{
	tw_triage_work_off(t);
	return tw_triage_conclude(t);
}
