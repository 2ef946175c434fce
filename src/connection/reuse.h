/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_REUSE_H
#define TW_CONNECTION_REUSE_H

#include "packet/segment.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * When does a segment on a known four-tuple begin a new connection? Wireshark's rule, so that our
 * stream numbers are its tcp.stream: a pure SYN does, if its sequence number is not the base of its
 * direction. One with the same number is a repeat, also after a FIN or a RST: no stack chooses the
 * same initial number twice by chance, and a SYN_SENT end that refused an answer repeats its SYN. (Measured
 * with Wireshark 4.0; later versions begin anew after a FIN or a RST.)
 *
 * The base of a direction is the sequence number of its first SYN; without one, one less than the first
 * sequence number seen; and if the direction has not spoken yet, one less than the first number that the
 * other one acknowledged. A SYN|ACK with another number moves the base of its direction.
 */
struct tw_reuse {
	uint32_t base[2]; /* per side of the tuple */
	bool base_set[2];
};

static inline bool tw_reuse_begins(bool base_set, uint32_t base, uint16_t flags, uint32_t seq)
{
	return (flags & (TW_SYN | TW_ACK)) == TW_SYN && base_set && seq != base;
}

/* The base that a segment gives to its own direction. */
static inline uint32_t tw_reuse_base(uint16_t flags, uint32_t seq)
{
	return flags & TW_SYN ? seq : seq - 1;
}

static inline bool tw_reuse_is_new(const struct tw_reuse *r, int sender, const struct tw_segment *s)
{
	return tw_reuse_begins(r->base_set[sender], r->base[sender], s->flags, s->seq);
}

static inline void tw_reuse_note(struct tw_reuse *r, int sender, const struct tw_segment *s)
{
	const bool synack = (s->flags & (TW_SYN | TW_ACK)) == (TW_SYN | TW_ACK);

	if (!r->base_set[sender] || synack) {
		r->base[sender] = tw_reuse_base(s->flags, s->seq);
		r->base_set[sender] = true;
	}
	if (!r->base_set[!sender] && s->flags & TW_ACK) {
		r->base[!sender] = s->ack - 1;
		r->base_set[!sender] = true;
	}
}

#endif
