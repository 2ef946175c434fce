/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8 without the locale: the same bytes come out on every machine. File names and payload
 * text come from strangers; a terminal never sees their control characters, and JSON never sees
 * bytes that are not UTF-8.
 */
#include "report/style.h"

#include <string.h>

/*
 * The smallest code point that needs @extra bytes after the first (overlong forms are not
 * UTF-8).
 */
static int32_t smallest(unsigned extra)
{
	static const int32_t min[] = { 0, 0x80, 0x800, 0x10000 };

	return min[extra];
}

size_t tw_utf8_next(const char *text, size_t n, int32_t *cp)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned extra, i;
	int32_t c;

	*cp = -1;
	if (p[0] < 0x80) {
		*cp = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 1;
	extra = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : 1;
	if (n <= extra)
		return 1;
	c = p[0] & (0x3f >> extra);
	for (i = 1; i <= extra; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < smallest(extra) || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 1;
	*cp = c;
	return extra + 1;
}

struct range {
	int32_t first, last;
};

static bool in_ranges(const struct range *r, size_t count, int32_t cp)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (cp >= r[i].first && cp <= r[i].last)
			return true;
	return false;
}

unsigned tw_utf8_width(int32_t cp)
{
	/* Combining marks and joiners (Unicode categories Mn, Me, Cf in common use). */
	static const struct range zero[] = {
		{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
		{ 0x064b, 0x065f }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200d },
		{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
	};
	/* East Asian wide and fullwidth (Unicode TR11), and emoji. */
	static const struct range wide[] = {
		{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0x33ff },
		{ 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },   { 0xa000, 0xa4cf },
		{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f },
		{ 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
	};

	if (cp < 0x300)
		return 1;
	if (in_ranges(zero, sizeof(zero) / sizeof(zero[0]), cp))
		return 0;
	return in_ranges(wide, sizeof(wide) / sizeof(wide[0]), cp) ? 2 : 1;
}

void tw_utf8_clean(struct tw_string *out, const char *text, size_t n)
{
	size_t i = 0;

	while (i < n) {
		int32_t cp;
		size_t len = tw_utf8_next(text + i, n - i, &cp);

		if (cp < 0)
			tw_string_add(out, "\xef\xbf\xbd", 3);
		else
			tw_string_add(out, text + i, len);
		i += len;
	}
}

/*
 * May a terminal see it as it is? Not C0, DEL, C1; nor what turns or hides the text that
 * follows it.
 */
static bool harmless(int32_t cp)
{
	static const struct range bad[] = {
		{ 0x00, 0x1f },     { 0x7f, 0x9f },       { 0xad, 0xad },     { 0x061c, 0x061c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	return cp >= 0 && !in_ranges(bad, sizeof(bad) / sizeof(bad[0]), cp);
}

void tw_text_escape(struct tw_string *out, const char *text, size_t n)
{
	size_t i = 0;

	while (i < n) {
		int32_t cp;
		size_t len = tw_utf8_next(text + i, n - i, &cp);

		if (harmless(cp))
			tw_string_add(out, text + i, len);
		else if (cp < 0x80)
			tw_string_printf(out, "\\x%02x", (unsigned char)text[i]);
		else
			tw_string_printf(out, "\\u{%x}", (unsigned)cp);
		i += len;
	}
}

unsigned tw_text_columns(const char *text, size_t n)
{
	unsigned columns = 0;
	size_t i = 0;

	while (i < n) {
		int32_t cp;
		size_t len = tw_utf8_next(text + i, n - i, &cp);

		if (harmless(cp))
			columns += tw_utf8_width(cp);
		else if (cp < 0x80)
			columns += 4;
		else
			columns += cp < 0x100 ? 6 : cp < 0x1000 ? 7 : cp < 0x10000 ? 8 : 9;
		i += len;
	}
	return columns;
}

size_t tw_text_fitting(const char *text, size_t n, unsigned columns)
{
	unsigned used = 0;
	size_t i = 0;

	while (i < n) {
		int32_t cp;
		size_t len = tw_utf8_next(text + i, n - i, &cp);

		used += tw_text_columns(text + i, len);
		if (used > columns)
			break;
		i += len;
	}
	return i;
}
