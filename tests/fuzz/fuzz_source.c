/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer target: any bytes as a capture, through the reader and the decoder, twice.
 *
 * Every byte of every frame is touched, so that a frame that points outside its window is seen. The
 * second look, after a rewind, must find what the first one found: a report takes the details of
 * a packet from it by its number.
 */
#include "capture/source.h"
#include "packet/decode.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct look {
	uint64_t frames, bytes, last_number, problems;
	int64_t times;
};

static void look_at(const struct tw_frame *f, struct tw_decoder *d, struct look *look)
{
	struct tw_segment segment;
	uint32_t i;

	memset(&segment, 0, sizeof(segment));
	for (i = 0; i < f->caplen; i++)
		look->bytes += f->data[i];
	look->times ^= f->time_ns;
	if (f->number <= look->last_number)
		abort();
	look->last_number = f->number;
	if (f->time_ns > INT64_C(1) << 62 || f->time_ns < -(INT64_C(1) << 62))
		abort();
	if (tw_decode(d, f, &segment) != segment.kind)
		abort();
	tw_decode_detail(d, f, &segment);
}

static struct look look_through(struct tw_source *s)
{
	struct tw_decoder *d = tw_decoder_new();
	struct tw_frame frames[TW_BATCH];
	struct look look = { 0 };
	unsigned n, i;

	if (!d)
		abort();
	while ((n = tw_source_next(s, frames)) != 0) {
		if (n > TW_BATCH)
			abort();
		for (i = 0; i < n; i++)
			look_at(&frames[i], d, &look);
		look.frames += n;
	}
	look.problems = tw_source_info(s)->problems_total;
	if (tw_source_info(s)->frames != look.frames)
		abort();
	tw_decoder_free(d);
	return look;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct look first, second;
	struct tw_err err = { 0 };
	struct tw_source *s;

	if (tw_source_open_memory(&s, data, size, &err)) {
		if (!err.code || !err.text[0])
			abort();
		return 0;
	}
	first = look_through(s);
	if (tw_source_rewind(s))
		abort();
	second = look_through(s);
	if (first.frames != second.frames || first.bytes != second.bytes ||
	    first.times != second.times || first.problems != second.problems ||
	    first.last_number != second.last_number)
		abort();
	tw_source_close(s);
	return 0;
}
