/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections longer than a dossier keeps records of: what was dropped may not turn into facts. Each is
 * a download with its acknowledgements, healthy but for what the test puts into its middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "build.h"
#include "facts/derive.h"

#define SEGMENT 1000

struct download {
	struct builder b;
	uint32_t seq;   /* next of the server, relative */
	uint32_t asked; /* next of the client */
	struct tw_facts f;
};

static void begin(struct download *t)
{
	builder_init(&t->b, UINT32_MAX - 50, UINT32_MAX - 700000);
	t->b.timestamps = false;
	handshake(&t->b);
	add(&t->b, 100, 0, TW_ACK | TW_PSH, 1, 1, 100);
	t->seq = 1;
	t->asked = 101;
}

static void send_one(struct download *t, int64_t after_us)
{
	add(&t->b, after_us, 1, TW_ACK, t->seq, t->asked, SEGMENT);
	t->seq += SEGMENT;
}

static void acknowledge(struct download *t, int64_t after_us)
{
	add(&t->b, after_us, 0, TW_ACK, t->asked, t->seq, 0);
}

/* So many pairs of data segments, each acknowledged. */
static void calm(struct download *t, int pairs)
{
	while (pairs--) {
		send_one(t, 100);
		send_one(t, 10);
		acknowledge(t, 500);
	}
}

/* One segment is lost behind this point, and repeated after three duplicate ACKs. */
static void lose_one(struct download *t)
{
	const uint32_t lost = t->seq;
	int i;

	send_one(t, 100);
	for (i = 0; i < 3; i++) {
		send_one(t, 10);
		add(&t->b, 500, 0, TW_ACK, t->asked, lost, 0);
	}
	add(&t->b, 10, 1, TW_ACK, lost, t->asked, SEGMENT);
	acknowledge(t, 500);
}

static void finish(struct download *t)
{
	const struct tw_dossier *d = t->b.d;
	const struct tw_capture_context all = { d->first_ns, d->last_ns, false, false, 0 };

	assert_true(d->dropped > 0);
	tw_facts_derive(d, NULL, NULL, &all, &t->f);
}

static void nothing(const struct download *t, enum tw_fact_id id)
{
	if (tw_get(&t->f, id))
		fail_msg("%s is %lld", tw_fact_info(id)->name, (long long)tw_get(&t->f, id));
}

/* What no healthy download shows. */
static void no_contradictions(const struct download *t)
{
	static const enum tw_fact_id none[] = {
		TW_F_TRACE_LOSSY,
		TW_F_ACKED_UNSEEN_C,
		TW_F_ACKED_UNSEEN_S,
		TW_F_DUPLICATE_CAPTURE,
		TW_F_OUT_OF_WINDOW,
		TW_F_ACKED_NEVER_SENT,
		TW_F_FOREIGN_SEGMENTS,
		TW_F_OLD_DATA_FOREIGN,
		TW_F_ACK_WAR,
		TW_F_LOST_BEFORE_HERE,
		TW_F_REORDERED,
		TW_F_UNREPAIRED_BYTES,
		TW_F_SEGMENT_SHRUNK,
		TW_F_FULL_SIZE_LOST_REPEATS,
		TW_F_REPEAT_ANSWERED_NOT_ACKED,
		TW_F_RST_IGNORED,
		TW_F_SYN_MID,
	};
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		nothing(t, none[i]);
	assert_false(tw_known(&t->f, TW_F_UNANSWERED_SIDE));
}

static void end(struct download *t)
{
	builder_free(&t->b);
}

/* A gap stands before each record that did not follow the one before it, and nowhere else. */
static void gaps_are_marked(void **state)
{
	struct download t;
	size_t i, gaps = 0;
	int k;

	begin(&t);
	for (k = 0; k < 300; k++) {
		calm(&t, 100);
		if (k % 3 == 0)
			lose_one(&t);
	}
	for (i = 1; i < t.b.d->pkt_count; i++) {
		const bool follows = t.b.d->pkt[i].frame == t.b.d->pkt[i - 1].frame + 1;

		assert_int_equal(t.b.d->pkt[i].gap, !follows);
		gaps += !follows;
	}
	assert_in_range(gaps, 2, 1100);
	assert_false(t.b.d->pkt[0].gap);
	end(&t);
}

static void losses_all_along(void **state)
{
	struct download t;
	int k;

	begin(&t);
	for (k = 0; k < 600; k++) {
		calm(&t, 12);
		lose_one(&t);
	}
	finish(&t);
	no_contradictions(&t);
	assert_int_equal(tw_get(&t.f, TW_F_RETRANSMITTED_S), 600);
	assert_in_range(tw_get(&t.f, TW_F_LOST_S), 40, 600);
	nothing(&t, TW_F_SPURIOUS_S);
	assert_true(tw_get(&t.f, TW_F_LOSS_STALL_NS) < 10 * TW_NS_PER_MS);
	end(&t);
}

/* The neighbours of a repeat are kept with it: what it was can still be told. */
static void one_loss_in_the_middle(void **state)
{
	struct download t;

	begin(&t);
	calm(&t, 4000);
	lose_one(&t);
	calm(&t, 4000);
	finish(&t);
	no_contradictions(&t);
	assert_int_equal(tw_get(&t.f, TW_F_LOST_S), 1);
	assert_int_equal(tw_get(&t.f, TW_F_FAST_RETRANSMITS), 1);
	end(&t);
}

/* A window of 0 for 300 ms: what opened it is dropped, and the next zero window is a minute away. */
static void closed_windows_in_the_middle(void **state)
{
	struct download t;
	int k;

	begin(&t);
	calm(&t, 400);
	for (k = 0; k < 4; k++) {
		send_one(&t, 100);
		t.b.window[0] = 0;
		acknowledge(&t, 100);
		t.b.window[0] = 500;
		acknowledge(&t, 300000);
		calm(&t, 4000);
		t.b.now_ns += 60 * TW_NS_PER_S;
	}
	finish(&t);
	no_contradictions(&t);
	assert_int_equal(tw_get(&t.f, TW_F_ZERO_WINDOW_COUNT), 4);
	assert_true(tw_get(&t.f, TW_F_ZERO_WINDOW_SPAN_NS) <= 310 * TW_NS_PER_MS);
	assert_true(tw_get(&t.f, TW_F_ZERO_WINDOW_OPEN_AT_END));
	end(&t);
}

/* Thousands of packets of the network's duplicates are no capture on two interfaces. */
static void duplicates_by_the_network(void **state)
{
	struct download t;
	int k;

	begin(&t);
	for (k = 0; k < 3000; k++) {
		calm(&t, 4);
		add_segment(&t.b, t.b.last);
	}
	finish(&t);
	nothing(&t, TW_F_DUPLICATE_CAPTURE);
	nothing(&t, TW_F_TRACE_LOSSY);
	nothing(&t, TW_F_OUT_OF_WINDOW);
	end(&t);
}

/* Keepalive over days: more marked records than are kept; every probe was answered. */
static void probes_for_days(void **state)
{
	struct download t;
	int k;

	begin(&t);
	send_one(&t, 100);
	acknowledge(&t, 100);
	for (k = 0; k < 8000; k++) {
		add(&t.b, 60000000, 0, TW_ACK, t.asked - 1, t.seq, 0);
		add(&t.b, 500, 1, TW_ACK, t.seq, t.asked, 0);
	}
	finish(&t);
	no_contradictions(&t);
	nothing(&t, TW_F_KEEPALIVE_UNANSWERED_LAST);
	assert_int_equal(tw_get(&t.f, TW_F_KEEPALIVE_INTERVAL_NS) / TW_NS_PER_S, 60);
	end(&t);
}

/* A reset far outside the window, in the middle: what its receiver expected is kept with it. */
static void reset_in_the_middle(void **state)
{
	struct download t;

	begin(&t);
	calm(&t, 4000);
	add(&t.b, 10, 1, TW_RST, t.seq + 90000000, 0, 0);
	calm(&t, 4000);
	finish(&t);
	assert_int_equal(tw_get(&t.f, TW_F_RST_COUNT), 1);
	assert_int_equal(tw_get(&t.f, TW_F_RST_EFFECT), TW_RST_IGNORED);
	assert_int_equal(tw_get(&t.f, TW_F_RST_IGNORED), 1);
	nothing(&t, TW_F_OUT_OF_WINDOW);
	nothing(&t, TW_F_TRACE_LOSSY);
	end(&t);
}

/* The end of a long download by the client's reset: what it asked for is long dropped, its count is not. */
static void reset_at_the_end(void **state)
{
	struct download t;
	int k;

	begin(&t);
	for (k = 0; k < 200; k++) {
		calm(&t, 100);
		add(&t.b, 100, 0, TW_ACK | TW_PSH, t.asked, t.seq, 100);
		t.asked += 100;
	}
	calm(&t, 4000);
	add(&t.b, 100, 0, TW_ACK | TW_RST, t.asked, t.seq, 0);
	finish(&t);
	assert_int_equal(tw_get(&t.f, TW_F_RST_AUTHOR_SENT_BYTES), 20100);
	assert_false(tw_known(&t.f, TW_F_RST_UNANSWERED_BYTES));
	assert_int_equal(tw_get(&t.f, TW_F_RST_IDLE_BEFORE_NS) / TW_NS_PER_MS, 0);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_are_marked),
		cmocka_unit_test(losses_all_along),
		cmocka_unit_test(one_loss_in_the_middle),
		cmocka_unit_test(closed_windows_in_the_middle),
		cmocka_unit_test(duplicates_by_the_network),
		cmocka_unit_test(probes_for_days),
		cmocka_unit_test(reset_in_the_middle),
		cmocka_unit_test(reset_at_the_end),
	};

	return cmocka_run_group_tests_name("long", tests, NULL, NULL);
}
