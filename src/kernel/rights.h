/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_RIGHTS_H
#define TW_KERNEL_RIGHTS_H

#include "base/err.h"

/* Give up every capability for good: what needed one is open by now. -EPERM with a sentence. */
int tw_rights_drop_all(struct tw_err *err);

#endif
