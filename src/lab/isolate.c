/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Namespaces for one run, so that nothing of it can outlive it.
 *
 *	caller                       keeper                          body (pid 1 inside)
 *	  |-- fork() ------------------>|
 *	  |                    [unshare(NEWUSER), id maps]
 *	  |                    unshare(NEWNET|NEWPID|NEWNS|NEWIPC)
 *	  |                    die with the caller (PR_SET_PDEATHSIG)
 *	  |                             |-- fork() ------------------->|
 *	  |                             |                    die with the keeper
 *	  |                             |                    private mounts, new /proc
 *	  |<--- report: it runs ---------------------------------------|
 *	  |<=== out: the record =======================================|
 *	  |<--- report: failed, a sentence ----------------------------|
 *	  |                             |<-- SIGCHLD, all is gone -----'
 *	  |<-- exit status -------------|
 *
 * Why two processes: unshare(CLONE_NEWPID) takes effect for children only, and somebody outside must
 * wait: wait() for pid 1 of a PID namespace returns after the kernel has killed and reaped everything in
 * it (zap_pid_ns_processes()), so the keeper's end says that all is gone.
 *
 * PR_SET_PDEATHSIG is forgotten when credentials change (commit_creds()), so it is set after the user
 * namespace was entered; and it says nothing of a parent that died before, so that is asked afterwards. A
 * SIGKILL from outside reaches pid 1, which ignores all other signals that it has no handler for. The body can not ask
 * getppid(), which is 0 for a parent outside of its namespace; it looks at a pipe of which only the keeper
 * holds the other end.
 *
 * Limits: as an ordinary user there is one uid inside, root, which is the caller outside.
 */
#include "lab/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN_NAMESPACES (CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC)

/* One message on the report pipe; smaller than PIPE_BUF, so whole or not at all. */
struct report {
	int code; /* 0: the body runs; else negative errno */
	char text[sizeof(((struct tw_err *)NULL)->text)];
};

/* What a new process needs of its parent. */
struct start {
	const struct tw_isolate_config *config;
	pid_t caller;
	uid_t uid;
	gid_t gid;
	int out, report; /* write ends */
	int alive;       /* of the keeper, read end */
	bool user_ns;
};

static void tell(int fd, int code, const char *text)
{
	struct report r = { .code = code };

	snprintf(r.text, sizeof(r.text), "%s", text);
	while (write(fd, &r, sizeof(r)) < 0 && errno == EINTR)
		;
}

/* ---- what is missing ---- */

static long setting(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? strtol(text, NULL, 10) : -1;
}

/* A limit of 0 (user.max_net_namespaces ...) forbids namespaces of that kind. */
static const char *exhausted_limit(bool user_ns)
{
	static const char *const limits[][2] = {
		{ "/proc/sys/user/max_user_namespaces", "user.max_user_namespaces" },
		{ "/proc/sys/user/max_net_namespaces", "user.max_net_namespaces" },
		{ "/proc/sys/user/max_pid_namespaces", "user.max_pid_namespaces" },
		{ "/proc/sys/user/max_mnt_namespaces", "user.max_mnt_namespaces" },
		{ "/proc/sys/user/max_ipc_namespaces", "user.max_ipc_namespaces" },
	};
	size_t i;

	for (i = user_ns ? 0 : 1; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (setting(limits[i][0]) == 0)
			return limits[i][1];
	return NULL;
}

/* One sentence: the call that was refused, and the setting behind it where one is known. */
static int refused(struct tw_err *err, int code, const char *call, bool user_ns)
{
	const char *limit = code == -ENOSPC || code == -EUSERS ? exhausted_limit(user_ns) : NULL;
	const char *fail = strerror(-code);

	if (limit)
		return tw_err_set(
			err, code,
			"the lab needs namespaces of its own, and %s failed (%s): %s is 0", call,
			fail, limit);
	if (code == -EINVAL || code == -ENOSYS)
		return tw_err_set(err, code,
				  "the lab needs namespaces of its own, and %s failed (%s): this "
				  "kernel was built without them",
				  call, fail);
	if (!user_ns)
		return tw_err_set(err, code,
				  "the lab needs namespaces of its own, and %s failed (%s)", call,
				  fail);
	if (setting("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return tw_err_set(err, code,
				  "the lab needs namespaces of its own, and %s failed (%s): set "
				  "kernel.unprivileged_userns_clone to 1, or run it as root",
				  call, fail);
	if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0)
		return tw_err_set(
			err, code,
			"the lab needs namespaces of its own, and %s failed (%s): set "
			"kernel.apparmor_restrict_unprivileged_userns to 0, or run it as root",
			call, fail);
	return tw_err_set(
		err, code,
		"the lab needs namespaces of its own, and %s failed (%s): run it as root, or "
		"where ordinary users may make user namespaces (in a container, its "
		"profile may forbid both)",
		call, fail);
}

/* ---- the keeper ---- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Root inside is the caller outside. Without a privileged helper more than this one id is not to be had. */
static int enter_user_ns(struct start *s, struct tw_err *err)
{
	char map[64];
	int r;

	if (unshare(CLONE_NEWUSER))
		return refused(err, -errno, "unshare(CLONE_NEWUSER)", true);
	s->user_ns = true;
	/* Groups could be dropped to get around a file that forbids a group: user_namespaces(7). */
	r = write_file("/proc/self/setgroups", "deny");
	if (r && r != -ENOENT)
		return refused(err, r, "writing /proc/self/setgroups", true);
	snprintf(map, sizeof(map), "0 %u 1", s->uid);
	r = write_file("/proc/self/uid_map", map);
	if (r)
		return refused(err, r, "writing /proc/self/uid_map", true);
	snprintf(map, sizeof(map), "0 %u 1", s->gid);
	r = write_file("/proc/self/gid_map", map);
	return r ? refused(err, r, "writing /proc/self/gid_map", true) : 0;
}

static int enter_namespaces(struct start *s, struct tw_err *err)
{
	static const char call[] = "unshare(CLONE_NEWNET|NEWPID|NEWNS|NEWIPC)";
	int r;

	if (unshare(OWN_NAMESPACES) == 0)
		return 0;
	if (errno != EPERM)
		return refused(err, -errno, call, false);
	r = enter_user_ns(s, err);
	if (r)
		return r;
	return unshare(OWN_NAMESPACES) ? refused(err, -errno, call, true) : 0;
}

/* Private mounts, and a /proc that shows the processes in here. */
static int own_mounts(struct tw_err *err)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return tw_err_set(err, -errno, "making mounts private failed: %s", strerror(errno));
	/* A container that hides parts of /proc may not make a whole one; then the old one stays. */
	(void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	return 0;
}

/* Signals as exec(2) finds them; pid 1 ignores what it does not handle. */
static void default_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void body(struct start *s)
{
	struct pollfd keeper = { .fd = s->alive, .events = POLLIN };
	struct tw_err err = { 0 };
	int r;

	default_signals();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || poll(&keeper, 1, 0) != 0)
		_exit(1);
	close(s->alive);
	r = own_mounts(&err);
	if (!r) {
		tell(s->report, 0, "");
		r = s->config->body(s->config->user, s->user_ns, s->out, &err);
	}
	if (r)
		tell(s->report, r, err.text);
	_exit(r ? 1 : 0);
}

/* Wait for the body; SIGTERM ends it. Exits as it did, 128 + N for signal N. */
static _Noreturn void keep(pid_t pid, const sigset_t *watched)
{
	int status, sig;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			break;
		if (got < 0 && errno != EINTR)
			_exit(127);
		if (sigwait(watched, &sig) == 0 && sig == SIGTERM)
			kill(pid, SIGKILL);
	}
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void keeper_signals(sigset_t *watched)
{
	static const int ignored[] = {
		SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE
	};
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(watched);
	sigaddset(watched, SIGTERM);
	sigaddset(watched, SIGCHLD);
	sigprocmask(SIG_BLOCK, watched, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
}

static _Noreturn void keeper(struct start *s)
{
	struct tw_err err = { 0 };
	sigset_t watched;
	int alive[2];
	pid_t pid;

	keeper_signals(&watched);
	if (!s->config->foreground)
		setpgid(0, 0);
	if (enter_namespaces(s, &err)) {
		tell(s->report, err.code, err.text);
		_exit(1);
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != s->caller)
		_exit(1);
	pid = pipe2(alive, O_CLOEXEC) ? -1 : fork();
	if (pid < 0) {
		tw_err_set(&err, -errno, "fork failed: %s", strerror(errno));
		tell(s->report, err.code, err.text);
		_exit(1);
	}
	if (pid == 0) {
		close(alive[1]);
		s->alive = alive[0];
		body(s);
	}
	close(alive[0]);
	close(s->out);
	close(s->report);
	keep(pid, &watched);
}

/* ---- the caller ---- */

/* The next report: 1, or 0 at the end of the pipe. */
static int next_report(int fd, struct report *r)
{
	ssize_t n;

	do {
		n = read(fd, r, sizeof(*r));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(*r))
		return 0;
	r->text[sizeof(r->text) - 1] = '\0';
	return 1;
}

static int open_pipes(int records[2], int reports[2], struct tw_err *err)
{
	if (pipe2(records, O_CLOEXEC))
		return tw_err_set(err, -errno, "pipe failed: %s", strerror(errno));
	if (pipe2(reports, O_CLOEXEC)) {
		int code = -errno;

		close(records[0]);
		close(records[1]);
		return tw_err_set(err, code, "pipe failed: %s", strerror(-code));
	}
	return 0;
}

int tw_isolate_start(struct tw_isolated *out, const struct tw_isolate_config *config,
		     struct tw_err *err)
{
	struct start s = {
		.config = config, .caller = getpid(), .uid = geteuid(), .gid = getegid()
	};
	int records[2] = { -1, -1 }, reports[2] = { -1, -1 }, r;
	struct report first;

	r = open_pipes(records, reports, err);
	if (r)
		return r;
	s.out = records[1];
	s.report = reports[1];
	*out = (struct tw_isolated){ .out = records[0], .report = reports[0] };
	out->keeper = fork();
	if (out->keeper == 0)
		keeper(&s);
	r = out->keeper < 0 ? -errno : 0;
	close(records[1]);
	close(reports[1]);
	if (r)
		tw_err_set(err, r, "fork failed: %s", strerror(-r));
	else if (!next_report(reports[0], &first))
		r = tw_err_set(err, -ECANCELED, "the process of a run ended before it had begun");
	else if (first.code)
		r = tw_err_set(err, first.code, "%s", first.text);
	if (r)
		tw_isolate_wait(out, NULL);
	return r;
}

void tw_isolate_stop(const struct tw_isolated *i)
{
	kill(i->keeper, SIGTERM);
}

static int killed(struct tw_err *err, int sig)
{
	const char *name = sigabbrev_np(sig);

	if (!name)
		return tw_err_set(err, -ECANCELED, "the process of the run was killed by signal %d",
				  sig);
	return tw_err_set(err, -ECANCELED, "the process of the run was killed by SIG%s", name);
}

int tw_isolate_wait(struct tw_isolated *i, struct tw_err *err)
{
	struct report last;
	int status = 0, r = 0;

	while (i->keeper > 0 && waitpid(i->keeper, &status, 0) < 0 && errno == EINTR)
		;
	if (next_report(i->report, &last))
		r = tw_err_set(err, last.code, "%s", last.text);
	else if (WIFSIGNALED(status))
		r = killed(err, WTERMSIG(status));
	else if (WEXITSTATUS(status) > 128)
		r = killed(err, WEXITSTATUS(status) - 128);
	else if (status)
		r = tw_err_set(err, -ECANCELED, "the process of the run ended with status %d",
			       WEXITSTATUS(status));
	close(i->out);
	close(i->report);
	*i = (struct tw_isolated){ .out = -1, .report = -1 };
	return r;
}
