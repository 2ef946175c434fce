/* SPDX-License-Identifier: BSD-2-Clause */
/* The pcapng writer: what is written is read again the same, and what cannot be written is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "capture/source.h"
#include "capture/writer.h"
#include "capture_bytes.h"

#define FRAMES 5000

static uint8_t payload[3000];

/* Frame @i of a set with several link types, interfaces and lengths. */
static struct tw_frame frame(unsigned i)
{
	static const uint16_t linktype[] = { 1, 1, 276, 101 };
	struct tw_frame f = { .time_ns = INT64_C(1700000000123456789) + i,
			      .data = payload + i % 100,
			      .caplen = i % 2900,
			      .len = 4000,
			      .linktype = linktype[i / 3 % 4],
			      .iface = (uint16_t)(i / 3 % 4) };

	return f;
}

static struct tw_writer *open_writer(const char *path)
{
	struct tw_writer *w = NULL;
	struct tw_err err = { 0 };

	if (tw_writer_open(&w, path, &err))
		fail_msg("%s", err.text);
	return w;
}

static void written_and_read_again(void **state)
{
	const char *path = temp_file("", 0);
	struct tw_writer *w = open_writer(path);
	struct tw_frame f[TW_BATCH], expected;
	struct tw_err err = { 0 };
	struct tw_source *s;
	unsigned i, n, seen = 0;

	for (i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7);
	for (i = 0; i < FRAMES; i++) {
		expected = frame(i);
		assert_int_equal(tw_writer_frame(w, &expected, i % 5 ? NULL : "why", &err), 0);
	}
	assert_int_equal(tw_writer_close(w, &err), 0);
	assert_int_equal(tw_source_open(&s, path, NULL, &err), 0);
	while ((n = tw_source_next(s, f)) != 0) {
		for (i = 0; i < n; i++) {
			expected = frame(seen++);
			assert_int_equal(f[i].time_ns, expected.time_ns);
			assert_int_equal(f[i].caplen, expected.caplen);
			assert_int_equal(f[i].len, expected.len);
			assert_int_equal(f[i].linktype, expected.linktype);
			assert_int_equal(f[i].iface, expected.iface);
			assert_memory_equal(f[i].data, expected.data, expected.caplen);
		}
	}
	assert_int_equal(seen, FRAMES);
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	assert_int_equal(tw_source_info(s)->interfaces, 4);
	tw_source_close(s);
	unlink(path);
}

/* The bytes themselves: the block of a packet with a comment. */
static void a_comment_is_an_option(void **state)
{
	const char *path = temp_file("", 0);
	struct tw_writer *w = open_writer(path);
	struct tw_frame f = {
		.time_ns = -5, .data = payload, .caplen = 3, .len = 60, .linktype = 1
	};
	struct tw_err err = { 0 };
	struct bytes *got = calloc(1, sizeof(*got)), *expected = calloc(1, sizeof(*expected));
	uint8_t ns = 9;
	FILE *file;
	size_t at;

	assert_int_equal(tw_writer_frame(w, &f, "seq 7", &err), 0);
	assert_int_equal(tw_writer_close(w, &err), 0);
	file = fopen(path, "rb");
	got->n = fread(got->b, 1, sizeof(got->b), file);
	fclose(file);

	expected->big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	put_section(expected, UINT64_MAX);
	at = begin_block(expected, 1);
	put32(expected, expected->big ? 1u << 16 : 1);
	put32(expected, 0);
	put_option(expected, 9, &ns, 1);
	put32(expected, 0);
	end_block(expected, at);
	at = begin_block(expected, 6);
	put32(expected, 0);
	put64(expected, 0); /* before 1970 */
	put32(expected, 3);
	put32(expected, 60);
	put_raw(expected, payload, 3);
	put_padding(expected);
	put_option(expected, 1, "seq 7", 5);
	put32(expected, 0);
	end_block(expected, at);
	assert_int_equal(got->n, expected->n);
	assert_memory_equal(got->b, expected->b, got->n);
	free(got);
	free(expected);
	unlink(path);
}

/* A comment that is too long is cut between characters. */
static void a_long_comment_is_cut(void **state)
{
	const char *path = temp_file("", 0);
	struct tw_writer *w = open_writer(path);
	struct tw_frame f = { .data = payload, .caplen = 4, .len = 4, .linktype = 1 };
	static char comment[100001], written[9000];
	struct tw_err err = { 0 };
	size_t n, i, marks = 0;
	FILE *file;

	comment[0] = 'x';
	for (i = 1; i + 1 < sizeof(comment); i += 2)
		memcpy(comment + i, "\xc3\xa9", 2);
	assert_int_equal(tw_writer_frame(w, &f, comment, &err), 0);
	assert_int_equal(tw_writer_close(w, &err), 0);
	file = fopen(path, "rb");
	n = fread(written, 1, sizeof(written), file);
	fclose(file);
	for (i = 0; i < n; i++)
		marks += written[i] == '\xc3';
	assert_int_equal(marks, 2047); /* 1 + 2 * 2047 is 4095 bytes */
	unlink(path);
}

static void nothing_but_the_header(void **state)
{
	const char *path = temp_file("", 0);
	struct tw_err err = { 0 };
	struct tw_frame f[TW_BATCH];
	struct tw_source *s;

	assert_int_equal(tw_writer_close(open_writer(path), &err), 0);
	assert_int_equal(tw_source_open(&s, path, NULL, &err), 0);
	assert_int_equal(tw_source_next(s, f), 0);
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	tw_source_close(s);
	unlink(path);
}

static void where_nothing_can_be_written(void **state)
{
	struct tw_writer *w = NULL;
	struct tw_err err = { 0 };

	assert_int_equal(tw_writer_open(&w, "/nonexistent/out.pcapng", &err), -ENOENT);
	assert_null(w);
	assert_string_equal(err.text,
			    "cannot write /nonexistent/out.pcapng: No such file or directory");
	assert_int_equal(tw_writer_open(&w, "/tmp", &err), -EISDIR);
}

static void a_full_disk_is_told(void **state)
{
	struct tw_writer *w = open_writer("/dev/full");
	struct tw_err err = { 0 };
	unsigned i, failed = 0;

	for (i = 0; i < 200; i++) {
		struct tw_frame f = frame(2000 + i);

		failed += tw_writer_frame(w, &f, NULL, &err) == -ENOSPC;
	}
	assert_true(failed > 100);
	memset(&err, 0, sizeof(err));
	assert_int_equal(tw_writer_close(w, &err), -ENOSPC);
	assert_string_equal(err.text, "cannot write /dev/full: No space left on device");
	/* a little fits the buffer: then the end tells it */
	w = open_writer("/dev/full");
	assert_int_equal(tw_writer_close(w, &err), -ENOSPC);
}

static void a_pipe_that_nobody_reads(void **state)
{
	struct tw_err err = { 0 };
	int fd[2], saved = dup(STDOUT_FILENO), status;
	struct tw_writer *w;

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fd), 0);
	fflush(stdout);
	dup2(fd[1], STDOUT_FILENO);
	close(fd[1]);
	close(fd[0]);
	w = open_writer("-");
	status = tw_writer_close(w, &err);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_int_equal(status, -EPIPE);
	assert_string_equal(err.text, "cannot write standard output: Broken pipe");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_and_read_again),
		cmocka_unit_test(a_comment_is_an_option),
		cmocka_unit_test(a_long_comment_is_cut),
		cmocka_unit_test(nothing_but_the_header),
		cmocka_unit_test(where_nothing_can_be_written),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(a_pipe_that_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
