/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are mapped: they give what reading them gives, and no signal comes of a file that shrinks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "capture/map.h"
#include "capture_files.h"

#define RECORDS 40000
#define HEADER  16
/* More than is read before anything is mapped. */
#define READ_FIRST (256u << 10)

/* Every record has a size and bytes of its own; some are larger than a window. */
static uint32_t size_of(unsigned i)
{
	return i % 9973 == 9972 ? 262144 - i % 64 : 40 + i * 7 % 97;
}

static const char *make_capture(unsigned records)
{
	struct bytes *o = fresh(false);
	static uint8_t data[262144];
	const char *path;
	FILE *file;
	unsigned i;

	put_pcap_header(o, 0xa1b2c3d4, 1);
	path = temp_file(o->b, o->n);
	file = fopen(path, "ab");
	for (i = 0; i < records; i++) {
		const uint32_t n = size_of(i), h[4] = { 1 + i / 1000, i % 1000, n, n };

		memset(data, (int)(i * 31 % 251), n);
		fwrite(h, sizeof(h), 1, file);
		fwrite(data, n, 1, file);
	}
	fclose(file);
	return path;
}

static void expect_all(struct tw_source *s, unsigned records)
{
	struct tw_frame f[TW_BATCH];
	uint64_t offset = 24;
	unsigned seen = 0, n, i;
	uint32_t j;

	while ((n = tw_source_next(s, f)) != 0) {
		for (i = 0; i < n; i++, seen++) {
			assert_int_equal(f[i].number, seen + 1);
			assert_int_equal(f[i].offset, offset);
			assert_int_equal(f[i].caplen, size_of(seen));
			assert_int_equal(f[i].time_ns, (1 + seen / 1000) * S + seen % 1000 * 1000);
			for (j = 0; j < f[i].caplen; j++)
				if (f[i].data[j] != seen * 31 % 251)
					fail_msg("frame %u, byte %u", seen + 1, j);
			offset += HEADER + f[i].caplen;
		}
	}
	assert_int_equal(seen, records);
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	assert_int_equal(tw_source_info(s)->bytes_done, offset);
}

static void what_is_mapped_is_the_file(void **state)
{
	const char *path = make_capture(RECORDS);
	struct tw_source *s;

	assert_int_equal(tw_map_guard(), 0);
	s = open_path(path, NULL);
	expect_all(s, RECORDS);
	assert_int_equal(tw_source_rewind(s), 0);
	expect_all(s, RECORDS);
	tw_source_close(s);
	unlink(path);
}

/* Read until the window is a mapped one. */
static unsigned long read_into(struct tw_source *s)
{
	struct tw_frame f[TW_BATCH];
	unsigned long frames = 0;
	unsigned n;

	do {
		n = tw_source_next(s, f);
		assert_true(n > 0);
		frames += n;
	} while (f[n - 1].offset < 2 * READ_FIRST);
	return frames;
}

static void a_file_that_is_cut(void **state)
{
	const char *path = make_capture(RECORDS);
	struct tw_source *s;
	unsigned long before, after;

	assert_int_equal(tw_map_guard(), 0);
	s = open_path(path, NULL);
	before = read_into(s);
	assert_int_equal(truncate(path, 5000), 0);
	after = drain(s);
	assert_true(before + after < RECORDS / 4);
	assert_true(tw_source_info(s)->cut);
	assert_non_null(
		strstr(tw_source_info(s)->problems[0].text, "the file was cut while it was read"));
	/* Once more, there is what is left. */
	assert_int_equal(tw_source_rewind(s), 0);
	assert_in_range(drain(s), 1, 5000 / HEADER);
	assert_true(tw_source_info(s)->cut);
	tw_source_close(s);
	unlink(path);
}

/* At its end a file may have grown by more records, but the second look sees no more than the first. */
static void a_file_that_grows(void **state)
{
	const char *path = make_capture(RECORDS), *rest;
	struct tw_source *s;
	struct stat whole;
	uint8_t *bytes;
	int fd;

	assert_int_equal(tw_map_guard(), 0);
	rest = make_capture(RECORDS + 1);
	assert_int_equal(stat(path, &whole), 0);
	s = open_path(path, NULL);
	assert_int_equal(drain(s), RECORDS);
	fd = open(rest, O_RDONLY);
	bytes = malloc(1000);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, HEADER + size_of(RECORDS), whole.st_size),
			 HEADER + size_of(RECORDS));
	close(fd);
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, bytes, HEADER + size_of(RECORDS)), HEADER + size_of(RECORDS));
	close(fd);
	free(bytes);
	assert_int_equal(tw_source_rewind(s), 0);
	expect_all(s, RECORDS);
	tw_source_close(s);
	s = open_path(path, NULL);
	expect_all(s, RECORDS + 1);
	tw_source_close(s);
	unlink(path);
	unlink(rest);
}

/* What is no window of ours is not taken: the signal has its usual effect. */
static void anybody_elses_mapping(void **state)
{
	const char *path = make_capture(100);
	const int fd = open(path, O_RDONLY);
	volatile uint8_t *p;
	int status;
	pid_t child;

	assert_true(fd >= 0);
	p = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(p != MAP_FAILED);
	child = fork();
	if (child == 0) {
		(void)tw_map_guard();
		sink ^= p[(1 << 20) - 1];
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	munmap((void *)p, 1 << 20);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_mapped_is_the_file),
		cmocka_unit_test(a_file_that_is_cut),
		cmocka_unit_test(a_file_that_grows),
		cmocka_unit_test(anybody_elses_mapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
