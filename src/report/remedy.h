/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_REMEDY_H
#define TW_REPORT_REMEDY_H

#include "diagnose/finding.h"

#define TW_REMEDY_TEXT 1024

/* The @i-th remedy of a finding, in the order of its case: what its matcher named comes first. NULL: no more. */
const char *tw_remedy_at(const struct tw_finding *f, unsigned i);

/*
 * @text as it stands in the book, with the names in its commands that this case has a value for put in: PORT,
 * SERVER, CLIENT, and PEER where the matcher said who that is. Returns @out, which holds TW_REMEDY_TEXT bytes, or
 * @text itself if there is nothing to put in (or no room).
 */
const char *tw_remedy_of(char *out, const struct tw_finding *f, const char *text);

/* The @i-th setting that has a say in this case; NULL: no more. */
const struct tw_governed *tw_governed_at(const struct tw_finding *f, unsigned i);

#endif
