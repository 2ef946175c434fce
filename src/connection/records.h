/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CONNECTION_RECORDS_H
#define TW_CONNECTION_RECORDS_H

#include "packet/segment.h"
#include "packet/tls.h"

struct tw_pkt;

/* Of TLS: type, version(2), length(2); of PostgreSQL: type, length(4); of MySQL: length(3), number, and the first byte behind that. */
#define TW_RECORD_HEADER_BYTES 5

enum tw_framing {
	TW_FRAMING_UNKNOWN,
	TW_FRAMING_TLS,
	TW_FRAMING_POSTGRESQL,
	TW_FRAMING_MYSQL,
};

/*
 * The records of TLS, messages of PostgreSQL, or packets of MySQL, that an end sends, followed from the first byte of the connection: each
 * header says where the next one stands. Positions are sequence numbers as on the wire.
 */
struct tw_records {
	bool begun;
	enum tw_framing framing; /* by the first header */
	bool lost;               /* what should be a header is none, or it was never captured */
	uint32_t next;   /* where the next record begins: behind all whose headers were seen */
	uint32_t bytes;  /* of the one before that, header included; 0: there was none yet */
	uint64_t frame;  /* that holds its header */
	int64_t time_ns; /* of that frame */
	uint8_t header[TW_RECORD_HEADER_BYTES], have; /* of the next one, as far as it came */
	uint8_t number;                               /* MySQL: of the last one, */
	bool is_result;                               /* ... which belongs to an answer of rows */
	bool within_result; /* behind the last one, if that is whole, more of a result is due: rows, or their end */
	bool is_error; /* the last one is an error message */
	bool sent;
	uint32_t sent_up_to; /* behind the highest payload, seen or not; its FIN stands there */
};

/*
 * Take note of a segment of that end. @first: the number of the connection's first byte, by its SYN. @p: its record; @s: the
 * same, decoded with detail.
 */
void tw_records_note(struct tw_records *r, uint32_t first, const struct tw_pkt *p,
		     const struct tw_segment *s);

/* Bytes that the last record lacks, 0: none, or not known. */
uint32_t tw_records_missing(const struct tw_records *r);

/* Is the last one whole, and stands in the midst of a result? */
bool tw_records_within_result(const struct tw_records *r);

/* Is the last one whole, and the error message of a database? */
bool tw_records_end_in_error(const struct tw_records *r);

#endif
