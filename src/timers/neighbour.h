/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TIMERS_NEIGHBOUR_H
#define TW_TIMERS_NEIGHBOUR_H

#include "timers/settings.h"

/*
 * "net.ipv4.neigh.eth0.retrans_time_ms": the setting of one interface, in place of neigh.default. Return as
 * tw_settings_assign(). Of a file, an interface counts only where the default is missing.
 */
int tw_neighbour_assign(struct tw_settings *s, const char *name, const char *value,
			enum tw_set_from source, struct tw_err *err);
/* What is known of setting @id is of no single interface any more. */
void tw_neighbour_forget(struct tw_settings *s, enum tw_setting_id id);
/* Those of the interface that connections leave by; what can not be read stays as it is. */
void tw_neighbour_read(struct tw_settings *s, const char *root);

#endif
