/* SPDX-License-Identifier: BSD-2-Clause */
/* Helpers shared by the derivations: snapshots, ladders, round trips. */
#include "facts/view.h"

#include <string.h>

/* more payload is several packets of one super-segment, with an IP id each */
#define ONE_PACKET_BYTES 1500

static void snapshot_add(const struct tw_dossier *d, size_t i, struct tw_snapshot *s)
{
	const struct tw_pkt *p = &d->pkt[i];
	struct tw_snapshot_end *e = &s->end[p->side], *to = &s->end[!p->side];
	uint32_t end = tw_pkt_end(p);

	s->last = e->last = (long)i;
	if (p->flags & TW_RST)
		return;
	/* an answer to the SYN that the client did not take (see dossier.c) */
	if (p->flags & TW_SYN && p->flags & TW_ACK && p->seq != d->end[p->side].base_seq)
		return;
	e->stale = false;
	if (p->payload_bytes && !(p->marks & (TW_MARK_KEEPALIVE | TW_MARK_ZERO_PROBE))) {
		if (!(p->marks & TW_MARKS_REPEAT)) {
			e->payload_bytes += p->payload_bytes;
			e->last_payload = (long)i;
		}
		if (p->payload_bytes > e->max_payload)
			e->max_payload = p->payload_bytes;
	}
	if (p->flags & TW_FIN && e->fin < 0)
		e->fin = (long)i;
	if (!(p->marks & TW_MARK_ZERO_PROBE) && (!e->next_set || tw_seq_gt(end, e->next))) {
		e->next = end;
		e->next_set = true;
	}
	if (!(p->flags & TW_ACK))
		return;
	if (!e->acked_set || tw_seq_gt(p->ack, e->acked)) {
		e->acked = p->ack;
		e->acked_set = true;
	}
	/* the byte of a window probe was taken */
	if (to->next_set && e->acked == to->next + 1 && to->last >= 0 &&
	    d->pkt[to->last].marks & TW_MARK_ZERO_PROBE)
		to->next = e->acked;
	/* nothing stands behind a FIN that is acknowledged: what was numbered beyond it was never part of the stream */
	if (to->fin >= 0 && e->acked == tw_pkt_end(&d->pkt[to->fin]) &&
	    tw_seq_gt(to->next, e->acked))
		to->next = e->acked;
	e->raw_window = p->raw_window;
	e->window_bytes = p->window_bytes;
	if (!e->window_set || tw_seq_gt(p->ack + p->window_bytes, e->right_edge))
		e->right_edge = p->ack + p->window_bytes;
	e->window_set = true;
}

void tw_snapshot_take(const struct tw_dossier *d, size_t before, struct tw_snapshot *s)
{
	size_t i;

	memset(s, 0, sizeof(*s));
	s->last = s->gap = -1;
	for (i = 0; i < 2; i++)
		s->end[i].last = s->end[i].last_payload = s->end[i].fin = -1;
	for (i = 0; i < before && i < d->pkt_count; i++) {
		if (d->pkt[i].gap) {
			s->gap = (long)i;
			s->end[0].stale = s->end[1].stale = true;
		}
		if (tw_counts(&d->pkt[i]))
			snapshot_add(d, i, s);
	}
	if (before < d->pkt_count && d->pkt[before].gap)
		s->end[0].stale = s->end[1].stale = true;
}

void tw_snapshot_at(const struct tw_dossier *d, uint64_t frame, struct tw_snapshot *s)
{
	size_t before;

	for (before = 0; before < d->pkt_count && d->pkt[before].frame < frame; before++)
		;
	tw_snapshot_take(d, before, s);
}

bool tw_gap_between(const struct tw_dossier *d, size_t from, size_t to)
{
	for (from++; from <= to && from < d->pkt_count; from++)
		if (d->pkt[from].gap)
			return true;
	return false;
}

uint32_t tw_unacked_payload(const struct tw_dossier *d, const struct tw_snapshot *s, int side)
{
	const struct tw_snapshot_end *me = &s->end[side], *to = &s->end[!side];
	uint32_t acked, n;

	if (!me->next_set || !me->payload_bytes)
		return 0;
	acked = to->acked_set ? to->acked : d->end[side].base_seq + 1;
	n = tw_above(me->next, acked);
	if (n && me->fin >= 0 && tw_seq_gt(tw_pkt_end(&d->pkt[me->fin]), acked))
		n--;
	return n;
}

/*
 * Two consecutive intervals of a doubling ladder relate as 1:2. The timer wheel rounds each up by at
 * most 12.5 %, a tail-loss probe or delayed-ACK allowance blurs the first: hence 1.6 .. 2.6.
 */
static bool doubles(int64_t a, int64_t b)
{
	/* In floating point: hostile times are large enough to overflow when multiplied. */
	return (double)b > (double)a * 1.6 && (double)b < (double)a * 2.6;
}

static bool equals(int64_t a, int64_t b)
{
	return (double)b > (double)a * 0.8 && (double)b < (double)a * 1.25;
}

enum tw_ladder tw_ladder_of(const int64_t *t, size_t n)
{
	size_t i, dbl = 0, eq = 0, lead_eq = 0;
	bool leading = true;

	if (n < 3)
		return TW_LADDER_NONE;
	for (i = 2; i < n; i++) {
		int64_t a = t[i - 1] - t[i - 2], b = t[i] - t[i - 1];

		if (equals(a, b)) {
			eq++;
			if (leading)
				lead_eq++;
		} else {
			leading = false;
			dbl += doubles(a, b);
		}
	}
	if (eq == n - 2)
		return TW_LADDER_FLAT;
	if (lead_eq >= 2 && lead_eq + dbl >= n - 3 && dbl)
		return TW_LADDER_LINEAR_FIRST;
	if (dbl + eq >= n - 2 - (n > 5) && dbl > eq)
		return TW_LADDER_DOUBLING;
	return TW_LADDER_OTHER;
}

int64_t tw_rtt_towards(const struct tw_dossier *d, int side)
{
	int64_t best = -1;
	long waiting = -1;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		if (p->gap)
			waiting = -1;
		if (!tw_counts(p) || p->flags & TW_RST)
			continue;
		if (p->side == side) {
			if (p->marks & TW_MARKS_REPEAT)
				waiting =
					-1; /* Karn: never time a repeated segment (RFC 6298 s3) */
			else if (waiting < 0 && tw_pkt_seq_len(p))
				waiting = (long)i;
		} else if (waiting >= 0 && p->flags & TW_ACK &&
			   tw_seq_ge(p->ack, tw_pkt_end(&d->pkt[waiting]))) {
			int64_t rtt = p->time_ns - d->pkt[waiting].time_ns;

			if (rtt >= 0 && (best < 0 || rtt < best))
				best = rtt;
			waiting = -1;
		}
	}
	return best;
}

size_t tw_first_end(const struct tw_dossier *d)
{
	size_t i;

	for (i = 0; i < d->pkt_count; i++)
		if (tw_counts(&d->pkt[i]) && d->pkt[i].flags & (TW_FIN | TW_RST))
			break;
	return i;
}

void tw_around(const struct tw_view *v, size_t reach, size_t *lo, size_t *hi)
{
	const size_t count = v->others ? v->others->count : 0;

	*lo = v->place > reach ? v->place - reach : 0;
	*hi = v->place + reach < count ? v->place + reach : count;
}

static size_t place_of(const struct tw_dossier *d, const struct tw_dossier_set *o)
{
	size_t a = 0, b = o ? o->count : 0;

	if (b > 0 && o->place < b && o->refs[o->place].dossier == d)
		return o->place;
	while (a < b) {
		size_t mid = a + (b - a) / 2;

		if (o->refs[mid].dossier->stream < d->stream)
			a = mid + 1;
		else
			b = mid;
	}
	return a;
}

/* Which of @n others may have to do with a host? One bit each; found out for several at a time. */
static uint64_t with_host(const struct tw_dossier_ref *r, size_t n, uint32_t host)
{
	uint8_t is[64] = { 0 };
	uint64_t bits = 0, word;
	size_t i;

	for (i = 0; i < n; i++)
		is[i] = (r[i].host[0] == host) | (r[i].host[1] == host);
	for (i = 0; i < 64; i += 8) {
		word = tw_load_le64(&is[i]);
		bits |= (word * UINT64_C(0x0102040810204080) >> 56) << i; /* eight bytes to bits */
	}
	return bits;
}

/* Most of the others are strangers, which need not be looked at one by one. */
static void find_near(struct tw_view *v)
{
	const struct tw_dossier_ref self = tw_dossier_ref_of(v->d);
	const uint32_t server = tw_host_peer_hash(&v->d->end[1].addr);
	struct tw_near *near = &v->near;
	size_t lo, hi, i;
	uint64_t bits;

	near->pairs = near->servers = 0;
	tw_around(v, TW_NEAR, &lo, &hi);
	for (; lo < hi; lo += 64) {
		bits = with_host(&v->others->refs[lo], hi - lo < 64 ? hi - lo : 64, server);
		for (; bits; bits &= bits - 1) {
			const size_t at = lo + (size_t)__builtin_ctzll(bits);
			const struct tw_dossier_ref *r = &v->others->refs[at];

			near->server[near->servers++] = near->pair[near->pairs] = (uint32_t)at;
			near->pairs += (r->host[0] == self.host[0]) & (r->host[1] == self.host[1]);
		}
	}
	/* These will be asked what they are. */
	for (i = 0; i < near->servers; i++) {
		const struct tw_dossier *q = v->others->refs[near->server[i]].dossier;

		__builtin_prefetch(&q->completeness);
		__builtin_prefetch(&q->end[1]);
	}
}

/* Of the client, as many lines as the maps of its doors take. */
static inline __attribute__((always_inline)) void prefetch_maps(const struct tw_host *h)
{
	size_t i;

	for (i = 0; h && i < sizeof(*h); i += 64)
		__builtin_prefetch((const char *)h + i);
}

void tw_look_around(struct tw_view *v)
{
	int side;

	v->place = place_of(v->d, v->others);
	tw_snapshot_take(v->d, v->d->pkt_count, &v->last);
	for (side = 0; side < 2; side++) {
		v->host[side] = v->hosts ? tw_hosts_find(v->hosts, &v->d->end[side].addr) : NULL;
		v->rtt[side] = tw_rtt_towards(v->d, side);
	}
	find_near(v);
	prefetch_maps(v->host[0]);
}

int64_t tw_watched_until_ns(const struct tw_view *v)
{
	const struct tw_dossier *d = v->d;

	if (v->capture->clock_backward && d->pkt_count)
		return d->pkt[d->pkt_count - 1].time_ns;
	return v->capture->last_ns > d->last_ns ? v->capture->last_ns : d->last_ns;
}

#define PREDECESSORS_SEARCHED 256

const struct tw_dossier *tw_predecessor(const struct tw_view *v)
{
	size_t lo, hi;
	unsigned i;

	tw_around(v, PREDECESSORS_SEARCHED, &lo, &hi);
	for (i = v->near.pairs; i > 0 && v->near.pair[i - 1] >= lo; i--) {
		const struct tw_dossier *q = v->others->refs[v->near.pair[i - 1]].dossier;

		if (v->near.pair[i - 1] < hi && q->stream < v->d->stream &&
		    !tw_order_behind(v->d->first_ns, q->last_ns) &&
		    tw_tuple_equal(&q->tuple, &v->d->tuple))
			return q;
	}
	return NULL;
}

/* @first stands before @second in the capture: the rest of a connection, and then its beginning? */
static bool is_rest_of(const struct tw_dossier *first, const struct tw_dossier *second)
{
	return !(first->completeness & 1) && second->completeness & 1 &&
	       second->last_ns <= first->first_ns;
}

bool tw_parts_swapped(const struct tw_view *v)
{
	unsigned i;

	if (!v->capture->clock_backward)
		return false;
	for (i = 0; i < v->near.pairs; i++) {
		const struct tw_dossier *q = v->others->refs[v->near.pair[i]].dossier;

		if (q == v->d || !tw_tuple_equal(&q->tuple, &v->d->tuple))
			continue;
		if (q->stream < v->d->stream ? is_rest_of(q, v->d) : is_rest_of(v->d, q))
			return true;
	}
	return false;
}

bool tw_acks_missing(const struct tw_dossier *d, const struct tw_pkt *a)
{
	const struct tw_pkt *q;

	for (q = a; q > d->pkt; q--) {
		if (!tw_counts(q - 1) || q[-1].side != a->side)
			continue;
		return a->ip_id && q[-1].ip_id && q[-1].payload_bytes <= ONE_PACKET_BYTES &&
		       (uint16_t)(a->ip_id - q[-1].ip_id) > 1;
	}
	return false;
}

#define LEFT_OUT_NS  (3 * TW_NS_PER_S) /* without an ACK, data would be repeated by then */
#define LEFT_OUT_MIN 2

bool tw_acks_left_out(const struct tw_dossier *d, int side)
{
	int64_t since_ns = 0;
	unsigned late = 0;
	bool waiting = false;
	size_t i;

	for (i = 0; i < d->pkt_count; i++) {
		const struct tw_pkt *p = &d->pkt[i];

		waiting &= !p->gap;
		if (!tw_counts(p) || p->flags & (TW_SYN | TW_RST))
			continue;
		if (p->side == side) {
			if (tw_pure_ack(p))
				return false;
			late += waiting && p->time_ns - since_ns >= LEFT_OUT_NS;
			waiting = false;
		} else if (p->marks & TW_MARKS_REPEAT) {
			waiting = false;
		} else if (p->payload_bytes && !waiting) {
			waiting = true;
			since_ns = p->time_ns;
		}
	}
	return late >= LEFT_OUT_MIN;
}
