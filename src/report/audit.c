/* SPDX-License-Identifier: BSD-2-Clause */
/* An audit as text and as JSON. Names of processes may hold any byte: the pen escapes them, JSON gets UTF-8. */
#include "report/audit.h"
#include "base/duration.h"
#include "report/json_value.h"

#include <stdio.h>

#define COLUMN_TEXT  6
#define COLUMN_LABEL 6
#define COLUMN_WORDS 12

static const enum tw_role roles[TW_SEVERITY__N] = { TW_ROLE_PLAIN, TW_ROLE_FAINT, TW_ROLE_WARN,
						    TW_ROLE_BAD };

static void put_head(struct tw_pen *p, const struct tw_audit *a)
{
	const struct tw_host *h = a->host;
	unsigned states[TW_SOCKET_STATE__N] = { 0 };
	size_t i;

	for (i = 0; i < h->sockets.count; i++)
		if (h->sockets.socket[i].state < TW_SOCKET_STATE__N)
			states[h->sockets.socket[i].state]++;
	tw_pen_wrap(p, 0, TW_ROLE_FAINT, "Linux %u.%u, %u checks", h->timers.kernel.major,
		    h->timers.kernel.minor, a->looked);
	if (h->parts & TW_HOST_SOCKETS)
		tw_pen_wrap(p, 0, TW_ROLE_FAINT, "; sockets: %u listen, %u open, %u other",
			    states[TW_SOCKET_LISTEN], states[TW_SOCKET_ESTABLISHED],
			    (unsigned)h->sockets.count - states[TW_SOCKET_LISTEN] -
				    states[TW_SOCKET_ESTABLISHED]);
	tw_pen_put(p, TW_ROLE_FAINT, ".");
	tw_pen_newline(p);
}

static void labelled(struct tw_pen *p, const char *label, const char *text)
{
	tw_pen_column(p, COLUMN_LABEL);
	tw_pen_put(p, TW_ROLE_FAINT, "%s", label);
	tw_pen_column(p, COLUMN_WORDS);
	tw_pen_wrap(p, COLUMN_WORDS, TW_ROLE_PLAIN, "%s", text);
	tw_pen_newline(p);
}

static void put_items(struct tw_pen *p, const struct tw_concern *c)
{
	unsigned i;

	for (i = 0; i < c->items; i++) {
		const struct tw_concern_item *item = &c->item[i];

		tw_pen_column(p, COLUMN_WORDS);
		tw_pen_wrap(p, COLUMN_WORDS + 2, TW_ROLE_PLAIN, "%s", item->who);
		if (item->count > 1)
			tw_pen_wrap(p, COLUMN_WORDS + 2, TW_ROLE_PLAIN, ": %llu",
				    (unsigned long long)item->count);
		if (item->where)
			tw_pen_wrap(p, COLUMN_WORDS + 2, TW_ROLE_FAINT, "%s %s",
				    item->count > 1 ? ", such as" : ":", item->where);
		if (item->age_ns)
			tw_pen_wrap(p, COLUMN_WORDS + 2, TW_ROLE_FAINT, ", %s",
				    TW_DUR(item->age_ns));
		tw_pen_newline(p);
	}
}

static void put_concern(struct tw_pen *p, const struct tw_concern *c, bool verbose)
{
	tw_pen_newline(p);
	tw_pen_put(p, roles[c->severity], "%s", tw_severity_name(c->severity));
	tw_pen_column(p, COLUMN_TEXT);
	tw_pen_put(p, TW_ROLE_STRONG, "%s", c->check->slug);
	tw_pen_newline(p);
	tw_pen_column(p, COLUMN_TEXT);
	tw_pen_wrap(p, COLUMN_TEXT, TW_ROLE_PLAIN, "%s %s", c->found, c->risk);
	tw_pen_newline(p);
	if (verbose)
		put_items(p, c);
	labelled(p, "set", c->set);
	labelled(p, "cost", c->check->costs);
	labelled(p, "from", c->check->source);
	if (verbose && c->check->phenomenon) {
		tw_pen_column(p, COLUMN_LABEL);
		tw_pen_put(p, TW_ROLE_FAINT, "more  tcpwhy explain %s", c->check->phenomenon);
		tw_pen_newline(p);
	}
}

static void put_notes(struct tw_pen *p, const struct tw_audit *a)
{
	const char *between = "";
	unsigned i;

	if (!a->by_severity[TW_SEVERITY_NOTE])
		return;
	tw_pen_newline(p);
	tw_pen_put(p, roles[TW_SEVERITY_NOTE], "note");
	tw_pen_column(p, COLUMN_TEXT);
	for (i = 0; i < a->count; i++)
		if (a->concern[i].severity == TW_SEVERITY_NOTE) {
			tw_pen_wrap(p, COLUMN_TEXT, TW_ROLE_PLAIN, "%s%s", between,
				    a->concern[i].check->slug);
			between = ", ";
		}
	tw_pen_wrap(p, COLUMN_TEXT, TW_ROLE_FAINT, " (in full with -v)");
	tw_pen_newline(p);
}

static void put_foot(struct tw_pen *p, const struct tw_audit *a)
{
	const unsigned harms = a->by_severity[TW_SEVERITY_HARM];
	const unsigned risks = a->by_severity[TW_SEVERITY_RISK];
	unsigned i;

	tw_pen_newline(p);
	if (harms || risks)
		tw_pen_put(p, TW_ROLE_STRONG, "%u harm%s, %u risk%s.", harms, harms == 1 ? "" : "s",
			   risks, risks == 1 ? "" : "s");
	else
		tw_pen_put(p, TW_ROLE_GOOD, a->count ? "No harm, no risk." : "Nothing to remark.");
	tw_pen_newline(p);
	for (i = 0; i < a->host->unread_count; i++) {
		tw_pen_wrap(p, 2, TW_ROLE_FAINT, "Not looked at: %s, because %s.",
			    a->host->unread[i].what, a->host->unread[i].why);
		tw_pen_newline(p);
	}
}

void tw_audit_text(struct tw_pen *p, const struct tw_audit *a, bool verbose)
{
	unsigned i;

	put_head(p, a);
	for (i = 0; i < a->count; i++)
		if (verbose || a->concern[i].severity > TW_SEVERITY_NOTE)
			put_concern(p, &a->concern[i], verbose);
	if (!verbose)
		put_notes(p, a);
	put_foot(p, a);
}

/* ---- JSON ---- */

static json_t *seconds(int64_t ns)
{
	return ns > 0 ? tw_json_seconds(ns) : json_null();
}

static json_t *items_json(const struct tw_concern *c)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < c->items; i++)
		json_array_append_new(list, json_pack("{s:o, s:I, s:o, s:o}", "who",
						      tw_json_text(c->item[i].who), "count",
						      (json_int_t)c->item[i].count, "example",
						      tw_json_text(c->item[i].where), "age",
						      seconds(c->item[i].age_ns)));
	return list;
}

static json_t *remark_json(const struct tw_concern *c)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:s, s:s, s:s?, s:I, s:o}",
			 "type", "remark", "schema", 1, "slug", c->check->slug, "severity",
			 tw_severity_name(c->severity), "found", tw_json_text(c->found), "risk",
			 tw_json_text(c->risk), "for_ever", c->predicted_ns < 0, "predicted",
			 seconds(c->predicted_ns), "set", tw_json_text(c->set), "costs",
			 c->check->costs, "source", c->check->source, "verdict",
			 c->check->phenomenon, "count", (json_int_t)c->count, "items",
			 items_json(c));
}

static json_t *summary_json(const struct tw_audit *a)
{
	json_t *unread = json_array();
	char kernel[24];
	unsigned i;

	snprintf(kernel, sizeof(kernel), "%u.%u", a->host->timers.kernel.major,
		 a->host->timers.kernel.minor);
	for (i = 0; i < a->host->unread_count; i++)
		json_array_append_new(unread,
				      json_pack("{s:s, s:o}", "what", a->host->unread[i].what,
						"because", tw_json_text(a->host->unread[i].why)));
	return json_pack("{s:s, s:i, s:s, s:i, s:i, s:i, s:i, s:o}", "type", "summary", "schema", 1,
			 "kernel", kernel, "checks", (int)a->looked, "harms",
			 (int)a->by_severity[TW_SEVERITY_HARM], "risks",
			 (int)a->by_severity[TW_SEVERITY_RISK], "notes",
			 (int)a->by_severity[TW_SEVERITY_NOTE], "not_looked_at", unread);
}

int tw_audit_json(const struct tw_sink *sink, const struct tw_audit *a)
{
	unsigned i;
	int r = 0;

	for (i = 0; !r && i < a->count; i++)
		r = tw_json_line(sink, remark_json(&a->concern[i]));
	return r ? r : tw_json_line(sink, summary_json(a));
}
