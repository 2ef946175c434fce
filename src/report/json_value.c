/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The values that the JSON of all commands is made of, and how a line of it is written. A double
 * holds 15 decimal digits exactly, so nanoseconds of a connection that lasts up to eleven days come
 * out as they are in the capture (0.000213, never 0.00021299999999999999).
 */
#include "report/json_value.h"

#include "base/duration.h"
#include "report/style.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 15

json_t *tw_json_text(const char *s)
{
	struct tw_string clean = { 0 };
	json_t *j;

	if (!s)
		return json_null();
	j = json_string(s);
	if (j)
		return j;
	tw_utf8_clean(&clean, s, strlen(s));
	j = clean.failed ? NULL : json_string(tw_string_text(&clean));
	tw_string_free(&clean);
	return j;
}

json_t *tw_json_seconds(int64_t ns)
{
	return json_real((double)ns / (double)TW_NS_PER_S);
}

json_t *tw_json_moment(struct tw_moment at)
{
	return json_pack("{s:o, s:o, s:o}", "expected", tw_json_seconds(at.expected_ns), "least",
			 tw_json_seconds(at.least_ns), "most", tw_json_seconds(at.most_ns));
}

int tw_json_line(const struct tw_sink *sink, json_t *o)
{
	char *line =
		o ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(DIGITS))
		  : NULL;
	int r = line ? tw_sink_write(sink, line, strlen(line)) : -ENOMEM;

	if (!r)
		r = tw_sink_write(sink, "\n", 1);
	free(line);
	json_decref(o);
	return r;
}
