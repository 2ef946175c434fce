/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_TUPLE_H
#define TW_PACKET_TUPLE_H

#include "packet/bytes.h"
#include "packet/segment.h"

#include <string.h>

/*
 * The key of a connection: both endpoints, in an order that does not depend on the direction, so
 * both directions find the same record. @lower_is_src tells which way a segment went.
 */
struct tw_tuple {
	/* [0] is the lower endpoint by address, as the words stand in memory, and port: any order will do */
	struct tw_addr addr[2];
	uint16_t port[2];
};

/*
 * Build the key of a segment. Returns the index (0 or 1) under which the segment's sender stands.
 * Without a branch, and in whole words: which end is the lower one is a coin toss, and a wide load from
 * bytes that were just stored narrow has to wait for them.
 */
static inline int tw_tuple_of(const struct tw_segment *s, struct tw_tuple *t)
{
	uint64_t src[2], dst[2], swap, w;
	__uint128_t from, to;
	uint16_t ports;
	int sender, i;

	memcpy(src, s->src.b, sizeof(src));
	memcpy(dst, s->dst.b, sizeof(dst));
	from = (__uint128_t)src[0] << 64 | src[1];
	to = (__uint128_t)dst[0] << 64 | dst[1];
	sender = (from > to) | ((from == to) & (s->sport > s->dport));
	swap = -(uint64_t)sender;
	for (i = 0; i < 2; i++) {
		w = (src[i] ^ dst[i]) & swap;
		src[i] ^= w;
		dst[i] ^= w;
	}
	memcpy(t->addr[0].b, src, sizeof(src));
	memcpy(t->addr[1].b, dst, sizeof(dst));
	ports = (s->sport ^ s->dport) & (uint16_t)swap;
	t->port[0] = s->sport ^ ports;
	t->port[1] = s->dport ^ ports;
	return sender;
}

static inline bool tw_addr_equal(const struct tw_addr *a, const struct tw_addr *b)
{
	return !((tw_load_le64(a->b) ^ tw_load_le64(b->b)) |
		 (tw_load_le64(a->b + 8) ^ tw_load_le64(b->b + 8)));
}

static inline bool tw_tuple_equal(const struct tw_tuple *a, const struct tw_tuple *b)
{
	uint32_t p, q;

	memcpy(&p, a->port, sizeof(p));
	memcpy(&q, b->port, sizeof(q));
	return p == q && tw_addr_equal(&a->addr[0], &b->addr[0]) &&
	       tw_addr_equal(&a->addr[1], &b->addr[1]);
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

/*
 * A seeded number that is the same for both directions, without putting the ends in order first: to ask
 * of many packets whether they can be of few connections. Each end is mixed from the words of its address and
 * its port, as they stand in memory. Never 0.
 */
static inline uint64_t tw_flow_end(uint64_t first, uint64_t second, uint16_t raw_port)
{
	return (first * UINT64_C(0xa0761d6478bd642f)) ^ second ^ raw_port;
}

static inline uint64_t tw_flow_of(uint64_t end, uint64_t other, uint64_t seed)
{
	const __uint128_t m =
		(__uint128_t)((end + other) ^ seed) * ((end ^ other) ^ (seed << 32 | seed >> 32));

	return ((uint64_t)m ^ (uint64_t)(m >> 64)) | 1;
}

static inline uint64_t tw_tuple_flow(const struct tw_tuple *t, uint64_t seed)
{
	uint64_t a[2], b[2];

	memcpy(a, t->addr[0].b, sizeof(a));
	memcpy(b, t->addr[1].b, sizeof(b));
	return tw_flow_of(tw_flow_end(a[0], a[1], TW_BE16(t->port[0])),
			  tw_flow_end(b[0], b[1], TW_BE16(t->port[1])), seed);
}

static inline bool tw_addr_is_v4(const struct tw_addr *a)
{
	return !(tw_load_le64(a->b) | (tw_load_be32(a->b + 8) ^ 0xffff));
}

/* The second word of a mapped address, from the four bytes as they stand in memory; the first one is 0. */
static inline uint64_t tw_v4_word(uint32_t raw)
{
	return TW_LE64((uint64_t)TW_LE32(raw) << 32 | 0xffff0000);
}

/* In two whole words, because it will be read so at once. */
static inline void tw_store_v4(struct tw_addr *a, uint64_t word)
{
	const uint64_t w[2] = { 0, word };

	memcpy(a->b, &w[0], sizeof(w[0]));
	memcpy(a->b + 8, &w[1], sizeof(w[1]));
}

static inline uint64_t tw_load_v4_word(const uint8_t *addr)
{
	uint32_t raw;

	memcpy(&raw, addr, sizeof(raw));
	return tw_v4_word(raw);
}

/* --- the hash that the table of connections goes by --- */

/* Of two IPv4 endpoints (tw_endpoint_v4()), the lower one first. Seeded, so not steerable. */
static inline uint32_t tw_tuple_tag_v4(uint64_t lower, uint64_t upper, uint64_t seed)
{
	const __uint128_t m =
		(__uint128_t)(lower ^ seed) * (upper ^ (seed >> 13) ^ UINT64_C(0x9e3779b97f4a7c15));
	const uint64_t folded = (uint64_t)m ^ (uint64_t)(m >> 64);

	return (uint32_t)folded ^ (uint32_t)(folded >> 32);
}

/* @addr: its four bytes. */
static inline uint64_t tw_endpoint_v4(const uint8_t *addr, uint16_t port)
{
	uint32_t raw;

	memcpy(&raw, addr, sizeof(raw));
	return (uint64_t)raw << 16 | port;
}

static inline uint32_t tw_tuple_tag(const struct tw_tuple *t, uint64_t seed)
{
	if (tw_addr_is_v4(&t->addr[0]) && tw_addr_is_v4(&t->addr[1]))
		return tw_tuple_tag_v4(tw_endpoint_v4(t->addr[0].b + 12, t->port[0]),
				       tw_endpoint_v4(t->addr[1].b + 12, t->port[1]), seed);
	return (uint32_t)tw_tuple_hash(t, seed);
}

/* From the 4 bytes of a header, IPv4-mapped (RFC 4291, 2.5.5.2); from the 16 of one. */
static inline struct tw_addr tw_addr_from_v4(const void *bytes)
{
	struct tw_addr a = { .b = { [10] = 0xff, [11] = 0xff } };

	memcpy(a.b + 12, bytes, 4);
	return a;
}

static inline struct tw_addr tw_addr_from_v6(const void *bytes)
{
	struct tw_addr a;

	memcpy(a.b, bytes, sizeof(a.b));
	return a;
}

#define TW_ENDPOINT_TEXT 64
/* "192.0.2.1:80", "[2001:db8::1]:80" into @out (TW_ENDPOINT_TEXT bytes); returns @out. */
const char *tw_endpoint_text(char *out, const struct tw_addr *a, uint16_t port);
/* The address alone: "192.0.2.1", "2001:db8::1". */
const char *tw_addr_text(char *out, const struct tw_addr *a);
/* The reverse of it; false: @text is no address of that family. */
bool tw_addr_parse(struct tw_addr *out, const char *text, bool v6);

#endif
