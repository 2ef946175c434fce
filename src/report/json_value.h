/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_JSON_VALUE_H
#define TW_REPORT_JSON_VALUE_H

#include "report/sink.h"
#include "timers/schedule.h"

#include <jansson.h>
#include <stdint.h>

/* New references, owned by the caller; NULL when memory is out. */

/* Any text: NULL becomes null, bytes that are not UTF-8 become U+FFFD. */
json_t *tw_json_text(const char *s);
json_t *tw_json_seconds(int64_t ns);
/* {"expected": S, "least": S, "most": S} */
json_t *tw_json_moment(struct tw_moment at);

/*
 * One line (JSON Lines), keys in the order in which they were set. Gives @o up. Return: 0, -ENOMEM
 * (also for NULL), or the sink's error.
 */
int tw_json_line(const struct tw_sink *sink, json_t *o);
/* A file of its own, indented, of the same numbers. @o stays the caller's. 0, or -EIO. */
int tw_json_file(const char *path, const json_t *o);

#endif
