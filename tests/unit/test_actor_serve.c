/* SPDX-License-Identifier: BSD-2-Clause */
/* An actor as the service for a user's program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "actors.h"

static int dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(80),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Exactly this comes next. */
static void hear(int fd, const char *text)
{
	size_t n = strlen(text), at = 0;
	char got[2048] = "";

	assert_true(n < sizeof(got));
	while (at < n) {
		ssize_t r = recv(fd, got + at, n - at, 0);

		if (r <= 0)
			fail_msg("'%s' came, then %s", got, r ? strerror(errno) : "the end");
		at += (size_t)r;
	}
	assert_string_equal(got, text);
}

static void hear_end(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);
}

#define PAGE "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\ntcpwhy lab\n"
#define LAST_HEAD                                                                                  \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\nConnection: "        \
	"close\r\n\r\n"

static void serve(const char *kind)
{
	struct tw_err err = { 0 };

	skip_if_lacking();
	if (tw_actor_serve(server, kind, &err))
		fail_msg("%s", err.text);
}

static void http_is_served(void **state)
{
	int fd, other;

	serve("http");
	fd = dial();
	other = dial();
	say(fd, "GET / HTTP/1.1\r\nHost: x\r\n");
	say(fd, "\r\n");
	hear(fd, PAGE);
	say(other, "HEAD / HTTP/1.1\r\nconnection:  CLOSE\r\n\r\n");
	hear(other, LAST_HEAD);
	hear_end(other);
	/* a body is no request, and two requests at once are two */
	say(fd, "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\n\r\n\r\nxxGET /a HTTP/1.1\r\n\r\n"
		"GET /b HTTP/1.0\r\n\r\n");
	hear(fd, PAGE PAGE LAST_HEAD "tcpwhy lab\n");
	hear_end(fd);
}

static void a_head_without_end_is_given_up(void **state)
{
	char head[9000];
	int fd;

	serve("http");
	fd = dial();
	memset(head, 'x', sizeof(head));
	assert_int_equal(send(fd, head, 8192, MSG_NOSIGNAL), 8192);
	hear_end(fd);
}

static void auto_tells_http_from_others(void **state)
{
	int fd, other;

	serve("auto");
	fd = dial();
	other = dial();
	say(other, "PING\r\n");
	hear(other, "PING\r\n");
	say(fd, "P"); /* may become PUT or PING */
	say(fd, "OST / HTTP/1.1\r\n\r\n");
	hear(fd, PAGE);
	say(other, "GET / HTTP/1.1\r\n\r\n"); /* it was an echo and stays one */
	hear(other, "GET / HTTP/1.1\r\n\r\n");
	shutdown(other, SHUT_WR);
	hear_end(other);
	close(fd);
}

/* More than fits in all buffers between: the service must stop reading, not grow or lose a byte. */
static void an_echo_of_much(void **state)
{
	enum { BYTES = 16 << 20 };
	static char block[65536];
	size_t sent = 0, got = 0;
	int fd;

	serve("echo");
	fd = dial();
	while (got < BYTES) {
		struct pollfd one = { .fd = fd, .events = POLLIN | (sent < BYTES ? POLLOUT : 0) };
		ssize_t n;
		size_t i;

		assert_true(poll(&one, 1, PATIENCE_MS) > 0);
		if (one.revents & POLLOUT) {
			for (i = 0; i < sizeof(block); i++)
				block[i] = (char)((sent + i) % 251);
			n = send(fd, block,
				 BYTES - sent < sizeof(block) ? BYTES - sent : sizeof(block),
				 MSG_DONTWAIT | MSG_NOSIGNAL);
			sent += n > 0 ? (size_t)n : 0;
			if (n > 0)
				continue; /* as long as it takes anything, let it fill up */
		}
		n = recv(fd, block, sizeof(block), MSG_DONTWAIT);
		for (i = 0; n > 0 && i < (size_t)n; i++)
			assert_int_equal(block[i], (char)((got + i) % 251));
		got += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(sent, got);
	close(fd);
}

static void a_command_ends_the_service(void **state)
{
	int first, newest;
	struct tw_actor_result r;

	serve("echo");
	first = dial();
	say(first, "one");
	hear(first, "one");
	newest = dial();
	say(newest, "two");
	hear(newest, "two");
	r = run("server send 26");
	assert_int_equal(r.result, 26);
	assert_int_equal(r.local_port, 80);
	hear(newest, "abcdefghijklmnopqrstuvwxyz");
	say(newest, "unread");
	say(first, "unread");
	must("server poll in", POLLIN);
	must("server close", 0);
	assert_int_equal(recv(newest, (char[1]){ 0 }, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(recv(first, (char[1]){ 0 }, 1, MSG_DONTWAIT), -1); /* open, and silent */
	assert_int_equal(errno, EAGAIN);
	close(newest);
	newest = dial(); /* the listener is there, nobody accepts */
	must("server accept", 0);
	close(newest);
	close(first);
}

static void none_reads_nothing(void **state)
{
	int fd;

	serve("none");
	fd = dial();
	say(fd, "hello");
	must("client connect", 0); /* it is accepted later than the first */
	must("client close", 0);
	must("server recv eof", 0); /* #1 is the newest, from which nothing came */
	close(fd);
}

static void what_cannot_be_served(void **state)
{
	struct tw_err err = { 0 };

	must("client listen", 0);
	assert_int_equal(tw_actor_serve(server, "gopher", &err), -EINVAL);
	assert_string_equal(err.text, "'gopher' is no service: auto, http, echo or none");
	assert_int_equal(tw_actor_serve(server, "http", &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "server.2 cannot listen: Address already in use"));
	assert_int_equal(tw_actor_signal(server, SIGKILL), 0);
	assert_int_equal(tw_actor_serve(server, "http", &err), -ESRCH);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(http_is_served),
		CASE(a_head_without_end_is_given_up),
		CASE(auto_tells_http_from_others),
		CASE(an_echo_of_much),
		CASE(a_command_ends_the_service),
		CASE(none_reads_nothing),
		CASE(what_cannot_be_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
