/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_LAB_H
#define TW_LAB_LAB_H

#include "base/err.h"
#include "phenomena/phenomenon.h"
#include "phenomena/scenario.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * One run of one scenario in one variant. It happens in a process of its own, which is the init of a
 * fresh PID namespace with a network namespace of its own: when that process dies, however it
 * dies, the kernel takes everything with it: actors, programs, namespaces, interfaces.
 *
 *	orchestrator (crew.c)            one per run, side by side
 *	   |-- supervisor, pid 1 of its namespace (run.c): script, cable, read-back
 *	          |-- client actor   (actor.c), in the client's network namespace
 *	          |-- server actor
 *	          `-- the user's programs (trace.c)
 */
struct tw_lab_job {
	const struct tw_phenomenon *phenomenon; /* NULL for a script file of the user's */
	const struct tw_scenario *scenario;
	const char *slug;    /* of the phenomenon, or the file's name */
	const char *variant; /* "v4", "v6-nots" */
	bool full_time;      /* leave the default timers: `short` statements are skipped */
	const char *keep;    /* folder for captures and record; NULL: they live in memory only */
	uint64_t seed;

	/* The user's programs; argv NULL = the actor plays that end. */
	const char *const *program[2]; /* [TW_CLIENT], [TW_SERVER] */
	enum tw_side command; /* whose program the asserts are about; the other is --peer's */
	/* What our server speaks to the user's client: "auto", "http", "echo", "none". */
	const char *serve;
	enum tw_lab_trigger {
		TW_TRIGGER_DEFAULT, /* after the first byte from the client; connect-stage scenarios: before it starts */
		TW_TRIGGER_CONNECT,
		TW_TRIGGER_BYTES,
		TW_TRIGGER_TIME,
		TW_TRIGGER_LINE,
	} trigger;
	uint64_t trigger_bytes;
	int64_t trigger_ns;
	const char *trigger_line; /* extended regular expression on the program's output */
	/* The program must have ended by then; 0: not asserted, and stopped 60 s after the fault. */
	int64_t within_ns;
	int expect_exit;     /* -1: not asserted */
	unsigned attempt;    /* 0: the first */
	bool last_attempt;   /* it is judged, however late the wire was */
	bool inside_user_ns; /* we are not root outside */
	uid_t uid;           /* the caller's, outside */
	gid_t gid;
};

/* What the user asked to wait for comes on top of what a run may take. */
#define TW_LAB_ASKED_MAX_NS (INT64_C(30) * 24 * 3600 * 1000000000)
static inline int64_t tw_lab_asked_ns(const struct tw_lab_job *job)
{
	int64_t within_ns = job->within_ns, trigger_ns = job->trigger_ns;

	if (within_ns > TW_LAB_ASKED_MAX_NS || trigger_ns > TW_LAB_ASKED_MAX_NS - within_ns)
		return TW_LAB_ASKED_MAX_NS;
	return within_ns + trigger_ns;
}

/* Does a program of the user's play an end? */
static inline bool tw_lab_has_program(const struct tw_lab_job *job)
{
	return job->program[TW_CLIENT] || job->program[TW_SERVER];
}

/* Kernels take a frame that comes so late for a lost one: what follows is not the script's story. */
#define TW_LAB_LATE_NS (INT64_C(100) * 1000000)

/*
 * The supervisor's work: build the hosts, play the script, read the captures back, judge. Called in the
 * prepared process. Writes the record, one JSON object (docs/lab.md, "The record"), to @out_fd.
 * Return: 0 if a record was written, whatever it says; a negative errno otherwise. -EAGAIN: it did not come as
 * expected, but its wire was so late that this says nothing, and this was not the last attempt.
 */
int tw_lab_run(const struct tw_lab_job *job, int out_fd, struct tw_err *err);

#endif
