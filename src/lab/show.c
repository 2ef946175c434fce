/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Results of runs for a person: a line for each,
 *
 *	ok       412 ms  process-died/unread/v4: process-died
 *	FAILED   3.14 s  process-died/unread/v6: client process-died, server unknown
 *	         line 9: client recv
 *	           expected  EOF within 200 ms
 *	           seen      ECONNRESET after 3.1 ms
 *
 * and what a user's program lived through.
 */
#include "lab/show.h"

#include "lab/show_private.h"

#define INDENT 17 /* where the names of runs stand */
#define DETAIL 9
#define LABEL  10

static bool passed(const json_t *o)
{
	return json_is_true(json_object_get(o, "passed"));
}

/* ---- what was seen ---- */

/* The verdict on the first connection from one end; NULL if the record has none. */
static const char *seen_from(const json_t *record, const char *vantage)
{
	const json_t *verdicts = json_object_get(record, "verdicts"), *v;
	size_t i;

	json_array_foreach(verdicts, i,
			   v) if (tw_show_is(v, "vantage", vantage) &&
				  json_integer_value(json_object_get(v, "stream")) == 0 &&
				  *tw_show_text(v, "verdict")) return tw_show_text(v, "verdict");
	return NULL;
}

static void seen(struct tw_pen *p, const json_t *record)
{
	const char *client = seen_from(record, "client"), *server = seen_from(record, "server");

	if (client && server && strcmp(client, server) == 0)
		tw_pen_wrap(p, INDENT, TW_ROLE_PLAIN, " %s", client);
	else if (client && server)
		tw_pen_wrap(p, INDENT, TW_ROLE_PLAIN, " client %s, server %s", client, server);
	else if (client || server)
		tw_pen_wrap(p, INDENT, TW_ROLE_PLAIN, " %s %s", client ? "client" : "server",
			    client ? client : server);
}

/* ---- what was expected ---- */

static void expected_and_seen(struct tw_pen *p, const char *expected, const char *found)
{
	tw_pen_column(p, DETAIL + 2);
	tw_pen_put(p, TW_ROLE_FAINT, "expected");
	tw_pen_column(p, DETAIL + 2 + LABEL);
	tw_pen_wrap(p, DETAIL + 2 + LABEL, TW_ROLE_PLAIN, "%s", expected);
	tw_pen_newline(p);
	tw_pen_column(p, DETAIL + 2);
	tw_pen_put(p, TW_ROLE_FAINT, "seen");
	tw_pen_column(p, DETAIL + 2 + LABEL);
	tw_pen_wrap(p, DETAIL + 2 + LABEL, TW_ROLE_WARN, "%s", found);
	tw_pen_newline(p);
}

static void failed_checks(struct tw_pen *p, const json_t *record)
{
	const json_t *checks = json_object_get(record, "checks"), *c;
	size_t i;

	json_array_foreach(checks, i, c)
	{
		json_int_t line = json_integer_value(json_object_get(c, "line"));

		if (passed(c))
			continue;
		tw_pen_column(p, DETAIL);
		if (line)
			tw_pen_put(p, TW_ROLE_FAINT, "line %lld: ", (long long)line);
		tw_pen_wrap(p, DETAIL + 2, TW_ROLE_PLAIN, "%s", tw_show_text(c, "what"));
		tw_pen_newline(p);
		expected_and_seen(p, tw_show_text(c, "expected"), tw_show_text(c, "seen"));
	}
}

static void slugs(struct tw_string *out, const json_t *list, const char *before)
{
	const json_t *slug;
	size_t i;

	json_array_foreach(list, i, slug) if (json_is_string(slug))
		tw_string_printf(out, "%s%s", i ? " or " : before, json_string_value(slug));
}

static bool failed(const json_t *verdict)
{
	return json_is_false(json_object_get(verdict, "passed"));
}

/* The same was expected and seen: what differs is the stream alone. */
static bool alike(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "vantage", "accept",     "never",
					    "verdict", "confidence", "outcome" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *left = json_object_get(a, keys[i]),
			     *right = json_object_get(b, keys[i]);

		if (left != right && (!left || !right || !json_equal(left, right)))
			return false;
	}
	return true;
}

static void failed_verdict(struct tw_pen *p, const json_t *v, json_int_t last)
{
	json_int_t stream = json_integer_value(json_object_get(v, "stream"));
	struct tw_string wanted = { 0 }, got = { 0 };

	slugs(&wanted, json_object_get(v, "accept"), "");
	slugs(&wanted, json_object_get(v, "never"), wanted.length ? "; never " : "never ");
	if (!wanted.length)
		tw_string_printf(&wanted, "not failed: no verdict line names it");
	tw_string_printf(&got, "%s", tw_show_text(v, "verdict"));
	if (*tw_show_text(v, "confidence"))
		tw_string_printf(&got, " (%s, %s)", tw_show_text(v, "confidence"),
				 tw_show_text(v, "outcome"));
	if (*tw_show_text(v, "objection"))
		tw_string_printf(&got, ": %s", tw_show_text(v, "objection"));
	tw_pen_column(p, DETAIL);
	tw_pen_put(p, TW_ROLE_PLAIN, "verdict from the %s's capture, ", tw_show_text(v, "vantage"));
	if (last > stream)
		tw_pen_put(p, TW_ROLE_PLAIN, "streams %lld to %lld", (long long)stream,
			   (long long)last);
	else
		tw_pen_put(p, TW_ROLE_PLAIN, "stream %lld", (long long)stream);
	tw_pen_newline(p);
	expected_and_seen(p, tw_string_text(&wanted), tw_string_text(&got));
	tw_string_free(&wanted);
	tw_string_free(&got);
}

static void failed_verdicts(struct tw_pen *p, const json_t *record)
{
	const json_t *verdicts = json_object_get(record, "verdicts"), *first = NULL, *v;
	json_int_t last = 0;
	size_t i;

	json_array_foreach(verdicts, i, v)
	{
		json_int_t stream = json_integer_value(json_object_get(v, "stream"));

		if (!failed(v))
			continue;
		if (first && (stream != last + 1 || !alike(first, v))) {
			failed_verdict(p, first, last);
			first = NULL;
		}
		if (!first)
			first = v;
		last = stream;
	}
	if (first)
		failed_verdict(p, first, last);
}

static void error_of(struct tw_pen *p, const json_t *record)
{
	const char *error = tw_show_text(record, "error");

	if (!*error)
		return;
	tw_pen_column(p, DETAIL);
	tw_pen_wrap(p, DETAIL + 2, TW_ROLE_BAD, "%s", error);
	tw_pen_newline(p);
}

/* The first thing to know of a failure on a machine that had other things to do. */
static void lateness(struct tw_pen *p, const json_t *record)
{
	const json_t *late = json_object_get(record, "late");

	if (!json_is_number(late) || tw_show_ns(late) < TW_LAB_LATE_NS)
		return;
	tw_pen_column(p, DETAIL);
	tw_pen_wrap(p, DETAIL + 2, TW_ROLE_WARN,
		    "The machine was so busy that packets arrived up to %s late.",
		    TW_DUR(tw_show_ns(late)));
	tw_pen_newline(p);
}

/* ---- a run ---- */

static int64_t duration_of(const struct tw_crew_result *r)
{
	const json_t *duration = json_object_get(r->record, "duration");

	return json_is_number(duration) ? tw_show_ns(duration) : r->duration_ns;
}

static void head_line(struct tw_pen *p, const struct tw_crew_result *r)
{
	char name[TW_CREW_NAME], duration[TW_DURATION_TEXT];
	unsigned columns;

	tw_duration_text(duration, duration_of(r));
	columns = (unsigned)strlen(duration);
	tw_pen_put(p, r->passed ? TW_ROLE_GOOD : TW_ROLE_BAD, r->passed ? "ok" : "FAILED");
	tw_pen_column(p, columns < INDENT - 2 - 6 ? INDENT - 2 - columns : 7);
	tw_pen_put(p, TW_ROLE_PLAIN, "%s", duration);
	tw_pen_column(p, INDENT);
	tw_pen_put(p, TW_ROLE_STRONG, "%s", tw_crew_name(name, r->job));
	if (seen_from(r->record, "client") || seen_from(r->record, "server"))
		tw_pen_put(p, TW_ROLE_PLAIN, ":");
	seen(p, r->record);
	tw_pen_newline(p);
}

void tw_show_result(struct tw_pen *p, const struct tw_show_options *o,
		    const struct tw_crew_result *result)
{
	if (result->passed && o->verbosity < 0)
		return;
	head_line(p, result);
	if (!result->passed) {
		error_of(p, result->record);
		lateness(p, result->record);
		failed_checks(p, result->record);
		/* Of a scenario that could not be carried out they say nothing. */
		if (!*tw_show_text(result->record, "error"))
			failed_verdicts(p, result->record);
	}
	if (o->verbosity > 0) {
		tw_pen_newline(p);
		tw_show_ladder(p, o, result->record);
		tw_pen_newline(p);
	}
}

void tw_show_summary(struct tw_pen *p, const struct tw_crew_state *s, bool interrupted)
{
	unsigned not_run = s->total - s->finished;

	tw_pen_put(p, s->failed ? TW_ROLE_BAD : TW_ROLE_STRONG, "%u passed, %u failed",
		   s->finished - s->failed, s->failed);
	if (not_run)
		tw_pen_put(p, TW_ROLE_WARN, ", %u not run%s", not_run,
			   interrupted ? " (interrupted)" : "");
	tw_pen_newline(p);
}
