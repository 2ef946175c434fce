/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_DIAGNOSE_KEEP_H
#define TW_DIAGNOSE_KEEP_H

#include "capture/writer.h"
#include "diagnose/finding.h"
#include "packet/frame.h"

/*
 * Copies of the packets of connections that have not failed yet, for -w on a source that cannot be read
 * twice. Together they stay below a ceiling: the oldest go first, the start of a connection last.
 */
struct tw_keep;
/* The packets of one connection; NULL is an empty one. */
struct tw_kept;

/* NULL: no memory. It must outlive every tw_kept that was not released. */
struct tw_keep *tw_keep_new(size_t bytes);
void tw_keep_free(struct tw_keep *k); /* NULL is fine */

/* Copy @f to the end of @kept (made if NULL). -ENOMEM. */
int tw_keep_add(struct tw_keep *k, struct tw_kept **kept, const struct tw_frame *f);

/* Out of the ceiling's reach: it stays as it is until it is freed. NULL is fine. */
void tw_kept_release(struct tw_kept *kept);
void tw_kept_free(struct tw_kept *kept); /* NULL is fine */

/* Write all of @f->kept as a section. The first packet's comment is the finding, what the evidence cites has
 * "tcpwhy: <verdict>: <evidence>". 0, or a negative errno with a sentence. */
int tw_kept_write(const struct tw_finding *f, struct tw_writer *w, struct tw_err *err);

#endif
