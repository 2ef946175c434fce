/* SPDX-License-Identifier: BSD-2-Clause */
/* Triage on made-up segments: what is clean, what deserves a second look, reuse, wrap-around, the ceiling. */
#include "triage_feed.h"

static void closed_in_order_is_clean(void **state)
{
	struct feed f = begin(1000, 9000);

	handshake(&f);
	exchange(&f);
	shut(&f);
	expect_one(&f, 0);
}

static void sequence_numbers_wrap(void **state)
{
	/* Every step crosses 2^32 somewhere: the SYN, the data, the FIN. */
	static const uint32_t isn[] = { UINT32_MAX,       UINT32_MAX - 1,   UINT32_MAX - 50,
					UINT32_MAX - 100, UINT32_MAX - 101, UINT32_MAX - 301 };
	size_t i;

	for (i = 0; i < sizeof(isn) / sizeof(isn[0]); i++) {
		struct feed f = begin(isn[i], isn[sizeof(isn) / sizeof(isn[0]) - 1 - i]);

		handshake(&f);
		exchange(&f);
		shut(&f);
		expect_one(&f, 0);
	}
}

static void wrap_does_not_hide_a_repeat(void **state)
{
	struct feed f = begin(UINT32_MAX - 50, 1);

	handshake(&f);
	exchange(&f);
	next(&f, 0, TW_PSH | TW_ACK, 100); /* across the wrap */
	raw(&f, 0, f.seq[0] - 100, f.seq[1], TW_PSH | TW_ACK, 100);
	next(&f, 1, TW_PSH | TW_ACK, 10);
	next(&f, 0, TW_ACK, 0);
	shut(&f);
	expect_one(&f, TW_WANT_LOSS);
}

static void start_missing_but_consistent_is_clean(void **state)
{
	struct feed f = begin(5000, 7000);

	exchange(&f);
	next(&f, 1, TW_FIN | TW_ACK, 0);
	next(&f, 0, TW_FIN | TW_ACK, 0);
	next(&f, 1, TW_ACK, 0);
	expect_one(&f, 0);
}

static void open_and_answered_is_clean(void **state)
{
	struct feed f = begin(1, 1);

	handshake(&f);
	exchange(&f);
	expect_one(&f, 0);
}

/* Each of these begins as a clean connection and then goes wrong in one way. */
enum trouble {
	RESET,
	ZERO_WINDOW,
	KEEPALIVE,
	FIN_REPEATED,
	UNACKNOWLEDGED,
	NO_ACK_FLAG,
	URGENT,
	SYN_INSIDE,
	FAR_AHEAD,
	ACK_OF_UNSEEN_FAR,
	OLD_ACK,
	HALF_CLOSED,
	AFTER_THE_END,
	ICMP_ERROR,
	TROUBLE__N,
};

static void quote(struct feed *f)
{
	struct tw_segment s = segment(f, 0);

	s.kind = TW_SEG_ICMP_ERROR;
	s.seq = f->seq[0];
	feed(f, &s);
}

static void make_trouble(struct feed *f, enum trouble what)
{
	struct tw_segment s = segment(f, 1);

	s.seq = f->seq[1];
	s.ack = f->seq[0];
	s.flags = TW_ACK;
	switch (what) {
	case RESET:
		next(f, 1, TW_RST | TW_ACK, 0);
		return;
	case ZERO_WINDOW:
		s.window = 0;
		feed(f, &s);
		return;
	case KEEPALIVE:
		raw(f, 0, f->seq[0] - 1, f->seq[1], TW_ACK, 0);
		return;
	case FIN_REPEATED:
		next(f, 0, TW_FIN | TW_ACK, 0);
		raw(f, 0, f->seq[0] - 1, f->seq[1], TW_FIN | TW_ACK, 0);
		next(f, 1, TW_FIN | TW_ACK, 0);
		next(f, 0, TW_ACK, 0);
		return;
	case UNACKNOWLEDGED:
		next(f, 0, TW_PSH | TW_ACK, 10);
		return;
	case NO_ACK_FLAG:
		next(f, 0, 0, 0);
		return;
	case URGENT:
		next(f, 0, TW_ACK | TW_URG, 0);
		return;
	case SYN_INSIDE:
		raw(f, 1, f->seq[1], f->seq[0], TW_SYN | TW_ACK, 0);
		return;
	case FAR_AHEAD:
		raw(f, 0, f->seq[0] + 100000000, f->seq[1], TW_ACK, 0);
		return;
	case ACK_OF_UNSEEN_FAR:
		raw(f, 0, f->seq[0], f->seq[1] + 100000000, TW_ACK, 0);
		return;
	case OLD_ACK:
		raw(f, 0, f->seq[0], f->seq[1] - 301, TW_ACK, 0);
		return;
	case HALF_CLOSED:
		next(f, 0, TW_FIN | TW_ACK, 0);
		next(f, 1, TW_ACK, 0);
		return;
	case AFTER_THE_END:
		shut(f);
		next(f, 1, TW_ACK, 0);
		return;
	case ICMP_ERROR:
	case TROUBLE__N:
		quote(f);
		return;
	}
}

static void every_trouble_gets_a_dossier(void **state)
{
	int what;

	for (what = 0; what < TROUBLE__N; what++) {
		struct feed f = begin(1000, 2000);

		handshake(&f);
		exchange(&f);
		make_trouble(&f, what);
		finish(&f);
		if (f.res->interest_count != 1 || f.res->interest[0].reason != TW_WANT_DOSSIER ||
		    f.res->clean)
			fail_msg("trouble %d is not noticed", what);
		assert_int_equal(f.res->interest[0].last_frame, f.frame);
		tw_triage_free(f.t);
	}
}

static void repaired_loss_is_told_apart(void **state)
{
	struct feed f = begin(1000, 2000);

	handshake(&f);
	exchange(&f);
	next(&f, 1, TW_PSH | TW_ACK, 300);
	f.seq[1] += 300; /* lost before the point of capture */
	next(&f, 1, TW_PSH | TW_ACK, 300);
	raw(&f, 1, f.seq[1] - 600, f.seq[0], TW_PSH | TW_ACK, 300);
	next(&f, 0, TW_ACK, 0);
	shut(&f);
	finish(&f);
	assert_int_equal(f.res->interest_count, 1);
	assert_int_equal(f.res->interest[0].reason, TW_WANT_LOSS);
	tw_triage_free(f.t);
}

static void late_repeat_is_a_stall(void **state)
{
	struct feed f = begin(1000, 2000);

	handshake(&f);
	exchange(&f);
	next(&f, 1, TW_PSH | TW_ACK, 300);
	f.now_ns += 2 * TW_NS_PER_S;
	raw(&f, 1, f.seq[1] - 300, f.seq[0], TW_PSH | TW_ACK, 300);
	next(&f, 0, TW_ACK, 0);
	shut(&f);
	expect_one(&f, TW_WANT_DOSSIER);
}

static void request_without_answer(void **state)
{
	int later;

	for (later = 0; later < 2; later++) {
		struct feed f = begin(1000, 2000);

		handshake(&f);
		next(&f, 0, TW_PSH | TW_ACK, 100);
		if (later)
			f.now_ns += 5 * TW_NS_PER_S;
		next(&f, 1, TW_ACK, 0);
		/* Young: the answer may still come. Old: somebody waits. */
		expect_one(&f, later ? TW_WANT_DOSSIER : 0);
	}
}

static void closed_without_answer(void **state)
{
	struct feed f = begin(1000, 2000);

	handshake(&f);
	next(&f, 0, TW_PSH | TW_ACK, 100);
	next(&f, 1, TW_FIN | TW_ACK, 0);
	next(&f, 0, TW_FIN | TW_ACK, 0);
	next(&f, 1, TW_ACK, 0);
	expect_one(&f, TW_WANT_DOSSIER);
}

static void half_open_in_all_forms(void **state)
{
	int form;

	for (form = 0; form < 5; form++) {
		struct feed f = begin(1000, 2000);
		struct tw_segment s = segment(&f, 0);

		s.flags = TW_SYN;
		s.seq = 1000;
		if (form == 4) { /* IPv6 has no small record */
			s.ip_version = 6;
			s.src.b[0] = 0x20;
		}
		feed(&f, &s);
		if (form == 1 || form == 4)
			feed(&f, &s); /* repeated */
		if (form == 2 || form == 3)
			raw(&f, 1, 2000, 1001, TW_SYN | TW_ACK, 0);
		if (form == 3)
			raw(&f, 1, 2000, 1001, TW_SYN | TW_ACK, 0);
		expect_one(&f, TW_WANT_HALF_OPEN);
	}
}

static void slow_handshake_is_not_clean(void **state)
{
	struct feed f = begin(1000, 2000);

	raw(&f, 0, 1000, 0, TW_SYN, 0);
	handshake(&f); /* the SYN again, then the rest */
	exchange(&f);
	shut(&f);
	expect_one(&f, TW_WANT_DOSSIER);
}

static void wrong_answer_to_a_syn(void **state)
{
	struct feed f = begin(1000, 2000);

	next(&f, 0, TW_SYN, 0);
	raw(&f, 1, 777, 5000, TW_ACK, 0);
	expect_one(&f, TW_WANT_DOSSIER);
}

static void reuse_after_an_orderly_close(void **state)
{
	struct feed f = begin(1000, 2000);
	int i;

	for (i = 0; i < 5; i++) {
		handshake(&f);
		exchange(&f);
		shut(&f);
		f.seq[0] += 100000;
		f.seq[1] += 100000;
	}
	finish(&f);
	assert_int_equal(f.res->streams, 5);
	assert_int_equal(f.res->clean, 5);
	assert_int_equal(f.res->interest_count, 0);
	tw_triage_free(f.t);
}

/* What makes the new connection interesting makes the old one so: facts compare them. */
static void predecessor_comes_along(void **state)
{
	struct feed f = begin(1000, 2000);

	handshake(&f);
	exchange(&f);
	shut(&f);
	f.seq[0] += 100000;
	next(&f, 0, TW_SYN, 0);
	next(&f, 1, TW_RST | TW_ACK, 0);
	finish(&f);
	assert_int_equal(f.res->streams, 2);
	assert_int_equal(f.res->clean, 0);
	assert_int_equal(f.res->interest_count, 2);
	assert_int_equal(f.res->interest[0].stream, 0);
	assert_int_equal(f.res->interest[0].last_frame, 10);
	assert_int_equal(f.res->interest[1].stream, 1);
	assert_int_equal(f.res->interest[1].first_frame, 11);
	tw_triage_free(f.t);
}

static void reuse_of_an_open_connection(void **state)
{
	struct feed f = begin(1000, 2000);

	handshake(&f);
	exchange(&f);
	f.seq[0] += 100000;
	f.seq[1] += 100000;
	handshake(&f);
	exchange(&f);
	shut(&f);
	finish(&f);
	assert_int_equal(f.res->streams, 2);
	assert_int_equal(f.res->interest_count, 2);
	tw_triage_free(f.t);
}

static void same_syn_is_no_new_connection(void **state)
{
	struct feed f = begin(1000, 2000);

	next(&f, 0, TW_SYN, 0);
	next(&f, 1, TW_RST | TW_ACK, 0);
	raw(&f, 0, 1000, 0, TW_SYN, 0);
	expect_one(&f, TW_WANT_DOSSIER);
}

static void calm_run(struct feed *f)
{
	handshake(f);
	exchange(f);
	shut(f);
}

static void clean_run(struct feed *f, uint32_t id)
{
	f->client = 0x0b000000 + id;
	f->seq[0] = id * 7919;
	f->seq[1] = id * 104729;
	calm_run(f);
}

static void many_close_and_are_recycled(void **state)
{
	struct feed f = begin(0, 0);
	uint32_t i;

	for (i = 0; i < 200000; i++)
		clean_run(&f, i);
	/* A late packet of a recent one finds it; of one long ago, it cannot. */
	f.client = 0x0b000000 + 199990;
	raw(&f, 1, 1, 1, TW_RST, 0);
	finish(&f);
	assert_int_equal(f.res->streams, 200000);
	assert_int_equal(f.res->clean, 199999);
	assert_int_equal(f.res->interest_count, 1);
	assert_int_equal(f.res->interest[0].stream, 199990);
	assert_int_equal(f.res->evicted, 0);
	tw_triage_free(f.t);
}

static void ceiling_evicts_and_counts(void **state)
{
	const struct tw_triage_config config = { .memory_bytes = 2 << 20,
						 .settle_ns = TW_NS_PER_S };
	const uint32_t n = 100000;
	struct feed f;
	uint32_t i;

	start(&f, &config, 0, 0);
	for (i = 0; i < n; i++) {
		f.client = 0x0b000000 + i;
		f.seq[0] = i;
		f.seq[1] = ~i;
		handshake(&f);
		exchange(&f);
	}
	finish(&f);
	assert_int_equal(f.res->streams, n);
	assert_true(f.res->evicted > n / 2);
	assert_int_equal(f.res->clean + f.res->interest_count + f.res->evicted_undecided, n);
	tw_triage_free(f.t);
}

static void flood_is_counted_to_the_last(void **state)
{
	const struct tw_triage_config config = { .memory_bytes = 4 << 20,
						 .settle_ns = TW_NS_PER_S };
	const uint32_t n = 300000;
	struct feed f;
	uint64_t grouped = 0;
	uint32_t i;

	start(&f, &config, 0, 0);
	for (i = 0; i < n; i++) {
		f.client = 0x0b000000 + i;
		raw(&f, 0, i, 0, TW_SYN, 0);
	}
	finish(&f);
	assert_int_equal(f.res->streams, n);
	assert_int_equal(f.res->clean, 0);
	assert_int_equal(
		f.res->interest_count + f.res->half_open_unlisted + f.res->evicted_undecided, n);
	for (i = 0; i < f.res->half_open_groups; i++)
		grouped += f.res->half_open[i].connections;
	assert_int_equal(grouped, f.res->half_open_unlisted);
	assert_int_equal(f.res->half_open_groups, 1);
	assert_int_equal(f.res->half_open[0].port, 80);
	tw_triage_free(f.t);
}

static void asked_for_stream_is_never_clean(void **state)
{
	const struct tw_triage_config config = { .settle_ns = TW_NS_PER_S,
						 .have_stream = true,
						 .stream = 3 };
	struct feed f;
	uint32_t i;

	start(&f, &config, 0, 0);
	for (i = 0; i < 6; i++)
		clean_run(&f, i);
	finish(&f);
	assert_int_equal(f.res->clean, 5);
	assert_int_equal(f.res->interest_count, 1);
	assert_int_equal(f.res->interest[0].stream, 3);
	tw_triage_free(f.t);
}

/* A segment of no known connection and the bare reset that answers it. */
static void stray(struct feed *f)
{
	raw(f, 1, 7000, 8000, TW_PSH | TW_ACK, 100);
	raw(f, 0, 8000, 0, TW_RST, 0);
}

static unsigned wanted(const struct feed *f, int reason)
{
	unsigned n = 0;
	uint64_t i;

	for (i = 0; i < f->res->interest_count; i++)
		n += f->res->interest[i].reason == (enum tw_interest_reason)reason;
	return n;
}

/* What a stray may belong to comes along: what shares an endpoint and began before. */
static void stray_brings_its_kin(void **state)
{
	struct feed f = begin(1000, 2000);

	calm_run(&f); /* stream 0: the client's endpoint, as through a balancer */
	f.client = 0x0a000009;
	f.cport = 40001;
	calm_run(&f); /* a stranger */
	f.sport = 443;
	calm_run(&f);
	f.client = 0x0a000001;
	f.server = 0x0a000004;
	f.cport = 40000;
	f.sport = 80;
	stray(&f); /* stream 3 */
	f.server = 0x0a000005;
	calm_run(&f); /* begins after it */
	finish(&f);
	assert_int_equal(f.res->clean, 3);
	assert_int_equal(f.res->interest_count, 2);
	assert_int_equal(f.res->interest[0].stream, 0);
	assert_int_equal(f.res->interest[0].reason, TW_WANT_KIN);
	assert_int_equal(f.res->interest[1].reason, TW_WANT_DOSSIER);
	assert_int_equal(f.res->interest[1].kin, TW_KIN_STRAY);
	tw_triage_free(f.t);
}

/* However many there are: few with any port at the other end, some with the same. */
static void kin_of_many_strays_is_few(void **state)
{
	struct feed f = begin(1000, 2000);
	uint32_t i;

	for (i = 0; i < 3000; i++)
		clean_run(&f, i);
	f.client = 0x0a000001;
	for (i = 0; i < 3000; i++) {
		f.cport = (uint16_t)(39000 + i);
		stray(&f);
	}
	finish(&f);
	assert_int_equal(wanted(&f, TW_WANT_DOSSIER), 3000);
	assert_int_equal(wanted(&f, TW_WANT_KIN), 4);
	tw_triage_free(f.t);
	f = begin(1000, 2000);
	for (i = 0; i < 3000; i++)
		clean_run(&f, i);
	f.client = 0x0a000001;
	stray(&f);
	finish(&f);
	assert_int_equal(wanted(&f, TW_WANT_KIN), 12);
	tw_triage_free(f.t);
}

/* Reset after a long silence: connections of the two hosts that may have survived as long come along. */
static void idle_end_brings_its_kin(void **state)
{
	struct feed f = begin(1000, 2000);
	uint32_t i;

	for (i = 0; i < 30; i++) {
		f.client = i < 10 || i >= 20 ? 0x0a000001 : 0x0a000007;
		f.cport = (uint16_t)(40000 + i);
		handshake(&f);
		exchange(&f);
		if (i < 20)
			f.now_ns += 30 * TW_NS_PER_S;
		exchange(&f);
		shut(&f);
	}
	f.cport = 41000;
	handshake(&f);
	exchange(&f);
	f.now_ns += 30 * TW_NS_PER_S;
	next(&f, 0, TW_PSH | TW_ACK, 10);
	raw(&f, 1, f.seq[1], 0, TW_RST, 0);
	finish(&f);
	assert_int_equal(wanted(&f, TW_WANT_DOSSIER), 1);
	assert_int_equal(wanted(&f, TW_WANT_KIN), 4);
	assert_true(f.res->interest[3].stream < 10);
	tw_triage_free(f.t);
}

/* Who wants everything gets everything, and is told what deserved it anyway. */
static void everything_is_told_apart(void **state)
{
	const struct tw_triage_config config = { .settle_ns = TW_NS_PER_S, .everything = true };
	struct feed f;

	start(&f, &config, 1000, 2000);
	clean_run(&f, 0);
	clean_run(&f, 1);
	f.cport = 50000;
	handshake(&f);
	exchange(&f);
	raw(&f, 1, f.seq[1], 0, TW_RST, 0);
	finish(&f);
	assert_int_equal(wanted(&f, TW_WANT_ALL), 2);
	assert_int_equal(wanted(&f, TW_WANT_DOSSIER), 1);
	assert_int_equal(f.res->clean, 0);
	tw_triage_free(f.t);
}

/* Below what was acknowledged: sent before the capture began, or by somebody else. */
static void first_words_below_what_was_taken(void **state)
{
	struct feed f = begin(1000, 2000);

	raw(&f, 1, 2000, 1011, TW_ACK, 0);
	raw(&f, 0, 1006, 2000, TW_ACK, 0);
	raw(&f, 1, 2000, 1011, TW_ACK, 0);
	raw(&f, 0, 1006, 2000, TW_PSH | TW_ACK, 5);
	expect_one(&f, TW_WANT_DOSSIER);
}

static void clock_steps_are_noticed(void **state)
{
	struct feed f = begin(1, 1);

	handshake(&f);
	f.now_ns -= 500 * TW_NS_PER_MS;
	exchange(&f);
	finish(&f);
	assert_true(f.res->clock_backward);
	assert_in_range(f.res->clock_step_ns, 490 * TW_NS_PER_MS, 510 * TW_NS_PER_MS);
	tw_triage_free(f.t);
}

/* Whole batches give the same as single packets. */
static void batches_change_nothing(void **state)
{
	struct feed f = begin(1000, 2000);
	struct tw_brief *room = tw_triage_room(f.t);
	struct tw_segment s;
	unsigned i;

	for (i = 0; i < TW_BATCH; i++) {
		f.cport = (uint16_t)(1000 + i % 4);
		s = segment(&f, i / 4 % 2);
		const struct tw_frame frame = { .number = i + 1, .time_ns = f.now_ns + i };

		s.flags = i < 4 ? TW_SYN : i < 8 ? TW_SYN | TW_ACK : TW_ACK;
		s.seq = i < 4 ? 10 : i < 8 ? 50 : i / 4 % 2 ? 51 : 11;
		s.ack = i < 4 ? 0 : i / 4 % 2 ? 11 : 51;
		tw_brief_of(&frame, &s, tw_triage_seed(f.t), &room[i]);
	}
	tw_triage_feed(f.t, TW_BATCH);
	finish(&f);
	assert_int_equal(f.res->streams, 4);
	assert_int_equal(f.res->packets, TW_BATCH);
	assert_int_equal(f.res->clean, 4);
	tw_triage_free(f.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_in_order_is_clean),
		cmocka_unit_test(sequence_numbers_wrap),
		cmocka_unit_test(wrap_does_not_hide_a_repeat),
		cmocka_unit_test(start_missing_but_consistent_is_clean),
		cmocka_unit_test(open_and_answered_is_clean),
		cmocka_unit_test(every_trouble_gets_a_dossier),
		cmocka_unit_test(repaired_loss_is_told_apart),
		cmocka_unit_test(late_repeat_is_a_stall),
		cmocka_unit_test(request_without_answer),
		cmocka_unit_test(closed_without_answer),
		cmocka_unit_test(half_open_in_all_forms),
		cmocka_unit_test(slow_handshake_is_not_clean),
		cmocka_unit_test(wrong_answer_to_a_syn),
		cmocka_unit_test(reuse_after_an_orderly_close),
		cmocka_unit_test(predecessor_comes_along),
		cmocka_unit_test(reuse_of_an_open_connection),
		cmocka_unit_test(same_syn_is_no_new_connection),
		cmocka_unit_test(many_close_and_are_recycled),
		cmocka_unit_test(ceiling_evicts_and_counts),
		cmocka_unit_test(flood_is_counted_to_the_last),
		cmocka_unit_test(asked_for_stream_is_never_clean),
		cmocka_unit_test(stray_brings_its_kin),
		cmocka_unit_test(kin_of_many_strays_is_few),
		cmocka_unit_test(idle_end_brings_its_kin),
		cmocka_unit_test(everything_is_told_apart),
		cmocka_unit_test(first_words_below_what_was_taken),
		cmocka_unit_test(clock_steps_are_noticed),
		cmocka_unit_test(batches_change_nothing),
	};

	return cmocka_run_group_tests_name("triage", tests, NULL, NULL);
}
