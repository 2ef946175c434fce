/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tcpwhy explain`: the catalogue as a book, from the same texts as the reports.
 */
#include "report/explain.h"
#include "base/suggest.h"
#include "cli/command.h"

#include <string.h>

static const struct tw_remark *find_remark(const char *slug)
{
	const struct tw_remark *r;

	for (r = tw_remarks; r->slug; r++)
		if (strcmp(r->slug, slug) == 0)
			return r;
	return NULL;
}

static int unknown_page(const char *slug)
{
	struct tw_suggestion s = { .typed = slug };
	const struct tw_remark *r;
	unsigned i;

	for (i = 0; i < tw_catalogue_count; i++)
		tw_suggest_offer(&s, tw_catalogue[i]->slug);
	for (r = tw_remarks; r->slug; r++)
		tw_suggest_offer(&s, r->slug);
	if (s.best)
		return tw_complain("there is no page '%s'; did you mean %s?", slug, s.best);
	return tw_complain("there is no page '%s'; `tcpwhy explain` lists them", slug);
}

static int explain(const struct tw_arguments *a)
{
	const struct tw_style style = tw_use_style(a);
	const char *slug = a->word_count ? a->words[0] : NULL;
	const struct tw_phenomenon *ph = slug ? tw_phenomenon_find(slug) : NULL;
	const struct tw_remark *remark = slug ? find_remark(slug) : NULL;
	int r;

	if (a->word_count > 1)
		return tw_complain("explain shows one page at a time");
	if (!slug)
		r = tw_explain_list(&tw_stdout, &style, tw_catalogue, tw_catalogue_count,
				    tw_remarks);
	else if (ph)
		r = tw_explain_page(&tw_stdout, &style, ph);
	else if (remark)
		r = tw_explain_remark(&tw_stdout, &style, remark);
	else
		return unknown_page(slug);
	return tw_end_output(r, TW_EXIT_CLEAN);
}

int tw_command_explain(int argc, char **argv)
{
	return tw_command_main("explain", TW_CMD_EXPLAIN, argc, argv, 1, explain);
}
