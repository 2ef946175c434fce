/* SPDX-License-Identifier: BSD-2-Clause */
/* Sources: the pcap file in all its forms, merging, filters, and what is no capture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "capture_files.h"

static void pcap_in_both_orders_and_all_magics(void **state)
{
	static const struct {
		uint32_t magic;
		int64_t tick_ns;
		uint32_t header;
		const char *format;
	} forms[] = { { 0xa1b2c3d4, 1000, 16, "pcap" },
		      { 0xa1b23c4d, 1, 16, "pcap (ns)" },
		      { 0xa1b2cd34, 1000, 24, "pcap (modified)" } };
	unsigned i;

	for (i = 0; i < 6; i++) {
		struct bytes *o = fresh(i & 1);
		struct tw_source *s;

		put_three(o, forms[i / 2].magic, forms[i / 2].header == 24);
		s = open_bytes(o->b, o->n);
		assert_string_equal(tw_source_info(s)->format, forms[i / 2].format);
		assert_int_equal(tw_source_info(s)->snaplen, 65535);
		assert_int_equal(tw_source_info(s)->interfaces, 1);
		check_three(s, forms[i / 2].tick_ns, forms[i / 2].header);
		assert_int_equal(tw_source_rewind(s), 0);
		check_three(s, forms[i / 2].tick_ns, forms[i / 2].header);
		tw_source_close(s);
	}
}

static void link_type_without_its_fcs_bits(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_source *s;

	put_pcap_header(o, 0xa1b2c3d4, 0x24000071);
	s = open_bytes(o->b, o->n);
	assert_int_equal(tw_source_info(s)->linktype, 113);
	assert_int_equal(drain(s), 0);
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	tw_source_close(s);
	o = fresh(false);
	put_pcap_header(o, 0xa1b2c3d4, 12); /* what Linux calls DLT_RAW */
	s = open_bytes(o->b, o->n);
	assert_int_equal(tw_source_info(s)->linktype, 101);
	tw_source_close(s);
}

static void times_of_the_far_future_do_not_overflow(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_frame f[TW_BATCH];
	struct tw_source *s;

	put_pcap_header(o, 0xa1b2c3d4, 1);
	put_record(o, UINT32_MAX, UINT32_MAX, 1, 1, 0);
	s = open_bytes(o->b, o->n);
	assert_int_equal(tw_source_next(s, f), 1);
	assert_int_equal(f[0].time_ns, (int64_t)UINT32_MAX * S + (int64_t)UINT32_MAX * 1000);
	assert_true(f[0].time_ns <= INT64_C(1) << 62);
	tw_source_close(s);
}

/* The bytes are copied to memory of just that size, so that reading past them is seen. */
static unsigned long frames_of(const uint8_t *p, size_t n, bool *cut)
{
	uint8_t *exact = malloc(n ? n : 1);
	struct tw_source *s;
	struct tw_err err = { 0 };
	unsigned long frames = 0;

	memcpy(exact, p, n);
	*cut = false;
	if (tw_source_open_memory(&s, exact, n, &err)) {
		assert_int_not_equal(err.text[0], '\0');
	} else {
		frames = drain(s);
		*cut = tw_source_info(s)->cut;
		assert_true(tw_source_info(s)->problem_count <= 32);
		tw_source_close(s);
	}
	free(exact);
	return frames;
}

static void cut_at_every_byte(void **state)
{
	static const size_t ends[] = { 24, 24 + 36, 24 + 36 + 37, 24 + 36 + 37 + 38 };
	struct bytes *o = fresh(false);
	size_t n;

	put_three(o, 0xa1b2c3d4, false);
	assert_int_equal(o->n, ends[3]);
	for (n = 0; n <= o->n; n++) {
		bool cut, at_end = n == ends[0] || n == ends[1] || n == ends[2] || n == ends[3];
		unsigned long frames = frames_of(o->b, n, &cut);

		assert_int_equal(frames, (n >= ends[1]) + (n >= ends[2]) + (n >= ends[3]));
		assert_int_equal(cut, n > 24 && !at_end);
	}
}

static void a_cut_is_named_with_its_place(void **state)
{
	struct bytes *o = fresh(false);
	const struct tw_source_info *info;
	struct tw_source *s;

	put_three(o, 0xa1b2c3d4, false);
	s = open_bytes(o->b, 70);
	assert_int_equal(drain(s), 1);
	info = tw_source_info(s);
	assert_true(info->cut);
	assert_int_equal(info->problem_count, 1);
	assert_int_equal(info->problems[0].offset, 60);
	assert_non_null(strstr(info->problems[0].text, "byte 60: the file ends inside"));
	tw_source_close(s);
}

static void lengths_that_lie(void **state)
{
	struct bytes *o = fresh(true);
	const struct tw_source_info *info;
	struct tw_source *s;

	put_three(o, 0xa1b2c3d4, false);
	put32(o, 1);
	put32(o, 2);
	put32(o, 262145);
	put32(o, 60);
	memset(o->b + o->n, 0, 100);
	o->n += 100;
	s = open_bytes(o->b, o->n);
	assert_int_equal(drain(s), 3);
	info = tw_source_info(s);
	assert_int_equal(info->problem_count, 1);
	assert_int_equal(info->problems[0].offset, 24 + 36 + 37 + 38);
	assert_non_null(strstr(info->problems[0].text, "262145"));
	tw_source_close(s);
}

static void a_file_larger_than_the_window(void **state)
{
	const char *path = make_large(20000);
	struct tw_source *s = open_path(path, NULL);

	expect_large(s, 20000);
	assert_int_equal(tw_source_info(s)->bytes_done, tw_source_info(s)->bytes_total);
	assert_int_equal(tw_source_rewind(s), 0);
	assert_int_equal(drain(s), 20000);
	tw_source_close(s);
	unlink(path);
}

/* A file that becomes shorter while it is read is a cut file, and no signal. */
static void a_file_that_shrinks(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_frame f[TW_BATCH];
	struct tw_source *s;
	const char *path;
	FILE *file;
	int i;

	put_pcap_header(o, 0xa1b2c3d4, 1);
	path = temp_file(o->b, o->n);
	file = fopen(path, "ab");
	for (i = 0; i < 40000; i++) {
		uint32_t h[4] = { 1, 0, 40, 40 };

		fwrite(h, sizeof(h), 1, file);
		fwrite(o->b, 40, 1, file);
	}
	fclose(file);
	s = open_path(path, NULL);
	assert_int_equal(tw_source_next(s, f), TW_BATCH);
	assert_int_equal(truncate(path, 24 + 56 * 10000 + 7), 0);
	assert_int_equal(drain(s), 10000 - TW_BATCH);
	assert_true(tw_source_info(s)->cut);
	tw_source_close(s);
	unlink(path);
}

/* tcpdump is still writing: the second look sees what the first one saw. */
static void a_file_that_grows(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_source *s;
	const char *path;
	int fd;

	put_three(o, 0xa1b2c3d4, false);
	path = temp_file(o->b, 70);
	s = open_path(path, NULL);
	assert_int_equal(drain(s), 1);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, o->b + 70, o->n - 70), o->n - 70);
	close(fd);
	assert_int_equal(tw_source_rewind(s), 0);
	assert_int_equal(drain(s), 1);
	assert_true(tw_source_info(s)->cut);
	tw_source_close(s);
	s = open_path(path, NULL);
	assert_int_equal(drain(s), 3);
	tw_source_close(s);
	unlink(path);
}

static void expect_error(const char *path, int code, const char *words)
{
	struct tw_err err = { 0 };
	struct tw_source *s = NULL;

	assert_int_equal(tw_source_open(&s, path, NULL, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, words) || !strstr(err.text, path))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	assert_null(s);
}

static void what_is_no_capture(void **state)
{
	static const uint8_t elf[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0 };
	uint8_t packed[256];
	const char *path;
	size_t n;

	expect_error("/nonexistent/x.pcap", -ENOENT, "No such file");
	expect_error("/tmp", -EISDIR, "is a directory");
	path = temp_file("", 0);
	expect_error(path, -ENODATA, "is empty");
	unlink(path);
	path = temp_file("hello, world\n", 13);
	expect_error(path, -EPROTO,
		     "is not a capture file (it starts with the text \"hello, world\"");
	unlink(path);
	path = temp_file(elf, sizeof(elf));
	expect_error(path, -EPROTO, "(it starts with the bytes 7f 45 4c 46");
	unlink(path);
	path = temp_file("x", 1);
	expect_error(path, -EPROTO, "is not a capture file");
	unlink(path);
	n = gzip_bytes((const uint8_t *)"hello, world\n", 13, packed, sizeof(packed));
	path = temp_file(packed, n);
	expect_error(path, -EPROTO, "its decompressed content starts with");
	unlink(path);
	n = gzip_bytes((const uint8_t *)"", 0, packed, sizeof(packed));
	path = temp_file(packed, n);
	expect_error(path, -ENODATA, "is empty");
	unlink(path);
	path = temp_file("\x1f\x8b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13);
	expect_error(path, -EPROTO, "cannot be decompressed");
	unlink(path);
	path = temp_file("\xd4\xc3\xb2\xa1\x02\x00\x04\x00", 8);
	expect_error(path, -EPROTO, "ends at byte 8");
	unlink(path);
}

static void no_permission(void **state)
{
	struct bytes *o = fresh(false);
	const char *path;

	put_three(o, 0xa1b2c3d4, false);
	path = temp_file(o->b, o->n);
	chmod(path, 0);
	if (!geteuid()) { /* root may read anything */
		assert_int_equal(seteuid(65534), 0);
		expect_error(path, -EACCES, "Permission denied");
		assert_int_equal(seteuid(0), 0);
	} else {
		expect_error(path, -EACCES, "Permission denied");
	}
	unlink(path);
}

/* A dialect that is libpcap's: the Navtel magic, and a version that swapped the lengths. */
static void files_that_only_libpcap_knows(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_frame f[TW_BATCH];
	struct tw_source *s;
	unsigned pass;

	put_pcap_header(o, 0xa1b2c3d4, 1);
	o->b[6] = 2; /* version 2.2: the length on the wire stands first */
	put32(o, 7);
	put32(o, 8);
	put32(o, 100);
	put32(o, 20);
	memset(o->b + o->n, 0x55, 20);
	o->n += 20;
	s = open_bytes(o->b, o->n);
	for (pass = 0; pass < 2; pass++) {
		assert_int_equal(tw_source_next(s, f), 1);
		assert_int_equal(f[0].caplen, 20);
		assert_int_equal(f[0].len, 100);
		assert_int_equal(f[0].time_ns, 7 * S + 8000);
		assert_int_equal(f[0].offset, 24);
		assert_int_equal(f[0].data[19], 0x55);
		assert_int_equal(tw_source_next(s, f), 0);
		assert_int_equal(tw_source_info(s)->problems_total, 0);
		assert_int_equal(tw_source_rewind(s), 0);
	}
	tw_source_close(s);
	s = open_bytes(o->b, o->n - 5);
	assert_int_equal(drain(s), 0);
	assert_true(tw_source_info(s)->cut);
	assert_int_equal(tw_source_info(s)->problem_count, 1);
	tw_source_close(s);
}

/* Three files whose times interleave and tie; the order of ties is that of the files. */
static void merged_by_time_and_stable(void **state)
{
	static const uint32_t times[3][4] = { { 1, 5, 5, 9 }, { 2, 5, 8, 8 }, { 0, 5, 9, 20 } };
	const char *paths[3];
	struct tw_frame f[TW_BATCH];
	struct tw_source *s;
	struct tw_err err = { 0 };
	unsigned i, j, n, pass;

	for (i = 0; i < 3; i++) {
		struct bytes *o = fresh(i == 1);

		put_pcap_header(o, 0xa1b2c3d4, 1);
		for (j = 0; j < 4; j++)
			put_record(o, times[i][j], 0, 4, 4, (int)(16 * i + j));
		paths[i] = temp_file(o->b, o->n - (i == 2)); /* the last one is cut */
	}
	assert_int_equal(tw_source_open_merged(&s, paths, 3, NULL, &err), 0);
	for (pass = 0; pass < 2; pass++) {
		static const uint8_t order[] = { 0x20, 0x00, 0x10, 0x01, 0x02, 0x11,
						 0x21, 0x12, 0x13, 0x03, 0x22 };
		unsigned seen = 0;

		while ((n = tw_source_next(s, f)) != 0) {
			for (i = 0; i < n; i++, seen++) {
				assert_true(seen < sizeof(order));
				assert_int_equal(f[i].data[0], order[seen]);
				assert_int_equal(f[i].number, seen + 1);
				assert_int_equal(f[i].offset, 24 + 20 * (order[seen] & 15));
			}
		}
		assert_int_equal(seen, sizeof(order));
		assert_int_equal(tw_source_info(s)->frames, sizeof(order));
		assert_int_equal(tw_source_info(s)->interfaces, 3);
		assert_int_equal(tw_source_info(s)->problems_total, 1);
		assert_int_equal(tw_source_info(s)->problem_count, 1);
		assert_non_null(strstr(tw_source_info(s)->problems[0].text, paths[2]));
		assert_true(tw_source_info(s)->cut);
		assert_int_equal(tw_source_rewind(s), 0);
	}
	tw_source_close(s);
	for (i = 0; i < 3; i++)
		unlink(paths[i]);
	assert_int_equal(tw_source_open_merged(&s, paths, 3, NULL, &err), -ENOENT);
}

/* Many frames from parts of different length: none is lost, time never goes back, bytes stay valid. */
static void merged_many(void **state)
{
	const char *paths[2];
	struct tw_frame f[TW_BATCH];
	struct tw_source *s;
	struct tw_err err = { 0 };
	unsigned long seen = 0;
	int64_t last = 0;
	unsigned i, j, n;

	for (i = 0; i < 2; i++) {
		struct bytes *o = fresh(false);

		put_pcap_header(o, 0xa1b2c3d4, 1);
		for (j = 0; j < (i ? 100u : 1000u); j++)
			put_record(o, j * (i ? 7 : 1), 0, 30, 30, (int)(j % 251));
		paths[i] = temp_file(o->b, o->n);
	}
	assert_int_equal(tw_source_open_merged(&s, paths, 2, NULL, &err), 0);
	while ((n = tw_source_next(s, f)) != 0) {
		for (i = 0; i < n; i++) {
			int64_t j_of = f[i].time_ns / S / (f[i].iface == 1 ? 7 : 1);

			assert_true(f[i].time_ns >= last);
			assert_int_equal(f[i].number, ++seen);
			assert_int_equal(f[i].data[29], j_of % 251);
			last = f[i].time_ns;
		}
	}
	assert_int_equal(seen, 1100);
	tw_source_close(s);
	unlink(paths[0]);
	unlink(paths[1]);
}

/* An Ethernet frame with an IPv4 TCP segment to port @port. */
static void put_tcp(struct bytes *o, uint32_t s, uint8_t port)
{
	uint8_t p[54] = { [12] = 8, [14] = 0x45, [17] = 40, [23] = 6, [37] = port, [46] = 0x50 };

	put32(o, s);
	put32(o, 0);
	put32(o, sizeof(p));
	put32(o, sizeof(p));
	put_raw(o, p, sizeof(p));
}

static void a_filter_rejects_but_numbers_stay(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_filter *filter;
	struct tw_frame f[TW_BATCH];
	struct tw_err err = { 0 };
	struct tw_source *s;
	unsigned i;
	const char *path;

	put_pcap_header(o, 0xa1b2c3d4, 1);
	for (i = 0; i < 3 * TW_BATCH; i++)
		put_tcp(o, i, i == 70 || i == 3 * TW_BATCH - 1 ? 80 : 22);
	path = temp_file(o->b, o->n);
	assert_int_equal(tw_filter_new(&filter, "tcp dst port 80", &err), 0);
	s = open_path(path, filter);
	assert_int_equal(tw_source_next(s, f), 1);
	assert_int_equal(f[0].number, 71);
	assert_int_equal(tw_source_next(s, f), 1);
	assert_int_equal(f[0].number, 3 * TW_BATCH);
	assert_int_equal(tw_source_next(s, f), 0);
	assert_int_equal(tw_source_info(s)->frames, 3 * TW_BATCH);
	assert_int_equal(tw_source_info(s)->frames_filtered, 3 * TW_BATCH - 2);
	tw_source_close(s);
	{
		const char *paths[2] = { path, path };

		assert_int_equal(tw_source_open_merged(&s, paths, 2, filter, &err), 0);
		assert_int_equal(drain(s), 4);
		assert_int_equal(tw_source_info(s)->frames, 6 * TW_BATCH);
		tw_source_close(s);
	}
	tw_filter_free(filter);
	unlink(path);
}

static void a_filter_that_is_wrong(void **state)
{
	struct tw_filter *filter = NULL;
	struct tw_err err = { 0 };

	assert_int_equal(tw_filter_new(&filter, "tcp port port", &err), -EINVAL);
	assert_null(filter);
	assert_non_null(strstr(err.text, "the filter \"tcp port port\" is not valid: "));
	/* for another link type only, but right */
	assert_int_equal(tw_filter_new(&filter, "wlan type mgt", &err), 0);
	tw_filter_free(filter);
}

static void a_filter_that_one_link_type_cannot_have(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_filter *filter;
	struct tw_err err = { 0 };
	struct tw_source *s;
	const char *path;

	put_pcap_header(o, 0xa1b2c3d4, 101);
	put_record(o, 1, 0, 40, 40, 0x45);
	put_record(o, 2, 0, 40, 40, 0x45);
	path = temp_file(o->b, o->n);
	assert_int_equal(tw_filter_new(&filter, "ether host 02:00:00:00:00:01", &err), 0);
	s = open_path(path, filter);
	assert_int_equal(drain(s), 0);
	assert_int_equal(tw_source_info(s)->frames_filtered, 2);
	assert_int_equal(tw_source_info(s)->problem_count, 1);
	assert_non_null(
		strstr(tw_source_info(s)->problems[0].text, "matches no frame of link type 101"));
	tw_source_close(s);
	tw_filter_free(filter);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcap_in_both_orders_and_all_magics),
		cmocka_unit_test(link_type_without_its_fcs_bits),
		cmocka_unit_test(times_of_the_far_future_do_not_overflow),
		cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(a_cut_is_named_with_its_place),
		cmocka_unit_test(lengths_that_lie),
		cmocka_unit_test(a_file_larger_than_the_window),
		cmocka_unit_test(a_file_that_shrinks),
		cmocka_unit_test(a_file_that_grows),
		cmocka_unit_test(what_is_no_capture),
		cmocka_unit_test(no_permission),
		cmocka_unit_test(files_that_only_libpcap_knows),
		cmocka_unit_test(merged_by_time_and_stable),
		cmocka_unit_test(merged_many),
		cmocka_unit_test(a_filter_rejects_but_numbers_stay),
		cmocka_unit_test(a_filter_that_is_wrong),
		cmocka_unit_test(a_filter_that_one_link_type_cannot_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
