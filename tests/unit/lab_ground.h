/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TW_TESTS_LAB_GROUND_H
#define TW_TESTS_LAB_GROUND_H

/*
 * Ground for tests that make network namespaces: a home namespace of the test's own, in a user
 * namespace if the caller is not root. Where neither is possible the tests skip, with the reason.
 * Include after cmocka.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "lab/net.h"

static char ground_missing[500]; /* why there is no ground; "" = there is */

static inline bool ground_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

/* Can hosts be made here at all? Rights can be missing that only show when they are used. */
static inline void ground_probe(void)
{
	static const struct tw_net_config lan = { 0 };
	struct tw_err err = { 0 };
	struct tw_net *n = NULL;
	int code = tw_net_new(&n, &lan, &err);

	tw_net_free(n);
	if (code == -EPERM || code == -EACCES || code == -EROFS || code == -EOPNOTSUPP)
		snprintf(ground_missing, sizeof(ground_missing), "%s", err.text);
}

/* Root in a user namespace of the test's own. */
static inline bool ground_become_root(void)
{
	unsigned uid = getuid(), gid = getgid();
	char text[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		snprintf(ground_missing, sizeof(ground_missing),
			 "neither a network nor a user namespace can be made here: %s",
			 strerror(errno));
		return false;
	}
	ground_write("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", uid);
	if (ground_write("/proc/self/uid_map", text)) {
		snprintf(text, sizeof(text), "0 %u 1", gid);
		if (ground_write("/proc/self/gid_map", text))
			return true;
	}
	snprintf(ground_missing, sizeof(ground_missing), "no uid map can be written here: %s",
		 strerror(errno));
	return false;
}

/* Each test has a home namespace of its own, so that a failed one leaves nothing to the next. */
#define GROUND_TEST(f) cmocka_unit_test_setup(f, ground_enter)
static inline int ground_enter(void **state)
{
	static bool probed;

	if (ground_missing[0] || (unshare(CLONE_NEWNET) && !ground_become_root()))
		return 0;
	if (!probed)
		ground_probe();
	probed = true;
	return 0;
}

#define GROUND_OR_SKIP()                                                                           \
	do {                                                                                       \
		if (ground_missing[0]) {                                                           \
			print_message("# skipped: %s\n", ground_missing);                          \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

/* For loops over both families: 2, or 1 on a kernel without IPv6. */
static inline unsigned ground_families(void)
{
	return access("/proc/sys/net/ipv6", F_OK) ? 1 : 2;
}

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * TW_NS_PER_S + t.tv_nsec;
}

static inline struct tw_net *new_net(const struct tw_net_config *config)
{
	struct tw_net *n = NULL;
	struct tw_err err = { 0 };

	if (tw_net_new(&n, config, &err))
		fail_msg("%s", err.text);
	return n;
}

static inline socklen_t socket_address(struct sockaddr_storage *out, const char *text, bool v6,
				       uint16_t port)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (v6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, text, &four->sin_addr), 1);
	return sizeof(*four);
}

/* A socket (non-blocking) of a host. */
static inline int host_socket(struct tw_net *n, enum tw_host_id host, bool v6)
{
	int fd;

	assert_int_equal(tw_net_enter(n, host), 0);
	fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(tw_net_leave(n), 0);
	assert_true(fd >= 0);
	return fd;
}

/* A listener of the server on port 80. */
static inline int host_listen(struct tw_net *n, bool v6)
{
	int fd = host_socket(n, TW_HOST_SERVER, v6);
	struct sockaddr_storage a;
	socklen_t length = socket_address(&a, tw_net_address(n, TW_HOST_SERVER, v6), v6, 80);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, length), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* Begin to connect the client to @text, or to the server (NULL). */
static inline int host_connect(struct tw_net *n, const char *text, bool v6)
{
	int fd = host_socket(n, TW_HOST_CLIENT, v6);
	struct sockaddr_storage a;
	socklen_t length =
		socket_address(&a, text ? text : tw_net_address(n, TW_HOST_SERVER, v6), v6, 80);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, length), -1);
	assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static inline int socket_error(int fd)
{
	socklen_t length = sizeof(int);
	int error = -1;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
	return error;
}

#endif
