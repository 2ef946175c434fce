/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pen: columns, wrapping, colour. All text that a renderer writes goes through it, so there is
 * one place that escapes (utf8.c) and one that knows the codes of a terminal.
 */
#include "report/style.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* SGR codes (ECMA-48 s8.3.117): the eight basic colours only, which every theme makes legible. */
static const char *const sgr[TW_ROLE__N] = {
	[TW_ROLE_PLAIN] = "\x1b[0m",    [TW_ROLE_STRONG] = "\x1b[0;1m",
	[TW_ROLE_BAD] = "\x1b[0;1;31m", [TW_ROLE_WARN] = "\x1b[0;33m",
	[TW_ROLE_GOOD] = "\x1b[0;32m",  [TW_ROLE_FAINT] = "\x1b[0;36m",
};

unsigned tw_style_width(unsigned columns)
{
	if (!columns)
		return TW_WIDTH_DEFAULT;
	if (columns < TW_WIDTH_MIN)
		return TW_WIDTH_MIN;
	return columns > TW_WIDTH_MAX ? TW_WIDTH_MAX : columns;
}

void tw_pen_init(struct tw_pen *p, const struct tw_sink *sink, const struct tw_style *style)
{
	*p = (struct tw_pen){ .sink = sink, .style = *style };
	p->style.width = tw_style_width(style->width);
}

static void set_role(struct tw_pen *p, enum tw_role role)
{
	if (!p->style.color || p->active == role)
		return;
	tw_string_add(&p->line, sgr[role], strlen(sgr[role]));
	p->active = role;
}

static void pay_blanks(struct tw_pen *p)
{
	static const char blanks[] = "                                ";

	while (p->pending) {
		unsigned n = p->pending < 32 ? p->pending : 32;

		tw_string_add(&p->line, blanks, n);
		p->pending -= n;
	}
}

void tw_pen_newline(struct tw_pen *p)
{
	set_role(p, TW_ROLE_PLAIN);
	tw_string_add(&p->line, "\n", 1);
	if (!p->error && p->line.failed)
		p->error = -ENOMEM;
	if (!p->error)
		p->error = tw_sink_write(p->sink, tw_string_text(&p->line), p->line.length);
	tw_string_clear(&p->line);
	p->column = 0;
	p->pending = 0;
}

int tw_pen_finish(struct tw_pen *p)
{
	if (p->column > p->pending)
		tw_pen_newline(p);
	if (!p->error && (p->line.failed || p->scratch.failed))
		p->error = -ENOMEM;
	tw_string_free(&p->line);
	tw_string_free(&p->scratch);
	return p->error;
}

void tw_pen_put_n(struct tw_pen *p, enum tw_role role, const char *text, size_t n)
{
	if (!n)
		return;
	pay_blanks(p);
	set_role(p, role);
	tw_text_escape(&p->line, text, n);
	p->column += tw_text_columns(text, n);
}

void tw_pen_put(struct tw_pen *p, enum tw_role role, const char *fmt, ...)
{
	va_list ap;

	tw_string_clear(&p->scratch);
	va_start(ap, fmt);
	tw_string_vprintf(&p->scratch, fmt, ap);
	va_end(ap);
	tw_pen_put_n(p, role, tw_string_text(&p->scratch), p->scratch.length);
}

void tw_pen_clip(struct tw_pen *p, enum tw_role role, unsigned columns, const char *text)
{
	size_t n = strlen(text);

	if (tw_text_columns(text, n) <= columns) {
		tw_pen_put_n(p, role, text, n);
		return;
	}
	if (columns <= 3) {
		tw_pen_put_n(p, role, "...", columns);
		return;
	}
	tw_pen_put_n(p, role, text, tw_text_fitting(text, n, columns - 3));
	tw_pen_put_n(p, role, "...", 3);
}

void tw_pen_column(struct tw_pen *p, unsigned column)
{
	unsigned more = column >= p->column ? column - p->column : p->pending ? 0 : 1;

	p->pending += more;
	p->column += more;
}

void tw_pen_fill(struct tw_pen *p, enum tw_role role, char c, unsigned n)
{
	while (n--)
		tw_pen_put_n(p, role, &c, 1);
}

/* ---- words ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Words that a line break must not part: "1.02 s", "1 284 packets", "packet 7", "stream 3".
 * @prev ends right before the blank, @next begins after it.
 */
static bool glued(const char *prev, size_t prev_n, const char *next, size_t next_n)
{
	static const char *const units[] = { "ns",      "us",     "ms",    "s",      "min",
					     "h",       "days",   "byte",  "bytes",  "hops",
					     "packets", "packet", "times", "frames", "segments",
					     "KB",      "%" };
	static const char *const heads[] = { "packet", "packets", "stream", "seq", "ack", "RFC" };
	size_t i, n = next_n;

	if (!prev_n || !next_n)
		return false;
	for (i = 0; is_digit(next[0]) && i < sizeof(heads) / sizeof(heads[0]); i++)
		if (prev_n == strlen(heads[i]) && !memcmp(prev, heads[i], prev_n))
			return true;
	if (!is_digit(prev[prev_n - 1]))
		return false;
	if (n >= 3 && is_digit(next[0]) && is_digit(next[1]) && is_digit(next[2]) &&
	    (n == 3 || !is_digit(next[3])))
		return true;
	while (n && strchr(".,;:)", next[n - 1]))
		n--;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (n == strlen(units[i]) && !memcmp(next, units[i], n))
			return true;
	return false;
}

static size_t word_end(const char *text, size_t n, size_t from)
{
	const char *blank = memchr(text + from, ' ', n - from);

	return blank ? (size_t)(blank - text) : n;
}

/* The end of the word at @from together with the words glued to it (three at most). */
static size_t chunk_end(const char *text, size_t n, size_t from)
{
	size_t begin = from, end = word_end(text, n, from);
	unsigned i;

	for (i = 0; i < 3 && end + 1 < n; i++) {
		size_t next_end = word_end(text, n, end + 1);

		if (!glued(text + begin, end - begin, text + end + 1, next_end - end - 1))
			break;
		begin = end + 1;
		end = next_end;
	}
	return end;
}

static void next_line(struct tw_pen *p, unsigned indent)
{
	tw_pen_newline(p);
	tw_pen_column(p, indent);
}

/*
 * One chunk: on this line if it fits, else on the next; cut at the edge only if no line could
 * hold it.
 */
static void put_chunk(struct tw_pen *p, unsigned indent, enum tw_role role, const char *text,
		      size_t n, bool blank_before)
{
	unsigned width = p->style.width, blank = blank_before && p->column && !p->pending;
	bool fresh = p->column == p->pending;

	if (!fresh && p->column + blank + tw_text_columns(text, n) > width) {
		next_line(p, indent);
		blank = 0;
	}
	p->pending += blank;
	p->column += blank;
	while (n) {
		unsigned room = width > p->column ? width - p->column : 0;
		size_t fit = tw_text_fitting(text, n, room);

		if (!fit && p->column <= indent)
			fit = n; /* a character wider than the line: let it stand out */
		tw_pen_put_n(p, role, text, fit);
		text += fit;
		n -= fit;
		if (n)
			next_line(p, indent);
	}
}

void tw_pen_wrap_n(struct tw_pen *p, unsigned indent, enum tw_role role, const char *text, size_t n)
{
	bool blank = false;
	size_t i = 0;

	if (indent + 20 > p->style.width)
		indent = p->style.width - 20;
	while (i < n) {
		size_t end;

		if (text[i] == ' ') {
			blank = true;
			i++;
			continue;
		}
		end = chunk_end(text, n, i);
		put_chunk(p, indent, role, text + i, end - i, blank);
		i = end;
	}
}

void tw_pen_wrap(struct tw_pen *p, unsigned indent, enum tw_role role, const char *fmt, ...)
{
	struct tw_string text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	tw_string_vprintf(&text, fmt, ap);
	va_end(ap);
	if (text.failed && !p->error)
		p->error = -ENOMEM;
	tw_pen_wrap_n(p, indent, role, tw_string_text(&text), text.length);
	tw_string_free(&text);
}

unsigned tw_pen_cell(struct tw_pen *p, unsigned column, unsigned indent, enum tw_role role,
		     const char *fmt, ...)
{
	struct tw_string text = { 0 };
	const unsigned start = column >= p->column ? column : p->column + !p->pending;
	va_list ap;

	va_start(ap, fmt);
	tw_string_vprintf(&text, fmt, ap);
	va_end(ap);
	if (text.failed && !p->error)
		p->error = -ENOMEM;
	if (start + tw_text_columns(tw_string_text(&text), text.length) <= p->style.width) {
		tw_pen_column(p, column);
		indent = column;
	} else if (p->column > p->pending) {
		next_line(p, indent);
	}
	tw_pen_wrap_n(p, indent, role, tw_string_text(&text), text.length);
	tw_string_free(&text);
	return indent;
}

void tw_pen_paragraphs(struct tw_pen *p, unsigned indent, enum tw_role role, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);

		if (n) {
			tw_pen_column(p, indent);
			tw_pen_wrap_n(p, indent, role, text, n);
			tw_pen_newline(p);
		}
		text += n;
		while (*text == '\n')
			text++;
		if (*text)
			tw_pen_newline(p);
	}
}
