/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_HTTP2_H
#define TW_CONNECTION_HTTP2_H

#include "packet/segment.h"

struct tw_pkt;

#define TW_HTTP2_FRAME_BYTES 9 /* the header of a frame (RFC 9113 s4.1) */
#define TW_HTTP2_READ_BYTES                                                                        \
	17 /* and what of GOAWAY, the longest that is looked into, is read behind it */
#define TW_HTTP2_REQUESTS_MAX 1024

/* Where something stands in the capture; frame 0: nowhere. */
struct tw_http2_place {
	uint64_t frame;
	int64_t time_ns;
};

/* A stream that the client began and that has not ended: a request whose answer is not whole. */
struct tw_http2_request {
	uint32_t id;
	uint32_t behind; /* its HEADERS: the number in the client's data */
	bool whole;      /* the client has said all of it (END_STREAM) */
	bool answered;   /* the answer has begun: HEADERS of the server */
	struct tw_http2_place asked;
};

/* The frames of one end. Positions are sequence numbers as on the wire. */
struct tw_http2_reader {
	bool begun;
	uint32_t next;                     /* behind the frame whose header was read last */
	uint8_t head[TW_HTTP2_READ_BYTES]; /* of the next one, as far as it came, */
	uint8_t have;                      /* so many bytes */
	uint32_t bytes;                    /* of the last one, header included; 0: none yet */
	uint32_t ends_request;             /* it is the last of this stream; 0: it is not */
	struct tw_http2_place header;      /* of the last one */
	uint32_t sent_up_to;               /* behind the highest payload, seen or not */
};

/*
 * HTTP/2 in clear, followed from the client's preface on, up to the first FIN or reset of either end: what was asked, and is
 * still to be answered then.
 */
struct tw_http2 {
	bool prefaced; /* the client's first words are its preface */
	bool lost; /* a header was never captured, or is none; too many requests: nothing of this may be used */
	bool ended; /* by a FIN or reset: the rest stands as it was then */
	struct tw_http2_reader reader[2];

	struct tw_http2_request *open; /* in order of their beginning */
	size_t open_count, open_cap;
	uint32_t highest; /* the client's last stream */

	struct tw_http2_goaway {
		struct tw_http2_place at;
		uint32_t last_id, error;
	} goaway[2];                /* the last one of either end */
	struct tw_http2_place ping; /* the client's, not acknowledged */

	/* the client's last request that it reset without having got any of its answer */
	struct tw_http2_request cancelled;
	struct tw_http2_place cancelled_at; /* frame 0: none */

	/* the first that the server's FIN does not acknowledge: it crossed that, or was begun behind it */
	uint32_t late_id; /* 0: none */
	struct tw_http2_place late;
};

/* Could @s, at the connection's @first number of that end, be how the @client or the server begins HTTP/2 (RFC 9113 s3.4)? */
bool tw_http2_begins(const struct tw_segment *s, uint32_t first, bool client);

/*
 * Take note of a segment of end @side, 0 being the client. @first: the number of that end's first byte, by its SYN. @p: its record; @s:
 * the same, decoded with detail. Without memory it is lost.
 */
void tw_http2_note(struct tw_http2 *h, int side, uint32_t first, const struct tw_pkt *p,
		   const struct tw_segment *s);

/* Is it HTTP/2, all headers of which were seen up to now? NULL is not. */
bool tw_http2_known(const struct tw_http2 *h);

/* Bytes that the last frame of @side lacks, of a connection that is known; 0: none. */
uint32_t tw_http2_missing(const struct tw_http2 *h, int side);

/* Free what it holds, and itself; NULL is allowed. */
void tw_http2_free(struct tw_http2 *h);

#endif
