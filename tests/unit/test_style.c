/* SPDX-License-Identifier: BSD-2-Clause */
/* The pen: columns, wrapping, escaping, colour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/style.h"

static struct tw_string out;

static struct tw_pen pen(unsigned width, bool color, struct tw_sink *sink)
{
	const struct tw_style style = { .color = color, .width = width };
	struct tw_pen p;

	tw_string_clear(&out);
	*sink = tw_string_sink(&out);
	tw_pen_init(&p, sink, &style);
	return p;
}

static int teardown(void **state)
{
	tw_string_free(&out);
	return 0;
}

static void width_is_clamped(void **state)
{
	assert_int_equal(tw_style_width(0), 80);
	assert_int_equal(tw_style_width(1), 60);
	assert_int_equal(tw_style_width(59), 60);
	assert_int_equal(tw_style_width(77), 77);
	assert_int_equal(tw_style_width(4000), 100);
}

static void utf8_is_read_strictly(void **state)
{
	static const struct {
		const char *bytes;
		size_t n, length;
		int32_t cp;
	} cases[] = {
		{ "a", 1, 1, 'a' },
		{ "\xc3\xa4", 2, 2, 0xe4 },
		{ "\xe2\x82\xac", 3, 3, 0x20ac },
		{ "\xf0\x9f\x98\x80", 4, 4, 0x1f600 },
		{ "\xc3", 1, 1, -1 },             /* cut */
		{ "\xc0\x80", 2, 1, -1 },         /* overlong */
		{ "\xe0\x80\x80", 3, 1, -1 },     /* overlong */
		{ "\xed\xa0\x80", 3, 1, -1 },     /* surrogate */
		{ "\xf4\x90\x80\x80", 4, 1, -1 }, /* beyond U+10FFFF */
		{ "\x80", 1, 1, -1 },             /* stray continuation */
		{ "\xc3\x41", 2, 1, -1 },         /* continuation missing */
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int32_t cp;

		assert_int_equal(tw_utf8_next(cases[i].bytes, cases[i].n, &cp), cases[i].length);
		assert_int_equal(cp, cases[i].cp);
	}
}

static void check_escape(const char *text, const char *expected)
{
	struct tw_string s = { 0 };

	tw_text_escape(&s, text, strlen(text));
	assert_string_equal(tw_string_text(&s), expected);
	assert_int_equal(tw_text_columns(text, strlen(text)), strlen(expected));
	tw_string_free(&s);
}

static void hostile_text_is_escaped(void **state)
{
	check_escape("plain", "plain");
	check_escape("\x1b[2Jgone", "\\x1b[2Jgone");
	check_escape("a\nb\rc\td\x7f", "a\\x0ab\\x0dc\\x09d\\x7f");
	check_escape("\xc2\x9b"
		     "31m",
		     "\\u{9b}31m"); /* C1: CSI in one character */
	check_escape("\xe2\x80\xae"
		     "fdp",
		     "\\u{202e}fdp"); /* right-to-left override */
	check_escape("\xff\xfe", "\\xff\\xfe");
	check_escape("\xf3\xa0\x81\x81", "\\u{e0041}"); /* invisible tag */
}

static void every_byte_becomes_harmless(void **state)
{
	unsigned i;

	for (i = 1; i < 256; i++) {
		const char text[3] = { (char)i, 'x' };
		struct tw_string s = { 0 };
		size_t j;

		tw_text_escape(&s, text, 2);
		for (j = 0; j < s.length; j++)
			assert_in_range((unsigned char)s.bytes[j], 0x20, 0x7e);
		assert_int_equal(tw_text_columns(text, 2), s.length);
		tw_string_free(&s);
	}
}

static void wide_and_combining_characters_count(void **state)
{
	assert_int_equal(tw_text_columns("\xe4\xb8\xad\xe6\x96\x87", 6), 4); /* two ideographs */
	assert_int_equal(tw_text_columns("e\xcc\x81", 3), 1);                /* e and an accent */
	assert_int_equal(tw_text_columns("\xc3\xa4", 2), 1);
	assert_int_equal(tw_text_fitting("\xe4\xb8\xad\xe6\x96\x87", 6, 3), 3);
	assert_int_equal(tw_text_fitting("abc", 3, 0), 0);
}

static void invalid_utf8_is_replaced(void **state)
{
	struct tw_string s = { 0 };

	tw_utf8_clean(&s, "a\xff\xc3\xa4\xc3", 5);
	assert_string_equal(tw_string_text(&s), "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd");
	tw_string_free(&s);
}

static void words_wrap_under_their_indent(void **state)
{
	struct tw_sink sink;
	struct tw_pen p = pen(60, false, &sink);

	tw_pen_put(&p, TW_ROLE_FAINT, "Label");
	tw_pen_column(&p, 10);
	tw_pen_wrap(&p, 12, TW_ROLE_PLAIN, "%s",
		    "one two three four five six seven eight nine ten eleven twelve thirteen");
	assert_int_equal(tw_pen_finish(&p), 0);
	assert_string_equal(tw_string_text(&out),
			    "Label     one two three four five six seven eight nine ten\n"
			    "            eleven twelve thirteen\n");
}

static void a_number_stays_with_its_unit(void **state)
{
	struct tw_sink sink;
	struct tw_pen p = pen(60, false, &sink);

	tw_pen_wrap(&p, 0, TW_ROLE_PLAIN, "%s",
		    "The last byte of it was acknowledged after not less than 1.02 s, by packet "
		    "17, and then "
		    "came nothing for as long as 1 284 packets.");
	assert_int_equal(tw_pen_finish(&p), 0);
	assert_string_equal(tw_string_text(&out),
			    "The last byte of it was acknowledged after not less than\n"
			    "1.02 s, by packet 17, and then came nothing for as long as\n"
			    "1 284 packets.\n");
}

static void a_word_longer_than_the_line_is_cut(void **state)
{
	struct tw_sink sink;
	struct tw_pen p = pen(60, false, &sink);
	char word[201];

	memset(word, 'w', 200);
	word[200] = '\0';
	tw_pen_column(&p, 4);
	tw_pen_wrap(&p, 4, TW_ROLE_PLAIN, "%s end", word);
	assert_int_equal(tw_pen_finish(&p), 0);
	assert_int_equal(strcspn(tw_string_text(&out), "\n"), 60);
	assert_non_null(strstr(tw_string_text(&out), "\n    wwww"));
	assert_non_null(strstr(tw_string_text(&out), "w end\n"));
}

static void wide_words_are_cut_between_characters(void **state)
{
	struct tw_sink sink;
	struct tw_pen p = pen(60, false, &sink);
	struct tw_string s = { 0 };
	int i;

	for (i = 0; i < 100; i++)
		tw_string_add(&s, "\xe4\xb8\xad", 3);
	tw_pen_wrap(&p, 1, TW_ROLE_PLAIN, "%s", tw_string_text(&s));
	assert_int_equal(tw_pen_finish(&p), 0);
	assert_int_equal(strcspn(tw_string_text(&out), "\n"),
			 90);                      /* 30 characters of two columns */
	assert_int_equal(out.length, 300 + 4 + 3); /* four lines, three of them indented */
	tw_string_free(&s);
}

static void texts_join_with_and_without_blank(void **state)
{
	struct tw_sink sink;
	struct tw_pen p = pen(60, false, &sink);

	tw_pen_wrap(&p, 2, TW_ROLE_STRONG, "%s", "name");
	tw_pen_wrap(&p, 2, TW_ROLE_PLAIN, "%s", ": and");
	tw_pen_wrap(&p, 2, TW_ROLE_PLAIN, "%s", " more");
	assert_int_equal(tw_pen_finish(&p), 0);
	assert_string_equal(tw_string_text(&out), "name: and more\n");
}

static void no_line_ends_in_blanks(void **state)
{
	struct tw_sink sink;
	struct tw_pen p = pen(80, false, &sink);

	tw_pen_put(&p, TW_ROLE_PLAIN, "a");
	tw_pen_column(&p, 40);
	tw_pen_newline(&p);
	tw_pen_column(&p, 7);
	assert_int_equal(tw_pen_finish(&p), 0);
	assert_string_equal(tw_string_text(&out), "a\n");
}

static void clipping_keeps_to_its_columns(void **state)
{
	struct tw_sink sink;
	struct tw_pen p = pen(80, false, &sink);

	tw_pen_clip(&p, TW_ROLE_PLAIN, 8, "12345678");
	tw_pen_newline(&p);
	tw_pen_clip(&p, TW_ROLE_PLAIN, 8, "123456789");
	tw_pen_newline(&p);
	tw_pen_clip(&p, TW_ROLE_PLAIN, 2, "123456789");
	tw_pen_newline(&p);
	assert_int_equal(tw_pen_finish(&p), 0);
	assert_string_equal(tw_string_text(&out), "12345678\n12345...\n..\n");
}

static void paragraphs_are_parted_by_an_empty_line(void **state)
{
	struct tw_sink sink;
	struct tw_pen p = pen(80, false, &sink);

	tw_pen_paragraphs(&p, 2, TW_ROLE_PLAIN, "First.\n\nSecond.\n\n");
	assert_int_equal(tw_pen_finish(&p), 0);
	assert_string_equal(tw_string_text(&out), "  First.\n\n  Second.\n");
}

static void colour_ends_with_its_line(void **state)
{
	struct tw_sink sink;
	struct tw_pen p = pen(80, true, &sink);

	tw_pen_put(&p, TW_ROLE_BAD, "red");
	tw_pen_newline(&p);
	tw_pen_put(&p, TW_ROLE_PLAIN, "plain");
	assert_int_equal(tw_pen_finish(&p), 0);
	assert_string_equal(tw_string_text(&out), "\x1b[0;1;31mred\x1b[0m\nplain\n");
}

static int full(void *user, const char *bytes, size_t n)
{
	++*(int *)user;
	return -ENOSPC;
}

static void the_first_error_ends_the_writing(void **state)
{
	const struct tw_style style = { .width = 80 };
	int calls = 0;
	const struct tw_sink sink = { .write = full, .user = &calls };
	struct tw_pen p;

	tw_pen_init(&p, &sink, &style);
	tw_pen_put(&p, TW_ROLE_PLAIN, "one");
	tw_pen_newline(&p);
	tw_pen_put(&p, TW_ROLE_PLAIN, "two");
	assert_int_equal(tw_pen_finish(&p), -ENOSPC);
	assert_int_equal(calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_is_clamped),
		cmocka_unit_test(utf8_is_read_strictly),
		cmocka_unit_test(hostile_text_is_escaped),
		cmocka_unit_test(every_byte_becomes_harmless),
		cmocka_unit_test(wide_and_combining_characters_count),
		cmocka_unit_test(invalid_utf8_is_replaced),
		cmocka_unit_test(words_wrap_under_their_indent),
		cmocka_unit_test(a_number_stays_with_its_unit),
		cmocka_unit_test(a_word_longer_than_the_line_is_cut),
		cmocka_unit_test(wide_words_are_cut_between_characters),
		cmocka_unit_test(texts_join_with_and_without_blank),
		cmocka_unit_test(no_line_ends_in_blanks),
		cmocka_unit_test(clipping_keeps_to_its_columns),
		cmocka_unit_test(paragraphs_are_parted_by_an_empty_line),
		cmocka_unit_test(colour_ends_with_its_line),
		cmocka_unit_test(the_first_error_ends_the_writing),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
