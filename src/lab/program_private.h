/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_PROGRAM_PRIVATE_H
#define TW_LAB_PROGRAM_PRIVATE_H

#include "lab/program.h"

#include "base/arena.h"

#include <regex.h>
#include <sys/types.h>

/*
 * What the files of a user's program share:
 *	program.c         start, times, end
 *	program_words.c   its arguments and environment
 *	program_tee.c     its output, passed on and searched for a line
 *	program_judge.c   what it lived through, asserts, the record
 */

/* Of a program that makes more calls than both together, the middle is not kept. */
#define TW_PROGRAM_FIRST 1000u
#define TW_PROGRAM_LAST  1000u

struct tw_program_calls {
	struct tw_traced_call first[TW_PROGRAM_FIRST], last[TW_PROGRAM_LAST]; /* @last is a ring */
	uint64_t count;
	unsigned connections;
	struct tw_traced_call connecting; /* the last connect(2) */
	struct tw_traced_call longest;    /* of those that ended */
	struct tw_traced_call unfinished; /* the one that began first, name NULL: none */
};

/* One stream on its way through us. */
struct tw_program_tee {
	int from, to; /* -1: over */
	size_t have, done;
	char bytes[4096];
	size_t line_length;
	char line[4096];
};

struct tw_program {
	struct tw_program_config config;
	struct tw_arena arena;
	const char *const *argv, *const *envp;
	struct tw_trace *trace;
	int epoll, timer;
	int64_t start_ns, fault_ns;
	int64_t end_ns;  /* 0: it has not ended, as far as is known */
	int64_t stop_ns; /* of tw_program_stop(), 0: not asked */
	bool killed;     /* after the stop */
	bool line_searched, line_seen;
	regex_t line;
	struct tw_program_tee tee[2];
	struct tw_program_calls calls;
};

static inline const char *tw_program_name(const struct tw_program *p)
{
	return p->argv[0];
}

/* ---- program_words.c ---- */

/* The job's argv with {host} and {port} filled in, and the environment; false: memory is out. */
bool tw_program_words(struct tw_program *p);

/* ---- program_tee.c ---- */

/* The pipes that the program writes to, in @out[2] (the caller closes them after the start). */
int tw_program_tee_open(struct tw_program *p, int out[2], struct tw_err *err);
/*
 * Pass on what there is without waiting; true if something waits for the reader of our own output, and this
 * is to be called again soon.
 */
bool tw_program_tee_work(struct tw_program *p);
void tw_program_tee_close(struct tw_program *p);

/* ---- program_judge.c ---- */
void tw_program_note(struct tw_program *p, const struct tw_traced_call *call);

#endif
