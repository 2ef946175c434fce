/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_GATHER_H
#define TW_KERNEL_GATHER_H

#include "diagnose/finding.h"
#include "kernel/names.h"

/*
 * From records to findings: gathers what the kernel tells about each connection, from both ends where both
 * are here, and judges it once nothing more is to be expected. Pure: no system calls, no clock; the time
 * comes with the records and with tw_gather_ripe().
 */
struct tw_gather;

struct tw_gather_config {
	const struct tw_kernel_names *names;
	int64_t realtime_offset_ns; /* CLOCK_REALTIME less CLOCK_MONOTONIC */
	int64_t jiffy_ns; /* 0: unknown; then times that the kernel counts in jiffies are */
	bool all;
	bool apart; /* the ends of a connection are not joined: as if each were alone on its host */
	/* Only connections with a socket that passed the kernel's filter: segments without one pass always. */
	bool need_socket;
	unsigned connections_max; /* gathered at the same time; 0: 4096 */
	/* Ownership goes to the callback. */
	void (*finding)(void *user, struct tw_finding *f);
	void *user;
};

struct tw_gather *tw_gather_new(const struct tw_gather_config *config); /* NULL: no memory */
void tw_gather_free(struct tw_gather *g);                               /* NULL is fine */

void tw_gather_add(struct tw_gather *g, const struct tw_record *r);
/* Judge what is ripe at this time (CLOCK_MONOTONIC); INT64_MAX: everything. */
void tw_gather_ripe(struct tw_gather *g, int64_t now_ns);

uint64_t tw_gather_pending(const struct tw_gather *g);
uint64_t tw_gather_forgotten(const struct tw_gather *g);

#endif
