/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_BRIEF_H
#define TW_PACKET_BRIEF_H

#include "packet/decode.h"
#include "packet/tuple.h"

/*
 * What the first look needs of a packet, and no more: it is made of every one. The connection's key is in
 * it already, because who is asked about a packet is asked by its key.
 */
struct tw_brief {
	/* Of a neighbour message: [0] is asked for, or announced, [1] asks, or is answered. */
	struct tw_tuple tuple;
	uint32_t tag; /* tw_tuple_tag() */
	int64_t time_ns;
	uint64_t number; /* of the frame */
	uint32_t seq, ack, payload_bytes;
	uint16_t
		flags; /* enum tw_tcp_flag; of a neighbour message: TW_SYN, and TW_ACK if it answers */
	uint16_t window;
	uint8_t sender; /* its side of the tuple */
	uint8_t ttl;
	uint8_t kind; /* TW_SEG_TCP, TW_SEG_ICMP_ERROR or TW_SEG_NEIGHBOUR */
	bool ipv4;
};

/*
 * Decode @n frames, and write a brief of each that the first look needs to @out (room for @n); @seed is
 * tw_tuple_tag()'s. Returns how many. Hot path.
 */
unsigned tw_decode_briefs(struct tw_decoder *d, const struct tw_frame *frames, unsigned n,
			  uint64_t seed, struct tw_brief *out);

/* Of one segment (a neighbour message needs its detail). False: the first look does not need it. */
bool tw_brief_of(const struct tw_frame *f, const struct tw_segment *s, uint64_t seed,
		 struct tw_brief *out);

#endif
