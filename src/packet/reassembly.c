/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IP reassembly, for both versions: RFC 791 s3.2 and RFC 8200 s4.5.
 *
 * A table of 64 datagrams of at most 64 KiB, memory taken when a slot is first used. What does not
 * fit throws out the oldest; what waits longer than a receiver would (30 s in Linux for IPv4, 60 s
 * for IPv6) makes room for a new datagram of the same key. Both are counted. Fragments lie on an
 * 8-byte grid, so one bit for each 8 bytes tells what has come. A fragment that is there already is
 * a duplicate; one that overlaps in part condemns its datagram, as in the kernel (RFC 5722 s3;
 * inet_frag_queue_insert) - so there is never a question whose bytes win.
 *
 * A fragment that the snaplen cut still counts as seen. The rebuilt payload then is as long as it
 * was sent, and captured up to the first byte that is missing.
 *
 * A finished datagram keeps its slot until the next frame: the segment's offsets point into it, and
 * a datagram inside it (a tunnel) may need reassembly of its own.
 *
 *     slot->bytes:  | ...  IP header of the first fragment | payload, from HEADER_ROOM on |
 */
#include "packet/decode_private.h"

#include <stdlib.h>

#define SLOTS        64
#define HEADER_ROOM  64
#define PAYLOAD_MAX  65535
#define GRID         8
#define GRID_CELLS   ((PAYLOAD_MAX + GRID) / GRID)
#define LIFETIME_V4  INT64_C(30000000000)
#define LIFETIME_V6  INT64_C(60000000000)
#define UNKNOWN_SIZE UINT32_MAX

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_DONE };

struct slot {
	enum slot_state state;
	uint64_t age; /* order of creation */
	int64_t first_ns;
	struct tw_addr src, dst;
	uint32_t id;
	uint16_t iface;
	uint8_t ip_version;
	uint8_t protocol;      /* of the first fragment (IPv4: of all) */
	uint32_t header_bytes; /* 0: the first fragment has not come */
	uint32_t size;         /* of the payload, once the last fragment has come */
	uint32_t end;          /* the highest byte seen, plus 1 */
	uint32_t cut_at;       /* from here on bytes may be missing from the file */
	uint32_t cells;        /* bits set in @seen */
	uint64_t seen[(GRID_CELLS + 63) / 64];
	uint8_t bytes[HEADER_ROOM + PAYLOAD_MAX + 1];
};

struct tw_reassembly {
	struct slot *slot[SLOTS];
	uint64_t ages;
	bool any_done;
};

static bool same_datagram(const struct slot *slot, const struct tw_walk *w,
			  const struct tw_fragment *f)
{
	/* The protocol is a part of the key in IPv4 only (RFC 791 s3.2; RFC 8200 s4.5). */
	return slot->state == SLOT_WAITING && slot->id == f->id &&
	       slot->ip_version == f->ip_version && slot->iface == w->frame->iface &&
	       (f->ip_version == 6 || slot->protocol == f->protocol) &&
	       !memcmp(&slot->src, &f->src, sizeof(f->src)) &&
	       !memcmp(&slot->dst, &f->dst, sizeof(f->dst));
}

static void start(struct tw_reassembly *r, struct slot *slot, const struct tw_walk *w,
		  const struct tw_fragment *f)
{
	slot->state = SLOT_WAITING;
	slot->age = ++r->ages;
	slot->first_ns = w->frame->time_ns;
	slot->src = f->src;
	slot->dst = f->dst;
	slot->id = f->id;
	slot->iface = w->frame->iface;
	slot->ip_version = f->ip_version;
	slot->protocol = f->protocol;
	slot->header_bytes = 0;
	slot->size = UNKNOWN_SIZE;
	slot->end = 0;
	slot->cut_at = PAYLOAD_MAX + 1;
	slot->cells = 0;
	memset(slot->seen, 0, sizeof(slot->seen));
}

/* A slot to use: a free one, a new one, else the oldest that waits. NULL when memory is out. */
static struct slot *claim(struct tw_reassembly *r, struct tw_decoder_stats *stats)
{
	struct slot *oldest = NULL;

	for (int i = 0; i < SLOTS; i++) {
		if (!r->slot[i])
			return r->slot[i] = malloc(sizeof(struct slot));
		if (r->slot[i]->state == SLOT_FREE)
			return r->slot[i];
		/* finished ones are in use, but fewer than there are slots: tunnels are bounded */
		if (r->slot[i]->state == SLOT_WAITING && (!oldest || r->slot[i]->age < oldest->age))
			oldest = r->slot[i];
	}
	stats->reassembly_evicted++;
	return oldest;
}

static bool expired(const struct slot *slot, int64_t now_ns)
{
	int64_t lifetime_ns = slot->ip_version == 4 ? LIFETIME_V4 : LIFETIME_V6, waited_ns;

	/* Hostile time stamps may lie at both ends of the range. */
	return !__builtin_sub_overflow(now_ns, slot->first_ns, &waited_ns) &&
	       waited_ns > lifetime_ns;
}

static struct slot *find(struct tw_walk *w, const struct tw_fragment *f)
{
	struct tw_decoder *d = w->d;
	struct tw_reassembly *r = d->reassembly;
	struct slot *slot;

	if (!r) {
		r = d->reassembly = calloc(1, sizeof(*r));
		if (!r)
			return NULL;
	}
	for (int i = 0; i < SLOTS && r->slot[i]; i++) {
		slot = r->slot[i];
		if (!same_datagram(slot, w, f))
			continue;
		if (!expired(slot, w->frame->time_ns))
			return slot;
		d->stats.reassembly_evicted++;
		start(r, slot, w, f);
		return slot;
	}
	slot = claim(r, &d->stats);
	if (slot)
		start(r, slot, w, f);
	return slot;
}

/* How many of the cells from @first on are taken; takes them all if @set. */
static uint32_t cells_taken(struct slot *slot, uint32_t first, uint32_t count, bool set)
{
	uint32_t taken = 0;

	for (uint32_t i = first; i < first + count; i++) {
		uint64_t bit = UINT64_C(1) << (i % 64);

		taken += (slot->seen[i / 64] & bit) != 0;
		if (set)
			slot->seen[i / 64] |= bit;
	}
	return taken;
}

/* Nothing lies behind the end that the last fragment tells, and there is one such end. */
static bool lengths_agree(const struct slot *slot, const struct tw_fragment *f)
{
	uint32_t end = f->offset_bytes + f->payload.wire;

	return end <= slot->size && (f->more || end >= slot->end);
}

static void keep(struct slot *slot, const struct tw_fragment *f)
{
	uint32_t end = f->offset_bytes + f->payload.wire;

	memcpy(slot->bytes + HEADER_ROOM + f->offset_bytes, f->payload.p, f->payload.cap);
	if (f->payload.cap < f->payload.wire && f->offset_bytes + f->payload.cap < slot->cut_at)
		slot->cut_at = f->offset_bytes + f->payload.cap;
	if (end > slot->end)
		slot->end = end;
	if (!f->more)
		slot->size = end;
	if (f->offset_bytes)
		return;
	slot->protocol = f->protocol;
	slot->header_bytes = f->header.cap;
	memcpy(slot->bytes + HEADER_ROOM - f->header.cap, f->header.p, f->header.cap);
}

static void finish(struct tw_walk *w, struct slot *slot, struct tw_span *whole, uint8_t *protocol)
{
	const uint8_t *header = slot->bytes + HEADER_ROOM - slot->header_bytes;

	slot->state = SLOT_DONE;
	w->d->reassembly->any_done = true;
	w->d->stats.reassembled++;
	whole->p = slot->bytes + HEADER_ROOM;
	whole->wire = slot->size;
	whole->cap = slot->cut_at < slot->size ? slot->cut_at : slot->size;
	*protocol = slot->protocol;
	w->base = slot->bytes;
	w->base_cap = HEADER_ROOM + whole->cap;
	w->reassembled = true;
	w->s->l3_offset = (uint16_t)(header - slot->bytes);
	w->s->ttl = slot->ip_version == 4 ? header[8] : header[7];
}

enum tw_segment_kind tw_packet_reassemble(struct tw_walk *w, const struct tw_fragment *f,
					  struct tw_span *whole, uint8_t *protocol)
{
	uint32_t bytes = f->payload.wire, cells = (bytes + GRID - 1) / GRID, taken;
	struct slot *slot;

	if (!bytes || (f->more && bytes % GRID) || bytes > PAYLOAD_MAX ||
	    f->offset_bytes + bytes > PAYLOAD_MAX)
		return TW_SEG_MALFORMED;
	slot = find(w, f);
	if (!slot)
		return TW_SEG_FRAGMENT;
	taken = cells_taken(slot, f->offset_bytes / GRID, cells, false);
	if (taken == cells)
		return TW_SEG_FRAGMENT;
	if (taken || !lengths_agree(slot, f)) {
		slot->state = SLOT_FREE;
		return TW_SEG_MALFORMED;
	}
	cells_taken(slot, f->offset_bytes / GRID, cells, true);
	slot->cells += cells;
	keep(slot, f);
	if (slot->size == UNKNOWN_SIZE || slot->cells < (slot->size + GRID - 1) / GRID)
		return TW_SEG_FRAGMENT;
	finish(w, slot, whole, protocol);
	return TW_SEG_TCP;
}

void tw_packet_reassembly_next(struct tw_reassembly *r)
{
	if (!r->any_done)
		return;
	r->any_done = false;
	for (int i = 0; i < SLOTS && r->slot[i]; i++)
		if (r->slot[i]->state == SLOT_DONE)
			r->slot[i]->state = SLOT_FREE;
}

void tw_packet_reassembly_free(struct tw_reassembly *r)
{
	if (!r)
		return;
	for (int i = 0; i < SLOTS; i++)
		free(r->slot[i]);
	free(r);
}
