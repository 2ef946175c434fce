/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CAPTURE_STREAM_H
#define TW_CAPTURE_STREAM_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes in: a file, a pipe or memory, decompressed if need be, seen through a window that slides.
 * A reader takes what lies between @at and @end and moves @at; what tw_stream_fill() brings may
 * move the window, so pointers into it die there and nowhere else.
 */
struct tw_stream_raw;

struct tw_stream {
	const uint8_t *at;       /* the next unread byte */
	const uint8_t *end;      /* past the last byte in the window */
	const uint8_t *window;   /* the window's first byte ... */
	uint64_t window_offset;  /* ... and its place in the uncompressed stream */
	bool ended;              /* nothing comes after @end */
	bool interrupted;        /* the last fill was ended by a signal: not an end, ask again */
	char fault[160];         /* why the stream ended before its time, "" if it did not */
	const char *compression; /* "gzip", "zstd" or NULL */
	uint64_t bytes_total;    /* on disk, 0 = unknown */
	uint64_t bytes_done;     /* on disk */
	struct tw_stream_raw *raw;
};

#define TW_STREAM_WINDOW (256u << 10)
#define TW_STREAM_AHEAD  4096u /* how far ahead of what is worked on bytes are fetched */

/*
 * Open @path ("-" is standard input) with a window of about @window bytes (it grows if one record
 * needs more). 0, or a negative errno with a sentence. An empty input is -ENODATA.
 */
int tw_stream_open(struct tw_stream **out, const char *path, size_t window, struct tw_err *err);
/* The same over borrowed memory. */
int tw_stream_open_memory(struct tw_stream **out, const void *data, size_t size,
			  struct tw_err *err);
void tw_stream_close(struct tw_stream *s);

bool tw_stream_can_rewind(const struct tw_stream *s);
/* 0, or -ESPIPE. The bytes flow from the first one again; the fault is forgotten. */
int tw_stream_rewind(struct tw_stream *s);

/*
 * Bring at least @want unread bytes into the window, waiting for a pipe if need be. False if the
 * stream has fewer (then @ended) or a signal came (then @interrupted).
 */
bool tw_stream_fill(struct tw_stream *s, size_t want);

/* Drop @n bytes, however many windows that is; returns how many could not be dropped. */
uint64_t tw_stream_skip(struct tw_stream *s, uint64_t n);

/* Was a part of the window gone when it was read? What came of the window since is not to be believed. */
bool tw_stream_is_torn(const struct tw_stream *s);

/* The bytes that a reader at @at will come to in a while are on their way to the cache. */
static inline void tw_stream_fetch(const uint8_t *at)
{
	__builtin_prefetch(at + TW_STREAM_AHEAD);
	__builtin_prefetch(at + TW_STREAM_AHEAD + 64);
}

static inline size_t tw_stream_available(const struct tw_stream *s)
{
	return (size_t)(s->end - s->at);
}

static inline bool tw_stream_have(struct tw_stream *s, size_t want)
{
	return tw_stream_available(s) >= want || tw_stream_fill(s, want);
}

static inline uint64_t tw_stream_offset(const struct tw_stream *s)
{
	return s->window_offset + (uint64_t)(s->at - s->window);
}

#endif
