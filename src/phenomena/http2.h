/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_HTTP2_H
#define TW_PHENOMENA_HTTP2_H

#include "phenomena/phenomenon.h"

/* The requests of HTTP/2 in clear, told by their frames. Each fills @m, or returns false and leaves it alone. */

/* The name of an error code (RFC 9113 s7), static; "unknown" of others. */
const char *tw_http2_error_name(int64_t error);

/* process-died: the server closed with requests open. @refused: what the client still said drew a reset. */
bool tw_match_http2_broken_off(struct tw_match *m, bool refused);

/* app-stuck: the client was weary of waiting for an answer, or for that to a PING. */
bool tw_match_http2_unanswered(struct tw_match *m);

/*
 * Had the server closed with nothing open, and said that it takes up nothing any more (GOAWAY)? Then what the client begins behind that
 * it may begin again elsewhere (RFC 9113 s6.8), and its library does.
 */
bool tw_http2_may_repeat(const struct tw_facts *f);

/* Cite that GOAWAY, if it may. */
void tw_http2_cite_repeat(struct tw_match *m);

#endif
