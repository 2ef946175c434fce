/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CAPTURE_WRITER_H
#define TW_CAPTURE_WRITER_H

#include "base/err.h"
#include "packet/frame.h"

/* pcapng with nanosecond times; interfaces are made as link types are met. "-" is standard output. */
struct tw_writer;

int tw_writer_open(struct tw_writer **out, const char *path, struct tw_err *err);
/* @comment (may be NULL) becomes the packet's opt_comment. 0, or -errno with a sentence (disk full ...). */
int tw_writer_frame(struct tw_writer *w, const struct tw_frame *f, const char *comment,
		    struct tw_err *err);
/* Begin a section: the times of what follows may be earlier than those of what was written. */
void tw_writer_section(struct tw_writer *w);
/* What was written so far is in the file. 0, or -errno with a sentence. */
int tw_writer_flush(struct tw_writer *w, struct tw_err *err);
/* Flushes; reports what could not be written. Always frees @w. */
int tw_writer_close(struct tw_writer *w, struct tw_err *err);

#endif
