/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_STOPPED_H
#define TW_PHENOMENA_STOPPED_H

#include "phenomena/phenomenon.h"

/* app-stuck, in the midst of an answer or of a record of TLS: fills @m, or returns false and leaves it alone. */
bool tw_match_stopped(struct tw_match *m);

#endif
