/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program is followed: its calls on TCP sockets are told, with results and durations, and nothing else.
 * The program is this one again, with the name of a part to play (trace_parts.h) as its argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "lab/trace.h"
#include "lab_ground.h"
#include "trace_parts.h"

#define CALLS_MAX 256

static struct {
	struct tw_traced_call call[CALLS_MAX];
	unsigned count;
} told;

static void on_call(void *user, const struct tw_traced_call *call)
{
	assert_ptr_equal(user, &told);
	assert_true(told.count < CALLS_MAX);
	told.call[told.count++] = *call;
}

static int listener = -1;

static int set_up(void **state)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct sockaddr_in a = there(PORT);

	if (ground_enter(state) || ground_missing[0])
		return 0;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ioctl(listener, SIOCSIFFLAGS, &lo) ||
	    bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 16))
		return -1;
	return 0;
}

static struct tw_trace *start(const char *part)
{
	const char *const argv[] = { "/proc/self/exe", part, NULL };
	const struct tw_trace_config config = {
		.argv = argv,
		.envp = (const char *const *)environ,
		.netns = -1,
		.in = -1,
		.out = -1,
		.err = -1,
		.call = on_call,
		.user = &told,
	};
	struct tw_err err = { 0 };
	struct tw_trace *t = NULL;

	told.count = 0;
	if (tw_trace_start(&t, &config, &err))
		fail_msg("%s", err.text);
	assert_true(tw_trace_pid(t) > 0);
	return t;
}

/* Work until it has ended with all its children; its exit status, or minus the signal. */
static int await(struct tw_trace *t)
{
	const int64_t until = now_ns() + 20 * TW_NS_PER_S;
	struct pollfd p = { .events = POLLIN };
	int status = 0;

	while (!tw_trace_gone(t) && now_ns() < until) {
		p.fd = tw_trace_fd(t);
		poll(&p, 1, 1000);
		tw_trace_work(t);
	}
	assert_true(tw_trace_gone(t));
	assert_int_equal(tw_trace_fd(t), -1);
	assert_true(tw_trace_ended(t, &status));
	tw_trace_free(t);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int take(void)
{
	int fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* Work until its connect(2) has been told: before that, what the peer does may be what connect(2) returns. */
static void until_connected(struct tw_trace *t)
{
	const int64_t until = now_ns() + 20 * TW_NS_PER_S;
	struct pollfd p = { .fd = tw_trace_fd(t), .events = POLLIN };

	while (!told.count && now_ns() < until) {
		poll(&p, 1, 1000);
		tw_trace_work(t);
	}
	assert_int_equal(told.count, 1);
	assert_string_equal(told.call[0].name, "connect");
}

/* Work until its connect(2) has been told, and it sleeps within the call behind it. */
static void until_blocked(struct tw_trace *t)
{
	const int64_t until = now_ns() + 20 * TW_NS_PER_S;
	char path[64], line[256], state = 0;

	until_connected(t);
	snprintf(path, sizeof(path), "/proc/%d/stat", told.call[0].pid);
	while (state != 'S' && now_ns() < until) {
		FILE *stat = fopen(path, "re");
		const char *end =
			stat && fgets(line, sizeof(line), stat) ? strrchr(line, ')') : NULL;

		if (stat)
			fclose(stat);
		state = end && end[1] ? end[2] : 0;
		pause_ms(1);
	}
	assert_int_equal(state, 'S');
}

static unsigned count_of(const char *name, long result)
{
	unsigned i, n = 0;

	for (i = 0; i < told.count; i++)
		n += !strcmp(told.call[i].name, name) && told.call[i].result == result;
	return n;
}

static const struct tw_traced_call *only(const char *name)
{
	const struct tw_traced_call *found = NULL;
	unsigned i;

	for (i = 0; i < told.count; i++)
		if (!strcmp(told.call[i].name, name)) {
			assert_null(found);
			found = &told.call[i];
		}
	if (!found)
		fail_msg("no %s was told", name);
	return found;
}

static int64_t duration_ms(const struct tw_traced_call *c)
{
	assert_true(c->end_ns >= c->start_ns);
	return (c->end_ns - c->start_ns) / TW_NS_PER_MS;
}

static void connect_refused(void **state)
{
	const struct tw_traced_call *c;

	GROUND_OR_SKIP();
	assert_int_equal(await(start("refused")), ECONNREFUSED);
	c = only("connect");
	assert_int_equal(c->result, -ECONNREFUSED);
	assert_int_equal(c->remote_port, 81);
	assert_true(c->fd > 2 && c->pid > 0);
	assert_int_equal(told.count, 1);
}

static void end_of_stream(void **state)
{
	struct tw_trace *t;
	int fd;

	GROUND_OR_SKIP();
	t = start("read");
	fd = take();
	assert_int_equal(write(fd, "12345", 5), 5);
	close(fd);
	assert_int_equal(await(t), 0);
	assert_int_equal(only("connect")->result, 0);
	assert_true(only("connect")->local_port > 0);
	assert_int_equal(count_of("read", 0), 1);
	assert_int_equal(count_of("read", 5), 1);
	assert_int_equal(told.call[told.count - 1].remote_port, PORT);
}

static void reset(void **state)
{
	const struct linger abort = { 1, 0 };
	const struct tw_traced_call *c;
	struct tw_trace *t;
	int fd;

	GROUND_OR_SKIP();
	t = start("read");
	fd = take();
	until_connected(t);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	close(fd);
	assert_int_equal(await(t), 0);
	c = only("read");
	assert_int_equal(c->result, -ECONNRESET);
	assert_int_equal(c->remote_port, PORT); /* though the kernel has forgotten it */
	assert_true(c->local_port > 0);
}

static void receive_timeout(void **state)
{
	const struct tw_traced_call *c;
	struct tw_trace *t;
	int fd;

	GROUND_OR_SKIP();
	t = start("timeout");
	fd = take();
	assert_int_equal(await(t), EAGAIN);
	close(fd);
	c = only("recvfrom");
	assert_int_equal(c->result, -EAGAIN);
	assert_in_range(duration_ms(c), 195, 5000);
	assert_int_equal(only("setsockopt")->result,
			 -ENOPROTOOPT); /* the one that worked is not told */
}

static void threads_are_followed(void **state)
{
	unsigned different = 0;
	struct tw_trace *t;
	int fd[5], i;

	GROUND_OR_SKIP();
	t = start("threads");
	for (i = 0; i < 5; i++)
		fd[i] = take();
	for (i = 0; i < 5; i++)
		close(fd[i]);
	assert_int_equal(await(t), 0);
	assert_int_equal(count_of("connect", 0), 5);
	assert_int_equal(count_of("recvfrom", 0), 5);
	for (i = 1; (unsigned)i < told.count; i++)
		different += told.call[i].pid != told.call[0].pid;
	assert_int_equal(different, 8);
}

static void children_are_followed(void **state)
{
	struct tw_trace *t;
	pid_t child, parent;
	int fd;

	GROUND_OR_SKIP();
	t = start("fork");
	parent = tw_trace_pid(t);
	fd = take();
	assert_int_equal(recv(fd, &(char[5]){ 0 }, 5, MSG_WAITALL), 5);
	close(fd);
	assert_int_equal(await(t), 7);
	child = only("sendto")->pid;
	assert_int_equal(only("sendto")->result, 5);
	assert_int_not_equal(child, parent);
	assert_int_equal(only("recvfrom")->pid, parent);
	assert_int_equal(only("connect")->pid, parent);
}

static void daemon_outlives_the_program(void **state)
{
	const struct tw_traced_call *c;
	struct pollfd p = { .events = POLLIN };
	struct tw_trace *t;
	int fd, status = -1;

	GROUND_OR_SKIP();
	t = start("daemon");
	fd = take();
	while (!tw_trace_ended(t, &status)) {
		p.fd = tw_trace_fd(t);
		poll(&p, 1, 1000);
		tw_trace_work(t);
	}
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_false(tw_trace_gone(t));
	until_blocked(t);
	assert_int_equal(tw_trace_signal(t, SIGTERM, false), -ESRCH);
	tw_trace_free(t);
	/* Its call never returned, and it is gone: the listener's end of the connection knows. */
	c = only("recvfrom");
	assert_int_equal(c->end_ns, 0);
	assert_int_equal(recv(fd, &(char){ 0 }, 1, 0), 0);
	close(fd);
}

static void other_descriptors_are_not_told(void **state)
{
	GROUND_OR_SKIP();
	assert_int_equal(await(start("files")), 0);
	assert_int_equal(told.count, 0);
}

static void interrupted_call(void **state)
{
	const struct tw_traced_call *c;
	struct tw_trace *t;
	int fd;

	GROUND_OR_SKIP();
	t = start("eintr");
	fd = take();
	until_blocked(t);
	pause_ms(80);
	assert_int_equal(tw_trace_signal(t, SIGALRM, false), 0);
	assert_int_equal(await(t), EINTR);
	close(fd);
	c = only("recvfrom");
	assert_int_equal(c->result, -EINTR);
	assert_in_range(duration_ms(c), 75, 5000);
}

/* A deadly signal interrupts it, too, but it never returns. */
static void deadly_signal(void **state)
{
	struct tw_trace *t;
	int fd;

	GROUND_OR_SKIP();
	t = start("read");
	fd = take();
	until_blocked(t);
	assert_int_equal(tw_trace_signal(t, SIGTERM, false), 0);
	assert_int_equal(await(t), -SIGTERM);
	close(fd);
	assert_int_equal(only("read")->end_ns, 0);
}

static void restarted_call(void **state)
{
	const struct tw_traced_call *c;
	struct tw_trace *t;
	int fd;

	GROUND_OR_SKIP();
	t = start("restart");
	fd = take();
	until_blocked(t);
	pause_ms(80);
	assert_int_equal(tw_trace_signal(t, SIGALRM, false), 0);
	pause_ms(200);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(await(t), 11); /* the handler ran once, the byte came */
	close(fd);
	c = only("recvfrom");
	assert_int_equal(c->result, 1);
	assert_in_range(duration_ms(c), 250, 5000);
}

static void stopped_program(void **state)
{
	const struct tw_traced_call *c;
	struct tw_trace *t;
	int fd;

	GROUND_OR_SKIP();
	t = start("stopped");
	fd = take();
	until_blocked(t);
	pause_ms(100);
	assert_int_equal(tw_trace_signal(t, SIGSTOP, true), 0);
	pause_ms(100);
	assert_int_equal(write(fd, "x", 1), 1);
	pause_ms(200);
	tw_trace_work(t);
	assert_int_equal(told.count, 1); /* connect; it takes nothing while it is stopped */
	assert_int_equal(tw_trace_signal(t, SIGCONT, true), 0);
	assert_int_equal(await(t), 1);
	close(fd);
	c = only("recvfrom");
	assert_int_equal(c->result, 1);
	assert_in_range(duration_ms(c), 350, 5000);
}

static void killed_program(void **state)
{
	const struct tw_traced_call *c;
	struct tw_trace *t;
	int fd;

	GROUND_OR_SKIP();
	t = start("read");
	fd = take();
	until_blocked(t);
	assert_int_equal(tw_trace_signal(t, SIGKILL, false), 0);
	assert_int_equal(await(t), -SIGKILL);
	close(fd);
	c = only("read");
	assert_int_equal(c->end_ns, 0);
	assert_int_equal(c->remote_port, PORT);
}

static void waits_are_merged(void **state)
{
	const struct tw_traced_call *c;
	int fd, status, tries = 0;
	struct tw_trace *t;

	GROUND_OR_SKIP();
	do {
		t = start("poll");
		fd = take();
		status = await(t);
		close(fd);
	} while (status == DISTURBED && tries++ < 30);
	assert_int_equal(status, 0);
	c = only("poll"); /* neither the sleeps nor the short ones, nor both as one */
	assert_int_equal(c->result, 0);
	assert_in_range(duration_ms(c), 235, 5000);
	assert_int_equal(c->remote_port, PORT);
	c = only(count_of("select", 0) ? "select" : "pselect6");
	assert_in_range(duration_ms(c), 95, 5000);
	assert_int_equal(c->remote_port, PORT);
}

static void epoll_knows_its_connection(void **state)
{
	const struct tw_traced_call *c;
	struct tw_trace *t;
	int fd;

	GROUND_OR_SKIP();
	t = start("epoll");
	fd = take();
	until_blocked(t);
	pause_ms(200);
	close(fd);
	assert_int_equal(await(t), 0);
	c = only(count_of("epoll_wait", 1) ? "epoll_wait" : "epoll_pwait");
	assert_int_equal(c->result, 1);
	assert_int_equal(c->remote_port, PORT);
	assert_in_range(duration_ms(c), 150, 5000);
}

static void socket_error_is_shown(void **state)
{
	GROUND_OR_SKIP();
	assert_int_equal(await(start("nonblocking")), 0);
	assert_int_equal(only("connect")->result, -EINPROGRESS);
	assert_int_equal(only("getsockopt(SO_ERROR)")->result, -ECONNREFUSED);
	assert_int_equal(told.count, 2);
}

static void accepted_connection(void **state)
{
	const struct tw_traced_call *c;

	GROUND_OR_SKIP();
	assert_int_equal(await(start("server")), 0);
	c = only("accept");
	assert_true(c->result > c->fd);
	assert_int_equal(c->local_port, PORT + 2);
	assert_int_equal(c->remote_port, only("connect")->local_port);
	assert_int_equal(only("write")->result, 3);
}

static void exec_by_a_thread(void **state)
{
	GROUND_OR_SKIP();
	assert_int_equal(await(start("exec")), ECONNREFUSED);
	assert_int_equal(only("connect")->result, -ECONNREFUSED);
}

static void not_to_be_run(void **state)
{
	static const struct {
		const char *name;
		int error;
	} broken[] = { { "no-such-program-anywhere", ENOENT },
		       { "/dev/null", EACCES },
		       { "", EINVAL } };
	unsigned i;

	setenv("PATH", "/usr/bin:/bin", 1); /* all of it can be looked into by anybody */
	for (i = 0; i < 3; i++) {
		const char *const argv[] = { broken[i].name, NULL };
		const struct tw_trace_config config = {
			.argv = argv,
			.envp = (const char *const *)environ,
			.netns = -1,
			.in = -1,
			.out = -1,
			.err = -1,
		};
		struct tw_err err = { 0 };
		struct tw_trace *t = NULL;

		assert_int_equal(tw_trace_start(&t, &config, &err), -broken[i].error);
		assert_int_equal(err.code, -broken[i].error);
		assert_non_null(
			strstr(err.text, broken[i].error == EINVAL ? "no name" : broken[i].name));
		assert_null(t);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left behind */
}

static void streams_and_environment(void **state)
{
	const char *const argv[] = { "sh", "-c",
				     "echo out $LAB; echo err >&2; ls /proc/self/fd | wc -l",
				     NULL };
	const char *const envp[] = { "LAB=yes", "PATH=/usr/bin:/bin", NULL };
	struct tw_trace_config config = { .argv = argv, .envp = envp, .netns = -1, .in = -1 };
	char text[64] = "";
	struct tw_err err = { 0 };
	struct tw_trace *t = NULL;
	size_t length = 0;
	int out[2];
	ssize_t n;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	config.out = config.err = out[1];
	if (tw_trace_start(&t, &config, &err))
		fail_msg("%s", err.text);
	close(out[1]);
	/* Its end comes as soon as the program's: nobody else holds the pipe. */
	while ((n = read(out[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	assert_string_equal(text, "out yes\nerr\n4\n"); /* 0, 1, 2, and what `ls` opened */
	assert_int_equal(await(t), 0);
	close(out[0]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_refused),
		cmocka_unit_test(end_of_stream),
		cmocka_unit_test(reset),
		cmocka_unit_test(receive_timeout),
		cmocka_unit_test(threads_are_followed),
		cmocka_unit_test(children_are_followed),
		cmocka_unit_test(daemon_outlives_the_program),
		cmocka_unit_test(other_descriptors_are_not_told),
		cmocka_unit_test(interrupted_call),
		cmocka_unit_test(deadly_signal),
		cmocka_unit_test(restarted_call),
		cmocka_unit_test(stopped_program),
		cmocka_unit_test(killed_program),
		cmocka_unit_test(waits_are_merged),
		cmocka_unit_test(epoll_knows_its_connection),
		cmocka_unit_test(socket_error_is_shown),
		cmocka_unit_test(accepted_connection),
		cmocka_unit_test(exec_by_a_thread),
		cmocka_unit_test(not_to_be_run),
		cmocka_unit_test(streams_and_environment),
	};

	if (argc > 1)
		play(argv[1]);
	return cmocka_run_group_tests(tests, set_up, NULL);
}
