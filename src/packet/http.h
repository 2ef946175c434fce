/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_HTTP_H
#define TW_PACKET_HTTP_H

#include "packet/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* How an answer of HTTP/1 tells where it ends (RFC 9112 s6.3). */
enum tw_body {
	TW_BODY_UNKNOWN, /* by the close of the connection, or not to be seen */
	TW_BODY_NONE,    /* a status that has none: 1xx, 204, 304 */
	TW_BODY_LENGTH,  /* Content-Length */
	TW_BODY_CHUNKED, /* behind the last chunk */
};

/* An answer in a segment; offsets count from the beginning of the segment's payload. */
struct tw_http_answer {
	enum tw_body body;
	uint32_t begins;    /* its status line */
	uint32_t body_from; /* what follows its head; of TW_BODY_UNKNOWN 0 */
	uint64_t ends;      /* TW_BODY_LENGTH: behind its last byte, far behind the segment */
};

#define TW_HTTP_ANSWER_BYTES 16 /* no head is shorter: a status line and the empty one */

/* Does a status line begin here? @p: 8 bytes at least. */
static inline bool tw_http_begins(const uint8_t *p)
{
	return tw_load_be64(p) >> 8 == UINT64_C(0x485454502f312e); /* "HTTP/1." */
}

/*
 * The last answer that begins in a segment which begins with one, of which @bytes are captured. Only whole heads tell
 * anything: of one that is cut, or goes on in the next segment, the body is TW_BODY_UNKNOWN. False: no answer begins
 * here. Whether a body follows depends on the request, too: after HEAD and CONNECT none does, whatever the head says.
 */
bool tw_http_answer(const uint8_t *p, uint32_t bytes, struct tw_http_answer *out);

/* The end of a last chunk, with or without trailers (RFC 9112 s7.1). Chunk data may end so by chance. */
static inline bool tw_http_ends_blank(const uint8_t *p, uint32_t bytes)
{
	return bytes >= 4 && tw_load_be32(p + bytes - 4) == 0x0d0a0d0a;
}

/* Does the answer go on behind this segment, of whose @wire bytes of payload @captured are at @p? */
bool tw_http_goes_on(const struct tw_http_answer *a, const uint8_t *p, uint32_t captured,
		     uint32_t wire);

#endif
