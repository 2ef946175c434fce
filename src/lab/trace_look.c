/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: what a descriptor of a traced process is, and what a wait of it is about.
 *
 * The descriptor is taken over for a moment (pidfd_getfd(2)) and asked as one's own: that needs no /proc of the
 * lab's PID namespace, which cannot be mounted in every container.
 *
 * Limits: while the copy is there, a close() by another thread of the program does not send the FIN until the
 * copy is closed, some microseconds later. Of poll the first POLL_MAX descriptors are looked at, of
 * epoll the first EPOLL_TEXT bytes of its list in fdinfo; an epoll set in an epoll set is not followed.
 */
#include "lab/trace_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define POLL_MAX   64
#define EPOLL_TEXT 8192

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static uint16_t port_of(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)a)->sin_port);
	if (a->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)a)->sin6_port);
	return 0;
}

static bool is_tcp(int fd)
{
	int protocol = 0;
	socklen_t length = sizeof(protocol);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP))
		return false;
	return true;
}

static void look_at(int fd, struct tw_trace_socket *out)
{
	struct sockaddr_storage a;
	socklen_t length = sizeof(a);
	struct stat st;
	int listening = 0;

	*out = (struct tw_trace_socket){ 0 };
	if (!fstat(fd, &st))
		out->inode = st.st_ino;
	if (!getsockname(fd, (struct sockaddr *)&a, &length))
		out->local_port = port_of(&a);
	length = sizeof(a);
	if (!getpeername(fd, (struct sockaddr *)&a, &length))
		out->remote_port = port_of(&a);
	length = sizeof(listening);
	if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length))
		out->listening = listening;
}

bool tw_trace_look(int pidfd, int fd, struct tw_trace_socket *out)
{
	bool found;
	int copy;

	if (fd < 0)
		return false;
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (copy < 0)
		return false;
	found = is_tcp(copy);
	if (found)
		look_at(copy, out);
	close(copy);
	return found;
}

bool tw_trace_peek(pid_t pid, uint64_t address, void *out, size_t bytes)
{
	struct iovec here = { out, bytes };
	struct iovec there = { NULL, bytes };

	_Static_assert(sizeof(there.iov_base) == sizeof(address), "64-bit only");
	memcpy(&there.iov_base, &address,
	       sizeof(address)); /* in the other's memory: no pointer of ours */
	return address && process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

static bool is_connection(int pidfd, int candidate, int *fd, struct tw_trace_socket *out)
{
	if (!tw_trace_look(pidfd, candidate, out) || out->listening)
		return false;
	*fd = candidate;
	return true;
}

static bool look_poll(pid_t pid, int pidfd, const uint64_t args[6], int *fd,
		      struct tw_trace_socket *out)
{
	struct pollfd list[POLL_MAX];
	size_t count = args[1] < POLL_MAX ? args[1] : POLL_MAX, i;

	if (!count || !tw_trace_peek(pid, args[0], list, count * sizeof(*list)))
		return false;
	for (i = 0; i < count; i++)
		if (is_connection(pidfd, list[i].fd, fd, out))
			return true;
	return false;
}

/* The sets are read as they were when the call began: the kernel writes them at its end. */
static bool look_select(pid_t pid, int pidfd, const uint64_t args[6], int *fd,
			struct tw_trace_socket *out)
{
	const int count = args[0] < FD_SETSIZE ? (int)args[0] : FD_SETSIZE;
	const size_t words = ((size_t)count + 63) / 64;
	uint64_t set[FD_SETSIZE / 64], all[FD_SETSIZE / 64] = { 0 };
	int which, i;
	size_t w;

	for (which = 1; which <= 3; which++) {
		if (!tw_trace_peek(pid, args[which], set, words * sizeof(*set)))
			continue;
		for (w = 0; w < words; w++)
			all[w] |= set[w];
	}
	for (i = 0; i < count; i++)
		if (all[i / 64] >> (i % 64) & 1 && is_connection(pidfd, i, fd, out))
			return true;
	return false;
}

/* "tfd:        5 events:       19 data: ..." per member, numbers of the process that added it. */
static bool look_epoll(int pidfd, const uint64_t args[6], int *fd, struct tw_trace_socket *out)
{
	char path[40], text[EPOLL_TEXT + 1];
	int copy = (int)syscall(SYS_pidfd_getfd, pidfd, (int)args[0], 0), file, member;
	const char *line = text;
	ssize_t n;

	if (copy < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", copy);
	file = open(path, O_RDONLY | O_CLOEXEC);
	n = file < 0 ? -1 : read(file, text, EPOLL_TEXT);
	if (file >= 0)
		close(file);
	close(copy);
	text[n > 0 ? n : 0] = 0;
	while ((line = strstr(line, "tfd:"))) {
		line += 4;
		if (sscanf(line, "%d", &member) == 1 && is_connection(pidfd, member, fd, out))
			return true;
	}
	return false;
}

bool tw_trace_look_wait(enum tw_trace_how how, pid_t pid, int pidfd, const uint64_t args[6],
			int *fd, struct tw_trace_socket *out)
{
	switch (how) {
	case TW_HOW_POLL:
		return look_poll(pid, pidfd, args, fd, out);
	case TW_HOW_SELECT:
		return look_select(pid, pidfd, args, fd, out);
	case TW_HOW_EPOLL:
		return look_epoll(pidfd, args, fd, out);
	default:
		return false;
	}
}
