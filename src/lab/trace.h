/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_TRACE_H
#define TW_LAB_TRACE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Follows a user's program and tells its calls on TCP sockets: which, with which result, how long.
 * By ptrace with a seccomp filter that stops only at these calls, so the program runs at nearly its
 * own speed; children and threads are followed. A process of ours, the tracer, is between:
 *
 *	caller <-- messages -- tracer == ptrace ==> program, its children
 *
 * so that the caller neither waits for the program nor makes it wait. io_uring is not seen, nor are calls of
 * another architecture (32-bit programs).
 */
struct tw_traced_call {
	/* CLOCK_REALTIME; end 0: still inside when the program ended or the trace did */
	int64_t start_ns, end_ns;
	pid_t pid; /* thread */
	/*
	 * "connect", "recvfrom", "write" ..., static. "getsockopt(SO_ERROR)": @result is minus what it said.
	 * Waits (poll, select, epoll_wait and their kin) only of 50 ms and more, and only if a connection
	 * was among what was waited for; those that time out and begin again are one. setsockopt only if it failed.
	 */
	const char *name;
	int fd;      /* of accept the listener, of waits the first connection */
	long result; /* >= 0, or -errno */
	uint16_t local_port, remote_port; /* of the connection, 0 = not known */
};

struct tw_trace;

struct tw_trace_config {
	const char *const *argv; /* NULL-terminated; argv[0] is looked for in PATH */
	const char *const *envp; /* NULL-terminated */
	int netns;               /* namespace to enter before exec, -1 = stay */
	int in, out, err;        /* its standard streams; -1 = the caller's */
	bool as_user; /* in a user namespace of ours: give the caller's own uid back before exec */
	uid_t uid;    /* the outer ids, for as_user */
	gid_t gid;
	/* From tw_trace_work() and tw_trace_free(): every finished call, at the end the unfinished ones. */
	void (*call)(void *user, const struct tw_traced_call *call);
	void *user;
};

/*
 * Start the program; waits until exec(2) has happened. -ENOENT, -EACCES ... with a sentence when it can
 * not be run. Nobody else may wait for the caller's children (waitpid(-1)), or how it ended is lost.
 */
int tw_trace_start(struct tw_trace **out, const struct tw_trace_config *config, struct tw_err *err);
/* A file descriptor that is readable when tw_trace_work() has something to do; -1 once all is over. */
int tw_trace_fd(const struct tw_trace *t);
void tw_trace_work(struct tw_trace *t); /* never blocks */
pid_t tw_trace_pid(const struct tw_trace *t);
/* True once the program itself (not every child) has ended: its wait status in @status (may be NULL). */
bool tw_trace_ended(const struct tw_trace *t, int *status);
/* True once it and all its children, daemons too, have ended, and all calls were told. */
bool tw_trace_gone(const struct tw_trace *t);
/* kill(2) the program, or with @all every process of it; -ESRCH: gone. */
int tw_trace_signal(struct tw_trace *t, int sig, bool all);
/* SIGKILL to all of it, without waiting; tw_trace_gone() comes soon. */
void tw_trace_kill(struct tw_trace *t);
/* Kill what is left, wait until it is gone, and free. NULL is fine. */
void tw_trace_free(struct tw_trace *t);

#endif
