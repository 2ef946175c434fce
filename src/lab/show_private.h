/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_SHOW_PRIVATE_H
#define TW_LAB_SHOW_PRIVATE_H

#include "base/duration.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* What the files of the printing share: reading a record without trusting it. */

/* A string of an object; "" if there is none. */
static inline const char *tw_show_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static inline bool tw_show_is(const json_t *o, const char *key, const char *value)
{
	return strcmp(tw_show_text(o, key), value) == 0;
}

/* Seconds of a record as nanoseconds, at most 292 years. */
static inline int64_t tw_show_ns(const json_t *seconds)
{
	double ns = json_number_value(seconds) * 1e9;

	if (!(ns > -9e18 && ns < 9e18))
		return INT64_MAX;
	return (int64_t)(ns + (ns < 0 ? -0.5 : 0.5));
}

#endif
