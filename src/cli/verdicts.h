/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CLI_VERDICTS_H
#define TW_CLI_VERDICTS_H

#include <stdbool.h>

/*
 * The argument of --verdict, as it was given: slugs of the catalogue, "clean" and "unknown", separated by commas.
 * 0, or an exit status behind a sentence that names the first slug that is none (with the nearest one).
 */
int tw_verdicts_check(const char *list);

/* Is the verdict on the list? NULL: no list was given. */
bool tw_verdicts_name(const char *list, const char *verdict);

/* Is a finding with this verdict wanted? Every one is where no list was given. */
bool tw_verdicts_want(const char *list, const char *verdict);

#endif
