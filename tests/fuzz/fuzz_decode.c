/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of any link type through the decoder. Input: the link type (2 bytes, little endian), then
 * frames, each after its length (2 bytes); several, so that fragments can meet.
 */
#include "fuzz.h"

#include "packet/decode.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tw_decoder *decoder = tw_decoder_new();
	struct tw_frame f = { 0 };
	struct tw_segment s;

	if (!decoder)
		abort();
	if (size >= 2) {
		f.linktype = (uint16_t)(data[0] | data[1] << 8);
		data += 2;
		size -= 2;
	}
	while (size > 2) {
		size_t length = data[0] | (size_t)data[1] << 8;
		uint8_t *exact;

		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		/* A buffer of just this size: a read past the frame is seen. */
		exact = malloc(length ? length : 1);
		if (!exact)
			abort();
		memcpy(exact, data, length);
		f.data = exact;
		f.caplen = (uint32_t)length;
		f.len = (uint32_t)length + (f.number % 3 == 2 ? 100 : 0);
		f.number++;
		f.time_ns += 1000;
		memset(&s, 0, sizeof(s));
		if (tw_decode(decoder, &f, &s) != TW_SEG_OTHER)
			tw_decode_detail(decoder, &f, &s);
		free(exact);
		data += length;
		size -= length;
	}
	tw_decoder_free(decoder);
	return 0;
}
