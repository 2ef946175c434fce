/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: `verdict` and `never`, what is expected of the captures at the end.
 *
 *	verdict both  process-died|data-after-close  likely  failed   stream 1
 *	verdict client  peer-vanished  possible unknown  full likely failed
 *	        WHO   slugs, the best first          words in any order
 */
#include "lab/script_private.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const struct tw_script_word confidence_words[] = {
	{ "possible", TW_POSSIBLE },
	{ "likely", TW_LIKELY },
	{ "certain", TW_CERTAIN },
	{ NULL, 0 },
};

static const struct tw_script_word outcome_words[] = {
	{ "clean", TW_OUTCOME_CLEAN },
	{ "unknown", TW_OUTCOME_UNKNOWN },
	{ "degraded", TW_OUTCOME_DEGRADED },
	{ "failed", TW_OUTCOME_FAILED },
	{ NULL, 0 },
};

static int add_slug(struct tw_script_parser *p, const char *slug)
{
	struct tw_expected_verdict *v = &p->s->verdict;

	if (v->never && !strcmp(slug, "certain")) {
		v->never_certain = true;
		return 0;
	}
	if (!v->never && !strcmp(slug, "any")) {
		v->any = true;
		return 0;
	}
	if (strcmp(slug, "clean") != 0 && strcmp(slug, "unknown") != 0 && !tw_phenomenon_find(slug))
		return tw_script_unknown_near(p, "phenomenon", slug, tw_phenomenon_nearest(slug));
	if (v->slug_count == sizeof(v->slugs) / sizeof(v->slugs[0]))
		return tw_script_fault(p, "more than %u verdicts", v->slug_count);
	v->slugs[v->slug_count++] = slug;
	return 0;
}

/* "a|b|c" in place: the words of a line are ours. */
static int take_slugs(struct tw_script_parser *p)
{
	struct tw_expected_verdict *v = &p->s->verdict;
	const char *word;
	size_t length;

	if (tw_script_take(p, "a verdict", &word))
		return -EINVAL;
	for (;; word += length + 1) {
		length = strcspn(word, "|");
		if (!length)
			return tw_script_fault(p, "a verdict is missing beside '|' "
						  "(no blanks around it)");
		if (add_slug(p, tw_arena_printf(&p->script->arena, "%.*s", (int)length, word)))
			return -EINVAL;
		if (!word[length])
			break;
	}
	if (v->any && v->slug_count)
		return tw_script_fault(p, "'any' stands alone: it accepts every verdict");
	return 0;
}

static int take_stream(struct tw_script_parser *p)
{
	struct tw_expected_verdict *v = &p->s->verdict;
	const char *word, *dash;
	int64_t first, last;

	if (tw_script_take(p, "a stream", &word))
		return -EINVAL;
	dash = strchr(word, '-');
	if (!tw_script_number(tw_arena_printf(&p->script->arena, "%.*s",
					      dash ? (int)(dash - word) : INT_MAX, word),
			      0, INT32_MAX, &first) ||
	    !tw_script_number(dash ? dash + 1 : word, first, INT32_MAX, &last))
		return tw_script_fault(p, "'%s' does not say which stream: 3, or 3-7",
				       TW_QUOTED(word));
	v->stream = (uint64_t)first;
	v->last_stream = (uint64_t)last;
	return 0;
}

/* A confidence or an outcome; false: it is neither. */
static bool take_degree(const char *word, unsigned *confidences, unsigned *outcomes)
{
	const struct tw_script_word *w = tw_script_find(confidence_words, word);

	if (w) {
		*confidences |= 1u << w->value;
		return true;
	}
	w = tw_script_find(outcome_words, word);
	if (w)
		*outcomes |= 1u << w->value;
	return w;
}

/* Confidences and outcomes, which `never` does not have, and the stream. */
static int take_words(struct tw_script_parser *p)
{
	struct tw_expected_verdict *v = &p->s->verdict;
	const char *word;
	bool full = false;

	while ((word = tw_script_peek(p))) {
		if (tw_script_take_if(p, "stream")) {
			if (take_stream(p))
				return -EINVAL;
			continue;
		}
		if (v->never || v->any)
			return tw_script_end_of_line(p);
		if (!full && tw_script_take_if(p, "full")) {
			full = true;
			continue;
		}
		if (!(full ? take_degree(word, &v->full_confidences, &v->full_outcomes)
			   : take_degree(word, &v->confidences, &v->outcomes)))
			return tw_script_fault(p,
					       "'%s' is neither a confidence (possible, likely, "
					       "certain) nor an outcome (clean, unknown, degraded, "
					       "failed) nor 'full' nor 'stream N'",
					       TW_QUOTED(word));
		p->next++;
	}
	return 0;
}

/* Two lines about the same could not both hold, or one were idle. */
static int check_repeated(struct tw_script_parser *p)
{
	const struct tw_expected_verdict *v = &p->s->verdict;
	unsigned i;

	for (i = 0; i < p->script->count; i++) {
		const struct tw_statement *s = &p->script->statements[i];
		const struct tw_expected_verdict *old = &s->verdict;

		if (s->verb != TW_DO_VERDICT || old->never || old->stream > v->last_stream ||
		    old->last_stream < v->stream)
			continue;
		if ((old->vantage[0] && v->vantage[0]) || (old->vantage[1] && v->vantage[1]))
			return tw_script_fault(
				p,
				"line %u says the verdict of this capture and stream "
				"already",
				s->line);
	}
	return 0;
}

int tw_script_verdict(struct tw_script_parser *p, bool never)
{
	static const struct tw_script_word vantages[] = {
		{ "client", 1 << TW_CLIENT },
		{ "server", 1 << TW_SERVER },
		{ "both", 1 << TW_CLIENT | 1 << TW_SERVER },
		{ NULL, 0 },
	};
	struct tw_expected_verdict *v = &p->s->verdict;
	int64_t set;

	p->s->verb = TW_DO_VERDICT;
	v->never = never;
	if (tw_script_take_word(p, "capture", vantages, &set))
		return -EINVAL;
	v->vantage[TW_CLIENT] = set & 1 << TW_CLIENT;
	v->vantage[TW_SERVER] = set & 1 << TW_SERVER;
	if (take_slugs(p) || take_words(p))
		return -EINVAL;
	return never ? 0 : check_repeated(p);
}
