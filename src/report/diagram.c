/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drawing of a connection:
 *
 *      time  frame  192.0.2.1:40312                               192.0.2.2:80
 *    0.000000    1  |-- SYN ------------------------------------------------>|
 *  * 0.000101    2  |<-------------------------------------- RST|ACK ack 1 --|
 *
 * Each packet is an arrow between the two bars (the lane), with its text at the end of its
 * sender, so the eye reads a column per speaker. Notes that do not fit into the arrow follow
 * below it. A long connection keeps its first packets, what is decisive with its surroundings,
 * and its end.
 */
#include "report/diagram.h"

#include "base/duration.h"
#include "report/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A silence is drawn when it is longer than this and than a third of what is drawn. */
#define SILENCE_NS TW_NS_PER_S

/* Where the columns of one drawing stand, and what it compares packets with. */
struct layout {
	uint8_t ttl[2]; /* of each end's first packet */
	unsigned time, time_width, frame, frame_width, lane, inner;
	const struct tw_diagram_options *options;
};

static int64_t since(int64_t ns, int64_t start_ns)
{
	return (int64_t)((uint64_t)ns - (uint64_t)start_ns);
}

/* ---- which steps are drawn ---- */

static unsigned mark(uint8_t *keep, unsigned i, unsigned budget)
{
	if (!budget || keep[i])
		return budget;
	keep[i] = 1;
	return budget - 1;
}

/* The decisive steps: when there are too many, the first and the last ones. */
static unsigned mark_decisive(const struct tw_finding *f, uint8_t *keep, unsigned budget)
{
	unsigned n = f->step_count, half = budget / 2, i;

	for (i = 0; i < n && half; i++)
		if (f->steps[i].decisive)
			half -= keep[i] ? 0 : 1, budget = mark(keep, i, budget);
	for (i = n; i-- > 0 && budget;)
		if (f->steps[i].decisive)
			budget = mark(keep, i, budget);
	return budget;
}

/* Neighbours of what is kept, the packet before (what triggered it) first. */
static unsigned mark_neighbours(const struct tw_finding *f, uint8_t *keep, unsigned budget)
{
	unsigned n = f->step_count, i;

	for (i = n; i-- > 1 && budget;)
		if (f->steps[i].decisive && keep[i])
			budget = mark(keep, i - 1, budget);
	for (i = 0; i + 1 < n && budget; i++)
		if (f->steps[i].decisive && keep[i])
			budget = mark(keep, i + 1, budget);
	return budget;
}

/* The rest of the budget goes to the end of the story, where the failure is. */
static void choose(const struct tw_finding *f, uint8_t *keep, unsigned rows_max)
{
	unsigned n = f->step_count, budget = rows_max, i;

	if (!rows_max || n <= rows_max) {
		memset(keep, 1, n);
		return;
	}
	budget = mark(keep, 0, budget);
	budget = mark(keep, n - 1, budget);
	budget = mark_decisive(f, keep, budget);
	for (i = 1; i < 3 && i < n; i++)
		budget = mark(keep, i, budget);
	budget = mark_neighbours(f, keep, budget);
	for (i = n; i-- > 0 && budget;)
		budget = mark(keep, i, budget);
	for (i = 1; i + 1 < n;
	     i++) /* a line for one packet left out is better spent on that packet */
		if (!keep[i] && keep[i - 1] && keep[i + 1] && !f->steps[i].skipped &&
		    !f->steps[i + 1].skipped)
			keep[i] = 1;
}

/* ---- lines ---- */

static void bar(struct tw_pen *p, unsigned column)
{
	tw_pen_column(p, column);
	tw_pen_put_n(p, TW_ROLE_FAINT, "|", 1);
}

/* A line between the bars that is no packet: centred text. */
static void middle_line(struct tw_pen *p, const struct layout *l, const char *text)
{
	unsigned columns = tw_text_columns(text, strlen(text));
	unsigned left = columns < l->inner ? (l->inner - columns) / 2 : 0;

	bar(p, l->lane);
	tw_pen_column(p, l->lane + 1 + left);
	tw_pen_clip(p, TW_ROLE_FAINT, l->inner, text);
	bar(p, l->lane + l->inner + 1);
	tw_pen_newline(p);
}

static void skipped_line(struct tw_pen *p, const struct layout *l, uint64_t n)
{
	char text[TW_WORDS_TEXT + 10], number[TW_WORDS_TEXT];

	snprintf(text, sizeof(text), "... %s ...", tw_words_counted(number, n, "packet"));
	middle_line(p, l, text);
}

/* A note too long for its arrow: below it, wrapped between the bars, on the side of the speaker. */
static void note_lines(struct tw_pen *p, const struct layout *l, const char *note)
{
	unsigned room = l->inner - 4;
	size_t n = strlen(note);

	while (n) {
		size_t fit = n;

		while (tw_text_columns(note, fit) > room) {
			size_t cut = fit - 1;

			while (cut && note[cut] != ' ')
				cut--;
			fit = cut ? cut : tw_text_fitting(note, n, room);
		}
		bar(p, l->lane);
		tw_pen_column(p, l->lane + 4);
		tw_pen_put_n(p, TW_ROLE_FAINT, note, fit);
		bar(p, l->lane + l->inner + 1);
		tw_pen_newline(p);
		note += fit;
		n -= fit;
		while (n && *note == ' ') {
			note++;
			n--;
		}
	}
}

/* A TTL other than that of the end's first packet is worth a look where the packet matters. */
static void add_numbers(struct tw_string *out, const struct tw_step *s, const struct layout *l)
{
	bool odd_ttl = (s->decisive || s->flags & TW_RST) && s->ttl != l->ttl[s->from];
	bool detail = l->options->detail, opening = s->flags & TW_SYN;

	if (!opening || s->seq_rel)
		tw_string_printf(out, " seq %u", s->seq_rel);
	if (s->flags & TW_ACK)
		tw_string_printf(out, " ack %u", s->ack_rel);
	if (s->payload_bytes)
		tw_string_printf(out, " len %u", s->payload_bytes);
	if (detail || (!s->window_bytes && !(s->flags & (TW_SYN | TW_RST))))
		tw_string_printf(out, " win %u", s->window_bytes);
	if (detail || odd_ttl)
		tw_string_printf(out, " ttl %u", s->ttl);
}

/* An ICMP error says all in its note; "ICMP" alone where that is too long for the arrow. */
static const char *icmp_label(struct tw_string *label, const char *note, unsigned room)
{
	if (note && tw_text_columns(note, strlen(note)) <= room) {
		tw_string_printf(label, "%s", note);
		return NULL;
	}
	tw_string_printf(label, "ICMP error");
	return note;
}

/*
 * The text of a step's arrow in @label. Return: the note that did not fit and goes below, or NULL.
 */
static const char *label_of(struct tw_string *label, const struct tw_step *s,
			    const struct layout *l)
{
	const char *note = s->note && *s->note ? s->note : NULL;
	unsigned room = l->inner - 8, columns;

	tw_string_clear(label);
	if (s->is_icmp)
		return icmp_label(label, note, room);
	tw_string_printf(label, "%s", tw_words_flags(TW_WORDS, s->flags));
	add_numbers(label, s, l);
	columns = tw_text_columns(tw_string_text(label), label->length);
	if (columns > room) { /* huge numbers in a narrow lane: the flags are what matters */
		tw_string_clear(label);
		tw_string_printf(label, "%s", tw_words_flags(TW_WORDS, s->flags));
		return note;
	}
	if (!note || columns + 3 + tw_text_columns(note, strlen(note)) > room)
		return note;
	tw_string_printf(label, " (%s)", note);
	return NULL;
}

static enum tw_role role_of(const struct tw_step *s)
{
	if (s->is_icmp)
		return TW_ROLE_WARN;
	if (s->flags & TW_RST)
		return TW_ROLE_BAD;
	return s->decisive ? TW_ROLE_STRONG : TW_ROLE_PLAIN;
}

/* |-- label ------->|  or  |<------- label --| */
static void arrow(struct tw_pen *p, const struct layout *l, const struct tw_step *s,
		  const char *label)
{
	unsigned columns = tw_text_columns(label, strlen(label)), shaft;
	char line = s->is_icmp ? '~' : '-';

	if (columns > l->inner - 6)
		columns = l->inner - 6;
	shaft = l->inner - columns - 5; /* two of the near end, two blanks, the head */
	bar(p, l->lane);
	if (s->from == TW_CLIENT) {
		tw_pen_fill(p, TW_ROLE_FAINT, line, 2);
		tw_pen_column(p, p->column + 1);
		tw_pen_clip(p, role_of(s), columns, label);
		tw_pen_column(p, p->column + 1);
		tw_pen_fill(p, TW_ROLE_FAINT, line, shaft);
		tw_pen_put_n(p, TW_ROLE_FAINT, ">", 1);
	} else {
		tw_pen_put_n(p, TW_ROLE_FAINT, "<", 1);
		tw_pen_fill(p, TW_ROLE_FAINT, line, shaft);
		tw_pen_column(p, p->column + 1);
		tw_pen_clip(p, role_of(s), columns, label);
		tw_pen_column(p, p->column + 1);
		tw_pen_fill(p, TW_ROLE_FAINT, line, 2);
	}
	tw_pen_put_n(p, TW_ROLE_FAINT, "|", 1);
}

static void step_line(struct tw_pen *p, const struct layout *l, const struct tw_finding *f,
		      const struct tw_step *s, struct tw_string *label)
{
	const char *below = label_of(label, s, l);
	char text[TW_WORDS_TEXT];

	tw_words_seconds(text, since(s->time_ns, f->start_ns), 6);
	if (s->decisive) {
		tw_pen_column(p, l->options->indent);
		tw_pen_put_n(p, TW_ROLE_STRONG, "*", 1);
	}
	tw_pen_column(p, l->time + l->time_width - (unsigned)strlen(text));
	tw_pen_put(p, TW_ROLE_PLAIN, "%s", text);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)s->frame);
	tw_pen_column(p, l->frame + l->frame_width - (unsigned)strlen(text));
	tw_pen_put(p, s->decisive ? TW_ROLE_STRONG : TW_ROLE_PLAIN, "%s", text);
	arrow(p, l, s, tw_string_text(label));
	tw_pen_newline(p);
	if (below)
		note_lines(p, l, below);
}

/* ---- the whole ---- */

static void lay_out(struct layout *l, const struct tw_pen *p, const struct tw_finding *f,
		    const uint8_t *keep)
{
	char text[TW_WORDS_TEXT];
	unsigned i, n;

	for (i = f->step_count; i-- > 0;)
		if (!f->steps[i].is_icmp)
			l->ttl[f->steps[i].from] = f->steps[i].ttl;
	l->time = l->options->indent + 2;
	l->time_width = 8;
	l->frame_width = 5;
	for (i = 0; i < f->step_count; i++) {
		if (!keep[i])
			continue;
		n = (unsigned)strlen(
			tw_words_seconds(text, since(f->steps[i].time_ns, f->start_ns), 6));
		l->time_width = n > l->time_width ? n : l->time_width;
		n = (unsigned)snprintf(text, sizeof(text), "%llu",
				       (unsigned long long)f->steps[i].frame);
		l->frame_width = n > l->frame_width ? n : l->frame_width;
	}
	l->frame = l->time + l->time_width + 1;
	l->lane = l->frame + l->frame_width + 1;
	l->inner = p->style.width > l->lane + 2 + 16 ? p->style.width - l->lane - 2 : 16;
}

/* The endpoints over their bars; the words "client" and "server" where both do not fit. */
static void heading(struct tw_pen *p, const struct layout *l, const struct tw_finding *f)
{
	const char *client = f->client ? f->client : "client",
		   *server = f->server ? f->server : "server";
	unsigned c = tw_text_columns(client, strlen(client)),
		 s = tw_text_columns(server, strlen(server));

	if (c + s + 3 > l->inner + 2) {
		client = "client";
		server = "server";
		s = 6;
	}
	tw_pen_column(p, l->time + l->time_width - 4);
	tw_pen_put(p, TW_ROLE_FAINT, "time");
	tw_pen_column(p, l->frame + l->frame_width - 5);
	tw_pen_put(p, TW_ROLE_FAINT, "frame");
	tw_pen_column(p, l->lane);
	tw_pen_put(p, TW_ROLE_FAINT, "%s", client);
	tw_pen_column(p, l->lane + l->inner + 2 - s);
	tw_pen_put(p, TW_ROLE_FAINT, "%s", server);
	tw_pen_newline(p);
}

/* Silence is worth a line where it is long in itself and against the part of the story drawn. */
static bool long_silence(const struct tw_finding *f, int64_t before_ns, int64_t after_ns)
{
	int64_t gap = since(after_ns, before_ns);
	int64_t whole = since(f->steps[f->step_count - 1].time_ns, f->steps[0].time_ns);

	return gap >= SILENCE_NS && gap >= whole / 3;
}

/*
 * Packets of the connection, somewhere in the middle, that neither a step nor a count before a
 * step stands for.
 */
static uint64_t untold(const struct tw_finding *f)
{
	uint64_t told = 0;
	unsigned i;

	for (i = 0; i < f->step_count; i++)
		told += f->steps[i].skipped + !f->steps[i].is_icmp;
	return f->steps_total > told ? f->steps_total - told : 0;
}

void tw_diagram_draw(struct tw_pen *p, const struct tw_finding *f,
		     const struct tw_diagram_options *o)
{
	const struct tw_step *before = NULL;
	struct tw_string label = { 0 };
	struct layout l = { .options = o };
	uint64_t skipped = 0;
	uint8_t *keep;
	unsigned i;

	if (!f->step_count)
		return;
	keep = calloc(f->step_count, 1);
	if (!keep) {
		p->error = p->error ? p->error : -ENOMEM;
		return;
	}
	choose(f, keep, o->rows_max);
	lay_out(&l, p, f, keep);
	heading(p, &l, f);
	for (i = 0; i < f->step_count; i++) {
		const struct tw_step *s = &f->steps[i];

		skipped += s->skipped;
		if (!keep[i]) {
			skipped++;
			continue;
		}
		if (skipped) {
			skipped_line(p, &l, skipped);
		} else if (before && long_silence(f, before->time_ns, s->time_ns)) {
			char text[TW_DURATION_TEXT + 16];

			snprintf(text, sizeof(text), "%s of silence",
				 TW_DUR(since(s->time_ns, before->time_ns)));
			middle_line(p, &l, text);
		}
		skipped = 0;
		step_line(p, &l, f, s, &label);
		before = s;
	}
	if (skipped)
		skipped_line(p, &l, skipped);
	if (untold(f)) {
		tw_pen_column(p, o->indent + 2);
		tw_pen_put(p, TW_ROLE_FAINT, "(and %s more between these)",
			   tw_words_counted(TW_WORDS, untold(f), "packet"));
		tw_pen_newline(p);
	}
	tw_string_free(&label);
	free(keep);
}
