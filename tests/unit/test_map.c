/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are mapped: they give what reading them gives, and no signal comes of a file that shrinks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "capture/map.h"
#include "capture/stream.h"
#include "capture_files.h"

#define RECORDS 40000

static void what_is_mapped_is_the_file(void **state)
{
	const char *path = make_large(RECORDS);
	struct tw_source *s;

	assert_int_equal(tw_map_guard(), 0);
	s = open_path(path, NULL);
	expect_large(s, RECORDS);
	assert_int_equal(tw_source_rewind(s), 0);
	expect_large(s, RECORDS);
	tw_source_close(s);
	unlink(path);
}

/* Read until the window is a mapped one: the first is not. */
static unsigned long read_into(struct tw_source *s)
{
	struct tw_frame f[TW_BATCH];
	unsigned long frames = 0;
	unsigned n;

	do {
		n = tw_source_next(s, f);
		assert_true(n > 0);
		frames += n;
	} while (f[n - 1].offset < 2 * TW_STREAM_WINDOW);
	return frames;
}

static void a_file_that_is_cut(void **state)
{
	const char *path = make_large(RECORDS);
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
	assert_in_range(drain(s), 1, 5000 / 16);
	assert_true(tw_source_info(s)->cut);
	tw_source_close(s);
	unlink(path);
}

/* At its end a file may have grown by more records, but the second look sees no more than the first. */
static void a_file_that_grows(void **state)
{
	const char *path = make_large(RECORDS);
	struct tw_source *s;

	assert_int_equal(tw_map_guard(), 0);
	s = open_path(path, NULL);
	assert_int_equal(drain(s), RECORDS);
	append_large(path, RECORDS, RECORDS + 1);
	assert_int_equal(tw_source_rewind(s), 0);
	expect_large(s, RECORDS);
	tw_source_close(s);
	s = open_path(path, NULL);
	expect_large(s, RECORDS + 1);
	tw_source_close(s);
	unlink(path);
}

/* What is no window of ours is not taken: the signal has its usual effect. */
static void anybody_elses_mapping(void **state)
{
	const char *path = make_large(100);
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
