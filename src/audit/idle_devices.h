/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_AUDIT_IDLE_DEVICES_H
#define TW_AUDIT_IDLE_DEVICES_H

#include "audit/check.h"

/* How many different timeouts of the table forget a connection that is idle for @seconds. */
unsigned tw_idle_devices_within(const struct tw_idle_table *table, int64_t seconds);
/* Is it likely that one is on the way: one of the user's own table, or of several kinds? */
bool tw_idle_devices_sure(const struct tw_idle_table *table, int64_t seconds);
/* The fastest of them: "240 s: Azure Load Balancer, default; 300 s: F5 BIG-IP". */
const char *tw_idle_devices_text(struct tw_concern *c, const struct tw_idle_table *table,
				 int64_t seconds);
/* The shortest timeout of the table. */
int64_t tw_idle_devices_least_s(const struct tw_idle_table *table);

#endif
