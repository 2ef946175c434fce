/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_DECODE_H
#define TW_PACKET_DECODE_H

#include "packet/frame.h"
#include "packet/segment.h"

/*
 * From a frame to a segment. Never reads outside the captured bytes; what the snaplen cut is told
 * from what is malformed. The decoder keeps state only for IP reassembly (bounded, and counted).
 */
struct tw_decoder;

struct tw_decoder_stats {
	uint64_t frames, tcp, icmp_errors, neighbour, other, fragments, cut, malformed;
	uint64_t unknown_link_frames; /* of link types that are not supported */
	uint16_t unknown_link;        /* the first such LINKTYPE_ value */
	uint64_t reassembled, reassembly_evicted;
	uint64_t snaplen_cut_payload; /* counted by tw_decode_detail(): TCP payload was cut */
};

/* NULL when memory is out. */
struct tw_decoder *tw_decoder_new(void);
void tw_decoder_free(struct tw_decoder *d);
const struct tw_decoder_stats *tw_decoder_stats(const struct tw_decoder *d);

/*
 * Decode the core of @f into @s (the detail fields are left untouched). Hot path.
 * Return: s->kind.
 */
enum tw_segment_kind tw_decode(struct tw_decoder *d, const struct tw_frame *f,
			       struct tw_segment *s);

/* @n frames were decoded without it (brief.c), and all of them were TCP segments. */
void tw_decoder_count_usual(struct tw_decoder *d, unsigned n);

/*
 * For passing over the frames of connections that nobody asks for: much cheaper than decoding them. A bit for
 * each flow (tw_tuple_flow() with @seed) that is wanted, at its upper half & @mask.
 */
struct tw_sieve {
	uint64_t *bits;
	uint32_t mask;
	uint64_t seed;
};

static inline uint32_t tw_sieve_bit(const struct tw_sieve *s, uint64_t flow)
{
	return (uint32_t)(flow >> 32) & s->mask;
}

/* 0 is a flow that is not known, and passes. */
static inline bool tw_sieve_passes(const struct tw_sieve *s, uint64_t flow)
{
	const uint32_t bit = tw_sieve_bit(s, flow);

	return (flow == 0) | (s->bits[bit / 64] >> bit % 64 & 1);
}

/* tw_tuple_flow() of a frame, read from fixed offsets; 0 if only tw_decode() can tell. */
uint64_t tw_decode_flow(const struct tw_frame *f, uint64_t seed);

/*
 * Which of @n frames may be of a wanted flow? Their places go to @passed, with the flow of each to @flow, 0 if
 * only tw_decode() can tell. Returns how many.
 */
unsigned tw_decode_sift(const struct tw_frame *frames, unsigned n, const struct tw_sieve *sieve,
			uint8_t *passed, uint64_t *flow);

/*
 * Fill the detail fields of a segment that tw_decode() produced from this same frame, with no other
 * frame decoded in between (a reassembled segment's bytes live in the decoder until the next call).
 */
void tw_decode_detail(struct tw_decoder *d, const struct tw_frame *f, struct tw_segment *s);

/* The payload of a TCP segment, as far as it is captured; as for tw_decode_detail(). */
const uint8_t *tw_decode_payload(const struct tw_decoder *d, const struct tw_frame *f,
				 const struct tw_segment *s, uint32_t *captured);

/* True if the link type is understood; its name for messages ("EN10MB"), never NULL. */
bool tw_linktype_supported(uint16_t linktype);
const char *tw_linktype_name(uint16_t linktype);

#endif
