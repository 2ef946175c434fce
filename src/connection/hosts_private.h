/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_HOSTS_PRIVATE_H
#define TW_CONNECTION_HOSTS_PRIVATE_H

/* The inside of the host table, for the derivation of facts. Only hosts.c writes. */
#include "connection/hosts.h"

#include <stdbool.h>
#include <string.h>

enum tw_host_event_kind {
	TW_HOST_SYN = 1,  /* a pure SYN arrived for it */
	TW_HOST_SYNACK,   /* it answered with SYN|ACK */
	TW_HOST_REFUSED,  /* RST|ACK with seq 0: what a closed port answers */
	TW_HOST_RST,      /* any other reset with its address as source */
	TW_HOST_FIN,      /* its FIN */
	TW_HOST_ASKED,    /* somebody asks for its link-layer address */
	TW_HOST_ANSWERED, /* it answered that (or announced itself) */
};

struct tw_host_event {
	int64_t time_ns;
	uint64_t frame;
	uint32_t peer; /* hash of the other address */
	uint16_t port, peer_port;
	uint8_t kind, ttl;
	bool labelled; /* with an IPv6 flow label */
};

/* At most so many events are kept, half of them the first ones, half the last ones; what lies between
 * is dropped. */
#define TW_HOST_EVENTS_MAX 128

enum { TW_DOORS_OPENED, TW_DOORS_KNOCKED };

/* What a segment changes stands in one cache line, and each map in two. */
#define TW_HOST_ALIGNED 64
struct tw_host {
	_Alignas(TW_HOST_ALIGNED) struct tw_addr addr;
	bool serves;     /* a SYN was sent to it */
	bool neighbours; /* the log holds, or held, TW_HOST_ASKED or TW_HOST_ANSWERED */
	bool unordered;  /* an event was noted that is older than the one before it */
	struct tw_host_event
		*event; /* in order of time, but for the turn of the ring: see tw_host_event_at() */
	uint32_t count, cap; /* count: all ever noted */
	int64_t last_ns;     /* time of the last one */
	uint64_t refused[TW_HOST_EVENTS_MAX /
			 64]; /* by place in the log: TW_HOST_REFUSED stand there */
	/* Linear counting of (host, port) pairs: those that answered it with SYN|ACK, and all that its SYNs
	 * went to. */
	_Alignas(TW_HOST_ALIGNED) uint64_t doors[2][16];
};

/* NULL if the host is not known. */
const struct tw_host *tw_hosts_find(const struct tw_hosts *h, const struct tw_addr *a);
/* All of them, in order of appearance: NULL behind the last one. */
const struct tw_host *tw_hosts_nth(const struct tw_hosts *h, uint32_t n);
/* Where the nth event stands in a log with room for @cap, a power of two: the first half stays, the
 * second turns. */
static inline uint32_t tw_host_event_index(uint32_t n, uint32_t cap)
{
	return n < cap ? n : cap / 2 + ((n - cap / 2) & (cap / 2 - 1));
}

static inline uint32_t tw_host_event_count(const struct tw_host *h)
{
	return h->count < h->cap ? h->count : h->cap;
}

/* Events in the order they were noted: 0 <= i < tw_host_event_count(). */
static inline const struct tw_host_event *tw_host_event_at(const struct tw_host *h, uint32_t i)
{
	if (h->count <= h->cap || i < h->cap / 2)
		return &h->event[i];
	return &h->event[tw_host_event_index(h->count - h->cap + i, h->cap)];
}

/*
 * A whole log, for loops that must be fast: from its first event to its last in three stretches, of which
 * some may be empty: the first half, and the two parts of the ring. NULL has no events.
 */
struct tw_host_log {
	struct {
		const struct tw_host_event *from, *to;
	} part[3];
};

static inline struct tw_host_log tw_host_log(const struct tw_host *h)
{
	const uint32_t count = h ? tw_host_event_count(h) : 0;
	const struct tw_host_event *event = h ? h->event : NULL;
	uint32_t half, turn;

	if (!count || h->count <= h->cap)
		return (struct tw_host_log){ { { event, count ? event + count : event } } };
	half = h->cap / 2;
	turn = tw_host_event_index(h->count, h->cap); /* the oldest of the ring: the next to go */
	return (struct tw_host_log){ { { event, event + half },
				       { event + turn, event + h->cap },
				       { event + half, event + turn } } };
}

/* The first event of a stretch that is in order, from @ns on. */
static inline const struct tw_host_event *tw_host_since(const struct tw_host_event *from,
							const struct tw_host_event *to, int64_t ns)
{
	while (from < to) {
		const struct tw_host_event *mid = from + (to - from) / 2;

		if (mid->time_ns < ns)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/*
 * The log without most of what lies before @from_ns or after @to_ns. A busy server's log is long, and each of its
 * connections asks about a short time. What is left has to be looked at all the same: of a log that is not in
 * order nothing is taken away.
 */
static inline struct tw_host_log tw_host_log_between(const struct tw_host *h, int64_t from_ns,
						     int64_t to_ns)
{
	struct tw_host_log log = tw_host_log(h);
	unsigned i;

	for (i = 0; i < 3 && h && !h->unordered; i++) {
		log.part[i].from = tw_host_since(log.part[i].from, log.part[i].to, from_ns);
		if (to_ns < INT64_MAX)
			log.part[i].to = tw_host_since(log.part[i].from, log.part[i].to, to_ns + 1);
	}
	return log;
}

/* The first TW_HOST_REFUSED of a stretch of the log, from @e on; @to: there is none. */
static inline const struct tw_host_event *tw_host_refusal(const struct tw_host *h,
							  const struct tw_host_event *e,
							  const struct tw_host_event *to)
{
	const uint32_t end = e < to ? (uint32_t)(to - h->event) : 0;
	uint32_t i = e < to ? (uint32_t)(e - h->event) : 0;
	uint64_t bits;

	while (i < end) {
		bits = h->refused[i / 64] >> i % 64;
		if (bits && i + (uint32_t)__builtin_ctzll(bits) < end)
			return &h->event[i + (uint32_t)__builtin_ctzll(bits)];
		i = (i / 64 + 1) * 64;
	}
	return to;
}

/* About how many different (host, port) pairs its SYNs knocked at without a SYN|ACK. */
unsigned tw_host_knocked_in_vain(const struct tw_host *h);
/* And about how many let it in? */
unsigned tw_host_opened(const struct tw_host *h);

static inline uint32_t tw_host_peer_hash(const struct tw_addr *a)
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

#endif
