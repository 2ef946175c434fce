/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_TRIAGE_FEED_H
#define TW_TESTS_TRIAGE_FEED_H

/* Made-up segments of one connection at a time, fed to the triage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/duration.h"
#include "capture/source.h"
#include "connection/triage.h"

#define WINDOW 500

struct feed {
	struct tw_triage *t;
	const struct tw_triage_result *res;
	uint64_t frame;
	int64_t now_ns;
	uint32_t client, server; /* IPv4 addresses */
	uint16_t cport, sport;
	uint32_t seq[2];      /* next of each side: 0 client, 1 server */
	uint32_t message_end; /* of the next segment's brief */
};

static inline void start(struct feed *f, const struct tw_triage_config *config, uint32_t isn_c,
			 uint32_t isn_s)
{
	*f = (struct feed){ .now_ns = 1000 * TW_NS_PER_S,
			    .client = 0x0a000001,
			    .server = 0x0a000002,
			    .cport = 40000,
			    .sport = 80,
			    .seq = { isn_c, isn_s } };
	f->t = tw_triage_new(config);
	assert_non_null(f->t);
}

static inline struct feed begin(uint32_t isn_c, uint32_t isn_s)
{
	const struct tw_triage_config config = { .settle_ns = 2 * TW_NS_PER_S };
	struct feed f;

	start(&f, &config, isn_c, isn_s);
	return f;
}

static inline struct tw_addr v4(uint32_t a)
{
	return (struct tw_addr){ { [10] = 0xff,
				   [11] = 0xff,
				   [12] = (uint8_t)(a >> 24),
				   [13] = (uint8_t)(a >> 16),
				   [14] = (uint8_t)(a >> 8),
				   [15] = (uint8_t)a } };
}

static inline struct tw_segment segment(const struct feed *f, int side)
{
	return (struct tw_segment){ .kind = TW_SEG_TCP,
				    .ip_version = 4,
				    .ttl = 64,
				    .src = v4(side ? f->server : f->client),
				    .dst = v4(side ? f->client : f->server),
				    .sport = side ? f->sport : f->cport,
				    .dport = side ? f->cport : f->sport,
				    .window = WINDOW,
				    .header_bytes = 20 };
}

static inline void feed(struct feed *f, struct tw_segment *s)
{
	const struct tw_frame frame = { .number = ++f->frame, .time_ns = f->now_ns };

	f->now_ns += TW_NS_PER_MS;
	tw_brief_of(&frame, s, tw_triage_seed(f->t), tw_triage_room(f->t));
	tw_triage_room(f->t)->message_end = f->message_end;
	tw_triage_feed(f->t, 1);
}

/* Exactly these numbers. */
static inline void raw(struct feed *f, int side, uint32_t seq, uint32_t ack, int flags,
		       uint32_t bytes)
{
	struct tw_segment s = segment(f, side);

	s.seq = seq;
	s.ack = ack;
	s.flags = (uint16_t)flags;
	s.payload_bytes = bytes;
	feed(f, &s);
}

/* The next in sequence, acknowledging everything. */
static inline void next(struct feed *f, int side, int flags, uint32_t bytes)
{
	raw(f, side, f->seq[side], flags & TW_ACK ? f->seq[!side] : 0, flags, bytes);
	f->seq[side] += bytes + ((flags & TW_SYN) != 0) + ((flags & TW_FIN) != 0);
}

static inline void handshake(struct feed *f)
{
	next(f, 0, TW_SYN, 0);
	next(f, 1, TW_SYN | TW_ACK, 0);
	next(f, 0, TW_ACK, 0);
}

static inline void exchange(struct feed *f)
{
	next(f, 0, TW_PSH | TW_ACK, 100);
	next(f, 1, TW_ACK, 0);
	next(f, 1, TW_PSH | TW_ACK, 300);
	next(f, 0, TW_ACK, 0);
}

static inline void shut(struct feed *f)
{
	next(f, 0, TW_FIN | TW_ACK, 0);
	next(f, 1, TW_FIN | TW_ACK, 0);
	next(f, 0, TW_ACK, 0);
}

static inline void finish(struct feed *f)
{
	f->res = tw_triage_finish(f->t);
}

/* The end: one connection, of this interest (0 = clean). */
static inline void expect_one(struct feed *f, int reason)
{
	finish(f);
	assert_int_equal(f->res->streams, 1);
	assert_int_equal(f->res->packets, f->frame);
	assert_int_equal(f->res->clean, reason == 0);
	assert_int_equal(f->res->interest_count, reason != 0);
	if (reason) {
		assert_int_equal(f->res->interest[0].reason, reason);
		assert_int_equal(f->res->interest[0].first_frame, 1);
		assert_int_equal(f->res->interest[0].last_frame, f->frame);
		assert_int_equal(f->res->interest[0].packets, f->frame);
	}
	tw_triage_free(f->t);
}

#endif
