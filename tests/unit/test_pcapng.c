/* SPDX-License-Identifier: BSD-2-Clause */
/* The pcapng reader: sections, interfaces and their clocks, all kinds of packets, and blocks that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "capture/source.h"
#include "capture_bytes.h"

#define S    INT64_C(1000000000)
#define T_US UINT64_C(1700000000000000)

static struct bytes out;

static struct bytes *fresh(bool big)
{
	memset(&out, 0, sizeof(out));
	out.big = big;
	return &out;
}

/* All frames of a capture, at most 256; the data pointers die with the source's next call. */
struct seen {
	struct tw_frame frame[256];
	uint8_t first[256]; /* byte of each frame */
	unsigned n;
	uint64_t drops, problems;
	bool cut, has_drops;
	unsigned interfaces;
	uint32_t snaplen;
	char problem[240];
	uint64_t problem_at;
	int status;
	char error[400];
};

static void take_info(struct seen *seen, const struct tw_source_info *info)
{
	seen->drops = info->capture_drops;
	seen->has_drops = info->has_drop_counters;
	seen->problems = info->problems_total;
	seen->cut = info->cut;
	seen->interfaces = info->interfaces;
	seen->snaplen = info->snaplen;
	assert_string_equal(info->format, "pcapng");
	if (info->problem_count) {
		strcpy(seen->problem, info->problems[0].text);
		seen->problem_at = info->problems[0].offset;
	}
}

/* Read the bytes from memory of just their size, twice, and see the same both times. */
static void see(const uint8_t *p, size_t n, struct seen *seen)
{
	uint8_t *exact = malloc(n ? n : 1);
	struct tw_err err = { 0 };
	struct tw_source *s;
	unsigned pass, i, got, last = 0;

	memcpy(exact, p, n);
	memset(seen, 0, sizeof(*seen));
	seen->status = tw_source_open_memory(&s, exact, n, &err);
	strcpy(seen->error, err.text);
	for (pass = 0; !seen->status && pass < 2; pass++) {
		struct tw_frame f[TW_BATCH];

		last = seen->n;
		seen->n = 0;
		while ((got = tw_source_next(s, f)) != 0) {
			for (i = 0; i < got; i++) {
				assert_true(seen->n < 256);
				seen->first[seen->n] = f[i].caplen ? f[i].data[0] : 0;
				seen->frame[seen->n++] = f[i];
				if (f[i].caplen)
					assert_int_equal(f[i].data[0], f[i].data[f[i].caplen - 1]);
			}
		}
		take_info(seen, tw_source_info(s));
		assert_int_equal(tw_source_rewind(s), 0);
	}
	if (!seen->status) {
		assert_int_equal(last, seen->n);
		tw_source_close(s);
	}
	free(exact);
}

static struct seen seen;

static void enhanced_packets_in_both_orders(void **state)
{
	unsigned big, i;

	for (big = 0; big < 2; big++) {
		struct bytes *o = fresh(big);

		put_section(o, UINT64_MAX);
		put_interface(o, 1, 96, 0, 0);
		for (i = 0; i < 100; i++)
			put_enhanced(o, 0, T_US + i, i % 70, 1500, (int)i);
		see(o->b, o->n, &seen);
		assert_int_equal(seen.n, 100);
		for (i = 0; i < 100; i++) {
			assert_int_equal(seen.frame[i].number, i + 1);
			assert_int_equal(seen.frame[i].time_ns, (int64_t)(T_US + i) * 1000);
			assert_int_equal(seen.frame[i].caplen, i % 70);
			assert_int_equal(seen.frame[i].len, 1500);
			assert_int_equal(seen.first[i], i % 70 ? i : 0);
		}
		assert_int_equal(seen.frame[0].offset, 28 + 32);
		assert_int_equal(seen.snaplen, 96);
		assert_int_equal(seen.problems, 0);
		assert_false(seen.cut);
	}
}

static void sections_of_either_order_number_their_own_interfaces(void **state)
{
	struct bytes *o = fresh(false);

	put_section(o, 28 + 32); /* a stated length; it is right but not needed */
	put_interface(o, 1, 0, 0, 0);
	put_enhanced(o, 0, T_US, 4, 4, 1);
	o->big = true;
	put_section(o, UINT64_MAX);
	put_interface(o, 113, 200, 9, 0);
	put_interface(o, 276, 100, 0, 0);
	put_enhanced(o, 1, T_US, 4, 4, 2);
	put_enhanced(o, 0, T_US * 1000, 4, 4, 3);
	o->big = false;
	put_section(o, UINT64_MAX);
	put_enhanced(o, 0, T_US, 4, 4, 4); /* of no interface of this section */
	put_interface(o, 101, 0, 3, 0);
	put_enhanced(o, 0, T_US / 1000, 4, 4, 5);
	see(o->b, o->n, &seen);
	assert_int_equal(seen.n, 4);
	assert_int_equal(seen.interfaces, 4);
	assert_int_equal(seen.snaplen, 100);
	{
		static const uint16_t linktype[] = { 1, 276, 113, 101 }, iface[] = { 0, 2, 1, 3 };
		unsigned i;

		for (i = 0; i < 4; i++) {
			assert_int_equal(seen.frame[i].time_ns, T_US * 1000);
			assert_int_equal(seen.frame[i].linktype, linktype[i]);
			assert_int_equal(seen.frame[i].iface, iface[i]);
		}
	}
	assert_int_equal(seen.problems, 1);
	assert_non_null(strstr(seen.problem, "a packet of interface 0, which is not described"));
}

static void clocks_of_every_unit(void **state)
{
	static const struct {
		uint8_t resolution;
		int64_t offset_s;
		uint64_t ticks;
		int64_t ns;
	} clocks[] = {
		{ 0, 0, T_US, T_US * 1000 },
		{ 6, -5, T_US, T_US * 1000 - 5 * S },
		{ 9, 1000, 17, 1000 * S + 17 },
		{ 3, 0, 1700000000123, 1700000000123 * 1000000 },
		{ 12, 0, 5999, 5 }, /* picoseconds, rounded down */
		{ 12, 7, UINT64_C(123456789000000000), 123456789000000 + 7 * S },
		{ 0x94, 0, (UINT64_C(1700000000) << 20) + (1 << 19), 1700000000 * S + S / 2 },
		{ 0x80 | 32, 1, UINT64_C(3) << 31, 2 * S + S / 2 },
		{ 0x80 | 63, 0, UINT64_C(1) << 63, S },
		{ 0x80 | 127, 0, UINT64_MAX, 0 },
		{ 127, 0, UINT64_MAX, 0 },
		{ 0x80, 0, 42, 42 * S }, /* 2^-0: seconds */
		/* out of range: held at the border */
		{ 9, 0, UINT64_MAX, INT64_C(1) << 62 },
		{ 0x80, 0, UINT64_MAX, INT64_C(1) << 62 },
		{ 9, INT64_MAX, UINT64_MAX, INT64_C(1) << 62 },
		{ 9, INT64_MIN, 5, -(INT64_C(1) << 62) + 5 },
	};
	struct bytes *o = fresh(true);
	unsigned i, n = sizeof(clocks) / sizeof(clocks[0]);

	put_section(o, UINT64_MAX);
	for (i = 0; i < n; i++)
		put_interface(o, 1, 0, clocks[i].resolution, clocks[i].offset_s);
	for (i = 0; i < n; i++)
		put_enhanced(o, i, clocks[i].ticks, 1, 1, 0);
	see(o->b, o->n, &seen);
	assert_int_equal(seen.n, n);
	for (i = 0; i < n; i++)
		if (seen.frame[i].time_ns != clocks[i].ns)
			fail_msg("clock %u: %lld", i, (long long)seen.frame[i].time_ns);
}

static void put_simple(struct bytes *o, uint32_t len, uint32_t stored, int fill)
{
	size_t at = begin_block(o, 3);

	put32(o, len);
	memset(o->b + o->n, fill, stored);
	o->n += stored;
	end_block(o, at);
}

static void simple_packets_take_snaplen_and_time_from_elsewhere(void **state)
{
	struct bytes *o = fresh(false);

	put_section(o, UINT64_MAX);
	put_simple(o, 8, 8, 9); /* before any interface */
	put_interface(o, 1, 10, 0, 0);
	put_interface(o, 101, 0, 0, 0);
	put_simple(o, 8, 8, 1);
	put_enhanced(o, 1, T_US, 4, 4, 2);
	put_simple(o, 1500, 10, 3);
	put_simple(o, 10, 6, 4); /* shorter than it says */
	see(o->b, o->n, &seen);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.frame[0].time_ns, 0);
	assert_int_equal(seen.frame[0].caplen, 8);
	assert_int_equal(seen.frame[2].time_ns, T_US * 1000);
	assert_int_equal(seen.frame[2].caplen, 10);
	assert_int_equal(seen.frame[2].len, 1500);
	assert_int_equal(seen.frame[2].linktype, 1);
	assert_int_equal(seen.problems, 2);
}

static void put_old_packet(struct bytes *o, uint16_t iface, uint16_t drops, uint64_t ticks,
			   int fill)
{
	size_t at = begin_block(o, 2);

	put16(o, iface);
	put16(o, drops);
	put32(o, (uint32_t)(ticks >> 32));
	put32(o, (uint32_t)ticks);
	put32(o, 5);
	put32(o, 66);
	memset(o->b + o->n, fill, 5);
	o->n += 5;
	end_block(o, at);
}

static void old_packet_blocks(void **state)
{
	struct bytes *o = fresh(true);

	put_section(o, UINT64_MAX);
	put_interface(o, 1, 0, 0, 0);
	put_interface(o, 101, 0, 0, 0);
	put_old_packet(o, 1, 7, T_US, 1);
	put_old_packet(o, 0, 0xffff, T_US + 1, 2);
	put_old_packet(o, 2, 0, T_US + 1, 2);
	see(o->b, o->n, &seen);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.frame[0].linktype, 101);
	assert_int_equal(seen.frame[0].caplen, 5);
	assert_int_equal(seen.frame[0].len, 66);
	assert_int_equal(seen.frame[1].time_ns, (T_US + 1) * 1000);
	assert_int_equal(seen.drops, 7);
	assert_true(seen.has_drops);
	assert_int_equal(seen.problems, 1);
}

static void put_statistics(struct bytes *o, uint32_t iface, int64_t ifdrop, int64_t osdrop)
{
	size_t at = begin_block(o, 5);

	put32(o, iface);
	put64(o, 0);
	put_option(o, 1, "made by a test", 14);
	if (ifdrop >= 0)
		put_option64(o, 5, (uint64_t)ifdrop);
	if (osdrop >= 0)
		put_option64(o, 7, (uint64_t)osdrop);
	put32(o, 0);
	end_block(o, at);
}

/* Totals of an interface: a later block replaces an earlier one, interfaces and sections add up. */
static void drop_counters(void **state)
{
	struct bytes *o = fresh(false);

	put_section(o, UINT64_MAX);
	put_interface(o, 1, 0, 0, 0);
	put_interface(o, 1, 0, 0, 0);
	put_statistics(o, 0, -1, -1);
	see(o->b, o->n, &seen);
	assert_false(seen.has_drops);
	put_statistics(o, 0, 3, 4);
	put_statistics(o, 0, 30, 40);
	put_statistics(o, 1, -1, 500);
	put_section(o, UINT64_MAX);
	put_interface(o, 1, 0, 0, 0);
	put_statistics(o, 0, 1000, 0);
	see(o->b, o->n, &seen);
	assert_true(seen.has_drops);
	assert_int_equal(seen.drops, 1570);
	assert_int_equal(seen.problems, 0);
	put_statistics(o, 1, 1, 1);
	see(o->b, o->n, &seen);
	assert_int_equal(seen.problems, 1);
}

static void drops_beside_packets(void **state)
{
	struct bytes *o = fresh(true);
	size_t at;

	put_section(o, UINT64_MAX);
	put_interface(o, 1, 0, 0, 0);
	at = begin_block(o, 6);
	put32(o, 0);
	put64(o, 0);
	put32(o, 3);
	put32(o, 3);
	put_raw(o, "aaa", 3);
	put_padding(o);
	put_option(o, 1, "a comment", 9);
	put_option64(o, 4, 12);
	put32(o, 0);
	end_block(o, at);
	see(o->b, o->n, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.frame[0].caplen, 3);
	assert_int_equal(seen.drops, 12);
}

/* Other blocks are skipped; those that Wireshark numbers take a number here as well. */
static void other_blocks_are_skipped(void **state)
{
	static const struct {
		uint32_t type;
		bool numbered;
	} others[] = { { 4, false },         { 10, false }, { 0xbad, true },
		       { 0x40000bad, true }, { 9, true },   { 0x7fffffff, false } };
	struct bytes *o = fresh(false);
	uint64_t number = 0;
	unsigned i, j;

	put_section(o, UINT64_MAX);
	put_interface(o, 1, 0, 0, 0);
	for (i = 0; i < 6; i++) {
		size_t at = begin_block(o, others[i].type);

		for (j = 0; j < 1000; j++)
			put32(o, 0xffffffff);
		end_block(o, at);
		put_enhanced(o, 0, T_US, 4, 4, (int)i);
	}
	see(o->b, o->n, &seen);
	assert_int_equal(seen.n, 6);
	for (i = 0; i < 6; i++) {
		number += 1 + others[i].numbered;
		assert_int_equal(seen.frame[i].number, number);
	}
	assert_int_equal(seen.problems, 0);
}

/* A skipped block larger than the window, in a file. */
static void a_large_block_is_skipped(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_frame f[TW_BATCH];
	struct tw_err err = { 0 };
	struct tw_source *s;
	static uint8_t zeros[1 << 20];
	uint32_t head[2] = { 10, 12 + 3 * sizeof(zeros) };
	const char *path;
	FILE *file;
	unsigned i;

	put_section(o, UINT64_MAX);
	put_interface(o, 1, 0, 0, 0);
	path = temp_file(o->b, o->n);
	file = fopen(path, "ab");
	assert_non_null(file);
	fwrite(head, sizeof(head), 1, file);
	for (i = 0; i < 3; i++)
		fwrite(zeros, sizeof(zeros), 1, file);
	fwrite(&head[1], 4, 1, file);
	o->n = 0;
	put_enhanced(o, 0, T_US, 4, 4, 7);
	fwrite(o->b, o->n, 1, file);
	fwrite(head, sizeof(head), 1, file);
	fclose(file);
	assert_int_equal(tw_source_open(&s, path, NULL, &err), 0);
	assert_int_equal(tw_source_next(s, f), 1);
	assert_int_equal(f[0].data[3], 7);
	assert_int_equal(tw_source_next(s, f), 0);
	assert_true(tw_source_info(s)->cut);
	assert_int_equal(tw_source_info(s)->problem_count, 1);
	tw_source_close(s);
	unlink(path);
}

static void cut_at_every_byte(void **state)
{
	struct bytes *o = fresh(false);
	unsigned ends[8], i, last = 0;
	size_t n, empty;

	put_section(o, UINT64_MAX);
	empty = o->n;
	put_interface(o, 1, 0, 9, 0);
	for (i = 0; i < 6; i++) {
		if (i == 2)
			put_old_packet(o, 0, 1, 1, 1);
		else if (i == 4)
			put_simple(o, 7, 7, 1);
		else
			put_enhanced(o, 0, i, 10, 10, 1);
		ends[i] = (unsigned)o->n;
		if (i == 3)
			put_statistics(o, 0, 1, 2);
	}
	for (n = 0; n <= o->n; n++) {
		unsigned whole = 0;

		see(o->b, n, &seen);
		if (n < empty) {
			assert_int_equal(seen.status, n ? -EPROTO : -ENODATA);
			continue;
		}
		assert_int_equal(seen.status, 0);
		for (i = 0; i < 6; i++)
			whole += n >= ends[i];
		assert_int_equal(seen.n, whole);
		assert_true(seen.n >= last);
		assert_int_equal(seen.cut, seen.problems);
		last = seen.n;
	}
	assert_int_equal(last, 6);
	assert_false(seen.cut);
}

/* Overwrite 32 bits at @at, read, and put them back. */
static void see_with(struct bytes *o, size_t at, uint32_t value)
{
	size_t end = o->n;
	uint8_t saved[4];

	memcpy(saved, o->b + at, 4);
	o->n = at;
	put32(o, value);
	o->n = end;
	see(o->b, o->n, &seen);
	memcpy(o->b + at, saved, 4);
}

static void lengths_that_lie(void **state)
{
	static const uint32_t lies[] = { 0,  4,  8,          12,         28,        41,
					 40, 48, 0x7ffffffc, 0xffffffff, 0xfffffffc };
	struct bytes *o = fresh(false);
	size_t second;
	unsigned i;

	put_section(o, UINT64_MAX);
	put_interface(o, 1, 0, 0, 0);
	put_enhanced(o, 0, T_US, 12, 12, 1);
	second = o->n;
	put_enhanced(o, 0, T_US, 12, 12, 2); /* 44 bytes */
	put_enhanced(o, 0, T_US, 12, 12, 3);
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		see_with(o, second + 4, lies[i]); /* the block's length */
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.problems, 1);
		assert_int_equal(seen.problem_at, second);
		see_with(o, second + 40, lies[i]); /* that at its end */
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.problem_at, second);
	}
	see_with(o, second + 20, 13); /* the captured length: only this packet is lost */
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.frame[1].number, 2);
	assert_int_equal(seen.problems, 1);
	see_with(o, second + 20, 0xffffffff);
	assert_int_equal(seen.n, 2);
	see_with(o, second + 8, 1); /* the interface */
	assert_int_equal(seen.n, 2);
	see_with(o, 0 + 12, 0x00000002); /* the version of the section */
	assert_int_equal(seen.status, -EPROTO);
	assert_non_null(strstr(seen.error, "version 2.0"));
	see_with(o, 8, 0);
	assert_int_equal(seen.status, -EPROTO);
	assert_non_null(strstr(seen.error, "is not a capture file"));
}

static void options_that_lie_end_the_options(void **state)
{
	struct bytes *o = fresh(false);
	size_t at;
	uint8_t ns = 9;

	put_section(o, UINT64_MAX);
	at = begin_block(o, 1);
	put32(o, 1);
	put32(o, 0);
	put_option(o, 9, &ns, 1);
	put16(o, 14);
	put16(o, 0xffff);
	put32(o, 5);
	end_block(o, at);
	put_enhanced(o, 0, 17, 4, 4, 1);
	see(o->b, o->n, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.frame[0].time_ns, 17);
}

/* However many defects there are, the list of them stays short. */
static void the_list_of_problems_is_bounded(void **state)
{
	struct bytes *o = fresh(false);
	unsigned i;

	put_section(o, UINT64_MAX);
	put_interface(o, 1, 0, 0, 0);
	for (i = 0; i < 500; i++)
		put_enhanced(o, 1 + i, 0, 0, 0, 0);
	see(o->b, o->n, &seen);
	assert_int_equal(seen.n, 0);
	assert_int_equal(seen.problems, 500);
	assert_false(seen.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enhanced_packets_in_both_orders),
		cmocka_unit_test(sections_of_either_order_number_their_own_interfaces),
		cmocka_unit_test(clocks_of_every_unit),
		cmocka_unit_test(simple_packets_take_snaplen_and_time_from_elsewhere),
		cmocka_unit_test(old_packet_blocks),
		cmocka_unit_test(drop_counters),
		cmocka_unit_test(drops_beside_packets),
		cmocka_unit_test(other_blocks_are_skipped),
		cmocka_unit_test(a_large_block_is_skipped),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(lengths_that_lie),
		cmocka_unit_test(options_that_lie_end_the_options),
		cmocka_unit_test(the_list_of_problems_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
