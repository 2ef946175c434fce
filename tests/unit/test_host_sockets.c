/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of living sockets: states, queues, timers, owners and options, of sockets made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/sockets.h"
#include "host/sockets_private.h"
#include "packet/tuple.h"

/* A listener, a client, and what accept() gave. */
struct trio {
	int listener, client, served;
	uint16_t port;
};

static void dial(struct trio *t, int family, int backlog)
{
	struct sockaddr_in6 a = { .sin6_family = (sa_family_t)family };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
	socklen_t size = sizeof(a);

	if (family == AF_INET)
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.sin6_addr = in6addr_loopback;
	t->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	t->client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->listener < 0 || bind(t->listener, (struct sockaddr *)&a, size))
		skip();
	assert_int_equal(listen(t->listener, backlog), 0);
	assert_int_equal(getsockname(t->listener, (struct sockaddr *)&a, &size), 0);
	t->port = ntohs(a.sin6_port);
	assert_int_equal(connect(t->client, (struct sockaddr *)&a, size), 0);
	t->served = accept(t->listener, NULL, NULL);
	assert_true(t->served >= 0);
}

static void hang_up(const struct trio *t)
{
	close(t->client);
	close(t->served);
	close(t->listener);
}

static struct tw_living *by_inode(const struct tw_living_list *l, int fd)
{
	struct stat s;
	size_t i;

	assert_int_equal(fstat(fd, &s), 0);
	for (i = 0; i < l->count; i++)
		if (l->socket[i].inode == s.st_ino)
			return &l->socket[i];
	return NULL;
}

static void read_all(struct tw_living_list *l)
{
	struct tw_err err = { 0 };
	int code = tw_living_read(l, TW_SOCKET_ALL, TW_OWNERS_FIND, &err);

	if (code == -EPROTONOSUPPORT || code == -ENOENT)
		skip();
	if (code)
		fail_msg("%s", err.text);
}

static void a_connection_is_told(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct tw_living_list l;
	const struct tw_living *s;
	struct trio t;
	unsigned i;

	for (i = 0; i < 2; i++) {
		char text[TW_ENDPOINT_TEXT];

		dial(&t, families[i], 7);
		assert_int_equal(write(t.client, "hello", 5), 5);
		read_all(&l);
		s = by_inode(&l, t.listener);
		assert_non_null(s);
		assert_int_equal(s->state, TW_SOCKET_LISTEN);
		assert_int_equal(s->send_queue, 7);
		assert_int_equal(s->receive_queue, 0);
		assert_int_equal(s->local_port, t.port);
		s = by_inode(&l, t.served);
		assert_non_null(s);
		assert_int_equal(s->state, TW_SOCKET_ESTABLISHED);
		assert_int_equal(s->receive_queue, 5);
		assert_int_equal(s->v6, families[i] == AF_INET6);
		assert_true(s->have_info);
		assert_int_equal(s->bytes_received, 5);
		assert_string_equal(tw_addr_text(text, &s->remote), i ? "::1" : "127.0.0.1");
		assert_int_equal(s->pid, getpid());
		assert_int_equal(s->fd, t.served);
		assert_non_null(strstr("test_host_sockets", s->comm));
		assert_true(tw_living_idle_ms(s) < 60000);
		tw_living_free(&l);
		hang_up(&t);
	}
}

static void a_full_queue_is_told(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int more = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct tw_living_list l;
	const struct tw_living *s;
	struct trio t;

	dial(&t, AF_INET, 0);
	a.sin_port = htons(t.port);
	assert_int_equal(connect(more, (struct sockaddr *)&a, sizeof(a)), 0);
	read_all(&l);
	s = by_inode(&l, t.listener);
	assert_int_equal(s->receive_queue, 1);
	assert_int_equal(s->send_queue, 0);
	tw_living_free(&l);
	close(more);
	hang_up(&t);
}

static void states_are_chosen_by_the_mask(void **state)
{
	struct tw_living_list l;
	struct tw_err err = { 0 };
	struct trio t;
	size_t i;

	dial(&t, AF_INET, 1);
	if (tw_living_read(&l, 1 << TW_SOCKET_LISTEN, TW_OWNERS_SKIP, &err))
		skip();
	assert_non_null(by_inode(&l, t.listener));
	for (i = 0; i < l.count; i++) {
		assert_int_equal(l.socket[i].state, TW_SOCKET_LISTEN);
		assert_int_equal(l.socket[i].pid, 0);
	}
	assert_true(l.no_processes);
	tw_living_free(&l);
	/* The client leaves: the served end waits for its application. */
	close(t.client);
	t.client = -1;
	assert_int_equal(read(t.served, &err, 1), 0);
	assert_int_equal(tw_living_read(&l, 1 << TW_SOCKET_CLOSE_WAIT, TW_OWNERS_SKIP, &err), 0);
	assert_non_null(by_inode(&l, t.served));
	assert_null(by_inode(&l, t.listener));
	tw_living_free(&l);
	hang_up(&t);
}

static void set(int fd, int level, int name, int value)
{
	assert_int_equal(setsockopt(fd, level, name, &value, sizeof(value)), 0);
}

static void keepalive_and_options_are_told(void **state)
{
	struct tw_living_list l;
	struct tw_sockopts o;
	struct tw_err err = { 0 };
	struct tw_living gone;
	struct trio t;
	int code;

	dial(&t, AF_INET, 1);
	set(t.client, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(t.client, IPPROTO_TCP, TCP_KEEPIDLE, 61);
	set(t.client, IPPROTO_TCP, TCP_KEEPINTVL, 11);
	set(t.client, IPPROTO_TCP, TCP_KEEPCNT, 4);
	set(t.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 30500);
	read_all(&l);
	assert_int_equal(tw_living_keepalive(by_inode(&l, t.client)), 1);
	assert_int_equal(by_inode(&l, t.client)->timer, TW_SOCKET_TIMER_KEEPALIVE);
	assert_in_range(by_inode(&l, t.client)->timer_ms, 1000, 61500);
	assert_int_equal(tw_living_keepalive(by_inode(&l, t.served)), 0);
	assert_int_equal(tw_living_keepalive(by_inode(&l, t.listener)), -1);
	code = tw_living_options(by_inode(&l, t.client), &o, &err);
	if (code == -EPERM || code == -ENOSYS)
		skip();
	assert_int_equal(code, 0);
	assert_true(o.keepalive);
	assert_int_equal(o.keep_idle_s, 61);
	assert_int_equal(o.keep_intvl_s, 11);
	assert_int_equal(o.keep_count, 4);
	assert_int_equal(o.user_timeout_ms, 30500);
	assert_int_equal(o.syncnt, 0);
	assert_int_equal(o.sndtimeo_ns, 0);
	assert_int_equal(tw_living_options(by_inode(&l, t.served), &o, &err), 0);
	assert_false(o.keepalive);
	assert_int_equal(o.user_timeout_ms, 0);
	/* The descriptor now stands for another socket. */
	gone = *by_inode(&l, t.client);
	gone.fd = t.served;
	assert_int_equal(tw_living_options(&gone, &o, &err), -ESRCH);
	gone.pid = 0;
	assert_int_equal(tw_living_options(&gone, &o, &err), -ESRCH);
	assert_int_equal(err.code, -ESRCH);
	tw_living_free(&l);
	hang_up(&t);
}

/* Owners from a made-up /proc: the lowest pid, odd names, what may not be looked at. */
static void owners_are_found_below_proc(void **state)
{
	struct tw_living two[] = { { .inode = 77 }, { .inode = 0 }, { .inode = 78 } };
	struct tw_living_list l = { .socket = two, .count = 3 };
	char command[512], root[] = "/tmp/tcpwhy-proc-XXXXXX";
	struct tw_err err = { 0 };

	assert_non_null(mkdtemp(root));
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p 31/fd 7/fd 12x/fd self && ln -s socket:[77] 31/fd/5 && "
		 "ln -s socket:[77] 7/fd/3 && ln -s socket:[0] 7/fd/4 && ln -s pipe:[78] 7/fd/6 && "
		 "ln -s socket:[78] 12x/fd/1 && printf 'nine and more lett\\n' > 7/comm",
		 root);
	assert_int_equal(system(command), 0);
	assert_int_equal(tw_living_find_owners(&l, root, &err), 0);
	assert_int_equal(two[0].pid, 7);
	assert_int_equal(two[0].fd, 3);
	assert_string_equal(two[0].comm, "nine and more l");
	assert_int_equal(two[1].pid, 0);
	assert_int_equal(two[2].pid, 0);
	assert_false(l.no_processes);
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
	assert_int_equal(tw_living_find_owners(&l, root, &err), 0);
	assert_true(l.no_processes);
}

/* Its first timeout, whatever back-off has made of it; but not once it is at the ceiling. */
static void rto_without_backoff(void **state)
{
	struct tw_living s = { .have_info = true,
			       .rto_us = 1648000,
			       .backoff = 3,
			       .timer = TW_SOCKET_TIMER_RETRANSMIT };

	(void)state;
	assert_int_equal(tw_living_rto_ns(&s), 206000000);
	s.timer = TW_SOCKET_TIMER_PERSIST;
	assert_int_equal(tw_living_rto_ns(&s), 1648000000);
	s.timer = TW_SOCKET_TIMER_RETRANSMIT;
	s.rto_us = 120000000;
	assert_int_equal(tw_living_rto_ns(&s), 0);
	s.have_info = false;
	assert_int_equal(tw_living_rto_ns(&s), 0);
}

/* Who is asked for is the owner, also of what others hold; and only of what it holds. */
static void claimed_by_pid(void **state)
{
	struct tw_living_list l = { 0 };
	struct tw_err err = { 0 };
	struct trio t;

	(void)state;
	dial(&t, AF_INET, 1);
	assert_int_equal(tw_living_read(&l, TW_SOCKET_ALL, TW_OWNERS_SKIP, &err), 0);
	assert_int_equal(tw_living_claim(&l, getpid(), &err), 0);
	assert_int_equal(by_inode(&l, t.client)->pid, getpid());
	assert_int_equal(by_inode(&l, t.client)->fd, t.client);
	assert_int_equal(tw_living_claim(&l, INT32_MAX, &err), -ESRCH);
	assert_int_equal(by_inode(&l, t.client)->pid, 0);
	tw_living_free(&l);
	hang_up(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rto_without_backoff),
		cmocka_unit_test(claimed_by_pid),
		cmocka_unit_test(a_connection_is_told),
		cmocka_unit_test(a_full_queue_is_told),
		cmocka_unit_test(states_are_chosen_by_the_mask),
		cmocka_unit_test(keepalive_and_options_are_told),
		cmocka_unit_test(owners_are_found_below_proc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
