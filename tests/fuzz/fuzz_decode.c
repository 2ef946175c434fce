/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of any link type through the decoder. Input: the link type (2 bytes, little endian), then
 * frames, each after its length (2 bytes); several, so that fragments can meet.
 *
 * Each frame is decoded twice, into segments that held different garbage before: a field that is
 * not set shows as a difference. A third decoder makes the brief of it, which must say the same.
 */
#include "fuzz.h"

#include "packet/brief.h"

#include <stddef.h>
#include <string.h>

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void decode(struct tw_decoder *d, const struct tw_frame *f, int garbage,
		   struct tw_segment *s)
{
	memset(s, garbage, sizeof(*s));
	require(tw_decode(d, f, s) == s->kind);
	tw_decode_detail(d, f, s);
}

/* What holds for every segment, whatever the bytes were. */
static void check(const struct tw_segment *s)
{
	require(s->kind <= TW_SEG_MALFORMED);
	require(s->sack_count <= TW_SACK_MAX && s->wscale <= 14);
	require(s->payload_head_bytes <= sizeof(s->payload_head));
	require(s->payload_captured <= s->payload_bytes);
	require(s->payload_cut ==
		(s->kind == TW_SEG_TCP && s->payload_captured < s->payload_bytes));
	require(!s->payload_captured == !s->payload_hash);
	require(memchr(s->rst_text, 0, sizeof(s->rst_text)));
	require(s->checksum == TW_CSUM_UNKNOWN || (s->kind == TW_SEG_TCP && !s->payload_cut));
	if (s->kind == TW_SEG_TCP)
		require(s->header_bytes >= 20 && s->header_bytes <= 60 &&
			s->l4_offset >= s->l3_offset + 20);
	if (s->kind == TW_SEG_ICMP_ERROR)
		require(s->icmp_version == 4 || s->icmp_version == 6);
	if (s->kind != TW_SEG_TCP && s->kind != TW_SEG_ICMP_ERROR)
		require(!s->sport && !s->dport && !s->seq && !s->flags && !s->payload_bytes);
}

/* The fast way against the one that every frame can take. */
static void check_brief(struct tw_decoder *d, struct tw_decoder *slow, const struct tw_frame *f)
{
	struct tw_brief brief, expected;

	tw_decode_briefs(d, f, 1, 1, &brief);
	tw_decode_brief(slow, f, 1, &expected);
	require(!memcmp(&brief, &expected, offsetof(struct tw_brief, section) + 2));
}

/* The payloads, which may be in either decoder's own copy, are compared; where they stand is not. All of each is readable. */
static void take_payload(struct tw_segment *a, struct tw_segment *b)
{
	require(!a->payload == !b->payload);
	if (a->payload)
		require(a->payload_captured == b->payload_captured &&
			!memcmp(a->payload, b->payload, a->payload_captured));
	a->payload = b->payload = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tw_decoder *decoder[4] = { tw_decoder_new(), tw_decoder_new(), tw_decoder_new(),
					  tw_decoder_new() };
	struct tw_frame f = { 0 };
	struct tw_segment s[2];

	require(decoder[0] && decoder[1] && decoder[2] && decoder[3]);
	if (size >= 2) {
		f.linktype = (uint16_t)(data[0] | data[1] << 8);
		data += 2;
		size -= 2;
	}
	while (size > 2) {
		size_t length = data[0] | (size_t)data[1] << 8;
		uint8_t *exact;

		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		/* A buffer of just this size: a read past the frame is seen. */
		exact = malloc(length ? length : 1);
		require(exact);
		memcpy(exact, data, length);
		f.data = exact;
		f.caplen = (uint32_t)length;
		f.len = (uint32_t)length + (f.number % 3 == 2 ? 100 : 0);
		f.number++;
		f.time_ns += 1000;
		decode(decoder[0], &f, 0x00, &s[0]);
		decode(decoder[1], &f, 0xff, &s[1]);
		take_payload(&s[0], &s[1]);
		require(!memcmp(&s[0], &s[1], sizeof(s[0])));
		check(&s[0]);
		check_brief(decoder[2], decoder[3], &f);
		free(exact);
		data += length;
		size -= length;
	}
	tw_decoder_free(decoder[0]);
	tw_decoder_free(decoder[1]);
	tw_decoder_free(decoder[2]);
	tw_decoder_free(decoder[3]);
	return 0;
}
