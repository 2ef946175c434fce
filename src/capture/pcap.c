/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the classic capture file: a header of 24 bytes, then records of 16 bytes and the packet.
 *
 *	magic     a1b2c3d4  microseconds       a1b23c4d  nanoseconds
 *	          a1b2cd34  microseconds, each record header having 8 bytes more (interface index,
 *	                    protocol, packet type: the "modified" format of patched libpcaps)
 *	either byte order; the order of the magic is that of all fields
 *
 * The loop over the records of a window is compiled four times, for both orders and both sizes of the
 * record header, so nothing is decided for each frame. In this machine's order, which is that of nearly all
 * files, it is there twice more: for who needs briefs only, and for who waits for few flows. Of most records no frame
 * is made then.
 *
 * Limits: versions before 2.4 (which swapped two length fields) are left to libpcap. A length that cannot
 * be ends the reading: records carry no mark by which the next one could be found.
 */
#include "capture/reader.h"
#include "packet/brief.h"

#include <errno.h>
#include <string.h>

#define FILE_HEADER     24
#define RECORD_HEADER   16
#define RECORD_MODIFIED 24

#define MAGIC_US       0xa1b2c3d4u
#define MAGIC_NS       0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u

/* What every frame of a file has in common, and where the next record begins. */
struct cursor {
	const uint8_t *at, *end;
	const uint8_t *start; /* where it began, */
	uint64_t offset;      /* and where that is in the file */
	int64_t tick_ns;
	uint16_t linktype;
};

static inline struct cursor cursor_of(const struct tw_source *s)
{
	const struct tw_stream *st = s->stream;

	return (struct cursor){ .at = st->at,
				.end = st->end,
				.start = st->at,
				.offset = tw_stream_offset(st),
				.tick_ns = s->tick_ns,
				.linktype = s->linktype };
}

/* The source stands where the cursor came to, @n frames later. Returns @n. */
static inline unsigned walked(struct tw_source *s, const struct cursor *c, unsigned n)
{
	s->stream->at = c->at;
	s->number += n;
	return n;
}

static bool is_magic(uint32_t word)
{
	return word == MAGIC_US || word == MAGIC_NS || word == MAGIC_MODIFIED;
}

/*
 * Does a file begin where a record is due, because somebody appended one to the other (cat)? As a record it would have
 * a time in 2055, and no bytes.
 */
static __attribute__((noinline)) bool is_file_header(const uint8_t *p, bool swapped)
{
	return is_magic(tw_get32(p, swapped)) && tw_get16(p + 4, swapped) == 2 &&
	       tw_get16(p + 6, swapped) == 4;
}

/* The bytes of the record's frame, UINT32_MAX if it does not lie in the window whole, or is none. */
static inline uint32_t frame_bytes(const struct cursor *c, bool swapped, uint32_t header)
{
	const size_t left = (size_t)(c->end - c->at);
	uint32_t caplen;

	if (left < header)
		return UINT32_MAX;
	caplen = tw_get32(c->at + 8, swapped);
	if (__builtin_expect(!caplen, 0) && is_file_header(c->at, swapped))
		return UINT32_MAX;
	return caplen > TW_CAPLEN_MAX || left - header < caplen ? UINT32_MAX : caplen;
}

static inline int64_t time_of(const struct cursor *c, bool swapped)
{
	return (int64_t)tw_get32(c->at, swapped) * 1000000000 +
	       (int64_t)tw_get32(c->at + 4, swapped) * c->tick_ns;
}

static inline void fill(struct tw_frame *f, const struct cursor *c, uint64_t number, bool swapped,
			uint32_t header, uint32_t caplen)
{
	f->time_ns = time_of(c, swapped);
	f->number = number;
	f->offset = c->offset + (uint64_t)(c->at - c->start);
	f->data = c->at + header;
	f->caplen = caplen;
	f->len = tw_get32(c->at + 12, swapped);
	f->linktype = c->linktype;
	f->iface = 0;
	f->section = 0;
}

/* Frames that lie in the window whole. */
static inline __attribute__((always_inline)) unsigned
walk(struct tw_source *s, struct tw_frame *frames, bool swapped, uint32_t header)
{
	const uint64_t number = s->number + 1;
	struct cursor c = cursor_of(s);
	uint32_t caplen;
	unsigned n;

	for (n = 0; n < TW_BATCH; n++) {
		caplen = frame_bytes(&c, swapped, header);
		if (caplen == UINT32_MAX)
			break;
		tw_stream_fetch(c.at);
		fill(&frames[n], &c, number + n, swapped, header, caplen);
		c.at += header + caplen;
	}
	return walked(s, &c, n);
}

/* Whatever the record holds, through a frame. */
static __attribute__((noinline)) void brief_of_any(const struct cursor *c, uint64_t number,
						   uint32_t caplen, struct tw_decoder *d,
						   uint64_t seed, struct tw_brief *out)
{
	struct tw_frame f;

	fill(&f, c, number, false, RECORD_HEADER, caplen);
	tw_decode_brief(d, &f, seed, out);
}

/* The same as briefs: of what is usual no frame is made. */
static inline unsigned brief_window(struct tw_source *s, struct tw_decoder *d, uint64_t seed,
				    struct tw_brief *out)
{
	const uint64_t number = s->number + 1;
	struct cursor c = cursor_of(s);
	unsigned n, usual = 0;

	for (n = 0; n < TW_BATCH; n++) {
		const uint32_t caplen = frame_bytes(&c, false, RECORD_HEADER);
		const uint8_t *data;

		if (caplen == UINT32_MAX)
			break;
		data = c.at + RECORD_HEADER;
		tw_stream_fetch(data);
		if (__builtin_expect(tw_are_usual(c.linktype, data, caplen), 1) &&
		    tw_brief_of_usual(data, caplen, tw_get32(c.at + 12, false), seed, &out[n])) {
			out[n].time_ns = time_of(&c, false);
			out[n].number = number + n;
			out[n].section = 0;
			usual++;
		} else {
			brief_of_any(&c, number + n, caplen, d, seed, &out[n]);
		}
		c.at = data + caplen;
	}
	tw_decoder_count_usual(d, usual);
	return walked(s, &c, n);
}

static __attribute__((noinline)) uint64_t flow_of_any(const struct cursor *c, uint32_t caplen,
						      uint64_t seed)
{
	const struct tw_frame f = { .data = c->at + RECORD_HEADER,
				    .caplen = caplen,
				    .linktype = c->linktype };

	return tw_decode_flow(&f, seed);
}

/* The same, of which only those that @sieve lets pass are filled in: nearly all are passed over. */
static inline unsigned sift_window(struct tw_source *s, struct tw_sieve sieve, unsigned max,
				   struct tw_frame *frames, uint64_t *flow, unsigned *passed)
{
	const uint64_t number = s->number + 1;
	struct cursor c = cursor_of(s);
	unsigned n, count = 0;

	for (n = 0; n < max; n++) {
		const uint32_t caplen = frame_bytes(&c, false, RECORD_HEADER);
		const uint8_t *data;
		uint64_t f;

		if (caplen == UINT32_MAX)
			break;
		data = c.at + RECORD_HEADER;
		tw_stream_fetch(data);
		f = tw_are_usual(c.linktype, data, caplen) ? tw_usual_flow(data, sieve.seed)
							   : flow_of_any(&c, caplen, sieve.seed);
		if (__builtin_expect(tw_sieve_passes(&sieve, f), 0)) {
			fill(&frames[count], &c, number + n, false, RECORD_HEADER, caplen);
			flow[count++] = f;
		}
		c.at = data + caplen;
	}
	*passed = count;
	return walked(s, &c, n);
}

/* The same when none is wanted. */
static inline unsigned skip_window(struct tw_source *s, unsigned max)
{
	struct cursor c = cursor_of(s);
	uint32_t caplen;
	unsigned n;

	for (n = 0; n < max; n++) {
		caplen = frame_bytes(&c, false, RECORD_HEADER);
		if (caplen == UINT32_MAX)
			break;
		tw_stream_fetch(c.at);
		c.at += RECORD_HEADER + caplen;
	}
	return walked(s, &c, n);
}

static bool take_header(struct tw_source *s, bool swapped);

/* Where a record was due another file begins. One of the same kind is read on; whether the times go on is another matter. */
static bool take_appended(struct tw_source *s, bool swapped)
{
	const uint64_t offset = tw_stream_offset(s->stream);

	if (tw_get32(s->stream->at, swapped) != s->magic) {
		TW_SOURCE_DAMAGED(s, offset,
				  "another capture file of another kind was appended here; reading "
				  "ends (mergecap joins them)");
		return false;
	}
	tw_source_problem(
		s, offset,
		"another capture file was appended here; it is read on as part of this one");
	if (take_header(s, swapped))
		return true;
	tw_source_out_of_data(s);
	return false;
}

/* The window holds no whole record: bring one, or find out why there is none. */
static bool advance(struct tw_source *s, bool swapped, uint32_t header)
{
	struct tw_stream *st = s->stream;
	uint32_t caplen;

	if (s->ended)
		return false;
	if (tw_stream_have(st, header)) {
		caplen = tw_get32(st->at + 8, swapped);
		if (!caplen && is_file_header(st->at, swapped))
			return take_appended(s, swapped);
		if (caplen > TW_CAPLEN_MAX) {
			TW_SOURCE_DAMAGED(
				s, tw_stream_offset(st),
				"a record claims %u captured bytes, more than the %u that "
				"any record holds; reading ends here",
				caplen, TW_CAPLEN_MAX);
			return false;
		}
		if (tw_stream_have(st, header + caplen))
			return true;
	}
	tw_source_out_of_data(s);
	return false;
}

static inline __attribute__((always_inline)) unsigned
next_frames(struct tw_source *s, struct tw_frame *frames, bool swapped, uint32_t header)
{
	unsigned n;

	do {
		n = walk(s, frames, swapped, header);
	} while (!n && advance(s, swapped, header));
	return n;
}

static unsigned next_native(struct tw_source *s, struct tw_frame *frames)
{
	return next_frames(s, frames, false, RECORD_HEADER);
}

static unsigned briefs_native(struct tw_source *s, struct tw_decoder *d, uint64_t seed,
			      struct tw_brief *out)
{
	unsigned n;

	do {
		n = brief_window(s, d, seed, out);
	} while (!n && advance(s, false, RECORD_HEADER));
	return n;
}

static unsigned sift_native(struct tw_source *s, const struct tw_sieve *sieve, unsigned max,
			    struct tw_frame *frames, uint64_t *flow, unsigned *passed)
{
	unsigned n;

	*passed = 0;
	do {
		n = sieve ? sift_window(s, *sieve, max, frames, flow, passed) : skip_window(s, max);
	} while (!n && advance(s, false, RECORD_HEADER));
	return n;
}

static unsigned next_swapped(struct tw_source *s, struct tw_frame *frames)
{
	return next_frames(s, frames, true, RECORD_HEADER);
}

static unsigned next_modified(struct tw_source *s, struct tw_frame *frames)
{
	return next_frames(s, frames, false, RECORD_MODIFIED);
}

static unsigned next_modified_swapped(struct tw_source *s, struct tw_frame *frames)
{
	return next_frames(s, frames, true, RECORD_MODIFIED);
}

/* Take the file header; its order and magic are known. */
static bool take_header(struct tw_source *s, bool swapped)
{
	const uint8_t *p;

	if (!tw_stream_have(s->stream, FILE_HEADER))
		return false;
	p = s->stream->at;
	/* The upper bits say how many bytes of frame check sequence follow each frame: after the
	 * IP packet, whose own length ends it. */
	s->linktype = tw_linktype_of(tw_get32(p + 20, swapped) & 0xffff);
	tw_source_interface(s, s->linktype, tw_get32(p + 16, swapped));
	s->stream->at += FILE_HEADER;
	return true;
}

static int rewind_pcap(struct tw_source *s)
{
	int status = tw_stream_rewind(s->stream);
	bool swapped = s->next == next_swapped || s->next == next_modified_swapped;

	if (!status && !take_header(s, swapped))
		tw_source_out_of_data(s);
	return status;
}

int tw_pcap_begin(struct tw_source *s, struct tw_err *err)
{
	static const char *const names[] = { "pcap", "pcap (ns)", "pcap (modified)" };
	uint32_t magic = tw_get32(s->stream->at, false);
	bool swapped = false, modified;

	if (!is_magic(magic)) {
		magic = __builtin_bswap32(magic);
		swapped = true;
	}
	if (!is_magic(magic))
		return -EPROTO;
	if (tw_stream_have(s->stream, 8) &&
	    (tw_get16(s->stream->at + 4, swapped) != 2 || tw_get16(s->stream->at + 6, swapped) < 4))
		return -EPROTO;
	modified = magic == MAGIC_MODIFIED;
	s->magic = magic;
	s->info.format = names[modified ? 2 : magic == MAGIC_NS];
	s->tick_ns = magic == MAGIC_NS ? 1 : 1000;
	s->rewind = rewind_pcap;
	if (modified)
		s->next = swapped ? next_modified_swapped : next_modified;
	else
		s->next = swapped ? next_swapped : next_native;
	if (s->next == next_native) {
		s->briefs = briefs_native;
		s->sift = sift_native;
	}
	if (take_header(s, swapped))
		return 0;
	return tw_err_set(err, -EPROTO, "%s ends at byte %zu, inside the header of a pcap file",
			  s->name, tw_stream_available(s->stream));
}
