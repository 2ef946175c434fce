/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the pcapng file (draft-ietf-opsawg-pcapng), a chain of blocks:
 *
 *	+------+--------+----------- ... ---+--------+
 *	| type | length |       body        | length |     both lengths count the whole block
 *	+------+--------+----------- ... ---+--------+
 *
 *	SHB   begins a section; its magic gives the byte order of all that follows in the section
 *	IDB   one interface: link type, snaplen, unit and offset of its times; numbered from 0 in
 *	      each section
 *	EPB   a packet; SPB one without time and interface; PB the old form of a packet
 *	ISB   counters of an interface, of which the drops matter here
 *
 * All other types are skipped by their length. Enhanced packets, which are nearly all there is, are walked by
 * a loop that is compiled for both byte orders; whatever it does not take goes through block(), one
 * block at a time. The length of a section, given or not, is not needed: blocks follow one another in any case.
 *
 * An SPB has no time: it gets that of the frame before it, so that it does not tear the time line.
 *
 * Limits: a block whose two lengths disagree, or a length that cannot be, ends the reading. A block we
 * must look into is at most BLOCK_MAX bytes. 65535 interfaces in a file.
 */
#include "capture/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SHB 0x0a0d0d0au
#define BLOCK_IDB 1u
#define BLOCK_PB  2u
#define BLOCK_SPB 3u
#define BLOCK_ISB 5u
#define BLOCK_EPB 6u
/* Not ours, but Wireshark gives them frame numbers, and our numbers are to be found there. */
#define BLOCK_JOURNAL     9u
#define BLOCK_CUSTOM      0xbadu
#define BLOCK_CUSTOM_KEPT 0x40000badu

#define ORDER_MAGIC  0x1a2b3c4du
#define BLOCK_MAX    (16u << 20)
#define EMPTY_BLOCK  12 /* type and both lengths */
#define EPB_OVERHEAD 32 /* of a packet block without data and options */
#define IFACES_MAX   65535u

#define OPT_END           0
#define OPT_IF_TSRESOL    9
#define OPT_IF_TSOFFSET   14
#define OPT_EPB_DROPCOUNT 4
#define OPT_ISB_IFDROP    5
#define OPT_ISB_OSDROP    7

#define TIME_MAX (INT64_C(1) << 62)

struct iface {
	uint64_t tick_ns;   /* 0: the unit is no whole number of ns, see slow_time() */
	uint64_t ticks_max; /* more would pass TIME_MAX */
	int64_t offset_ns;
	uint64_t dropped; /* by the last ISB: the counters are totals */
	uint32_t snaplen;
	uint16_t linktype;
	uint16_t index;     /* within the source */
	uint8_t resolution; /* if_tsresol as it stands in the file */
};

struct block {
	const uint8_t *at; /* the whole block */
	uint64_t offset;
	uint32_t type, length;
};

struct reader {
	struct iface *ifaces; /* of the section */
	uint32_t count, room;
	bool swapped; /* the section's byte order is not ours */
	uint16_t section;
	int64_t last_ns;
	uint64_t dropped_before;   /* by the ISBs of earlier sections */
	uint64_t dropped_by_frame; /* by the counters that stand beside packets */
	bool skipping;             /* a signal may come in the midst of a block that is skipped */
	struct block skipped;
	uint64_t skip_left; /* up to its second length */
};

enum step {
	STEP_FRAME, /* the block gave a frame */
	STEP_ON,    /* it gave none, go on */
	STEP_WAIT,  /* it does not lie in the window */
	STEP_END,
};

struct option {
	const uint8_t *next, *end;
	const uint8_t *value;
	uint16_t code, length;
};

/* The next option of a list, false at its end or where its lengths lie. */
static bool next_option(struct option *o, bool swapped)
{
	size_t left = (size_t)(o->end - o->next);

	if (left < 4)
		return false;
	o->code = tw_get16(o->next, swapped);
	o->length = tw_get16(o->next + 2, swapped);
	o->value = o->next + 4;
	if (o->code == OPT_END || o->length > left - 4)
		return false;
	left -= 4 + o->length;
	o->next = o->value + o->length;
	o->next += left < (-o->length & 3u) ? left : (-o->length & 3u);
	return true;
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static int64_t clamp_time(__int128 ns)
{
	if (ns > TIME_MAX)
		return TIME_MAX;
	return ns < -TIME_MAX ? -TIME_MAX : (int64_t)ns;
}

/* Ticks of any unit: 10^-n for n > 9, 2^-n, or so many that they pass the range. */
static __attribute__((noinline)) int64_t slow_time(const struct iface *f, uint64_t ticks)
{
	unsigned n = f->resolution & 0x7f;
	unsigned __int128 ns = (unsigned __int128)ticks;

	if (f->resolution & 0x80) {
		ns = (ns * 1000000000) >> n;
	} else if (f->tick_ns) {
		ns *= f->tick_ns;
	} else {
		for (; n > 9 && ns; n--)
			ns /= 10;
	}
	if (ns > (unsigned __int128)TIME_MAX * 4)
		return TIME_MAX;
	return clamp_time((__int128)ns + f->offset_ns);
}

static inline int64_t time_of(const struct iface *f, uint64_t ticks)
{
	if (__builtin_expect(ticks > f->ticks_max, 0))
		return slow_time(f, ticks);
	return (int64_t)(ticks * f->tick_ns) + f->offset_ns;
}

static void set_resolution(struct iface *f, uint8_t resolution, int64_t offset_s)
{
	unsigned n = resolution;
	uint64_t tick_ns = 1;

	f->resolution = resolution;
	f->offset_ns = clamp_time((__int128)offset_s * 1000000000);
	f->tick_ns = f->ticks_max = 0;
	if (n > 9)
		return;
	for (; n < 9; n++)
		tick_ns *= 10;
	f->tick_ns = tick_ns;
	f->ticks_max = (uint64_t)(f->offset_ns > 0 ? TIME_MAX - f->offset_ns : TIME_MAX) / tick_ns;
}

/* Whole enhanced packets that lie in the window, as long as there is nothing else. */
static inline __attribute__((always_inline)) unsigned
walk(struct tw_source *s, struct tw_frame *frames, unsigned room, bool swapped)
{
	struct reader *r = s->reader;
	struct tw_stream *st = s->stream;
	const uint8_t *at = st->at, *end = st->end;
	uint64_t offset = tw_stream_offset(st);
	unsigned n;

	for (n = 0; n < room && (size_t)(end - at) >= EPB_OVERHEAD; n++) {
		uint32_t length = tw_get32(at + 4, swapped);
		uint32_t iface = tw_get32(at + 8, swapped);
		uint32_t caplen = tw_get32(at + 20, swapped);
		struct tw_frame *f = &frames[n];

		tw_stream_fetch(at);
		/* Room for options, or anything strange, is for block(). */
		if (tw_get32(at, swapped) != BLOCK_EPB || length > (size_t)(end - at) ||
		    caplen > TW_CAPLEN_MAX || length != EPB_OVERHEAD + ((caplen + 3) & ~3u) ||
		    iface >= r->count || tw_get32(at + length - 4, swapped) != length)
			break;
		f->time_ns = time_of(&r->ifaces[iface], (uint64_t)tw_get32(at + 12, swapped) << 32 |
								tw_get32(at + 16, swapped));
		f->number = ++s->number;
		f->offset = offset;
		f->data = at + 28;
		f->caplen = caplen;
		f->len = tw_get32(at + 24, swapped);
		f->linktype = r->ifaces[iface].linktype;
		f->iface = r->ifaces[iface].index;
		f->section = r->section;
		at += length;
		offset += length;
	}
	st->at = at;
	if (n)
		r->last_ns = frames[n - 1].time_ns;
	return n;
}

static void begin_section(struct tw_source *s, const struct block *b)
{
	struct reader *r = s->reader;
	uint16_t major = tw_get16(b->at + 12, r->swapped);
	uint32_t i;

	for (i = 0; i < r->count; i++)
		r->dropped_before = add_saturated(r->dropped_before, r->ifaces[i].dropped);
	r->count = 0;
	/* Numbers repeat after very many; that two neighbours differ is enough. */
	if (s->number)
		r->section++;
	if (major != 1)
		TW_SOURCE_DAMAGED(s, b->offset,
				  "this section has pcapng version %u.%u, only 1.x is known", major,
				  tw_get16(b->at + 14, r->swapped));
}

static void add_interface(struct tw_source *s, const struct block *b)
{
	struct reader *r = s->reader;
	struct option o = { .next = b->at + 16, .end = b->at + b->length - 4 };
	uint8_t resolution = 6;
	int64_t offset_s = 0;
	struct iface *f;

	if (r->count == IFACES_MAX) {
		tw_source_problem(s, b->offset, "more than %u interfaces; this one is left out",
				  IFACES_MAX);
		return;
	}
	if (r->count == r->room) {
		uint32_t room = r->room ? r->room * 2 : 4;

		f = realloc(r->ifaces, room * sizeof(*f));
		if (!f) {
			TW_SOURCE_DAMAGED(s, b->offset, "memory is out");
			return;
		}
		r->ifaces = f;
		r->room = room;
	}
	f = &r->ifaces[r->count++];
	memset(f, 0, sizeof(*f));
	f->linktype = tw_linktype_of(tw_get16(b->at + 8, r->swapped));
	f->snaplen = tw_get32(b->at + 12, r->swapped);
	f->index = (uint16_t)s->info.interfaces;
	while (next_option(&o, r->swapped)) {
		if (o.code == OPT_IF_TSRESOL && o.length >= 1)
			resolution = o.value[0];
		else if (o.code == OPT_IF_TSOFFSET && o.length >= 8)
			offset_s = (int64_t)tw_get64(o.value, r->swapped);
	}
	set_resolution(f, resolution, offset_s);
	tw_source_interface(s, f->linktype, f->snaplen);
}

static void take_statistics(struct tw_source *s, const struct block *b)
{
	struct reader *r = s->reader;
	struct option o = { .next = b->at + 20, .end = b->at + b->length - 4 };
	uint32_t iface = tw_get32(b->at + 8, r->swapped);
	uint64_t dropped = 0;
	bool counted = false;

	while (next_option(&o, r->swapped)) {
		if ((o.code != OPT_ISB_IFDROP && o.code != OPT_ISB_OSDROP) || o.length < 8)
			continue;
		dropped = add_saturated(dropped, tw_get64(o.value, r->swapped));
		counted = true;
	}
	if (iface >= r->count) {
		tw_source_problem(s, b->offset,
				  "statistics of interface %u, which is not described", iface);
		return;
	}
	if (!counted)
		return;
	r->ifaces[iface].dropped = dropped;
	s->info.has_drop_counters = true;
}

/* The drop counter that may stand among the options of an enhanced packet. */
static void take_packet_drops(struct tw_source *s, struct option o)
{
	struct reader *r = s->reader;

	while (next_option(&o, r->swapped)) {
		if (o.code != OPT_EPB_DROPCOUNT || o.length < 8)
			continue;
		r->dropped_by_frame =
			add_saturated(r->dropped_by_frame, tw_get64(o.value, r->swapped));
		s->info.has_drop_counters = true;
	}
}

static enum step put_frame(struct tw_source *s, const struct block *b, const struct iface *i,
			   struct tw_frame *f)
{
	struct reader *r = s->reader;

	f->number = ++s->number;
	f->offset = b->offset;
	f->linktype = i->linktype;
	f->iface = i->index;
	f->section = ((struct reader *)s->reader)->section;
	r->last_ns = f->time_ns;
	return STEP_FRAME;
}

/* An EPB or a PB: they differ in the first word only. */
static enum step take_packet(struct tw_source *s, const struct block *b, struct tw_frame *f)
{
	struct reader *r = s->reader;
	bool swapped = r->swapped, old = b->type == BLOCK_PB;
	uint32_t iface = old ? tw_get16(b->at + 8, swapped) : tw_get32(b->at + 8, swapped);
	uint32_t room = b->length - EPB_OVERHEAD;
	struct option o;

	f->caplen = tw_get32(b->at + 20, swapped);
	if (f->caplen > room || f->caplen > TW_CAPLEN_MAX) {
		tw_source_problem(
			s, b->offset,
			"a packet of %u captured bytes in a block that has room for %u; it "
			"is left out",
			f->caplen, room);
		return STEP_ON;
	}
	if (iface >= r->count) {
		tw_source_problem(
			s, b->offset,
			"a packet of interface %u, which is not described; it is left out", iface);
		return STEP_ON;
	}
	f->time_ns = time_of(&r->ifaces[iface], (uint64_t)tw_get32(b->at + 12, swapped) << 32 |
							tw_get32(b->at + 16, swapped));
	f->data = b->at + 28;
	f->len = tw_get32(b->at + 24, swapped);
	o.next = f->data + f->caplen;
	o.next += room - f->caplen < (-f->caplen & 3u) ? room - f->caplen : (-f->caplen & 3u);
	o.end = b->at + b->length - 4;
	if (!old) {
		take_packet_drops(s, o);
	} else if (tw_get16(b->at + 10, swapped) != 0xffff) { /* 0xffff: not known */
		r->dropped_by_frame =
			add_saturated(r->dropped_by_frame, tw_get16(b->at + 10, swapped));
		s->info.has_drop_counters = true;
	}
	return put_frame(s, b, &r->ifaces[iface], f);
}

/* Its captured length is not written down: the snaplen of interface 0 or the original length. */
static enum step take_simple_packet(struct tw_source *s, const struct block *b, struct tw_frame *f)
{
	struct reader *r = s->reader;
	uint32_t room = b->length - 16;

	if (!r->count) {
		tw_source_problem(s, b->offset,
				  "a packet, but no interface is described; it is left out");
		return STEP_ON;
	}
	f->len = f->caplen = tw_get32(b->at + 8, r->swapped);
	if (r->ifaces[0].snaplen && f->caplen > r->ifaces[0].snaplen)
		f->caplen = r->ifaces[0].snaplen;
	if (f->caplen > room || f->caplen > TW_CAPLEN_MAX) {
		tw_source_problem(
			s, b->offset,
			"a packet of %u captured bytes in a block that has room for %u; it "
			"is left out",
			f->caplen, room);
		return STEP_ON;
	}
	f->time_ns = r->last_ns;
	f->data = b->at + 12;
	return put_frame(s, b, &r->ifaces[0], f);
}

/* The smallest length of a block that we look into, 0 for the others. */
static uint32_t smallest_length(uint32_t type)
{
	switch (type) {
	case BLOCK_SHB:
		return 28;
	case BLOCK_IDB:
		return 20;
	case BLOCK_PB:
	case BLOCK_EPB:
		return EPB_OVERHEAD;
	case BLOCK_SPB:
		return 16;
	case BLOCK_ISB:
		return 24;
	default:
		return 0;
	}
}

/* Are @n bytes in the window, or may they be brought there? */
static enum step want(struct tw_source *s, size_t n, bool may_fill)
{
	if (tw_stream_available(s->stream) >= n)
		return STEP_ON;
	if (!may_fill)
		return STEP_WAIT;
	if (tw_stream_fill(s->stream, n))
		return STEP_ON;
	tw_source_out_of_data(s);
	return STEP_END;
}

/* Type and length of the block at hand; a section header changes the byte order first. */
static enum step take_block_header(struct tw_source *s, struct block *b, bool may_fill)
{
	struct reader *r = s->reader;
	enum step step = want(s, EMPTY_BLOCK, may_fill);
	const uint8_t *at = s->stream->at;

	if (step != STEP_ON)
		return step;
	b->offset = tw_stream_offset(s->stream);
	b->type = tw_get32(at, r->swapped);
	if (b->type == BLOCK_SHB) {
		if (tw_get32(at + 8, false) == ORDER_MAGIC) {
			r->swapped = false;
		} else if (tw_get32(at + 8, true) == ORDER_MAGIC) {
			r->swapped = true;
		} else {
			TW_SOURCE_DAMAGED(s, b->offset,
					  "a section without byte-order magic; reading ends here");
			return STEP_END;
		}
	}
	b->length = tw_get32(at + 4, r->swapped);
	if (b->length < EMPTY_BLOCK || b->length % 4 || b->length < smallest_length(b->type) ||
	    (smallest_length(b->type) && b->length > BLOCK_MAX)) {
		TW_SOURCE_DAMAGED(
			s, b->offset,
			"a block of type %u claims a length of %u bytes, which cannot be; "
			"reading ends here",
			b->type, b->length);
		return STEP_END;
	}
	return STEP_ON;
}

static enum step check_trailer(struct tw_source *s, const struct block *b, const uint8_t *trailer)
{
	struct reader *r = s->reader;
	uint32_t length = tw_get32(trailer, r->swapped);

	if (length == b->length)
		return STEP_ON;
	TW_SOURCE_DAMAGED(s, b->offset,
			  "a block of type %u has length %u at its beginning and %u at its end; "
			  "reading ends here",
			  b->type, b->length, length);
	return STEP_END;
}

/* Go on with the block that is being skipped. */
static enum step go_on_skipping(struct tw_source *s)
{
	struct reader *r = s->reader;
	struct tw_stream *st = s->stream;
	enum step step;

	r->skip_left = tw_stream_skip(st, r->skip_left);
	if (r->skip_left || !tw_stream_have(st, 4)) {
		bool whole = st->interrupted || st->fault[0];

		tw_source_out_of_data(s);
		if (!whole && !s->info.cut) {
			s->info.cut = true;
			tw_source_problem(s, r->skipped.offset,
					  "the file ends inside the block that begins here");
		}
		return STEP_END;
	}
	r->skipping = false;
	step = check_trailer(s, &r->skipped, st->at);
	if (step == STEP_ON)
		st->at += 4;
	if (r->skipped.type == BLOCK_JOURNAL || r->skipped.type == BLOCK_CUSTOM ||
	    r->skipped.type == BLOCK_CUSTOM_KEPT)
		s->number++;
	return step;
}

/* A block of no interest is dropped as it comes: it may be larger than any window. */
static enum step skip_block(struct tw_source *s, const struct block *b, bool may_fill)
{
	struct reader *r = s->reader;

	if (tw_stream_available(s->stream) < b->length && !may_fill)
		return STEP_WAIT;
	r->skipped = *b;
	r->skip_left = b->length - 4;
	r->skipping = true;
	return go_on_skipping(s);
}

/* One block of any type. */
static enum step block(struct tw_source *s, struct tw_frame *f, bool may_fill)
{
	struct reader *r = s->reader;
	struct block b;
	enum step step;

	if (r->skipping)
		return go_on_skipping(s);
	step = take_block_header(s, &b, may_fill);
	if (step != STEP_ON)
		return step;
	if (!smallest_length(b.type))
		return skip_block(s, &b, may_fill);
	step = want(s, b.length, may_fill);
	if (step != STEP_ON)
		return step;
	b.at = s->stream->at;
	step = check_trailer(s, &b, b.at + b.length - 4);
	if (step != STEP_ON)
		return step;
	s->stream->at += b.length;
	switch (b.type) {
	case BLOCK_SHB:
		begin_section(s, &b);
		break;
	case BLOCK_IDB:
		add_interface(s, &b);
		break;
	case BLOCK_ISB:
		take_statistics(s, &b);
		break;
	case BLOCK_SPB:
		return take_simple_packet(s, &b, f);
	default:
		return take_packet(s, &b, f);
	}
	return STEP_ON;
}

static unsigned next_frames(struct tw_source *s, struct tw_frame *frames)
{
	struct reader *r = s->reader;
	unsigned n = 0;

	while (n < TW_BATCH && !s->ended) {
		if (r->swapped)
			n += walk(s, frames + n, TW_BATCH - n, true);
		else
			n += walk(s, frames + n, TW_BATCH - n, false);
		if (n == TW_BATCH)
			break;
		switch (block(s, &frames[n], !n)) {
		case STEP_FRAME:
			n++;
			break;
		case STEP_ON:
			break;
		case STEP_WAIT:
		case STEP_END:
			return n;
		}
	}
	return n;
}

/* The counters of the interfaces and those beside packets tell of the same losses. */
static void refresh(struct tw_source *s)
{
	struct reader *r = s->reader;
	uint64_t dropped = r->dropped_before;
	uint32_t i;

	for (i = 0; i < r->count; i++)
		dropped = add_saturated(dropped, r->ifaces[i].dropped);
	s->info.capture_drops = dropped > r->dropped_by_frame ? dropped : r->dropped_by_frame;
}

static void destroy(struct tw_source *s)
{
	struct reader *r = s->reader;

	free(r->ifaces);
	free(r);
}

static int rewind_pcapng(struct tw_source *s)
{
	struct reader *r = s->reader;

	free(r->ifaces);
	memset(r, 0, sizeof(*r));
	return tw_stream_rewind(s->stream);
}

int tw_pcapng_begin(struct tw_source *s, struct tw_err *err)
{
	struct tw_frame none;

	if (tw_get32(s->stream->at, false) != BLOCK_SHB)
		return -EPROTO;
	s->info.format = "pcapng";
	s->reader = calloc(1, sizeof(struct reader));
	if (!s->reader)
		return tw_err_set(err, -ENOMEM, "%s: memory is out", s->name);
	s->next = next_frames;
	s->rewind = rewind_pcapng;
	s->refresh = refresh;
	s->destroy = destroy;
	if (block(s, &none, true) == STEP_ON && !s->ended)
		return 0;
	if (!s->ended)
		return tw_err_set(err, -EINTR, "%s: a signal came before the first packet",
				  s->name);
	if (s->info.cut)
		return tw_err_set(err, -EPROTO,
				  "%s ends at byte %zu, inside the header of a pcapng file",
				  s->name, tw_stream_available(s->stream));
	return tw_err_set(err, -EPROTO, "%s is not a capture file: %s", s->name,
			  s->problems[0].text);
}
