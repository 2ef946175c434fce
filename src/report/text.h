/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_TEXT_H
#define TW_REPORT_TEXT_H

#include "diagnose/session.h"
#include "report/style.h"

struct tw_text_options {
	struct tw_style style;
	int verbosity; /* -1: one line per group; 0; 1: all evidence, settings, references */
	bool story;    /* one connection: every packet, both ends, all facts */
};

/*
 * The report for a terminal. It collects the findings of one source, and writes at the end:
 * what was read, how many connections of which outcome, then the findings grouped by verdict
 * and endpoint, the worst first, with one worked example per group.
 */
struct tw_text;

/* NULL when memory is out. */
struct tw_text *tw_text_new(const struct tw_text_options *options);
/* A finding without its texts. False: it was counted, and the report will not work it out. True: it was
 * not, and tw_text_add() wants the whole. */
bool tw_text_sketch(struct tw_text *t, const struct tw_finding *f);
/* Takes ownership of @f. */
void tw_text_add(struct tw_text *t, struct tw_finding *f);
/* Write the report. Return: 0 or a negative errno (-ENOMEM, or the sink's). */
int tw_text_finish(struct tw_text *t, const struct tw_session_summary *s,
		   const struct tw_sink *sink);
void tw_text_free(struct tw_text *t);

#endif
