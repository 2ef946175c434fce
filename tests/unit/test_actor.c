/* SPDX-License-Identifier: BSD-2-Clause */
/* Actors on the real kernel: calls, ends of processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "actors.h"

/* ---- calls ---- */

static void data_goes_both_ways(void **state)
{
	struct tw_actor_result r;

	connected();
	must("client send 100", 100);
	must("server recv 100", 100);
	must("server send 64k", 65536);
	must("client recv 64k", 65536);
	must("client send", TW_ONE_CALL_BYTES);
	must("server recv 64k", 65536);
	must("client shutdown", 0);
	must("server recv", 0);
	must("server recv", 0);
	r = run("server close");
	assert_int_equal(r.result, 0);
	assert_int_equal(r.local_port, 80);
	assert_true(r.remote_port > 1024);
	must("client recv 1", 0);
	must("client close", 0);
	must("client close", -EBADF);
}

static void ports_are_told(void **state)
{
	struct tw_actor_result c, s;

	must("server listen 5 port 8080", 0);
	c = run("client connect #3 port 8080");
	assert_int_equal(c.result, 0);
	assert_int_equal(c.remote_port, 8080);
	s = run("server accept #9");
	assert_int_equal(s.local_port, 8080);
	assert_int_equal(s.remote_port, c.local_port);
	must("server accept #9", -EBUSY);
	must("client bind #2 4000", 0);
	c = run("client connect #2 port 8080");
	assert_int_equal(c.local_port, 4000);
}

static void a_short_count_before_the_end_is_the_end(void **state)
{
	connected();
	must("client send 10", 10);
	must("client close", 0);
	must("server recv 11", 0);
}

static void the_rest_can_be_read_away(void **state)
{
	connected();
	must("client send 200k", 200 * 1024);
	must("client close", 0);
	must("server recv eof", 0);
}

static void a_closed_port_refuses(void **state)
{
	struct tw_actor_result r = run("client connect port 81");

	assert_int_equal(r.result, -ECONNREFUSED);
	assert_int_equal(r.remote_port, 81);
}

static void a_dead_connection_says_epipe(void **state)
{
	connected();
	must("client send 100", 100);
	must("server poll in", POLLIN);
	must("server close", 0); /* with unread data: a reset */
	must("client recv", -ECONNRESET);
	must("client recv", 0);
	must("client send 1", -EPIPE);
}

static void so_error_is_the_call_s_failure(void **state)
{
	must("client nonblocking", 0);
	must("client connect port 81", -EINPROGRESS);
	must("client poll out", POLLOUT | POLLERR | POLLHUP);
	must("client error", -ECONNREFUSED);
	must("client error", 0);
}

static void nonblocking_is_a_switch(void **state)
{
	connected();
	must("client nonblocking", 0);
	must("client recv", -EAGAIN);
	must("server send 5", 5);
	must("client poll any", POLLIN | POLLOUT);
	must("client blocking", 0);
	must("client recv 5", 5);
}

static void fill_stops_when_it_is_full(void **state)
{
	struct tw_actor_result r;

	connected();
	must("client option SO_SNDBUF 16384", 0);
	r = run("client fill");
	assert_true(r.result > 1000);
	must("client nonblocking", 0);
	must("client send", -EAGAIN);
}

static void a_timeout_ends_a_call(void **state)
{
	struct tw_actor_result r;

	connected();
	must("client option SO_RCVTIMEO 50ms", 0);
	r = run("client recv 1");
	assert_int_equal(r.result, -EAGAIN);
	assert_true(r.end_ns - r.start_ns >= 50000000);
}

static void linger_zero_and_unspec_reset(void **state)
{
	connected();
	must("client option SO_LINGER 1 0", 0);
	must("client close", 0);
	must("server recv", -ECONNRESET);
	must("client connect #2", 0);
	must("server accept #2", 0);
	must("client unspec #2", 0);
	must("server recv #2", -ECONNRESET);
}

static void options_are_set(void **state)
{
	connected();
	must("client option TCP_USER_TIMEOUT 2s", 0);
	must("client option TCP_KEEPIDLE 1", 0);
	must("client option IP_TTL 9", 0);
	must("client option TCP_CONGESTION reno", 0);
	must("client option TCP_CONGESTION no-such-thing", -ENOENT);
	must("client option TCP_KEEPCNT 1000", -EINVAL);
	must("server option listener SO_RCVBUF 4096", 0);
}

static void addresses_can_be_in_use(void **state)
{
	must("server listen", 0);
	must("server bind #2 80", -EADDRINUSE);
	must("client connect", 0);
	must("server accept", 0);
	must("server close", 0); /* first: TIME_WAIT is here */
	must("client recv eof", 0);
	must("client close", 0);
	must("server close listener", 0);
	must("server option listener SO_REUSEADDR 0", 0);
	must("server listen", -EADDRINUSE);
	must("server close listener", 0);
	must("server listen", 0); /* with SO_REUSEADDR, as servers do */
}

static void the_listener_can_be_polled(void **state)
{
	must("server listen 1", 0);
	must("client connect #1", 0);
	must("client connect #2", 0);
	must("server accept #1", 0);
	must("server accept #2", 0);
	must("server nonblocking listener", 0);
	must("server accept #3", -EAGAIN);
	must("client connect #3", 0);
	must("server poll listener in", POLLIN);
	must("server accept #3", 0);
}

/* ---- calls in the background ---- */

static void one_call_at_a_time(void **state)
{
	struct tw_actor_result r;
	const struct tw_statement *s;

	connected();
	s = statement("server recv 5 &");
	assert_int_equal(tw_actor_since_ns(server), 0);
	assert_int_equal(tw_actor_begin(server, s), 0);
	assert_true(tw_actor_busy(server));
	assert_true(tw_actor_since_ns(server) > 0);
	assert_int_equal(tw_actor_begin(server, s), -EBUSY);
	assert_int_equal(tw_actor_take(server, &r), 0);
	assert_int_equal(tw_actor_begin(client, &(struct tw_statement){ .verb = TW_DO_SEND,
									.socket = 1,
									.number = 5 }),
			 0);
	r = wait_for(server);
	assert_int_equal(r.result, 5);
	assert_false(tw_actor_busy(server));
	assert_int_equal(wait_for(client).result, 5);
	assert_int_equal(tw_actor_begin(client, &(struct tw_statement){ .verb = TW_DO_FAULT }),
			 -EINVAL);
}

/* ---- ends of processes ---- */

static struct tw_actor_result end_of(struct tw_actor *a)
{
	struct tw_actor_result r = wait_for(a);

	assert_true(r.ended);
	assert_int_equal(tw_actor_fd(a), -1);
	assert_int_equal(tw_actor_take(a, &r), 0);
	return r;
}

static void killed_during_a_call(void **state)
{
	const struct tw_statement *s;
	struct tw_actor_result r;

	connected();
	s = statement("server recv &");
	assert_int_equal(tw_actor_begin(server, s), 0);
	assert_int_equal(tw_actor_signal(server, SIGKILL), 0);
	assert_int_equal(kill(tw_actor_pid(server), 0), -1); /* gone and waited for */
	r = wait_for(server);
	assert_true(r.ended);
	assert_true(WIFSIGNALED(r.status) && WTERMSIG(r.status) == SIGKILL);
	assert_ptr_equal(r.statement, s);
	assert_true(r.end_ns >= r.start_ns && r.start_ns > 0);
	assert_int_equal(tw_actor_fd(server), -1);
	assert_int_equal(tw_actor_take(server, &r), 0);
	assert_int_equal(tw_actor_begin(server, s), -ESRCH);
	assert_int_equal(tw_actor_signal(server, SIGKILL), -ESRCH);
	must("client recv", 0); /* its kernel closed the socket: nothing was unread */
}

static void killed_between_calls(void **state)
{
	struct tw_actor_result r;

	connected();
	must("client send 10", 10);
	must("server poll in", POLLIN);
	assert_int_equal(tw_actor_signal(server, SIGTERM), 0);
	r = wait_for(server);
	assert_true(r.ended && WIFSIGNALED(r.status) && WTERMSIG(r.status) == SIGTERM);
	assert_null(r.statement);
	must("client recv", -ECONNRESET); /* something was unread */
}

static void a_crash_is_a_real_one(void **state)
{
	struct tw_actor_result r;

	connected();
	r = run("server crash");
	assert_true(r.ended && WIFSIGNALED(r.status));
	assert_int_equal(WTERMSIG(r.status), SIGSEGV);
	assert_false(WCOREDUMP(r.status));
	must("client recv", 0);
}

static void exit_leaves_sockets_to_the_kernel(void **state)
{
	struct tw_actor_result r;

	connected();
	r = run("server exit");
	assert_true(r.ended && WIFEXITED(r.status) && !WEXITSTATUS(r.status));
	must("client recv", 0);
}

static void an_answer_before_the_end_is_not_lost(void **state)
{
	struct pollfd one;
	struct tw_actor_result r;

	connected();
	assert_int_equal(tw_actor_begin(client, statement("client send 10")), 0);
	one = (struct pollfd){ .fd = tw_actor_fd(client), .events = POLLIN };
	assert_int_equal(poll(&one, 1, PATIENCE_MS), 1);
	assert_int_equal(tw_actor_signal(client, SIGKILL), 0);
	r = wait_for(client);
	assert_false(r.ended);
	assert_int_equal(r.result, 10);
	r = end_of(client);
	assert_null(r.statement);
}

static void a_stopped_process_hangs(void **state)
{
	struct pollfd one;

	connected();
	assert_int_equal(tw_actor_signal(server, SIGSTOP), 0);
	assert_int_equal(tw_actor_signal(server, SIGSTOP), 0);
	must("client send 10", 10); /* its kernel takes it */
	assert_int_equal(tw_actor_begin(server, statement("server recv 10 &")), 0);
	one = (struct pollfd){ .fd = tw_actor_fd(server), .events = POLLIN };
	assert_int_equal(poll(&one, 1, 100), 0);
	assert_int_equal(tw_actor_signal(server, SIGTERM), 0); /* comes when it goes on */
	assert_int_equal(poll(&one, 1, 0), 0);
	assert_int_equal(tw_actor_signal(server, SIGCONT), 0);
	assert_true(wait_for(server).ended);
}

static void a_process_goes_on_after_a_stop(void **state)
{
	connected();
	assert_int_equal(tw_actor_begin(server, statement("server recv 10 &")), 0);
	assert_int_equal(tw_actor_signal(server, SIGSTOP), 0);
	assert_int_equal(tw_actor_signal(server, SIGCONT), 0);
	assert_int_equal(tw_actor_begin(client, &(struct tw_statement){ .verb = TW_DO_SEND,
									.socket = 1,
									.number = 10 }),
			 0);
	assert_int_equal(wait_for(server).result, 10);
}

static void a_parent_s_death_is_the_actor_s(void **state)
{
	int pair[2], status;
	pid_t parent, actor;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe(pair), 0);
	parent = fork();
	if (!parent) {
		struct tw_actor *a;

		if (tw_actor_new(&a, NULL, TW_HOST_CLIENT, 1, false, false, NULL))
			_exit(1);
		actor = tw_actor_pid(a);
		tw_actor_signal(a, SIGSTOP); /* or it might see the end of the socket pair */
		if (write(pair[1], &actor, sizeof(actor)) != sizeof(actor))
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(read(pair[0], &actor, sizeof(actor)), sizeof(actor));
	/* An orphan is ours to wait for. It had nobody else to kill it. */
	assert_int_equal(waitpid(actor, &status, 0), actor);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(pair[0]);
	close(pair[1]);
}

static void names_and_addresses(void **state)
{
	struct tw_actor *a;

	skip_if_lacking();
	assert_string_equal(tw_actor_name(client), "client");
	assert_string_equal(tw_actor_name(server), "server.2");
	assert_int_equal(tw_actor_new(&a, NULL, TW_HOST_SERVER, 1, false, false, NULL), 0);
	assert_string_equal(tw_actor_name(a), "server");
	tw_actor_free(a);
	tw_actor_free(NULL);
}

static void an_actor_lives_in_its_host(void **state)
{
	const struct tw_net_config lan = { 0 };
	struct tw_net_socket sockets[4];
	struct tw_err err = { 0 };
	struct tw_net *net;
	struct tw_actor *a;

	skip_if_lacking();
	net = new_net(&lan);
	if (tw_actor_new(&a, net, TW_HOST_SERVER, 1, false, false, &err))
		fail_msg("%s", err.text);
	assert_int_equal(tw_actor_begin(a, statement("server listen")), 0);
	assert_int_equal(wait_for(a).result, 0);
	assert_int_equal(tw_net_sockets(net, TW_HOST_SERVER, sockets, 4), 1);
	assert_int_equal(sockets[0].local_port, 80);
	assert_int_equal(tw_net_sockets(net, TW_HOST_CLIENT, sockets, 4), 0);
	tw_actor_free(a);
	tw_net_remove(net, TW_HOST_SERVER);
	assert_int_equal(tw_actor_new(&a, net, TW_HOST_SERVER, 1, false, false, &err), -ENODEV);
	assert_non_null(strstr(err.text, "server cannot enter its namespace"));
	tw_net_free(net);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(data_goes_both_ways),
		CASE_V6(data_goes_both_ways),
		CASE(ports_are_told),
		CASE_V6(ports_are_told),
		CASE(a_short_count_before_the_end_is_the_end),
		CASE(the_rest_can_be_read_away),
		CASE(a_closed_port_refuses),
		CASE_V6(a_closed_port_refuses),
		CASE(a_dead_connection_says_epipe),
		CASE(so_error_is_the_call_s_failure),
		CASE(nonblocking_is_a_switch),
		CASE(fill_stops_when_it_is_full),
		CASE(a_timeout_ends_a_call),
		CASE(linger_zero_and_unspec_reset),
		CASE(options_are_set),
		CASE_V6(options_are_set),
		CASE(addresses_can_be_in_use),
		CASE(the_listener_can_be_polled),
		CASE(one_call_at_a_time),
		CASE(killed_during_a_call),
		CASE(killed_between_calls),
		CASE(a_crash_is_a_real_one),
		CASE(exit_leaves_sockets_to_the_kernel),
		CASE(an_answer_before_the_end_is_not_lost),
		CASE(a_stopped_process_hangs),
		CASE(a_process_goes_on_after_a_stop),
		CASE(a_parent_s_death_is_the_actor_s),
		CASE(names_and_addresses),
		CASE(an_actor_lives_in_its_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
