/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A user's program in a host of the lab: address, environment, namespace, output, times, asserts, record. The
 * programs are this one again, with the name of a part as its argument, and the shell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lab/program.h"
#include "lab_ground.h"

/* ==== the parts ==== */

static void on_term(int sig)
{
	_exit(sig == SIGTERM ? 4 : 5);
}

static socklen_t given_address(struct sockaddr_storage *out)
{
	const char *host = getenv("TCPWHY_HOST"), *port = getenv("TCPWHY_PORT");

	if (!host || !port)
		_exit(90);
	return socket_address(out, host, false, (uint16_t)strtoul(port, NULL, 10));
}

static void part_listen(void)
{
	struct sockaddr_storage a;
	socklen_t length = given_address(&a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	signal(SIGTERM, on_term);
	if (bind(fd, (struct sockaddr *)&a, length) || listen(fd, 5))
		_exit(errno);
	for (;;)
		accept(fd, NULL, NULL);
}

/* Three tries: two refused, one more without blocking and asked again. */
static void part_connect(void)
{
	struct sockaddr_storage a;
	socklen_t length = given_address(&a);
	int i, fd;

	for (i = 0; i < 3; i++) {
		fd = socket(AF_INET, SOCK_STREAM | (i == 2 ? SOCK_NONBLOCK : 0), 0);
		(void)connect(fd, (struct sockaddr *)&a, length);
		if (i == 2)
			(void)connect(fd, (struct sockaddr *)&a, length);
	}
	_exit(9);
}

static void part_stubborn(void)
{
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

/* ==== the tests ==== */

static struct tw_lab_job job;
static const char *words[8];

static void new_job(const char *word0, const char *word1, const char *word2)
{
	words[0] = word0;
	words[1] = word1;
	words[2] = word2;
	words[3] = NULL;
	job = (struct tw_lab_job){ .expect_exit = -1, .uid = getuid(), .gid = getgid() };
	job.program[TW_HOST_CLIENT] = job.program[TW_HOST_SERVER] = words;
}

static struct tw_program *begin(struct tw_net *n, enum tw_host_id side, const char *host)
{
	const struct tw_program_config config = {
		.job = &job, .side = side, .net = n, .host = host, .port = 80, .asserted = true
	};
	struct tw_program *p = NULL;
	struct tw_err err = { 0 };

	if (tw_program_start(&p, &config, &err))
		fail_msg("%s", err.text);
	return p;
}

/* Work until @done; nothing but the descriptor wakes us. */
static void work_until(struct tw_program *p, bool (*done)(const struct tw_program *))
{
	const int64_t until = now_ns() + 20 * TW_NS_PER_S;
	struct pollfd wake = { .fd = tw_program_fd(p), .events = POLLIN };

	while (!done(p)) {
		assert_true(now_ns() < until);
		assert_int_equal(poll(&wake, 1, 15000), 1);
		tw_program_work(p);
	}
}

static json_t *record_of(struct tw_program *p, const char *failure)
{
	json_t *j = tw_program_json(p, 0);
	const char *seen;

	assert_non_null(j);
	seen = json_string_value(json_object_get(j, "failure"));
	if (failure && (!seen || !strstr(seen, failure)))
		fail_msg("'%s' instead of '%s'", seen ? seen : "nothing", failure);
	assert_true(!failure == !seen);
	assert_int_equal(json_is_true(json_object_get(j, "passed")), !failure);
	return j;
}

static int64_t number(const json_t *j, const char *key)
{
	assert_true(json_is_integer(json_object_get(j, key)));
	return json_integer_value(json_object_get(j, key));
}

/* Run to the end in the client's host, with its standard output caught. */
static json_t *run(const char *host, char *text, size_t size, const char *failure)
{
	struct tw_net *n = new_net(&(const struct tw_net_config){ 0 });
	int out[2], old = dup(STDOUT_FILENO);
	struct tw_program *p;
	ssize_t got;
	json_t *j;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fflush(stdout);
	assert_int_equal(dup2(out[1], STDOUT_FILENO), STDOUT_FILENO);
	close(out[1]);
	p = begin(n, TW_HOST_CLIENT, host);
	work_until(p, tw_program_gone);
	j = record_of(p, failure);
	tw_program_free(p);
	assert_int_equal(dup2(old, STDOUT_FILENO), STDOUT_FILENO);
	close(old);
	got = read(out[0], text, size - 1);
	text[got > 0 ? got : 0] = 0;
	close(out[0]);
	tw_net_free(n);
	return j;
}

static void address_in_arguments(void **state)
{
	static const struct {
		const char *host, *word, *becomes;
	} rows[] = {
		{ "192.0.2.2", "http://{host}:{port}/{x}", "http://192.0.2.2:80/{x}" },
		{ "192.0.2.2", "{host}{host} {port}", "192.0.2.2192.0.2.2 80" },
		{ "2001:db8::2", "{host}", "2001:db8::2" },
		{ "2001:db8::2", "{host}:{port}", "[2001:db8::2]:80" },
		{ "2001:db8::2", "http://{host}/{host", "http://[2001:db8::2]/{host" },
		{ "2001:db8::2", "http://[{host}]/", "http://[2001:db8::2]/" },
		{ "2001:db8::2", "", "" },
	};
	char text[200], wanted[200];
	unsigned i;
	json_t *j;

	GROUND_OR_SKIP();
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		new_job("printf", "%s\n", rows[i].word);
		j = run(rows[i].host, text, sizeof(text), NULL);
		snprintf(wanted, sizeof(wanted), "%s\n", rows[i].becomes);
		assert_string_equal(text, wanted);
		assert_string_equal(
			json_string_value(json_array_get(json_object_get(j, "argv"), 2)),
			rows[i].becomes);
		json_decref(j);
	}
}

static void environment_and_namespace(void **state)
{
	char text[300], wanted[300];
	json_t *j;

	GROUND_OR_SKIP();
	setenv("TCPWHY_PORT", "old", 1);
	new_job("sh", "-c", "echo $TCPWHY_HOST $TCPWHY_PORT $(id -u); grep -c : /proc/net/dev");
	j = run("192.0.2.9", text, sizeof(text), NULL);
	snprintf(wanted, sizeof(wanted), "192.0.2.9 80 %u\n2\n", getuid()); /* lo and eth0 */
	assert_string_equal(text, wanted);
	assert_int_equal(number(j, "exit"), 0);
	assert_true(json_is_null(json_object_get(j, "signal")));
	assert_true(json_is_null(json_object_get(j, "longest_call")));
	json_decref(j);
}

static uid_t outer_uid; /* the caller's: of what the ground is made, ours is 0 */

/* In a user namespace, as nobody: its own uid, no right over the lab, and any port. */
static int as_nobody(void)
{
	void *state = NULL;
	char text[100], wanted[100];

	if (!outer_uid) {
		outer_uid = 65534;
		if (setgid(outer_uid) || setuid(outer_uid) || prctl(PR_SET_DUMPABLE, 1))
			return 1;
		if (ground_enter(&state) || ground_missing[0])
			return 77;
	}
	new_job("sh", "-c",
		"echo $(id -u) $(cat /proc/sys/net/ipv4/ip_unprivileged_port_start) "
		"$(sed -n 's/CapEff:\t//p' /proc/self/status)");
	job.inside_user_ns = true;
	job.uid = job.gid = outer_uid;
	json_decref(run("192.0.2.2", text, sizeof(text), NULL));
	snprintf(wanted, sizeof(wanted), "%u 0 0000000000000000\n", outer_uid);
	return strcmp(text, wanted) ? 2 : 0;
}

static void ordinary_user(void **state)
{
	int status = 0;
	pid_t pid;

	GROUND_OR_SKIP();
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("# skipped: nobody can not make a user namespace here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void calls_and_connections(void **state)
{
	char text[10];
	const json_t *list;
	json_t *j;

	GROUND_OR_SKIP();
	new_job("/proc/self/exe", "connect", NULL);
	job.expect_exit = 9;
	j = run("192.0.2.1", text, sizeof(text), NULL);
	assert_int_equal(number(j, "connections"), 3);
	assert_int_equal(number(j, "calls_omitted"), 0);
	list = json_object_get(j, "calls");
	assert_int_equal(json_array_size(list), 4);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "result")),
			    "ECONNREFUSED");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "call")),
			    "connect");
	assert_int_equal(number(json_array_get(list, 1), "remote_port"), 80);
	json_decref(j);
}

static void exit_status_is_asserted(void **state)
{
	char text[10];

	GROUND_OR_SKIP();
	new_job("sh", "-c", "exit 3");
	job.expect_exit = 3;
	json_decref(run("192.0.2.2", text, sizeof(text), NULL));
	job.expect_exit = 0;
	json_decref(run("192.0.2.2", text, sizeof(text), "sh exited with 3, not with 0"));
	new_job("sh", "-c", "kill -SEGV $$");
	job.expect_exit = 0;
	json_decref(run("192.0.2.2", text, sizeof(text),
			"sh was killed by SIGSEGV, exit status 0 was expected"));
}

static void time_is_asserted(void **state)
{
	struct tw_program_outcome o;
	struct tw_program *p;
	struct tw_net *n;
	json_t *j;

	GROUND_OR_SKIP();
	n = new_net(&(const struct tw_net_config){ 0 });
	new_job("/proc/self/exe", "stubborn", NULL);
	job.within_ns = 300 * TW_NS_PER_MS;
	p = begin(n, TW_HOST_CLIENT, "192.0.2.2");
	work_until(p, tw_program_over);
	assert_false(tw_program_ended(p, NULL));
	tw_program_stop(p);
	work_until(p, tw_program_gone); /* SIGTERM, and SIGKILL 3 s later */
	j = record_of(p, "had not ended after 30");
	assert_string_equal(json_string_value(json_object_get(j, "signal")), "SIGKILL");
	json_decref(j);
	tw_program_judge(p, &o);
	assert_false(o.within || o.ended || o.passed);
	assert_in_range(o.duration_ns, 300 * TW_NS_PER_MS, 2 * TW_NS_PER_S);
	tw_program_free(p);
	tw_net_free(n);
}

static bool listens(const struct tw_program *p)
{
	return tw_program_listening(p);
}

static void server_is_waited_for(void **state)
{
	struct tw_program_outcome o;
	struct tw_program *p;
	struct tw_net *n;

	GROUND_OR_SKIP();
	n = new_net(&(const struct tw_net_config){ 0 });
	new_job("/proc/self/exe", "listen", NULL);
	job.expect_exit = 4;
	p = begin(n, TW_HOST_SERVER, "192.0.2.2");
	work_until(p, listens);
	assert_false(tw_program_over(p));
	tw_program_stop(p);
	work_until(p, tw_program_gone);
	assert_false(tw_program_listening(p));
	tw_program_judge(p, &o);
	assert_true(o.passed && o.within && !o.ended);
	assert_int_equal(o.exit_status, 4);
	assert_int_equal(o.connections, 0);
	tw_program_free(p);
	tw_net_free(n);
}

static struct tw_program *only[2];

static bool triggered(const struct tw_program *p)
{
	assert_ptr_equal(p, only[TW_HOST_CLIENT]);
	return tw_programs_triggered(only, &job, NULL);
}

static void line_of_output_triggers(void **state)
{
	int out[2], old = dup(STDOUT_FILENO), go[2];
	char text[100] = "", command[120];
	struct tw_net *n;

	GROUND_OR_SKIP();
	n = new_net(&(const struct tw_net_config){ 0 });
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	fflush(stdout);
	assert_int_equal(dup2(out[1], STDOUT_FILENO), STDOUT_FILENO);
	close(out[1]);
	snprintf(command, sizeof(command),
		 "printf 'ready'; printf '\\001 1\\n' ; read x; printf 'ready 22'; sleep 0; echo; "
		 "cat");
	new_job("sh", "-c", command);
	job.trigger = TW_TRIGGER_LINE;
	job.trigger_line = "^ready [0-9]{2}$";
	/* Its standard input is ours. */
	int in = dup(STDIN_FILENO);

	assert_int_equal(dup2(go[0], STDIN_FILENO), STDIN_FILENO);
	only[TW_HOST_CLIENT] = begin(n, TW_HOST_CLIENT, "192.0.2.2");
	assert_int_equal(write(go[1], "x\n", 2), 2);
	work_until(only[TW_HOST_CLIENT], triggered);
	close(go[1]);
	close(go[0]);
	assert_int_equal(dup2(in, STDIN_FILENO), STDIN_FILENO);
	close(in);
	work_until(only[TW_HOST_CLIENT], tw_program_gone);
	tw_program_free(only[TW_HOST_CLIENT]);
	only[TW_HOST_CLIENT] = NULL;
	assert_int_equal(dup2(old, STDOUT_FILENO), STDOUT_FILENO);
	close(old);
	assert_true(read(out[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "ready\001 1\nready 22\n");
	close(out[0]);
	tw_net_free(n);
}

/* Our own output is a full pipe that nobody reads yet: nothing is lost, nothing spins, nothing blocks. */
static void slow_reader_of_output(void **state)
{
	enum { BYTES = 300000 };
	int out[2], old = dup(STDOUT_FILENO), rounds = 0;
	static char text[BYTES + 10];
	struct pollfd wake;
	struct tw_program *p;
	struct tw_net *n;
	size_t got = 0;
	int64_t since;
	ssize_t r;

	GROUND_OR_SKIP();
	n = new_net(&(const struct tw_net_config){ 0 });
	assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	fcntl(out[1], F_SETFL, 0);
	fflush(stdout);
	assert_int_equal(dup2(out[1], STDOUT_FILENO), STDOUT_FILENO);
	close(out[1]);
	new_job("sh", "-c", "head -c 300000 /dev/zero | tr '\\0' 'a'");
	job.trigger = TW_TRIGGER_LINE;
	job.trigger_line = "never";
	p = begin(n, TW_HOST_CLIENT, "192.0.2.2");
	wake = (struct pollfd){ .fd = tw_program_fd(p), .events = POLLIN };
	for (since = now_ns(); now_ns() - since < 500 * TW_NS_PER_MS; rounds++) {
		poll(&wake, 1, 100);
		tw_program_work(p);
	}
	while ((!tw_program_gone(p) || got < BYTES) && now_ns() - since < 20 * TW_NS_PER_S) {
		poll(&wake, 1, 20);
		tw_program_work(p);
		while ((r = read(out[0], text + got, sizeof(text) - got)) > 0)
			got += (size_t)r;
	}
	tw_program_free(p);
	assert_int_equal(dup2(old, STDOUT_FILENO), STDOUT_FILENO);
	close(old);
	assert_in_range(rounds, 10, 200);
	assert_int_equal(got, BYTES);
	assert_int_equal(strspn(text, "a"), BYTES);
	close(out[0]);
	tw_net_free(n);
}

static void time_triggers(void **state)
{
	struct tw_net *n;
	int64_t since;

	GROUND_OR_SKIP();
	n = new_net(&(const struct tw_net_config){ 0 });
	new_job("/proc/self/exe", "stubborn", NULL);
	job.trigger = TW_TRIGGER_TIME;
	job.trigger_ns = 200 * TW_NS_PER_MS;
	since = now_ns();
	only[TW_HOST_CLIENT] = begin(n, TW_HOST_CLIENT, "192.0.2.2");
	work_until(only[TW_HOST_CLIENT], triggered);
	assert_in_range(now_ns() - since, 200 * TW_NS_PER_MS, 5 * TW_NS_PER_S);
	tw_program_free(only[TW_HOST_CLIENT]); /* takes the stubborn one with it */
	only[TW_HOST_CLIENT] = NULL;
	tw_net_free(n);
}

static void not_to_be_started(void **state)
{
	struct tw_program_config config = {
		.job = &job, .side = TW_HOST_CLIENT, .host = "192.0.2.2", .port = 80
	};
	struct tw_program *p = NULL;
	struct tw_err err = { 0 };

	GROUND_OR_SKIP();
	config.net = new_net(&(const struct tw_net_config){ 0 });
	setenv("PATH", "/usr/bin:/bin", 1);
	new_job("no-such-program", NULL, NULL);
	assert_int_equal(tw_program_start(&p, &config, &err), -ENOENT);
	assert_string_equal(err.text, "cannot run 'no-such-program': No such file or directory");
	new_job("true", NULL, NULL);
	job.trigger = TW_TRIGGER_LINE;
	job.trigger_line = "*(";
	assert_int_equal(tw_program_start(&p, &config, &err), -EINVAL);
	assert_non_null(strstr(err.text, "'*(' is no regular expression: "));
	tw_net_remove(config.net, TW_HOST_CLIENT);
	job.trigger = TW_TRIGGER_DEFAULT;
	assert_int_equal(tw_program_start(&p, &config, &err), -ENODEV);
	assert_null(p);
	tw_net_free(config.net);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_in_arguments),
		cmocka_unit_test(environment_and_namespace),
		cmocka_unit_test(ordinary_user),
		cmocka_unit_test(calls_and_connections),
		cmocka_unit_test(exit_status_is_asserted),
		cmocka_unit_test(time_is_asserted),
		cmocka_unit_test(server_is_waited_for),
		cmocka_unit_test(line_of_output_triggers),
		cmocka_unit_test(slow_reader_of_output),
		cmocka_unit_test(time_triggers),
		cmocka_unit_test(not_to_be_started),
	};

	outer_uid = getuid();
	if (argc > 1 && !strcmp(argv[1], "listen"))
		part_listen();
	if (argc > 1 && !strcmp(argv[1], "connect"))
		part_connect();
	if (argc > 1 && !strcmp(argv[1], "stubborn"))
		part_stubborn();
	return cmocka_run_group_tests(tests, ground_enter, NULL);
}
