/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_DURATIONS_H
#define TW_LAB_DURATIONS_H

#include <stdint.h>

/*
 * How long scenarios take: durations.def, measured (tools/durations) and compiled in. A
 * scenario that has not been measured since it was written is not there.
 */
struct tw_typical {
	const char *slug, *name;
	int64_t ns; /* of its longest variant */
};
extern const struct tw_typical tw_typicals[]; /* ends with a NULL slug */

/* -1: not measured. */
int64_t tw_typical_ns(const char *slug, const char *name);

#endif
