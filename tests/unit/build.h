/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_BUILD_H
#define TW_TESTS_BUILD_H

/* Connections written by hand: each call adds one segment to a dossier. Sequence numbers are relative to
 * the ISNs of the builder, so that every test can be run across the wrap. */
#include "base/duration.h"
#include "connection/dossier_private.h"
#include "connection/hosts.h"

#include <string.h>

struct builder {
	struct tw_dossier *d;
	struct tw_hosts *hosts; /* may be NULL */
	uint32_t isn[2];
	uint64_t frame;
	int64_t now_ns;
	uint16_t id[2];
	uint16_t window[2];
	uint16_t iface;
	bool timestamps;
	struct tw_segment last; /* the segment as added, for tests that want to vary it */
};

static inline void builder_init(struct builder *b, uint32_t isn_c, uint32_t isn_s)
{
	struct tw_tuple t;

	memset(b, 0, sizeof(*b));
	memset(&t, 0, sizeof(t));
	t.addr[0].b[10] = t.addr[0].b[11] = t.addr[1].b[10] = t.addr[1].b[11] = 0xff;
	t.addr[0].b[15] = 1;
	t.addr[1].b[15] = 2;
	t.port[0] = 40000;
	t.port[1] = 80;
	b->d = tw_dossier_new(&t, 0);
	b->isn[0] = isn_c;
	b->isn[1] = isn_s;
	b->id[0] = 1000;
	b->id[1] = 2000;
	b->window[0] = b->window[1] = 500;
	b->timestamps = true;
	b->now_ns = 1000 * TW_NS_PER_S;
}

static inline void builder_free(struct builder *b)
{
	tw_dossier_free(b->d);
	tw_hosts_free(b->hosts);
}

/* The segment that @side would send: relative numbers, timestamps from the clock, next id. */
static inline struct tw_segment segment(struct builder *b, int side, uint16_t flags, uint32_t seq,
					uint32_t ack, uint32_t payload)
{
	struct tw_segment s;

	memset(&s, 0, sizeof(s));
	s.kind = TW_SEG_TCP;
	s.ip_version = 4;
	s.ttl = 64;
	s.flags = flags;
	s.src = b->d->tuple.addr[side];
	s.dst = b->d->tuple.addr[!side];
	s.sport = b->d->tuple.port[side];
	s.dport = b->d->tuple.port[!side];
	s.seq = b->isn[side] + seq;
	s.ack = flags & TW_ACK ? b->isn[!side] + ack : 0;
	s.payload_bytes = payload;
	s.window = b->window[side];
	s.ip_id = b->id[side]++;
	s.ip_df = true;
	s.header_bytes = 20;
	if (b->timestamps) {
		s.options |= TW_OPT_TIMESTAMPS;
		s.tsval = (uint32_t)(b->now_ns / TW_NS_PER_MS) + (side ? 7000000u : 0);
	}
	if (flags & TW_SYN) {
		s.options |= TW_OPT_MSS | TW_OPT_WSCALE | TW_OPT_SACK_PERMITTED;
		s.mss = 1460;
		s.wscale = 7;
	}
	s.payload_captured = payload;
	s.payload_hash = payload ? 0x1234 ^ s.seq : 0;
	return s;
}

static inline const struct tw_pkt *add_segment(struct builder *b, struct tw_segment s)
{
	struct tw_frame f = { .time_ns = b->now_ns, .number = ++b->frame, .iface = b->iface };
	struct tw_brief brief;

	tw_brief_of(&f, &s, 0, &brief);
	if (b->hosts)
		tw_hosts_feed(b->hosts, &brief, 1);
	b->last = s;
	tw_dossier_add(b->d, &f, &s);
	return &b->d->pkt[b->d->pkt_count - 1];
}

/* @after_us after the segment before. */
static inline const struct tw_pkt *add(struct builder *b, int64_t after_us, int side,
				       uint16_t flags, uint32_t seq, uint32_t ack, uint32_t payload)
{
	b->now_ns += after_us * TW_NS_PER_US;
	return add_segment(b, segment(b, side, flags, seq, ack, payload));
}

static inline void handshake(struct builder *b)
{
	add(b, 0, 0, TW_SYN, 0, 0, 0);
	add(b, 500, 1, TW_SYN | TW_ACK, 0, 1, 0);
	add(b, 500, 0, TW_ACK, 1, 1, 0);
}

#endif
