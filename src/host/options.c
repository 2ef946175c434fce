/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the options of a socket in another process. sock_diag(7) does not tell keepalive times and
 * TCP_USER_TIMEOUT, so a duplicate of the descriptor is asked (pidfd_getfd(2)): reading options changes
 * nothing, and the duplicate lives for some microseconds.
 *
 * Limits: while the duplicate lives, a close() of the process does not close the connection: its FIN is
 * late by that much.
 */
#include "base/duration.h"
#include "host/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int64_t whole(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) || value < 0 ? 0 : value;
}

static int64_t time_ns(int fd, int name)
{
	struct timeval t = { 0 };
	socklen_t size = sizeof(t);

	if (getsockopt(fd, SOL_SOCKET, name, &t, &size))
		return 0;
	return t.tv_sec * TW_NS_PER_S + t.tv_usec * TW_NS_PER_US;
}

/* TCP_SYNCNT that was not set is answered with the setting of the socket's host. */
static int64_t syncnt(int fd, int64_t setting)
{
	int64_t value = whole(fd, IPPROTO_TCP, TCP_SYNCNT);

	return value == setting ? 0 : value;
}

static void ask(int fd, const struct tw_living *s, struct tw_sockopts *out)
{
	int plain = socket(s->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

	*out = (struct tw_sockopts){
		.rtt_ns = s->rtt_us * TW_NS_PER_US,
		.rtt_given = s->rtt_us > 0,
		.living = true,
		.rto_ns = tw_living_rto_ns(s),
		.user_timeout_ms = whole(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
		.syncnt = syncnt(fd, plain < 0 ? 0 : whole(plain, IPPROTO_TCP, TCP_SYNCNT)),
		.sndtimeo_ns = time_ns(fd, SO_SNDTIMEO),
		.rcvtimeo_ns = time_ns(fd, SO_RCVTIMEO),
		.keepalive = whole(fd, SOL_SOCKET, SO_KEEPALIVE) != 0,
		.keep_idle_s = whole(fd, IPPROTO_TCP, TCP_KEEPIDLE),
		.keep_intvl_s = whole(fd, IPPROTO_TCP, TCP_KEEPINTVL),
		.keep_count = whole(fd, IPPROTO_TCP, TCP_KEEPCNT),
	};
	if (plain >= 0)
		close(plain);
}

static int refused(const struct tw_living *s, int code, struct tw_err *err)
{
	if (code == EPERM || code == EACCES)
		return tw_err_set(
			err, -EPERM,
			"the options of a socket of process %d (%s) need the right to trace it "
			"(CAP_SYS_PTRACE)",
			(int)s->pid, s->comm);
	if (code == ENOSYS)
		return tw_err_set(
			err, -ENOSYS,
			"this kernel does not let the options of another process's socket be "
			"read (pidfd_getfd came with Linux 5.6)");
	return tw_err_set(err, -ESRCH, "process %d (%s) has closed this socket meanwhile",
			  (int)s->pid, s->comm);
}

int tw_living_options(const struct tw_living *s, struct tw_sockopts *out, struct tw_err *err)
{
	struct stat file;
	int process, fd, code;

	*out = (struct tw_sockopts){ 0 };
	if (!s->inode)
		return tw_err_set(err, -ESRCH,
				  "nobody holds this socket any more whose options could be asked");
	if (!s->pid)
		return tw_err_set(err, -ESRCH, "it is not known which process holds this socket");
	process = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (process < 0)
		return refused(s, errno, err);
	fd = (int)syscall(SYS_pidfd_getfd, process, s->fd, 0);
	code = fd < 0 ? errno : 0;
	close(process);
	if (fd < 0)
		return refused(s, code, err);
	/* The number may stand for another file by now. */
	if (fstat(fd, &file) || !S_ISSOCK(file.st_mode) || file.st_ino != s->inode)
		code = ESRCH;
	else
		ask(fd, s, out);
	close(fd);
	return code ? refused(s, code, err) : 0;
}
