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

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

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
	bool asked;           /* any request for a link-layer address at all */
	uint64_t nowhere[16]; /* where bits go that stand for nothing */
};

struct tw_hosts *tw_hosts_new(void)
{
	struct tw_hosts *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->slots = SLOTS_START;
	h->room = SLOTS_START / 2;
	h->slot = calloc(h->slots, sizeof(*h->slot));
	h->host = aligned_alloc(TW_HOST_ALIGNED, h->room * sizeof(*h->host));
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

struct tw_gone tw_hosts_gone(const struct tw_hosts *h, const struct tw_addr *host,
			     const struct tw_addr *asker)
{
	const struct tw_host *record = h->asked ? tw_hosts_find(h, host) : NULL;
	const uint32_t by = tw_host_peer_hash(asker);
	struct tw_gone g = { 0 };
	uint32_t i;

	if (!record || !record->neighbours)
		return g;
	for (i = tw_host_event_count(record); i > 0; i--) {
		const struct tw_host_event *e = tw_host_event_at(record, i - 1);

		if (e->kind != TW_HOST_ASKED && e->kind != TW_HOST_SYN)
			break;
		if (e->kind != TW_HOST_ASKED || e->peer != by)
			continue;
		if (!g.requests++)
			g.last_ns = e->time_ns;
		g.first_ns = e->time_ns;
		g.first_frame = e->frame;
	}
	return g;
}

static int grow(struct tw_hosts *h)
{
	const uint32_t slots = h->slots * 4 > HOSTS_SLOTS ? HOSTS_SLOTS : h->slots * 4;
	struct slot *more = calloc(slots, sizeof(*more));
	struct tw_host *host =
		more ? aligned_alloc(TW_HOST_ALIGNED, slots / 2 * sizeof(*host)) : NULL;
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
	memcpy(host, h->host, h->used * sizeof(*host));
	free(h->host);
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

/* The place of the next event, NULL: there is none. It is filled there: a copy would wait for its fields. */
static inline struct tw_host_event *next_event(struct tw_hosts *h, struct tw_host *host)
{
	if (unlikely(host->count == host->cap))
		more_room(h, host);
	if (unlikely(!host->cap)) {
		h->forgotten++;
		return NULL;
	}
	return &host->event[tw_host_event_index(host->count++, host->cap)];
}

unsigned tw_host_knocked_in_vain(const struct tw_host *h)
{
	const uint64_t *knocked = h->doors[TW_DOORS_KNOCKED], *opened = h->doors[TW_DOORS_OPENED];
	unsigned i, set = 0;

	for (i = 0; i < 16; i++)
		if (knocked[i] & ~opened[i])
			set += (unsigned)__builtin_popcountll(knocked[i] & ~opened[i]);
	return set;
}

#define NO_HOST UINT32_MAX
enum { SRC = TW_DOORS_OPENED, DST = TW_DOORS_KNOCKED };

/* A segment worth noting. What it is about is its source, and for a pure SYN its destination. */
struct noted {
	uint32_t hash[2]; /* of both addresses */
	uint32_t host
		[2]; /* the records that stand in their home slots, NO_HOST: none, or not at home */
	uint16_t port[2];
	uint16_t bit;  /* of the server's endpoint, in its client's maps */
	uint8_t index; /* in the batch */
	uint8_t about; /* SRC or DST, and of the client's map with it */
};

/* The bit that stands for a (host, port) pair, of 1024. */
static uint16_t bit_of(uint32_t hash, uint16_t port)
{
	uint32_t bit = (hash ^ (port * UINT32_C(0x9e3779b1))) * UINT32_C(0x85ebca6b);

	bit ^= bit >> 15;
	return (uint16_t)((bit >> 6) % 16 * 64 + bit % 64);
}

static void set_bit(uint64_t map[16], uint32_t bit)
{
	map[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* By SYN, RST, ACK (bits 0 to 2) and whether the sequence number is 0 (bit 3). */
static const uint8_t kinds[16] = {
	TW_HOST_FIN, TW_HOST_SYN,    TW_HOST_RST,     TW_HOST_SYNACK, TW_HOST_FIN, TW_HOST_SYNACK,
	TW_HOST_RST, TW_HOST_SYNACK, TW_HOST_FIN,     TW_HOST_SYN,    TW_HOST_RST, TW_HOST_SYNACK,
	TW_HOST_FIN, TW_HOST_SYNACK, TW_HOST_REFUSED, TW_HOST_SYNACK,
};

static inline uint8_t kind_of(const struct tw_segment *s)
{
	return kinds[(s->flags >> 1 & 3) | (s->flags >> 2 & 4) | (uint32_t)!s->seq << 3];
}

static inline void note(struct tw_hosts *h, struct tw_host *host, const struct tw_frame *f,
			const struct tw_segment *s, const struct noted *n)
{
	struct tw_host_event *e;

	host->serves |= n->about == DST;
	e = next_event(h, host);
	if (unlikely(!e))
		return;
	e->time_ns = f->time_ns;
	e->frame = f->number;
	e->peer = n->hash[!n->about];
	e->port = n->port[n->about];
	e->peer_port = n->port[!n->about];
	e->kind = kind_of(s);
	e->ttl = s->ttl;
}

/*
 * The usual case: the records that it takes stand where they were expected. A SYN sets a bit in its client's
 * map of doors, and so does the SYN|ACK that answers it; what is neither sets one that nobody reads,
 * because which it will be cannot be guessed. False: not the usual case, nothing is done.
 */
static inline bool note_at_home(struct tw_hosts *h, const struct tw_frame *f,
				const struct tw_segment *s, const struct noted *n)
{
	const struct tw_addr *addr[2] = { &s->src, &s->dst };
	const bool syn = s->flags & TW_SYN;
	const uint32_t about = n->host[n->about], client = syn ? n->host[!n->about] : about;
	const struct tw_addr *client_addr = addr[n->about ^ syn];
	uint64_t *map;

	if (unlikely(about == NO_HOST || client == NO_HOST ||
		     !tw_addr_equal(&h->host[about].addr, addr[n->about]) ||
		     !tw_addr_equal(&h->host[client].addr, client_addr)))
		return false;
	map = syn ? h->host[client].doors[n->about] : h->nowhere;
	map[n->bit / 64] |= UINT64_C(1) << n->bit % 64;
	note(h, &h->host[about], f, s, n);
	return true;
}

/* The same, with whatever search and new records it takes. */
static void note_anywhere(struct tw_hosts *h, const struct tw_frame *f, const struct tw_segment *s,
			  const struct noted *n)
{
	const struct tw_addr *addr[2] = { &s->src, &s->dst };
	struct tw_host *host;

	if (s->flags & TW_SYN) {
		host = host_of(h, addr[!n->about], n->hash[!n->about]);
		if (host)
			set_bit(host->doors[n->about], n->bit);
	}
	host = host_of(h, addr[n->about], n->hash[n->about]);
	if (host)
		note(h, host, f, s, n);
}

static void note_neighbour(struct tw_hosts *h, const struct tw_frame *f, const struct tw_segment *s)
{
	struct tw_host *host =
		host_of(h, &s->neighbour_target, tw_host_peer_hash(&s->neighbour_target));
	struct tw_host_event *e;

	if (!host)
		return;
	host->neighbours = true;
	h->asked |= !s->neighbour_is_answer;
	e = next_event(h, host);
	if (!e)
		return;
	*e = (struct tw_host_event){ .time_ns = f->time_ns, .frame = f->number };
	e->kind = s->neighbour_is_answer ? TW_HOST_ANSWERED : TW_HOST_ASKED;
	e->peer = tw_host_peer_hash(&s->neighbour_sender);
}

/* The record in the home slot of a hash. */
static inline uint32_t at_home(const struct tw_hosts *h, uint32_t hash)
{
	const struct slot *s = &h->slot[tag_of(hash) & (h->slots - 1)];

	return s->tag == tag_of(hash) ? s->index : NO_HOST;
}

/* For prefetching: the record, or any. */
static inline const struct tw_host *guess(const struct tw_hosts *h, uint32_t index)
{
	return &h->host[index == NO_HOST ? 0 : index];
}

/* In rounds, each of which fetches what the next one needs: slots, records, the places of events. */
static inline __attribute__((always_inline)) void
look_up(struct tw_hosts *h, const struct tw_segment *segs, struct noted *list, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		const struct tw_segment *s = &segs[list[i].index];
		struct noted *n = &list[i];

		n->hash[SRC] = tw_host_peer_hash(&s->src);
		n->hash[DST] = tw_host_peer_hash(&s->dst);
		__builtin_prefetch(&h->slot[tag_of(n->hash[SRC]) & (h->slots - 1)]);
		__builtin_prefetch(&h->slot[tag_of(n->hash[DST]) & (h->slots - 1)]);
		n->about = (s->flags & (TW_SYN | TW_ACK | TW_RST)) == TW_SYN;
		n->port[SRC] = s->sport;
		n->port[DST] = s->dport;
		n->bit = bit_of(n->hash[n->about], n->port[n->about]);
	}
	for (i = 0; i < count; i++) {
		struct noted *n = &list[i];
		const struct tw_host *client;

		n->host[SRC] = at_home(h, n->hash[SRC]);
		n->host[DST] = at_home(h, n->hash[DST]);
		__builtin_prefetch(guess(h, n->host[n->about]), 1);
		client = guess(h, n->host[!n->about]);
		__builtin_prefetch(client, 1);
		__builtin_prefetch(&client->doors[n->about][n->bit / 64], 1);
	}
	for (i = 0; i < count; i++) {
		const struct tw_host *host = guess(h, list[i].host[list[i].about]);
		uint32_t next = tw_host_event_index(host->count, host->cap);

		/* Without events there is no array, and nothing may be added to NULL. */
		__builtin_prefetch(host->event ? (const void *)&host->event[next] : host, 1);
	}
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
	look_up(h, segs, list, count);
	for (i = 0; i < count; i++) {
		const struct tw_segment *s = &segs[list[i].index];
		const struct tw_frame *f = &frames[list[i].index];

		if (likely(s->kind == TW_SEG_TCP)) {
			if (unlikely(!note_at_home(h, f, s, &list[i])))
				note_anywhere(h, f, s, &list[i]);
		} else if (s->kind == TW_SEG_NEIGHBOUR) {
			note_neighbour(h, f, s);
		}
	}
}
