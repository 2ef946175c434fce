/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_OUTLIVED_H
#define TW_PHENOMENA_OUTLIVED_H

#include "phenomena/phenomenon.h"

/*
 * peer-vanished, where a reset ends the silence, or an application closes into it: fills @m, or returns false and leaves
 * it alone.
 */
bool tw_match_outlived(struct tw_match *m);

#endif
