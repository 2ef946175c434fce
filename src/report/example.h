/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_EXAMPLE_H
#define TW_REPORT_EXAMPLE_H

#include "report/group.h"
#include "report/style.h"

enum tw_example_size {
	TW_EXAMPLE_BRIEF,  /* among many: the essential, a short drawing */
	TW_EXAMPLE_NORMAL, /* a screen */
	TW_EXAMPLE_FULL,   /* -v: everything that was found out */
	TW_EXAMPLE_STORY,  /* --stream: and every packet, with window and TTL */
};

/* A group: its headline, and its example worked out. */
void tw_example_write(struct tw_pen *p, const struct tw_group *g, enum tw_example_size size);
/* The same in one line, no longer than the width. */
void tw_example_line(struct tw_pen *p, const struct tw_group *g);
enum tw_role tw_example_role(enum tw_outcome o);

/*
 * What the whole story adds to the full example: both ends in numbers, and the known facts;
 * those that say "none" or "no" are only counted, or with @all named.
 */
void tw_story_write(struct tw_pen *p, const struct tw_finding *f, bool all);

/*
 * A labelled row: @label (NULL: none) in the label column; the caller goes on at column
 * TW_ROW_TEXT.
 */
#define TW_ROW_TEXT 14
void tw_row_begin(struct tw_pen *p, const char *label);

#endif
