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

/*
 * Is there anything in @line that a terminal obeys: C1 controls (U+0080 to U+009F), or what turns the direction of
 * writing (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069)? Below U+0020 JSON has no raw characters anyway.
 */
static bool commands_terminals(const char *line)
{
	const unsigned char *p;

	for (p = (const unsigned char *)line; *p; p++) {
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			return true;
		if (p[0] == 0xe2 && p[1] == 0x80 &&
		    (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae)))
			return true;
		if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
			return true;
	}
	return false;
}

int tw_json_line(const struct tw_sink *sink, json_t *o)
{
	const size_t form = JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(DIGITS);
	char *line = o ? json_dumps(o, form) : NULL;
	int r;

	if (line &&
	    commands_terminals(line)) { /* a file's name, a comment: it is there, as an escape */
		free(line);
		line = json_dumps(o, form | JSON_ENSURE_ASCII);
	}
	r = line ? tw_sink_write(sink, line, strlen(line)) : -ENOMEM;

	if (!r)
		r = tw_sink_write(sink, "\n", 1);
	free(line);
	json_decref(o);
	return r;
}

int tw_json_file(const char *path, const json_t *o)
{
	const size_t flags = JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(DIGITS);

	return json_dump_file(o, path, flags) ? -EIO : 0;
}
