/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of idle timeouts: a copy compiled in (made from data/idle-timeouts.tsv by
 * tools/embed.py) and an optional one of the user's in front of it, which belongs to who reads it: runs with
 * different ones may go on at the same time.
 *
 * Theory: a device that forgets at T is seen at the first packet after T, so a gap g between the
 * packets of one connection speaks for every T <= g. The largest such T is the best guess: with a
 * smaller one the connection would as a rule have died in an earlier, shorter pause. A device that
 * acts at T itself is seen at T, within the tick of its timer.
 *
 * Limits: default values only; what an administrator has set is unknown. 20 times T is where "at
 * least T" stops being a hint.
 */
#include "phenomena/idle_table.h"

#include "base/duration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_ENTRIES_MAX 4096
#define USER_BYTES_MAX   (1 << 20)
#define FIELDS           6
#define TICK_NS          (1500 * TW_NS_PER_MS)
#define SECONDS_MAX      999999999

struct tw_idle_table {
	char *text; /* the file, cut into fields; the entries point into it */
	unsigned count;
	struct tw_idle_entry entries[];
};

static const struct tw_idle_table none;

void tw_idle_free(struct tw_idle_table *table)
{
	if (table)
		free(table->text);
	free(table);
}

/* A number of seconds without sign or space, ended by @end. Return: -1 if it is none. */
static int64_t number(const char *text, char end, const char **rest)
{
	int64_t value = 0;
	const char *p = text;

	while (*p >= '0' && *p <= '9') {
		value = value * 10 + (*p++ - '0');
		if (value > SECONDS_MAX)
			return -1;
	}
	if (p == text || *p != end)
		return -1;
	*rest = p + (end != '\0');
	return value;
}

static bool settable(const char *text, struct tw_idle_entry *e)
{
	const char *rest;

	e->min_seconds = e->max_seconds = strcmp(text, "fixed") == 0 ? 0 : -1;
	if (e->max_seconds == 0 || strcmp(text, "-") == 0)
		return true;
	e->min_seconds = number(text, '-', &rest);
	if (e->min_seconds < 0)
		return false;
	if (*rest == '\0')
		return true;
	e->max_seconds = number(rest, '\0', &rest);
	return e->max_seconds >= e->min_seconds;
}

static bool is_date(const char *s)
{
	size_t n = strlen(s);

	return (n == 7 || n == 10) && strspn(s, "0123456789-") == n && s[4] == '-' &&
	       (n == 7 || s[7] == '-');
}

/* Cuts @line at its tabs into @e. Return: NULL, or what is wrong with it. */
static const char *parse_line(char *line, struct tw_idle_entry *e)
{
	char *field[FIELDS], *p = line;
	const char *rest;

	for (int i = 0; i < FIELDS; i++) {
		field[i] = p ? strsep(&p, "\t") : NULL;
		if (!field[i] || !*field[i])
			return "expected 6 fields separated by tabs";
	}
	if (p)
		return "more than 6 fields";
	e->product = field[0];
	e->seconds = number(field[1], '\0', &rest);
	if (e->seconds <= 0)
		return "the second field is no number of seconds";
	e->shapes = field[2];
	if (strspn(e->shapes, "ABCDH") != strlen(e->shapes))
		return "the third field is no shape (letters of ABCDH)";
	if (!settable(field[3], e))
		return "the fourth field is neither fixed, - nor MIN-MAX";
	e->source = field[4];
	e->verified = field[5];
	e->from_memory = strcmp(e->verified, "memory") == 0;
	if (!e->from_memory && !is_date(e->verified))
		return "the sixth field is neither memory nor a date";
	return NULL;
}

static int parse(struct tw_idle_table *table, const char *path, struct tw_err *err)
{
	char *p = table->text, *line;
	unsigned number_of_line = 0;

	while ((line = strsep(&p, "\n"))) {
		size_t n = strlen(line);
		const char *wrong;

		number_of_line++;
		if (n > 0 && line[n - 1] == '\r')
			line[n - 1] = '\0';
		if (!*line || *line == '#')
			continue;
		if (table->count == USER_ENTRIES_MAX)
			return tw_err_set(err, -E2BIG, "%s: more than %d entries", path,
					  USER_ENTRIES_MAX);
		wrong = parse_line(line, &table->entries[table->count]);
		if (wrong)
			return tw_err_set(err, -EINVAL, "%s:%u: %s", path, number_of_line, wrong);
		table->count++;
	}
	return 0;
}

static int slurp(const char *path, char **text, struct tw_err *err)
{
	FILE *f = fopen(path, "re");
	size_t n;
	int error;

	if (!f)
		return tw_err_set(err, -errno, "%s: %s", path, strerror(errno));
	*text = malloc(USER_BYTES_MAX + 1);
	if (!*text) {
		fclose(f);
		return tw_err_set(err, -ENOMEM, "%s: out of memory", path);
	}
	errno = 0;
	n = fread(*text, 1, USER_BYTES_MAX + 1, f);
	error = ferror(f) ? (errno ? errno : EIO) : 0;
	fclose(f);
	if (!error && n <= USER_BYTES_MAX) {
		(*text)[n] = '\0';
		if (strlen(*text) == n)
			return 0;
		free(*text);
		*text = NULL;
		return tw_err_set(err, -EINVAL, "%s: not a text file", path);
	}
	free(*text);
	*text = NULL;
	if (error)
		return tw_err_set(err, -error, "%s: %s", path, strerror(error));
	return tw_err_set(err, -E2BIG, "%s: larger than %d bytes", path, USER_BYTES_MAX);
}

int tw_idle_load(struct tw_idle_table **out, const char *path, struct tw_err *err)
{
	struct tw_idle_table *table =
		calloc(1, sizeof(*table) + USER_ENTRIES_MAX * sizeof(*table->entries));
	int r;

	*out = NULL;
	if (!table)
		return tw_err_set(err, -ENOMEM, "%s: out of memory", path);
	r = slurp(path, &table->text, err);
	if (!r)
		r = parse(table, path, err);
	if (r)
		tw_idle_free(table);
	else
		*out = table;
	return r;
}

static bool fits(const struct tw_idle_entry *e, int64_t gap_ns, const char *shapes)
{
	int64_t timeout_ns = e->seconds * TW_NS_PER_S;

	for (const char *s = e->shapes; *s; s++) {
		if (!strchr(shapes, *s))
			continue;
		if (*s == 'A' || *s == 'D') {
			if (gap_ns >= timeout_ns - TICK_NS && gap_ns <= timeout_ns + TICK_NS)
				return true;
		} else if (gap_ns >= timeout_ns && gap_ns / 20 <= timeout_ns) {
			return true;
		}
	}
	return false;
}

static bool hidden_by(const struct tw_idle_table *table, const struct tw_idle_entry *e)
{
	for (unsigned i = 0; i < table->count; i++)
		if (strcmp(table->entries[i].product, e->product) == 0)
			return true;
	return false;
}

bool tw_idle_is_users(const struct tw_idle_table *table, const struct tw_idle_entry *e)
{
	return table && e >= table->entries && e < table->entries + table->count;
}

const struct tw_idle_entry *tw_idle_next(const struct tw_idle_table *table,
					 const struct tw_idle_entry *e)
{
	const struct tw_idle_table *t = table ? table : &none;
	const bool users = e && tw_idle_is_users(t, e);

	if (!e && t->count)
		return t->entries;
	if (users && e + 1 < t->entries + t->count)
		return e + 1;
	for (e = !e || users ? tw_idle_builtin : e + 1; e < tw_idle_builtin + tw_idle_builtin_count;
	     e++)
		if (!hidden_by(t, e))
			return e;
	return NULL;
}

/* Insert by descending timeout; among equals what came first stays first. */
static unsigned insert(const struct tw_idle_entry *e, const struct tw_idle_entry **out,
		       unsigned count, unsigned max)
{
	unsigned at = count;

	while (at > 0 && out[at - 1]->seconds < e->seconds)
		at--;
	if (at == max)
		return count;
	if (count == max)
		count--;
	memmove(&out[at + 1], &out[at], (count - at) * sizeof(*out));
	out[at] = e;
	return count + 1;
}

unsigned tw_idle_candidates(const struct tw_idle_table *table, int64_t gap_ns, const char *shapes,
			    const struct tw_idle_entry **out, unsigned max)
{
	const struct tw_idle_table *t = table ? table : &none;
	unsigned count = 0;

	for (unsigned i = 0; i < t->count; i++)
		if (fits(&t->entries[i], gap_ns, shapes))
			count = insert(&t->entries[i], out, count, max);
	for (unsigned i = 0; i < tw_idle_builtin_count; i++)
		if (fits(&tw_idle_builtin[i], gap_ns, shapes) && !hidden_by(t, &tw_idle_builtin[i]))
			count = insert(&tw_idle_builtin[i], out, count, max);
	return count;
}

const char *tw_idle_text(const struct tw_idle_table *table, struct tw_arena *arena, int64_t gap_ns,
			 const char *shapes)
{
	const struct tw_idle_entry *found[3];
	unsigned count = tw_idle_candidates(table, gap_ns, shapes, found, 3);
	const char *text = NULL;

	for (unsigned i = 0; i < count; i++)
		text = tw_arena_printf(arena, "%s%s%s (%lld s%s)", text ? text : "",
				       text ? ", " : "", found[i]->product,
				       (long long)found[i]->seconds,
				       found[i]->from_memory ? ", from memory" : "");
	return text;
}
