/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One group of findings, told by its best example. The order is that of a person's questions: what
 * was it and how sure is that; what happened on the wire; what proves it; what did the programs see; which
 * setting governs it; what to do; what else could it be.
 */
#include "report/example.h"

#include "base/duration.h"
#include "report/diagram.h"
#include "report/words.h"

#include <stdio.h>
#include <string.h>

/* How much of each list a size shows. */
struct limits {
	unsigned rows, evidence, governed, remedies, rivals, ruled_out;
};

static const struct limits limits[] = {
	[TW_EXAMPLE_BRIEF] = { .rows = 6,
			       .evidence = 2,
			       .governed = 1,
			       .remedies = 1,
			       .rivals = 2,
			       .ruled_out = 0 },
	[TW_EXAMPLE_NORMAL] = { .rows = 10,
				.evidence = 4,
				.governed = 2,
				.remedies = 2,
				.rivals = 3,
				.ruled_out = 2 },
	[TW_EXAMPLE_FULL] = { .rows = 40,
			      .evidence = ~0u,
			      .governed = ~0u,
			      .remedies = ~0u,
			      .rivals = ~0u,
			      .ruled_out = ~0u },
	[TW_EXAMPLE_STORY] = { .rows = 0,
			       .evidence = ~0u,
			       .governed = ~0u,
			       .remedies = ~0u,
			       .rivals = ~0u,
			       .ruled_out = ~0u },
};

enum tw_role tw_example_role(enum tw_outcome o)
{
	static const enum tw_role roles[] = {
		[TW_OUTCOME_CLEAN] = TW_ROLE_GOOD,
		[TW_OUTCOME_UNKNOWN] = TW_ROLE_WARN,
		[TW_OUTCOME_DEGRADED] = TW_ROLE_WARN,
		[TW_OUTCOME_FAILED] = TW_ROLE_BAD,
	};

	return roles[o];
}

static const char *outcome_word(enum tw_outcome o)
{
	static const char *const words[] = {
		[TW_OUTCOME_CLEAN] = "CLEAN",
		[TW_OUTCOME_UNKNOWN] = "UNKNOWN",
		[TW_OUTCOME_DEGRADED] = "DEGRADED",
		[TW_OUTCOME_FAILED] = "FAILED",
	};

	return words[o];
}

void tw_row_begin(struct tw_pen *p, const char *label)
{
	if (label) {
		tw_pen_column(p, 2);
		tw_pen_put(p, TW_ROLE_FAINT, "%s", label);
	}
	tw_pen_column(p, TW_ROW_TEXT);
}

/* ---- headline ---- */

static const char *title_of(const struct tw_finding *f)
{
	if (f->phenomenon)
		return f->phenomenon->title;
	return f->match.outcome == TW_OUTCOME_CLEAN ? "Nothing went wrong"
						    : "The capture does not tell why";
}

static void add_server(struct tw_string *s, const struct tw_group *g)
{
	char text[TW_ENDPOINT_TEXT], number[TW_WORDS_TEXT];

	if (g->scope == TW_GROUP_ENDPOINT)
		tw_string_printf(s, "%s", g->example->server);
	else if (g->scope == TW_GROUP_HOST)
		tw_string_printf(s, "%s (%s%s)", tw_addr_text(text, &g->server),
				 g->more_members ? "at least " : "",
				 tw_words_counted(number, g->members, "port"));
	else
		tw_string_printf(s, "%s%s", g->more_members ? "at least " : "",
				 tw_words_counted(number, g->members, "server endpoint"));
}

static void add_streams(struct tw_string *s, const struct tw_group *g)
{
	unsigned i;

	tw_string_printf(s, "%s ", g->count == 1 ? "stream" : "streams");
	for (i = 0; i < g->stream_count; i++)
		tw_string_printf(s, "%s%llu", i ? "," : "", (unsigned long long)g->streams[i]);
	if (g->count > g->stream_count)
		tw_string_printf(s, ",...");
}

/* "3 connections to 192.0.2.2:80 from 2 clients, streams 3,5,9, lasting 101 us to 213 us" */
static void add_scope(struct tw_string *s, const struct tw_group *g)
{
	char number[TW_WORDS_TEXT], text[TW_ENDPOINT_TEXT];
	const struct tw_finding *f = g->example;

	if (g->count == 1) {
		add_streams(s, g);
		tw_string_printf(s, ": %s -> %s, %s", f->client, f->server, TW_DUR(f->duration_ns));
		return;
	}
	tw_string_printf(s, "%s to ", tw_words_counted(number, g->count, "connection"));
	add_server(s, g);
	if (g->client_count == 1 && !g->more_clients)
		tw_string_printf(s, " from %s", tw_addr_text(text, &g->clients[0]));
	else
		tw_string_printf(s, " from %s%u clients", g->more_clients ? "more than " : "",
				 g->client_count);
	tw_string_printf(s, ", ");
	add_streams(s, g);
	if (strcmp(TW_DUR(g->duration_min_ns), TW_DUR(g->duration_max_ns)))
		tw_string_printf(s, ", %s to %s", TW_DUR(g->duration_min_ns),
				 TW_DUR(g->duration_max_ns));
	else
		tw_string_printf(s, ", %s each", TW_DUR(g->duration_min_ns));
}

static void headline(struct tw_pen *p, const struct tw_group *g)
{
	const struct tw_finding *f = g->example;
	const char *word = outcome_word(g->outcome);
	unsigned indent = (unsigned)strlen(word) + 2;
	struct tw_string scope = { 0 };

	tw_pen_put(p, tw_example_role(g->outcome), "%s", word);
	tw_pen_column(p, indent);
	if (f->phenomenon)
		tw_pen_wrap(p, indent, TW_ROLE_STRONG, "%s:", f->verdict);
	tw_pen_wrap(p, indent, TW_ROLE_STRONG, f->phenomenon ? " %s" : "%s", title_of(f));
	if (f->phenomenon)
		tw_pen_wrap(p, indent,
			    f->match.confidence == TW_CERTAIN ? TW_ROLE_GOOD : TW_ROLE_WARN,
			    " (%s)", tw_words_confidence(TW_WORDS, &f->match));
	tw_pen_newline(p);
	add_scope(&scope, g);
	tw_pen_column(p, indent);
	tw_pen_wrap(p, indent, TW_ROLE_PLAIN, "%s", tw_string_text(&scope));
	tw_pen_newline(p);
	tw_string_free(&scope);
	if (g->count > 1) {
		tw_pen_column(p, indent);
		tw_pen_wrap(p, indent, TW_ROLE_FAINT, "for example stream %llu: %s -> %s, %s",
			    (unsigned long long)f->stream, f->client, f->server,
			    TW_DUR(f->duration_ns));
		tw_pen_newline(p);
	}
}

void tw_example_line(struct tw_pen *p, const struct tw_group *g)
{
	struct tw_string server = { 0 }, rest = { 0 };
	unsigned width = p->style.width;
	char number[TW_WORDS_TEXT];

	tw_pen_put(p, tw_example_role(g->outcome), "%s", tw_outcome_name(g->outcome));
	tw_pen_column(p, 9);
	tw_pen_clip(p, TW_ROLE_STRONG, 24, g->verdict);
	tw_pen_column(p, 34);
	add_server(&server, g);
	tw_string_printf(&rest, "%sx ", tw_words_count(number, g->count));
	add_streams(&rest, g);
	tw_pen_clip(p, TW_ROLE_PLAIN,
		    width - 34 - 2 - (rest.length < 24 ? (unsigned)rest.length : 24),
		    tw_string_text(&server));
	tw_pen_column(p, p->column + 2);
	if (p->column < 57 && width >= 80)
		tw_pen_column(p, 57);
	tw_pen_clip(p, TW_ROLE_FAINT, width - p->column, tw_string_text(&rest));
	tw_pen_newline(p);
	tw_string_free(&server);
	tw_string_free(&rest);
}

/* ---- rows ---- */

static void more_row(struct tw_pen *p, unsigned total, unsigned shown)
{
	if (total <= shown)
		return;
	tw_row_begin(p, NULL);
	tw_pen_put(p, TW_ROLE_FAINT, "(and %u more: -v)", total - shown);
	tw_pen_newline(p);
}

static void evidence_rows(struct tw_pen *p, const struct tw_finding *f, unsigned max)
{
	const struct tw_match *m = &f->match;
	unsigned i;

	for (i = 0; i < m->evidence_count && i < max; i++) {
		const struct tw_evidence *e = &m->evidence[i];

		tw_row_begin(p, i ? NULL : "Evidence");
		if (e->frame) {
			tw_pen_put(p, TW_ROLE_STRONG, "#%llu:", (unsigned long long)e->frame);
			tw_pen_wrap(p, TW_ROW_TEXT + 2, TW_ROLE_PLAIN, " %s", e->text);
		} else {
			tw_pen_wrap(p, TW_ROW_TEXT + 2, TW_ROLE_PLAIN, "%s", e->text);
		}
		tw_pen_newline(p);
	}
	more_row(p, m->evidence_count, max);
}

/* "connect() fails with ECONNREFUSED after 213 us"; EOF, hang and the like are no errno. */
static void app_row(struct tw_pen *p, const struct tw_match *m, enum tw_side side)
{
	const char *label = side == TW_CLIENT ? "Client sees" : "Server sees";
	const struct tw_app *a = &m->app[side];

	if (!a->call && !a->text)
		return;
	tw_row_begin(p, label);
	if (a->call) {
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, "%s%s", a->call,
			    strchr(a->call, '(') ? "" : "()");
		if (a->error)
			tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, " -> %s", a->error);
		if (a->after_ns >= 0)
			tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_PLAIN, " after %s",
				    TW_DUR(a->after_ns));
		if (a->text)
			tw_pen_put(p, TW_ROLE_PLAIN, a->error || a->after_ns >= 0 ? "." : ":");
	}
	if (a->text)
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_PLAIN, a->call ? " %s" : "%s", a->text);
	tw_pen_newline(p);
}

static void governed_rows(struct tw_pen *p, const struct tw_phenomenon *ph, unsigned max)
{
	unsigned i;

	for (i = 0; ph->governed && ph->governed[i].name && i < max; i++) {
		tw_row_begin(p, i ? NULL : "Governed by");
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, "%s", ph->governed[i].name);
		tw_pen_wrap(p, TW_ROW_TEXT + 2, TW_ROLE_PLAIN, " = %s", ph->governed[i].meaning);
		tw_pen_newline(p);
	}
}

/* Sentences of a list that ends with NULL; numbered where there are several. */
static void sentence_rows(struct tw_pen *p, const char *label, const char *const *list,
			  unsigned max)
{
	unsigned i;

	for (i = 0; list && list[i] && i < max; i++) {
		tw_row_begin(p, i ? NULL : label);
		if (max > 1 && list[1])
			tw_pen_put(p, TW_ROLE_FAINT, "%u. ", i + 1);
		tw_pen_wrap(p, max > 1 && list[1] ? p->column : TW_ROW_TEXT, TW_ROLE_PLAIN, "%s",
			    list[i]);
		tw_pen_newline(p);
	}
}

static void rival_rows(struct tw_pen *p, const char *label, const struct tw_rival *r, unsigned n,
		       unsigned max)
{
	unsigned i;

	for (i = 0; i < n && i < max; i++) {
		tw_row_begin(p, i ? NULL : label);
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, "%s", r[i].slug);
		tw_pen_wrap(p, TW_ROW_TEXT + 2, TW_ROLE_PLAIN, ": %s", r[i].why);
		tw_pen_newline(p);
	}
}

static void missing_rows(struct tw_pen *p, const struct tw_match *m)
{
	unsigned i;

	for (i = 0; i < m->missing_count; i++) {
		tw_row_begin(p, i ? NULL : "Missing");
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_PLAIN, "%s", m->missing[i]);
		tw_pen_newline(p);
	}
}

static void remark_row(struct tw_pen *p, const struct tw_match *m)
{
	unsigned i;

	if (!m->remark)
		return;
	tw_row_begin(p, "Remark");
	tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, "%s", m->remark);
	for (i = 0; tw_remarks[i].slug; i++)
		if (!strcmp(tw_remarks[i].slug, m->remark))
			tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_PLAIN, ": %s", tw_remarks[i].text);
	tw_pen_newline(p);
}

static void culprit_row(struct tw_pen *p, const struct tw_match *m)
{
	const char *who = tw_words_culprit(m->culprit);

	if (!who)
		return;
	tw_row_begin(p, "Caused by");
	tw_pen_put(p, TW_ROLE_PLAIN, "%s", who);
	tw_pen_newline(p);
}

static void rows(struct tw_pen *p, const struct tw_finding *f, const struct limits *l, bool full)
{
	const struct tw_phenomenon *ph = f->phenomenon;
	const struct tw_match *m = &f->match;

	evidence_rows(p, f, l->evidence);
	culprit_row(p, m);
	app_row(p, m, TW_CLIENT);
	app_row(p, m, TW_SERVER);
	if (ph) {
		governed_rows(p, ph, l->governed);
		sentence_rows(p, "What to do", ph->remedies, l->remedies);
	}
	rival_rows(p, "Or was it", m->rivals, m->rival_count, l->rivals);
	rival_rows(p, "Ruled out", m->ruled_out, m->ruled_out_count, l->ruled_out);
	missing_rows(p, m);
	remark_row(p, m);
	if (ph && full)
		sentence_rows(p, "References", ph->references, ~0u);
}

void tw_example_write(struct tw_pen *p, const struct tw_group *g, enum tw_example_size size)
{
	const struct tw_finding *f = g->example;
	struct tw_diagram_options d = { .rows_max = limits[size].rows,
					.detail = size == TW_EXAMPLE_STORY };

	headline(p, g);
	tw_pen_newline(p);
	if (f->match.summary) {
		tw_pen_column(p, 2);
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, "%s", f->match.summary);
		tw_pen_newline(p);
	}
	if (f->step_count) {
		tw_pen_newline(p);
		tw_diagram_draw(p, f, &d);
	}
	tw_pen_newline(p);
	rows(p, f, &limits[size], size >= TW_EXAMPLE_FULL);
}
