/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the words of a line, and single values: numbers, sizes, durations, words of a table. And the
 * sentences about what is wrong with them, which always begin with the line.
 *
 * Digits are added up under a limit that is far below what 64 bits hold, so nothing overflows. What a
 * sentence quotes is made plain first: a script is somebody's file, and its bytes may be escape
 * sequences.
 */
#include "base/duration.h"
#include "base/suggest.h"
#include "lab/script_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A year, and as much as one call may move. */
#define DURATION_MAX_NS (INT64_C(366) * 86400 * TW_NS_PER_S)
#define SIZE_MAX_BYTES  (INT64_C(1) << 30)
#define NUMBER_MAX      (INT64_C(1) << 53)
/* A table of so many words is told in full when nothing is near. */
#define LIST_MAX 12

const char *tw_script_quote(char *out, const char *word)
{
	size_t i;

	for (i = 0; i < TW_SCRIPT_QUOTE - 4 && word[i]; i++)
		out[i] = word[i] >= ' ' && word[i] <= '~' ? word[i] : '?';
	snprintf(out + i, TW_SCRIPT_QUOTE - i, "%s", word[i] ? "..." : "");
	return out;
}

int tw_script_fault(struct tw_script_parser *p, const char *fmt, ...)
{
	char text[sizeof(p->err->text) - 24];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return tw_err_set(p->err, -EINVAL, "line %u: %s", p->line, text);
}

int tw_script_unknown_near(struct tw_script_parser *p, const char *what, const char *word,
			   const char *near)
{
	if (near)
		return tw_script_fault(p, "unknown %s '%s'; did you mean '%s'?", what,
				       TW_QUOTED(word), near);
	return tw_script_fault(p, "unknown %s '%s'", what, TW_QUOTED(word));
}

int tw_script_unknown(struct tw_script_parser *p, const char *what, const char *word,
		      const struct tw_script_word *table)
{
	struct tw_suggestion s = { .typed = word };
	const struct tw_script_word *w;
	char list[200] = "";
	size_t at = 0;

	for (w = table; w->name; w++)
		tw_suggest_offer(&s, w->name);
	if (s.best)
		return tw_script_unknown_near(p, what, word, s.best);
	if (w - table <= LIST_MAX) {
		for (w = table; w->name && at < sizeof(list); w++)
			at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s",
					       w == table ? "; it may be " : ", ", w->name);
	}
	return tw_script_fault(p, "unknown %s '%s'%s", what, TW_QUOTED(word), list);
}

const char *tw_script_peek(const struct tw_script_parser *p)
{
	return p->next < p->count ? p->word[p->next] : NULL;
}

bool tw_script_take_if(struct tw_script_parser *p, const char *word)
{
	if (p->next == p->count || strcmp(p->word[p->next], word) != 0)
		return false;
	p->next++;
	return true;
}

int tw_script_take(struct tw_script_parser *p, const char *what, const char **out)
{
	*out = "";
	if (p->next == p->count)
		return tw_script_fault(p, "'%s' lacks %s", TW_QUOTED(p->s->text), what);
	*out = p->word[p->next++];
	return 0;
}

const struct tw_script_word *tw_script_find(const struct tw_script_word *table, const char *word)
{
	for (; table->name; table++)
		if (!strcmp(table->name, word))
			return table;
	return NULL;
}

int tw_script_take_word(struct tw_script_parser *p, const char *what,
			const struct tw_script_word *table, int64_t *out)
{
	const struct tw_script_word *w;
	const char *word;
	char lack[64];

	snprintf(lack, sizeof(lack), "the %s", what);
	if (tw_script_take(p, lack, &word))
		return -EINVAL;
	w = tw_script_find(table, word);
	if (!w)
		return tw_script_unknown(p, what, word, table);
	*out = w->value;
	return 0;
}

/* Digits from @s on, at most @max; returns where they end, or NULL if there are none or too many. */
static const char *digits(const char *s, const char *end, int64_t max, int64_t *out)
{
	int64_t n = 0;
	const char *at;

	for (at = s; at < end && *at >= '0' && *at <= '9'; at++) {
		n = n * 10 + (*at - '0');
		if (n > max)
			return NULL;
	}
	*out = n;
	return at == s ? NULL : at;
}

bool tw_script_number(const char *word, int64_t least, int64_t most, int64_t *out)
{
	bool negative = *word == '-';
	const char *end = word + strlen(word);
	int64_t n;

	if (digits(word + (*word == '-' || *word == '+'), end, NUMBER_MAX, &n) != end)
		return false;
	n = negative ? -n : n;
	if (n < least || n > most)
		return false;
	*out = n;
	return true;
}

bool tw_script_size(const char *word, int64_t *out)
{
	const char *end = word + strlen(word), *at;
	int64_t n, unit = 1;

	at = digits(word, end, SIZE_MAX_BYTES, &n);
	if (at && at + 1 == end && (*at == 'k' || *at == 'M')) {
		unit = *at == 'k' ? 1 << 10 : 1 << 20;
		at++;
	}
	if (at != end || n > SIZE_MAX_BYTES / unit)
		return false;
	*out = n * unit;
	return true;
}

bool tw_script_duration(const char *word, size_t length, int64_t *out_ns)
{
	static const struct tw_script_word units[] = {
		{ "us", TW_NS_PER_US },    { "ms", TW_NS_PER_MS },      { "s", TW_NS_PER_S },
		{ "m", 60 * TW_NS_PER_S }, { "h", 3600 * TW_NS_PER_S }, { NULL, 0 },
	};
	const char *end = word + length, *at;
	const struct tw_script_word *unit;
	int64_t whole, part = 0, scale = 1;

	at = digits(word, end, DURATION_MAX_NS / TW_NS_PER_US, &whole);
	if (at && at < end && *at == '.') {
		const char *point = at;

		at = digits(at + 1, end, 999999, &part);
		for (point++; at && point < at && scale <= 1000000; point++)
			scale *= 10;
		if (scale > 1000000)
			return false;
	}
	if (!at)
		return false;
	for (unit = units; unit->name; unit++)
		if (strlen(unit->name) == (size_t)(end - at) &&
		    !strncmp(unit->name, at, (size_t)(end - at)))
			break;
	if (!unit->name || whole > DURATION_MAX_NS / unit->value - 1)
		return false;
	*out_ns = whole * unit->value + part * unit->value / scale;
	return true;
}

int tw_script_take_number(struct tw_script_parser *p, const char *what, int64_t least, int64_t most,
			  int64_t *out)
{
	const char *word;

	if (tw_script_take(p, what, &word))
		return -EINVAL;
	if (!tw_script_number(word, least, most, out))
		return tw_script_fault(p, "'%s' is not %s, a number from %lld to %lld",
				       TW_QUOTED(word), what, (long long)least, (long long)most);
	return 0;
}

int tw_script_take_size(struct tw_script_parser *p, const char *what, int64_t *out)
{
	const char *word;

	if (tw_script_take(p, what, &word))
		return -EINVAL;
	if (!tw_script_size(word, out))
		return tw_script_fault(p,
				       "'%s' is not %s, a size such as 100, 64k, 1M (1 GB at most)",
				       TW_QUOTED(word), what);
	return 0;
}

int tw_script_take_duration(struct tw_script_parser *p, const char *what, int64_t *out_ns)
{
	const char *word;

	if (tw_script_take(p, what, &word))
		return -EINVAL;
	if (!tw_script_duration(word, strlen(word), out_ns))
		return tw_script_fault(p, "'%s' is not %s, a duration such as 50ms, 3s, 2m",
				       TW_QUOTED(word), what);
	return 0;
}

int tw_script_take_port(struct tw_script_parser *p, uint16_t *out)
{
	int64_t port = 0;

	if (tw_script_take_number(p, "a port", 1, 65535, &port))
		return -EINVAL;
	*out = (uint16_t)port;
	return 0;
}

int tw_script_end_of_line(struct tw_script_parser *p)
{
	const char *word = tw_script_peek(p);

	if (word)
		return tw_script_fault(p, "'%s' does not belong into '%s'", TW_QUOTED(word),
				       TW_QUOTED(p->s->text));
	return 0;
}
