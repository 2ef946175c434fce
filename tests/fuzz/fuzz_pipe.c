/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes from a pipe: the single look. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_session(data, size, true);
	return 0;
}
