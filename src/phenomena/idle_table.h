/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_IDLE_TABLE_H
#define TW_PHENOMENA_IDLE_TABLE_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Which device or server gives up an idle connection after which time, and how that looks
 * (data/idle-timeouts.tsv explains the columns and the shapes).
 */
struct tw_idle_entry {
	const char *product;
	int64_t seconds;                  /* the default timeout */
	int64_t min_seconds, max_seconds; /* -1, -1 not known; 0, 0 fixed; max -1 no upper limit */
	const char *shapes;               /* letters of "ABCDH" */
	const char *source, *verified;
	bool from_memory; /* verified is "memory": shown as such */
};

/* The table that the program was built with. */
extern const struct tw_idle_entry tw_idle_builtin[];
extern const unsigned tw_idle_builtin_count;

/*
 * A table of the user's on top of the built-in one: its entries come first, and an entry with the
 * product of a built-in one hides that. Who judges by it keeps it; NULL stands for the built-in table alone.
 */
struct tw_idle_table;

/*
 * Read the user's table from @path. A line that lies is an error (named with its number), and then there
 * is no table.
 * Return: 0, -ENOENT and the like from opening, -EINVAL for a bad line, -E2BIG beyond 4096 entries
 * or 1 MB, -ENOMEM.
 */
int tw_idle_load(struct tw_idle_table **out, const char *path, struct tw_err *err);
void tw_idle_free(struct tw_idle_table *table); /* NULL is fine */
/* The whole table, the user's entries first: the one after @e, the first for NULL, NULL after the last. */
const struct tw_idle_entry *tw_idle_next(const struct tw_idle_table *table,
					 const struct tw_idle_entry *e);
/* Is it of the user's table, and so known to be there? */
bool tw_idle_is_users(const struct tw_idle_table *table, const struct tw_idle_entry *e);

/*
 * Entries that may explain a silence of @gap_ns, in the order of the largest timeout not above it
 * (equal timeouts: the user's first, then the table's order). An entry fits if one of its shapes
 * is in @shapes and
 *   - for A and D (the timer itself acts) the gap is its timeout within 1.5 s,
 *   - for B, C and H (noticed at the next packet) the gap is at least its timeout and at most 20
 *     times that.
 * Writes up to @max to @out. Return: how many it wrote.
 */
unsigned tw_idle_candidates(const struct tw_idle_table *table, int64_t gap_ns, const char *shapes,
			    const struct tw_idle_entry **out, unsigned max);

/*
 * The best candidates as text, for a sentence: "AWS NAT gateway (350 s), IPVS (900 s, from
 * memory)"; up to three. In the arena; NULL if there is none.
 */
const char *tw_idle_text(const struct tw_idle_table *table, struct tw_arena *arena, int64_t gap_ns,
			 const char *shapes);

#endif
