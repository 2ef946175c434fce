/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ladder: the packets of a record, with what the applications called and got, what the kernels'
 * sockets became, and what was done to cable and hosts, on one time line.
 *
 * Each line has a lane between two bars, one per end. A packet is an arrow whose text stands at its
 * sender; one that did not arrive breaks off. Words of an end stand at its bar; what belongs to neither
 * is in the middle. In a long transfer the unremarkable middle is folded into one line that counts.
 */
#include "lab/show.h"

#include "lab/show_private.h"

#include <stdio.h>

#define FOLD_FROM  24 /* unremarkable packets in a row */
#define FOLD_KEEP  8  /* of them at either end */
#define SILENCE_S  1.0
#define LANE_INNER 16 /* at least */

struct ladder {
	struct tw_pen *pen;
	unsigned time_width, lane, inner;
	double last; /* time of the line before; < 0: none */
};

/* ---- lines ---- */

static void begin_line(struct ladder *l, double time)
{
	char text[48];
	int n = snprintf(text, sizeof(text), "%.6f", time);

	if (time >= 0 && n > 0 && (unsigned)n <= l->time_width) {
		tw_pen_column(l->pen, l->time_width - (unsigned)n);
		tw_pen_put(l->pen, TW_ROLE_PLAIN, "%s", text);
	}
	tw_pen_column(l->pen, l->lane);
	tw_pen_put(l->pen, TW_ROLE_FAINT, "|");
}

static void end_line(struct ladder *l)
{
	tw_pen_column(l->pen, l->lane + 1 + l->inner);
	tw_pen_put(l->pen, TW_ROLE_FAINT, "|");
	tw_pen_newline(l->pen);
}

/* How many bytes of @text, whole words if possible, go on a line of @room columns. */
static size_t line_part(const char *text, unsigned room)
{
	size_t n = strlen(text), fit = tw_text_fitting(text, n, room), cut = fit;

	if (fit == n)
		return n;
	while (cut && text[cut] != ' ')
		cut--;
	if (cut)
		return cut;
	return fit ? fit : 1;
}

enum place { LEFT, MIDDLE, RIGHT };

/* Words in the lane, at their end's bar or in the middle, on as many lines as they need. */
static void words(struct ladder *l, double time, enum place place, enum tw_role role,
		  const char *text)
{
	unsigned room = l->inner - 4;

	do {
		size_t n = line_part(text, room);
		unsigned columns = tw_text_columns(text, n), before = 1;

		if (place == RIGHT)
			before = l->inner - 1 - columns;
		else if (place == MIDDLE)
			before = (l->inner - columns) / 2;
		begin_line(l, time);
		tw_pen_column(l->pen, l->lane + 1 + before);
		tw_pen_put_n(l->pen, role, text, n);
		end_line(l);
		time = -1;
		text += n;
		text += strspn(text, " ");
	} while (*text);
}

/* ---- packets ---- */

struct packet {
	bool from_server, arrived, forged;
	const char *fate;
	enum tw_role role;
	char label[160];
};

static void add_number(char *label, size_t size, const json_t *o, const char *key, const char *name)
{
	const json_t *v = json_object_get(o, key);
	size_t n = strlen(label);

	if (json_is_integer(v))
		snprintf(label + n, size - n, " %s %lld", name, (long long)json_integer_value(v));
}

static bool opens_or_closes(const json_t *o)
{
	const char *flags = tw_show_text(o, "flags");

	return strstr(flags, "SYN") || strstr(flags, "FIN") || strstr(flags, "RST");
}

static void label_of(struct packet *k, const json_t *o)
{
	const char *flags = tw_show_text(o, "flags");
	const json_t *length = json_object_get(o, "length");
	const json_t *window = json_object_get(o, "window");
	size_t n;

	if (!*flags) { /* no TCP: its text says what it is */
		snprintf(k->label, sizeof(k->label), "%s", tw_show_text(o, "text"));
	} else {
		snprintf(k->label, sizeof(k->label), "%s", flags);
		add_number(k->label, sizeof(k->label), o, "seq", "seq");
		add_number(k->label, sizeof(k->label), o, "ack", "ack");
		if (json_integer_value(length) > 0)
			add_number(k->label, sizeof(k->label), o, "length", "len");
		if (json_is_integer(window) && !json_integer_value(window) && !strstr(flags, "RST"))
			add_number(k->label, sizeof(k->label), o, "window", "win");
	}
	n = strlen(k->label);
	if (json_is_true(json_object_get(o, "altered")))
		snprintf(k->label + n, sizeof(k->label) - n, " (altered)");
}

static struct packet packet_of(const json_t *o)
{
	struct packet k = { .from_server = tw_show_is(o, "from", "server"),
			    .fate = tw_show_text(o, "fate") };

	k.arrived = strcmp(k.fate, "arrived") == 0;
	k.forged = strcmp(k.fate, "forged") == 0;
	k.role = TW_ROLE_PLAIN;
	if (!*tw_show_text(o, "flags") || !k.arrived)
		k.role = TW_ROLE_WARN;
	if (k.forged || strstr(tw_show_text(o, "flags"), "RST"))
		k.role = TW_ROLE_BAD;
	label_of(&k, o);
	return k;
}

/* What the far end of an arrow looks like: its head, or where it breaks off. */
static const char *far_end(const struct packet *k)
{
	if (k->arrived || k->forged)
		return "";
	if (!*k->fate || strcmp(k->fate, "dropped") == 0)
		return "lost";
	return k->fate;
}

/*
 *	|-- SYN seq 0 ----------------------->|      |<---------------- SYN|ACK seq 0 ack 1 --|
 *	|-- FIN|ACK seq 1 ack 1 ------x lost  |      |       forged *-- RST seq 1 ----------->|
 */
static void arrow(struct ladder *l, double time, const struct packet *k)
{
	const char *end = far_end(k), *start = k->forged ? "forged *" : "";
	unsigned taken = (unsigned)strlen(end) + (*end ? 3 : 1) + (unsigned)strlen(start) +
			 (k->forged ? l->inner / 4 : 0);
	unsigned room = l->inner > taken + 8 ? l->inner - taken - 4 : 4;
	unsigned columns = tw_text_columns(k->label, strlen(k->label)), shaft;
	struct tw_pen *p = l->pen;

	columns = columns < room ? columns : room;
	shaft = l->inner > columns + taken + 4 ? l->inner - columns - taken - 4 : 0;
	begin_line(l, time);
	if (!k->from_server) {
		if (k->forged)
			tw_pen_column(p, l->lane + 1 + l->inner / 4);
		tw_pen_put(p, TW_ROLE_BAD, "%s", start);
		tw_pen_fill(p, TW_ROLE_FAINT, '-', 2);
		tw_pen_column(p, p->column + 1);
		tw_pen_clip(p, k->role, columns, k->label);
		tw_pen_column(p, p->column + 1);
		tw_pen_fill(p, TW_ROLE_FAINT, '-', shaft);
		tw_pen_put(p, *end ? TW_ROLE_WARN : TW_ROLE_FAINT, *end ? "x " : ">");
		tw_pen_put(p, TW_ROLE_WARN, "%s", end);
	} else {
		if (*end) {
			tw_pen_column(p, p->column + 1);
			tw_pen_put(p, TW_ROLE_WARN, "%s x", end);
		} else {
			tw_pen_put(p, TW_ROLE_FAINT, "<");
		}
		tw_pen_fill(p, TW_ROLE_FAINT, '-', shaft);
		tw_pen_column(p, p->column + 1);
		tw_pen_clip(p, k->role, columns, k->label);
		tw_pen_column(p, p->column + 1);
		tw_pen_fill(p, TW_ROLE_FAINT, '-', 2);
		tw_pen_put(p, TW_ROLE_BAD, "%s", k->forged ? "* forged" : "");
	}
	end_line(l);
}

/* ---- what is no packet ---- */

static enum place place_of(const char *who)
{
	if (strncmp(who, "client", 6) == 0)
		return LEFT;
	return strncmp(who, "server", 6) == 0 ? RIGHT : MIDDLE;
}

/* "2: " for client.2, "#3 " for its socket 3. */
static void owner(char *out, size_t size, const json_t *o)
{
	const char *dot = strchr(tw_show_text(o, "who"), '.');
	json_int_t socket = json_integer_value(json_object_get(o, "socket"));
	size_t n;

	out[0] = '\0';
	if (dot)
		snprintf(out, size, "%s: ", dot + 1);
	n = strlen(out);
	if (socket > 1)
		snprintf(out + n, size - n, "#%lld ", (long long)socket);
}

/*
 * "client recv 5 -> EOF within 200ms = EOF" as "recv 5 = EOF": whose it is shows by where it stands, and
 * what was expected is said where it did not come.
 */
static void add_call(struct tw_string *out, const char *who, const char *text)
{
	static const char *const expectations[] = { " -> ", " within ", " after ", " full ", " &" };
	const char *result = NULL, *p;
	size_t i, length, n = strlen(who);

	if (n && strncmp(text, who, n) == 0 && text[n] == ' ')
		text += n + 1;
	for (p = text; (p = strstr(p, " = ")); p++)
		result = p;
	length = result ? (size_t)(result - text) : strlen(text);
	for (i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
		p = strstr(text, expectations[i]);
		if (p && p < text + length)
			length = (size_t)(p - text);
	}
	tw_string_add(out, text, length);
	if (result)
		tw_string_printf(out, "%s", result);
}

static void event(struct ladder *l, double time, const json_t *o)
{
	const char *kind = tw_show_text(o, "kind"), *text = tw_show_text(o, "text");
	enum place place = place_of(tw_show_text(o, "who"));
	enum tw_role role = TW_ROLE_STRONG;
	struct tw_string line = { 0 };
	char who[48];
	const json_t *after = json_object_get(o, "after");

	owner(who, sizeof(who), o);
	if (strcmp(kind, "state") == 0) {
		role = TW_ROLE_FAINT;
		tw_string_printf(&line, "%s[%s]", who, text);
	} else if (strcmp(kind, "return") == 0) {
		tw_string_printf(&line, "%s", who);
		add_call(&line, tw_show_text(o, "who"), text);
		if (json_is_number(after))
			tw_string_printf(&line, " after %s", TW_DUR(tw_show_ns(after)));
	} else if (strcmp(kind, "call") == 0) {
		tw_string_printf(&line, "%s", who);
		add_call(&line, tw_show_text(o, "who"), text);
	} else if (strcmp(kind, "cable") == 0) {
		role = TW_ROLE_WARN;
		tw_string_printf(&line, "cable: %s",
				 strncmp(text, "cable ", 6) == 0 ? text + 6 : text);
	} else if (place == MIDDLE && strcmp(kind, "host") == 0) {
		role = TW_ROLE_WARN;
		tw_string_printf(&line, "%s", text);
	} else if (strcmp(kind, "host") == 0 || strcmp(kind, "signal") == 0) {
		role = TW_ROLE_BAD;
		tw_string_printf(&line, "%s%s: %s", who,
				 strcmp(kind, "host") == 0 ? "host" : "process", text);
	} else {
		role = TW_ROLE_WARN;
		tw_string_printf(&line, "%s%s%s", kind, *text ? ": " : "", text);
	}
	words(l, time, place, role, tw_string_text(&line));
	tw_string_free(&line);
}

/* ---- the whole ---- */

static double time_of(const json_t *o)
{
	return json_number_value(json_object_get(o, "time"));
}

/* A packet that nothing happened to and that only moves data or acknowledges it. */
static bool unremarkable(const json_t *o)
{
	return tw_show_is(o, "kind", "packet") && tw_show_is(o, "fate", "arrived") &&
	       *tw_show_text(o, "flags") && !json_is_true(json_object_get(o, "altered")) &&
	       !opens_or_closes(o);
}

/* Unremarkable packets in a row from @i on. */
static size_t dull_row(const json_t *timeline, size_t i)
{
	size_t n = 0;

	while (unremarkable(json_array_get(timeline, i + n)))
		n++;
	return n;
}

static void folded(struct ladder *l, const json_t *timeline, size_t from, size_t to)
{
	long long bytes[2] = { 0, 0 };
	char text[120];
	size_t i;

	for (i = from; i < to; i++) {
		const json_t *o = json_array_get(timeline, i);

		bytes[tw_show_is(o, "from", "server")] +=
			json_integer_value(json_object_get(o, "length"));
	}
	snprintf(text, sizeof(text), "... %zu packets, %lld bytes -->, <-- %lld bytes ...",
		 to - from, bytes[0], bytes[1]);
	words(l, -1, MIDDLE, TW_ROLE_FAINT, text);
}

static void silence(struct ladder *l, double time)
{
	char text[TW_DURATION_TEXT + 24];

	if (l->last >= 0 && time - l->last >= SILENCE_S) {
		snprintf(text, sizeof(text), "... %s ...",
			 TW_DUR((int64_t)((time - l->last) * 1e9)));
		words(l, -1, MIDDLE, TW_ROLE_FAINT, text);
	}
	l->last = time;
}

static void entry(struct ladder *l, const json_t *o)
{
	double time = time_of(o);

	silence(l, time);
	if (tw_show_is(o, "kind", "packet")) {
		struct packet k = packet_of(o);

		arrow(l, time, &k);
	} else {
		event(l, time, o);
	}
}

static void heading(struct ladder *l)
{
	tw_pen_column(l->pen, l->time_width - 4);
	tw_pen_put(l->pen, TW_ROLE_FAINT, "time");
	tw_pen_column(l->pen, l->lane);
	tw_pen_put(l->pen, TW_ROLE_FAINT, "client");
	tw_pen_column(l->pen, l->lane + 2 + l->inner - 6);
	tw_pen_put(l->pen, TW_ROLE_FAINT, "server");
	tw_pen_newline(l->pen);
}

static void lay_out(struct ladder *l, const json_t *timeline)
{
	size_t i, n = json_array_size(timeline);
	char text[48];

	l->time_width = 10;
	for (i = 0; i < n; i++) {
		int columns =
			snprintf(text, sizeof(text), "%.6f", time_of(json_array_get(timeline, i)));

		if (columns > (int)l->time_width && columns < 20)
			l->time_width = (unsigned)columns;
	}
	l->lane = l->time_width + 2;
	l->inner = l->pen->style.width > l->lane + 2 + LANE_INNER
			   ? l->pen->style.width - l->lane - 2
			   : LANE_INNER;
}

void tw_show_ladder(struct tw_pen *p, const struct tw_show_options *o, const json_t *record)
{
	const json_t *timeline = json_object_get(record, "timeline");
	struct ladder l = { .pen = p, .last = -1 };
	size_t n = json_array_size(timeline), i = 0;

	if (!n)
		return;
	lay_out(&l, timeline);
	heading(&l);
	while (i < n) {
		size_t row = o->verbosity > 1 ? 0 : dull_row(timeline, i), end = i + row;

		if (row < FOLD_FROM) {
			for (end = row ? end : i + 1; i < end; i++)
				entry(&l, json_array_get(timeline, i));
			continue;
		}
		for (row = 0; row < FOLD_KEEP; row++, i++)
			entry(&l, json_array_get(timeline, i));
		folded(&l, timeline, i, end - FOLD_KEEP);
		i = end - FOLD_KEEP;
		l.last = -1;
		for (; i < end; i++)
			entry(&l, json_array_get(timeline, i));
	}
}
