/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_CHOOSE_H
#define TW_LAB_CHOOSE_H

#include "base/arena.h"
#include "lab/crew.h"

/*
 * From the words of a command line to runs. A word is
 *	all                   every scenario of the catalogue, in all its variants
 *	SLUG                  all scenarios of a phenomenon
 *	SLUG/NAME             one of them, in all its variants
 *	SLUG/NAME/VARIANT     one run
 *	FILE                  a script of the user's: it ends in ".lab", or is a path ("./x", "/x", "dir/x")
 *	FILE/VARIANT          the same in one variant
 */
struct tw_choice {
	struct tw_arena arena;
	struct tw_crew_job *jobs;
	unsigned count, room;
};

struct tw_choice_options {
	struct tw_lab_job like; /* what all runs have in common: seed, programs, triggers ... */
	unsigned repeat;        /* 0 and 1: once */
	const char *keep; /* folder: each run keeps its files in NAME/VARIANT[/N] of it; NULL */
	bool only_first;  /* one run: the first of what the words name */
};

/*
 * -EINVAL for a word that names nothing (the nearest is suggested) or a script that can not be read or
 * parsed; -ENOMEM. tw_choice_free() in any case.
 */
int tw_choose(struct tw_choice *choice, const char *const *words, unsigned count,
	      const struct tw_choice_options *options, struct tw_err *err);
void tw_choice_free(struct tw_choice *choice);

/* The variants of a scenario as one string of words. */
const char *tw_scenario_variants(const struct tw_scenario *s);
/* Why the lab does not show a phenomenon that has no scenario: a clause, "..." */
const char *tw_unreproduced(const struct tw_phenomenon *p);

#endif
