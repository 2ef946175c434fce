/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_RIGHTS_H
#define TW_KERNEL_RIGHTS_H

#include "base/err.h"

/* Give up every capability for good: what needed one is open by now. -EPERM with a sentence. */
int tw_rights_drop_all(struct tw_err *err);

/* Can packets be watched in this network namespace? 0, or a negative errno. */
int tw_rights_try_packets(void);

#endif
