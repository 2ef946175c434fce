/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_BASE_ARENA_H
#define TW_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

/*
 * A bump allocator: everything in it dies together. Findings own one each, so a renderer can
 * keep pointers into it for as long as it keeps the finding.
 */
struct tw_arena_block;
struct tw_arena {
	struct tw_arena_block *head;
	size_t used_bytes; /* handed out, for the memory ceiling */
};

void tw_arena_init(struct tw_arena *a);
void tw_arena_free(struct tw_arena *a);

/* Zeroed memory aligned for any type, or NULL when memory is out. */
void *tw_arena_alloc(struct tw_arena *a, size_t bytes);
/* Both return "" (a static string) when memory is out, so that text never is NULL. */
const char *tw_arena_printf(struct tw_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *tw_arena_vprintf(struct tw_arena *a, const char *fmt, va_list ap);

#endif
