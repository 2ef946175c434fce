/* SPDX-License-Identifier: BSD-2-Clause */
/* The tracker: marks, states, bounds; every connection is built on both sides of the sequence wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "build.h"

static const uint32_t isns[][2] = { { 1000, 5000 }, { UINT32_MAX - 2, UINT32_MAX - 700 } };
#define EACH_WRAP(b)                                                                               \
	for (size_t w_ = 0; w_ < 2; w_++)                                                          \
		for (int once_ = (builder_init(&(b), isns[w_][0], isns[w_][1]), 1); once_;         \
		     once_ = (builder_free(&(b)), 0))

static void every_state_and_event(void **state)
{
	int s, e, edges = 0;

	for (s = 0; s < TW_ST__N; s++)
		for (e = 0; e < TW_EV__N; e++) {
			bool odd;
			enum tw_tcp_state to =
				tw_state_next((enum tw_tcp_state)s, (enum tw_tcp_event)e, &odd);

			assert_true(to < TW_ST__N);
			if (odd)
				assert_int_equal(to, s);
			edges += !odd;
		}
	/* the edges drawn in state.c; a change of the table must change this number on purpose */
	assert_int_equal(edges, 81);
	for (s = 0; s < TW_ST__N; s++)
		assert_non_null(tw_state_name((enum tw_tcp_state)s));
}

static void orderly_life(void **state)
{
	struct builder b;

	EACH_WRAP(b)
	{
		handshake(&b);
		assert_int_equal(b.d->end[0].state, TW_ST_ESTABLISHED);
		assert_int_equal(b.d->end[1].state, TW_ST_ESTABLISHED);
		add(&b, 10, 0, TW_ACK | TW_PSH, 1, 1, 100);
		add(&b, 10, 1, TW_ACK | TW_PSH, 1, 101, 1000);
		add(&b, 10, 0, TW_ACK, 101, 1001, 0);
		add(&b, 10, 0, TW_ACK | TW_FIN, 101, 1001, 0);
		assert_int_equal(b.d->end[0].state, TW_ST_FIN_WAIT_1);
		assert_int_equal(b.d->end[1].state, TW_ST_CLOSE_WAIT);
		add(&b, 10, 1, TW_ACK, 1001, 102, 0);
		assert_int_equal(b.d->end[0].state, TW_ST_FIN_WAIT_2);
		add(&b, 10, 1, TW_ACK | TW_FIN, 1001, 102, 0);
		assert_int_equal(b.d->end[1].state, TW_ST_LAST_ACK);
		add(&b, 10, 0, TW_ACK, 102, 1002, 0);
		assert_int_equal(b.d->end[0].state, TW_ST_TIME_WAIT);
		assert_int_equal(b.d->end[1].state, TW_ST_CLOSED);
		assert_int_equal(b.d->end[0].bytes, 100);
		assert_int_equal(b.d->end[1].bytes, 1000);
		assert_int_equal(b.d->completeness, 31);
		assert_int_equal(b.d->end[0].retransmissions + b.d->end[1].retransmissions, 0);
	}
}

static void simultaneous_close(void **state)
{
	struct builder b;

	EACH_WRAP(b)
	{
		handshake(&b);
		add(&b, 10, 0, TW_ACK | TW_FIN, 1, 1, 0);
		add(&b, 1, 1, TW_ACK | TW_FIN, 1, 1, 0);
		assert_int_equal(b.d->end[0].state, TW_ST_CLOSING);
		add(&b, 10, 1, TW_ACK, 2, 2, 0);
		add(&b, 1, 0, TW_ACK, 2, 2, 0);
		assert_int_equal(b.d->end[0].state, TW_ST_TIME_WAIT);
	}
}

static void repeats_are_told_apart(void **state)
{
	struct builder b;

	EACH_WRAP(b)
	{
		const struct tw_pkt *p;

		handshake(&b);
		add(&b, 10, 0, TW_ACK, 1, 1, 1000);
		p = add(&b, 210000, 0, TW_ACK, 1, 1, 1000);
		assert_true(p->marks & TW_MARK_RETRANSMISSION);
		assert_true(p->marks & TW_MARK_TIMED_OUT);
		add(&b, 100, 1, TW_ACK, 1, 1001, 0);
		p = add(&b, 100, 0, TW_ACK, 1, 1, 1000);
		assert_true(p->marks & TW_MARK_SPURIOUS);
		/* a hole, three duplicate ACKs, fast retransmission */
		add(&b, 100, 0, TW_ACK, 2001, 1, 1000);
		assert_true(b.d->pkt[b.d->pkt_count - 1].marks & TW_MARK_LOST_SEGMENT);
		add(&b, 10, 1, TW_ACK, 1, 1001, 0);
		add(&b, 10, 1, TW_ACK, 1, 1001, 0);
		p = add(&b, 10, 1, TW_ACK, 1, 1001, 0);
		assert_true(p->marks & TW_MARK_DUP_ACK);
		p = add(&b, 10, 0, TW_ACK, 1001, 1, 1000);
		assert_true(p->marks & TW_MARK_FAST);
		assert_int_equal(b.d->end[0].retransmissions, 3);
		assert_int_equal(b.d->end[1].dup_acks, 3);
	}
}

static void late_original_is_out_of_order(void **state)
{
	struct builder b;

	EACH_WRAP(b)
	{
		const struct tw_pkt *p;

		handshake(&b);
		add(&b, 10, 0, TW_ACK, 1001, 1, 1000);
		p = add(&b, 100, 0, TW_ACK, 1, 1, 1000);
		assert_true(p->marks & TW_MARK_OUT_OF_ORDER);
		assert_false(p->marks & TW_MARK_RETRANSMISSION);
		assert_int_equal(b.d->end[0].bytes, 2000);
	}
}

static void probes(void **state)
{
	struct builder b;

	EACH_WRAP(b)
	{
		const struct tw_pkt *p;

		handshake(&b);
		add(&b, 10, 0, TW_ACK, 1, 1, 10);
		add(&b, 10, 1, TW_ACK, 1, 11, 0);
		p = add(&b, 2000000, 0, TW_ACK, 10, 1, 0);
		assert_true(p->marks & TW_MARK_KEEPALIVE);
		p = add(&b, 10, 1, TW_ACK, 1, 11, 0);
		assert_true(p->marks & TW_MARK_KEEPALIVE_ACK);
		b.window[1] = 0;
		p = add(&b, 10, 1, TW_ACK, 1, 11, 0);
		assert_true(p->marks & TW_MARK_ZERO_WINDOW);
		/* one unacknowledged byte again is a repeat, whatever it looks like */
		b.window[1] = 500;
		add(&b, 10, 1, TW_ACK, 1, 11, 0);
		add(&b, 10, 0, TW_ACK, 11, 1, 1);
		p = add(&b, 300000, 0, TW_ACK, 11, 1, 1);
		assert_true(p->marks & TW_MARK_ONE_BYTE_REPEAT);
		assert_false(p->marks & TW_MARK_KEEPALIVE);
	}
}

static void invalid_segments_move_nothing(void **state)
{
	struct builder b;

	EACH_WRAP(b)
	{
		struct tw_segment s;
		const struct tw_pkt *p;

		handshake(&b);
		for (int i = 0; i < 3; i++) {
			s = segment(&b, 0, TW_ACK, 1, 1, 0);
			s.checksum = TW_CSUM_GOOD;
			add_segment(&b, s);
		}
		s = segment(&b, 0, TW_ACK, 1, 1, 100);
		s.checksum = TW_CSUM_BAD;
		p = add_segment(&b, s);
		assert_true(p->marks & TW_MARK_BAD_CHECKSUM);
		s = segment(&b, 0, TW_PSH, 1, 1, 100);
		p = add_segment(&b, s);
		assert_true(p->marks & TW_MARK_NO_ACK_FLAG);
		assert_int_equal(b.d->end[0].bytes, 0);
		assert_int_equal(b.d->end[0].next_seq, (uint32_t)(b.isn[0] + 1));
	}
}

/* Checksums that are wrong as a rule say nothing: offload, or a rewritten capture. */
static void checksums_never_filled(void **state)
{
	struct builder b;

	EACH_WRAP(b)
	{
		int i;

		handshake(&b);
		for (i = 0; i < 20; i++) {
			struct tw_segment s = segment(&b, 0, TW_ACK, 1 + (uint32_t)i * 100, 1, 100);

			s.checksum = TW_CSUM_BAD;
			assert_false(add_segment(&b, s)->marks & TW_MARK_BAD_CHECKSUM);
		}
		assert_int_equal(b.d->end[0].bytes, 2000);
	}
}

static void copies(void **state)
{
	struct builder b;

	EACH_WRAP(b)
	{
		struct tw_segment s;
		const struct tw_pkt *p;

		handshake(&b);
		s = segment(&b, 0, TW_ACK, 1, 1, 100);
		add_segment(&b, s);
		b.iface = 1;
		b.now_ns += 20 * TW_NS_PER_US;
		p = add_segment(&b, s);
		assert_true(p->marks & TW_MARK_SECOND_COPY);
		assert_int_equal(b.d->end[0].retransmissions, 0);
		b.iface = 0;
		b.now_ns += 20 * TW_NS_PER_US;
		s.ip_id = 7;
		add_segment(&b, s);
		p = add_segment(&b, s);
		assert_true(p->marks & TW_MARK_NET_DUPLICATE);
	}
}

static void other_bytes_at_the_same_place(void **state)
{
	struct builder b;

	EACH_WRAP(b)
	{
		struct tw_segment s;
		const struct tw_pkt *p;

		handshake(&b);
		add(&b, 10, 0, TW_ACK, 1, 1, 100);
		s = segment(&b, 0, TW_ACK, 1, 1, 100);
		s.payload_hash ^= 1;
		p = add_segment(&b, s);
		assert_true(p->marks & TW_MARK_CONFLICT);
	}
}

static void long_connections_stay_bounded(void **state)
{
	struct builder b;
	uint32_t seq = 1;
	int i;

	builder_init(&b, UINT32_MAX - 50000, 1);
	handshake(&b);
	for (i = 0; i < 50000; i++, seq += 1000) {
		add(&b, 100, 0, TW_ACK, seq, 1, 1000);
		add(&b, 10, 1, TW_ACK, 1, seq + 1000, 0);
	}
	assert_true(b.d->pkt_count <= TW_RECORDS_MAX);
	assert_int_equal(b.d->packets, 100003);
	assert_int_equal(b.d->dropped + b.d->pkt_count, 100003);
	assert_int_equal(b.d->end[0].bytes, 50000000);
	assert_int_equal(b.d->pkt[0].frame, 1);
	assert_int_equal(b.d->pkt[b.d->pkt_count - 1].frame, 100003);
	builder_free(&b);
}

/* Numbers more than 2 GiB apart can not be compared: those of the records are brought together. */
static void beyond_2_gib(void **state)
{
	struct builder b;
	uint32_t seq = 1, last = 0;
	size_t k;
	int i;

	builder_init(&b, UINT32_MAX - 50000, 1);
	handshake(&b);
	for (i = 0; i < 80000; i++, seq += 60000) { /* 4.8 GB */
		add(&b, 100, 0, TW_ACK, seq, 1, 60000);
		add(&b, 10, 1, TW_ACK, 1, seq + 60000, 0);
	}
	assert_int_equal(b.d->end[0].retransmissions, 0);
	assert_int_equal(b.d->end[0].bytes, UINT64_C(4800000000));
	assert_int_equal(b.d->end[1].highest_ack, b.d->end[0].next_seq);
	assert_true(b.d->end[0].next_seq - b.d->end[0].base_seq < UINT32_C(1) << 30);
	for (k = 3; k < b.d->pkt_count; k++) {
		const struct tw_pkt *p = &b.d->pkt[k];
		const uint32_t at = (p->side ? p->ack : p->seq) - b.d->end[0].base_seq;

		assert_true(at >= last);
		assert_false(p->marks);
		last = at;
	}
	assert_int_equal(b.d->pkt[b.d->pkt_count - 1].raw_ack - b.d->end[0].base_seq, seq);
	/* what comes later fits in: the same again is a repeat, what it acknowledged is known */
	add(&b, 500, 0, TW_ACK, seq - 60000, 1, 60000);
	assert_true(b.d->pkt[b.d->pkt_count - 1].marks & TW_MARK_SPURIOUS);
	builder_free(&b);
}

static void less_room(void **state)
{
	struct builder b;
	uint32_t seq = 1;
	size_t bytes;
	int i;

	builder_init(&b, 1, 1);
	handshake(&b);
	for (i = 0; i < 1500; i++, seq += 1000) {
		add(&b, 100, 0, TW_ACK, seq, 1, 1000);
		if (i == 700)
			add(&b, 300, 0, TW_ACK, seq, 1, 1000);
		add(&b, 10, 1, TW_ACK, 1, seq + 1000, 0);
	}
	bytes = tw_dossier_bytes(b.d);
	tw_dossier_limit(b.d, 512);
	assert_true(b.d->pkt_count <= 512);
	assert_true(tw_dossier_bytes(b.d) < bytes / 4);
	assert_int_equal(b.d->dropped + b.d->pkt_count, 3004);
	assert_int_equal(b.d->pkt[0].frame, 1);
	assert_int_equal(b.d->pkt[b.d->pkt_count - 1].frame, 3004);
	for (i = 0; !(b.d->pkt[i].marks & TW_MARK_RETRANSMISSION); i++)
		assert_true((size_t)i < b.d->pkt_count);
	assert_int_equal(b.d->pkt[i - 1].frame,
			 b.d->pkt[i].frame - 1); /* with what stands around it */
	tw_dossier_limit(b.d, 1024);             /* no way back */
	assert_int_equal(b.d->room, 512);
	builder_free(&b);
}

static void client_in_mid_connection(void **state)
{
	struct builder b;

	builder_init(&b, 1, 1);
	add(&b, 0, 1, TW_ACK, 1, 1, 100); /* the server speaks first in the capture */
	assert_true(b.d->client_guessed);
	assert_int_equal(b.d->end[1].port, 80);
	assert_int_equal(b.d->pkt[0].side, 1);
	builder_free(&b);
	builder_init(&b, 1, 1);
	add(&b, 0, 1, TW_SYN | TW_ACK, 0, 1, 0);
	assert_false(b.d->client_guessed);
	assert_int_equal(b.d->end[1].port, 80);
	builder_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_and_event),
		cmocka_unit_test(orderly_life),
		cmocka_unit_test(simultaneous_close),
		cmocka_unit_test(repeats_are_told_apart),
		cmocka_unit_test(late_original_is_out_of_order),
		cmocka_unit_test(probes),
		cmocka_unit_test(invalid_segments_move_nothing),
		cmocka_unit_test(checksums_never_filled),
		cmocka_unit_test(copies),
		cmocka_unit_test(other_bytes_at_the_same_place),
		cmocka_unit_test(long_connections_stay_bounded),
		cmocka_unit_test(beyond_2_gib),
		cmocka_unit_test(less_room),
		cmocka_unit_test(client_in_mid_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
