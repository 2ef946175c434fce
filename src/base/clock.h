/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_BASE_CLOCK_H
#define TW_BASE_CLOCK_H

#include "base/duration.h"

#include <time.h>

/*
 * Nanoseconds on a clock of clock_gettime(2): CLOCK_MONOTONIC for what lasts, CLOCK_REALTIME for what
 * is compared with the times of captures.
 */
static inline int64_t tw_clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * TW_NS_PER_S + t.tv_nsec;
}

#endif
