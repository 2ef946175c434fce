/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_ISOLATE_H
#define TW_LAB_ISOLATE_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * A process that is alone in the world: pid 1 of a PID namespace, with network, mount and IPC
 * namespaces of its own. When it ends, however it ends, the kernel kills all that is left in there and
 * takes the namespaces down; when the caller dies, it dies.
 *
 *	caller                 pipes: what the body writes; what went wrong
 *	  `-- keeper           outside: waits for the body, and kills it when told to (or when it dies)
 *	        `-- body       pid 1 inside
 */
struct tw_isolate_config {
	/*
	 * Runs inside; @user_ns tells that root there is nobody outside. What it writes to @out_fd is
	 * read by the caller. 0, or a negative errno with its sentence.
	 */
	int (*body)(void *user, bool user_ns, int out_fd, struct tw_err *err);
	void *user;
	/*
	 * Stay in the caller's process group: a program inside may read from the terminal, and hears
	 * Ctrl-C. Otherwise the terminal's signals do not reach it.
	 */
	bool foreground;
};

struct tw_isolated {
	pid_t keeper;
	int out;    /* to read what the body writes; end of file: the body has ended */
	int report; /* of isolate.c */
};

/*
 * Make the namespaces and start the body in them. Returns when it runs, or with a sentence that says
 * which right or setting is missing (-EPERM, -ENOSPC, -EINVAL ...). The caller must not have threads.
 */
int tw_isolate_start(struct tw_isolated *out, const struct tw_isolate_config *config,
		     struct tw_err *err);
/* Kill all that runs inside; tw_isolate_wait() is still needed. */
void tw_isolate_stop(const struct tw_isolated *i);
/*
 * Wait until nothing of it is left, and close the pipes. Read @out to its end before: the body waits
 * until somebody does. 0, or what the body returned with its
 * sentence; -ECANCELED if it was killed, with a sentence that names the signal.
 */
int tw_isolate_wait(struct tw_isolated *i, struct tw_err *err);

#endif
