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
 * own speed; children and threads are followed. io_uring is not seen.
 */
struct tw_traced_call {
	int64_t start_ns, end_ns; /* CLOCK_REALTIME; end 0: still inside when the program ended or the trace did */
	pid_t pid;                /* thread */
	const char *name;         /* "connect", "recvfrom", "write" ..., static */
	int fd;
	long result;              /* >= 0, or -errno */
	uint16_t local_port, remote_port; /* of the socket, 0 = not known */
	char program[16];         /* comm */
};

struct tw_trace;

struct tw_trace_config {
	const char *const *argv;  /* NULL-terminated */
	const char *const *envp;  /* NULL-terminated */
	int netns;                /* namespace to enter before exec, -1 = stay */
	int in, out, err;         /* its standard streams; -1 = the caller's */
	bool as_user;             /* in a user namespace of ours: give the caller's own uid back before exec */
	uid_t uid;                /* the outer ids, for as_user */
	gid_t gid;
	/* Called for every finished call, and at the end for unfinished ones. */
	void (*call)(void *user, const struct tw_traced_call *call);
	void *user;
};

/* Start the program. -ENOENT, -EACCES ... with a sentence when it can not be run. */
int tw_trace_start(struct tw_trace **out, const struct tw_trace_config *config, struct tw_err *err);
/* A file descriptor that is readable when tw_trace_work() has something to do. */
int tw_trace_fd(const struct tw_trace *t);
void tw_trace_work(struct tw_trace *t);
pid_t tw_trace_pid(const struct tw_trace *t);
/* True once the program itself (not every child) has ended: its wait status in @status. */
bool tw_trace_ended(const struct tw_trace *t, int *status);
/* Kill what is left of it with @sig (0: only detach) and free. */
void tw_trace_free(struct tw_trace *t, int sig);

#endif
