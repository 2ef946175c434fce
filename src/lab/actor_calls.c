/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: the inside of an end's process: its sockets, and the calls on them, made as an application
 * makes them: blocking, one after the other, with the kernel's own results.
 *
 * Socket 0 is the listener. A socket is made by the first statement that needs one (connect, bind, listen,
 * and option and nonblocking before these). It is closed by close, or by the kernel at the process's end.
 *
 * Times: from just before the statement's first system call to just after its last.
 */
#include "base/clock.h"
#include "lab/actor_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

/* A peer that reads as fast as `fill` writes would keep it from ever being full. */
#define FILL_MAX (INT64_C(256) << 20)

static char letters[TW_ONE_CALL_BYTES]; /* what is sent */
static char drain[TW_ONE_CALL_BYTES];   /* what is received */

/* What a system call returned, as a result. */
static int64_t outcome(int64_t r)
{
	return r < 0 ? -errno : r;
}

/* ---- sockets ---- */

/* 0 with a socket at @s, made if there was none; or -errno. */
static int need_socket(struct tw_actor_player *p, struct tw_actor_socket *s, int protocol)
{
	if (s->fd >= 0)
		return 0;
	s->fd = socket(p->peer.ss_family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
	s->local_port = s->remote_port = 0;
	return s->fd < 0 ? -errno : 0;
}

/* The port stands at the same place in both families' addresses. */
#define PORT_AT offsetof(struct sockaddr_in, sin_port)
static_assert(PORT_AT == offsetof(struct sockaddr_in6, sin6_port), "ports of IPv4 and IPv6");

static uint16_t port_of(const struct sockaddr_storage *address)
{
	uint16_t port = 0;

	memcpy(&port, (const char *)address + PORT_AT, sizeof(port));
	return ntohs(port);
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	uint16_t wire = htons(port);

	memcpy((char *)address + PORT_AT, &wire, sizeof(wire));
}

static socklen_t address_bytes(const struct tw_actor_player *p)
{
	return p->v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

void tw_actor_note_ports(struct tw_actor_socket *s)
{
	struct sockaddr_storage address = { 0 };
	socklen_t n = sizeof(address);

	if (s->fd < 0)
		return;
	if (!getsockname(s->fd, (struct sockaddr *)&address, &n) && port_of(&address))
		s->local_port = port_of(&address);
	n = sizeof(address);
	if (!getpeername(s->fd, (struct sockaddr *)&address, &n))
		s->remote_port = port_of(&address);
}

/* To every address of the host. */
static int bind_any(struct tw_actor_player *p, int fd, uint16_t port)
{
	struct sockaddr_storage address = { .ss_family = p->peer.ss_family };

	set_port(&address, port);
	return bind(fd, (struct sockaddr *)&address, address_bytes(p)) ? -errno : 0;
}

int tw_actor_listen(struct tw_actor_player *p, uint16_t port, int backlog)
{
	struct tw_actor_socket *s = &p->socket[0];
	const int on = 1;
	int r = need_socket(p, s, 0);

	if (r)
		return r;
	/* Servers set it, so that they can start again while TIME_WAIT of their last life is there. */
	if (!p->reuse_said && setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	tw_actor_note_ports(s);
	if (s->local_port != port) {
		r = bind_any(p, s->fd, port);
		if (r)
			return r;
	}
	return listen(s->fd, backlog) ? -errno : 0;
}

/* ---- calls ---- */

static int64_t do_bind(struct tw_actor_player *p, struct tw_actor_socket *s, uint16_t port)
{
	int r = need_socket(p, s, 0);

	return r ? r : bind_any(p, s->fd, port);
}

static int64_t do_connect(struct tw_actor_player *p, struct tw_actor_socket *s, uint16_t port)
{
	struct sockaddr_storage address = p->peer;
	int r = need_socket(p, s, 0);

	if (r)
		return r;
	set_port(&address, port);
	s->remote_port = port; /* getpeername() does not tell it before the answer */
	return outcome(connect(s->fd, (struct sockaddr *)&address, address_bytes(p)));
}

static int64_t do_accept(struct tw_actor_player *p, struct tw_actor_socket *s)
{
	int fd;

	if (s->fd >= 0)
		return -EBUSY; /* it would be lost: the script has to close it, or name another */
	fd = accept4(p->socket[0].fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	*s = (struct tw_actor_socket){ .fd = fd };
	return 0;
}

static size_t at_most(int64_t left)
{
	return left < TW_ONE_CALL_BYTES ? (size_t)left : TW_ONE_CALL_BYTES;
}

static int64_t do_send(int fd, int64_t bytes)
{
	int64_t done = 0;
	ssize_t n;

	if (bytes < 0)
		return outcome(send(fd, letters, sizeof(letters), 0));
	while (done < bytes) {
		n = send(fd, letters, at_most(bytes - done), 0);
		if (n < 0)
			return -errno;
		done += n;
	}
	return done;
}

/* A stream that ends before all bytes came is the end of the stream: 0. */
static int64_t do_recv(int fd, int64_t bytes)
{
	int64_t done = 0;
	ssize_t n;

	if (bytes < 0)
		return outcome(recv(fd, drain, sizeof(drain), 0));
	while (done < bytes) {
		n = recv(fd, drain, at_most(bytes - done), 0);
		if (n <= 0)
			return outcome(n);
		done += n;
	}
	return done;
}

static int64_t do_recv_eof(int fd)
{
	ssize_t n;

	do
		n = recv(fd, drain, sizeof(drain), 0);
	while (n > 0);
	return outcome(n);
}

static int64_t do_fill(int fd)
{
	int64_t done = 0;
	ssize_t n;

	while (done < FILL_MAX) {
		n = send(fd, letters, sizeof(letters), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0)
			return -errno;
		done += n;
	}
	return done;
}

static int64_t do_close(struct tw_actor_player *p, struct tw_actor_socket *s)
{
	int fd = s->fd;

	s->fd = -1;
	if (s == &p->socket[0])
		p->reuse_said = false;
	return outcome(close(fd));
}

static int64_t do_unspec(int fd)
{
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	return outcome(connect(fd, &nowhere, sizeof(nowhere)));
}

/* An option of IPv4 is the one of IPv6 with the same meaning on an IPv6 socket. */
static void other_family(struct tw_actor_command *c)
{
	static const struct {
		int v4, v6;
	} same[] = {
		{ IP_TTL, IPV6_UNICAST_HOPS },
		{ IP_RECVERR, IPV6_RECVERR },
		{ IP_MTU_DISCOVER, IPV6_MTU_DISCOVER },
	};
	size_t i;

	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		if (c->level == IPPROTO_IP && c->option == same[i].v4) {
			c->level = IPPROTO_IPV6;
			c->option = same[i].v6;
			return;
		}
	}
}

static int64_t set_option(int fd, const struct tw_actor_command *c)
{
	struct linger linger = { .l_onoff = (int)c->number, .l_linger = (int)c->number2 };
	struct timeval time = { .tv_sec = c->number / 1000, .tv_usec = c->number % 1000 * 1000 };
	int number = (int)c->number;
	const void *value = &number;
	socklen_t bytes = sizeof(number);

	if (c->kind == TW_OPTVAL_LINGER) {
		value = &linger;
		bytes = sizeof(linger);
	} else if (c->kind == TW_OPTVAL_TIMEVAL_MS) {
		value = &time;
		bytes = sizeof(time);
	} else if (c->kind == TW_OPTVAL_STRING) {
		value = c->value;
		bytes = (socklen_t)strlen(c->value);
	}
	return outcome(setsockopt(fd, c->level, c->option, value, bytes));
}

static int64_t do_option(struct tw_actor_player *p, struct tw_actor_socket *s,
			 struct tw_actor_command *c)
{
	int r;

	if (c->kind == TW_OPTVAL_MPTCP) {
		if (s->fd >= 0)
			return -EBUSY; /* what a socket is cannot be changed */
		return need_socket(p, s, c->number ? IPPROTO_MPTCP : IPPROTO_TCP);
	}
	r = need_socket(p, s, 0);
	if (r)
		return r;
	if (p->v6)
		other_family(c);
	if (s == &p->socket[0] && c->level == SOL_SOCKET && c->option == SO_REUSEADDR)
		p->reuse_said = true;
	return set_option(s->fd, c);
}

static int64_t do_nonblocking(struct tw_actor_player *p, struct tw_actor_socket *s, bool on)
{
	int r = need_socket(p, s, 0), flags;

	if (r)
		return r;
	flags = fcntl(s->fd, F_GETFL);
	if (flags < 0)
		return -errno;
	return outcome(fcntl(s->fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

static int64_t do_poll(int fd, int64_t events)
{
	struct pollfd one = { .fd = fd, .events = (short)events };

	if (fd < 0)
		return -EBADF; /* poll() would wait for ever */
	if (poll(&one, 1, -1) < 0)
		return -errno;
	/*
	 * A connection fails in steps, the error first (tcp_done_with_error()), and poll() can look
	 * between two of them. Where it is an error alone that is meant, there is no more at a second look.
	 */
	if ((one.revents & (POLLERR | POLLHUP)) == POLLERR)
		poll(&one, 1, 0);
	return one.revents;
}

static int64_t do_error(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) ? -errno : -error;
}

/*
 * A true SIGSEGV. No dump of memory: RLIMIT_CORE (actor.c) does not hold where the dump goes to a
 * program, but a process that is not dumpable is never dumped.
 */
static void __attribute__((noreturn)) do_crash(void)
{
	volatile char *page = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	prctl(PR_SET_DUMPABLE, 0);
	if ((void *)page != MAP_FAILED)
		*page = 1;
	abort();
}

static int64_t carry_out(struct tw_actor_player *p, struct tw_actor_command *c)
{
	struct tw_actor_socket *s = &p->socket[c->socket];

	switch (c->verb) {
	case TW_DO_LISTEN:
		return tw_actor_listen(p, c->port, (int)c->number);
	case TW_DO_BIND:
		return do_bind(p, s, c->port);
	case TW_DO_CONNECT:
		return do_connect(p, s, c->port);
	case TW_DO_ACCEPT:
		return do_accept(p, s);
	case TW_DO_SEND:
		return do_send(s->fd, c->number);
	case TW_DO_RECV:
		return do_recv(s->fd, c->number);
	case TW_DO_RECV_EOF:
		return do_recv_eof(s->fd);
	case TW_DO_FILL:
		return do_fill(s->fd);
	case TW_DO_SHUTDOWN:
		return outcome(shutdown(s->fd, (int)c->number));
	case TW_DO_CLOSE:
		return do_close(p, s);
	case TW_DO_UNSPEC:
		return do_unspec(s->fd);
	case TW_DO_OPTION:
		return do_option(p, s, c);
	case TW_DO_NONBLOCKING:
		return do_nonblocking(p, s, c->number);
	case TW_DO_POLL:
		return do_poll(s->fd, c->number);
	case TW_DO_ERROR:
		return do_error(s->fd);
	case TW_DO_EXIT:
		_exit(0);
	case TW_DO_CRASH:
		do_crash();
	default:
		return -EINVAL;
	}
}

/* ---- the process ---- */

int tw_actor_send_answer(struct tw_actor_player *p, const struct tw_actor_answer *a)
{
	return send(p->control, a, sizeof(*a), MSG_NOSIGNAL) == sizeof(*a) ? 0 : -errno;
}

/* The bytes of the stream: letters, which nothing takes for a protocol. */
static void write_letters(void)
{
	size_t i;

	for (i = 0; i < sizeof(letters); i++)
		letters[i] = (char)('a' + i % 26);
}

/*
 * How long this process was ready to run and had no processor, in all (schedstat's second number); 0 on a
 * kernel that does not count it. Woken at the right moment it may get one much later: seconds, where
 * something holds a processor in the kernel.
 */
static int64_t starved_ns(void)
{
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	char text[96];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *second;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	second = strchr(text, ' ');
	return second ? strtoll(second, NULL, 10) : 0;
}

static void one_call(struct tw_actor_player *p, struct tw_actor_command *c)
{
	struct tw_actor_socket *s = &p->socket[c->verb == TW_DO_LISTEN ? 0 : c->socket];
	int64_t starved_before_ns = starved_ns();
	struct tw_actor_answer answer = { .start_ns = tw_clock_ns(CLOCK_REALTIME) };

	answer.result = carry_out(p, c);
	answer.end_ns = tw_clock_ns(CLOCK_REALTIME);
	answer.starved_ns = starved_ns() - starved_before_ns;
	tw_actor_note_ports(s);
	answer.local_port = s->local_port;
	answer.remote_port = s->remote_port;
	if (tw_actor_send_answer(p, &answer))
		_exit(1);
}

void tw_actor_play(struct tw_actor_player *p)
{
	struct tw_actor_command command;
	ssize_t n;

	write_letters();
	for (;;) {
		n = recv(p->control, &command, sizeof(command), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(command))
			_exit(0); /* the parent is gone */
		if (command.service)
			tw_actor_serve_loop(p, command.service);
		else
			one_call(p, &command);
	}
}
