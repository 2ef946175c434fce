/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The requests of HTTP/2 in clear (RFC 9113): gRPC within a cluster, as a rule. Each is a stream, which both ends have to end; one
 * that the server has not ended when the connection does was not answered, or not wholly.
 *
 *	client				server
 *	  |---- preface, SETTINGS -------->|
 *	  |<--- SETTINGS ------------------|
 *	  |---- HEADERS 1, END_STREAM ---->|	open: 1
 *	  |---- HEADERS 3, END_STREAM ---->|	open: 1, 3
 *	  |<--- HEADERS 1, END_STREAM -----|	open: 3
 *	  |<--- FIN -----------------------|	3 is lost
 *
 * Frames are found by their headers, each of which says where the next one stands, in their order. A header that the capture, or its
 * snap length, does not hold ends the knowledge. What is compressed (HPACK) is not looked at.
 */
#include "connection/http2.h"

#include "connection/dossier.h"
#include "packet/bytes.h"
#include "packet/seq.h"

#include <stdlib.h>
#include <string.h>

#define PREFACE_BYTES      24
#define PREFACE            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTING_BYTES      6
#define SETTINGS_BYTES_MAX 256 /* of a server's first; there are a dozen settings */
#define TYPE_MAX                                                                                   \
	0x20 /* of those that are defined, ALTSVC, ORIGIN and PRIORITY_UPDATE too, 0x10 is the highest */
#define STUCK_BYTES (1u << 30) /* so far behind the numbers could not be compared for long */

enum frame_type { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY };
enum frame_flag { ACK = 1, END_STREAM = 1 };

/* What the header of a frame says, and what stands behind it. */
struct frame {
	uint32_t bytes; /* without its header */
	uint8_t type, flags;
	uint32_t id;
	const uint8_t *payload; /* as much as payload_bytes() wants */
};

static struct frame frame_of(const uint8_t *h)
{
	return (struct frame){
		.bytes = tw_load_be32(h) >> 8,
		.type = h[3],
		.flags = h[4],
		.id = tw_load_be32(h + 5) & 0x7fffffff,
		.payload = h + TW_HTTP2_FRAME_BYTES,
	};
}

/* So much of the payload has to be read. */
static uint32_t payload_bytes(const struct frame *f)
{
	return f->type == GOAWAY && f->bytes >= 8 ? 8 : 0;
}

bool tw_http2_begins(const struct tw_segment *s, uint32_t first, bool client)
{
	const uint8_t *p = s->payload;
	uint32_t bytes;

	if (!p || s->seq != first)
		return false;
	if (client)
		return s->payload_captured >= PREFACE_BYTES &&
		       memcmp(p, PREFACE, PREFACE_BYTES) == 0;
	if (s->payload_captured < TW_HTTP2_FRAME_BYTES)
		return false;
	bytes = tw_load_be32(p) >> 8;
	return p[3] == SETTINGS && !p[4] && !tw_load_be32(p + 5) && bytes % SETTING_BYTES == 0 &&
	       bytes <= SETTINGS_BYTES_MAX;
}

/* --- the requests --- */

static struct tw_http2_request *find(const struct tw_http2 *h, uint32_t id)
{
	size_t i;

	for (i = h->open_count; i > 0; i--)
		if (h->open[i - 1].id == id)
			return &h->open[i - 1];
	return NULL;
}

static void end_request(struct tw_http2 *h, uint32_t id)
{
	struct tw_http2_request *r = find(h, id);

	if (!r)
		return;
	h->open_count--;
	memmove(r, r + 1, (size_t)(h->open + h->open_count - r) * sizeof(*r));
}

static struct tw_http2_place place_of(const struct tw_pkt *p)
{
	return (struct tw_http2_place){ p->frame, p->time_ns };
}

static void begin_request(struct tw_http2 *h, const struct frame *f, const struct tw_pkt *p)
{
	const size_t cap = h->open_cap ? 2 * h->open_cap : 4;
	struct tw_http2_request *open;

	if (h->open_count == h->open_cap) {
		open = cap <= TW_HTTP2_REQUESTS_MAX ? realloc(h->open, cap * sizeof(*open)) : NULL;
		if (!open) {
			h->lost = true;
			return;
		}
		h->open = open;
		h->open_cap = cap;
	}
	h->open[h->open_count++] = (struct tw_http2_request){
		.id = f->id,
		.whole = f->flags & END_STREAM,
		.behind = h->reader[0].next,
		.asked = place_of(p),
	};
}

static void note_late(struct tw_http2 *h, uint32_t id, struct tw_http2_place at)
{
	if (h->late_id)
		return;
	h->late_id = id;
	h->late = at;
}

/* The server's FIN is on its way, and does not acknowledge these: it has not got them, and they come too late. */
static void take_out_crossing(struct tw_http2 *h, uint32_t acked)
{
	size_t i, kept = 0;

	for (i = 0; i < h->open_count; i++) {
		if (tw_seq_gt(h->open[i].behind, acked))
			note_late(h, h->open[i].id, h->open[i].asked);
		else
			h->open[kept++] = h->open[i];
	}
	h->open_count = kept;
}

static void cancel(struct tw_http2 *h, const struct frame *f, const struct tw_pkt *p)
{
	const struct tw_http2_request *r = find(h, f->id);

	if (r && !r->answered) {
		h->cancelled = *r;
		h->cancelled_at = place_of(p);
	}
	end_request(h, f->id);
}

/* --- the frames --- */

static void client_says(struct tw_http2 *h, const struct frame *f, const struct tw_pkt *p)
{
	struct tw_http2_request *r;

	if (f->type == HEADERS && f->id & 1 && f->id > h->highest) {
		h->highest = f->id;
		if (h->ended)
			note_late(h, f->id, place_of(p));
		else
			begin_request(h, f, p);
	}
	if (h->ended)
		return;
	if ((f->type == HEADERS || f->type == DATA) && f->flags & END_STREAM) {
		r = find(h, f->id);
		if (r)
			r->whole = true;
	}
	if (f->type == RST_STREAM)
		cancel(h, f, p);
	if (f->type == PING && !(f->flags & ACK) && !h->ping.frame)
		h->ping = place_of(p);
}

static void server_says(struct tw_http2 *h, const struct frame *f)
{
	struct tw_http2_reader *me = &h->reader[1];
	struct tw_http2_request *r;

	if (h->ended)
		return;
	if (f->type == HEADERS) {
		r = find(h, f->id);
		if (r)
			r->answered = true;
	}
	if ((f->type == HEADERS || f->type == DATA) && f->flags & END_STREAM)
		me->ends_request = f->id;
	if (f->type == RST_STREAM)
		me->ends_request = f->id;
	if (f->type == PING && f->flags & ACK)
		h->ping = (struct tw_http2_place){ 0 };
}

/* The header in @r->head, and what is wanted of the payload behind it. */
static void take_frame(struct tw_http2 *h, int side, const struct frame *f, const struct tw_pkt *p)
{
	struct tw_http2_reader *r = &h->reader[side];

	r->bytes = TW_HTTP2_FRAME_BYTES + f->bytes;
	r->next += r->bytes;
	r->have = 0;
	r->header = place_of(p);
	r->ends_request = 0;
	if (f->type == GOAWAY && payload_bytes(f) && !h->ended)
		h->goaway[side] = (struct tw_http2_goaway){
			.at = place_of(p),
			.last_id = tw_load_be32(f->payload) & 0x7fffffff,
			.error = tw_load_be32(f->payload + 4),
		};
	if (side == 0)
		client_says(h, f, p);
	else
		server_says(h, f);
}

/* One that ends a request ends it with its last byte. */
static void end_if_whole(struct tw_http2 *h, struct tw_http2_reader *r)
{
	if (!r->ends_request || h->ended || tw_seq_lt(r->sent_up_to, r->next))
		return;
	end_request(h, r->ends_request);
	r->ends_request = 0;
}

static void read_frames(struct tw_http2 *h, int side, const struct tw_pkt *p,
			const struct tw_segment *s)
{
	struct tw_http2_reader *r = &h->reader[side];
	struct frame f;
	uint32_t at;

	while (!h->lost && (at = r->next + r->have - s->seq) < s->payload_captured) {
		end_if_whole(h, r);
		r->head[r->have++] = s->payload[at];
		if (r->have < TW_HTTP2_FRAME_BYTES)
			continue;
		f = frame_of(r->head);
		if (f.type > TYPE_MAX)
			h->lost = true;
		else if (r->have == TW_HTTP2_FRAME_BYTES + payload_bytes(&f))
			take_frame(h, side, &f, p);
	}
	end_if_whole(h, r);
}

static void begin_reading(struct tw_http2 *h, int side, uint32_t first, const struct tw_segment *s)
{
	struct tw_http2_reader *r = &h->reader[side];

	r->begun = true;
	r->next = r->sent_up_to = first;
	if (side == 0) {
		h->prefaced = tw_http2_begins(s, first, true);
		h->lost |= !h->prefaced;
		r->next += PREFACE_BYTES;
	}
}

/* Does a header stand in front of what was sent since, and was not captured? */
static bool header_missing(const struct tw_http2_reader *r)
{
	return r->begun && tw_seq_lt(r->next + r->have, r->sent_up_to);
}

static void note_end(struct tw_http2 *h, int side, const struct tw_segment *s)
{
	const struct tw_http2_reader *r = &h->reader[side];
	const uint32_t end = s->seq + s->payload_bytes;

	h->ended = true;
	/* its FIN or reset shows that it had sent more */
	h->lost |= !tw_http2_known(h) || (r->begun && tw_seq_gt(end, r->sent_up_to));
	if (side == 1 && s->flags & TW_FIN && s->flags & TW_ACK)
		take_out_crossing(h, s->ack);
}

void tw_http2_note(struct tw_http2 *h, int side, uint32_t first, const struct tw_pkt *p,
		   const struct tw_segment *s)
{
	struct tw_http2_reader *r = &h->reader[side];
	const uint32_t end = s->seq + s->payload_bytes;

	if (h->lost || s->flags & TW_SYN)
		return;
	if (s->payload_bytes && !(s->flags & TW_RST)) {
		if (!r->begun)
			begin_reading(h, side, first, s);
		if (tw_seq_gt(end, r->sent_up_to))
			r->sent_up_to = end;
		if (s->payload)
			read_frames(h, side, p, s);
	}
	if (header_missing(r) && r->sent_up_to - r->next > STUCK_BYTES)
		h->lost = true;
	if (!h->ended && s->flags & (TW_FIN | TW_RST))
		note_end(h, side, s);
}

bool tw_http2_known(const struct tw_http2 *h)
{
	return h && h->prefaced && !h->lost && !header_missing(&h->reader[0]) &&
	       !header_missing(&h->reader[1]);
}

uint32_t tw_http2_missing(const struct tw_http2 *h, int side)
{
	const struct tw_http2_reader *r = &h->reader[side];

	return r->bytes && tw_seq_lt(r->sent_up_to, r->next) ? r->next - r->sent_up_to : 0;
}

void tw_http2_free(struct tw_http2 *h)
{
	if (h)
		free(h->open);
	free(h);
}
