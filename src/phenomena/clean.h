/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_CLEAN_H
#define TW_PHENOMENA_CLEAN_H

#include "phenomena/phenomenon.h"

/* Fills @m for a connection that is clean: outcome, confidence, what is said of its end, and the remark. */
void tw_say_clean(struct tw_match *m);

#endif
