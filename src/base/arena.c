/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096

struct tw_arena_block {
	struct tw_arena_block *next;
	size_t size, used;
	alignas(max_align_t) unsigned char mem[];
};

void tw_arena_init(struct tw_arena *a)
{
	a->head = NULL;
	a->used_bytes = 0;
}

void tw_arena_free(struct tw_arena *a)
{
	struct tw_arena_block *b = a->head;

	while (b) {
		struct tw_arena_block *next = b->next;

		free(b);
		b = next;
	}
	tw_arena_init(a);
}

void *tw_arena_alloc(struct tw_arena *a, size_t bytes)
{
	const size_t align = alignof(max_align_t);
	struct tw_arena_block *b = a->head;
	void *p;

	if (bytes > (size_t)1 << 40)
		return NULL;
	bytes = (bytes + align - 1) / align * align;
	if (!b || b->size - b->used < bytes) {
		size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		b->size = size;
		b->used = 0;
		b->next = a->head;
		a->head = b;
	}
	p = b->mem + b->used;
	b->used += bytes;
	a->used_bytes += bytes;
	return memset(p, 0, bytes);
}

const char *tw_arena_vprintf(struct tw_arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return "";
	s = tw_arena_alloc(a, (size_t)n + 1);
	if (!s)
		return "";
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	return s;
}

const char *tw_arena_printf(struct tw_arena *a, const char *fmt, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, fmt);
	s = tw_arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}
