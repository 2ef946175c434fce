/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_SEQ_H
#define TW_PACKET_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/*
 * All sequence-number arithmetic of the program (RFC 9293 s3.4): numbers live on a ring of 2^32,
 * "less" is meaningful for distances below 2^31. The same comparison serves timestamps (RFC 7323
 * s5.2).
 */
static inline int32_t tw_seq_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline bool tw_seq_lt(uint32_t a, uint32_t b)
{
	return tw_seq_diff(a, b) < 0;
}

static inline bool tw_seq_le(uint32_t a, uint32_t b)
{
	return tw_seq_diff(a, b) <= 0;
}

static inline bool tw_seq_gt(uint32_t a, uint32_t b)
{
	return tw_seq_diff(a, b) > 0;
}

static inline bool tw_seq_ge(uint32_t a, uint32_t b)
{
	return tw_seq_diff(a, b) >= 0;
}

/* Is @x in [lo, hi) on the ring? */
static inline bool tw_seq_in(uint32_t x, uint32_t lo, uint32_t hi)
{
	return x - lo < hi - lo;
}

#endif
