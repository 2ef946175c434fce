/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of connections under way: bounded together and each, the start kept longest; written with comments; and
 * the sections of the file, in which the clock begins anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diagnose/keep.h"
#include "findings.h"

#include "capture/source.h"

#include <stdio.h>
#include <unistd.h>

static struct tw_frame frame(uint64_t number, uint32_t bytes)
{
	static const uint8_t zeros[65535];

	return (struct tw_frame){ .time_ns = START_NS + (int64_t)number * 1000000,
				  .number = number,
				  .data = zeros,
				  .caplen = bytes,
				  .len = bytes,
				  .linktype = 1 };
}

static void add(struct tw_keep *k, struct tw_kept **kept, uint64_t number, uint32_t bytes)
{
	const struct tw_frame f = frame(number, bytes);

	assert_int_equal(tw_keep_add(k, kept, &f), 0);
}

/* Write to a file and read it back. Return: how many frames; times of the first and last, and the damage. */
static unsigned write_back(struct tw_finding *const *findings, unsigned n, struct tw_frame *all,
			   unsigned room)
{
	char path[] = "/tmp/test-keep-XXXXXX";
	struct tw_err err = { 0 };
	struct tw_frame batch[TW_BATCH];
	struct tw_source *src;
	struct tw_writer *w;
	unsigned i, got, total = 0;

	close(mkstemp(path));
	assert_int_equal(tw_writer_open(&w, path, &err), 0);
	for (i = 0; i < n; i++)
		assert_int_equal(tw_kept_write(findings[i], w, &err), 0);
	assert_int_equal(tw_writer_close(w, &err), 0);
	assert_int_equal(tw_source_open(&src, path, NULL, &err), 0);
	while ((got = tw_source_next(src, batch)) > 0)
		for (i = 0; i < got && total < room; i++)
			all[total++] = batch[i];
	assert_int_equal(tw_source_info(src)->problems_total, 0);
	tw_source_close(src);
	unlink(path);
	return total;
}

static void the_start_and_the_end_of_one_connection_stay(void **state)
{
	struct tw_keep *k = tw_keep_new(64 << 20);
	struct tw_finding *f = made_finding(0, 2, 80);
	static struct tw_frame all[2000];
	unsigned i, n;

	for (i = 1; i <= 5000; i++)
		add(k, &f->kept, i, 100);
	tw_kept_release(f->kept);
	tw_keep_free(k);
	n = write_back(&f, 1, all, 2000);
	assert_true(n > 100 && n < 1000);
	assert_int_equal(all[0].time_ns, START_NS + 1000000);
	assert_int_equal(all[n - 1].time_ns, START_NS + INT64_C(5000) * 1000000);
	tw_finding_free(f);
}

static void the_ceiling_takes_the_oldest_and_spares_the_starts(void **state)
{
	struct tw_keep *k = tw_keep_new(1 << 20);
	struct tw_finding *f[64];
	static struct tw_frame all[4000];
	unsigned i, j, n, kept = 0;

	for (i = 0; i < 64; i++)
		f[i] = made_finding(i, 2, 80);
	/* 64 connections, 200 packets each of 1000 bytes: twelve times as much as there is room. */
	for (j = 0; j < 200; j++)
		for (i = 0; i < 64; i++)
			add(k, &f[i]->kept, 1 + j * 64 + i, 1000);
	for (i = 0; i < 64; i++) {
		tw_kept_release(f[i]->kept);
		n = write_back(&f[i], 1, all, 4000);
		kept += n;
		/* Its end always; and as all have the same start, what goes of those goes evenly. */
		if (n)
			assert_true(all[n - 1].time_ns <= START_NS + INT64_C(200 * 64) * 1000000);
	}
	assert_true(kept * 1000 <= 1 << 20);
	assert_true(kept * 1000 > 1 << 19);
	for (i = 0; i < 64; i++)
		tw_finding_free(f[i]);
	tw_keep_free(k);
}

static void giving_up_gives_back(void **state)
{
	struct tw_keep *k = tw_keep_new(100000);
	struct tw_kept *kept = NULL;
	struct tw_finding *f = made_finding(0, 2, 80);
	static struct tw_frame all[100];
	unsigned i;

	for (i = 0; i < 1000; i++) {
		kept = NULL;
		add(k, &kept, i + 1, 60000);
		tw_kept_free(kept);
	}
	/* There is room for this one: nothing of the others is left. */
	add(k, &f->kept, 1, 40000);
	add(k, &f->kept, 2, 40000);
	tw_kept_release(f->kept);
	assert_int_equal(write_back(&f, 1, all, 100), 2);
	tw_finding_free(f);
	tw_keep_free(k);
}

static void each_finding_is_a_section_with_a_clock_of_its_own(void **state)
{
	struct tw_keep *k = tw_keep_new(1 << 20);
	struct tw_finding *f[2] = { made_finding(0, 2, 80), made_finding(1, 2, 81) };
	static struct tw_frame all[10];

	add(k, &f[0]->kept, 5, 60);
	add(k, &f[0]->kept, 9, 60);
	add(k, &f[1]->kept, 1, 60);
	add(k, &f[1]->kept, 7, 60);
	assert_int_equal(write_back(f, 2, all, 10), 4);
	assert_int_equal(all[0].section, 0);
	assert_int_equal(all[1].section, 0);
	assert_int_equal(all[2].section, 1);
	assert_int_equal(all[3].section, 1);
	assert_true(all[2].time_ns < all[1].time_ns);
	tw_finding_free(f[0]);
	tw_finding_free(f[1]);
	tw_keep_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_start_and_the_end_of_one_connection_stay),
		cmocka_unit_test(the_ceiling_takes_the_oldest_and_spares_the_starts),
		cmocka_unit_test(giving_up_gives_back),
		cmocka_unit_test(each_finding_is_a_section_with_a_clock_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
