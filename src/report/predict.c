/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Predictions as text and as JSON. Times are what is to be expected; where the timer wheel leaves more
 * than a few percent of room, the end says between which it lies.
 */
#include "report/predict.h"

#include "base/duration.h"
#include "report/json_value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_CALL  20
#define COLUMN_AFTER 51
#define AFTER_WIDTH  27 /* "ETIMEDOUT after 15 min 39 s" */
#define NARROW       64 /* below it, columns stand as close as their text allows */
#define WORTH_SAYING 40 /* a room of more than a 40th of the time is said */

static void put_after(struct tw_pen *p, unsigned column, unsigned indent, const struct tw_seen *s)
{
	if (!s->error)
		tw_pen_cell(p, column, indent, TW_ROLE_BAD, "hangs for ever");
	else if (s->after.expected_ns == 0)
		tw_pen_cell(p, column, indent, TW_ROLE_PLAIN, "%s at once", s->error);
	else
		tw_pen_cell(p, column, indent, TW_ROLE_PLAIN, "%s after %s", s->error,
			    TW_DUR(s->after.expected_ns));
}

static void heading(struct tw_pen *p, const char *text)
{
	tw_pen_newline(p);
	tw_pen_put(p, TW_ROLE_STRONG, "%s", text);
	tw_pen_newline(p);
}

static bool has_origin(const struct tw_schedule *l, const char *name)
{
	unsigned i;

	for (i = 0; l && i < l->origin_count; i++)
		if (!strcmp(l->origin[i].name, name))
			return true;
	return false;
}

/* Where the host did not tell a setting that matters here: to @l, or (NULL) to any of all. */
static bool is_guess(const struct tw_settings *s, enum tw_setting_id id,
		     const struct tw_schedule *l)
{
	return (s->source[id] == TW_FROM_UNREADABLE || s->source[id] == TW_FROM_ABSENT ||
		s->source[id] == TW_FROM_SENSELESS) &&
	       (!l || has_origin(l, tw_setting_name(s, id)));
}

static void put_host(struct tw_pen *p, const struct tw_settings *s, const struct tw_schedule *l)
{
	unsigned i, unread = 0;

	for (i = 0; i < TW_SET__N; i++)
		unread += is_guess(s, i, l);
	tw_pen_wrap(p, 0, TW_ROLE_FAINT, "Linux %u.%u, %u timer ticks per second%s.",
		    s->kernel.major, s->kernel.minor, s->hz,
		    s->hz_measured ? "" : " (assumed: no setting tells)");
	tw_pen_newline(p);
	if (tw_kernel_before(s->kernel, tw_rules_since)) {
		tw_pen_wrap(
			p, 0, TW_ROLE_WARN,
			"These are the rules of Linux %u.%u and newer; where TCP_USER_TIMEOUT is "
			"set, an older kernel ends later.",
			tw_rules_since.major, tw_rules_since.minor);
		tw_pen_newline(p);
	}
	if (tw_kernel_before(tw_rules_measured, s->kernel)) {
		tw_pen_wrap(p, 0, TW_ROLE_WARN,
			    "These are the rules of Linux %u.%u, the newest that they were "
			    "measured on.",
			    tw_rules_measured.major, tw_rules_measured.minor);
		tw_pen_newline(p);
	}
	if (!unread)
		return;
	tw_pen_wrap(p, 0, TW_ROLE_WARN, "Not known, so taken at the kernel's defaults:");
	for (i = 0; i < TW_SET__N; i++)
		if (is_guess(s, i, l))
			tw_pen_wrap(p, 2, TW_ROLE_WARN, " %s%s", tw_setting_name(s, i),
				    --unread ? "," : ".");
	tw_pen_newline(p);
}

/* tw_prediction is large for a stack that others share: on the heap. */
static struct tw_prediction *predict(const struct tw_phenomenon *ph, const struct tw_model *m)
{
	struct tw_prediction *out = calloc(1, sizeof(*out));

	if (out)
		ph->predict(out, m);
	return out;
}

void tw_predict_table(struct tw_pen *p, const struct tw_model *m)
{
	/* In a narrow table all ends stand on a line of their own, not only those that must. */
	const bool wide = p->style.width >= COLUMN_AFTER + AFTER_WIDTH;
	const unsigned after = wide ? COLUMN_AFTER : p->style.width;
	unsigned i;

	put_host(p, &m->set, NULL);
	tw_pen_newline(p);
	tw_pen_put(p, TW_ROLE_STRONG, "phenomenon");
	tw_pen_column(p, COLUMN_CALL);
	tw_pen_put(p, TW_ROLE_STRONG, "the call of the application");
	tw_pen_cell(p, after, COLUMN_CALL, TW_ROLE_STRONG, "ends with");
	tw_pen_newline(p);
	for (i = 0; i < tw_catalogue_count; i++) {
		struct tw_prediction *out =
			tw_catalogue[i]->predict ? predict(tw_catalogue[i], m) : NULL;

		if (!out)
			continue;
		tw_pen_put(p, TW_ROLE_PLAIN, "%s", tw_catalogue[i]->slug);
		tw_pen_column(p, COLUMN_CALL);
		tw_pen_put(p, TW_ROLE_FAINT, "%s",
			   out->seen[0].call ? out->seen[0].call : "closed, notices nothing");
		put_after(p, after, COLUMN_CALL, &out->seen[0]);
		tw_pen_newline(p);
		free(out);
	}
}

static void put_ladder(struct tw_pen *p, const struct tw_schedule *l)
{
	unsigned i;

	for (i = 0; i < l->count; i++) {
		tw_pen_column(p, 2);
		tw_pen_put(p, TW_ROLE_PLAIN, "%s", TW_DUR(l->step[i].at.expected_ns));
		tw_pen_column(p, 16);
		tw_pen_put(p, TW_ROLE_PLAIN, "%s", l->step[i].packet);
		tw_pen_column(p, 36);
		tw_pen_wrap(p, 36, TW_ROLE_FAINT, "%s", l->step[i].timer ? l->step[i].timer : "");
		tw_pen_newline(p);
	}
	if (!l->rule)
		return;
	tw_pen_column(p, 2);
	if (l->for_ever)
		tw_pen_put(p, TW_ROLE_BAD, l->count ? "and so on, for ever" : "no timer runs");
	else
		tw_pen_put(p, TW_ROLE_STRONG, "%s", TW_DUR(l->end.expected_ns));
	tw_pen_column(p, l->for_ever ? 36 : 16);
	tw_pen_wrap(p, 16, TW_ROLE_PLAIN, "%s%s", l->for_ever ? "" : "the end, by ", l->rule);
	if (!l->for_ever && (l->end.most_ns - l->end.least_ns) > l->end.expected_ns / WORTH_SAYING)
		tw_pen_wrap(p, 16, TW_ROLE_FAINT, " (%s to %s, as the timer wheel stands)",
			    TW_DUR(l->end.least_ns), TW_DUR(l->end.most_ns));
	tw_pen_newline(p);
}

static void put_seen(struct tw_pen *p, const struct tw_prediction *out)
{
	unsigned i;

	heading(p, "What the application sees");
	for (i = 0; i < out->seen_count; i++) {
		const struct tw_seen *s = &out->seen[i];

		tw_pen_column(p, 2);
		tw_pen_put(p, TW_ROLE_PLAIN, "%s", s->call ? s->call : "nothing");
		put_after(p, p->style.width < NARROW ? 33 : 36, 4, s);
		tw_pen_newline(p);
		if (!s->text)
			continue;
		tw_pen_column(p, 4);
		tw_pen_wrap(p, 4, TW_ROLE_FAINT, "%s", s->text);
		tw_pen_newline(p);
	}
}

/* A number, and where it comes from. */
static void put_number(struct tw_pen *p, const char *name, int64_t value, const char *unit,
		       const char *source)
{
	const bool narrow = p->style.width < NARROW;
	const unsigned at = narrow ? 41 : 42;

	tw_pen_column(p, 2);
	tw_pen_put(p, TW_ROLE_PLAIN, "%s", name);
	tw_pen_column(p, at);
	tw_pen_put(p, TW_ROLE_STRONG, "%lld%s%s", (long long)value, *unit ? " " : "", unit);
	tw_pen_cell(p, at + (narrow ? 10 : 12), narrow ? 36 : at, TW_ROLE_FAINT, "%s", source);
	tw_pen_newline(p);
}

void tw_predict_origins(struct tw_pen *p, const struct tw_schedule *l,
			const struct tw_schedule *said)
{
	unsigned i;

	for (i = 0; i < l->origin_count; i++) {
		if (has_origin(said, l->origin[i].name))
			continue;
		put_number(p, l->origin[i].name, l->origin[i].value, l->origin[i].unit,
			   l->origin[i].source);
	}
}

static void put_stands(struct tw_pen *p, const struct tw_prediction *out)
{
	unsigned i;

	heading(p, "The state of each end");
	for (i = 0; i < out->stand_count; i++) {
		const struct tw_stand *s = &out->stand[i];

		tw_pen_column(p, 2);
		if (s->at.expected_ns)
			tw_pen_put(p, TW_ROLE_PLAIN, "%s", TW_DUR(s->at.expected_ns));
		else
			tw_pen_put(p, TW_ROLE_PLAIN, "0");
		tw_pen_column(p, 16);
		tw_pen_put(p, TW_ROLE_PLAIN, "this one %s", s->here);
		tw_pen_cell(p, 38, 16, TW_ROLE_FAINT, "the other %s", s->there ? s->there : "none");
		tw_pen_newline(p);
	}
}

void tw_predict_story(struct tw_pen *p, const struct tw_phenomenon *ph, const struct tw_model *m)
{
	struct tw_prediction *out = predict(ph, m);
	const struct tw_schedule *l;

	if (!out) {
		p->error = -ENOMEM;
		return;
	}
	l = &out->ladder;
	tw_pen_wrap(p, 2, TW_ROLE_STRONG, "%s: %s", ph->slug, ph->title);
	tw_pen_newline(p);
	put_host(p, &m->set, l);
	heading(p, "What is sent while nothing comes back");
	tw_pen_column(p, 2);
	tw_pen_wrap(p, 2, TW_ROLE_FAINT, "Second 0: %s.", out->begins);
	tw_pen_newline(p);
	put_ladder(p, l);
	put_stands(p, out);
	put_seen(p, out);
	if (l->origin_count)
		heading(p, "What it follows from");
	tw_predict_origins(p, l, NULL);
	if (out->note) {
		tw_pen_newline(p);
		tw_pen_wrap(p, 0, TW_ROLE_PLAIN, "%s", out->note);
		tw_pen_newline(p);
	}
	free(out);
}

void tw_predict_settings(struct tw_pen *p, const struct tw_settings *s)
{
	unsigned i;

	heading(p, "Settings");
	for (i = 0; i < TW_SET__N; i++) {
		const struct tw_setting *t = &tw_setting_table[i];

		put_number(p, tw_setting_name(s, i), s->value[i], t->unit,
			   tw_set_from_name(s->source[i]));
		tw_pen_column(p, 4);
		tw_pen_wrap(p, 4, TW_ROLE_FAINT, "%s", t->meaning);
		if (t->since.major)
			tw_pen_wrap(p, 4, TW_ROLE_FAINT, " (since Linux %u.%u)", t->since.major,
				    t->since.minor);
		tw_pen_newline(p);
	}
}

/* ---- JSON ---- */

static json_t *steps_json(const struct tw_schedule *l)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < l->count; i++)
		json_array_append_new(
			list, json_pack("{s:o, s:s, s:s?}", "after", tw_json_moment(l->step[i].at),
					"packet", l->step[i].packet, "timer", l->step[i].timer));
	return list;
}

static json_t *seen_json(const struct tw_prediction *out)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < out->seen_count; i++) {
		const struct tw_seen *s = &out->seen[i];

		json_array_append_new(list,
				      json_pack("{s:s?, s:s, s:o, s:s?}", "call", s->call, "errno",
						s->error ? s->error : "hang", "after",
						s->error ? tw_json_moment(s->after) : json_null(),
						"text", s->text));
	}
	return list;
}

json_t *tw_predict_origins_json(const struct tw_schedule *l)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < l->origin_count; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:s, s:s}", "name", l->origin[i].name,
						"value", (json_int_t)l->origin[i].value, "unit",
						l->origin[i].unit, "source", l->origin[i].source));
	return list;
}

static json_t *stands_json(const struct tw_prediction *out)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < out->stand_count; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:s, s:s?}", "after",
						tw_json_moment(out->stand[i].at), "here",
						out->stand[i].here, "there", out->stand[i].there));
	return list;
}

int tw_predict_json(const struct tw_sink *sink, const struct tw_phenomenon *ph,
		    const struct tw_model *m)
{
	struct tw_prediction *out = predict(ph, m);
	char kernel[24];
	json_t *o = NULL;
	int r;

	snprintf(kernel, sizeof(kernel), "%u.%u", m->set.kernel.major, m->set.kernel.minor);
	if (out)
		o = json_pack(
			"{s:s, s:i, s:s, s:s, s:s, s:i, s:s, s:o, s:b, s:o, s:s?, s:o, s:o, s:o, "
			"s:s?}",
			"type", "prediction", "schema", 1, "slug", ph->slug, "title", ph->title,
			"kernel", kernel, "hz", (int)m->set.hz, "begins", out->begins, "steps",
			steps_json(&out->ladder), "for_ever", out->ladder.for_ever, "end",
			out->ladder.for_ever ? json_null() : tw_json_moment(out->ladder.end),
			"rule", out->ladder.rule, "states", stands_json(out), "application",
			seen_json(out), "origins", tw_predict_origins_json(&out->ladder), "note",
			out->note);
	r = tw_json_line(sink, o);
	free(out);
	return r;
}
