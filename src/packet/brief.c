/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From frames to briefs. What nearly all frames are is written straight from the wire's bytes
 * (tw_brief_of_usual()); whatever is not of that kind takes the way of every other reader, through a segment.
 */
#include "packet/brief.h"
#include "packet/decode_private.h"

#define likely(x) __builtin_expect(!!(x), 1)

void tw_brief_of(const struct tw_frame *f, const struct tw_segment *s, uint64_t seed,
		 struct tw_brief *out)
{
	*out = (struct tw_brief){ .time_ns = f->time_ns,
				  .number = f->number,
				  .section = f->section,
				  .kind = (uint8_t)s->kind };
	if (s->kind == TW_SEG_NEIGHBOUR) {
		out->tuple.addr[0] = s->neighbour_target;
		out->tuple.addr[1] = s->neighbour_sender;
		out->flags = s->neighbour_is_answer ? TW_SYN | TW_ACK : TW_SYN;
	} else if (s->kind == TW_SEG_TCP || s->kind == TW_SEG_ICMP_ERROR) {
		out->sender = (uint8_t)tw_tuple_of(s, &out->tuple);
		out->tag = tw_tuple_tag(&out->tuple, seed);
		out->seq = s->seq;
		out->ack = s->ack;
		out->payload_bytes = s->payload_bytes;
		out->flags = s->flags;
		out->window = s->window;
		out->ttl = s->ttl;
		out->ipv4 = s->ip_version == 4;
		if (!out->ipv4 && s->labelled)
			out->flags |= TW_BRIEF_LABELLED;
	}
}

void tw_brief_of_payload(const uint8_t *payload, uint32_t captured, struct tw_brief *b)
{
	const uint32_t wire = b->payload_bytes;
	struct tw_http_message m;

	if (captured > wire)
		captured = wire; /* padding, a checksum */
	if (captured >= TW_TLS_HELLO_BYTES && tw_tls_is_client_hello(payload))
		b->flags |= TW_BRIEF_HELLO;
	if (captured >= TW_HTTP_HEAD_BYTES && tw_http2_is_preface(payload))
		b->flags |= TW_BRIEF_PREFACE;
	if (!tw_http_message(payload, captured, wire, &m) || m.body == TW_BODY_INTERIM)
		return;
	b->flags |= TW_BRIEF_MESSAGE | (m.request ? 0 : TW_BRIEF_ANSWER);
	if (!tw_http_goes_on(&m, payload, captured, wire))
		return;
	b->flags |= TW_BRIEF_GOES_ON;
	if (tw_http_end_known(&m)) {
		b->flags |= TW_BRIEF_END_KNOWN;
		b->message_end = b->seq + (uint32_t)m.ends;
	}
}

static void note_mptcp(const struct tw_segment *s, struct tw_brief *b)
{
	if (s->options & TW_OPT_MPTCP && s->mptcp_subtype == TW_MPTCP_CAPABLE)
		b->flags |= TW_BRIEF_MPTCP;
}

void tw_brief_of_options(const uint8_t *options, uint32_t captured, uint32_t wire,
			 struct tw_brief *b)
{
	struct tw_segment s = { 0 };
	const struct tw_span all = { options, captured, wire };

	tw_packet_tcp_options(&s, tw_span_trim(all, wire));
	note_mptcp(&s, b);
}

void tw_decode_brief(struct tw_decoder *d, const struct tw_frame *f, uint64_t seed,
		     struct tw_brief *out)
{
	struct tw_segment s;
	const uint8_t *payload;
	uint32_t captured;

	if (tw_decode(d, f, &s) == TW_SEG_NEIGHBOUR)
		tw_decode_detail(d, f, &s);
	tw_brief_of(f, &s, seed, out);
	if (s.kind != TW_SEG_TCP)
		return;
	if (tw_brief_may_be_mptcp(s.flags, s.header_bytes)) {
		tw_decode_detail(d, f, &s);
		note_mptcp(&s, out);
	}
	payload = tw_decode_payload(d, f, &s, &captured);
	tw_brief_of_payload(payload, captured, out);
}

void tw_decode_briefs(struct tw_decoder *d, const struct tw_frame *frames, unsigned n,
		      uint64_t seed, struct tw_brief *out)
{
	unsigned usual = 0, i;

	for (i = 0; i < n; i++) {
		const struct tw_frame *f = &frames[i];

		if (likely(tw_is_usual(f)) &&
		    likely(tw_brief_of_usual(f->data, f->caplen, f->len, seed, &out[i]))) {
			out[i].time_ns = f->time_ns;
			out[i].number = f->number;
			out[i].section = f->section;
			usual++;
		} else {
			tw_decode_brief(d, f, seed, &out[i]);
		}
	}
	tw_decoder_count_usual(d, usual);
}
