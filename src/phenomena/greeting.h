/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_GREETING_H
#define TW_PHENOMENA_GREETING_H

#include "phenomena/phenomenon.h"

/*
 * app-stuck and process-died, where the server has to speak first and never did: fills @m, or returns false and leaves it
 * alone.
 */
bool tw_match_never_greeted(struct tw_match *m);
bool tw_match_closed_ungreeted(struct tw_match *m);

#endif
