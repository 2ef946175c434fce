/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: what the cable knows of each connection: numbers, so that it can forge, and bytes.
 *
 * A connection is named by its two ports and its family: there are only two hosts. What a side
 * sent is taken when its frame enters the cable, what the other side knows of it when a frame is
 * handed over.
 *
 * Limits: the oldest of more than TW_CABLE_FLOWS connections is forgotten.
 */
#include "lab/cable_private.h"

#include "packet/seq.h"

#include <string.h>

struct tw_cable_flow *tw_cable_flow_at(struct tw_cable_flows *t, unsigned age)
{
	if (age >= TW_CABLE_FLOWS || age >= t->made)
		return NULL;
	return &t->flow[(t->made - 1 - age) % TW_CABLE_FLOWS];
}

struct tw_cable_flow *tw_cable_flow_find(struct tw_cable_flows *t, const struct tw_segment *s,
					 enum tw_from from)
{
	uint16_t client = from == TW_FROM_CLIENT ? s->sport : s->dport;
	uint16_t server = from == TW_FROM_CLIENT ? s->dport : s->sport;
	struct tw_cable_flow *f;
	unsigned age;

	for (age = 0; (f = tw_cable_flow_at(t, age)); age++)
		if (f->port[0] == client && f->port[1] == server && f->v6 == (s->ip_version == 6))
			return f;
	return NULL;
}

static struct tw_cable_flow *new_flow(struct tw_cable_flows *t, const struct tw_segment *s,
				      enum tw_from from)
{
	struct tw_cable_flow *f = &t->flow[t->made++ % TW_CABLE_FLOWS];

	*f = (struct tw_cable_flow){ .v6 = s->ip_version == 6 };
	f->port[from] = s->sport;
	f->port[!from] = s->dport;
	return f;
}

/* A SYN that is not a repeat begins a connection anew. */
static bool begins(const struct tw_cable_flow *f, const struct tw_segment *s, enum tw_from from)
{
	return (s->flags & (TW_SYN | TW_ACK)) == TW_SYN &&
	       (!f->side[from].sent || f->side[from].data_base != s->seq + 1) &&
	       !(f->side[!from].sent && !f->side[!from].acks); /* simultaneous open */
}

struct tw_cable_flow *tw_cable_flow_sent(struct tw_cable_flows *t, const struct tw_segment *s,
					 enum tw_from from)
{
	struct tw_cable_flow *f = tw_cable_flow_find(t, s, from);
	struct tw_cable_side *side;
	uint32_t data_end = s->seq + !!(s->flags & TW_SYN) + s->payload_bytes;

	if (!f || begins(f, s, from))
		f = new_flow(t, s, from);
	if (s->flags & TW_SYN)
		f->forgotten = false;
	side = &f->side[from];
	side->from_here = s->src;
	side->to_there = s->dst;
	if (s->flags & TW_RST)
		return f;
	if (!side->sent) {
		side->sent = true;
		side->data_base = s->seq + !!(s->flags & TW_SYN);
		side->next = side->data_base;
	}
	if (tw_seq_gt(data_end, side->data_base + (uint32_t)side->bytes))
		side->bytes += data_end - (side->data_base + (uint32_t)side->bytes);
	if (tw_seq_gt(data_end + !!(s->flags & TW_FIN), side->next))
		side->next = data_end + !!(s->flags & TW_FIN);
	if (s->flags & TW_ACK) {
		side->acks = true;
		side->ack = s->ack;
	}
	return f;
}

void tw_cable_flow_arrived(struct tw_cable_flows *t, const struct tw_segment *s, enum tw_from from)
{
	struct tw_cable_flow *f = tw_cable_flow_find(t, s, from);
	struct tw_cable_side *side;
	uint32_t end = s->seq + s->payload_bytes + !!(s->flags & TW_SYN) + !!(s->flags & TW_FIN);

	if (!f || s->checksum == TW_CSUM_BAD || s->flags & TW_RST)
		return;
	side = &f->side[from];
	side->ttl = s->ttl;
	side->ip_id = s->ip_id;
	side->flow_label = s->flow_label;
	side->tos = s->tos;
	if (s->options & TW_OPT_TIMESTAMPS) {
		side->timestamps = true;
		side->tsval = s->tsval;
		side->tsecr = s->tsecr;
	}
	if (!side->arrived || s->flags & TW_SYN) {
		side->arrived = true;
		side->arrived_next = end;
	} else if (tw_seq_le(s->seq, side->arrived_next) && tw_seq_gt(end, side->arrived_next)) {
		side->arrived_next = end;
	}
}
