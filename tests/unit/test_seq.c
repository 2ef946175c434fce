/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequence numbers on their ring of 2^32 (RFC 9293 s3.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet/seq.h"

/* Start points around every place where signed or unsigned arithmetic could turn over. */
static const uint32_t starts[] = { 0,          1,          0x7ffffffe, 0x7fffffff, 0x80000000,
				   0x80000001, 0xc0000000, 0xfffffffe, 0xffffffff };
static const uint32_t steps[] = { 1, 2, 1460, 65535, 0x40000000, 0x7ffffffe, 0x7fffffff };

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void order_is_the_same_everywhere_on_the_ring(void **state)
{
	for (size_t i = 0; i < N(starts); i++) {
		for (size_t j = 0; j < N(steps); j++) {
			uint32_t lower = starts[i], higher = starts[i] + steps[j];

			assert_true(tw_seq_lt(lower, higher));
			assert_true(tw_seq_le(lower, higher));
			assert_true(tw_seq_gt(higher, lower));
			assert_true(tw_seq_ge(higher, lower));
			assert_false(tw_seq_lt(higher, lower));
			assert_false(tw_seq_le(higher, lower));
			assert_false(tw_seq_gt(lower, higher));
			assert_false(tw_seq_ge(lower, higher));
			assert_true(tw_seq_diff(higher, lower) == (int32_t)steps[j]);
			assert_true(tw_seq_diff(lower, higher) == -(int32_t)steps[j]);
		}
	}
}

static void a_number_equals_itself(void **state)
{
	for (size_t i = 0; i < N(starts); i++) {
		assert_int_equal(tw_seq_diff(starts[i], starts[i]), 0);
		assert_true(tw_seq_le(starts[i], starts[i]));
		assert_true(tw_seq_ge(starts[i], starts[i]));
		assert_false(tw_seq_lt(starts[i], starts[i]));
		assert_false(tw_seq_gt(starts[i], starts[i]));
	}
}

static void a_range_holds_its_start_but_not_its_end(void **state)
{
	for (size_t i = 0; i < N(starts); i++) {
		uint32_t lo = starts[i], hi = lo + 1000;

		assert_true(tw_seq_in(lo, lo, hi));
		assert_true(tw_seq_in(lo + 999, lo, hi));
		assert_false(tw_seq_in(hi, lo, hi));
		assert_false(tw_seq_in(lo - 1, lo, hi));
		assert_false(tw_seq_in(lo, lo, lo));
		/* the widest window there can be: 65535 << 14 */
		assert_true(tw_seq_in(lo + (65535u << 14) - 1, lo, lo + (65535u << 14)));
		assert_false(tw_seq_in(lo + (65535u << 14), lo, lo + (65535u << 14)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_the_same_everywhere_on_the_ring),
		cmocka_unit_test(a_number_equals_itself),
		cmocka_unit_test(a_range_holds_its_start_but_not_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
