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
 * record header, so nothing is decided for each frame.
 *
 * Limits: versions before 2.4 (which swapped two length fields) are left to libpcap. A length that cannot
 * be ends the reading: records carry no mark by which the next one could be found.
 */
#include "capture/reader.h"

#include <errno.h>
#include <string.h>

#define FILE_HEADER     24
#define RECORD_HEADER   16
#define RECORD_MODIFIED 24

#define MAGIC_US       0xa1b2c3d4u
#define MAGIC_NS       0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u

/* Frames that lie in the window whole. */
static inline __attribute__((always_inline)) unsigned
walk(struct tw_source *s, struct tw_frame *frames, bool swapped, uint32_t header)
{
	struct tw_stream *st = s->stream;
	const uint8_t *at = st->at, *const end = st->end;
	const uint64_t number = s->number + 1;
	const int64_t tick_ns = s->tick_ns;
	const uint16_t linktype = s->linktype;
	uint64_t offset = tw_stream_offset(st);
	unsigned n;

	for (n = 0; n < TW_BATCH && (size_t)(end - at) >= header; n++) {
		uint32_t caplen = tw_get32(at + 8, swapped);
		struct tw_frame *f = &frames[n];

		if (caplen > TW_CAPLEN_MAX || (size_t)(end - at) - header < caplen)
			break;
		f->time_ns = (int64_t)tw_get32(at, swapped) * 1000000000 +
			     (int64_t)tw_get32(at + 4, swapped) * tick_ns;
		f->number = number + n;
		f->offset = offset;
		f->data = at + header;
		f->caplen = caplen;
		f->len = tw_get32(at + 12, swapped);
		f->linktype = linktype;
		f->iface = 0;
		f->section = 0;
		at += header + caplen;
		offset += header + caplen;
	}
	st->at = at;
	s->number += n;
	return n;
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

	if (magic != MAGIC_US && magic != MAGIC_NS && magic != MAGIC_MODIFIED) {
		magic = __builtin_bswap32(magic);
		swapped = true;
	}
	if (magic != MAGIC_US && magic != MAGIC_NS && magic != MAGIC_MODIFIED)
		return -EPROTO;
	if (tw_stream_have(s->stream, 8) &&
	    (tw_get16(s->stream->at + 4, swapped) != 2 || tw_get16(s->stream->at + 6, swapped) < 4))
		return -EPROTO;
	modified = magic == MAGIC_MODIFIED;
	s->info.format = names[modified ? 2 : magic == MAGIC_NS];
	s->tick_ns = magic == MAGIC_NS ? 1 : 1000;
	s->rewind = rewind_pcap;
	if (modified)
		s->next = swapped ? next_modified_swapped : next_modified;
	else
		s->next = swapped ? next_swapped : next_native;
	if (take_header(s, swapped))
		return 0;
	return tw_err_set(err, -EPROTO, "%s ends at byte %zu, inside the header of a pcap file",
			  s->name, tw_stream_available(s->stream));
}
