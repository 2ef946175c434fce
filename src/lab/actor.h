/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_ACTOR_H
#define TW_LAB_ACTOR_H

#include "base/err.h"
#include "lab/net.h"
#include "lab/script.h"

#include <sys/types.h>

/*
 * An end's process: it lives in a host's namespace and carries out one call at a time, really blocking,
 * as an application would; its parent tells it what by a socket pair. When it is killed, crashes or
 * exits, the kernel treats its sockets as anybody's.
 */
struct tw_actor;

/* A call as it happened; from tw_actor_take(). */
struct tw_actor_result {
	const struct tw_statement *statement;
	/* CLOCK_REALTIME; around the statement's system calls, of which there may be several. */
	int64_t start_ns, end_ns;
	int64_t starved_ns; /* of it ready to run, and without a processor */
	/*
	 * Bytes, poll events, or -errno. 0 of recv is the end of the stream, also when some of N bytes came
	 * before it. Of `error` it is minus what SO_ERROR said. -EBUSY: `accept` into a socket that is
	 * still open, or SOCKET_MPTCP of one that exists already.
	 */
	long result;
	bool ended; /* the process ended instead of answering: wait status in @status */
	int status;
	uint16_t local_port, remote_port; /* of the socket used, 0 = not known */
};

/*
 * Fork a process into @host's namespace, with @v6 choosing addresses. The script's name is "client.2".
 * @net NULL: it stays in the caller's namespace, and the other end is 127.0.0.1 or ::1. Nobody else may
 * wait for the process (waitpid(-1)), or how it ended is lost.
 */
int tw_actor_new(struct tw_actor **out, struct tw_net *net, enum tw_host_id host, unsigned process,
		 bool v6, bool nat, struct tw_err *err);
void tw_actor_free(struct tw_actor *a); /* kills it if need be, and reaps it */

/* Readable when a result, or the process's end, can be taken; -1 once its end was taken. */
int tw_actor_fd(const struct tw_actor *a);
pid_t tw_actor_pid(const struct tw_actor *a);
const char *tw_actor_name(const struct tw_actor *a);

/*
 * Begin a call (one at a time: -EBUSY; -ESRCH: the process has ended; -EINVAL: the statement is none that
 * a process carries out itself). The statement is borrowed until its result was taken.
 */
int tw_actor_begin(struct tw_actor *a, const struct tw_statement *s);
bool tw_actor_busy(const struct tw_actor *a);
/* When the call that is going on was begun (CLOCK_REALTIME), 0 = none. */
int64_t tw_actor_since_ns(const struct tw_actor *a);
/*
 * The result of the call that was begun: 1 if there was one, 0 if not yet. Never blocks. The end of the
 * process is told once, with statement NULL if no call was going on.
 */
int tw_actor_take(struct tw_actor *a, struct tw_actor_result *out);
/*
 * kill(2), and wait until the signal has done its work: the process is gone (tw_actor_take() tells the
 * end), has stopped, or goes on again. A deadly signal other than SIGKILL waits with a stopped process.
 * -ESRCH: it has ended before.
 */
int tw_actor_signal(struct tw_actor *a, int sig);

/*
 * Turn it into the service for a user's program: accept every connection and answer by @kind ("auto",
 * "http", "echo", "none"), the newest connection being socket #1, until the next tw_actor_begin().
 * It listens on port 80, unless `listen` was carried out before; when this returns, it does.
 */
int tw_actor_serve(struct tw_actor *a, const char *kind, struct tw_err *err);

#endif
