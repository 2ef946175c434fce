/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_OUTLIVED_H
#define TW_PHENOMENA_OUTLIVED_H

#include "phenomena/phenomenon.h"

/*
 * peer-vanished, where a reset ends the silence, or an application closes into it: fills @m, or returns false and leaves
 * it alone.
 */
bool tw_match_outlived(struct tw_match *m);

/* A FIN is repeated after the timer, or a tail-loss probe before it; three more in vain are a dead path. */
#define TW_FINS_IN_VAIN 4

/* Had the client that closed waited for an answer, or for the rest of one? Since when; TW_F__N: not, as far as can be seen. */
enum tw_fact_id tw_waited_since(const struct tw_facts *f);

#endif
