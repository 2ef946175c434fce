/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a capture file: reader, decoder, two looks, matchers, renderers. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_session(data, size, false);
	return 0;
}
