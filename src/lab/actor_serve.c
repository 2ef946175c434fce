/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns: an end's process as the service for a user's program: one poll(2) loop that accepts all
 * connections and answers, until the next command.
 *
 *	HTTP   a small page after each request's head; kept alive as the request asks. A request's body is
 *	       read away by its Content-Length.
 *	echo   what came goes back
 *	none   nothing is read
 *	auto   HTTP if the first bytes are a method's, else echo
 *
 * A connection reads only when what it had to write is written, so neither can grow: a client that does
 * not read is not read from. When a command comes the loop is left as it stands: connections stay
 * open (blocking again), what is unread stays unread. They are then the process's for good, and only
 * the newest can be named.
 *
 * Limits: CONNECTIONS_MAX at a time, others wait in the listener's queue; a head of IN_MAX bytes.
 */
#include "base/clock.h"
#include "lab/actor_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SERVE_PORT      80
#define SERVE_BACKLOG   128
#define CONNECTIONS_MAX 500
#define IN_MAX          8192
#define BODY            "tcpwhy lab\n"

struct connection {
	int fd;
	enum tw_actor_service service; /* AUTO until the first bytes have shown what it is */
	bool closing;                  /* when all is written */
	int64_t body_left;             /* of a request */
	size_t in_bytes, out_bytes, out_sent;
	char in[IN_MAX + 1]; /* one more, for a NUL */
	char out[IN_MAX];
};

struct service {
	struct tw_actor_player *player;
	enum tw_actor_service kind;
	struct connection *connection[CONNECTIONS_MAX]; /* in the order of their coming */
	unsigned count;
	bool full; /* accept() failed for lack of descriptors: wait until one is closed */
};

static const char *const methods[] = { "GET ",     "HEAD ",  "POST ",    "PUT ",   "DELETE ",
				       "OPTIONS ", "PATCH ", "CONNECT ", "TRACE ", NULL };

/* ---- HTTP ---- */

/* 1: these bytes begin a request; 0: they do not; -1: too few to tell. */
static int looks_like_http(const char *bytes, size_t n)
{
	unsigned i;

	for (i = 0; methods[i]; i++) {
		size_t length = strlen(methods[i]);

		if (!strncmp(bytes, methods[i], n < length ? n : length))
			return n < length ? -1 : 1;
	}
	return 0;
}

/* The value of a field in a head (which ends with a NUL), or NULL. */
static const char *field(const char *head, const char *name)
{
	size_t length = strlen(name);
	const char *line;

	for (line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (!strncasecmp(line, name, length) && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
	}
	return NULL;
}

static bool keeps_alive(const char *head)
{
	const char *value = field(head, "Connection");
	const char *end = strstr(head, "\r\n");

	if (value && !strncasecmp(value, "close", 5))
		return false;
	if (value && !strncasecmp(value, "keep-alive", 10))
		return true;
	return !(end && end - head >= 8 && !strncmp(end - 8, "HTTP/1.0", 8));
}

/* The answer to the request whose head stands at @head, with a NUL after it. */
static void respond(struct connection *c, const char *head)
{
	const char *length = field(head, "Content-Length");

	c->closing = !keeps_alive(head);
	c->body_left = length ? strtoll(length, NULL, 10) : 0;
	if (c->body_left < 0)
		c->body_left = 0;
	c->out_sent = 0;
	c->out_bytes = (size_t)snprintf(c->out, sizeof(c->out),
					"HTTP/1.1 200 OK\r\n"
					"Content-Type: text/plain\r\n"
					"Content-Length: %zu\r\n"
					"%s\r\n%s",
					strlen(BODY), c->closing ? "Connection: close\r\n" : "",
					strncmp(head, "HEAD ", 5) != 0 ? BODY : "");
}

static void forget_in(struct connection *c, size_t bytes)
{
	c->in_bytes -= bytes;
	memmove(c->in, c->in + bytes, c->in_bytes);
}

/* Answer one request, if one is whole. A head that fills everything will never be. */
static void work_http(struct connection *c)
{
	size_t skip = c->body_left < (int64_t)c->in_bytes ? (size_t)c->body_left : c->in_bytes;
	char *end;

	forget_in(c, skip);
	c->body_left -= (int64_t)skip;
	c->in[c->in_bytes] = '\0';
	end = c->in_bytes ? memmem(c->in, c->in_bytes, "\r\n\r\n", 4) : NULL;
	if (!end) {
		c->closing = c->in_bytes == IN_MAX;
		return;
	}
	end[3] = '\0';
	respond(c, c->in);
	forget_in(c, (size_t)(end + 4 - c->in));
}

static void work_echo(struct connection *c)
{
	memcpy(c->out, c->in, c->in_bytes);
	c->out_bytes = c->in_bytes;
	c->out_sent = c->in_bytes = 0;
}

/* Make the next thing to write out of what was read. */
static void work(struct connection *c)
{
	if (c->service == TW_SERVE_AUTO && c->in_bytes) {
		int http = looks_like_http(c->in, c->in_bytes);

		if (http >= 0)
			c->service = http ? TW_SERVE_HTTP : TW_SERVE_ECHO;
	}
	if (c->service == TW_SERVE_HTTP)
		work_http(c);
	else if (c->service == TW_SERVE_ECHO)
		work_echo(c);
}

/* ---- connections ---- */

static bool would_block(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* Write and work until there is nothing to write, or no room; false: the connection is done with. */
static bool flush(struct connection *c)
{
	for (;;) {
		while (c->out_sent < c->out_bytes) {
			ssize_t n = send(c->fd, c->out + c->out_sent, c->out_bytes - c->out_sent,
					 MSG_NOSIGNAL);

			if (would_block(n))
				return true;
			if (n < 0)
				return false;
			c->out_sent += (size_t)n;
		}
		c->out_bytes = c->out_sent = 0;
		if (c->closing)
			return false;
		work(c);
		if (!c->out_bytes)
			return !c->closing;
	}
}

static bool read_more(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_bytes, IN_MAX - c->in_bytes, 0);

	if (would_block(n))
		return true;
	if (n <= 0) /* all that came before is answered */
		return false;
	c->in_bytes += (size_t)n;
	return flush(c);
}

static void set_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

/* False: there is none, or no room. */
static bool take_connection(struct service *s)
{
	int fd = accept4(s->player->socket[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c;

	if (fd < 0) {
		s->full = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
		return false;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return false;
	}
	c->fd = fd;
	c->service = s->kind;
	s->connection[s->count++] = c;
	return true;
}

static void drop(struct service *s, unsigned i)
{
	struct connection *c = s->connection[i];

	for (s->count--; i < s->count; i++)
		s->connection[i] = s->connection[i + 1];
	close(c->fd);
	free(c);
	s->full = false;
}

/* ---- the loop ---- */

static short events_of(const struct connection *c)
{
	if (c->out_bytes)
		return POLLOUT;
	return c->service == TW_SERVE_NONE ? 0 : POLLIN;
}

/* [0] the parent, [1] the listener, then the connections. */
static unsigned gather(const struct service *s, struct pollfd *fds)
{
	bool room = s->count < CONNECTIONS_MAX && !s->full;
	unsigned i;

	fds[0] = (struct pollfd){ .fd = s->player->control, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = room ? s->player->socket[0].fd : -1, .events = POLLIN };
	for (i = 0; i < s->count; i++) {
		short events = events_of(s->connection[i]);

		/* An error on one that is never read would be told again and again. */
		fds[2 + i] = (struct pollfd){ .fd = events ? s->connection[i]->fd : -1,
					      .events = events };
	}
	return 2 + s->count;
}

static void work_connections(struct service *s, const struct pollfd *fds)
{
	unsigned i;

	for (i = s->count; i-- > 0;) {
		struct connection *c = s->connection[i];
		bool goes_on = true;

		if (fds[2 + i].revents && c->out_bytes)
			goes_on = flush(c);
		else if (fds[2 + i].revents)
			goes_on = read_more(c);
		if (!goes_on)
			drop(s, i);
	}
}

/*
 * Leave all as it is; the newest becomes socket 1. Whoever was connected before the command came is
 * accepted, so that it does not depend on luck which one that is.
 */
static void leave(struct service *s)
{
	struct tw_actor_socket *first = &s->player->socket[1];
	unsigned i;

	while (s->count < CONNECTIONS_MAX && take_connection(s))
		;
	set_blocking(s->player->socket[0].fd, true);
	for (i = 0; i < s->count; i++) {
		set_blocking(s->connection[i]->fd, true);
		if (i + 1 == s->count) {
			*first = (struct tw_actor_socket){ .fd = s->connection[i]->fd };
			tw_actor_note_ports(first);
		}
		free(s->connection[i]);
	}
}

void tw_actor_serve_loop(struct tw_actor_player *p, enum tw_actor_service kind)
{
	static struct pollfd fds[2 + CONNECTIONS_MAX];
	struct service s = { .player = p, .kind = kind };
	struct tw_actor_answer answer = { .start_ns = tw_clock_ns(CLOCK_REALTIME) };

	if (p->socket[0].fd < 0)
		answer.result = tw_actor_listen(p, SERVE_PORT, SERVE_BACKLOG);
	answer.end_ns = tw_clock_ns(CLOCK_REALTIME);
	tw_actor_note_ports(&p->socket[0]);
	answer.local_port = p->socket[0].local_port;
	if (tw_actor_send_answer(p, &answer))
		_exit(1);
	if (answer.result)
		return;
	set_blocking(p->socket[0].fd, false);
	for (;;) {
		unsigned n = gather(&s, fds);

		if (poll(fds, n, -1) < 0)
			continue; /* a signal that was survived */
		if (fds[0].revents)
			break;
		work_connections(&s, fds);
		if (fds[1].revents)
			take_connection(&s);
	}
	leave(&s);
}
