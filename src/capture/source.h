/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CAPTURE_SOURCE_H
#define TW_CAPTURE_SOURCE_H

#include "base/err.h"
#include "packet/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where frames come from. A plain file is walked through a sliding window; .gz and .zst are
 * decompressed as they flow; "-" is standard input. pcap and pcapng are ours, anything else that
 * libpcap can read goes through libpcap.
 */
struct tw_source;
struct tw_sieve;
struct tw_decoder;
struct tw_brief;

#define TW_BATCH 64

/* A defect of the input: named with its place, the rest of the file having been read as far as it goes. */
struct tw_problem {
	uint64_t offset; /* in the uncompressed stream */
	char text[240];
};

struct tw_source_info {
	const char *name;         /* as given, "-" for standard input */
	const char *format;       /* "pcap", "pcapng", "pcap (ns)", ... */
	const char *compression;  /* "gzip", "zstd" or NULL */
	uint64_t bytes_total;     /* of the file on disk, 0 = unknown (a pipe) */
	uint64_t bytes_done;      /* of the file on disk, for progress */
	uint64_t frames;          /* handed out or rejected by the filter */
	uint64_t frames_filtered; /* rejected by the filter */
	uint64_t capture_drops;   /* by ISB counters: lost by kernel or interface while capturing */
	bool has_drop_counters;
	uint32_t snaplen;  /* the smallest of the interfaces, 0 = none stated */
	uint16_t linktype; /* of the first interface */
	unsigned interfaces;
	bool cut;         /* the file ends in the middle of a record */
	bool interrupted; /* tw_source_next() gave 0 because a signal came: not the end */
	const struct tw_problem *problems;
	unsigned problem_count; /* at most 32 kept */
	uint64_t problems_total;
};

struct tw_filter;

/*
 * Open @path ("-": standard input). On failure returns a negative errno with a sentence in @err:
 * -ENOENT, -EACCES, -EISDIR, -EPROTO (not a capture), -ENODATA (empty file), ...
 * @filter (may be NULL) is applied to each frame; it is borrowed.
 */
int tw_source_open(struct tw_source **out, const char *path, struct tw_filter *filter,
		   struct tw_err *err);
/* Several files as one time line, ordered by time (stable by file order). Owns the opened parts. */
int tw_source_open_merged(struct tw_source **out, const char *const *paths, unsigned n,
			  struct tw_filter *filter, struct tw_err *err);
/* A capture in memory, which is borrowed. */
int tw_source_open_memory(struct tw_source **out, const void *data, size_t size,
			  struct tw_err *err);
void tw_source_close(struct tw_source *s);

/*
 * The next frames, at most TW_BATCH. Their bytes stay valid until the next call.
 * Return: how many, 0 at the end (a cut or damaged file ends early: see the problems). Never fails
 * half-way: a defect becomes a problem, what was readable has been handed out.
 * From a pipe it returns what is there without waiting for a full batch. A signal that ends the wait
 * for a pipe gives 0 with info->interrupted: the caller stops, or calls again to go on waiting.
 * Times are kept within +-2^62 ns, so that differences of any two do not overflow.
 */
unsigned tw_source_next(struct tw_source *s, struct tw_frame *frames);

/* The same for who needs no more than briefs (tw_decode_briefs()): a brief of each frame, in @out. */
unsigned tw_source_briefs(struct tw_source *s, struct tw_decoder *d, uint64_t seed,
			  struct tw_brief *out);

/*
 * For who waits for frames of few flows, of a source that can do that while it reads: walks over at most @max frames
 * (TW_SIFT), whose numbers follow each other, and hands out those that the sieve lets pass, with their flows
 * (tw_decode_sift()). @sieve NULL: none is wanted. Returns how many it walked over, 0 at the end.
 */
#define TW_SIFT 256
bool tw_source_can_sift(const struct tw_source *s);
uint64_t tw_source_number(const struct tw_source *s); /* of the last frame */
unsigned tw_source_sift(struct tw_source *s, const struct tw_sieve *sieve, unsigned max,
			struct tw_frame *frames, uint64_t *flow, unsigned *passed);

/* Start again from the first frame. -ESPIPE for a pipe. Problems and counters start anew. */
int tw_source_rewind(struct tw_source *s);
bool tw_source_can_rewind(const struct tw_source *s);

const struct tw_source_info *tw_source_info(struct tw_source *s);

/* --- filter: pcap-filter(7), compiled per link type when first met --- */
int tw_filter_new(struct tw_filter **out, const char *expression, struct tw_err *err);
void tw_filter_free(struct tw_filter *f);
bool tw_filter_match(struct tw_filter *f, const struct tw_frame *frame);

#endif
