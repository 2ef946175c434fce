/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_TUPLE_H
#define TW_PACKET_TUPLE_H

#include "packet/segment.h"

#include <string.h>

/*
 * The key of a connection: both endpoints, in an order that does not depend on the direction, so
 * both directions find the same record. @lower_is_src tells which way a segment went.
 */
struct tw_tuple {
	struct tw_addr addr[2]; /* [0] is the lower endpoint by (address, port) */
	uint16_t port[2];
};

/*
 * Build the key of a segment. Returns the index (0 or 1) under which the segment's sender stands.
 */
static inline int tw_tuple_of(const struct tw_segment *s, struct tw_tuple *t)
{
	int c = memcmp(s->src.b, s->dst.b, sizeof(s->src.b));
	int sender;

	if (!c)
		c = (s->sport > s->dport) - (s->sport < s->dport);
	sender = c > 0;
	t->addr[sender] = s->src;
	t->addr[!sender] = s->dst;
	t->port[sender] = s->sport;
	t->port[!sender] = s->dport;
	return sender;
}

static inline bool tw_tuple_equal(const struct tw_tuple *a, const struct tw_tuple *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* A seeded mixing hash (wyhash-like multiply-fold): cheap, and not steerable without the seed. */
static inline uint64_t tw_tuple_hash(const struct tw_tuple *t, uint64_t seed)
{
	uint64_t w[4], p;
	__uint128_t m;

	memcpy(w, t->addr, sizeof(w));
	p = (uint64_t)t->port[0] << 16 | t->port[1];
	m = (__uint128_t)(w[0] ^ w[1] ^ seed) * (w[2] ^ w[3] ^ UINT64_C(0x9e3779b97f4a7c15));
	p ^= (uint64_t)m ^ (uint64_t)(m >> 64) ^ (w[1] * UINT64_C(0xa0761d6478bd642f)) ^
	     (w[3] * UINT64_C(0xe7037ed1a0b428db));
	/*
	 * The factor has many bits even if the seed has few: every bit of the key reaches the low
	 * ones.
	 */
	m = (__uint128_t)(p ^ UINT64_C(0x8ebc6af09c88c6e3)) *
	    ((seed ^ UINT64_C(0x589965cc75374cc3)) | 1);
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline bool tw_addr_is_v4(const struct tw_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->b, mapped, sizeof(mapped));
}

static inline bool tw_addr_equal(const struct tw_addr *a, const struct tw_addr *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

#define TW_ENDPOINT_TEXT 64
/* "192.0.2.1:80", "[2001:db8::1]:80" into @out (TW_ENDPOINT_TEXT bytes); returns @out. */
const char *tw_endpoint_text(char *out, const struct tw_addr *a, uint16_t port);
/* The address alone: "192.0.2.1", "2001:db8::1". */
const char *tw_addr_text(char *out, const struct tw_addr *a);

#endif
