/* SPDX-License-Identifier: BSD-2-Clause */
/* The arena, the error record and the text of durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/err.h"

static void arena_memory_is_zeroed_and_aligned(void **state)
{
	struct tw_arena a;
	unsigned i;

	tw_arena_init(&a);
	for (i = 1; i < 5000; i += 7) {
		unsigned char *p = tw_arena_alloc(&a, i);
		unsigned j;

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (j = 0; j < i; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0xff, i);
	}
	assert_true(a.used_bytes > 1000000);
	tw_arena_free(&a);
}

static void arena_serves_one_large_piece(void **state)
{
	struct tw_arena a;
	char *p;

	tw_arena_init(&a);
	p = tw_arena_alloc(&a, 10000000);
	assert_non_null(p);
	p[9999999] = 1;
	tw_arena_free(&a);
}

static void arena_refuses_what_overflows(void **state)
{
	struct tw_arena a;

	tw_arena_init(&a);
	assert_null(tw_arena_alloc(&a, SIZE_MAX));
	assert_null(tw_arena_alloc(&a, SIZE_MAX - 8));
	tw_arena_free(&a);
}

static void arena_printf_keeps_the_whole_text(void **state)
{
	struct tw_arena a;
	const char *text;

	tw_arena_init(&a);
	text = tw_arena_printf(&a, "%s and %0500d", "head", 7);
	assert_int_equal(strlen(text), strlen("head and ") + 500);
	assert_int_equal(text[strlen(text) - 1], '7');
	tw_arena_free(&a);
}

static void durations_have_three_digits_and_a_unit(void **state)
{
	assert_string_equal(TW_DUR(213 * TW_NS_PER_US), "213 us");
	assert_string_equal(TW_DUR(1020 * TW_NS_PER_MS), "1.02 s");
	assert_string_equal(TW_DUR(938 * TW_NS_PER_S), "15 min 38 s");
	assert_string_equal(TW_DUR(900 * TW_NS_PER_S), "15 min");
	assert_string_equal(TW_DUR(7200 * TW_NS_PER_S), "2 h");
}

static void extreme_durations_fit_the_buffer(void **state)
{
	assert_true(strlen(TW_DUR(INT64_MAX)) < TW_DURATION_TEXT);
	assert_true(strlen(TW_DUR(INT64_MIN)) < TW_DURATION_TEXT);
}

static void error_returns_its_code_and_cuts_long_text(void **state)
{
	struct tw_err err = { 0 };

	assert_int_equal(tw_err_set(&err, -ENOENT, "%0900d", 1), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(tw_err_set(NULL, -EIO, "unheard"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
		cmocka_unit_test(arena_serves_one_large_piece),
		cmocka_unit_test(arena_refuses_what_overflows),
		cmocka_unit_test(arena_printf_keeps_the_whole_text),
		cmocka_unit_test(durations_have_three_digits_and_a_unit),
		cmocka_unit_test(extreme_durations_fit_the_buffer),
		cmocka_unit_test(error_returns_its_code_and_cuts_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
