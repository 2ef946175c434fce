/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_LAB_TRACE_PRIVATE_H
#define TW_LAB_TRACE_PRIVATE_H

#include "lab/trace.h"

/*
 * What the files of the trace share:
 *	trace.c         the caller's side
 *	trace_follow.c  the tracer: stops of the program's threads, and what they mean
 *	trace_look.c    sockets, epoll sets and memory of another process
 *	trace_start.c   the program's process until exec(2); the seccomp filter
 */
enum tw_trace_how {
	TW_HOW_FD0,      /* args[0] is the socket */
	TW_HOW_CONNECT,  /* and args[1], args[2] an address */
	TW_HOW_ACCEPT,   /* a listener; the result is the connection */
	TW_HOW_SPLICE,   /* args[0] or args[2] */
	TW_HOW_SO_ERROR, /* args[3] will hold an errno */
	TW_HOW_OPTION,   /* args[0] is the socket; of interest only if it fails */
	TW_HOW_POLL,
	TW_HOW_SELECT,
	TW_HOW_EPOLL,
	TW_HOW_RESTART,   /* restart_syscall: what was interrupted goes on */
	TW_HOW_SIGRETURN, /* a signal's handler has ended */
};

/* The calls that the filter stops at. */
struct tw_trace_syscall {
	int number;
	const char *name;
	enum tw_trace_how how;
};
extern const struct tw_trace_syscall tw_trace_syscalls[];
extern const unsigned tw_trace_syscall_count;

/* From the tracer to the caller, one datagram each; the end of the stream is the end of all. */
struct tw_trace_message {
	enum tw_trace_kind {
		TW_TRACE_STARTED, /* exec has happened, or (error) has failed; pid */
		TW_TRACE_BORN,    /* process pid */
		TW_TRACE_ENDED,   /* process pid, status */
		TW_TRACE_BEGIN,   /* call of thread pid: all but end_ns and result */
		TW_TRACE_END,     /* call of thread pid; end_ns 0: it never returned */
	} kind;
	pid_t pid;
	int error, step; /* positive errno, and enum tw_trace_step */
	int status;
	unsigned syscall; /* place in tw_trace_syscalls */
	int fd;
	int64_t start_ns, end_ns;
	int64_t result;
	uint16_t local_port, remote_port;
};

/* ---- trace_start.c ---- */

/* Where the way to exec(2) has ended. */
enum tw_trace_step {
	TW_STEP_NONE,
	TW_STEP_TRACER,
	TW_STEP_NETWORK,
	TW_STEP_USER,
	TW_STEP_STREAMS,
	TW_STEP_FILTER,
	TW_STEP_EXEC,
};
/* In memory that the tracer shares: what goes wrong cannot be written to it, as write(2) is filtered. */
struct tw_trace_failure {
	enum tw_trace_step step;
	int error;
};
/* In the program's process, already traced: become the program. */
void tw_trace_become(const struct tw_trace_config *config,
		     volatile struct tw_trace_failure *failure) __attribute__((noreturn));

/* ---- trace_follow.c ---- */

/* The tracer's whole life. */
void tw_trace_follow(const struct tw_trace_config *config, int control) __attribute__((noreturn));

/* ---- trace_look.c ---- */

/* What a descriptor of another process is. */
struct tw_trace_socket {
	uint64_t inode;
	bool listening;
	uint16_t local_port, remote_port; /* 0 = not known */
};
/* False: it is no TCP socket. Leaves no reference to it behind. */
bool tw_trace_look(int pidfd, int fd, struct tw_trace_socket *out);
/* Copy from the memory of a process; false if not all of it is there. */
bool tw_trace_peek(pid_t pid, uint64_t address, void *out, size_t bytes);
/* The first connection that a wait is about; false: none. */
bool tw_trace_look_wait(enum tw_trace_how how, pid_t pid, int pidfd, const uint64_t args[6],
			int *fd, struct tw_trace_socket *out);

#endif
