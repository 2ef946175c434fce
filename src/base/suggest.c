/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "Did you mean ...?": the optimal string alignment distance, three rows of it at a time.
 */
#include "base/suggest.h"

#include <limits.h>
#include <string.h>

#define WORD_MAX 63

static unsigned least(unsigned x, unsigned y, unsigned z)
{
	unsigned m = x < y ? x : y;

	return m < z ? m : z;
}

unsigned tw_suggest_distance(const char *typed, const char *known)
{
	/* rows[i % 3][j]: the distance between the first i characters of typed and j of known */
	unsigned rows[3][WORD_MAX + 1];
	size_t n = strlen(typed), m = strlen(known), i, j;

	if (n > WORD_MAX || m > WORD_MAX)
		return UINT_MAX;
	for (j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3];

		row[0] = (unsigned)i;
		for (j = 1; j <= m; j++) {
			row[j] = least(above[j] + 1, row[j - 1] + 1,
				       above[j - 1] + (typed[i - 1] != known[j - 1]));
			if (i > 1 && j > 1 && typed[i - 1] == known[j - 2] &&
			    typed[i - 2] == known[j - 1] && rows[(i - 2) % 3][j - 2] + 1 < row[j])
				row[j] = rows[(i - 2) % 3][j - 2] + 1;
		}
	}
	return rows[n % 3][m];
}

void tw_suggest_offer(struct tw_suggestion *s, const char *known)
{
	unsigned distance = tw_suggest_distance(s->typed, known);
	size_t typed = strlen(s->typed), length = strlen(known);
	size_t limit = (typed > length ? typed : length) / 3;

	/* A word that was cut short ("unread" for "closed-with-unread-data") is far by edits. */
	if (distance > 3 && typed >= 4 && strstr(known, s->typed))
		distance = 3, limit = 3;
	if (limit > 3)
		limit = 3;
	if (limit == 0)
		limit = 1;
	if (distance > limit || (s->best && distance >= s->distance))
		return;
	s->best = known;
	s->distance = distance;
}
