/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_KERNEL_WATCH_H
#define TW_KERNEL_WATCH_H

#include "base/err.h"
#include "diagnose/finding.h"
#include "kernel/assume.h"
#include "kernel/filter.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Watches the running kernel: loads the BPF programs, gathers what they tell about each connection, and
 * hands out a finding per failed one.
 */
struct tw_watch;

struct tw_watch_config {
	bool all; /* findings for connections that end well, too */
	bool binds; /* bind() and listen() that find their port taken: every system call of the host pays for it */
	bool harmless; /* ... only for those that were worth a record: a reset that nobody minds */
	struct tw_live_filter filter; /* applied in the kernel; zero: everything passes */
	const uint32_t *pids;         /* only these processes and their children */
	unsigned pid_count;
	bool follow;                     /* processes come later: tw_watch_follow() */
	const char *comm;                /* NULL: any */
	uint64_t cgroup;                 /* id (inode), with those below it; 0: any */
	uint32_t netns;                  /* inode, 0: any */
	int64_t patience_ns;             /* how long a socket may wait for the same; 0: 60 s */
	struct tw_assumption assumption; /* for tests */
	/* Ownership goes to the callback. */
	void (*finding)(void *user, struct tw_finding *f);
	void *user;
};

/* How the watch itself fares. */
struct tw_watch_health {
	uint64_t records;        /* read from the kernel */
	uint64_t lost;           /* the ring was full */
	uint64_t skipped;        /* a program was not run, as it would have interrupted itself */
	uint64_t folded;         /* segments of floods that were only counted */
	uint64_t forgotten;      /* connections given up unjudged: too many at once */
	uint64_t pending;        /* connections that are being gathered */
	const char *missing[16]; /* probes that this kernel lacks: what is lost, whole sentences */
	unsigned missing_count;
};

/*
 * Loads and attaches. -ENOTSUP: built without; -EPERM: no rights; -ENOENT: no BTF, or nothing useful is left;
 * each with a sentence. The caller gives up its rights afterwards (tw_watch_drop_rights()).
 */
int tw_watch_open(struct tw_watch **out, const struct tw_watch_config *config, struct tw_err *err);

/* Keep CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN where the kernel has no such), drop every other right for good. */
int tw_watch_drop_rights(struct tw_err *err);

/* Follow this process and its children from now on. */
int tw_watch_follow(struct tw_watch *w, pid_t pid, struct tw_err *err);

/* Wait at most @timeout_ms, read what came, judge what is ripe. 0 or a negative errno. */
int tw_watch_work(struct tw_watch *w, int timeout_ms);

/* Judge everything that is still being gathered. */
void tw_watch_finish(struct tw_watch *w);

void tw_watch_health(const struct tw_watch *w, struct tw_watch_health *h);
void tw_watch_close(struct tw_watch *w); /* NULL is fine */

#endif
