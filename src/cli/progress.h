/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_CLI_PROGRESS_H
#define TW_CLI_PROGRESS_H

#include "capture/source.h"
#include "lab/crew.h"

/*
 * One line on stderr for long work: percent, rate, time left. Only on a terminal, only once the work
 * has taken a second, and erased before anything else is printed.
 */
struct tw_progress {
	int64_t started_ns, shown_ns; /* CLOCK_MONOTONIC */
	bool terminal, visible;
};

void tw_progress_init(struct tw_progress *p);
/* As tw_session_config.progress. */
void tw_progress_show(struct tw_progress *p, const struct tw_source_info *info, int pass, int of);
/* Runs of the lab. */
void tw_progress_runs(struct tw_progress *p, const struct tw_crew_state *state);
void tw_progress_erase(struct tw_progress *p);

#endif
