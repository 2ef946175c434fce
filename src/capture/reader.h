/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CAPTURE_READER_H
#define TW_CAPTURE_READER_H

#include "capture/source.h"
#include "capture/stream.h"

/*
 * What the readers of one format each share, inside this room only. A source is a stream and the
 * reader that was chosen for it by its first bytes. A call through @next serves a whole batch: the
 * loop over records is in the reader, specialised at compile time.
 */
#define TW_PROBLEMS_KEPT 32
/* No capture program writes more in one packet (tcpdump's MAXIMUM_SNAPLEN, Wireshark's limit). */
#define TW_CAPLEN_MAX 262144u

#define TW_LINKTYPE_RAW 101

struct tw_source {
	/* Frames of one window, unfiltered; 0 only at the end or if a signal came. */
	unsigned (*next)(struct tw_source *s, struct tw_frame *frames);
	/* The same with briefs, without making frames of what is usual; NULL: it cannot. */
	unsigned (*briefs)(struct tw_source *s, struct tw_decoder *d, uint64_t seed,
			   struct tw_brief *out);
	/* As tw_source_sift(); NULL: it cannot. */
	unsigned (*sift)(struct tw_source *s, const struct tw_sieve *sieve, unsigned max,
			 struct tw_frame *frames, uint64_t *flow, unsigned *passed);
	int (*rewind)(struct tw_source *s);
	void (*refresh)(struct tw_source *s); /* bring info up to date; may be NULL */
	void (*destroy)(struct tw_source *s); /* the reader's own state; may be NULL */
	void *reader;
	struct tw_stream *stream; /* NULL for a merged source */
	struct tw_filter *filter;
	char *name;
	uint64_t number; /* of the last frame */
	bool ended;
	bool can_rewind;

	/* pcap */
	uint32_t tick_ns;
	uint32_t magic; /* of a pcap file, in this machine's order */
	uint16_t linktype;

	uint16_t unfiltered[16]; /* link types of which the filter's failure was told */
	unsigned unfiltered_count;
	struct tw_source_info info; /* what changes is copied in by tw_source_info() */
	struct tw_problem problems[TW_PROBLEMS_KEPT];
	unsigned problem_count;
	uint64_t problems_total;
};

/* Open one path without a filter, with a window of @window bytes. */
int tw_source_open_plain(struct tw_source **out, const char *path, size_t window,
			 struct tw_err *err);
/* A source without a reader; NULL when memory is out. */
struct tw_source *tw_source_new(const char *name);

/* Readers: take the file header from the stream and set up the source. 0 or a negative errno. */
int tw_pcap_begin(struct tw_source *s, struct tw_err *err);
int tw_pcapng_begin(struct tw_source *s, struct tw_err *err);
int tw_libpcap_begin(struct tw_source *s, struct tw_err *err);

/* Note a defect at @offset; the text is given the form "byte OFFSET: ...". */
void tw_source_problem(struct tw_source *s, uint64_t offset, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * The stream gave less than the reader needed for the record at the stream's position: the
 * end, in the midst of the record if any of it is there. Nothing is done if it was but a signal.
 */
void tw_source_out_of_data(struct tw_source *s);
/* The record at @offset cannot be, and nothing after it can be found. */
#define TW_SOURCE_DAMAGED(s, offset, ...)                                                          \
	do {                                                                                       \
		tw_source_problem((s), (offset), __VA_ARGS__);                                     \
		(s)->ended = true;                                                                 \
	} while (0)

/* Note an interface's snaplen and link type in the info. */
void tw_source_interface(struct tw_source *s, uint16_t linktype, uint32_t snaplen);

/* Files hold LINKTYPE_RAW also under the numbers that DLT_RAW has on some systems. */
static inline uint16_t tw_linktype_of(uint32_t value)
{
	return value == 12 || value == 14 ? TW_LINKTYPE_RAW : (uint16_t)value;
}

/* Why @f can never match a frame of @linktype (libpcap's words), or NULL if it can. */
const char *tw_filter_fault(struct tw_filter *f, uint16_t linktype);
const char *tw_filter_expression(const struct tw_filter *f);

static inline uint16_t tw_get16(const uint8_t *p, bool swapped)
{
	uint16_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap16(v) : v;
}

static inline uint32_t tw_get32(const uint8_t *p, bool swapped)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap32(v) : v;
}

static inline uint64_t tw_get64(const uint8_t *p, bool swapped)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap64(v) : v;
}

#endif
