/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where triage keeps its records: two pools, one hash table over both, one ceiling over all.
 *
 * Pools are stretches of reserved address space: a record's address is one multiplication away from
 * its handle, memory is taken by the page as records are first written, and what is recycled is
 * warm. Large stretches ask for huge pages, because every packet lands on another record.
 *
 * The table is open addressing with linear probing. A slot holds 32 bits of the hash, from which both
 * its home and a first comparison come, so probing and rehashing never touch a record. Removal
 * moves later entries up; there are no tombstones.
 *
 * At the ceiling records go in this order: closed connections from the queue (their end is known, nothing
 * is lost), then, by a clock hand over the same pool, those without a packet since the hand's last
 * round. The latter are counted as evicted.
 */
#include "connection/triage_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define SLOTS_START  16384
#define SLOTS_SMALL  (1u << 17) /* a table up to here is at most a quarter full, */
#define SLOTS_SPARSE (1u << 20) /* up to here at most half, and above three quarters */
#define SLOTS_MANY   (4u << 20)
#define HUGE_FROM    ((size_t)8 << 20) /* a small capture must not pay for huge pages */
#define DROP_BYTES   ((size_t)1 << 20)
#define HANDLES_MAX  UINT32_C(0x7ffffff0)
#define QUEUE_TRIES  16
#define FETCH_AHEAD  16
#define RECORDS_MIN  64
#define CEILING_MIN  ((size_t)1 << 20)
#define HAND_SCANNED 4096 /* records that one eviction may look at before it takes any */

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Transparent huge pages for what lies beyond the small start. Only a hint: errors do not matter. */
static void prefer_huge(uint8_t *p, size_t bytes)
{
	if (bytes > HUGE_FROM)
		(void)madvise(p + HUGE_FROM, bytes - HUGE_FROM, MADV_HUGEPAGE);
}

static int pool_new(struct pool *p, uint32_t record_bytes, size_t bytes)
{
	uint64_t max = bytes / record_bytes;

	p->record_bytes = record_bytes;
	p->max = max > HANDLES_MAX ? HANDLES_MAX : (uint32_t)max;
	for (; p->max > RECORDS_MIN && !p->base; p->max /= 2) { /* where overcommit is forbidden */
		p->reserved = (size_t)p->max * record_bytes;
		p->base = reserve(p->reserved);
		if (p->base)
			break;
	}
	if (!p->base)
		return -ENOMEM;
	prefer_huge(p->base, p->reserved);
	return 0;
}

static struct slot *slots_new(uint64_t count)
{
	struct slot *s = reserve(count * sizeof(*s));

	if (s)
		prefer_huge((uint8_t *)s, count * sizeof(*s));
	return s;
}

int tw_triage_tables_new(struct tw_triage *t)
{
	size_t closed = t->ceiling / 4 / (sizeof(struct conn) + 2 * sizeof(struct slot));

	t->slot_count = SLOTS_START;
	t->slot = slots_new(t->slot_count);
	t->queue_max = closed < QUEUE_MAX ? (uint32_t)closed : QUEUE_MAX;
	t->queue = reserve(t->queue_max * sizeof(*t->queue));
	if (!t->slot || !t->queue || pool_new(&t->conns, sizeof(struct conn), t->ceiling) ||
	    pool_new(&t->halves, sizeof(struct half), t->ceiling))
		return -ENOMEM;
	return 0;
}

static void unmap(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

void tw_triage_index_free(struct tw_triage *t)
{
	unmap(t->slot, t->slot_count * sizeof(*t->slot));
	unmap(t->queue, t->queue_max * sizeof(*t->queue));
	t->slot = NULL;
	t->queue = NULL;
}

void tw_triage_pool_drop(struct pool *p, uint32_t handle)
{
	const size_t upto = (size_t)handle * p->record_bytes;

	if (upto % DROP_BYTES == 0)
		(void)madvise(p->base + upto - DROP_BYTES, DROP_BYTES, MADV_DONTNEED);
}

void tw_triage_pool_free(struct pool *p)
{
	unmap(p->base, p->reserved);
	p->base = NULL;
}

void tw_triage_tables_free(struct tw_triage *t)
{
	tw_triage_index_free(t);
	tw_triage_pool_free(&t->conns);
	tw_triage_pool_free(&t->halves);
}

size_t tw_triage_bytes(const struct tw_triage *t)
{
	return t->slot_count * sizeof(*t->slot) + t->queue_max * sizeof(*t->queue) +
	       (size_t)t->conns.used * sizeof(struct conn) +
	       (size_t)t->halves.used * sizeof(struct half) +
	       t->interest_room * sizeof(*t->interest);
}

/* --- the table --- */

struct slot *tw_triage_find(struct tw_triage *t, const struct tw_tuple *tuple, uint32_t tag)
{
	const uint64_t mask = t->slot_count - 1;
	uint64_t i = tag & mask;

	while (t->slot[i].handle &&
	       !(t->slot[i].tag == tag && handle_is_of(t, t->slot[i].handle, tuple)))
		i = (i + 1) & mask;
	return &t->slot[i];
}

static bool grow(struct tw_triage *t, uint64_t times)
{
	uint64_t count = t->slot_count * times, mask = count - 1, i;
	struct slot *more;

	if (tw_triage_bytes(t) + count * sizeof(*more) > t->ceiling)
		return false;
	more = slots_new(count);
	if (!more)
		return false;
	for (i = 0; i < t->slot_count; i++) {
		uint64_t to = t->slot[i].tag & mask;

		if (!t->slot[i].handle)
			continue;
		while (more[to].handle)
			to = (to + 1) & mask;
		more[to] = t->slot[i];
	}
	unmap(t->slot, t->slot_count * sizeof(*t->slot));
	t->slot = more;
	t->slot_count = count;
	t->moves++;
	return true;
}

bool tw_triage_slot_room(struct tw_triage *t)
{
	if (t->slots_used * 4 < t->slot_count)
		return true;
	if (t->slot_count > SLOTS_SMALL && t->slots_used * 2 < t->slot_count)
		return true;
	if (t->slot_count > SLOTS_SPARSE && t->slots_used + t->slots_used / 3 < t->slot_count)
		return true;
	/* A table that big is a flood's: one step less, and its memory need not be made twice. */
	if ((t->slot_count >= SLOTS_MANY && grow(t, 4)) || grow(t, 2))
		return true;
	return t->slots_used + t->slots_used / 16 < t->slot_count; /* crowded, but it works */
}

void tw_triage_slot_remove(struct tw_triage *t, uint32_t handle, uint32_t tag)
{
	const uint64_t mask = t->slot_count - 1;
	uint64_t hole = tag & mask, i;

	while (t->slot[hole].handle != handle)
		hole = (hole + 1) & mask;
	for (i = (hole + 1) & mask; t->slot[i].handle; i = (i + 1) & mask) {
		uint64_t home = t->slot[i].tag & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->slot[hole] = t->slot[i];
		hole = i;
	}
	t->slot[hole].handle = 0;
	t->slots_used--;
	t->moves++;
}

/* --- records --- */

/* The next never used record, which is all zeros; 0 at the end of the pool. */
static uint32_t pool_fresh(struct pool *p)
{
	if (p->used == p->max)
		return 0;
	p->live++;
	return ++p->used;
}

/*
 * May a pool take one more record from fresh memory? Neither kind can crowd the other out: halves stay
 * below three quarters of the ceiling, conns leave them an eighth.
 */
static bool may_grow(const struct tw_triage *t, const struct pool *p)
{
	size_t share = p == &t->halves ? t->ceiling / 4 * 3 : t->ceiling / 8 * 7;

	return (size_t)(p->used + 1) * p->record_bytes <= share &&
	       tw_triage_bytes(t) + p->record_bytes <= t->ceiling;
}

static bool recycle_oldest(struct tw_triage *t)
{
	while (t->queue_count) {
		uint32_t handle = t->queue[t->queue_head];
		struct conn *c = conn_at(t, handle);

		t->queue_head = t->queue_head + 1 == t->queue_max ? 0 : t->queue_head + 1;
		t->queue_count--;
		t->records_fetched -= t->records_fetched > 0;
		t->slots_fetched -= t->slots_fetched > 0;
		c->status &= ~(uint32_t)CONN_QUEUED;
		if (c->status & CONN_DEAD) {
			tw_triage_conn_free(t, handle);
			return true;
		}
		if (c->status & CONN_SHADOWED)
			continue; /* its successor settles it */
		if (c->status & CONN_TOUCHED) {
			tw_triage_queue(t, handle); /* it went on after all: a second round */
			return false;
		}
		tw_triage_settle(t, handle);
		return true;
	}
	return false;
}

static uint32_t queue_place(const struct tw_triage *t, uint32_t nth)
{
	const uint64_t at = (uint64_t)t->queue_head + nth;

	return at >= t->queue_max ? (uint32_t)(at - t->queue_max) : (uint32_t)at;
}

/*
 * What is oldest has not been touched for long. Some way ahead of those that are recycled their records are
 * fetched, and halfway there the slots, which the records name.
 */
PREFETCHES void prefetch_oldest(struct tw_triage *t)
{
	const struct conn *c;

	for (; t->records_fetched < 2 * FETCH_AHEAD && t->records_fetched < t->queue_count;
	     t->records_fetched++) {
		c = conn_at(t, t->queue[queue_place(t, t->records_fetched)]);
		__builtin_prefetch(c, 1);
		__builtin_prefetch((const char *)c + 64, 1);
	}
	for (; t->slots_fetched < FETCH_AHEAD && t->slots_fetched < t->records_fetched;
	     t->slots_fetched++) {
		c = conn_at(t, t->queue[queue_place(t, t->slots_fetched)]);
		__builtin_prefetch(&t->slot[c->tag & (t->slot_count - 1)], 1);
	}
}

void tw_triage_recycle(struct tw_triage *t, unsigned n)
{
	uint32_t excess, i;

	if (t->queue_count + n <= t->queue_max)
		return;
	excess = t->queue_count + n - t->queue_max;
	if (excess > t->queue_count)
		excess = t->queue_count;
	for (i = 0; i < excess; i++)
		recycle_oldest(t);
	prefetch_oldest(t);
}

void tw_triage_queue(struct tw_triage *t, uint32_t handle)
{
	int tries;

	for (tries = 0; tries < QUEUE_TRIES && t->queue_count == t->queue_max; tries++)
		recycle_oldest(t);
	if (t->queue_count == t->queue_max)
		return; /* the oldest went on and took its place anew: this one waits for the hand */
	t->queue[queue_place(t, t->queue_count)] = handle;
	t->queue_count++;
	conn_at(t, handle)->status |= CONN_QUEUED;
	conn_at(t, handle)->status &= ~(uint32_t)CONN_TOUCHED;
}

static bool evict_conn(struct tw_triage *t)
{
	uint32_t scanned;

	if (recycle_oldest(t))
		return true;
	for (scanned = 0; t->conns.used && scanned < t->conns.used * 2; scanned++) {
		struct conn *c;

		t->conns.hand = t->conns.hand >= t->conns.used ? 1 : t->conns.hand + 1;
		c = conn_at(t, t->conns.hand);
		if (!c->packets || c->status & (CONN_SHADOWED | CONN_QUEUED | CONN_DEAD))
			continue;
		if (c->status & CONN_TOUCHED && scanned < HAND_SCANNED) {
			c->status &= ~(uint32_t)CONN_TOUCHED;
			continue;
		}
		tw_triage_evict_conn(t, t->conns.hand);
		return true;
	}
	return false;
}

/* Half-open connections go in order of age: the pool's order, unless records were reused. */
static bool evict_half(struct tw_triage *t)
{
	uint32_t scanned;

	for (scanned = 0; scanned < t->halves.used; scanned++) {
		t->halves.hand = t->halves.hand >= t->halves.used ? 1 : t->halves.hand + 1;
		if (!half_at(t, t->halves.hand)->syns)
			continue;
		tw_triage_evict_half(t, t->halves.hand | HANDLE_HALF);
		return true;
	}
	return false;
}

struct conn *tw_triage_conn_new(struct tw_triage *t, uint32_t *handle)
{
	struct pool *p = &t->conns;
	struct conn *c;

	if (!p->free_head && !may_grow(t, p))
		while (!p->free_head && evict_conn(t))
			;
	*handle = p->free_head;
	if (*handle) {
		c = conn_at(t, *handle);
		p->free_head = c->tag;
		p->live++;
		*c = (struct conn){ 0 };
		return c;
	}
	*handle = may_grow(t, p) ? pool_fresh(p) : 0;
	return *handle ? conn_at(t, *handle) : NULL;
}

struct half *tw_triage_half_new(struct tw_triage *t, uint32_t *handle)
{
	struct pool *p = &t->halves;
	struct half *h;

	if (!p->free_head && !may_grow(t, p))
		evict_half(t);
	*handle = p->free_head;
	if (*handle) {
		h = half_at(t, *handle);
		p->free_head = h->seq;
		p->live++;
		*h = (struct half){ 0 };
		*handle |= HANDLE_HALF;
		return h;
	}
	*handle = may_grow(t, p) ? pool_fresh(p) : 0;
	if (!*handle)
		return NULL;
	*handle |= HANDLE_HALF;
	return half_at(t, *handle);
}

void tw_triage_conn_free(struct tw_triage *t, uint32_t handle)
{
	struct conn *c = conn_at(t, handle);

	c->packets = 0;
	c->status = 0;
	c->tag = t->conns.free_head;
	t->conns.free_head = handle;
	t->conns.live--;
}

void tw_triage_half_free(struct tw_triage *t, uint32_t handle)
{
	struct half *h = half_at(t, handle);

	h->syns = 0;
	h->seq = t->halves.free_head;
	t->halves.free_head = handle & ~HANDLE_HALF;
	t->halves.live--;
}

/* ---- all of it ---- */

struct tw_triage *tw_triage_new(const struct tw_triage_config *config)
{
	struct tw_triage *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->config = *config;
	t->coming = t->batch[0];
	t->here = t->batch[1];
	t->half_open_max = TW_HALF_OPEN_LISTED;
	t->ceiling = config->memory_bytes;
	if (!t->ceiling) {
		long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

		t->ceiling =
			pages > 0 && page > 0 ? (size_t)pages / 4 * (size_t)page : (size_t)1 << 30;
	}
	if (t->ceiling < CEILING_MIN)
		t->ceiling = CEILING_MIN;
	/* Not steerable by a capture that was made to collide; without entropy, still right. */
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = UINT64_C(0x9e3779b97f4a7c15);
	if (tw_triage_tables_new(t)) {
		tw_triage_free(t);
		return NULL;
	}
	return t;
}

void tw_triage_free(struct tw_triage *t)
{
	if (!t)
		return;
	tw_triage_tables_free(t);
	free(t->interest);
	free(t->group);
	free(t);
}
