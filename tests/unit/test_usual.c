/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * There is one table of timers: what `read` measures captures by comes out of the schedules that `predict`
 * prints. Held from both sides: the numbers of a host with default settings, and that they move with the
 * model. A matcher that kept a number of its own would not agree with the schedule.
 */
#include "phenomena/connect/handshake.h"
#include "timers/usual.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct tw_model defaults(void)
{
	struct tw_model m = { 0 };

	tw_settings_defaults(&m.set);
	return m;
}

static void test_defaults(void **state)
{
	const struct tw_usual *u = tw_usual();

	(void)state;
	assert_ptr_equal(u, tw_usual());
	assert_int_equal(u->syns_flat, 11);
	assert_int_equal(u->syns_doubling, 7);
	assert_int_equal(u->request_life_ns, 63 * TW_NS_PER_S);
	assert_int_equal(u->orphan_fins, 9);
	assert_in_range(u->orphan_last_ns, 50 * TW_NS_PER_S, 52 * TW_NS_PER_S);
	assert_in_range(u->orphan_most_ns, 107 * TW_NS_PER_S, 120 * TW_NS_PER_S);
	assert_int_equal(u->fin_wait2_ns, 60 * TW_NS_PER_S);
	assert_int_equal(u->neighbour_asks, 3);
	assert_int_equal(u->neighbour_ns, 3 * TW_NS_PER_S);
}

static void test_syn_gaps(void **state)
{
	static const int flat[] = { 1, 1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 120, 120 };
	const struct tw_usual *u = tw_usual();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(flat) / sizeof(*flat); i++)
		assert_int_equal(u->syn_gap_flat_ns[i], flat[i] * TW_NS_PER_S);
	for (i = 0; i < 9; i++)
		assert_int_equal(u->syn_gap_doubling_ns[i],
				 (i < 7 ? INT64_C(1) << i : 120) * TW_NS_PER_S);
}

/* Each number follows the setting that governs it on the host. */
static void test_moves_with_the_model(void **state)
{
	struct tw_model m = defaults();
	struct tw_usual u;

	(void)state;
	m.set.value[TW_SET_SYN_LINEAR] = 2;
	m.set.value[TW_SET_SYN_RETRIES] = 3;
	m.set.value[TW_SET_SYNACK_RETRIES] = 2;
	m.set.value[TW_SET_ORPHAN_RETRIES] = 4;
	m.set.value[TW_SET_FIN_TIMEOUT] = 30;
	m.set.value[TW_SET_NEIGH_SOLICIT] = 5;
	m.set.value[TW_SET_NEIGH_RETRANS_MS] = 200;
	m.set.value[TW_SET_RTO_MAX_MS] = 10000;
	tw_usual_of(&u, &m);
	assert_int_equal(u.syns_flat, 6);
	assert_int_equal(u.syns_doubling, 4);
	assert_int_equal(u.syn_gap_flat_ns[2], TW_NS_PER_S);
	assert_int_equal(u.syn_gap_flat_ns[3], 2 * TW_NS_PER_S);
	assert_int_equal(u.syn_gap_flat_ns[TW_USUAL_GAPS - 1], 10 * TW_NS_PER_S);
	assert_int_equal(u.request_life_ns, 7 * TW_NS_PER_S);
	assert_true(u.orphan_fins < tw_usual()->orphan_fins);
	assert_true(u.orphan_most_ns < 20 * TW_NS_PER_S);
	assert_int_equal(u.fin_wait2_ns, 30 * TW_NS_PER_S);
	assert_int_equal(u.neighbour_asks, 5);
	assert_int_equal(u.neighbour_ns, TW_NS_PER_S);
}

/* What the matchers of connect expect next is the schedule's own next step, at each of its SYNs. */
static void test_next_syn_is_the_schedules(void **state)
{
	const enum tw_ladder ladder[] = { TW_LADDER_LINEAR_FIRST, TW_LADDER_DOUBLING };
	struct tw_model m = defaults();
	struct tw_schedule l;
	unsigned i, k;

	(void)state;
	for (k = 0; k < 2; k++) {
		if (ladder[k] == TW_LADDER_DOUBLING)
			m.set.value[TW_SET_SYN_LINEAR] = 0;
		tw_schedule_connect(&l, &m);
		for (i = 0; i < l.count; i++) {
			const int64_t next =
				i + 1 < l.count ? l.step[i + 1].at.least_ns : l.end.least_ns;
			struct tw_facts f = { 0 };

			tw_fact_set(&f, TW_F_SYN_COUNT, i + 1, 1, 0);
			tw_fact_set(&f, TW_F_SYN_LADDER, ladder[k], 1, 0);
			assert_int_equal(tw_syn_next_gap_ns(&f), next - l.step[i].at.least_ns);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_syn_gaps),
		cmocka_unit_test(test_moves_with_the_model),
		cmocka_unit_test(test_next_syn_is_the_schedules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
