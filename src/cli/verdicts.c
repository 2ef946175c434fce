/* SPDX-License-Identifier: BSD-2-Clause */
/* The argument of --verdict: which findings are wanted. */
#include "cli/verdicts.h"

#include "base/suggest.h"
#include "cli/command.h"
#include "phenomena/phenomenon.h"

#include <stdlib.h>
#include <string.h>

static const char *const no_phenomena[] = { "clean", "unknown" };

static bool is_verdict(const char *slug)
{
	return tw_phenomenon_find(slug) || strcmp(slug, no_phenomena[0]) == 0 ||
	       strcmp(slug, no_phenomena[1]) == 0;
}

static int unknown_verdict(const char *slug)
{
	struct tw_suggestion s = { .typed = slug };
	unsigned i;

	for (i = 0; i < tw_catalogue_count; i++)
		tw_suggest_offer(&s, tw_catalogue[i]->slug);
	for (i = 0; i < sizeof(no_phenomena) / sizeof(no_phenomena[0]); i++)
		tw_suggest_offer(&s, no_phenomena[i]);
	if (s.best)
		return tw_complain("unknown verdict '%s'; did you mean %s?", slug, s.best);
	return tw_complain("unknown verdict '%s'; `tcpwhy explain` lists them", slug);
}

int tw_verdicts_check(const char *list)
{
	char *copy = strdup(list), *rest = copy, *slug;
	int status = copy ? 0 : tw_complain("out of memory");

	while (!status && (slug = strsep(&rest, ",")))
		if (!is_verdict(slug))
			status = unknown_verdict(slug);
	free(copy);
	return status;
}

bool tw_verdicts_name(const char *list, const char *verdict)
{
	const size_t n = strlen(verdict);
	const char *at = list;

	while (at && *at) {
		const size_t length = strcspn(at, ",");

		if (length == n && strncmp(at, verdict, n) == 0)
			return true;
		at += length + (at[length] == ',');
	}
	return false;
}

bool tw_verdicts_want(const char *list, const char *verdict)
{
	return !list || tw_verdicts_name(list, verdict);
}
