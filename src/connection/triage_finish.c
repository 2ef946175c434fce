/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a record means in the end: clean, or why it deserves the second look; and the lists of the result.
 *
 * An interest is written when its connection is settled: recycled, evicted, replaced on its tuple, or
 * left over at the end of the input. The list is sorted by stream once, at the end.
 */
#include "connection/hosts.h"
#include "connection/triage_private.h"

#include <stdlib.h>
#include <string.h>

#define INTEREST_MIN   256
#define PACKETS_MAX    0xffffffu
#define STREAM_BYTES   (UINT32_C(256) << 10)
#define STREAM_PACKETS 8
#define STREAM_MAX     ((UINT64_C(1) << 40) - 1)

/* --- one connection --- */

/* Still open at the end of the capture: does anybody wait for something? */
static bool is_waiting(const struct tw_triage *t, const struct conn *c)
{
	const int64_t settle = t->config.settle_ns;

	if (!(c->status & CONN_SPOKE))
		return t->now_ns - c->first_ns > settle;
	if (t->now_ns - c->payload_ns <= settle)
		return false;
	if (is_long(c, 0, c->next[0]) || is_long(c, 1, c->next[1]))
		return true; /* for the rest */
	/* The server had the last word: an answer, if it was asked. Else it is hard to say. */
	return !(c->status & CONN_CLIENT_KNOWN) || conn_speaker(c) == conn_client(c) ||
	       c->next[conn_client(c)] == c->base[conn_client(c)] + 1;
}

/*
 * Still open, and one end's host is asked for by the other, and is not there any more. What that end sends
 * leaves no packet then: the connection shows nothing but silence.
 */
static bool is_deserted(const struct tw_triage *t, const struct conn *c)
{
	int side;

	for (side = 0; t->config.hosts && side < 2; side++) {
		const struct tw_gone g =
			tw_hosts_gone(t->config.hosts, &c->tuple.addr[side], &c->tuple.addr[!side]);

		if (g.requests >= TW_GONE_MIN && c->last_ns <= g.first_ns)
			return true;
	}
	return false;
}

static bool all_acknowledged(const struct conn *c)
{
	const int both = SIDE_NEXT | SIDE_ACK;

	return side_has(c, 0, both) && side_has(c, 1, both) && c->acked[0] == c->next[1] &&
	       c->acked[1] == c->next[0];
}

int tw_triage_decide(const struct tw_triage *t, const struct conn *c, bool end)
{
	const uint32_t fins = c->status & (SIDE_FIN | SIDE_FIN << 8);

	if (t->config.have_stream && c->stream == t->config.stream)
		return TW_WANT_DOSSIER;
	if (c->status & CONN_HALF_OPEN)
		return TW_WANT_HALF_OPEN;
	if (c->status & CONN_ODD)
		return TW_WANT_DOSSIER;
	if (!all_acknowledged(c))
		return TW_WANT_DOSSIER;
	if (!(c->status & CONN_CLOSED) &&
	    (fins || (end && (is_waiting(t, c) || is_deserted(t, c)))))
		return TW_WANT_DOSSIER;
	return c->status & CONN_LOSS ? TW_WANT_LOSS : 0;
}

/* A place in the list, or NULL: then the list has its share of the ceiling. */
static struct tw_interest *interest_new(struct tw_triage *t)
{
	struct tw_triage_result *res = &t->result;

	if (res->interest_count == t->interest_room) {
		uint64_t room = t->interest_room ? t->interest_room * 2 : INTEREST_MIN;
		struct tw_interest *more;

		if (room * sizeof(*more) > t->ceiling / 2)
			return NULL;
		more = realloc(t->interest, room * sizeof(*more));
		if (!more)
			return NULL;
		t->interest = more;
		t->interest_room = room;
	}
	return &t->interest[res->interest_count++];
}

static bool note_interest(struct tw_triage *t, const struct conn *c, int reason)
{
	struct tw_interest *in = interest_new(t);

	if (!in) {
		t->result.evicted++;
		t->result.evicted_undecided++;
		return false;
	}
	*in = (struct tw_interest){
		.tuple = c->tuple,
		.stream = c->stream & STREAM_MAX,
		.loss_at = c->loss_at < TW_LOSS_AT_MAX ? c->loss_at : TW_LOSS_AT_MAX,
		.first_frame = c->first_frame,
		.last_frame = c->last_frame,
		.packets = c->packets < PACKETS_MAX ? c->packets : PACKETS_MAX,
		.reason = (unsigned)reason & 15,
		.kin = tw_triage_kin_of(c) & 15,
	};
	return true;
}

/* --- half-open connections that are too many to be listed --- */

/* The group of a server endpoint, or NULL when there are too many. */
static struct tw_half_open_group *group_of(struct tw_triage *t, const struct tw_addr *server,
					   uint16_t port)
{
	struct tw_triage_result *res = &t->result;
	uint64_t w[2];
	uint32_t i;

	if (t->last_group && t->last_group->port == port &&
	    tw_addr_equal(&t->last_group->server, server))
		return t->last_group;
	if (!t->group)
		t->group = calloc(TRIAGE_GROUPS_MAX, sizeof(*t->group));
	if (!t->group)
		return NULL;
	memcpy(w, server->b, sizeof(w));
	w[1] = (w[0] ^ w[1] ^ t->seed ^ port) * UINT64_C(0x9e3779b97f4a7c15);
	for (i = (w[1] ^ w[1] >> 32) % TRIAGE_GROUP_SLOTS; t->group_slot[i];
	     i = (i + 1) % TRIAGE_GROUP_SLOTS) {
		struct tw_half_open_group *g = &t->group[t->group_slot[i] - 1];

		if (g->port == port && tw_addr_equal(&g->server, server))
			return t->last_group = g;
	}
	if (res->half_open_groups == TRIAGE_GROUPS_MAX)
		return NULL;
	t->group[res->half_open_groups] = (struct tw_half_open_group){
		.server = *server,
		.port = port,
		.first_ns = INT64_MAX,
		.last_ns = INT64_MIN,
	};
	t->group_slot[i] = (uint16_t)(res->half_open_groups + 1);
	return &t->group[res->half_open_groups++];
}

/* A half-open connection that is not listed. */
static void count_half_open(struct tw_triage *t, const struct tw_addr *server, uint16_t port,
			    uint32_t syns, int64_t ns)
{
	struct tw_half_open_group *g = group_of(t, server, port);

	t->result.half_open_unlisted++;
	if (!g)
		return;
	g->connections++;
	g->syns += syns;
	if (ns < g->first_ns)
		g->first_ns = ns;
	if (ns > g->last_ns)
		g->last_ns = ns;
}

/* Has @side sent more than goes out before the first ACKs come back? */
static bool is_stream(const struct conn *c, int side)
{
	return side_has(c, side, SIDE_BASE | SIDE_NEXT) && c->packets >= STREAM_PACKETS &&
	       c->next[side] - c->base[side] > STREAM_BYTES;
}

static void conclude(struct tw_triage *t, const struct conn *c, int reason)
{
	const uint32_t shaken = SIDE_SYN | SIDE_SYN << 8;

	t->went_on |= (c->status & shaken) == shaken && c->next[0] - c->base[0] > 1 &&
		      c->next[1] - c->base[1] > 1;
	t->went_on |= is_stream(c, 0) || is_stream(c, 1);
	if (!reason && tw_triage_kin_takes(t, c))
		reason = TW_WANT_KIN;
	else if (!reason && t->config.everything)
		reason = TW_WANT_ALL;
	if (!reason)
		t->result.clean++;
	else if (reason != TW_WANT_HALF_OPEN)
		note_interest(t, c, reason);
	else if (t->half_open_listed < t->half_open_max)
		t->half_open_listed += note_interest(t, c, reason);
	else
		count_half_open(t, &c->tuple.addr[!conn_client(c)], c->tuple.port[!conn_client(c)],
				c->packets, c->first_ns);
}

void tw_triage_settle_prev(struct tw_triage *t, struct conn *c)
{
	uint32_t prev = c->prev;

	if (!prev)
		return;
	c->prev = 0;
	if (tw_triage_decide(t, c, true))
		conn_at(t, prev)->status |= CONN_ODD;
	tw_triage_settle(t, prev);
}

static void leave(struct tw_triage *t, uint32_t handle)
{
	struct conn *c = conn_at(t, handle);

	if (!(c->status & CONN_SHADOWED))
		tw_triage_slot_remove(t, handle, c->tag);
	if (c->status & CONN_QUEUED)
		c->status |= CONN_DEAD | CONN_SHADOWED;
	else
		tw_triage_conn_free(t, handle);
}

void tw_triage_settle(struct tw_triage *t, uint32_t handle)
{
	struct conn *c = conn_at(t, handle);

	tw_triage_settle_prev(t, c);
	conclude(t, c, tw_triage_decide(t, c, true));
	leave(t, handle);
}

void tw_triage_evict_conn(struct tw_triage *t, uint32_t handle)
{
	struct conn *c = conn_at(t, handle);

	tw_triage_settle_prev(t, c);
	if (c->status & CONN_HALF_OPEN) {
		conclude(t, c, TW_WANT_HALF_OPEN);
		t->result.evicted++;
	} else if (c->status & CONN_ODD || t->config.everything) {
		if (note_interest(t, c, c->status & CONN_ODD ? TW_WANT_DOSSIER : TW_WANT_ALL))
			t->result.evicted++;
	} else {
		t->result.evicted++;
		t->result.evicted_undecided++;
	}
	leave(t, handle);
}

/* --- half-open connections --- */

static struct tw_tuple half_tuple(const struct half *h)
{
	struct tw_tuple tuple = { 0 };
	int i;

	for (i = 0; i < 2; i++) {
		tuple.addr[i].b[10] = tuple.addr[i].b[11] = 0xff;
		memcpy(tuple.addr[i].b + 12, &h->addr[i], sizeof(h->addr[i]));
		tuple.port[i] = h->port[i];
	}
	return tuple;
}

static struct conn conn_of_half(const struct tw_triage *t, const struct half *h)
{
	struct conn c = {
		.tuple = half_tuple(h),
		.stream = half_stream(h),
		.first_frame = half_first_frame(h),
		.last_frame = half_first_frame(h) + h->last_frame_after,
		.first_ns = half_first_ns(t, h),
		.packets = h->syns,
		.status = CONN_HALF_OPEN | (h->side ? CONN_CLIENT : 0),
	};

	c.last_ns = c.first_ns;
	return c;
}

void tw_triage_evict_half(struct tw_triage *t, uint32_t handle)
{
	struct half *h = half_at(t, handle);
	const struct conn c = conn_of_half(t, h);

	conclude(t, &c, TW_WANT_HALF_OPEN);
	t->result.evicted++;
	if (!h->shadowed)
		tw_triage_slot_remove(t, handle, tw_tuple_tag(&c.tuple, t->seed));
	tw_triage_half_free(t, handle);
}

/* A flood has millions of these: count without making a conn of each. */
static void count_half(struct tw_triage *t, const struct half *h)
{
	const int server = !h->side;
	const struct tw_addr addr = tw_addr_from_v4(&h->addr[server]);

	count_half_open(t, &addr, h->port[server], h->syns, half_first_ns(t, h));
}

static void finish_halves(struct tw_triage *t)
{
	uint32_t i;

	for (i = 1; i <= t->halves.used; i++) {
		const struct half *h = half_at(t, i);
		struct conn c;

		if (!h->syns)
			continue;
		if (t->half_open_listed >= t->half_open_max && !t->config.have_stream) {
			count_half(t, h);
			continue;
		}
		c = conn_of_half(t, h);
		conclude(t, &c, tw_triage_decide(t, &c, true));
	}
}

/* Few enough to be listed one by one? Else examples will do. */
static void limit_half_open(struct tw_triage *t)
{
	uint64_t all = t->half_open_listed + t->result.half_open_unlisted + t->halves.live;
	uint32_t i;

	for (i = 1; i <= t->conns.used; i++) {
		const struct conn *c = conn_at(t, i);

		all += c->packets && c->status & CONN_HALF_OPEN && !(c->status & CONN_DEAD);
	}
	if (all > TW_HALF_OPEN_LISTED)
		t->half_open_max = TW_HALF_OPEN_EXAMPLES;
}

/* --- the end --- */

static void finish_conns(struct tw_triage *t)
{
	uint32_t i;

	for (i = 1; i <= t->conns.used; i++) {
		const struct conn *c = conn_at(t, i);

		if (c->packets && c->prev && tw_triage_decide(t, c, true))
			conn_at(t, c->prev)->status |= CONN_ODD;
	}
	tw_triage_kin_gather(t);
	for (i = 1; i <= t->conns.used; i++) {
		const struct conn *c = conn_at(t, i);

		if (c->packets && !(c->status & CONN_DEAD))
			conclude(t, c, tw_triage_decide(t, c, true));
		tw_triage_pool_drop(&t->conns, i); /* the list of the result grows in its place */
	}
	tw_triage_kin_free(t);
}

static int by_stream(const void *x, const void *y)
{
	const struct tw_interest *p = x, *q = y;

	return (p->stream > q->stream) - (p->stream < q->stream);
}

static int by_size(const void *x, const void *y)
{
	const struct tw_half_open_group *p = x, *q = y;

	return (p->connections < q->connections) - (p->connections > q->connections);
}

const struct tw_triage_result *tw_triage_conclude(struct tw_triage *t)
{
	struct tw_triage_result *res = &t->result;

	tw_triage_index_free(t);
	limit_half_open(t);
	finish_conns(t);
	tw_triage_pool_free(&t->conns);
	finish_halves(t);
	tw_triage_tables_free(t);
	res->no_acks = !t->acks_seen;
	res->acks_left_out = t->went_on && !t->acks_seen;
	res->only_half_open = t->half_open_listed + res->half_open_unlisted == res->streams;
	if (res->interest_count)
		qsort(t->interest, res->interest_count, sizeof(*t->interest), by_stream);
	if (res->half_open_groups)
		qsort(t->group, res->half_open_groups, sizeof(*t->group), by_size);
	res->interest = t->interest;
	res->half_open = t->group;
	return res;
}
