/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One group of findings, told by its best example. The order is that of a person's questions:
 * what was it and how sure is that; what happened on the wire; what proves it; what did the
 * programs see; which setting governs it; what to do; what else could it be.
 */
#include "report/example.h"

#include "base/duration.h"
#include "report/diagram.h"
#include "report/remedy.h"
#include "report/words.h"

#include <stdio.h>
#include <string.h>

#define ALL ~0u

/*
 * How much of each list is told: packets drawn, then entries. Of settings and rivals beyond the
 * number only the names are told; ruled-out phenomena are names where @ruled_out is 0. A
 * sentence about an application that takes more columns than @app_text is left out.
 */
struct limits {
	unsigned rows, evidence, governed, remedies, rivals, ruled_out;
	unsigned app_text;
};

/* One failure must fit on one screen: the first of these that does is taken. */
#define SCREEN_LINES 34 /* what 40 leave when the head and the hint are written */
static const struct limits normal[] = {
	{ .rows = 12,
	  .evidence = 6,
	  .governed = 2,
	  .remedies = 2,
	  .rivals = 3,
	  .ruled_out = 2,
	  .app_text = ALL },
	{ .rows = 10, .evidence = 4, .governed = 2, .remedies = 2, .rivals = 3, .app_text = ALL },
	{ .rows = 10, .evidence = 4, .governed = 1, .remedies = 2, .rivals = 2, .app_text = 130 },
	{ .rows = 10, .evidence = 3, .governed = 1, .remedies = 1, .rivals = 2, .app_text = 130 },
	{ .rows = 8, .evidence = 3, .remedies = 1, .rivals = 2, .app_text = 60 },
	{ .rows = 8, .evidence = 3, .remedies = 1, .rivals = 1, .app_text = 60 },
	{ .rows = 6, .evidence = 2, .remedies = 1, .app_text = 60 },
};
static const struct limits brief = {
	.rows = 6, .evidence = 2, .remedies = 1, .rivals = 1, .app_text = 60
};
static const struct limits full = { .rows = 40,
				    .evidence = ALL,
				    .governed = ALL,
				    .remedies = ALL,
				    .rivals = ALL,
				    .ruled_out = ALL,
				    .app_text = ALL };
static const struct limits story = { .rows = 0,
				     .evidence = ALL,
				     .governed = ALL,
				     .remedies = ALL,
				     .rivals = ALL,
				     .ruled_out = ALL,
				     .app_text = ALL };

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
		tw_string_printf(s, ": %s -> %s", f->client, f->server);
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
	if (g->duration_min_ns > g->duration_max_ns)
		return; /* not known of any */
	if (strcmp(TW_DUR(g->duration_min_ns), TW_DUR(g->duration_max_ns)) != 0)
		tw_string_printf(s, ", %s to %s", TW_DUR(g->duration_min_ns),
				 TW_DUR(g->duration_max_ns));
	else if (g->duration_max_ns)
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
	tw_pen_newline(p);
	add_scope(&scope, g);
	tw_pen_column(p, indent);
	if (f->phenomenon) {
		tw_pen_wrap(p, indent,
			    f->match.confidence == TW_CERTAIN ? TW_ROLE_GOOD : TW_ROLE_WARN, "%s",
			    tw_words_confidence(TW_WORDS, &f->match));
		tw_pen_put(p, TW_ROLE_PLAIN, "; ");
	}
	tw_pen_wrap(p, indent, TW_ROLE_PLAIN, "%s", tw_string_text(&scope));
	tw_pen_newline(p);
	tw_string_free(&scope);
	if (g->count > 1) {
		tw_pen_column(p, indent);
		tw_pen_wrap(p, indent, TW_ROLE_FAINT, "for example stream %llu: %s -> %s",
			    (unsigned long long)f->stream, f->client, f->server);
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
}

/* A name of a list of names; the comma stays with the name before it. */
static void add_name(struct tw_pen *p, const char *name, bool last)
{
	tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_PLAIN, last ? " %s" : " %s,", name);
}

/* "connect() -> ECONNREFUSED after 213 us", "recv() hangs for 2 min", "accept() returns after 1.01 s" */
static void call_outcome(struct tw_pen *p, const struct tw_app *a)
{
	const bool hangs = a->error && strcmp(a->error, "hang") == 0, timed = a->after_ns >= 0;

	tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, "%s%s", a->call,
		    strchr(a->call, '(') ? "" : "()");
	if (hangs)
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, " hangs");
	else if (a->error)
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, " -> %s", a->error);
	else if (timed)
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, " returns");
	if (timed)
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_PLAIN, hangs ? " for %s" : " after %s",
			    TW_DUR(a->after_ns));
}

static void app_row(struct tw_pen *p, const struct tw_match *m, enum tw_side side,
		    unsigned text_max)
{
	const struct tw_app *a = &m->app[side];
	const char *text =
		a->text && tw_text_columns(a->text, strlen(a->text)) <= text_max ? a->text : NULL;
	bool outcome = a->call && (a->error || a->after_ns >= 0);

	if (!outcome && !text)
		return;
	tw_row_begin(p, side == TW_CLIENT ? "Client sees" : "Server sees");
	if (a->call)
		call_outcome(p, a);
	if (text && a->call)
		tw_pen_put(p, TW_ROLE_PLAIN, outcome ? "." : ":");
	if (text)
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_PLAIN, a->call ? " %s" : "%s", text);
	tw_pen_newline(p);
}

static void governed_rows(struct tw_pen *p, const struct tw_finding *f, unsigned max)
{
	const struct tw_governed *g;
	unsigned i;

	for (i = 0; i < max && (g = tw_governed_at(f, i)); i++) {
		tw_row_begin(p, i ? NULL : "Governed by");
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_STRONG, "%s", g->name);
		tw_pen_wrap(p, TW_ROW_TEXT + 2, TW_ROLE_PLAIN, " = %s", g->meaning);
		tw_pen_newline(p);
	}
	if (max || !tw_governed_at(f, 0))
		return;
	tw_row_begin(p, "Governed by");
	for (i = 0; (g = tw_governed_at(f, i)); i++)
		add_name(p, g->name, !tw_governed_at(f, i + 1));
	tw_pen_newline(p);
}

/* Sentences of a list that ends with NULL; numbered where there are several. */
static void sentence_row(struct tw_pen *p, const char *label, unsigned i, bool numbered,
			 const char *text)
{
	tw_row_begin(p, i ? NULL : label);
	if (numbered)
		tw_pen_put(p, TW_ROLE_FAINT, "%u. ", i + 1);
	tw_pen_wrap(p, numbered ? p->column : TW_ROW_TEXT, TW_ROLE_PLAIN, "%s", text);
	tw_pen_newline(p);
}

static void remedy_rows(struct tw_pen *p, const struct tw_finding *f, unsigned max)
{
	const bool numbered = max > 1 && tw_remedy_at(f, 1);
	char text[TW_REMEDY_TEXT];
	unsigned i;

	for (i = 0; i < max && tw_remedy_at(f, i); i++)
		sentence_row(p, "What to do", i, numbered,
			     tw_remedy_of(text, f, tw_remedy_at(f, i)));
}

static void reference_rows(struct tw_pen *p, const struct tw_phenomenon *ph)
{
	unsigned i;

	for (i = 0; ph->references && ph->references[i]; i++)
		sentence_row(p, "References", i, ph->references[1] != NULL, ph->references[i]);
}

/* The first @max with their reason, the rest by name. */
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
	if (i == n)
		return;
	tw_row_begin(p, i ? NULL : label);
	if (i)
		tw_pen_put(p, TW_ROLE_FAINT, "also");
	for (; i < n; i++)
		add_name(p, r[i].slug, i + 1 == n);
	tw_pen_newline(p);
}

static void missing_rows(struct tw_pen *p, const struct tw_finding *f)
{
	const struct tw_match *m = &f->match;
	char text[TW_REMEDY_TEXT];
	unsigned i;

	for (i = 0; i < m->missing_count; i++) {
		tw_row_begin(p, i ? NULL : "Missing");
		tw_pen_wrap(p, TW_ROW_TEXT, TW_ROLE_PLAIN, "%s",
			    tw_remedy_of(text, f, m->missing[i]));
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
	tw_pen_put(p, TW_ROLE_PLAIN, "%s%s", m->confidence == TW_POSSIBLE ? "perhaps " : "", who);
	tw_pen_newline(p);
}

static void rows(struct tw_pen *p, const struct tw_finding *f, const struct limits *l)
{
	const struct tw_phenomenon *ph = f->phenomenon;
	const struct tw_match *m = &f->match;

	evidence_rows(p, f, l->evidence);
	culprit_row(p, m);
	app_row(p, m, TW_CLIENT, l->app_text);
	app_row(p, m, TW_SERVER, l->app_text);
	if (ph) {
		governed_rows(p, f, l->governed);
		remedy_rows(p, f, l->remedies);
	}
	rival_rows(p, "Or was it", m->rivals, m->rival_count, l->rivals);
	rival_rows(p, "Ruled out", m->ruled_out, m->ruled_out_count, l->ruled_out);
	missing_rows(p, f);
	remark_row(p, m);
	if (ph && l->evidence == ALL)
		reference_rows(p, ph);
}

static void write_within(struct tw_pen *p, const struct tw_group *g, const struct limits *l)
{
	const struct tw_diagram_options d = { .rows_max = l->rows, .detail = !l->rows };
	const struct tw_finding *f = g->example;

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
	rows(p, f, l);
}

static int count_lines(void *user, const char *bytes, size_t n)
{
	unsigned *lines = user;

	while (n--)
		*lines += *bytes++ == '\n';
	return 0;
}

/* The most that fits on a screen: written into the void to count its lines. */
static const struct limits *fitting(const struct tw_pen *p, const struct tw_group *g)
{
	unsigned i, last = sizeof(normal) / sizeof(normal[0]) - 1;

	for (i = 0; i < last; i++) {
		unsigned lines = 0;
		const struct tw_sink sink = { .write = count_lines, .user = &lines };
		struct tw_pen trial;

		tw_pen_init(&trial, &sink, &p->style);
		write_within(&trial, g, &normal[i]);
		if (!tw_pen_finish(&trial) && lines <= SCREEN_LINES)
			break;
	}
	return &normal[i];
}

void tw_example_write(struct tw_pen *p, const struct tw_group *g, enum tw_example_size size)
{
	switch (size) {
	case TW_EXAMPLE_BRIEF:
		write_within(p, g, &brief);
		break;
	case TW_EXAMPLE_NORMAL:
		write_within(p, g, fitting(p, g));
		break;
	case TW_EXAMPLE_FULL:
		write_within(p, g, &full);
		break;
	case TW_EXAMPLE_STORY:
		write_within(p, g, &story);
		break;
	}
}
