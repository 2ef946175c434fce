/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_CAME_BACK_H
#define TW_PHENOMENA_CAME_BACK_H

#include "phenomena/phenomenon.h"

/* The remedy of peer-rebooted for ports that come round too soon. */
enum { TW_REMEDY_PORTS = 5 };

/*
 * peer-rebooted, where the SYN of the one that came back meets what the server still holds of the connection before:
 * fills @m, or returns false and leaves it alone.
 */
bool tw_match_came_back(struct tw_match *m);

#endif
