/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: which process holds a socket. The kernel tells an inode only; each process shows its descriptors
 * as links "socket:[INODE]" below /proc/PID/fd. One walk over all processes, against a table of inodes.
 *
 * Limits: a process that ends or closes meanwhile is missed. Descriptors of other users' processes are
 * seen with CAP_SYS_PTRACE only; such processes are counted. A socket in a unix socket's queue
 * (SCM_RIGHTS), of an io_uring, or of the kernel itself has no descriptor anywhere.
 */
#include "host/sockets_private.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Open addressing, at most half full; a place holds an index into the list plus one, 0 is free. */
struct inodes {
	struct tw_living_list *list;
	uint32_t *place;
	size_t mask;
};

static size_t first_place(const struct inodes *t, uint64_t inode)
{
	return (size_t)((inode * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & t->mask;
}

static int build_table(struct inodes *t)
{
	size_t room = 16, i, at;

	while (room < t->list->count * 2)
		room *= 2;
	t->mask = room - 1;
	t->place = calloc(room, sizeof(*t->place));
	if (!t->place)
		return -ENOMEM;
	for (i = 0; i < t->list->count; i++) {
		const uint64_t inode = t->list->socket[i].inode;

		if (!inode)
			continue;
		for (at = first_place(t, inode); t->place[at]; at = (at + 1) & t->mask)
			;
		t->place[at] = (uint32_t)i + 1;
	}
	return 0;
}

/* A dump may have the same socket twice: all of its records get the owner. */
static void assign(const struct inodes *t, uint64_t inode, pid_t pid, int fd, const char *comm)
{
	size_t at;

	for (at = first_place(t, inode); t->place[at]; at = (at + 1) & t->mask) {
		struct tw_living *s = &t->list->socket[t->place[at] - 1];

		if (s->inode != inode || (s->pid && s->pid <= pid))
			continue;
		s->pid = pid;
		s->fd = fd;
		memcpy(s->comm, comm, sizeof(s->comm));
	}
}

static void read_comm(int process, char out[16])
{
	int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, 15) : 0;

	if (fd >= 0)
		close(fd);
	memset(out + (n > 0 ? n : 0), 0, 16 - (size_t)(n > 0 ? n : 0));
	out[strcspn(out, "\n")] = '\0';
}

/* A whole number and nothing else; -1 for anything else. */
static long number(const char *text)
{
	char *end;
	long value;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return errno || *end || value > INT32_MAX ? -1 : value;
}

static void walk_descriptors(const struct inodes *t, DIR *fds, int process, pid_t pid)
{
	char comm[16] = "";
	const struct dirent *e;
	bool named = false;

	while ((e = readdir(fds))) {
		char target[64];
		unsigned long long inode;
		long fd = number(e->d_name);
		ssize_t n =
			fd < 0 ? -1 : readlinkat(dirfd(fds), e->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		if (sscanf(target, "socket:[%20llu]", &inode) != 1 || !inode)
			continue;
		if (!named)
			read_comm(process, comm);
		named = true;
		assign(t, inode, pid, (int)fd, comm);
	}
}

/* False: it is there and may not be looked at. */
static bool walk_process(const struct inodes *t, int proc, const char *name, pid_t pid)
{
	int process = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = process >= 0 ? openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const bool forbidden = fd < 0 && (errno == EACCES || errno == EPERM);
	DIR *fds = fd >= 0 ? fdopendir(fd) : NULL;

	if (fds) {
		walk_descriptors(t, fds, process, pid);
		closedir(fds);
	} else if (fd >= 0) {
		close(fd);
	}
	if (process >= 0)
		close(process);
	return !forbidden;
}

int tw_living_claim(struct tw_living_list *l, pid_t pid, struct tw_err *err)
{
	struct inodes t = { .list = l };
	char name[16];
	size_t i;
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;

	snprintf(name, sizeof(name), "%d", (int)pid);
	for (i = 0; i < l->count; i++)
		l->socket[i].pid = 0;
	if (proc < 0 || faccessat(proc, name, F_OK, 0))
		code = tw_err_set(err, -ESRCH, "there is no process %d", (int)pid);
	else if (build_table(&t))
		code = tw_err_set(err, -ENOMEM, "out of memory");
	else if (!walk_process(&t, proc, name, pid))
		code = tw_err_set(err, -EPERM, "the descriptors of process %d may not be looked at",
				  (int)pid);
	if (proc >= 0)
		close(proc);
	free(t.place);
	return code;
}

int tw_living_find_owners(struct tw_living_list *l, const char *proc, struct tw_err *err)
{
	struct inodes t = { .list = l };
	DIR *d = opendir(proc);
	const struct dirent *e;
	unsigned seen = 0;

	l->no_processes = !d;
	if (!d)
		return 0;
	if (build_table(&t)) {
		closedir(d);
		return tw_err_set(err, -ENOMEM, "out of memory");
	}
	while ((e = readdir(d))) {
		long pid = number(e->d_name);

		if (pid <= 0)
			continue;
		seen++;
		l->unreadable += !walk_process(&t, dirfd(d), e->d_name, (pid_t)pid);
	}
	l->no_processes = !seen;
	closedir(d);
	free(t.place);
	return 0;
}
