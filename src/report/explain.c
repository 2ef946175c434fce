/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The book: the texts that each phenomenon carries, set in pages. The same texts stand in
 * tcpwhy-phenomena(7) and, in part, in every report.
 */
#include "report/explain.h"

#include <string.h>

#define INDENT      2
#define SLUG_COLUMN 28

static void heading(struct tw_pen *p, const char *text)
{
	tw_pen_newline(p);
	tw_pen_put(p, TW_ROLE_STRONG, "%s", text);
	tw_pen_newline(p);
}

/* ---- the table of contents ---- */

static const char *stage_heading(enum tw_stage s)
{
	switch (s) {
	case TW_STAGE_CONNECT:
		return "Connecting";
	case TW_STAGE_ESTABLISHED:
		return "Established";
	case TW_STAGE_TEARDOWN:
		return "Closing";
	case TW_STAGE_MANY:
		break;
	}
	return "Over many connections";
}

static void entry(struct tw_pen *p, const char *slug, const char *text)
{
	tw_pen_column(p, INDENT);
	tw_pen_put(p, TW_ROLE_PLAIN, "%s", slug);
	tw_pen_column(p, SLUG_COLUMN);
	tw_pen_wrap(p, SLUG_COLUMN, TW_ROLE_FAINT, "%s", text);
	tw_pen_newline(p);
}

static void stage_list(struct tw_pen *p, enum tw_stage stage,
		       const struct tw_phenomenon *const *list, unsigned count)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < count; i++) {
		if (list[i]->stage != stage)
			continue;
		if (!any)
			heading(p, stage_heading(stage));
		any = true;
		entry(p, list[i]->slug, list[i]->title);
	}
}

int tw_explain_list(const struct tw_sink *sink, const struct tw_style *style,
		    const struct tw_phenomenon *const *list, unsigned count,
		    const struct tw_remark *remarks)
{
	enum tw_stage stage;
	struct tw_pen p;

	tw_pen_init(&p, sink, style);
	tw_pen_put(&p, TW_ROLE_PLAIN,
		   "The ways in which a TCP connection goes wrong. One of them in full:");
	tw_pen_newline(&p);
	tw_pen_put(&p, TW_ROLE_STRONG, "tcpwhy explain SLUG");
	tw_pen_newline(&p);
	for (stage = TW_STAGE_CONNECT; stage <= TW_STAGE_MANY; stage++)
		stage_list(&p, stage, list, count);
	if (remarks && remarks->slug)
		heading(&p, "Remarks: worth knowing, but wrong with nobody");
	for (; remarks && remarks->slug; remarks++)
		entry(&p, remarks->slug, remarks->text);
	return tw_pen_finish(&p);
}

/* ---- a page ---- */

static void section(struct tw_pen *p, const char *title, const char *text)
{
	if (!text || !*text)
		return;
	heading(p, title);
	tw_pen_paragraphs(p, INDENT, TW_ROLE_PLAIN, text);
}

/* Line by line as it stands: a drawing is not wrapped. */
static void drawing(struct tw_pen *p, const char *text)
{
	unsigned indent = p->style.width > 76 ? 4 : 1;

	if (!text || !*text)
		return;
	tw_pen_newline(p);
	while (*text) {
		size_t n = strcspn(text, "\n");

		tw_pen_column(p, indent);
		tw_pen_put_n(p, TW_ROLE_FAINT, text, n);
		tw_pen_newline(p);
		text += n + (text[n] == '\n');
	}
}

static void governed(struct tw_pen *p, const struct tw_governed *g)
{
	if (!g || !g->name)
		return;
	heading(p, "What governs it");
	for (; g->name; g++) {
		tw_pen_column(p, INDENT);
		tw_pen_put(p, TW_ROLE_STRONG, "%s", g->name);
		tw_pen_newline(p);
		tw_pen_column(p, INDENT + 4);
		tw_pen_wrap(p, INDENT + 4, TW_ROLE_PLAIN, "%s", g->meaning);
		tw_pen_newline(p);
	}
}

static void items(struct tw_pen *p, const char *title, const char *const *list)
{
	if (!list || !*list)
		return;
	heading(p, title);
	for (; *list; list++) {
		tw_pen_column(p, INDENT);
		tw_pen_put(p, TW_ROLE_FAINT, "-");
		tw_pen_wrap(p, INDENT + 2, TW_ROLE_PLAIN, " %s", *list);
		tw_pen_newline(p);
	}
}

/* The letters of the catalogue, in words. */
static void evidence_kinds(struct tw_pen *p, const struct tw_phenomenon *ph)
{
	static const struct {
		char letter;
		const char *text;
	} kinds[] = {
		{ 'W', "the packets of a capture" },
		{ 'K', "events and state of the kernel" },
		{ 'P', "a host's settings, in advance" },
	};
	bool any = false;
	unsigned i;

	for (i = 0; ph->reproduced && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strchr(ph->reproduced, kinds[i].letter))
			continue;
		if (!any)
			heading(p, "What can show it");
		tw_pen_column(p, INDENT);
		tw_pen_put(p, TW_ROLE_FAINT, "-");
		tw_pen_wrap(p, INDENT + 2, TW_ROLE_PLAIN, " %s", kinds[i].text);
		tw_pen_newline(p);
		any = true;
	}
}

int tw_explain_page(const struct tw_sink *sink, const struct tw_style *style,
		    const struct tw_phenomenon *ph)
{
	struct tw_pen p;

	tw_pen_init(&p, sink, style);
	tw_pen_put(&p, TW_ROLE_STRONG, "%s", ph->slug);
	tw_pen_wrap(&p, INDENT, TW_ROLE_PLAIN, ": %s", ph->title);
	tw_pen_wrap(&p, INDENT, TW_ROLE_FAINT, " (%s)", tw_stage_name(ph->stage));
	tw_pen_newline(&p);
	drawing(&p, ph->diagram);
	section(&p, "What happens", ph->happens);
	section(&p, "The client sees", ph->client_sees);
	section(&p, "The server sees", ph->server_sees);
	section(&p, "How it is told", ph->recognise);
	governed(&p, ph->governed);
	items(&p, "What to do", ph->remedies);
	section(&p, "What people believe", ph->folklore);
	items(&p, "References", ph->references);
	evidence_kinds(&p, ph);
	return tw_pen_finish(&p);
}

int tw_explain_remark(const struct tw_sink *sink, const struct tw_style *style,
		      const struct tw_remark *remark)
{
	struct tw_pen p;

	tw_pen_init(&p, sink, style);
	tw_pen_put(&p, TW_ROLE_STRONG, "%s", remark->slug);
	tw_pen_put(&p, TW_ROLE_FAINT, " (a remark on a connection that did not fail)");
	tw_pen_newline(&p);
	tw_pen_newline(&p);
	tw_pen_column(&p, INDENT);
	tw_pen_wrap(&p, INDENT, TW_ROLE_PLAIN, "%s", remark->text);
	tw_pen_newline(&p);
	return tw_pen_finish(&p);
}
