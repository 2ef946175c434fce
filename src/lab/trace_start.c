/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the program's process from fork(2) to exec(2): namespace, user, streams, signals, and the seccomp filter
 * that makes it stop at the calls of the table, and only there.
 *
 * The filter is inherited by all children and stays over exec. Where the caller has CAP_SYS_ADMIN (root, or
 * root in a user namespace), it is installed without no_new_privs, so set-user-ID programs keep working;
 * otherwise no_new_privs is set. A tracer that goes away would leave every filtered call failing with
 * ENOSYS (SECCOMP_RET_TRACE, seccomp(2)), so it takes the program with it (PTRACE_O_EXITKILL).
 *
 * Limits: system calls of another architecture (32-bit programs, x32) are let through unseen.
 */
#include "lab/trace_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#else
/* cppcheck-suppress preprocessorErrorDirective */
#error "which AUDIT_ARCH is this? (and check where the low half of an argument is)"
#endif

const struct tw_trace_syscall tw_trace_syscalls[] = {
	{ SYS_connect, "connect", TW_HOW_CONNECT },
	{ SYS_listen, "listen", TW_HOW_FD0 },
	{ SYS_accept, "accept", TW_HOW_ACCEPT },
	{ SYS_accept4, "accept4", TW_HOW_ACCEPT },
	{ SYS_sendto, "sendto", TW_HOW_FD0 },
	{ SYS_sendmsg, "sendmsg", TW_HOW_FD0 },
	{ SYS_sendmmsg, "sendmmsg", TW_HOW_FD0 },
	{ SYS_recvfrom, "recvfrom", TW_HOW_FD0 },
	{ SYS_recvmsg, "recvmsg", TW_HOW_FD0 },
	{ SYS_recvmmsg, "recvmmsg", TW_HOW_FD0 },
	{ SYS_read, "read", TW_HOW_FD0 },
	{ SYS_readv, "readv", TW_HOW_FD0 },
	{ SYS_write, "write", TW_HOW_FD0 },
	{ SYS_writev, "writev", TW_HOW_FD0 },
	{ SYS_sendfile, "sendfile", TW_HOW_FD0 },
	{ SYS_splice, "splice", TW_HOW_SPLICE },
	{ SYS_shutdown, "shutdown", TW_HOW_FD0 },
	{ SYS_close, "close", TW_HOW_FD0 },
	{ SYS_setsockopt, "setsockopt", TW_HOW_OPTION },
#ifdef SYS_poll
	{ SYS_poll, "poll", TW_HOW_POLL },
#endif
	{ SYS_ppoll, "ppoll", TW_HOW_POLL },
#ifdef SYS_select
	{ SYS_select, "select", TW_HOW_SELECT },
#endif
	{ SYS_pselect6, "pselect6", TW_HOW_SELECT },
#ifdef SYS_epoll_wait
	{ SYS_epoll_wait, "epoll_wait", TW_HOW_EPOLL },
#endif
	{ SYS_epoll_pwait, "epoll_pwait", TW_HOW_EPOLL },
#ifdef SYS_epoll_pwait2
	{ SYS_epoll_pwait2, "epoll_pwait2", TW_HOW_EPOLL },
#endif
	{ SYS_restart_syscall, "restart_syscall", TW_HOW_RESTART },
	{ SYS_rt_sigreturn, "rt_sigreturn", TW_HOW_SIGRETURN },
	{ SYS_getsockopt, "getsockopt(SO_ERROR)", TW_HOW_SO_ERROR },
};
const unsigned tw_trace_syscall_count = sizeof(tw_trace_syscalls) / sizeof(*tw_trace_syscalls);

/* ---- the filter ---- */

#define FILTER_MAX (2 * sizeof(tw_trace_syscalls) / sizeof(*tw_trace_syscalls) + 16)

/* The low half of an argument; the machines above are little-endian. */
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t))

static unsigned build_filter(struct sock_filter *f)
{
	const struct sock_filter trace = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	unsigned n = 0, i;

#define ADD(...) (f[n++] = (struct sock_filter)__VA_ARGS__)
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0));
	f[n++] = allow;
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (i = 0; i < tw_trace_syscall_count; i++) {
		if (tw_trace_syscalls[i].how == TW_HOW_SO_ERROR)
			continue; /* below, as it loads other words */
		ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)tw_trace_syscalls[i].number, 0,
			     1));
		f[n++] = trace;
	}
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 5));
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(1)));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOL_SOCKET, 0, 3));
	ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(2)));
	ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SO_ERROR, 0, 1));
	f[n++] = trace;
	f[n++] = allow;
#undef ADD
	return n;
}

static int install_filter(void)
{
	struct sock_filter filter[FILTER_MAX];
	struct sock_fprog program = { .filter = filter };

	program.len = (unsigned short)build_filter(filter);
	if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return 0;
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) ? -1 : 0;
}

/* ---- the surroundings ---- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return r;
}

/*
 * The lab is root in a user namespace in which the caller's own uid is 0. In one more, inside, it is the caller's
 * uid again, without any right over the lab's network.
 */
static int give_user_back(uid_t uid, gid_t gid)
{
	const uid_t outer_uid = geteuid();
	const gid_t outer_gid = getegid();
	char text[64];

	if (unshare(CLONE_NEWUSER))
		return -1;
	write_file("/proc/self/setgroups", "deny"); /* not there before Linux 3.19, nor needed */
	snprintf(text, sizeof(text), "%u %u 1", uid, outer_uid);
	if (write_file("/proc/self/uid_map", text))
		return -1;
	snprintf(text, sizeof(text), "%u %u 1", gid, outer_gid);
	return write_file("/proc/self/gid_map", text);
}

static int take_stream(int from, int to)
{
	return from < 0 || from == to || dup2(from, to) == to ? 0 : -1;
}

static int set_streams(const struct tw_trace_config *config)
{
	if (take_stream(config->in, STDIN_FILENO) || take_stream(config->out, STDOUT_FILENO) ||
	    take_stream(config->err, STDERR_FILENO))
		return -1;
	return close_range(3, ~0U, 0);
}

/* As after a login: nothing of what the lab ignores or blocks. */
static void default_signals(void)
{
	sigset_t none;
	int n;

	for (n = 1; n < NSIG; n++)
		signal(n, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static enum tw_trace_step prepare(const struct tw_trace_config *config)
{
	if (config->netns >= 0 && setns(config->netns, CLONE_NEWNET))
		return TW_STEP_NETWORK;
	if (config->as_user && give_user_back(config->uid, config->gid))
		return TW_STEP_USER;
	if (set_streams(config))
		return TW_STEP_STREAMS;
	default_signals();
	return install_filter() ? TW_STEP_FILTER : TW_STEP_NONE;
}

void tw_trace_become(const struct tw_trace_config *config,
		     volatile struct tw_trace_failure *failure)
{
	enum tw_trace_step step = prepare(config);

	if (!step) {
		execvpe(config->argv[0], (char *const *)config->argv, (char *const *)config->envp);
		step = TW_STEP_EXEC;
	}
	failure->error = errno;
	failure->step = step;
	_exit(127);
}
