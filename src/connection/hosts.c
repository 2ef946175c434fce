/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of hosts: what one connection cannot know of its peer, its neighbours in the capture do.
 * Per address a short log of events (somebody knocked, it answered, refused, closed, reset; somebody
 * asked for its link-layer address, it answered).
 *
 * Bounded: HOSTS_MAX addresses (a flood comes from millions), TW_HOST_EVENTS_MAX events each: the
 * first ones, and a ring of the last ones; hosts that serve nobody get less. When all logs together reach EVENT_BYTES_MAX, each keeps the room
 * that it has by then (new hosts: the least), and turns its ring in that. What did not fit is counted.
 *
 * Every SYN, SYN|ACK, FIN and RST comes by here, so the table has its hashes in an array of their own: in a
 * flood a stranger is dismissed without touching the records.
 */
#include "connection/hosts_private.h"
#include "packet/tuple.h"

#include <stdlib.h>
#include <string.h>

#define HOSTS_MAX       32768u
#define HOSTS_SLOTS     (HOSTS_MAX * 2)
#define SLOTS_START     64
#define EVENT_BYTES_MAX ((size_t)6 << 20)
#define EVENTS_MIN      4u
#define EVENTS_CLIENT   16u /* of a host that nobody knocks at: little is asked about it */

struct slot {
	uint32_t tag;   /* the hash, never 0; 0 = empty */
	uint32_t index; /* of the host */
};

struct tw_hosts {
	struct slot *slot; /* open addressing, at most HOSTS_SLOTS of them */
	uint32_t slots;
	struct tw_host
		*host; /* in order of appearance; grows with the slots, so its place changes */
	uint32_t used, room;
	uint64_t forgotten;
	size_t event_bytes;
};

struct tw_hosts *tw_hosts_new(void)
{
	struct tw_hosts *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->slots = SLOTS_START;
	h->room = SLOTS_START / 2;
	h->slot = calloc(h->slots, sizeof(*h->slot));
	h->host = calloc(h->room, sizeof(*h->host));
	if (!h->slot || !h->host) {
		tw_hosts_free(h);
		return NULL;
	}
	return h;
}

void tw_hosts_free(struct tw_hosts *h)
{
	uint32_t i;

	if (!h)
		return;
	for (i = 0; i < h->used; i++)
		free(h->host[i].event);
	free(h->slot);
	free(h->host);
	free(h);
}

uint64_t tw_hosts_forgotten(const struct tw_hosts *h)
{
	return h->forgotten;
}

size_t tw_hosts_bytes(const struct tw_hosts *h)
{
	return sizeof(*h) + h->slots * sizeof(*h->slot) + h->room * sizeof(*h->host) +
	       h->event_bytes;
}

uint32_t tw_host_peer_hash(const struct tw_addr *a)
{
	uint64_t w[2];
	__uint128_t m;

	/* The folded product: what differs is the last byte of the address, the highest of the word, and a
	 * plain product would leave it there, out of reach of the table's mask. */
	memcpy(w, a->b, sizeof(w));
	m = (__uint128_t)(w[0] ^ w[1] ^ UINT64_C(0x9e3779b97f4a7c15)) *
	    UINT64_C(0xa0761d6478bd642f);
	w[0] = (uint64_t)m ^ (uint64_t)(m >> 64);
	return (uint32_t)(w[0] >> 32) ^ (uint32_t)w[0];
}

static uint32_t tag_of(const struct tw_addr *a)
{
	return tw_host_peer_hash(a) | UINT32_C(0x80000000);
}

static uint32_t probe(const struct tw_hosts *h, uint32_t tag, const struct tw_addr *a)
{
	uint32_t i = tag & (h->slots - 1);

	while (h->slot[i].tag &&
	       !(h->slot[i].tag == tag && tw_addr_equal(&h->host[h->slot[i].index].addr, a)))
		i = (i + 1) & (h->slots - 1);
	return i;
}

const struct tw_host *tw_hosts_find(const struct tw_hosts *h, const struct tw_addr *a)
{
	const struct slot *s = &h->slot[probe(h, tag_of(a), a)];

	return s->tag ? &h->host[s->index] : NULL;
}

/* Inlined at once: gcc drops calls of functions that only prefetch. */
static inline __attribute__((always_inline)) void prefetch(const struct tw_hosts *h,
							   const struct tw_addr *a)
{
	const uint32_t tag = tag_of(a);
	const struct slot *s = &h->slot[tag & (h->slots - 1)];

	if (s->tag != tag)
		return;
	__builtin_prefetch(&h->host[s->index], 1);
	__builtin_prefetch((const char *)&h->host[s->index] + 64, 1);
}

void tw_hosts_prefetch(const struct tw_hosts *h, const struct tw_segment *s)
{
	prefetch(h, &s->src);
	prefetch(h, &s->dst);
}

static int grow(struct tw_hosts *h)
{
	const uint32_t slots = h->slots * 4 > HOSTS_SLOTS ? HOSTS_SLOTS : h->slots * 4;
	struct slot *more = calloc(slots, sizeof(*more));
	struct tw_host *host = more ? realloc(h->host, slots / 2 * sizeof(*host)) : NULL;
	uint32_t i;

	if (!host) {
		free(more);
		return -1;
	}
	for (i = 0; i < h->slots; i++) {
		uint32_t to = h->slot[i].tag & (slots - 1);

		if (!h->slot[i].tag)
			continue;
		while (more[to].tag)
			to = (to + 1) & (slots - 1);
		more[to] = h->slot[i];
	}
	free(h->slot);
	h->slot = more;
	h->slots = slots;
	h->host = host;
	h->room = slots / 2;
	return 0;
}

/* The record of an address, a new one if there is room. Valid until the next call. */
static struct tw_host *host_of(struct tw_hosts *h, const struct tw_addr *a)
{
	const uint32_t tag = tag_of(a);
	uint32_t i = probe(h, tag, a);

	if (h->slot[i].tag)
		return &h->host[h->slot[i].index];
	if (h->used >= HOSTS_MAX || (h->used >= h->room && grow(h))) {
		h->forgotten++;
		return NULL;
	}
	i = probe(h, tag, a);
	h->slot[i] = (struct slot){ tag, h->used };
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): below room, there is an array. */
	h->host[h->used] = (struct tw_host){ .addr = *a };
	return &h->host[h->used++];
}

/* More room for a log that is full, unless it or all of them have what they may have. A log that has
 * begun to turn must not grow any more: its order would be lost. */
static void more_room(struct tw_hosts *h, struct tw_host *host)
{
	uint32_t cap = host->cap ? host->cap * 2 : EVENTS_MIN;
	struct tw_host_event *more;

	if (host->cap >= (host->serves ? TW_HOST_EVENTS_MAX : EVENTS_CLIENT) ||
	    host->count > host->cap || (host->cap && h->event_bytes >= EVENT_BYTES_MAX))
		return;
	more = realloc(host->event, cap * sizeof(*more));
	if (!more)
		return;
	h->event_bytes += (cap - host->cap) * sizeof(*more);
	host->event = more;
	host->cap = cap;
}

static void note(struct tw_hosts *h, struct tw_host *host, const struct tw_host_event *e)
{
	if (host->count >= host->cap)
		more_room(h, host);
	if (!host->cap) {
		h->forgotten++;
		return;
	}
	host->event[tw_host_event_index(host->count, host->cap)] = *e;
	host->count++;
}

/* The bit that stands for a (host, port) pair. */
static void set_bit(uint64_t map[16], const struct tw_addr *addr, uint16_t port)
{
	uint32_t bit =
		(tw_host_peer_hash(addr) ^ (port * UINT32_C(0x9e3779b1))) * UINT32_C(0x85ebca6b);

	bit ^= bit >> 15;
	map[(bit >> 6) % 16] |= UINT64_C(1) << (bit % 64);
}

unsigned tw_host_knocked_in_vain(const struct tw_host *h)
{
	unsigned i, set = 0;

	for (i = 0; i < 16; i++)
		set += (unsigned)__builtin_popcountll(h->knocked[i] & ~h->opened[i]);
	return set;
}

static void note_tcp(struct tw_hosts *h, const struct tw_frame *f, const struct tw_segment *s)
{
	const bool syn = (s->flags & (TW_SYN | TW_ACK | TW_RST)) == TW_SYN;
	struct tw_host_event e = { .time_ns = f->time_ns, .frame = f->number, .ttl = s->ttl };
	struct tw_host *host;

	if (syn) {
		host = host_of(h, &s->src);
		if (host)
			set_bit(host->knocked, &s->dst, s->dport);
		e.kind = TW_HOST_SYN;
		e.port = s->dport;
		e.peer_port = s->sport;
		e.peer = tw_host_peer_hash(&s->src);
		host = host_of(h, &s->dst);
		if (host)
			host->serves = true;
	} else {
		e.port = s->sport;
		e.peer_port = s->dport;
		e.peer = tw_host_peer_hash(&s->dst);
		if (s->flags & TW_SYN) {
			e.kind = TW_HOST_SYNACK;
			host = host_of(h, &s->dst);
			if (host)
				set_bit(host->opened, &s->src, s->sport);
		} else if (s->flags & TW_RST)
			e.kind = s->flags & TW_ACK && !s->seq ? TW_HOST_REFUSED : TW_HOST_RST;
		else
			e.kind = TW_HOST_FIN;
		host = host_of(h, &s->src);
	}
	if (host)
		note(h, host, &e);
}

void tw_hosts_note(struct tw_hosts *h, const struct tw_frame *f, const struct tw_segment *s)
{
	if (s->kind == TW_SEG_TCP) {
		note_tcp(h, f, s);
	} else if (s->kind == TW_SEG_NEIGHBOUR) {
		struct tw_host_event e = { .time_ns = f->time_ns, .frame = f->number };
		struct tw_host *host = host_of(h, &s->neighbour_target);

		e.kind = s->neighbour_is_answer ? TW_HOST_ANSWERED : TW_HOST_ASKED;
		e.peer = tw_host_peer_hash(&s->neighbour_sender);
		if (host)
			note(h, host, &e);
	}
}
