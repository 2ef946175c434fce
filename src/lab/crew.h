/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_CREW_H
#define TW_LAB_CREW_H

#include "lab/lab.h"

#include <jansson.h>
#include <signal.h>

/* A list of runs, carried out side by side, each alone in namespaces of its own (isolate.h). */
struct tw_crew_job {
	struct tw_lab_job job;
	unsigned repetition; /* from 1 on; 0: it runs once */
};

struct tw_crew_result {
	const struct tw_crew_job *job;
	/*
	 * The run's record. If it left none, one is made up: `passed` is false and `error` says why.
	 * Borrowed: the callback may take its own reference.
	 */
	json_t *record;
	bool passed;
	int64_t duration_ns; /* from the start of its process to its end */
};

struct tw_crew_state {
	unsigned total, finished, failed, running;
	int64_t elapsed_ns;
};

struct tw_crew_config {
	unsigned side_by_side; /* 0: six per processor */
	/* What a run does in its process: tw_lab_run. */
	int (*run)(const struct tw_lab_job *job, int out_fd, struct tw_err *err);
	bool foreground; /* isolate.h; for one run with a program of the user's */
	const volatile sig_atomic_t
		*stop; /* becomes true: kill what runs, and return; may be NULL */
	/* Of each run, in the order of the list. Not 0: stop, and return it. */
	int (*result)(void *user, const struct tw_crew_result *result);
	/* From time to time, a few times a second at least; may be NULL. */
	void (*progress)(void *user, const struct tw_crew_state *state);
	void *user;
};

/*
 * Run all of them. 0, also if runs failed or *stop ended it (then results are missing); otherwise a
 * negative errno with a sentence: namespaces can not be made, memory is out, or what @result returned.
 * Nothing is left of any run when it returns. The caller must not have threads.
 */
int tw_crew_run(const struct tw_crew_config *config, const struct tw_crew_job *jobs, unsigned count,
		struct tw_crew_state *state, struct tw_err *err);

/* "process-died/unread/v4", "my.lab/v6", with " #2" for the second repetition; into @out. */
#define TW_CREW_NAME 256
const char *tw_crew_name(char out[TW_CREW_NAME], const struct tw_crew_job *job);

#endif
