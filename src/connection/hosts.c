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
#include "capture/source.h"
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

const struct tw_host *tw_hosts_nth(const struct tw_hosts *h, uint32_t n)
{
	return n < h->used ? &h->host[n] : NULL;
}

void tw_hosts_prefetch(const struct tw_hosts *h, const struct tw_addr *a)
{
	const uint32_t tag = tag_of(tw_host_peer_hash(a));
	const struct slot *s = &h->slot[tag & (h->slots - 1)];

	if (s->tag == tag)
		__builtin_prefetch(&h->host[s->index]);
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

bool tw_hosts_accepted(const struct tw_hosts *h, const struct tw_addr *a, uint16_t port)
{
	const struct tw_host *host = tw_hosts_find(h, a);
	uint32_t i;

	for (i = 0; host && i < tw_host_event_count(host); i++)
		if (host->event[i].kind == TW_HOST_SYNACK && host->event[i].port == port)
			return true;
	return false;
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
static inline struct tw_host_event *next_event(struct tw_hosts *h, struct tw_host *host,
					       const struct tw_brief *p, uint8_t kind)
{
	uint32_t at;

	if (unlikely(host->count == host->cap))
		more_room(h, host);
	if (unlikely(!host->cap)) {
		h->forgotten++;
		return NULL;
	}
	at = tw_host_event_index(host->count++, host->cap);
	host->refused[at / 64] &= ~(UINT64_C(1) << at % 64);
	host->refused[at / 64] |= (uint64_t)(kind == TW_HOST_REFUSED) << at % 64;
	host->unordered |= p->time_ns < host->last_ns;
	host->last_ns = p->time_ns;
	host->event[at].time_ns = p->time_ns;
	host->event[at].frame = p->number;
	host->event[at].kind = kind;
	return &host->event[at];
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

unsigned tw_host_opened(const struct tw_host *h)
{
	unsigned i, set = 0;

	for (i = 0; i < 16; i++)
		set += (unsigned)__builtin_popcountll(h->doors[TW_DOORS_OPENED][i]);
	return set;
}

/* The ends of a packet. What it is about is its source, and for a pure SYN its destination. */
enum { SRC = TW_DOORS_OPENED, DST = TW_DOORS_KNOCKED };

static inline const struct tw_addr *addr_of(const struct tw_brief *p, int end)
{
	return &p->tuple.addr[p->sender ^ end];
}

static inline uint16_t port_of(const struct tw_brief *p, int end)
{
	return p->tuple.port[p->sender ^ end];
}

static inline int about_of(const struct tw_brief *p)
{
	return (p->flags & (TW_SYN | TW_ACK | TW_RST)) == TW_SYN ? DST : SRC;
}

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

static inline uint8_t kind_of(const struct tw_brief *p)
{
	return kinds[(p->flags >> 1 & 3) | (p->flags >> 2 & 4) | (uint32_t)!p->seq << 3];
}

/* @peer: the hash of the other address. */
static inline void note(struct tw_hosts *h, struct tw_host *host, const struct tw_brief *p,
			int about, uint32_t peer)
{
	struct tw_host_event *e;

	host->serves |= about == DST;
	e = next_event(h, host, p, kind_of(p));
	if (unlikely(!e))
		return;
	e->peer = peer;
	e->port = port_of(p, about);
	e->peer_port = port_of(p, !about);
	e->ttl = p->ttl;
	e->labelled = (p->flags & TW_BRIEF_LABELLED) != 0;
}

/* With whatever search and new records it takes. */
static __attribute__((noinline)) void note_anywhere(struct tw_hosts *h, const struct tw_brief *p)
{
	const int about = about_of(p);
	const uint32_t hash = tw_host_peer_hash(addr_of(p, about));
	const uint32_t peer = tw_host_peer_hash(addr_of(p, !about));
	struct tw_host *host;

	if (p->flags & TW_SYN) {
		host = host_of(h, addr_of(p, !about), peer);
		if (host)
			set_bit(host->doors[about], bit_of(hash, port_of(p, about)));
	}
	host = host_of(h, addr_of(p, about), hash);
	if (host)
		note(h, host, p, about, peer);
}

/* The record of @a, if it stands where nearly all stand: at home, or next door. */
static inline struct tw_host *at_home(const struct tw_hosts *h, const struct tw_addr *a,
				      uint32_t hash)
{
	const uint32_t tag = tag_of(hash), home = tag & (h->slots - 1);
	const struct slot *s = &h->slot[home];

	if (unlikely(s->tag != tag))
		s = &h->slot[(home + 1) & (h->slots - 1)];
	if (unlikely(s->tag != tag || !tw_addr_equal(&h->host[s->index].addr, a)))
		return NULL;
	return &h->host[s->index];
}

/*
 * A SYN sets a bit in its client's map of doors, and so does the SYN|ACK that answers it; what is neither sets
 * one that nobody reads, because which it will be cannot be guessed. Nothing is fetched ahead: this is so short
 * that the processor has several in work.
 */
static inline void note_packet(struct tw_hosts *h, const struct tw_brief *p)
{
	const int about = about_of(p), syn = (p->flags & TW_SYN) != 0;
	const struct tw_addr *me = addr_of(p, about), *other = addr_of(p, !about);
	const uint32_t hash = tw_host_peer_hash(me), peer = tw_host_peer_hash(other);
	struct tw_host *host = at_home(h, me, hash);
	struct tw_host *client = at_home(h, syn ? other : me, syn ? peer : hash);
	const uint32_t bit = bit_of(hash, port_of(p, about));
	uint64_t *map;

	if (unlikely(!host || !client)) {
		note_anywhere(h, p);
		return;
	}
	map = syn ? client->doors[about] : h->nowhere;
	map[bit / 64] |= UINT64_C(1) << bit % 64;
	note(h, host, p, about, peer);
}

static void note_neighbour(struct tw_hosts *h, const struct tw_brief *p)
{
	const struct tw_addr *target = &p->tuple.addr[0], *sender = &p->tuple.addr[1];
	struct tw_host *host = host_of(h, target, tw_host_peer_hash(target));
	struct tw_host_event *e;

	if (!host)
		return;
	host->neighbours = true;
	h->asked |= !(p->flags & TW_ACK);
	e = next_event(h, host, p, p->flags & TW_ACK ? TW_HOST_ANSWERED : TW_HOST_ASKED);
	if (!e)
		return;
	e->peer = tw_host_peer_hash(sender);
	e->port = e->peer_port = 0;
	e->ttl = 0;
	e->labelled = false;
}

void tw_hosts_feed(struct tw_hosts *h, const struct tw_brief *packets, unsigned n)
{
	uint8_t wanted[TW_BATCH];
	unsigned count = 0, i;

	for (i = 0; i < n; i++) { /* which are is any guess, so it has no branch */
		wanted[count] = (uint8_t)i;
		count += (packets[i].flags & (TW_SYN | TW_FIN | TW_RST)) != 0;
	}
	for (i = 0; i < count; i++) {
		const struct tw_brief *p = &packets[wanted[i]];

		if (likely(p->kind == TW_SEG_TCP))
			note_packet(h, p);
		else if (p->kind == TW_SEG_NEIGHBOUR)
			note_neighbour(h, p);
	}
}
