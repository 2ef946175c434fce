/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_JOIN_H
#define TW_KERNEL_JOIN_H

#include "diagnose/finding.h"
#include "diagnose/flow.h"
#include "packet/tuple.h"

/*
 * What the kernel tells of a connection and what its packets show, joined: one finding per connection. Pure:
 * no system calls, no clock; the time (CLOCK_MONOTONIC) comes with the calls.
 */
struct tw_join;

struct tw_join_config {
	bool all; /* clean ones, too */
	/* Only what the kernel told of: it was asked for certain processes, which packets do not name. */
	bool need_kernel;
	uint32_t netns; /* where the packets are from: addresses such as 127.0.0.1 mean it */
	/* Of the packets' side: how a connection stands there, and "judge it now". */
	enum tw_flow_state (*state)(void *user, const struct tw_tuple *t);
	void (*judge)(void *user, const struct tw_tuple *t);
	/* Ownership goes to the callback. */
	void (*finding)(void *user, struct tw_finding *f);
	void *user;
};

struct tw_join *tw_join_new(const struct tw_join_config *config); /* NULL: no memory */
void tw_join_free(struct tw_join *j);                             /* NULL is fine */

/* A finding by the kernel's events alone, and one by packets alone; the join owns them from now on. */
void tw_join_kernel(struct tw_join *j, struct tw_finding *f, int64_t now_ns);
void tw_join_packets(struct tw_join *j, struct tw_finding *f);
/* Time passes: those that have waited for their packets for long enough are told. INT64_MAX: all. */
void tw_join_tick(struct tw_join *j, int64_t now_ns);

/* The two sides of one connection as one finding. @packets becomes it; @kernel is freed. */
struct tw_finding *tw_join_merge(struct tw_finding *packets, struct tw_finding *kernel);

#endif
