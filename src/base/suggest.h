/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_BASE_SUGGEST_H
#define TW_BASE_SUGGEST_H

/*
 * Nearness of a mistyped word to a known one: single-character edits (insert, delete, replace, swap
 * of neighbours) needed to get from one to the other. Words over 63 characters are never near.
 */
unsigned tw_suggest_distance(const char *typed, const char *known);

/*
 * Keeps the nearest of the words offered to it. Start with { .typed = ... }, offer all, then read
 * @best: NULL if nothing is near enough to be what was meant (a third of the word, at most 3 edits).
 */
struct tw_suggestion {
	const char *typed;
	const char *best;
	unsigned distance;
};
void tw_suggest_offer(struct tw_suggestion *s, const char *known);

#endif
