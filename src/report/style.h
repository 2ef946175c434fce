/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_STYLE_H
#define TW_REPORT_STYLE_H

#include "report/sink.h"

#include <stdint.h>

/* What a piece of text is; only style.c knows how that looks. */
enum tw_role {
	TW_ROLE_PLAIN = 0,
	TW_ROLE_STRONG, /* headings, names */
	TW_ROLE_BAD,    /* failed, RST */
	TW_ROLE_WARN,   /* degraded, unknown, what needs a look */
	TW_ROLE_GOOD,   /* clean */
	TW_ROLE_FAINT,  /* labels, lines of the drawing */
	TW_ROLE__N
};

#define TW_WIDTH_MIN     60
#define TW_WIDTH_MAX     100
#define TW_WIDTH_DEFAULT 80

struct tw_style {
	bool color;
	unsigned width; /* columns, of tw_style_width() */
};

/* The width to render for: that of the terminal, 60 to 100; 80 if @columns is 0 (no terminal). */
unsigned tw_style_width(unsigned columns);

/*
 * One character of UTF-8 text of @n > 0 bytes. Return: how many bytes it takes, and the code
 * point in @cp; a byte that is not UTF-8 takes one byte with *@cp = -1.
 */
size_t tw_utf8_next(const char *text, size_t n, int32_t *cp);
/* Columns that a terminal gives a printable character: 0, 1 or 2. */
unsigned tw_utf8_width(int32_t cp);
/* Append @n bytes of @text with every byte that is not valid UTF-8 replaced by U+FFFD. */
void tw_utf8_clean(struct tw_string *out, const char *text, size_t n);
/*
 * Append @n bytes of @text as a terminal may see it: control characters (ESC, C1, line breaks),
 * bytes that are not UTF-8 and characters that turn the direction of text come out as \x1b or
 * \u{202e}.
 */
void tw_text_escape(struct tw_string *out, const char *text, size_t n);
/* Columns of the escaped text. */
unsigned tw_text_columns(const char *text, size_t n);
/* How many bytes of @text, whole characters, fit into @columns when escaped. */
size_t tw_text_fitting(const char *text, size_t n, unsigned columns);

/*
 * A pen writes lines of text to a sink: it knows the column, pads lazily (no line ends in blanks),
 * wraps words, colours, and escapes all that it is given. The first error ends its writing.
 */
struct tw_pen {
	const struct tw_sink *sink;
	struct tw_style style;
	struct tw_string line, scratch;
	unsigned column;  /* columns written in this line, owed blanks included */
	unsigned pending; /* blanks owed before the next text */
	enum tw_role active;
	int error;
};

void tw_pen_init(struct tw_pen *p, const struct tw_sink *sink, const struct tw_style *style);
/* Ends an open line and frees. Return: 0 or the first error, a negative errno. */
int tw_pen_finish(struct tw_pen *p);

/* Text in the current line, as wide as it is. */
void tw_pen_put(struct tw_pen *p, enum tw_role role, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void tw_pen_put_n(struct tw_pen *p, enum tw_role role, const char *text, size_t n);
/* The same cut to @columns, with "..." where something was cut off. */
void tw_pen_clip(struct tw_pen *p, enum tw_role role, unsigned columns, const char *text);
/* Go on at @column (from 0); if the line is past it, one blank after its end. */
void tw_pen_column(struct tw_pen *p, unsigned column);
/*
 * A cell of a table: from @column on if it fits into this line, else on the next from @indent on, wrapped. Return:
 * the indent for what follows in the same cell.
 */
unsigned tw_pen_cell(struct tw_pen *p, unsigned column, unsigned indent, enum tw_role role,
		     const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* @n times the character @c. */
void tw_pen_fill(struct tw_pen *p, enum tw_role role, char c, unsigned n);
void tw_pen_newline(struct tw_pen *p);
/*
 * Words from the current column on; lines that follow begin at column @indent. A number stays
 * with its unit. Does not end the line. A leading blank separates from what stands in the line
 * already.
 */
void tw_pen_wrap(struct tw_pen *p, unsigned indent, enum tw_role role, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void tw_pen_wrap_n(struct tw_pen *p, unsigned indent, enum tw_role role, const char *text,
		   size_t n);
/*
 * Paragraphs separated by "\n\n", each wrapped between @indent and the width, an empty line
 * between.
 */
void tw_pen_paragraphs(struct tw_pen *p, unsigned indent, enum tw_role role, const char *text);

#endif
