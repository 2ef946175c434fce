/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the records of TLS begin and end (RFC 8446 s5.1; TLS 1.2 has them alike). What they hold can not be read; that the last
 * one is not whole can.
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
#include "packet/seq.h"

#include <string.h>

#define STUCK_BYTES (1u << 30) /* so far behind the numbers could not be compared for long */

/* The byte of the next header that is wanted now, if @p has it: its offset in the payload; else -1. */
static int64_t wanted_in(const struct tw_records *r, uint32_t seq, uint32_t captured)
{
	const uint32_t at = r->next + r->have - seq;

	return at < captured ? (int64_t)at : -1;
}

static void take_header(struct tw_records *r, const struct tw_pkt *p)
{
	const uint32_t bytes = tw_tls_record_at(r->header);

	if (!bytes) {
		r->lost = true;
		return;
	}
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
	if (s->payload)
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
