/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PACKET_HTTP_H
#define TW_PACKET_HTTP_H

#include "packet/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* How a message of HTTP/1, a request or an answer, tells where it ends (RFC 9112 s6.3). */
enum tw_body {
	TW_BODY_UNKNOWN, /* an answer: by the close of the connection; or not to be seen */
	TW_BODY_NONE,    /* a status that has none: 204, 304; a request without a length */
	TW_BODY_LENGTH,  /* Content-Length */
	TW_BODY_CHUNKED, /* behind the last chunk */
	TW_BODY_INTERIM, /* a 1xx, which has none: the answer is still to come */
	/* no message of HTTP, but of what says its length in a header: */
	TW_BODY_RECORD,     /* a record of TLS */
	TW_BODY_FRAME,      /* a frame of HTTP/2 */
	TW_BODY_POSTGRESQL, /* a message of PostgreSQL */
	TW_BODY_MYSQL,      /* a packet of MySQL */
	TW_BODY_HEAD,       /* an answer whose segment ends in the midst of a line of its head */
};

/* A message in a segment; offsets count from the beginning of the segment's payload. */
struct tw_http_message {
	bool request;
	enum tw_body body;
	uint32_t begins;    /* its first line */
	uint32_t body_from; /* what follows its head; of TW_BODY_UNKNOWN 0 */
	uint64_t
		ends; /* TW_BODY_LENGTH: behind its last byte, far behind the segment; _HEAD: behind the next one */
};

#define TW_HTTP_HEAD_BYTES 16 /* none is shorter: a first line and the empty one */

/* May a message begin here? By the first byte: 'H' of an answer, 'P' of a request that has a body; '@' and 'X', too. */
static inline bool tw_http_may_begin(const uint8_t *p)
{
	return (p[0] & 0xe7) == 0x40;
}

/* The first line of a client's preface of HTTP/2 (RFC 9113 s3.4). @p: TW_HTTP_HEAD_BYTES at least. */
static inline bool tw_http2_is_preface(const uint8_t *p)
{
	return memcmp(p, "PRI * HTTP/2.0\r\n", TW_HTTP_HEAD_BYTES) == 0;
}

/*
 * The last message that begins in a segment which begins with one, of whose @wire bytes @bytes are captured: an answer, or
 * a request by POST, PUT or PATCH; others have no body as a rule. Only whole heads tell anything: of one that is
 * cut, or goes on in the next segment, the body is TW_BODY_UNKNOWN, but for an answer's that stops within a line. False: no such message begins here. Whether
 * a body follows an answer depends on its request, too: after HEAD and CONNECT none does, whatever the head says.
 */
bool tw_http_message(const uint8_t *p, uint32_t bytes, uint32_t wire, struct tw_http_message *out);

/* Does such a message tell at its head where it ends, or that it has not ended? */
static inline bool tw_body_has_end(enum tw_body body)
{
	return body == TW_BODY_LENGTH || body == TW_BODY_HEAD;
}

/* Is the end of @m known, and near enough for sequence numbers to have an order up to there? */
static inline bool tw_http_end_known(const struct tw_http_message *m)
{
	return tw_body_has_end(m->body) && m->ends <= INT32_MAX;
}

/*
 * Is a request among those that begin here whose answer has no body, whatever its head says: HEAD (perhaps sent together
 * with others before it), or CONNECT, which opens a tunnel?
 */
bool tw_http_asks_no_body(const uint8_t *p, uint32_t bytes);

/* The end of a last chunk, with or without trailers (RFC 9112 s7.1). Chunk data may end so by chance. */
static inline bool tw_http_ends_blank(const uint8_t *p, uint32_t bytes)
{
	return bytes >= 4 && tw_load_be32(p + bytes - 4) == 0x0d0a0d0a;
}

/* Does the message go on behind this segment, of whose @wire bytes of payload @captured are at @p? */
bool tw_http_goes_on(const struct tw_http_message *m, const uint8_t *p, uint32_t captured,
		     uint32_t wire);

#endif
