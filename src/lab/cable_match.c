/* SPDX-License-Identifier: BSD-2-Clause */
/* Owns: what a frame is, for rules and waits, and the log of what was sent since the start. */
#include "lab/cable_private.h"

#include "packet/seq.h"

#include <errno.h>
#include <stdlib.h>

/* Frames that one scenario can send; what it records of them would fill the memory soon after. */
#define LOG_MAX (1u << 21)

static uint16_t tcp_classes(const struct tw_segment *s)
{
	uint16_t flags = s->flags, classes = 1 << TW_CLASS_TCP;

	if (flags & TW_SYN)
		classes |= flags & TW_ACK ? 1 << TW_CLASS_SYNACK : 1 << TW_CLASS_SYN;
	if (flags & TW_FIN)
		classes |= 1 << TW_CLASS_FIN;
	if (flags & TW_RST)
		classes |= 1 << TW_CLASS_RST;
	if (s->payload_bytes)
		classes |= 1 << TW_CLASS_DATA;
	if (!s->payload_bytes && (flags & (TW_ACK | TW_SYN | TW_FIN | TW_RST)) == TW_ACK)
		classes |= 1 << TW_CLASS_ACK;
	return classes;
}

void tw_cable_traits_of(struct tw_cable_traits *t, const struct tw_segment *s, enum tw_from from,
			uint32_t frame_bytes, const struct tw_cable_flow *flow)
{
	*t = (struct tw_cable_traits){ .classes = 1 << TW_CLASS_ALL, .from = (uint8_t)from };
	t->ip_bytes = frame_bytes > TW_CABLE_ETHERNET ? frame_bytes - TW_CABLE_ETHERNET : 0;
	if (s->kind == TW_SEG_NEIGHBOUR) {
		t->classes |= 1 << TW_CLASS_ARP;
		return;
	}
	if (s->kind == TW_SEG_TCP)
		t->classes |= tcp_classes(s);
	else if (s->kind == TW_SEG_ICMP_ERROR)
		t->classes |= 1 << TW_CLASS_ICMP;
	else
		return;
	t->sport = s->sport;
	t->dport = s->dport;
	if (flow && s->kind == TW_SEG_TCP && s->payload_bytes) {
		const struct tw_cable_side *side = &flow->side[from];
		int64_t end =
			(int64_t)side->bytes + tw_seq_diff(s->seq + s->payload_bytes,
							   side->data_base + (uint32_t)side->bytes);

		t->stream_end = end > 0 ? (uint64_t)end : 0;
	}
}

bool tw_cable_fits(const struct tw_frame_spec *spec, const struct tw_cable_traits *t)
{
	if (spec->from != TW_FROM_ANY && spec->from != t->from)
		return false;
	if (!(t->classes & 1 << spec->class))
		return false;
	if (spec->port && spec->port != t->sport && spec->port != t->dport)
		return false;
	if (spec->larger_than && t->ip_bytes <= spec->larger_than)
		return false;
	return !spec->after_bytes || t->stream_end > spec->after_bytes;
}

int tw_cable_log_add(struct tw_cable_log *log, const struct tw_cable_traits *t, struct tw_err *err)
{
	if (log->count == LOG_MAX)
		return tw_err_set(
			err, -EFBIG,
			"the scenario sent more than %u frames, more than the lab follows",
			LOG_MAX);
	if (log->count == log->room) {
		size_t room = log->room ? 2 * log->room : 256;
		struct tw_cable_traits *larger = realloc(log->seen, room * sizeof(*larger));

		if (!larger)
			return tw_err_set(err, -ENOMEM, "out of memory for the cable's log");
		log->seen = larger;
		log->room = room;
	}
	log->seen[log->count++] = *t;
	return 0;
}

uint64_t tw_cable_log_count(const struct tw_cable_log *log, const struct tw_frame_spec *spec)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < log->count; i++)
		count += tw_cable_fits(spec, &log->seen[i]);
	return count;
}
