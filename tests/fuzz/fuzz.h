/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_FUZZ_H
#define TW_TESTS_FUZZ_H

/* What the fuzz targets share: a whole session over bytes, with all renderers, its output thrown away. */
#include "capture/reader.h"
#include "capture/source.h"
#include "diagnose/session.h"
#include "report/json.h"
#include "report/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_run {
	struct tw_text *text;
	uint64_t written;
};

static inline int fuzz_write(void *user, const char *bytes, size_t n)
{
	struct fuzz_run *run = user;

	run->written += n;
	return 0;
}

static inline bool fuzz_finding(void *user, struct tw_finding *f)
{
	struct fuzz_run *run = user;
	struct tw_sink sink = { .write = fuzz_write, .user = run };

	if (tw_json_finding(&sink, f))
		abort();
	tw_text_add(run->text, f);
	return true;
}

/* @pipe: as if the bytes came from a pipe, with the single look. */
static inline void fuzz_session(const uint8_t *data, size_t size, bool pipe)
{
	struct fuzz_run run = { 0 };
	struct tw_text_options options = { .style = { .width = 80 }, .verbosity = 1 };
	struct tw_session_config config = {
		.memory_bytes = 16 << 20,
		.all = true,
		.want_steps = true,
		.finding = fuzz_finding,
		.user = &run,
	};
	struct tw_sink sink = { .write = fuzz_write, .user = &run };
	struct tw_session_summary summary;
	struct tw_source *src;
	struct tw_err err;

	if (tw_source_open_memory(&src, data, size, &err))
		return;
	if (pipe)
		src->can_rewind = false;
	run.text = tw_text_new(&options);
	if (!run.text)
		abort();
	if (!tw_session_run(src, &config, &summary, &err)) {
		/* Nothing is lost and nothing counted twice. */
		if (summary.connections !=
		    summary.clean + summary.failed + summary.degraded + summary.unknown)
			abort();
		if (tw_json_summary(&sink, &summary) || tw_text_finish(run.text, &summary, &sink))
			abort();
	}
	tw_session_summary_free(&summary);
	tw_text_free(run.text);
	tw_source_close(src);
}

#endif
