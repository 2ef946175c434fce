/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams: gzip and zstd whole, cut and damaged; pipes; standard input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <zstd.h>

#include "capture_files.h"

/* With a checksum, as the program zstd does. */
static size_t zstd_bytes(const uint8_t *p, size_t n, uint8_t *to, size_t room)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t packed;

	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	packed = ZSTD_compress2(c, to, room, p, n);
	assert_false(ZSTD_isError(packed));
	ZSTD_freeCCtx(c);
	return packed;
}

/* About 600 KiB of records that do not compress to nothing; the length is returned. */
static size_t large_capture(uint8_t *to, unsigned *frames)
{
	struct bytes *o = fresh(false);
	uint32_t x = 1;
	size_t n;
	unsigned i;

	put_pcap_header(o, 0xa1b2c3d4, 1);
	memcpy(to, o->b, o->n);
	n = o->n;
	for (i = 0; i < 6000; i++) {
		uint32_t h[4] = { i, 0, 90, 90 };
		unsigned j;

		memcpy(to + n, h, sizeof(h));
		for (j = 0; j < 90; j++) {
			x = x * 1103515245 + 12345;
			to[n + 16 + j] = (uint8_t)(x >> 16);
		}
		n += 106;
	}
	*frames = i;
	return n;
}

/* Compressed data whole, then cut at many places: the number of frames grows with the bytes. */
static void check_compressed(const uint8_t *p, size_t n, unsigned frames, const char *compression)
{
	unsigned long before = 0;
	struct tw_source *s = open_bytes(p, n);
	size_t cut;

	assert_string_equal(tw_source_info(s)->compression, compression);
	assert_int_equal(drain(s), frames);
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	assert_int_equal(tw_source_rewind(s), 0);
	assert_int_equal(drain(s), frames);
	tw_source_close(s);
	for (cut = 0; cut < n; cut += cut < 64 ? 1 : n / 57) {
		struct tw_err err = { 0 };
		unsigned long now;

		if (tw_source_open_memory(&s, p, cut, &err))
			continue;
		now = drain(s);
		assert_true(now >= before && now < frames);
		assert_true(tw_source_info(s)->cut);
		assert_non_null(strstr(tw_source_info(s)->problems[0].text, "before its time"));
		before = now;
		tw_source_close(s);
	}
	assert_true(before > 0);
}

static void gzip_whole_and_cut(void **state)
{
	uint8_t *plain = malloc(1 << 20), *packed = malloc(2 << 20);
	unsigned frames;
	size_t n = large_capture(plain, &frames), first, all;

	all = gzip_bytes(plain, n, packed, 2 << 20);
	check_compressed(packed, all, frames, "gzip");
	/* two members, the border in the midst of a record, and padding behind them */
	first = gzip_bytes(plain, 100003, packed, 2 << 20);
	all = first + gzip_bytes(plain + 100003, n - 100003, packed + first, (2 << 20) - first);
	memset(packed + all, 0, 512);
	{
		struct tw_source *s = open_bytes(packed, all + 512);

		assert_int_equal(drain(s), frames);
		assert_int_equal(tw_source_info(s)->problems_total, 0);
		tw_source_close(s);
		packed[all] = 'x';
		s = open_bytes(packed, all + 512);
		assert_int_equal(drain(s), frames);
		assert_int_equal(tw_source_info(s)->problems_total, 1);
		tw_source_close(s);
	}
	free(plain);
	free(packed);
}

static void zstd_whole_and_cut(void **state)
{
	uint8_t *plain = malloc(1 << 20), *packed = malloc(2 << 20);
	unsigned frames;
	size_t n = large_capture(plain, &frames), first, all;
	struct tw_source *s;

	all = ZSTD_compress(packed, 2 << 20, plain, n, 3);
	check_compressed(packed, all, frames, "zstd");
	first = ZSTD_compress(packed, 2 << 20, plain, 100003, 3);
	all = first +
	      ZSTD_compress(packed + first, (2 << 20) - first, plain + 100003, n - 100003, 3);
	s = open_bytes(packed, all);
	assert_int_equal(drain(s), frames);
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	tw_source_close(s);
	free(plain);
	free(packed);
}

/* Damage inside: what was readable is handed out, the rest is a problem with its place. */
static void compressed_data_that_is_damaged(void **state)
{
	uint8_t *plain = malloc(1 << 20), *packed = malloc(2 << 20);
	unsigned frames, i;
	size_t n = large_capture(plain, &frames);

	for (i = 0; i < 2; i++) {
		size_t all = i ? zstd_bytes(plain, n, packed, 2 << 20)
			       : gzip_bytes(plain, n, packed, 2 << 20);
		const char *path;
		struct tw_source *s;
		unsigned long seen;

		memset(packed + all / 2, 0xff, 2000);
		path = temp_file(packed, all);
		s = open_path(path, NULL);
		seen = drain(s);
		assert_true(seen > 0 && seen <= frames);
		assert_int_equal(tw_source_info(s)->problem_count, 1);
		assert_true(tw_source_info(s)->problems[0].offset > 1000);
		tw_source_close(s);
		unlink(path);
		/* only the checksum at the end is wrong: nothing is lost, but it is told */
		all = i ? zstd_bytes(plain, n, packed, 2 << 20)
			: gzip_bytes(plain, n, packed, 2 << 20);
		packed[all - (i ? 2 : 6)] ^= 1;
		s = open_bytes(packed, all);
		assert_int_equal(drain(s), frames);
		assert_int_equal(tw_source_info(s)->problem_count, 1);
		assert_int_equal(tw_source_info(s)->problems[0].offset, n);
		assert_non_null(strstr(tw_source_info(s)->problems[0].text, "damaged here"));
		tw_source_close(s);
	}
	free(plain);
	free(packed);
}

static int saved_stdin;

/* Make a pipe of standard input; returns its writing end. */
static int pipe_to_stdin(void)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	saved_stdin = dup(STDIN_FILENO);
	assert_true(saved_stdin >= 0);
	dup2(fd[0], STDIN_FILENO);
	close(fd[0]);
	return fd[1];
}

static void restore_stdin(void)
{
	dup2(saved_stdin, STDIN_FILENO);
	close(saved_stdin);
}

static void write_all(int fd, const uint8_t *p, size_t n)
{
	assert_int_equal(write(fd, p, n), n);
}

static void a_pipe_gives_what_is_there(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_frame f[TW_BATCH];
	int fd = pipe_to_stdin();
	struct tw_source *s;

	put_three(o, 0xa1b2c3d4, false);
	write_all(fd, o->b, 24 + 36 + 10); /* one record and a piece */
	s = open_path("-", NULL);
	assert_string_equal(tw_source_info(s)->name, "-");
	assert_int_equal(tw_source_next(s, f), 1);
	write_all(fd, o->b + 70, 27); /* the rest of the second */
	assert_int_equal(tw_source_next(s, f), 1);
	assert_int_equal(f[0].number, 2);
	write_all(fd, o->b + 97, 38);
	close(fd);
	assert_int_equal(tw_source_next(s, f), 1);
	assert_int_equal(tw_source_next(s, f), 0);
	assert_false(tw_source_can_rewind(s));
	assert_int_equal(tw_source_rewind(s), -ESPIPE);
	assert_int_equal(tw_source_info(s)->bytes_total, 0);
	assert_int_equal(tw_source_info(s)->bytes_done, o->n);
	tw_source_close(s);
	restore_stdin();
}

static void a_compressed_pipe(void **state)
{
	uint8_t packed[4096];
	struct bytes *o = fresh(true);
	int fd = pipe_to_stdin();
	struct tw_source *s;
	size_t n;

	put_three(o, 0xa1b23c4d, false);
	n = gzip_bytes(o->b, o->n, packed, sizeof(packed));
	write_all(fd, packed, n);
	close(fd);
	s = open_path("-", NULL);
	check_three(s, 1, 16);
	tw_source_close(s);
	restore_stdin();
}

static void on_alarm(int signal_number)
{
}

static void a_signal_ends_the_wait_but_not_the_pipe(void **state)
{
	struct sigaction act = { .sa_handler = on_alarm }, old;
	struct itimerval soon = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 },
			 off = { 0 };
	struct bytes *o = fresh(false);
	struct tw_frame f[TW_BATCH];
	int fd = pipe_to_stdin();
	struct tw_source *s;

	put_three(o, 0xa1b2c3d4, false);
	write_all(fd, o->b, 40);
	s = open_path("-", NULL);
	sigaction(SIGALRM, &act, &old);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(tw_source_next(s, f), 0);
	setitimer(ITIMER_REAL, &off, NULL);
	assert_true(tw_source_info(s)->interrupted);
	write_all(fd, o->b + 40, o->n - 40);
	close(fd);
	assert_int_equal(tw_source_next(s, f), 3);
	assert_int_equal(tw_source_next(s, f), 0);
	assert_false(tw_source_info(s)->interrupted);
	assert_int_equal(tw_source_info(s)->problems_total, 0);
	sigaction(SIGALRM, &old, NULL);
	tw_source_close(s);
	restore_stdin();
}

static void standard_input_from_a_file_can_be_rewound(void **state)
{
	struct bytes *o = fresh(false);
	struct tw_source *s;
	const char *path;
	int fd;

	put_three(o, 0xa1b2c3d4, false);
	path = temp_file(o->b, o->n);
	fd = open(path, O_RDONLY);
	saved_stdin = dup(STDIN_FILENO);
	dup2(fd, STDIN_FILENO);
	close(fd);
	s = open_path("-", NULL);
	assert_true(tw_source_can_rewind(s));
	check_three(s, 1000, 16);
	assert_int_equal(tw_source_rewind(s), 0);
	check_three(s, 1000, 16);
	tw_source_close(s);
	restore_stdin();
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_whole_and_cut),
		cmocka_unit_test(zstd_whole_and_cut),
		cmocka_unit_test(compressed_data_that_is_damaged),
		cmocka_unit_test(a_pipe_gives_what_is_there),
		cmocka_unit_test(a_compressed_pipe),
		cmocka_unit_test(a_signal_ends_the_wait_but_not_the_pipe),
		cmocka_unit_test(standard_input_from_a_file_can_be_rewound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
