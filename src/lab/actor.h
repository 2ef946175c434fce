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
	int64_t start_ns, end_ns; /* CLOCK_REALTIME; of the last system call that decided the result: start of the statement's first */
	long result;              /* bytes, poll events ..., or -errno; 0 of recv is the end of the stream */
	bool ended;               /* the process ended instead of answering: wait status in @status */
	int status;
	uint16_t local_port, remote_port; /* of the socket used, 0 = not known */
};

/* Fork a process into @host's namespace, with @v6 choosing addresses. The script's name is "client.2". */
int tw_actor_new(struct tw_actor **out, struct tw_net *net, enum tw_host_id host, unsigned process,
		 bool v6, bool nat, struct tw_err *err);
void tw_actor_free(struct tw_actor *a); /* kills it if need be, and reaps it */

/* Readable when a result, or the process's end, can be taken. */
int tw_actor_fd(const struct tw_actor *a);
pid_t tw_actor_pid(const struct tw_actor *a);
const char *tw_actor_name(const struct tw_actor *a);

/* Begin a call (one at a time: -EBUSY). The statement is borrowed until its result was taken. */
int tw_actor_begin(struct tw_actor *a, const struct tw_statement *s);
bool tw_actor_busy(const struct tw_actor *a);
/* When the call that is going on was begun (CLOCK_REALTIME), 0 = none. */
int64_t tw_actor_since_ns(const struct tw_actor *a);
/* The result of the call that was begun: 1 if there was one, 0 if not yet. Never blocks. */
int tw_actor_take(struct tw_actor *a, struct tw_actor_result *out);
/* kill(2), and for deadly signals: wait until it is gone. */
int tw_actor_signal(struct tw_actor *a, int sig);

/*
 * Turn it into the service for a user's program: accept every connection and answer by @kind ("auto",
 * "http", "echo", "none"), the newest connection being socket #1, until the next tw_actor_begin().
 */
int tw_actor_serve(struct tw_actor *a, const char *kind, struct tw_err *err);

#endif
