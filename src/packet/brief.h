/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_BRIEF_H
#define TW_PACKET_BRIEF_H

#include "packet/decode.h"
#include "packet/http.h"
#include "packet/tls.h"
#include "packet/usual.h"

/* What stands in a brief's flags next to those of TCP. */
enum tw_brief_flag {
	TW_BRIEF_MPTCP = 1 << 9,     /* a SYN|ACK that takes up MPTCP (MP_CAPABLE) */
	TW_BRIEF_HELLO = 1 << 10,    /* a ClientHello of TLS begins in it */
	TW_BRIEF_LABELLED = 1 << 11, /* IPv6: it carries a flow label */
	TW_BRIEF_MESSAGE = 1 << 12, /* a message of HTTP/1 begins in it, and is no interim answer */
	TW_BRIEF_ANSWER = 1 << 13,  /* ... an answer */
	TW_BRIEF_PREFACE =
		TW_BRIEF_HELLO | TW_BRIEF_ANSWER, /* a client begins HTTP/2 in clear by it */
	TW_BRIEF_GOES_ON = 1 << 14,               /* ... and goes on behind it, */
	TW_BRIEF_END_KNOWN = 1 << 15,             /* ... up to message_end */
};

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
	uint32_t message_end; /* TW_BRIEF_END_KNOWN: the sequence number behind the message */
	uint16_t
		flags; /* enum tw_tcp_flag, tw_brief_flag; of a neighbour message: TW_SYN, and TW_ACK if it answers */
	uint16_t window;
	uint8_t sender; /* its side of the tuple */
	uint8_t ttl;
	uint8_t kind; /* enum tw_segment_kind; only of TCP, ICMP errors and neighbour messages more is known */
	bool ipv4;
	uint16_t section; /* of the frame */
};

/* Decode @n frames, and write the brief of each to @out. @seed: tw_tuple_tag()'s. Hot path. */
void tw_decode_briefs(struct tw_decoder *d, const struct tw_frame *frames, unsigned n,
		      uint64_t seed, struct tw_brief *out);

/* Of one frame, whatever it is; and of one segment (a neighbour message needs its detail). */
void tw_decode_brief(struct tw_decoder *d, const struct tw_frame *f, uint64_t seed,
		     struct tw_brief *out);
void tw_brief_of(const struct tw_frame *f, const struct tw_segment *s, uint64_t seed,
		 struct tw_brief *out);

/* What a payload of b->payload_bytes, of which @captured are at @payload, adds to its brief. */
void tw_brief_of_payload(const uint8_t *payload, uint32_t captured, struct tw_brief *b);

/*
 * May the options of a SYN|ACK, whose TCP header has @header bytes, hold MP_CAPABLE? Those of plain TCP make it 40 bytes long
 * or less, and the option takes 12 (RFC 8684 s3.1).
 */
static inline bool tw_brief_may_be_mptcp(uint32_t flags, uint32_t header)
{
	return (header > 40) & ((flags & (TW_SYN | TW_ACK)) == (TW_SYN | TW_ACK));
}

/* What such options, of @wire bytes, of which @captured are at @options, add to a brief. */
void tw_brief_of_options(const uint8_t *options, uint32_t captured, uint32_t wire,
			 struct tw_brief *b);

/*
 * Of bytes that tw_are_usual(), but for time, number and section: straight from the wire, each field once. Nothing
 * here depends on which end sends: that is a coin toss, and a wrong guess of the processor costs more than
 * all the rest. False: the lengths contradict each other, nothing may be used. @len: on the wire.
 */
static inline bool tw_brief_of_usual(const uint8_t *data, uint32_t caplen, uint32_t len,
				     uint64_t seed, struct tw_brief *b)
{
	const uint8_t *ip = data + TW_USUAL_IP, *tcp = data + TW_USUAL_TCP;
	const uint32_t total = tw_load_be16(ip + 2), word = tw_load_be32(tcp + 12);
	const uint32_t header = word >> 28 << 2;
	const uint64_t src = tw_endpoint_v4(ip + 12, tw_load_be16(tcp));
	const uint64_t dst = tw_endpoint_v4(ip + 16, tw_load_be16(tcp + 2));
	const uint64_t swap = -(uint64_t)(src > dst), differ = (src ^ dst) & swap;
	const uint64_t lower = src ^ differ, upper = dst ^ differ;
	const uint64_t numbers = tw_load_be64(tcp + 4);

	if (__builtin_expect(!tw_usual_lengths_agree(caplen, len, total, header), 0))
		return false;
	tw_store_v4(&b->tuple.addr[0], tw_v4_word((uint32_t)(lower >> 16)));
	tw_store_v4(&b->tuple.addr[1], tw_v4_word((uint32_t)(upper >> 16)));
	b->tuple.port[0] = (uint16_t)lower;
	b->tuple.port[1] = (uint16_t)upper;
	b->tag = tw_tuple_tag_v4(lower, upper, seed);
	b->seq = (uint32_t)(numbers >> 32);
	b->ack = (uint32_t)numbers;
	b->payload_bytes = total - 20 - header;
	b->message_end = 0;
	b->flags = word >> 16 & 0x1ff;
	b->window = (uint16_t)word;
	b->sender = swap & 1;
	b->ttl = ip[8];
	b->kind = TW_SEG_TCP;
	b->ipv4 = true;
	if (__builtin_expect(tw_brief_may_be_mptcp(b->flags, header), 0))
		tw_brief_of_options(tcp + 20, caplen - TW_USUAL_BYTES, header - 20, b);
	if (TW_USUAL_TCP + header + TW_TLS_HELLO_BYTES <= caplen && /* the shorter of the two */
	    __builtin_expect(tw_http_may_begin(tcp + header) || tw_tls_may_begin(tcp + header), 0))
		tw_brief_of_payload(tcp + header, caplen - TW_USUAL_TCP - header, b);
	return true;
}

#endif
