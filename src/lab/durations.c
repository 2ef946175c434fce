/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long each scenario took when tools/durations ran them last; durations.def is written by it.
 */
#include "lab/durations.h"

#include "base/duration.h"

#include <stddef.h>
#include <string.h>

#define DURATION(slug, name, ms) { slug, name, INT64_C(ms) * TW_NS_PER_MS },
const struct tw_typical tw_typicals[] = {
#include "lab/durations.def"
	{ NULL, NULL, 0 },
};
#undef DURATION

int64_t tw_typical_ns(const char *slug, const char *name)
{
	const struct tw_typical *t;

	for (t = tw_typicals; t->slug; t++)
		if (strcmp(t->slug, slug) == 0 && strcmp(t->name, name) == 0)
			return t->ns;
	return -1;
}
