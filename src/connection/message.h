/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_MESSAGE_H
#define TW_CONNECTION_MESSAGE_H

#include "packet/segment.h"

struct tw_pkt;

/*
 * The last message of HTTP/1 that an end began, and how the last of its payload ends. Positions are sequence
 * numbers.
 */
struct tw_message {
	bool begun, request;
	bool no_body; /* a request of this end has its answer without a body: tw_http_asks_no_body() */
	enum tw_body body;
	uint32_t begins;    /* its first line */
	uint32_t body_from; /* behind its head, if body is known */
	uint32_t ends;      /* TW_BODY_LENGTH: behind its last byte */
	uint64_t frame;     /* in which it begins */
	int64_t time_ns;

	bool tail_set;
	uint32_t tail_at; /* the payload before it ends so: */
	enum tw_tail tail;
};

/* Take note of a segment of that end. @p: its record; @s: the same, decoded with detail. */
void tw_message_note(struct tw_message *m, const struct tw_pkt *p, const struct tw_segment *s);

#endif
