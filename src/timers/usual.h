/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TIMERS_USUAL_H
#define TW_TIMERS_USUAL_H

#include "timers/constants.h"
#include "timers/schedule.h"

/*
 * How a Linux with default settings repeats and gives up, as far as captures are measured by it. Each number
 * comes out of the schedules that `predict` computes. Times are the least that such a host takes, unless
 * they say otherwise: no timer of the kernel fires early.
 */
#define TW_USUAL_GAPS 16
struct tw_usual {
	/* Between SYN and repeat, by index: since Linux 6.5 (a flat beginning), and doubling from the first. */
	int64_t syn_gap_flat_ns[TW_USUAL_GAPS], syn_gap_doubling_ns[TW_USUAL_GAPS];
	unsigned syns_flat, syns_doubling; /* SYNs in all until it gives up */
	int64_t request_life_ns;           /* a listener's request whose SYN|ACKs nobody answers */
	/* A FIN that nobody answers, of a socket that was closed. */
	unsigned orphan_fins; /* with the first, without a tail-loss probe, which comes on top */
	int64_t orphan_last_ns, orphan_most_ns; /* the last of them; the end, at most */
	int64_t fin_wait2_ns;                   /* FIN_WAIT2 after close() */
	unsigned neighbour_asks;                /* ARP or ND requests in vain, and for how long */
	int64_t neighbour_ns;
};

/* Computed at the first call; any thread may ask. */
const struct tw_usual *tw_usual(void);
/* The same for any model: what a capture of that host is to be measured by. */
void tw_usual_of(struct tw_usual *out, const struct tw_model *m);

#endif
