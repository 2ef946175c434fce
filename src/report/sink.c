/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room's exit: renderers write to a sink, and whoever calls them decides where that leads
 * (standard output, a file, a string in a test). The library itself never prints.
 */
#include "report/sink.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tw_sink_write(const struct tw_sink *sink, const char *bytes, size_t n)
{
	return n ? sink->write(sink->user, bytes, n) : 0;
}

void tw_string_free(struct tw_string *s)
{
	free(s->bytes);
	*s = (struct tw_string){ 0 };
}

void tw_string_clear(struct tw_string *s)
{
	s->length = 0;
	if (s->bytes)
		s->bytes[0] = '\0';
}

static bool make_room(struct tw_string *s, size_t n)
{
	size_t want;
	char *p;

	if (s->failed || n > SIZE_MAX / 4 - s->length) {
		s->failed = true;
		return false;
	}
	if (s->room > s->length + n)
		return true;
	want = s->room ? s->room : 128;
	while (want <= s->length + n)
		want *= 2;
	p = realloc(s->bytes, want);
	if (!p) {
		s->failed = true;
		return false;
	}
	s->bytes = p;
	s->room = want;
	return true;
}

void tw_string_add(struct tw_string *s, const char *bytes, size_t n)
{
	if (!make_room(s, n))
		return;
	if (n)
		memcpy(s->bytes + s->length, bytes, n);
	s->length += n;
	s->bytes[s->length] = '\0';
}

void tw_string_vprintf(struct tw_string *s, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !make_room(s, (size_t)n))
		return;
	vsnprintf(s->bytes + s->length, (size_t)n + 1, fmt, ap);
	s->length += (size_t)n;
}

void tw_string_printf(struct tw_string *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tw_string_vprintf(s, fmt, ap);
	va_end(ap);
}

const char *tw_string_text(const struct tw_string *s)
{
	return s->bytes ? s->bytes : "";
}

static int write_to_string(void *user, const char *bytes, size_t n)
{
	struct tw_string *s = user;

	tw_string_add(s, bytes, n);
	return s->failed ? -ENOMEM : 0;
}

struct tw_sink tw_string_sink(struct tw_string *s)
{
	return (struct tw_sink){ .write = write_to_string, .user = s };
}
