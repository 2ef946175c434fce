/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report of `tcpwhy read` for a person. One failure reads as one screen; many as a short
 * list with the worst worked out; none as two lines.
 */
#include "report/text.h"

#include "base/duration.h"
#include "report/example.h"
#include "report/words.h"

#include <stdlib.h>
#include <string.h>

#define EXAMPLES_MAX         5  /* groups worked out */
#define EXAMPLES_MAX_VERBOSE 20 /* the same with -v */
#define LINES_MAX            20 /* groups named in one line; -v: all */

struct tw_text {
	struct tw_text_options options;
	struct tw_groups groups;
};

struct tw_text *tw_text_new(const struct tw_text_options *options)
{
	struct tw_text *t = calloc(1, sizeof(*t));

	if (t)
		t->options = *options;
	return t;
}

bool tw_text_sketch(struct tw_text *t, const struct tw_finding *f)
{
	return tw_groups_sketch(&t->groups, f);
}

void tw_text_add(struct tw_text *t, struct tw_finding *f)
{
	tw_groups_add(&t->groups, f);
}

void tw_text_free(struct tw_text *t)
{
	if (!t)
		return;
	tw_groups_free(&t->groups);
	free(t);
}

/* ---- the head ---- */

static void what_was_read(struct tw_pen *p, const struct tw_session_summary *s)
{
	char number[TW_WORDS_TEXT];

	tw_pen_wrap(p, 2, TW_ROLE_STRONG, "%s", s->source ? s->source : "-");
	tw_pen_wrap(p, 2, TW_ROLE_PLAIN, ": %s", tw_words_counted(number, s->packets, "packet"));
	if (s->packets)
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, " in %s from %s",
			    TW_DUR((int64_t)((uint64_t)s->last_ns - (uint64_t)s->first_ns)),
			    tw_words_time(TW_WORDS, s->first_ns, 0, 'T'));
	tw_pen_newline(p);
}

/* "3 failed, 1 unknown, 2 degraded, 2 810 clean": what there is none of is not named. */
static void outcome_counts(struct tw_pen *p, const struct tw_session_summary *s)
{
	const struct {
		enum tw_outcome outcome;
		uint64_t n;
	} counts[] = { { TW_OUTCOME_FAILED, s->failed },
		       { TW_OUTCOME_UNKNOWN, s->unknown },
		       { TW_OUTCOME_DEGRADED, s->degraded },
		       { TW_OUTCOME_CLEAN, s->clean } };
	bool any = false;
	unsigned i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		enum tw_role role = tw_example_role(counts[i].outcome);
		const char *name = tw_outcome_name(counts[i].outcome);

		if (!counts[i].n)
			continue;
		if (any)
			tw_pen_put(p, TW_ROLE_PLAIN, ",");
		if (counts[i].n == s->connections)
			tw_pen_wrap(p, 2, role, counts[i].n == 1 ? " %s" : " all %s", name);
		else
			tw_pen_wrap(p, 2, role, " %s %s", tw_words_count(TW_WORDS, counts[i].n),
				    name);
		any = true;
	}
	tw_pen_put(p, TW_ROLE_PLAIN, ".");
}

/* " port-reused," or " reset-instead-of-close (31)." */
static void remark(struct tw_pen *p, const char *slug, uint64_t n, char after)
{
	if (n > 1)
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, " %s (%s)%c", slug, tw_words_count(TW_WORDS, n),
			    after);
	else
		tw_pen_wrap(p, 2, TW_ROLE_PLAIN, " %s%c", slug, after);
}

/* Remarks on clean connections, and phenomena that harmed nobody. */
static void remarks(struct tw_pen *p, const struct tw_session_summary *s)
{
	const size_t room = sizeof(s->remark_count) / sizeof(s->remark_count[0]);
	const size_t places = sizeof(s->harmless_count) / sizeof(s->harmless_count[0]);
	unsigned left = 0;
	size_t i;

	for (i = 0; i < room && tw_remarks[i].slug; i++)
		left += s->remark_count[i] > 0;
	for (i = 0; i < places && i < tw_catalogue_count; i++)
		left += s->harmless_count[i] > 0;
	if (!left)
		return;
	tw_pen_wrap(p, 2, TW_ROLE_PLAIN, " Worth knowing:");
	for (i = 0; i < room && tw_remarks[i].slug; i++)
		if (s->remark_count[i])
			remark(p, tw_remarks[i].slug, s->remark_count[i], --left ? ',' : '.');
	for (i = 0; i < places && i < tw_catalogue_count; i++)
		if (s->harmless_count[i])
			remark(p, tw_catalogue[i]->slug, s->harmless_count[i], --left ? ',' : '.');
}

static void head(struct tw_pen *p, const struct tw_session_summary *s)
{
	what_was_read(p, s);
	if (!s->connections) {
		tw_pen_put(p, TW_ROLE_PLAIN, "No TCP connection.");
	} else {
		tw_pen_put(p, TW_ROLE_PLAIN,
			   "%s:", tw_words_counted(TW_WORDS, s->connections, "TCP connection"));
		outcome_counts(p, s);
		remarks(p, s);
	}
	tw_pen_newline(p);
}

/* ---- the groups ---- */

/* One example tells a verdict; its other endpoints are lines. -v works out every group. */
static bool deserves_example(const struct tw_text *t, unsigned i, unsigned told)
{
	const struct tw_group *g = t->groups.list;
	unsigned k;

	if (t->options.story)
		return true;
	if (t->options.verbosity < 0 || g[i].outcome == TW_OUTCOME_CLEAN)
		return false;
	if (t->options.verbosity > 0)
		return told < EXAMPLES_MAX_VERBOSE;
	for (k = 0; k < told; k++)
		if (!strcmp(g[k].verdict, g[i].verdict))
			return false;
	return told < EXAMPLES_MAX;
}

/*
 * Moves the groups that are worked out before the others; both keep their order. Return: how
 * many.
 */
static unsigned examples_first(struct tw_text *t)
{
	struct tw_group *g = t->groups.list;
	unsigned told = 0, i;

	for (i = 0; i < t->groups.count; i++) {
		struct tw_group one = g[i];

		if (!deserves_example(t, i, told))
			continue;
		memmove(&g[told + 1], &g[told], (i - told) * sizeof(*g));
		g[told++] = one;
	}
	return told;
}

static enum tw_example_size size_of(const struct tw_text *t, unsigned i, unsigned examples)
{
	if (t->options.story || t->options.verbosity > 0)
		return t->options.story ? TW_EXAMPLE_STORY : TW_EXAMPLE_FULL;
	return i && examples > 2 ? TW_EXAMPLE_BRIEF : TW_EXAMPLE_NORMAL;
}

static void examples(struct tw_pen *p, const struct tw_text *t, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		tw_pen_newline(p);
		tw_example_write(p, &t->groups.list[i], size_of(t, i, n));
		if (t->options.story) {
			tw_pen_newline(p);
			tw_story_write(p, t->groups.list[i].example, t->options.verbosity > 0);
		}
	}
}

static void lines(struct tw_pen *p, const struct tw_text *t, unsigned from)
{
	unsigned left = t->groups.count - from, shown, i;

	shown = t->options.verbosity || left <= LINES_MAX ? left : LINES_MAX;
	for (i = 0; i < shown; i++)
		tw_example_line(p, &t->groups.list[from + i]);
	if (shown < left) {
		tw_pen_put(p, TW_ROLE_FAINT, "... and %u more: -v names them all", left - shown);
		tw_pen_newline(p);
	}
}

static void hint(struct tw_pen *p, const struct tw_text *t, unsigned worked)
{
	const struct tw_group *g = &t->groups.list[0];

	if (t->options.verbosity || t->options.story || !worked)
		return;
	tw_pen_newline(p);
	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_FAINT, "More:");
	if (g->example->phenomenon)
		tw_pen_put(p, TW_ROLE_FAINT, " tcpwhy explain %s;", g->verdict);
	tw_pen_wrap(p, 8, TW_ROLE_FAINT, " --stream %llu (every packet);",
		    (unsigned long long)g->example->stream);
	if (t->groups.count > worked)
		tw_pen_wrap(p, 8, TW_ROLE_FAINT, " --verdict SLUG (only these);");
	tw_pen_wrap(p, 8, TW_ROLE_FAINT, " -v");
	tw_pen_newline(p);
}

static void problems(struct tw_pen *p, const struct tw_session_summary *s)
{
	unsigned i;

	if (!s->problem_count)
		return;
	tw_pen_newline(p);
	tw_pen_put(p, TW_ROLE_WARN, "About the input");
	tw_pen_newline(p);
	for (i = 0; i < s->problem_count; i++) {
		tw_pen_column(p, 2);
		tw_pen_put(p, TW_ROLE_FAINT, "-");
		tw_pen_wrap(p, 4, TW_ROLE_PLAIN, " %s", s->problems[i]);
		tw_pen_newline(p);
	}
}

int tw_text_finish(struct tw_text *t, const struct tw_session_summary *s,
		   const struct tw_sink *sink)
{
	bool quiet = t->options.verbosity < 0;
	struct tw_pen p;
	unsigned n;

	tw_groups_finish(&t->groups);
	tw_pen_init(&p, sink, &t->options.style);
	n = examples_first(t);
	if (!quiet)
		head(&p, s);
	examples(&p, t, n);
	if (t->groups.count > n) {
		if (!quiet)
			tw_pen_newline(&p);
		lines(&p, t, n);
	}
	if (!quiet) {
		hint(&p, t, n);
		problems(&p, s);
	}
	return tw_pen_finish(&p);
}
