/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the records of TLS begin and end (RFC 8446 s5.1; TLS 1.2 has them alike), the messages of PostgreSQL (version 3 of its
 * protocol, which a server begins by asking for the password, or by a byte about TLS), or the packets of MySQL (and MariaDB; a server
 * begins with its greeting, version 10). That the last one is not whole tells that its sender had more to say; so does a row, behind
 * which other rows come, or the end of the result.
 *
 *	segment	|.............|.............|.............|......FIN
 *	record	|H....................|H.........................x.....
 *		 length 4000           length 16401		 up to here it was sent: so much is missing
 *
 * Headers count in their order. One that the capture, or its snap length, does not hold ends the knowledge: what follows
 * may be anything. Holes within records do no harm.
 */
#include "connection/records.h"

#include "connection/dossier.h"
#include "packet/bytes.h"
#include "packet/seq.h"
#define MESSAGE_MAX        (1u << 30) /* no message of PostgreSQL is longer (PQ_LARGE_MESSAGE_LIMIT) */
#define AUTHENTICATION_MAX 1024
#define GREETING_MIN       40 /* of MySQL: its version, and what it is able to */
#define GREETING_MAX       255
#define COUNT_BYTES_MAX    9 /* a number of columns, as the first packet of a result */
#define MYSQL_END          0xfe /* of rows, or of what describes the columns: EOF, or OK in its place */
#define MYSQL_ERROR        0xff
#define STUCK_BYTES        (1u << 30) /* so far behind the numbers could not be compared for long */

/* The byte of the next header that is wanted now, if @p has it: its offset in the payload; else -1. */
static int64_t wanted_in(const struct tw_records *r, uint32_t seq, uint32_t captured)
{
	const uint32_t at = r->next + r->have - seq;

	return at < captured ? (int64_t)at : -1;
}

/* Bytes of the message of PostgreSQL with this header: its length counts itself, and not the type. 0: it is none. */
static uint32_t postgresql_at(const uint8_t *h)
{
	const uint32_t length = tw_load_be32(h + 1);
	const bool letter = (h[0] | 0x20) >= 'a' && (h[0] | 0x20) <= 'z';

	return (letter || (h[0] >= '1' && h[0] <= '3')) && length >= 4 && length < MESSAGE_MAX
		       ? 1 + length
		       : 0;
}

static uint32_t mysql_length(const uint8_t *h)
{
	return h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16;
}

/*
 * Bytes of the packet of MySQL with this header; 0: it is none. Their numbers count from the client's question on (which has 0), so an answer
 * begins with 1. In the compressed protocol they do not, and TLS has no such.
 */
static uint32_t mysql_at(const struct tw_records *r, const uint8_t *h)
{
	const uint32_t length = mysql_length(h);
	const uint8_t ahead = (uint8_t)(h[3] - r->number);

	if (!length || tw_tls_record_at(h))
		return 0;
	/* while the client proves who it is both count in turn */
	return !r->bytes || h[3] == 1 || ahead == 1 || ahead == 2 ? 4 + length : 0;
}

/* The first one is the greeting. */
static bool greets_as_mysql(const uint8_t *h)
{
	return !h[3] && h[4] == 10 && mysql_length(h) >= GREETING_MIN &&
	       mysql_length(h) <= GREETING_MAX;
}

/* What the first header shows: PostgreSQL's is that of a request to authenticate. */
static enum tw_framing framing_of(const uint8_t *h)
{
	if (tw_tls_record_at(h))
		return TW_FRAMING_TLS;
	if (greets_as_mysql(h))
		return TW_FRAMING_MYSQL;
	return h[0] == 'R' && postgresql_at(h) && postgresql_at(h) <= AUTHENTICATION_MAX
		       ? TW_FRAMING_POSTGRESQL
		       : TW_FRAMING_UNKNOWN;
}

static uint32_t record_bytes(const struct tw_records *r)
{
	switch (r->framing) {
	case TW_FRAMING_TLS:
		return tw_tls_record_at(r->header);
	case TW_FRAMING_POSTGRESQL:
		return postgresql_at(r->header);
	case TW_FRAMING_MYSQL:
		return mysql_at(r, r->header);
	case TW_FRAMING_UNKNOWN:
		break;
	}
	return 0;
}

/*
 * A result of MySQL: how many columns; what describes them; rows; its end, or an error. Behind EOF, which older ones have in front of the
 * rows, too, it may be whole. The answers to all other commands begin otherwise, or are longer.
 */
static bool goes_on_mysql(struct tw_records *r)
{
	const uint8_t *h = r->header;
	const uint32_t length = mysql_length(h);
	const bool goes_round = r->within_result && !r->number; /* they have one byte */

	if (h[3] == 1 && !goes_round)
		return r->is_result =
			       length <= COUNT_BYTES_MAX && h[4] && h[4] <= 0xfc && h[4] != 0xfb;
	if (!r->is_result || h[4] == MYSQL_ERROR || (h[4] == MYSQL_END && length < 0xffffff))
		return false;
	/* the last of several results may be a mere OK */
	return r->within_result || h[4];
}

/* Of PostgreSQL: RowDescription, DataRow, CopyData; CommandComplete is to come. */
static bool goes_on_postgresql(const struct tw_records *r)
{
	return r->header[0] == 'T' || r->header[0] == 'D' || r->header[0] == 'd';
}

static bool goes_on(struct tw_records *r)
{
	if (r->framing == TW_FRAMING_MYSQL)
		return goes_on_mysql(r);
	return r->framing == TW_FRAMING_POSTGRESQL && goes_on_postgresql(r);
}

/* ErrorResponse of PostgreSQL, ERR of MySQL. */
static bool tells_error(const struct tw_records *r)
{
	if (r->framing == TW_FRAMING_MYSQL)
		return r->header[4] == MYSQL_ERROR;
	return r->framing == TW_FRAMING_POSTGRESQL && r->header[0] == 'E';
}

static void take_header(struct tw_records *r, const struct tw_pkt *p)
{
	uint32_t bytes;

	if (!r->bytes)
		r->framing = framing_of(r->header);
	bytes = record_bytes(r);
	if (!bytes) {
		r->lost = true;
		return;
	}
	r->within_result = goes_on(r);
	r->is_error = tells_error(r);
	r->number = r->header[3];
	r->next += bytes;
	r->bytes = bytes;
	r->frame = p->frame;
	r->time_ns = p->time_ns;
	r->have = 0;
}

static void read_headers(struct tw_records *r, const struct tw_pkt *p, const struct tw_segment *s)
{
	int64_t at;

	while (!r->lost && (at = wanted_in(r, s->seq, s->payload_captured)) >= 0) {
		r->header[r->have++] = s->payload[at];
		if (r->have == sizeof(r->header))
			take_header(r, p);
	}
}

/* One byte, S or N: PostgreSQL's answer to the question whether it speaks TLS. What it says begins behind that. */
static bool answers_about_tls(const struct tw_records *r, const struct tw_segment *s)
{
	return !r->bytes && !r->have && s->payload && s->payload_bytes == 1 &&
	       s->payload_captured == 1 && s->seq == r->next &&
	       (s->payload[0] == 'S' || s->payload[0] == 'N');
}

void tw_records_note(struct tw_records *r, uint32_t first, const struct tw_pkt *p,
		     const struct tw_segment *s)
{
	const uint32_t end = s->seq + s->payload_bytes;

	if (r->lost || s->flags & (TW_SYN | TW_RST) || !(s->payload_bytes || s->flags & TW_FIN))
		return;
	if (!r->begun) {
		r->begun = true;
		r->next = first;
	}
	if (!r->sent || tw_seq_gt(end, r->sent_up_to))
		r->sent_up_to = end;
	r->sent = true;
	if (answers_about_tls(r, s))
		r->next++;
	else if (s->payload)
		read_headers(r, p, s);
	if (tw_seq_gt(r->sent_up_to, r->next) && r->sent_up_to - r->next > STUCK_BYTES)
		r->lost = true;
}

uint32_t tw_records_missing(const struct tw_records *r)
{
	if (r->lost || !r->bytes || !tw_seq_lt(r->sent_up_to, r->next))
		return 0;
	return r->next - r->sent_up_to;
}

bool tw_records_within_result(const struct tw_records *r)
{
	return !r->lost && r->bytes && r->sent_up_to == r->next && r->within_result;
}

bool tw_records_end_in_error(const struct tw_records *r)
{
	return !r->lost && r->bytes && r->sent_up_to == r->next && r->is_error;
}
