/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_PHENOMENA_LIVE_H
#define TW_PHENOMENA_LIVE_H

#include "phenomena/phenomenon.h"

/*
 * What the matchers share when the facts come from the running kernel (the K_ facts). Each asks first
 * whether they do; in a capture all of this is false.
 */
static inline bool tw_live(const struct tw_match *m)
{
	return tw_known(m->facts, TW_F_K_SEEN);
}

/* The kernel sent a reset for this reason. */
bool tw_live_reset_for(const struct tw_match *m, enum tw_kernel_reset reason);
/* ... by a process that was not dying, for a socket that existed. */
bool tw_live_reset_by_call(const struct tw_match *m);
enum tw_side tw_live_author(const struct tw_match *m);

/* The error of the end that got one is this errno. */
bool tw_live_error(const struct tw_match *m, int error);
/* ... while it was connecting, and no reset came. */
bool tw_live_connect_error(const struct tw_match *m, int error);

/* ... after close() or shutdown(), with nothing left to be answered but the FIN. */
bool tw_live_only_fin(const struct tw_match *m);
/* The kernel gave up repeating: ETIMEDOUT, or the error of ICMP or of a neighbour that it remembered meanwhile. */
bool tw_live_gave_up(const struct tw_match *m);
/* A listener dropped requests, and at the next look both queues had room: was it rather the SYN queue? Without cookies, with
 * many requests half-open and nobody waiting to be accepted. */
bool tw_live_drops_are_over(const struct tw_match *m);
bool tw_live_rather_syn_queue(const struct tw_match *m);
/* How long both were silent before the data that was never answered; 0: unknown. */
int64_t tw_live_idle_before_ns(const struct tw_match *m);

/* Fill what all have in common; returns true, so that a matcher can end with it. */
bool tw_live_say(struct tw_match *m, int strength, enum tw_confidence confidence,
		 enum tw_outcome outcome, enum tw_culprit culprit, const char *summary);

/* FAILED if somebody was owed something. Else: CLEAN, or DEGRADED if a client was reset that had not closed. */
enum tw_outcome tw_live_outcome(const struct tw_match *m);

/* The same of the end that was reset, where nothing is known of the one that did it. */
enum tw_outcome tw_live_victim_outcome(const struct tw_match *m);

/* Cites the reset that was sent, with the kernel's reason for it, and what was in the socket. */
void tw_live_cite_reset(struct tw_match *m);
/* Cites the reset that came in, and its form. */
void tw_live_cite_got(struct tw_match *m);
/* Cites what the listener dropped, if it did. */
void tw_live_cite_drops(struct tw_match *m);
/* Cites the error that the application of the other end gets. */
void tw_live_cite_error(struct tw_match *m);
/* What the application of the end that was reset sees. */
void tw_live_victim_saw(struct tw_match *m);
/* How long connect() lasted; -1: it had begun before the watch. The same between these words; then "". */
int64_t tw_live_connecting_ns(const struct tw_match *m);
const char *tw_live_connecting_for(struct tw_match *m, const char *before, const char *behind);
/* What the application of the end that got the error sees. */
void tw_live_error_seen(struct tw_match *m, const char *call);
/* What the application of a client sees whose SYNs are dropped: that it gave up, if it has, else @hang, why it waits. */
void tw_live_connect_unanswered(struct tw_match *m, const char *hang);

#endif
