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

static uint32_t tag_of(uint32_t hash)
{
	return hash | UINT32_C(0x80000000);
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
	const struct slot *s = &h->slot[probe(h, tag_of(tw_host_peer_hash(a)), a)];

	return s->tag ? &h->host[s->index] : NULL;
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
static struct tw_host *host_of(struct tw_hosts *h, const struct tw_addr *a, uint32_t hash)
{
	const uint32_t tag = tag_of(hash);
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

unsigned tw_host_knocked_in_vain(const struct tw_host *h)
{
	unsigned i, set = 0;

	for (i = 0; i < 16; i++)
		set += (unsigned)__builtin_popcountll(h->knocked[i] & ~h->opened[i]);
	return set;
}

/* A segment worth noting, with the hashes of its addresses. */
struct noted {
	uint32_t src, dst;
	uint8_t index; /* in the batch */
};

/* The bit that stands for a (host, port) pair, of 1024. */
static uint32_t bit_of(uint32_t hash, uint16_t port)
{
	uint32_t bit = (hash ^ (port * UINT32_C(0x9e3779b1))) * UINT32_C(0x85ebca6b);

	bit ^= bit >> 15;
	return (bit >> 6) % 16 * 64 + bit % 64;
}

static void set_bit(uint64_t map[16], uint32_t bit)
{
	map[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* A pure SYN: its sender knocks, and its receiver is noted. */
static void note_syn(struct tw_hosts *h, const struct tw_segment *s, const struct noted *n,
		     struct tw_host_event *e)
{
	struct tw_host *host = host_of(h, &s->src, n->src);

	if (host)
		set_bit(host->knocked, bit_of(n->dst, s->dport));
	e->kind = TW_HOST_SYN;
	e->port = s->dport;
	e->peer_port = s->sport;
	e->peer = n->src;
	host = host_of(h, &s->dst, n->dst);
	if (!host)
		return;
	host->serves = true;
	note(h, host, e);
}

static void note_tcp(struct tw_hosts *h, const struct tw_frame *f, const struct tw_segment *s,
		     const struct noted *n)
{
	struct tw_host_event e = { .time_ns = f->time_ns, .frame = f->number, .ttl = s->ttl };
	struct tw_host *host;

	if ((s->flags & (TW_SYN | TW_ACK | TW_RST)) == TW_SYN) {
		note_syn(h, s, n, &e);
		return;
	}
	e.port = s->sport;
	e.peer_port = s->dport;
	e.peer = n->dst;
	if (s->flags & TW_SYN) {
		e.kind = TW_HOST_SYNACK;
		host = host_of(h, &s->dst, n->dst);
		if (host)
			set_bit(host->opened, bit_of(n->src, s->sport));
	} else if (s->flags & TW_RST) {
		e.kind = s->flags & TW_ACK && !s->seq ? TW_HOST_REFUSED : TW_HOST_RST;
	} else {
		e.kind = TW_HOST_FIN;
	}
	host = host_of(h, &s->src, n->src);
	if (host)
		note(h, host, &e);
}

static void note_neighbour(struct tw_hosts *h, const struct tw_frame *f, const struct tw_segment *s)
{
	struct tw_host_event e = { .time_ns = f->time_ns, .frame = f->number };
	struct tw_host *host =
		host_of(h, &s->neighbour_target, tw_host_peer_hash(&s->neighbour_target));

	e.kind = s->neighbour_is_answer ? TW_HOST_ANSWERED : TW_HOST_ASKED;
	e.peer = tw_host_peer_hash(&s->neighbour_sender);
	if (!host)
		return;
	host->neighbours = true;
	note(h, host, &e);
}

/* Fetch the record that probably is this host's, with the bit that a handshake will set. */
static inline __attribute__((always_inline)) void prefetch_host(const struct tw_hosts *h,
								uint32_t hash, uint32_t bit)
{
	const struct slot *s = &h->slot[tag_of(hash) & (h->slots - 1)];
	const struct tw_host *host = &h->host[s->index];

	if (s->tag != tag_of(hash))
		return;
	__builtin_prefetch(host, 1);
	__builtin_prefetch(&host->knocked[bit / 64], 1);
	__builtin_prefetch(&host->opened[bit / 64], 1);
}

/* The place of the next event, of a record that is here by now. */
static inline __attribute__((always_inline)) void prefetch_event(const struct tw_hosts *h,
								 uint32_t hash)
{
	const struct slot *s = &h->slot[tag_of(hash) & (h->slots - 1)];
	const struct tw_host *host = &h->host[s->index];

	if (s->tag == tag_of(hash) && host->cap)
		__builtin_prefetch(&host->event[tw_host_event_index(host->count, host->cap)], 1);
}

void tw_hosts_feed(struct tw_hosts *h, const struct tw_frame *frames, const struct tw_segment *segs,
		   unsigned n)
{
	struct noted list[TW_HOSTS_BATCH];
	unsigned count = 0, i;

	for (i = 0; i < n; i++) {
		list[count].index = (uint8_t)i;
		count += tw_hosts_wants(&segs[i]);
	}
	for (i = 0; i < count; i++) {
		const struct tw_segment *s = &segs[list[i].index];

		list[i].src = tw_host_peer_hash(&s->src);
		list[i].dst = tw_host_peer_hash(&s->dst);
		__builtin_prefetch(&h->slot[tag_of(list[i].src) & (h->slots - 1)]);
		__builtin_prefetch(&h->slot[tag_of(list[i].dst) & (h->slots - 1)]);
	}
	for (i = 0; i < count; i++) {
		const struct tw_segment *s = &segs[list[i].index];

		prefetch_host(h, list[i].src, bit_of(list[i].dst, s->dport));
		prefetch_host(h, list[i].dst, bit_of(list[i].src, s->sport));
	}
	for (i = 0; i < count; i++)
		prefetch_event(h, segs[list[i].index].flags & TW_ACK ? list[i].src : list[i].dst);
	for (i = 0; i < count; i++) {
		const struct tw_segment *s = &segs[list[i].index];

		if (s->kind == TW_SEG_TCP)
			note_tcp(h, &frames[list[i].index], s, &list[i]);
		else if (s->kind == TW_SEG_NEIGHBOUR)
			note_neighbour(h, &frames[list[i].index], s);
	}
}
