/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_HOST_HOST_PRIVATE_H
#define TW_HOST_HOST_PRIVATE_H

#include "host/host.h"

#include <stdio.h>

/* A file below @proc for reading, NULL if there is none. */
FILE *tw_host_open(const char *proc, const char *path);
/* Note that @what could not be looked at. */
void tw_host_unread(struct tw_host *h, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void tw_host_read_knobs(struct tw_host *h, const char *proc);
/* /proc/net: snmp, netstat, sockstat, stat/nf_conntrack. */
void tw_host_read_counters(struct tw_host *h, const char *proc);
/* Interfaces, addresses, default routes. */
void tw_host_read_links(struct tw_host *h, const char *proc);

#endif
