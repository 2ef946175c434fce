/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_TRACE_PARTS_H
#define TW_TESTS_TRACE_PARTS_H

/*
 * The parts that the program of test_trace.c plays when it is run again to be followed: play(name) never returns.
 * What a part exits with, its test knows; 90 and more says that something else went wrong.
 * Include after cmocka.h and lab_ground.h.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>

#define PORT 80

static inline struct sockaddr_in there(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int connected(void)
{
	struct sockaddr_in a = there(PORT);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		_exit(90);
	return fd;
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char c = 0;

	/* Filtered calls within a handler, on no TCP socket. */
	if (read(fd, &c, 0) == 0 && sig < 0)
		_exit(91);
	close(fd);
	alarms++;
}

static void part_refused(void)
{
	struct sockaddr_in a = there(81);

	_exit(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a)) ? errno
											 : 0);
}

/* What the peer sends first says what it does; the program reads until something ends it. */
static void part_read(void)
{
	char buffer[64];
	int fd = connected();

	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	_exit(0);
}

static void part_timeout(void)
{
	const struct timeval soon = { 0, 200000 };
	int fd = connected();
	char c;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	setsockopt(fd, SOL_SOCKET, 9999, &soon, sizeof(soon));
	_exit(recv(fd, &c, 1, 0) < 0 ? errno : 0);
}

static void *receive_thread(void *argument)
{
	char c;

	recv(connected(), &c, 1, 0);
	return argument;
}

static void part_threads(void)
{
	pthread_t thread[5];
	unsigned i;

	for (i = 0; i < 5; i++)
		pthread_create(&thread[i], NULL, receive_thread, NULL);
	for (i = 0; i < 5; i++)
		pthread_join(thread[i], NULL);
	_exit(0);
}

static void part_fork(void)
{
	int fd = connected(), status = 0;
	char c;

	if (!fork()) {
		send(fd, "child", 5, 0);
		_exit(7);
	}
	wait(&status);
	recv(fd, &c, 1, 0);
	_exit(WEXITSTATUS(status));
}

/* A daemon: its parent ends first. */
static void part_daemon(void)
{
	if (!fork()) {
		setsid();
		recv(connected(), &(char){ 0 }, 1, 0);
		pause();
	}
	_exit(3);
}

static void part_files(void)
{
	char buffer[16];
	int fd = open("/proc/self/stat", O_RDONLY), pair[2];

	if (read(fd, buffer, sizeof(buffer)) <= 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		_exit(92);
	send(pair[0], "x", 1, 0);
	recv(pair[1], buffer, 1, 0);
	close(pair[0]);
	close(fd);
	_exit(write(STDERR_FILENO, "", 0) ? 93 : 0);
}

/* Interrupted by a signal of the test's; the handler makes calls of its own. */
static void part_interrupted(int flags)
{
	struct sigaction a = { .sa_handler = on_alarm, .sa_flags = flags };
	char c;
	ssize_t n;

	sigaction(SIGALRM, &a, NULL);
	n = recv(connected(), &c, 1, 0);
	_exit(n < 0 ? errno : (int)n + 10 * alarms);
}

static void part_stopped(void)
{
	int fd = connected();
	char c;

	_exit((int)recv(fd, &c, 1, 0));
}

#define DISTURBED 97

/*
 * A loop of short waits, as event loops have; then short ones between sleeps. Where a busy machine let it wait between two of
 * them, or made the short one long, it says so: then they are what they look like.
 */
static void part_poll(void)
{
	int fd = connected(), i;
	struct pollfd p = { fd, POLLIN, 0 };
	struct timeval soon = { 0, 100000 };
	int64_t began = now_ns();
	bool disturbed;
	fd_set set;

	for (i = 0; i < 4; i++)
		poll(&p, 1, 60);
	disturbed = now_ns() - began > 275 * TW_NS_PER_MS;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	select(fd + 1, &set, NULL, NULL, &soon);
	for (i = 0; i < 4; i++) {
		poll(NULL, 0, 8); /* no connection: a sleep */
		began = now_ns();
		if (poll(&p, 1, 36))
			_exit(98);
		disturbed |= now_ns() - began > 45 * TW_NS_PER_MS;
	}
	_exit(disturbed ? DISTURBED : 0);
}

static void part_epoll(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int fd = connected(), set = epoll_create1(0);

	epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
	_exit(epoll_wait(set, &e, 1, -1) == 1 && e.events & EPOLLIN ? 0 : 1);
}

static void part_nonblocking(void)
{
	struct sockaddr_in a = there(81);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
	struct pollfd p = { fd, POLLOUT, 0 };
	socklen_t length = sizeof(error);

	(void)connect(fd, (struct sockaddr *)&a, sizeof(a));
	poll(&p, 1, 1000);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &error, &length);
	_exit(0);
}

static void part_server(void)
{
	struct sockaddr_in a = there(PORT + 2);
	int fd = socket(AF_INET, SOCK_STREAM, 0), connection;
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1) ||
	    connect(client, (struct sockaddr *)&a, sizeof(a)))
		_exit(94);
	connection = accept(fd, NULL, NULL);
	_exit(write(connection, "abc", 3) == 3 ? 0 : 1);
}

static void *exec_thread(void *argument)
{
	execl("/proc/self/exe", "again", "refused", (char *)NULL);
	return argument;
}

/* exec(2) by a thread that is not the first. */
static void part_exec(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exec_thread, NULL);
	pthread_join(thread, NULL);
	_exit(95);
}

static inline void play(const char *part)
{
	static const struct {
		const char *name;
		void (*play)(void);
	} parts[] = {
		{ "refused", part_refused }, { "read", part_read },
		{ "timeout", part_timeout }, { "threads", part_threads },
		{ "fork", part_fork },       { "daemon", part_daemon },
		{ "files", part_files },     { "stopped", part_stopped },
		{ "poll", part_poll },       { "epoll", part_epoll },
		{ "server", part_server },   { "nonblocking", part_nonblocking },
		{ "exec", part_exec },
	};
	unsigned i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!strcmp(parts[i].name, part))
			parts[i].play();
	if (!strcmp(part, "eintr"))
		part_interrupted(0);
	if (!strcmp(part, "restart"))
		part_interrupted(SA_RESTART);
	_exit(96);
}

#endif
