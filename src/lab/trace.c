/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: a traced program, seen from the caller: its start, what the tracer says of it, its end.
 *
 * The tracer (trace_follow.c) is a child of the caller. It tells by a socket pair of datagrams; when it is gone,
 * all of the program is. Its SIGTERM means: kill everything, tell what was left unfinished, end.
 *
 * Limits: a program that is itself a debugger (strace, gdb), or that a debugger shall follow, does not
 * work.
 */
#include "lab/trace_private.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* To die of a SIGKILL takes long only where the kernel waits for a disk; then nobody waits for that. */
#define DEATH_NS (5 * TW_NS_PER_S)

struct tw_trace {
	struct tw_trace_config config;
	pid_t tracer;
	int fd; /* -1: the tracer is gone */
	pid_t program;
	bool ended;
	int status;
	struct tw_traced_call *open; /* told as begun */
	size_t open_count, open_room;
	pid_t *processes; /* but for the program itself */
	size_t process_count, process_room;
};

/* ---- lists ---- */

/* Room for one more of @size bytes; false: memory is out. */
static bool make_room(void **list, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room ? *room * 2 : 16;
	void *bigger;

	if (count < *room)
		return true;
	bigger = realloc(*list, wanted * size);
	if (!bigger)
		return false;
	*list = bigger;
	*room = wanted;
	return true;
}

static void add_process(struct tw_trace *t, pid_t pid)
{
	if (make_room((void **)&t->processes, t->process_count, &t->process_room, sizeof(pid)))
		t->processes[t->process_count++] = pid;
}

static void remove_process(struct tw_trace *t, pid_t pid)
{
	size_t i;

	for (i = 0; i < t->process_count; i++)
		if (t->processes[i] == pid) {
			t->processes[i] = t->processes[--t->process_count];
			return;
		}
}

/* ---- messages ---- */

static void tell(struct tw_trace *t, const struct tw_traced_call *call)
{
	if (t->config.call)
		t->config.call(t->config.user, call);
}

static struct tw_traced_call call_of(const struct tw_trace_message *m)
{
	return (struct tw_traced_call){
		.start_ns = m->start_ns,
		.end_ns = m->end_ns,
		.pid = m->pid,
		.name = tw_trace_syscalls[m->syscall].name,
		.fd = m->fd,
		.result = (long)m->result,
		.local_port = m->local_port,
		.remote_port = m->remote_port,
	};
}

static void begin_call(struct tw_trace *t, const struct tw_trace_message *m)
{
	if (make_room((void **)&t->open, t->open_count, &t->open_room, sizeof(*t->open)))
		t->open[t->open_count++] = call_of(m);
}

static void end_call(struct tw_trace *t, const struct tw_trace_message *m)
{
	const struct tw_traced_call call = call_of(m);
	size_t i;

	for (i = 0; i < t->open_count; i++)
		if (t->open[i].pid == m->pid && t->open[i].start_ns == m->start_ns) {
			t->open[i] = t->open[--t->open_count];
			break;
		}
	tell(t, &call);
}

static void take_message(struct tw_trace *t, const struct tw_trace_message *m)
{
	switch (m->kind) {
	case TW_TRACE_STARTED:
		break; /* the first, taken by tw_trace_start() */
	case TW_TRACE_BORN:
		add_process(t, m->pid);
		break;
	case TW_TRACE_ENDED:
		if (m->pid == t->program) {
			t->ended = true;
			t->status = m->status;
		} else {
			remove_process(t, m->pid);
		}
		break;
	case TW_TRACE_BEGIN:
		begin_call(t, m);
		break;
	case TW_TRACE_END:
		end_call(t, m);
		break;
	}
}

/* The tracer is gone, and with it the program; was it killed itself, its last words are missing. */
static void take_end(struct tw_trace *t)
{
	size_t i;

	while (waitpid(t->tracer, NULL, 0) < 0 && errno == EINTR)
		;
	close(t->fd);
	t->fd = -1;
	for (i = 0; i < t->open_count; i++)
		tell(t, &t->open[i]);
	t->open_count = t->process_count = 0;
	if (!t->ended) {
		t->ended = true;
		t->status = SIGKILL; /* as a wait status: killed by it (PTRACE_O_EXITKILL) */
	}
}

void tw_trace_work(struct tw_trace *t)
{
	struct tw_trace_message m;
	ssize_t n;

	while (t->fd >= 0) {
		n = recv(t->fd, &m, sizeof(m), MSG_DONTWAIT);
		if (n == sizeof(m)) {
			take_message(t, &m);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			return;
		} else {
			take_end(t);
		}
	}
}

/* ---- start ---- */

static int explain_failure(const struct tw_trace_message *m, const char *name, struct tw_err *err)
{
	const int error = m->error ? m->error : ECHILD;
	const char *why = strerror(error);

	switch ((enum tw_trace_step)m->step) {
	case TW_STEP_EXEC:
		if (error == ENOENT && strchr(name, '/') && access(name, F_OK) == 0)
			return tw_err_set(err, -error,
					  "cannot run '%s': the interpreter that it names is not "
					  "there",
					  name);
		return tw_err_set(err, -error, "cannot run '%s': %s", name, why);
	case TW_STEP_NETWORK:
		return tw_err_set(err, -error, "'%s' cannot enter the network of its host: %s",
				  name, why);
	case TW_STEP_USER:
		return tw_err_set(err, -error, "'%s' cannot be given your own user id: %s", name,
				  why);
	case TW_STEP_STREAMS:
		return tw_err_set(err, -error, "'%s' cannot be given its standard streams: %s",
				  name, why);
	case TW_STEP_FILTER:
		return tw_err_set(err, -error,
				  "'%s' cannot be followed: no seccomp filter can be installed: %s",
				  name, why);
	default:
		return tw_err_set(err, -error, "'%s' cannot be followed: ptrace: %s", name, why);
	}
}

static int await_start(struct tw_trace *t, struct tw_err *err)
{
	const char *name = t->config.argv[0];
	struct tw_trace_message m;
	ssize_t n;

	do
		n = recv(t->fd, &m, sizeof(m), 0);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(m))
		return tw_err_set(err, -ESRCH, "'%s' cannot be followed: the tracer ended", name);
	if (m.error || m.step)
		return explain_failure(&m, name, err);
	t->program = m.pid;
	return 0;
}

int tw_trace_start(struct tw_trace **out, const struct tw_trace_config *config, struct tw_err *err)
{
	struct tw_trace *t;
	int pair[2], r;

	if (!config->argv[0] || !config->argv[0][0])
		return tw_err_set(err, -EINVAL, "the program to run has no name");
	t = calloc(1, sizeof(*t));
	if (!t)
		return tw_err_set(err, -ENOMEM, "memory is out");
	t->config = *config;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		r = tw_err_set(err, -errno, "no socket pair for '%s': %s", config->argv[0],
			       strerror(errno));
		free(t);
		return r;
	}
	t->tracer = fork();
	if (!t->tracer)
		tw_trace_follow(config, pair[1]);
	close(pair[1]);
	t->fd = pair[0];
	r = t->tracer < 0 ? tw_err_set(err, -errno, "cannot start '%s': %s", config->argv[0],
				       strerror(errno))
			  : await_start(t, err);
	if (r) {
		tw_trace_free(t);
		return r;
	}
	*out = t;
	return 0;
}

/* ---- asking, and the end ---- */

int tw_trace_fd(const struct tw_trace *t)
{
	return t->fd;
}

pid_t tw_trace_pid(const struct tw_trace *t)
{
	return t->program;
}

bool tw_trace_ended(const struct tw_trace *t, int *status)
{
	if (t->ended && status)
		*status = t->status;
	return t->ended;
}

bool tw_trace_gone(const struct tw_trace *t)
{
	return t->fd < 0;
}

int tw_trace_signal(struct tw_trace *t, int sig, bool all)
{
	size_t i;

	if (t->ended && (!all || !t->process_count))
		return -ESRCH;
	for (i = 0; all && i < t->process_count; i++)
		kill(t->processes[i], sig);
	return t->ended || !kill(t->program, sig) ? 0 : -errno;
}

void tw_trace_kill(struct tw_trace *t)
{
	if (t->fd >= 0 && t->tracer > 0)
		kill(t->tracer, SIGTERM);
}

void tw_trace_free(struct tw_trace *t)
{
	const int64_t until = tw_clock_ns(CLOCK_MONOTONIC) + DEATH_NS;
	struct pollfd p = { .events = POLLIN };

	if (!t)
		return;
	if (t->tracer < 0) {
		close(t->fd);
		t->fd = -1;
	}
	tw_trace_kill(t);
	while (t->fd >= 0 && tw_clock_ns(CLOCK_MONOTONIC) < until) {
		p.fd = t->fd;
		poll(&p, 1, 100);
		tw_trace_work(t);
	}
	if (t->fd >= 0) {
		kill(t->tracer, SIGKILL);
		take_end(t);
	}
	free(t->open);
	free(t->processes);
	free(t);
}
