/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_FACTS_FOREIGN_H
#define TW_FACTS_FOREIGN_H

#include "connection/dossier.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Is there a packet of the same end whose id is the next or the one before, with a clock to match? Then
 * @i has a place in its end's own sequence, and the network only brought it out of order.
 */
bool tw_has_its_place(const struct tw_dossier *d, size_t i);

/*
 * Does record @i not fit its alleged sender? Two independent signs are needed: the id leaves a sequence
 * that goes on around it, and TTL, window, timestamps or DF differ from both neighbours'. Or it comes from too near.
 */
bool tw_is_foreign(const struct tw_dossier *d, size_t i, bool timestamps);

#endif
