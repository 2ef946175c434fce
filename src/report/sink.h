/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_SINK_H
#define TW_REPORT_SINK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Where a renderer's bytes go. @write takes all @n bytes: 0, or a negative errno (then the renderer
 * stops and returns it). */
struct tw_sink {
	int (*write)(void *user, const char *bytes, size_t n);
	void *user;
};

int tw_sink_write(const struct tw_sink *sink, const char *bytes, size_t n);

/* A string that grows. Zero-initialised it is empty; @bytes ends in NUL once anything was added. */
struct tw_string {
	char *bytes;
	size_t length, room;
	bool failed; /* memory was out: what came later is missing */
};

void tw_string_free(struct tw_string *s);
void tw_string_clear(struct tw_string *s); /* empties it and keeps the memory */
void tw_string_add(struct tw_string *s, const char *bytes, size_t n);
void tw_string_printf(struct tw_string *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void tw_string_vprintf(struct tw_string *s, const char *fmt, va_list ap);
/* Never NULL. */
const char *tw_string_text(const struct tw_string *s);
/* A sink that appends to @s. */
struct tw_sink tw_string_sink(struct tw_string *s);

#endif
