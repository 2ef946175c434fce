/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `tcpwhy explain`: the catalogue as a book, from the same texts as the reports.
 */
#include "report/explain.h"
#include "base/suggest.h"
#include "cli/command.h"

#include <errno.h>
#include <string.h>

static int write_stdout(void *user, const char *bytes, size_t n)
{
	return fwrite(bytes, 1, n, stdout) == n ? 0 : -errno;
}

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
	const struct tw_sink sink = { .write = write_stdout };
	const struct tw_style style = { .color = tw_use_color(a->color),
					.width = tw_use_width(a->width) };
	const char *slug = a->word_count ? a->words[0] : NULL;
	const struct tw_phenomenon *ph = slug ? tw_phenomenon_find(slug) : NULL;
	const struct tw_remark *remark = slug ? find_remark(slug) : NULL;
	int r;

	if (a->word_count > 1)
		return tw_complain("explain shows one page at a time");
	if (!slug)
		r = tw_explain_list(&sink, &style, tw_catalogue, tw_catalogue_count, tw_remarks);
	else if (ph)
		r = tw_explain_page(&sink, &style, ph);
	else if (remark)
		r = tw_explain_remark(&sink, &style, remark);
	else
		return unknown_page(slug);
	if (r == -EPIPE)
		return TW_EXIT_CLEAN;
	if (r)
		return tw_complain("cannot write to standard output: %s", strerror(-r));
	return tw_finish_output(TW_EXIT_CLEAN);
}

int tw_command_explain(int argc, char **argv)
{
	struct tw_arguments a;
	struct tw_err err = { 0 };
	int status;

	if (tw_arguments_parse(&a, TW_CMD_EXPLAIN, argc, argv, 1, &err)) {
		status = tw_complain("%s", err.text);
	} else if (a.help) {
		tw_command_help(stdout, tw_command_find("explain"));
		status = tw_finish_output(TW_EXIT_CLEAN);
	} else if (a.version) {
		puts("tcpwhy " TW_VERSION);
		status = tw_finish_output(TW_EXIT_CLEAN);
	} else {
		status = explain(&a);
	}
	tw_arguments_free(&a);
	return status;
}
