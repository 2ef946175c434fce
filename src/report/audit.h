/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_REPORT_AUDIT_H
#define TW_REPORT_AUDIT_H

#include "audit/audit.h"
#include "report/style.h"

/*
 * What an audit found, worst first, with what could not be looked at. Notes are named only, unless
 * @verbose: then they are told in full, and every remark with the sockets that it is about.
 */
void tw_audit_text(struct tw_pen *p, const struct tw_audit *a, bool verbose);
/* JSON Lines (schema 1): a remark each, then a summary. 0, -ENOMEM, or the sink's error. */
int tw_audit_json(const struct tw_sink *sink, const struct tw_audit *a);

#endif
