/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_AUDIT_AUDIT_H
#define TW_AUDIT_AUDIT_H

#include "audit/check.h"

/* What all checks say about a host. */
struct tw_audit {
	const struct tw_host *host; /* borrowed */
	struct tw_concern *concern; /* worst first */
	unsigned count;
	unsigned by_severity[TW_SEVERITY__N];
	unsigned looked; /* checks that had what they need */
	struct tw_arena arena;
};

/*
 * Connections count as idle or stuck after @idle_ns; 0: as idle after the shortest timeout of the table of
 * devices (@table: the user's, or NULL), as stuck after a minute. Return: 0, or -ENOMEM. Free it after an error, too.
 */
int tw_audit_run(struct tw_audit *a, const struct tw_host *h, const struct tw_idle_table *table,
		 int64_t idle_ns);
void tw_audit_free(struct tw_audit *a);

#endif
