/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_CAPTURE_FILES_H
#define TW_TESTS_CAPTURE_FILES_H

/* What the tests of sources share: opening, draining, a pcap of three records, gzip. After cmocka.h. */

#include <zlib.h>

#include "capture/source.h"
#include "capture_bytes.h"

#define S INT64_C(1000000000)

static struct bytes out;

static inline struct bytes *fresh(bool big)
{
	memset(&out, 0, sizeof(out));
	out.big = big;
	return &out;
}

static inline struct tw_source *open_bytes(const void *p, size_t n)
{
	struct tw_source *s = NULL;
	struct tw_err err = { 0 };

	if (tw_source_open_memory(&s, p, n, &err))
		fail_msg("%s", err.text);
	return s;
}

static inline struct tw_source *open_path(const char *path, struct tw_filter *filter)
{
	struct tw_source *s = NULL;
	struct tw_err err = { 0 };

	if (tw_source_open(&s, path, filter, &err))
		fail_msg("%s", err.text);
	return s;
}

static volatile uint8_t sink;

/* All frames up to the end; their bytes are touched, so that a sanitizer sees a bad pointer. */
static inline unsigned long drain(struct tw_source *s)
{
	struct tw_frame f[TW_BATCH];
	unsigned long frames = 0;
	unsigned n, i;
	uint32_t j;

	while ((n = tw_source_next(s, f)) != 0) {
		assert_true(n <= TW_BATCH);
		for (i = 0; i < n; i++)
			for (j = 0; j < f[i].caplen; j++)
				sink ^= f[i].data[j];
		frames += n;
	}
	assert_int_equal(tw_source_next(s, f), 0);
	return frames;
}

/* A file of more than several windows, with records of all sizes up to the largest, each with a byte of its own. */
static inline uint32_t large_size(unsigned long i)
{
	return i % 5000 == 4999 ? 262144 : i % 300;
}

static inline void append_large(const char *path, unsigned from, unsigned to)
{
	static uint8_t data[262144];
	FILE *file = fopen(path, "ab");
	unsigned i;

	assert_non_null(file);
	for (i = from; i < to; i++) {
		const uint32_t size = large_size(i), h[4] = { i, 0, size, size };

		memset(data, (int)(i & 0xff), size);
		fwrite(h, sizeof(h), 1, file);
		fwrite(data, 1, size, file);
	}
	fclose(file);
}

static inline const char *make_large(unsigned records)
{
	struct bytes *o = fresh(false);
	const char *path;

	put_pcap_header(o, 0xa1b2c3d4, 1);
	path = temp_file(o->b, o->n);
	append_large(path, 0, records);
	return path;
}

static inline void expect_large(struct tw_source *s, unsigned records)
{
	struct tw_frame f[TW_BATCH];
	uint64_t offset = 24;
	unsigned long seen = 0;
	unsigned n, i;
	uint32_t j;

	while ((n = tw_source_next(s, f)) != 0) {
		for (i = 0; i < n; i++, seen++) {
			assert_int_equal(f[i].number, seen + 1);
			assert_int_equal(f[i].offset, offset);
			assert_int_equal(f[i].caplen, large_size(seen));
			assert_int_equal(f[i].time_ns, (int64_t)seen * S);
			for (j = 0; j < f[i].caplen; j++)
				if (f[i].data[j] != (seen & 0xff))
					fail_msg("frame %lu, byte %u", seen + 1, j);
			offset += 16 + f[i].caplen;
		}
	}
	assert_int_equal(seen, records);
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	assert_int_equal(tw_source_info(s)->bytes_done, offset);
}

/* Three records; the second one is cut by the snaplen. */
static inline void put_three(struct bytes *o, uint32_t magic, bool modified)
{
	unsigned i;

	put_pcap_header(o, magic, 1);
	for (i = 0; i < 3; i++) {
		put32(o, 1700000000 + i);
		put32(o, 5 + i);
		put32(o, 20 + i);
		put32(o, i == 1 ? 1500 : 20 + i);
		if (modified)
			put64(o, UINT64_C(0x0102030405060708));
		memset(o->b + o->n, (int)(0xa0 + i), 20 + i);
		o->n += 20 + i;
	}
}

static inline void check_three(struct tw_source *s, int64_t tick_ns, uint32_t header)
{
	struct tw_frame f[TW_BATCH];
	uint64_t offset = 24;
	unsigned i;

	assert_int_equal(tw_source_next(s, f), 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(f[i].time_ns, (1700000000 + i) * S + (5 + i) * tick_ns);
		assert_int_equal(f[i].number, i + 1);
		assert_int_equal(f[i].offset, offset);
		assert_int_equal(f[i].caplen, 20 + i);
		assert_int_equal(f[i].len, i == 1 ? 1500 : 20 + i);
		assert_int_equal(f[i].linktype, 1);
		assert_int_equal(f[i].data[0], 0xa0 + i);
		assert_int_equal(f[i].data[19 + i], 0xa0 + i);
		offset += header + 20 + i;
	}
	assert_int_equal(tw_source_next(s, f), 0);
	assert_int_equal(tw_source_info(s)->frames, 3);
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	assert_false(tw_source_info(s)->cut);
}

static inline size_t gzip_bytes(const uint8_t *p, size_t n, uint8_t *to, size_t room)
{
	z_stream z = {
		.next_in = (Bytef *)p, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)room
	};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

#endif
