/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From frames to briefs. What nearly all frames are is written straight from the wire's bytes, each field
 * once; whatever is not of that kind takes the way of every other reader, through a segment.
 *
 * Nothing here depends on which end sends: that is a coin toss, and a wrong guess of the processor costs more
 * than all the rest.
 */
#include "packet/brief.h"

#include "packet/usual.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static inline void store_v4(struct tw_addr *a, uint32_t raw)
{
	const uint64_t w[2] = { 0, tw_v4_word(raw) };

	memcpy(a->b, &w[0], sizeof(w[0]));
	memcpy(a->b + 8, &w[1], sizeof(w[1]));
}

/* A frame that tw_is_usual(). False: its lengths contradict each other. */
static inline bool brief_of_usual(const struct tw_frame *f, uint64_t seed, struct tw_brief *b)
{
	const uint8_t *ip = f->data + TW_USUAL_IP, *tcp = f->data + TW_USUAL_TCP;
	const uint32_t total = tw_load_be16(ip + 2), word = tw_load_be32(tcp + 12);
	const uint32_t header = word >> 28 << 2;
	const uint64_t src = tw_endpoint_v4(ip + 12, tw_load_be16(tcp));
	const uint64_t dst = tw_endpoint_v4(ip + 16, tw_load_be16(tcp + 2));
	const uint64_t swap = -(uint64_t)(src > dst), differ = (src ^ dst) & swap;
	const uint64_t lower = src ^ differ, upper = dst ^ differ;
	const uint64_t numbers = tw_load_be64(tcp + 4);

	if (unlikely(!tw_usual_lengths_agree(f, total, header)))
		return false;
	store_v4(&b->tuple.addr[0], (uint32_t)(lower >> 16));
	store_v4(&b->tuple.addr[1], (uint32_t)(upper >> 16));
	b->tuple.port[0] = (uint16_t)lower;
	b->tuple.port[1] = (uint16_t)upper;
	b->tag = tw_tuple_tag_v4(lower, upper, seed);
	b->time_ns = f->time_ns;
	b->number = f->number;
	b->seq = (uint32_t)(numbers >> 32);
	b->ack = (uint32_t)numbers;
	b->payload_bytes = total - 20 - header;
	b->flags = word >> 16 & 0x1ff;
	b->window = (uint16_t)word;
	b->sender = swap & 1;
	b->ttl = ip[8];
	b->kind = TW_SEG_TCP;
	b->ipv4 = true;
	return true;
}

bool tw_brief_of(const struct tw_frame *f, const struct tw_segment *s, uint64_t seed,
		 struct tw_brief *out)
{
	*out = (struct tw_brief){ .time_ns = f->time_ns,
				  .number = f->number,
				  .kind = (uint8_t)s->kind };
	if (s->kind == TW_SEG_NEIGHBOUR) {
		out->tuple.addr[0] = s->neighbour_target;
		out->tuple.addr[1] = s->neighbour_sender;
		out->flags = s->neighbour_is_answer ? TW_SYN | TW_ACK : TW_SYN;
		return true;
	}
	if (s->kind != TW_SEG_TCP && s->kind != TW_SEG_ICMP_ERROR)
		return false;
	out->sender = (uint8_t)tw_tuple_of(s, &out->tuple);
	out->tag = tw_tuple_tag(&out->tuple, seed);
	out->seq = s->seq;
	out->ack = s->ack;
	out->payload_bytes = s->payload_bytes;
	out->flags = s->flags;
	out->window = s->window;
	out->ttl = s->ttl;
	out->ipv4 = s->ip_version == 4;
	return true;
}

static __attribute__((noinline)) bool brief_of_any(struct tw_decoder *d, const struct tw_frame *f,
						   uint64_t seed, struct tw_brief *out)
{
	struct tw_segment s;

	if (tw_decode(d, f, &s) == TW_SEG_NEIGHBOUR)
		tw_decode_detail(d, f, &s);
	return tw_brief_of(f, &s, seed, out);
}

unsigned tw_decode_briefs(struct tw_decoder *d, const struct tw_frame *frames, unsigned n,
			  uint64_t seed, struct tw_brief *out)
{
	struct tw_brief *to = out;
	unsigned usual = 0, i;

	for (i = 0; i < n; i++) {
		const struct tw_frame *f = &frames[i];

		if (likely(tw_is_usual(f)) && likely(brief_of_usual(f, seed, to))) {
			to++;
			usual++;
		} else {
			to += brief_of_any(d, f, seed, to);
		}
	}
	tw_decoder_count_usual(d, usual);
	return (unsigned)(to - out);
}
