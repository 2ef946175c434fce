/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the decoder's tests share: frames from hex, and a decode that cannot read too far unnoticed.
 */
#ifndef TW_TESTS_FRAMES_H
#define TW_TESTS_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet/decode.h"
#include "packet/tuple.h"

#include <stdlib.h>
#include <string.h>

#define ETHERNET  1
#define RAW_IP    101
#define FRAME_MAX 70000

struct bytes {
	uint32_t n;
	uint8_t b[FRAME_MAX];
};

static inline int nibble(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Lower-case hex digits; spaces are for the reader. */
static inline void append_hex(struct bytes *out, const char *hex)
{
	while (*hex) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		assert_true(out->n < FRAME_MAX);
		out->b[out->n++] = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
		hex += 2;
	}
}

static inline void append(struct bytes *out, const void *p, uint32_t n)
{
	assert_true(out->n + n <= FRAME_MAX);
	memcpy(out->b + out->n, p, n);
	out->n += n;
}

static inline void put16(uint8_t *p, uint32_t x)
{
	p[0] = (uint8_t)(x >> 8);
	p[1] = (uint8_t)x;
}

static inline void put32(uint8_t *p, uint32_t x)
{
	put16(p, x >> 16);
	put16(p + 2, x);
}

/*
 * Decode @cap bytes of a frame of @len: from a block of exactly that size, so that a sanitizer or
 * valgrind sees the first byte too far. The detail fields start out as garbage.
 */
static inline enum tw_segment_kind decode_at(struct tw_decoder *d, struct tw_frame f,
					     const uint8_t *p, struct tw_segment *s)
{
	uint8_t *block = malloc(f.caplen ? f.caplen : 1);
	enum tw_segment_kind kind;

	assert_non_null(block);
	memcpy(block, p, f.caplen);
	f.data = block;
	memset(s, 0xa5, sizeof(*s));
	kind = tw_decode(d, &f, s);
	assert_int_equal(kind, s->kind);
	tw_decode_detail(d, &f, s);
	free(block);
	return kind;
}

static inline enum tw_segment_kind decode_cut(struct tw_decoder *d, uint16_t linktype,
					      const uint8_t *p, uint32_t cap, uint32_t len,
					      struct tw_segment *s)
{
	struct tw_frame f = { .number = 1, .caplen = cap, .len = len, .linktype = linktype };

	return decode_at(d, f, p, s);
}

/* One frame, a decoder of its own. */
static inline enum tw_segment_kind decode_one(uint16_t linktype, const struct bytes *frame,
					      struct tw_segment *s)
{
	struct tw_decoder *d = tw_decoder_new();
	enum tw_segment_kind kind;

	assert_non_null(d);
	kind = decode_cut(d, linktype, frame->b, frame->n, frame->n, s);
	tw_decoder_free(d);
	return kind;
}

static inline void assert_addr(const struct tw_addr *a, const char *text)
{
	char out[TW_ENDPOINT_TEXT];

	assert_string_equal(tw_addr_text(out, a), text);
}

#endif
