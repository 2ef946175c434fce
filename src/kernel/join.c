/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which finding of the kernel belongs to which of the packets. The kernel is the faster one: it is told at once
 * of what the packets show only by what does not come.
 *
 *	kernel's finding --> WAITING --SETTLE_NS--> the packets of its connection are judged, too --> joined
 *	                        |                   there are none --> told alone
 *	packets' finding -------+--> joined at once
 *	packets' finding, nothing waits --> told alone
 *
 * SETTLE_NS lets packets that are on their way from the ring arrive. A finding that is not the end of its
 * connection (CLOSE_WAIT for long, a full queue, a dropped segment) is told alone, as its packets go on.
 *
 * What was told stays in the table, so that the other side does not tell the same connection once more. It is
 * the same one if it had begun by then: ports are used again. That a connection fails is told even so, if all that
 * was told before is that something is wrong with it.
 *
 * Bounded: ENTRIES_MAX; the oldest goes, and is told if it still waited.
 */
#include "kernel/join.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS     4096
#define ENTRIES_MAX 8192
#define SETTLE_NS   (200LL * 1000 * 1000)
#define CLEAN_NS    (10LL * 1000 * 1000 * 1000) /* a clean end waits for the packets' own end */

struct entry {
	struct entry *next;           /* in the bucket */
	struct entry *before, *after; /* by age */
	struct tw_tuple tuple;
	struct tw_finding *waiting; /* of the kernel; NULL: told, or not worth it */
	int64_t came_ns, due_ns;
	int64_t told_end_ns; /* of what was told, CLOCK_REALTIME */
	enum tw_outcome told;
	const char *told_slug; /* static; NULL: unknown, or clean */
};

struct tw_join {
	struct tw_join_config config;
	struct entry *bucket[BUCKETS];
	struct entry ring; /* its after is the oldest */
	unsigned count;
	int64_t now_ns;
};

struct tw_join *tw_join_new(const struct tw_join_config *config)
{
	struct tw_join *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->config = *config;
	j->ring.before = j->ring.after = &j->ring;
	return j;
}

/* ---- the table ---- */

static struct entry **bucket_of(struct tw_join *j, const struct tw_tuple *t)
{
	return &j->bucket[tw_tuple_hash(t, 1) % BUCKETS];
}

static void tuple_of(const struct tw_finding *f, struct tw_tuple *t)
{
	struct tw_segment ends = {
		.src = f->addr[TW_CLIENT],
		.dst = f->addr[TW_SERVER],
		.sport = f->port[TW_CLIENT],
		.dport = f->port[TW_SERVER],
	};

	tw_tuple_of(&ends, t);
}

static struct entry *find(struct tw_join *j, const struct tw_tuple *t)
{
	struct entry *e;

	for (e = *bucket_of(j, t); e; e = e->next)
		if (tw_tuple_equal(&e->tuple, t))
			return e;
	return NULL;
}

static void forget(struct tw_join *j, struct entry *e)
{
	struct entry **at = bucket_of(j, &e->tuple);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	e->before->after = e->after;
	e->after->before = e->before;
	j->count--;
	tw_finding_free(e->waiting);
	free(e);
}

void tw_join_free(struct tw_join *j)
{
	if (!j)
		return;
	while (j->ring.after != &j->ring)
		forget(j, j->ring.after);
	free(j);
}

static const char *slug_of(const struct tw_finding *f)
{
	return f->phenomenon ? f->phenomenon->slug : NULL;
}

static void tell(struct tw_join *j, struct entry *e, struct tw_finding *f)
{
	if (f->match.outcome == TW_OUTCOME_CLEAN && !j->config.all) {
		tw_finding_free(f);
		return;
	}
	if (e) {
		e->told_end_ns = f->start_ns + f->duration_ns;
		e->told = f->match.outcome;
		e->told_slug = slug_of(f);
	}
	j->config.finding(j->config.user, f);
}

static void tell_waiting(struct tw_join *j, struct entry *e)
{
	struct tw_finding *f = e->waiting;

	e->waiting = NULL;
	tell(j, e, f);
}

static struct entry *make(struct tw_join *j, const struct tw_tuple *t)
{
	struct entry *e = find(j, t), **head = bucket_of(j, t);

	if (e) {
		if (e->waiting)
			tell_waiting(j, e);
		forget(j, e);
	}
	while (j->count >= ENTRIES_MAX) {
		e = j->ring.after;
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed left the ring before. */
		if (e->waiting)
			tell_waiting(j, e);
		forget(j, e);
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->tuple = *t;
	e->came_ns = j->now_ns;
	e->next = *head;
	*head = e;
	e->before = j->ring.before;
	e->after = &j->ring;
	e->before->after = j->ring.before = e;
	j->count++;
	return e;
}

/* ---- the kernel's side ---- */

/* Is it the connection's end, or only a stage of it? */
static bool is_end(const struct tw_finding *f)
{
	const struct tw_facts *k = &f->facts;

	return tw_known(k, TW_F_K_ERROR) || tw_known(k, TW_F_K_RST_SIDE) ||
	       tw_known(k, TW_F_K_RST_IN) || tw_known(k, TW_F_K_EXIT_SIDE) ||
	       tw_known(k, TW_F_K_GAVE_UP) || tw_known(k, TW_F_K_CLOSED);
}

/* Was this connection told already? A new one on the same ports began later. */
static bool was_told(const struct entry *e, const struct tw_finding *f)
{
	return e && !e->waiting && e->told_end_ns && f->start_ns <= e->told_end_ns;
}

void tw_join_kernel(struct tw_join *j, struct tw_finding *f, int64_t now_ns)
{
	struct entry *e;
	struct tw_tuple t;

	j->now_ns = now_ns;
	tuple_of(f, &t);
	/* Another namespace's 127.0.0.1 has no packets here; a listener has none at all. */
	if ((f->netns && f->netns != j->config.netns) || !t.port[0] || !t.port[1]) {
		tell(j, NULL, f);
		return;
	}
	e = find(j, &t);
	if (was_told(e, f) && is_end(f) && e->told_slug == slug_of(f)) {
		tw_finding_free(f);
		return;
	}
	e = make(j, &t);
	if (!e) {
		tell(j, NULL, f);
		return;
	}
	e->waiting = f;
	e->due_ns = now_ns + SETTLE_NS;
}

/* Its packets have had their time. */
static void settle(struct tw_join *j, struct entry *e, int64_t now_ns)
{
	const enum tw_flow_state state = j->config.state(j->config.user, &e->tuple);
	const bool clean = e->waiting->match.outcome == TW_OUTCOME_CLEAN;

	if (clean && state == TW_FLOW_OPEN && now_ns != INT64_MAX &&
	    now_ns - e->came_ns < CLEAN_NS) {
		e->due_ns = now_ns + SETTLE_NS;
		return;
	}
	/* The finding of the packets comes from within, and takes away what waits. */
	if (state != TW_FLOW_NONE && is_end(e->waiting))
		j->config.judge(j->config.user, &e->tuple);
	if (e->waiting)
		tell_waiting(j, e);
}

void tw_join_tick(struct tw_join *j, int64_t now_ns)
{
	struct entry *e = j->ring.before;

	if (now_ns != INT64_MAX)
		j->now_ns = now_ns;
	/* Back to those that are too old to wait still, then in the order in which they came. */
	while (e != &j->ring && (e->waiting || j->now_ns - e->came_ns <= CLEAN_NS + SETTLE_NS))
		e = e->before;
	for (e = e->after; e != &j->ring; e = e->after)
		if (e->waiting && e->due_ns <= now_ns)
			settle(j, e, now_ns);
}

/* ---- the packets' side ---- */

void tw_join_packets(struct tw_join *j, struct tw_finding *f)
{
	struct entry *e;
	struct tw_finding *kernel;
	struct tw_tuple t;

	tuple_of(f, &t);
	e = find(j, &t);
	if (e && e->waiting) {
		kernel = e->waiting;
		e->waiting = NULL;
		tell(j, e, tw_join_merge(f, kernel));
	} else if (j->config.need_kernel ||
		   (was_told(e, f) && (e->told == TW_OUTCOME_FAILED || e->told_slug == slug_of(f) ||
				       f->match.outcome != TW_OUTCOME_FAILED))) {
		tw_finding_free(f);
	} else if (f->match.outcome == TW_OUTCOME_CLEAN) {
		tell(j, NULL, f);
	} else {
		tell(j, make(j, &t), f);
	}
}
