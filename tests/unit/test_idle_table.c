/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of idle timeouts: look-up, the user's own file, and files that lie. */
#include "base/duration.h"
#include "phenomena/idle_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S    TW_NS_PER_S
#define MANY 64

static const struct tw_idle_entry *found[MANY];
static struct tw_idle_table *table; /* what load() has read; NULL: the built-in one alone */

static const char *best(int64_t gap_ns, const char *shapes)
{
	return tw_idle_candidates(table, gap_ns, shapes, found, MANY) ? found[0]->product : NULL;
}

static void forget(void)
{
	tw_idle_free(table);
	table = NULL;
}

static int read_table(const char *path, struct tw_err *err)
{
	struct tw_idle_table *other;
	const int r = tw_idle_load(&other, path, err);

	if (r) {
		assert_null(other);
		return r;
	}
	tw_idle_free(table);
	table = other;
	return 0;
}

/* Writes @text to a file and loads it. */
static int load(const char *text, size_t bytes, struct tw_err *err)
{
	char path[] = "/tmp/tcpwhy-idle-table-XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, bytes), bytes);
	close(fd);
	rc = read_table(path, err);
	unlink(path);
	return rc;
}

static int load_text(const char *text, struct tw_err *err)
{
	return load(text, strlen(text), err);
}

static void test_builtin(void **state)
{
	assert_true(tw_idle_builtin_count > 30);
	for (unsigned i = 0; i < tw_idle_builtin_count; i++) {
		const struct tw_idle_entry *e = &tw_idle_builtin[i];

		assert_true(e->seconds > 0);
		assert_int_equal(strspn(e->shapes, "ABCDH"), strlen(e->shapes));
		assert_int_equal(e->from_memory, strcmp(e->verified, "memory") == 0);
	}
}

static unsigned walk(unsigned *users)
{
	const struct tw_idle_entry *e;
	unsigned count = 0;

	*users = 0;
	for (e = tw_idle_next(table, NULL); e; e = tw_idle_next(table, e)) {
		/* The user's come first. */
		assert_true(!tw_idle_is_users(table, e) || *users == count);
		*users += tw_idle_is_users(table, e);
		count++;
	}
	return count;
}

static void test_walk(void **state)
{
	unsigned users;

	forget();
	assert_int_equal(walk(&users), tw_idle_builtin_count);
	assert_int_equal(users, 0);
	assert_int_equal(load_text("ours\t90\tC\tfixed\twiki\t2026-11\n"
				   "AWS NAT gateway\t91\tB\tfixed\twiki\tmemory\n",
				   NULL),
			 0);
	/* One of them hides a built-in one. */
	assert_int_equal(walk(&users), tw_idle_builtin_count + 1);
	assert_int_equal(users, 2);
	forget();
	assert_int_equal(walk(&users), tw_idle_builtin_count);
}

/* B: at least the timeout; the largest timeout not above the gap comes first. */
static void test_at_least(void **state)
{
	assert_null(best(200 * S, "B"));
	assert_string_equal(best(240 * S, "B"), "Azure NAT gateway");
	assert_string_equal(best(349 * S, "B"), "Azure NAT gateway");
	assert_string_equal(best(351 * S, "B"), "AWS Network Load Balancer, TCP listener");
	assert_non_null(strstr(best(2000 * S, "B"), "Azure SQL"));
	for (unsigned n = tw_idle_candidates(table, 2000 * S, "B", found, MANY), i = 1; i < n; i++)
		assert_true(found[i - 1]->seconds >= found[i]->seconds);
	assert_null(best(400000 * S, "B")); /* beyond reason: 20 times the largest */
	assert_null(best(0, "ABCDH"));
	assert_null(best(-5 * S, "ABCDH"));
	assert_null(best(INT64_MAX, "AB"));
}

/* D: the timer itself acts, so the gap is the timeout. */
static void test_at_the_timer(void **state)
{
	assert_non_null(strstr(best(75 * S + S / 10, "D"), "nginx"));
	assert_null(best(80 * S, "D"));
	assert_non_null(strstr(best(5 * S, "D"), "Node.js"));
	assert_non_null(strstr(best(300 * S, "A"), "F5"));
	assert_null(best(330 * S, "A"));
}

static void test_max(void **state)
{
	const struct tw_idle_entry *two[3] = { NULL, NULL, (const void *)&two };

	assert_int_equal(tw_idle_candidates(table, 2000 * S, "BC", two, 2), 2);
	assert_ptr_equal(two[2], &two);
	assert_true(two[0]->seconds >= two[1]->seconds);
	assert_int_equal(two[0]->seconds, 1800);
	assert_int_equal(tw_idle_candidates(table, 2000 * S, "BC", two, 0), 0);
}

static void test_text(void **state)
{
	struct tw_arena arena;
	const char *text;

	tw_arena_init(&arena);
	assert_null(tw_idle_text(table, &arena, 10 * S, "B"));
	text = tw_idle_text(table, &arena, 2000 * S, "C");
	assert_non_null(strstr(text, "Juniper SRX, TCP (1800 s, from memory)"));
	tw_arena_free(&arena);
}

static void test_user_file(void **state)
{
	struct tw_err err = { 0 };

	assert_int_equal(load_text("# ours\n\nedge proxy\t95\tAB\t10-\tour wiki\t2026-11-20\r\n"
				   "Azure NAT gateway\t600\tB\tfixed\tour portal\tmemory\n",
				   &err),
			 0);
	assert_string_equal(best(100 * S, "B"), "edge proxy");
	assert_int_equal(found[0]->min_seconds, 10);
	assert_int_equal(found[0]->max_seconds, -1);
	assert_string_equal(best(300 * S, "B"), "edge proxy"); /* theirs hides the built-in one */
	assert_string_equal(best(601 * S, "B"), "Azure NAT gateway");
	assert_int_equal(found[0]->seconds, 600);
	assert_true(found[0]->from_memory);
	forget();
	assert_string_equal(best(300 * S, "B"), "Azure NAT gateway");
	assert_int_equal(found[0]->seconds, 240);
}

/* Each has its own entries, and hides only for itself. */
static void test_two_tables(void **state)
{
	struct tw_idle_table *first;

	assert_int_equal(load_text("first\t95\tB\tfixed\tus\tmemory\n"
				   "Azure NAT gateway\t600\tB\tfixed\tus\tmemory\n",
				   NULL),
			 0);
	first = table;
	table = NULL;
	assert_int_equal(load_text("second\t95\tB\tfixed\tus\tmemory\n", NULL), 0);
	assert_string_equal(best(100 * S, "B"), "second");
	assert_string_equal(best(300 * S, "B"), "Azure NAT gateway");
	assert_false(tw_idle_is_users(first, tw_idle_next(table, NULL)));
	forget();
	assert_null(best(100 * S, "B"));
	table = first;
	assert_string_equal(best(300 * S, "B"), "first");
	forget();
}

/* A bad file is refused as a whole, with its line; what was loaded before stays. */
static void test_bad_files(void **state)
{
	static const char *const bad[] = {
		"x\t10\tB\tfixed\tsource\n",                 /* five fields */
		"x\t10\tB\tfixed\tsource\t2026-11\textra\n", /* seven */
		"x\t\tB\tfixed\tsource\t2026-11\n",          /* an empty one */
		"x\t-1\tB\tfixed\tsource\t2026-11\n",        /* numbers that lie */
		"x\t0\tB\tfixed\tsource\t2026-11\n",
		"x\t1e9\tB\tfixed\tsource\t2026-11\n",
		"x\t99999999999999999999\tB\tfixed\tsource\t2026-11\n",
		"x\t10\tZ\tfixed\tsource\t2026-11\n",     /* no such shape */
		"x\t10\tB\tsometimes\tsource\t2026-11\n", /* not settable so */
		"x\t10\tB\t20-10\tsource\t2026-11\n",
		"x\t10\tB\tfixed\tsource\tyesterday\n", /* no date */
	};
	struct tw_err err;

	assert_int_equal(load_text("kept\t95\tB\tfixed\tus\tmemory\n", &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "good\t90\tB\t-\tus\tmemory\n%s", bad[i]);
		err = (struct tw_err){ 0 };
		assert_int_equal(load_text(text, &err), -EINVAL);
		assert_non_null(strstr(err.text, ":2:"));
		assert_string_equal(best(100 * S, "B"), "kept");
	}
	assert_int_equal(load("a\0b", 3, &err), -EINVAL);
	assert_int_equal(read_table("/nonexistent/table", &err), -ENOENT);
	assert_int_equal(read_table("/", &err), -EISDIR);
	assert_string_equal(best(100 * S, "B"), "kept");
	forget();
}

static void test_too_large(void **state)
{
	struct tw_err err;
	size_t bytes = (1 << 20) + 1;
	char *text = malloc(bytes);

	assert_non_null(text);
	memset(text, '#', bytes);
	assert_int_equal(load(text, bytes, &err), -E2BIG);
	assert_int_equal(load(text, bytes - 1, &err), 0); /* one long comment */
	free(text);
	forget();
}

static void test_too_many(void **state)
{
	static const char line[] = "x\t9\tB\t-\ts\tmemory\n";
	const size_t n = sizeof(line) - 1;
	struct tw_err err;
	char *text = malloc(4097 * n);

	assert_non_null(text);
	for (size_t i = 0; i < 4097; i++)
		memcpy(text + i * n, line, n);
	assert_int_equal(load(text, 4096 * n, &err), 0);
	assert_int_equal(load(text, 4097 * n, &err), -E2BIG);
	free(text);
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),      cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_at_least),  cmocka_unit_test(test_at_the_timer),
		cmocka_unit_test(test_max),       cmocka_unit_test(test_text),
		cmocka_unit_test(test_user_file), cmocka_unit_test(test_two_tables),
		cmocka_unit_test(test_bad_files), cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
