/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a scenario script, and what is told of it. */
#include "fuzz.h"
#include "lab/script.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), out[TW_EXPECT_TEXT];
	struct tw_script script;
	struct tw_err err = { 0 };
	unsigned i;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (tw_script_parse(&script, text, &err)) {
		if (strncmp(err.text, "line ", 5) != 0)
			abort();
	} else {
		for (i = 0; i < script.count; i++)
			if (!*tw_expect_text(out, &script.statements[i].expect))
				abort();
		tw_script_free(&script);
	}
	free(text);
	return 0;
}
