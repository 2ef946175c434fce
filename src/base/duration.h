/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_BASE_DURATION_H
#define TW_BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

#define TW_NS_PER_US INT64_C(1000)
#define TW_NS_PER_MS INT64_C(1000000)
#define TW_NS_PER_S  INT64_C(1000000000)

/* A buffer large enough for any duration text. */
#define TW_DURATION_TEXT 32
/*
 * A duration for a person, three significant digits and a unit: "213 us", "1.02 s", "15 min 38 s".
 * Writes to @out (TW_DURATION_TEXT bytes) and returns it.
 */
const char *tw_duration_text(char *out, int64_t ns);
/* The same as an expression: the buffer lives to the end of the enclosing block. */
#define TW_DUR(ns) tw_duration_text((char[TW_DURATION_TEXT]){ 0 }, (ns))

#endif
