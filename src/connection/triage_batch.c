/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Batches of packets on their way through the triage.
 *
 * A batch runs in rounds, and its last round comes with the next batch, so that memory is on its way while
 * something else is done: the slots while the batch before is worked off, the records while the next
 * one is read and decoded.
 *
 *	batch n			read, decode
 *				hash, fetch slots
 *	    batch n - 1		    update
 *				recycle
 *				read slots, fetch records
 *	batch n + 1		read, decode
 *				hash, fetch slots
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

static void follow_clock(struct tw_triage *t, const struct tw_frame *frames, unsigned n)
{
	struct tw_triage_result *res = &t->result;
	unsigned i;

	if (!t->started && n) {
		t->started = true;
		t->now_ns = t->clock_ns = res->first_ns = frames[0].time_ns;
	}
	for (i = 0; i < n; i++) {
		const int64_t back = t->clock_ns - frames[i].time_ns;

		if (likely(back <= 0)) {
			t->clock_ns = frames[i].time_ns;
			t->section = frames[i].section;
		} else if (frames[i].section != t->section) {
			t->section = frames[i].section;
			t->clock_ns = frames[i].time_ns;
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

/* tw_tuple_of() and tag_of(), for what nearly all packets are: an IPv4 endpoint fits one word. */
static inline void prepare_v4(struct packet *p, const struct tw_segment *s, uint64_t seed)
{
	const uint64_t src = endpoint_v4(&s->src, s->sport), dst = endpoint_v4(&s->dst, s->dport);
	const bool sender = src > dst;
	const uint64_t swap = -(uint64_t)sender, differ = (src ^ dst) & swap, zero = 0;
	uint64_t from, to, both;

	memcpy(&from, s->src.b + 8, sizeof(from));
	memcpy(&to, s->dst.b + 8, sizeof(to));
	both = (from ^ to) & swap;
	from ^= both;
	to ^= both;
	memcpy(p->tuple.addr[0].b, &zero, sizeof(zero));
	memcpy(p->tuple.addr[0].b + 8, &from, sizeof(from));
	memcpy(p->tuple.addr[1].b, &zero, sizeof(zero));
	memcpy(p->tuple.addr[1].b + 8, &to, sizeof(to));
	p->tuple.port[0] = (uint16_t)(src ^ differ);
	p->tuple.port[1] = (uint16_t)(dst ^ differ);
	p->sender = sender;
	p->tag = tag_of_v4(src ^ differ, dst ^ differ, seed);
}

/* What is needed of the segments when the next batch is fed, and the slots on their way to the cache. */
static void prepare(struct tw_triage *t, const struct tw_frame *frames,
		    const struct tw_segment *segs, unsigned n)
{
	const uint64_t mask = t->slot_count - 1;
	struct packet *p = t->coming;
	unsigned i;

	for (i = 0; i < n; i++) {
		const struct tw_segment *s = &segs[i];

		if (unlikely(s->kind != TW_SEG_TCP && s->kind != TW_SEG_ICMP_ERROR))
			continue;
		p->ipv4 = s->ip_version == 4;
		if (likely(p->ipv4)) {
			prepare_v4(p, s, t->seed);
		} else {
			p->sender = (uint8_t)tw_tuple_of(s, &p->tuple);
			p->tag = tag_of(&p->tuple, t->seed);
		}
		__builtin_prefetch(&t->slot[p->tag & mask]);
		p->time_ns = frames[i].time_ns;
		p->number = frames[i].number;
		p->seq = s->seq;
		p->ack = s->ack;
		p->payload_bytes = s->payload_bytes;
		p->flags = s->flags;
		p->window = s->window;
		p->is_icmp = s->kind == TW_SEG_ICMP_ERROR;
		p++;
	}
	t->coming_count = (unsigned)(p - t->coming);
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
		struct packet *p = &t->here[i];
		uint64_t at = p->tag & mask;

		at = (at + !ends_at(&t->slot[at], p->tag)) & mask; /* home, or next door? */
		while (unlikely(!ends_at(&t->slot[at], p->tag)))
			at = (at + 1) & mask;
		p->at = at;
		prefetch_record(t, t->slot[at].handle);
	}
	t->moves_before = t->moves;
}

void tw_triage_feed(struct tw_triage *t, const struct tw_frame *frames,
		    const struct tw_segment *segs, unsigned n)
{
	struct packet *const worked_off = t->here;

	prepare(t, frames, segs, n);
	tw_triage_work_off(t);
	follow_clock(t, frames, n);
	tw_triage_recycle(t, n);
	t->here = t->coming;
	t->here_count = t->coming_count;
	t->coming = worked_off;
	locate(t);
}

const struct tw_triage_result *tw_triage_finish(struct tw_triage *t)
{
	tw_triage_work_off(t);
	return tw_triage_conclude(t);
}
